/* Structured log lines: time, level, a stable event name, then key=value. Values are quoted where needed, so a
 * client's text can never start a new line or a new key. Libraries return errors; faces and background loops log. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log_field {
    const char *key;
    enum { LOG_FIELD_TEXT, LOG_FIELD_I64, LOG_FIELD_DOUBLE } kind;
    struct str text;
    int64_t number;
    double real;
};

#define LOG_STR(name, value)                                   \
    {                                                          \
        .key = (name), .kind = LOG_FIELD_TEXT, .text = (value) \
    }
#define LOG_I64(name, value)                                             \
    {                                                                    \
        .key = (name), .kind = LOG_FIELD_I64, .number = (int64_t)(value) \
    }
#define LOG_DOUBLE(name, value)                                  \
    {                                                            \
        .key = (name), .kind = LOG_FIELD_DOUBLE, .real = (value) \
    }
/* message and code of a struct err */
#define LOG_ERR(err) LOG_STR("code", str_from(err_code_name((err)->code))), LOG_STR("error", err_message(err))

#define log_at(level, event, ...)                                                                  \
    do {                                                                                           \
        if (log_is_on(level)) {                                                                    \
            const struct log_field log_fields_[] = {__VA_ARGS__};                                  \
            log_emit((level), (event), log_fields_, sizeof(log_fields_) / sizeof(log_fields_[0])); \
        }                                                                                          \
    } while (0)
#define log_debug(event, ...) log_at(LOG_DEBUG, event, __VA_ARGS__)
#define log_info(event, ...) log_at(LOG_INFO, event, __VA_ARGS__)
#define log_warn(event, ...) log_at(LOG_WARN, event, __VA_ARGS__)
#define log_error(event, ...) log_at(LOG_ERROR, event, __VA_ARGS__)

bool log_is_on(enum log_level level);
void log_emit(enum log_level level, const char *event, const struct log_field *fields, size_t count);

/* The level may change while threads log. */
void log_set_level(enum log_level level);
enum log_level log_level(void);
/* "debug", "info", "warn", "error". */
bool log_level_parse(struct str name, enum log_level *level_out);
const char *log_level_name(enum log_level level);

/* Where lines go; default 2 (stderr). */
void log_set_fd(int fd);

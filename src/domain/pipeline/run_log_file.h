/* A run's log as files: ID.log holds the lines ("asset TAB text LF"), ID.idx one record of 32 bytes for each of them,
 * so that line n is found without reading those before it. A record is written after its line, and has a check sum:
 * what a power cut or a full disk left half done is recognised, and left out or cut off. Any thread; nothing is shared.
 */
#pragma once
#include "domain/pipeline/run_log.h"

#define RUN_LOG_RECORD_SIZE 32
#define RUN_LOG_RECORD_LEVEL 24 /* the place of this byte */
/* Asset and text of a line together, whatever pipeline.max_line says. */
#define RUN_LOG_LINE_MAX (1u << 20)

struct run_log_record {
    uint64_t offset; /* of the line in ID.log */
    int64_t at_us;
    uint32_t len; /* without LF */
    uint32_t step;
    uint32_t attempt; /* 24 bits */
    uint8_t level;
};
void run_log_record_encode(const struct run_log_record *record, uint8_t *bytes_out);
/* What the bytes say, whether they are good or not. */
void run_log_record_peek(const uint8_t *bytes, struct run_log_record *record_out);
/* The check sum fits. */
bool run_log_record_is_good(const uint8_t *bytes);
/* The line and its LF are inside a file of this size. */
bool run_log_record_fits(const struct run_log_record *record, uint64_t size);

struct run_log_file {
    int lines, index; /* descriptors */
    uint64_t count;   /* lines that are whole */
    uint64_t size;    /* of ID.log up to the last of them */
};
/* Finds the last whole line. Descriptors are borrowed. */
bool run_log_file_measure(struct run_log_file *file, struct err *err) MUST_USE;
/* Opens for reading; path: without ".log". ERR_NOT_FOUND. */
bool run_log_file_open(const char *path, struct run_log_file *file_out, struct err *err) MUST_USE;
void run_log_file_close(struct run_log_file *file);
/* The same for going on: count and size of what is there (0 for no file), half a line at the end is cut off. */
bool run_log_file_recover(const char *path, uint64_t *count_out, uint64_t *size_out, struct err *err) MUST_USE;
/* Puts bytes into both files at these places; they are made when they are not there. */
bool run_log_file_write(const char *path, uint64_t size, struct str lines, uint64_t count, struct str records,
                        struct err *err) MUST_USE;

struct run_log_page {
    struct run_log_line *lines; /* ascending; with their texts in the arena */
    size_t count;
    bool more;
};
bool run_log_file_read(const struct run_log_file *file, const struct run_log_filter *filter, struct arena *arena,
                       struct run_log_page *page_out, struct err *err) MUST_USE;

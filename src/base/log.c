/* One write per line, so lines of several threads never mix. */
#include "base/log.h"

#include <stdatomic.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log_file.h"

static _Atomic int log_level_now = LOG_INFO;
static _Atomic int log_fd = 2;

bool log_is_on(enum log_level level)
{
    return (int)level >= log_level_now;
}

void log_set_level(enum log_level level)
{
    log_level_now = (int)level;
}

enum log_level log_level(void)
{
    return (enum log_level)log_level_now;
}

void log_set_fd(int fd)
{
    log_fd = fd;
}

const char *log_level_name(enum log_level level)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    return names[level];
}

bool log_level_parse(struct str name, enum log_level *level_out)
{
    for (int level = LOG_DEBUG; level <= LOG_ERROR; level++) {
        if (str_equal_nocase(name, str_from(log_level_name((enum log_level)level)))) {
            *level_out = (enum log_level)level;
            return true;
        }
    }
    return false;
}

static bool log_is_plain(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c >= 0x7f)
            return false;
    }
    return text.len > 0;
}

/* Bytes of the character that the text begins with; 0 when it is none, or one that ends a line, moves a cursor or turns
 * the direction of text: C1 controls, line separators, bidirectional marks. */
static size_t log_visible(struct str text)
{
    const unsigned char *c = (const unsigned char *)text.ptr;
    size_t len = c[0] >= 0xf0 ? 4 : c[0] >= 0xe0 ? 3 : c[0] >= 0xc0 ? 2 : 1;
    if (len == 1)
        return c[0] >= ' ' && c[0] < 0x7f;
    if (len > text.len || !str_is_utf8(text.ptr, len) || (c[0] == 0xc2 && c[1] < 0xa0))
        return 0;
    bool mark = c[0] == 0xe2 && ((c[1] == 0x80 && ((c[2] >= 0x8b && c[2] <= 0x8f) || (c[2] >= 0xa8 && c[2] <= 0xae))) ||
                                 (c[1] == 0x81 && c[2] >= 0xa0 && c[2] <= 0xaf));
    return mark ? 0 : len;
}

static void log_append_text(struct buf *line, struct str text)
{
    if (log_is_plain(text)) {
        buf_append_str(line, text);
        return;
    }
    buf_append_char(line, '"');
    while (text.len) {
        unsigned char c = (unsigned char)text.ptr[0];
        size_t visible = log_visible(text);
        if (c == '"' || c == '\\')
            buf_printf(line, "\\%c", c);
        else if (c == '\n')
            buf_append_str(line, S("\\n"));
        else if (visible)
            buf_append_str(line, str_slice(text, 0, visible));
        else
            buf_printf(line, "\\x%02x", c);
        text = str_from_index(text, visible ? visible : 1);
    }
    buf_append_char(line, '"');
}

/* As printf would, which takes most of a line's time. */
static void log_append_i64(struct buf *line, int64_t number)
{
    char text[24], *start = text + sizeof(text);
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    do
        *--start = (char)('0' + rest % 10);
    while (rest /= 10);
    if (number < 0)
        *--start = '-';
    buf_append(line, start, (size_t)(text + sizeof(text) - start));
}

void log_emit(enum log_level level, const char *event, const struct log_field *fields, size_t count)
{
    AUTO(buf) struct buf line = {0};
    char time[32];
    clock_format(clock_wall_us(), time);
    buf_printf(&line, "%s level=%s event=%s", time, log_level_name(level), event);
    for (size_t i = 0; i < count; i++) {
        buf_append_char(&line, ' ');
        buf_append_str(&line, str_from(fields[i].key));
        buf_append_char(&line, '=');
        switch (fields[i].kind) {
        case LOG_FIELD_TEXT:
            log_append_text(&line, fields[i].text);
            break;
        case LOG_FIELD_I64:
            log_append_i64(&line, fields[i].number);
            break;
        case LOG_FIELD_DOUBLE:
            buf_printf(&line, "%.6g", fields[i].real);
            break;
        }
    }
    buf_append_char(&line, '\n');
    struct str text = buf_str(&line);
    ssize_t written = write(log_fd, text.ptr, text.len);
    if (written > 0) /* a log that cannot be written has no better place to say so */
        log_file_grew(written);
}

/* Writing JSON: commas, escapes, and numbers that read back as the same value. */
#include "platform/json/json.h"

#include <math.h>
#include <stdio.h>

#include "base/clock.h"

/* Length of what stands for itself inside a string: printable ASCII but quotes and backslashes. Eight bytes at a time:
 * a byte is not plain when the high bit of one of the terms is set in it. */
static size_t json_plain_len(const uint8_t *ptr, size_t len)
{
    const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
    size_t i = 0;
    for (; i + 8 <= len; i += 8) {
        uint64_t word;
        memcpy(&word, ptr + i, 8);
        uint64_t quote = word ^ (ones * '"'), slash = word ^ (ones * '\\');
        if (((word - ones * 0x20) | (quote - ones) | (slash - ones) | word) & high)
            break;
    }
    while (i < len && ptr[i] >= 0x20 && ptr[i] < 0x80 && ptr[i] != '"' && ptr[i] != '\\')
        i++;
    return i;
}

static void json_escape_ascii(struct buf *buf, uint8_t c)
{
    static const char *const short_form[] = {['\b'] = "\\b", ['\f'] = "\\f", ['\n'] = "\\n", ['\r'] = "\\r",
                                             ['\t'] = "\\t", ['"'] = "\\\"", ['\\'] = "\\\\"};
    if (c < sizeof(short_form) / sizeof(short_form[0]) && short_form[c])
        buf_append_str(buf, str_from(short_form[c]));
    else
        buf_printf(buf, "\\u%04x", c);
}

/* Length of the UTF-8 sequence at the start, or 0. */
static size_t json_utf8_len(const uint8_t *ptr, size_t len)
{
    size_t want = ptr[0] >= 0xF0 ? 4 : ptr[0] >= 0xE0 ? 3 : 2;
    return want <= len && str_is_utf8(ptr, want) ? want : 0;
}

void json_escape(struct buf *buf, struct str text)
{
    const uint8_t *ptr = (const uint8_t *)text.ptr;
    size_t i = 0;
    buf_append_char(buf, '"');
    while (i < text.len) {
        size_t plain = json_plain_len(ptr + i, text.len - i);
        buf_append(buf, ptr + i, plain);
        i += plain;
        if (i == text.len)
            break;
        if (ptr[i] < 0x80) {
            json_escape_ascii(buf, ptr[i++]);
            continue;
        }
        size_t sequence = json_utf8_len(ptr + i, text.len - i);
        if (sequence)
            buf_append(buf, ptr + i, sequence);
        else
            buf_append_str(buf, S("\xEF\xBF\xBD"));
        i += sequence ? sequence : 1;
    }
    buf_append_char(buf, '"');
}

/* What comes before every value: a comma unless it is the first, and the key. */
static void json_lead(struct json_writer *writer, const char *key)
{
    if (writer->comma)
        buf_append_char(writer->buf, ',');
    writer->comma = true;
    if (key) {
        json_escape(writer->buf, str_from(key));
        buf_append_char(writer->buf, ':');
    }
}

static void json_open(struct json_writer *writer, const char *key, char bracket)
{
    json_lead(writer, key);
    buf_append_char(writer->buf, bracket);
    writer->comma = false;
}

static void json_close(struct json_writer *writer, char bracket)
{
    buf_append_char(writer->buf, bracket);
    writer->comma = true;
}

void json_begin_object(struct json_writer *writer, const char *key)
{
    json_open(writer, key, '{');
}

void json_end_object(struct json_writer *writer)
{
    json_close(writer, '}');
}

void json_begin_array(struct json_writer *writer, const char *key)
{
    json_open(writer, key, '[');
}

void json_end_array(struct json_writer *writer)
{
    json_close(writer, ']');
}

void json_write_text(struct json_writer *writer, const char *key, struct str text)
{
    json_lead(writer, key);
    json_escape(writer->buf, text);
}

void json_write_i64(struct json_writer *writer, const char *key, int64_t number)
{
    char text[20]; /* the longest is -9223372036854775808 */
    size_t at = sizeof(text);
    uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    do {
        text[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left);
    if (number < 0)
        text[--at] = '-';
    json_lead(writer, key);
    buf_append(writer->buf, text + at, sizeof(text) - at);
}

/* The shortest of three precisions that reads back as the same number; JSON has no NaN and no infinity. */
void json_write_double(struct json_writer *writer, const char *key, double number)
{
    if (!isfinite(number)) {
        json_write_null(writer, key);
        return;
    }
    char text[32];
    for (int precision = 15; precision <= 17; precision++) {
        double again;
        snprintf(text, sizeof(text), "%.*g", precision, number);
        if (str_to_double(str_from(text), &again) && !(again < number) && !(again > number))
            break;
    }
    json_lead(writer, key);
    buf_append_str(writer->buf, str_from(text));
}

void json_write_bool(struct json_writer *writer, const char *key, bool value)
{
    json_lead(writer, key);
    buf_append_str(writer->buf, value ? S("true") : S("false"));
}

void json_write_null(struct json_writer *writer, const char *key)
{
    json_lead(writer, key);
    buf_append_str(writer->buf, S("null"));
}

void json_write_time(struct json_writer *writer, const char *key, int64_t wall_us)
{
    char text[28];
    if (wall_us == 0)
        return;
    clock_format(wall_us, text);
    json_write_text(writer, key, str_from(text));
}

/* A double stays one for whoever reads it again: "1.0", not "1". */
static void json_write_real(struct json_writer *writer, const char *key, double number)
{
    json_write_double(writer, key, number);
    struct str text = buf_str(writer->buf);
    for (size_t i = text.len; i > 0; i--) {
        char c = text.ptr[i - 1];
        if (c == '.' || c == 'e' || c == 'l')
            return;
        if ((c < '0' || c > '9') && c != '-' && c != '+')
            break;
    }
    buf_append_str(writer->buf, S(".0"));
}

void json_write_value(struct json_writer *writer, const char *key, const struct json *value)
{
    switch (json_kind(value)) {
    case JSON_NULL:
        json_write_null(writer, key);
        return;
    case JSON_BOOL:
        json_write_bool(writer, key, json_bool(value));
        return;
    case JSON_I64:
        json_write_i64(writer, key, json_i64(value));
        return;
    case JSON_DOUBLE:
        json_write_real(writer, key, json_double(value));
        return;
    case JSON_TEXT:
        json_write_text(writer, key, json_text(value));
        return;
    case JSON_ARRAY:
        json_begin_array(writer, key);
        for (size_t i = 0; i < json_count(value); i++)
            json_write_value(writer, NULL, json_at(value, i));
        json_end_array(writer);
        return;
    case JSON_OBJECT:
        json_begin_object(writer, key);
        for (size_t i = 0; i < json_count(value); i++)
            json_write_value(writer, json_key_at(value, i).ptr, json_at(value, i));
        json_end_object(writer);
        return;
    }
}

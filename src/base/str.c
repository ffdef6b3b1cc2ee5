/* Borrowed text: comparison, splitting, numbers, and copies into an arena. */
#include "base/str.h"

#include <errno.h>
#include <float.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"

static char str_lower_char(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool str_equal_nocase(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (str_lower_char(a.ptr[i]) != str_lower_char(b.ptr[i]))
            return false;
    }
    return true;
}

bool str_starts_with(struct str text, struct str prefix)
{
    return text.len >= prefix.len && str_equal(str_slice(text, 0, prefix.len), prefix);
}

bool str_ends_with(struct str text, struct str suffix)
{
    return text.len >= suffix.len && str_equal(str_from_index(text, text.len - suffix.len), suffix);
}

int str_compare(struct str a, struct str b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common ? memcmp(a.ptr, b.ptr, common) : 0;
    if (order)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

struct str str_from_index(struct str text, size_t start)
{
    if (start >= text.len)
        return (struct str){text.ptr ? text.ptr + text.len : "", 0};
    return (struct str){text.ptr + start, text.len - start};
}

struct str str_slice(struct str text, size_t start, size_t len)
{
    struct str part = str_from_index(text, start);
    if (part.len > len)
        part.len = len;
    return part;
}

ptrdiff_t str_find(struct str text, struct str needle)
{
    if (needle.len == 0)
        return 0;
    const char *found = text.len ? memmem(text.ptr, text.len, needle.ptr, needle.len) : NULL;
    return found ? found - text.ptr : -1;
}

ptrdiff_t str_find_char(struct str text, char wanted)
{
    const char *found = text.len ? memchr(text.ptr, wanted, text.len) : NULL;
    return found ? found - text.ptr : -1;
}

static bool str_is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str text)
{
    while (text.len && str_is_space(text.ptr[0]))
        text = str_from_index(text, 1);
    while (text.len && str_is_space(text.ptr[text.len - 1]))
        text.len--;
    return text;
}

bool str_split_next(struct str *rest, char separator, struct str *part_out)
{
    if (rest->len == 0)
        return false;
    ptrdiff_t at = str_find_char(*rest, separator);
    if (at < 0) {
        *part_out = *rest;
        *rest = (struct str){NULL, 0};
        return true;
    }
    *part_out = str_slice(*rest, 0, (size_t)at);
    *rest = str_from_index(*rest, (size_t)at + 1);
    return true;
}

/* Copies a short number into a NUL-terminated buffer; false when it cannot be a number. */
static bool str_number_text(struct str text, char *buffer, size_t size)
{
    if (text.len == 0 || text.len >= size || str_is_space(text.ptr[0]))
        return false;
    memcpy(buffer, text.ptr, text.len);
    buffer[text.len] = '\0';
    return strlen(buffer) == text.len;
}

bool str_to_i64(struct str text, int64_t *value_out)
{
    char buffer[32];
    if (!str_number_text(text, buffer, sizeof(buffer)))
        return false;
    char *end;
    errno = 0;
    long long value = strtoll(buffer, &end, 10);
    if (errno || *end)
        return false;
    *value_out = value;
    return true;
}

bool str_to_u64(struct str text, uint64_t *value_out)
{
    char buffer[32];
    if (!str_number_text(text, buffer, sizeof(buffer)) || buffer[0] == '-')
        return false;
    char *end;
    errno = 0;
    unsigned long long value = strtoull(buffer, &end, 10);
    if (errno || *end)
        return false;
    *value_out = value;
    return true;
}

bool str_to_double(struct str text, double *value_out)
{
    char buffer[64];
    if (!str_number_text(text, buffer, sizeof(buffer)))
        return false;
    /* strtod also takes hexadecimal, "inf" and "nan". */
    if (strspn(buffer, "0123456789.eE+-") != text.len)
        return false;
    char *end;
    double value = strtod(buffer, &end);
    if (*end || end == buffer || value > DBL_MAX || value < -DBL_MAX)
        return false;
    *value_out = value;
    return true;
}

struct str str_copy(struct arena *arena, struct str text)
{
    char *copy = arena_alloc(arena, text.len + 1);
    if (text.len)
        memcpy(copy, text.ptr, text.len);
    return (struct str){copy, text.len};
}

char *str_cstr(struct arena *arena, struct str text)
{
    char *copy = arena_alloc(arena, text.len + 1);
    if (text.len)
        memcpy(copy, text.ptr, text.len);
    return copy;
}

struct str str_format(struct arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0)
        mem_panic("bad format");
    char *text = arena_alloc(arena, (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    return (struct str){text, (size_t)len};
}

struct str str_lower(struct arena *arena, struct str text)
{
    char *copy = arena_alloc(arena, text.len + 1);
    for (size_t i = 0; i < text.len; i++)
        copy[i] = str_lower_char(text.ptr[i]);
    return (struct str){copy, text.len};
}

/* Length of the valid UTF-8 sequence at ptr, or 0. */
static size_t str_utf8_sequence(const uint8_t *ptr, size_t len)
{
    uint8_t lead = ptr[0];
    if (lead < 0x80)
        return 1;
    if (lead >= 0xC2 && lead <= 0xDF)
        return len >= 2 && (ptr[1] & 0xC0) == 0x80 ? 2 : 0;
    if (lead >= 0xE0 && lead <= 0xEF) {
        if (len < 3 || (ptr[1] & 0xC0) != 0x80 || (ptr[2] & 0xC0) != 0x80)
            return 0;
        if ((lead == 0xE0 && ptr[1] < 0xA0) || (lead == 0xED && ptr[1] > 0x9F))
            return 0;
        return 3;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        if (len < 4 || (ptr[1] & 0xC0) != 0x80 || (ptr[2] & 0xC0) != 0x80 || (ptr[3] & 0xC0) != 0x80)
            return 0;
        if ((lead == 0xF0 && ptr[1] < 0x90) || (lead == 0xF4 && ptr[1] > 0x8F))
            return 0;
        return 4;
    }
    return 0;
}

bool str_is_utf8(const void *text, size_t len)
{
    const uint8_t *ptr = text;
    size_t i = 0;
    while (i < len) {
        uint64_t eight;
        while (i + 8 <= len && (memcpy(&eight, ptr + i, 8), (eight & 0x8080808080808080u) == 0))
            i += 8;
        if (i >= len)
            break;
        size_t step = str_utf8_sequence(ptr + i, len - i);
        if (step == 0)
            return false;
        i += step;
    }
    return true;
}

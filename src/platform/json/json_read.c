/* Reading JSON in one pass over a copy of the text in the arena: texts stay where they are in it and get a NUL where
 * their closing quote was, so nothing but arrays and objects is allocated. Documents are data of clients: depth is
 * bounded, and what RFC 8259 does not allow is refused. */
#include "platform/json/json.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/vec.h"
#include "platform/json/json_priv.h"

struct json_reading {
    struct arena *arena;
    char *start, *at, *end; /* *end is NUL */
    int64_t depth, depth_max;
    VEC(struct json_member) open; /* elements of the arrays and objects that are not closed yet */
    struct str text;              /* as it came, for the place of an error */
    struct err *err;
};

static bool json_read_value(struct json_reading *from, struct json *value_out);

/* --- Errors --- */

static void json_place(const struct json_reading *from, const char *at, size_t *line_out, size_t *column_out)
{
    size_t line = 1, column = 1;
    for (size_t i = 0; i < (size_t)(at - from->start); i++) {
        column++;
        if (from->text.ptr[i] == '\n') {
            line++;
            column = 1;
        }
    }
    *line_out = line;
    *column_out = column;
}

static bool json_wrong(struct json_reading *from, const char *at, const char *what)
{
    size_t line, column;
    json_place(from, at, &line, &column);
    return err_set(from->err, ERR_INVALID, "not valid JSON at line %zu, column %zu: %s", line, column, what);
}

static bool json_too_deep(struct json_reading *from)
{
    size_t line, column;
    json_place(from, from->at, &line, &column);
    err_set(from->err, ERR_INVALID, "JSON nested deeper than %lld levels at line %zu, column %zu",
            (long long)from->depth_max, line, column);
    return err_hint(from->err, "the limit is %s", limits_name(LIMIT_JSON_DEPTH));
}

/* --- Texts --- */

static int json_hex(const char *at)
{
    int value = 0;
    for (int i = 0; i < 4; i++) {
        char c = at[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

static char *json_put_utf8(char *to, uint32_t code)
{
    if (code < 0x80) {
        *to++ = (char)code;
        return to;
    }
    if (code < 0x800) {
        *to++ = (char)(0xC0 | (code >> 6));
    } else {
        if (code < 0x10000) {
            *to++ = (char)(0xE0 | (code >> 12));
        } else {
            *to++ = (char)(0xF0 | (code >> 18));
            *to++ = (char)(0x80 | ((code >> 12) & 0x3F));
        }
        *to++ = (char)(0x80 | ((code >> 6) & 0x3F));
    }
    *to++ = (char)(0x80 | (code & 0x3F));
    return to;
}

/* "\uXXXX", or two of them for one character; from->at is at the backslash. */
static bool json_read_unicode(struct json_reading *from, char **to)
{
    int code = json_hex(from->at + 2);
    if (code < 0)
        return json_wrong(from, from->at, "\\u needs four hexadecimal digits");
    if (code == 0)
        return json_wrong(from, from->at, "\\u0000 is not allowed");
    if (code >= 0xDC00 && code <= 0xDFFF)
        return json_wrong(from, from->at, "half of a surrogate pair");
    if (code < 0xD800 || code > 0xDBFF) {
        *to = json_put_utf8(*to, (uint32_t)code);
        from->at += 6;
        return true;
    }
    int low = from->at[6] == '\\' && from->at[7] == 'u' ? json_hex(from->at + 8) : -1;
    if (low < 0xDC00 || low > 0xDFFF)
        return json_wrong(from, from->at, "half of a surrogate pair");
    *to = json_put_utf8(*to, 0x10000u + (((uint32_t)code - 0xD800u) << 10) + ((uint32_t)low - 0xDC00u));
    from->at += 12;
    return true;
}

static bool json_read_escape(struct json_reading *from, char **to)
{
    static const char plain[256] = {
        ['"'] = '"', ['\\'] = '\\', ['/'] = '/', ['b'] = '\b', ['f'] = '\f', ['n'] = '\n', ['r'] = '\r', ['t'] = '\t'};
    if (from->at[1] == 'u')
        return json_read_unicode(from, to);
    char c = plain[(unsigned char)from->at[1]];
    if (!c)
        return json_wrong(from, from->at, "unknown escape");
    *(*to)++ = c;
    from->at += 2;
    return true;
}

/* From the opening quote past the closing one. */
static bool json_read_text(struct json_reading *from, struct str *text_out)
{
    char *begin = from->at + 1, *to = begin;
    bool ascii = true;
    from->at = begin;
    for (;;) {
        unsigned char c = (unsigned char)*from->at;
        if (c == '"')
            break;
        if (c == '\\') {
            if (!json_read_escape(from, &to))
                return false;
            continue;
        }
        if (c < 0x20)
            return json_wrong(from, from->at,
                              from->at == from->end ? "a text has no end" : "control character in a text");
        ascii = ascii && c < 0x80;
        *to++ = (char)c;
        from->at++;
    }
    if (!ascii && !str_is_utf8(begin, (size_t)(to - begin)))
        return json_wrong(from, begin, "the text is not UTF-8");
    from->at++;
    *to = 0;
    *text_out = str_bytes(begin, (size_t)(to - begin));
    return true;
}

/* --- Numbers --- */

static char *json_skip_digits(char *at)
{
    while (*at >= '0' && *at <= '9')
        at++;
    return at;
}

static bool json_read_real(struct json_reading *from, char *begin, struct json *value)
{
    char *at = from->at, *digits;
    if (*at == '.') {
        digits = at + 1;
        at = json_skip_digits(digits);
        if (at == digits)
            return json_wrong(from, at, "digits are missing after the point");
    }
    if (*at == 'e' || *at == 'E') {
        digits = at + (at[1] == '+' || at[1] == '-' ? 2 : 1);
        at = json_skip_digits(digits);
        if (at == digits)
            return json_wrong(from, at, "digits are missing in the exponent");
    }
    value->kind = JSON_DOUBLE;
    if (!str_to_double(str_bytes(begin, (size_t)(at - begin)), &value->real) || !isfinite(value->real))
        return json_wrong(from, begin, "the number is too large");
    from->at = at;
    return true;
}

static bool json_read_number(struct json_reading *from, struct json *value)
{
    char *begin = from->at, *digits = begin + (*begin == '-');
    from->at = *digits == '0' ? digits + 1 : json_skip_digits(digits);
    if (from->at == digits)
        return json_wrong(from, begin, "a value is expected");
    if (*from->at == '.' || *from->at == 'e' || *from->at == 'E')
        return json_read_real(from, begin, value);
    value->kind = JSON_I64;
    if (!str_to_i64(str_bytes(begin, (size_t)(from->at - begin)), &value->number))
        return json_wrong(from, begin, "the whole number is too large");
    return true;
}

/* --- Arrays and objects --- */

static void json_skip_space(struct json_reading *from)
{
    while (*from->at == ' ' || *from->at == '\n' || *from->at == '\r' || *from->at == '\t')
        from->at++;
}

static int json_order_keys(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

static bool json_keys_differ(const struct json_member *members, size_t count)
{
    if (count <= 16) {
        for (size_t i = 1; i < count; i++) {
            for (size_t k = 0; k < i; k++) {
                if (str_equal(members[i].key, members[k].key))
                    return false;
            }
        }
        return true;
    }
    struct str *keys = mem_alloc(count * sizeof(*keys));
    for (size_t i = 0; i < count; i++)
        keys[i] = members[i].key;
    qsort(keys, count, sizeof(*keys), json_order_keys);
    bool differ = true;
    for (size_t i = 1; i < count && differ; i++)
        differ = !str_equal(keys[i], keys[i - 1]);
    mem_free(keys);
    return differ;
}

/* What was pushed since `first` becomes the array or object. */
static bool json_close(struct json_reading *from, size_t first, struct json *value)
{
    size_t count = from->open.count - first;
    const struct json_member *members = count ? from->open.items + first : NULL;
    value->count = count;
    if (value->kind == JSON_OBJECT) {
        if (!json_keys_differ(members, count))
            return json_wrong(from, from->at, "an object has a key twice");
        value->members = count ? arena_copy(from->arena, members, count * sizeof(*members)) : NULL;
    } else {
        struct json *items = arena_array(from->arena, count, sizeof(*items));
        for (size_t i = 0; i < count; i++)
            items[i] = members[i].value;
        value->items = items;
    }
    from->open.count = first;
    return true;
}

static bool json_read_member(struct json_reading *from, bool keyed)
{
    struct json_member member = {0};
    if (keyed) {
        if (*from->at != '"')
            return json_wrong(from, from->at, "a key in quotes is expected");
        if (!json_read_text(from, &member.key))
            return false;
        json_skip_space(from);
        if (*from->at != ':')
            return json_wrong(from, from->at, "':' is expected");
        from->at++;
    }
    if (!json_read_value(from, &member.value))
        return false;
    vec_push(&from->open, member);
    return true;
}

static bool json_read_nested(struct json_reading *from, struct json *value)
{
    bool keyed = *from->at == '{';
    char closing = keyed ? '}' : ']';
    size_t first = from->open.count;
    value->kind = keyed ? JSON_OBJECT : JSON_ARRAY;
    if (++from->depth > from->depth_max)
        return json_too_deep(from);
    from->at++;
    json_skip_space(from);
    while (*from->at != closing) {
        if (!json_read_member(from, keyed))
            return false;
        json_skip_space(from);
        if (*from->at == ',') {
            from->at++;
            json_skip_space(from);
            if (*from->at == closing)
                return json_wrong(from, from->at, "a value is expected after the comma");
        } else if (*from->at != closing) {
            return json_wrong(from, from->at, keyed ? "',' or '}' is expected" : "',' or ']' is expected");
        }
    }
    from->at++;
    from->depth--;
    return json_close(from, first, value);
}

static bool json_read_word(struct json_reading *from, struct json *value)
{
    struct str rest = str_bytes(from->at, (size_t)(from->end - from->at));
    struct str word = *from->at == 't' ? S("true") : *from->at == 'f' ? S("false") : S("null");
    if (!str_starts_with(rest, word))
        return json_wrong(from, from->at, "a value is expected");
    value->kind = *from->at == 'n' ? JSON_NULL : JSON_BOOL;
    value->boolean = *from->at == 't';
    from->at += word.len;
    return true;
}

static bool json_read_value(struct json_reading *from, struct json *value_out)
{
    struct json value = {0};
    struct str text;
    json_skip_space(from);
    switch (*from->at) {
    case '{':
    case '[':
        if (!json_read_nested(from, &value))
            return false;
        break;
    case '"':
        if (!json_read_text(from, &text))
            return false;
        value.kind = JSON_TEXT;
        value.text = text.ptr;
        value.count = text.len;
        break;
    case 't':
    case 'f':
    case 'n':
        if (!json_read_word(from, &value))
            return false;
        break;
    default:
        if (!json_read_number(from, &value))
            return false;
    }
    *value_out = value;
    return true;
}

const struct json *json_parse(struct arena *arena, struct str text, struct err *err)
{
    struct str copy = str_copy(arena, text);
    char *start = (char *)(uintptr_t)copy.ptr; /* ours: just made in the arena */
    struct json_reading from = {.arena = arena,
                                .start = start,
                                .at = start,
                                .end = start + text.len,
                                .depth_max = limits_get(LIMIT_JSON_DEPTH),
                                .text = text,
                                .err = err};
    struct json *value = arena_new_object(arena, struct json);
    bool ok = json_read_value(&from, value);
    if (ok) {
        json_skip_space(&from);
        ok = from.at == from.end || json_wrong(&from, from.at, "the text goes on after the value");
    }
    vec_done(&from.open);
    return ok ? value : NULL;
}

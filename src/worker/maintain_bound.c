#include "worker/maintain_bound.h"

#include <math.h>

#include "base/buf.h"

#define MAINTAIN_TEXT_CHARACTERS 16

enum maintain_bound_kind { MAINTAIN_BOUND_NUMBER, MAINTAIN_BOUND_FLOAT, MAINTAIN_BOUND_DOUBLE, MAINTAIN_BOUND_TEXT };

static const struct {
    const char *type, *sql;
    enum maintain_bound_kind kind;
    size_t width;
} maintain_bound_types[] = {
    {"int", "INTEGER", MAINTAIN_BOUND_NUMBER, 4},
    {"long", "BIGINT", MAINTAIN_BOUND_NUMBER, 8},
    {"date", "DATE", MAINTAIN_BOUND_NUMBER, 4},
    {"timestamp", "TIMESTAMP", MAINTAIN_BOUND_NUMBER, 8},
    {"timestamptz", "TIMESTAMPTZ", MAINTAIN_BOUND_NUMBER, 8},
    {"timestamp_ns", "TIMESTAMP_NS", MAINTAIN_BOUND_NUMBER, 8},
    {"float", "FLOAT", MAINTAIN_BOUND_FLOAT, 4},
    {"double", "DOUBLE", MAINTAIN_BOUND_DOUBLE, 8},
    {"string", "VARCHAR", MAINTAIN_BOUND_TEXT, 0},
};
#define MAINTAIN_BOUND_TYPES (sizeof(maintain_bound_types) / sizeof(maintain_bound_types[0]))

static size_t maintain_bound_index(struct str type)
{
    size_t i = 0;
    while (i < MAINTAIN_BOUND_TYPES && !str_equal(type, str_from(maintain_bound_types[i].type)))
        i++;
    return i;
}

const char *maintain_bound_sql_type(struct str type)
{
    size_t i = maintain_bound_index(type);
    return i < MAINTAIN_BOUND_TYPES ? maintain_bound_types[i].sql : NULL;
}

static struct str maintain_hex(struct arena *arena, const uint8_t *bytes, size_t len)
{
    AUTO(buf) struct buf hex = {0};
    for (size_t i = 0; i < len; i++)
        buf_printf(&hex, "%02x", bytes[i]);
    return str_copy(arena, buf_str(&hex));
}

/* Little endian. */
static struct str maintain_hex_bits(struct arena *arena, uint64_t bits, size_t width)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < width; i++)
        bytes[i] = (uint8_t)(bits >> 8 * i);
    return maintain_hex(arena, bytes, width);
}

/* Where the character behind the first `characters` begins. */
static size_t maintain_text_cut(struct str text, size_t characters)
{
    size_t i = 0;
    for (size_t seen = 0; i < text.len; i++) {
        bool starts = ((uint8_t)text.ptr[i] & 0xc0) != 0x80;
        if (starts && seen++ == characters)
            break;
    }
    return i;
}

/* The upper bound of what begins like this: the last ASCII character one higher, nothing behind it. */
static struct str maintain_hex_raised(struct arena *arena, struct str text)
{
    size_t len = text.len;
    while (len > 0 && ((uint8_t)text.ptr[len - 1] >= 0x7f))
        len--;
    if (len == 0)
        return S("");
    uint8_t *raised = arena_copy(arena, text.ptr, len);
    raised[len - 1]++;
    return maintain_hex(arena, raised, len);
}

struct str maintain_bound_hex(struct arena *arena, struct str type, struct str value, bool upper)
{
    size_t index = maintain_bound_index(type);
    int64_t number;
    double real;
    if (index == MAINTAIN_BOUND_TYPES || !value.ptr)
        return S("");
    size_t width = maintain_bound_types[index].width;
    switch (maintain_bound_types[index].kind) {
    case MAINTAIN_BOUND_NUMBER:
        return str_to_i64(value, &number) ? maintain_hex_bits(arena, (uint64_t)number, width) : S("");
    case MAINTAIN_BOUND_FLOAT:
    case MAINTAIN_BOUND_DOUBLE: {
        uint64_t bits = 0;
        if (!str_to_double(value, &real) || isnan(real))
            return S("");
        float narrow = (float)real;
        memcpy(&bits, width == 4 ? (const void *)&narrow : (const void *)&real, width);
        return maintain_hex_bits(arena, bits, width);
    }
    case MAINTAIN_BOUND_TEXT: {
        size_t cut = maintain_text_cut(value, MAINTAIN_TEXT_CHARACTERS);
        if (cut == value.len || !upper)
            return maintain_hex(arena, (const uint8_t *)value.ptr, cut);
        return maintain_hex_raised(arena, str_slice(value, 0, cut));
    }
    }
    return S("");
}

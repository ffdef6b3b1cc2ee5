/* The binary form: a table starts with the distance back to its vtable, which holds the places of its fields. */
#include "platform/arrow/flat.h"

#include <string.h>

struct arrow_flat arrow_flat_from(struct str bytes, size_t tables_max)
{
    return (struct arrow_flat){.base = (const uint8_t *)bytes.ptr, .size = bytes.len, .tables_left = tables_max};
}

/* Copies len bytes out, or zeroes and fails. */
static void arrow_flat_load(struct arrow_flat *flat, size_t at, void *out, size_t len)
{
    if (!flat->failed && at <= flat->size && len <= flat->size - at) {
        memcpy(out, flat->base + at, len);
        return;
    }
    flat->failed = true;
    memset(out, 0, len);
}

/* A table's own header is checked here, once. */
static struct arrow_flat_table arrow_flat_enter(struct arrow_flat *flat, size_t at)
{
    int32_t back;
    uint16_t sizes[2];
    arrow_flat_load(flat, at, &back, sizeof(back));
    int64_t vtable = (int64_t)at - back;
    if (flat->failed || vtable < 0 || at > UINT32_MAX || flat->tables_left == 0) {
        flat->failed = true;
        return (struct arrow_flat_table){0};
    }
    flat->tables_left--;
    arrow_flat_load(flat, (size_t)vtable, sizes, sizeof(sizes));
    if (flat->failed || sizes[0] < 4 || sizes[0] > flat->size - (size_t)vtable || sizes[1] > flat->size - at) {
        flat->failed = true;
        return (struct arrow_flat_table){0};
    }
    return (struct arrow_flat_table){(uint32_t)at};
}

struct arrow_flat_table arrow_flat_root(struct arrow_flat *flat)
{
    uint32_t at;
    arrow_flat_load(flat, 0, &at, sizeof(at));
    return flat->failed ? (struct arrow_flat_table){0} : arrow_flat_enter(flat, at);
}

/* Where a field's value lies; 0 = absent. */
static size_t arrow_flat_field(struct arrow_flat *flat, struct arrow_flat_table table, unsigned field)
{
    int32_t back;
    uint16_t vtable_size, place;
    if (table.at == 0)
        return 0;
    arrow_flat_load(flat, table.at, &back, sizeof(back));
    size_t vtable = (size_t)((int64_t)table.at - back);
    arrow_flat_load(flat, vtable, &vtable_size, sizeof(vtable_size));
    if (flat->failed || 4 + 2 * (field + 1) > vtable_size)
        return 0;
    arrow_flat_load(flat, vtable + 4 + 2 * (size_t)field, &place, sizeof(place));
    return place ? table.at + place : 0;
}

#define ARROW_FLAT_SCALAR(type, name)                                                              \
    type name(struct arrow_flat *flat, struct arrow_flat_table table, unsigned field, type absent) \
    {                                                                                              \
        type value;                                                                                \
        size_t at = arrow_flat_field(flat, table, field);                                          \
        if (at == 0)                                                                               \
            return absent;                                                                         \
        arrow_flat_load(flat, at, &value, sizeof(value));                                          \
        return value;                                                                              \
    }

ARROW_FLAT_SCALAR(int64_t, arrow_flat_i64)
ARROW_FLAT_SCALAR(int32_t, arrow_flat_i32)
ARROW_FLAT_SCALAR(int16_t, arrow_flat_i16)
ARROW_FLAT_SCALAR(uint8_t, arrow_flat_u8)

/* Follows a reference; 0 = absent. */
static size_t arrow_flat_follow(struct arrow_flat *flat, size_t at)
{
    uint32_t distance;
    if (at == 0)
        return 0;
    arrow_flat_load(flat, at, &distance, sizeof(distance));
    return flat->failed ? 0 : at + distance;
}

struct arrow_flat_table arrow_flat_child(struct arrow_flat *flat, struct arrow_flat_table table, unsigned field)
{
    size_t at = arrow_flat_follow(flat, arrow_flat_field(flat, table, field));
    return at ? arrow_flat_enter(flat, at) : (struct arrow_flat_table){0};
}

struct arrow_flat_vector arrow_flat_vector_at(struct arrow_flat *flat, struct arrow_flat_table table, unsigned field,
                                              size_t item_size)
{
    uint32_t count;
    size_t at = arrow_flat_follow(flat, arrow_flat_field(flat, table, field));
    if (at == 0)
        return (struct arrow_flat_vector){0};
    arrow_flat_load(flat, at, &count, sizeof(count));
    if (flat->failed || (flat->size - at - sizeof(count)) / item_size < count) {
        flat->failed = true;
        return (struct arrow_flat_vector){0};
    }
    return (struct arrow_flat_vector){.start = at + sizeof(count), .count = count};
}

struct str arrow_flat_text(struct arrow_flat *flat, struct arrow_flat_table table, unsigned field)
{
    struct arrow_flat_vector bytes = arrow_flat_vector_at(flat, table, field, 1);
    return bytes.count ? str_bytes(flat->base + bytes.start, bytes.count) : S("");
}

struct arrow_flat_table arrow_flat_item(struct arrow_flat *flat, struct arrow_flat_vector vector, size_t index)
{
    size_t at = arrow_flat_follow(flat, vector.start + index * sizeof(uint32_t));
    return at ? arrow_flat_enter(flat, at) : (struct arrow_flat_table){0};
}

const uint8_t *arrow_flat_bytes(const struct arrow_flat *flat, struct arrow_flat_vector vector, size_t index,
                                size_t item_size)
{
    return flat->base + vector.start + index * item_size;
}

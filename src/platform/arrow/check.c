/* Checks of values. The loops over plain columns have no branches inside, so that they run at the speed of memory. */
#include <string.h>

#include "platform/arrow/batch_priv.h"
#include "platform/arrow/bits.h"

static bool arrow_value_err(const struct arrow_field *field, const char *what, struct err *err)
{
    return err_set(err, ERR_INVALID, "column %s: %s", field->path, what);
}

static bool arrow_is_valid(const struct ArrowArray *array, int64_t row)
{
    return !array->buffers[0] || arrow_bit(array->buffers[0], (size_t)row);
}

static int64_t arrow_offset(const void *offsets, size_t width, int64_t index)
{
    return width == 8 ? ((const int64_t *)offsets)[index] : ((const int32_t *)offsets)[index];
}

bool arrow_check_offsets(const struct arrow_field *field, const void *offsets, int64_t count, int64_t limit,
                         struct err *err)
{
    bool falls = false;
    if (field->width == 8) {
        const int64_t *wide = offsets;
        for (int64_t i = 0; i < count; i++)
            falls |= wide[i] > wide[i + 1];
    } else {
        const int32_t *narrow = offsets;
        for (int64_t i = 0; i < count; i++)
            falls |= narrow[i] > narrow[i + 1];
    }
    if (falls || arrow_offset(offsets, field->width, 0) < 0 || arrow_offset(offsets, field->width, count) > limit)
        return arrow_value_err(field, "offsets lie outside of the data", err);
    return true;
}

/* True when no offset points into the middle of a character. */
static bool arrow_offsets_between(const void *offsets, size_t width, int64_t count, const uint8_t *data, int64_t end)
{
    bool inside = false;
    for (int64_t i = 0; i <= count; i++) {
        int64_t at = arrow_offset(offsets, width, i);
        if (at < end)
            inside |= (data[at] & 0xc0) == 0x80;
    }
    return !inside;
}

bool arrow_check_texts(const struct arrow_field *field, const struct ArrowArray *array, struct err *err)
{
    const void *offsets = array->buffers[1];
    const uint8_t *data = array->buffers[2];
    int64_t first = arrow_offset(offsets, field->width, 0);
    int64_t end = arrow_offset(offsets, field->width, array->length);
    if (end == first)
        return true;
    /* All texts at once is the fast way; what lies under NULLs may be anything, so only a failure looks closer. */
    if (str_is_utf8(data + first, (size_t)(end - first)) &&
        arrow_offsets_between(offsets, field->width, array->length, data, end))
        return true;
    for (int64_t row = 0; row < array->length; row++) {
        int64_t from = arrow_offset(offsets, field->width, row), to = arrow_offset(offsets, field->width, row + 1);
        if (arrow_is_valid(array, row) && !str_is_utf8(data + from, (size_t)(to - from)))
            return err_set(err, ERR_INVALID, "column %s: the text in row %lld of a batch is not UTF-8", field->path,
                           (long long)row + 1);
    }
    return true;
}

struct arrow_view {
    int32_t length;
    char prefix[4];
    int32_t buffer;
    int32_t offset;
};

/* DuckDB looks at the views of NULLs as well, so these have to be sound too; their text may be anything. */
bool arrow_check_views(const struct arrow_field *field, const struct ArrowArray *array, const void *const *data,
                       const int64_t *sizes, int64_t data_count, struct err *err)
{
    const struct arrow_view *views = array->buffers[1];
    for (int64_t row = 0; row < array->length; row++) {
        const struct arrow_view *view = &views[row];
        const char *text = view->prefix;
        if (view->length < 0)
            return arrow_value_err(field, "a view has a negative length", err);
        if (view->length > 12) {
            if (view->buffer < 0 || view->buffer >= data_count || view->offset < 0 ||
                (int64_t)view->offset + view->length > sizes[view->buffer])
                return arrow_value_err(field, "a view points outside of the data", err);
            text = (const char *)data[view->buffer] + view->offset;
            if (memcmp(text, view->prefix, 4) != 0)
                return arrow_value_err(field, "a view's prefix differs from its text", err);
        }
        if (field->utf8 && arrow_is_valid(array, row) && !str_is_utf8(text, (size_t)view->length))
            return err_set(err, ERR_INVALID, "column %s: the text in row %lld of a batch is not UTF-8", field->path,
                           (long long)row + 1);
    }
    return true;
}

bool arrow_check_list_views(const struct arrow_field *field, const struct ArrowArray *array, int64_t limit,
                            struct err *err)
{
    for (int64_t row = 0; row < array->length; row++) {
        int64_t offset = arrow_offset(array->buffers[1], field->width, row);
        int64_t size = arrow_offset(array->buffers[2], field->width, row);
        if (offset < 0 || size < 0 || offset > limit || size > limit - offset)
            return arrow_value_err(field, "a list points outside of its values", err);
    }
    return true;
}

bool arrow_check_decimals(const struct arrow_field *field, const struct ArrowArray *array, struct err *err)
{
    __int128 bound = 1;
    for (int i = 0; i < field->decimal_digits; i++)
        bound *= 10;
    bool wide = false;
    for (int64_t row = 0; row < array->length; row++) {
        const uint8_t *at = (const uint8_t *)array->buffers[1] + (size_t)row * field->width;
        __int128 value;
        int64_t half;
        int32_t quarter;
        if (field->width == 16) {
            memcpy(&value, at, 16);
        } else if (field->width == 8) {
            memcpy(&half, at, 8);
            value = half;
        } else {
            memcpy(&quarter, at, 4);
            value = quarter;
        }
        wide |= (value >= bound || value <= -bound) && arrow_is_valid(array, row);
    }
    return !wide || arrow_value_err(field, "a decimal has more digits than its type", err);
}

static int64_t arrow_integer(const struct arrow_field *field, const void *values, int64_t row)
{
    switch (field->width) {
    case 1:
        return field->is_signed ? ((const int8_t *)values)[row] : ((const uint8_t *)values)[row];
    case 2:
        return field->is_signed ? ((const int16_t *)values)[row] : ((const uint16_t *)values)[row];
    case 4:
        return field->is_signed ? (int64_t)((const int32_t *)values)[row] : (int64_t)((const uint32_t *)values)[row];
    default: /* a uint64 beyond int64 turns negative, and is refused as it should be */
        return ((const int64_t *)values)[row];
    }
}

bool arrow_check_indexes(const struct arrow_field *field, const struct ArrowArray *array, int64_t limit,
                         struct err *err)
{
    bool outside = false;
    for (int64_t row = 0; row < array->length; row++) {
        int64_t index = arrow_integer(field, array->buffers[1], row);
        outside |= (index < 0 || index >= limit) && arrow_is_valid(array, row);
    }
    return !outside || arrow_value_err(field, "an index lies outside of the dictionary", err);
}

bool arrow_check_union(const struct arrow_field *field, const struct ArrowArray *array, struct err *err)
{
    bool known[256] = {0}, strange = false;
    for (size_t i = 0; i < field->child_count; i++)
        known[(uint8_t)field->type_ids[i]] = true;
    const uint8_t *ids = array->buffers[0];
    for (int64_t row = 0; row < array->length; row++)
        strange |= !known[ids[row]];
    return !strange || arrow_value_err(field, "a union has a value of an unknown type id", err);
}

bool arrow_check_runs(const struct arrow_field *field, const struct ArrowArray *array, struct err *err)
{
    const struct ArrowArray *ends = array->children[0];
    int64_t before = 0;
    for (int64_t run = 0; run < ends->length; run++) {
        int64_t end = arrow_integer(&field->children[0], ends->buffers[1], run);
        if (end <= before)
            return arrow_value_err(field, "the ends of runs do not rise", err);
        before = end;
    }
    if (before < array->length || ends->length > array->children[1]->length)
        return arrow_value_err(field, "the runs are shorter than the column", err);
    return true;
}

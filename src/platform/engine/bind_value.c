#include "platform/engine/bind_value.h"

#include <string.h>

#include "base/arena.h"
#include "platform/arrow/bits.h"

enum { ENGINE_DAY_MS = 86400000 };

/* --- Types --- */

/* Formats of the Arrow C data interface that stand for one type of DuckDB. */
static const struct {
    const char *format; /* up to its parameters */
    duckdb_type type;
} engine_bind_types[] = {
    {"n", DUCKDB_TYPE_SQLNULL},
    {"b", DUCKDB_TYPE_BOOLEAN},
    {"c", DUCKDB_TYPE_TINYINT},
    {"C", DUCKDB_TYPE_UTINYINT},
    {"s", DUCKDB_TYPE_SMALLINT},
    {"S", DUCKDB_TYPE_USMALLINT},
    {"i", DUCKDB_TYPE_INTEGER},
    {"I", DUCKDB_TYPE_UINTEGER},
    {"l", DUCKDB_TYPE_BIGINT},
    {"L", DUCKDB_TYPE_UBIGINT},
    {"f", DUCKDB_TYPE_FLOAT},
    {"g", DUCKDB_TYPE_DOUBLE},
    {"u", DUCKDB_TYPE_VARCHAR},
    {"U", DUCKDB_TYPE_VARCHAR},
    {"vu", DUCKDB_TYPE_VARCHAR},
    {"z", DUCKDB_TYPE_BLOB},
    {"Z", DUCKDB_TYPE_BLOB},
    {"vz", DUCKDB_TYPE_BLOB},
    {"w:", DUCKDB_TYPE_BLOB},
    {"tdD", DUCKDB_TYPE_DATE},
    {"tdm", DUCKDB_TYPE_DATE},
    {"tts", DUCKDB_TYPE_TIME},
    {"ttm", DUCKDB_TYPE_TIME},
    {"ttu", DUCKDB_TYPE_TIME},
    {"ttn", DUCKDB_TYPE_TIME_NS},
    {"tss:", DUCKDB_TYPE_TIMESTAMP_S},
    {"tsm:", DUCKDB_TYPE_TIMESTAMP_MS},
    {"tsu:", DUCKDB_TYPE_TIMESTAMP},
    {"tsn:", DUCKDB_TYPE_TIMESTAMP_NS},
    {"tD", DUCKDB_TYPE_INTERVAL},
    {"ti", DUCKDB_TYPE_INTERVAL},
};

static bool engine_bind_has_zone(const char *format)
{
    return format[0] == 't' && format[1] == 's' && format[4] != '\0';
}

static duckdb_type engine_bind_flat(const struct arrow_field *field)
{
    struct str format = str_from(field->c.format);
    if (engine_bind_has_zone(field->c.format))
        return DUCKDB_TYPE_TIMESTAMP_TZ;
    for (size_t i = 0; i < sizeof(engine_bind_types) / sizeof(engine_bind_types[0]); i++) {
        struct str known = str_from(engine_bind_types[i].format);
        bool open = known.len == 2 && known.ptr[0] != 'v'; /* parameters follow */
        open = open || (known.len == 4 && known.ptr[3] == ':');
        if (open ? str_starts_with(format, known) : str_equal(format, known))
            return engine_bind_types[i].type;
    }
    return DUCKDB_TYPE_INVALID;
}

static uint8_t engine_bind_scale(const char *format)
{
    struct str rest = str_from_index(str_from(format), 2), digits, scale = S("0");
    int64_t value = 0;
    bool known = str_split_next(&rest, ',', &digits) && str_split_next(&rest, ',', &scale) && str_to_i64(scale, &value);
    return known ? (uint8_t)value : 0;
}

static duckdb_logical_type engine_bind_struct_type(const struct arrow_field *field, struct err *err)
{
    size_t count = field->child_count, have = 0;
    duckdb_logical_type *types = mem_array(count, sizeof(*types)), made = NULL;
    const char **names = mem_array(count, sizeof(*names));
    for (; have < count; have++) {
        names[have] = field->children[have].c.name;
        if (!(types[have] = engine_bind_type(&field->children[have], err)))
            break;
    }
    if (have == count && !(made = engine_db.create_struct_type(types, names, count)))
        err_set(err, ERR_UNIMPLEMENTED, "column %s: such a struct cannot be bound", field->path);
    for (size_t i = 0; i < have; i++)
        engine_db.destroy_logical_type(&types[i]);
    mem_free(types);
    mem_free(names);
    return made;
}

static duckdb_logical_type engine_bind_list_type(const struct arrow_field *field, struct err *err)
{
    const struct arrow_field *child = field->children;
    if (field->map) {
        duckdb_logical_type key = engine_bind_type(&child->children[0], err), map = NULL;
        duckdb_logical_type value = key ? engine_bind_type(&child->children[1], err) : NULL;
        if (value)
            map = engine_db.create_map_type(key, value);
        engine_db.destroy_logical_type(&key);
        engine_db.destroy_logical_type(&value);
        return map;
    }
    duckdb_logical_type inner = engine_bind_type(child, err), list = NULL;
    if (inner)
        list = field->layout == ARROW_LAYOUT_FIXED_LIST ? engine_db.create_array_type(inner, (idx_t)field->list_size)
                                                        : engine_db.create_list_type(inner);
    engine_db.destroy_logical_type(&inner);
    return list;
}

duckdb_logical_type engine_bind_type(const struct arrow_field *field, struct err *err)
{
    if (field->dictionary)
        return engine_bind_type(field->dictionary, err);
    switch (field->layout) {
    case ARROW_LAYOUT_STRUCT:
        return engine_bind_struct_type(field, err);
    case ARROW_LAYOUT_LIST:
    case ARROW_LAYOUT_LIST_VIEW:
    case ARROW_LAYOUT_FIXED_LIST:
        return engine_bind_list_type(field, err);
    case ARROW_LAYOUT_UNION:
    case ARROW_LAYOUT_RUNS:
        break;
    case ARROW_LAYOUT_NULL:
    case ARROW_LAYOUT_BITS:
    case ARROW_LAYOUT_FIXED:
    case ARROW_LAYOUT_TEXT:
    case ARROW_LAYOUT_VIEW:
        if (field->decimal_digits)
            return engine_db.create_decimal_type((uint8_t)field->decimal_digits, engine_bind_scale(field->c.format));
        if (engine_bind_flat(field) != DUCKDB_TYPE_INVALID)
            return engine_db.create_logical_type(engine_bind_flat(field));
    }
    err_set(err, ERR_UNIMPLEMENTED, "column %s: the Arrow type %s cannot be bound to a parameter", field->path,
            field->layout == ARROW_LAYOUT_UNION  ? "union"
            : field->layout == ARROW_LAYOUT_RUNS ? "run_end_encoded"
                                                 : field->c.format);
    return NULL;
}

duckdb_value engine_bind_null(duckdb_logical_type type)
{
    duckdb_value bare = engine_db.create_null_value();
    duckdb_value list = engine_db.create_list_value(type, &bare, 1); /* casts its values to the type */
    duckdb_value typed = list ? engine_db.get_list_child(list, 0) : NULL;
    engine_db.destroy_value(&list);
    if (!typed)
        return bare;
    engine_db.destroy_value(&bare);
    return typed;
}

/* --- Flat values --- */

/* Row of values of 1 to 16 bytes; the memory need not be aligned for them. */
static const uint8_t *engine_bind_bytes(const struct arrow_field *field, const struct ArrowArray *array, int64_t row)
{
    return (const uint8_t *)array->buffers[1] + (size_t)(row + array->offset) * field->width;
}

static int64_t engine_bind_i64(const struct arrow_field *field, const struct ArrowArray *array, int64_t row)
{
    const uint8_t *bytes = engine_bind_bytes(field, array, row);
    int8_t tiny;
    int16_t small;
    int32_t middle;
    int64_t wide;
    switch (field->width) {
    case 1:
        memcpy(&tiny, bytes, sizeof(tiny));
        return field->is_signed ? tiny : (uint8_t)tiny;
    case 2:
        memcpy(&small, bytes, sizeof(small));
        return field->is_signed ? small : (uint16_t)small;
    case 4:
        memcpy(&middle, bytes, sizeof(middle));
        return field->is_signed ? middle : (int64_t)(uint32_t)middle;
    default:
        memcpy(&wide, bytes, sizeof(wide));
        return wide;
    }
}

/* A signed number of 4 or 8 bytes: dates, times, durations. */
static int64_t engine_bind_count(const struct arrow_field *field, const struct ArrowArray *array, int64_t row)
{
    const uint8_t *bytes = engine_bind_bytes(field, array, row);
    int32_t narrow;
    int64_t wide;
    if (field->width == 4) {
        memcpy(&narrow, bytes, sizeof(narrow));
        return narrow;
    }
    memcpy(&wide, bytes, sizeof(wide));
    return wide;
}

duckdb_value engine_bind_integer(__int128 number, duckdb_type type)
{
#define ENGINE_BIND_FITS(ctype, create) \
    return number == (__int128)(ctype)number ? engine_db.create((ctype)number) : NULL
    switch ((unsigned)type) {
    case DUCKDB_TYPE_TINYINT:
        ENGINE_BIND_FITS(int8_t, create_int8);
    case DUCKDB_TYPE_SMALLINT:
        ENGINE_BIND_FITS(int16_t, create_int16);
    case DUCKDB_TYPE_INTEGER:
        ENGINE_BIND_FITS(int32_t, create_int32);
    case DUCKDB_TYPE_BIGINT:
        ENGINE_BIND_FITS(int64_t, create_int64);
    case DUCKDB_TYPE_UTINYINT:
        ENGINE_BIND_FITS(uint8_t, create_uint8);
    case DUCKDB_TYPE_USMALLINT:
        ENGINE_BIND_FITS(uint16_t, create_uint16);
    case DUCKDB_TYPE_UINTEGER:
        ENGINE_BIND_FITS(uint32_t, create_uint32);
    case DUCKDB_TYPE_UBIGINT:
        ENGINE_BIND_FITS(uint64_t, create_uint64);
    default:
        return NULL;
    }
#undef ENGINE_BIND_FITS
}

static duckdb_value engine_bind_decimal(const struct arrow_field *field, const struct ArrowArray *array, int64_t row)
{
    duckdb_hugeint number;
    if (field->width == 16) {
        const uint8_t *bytes = engine_bind_bytes(field, array, row);
        memcpy(&number.lower, bytes, sizeof(number.lower));
        memcpy(&number.upper, bytes + 8, sizeof(number.upper));
    } else {
        int64_t narrow = engine_bind_count(field, array, row);
        number = (duckdb_hugeint){.lower = (uint64_t)narrow, .upper = narrow < 0 ? -1 : 0};
    }
    return engine_db.create_decimal((duckdb_decimal){
        .width = (uint8_t)field->decimal_digits, .scale = engine_bind_scale(field->c.format), .value = number});
}

/* value * factor, or value / -factor rounded down. False: more than 64 bits. */
static bool engine_bind_scaled(int64_t value, int64_t factor, int64_t *scaled_out)
{
    if (factor > 0)
        return !__builtin_mul_overflow(value, factor, scaled_out);
    *scaled_out = value / -factor - (value % -factor < 0);
    return true;
}

/* Factor from a unit (s, m, u, n) to microseconds, as engine_bind_scaled wants it. */
static int64_t engine_bind_micros(char unit)
{
    return unit == 's' ? 1000000 : unit == 'm' ? 1000 : unit == 'u' ? 1 : -1000;
}

static duckdb_value engine_bind_interval(const struct arrow_field *field, const struct ArrowArray *array, int64_t row)
{
    const char *format = field->c.format;
    duckdb_interval interval = {0};
    int32_t parts[2];
    int64_t nanos;
    if (format[1] == 'D') /* duration */
        return engine_bind_scaled(engine_bind_count(field, array, row), engine_bind_micros(format[2]), &interval.micros)
                   ? engine_db.create_interval(interval)
                   : NULL;
    if (format[2] == 'M') {
        interval.months = (int32_t)engine_bind_count(field, array, row);
        return engine_db.create_interval(interval);
    }
    const uint8_t *bytes = engine_bind_bytes(field, array, row);
    memcpy(parts, bytes, sizeof(parts));
    if (format[2] == 'D') { /* days and milliseconds */
        interval.days = parts[0];
        interval.micros = (int64_t)parts[1] * 1000;
    } else { /* months, days, nanoseconds */
        memcpy(&nanos, bytes + 8, sizeof(nanos));
        interval.months = parts[0];
        interval.days = parts[1];
        engine_bind_scaled(nanos, -1000, &interval.micros);
    }
    return engine_db.create_interval(interval);
}

/* Dates, times and moments: one number each. */
static duckdb_value engine_bind_moment(duckdb_type type, const char *format, int64_t value)
{
    int64_t scaled = value;
    switch ((unsigned)type) {
    case DUCKDB_TYPE_DATE:
        if (format[2] == 'm')
            engine_bind_scaled(value, -ENGINE_DAY_MS, &scaled);
        return scaled == (int32_t)scaled ? engine_db.create_date((duckdb_date){(int32_t)scaled}) : NULL;
    case DUCKDB_TYPE_TIME:
        return engine_bind_scaled(value, engine_bind_micros(format[2]), &scaled)
                   ? engine_db.create_time((duckdb_time){scaled})
                   : NULL;
    case DUCKDB_TYPE_TIME_NS:
        return engine_db.create_time_ns((duckdb_time_ns){value});
    case DUCKDB_TYPE_TIMESTAMP_TZ:
        return engine_bind_scaled(value, engine_bind_micros(format[2]), &scaled)
                   ? engine_db.create_timestamp_tz((duckdb_timestamp){scaled})
                   : NULL;
    case DUCKDB_TYPE_TIMESTAMP_S:
        return engine_db.create_timestamp_s((duckdb_timestamp_s){value});
    case DUCKDB_TYPE_TIMESTAMP_MS:
        return engine_db.create_timestamp_ms((duckdb_timestamp_ms){value});
    case DUCKDB_TYPE_TIMESTAMP:
        return engine_db.create_timestamp((duckdb_timestamp){value});
    default:
        return engine_db.create_timestamp_ns((duckdb_timestamp_ns){value});
    }
}

static duckdb_value engine_bind_fixed(const struct arrow_field *field, const struct ArrowArray *array, int64_t row,
                                      duckdb_type target)
{
    duckdb_type type = engine_bind_flat(field);
    const uint8_t *bytes = engine_bind_bytes(field, array, row);
    float single;
    double number;
    if (field->decimal_digits)
        return engine_bind_decimal(field, array, row);
    switch ((unsigned)type) {
    case DUCKDB_TYPE_FLOAT:
        memcpy(&single, bytes, sizeof(single));
        return target == DUCKDB_TYPE_DOUBLE ? engine_db.create_double((double)single) : engine_db.create_float(single);
    case DUCKDB_TYPE_DOUBLE:
        memcpy(&number, bytes, sizeof(number));
        return engine_db.create_double(number);
    case DUCKDB_TYPE_BLOB:
        return engine_db.create_blob(bytes, field->width);
    case DUCKDB_TYPE_INTERVAL:
        return engine_bind_interval(field, array, row);
    default:
        break;
    }
    if (field->c.format[0] == 't')
        return engine_bind_moment(type, field->c.format, engine_bind_count(field, array, row));
    int64_t small = engine_bind_i64(field, array, row);
    __int128 value = type == DUCKDB_TYPE_UBIGINT ? (__int128)(uint64_t)small : small;
    duckdb_value wanted = engine_bind_integer(value, target);
    return wanted ? wanted : engine_bind_integer(value, type);
}

/* Text or bytes with offsets or as a view. */
static struct str engine_bind_text(const struct arrow_field *field, const struct ArrowArray *array, int64_t row)
{
    size_t at = (size_t)(row + array->offset);
    if (field->layout == ARROW_LAYOUT_VIEW) {
        const uint8_t *view = (const uint8_t *)array->buffers[1] + at * 16;
        int32_t parts[4];
        memcpy(parts, view, sizeof(parts));
        if (parts[0] <= 12)
            return str_bytes(view + 4, (size_t)parts[0]);
        return str_bytes((const uint8_t *)array->buffers[2 + parts[2]] + parts[3], (size_t)parts[0]);
    }
    const uint8_t *data = array->buffers[2];
    int64_t from, to;
    if (field->width == 4) {
        const int32_t *offsets = (const int32_t *)array->buffers[1] + at;
        from = offsets[0];
        to = offsets[1];
    } else {
        const int64_t *offsets = (const int64_t *)array->buffers[1] + at;
        from = offsets[0];
        to = offsets[1];
    }
    return to > from ? str_bytes(data + from, (size_t)(to - from)) : S("");
}

/* --- Nested values --- */

static void engine_bind_range(const struct arrow_field *field, const struct ArrowArray *array, int64_t row,
                              int64_t *from_out, int64_t *count_out)
{
    size_t at = (size_t)(row + array->offset);
    const int32_t *narrow = (const int32_t *)array->buffers[field->layout == ARROW_LAYOUT_FIXED_LIST ? 0 : 1];
    const int64_t *wide = (const void *)narrow;
    if (field->layout == ARROW_LAYOUT_FIXED_LIST) {
        *from_out = (int64_t)at * field->list_size;
        *count_out = field->list_size;
        return;
    }
    *from_out = field->width == 4 ? narrow[at] : wide[at];
    if (field->layout == ARROW_LAYOUT_LIST_VIEW)
        *count_out =
            field->width == 4 ? ((const int32_t *)array->buffers[2])[at] : ((const int64_t *)array->buffers[2])[at];
    else
        *count_out = (field->width == 4 ? narrow[at + 1] : wide[at + 1]) - *from_out;
}

static void engine_bind_free(duckdb_value *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        engine_db.destroy_value(&values[i]);
    mem_free(values);
}

/* Rows [from, from + count) of a child; NULL with *err. */
static duckdb_value *engine_bind_values(const struct arrow_field *field, const struct ArrowArray *array, int64_t from,
                                        int64_t count, struct err *err)
{
    duckdb_value *values = mem_array((size_t)count + 1, sizeof(*values));
    for (int64_t i = 0; i < count; i++) {
        if ((values[i] = engine_bind_value(field, array, from + i, DUCKDB_TYPE_INVALID, err)))
            continue;
        engine_bind_free(values, i);
        return NULL;
    }
    return values;
}

static duckdb_value engine_bind_map(const struct arrow_field *field, const struct ArrowArray *array, int64_t from,
                                    int64_t count, struct err *err)
{
    const struct arrow_field *entry = field->children;
    struct ArrowArray *const *parts = array->children[0]->children;
    from += array->children[0]->offset;
    duckdb_value made = NULL;
    duckdb_logical_type type = engine_bind_type(field, err);
    duckdb_value *keys = type ? engine_bind_values(&entry->children[0], parts[0], from, count, err) : NULL;
    duckdb_value *values = keys ? engine_bind_values(&entry->children[1], parts[1], from, count, err) : NULL;
    if (values)
        made = engine_db.create_map_value(type, keys, values, (idx_t)count);
    if (keys)
        engine_bind_free(keys, count);
    if (values)
        engine_bind_free(values, count);
    engine_db.destroy_logical_type(&type);
    return made;
}

static duckdb_value engine_bind_list(const struct arrow_field *field, const struct ArrowArray *array, int64_t row,
                                     struct err *err)
{
    int64_t from, count;
    engine_bind_range(field, array, row, &from, &count);
    if (field->map)
        return engine_bind_map(field, array, from, count, err);
    duckdb_value made = NULL;
    duckdb_logical_type inner = engine_bind_type(field->children, err);
    duckdb_value *values = inner ? engine_bind_values(field->children, array->children[0], from, count, err) : NULL;
    if (values) {
        made = field->layout == ARROW_LAYOUT_FIXED_LIST ? engine_db.create_array_value(inner, values, (idx_t)count)
                                                        : engine_db.create_list_value(inner, values, (idx_t)count);
        engine_bind_free(values, count);
    }
    engine_db.destroy_logical_type(&inner);
    return made;
}

static duckdb_value engine_bind_struct(const struct arrow_field *field, const struct ArrowArray *array, int64_t row,
                                       struct err *err)
{
    duckdb_value made = NULL;
    duckdb_logical_type type = engine_bind_type(field, err);
    duckdb_value *values = mem_array(field->child_count, sizeof(*values));
    size_t have = 0;
    for (; type && have < field->child_count; have++)
        if (!(values[have] = engine_bind_value(&field->children[have], array->children[have], row + array->offset,
                                               DUCKDB_TYPE_INVALID, err)))
            break;
    if (type && have == field->child_count)
        made = engine_db.create_struct_value(type, values);
    engine_bind_free(values, (int64_t)have);
    engine_db.destroy_logical_type(&type);
    return made;
}

/* --- All values --- */

static duckdb_value engine_bind_typed_null(const struct arrow_field *field, struct err *err)
{
    duckdb_logical_type type = engine_bind_type(field, err);
    duckdb_value null = type ? engine_bind_null(type) : NULL;
    engine_db.destroy_logical_type(&type);
    return null;
}

/* Of a value that is not NULL. */
static duckdb_value engine_bind_present(const struct arrow_field *field, const struct ArrowArray *array, int64_t row,
                                        duckdb_type target, struct err *err)
{
    struct str text;
    switch (field->layout) {
    case ARROW_LAYOUT_BITS:
        return engine_db.create_bool(arrow_bit(array->buffers[1], (size_t)(row + array->offset)));
    case ARROW_LAYOUT_FIXED:
        return engine_bind_fixed(field, array, row, target);
    case ARROW_LAYOUT_TEXT:
    case ARROW_LAYOUT_VIEW:
        text = engine_bind_text(field, array, row);
        return field->utf8 ? engine_db.create_varchar_length(text.ptr, text.len)
                           : engine_db.create_blob((const uint8_t *)text.ptr, text.len);
    case ARROW_LAYOUT_LIST:
    case ARROW_LAYOUT_LIST_VIEW:
    case ARROW_LAYOUT_FIXED_LIST:
        return engine_bind_list(field, array, row, err);
    case ARROW_LAYOUT_STRUCT:
        return engine_bind_struct(field, array, row, err);
    case ARROW_LAYOUT_NULL:
    case ARROW_LAYOUT_UNION:
    case ARROW_LAYOUT_RUNS:
        break;
    }
    return NULL; /* engine_bind_type refused it before */
}

duckdb_value engine_bind_value(const struct arrow_field *field, const struct ArrowArray *array, int64_t row,
                               duckdb_type target, struct err *err)
{
    const void *valid = array->n_buffers > 0 && field->layout != ARROW_LAYOUT_NULL ? array->buffers[0] : NULL;
    if (field->layout == ARROW_LAYOUT_NULL || (valid && !arrow_bit(valid, (size_t)(row + array->offset))))
        return engine_bind_typed_null(field, err);
    if (field->dictionary) {
        int64_t index = engine_bind_i64(field, array, row);
        return engine_bind_value(field->dictionary, array->dictionary, index, target, err);
    }
    err->code = ERR_OK;
    duckdb_value value = engine_bind_present(field, array, row, target, err);
    if (!value && err->code == ERR_OK)
        err_set(err, ERR_RANGE, "column %s: DuckDB cannot hold the value in row %lld", field->path, (long long)row + 1);
    return value;
}

/* The hot path of results: each kernel is one plain loop that the compiler can vectorize. */
#include "platform/engine/column.h"

#include <string.h>

#include "platform/arrow/bits.h"

enum { ENGINE_UUID_LENGTH = 36, ENGINE_INLINE = 12 };

static const struct {
    duckdb_type type;
    const char *format; /* as DuckDB exports it; a time zone may follow */
    size_t width;
} engine_column_copies[] = {
    {DUCKDB_TYPE_TINYINT, "c", 1},         {DUCKDB_TYPE_SMALLINT, "s", 2},        {DUCKDB_TYPE_INTEGER, "i", 4},
    {DUCKDB_TYPE_BIGINT, "l", 8},          {DUCKDB_TYPE_UTINYINT, "C", 1},        {DUCKDB_TYPE_USMALLINT, "S", 2},
    {DUCKDB_TYPE_UINTEGER, "I", 4},        {DUCKDB_TYPE_UBIGINT, "L", 8},         {DUCKDB_TYPE_FLOAT, "f", 4},
    {DUCKDB_TYPE_DOUBLE, "g", 8},          {DUCKDB_TYPE_DATE, "tdD", 4},          {DUCKDB_TYPE_TIME, "ttu", 8},
    {DUCKDB_TYPE_TIME_NS, "ttn", 8},       {DUCKDB_TYPE_TIMESTAMP, "tsu:", 8},    {DUCKDB_TYPE_TIMESTAMP_S, "tss:", 8},
    {DUCKDB_TYPE_TIMESTAMP_MS, "tsm:", 8}, {DUCKDB_TYPE_TIMESTAMP_NS, "tsn:", 8}, {DUCKDB_TYPE_TIMESTAMP_TZ, "tsu:", 8},
    {DUCKDB_TYPE_HUGEINT, "d:38,0", 16},   {DUCKDB_TYPE_UHUGEINT, "d:38,0", 16},
};

static struct engine_column engine_column_decimal(duckdb_logical_type type)
{
    struct engine_column column = {.kernel = ENGINE_KERNEL_COPY, .width = 16};
    duckdb_type internal = engine_db.decimal_internal_type(type);
    if (internal == DUCKDB_TYPE_SMALLINT)
        column.kernel = ENGINE_KERNEL_DECIMAL16;
    else if (internal == DUCKDB_TYPE_INTEGER)
        column.kernel = ENGINE_KERNEL_DECIMAL32;
    else if (internal == DUCKDB_TYPE_BIGINT)
        column.kernel = ENGINE_KERNEL_DECIMAL64;
    return column;
}

static struct engine_column engine_column_enum(duckdb_logical_type type, const char *format)
{
    struct engine_column column = {.kernel = ENGINE_KERNEL_RARE};
    duckdb_type internal = engine_db.enum_internal_type(type);
    if (internal == DUCKDB_TYPE_UTINYINT && format[0] == 'C')
        column.width = 1;
    else if (internal == DUCKDB_TYPE_USMALLINT && format[0] == 'S')
        column.width = 2;
    else if (internal == DUCKDB_TYPE_UINTEGER && format[0] == 'I')
        column.width = 4;
    if (column.width > 0)
        column.kernel = ENGINE_KERNEL_COPY;
    return column;
}

static struct engine_column engine_column_choose(duckdb_type id, duckdb_logical_type type, const char *format)
{
    for (size_t i = 0; i < sizeof(engine_column_copies) / sizeof(engine_column_copies[0]); i++)
        if (engine_column_copies[i].type == id &&
            strncmp(format, engine_column_copies[i].format, strlen(engine_column_copies[i].format)) == 0)
            return (struct engine_column){.kernel = ENGINE_KERNEL_COPY, .width = engine_column_copies[i].width};
    if (id == DUCKDB_TYPE_BOOLEAN && strcmp(format, "b") == 0)
        return (struct engine_column){.kernel = ENGINE_KERNEL_BOOL, .width = 1};
    if (id == DUCKDB_TYPE_DECIMAL && strncmp(format, "d:", 2) == 0)
        return engine_column_decimal(type);
    if (id == DUCKDB_TYPE_ENUM)
        return engine_column_enum(type, format);
    if (id == DUCKDB_TYPE_INTERVAL && strcmp(format, "tin") == 0)
        return (struct engine_column){.kernel = ENGINE_KERNEL_INTERVAL, .width = 16};
    if (id == DUCKDB_TYPE_UUID && strcmp(format, "u") == 0)
        return (struct engine_column){.kernel = ENGINE_KERNEL_UUID, .width = 4 + ENGINE_UUID_LENGTH};
    if ((id == DUCKDB_TYPE_VARCHAR && strcmp(format, "u") == 0) || (id == DUCKDB_TYPE_BLOB && strcmp(format, "z") == 0))
        return (struct engine_column){.kernel = ENGINE_KERNEL_TEXT, .width = 4};
    return (struct engine_column){.kernel = ENGINE_KERNEL_RARE};
}

struct engine_column engine_column_for(duckdb_logical_type type, const struct ArrowSchema *schema)
{
    struct engine_column column = engine_column_choose(engine_db.get_type_id(type), type, schema->format);
    column.schema = schema;
    return column;
}

size_t engine_column_text_size(const struct engine_vector *vector)
{
    const duckdb_string_t *texts = (const duckdb_string_t *)vector->data + vector->from;
    size_t size = 0;
    if (!vector->valid) {
        for (size_t i = 0; i < vector->count; i++)
            size += texts[i].value.inlined.length;
        return size;
    }
    for (size_t i = 0; i < vector->count; i++)
        if (arrow_bit(vector->valid, vector->from + i))
            size += texts[i].value.inlined.length;
    return size;
}

static size_t engine_column_rows(const struct engine_vector *vectors, size_t count)
{
    size_t rows = 0;
    for (size_t i = 0; i < count; i++)
        rows += vectors[i].count;
    return rows;
}

static void engine_column_validity(const struct engine_vector *vectors, size_t count, struct arrow_body *body)
{
    size_t rows = engine_column_rows(vectors, count), nulls = 0, at = 0;
    for (size_t i = 0; i < count; i++)
        if (vectors[i].valid)
            nulls += vectors[i].count - arrow_bits_count(vectors[i].valid, vectors[i].from, vectors[i].count);
    arrow_body_node(body, (int64_t)rows, (int64_t)nulls);
    uint8_t *out = arrow_body_buffer(body, nulls ? (rows + 7) / 8 : 0);
    for (size_t i = 0; out && nulls && i < count; i++) {
        if (vectors[i].valid)
            arrow_bits_copy(out, at, vectors[i].valid, vectors[i].from, vectors[i].count);
        else
            arrow_bits_set(out, at, vectors[i].count);
        at += vectors[i].count;
    }
}

static void engine_column_bools(const struct engine_vector *vectors, size_t count, uint8_t *out)
{
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *values = (const uint8_t *)vectors[i].data + vectors[i].from;
        for (size_t row = 0; row < vectors[i].count; row++, at++) {
            if ((at & 7) == 0)
                out[at >> 3] = 0;
            out[at >> 3] = (uint8_t)(out[at >> 3] | (unsigned)(values[row] != 0) << (at & 7));
        }
    }
}

/* Widens two's complement numbers to 128 bits: the number, then its sign. */
#define ENGINE_WIDEN(type, data, from, count, out)           \
    do {                                                     \
        const type *values_ = (const type *)(data) + (from); \
        int64_t *wide_ = (int64_t *)(void *)(out);           \
        for (size_t row_ = 0; row_ < (count); row_++) {      \
            int64_t value_ = values_[row_];                  \
            wide_[2 * row_] = value_;                        \
            wide_[2 * row_ + 1] = value_ >> 63;              \
        }                                                    \
    } while (0)

static void engine_column_intervals(const struct engine_vector *vector, uint8_t *out)
{
    const duckdb_interval *values = (const duckdb_interval *)vector->data + vector->from;
    for (size_t row = 0; row < vector->count; row++, out += 16) {
        int64_t nanoseconds = (int64_t)((uint64_t)values[row].micros * 1000u); /* wraps as DuckDB's export does */
        memcpy(out, &values[row].months, 4);
        memcpy(out + 4, &values[row].days, 4);
        memcpy(out + 8, &nanoseconds, 8);
    }
}

static void engine_column_fixed(const struct engine_column *column, const struct engine_vector *vector, uint8_t *out)
{
    switch (column->kernel) {
    case ENGINE_KERNEL_COPY:
        memcpy(out, (const uint8_t *)vector->data + vector->from * column->width, vector->count * column->width);
        break;
    case ENGINE_KERNEL_DECIMAL16:
        ENGINE_WIDEN(int16_t, vector->data, vector->from, vector->count, out);
        break;
    case ENGINE_KERNEL_DECIMAL32:
        ENGINE_WIDEN(int32_t, vector->data, vector->from, vector->count, out);
        break;
    case ENGINE_KERNEL_DECIMAL64:
        ENGINE_WIDEN(int64_t, vector->data, vector->from, vector->count, out);
        break;
    case ENGINE_KERNEL_INTERVAL:
        engine_column_intervals(vector, out);
        break;
    case ENGINE_KERNEL_RARE:
    case ENGINE_KERNEL_BOOL:
    case ENGINE_KERNEL_UUID:
    case ENGINE_KERNEL_TEXT:
        mem_panic("a column of variable width among the fixed ones");
    }
}

void engine_uuid_text(const void *uuid, char *text_out)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t half[2];
    memcpy(half, uuid, 16);
    half[1] ^= UINT64_C(1) << 63;
    for (int nibble = 0; nibble < 32; nibble++) {
        if (nibble == 8 || nibble == 12 || nibble == 16 || nibble == 20)
            *text_out++ = '-';
        *text_out++ = digits[(half[nibble < 16] >> (60 - 4 * (nibble & 15))) & 15];
    }
}

static size_t engine_column_uuids(const struct engine_vector *vector, size_t end, int32_t *offsets, uint8_t *out)
{
    const uint8_t *values = (const uint8_t *)vector->data + vector->from * 16;
    for (size_t row = 0; row < vector->count; row++) {
        if (!vector->valid || arrow_bit(vector->valid, vector->from + row)) {
            engine_uuid_text(values + row * 16, (char *)out + end);
            end += ENGINE_UUID_LENGTH;
        }
        offsets[row] = (int32_t)end;
    }
    return end;
}

/* Short texts sit inside the vector: copying all their 12 bytes costs less than asking how many there are; what is too
 * much is overwritten by the next text, or lies in the slack behind the body. */
static inline size_t engine_column_put(const duckdb_string_t *text, uint8_t *out)
{
    size_t len = text->value.inlined.length;
    if (len <= ENGINE_INLINE)
        memcpy(out, text->value.inlined.inlined, ENGINE_INLINE);
    else
        memcpy(out, text->value.pointer.ptr, len);
    return len;
}

static size_t engine_column_texts(const struct engine_vector *vector, size_t end, int32_t *offsets, uint8_t *out)
{
    const duckdb_string_t *texts = (const duckdb_string_t *)vector->data + vector->from;
    if (!vector->valid) {
        for (size_t row = 0; row < vector->count; row++) {
            end += engine_column_put(&texts[row], out + end);
            offsets[row] = (int32_t)end;
        }
        return end;
    }
    for (size_t row = 0; row < vector->count; row++) {
        if (arrow_bit(vector->valid, vector->from + row))
            end += engine_column_put(&texts[row], out + end);
        offsets[row] = (int32_t)end;
    }
    return end;
}

static size_t engine_column_bytes(const struct engine_column *column, const struct engine_vector *vectors, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        if (column->kernel == ENGINE_KERNEL_TEXT)
            size += vectors[i].text_size;
        else if (vectors[i].valid)
            size += ENGINE_UUID_LENGTH * arrow_bits_count(vectors[i].valid, vectors[i].from, vectors[i].count);
        else
            size += ENGINE_UUID_LENGTH * vectors[i].count;
    }
    return size;
}

static bool engine_column_variable(const struct engine_column *column, const struct engine_vector *vectors,
                                   size_t count, struct arrow_body *body, struct err *err)
{
    size_t rows = engine_column_rows(vectors, count), end = 0;
    uint8_t *place = arrow_body_buffer(body, (rows + 1) * 4);
    if (!place) {
        size_t size = engine_column_bytes(column, vectors, count);
        if (size > INT32_MAX)
            return err_set(err, ERR_RESOURCE, "column %s has a value of more than 2 GiB", column->schema->name);
        arrow_body_buffer(body, size);
        return true;
    }
    int32_t *offsets = (int32_t *)(void *)place;
    uint8_t *out = arrow_body_next(body);
    *offsets++ = 0;
    for (size_t i = 0; i < count; i++) {
        end = column->kernel == ENGINE_KERNEL_TEXT ? engine_column_texts(&vectors[i], end, offsets, out)
                                                   : engine_column_uuids(&vectors[i], end, offsets, out);
        offsets += vectors[i].count;
    }
    return true;
}

bool engine_column_encode(const struct engine_column *column, const struct engine_vector *vectors, size_t count,
                          struct arrow_body *body, struct err *err)
{
    size_t rows = engine_column_rows(vectors, count);
    engine_column_validity(vectors, count, body);
    if (column->kernel == ENGINE_KERNEL_TEXT || column->kernel == ENGINE_KERNEL_UUID)
        return engine_column_variable(column, vectors, count, body, err);
    if (column->kernel == ENGINE_KERNEL_BOOL) {
        uint8_t *bits = arrow_body_buffer(body, (rows + 7) / 8);
        if (bits)
            engine_column_bools(vectors, count, bits);
        return true;
    }
    uint8_t *out = arrow_body_buffer(body, rows * column->width);
    for (size_t i = 0; out && i < count; i++) {
        engine_column_fixed(column, &vectors[i], out);
        out += vectors[i].count * column->width;
    }
    return true;
}

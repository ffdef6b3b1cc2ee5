#include "platform/engine/field.h"

#include <string.h>

#include "base/writer.h"
#include "platform/arrow/message.h"
#include "platform/engine/result.h"
#include "platform/engine/value.h"

/* Metadata in the Arrow C data interface: count, then keys and values with their lengths, in native byte order. */
static void engine_field_pair(struct buf *metadata, const char *key, struct str value)
{
    AUTO(arena) struct arena *arena = arena_new();
    writer_text(metadata, str_format(arena, "ARROW:FLIGHT:SQL:%s", key));
    writer_text(metadata, value);
}

/* Digits of a number: DECIMAL says so, integers have a fixed number. 0: none. */
static int engine_field_precision(duckdb_logical_type type)
{
    static const struct {
        duckdb_type type;
        int digits;
    } digits[] = {{DUCKDB_TYPE_TINYINT, 3},   {DUCKDB_TYPE_UTINYINT, 3}, {DUCKDB_TYPE_SMALLINT, 5},
                  {DUCKDB_TYPE_USMALLINT, 5}, {DUCKDB_TYPE_INTEGER, 10}, {DUCKDB_TYPE_UINTEGER, 10},
                  {DUCKDB_TYPE_BIGINT, 19},   {DUCKDB_TYPE_UBIGINT, 20}, {DUCKDB_TYPE_HUGEINT, 38},
                  {DUCKDB_TYPE_UHUGEINT, 39}, {DUCKDB_TYPE_FLOAT, 7},    {DUCKDB_TYPE_DOUBLE, 15}};
    duckdb_type id = engine_db.get_type_id(type);
    if (id == DUCKDB_TYPE_DECIMAL)
        return engine_db.decimal_width(type);
    for (size_t i = 0; i < sizeof(digits) / sizeof(digits[0]); i++)
        if (digits[i].type == id)
            return digits[i].digits;
    return 0;
}

/* Behind what the field has already. Lives in the arena. */
static const char *engine_field_metadata(const char *old, struct str type_name, duckdb_logical_type type,
                                         struct arena *arena)
{
    struct buf metadata = {0};
    int32_t count = 0;
    size_t old_len = 0;
    duckdb_type id = engine_db.get_type_id(type);
    int precision = engine_field_precision(type);
    if (old) {
        memcpy(&count, old, sizeof(count));
        for (int32_t i = 0, len; i < 2 * count; i++, old_len += sizeof(len) + (size_t)len)
            memcpy(&len, old + sizeof(count) + old_len, sizeof(len));
    }
    writer_u32le(&metadata, (uint32_t)(count + (precision ? 7 : 5)));
    if (old)
        buf_append(&metadata, old + sizeof(count), old_len);
    engine_field_pair(&metadata, "TYPE_NAME", type_name);
    if (precision) {
        int scale = id == DUCKDB_TYPE_DECIMAL ? engine_db.decimal_scale(type) : 0;
        engine_field_pair(&metadata, "PRECISION", str_format(arena, "%d", precision));
        engine_field_pair(&metadata, "SCALE", str_format(arena, "%d", scale));
    }
    engine_field_pair(&metadata, "IS_AUTO_INCREMENT", S("0"));
    engine_field_pair(&metadata, "IS_CASE_SENSITIVE", id == DUCKDB_TYPE_VARCHAR ? S("1") : S("0"));
    engine_field_pair(&metadata, "IS_READ_ONLY", S("1"));
    engine_field_pair(&metadata, "IS_SEARCHABLE", S("1"));
    const char *copy = arena_copy(arena, buf_str(&metadata).ptr, buf_len(&metadata));
    buf_done(&metadata);
    return copy;
}

static void engine_field_describe(struct ArrowSchema *schema, duckdb_logical_type *types, const char **names,
                                  size_t count, struct arena *arena)
{
    for (size_t i = 0; i < count; i++) {
        struct engine_value_type value;
        struct err ignored; /* a type without a text form is named by its kind only */
        bool known = engine_value_type_init(&value, types[i], names[i], arena, &ignored);
        struct ArrowSchema *field = schema->children[i];
        /* The schema's release does not look at this pointer. */
        field->metadata = engine_field_metadata(field->metadata, known ? value.name : S("OTHER"), types[i], arena);
    }
}

/* Formats of the Arrow C data interface: "tsu:UTC" becomes "tsm:UTC", "ttu" "ttm". */
static void engine_field_in_milliseconds(struct ArrowSchema *field, struct arena *arena)
{
    if (field->format[0] != 't' || (field->format[1] != 's' && field->format[1] != 't'))
        return;
    field->format = str_cstr(arena, str_format(arena, "%.2sm%s", field->format, field->format + 3));
}

static bool engine_field_encode(const struct engine_session *session, duckdb_logical_type *types, const char **names,
                                size_t count, bool parameters, struct buf *message, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct ArrowSchema schema = {0};
    struct buf flatbuffer = {0};
    if (!engine_result_schema(session, types, names, count, &schema, err))
        return false;
    engine_field_describe(&schema, types, names, count, arena);
    for (size_t i = 0; parameters && i < count; i++)
        engine_field_in_milliseconds(schema.children[i], arena); /* as the metadata, nothing that release looks at */
    bool ok = arrow_message_schema(&flatbuffer, &schema, err);
    if (ok) {
        size_t size = arrow_prefix_size(buf_len(&flatbuffer));
        arrow_prefix_write(buf_reserve(message, size), buf_str(&flatbuffer));
        buf_commit(message, size);
    }
    buf_done(&flatbuffer);
    schema.release(&schema);
    return ok;
}

bool engine_field_schema(const struct engine_session *session, duckdb_logical_type *types, const char **names,
                         size_t count, struct buf *message, struct err *err)
{
    return engine_field_encode(session, types, names, count, false, message, err);
}

bool engine_field_parameters(const struct engine_session *session, duckdb_logical_type *types, const char **names,
                             size_t count, struct buf *message, struct err *err)
{
    return engine_field_encode(session, types, names, count, true, message, err);
}

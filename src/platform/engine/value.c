/* Types, views, and the walk through nested values. */
#include "platform/engine/value.h"

#include <math.h>
#include <string.h>

#include "platform/engine/column.h"
#include "platform/engine/print.h"
#include "platform/json/json.h"

/* The largest whole number up to which a double has them all. */
#define ENGINE_JSON_EXACT (INT64_C(1) << 53)

static const struct {
    duckdb_type id;
    const char *name;
} engine_type_names[] = {
    {DUCKDB_TYPE_BOOLEAN, "BOOLEAN"},
    {DUCKDB_TYPE_TINYINT, "TINYINT"},
    {DUCKDB_TYPE_SMALLINT, "SMALLINT"},
    {DUCKDB_TYPE_INTEGER, "INTEGER"},
    {DUCKDB_TYPE_BIGINT, "BIGINT"},
    {DUCKDB_TYPE_UTINYINT, "UTINYINT"},
    {DUCKDB_TYPE_USMALLINT, "USMALLINT"},
    {DUCKDB_TYPE_UINTEGER, "UINTEGER"},
    {DUCKDB_TYPE_UBIGINT, "UBIGINT"},
    {DUCKDB_TYPE_FLOAT, "FLOAT"},
    {DUCKDB_TYPE_DOUBLE, "DOUBLE"},
    {DUCKDB_TYPE_TIMESTAMP, "TIMESTAMP"},
    {DUCKDB_TYPE_DATE, "DATE"},
    {DUCKDB_TYPE_TIME, "TIME"},
    {DUCKDB_TYPE_INTERVAL, "INTERVAL"},
    {DUCKDB_TYPE_HUGEINT, "HUGEINT"},
    {DUCKDB_TYPE_UHUGEINT, "UHUGEINT"},
    {DUCKDB_TYPE_VARCHAR, "VARCHAR"},
    {DUCKDB_TYPE_BLOB, "BLOB"},
    {DUCKDB_TYPE_TIMESTAMP_S, "TIMESTAMP_S"},
    {DUCKDB_TYPE_TIMESTAMP_MS, "TIMESTAMP_MS"},
    {DUCKDB_TYPE_TIMESTAMP_NS, "TIMESTAMP_NS"},
    {DUCKDB_TYPE_UUID, "UUID"},
    {DUCKDB_TYPE_BIT, "BIT"},
    {DUCKDB_TYPE_TIME_TZ, "TIME WITH TIME ZONE"},
    {DUCKDB_TYPE_TIMESTAMP_TZ, "TIMESTAMP WITH TIME ZONE"},
    {DUCKDB_TYPE_BIGNUM, "BIGNUM"},
    {DUCKDB_TYPE_SQLNULL, "NULL"},
    {DUCKDB_TYPE_TIME_NS, "TIME_NS"},
    {DUCKDB_TYPE_GEOMETRY, "GEOMETRY"},
    {DUCKDB_TYPE_ENUM, "ENUM"},
};

static struct str engine_value_take(struct arena *arena, char *text)
{
    struct str copy = str_copy(arena, str_from(text ? text : ""));
    engine_db.free(text);
    return copy;
}

static bool engine_value_child(struct engine_value_type *child, duckdb_logical_type type, const char *column,
                               struct arena *arena, struct err *err)
{
    bool ok = engine_value_type_init(child, type, column, arena, err);
    engine_db.destroy_logical_type(&type);
    return ok;
}

static bool engine_value_members(struct engine_value_type *value, duckdb_logical_type type, const char *column,
                                 struct arena *arena, struct err *err)
{
    bool is_union = value->id == DUCKDB_TYPE_UNION;
    value->child_count = is_union ? engine_db.union_type_member_count(type) : engine_db.struct_type_child_count(type);
    value->children = arena_array(arena, value->child_count + 1, sizeof(*value->children));
    value->words = arena_array(arena, value->child_count + 1, sizeof(*value->words));
    value->name = is_union ? S("UNION(") : S("STRUCT(");
    for (size_t i = 0; i < value->child_count; i++) {
        char *name = is_union ? engine_db.union_type_member_name(type, i) : engine_db.struct_type_child_name(type, i);
        duckdb_logical_type child =
            is_union ? engine_db.union_type_member_type(type, i) : engine_db.struct_type_child_type(type, i);
        value->words[i] = engine_value_take(arena, name);
        if (!engine_value_child(&value->children[i], child, column, arena, err))
            return false;
        value->name = str_format(arena, "%.*s%s\"%.*s\" %.*s", STR_ARG(value->name), i ? ", " : "",
                                 STR_ARG(value->words[i]), STR_ARG(value->children[i].name));
    }
    value->name = str_format(arena, "%.*s)", STR_ARG(value->name));
    return true;
}

static bool engine_value_container(struct engine_value_type *value, duckdb_logical_type type, const char *column,
                                   struct arena *arena, struct err *err)
{
    bool map = value->id == DUCKDB_TYPE_MAP, array = value->id == DUCKDB_TYPE_ARRAY;
    value->child_count = map ? 2 : 1;
    value->children = arena_array(arena, value->child_count, sizeof(*value->children));
    duckdb_logical_type first = map     ? engine_db.map_type_key_type(type)
                                : array ? engine_db.array_type_child_type(type)
                                        : engine_db.list_type_child_type(type);
    if (!engine_value_child(&value->children[0], first, column, arena, err))
        return false;
    if (map && !engine_value_child(&value->children[1], engine_db.map_type_value_type(type), column, arena, err))
        return false;
    struct str inner = value->children[0].name;
    if (array) {
        value->array_size = engine_db.array_type_array_size(type);
        value->name = str_format(arena, "%.*s[%llu]", STR_ARG(inner), (unsigned long long)value->array_size);
    } else if (map) {
        value->name = str_format(arena, "MAP(%.*s, %.*s)", STR_ARG(inner), STR_ARG(value->children[1].name));
    } else {
        value->name = str_format(arena, "%.*s[]", STR_ARG(inner));
    }
    return true;
}

static void engine_value_enum(struct engine_value_type *value, duckdb_logical_type type, struct arena *arena)
{
    uint32_t count = engine_db.enum_dictionary_size(type);
    value->internal = engine_db.enum_internal_type(type);
    value->words = arena_array(arena, count + 1u, sizeof(*value->words));
    for (uint32_t i = 0; i < count; i++)
        value->words[i] = engine_value_take(arena, engine_db.enum_dictionary_value(type, i));
}

bool engine_value_type_init(struct engine_value_type *value, duckdb_logical_type type, const char *column,
                            struct arena *arena, struct err *err)
{
    *value = (struct engine_value_type){.id = engine_db.get_type_id(type)};
    switch ((unsigned)value->id) {
    case DUCKDB_TYPE_STRUCT:
    case DUCKDB_TYPE_UNION:
        return engine_value_members(value, type, column, arena, err);
    case DUCKDB_TYPE_LIST:
    case DUCKDB_TYPE_ARRAY:
    case DUCKDB_TYPE_MAP:
        return engine_value_container(value, type, column, arena, err);
    case DUCKDB_TYPE_DECIMAL:
        value->internal = engine_db.decimal_internal_type(type);
        value->scale = engine_db.decimal_scale(type);
        value->name = str_format(arena, "DECIMAL(%d,%d)", engine_db.decimal_width(type), value->scale);
        return true;
    case DUCKDB_TYPE_ENUM:
        engine_value_enum(value, type, arena);
        break;
    default:
        break;
    }
    for (size_t i = 0; i < sizeof(engine_type_names) / sizeof(engine_type_names[0]); i++) {
        if (engine_type_names[i].id != value->id)
            continue;
        char *alias = engine_db.logical_type_get_alias(type);
        value->name = alias ? engine_value_take(arena, alias) : str_from(engine_type_names[i].name);
        return true;
    }
    err_set(err, ERR_UNIMPLEMENTED, "column %s has a type that cannot be sent as text", column);
    return err_hint(err, "cast it, or ask for Arrow");
}

struct engine_value_view engine_value_view_new(const struct engine_value_type *type, struct arena *arena)
{
    struct engine_value_view view = {0};
    view.children = arena_array(arena, type->child_count + 1, sizeof(*view.children));
    for (size_t i = 0; i < type->child_count; i++)
        view.children[i] = engine_value_view_new(&type->children[i], arena);
    return view;
}

void engine_value_view_set(struct engine_value_view *view, const struct engine_value_type *type, duckdb_vector vector)
{
    view->data = engine_db.vector_get_data(vector);
    view->valid = engine_db.vector_get_validity(vector);
    if (type->id == DUCKDB_TYPE_LIST) {
        engine_value_view_set(&view->children[0], &type->children[0], engine_db.list_vector_get_child(vector));
    } else if (type->id == DUCKDB_TYPE_ARRAY) {
        engine_value_view_set(&view->children[0], &type->children[0], engine_db.array_vector_get_child(vector));
    } else if (type->id == DUCKDB_TYPE_MAP) {
        duckdb_vector entries = engine_db.list_vector_get_child(vector);
        for (idx_t i = 0; i < 2; i++)
            engine_value_view_set(&view->children[i], &type->children[i],
                                  engine_db.struct_vector_get_child(entries, i));
    } else if (type->id == DUCKDB_TYPE_STRUCT || type->id == DUCKDB_TYPE_UNION) {
        idx_t first = type->id == DUCKDB_TYPE_UNION; /* a union's first child holds the tags */
        for (size_t i = 0; i < type->child_count; i++)
            engine_value_view_set(&view->children[i], &type->children[i],
                                  engine_db.struct_vector_get_child(vector, first + i));
        if (first)
            view->data = engine_db.vector_get_data(engine_db.struct_vector_get_child(vector, 0));
    }
}

static struct str engine_value_bytes(const struct engine_value_view *view, size_t row)
{
    const duckdb_string_t *text = (const duckdb_string_t *)view->data + row;
    uint32_t len = text->value.inlined.length;
    return str_bytes(len <= 12 ? text->value.inlined.inlined : text->value.pointer.ptr, len);
}

static __int128 engine_value_decimal(const struct engine_value_type *type, const void *data, size_t row)
{
    __int128 wide;
    if (type->internal == DUCKDB_TYPE_SMALLINT)
        return ((const int16_t *)data)[row];
    if (type->internal == DUCKDB_TYPE_INTEGER)
        return ((const int32_t *)data)[row];
    if (type->internal == DUCKDB_TYPE_BIGINT)
        return ((const int64_t *)data)[row];
    memcpy(&wide, (const uint8_t *)data + 16 * row, 16);
    return wide;
}

static struct str engine_value_word(const struct engine_value_type *type, const void *data, size_t row)
{
    size_t index = type->internal == DUCKDB_TYPE_UTINYINT    ? ((const uint8_t *)data)[row]
                   : type->internal == DUCKDB_TYPE_USMALLINT ? ((const uint16_t *)data)[row]
                                                             : ((const uint32_t *)data)[row];
    return type->words[index];
}

/* Whole numbers; false for other types. */
static bool engine_value_integer(duckdb_type id, const void *data, size_t row, __int128 *value_out)
{
    switch ((unsigned)id) {
    case DUCKDB_TYPE_TINYINT:
        *value_out = ((const int8_t *)data)[row];
        return true;
    case DUCKDB_TYPE_SMALLINT:
        *value_out = ((const int16_t *)data)[row];
        return true;
    case DUCKDB_TYPE_INTEGER:
        *value_out = ((const int32_t *)data)[row];
        return true;
    case DUCKDB_TYPE_BIGINT:
        *value_out = ((const int64_t *)data)[row];
        return true;
    case DUCKDB_TYPE_UTINYINT:
        *value_out = ((const uint8_t *)data)[row];
        return true;
    case DUCKDB_TYPE_USMALLINT:
        *value_out = ((const uint16_t *)data)[row];
        return true;
    case DUCKDB_TYPE_UINTEGER:
        *value_out = ((const uint32_t *)data)[row];
        return true;
    case DUCKDB_TYPE_UBIGINT:
        *value_out = ((const uint64_t *)data)[row];
        return true;
    default:
        return false;
    }
}

static void engine_value_time(struct buf *buf, duckdb_type id, const void *data, size_t row)
{
    const int64_t *wide = data;
    switch ((unsigned)id) {
    case DUCKDB_TYPE_DATE:
        engine_print_date(buf, ((const int32_t *)data)[row]);
        break;
    case DUCKDB_TYPE_TIME:
        engine_print_time(buf, wide[row], 1000000);
        break;
    case DUCKDB_TYPE_TIME_NS:
        engine_print_time(buf, wide[row], 1000000000);
        break;
    case DUCKDB_TYPE_TIME_TZ:
        engine_print_time_tz(buf, ((const uint64_t *)data)[row]);
        break;
    case DUCKDB_TYPE_TIMESTAMP_S:
        engine_print_timestamp(buf, wide[row], 1);
        break;
    case DUCKDB_TYPE_TIMESTAMP_MS:
        engine_print_timestamp(buf, wide[row], 1000);
        break;
    case DUCKDB_TYPE_TIMESTAMP_NS:
        engine_print_timestamp(buf, wide[row], 1000000000);
        break;
    case DUCKDB_TYPE_TIMESTAMP_TZ: /* always as UTC, whatever the session's zone */
        engine_print_timestamp(buf, wide[row], 1000000);
        if (wide[row] != INT64_MAX && wide[row] != -INT64_MAX)
            buf_append_str(buf, S("+00"));
        break;
    case DUCKDB_TYPE_INTERVAL:
        engine_print_interval(buf, ((const duckdb_interval *)data)[row]);
        break;
    default:
        engine_print_timestamp(buf, wide[row], 1000000);
        break;
    }
}

static void engine_value_bytes_text(struct buf *buf, duckdb_type id, struct str bytes)
{
    const uint8_t *ptr = (const uint8_t *)bytes.ptr;
    switch ((unsigned)id) {
    case DUCKDB_TYPE_BLOB:
        engine_print_blob(buf, ptr, bytes.len);
        break;
    case DUCKDB_TYPE_BIT:
        engine_print_bits(buf, ptr, bytes.len);
        break;
    case DUCKDB_TYPE_BIGNUM:
        engine_print_bignum(buf, ptr, bytes.len);
        break;
    case DUCKDB_TYPE_GEOMETRY:
        engine_print_hex(buf, ptr, bytes.len);
        break;
    default:
        buf_append_str(buf, bytes);
        break;
    }
}

void engine_value_text(struct buf *buf, const struct engine_value_type *type, const struct engine_value_view *view,
                       size_t row)
{
    const void *data = view->data;
    __int128 integer;
    char uuid[36];
    if (engine_value_integer(type->id, data, row, &integer)) {
        if (integer <= INT64_MAX)
            engine_print_i64(buf, (int64_t)integer);
        else
            engine_print_u64(buf, (uint64_t)integer);
        return;
    }
    switch ((unsigned)type->id) {
    case DUCKDB_TYPE_BOOLEAN:
        buf_append_str(buf, ((const uint8_t *)data)[row] ? S("true") : S("false"));
        break;
    case DUCKDB_TYPE_FLOAT:
        engine_print_float(buf, ((const float *)data)[row]);
        break;
    case DUCKDB_TYPE_DOUBLE:
        engine_print_double(buf, ((const double *)data)[row]);
        break;
    case DUCKDB_TYPE_HUGEINT:
        memcpy(&integer, (const uint8_t *)data + 16 * row, 16);
        engine_print_i128(buf, integer);
        break;
    case DUCKDB_TYPE_UHUGEINT:
        memcpy(&integer, (const uint8_t *)data + 16 * row, 16);
        engine_print_u128(buf, (unsigned __int128)integer);
        break;
    case DUCKDB_TYPE_DECIMAL:
        engine_print_decimal(buf, engine_value_decimal(type, data, row), type->scale);
        break;
    case DUCKDB_TYPE_UUID:
        engine_uuid_text((const uint8_t *)data + 16 * row, uuid);
        buf_append(buf, uuid, sizeof(uuid));
        break;
    case DUCKDB_TYPE_ENUM:
        buf_append_str(buf, engine_value_word(type, data, row));
        break;
    case DUCKDB_TYPE_VARCHAR:
    case DUCKDB_TYPE_BLOB:
    case DUCKDB_TYPE_BIT:
    case DUCKDB_TYPE_BIGNUM:
    case DUCKDB_TYPE_GEOMETRY:
        engine_value_bytes_text(buf, type->id, engine_value_bytes(view, row));
        break;
    case DUCKDB_TYPE_LIST:
    case DUCKDB_TYPE_ARRAY:
    case DUCKDB_TYPE_MAP:
    case DUCKDB_TYPE_STRUCT:
    case DUCKDB_TYPE_UNION:
        engine_value_json(buf, type, view, row);
        break;
    default:
        engine_value_time(buf, type->id, data, row);
        break;
    }
}

static void engine_value_json_list(struct buf *buf, const struct engine_value_type *type,
                                   const struct engine_value_view *view, size_t from, size_t count)
{
    buf_append_char(buf, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_append_char(buf, ',');
        engine_value_json(buf, &type->children[0], &view->children[0], from + i);
    }
    buf_append_char(buf, ']');
}

/* Keys of any type, as texts. */
static void engine_value_json_map(struct buf *buf, const struct engine_value_type *type,
                                  const struct engine_value_view *view, duckdb_list_entry entry)
{
    struct buf key = {0};
    buf_append_char(buf, '{');
    for (uint64_t i = 0; i < entry.length; i++) {
        buf_clear(&key);
        engine_value_text(&key, &type->children[0], &view->children[0], entry.offset + i);
        if (i > 0)
            buf_append_char(buf, ',');
        json_escape(buf, buf_str(&key));
        buf_append_char(buf, ':');
        engine_value_json(buf, &type->children[1], &view->children[1], entry.offset + i);
    }
    buf_append_char(buf, '}');
    buf_done(&key);
}

static void engine_value_json_struct(struct buf *buf, const struct engine_value_type *type,
                                     const struct engine_value_view *view, size_t row)
{
    buf_append_char(buf, '{');
    for (size_t i = 0; i < type->child_count; i++) {
        if (i > 0)
            buf_append_char(buf, ',');
        json_escape(buf, type->words[i]);
        buf_append_char(buf, ':');
        engine_value_json(buf, &type->children[i], &view->children[i], row);
    }
    buf_append_char(buf, '}');
}

/* A scalar as text in quotes; only some kinds of text need escapes. */
static void engine_value_json_quoted(struct buf *buf, const struct engine_value_type *type,
                                     const struct engine_value_view *view, size_t row)
{
    if (type->id == DUCKDB_TYPE_VARCHAR) {
        json_escape(buf, engine_value_bytes(view, row));
    } else if (type->id == DUCKDB_TYPE_ENUM) {
        json_escape(buf, engine_value_word(type, view->data, row));
    } else if (type->id == DUCKDB_TYPE_BLOB) {
        struct buf text = {0};
        engine_value_text(&text, type, view, row);
        json_escape(buf, buf_str(&text));
        buf_done(&text);
    } else {
        buf_append_char(buf, '"');
        engine_value_text(buf, type, view, row);
        buf_append_char(buf, '"');
    }
}

static bool engine_value_is_number(duckdb_type id, const void *data, size_t row)
{
    __int128 integer;
    if (engine_value_integer(id, data, row, &integer))
        return integer <= ENGINE_JSON_EXACT && integer >= -ENGINE_JSON_EXACT;
    if (id == DUCKDB_TYPE_FLOAT)
        return isfinite(((const float *)data)[row]);
    if (id == DUCKDB_TYPE_DOUBLE)
        return isfinite(((const double *)data)[row]);
    return id == DUCKDB_TYPE_BOOLEAN;
}

void engine_value_json(struct buf *buf, const struct engine_value_type *type, const struct engine_value_view *view,
                       size_t row)
{
    if (type->id == DUCKDB_TYPE_SQLNULL || engine_value_is_null(view, row)) {
        buf_append_str(buf, S("null"));
        return;
    }
    switch ((unsigned)type->id) {
    case DUCKDB_TYPE_LIST: {
        duckdb_list_entry entry = ((const duckdb_list_entry *)view->data)[row];
        engine_value_json_list(buf, type, view, entry.offset, entry.length);
        break;
    }
    case DUCKDB_TYPE_ARRAY:
        engine_value_json_list(buf, type, view, row * type->array_size, type->array_size);
        break;
    case DUCKDB_TYPE_MAP:
        engine_value_json_map(buf, type, view, ((const duckdb_list_entry *)view->data)[row]);
        break;
    case DUCKDB_TYPE_STRUCT:
        engine_value_json_struct(buf, type, view, row);
        break;
    case DUCKDB_TYPE_UNION: {
        uint8_t tag = ((const uint8_t *)view->data)[row];
        engine_value_json(buf, &type->children[tag], &view->children[tag], row);
        break;
    }
    default:
        if (engine_value_is_number(type->id, view->data, row))
            engine_value_text(buf, type, view, row);
        else
            engine_value_json_quoted(buf, type, view, row);
        break;
    }
}

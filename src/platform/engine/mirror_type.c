/* DuckDB's types as Iceberg's of format version 2, which all its clients read. What has no counterpart becomes the
 * nearest type that keeps the value, in the end text. */
#include "platform/engine/procedure.h"
#include "platform/engine/engine_priv.h"
#include "platform/engine/failure.h"
#include "platform/json/json.h"

enum engine_mirror_fit { ENGINE_FITS, ENGINE_CHANGES, ENGINE_NARROWS };

static const struct {
    duckdb_type id;
    size_t width; /* bytes of a value */
    enum engine_mirror_fit fit;
    const char *cast; /* as it is named in SQL */
    const char *type; /* Iceberg's */
} engine_mirror_types[] = {
    {DUCKDB_TYPE_BOOLEAN, 1, ENGINE_FITS, "BOOLEAN", "boolean"},
    {DUCKDB_TYPE_TINYINT, 1, ENGINE_CHANGES, "INTEGER", "int"},
    {DUCKDB_TYPE_SMALLINT, 2, ENGINE_CHANGES, "INTEGER", "int"},
    {DUCKDB_TYPE_INTEGER, 4, ENGINE_FITS, "INTEGER", "int"},
    {DUCKDB_TYPE_BIGINT, 8, ENGINE_FITS, "BIGINT", "long"},
    {DUCKDB_TYPE_UTINYINT, 1, ENGINE_CHANGES, "INTEGER", "int"},
    {DUCKDB_TYPE_USMALLINT, 2, ENGINE_CHANGES, "INTEGER", "int"},
    {DUCKDB_TYPE_UINTEGER, 4, ENGINE_CHANGES, "BIGINT", "long"},
    {DUCKDB_TYPE_UBIGINT, 8, ENGINE_CHANGES, "DECIMAL(20,0)", "decimal(20, 0)"},
    /* Numbers of 39 digits fail to be cast: better than to have all of them as text. */
    {DUCKDB_TYPE_HUGEINT, 16, ENGINE_CHANGES, "DECIMAL(38,0)", "decimal(38, 0)"},
    {DUCKDB_TYPE_UHUGEINT, 16, ENGINE_CHANGES, "DECIMAL(38,0)", "decimal(38, 0)"},
    {DUCKDB_TYPE_FLOAT, 4, ENGINE_FITS, "FLOAT", "float"},
    {DUCKDB_TYPE_DOUBLE, 8, ENGINE_FITS, "DOUBLE", "double"},
    {DUCKDB_TYPE_BLOB, 24, ENGINE_FITS, "BLOB", "binary"},
    {DUCKDB_TYPE_DATE, 4, ENGINE_FITS, "DATE", "date"},
    {DUCKDB_TYPE_TIME, 8, ENGINE_FITS, "TIME", "time"},
    {DUCKDB_TYPE_TIME_NS, 8, ENGINE_NARROWS, "TIME", "time"},
    {DUCKDB_TYPE_TIMESTAMP, 8, ENGINE_FITS, "TIMESTAMP", "timestamp"},
    {DUCKDB_TYPE_TIMESTAMP_S, 8, ENGINE_CHANGES, "TIMESTAMP", "timestamp"},
    {DUCKDB_TYPE_TIMESTAMP_MS, 8, ENGINE_CHANGES, "TIMESTAMP", "timestamp"},
    {DUCKDB_TYPE_TIMESTAMP_NS, 8, ENGINE_NARROWS, "TIMESTAMP", "timestamp"}, /* version 3 could, its readers are few */
    {DUCKDB_TYPE_TIMESTAMP_TZ, 8, ENGINE_FITS, "TIMESTAMPTZ", "timestamptz"},
    {DUCKDB_TYPE_UUID, 16, ENGINE_FITS, "UUID", "uuid"},
    {DUCKDB_TYPE_SQLNULL, 1, ENGINE_CHANGES, "INTEGER", "int"},
};

struct engine_mirror {
    struct arena *arena;
    int64_t last_id;
    enum engine_mirror_fit fit; /* the worst so far */
};

struct engine_mirror_pair {
    struct str cast, type;
};

static struct engine_mirror_pair engine_mirror_type(struct engine_mirror *mirror, duckdb_logical_type type);

static void engine_mirror_mark(struct engine_mirror *mirror, enum engine_mirror_fit fit)
{
    if (fit > mirror->fit)
        mirror->fit = fit;
}

/* Destroys the child type. */
static struct engine_mirror_pair engine_mirror_child(struct engine_mirror *mirror, duckdb_logical_type type)
{
    struct engine_mirror_pair pair = engine_mirror_type(mirror, type);
    engine_db.destroy_logical_type(&type);
    return pair;
}

static struct engine_mirror_pair engine_mirror_list(struct engine_mirror *mirror, duckdb_logical_type type, bool array)
{
    int64_t id = ++mirror->last_id;
    if (array)
        engine_mirror_mark(mirror, ENGINE_CHANGES);
    struct engine_mirror_pair element = engine_mirror_child(mirror, array ? engine_db.array_type_child_type(type)
                                                                          : engine_db.list_type_child_type(type));
    return (struct engine_mirror_pair){
        .cast = str_format(mirror->arena, "%.*s[]", STR_ARG(element.cast)),
        .type = str_format(mirror->arena,
                           "{\"type\":\"list\",\"element-id\":%lld,\"element\":%.*s,\"element-required\":false}",
                           (long long)id, STR_ARG(element.type))};
}

static struct engine_mirror_pair engine_mirror_map(struct engine_mirror *mirror, duckdb_logical_type type)
{
    int64_t id = mirror->last_id + 1;
    mirror->last_id += 2;
    struct engine_mirror_pair key = engine_mirror_child(mirror, engine_db.map_type_key_type(type));
    struct engine_mirror_pair value = engine_mirror_child(mirror, engine_db.map_type_value_type(type));
    return (struct engine_mirror_pair){
        .cast = str_format(mirror->arena, "MAP(%.*s, %.*s)", STR_ARG(key.cast), STR_ARG(value.cast)),
        .type = str_format(mirror->arena,
                           "{\"type\":\"map\",\"key-id\":%lld,\"key\":%.*s,\"value-id\":%lld,\"value\":%.*s,"
                           "\"value-required\":false}",
                           (long long)id, STR_ARG(key.type), (long long)id + 1, STR_ARG(value.type))};
}

static struct engine_mirror_pair engine_mirror_text(struct engine_mirror *mirror, bool fits)
{
    engine_mirror_mark(mirror, fits ? ENGINE_FITS : ENGINE_CHANGES);
    return (struct engine_mirror_pair){.cast = S("VARCHAR"), .type = S("\"string\"")};
}

/* One whose members have no names becomes text. */
static struct engine_mirror_pair engine_mirror_struct(struct engine_mirror *mirror, duckdb_logical_type type)
{
    AUTO(buf) struct buf cast = {0};
    AUTO(buf) struct buf fields = {0};
    struct json_writer writer = {.buf = &fields};
    idx_t count = engine_db.struct_type_child_count(type);
    int64_t id = mirror->last_id + 1;
    bool named = count > 0;
    mirror->last_id += (int64_t)count;
    buf_append_str(&cast, S("STRUCT("));
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "type", S("struct"));
    json_begin_array(&writer, "fields");
    for (idx_t i = 0; i < count; i++) {
        char *name = engine_db.struct_type_child_name(type, i);
        struct engine_mirror_pair child = engine_mirror_child(mirror, engine_db.struct_type_child_type(type, i));
        named = named && name && name[0];
        buf_append_str(&cast, i ? S(", ") : S(""));
        buf_append_quoted(&cast, str_from(name), '"');
        buf_printf(&cast, " %.*s", STR_ARG(child.cast));
        json_begin_object(&writer, NULL);
        json_write_i64(&writer, "id", id + (int64_t)i);
        json_write_text(&writer, "name", str_from(name));
        json_write_bool(&writer, "required", false);
        buf_printf(&fields, ",\"type\":%.*s", STR_ARG(child.type));
        json_end_object(&writer);
        engine_db.free(name);
    }
    json_end_array(&writer);
    json_end_object(&writer);
    buf_append_char(&cast, ')');
    if (!named)
        return engine_mirror_text(mirror, false);
    return (struct engine_mirror_pair){.cast = str_copy(mirror->arena, buf_str(&cast)),
                                       .type = str_copy(mirror->arena, buf_str(&fields))};
}

static bool engine_mirror_has_alias(duckdb_logical_type type)
{
    char *alias = engine_db.logical_type_get_alias(type);
    bool has = alias != NULL;
    engine_db.free(alias);
    return has;
}

static struct engine_mirror_pair engine_mirror_type(struct engine_mirror *mirror, duckdb_logical_type type)
{
    duckdb_type id = engine_db.get_type_id(type);
    bool alias = engine_mirror_has_alias(type);
    if (alias)
        engine_mirror_mark(mirror, ENGINE_CHANGES);
    switch ((unsigned)id) {
    case DUCKDB_TYPE_VARCHAR: /* JSON is one with an alias */
        return engine_mirror_text(mirror, !alias);
    case DUCKDB_TYPE_DECIMAL: {
        int width = engine_db.decimal_width(type), scale = engine_db.decimal_scale(type);
        return (struct engine_mirror_pair){.cast = str_format(mirror->arena, "DECIMAL(%d,%d)", width, scale),
                                           .type = str_format(mirror->arena, "\"decimal(%d, %d)\"", width, scale)};
    }
    case DUCKDB_TYPE_LIST:
    case DUCKDB_TYPE_ARRAY:
        return engine_mirror_list(mirror, type, id == DUCKDB_TYPE_ARRAY);
    case DUCKDB_TYPE_MAP:
        return engine_mirror_map(mirror, type);
    case DUCKDB_TYPE_STRUCT:
        return engine_mirror_struct(mirror, type);
    default:
        break;
    }
    for (size_t i = 0; i < sizeof(engine_mirror_types) / sizeof(engine_mirror_types[0]); i++) {
        if (engine_mirror_types[i].id != id)
            continue;
        engine_mirror_mark(mirror, engine_mirror_types[i].fit);
        return (struct engine_mirror_pair){.cast = str_from(engine_mirror_types[i].cast),
                                           .type = str_format(mirror->arena, "\"%s\"", engine_mirror_types[i].type)};
    }
    return engine_mirror_text(mirror, false); /* ENUM, INTERVAL, TIMETZ, BIT, UNION, BIGNUM, VARIANT, GEOMETRY */
}

/* Texts and what is nested: a guess. */
#define ENGINE_MIRROR_WIDTH 24

static size_t engine_mirror_width(duckdb_type id)
{
    for (size_t i = 0; i < sizeof(engine_mirror_types) / sizeof(engine_mirror_types[0]); i++)
        if (engine_mirror_types[i].id == id)
            return engine_mirror_types[i].width;
    return ENGINE_MIRROR_WIDTH;
}

static void engine_mirror_column(struct engine_mirror *mirror, duckdb_prepared_statement statement, idx_t index,
                                 struct engine_mirror_column *column)
{
    const char *name = engine_db.prepared_statement_column_name(statement, index);
    duckdb_logical_type type = engine_db.prepared_statement_column_logical_type(statement, index);
    mirror->fit = ENGINE_FITS;
    column->width = engine_mirror_width(engine_db.get_type_id(type));
    struct engine_mirror_pair pair = engine_mirror_child(mirror, type);
    column->name = str_copy(mirror->arena, str_from(name));
    column->type = pair.type;
    column->cast = mirror->fit == ENGINE_FITS ? S("") : pair.cast;
    column->narrowed = mirror->fit == ENGINE_NARROWS;
    engine_db.free((void *)(uintptr_t)name);
}

bool engine_mirror_columns(struct engine_session *session, struct str select, struct arena *arena,
                           const struct engine_mirror_column **columns_out, size_t *count_out, struct err *err)
{
    duckdb_prepared_statement statement = NULL;
    if (engine_db.prepare(session->connection, str_cstr(arena, select), &statement) == DuckDBError) {
        engine_failure_text(session->engine, engine_db.prepare_error(statement), err);
        engine_db.destroy_prepare(&statement);
        return false;
    }
    size_t count = (size_t)engine_db.prepared_statement_column_count(statement);
    struct engine_mirror_column *columns = arena_array(arena, count + 1, sizeof(*columns));
    struct engine_mirror mirror = {.arena = arena, .last_id = (int64_t)count};
    for (size_t i = 0; i < count; i++)
        engine_mirror_column(&mirror, statement, i, &columns[i]);
    engine_db.destroy_prepare(&statement);
    *columns_out = columns;
    *count_out = count;
    return true;
}

/* One query of DuckDB's catalog functions for each kind of question. They are named with their catalog and schema, and
 * each column is cast, because a tenant may have macros of the same names. */
#include "platform/engine/metadata.h"

#include "base/vec.h"
#include "platform/arrow/bits.h"
#include "platform/arrow/message.h"
#include "platform/arrow/sql_shape.h"
#include "platform/engine/failure.h"
#include "platform/engine/metadata_schema.h"
#include "platform/engine/result.h"
#include "platform/engine/statement.h"

/* Values of $1, $2, ... */
enum engine_metadata_value {
    ENGINE_VALUE_OWN, /* the tenant's own database */
    ENGINE_VALUE_CATALOG,
    ENGINE_VALUE_SCHEMA,
    ENGINE_VALUE_TABLE,
    ENGINE_VALUE_FK_CATALOG,
    ENGINE_VALUE_FK_SCHEMA,
    ENGINE_VALUE_FK_TABLE,
    ENGINE_VALUE_COUNT,
};

struct engine_metadata {
    struct engine_session *session;
    const struct engine_metadata_request *request;
    const struct engine_output *output;
    struct engine_stats *stats;
    struct err *err;
    struct arena *arena;
    const struct arrow_shape *shape;
    struct arrow_writer *writer;
    size_t size; /* bytes of the rows in the writer, about */
    struct str values[ENGINE_VALUE_COUNT];
    struct buf header, body;
};

#define TEXT(expression, name) "CAST(" expression " AS VARCHAR) AS " name
#define NUMBER(expression, name) "CAST(" expression " AS BIGINT) AS " name
#define LIKE(expression, value) \
    "(CAST(" value " AS VARCHAR) IS NULL OR " expression " ILIKE CAST(" value " AS VARCHAR) ESCAPE '\\')"
/* Whatever the session's default_collation and default_order are. */
#define BY(name) name " COLLATE C ASC NULLS FIRST"
#define SHOWN(name)                                                                                       \
    "(" name " = $1 OR NOT (" name " = 'system' OR starts_with(" name ", 'upload_') OR starts_with(" name \
    ", 'snapshot_')))"
#define FROM(function) " FROM system.main.duckdb_" function "()"

/* `temp` is there only while something is in it. */
#define SCHEMAS_SHOWN                                                                                            \
    SHOWN("database_name")                                                                                       \
    " AND (database_name <> 'temp' OR EXISTS (SELECT 1" FROM(                                                    \
        "tables") " WHERE database_name = 'temp') OR "                                                           \
                  "EXISTS (SELECT 1" FROM("views") " WHERE database_name = 'temp' AND NOT internal)) AND " LIKE( \
                      "database_name", "$2")

static const char engine_sql_catalogs[] = "SELECT DISTINCT " TEXT("database_name", "catalog_name")
    FROM("schemas") " WHERE " SCHEMAS_SHOWN " ORDER BY " BY("catalog_name");

static const char engine_sql_schemas[] =
    "SELECT " TEXT("database_name", "catalog_name") ", " TEXT("schema_name", "db_schema_name")
        FROM("schemas") " WHERE " SCHEMAS_SHOWN
                        " AND " LIKE("schema_name", "$3") " ORDER BY " BY("catalog_name") ", " BY("db_schema_name");

static const char engine_sql_table_types[] =
    "SELECT " TEXT("unnest(['LOCAL TEMPORARY', 'TABLE', 'VIEW'])", "table_type");

#define TABLES_ORDER \
    " ORDER BY " BY("catalog_name") ", " BY("db_schema_name") ", " BY("table_name") ", " BY("table_type")
#define TABLES_SHOWN \
    SHOWN("database_name") " AND NOT internal AND " LIKE("database_name", "$2") " AND " LIKE("schema_name", "$3")

/* %s: a list of table types. */
static const char engine_sql_tables[] =
    "SELECT * FROM (SELECT " TEXT("database_name", "catalog_name") ", " TEXT("schema_name", "db_schema_name") ", " TEXT(
        "table_name", "table_name") ", " TEXT("if(temporary, 'LOCAL TEMPORARY', 'TABLE')", "table_type")
        FROM("tables") " WHERE " TABLES_SHOWN " AND " LIKE(
            "table_name", "$4") " UNION ALL SELECT database_name, schema_name, view_name, "
                                "'VIEW'" FROM("views") " WHERE " TABLES_SHOWN " AND " LIKE(
                                    "view_name", "$4") ") WHERE table_type IN (%s)" TABLES_ORDER;

/* One row for each column, without duckdb_tables(), which takes as long as the columns. */
static const char engine_sql_columns[] = "SELECT " TEXT("c.database_name", "catalog_name") ", " TEXT("c.schema_name", "db_schema_name") ", " TEXT("c.table_name", "table_name") ", " TEXT(
    "if(v.view_oid IS NOT NULL, 'VIEW', if(c.database_name = 'temp', 'LOCAL TEMPORARY', 'TABLE'))",
    "table_type") ", " TEXT("column_name",
                            "column_name") ", " TEXT("data_type",
                                                     "data_type") ", " TEXT("c.comment",
                                                                            "remarks") ", " TEXT("if(numeric_precision_"
                                                                                                 "radix = 10, "
                                                                                                 "numeric_precision, "
                                                                                                 "NULL)",
                                                                                                 "size") ", " TEXT("if("
                                                                                                                   "num"
                                                                                                                   "eri"
                                                                                                                   "c_"
                                                                                                                   "pre"
                                                                                                                   "cis"
                                                                                                                   "ion"
                                                                                                                   "_ra"
                                                                                                                   "dix"
                                                                                                                   " = "
                                                                                                                   "10,"
                                                                                                                   " nu"
                                                                                                                   "mer"
                                                                                                                   "ic_"
                                                                                                                   "sca"
                                                                                                                   "le,"
                                                                                                                   " NU"
                                                                                                                   "LL"
                                                                                                                   ")",
                                                                                                                   "dig"
                                                                                                                   "it"
                                                                                                                   "s") ", " NUMBER("is_nullable",
                                                                                                                                    "is_null") ", " NUMBER("coalesce(starts_with(column_default, 'nextval('), false)",
                                                                                                                                                           "automatic") " FROM (SELECT *" FROM("columns") " WHERE " TABLES_SHOWN
                                                                                                                                                                                                          " AND " LIKE(
                                                                                                                                                                                                              "table_name",
                                                                                                                                                                                                              "$4") ") c"
                                                                                                                                                                                                                    " LEFT JOIN system.main.duckdb_views() v ON v.database_oid = c.database_oid AND v.view_oid = c.table_oid"
                                                                                                                                                                                                                    " WHERE table_type IN (%s)" TABLES_ORDER
                                                                                                                                                                                                                    ", column_index ASC";

static const char engine_sql_primary_keys[] = "SELECT " TEXT("database_name", "catalog_name") ", " TEXT(
    "schema_name",
    "db_schema_name") ", " TEXT("table_name",
                                "table_name") ", " TEXT("unnest(constraint_column_names)",
                                                        "column_name") ", " NUMBER("generate_subscripts(constraint_"
                                                                                   "column_names, 1)",
                                                                                   "key_sequence") ", " TEXT("constrain"
                                                                                                             "t_name",
                                                                                                             "key_name")
    FROM("constraints") " WHERE constraint_type = 'PRIMARY KEY' AND " SHOWN("database_name") " AND " LIKE(
        "database_name",
        "$2") " AND " LIKE("schema_name",
                           "$3") " AND " LIKE("table_name",
                                              "$4") " ORDER BY " BY("catalog_name") ", " BY("db_schema_name") ", " BY("table_name") ", " BY("key_name") ", key_sequence ASC";

/* A foreign key points into its own schema, at the columns of a primary key or a unique constraint. 3: NO ACTION, the
 * only rule that DuckDB has. %s: conditions and order. */
static const char
    engine_sql_foreign_keys
        [] = "WITH k AS (SELECT *" FROM("constraints") " WHERE " SHOWN("database_name") "), "
                                                                                        "f AS (SELECT *, (SELECT "
                                                                                        "arg_min(p.constraint_name, "
                                                                                        "p.constraint_type) FROM k p"
                                                                                        " WHERE p.constraint_type IN "
                                                                                        "('PRIMARY KEY', 'UNIQUE') AND "
                                                                                        "p.schema_oid = k.schema_oid "
                                                                                        "AND"
                                                                                        " p.database_oid = "
                                                                                        "k.database_oid AND "
                                                                                        "lower(p.table_name) = "
                                                                                        "lower(k.referenced_table) AND"
                                                                                        " list_sort(p.constraint_"
                                                                                        "column_names) = "
                                                                                        "list_sort(k.referenced_column_"
                                                                                        "names)) AS pk_name"
                                                                                        " FROM k WHERE constraint_type "
                                                                                        "= 'FOREIGN KEY') "
                                                                                        "SELECT " TEXT("database_name", "pk_catalog_name") ", " TEXT("schema_name", "pk_db_schema_"
                                                                                                                                                                    "name") ", " TEXT("referenced_table", "pk_table_name") ", " TEXT("unnest(referenced_column_names)", "pk_column_name") ", " TEXT("database_name",
                                                                                                                                                                                                                                                                                                    "fk_catalog_name") ", " TEXT("schema_name", "fk_db_schema_name") ", " TEXT("table_name",
                                                                                                                                                                                                                                                                                                                                                                               "fk_table_name") ", " TEXT("unnest(constraint_column_"
                                                                                                                                                                                                                                                                                                                                                                                                          "names)",
                                                                                                                                                                                                                                                                                                                                                                                                          "fk_column_name") ", " NUMBER("g"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "e"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "n"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "e"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "r"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "a"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "t"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "e"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "_"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "s"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "u"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "b"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "s"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "c"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "r"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "i"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "p"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "t"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "s"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "("
                                                                                                                                                                                                                                                                                                                                                                                                                                        "c"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "o"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "n"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "s"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "t"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "r"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "a"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "i"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "n"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "t"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "_"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "c"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "o"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "l"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "u"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "m"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "n"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "_"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "n"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "a"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "m"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "e"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "s"
                                                                                                                                                                                                                                                                                                                                                                                                                                        ","
                                                                                                                                                                                                                                                                                                                                                                                                                                        " "
                                                                                                                                                                                                                                                                                                                                                                                                                                        "1"
                                                                                                                                                                                                                                                                                                                                                                                                                                        ")",
                                                                                                                                                                                                                                                                                                                                                                                                                                        "k"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "e"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "y"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "_"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "s"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "e"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "q"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "u"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "e"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "n"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "c"
                                                                                                                                                                                                                                                                                                                                                                                                                                        "e") ", " TEXT("constraint_name",
                                                                                                                                                                                                                                                                                                                                                                                                                                                       "fk_key_name") ", " TEXT("pk_name",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                "pk_key_name") ", " NUMBER("3",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                           "update_rule") ", " NUMBER("3",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                      "delete_rule") " FROM f WHERE %s";

#define KEY_OF(table, catalog_value, schema_value, table_value) \
    LIKE("database_name", catalog_value) " AND " LIKE("schema_name", schema_value) " AND " LIKE(table, table_value)
#define BY_PRIMARY                                                                                    \
    " ORDER BY " BY("pk_catalog_name") ", " BY("pk_db_schema_name") ", " BY("pk_table_name") ", " BY( \
        "pk_key_name") ", key_sequence ASC, " BY("fk_key_name")

static const char engine_sql_exported[] =
    KEY_OF("referenced_table", "$2", "$3", "$4") " ORDER BY " BY("fk_catalog_name") ", " BY(
        "fk_db_schema_name") ", " BY("fk_table_name") ", " BY("fk_key_name") ", key_sequence ASC";
static const char engine_sql_imported[] = KEY_OF("table_name", "$2", "$3", "$4") BY_PRIMARY;
static const char engine_sql_cross[] =
    KEY_OF("referenced_table", "$2", "$3", "$4") " AND " KEY_OF("table_name", "$5", "$6", "$7") BY_PRIMARY;

/* The pattern that matches one name, whatever characters it has. */
static struct str engine_metadata_name(struct arena *arena, struct str name)
{
    AUTO(buf) struct buf out = {0};
    if (!name.ptr)
        return name;
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '%' || name.ptr[i] == '_' || name.ptr[i] == '\\')
            buf_append_char(&out, '\\');
        buf_append_char(&out, name.ptr[i]);
    }
    return str_copy(arena, buf_str(&out));
}

/* DuckDB refuses a pattern that ends with a single \; it means itself. */
static struct str engine_metadata_pattern(struct arena *arena, struct str pattern)
{
    size_t slashes = 0;
    while (slashes < pattern.len && pattern.ptr[pattern.len - 1 - slashes] == '\\')
        slashes++;
    return slashes % 2 ? str_format(arena, "%.*s\\", STR_ARG(pattern)) : pattern;
}

static void engine_metadata_values(struct engine_metadata *metadata)
{
    const struct engine_metadata_request *request = metadata->request;
    struct arena *arena = metadata->arena;
    struct str *values = metadata->values;
    bool patterns = request->kind == ENGINE_METADATA_SCHEMAS || request->kind == ENGINE_METADATA_TABLES;
    bool pattern = patterns && request->catalog.ptr && str_find_char(request->catalog, '%') >= 0;
    values[ENGINE_VALUE_OWN] = metadata->session->engine->catalog;
    values[ENGINE_VALUE_CATALOG] =
        pattern ? engine_metadata_pattern(arena, request->catalog) : engine_metadata_name(arena, request->catalog);
    values[ENGINE_VALUE_SCHEMA] =
        patterns ? engine_metadata_pattern(arena, request->schema) : engine_metadata_name(arena, request->schema);
    values[ENGINE_VALUE_TABLE] =
        patterns ? engine_metadata_pattern(arena, request->table) : engine_metadata_name(arena, request->table);
    values[ENGINE_VALUE_FK_CATALOG] = engine_metadata_name(arena, request->fk_catalog);
    values[ENGINE_VALUE_FK_SCHEMA] = engine_metadata_name(arena, request->fk_schema);
    values[ENGINE_VALUE_FK_TABLE] = engine_metadata_name(arena, request->fk_table);
}

/* "'TABLE', 'VIEW'": those of ours that are asked for; never empty SQL. */
static const char *engine_metadata_types(const struct engine_metadata *metadata)
{
    static const char *const ours[] = {"LOCAL TEMPORARY", "TABLE", "VIEW"};
    const struct engine_metadata_request *request = metadata->request;
    struct str list = S("NULL");
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
        bool wanted = request->type_count == 0;
        for (size_t k = 0; k < request->type_count; k++)
            wanted |= str_equal_nocase(request->types[k], str_from(ours[i]));
        if (wanted)
            list = str_format(metadata->arena, "%.*s, '%s'", STR_ARG(list), ours[i]);
    }
    return str_cstr(metadata->arena, list);
}

static const char *engine_metadata_sql(struct engine_metadata *metadata)
{
    struct arena *arena = metadata->arena;
    switch (metadata->request->kind) {
    case ENGINE_METADATA_CATALOGS:
        metadata->shape = &arrow_sql_catalogs;
        return engine_sql_catalogs;
    case ENGINE_METADATA_SCHEMAS:
        metadata->shape = &arrow_sql_schemas;
        return engine_sql_schemas;
    case ENGINE_METADATA_TABLES:
        metadata->shape = metadata->request->include_schema ? &arrow_sql_tables_with_schema : &arrow_sql_tables;
        return str_format(arena, metadata->request->include_schema ? engine_sql_columns : engine_sql_tables,
                          engine_metadata_types(metadata))
            .ptr;
    case ENGINE_METADATA_TABLE_TYPES:
        metadata->shape = &arrow_sql_table_types;
        return engine_sql_table_types;
    case ENGINE_METADATA_PRIMARY_KEYS:
        metadata->shape = &arrow_sql_primary_keys;
        return engine_sql_primary_keys;
    case ENGINE_METADATA_EXPORTED_KEYS:
        metadata->shape = &arrow_sql_foreign_keys;
        return str_format(arena, engine_sql_foreign_keys, engine_sql_exported).ptr;
    case ENGINE_METADATA_IMPORTED_KEYS:
        metadata->shape = &arrow_sql_foreign_keys;
        return str_format(arena, engine_sql_foreign_keys, engine_sql_imported).ptr;
    case ENGINE_METADATA_CROSS_REFERENCE:
        metadata->shape = &arrow_sql_foreign_keys;
        return str_format(arena, engine_sql_foreign_keys, engine_sql_cross).ptr;
    }
    mem_panic("a kind of metadata that nobody knows");
}

/* Sends a message: its flatbuffer is in metadata->header, its body in metadata->body. */
static bool engine_metadata_send(struct engine_metadata *metadata, uint64_t rows)
{
    const struct engine_output *output = metadata->output;
    size_t size = buf_len(&metadata->body);
    uint8_t *place = output->reserve(output->owner, size + ARROW_BODY_SLACK, metadata->err);
    if (!place)
        return false;
    if (size > 0)
        memcpy(place, buf_str(&metadata->body).ptr, size);
    metadata->stats->rows += rows;
    metadata->stats->bytes += size;
    bool ok = output->send(output->owner, buf_str(&metadata->header), size, rows, metadata->err);
    buf_clear(&metadata->header);
    buf_clear(&metadata->body);
    return ok;
}

static bool engine_metadata_flush(struct engine_metadata *metadata)
{
    size_t rows = arrow_writer_rows(metadata->writer);
    if (rows == 0)
        return true;
    arrow_writer_batch(metadata->writer, &metadata->header, &metadata->body);
    metadata->size = 0;
    return engine_metadata_send(metadata, rows);
}

static void engine_metadata_put(struct engine_metadata *metadata, size_t column, struct str value)
{
    struct ArrowArray *cell = arrow_writer_cell(metadata->writer, column);
    if (value.ptr)
        arrow_put_text(cell, value);
    else
        arrow_put_null(cell);
    metadata->size += value.len + sizeof(int32_t);
}

static bool engine_metadata_row(struct engine_metadata *metadata)
{
    arrow_writer_row(metadata->writer);
    return metadata->size < metadata->request->batch_target || engine_metadata_flush(metadata);
}

/* Borrowed from the vector; ptr NULL for NULL. */
static struct str engine_metadata_text(duckdb_data_chunk chunk, idx_t column, idx_t row)
{
    duckdb_vector vector = engine_db.data_chunk_get_vector(chunk, column);
    const uint64_t *valid = engine_db.vector_get_validity(vector);
    const duckdb_string_t *text = (const duckdb_string_t *)engine_db.vector_get_data(vector) + row;
    uint32_t len = text->value.inlined.length;
    if (valid && !arrow_bit(valid, row))
        return (struct str){0};
    return str_bytes(len <= 12 ? text->value.inlined.inlined : text->value.pointer.ptr, len);
}

static int64_t engine_metadata_number(duckdb_data_chunk chunk, idx_t column, idx_t row)
{
    return ((const int64_t *)engine_db.vector_get_data(engine_db.data_chunk_get_vector(chunk, column)))[row];
}

/* The query's columns are the shape's. */
static bool engine_metadata_plain(struct engine_metadata *metadata, duckdb_data_chunk chunk)
{
    idx_t rows = engine_db.data_chunk_get_size(chunk);
    bool ok = true;
    for (idx_t row = 0; ok && row < rows; row++) {
        for (size_t i = 0; i < metadata->shape->count; i++) {
            if (metadata->shape->columns[i].format[0] == 'u')
                engine_metadata_put(metadata, i, engine_metadata_text(chunk, i, row));
            else
                arrow_put_i64(arrow_writer_cell(metadata->writer, i), engine_metadata_number(chunk, i, row));
        }
        ok = engine_metadata_row(metadata);
    }
    return ok;
}

/* Columns of engine_sql_columns. */
enum {
    COLUMN_TABLE = 4,
    COLUMN_NAME = 4,
    COLUMN_TYPE,
    COLUMN_REMARKS,
    COLUMN_SIZE,
    COLUMN_DIGITS,
    COLUMN_NULL,
    COLUMN_AUTO
};

struct engine_metadata_tables {
    struct engine_metadata_schema *schema;
    struct str current[COLUMN_TABLE]; /* catalog, schema, table, type; ptr NULL before the first table */
};

static bool engine_metadata_table(struct engine_metadata *metadata, struct engine_metadata_tables *tables)
{
    if (!tables->current[0].ptr)
        return true;
    for (size_t i = 0; i < COLUMN_TABLE; i++)
        engine_metadata_put(metadata, i, tables->current[i]);
    engine_metadata_put(metadata, COLUMN_TABLE, engine_metadata_schema_take(tables->schema));
    return engine_metadata_row(metadata);
}

static bool engine_metadata_columns(struct engine_metadata *metadata, struct engine_metadata_tables *tables,
                                    duckdb_data_chunk chunk)
{
    idx_t rows = engine_db.data_chunk_get_size(chunk);
    for (idx_t row = 0; row < rows; row++) {
        struct str at[COLUMN_TABLE];
        bool same = true;
        for (size_t i = 0; i < COLUMN_TABLE; i++) {
            at[i] = engine_metadata_text(chunk, i, row);
            same = same && tables->current[i].ptr && str_equal(at[i], tables->current[i]);
        }
        if (!same && !engine_metadata_table(metadata, tables))
            return false;
        memcpy(tables->current, at, sizeof(at));
        struct engine_metadata_column column = {.catalog = at[0],
                                                .schema = at[1],
                                                .table = at[2],
                                                .read_only = str_equal(at[3], S("VIEW")),
                                                .name = engine_metadata_text(chunk, COLUMN_NAME, row),
                                                .type = engine_metadata_text(chunk, COLUMN_TYPE, row),
                                                .comment = engine_metadata_text(chunk, COLUMN_REMARKS, row),
                                                .precision = engine_metadata_text(chunk, COLUMN_SIZE, row),
                                                .scale = engine_metadata_text(chunk, COLUMN_DIGITS, row),
                                                .nullable = engine_metadata_number(chunk, COLUMN_NULL, row),
                                                .automatic = engine_metadata_number(chunk, COLUMN_AUTO, row)};
        engine_metadata_schema_add(tables->schema, &column);
    }
    return true;
}

struct engine_chunks {
    VEC(duckdb_data_chunk) list;
};

/* All of the result: asking for types would end a query that still streams on this connection. */
static bool engine_metadata_fetch(struct engine_metadata *metadata, struct engine_result *result,
                                  struct engine_chunks *chunks)
{
    for (;;) {
        bool failed;
        duckdb_data_chunk chunk = engine_result_fetch(result, &failed, metadata->err);
        if (!chunk)
            return !failed;
        vec_push(&chunks->list, chunk);
    }
}

static bool engine_metadata_rows(struct engine_metadata *metadata, const struct engine_chunks *chunks)
{
    bool ok = true;
    if (metadata->shape != &arrow_sql_tables_with_schema) {
        for (size_t i = 0; ok && i < chunks->list.count; i++)
            ok = engine_metadata_plain(metadata, chunks->list.items[i]);
        return ok;
    }
    struct engine_metadata_tables tables = {.schema = engine_metadata_schema_new(metadata->session)};
    for (size_t i = 0; ok && i < chunks->list.count; i++)
        ok = engine_metadata_columns(metadata, &tables, chunks->list.items[i]);
    ok = ok && engine_metadata_table(metadata, &tables);
    engine_metadata_schema_free(&tables.schema);
    return ok;
}

static bool engine_metadata_result(struct engine_metadata *metadata, duckdb_result *duckdb)
{
    struct engine_result result = {0};
    struct engine_chunks chunks = {0};
    bool ok = engine_result_init(&result, metadata->session, duckdb, metadata->err) &&
              engine_metadata_fetch(metadata, &result, &chunks);
    engine_result_done(&result);
    arrow_shape_schema(metadata->shape, &metadata->header);
    metadata->writer = arrow_writer_new(metadata->shape);
    ok = ok && engine_metadata_send(metadata, 0) && engine_metadata_rows(metadata, &chunks) &&
         engine_metadata_flush(metadata);
    arrow_writer_free(&metadata->writer);
    for (size_t i = 0; i < chunks.list.count; i++)
        engine_db.destroy_data_chunk(&chunks.list.items[i]);
    vec_done(&chunks.list);
    return ok;
}

static bool engine_metadata_bind(struct engine_metadata *metadata, duckdb_prepared_statement statement)
{
    idx_t count = engine_db.nparams(statement);
    for (idx_t i = 1; i <= count; i++) {
        const char *name = engine_db.parameter_name(statement, i);
        struct str value = metadata->values[name[0] - '1'];
        engine_db.free((void *)(uintptr_t)name);
        duckdb_state state = value.ptr ? engine_db.bind_varchar_length(statement, i, value.ptr, value.len)
                                       : engine_db.bind_null(statement, i);
        if (state == DuckDBError)
            return err_set(metadata->err, ERR_INVALID, "a filter is not UTF-8");
    }
    return true;
}

bool engine_metadata(struct engine_session *session, const struct engine_metadata_request *request,
                     const struct engine_output *output, struct engine_stats *stats_out, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct engine_stats stats = {.kind = ENGINE_KIND_READ};
    struct engine_metadata metadata = {
        .session = session, .request = request, .output = output, .stats = &stats, .err = err, .arena = arena};
    duckdb_prepared_statement statement = NULL;
    duckdb_result result;
    bool ok = true;
    engine_metadata_values(&metadata);
    if (engine_db.prepare(session->connection, engine_metadata_sql(&metadata), &statement) == DuckDBError)
        ok = engine_failure_text(session->engine, engine_db.prepare_error(statement), err);
    ok = ok && engine_metadata_bind(&metadata, statement) &&
         engine_statement_execute(session, statement, &result, err) && engine_metadata_result(&metadata, &result);
    engine_db.destroy_prepare(&statement);
    buf_done(&metadata.header);
    buf_done(&metadata.body);
    if (ok)
        *stats_out = stats;
    return ok;
}

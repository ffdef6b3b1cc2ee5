/* One query of DuckDB's catalog functions for each kind of question. They are named with their catalog and schema, and
 * each column is cast, because a tenant may have macros of the same names. */
#include "platform/engine/metadata.h"

#include "base/vec.h"
#include "platform/arrow/bits.h"
#include "platform/arrow/message.h"
#include "platform/arrow/sql_shape.h"
#include "platform/engine/failure.h"
#include "platform/engine/iceberg.h"
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

/* The databases that are shown. Namespaces of the Iceberg catalog are shown as schemas of the tenant, "iceberg" and
 * "iceberg.ns"; the gate makes DuckDB's names of them again. */
#define ENGINE_IS_ICEBERG "(database_name = '" ENGINE_ICEBERG "' AND $1::VARCHAR <> '" ENGINE_ICEBERG "')"
#define ENGINE_DATABASE "if(" ENGINE_IS_ICEBERG ", $1::VARCHAR, database_name)::VARCHAR"
#define ENGINE_NAMESPACE                                                                                       \
    "if(" ENGINE_IS_ICEBERG " AND schema_name <> '" ENGINE_ICEBERG "', '" ENGINE_ICEBERG ".' || schema_name, " \
    "schema_name)::VARCHAR"
#define ENGINE_SHOWN                                                                      \
    "(database_name = $1 OR NOT (database_name = 'system' OR starts_with(database_name, " \
    "'upload_') OR starts_with(database_name, 'snapshot_')))"
/* The filters; NULL is none. */
#define ENGINE_CATALOG "($2::VARCHAR IS NULL OR " ENGINE_DATABASE " ILIKE $2::VARCHAR ESCAPE '\\')"
#define ENGINE_SCHEMA "($3::VARCHAR IS NULL OR " ENGINE_NAMESPACE " ILIKE $3::VARCHAR ESCAPE '\\')"
#define ENGINE_TABLE "($4::VARCHAR IS NULL OR table_name ILIKE $4::VARCHAR ESCAPE '\\')"
#define ENGINE_VIEW "($4::VARCHAR IS NULL OR view_name ILIKE $4::VARCHAR ESCAPE '\\')"
#define ENGINE_PARENT "($4::VARCHAR IS NULL OR referenced_table ILIKE $4::VARCHAR ESCAPE '\\')"
#define ENGINE_FK_CATALOG "($5::VARCHAR IS NULL OR database_name ILIKE $5::VARCHAR ESCAPE '\\')"
#define ENGINE_FK_SCHEMA "($6::VARCHAR IS NULL OR schema_name ILIKE $6::VARCHAR ESCAPE '\\')"
#define ENGINE_FK_TABLE "($7::VARCHAR IS NULL OR table_name ILIKE $7::VARCHAR ESCAPE '\\')"
/* Order of bytes, whatever the session's default_collation and default_order are. */
#define ENGINE_RISING " COLLATE C ASC NULLS FIRST"

/* %s: whether there is anything in `temp`, which shows only then. */
#define ENGINE_SCHEMAS_SHOWN ENGINE_SHOWN " AND (database_name <> 'temp' OR %s) AND " ENGINE_CATALOG
static const char engine_sql_has_temporary[] =
    "EXISTS (SELECT 1 FROM system.main.duckdb_tables() WHERE database_name = 'temp') OR "
    "EXISTS (SELECT 1 FROM system.main.duckdb_views() WHERE database_name = 'temp' AND NOT internal)";

static const char engine_sql_catalogs[] =
    "SELECT DISTINCT " ENGINE_DATABASE " AS a FROM system.main.duckdb_schemas() WHERE " ENGINE_SCHEMAS_SHOWN
    " ORDER BY a" ENGINE_RISING;

static const char engine_sql_schemas[] =
    "SELECT " ENGINE_DATABASE " AS a, " ENGINE_NAMESPACE " AS b FROM system.main.duckdb_schemas() "
    "WHERE " ENGINE_SCHEMAS_SHOWN " AND " ENGINE_SCHEMA " ORDER BY a" ENGINE_RISING ", b" ENGINE_RISING;

static const char engine_sql_table_types[] = "SELECT unnest(['LOCAL TEMPORARY', 'TABLE', 'VIEW'])::VARCHAR";

#define ENGINE_TABLES_SHOWN ENGINE_SHOWN " AND NOT internal AND " ENGINE_CATALOG " AND " ENGINE_SCHEMA
#define ENGINE_TABLES_ORDER "ORDER BY a" ENGINE_RISING ", b" ENGINE_RISING ", c" ENGINE_RISING ", d" ENGINE_RISING

/* %s: a list of table types. */
static const char engine_sql_tables[] =
    "SELECT a, b, c, d FROM ("
    "SELECT " ENGINE_DATABASE " AS a, " ENGINE_NAMESPACE " AS b, table_name::VARCHAR AS c, "
    "if(temporary, 'LOCAL TEMPORARY', 'TABLE')::VARCHAR AS d "
    "FROM system.main.duckdb_tables() WHERE " ENGINE_TABLES_SHOWN " AND " ENGINE_TABLE
    " UNION ALL SELECT " ENGINE_DATABASE ", " ENGINE_NAMESPACE ", view_name, 'VIEW' "
    "FROM system.main.duckdb_views() WHERE " ENGINE_TABLES_SHOWN " AND " ENGINE_VIEW
    ") WHERE d IN (%s) " ENGINE_TABLES_ORDER;

/* One row for each column, without duckdb_tables(), which takes as long as the columns. */
static const char engine_sql_columns[] =
    "SELECT a, b, c, d, name, type, remarks, nullable, automatic FROM ("
    "SELECT t.shown AS a, t.namespace AS b, t.table_name::VARCHAR AS c, "
    "if(v.view_oid IS NOT NULL, 'VIEW', if(t.database_name = 'temp', 'LOCAL TEMPORARY', 'TABLE'))::VARCHAR AS d, "
    "t.column_name::VARCHAR AS name, t.data_type::VARCHAR AS type, t.comment::VARCHAR AS remarks, "
    "t.is_nullable::BIGINT AS nullable, "
    "coalesce(starts_with(t.column_default, 'nextval('), false)::BIGINT AS automatic, t.column_index AS position "
    "FROM (SELECT *, " ENGINE_DATABASE " AS shown, " ENGINE_NAMESPACE " AS namespace FROM system.main.duckdb_columns() "
    "WHERE " ENGINE_TABLES_SHOWN " AND " ENGINE_TABLE " AND data_type <> 'UNKNOWN') t "
    "LEFT JOIN system.main.duckdb_views() v ON v.database_oid = t.database_oid AND v.view_oid = t.table_oid) "
    "WHERE d IN (%s) " ENGINE_TABLES_ORDER ", position ASC";

static const char engine_sql_primary_keys[] =
    "SELECT database_name::VARCHAR AS a, schema_name::VARCHAR AS b, table_name::VARCHAR AS c, "
    "unnest(constraint_column_names)::VARCHAR, generate_subscripts(constraint_column_names, 1)::BIGINT AS sequence, "
    "constraint_name::VARCHAR AS d FROM system.main.duckdb_constraints() "
    "WHERE constraint_type = 'PRIMARY KEY' AND " ENGINE_SHOWN " AND " ENGINE_CATALOG " AND " ENGINE_SCHEMA
    " AND " ENGINE_TABLE " " ENGINE_TABLES_ORDER ", sequence ASC";

/* A foreign key points into its own schema, at the columns of a primary key or a unique constraint. 3: NO ACTION, the
 * only rule that DuckDB has. %s: conditions and order. */
static const char engine_sql_foreign_keys[] =
    "WITH k AS (SELECT * FROM system.main.duckdb_constraints() WHERE " ENGINE_SHOWN "), "
    "f AS (SELECT *, (SELECT arg_min(p.constraint_name, p.constraint_type) FROM k p "
    "WHERE p.constraint_type IN ('PRIMARY KEY', 'UNIQUE') AND p.schema_oid = k.schema_oid AND "
    "p.database_oid = k.database_oid AND lower(p.table_name) = lower(k.referenced_table) AND "
    "list_sort(p.constraint_column_names) = list_sort(k.referenced_column_names)) AS pk_name "
    "FROM k WHERE constraint_type = 'FOREIGN KEY') "
    "SELECT database_name::VARCHAR AS a, schema_name::VARCHAR AS b, referenced_table::VARCHAR AS parent, "
    "unnest(referenced_column_names)::VARCHAR, database_name::VARCHAR, schema_name::VARCHAR, "
    "table_name::VARCHAR AS child, unnest(constraint_column_names)::VARCHAR, "
    "generate_subscripts(constraint_column_names, 1)::BIGINT AS sequence, constraint_name::VARCHAR AS fk, "
    "pk_name::VARCHAR AS pk, 3::BIGINT, 3::BIGINT FROM f WHERE %s";

#define ENGINE_BY_PARENT                                                                                             \
    " ORDER BY a" ENGINE_RISING ", b" ENGINE_RISING ", parent" ENGINE_RISING ", pk" ENGINE_RISING ", sequence ASC, " \
    "fk" ENGINE_RISING

static const char engine_sql_exported[] =
    ENGINE_CATALOG " AND " ENGINE_SCHEMA " AND " ENGINE_PARENT " ORDER BY a" ENGINE_RISING ", b" ENGINE_RISING
                   ", child" ENGINE_RISING ", fk" ENGINE_RISING ", sequence ASC";
static const char engine_sql_imported[] = ENGINE_CATALOG " AND " ENGINE_SCHEMA " AND " ENGINE_TABLE ENGINE_BY_PARENT;
static const char engine_sql_cross[] =
    ENGINE_CATALOG " AND " ENGINE_SCHEMA " AND " ENGINE_PARENT " AND " ENGINE_FK_CATALOG " AND " ENGINE_FK_SCHEMA
                   " AND " ENGINE_FK_TABLE ENGINE_BY_PARENT;

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
    const char *temporary = engine_session_is_clean(metadata->session) ? "false" : engine_sql_has_temporary;
    switch (metadata->request->kind) {
    case ENGINE_METADATA_CATALOGS:
        metadata->shape = &arrow_sql_catalogs;
        return str_format(arena, engine_sql_catalogs, temporary).ptr;
    case ENGINE_METADATA_SCHEMAS:
        metadata->shape = &arrow_sql_schemas;
        return str_format(arena, engine_sql_schemas, temporary).ptr;
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
enum { COLUMN_TABLE = 4, COLUMN_NAME = 4, COLUMN_TYPE, COLUMN_REMARKS, COLUMN_NULL, COLUMN_AUTO };

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

/* --- Iceberg tables have no columns in DuckDB's lists before each was asked for --- */

static const char engine_sql_iceberg[] =
    "SELECT schema_name::VARCHAR, table_name::VARCHAR FROM system.main.duckdb_tables() "
    "WHERE database_name = '" ENGINE_ICEBERG "' AND " ENGINE_TABLES_SHOWN " AND " ENGINE_TABLE;

/* Preparing a query asks the catalog for the table. One that cannot be read has no columns, and is not shown. */
static void engine_metadata_load_table(struct engine_metadata *metadata, struct str schema, struct str table)
{
    struct arena *arena = metadata->arena;
    duckdb_prepared_statement statement = NULL;
    struct str sql = str_format(arena, "SELECT 1 FROM " ENGINE_ICEBERG ".%s.%s", engine_quote_name(arena, schema).ptr,
                                engine_quote_name(arena, table).ptr);
    engine_db.prepare(metadata->session->connection, sql.ptr, &statement);
    engine_db.destroy_prepare(&statement);
}

static bool engine_metadata_query(struct engine_metadata *metadata, const char *sql, duckdb_result *result_out)
{
    struct engine_session *session = metadata->session;
    duckdb_prepared_statement statement = NULL;
    bool ok = true;
    if (engine_db.prepare(session->connection, sql, &statement) == DuckDBError)
        ok = engine_failure_text(session->engine, engine_db.prepare_error(statement), metadata->err);
    ok = ok && engine_metadata_bind(metadata, statement) &&
         engine_statement_execute(session, statement, result_out, metadata->err);
    engine_db.destroy_prepare(&statement);
    return ok;
}

static bool engine_metadata_load(struct engine_metadata *metadata)
{
    duckdb_result duckdb;
    struct engine_result result = {0};
    struct engine_chunks chunks = {0};
    if (!engine_metadata_query(metadata, engine_sql_iceberg, &duckdb))
        return false;
    bool ok = engine_result_init(&result, metadata->session, &duckdb, metadata->err) &&
              engine_metadata_fetch(metadata, &result, &chunks);
    engine_result_done(&result);
    for (size_t i = 0; i < chunks.list.count; i++) {
        duckdb_data_chunk chunk = chunks.list.items[i];
        for (idx_t row = 0; ok && row < engine_db.data_chunk_get_size(chunk); row++)
            engine_metadata_load_table(metadata, engine_metadata_text(chunk, 0, row),
                                       engine_metadata_text(chunk, 1, row));
        engine_db.destroy_data_chunk(&chunk);
    }
    vec_done(&chunks.list);
    return ok;
}

/* In one transaction, so that each table is asked for once. */
static bool engine_metadata_answer(struct engine_metadata *metadata)
{
    struct engine_session *session = metadata->session;
    const struct engine_metadata_request *request = metadata->request;
    bool loads = session->engine->iceberg && request->kind == ENGINE_METADATA_TABLES && request->include_schema;
    bool own = loads && !session->in_transaction;
    duckdb_result result;
    struct err ignored;
    const char *sql = engine_metadata_sql(metadata);
    bool ok = !own || engine_query(session->connection, "BEGIN TRANSACTION READ ONLY", metadata->err);
    ok = ok && (!loads || engine_metadata_load(metadata)) && engine_metadata_query(metadata, sql, &result) &&
         engine_metadata_result(metadata, &result);
    bool ended = own && engine_query(session->connection, "ROLLBACK", &ignored);
    (void)ended;
    return ok;
}

bool engine_metadata(struct engine_session *session, const struct engine_metadata_request *request,
                     const struct engine_output *output, struct engine_stats *stats_out, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct engine_stats stats = {.kind = ENGINE_KIND_READ};
    struct engine_metadata metadata = {
        .session = session, .request = request, .output = output, .stats = &stats, .err = err, .arena = arena};
    engine_metadata_values(&metadata);
    bool ok = engine_metadata_answer(&metadata);
    buf_done(&metadata.header);
    buf_done(&metadata.body);
    if (ok)
        *stats_out = stats;
    return ok;
}

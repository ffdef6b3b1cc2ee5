/* What an upload may go into. */
#include "platform/engine/table.h"

#include "platform/engine/failure.h"
#include "platform/engine/widening.h"

static bool engine_table_count(struct engine_session *session, const char *what, const char *column, struct str catalog,
                               struct str schema, struct str name, int64_t *count_out, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct str sql =
        str_format(arena, "SELECT count(*) FROM %s WHERE database_name = %s AND lower(schema_name) = lower(%s)", what,
                   engine_quote_text(arena, catalog).ptr, engine_quote_text(arena, schema).ptr);
    if (column)
        sql = str_format(arena, "%s AND lower(%s) = lower(%s)", sql.ptr, column, engine_quote_text(arena, name).ptr);
    return engine_query_i64(session->connection, sql.ptr, count_out, err);
}

bool engine_table_look(struct engine_session *session, struct str catalog, struct str schema, struct str table,
                       enum engine_table_state *state_out, struct err *err)
{
    int64_t schemas, tables, views;
    if (!engine_table_count(session, "duckdb_schemas()", NULL, catalog, schema, S(""), &schemas, err) ||
        !engine_table_count(session, "duckdb_tables()", "table_name", catalog, schema, table, &tables, err) ||
        !engine_table_count(session, "duckdb_views()", "view_name", catalog, schema, table, &views, err))
        return false;
    if (schemas == 0)
        return err_set(err, ERR_NOT_FOUND, "there is no schema %.*s", STR_ARG(schema));
    *state_out = tables > 0 ? ENGINE_TABLE_PRESENT : views > 0 ? ENGINE_TABLE_IS_VIEW : ENGINE_TABLE_ABSENT;
    return true;
}

static void engine_table_type_free(void *type)
{
    duckdb_logical_type handle = type;
    engine_db.destroy_logical_type(&handle);
}

/* DESCRIBE gives names and types as texts. */
static bool engine_table_type_names(struct engine_session *session, struct str name, struct arena *arena,
                                    struct engine_table_columns *columns, struct err *err)
{
    duckdb_result result;
    size_t at = 0;
    struct str sql = str_format(arena, "DESCRIBE %.*s", STR_ARG(name));
    if (engine_db.query(session->connection, sql.ptr, &result) == DuckDBError)
        return engine_failure_result(session->engine, &result, err);
    for (duckdb_data_chunk chunk; (chunk = engine_db.fetch_chunk(result)); engine_db.destroy_data_chunk(&chunk)) {
        idx_t rows = engine_db.data_chunk_get_size(chunk);
        duckdb_vector types = engine_db.data_chunk_get_vector(chunk, 1);
        for (idx_t row = 0; row < rows && at < columns->count; row++, at++)
            columns->items[at].type_name = engine_text_at(arena, types, row);
    }
    engine_db.destroy_result(&result);
    return at == columns->count || err_set(err, ERR_INTERNAL, "DESCRIBE tells of other columns than the table has");
}

bool engine_table_describe(struct engine_session *session, struct str name, struct arena *arena,
                           struct engine_table_columns *columns_out, struct err *err)
{
    struct str sql = str_format(arena, "SELECT * FROM %.*s", STR_ARG(name));
    duckdb_prepared_statement statement = NULL;
    if (engine_db.prepare(session->connection, sql.ptr, &statement) == DuckDBError) {
        engine_failure_text(session->engine, engine_db.prepare_error(statement), err);
        engine_db.destroy_prepare(&statement);
        return false;
    }
    struct engine_table_columns columns = {.count = engine_db.prepared_statement_column_count(statement)};
    columns.items = arena_array(arena, columns.count + 1, sizeof(*columns.items));
    for (size_t i = 0; i < columns.count; i++) {
        const char *column = engine_db.prepared_statement_column_name(statement, i);
        columns.items[i].name = str_copy(arena, str_from(column));
        columns.items[i].type = engine_db.prepared_statement_column_logical_type(statement, i);
        arena_defer(arena, engine_table_type_free, columns.items[i].type);
        engine_db.free((void *)(uintptr_t)column);
    }
    engine_db.destroy_prepare(&statement);
    if (!engine_table_type_names(session, name, arena, &columns, err))
        return false;
    *columns_out = columns;
    return true;
}

static const struct engine_table_column *engine_table_find(const struct engine_table_columns *columns, struct str name)
{
    for (size_t i = 0; i < columns->count; i++)
        if (str_equal_nocase(columns->items[i].name, name))
            return &columns->items[i];
    return NULL;
}

bool engine_table_fits(const struct engine_table_columns *from, const struct engine_table_columns *to, struct str table,
                       struct err *err)
{
    for (size_t i = 0; i < from->count; i++) {
        const struct engine_table_column *sent = &from->items[i], *kept = engine_table_find(to, sent->name);
        if (!kept)
            return err_set(err, ERR_INVALID, "the table %.*s has no column %.*s", STR_ARG(table), STR_ARG(sent->name));
        if (!sent->untyped && !str_equal(sent->type_name, kept->type_name) &&
            !engine_widening(sent->type, kept->type)) {
            err_set(err, ERR_INVALID, "column %.*s is %.*s in the upload and %.*s in the table", STR_ARG(sent->name),
                    STR_ARG(sent->type_name), STR_ARG(kept->type_name));
            return err_hint(err, "cast the column before the upload, or use the mode replace");
        }
    }
    return true;
}

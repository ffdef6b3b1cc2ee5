/* LOCALS: the tables and views of the schema "default", with what tells whether they have changed.
 *
 * {"name": "t"} asks about one: it is found without a look into the Iceberg catalog, which a list costs. The answer's
 * rows: name, is_view, epoch, version, bytes, and for one view what Iceberg's metadata says of it. */
#include "platform/engine/change.h"
#include "platform/engine/procedure.h"
#include "platform/json/json.h"
#include "worker/procedures.h"
#include "worker/sql.h"
#include "worker/statement.h"

uint64_t procedure_locals_version(const struct engine_versions *versions, struct str name, bool is_view)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct str lower = str_lower(arena, name);
    uint64_t version = versions->rest;
    if (is_view)
        return versions->any;
    for (size_t i = 0; i < versions->count; i++)
        if (str_equal(versions->names[i], lower))
            version += versions->more[i];
    return version;
}

struct str procedure_locals_name(struct worker_statement *statement, struct str name)
{
    AUTO(buf) struct buf sql = {0};
    sql_append_name(&sql, engine_catalog(statement->session));
    buf_append_str(&sql, S(".\"default\"."));
    sql_append_name(&sql, name);
    return str_copy(statement->arena, buf_str(&sql));
}

/* The query of "CREATE VIEW name (columns) AS query;" as DuckDB prints it. */
static struct str locals_view_query(struct str sql)
{
    char quote = 0;
    int depth = 0;
    for (size_t i = 0; i + 4 <= sql.len; i++) {
        char c = sql.ptr[i];
        if (quote || c == '"') {
            quote = c == '"' ? (quote ? 0 : c) : quote;
            continue;
        }
        depth += (c == '(') - (c == ')');
        if (depth == 0 && str_equal_nocase(str_slice(sql, i, 4), S(" as "))) {
            struct str query = str_trim(str_from_index(sql, i + 4));
            return str_ends_with(query, S(";")) ? str_slice(query, 0, query.len - 1) : query;
        }
    }
    return sql;
}

static void locals_write_fields(struct json_writer *writer, const struct engine_mirror_column *columns, size_t count)
{
    json_begin_array(writer, "fields");
    for (size_t i = 0; i < count; i++) {
        json_begin_object(writer, NULL);
        json_write_i64(writer, "id", (int64_t)i + 1);
        json_write_text(writer, "name", columns[i].name);
        json_write_bool(writer, "required", false);
        buf_printf(writer->buf, ",\"type\":%.*s", STR_ARG(columns[i].type));
        json_end_object(writer);
    }
    json_end_array(writer);
}

/* {"sql": …, "fields": […]} */
static bool locals_view(struct worker_statement *statement, struct str name, const struct engine_mirror_column *columns,
                        size_t count, struct buf *json, struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    const struct json *rows;
    buf_append_str(&sql, S("SELECT sql FROM duckdb_views() WHERE schema_name = 'default' AND database_name = "));
    sql_append_text(&sql, engine_catalog(statement->session));
    buf_append_str(&sql, S(" AND view_name = "));
    sql_append_text(&sql, name);
    if (!sql_rows(statement, statement->arena, buf_str(&sql), &rows, err))
        return false;
    struct json_writer writer = {.buf = json};
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "sql", locals_view_query(json_text(json_get(json_at(rows, 0), "sql"))));
    locals_write_fields(&writer, columns, count);
    json_end_object(&writer);
    return true;
}

static bool locals_bytes(struct worker_statement *statement, struct str table,
                         const struct engine_mirror_column *columns, size_t count, int64_t *bytes_out, struct err *err)
{
    const struct json *rows;
    int64_t width = 0;
    struct str sql = str_format(statement->arena, "SELECT count(*) AS n FROM %.*s", STR_ARG(table));
    if (!sql_rows(statement, statement->arena, sql, &rows, err))
        return false;
    for (size_t i = 0; i < count; i++)
        width += (int64_t)columns[i].width;
    *bytes_out = sql_number(json_get(json_at(rows, 0), "n"), 0) * width;
    return true;
}

static bool locals_one(struct worker_statement *statement, const struct engine_versions *versions, struct str name,
                       struct str *answer_out, struct err *err)
{
    AUTO(buf) struct buf view = {0};
    AUTO(buf) struct buf answer = {0};
    struct arena *arena = statement->arena;
    struct engine_found found;
    const struct engine_mirror_column *columns;
    size_t count;
    int64_t bytes = 0;
    if (!engine_find(statement->session, name, arena, &found, err)) {
        *answer_out = S("SELECT NULL WHERE false");
        return err->code == ERR_NOT_FOUND;
    }
    struct str table = procedure_locals_name(statement, found.name);
    if (!engine_mirror_columns(statement->session, str_format(arena, "SELECT * FROM %.*s", STR_ARG(table)), arena,
                               &columns, &count, err))
        return false;
    if (found.is_view ? !locals_view(statement, found.name, columns, count, &view, err)
                      : !locals_bytes(statement, table, columns, count, &bytes, err))
        return false;
    buf_append_str(&answer, S("SELECT "));
    sql_append_text(&answer, found.name);
    buf_printf(&answer, " AS name, %s AS is_view, %llu AS epoch, %llu AS version, %lld AS bytes, ",
               found.is_view ? "true" : "false", (unsigned long long)versions->epoch,
               (unsigned long long)procedure_locals_version(versions, found.name, found.is_view), (long long)bytes);
    sql_append_text(&answer, buf_str(&view));
    buf_append_str(&answer, S(" AS \"view\""));
    *answer_out = str_copy(arena, buf_str(&answer));
    return true;
}

static void locals_append_list(struct worker_statement *statement, struct buf *sql, const char *name, const char *from,
                               const char *is_view)
{
    buf_printf(sql,
               "SELECT %s AS name, %s AS is_view, 0 AS epoch, 0 AS version, 0 AS bytes, '' AS \"view\" FROM %s "
               "WHERE schema_name = 'default' AND NOT internal AND NOT temporary AND database_name = ",
               name, is_view, from);
    sql_append_text(sql, engine_catalog(statement->session));
}

bool worker_locals(struct worker_statement *statement, const struct json *arguments, struct str *answer_out,
                   struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    struct str name = json_text(json_get(arguments, "name"));
    struct engine_versions versions = engine_versions_read(statement->session, statement->arena);
    if (name.len)
        return locals_one(statement, &versions, name, answer_out, err);
    locals_append_list(statement, &sql, "table_name", "duckdb_tables()", "false");
    buf_append_str(&sql, S(" UNION ALL "));
    locals_append_list(statement, &sql, "view_name", "duckdb_views()", "true");
    buf_append_str(&sql, S(" ORDER BY 1"));
    *answer_out = str_copy(statement->arena, buf_str(&sql));
    return true;
}

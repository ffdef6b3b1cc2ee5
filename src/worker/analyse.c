/* ANALYSE: what texts of a pipeline read, by DuckDB's own parser. */
#include "base/buf.h"
#include "domain/query/gate.h"
#include "platform/json/json.h"
#include "worker/procedures.h"
#include "worker/sql.h"
#include "worker/statement.h"

/* Expressions of a thousand levels, which DuckDB allows, are some thousand of JSON; jansson takes 2048. */
#define ANALYSE_DEPTH 2000

/* Names that stand for a common table expression where the walk is. */
struct analyse_scope {
    struct str name;
    const struct analyse_scope *outer;
};

struct analyse {
    struct str sql;
    struct json_writer reads, files;
};

static void analyse_walk(struct analyse *analyse, const struct json *value, const struct analyse_scope *scope);

/* Below 0 DuckDB knows no place. */
static void analyse_place(struct str sql, int64_t offset, struct json_writer *writer)
{
    int line, column;
    gate_position(sql, offset > 0 ? (size_t)offset : 0, &line, &column);
    json_write_i64(writer, "line", line);
    json_write_i64(writer, "column", column);
}

/* --- What is read --- */

static bool analyse_is_named(const struct analyse_scope *scope, struct str name)
{
    for (; scope; scope = scope->outer)
        if (str_equal_nocase(scope->name, name))
            return true;
    return false;
}

static void analyse_file(struct analyse *analyse, struct str file)
{
    json_write_text(&analyse->files, NULL, file);
}

/* FROM 'data/source/a.csv' is a table to the parser; no table of ours has a slash in its name. */
static void analyse_table(struct analyse *analyse, const struct json *table, const struct analyse_scope *scope)
{
    struct str catalog = json_text(json_get(table, "catalog_name")), schema = json_text(json_get(table, "schema_name"));
    struct str name = json_text(json_get(table, "table_name"));
    struct json_writer *writer = &analyse->reads;
    bool is_bare = !catalog.len && !schema.len;
    if (is_bare && str_find_char(name, '/') >= 0) {
        analyse_file(analyse, name);
        return;
    }
    if (is_bare && analyse_is_named(scope, name))
        return;
    json_begin_object(writer, NULL);
    json_write_text(writer, "catalog", catalog);
    json_write_text(writer, "schema", schema);
    json_write_text(writer, "table", name);
    analyse_place(analyse->sql, json_i64(json_get(table, "query_location")), writer);
    json_end_object(writer);
}

static void analyse_constants(struct analyse *analyse, const struct json *expression)
{
    struct str kind = json_text(json_get(expression, "class"));
    const struct json *value = json_get(json_get(expression, "value"), "value");
    if (str_equal(kind, S("CONSTANT")) && json_kind(value) == JSON_TEXT)
        analyse_file(analyse, json_text(value));
    const struct json *children = json_get(expression, "children"); /* of a list of names */
    for (size_t i = 0; str_equal(kind, S("FUNCTION")) && i < json_count(children); i++)
        analyse_constants(analyse, json_at(children, i));
}

/* The first argument of the functions that read files. */
static void analyse_function(struct analyse *analyse, const struct json *function)
{
    static const char *const readers[] = {
        "read_csv",       "read_csv_auto", "sniff_csv",        "read_parquet",      "parquet_scan",        "read_json",
        "read_json_auto", "read_ndjson",   "read_ndjson_auto", "read_json_objects", "read_ndjson_objects", "read_text",
        "read_blob",      "glob"};
    struct str name = json_text(json_get(function, "function_name"));
    for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++)
        if (str_equal_nocase(name, str_from(readers[i])))
            analyse_constants(analyse, json_at(json_get(function, "children"), 0));
}

/* --- The walk --- */

/* Each name is there for those behind it; in its own text it means the table outside, unless it is recursive. */
static void analyse_with(struct analyse *analyse, const struct json *node, const struct json *map, size_t index,
                         const struct analyse_scope *scope)
{
    if (index < json_count(map)) {
        const struct json *entry = json_at(map, index), *query = json_get(json_get(entry, "value"), "query");
        const struct analyse_scope own = {.name = json_text(json_get(entry, "key")), .outer = scope};
        bool is_recursive = str_equal(json_text(json_get(json_get(query, "node"), "type")), S("RECURSIVE_CTE_NODE"));
        analyse_walk(analyse, query, is_recursive ? &own : scope);
        analyse_with(analyse, node, map, index + 1, &own);
        return;
    }
    for (size_t i = 0; i < json_count(node); i++)
        if (!str_equal(json_key_at(node, i), S("cte_map")))
            analyse_walk(analyse, json_at(node, i), scope);
}

static void analyse_walk(struct analyse *analyse, const struct json *value, const struct analyse_scope *scope)
{
    enum json_kind kind = json_kind(value);
    if (kind == JSON_ARRAY)
        for (size_t i = 0; i < json_count(value); i++)
            analyse_walk(analyse, json_at(value, i), scope);
    if (kind != JSON_OBJECT)
        return;
    struct str type = json_text(json_get(value, "type"));
    if (str_equal(type, S("BASE_TABLE")))
        analyse_table(analyse, value, scope);
    if (str_equal(type, S("TABLE_FUNCTION")))
        analyse_function(analyse, json_get(value, "function"));
    analyse_with(analyse, value, json_get(json_get(value, "cte_map"), "map"), 0, scope);
}

/* --- One text --- */

/* DuckDB writes down SELECT alone. What else parses is no error: it reads what its properties say. */
static void analyse_error(struct str sql, const struct json *parsed, struct json_writer *writer)
{
    int64_t position = 0;
    bool has_place = str_to_i64(json_text(json_get(parsed, "position")), &position);
    if (!json_bool(json_get(parsed, "error")) ||
        str_equal(json_text(json_get(parsed, "error_type")), S("not implemented")))
        return;
    json_begin_object(writer, "error");
    json_write_text(writer, "message", json_text(json_get(parsed, "error_message")));
    if (has_place)
        analyse_place(sql, position, writer);
    json_end_object(writer);
}

static bool analyse_one(const struct json *text, struct str parsed_text, struct buf *lines, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    AUTO(buf) struct buf reads = {0};
    AUTO(buf) struct buf files = {0};
    AUTO(buf) struct buf analysis = {0};
    struct analyse analyse = {
        .sql = json_text(json_get(text, "sql")), .reads = {.buf = &reads}, .files = {.buf = &files}};
    struct json_writer writer = {.buf = &analysis};
    const struct json *parsed = json_parse_deep(arena, parsed_text, ANALYSE_DEPTH, err);
    if (!parsed)
        return err_wrap(err, "what DuckDB parsed of %.*s", STR_ARG(json_text(json_get(text, "asset"))));
    analyse_walk(&analyse, json_get(parsed, "statements"), NULL);
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "asset", json_text(json_get(text, "asset")));
    analyse_error(analyse.sql, parsed, &writer);
    buf_printf(&analysis, ",\"reads\":[%.*s],\"files\":[%.*s]", STR_ARG(buf_str(&reads)), STR_ARG(buf_str(&files)));
    json_end_object(&writer);
    procedure_row(lines, "analysis", buf_str(&analysis));
    return true;
}

bool worker_analyse(struct worker_statement *statement, const struct json *arguments, struct str *answer_out,
                    struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    AUTO(buf) struct buf lines = {0};
    const struct json *texts = json_get(arguments, "texts"), *rows;
    (void)answer_out;
    /* Where it knows no place it writes the greatest unsigned number, which is no number of ours. */
    buf_append_str(&sql,
                   S("SELECT replace(json_serialize_sql(text)::VARCHAR, '18446744073709551615', '-1') AS parsed FROM "
                     "(SELECT unnest(["));
    for (size_t i = 0; i < json_count(texts); i++) {
        if (i)
            buf_append_char(&sql, ',');
        sql_append_text(&sql, json_text(json_get(json_at(texts, i), "sql")));
    }
    buf_append_str(&sql, S("]::VARCHAR[]) AS text)"));
    if (!sql_rows(statement, statement->arena, buf_str(&sql), &rows, err))
        return false;
    for (size_t i = 0; i < json_count(texts) && i < json_count(rows); i++)
        if (!analyse_one(json_at(texts, i), json_text(json_get(json_at(rows, i), "parsed")), &lines, err))
            return false;
    return procedure_send(statement, buf_str(&lines), json_count(rows), err);
}

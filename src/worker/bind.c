/* BIND: texts of a pipeline against the tables as they are. What the assets before would make is stood in for by empty
 * temporary tables, which are dropped at the end; nothing is read but the heads of files, and nothing is kept. */
#include "platform/engine/procedure.h"
#include "platform/json/json.h"
#include "worker/asset_sql.h"
#include "worker/lineage.h"
#include "worker/procedures.h"
#include "worker/sql.h"
#include "worker/statement.h"

static void bind_error(const struct asset_sql *text, struct err *error, struct json_writer *writer)
{
    int line, column;
    asset_sql_place(text, error, &line, &column);
    json_begin_object(writer, "error");
    json_write_text(writer, "message", err_message(error));
    json_write_text(writer, "hint", str_from(error->hint));
    if (line)
        json_write_i64(writer, "line", line);
    if (column)
        json_write_i64(writer, "column", column);
    json_end_object(writer);
}

/* An empty table with these columns, under the asset's name. */
static bool bind_stand_in(struct worker_statement *statement, struct str name, const struct json *columns,
                          struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    buf_append_str(&sql, S("CREATE OR REPLACE TEMP TABLE "));
    sql_append_name(&sql, name);
    for (size_t i = 0; i < json_count(columns); i++) {
        buf_append_str(&sql, i ? S(", ") : S("("));
        sql_append_name(&sql, json_text(json_get(json_at(columns, i), "name")));
        buf_append_char(&sql, ' ');
        buf_append_str(&sql, json_text(json_get(json_at(columns, i), "type")));
    }
    buf_append_char(&sql, ')');
    return engine_tell(statement->session, buf_str(&sql), err);
}

/* The connection may serve others: nothing of them is left. An asset that did not bind has none. */
static bool bind_clear(struct worker_statement *statement, const struct json *assets, size_t count, struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    for (size_t i = 0; i < count; i++) {
        buf_append_str(&sql, S("DROP TABLE IF EXISTS temp.main."));
        sql_append_name(&sql, json_text(json_get(json_at(assets, i), "asset")));
        buf_append_char(&sql, ';');
    }
    return engine_tell(statement->session, buf_str(&sql), err);
}

static void bind_columns(const struct json *columns, struct json_writer *writer)
{
    json_begin_array(writer, "columns");
    for (size_t i = 0; i < json_count(columns); i++)
        json_write_value(writer, NULL, json_at(columns, i));
    json_end_array(writer);
}

static bool bind_ask(struct worker_statement *statement, const struct json *asset, struct asset_sql *text,
                     struct buf *query, const struct json **columns_out, struct err *err)
{
    AUTO(buf) struct buf ask = {0};
    if (!asset_sql_append(statement, query, asset, text, err))
        return false;
    buf_printf(&ask, "SELECT column_name AS name, column_type AS type FROM (DESCRIBE %.*s)", STR_ARG(buf_str(query)));
    return sql_rows(statement, statement->arena, buf_str(&ask), columns_out, err);
}

static bool bind_one(struct worker_statement *statement, const struct json *asset, struct buf *lines, struct err *err)
{
    AUTO(buf) struct buf query = {0};
    AUTO(buf) struct buf bound = {0};
    struct asset_sql text;
    struct json_writer writer = {.buf = &bound};
    struct str name = json_text(json_get(asset, "asset"));
    const struct json *columns;
    struct err error;
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "asset", name);
    if (bind_ask(statement, asset, &text, &query, &columns, &error)) {
        bind_columns(columns, &writer);
        lineage_append(statement, buf_str(&query), columns, &writer);
        if (!bind_stand_in(statement, name, columns, err))
            return err_wrap(err, "stand in for %.*s", STR_ARG(name));
    } else if (error.code == ERR_CANCELLED) {
        *err = error;
        return false;
    } else {
        bind_error(&text, &error, &writer);
    }
    json_end_object(&writer);
    procedure_row(lines, "bound", buf_str(&bound));
    return true;
}

bool worker_bind(struct worker_statement *statement, const struct json *arguments, struct str *answer_out,
                 struct err *err)
{
    AUTO(buf) struct buf lines = {0};
    const struct json *assets = json_get(arguments, "assets");
    (void)answer_out;
    bool ok = true;
    size_t done = 0;
    for (; ok && done < json_count(assets); done++)
        ok = bind_one(statement, json_at(assets, done), &lines, err);
    struct err left;
    return bind_clear(statement, assets, done, ok ? err : &left) && ok &&
           procedure_send(statement, buf_str(&lines), done, err);
}

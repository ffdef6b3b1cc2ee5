#include "worker/asset_sql.h"

#include "domain/query/lexer.h"
#include "platform/engine/procedure.h"
#include "platform/json/json.h"
#include "worker/sql.h"
#include "worker/worker_priv.h"

/* --- Texts --- */

bool asset_sql_check(struct worker_statement *statement, struct str sql, struct gate_result *result_out,
                     struct err *err)
{
    static const struct str list[] = {S("data/source"), S("seeds")};
    const struct gate_places places = {.tenant = engine_catalog(statement->session),
                                       .list = list,
                                       .count = statement->worker->hello.project.len ? 2 : 0};
    return gate_check_places(sql, &places, statement->arena, result_out, err);
}

/* Without the semicolon and what follows it. */
static struct str asset_sql_single(struct str sql)
{
    struct lexer lexer = {.text = sql};
    for (;;) {
        struct lexer_token token = lexer_next(&lexer);
        if (token.kind == LEXER_END || token.kind == LEXER_ERROR)
            return sql;
        if (token.kind == LEXER_OPERATOR && token.len == 1 && sql.ptr[token.start] == ';')
            return str_slice(sql, 0, token.start);
    }
}

static bool asset_sql_query(struct worker_statement *statement, struct str written, struct gate_result *gate,
                            struct err *err)
{
    if (!asset_sql_check(statement, written, gate, err))
        return false;
    if (gate->statement_count == 1 && !gate->may_write)
        return true;
    err_set(err, ERR_INVALID,
            gate->statement_count == 1 ? "the text changes data, and is no query"
            : gate->statement_count    ? "the text is not one query, but several statements"
                                       : "the text has no query");
    return err_hint(err, "an asset is one SELECT; with 'materialize: none' statements run for their effect");
}

static int asset_sql_lines(struct str text)
{
    int count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += text.ptr[i] == '\n';
    return count;
}

bool asset_sql_append(struct worker_statement *statement, struct buf *out, const struct json *asset,
                      struct asset_sql *asset_out, struct err *err)
{
    const struct json *ephemerals = json_get(asset, "ephemerals");
    struct gate_result gate;
    *asset_out = (struct asset_sql){.written = json_text(json_get(asset, "sql"))};
    for (size_t i = 0; i < json_count(ephemerals); i++) {
        struct str name = json_text(json_get(json_at(ephemerals, i), "name"));
        if (!asset_sql_query(statement, json_text(json_get(json_at(ephemerals, i), "sql")), &gate, err))
            return err_wrap(err, "the ephemeral asset '%.*s'", STR_ARG(name));
        buf_append_str(out, i ? S(", ") : S("WITH "));
        sql_append_name(out, name);
        buf_append_str(out, S(" AS ("));
        buf_append_str(out, asset_sql_single(gate.sql));
        buf_append_str(out, S("\n)")); /* the text may end in a comment */
    }
    if (!asset_sql_query(statement, asset_out->written, &asset_out->gate, err))
        return false;
    buf_append_str(out, json_count(ephemerals) ? S(" SELECT * FROM (\n") : S("\n"));
    asset_out->before = asset_sql_lines(buf_str(out));
    buf_append_str(out, asset_sql_single(asset_out->gate.sql));
    buf_append_str(out, json_count(ephemerals) ? S("\n)") : S("\n"));
    return true;
}

bool asset_sql_append_statements(struct worker_statement *statement, struct buf *out, const struct json *asset,
                                 struct asset_sql *asset_out, struct err *err)
{
    *asset_out = (struct asset_sql){.written = json_text(json_get(asset, "sql"))};
    if (!asset_sql_check(statement, asset_out->written, &asset_out->gate, err))
        return false;
    if (asset_out->gate.statement_count == 0)
        return err_set(err, ERR_INVALID, "the text has no statement");
    asset_out->before = asset_sql_lines(buf_str(out));
    buf_append_str(out, asset_out->gate.sql);
    return true;
}

/* --- Places --- */

/* The number behind word, which is moved over. */
static bool asset_sql_number(struct str *rest, struct str word, int64_t *number_out)
{
    size_t digits = 0;
    if (!str_starts_with(*rest, word))
        return false;
    *rest = str_from_index(*rest, word.len);
    while (digits < rest->len && rest->ptr[digits] >= '0' && rest->ptr[digits] <= '9')
        digits++;
    bool ok = str_to_i64(str_slice(*rest, 0, digits), number_out);
    *rest = str_from_index(*rest, digits);
    return ok;
}

/* "line 3, column 8: why": the gate's, in the text as it was written. */
static bool asset_sql_place_before(struct err *err, int *line_out, int *column_out)
{
    struct str message = err_message(err), rest = message;
    int64_t line, column;
    if (!asset_sql_number(&rest, S("line "), &line) || !asset_sql_number(&rest, S(", column "), &column) ||
        !str_starts_with(rest, S(": ")))
        return false;
    size_t len = message.len - rest.len + 2;
    memmove(err->message, err->message + len, message.len - len + 1);
    *line_out = (int)line;
    *column_out = (int)column;
    return true;
}

void asset_sql_place(const struct asset_sql *asset, struct err *err, int *line_out, int *column_out)
{
    int line, column;
    char *at;
    *line_out = *column_out = 0;
    if (asset_sql_place_before(err, line_out, column_out) || !gate_find_place(err, &at, &line, &column))
        return;
    *at = '\0';
    line -= asset->before;
    if (line < 1 || line > asset_sql_lines(asset->gate.sql) + 1) /* in front of the text, or behind it */
        return;
    bool has_column = column > 0;
    struct err place; /* the gate's way back reads it off a message */
    err_set(&place, ERR_INVALID, "at (line %d, column %d)", line, has_column ? column : 1);
    if (asset->gate.rewritten)
        gate_map_error(&asset->gate, asset->written, &place);
    if (gate_find_place(&place, &at, &line, &column)) {
        *line_out = line;
        *column_out = has_column ? column : 0;
    }
}

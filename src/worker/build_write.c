/* What is written for an asset in DuckDB. */
#include "domain/query/lexer.h"
#include "platform/engine/procedure.h"
#include "platform/json/json.h"
#include "worker/build.h"
#include "worker/procedures.h"
#include "worker/sql.h"
#include "worker/worker_priv.h"

#define BUILD_STAGE "temp.main.eider_stage"

void build_append_partition(const struct build *build, struct buf *sql)
{
    if (!build->partition)
        return;
    struct str to = json_text(json_get(build->partition, "to"));
    AUTO(buf) struct buf column = {0};
    sql_append_name(&column, json_text(json_get(build->partition, "column")));
    struct str name = buf_str(&column);
    buf_printf(sql, " WHERE %.*s %s ", STR_ARG(name), to.len ? ">=" : "=");
    buf_append_str(sql, json_text(json_get(build->partition, "from")));
    if (to.len)
        buf_printf(sql, " AND %.*s < %.*s", STR_ARG(name), STR_ARG(to));
}

/* --- Running --- */

static void build_note(struct build *build, struct str sql)
{
    buf_append_str(&build->sql, sql);
    buf_append_str(&build->sql, S(";\n"));
}

bool build_run(struct build *build, struct str sql, int64_t *rows_out, struct err *err)
{
    const struct json *rows;
    build_note(build, sql);
    if (!sql_rows(build->statement, build->statement->arena, sql, &rows, err)) {
        asset_sql_place(&build->text, err, &build->line, &build->column);
        return false;
    }
    if (rows_out)
        *rows_out = sql_number(sql_cell(rows, "Count"), -1);
    return true;
}

/* "before TARGET behind QUERY" */
static bool build_run_query(struct build *build, const char *before, struct str target, const char *behind,
                            int64_t *rows_out, struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    buf_printf(&sql, "%s %.*s %s ", before, STR_ARG(target), behind);
    buf_append_str(&sql, build->query);
    return build_run(build, buf_str(&sql), rows_out, err);
}

static bool build_drop(struct build *build, struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    buf_printf(&sql, "DROP %s %.*s", build->is_view ? "VIEW" : "TABLE", STR_ARG(build->target));
    return build_run(build, buf_str(&sql), NULL, err);
}

/* --- Tables and views --- */

static bool build_table(struct build *build, struct err *err)
{
    if (build->found && build->is_view && !build_drop(build, err))
        return false;
    return build_run_query(build, "CREATE OR REPLACE TABLE", build->target, "AS", &build->rows, err);
}

static bool build_view(struct build *build, struct err *err)
{
    if (build->found && !build->is_view && !build_drop(build, err))
        return false;
    return build_run_query(build, "CREATE OR REPLACE VIEW", build->target, "AS", NULL, err);
}

bool build_stage(struct build *build, struct err *err)
{
    build->checked = S(BUILD_STAGE);
    return build_run_query(build, "CREATE TEMP TABLE", S("eider_stage"), "AS", &build->rows, err);
}

/* --- Changing a table that is there --- */

/* "t.a IS NOT DISTINCT FROM s.a AND …" */
static bool build_append_keys(struct build *build, struct buf *sql, struct err *err)
{
    const struct json *keys = json_get(build->arguments, "unique_key");
    for (size_t i = 0; i < json_count(keys); i++) {
        struct str key = json_text(json_at(keys, i));
        buf_append_str(sql, i ? S(" AND t.") : S("t."));
        sql_append_name(sql, key);
        buf_append_str(sql, S(" IS NOT DISTINCT FROM s."));
        sql_append_name(sql, key);
    }
    return json_count(keys) || err_set(err, ERR_INVALID, "this strategy needs a unique_key");
}

/* The columns are no longer those of the table: the hint says how to go on. */
static bool build_hint_columns(struct err *err)
{
    if (str_find(err_message(err), S("does not have a column")) >= 0)
        err_hint(err, "--full-refresh builds the table anew, with the columns as they are now");
    return false;
}

static bool build_insert(struct build *build, struct str from, struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    buf_printf(&sql, "INSERT INTO %.*s BY NAME ", STR_ARG(build->target));
    buf_append_str(&sql, from);
    return build_run(build, buf_str(&sql), &build->rows, err) || build_hint_columns(err);
}

static bool build_replace_partition(struct build *build, struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    buf_printf(&sql, "DELETE FROM %.*s", STR_ARG(build->target));
    build_append_partition(build, &sql);
    return build_run(build, buf_str(&sql), NULL, err) && build_insert(build, build->query, err);
}

static bool build_replace_keys(struct build *build, struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    buf_printf(&sql, "DELETE FROM %.*s AS t USING " BUILD_STAGE " AS s WHERE ", STR_ARG(build->target));
    if (!build_stage(build, err) || !build_append_keys(build, &sql, err))
        return false;
    return build_run(build, buf_str(&sql), NULL, err) && build_insert(build, S("SELECT * FROM " BUILD_STAGE), err);
}

/* Of two rows with one key it would not be said which one wins. */
static bool build_keys_are_unique(struct build *build, struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    AUTO(buf) struct buf list = {0};
    const struct json *keys = json_get(build->arguments, "unique_key"), *rows;
    for (size_t i = 0; i < json_count(keys); i++) {
        buf_append_str(&list, i ? S(", ") : S(""));
        sql_append_name(&list, json_text(json_at(keys, i)));
    }
    buf_printf(&sql, "SELECT count(*) AS n FROM (SELECT 1 FROM " BUILD_STAGE " GROUP BY %.*s HAVING count(*) > 1)",
               STR_ARG(buf_str(&list)));
    if (!sql_rows(build->statement, build->statement->arena, buf_str(&sql), &rows, err))
        return false;
    int64_t twice = sql_number(sql_cell(rows, "n"), 0);
    if (twice == 0)
        return true;
    err_set(err, ERR_INVALID, "the query gives several rows for %lld values of its unique_key %.*s", (long long)twice,
            STR_ARG(buf_str(&list)));
    return err_hint(err, "a merge needs one row for each");
}

static bool build_merge(struct build *build, struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    AUTO(buf) struct buf names = {0};
    AUTO(buf) struct buf values = {0};
    AUTO(buf) struct buf sets = {0};
    const struct json *columns;
    buf_printf(&sql, "MERGE INTO %.*s AS t USING " BUILD_STAGE " AS s ON (", STR_ARG(build->target));
    if (!build_stage(build, err) || !build_append_keys(build, &sql, err) || !build_keys_are_unique(build, err) ||
        !build_columns(build, S(BUILD_STAGE), &columns, err))
        return false;
    for (size_t i = 0; i < json_count(columns); i++) {
        AUTO(buf) struct buf name = {0};
        const char *comma = i ? ", " : "";
        sql_append_name(&name, json_text(json_get(json_at(columns, i), "name")));
        buf_printf(&sets, "%s%.*s = s.%.*s", comma, STR_ARG(buf_str(&name)), STR_ARG(buf_str(&name)));
        buf_printf(&names, "%s%.*s", comma, STR_ARG(buf_str(&name)));
        buf_printf(&values, "%ss.%.*s", comma, STR_ARG(buf_str(&name)));
    }
    buf_printf(&sql, ") WHEN MATCHED THEN UPDATE SET %.*s WHEN NOT MATCHED THEN INSERT (%.*s) VALUES (%.*s)",
               STR_ARG(buf_str(&sets)), STR_ARG(buf_str(&names)), STR_ARG(buf_str(&values)));
    return build_run(build, buf_str(&sql), &build->rows, err) || build_hint_columns(err);
}

static bool build_incremental(struct build *build, struct err *err)
{
    struct str strategy = json_text(json_get(build->arguments, "strategy"));
    bool whole = build->full_refresh && !build->partition;
    if (!build->found || build->is_view || whole)
        return build_table(build, err);
    if (build->partition)
        return build_replace_partition(build, err);
    bool ok;
    if (str_equal(strategy, S("delete+insert")))
        ok = build_replace_keys(build, err);
    else if (str_equal(strategy, S("merge")))
        ok = build_merge(build, err);
    else
        ok = build_insert(build, build->query, err);
    build->checked = build->target;
    return ok;
}

/* --- Statements, and tests of their own --- */

static uint8_t *build_discard_reserve(void *owner, size_t size, struct err *err)
{
    (void)err;
    struct buf *room = owner;
    return buf_reserve(room, size);
}

static bool build_discard_send(void *owner, struct str header, size_t len, uint64_t rows, struct err *err)
{
    (void)owner, (void)header, (void)len, (void)rows, (void)err;
    return true;
}

/* A name without a schema means a DuckDB table when there is one. */
static bool build_is_local(struct build *build, struct str name)
{
    AUTO(buf) struct buf sql = {0};
    struct err missing;
    buf_printf(&sql, "SELECT 1 FROM %.*s LIMIT 0", STR_ARG(procedure_locals_name(build->statement, name)));
    return sql_run(build->statement, buf_str(&sql), &missing);
}

/* Which of the tables that the statement changes are Iceberg's, so that a change that it did not see is noticed. */
static size_t build_changed(struct build *build, const struct gate_result *gate, struct str *list, size_t most)
{
    size_t count = 0;
    for (size_t i = 0; i < gate->changed_count && count < most; i++) {
        const struct gate_changed *changed = &gate->changed[i];
        AUTO(buf) struct buf name = {0};
        if (build->statement->worker->hello.catalog_url.len == 0 ||
            (!changed->schema.len && build_is_local(build, changed->name)))
            continue;
        sql_append_name(&name, changed->schema.len ? changed->schema : S("iceberg"));
        buf_append_char(&name, '.');
        sql_append_name(&name, changed->name);
        list[count++] = str_copy(build->statement->arena, buf_str(&name));
    }
    return count;
}

static bool build_effect(struct build *build, struct str sql, struct err *err)
{
    AUTO(buf) struct buf room = {0};
    struct str changed[CHANNEL_CHANGED_MAX];
    struct gate_result gate;
    struct engine_request request = {.sql = sql,
                                     .parameters = S(""),
                                     .format = ENGINE_FORMAT_JSON_LINES,
                                     .changed = changed,
                                     .policy = {.rights = ENGINE_MAY_OWN},
                                     .batch_target = (size_t)limits_get(LIMIT_BATCH_TARGET)};
    const struct engine_output output = {.owner = &room, .reserve = build_discard_reserve, .send = build_discard_send};
    struct engine_stats stats = {0};
    if (worker_statement_is_cancelled(build->statement))
        return err_set(err, ERR_CANCELLED, "the statement was cancelled");
    if (!asset_sql_check(build->statement, sql, &gate, err))
        return false;
    request.changed_count = build_changed(build, &gate, changed, CHANNEL_CHANGED_MAX);
    if (!engine_run(build->statement->session, &request, &output, &stats, err))
        return false;
    if (stats.kind == ENGINE_KIND_WRITE)
        build->rows = (build->rows > 0 ? build->rows : 0) + (int64_t)stats.rows;
    return true;
}

/* One statement of the text, where it stands: of one among several DuckDB does not tell the places of errors. */
static bool build_one_of(struct build *build, size_t from, size_t to, struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    int line = 1;
    for (size_t i = 0; i < from; i++) {
        line += build->query.ptr[i] == '\n';
        if (((unsigned char)build->query.ptr[i] & 0xC0) != 0x80)
            buf_append_char(&sql, build->query.ptr[i] == '\n' ? '\n' : ' ');
    }
    buf_append_str(&sql, str_slice(build->query, from, to - from));
    if (build_effect(build, buf_str(&sql), err))
        return true;
    asset_sql_place(&build->text, err, &build->line, &build->column);
    if (build->line == 0)
        build->line = line;
    return false;
}

static bool build_none(struct build *build, struct err *err)
{
    struct lexer lexer = {.text = build->query};
    size_t from = SIZE_MAX; /* of the statement's first token */
    build_note(build, build->query);
    for (;;) {
        struct lexer_token token = lexer_next(&lexer);
        bool ends = token.kind == LEXER_END || token.kind == LEXER_ERROR; /* the gate knows no errors of it */
        bool parts = token.kind == LEXER_OPERATOR && token.len == 1 && build->query.ptr[token.start] == ';';
        if ((ends || parts) && from != SIZE_MAX && !build_one_of(build, from, token.start, err))
            return false;
        if (ends)
            return true;
        if (parts)
            from = SIZE_MAX;
        else if (from == SIZE_MAX)
            from = token.start;
    }
}

bool build_write(struct build *build, struct err *err)
{
    struct str how = build->materialize;
    if (str_equal(how, S("table")))
        return build->partition ? build_incremental(build, err) : build_table(build, err);
    if (str_equal(how, S("view")))
        return build_view(build, err);
    if (str_equal(how, S("incremental")))
        return build_incremental(build, err);
    if (str_equal(how, S("none")))
        return build_none(build, err);
    if (str_equal(how, S("test")))
        return true; /* build_check counts its rows */
    return err_set(err, ERR_INVALID, "BUILD does not know materialize '%.*s'", STR_ARG(how));
}

#include "worker/sql.h"

#include "platform/json/json.h"
#include "worker/statement.h"

static uint8_t *sql_reserve(void *owner, size_t size, struct err *err)
{
    (void)err;
    struct buf *lines = owner;
    return buf_reserve(lines, size);
}

static bool sql_send(void *owner, struct str header, size_t len, uint64_t rows, struct err *err)
{
    (void)header;
    (void)rows;
    (void)err;
    struct buf *lines = owner;
    buf_commit(lines, len);
    return true;
}

/* Appends one JSON object per row, each with its newline. */
static bool sql_lines(struct worker_statement *statement, struct str sql, const struct str *changed, size_t count,
                      struct buf *lines, struct err *err)
{
    const struct engine_request request = {.sql = sql,
                                           .parameters = S(""),
                                           .changed = changed,
                                           .changed_count = count,
                                           .format = ENGINE_FORMAT_JSON_LINES,
                                           .policy = {.rights = ENGINE_MAY_OWN, .files_allowed = true},
                                           .batch_target = (size_t)limits_get(LIMIT_BATCH_TARGET)};
    const struct engine_output output = {.owner = lines, .reserve = sql_reserve, .send = sql_send};
    struct engine_stats stats;
    if (worker_statement_is_cancelled(statement)) /* an interrupt between two statements is forgotten */
        return err_set(err, ERR_CANCELLED, "the statement was cancelled");
    return engine_run(statement->session, &request, &output, &stats, err);
}

bool sql_run(struct worker_statement *statement, struct str sql, struct err *err)
{
    AUTO(buf) struct buf lines = {0};
    return sql_lines(statement, sql, NULL, 0, &lines, err);
}

bool sql_run_changing(struct worker_statement *statement, struct str sql, const struct str *tables, size_t count,
                      struct err *err)
{
    AUTO(buf) struct buf lines = {0};
    return sql_lines(statement, sql, tables, count, &lines, err);
}

bool sql_rows(struct worker_statement *statement, struct arena *arena, struct str sql, const struct json **rows_out,
              struct err *err)
{
    AUTO(buf) struct buf lines = {0};
    buf_append_char(&lines, '[');
    if (!sql_lines(statement, sql, NULL, 0, &lines, err))
        return false;
    for (size_t i = lines.start; i < lines.end; i++) /* inside texts, newlines are escaped */
        if (lines.ptr[i] == '\n')
            lines.ptr[i] = i + 1 < lines.end ? ',' : ' ';
    buf_append_char(&lines, ']');
    *rows_out = json_parse(arena, buf_str(&lines), err);
    return *rows_out != NULL;
}

const struct json *sql_cell(const struct json *rows, const char *column)
{
    return json_count(rows) ? json_get(json_at(rows, 0), column) : NULL;
}

int64_t sql_number(const struct json *value, int64_t fallback)
{
    int64_t number;
    if (json_kind(value) == JSON_I64)
        return json_i64(value);
    return json_kind(value) == JSON_TEXT && str_to_i64(json_text(value), &number) ? number : fallback;
}

void sql_append_text(struct buf *sql, struct str text)
{
    buf_append_quoted(sql, text, '\'');
}

void sql_append_name(struct buf *sql, struct str name)
{
    buf_append_quoted(sql, name, '"');
}

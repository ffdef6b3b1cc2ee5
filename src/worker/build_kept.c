#include "worker/build_kept.h"

#include <inttypes.h>

#include "platform/engine/procedure.h"
#include "platform/json/json.h"
#include "worker/sql.h"

/* Made once for a tenant, by one at a time: two that make it at once would be in each other's way. */
static pthread_mutex_t build_kept_lock = PTHREAD_MUTEX_INITIALIZER;

static void build_kept_append_table(const struct build *build, struct buf *sql)
{
    sql_append_name(sql, engine_catalog(build->statement->session));
    buf_append_str(sql, S(".eider"));
}

static bool build_kept_ask(struct build *build, struct str *report_out, struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    const struct json *rows;
    buf_append_str(&sql, S("SELECT report FROM "));
    build_kept_append_table(build, &sql);
    buf_append_str(&sql, S(".builds WHERE run = "));
    sql_append_text(&sql, json_text(json_get(build->arguments, "run")));
    buf_printf(&sql, " AND step = %" PRId64, json_i64(json_get(build->arguments, "step")));
    if (!sql_rows(build->statement, build->statement->arena, buf_str(&sql), &rows, err))
        return false;
    *report_out = json_text(sql_cell(rows, "report"));
    return true;
}

static bool build_kept_make(struct build *build, struct err *err)
{
    AUTO(buf) struct buf schema = {0};
    AUTO(buf) struct buf table = {0};
    buf_append_str(&schema, S("CREATE SCHEMA IF NOT EXISTS "));
    build_kept_append_table(build, &schema);
    buf_append_str(&table, S("CREATE TABLE IF NOT EXISTS "));
    build_kept_append_table(build, &table);
    buf_append_str(&table,
                   S(".builds (run VARCHAR, step BIGINT, asset VARCHAR, built_at TIMESTAMPTZ, report VARCHAR)"));
    return sql_run(build->statement, buf_str(&schema), err) && sql_run(build->statement, buf_str(&table), err);
}

bool build_kept_find(struct build *build, struct str *report_out, struct err *err)
{
    struct err missing;
    if (build_kept_ask(build, report_out, &missing))
        return true;
    if (missing.code != ERR_NOT_FOUND) {
        *err = missing;
        return false;
    }
    *report_out = S("");
    pthread_mutex_lock(&build_kept_lock);
    bool ok = build_kept_make(build, err);
    pthread_mutex_unlock(&build_kept_lock);
    return ok || err_wrap(err, "make the table of builds");
}

/* Those that nobody asks for any more go when a new one of the asset comes: a run is resumed before its assets are
 * built again. */
static bool build_kept_forget(struct build *build, struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    buf_append_str(&sql, S("DELETE FROM "));
    build_kept_append_table(build, &sql);
    buf_append_str(&sql, S(".builds WHERE asset = "));
    sql_append_text(&sql, build->asset);
    buf_append_str(&sql, S(" AND built_at < now() - INTERVAL 1 DAY"));
    return sql_run(build->statement, buf_str(&sql), err);
}

bool build_kept_add(struct build *build, struct str report, struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    buf_append_str(&sql, S("INSERT INTO "));
    build_kept_append_table(build, &sql);
    buf_append_str(&sql, S(".builds VALUES ("));
    sql_append_text(&sql, json_text(json_get(build->arguments, "run")));
    buf_printf(&sql, ", %" PRId64 ", ", json_i64(json_get(build->arguments, "step")));
    sql_append_text(&sql, build->asset);
    buf_append_str(&sql, S(", now(), "));
    sql_append_text(&sql, report);
    buf_append_char(&sql, ')');
    return build_kept_forget(build, err) && sql_run(build->statement, buf_str(&sql), err);
}

/* Iceberg tables. The rows wait in a temporary table, so that they are tested before anybody sees them, and so that the
 * transaction of the table is short. A table that is there keeps its identity and its older snapshots: its rows are
 * deleted and inserted in one commit. */
#include "base/failpoint.h"
#include "platform/engine/procedure.h"
#include "platform/json/json.h"
#include "worker/build.h"
#include "worker/sql.h"

/* SELECT of the waiting rows, in types that Iceberg has. */
static bool build_iceberg_select(struct build *build, struct buf *sql, struct err *err)
{
    struct arena *arena = build->statement->arena;
    const struct engine_mirror_column *columns;
    size_t count;
    struct str all = str_format(arena, "SELECT * FROM %.*s", STR_ARG(build->checked));
    if (!engine_mirror_columns(build->statement->session, all, arena, &columns, &count, err))
        return false;
    buf_append_str(sql, S("SELECT "));
    for (size_t i = 0; i < count; i++) {
        AUTO(buf) struct buf name = {0};
        sql_append_name(&name, columns[i].name);
        buf_append_str(sql, i ? S(", ") : S(""));
        if (columns[i].cast.len)
            buf_printf(sql, "CAST(%.*s AS %.*s) AS ", STR_ARG(buf_str(&name)), STR_ARG(columns[i].cast));
        buf_append_str(sql, buf_str(&name));
    }
    buf_printf(sql, " FROM %.*s", STR_ARG(build->checked));
    return true;
}

static bool build_iceberg_create(struct build *build, struct str select, struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    buf_printf(&sql, "CREATE TABLE %.*s AS ", STR_ARG(build->target));
    buf_append_str(&sql, select);
    return build_run(build, buf_str(&sql), NULL, err);
}

/* The same names and types, in any order. */
static bool build_iceberg_fits(const struct json *there, const struct json *wanted)
{
    if (json_count(there) != json_count(wanted))
        return false;
    for (size_t i = 0; i < json_count(wanted); i++) {
        bool found = false;
        for (size_t k = 0; k < json_count(there) && !found; k++)
            found = str_equal_nocase(json_text(json_get(json_at(there, k), "name")),
                                     json_text(json_get(json_at(wanted, i), "name"))) &&
                    str_equal(json_text(json_get(json_at(there, k), "type")),
                              json_text(json_get(json_at(wanted, i), "type")));
        if (!found)
            return false;
    }
    return true;
}

/* DELETE as a client's would be run: see engine_request.changed. */
static bool build_iceberg_delete(struct build *build, struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    AUTO(buf) struct buf name = {0};
    buf_printf(&sql, "DELETE FROM %.*s", STR_ARG(build->target));
    build_append_partition(build, &sql);
    buf_append_str(&name, S("\"iceberg\"."));
    sql_append_name(&name, build->asset);
    const struct str changed = buf_str(&name);
    return sql_run_changing(build->statement, buf_str(&sql), &changed, 1, err);
}

static bool build_iceberg_replace(struct build *build, struct str select, struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    buf_printf(&sql, "INSERT INTO %.*s BY NAME ", STR_ARG(build->target));
    buf_append_str(&sql, select);
    return build_iceberg_delete(build, err) && build_run(build, buf_str(&sql), NULL, err);
}

static bool build_iceberg_drop(struct build *build, struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    buf_printf(&sql, "DROP TABLE %.*s", STR_ARG(build->target));
    return build_run(build, buf_str(&sql), NULL, err);
}

static bool build_iceberg_changed(struct err *err)
{
    err_set(err, ERR_PRECONDITION, "the columns are no longer those of the Iceberg table");
    return err_hint(err, "--full-refresh drops the table and makes it anew");
}

/* Into the table that is there, or a new one. */
static bool build_iceberg_write(struct build *build, struct err *err)
{
    AUTO(buf) struct buf select = {0};
    AUTO(buf) struct buf from = {0};
    const struct json *there = NULL, *wanted;
    struct err missing;
    if (!build_iceberg_select(build, &select, err))
        return false;
    buf_printf(&from, "(%.*s)", STR_ARG(buf_str(&select)));
    if (!build_columns(build, buf_str(&from), &wanted, err))
        return false;
    bool exists = build_columns(build, build->target, &there, &missing);
    if (!exists && missing.code != ERR_NOT_FOUND) {
        *err = missing;
        return false;
    }
    bool fits = exists && build_iceberg_fits(there, wanted);
    if (exists && !fits && (!build->full_refresh || build->partition))
        return build_iceberg_changed(err);
    if (exists && !fits && !build_iceberg_drop(build, err))
        return false;
    if (!sql_run(build->statement, S("BEGIN TRANSACTION"), err))
        return false;
    bool ok =
        fits ? build_iceberg_replace(build, buf_str(&select), err) : build_iceberg_create(build, buf_str(&select), err);
    if (ok)
        FAILPOINT("build.before_commit");
    ok = ok && sql_run(build->statement, S("COMMIT"), err);
    bool ended = ok || sql_run(build->statement, S("ROLLBACK"), &missing);
    (void)ended; /* a COMMIT that failed has rolled back */
    build->columns = wanted;
    return ok;
}

bool build_iceberg(struct build *build, struct err *err)
{
    int64_t rows;
    if (!build_stage(build, err) || !build_check(build, err) || !build_files_same(build, err))
        return false;
    rows = build->rows;
    if (!build_iceberg_write(build, err))
        return false;
    build->rows = rows;
    build->committed = true;
    FAILPOINT("build.after_commit");
    return true;
}

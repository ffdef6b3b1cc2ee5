/* BUILD, from its arguments to its report:
 *
 * {"asset", "sql", "materialize": "table|view|incremental|iceberg|none|test", "strategy": "append|delete+insert|merge",
 *  "unique_key": […], "full_refresh", "watermark": "column", "run": "id", "step": n, "ephemerals": [{"name", "sql"}],
 *  "partition": {"name", "column", "from", "to"}, "sources": [globs], "columns": [{"name", "type"}], "tests": […],
 *  "severity"}: the last one of a test.
 *
 * The answer's row: report, as domain/pipeline/step.h has it, with committed, rows and error {"message", "hint",
 * "failure", "line", "column"}. An error of the procedure itself is one of the worker: cancelled, or broken. */
#include "worker/build.h"

#include "base/failpoint.h"
#include "platform/engine/procedure.h"
#include "platform/json/json.h"
#include "worker/build_kept.h"
#include "worker/lineage.h"
#include "worker/procedures.h"
#include "worker/sql.h"
#include "worker/worker_priv.h"

/* More files than this are not listed in the report. */
#define BUILD_FILES_SHOWN 1000
/* So much of the SQL that ran is in it. */
#define BUILD_SQL_SHOWN 65536

static bool build_is(const struct build *build, const char *how)
{
    return str_equal(build->materialize, str_from(how));
}

/* --- What is asked for --- */

/* The text as it will run. Statements that run for their effect stay as they are. */
static bool build_compose(struct build *build, struct err *err)
{
    AUTO(buf) struct buf query = {0};
    bool ok;
    if (build_is(build, "none")) {
        ok = asset_sql_append_statements(build->statement, &query, build->arguments, &build->text, err);
    } else {
        buf_append_str(&query, build->partition ? S("SELECT * FROM (") : S(""));
        ok = asset_sql_append(build->statement, &query, build->arguments, &build->text, err);
        buf_append_str(&query, build->partition ? S(")") : S(""));
        build_append_partition(build, &query);
    }
    if (!ok)
        asset_sql_place(&build->text, err, &build->line, &build->column);
    build->query = str_copy(build->statement->arena, buf_str(&query));
    return ok || build_fail(build, "sql");
}

/* What is kept in a view would be read by whoever reads the view. */
static bool build_view_is_closed(struct build *build, struct err *err)
{
    const struct gate_places none = {.tenant = engine_catalog(build->statement->session)};
    struct gate_result ignored;
    if (!build_is(build, "view") || gate_check_places(build->query, &none, build->statement->arena, &ignored, err))
        return true;
    err_set(err, ERR_DENIED, "a view cannot read files: whoever reads the view would read them");
    err_hint(err, "materialize: table");
    return build_fail(build, "sql");
}

/* One name is on one side. A table that is there already was looked at when it was made. */
static bool build_name_is_free(struct build *build, struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    const struct json *ignored;
    struct err missing;
    bool is_iceberg = build_is(build, "iceberg");
    if (is_iceberg && build->found) {
        err_set(err, ERR_EXISTS, "a DuckDB table or view has this name already: %.*s", STR_ARG(build->asset));
        err_hint(err, "DROP it: a name is on one side only, so that it means one thing");
        return build_fail(build, "sql");
    }
    if (is_iceberg || build->found || build->statement->worker->hello.catalog_url.len == 0)
        return true;
    buf_append_str(&sql, S("SELECT 1 FROM iceberg.iceberg."));
    sql_append_name(&sql, build->asset);
    buf_append_str(&sql, S(" LIMIT 0"));
    if (!sql_rows(build->statement, build->statement->arena, buf_str(&sql), &ignored, &missing))
        return true;
    err_set(err, ERR_EXISTS, "an Iceberg table has this name already: iceberg.%.*s", STR_ARG(build->asset));
    err_hint(err, "DROP it: a name is on one side only, so that it means one thing");
    return build_fail(build, "sql");
}

static bool build_look(struct build *build, struct err *err)
{
    struct worker_statement *statement = build->statement;
    struct engine_found found;
    struct err missing;
    if (build_is(build, "test"))
        return true;
    if (build_is(build, "none")) { /* perhaps it fills a table of its name */
        if (json_count(json_get(build->arguments, "tests")))
            build->checked = procedure_locals_name(statement, build->asset);
        return true;
    }
    build->found = engine_find(statement->session, build->asset, statement->arena, &found, &missing);
    build->is_view = build->found && found.is_view;
    build->target = procedure_locals_name(statement, build->found ? found.name : build->asset);
    if (build_is(build, "iceberg")) {
        AUTO(buf) struct buf name = {0};
        buf_append_str(&name, S("iceberg.iceberg."));
        sql_append_name(&name, build->asset);
        build->target = str_copy(statement->arena, buf_str(&name));
    }
    build->checked = build->target;
    return build_name_is_free(build, err);
}

static bool build_init(struct build *build, struct err *err)
{
    const struct json *arguments = build->arguments;
    build->asset = json_text(json_get(arguments, "asset"));
    build->materialize = json_text(json_get(arguments, "materialize"));
    build->full_refresh = json_bool(json_get(arguments, "full_refresh"));
    build->rows = -1;
    bool parts = build_is(build, "table") || build_is(build, "incremental") || build_is(build, "iceberg");
    if (parts && json_kind(json_get(arguments, "partition")) == JSON_OBJECT)
        build->partition = json_get(arguments, "partition");
    build->is_kept =
        (build_is(build, "incremental") || build_is(build, "none")) && json_text(json_get(arguments, "run")).len > 0;
    if (!build->statement->run.refusal.len || build_is(build, "test"))
        return true;
    err_set(err, ERR_RESOURCE, "%.*s", STR_ARG(build->statement->run.refusal));
    return err_hint(err, "DELETE and DROP are allowed: they make room");
}

/* --- Variables: getvariable('eider_…') --- */

static bool build_mentions(struct str text, struct str word)
{
    for (size_t i = 0; i + word.len <= text.len; i++)
        if (str_equal_nocase(str_slice(text, i, word.len), word))
            return true;
    return false;
}

static bool build_set(struct build *build, const char *name, struct str value, struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    if (value.len == 0) /* of a session that nobody used, it is NULL */
        return true;
    buf_printf(&sql, "SET VARIABLE eider_%s = ", name);
    buf_append_str(&sql, value);
    return sql_run(build->statement, buf_str(&sql), err);
}

static bool build_variables(struct build *build, struct err *err)
{
    AUTO(buf) struct buf watermark = {0};
    AUTO(buf) struct buf partition = {0};
    struct str column = json_text(json_get(build->arguments, "watermark"));
    if (!build_mentions(build->query, S("getvariable")))
        return true;
    if (column.len && build->found && !build->is_view && !build->full_refresh) {
        buf_append_str(&watermark, S("(SELECT max("));
        sql_append_name(&watermark, column);
        buf_printf(&watermark, ") FROM %.*s)", STR_ARG(build->target));
    }
    if (build->partition)
        sql_append_text(&partition, json_text(json_get(build->partition, "name")));
    bool ok = build_set(build, "watermark", buf_str(&watermark), err) &&
              build_set(build, "partition", buf_str(&partition), err) &&
              build_set(build, "from", json_text(json_get(build->partition, "from")), err) &&
              build_set(build, "to", json_text(json_get(build->partition, "to")), err) &&
              build_set(build, "full_refresh", build->full_refresh ? S("true") : S("false"), err);
    return ok || build_fail(build, "sql");
}

/* --- The report --- */

bool build_fail(struct build *build, const char *failure)
{
    if (!build->failure)
        build->failure = failure;
    return false;
}

/* The class that the error's code tells. */
static const char *build_failure(const struct build *build)
{
    if (build->failure)
        return build->failure;
    switch ((unsigned)build->error.code) {
    case ERR_CONFLICT:
        return "conflict";
    case ERR_RESOURCE:
        return "resource";
    case ERR_UNAVAILABLE:
        return build->files.count ? "source" : "unavailable";
    case ERR_NOT_FOUND:
        return str_find(err_message(&build->error), S("o files found")) >= 0 ? "source" : "sql";
    default:
        return "sql";
    }
}

static void build_report_error(struct build *build, struct json_writer *writer)
{
    json_begin_object(writer, "error");
    json_write_text(writer, "message", err_message(&build->error));
    if (build->error.hint[0])
        json_write_text(writer, "hint", str_from(build->error.hint));
    json_write_text(writer, "failure", str_from(build_failure(build)));
    if (build->line)
        json_write_i64(writer, "line", build->line);
    if (build->column)
        json_write_i64(writer, "column", build->column);
    json_end_object(writer);
}

static void build_report_files(const struct build *build, struct json_writer *writer)
{
    json_begin_array(writer, "files");
    for (size_t i = 0; i < build->files.count && i < BUILD_FILES_SHOWN; i++) {
        const struct build_file *file = &build->files.items[i];
        json_begin_object(writer, NULL);
        json_write_text(writer, "path", file->path);
        json_write_i64(writer, "size", file->size_bytes);
        json_write_i64(writer, "modified_us", file->modified_ns / 1000);
        json_end_object(writer);
    }
    json_end_array(writer);
}

static struct str build_report(struct build *build)
{
    AUTO(buf) struct buf report = {0};
    struct json_writer writer = {.buf = &report};
    struct str sql = buf_str(&build->sql);
    json_begin_object(&writer, NULL);
    json_write_bool(&writer, "committed", build->committed);
    json_write_text(&writer, "kind", build->materialize);
    if (build->rows >= 0)
        json_write_i64(&writer, "rows", build->rows);
    if (build->columns)
        json_write_value(&writer, "columns", build->columns);
    if (buf_len(&build->tests))
        buf_printf(&report, ",\"tests\":[%.*s]", STR_ARG(buf_str(&build->tests)));
    if (build->files.count)
        build_report_files(build, &writer);
    if (buf_len(&build->lineage))
        buf_printf(&report, ",%.*s", STR_ARG(buf_str(&build->lineage)));
    json_write_text(&writer, "sql", str_slice(sql, 0, sql.len < BUILD_SQL_SHOWN ? sql.len : BUILD_SQL_SHOWN));
    if (build->error.code != ERR_OK)
        build_report_error(build, &writer);
    json_end_object(&writer);
    return str_copy(build->statement->arena, buf_str(&report));
}

/* --- Doing it --- */

/* Inside the transaction, to the moment before its end. */
static bool build_inside(struct build *build, struct err *err)
{
    if (!build_write(build, err) || !build_check(build, err) || !build_files_same(build, err))
        return false;
    build->committed = true; /* as the report has to say if it is there */
    return !build->is_kept || build_kept_add(build, build_report(build), err);
}

static bool build_local(struct build *build, struct err *err)
{
    struct worker_statement *statement = build->statement;
    struct err ignored;
    if (!sql_run(statement, S("BEGIN TRANSACTION"), err))
        return false;
    bool ok = build_inside(build, err);
    if (ok)
        FAILPOINT("build.before_commit");
    ok = ok && sql_run(statement, S("COMMIT"), err);
    build->committed = ok;
    if (ok)
        FAILPOINT("build.after_commit");
    else if (!sql_run(statement, S("ROLLBACK"), &ignored)) /* a COMMIT that failed has rolled back */
        build->committed = false;
    return ok;
}

/* A transaction writes DuckDB or Iceberg: statements that write the latter leave no trace in "eider"."builds". */
static bool build_statements(struct build *build, struct err *err)
{
    if (build_local(build, err))
        return true;
    bool other = err->code == ERR_PRECONDITION && str_find(err_message(err), S("not both")) >= 0;
    if (!build->is_kept || !other)
        return false;
    build->is_kept = false;
    build->failure = NULL;
    build->line = build->column = 0;
    buf_clear(&build->sql);
    return build_local(build, err);
}

/* DuckDB does not write down how it reads text files, and would look into them once more to find that out. */
static bool build_has_lineage(const struct build *build)
{
    const struct json *sources = json_get(build->arguments, "sources");
    for (size_t i = 0; i < json_count(sources); i++)
        if (!str_ends_with(json_text(json_at(sources, i)), S(".parquet")))
            return false;
    return !build_is(build, "none") && !build_is(build, "test");
}

static void build_note_lineage(struct build *build)
{
    struct json_writer writer = {.buf = &build->lineage};
    if (build_has_lineage(build))
        lineage_append(build->statement, build->query, build_is(build, "incremental") ? NULL : build->columns, &writer);
}

/* *kept_out: the report of an earlier time, empty: it is done now. */
static bool build_do(struct build *build, struct str *kept_out, struct err *err)
{
    *kept_out = S("");
    if (!build_init(build, err) || !build_compose(build, err) || !build_view_is_closed(build, err))
        return false;
    if (build->is_kept && (!build_kept_find(build, kept_out, err) || kept_out->len))
        return kept_out->len > 0;
    if (!build_look(build, err) || !build_variables(build, err) || !build_files_look(build, &build->files, err))
        return false;
    if (build_is(build, "none"))
        return build_statements(build, err);
    if (build->is_kept) /* its report stands in the transaction */
        build_note_lineage(build);
    bool ok = build_is(build, "iceberg") ? build_iceberg(build, err) : build_local(build, err);
    if (ok && !build->is_kept)
        build_note_lineage(build);
    return ok;
}

/* Errors that are not the asset's: the statement was cancelled, or DuckDB wants no more of this process. */
static bool build_is_broken(const struct err *err)
{
    struct str message = err_message(err);
    return err->code == ERR_CANCELLED || str_find(message, S("FATAL")) >= 0 ||
           str_find(message, S("database has been invalidated")) >= 0;
}

/* The files are what came first: what else was wrong may have come of it. */
static void build_blame_files(struct build *build)
{
    struct err changed;
    if (build->files.count && !build->failure && !build_files_same(build, &changed)) {
        build->error = changed;
        build->line = build->column = 0;
    }
}

bool worker_build(struct worker_statement *statement, const struct json *arguments, struct str *answer_out,
                  struct err *err)
{
    struct build build = {.statement = statement, .arguments = arguments};
    struct str report;
    struct err error = {0};
    AUTO(buf) struct buf lines = {0};
    bool done = build_do(&build, &report, &error), broken = !done && build_is_broken(&error);
    if (broken)
        *err = error;
    if (!done && !broken) {
        build.error = error;
        build_blame_files(&build);
    }
    (void)answer_out;
    if (!broken)
        procedure_row(&lines, "report", report.len ? report : build_report(&build));
    buf_done(&build.lineage);
    buf_done(&build.tests);
    buf_done(&build.sql);
    return !broken && procedure_send(statement, buf_str(&lines), 1, err);
}

/* A step that is SQL: one BUILD in the tenant's worker, then one EXPORT for each file. */
#include <inttypes.h>

#include "base/failpoint.h"
#include "base/limits.h"
#include "base/log.h"
#include "domain/pipeline/run_priv.h"
#include "domain/pipeline/step_sql.h"
#include "platform/json/json.h"

/* Of a worker's answer: a report of pipeline.max_report as JSON in JSON, and what it may have too much. */
#define STEP_SQL_ANSWER (size_t)(16 << 20)

struct step_sql_export {
    int64_t rows, bytes;
};

struct step_sql {
    struct step_work *work;
    struct pipeline_call *call; /* NULL: none under way */
    const struct json *report;  /* of BUILD; in the work's arena */
    struct step_sql_export *exports;
    size_t exported;
};

static void step_sql_export(struct step_sql *step);

static const struct asset *step_sql_asset(const struct step_sql *step)
{
    return step->work->node->asset;
}

/* --- The end --- */

static void step_sql_write_exports(const struct step_sql *step, struct json_writer *writer)
{
    const struct asset *asset = step_sql_asset(step);
    json_begin_array(writer, "exports");
    for (size_t i = 0; i < step->exported; i++) {
        json_begin_object(writer, NULL);
        json_write_text(writer, "path", step_sql_export_path(step->work, &asset->exports[i]));
        json_write_text(writer, "format", str_from(asset_format_name(asset->exports[i].format)));
        json_write_i64(writer, "rows", step->exports[i].rows);
        json_write_i64(writer, "bytes", step->exports[i].bytes);
        json_end_object(writer);
    }
    json_end_array(writer);
}

/* What the worker says, without the parts that are named, and the exports. */
static void step_sql_write_report(const struct step_sql *step, const char *const *without, struct buf *out)
{
    struct json_writer writer = {.buf = out};
    json_begin_object(&writer, NULL);
    for (size_t i = 0; i < json_count(step->report); i++) {
        struct str key = json_key_at(step->report, i);
        bool kept = !str_equal(key, S("exports"));
        for (const char *const *name = without; kept && *name; name++)
            kept = !str_equal(key, str_from(*name));
        if (kept)
            json_write_value(&writer, key.ptr, json_at(step->report, i));
    }
    if (step->exported)
        step_sql_write_exports(step, &writer);
    json_end_object(&writer);
}

static void step_sql_end(struct step_sql *step, const struct err *error)
{
    static const char *const none[] = {NULL}, *const large[] = {"lineage", "sql", "files", "tests", NULL};
    struct step_work *work = step->work;
    AUTO(buf) struct buf report = {0};
    if (step->report)
        step_sql_write_report(step, none, &report);
    if (buf_len(&report) > (size_t)limits_get(LIMIT_PIPELINE_REPORT)) {
        buf_clear(&report);
        step_sql_write_report(step, large, &report);
    }
    work->report = str_copy(work->arena, buf_str(&report));
    work->done(work, error);
}

static void step_sql_fail(struct step_sql *step, enum asset_failure failure, const struct err *error)
{
    step->work->failure = failure;
    step_sql_end(step, error);
}

/* A deadline that passed is the step's own, and is told by its name. */
static bool step_sql_is_late(struct step_sql *step, const struct err *error)
{
    if (error->code != ERR_DEADLINE)
        return false;
    const struct asset *asset = step_sql_asset(step);
    struct err late;
    if (asset->timeout_us)
        err_set(&late, ERR_DEADLINE, "%.*s was not done within its timeout of %.3g s", STR_ARG(asset->name),
                (double)asset->timeout_us / 1e6);
    else
        limits_err(LIMIT_STATEMENT_TIMEOUT, &late);
    late.code = ERR_DEADLINE;
    step_sql_fail(step, ASSET_FAILS_TIMEOUT, &late);
    return true;
}

/* --- BUILD --- */

static int step_sql_line(const struct json *value)
{
    int64_t number = json_i64(value);
    return number > 0 && number < INT32_MAX ? (int)number : 0;
}

/* "pipelines/a.sql:3:8: ..." */
static void step_sql_error(const struct asset *asset, const struct json *error, struct err *err)
{
    struct str message = json_text(json_get(error, "message")), hint = json_text(json_get(error, "hint"));
    int line = step_sql_line(json_get(error, "line")), column = step_sql_line(json_get(error, "column"));
    if (line && column)
        err_set(err, ERR_INVALID, "%.*s:%d:%d: %.*s", STR_ARG(asset->path), line, column, STR_ARG(message));
    else if (line)
        err_set(err, ERR_INVALID, "%.*s:%d: %.*s", STR_ARG(asset->path), line, STR_ARG(message));
    else
        err_set(err, ERR_INVALID, "%.*s: %.*s", STR_ARG(asset->path), STR_ARG(message));
    if (hint.len)
        err_hint(err, "%.*s", STR_ARG(hint));
}

static enum asset_failure step_sql_failure(struct str name)
{
    for (unsigned bit = 1; bit < ASSET_FAILS_ANY; bit <<= 1)
        if (str_equal(name, str_from(asset_failure_name((enum asset_failure)bit))))
            return (enum asset_failure)bit;
    return ASSET_FAILS_SQL;
}

/* A line for each test that failed; true: one of them. */
static bool step_sql_log_tests(struct step_sql *step)
{
    const struct json *tests = json_get(step->report, "tests");
    size_t passed = 0, count = json_count(tests);
    for (size_t i = 0; i < count; i++) {
        const struct json *test = json_at(tests, i);
        bool is_error = str_equal(json_text(json_get(test, "severity")), S("error"));
        struct str message = json_text(json_get(test, "message"));
        if (json_bool(json_get(test, "passed"))) {
            passed++;
            continue;
        }
        step_logf(step->work, is_error ? LOG_ERROR : LOG_WARN, "test %.*s failed%s%.*s",
                  STR_ARG(json_text(json_get(test, "name"))), message.len ? ": " : "", STR_ARG(message));
    }
    if (count)
        step_logf(step->work, LOG_INFO, "%zu of %zu tests passed", passed, count);
    return passed < count;
}

static void step_sql_log_built(struct step_sql *step)
{
    const struct asset *asset = step_sql_asset(step);
    struct str kind = json_text(json_get(step->report, "kind"));
    if (!kind.len)
        kind = str_from(asset_materialize_name(asset->materialize));
    if (asset->kind == ASSET_TEST)
        return;
    if (step->work->rows >= 0)
        step_logf(step->work, LOG_INFO, "built %.*s: %" PRId64 " rows", STR_ARG(kind), step->work->rows);
    else
        step_logf(step->work, LOG_INFO, "built %.*s", STR_ARG(kind));
}

static int64_t step_sql_count(const struct json *value)
{
    return json_kind(value) == JSON_I64 && json_i64(value) >= 0 ? json_i64(value) : -1;
}

static void step_sql_reported(struct step_sql *step)
{
    struct step_work *work = step->work;
    const struct json *error = json_get(step->report, "error");
    work->committed = json_bool(json_get(step->report, "committed"));
    work->rows = step_sql_count(json_get(step->report, "rows"));
    work->bytes = step_sql_count(json_get(step->report, "bytes"));
    bool warned = step_sql_log_tests(step);
    if (json_kind(error) == JSON_OBJECT) {
        struct err own;
        step_sql_error(step_sql_asset(step), error, &own);
        step_sql_fail(step, step_sql_failure(json_text(json_get(error, "failure"))), &own);
        return;
    }
    if (warned)
        work->failure = ASSET_FAILS_TEST;
    step_sql_log_built(step);
    FAILPOINT("pipeline.step.built");
    step_sql_export(step);
}

static void step_sql_on_built(void *owner, struct str answer, const struct err *error)
{
    struct step_sql *step = owner;
    size_t count = 0;
    struct err own;
    step->call = NULL;
    if (error) {
        if (!step_sql_is_late(step, error))
            step_sql_fail(step, 0, error);
        return;
    }
    const struct json **rows = pipeline_call_rows(answer, "report", step->work->arena, &count, &own);
    if (rows && count != 1)
        err_set(&own, ERR_INTERNAL, "the tenant's worker reports %zu times", count);
    if (!rows || count != 1) {
        step_sql_fail(step, 0, &own);
        return;
    }
    step->report = rows[0];
    step_sql_reported(step);
}

/* --- EXPORT --- */

static void step_sql_on_exported(void *owner, struct str answer, const struct err *error)
{
    struct step_sql *step = owner;
    struct step_work *work = step->work;
    const struct asset_export *export = &step_sql_asset(step)->exports[step->exported];
    size_t count = 0;
    struct err own = {0};
    step->call = NULL;
    if (error && step_sql_is_late(step, error))
        return;
    const struct json **rows = error ? NULL : pipeline_call_rows(answer, "report", work->arena, &count, &own);
    if (error)
        own = *error;
    else if (rows && count != 1)
        err_set(&own, ERR_INTERNAL, "the tenant's worker reports %zu times", count);
    if (own.code) {
        err_wrap(&own, "export %.*s", STR_ARG(step_sql_export_path(work, export)));
        step_sql_fail(step, own.code == ERR_CANCELLED ? 0 : ASSET_FAILS_EXPORT, &own);
        return;
    }
    struct step_sql_export *done = &step->exports[step->exported++];
    done->rows = step_sql_count(json_get(rows[0], "rows"));
    done->bytes = step_sql_count(json_get(rows[0], "bytes"));
    step_logf(work, LOG_INFO, "exported %.*s: %" PRId64 " rows, %" PRId64 " bytes",
              STR_ARG(step_sql_export_path(work, export)), done->rows, done->bytes);
    step_sql_export(step);
}

static void step_sql_export(struct step_sql *step)
{
    const struct asset *asset = step_sql_asset(step);
    struct step_work *work = step->work;
    if (step->exported == asset->export_count) {
        step_sql_end(step, NULL);
        return;
    }
    AUTO(buf) struct buf arguments = {0};
    step_sql_export_arguments(work, &asset->exports[step->exported], &arguments);
    const struct pipeline_question question = {.tenant = work->run->environment->tenant,
                                               .kind = QUERY_EXPORT,
                                               .arguments = buf_str(&arguments),
                                               .iceberg = asset->materialize == ASSET_ICEBERG,
                                               .deadline_us = work->deadline_us,
                                               .answer_max = STEP_SQL_ANSWER};
    step->call = pipeline_call(work->pipeline, &question, step_sql_on_exported, step);
}

/* --- Beginning --- */

static void step_sql_cancel(struct step_work *work)
{
    struct step_sql *step = work->owner;
    if (step->call)
        pipeline_call_cancel(step->call);
}

/* What was built before this attempt, of which only files are missing. */
static void step_sql_export_again(struct step_sql *step)
{
    struct step_work *work = step->work;
    struct err error;
    work->committed = true;
    work->rows = work->step->rows;
    work->bytes = work->step->bytes;
    step->report = work->step->report.len ? json_parse(work->arena, work->step->report, &error) : NULL;
    if (step->report && work->rows < 0)
        work->rows = step_sql_count(json_get(step->report, "rows"));
    step_sql_export(step);
}

bool step_sql_start(struct step_work *work, struct err *err)
{
    struct step_sql *step = arena_new_object(work->arena, struct step_sql);
    step->work = work;
    step->exports = arena_array(work->arena, step_sql_asset(step)->export_count + 1, sizeof(*step->exports));
    work->owner = step;
    work->cancel = step_sql_cancel;
    if (work->export_only && !step_sql_asset(step)->export_count)
        return err_set(err, ERR_INTERNAL, "nothing to export");
    if (work->export_only) {
        step_sql_export_again(step);
        return true;
    }
    AUTO(buf) struct buf arguments = {0};
    if (!step_sql_build_arguments(work, &arguments, err))
        return false;
    const struct pipeline_question question = {.tenant = work->run->environment->tenant,
                                               .kind = QUERY_BUILD,
                                               .arguments = buf_str(&arguments),
                                               .iceberg = step_sql_needs_iceberg(work->run->graph, work->node),
                                               .deadline_us = work->deadline_us,
                                               .answer_max = STEP_SQL_ANSWER};
    step->call = pipeline_call(work->pipeline, &question, step_sql_on_built, step);
    return true;
}

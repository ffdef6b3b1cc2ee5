/* A dbt project as a step. The tenant is published; dbt builds in a scratch file with that snapshot attached read-only;
 * if all went well, what it has made replaces the tables of the tenant. The tenant serves all the time, and a run that
 * fails changes nothing in it. */
#include "domain/pipeline/step_dbt.h"

#include <stdio.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/vec.h"
#include "domain/pipeline/relay.h"
#include "domain/query/publish.h"
#include "platform/json/json.h"

/* --- The end --- */

static void step_dbt_report(struct step_dbt *step)
{
    AUTO(buf) struct buf report = {0};
    struct json_writer writer = {.buf = &report};
    dbt_results_write(&step->results, &writer);
    if (buf_len(&report) <= (size_t)limits_get(LIMIT_PIPELINE_REPORT))
        step->work->report = str_copy(step->work->arena, buf_str(&report));
}

static void step_dbt_end(struct step_dbt *step, enum asset_failure failure, const struct err *error)
{
    step->work->failure = failure;
    if (step->results.node_count)
        step_dbt_report(step);
    arena_free(&step->files);
    program_end(step->program, error); /* step lives in the work */
}

/* A reason of our own, or of what carried out a part; its class follows from its code. */
static void step_dbt_fail(struct step_dbt *step, const struct err *error)
{
    step_dbt_end(step, error->code == ERR_DEADLINE ? ASSET_FAILS_TIMEOUT : 0, error);
}

static bool step_dbt_stops(struct step_dbt *step)
{
    struct err error;
    if (!step->is_cancelled)
        return false;
    err_set(&error, ERR_CANCELLED, "the run was cancelled");
    step_dbt_fail(step, &error);
    return true;
}

static void step_dbt_cancel(struct step_work *work)
{
    struct step_dbt *step = work->owner;
    step->is_cancelled = true;
    if (step->publishing)
        query_cancel(step->publishing);
    program_cancel(step->program);
    if (step->relay)
        relay_cancel(step->relay);
}

static void step_dbt_submit(struct step_dbt *step, void (*run)(struct work_job *job),
                            void (*done)(struct work_job *job))
{
    step->job = (struct work_job){.run = run, .done = done};
    step->error.code = ERR_OK;
    work_submit(step->pipeline->pool, &step->job);
}

static struct step_dbt *step_dbt_of(struct work_job *job)
{
    return list_object(job, struct step_dbt, job);
}

/* --- From the scratch file into the tenant --- */

static void step_dbt_import(struct step_dbt *step);

static void step_dbt_on_imported(void *owner, uint64_t rows, uint64_t bytes, const struct err *error)
{
    struct step_dbt *step = owner;
    struct dbt_node *node = &step->results.nodes[step->next++];
    relay_free(&step->relay);
    if (error) {
        struct err why = *error;
        err_wrap(&why, "import '%.*s'", STR_ARG(node->name));
        step_dbt_fail(step, &why);
        return;
    }
    node->rows = (int64_t)rows;
    step->rows += (int64_t)rows;
    step->work->committed = true;
    step_logf(step->work, LOG_INFO, "imported %.*s: %llu rows, %llu bytes", STR_ARG(node->name),
              (unsigned long long)rows, (unsigned long long)bytes);
    if (!step_dbt_stops(step))
        step_dbt_import(step);
}

static void step_dbt_append_name(struct buf *out, const char *before, struct str name)
{
    buf_append_str(out, str_from(before));
    buf_append_quoted(out, name, '"');
}

static bool step_dbt_relay(struct step_dbt *step, const struct dbt_node *node, struct err *err)
{
    struct step_work *work = step->work;
    struct str tenant = work->run->environment->tenant;
    AUTO(buf) struct buf setup = {0};
    AUTO(buf) struct buf sql = {0};
    buf_append_str(&setup, S("ATTACH "));
    buf_append_quoted(&setup, step->database, '\'');
    step_dbt_append_name(&setup, " AS ", node->catalog);
    buf_append_str(&setup, S(" (READ_ONLY); ATTACH ")); /* views read the snapshot */
    buf_append_quoted(&setup, str_format(work->arena, "%.*s/%.*s.duckdb", STR_ARG(step->inputs), STR_ARG(tenant)),
                      '\'');
    step_dbt_append_name(&setup, " AS ", tenant);
    buf_append_str(&setup, S(" (READ_ONLY)"));
    step_dbt_append_name(&sql, "SELECT * FROM ", node->catalog);
    step_dbt_append_name(&sql, ".", node->schema);
    step_dbt_append_name(&sql, ".", node->name);
    const struct str paths[] = {program_scratch(step->program), step->inputs};
    const struct query_import_options from = {.program = step->pipeline->program,
                                              .library = step->pipeline->library,
                                              .temp_directory = program_scratch(step->program),
                                              .paths = paths,
                                              .path_count = 2,
                                              .setup = buf_str(&setup)};
    const struct query_upload_request to = {.who = ask_principal(work),
                                            .tenant = tenant,
                                            .table = node->name,
                                            .mode = QUERY_MODE_REPLACE,
                                            .target = QUERY_TARGET_STAY,
                                            .deadline_us = work->deadline_us,
                                            .protocol = S("pipeline")};
    const struct relay_options options = {.loop = step->pipeline->loop,
                                          .query = step->pipeline->query,
                                          .from = &from,
                                          .sql = buf_str(&sql),
                                          .to = &to,
                                          .done = step_dbt_on_imported,
                                          .owner = step};
    step->relay = relay_start(&options, err);
    return step->relay != NULL;
}

static void step_dbt_kept(struct work_job *job)
{
    struct step_dbt *step = step_dbt_of(job);
    enum asset_failure failure = 0;
    for (size_t i = 0; i < step->results.node_count; i++)
        if (step->results.nodes[i].outcome == DBT_WARNED)
            failure = ASSET_FAILS_TEST; /* without an error: the step has a warning */
    step->work->rows = step->rows;
    step_dbt_end(step, failure, NULL);
}

static void step_dbt_run_keep(struct work_job *job)
{
    step_dbt_keep(step_dbt_of(job));
}

static void step_dbt_import(struct step_dbt *step)
{
    struct err error;
    while (step->next < step->results.node_count && !step->results.nodes[step->next].is_table)
        step->next++;
    if (step->next == step->results.node_count)
        step_dbt_submit(step, step_dbt_run_keep, step_dbt_kept);
    else if (!step_dbt_relay(step, &step->results.nodes[step->next], &error))
        step_dbt_fail(step, &error);
}

/* --- What dbt has left --- */

static void step_dbt_node_failed(struct step_dbt *step, const struct dbt_node *node)
{
    struct err error;
    bool is_test = str_equal(node->kind, S("test"));
    char message[sizeof(error.message) / 2];
    struct str text = str_slice(node->message, 0, sizeof(message));
    for (size_t i = 0; i < text.len; i++)
        message[i] = text.ptr[i] == '\n' ? ' ' : text.ptr[i];
    err_set(&error, ERR_INVALID, "%.*s '%.*s': %.*s", STR_ARG(node->kind), STR_ARG(str_slice(node->name, 0, 100)),
            (int)text.len, message);
    err_hint(&error, "nothing of this run of dbt is in the tenant");
    step_dbt_end(step, is_test ? ASSET_FAILS_TEST : ASSET_FAILS_SQL, &error);
}

static void step_dbt_have_read(struct work_job *job)
{
    struct step_dbt *step = step_dbt_of(job);
    struct err error;
    if (step_dbt_stops(step))
        return;
    const struct dbt_node *failed = step->error.code ? NULL : dbt_results_failure(&step->results);
    if (failed) {
        step_dbt_node_failed(step, failed);
    } else if (step->code != 0) {
        err_set(&error, ERR_UNKNOWN, "dbt: exit code %d%s%s", step->code, step->why[0] ? ": " : "", step->why);
        step_dbt_end(step, ASSET_FAILS_COMMAND, &error);
    } else if (step->error.code) {
        step_dbt_end(step, ASSET_FAILS_COMMAND, &step->error);
    } else {
        step_dbt_import(step);
    }
}

static void step_dbt_run_read(struct work_job *job)
{
    struct step_dbt *step = step_dbt_of(job);
    struct err error;
    if (!step_dbt_read(step, &error))
        step->error = error;
}

/* --- dbt --- */

static void step_dbt_on_line(void *owner, bool is_error, struct str line)
{
    struct step_dbt *step = owner;
    AUTO(arena) struct arena *arena = arena_new();
    struct dbt_line said;
    dbt_line_parse(line, arena, &said);
    if (said.is_failure && !step->why[0])
        snprintf(step->why, sizeof(step->why), "%.*s", STR_ARG(said.text));
    for (char *end = step->why; *end; end++)
        *end = *end == '\n' ? ' ' : *end;
    if (said.text.len)
        step_log(step->work, is_error && said.level < LOG_WARN ? LOG_WARN : said.level, said.text);
}

static void step_dbt_on_exit(void *owner, int code, const struct err *error)
{
    struct step_dbt *step = owner;
    step->code = code;
    if (error && error->code != ERR_UNKNOWN) {
        step_dbt_end(step, error->code == ERR_DEADLINE ? ASSET_FAILS_TIMEOUT : ASSET_FAILS_COMMAND, error);
        return;
    }
    step_dbt_submit(step, step_dbt_run_read, step_dbt_have_read);
}

static void step_dbt_run(struct step_dbt *step)
{
    struct step_work *work = step->work;
    const struct asset *asset = work->node->asset;
    struct str scratch = program_scratch(step->program);
    struct str project =
        str_format(work->arena, "%.*s/%.*s", STR_ARG(step->pipeline->settings->root), STR_ARG(asset->dbt_project));
    const struct str head[] = {
        S("dbt"),
        S("--log-format"),
        S("json"),
        S("--no-use-colors"),
        S("--no-send-anonymous-usage-stats"),
        S("--no-version-check"),
        S("--log-path"),
        str_format(work->arena, "%.*s/logs", STR_ARG(scratch)),
        S("build"),
        S("--project-dir"),
        project,
        S("--profiles-dir"),
        scratch,
        S("--profile"),
        S("eider"),
        S("--target-path"),
        str_format(work->arena, "%.*s/target", STR_ARG(scratch)),
    };
    VEC(struct str) argv = {0};
    for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
        vec_push(&argv, head[i]);
    if (work->run->full_refresh)
        vec_push(&argv, S("--full-refresh"));
    if (asset->dbt_select_count)
        vec_push(&argv, S("--select"));
    for (size_t i = 0; i < asset->dbt_select_count; i++)
        vec_push(&argv, asset->dbt_select[i]);
    const struct program_options options = {.argv = argv.items,
                                            .argc = argv.count,
                                            .directory = project,
                                            .on_line = step_dbt_on_line,
                                            .on_exit = step_dbt_on_exit,
                                            .owner = step};
    struct err error;
    bool ok = program_run(step->program, &options, &error);
    vec_done(&argv);
    if (!ok)
        step_dbt_end(step, ASSET_FAILS_COMMAND, &error);
}

/* --- Before it --- */

static void step_dbt_prepared(struct work_job *job)
{
    struct step_dbt *step = step_dbt_of(job);
    if (step_dbt_stops(step))
        return;
    if (step->error.code)
        step_dbt_fail(step, &step->error);
    else
        step_dbt_run(step);
}

static void step_dbt_run_prepare(struct work_job *job)
{
    struct step_dbt *step = step_dbt_of(job);
    struct err error;
    if (!step_dbt_prepare(step, &error))
        step->error = error;
}

static void step_dbt_on_published(void *owner, const struct query_published *published, const struct err *error)
{
    struct step_dbt *step = owner;
    struct err own;
    step->publishing = NULL;
    if (error) {
        own = *error;
        err_wrap(&own, "publish the tenant for dbt");
        step_dbt_fail(step, &own);
        return;
    }
    step->snapshot = str_copy(step->work->arena, published->path);
    step_logf(step->work, LOG_INFO, "published the tenant: %llu bytes", (unsigned long long)published->bytes);
    if (step_dbt_stops(step))
        return;
    if (program_inputs(step->program, &step->inputs, &own))
        step_dbt_submit(step, step_dbt_run_prepare, step_dbt_prepared);
    else
        step_dbt_fail(step, &own);
}

bool step_dbt_start(struct step_work *work, struct err *err)
{
    const struct pipeline_options *pipeline = pipeline_options(work->pipeline);
    const struct tenant *tenant = tenant_find(pipeline->tenants, work->run->environment->tenant, err);
    struct program *program = tenant ? program_new(work, err) : NULL;
    if (!program)
        return false;
    struct step_dbt *step = arena_new_object(work->arena, struct step_dbt);
    *step = (struct step_dbt){.work = work, .pipeline = pipeline, .program = program, .files = arena_new()};
    step->database = str_format(work->arena, "%.*s/dbt.duckdb", STR_ARG(program_scratch(program)));
    step->kept =
        str_format(work->arena, "%.*s/dbt-%.*s.duckdb",
                   STR_ARG(tenant_directory(pipeline->tenants, tenant, work->arena)), STR_ARG(work->step->asset));
    work->owner = step;
    work->cancel = step_dbt_cancel;
    const struct query_publish_request request = {
        .tenant = work->run->environment->tenant, .deadline_us = work->deadline_us, .protocol = S("pipeline")};
    struct err error;
    step->publishing = query_publish(pipeline->query, &request, step_dbt_on_published, step, &error);
    if (!step->publishing)
        step_dbt_fail(step, &error);
    return true;
}

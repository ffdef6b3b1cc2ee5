/* SQL that reads over the network: an import worker runs it and its rows go into a table of the schema "eider" in the
 * tenant; from there BUILD makes the asset as it makes any other, in one transaction. The asset's own table is as it
 * was until then, and nothing in the tenant's worker ever connects anywhere. */
#include "base/log.h"
#include "domain/pipeline/ask.h"
#include "domain/pipeline/connection.h"
#include "domain/pipeline/pipeline.h"
#include "domain/pipeline/relay.h"
#include "domain/query/gate.h"
#include "platform/json/json.h"
#include "platform/net/work.h"

/* What the C library and OpenSSL read to find and to trust a server. */
static const struct str step_import_paths[] = {
    {"/etc/resolv.conf", 16}, {"/etc/hosts", 10}, {"/etc/nsswitch.conf", 18},
    {"/etc/gai.conf", 13},    {"/etc/ssl", 8},    {"/usr/share/ca-certificates", 26},
};

#define STEP_IMPORT_TRIES 100

/* In the attempt's arena. */
struct step_import {
    struct step_work *work;
    const struct pipeline_options *pipeline;
    struct connection connection;
    struct work_job job; /* looks the host up; the next two are its own */
    struct arena *resolved;
    struct err unresolved;
    struct ask ask;
    struct str stage;  /* name in the schema "eider": the asset's; quoted */
    struct str prefix; /* statements that set variables, on the line of the text */
    struct relay *relay;
    int tries;      /* to make the schema */
    bool is_staged; /* the table may be there */
    struct err error;
    void (*done)(struct step_work *work, const struct err *error);
};

static void step_import_cancel(struct step_work *work);

/* --- The end --- */

static void step_import_on_dropped(struct ask *ask, struct str answer, const struct err *error)
{
    (void)answer, (void)error; /* the next import replaces what is left */
    struct step_import *import = list_object(ask, struct step_import, ask);
    import->done(import->work, import->error.code == ERR_OK ? NULL : &import->error);
}

/* The place that the gate and DuckDB put behind a message: in front of it, and in the report. */
static void step_import_place(struct step_import *import)
{
    AUTO(buf) struct buf report = {0};
    struct json_writer writer = {.buf = &report};
    char *at;
    int line, column;
    if (import->work->report.len || !gate_find_place(&import->error, &at, &line, &column) || column == 0)
        return;
    *at = '\0';
    err_wrap(&import->error, "%.*s:%d:%d", STR_ARG(import->work->node->asset->path), line, column);
    json_begin_object(&writer, NULL);
    json_begin_object(&writer, "error");
    json_write_i64(&writer, "line", line);
    json_write_i64(&writer, "column", column);
    json_end_object(&writer);
    json_end_object(&writer);
    import->work->report = str_copy(import->work->arena, buf_str(&report));
}

static void step_import_end(struct step_import *import, const struct err *error)
{
    struct step_work *work = import->work;
    struct err ignored;
    work->owner = import;
    work->cancel = step_import_cancel;
    if (error) {
        import->error = *error;
        connection_scrub(&import->connection, &import->error);
        step_import_place(import);
    }
    struct str drop = str_format(work->arena, "DROP TABLE IF EXISTS eider.%.*s", STR_ARG(import->stage));
    import->ask.done = step_import_on_dropped;
    if (!import->is_staged || !ask_start(&import->ask, work, drop, &ignored))
        import->done(work, import->error.code == ERR_OK ? NULL : &import->error);
}

static bool step_import_is_cancelled(struct step_import *import)
{
    if (import->error.code == ERR_OK)
        return false;
    const struct err why = import->error;
    step_import_end(import, &why);
    return true;
}

static void step_import_cancel(struct step_work *work)
{
    struct step_import *import = work->owner;
    err_set(&import->error, ERR_CANCELLED, "the import was cancelled");
    ask_cancel(&import->ask);
    if (import->relay)
        relay_cancel(import->relay);
}

/* --- From the stage into the asset --- */

static void step_import_on_built(struct step_work *work, const struct err *error)
{
    struct step_import *import = work->import;
    work->done = import->done;
    step_import_end(import, error);
}

static void step_import_build(struct step_import *import)
{
    struct step_work *work = import->work;
    struct err error;
    work->staged = str_format(work->arena, "SELECT * FROM eider.%.*s", STR_ARG(import->stage));
    work->import = import;
    work->done = step_import_on_built;
    work->cancel = NULL;
    if (step_sql_start(work, &error))
        return;
    work->done = import->done;
    step_import_end(import, &error);
}

/* --- From the connection onto the stage --- */

static void step_import_on_relayed(void *owner, uint64_t rows, uint64_t bytes, const struct err *error)
{
    struct step_import *import = owner;
    relay_free(&import->relay);
    if (error) {
        struct err why = *error;
        if (!strstr(why.message, " (line "))
            err_wrap(&why, "connection '%.*s'", STR_ARG(import->connection.settings->name));
        step_import_end(import, &why);
        return;
    }
    step_logf(import->work, LOG_INFO, "imported %llu rows, %llu bytes from '%.*s'", (unsigned long long)rows,
              (unsigned long long)bytes, STR_ARG(import->connection.settings->name));
    if (!step_import_is_cancelled(import))
        step_import_build(import);
}

static void step_import_relay(struct step_import *import)
{
    struct step_work *work = import->work;
    const struct asset *asset = work->node->asset;
    struct err error;
    const struct query_import_options from = {
        .program = import->pipeline->program,
        .library = import->pipeline->library,
        .paths = step_import_paths,
        .path_count = sizeof(step_import_paths) / sizeof(step_import_paths[0]),
        .extensions = import->pipeline->extensions,
        .setup = connection_setup(&import->connection, import->pipeline->extensions, work->arena),
        .ports = &import->connection.port,
        .port_count = 1,
    };
    const struct query_upload_request to = {.who = ask_principal(work),
                                            .tenant = work->run->environment->tenant,
                                            .schema = S("eider"),
                                            .table = str_format(work->arena, "import_%.*s", STR_ARG(asset->name)),
                                            .mode = QUERY_MODE_REPLACE,
                                            .target = QUERY_TARGET_DUCKDB,
                                            .deadline_us = work->deadline_us,
                                            .protocol = S("pipeline")};
    const struct relay_options options = {
        .loop = import->pipeline->loop,
        .query = import->pipeline->query,
        .from = &from,
        .sql = str_format(work->arena, "%.*s%.*s", STR_ARG(import->prefix), STR_ARG(asset->text)),
        .to = &to,
        .done = step_import_on_relayed,
        .owner = import,
    };
    import->relay = relay_start(&options, &error);
    import->is_staged = import->relay != NULL;
    if (!import->relay)
        step_import_end(import, &error);
}

/* --- Before it --- */

static void step_import_make_schema(struct step_import *import);

static void step_import_on_schema(struct ask *ask, struct str answer, const struct err *error)
{
    (void)answer;
    struct step_import *import = list_object(ask, struct step_import, ask);
    if (step_import_is_cancelled(import))
        return;
    if (error && error->code == ERR_CONFLICT && --import->tries > 0) /* another step makes it */
        step_import_make_schema(import);
    else if (error)
        step_import_end(import, error);
    else
        step_import_relay(import);
}

static void step_import_make_schema(struct step_import *import)
{
    struct err error;
    import->ask.done = step_import_on_schema;
    if (!ask_start(&import->ask, import->work, S("CREATE SCHEMA IF NOT EXISTS eider"), &error))
        step_import_end(import, &error);
}

static struct str step_import_quoted(struct step_import *import, struct str text, char quote)
{
    AUTO(buf) struct buf out = {0};
    buf_append_quoted(&out, text, quote);
    return str_copy(import->work->arena, buf_str(&out));
}

/* What BUILD sets for texts that run in the tenant, set for those that run elsewhere. */
static void step_import_set(struct step_import *import, const char *name, struct str literal)
{
    import->prefix = str_format(import->work->arena, "%.*sSET VARIABLE eider_%s = %.*s; ", STR_ARG(import->prefix),
                                name, STR_ARG(literal));
}

static void step_import_on_watermark(struct ask *ask, struct str answer, const struct err *error)
{
    struct step_import *import = list_object(ask, struct step_import, ask);
    struct err ignored;
    if (error && error->code != ERR_NOT_FOUND) {
        step_import_end(import, error);
        return;
    }
    /* Not there yet: from the beginning. */
    const struct json *row = error ? NULL : json_parse(import->work->arena, answer, &ignored);
    if (json_kind(json_get(row, "mark")) == JSON_TEXT)
        step_import_set(import, "watermark",
                        str_format(import->work->arena, "CAST(%s AS %.*s)",
                                   step_import_quoted(import, json_text(json_get(row, "mark")), '\'').ptr,
                                   STR_ARG(json_text(json_get(row, "type")))));
    if (!step_import_is_cancelled(import))
        step_import_make_schema(import);
}

static void step_import_on_resolved(struct work_job *job)
{
    struct step_import *import = list_object(job, struct step_import, job);
    const struct asset *asset = import->work->node->asset;
    struct err error;
    import->connection.address = str_copy(import->work->arena, import->connection.address);
    arena_free(&import->resolved);
    if (step_import_is_cancelled(import))
        return;
    if (import->unresolved.code != ERR_OK) {
        step_import_end(import, &import->unresolved);
        return;
    }
    if (asset->materialize != ASSET_INCREMENTAL || !asset->watermark.len || import->work->run->full_refresh) {
        step_import_make_schema(import);
        return;
    }
    struct str column = step_import_quoted(import, asset->watermark, '"');
    struct str sql = str_format(import->work->arena, "SELECT max(%s)::VARCHAR AS mark, typeof(max(%s)) AS type FROM %s",
                                column.ptr, column.ptr, step_import_quoted(import, asset->name, '"').ptr);
    import->ask.done = step_import_on_watermark;
    if (!ask_start(&import->ask, import->work, sql, &error))
        step_import_end(import, &error);
}

static void step_import_resolve(struct work_job *job)
{
    struct step_import *import = list_object(job, struct step_import, job);
    if (connection_resolve(&import->connection, import->pipeline->settings->outgoing, import->resolved,
                           &import->unresolved))
        import->unresolved.code = ERR_OK;
}

static bool step_import_prepare(struct step_import *import, struct err *err)
{
    struct step_work *work = import->work;
    const struct asset *asset = work->node->asset;
    const struct project_settings *settings = import->pipeline->settings;
    const struct project_connection *found = connection_find(settings, asset->connection, err);
    if (!found || !connection_parse(found, work->arena, &import->connection, err))
        return false;
    const struct gate_places places = {.tenant = work->run->environment->tenant,
                                       .list = &import->connection.place,
                                       .count = import->connection.place.len ? 1 : 0};
    struct gate_result checked;
    if (!gate_check_places(asset->text, &places, work->arena, &checked, err))
        return false;
    import->stage = step_import_quoted(import, str_format(work->arena, "import_%.*s", STR_ARG(asset->name)), '"');
    step_import_set(import, "full_refresh", work->run->full_refresh ? S("true") : S("false"));
    if (asset->partition.kind == ASSET_NOT_PARTITIONED || !work->run->partition.len)
        return true;
    struct str from, to;
    if (!plan_partition_bounds(asset, work->run->partition, work->arena, &from, &to, err))
        return false;
    step_import_set(import, "partition", step_import_quoted(import, work->run->partition, '\''));
    step_import_set(import, "from", from);
    if (to.len)
        step_import_set(import, "to", to);
    return true;
}

bool step_import_start(struct step_work *work, struct err *err)
{
    struct step_import *import = arena_new_object(work->arena, struct step_import);
    import->work = work;
    import->tries = STEP_IMPORT_TRIES;
    import->pipeline = pipeline_options(work->pipeline);
    if (!step_import_prepare(import, err))
        return false;
    import->done = work->done;
    work->owner = import;
    work->cancel = step_import_cancel;
    import->resolved = arena_new_small();
    import->job = (struct work_job){.run = step_import_resolve, .done = step_import_on_resolved};
    work_submit(import->pipeline->pool, &import->job);
    return true;
}

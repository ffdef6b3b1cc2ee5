/* Reading the project again: its files on the work pool, texts that are new by the tenant's worker, then the graph.
 * Who asks gets what the files are after the question; those who ask meanwhile wait for the next reading. */
#include <assert.h>

#include "base/clock.h"
#include "base/log.h"
#include "domain/pipeline/pipeline_priv.h"
#include "domain/pipeline/scheduler.h"
#include "platform/json/json.h"

/* Texts of one question to the worker. */
#define PIPELINE_LOAD_TEXTS 500
#define PIPELINE_LOAD_BYTES (size_t)(4 << 20)
#define PIPELINE_LOAD_ANSWER (size_t)(64 << 20)
#define PIPELINE_LOAD_TIMEOUT_US (60 * CLOCK_SECOND)

/* Who waits. */
struct pipeline_ask {
    struct list node;
    char tenant[64];
    pipeline_load_done *done;
    void *owner;
};

/* What is known of one text for as long as its file is as it is. */
struct pipeline_analysis {
    struct arena *arena; /* owns this */
    struct analysis analysis;
    bool kept; /* by the project as it is now */
};

struct pipeline_load {
    struct pipeline *pipeline;
    struct list asks;
    struct work_job job;
    struct project *before, *project; /* references */
    struct err error;
    struct pipeline_call *call;
    const struct asset **missing; /* not analysed yet; in arena */
    size_t missing_count, next;
    size_t asked; /* texts of the question under way, from next */
    struct arena *arena;
};

static void pipeline_load_begin(struct pipeline *pipeline);
static void pipeline_load_analyse(struct pipeline_load *load);

/* --- Views --- */

struct pipeline_view *pipeline_view_ref(struct pipeline_view *view)
{
    view->references++;
    return view;
}

void pipeline_view_unref(struct pipeline_view **view)
{
    struct pipeline_view *gone = *view;
    *view = NULL;
    if (!gone || --gone->references)
        return;
    graph_free(&gone->graph);
    mem_free(gone);
}

/* --- The end of a load --- */

static void pipeline_load_free(struct pipeline_load *load)
{
    list_each(&load->asks, node)
    {
        mem_free(list_object(node, struct pipeline_ask, node));
    }
    pipeline_call_free(&load->call);
    project_unref(&load->before);
    project_unref(&load->project);
    arena_free(&load->arena);
    mem_free(load);
}

static void pipeline_load_end(struct pipeline_load *load)
{
    struct pipeline *pipeline = load->pipeline;
    const struct err *error = load->error.code ? &load->error : NULL;
    struct pipeline_view *view = error ? NULL : pipeline_view_ref(pipeline->view);
    struct list *node;
    pipeline->load = NULL; /* those who are told may ask again */
    while ((node = list_first(&load->asks))) {
        struct pipeline_ask *ask = list_object(node, struct pipeline_ask, node);
        list_remove(node);
        ask->done(ask->owner, view, error);
        mem_free(ask);
    }
    pipeline_view_unref(&view);
    pipeline_load_free(load);
    pipeline_load_begin(pipeline);
    pipeline_check_drained(pipeline);
}

/* --- Analyses --- */

static struct str pipeline_load_key(const struct asset *asset, struct arena *arena)
{
    return str_format(arena, "%.*s/%.*s", STR_ARG(asset->path), STR_ARG(asset->digest));
}

static bool pipeline_load_has_sql(const struct asset *asset)
{
    return asset->kind == ASSET_SQL || asset->kind == ASSET_SEED || asset->kind == ASSET_TEST;
}

static void pipeline_load_forget_analyses(struct pipeline *pipeline, bool all)
{
    struct map kept = {0};
    size_t position = 0;
    struct map_entry *entry;
    while ((entry = map_next(&pipeline->analyses, &position))) {
        struct pipeline_analysis *known = entry->value;
        struct arena *arena = known->arena;
        if (!all && known->kept)
            map_put(&kept, entry->key, known);
        else
            arena_free(&arena);
    }
    map_done(&pipeline->analyses);
    pipeline->analyses = kept;
}

static int pipeline_load_number(const struct json *value)
{
    int64_t number = json_i64(value);
    return number > 0 && number < INT32_MAX ? (int)number : 0;
}

static struct pipeline_analysis *pipeline_load_read(const struct json *row)
{
    struct arena *arena = arena_new_small();
    struct pipeline_analysis *known = arena_new_object(arena, struct pipeline_analysis);
    struct analysis *analysis = &known->analysis;
    known->arena = arena;
    analysis->asset = str_copy(arena, json_text(json_get(row, "asset")));
    const struct json *error = json_get(row, "error");
    if (json_kind(error) == JSON_OBJECT) {
        err_set(&analysis->error, ERR_INVALID, "%.*s", STR_ARG(json_text(json_get(error, "message"))));
        err_hint(&analysis->error, "%.*s", STR_ARG(json_text(json_get(error, "hint"))));
        analysis->line = pipeline_load_number(json_get(error, "line"));
        analysis->column = pipeline_load_number(json_get(error, "column"));
    }
    const struct json *reads = json_get(row, "reads"), *files = json_get(row, "files");
    struct analysis_read *items = arena_array(arena, json_count(reads) + 1, sizeof(*items));
    for (size_t i = 0; i < json_count(reads); i++) {
        const struct json *read = json_at(reads, i);
        items[i] = (struct analysis_read){.catalog = str_copy(arena, json_text(json_get(read, "catalog"))),
                                          .schema = str_copy(arena, json_text(json_get(read, "schema"))),
                                          .table = str_copy(arena, json_text(json_get(read, "table"))),
                                          .line = pipeline_load_number(json_get(read, "line")),
                                          .column = pipeline_load_number(json_get(read, "column"))};
    }
    struct str *paths = arena_array(arena, json_count(files) + 1, sizeof(*paths));
    for (size_t i = 0; i < json_count(files); i++)
        paths[i] = str_copy(arena, json_text(json_at(files, i)));
    analysis->reads = items;
    analysis->read_count = json_count(reads);
    analysis->files = paths;
    analysis->file_count = json_count(files);
    return known;
}

static void pipeline_load_graph(struct pipeline_load *load)
{
    struct pipeline *pipeline = load->pipeline;
    const struct project *project = load->project;
    struct analysis *analyses = arena_array(load->arena, project->asset_count + 1, sizeof(*analyses));
    size_t count = 0, position = 0;
    struct map_entry *entry;
    while ((entry = map_next(&pipeline->analyses, &position)))
        ((struct pipeline_analysis *)entry->value)->kept = false;
    for (size_t i = 0; i < project->asset_count; i++) {
        const struct asset *asset = project->assets[i];
        struct pipeline_analysis *known = map_get(&pipeline->analyses, pipeline_load_key(asset, load->arena));
        if (!known)
            continue;
        known->kept = true;
        analyses[count] = known->analysis;
        analyses[count++].asset = asset->name;
    }
    struct pipeline_view *view = mem_new(struct pipeline_view);
    view->references = 1;
    view->graph = graph_new(load->project, analyses, count);
    pipeline_load_forget_analyses(pipeline, false);
    pipeline_view_unref(&pipeline->view);
    pipeline->view = view;
    log_info("pipeline.loaded", LOG_I64("assets", project->asset_count),
             LOG_I64("problems", view->graph->problem_count));
    scheduler_set_graph(pipeline->scheduler, view->graph);
    pipeline_load_end(load);
}

static void pipeline_load_analysed(void *owner, struct str answer, const struct err *error)
{
    struct pipeline_load *load = owner;
    load->call = NULL;
    size_t count = 0;
    const struct json **rows = NULL;
    AUTO(arena) struct arena *arena = arena_new();
    if (error)
        load->error = *error;
    else
        rows = pipeline_call_rows(answer, "analysis", arena, &count, &load->error);
    if (rows && count != load->asked)
        err_set(&load->error, ERR_INTERNAL, "the tenant's worker analysed %zu texts of %zu", count, load->asked);
    if (load->error.code) {
        err_wrap(&load->error, "what the project's texts read");
        pipeline_load_end(load);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const struct asset *asset = load->missing[load->next + i];
        struct pipeline_analysis *known = pipeline_load_read(rows[i]);
        struct pipeline_analysis *old =
            map_put(&load->pipeline->analyses, pipeline_load_key(asset, load->arena), known);
        if (old)
            arena_free(&(struct arena *){old->arena});
    }
    load->next += count;
    pipeline_load_analyse(load);
}

static void pipeline_load_analyse(struct pipeline_load *load)
{
    if (load->next == load->missing_count) {
        pipeline_load_graph(load);
        return;
    }
    AUTO(buf) struct buf arguments = {0};
    struct json_writer writer = {.buf = &arguments};
    json_begin_object(&writer, NULL);
    json_begin_array(&writer, "texts");
    for (load->asked = 0; load->next + load->asked < load->missing_count; load->asked++) {
        const struct asset *asset = load->missing[load->next + load->asked];
        bool is_full =
            load->asked == PIPELINE_LOAD_TEXTS || buf_len(&arguments) + asset->text.len > PIPELINE_LOAD_BYTES;
        if (load->asked && is_full)
            break;
        json_begin_object(&writer, NULL);
        json_write_text(&writer, "asset", asset->name);
        json_write_text(&writer, "sql", asset->text);
        json_end_object(&writer);
    }
    json_end_array(&writer);
    json_end_object(&writer);
    const struct pipeline_ask *ask = list_object(list_first(&load->asks), struct pipeline_ask, node);
    const struct pipeline_question question = {.tenant = str_from(ask->tenant),
                                               .kind = QUERY_ANALYSE,
                                               .arguments = buf_str(&arguments),
                                               .deadline_us = clock_deadline_us(PIPELINE_LOAD_TIMEOUT_US),
                                               .answer_max = PIPELINE_LOAD_ANSWER};
    load->call = pipeline_call(load->pipeline, &question, pipeline_load_analysed, load);
}

static void pipeline_load_has_tenant(void *owner, const struct err *error)
{
    struct pipeline_load *load = owner;
    if (error && error->code != ERR_EXISTS) {
        load->error = *error;
        pipeline_load_end(load);
        return;
    }
    pipeline_load_analyse(load);
}

/* The files are read: which texts are new? */
static void pipeline_load_compare(struct pipeline_load *load)
{
    struct pipeline *pipeline = load->pipeline;
    const struct project *project = load->project;
    if (pipeline->view && str_equal(pipeline->view->graph->project->digest, project->digest)) {
        pipeline_load_end(load);
        return;
    }
    load->missing = arena_array(load->arena, project->asset_count + 1, sizeof(struct asset *));
    for (size_t i = 0; i < project->asset_count; i++) {
        const struct asset *asset = project->assets[i];
        if (pipeline_load_has_sql(asset) && !map_get(&pipeline->analyses, pipeline_load_key(asset, load->arena)))
            load->missing[load->missing_count++] = asset;
    }
    const struct pipeline_ask *ask = list_object(list_first(&load->asks), struct pipeline_ask, node);
    struct err error;
    if (!load->missing_count || tenant_find(pipeline->options.tenants, str_from(ask->tenant), &error))
        pipeline_load_analyse(load);
    else
        tenant_create(pipeline->options.tenants, NULL, str_from(ask->tenant), pipeline_load_has_tenant, load);
}

/* --- Reading files --- */

static void pipeline_load_run(struct work_job *job)
{
    struct pipeline_load *load = list_object(job, struct pipeline_load, job);
    load->project = project_load(load->pipeline->options.settings, load->before, &load->error);
}

static void pipeline_load_done_files(struct work_job *job)
{
    struct pipeline_load *load = list_object(job, struct pipeline_load, job);
    project_unref(&load->before);
    if (load->error.code)
        pipeline_load_end(load);
    else
        pipeline_load_compare(load);
}

static void pipeline_load_begin(struct pipeline *pipeline)
{
    if (pipeline->load || list_is_empty(&pipeline->loads))
        return;
    struct pipeline_load *load = pipeline->load = mem_new(struct pipeline_load);
    load->pipeline = pipeline;
    load->arena = arena_new();
    list_init(&load->asks);
    list_each(&pipeline->loads, node)
    {
        list_remove(node);
        list_append(&load->asks, node);
    }
    if (pipeline->view)
        load->before = project_ref(pipeline->view->graph->project);
    load->job = (struct work_job){.run = pipeline_load_run, .done = pipeline_load_done_files};
    work_submit(pipeline->options.pool, &load->job);
}

void pipeline_load(struct pipeline *pipeline, struct str tenant, pipeline_load_done *done, void *owner)
{
    struct pipeline_ask *ask = mem_new(struct pipeline_ask);
    assert(tenant.len < sizeof(ask->tenant));
    memcpy(ask->tenant, tenant.ptr, tenant.len);
    ask->done = done;
    ask->owner = owner;
    list_append(&pipeline->loads, &ask->node);
    pipeline_load_begin(pipeline);
}

void pipeline_load_forget(struct pipeline *pipeline)
{
    list_each(&pipeline->loads, node)
    {
        mem_free(list_object(node, struct pipeline_ask, node));
    }
    if (pipeline->load)
        pipeline_load_free(pipeline->load);
    pipeline->load = NULL;
    pipeline_load_forget_analyses(pipeline, true);
}

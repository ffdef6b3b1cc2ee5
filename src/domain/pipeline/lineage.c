#include "domain/pipeline/lineage.h"

#include "base/clock.h"
#include "domain/pipeline/delivery.h"
#include "domain/pipeline/lineage_event.h"
#include "domain/pipeline/pipeline.h"
#include "domain/pipeline/run_metrics.h"
#include "platform/json/json.h"

struct lineage {
    struct pipeline *pipeline;
    struct delivery *file, *post; /* NULL: not asked for */
    struct run_watcher watcher;
    struct buf text; /* the event at hand */
};

static void lineage_on_gone(bool delivered, uint64_t count)
{
    if (!delivered)
        run_metrics_count_lineage_dropped(count);
}

static void lineage_put(struct lineage *lineage, const struct lineage_event *event)
{
    buf_clear(&lineage->text);
    lineage_event_write(event, &lineage->text);
    if (lineage->file)
        delivery_put(lineage->file, buf_str(&lineage->text));
    if (lineage->post)
        delivery_put(lineage->post, buf_str(&lineage->text));
}

static void lineage_send(struct lineage *lineage, enum lineage_type type, int64_t at_us, const struct run *run,
                         const struct run_step *step)
{
    const struct lineage_event event = {
        .type = type, .at_us = at_us, .settings = pipeline_settings(lineage->pipeline), .run = run, .step = step};
    lineage_put(lineage, &event);
}

/* What dbt has carried out in a step is known when the step ends: each node is a run of its own below the step's. */
static void lineage_send_nodes(struct lineage *lineage, const struct run *run, const struct run_step *step)
{
    static const char *const good[] = {"success", "pass", "warn"};
    AUTO(arena) struct arena *arena = arena_new();
    struct err ignored;
    const struct json *report = step->report.len > 0 ? json_parse(arena, step->report, &ignored) : NULL;
    const struct json *nodes = json_get(report, "nodes");
    struct lineage_event event = {
        .settings = pipeline_settings(lineage->pipeline), .run = run, .step = step, .edges = json_get(report, "edges")};
    for (size_t i = 0; step->kind == ASSET_DBT && i < json_count(nodes); i++) {
        struct str status = json_text(json_get(json_at(nodes, i), "status"));
        if (str_equal(status, S("skipped")))
            continue;
        event.node = json_at(nodes, i);
        event.type = LINEAGE_START;
        event.at_us = step->started_us;
        lineage_put(lineage, &event);
        event.type = LINEAGE_FAIL;
        for (size_t k = 0; k < sizeof(good) / sizeof(good[0]); k++) {
            if (str_equal(status, str_from(good[k])))
                event.type = LINEAGE_COMPLETE;
        }
        event.at_us = step->ended_us;
        lineage_put(lineage, &event);
    }
}

/* Steps that never began have no events: each run of a job has one START. */
static void lineage_on_step(struct lineage *lineage, const struct run *run, const struct run_step *step)
{
    switch ((enum step_state)step->state) {
    case STEP_RUNNING:
        if (step->attempt == 1)
            lineage_send(lineage, LINEAGE_START, step->started_us, run, step);
        return;
    case STEP_DONE:
    case STEP_WARNED:
        lineage_send_nodes(lineage, run, step);
        lineage_send(lineage, LINEAGE_COMPLETE, step->ended_us, run, step);
        return;
    case STEP_FAILED:
        lineage_send_nodes(lineage, run, step);
        lineage_send(lineage, LINEAGE_FAIL, step->ended_us, run, step);
        return;
    case STEP_CANCELLED:
    case STEP_INTERRUPTED:
        if (step->started_us)
            lineage_send(lineage, LINEAGE_ABORT, step->ended_us ? step->ended_us : clock_wall_us(), run, step);
        return;
    case STEP_WAITING:
    case STEP_READY:
    case STEP_RETRYING:
    case STEP_SKIPPED:
        return;
    }
}

static void lineage_on_event(void *owner, enum run_event event, const struct run *run, const struct run_step *step)
{
    struct lineage *lineage = owner;
    switch (event) {
    case RUN_EVENT_STARTED:
        lineage_send(lineage, LINEAGE_START, run->started_us, run, NULL);
        return;
    case RUN_EVENT_STEP:
        lineage_on_step(lineage, run, step);
        return;
    case RUN_EVENT_ENDED:
        lineage_send(lineage,
                     run->state == RUN_DONE     ? LINEAGE_COMPLETE
                     : run->state == RUN_FAILED ? LINEAGE_FAIL
                                                : LINEAGE_ABORT,
                     run->ended_us ? run->ended_us : clock_wall_us(), run, NULL);
        return;
    case RUN_EVENT_CREATED:
    case RUN_EVENT_ATTEMPT:
        return;
    }
}

struct lineage *lineage_new(struct pipeline *pipeline, struct err *err)
{
    const struct project_settings *settings = pipeline_settings(pipeline);
    const struct pipeline_options *options = pipeline_options(pipeline);
    AUTO(arena) struct arena *arena = arena_new_small();
    struct lineage *lineage = mem_new(struct lineage);
    struct delivery_options delivery = {.loop = options->loop,
                                        .pool = options->pool,
                                        .outgoing = settings->outgoing,
                                        .name = "lineage",
                                        .on_gone = lineage_on_gone};
    (void)err;
    *lineage = (struct lineage){.pipeline = pipeline, .watcher = {.on_event = lineage_on_event, .owner = lineage}};
    list_init(&lineage->watcher.node);
    delivery.path = str_format(arena, "%.*s/%.*s", STR_ARG(settings->root), STR_ARG(settings->lineage_file));
    if (settings->lineage_file.len > 0)
        lineage->file = delivery_new(&delivery);
    delivery.path = S("");
    delivery.url = settings->lineage_url;
    if (settings->lineage_url.len > 0)
        lineage->post = delivery_new(&delivery);
    if (lineage->file || lineage->post)
        run_watch(pipeline, &lineage->watcher);
    return lineage;
}

void lineage_free(struct lineage **lineage_ptr)
{
    struct lineage *lineage = *lineage_ptr;
    if (!lineage)
        return;
    run_unwatch(&lineage->watcher);
    delivery_free(&lineage->file);
    delivery_free(&lineage->post);
    buf_done(&lineage->text);
    mem_free(lineage);
    *lineage_ptr = NULL;
}

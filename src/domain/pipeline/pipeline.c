/* A project's life beside the server. */
#include "domain/pipeline/pipeline.h"
#include "domain/pipeline/program.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "domain/pipeline/alert.h"
#include "domain/pipeline/lineage.h"
#include "domain/pipeline/run_log.h"
#include "domain/pipeline/run_metrics.h"
#include "domain/pipeline/run_priv.h"
#include "domain/pipeline/scheduler.h"

#define PIPELINE_REOPEN_US (5 * CLOCK_SECOND)

static void pipeline_on_drained(struct loop_task *task)
{
    struct pipeline *pipeline = task->owner;
    pipeline->drain_done(pipeline->drain_owner);
}

/* --- The project's files, again and again --- */

static void pipeline_on_loaded(void *owner, struct pipeline_view *view, const struct err *error)
{
    struct pipeline *pipeline = owner;
    (void)view;
    if (error && strcmp(error->message, pipeline->load_error.message) != 0)
        log_warn("pipeline.not_loaded", LOG_ERR(error));
    pipeline->load_error = error ? *error : (struct err){0};
    if (!error && !pipeline->scheduling) {
        pipeline->scheduling = true;
        scheduler_begin(pipeline->scheduler);
    }
    if (!pipeline->draining)
        loop_timer_set(pipeline->options.loop, &pipeline->rescan, limits_get(LIMIT_PIPELINE_RESCAN) * CLOCK_SECOND);
}

static void pipeline_on_rescan(struct loop_timer *timer)
{
    struct pipeline *pipeline = timer->owner;
    pipeline_load(pipeline, pipeline->options.settings->environments[0].tenant, pipeline_on_loaded, pipeline);
}

/* Both are there, the history and the address. */
static void pipeline_go(struct pipeline *pipeline)
{
    if (!pipeline->history.open || !pipeline->begun || pipeline->options.is_private || pipeline->draining)
        return;
    if (pipeline->options.settings->resume)
        run_resume(pipeline);
    history_trim(pipeline);
    pipeline_on_rescan(&pipeline->rescan);
    alert_list_begin(pipeline->alerts);
}

static void pipeline_opened(struct pipeline *pipeline, const struct err *error)
{
    pipeline->closed = error ? *error : (struct err){0};
    if (error) {
        log_error("pipeline.no_history", LOG_ERR(error));
        loop_timer_set(pipeline->options.loop, &pipeline->reopen, PIPELINE_REOPEN_US);
    } else {
        alert_list_read(pipeline->alerts);
        run_metrics_read(pipeline->metrics);
    }
    run_start_waiting(pipeline, error);
    pipeline_go(pipeline);
    pipeline_check_drained(pipeline);
}

static void pipeline_on_reopen(struct loop_timer *timer)
{
    history_open(timer->owner, pipeline_opened);
}

/* --- Life --- */

struct pipeline *pipeline_new(const struct pipeline_options *options, struct err *err)
{
    struct pipeline *pipeline = mem_new(struct pipeline);
    struct arena *arena = pipeline->arena = arena_new_small();
    struct pipeline_options *own = &pipeline->options;
    *own = *options;
    own->data = str_copy(arena, options->data);
    own->program = str_copy(arena, options->program);
    own->library = str_copy(arena, options->library);
    own->extensions = str_copy(arena, options->extensions);
    list_init(&pipeline->runs);
    list_init(&pipeline->watchers);
    list_init(&pipeline->starts);
    list_init(&pipeline->loads);
    pipeline->rescan = (struct loop_timer){.on_time = pipeline_on_rescan, .owner = pipeline};
    pipeline->reopen = (struct loop_timer){.on_time = pipeline_on_reopen, .owner = pipeline};
    pipeline->drained = (struct loop_task){.run = pipeline_on_drained, .owner = pipeline};
    list_init(&pipeline->drained.node);
    bool ok = (pipeline->logs = run_log_list_new(own->loop, own->pool, own->data, err)) &&
              (pipeline->scheduler = scheduler_new(pipeline, err)) &&
              (pipeline->lineage = lineage_new(pipeline, err)) && (pipeline->alerts = alert_list_new(pipeline, err)) &&
              (pipeline->metrics = run_metrics_new(pipeline, err));
    if (!ok) {
        pipeline_free(&pipeline);
        return NULL;
    }
    program_sweep(own->data);
    history_open(pipeline, pipeline_opened);
    return pipeline;
}

void pipeline_begin(struct pipeline *pipeline, struct str url)
{
    pipeline->url = str_copy(pipeline->arena, url);
    pipeline->begun = true;
    pipeline_go(pipeline);
}

void pipeline_check_drained(struct pipeline *pipeline)
{
    bool idle = list_is_empty(&pipeline->runs) && !pipeline->making && !pipeline->load && !pipeline->history.writes &&
                alert_list_is_idle(pipeline->alerts) && scheduler_is_idle(pipeline->scheduler);
    if (pipeline->draining && idle)
        loop_defer(pipeline->options.loop, &pipeline->drained);
}

void pipeline_drain(struct pipeline *pipeline, void (*done)(void *owner), void *owner)
{
    pipeline->draining = true;
    pipeline->drain_done = done;
    pipeline->drain_owner = owner;
    loop_timer_cancel(pipeline->options.loop, &pipeline->rescan);
    loop_timer_cancel(pipeline->options.loop, &pipeline->reopen);
    scheduler_stop(pipeline->scheduler);
    list_each(&pipeline->runs, node)
    {
        run_interrupt(list_object(list_object(node, struct run, node), struct run_flow, run));
    }
    pipeline_check_drained(pipeline);
}

void pipeline_free(struct pipeline **pipeline)
{
    struct pipeline *gone = *pipeline;
    *pipeline = NULL;
    if (!gone)
        return;
    struct loop *loop = gone->options.loop;
    loop_timer_cancel(loop, &gone->rescan);
    loop_timer_cancel(loop, &gone->reopen);
    loop_defer_cancel(&gone->drained);
    list_each(&gone->runs, node)
    {
        run_flow_free(list_object(list_object(node, struct run, node), struct run_flow, run));
    }
    run_metrics_free(&gone->metrics);
    alert_list_free(&gone->alerts);
    lineage_free(&gone->lineage);
    scheduler_free(&gone->scheduler);
    run_log_list_free(&gone->logs);
    pipeline_load_forget(gone);
    pipeline_view_unref(&gone->view);
    map_done(&gone->busy);
    map_done(&gone->built);
    history_close(&gone->history);
    arena_free(&gone->arena);
    mem_free(gone);
}

/* --- What it is made of --- */

const struct project_settings *pipeline_settings(const struct pipeline *pipeline)
{
    return pipeline->options.settings;
}

const struct pipeline_options *pipeline_options(const struct pipeline *pipeline)
{
    return &pipeline->options;
}

struct run_log_list *pipeline_logs(struct pipeline *pipeline)
{
    return pipeline->logs;
}

struct scheduler *pipeline_scheduler(struct pipeline *pipeline)
{
    return pipeline->scheduler;
}

struct str pipeline_url(const struct pipeline *pipeline)
{
    return pipeline->url;
}

struct list *pipeline_runs(struct pipeline *pipeline)
{
    return &pipeline->runs;
}

/* --- Its graph --- */

struct pipeline_wish {
    struct pipeline *pipeline;
    pipeline_graph_done *done;
    void *owner;
};

static void pipeline_on_graph(void *owner, struct pipeline_view *view, const struct err *error)
{
    struct pipeline_wish *wish = owner;
    wish->done(wish->owner, view ? view->graph : NULL, error);
    mem_free(wish);
}

void pipeline_graph(struct pipeline *pipeline, pipeline_graph_done *done, void *owner)
{
    struct pipeline_wish *wish = mem_new(struct pipeline_wish);
    *wish = (struct pipeline_wish){.pipeline = pipeline, .done = done, .owner = owner};
    pipeline_load(pipeline, pipeline->options.settings->environments[0].tenant, pipeline_on_graph, wish);
}

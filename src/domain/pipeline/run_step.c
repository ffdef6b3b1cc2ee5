/* A step from its turn to its end: attempts, delays between them, and what follows from how it ended. */
#include <inttypes.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/random.h"
#include "domain/pipeline/run_priv.h"

static void run_step_done(struct step_work *work, const struct err *error);

/* --- The same asset never twice at once --- */

static struct str run_step_key(const struct run_slot *slot, struct str asset, struct arena *arena)
{
    return str_format(arena, "%.*s/%.*s", STR_ARG(slot->flow->run.environment->tenant), STR_ARG(asset));
}

bool run_step_is_free(const struct run_slot *slot)
{
    AUTO(arena) struct arena *arena = arena_new_small();
    return !map_get(&slot->flow->pipeline->busy, run_step_key(slot, slot->step->asset, arena));
}

static void run_step_take(struct run_slot *slot, bool take)
{
    struct pipeline *pipeline = slot->flow->pipeline;
    AUTO(arena) struct arena *arena = arena_new_small();
    if (take)
        map_put(&pipeline->busy, run_step_key(slot, slot->step->asset, arena), slot->flow);
    else
        map_remove(&pipeline->busy, run_step_key(slot, slot->step->asset, arena));
    pipeline->running = take ? pipeline->running + 1 : pipeline->running - 1;
    slot->flow->running = take ? slot->flow->running + 1 : slot->flow->running - 1;
}

/* --- An attempt --- */

static const struct asset *run_step_asset(const struct run_slot *slot)
{
    return slot->flow->run.graph->nodes[slot->step->node].asset;
}

static bool run_step_carry_out(struct run_slot *slot, struct err *err)
{
    const struct asset *asset = run_step_asset(slot);
    struct step_work *work = &slot->work;
    switch (asset->kind) {
    case ASSET_COMMAND:
        return step_command_start(work, err);
    case ASSET_DBT:
        return step_dbt_start(work, err);
    case ASSET_SQL:
    case ASSET_SEED:
    case ASSET_TEST:
        break;
    }
    return asset->connection.len && !work->export_only ? step_import_start(work, err) : step_sql_start(work, err);
}

static enum asset_failure run_step_class(enum err_code code)
{
    switch (code) {
    case ERR_DEADLINE:
        return ASSET_FAILS_TIMEOUT;
    case ERR_CONFLICT:
        return ASSET_FAILS_CONFLICT;
    case ERR_RESOURCE:
        return ASSET_FAILS_RESOURCE;
    case ERR_UNAVAILABLE:
    case ERR_INTERNAL:
    case ERR_DATA_LOSS:
    case ERR_UNKNOWN:
        return ASSET_FAILS_UNAVAILABLE;
    case ERR_OK:
    case ERR_CANCELLED:
    case ERR_INVALID:
    case ERR_NOT_FOUND:
    case ERR_EXISTS:
    case ERR_DENIED:
    case ERR_PRECONDITION:
    case ERR_RANGE:
    case ERR_UNIMPLEMENTED:
    case ERR_UNAUTHENTICATED:
        return ASSET_FAILS_SQL;
    }
    mem_panic("an error of no kind");
}

void run_step_start(struct run_slot *slot)
{
    struct run_flow *flow = slot->flow;
    struct run_step *step = slot->step;
    const struct asset *asset = run_step_asset(slot);
    int64_t timeout_us = asset->timeout_us ? asset->timeout_us : limits_get(LIMIT_STATEMENT_TIMEOUT) * CLOCK_SECOND;
    list_remove(&slot->ready);
    run_step_move(step, STEP_RUNNING);
    run_step_take(slot, true);
    step->attempt++;
    slot->attempt_us = clock_wall_us();
    slot->version = flow->pipeline->version;
    if (!slot->export_only) /* what the attempt before said of itself */
        step->report = S("");
    if (!step->started_us)
        step->started_us = slot->attempt_us;
    slot->work = (struct step_work){.pipeline = flow->pipeline,
                                    .run = &flow->run,
                                    .step = step,
                                    .node = &flow->run.graph->nodes[step->node],
                                    .deadline_us = clock_deadline_us(timeout_us),
                                    .arena = arena_new(),
                                    .export_only = slot->export_only,
                                    .rows = -1,
                                    .bytes = -1,
                                    .done = run_step_done};
    history_step(flow, step);
    FAILPOINT("pipeline.step.started");
    if (step->attempt == 1)
        run_step_line(slot, LOG_INFO, "started: %s", plan_reason_name(step->reason));
    else
        run_step_line(slot, LOG_INFO, "started again: attempt %" PRIu32, step->attempt);
    run_tell(flow, RUN_EVENT_STEP, step);
    struct err error;
    if (run_step_carry_out(slot, &error))
        return;
    slot->work.failure = slot->work.failure ? slot->work.failure : run_step_class(error.code);
    run_step_done(&slot->work, &error);
}

/* --- Its end --- */

/* Those below it get nearer to their turn, or will not run. */
static void run_step_release(struct run_slot *slot, bool skips)
{
    struct run_flow *flow = slot->flow;
    for (uint32_t i = 0; i < slot->below_count; i++) {
        struct run_slot *below = &flow->slots[slot->below[i]];
        below->waiting--;
        if (below->step->state != STEP_WAITING)
            continue;
        if (skips) {
            run_step_line(below, LOG_WARN, "skipped: %.*s %s", STR_ARG(slot->step->asset),
                          step_state_name((enum step_state)slot->step->state));
            run_step_end(below, STEP_SKIPPED);
        } else if (below->waiting == 0) {
            run_step_move(below->step, STEP_READY);
            list_append(&flow->ready, &below->ready);
        }
    }
}

/* Something that a node reads was built after the attempt began, by another run. */
static bool run_step_is_outrun(const struct run_slot *slot, const struct graph_node *node, struct arena *arena)
{
    const struct graph *graph = slot->flow->run.graph;
    for (size_t i = 0; i < node->upstream_count; i++) {
        const struct graph_node *above = &graph->nodes[node->upstream[i]];
        const void *built = map_get(&slot->flow->pipeline->built, run_step_key(slot, above->asset->name, arena));
        if ((uintptr_t)built > slot->version)
            return true;
        if (above->asset->materialize == ASSET_EPHEMERAL && run_step_is_outrun(slot, above, arena))
            return true;
    }
    return false;
}

/* Greater than that of all that it read, less than that of what it came too early for: that makes it build again. */
static uint64_t run_step_version(struct run_slot *slot)
{
    struct pipeline *pipeline = slot->flow->pipeline;
    AUTO(arena) struct arena *arena = arena_new_small();
    if (run_step_is_outrun(slot, &slot->flow->run.graph->nodes[slot->step->node], arena))
        return slot->version;
    pipeline->version++;
    map_put(&pipeline->built, run_step_key(slot, slot->step->asset, arena), (void *)(uintptr_t)pipeline->version);
    return pipeline->version;
}

void run_step_end(struct run_slot *slot, enum step_state state)
{
    struct run_flow *flow = slot->flow;
    struct run_step *step = slot->step;
    loop_timer_cancel(flow->pipeline->options.loop, &slot->retry);
    list_remove(&slot->ready);
    run_step_move(step, state);
    step->ended_us = clock_wall_us();
    flow->open--;
    if (state == STEP_FAILED && flow->error.code == ERR_OK) {
        flow->error = step->error;
        err_wrap(&flow->error, "%.*s", STR_ARG(step->asset));
    }
    if (state == STEP_DONE || state == STEP_WARNED)
        history_success(flow, step, run_step_version(slot));
    else if (slot->attempt_us && (state == STEP_FAILED || step->error.code))
        history_attempt(flow, step, step->ended_us);
    else
        history_step(flow, step);
    FAILPOINT("pipeline.step.ended");
    run_tell(flow, RUN_EVENT_STEP, step);
    run_step_release(slot, state == STEP_FAILED || state == STEP_SKIPPED);
}

static void run_step_on_retry(struct loop_timer *timer)
{
    struct run_slot *slot = timer->owner;
    run_step_move(slot->step, STEP_READY);
    list_append(&slot->flow->ready, &slot->ready);
    run_wake(slot->flow);
}

/* 0 to 1. */
static double run_step_random(void)
{
    uint32_t number;
    random_bytes(&number, sizeof(number));
    return number / (double)UINT32_MAX;
}

static void run_step_retry(struct run_slot *slot)
{
    struct run_step *step = slot->step;
    const struct asset_retries *retries = &run_step_asset(slot)->retries;
    int64_t delay_us = run_retry_delay_us(retries, step->attempt, run_step_random());
    /* A test that failed does so again unless it is built again. */
    slot->export_only = step->committed && step->failure != ASSET_FAILS_TEST;
    run_step_move(step, STEP_RETRYING);
    history_attempt(slot->flow, step, clock_wall_us());
    run_step_line(slot, LOG_WARN, "attempt %" PRIu32 " of %" PRIu32 " failed (%s); the next one in %.3f s%s",
                  step->attempt, retries->max + 1, asset_failure_name(step->failure), (double)delay_us / 1e6,
                  slot->export_only ? ", of the export alone" : "");
    run_tell(slot->flow, RUN_EVENT_ATTEMPT, step);
    run_tell(slot->flow, RUN_EVENT_STEP, step);
    slot->retry = (struct loop_timer){.on_time = run_step_on_retry, .owner = slot};
    loop_timer_set(slot->flow->pipeline->options.loop, &slot->retry, delay_us);
}

static void run_step_fail(struct run_slot *slot)
{
    struct run_flow *flow = slot->flow;
    struct run_step *step = slot->step;
    const struct asset_retries *retries = &run_step_asset(slot)->retries;
    bool stops = flow->interrupted || flow->run.state == RUN_CANCELLING;
    run_line_error(slot, stops ? LOG_WARN : LOG_ERROR, &step->error);
    if (stops)
        run_step_end(slot, run_stop_state(flow));
    else if (step->attempt <= retries->max && (retries->on & (unsigned)step->failure))
        run_step_retry(slot);
    else
        run_step_end(slot, STEP_FAILED);
}

static void run_step_done(struct step_work *work, const struct err *error)
{
    struct run_slot *slot = list_object(work, struct run_slot, work);
    struct run_flow *flow = slot->flow;
    struct run_step *step = slot->step;
    struct pipeline *pipeline = flow->pipeline;
    run_step_take(slot, false);
    if (work->rows >= 0)
        step->rows = work->rows;
    if (work->bytes >= 0)
        step->bytes = work->bytes;
    if (work->report.len)
        step->report = str_copy(flow->run.arena, work->report);
    step->committed = work->committed || !error;
    step->failure = error ? work->failure : 0;
    step->error = error ? *error : (struct err){0};
    if (error && !step->failure)
        step->failure = run_step_class(error->code);
    if (error)
        run_step_fail(slot);
    else
        run_step_end(slot, work->failure == ASSET_FAILS_TEST ? STEP_WARNED : STEP_DONE);
    arena_free(&work->arena);
    /* Another run may wait for the asset, or for the place. */
    list_each(&pipeline->runs, node)
    {
        run_wake(list_object(list_object(node, struct run, node), struct run_flow, run));
    }
}

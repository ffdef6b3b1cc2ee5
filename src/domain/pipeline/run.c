/* A run from its creation to its end: which steps have their turn, and who is told. */

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/limits.h"
#include "base/log.h"
#include "domain/pipeline/run_log.h"
#include "domain/pipeline/run_priv.h"

/* The end of a run could not be written: again after this. */
#define RUN_AGAIN_US CLOCK_SECOND

/* --- Watching --- */

void run_watch(struct pipeline *pipeline, struct run_watcher *watcher)
{
    list_append(&pipeline->watchers, &watcher->node);
}

void run_unwatch(struct run_watcher *watcher)
{
    list_remove(&watcher->node);
}

void run_tell(struct run_flow *flow, enum run_event event, const struct run_step *step)
{
    list_each(&flow->pipeline->watchers, node)
    {
        struct run_watcher *watcher = list_object(node, struct run_watcher, node);
        watcher->on_event(watcher->owner, event, &flow->run, step);
    }
}

/* --- The end --- */

void run_flow_free(struct run_flow *flow)
{
    struct loop *loop = flow->pipeline->options.loop;
    struct arena *arena = flow->run.arena;
    list_remove(&flow->run.node);
    loop_defer_cancel(&flow->wake);
    loop_timer_cancel(loop, &flow->again);
    for (uint32_t i = 0; i < flow->run.step_count; i++) {
        loop_timer_cancel(loop, &flow->slots[i].retry);
        arena_free(&flow->slots[i].work.arena);
    }
    history_forget(flow);
    run_log_close(&flow->run.log);
    pipeline_view_unref(&flow->view);
    arena_free(&arena);
}

static enum run_state run_outcome(const struct run_flow *flow)
{
    bool failed = false, interrupted = false;
    for (uint32_t i = 0; i < flow->run.step_count; i++) {
        failed = failed || flow->run.steps[i].state == STEP_FAILED;
        interrupted = interrupted || flow->run.steps[i].state == STEP_INTERRUPTED;
    }
    if (flow->run.state == RUN_CANCELLING)
        return RUN_CANCELLED;
    if (interrupted)
        return RUN_INTERRUPTED;
    return failed ? RUN_FAILED : RUN_DONE;
}

enum step_state run_stop_state(const struct run_flow *flow)
{
    return flow->run.state == RUN_CANCELLING ? STEP_CANCELLED : STEP_INTERRUPTED;
}

static void run_is_over(struct run_flow *flow)
{
    struct pipeline *pipeline = flow->pipeline;
    struct run *run = &flow->run;
    run_move(run, run_outcome(flow));
    log_info("run.ended", LOG_STR("run", run->id), LOG_STR("environment", run->environment->name),
             LOG_STR("state", str_from(run_state_name((enum run_state)run->state))), LOG_I64("steps", run->step_count),
             LOG_I64("duration_us", run->ended_us - run->created_us));
    list_remove(&run->node);
    run_tell(flow, RUN_EVENT_ENDED, NULL);
    run_flow_free(flow);
    history_trim(pipeline);
    pipeline_check_drained(pipeline);
}

static void run_end_written(struct run_flow *flow, const struct err *error)
{
    if (!error && list_is_empty(&flow->unwritten)) {
        run_is_over(flow);
        return;
    }
    if (!flow->told_unwritten)
        log_error("run.end_not_written", LOG_STR("run", flow->run.id),
                  LOG_STR("meaning", S("it goes on being tried; a start before finds the run interrupted")));
    flow->told_unwritten = true;
    if (flow->interrupted) /* the server stops */
        run_is_over(flow);
    else
        loop_timer_set(flow->pipeline->options.loop, &flow->again, RUN_AGAIN_US);
}

static void run_write_end(struct run_flow *flow)
{
    FAILPOINT("pipeline.run.ending");
    enum run_state state = run_outcome(flow);
    history_end(flow, (int)state, state == RUN_INTERRUPTED ? 0 : flow->run.ended_us, run_end_written);
}

static void run_on_again(struct loop_timer *timer)
{
    run_write_end(timer->owner);
}

static void run_end(struct run_flow *flow)
{
    if (flow->ending)
        return;
    flow->ending = true;
    flow->run.ended_us = clock_wall_us();
    enum run_state state = run_outcome(flow);
    run_line(flow, state == RUN_DONE ? LOG_INFO : LOG_WARN, "run %s", run_state_name(state));
    run_write_end(flow);
}

/* --- Turns --- */

/* Those that have not begun will not; those that run are asked to stop. */
static void run_stop_steps(struct run_flow *flow)
{
    for (uint32_t i = 0; i < flow->run.step_count; i++) {
        struct run_slot *slot = &flow->slots[i];
        if (run_step_has_ended(slot->step))
            continue;
        if (slot->step->state != STEP_RUNNING)
            run_step_end(slot, run_stop_state(flow));
        else if (slot->work.cancel)
            slot->work.cancel(&slot->work);
    }
}

static void run_turn(struct run_flow *flow)
{
    const struct pipeline *pipeline = flow->pipeline;
    uint32_t parallel = pipeline->options.settings->parallel ? pipeline->options.settings->parallel : 1;
    size_t all = (size_t)limits_get(LIMIT_RUNNING);
    if (flow->interrupted || flow->run.state == RUN_CANCELLING)
        run_stop_steps(flow);
    list_each(&flow->ready, node)
    {
        if (flow->running >= parallel || pipeline->running >= (all > parallel ? all : parallel))
            break;
        struct run_slot *slot = list_object(node, struct run_slot, ready);
        if (run_step_is_free(slot))
            run_step_start(slot);
    }
    if (flow->open == 0)
        run_end(flow);
}

static void run_on_wake(struct loop_task *task)
{
    run_turn(task->owner);
}

void run_wake(struct run_flow *flow)
{
    if (flow->run.state != RUN_QUEUED)
        loop_defer(flow->pipeline->options.loop, &flow->wake);
}

void run_begin(struct run_flow *flow)
{
    struct run *run = &flow->run;
    struct pipeline *pipeline = flow->pipeline;
    flow->wake = (struct loop_task){.run = run_on_wake, .owner = flow};
    list_init(&flow->wake.node);
    flow->again = (struct loop_timer){.on_time = run_on_again, .owner = flow};
    struct err error;
    run->log = run_log_open(pipeline->logs, run->id, &error);
    if (!run->log)
        log_warn("run.log_failed", LOG_STR("run", run->id), LOG_ERR(&error));
    list_append(&pipeline->runs, &run->node);
    FAILPOINT("pipeline.run.created");
    log_info("run.created", LOG_STR("run", run->id), LOG_STR("environment", run->environment->name),
             LOG_STR("trigger", run->trigger), LOG_STR("user", run->user), LOG_I64("steps", run->step_count));
    run_tell(flow, RUN_EVENT_CREATED, NULL);
    run_move(run, RUN_RUNNING);
    run->started_us = clock_wall_us();
    history_run_state(flow);
    run_line(flow, LOG_INFO, "run of %u steps in %.*s", run->step_count, STR_ARG(run->environment->name));
    run_tell(flow, RUN_EVENT_STARTED, NULL);
    for (uint32_t i = 0; i < run->step_count; i++) {
        struct run_slot *slot = &flow->slots[i];
        if (slot->waiting)
            continue;
        run_step_move(slot->step, STEP_READY);
        list_append(&flow->ready, &slot->ready);
    }
    run_wake(flow);
}

/* --- From outside --- */

struct run *run_find(struct pipeline *pipeline, struct str id)
{
    list_each(&pipeline->runs, node)
    {
        struct run *run = list_object(node, struct run, node);
        if (str_equal(run->id, id))
            return run;
    }
    return NULL;
}

void run_interrupt(struct run_flow *flow)
{
    flow->interrupted = true;
    if (flow->again.index) /* a last try */
        loop_timer_set(flow->pipeline->options.loop, &flow->again, 0);
    run_wake(flow);
}

bool run_cancel(struct pipeline *pipeline, struct str id, struct str user, struct err *err)
{
    struct run *run = run_find(pipeline, id);
    if (!run)
        return err_set(err, ERR_NOT_FOUND, "no run '%.*s' is under way", STR_ARG(str_slice(id, 0, 64)));
    struct run_flow *flow = list_object(run, struct run_flow, run);
    if (flow->ending)
        return err_set(err, ERR_PRECONDITION, "run %.*s has ended", STR_ARG(run->id));
    if (run->state == RUN_CANCELLING)
        return true;
    run_move(run, RUN_CANCELLING);
    run_line(flow, LOG_WARN, "cancelled by %.*s", STR_ARG(user.len ? user : S("the server")));
    history_run_state(flow);
    run_wake(flow);
    return true;
}

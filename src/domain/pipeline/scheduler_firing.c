/* Ticks on their way to a run. */
#include <stdio.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/limits.h"
#include "base/log.h"
#include "domain/pipeline/run_metrics.h"
#include "domain/pipeline/scheduler_priv.h"

struct scheduler_firing *scheduler_firing_new(struct scheduler_item *item, int64_t due_us)
{
    struct arena *arena = arena_new_small();
    struct scheduler_firing *firing = arena_new_object(arena, struct scheduler_firing);
    firing->arena = arena;
    firing->item = item;
    firing->due_us = due_us;
    firing->at_us = clock_wall_us();
    firing->outcome = "pending";
    list_init(&firing->node);
    return firing;
}

void scheduler_firing_free(struct scheduler_firing *firing)
{
    list_remove(&firing->node);
    arena_free(&(struct arena *){firing->arena});
}

/* --- Runs of a schedule --- */

static bool scheduler_is_of(const struct scheduler_item *item, const struct run *run)
{
    return run->environment == item->environment && str_equal(run->trigger, item->trigger);
}

static bool scheduler_is_active(const struct scheduler_item *item)
{
    if (item->starting > 0)
        return true;
    list_each(pipeline_runs(item->scheduler->pipeline), node)
    {
        if (scheduler_is_of(item, list_object(node, struct run, node)))
            return true;
    }
    return false;
}

static void scheduler_cancel_active(struct scheduler_item *item)
{
    list_each(pipeline_runs(item->scheduler->pipeline), node)
    {
        const struct run *run = list_object(node, struct run, node);
        struct err err;
        if (scheduler_is_of(item, run) && !run_cancel(item->scheduler->pipeline, run->id, S(""), &err))
            log_debug("schedule.run_ended", LOG_STR("run", run->id), LOG_ERR(&err));
    }
}

/* --- Their rows --- */

static void scheduler_firing_number(void *owner, const struct store_value *columns, size_t count)
{
    (void)count;
    ((struct scheduler_firing *)owner)->number = (uint64_t)columns[0].number;
}

static bool scheduler_firing_insert(struct scheduler_firing *firing, struct store_db *db, struct err *err)
{
    const struct store_value values[] = {STORE_STRING(firing->row.environment),
                                         STORE_STRING(firing->row.name),
                                         STORE_NUMBER(firing->due_us),
                                         STORE_NUMBER(firing->at_us),
                                         STORE_STRING(str_from(firing->outcome)),
                                         STORE_STRING(firing->run),
                                         STORE_STRING(err_message(&firing->error))};
    const struct store_value keep[] = {STORE_NUMBER(limits_get(LIMIT_PIPELINE_TICKS))};
    return scheduler_row_write(db, &firing->row, err) &&
           store_run(db,
                     "INSERT INTO pipeline_ticks(environment, schedule, due_us, at_us, outcome, run, error) "
                     "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) RETURNING number",
                     values, 7, scheduler_firing_number, firing, err) &&
           store_run(db, "DELETE FROM pipeline_ticks WHERE number <= (SELECT max(number) FROM pipeline_ticks) - ?1",
                     keep, 1, NULL, NULL, err);
}

static bool scheduler_firing_apply(struct store_job *job, struct store_db *db, struct err *err)
{
    struct scheduler_firing *firing = job->owner;
    if (firing->number == 0)
        return scheduler_firing_insert(firing, db, err);
    const struct store_value values[] = {STORE_NUMBER((int64_t)firing->number), STORE_STRING(str_from(firing->outcome)),
                                         STORE_STRING(firing->run), STORE_STRING(err_message(&firing->error))};
    return store_run(db, "UPDATE pipeline_ticks SET outcome = ?2, run = ?3, error = ?4 WHERE number = ?1", values, 4,
                     NULL, NULL, err);
}

static void scheduler_firing_written(struct store_job *job, const struct err *error)
{
    struct scheduler_firing *firing = job->owner;
    struct scheduler *scheduler = firing->item->scheduler;
    bool goes_on = strcmp(firing->outcome, "pending") == 0;
    scheduler->busy--;
    if (error)
        log_warn("schedule.tick_not_written", LOG_STR("schedule", firing->item->name), LOG_ERR(error));
    if (goes_on && !error) {
        FAILPOINT("pipeline.tick.written");
        scheduler_firing_go(firing);
    } else {
        firing->item->pending -= goes_on;
        scheduler_firing_free(firing);
    }
    scheduler_rest(scheduler);
}

static void scheduler_firing_write(struct scheduler_firing *firing)
{
    firing->row = scheduler_row_of(firing->item, firing->arena);
    firing->item->is_known = true;
    firing->job =
        (struct store_job){.apply = scheduler_firing_apply, .done = scheduler_firing_written, .owner = firing};
    firing->item->scheduler->busy++;
    store_submit(pipeline_options(firing->item->scheduler->pipeline)->store, &firing->job);
}

/* What became of it: for those who ask, and for its row. */
static void scheduler_firing_end(struct scheduler_firing *firing, const char *outcome)
{
    struct scheduler_item *item = firing->item;
    firing->outcome = outcome;
    run_metrics_count_tick(outcome);
    snprintf(item->last_outcome, sizeof(item->last_outcome), "%s", outcome);
    snprintf(item->last_run, sizeof(item->last_run), "%.*s", STR_ARG(firing->run));
    log_info("schedule.tick", LOG_STR("schedule", item->name), LOG_STR("environment", item->environment_name),
             LOG_STR("outcome", str_from(outcome)), LOG_STR("run", firing->run),
             LOG_STR("error", err_message(&firing->error)));
    scheduler_firing_write(firing);
}

static void scheduler_firing_skip(struct scheduler_firing *firing, const char *why)
{
    err_set(&firing->error, ERR_PRECONDITION, "%s", why);
    scheduler_firing_end(firing, "skipped");
}

/* --- Turns --- */

static void scheduler_firing_started(void *owner, struct run *run, const struct graph *graph,
                                     const struct plan_step *plan, size_t plan_count, const struct err *error)
{
    struct scheduler_firing *firing = owner;
    struct scheduler_item *item = firing->item;
    item->starting--;
    if (firing->done)
        firing->done(firing->owner, run, graph, plan, plan_count, error);
    if (item->scheduler->is_stopped && error) { /* the next server finds it pending */
        scheduler_firing_free(firing);
        return;
    }
    if (run)
        firing->run = str_copy(firing->arena, run->id);
    if (error)
        firing->error = *error;
    FAILPOINT("pipeline.tick.started");
    bool is_outdated = !list_is_empty(&item->waiting) && item->when.overlap == ASSET_OVERLAP_CANCEL;
    scheduler_firing_end(firing, error ? "failed" : "started");
    if (is_outdated)
        scheduler_cancel_active(item);
    scheduler_item_turn(item);
}

static void scheduler_firing_start(struct scheduler_firing *firing)
{
    struct scheduler_item *item = firing->item;
    const struct run_request request = {.who = firing->who,
                                        .environment = item->environment_name,
                                        .select = item->select,
                                        .select_count = item->select_count,
                                        .trigger = item->trigger,
                                        .due_us = firing->due_us};
    item->pending--;
    item->starting++;
    run_start(item->scheduler->pipeline, &request, scheduler_firing_started, firing);
}

void scheduler_item_turn(struct scheduler_item *item)
{
    if (list_is_empty(&item->waiting) || item->scheduler->is_stopped || !item->environment || scheduler_is_active(item))
        return;
    struct list *first = list_first(&item->waiting);
    struct scheduler_firing *firing = list_object(first, struct scheduler_firing, node);
    list_remove(first);
    scheduler_firing_start(firing);
}

void scheduler_firing_go(struct scheduler_firing *firing)
{
    struct scheduler_item *item = firing->item;
    bool is_asked = firing->done != NULL;
    if (item->scheduler->is_stopped && !is_asked) {
        item->pending--;
        scheduler_firing_free(firing);
    } else if (!item->environment) {
        item->pending--;
        scheduler_firing_skip(firing, "the project has no such schedule any more");
    } else if (is_asked || !firing->in_turn) {
        scheduler_firing_start(firing);
    } else {
        list_append(&item->waiting, &firing->node);
        if (item->when.overlap == ASSET_OVERLAP_CANCEL)
            scheduler_cancel_active(item);
        scheduler_item_turn(item);
    }
}

/* A later one is there: it takes the place of those that wait. */
static void scheduler_replace_waiting(struct scheduler_item *item)
{
    struct list *node;
    while ((node = list_first(&item->waiting))) {
        list_remove(node);
        item->pending--;
        scheduler_firing_skip(list_object(node, struct scheduler_firing, node), "a later one took its place");
    }
}

void scheduler_fire(struct scheduler_firing *firing, bool made_up)
{
    struct scheduler_item *item = firing->item;
    bool is_active = scheduler_is_active(item) || item->pending > 0;
    firing->in_turn = made_up || item->when.overlap != ASSET_OVERLAP_SKIP;
    if (is_active && !firing->in_turn) {
        scheduler_firing_skip(firing, "the run before it has not ended");
        return;
    }
    if (item->pending >= SCHEDULER_WAITING_MAX) {
        scheduler_firing_skip(firing, "too many wait for the run before them");
        return;
    }
    if (item->when.overlap == ASSET_OVERLAP_CANCEL && !made_up)
        scheduler_replace_waiting(item);
    item->pending++;
    scheduler_firing_write(firing);
}

void scheduler_miss(struct scheduler_item *item, int64_t due_us, uint64_t count)
{
    struct scheduler_firing *firing = scheduler_firing_new(item, due_us);
    if (count == 1)
        err_set(&firing->error, ERR_PRECONDITION, "nobody was there to run it");
    else
        err_set(&firing->error, ERR_PRECONDITION, "nobody was there to run it and the %llu before it",
                (unsigned long long)count - 1);
    scheduler_firing_end(firing, "missed");
}

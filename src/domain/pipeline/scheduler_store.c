/* Schedules and ticks in the server's tables. */
#include "base/log.h"
#include "domain/pipeline/scheduler_priv.h"

#include <stdio.h>

#define SCHEDULER_PAGE_MAX 1000

/* --- A schedule's row --- */

struct scheduler_row scheduler_row_of(const struct scheduler_item *item, struct arena *arena)
{
    return (struct scheduler_row){.environment = str_copy(arena, item->environment_name),
                                  .name = str_copy(arena, item->name),
                                  .detail = str_copy(arena, buf_str(&item->detail)),
                                  .paused = item->paused,
                                  .last_us = item->last_us};
}

bool scheduler_row_write(struct store_db *db, const struct scheduler_row *row, struct err *err)
{
    const struct store_value values[] = {STORE_STRING(row->environment), STORE_STRING(row->name),
                                         STORE_NUMBER(row->paused), STORE_NUMBER(row->last_us),
                                         STORE_STRING(row->detail)};
    return store_run(db,
                     "INSERT INTO pipeline_schedules(environment, name, paused, last_us, detail) "
                     "VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(environment, name) DO UPDATE SET paused = ?3, last_us = "
                     "?4, detail = ?5",
                     values, 5, NULL, NULL, err);
}

/* Also an error that is told later. */
struct scheduler_saving {
    struct store_job job;
    struct loop_task task;
    struct scheduler *scheduler;
    struct arena *arena; /* owns this */
    struct scheduler_row row;
    struct err error;
    void (*done)(void *owner, const struct err *error);
    void *owner;
};

static struct scheduler_saving *scheduler_saving_new(struct scheduler *scheduler,
                                                     void (*done)(void *owner, const struct err *error), void *owner)
{
    struct arena *arena = arena_new_small();
    struct scheduler_saving *saving = arena_new_object(arena, struct scheduler_saving);
    saving->arena = arena;
    saving->scheduler = scheduler;
    saving->done = done;
    saving->owner = owner;
    scheduler->busy++;
    return saving;
}

static void scheduler_saving_end(struct scheduler_saving *saving, const struct err *error)
{
    struct scheduler *scheduler = saving->scheduler;
    scheduler->busy--;
    if (saving->done)
        saving->done(saving->owner, error);
    arena_free(&(struct arena *){saving->arena});
    scheduler_rest(scheduler);
}

static bool scheduler_saving_apply(struct store_job *job, struct store_db *db, struct err *err)
{
    const struct scheduler_saving *saving = job->owner;
    return scheduler_row_write(db, &saving->row, err);
}

static void scheduler_saved(struct store_job *job, const struct err *error)
{
    struct scheduler_saving *saving = job->owner;
    if (error)
        log_warn("schedule.not_written", LOG_STR("schedule", saving->row.name), LOG_ERR(error));
    scheduler_saving_end(saving, error);
}

void scheduler_save(struct scheduler_item *item, void (*done)(void *owner, const struct err *error), void *owner)
{
    struct scheduler_saving *saving = scheduler_saving_new(item->scheduler, done, owner);
    saving->row = scheduler_row_of(item, saving->arena);
    item->is_known = true;
    saving->job = (struct store_job){.apply = scheduler_saving_apply, .done = scheduler_saved, .owner = saving};
    store_submit(pipeline_options(item->scheduler->pipeline)->store, &saving->job);
}

static void scheduler_on_failed(struct loop_task *task)
{
    struct scheduler_saving *saving = task->owner;
    scheduler_saving_end(saving, &saving->error);
}

void scheduler_fail(struct scheduler *scheduler, void (*done)(void *owner, const struct err *error), void *owner,
                    const struct err *error)
{
    struct scheduler_saving *saving = scheduler_saving_new(scheduler, done, owner);
    saving->error = *error;
    saving->task = (struct loop_task){.run = scheduler_on_failed, .owner = saving};
    list_init(&saving->task.node);
    loop_defer(pipeline_options(scheduler->pipeline)->loop, &saving->task);
}

/* --- What the last server left --- */

struct scheduler_left {
    struct scheduler_row row;
    struct str outcome, run;
};
struct scheduler_loading {
    struct store_job job;
    struct scheduler *scheduler; /* NULL: it is gone */
    struct arena *arena;         /* owns this */
    VEC(struct scheduler_left) rows;
    VEC(struct scheduler_tick) ticks; /* pending */
    VEC(struct scheduler_backfill) backfills;
    VEC(struct str) waiting; /* of the backfill at the same index */
};

static void scheduler_load_row(void *owner, const struct store_value *columns, size_t count)
{
    struct scheduler_loading *loading = owner;
    struct arena *arena = loading->arena;
    (void)count;
    const struct scheduler_left left = {.row = {.environment = str_copy(arena, columns[0].text),
                                                .name = str_copy(arena, columns[1].text),
                                                .paused = columns[2].number != 0,
                                                .last_us = columns[3].number,
                                                .detail = str_copy(arena, columns[4].text)},
                                        .outcome = str_copy(arena, columns[5].text),
                                        .run = str_copy(arena, columns[6].text)};
    vec_push(&loading->rows, left);
}

static void scheduler_load_tick(void *owner, const struct store_value *columns, size_t count)
{
    struct scheduler_loading *loading = owner;
    (void)count;
    const struct scheduler_tick tick = {.number = (uint64_t)columns[0].number,
                                        .environment = str_copy(loading->arena, columns[1].text),
                                        .schedule = str_copy(loading->arena, columns[2].text),
                                        .due_us = columns[3].number,
                                        .at_us = columns[4].number};
    vec_push(&loading->ticks, tick);
}

static void scheduler_load_backfill(void *owner, const struct store_value *columns, size_t count)
{
    struct scheduler_loading *loading = owner;
    (void)count;
    vec_push(&loading->backfills, scheduler_backfill_row(columns, loading->arena));
    vec_push(&loading->waiting, str_copy(loading->arena, columns[12].text));
}

/* A tick was pending when the server was killed. If a run came of it, it is the first one of the schedule since then
 * that no tick knows. */
static bool scheduler_load_apply(struct store_job *job, struct store_db *db, struct err *err)
{
    struct scheduler_loading *loading = job->owner;
    vec_clear(&loading->rows);
    vec_clear(&loading->ticks);
    vec_clear(&loading->backfills);
    vec_clear(&loading->waiting);
    if (!store_run(db,
                   "SELECT number, environment, schedule, due_us, at_us FROM pipeline_ticks WHERE outcome = 'pending' "
                   "ORDER BY number",
                   NULL, 0, scheduler_load_tick, loading, err))
        return false;
    for (size_t i = 0; i < loading->ticks.count; i++) {
        const struct store_value number[] = {STORE_NUMBER((int64_t)loading->ticks.items[i].number)};
        if (!store_run(db,
                       "UPDATE pipeline_ticks SET outcome = 'started', run = found.id FROM (SELECT id FROM "
                       "pipeline_runs r, pipeline_ticks t WHERE t.number = ?1 AND r.environment = t.environment AND "
                       "r.cause IN ('schedule:' || t.schedule, 'file:' || t.schedule, 'after:' || t.schedule) AND "
                       "r.created_us >= t.at_us AND NOT EXISTS (SELECT 1 FROM pipeline_ticks o WHERE o.run = r.id) "
                       "ORDER BY r.number LIMIT 1) AS found WHERE number = ?1",
                       number, 1, NULL, NULL, err))
            return false;
    }
    vec_clear(&loading->ticks);
    return store_run(db,
                     "SELECT number, environment, schedule, due_us, at_us FROM pipeline_ticks WHERE outcome = "
                     "'pending' ORDER BY number",
                     NULL, 0, scheduler_load_tick, loading, err) &&
           store_run(db,
                     "SELECT s.environment, s.name, s.paused, s.last_us, s.detail, coalesce(t.outcome, ''), "
                     "coalesce(t.run, '') FROM pipeline_schedules s LEFT JOIN (SELECT environment, schedule, outcome, "
                     "run, max(number) FROM pipeline_ticks WHERE outcome <> 'pending' GROUP BY environment, schedule) "
                     "t ON t.environment = s.environment AND t.schedule = s.name",
                     NULL, 0, scheduler_load_row, loading, err) &&
           store_run(db,
                     "SELECT id, environment, asset, user, first, last, state, created_us, ended_us, total, done, "
                     "failed, waiting FROM pipeline_backfills WHERE ended_us = 0 ORDER BY created_us, id",
                     NULL, 0, scheduler_load_backfill, loading, err);
}

static void scheduler_load_items(struct scheduler_loading *loading)
{
    struct scheduler *scheduler = loading->scheduler;
    for (size_t i = 0; i < loading->rows.count; i++) {
        const struct scheduler_left *left = &loading->rows.items[i];
        struct scheduler_item *item = scheduler_item_need(scheduler, left->row.environment, left->row.name);
        item->is_known = true;
        item->paused = left->row.paused;
        item->last_us = left->row.last_us;
        buf_append_str(&item->detail, left->row.detail);
        snprintf(item->last_outcome, sizeof(item->last_outcome), "%.*s", STR_ARG(left->outcome));
        snprintf(item->last_run, sizeof(item->last_run), "%.*s", STR_ARG(left->run));
    }
    for (size_t i = 0; i < loading->ticks.count; i++) {
        const struct scheduler_tick *tick = &loading->ticks.items[i];
        struct scheduler_item *item = scheduler_item_need(scheduler, tick->environment, tick->schedule);
        struct scheduler_firing *firing = scheduler_firing_new(item, tick->due_us);
        firing->number = tick->number;
        firing->at_us = tick->at_us;
        list_append(&item->left, &firing->node);
    }
    for (size_t i = 0; i < loading->backfills.count; i++)
        scheduler_backfill_loaded(scheduler, &loading->backfills.items[i], loading->waiting.items[i]);
}

static void scheduler_load_done(struct store_job *job, const struct err *error)
{
    struct scheduler_loading *loading = job->owner;
    struct scheduler *scheduler = loading->scheduler;
    if (error)
        log_error("schedule.not_read", LOG_ERR(error));
    if (scheduler) {
        scheduler->loading = NULL;
        scheduler->is_loaded = !error;
        scheduler->busy--;
        if (!error)
            scheduler_load_items(loading);
        scheduler_rest(scheduler);
    }
    vec_done(&loading->rows);
    vec_done(&loading->ticks);
    vec_done(&loading->backfills);
    vec_done(&loading->waiting);
    arena_free(&(struct arena *){loading->arena});
}

void scheduler_load(struct scheduler *scheduler)
{
    struct arena *arena = arena_new();
    struct scheduler_loading *loading = arena_new_object(arena, struct scheduler_loading);
    loading->arena = arena;
    loading->scheduler = scheduler;
    loading->job = (struct store_job){.apply = scheduler_load_apply, .done = scheduler_load_done, .owner = loading};
    scheduler->loading = loading;
    scheduler->busy++;
    store_submit(pipeline_options(scheduler->pipeline)->store, &loading->job);
}

void scheduler_load_forget(struct scheduler *scheduler)
{
    if (scheduler->loading)
        scheduler->loading->scheduler = NULL;
    scheduler->loading = NULL;
}

/* --- Ticks, by pages --- */

struct scheduler_paging {
    struct store_job job;
    struct scheduler *scheduler;
    struct arena *arena; /* owns this */
    struct str environment, schedule;
    uint64_t before;
    size_t limit;
    VEC(struct scheduler_tick) ticks;
    scheduler_ticks_done *done;
    void *owner;
};

static void scheduler_page_tick(void *owner, const struct store_value *columns, size_t count)
{
    struct scheduler_paging *paging = owner;
    (void)count;
    const struct scheduler_tick tick = {.number = (uint64_t)columns[0].number,
                                        .environment = str_copy(paging->arena, columns[1].text),
                                        .schedule = str_copy(paging->arena, columns[2].text),
                                        .due_us = columns[3].number,
                                        .at_us = columns[4].number,
                                        .outcome = str_copy(paging->arena, columns[5].text),
                                        .run = str_copy(paging->arena, columns[6].text),
                                        .error = str_copy(paging->arena, columns[7].text)};
    vec_push(&paging->ticks, tick);
}

static bool scheduler_page_apply(struct store_job *job, struct store_db *db, struct err *err)
{
    struct scheduler_paging *paging = job->owner;
    const struct store_value values[] = {STORE_STRING(paging->environment), STORE_STRING(paging->schedule),
                                         STORE_NUMBER((int64_t)paging->before),
                                         STORE_NUMBER((int64_t)paging->limit + 1)};
    vec_clear(&paging->ticks);
    return store_run(db,
                     "SELECT number, environment, schedule, due_us, at_us, outcome, run, error FROM pipeline_ticks "
                     "WHERE ?1 IN ('', environment) AND ?2 IN ('', schedule) AND (?3 = 0 OR number < ?3) ORDER BY "
                     "number DESC LIMIT ?4",
                     values, 4, scheduler_page_tick, paging, err);
}

static void scheduler_page_done(struct store_job *job, const struct err *error)
{
    struct scheduler_paging *paging = job->owner;
    struct scheduler *scheduler = paging->scheduler;
    bool is_more = paging->ticks.count > paging->limit;
    size_t count = error ? 0 : is_more ? paging->limit : paging->ticks.count;
    scheduler->busy--;
    paging->done(paging->owner, paging->ticks.items, count,
                 count > 0 && is_more ? paging->ticks.items[count - 1].number : 0, error);
    vec_done(&paging->ticks);
    arena_free(&(struct arena *){paging->arena});
    scheduler_rest(scheduler);
}

void scheduler_ticks(struct scheduler *scheduler, struct str environment, struct str schedule, uint64_t before,
                     size_t limit, scheduler_ticks_done *done, void *owner)
{
    struct arena *arena = arena_new();
    struct scheduler_paging *paging = arena_new_object(arena, struct scheduler_paging);
    paging->scheduler = scheduler;
    paging->arena = arena;
    paging->environment = str_copy(arena, environment);
    paging->schedule = str_copy(arena, schedule);
    paging->before = before <= INT64_MAX ? before : 0;
    paging->limit = limit < SCHEDULER_PAGE_MAX ? limit : SCHEDULER_PAGE_MAX;
    paging->done = done;
    paging->owner = owner;
    paging->job = (struct store_job){.apply = scheduler_page_apply, .done = scheduler_page_done, .owner = paging};
    scheduler->busy++;
    store_submit(pipeline_options(scheduler->pipeline)->store, &paging->job);
}

/* How history begins with a server, and how its oldest part goes. */
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/vec.h"
#include "domain/pipeline/pipeline_priv.h"
#include "domain/pipeline/run_log.h"
#include "platform/store/store.h"

/* Runs that go with one change. */
#define HISTORY_TRIM_RUNS 100

struct history_opening {
    struct store_job job;
    struct pipeline *pipeline;
    struct arena *arena;
    VEC(struct history_left) left;
    int64_t number, version;
    void (*done)(struct pipeline *pipeline, const struct err *error);
};

static void history_opening_number(void *owner, const struct store_value *columns, size_t count)
{
    (void)count;
    *(int64_t *)owner = columns[0].number;
}

static void history_opening_run(void *owner, const struct store_value *columns, size_t count)
{
    struct history_opening *opening = owner;
    (void)count;
    const struct history_left left = {str_copy(opening->arena, columns[0].text),
                                      str_copy(opening->arena, columns[1].text)};
    vec_push(&opening->left, left);
}

/* What a server that is gone left without an end: steps that were not done are interrupted (or cancelled, when that was
 * asked for), and so is their run; one whose steps have all ended was only not told so. A run ends when the last thing
 * happened that is known of it. */
static bool history_opening_mark(struct history_opening *opening, struct store_db *db, struct err *err)
{
    const struct store_value step[] = {STORE_NUMBER(STEP_INTERRUPTED), STORE_NUMBER(STEP_CANCELLED),
                                       STORE_NUMBER(STEP_DONE), STORE_NUMBER(RUN_CANCELLING)};
    const struct store_value run[] = {
        STORE_NUMBER(RUN_CANCELLED),  STORE_NUMBER(RUN_INTERRUPTED),  STORE_NUMBER(RUN_FAILED), STORE_NUMBER(RUN_DONE),
        STORE_NUMBER(STEP_CANCELLED), STORE_NUMBER(STEP_INTERRUPTED), STORE_NUMBER(STEP_FAILED)};
    const struct store_value left = STORE_NUMBER(RUN_INTERRUPTED);
    return store_run(db,
                     "UPDATE pipeline_steps SET state = iif(pipeline_runs.state = ?4, ?2, ?1), ended_us = "
                     "max(pipeline_steps.started_us, queued_us) FROM pipeline_runs WHERE run = number AND "
                     "pipeline_runs.ended_us = 0 AND pipeline_steps.state < ?3",
                     step, 4, NULL, NULL, err) &&
           store_run(db,
                     "UPDATE pipeline_runs SET state = (SELECT CASE WHEN total(state = ?5) THEN ?1 WHEN total(state = "
                     "?6) THEN ?2 WHEN total(state = ?7) THEN ?3 ELSE ?4 END FROM pipeline_steps WHERE run = number) "
                     "WHERE ended_us = 0",
                     run, 7, NULL, NULL, err) &&
           store_run(db,
                     "SELECT id, environment FROM pipeline_runs WHERE ended_us = 0 AND state = ?1 AND backfill = '' "
                     "ORDER BY number",
                     &left, 1, history_opening_run, opening, err) &&
           store_run(db,
                     "UPDATE pipeline_runs SET ended_us = (SELECT max(created_us, started_us, "
                     "coalesce(max(pipeline_steps.ended_us), 0)) FROM pipeline_steps WHERE run = number) WHERE "
                     "ended_us = 0",
                     NULL, 0, NULL, NULL, err);
}

static bool history_opening_apply(struct store_job *job, struct store_db *db, struct err *err)
{
    struct history_opening *opening = job->owner;
    vec_clear(&opening->left);
    return store_run(db, "SELECT coalesce(max(number), 0) FROM pipeline_runs", NULL, 0, history_opening_number,
                     &opening->number, err) &&
           store_run(db, "SELECT coalesce(max(version), 0) FROM pipeline_assets", NULL, 0, history_opening_number,
                     &opening->version, err) &&
           history_opening_mark(opening, db, err);
}

static void history_opening_done(struct store_job *job, const struct err *error)
{
    struct history_opening *opening = job->owner;
    struct pipeline *pipeline = opening->pipeline;
    struct history *history = &pipeline->history;
    history->writes--;
    if (!error) {
        history->open = true;
        pipeline->number = (uint64_t)opening->number;
        pipeline->version = (uint64_t)opening->version;
        history->arena = opening->arena;
        history->left_count = opening->left.count;
        history->left = arena_copy(history->arena, opening->left.items, history->left_count * sizeof(*history->left));
        opening->arena = NULL;
    }
    if (!error && history->left_count)
        log_warn("pipeline.interrupted", LOG_I64("runs", history->left_count));
    opening->done(pipeline, error);
    vec_done(&opening->left);
    arena_free(&opening->arena);
    mem_free(opening);
}

void history_open(struct pipeline *pipeline, void (*done)(struct pipeline *pipeline, const struct err *error))
{
    struct history_opening *opening = mem_new(struct history_opening);
    opening->pipeline = pipeline;
    opening->arena = arena_new_small();
    opening->done = done;
    opening->job = (struct store_job){.apply = history_opening_apply, .done = history_opening_done, .owner = opening};
    pipeline->history.writes++;
    store_submit(pipeline->options.store, &opening->job);
}

void history_close(struct history *history)
{
    arena_free(&history->arena);
    history->left_count = 0;
}

/* --- What is old --- */

struct history_trim {
    struct store_job job;
    struct pipeline *pipeline;
    struct arena *arena;
    VEC(struct str) removed;
};

static void history_trim_run(void *owner, const struct store_value *columns, size_t count)
{
    struct history_trim *trim = owner;
    (void)count;
    vec_push(&trim->removed, str_copy(trim->arena, columns[0].text));
}

static bool history_trim_apply(struct store_job *job, struct store_db *db, struct err *err)
{
    struct history_trim *trim = job->owner;
    const struct store_value values[] = {
        STORE_NUMBER(clock_wall_us() - limits_get(LIMIT_PIPELINE_KEEP) * 86400 * CLOCK_SECOND),
        STORE_NUMBER(limits_get(LIMIT_PIPELINE_KEEP_RUNS)), STORE_NUMBER(HISTORY_TRIM_RUNS)};
    vec_clear(&trim->removed);
    return store_run(db,
                     "DELETE FROM pipeline_runs WHERE number IN (SELECT number FROM (SELECT number, created_us, "
                     "ended_us FROM pipeline_runs ORDER BY number LIMIT ?3) WHERE ended_us <> 0 AND (created_us < ?1 "
                     "OR number <= (SELECT max(number) FROM pipeline_runs) - ?2)) RETURNING id",
                     values, 3, history_trim_run, trim, err);
}

static void history_trim_done(struct store_job *job, const struct err *error)
{
    struct history_trim *trim = job->owner;
    struct pipeline *pipeline = trim->pipeline;
    pipeline->history.writes--;
    pipeline->history.trims = false;
    if (error)
        log_warn("pipeline.history_not_trimmed", LOG_ERR(error));
    for (size_t i = 0; !error && i < trim->removed.count; i++)
        run_log_remove(pipeline->logs, trim->removed.items[i]);
    bool more = !error && trim->removed.count == HISTORY_TRIM_RUNS;
    vec_done(&trim->removed);
    arena_free(&trim->arena);
    mem_free(trim);
    if (more)
        history_trim(pipeline);
    pipeline_check_drained(pipeline);
}

void history_trim(struct pipeline *pipeline)
{
    if (pipeline->history.trims || pipeline->draining)
        return;
    struct history_trim *trim = mem_new(struct history_trim);
    trim->pipeline = pipeline;
    trim->arena = arena_new_small();
    trim->job = (struct store_job){.apply = history_trim_apply, .done = history_trim_done, .owner = trim};
    pipeline->history.trims = true;
    pipeline->history.writes++;
    store_submit(pipeline->options.store, &trim->job);
}

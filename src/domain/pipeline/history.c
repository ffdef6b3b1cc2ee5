/* Reading history: each question is a job of the store, whose rows are copied for the loop. */
#include "domain/pipeline/history.h"

#include "base/vec.h"
#include "domain/pipeline/pipeline_priv.h"
#include "platform/store/store.h"

#define HISTORY_RUN_COLUMNS                                                                                            \
    "number, id, environment, tenant, cause, user, partition, parent, selection, error, backfill, state, created_us, " \
    "started_us, ended_us, full_refresh"

#define HISTORY_TRIES_MAX 5

/* One question. */
struct history_reading {
    struct store_job job;
    struct arena *arena; /* owns this and what was read */
    struct pipeline *pipeline;
    struct history_filter filter;
    struct str id, tenant, partition, environment;
    int64_t since_us; /* the tenant's creation: what was built before went with the tenant of that name before it */
    bool full_refresh;
    unsigned tries;
    VEC(struct history_run) runs;
    VEC(struct history_step) steps;
    VEC(struct history_attempt) attempts;
    VEC(struct asset_state) states;
    VEC(struct history_origin) origins;
    struct history_known known;
    union {
        history_runs_done *runs;
        history_run_done *run;
        history_states_done *states;
        history_known_done *known;
    } done;
    void *owner;
};

static struct history_reading *history_reading_new(struct pipeline *pipeline, void *owner)
{
    struct arena *arena = arena_new();
    struct history_reading *reading = arena_new_object(arena, struct history_reading);
    reading->arena = arena;
    reading->pipeline = pipeline;
    reading->owner = owner;
    return reading;
}

static void history_reading_submit(struct history_reading *reading,
                                   bool (*apply)(struct store_job *job, struct store_db *db, struct err *err),
                                   void (*done)(struct store_job *job, const struct err *error))
{
    reading->job = (struct store_job){.apply = apply, .done = done, .owner = reading};
    store_submit(reading->pipeline->options.store, &reading->job);
}

/* A question that shared its commit with a change that failed (a full disk) is asked again. */
static bool history_reading_again(struct history_reading *reading, const struct err *error)
{
    bool again = error && (error->code == ERR_RESOURCE || error->code == ERR_UNAVAILABLE) &&
                 ++reading->tries < HISTORY_TRIES_MAX;
    if (again)
        store_submit(reading->pipeline->options.store, &reading->job);
    return again;
}

static void history_reading_free(struct history_reading *reading)
{
    struct arena *arena = reading->arena;
    vec_done(&reading->runs);
    vec_done(&reading->steps);
    vec_done(&reading->attempts);
    vec_done(&reading->states);
    vec_done(&reading->origins);
    arena_free(&arena);
}

/* A group that is undone is applied again from the start. */
static void history_reading_clear(struct history_reading *reading)
{
    vec_clear(&reading->runs);
    vec_clear(&reading->steps);
    vec_clear(&reading->attempts);
    vec_clear(&reading->states);
    vec_clear(&reading->origins);
}

static struct str history_failure(int64_t failure)
{
    return str_from(failure ? asset_failure_name((enum asset_failure)failure) : "");
}

/* --- Rows --- */

static void history_on_run(void *owner, const struct store_value *columns, size_t count)
{
    struct history_reading *reading = owner;
    struct history_run run = {.number = (uint64_t)columns[0].number};
    struct str *texts[] = {&run.id,        &run.environment, &run.tenant,    &run.trigger, &run.user,
                           &run.partition, &run.parent,      &run.selection, &run.error,   &run.backfill};
    (void)count;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        *texts[i] = str_copy(reading->arena, columns[i + 1].text);
    run.state = (int)columns[11].number;
    run.created_us = columns[12].number;
    run.started_us = columns[13].number;
    run.ended_us = columns[14].number;
    reading->full_refresh = columns[15].number;
    vec_push(&reading->runs, run);
}

static void history_on_counts(void *owner, const struct store_value *columns, size_t count)
{
    struct history_run *run = owner;
    (void)count;
    run->steps = (uint32_t)columns[0].number;
    run->done = (uint32_t)columns[1].number;
    run->failed = (uint32_t)columns[2].number;
    run->skipped = (uint32_t)columns[3].number;
    run->rows = columns[4].number;
}

static bool history_read_counts(struct history_reading *reading, struct store_db *db, struct err *err)
{
    for (size_t i = 0; i < reading->runs.count; i++) {
        struct history_run *run = &reading->runs.items[i];
        const struct store_value values[] = {STORE_NUMBER((int64_t)run->number), STORE_NUMBER(STEP_DONE),
                                             STORE_NUMBER(STEP_WARNED), STORE_NUMBER(STEP_FAILED),
                                             STORE_NUMBER(STEP_SKIPPED)};
        if (!store_run(db,
                       "SELECT count(*), coalesce(sum(state IN (?2, ?3)), 0), coalesce(sum(state = ?4), 0), "
                       "coalesce(sum(state = ?5), 0), coalesce(sum(max(rows, 0)), 0) FROM pipeline_steps WHERE run = "
                       "?1",
                       values, 5, history_on_counts, run, err))
            return false;
    }
    return true;
}

static void history_on_step(void *owner, const struct store_value *columns, size_t count)
{
    struct history_reading *reading = owner;
    struct arena *arena = reading->arena;
    (void)count;
    struct history_step step = {
        .index = (uint32_t)columns[0].number,
        .asset = str_copy(arena, columns[1].text),
        .kind = (int)columns[2].number,
        .reason = (int)columns[3].number,
        .upstream = str_copy(arena, columns[4].text),
        .state = (int)columns[5].number,
        .attempt = (uint32_t)columns[6].number,
        .queued_us = columns[7].number,
        .started_us = columns[8].number,
        .ended_us = columns[9].number,
        .rows = columns[10].number,
        .bytes = columns[11].number,
        .failure = history_failure(columns[12].number),
        .error = str_copy(arena, columns[13].text),
        .report = str_copy(arena, columns[14].text),
    };
    vec_push(&reading->steps, step);
}

static void history_on_attempt(void *owner, const struct store_value *columns, size_t count)
{
    struct history_reading *reading = owner;
    (void)count;
    struct history_attempt attempt = {.step = (uint32_t)columns[0].number,
                                      .attempt = (uint32_t)columns[1].number,
                                      .started_us = columns[2].number,
                                      .ended_us = columns[3].number,
                                      .failure = history_failure(columns[4].number),
                                      .error = str_copy(reading->arena, columns[5].text)};
    vec_push(&reading->attempts, attempt);
}

static void history_on_state(void *owner, const struct store_value *columns, size_t count)
{
    struct history_reading *reading = owner;
    struct arena *arena = reading->arena;
    (void)count;
    struct asset_state state = {.asset = str_copy(arena, columns[0].text),
                                .fingerprint = str_copy(arena, columns[1].text),
                                .built_us = columns[2].number,
                                .version = (uint64_t)columns[3].number,
                                .run = str_copy(arena, columns[4].text),
                                .rows = columns[5].number,
                                .bytes = columns[6].number,
                                .report = str_copy(arena, columns[7].text)};
    vec_push(&reading->states, state);
}

/* The last success of each asset, of all its partitions or of one; SQLite takes the other columns from the row that has
 * the maximum. */
static bool history_read_states(struct history_reading *reading, struct store_db *db, struct err *err)
{
    const struct store_value values[] = {STORE_STRING(reading->tenant), STORE_STRING(reading->partition),
                                         STORE_NUMBER(reading->since_us)};
    return store_run(
        db,
        "SELECT asset, fingerprint, max(built_us), version, run, rows, bytes, report FROM pipeline_assets "
        "WHERE tenant = ?1 AND (?2 = '' OR partition IN ('', ?2)) AND built_us >= ?3 GROUP BY asset ORDER BY "
        "asset",
        values, 3, history_on_state, reading, err);
}

static void history_reading_tenant(struct history_reading *reading, const struct project_environment *environment)
{
    struct err error;
    if (!environment)
        return;
    const struct tenant *tenant = tenant_find(reading->pipeline->options.tenants, environment->tenant, &error);
    reading->environment = environment->name;
    reading->tenant = environment->tenant;
    reading->since_us = tenant ? tenant->created_us : INT64_MAX;
}

/* --- Runs --- */

static bool history_runs_apply(struct store_job *job, struct store_db *db, struct err *err)
{
    struct history_reading *reading = job->owner;
    const struct history_filter *filter = &reading->filter;
    const struct store_value values[] = {
        STORE_STRING(filter->environment),     STORE_STRING(filter->asset),
        STORE_STRING(filter->trigger),         STORE_STRING(filter->backfill),
        STORE_NUMBER(filter->state),           STORE_NUMBER(filter->since_us),
        STORE_NUMBER((int64_t)filter->before), STORE_NUMBER((int64_t)filter->limit + 1)};
    history_reading_clear(reading);
    return store_run(db,
                     "SELECT " HISTORY_RUN_COLUMNS " FROM pipeline_runs WHERE (?1 = '' OR environment = ?1) AND "
                     "(?2 = '' OR EXISTS(SELECT 1 FROM pipeline_steps WHERE asset = ?2 AND run = number)) AND "
                     "(?3 IN ('', cause, substr(cause, 1, instr(cause, ':') - 1))) AND (?4 = '' OR backfill = ?4) AND "
                     "(?5 < 0 OR state = ?5) AND "
                     "created_us >= ?6 AND (?7 = 0 OR number < ?7) ORDER BY number DESC LIMIT ?8",
                     values, 8, history_on_run, reading, err) &&
           history_read_counts(reading, db, err);
}

static void history_runs_told(struct store_job *job, const struct err *error)
{
    struct history_reading *reading = job->owner;
    if (history_reading_again(reading, error))
        return;
    size_t count = error ? 0 : reading->runs.count;
    bool more = count > reading->filter.limit;
    count -= more;
    reading->done.runs(reading->owner, reading->runs.items, count, more ? reading->runs.items[count - 1].number : 0,
                       error);
    history_reading_free(reading);
}

void history_runs(struct pipeline *pipeline, const struct history_filter *filter, history_runs_done *done, void *owner)
{
    struct history_reading *reading = history_reading_new(pipeline, owner);
    struct history_filter *own = &reading->filter;
    *own = *filter;
    own->environment = str_copy(reading->arena, filter->environment);
    own->asset = str_copy(reading->arena, filter->asset);
    own->trigger = str_copy(reading->arena, filter->trigger);
    own->backfill = str_copy(reading->arena, filter->backfill);
    if (own->limit == 0 || own->limit > HISTORY_PAGE_MAX)
        own->limit = HISTORY_PAGE_MAX;
    reading->done.runs = done;
    history_reading_submit(reading, history_runs_apply, history_runs_told);
}

/* --- One run --- */

static bool history_run_apply(struct store_job *job, struct store_db *db, struct err *err)
{
    struct history_reading *reading = job->owner;
    const struct store_value id = STORE_STRING(reading->id);
    history_reading_clear(reading);
    if (!store_run(db, "SELECT " HISTORY_RUN_COLUMNS " FROM pipeline_runs WHERE id = ?1", &id, 1, history_on_run,
                   reading, err))
        return false;
    if (reading->runs.count == 0)
        return err_set(err, ERR_NOT_FOUND, "there is no run '%.*s'", STR_ARG(str_slice(reading->id, 0, 64)));
    const struct store_value number = STORE_NUMBER((int64_t)reading->runs.items[0].number);
    return history_read_counts(reading, db, err) &&
           store_run(db,
                     "SELECT step, asset, kind, reason, upstream, state, attempt, queued_us, started_us, ended_us, "
                     "rows, bytes, failure, error, report FROM pipeline_steps WHERE run = ?1 ORDER BY step",
                     &number, 1, history_on_step, reading, err) &&
           store_run(db,
                     "SELECT step, attempt, started_us, ended_us, failure, error FROM pipeline_attempts WHERE run = ?1 "
                     "ORDER BY step, attempt",
                     &number, 1, history_on_attempt, reading, err);
}

static void history_run_told(struct store_job *job, const struct err *error)
{
    struct history_reading *reading = job->owner;
    if (history_reading_again(reading, error))
        return;
    if (error)
        reading->done.run(reading->owner, NULL, NULL, 0, NULL, 0, error);
    else
        reading->done.run(reading->owner, &reading->runs.items[0], reading->steps.items, reading->steps.count,
                          reading->attempts.items, reading->attempts.count, NULL);
    history_reading_free(reading);
}

void history_run(struct pipeline *pipeline, struct str id, history_run_done *done, void *owner)
{
    struct history_reading *reading = history_reading_new(pipeline, owner);
    reading->id = str_copy(reading->arena, id);
    reading->done.run = done;
    history_reading_submit(reading, history_run_apply, history_run_told);
}

/* --- Assets --- */

static bool history_states_apply(struct store_job *job, struct store_db *db, struct err *err)
{
    struct history_reading *reading = job->owner;
    history_reading_clear(reading);
    return history_read_states(reading, db, err);
}

static void history_states_told(struct store_job *job, const struct err *error)
{
    struct history_reading *reading = job->owner;
    if (history_reading_again(reading, error))
        return;
    reading->done.states(reading->owner, reading->states.items, error ? 0 : reading->states.count, error);
    history_reading_free(reading);
}

void history_states(struct pipeline *pipeline, struct str environment, history_states_done *done, void *owner)
{
    const struct project_environment *found = project_environment_find(pipeline->options.settings, environment);
    struct history_reading *reading = history_reading_new(pipeline, owner);
    history_reading_tenant(reading, found);
    reading->done.states = done;
    history_reading_submit(reading, history_states_apply, history_states_told);
}

/* --- What a new run has to know --- */

static void history_on_origin(void *owner, const struct store_value *columns, size_t count)
{
    struct history_reading *reading = owner;
    struct arena *arena = reading->arena;
    (void)count;
    struct history_origin origin = {
        .asset = str_copy(arena, columns[0].text),
        .fingerprint = str_copy(arena, columns[1].text),
        .build_run = str_copy(arena, columns[2].text),
        .build_step = (uint32_t)columns[3].number,
        .report = str_copy(arena, columns[4].text),
        .export_only = columns[5].number && columns[6].number && columns[6].number != ASSET_FAILS_TEST,
    };
    vec_push(&reading->origins, origin);
}

static bool history_read_parent(struct history_reading *reading, struct store_db *db, struct err *err)
{
    bool last = str_equal(reading->id, S("last"));
    const struct store_value values[] = {STORE_STRING(last ? reading->environment : reading->id)};
    if (!store_run(db,
                   last ? "SELECT " HISTORY_RUN_COLUMNS
                          " FROM pipeline_runs WHERE environment = ?1 ORDER BY number DESC LIMIT 1"
                        : "SELECT " HISTORY_RUN_COLUMNS " FROM pipeline_runs WHERE id = ?1",
                   values, 1, history_on_run, reading, err))
        return false;
    if (reading->runs.count == 0 && last)
        return err_set(err, ERR_NOT_FOUND, "nothing has run in the environment '%.*s'", STR_ARG(reading->environment));
    const struct history_run *run = reading->runs.items;
    if (reading->runs.count == 0 || !str_equal(run->environment, reading->environment))
        return err_set(err, ERR_NOT_FOUND, "there is no run '%.*s' in the environment '%.*s'",
                       STR_ARG(str_slice(reading->id, 0, 64)), STR_ARG(reading->environment));
    if (run->state < RUN_DONE)
        return err_set(err, ERR_PRECONDITION, "run %.*s has not ended yet", STR_ARG(run->id));
    const struct store_value steps[] = {STORE_NUMBER((int64_t)run->number), STORE_NUMBER(STEP_WARNED)};
    return store_run(db,
                     "SELECT asset, fingerprint, build_run, build_step, report, committed, failure FROM pipeline_steps "
                     "WHERE run = ?1 AND state > ?2 ORDER BY step",
                     steps, 2, history_on_origin, reading, err);
}

static bool history_know_apply(struct store_job *job, struct store_db *db, struct err *err)
{
    struct history_reading *reading = job->owner;
    history_reading_clear(reading);
    if (reading->id.len && !history_read_parent(reading, db, err))
        return false;
    if (!reading->partition.len && reading->runs.count)
        reading->partition = reading->runs.items[0].partition;
    return history_read_states(reading, db, err);
}

static void history_know_told(struct store_job *job, const struct err *error)
{
    struct history_reading *reading = job->owner;
    if (history_reading_again(reading, error))
        return;
    if (error) {
        reading->done.known(reading->owner, NULL, error);
        history_reading_free(reading);
        return;
    }
    reading->known = (struct history_known){.states = reading->states.items,
                                            .state_count = reading->states.count,
                                            .parent = reading->runs.count ? reading->runs.items : NULL,
                                            .parent_full_refresh = reading->full_refresh,
                                            .origins = reading->origins.items,
                                            .origin_count = reading->origins.count};
    reading->done.known(reading->owner, &reading->known, NULL);
}

void history_known_free(struct history_known **known)
{
    if (*known)
        history_reading_free(list_object(*known, struct history_reading, known));
    *known = NULL;
}

void history_know(struct pipeline *pipeline, const struct project_environment *environment, struct str partition,
                  struct str parent, history_known_done *done, void *owner)
{
    struct history_reading *reading = history_reading_new(pipeline, owner);
    history_reading_tenant(reading, environment);
    reading->partition = str_copy(reading->arena, partition);
    reading->id = str_copy(reading->arena, parent);
    reading->done.known = done;
    history_reading_submit(reading, history_know_apply, history_know_told);
}

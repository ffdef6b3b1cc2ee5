/* What happened, in the server's tables: runs, steps, attempts, the last success of each asset; bounded by
 * pipeline.keep and pipeline.keep_runs. Reading answers later, from the store's thread; pages go backwards from the
 * newest. Loop thread only. */
#pragma once
#include "domain/pipeline/run.h"

struct history_run {
    uint64_t number;
    struct str id, environment, tenant, trigger, user, partition, parent, selection, error, backfill;
    int state;
    int64_t created_us, started_us, ended_us;
    uint32_t steps, done, failed, skipped;
    int64_t rows;
};
struct history_step {
    uint32_t index;
    struct str asset, error, failure, report;
    int kind, state, reason;
    uint32_t attempt;
    int64_t queued_us, started_us, ended_us, rows, bytes;
    struct str upstream; /* JSON array of asset names among the run's steps */
};
struct history_attempt {
    uint32_t step, attempt;
    int64_t started_us, ended_us;
    struct str failure, error; /* empty: it succeeded */
};
struct history_filter {
    struct str environment, asset, trigger, backfill; /* empty: any */
    int state;                                        /* -1: any */
    int64_t since_us;
    uint64_t before; /* number; 0: from the newest */
    size_t limit;    /* at most HISTORY_PAGE_MAX */
};
#define HISTORY_PAGE_MAX 500
/* Valid during the call; before: for the next page, 0: there is none. */
typedef void history_runs_done(void *owner, const struct history_run *runs, size_t count, uint64_t before,
                               const struct err *error);
void history_runs(struct pipeline *pipeline, const struct history_filter *filter, history_runs_done *done, void *owner);
/* One run with its steps and attempts; ERR_NOT_FOUND. */
typedef void history_run_done(void *owner, const struct history_run *run, const struct history_step *steps,
                              size_t step_count, const struct history_attempt *attempts, size_t attempt_count,
                              const struct err *error);
void history_run(struct pipeline *pipeline, struct str id, history_run_done *done, void *owner);
/* The states of all assets of an environment, ordered by name. */
typedef void history_states_done(void *owner, const struct asset_state *states, size_t count, const struct err *error);
void history_states(struct pipeline *pipeline, struct str environment, history_states_done *done, void *owner);

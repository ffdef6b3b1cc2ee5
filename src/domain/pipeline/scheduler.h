/* What starts runs by itself: cron, intervals, files, other assets; and backfills. Of each schedule its last tick is
 * durable, so that a restart neither repeats nor forgets one. Loop thread only. */
#pragma once
#include "domain/pipeline/history.h"

struct scheduler;

struct scheduler *scheduler_new(struct pipeline *pipeline, struct err *err);
/* After the first graph is there; again whenever the project has changed. */
void scheduler_set_graph(struct scheduler *scheduler, const struct graph *graph);
/* Ticks happen from now on. */
void scheduler_begin(struct scheduler *scheduler);
/* Nothing starts any more. */
void scheduler_stop(struct scheduler *scheduler);
/* Nothing of it is on its way to the store, to the disk or back: it may be freed. pipeline_check_drained is called when
 * it becomes so. */
bool scheduler_is_idle(const struct scheduler *scheduler);
/* Accepts NULL inside. */
void scheduler_free(struct scheduler **scheduler);

struct scheduler_info {
    struct str name; /* of eider.yaml, or the asset's */
    struct str environment;
    struct str asset;      /* empty: a named one */
    struct str kind;       /* "cron", "every", "file", "after" */
    struct str expression; /* "0 6 * * *", "5m", "data/source/x_*.csv", "orders" */
    struct str zone;
    bool paused;
    int64_t last_us, next_us;          /* wall clock; 0: none */
    struct str last_run, last_outcome; /* "started", "skipped", "failed", "missed" */
};
void scheduler_each(struct scheduler *scheduler, void (*each)(void *owner, const struct scheduler_info *info),
                    void *owner);
/* ERR_NOT_FOUND names the nearest. done: when it is durable. */
void scheduler_pause(struct scheduler *scheduler, struct str environment, struct str name, bool paused,
                     void (*done)(void *owner, const struct err *error), void *owner);
/* Now, beside the clock. */
void scheduler_trigger(struct scheduler *scheduler, const struct principal *who, struct str environment,
                       struct str name, run_done *done, void *owner);

struct scheduler_tick {
    uint64_t number;
    struct str environment, schedule, run, error;
    struct str outcome;    /* "pending" (it waits for its run), "started", "skipped", "failed", "missed" */
    int64_t due_us, at_us; /* due: without jitter */
};
typedef void scheduler_ticks_done(void *owner, const struct scheduler_tick *ticks, size_t count, uint64_t before,
                                  const struct err *error);
/* Newest first; schedule empty: all; before 0: from the newest. */
void scheduler_ticks(struct scheduler *scheduler, struct str environment, struct str schedule, uint64_t before,
                     size_t limit, scheduler_ticks_done *done, void *owner);

/* A backfill: one run per partition, a few at once, in order; survives a restart. */
struct scheduler_backfill {
    struct str id, environment, asset, from, to, user;
    int state; /* enum run_state */
    int64_t created_us, ended_us;
    uint32_t total, done, failed;
};
struct scheduler_backfill_request {
    const struct principal *who;
    struct str environment, asset, from, to; /* see plan_partitions */
    bool only_missing;                       /* partitions that were never built */
};
typedef void scheduler_backfill_done(void *owner, const struct scheduler_backfill *backfill, const struct err *error);
void scheduler_backfill_start(struct scheduler *scheduler, const struct scheduler_backfill_request *request,
                              scheduler_backfill_done *done, void *owner);
void scheduler_backfill_cancel(struct scheduler *scheduler, struct str id, scheduler_backfill_done *done, void *owner);
typedef void scheduler_backfills_done(void *owner, const struct scheduler_backfill *backfills, size_t count,
                                      const struct err *error);
void scheduler_backfills(struct scheduler *scheduler, struct str environment, scheduler_backfills_done *done,
                         void *owner);

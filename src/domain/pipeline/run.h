/* Runs: a selection of assets in one environment, from its request to its end. State and steps are durable (history.h)
 * before the next thing happens that depends on them; a front that is killed finds them again. Loop thread only. */
#pragma once
#include "base/list.h"
#include "domain/pipeline/plan.h"
#include "domain/tenant/principal.h"

struct pipeline;
struct run_log;

enum run_state { RUN_QUEUED, RUN_RUNNING, RUN_CANCELLING, RUN_DONE, RUN_FAILED, RUN_CANCELLED, RUN_INTERRUPTED };
enum step_state {
    STEP_WAITING, /* for its upstream */
    STEP_READY,   /* for a place, or until another run leaves the same asset */
    STEP_RUNNING,
    STEP_RETRYING, /* for its delay */
    STEP_DONE,
    STEP_WARNED, /* done, a test with severity warn failed */
    STEP_FAILED,
    STEP_SKIPPED, /* something above it failed */
    STEP_CANCELLED,
    STEP_INTERRUPTED, /* the server was killed */
};
const char *run_state_name(enum run_state state); /* "queued", … */
const char *step_state_name(enum step_state state);

struct run_step {
    uint32_t index; /* in the run */
    size_t node;    /* in the run's graph */
    struct str asset;
    enum asset_kind kind;
    int state;                               /* enum step_state */
    uint32_t attempt;                        /* 1 for the first */
    int64_t queued_us, started_us, ended_us; /* wall clock; 0: not yet */
    int64_t rows, bytes;                     /* -1: not known */
    enum plan_reason reason;
    enum asset_failure failure;
    bool committed;
    struct err error;  /* of the last attempt */
    struct str report; /* see step.h; in the run's arena */
};

struct run {
    struct list node; /* in the pipeline's runs while it has not ended */
    struct arena *arena;
    uint64_t number; /* grows; primary key in the store */
    struct str id;   /* a UUID, also OpenLineage's runId */
    const struct project_environment *environment;
    struct graph *graph; /* the run's own */
    struct str trigger;  /* "manual", "schedule:NAME", "file:NAME", "after:NAME", "backfill:ID", "retry:RUN" */
    struct str user;
    struct str partition; /* empty: none */
    struct str parent;    /* id of the run that it retries or resumes; empty: none */
    bool full_refresh;
    int64_t due_us;                           /* wall clock: of the schedule's tick; 0: none, or not known any more */
    int state;                                /* enum run_state */
    int64_t created_us, started_us, ended_us; /* wall clock */
    struct run_step *steps;                   /* in an order in which they can run */
    uint32_t step_count;
    struct run_log *log;
    void *owner; /* run.c's own */
};

struct run_request {
    const struct principal *who; /* NULL: the server itself */
    struct str environment;      /* empty: production */
    const struct str *select;
    size_t select_count;
    bool changed_only, full_refresh;
    struct str from_failure; /* id of a run: its steps that were not done; "last": the environment's last run */
    struct str partition;
    struct str trigger;
    int64_t due_us; /* wall clock: of the schedule's tick; 0: none */
    bool dry_run;   /* nothing is made: done gets the plan alone */
};
/* run NULL with an error, or for a dry run. plan: valid during done. When run is not NULL it is durable and began or
 * waits. */
typedef void run_done(void *owner, struct run *run, const struct graph *graph, const struct plan_step *plan,
                      size_t plan_count, const struct err *error);
/* Reads the project again if its files changed, analyses, selects, plans, makes the run. ERR_INVALID when something
 * chosen is broken (its first problem, with file and line), ERR_PRECONDITION for command assets that may not run. */
void run_start(struct pipeline *pipeline, const struct run_request *request, run_done *done, void *owner);
/* ERR_NOT_FOUND, ERR_PRECONDITION when it has ended. It ends when its steps have stopped. */
bool run_cancel(struct pipeline *pipeline, struct str id, struct str user, struct err *err) MUST_USE;
/* One that has not ended; NULL: none. */
struct run *run_find(struct pipeline *pipeline, struct str id);

/* Who wants to know (lineage, alerts, metrics, triggers, streams). In the order of watching; not for what needs to be
 * durable first. */
enum run_event {
    RUN_EVENT_CREATED,
    RUN_EVENT_STARTED,
    RUN_EVENT_STEP,    /* a step's state changed */
    RUN_EVENT_ATTEMPT, /* an attempt failed and another follows */
    RUN_EVENT_ENDED,
};
struct run_watcher {
    struct list node;
    /* step NULL for events of the run. */
    void (*on_event)(void *owner, enum run_event event, const struct run *run, const struct run_step *step);
    void *owner;
};
void run_watch(struct pipeline *pipeline, struct run_watcher *watcher);
void run_unwatch(struct run_watcher *watcher);

/* The delay before attempt n + 1 (n = 1: the first retry). random: 0 to 1. Pure. */
int64_t run_retry_delay_us(const struct asset_retries *retries, uint32_t n, double random);

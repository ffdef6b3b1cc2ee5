/* What runs write into history, and how it begins. Changes are submitted in order and not waited for; those of one
 * moment share a commit. A change that cannot be written (a full disk) is kept and tried again before the run's end. */
#pragma once
#include "domain/pipeline/history.h"

struct run_flow;

struct history {
    struct pipeline *pipeline;
    bool open;     /* what the last server left is read and marked */
    size_t writes; /* on their way */
    bool trims;    /* old runs are being removed */
    struct arena *arena;
    struct history_left *left; /* runs without an end that the last server left, but for those of backfills; in arena */
    size_t left_count;
};
struct history_left {
    struct str id, environment;
};

/* Reads the last numbers, marks runs without an end; done once, later. */
void history_open(struct pipeline *pipeline, void (*done)(struct pipeline *pipeline, const struct err *error));
void history_close(struct history *history);

/* The texts of a new run that are nowhere else. */
struct history_new {
    struct str selection; /* as asked, for people */
    struct str backfill;  /* id; empty: none */
};
typedef void history_written(struct run_flow *flow, const struct err *error);
/* The run and all its steps. */
void history_create(struct run_flow *flow, const struct history_new *new, history_written *done);
/* The run's state and start. */
void history_run_state(struct run_flow *flow);
/* The step as it is now. */
void history_step(struct run_flow *flow, const struct run_step *step);
/* An attempt that ended, and the step as it is now. */
void history_attempt(struct run_flow *flow, const struct run_step *step, int64_t ended_us);
/* The same for its success, and what is known of the asset from now on. */
void history_success(struct run_flow *flow, const struct run_step *step, uint64_t version);
/* All that could not be written before, and the end; ended_us 0: it has not ended, and the next start marks it. */
void history_end(struct run_flow *flow, int state, int64_t ended_us, history_written *done);
/* What is left of a run's changes when it goes; accepts a flow without any. */
void history_forget(struct run_flow *flow);

/* What a new run has to know. */
struct history_known {
    const struct asset_state *states; /* ordered by asset */
    size_t state_count;
    const struct history_run *parent; /* NULL: none was asked for */
    bool parent_full_refresh;
    const struct history_origin *origins; /* of the parent's steps that were not done */
    size_t origin_count;
};
struct history_origin {
    struct str asset, fingerprint, build_run, report;
    uint32_t build_step;
    bool export_only; /* only its files were not written */
};
/* parent: id, "last", or empty. known: the caller's, by history_known_free. ERR_NOT_FOUND, ERR_PRECONDITION: the parent
 * has not ended. */
typedef void history_known_done(void *owner, struct history_known *known, const struct err *error);
void history_known_free(struct history_known **known);
void history_know(struct pipeline *pipeline, const struct project_environment *environment, struct str partition,
                  struct str parent, history_known_done *done, void *owner);

/* Removes runs beyond pipeline.keep and pipeline.keep_runs, and their logs. */
void history_trim(struct pipeline *pipeline);

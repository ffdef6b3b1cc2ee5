/* What the files of runs share: a run on its way, and its steps. */
#pragma once
#include "domain/pipeline/pipeline_priv.h"
#include "domain/pipeline/step.h"

/* A step beyond what others see of it. */
struct run_slot {
    struct list ready; /* in flow.ready */
    struct run_flow *flow;
    struct run_step *step;
    uint32_t waiting; /* steps above it that have not ended */
    uint32_t *below;  /* steps that wait for it; in the run's arena */
    uint32_t below_count;
    struct step_work work; /* while STEP_RUNNING */
    struct loop_timer retry;
    uint64_t version;   /* the last success of any asset when the attempt began */
    int64_t attempt_us; /* wall clock: the attempt's start */
    bool export_only;   /* what it makes is committed */
    struct str fingerprint, build_run, upstream;
    uint32_t build_step;
};

struct run_flow {
    struct pipeline *pipeline;
    struct run run;
    struct pipeline_view *view; /* a reference */
    struct run_slot *slots;     /* one per step */
    struct list ready;          /* slots in STEP_READY, in order */
    uint32_t running, open;     /* steps that run, that have not ended */
    struct loop_task wake;
    bool interrupted;        /* the server stops */
    bool ending;             /* its end is being written */
    struct loop_timer again; /* the end could not be written */
    bool told_unwritten;
    struct list unwritten; /* changes that failed */
    struct err error;      /* of the first step that failed */
};

/* --- run_state.c --- */

void run_move(struct run *run, enum run_state next);
void run_step_move(struct run_step *step, enum step_state next);
static inline bool run_step_has_ended(const struct run_step *step)
{
    return step->state >= STEP_DONE;
}

/* --- run.c --- */

/* The run is durable: begins. */
void run_begin(struct run_flow *flow);
/* Steps that can start do, in this turn of the loop. */
void run_wake(struct run_flow *flow);
/* The server stops: asks the run's steps to stop; it ends as interrupted. */
void run_interrupt(struct run_flow *flow);
/* What a step becomes that is not to go on. */
enum step_state run_stop_state(const struct run_flow *flow);
void run_flow_free(struct run_flow *flow);
void run_tell(struct run_flow *flow, enum run_event event, const struct run_step *step);

/* --- run_step.c --- */

/* Begins an attempt of a step in STEP_READY whose asset nobody else builds. */
void run_step_start(struct run_slot *slot);
/* It will not run. */
void run_step_end(struct run_slot *slot, enum step_state state);
/* The asset is free of other runs. */
bool run_step_is_free(const struct run_slot *slot);

/* --- run_start.c --- */

/* Starts that waited for the history go on, or all fail. */
void run_start_waiting(struct pipeline *pipeline, const struct err *error);
/* Runs that the last server left go on. */
void run_resume(struct pipeline *pipeline);

/* --- run_line.c: lines of the run's log --- */

void run_line(struct run_flow *flow, int level, const char *format, ...) PRINTF(3, 4);
void run_step_line(struct run_slot *slot, int level, const char *format, ...) PRINTF(3, 4);
void run_line_error(struct run_slot *slot, int level, const struct err *error);

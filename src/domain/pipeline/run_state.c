/* The states of runs and steps, and how they may follow each other. */
#include "base/state.h"
#include "domain/pipeline/run_priv.h"

static const struct state_rule run_rules[] = {
    [RUN_QUEUED] = {"queued", STATE_TO(RUN_RUNNING)},
    [RUN_RUNNING] = {"running",
                     STATE_TO(RUN_CANCELLING) | STATE_TO(RUN_DONE) | STATE_TO(RUN_FAILED) | STATE_TO(RUN_INTERRUPTED)},
    [RUN_CANCELLING] = {"cancelling", STATE_TO(RUN_CANCELLED)},
    [RUN_DONE] = {"done", 0},
    [RUN_FAILED] = {"failed", 0},
    [RUN_CANCELLED] = {"cancelled", 0},
    [RUN_INTERRUPTED] = {"interrupted", 0},
};

#define STEP_STOPS (STATE_TO(STEP_CANCELLED) | STATE_TO(STEP_INTERRUPTED))
static const struct state_rule step_rules[] = {
    [STEP_WAITING] = {"waiting", STATE_TO(STEP_READY) | STATE_TO(STEP_SKIPPED) | STEP_STOPS},
    [STEP_READY] = {"ready", STATE_TO(STEP_RUNNING) | STEP_STOPS},
    [STEP_RUNNING] = {"running", STATE_TO(STEP_DONE) | STATE_TO(STEP_WARNED) | STATE_TO(STEP_FAILED) |
                                     STATE_TO(STEP_RETRYING) | STEP_STOPS},
    [STEP_RETRYING] = {"retrying", STATE_TO(STEP_READY) | STEP_STOPS},
    [STEP_DONE] = {"done", 0},
    [STEP_WARNED] = {"warned", 0},
    [STEP_FAILED] = {"failed", 0},
    [STEP_SKIPPED] = {"skipped", 0},
    [STEP_CANCELLED] = {"cancelled", 0},
    [STEP_INTERRUPTED] = {"interrupted", 0},
};

void run_move(struct run *run, enum run_state next)
{
    state_move(&run->state, (int)next, run_rules);
}

void run_step_move(struct run_step *step, enum step_state next)
{
    state_move(&step->state, (int)next, step_rules);
}

const char *run_state_name(enum run_state state)
{
    return run_rules[state].name;
}

const char *step_state_name(enum step_state state)
{
    return step_rules[state].name;
}

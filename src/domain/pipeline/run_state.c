/* The words of a run's and a step's states. */
#include "domain/pipeline/run.h"

const char *run_state_name(enum run_state state)
{
    static const char *const names[] = {"queued", "running",   "cancelling", "done",
                                        "failed", "cancelled", "interrupted"};
    return names[state];
}

const char *step_state_name(enum step_state state)
{
    static const char *const names[] = {"waiting", "ready",  "running", "retrying",  "done",
                                        "warned",  "failed", "skipped", "cancelled", "interrupted"};
    return names[state];
}

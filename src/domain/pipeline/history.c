#include "domain/pipeline/history.h"

void history_runs(struct pipeline *pipeline, const struct history_filter *filter, history_runs_done *done, void *owner)
{
    (void)pipeline, (void)filter, (void)done, (void)owner;
}

void history_run(struct pipeline *pipeline, struct str id, history_run_done *done, void *owner)
{
    (void)pipeline, (void)id, (void)done, (void)owner;
}

void history_states(struct pipeline *pipeline, struct str environment, history_states_done *done, void *owner)
{
    (void)pipeline, (void)environment, (void)done, (void)owner;
}

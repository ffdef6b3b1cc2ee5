/* Runs and their steps. */
#include "domain/pipeline/run.h"

#include "domain/pipeline/pipeline.h"

void run_start(struct pipeline *pipeline, const struct run_request *request, run_done *done, void *owner)
{
    (void)pipeline, (void)request, (void)done, (void)owner;
}

bool run_cancel(struct pipeline *pipeline, struct str id, struct str user, struct err *err)
{
    (void)pipeline, (void)user;
    return err_set(err, ERR_NOT_FOUND, "no run '%.*s' is under way", STR_ARG(id));
}

struct run *run_find(struct pipeline *pipeline, struct str id)
{
    (void)pipeline, (void)id;
    return NULL;
}

void run_watch(struct pipeline *pipeline, struct run_watcher *watcher)
{
    (void)pipeline, (void)watcher;
}

void run_unwatch(struct run_watcher *watcher)
{
    list_remove(&watcher->node);
}

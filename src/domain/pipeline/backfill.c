#include "domain/pipeline/scheduler.h"

void scheduler_backfill_start(struct scheduler *scheduler, const struct scheduler_backfill_request *request,
                              scheduler_backfill_done *done, void *owner)
{
    (void)scheduler, (void)request;
    struct err err;
    err_set(&err, ERR_UNIMPLEMENTED, "there are no backfills yet");
    done(owner, NULL, &err);
}

void scheduler_backfill_cancel(struct scheduler *scheduler, struct str id, scheduler_backfill_done *done, void *owner)
{
    (void)scheduler;
    struct err err;
    err_set(&err, ERR_NOT_FOUND, "there is no backfill '%.*s'", STR_ARG(id));
    done(owner, NULL, &err);
}

void scheduler_backfills(struct scheduler *scheduler, struct str environment, scheduler_backfills_done *done,
                         void *owner)
{
    (void)scheduler, (void)environment;
    done(owner, NULL, 0, NULL);
}

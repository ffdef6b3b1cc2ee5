#include "domain/pipeline/scheduler.h"

struct scheduler {
    struct pipeline *pipeline;
};

struct scheduler *scheduler_new(struct pipeline *pipeline, struct err *err)
{
    (void)err;
    struct scheduler *scheduler = mem_new(struct scheduler);
    scheduler->pipeline = pipeline;
    return scheduler;
}

void scheduler_free(struct scheduler **scheduler)
{
    mem_free(*scheduler);
    *scheduler = NULL;
}

void scheduler_set_graph(struct scheduler *scheduler, const struct graph *graph)
{
    (void)scheduler, (void)graph;
}

void scheduler_begin(struct scheduler *scheduler)
{
    (void)scheduler;
}

void scheduler_stop(struct scheduler *scheduler)
{
    (void)scheduler;
}

void scheduler_each(struct scheduler *scheduler, void (*each)(void *owner, const struct scheduler_info *info),
                    void *owner)
{
    (void)scheduler, (void)each, (void)owner;
}

static void scheduler_not_yet(struct err *err)
{
    err_set(err, ERR_UNIMPLEMENTED, "there are no schedules yet");
}

void scheduler_pause(struct scheduler *scheduler, struct str environment, struct str name, bool paused,
                     void (*done)(void *owner, const struct err *error), void *owner)
{
    (void)scheduler, (void)environment, (void)name, (void)paused;
    struct err err;
    scheduler_not_yet(&err);
    done(owner, &err);
}

void scheduler_trigger(struct scheduler *scheduler, const struct principal *who, struct str environment,
                       struct str name, run_done *done, void *owner)
{
    (void)scheduler, (void)who, (void)environment, (void)name;
    struct err err;
    scheduler_not_yet(&err);
    done(owner, NULL, NULL, NULL, 0, &err);
}

void scheduler_ticks(struct scheduler *scheduler, struct str environment, struct str schedule, uint64_t before,
                     size_t limit, scheduler_ticks_done *done, void *owner)
{
    (void)scheduler, (void)environment, (void)schedule, (void)before, (void)limit;
    done(owner, NULL, 0, 0, NULL);
}

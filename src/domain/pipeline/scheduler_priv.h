/* What the files of the scheduler share: a schedule in an environment, and the ticks that it is about to make runs of.
 */
#pragma once
#include "base/map.h"
#include "domain/pipeline/pipeline_priv.h"
#include "domain/pipeline/schedule.h"
#include "domain/pipeline/scheduler.h"
#include "domain/pipeline/sensor.h"
#include "platform/store/store.h"

/* Ticks of one schedule that wait for a run to end; further ones are skipped. */
#define SCHEDULER_WAITING_MAX 1000

enum scheduler_kind { SCHEDULER_CRON, SCHEDULER_EVERY, SCHEDULER_FILE, SCHEDULER_AFTER };

/* A schedule in an environment. It lives as long as the scheduler, also when the project has it no more: ticks may be
 * on their way. */
struct scheduler_item {
    struct list node; /* in scheduler.items */
    struct scheduler *scheduler;
    struct arena *own; /* owns this, environment_name and name */
    struct str environment_name, name;
    const struct project_environment *environment; /* NULL: the project does not have it (any more) */

    struct arena *arena; /* owns what the project says: */
    enum scheduler_kind kind;
    struct str asset, expression, trigger;
    struct asset_schedule when;
    const struct str *select;
    size_t select_count;
    struct schedule clock;
    bool is_loop; /* AFTER: it would trigger itself */

    bool is_known; /* it has a row in the store */
    bool paused;
    int64_t last_us, next_us; /* wall clock */
    struct buf detail;        /* clocks: what they say; FILE: the state of the files that it has run for; AFTER: which
                               * assets have succeeded since the last tick, each with a line end */
    char last_run[64], last_outcome[16];

    size_t pending, starting; /* ticks that are written or wait, runs that are being made */
    struct list waiting;      /* struct scheduler_firing, in order: until runs of the schedule have ended */
    struct list left;         /* the same: those of the last server, until this one begins */
    struct sensor_look look;
    struct sensor sensor;
    int64_t look_us; /* clock_now_us() of the next look */
    bool has_looked; /* there was a stable state since the server's start */
};

struct scheduler_backfilling;
struct scheduler_loading;
struct scheduler {
    struct pipeline *pipeline;
    struct list items;
    struct map by_name;                /* "environment/name" */
    struct scheduler_loading *loading; /* NULL: done */
    bool is_loaded, is_begun, is_stopped;
    size_t busy;             /* writes under way */
    int64_t awake_us;        /* wall clock, since when */
    int64_t wall_us, now_us; /* both clocks at the last look */
    struct loop_timer timer;
    struct run_watcher watcher;
    struct list backfills; /* struct scheduler_backfilling that have not ended */
};

/* --- scheduler.c --- */

struct scheduler_item *scheduler_item_find(struct scheduler *scheduler, struct str environment, struct str name);
/* Gives the item of that name, a sleeping one if there was none. */
struct scheduler_item *scheduler_item_need(struct scheduler *scheduler, struct str environment, struct str name);
/* A write has ended: perhaps the drain is over. */
void scheduler_rest(struct scheduler *scheduler);

/* --- scheduler_loop.c --- */

/* Finds the schedules that would trigger themselves by `after`. */
void scheduler_find_loops(struct scheduler *scheduler, const struct graph *graph);

/* --- scheduler_store.c --- */

/* A row of pipeline_schedules. */
struct scheduler_row {
    struct str environment, name, detail;
    bool paused;
    int64_t last_us;
};
/* As the item is now; in the arena. */
struct scheduler_row scheduler_row_of(const struct scheduler_item *item, struct arena *arena);
bool scheduler_row_write(struct store_db *db, const struct scheduler_row *row, struct err *err) MUST_USE;
/* Writes the item's row; done may be NULL. */
void scheduler_save(struct scheduler_item *item, void (*done)(void *owner, const struct err *error), void *owner);
/* Tells of an error later, from the loop. */
void scheduler_fail(struct scheduler *scheduler, void (*done)(void *owner, const struct err *error), void *owner,
                    const struct err *error);
/* Reads what the last server left: schedules, ticks whose run is not known, backfills. */
void scheduler_load(struct scheduler *scheduler);
void scheduler_load_forget(struct scheduler *scheduler);

/* --- scheduler_firing.c --- */

/* A tick from its time to its run. Its row says "pending" until it is known what became of it, so that a server that is
 * killed in between neither forgets nor repeats it. */
struct scheduler_firing {
    struct store_job job;
    struct list node;    /* in item.waiting or item.left */
    struct arena *arena; /* owns this */
    struct scheduler_item *item;
    uint64_t number; /* of its row; 0: none yet */
    int64_t due_us, at_us;
    const char *outcome;
    bool in_turn; /* it waits for runs of the schedule to end */
    struct str run;
    struct err error;
    struct scheduler_row row; /* written with it */
    const struct principal *who;
    run_done *done; /* of a trigger by hand; NULL: by itself */
    void *owner;
};
struct scheduler_firing *scheduler_firing_new(struct scheduler_item *item, int64_t due_us);
void scheduler_firing_free(struct scheduler_firing *firing);
/* It is due: by the overlap policy it becomes a run, waits or is skipped. made_up: one of several, all of which are to
 * run, one after the other. */
void scheduler_fire(struct scheduler_firing *firing, bool made_up);
/* So many ticks until then will never run. */
void scheduler_miss(struct scheduler_item *item, int64_t due_us, uint64_t count);
/* A row that was there already goes on: its run is not known. */
void scheduler_firing_go(struct scheduler_firing *firing);
/* A run has ended: those that waited for it. */
void scheduler_item_turn(struct scheduler_item *item);

/* --- backfill.c --- */

/* Of the columns id, environment, asset, user, first, last, state, created_us, ended_us, total, done, failed; in the
 * arena. */
struct scheduler_backfill scheduler_backfill_row(const struct store_value *columns, struct arena *arena);
void scheduler_backfill_loaded(struct scheduler *scheduler, const struct scheduler_backfill *row, struct str waiting);
/* Those that the last server left go on. */
void scheduler_backfill_resume(struct scheduler *scheduler);
void scheduler_backfill_run_ended(struct scheduler *scheduler, const struct run *run);
void scheduler_backfill_free(struct scheduler *scheduler);

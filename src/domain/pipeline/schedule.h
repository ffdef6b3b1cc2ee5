/* When a schedule with a clock ticks: which ticks are due, which were missed, when the next one is. Pure: the caller
 * knows the time and the last tick. */
#pragma once
#include "domain/pipeline/asset.h"
#include "domain/pipeline/cron.h"

struct schedule {
    struct cron cron;
    struct zone *zone; /* owned; NULL: every_us counts, from 1970-01-01 UTC, so that a restart changes nothing */
    int64_t every_us;
    int64_t jitter_us; /* each tick is late by a part of it that name and time of the tick decide */
    enum asset_catch_up catch_up;
    struct str name; /* borrowed */
};
/* An expression and a zone that exist; ERR_INVALID. */
bool schedule_check(const struct asset_schedule *when, struct err *err) MUST_USE;
/* Of one with cron or every, else ERR_INVALID. name: as long as the schedule. */
bool schedule_init(struct schedule *schedule, const struct asset_schedule *when, struct str name,
                   struct err *err) MUST_USE;
void schedule_done(struct schedule *schedule);

/* The time of the tick after that one, without jitter; CLOCK_NEVER: none. */
int64_t schedule_next_us(const struct schedule *schedule, int64_t after_us);
/* When a tick really happens. */
int64_t schedule_fire_us(const struct schedule *schedule, int64_t tick_us);

/* A tick this much later than its time was missed, as those while there was no server. */
#define SCHEDULE_LATE (60 * CLOCK_SECOND)
/* More than this many missed ones are not made up for. */
#define SCHEDULE_DUE_MAX 1000
/* A last tick further in the future than this comes from a wrong clock and is forgotten. */
#define SCHEDULE_AHEAD (INT64_C(86400) * CLOCK_SECOND)

struct schedule_due {
    int64_t ticks_us[SCHEDULE_DUE_MAX]; /* to run, ascending */
    size_t count;
    uint64_t missed;        /* older than those, or not made up for */
    int64_t last_missed_us; /* with missed */
    int64_t last_us;        /* the new last tick; the old one when nothing was due */
    int64_t next_us;        /* when to look again: the next tick with its jitter; CLOCK_NEVER: never */
};
/* last_us: the last tick that was run, skipped or missed; of a new schedule the time when it came into being.
 * awake_us: since when the server looks at it; ticks before are missed, whatever their age. A clock that was put back
 * repeats no tick. */
void schedule_due(const struct schedule *schedule, int64_t last_us, int64_t awake_us, int64_t now_us,
                  struct schedule_due *due_out);

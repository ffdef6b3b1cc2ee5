#include "domain/pipeline/schedule.h"

#include "base/clock.h"

/* So many ticks are looked at one by one. */
#define SCHEDULE_WALK 10000

/* --- Making --- */

bool schedule_check(const struct asset_schedule *when, struct err *err)
{
    struct cron cron;
    if (when->cron.len == 0)
        return true;
    if (!cron_parse(when->cron, &cron, err))
        return false;
    struct zone *zone = zone_open(when->zone, err);
    bool is_known = zone != NULL;
    zone_close(&zone);
    return is_known;
}

bool schedule_init(struct schedule *schedule, const struct asset_schedule *when, struct str name, struct err *err)
{
    *schedule = (struct schedule){
        .every_us = when->every_us, .jitter_us = when->jitter_us, .catch_up = when->catch_up, .name = name};
    if (when->cron.len > 0) {
        if (!cron_parse(when->cron, &schedule->cron, err))
            return false;
        schedule->zone = zone_open(when->zone, err);
        return schedule->zone != NULL;
    }
    return when->every_us > 0 || err_set(err, ERR_INVALID, "'%.*s' has no clock", STR_ARG(name));
}

void schedule_done(struct schedule *schedule)
{
    zone_close(&schedule->zone);
}

/* --- Ticks --- */

int64_t schedule_next_us(const struct schedule *schedule, int64_t after_us)
{
    if (schedule->zone)
        return cron_next(&schedule->cron, schedule->zone, after_us);
    int64_t next;
    int64_t passed = ((after_us % schedule->every_us) + schedule->every_us) % schedule->every_us;
    return __builtin_add_overflow(after_us - passed, schedule->every_us, &next) ? CLOCK_NEVER : next;
}

/* FNV-1a over the name and the tick: the same after a restart, and other ticks of others. */
int64_t schedule_fire_us(const struct schedule *schedule, int64_t tick_us)
{
    if (schedule->jitter_us <= 0 || tick_us == CLOCK_NEVER)
        return tick_us;
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < schedule->name.len; i++)
        hash = (hash ^ (unsigned char)schedule->name.ptr[i]) * UINT64_C(1099511628211);
    for (unsigned shift = 0; shift < 64; shift += 8)
        hash = (hash ^ ((uint64_t)tick_us >> shift & 0xff)) * UINT64_C(1099511628211);
    return tick_us + (int64_t)((hash >> 16) % (uint64_t)schedule->jitter_us);
}

static void schedule_miss(struct schedule_due *due, int64_t tick_us)
{
    due->missed++;
    due->last_missed_us = tick_us;
}

/* Drops the oldest `count` of what would run. */
static void schedule_drop(struct schedule_due *due, size_t count)
{
    if (count == 0)
        return;
    schedule_miss(due, due->ticks_us[count - 1]);
    due->missed += count - 1;
    due->count -= count;
    memmove(due->ticks_us, due->ticks_us + count, due->count * sizeof(due->ticks_us[0]));
}

/* After a long time without a server: on to the youngest that may run, so that nothing waits for the counting. The
 * number of missed ticks is a guess then. */
static int64_t schedule_leap(const struct schedule *schedule, int64_t spacing_us, int64_t tick_us, int64_t now_us,
                             struct schedule_due *due)
{
    int64_t from = now_us - 2 * SCHEDULE_DUE_MAX * spacing_us;
    int64_t tick = from > tick_us ? schedule_next_us(schedule, from) : tick_us;
    if (tick == tick_us || schedule_fire_us(schedule, tick) > now_us)
        return tick_us;
    schedule_drop(due, due->count);
    due->missed += (uint64_t)((tick - tick_us) / spacing_us);
    return tick;
}

void schedule_due(const struct schedule *schedule, int64_t last_us, int64_t awake_us, int64_t now_us,
                  struct schedule_due *due_out)
{
    struct schedule_due *due = due_out;
    due->count = 0;
    due->missed = 0;
    due->last_missed_us = 0;
    if (last_us > now_us + SCHEDULE_AHEAD)
        last_us = now_us;
    due->last_us = last_us;
    int64_t tick = schedule_next_us(schedule, last_us);
    for (size_t walked = 1; tick != CLOCK_NEVER && schedule_fire_us(schedule, tick) <= now_us;
         tick = schedule_next_us(schedule, tick)) {
        if (walked++ == SCHEDULE_WALK)
            tick = schedule_leap(schedule, (tick - last_us) / SCHEDULE_WALK, tick, now_us, due);
        if (due->count == SCHEDULE_DUE_MAX)
            schedule_drop(due, SCHEDULE_DUE_MAX / 2);
        due->ticks_us[due->count++] = due->last_us = tick;
    }
    due->next_us = schedule_fire_us(schedule, tick);
    /* Those that happen at their time run in any case, unless a younger one makes up for all. */
    size_t late = 0;
    while (late < due->count && (schedule_fire_us(schedule, due->ticks_us[late]) < awake_us ||
                                 schedule_fire_us(schedule, due->ticks_us[late]) < now_us - SCHEDULE_LATE))
        late++;
    if (schedule->catch_up == ASSET_CATCH_UP_NONE)
        schedule_drop(due, late);
    else if (schedule->catch_up == ASSET_CATCH_UP_LAST && late > 0)
        schedule_drop(due, late < due->count ? late : late - 1);
}

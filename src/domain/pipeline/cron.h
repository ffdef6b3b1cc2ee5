/* Cron expressions: five fields (minute, hour, day of month, month, day of week) with numbers, names, ranges, lists and
 * steps, or @hourly, @daily, @weekly, @monthly, @yearly. Days by month and by week are joined by "or" when both are
 * restricted, as in Vixie's cron. Pure. */
#pragma once
#include "platform/zone/zone.h"

struct cron {
    uint64_t minutes; /* sets of bits */
    uint32_t hours, days;
    uint16_t months;
    uint8_t weekdays; /* bit 0: Sunday */
    bool either_day;  /* days of month or of week; else both must fit */
    bool is_interval; /* every so many minutes, or in every hour */
};

/* ERR_INVALID names the field; also for a date that never is, as February 30. */
bool cron_parse(struct str text, struct cron *cron_out, struct err *err) MUST_USE;

/* The first time after that one (wall clock) at which the clocks of the zone show what the expression says;
 * CLOCK_NEVER: none. Where clocks are put forward, a fixed time that is skipped happens once, at the end of the gap;
 * where they are put back, it happens once, the first time. Intervals (a minute field that begins with "*", or every
 * hour) go on by what the clock shows: nothing is made up for, and the hour that comes twice runs twice. */
int64_t cron_next(const struct cron *cron, const struct zone *zone, int64_t after_us);

/* Time zones of the IANA database. Civil time (what a clock on the wall there shows) is counted in microseconds since
 * 1970-01-01T00:00 as that clock shows it, so that arithmetic and comparison are plain. Everything is pure but
 * zone_open, which reads the system's tzdata. */
#pragma once
#include <stdint.h>

#include "base/err.h"

struct zone;

/* "Europe/Berlin", "UTC"; empty: UTC. ERR_INVALID for an unknown name, with the nearest one. */
struct zone *zone_open(struct str name, struct err *err);
/* Accepts NULL inside. */
void zone_close(struct zone **zone);
/* As given to zone_open, or "UTC"; lives as long as the zone. */
struct str zone_name(const struct zone *zone);

int64_t zone_civil_us(const struct zone *zone, int64_t wall_us);

enum zone_kind {
    ZONE_ONCE,
    ZONE_TWICE, /* clocks were put back over it */
    ZONE_GAP,   /* clocks were put forward over it: it never is */
};
/* When it is that civil time. ONCE: both are the same. TWICE: the first and the second time. GAP: both are the moment
 * at which the gap begins and ends. */
enum zone_kind zone_wall_us(const struct zone *zone, int64_t civil_us, int64_t *first_us_out, int64_t *second_us_out);

/* A civil time by its parts (proleptic Gregorian calendar). */
struct zone_civil {
    int year, month, day; /* from 1 */
    int hour, minute, second;
    int weekday; /* 0: Sunday */
};
struct zone_civil zone_split(int64_t civil_us);
/* Of valid parts; the weekday is not looked at. */
int64_t zone_join(const struct zone_civil *civil);
int zone_month_days(int year, int month);

/* Time in microseconds. Tests replace it with clock_fake. */
#pragma once
#include <stdint.h>

#include "base/str.h"

#define CLOCK_SECOND INT64_C(1000000)
#define CLOCK_MILLISECOND INT64_C(1000)
/* A deadline that never comes. */
#define CLOCK_NEVER INT64_MAX

/* Since an arbitrary start; never goes back. */
int64_t clock_now_us(void);

/* Since 1970-01-01 UTC. */
int64_t clock_wall_us(void);

/* From now on both clocks stand still at these values (tests only). */
void clock_fake(int64_t now_us, int64_t wall_us);
void clock_real(void);

/* now + delay without overflow; CLOCK_NEVER for a negative delay. */
int64_t clock_deadline_us(int64_t delay_us);

/* 2026-11-21T10:31:00.123456Z, NUL-terminated, into a buffer of at least 28 bytes. */
void clock_format(int64_t wall_us, char *text_out);

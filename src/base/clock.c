#include "base/clock.h"

#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

static _Atomic int64_t clock_fake_now_us;
static _Atomic int64_t clock_fake_wall_us;

static int64_t clock_read(clockid_t which)
{
    struct timespec time;
    clock_gettime(which, &time);
    return (int64_t)time.tv_sec * CLOCK_SECOND + time.tv_nsec / 1000;
}

int64_t clock_now_us(void)
{
    int64_t fake = clock_fake_now_us;
    return fake ? fake : clock_read(CLOCK_MONOTONIC);
}

int64_t clock_wall_us(void)
{
    int64_t fake = clock_fake_wall_us;
    return fake ? fake : clock_read(CLOCK_REALTIME);
}

void clock_fake(int64_t now_us, int64_t wall_us)
{
    clock_fake_now_us = now_us;
    clock_fake_wall_us = wall_us;
}

void clock_real(void)
{
    clock_fake(0, 0);
}

int64_t clock_deadline_us(int64_t delay_us)
{
    int64_t deadline;
    if (delay_us < 0 || __builtin_add_overflow(clock_now_us(), delay_us, &deadline))
        return CLOCK_NEVER;
    return deadline;
}

void clock_format(int64_t wall_us, char *text_out)
{
    time_t seconds = (time_t)(wall_us / CLOCK_SECOND);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    char date[24];
    strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text_out, 28, "%.19s.%06uZ", date, (unsigned)(wall_us % CLOCK_SECOND) % 1000000u);
}

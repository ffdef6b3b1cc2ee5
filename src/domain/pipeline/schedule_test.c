/* Ticks of schedules, by clocks that the test moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "domain/pipeline/schedule.h"

#define MINUTE (60 * CLOCK_SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

static int64_t utc(int year, int month, int day, int hour, int minute)
{
    return zone_join(&(struct zone_civil){.year = year, .month = month, .day = day, .hour = hour, .minute = minute});
}

static struct schedule make(struct asset_schedule when)
{
    struct schedule schedule;
    struct err err = {0};
    if (!schedule_init(&schedule, &when, S("orders"), &err))
        fail_msg("%s", err.message);
    return schedule;
}

/* What the scheduler does with it, without runs. */
struct clockwork {
    struct schedule *schedule;
    int64_t last_us, awake_us, next_us;
    int64_t newest_us; /* of all ticks that ran */
    size_t ran, missed;
};

static void clockwork_look(struct clockwork *work)
{
    struct schedule_due due;
    int64_t now_us = clock_wall_us();
    if (now_us < work->next_us)
        return;
    schedule_due(work->schedule, work->last_us, work->awake_us, now_us, &due);
    for (size_t i = 0; i < due.count; i++) {
        assert_true(due.ticks_us[i] > work->newest_us); /* no double, ever */
        assert_true(due.ticks_us[i] <= now_us);
        work->newest_us = due.ticks_us[i];
    }
    work->ran += due.count;
    work->missed += due.missed;
    work->last_us = due.last_us;
    work->next_us = due.next_us;
    assert_true(due.next_us > now_us);
}

static void clockwork_run(struct clockwork *work, int64_t from_us, int64_t to_us, int64_t step_us)
{
    for (int64_t at = from_us; at <= to_us; at += step_us) {
        clock_fake(at, at);
        clockwork_look(work);
    }
    clock_real();
}

struct week {
    const char *zone;
    int month, day; /* the week's Monday, midnight UTC */
    size_t interval, every, fixed;
};

static void schedule_runs_every_five_minutes_whatever_clocks_do(void **state)
{
    (void)state;
    /* Seven times 24 hours around each change have 2016 times five minutes, whatever the clocks on the wall show. */
    static const struct week weeks[] = {
        {"UTC", 3, 23, 2016, 2016, 7},
        {"UTC", 10, 19, 2016, 2016, 7},
        {"Europe/Berlin", 3, 23, 2016, 2016, 7},
        {"Europe/Berlin", 10, 19, 2016, 2016, 7},
        {"America/New_York", 3, 2, 2016, 2016, 7},
        {"America/New_York", 10, 26, 2016, 2016, 7},
        {"Australia/Lord_Howe", 9, 28, 2016, 2016, 7},
        {"Australia/Lord_Howe", 3, 30, 2016, 2016, 7},
    };
    for (size_t i = 0; i < sizeof(weeks) / sizeof(weeks[0]); i++) {
        const struct week *week = &weeks[i];
        int64_t from = utc(2026, week->month, week->day, 12, 0), to = from + 7 * DAY;
        struct asset_schedule kinds[] = {{.cron = S("*/5 * * * *"), .zone = str_from(week->zone)},
                                         {.every_us = 5 * MINUTE},
                                         {.cron = S("15 2 * * *"), .zone = str_from(week->zone)}};
        size_t expected[] = {week->interval, week->every, week->fixed};
        for (size_t k = 0; k < 3; k++) {
            kinds[k].catch_up = ASSET_CATCH_UP_ALL;
            struct schedule schedule = make(kinds[k]);
            struct clockwork work = {.schedule = &schedule, .last_us = from, .awake_us = from};
            clockwork_run(&work, from + CLOCK_SECOND, to, 5 * CLOCK_SECOND);
            clock_fake(to, to);
            clockwork_look(&work);
            clock_real();
            if (work.ran != expected[k] || work.missed)
                fail_msg("%s %d-%d, %zu: %zu ran, %zu missed", week->zone, week->month, week->day, k, work.ran,
                         work.missed);
            schedule_done(&schedule);
        }
    }
}

static void schedule_makes_up_for_what_its_policy_says(void **state)
{
    (void)state;
    static const struct {
        enum asset_catch_up policy;
        size_t ran, missed;
    } cases[] = {{ASSET_CATCH_UP_NONE, 0, 12}, {ASSET_CATCH_UP_LAST, 1, 11}, {ASSET_CATCH_UP_ALL, 12, 0}};
    for (size_t i = 0; i < 3; i++) {
        struct schedule schedule = make((struct asset_schedule){.cron = S("*/5 * * * *"), .catch_up = cases[i].policy});
        int64_t last = utc(2026, 11, 21, 8, 0), now = utc(2026, 11, 21, 9, 2);
        struct schedule_due due;
        schedule_due(&schedule, last, now, now, &due);
        assert_int_equal(due.count, cases[i].ran);
        assert_int_equal(due.missed, cases[i].missed);
        assert_int_equal(due.last_us, utc(2026, 11, 21, 9, 0));
        assert_int_equal(due.next_us, utc(2026, 11, 21, 9, 5));
        if (due.count)
            assert_int_equal(due.ticks_us[due.count - 1], due.last_us);
        if (due.missed)
            assert_int_equal(due.last_missed_us, due.last_us - (due.count ? 5 * MINUTE : 0));
        /* The next one is not late, and looking again finds nothing. */
        schedule_due(&schedule, due.last_us, now, due.next_us - 1, &due);
        assert_int_equal(due.count + due.missed, 0);
        schedule_due(&schedule, due.last_us, now, due.next_us + 3 * CLOCK_SECOND, &due);
        assert_int_equal(due.count, 1);
        assert_int_equal(due.missed, 0);
        schedule_done(&schedule);
    }
}

static void schedule_tick_at_the_moment_of_a_start_is_no_missed_one(void **state)
{
    (void)state;
    struct schedule schedule = make((struct asset_schedule){.every_us = 5 * MINUTE, .catch_up = ASSET_CATCH_UP_NONE});
    int64_t start = utc(2026, 11, 21, 9, 0);
    struct schedule_due due;
    schedule_due(&schedule, start - 5 * MINUTE, start, start + 10, &due);
    assert_int_equal(due.count, 1);
    /* It was due before: that nobody was there is no reason to do it now. */
    schedule_due(&schedule, start - 5 * MINUTE, start + 1, start + 10, &due);
    assert_int_equal(due.count, 0);
    assert_int_equal(due.missed, 1);
    schedule_done(&schedule);
}

static void schedule_long_absence_is_counted_fast(void **state)
{
    (void)state;
    struct schedule seconds = make((struct asset_schedule){.every_us = CLOCK_SECOND, .catch_up = ASSET_CATCH_UP_ALL});
    struct schedule minutes = make(
        (struct asset_schedule){.cron = S("* * * * *"), .zone = S("Europe/Berlin"), .catch_up = ASSET_CATCH_UP_LAST});
    int64_t last = utc(2016, 1, 1, 0, 0), now = utc(2026, 11, 21, 9, 0) + 5;
    struct schedule_due due;
    schedule_due(&seconds, last, now, now, &due);
    assert_true(due.count > 0 && due.count <= SCHEDULE_DUE_MAX);
    assert_int_equal(due.ticks_us[due.count - 1], now - 5);
    assert_int_equal(due.missed + due.count, (now - last) / CLOCK_SECOND);
    schedule_due(&minutes, last, now, now, &due);
    assert_int_equal(due.count, 1);
    assert_int_equal(due.ticks_us[0], now - 5);
    schedule_done(&seconds);
    schedule_done(&minutes);
}

static void schedule_clock_that_jumps_repeats_nothing(void **state)
{
    (void)state;
    struct schedule schedule = make((struct asset_schedule){.cron = S("*/5 * * * *"), .catch_up = ASSET_CATCH_UP_ALL});
    int64_t from = utc(2026, 11, 21, 8, 0);
    struct clockwork work = {.schedule = &schedule, .last_us = from, .awake_us = from};
    clockwork_run(&work, from, from + HOUR, CLOCK_SECOND);
    assert_int_equal(work.ran, 12);
    /* Back by half an hour: silent until it is later than ever. */
    clockwork_run(&work, from + HOUR / 2, from + HOUR, CLOCK_SECOND);
    assert_int_equal(work.ran, 12);
    clockwork_run(&work, from + HOUR, from + 2 * HOUR, CLOCK_SECOND);
    assert_int_equal(work.ran, 24);
    /* Forward by two hours: made up for. */
    clockwork_run(&work, from + 4 * HOUR, from + 5 * HOUR, CLOCK_SECOND);
    assert_int_equal(work.ran, 60);
    /* A tick in ten years was a mistake. */
    struct schedule_due due;
    schedule_due(&schedule, from + 3650 * DAY, from, from + MINUTE, &due);
    assert_int_equal(due.count, 0);
    assert_int_equal(due.next_us, from + 5 * MINUTE);
    schedule_done(&schedule);
}

static void schedule_jitter_is_the_ticks_own(void **state)
{
    (void)state;
    struct schedule schedule =
        make((struct asset_schedule){.every_us = 5 * MINUTE, .jitter_us = 2 * MINUTE, .catch_up = ASSET_CATCH_UP_LAST});
    struct schedule again = schedule, other = schedule;
    other.name = S("customers");
    int64_t from = utc(2026, 11, 21, 0, 0), low = DAY, high = 0, differ = 0;
    for (int64_t tick = from; tick < from + DAY; tick += 5 * MINUTE) {
        int64_t late = schedule_fire_us(&schedule, tick) - tick;
        assert_in_range(late, 0, 2 * MINUTE - 1);
        assert_int_equal(schedule_fire_us(&again, tick) - tick, late);
        differ += schedule_fire_us(&other, tick) - tick != late;
        low = late < low ? late : low;
        high = late > high ? late : high;
    }
    assert_true(low < 10 * CLOCK_SECOND && high > 110 * CLOCK_SECOND && differ > 280);
    struct clockwork work = {.schedule = &schedule, .last_us = from, .awake_us = from};
    clockwork_run(&work, from, from + DAY, CLOCK_SECOND);
    assert_in_range(work.ran, 287, 288);
    assert_int_equal(work.missed, 0);
    schedule_done(&schedule);
}

static void schedule_leap_day_comes_every_four_years(void **state)
{
    (void)state;
    struct schedule schedule = make((struct asset_schedule){.cron = S("0 6 29 2 *"), .zone = S("Europe/Berlin")});
    assert_int_equal(schedule_next_us(&schedule, utc(2026, 1, 1, 0, 0)), utc(2028, 2, 29, 5, 0));
    assert_int_equal(schedule_next_us(&schedule, utc(2028, 2, 29, 5, 0)), utc(2032, 2, 29, 5, 0));
    schedule_done(&schedule);
}

static void schedule_check_names_what_is_wrong(void **state)
{
    (void)state;
    struct err err = {0};
    assert_true(schedule_check(&(struct asset_schedule){.every_us = MINUTE}, &err));
    assert_true(schedule_check(&(struct asset_schedule){.cron = S("@daily"), .zone = S("Asia/Tokyo")}, &err));
    assert_false(schedule_check(&(struct asset_schedule){.cron = S("* * *")}, &err));
    assert_non_null(strstr(err.message, "3 fields"));
    assert_false(schedule_check(&(struct asset_schedule){.cron = S("@daily"), .zone = S("Asia/Tokio")}, &err));
    assert_string_equal(err.hint, "did you mean Asia/Tokyo?");
    struct schedule schedule;
    assert_false(schedule_init(&schedule, &(struct asset_schedule){.on_file = S("data/source/x.csv")}, S("x"), &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schedule_runs_every_five_minutes_whatever_clocks_do),
        cmocka_unit_test(schedule_makes_up_for_what_its_policy_says),
        cmocka_unit_test(schedule_tick_at_the_moment_of_a_start_is_no_missed_one),
        cmocka_unit_test(schedule_long_absence_is_counted_fast),
        cmocka_unit_test(schedule_clock_that_jumps_repeats_nothing),
        cmocka_unit_test(schedule_jitter_is_the_ticks_own),
        cmocka_unit_test(schedule_leap_day_comes_every_four_years),
        cmocka_unit_test(schedule_check_names_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

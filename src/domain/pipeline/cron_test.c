/* Cron expressions: what is one, and when it is next, above all where clocks change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "base/clock.h"
#include "domain/pipeline/cron.h"

#define MINUTE (60 * CLOCK_SECOND)

static struct cron parse(const char *text)
{
    struct cron cron;
    struct err err = {0};
    if (!cron_parse(str_from(text), &cron, &err))
        fail_msg("%s: %s", text, err.message);
    return cron;
}

static void cron_says_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message, *hint;
    } wrong[] = {
        {"", "has 0 fields", "five are known"},
        {"* * * *", "has 4 fields", "five are known"},
        {"0 0 12 * * *", "has 6 fields", "five are known"},
        {"60 * * * *", "'60' is no minute", "0 to 59"},
        {"* 24 * * *", "'24' is no hour", "0 to 23"},
        {"* * 0 * *", "'0' is no day of the month", "1 to 31"},
        {"* * * 13 *", "'13' is no month", "jan to dec"},
        {"* * * * 8", "'8' is no day of the week", "sun to sat"},
        {"* * ? * *", "'?' is no day of the month", "write * instead of ?"},
        {"* * L * *", "'L' is no day of the month", "1 to 31"},
        {"5/10 * * * *", "'5/10' is no minute", "a step needs a range: 5-59/10"},
        {"*/0 * * * *", "'*/0' is no minute", "0 to 59"},
        {"*/ * * * *", "'*/' is no minute", "0 to 59"},
        {"30-10 * * * *", "'30-10' is no minute", "a range goes up"},
        {"1,,2 * * * *", "'' is no minute", "0 to 59"},
        {"1, * * * *", "'1,' is no minute", "0 to 59"},
        {"-5 * * * *", "'-5' is no minute", "0 to 59"},
        {"+5 * * * *", "'+5' is no minute", "0 to 59"},
        {"* * * * monday", "'monday' is no day of the week", "mon-fri"},
        {"0 0 30 2 *", "never comes true", "no such day"},
        {"0 0 31 4,6,9,11 *", "never comes true", "no such day"},
        {"@dayly", "'@dayly' is no cron expression", "did you mean @daily?"},
        {"@every 5m", "'@every 5m' is no cron expression", "every: 5m"},
        {"@reboot", "is no cron expression", ""},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct cron cron;
        struct err err = {0};
        if (cron_parse(str_from(wrong[i].text), &cron, &err))
            fail_msg("'%s' was taken", wrong[i].text);
        assert_int_equal(err.code, ERR_INVALID);
        if (!strstr(err.message, wrong[i].message) || !strstr(err.hint, wrong[i].hint))
            fail_msg("'%s': %s; %s", wrong[i].text, err.message, err.hint);
    }
}

struct step {
    const char *zone, *text;
    const char *times; /* UTC: the first is where it begins, then one after the other */
};

static const struct step steps[] = {
    {"UTC", "*/15 * * * *", "2026-11-21T10:31 2026-11-21T10:45 2026-11-21T11:00"},
    {"UTC", " 30\t6 * *  mon-fri ", "2026-11-20T06:30 2026-11-23T06:30"},
    {"UTC", "0 12 * * FRI-sun", "2026-11-18T00:00 2026-11-20T12:00 2026-11-21T12:00 2026-11-22T12:00 2026-11-27T12:00"},
    {"UTC", "0 0 * * 7", "2026-11-21T00:00 2026-11-22T00:00 2026-11-29T00:00"},
    {"UTC", "10-30/10,59 0 1 jan *",
     "2026-11-21T00:00 2027-01-01T00:10 2027-01-01T00:20 2027-01-01T00:30 "
     "2027-01-01T00:59 2028-01-01T00:10"},
    /* Days: "or" when both are restricted, "and" when one begins with a star (Vixie). */
    {"UTC", "0 0 13 * fri",
     "2026-11-07T00:00 2026-11-13T00:00 2026-11-20T00:00 2026-11-27T00:00 2026-12-04T00:00 "
     "2026-12-11T00:00 2026-12-13T00:00"},
    {"UTC", "0 0 */2 * mon", "2026-11-01T00:00 2026-11-09T00:00 2026-11-23T00:00 2026-12-07T00:00"},
    {"UTC", "0 0 29 2 *", "2026-01-01T00:00 2028-02-29T00:00 2032-02-29T00:00"},
    {"UTC", "0 0 29 2 *", "2097-01-01T00:00 2104-02-29T00:00"},
    {"UTC", "0 0 31 * *", "2026-03-31T00:00 2026-05-31T00:00 2026-07-31T00:00 2026-08-31T00:00"},
    {"UTC", "@hourly", "2026-12-31T23:00 2027-01-01T00:00"},
    {"UTC", "@weekly", "2026-11-21T00:00 2026-11-22T00:00"},
    {"UTC", "@monthly", "2026-11-21T00:00 2026-12-01T00:00"},
    {"UTC", "@yearly", "2026-11-21T00:00 2027-01-01T00:00"},
    {"Europe/Berlin", "@daily", "2026-03-27T23:00 2026-03-28T23:00 2026-03-29T22:00 2026-03-30T22:00"},
    /* The hour that is not: a fixed time once, at its end; also when several fall into it. */
    {"Europe/Berlin", "30 2 * * *", "2026-03-28T01:30 2026-03-29T01:00 2026-03-30T00:30"},
    {"Europe/Berlin", "0,30 2 * * *", "2026-03-28T01:30 2026-03-29T01:00 2026-03-30T00:00 2026-03-30T00:30"},
    {"Europe/Berlin", "0 2,3 * * *", "2026-03-28T02:00 2026-03-29T01:00 2026-03-30T00:00 2026-03-30T01:00"},
    {"Europe/Berlin", "0 */2 * * *", "2026-03-28T23:00 2026-03-29T01:00 2026-03-29T02:00"},
    {"Europe/Berlin", "30 * * * *", "2026-03-29T00:30 2026-03-29T01:30 2026-03-29T02:30"},
    {"Europe/Berlin", "*/30 * * * *", "2026-03-29T00:30 2026-03-29T01:00 2026-03-29T01:30"},
    /* A day that has its time in the gap only is not looked for in the past. */
    {"Europe/Berlin", "30 2 29 3 *", "2026-03-29T01:00 2027-03-29T00:30"},
    {"Europe/Berlin", "*/20 2 29 3 *", "2026-03-28T00:00 2027-03-29T00:00"},
    /* The hour that is twice: a fixed time once, intervals through. */
    {"Europe/Berlin", "30 2 * * *", "2026-10-24T00:30 2026-10-25T00:30 2026-10-26T01:30"},
    {"Europe/Berlin", "0 1-3 * * *", "2026-10-24T22:00 2026-10-24T23:00 2026-10-25T00:00 2026-10-25T02:00"},
    {"Europe/Berlin", "*/30 * * * *",
     "2026-10-25T00:00 2026-10-25T00:30 2026-10-25T01:00 2026-10-25T01:30 "
     "2026-10-25T02:00"},
    {"Europe/Berlin", "15 * * * *", "2026-10-25T00:00 2026-10-25T00:15 2026-10-25T01:15 2026-10-25T02:15"},
    {"Europe/Berlin", "*/30 2 * * *",
     "2026-10-24T23:00 2026-10-25T00:00 2026-10-25T00:30 2026-10-25T01:00 "
     "2026-10-25T01:30 2026-10-26T01:00"},
    /* In the second of the two, after a fixed time. */
    {"Europe/Berlin", "45 2 * * *", "2026-10-25T01:10 2026-10-26T01:45"},
    /* Half an hour. */
    {"Australia/Lord_Howe", "15 2 * * *", "2026-10-02T15:45 2026-10-03T15:30 2026-10-04T15:15"},
    {"Australia/Lord_Howe", "45 1 * * *", "2026-04-03T14:45 2026-04-04T14:45 2026-04-05T15:15"},
    {"Australia/Lord_Howe", "*/15 * * * *",
     "2026-04-04T14:30 2026-04-04T14:45 2026-04-04T15:00 2026-04-04T15:15 "
     "2026-04-04T15:30"},
    {"America/New_York", "30 1 * * *", "2026-10-31T05:30 2026-11-01T05:30 2026-11-02T06:30"},
    /* A day that never was. */
    {"Pacific/Apia", "0 12 * * *", "2011-12-29T22:00 2011-12-30T10:00 2011-12-30T22:00"},
};

static int64_t read_moment(struct str word)
{
    int64_t parts[5] = {0};
    for (size_t i = 0, at = 0; i < 5; i++) {
        size_t digits = i == 0 ? 4 : 2;
        assert_true(str_to_i64(str_slice(word, at, digits), &parts[i]));
        at += digits + 1;
    }
    return zone_join(&(struct zone_civil){.year = (int)parts[0],
                                          .month = (int)parts[1],
                                          .day = (int)parts[2],
                                          .hour = (int)parts[3],
                                          .minute = (int)parts[4]});
}

static void cron_goes_from_one_time_to_the_next(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct err err = {0};
        struct zone *zone = zone_open(str_from(steps[i].zone), &err);
        assert_non_null(zone);
        struct cron cron = parse(steps[i].text);
        struct str word, rest = str_from(steps[i].times);
        int64_t at = 0;
        for (bool begun = false; str_split_next(&rest, ' ', &word); begun = true) {
            at = begun ? cron_next(&cron, zone, at) : read_moment(word);
            char text[28];
            clock_format(at, text);
            if (at != read_moment(word))
                fail_msg("%s '%s': %s instead of %.*s", steps[i].zone, steps[i].text, text, STR_ARG(word));
        }
        zone_close(&zone);
    }
}

/* Every minute of a year, looked at one by one, is the judge of intervals; the next time is the same from any moment
 * between two of them. */
static void cron_intervals_are_what_the_clock_shows(void **state)
{
    (void)state;
    static const char *const zones[] = {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
                                        "Africa/Casablanca"};
    struct cron cron = parse("*/7 * * * *");
    for (size_t z = 0; z < sizeof(zones) / sizeof(zones[0]); z++) {
        struct err err = {0};
        struct zone *zone = zone_open(str_from(zones[z]), &err);
        int64_t begin = zone_join(&(struct zone_civil){.year = 2026, .month = 1, .day = 1}), at = begin;
        int64_t next = cron_next(&cron, zone, begin - 1);
        for (; at < begin + 366 * 1440 * MINUTE; at += MINUTE) {
            if (zone_split(zone_civil_us(zone, at)).minute % 7 != 0)
                continue;
            assert_int_equal(next, at);
            next = cron_next(&cron, zone, at);
            assert_int_equal(cron_next(&cron, zone, next - 1), next);
        }
        zone_close(&zone);
    }
}

/* Each day has exactly one, whatever its clocks do. */
static void cron_fixed_times_come_once_a_day(void **state)
{
    (void)state;
    static const char *const zones[] = {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"};
    for (size_t z = 0; z < sizeof(zones) / sizeof(zones[0]); z++) {
        struct err err = {0};
        struct zone *zone = zone_open(str_from(zones[z]), &err);
        for (int quarter = 0; quarter < 16; quarter++) {
            char text[32];
            snprintf(text, sizeof(text), "%d %d * * *", quarter % 4 * 15, quarter / 4);
            struct cron cron = parse(text);
            int64_t at = zone_join(&(struct zone_civil){.year = 2026, .month = 1, .day = 1, .hour = 20});
            int64_t end = zone_join(&(struct zone_civil){.year = 2029, .month = 1, .day = 1, .hour = 20});
            int last = zone_split(zone_civil_us(zone, at)).day, count = 0;
            for (at = cron_next(&cron, zone, at); at < end; at = cron_next(&cron, zone, at), count++) {
                assert_int_not_equal(zone_split(zone_civil_us(zone, at)).day, last);
                last = zone_split(zone_civil_us(zone, at)).day;
            }
            assert_int_equal(count, 365 + 365 + 366);
        }
        zone_close(&zone);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cron_says_what_is_wrong),
        cmocka_unit_test(cron_goes_from_one_time_to_the_next),
        cmocka_unit_test(cron_intervals_are_what_the_clock_shows),
        cmocka_unit_test(cron_fixed_times_come_once_a_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Zones: names, civil times that are once, twice or never, and the calendar. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "platform/zone/zone.h"

static int64_t civil(int year, int month, int day, int hour, int minute)
{
    return zone_join(&(struct zone_civil){.year = year, .month = month, .day = day, .hour = hour, .minute = minute});
}

static struct zone *open_zone(const char *name)
{
    struct err err = {0};
    struct zone *zone = zone_open(str_from(name), &err);
    if (!zone)
        fail_msg("%s", err.message);
    return zone;
}

static void zone_names_are_those_of_iana(void **state)
{
    (void)state;
    struct zone *zone = open_zone("");
    assert_string_equal(zone_name(zone).ptr, "UTC");
    zone_close(&zone);
    assert_null(zone);
    zone_close(&zone);
    static const char *const wrong[] = {"Europe/Belrin",      "../../../etc/passwd", "/usr/share/zoneinfo/UTC",
                                        "right/UTC",          "localtime",           "EST5EDT4,M3.2.0",
                                        "Europe/Berlin\nUTC", "Mars/Olympus",        "Europe"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct err err = {0};
        assert_null(zone_open(str_from(wrong[i]), &err));
        assert_int_equal(err.code, ERR_INVALID);
        assert_non_null(strstr(err.message, "there is no time zone"));
        assert_true(err.hint[0]);
        if (i == 0)
            assert_string_equal(err.hint, "did you mean Europe/Berlin?");
    }
}

struct moment {
    const char *zone;
    int year, month, day, hour, minute;
    enum zone_kind kind;
    int64_t first_offset_min, second_offset_min; /* of what is found; GAP: those before and after */
};

static void zone_civil_times_are_once_twice_or_never(void **state)
{
    (void)state;
    static const struct moment moments[] = {
        {"UTC", 2026, 3, 29, 2, 30, ZONE_ONCE, 0, 0},
        {"Europe/Berlin", 2026, 3, 29, 1, 59, ZONE_ONCE, 60, 60},
        {"Europe/Berlin", 2026, 3, 29, 2, 0, ZONE_GAP, 60, 120},
        {"Europe/Berlin", 2026, 3, 29, 2, 59, ZONE_GAP, 60, 120},
        {"Europe/Berlin", 2026, 3, 29, 3, 0, ZONE_ONCE, 120, 120},
        {"Europe/Berlin", 2026, 10, 25, 1, 59, ZONE_ONCE, 120, 120},
        {"Europe/Berlin", 2026, 10, 25, 2, 0, ZONE_TWICE, 120, 60},
        {"Europe/Berlin", 2026, 10, 25, 2, 59, ZONE_TWICE, 120, 60},
        {"Europe/Berlin", 2026, 10, 25, 3, 0, ZONE_ONCE, 60, 60},
        {"America/New_York", 2026, 3, 8, 2, 30, ZONE_GAP, -300, -240},
        {"America/New_York", 2026, 11, 1, 1, 30, ZONE_TWICE, -240, -300},
        {"Australia/Lord_Howe", 2026, 10, 4, 2, 15, ZONE_GAP, 630, 660},
        {"Australia/Lord_Howe", 2026, 10, 4, 2, 30, ZONE_ONCE, 660, 660},
        {"Australia/Lord_Howe", 2026, 4, 5, 1, 30, ZONE_TWICE, 660, 630},
        {"Australia/Lord_Howe", 2026, 4, 5, 1, 29, ZONE_ONCE, 660, 660},
        /* Across the date line: a whole day that never was. */
        {"Pacific/Apia", 2011, 12, 30, 12, 0, ZONE_GAP, -600, 840},
        /* An overlap that ends no summer time. */
        {"Europe/Moscow", 2014, 10, 26, 1, 30, ZONE_TWICE, 240, 180},
        {"Asia/Kathmandu", 1985, 12, 31, 23, 59, ZONE_ONCE, 330, 330},
        /* Beyond what tzdata lists. */
        {"Europe/Berlin", 2099, 7, 1, 12, 0, ZONE_ONCE, 120, 120},
    };
    for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
        const struct moment *moment = &moments[i];
        struct zone *zone = open_zone(moment->zone);
        int64_t time = civil(moment->year, moment->month, moment->day, moment->hour, moment->minute), first, second;
        assert_int_equal(zone_wall_us(zone, time, &first, &second), moment->kind);
        if (moment->kind == ZONE_GAP) {
            assert_int_equal(first, second);
            assert_int_equal(zone_civil_us(zone, first - CLOCK_SECOND),
                             first - CLOCK_SECOND + moment->first_offset_min * 60 * CLOCK_SECOND);
            assert_int_equal(zone_civil_us(zone, first), first + moment->second_offset_min * 60 * CLOCK_SECOND);
            assert_true(zone_civil_us(zone, first - CLOCK_SECOND) < time && time < zone_civil_us(zone, first));
        } else {
            assert_int_equal(time - first, moment->first_offset_min * 60 * CLOCK_SECOND);
            assert_int_equal(time - second, moment->second_offset_min * 60 * CLOCK_SECOND);
            assert_int_equal(zone_civil_us(zone, first), time);
            assert_int_equal(zone_civil_us(zone, second), time);
        }
        zone_close(&zone);
    }
}

static void zone_calendar_goes_there_and_back(void **state)
{
    (void)state;
    struct zone_civil epoch = zone_split(0);
    assert_int_equal(epoch.year, 1970);
    assert_int_equal(epoch.weekday, 4);
    struct zone_civil leap = zone_split(civil(2024, 2, 29, 23, 59) + 59 * CLOCK_SECOND);
    assert_int_equal(leap.month, 2);
    assert_int_equal(leap.day, 29);
    assert_int_equal(leap.second, 59);
    assert_int_equal(leap.weekday, 4);
    assert_int_equal(zone_split(-1).year, 1969);
    assert_int_equal(zone_split(-1).second, 59);
    int64_t at = civil(1599, 12, 31, 7, 5);
    for (int64_t day = 0; day < 400000; day++, at += 86400 * CLOCK_SECOND) {
        struct zone_civil parts = zone_split(at);
        assert_int_equal(zone_join(&parts), at);
        assert_true(parts.day <= zone_month_days(parts.year, parts.month));
    }
    assert_int_equal(zone_month_days(1900, 2), 28);
    assert_int_equal(zone_month_days(2000, 2), 29);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zone_names_are_those_of_iana),
        cmocka_unit_test(zone_civil_times_are_once_twice_or_never),
        cmocka_unit_test(zone_calendar_goes_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

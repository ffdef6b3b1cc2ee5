/* Time: it can be faked, deadlines do not overflow, and the text is ISO 8601. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"

static void clock_goes_forward(void **state)
{
    (void)state;
    int64_t before = clock_now_us();
    assert_true(clock_now_us() >= before);
    assert_true(clock_wall_us() > INT64_C(1700000000) * CLOCK_SECOND);
}

static void clock_can_be_faked(void **state)
{
    (void)state;
    clock_fake(5, 7);
    assert_int_equal(clock_now_us(), 5);
    assert_int_equal(clock_wall_us(), 7);
    clock_real();
    assert_true(clock_wall_us() > 7);
}

static void clock_deadlines_do_not_overflow(void **state)
{
    (void)state;
    clock_fake(1000, 1000);
    assert_int_equal(clock_deadline_us(24), 1024);
    assert_true(clock_deadline_us(INT64_MAX) == CLOCK_NEVER);
    assert_true(clock_deadline_us(-1) == CLOCK_NEVER);
    clock_real();
}

static void clock_formats_iso_8601(void **state)
{
    (void)state;
    char text[28];
    clock_format(INT64_C(1795257060123456), text);
    assert_string_equal(text, "2026-11-21T10:31:00.123456Z");
    clock_format(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000000Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clock_goes_forward),
        cmocka_unit_test(clock_can_be_faked),
        cmocka_unit_test(clock_deadlines_do_not_overflow),
        cmocka_unit_test(clock_formats_iso_8601),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

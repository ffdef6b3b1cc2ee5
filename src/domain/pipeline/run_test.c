/* Runs without a server: delays of retries, and which state may follow which. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "domain/pipeline/run_priv.h"

static void retry_is(const struct asset_retries *retries, uint32_t n, double random, int64_t delay_us)
{
    assert_int_equal(run_retry_delay_us(retries, n, random), delay_us);
}

static void retry_grows_by_the_delay(void **state)
{
    (void)state;
    const struct asset_retries retries = {.max = 5, .delay_us = 10, .backoff = ASSET_LINEAR};
    retry_is(&retries, 1, 0, 10);
    retry_is(&retries, 2, 1, 20);
    retry_is(&retries, 7, 0.5, 70);
}

static void retry_doubles(void **state)
{
    (void)state;
    const struct asset_retries retries = {.max = 5, .delay_us = 10, .backoff = ASSET_EXPONENTIAL};
    retry_is(&retries, 1, 0, 10);
    retry_is(&retries, 2, 0, 20);
    retry_is(&retries, 5, 0, 160);
}

static void retry_has_a_cap(void **state)
{
    (void)state;
    struct asset_retries retries = {.delay_us = 10, .backoff = ASSET_EXPONENTIAL, .cap_us = 35};
    retry_is(&retries, 2, 0, 20);
    retry_is(&retries, 3, 0, 35);
    retry_is(&retries, UINT32_MAX, 0, 35);
    retries.cap_us = 0; /* an hour */
    retry_is(&retries, UINT32_MAX, 0, 3600 * CLOCK_SECOND);
    retries.backoff = ASSET_LINEAR;
    retries.delay_us = INT64_MAX / 2;
    retry_is(&retries, UINT32_MAX, 0, 3600 * CLOCK_SECOND);
}

static void retry_jitter_is_a_share_of_the_delay(void **state)
{
    (void)state;
    struct asset_retries retries = {.delay_us = 1000, .backoff = ASSET_LINEAR, .jitter = 0.25};
    retry_is(&retries, 1, 0, 750);
    retry_is(&retries, 1, 0.5, 1000);
    retry_is(&retries, 1, 1, 1250);
    retries.cap_us = 1000;
    retry_is(&retries, 1, 1, 1000);
    retries.jitter = 1;
    retry_is(&retries, 1, 0, 0);
}

static void retry_without_a_delay_is_at_once(void **state)
{
    (void)state;
    const struct asset_retries retries = {.max = 1, .backoff = ASSET_EXPONENTIAL, .jitter = 1};
    retry_is(&retries, 1, 1, 0);
}

static void run_states_lead_to_an_end(void **state)
{
    (void)state;
    struct run run = {0};
    run_move(&run, RUN_RUNNING);
    run_move(&run, RUN_CANCELLING);
    run_move(&run, RUN_CANCELLED);
    assert_string_equal(run_state_name((enum run_state)run.state), "cancelled");
    assert_string_equal(run_state_name(RUN_INTERRUPTED), "interrupted");
}

static void step_states_lead_through_retries(void **state)
{
    (void)state;
    struct run_step step = {0};
    static const enum step_state way[] = {STEP_READY, STEP_RUNNING, STEP_RETRYING, STEP_READY, STEP_RUNNING};
    for (size_t i = 0; i < sizeof(way) / sizeof(way[0]); i++) {
        run_step_move(&step, way[i]);
        assert_false(run_step_has_ended(&step));
    }
    run_step_move(&step, STEP_WARNED);
    assert_true(run_step_has_ended(&step));
    assert_string_equal(step_state_name((enum step_state)step.state), "warned");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(retry_grows_by_the_delay),
        cmocka_unit_test(retry_doubles),
        cmocka_unit_test(retry_has_a_cap),
        cmocka_unit_test(retry_jitter_is_a_share_of_the_delay),
        cmocka_unit_test(retry_without_a_delay_is_at_once),
        cmocka_unit_test(run_states_lead_to_an_end),
        cmocka_unit_test(step_states_lead_through_retries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What a run's events become: a tree, lines, and numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "cli/run.h"

struct fixture {
    struct arena *arena;
    struct cli_run run;
    struct buf lines;
};

static void on_step(void *owner, const struct cli_run *run, const struct cli_run_step *step)
{
    (void)run;
    cli_run_step_line(owner, step);
}

static int setup(void **state)
{
    static struct fixture fixture;
    struct err err;
    clock_fake(1000 * CLOCK_SECOND, 0);
    fixture = (struct fixture){.arena = arena_new()};
    const struct json *answer =
        json_parse(fixture.arena,
                   S("{\"id\":\"u\",\"number\":12,\"environment\":\"production\",\"tenant\":\"tenant_acme\",\"steps\":["
                     "{\"asset\":\"raw\",\"upstream\":[]},{\"asset\":\"other\",\"upstream\":[]},"
                     "{\"asset\":\"orders\",\"upstream\":[\"raw\",\"elsewhere\"]},"
                     "{\"asset\":\"report\",\"upstream\":[\"orders\",\"raw\"]}]}"),
                   &err);
    assert_non_null(answer);
    cli_run_begin(&fixture.run, fixture.arena, answer);
    fixture.run.on_step = on_step;
    fixture.run.owner = &fixture.lines;
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    cli_run_done(&fixture->run);
    buf_done(&fixture->lines);
    arena_free(&fixture->arena);
    clock_real();
    return 0;
}

static void tell(struct fixture *fixture, const char *name, const char *data)
{
    struct err err = {0};
    if (!cli_run_event(&fixture->run, str_from(name), str_from(data), &err))
        fail_msg("%s", err.message);
}

static void tell_all(struct fixture *fixture)
{
    tell(fixture, "step", "{\"index\":0,\"asset\":\"raw\",\"state\":\"running\",\"attempt\":1}");
    tell(fixture, "log", "{\"number\":1,\"step\":0,\"text\":\"reading\\u001b[2Jfiles\"}");
    tell(fixture, "step",
         "{\"index\":0,\"asset\":\"raw\",\"state\":\"done\",\"attempt\":1,\"rows\":1204,\"run_us\":31000}");
    tell(fixture, "step",
         "{\"index\":2,\"asset\":\"orders\",\"state\":\"failed\",\"attempt\":2,\"run_us\":8000,\"error\":{\"message\":"
         "\"no "
         "column x\",\"hint\":\"did you mean y?\",\"path\":\"pipelines/orders.sql\",\"line\":3,\"column\":7}}");
    tell(fixture, "step", "{\"index\":3,\"asset\":\"report\",\"state\":\"skipped\",\"attempt\":1}");
    tell(fixture, "run", "{\"state\":\"failed\",\"ended\":\"2026-11-21T10:00:00Z\",\"run_us\":52000}");
}

static void assert_text(struct buf *text, const char *expected)
{
    buf_append_char(text, '\0');
    assert_string_equal(buf_str(text).ptr, expected);
    buf_done(text);
}

static void steps_become_lines(void **state)
{
    struct fixture *fixture = *state;
    struct buf end = {0}, errors = {0};
    tell_all(fixture);
    assert_text(&fixture->lines, "running     raw\n"
                                 "done        raw  1,204 rows  31 ms\n"
                                 "failed      orders  attempt 2  8 ms  pipelines/orders.sql:3:7: no column x\n"
                                 "skipped     report\n");
    cli_run_end_line(&end, &fixture->run);
    assert_text(&end, "run 12 failed: 1 done, 1 failed, 1 skipped in 52 ms, 1,204 rows\n");
    cli_run_error_lines(&errors, &fixture->run);
    assert_text(&errors, "pipelines/orders.sql:3:7: no column x\n  hint: did you mean y?\n");
    assert_true(fixture->run.ended);
}

static void a_state_that_is_told_again_says_nothing(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < 3; i++)
        tell(fixture, "step", "{\"index\":1,\"asset\":\"other\",\"state\":\"running\",\"attempt\":1}");
    tell(fixture, "step",
         "{\"index\":1,\"asset\":\"other\",\"state\":\"retrying\",\"attempt\":1,\"error\":{\"message\":\"busy\"}}");
    tell(fixture, "step", "{\"index\":1,\"asset\":\"other\",\"state\":\"running\",\"attempt\":2}");
    assert_text(&fixture->lines, "running     other\nretrying    other  other: busy\nrunning     other  attempt 2\n");
}

static void steps_stand_below_what_they_wait_for(void **state)
{
    struct fixture *fixture = *state;
    struct buf tree = {0};
    tell_all(fixture);
    tell(fixture, "step", "{\"index\":1,\"asset\":\"other\",\"state\":\"running\",\"attempt\":1}");
    tell(fixture, "log", "{\"number\":1,\"step\":1,\"text\":\"reading\\u001b[2Jfiles\"}");
    const struct cli_run_screen screen = {80, 24, false, clock_now_us() + 1500 * CLOCK_MILLISECOND};
    assert_int_equal(cli_run_draw(&tree, &fixture->run, &screen), 6);
    assert_text(&tree, "run 12 of tenant_acme (production): 4 steps\n"
                       "✓ raw             1,204 rows     31 ms\n"
                       "  ✗ orders                        8 ms  attempt 2  pipelines/orders.sql:3:7: no\n"
                       "    - report                            skipped\n"
                       "⠴ other                         1.50 s  reading\\x1B[2Jfiles\n"
                       "3 of 4, 1 running, 1 failed, 1 skipped  1.50 s\n");
}

static void a_small_terminal_shows_what_matters(void **state)
{
    struct fixture *fixture = *state;
    struct buf tree = {0};
    tell_all(fixture);
    const struct cli_run_screen screen = {40, 5, true, clock_now_us()};
    assert_int_equal(cli_run_draw(&tree, &fixture->run, &screen), 4);
    assert_text(&tree, "run 12 of tenant_acme (production): 4 s\n"
                       "\033[31m✗\033[0m orders                      8 ms  att\n"
                       "\033[32m✓\033[0m raw         1,204 rows     31 ms\n"
                       "3 of 4, 1 failed, 1 skipped  0 µs\n");
}

static void steps_may_come_that_were_not_planned(void **state)
{
    struct fixture *fixture = *state;
    struct buf tree = {0};
    tell(fixture, "step", "{\"index\":4,\"asset\":\"model\",\"state\":\"done\",\"rows\":1}");
    tell(fixture, "step", "{\"index\":99,\"asset\":\"far\",\"state\":\"done\"}");
    tell(fixture, "step", "{\"index\":-1,\"asset\":\"far\",\"state\":\"done\"}");
    tell(fixture, "step", "{\"index\":0,\"state\":\"unheard of\"}");
    tell(fixture, "log", "{\"step\":77,\"text\":\"x\"}");
    tell(fixture, "news", "no json");
    assert_int_equal(fixture->run.steps.count, 5);
    const struct cli_run_screen screen = {80, 24, false, clock_now_us()};
    assert_int_equal(cli_run_draw(&tree, &fixture->run, &screen), 3);
    buf_done(&tree);
}

static void the_end_of_the_stream_is_the_end(void **state)
{
    struct fixture *fixture = *state;
    tell(fixture, "run", "{\"state\":\"running\"}");
    assert_false(fixture->run.ended);
    tell(fixture, "end", "{\"state\":\"interrupted\"}");
    assert_true(fixture->run.ended && str_equal(fixture->run.state, S("interrupted")));
}

static void an_event_that_is_no_json_is_an_error(void **state)
{
    struct fixture *fixture = *state;
    struct err err = {0};
    assert_false(cli_run_event(&fixture->run, S("step"), S("{"), &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(steps_become_lines, setup, teardown),
        cmocka_unit_test_setup_teardown(a_state_that_is_told_again_says_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(steps_stand_below_what_they_wait_for, setup, teardown),
        cmocka_unit_test_setup_teardown(a_small_terminal_shows_what_matters, setup, teardown),
        cmocka_unit_test_setup_teardown(steps_may_come_that_were_not_planned, setup, teardown),
        cmocka_unit_test_setup_teardown(the_end_of_the_stream_is_the_end, setup, teardown),
        cmocka_unit_test_setup_teardown(an_event_that_is_no_json_is_an_error, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

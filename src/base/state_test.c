/* State machines: allowed moves happen, a forbidden one stops the process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/state.h"

enum { STATE_TEST_NEW, STATE_TEST_RUNNING, STATE_TEST_DONE };

static const struct state_rule state_test_rules[] = {
    [STATE_TEST_NEW] = {"new", STATE_TO(STATE_TEST_RUNNING)},
    [STATE_TEST_RUNNING] = {"running", STATE_TO(STATE_TEST_DONE)},
    [STATE_TEST_DONE] = {"done", 0},
};

static void state_test_back(void)
{
    int state = STATE_TEST_DONE;
    state_move(&state, STATE_TEST_RUNNING, state_test_rules);
}

static void state_test_stay(void)
{
    int state = STATE_TEST_NEW;
    state_move(&state, STATE_TEST_NEW, state_test_rules);
}

/* True when the function stops the process, as our own bugs must. */
static bool panics(void (*function)(void))
{
    pid_t child = fork();
    if (child == 0) {
        close(2);
        function();
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void state_moves_where_the_table_allows(void **state)
{
    (void)state;
    int now = STATE_TEST_NEW;
    state_move(&now, STATE_TEST_RUNNING, state_test_rules);
    state_move(&now, STATE_TEST_DONE, state_test_rules);
    assert_int_equal(now, STATE_TEST_DONE);
}

static void state_stops_at_a_forbidden_move(void **state)
{
    (void)state;
    assert_true(panics(state_test_back));
    assert_true(panics(state_test_stay));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(state_moves_where_the_table_allows),
        cmocka_unit_test(state_stops_at_a_forbidden_move),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

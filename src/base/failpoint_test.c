#include "base/failpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* How a process ends that reaches the places a and b. */
static int end_with(const char *setting)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        setenv("EIDER_FAILPOINT", setting, 1);
        FAILPOINT("a");
        FAILPOINT("b");
        _exit(3);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

/* The same with a twice. */
static int end_with_two(const char *setting)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        setenv("EIDER_FAILPOINT", setting, 1);
        FAILPOINT("a");
        FAILPOINT("a");
        _exit(3);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void failpoint_ends_the_process_where_it_is_named(void **state)
{
    (void)state;
    assert_true(WIFSIGNALED(end_with("b")) && WTERMSIG(end_with("b")) == SIGKILL);
    assert_true(WIFSIGNALED(end_with_two("a:2")));
}

static void failpoint_is_nothing_elsewhere(void **state)
{
    (void)state;
    static const char *const settings[] = {"", "c", "b:2", "b:0", "b:x"};
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
        assert_int_equal(WEXITSTATUS(end_with(settings[i])), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failpoint_ends_the_process_where_it_is_named),
        cmocka_unit_test(failpoint_is_nothing_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

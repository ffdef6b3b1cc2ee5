/* Memory: zeroed, never NULL, and stopping where a size overflows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

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

static void mem_overflow(void)
{
    mem_free(mem_array(SIZE_MAX / 2, 4));
}

static void mem_too_much(void)
{
    mem_free(mem_alloc(SIZE_MAX / 2));
}

static void mem_fine(void)
{
    mem_free(mem_alloc(1));
}

static void mem_is_zeroed_and_never_null(void **state)
{
    (void)state;
    char *text = mem_alloc(100);
    for (int i = 0; i < 100; i++)
        assert_int_equal(text[i], 0);
    text = mem_realloc(text, 1000);
    assert_int_equal(text[99], 0);
    mem_free(text);
    void *nothing = mem_alloc(0);
    assert_non_null(nothing);
    mem_free(nothing);
    mem_free(NULL);
}

static void mem_try_alloc_gives_null_for_the_impossible(void **state)
{
    (void)state;
    assert_null(mem_try_alloc(SIZE_MAX / 2));
}

static void mem_stops_the_process_when_a_size_overflows(void **state)
{
    (void)state;
    assert_true(panics(mem_overflow));
    assert_true(panics(mem_too_much));
    assert_false(panics(mem_fine));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mem_is_zeroed_and_never_null),
        cmocka_unit_test(mem_try_alloc_gives_null_for_the_impossible),
        cmocka_unit_test(mem_stops_the_process_when_a_size_overflows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

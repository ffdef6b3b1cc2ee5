/* What was seen lately: bounded, the longest unused goes first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "domain/tenant/recent.h"

static void recent_forgets_the_longest_unused(void **state)
{
    (void)state;
    struct recent recent;
    recent_init(&recent, 3, sizeof(int));
    *(int *)recent_need(&recent, S("a")) = 1;
    *(int *)recent_need(&recent, S("b")) = 2;
    *(int *)recent_need(&recent, S("c")) = 3;
    assert_int_equal(*(int *)recent_get(&recent, S("a")), 1);
    assert_int_equal(*(int *)recent_need(&recent, S("d")), 0);
    assert_null(recent_get(&recent, S("b")));
    assert_int_equal(*(int *)recent_need(&recent, S("a")), 1);
    recent_remove(&recent, S("a"));
    recent_remove(&recent, S("a"));
    assert_null(recent_get(&recent, S("a")));
    assert_int_equal(recent.entries.count, 2);
    assert_non_null(recent_need(&recent, S("")));
    recent_done(&recent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(recent_forgets_the_longest_unused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The growable array. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/vec.h"

static void vec_grows_and_keeps_its_items(void **state)
{
    (void)state;
    VEC(int) numbers = {0};
    for (int i = 0; i < 1000; i++)
        vec_push(&numbers, i);
    assert_int_equal(numbers.count, 1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(numbers.items[i], i);
    vec_clear(&numbers);
    assert_int_equal(numbers.count, 0);
    vec_done(&numbers);
    assert_null(numbers.items);
}

static void vec_removes_by_moving_the_last(void **state)
{
    (void)state;
    VEC(int) numbers = {0};
    for (int i = 0; i < 3; i++)
        vec_push(&numbers, i);
    vec_remove_unordered(&numbers, 0);
    assert_int_equal(numbers.count, 2);
    assert_int_equal(numbers.items[0], 2);
    vec_done(&numbers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vec_grows_and_keeps_its_items),
        cmocka_unit_test(vec_removes_by_moving_the_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

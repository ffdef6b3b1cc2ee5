/* Secrets compare in whole and are wiped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/secret.h"

static void secret_is_equal_to_itself_alone(void **state)
{
    (void)state;
    struct secret *secret = secret_new(S("hunter2"));
    assert_true(secret_equal(secret, S("hunter2")));
    assert_false(secret_equal(secret, S("hunter3")));
    assert_false(secret_equal(secret, S("hunter")));
    assert_false(secret_equal(secret, S("hunter22")));
    assert_false(secret_equal(secret, S("")));
    assert_true(str_equal(secret_reveal(secret), S("hunter2")));
    secret_free(&secret);
    assert_null(secret);
    secret_free(&secret);
}

static void secret_may_be_empty(void **state)
{
    (void)state;
    struct secret *secret = secret_new(S(""));
    assert_true(secret_equal(secret, S("")));
    assert_false(secret_equal(secret, S("\0")));
    secret_free(&secret);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secret_is_equal_to_itself_alone),
        cmocka_unit_test(secret_may_be_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

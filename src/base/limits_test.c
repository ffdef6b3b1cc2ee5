/* Limits: found by name, refused when negative, and named in the error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/limits.h"

static void limits_have_unique_names_and_units(void **state)
{
    (void)state;
    for (int i = 0; i < LIMIT_COUNT; i++) {
        assert_true(limits_get((enum limit)i) >= 0);
        assert_true(strlen(limits_unit((enum limit)i)) > 0);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(limits_name((enum limit)i), limits_name((enum limit)j));
    }
}

static void limits_are_set_by_name(void **state)
{
    (void)state;
    struct err err;
    int64_t before = limits_get(LIMIT_SQL);
    assert_true(limits_set(S("query.max_sql"), 77, &err));
    assert_int_equal(limits_get(LIMIT_SQL), 77);
    assert_true(limits_set(S("query.max_sql"), before, &err));
}

static void limits_refuse_unknown_names_and_negative_values(void **state)
{
    (void)state;
    struct err err;
    assert_false(limits_set(S("query.max"), 1, &err));
    assert_int_equal(err.code, ERR_INVALID);
    assert_string_equal(err.message, "unknown limit 'query.max'");
    assert_false(limits_set(S("query.max_sql"), -1, &err));
    assert_int_equal(err.code, ERR_INVALID);
}

static void limits_error_names_the_setting(void **state)
{
    (void)state;
    struct err err;
    assert_false(limits_err(LIMIT_SQL, &err));
    assert_int_equal(err.code, ERR_RESOURCE);
    assert_string_equal(err.message, "limit query.max_sql reached (1048576 bytes)");
    assert_non_null(strstr(err.hint, "query.max_sql"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_have_unique_names_and_units),
        cmocka_unit_test(limits_are_set_by_name),
        cmocka_unit_test(limits_refuse_unknown_names_and_negative_values),
        cmocka_unit_test(limits_error_names_the_setting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

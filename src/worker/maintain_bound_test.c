/* Values as bytes of manifests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "worker/maintain_bound.h"

static void values_become_iceberg_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *type, *value, *lower, *upper;
    } cases[] = {
        {"int", "5", "05000000", "05000000"},
        {"int", "-2", "feffffff", "feffffff"},
        {"date", "19000", "384a0000", "384a0000"},
        {"long", "-1", "ffffffffffffffff", "ffffffffffffffff"},
        {"timestamptz", "1", "0100000000000000", "0100000000000000"},
        {"float", "1.5", "0000c03f", "0000c03f"},
        {"double", "-0.5", "000000000000e0bf", "000000000000e0bf"},
        {"double", "nan", "", ""},
        {"string", "abc", "616263", "616263"},
        {"string", "", "", ""},
        {"string", "0123456789abcdefgh", "30313233343536373839616263646566", "30313233343536373839616263646567"},
        {"string", "0123456789abcd\xc3\xa4\xc3\xa4\xc3\xa4", "3031323334353637383961626364c3a4c3a4",
         "3031323334353637383961626365"},
        {"decimal(9,2)", "1.00", "", ""},
        {"int", "x", "", ""},
    };
    AUTO(arena) struct arena *arena = arena_new();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct str type = str_from(cases[i].type), value = str_from(cases[i].value);
        struct str lower = maintain_bound_hex(arena, type, value, false);
        struct str upper = maintain_bound_hex(arena, type, value, true);
        if (!str_equal(lower, str_from(cases[i].lower)) || !str_equal(upper, str_from(cases[i].upper)))
            fail_msg("%s %s: %.*s %.*s", cases[i].type, cases[i].value, STR_ARG(lower), STR_ARG(upper));
    }
}

static void nothing_is_known_of_what_is_not_there(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    assert_int_equal(maintain_bound_hex(arena, S("int"), (struct str){0}, false).len, 0);
    assert_null(maintain_bound_sql_type(S("uuid")));
    assert_string_equal(maintain_bound_sql_type(S("string")), "VARCHAR");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_become_iceberg_bytes),
        cmocka_unit_test(nothing_is_known_of_what_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/nearest.h"

static const char *const known[] = {"tenant", "table", "mode", NULL};

static void nearest_name_repairs_a_typing_error(void **state)
{
    (void)state;
    assert_string_equal(nearest_name(S("tennant"), known), "tenant");
    assert_string_equal(nearest_name(S("TABEL"), known), "table");
    assert_string_equal(nearest_name(S("mod"), known), "mode");
}

static void nearest_name_does_not_guess(void **state)
{
    (void)state;
    assert_null(nearest_name(S("warehouse"), known));
    assert_null(nearest_name(S(""), known));
    char text[NEAREST_NAME_MAX + 1];
    memset(text, 'x', sizeof(text));
    assert_null(nearest_name(str_bytes(text, sizeof(text)), known));
    const char *const none[] = {NULL};
    assert_null(nearest_name(S("tenant"), none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nearest_name_repairs_a_typing_error),
        cmocka_unit_test(nearest_name_does_not_guess),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Which statements may be dealt out in any order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "face/flight/run.h"

static void order_by_at_the_end_keeps_the_order(void **state)
{
    (void)state;
    static const char *const ordered[] = {
        "SELECT * FROM t ORDER BY i",
        "FROM t order\nBY ALL LIMIT 3",
        "SELECT 1 UNION SELECT 2 ORDER BY 1",
        "(SELECT * FROM t ORDER BY i)",
        "SELECT 'open",
        "",
    };
    static const char *const unordered[] = {
        "SELECT * FROM t",
        "SELECT row_number() OVER (ORDER BY i) FROM t -- ORDER BY",
        "SELECT * FROM (SELECT * FROM t ORDER BY i) WHERE x = 'ORDER BY'",
        "SELECT \"order\" FROM t",
    };
    for (size_t i = 0; i < sizeof(ordered) / sizeof(ordered[0]); i++)
        assert_false(flight_run_is_unordered(str_from(ordered[i])));
    for (size_t i = 0; i < sizeof(unordered) / sizeof(unordered[0]); i++)
        assert_true(flight_run_is_unordered(str_from(unordered[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_by_at_the_end_keeps_the_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/csv.h"

static void csv_quotes_where_it_must(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"plain text", "plain text"},     {"a,b", "\"a,b\""}, {"say \"x\"", "\"say \"\"x\"\"\""},
        {"two\nlines", "\"two\nlines\""}, {"\r", "\"\r\""},   {"", "\"\""},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        AUTO(buf) struct buf buf = {0};
        csv_append(&buf, str_from(pairs[i][0]));
        assert_true(str_equal(buf_str(&buf), str_from(pairs[i][1])));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(csv_quotes_where_it_must)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

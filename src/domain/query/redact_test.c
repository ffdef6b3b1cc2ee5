/* What lists and logs show of a statement. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "domain/query/redact.h"

static void assert_shown(const char *sql, const char *wanted)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct str shown = query_redact(arena, str_from(sql), 100);
    if (!str_equal(shown, str_from(wanted)))
        fail_msg("'%.*s' instead of '%s'", STR_ARG(shown), wanted);
}

static void what_a_secret_word_names_is_not_shown(void **state)
{
    (void)state;
    assert_shown("create secret s (type s3, secret 'abc')", "create secret s (type s3, secret '***')");
    assert_shown("select PassWord = 'x''y', 'z'", "select PassWord = '***', 'z'");
    assert_shown("select {'token': 'abc'}", "select {'token': '***'}");
    assert_shown("update t set \"api_key\" = $tag$abc$tag$ where a = 'b'",
                 "update t set \"api_key\" = '***' where a = 'b'");
    assert_shown("select f(password => 'abc')", "select f(password => '***')");
}

static void other_text_stays(void **state)
{
    (void)state;
    assert_shown("select 'pass' || 'word'", "select 'pass' || 'word'");
    assert_shown("select tokens from t where a = 'b' and c = 'd'", "select tokens from t where a = 'b' and c = 'd'");
    assert_shown("", "");
}

static void long_text_is_cut_at_a_character(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    assert_int_equal(query_redact(arena, S("select 'ä'"), 9).len, 8);
    assert_int_equal(query_redact(arena, S("select password p, q, 'ä'"), 24).len, 23);
    assert_int_equal(query_redact(arena, S("select 'not closed password"), 1000).len, 27);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_secret_word_names_is_not_shown),
        cmocka_unit_test(other_text_stays),
        cmocka_unit_test(long_text_is_cut_at_a_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The lexer's own facts; that it agrees with DuckDB's is the business of tests/gate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <cmocka.h>

#include "base/buf.h"
#include "domain/query/lexer.h"

/* Kinds as letters, w q s n p o, and e for an error. */
static void check(const char *text, const char *kinds)
{
    static const char letters[] = ".wqsnpoe";
    struct lexer lexer = {.text = str_from(text)};
    char found[64];
    size_t count = 0;
    for (;;) {
        struct lexer_token token = lexer_next(&lexer);
        if (token.kind == LEXER_END)
            break;
        assert_true(count < sizeof(found) - 1);
        found[count++] = letters[token.kind];
        if (token.kind == LEXER_ERROR) {
            assert_non_null(token.error);
            assert_int_equal(lexer_next(&lexer).kind, LEXER_END);
            break;
        }
        assert_true(token.len > 0 && token.start + token.len <= strlen(text));
    }
    found[count] = '\0';
    if (strcmp(found, kinds))
        fail_msg("%s: %s, not %s", text, found, kinds);
}

static void lexer_knows_names_and_strings(void **state)
{
    (void)state;
    check("select a, \"b\"\"c\" from t", "wwoqww");
    check("'it''s' E'a\\'b' $$ x' $$ $t$ $$ $t$ x'ff'", "sssss");
    check("'one'\n  'two' 'three'", "ss");
    check("'one' -- x\n 'two'", "s");
    check("\xC3\xA9t\xC3\xA9", "w");
}

static void lexer_knows_numbers_and_operators(void **state)
{
    (void)state;
    check("1 1.5 .5 1e5 1_000 1..2", "nnnnnnon");
    check("a->>'b' || c::int", "wosowow");
    check("a=-1", "woon");
    check("$1 ?2 ? $name", "ppoow");
}

static void lexer_skips_comments(void **state)
{
    (void)state;
    check("-- nothing", "");
    check("/* a /* b */ c */ 1 -- 2", "n");
    check("a+/* c */b", "wow");
}

static void lexer_refuses_what_has_no_end(void **state)
{
    (void)state;
    check("'a", "e");
    check("1 \"a", "ne");
    check("/* /* */", "e");
    check("$a$ $b$", "e");
    check("u&'x'", "e");
    check("E'\\u0041'", "e");
}

/* The sanitizers look at all of the haystack in each memmem, found early or not, which makes any search quadratic. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LEXING_GROWTH 1
#else
#define LEXING_GROWTH 16
#endif

/* Processor time for size bytes of the pattern. */
static double lexing_seconds(const char *pattern, size_t size)
{
    AUTO(buf) struct buf text = {0};
    while (buf_len(&text) < size)
        buf_append_str(&text, str_from(pattern));
    struct lexer lexer = {.text = buf_str(&text)};
    clock_t started = clock();
    struct lexer_token token = lexer_next(&lexer);
    while (token.kind != LEXER_END && token.kind != LEXER_ERROR)
        token = lexer_next(&lexer);
    return (double)(clock() - started) / CLOCKS_PER_SEC;
}

/* Linear costs as many times as much as there is text, quadratic the square of that: 256 times. */
static void lexer_is_linear(void **state)
{
    (void)state;
    static const char *const patterns[] = {"+", "'",    "''", "\"",  "/*",   "$a",     "$$",
                                           "-", "e'\\", "1_", "'\n", "--\n", "'a'\n--"};
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        const size_t size = 1 << 16;
        double once = lexing_seconds(patterns[i], size);
        assert_true(lexing_seconds(patterns[i], LEXING_GROWTH * size) < 4 * LEXING_GROWTH * once + 0.1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lexer_knows_names_and_strings),
        cmocka_unit_test(lexer_knows_numbers_and_operators),
        cmocka_unit_test(lexer_skips_comments),
        cmocka_unit_test(lexer_refuses_what_has_no_end),
        cmocka_unit_test(lexer_is_linear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

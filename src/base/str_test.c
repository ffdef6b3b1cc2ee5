/* Borrowed text: slices that stay inside, numbers that are whole, UTF-8 as RFC 3629 says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/str.h"

static int str_sign(int value)
{
    return (value > 0) - (value < 0);
}

static void str_compares(void **state)
{
    (void)state;
    assert_true(str_equal(S("abc"), S("abc")));
    assert_true(str_equal((struct str){NULL, 0}, S("")));
    assert_false(str_equal(S("abc"), S("ab")));
    assert_true(str_equal_nocase(S("CONTENT-Type"), S("content-type")));
    assert_false(str_equal_nocase(S("a"), S("ab")));
    assert_false(str_equal_nocase(S("["), S("{")));
    assert_int_equal(str_sign(str_compare(S("a"), S("ab"))), -1);
    assert_int_equal(str_sign(str_compare(S("b"), S("ab"))), 1);
    assert_int_equal(str_compare(S(""), S("")), 0);
    assert_int_equal(str_sign(str_compare(S("\xff"), S("a"))), 1);
}

static void str_slices_stay_inside(void **state)
{
    (void)state;
    assert_true(str_equal(str_slice(S("abcdef"), 2, 3), S("cde")));
    assert_true(str_equal(str_slice(S("abc"), 2, SIZE_MAX), S("c")));
    assert_int_equal(str_slice(S("abc"), 7, 1).len, 0);
    assert_int_equal(str_from_index(S("abc"), SIZE_MAX).len, 0);
    assert_int_equal(str_from_index((struct str){NULL, 0}, 0).len, 0);
    assert_true(str_starts_with(S("abc"), S("")));
    assert_true(str_starts_with(S("abc"), S("ab")));
    assert_false(str_starts_with(S("a"), S("ab")));
    assert_true(str_ends_with(S("abc"), S("bc")));
    assert_false(str_ends_with(S("c"), S("bc")));
}

static void str_finds(void **state)
{
    (void)state;
    assert_int_equal(str_find(S("hello"), S("l")), 2);
    assert_int_equal(str_find(S("hello"), S("z")), -1);
    assert_int_equal(str_find(S("hello"), S("")), 0);
    assert_int_equal(str_find((struct str){NULL, 0}, S("a")), -1);
    assert_int_equal(str_find_char(S("a\0b"), 'b'), 2);
    assert_int_equal(str_find_char((struct str){NULL, 0}, 'b'), -1);
}

static void str_trims_white_space_at_both_ends(void **state)
{
    (void)state;
    assert_true(str_equal(str_trim(S(" \t\r\n a b \v\f")), S("a b")));
    assert_int_equal(str_trim(S("   ")).len, 0);
    assert_int_equal(str_trim((struct str){NULL, 0}).len, 0);
}

static void str_splits_into_parts(void **state)
{
    (void)state;
    struct str rest = S("a,,b"), part;
    assert_true(str_split_next(&rest, ',', &part));
    assert_true(str_equal(part, S("a")));
    assert_true(str_split_next(&rest, ',', &part));
    assert_int_equal(part.len, 0);
    assert_true(str_split_next(&rest, ',', &part));
    assert_true(str_equal(part, S("b")));
    assert_false(str_split_next(&rest, ',', &part));
    rest = S("");
    assert_false(str_split_next(&rest, ',', &part));
}

static void str_reads_whole_integers_only(void **state)
{
    (void)state;
    int64_t value = 5;
    assert_true(str_to_i64(S("-9223372036854775808"), &value));
    assert_true(value == INT64_MIN);
    assert_true(str_to_i64(S("42"), &value));
    assert_int_equal(value, 42);
    static const char *const wrong[] = {"", " 1", "1 ", "1x", "x", "-", "9223372036854775808", "0x10", "1.5", "--1"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_false(str_to_i64(str_from(wrong[i]), &value));
    assert_false(str_to_i64(S("1\0"), &value));
    assert_false(str_to_i64(S("0000000000000000000000000000000000001"), &value));
    assert_int_equal(value, 42);
    uint64_t natural;
    assert_true(str_to_u64(S("18446744073709551615"), &natural));
    assert_true(natural == UINT64_MAX);
    assert_false(str_to_u64(S("-1"), &natural));
    assert_false(str_to_u64(S("18446744073709551616"), &natural));
    assert_false(str_to_u64(S("1e3"), &natural));
}

static void str_reads_decimal_numbers_only(void **state)
{
    (void)state;
    double value;
    assert_true(str_to_double(S("-1.5e3"), &value));
    assert_true(value == -1500);
    assert_true(str_to_double(S(".5"), &value));
    static const char *const wrong[] = {"", " 1", "1 ", "nan", "inf", "0x10", "1e999", "1.2.3", "e", "."};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_false(str_to_double(str_from(wrong[i]), &value));
}

static void str_copies_end_with_a_nul(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct str copy = str_copy(arena, S("abc"));
    assert_string_equal(copy.ptr, "abc");
    assert_string_equal(str_cstr(arena, S("abc")), "abc");
    assert_string_equal(str_cstr(arena, (struct str){NULL, 0}), "");
    assert_string_equal(str_format(arena, "%d/%s", 7, "x").ptr, "7/x");
    assert_string_equal(str_lower(arena, S("ABc-Z")).ptr, "abc-z");
}

static void str_utf8_is_what_rfc_3629_says(void **state)
{
    (void)state;
    static const struct str right[] = {{"", 0},
                                       {"plain ascii text", 16},
                                       {"\xc3\xa9", 2},
                                       {"\xe2\x82\xac", 3},
                                       {"\xf0\x9f\xa6\x86", 4},
                                       {"\xf4\x8f\xbf\xbf", 4},
                                       {"\xed\x9f\xbf", 3}};
    static const struct str wrong[] = {{"\x80", 1},
                                       {"\xc3", 1},
                                       {"\xc0\xaf", 2},
                                       {"\xc1\xbf", 2},
                                       {"\xe0\x80\xaf", 3},
                                       {"\xed\xa0\x80", 3},
                                       {"\xf0\x80\x80\xaf", 4},
                                       {"\xf4\x90\x80\x80", 4},
                                       {"\xf5\x80\x80\x80", 4},
                                       {"\xe2\x82", 2},
                                       {"\xf0\x9f\xa6", 3},
                                       {"\xff", 1},
                                       {"\xc3\x28", 2},
                                       {"\xe2\x28\xa1", 3}};
    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++)
        assert_true(str_is_utf8(right[i].ptr, right[i].len));
    for (size_t pad = 0; pad < 20; pad++) {
        for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
            char text[32];
            memset(text, 'a', sizeof(text));
            memcpy(text + pad, wrong[i].ptr, wrong[i].len);
            assert_false(str_is_utf8(text, pad + wrong[i].len));
            assert_false(str_is_utf8(text, sizeof(text)));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(str_compares),
        cmocka_unit_test(str_slices_stay_inside),
        cmocka_unit_test(str_finds),
        cmocka_unit_test(str_trims_white_space_at_both_ends),
        cmocka_unit_test(str_splits_into_parts),
        cmocka_unit_test(str_reads_whole_integers_only),
        cmocka_unit_test(str_reads_decimal_numbers_only),
        cmocka_unit_test(str_copies_end_with_a_nul),
        cmocka_unit_test(str_utf8_is_what_rfc_3629_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "platform/object/location.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static const char *normal(struct arena *arena, const char *text)
{
    struct str out;
    struct err error = {0};
    if (location_normal(arena, str_from(text), &out, &error))
        return out.ptr;
    assert_int_equal(error.code, ERR_INVALID);
    return "";
}

static void location_has_one_spelling(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"/a/b", "file:///a/b"},
        {"file:/a/b", "file:///a/b"},
        {"file:///a/b/", "file:///a/b"},
        {"file://localhost/a/b//", "file:///a/b"},
        {"s3://bucket/a/b/", "s3://bucket/a/b"},
        {"s3://bucket", "s3://bucket"},
        {"/a/b..c/.d", "file:///a/b..c/.d"},
        {"", ""},
        {"/", ""},
        {"a/b", ""},
        {"file:a", ""},
        {"file://host/a", ""},
        {"//host/a", ""},
        {"//localhost", ""},
        {"s3a://bucket/a", ""},
        {"http://a/b", ""},
        {"/a/../b", ""},
        {"/a/./b", ""},
        {"/a/..", ""},
        {"s3://bucket/../b", ""},
        {"/a\\b", ""},
        {"/a\x01", ""},
        {"/a\xff", ""},
    };
    AUTO(arena) struct arena *arena = arena_new();
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        assert_string_equal(normal(arena, pairs[i][0]), pairs[i][1]);
    char *large = arena_alloc(arena, 5000);
    memset(large, '/', 4000);
    assert_string_equal(normal(arena, large), "");
}

static void location_lies_below_its_root(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct err error;
    struct str root = S("file:///w/acme");
    assert_true(location_check(arena, root, S("/w/acme/t"), &error));
    assert_true(location_check(arena, root, S("file:/w/acme/a/b"), &error));
    assert_false(location_check(arena, root, S("/w/acme"), &error));
    assert_false(location_check(arena, root, S("/w/acme/"), &error));
    assert_false(location_check(arena, root, S("/w/acme2/t"), &error));
    assert_false(location_check(arena, root, S("/w/beta/t"), &error));
    assert_false(location_check(arena, root, S("s3://w/acme/t"), &error));
    assert_false(location_check(arena, root, S("/w/acme/../beta/t"), &error));
}

static void location_is_joined_of_plain_letters(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    assert_string_equal(location_join(arena, S("file:///w a"), S("a/b.c-1 \xc3\xa4%")).ptr, "file:///w a/a_b.c-1____");
    assert_string_equal(location_join(arena, S("s3://b"), S("..")).ptr, "s3://b/_.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(location_has_one_spelling),
        cmocka_unit_test(location_lies_below_its_root),
        cmocka_unit_test(location_is_joined_of_plain_letters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

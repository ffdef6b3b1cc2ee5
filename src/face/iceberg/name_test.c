/* Names, pages, entity tags and errors, without a server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "face/iceberg/iceberg_priv.h"

static int setup(void **state)
{
    *state = arena_new();
    return 0;
}

static int teardown(void **state)
{
    struct arena *arena = *state;
    arena_free(&arena);
    return 0;
}

static void namespaces_are_split_at_the_separator(void **state)
{
    struct catalog_namespace name;
    struct err err;
    assert_true(iceberg_split_namespace(*state,
                                        S("a\x1f"
                                          "b.c"),
                                        &name, &err));
    assert_int_equal(name.count, 2);
    assert_true(str_equal(name.levels[0], S("a")));
    assert_true(str_equal(name.levels[1], S("b.c")));
    const struct str bad[] = {S(""),
                              S("\x1f"),
                              S("a\x1f"),
                              S("\x1f"
                                "a"),
                              S("a\x1f\x1f"
                                "b"),
                              S("\xff")};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(iceberg_split_namespace(*state, bad[i], &name, &err));
}

static void namespaces_have_a_limit_of_levels(void **state)
{
    char text[2 * CATALOG_LEVELS_MAX + 1];
    struct catalog_namespace name;
    struct err err;
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = i % 2 ? '\x1f' : 'a';
    assert_true(iceberg_split_namespace(*state, str_bytes(text, 2 * CATALOG_LEVELS_MAX - 1), &name, &err));
    assert_int_equal(name.count, CATALOG_LEVELS_MAX);
    assert_false(iceberg_split_namespace(*state, str_bytes(text, sizeof(text)), &name, &err));
}

static const struct json *parse(void **state, const char *text)
{
    struct err err;
    const struct json *value = json_parse(*state, str_from(text), &err);
    assert_non_null(value);
    return value;
}

static void identifiers_of_a_body_are_checked(void **state)
{
    static const char *const bad[] = {
        "{}",
        "{\"t\": null}",
        "{\"t\": []}",
        "{\"t\": {\"name\": \"a\"}}",
        "{\"t\": {\"namespace\": [], \"name\": \"a\"}}",
        "{\"t\": {\"namespace\": [\"\"], \"name\": \"a\"}}",
        "{\"t\": {\"namespace\": [1], \"name\": \"a\"}}",
        "{\"t\": {\"namespace\": \"n\", \"name\": \"a\"}}",
        "{\"t\": {\"namespace\": [\"a\\u001fb\"], \"name\": \"a\"}}",
        "{\"t\": {\"namespace\": [\"n\"]}}",
        "{\"t\": {\"namespace\": [\"n\"], \"name\": 1}}",
    };
    struct catalog_name name;
    struct err err;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(iceberg_parse_identifier(*state, parse(state, bad[i]), "t", &name, &err));
    const struct json *good = parse(state, "{\"t\": {\"namespace\": [\"n\", \"m\"], \"name\": \"a\"}}");
    assert_true(iceberg_parse_identifier(*state, good, "t", &name, &err));
    assert_int_equal(name.in.count, 2);
    assert_true(str_equal(name.name, S("a")));
}

static void pairs_are_texts(void **state)
{
    struct catalog_pair *pairs;
    size_t count;
    struct err err;
    assert_true(iceberg_parse_pairs(*state, parse(state, "{}"), "p", &pairs, &count, &err));
    assert_int_equal(count, 0);
    assert_true(iceberg_parse_pairs(*state, parse(state, "{\"p\": {\"a\": \"b\"}}"), "p", &pairs, &count, &err));
    assert_int_equal(count, 1);
    assert_false(iceberg_parse_pairs(*state, parse(state, "{\"p\": {\"a\": 1}}"), "p", &pairs, &count, &err));
    assert_false(iceberg_parse_pairs(*state, parse(state, "{\"p\": []}"), "p", &pairs, &count, &err));
}

static void entity_tags_lose_their_quotes(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", ""},   {"*", ""}, {"\"a\"", "a"}, {" W/\"a-1\" ", "a-1"}, {"\"a\", \"b\"", "a"},
        {"\"", ""}, {"a", ""}, {"\"\"", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_true(str_equal(iceberg_parse_etag(str_from(cases[i][0])), str_from(cases[i][1])));
}

static void pages_begin_with_an_empty_token(void **state)
{
    struct catalog_page page;
    struct err err;
    assert_true(iceberg_parse_page(*state, S(""), &page, &err));
    assert_true(page.all);
    assert_true(iceberg_parse_page(*state, S("pageToken="), &page, &err));
    assert_false(page.all);
    assert_int_equal(page.token.len, 0);
    assert_int_equal(page.size, 0);
    assert_true(iceberg_parse_page(*state, S("pageSize=7&pageToken=a%20b"), &page, &err));
    assert_int_equal(page.size, 7);
    assert_true(str_equal(page.token, S("a b")));
    static const char *const bad[] = {"pageSize=0", "pageSize=", "pageSize=-1", "pageSize=x", "pageSize=1e3"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(iceberg_parse_page(*state, str_from(bad[i]), &page, &err));
}

static void errors_have_the_envelope_of_the_specification(void **state)
{
    struct err err;
    err_set(&err, ERR_CONFLICT, "say \"no\"");
    AUTO(buf) struct buf buf = {0};
    iceberg_error_encode(&buf, iceberg_error_of_problem(CATALOG_COMMIT_FAILED), iceberg_error_text(*state, &err));
    assert_true(str_equal(buf_str(&buf), S("{\"error\":{\"message\":\"say \\\"no\\\"\",\"type\":"
                                           "\"CommitFailedException\",\"code\":409,\"stack\":[]}}")));
    err_hint(&err, "ask again");
    assert_true(str_equal(iceberg_error_text(*state, &err), S("say \"no\" (ask again)")));
}

static void every_problem_has_an_error(void **state)
{
    (void)state;
    for (int problem = CATALOG_BAD_REQUEST; problem <= CATALOG_FAILED; problem++) {
        struct iceberg_error error = iceberg_error_of_problem((enum catalog_problem)problem);
        assert_true(error.status >= 400 && error.type);
        assert_int_equal(error.status == 500, problem == CATALOG_FAILED);
    }
    for (int code = ERR_CANCELLED; code <= ERR_UNAUTHENTICATED; code++)
        assert_true(iceberg_error_of((enum err_code)code).status >= 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(namespaces_are_split_at_the_separator, setup, teardown),
        cmocka_unit_test_setup_teardown(namespaces_have_a_limit_of_levels, setup, teardown),
        cmocka_unit_test_setup_teardown(identifiers_of_a_body_are_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(pairs_are_texts, setup, teardown),
        cmocka_unit_test(entity_tags_lose_their_quotes),
        cmocka_unit_test_setup_teardown(pages_begin_with_an_empty_token, setup, teardown),
        cmocka_unit_test_setup_teardown(errors_have_the_envelope_of_the_specification, setup, teardown),
        cmocka_unit_test(every_problem_has_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

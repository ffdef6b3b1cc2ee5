/* YAML: what is read, and that what configuration does not need is refused with its line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "platform/yaml/yaml.h"

static const struct yaml *parse(struct arena *arena, const char *text)
{
    struct err err = {0};
    const struct yaml *value = yaml_parse(arena, str_from(text), &err);
    if (!value)
        fail_msg("%s: %s", text, err.message);
    return value;
}

static void yaml_reads_maps_lists_and_texts_with_lines(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    const struct yaml *doc =
        parse(arena, "# a comment\nlisten: 127.0.0.1:8815\nhosts:\n  - a\n  - 'b c'\nlimits: {x: 64MiB}\nnone:\n");
    assert_int_equal(yaml_kind(doc), YAML_MAP);
    assert_int_equal(yaml_count(doc), 4);
    assert_true(str_equal(yaml_text(yaml_get(doc, "listen")), S("127.0.0.1:8815")));
    const struct yaml *hosts = yaml_get(doc, "hosts");
    assert_int_equal(yaml_kind(hosts), YAML_LIST);
    assert_int_equal(yaml_count(hosts), 2);
    assert_true(str_equal(yaml_text(yaml_at(hosts, 1)), S("b c")));
    assert_int_equal(yaml_line(yaml_at(hosts, 1)), 5);
    assert_int_equal(yaml_key_line(doc, 2), 6);
    assert_true(str_equal(yaml_key_at(doc, 2), S("limits")));
    assert_int_equal(yaml_kind(yaml_get(doc, "none")), YAML_EMPTY);
    assert_null(yaml_get(doc, "other"));
    assert_null(yaml_get(hosts, "a"));
    assert_null(yaml_get(NULL, "a"));
    assert_int_equal(yaml_kind(parse(arena, "")), YAML_EMPTY);
    assert_int_equal(yaml_kind(parse(arena, "# nothing\n")), YAML_EMPTY);
    assert_int_equal(yaml_kind(parse(arena, "'null'")), YAML_TEXT);
}

static void yaml_refuses_what_configuration_does_not_need(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"a: &x 1\nb: *x", "line 1, column 4: anchors"},
        {"a: 1\nb: *x", "line 2, column 4: anchors"},
        {"a: !!int 1", "tags"},
        {"a: 1\n---\nb: 2", "second document"},
        {"a: 1\nb: 2\na: 3", "line 3, column 1: this key was there before"},
        {"{a: 1}: 2", "key must be a text"},
        {"a: [1", "line"},
        {"a:\n\t- 1", "line 2"},
        {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", "nested too deeply"},
        {"a: \xff", "line"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        AUTO(arena) struct arena *arena = arena_new();
        struct err err = {0};
        assert_null(yaml_parse(arena, str_from(cases[i].text), &err));
        assert_int_equal(err.code, ERR_INVALID);
        if (!strstr(err.message, cases[i].why))
            fail_msg("%s: %s", cases[i].text, err.message);
    }
}

static void yaml_unknown_keys_name_line_and_nearest(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    static const char *const keys[] = {"listen", "data", NULL};
    struct err err = {0};
    assert_true(yaml_only_keys(parse(arena, "data: x"), keys, &err));
    assert_false(yaml_only_keys(parse(arena, "data: x\nlisen: y"), keys, &err));
    assert_string_equal(err.message, "line 2: unknown key 'lisen'");
    assert_string_equal(err.hint, "did you mean 'listen'?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(yaml_reads_maps_lists_and_texts_with_lines),
        cmocka_unit_test(yaml_refuses_what_configuration_does_not_need),
        cmocka_unit_test(yaml_unknown_keys_name_line_and_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

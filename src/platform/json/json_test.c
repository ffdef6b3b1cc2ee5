/* JSON: what is read, what is refused and how the refusal reads, and that what is written reads back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>

#include "base/limits.h"
#include "platform/json/json.h"

static const struct json *parse(struct arena *arena, const char *text)
{
    struct err err = {0};
    const struct json *value = json_parse(arena, str_from(text), &err);
    if (!value)
        fail_msg("%s: %s", text, err.message);
    return value;
}

static void json_reads_every_kind(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    const struct json *doc =
        parse(arena, "{\"a\":[1,-2.5,\"x\\u00e9\",true,null],\"b\":{},\"big\":9223372036854775807}");
    assert_int_equal(json_kind(doc), JSON_OBJECT);
    assert_int_equal(json_count(doc), 3);
    assert_true(str_equal(json_key_at(doc, 1), S("b")));
    const struct json *a = json_get(doc, "a");
    assert_int_equal(json_count(a), 5);
    assert_int_equal(json_i64(json_at(a, 0)), 1);
    assert_true(fabs(json_double(json_at(a, 0)) - 1) < 1e-9);
    assert_true(fabs(json_double(json_at(a, 1)) + 2.5) < 1e-9);
    assert_true(str_equal(json_text(json_at(a, 2)), S("x\xC3\xA9")));
    assert_true(json_bool(json_at(a, 3)));
    assert_int_equal(json_kind(json_at(a, 4)), JSON_NULL);
    assert_true(json_i64(json_get(doc, "big")) == INT64_MAX);
    assert_null(json_get(doc, "c"));
    assert_null(json_get(NULL, "c"));
    assert_int_equal(json_kind(parse(arena, " 3 ")), JSON_I64);
}

static void json_refuses_what_is_not_one_value(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "{",
        "{\"a\":1,\"a\":2}",
        "[1,]",
        "[1] 2",
        "\"\xff\"",
        "\"\\ud800\"",
        "nul",
        "01",
        "[1e]",
        "'a'",
        "{a:1}",
        "\"\\u0000\"",
        "99999999999999999999",
        "\"a\nb\"",
        "1e999",
        "-",
        "1.",
        "1e+",
        "[1 2]",
        "{\"a\" 1}",
        "{\"a\":1,}",
        "{\"a\":}",
        "\"\\ud800\\u0041\"",
        "\"\\udc00\"",
        "\"\\u12g4\"",
        "\"\\x\"",
        "\"abc",
        "\"abc\\",
        "tru",
        "falsey",
        "-9223372036854775809",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        AUTO(arena) struct arena *arena = arena_new();
        struct err err = {0};
        assert_null(json_parse(arena, str_from(bad[i]), &err));
        assert_int_equal(err.code, ERR_INVALID);
        assert_non_null(strstr(err.message, "line 1"));
        assert_null(strchr(err.message, '\n'));
    }
}

static void json_depth_is_limited_by_name(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    char text[4096];
    size_t depth = (size_t)limits_get(LIMIT_JSON_DEPTH);
    struct err err = {0};
    for (size_t i = 0; i < depth; i++) {
        text[i] = '[';
        text[2 * depth - 1 - i] = ']';
    }
    assert_non_null(json_parse(arena, str_bytes(text, 2 * depth), &err));
    memset(text, '[', sizeof(text));
    assert_null(json_parse(arena, str_bytes(text, sizeof(text)), &err));
    assert_non_null(strstr(err.hint, "json.max_depth"));
    assert_non_null(strstr(err.message, "column 65"));
    memcpy(text, "\"\\\"", 3);
    text[sizeof(text) - 1] = '"';
    assert_non_null(json_parse(arena, str_bytes(text, sizeof(text)), &err));
}

static void json_texts_are_decoded(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    const struct json *doc = parse(arena, "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\",\"\\u00e9\\u20AC\\ud83d\\ude00z\",\"\"]");
    assert_true(str_equal(json_text(json_at(doc, 0)), S("\"\\/\b\f\n\r\t")));
    assert_true(str_equal(json_text(json_at(doc, 1)), S("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z")));
    assert_int_equal(json_text(json_at(doc, 2)).len, 0);
    assert_string_equal(json_text(json_at(doc, 1)).ptr, "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z");
}

static void json_errors_name_the_place(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct err err = {0};
    assert_null(json_parse(arena, S("{\n \"a\": 1,\n \"b\": x}"), &err));
    assert_string_equal(err.message, "not valid JSON at line 3, column 7: invalid token near 'x'");
    assert_null(json_parse(arena, S("[\"\\u00e9\", \"\\q\"]"), &err));
    assert_string_equal(err.message, "not valid JSON at line 1, column 14: invalid escape near '\"\\q'");
}

static void json_a_key_twice_is_found_in_large_objects(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    AUTO(buf) struct buf buf = {0};
    struct err err = {0};
    for (int i = 0; i < 100; i++)
        buf_printf(&buf, "%c\"k%d\":%d", i ? ',' : '{', i, i);
    buf_append_str(&buf, S(",\"k100\":0}"));
    const struct json *doc = json_parse(arena, buf_str(&buf), &err);
    assert_int_equal(json_count(doc), 101);
    assert_int_equal(json_i64(json_get(doc, "k99")), 99);
    buf.end--;
    buf_append_str(&buf, S(",\"k50\":0}"));
    assert_null(json_parse(arena, buf_str(&buf), &err));
    assert_non_null(strstr(err.message, "duplicate object key"));
}

static void json_values_are_compared(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    static const char *const values[] = {"null",
                                         "true",
                                         "false",
                                         "1",
                                         "2",
                                         "1.5",
                                         "\"1\"",
                                         "[]",
                                         "[1]",
                                         "{}",
                                         "{\"a\":1,\"b\":[2]}",
                                         "{\"a\":1,\"c\":[2]}"};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        for (size_t k = 0; k < sizeof(values) / sizeof(values[0]); k++)
            assert_int_equal(json_is_equal(parse(arena, values[i]), parse(arena, values[k])), i == k);
    }
    assert_true(json_is_equal(parse(arena, "{\"a\":1,\"b\":[2]}"), parse(arena, "{\"b\":[2],\"a\":1}")));
    assert_true(json_is_equal(NULL, parse(arena, "null")));
}

static void json_values_are_written_as_they_were(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    static const char *const values[] = {
        "{\"z\":[1,-9223372036854775808,9223372036854775807],\"a\":{\"b\":null,\"c\":true,\"d\":false}}",
        "[1.0,-0.0,0.1,1e+300,123456789.0,-2.5]",
        "\"a long text with \\\"quotes\\\", \\\\ and \xC3\xA9 and \\u0001 in it\"",
        "{}",
        "[]",
    };
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        AUTO(buf) struct buf buf = {0};
        struct json_writer writer = {.buf = &buf};
        json_write_value(&writer, NULL, parse(arena, values[i]));
        buf_append_char(&buf, 0);
        assert_string_equal((const char *)buf.ptr, values[i]);
    }
}

static void json_unknown_keys_name_the_nearest(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    static const char *const keys[] = {"sql", "tenant", "parameters", NULL};
    struct err err = {0};
    assert_true(json_only_keys(parse(arena, "{\"sql\":1,\"tenant\":2}"), keys, &err));
    assert_false(json_only_keys(parse(arena, "{\"sql\":1,\"tennant\":2}"), keys, &err));
    assert_string_equal(err.message, "unknown key 'tennant'");
    assert_string_equal(err.hint, "did you mean 'tenant'?");
    err = (struct err){0};
    assert_false(json_only_keys(parse(arena, "{\"zzzzzz\":2}"), keys, &err));
    assert_string_equal(err.hint, "");
    assert_false(json_only_keys(parse(arena, "[]"), keys, &err));
    struct str text;
    assert_true(json_get_text(parse(arena, "{}"), "sql", &text, &err));
    assert_int_equal(text.len, 0);
    assert_false(json_get_text(parse(arena, "{\"sql\":1}"), "sql", &text, &err));
    assert_string_equal(err.message, "'sql' must be a text");
}

static void json_written_reads_back(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    AUTO(buf) struct buf buf = {0};
    struct json_writer writer = {.buf = &buf};
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "text", S("a\"\\\n\x01\xC3\xA9\xff"));
    json_begin_array(&writer, "list");
    json_write_i64(&writer, NULL, INT64_MIN);
    json_write_double(&writer, NULL, 0.1);
    json_write_double(&writer, NULL, NAN);
    json_begin_object(&writer, NULL);
    json_end_object(&writer);
    json_end_array(&writer);
    json_write_bool(&writer, "yes", true);
    json_write_null(&writer, "nothing");
    json_end_object(&writer);
    assert_true(str_equal(buf_str(&buf),
                          S("{\"text\":\"a\\\"\\\\\\n\\u0001\xC3\xA9\xEF\xBF\xBD\",\"list\":[-9223372036854775808,"
                            "0.1,null,{}],\"yes\":true,\"nothing\":null}")));
    struct err err = {0};
    assert_non_null(json_parse(arena, buf_str(&buf), &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_reads_every_kind),
        cmocka_unit_test(json_refuses_what_is_not_one_value),
        cmocka_unit_test(json_depth_is_limited_by_name),
        cmocka_unit_test(json_unknown_keys_name_the_nearest),
        cmocka_unit_test(json_written_reads_back),
        cmocka_unit_test(json_texts_are_decoded),
        cmocka_unit_test(json_errors_name_the_place),
        cmocka_unit_test(json_values_are_compared),
        cmocka_unit_test(json_values_are_written_as_they_were),
        cmocka_unit_test(json_a_key_twice_is_found_in_large_objects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

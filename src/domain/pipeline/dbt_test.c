/* What dbt says and leaves behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/log.h"
#include "domain/pipeline/dbt.h"
#include "platform/json/json.h"

#define NODE(kind, name, schema, how)                                                                            \
    "{\"resource_type\": \"" kind "\", \"name\": \"" name "\", \"alias\": \"" name "\", \"database\": \"dbt\", " \
    "\"schema\": \"" schema "\", \"config\": {\"materialized\": \"" how "\"}}"

static const char manifest[] = "{\"nodes\": {\"model.a\": " NODE("model", "a", "main", "table") ", \"model.v\": " NODE(
    "model", "v", "main",
    "view") ", \"model.e\": " NODE("model", "e", "main",
                                   "ephemeral") ", \"test.t\": " NODE("test", "t", "main",
                                                                      "test") ", \"model.A\": " NODE("model", "A",
                                                                                                     "other",
                                                                                                     "table") "}, "
                                                                                                              "\"source"
                                                                                                              "s\": "
                                                                                                              "{\"sourc"
                                                                                                              "e.s\": "
                                                                                                              "{\"ident"
                                                                                                              "ifier\":"
                                                                                                              " \"s\"}}"
                                                                                                              ", "
                                                                                                              "\"parent"
                                                                                                              "_map\": "
                                                                                                              "{\"model"
                                                                                                              ".a\": "
                                                                                                              "[\"sourc"
                                                                                                              "e.s\"], "
                                                                                                              "\"model."
                                                                                                              "v\": "
                                                                                                              "[\"model"
                                                                                                              ".a\", "
                                                                                                              "\"macro."
                                                                                                              "x\"], "
                                                                                                              "\"test."
                                                                                                              "t\": "
                                                                                                              "[\"model"
                                                                                                              ".a\"]}}";

static struct dbt_results read_results(struct arena *arena, const char *results)
{
    struct dbt_results found;
    struct err error;
    if (!dbt_results_parse(str_from(manifest), str_from(results), arena, &found, &error))
        fail_msg("%s", error.message);
    return found;
}

static void models_become_tables_and_tests_are_told(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct dbt_results results = read_results(
        arena,
        "{\"results\": [{\"unique_id\": \"model.a\", \"status\": \"success\", \"execution_time\": 0.5},"
        "{\"unique_id\": \"model.v\", \"status\": \"success\"}, {\"unique_id\": \"model.e\", \"status\": \"success\"},"
        "{\"unique_id\": \"test.t\", \"status\": \"warn\"}, {\"unique_id\": \"operation.x\", \"status\": "
        "\"success\"}]}");
    assert_int_equal(results.node_count, 4);
    assert_true(results.nodes[0].is_table && results.nodes[1].is_table && !results.nodes[2].is_table);
    assert_int_equal(results.nodes[3].outcome, DBT_WARNED);
    assert_null(dbt_results_failure(&results));
    assert_false(results.keeps);
    assert_int_equal(results.edge_count, 2);
    AUTO(buf) struct buf report = {0};
    struct json_writer writer = {.buf = &report};
    dbt_results_write(&results, &writer);
    assert_true(
        str_find(buf_str(&report), S("\"edges\":[{\"from\":\"s\",\"to\":\"a\"},{\"from\":\"a\",\"to\":\"v\"}]")) > 0);
}

static void the_first_failure_is_found_and_unknown_words_are_failures(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct dbt_results results =
        read_results(arena, "{\"results\": [{\"unique_id\": \"model.a\", \"status\": \"skipped\"},"
                            "{\"unique_id\": \"model.v\", \"status\": \"exploded\", \"message\": \"why\"}, "
                            "{\"unique_id\": \"test.t\", \"status\": \"fail\"}]}");
    const struct dbt_node *failed = dbt_results_failure(&results);
    assert_non_null(failed);
    assert_true(str_equal(failed->name, S("v")) && str_equal(failed->message, S("why")));
    assert_false(results.nodes[0].is_table);
}

static void bad_files_are_errors_that_name_them(void **state)
{
    (void)state;
    static const struct {
        const char *manifest, *results, *says;
    } cases[] = {
        {"", "{}", "manifest.json"},
        {"{}", "{}", "no nodes"},
        {manifest, "[", "run_results.json"},
        {manifest, "{\"results\": 7}", "no results"},
        {manifest,
         "{\"results\": [{\"unique_id\": \"model.a\", \"status\": \"success\"}, {\"unique_id\": \"model.A\", "
         "\"status\": \"success\"}]}",
         "two tables 'A'"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        AUTO(arena) struct arena *arena = arena_new();
        struct dbt_results ignored;
        struct err error;
        assert_false(
            dbt_results_parse(str_from(cases[i].manifest), str_from(cases[i].results), arena, &ignored, &error));
        assert_non_null(strstr(error.message, cases[i].says));
    }
}

static void lines_have_a_level_and_what_is_no_json_is_a_text(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct dbt_line line;
    dbt_line_parse(S("{\"info\": {\"level\": \"error\", \"name\": \"RunResultError\", \"msg\": \"  no table \"}}"),
                   arena, &line);
    assert_int_equal(line.level, LOG_ERROR);
    assert_true(line.is_failure && str_equal(line.text, S("no table")));
    dbt_line_parse(S("{\"info\": {\"level\": \"info\", \"name\": \"Formatting\", \"msg\": \"\"}}"), arena, &line);
    assert_int_equal(line.text.len, 0);
    dbt_line_parse(S("Traceback"), arena, &line);
    assert_true(line.level == LOG_INFO && !line.is_failure && str_equal(line.text, S("Traceback")));
    dbt_line_parse(S("{\"other\": 1}"), arena, &line);
    assert_true(str_equal(line.text, S("{\"other\": 1}")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(models_become_tables_and_tests_are_told),
        cmocka_unit_test(the_first_failure_is_found_and_unknown_words_are_failures),
        cmocka_unit_test(bad_files_are_errors_that_name_them),
        cmocka_unit_test(lines_have_a_level_and_what_is_no_json_is_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

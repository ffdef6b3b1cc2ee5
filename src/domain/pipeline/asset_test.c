/* Assets: what properties become, what is refused and where, and that the reference has all of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "domain/pipeline/asset_property.h"

struct parsed {
    struct arena *arena;
    struct asset_problems problems;
    const struct asset *asset;
};

static struct parsed parse(const char *path, const char *text)
{
    struct parsed parsed = {.arena = arena_new()};
    parsed.problems.arena = parsed.arena;
    parsed.asset = asset_parse(parsed.arena, str_from(path), str_from(text), &parsed.problems);
    return parsed;
}

static void parsed_done(struct parsed *parsed)
{
    vec_done(&parsed->problems.list);
    arena_free(&parsed->arena);
}

static struct parsed parse_good(const char *path, const char *text)
{
    struct parsed parsed = parse(path, text);
    if (!parsed.asset)
        fail_msg("%s: line %d: %.*s", text, parsed.problems.list.items[0].line,
                 STR_ARG(parsed.problems.list.items[0].message));
    assert_int_equal(parsed.problems.list.count, 0);
    return parsed;
}

#define ASSERT_STR(value, expected) assert_string_equal(str_cstr(parsed.arena, (value)), (expected))

static void asset_without_properties_is_a_table(void **state)
{
    (void)state;
    struct parsed parsed = parse_good("pipelines/trans/orders.sql", "-- a note\nSELECT 1\n");
    const struct asset *asset = parsed.asset;
    ASSERT_STR(asset->name, "orders");
    ASSERT_STR(asset->group, "trans");
    ASSERT_STR(asset->text, "-- a note\nSELECT 1\n");
    assert_int_equal(asset->kind, ASSET_SQL);
    assert_int_equal(asset->materialize, ASSET_TABLE);
    assert_int_equal(asset->digest.len, 64);
    assert_int_equal(asset->retries.on, 0); /* the project's are meant */
    assert_null(asset->schedule);
    assert_int_equal(asset->properties_line, 0);
    parsed_done(&parsed);
    parsed = parse_good("pipelines/orders.sql", "SELECT 1");
    assert_int_equal(parsed.asset->group.len, 0);
    parsed_done(&parsed);
}

static void asset_has_every_property(void **state)
{
    (void)state;
    struct parsed parsed = parse_good(
        "pipelines/a/b/orders.sql",
        "-- licence\n/* eider\nmaterialize: incremental\nstrategy: merge\nunique_key: [id, at]\nwatermark: at\n"
        "partition_by: {hour: at, start: 2026-01-01T05}\ndepends_on: customers\nconnection: shop\n"
        "schedule: {cron: '0 6 * * 1-5', zone: UTC, catch_up: all, overlap: cancel, jitter: 1m, paused: true}\n"
        "retries: {max: 3, delay: 500ms, backoff: exponential, cap: 1m, jitter: 0.25, on: [source, unavailable]}\n"
        "timeout: 1h30m\nfreshness: 1d\nexport: [data/final/x.csv, {path: data/processed/y, format: arrow}]\n"
        "owner: ann\ndescription: all orders\ngroup: facts\ntags: [daily, shop]\n*/ SELECT 1");
    const struct asset *asset = parsed.asset;
    assert_int_equal(asset->properties_line, 2);
    assert_int_equal(asset->materialize, ASSET_INCREMENTAL);
    assert_int_equal(asset->strategy, ASSET_MERGE);
    assert_int_equal(asset->unique_key_count, 2);
    ASSERT_STR(asset->unique_key[1], "at");
    ASSERT_STR(asset->watermark, "at");
    assert_int_equal(asset->partition.kind, ASSET_BY_HOUR);
    assert_int_equal(asset->partition.start_us, INT64_C(1767243600) * CLOCK_SECOND);
    ASSERT_STR(asset->depends_on[0], "customers");
    ASSERT_STR(asset->connection, "shop");
    ASSERT_STR(asset->schedule->cron, "0 6 * * 1-5");
    assert_int_equal(asset->schedule->catch_up, ASSET_CATCH_UP_ALL);
    assert_int_equal(asset->schedule->overlap, ASSET_OVERLAP_CANCEL);
    assert_int_equal(asset->schedule->jitter_us, 60 * CLOCK_SECOND);
    assert_true(asset->schedule->paused);
    assert_int_equal(asset->schedule->line, 10);
    assert_int_equal(asset->retries.max, 3);
    assert_int_equal(asset->retries.delay_us, CLOCK_SECOND / 2);
    assert_int_equal(asset->retries.backoff, ASSET_EXPONENTIAL);
    assert_int_equal(asset->retries.cap_us, 60 * CLOCK_SECOND);
    assert_true(asset->retries.jitter > 0.24 && asset->retries.jitter < 0.26);
    assert_int_equal(asset->retries.on, ASSET_FAILS_SOURCE | ASSET_FAILS_UNAVAILABLE);
    assert_int_equal(asset->timeout_us, 5400 * CLOCK_SECOND);
    assert_int_equal(asset->max_age_us, 86400 * CLOCK_SECOND);
    assert_int_equal(asset->export_count, 2);
    assert_int_equal(asset->exports[0].format, ASSET_CSV);
    assert_int_equal(asset->exports[1].format, ASSET_ARROW);
    ASSERT_STR(asset->exports[1].path, "data/processed/y");
    ASSERT_STR(asset->owner, "ann");
    ASSERT_STR(asset->description, "all orders");
    ASSERT_STR(asset->group, "facts");
    assert_int_equal(asset->tag_count, 2);
    parsed_done(&parsed);
}

static void asset_properties_have_short_forms(void **state)
{
    (void)state;
    struct parsed parsed =
        parse_good("pipelines/a.sql", "/* eider\nretries: 3\nschedule: 5m\nexport: data/final/x.jsonl\n"
                                      "freshness: {max_age: 90}\ntags: a\n*/\nSELECT 1");
    assert_int_equal(parsed.asset->retries.max, 3);
    assert_int_equal(parsed.asset->retries.delay_us, 10 * CLOCK_SECOND);
    assert_int_equal(parsed.asset->retries.on, ASSET_FAILS_ANY);
    assert_int_equal(parsed.asset->schedule->every_us, 300 * CLOCK_SECOND);
    assert_int_equal(parsed.asset->schedule->cron.len, 0);
    assert_int_equal(parsed.asset->exports[0].format, ASSET_JSON);
    assert_int_equal(parsed.asset->max_age_us, 90 * CLOCK_SECOND);
    parsed_done(&parsed);
    parsed = parse_good("pipelines/a.sql", "/* eider\nschedule: '@daily'\n*/ SELECT 1");
    ASSERT_STR(parsed.asset->schedule->cron, "@daily");
    assert_int_equal(parsed.asset->schedule->catch_up, ASSET_CATCH_UP_LAST);
    parsed_done(&parsed);
    parsed = parse_good("pipelines/a.sql", "/* eider\nafter: [b, c]\n*/ SELECT 1");
    assert_int_equal(parsed.asset->schedule->after_count, 2);
    parsed_done(&parsed);
    parsed = parse_good("pipelines/a.sql", "/* eider\nmaterialize: incremental\nunique_key: id\n*/ SELECT 1");
    assert_int_equal(parsed.asset->strategy, ASSET_DELETE_INSERT);
    parsed_done(&parsed);
    parsed = parse_good("pipelines/a.sql", "/* eider materialize: incremental */ SELECT 1");
    assert_int_equal(parsed.asset->strategy, ASSET_APPEND);
    parsed_done(&parsed);
}

/* "data/source/" and a star begin a comment inside the comment, to DuckDB. */
static void asset_text_keeps_its_places(void **state)
{
    (void)state;
    const char *file = "/* eider\non_file: data/source/*/a*.csv\nowner: \xc3\xa4nn */ SELECT a\nFROM b\n";
    struct parsed parsed = parse_good("pipelines/a.sql", file);
    ASSERT_STR(parsed.asset->schedule->on_file, "data/source/*/a*.csv");
    assert_int_equal(parsed.asset->schedule->stable_us, 2 * CLOCK_SECOND);
    ASSERT_STR(parsed.asset->source, file);
    assert_int_equal(parsed.asset->text.len, strlen(file));
    assert_int_equal(str_find(parsed.asset->text, S("SELECT")), str_find(parsed.asset->source, S("SELECT")));
    assert_int_equal(str_find_char(parsed.asset->text, '\n'), str_find_char(parsed.asset->source, '\n'));
    assert_int_equal(str_find(parsed.asset->text, S("/*")), -1);
    parsed_done(&parsed);
}

static void asset_tests_are_of_columns_and_of_all(void **state)
{
    (void)state;
    struct parsed parsed = parse_good(
        "pipelines/a.sql", "/* eider\ncolumns:\n"
                           "  id: {type: BIGINT, description: key, tests: [not_null, unique]}\n"
                           "  state: {tests: [{accepted_values: [new, paid]}]}\n"
                           "  customer: {tests: [{relationships: {to: ref('customers'), field: id, severity: warn}}]}\n"
                           "  total: DECIMAL\n"
                           "tests:\n"
                           "  - unique: [id, at]\n"
                           "  - not_null: [a, b]\n"
                           "  - relationships: {column: shop, to: iceberg.shops.id}\n"
                           "  - row_count: {min: 1, blocking: false}\n"
                           "  - expression: total >= 0\n"
                           "  - expression: {sql: total < 10, name: small}\n"
                           "  - freshness: {column: at, max_age: 2h}\n"
                           "  - row_count: 3\n"
                           "  - expression: a = b\n*/ SELECT 1");
    static const char *const names[] = {"not_null_id",
                                        "unique_id",
                                        "accepted_values_state",
                                        "relationships_customer",
                                        "unique_id_at",
                                        "not_null_a",
                                        "not_null_b",
                                        "relationships_shop",
                                        "row_count",
                                        "expression",
                                        "small",
                                        "freshness_at",
                                        "row_count_2",
                                        "expression_2"};
    const struct asset *asset = parsed.asset;
    assert_int_equal(asset->test_count, sizeof(names) / sizeof(names[0]));
    for (size_t i = 0; i < asset->test_count; i++)
        ASSERT_STR(asset->tests[i].name, names[i]);
    assert_int_equal(asset->column_count, 4);
    ASSERT_STR(asset->columns[0].type, "BIGINT");
    ASSERT_STR(asset->columns[0].description, "key");
    ASSERT_STR(asset->columns[3].type, "DECIMAL");
    assert_true(asset->tests[0].severity == ASSET_ERROR && asset->tests[0].blocking);
    assert_int_equal(asset->tests[0].line, 3);
    assert_int_equal(asset->tests[2].value_count, 2);
    ASSERT_STR(asset->tests[3].to_table, "customers");
    ASSERT_STR(asset->tests[3].to_column, "id");
    assert_int_equal(asset->tests[3].severity, ASSET_WARN);
    assert_int_equal(asset->tests[4].column_count, 2);
    ASSERT_STR(asset->tests[7].to_table, "iceberg.shops");
    assert_true(asset->tests[8].min_rows == 1 && asset->tests[8].max_rows == -1 && !asset->tests[8].blocking);
    assert_int_equal(asset->tests[8].line, 11);
    ASSERT_STR(asset->tests[10].expression, "total < 10");
    assert_int_equal(asset->tests[11].max_age_us, 7200 * CLOCK_SECOND);
    assert_true(asset->tests[12].min_rows == 3 && asset->tests[12].max_rows == 3);
    parsed_done(&parsed);
    parsed = parse_good("pipelines/a.sql", "/* eider\ncolumns:\n- {name: id, tests: [not_null]}\n- b\n"
                                           "tests: {unique: [id], row_count: {max: 5}}\n*/ SELECT 1");
    assert_int_equal(parsed.asset->column_count, 2);
    assert_int_equal(parsed.asset->test_count, 3);
    parsed_done(&parsed);
}

static void asset_is_of_the_kind_that_its_file_says(void **state)
{
    (void)state;
    struct parsed parsed = parse_good("tests/no_losses.sql", "/* eider severity: warn */ SELECT 1");
    assert_int_equal(parsed.asset->kind, ASSET_TEST);
    assert_int_equal(parsed.asset->severity, ASSET_WARN);
    parsed_done(&parsed);
    parsed = parse_good("tests/no_losses.sql", "SELECT 1");
    assert_int_equal(parsed.asset->severity, ASSET_ERROR);
    parsed_done(&parsed);
    parsed = parse_good("pipelines/load.yaml", "command: [python, a.py]\nafter: orders\n");
    assert_int_equal(parsed.asset->kind, ASSET_COMMAND);
    assert_int_equal(parsed.asset->command_count, 2);
    parsed_done(&parsed);
    parsed = parse_good("pipelines/load.yml", "command: ls | wc -l");
    assert_int_equal(parsed.asset->command_count, 3);
    ASSERT_STR(parsed.asset->command[2], "ls | wc -l");
    parsed_done(&parsed);
    parsed = parse_good("pipelines/shop/models.yaml", "dbt: {project: analytics, select: ['tag:daily']}");
    assert_int_equal(parsed.asset->kind, ASSET_DBT);
    ASSERT_STR(parsed.asset->dbt_project, "analytics");
    ASSERT_STR(parsed.asset->group, "shop");
    ASSERT_STR(parsed.asset->dbt_select[0], "tag:daily");
    parsed_done(&parsed);
    AUTO(arena) struct arena *arena = arena_new();
    const struct asset *seed = asset_seed(arena, S("seeds/it's/a.csv"), S("d"));
    assert_true(seed->kind == ASSET_SEED && str_equal(seed->name, S("a")) && str_equal(seed->digest, S("d")));
    assert_true(str_equal(seed->text, S("SELECT * FROM read_csv('seeds/it''s/a.csv')")));
}

/* Of paths without a slash the text is the properties of pipelines/a.sql, whose comment begins in line 2. */
static const struct {
    const char *path, *text;
    int line;
    const char *message, *hint;
} problem_cases[] = {
    {"a", "\nretires: 3", 3, "unknown property 'retires'", "did you mean 'retries'?"},
    {"a", "\nowner: x\nmaterialize: tabel", 4, "unknown materialize 'tabel'", "'table'"},
    {"a", "\nmaterialize: [table]", 3, "materialize must be a word", ""},
    {"a", "\nowner: [a]", 3, "owner must be a text", ""},
    {"a", "\ntags: [a, {b: c}]", 3, "tags must be a text or a list of texts", ""},
    {"a", "\ntags: 'a b'", 3, "tags cannot contain", ""},
    {"a", "\nowner: a\nowner: b", 4, "this key was there before", ""},
    {"a", "\nowner: [", 4, "did not find expected node content", ""},
    {"a", "\n- owner", 3, "expected 'property: value' lines", ""},
    {"a", "\nretries: many", 3, "retries must be a number up to 1000, not 'many'", ""},
    {"a", "\nretries: {max: 1, dely: 3}", 3, "unknown property 'dely'", "'delay'"},
    {"a", "\nretries: {delay: 1s}", 3, "retries needs max", ""},
    {"a", "\nretries: {max: 1, delay: soon}", 3, "delay must be a time like 30s", ""},
    {"a", "\nretries: {max: 1, jitter: 2}", 3, "jitter must be a number from 0 to 1", ""},
    {"a", "\nretries: {max: 1, on: [sources]}", 3, "unknown failure 'sources'", "'source'"},
    {"a", "\nschedule: {}", 3, "schedule needs one of cron, every, on_file, after", ""},
    {"a", "\nschedule: {every: 1m, after: b}", 3, "schedule needs one of", ""},
    {"a", "\nschedule: {every: 1m, zone: UTC}", 3, "zone belongs to cron", ""},
    {"a", "\nschedule: {every: 1ms}", 3, "a second at least", ""},
    {"a", "\nschedule: '61 * * * *'", 3, "", ""},
    {"a", "\nschedule: {cron: '0 6 * * *', zone: Europe/Berlni}", 3, "", "Europe/Berlin"},
    {"a", "\nevery: 1m\nafter: b", 4, "after beside the schedule in line 3", ""},
    {"a", "\non_file: data/final/*.csv", 3, "on_file must be a path below data/source/", ""},
    {"a", "\non_file: data/source/../x", 3, "on_file must be a path below data/source/", ""},
    {"a", "\nexport: x.csv", 3, "an export is a file below data/processed/ or data/final/, not 'x.csv'", ""},
    {"a", "\nexport: data/final/../../x.csv", 3, "an export is a file below", ""},
    {"a", "\nexport: data/final/x.xlsx", 3, "the path of an export ends in", ""},
    {"a", "\nexport: {format: csv}", 3, "an export needs path", ""},
    {"a", "\nmaterialize: ephemeral\nexport: data/final/x.csv", 4, "export needs a table or a view", ""},
    {"a", "\nmaterialize: none\ntests: [{row_count: 1}]", 4, "tests needs a table or a view", ""},
    {"a", "\nunique_key: id", 3, "unique_key needs materialize: incremental", ""},
    {"a", "\nmaterialize: incremental\nstrategy: merge", 4, "strategy merge needs unique_key", ""},
    {"a", "\nmaterialize: incremental\nstrategy: delete+insert", 4, "needs unique_key or partition_by", ""},
    {"a", "\nmaterialize: incremental\nstrategy: append\nunique_key: a", 4, "no use for unique_key", ""},
    {"a", "\nmaterialize: incremental\npartition_by: {day: at}", 4, "partition_by a time needs start", ""},
    {"a", "\nmaterialize: incremental\npartition_by: {day: at, start: 2026-02-30}", 4, "start must be a day", ""},
    {"a", "\nmaterialize: incremental\npartition_by: {key: a}", 4, "partition_by a key needs values", ""},
    {"a", "\nmaterialize: incremental\npartition_by: {day: a, hour: b, start: 2026-01-01}", 4, "one of day", ""},
    {"a", "\nmaterialize: view\nconnection: shop", 4, "connection needs a table", ""},
    {"a", "\ntests: [not_nul]", 3, "unknown test 'not_nul'", "'not_null'"},
    {"a", "\ntests: [not_null]", 3, "not_null needs column", ""},
    {"a", "\ntests:\n- row_count: {}", 4, "row_count needs min or max", ""},
    {"a", "\ntests:\n- row_count: {min: 2, max: 1}", 4, "min is greater than max", ""},
    {"a", "\ntests:\n- row_count: {values: 1}", 4, "'values' does not belong to row_count", ""},
    {"a", "\ntests:\n- relationships: {column: a, to: b}", 4, "relationships needs to: TABLE.COLUMN", ""},
    {"a", "\ntests:\n- unique: a\n- unique: {column: b, name: unique_a}", 5, "two tests are named", ""},
    {"a", "\ncolumns: {a: {tests: [{unique: {column: b}}]}}", 3, "below its column already", ""},
    {"a", "\ncolumns: id", 3, "columns must be a list or a map", ""},
    {"a", "\ncolumns: [{type: INT}]", 3, "a column needs its name", ""},
    {"a", "\nseverity: warn", 3, "'severity' does not belong to an asset of SQL", ""},
    {"tests/a.sql", "/* eider\nexport: data/final/x.csv\n*/ SELECT 1", 2, "'export' does not belong to a test", ""},
    {"pipelines/a.sql", "/* eider\nowner: x", 1, "the comment with the properties has no end", ""},
    {"pipelines/a.sql", "SELECT 1\n/* eider\nowner: x\n*/", 2, "the properties must stand before the SQL", ""},
    {"pipelines/a.sql", "/* eider\nowner: x */\n", 0, "the file has no SQL", ""},
    {"pipelines/a.sql", "SELECT '\xff'", 0, "not UTF-8", ""},
    {"pipelines/Orders.sql", "SELECT 1", 0, "'Orders' is no name of an asset", ""},
    {"pipelines/a.yaml", "owner: x", 1, "expected either command or dbt", ""},
    {"pipelines/a.yaml", "", 1, "expected 'property: value' lines", ""},
    {"pipelines/a.yaml", "command: a\ndbt: b", 1, "expected either command or dbt", ""},
    {"pipelines/a.yaml", "command: a\nmaterialize: view", 2, "'materialize' does not belong to a command", ""},
    {"pipelines/a.yaml", "dbt: ../x", 1, "dbt must be a directory of this project", ""},
    {"pipelines/a.yaml", "dbt: {select: a}", 1, "dbt needs project", ""},
};

static void asset_problems_name_the_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(problem_cases) / sizeof(problem_cases[0]); i++) {
        AUTO(arena) struct arena *arena = arena_new();
        bool whole = strchr(problem_cases[i].path, '/') != NULL;
        struct str text = whole ? str_from(problem_cases[i].text)
                                : str_format(arena, "\n/* eider%s\n*/\nSELECT 1\n", problem_cases[i].text);
        struct parsed parsed = parse(whole ? problem_cases[i].path : "pipelines/a.sql", text.ptr);
        if (parsed.asset || parsed.problems.list.count != 1)
            fail_msg("%s: %zu problems", problem_cases[i].text, parsed.problems.list.count);
        const struct asset_problem *problem = &parsed.problems.list.items[0];
        if (problem->line != problem_cases[i].line || !strstr(problem->message.ptr, problem_cases[i].message) ||
            !strstr(problem->hint.ptr, problem_cases[i].hint))
            fail_msg("%s: line %d: %s (%s)", problem_cases[i].text, problem->line, problem->message.ptr,
                     problem->hint.ptr);
        parsed_done(&parsed);
    }
}

static void asset_has_no_nul(void **state)
{
    (void)state;
    struct parsed parsed = {.arena = arena_new()};
    parsed.problems.arena = parsed.arena;
    assert_null(asset_parse(parsed.arena, S("pipelines/a.sql"), S("SELECT 1,\n'\0'"), &parsed.problems));
    assert_int_equal(parsed.problems.list.items[0].line, 2);
    ASSERT_STR(parsed.problems.list.items[0].message, "a NUL byte");
    parsed_done(&parsed);
}

static void asset_tells_all_problems_at_once(void **state)
{
    (void)state;
    struct parsed parsed =
        parse("pipelines/a.sql", "/* eider\nretires: 3\nmaterialize: tabel\ntests: [a, b]\n*/ SELECT 1");
    assert_int_equal(parsed.problems.list.count, 4);
    ASSERT_STR(parsed.problems.list.items[3].asset, "a");
    parsed_done(&parsed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asset_without_properties_is_a_table),
        cmocka_unit_test(asset_has_every_property),
        cmocka_unit_test(asset_properties_have_short_forms),
        cmocka_unit_test(asset_text_keeps_its_places),
        cmocka_unit_test(asset_tests_are_of_columns_and_of_all),
        cmocka_unit_test(asset_is_of_the_kind_that_its_file_says),
        cmocka_unit_test(asset_problems_name_the_line),
        cmocka_unit_test(asset_has_no_nul),
        cmocka_unit_test(asset_tells_all_problems_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* BUILD and EXPORT by a real worker: what becomes of an asset, what it says of it, and what a project's tenant can
 * reach. */
#include "door.h"

#include "platform/json/json.h"

/* --- Procedures --- */

static void begin(struct outcome *outcome, struct fixture *fixture, enum query_procedure_kind kind,
                  const char *arguments)
{
    struct err err = {0};
    const struct query_procedure_request request = {.tenant = S("acme"),
                                                    .kind = kind,
                                                    .arguments = str_from(arguments),
                                                    .format = QUERY_FORMAT_JSON_LINES,
                                                    .deadline_us = CLOCK_NEVER,
                                                    .protocol = S("test")};
    struct query_sink sink = outcome_sink(outcome);
    outcome->fixture = fixture;
    outcome->statement = query_procedure(fixture->query, &request, &sink, &err);
    if (!outcome->statement)
        fail_msg("%s", err.message);
}

static const struct json *report_of(struct fixture *fixture, struct outcome *outcome)
{
    struct err err = {0};
    struct str rest = buf_str(&outcome->text), line;
    if (outcome->error.code != ERR_OK)
        fail_msg("%s", outcome->error.message);
    assert_true(str_split_next(&rest, '\n', &line));
    const struct json *row = json_parse(fixture->arena, line, &err);
    const struct json *report = row ? json_parse(fixture->arena, json_text(json_get(row, "report")), &err) : NULL;
    if (!report)
        fail_msg("%s", err.message);
    return report;
}

static const struct json *ask(struct fixture *fixture, enum query_procedure_kind kind, const char *arguments)
{
    AUTO(outcome) struct outcome outcome = {0};
    begin(&outcome, fixture, kind, arguments);
    outcome_wait(&outcome);
    return report_of(fixture, &outcome);
}

static const char *member(struct fixture *fixture, const struct json *report, const char *object, const char *key)
{
    return str_cstr(fixture->arena, json_text(json_get(json_get(report, object), key)));
}

/* Must succeed. */
static const struct json *build(struct fixture *fixture, const char *arguments)
{
    const struct json *report = ask(fixture, QUERY_BUILD, arguments);
    if (json_get(report, "error") || !json_bool(json_get(report, "committed")))
        fail_msg("%s: %s %s", arguments, member(fixture, report, "error", "message"),
                 member(fixture, report, "error", "hint"));
    return report;
}

/* Must fail, like this; nothing was committed. */
static const struct json *refused(struct fixture *fixture, const char *arguments, const char *failure,
                                  const char *words)
{
    const struct json *report = ask(fixture, QUERY_BUILD, arguments);
    const char *got = member(fixture, report, "error", "failure"),
               *message = member(fixture, report, "error", "message");
    if (strcmp(got, failure) != 0 || !strstr(message, words) || json_bool(json_get(report, "committed")))
        fail_msg("%s: %s, %s", arguments, got, message);
    return report;
}

static void write_file(struct fixture *fixture, const char *path, const char *text)
{
    char name[256];
    snprintf(name, sizeof(name), "%s/project/%s", fixture->data, path);
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static const char *read_file(struct fixture *fixture, const char *path)
{
    char name[256];
    static char text[4096];
    snprintf(name, sizeof(name), "%s/project/%s", fixture->data, path);
    FILE *file = fopen(name, "r");
    if (!file)
        return "";
    size_t len = fread(text, 1, sizeof(text) - 1, file);
    text[len] = '\0';
    fclose(file);
    return text;
}

/* --- Materializations --- */

static void a_table_is_built_and_told_of(void **state)
{
    struct fixture *fixture = *state;
    const struct json *report =
        build(fixture,
              "{\"asset\":\"a\",\"sql\":\"/* eider\\n*/\\nselect 1 as x, 'u' as y -- end\",\"materialize\":\"table\"}");
    assert_int_equal(json_i64(json_get(report, "rows")), 1);
    const struct json *column = json_at(json_get(report, "columns"), 1);
    assert_true(str_equal(json_text(json_get(column, "name")), S("y")));
    assert_true(str_equal(json_text(json_get(column, "type")), S("VARCHAR")));
    assert_true(str_find(json_text(json_get(report, "sql")), S("CREATE OR REPLACE TABLE")) >= 0);
    assert_csv(fixture, "acme", "select * from a", "x,y\n1,u\n");
    build(fixture, "{\"asset\":\"a\",\"sql\":\"select 2 as z;  -- all\",\"materialize\":\"table\"}");
    assert_csv(fixture, "acme", "select * from a", "z\n2\n");
}

static void tables_and_views_take_each_others_place(void **state)
{
    struct fixture *fixture = *state;
    build(fixture, "{\"asset\":\"b\",\"sql\":\"select 1 as x\",\"materialize\":\"table\"}");
    build(fixture,
          "{\"asset\":\"b\",\"sql\":\"from b2\",\"materialize\":\"table\",\"ephemerals\":[{\"name\":\"b2\",\"sql\":"
          "\"select 'a\\nb' as y -- x\"}]}");
    assert_csv(fixture, "acme", "select length(y) as n from b", "n\n3\n");
    build(fixture, "{\"asset\":\"b\",\"sql\":\"select 3 as x\",\"materialize\":\"view\"}");
    build(fixture, "{\"asset\":\"b\",\"sql\":\"select 4 as x\",\"materialize\":\"view\"}");
    assert_csv(fixture, "acme", "select x, (select count(*) from duckdb_views() where view_name = 'b') v from b",
               "x,v\n4,1\n");
    build(fixture, "{\"asset\":\"b\",\"sql\":\"select 5 as x\",\"materialize\":\"table\"}");
    assert_csv(fixture, "acme", "select x, (select count(*) from duckdb_views() where view_name = 'b') v from b",
               "x,v\n5,0\n");
}

static void increments_are_appended(void **state)
{
    struct fixture *fixture = *state;
    static const char text[] =
        "{\"asset\":\"inc\",\"sql\":\"select range as n from range(%d) where range > "
        "coalesce(getvariable('eider_watermark'), -1)\",\"materialize\":\"incremental\",\"strategy\":"
        "\"append\",\"watermark\":\"n\",\"run\":\"r%d\",\"step\":0%s}";
    build(fixture, str_format(fixture->arena, text, 3, 1, "").ptr);
    build(fixture, str_format(fixture->arena, text, 5, 2, "").ptr);
    assert_csv(fixture, "acme", "select count(*) c, max(n) m from inc", "c,m\n5,4\n");
    /* the same step again: it was done */
    const struct json *again = build(fixture, str_format(fixture->arena, text, 9, 2, "").ptr);
    assert_int_equal(json_i64(json_get(again, "rows")), 2);
    assert_csv(fixture, "acme", "select count(*) c, max(n) m from inc", "c,m\n5,4\n");
    build(fixture, str_format(fixture->arena, text, 2, 3, ",\"full_refresh\":true").ptr);
    assert_csv(fixture, "acme", "select count(*) c, max(n) m from inc", "c,m\n2,1\n");
    refused(fixture,
            "{\"asset\":\"inc\",\"sql\":\"select 1 as n, 2 as "
            "more\",\"materialize\":\"incremental\",\"strategy\":\"append\","
            "\"run\":\"r4\",\"step\":0}",
            "sql", "does not have a column");
}

static void increments_replace_by_key(void **state)
{
    struct fixture *fixture = *state;
    static const char *const strategies[] = {"merge", "delete+insert"};
    for (size_t i = 0; i < 2; i++) {
        static const char text[] =
            "{\"asset\":\"k%d\",\"sql\":\"%s\",\"materialize\":\"incremental\",\"strategy\":\"%s\","
            "\"unique_key\":[\"a\",\"b\"]}";
        const char *first = "select * from (values (1, null, 'x'), (2, 2, 'y')) t(a, b, c)";
        const char *second = "select * from (values (1, null, 'z'), (3, 3, 'w')) t(a, b, c)";
        build(fixture, str_format(fixture->arena, text, (int)i, first, strategies[i]).ptr);
        build(fixture, str_format(fixture->arena, text, (int)i, second, strategies[i]).ptr);
        assert_csv(fixture, "acme", str_format(fixture->arena, "select * from k%d order by a", (int)i).ptr,
                   "a,b,c\n1,,z\n2,2,y\n3,3,w\n");
    }
    refused(fixture,
            "{\"asset\":\"k0\",\"sql\":\"select 1 as a, 1 as b, 'p' as c union all select 1, 1, 'q'\",\"materialize\":"
            "\"incremental\",\"strategy\":\"merge\",\"unique_key\":[\"a\",\"b\"]}",
            "sql", "several rows");
    assert_csv(fixture, "acme", "select count(*) c from k0", "c\n3\n");
}

static void a_partition_is_replaced_alone(void **state)
{
    struct fixture *fixture = *state;
    static const char text[] =
        "{\"asset\":\"p\",\"sql\":\"select timestamp '2026-11-01' + to_hours(range::int) as moment, '%s' as v from "
        "range(48) where "
        "moment >= "
        "getvariable('eider_from')\",\"materialize\":\"%s\",\"partition\":{\"name\":\"2026-11-0%d\",\"column\":"
        "\"moment\","
        "\"from\":\"TIMESTAMP '2026-11-0%d'\",\"to\":\"TIMESTAMP '2026-11-0%d'\"}}";
    build(fixture, str_format(fixture->arena, text, "a", "incremental", 1, 1, 2).ptr);
    build(fixture, str_format(fixture->arena, text, "b", "table", 2, 2, 3).ptr);
    const struct json *report = build(fixture, str_format(fixture->arena, text, "c", "incremental", 1, 1, 2).ptr);
    assert_int_equal(json_i64(json_get(report, "rows")), 24);
    assert_csv(fixture, "acme", "select v, count(*) n from p group by v order by v", "v,n\nb,24\nc,24\n");
}

static void statements_run_for_their_effect(void **state)
{
    struct fixture *fixture = *state;
    build(fixture,
          "{\"asset\":\"n\",\"sql\":\"create table n1 (a int); insert into n1 values (1), (2)\",\"materialize\":"
          "\"none\",\"run\":\"r\",\"step\":7}");
    build(fixture,
          "{\"asset\":\"n\",\"sql\":\"insert into n1 values (3)\",\"materialize\":\"none\",\"run\":\"r\",\"step\":7}");
    assert_csv(fixture, "acme", "select count(*) c from n1", "c\n2\n");
    const struct json *report = refused(fixture,
                                        "{\"asset\":\"n\",\"sql\":\"insert into n1 values (3);\\ninsert into n1 values "
                                        "('x')\",\"materialize\":\"none\"}",
                                        "sql", "convert");
    assert_int_equal(json_i64(json_get(json_get(report, "error"), "line")), 2);
    assert_int_equal(json_i64(json_get(json_get(report, "error"), "column")), 24);
    assert_csv(fixture, "acme", "select count(*) c from n1", "c\n2\n");
    refused(fixture, "{\"asset\":\"n\",\"sql\":\"insert into n1 values (3); commit\",\"materialize\":\"none\"}", "sql",
            "one transaction");
    refused(fixture, "{\"asset\":\"n\",\"sql\":\"copy n1 to 'data/final/x.csv'\",\"materialize\":\"none\"}", "sql",
            "not open");
    assert_csv(fixture, "acme", "select count(*) c from n1", "c\n2\n");
}

/* --- Tests --- */

static void tests_decide_what_stays(void **state)
{
    struct fixture *fixture = *state;
    static const char text[] =
        "{\"asset\":\"t\",\"sql\":\"select * from (values (1, 'a'), (2, 'b'), (2, null)) t(x, y)\","
        "\"materialize\":\"%s\",\"tests\":[%s]}";
    static const struct {
        const char *test;
        int failures;
    } cases[] = {
        {"\"kind\":\"not_null\",\"columns\":[\"y\"]", 1},
        {"\"kind\":\"not_null\",\"columns\":[\"x\"]", 0},
        {"\"kind\":\"unique\",\"columns\":[\"x\"]", 1},
        {"\"kind\":\"unique\",\"columns\":[\"x\",\"y\"]", 0},
        {"\"kind\":\"accepted_values\",\"columns\":[\"y\"],\"values\":[\"a\",\"c\"]", 1},
        {"\"kind\":\"accepted_values\",\"columns\":[\"x\"],\"values\":[\"1\",\"2\"]", 0},
        {"\"kind\":\"relationships\",\"columns\":[\"x\"],\"to_table\":\"a\",\"to_column\":\"z\"", 1},
        {"\"kind\":\"row_count\",\"min_rows\":3,\"max_rows\":3", 0},
        {"\"kind\":\"row_count\",\"min_rows\":5", 2},
        {"\"kind\":\"row_count\",\"max_rows\":2,\"min_rows\":-1", 1},
        {"\"kind\":\"expression\",\"expression\":\"x > 0 -- all\"", 0},
        {"\"kind\":\"expression\",\"expression\":\"y < 'b'\"", 2},
        {"\"kind\":\"freshness\",\"columns\":[\"y\"],\"max_age_s\":60", -1},
    };
    build(fixture, "{\"asset\":\"a\",\"sql\":\"select 2 as z\",\"materialize\":\"table\"}");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct str test = str_format(fixture->arena, "{\"name\":\"it\",\"severity\":\"warn\",%s}", cases[i].test);
        struct str arguments = str_format(fixture->arena, text, i % 2 ? "view" : "table", test.ptr);
        if (cases[i].failures < 0) {
            refused(fixture, arguments.ptr, "test", "test 'it'");
            continue;
        }
        const struct json *got = json_at(json_get(build(fixture, arguments.ptr), "tests"), 0);
        if (json_i64(json_get(got, "failures")) != cases[i].failures ||
            json_bool(json_get(got, "passed")) != !cases[i].failures)
            fail_msg("%s: %d", cases[i].test, (int)json_i64(json_get(got, "failures")));
    }
    build(fixture, "{\"asset\":\"t\",\"sql\":\"select 0 as x\",\"materialize\":\"table\"}");
    struct str bad = str_format(
        fixture->arena, text, "table",
        "{\"name\":\"w\",\"severity\":\"warn\",\"kind\":\"unique\",\"columns\":[\"x\"]},"
        "{\"name\":\"e\",\"severity\":\"error\",\"blocking\":true,\"kind\":\"not_null\",\"columns\":[\"y\"]}");
    const struct json *report = refused(fixture, bad.ptr, "test", "test 'e' failed: 1 row without a value");
    assert_int_equal(json_count(json_get(report, "tests")), 2);
    assert_csv(fixture, "acme", "select * from t", "x\n0\n");
    bad = str_format(
        fixture->arena, text, "table",
        "{\"name\":\"e\",\"severity\":\"error\",\"blocking\":false,\"kind\":\"not_null\",\"columns\":[\"y\"]}");
    report = ask(fixture, QUERY_BUILD, bad.ptr);
    assert_true(json_bool(json_get(report, "committed")));
    assert_string_equal(member(fixture, report, "error", "failure"), "test");
    assert_csv(fixture, "acme", "select count(*) c from t", "c\n3\n");
}

static void a_query_is_a_test_that_finds_nothing(void **state)
{
    struct fixture *fixture = *state;
    build(fixture, "{\"asset\":\"q\",\"sql\":\"select 1 where false\",\"materialize\":\"test\"}");
    refused(fixture, "{\"asset\":\"q\",\"sql\":\"select 1\",\"materialize\":\"test\"}", "test", "'q' failed: 1 row");
    const struct json *report =
        build(fixture, "{\"asset\":\"q\",\"sql\":\"select 1\",\"materialize\":\"test\",\"severity\":\"warn\"}");
    assert_false(json_bool(json_get(json_at(json_get(report, "tests"), 0), "passed")));
    report = refused(fixture, "{\"asset\":\"q\",\"sql\":\"select 1\\nfrom nowhere\",\"materialize\":\"test\"}", "test",
                     "nowhere");
    assert_int_equal(json_i64(json_get(json_get(report, "error"), "line")), 2);
}

static void columns_have_the_types_that_were_promised(void **state)
{
    struct fixture *fixture = *state;
    static const char text[] =
        "{\"asset\":\"c\",\"sql\":\"select 1::decimal(9,2) as x\",\"materialize\":\"table\",\"columns\":[{\"name\":"
        "\"%s\",\"type\":\"%s\"}]}";
    build(fixture, str_format(fixture->arena, text, "X", "numeric(9, 2)").ptr);
    build(fixture, str_format(fixture->arena, text, "x", "").ptr);
    refused(fixture, str_format(fixture->arena, text, "x", "int").ptr, "test", "has type DECIMAL(9,2), not INTEGER");
    refused(fixture, str_format(fixture->arena, text, "y", "int").ptr, "test", "no column 'y'");
    refused(fixture, str_format(fixture->arena, text, "x", "int) as type; drop table c; select (1").ptr, "test",
            "type");
}

/* --- Errors --- */

static void errors_name_their_place_in_the_file(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *sql, *words;
        int line, column;
    } cases[] = {
        {"/* eider\\n*/\\nselect nope\\nfrom a", "nope", 3, 8},
        {"select 1\\nfrom acme.default.nope", "nope", 2, 6},
        {"select * from default.a where\\n  acme.iceberg.x.b = 1", "not found", 2, 3},
        {"select 1;\\nselect 2", "several statements", 0, 0},
        {"insert into a values (1)", "changes data", 0, 0},
        {"-- nothing", "no query", 0, 0},
        {"select *\\nfrom read_csv('eider.yaml')", "file is not open", 2, 15},
        {"select 'x'::int as a from a", "convert", 1, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (int wrapped = 0; wrapped < 2; wrapped++) {
            struct str arguments = str_format(
                fixture->arena, "{\"asset\":\"e\",\"sql\":\"%s\",\"materialize\":\"table\",\"ephemerals\":[%s]}",
                cases[i].sql, wrapped ? "{\"name\":\"o\",\"sql\":\"select 1\\n,2\\n\"}" : "");
            const struct json *error = json_get(refused(fixture, arguments.ptr, "sql", cases[i].words), "error");
            int line = (int)json_i64(json_get(error, "line")), column = (int)json_i64(json_get(error, "column"));
            if (line != cases[i].line || (cases[i].column && column != cases[i].column))
                fail_msg("%s: %d:%d %s", cases[i].sql, line, column, json_text(json_get(error, "message")).ptr);
        }
    }
    refused(fixture,
            "{\"asset\":\"e\",\"sql\":\"from "
            "o\",\"materialize\":\"table\",\"ephemerals\":[{\"name\":\"o\",\"sql\":\"drop table a\"}]}",
            "sql", "ephemeral asset 'o'");
    assert_csv(fixture, "acme", "select count(*) c from duckdb_tables() where table_name = 'e'", "c\n0\n");
}

/* --- Files --- */

static void files_of_the_project_are_read_and_no_others(void **state)
{
    struct fixture *fixture = *state;
    char link[256];
    RUN(started, fixture, "acme", "select 1", QUERY_FORMAT_CSV); /* its worker makes the directories */
    write_file(fixture, "data/source/a.csv", "x\n1\n2\n");
    write_file(fixture, "eider.yaml", "tenant: acme\n");
    const struct json *report =
        build(fixture,
              "{\"asset\":\"f\",\"sql\":\"from read_csv('data/source/*.csv')\",\"materialize\":\"table\",\"sources\":"
              "[\"data/source/*.csv\"]}");
    const struct json *file = json_at(json_get(report, "files"), 0);
    assert_true(str_equal(json_text(json_get(file, "path")), S("data/source/a.csv")));
    assert_int_equal(json_i64(json_get(file, "size")), 6);
    assert_true(json_i64(json_get(file, "modified_us")) > 1000000);
    assert_csv(fixture, "acme", "select sum(x) s from f", "s\n3\n");
    refused(fixture, "{\"asset\":\"f\",\"sql\":\"from read_csv('data/source/none*.csv')\",\"materialize\":\"table\"}",
            "source", "o files found");
    refused(fixture, "{\"asset\":\"f\",\"sql\":\"from read_csv('data/source/a.csv')\",\"materialize\":\"view\"}", "sql",
            "a view cannot read files");
    refused(fixture, "{\"asset\":\"f\",\"sql\":\"from read_text('eider.yaml')\",\"materialize\":\"table\"}", "sql",
            "not open");
    snprintf(link, sizeof(link), "%s/project/data/source/link.txt", fixture->data);
    assert_int_equal(symlink("../../eider.yaml", link), 0);
    refused(fixture, "{\"asset\":\"f\",\"sql\":\"from read_text('data/source/link.txt')\",\"materialize\":\"table\"}",
            "sql", "annot");
    unlink(link);
    assert_int_equal(run(fixture, NULL, NULL, "from read_csv('data/source/a.csv')"), ERR_DENIED);
    assert_int_equal(run(fixture, NULL, NULL, "from 'data/source/a.csv'"), ERR_DENIED);
    assert_csv(fixture, "acme", "select sum(x) s from f", "s\n3\n");
}

static void exports_are_whole_files(void **state)
{
    struct fixture *fixture = *state;
    build(fixture,
          "{\"asset\":\"x\",\"sql\":\"select 1 as a, 'b,c' as b union all select 2, null\",\"materialize\":\"table\"}");
    static const char text[] = "{\"table\":\"\\\"x\\\"\",\"path\":\"%s/project/%s\",\"format\":\"%s\"}";
    write_file(fixture, "data/final/.x.csv.00000001.part", "left");
    const struct json *report =
        ask(fixture, QUERY_EXPORT, str_format(fixture->arena, text, fixture->data, "data/final/x.csv", "csv").ptr);
    assert_int_equal(json_i64(json_get(report, "rows")), 2);
    assert_int_equal(json_i64(json_get(report, "bytes")), 18);
    assert_string_equal(read_file(fixture, "data/final/x.csv"), "a,b\r\n1,\"b,c\"\r\n2,\r\n");
    assert_string_equal(read_file(fixture, "data/final/.x.csv.00000001.part"), "");
    ask(fixture, QUERY_EXPORT,
        str_format(fixture->arena, text, fixture->data, "data/processed/dev/x/x.json", "json").ptr);
    assert_string_equal(read_file(fixture, "data/processed/dev/x/x.json"),
                        "{\"a\":1,\"b\":\"b,c\"}\n{\"a\":2,\"b\":null}\n");
    ask(fixture, QUERY_EXPORT, str_format(fixture->arena, text, fixture->data, "data/final/x.parquet", "parquet").ptr);
    assert_memory_equal(read_file(fixture, "data/final/x.parquet"), "PAR1", 4);
    ask(fixture, QUERY_EXPORT, str_format(fixture->arena, text, fixture->data, "data/final/x.arrow", "arrow").ptr);
    assert_memory_equal(read_file(fixture, "data/final/x.arrow"), "\xff\xff\xff\xff", 4);
    static const char *const closed[] = {"pipelines/x.sql",     "data/source/x.csv", "eider.yaml",
                                         "data/final/../x.csv", "data/final/",       "data/x.csv"};
    for (size_t i = 0; i < sizeof(closed) / sizeof(closed[0]); i++) {
        AUTO(outcome) struct outcome outcome = {0};
        begin(&outcome, fixture, QUERY_EXPORT, str_format(fixture->arena, text, fixture->data, closed[i], "csv").ptr);
        outcome_wait(&outcome);
        assert_int_equal(outcome.error.code, ERR_DENIED);
    }
}

/* --- At once, and not at all --- */

static void assets_are_built_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcomes[3] = {0};
    for (int round = 0; round < 10; round++) {
        memset(outcomes, 0, sizeof(outcomes));
        for (int i = 0; i < 3; i++)
            begin(
                &outcomes[i], fixture, QUERY_BUILD,
                str_format(
                    fixture->arena,
                    "{\"asset\":\"par%d\",\"sql\":\"select %d as round, range as n from range(1000)\",\"materialize\":"
                    "\"%s\",\"run\":\"%d\",\"step\":%d,\"strategy\":\"append\"}",
                    i, round, i == 2 ? "incremental" : "table", round, i)
                    .ptr);
        for (int i = 0; i < 3; i++)
            outcome_wait(&outcomes[i]);
        for (int i = 0; i < 3; i++) {
            const struct json *report = report_of(fixture, &outcomes[i]);
            if (!json_bool(json_get(report, "committed")))
                fail_msg("%s", member(fixture, report, "error", "message"));
            outcome_done(&outcomes[i]);
        }
    }
    assert_csv(fixture, "acme", "select count(*) c from par2", "c\n10000\n");
}

/* What somebody else has changed and not yet committed cannot be changed, and says so. */
static void two_that_write_one_table_conflict(void **state)
{
    struct fixture *fixture = *state;
    static const char text[] = "{\"asset\":\"w\",\"sql\":\"select 1 as k, %d as v\",\"materialize\":\"incremental\","
                               "\"strategy\":\"merge\",\"unique_key\":[\"k\"],\"run\":\"w%d\",\"step\":0}";
    struct query_session *session = open_session(fixture);
    build(fixture, str_format(fixture->arena, text, 1, 1).ptr);
    assert_int_equal(run(fixture, session, NULL, "begin"), ERR_OK);
    assert_int_equal(run(fixture, session, NULL, "update w set v = 5"), ERR_OK);
    refused(fixture, str_format(fixture->arena, text, 2, 2).ptr, "conflict", "onflict");
    assert_int_equal(run(fixture, session, NULL, "rollback"), ERR_OK);
    build(fixture, str_format(fixture->arena, text, 2, 2).ptr);
    assert_csv(fixture, "acme", "select k, v from w", "k,v\n1,2\n");
    query_session_close(&session);
}

static void a_cancelled_build_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    AUTO(outcome) struct outcome outcome = {0};
    begin(&outcome, fixture, QUERY_BUILD, "{\"asset\":\"long\",\"sql\":\"" LONG "\",\"materialize\":\"table\"}");
    pause_for(fixture, 300 * CLOCK_MILLISECOND);
    query_cancel(outcome.statement);
    outcome_wait(&outcome);
    assert_int_equal(outcome.error.code, ERR_CANCELLED);
    assert_csv(fixture, "acme", "select count(*) c from duckdb_tables() where table_name = 'long'", "c\n0\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_is_built_and_told_of),
        cmocka_unit_test(tables_and_views_take_each_others_place),
        cmocka_unit_test(increments_are_appended),
        cmocka_unit_test(increments_replace_by_key),
        cmocka_unit_test(a_partition_is_replaced_alone),
        cmocka_unit_test(statements_run_for_their_effect),
        cmocka_unit_test(tests_decide_what_stays),
        cmocka_unit_test(a_query_is_a_test_that_finds_nothing),
        cmocka_unit_test(columns_have_the_types_that_were_promised),
        cmocka_unit_test(errors_name_their_place_in_the_file),
        cmocka_unit_test(files_of_the_project_are_read_and_no_others),
        cmocka_unit_test(exports_are_whole_files),
        cmocka_unit_test(assets_are_built_at_once),
        cmocka_unit_test(two_that_write_one_table_conflict),
        cmocka_unit_test(a_cancelled_build_leaves_nothing),
    };
    fixture_has_project = true;
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}

/* What texts of a pipeline read, how they bind, and their columns' lineage, by a real worker. */
#include "door.h"

#include "platform/json/json.h"

static const struct json *ask(struct fixture *fixture, enum query_procedure_kind kind, const char *arguments,
                              const char *member)
{
    AUTO(outcome) struct outcome outcome = {.fixture = fixture};
    struct err err = {0};
    const struct query_procedure_request request = {.tenant = S("acme"),
                                                    .kind = kind,
                                                    .arguments = str_from(arguments),
                                                    .format = QUERY_FORMAT_JSON_LINES,
                                                    .deadline_us = CLOCK_NEVER,
                                                    .protocol = S("test")};
    struct query_sink sink = outcome_sink(&outcome);
    outcome.statement = query_procedure(fixture->query, &request, &sink, &err);
    if (!outcome.statement)
        fail_msg("%s", err.message);
    outcome_wait(&outcome);
    if (outcome.error.code != ERR_OK)
        fail_msg("%s", outcome.error.message);
    AUTO(buf) struct buf all = {0};
    struct str rest = buf_str(&outcome.text), line;
    buf_append_char(&all, '[');
    while (str_split_next(&rest, '\n', &line)) {
        const struct json *row = line.len ? json_parse(fixture->arena, line, &err) : NULL;
        if (!row)
            continue;
        if (buf_len(&all) > 1)
            buf_append_char(&all, ',');
        buf_append_str(&all, json_text(json_get(row, member)));
    }
    buf_append_char(&all, ']');
    const struct json *rows = json_parse(fixture->arena, str_copy(fixture->arena, buf_str(&all)), &err);
    if (!rows)
        fail_msg("%s", err.message);
    return rows;
}

/* The analysis of one text: "schema.table@line:column …; file …". */
static void assert_reads(struct fixture *fixture, const char *sql, const char *wanted)
{
    AUTO(buf) struct buf arguments = {0};
    AUTO(buf) struct buf got = {0};
    struct json_writer writer = {.buf = &arguments};
    json_begin_object(&writer, NULL);
    json_begin_array(&writer, "texts");
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "asset", S("a"));
    json_write_text(&writer, "sql", str_from(sql));
    json_end_object(&writer);
    json_end_array(&writer);
    json_end_object(&writer);
    buf_append_char(&arguments, '\0');
    const struct json *analysis = json_at(ask(fixture, QUERY_ANALYSE, (const char *)arguments.ptr, "analysis"), 0);
    const struct json *reads = json_get(analysis, "reads"), *files = json_get(analysis, "files");
    const struct json *error = json_get(analysis, "error");
    for (size_t i = 0; i < json_count(reads); i++) {
        const struct json *read = json_at(reads, i);
        struct str schema = json_text(json_get(read, "schema"));
        buf_printf(&got, "%.*s%s%.*s@%d:%d ", STR_ARG(schema), schema.len ? "." : "",
                   STR_ARG(json_text(json_get(read, "table"))), (int)json_i64(json_get(read, "line")),
                   (int)json_i64(json_get(read, "column")));
    }
    for (size_t i = 0; i < json_count(files); i++)
        buf_printf(&got, "file %.*s ", STR_ARG(json_text(json_at(files, i))));
    if (error)
        buf_printf(&got, "error %d:%d %.*s ", (int)json_i64(json_get(error, "line")),
                   (int)json_i64(json_get(error, "column")), STR_ARG(json_text(json_get(error, "message"))));
    assert_string_equal(str_copy(fixture->arena, str_trim(buf_str(&got))).ptr, wanted);
}

static void texts_read_tables_and_files(void **state)
{
    struct fixture *fixture = *state;
    assert_reads(fixture, "/* eider\n */\nSELECT * FROM orders o\n  JOIN \"default\".lines USING (id)",
                 "orders@3:15 default.lines@4:8");
    assert_reads(fixture, "SELECT 'ü', (SELECT max(x) FROM a) FROM b WHERE EXISTS (FROM c)", "a@1:33 b@1:41 c@1:62");
    assert_reads(fixture, "SELECT * FROM read_csv('data/source/*.csv', header = true), 'seeds/x.parquet'",
                 "file data/source/*.csv file seeds/x.parquet");
    assert_reads(fixture, "SELECT * FROM read_json(['data/source/a.json', 'data/source/b.json'])",
                 "file data/source/a.json file data/source/b.json");
    assert_reads(fixture, "SELECT 1", "");
    assert_reads(fixture, "INSERT INTO t SELECT 1", "");
}

/* A name that WITH gives is no table, but in its own text. */
static void names_of_with_are_no_tables(void **state)
{
    struct fixture *fixture = *state;
    assert_reads(fixture, "WITH a AS (SELECT * FROM b), b AS (SELECT * FROM A) SELECT * FROM a, b, main.a",
                 "b@1:26 main.a@1:73");
    assert_reads(fixture, "WITH t AS (SELECT * FROM t) SELECT * FROM t", "t@1:26");
    assert_reads(fixture, "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT * FROM r", "");
    assert_reads(fixture, "SELECT * FROM (WITH i AS (SELECT 1) SELECT * FROM i), i", "i@1:55");
}

static void errors_have_their_place(void **state)
{
    assert_reads(*state, "SELECT 1,\n  FROM FROM x", "error 2:8 syntax error at or near \"FROM\"");
    AUTO(buf) struct buf deep = {0};
    buf_append_str(&deep, S("SELECT "));
    for (int i = 0; i < 200; i++)
        buf_append_str(&deep, S("abs("));
    buf_append_str(&deep, S("1"));
    for (int i = 0; i < 200; i++)
        buf_append_char(&deep, ')');
    buf_append_str(&deep, S(" FROM t"));
    buf_append_char(&deep, '\0');
    assert_reads(*state, (const char *)deep.ptr, "t@1:1015");
}

/* "column<table.column …" for each column; a ~ in front of what is computed. */
static struct str lineage_text(struct fixture *fixture, const struct json *bound)
{
    AUTO(buf) struct buf got = {0};
    const struct json *lineage = json_get(bound, "lineage");
    for (size_t i = 0; i < json_count(lineage); i++) {
        const struct json *from = json_get(json_at(lineage, i), "from");
        buf_printf(&got, "%.*s<", STR_ARG(json_text(json_get(json_at(lineage, i), "column"))));
        for (size_t k = 0; k < json_count(from); k++)
            buf_printf(&got, "%s%s%.*s.%.*s", k ? "," : "", json_bool(json_get(json_at(from, k), "direct")) ? "" : "~",
                       STR_ARG(json_text(json_get(json_at(from, k), "table"))),
                       STR_ARG(json_text(json_get(json_at(from, k), "column"))));
        buf_append_char(&got, ' ');
    }
    return str_copy(fixture->arena, str_trim(buf_str(&got)));
}

static void assert_lineage(struct fixture *fixture, const char *sql, const char *wanted)
{
    AUTO(buf) struct buf arguments = {0};
    struct json_writer writer = {.buf = &arguments};
    json_begin_object(&writer, NULL);
    json_begin_array(&writer, "assets");
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "asset", S("made"));
    json_write_text(&writer, "sql", str_from(sql));
    json_end_object(&writer);
    json_end_array(&writer);
    json_end_object(&writer);
    buf_append_char(&arguments, '\0');
    const struct json *bound = json_at(ask(fixture, QUERY_BIND, (const char *)arguments.ptr, "bound"), 0);
    if (json_get(bound, "error"))
        fail_msg("%s: %.*s", sql, STR_ARG(json_text(json_get(json_get(bound, "error"), "message"))));
    assert_string_equal(lineage_text(fixture, bound).ptr, wanted);
}

static void columns_know_where_they_come_from(void **state)
{
    struct fixture *fixture = *state;
    assert_csv(fixture, "acme",
               "CREATE TABLE o(id INT, amount INT, region TEXT); CREATE TABLE r(region TEXT, name TEXT); "
               "CREATE VIEW v AS SELECT id, amount * 2 AS twice FROM o; SELECT 1 AS a",
               "a\n1\n");
    assert_lineage(fixture, "SELECT id, amount + 1 AS more FROM o WHERE region = 'x'", "id<o.id more<~o.amount");
    assert_lineage(fixture,
                   "SELECT r.name, sum(amount) AS total, count(*) AS n FROM o JOIN r USING (region) GROUP BY ALL",
                   "name<r.name total<~o.amount n<");
    assert_lineage(fixture,
                   "WITH c AS (SELECT id, max(amount) AS m FROM o GROUP BY id) SELECT a.id, a.m - b.m AS d FROM c a "
                   "JOIN c b ON a.id = b.id ORDER BY d LIMIT 3",
                   "id<o.id d<~o.amount");
    assert_lineage(fixture, "SELECT id FROM o UNION ALL SELECT length(name) FROM r", "id<~o.id,~r.name");
    assert_lineage(fixture,
                   "SELECT id, row_number() OVER (PARTITION BY region ORDER BY amount) AS k, lag(amount) OVER "
                   "(ORDER BY id) AS p FROM o QUALIFY k = 1",
                   "id<o.id k<~o.region,~o.amount p<~o.amount,~o.id");
    assert_lineage(fixture, "SELECT id, (SELECT max(name) FROM r WHERE r.region = o.region) AS name FROM o",
                   "id<o.id name<~r.name");
    assert_lineage(fixture, "SELECT * FROM v WHERE id IN (SELECT length(region) FROM r)", "id<o.id twice<~o.amount");
    assert_lineage(fixture, "SELECT 1 AS one, 'x' AS x", "one< x<");
    assert_lineage(fixture, "WITH RECURSIVE n AS (SELECT id FROM o UNION ALL SELECT id + 1 FROM n WHERE id < 9) FROM n",
                   "id<~o.id");
}

static void assets_bind_against_those_before_them(void **state)
{
    struct fixture *fixture = *state;
    const struct json *bound =
        ask(fixture, QUERY_BIND,
            "{\"assets\":[{\"asset\":\"first\",\"sql\":\"SELECT 1::DECIMAL(9,2) AS price, [1] AS l\"},"
            "{\"asset\":\"second\",\"sql\":\"SELECT price, e.x FROM first, "
            "e\",\"ephemerals\":[{\"name\":\"e\",\"sql\":\"SELECT 7 "
            "AS x -- why\\n\"}]},"
            "{\"asset\":\"third\",\"sql\":\"SELECT prise FROM second\"},"
            "{\"asset\":\"fourth\",\"sql\":\"SELECT\\n  x, nix FROM "
            "e\",\"ephemerals\":[{\"name\":\"e\",\"sql\":\"SELECT 7 AS x\"}]}]}",
            "bound");
    assert_int_equal(json_count(bound), 4);
    const struct json *columns = json_get(json_at(bound, 0), "columns");
    assert_true(str_equal(json_text(json_get(json_at(columns, 0), "type")), S("DECIMAL(9,2)")));
    assert_true(str_equal(json_text(json_get(json_at(columns, 1), "type")), S("INTEGER[]")));
    assert_string_equal(lineage_text(fixture, json_at(bound, 1)).ptr, "price<first.price x<");
    const struct json *third = json_get(json_at(bound, 2), "error"), *fourth = json_get(json_at(bound, 3), "error");
    assert_int_equal(json_i64(json_get(third, "line")), 1);
    assert_int_equal(json_i64(json_get(third, "column")), 8);
    assert_int_equal(json_i64(json_get(fourth, "line")), 2);
    assert_int_equal(json_i64(json_get(fourth, "column")), 6);
    assert_csv(fixture, "acme", "SELECT count(*) AS n FROM information_schema.tables WHERE table_name = 'first'",
               "n\n0\n");
}

int main(void)
{
#define FACT(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        FACT(texts_read_tables_and_files),
        FACT(names_of_with_are_no_tables),
        FACT(errors_have_their_place),
        FACT(columns_know_where_they_come_from),
        FACT(assets_bind_against_those_before_them),
    };
    cmocka_set_test_filter(getenv("EIDER_TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What a text certainly is: doubts are always on the side of "no". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "platform/engine/text.h"

static void assert_each(const char *const *texts, bool wanted, bool (*is)(struct str sql))
{
    for (; *texts; texts++)
        if (is(str_from(*texts)) != wanted)
            fail_msg("%s", *texts);
}

static bool is_temporary(struct str sql)
{
    return engine_text_look(sql).temporary;
}

static bool is_explaining_data(struct str sql)
{
    return engine_text_look(sql).explains;
}

static bool is_pivot(struct str sql)
{
    return engine_text_look(sql).pivots;
}

static void text_of_a_temporary_object_is_known(void **state)
{
    (void)state;
    static const char *const yes[] = {"CREATE TEMP TABLE x (a INT)",
                                      " \n create Temporary view x as select 1 ; ;\n",
                                      "CREATE OR REPLACE TEMP TABLE x AS SELECT 1",
                                      "DROP TABLE temp.x",
                                      "drop view if exists temp . x",
                                      "DROP MACRO TABLE temp.m",
                                      "ALTER TABLE temp.x ADD COLUMN b INT",
                                      NULL};
    static const char *const no[] = {"CREATE TABLE temp (a INT)",
                                     "CREATE /* */ TEMP TABLE x (a INT)",
                                     "CREATE -- TEMP\n TABLE x (a INT)",
                                     "/* CREATE TEMP */ CREATE TABLE x (a INT)",
                                     "CREATE OR TEMP TABLE x (a INT)",
                                     "CREATE \"TEMP\" TABLE x (a INT)",
                                     "CREATE TEMPO TABLE x (a INT)",
                                     "CREATE TEMP TABLE x (a INT); DROP TABLE y",
                                     "DROP TABLE x",
                                     "DROP TABLE temp",
                                     "DROP TABLE temp.x, y",
                                     "DROP TABLE \"temp\".x",
                                     "DROP SCHEMA temp.x",
                                     "DROP TABLE tempo.x",
                                     "ALTER TABLE x RENAME TO temp",
                                     "COMMENT ON TABLE temp.x IS 'a'",
                                     "SELECT 1",
                                     "",
                                     NULL};
    assert_each(yes, true, is_temporary);
    assert_each(no, false, is_temporary);
}

static void text_that_explains_data_is_known(void **state)
{
    (void)state;
    static const char *const yes[] = {"EXPLAIN SELECT 1",
                                      "explain analyze insert into t values (1)",
                                      "EXPLAIN (ANALYZE, FORMAT json) FROM t",
                                      "EXPLAIN (SELECT 1)",
                                      "EXPLAIN ANALYZE (FORMAT json) WITH x AS (SELECT 1) FROM x",
                                      NULL};
    static const char *const no[] = {"EXPLAIN CREATE TABLE x (a INT)",
                                     "EXPLAIN ANALYZE DROP TABLE x",
                                     "EXPLAIN (ANALYZE) CREATE TABLE x (a INT)",
                                     "EXPLAIN (FORMAT (select)) CREATE TABLE x (a INT)",
                                     "EXPLAIN /* SELECT */ DROP TABLE x",
                                     "EXPLAIN ANALYZE",
                                     "EXPLAIN (",
                                     "EXPLAIN SELECT 1; DROP TABLE x",
                                     "SELECT 1",
                                     NULL};
    assert_each(yes, true, is_explaining_data);
    assert_each(no, false, is_explaining_data);
}

static void text_that_pivots_is_known(void **state)
{
    (void)state;
    static const char *const yes[] = {"PIVOT t ON a USING sum(b)", "(from t Pivot (sum(b) for a in x))",
                                      "CREATE TABLE x AS PIVOT t ON a USING sum(b);", NULL};
    static const char *const no[] = {"COPY FROM DATABASE pivot TO x",
                                     "IMPORT DATABASE 'pivot'",
                                     "SELECT 1",
                                     "PIVOT t ON a USING sum(b); DROP TABLE t",
                                     "PRAGMA pivot",
                                     NULL};
    assert_each(yes, true, is_pivot);
    assert_each(no, false, is_pivot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_of_a_temporary_object_is_known),
        cmocka_unit_test(text_that_explains_data_is_known),
        cmocka_unit_test(text_that_pivots_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

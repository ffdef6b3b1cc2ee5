#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/arena.h"
#include "platform/engine/change_priv.h"

static void assert_target(const char *sql, const char *table)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct str target = engine_change_target(str_from(sql), arena);
    if (!table)
        assert_null(target.ptr);
    else
        assert_string_equal(target.ptr, table);
}

static void change_of_one_table_is_known(void **state)
{
    (void)state;
    assert_target("INSERT INTO t VALUES (1)", "t");
    assert_target("insert or replace into \"My T\"(a) values (1)", "My T");
    assert_target(" update a.b.t SET x = 1", "t");
    assert_target("DELETE FROM \"default\".t;", "t");
    assert_target("MERGE INTO t USING s ON true", "t");
    assert_target("CREATE OR REPLACE TABLE t AS SELECT 1", "t");
    assert_target("create table if not exists t(a int)", "t");
}

static void change_that_is_not_certain_counts_for_all(void **state)
{
    (void)state;
    assert_target("WITH x AS (SELECT 1) INSERT INTO t FROM x", NULL);
    assert_target("INSERT /* into a */ INTO t VALUES (1)", NULL);
    assert_target("INSERT INTO t/**/ VALUES (1)", NULL);
    assert_target("INSERT INTO tabl\xc3\xa9 VALUES (1)", NULL);
    assert_target("INSERT INTO \"a\"\"b\" VALUES (1)", NULL);
    assert_target("INSERT INTO a$b VALUES (1)", NULL);
    assert_target("ALTER TABLE t RENAME TO u", NULL);
    assert_target("DROP TABLE t", NULL);
    assert_target("CREATE TEMP TABLE t(a int)", NULL);
    assert_target("INSERT INTO", NULL);
    assert_target("", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(change_of_one_table_is_known),
        cmocka_unit_test(change_that_is_not_certain_counts_for_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

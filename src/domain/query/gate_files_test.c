/* The gate for texts of pipelines: which files they may name, how, and where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "domain/query/gate.h"

static const struct str directories[] = {S("data/source"), S("seeds")};
static const struct gate_places places = {.tenant = S("tenant_acme"), .list = directories, .count = 2};
static const struct str urls[] = {S("https://data.example/public/"), S("s3://bucket")};
static const struct gate_places addresses = {.tenant = S("tenant_acme"), .list = urls, .count = 2};

static bool check(const char *sql, const struct gate_places *where, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct gate_result result;
    *err = (struct err){0};
    return gate_check_places(str_from(sql), where, arena, &result, err);
}

static const char *const open[] = {
    "select * from read_csv('data/source/a.csv')",
    "select * from read_csv('data/source/*.csv', header = true, columns = {'a': 'INTEGER'})",
    "from read_csv_auto(['data/source/a.csv', 'seeds/b.csv'], union_by_name => true)",
    "from read_parquet('data/source/year=*/**/*.parquet', hive_partitioning := true)",
    "from parquet_scan('seeds/a.parquet')",
    "from read_json('data/source/a.json') join read_ndjson('data/source/b.json') using (a)",
    "select content from read_text('data/source/a b.txt')",
    "select * from glob('data/source/*')",
    "select * from 'data/source/a.csv'",
    "from 'seeds/a.csv' select 'data', 'x'",
    "with x as (from 'data/source/a.csv'), y as (from x) select * from y, 'seeds/a.csv' s",
    "insert into t from 'data/source/a.csv'; create table u as from read_blob('data/source/x')",
    "create or replace temp table t as from main.read_csv('data/source/a.csv')",
    "select '../x', 'read_csv' from t",
    "from 'data/source/..a.csv'",
    "create view v as select * from t",
    "insert into read_csv (a) values (1)",
    "select * from other.public.t",
};

static const char *const closed[] = {
    "from read_csv('eider.yaml')",
    "from read_csv('pipelines/a.sql')",
    "from read_csv('data/source')",
    "from read_csv('data/sources/a.csv')",
    "from read_csv('data/final/a.csv')",
    "from read_csv('./data/source/a.csv')",
    "from read_csv('/etc/passwd')",
    "from read_csv('data/source/../../eider.yaml')",
    "from read_csv('data/source/..')",
    "from read_csv('seeds/%2E%2e/x')",
    "from read_csv('https://data.example/public/a.csv')",
    "from read_csv('file://data/source/a.csv')",
    "from read_csv('data/source/a.csv' || 'x')",
    "from read_csv('data/source/' 'a.csv')",
    "from read_csv('data/source/'\n'../../x')",
    "from read_csv(E'data/source/\\x2e\\x2e/x')",
    "from read_csv($$data/source/a.csv$$)",
    "from read_csv('data/source/a''b')",
    "from read_csv('data/source\\..\\x')",
    "from read_csv('data/source/a\n.csv')",
    "from read_csv(x)",
    "from read_csv(?)",
    "from read_csv($1)",
    "from read_csv(getvariable('x'))",
    "from read_csv((select 'data/source/a.csv'))",
    "from read_csv(('data/source/a.csv'))",
    "from read_csv()",
    "from read_csv([])",
    "from read_csv(['data/source/a.csv', x])",
    "from read_csv(['data/source/a.csv'] || ['x'])",
    "from read_csv(['data/source/a.csv', 'eider.yaml'])",
    "from read_csv(list_value('data/source/a.csv'))",
    "from read_csv(files = 'data/source/a.csv')",
    "select 'data/source/a.csv'.read_text()",
    "from 'eider.yaml'",
    "from t, 'eider.yaml'",
    "from \"data/source/a.csv\"",
    "from data.csv",
    "from sniff_csv('data/source/a.csv')",
    "from parquet_metadata('data/source/a.parquet')",
    "from iceberg_scan('data/source/a')",
    "create view v as from read_csv('data/source/a.csv')",
    "create view v as from 'data/source/a.csv'",
    "create or replace macro m() as table from read_csv('data/source/a.csv')",
    "create function f() as (select count(*) from 'seeds/a.csv')",
    "copy t to 'data/source/a.csv'",
    "attach 'data/source/a.db'",
    "select 1; commit",
    "begin",
    "rollback; select 1",
    "abort",
    "prepare p as commit",
};

static void gate_opens_files_below_places(void **state)
{
    (void)state;
    struct err err;
    for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++)
        if (!check(open[i], &places, &err))
            fail_msg("%s: %s", open[i], err.message);
}

static void gate_opens_no_other_files(void **state)
{
    (void)state;
    struct err err;
    for (size_t i = 0; i < sizeof(closed) / sizeof(closed[0]); i++) {
        if (check(closed[i], &places, &err))
            fail_msg("passed: %s", closed[i]);
        if (err.code != ERR_DENIED)
            fail_msg("%s: %s", closed[i], err.message);
    }
    assert_false(check("select 1 from\nread_csv('x')", &places, &err));
    assert_non_null(strstr(err.message, "line 2, column 10"));
    assert_non_null(strstr(err.hint, "data/source, seeds"));
}

static void gate_opens_addresses_as_it_does_directories(void **state)
{
    (void)state;
    struct err err;
    assert_true(check("from read_csv('https://data.example/public/a.csv')", &addresses, &err));
    assert_true(check("from read_parquet(['s3://bucket/a/*.parquet'])", &addresses, &err));
    assert_false(check("from read_csv('https://data.example/private/a.csv')", &addresses, &err));
    assert_false(check("from read_csv('https://data.example/public/../private/a.csv')", &addresses, &err));
    assert_false(check("from read_csv('https://data.example/public/%2e%2e/private/a.csv')", &addresses, &err));
    assert_false(check("from read_csv('s3://bucket2/a.csv')", &addresses, &err));
    assert_false(check("from read_csv('data/source/a.csv')", &addresses, &err));
}

static void gate_opens_nothing_without_places(void **state)
{
    (void)state;
    const struct gate_places none = {.tenant = S("tenant_acme")};
    AUTO(arena) struct arena *arena = arena_new();
    struct gate_result result;
    struct err err = {0};
    assert_false(check("from read_csv('data/source/a.csv')", &none, &err));
    assert_false(check("from 'data/source/a.csv'", &none, &err));
    assert_true(check("select * from tenant_acme.iceberg.t", &none, &err));
    for (size_t i = 0; i < 11; i++) /* and to ordinary statements whatever there is */
        assert_false(gate_check(str_from(open[i]), S("tenant_acme"), arena, &result, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gate_opens_files_below_places),
        cmocka_unit_test(gate_opens_no_other_files),
        cmocka_unit_test(gate_opens_addresses_as_it_does_directories),
        cmocka_unit_test(gate_opens_nothing_without_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The gate and Iceberg: names as DuckDB wants them, what is made, functions that look at a table, and places in errors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "domain/query/gate.h"

static bool check(struct arena *arena, const char *sql, struct gate_result *result, struct err *err)
{
    *err = (struct err){0};
    return gate_check(str_from(sql), S("acme"), arena, result, err);
}

static void gate_names_iceberg_tables_as_duckdb_does(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *wanted; /* NULL: as it was */
        bool iceberg;
    } cases[] = {
        {"select * from acme.iceberg.t", "select * from iceberg.iceberg.t", true},
        {"select * from ACME . \"Iceberg\" . t x", "select * from iceberg.iceberg . t x", true},
        {"select * from \"acme\".iceberg.\"t\"", "select * from \"iceberg\".iceberg.\"t\"", true},
        {"select * from x\"acme\".iceberg.t", "select * from x\"iceberg\".iceberg.t", true},
        {"select acme.iceberg.t.a from acme.iceberg.t", "select iceberg.iceberg.t.a from iceberg.iceberg.t", true},
        {"select * from acme.iceberg.ns.t", "select * from  iceberg.ns.t", true},
        {"select * from\"acme\".iceberg.ns.t", "select * from iceberg.ns.t", true},
        {"select * from iceberg.t", NULL, true},
        {"select * from iceberg.ns.t", NULL, true},
        {"select * from t, iceberg.u", NULL, true},
        {"select * from t join acme.iceberg.u using (a)", "select * from t join iceberg.iceberg.u using (a)", true},
        {"insert into acme.iceberg.t values ('acme.iceberg.t') -- acme.iceberg.t",
         "insert into iceberg.iceberg.t values ('acme.iceberg.t') -- acme.iceberg.t", true},
        {"update acme.iceberg.t set a = 1", "update iceberg.iceberg.t set a = 1", true},
        {"delete from acme.iceberg.t", "delete from iceberg.iceberg.t", true},
        {"merge into acme.iceberg.t using acme.default.s on true when matched then delete",
         "merge into iceberg.iceberg.t using acme.default.s on true when matched then delete", true},
        {"create table if not exists acme.iceberg.t as select 1",
         "create table if not exists iceberg.iceberg.t as select 1", true},
        {"alter table acme.iceberg.t add column b int", "alter table iceberg.iceberg.t add column b int", true},
        {"drop table if exists acme.iceberg.ns.t", "drop table if exists  iceberg.ns.t", true},
        {"from acme.iceberg.t at (version => 1)", "from iceberg.iceberg.t at (version => 1)", true},
        {"describe acme.iceberg.t", "describe iceberg.iceberg.t", true},
        {"explain analyze select * from acme.iceberg.t", "explain analyze select * from iceberg.iceberg.t", true},
        {"select * from \"acme\".\"iceberg.ns\".\"t\"", "select * from  iceberg.\"ns\".\"t\"", true},
        {"insert into \"iceberg.a.b\".t select 1", "insert into  iceberg.\"a.b\".t select 1", true},
        {"select \"acme\".\"iceberg.ns\".t.a from \"acme\".\"iceberg.ns\".t",
         "select  iceberg.\"ns\".t.a from  iceberg.\"ns\".t", true},
        {"select \"iceberg.ns\" from t", NULL, false},
        {"use iceberg", "use iceberg.iceberg", true},
        {"use acme.iceberg", "use iceberg.iceberg", true},
        {"use \"acme\".iceberg.ns;", "use  iceberg.ns;", true},
        {"use iceberg.ns", NULL, true},
        {"use acme.default", NULL, false},
        {"show tables from acme.iceberg", "show tables from iceberg.iceberg", true},
        {"create schema iceberg", "create schema iceberg.iceberg", true},
        {"create schema if not exists acme.iceberg.ns", "create schema if not exists  iceberg.ns", true},
        {"drop schema acme.iceberg.ns", "drop schema  iceberg.ns", true},
        {"create schema s", NULL, false},
        {"select iceberg.a from t iceberg", NULL, false},
        {"select x.acme.iceberg.t from x", NULL, false},
        {"select * from beta.iceberg.t", NULL, false},
        {"select 'acme.iceberg.t', $$acme.iceberg.t$$ /* acme.iceberg.t */", NULL, false},
        {"from iceberg_snapshots('t')", "from iceberg_snapshots('iceberg.iceberg.t')", true},
        {"from iceberg_snapshots('iceberg.t')", "from iceberg_snapshots('iceberg.iceberg.t')", true},
        {"from iceberg_metadata('acme.iceberg.t')", "from iceberg_metadata('iceberg.iceberg.t')", true},
        {"from iceberg_metadata('acme.iceberg.ns.t')", "from iceberg_metadata('iceberg.ns.t')", true},
        {"from iceberg_table_properties('iceberg.ns.t')", NULL, true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        AUTO(arena) struct arena *arena = arena_new();
        struct gate_result result, again;
        struct err err;
        const char *wanted = cases[i].wanted ? cases[i].wanted : cases[i].sql;
        if (!check(arena, cases[i].sql, &result, &err))
            fail_msg("%s: %s", cases[i].sql, err.message);
        if (!str_equal(result.sql, str_from(wanted)) || result.iceberg != cases[i].iceberg)
            fail_msg("%s became %.*s, %d", cases[i].sql, STR_ARG(result.sql), result.iceberg);
        assert_true(gate_check(result.sql, S("acme"), arena, &again, &err));
        assert_false(again.rewritten);
    }
}

static void gate_refuses_what_is_no_table_of_the_tenant(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "from iceberg_snapshots('/warehouse/acme/iceberg/t')",
        "from iceberg_snapshots('s3://b/t')",
        "from iceberg_snapshots('beta.iceberg.t')",
        "from iceberg_snapshots('beta.t')",
        "from iceberg_snapshots('iceberg.a.b.c.t')",
        "from iceberg_snapshots('iceberg..t')",
        "from iceberg_snapshots('')",
        "from iceberg_snapshots('t', allow_moved_paths := true)",
        "from iceberg_snapshots(E't')",
        "from iceberg_snapshots(x)",
        "from iceberg_snapshots($1)",
        "from iceberg_snapshots(getvariable('x'))",
        "from iceberg_scan('iceberg.t')",
        "from iceberg_load_table_response('iceberg.t')",
        "from iceberg_to_ducklake('iceberg', 'x')",
        "from set_iceberg_table_properties('iceberg.t', map {})",
        "select * from iceberg.\"$mirror\".t",
        "create table iceberg.\"$MIRROR\".t (a int)",
        "select * from \"iceberg.$mirror\".t",
        "select * from acme.\"iceberg.$mirror.x\".t",
        "attach 'x' as y (type iceberg)",
        "detach iceberg",
        "from duckdb_databases()",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        AUTO(arena) struct arena *arena = arena_new();
        struct gate_result result;
        struct err err;
        if (check(arena, texts[i], &result, &err))
            fail_msg("%s passed", texts[i]);
        assert_int_equal(err.code, ERR_DENIED);
    }
}

static void gate_refuses_what_an_iceberg_table_would_forget(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "create table iceberg.t (a int primary key)",
        "create table acme.iceberg.ns.t (a int, primary key (a))",
        "create table acme.iceberg.t (a int unique)",
        "create table iceberg.ns.t (a int, check (a > 0))",
        "create table iceberg.t (a int references u)",
        "create table iceberg.t (a int, b int generated always as (a + 1))",
        "create table iceberg.t (a int, b as (a + 1))",
    };
    static const char *const fine[] = {
        "create table t (a int primary key, b as (a + 1), check (a > 0))",
        "create table iceberg.t (a int not null default (cast('1' as int)), \"check\" int)",
        "create table iceberg.t as select 1 as a",
        "create table iceberg.t (a, b) as (select 1 as a, 2 as b)",
    };
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        AUTO(arena) struct arena *arena = arena_new();
        struct gate_result result;
        struct err err;
        if (check(arena, refused[i], &result, &err))
            fail_msg("%s passed", refused[i]);
        assert_int_equal(err.code, ERR_UNIMPLEMENTED);
    }
    for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
        AUTO(arena) struct arena *arena = arena_new();
        struct gate_result result;
        struct err err;
        if (!check(arena, fine[i], &result, &err))
            fail_msg("%s: %s", fine[i], err.message);
    }
}

static void gate_says_what_is_made_on_which_side(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *name, *from; /* name NULL: nothing */
        bool iceberg;
    } cases[] = {
        {"create table t (a int)", "t", "", false},
        {"create table default.t (a int)", "t", "", false},
        {"create view acme.default.\"a\"\"b\" as select 1", "a\"b", "", false},
        {"create or replace table if not exists iceberg.t (a int)", "t", "", true},
        {"explain create table acme.iceberg.t as select 1", "t", "", true},
        {"create table iceberg.iceberg.t as select 1", "t", "", true},
        {"create table iceberg.ns.t as select 1", NULL, NULL, false},
        {"create table acme.other.t as select 1", NULL, NULL, false},
        {"create temp table t (a int)", NULL, NULL, false},
        {"create schema t", NULL, NULL, false},
        {"alter table t rename to u", "u", "t", false},
        {"alter table if exists iceberg.t rename to u", "u", "", true},
        {"alter table t rename column a to b", NULL, NULL, false},
        {"drop table t", NULL, NULL, false},
        {"insert into t select 1", NULL, NULL, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        AUTO(arena) struct arena *arena = arena_new();
        struct gate_result result;
        struct err err;
        if (!check(arena, cases[i].sql, &result, &err))
            fail_msg("%s: %s", cases[i].sql, err.message);
        if (result.made_count != (cases[i].name != NULL))
            fail_msg("%s makes %zu", cases[i].sql, result.made_count);
        if (!cases[i].name)
            continue;
        const struct gate_made *made = &result.made[0];
        if (!str_equal(made->name, str_from(cases[i].name)) || !str_equal(made->from, str_from(cases[i].from)) ||
            made->iceberg != cases[i].iceberg)
            fail_msg("%s makes '%.*s'", cases[i].sql, STR_ARG(made->name));
    }
}

static void gate_says_whose_rows_change(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *schema, *name; /* name NULL: nothing */
    } cases[] = {
        {"update t set a = 1", "", "t"},
        {"update only iceberg.t set a = 1", "iceberg", "t"},
        {"with x as (select 1) update acme.iceberg.\"T\" set a = 1", "iceberg", "T"},
        {"delete from iceberg.ns.t", "ns", "t"},
        {"delete from only acme.iceberg.ns.t", "ns", "t"},
        {"delete from \"acme\".\"iceberg.ns\".\"t\"", "ns", "t"},
        {"merge into iceberg.iceberg.t using u on true when matched then update set a = 1", "iceberg", "t"},
        {"truncate iceberg.t", "iceberg", "t"},
        {"truncate table t", "", "t"},
        {"explain analyze delete from iceberg.t", "iceberg", "t"},
        {"update acme.default.t set a = 1", NULL, NULL},
        {"update default.t set a = 1", NULL, NULL},
        {"insert into iceberg.t select 1", NULL, NULL},
        {"insert into t values (1) on conflict do update set a = 1", NULL, NULL},
        {"select * from iceberg.t", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        AUTO(arena) struct arena *arena = arena_new();
        struct gate_result result;
        struct err err;
        if (!check(arena, cases[i].sql, &result, &err))
            fail_msg("%s: %s", cases[i].sql, err.message);
        if (result.changed_count != (cases[i].name != NULL))
            fail_msg("%s changes %zu", cases[i].sql, result.changed_count);
        if (cases[i].name && (!str_equal(result.changed[0].schema, str_from(cases[i].schema)) ||
                              !str_equal(result.changed[0].name, str_from(cases[i].name))))
            fail_msg("%s changes '%.*s'", cases[i].sql, STR_ARG(result.changed[0].name));
    }
}

static void gate_moves_places_in_errors_back(void **state)
{
    (void)state;
    static const char sql[] = "select 'ä',\n  \"acme\" . iceberg.t.a,\n acme.iceberg.t.b, c from acme.iceberg.ns.t";
    static const struct {
        const char *ran, *users;
    } cases[] = {
        {"no such column c (line 3, column 22)", "no such column c (line 3, column 19)"},
        {"odd (line 9) text (line 2, column 3)", "odd (line 9) text (line 2, column 3)"},
        {"first (line 1, column 8)", "first (line 1, column 8)"},
        {"only a line (line 3)", "only a line (line 3)"},
        {"(line 3, column 22) in front", "(line 3, column 22) in front"},
        {"beyond (line 77, column 5)", "beyond (line 3, column 44)"},
        {"none", "none"},
    };
    AUTO(arena) struct arena *arena = arena_new();
    struct gate_result result;
    struct err err;
    assert_true(check(arena, sql, &result, &err));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err error;
        err_set(&error, ERR_INVALID, "%s", cases[i].ran);
        gate_map_error(&result, str_from(sql), &error);
        assert_string_equal(error.message, cases[i].users);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gate_names_iceberg_tables_as_duckdb_does),
        cmocka_unit_test(gate_refuses_what_is_no_table_of_the_tenant),
        cmocka_unit_test(gate_refuses_what_an_iceberg_table_would_forget),
        cmocka_unit_test(gate_says_what_is_made_on_which_side),
        cmocka_unit_test(gate_says_whose_rows_change),
        cmocka_unit_test(gate_moves_places_in_errors_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

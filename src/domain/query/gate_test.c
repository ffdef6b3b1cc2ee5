/* The gate: what passes, what does not and with which words, bounds, rewriting and positions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "domain/query/gate.h"

static bool check(struct arena *arena, const char *sql, struct gate_result *result, struct err *err)
{
    *err = (struct err){0};
    return gate_check(str_from(sql), S("tenant_acme"), arena, result, err);
}

static const char *const allowed[] = {
    "select 42",
    "  -- a comment\n select 1 /* and another */ ;",
    "select * from orders",
    "select * from tenant_acme.default.orders",
    "select a, 'text', \"b\" from t where c = 'x' and d in ('a', 'b') group by a having count(*) > 1 order by 'a', 'b' "
    "limit 1",
    "from t",
    "from t select 'a', 'b'",
    "from t, u select 'a', 'b'",
    "with x as (select 1), y as materialized (from x) select * from x, y",
    "with recursive r(n) as (select 1 union all select n + 1 from r where n < 10) select * from r",
    "values ('a', 'b'), ('c', 'd')",
    "select * from (values ('a', 'b'), ('c', 'd')) v(x, y)",
    "select * from t join (values ('a'), ('b')) v(x) on t.x = v.x",
    "select * from (with a as (select 1) values ('a'), ('b'))",
    "table orders",
    "(select 1) union all (select 2)",
    "((select 1))",
    "select 1; select 2;; select 3;",
    "insert into t values (1, 'a'), (2, 'b')",
    "insert into t (a, b) values ('x', 'y')",
    "insert into query (a) values (1)",
    "insert into default.query (a) values (1)",
    "insert or replace into t by name select 1 as a",
    "insert into t values (1) on conflict do update set a = 'x', b = 'y'",
    "insert into t default values",
    "insert into t values (default)",
    "update t set a = 'x', b = 'y' from u where t.i = u.i",
    "update t set a = default",
    "update extensions set a = 1",
    "delete from t where a = 'x'",
    "delete from t using u, v where t.a = u.a",
    "merge into t using s on t.a = s.a when matched then update set b = 'x' when not matched then insert values ('a', "
    "'b')",
    "truncate t",
    "create table t (a varchar default 'x', b integer check (b > 0))",
    "create table if not exists query (a integer)",
    "create or replace temp table t as select 1",
    "create temporary table t (a int)",
    "create table t as from u",
    "create view v as select * from t",
    "create or replace recursive view v as select 1",
    "create schema s",
    "create sequence q start 1",
    "create index i on t (a)",
    "create unique index i on t (a)",
    "create type mood as enum ('sad', 'ok')",
    "create macro add2(a, b) as a + b",
    "create function f(x) as table select * from t where a = x",
    "create or replace temp macro m(x) as x || 'read_csv'",
    "alter table t add column c varchar default 'x'",
    "alter view v rename to w",
    "drop table if exists t",
    "drop view v",
    "drop schema s cascade",
    "drop macro table m",
    "drop function f",
    "comment on table t is 'text'",
    "comment on column t.a is 'text'",
    "begin",
    "begin transaction read only",
    "start transaction",
    "commit",
    "end",
    "rollback",
    "abort",
    "explain select 1",
    "explain analyze select 1",
    "explain (format json) select 1",
    "explain (analyze, format json) (select 1)",
    "explain (select 1)",
    "describe t",
    "describe select 1",
    "desc t",
    "show tables",
    "show all tables",
    "show databases",
    "show t",
    "summarize t",
    "summarize select 1",
    "pivot t on a using sum(b) group by c",
    "from t pivot (sum(a) for b in ('x', 'y'))",
    "unpivot t on a, b into name n value v",
    "select * from (pivot t on a using sum(b))",
    "prepare p as select ?",
    "prepare p (integer) as select $1",
    "execute p(1)",
    "deallocate p",
    "set timezone = 'UTC'",
    "set session timezone to 'UTC'",
    "set time zone 'UTC'",
    "SET TimeZone='Europe/Berlin'",
    "set default_null_order = 'nulls_last'",
    "set schema = 'default'",
    "set search_path = 'default,iceberg.iceberg'",
    "set variable x = (select max(a) from t)",
    "reset timezone",
    "reset variable x",
    "use default",
    "use tenant_acme.default",
    "pragma table_info('t')",
    "pragma show_tables",
    "pragma version",
    "pragma default_null_order = 'nulls_last'",
    "call pragma_version()",
    "call range(10)",
    "vacuum",
    "analyze t",
    "select current_setting('TimeZone')",
    "select * from range(10), generate_series(1, 2), unnest([1, 2])",
    "select * from duckdb_tables() where table_name = 'x'",
    "select * from information_schema.tables",
    "select * from pg_catalog.pg_class",
    "select query from t",
    "select glob, checkpoint from t",
    "select a glob '*.csv' from t",
    "select 'read_csv(''x'')'",
    "select $$ copy t to 'x' $$",
    "select \"read_csv\" from t",
    "select extract(year from '2020-01-01'::date), substring('abc' from 2), trim(both 'x' from 'xax'), overlay('a' "
    "placing 'b' from 1)",
    "select a is distinct from 'x', b is not distinct from 'y' from t",
    "select list_transform([1, 2], x -> x + 1), list_aggregate([1], 'sum')",
    "select {'a': 1, 'b': 'x'}, [1, 2][1], map {'a': 'b'}",
    "select a.b.c, t.select, t.from from t",
    "select count(*) filter (where a = 'x') over (partition by b order by c) from t window w as (order by a)",
    "select * from t using sample 10%",
    "select * from t tablesample reservoir(10)",
    "select * from a join b using (x, y) join c on b.z = 'k' left join d on true",
    "select * from a asof join b on a.t >= b.t",
    "select * from x: orders",
    "select a: 1, b: 'x'",
    "select * from t, lateral (select t.a) u",
    "select * from t where a like '/etc/%' and b = 's3://bucket'",
    "select columns('a.*') from t",
    "select * exclude (a) replace ('x' as b) from t",
    "select cast('1' as integer), '1'::int, try_cast('x' as date)",
    "select case when a = 'x' then 'y' else 'z' end from t",
    "select interval '1' day, date '2020-01-01', timestamp '2020-01-01 00:00:00'",
    "select * from t where exists (select 1 from u) and a not in (from v)",
    "select ?, $1, $name, ?2",
    "select E'a\\'b', x'ff', 1_000, 1e5",
    "select * from t qualify row_number() over (order by a) = 1",
    "select * from t limit 10 offset 5",
    "select a from t union select b from u except select 'x', 'y' intersect select 1",
    "select * from \"my table\", \"Orders 2024\"",
    "select json_extract('{\"a\": 1}', '$.a'), '{}'::json->>'a' from t",
    "select exists(from t)",
    "select 1 as \"from\", 'x'",
    "select a, b from t order by a desc, 'b' desc",
    "select string_agg(a, ', ' order by b desc) from t",
    "select * from t at (version => 3)",
    "select my_macro(1), s.my_macro('x')",
    "delete from t returning a, 'x'",
    "select * from json_each('[1]')",
    "select nextval('q'), currval('q')",
    "select md5('x'), uuid(), now(), version(), current_schema(), current_database()",
    "select pg_typeof(1), pg_size_pretty(10)",
    "",
    ";;",
};

static void gate_lets_the_tenants_own_work_pass(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
        AUTO(arena) struct arena *arena = arena_new();
        struct gate_result result;
        struct err err;
        if (!check(arena, allowed[i], &result, &err))
            fail_msg("%s: %s", allowed[i], err.message);
    }
}

static const struct {
    const char *sql;
    const char *why; /* part of the message */
} refused[] = {
    {"copy t to 'x.csv'", "reads and writes files"},
    {"COPY t FROM '/etc/passwd'", "COPY is not open"},
    {"copy (select 1) to '/dev/stdout'", "files"},
    {"copy from database a to b", "files"},
    {"attach 'x.db'", "other databases"},
    {"attach ':memory:' as m", "other databases"},
    {"detach m", "other databases"},
    {"export database 'x'", "writes files"},
    {"import database 'x'", "reads files"},
    {"install httpfs", "extensions"},
    {"force install httpfs", "force"},
    {"load '/tmp/x.duckdb_extension'", "extensions"},
    {"load httpfs", "extensions"},
    {"checkpoint", "server's work"},
    {"force checkpoint", "server's work"},
    {"create secret s (type s3)", "create secret"},
    {"create or replace persistent secret s (type s3)", "create persistent"},
    {"create temporary secret s (type s3)", "create secret"},
    {"create database d", "create database"},
    {"create \"table\" t", "not open"},
    {"create trigger x", "create trigger"},
    {"drop secret s", "drop secret"},
    {"drop persistent secret s", "drop persistent"},
    {"drop database d", "drop database"},
    {"alter database d set alias to e", "alter database"},
    {"update extensions", "UPDATE EXTENSIONS"},
    {"update extensions (httpfs)", "UPDATE EXTENSIONS"},
    {"grant all to x", "begins with 'grant'"},
    {"frobnicate", "begins with 'frobnicate'"},
    {"'select'", "cannot begin"},
    {"select 1; copy t to 'x'", "line 1, column 11"},
    {"select 1;\n/* c */ attach 'x'", "line 2, column 9"},
    {"(copy t to 'x')", "copy is not open"},
    {"explain copy t to 'x'", "copy is not open"},
    {"explain analyze copy t to 'x'", "copy is not open"},
    {"explain (format json) copy t to 'x'", "copy is not open"},
    {"explain (format json) (copy t to 'x')", "copy is not open"},
    {"explain explain attach 'x'", "EXPLAIN of explain"},
    {"prepare p as copy t to 'x'", "copy is not open"},
    {"prepare p (int) as attach 'x'", "attach is not open"},
    {"prepare p", "missing"},
    {"explain analyze rollback", "EXPLAIN of rollback"},
    {"explain analyze verbose commit", "EXPLAIN of commit"},
    {"explain (analyze) abort", "EXPLAIN of abort"},
    {"explain (analyze, format json) end", "EXPLAIN of end"},
    {"EXPLAIN /* */ ANALYZE BEGIN", "EXPLAIN of BEGIN"},
    {"explain start transaction", "EXPLAIN of start"},
    {"explain analyze ((rollback", "EXPLAIN of rollback"},
    {"explain analyze set schema = 'x'", "EXPLAIN of set"},
    {"explain reset timezone", "EXPLAIN of reset"},
    {"explain use s", "EXPLAIN of use"},
    {"explain analyze pragma default_order = 'desc'", "EXPLAIN of pragma"},
    {"explain prepare p as select 1", "EXPLAIN of prepare"},
    {"explain analyze execute p", "EXPLAIN of execute"},
    {"explain deallocate p", "EXPLAIN of deallocate"},
    {"explain explain analyze rollback", "EXPLAIN of explain"},
    {"prepare p as explain analyze rollback", "EXPLAIN of rollback"},
    {"select 1; explain analyze rollback", "EXPLAIN of rollback"},
    {"explain analyze checkpoint", "checkpoint"},
    {"explain", "missing"},
    {"set enable_external_access = true", "setting 'enable_external_access'"},
    {"set \"enable_external_access\" = true", "setting 'enable_external_access'"},
    {"SET GLOBAL timezone = 'UTC'", "for everybody"},
    {"set memory_limit = '1TB'", "setting"},
    {"set session threads = 1", "setting"},
    {"set local secret_directory = '/'", "setting"},
    {"reset lock_configuration", "setting"},
    {"set file_search_path = '/etc'", "setting"},
    {"set home_directory = '/'", "setting"},
    {"pragma enable_profiling", "pragma"},
    {"pragma enable_profiling = 'json'", "setting"},
    {"pragma database_list", "pragma"},
    {"pragma disable_optimizer", "pragma"},
    {"pragma import_database('x')", "pragma"},
    {"pragma json_execute_serialized_sql('x')", "pragma"},
    {"pragma threads = 1", "setting"},
    {"pragma \"force_checkpoint\"", "pragma"},
    {"pragma force_checkpoint(x)", "pragma"},
    {"pragma", "pragma"},
    {"call enable_logging(storage='file', storage_config={'path':'/x'})", "CALL enable_logging"},
    {"call disable_logging()", "CALL"},
    {"call truncate_duckdb_logs()", "CALL"},
    {"call query('select 1')", "CALL"},
    {"call dbgen(sf=1)", "CALL"},
    {"call \"enable_logging\"()", "CALL"},
    {"call main.enable_logging()", "CALL"},
    {"call frobnicate()", "CALL"},
    {"use memory", "USE"},
    {"use 'x'", "USE"},
    {"use temp", "USE"},
    {"select * from read_csv('/etc/passwd')", "function read_csv"},
    {"select * from READ_CSV('/etc/passwd')", "function READ_CSV"},
    {"select * from \"read_csv\"('/etc/passwd')", "function read_csv"},
    {"select * from \"Read_Csv\"('/etc/passwd')", "function"},
    {"select * from read_csv /* c */ -- d\n ('/etc/passwd')", "function"},
    {"select * from main.read_csv('/etc/passwd')", "function"},
    {"select * from system.main.\"read_text\"('/etc/passwd')", "function"},
    {"select ('/etc/passwd').read_text()", "function"},
    {"select * from read_blob('x')", "function"},
    {"select * from read_parquet(['a', 'b'])", "function"},
    {"select * from parquet_metadata('x')", "function"},
    {"select * from parquet_scan('x')", "function"},
    {"select * from read_json_auto('x')", "function"},
    {"select * from read_ndjson_objects('x')", "function"},
    {"select * from read_duckdb('x')", "function"},
    {"select * from glob('*')", "function"},
    {"select * from sniff_csv('x')", "function"},
    {"select * from query('select 42')", "function"},
    {"select * from query_table('t')", "function"},
    {"select * from json_execute_serialized_sql(json_serialize_sql('select 1'))", "function"},
    {"select json_serialize_plan('select 1')", "function"},
    {"select getenv('HOME')", "function"},
    {"select * from duckdb_secrets()", "function"},
    {"select * from duckdb_settings()", "function"},
    {"select * from duckdb_databases()", "function"},
    {"select * from duckdb_logs", "duckdb_logs"},
    {"select * from \"Duckdb_Databases\" d", "not open"},
    {"select * from pg_catalog.pg_settings", "pg_settings"},
    {"select (from pragma_database_list)", "not open"},
    {"select * from duckdb_logs()", "function"},
    {"select * from duckdb_logs_parsed('x')", "function"},
    {"select * from duckdb_extensions()", "function"},
    {"select * from duckdb_temporary_files()", "function"},
    {"select which_secret('s3://x', 's3')", "function"},
    {"select write_log('x')", "function"},
    {"select * from seq_scan('t')", "function"},
    {"select * from postgres_scan('host=x', 'a', 'b')", "function"},
    {"select * from postgres_query('d', 'select 1')", "function"},
    {"select * from iceberg_scan('x')", "function"},
    {"select * from iceberg_metadata('/x')", "function"},
    {"select * from sqlite_scan('x', 't')", "function"},
    {"select * from mysql_query('d', 'x')", "function"},
    {"select * from delta_scan('x')", "function"},
    {"select * from read_avro('x')", "function"},
    {"select * from st_read('x')", "function"},
    {"select * from from_substrait('x')", "function"},
    {"select * from arrow_scan(1, 2, 3)", "function"},
    {"select __internal_decompress_string('x'::hugeint)", "function"},
    {"select current_setting('secret_directory')", "current_setting"},
    {"select current_setting('time' || 'zone')", "current_setting"},
    {"select current_setting(E'timezone')", "current_setting"},
    {"create macro m(x) as table select * from read_csv(x)", "function"},
    {"create view v as select * from read_text('x')", "function"},
    {"create macro read_csv(x) as x", "function"},
    {"insert into t select * from glob('*')", "function"},
    {"explain select * from read_csv('x')", "function"},
    {"prepare p as select * from read_csv($1)", "function"},
    {"set variable x = (select content from read_text('x'))", "function"},
    {"select * from '/etc/passwd'", "place of a table"},
    {"from 'x.csv'", "place of a table"},
    {"from $$x.csv$$", "place of a table"},
    {"from E'x.csv'", "place of a table"},
    {"select * from t, 'x.csv'", "place of a table"},
    {"select * from t a, u b, 'x.csv' c", "place of a table"},
    {"select * from t join 'x.csv' using (a)", "place of a table"},
    {"select * from t cross join 'x.csv'", "place of a table"},
    {"select * from ('x.csv' cross join t)", "place of a table"},
    {"select * from (('x.csv' cross join t) cross join u)", "place of a table"},
    {"select * from (from 'x.csv')", "place of a table"},
    {"select * from t join u on t.a = u.a, 'x.csv'", "place of a table"},
    {"select * from t join u on t.a = u.where, 'x.csv'", "place of a table"},
    {"select * from t join u on t.a = $where, 'x.csv'", "place of a table"},
    {"select * from main.where, 'x.csv'", "place of a table"},
    {"select * from t set, 'x.csv'", "place of a table"},
    {"select * from t as values, 'x.csv'", "place of a table"},
    {"select * from values, 'x.csv'", "place of a table"},
    {"select * from if, 'x.csv'", "place of a table"},
    {"select * from exists, 'x.csv'", "place of a table"},
    {"select * from tables, 'x.csv'", "place of a table"},
    {"select * from t, lateral 'x.csv'", "place of a table"},
    {"select * from a: 'x.csv'", "place of a table"},
    {"select * from t, a: 'x.csv'", "place of a table"},
    {"select * from range(1), 'x.csv'", "place of a table"},
    {"select * from t where a in (from 'x.csv')", "place of a table"},
    {"select trim((select a from 'x.csv'))", "place of a table"},
    {"select trim(select a from 'x.csv')", "place of a table"},
    {"select \"trim\"(a from 'x.csv')", "place of a table"},
    {"with x as (from 'x.csv') from x", "place of a table"},
    {"insert into 'x' values (1)", "place of a table"},
    {"insert into t from 'x.csv'", "place of a table"},
    {"update 'x' set a = 1", "place of a table"},
    {"update t set a = 1 from 'x.csv'", "place of a table"},
    {"update t set a = 1 from u set, 'x.csv'", "place of a table"},
    {"delete from 'x'", "place of a table"},
    {"delete from t using 'x.csv'", "place of a table"},
    {"delete from t using u, 'x.csv'", "place of a table"},
    {"merge into t using 'x.csv' s on true when matched then delete", "place of a table"},
    {"merge into t using (from 'x.csv') s on true when matched then delete", "place of a table"},
    {"describe 'x.csv'", "place of a table"},
    {"desc 'x.csv'", "place of a table"},
    {"describe table 'x.csv'", "place of a table"},
    {"show 'x.csv'", "place of a table"},
    {"summarize 'x.csv'", "place of a table"},
    {"from (describe 'x.csv')", "place of a table"},
    {"from (desc 'x.csv')", "place of a table"},
    {"from (summarize 'x.csv')", "place of a table"},
    {"explain (describe 'x.csv')", "place of a table"},
    {"table 'x.csv'", "place of a table"},
    {"pivot 'x.csv' on a", "place of a table"},
    {"unpivot 'x.csv' on a", "place of a table"},
    {"truncate 'x'", "place of a table"},
    {"analyze 'x'", "place of a table"},
    {"vacuum 'x'", "place of a table"},
    {"create index i on 'x.csv' (a)", "place of a table"},
    {"create table 'x' (a int)", "place of a table"},
    {"create table if not exists 'x' (a int)", "place of a table"},
    {"drop table if exists 'x'", "place of a table"},
    {"alter table 'x' add column a int", "place of a table"},
    {"select * from ?", "parameter"},
    {"select * from $1", "parameter"},
    {"select * from $file", "parameter"},
    {"select * from t, ?", "parameter"},
    {"from \"x.csv\"", "reads like a file"},
    {"from \"data/x\"", "reads like a file"},
    {"from \"X.PARQUET\"", "reads like a file"},
    {"from \"s3://bucket/x\"", "reads like a file"},
    {"from \"*\"", "reads like a file"},
    {"from t, \"x.json\" u", "reads like a file"},
    {"from main.\"x.csv\"", "reads like a file"},
    {"insert into \"x.csv\" values (1)", "reads like a file"},
    {"from x.csv", "file ending"},
    {"from a.b.parquet", "file ending"},
    {"from \"a\".\"csv\"", "file ending"},
    {"from memory.main.t", "memory"},
    {"insert into memory.t values (1)", "memory"},
    {"create table \"memory\".t (a int)", "memory"},
    {"select\xC2\xA0*\xC2\xA0"
     "from\xE3\x80\x80read_text\xE2\x80\x83('x')",
     "function"},
    {"from\xC2\xA0'x'", "place of a table"},
    {"select $\xC3\xA9$ $\xC3\xA9$", "ASCII"},
    {"select 'a", "line 1, column 8: a string without"},
    {"select \"a", "quoted name"},
    {"select /* a", "comment"},
    {"select $$a", "dollar"},
    {"select u&'a'", "U&"},
    {"select E'\\u0041'", "escape"},
    {"select '\xff'", "UTF-8"},
};

static void gate_refuses_what_reaches_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        AUTO(arena) struct arena *arena = arena_new();
        struct gate_result result;
        struct err err;
        if (check(arena, refused[i].sql, &result, &err))
            fail_msg("passed: %s", refused[i].sql);
        if (!strstr(err.message, refused[i].why))
            fail_msg("%s: %s, without '%s'", refused[i].sql, err.message, refused[i].why);
        assert_true(str_is_utf8(err.message, strlen(err.message)));
    }
}

static void gate_refuses_a_nul_character(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct gate_result result;
    struct err err = {0};
    assert_false(gate_check(str_bytes("select 1\0; copy", 15), S("t"), arena, &result, &err));
    assert_non_null(strstr(err.message, "NUL"));
}

static void gate_names_line_and_column(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct gate_result result;
    struct err err;
    assert_false(check(arena, "select '\xC3\xA9',\n  \xC3\xA9, read_csv('x')", &result, &err));
    assert_string_equal(err.message, "line 2, column 6: the function read_csv is not open to tenants");
    assert_int_equal(err.code, ERR_DENIED);
    assert_false(check(arena, "select 'x", &result, &err));
    assert_int_equal(err.code, ERR_INVALID);
}

/* before, count times the middle, after */
static bool check_repeated(const char *before, const char *middle, size_t count, const char *after, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    AUTO(buf) struct buf text = {0};
    struct gate_result result;
    *err = (struct err){0};
    buf_append_str(&text, str_from(before));
    for (size_t i = 0; i < count; i++)
        buf_append_str(&text, str_from(middle));
    buf_append_str(&text, str_from(after));
    return gate_check(buf_str(&text), S("tenant_acme"), arena, &result, err);
}

static void gate_bounds_what_makes_the_planner_slow(void **state)
{
    (void)state;
    static const struct {
        const char *before, *middle;
        size_t passes, fails;
        const char *after, *limit;
    } cases[] = {
        {"select 1", "+1", 240, 800, "", "query.max_operators"},
        {"select 1", "||'a'", 200, 500, "", "query.max_operators"},
        {"select ", "-", 1, 3, "1", NULL}, /* "--" is a comment */
        {"select ", "- ", 200, 500, "1", "query.max_operators"},
        {"select ", "(1+", 100, 200, "1", "query.max_operators"},
        {"select 1", "+t.\"from\"+t.from", 100, 300, " from t", "query.max_operators"},
        {"select ", "(", 200, 100000, "", "query.max_depth"},
        {"select ", "[", 200, 100000, "", "query.max_depth"},
        {"select * from t where a = 1", " or a = 2", 5000, 100000, "", "query.max_tokens"},
        {"select 1", ", a + b", 5000, 100000, " from t", "query.max_tokens"},
        {"select '", "x", 1000000, 1048576, "'", "query.max_sql"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err;
        if (!check_repeated(cases[i].before, cases[i].middle, cases[i].passes, cases[i].after, &err))
            fail_msg("%s %zu: %s", cases[i].middle, cases[i].passes, err.message);
        if (!cases[i].limit)
            continue;
        assert_false(check_repeated(cases[i].before, cases[i].middle, cases[i].fails, cases[i].after, &err));
        if (!strstr(err.message, cases[i].limit) || !strstr(err.hint, cases[i].limit))
            fail_msg("%s: %s", cases[i].middle, err.message);
        assert_int_equal(err.code, ERR_INVALID);
    }
}

static void gate_quotes_the_schema_default(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"select * from default.t", "select * from \"default\".t"},
        {"select DEFAULT.t.a from Default.t where b = 'default.t' -- default.t",
         "select \"default\".t.a from \"default\".t where b = 'default.t' -- default.t"},
        {"select * from tenant_acme.default.t", "select * from tenant_acme.default.t"},
        {"select * from \"default\".t", "select * from \"default\".t"},
        {"use default", "use \"default\""},
        {"show tables from default", "show tables from \"default\""},
        {"insert into default.t values (default)", "insert into \"default\".t values (default)"},
        {"update t set a = default", "update t set a = default"},
        {"select * from default\"a\"", "select * from default\"a\""},
        {"select * from \"a\"default.t", "select * from \"a\"default.t"},
        {"select u&default.t", "select u&default.t"},
        {"select\xC2\xA0"
         "1",
         "select  1"},
        {"select\xE2\x80\x83'\xC2\xA0'", "select   '\xC2\xA0'"},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        AUTO(arena) struct arena *arena = arena_new();
        struct gate_result result;
        struct err err;
        if (!check(arena, pairs[i][0], &result, &err))
            fail_msg("%s: %s", pairs[i][0], err.message);
        if (!str_equal(result.sql, str_from(pairs[i][1])))
            fail_msg("%.*s", STR_ARG(result.sql));
        assert_int_equal(result.rewritten, strcmp(pairs[i][0], pairs[i][1]) != 0);
    }
}

static void gate_maps_positions_back(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    const char *sql = "select x from default.t, default.u where y";
    struct gate_result result;
    struct err err;
    assert_true(check(arena, sql, &result, &err));
    const char *const marks[] = {"select", "x", "from", "t,", "u ", "where", "y"};
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        ptrdiff_t at = str_find(result.sql, str_from(marks[i]));
        assert_int_equal(gate_map_offset(&result, (size_t)at), str_find(str_from(sql), str_from(marks[i])));
    }
    assert_int_equal(gate_map_offset(&result, result.sql.len), strlen(sql));
    size_t last = 0;
    for (size_t i = 0; i <= result.sql.len; i++) {
        size_t at = gate_map_offset(&result, i);
        assert_true(at >= last && at <= strlen(sql));
        last = at;
    }
}

static void gate_makes_settings_the_sessions_own(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"set default_null_order = 'x'", "set SESSION default_null_order = 'x'"},
        {"SET/**/timezone TO 'UTC'; reset default_order",
         "SET/**/SESSION timezone TO 'UTC'; reset SESSION default_order"},
        {"pragma default_order = desc", "SET SESSION default_order = desc"},
        {"set session schema = 'x'", "set session schema = 'x'"},
        {"set variable x = 1", "set variable x = 1"},
        {"reset variable x", "reset variable x"},
        {"set time zone 'UTC'", "set time zone 'UTC'"},
        {"pragma table_info('t')", "pragma table_info('t')"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        AUTO(arena) struct arena *arena = arena_new();
        struct gate_result result;
        struct err err;
        if (!check(arena, cases[i][0], &result, &err))
            fail_msg("%s: %s", cases[i][0], err.message);
        if (!str_equal(result.sql, str_from(cases[i][1])))
            fail_msg("%s became %.*s", cases[i][0], STR_ARG(result.sql));
        assert_int_equal(gate_map_offset(&result, result.sql.len), strlen(cases[i][0]));
        assert_int_equal(gate_map_offset(&result, result.sql.len - 1), strlen(cases[i][0]) - 1);
    }
}

static void gate_counts_statements_and_guesses_what_they_do(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        size_t count;
        bool writes, leaves;
    } cases[] = {
        {"", 0, false, false},
        {" -- x\n;;", 0, false, false},
        {"select 1", 1, false, false},
        {"select 1;", 1, false, false},
        {"select 1; ; (select 2)", 2, false, false},
        {"insert into t values (1)", 1, true, false},
        {"with x as (select 1) insert into t from x", 1, true, false},
        {"explain delete from t", 1, true, false},
        {"create table t (a int)", 1, true, false},
        {"create or replace temp table t (a int)", 1, true, true},
        {"create temporary view v as select 1", 1, true, true},
        {"create table if not exists temp.t (a int)", 1, true, true},
        {"create table \"TEMP\".main.t (a int)", 1, true, true},
        {"create table temp (a int)", 1, true, false},
        {"explain analyze create temp table t (a int)", 1, true, true},
        {"begin; select 1; commit", 3, false, true},
        {"set timezone = 'UTC'", 1, false, true},
        {"pragma default_order = desc", 1, false, true},
        {"pragma show_tables", 1, false, false},
        {"use s", 1, false, true},
        {"prepare x as select 1", 1, false, true},
        {"execute x", 1, false, true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        AUTO(arena) struct arena *arena = arena_new();
        struct gate_result result;
        struct err err;
        assert_true(check(arena, cases[i].sql, &result, &err));
        if (result.statement_count != cases[i].count || result.may_write != cases[i].writes ||
            result.may_leave != cases[i].leaves)
            fail_msg("%s: %zu, %d, %d", cases[i].sql, result.statement_count, result.may_write, result.may_leave);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gate_lets_the_tenants_own_work_pass),
        cmocka_unit_test(gate_refuses_what_reaches_out),
        cmocka_unit_test(gate_refuses_a_nul_character),
        cmocka_unit_test(gate_names_line_and_column),
        cmocka_unit_test(gate_bounds_what_makes_the_planner_slow),
        cmocka_unit_test(gate_quotes_the_schema_default),
        cmocka_unit_test(gate_maps_positions_back),
        cmocka_unit_test(gate_makes_settings_the_sessions_own),
        cmocka_unit_test(gate_counts_statements_and_guesses_what_they_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

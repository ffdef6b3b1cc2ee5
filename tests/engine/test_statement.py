"""Kinds, parameters, settings, sessions, errors."""
import json

import pyarrow as pa
import pytest


def refused(engine, sql, **options):
    with pytest.raises(Exception) as failure:
        engine.call(["run", "arrow", sql], **options)
    return failure.value


@pytest.mark.parametrize("sql", [
    "ATTACH '/tmp/x.db'", "DETACH tenant_acme", "COPY (SELECT 1) TO '/tmp/x.csv'", "EXPORT DATABASE '/tmp/x'",
    "LOAD json", "INSTALL httpfs", "CALL pragma_version()", "CALL enable_logging()", "PREPARE p AS SELECT 1",
    "PRAGMA enable_profiling", "CHECKPOINT", "COPY FROM DATABASE tenant_acme TO memory", "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM read_text('/etc/passwd')", "SELECT * FROM glob('/*')", "SET threads = 1", "SET lock_configuration = false",
    "SET enable_external_access = true", "SET temp_directory = '/tmp'", "CREATE SECRET (TYPE http, BEARER_TOKEN 'x')",
    "SET allowed_configs = ['threads']", "SET streaming_buffer_size = '1GB'"])
def test_what_reaches_out_fails(engine, sql):
    assert refused(engine, sql).kind in ("permission_denied", "invalid_argument", "not_found", "unimplemented")


def test_temporary_directory_is_no_way_out(engine):
    assert refused(engine, f"COPY (SELECT 1) TO '{engine.temp}/x.csv'").kind == "permission_denied"


def test_error_says_where(engine):
    failure = refused(engine, "SELECT 1,\n  nothere FROM range(3)")
    assert failure.kind == "invalid_argument"
    assert "(line 2, column 3)" in failure.message and "\n" not in failure.message


def test_errors_do_not_tell_where_the_files_are(engine):
    text = str(refused(engine, f"SELECT * FROM read_csv('{engine.database.parent}/x.csv')"))
    assert str(engine.database.parent) not in text


@pytest.mark.parametrize("sql, kind", [
    ("SELEC 1", "invalid_argument"), ("SELECT * FROM nope", "not_found"), ("SELECT 'a'::INT", "invalid_argument"),
    ("CREATE TABLE t (a INT); CREATE TABLE t (a INT)", "already_exists"), ("", "invalid_argument"), ("-- x", "invalid_argument"),
    ("CREATE TABLE t (a INT NOT NULL); INSERT INTO t VALUES (NULL)", "failed_precondition"), ("COMMIT", "failed_precondition"),
    ("SELECT 9223372036854775807 + 1", "out_of_range"), ("SELECT $1", "invalid_argument")])
def test_kinds_of_errors(engine, sql, kind):
    assert refused(engine, sql).kind == kind


@pytest.mark.parametrize("parameters, sql, value", [
    ("[1, \"x\", null, true, 1.5]", "SELECT [?::INT::VARCHAR, ?, ?::VARCHAR, (?)::VARCHAR, ?::DOUBLE::VARCHAR] v",
     ["1", "x", None, "true", "1.5"]),
    ("{\"b\": 2, \"a\": 40}", "SELECT $a + $b v", 42),
    ("[\"2020-01-02\"]", "SELECT DATE '2020-01-01' < ? v", True),
    ("[\"12345678901234567890\"]", "SELECT ?::HUGEINT + 1 v", "12345678901234567891"),
])
def test_parameters(engine, parameters, sql, value):
    assert engine.json(sql, options=["--parameters", parameters])["rows"] == [[value]]


@pytest.mark.parametrize("parameters", ["[]", "[1, 2]", "{\"x\": 1}", "[[1]]", "3", "[1"])
def test_wrong_parameters(engine, parameters):
    assert refused(engine, "SELECT ?::INT", options=["--parameters", parameters]).kind == "invalid_argument"


def test_names(engine):
    engine.call(["run", "arrow", "CREATE TABLE orders AS SELECT 7 a"])
    for name in ("orders", "tenant_acme.default.orders", '"default".orders'):
        assert engine.json(f"SELECT a FROM {name}")["rows"] == [[7]]


def test_sessions_start_in_utc_and_may_change_it(engine):
    assert engine.json("SELECT current_setting('TimeZone')")["rows"] == [["UTC"]]
    assert engine.json("SET TimeZone = 'Asia/Tokyo'; SELECT current_setting('TimeZone')")["rows"] == [["Asia/Tokyo"]]


@pytest.mark.parametrize("sql", ["CREATE TABLE t (a INT)", "INSERT INTO r VALUES (1)", "DROP TABLE r"])
def test_reader_may_not_write(engine, sql):
    engine.call(["run", "arrow", "CREATE TABLE r (a INT)"])
    assert refused(engine, sql, options=["--read-only", "true"]).kind == "permission_denied"
    assert engine.json("SELECT count(*) n FROM r", options=["--read-only", "true"])["rows"] == [[0]]


def test_explain_analyze_is_no_way_to_write(engine):
    engine.call(["run", "arrow", "CREATE TABLE r (a INT)"])
    refused(engine, "EXPLAIN ANALYZE INSERT INTO r VALUES (1)", options=["--read-only", "true"])
    assert engine.json("SELECT count(*) n FROM r")["rows"] == [[0]]


def test_several_statements_give_the_last_result(engine):
    assert engine.json("CREATE TABLE t (a INT); INSERT INTO t VALUES (1), (2); SELECT sum(a)::INT s FROM t")["rows"] == [[3]]


def test_writes_count_their_rows(engine):
    assert engine.json("CREATE TABLE t (a INT); INSERT INTO t SELECT * FROM range(5)")["rows"] == [[5]]
    _, report = engine.call(["bench", "flight", "DELETE FROM t WHERE a > 2"])
    assert json.loads(report)["rows"] == 2
    assert engine.json("INSERT INTO t VALUES (9) RETURNING a * 2 AS b")["rows"] == [[18]]


def test_transaction_stays_open_between_statements(engine):
    out, _ = engine.call(["bench", "arrow", "BEGIN; CREATE TABLE t (a INT)"], ["run", "csv", "SELECT count(*) AS n FROM t"],
                         ["bench", "arrow", "ROLLBACK"])
    assert out == b"n\r\n0\r\n"
    assert refused(engine, "SELECT * FROM t").kind == "not_found"


@pytest.mark.parametrize("sql, parameters", [
    ("SELECT * FROM test_all_types()", ""), ("SELECT 1 a WHERE false", ""),
    ("SELECT ? a, ?::DATE b", "[1, \"2020-01-01\"]"), ("SELECT ?::DATE b", "")])
def test_announced_schema_equals_the_streams(engine, sql, parameters):
    options = ["--parameters", parameters] if parameters else []
    announced = engine.describe(sql, options=options)[0]
    if parameters or "?" not in sql:
        streamed = engine.arrow(sql, options=options).schema
        assert announced.equals(streamed)
        for field, got in zip(announced, streamed):
            assert (got.metadata or {}).items() <= field.metadata.items()
    else:
        assert announced.field("b").type == pa.date32()


def test_describing_runs_nothing(engine):
    engine.call(["describe", "CREATE TABLE t (a INT)"])
    assert refused(engine, "SELECT * FROM t").kind == "not_found"

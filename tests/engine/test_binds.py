"""Values for parameters as Arrow rows, statements that stay prepared, and what is said of a statement before it runs."""
import datetime
import decimal
import io
import json

import pyarrow as pa
import pytest
from lib.ipc import stream

D = decimal.Decimal
DAY, MOMENT = datetime.date(2020, 2, 29), datetime.datetime(2020, 2, 29, 1, 2, 3)
UTC = MOMENT.replace(tzinfo=datetime.timezone.utc)

# Each comes back as it was bound, NULLs too.
BOUND = {
    "int8": pa.array([-128, None, 127], pa.int8()),
    "uint8": pa.array([255, None], pa.uint8()),
    "int16": pa.array([-2**15, None], pa.int16()),
    "uint16": pa.array([2**16 - 1], pa.uint16()),
    "int32": pa.array([-2**31, None, 5], pa.int32()),
    "uint32": pa.array([2**32 - 1, None], pa.uint32()),
    "int64": pa.array([42, -42, None], pa.int64()),
    "uint64": pa.array([2**64 - 1, None], pa.uint64()),
    "float32": pa.array([1.5, None], pa.float32()),
    "float64": pa.array([-0.1, None, float("inf")]),
    "bool": pa.array([True, None, False]),
    "string": pa.array(["", None, "bar", "ä" * 50]),
    "large string": pa.array(["a", None], pa.large_string()),
    "string view": pa.array(["short", None, "longer than twelve bytes"], pa.string_view()),
    "binary": pa.array([b"", None, b"\x00\xff"]),
    "large binary": pa.array([b"x", None], pa.large_binary()),
    "binary view": pa.array([b"x", None, b"y" * 40], pa.binary_view()),
    "fixed binary": pa.array([b"abc", None], pa.binary(3)),
    "decimal32": pa.array([D("1.5"), None], pa.decimal32(5, 1)),
    "decimal64": pa.array([D("-12345678901.25"), None], pa.decimal64(15, 2)),
    "decimal128": pa.array([D("-123456789012345678901234567890.12345678"), None, D("0.00000001")], pa.decimal128(38, 8)),
    "date32": pa.array([DAY, None, datetime.date(1, 1, 1)]),
    "date64": pa.array([DAY, None], pa.date64()),
    "time32 s": pa.array([datetime.time(1), None], pa.time32("s")),
    "time32 ms": pa.array([datetime.time(1, 2, 3, 4000), None], pa.time32("ms")),
    "time64 us": pa.array([datetime.time(1, 2, 3, 4), None], pa.time64("us")),
    "time64 ns": pa.array([1, None], pa.time64("ns")),
    "timestamp s": pa.array([MOMENT, None], pa.timestamp("s")),
    "timestamp ms": pa.array([MOMENT, None], pa.timestamp("ms")),
    "timestamp us": pa.array([MOMENT, None, datetime.datetime(1600, 1, 1, 0, 0, 0, 1)], pa.timestamp("us")),
    "timestamp ns": pa.array([MOMENT, None], pa.timestamp("ns")),
    "timestamp tz s": pa.array([UTC, None], pa.timestamp("s", "UTC")),
    "timestamp tz us": pa.array([UTC, None], pa.timestamp("us", "Europe/Berlin")),
    "timestamp tz ns": pa.array([UTC, None], pa.timestamp("ns", "UTC")),
    "duration": pa.array([datetime.timedelta(hours=-1), None], pa.duration("ms")),
    "interval": pa.array([pa.MonthDayNano([1, 2, 3000]), None]),
    "dictionary": pa.array(["u", "v", None, "u"]).dictionary_encode(),
    "list": pa.array([[1, None], None, []], pa.list_(pa.int32())),
    "large list": pa.array([["a"], None], pa.large_list(pa.string())),
    "list view": pa.array([[1], None, [2, 3]], pa.list_view(pa.int32())),
    "fixed list": pa.array([[1, 2], None, [3, None]], pa.list_(pa.int16(), 2)),
    "struct": pa.array([{"x": 1, "y": "q"}, None, {"x": None, "y": "r"}]),
    "map": pa.array([[("k", 1), ("l", None)], None, []], pa.map_(pa.string(), pa.int32())),
    "deep": pa.array([[{"a": [{"b": ["c", None]}]}], None, []]),
    "null": pa.nulls(2),
}


def values(column):
    def plain(value):
        if isinstance(value, datetime.datetime) and value.tzinfo:
            return value.astimezone(datetime.timezone.utc)
        if isinstance(value, pa.MonthDayNano) and value.months == value.days == 0:
            return datetime.timedelta(microseconds=value.nanoseconds // 1000)
        return getattr(value, "to_pydatetime", lambda: value)()
    return [plain(v) for v in column.to_pylist()]


def bind_each(engine, format, *words):
    """What a bind of each type's values, by a statement of its own, leaves on stdout."""
    commands, data = [], b""
    for sql, column in words:
        commands += [["bind", format, sql]]
        data += stream(column if isinstance(column, pa.Table) else pa.table({"v": column}))
    return engine.call(*commands, data=data)[0]


def test_types_are_bound_exactly(engine):
    out = pa.BufferReader(bind_each(engine, "arrow", *(("SELECT ? AS v", column) for column in BOUND.values())))
    for name, column in BOUND.items():
        got = pa.ipc.open_stream(out).read_all().column("v")
        assert values(got) == values(column), name


def test_types_are_stored_exactly(engine):
    kinds = bind_each(engine, "jsonl", *(("SELECT typeof(?) AS t", column.slice(0, 1)) for column in BOUND.values()))
    kinds = [json.loads(line)["t"] for line in kinds.decode().splitlines()]
    tables = "; ".join(f"CREATE TABLE t{i} (n INT, v {'INT' if kind == chr(34) + 'NULL' + chr(34) else kind})" for i, kind in enumerate(kinds))
    engine.call(["bench", "arrow", tables])
    bind_each(engine, "csv", *((f"INSERT INTO t{i} VALUES (?, ?)", pa.table({"n": pa.array(range(len(column)), pa.int8()), "v": column}))
                               for i, column in enumerate(BOUND.values())))
    out = pa.BufferReader(engine.call(*(["run", "arrow", f"SELECT v FROM t{i} ORDER BY n"] for i in range(len(BOUND))))[0])
    for name, column in BOUND.items():
        assert values(pa.ipc.open_stream(out).read_all().column("v")) == values(column), name


@pytest.mark.parametrize("column, said", [
    (pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1])]), "union"),
    (pa.RunEndEncodedArray.from_arrays([2], [7]), "run_end_encoded")])
def test_type_is_refused_by_name(engine, column, said):
    with pytest.raises(Exception) as failure:
        engine.bind("SELECT ? AS v", pa.table({"odd": column}))
    assert failure.value.kind == "unimplemented" and "column odd" in failure.value.message and said in failure.value.message


def test_rows_follow_each_other_in_one_result(engine):
    got = engine.bind("SELECT i FROM range(5) r(i) WHERE i < ? ORDER BY i", pa.table({"n": [2, 0, 3, None]}))
    assert got.column(0).to_pylist() == [0, 1, 0, 1, 2]


def test_rows_of_a_change_are_all_or_nothing(engine):
    engine.call(["run", "arrow", "CREATE TABLE t (a INT CHECK (a < 10))"])
    count = engine.bind("INSERT INTO t VALUES (?)", pa.table({"a": [1, 2, 3]}))
    assert count.to_pylist() == [{"Count": 3}]
    with pytest.raises(Exception) as failure:
        engine.bind("INSERT INTO t VALUES (?)", pa.table({"a": [4, 5, 99]}))
    assert failure.value.kind == "failed_precondition"
    assert engine.json("SELECT count(*) FROM t")["rows"] == [[3]]


def test_rows_inside_a_transaction_wait_for_its_end(engine):
    engine.call(["run", "arrow", "CREATE TABLE t (a INT)"])
    out, _ = engine.call(["bench", "arrow", "BEGIN"], ["bind", "csv", "INSERT INTO t VALUES (?)"], ["state"],
                         ["bench", "arrow", "ROLLBACK"], ["state"], data=stream(pa.table({"a": [1, 2]})))
    assert b'{"clean": 0, "transaction": 1, "kept": 1}' in out and out.endswith(b'{"clean": 1, "transaction": 0, "kept": 0}\n')
    assert engine.json("SELECT count(*) FROM t")["rows"] == [[0]]


def test_returning_rows_are_sent(engine):
    engine.call(["run", "arrow", "CREATE TABLE t (a INT)"])
    assert engine.bind("INSERT INTO t VALUES (?) RETURNING a * 2 AS b", pa.table({"a": [1, 2]})).to_pylist() == [{"b": 2}, {"b": 4}]


def test_no_rows_run_nothing_but_have_a_schema(engine):
    engine.call(["run", "arrow", "CREATE TABLE t (a INT)"])
    assert engine.bind("INSERT INTO t VALUES (?)", pa.table({"a": pa.array([], pa.int32())})) is None
    got = engine.bind("SELECT ? AS v, a FROM t", pa.table({"a": pa.array([], pa.int64())}))
    assert got.schema == pa.schema([("v", pa.int64()), ("a", pa.int32())]) and got.num_rows == 0
    assert engine.json("SELECT count(*) FROM t")["rows"] == [[0]]


@pytest.mark.parametrize("rows", [0, 1])
def test_no_columns_are_no_parameters(engine, rows):
    batch = pa.RecordBatch.from_struct_array(pa.array([{}] * rows, pa.struct([])))
    out = io.BytesIO()
    with pa.ipc.new_stream(out, batch.schema) as writer:
        writer.write_batch(batch)
    assert engine.bind("SELECT 42 AS v", out.getvalue()).to_pylist() == [{"v": 42}]


def test_names_bind_by_name(engine):
    table = pa.table({"b": [2], "$a": [40]})
    assert engine.bind("SELECT $a - $b AS v", table).to_pylist() == [{"v": 38}]
    assert engine.bind("SELECT $2 - $1 AS v", pa.table({"x": [2], "y": [40]})).to_pylist() == [{"v": 38}]


def test_wrong_number_of_columns_names_both(engine):
    with pytest.raises(Exception) as failure:
        engine.bind("SELECT ?, ?", pa.table({"a": [1]}))
    assert failure.value.kind == "invalid_argument"
    assert failure.value.message == "the statement takes 2 parameters, 1 were given"


def test_statement_stays_prepared(engine):
    out, _ = engine.call(["run", "csv", "CREATE TABLE t AS SELECT 1 AS a"], ["prepared", "7"], ["run", "csv", "SELECT a FROM t"],
                         ["state"], ["run", "csv", "SELECT a FROM t"], ["run", "csv", "SELECT a + 1 AS b FROM t"])
    assert out.endswith(b'a\r\n1\r\n{"clean": 1, "transaction": 0, "kept": 1}\na\r\n1\r\nb\r\n2\r\n')


def test_prepared_statement_follows_the_table(engine):
    out, _ = engine.call(["bench", "csv", "CREATE TABLE t AS SELECT 1 AS a"], ["prepared", "7"], ["run", "csv", "SELECT * FROM t"],
                         ["prepared", "0"], ["bench", "csv", "CREATE OR REPLACE TABLE t AS SELECT 'x' AS b, 2 AS c"],
                         ["prepared", "7"], ["run", "csv", "SELECT * FROM t"], ["prepared", "0"],
                         ["bench", "csv", "DROP TABLE t; CREATE TABLE t AS SELECT 9 AS z"],
                         ["prepared", "7"], ["run", "csv", "SELECT * FROM t"])
    assert out == b"a\r\n1\r\nb,c\r\nx,2\r\nz\r\n9\r\n"


def test_prepared_statement_that_fails_works_again(engine):
    data = stream(pa.table({"a": ["x"]})) + stream(pa.table({"a": ["5"]}))
    with pytest.raises(Exception) as failure:
        engine.call(["prepared", "7"], ["bind", "csv", "SELECT ?::INT AS v"], ["bind", "csv", "SELECT ?::INT AS v"], data=data)
    assert failure.value.kind == "invalid_argument"


# --- What is said before it runs ---

def test_parameters_are_described(engine):
    engine.call(["run", "arrow", "CREATE TABLE t (a BIGINT, b VARCHAR, c TIMESTAMPTZ, d HUGEINT, e TIMETZ, f DECIMAL(9,2))"])
    result, parameters, said = engine.describe("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?)")
    assert [(f.name, f.type) for f in parameters] == [
        ("1", pa.int64()), ("2", pa.string()), ("3", pa.timestamp("ms", "UTC")), ("4", pa.decimal128(38, 0)),
        ("5", pa.time32("ms")), ("6", pa.decimal128(9, 2))]
    assert result.names == [] and said == {"kind": "write", "depends": False}
    _, parameters, _ = engine.describe("SELECT a FROM t WHERE b = $name AND a = $number")
    assert sorted((f.name, f.type) for f in parameters) == [("name", pa.string()), ("number", pa.int64())]


def test_result_whose_types_depend_on_parameters_is_described(engine):
    result, parameters, said = engine.describe("SELECT ? AS a, 1::TINYINT AS b")
    assert result.names == ["a", "b"] and result.field("b").type == pa.int8()
    assert parameters.field("1").type == pa.null() and said == {"kind": "read", "depends": True}
    _, _, said = engine.describe("SELECT a FROM range(3) r(a) WHERE a = ?")
    assert said["depends"] is False


@pytest.mark.parametrize("sql, kind", [
    ("CREATE TABLE t (a INT)", "ddl"), ("BEGIN", "transaction"), ("SET TimeZone = 'UTC'", "setting"),
    ("CREATE TABLE t (a INT); SELECT * FROM t", "ddl"), ("SELECT 1; CREATE TABLE t (a INT)", "ddl")])
def test_what_does_more_than_read_has_no_result_fields(engine, sql, kind):
    result, parameters, said = engine.describe(sql)
    assert result.names == [] and parameters.names == [] and said["kind"] == kind
    assert engine.json("SELECT count(*) FROM duckdb_tables()")["rows"] == [[0]]


def test_fields_say_their_type_in_sql(engine):
    result, _, _ = engine.describe("SELECT 1.5::DECIMAL(9,2) AS d, 'x' AS s, [1] AS l, uuid() AS u, '{}'::JSON AS j")
    told = {f.name: {k.decode().removeprefix("ARROW:FLIGHT:SQL:"): v.decode() for k, v in f.metadata.items()} for f in result}
    assert told["d"] == {"TYPE_NAME": "DECIMAL(9,2)", "PRECISION": "9", "SCALE": "2", "IS_AUTO_INCREMENT": "0",
                         "IS_CASE_SENSITIVE": "0", "IS_READ_ONLY": "1", "IS_SEARCHABLE": "1"}
    assert [told[n]["TYPE_NAME"] for n in "sluj"] == ["VARCHAR", "INTEGER[]", "UUID", "JSON"]
    assert told["s"]["IS_CASE_SENSITIVE"] == "1" and "PRECISION" not in told["s"]
    assert result.field("j").type == pa.string()


def test_pivot_reads(engine):
    engine.call(["run", "arrow", "CREATE TABLE t AS SELECT * FROM (VALUES (1, 'x'), (2, 'y'), (3, 'x')) v(a, b)"])
    sql = "PIVOT t ON b USING sum(a)"
    result, _, said = engine.describe(sql)
    assert result.names == ["x", "y"] and said["kind"] == "read"
    for rights in ("own", "write", "read"):
        out, _ = engine.call(["rights", rights], ["run", "csv", sql], ["state"])
        assert out == b'x,y\r\n4,2\r\n{"clean": 1, "transaction": 0, "kept": 0}\n', rights

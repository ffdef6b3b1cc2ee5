"""Every type, both ways, against what the duckdb package itself makes of it."""

import datetime
import decimal

import duckdb
import numpy
import pyarrow as pa
import pytest

from lib.client import FAILS


@pytest.fixture(scope="module")
def reference():
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    yield connection
    connection.close()


def arrow_of(connection, sql):
    return connection.execute(sql).to_arrow_table()


def assert_same(ours, theirs):
    """Equal schema, nullability and values; NaN equals NaN."""
    assert ours.schema.equals(theirs.schema), f"{ours.schema}\nis not\n{theirs.schema}"
    assert [field.nullable for field in ours.schema] == [field.nullable for field in theirs.schema]
    ours, theirs = ours.combine_chunks(), theirs.combine_chunks()
    if not ours.equals(theirs):
        assert repr(ours.to_pylist()) == repr(theirs.to_pylist())


COLUMNS = [row[0] for row in duckdb.connect().execute("DESCRIBE SELECT * FROM test_all_types()").fetchall()]


@pytest.mark.parametrize("column", COLUMNS)
def test_download_of(shared, reference, column):
    sql = f'SELECT "{column}" FROM test_all_types()'
    assert_same(shared.query(sql), arrow_of(reference, sql))


@pytest.mark.parametrize("column", COLUMNS)
def test_download_of_many_rows_of(shared, reference, column):
    """More than one vector and more than one batch, nulls between values."""
    sql = f'SELECT "{column}" AS v FROM range(2500) r(i), test_all_types()'
    assert_same(shared.query(sql), arrow_of(reference, sql))


@pytest.mark.parametrize("sql", [
    "SELECT 42 AS n",
    "SELECT NULL AS nothing",
    "SELECT * FROM range(0)",
    "SELECT * FROM range(100000)",
    "SELECT ''::VARCHAR AS empty, repeat('x', 1000000) AS long",
    "SELECT [] AS a, [[1, NULL], NULL, []] AS b, {'x': [1], 'y': {'z': NULL}} AS c, MAP {'k': [1, 2]} AS d",
    "SELECT i, CASE WHEN i % 3 = 0 THEN NULL ELSE i::VARCHAR END AS s FROM range(10000) t(i)",
    "SELECT i % 2 = 0 AS b, (i % 900)::DECIMAL(4,1) AS d4, i::DECIMAL(9,2) AS d9, i::DECIMAL(18,3) AS d18, i::DECIMAL(38,4) AS d38 FROM range(5000) t(i)",
    "SELECT ('2000-01-01'::DATE + i::INTEGER) AS d, ('2000-01-01'::TIMESTAMP + i * INTERVAL 1 SECOND) AS t, i * INTERVAL 1 DAY AS iv FROM range(5000) t(i)",
    "SELECT 1 AS a, 2 AS a",
    "SELECT i, [j FOR j IN range(i % 5)] AS l, {'a': i, 'b': i::VARCHAR} AS s FROM range(3000) t(i)",
    "SELECT i::INTEGER[3] AS a FROM (VALUES ([1, 2, 3]), (NULL), ([4, NULL, 6])) t(i)",
    "SELECT ['a', 'b'][1 + i % 2]::ENUM('a', 'b') AS e FROM range(4000) t(i)",
    "SELECT uuid AS u FROM (VALUES ('00000000-0000-0000-0000-000000000000'::UUID), ('ffffffff-ffff-ffff-ffff-ffffffffffff')) t(uuid)",
])
def test_download_equals_the_package(shared, reference, sql):
    ours, theirs = shared.query(sql), arrow_of(reference, sql)
    assert_same(ours, theirs)


D = decimal.Decimal
UTC = datetime.timezone.utc
NOON = datetime.datetime(2026, 11, 21, 12, 30, 45, 123456)
ARRAYS = {
    "null": pa.nulls(3),
    "bool": pa.array([True, None, False]),
    **{str(kind): pa.array([0, None, 100], kind) for kind in (
        pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())},
    "int64 extremes": pa.array([-2**63, 2**63 - 1, None], pa.int64()),
    "uint64 extremes": pa.array([0, 2**64 - 1, None], pa.uint64()),
    "float16": pa.array(numpy.array([0.5, 1.5, -2], numpy.float16)),
    "float32": pa.array([0.5, None, float("inf")], pa.float32()),
    "float64": pa.array([0.5, None, -float("inf")], pa.float64()),
    "decimal32": pa.array([D("1.5"), None, D("-99.9")], pa.decimal32(3, 1)),
    "decimal64": pa.array([D("1.50"), None, D("-99.99")], pa.decimal64(12, 2)),
    "decimal128": pa.array([D("1.50"), None, D("-99999999999999999999.99")], pa.decimal128(38, 2)),
    "decimal256 that is too wide": pa.array([D("1.50")], pa.decimal256(50, 2)),
    "string": pa.array(["a", None, "Ωmega 🦆"]),
    "large_string": pa.array(["a", None, ""], pa.large_string()),
    "string_view": pa.array(["short", None, "longer than twelve bytes"], pa.string_view()),
    "binary": pa.array([b"a", None, b"\x00\xff"]),
    "large_binary": pa.array([b"a", None, b""], pa.large_binary()),
    "binary_view": pa.array([b"short", None, b"longer than twelve bytes"], pa.binary_view()),
    "fixed_size_binary": pa.array([b"abc", None, b"def"], pa.binary(3)),
    "date32": pa.array([datetime.date(2026, 11, 21), None, datetime.date(1, 1, 1)]),
    "date64": pa.array([datetime.date(2026, 11, 21), None, datetime.date(1970, 1, 1)], pa.date64()),
    **{f"time32[{unit}]": pa.array([1, None, 2], pa.time32(unit)) for unit in ("s", "ms")},
    **{f"time64[{unit}]": pa.array([1000, None, 2000], pa.time64(unit)) for unit in ("us", "ns")},
    **{f"timestamp[{unit}]": pa.array([NOON.replace(microsecond=0), None, NOON.replace(microsecond=0)], pa.timestamp(unit))
       for unit in ("s", "ms", "us", "ns")},
    "timestamp with zone": pa.array([NOON.replace(tzinfo=UTC), None], pa.timestamp("us", "UTC")),
    "timestamp with another zone": pa.array([NOON.replace(tzinfo=UTC), None], pa.timestamp("us", "Europe/Berlin")),
    **{f"duration[{unit}]": pa.array([1, None, 2], pa.duration(unit)) for unit in ("s", "ms", "us", "ns")},
    "month_day_nano": pa.array([pa.MonthDayNano([1, 2, 3000]), None]),
    "list": pa.array([[1, None], None, []], pa.list_(pa.int32())),
    "large_list": pa.array([[1, None], None, []], pa.large_list(pa.int32())),
    "list_view": pa.array([[1, None], None, []], pa.list_view(pa.int32())),
    "large_list_view": pa.array([[1, None], None, []], pa.large_list_view(pa.int32())),
    "fixed_size_list": pa.array([[1, 2], None, [3, None]], pa.list_(pa.int32(), 2)),
    "list of strings": pa.array([["a", None], None, ["longer than twelve bytes"]]),
    "struct": pa.array([{"a": 1, "b": "x"}, None, {"a": None, "b": None}]),
    "map": pa.array([[("a", 1)], None, []], pa.map_(pa.string(), pa.int32())),
    "deep": pa.array([[{"m": [("k", [{"x": 1}])]}], None], pa.list_(pa.struct([("m", pa.map_(pa.string(), pa.list_(pa.struct([("x", pa.int8())]))))]))),
    "dictionary": pa.array(["a", "b", None, "a"]).dictionary_encode(),
    "dictionary of small index": pa.DictionaryArray.from_arrays(pa.array([0, 1, None, 0], pa.int8()), ["red", "green"]),
    "dictionary of unsigned index": pa.DictionaryArray.from_arrays(pa.array([0, 1, None, 0], pa.uint32()), ["red", "green"]),
    "dictionary of numbers": pa.array([1.5, 2.5, 1.5]).dictionary_encode(),
    "list of dictionary": pa.ListArray.from_arrays([0, 2, 3], pa.array(["a", "b", "a"]).dictionary_encode()),
    "run_end_encoded": pa.RunEndEncodedArray.from_arrays(pa.array([2, 3], pa.int32()), pa.array([1, 2])),
    "sparse_union": pa.UnionArray.from_sparse(pa.array([0, 1], pa.int8()), [pa.array([1, 2]), pa.array(["a", "b"])]),
    "dense_union": pa.UnionArray.from_dense(pa.array([0, 1], pa.int8()), pa.array([0, 0], pa.int32()), [pa.array([1]), pa.array(["b"])]),
}


def stored_by_the_package(array):
    """What the duckdb package stores for the column: (type, values), or None when it cannot store it."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    data = pa.table({"v": array})
    try:
        connection.register("data", data)
        connection.execute("CREATE TABLE t AS SELECT * FROM data")
        return arrow_of(connection, "SELECT typeof(v) AS type, v FROM t")
    except (duckdb.Error, pa.ArrowException):
        return None


@pytest.mark.parametrize("name", ARRAYS)
def test_upload_of(acme, name):
    array = ARRAYS[name]
    expected = stored_by_the_package(array)
    if expected is None:
        with pytest.raises(FAILS) as error:
            acme.upload("t", pa.table({"v": array}))
        assert "v" in str(error.value)
        assert acme.value("SELECT count(*) FROM duckdb_tables()") == 0
    else:
        acme.upload("t", pa.table({"v": array}))
        assert_same(acme.query("SELECT typeof(v) AS type, v FROM t"), expected)


@pytest.mark.parametrize("name", [name for name in ARRAYS if "union" not in name and "run_end" not in name])
def test_upload_of_a_slice_of(acme, name):
    """Offsets inside the arrays: pyarrow sends what it cannot cut."""
    array = ARRAYS[name].slice(1)
    expected = stored_by_the_package(array)
    if expected is not None:
        acme.upload("t", pa.table({"v": array}))
        assert_same(acme.query("SELECT typeof(v) AS type, v FROM t"), expected)


def test_upload_of_a_dictionary_that_changes_between_batches(acme):
    batches = [pa.RecordBatch.from_arrays([pa.array(words).dictionary_encode()], ["v"]) for words in (["a", "b"], ["c", "a"])]
    acme.upload("t", batches, schema=batches[0].schema)
    assert acme.query("SELECT v FROM t").column("v").cast(pa.string()).to_pylist() == ["a", "b", "c", "a"]


def test_round_trip_of_everything(acme):
    """All that the server sends, it takes; but a hugeint of 39 digits, which its own decimal(38, 0) cannot hold."""
    everything = acme.query("SELECT * FROM test_all_types()")
    names = [field.name for field in everything.schema if not pa.types.is_union(field.type) and "hugeint" not in field.name]
    acme.upload("t", everything.select(names))
    back = acme.query("SELECT * FROM t")
    assert back.column_names == names
    assert back.num_rows == everything.num_rows

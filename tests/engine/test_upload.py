"""Every Arrow type that DuckDB can store comes in; nothing comes in half."""
import datetime
import decimal
import io

import pyarrow as pa
import pytest
from lib.ipc import stream

D = decimal.Decimal
DAY, MOMENT = datetime.date(2020, 2, 29), datetime.datetime(2020, 2, 29, 1, 2, 3)

# Arrow comes back with the same values, if not always in the same type.
STORED = {
    "dec32": pa.array([D("1.5"), None], pa.decimal32(5, 1)),
    "dec64": pa.array([D("-1.5"), None], pa.decimal64(15, 1)),
    "dec128": pa.array([D("1.5"), None, D("9" * 35) / 10], pa.decimal128(36, 1)),
    "string view": pa.array(["a", "b" * 50, None, ""], pa.string_view()),
    "binary view": pa.array([b"a", b"\xff" * 50, None], pa.binary_view()),
    "large string": pa.array(["a", "ä" * 50, None], pa.large_string()),
    "large binary": pa.array([b"a", b"\xff" * 50, None], pa.large_binary()),
    "fixed binary": pa.array([b"abc", None], pa.binary(3)),
    "large list": pa.array([[1], None, [2, 3], []], pa.large_list(pa.int32())),
    "list view": pa.array([[1], None, [2, 3]], pa.list_view(pa.int32())),
    "large list view": pa.array([["a"], None, ["b", None]], pa.large_list_view(pa.string())),
    "fixed list": pa.array([[1, 2], None, [2, None]], pa.list_(pa.int32(), 2)),
    "struct": pa.array([{"x": 1, "y": "q"}, None, {"x": None, "y": "r"}]),
    "map": pa.array([[("k", 1)], None, []], pa.map_(pa.string(), pa.int32())),
    "sparse union": pa.UnionArray.from_sparse(pa.array([0, 1], pa.int8()), [pa.array([1, 2]), pa.array(["a", "b"])]),
    "runs": pa.RunEndEncodedArray.from_arrays([2, 3], [7, 8]),
    "null": pa.nulls(2),
    "bool": pa.array([True, None, False]),
    "date32": pa.array([DAY, None]),
    "date64": pa.array([DAY, None], pa.date64()),
    "time32 s": pa.array([datetime.time(1), None], pa.time32("s")),
    "time32 ms": pa.array([datetime.time(1), None], pa.time32("ms")),
    "time64 us": pa.array([datetime.time(1, 2, 3, 4), None], pa.time64("us")),
    "time64 ns": pa.array([datetime.time(1), None], pa.time64("ns")),
    "timestamp s": pa.array([MOMENT, None], pa.timestamp("s")),
    "timestamp ms": pa.array([MOMENT, None], pa.timestamp("ms")),
    "timestamp us": pa.array([MOMENT, None], pa.timestamp("us")),
    "timestamp ns": pa.array([MOMENT, None], pa.timestamp("ns")),
    "timestamp tz": pa.array([MOMENT, None], pa.timestamp("us", "Europe/Berlin")),
    "months days": pa.array([pa.MonthDayNano([1, 2, 3000]), None]),
    "dictionary": pa.array(["u", "v", None, "u"]).dictionary_encode(),
    "dictionary of numbers": pa.array([5, 6, 5, None]).dictionary_encode(),
    "dictionary with null": pa.DictionaryArray.from_arrays(pa.array([0, 1, None]), pa.array(["a", None])),
    "list of dictionary": pa.array([["a", "b"], None, ["a"]], pa.list_(pa.dictionary(pa.int32(), pa.string()))),
    "struct of dictionary": pa.StructArray.from_arrays([pa.array(["a", "b"]).dictionary_encode()], ["x"]),
    "json": pa.array(['{"a": 1}', None], pa.json_()),
    "uint64": pa.array([2**64 - 1, None], pa.uint64()),
    "deep": pa.array([[{"a": [{"b": ["c", None]}]}], None, []]),
    "no rows": pa.array([], pa.list_(pa.string())),
}
REFUSED = {
    "halffloat": pa.array([1.5], pa.float16()),
    "decimal256": pa.array([D(1)], pa.decimal256(50, 0)),
    "dense_union": pa.UnionArray.from_dense(pa.array([0, 1], pa.int8()), pa.array([0, 0], pa.int32()),
                                            [pa.array([1]), pa.array(["b"])]),
}


def plain(values):
    """Moments compare as UTC."""
    return [v.astimezone(datetime.timezone.utc) if isinstance(v, datetime.datetime) and v.tzinfo else v for v in values]


@pytest.mark.parametrize("options", [{}, {"compression": "lz4"}, {"compression": "zstd"}], ids=["plain", "lz4", "zstd"])
@pytest.mark.parametrize("name", STORED)
def test_type_comes_back(engine, name, options):
    table = pa.table({"c": STORED[name], "n": list(range(len(STORED[name])))})
    assert engine.put(table, **options) == table.num_rows
    assert plain(engine.arrow("SELECT * FROM t ORDER BY n").column("c").to_pylist()) == plain(table.column("c").to_pylist())


@pytest.mark.parametrize("name", REFUSED)
def test_type_is_refused_by_name(engine, name):
    with pytest.raises(Exception) as failure:
        engine.put(pa.table({"odd": REFUSED[name]}))
    assert failure.value.kind == "unimplemented"
    assert "column odd" in failure.value.message and name in failure.value.message


def test_what_goes_out_comes_in_again(engine):
    """All types of DuckDB, downloaded, uploaded, downloaded."""
    sql = "SELECT * EXCLUDE (bignum, bit, hugeint, uhugeint, time, time_tz) FROM test_all_types()"
    first = engine.call(["run", "arrow", sql])[0]
    engine.put(first)
    again, before = engine.arrow("SELECT * FROM t"), engine.arrow(sql)
    for name in before.column_names:
        a, b = again.column(name).combine_chunks(), before.column(name).combine_chunks()
        if pa.types.is_dictionary(b.type):  # an enum comes as its texts
            b = b.cast(pa.string())
        assert a.type == b.type and (a.equals(b) or repr(a.to_pylist()) == repr(b.to_pylist())), name


def test_numbers_of_a_table_of_many_batches(engine):
    n = 400_000
    table = pa.table({"i": range(n), "s": [f"row {i}" for i in range(n)], "x": [None if i % 3 else i / 7 for i in range(n)],
                      "l": [[i] if i % 2 else [] for i in range(n)], "b": [i % 5 == 0 for i in range(n)]})
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema) as writer:
        position = 0
        for size in [1, 7, 1000, 150_000, 3, 0, 4096, 61_441, 100_000]:
            writer.write_table(table.slice(position, size))
            position += size
        writer.write_table(table.slice(position))
    assert engine.put(out.getvalue()) == n
    got = engine.arrow("SELECT * FROM t")
    assert got.drop_columns(["l"]).cast(table.drop_columns(["l"]).schema).equals(table.drop_columns(["l"]))
    assert got.column("l").to_pylist() == table.column("l").to_pylist()


def test_one_batch_of_a_million_rows_is_cut_for_the_threads(engine):
    n = 1_000_000
    table = pa.table({"i": pa.array(range(n)), "s": pa.array([str(i % 1000) for i in range(n)]).dictionary_encode(),
                      "l": pa.array([[i, None] for i in range(n)])}).combine_chunks()
    assert engine.put(table) == n
    got = engine.json("SELECT count(*), sum(i), sum(s::INT), sum(l[1]), count(l[2]) FROM t")["rows"][0]
    total = n * (n - 1) // 2
    assert got[0] == n and [int(v) for v in got[1:4]] == [total, 499_500_000, total] and got[4] == 0
    assert engine.arrow("SELECT i FROM t").column(0).to_pylist() == list(range(n))


def test_dictionaries_replaced_and_grown_between_batches(engine):
    schema = pa.schema([("d", pa.dictionary(pa.int8(), pa.string()))])

    def batch(words, indexes):
        return pa.record_batch([pa.DictionaryArray.from_arrays(pa.array(indexes, pa.int8()), pa.array(words))], schema)

    batches = [batch(["a", "b"], [0, 1, 1]), batch(["a", "b", "c"], [2, 0]), batch(["z"], [0, None]),
               batch(["z", "y", "longer than twelve"], [2, 1, 0])]
    for deltas in (False, True):
        out = io.BytesIO()
        with pa.ipc.new_stream(out, schema, options=pa.ipc.IpcWriteOptions(emit_dictionary_deltas=deltas)) as writer:
            for one in batches:
                writer.write_batch(one)
        engine.put(out.getvalue(), mode="replace")
        assert engine.arrow("SELECT d FROM t").column(0).to_pylist() == [
            "a", "b", "b", "c", "a", "z", None, "longer than twelve", "y", "z"]


def test_modes(engine):
    one = pa.table({"a": [1]})
    engine.put(one, mode="create")
    with pytest.raises(Exception) as failure:
        engine.put(one, mode="create")
    assert failure.value.kind == "already_exists"
    engine.put(one, mode="append")
    engine.put(one, mode="create_append")
    assert engine.arrow("SELECT * FROM t").num_rows == 3
    engine.put(pa.table({"b": ["x"]}), mode="replace")
    assert engine.arrow("SELECT * FROM t").to_pylist() == [{"b": "x"}]
    with pytest.raises(Exception) as failure:
        engine.put(one, "absent", mode="append")
    assert failure.value.kind == "not_found"
    with pytest.raises(Exception) as failure:
        engine.put(one, "", mode="append")
    assert failure.value.kind == "invalid_argument"


def test_columns_are_matched_by_name(engine):
    engine.call(["run", "arrow", "CREATE TABLE t (a BIGINT, b VARCHAR, c INT DEFAULT 7, \"D d\" DOUBLE)"])
    engine.put(pa.table({"d D": [1.5]}).rename_columns(["D D"]).append_column("A", pa.array([3], pa.int16())),
               mode="append")
    assert engine.arrow("SELECT * FROM t").to_pylist() == [{"a": 3, "b": None, "c": 7, "D d": 1.5}]


@pytest.mark.parametrize("column, said", [
    (pa.table({"b": [1]}), "column b is BIGINT in the upload and VARCHAR in the table"),
    (pa.table({"a": [1.5]}), "column a is DOUBLE in the upload and BIGINT in the table"),
    (pa.table({"a": pa.array([1], pa.uint64())}), "column a is UBIGINT in the upload and BIGINT in the table"),
    (pa.table({"z": [1]}), "the table t has no column z"),
])
def test_mismatch_names_the_column_and_changes_nothing(engine, column, said):
    engine.call(["run", "arrow", "CREATE TABLE t (a BIGINT, b VARCHAR); INSERT INTO t VALUES (1, 'x')"])
    with pytest.raises(Exception) as failure:
        engine.put(column, mode="append")
    assert failure.value.message == said
    assert engine.arrow("SELECT * FROM t").to_pylist() == [{"a": 1, "b": "x"}]


@pytest.mark.parametrize("wide, narrow", [
    ("BIGINT", pa.array([1], pa.int8())), ("HUGEINT", pa.array([2**64 - 1], pa.uint64())),
    ("DOUBLE", pa.array([1.5], pa.float32())), ("DOUBLE", pa.array([7], pa.int32())),
    ("DECIMAL(20,2)", pa.array([D("1.5")], pa.decimal128(5, 1))), ("DECIMAL(12,2)", pa.array([7], pa.int32())),
    ("TIMESTAMP", pa.array([DAY])), ("TIMESTAMP", pa.array([MOMENT], pa.timestamp("ms"))),
    ("BIGINT[]", pa.array([[1]], pa.list_(pa.int8()))), ("STRUCT(a BIGINT)", pa.array([{"a": 1}], pa.struct([("a", pa.int16())]))),
    ("UUID", pa.array(["00000000-0000-0000-0000-000000000001"])), ("ENUM('a', 'b')", pa.array(["b"])),
    ("JSON", pa.array(['{"a": 1}'])), ("VARCHAR", pa.nulls(1)),
])
def test_lossless_widening_is_allowed(engine, wide, narrow):
    engine.call(["run", "arrow", f"CREATE TABLE t (c {wide})"])
    assert engine.put(pa.table({"c": narrow}), mode="append") == 1


def test_bad_value_in_a_late_segment_rolls_everything_back(engine):
    engine.call(["run", "arrow", "CREATE TABLE t (a BIGINT CHECK (a < 1500000))"])
    with pytest.raises(Exception) as failure:
        engine.put(pa.table({"a": range(2_000_000)}), mode="append")
    assert failure.value.kind == "failed_precondition"
    assert engine.arrow("SELECT * FROM t").num_rows == 0


def test_duplicate_columns_are_refused(engine):
    with pytest.raises(Exception) as failure:
        engine.put(pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", "A"]))
    assert "two columns named" in failure.value.message


def test_view_is_no_target(engine):
    engine.call(["run", "arrow", "CREATE VIEW t AS SELECT 1 a"])
    for mode in ("create", "append", "replace", "create_append"):
        with pytest.raises(Exception) as failure:
            engine.put(pa.table({"a": [1]}), mode=mode)
        assert failure.value.message == "t is a view, not a table"


def test_upload_joins_the_sessions_transaction(engine):
    data = stream(pa.table({"a": [1, 2]}))
    out, _ = engine.call(["bench", "arrow", "BEGIN"], ["put", "create", "t"], ["run", "csv", "SELECT count(*) AS n FROM t"],
                         ["bench", "arrow", "ROLLBACK"], data=data)
    assert out == b"n\r\n2\r\n"
    with pytest.raises(Exception) as failure:
        engine.arrow("SELECT * FROM t")
    assert failure.value.kind == "not_found"


def test_two_uploads_in_one_transaction(engine):
    data = stream(pa.table({"a": [1, 2]}))
    engine.call(["bench", "arrow", "BEGIN; CREATE TABLE u (x INT)"], ["put", "create", "t"], ["put", "append", "t"],
                ["bench", "arrow", "COMMIT"], data=data + data)
    assert engine.arrow("SELECT * FROM t").num_rows == 4


def test_nothing_of_an_upload_stays_behind(engine):
    out, _ = engine.call(["put", "create", "t"], ["run", "csv", "SELECT string_agg(database_name ORDER BY database_name) d"
                                                  " FROM duckdb_databases() WHERE NOT internal"],
                         data=stream(pa.table({"a": [1]})))
    assert out == b"d\r\ntenant_acme\r\n"


def test_upload_of_no_batches_makes_an_empty_table(engine):
    assert engine.put(pa.table({"a": pa.array([], pa.int32()), "b": pa.array([], pa.list_(pa.string()))})) == 0
    assert engine.arrow("SELECT * FROM t").schema.names == ["a", "b"]


def test_odd_names_are_quoted(engine):
    table = pa.table({"a": [1]})
    engine.put(table, 'odd "name"')
    assert engine.arrow('SELECT * FROM "odd ""name"""').num_rows == 1


def test_text_is_checked_for_utf8(engine):
    bad = pa.Array.from_buffers(pa.string(), 2, [None, pa.py_buffer(b"\0\0\0\0\2\0\0\0\4\0\0\0"), pa.py_buffer(b"ab\xff\xfe")])
    with pytest.raises(Exception) as failure:
        engine.put(pa.table({"txt": bad}))
    assert failure.value.message == "column txt: the text in row 2 of a batch is not UTF-8"

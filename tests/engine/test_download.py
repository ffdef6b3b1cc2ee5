"""Every type comes out as DuckDB's own Arrow export maps it."""
import csv
import io
import json
import math

import duckdb
import pyarrow as pa
import pytest

ALL = "SELECT * FROM test_all_types()"
QUERIES = {
    "all types": ALL,
    "all types many times": f"SELECT t.* FROM ({ALL}) t, range(3000)",
    "all types, some null": f"SELECT t.*, CASE WHEN r % 3 = 0 THEN t.varchar END AS v, CASE WHEN r % 7 < 3 THEN t.bigint END AS b"
                            f" FROM ({ALL}) t, range(2500) s(r)",
    "all types empty": f"{ALL} LIMIT 0",
    "large enum": "SELECT * EXCLUDE (bignum) FROM test_all_types(use_large_enum = true)",
    "numbers": "SELECT (i % 50)::TINYINT a, (i % 99)::SMALLINT b, i c, i * 10000000 d, i::HUGEINT * 1e20::HUGEINT e, i / 7 f"
               " FROM range(20000) t(i)",
    "decimals": "SELECT (i % 999)::DECIMAL(4,1) a, i::DECIMAL(9,2) b, i::DECIMAL(18,3) c, i::DECIMAL(38,10) d,"
                " -i::DECIMAL(18,3) e FROM range(5000) t(i)",
    "strings": "SELECT repeat('x', i % 40) a, CASE WHEN i % 3 = 0 THEN repeat('ä', i % 13) END b, ''::VARCHAR c,"
               " NULL::VARCHAR d, repeat('z', i % 5)::BLOB e FROM range(20000) t(i)",
    "one wide row": "SELECT repeat('x', 9000000) a, 1 b",
    "wide rows": "SELECT repeat(chr(97 + (i % 26)::INT), 100000 + i) a, [i, i + 1] b FROM range(300) t(i)",
    "nested": "SELECT [i, NULL, i + 1] a, {'x': i, 'y': [repeat('q', i % 20)]} b, MAP {i: repeat('v', i % 9)} c,"
              " CASE WHEN i % 4 = 0 THEN NULL ELSE [[i], [], NULL] END d, array_value(i, i + 1, NULL) e"
              " FROM range(10000) t(i)",
    "unions": "SELECT CASE WHEN i % 2 = 0 THEN union_value(num := i)::UNION(num BIGINT, str VARCHAR)"
              " ELSE union_value(str := i::VARCHAR)::UNION(num BIGINT, str VARCHAR) END u FROM range(5000) t(i)",
    "enums": "SELECT (['a', 'bb', 'ccc'])[i % 3 + 1]::ENUM('a', 'bb', 'ccc') e, [('x')::ENUM('x', 'y')] l,"
             " {'s': CASE WHEN i % 5 > 0 THEN 'q'::ENUM('q') END} s FROM range(6000) t(i)",
    "bools": "SELECT i % 3 = 0 a, CASE WHEN i % 2 = 0 THEN i % 5 = 0 END b FROM range(5001) t(i)",
    "filtered": "SELECT i, i::VARCHAR s, i % 7 = 0 b, [i] l FROM range(100000) t(i) WHERE i % 13 = 3",
    "ordered": "SELECT i, repeat('k', i % 30) s FROM range(50000) t(i) ORDER BY i % 1000, i DESC",
    "uuids": "SELECT ('00000000-0000-0000-0000-' || lpad(i::VARCHAR, 12, '0'))::UUID u,"
             " CASE WHEN i % 2 = 0 THEN 'ffffffff-ffff-4fff-8fff-ffffffffffff'::UUID END v FROM range(5000) t(i)",
    "intervals": "SELECT to_days(i::INT) + to_microseconds(i) a, INTERVAL '-3 months 2 days' b FROM range(3000) t(i)",
    "null column": "SELECT NULL a, NULL b FROM range(3000)",
    "no rows": "SELECT 1 a WHERE false",
    "duplicate names": "SELECT 1 a, 2 a",
    "json": "SELECT '{\"a\": 1}'::JSON j, to_json([1, 2]) k",
}


@pytest.mark.parametrize("format", ["arrow", "flight"])
@pytest.mark.parametrize("name", QUERIES)
def test_equals_duckdbs_own_export(engine, truth, name, format):
    sql = QUERIES[name]
    expected = truth.sql(sql).to_arrow_table()
    got = engine.arrow(sql, format)
    assert got.schema.equals(expected.schema, check_metadata=True)
    assert [f.nullable for f in got.schema] == [f.nullable for f in expected.schema]
    assert got.num_rows == expected.num_rows
    for number, field in enumerate(expected.schema):
        if got.num_rows == 0:
            continue
        a, b = got.column(number).combine_chunks(), expected.column(number).combine_chunks()
        if field.type in (pa.float32(), pa.float64()) or not a.equals(b):
            assert repr(a.to_pylist()) == repr(b.to_pylist()), field


def test_dictionaries_in_nested_columns_have_their_own_values(engine):
    table = engine.arrow("SELECT 'b'::ENUM('a', 'b') x, ['d'::ENUM('c', 'd')] y, {'z': 'f'::ENUM('e', 'f')} z")
    assert table.to_pylist() == [{"x": "b", "y": ["d"], "z": {"z": "f"}}]


def test_messages_stay_below_4_mib_unless_one_row_is_larger(engine):
    _, report = engine.call(["bench", "flight", "SELECT repeat('x', 50000) a, i FROM range(2000) t(i)"])
    assert json.loads(report)["largest"] < 4 << 20
    _, report = engine.call(["bench", "flight", "SELECT repeat('x', 5000000) a, i FROM range(3) t(i)"])
    assert 5000000 < json.loads(report)["largest"] < 5100000


def test_batches_are_about_as_large_as_asked(engine):
    _, report = engine.call(["bench", "flight", "SELECT i, i * 2 j, i::VARCHAR s FROM range(1000000) t(i)"])
    report = json.loads(report)
    assert report["rows"] == 1000000
    assert report["bytes"] / report["messages"] > 600000


def test_value_beyond_2_gib_is_refused(engine):
    with pytest.raises(Exception) as failure:
        engine.call(["bench", "flight", "SELECT repeat('x', 2200000000) a"])
    assert failure.value.kind == "resource_exhausted"


SCALARS = [name for name in duckdb.sql(ALL).columns if not any(
    word in name for word in ("array", "struct", "map", "union", "list", "geometry",
    "timestamp_tz"))]  # DuckDB rounds the largest TIMESTAMPTZ wrongly when it prints it


@pytest.mark.parametrize("name", SCALARS)
def test_csv_equals_duckdbs_cast(engine, truth, name):
    rows = truth.sql(f'SELECT "{name}"::VARCHAR FROM ({ALL})').fetchall()
    got = list(csv.reader(io.StringIO(engine.text("csv", f'SELECT "{name}" AS v, 1 AS one FROM ({ALL})'))))
    assert got[0] == ["v", "one"]
    assert [row[0] or None for row in got[1:]] == [row[0] or None for row in rows]


DATES = ["0001-01-01", "2000-02-29", "1969-12-31", "9999-12-31", "290309-12-22 (BC)", "5881580-07-10", "infinity",
         "0044-03-15 (BC)"]
TIMES = ["1969-12-31 23:59:59.999999", "2000-01-01 00:00:00.5", "290309-12-22 (BC) 00:00:00", "-infinity"]


@pytest.mark.parametrize("value", [f"DATE '{d}'" for d in DATES] + [f"TIMESTAMP '{t}'" for t in TIMES] + [
    "INTERVAL '1 year -2 months 3 days -04:05:06.7'", "INTERVAL '0 days'", "INTERVAL '-1 month'", "INTERVAL '-5 seconds'",
    "'2020-02-29 12:00:00.123456+02'::TIMESTAMPTZ", "'-infinity'::TIMESTAMPTZ", "'12:00:00+05:30'::TIMETZ", "'12:00:00.25-15:59:59'::TIMETZ", "TIME '00:00:00.000001'", "0.1::DOUBLE", "1e300",
    "1e-7::DOUBLE", "123456789012345680::DOUBLE", "0.1::FLOAT", "-0.0::DOUBLE", "1e15::DOUBLE", "1e16::DOUBLE",
    "3.4e38::FLOAT", "'-12345678901234567890123456789'::BIGNUM", "'0'::BIGNUM", "'1000000000000000000'::BIGNUM",
    "-0.05::DECIMAL(3,2)", "0::DECIMAL(5,3)", "'\\xAA\\x00abc'::BLOB", "'0101'::BIT", "'010101010101'::BIT",
    "'-170141183460469231731687303715884105728'::HUGEINT"])
def test_texts_equal_duckdbs_cast(engine, truth, value):
    expected = truth.sql(f"SELECT ({value})::VARCHAR").fetchone()[0]
    got = list(csv.reader(io.StringIO(engine.text("csv", f"SELECT {value} AS v"))))[1][0]
    if "DOUBLE" in value or "FLOAT" in value or "1e300" in value:
        assert float(got) == float(expected) and math.copysign(1, float(got)) == math.copysign(1, float(expected))
    else:
        assert got == expected


def test_json_has_the_promised_shape(engine):
    got = engine.json("SELECT 1 a, 'x\"\\\n' b, 9007199254740993 c, 1.50::DECIMAL(4,2) d, NULL e, 'nan'::DOUBLE f,"
                      " 9007199254740992 g, 2::HUGEINT h, [1, NULL] i, {'k': {'l': 'm'}} j, MAP {1: 'one'} k,"
                      " DATE '2020-01-02' l, true m, 1.5::DOUBLE n, 'a'::ENUM('a') o")
    assert got["statement"] == "test"
    assert got["columns"][0] == {"name": "a", "type": "INTEGER"}
    assert got["columns"][3] == {"name": "d", "type": "DECIMAL(4,2)"}
    assert got["rows"] == [[1, "x\"\\\n", "9007199254740993", "1.50", None, "nan", 9007199254740992, "2", [1, None],
                            {"k": {"l": "m"}}, {"1": "one"}, "2020-01-02", True, 1.5, "a"]]
    assert got["row_count"] == 1


def test_json_of_all_types_is_json(engine):
    got = engine.json(f"SELECT t.* FROM ({ALL}) t, range(700)")
    assert got["row_count"] == 2100 == len(got["rows"])
    lines = [json.loads(line) for line in engine.text("jsonl", ALL).splitlines()]
    assert [list(line.values()) for line in lines] == engine.json(ALL)["rows"]


def test_empty_results_have_their_frame(engine):
    assert engine.json("SELECT 1 a WHERE false")["rows"] == []
    assert engine.text("csv", "SELECT 1 a, 2 \"b,c\" WHERE false") == 'a,"b,c"\r\n'
    assert engine.text("jsonl", "SELECT 1 a WHERE false") == ""


def test_csv_tells_null_from_empty(engine):
    assert engine.text("csv", "SELECT NULL a, '' b, 'q\"q' c, 'l\nl' d") == 'a,b,c,d\r\n,"","q""q","l\nl"\r\n'


def test_parquet_reads_back(engine, truth, tmp_path):
    out = engine.call(["run", "parquet", "SELECT i, i::VARCHAR s FROM range(100000) t(i); -- the; end\n"])[0]
    path = tmp_path / "r.parquet"
    path.write_bytes(out)
    assert truth.sql(f"SELECT count(*), sum(i), max(s) FROM '{path}'").fetchone() == (100000, 4999950000, "99999")
    assert list(engine.temp.iterdir()) == []


def test_parquet_takes_parameters(engine, truth, tmp_path):
    out = engine.call(["run", "parquet", "SELECT ?::INT a"], options=["--parameters", "[7]"])[0]
    (tmp_path / "r.parquet").write_bytes(out)
    assert truth.sql(f"SELECT a FROM '{tmp_path}/r.parquet'").fetchone() == (7,)


def test_parquet_of_a_write_is_refused(engine):
    with pytest.raises(Exception) as failure:
        engine.call(["run", "parquet", "CREATE TABLE x (a INT)"])
    assert failure.value.kind == "invalid_argument"

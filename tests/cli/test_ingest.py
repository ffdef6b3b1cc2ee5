"""eider ingest: every format, patterns, standard input, modes, and files that are wrong."""

import gzip
import json

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

DATA = pa.table({"id": [1, 2, 3], "name": ["a", None, "c, d"], "value": [1.5, 2.5, None]})


@pytest.fixture
def files(tmp_path):
    """One file of each format, all with the same rows."""
    csv = 'id,name,value\n1,a,1.5\n2,,2.5\n3,"c, d",\n'
    (tmp_path / "c.csv").write_text(csv)
    (tmp_path / "t.tsv").write_text("id\tname\tvalue\n1\ta\t1.5\n2\t\t2.5\n3\tc, d\t\n")
    (tmp_path / "j.jsonl").write_text("".join(json.dumps(row) + "\n" for row in DATA.to_pylist()))
    (tmp_path / "z.csv.gz").write_bytes(gzip.compress(csv.encode()))
    pyarrow.parquet.write_table(DATA, tmp_path / "p.parquet")
    with pa.ipc.new_file(tmp_path / "f.arrow", DATA.schema) as writer:
        writer.write_table(DATA)
    with pa.ipc.new_stream(tmp_path / "s.arrows", DATA.schema) as writer:
        writer.write_table(DATA)
    return tmp_path


@pytest.mark.parametrize("name", ["c.csv", "t.tsv", "j.jsonl", "z.csv.gz", "p.parquet", "f.arrow", "s.arrows"])
def test_format(eider, acme, files, name):
    out = eider.ok("ingest", files / name, "--table", "t")
    assert "3" in out and f"{acme.tenant}.default.t" in out and "duckdb" in out
    assert acme.query("SELECT * FROM t ORDER BY id").to_pylist() == DATA.to_pylist()


def test_table_is_named_after_the_file(eider, acme, files):
    eider.ok("ingest", files / "c.csv", files / "p.parquet")
    assert acme.value("SELECT count(*) FROM c") == 3 and acme.value("SELECT count(*) FROM p") == 3


def test_pattern(eider, acme, tmp_path):
    for number in range(3):
        (tmp_path / f"part-{number}.csv").write_text(f"id\n{number}\n")
    eider.ok("ingest", str(tmp_path / "part-*.csv"), "--table", "parts")
    assert acme.query("SELECT id FROM parts ORDER BY id").column("id").to_pylist() == [0, 1, 2]


def test_pattern_that_matches_nothing(eider, tmp_path):
    assert "nothing-*.csv" in eider.fails("ingest", str(tmp_path / "nothing-*.csv"), "--table", "t")


def test_stdin(eider, acme):
    eider.ok("ingest", "-", "--table", "t", "--format", "jsonl", stdin='{"a": 1}\n{"a": 2}\n')
    assert acme.value("SELECT sum(a) FROM t") == 3


def test_modes(eider, acme, files):
    eider.ok("ingest", files / "c.csv", "--table", "t", "--mode", "create")
    assert "already" in eider.fails("ingest", files / "c.csv", "--table", "t", "--mode", "create")
    eider.ok("ingest", files / "c.csv", "--table", "t", "--mode", "append")
    assert acme.value("SELECT count(*) FROM t") == 6
    eider.ok("ingest", files / "c.csv", "--table", "t", "--mode", "replace")
    assert acme.value("SELECT count(*) FROM t") == 3
    assert "missing" in eider.fails("ingest", files / "c.csv", "--table", "missing", "--mode", "append")


def test_null_text(eider, acme, tmp_path):
    (tmp_path / "n.csv").write_text("id,v\n1,NA\n2,5\n")
    eider.ok("ingest", tmp_path / "n.csv", "--null", "NA")
    assert acme.query("SELECT v FROM n ORDER BY id").column("v").to_pylist() == [None, 5]


@pytest.mark.parametrize("name, content", [
    ("x.csv", b"id,v\n" + b"1,2\n" * 5000 + b"x,4,5,6\n"), ("short.csv", b"id,v\n1,2\n3\n"), ("x.jsonl", b'{"a": 1}\n{"a": \n'), ("x.parquet", b"PAR1 not really PAR1"), ("x.arrow", b"ARROW1\0\0nope"), ("x.csv.gz", b"\x1f\x8bnope"),
])
def test_broken_file_stores_nothing_and_is_named(eider, acme, tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    assert name in eider.fails("ingest", tmp_path / name, "--table", "t")
    assert acme.value("SELECT count(*) FROM duckdb_tables()") == 0


def test_value_of_another_type_is_shown_with_its_line(eider, acme, tmp_path):
    """DuckDB takes the types from the first 20,480 rows."""
    (tmp_path / "late.csv").write_text("id,v\n" + "1,2\n" * 30_000 + "x,3\n")
    text = eider.fails("ingest", tmp_path / "late.csv")
    assert "Line: 30002" in text and "Could not convert string" in text and "x,3" in text


def test_missing_file(eider, tmp_path):
    assert "nowhere.csv" in eider.fails("ingest", tmp_path / "nowhere.csv")


def test_unknown_ending(eider, tmp_path):
    (tmp_path / "x.bin").write_bytes(b"?")
    assert "--format" in eider.fails("ingest", tmp_path / "x.bin")


@pytest.mark.slow
def test_a_million_rows(eider, acme, tmp_path):
    data = pa.table({"id": pa.array(range(1_000_000)), "text": [f"row {number}" for number in range(1_000_000)]})
    pyarrow.csv.write_csv(data, tmp_path / "big.csv")
    eider.ok("ingest", tmp_path / "big.csv", timeout=120)
    assert acme.query("SELECT count(*) AS n, sum(id) AS s FROM big").to_pylist() == [{"n": 1_000_000, "s": 499_999_500_000}]

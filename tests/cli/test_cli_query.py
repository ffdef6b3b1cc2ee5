"""eider query: the six forms, where the text comes from, parameters, errors, and who reads the output."""

import csv
import io
import json
import os
import subprocess

import pyarrow as pa
import pyarrow.parquet
import pytest

from lib.server import program

SQL = "SELECT i, 'x' || i AS s FROM range(3) t(i)"
ROWS = [{"i": 0, "s": "x0"}, {"i": 1, "s": "x1"}, {"i": 2, "s": "x2"}]


def test_table_is_the_form_for_people(eider):
    text = eider.ok("query", SQL)
    assert all(word in text for word in ("i", "s", "x0", "x2"))


def test_json(eider):
    assert json.loads(eider.ok("query", SQL, "--output", "json")) == ROWS


def test_jsonl(eider):
    assert [json.loads(line) for line in eider.ok("query", SQL, "--output", "jsonl").splitlines()] == ROWS


def test_csv(eider):
    assert list(csv.DictReader(io.StringIO(eider.ok("query", SQL, "--output=csv")))) == [{"i": str(row["i"]), "s": row["s"]} for row in ROWS]


def test_parquet_and_arrow_into_a_file(eider, tmp_path):
    eider.ok("query", SQL, "-o", "parquet", "--out", tmp_path / "r.parquet")
    assert pyarrow.parquet.read_table(tmp_path / "r.parquet").to_pylist() == ROWS
    eider.ok("query", SQL, "-o", "arrow", "--out", tmp_path / "r.arrow")
    assert pa.ipc.open_stream((tmp_path / "r.arrow").read_bytes()).read_all().to_pylist() == ROWS


def test_empty_json_result_is_an_empty_array(eider):
    assert json.loads(eider.ok("query", "SELECT 1 AS a WHERE false", "--output", "json")) == []


def test_text_from_file_and_stdin(eider, tmp_path):
    (tmp_path / "q.sql").write_text(SQL)
    assert json.loads(eider.ok("query", "--file", tmp_path / "q.sql", "-o", "json")) == ROWS
    assert json.loads(eider.ok("query", "-", "-o", "json", stdin=SQL)) == ROWS


def test_parameters(eider):
    assert json.loads(eider.ok("query", "SELECT $n::INTEGER + 1 AS n, $s AS s", "-p", "n=41", "-p", "s=a=b", "-o", "json")) == [{"n": 42, "s": "a=b"}]


def test_error_is_one_line_and_names_what_is_wrong(eider):
    assert "nowhere" in eider.fails("query", "SELECT * FROM nowhere")


def test_error_after_the_first_rows_leaves_no_file_that_looks_whole(eider, tmp_path):
    eider.fails("query", "SELECT CASE WHEN i = 2999999 THEN 'x'::INTEGER ELSE i END FROM range(3000000) t(i)", "-o", "csv", "--out", tmp_path / "r.csv")
    assert not (tmp_path / "r.csv").exists()


def test_control_characters_of_data_do_not_reach_the_terminal(eider):
    assert "\x1b" not in eider.ok("query", "SELECT chr(27) || '[2J' AS s")


def test_ctrl_c_cancels_the_statement(eider, acme):
    import signal
    from lib.wait import until
    process = subprocess.Popen([str(program()), "query", "SELECT count(*) AS interrupted FROM range(1000000000) a, range(1000000) b WHERE hash(a.range, b.range) = 1"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={"EIDER_URL": acme.server.url, "EIDER_TENANT": acme.tenant, "PATH": "/usr/bin:/bin"})
    until(lambda: any("interrupted" in one["sql"] and one["state"] == "running" for one in acme.statements()), 10, "the running statement")
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    until(lambda: not any("interrupted" in one["sql"] and one["state"] != "ended" for one in acme.statements()), 10, "its end")


def test_reader_that_goes_away_is_no_error_message(acme):
    script = f"{program()} query 'SELECT i FROM range(5000000) t(i)' -o csv | head -n 1"
    result = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60,
                            env=dict(os.environ, EIDER_URL=acme.server.url, EIDER_TENANT=acme.tenant))
    assert result.stdout.strip() == "i" and result.stderr == ""


@pytest.mark.slow
def test_a_hundred_million_bytes_pass_through(eider):
    result = eider("query", "SELECT i, repeat('y', 90) AS s FROM range(1000000) t(i)", "-o", "csv", binary=True)
    assert result.returncode == 0 and result.stdout.count(b"\n") == 1_000_001


def test_without_a_server(alone, tmp_path):
    """A command that finds the data directory free runs a server for its own length."""
    data = tmp_path / "db"
    alone.ok("tenant", "create", "--id", "tenant_alone", "--data", data)
    (tmp_path / "t.csv").write_text("id,name\n1,a\n2,b\n")
    alone.ok("ingest", tmp_path / "t.csv", "--tenant", "tenant_alone", "--data", data)
    assert json.loads(alone.ok("query", "SELECT * FROM t ORDER BY id", "--data", data, "-o", "json")) == [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]

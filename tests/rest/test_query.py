"""POST /api/v1/query: six formats of one result, and errors that say what to do."""

import csv
import io
import json

import pyarrow as pa
import pyarrow.parquet
import pytest

SQL = "SELECT i, 'row ' || i AS s, CASE WHEN i % 2 = 0 THEN i / 4 END AS f FROM range(5000) t(i)"


@pytest.fixture(scope="module")
def expected(shared):
    return shared.query(SQL)


def test_json(shared, expected):
    answer = shared.post_query(SQL)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/json")
    result = answer.json()
    assert [column["name"] for column in result["columns"]] == ["i", "s", "f"]
    assert [column["type"] for column in result["columns"]] == ["BIGINT", "VARCHAR", "DOUBLE"]
    assert result["row_count"] == 5000
    assert result["rows"] == [list(row.values()) for row in expected.to_pylist()]
    assert result["statement"] == answer.headers["eider-statement"]


@pytest.mark.parametrize("accept", ["application/jsonl", "application/x-ndjson"])
def test_json_lines(shared, expected, accept):
    answer = shared.post_query(SQL, accept)
    assert [json.loads(line) for line in answer.text.splitlines()] == expected.to_pylist()


def test_csv(shared, expected):
    answer = shared.post_query(SQL, "text/csv")
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert rows[0] == ["i", "s", "f"]
    assert len(rows) == 5001
    assert [int(row[0]) for row in rows[1:]] == expected.column("i").to_pylist()
    assert rows[2][2] == ""


def test_csv_quotes_what_needs_it(shared):
    answer = shared.post_query("""SELECT 'a,b' AS "x,y", 'say "hi"' AS q, 'two\nlines' AS n, '' AS e, NULL AS z""", "text/csv")
    assert list(csv.reader(io.StringIO(answer.text, newline="")))[1] == ["a,b", 'say "hi"', "two\nlines", "", ""]


def test_arrow_stream(shared, expected):
    answer = shared.post_query(SQL, "application/vnd.apache.arrow.stream")
    assert pa.ipc.open_stream(answer.content).read_all().equals(expected)


def test_parquet(shared, expected):
    answer = shared.post_query(SQL, "application/vnd.apache.parquet")
    assert pyarrow.parquet.read_table(io.BytesIO(answer.content)).to_pylist() == expected.to_pylist()


FORMATS = ["application/json", "application/jsonl", "text/csv", "application/vnd.apache.arrow.stream", "application/vnd.apache.parquet"]


@pytest.mark.parametrize("accept", FORMATS)
def test_empty_result(shared, accept):
    answer = shared.post_query("SELECT i FROM range(0) t(i)", accept)
    assert answer.status_code == 200
    if accept == "application/json":
        assert answer.json()["rows"] == [] and answer.json()["columns"] == [{"name": "i", "type": "BIGINT"}]
    elif "arrow" in accept:
        assert pa.ipc.open_stream(answer.content).read_all().num_rows == 0
    elif "parquet" in accept:
        assert pyarrow.parquet.read_table(io.BytesIO(answer.content)).num_rows == 0
    else:
        assert answer.text in ("", "i\n", "i\r\n")


@pytest.mark.parametrize("accept", FORMATS)
def test_error_is_json_in_every_format(shared, accept):
    answer = shared.post_query("SELECT * FROM nowhere", accept)
    assert answer.status_code in (400, 404)
    error = answer.json()["error"]
    assert "nowhere" in error["message"] and error["code"]


@pytest.mark.parametrize("accept, kind", [
    ("*/*", "application/json"), ("text/*", "text/csv"), ("text/csv;q=0.5, application/json", "application/json"),
    ("text/html, application/json;q=0.9", "application/json"), ("application/*;q=0.1, text/csv", "text/csv"),
])
def test_accept_is_negotiated(shared, accept, kind):
    assert shared.post_query("SELECT 1", accept).headers["content-type"].startswith(kind)


@pytest.mark.parametrize("accept", ["image/png", "application/json;q=0"])
def test_accept_that_cannot_be_met(shared, accept):
    assert shared.post_query("SELECT 1", accept).status_code == 406


def test_numbers_that_json_would_bend_are_text(shared):
    row = shared.rows("SELECT 9007199254740991, 9007199254740993, 1.10::DECIMAL(5,2), 170141183460469231731687303715884105727::HUGEINT, 0.1::DOUBLE")
    assert row == [[9007199254740991, "9007199254740993", "1.10", "170141183460469231731687303715884105727", 0.1]]


def test_values_without_json_form_are_valid_json(shared):
    answer = shared.post_query("SELECT 'nan'::DOUBLE, 'inf'::DOUBLE, [1, NULL], {'a': 'x'}, MAP {'k': 1}, '\\xff'::BLOB, "
                               "TIMESTAMP '2026-11-21 10:31:00', INTERVAL 1 DAY, '\"\\\n\t'")
    assert answer.status_code == 200
    row = json.loads(answer.text, parse_constant=lambda text: pytest.fail(f"{text} is not JSON"))["rows"][0]
    assert row[2] == [1, None] and row[3] == {"a": "x"} and row[8] == '"\\\n\t'


def test_parameters(shared):
    assert shared.post_query("SELECT ? AS a, ? AS b", parameters=[1, "x"]).json()["rows"] == [[1, "x"]]
    assert shared.post_query("SELECT $n AS a", parameters={"n": None}).json()["rows"] == [[None]]
    answer = shared.post_query("SELECT ? AS a")
    assert answer.status_code == 400


def test_timeout(shared):
    answer = shared.post_query("SELECT count(*) FROM range(1000000000) a, range(1000000) b WHERE hash(a.range, b.range) = 1", timeout_s=0.3)
    assert answer.status_code == 504
    assert answer.json()["error"]["code"] == "deadline_exceeded"


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"null", b'{"sql": 5}', b'{"tenant": "x"}', b'{"sql": ""}', b'{"sql": "select 1", "colour": 1}',
    b'{"sql": "select 1", "sql": "select 2"}', b"\xff", b'{"sql": "select 1"} x', b'{"a":' * 200 + b"1" + b"}" * 200,
])
def test_bad_body(shared, body):
    answer = shared.request("POST", "/api/v1/query", data=body, headers={"Content-Type": "application/json", "eider-tenant": shared.tenant})
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]


def test_body_above_the_limit(shared):
    answer = shared.request("POST", "/api/v1/query", data=b" " * (17 << 20), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert "http.max_body" in answer.text


def test_error_after_the_first_rows_breaks_the_answer(shared):
    """The status line is gone; the end must be missing, so that nobody takes the half for the whole."""
    import requests
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.exceptions.ConnectionError)):
        shared.post_query("SELECT CASE WHEN i = 2999999 THEN 'x'::INTEGER ELSE i END AS v FROM range(3000000) t(i)", "text/csv").content


def test_streamed_answer_does_not_fill_the_front(shared):
    from lib.server import memory
    before = memory(shared.server.pid)
    answer = shared.http.post(shared.server.url + "/api/v1/query", stream=True, headers={"Accept": "text/csv"},
                              json={"sql": "SELECT i, repeat('x', 1000) AS s FROM range(500000) t(i)", "tenant": shared.tenant})
    total = 0
    for piece in answer.iter_content(1 << 20):
        total += len(piece)
    assert total > 500_000_000
    assert memory(shared.server.pid) - before < 48 << 20


def test_tenant_by_header(shared):
    answer = shared.request("POST", "/api/v1/query", json={"sql": "SELECT 1"}, headers={"eider-tenant": shared.tenant})
    assert answer.status_code == 200

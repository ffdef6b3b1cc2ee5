"""Uploads: the four modes, columns by name, all or nothing, and an answer that says what happened."""

import concurrent.futures
import json
import threading

import grpc
import pyarrow as pa
import pytest

from lib.client import FAILS
from lib.rawflight import DO_PUT, flight_data, ipc_parts, path, put
from lib.wait import until

ONE = pa.table({"id": pa.array([1, 2, 3], pa.int64()), "name": ["a", "b", None]})
TWO = pa.table({"id": pa.array([4], pa.int64()), "name": ["d"]})


def ids(client, table="t"):
    return client.query(f"SELECT id FROM {table} ORDER BY id").column("id").to_pylist()


def test_answer_says_where_the_rows_went(acme):
    answer = acme.upload("orders", ONE)
    assert answer["table"] == f"{acme.tenant}.default.orders"
    assert answer["rows"] == 3
    assert answer["bytes"] > 0
    assert answer["target"] == "duckdb"
    assert answer["reason"]
    assert answer["statement"]
    assert ids(acme, "orders") == [1, 2, 3]


@pytest.mark.parametrize("mode, before, after", [
    ("create", False, [4]),
    ("replace", False, [4]),
    ("replace", True, [4]),
    ("create_append", False, [4]),
    ("create_append", True, [1, 2, 3, 4]),
    (None, True, [1, 2, 3, 4]),
    ("append", True, [1, 2, 3, 4]),
])
def test_mode(acme, mode, before, after):
    if before:
        acme.upload("t", ONE, mode="create")
    assert acme.upload("t", TWO, mode=mode)["rows"] == 1
    assert ids(acme) == after


def test_create_refuses_an_existing_table(acme):
    acme.upload("t", ONE)
    with pytest.raises(FAILS, match="(?s)t.*exist"):
        acme.upload("t", TWO, mode="create")
    assert ids(acme) == [1, 2, 3]


def test_append_refuses_a_missing_table(acme):
    with pytest.raises(FAILS, match="nowhere"):
        acme.upload("nowhere", ONE, mode="append")
    assert acme.value("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'nowhere'") == 0


@pytest.mark.parametrize("path", [["t"], ["default", "t"], [None, "default", "t"]])
def test_path(acme, path):
    acme.upload([acme.tenant if part is None else part for part in path], ONE)
    assert ids(acme, f"{acme.tenant}.default.t") == [1, 2, 3]


@pytest.mark.parametrize("path", [[], ["a", "b", "c", "d"], [""], ["default", ""]])
def test_path_that_names_no_table(acme, path):
    with pytest.raises(FAILS):
        acme.upload(path, ONE)


def test_path_of_an_unknown_tenant(acme):
    with pytest.raises(FAILS, match="tenant_nobody"):
        acme.upload(["tenant_nobody", "default", "t"], ONE)


def test_other_schema(acme):
    acme.query("CREATE SCHEMA sales")
    acme.upload(["sales", "t"], ONE)
    assert ids(acme, "sales.t") == [1, 2, 3]


def test_missing_schema_is_named(acme):
    with pytest.raises(FAILS, match="nowhere"):
        acme.upload(["nowhere", "t"], ONE)


def put_with_metadata(client, metadata, table="t"):
    """Raw messages: pyarrow cannot put metadata beside the schema."""
    schema, batch = ipc_parts(TWO)[:2]
    return put(client.server, [flight_data(schema[0], b"", path(table), metadata), flight_data(*batch)], client.tenant)


def test_options_in_the_first_message_win_over_headers(acme):
    acme.upload("t", ONE)
    schema, batch = ipc_parts(TWO)[:2]
    metadata = json.dumps({"mode": "replace"}).encode()
    code, details, _ = put(acme.server, [flight_data(schema[0], b"", path("t"), metadata), flight_data(*batch)], acme.tenant,
                           headers=[("eider-mode", "append")])
    assert code == grpc.StatusCode.OK, details
    assert ids(acme) == [4]


def test_options_beside_the_first_batch_are_not_ignored(acme):
    """What pyarrow's write_with_metadata sends: obeyed or refused, never silently dropped."""
    acme.upload("t", ONE)
    try:
        acme.upload("t", TWO, app_metadata=json.dumps({"mode": "replace"}).encode())
    except FAILS:
        assert ids(acme) == [1, 2, 3]
    else:
        assert ids(acme) == [4]


@pytest.mark.parametrize("headers", [{"mode": "upsert"}, {"target": "s3"}, {"colour": "red"}])
def test_unknown_option_is_refused_by_name(acme, headers):
    with pytest.raises(FAILS, match="|".join(headers.values()) + "|" + "|".join(headers)):
        acme.upload("t", ONE, **headers)


@pytest.mark.parametrize("metadata", [b'{"mode": 1}', b'{"colour": "red"}', b'{"mode": ', b"\xff", b"[]"])
def test_bad_metadata_is_refused(acme, metadata):
    code, details, _ = put_with_metadata(acme, metadata)
    assert code == grpc.StatusCode.INVALID_ARGUMENT and details
    assert acme.value("SELECT count(*) FROM duckdb_tables()") == 0


def test_an_unknown_target_is_refused(acme):
    with pytest.raises(FAILS, match="one of auto, duckdb, iceberg|unknown target"):
        acme.upload("t", ONE, target="parquet")


def test_columns_are_matched_by_name(acme):
    acme.upload("t", ONE)
    acme.upload("t", pa.table({"name": ["z"], "id": pa.array([9], pa.int64())}), mode="append")
    assert acme.query("SELECT id, name FROM t WHERE id = 9").to_pylist() == [{"id": 9, "name": "z"}]


def test_columns_that_fit_are_cast(acme):
    acme.upload("t", ONE)
    acme.upload("t", pa.table({"id": pa.array([7], pa.int16()), "name": ["x"]}), mode="append")
    assert ids(acme) == [1, 2, 3, 7]


@pytest.mark.parametrize("data, words", [
    (pa.table({"id": ["x"], "name": ["y"]}), ["id", "BIGINT", "VARCHAR"]),
    (pa.table({"id": pa.array([1], pa.int64()), "extra": ["y"]}), ["extra"]),
])
def test_mismatch_names_column_and_types_and_changes_nothing(acme, data, words):
    acme.upload("t", ONE)
    with pytest.raises(FAILS) as error:
        acme.upload("t", data, mode="append")
    for word in words:
        assert word.lower() in str(error.value).lower()
    assert ids(acme) == [1, 2, 3]


@pytest.mark.parametrize("table", ["select", "Bestellungen 2026", 'say "hi"', "naïve", "a.b", "x" * 200, "'; DROP TABLE t; --"])
def test_table_names_are_names_and_never_sql(acme, table):
    acme.upload(table, ONE)
    quoted = '"' + table.replace('"', '""') + '"'
    assert ids(acme, quoted) == [1, 2, 3]


@pytest.mark.parametrize("column", ["select", "A b", 'q"q', "ü"])
def test_column_names_are_kept(acme, column):
    acme.upload("t", pa.table({column: [1]}))
    assert acme.query("SELECT * FROM t").column_names == [column]


def test_no_rows_make_an_empty_table(acme):
    assert acme.upload("t", ONE.slice(0, 0))["rows"] == 0
    assert acme.upload("u", pa.Table.from_batches([], ONE.schema))["rows"] == 0
    assert ids(acme) == [] and ids(acme, "u") == []


def test_replace_changes_columns(acme):
    acme.upload("t", ONE)
    acme.upload("t", pa.table({"other": [1.5]}), mode="replace")
    assert acme.query("SELECT * FROM t").to_pylist() == [{"other": 1.5}]


def test_duplicate_columns_lose_nothing(acme):
    """Refused, or stored under two names; never one column for two."""
    try:
        acme.upload("t", pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]))
    except FAILS:
        assert acme.value("SELECT count(*) FROM duckdb_tables()") == 0
    else:
        assert [list(row.values()) for row in acme.query("SELECT * FROM t").to_pylist()] == [[1, 2]]


def test_many_batches_keep_every_row(acme):
    data = pa.table({"id": pa.array(range(250_000), pa.int64()), "text": [f"row {i}" for i in range(250_000)]})
    assert acme.upload("t", data, batch_rows=1000)["rows"] == 250_000
    assert acme.query("SELECT count(*) AS n, sum(id) AS s, count(DISTINCT text) AS d FROM t").to_pylist() == [
        {"n": 250_000, "s": 250_000 * 249_999 // 2, "d": 250_000}]


def test_upload_that_is_cut_off_leaves_nothing(acme):
    """The client goes away in the middle: the transaction was never committed."""
    schema, batch = ipc_parts(ONE)[:2]
    sent = threading.Event()

    def messages():
        yield flight_data(schema[0], b"", path("t"))
        for _ in range(50):
            yield flight_data(*batch)
        sent.set()
        threading.Event().wait()

    with grpc.insecure_channel(f"127.0.0.1:{acme.server.port}") as channel:
        call = channel.stream_stream(DO_PUT, request_serializer=bytes, response_deserializer=bytes)(
            messages(), metadata=[("eider-tenant", acme.tenant)])
        assert sent.wait(20)
        until(lambda: any(one["state"] == "running" for one in acme.statements() if one["tenant"] == acme.tenant), 10, "the running upload")
        call.cancel()
    until(lambda: all(one["state"] == "ended" for one in acme.statements() if one["tenant"] == acme.tenant), 10, "the end of the upload")
    assert acme.value("SELECT count(*) FROM duckdb_tables() WHERE table_name = 't'") == 0


def test_two_uploads_at_once_lose_nothing(acme, make_client):
    acme.upload("t", ONE)
    clients = [make_client(acme.server, acme.tenant) for _ in range(4)]
    data = pa.table({"id": pa.array(range(20_000), pa.int64()), "name": ["x"] * 20_000})
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda client: client.upload("t", data, mode="append")["rows"], clients))
    assert answers == [20_000] * 4
    assert acme.value("SELECT count(*) FROM t") == 80_003

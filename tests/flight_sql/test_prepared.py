"""Prepared statements: made, bound, run again and again, closed; with parameters of every type."""

import datetime
import decimal

import pyarrow as pa
import pyarrow.flight as flight
import pytest

from lib import adbc, flightsql, rawflight
from lib.client import FAILS
from lib.rawflight import field


def test_a_parameter_in_a_query(database):
    assert adbc.value(database, "SELECT ? + 1", (41,)) == 42
    assert adbc.value(database, "SELECT ?::VARCHAR || '!'", ("hi",)) == "hi!"
    assert adbc.rows(database, "SELECT i FROM range(10) t(i) WHERE i > $1 AND i < $2", (3, 6)) == [(4,), (5,)]


def test_executemany_runs_once_per_row(database):
    with database.cursor() as cursor:
        cursor.execute("CREATE TABLE t(i BIGINT, s VARCHAR)")
        cursor.executemany("INSERT INTO t VALUES (?, ?)", [(i, f"row {i}") for i in range(100)])
        assert cursor.rowcount in (100, -1)
        cursor.execute("SELECT count(*), sum(i), min(s) FROM t")
        assert cursor.fetchall() == [(100, 4950, "row 0")]


def test_rows_of_one_executemany_are_one_transaction(database):
    with database.cursor() as cursor:
        cursor.execute("CREATE TABLE t(i BIGINT PRIMARY KEY)")
        with pytest.raises(database.Error, match="(?i)duplicate"):
            cursor.executemany("INSERT INTO t VALUES (?)", [(1,), (2,), (1,)])
        cursor.execute("SELECT count(*) FROM t")
        assert cursor.fetchall() == [(0,)]


def test_a_prepared_statement_is_run_again_with_other_values(database):
    with database.cursor() as cursor:
        cursor.execute("CREATE TABLE t AS SELECT i, i * i AS square FROM range(1000) t(i)")
        for i in (3, 5, 999):
            cursor.execute("SELECT square FROM t WHERE i = ?", (i,))
            assert cursor.fetchall() == [(i * i,)]


def test_several_rows_of_values_give_results_one_after_the_other(database):
    with database.cursor() as cursor:
        cursor.adbc_statement.set_sql_query("SELECT ?::BIGINT * 2 AS twice")
        cursor.adbc_statement.prepare()
        cursor.adbc_statement.bind(pa.record_batch({"1": pa.array([1, 2, 3], pa.int64())}))
        handle, _ = cursor.adbc_statement.execute_query()
        reader = pa.RecordBatchReader._import_from_c(handle.address)
        assert reader.read_all()["twice"].to_pylist() == [2, 4, 6]


VALUES = [
    pa.array([True], pa.bool_()),
    pa.array([-1], pa.int8()), pa.array([-1], pa.int16()), pa.array([-1], pa.int32()), pa.array([-1], pa.int64()),
    pa.array([255], pa.uint8()), pa.array([65535], pa.uint16()), pa.array([2**32 - 1], pa.uint32()),
    pa.array([2**64 - 1], pa.uint64()),
    pa.array([1.5], pa.float32()), pa.array([1.5], pa.float64()),
    pa.array(["Zoë"], pa.string()), pa.array(["Zoë"], pa.large_string()), pa.array(["a" * 40], pa.string_view()),
    pa.array([b"\x00\xff"], pa.binary()), pa.array([b"\x00\xff"], pa.large_binary()),
    pa.array([datetime.date(2024, 2, 29)], pa.date32()),
    pa.array([datetime.time(23, 59, 59, 999999)], pa.time64("us")),
    pa.array([datetime.datetime(2024, 2, 29, 1, 2, 3, 4)], pa.timestamp("us")),
    pa.array([datetime.datetime(2024, 2, 29, 1, 2, 3)], pa.timestamp("s")),
    pa.array([datetime.datetime(2024, 2, 29, 1, 2, 3, tzinfo=datetime.timezone.utc)], pa.timestamp("us", "UTC")),
    pa.array([decimal.Decimal("12345.67")], pa.decimal128(10, 2)),
    pa.array([decimal.Decimal("-1")], pa.decimal128(38, 0)),
    pa.array([[1, None, 3]], pa.list_(pa.int32())),
    pa.array([{"a": 1, "b": "x"}], pa.struct([("a", pa.int32()), ("b", pa.string())])),
    pa.array([None], pa.int32()), pa.array([None], pa.string()), pa.array([None], pa.null()),
    pa.array(["x"]).dictionary_encode(),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: str(value.type))
def test_a_value_of_every_type_comes_back(database, value):
    with database.cursor() as cursor:
        cursor.adbc_statement.set_sql_query("SELECT ? AS v")
        cursor.adbc_statement.prepare()
        cursor.adbc_statement.bind(pa.record_batch({"1": value}))
        handle, _ = cursor.adbc_statement.execute_query()
        table = pa.RecordBatchReader._import_from_c(handle.address).read_all()
    assert table["v"].to_pylist() == value.to_pylist()


def test_what_a_statement_needs_is_told(database):
    with database.cursor() as cursor:
        cursor.execute("CREATE TABLE t(i INTEGER, s VARCHAR)")
        schema = cursor.adbc_prepare("INSERT INTO t VALUES (?, ?)")
        assert [field.type for field in schema] == [pa.int32(), pa.string()]
        assert len(cursor.adbc_prepare("SELECT 1")) == 0


def test_too_few_and_wrong_values_are_refused(database):
    with database.cursor() as cursor:
        cursor.execute("CREATE TABLE t(i INTEGER)")
        with pytest.raises(database.Error, match="(?i)parameter"):
            cursor.execute("SELECT ? + ?", (1,))
            cursor.fetchall()
        with pytest.raises(database.Error):
            cursor.execute("INSERT INTO t VALUES (?)", ("no number",))
        cursor.execute("SELECT count(*) FROM t")
        assert cursor.fetchall() == [(0,)]


# The protocol by hand.

def create(client, sql, transaction=None):
    message = field(1, sql.encode()) + (field(2, transaction) if transaction else b"")
    (result,) = flightsql.act(client.flight, "CreatePreparedStatement",
                              flightsql.wrap("ActionCreatePreparedStatementRequest", message), client.options())
    return dict(flightsql.fields(flightsql.unwrap("ActionCreatePreparedStatementResult", result)))


def close(client, handle):
    return flightsql.act(client.flight, "ClosePreparedStatement",
                         flightsql.wrap("ActionClosePreparedStatementRequest", field(1, handle)), client.options())


def descriptor(name, handle):
    return flight.FlightDescriptor.for_command(flightsql.wrap(name, field(1, handle)))


def bind(client, handle, batch, name="CommandPreparedStatementQuery"):
    """The one answer, as fields."""
    writer, reader = client.flight.do_put(descriptor(name, handle), batch.schema, client.options())
    writer.write_batch(batch)
    writer.done_writing()
    answer = reader.read()
    assert reader.read() is None
    writer.close()
    return dict(flightsql.fields(answer.to_pybytes()))


def query(client, handle):
    found = client.flight.get_flight_info(descriptor("CommandPreparedStatementQuery", handle), client.options())
    return client.flight.do_get(found.endpoints[0].ticket, client.options()).read_all()


def test_a_query_has_a_dataset_schema_and_an_update_has_none(acme):
    acme.query("CREATE TABLE t(i INTEGER)")
    select = create(acme, "SELECT i FROM t WHERE i = ?")
    assert select[4] == 0 and pa.ipc.read_schema(pa.py_buffer(select[2])).names == ["i"]
    assert len(pa.ipc.read_schema(pa.py_buffer(select[3]))) == 1
    returning = create(acme, "INSERT INTO t VALUES (1) RETURNING i")
    assert returning[4] == 0 and pa.ipc.read_schema(pa.py_buffer(returning[2])).names == ["i"]
    for sql in ("INSERT INTO t VALUES (1)", "CREATE TABLE u(i INTEGER)", "DROP TABLE t", "BEGIN",
                "SET TimeZone = 'UTC'"):
        made = create(acme, sql)
        assert made[4] == 1 and 2 not in made, sql
    assert acme.value("SELECT count(*) FROM t") == 0


def test_binding_gives_the_same_handle_back(acme):
    handle = create(acme, "SELECT ?::INTEGER AS v")[1]
    batch = pa.record_batch({"1": pa.array([7], pa.int32())})
    assert bind(acme, handle, batch) == {1: handle}
    assert query(acme, handle)["v"].to_pylist() == [7]
    assert query(acme, handle)["v"].to_pylist() == [7]
    bind(acme, handle, pa.record_batch({"1": pa.array([8], pa.int32())}))
    assert query(acme, handle)["v"].to_pylist() == [8]


def test_a_ticket_keeps_the_values_of_its_time(acme):
    handle = create(acme, "SELECT ?::INTEGER AS v")[1]
    bind(acme, handle, pa.record_batch({"1": pa.array([7], pa.int32())}))
    found = acme.flight.get_flight_info(descriptor("CommandPreparedStatementQuery", handle), acme.options())
    bind(acme, handle, pa.record_batch({"1": pa.array([8], pa.int32())}))
    assert acme.flight.do_get(found.endpoints[0].ticket, acme.options()).read_all()["v"].to_pylist() == [7]


def test_values_in_several_batches(acme):
    handle = create(acme, "SELECT ?::INTEGER AS v")[1]
    schema = pa.schema({"1": pa.int32()})
    writer, reader = acme.flight.do_put(descriptor("CommandPreparedStatementQuery", handle), schema, acme.options())
    for values in ([1, 2], [3], [4, 5, 6]):
        writer.write_batch(pa.record_batch({"1": pa.array(values, pa.int32())}))
    writer.done_writing()
    reader.read()
    writer.close()
    assert query(acme, handle)["v"].to_pylist() == [1, 2, 3, 4, 5, 6]


def test_no_columns_are_no_values(acme):
    """Drivers send a schema of no fields, and a batch of no rows, when there is nothing to bind."""
    acme.query("CREATE TABLE t(i INTEGER)")
    empty = pa.RecordBatch.from_pylist([], schema=pa.schema([]))
    handle = create(acme, "SELECT 5 AS five")[1]
    bind(acme, handle, empty)
    assert query(acme, handle)["five"].to_pylist() == [5]
    handle = create(acme, "INSERT INTO t VALUES (1)")[1]
    assert bind(acme, handle, empty, "CommandPreparedStatementUpdate") == {1: 1}
    assert acme.value("SELECT count(*) FROM t") == 1


def test_an_update_counts_over_all_rows_of_values(acme):
    acme.query("CREATE TABLE t(i INTEGER)")
    handle = create(acme, "INSERT INTO t VALUES (?)")[1]
    batch = pa.record_batch({"1": pa.array(range(1000), pa.int32())})
    assert bind(acme, handle, batch, "CommandPreparedStatementUpdate") == {1: 1000}
    handle = create(acme, "DELETE FROM t WHERE i < ?")[1]
    batch = pa.record_batch({"1": pa.array([10, 20], pa.int32())})
    assert bind(acme, handle, batch, "CommandPreparedStatementUpdate") == {1: 20}


def test_an_update_whose_descriptor_comes_alone(acme):
    """Go and C++ send no schema when nothing is bound."""
    acme.query("CREATE TABLE t(i INTEGER)")
    import grpc
    made = create(acme, "INSERT INTO t VALUES (1), (2)")
    with grpc.insecure_channel(f"127.0.0.1:{acme.server.port}") as channel:
        # another connection is another session: the handle means nothing there
        call = channel.stream_stream(rawflight.DO_PUT, request_serializer=bytes, response_deserializer=bytes)(
            iter([rawflight.flight_data(descriptor=descriptor("CommandPreparedStatementUpdate", made[1]).serialize())]),
            metadata=[("eider-tenant", acme.tenant)], timeout=20)
        assert call.code() is grpc.StatusCode.NOT_FOUND and "lives in the session" in call.details()
        act = channel.unary_stream("/arrow.flight.protocol.FlightService/DoAction", request_serializer=bytes,
                                   response_deserializer=bytes)
        body = flightsql.wrap("ActionCreatePreparedStatementRequest", field(1, b"INSERT INTO t VALUES (1), (2)"))
        (answer,) = act(field(1, b"CreatePreparedStatement") + field(2, body), metadata=[("eider-tenant", acme.tenant)])
        result = flightsql.unwrap("ActionCreatePreparedStatementResult", dict(flightsql.fields(answer))[1])
        handle = dict(flightsql.fields(result))[1]
        (answer,) = channel.stream_stream(rawflight.DO_PUT, request_serializer=bytes, response_deserializer=bytes)(
            iter([rawflight.flight_data(descriptor=descriptor("CommandPreparedStatementUpdate", handle).serialize())]),
            metadata=[("eider-tenant", acme.tenant)], timeout=20)
        assert answer == field(1, b"\x08\x02")
    assert acme.value("SELECT count(*) FROM t") == 2


def test_a_prepared_update_runs_at_get_flight_info_too(acme):
    acme.query("CREATE TABLE t(i INTEGER)")
    handle = create(acme, "INSERT INTO t VALUES (?) RETURNING i")[1]
    bind(acme, handle, pa.record_batch({"1": pa.array([7], pa.int32())}))
    assert query(acme, handle)["i"].to_pylist() == [7]
    assert acme.value("SELECT count(*) FROM t") == 1


def test_closing_twice_is_fine_and_using_after_is_not(acme):
    handle = create(acme, "SELECT 1")[1]
    assert close(acme, handle) == [] and close(acme, handle) == []
    with pytest.raises(FAILS, match="prepare"):
        query(acme, handle)


def test_too_many_values_are_refused(make_server, make_client):
    from lib.client import create_tenant
    server = make_server(config="limits:\n  flight.max_binds: 100000\n")
    create_tenant(server, "tenant_a")
    client = make_client(server, "tenant_a")
    handle = create(client, "SELECT ?::BIGINT")[1]
    with pytest.raises(FAILS, match="flight.max_binds"):
        bind(client, handle, pa.record_batch({"1": pa.array(range(100_000), pa.int64())}))


def test_a_table_that_changed_is_prepared_again(acme):
    acme.query("CREATE TABLE t AS SELECT 1 AS i")
    handle = create(acme, "SELECT * FROM t")[1]
    assert query(acme, handle).column_names == ["i"]
    acme.query("CREATE OR REPLACE TABLE t AS SELECT 2 AS i")
    assert query(acme, handle)["i"].to_pylist() == [2]


def test_the_number_of_prepared_statements_is_bounded(make_server, make_client):
    from lib.client import create_tenant
    server = make_server(config="limits:\n  session.max_prepared: 3\n")
    create_tenant(server, "tenant_a")
    client = make_client(server, "tenant_a")
    handles = [create(client, "SELECT 1")[1] for _ in range(3)]
    with pytest.raises(FAILS, match="session.max_prepared"):
        create(client, "SELECT 1")
    close(client, handles[0])
    create(client, "SELECT 1")
    with pytest.raises(FAILS, match="(?i)syntax"):  # one that fails leaves no trace
        close(client, handles[1])
        create(client, "SELECT 1 FROM FROM")
    create(client, "SELECT 1")

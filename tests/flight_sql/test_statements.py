"""Statements as text: what is read runs at DoGet, what is more runs once, at GetFlightInfo or at DoPut."""

import threading
import time

import pyarrow as pa
import pyarrow.flight as flight
import pytest

from lib import adbc, flightsql, rawflight
from lib.client import FAILS, create_tenant
from lib.rawflight import field
from lib.wait import until


def command(sql, transaction=None, name="CommandStatementQuery"):
    message = field(1, sql.encode()) + (field(2, transaction) if transaction else b"")
    return flight.FlightDescriptor.for_command(flightsql.wrap(name, message))


def info(client, sql, **more):
    return client.flight.get_flight_info(command(sql, **more), client.options())


def fetch(client, found):
    return client.flight.do_get(found.endpoints[0].ticket, client.options()).read_all()


def test_a_select_with_every_way_to_fetch(database):
    sql = "SELECT i, i * 0.5 AS half, 'row ' || i AS name FROM range(3) t(i)"
    assert adbc.rows(database, sql) == [(0, 0.0, "row 0"), (1, 0.5, "row 1"), (2, 1.0, "row 2")]
    with database.cursor() as cursor:
        cursor.execute(sql)
        assert [column[0] for column in cursor.description] == ["i", "half", "name"]
        assert cursor.fetchone()[0] == 0
        assert len(cursor.fetchmany(1)) == 1
        assert cursor.fetchall() == [(2, 1.0, "row 2")]
        cursor.execute(sql)
        assert cursor.fetch_arrow_table().num_rows == 3
        cursor.execute(sql)
        assert list(cursor.fetch_df()["name"]) == ["row 0", "row 1", "row 2"]
        cursor.execute(sql)
        assert cursor.fetch_polars()["half"].to_list() == [0.0, 0.5, 1.0]
        cursor.execute(sql)
        assert cursor.fetch_record_batch().schema.names == ["i", "half", "name"]


def test_an_empty_result_has_its_schema(database):
    with database.cursor() as cursor:
        cursor.execute("SELECT 1::BIGINT AS a, 'x' AS b WHERE false")
        table = cursor.fetch_arrow_table()
        assert table.num_rows == 0 and table.schema.names == ["a", "b"]


def test_execute_schema_runs_nothing(database):
    with database.cursor() as cursor:
        schema = cursor.adbc_execute_schema("SELECT 1::INTEGER AS a, error('never') AS b")
        assert schema.names == ["a", "b"] and schema.field("a").type == pa.int32()
        adbc.rows(database, "CREATE TABLE t(i INTEGER)")
        with pytest.raises(database.NotSupportedError, match="did not provide schema"):  # the driver's own words
            cursor.adbc_execute_schema("INSERT INTO t VALUES (1)")
    assert adbc.value(database, "SELECT count(*) FROM t") == 0


def test_ddl_and_dml_run_exactly_once_by_execute(database):
    with database.cursor() as cursor:
        cursor.execute("CREATE SEQUENCE s")
        cursor.execute("CREATE TABLE t(i BIGINT)")
        cursor.execute("INSERT INTO t SELECT nextval('s') FROM range(3)")
        cursor.execute("INSERT INTO t VALUES (nextval('s'))")
        cursor.execute("SELECT list(i ORDER BY i), nextval('s') FROM t")
        assert cursor.fetchall() == [([1, 2, 3, 4], 5)]


def test_info_of_dml_has_the_schema_of_its_result(acme):
    acme.query("CREATE TABLE t(i INTEGER NOT NULL)")
    found = info(acme, "INSERT INTO t VALUES (1), (2) RETURNING i, i * 2 AS twice")
    assert acme.value("SELECT count(*) FROM t") == 2
    table = fetch(acme, found)
    assert table.schema.equals(found.schema) and table["twice"].to_pylist() == [2, 4]


@pytest.mark.parametrize("sql", ["SELECT 1 AS a, NULL AS b", "FROM range(5)", "SELECT 'x'::VARCHAR, [1, 2], {'a': 1}",
                                 "SHOW TABLES", "EXPLAIN SELECT 1", "VALUES (1, 'a')", "PRAGMA table_info('t')",
                                 "SELECT * FROM t", "SELECT i FROM t", "DESCRIBE t"])
def test_info_and_stream_agree_on_the_schema(acme, sql):
    acme.query("CREATE TABLE t(i INTEGER NOT NULL, e ENUM('a', 'b'), x DECIMAL(10, 2))")
    found = info(acme, sql)
    assert found.total_records == -1 and found.total_bytes == -1
    assert found.endpoints[0].locations == []
    assert fetch(acme, found).schema.equals(found.schema)


def test_get_schema_runs_nothing(acme):
    acme.query("CREATE TABLE t(i INTEGER)")
    schema = acme.flight.get_schema(command("INSERT INTO t VALUES (1)"), acme.options()).schema
    assert len(schema) == 0 and acme.value("SELECT count(*) FROM t") == 0
    assert acme.flight.get_schema(command("SELECT 1 AS one"), acme.options()).schema.names == ["one"]


def test_a_kept_result_is_given_out_once(acme):
    found = info(acme, "CREATE TABLE t(i INTEGER)")
    fetch(acme, found)
    with pytest.raises(FAILS, match="for one DoGet"):
        fetch(acme, found)


def limited(make_server, make_client, limit):
    """A client of a server with one limit of its own."""
    server = make_server(config=f"limits:\n  {limit}\n")
    create_tenant(server, "tenant_a")
    return make_client(server, "tenant_a")


def test_a_kept_result_is_dropped_after_its_time(make_server, make_client):
    client = limited(make_server, make_client, "flight.kept_life: 1")
    found = info(client, "CREATE TABLE t(i INTEGER)")
    time.sleep(1.5)  # the life that is tested
    with pytest.raises(FAILS, match="not known"):
        fetch(client, found)


def test_a_result_that_does_not_fit_is_rolled_back(make_server, make_client):
    client = limited(make_server, make_client, "flight.kept_result: 100000")
    client.query("CREATE TABLE t(i BIGINT)")
    with pytest.raises(FAILS, match="flight.kept_result"):
        info(client, "INSERT INTO t SELECT * FROM range(1000000) RETURNING i")
    assert client.value("SELECT count(*) FROM t") == 0
    fetch(client, info(client, "INSERT INTO t SELECT * FROM range(1000) RETURNING i"))
    assert client.value("SELECT count(*) FROM t") == 1000


def test_a_select_ticket_may_be_used_again_until_it_expires(acme):
    found = info(acme, "SELECT 42 AS answer")
    assert [fetch(acme, found)["answer"].to_pylist() for _ in range(2)] == [[42], [42]]


def test_errors_name_the_place_and_have_the_right_kind(database):
    with database.cursor() as cursor:
        with pytest.raises(database.Error, match="(?i)nowhere") as why:
            cursor.execute("SELECT * FROM nowhere")
        assert why.value.status_code is not None
        with pytest.raises(database.Error, match="(?i)syntax"):
            cursor.execute("SELECT 1 FROM FROM")
        with pytest.raises(database.Error, match="no SQL statement"):
            cursor.execute("-- nothing")
        cursor.execute("SELECT CASE WHEN i = 100000 THEN error('late') ELSE i END FROM range(200000) t(i)")
        with pytest.raises(database.Error, match="late"):
            cursor.fetch_arrow_table()
        cursor.execute("SELECT 1")
        assert cursor.fetchall() == [(1,)]


def test_update_counts(acme, database):
    with database.cursor() as cursor:
        cursor.execute("CREATE TABLE t(i INTEGER, s VARCHAR)")
        cursor.adbc_statement.set_sql_query("INSERT INTO t SELECT i, 'x' FROM range(10) t(i)")
        assert cursor.adbc_statement.execute_update() == 10
        cursor.adbc_statement.set_sql_query("UPDATE t SET s = 'y' WHERE i < 4")
        assert cursor.adbc_statement.execute_update() == 4
        cursor.adbc_statement.set_sql_query("DELETE FROM t")
        assert cursor.adbc_statement.execute_update() == 10
        cursor.adbc_statement.set_sql_query("DROP TABLE t")
        assert cursor.adbc_statement.execute_update() == 0
        cursor.adbc_statement.set_sql_query("DROP TABLE t")
        with pytest.raises(database.Error, match="t does not exist"):
            cursor.adbc_statement.execute_update()


def put(client, *messages):
    code, details, answers = rawflight.put(client.server, messages, client.tenant)
    return code.name, details, answers


def update(sql, **more):
    return command(sql, name="CommandStatementUpdate", **more).serialize()


def test_an_update_is_answered_before_the_client_has_finished(acme):
    """Java's executeUpdate reads its answer first and never ends its stream."""
    import grpc
    done = threading.Event()

    def messages():
        yield rawflight.flight_data(descriptor=update("CREATE TABLE early AS SELECT 1 AS i"))
        done.wait(20)

    with grpc.insecure_channel(f"127.0.0.1:{acme.server.port}") as channel:
        call = channel.stream_stream(rawflight.DO_PUT, request_serializer=bytes, response_deserializer=bytes)(
            messages(), metadata=[("eider-tenant", acme.tenant)], timeout=20)
        answer = next(call)
        assert flightsql.fields(answer) in ([(1, b"")], [], [(1, b"\x08\x01")])
        done.set()
    assert acme.value("SELECT i FROM early") == 1


def test_an_update_with_values_is_refused(acme):
    (schema, _), (header, body) = rawflight.ipc_parts(pa.table({"i": [1, 2]}))
    code, details, answers = put(acme, rawflight.flight_data(schema, descriptor=update("SELECT 1")),
                                 rawflight.flight_data(header, body))
    assert (code, answers) in (("INVALID_ARGUMENT", []), ("OK", answers)) and (code == "OK" or "takes no values" in details)


def test_substrait_is_refused_with_a_way_out(acme):
    plan = flight.FlightDescriptor.for_command(flightsql.wrap("CommandStatementSubstraitPlan", field(1, field(1, b"x"))))
    with pytest.raises(FAILS, match="Substrait plans are not served\n.*CommandStatementQuery"):
        acme.flight.get_flight_info(plan, acme.options())
    with pytest.raises(FAILS, match="Substrait"):
        flightsql.act(acme.flight, "CreatePreparedSubstraitPlan", flightsql.wrap("ActionCreatePreparedSubstraitPlanRequest"),
                      acme.options())


@pytest.mark.parametrize("name, where", [("CommandStatementUpdate", "DoPut"), ("CommandStatementIngest", "DoPut"),
                                         ("ActionBeginTransactionRequest", "not one for")])
def test_commands_of_other_methods_are_refused(acme, name, where):
    with pytest.raises(FAILS, match=where):
        acme.flight.get_flight_info(flight.FlightDescriptor.for_command(flightsql.wrap(name)), acme.options())


def test_unknown_commands_are_named(acme):
    with pytest.raises(FAILS, match="CommandGetWeather"):
        acme.flight.get_flight_info(flight.FlightDescriptor.for_command(flightsql.wrap("CommandGetWeather")),
                                    acme.options())


def test_cancel_by_info_and_by_the_older_action(acme):
    found = info(acme, "SELECT 1 AS a")
    body = field(1, found.serialize())
    assert flightsql.act(acme.flight, "CancelFlightInfo", body, acme.options()) == [b"\x08\x01"]
    assert flightsql.act(acme.flight, "CancelFlightInfo", body, acme.options()) == [b"\x08\x03"]
    with pytest.raises(FAILS, match="not known"):
        fetch(acme, found)
    found = info(acme, "CREATE TABLE t(i INTEGER)")
    (result,) = flightsql.act(acme.flight, "CancelQuery",
                              flightsql.wrap("ActionCancelQueryRequest", field(1, found.serialize())), acme.options())
    assert flightsql.unwrap("ActionCancelQueryResult", result) == b"\x08\x01"


def test_cancel_of_what_runs(acme):
    found = info(acme, "SELECT count(*) FROM range(100000000000)")
    errors = []

    def reader():
        try:
            fetch(acme, found)
        except FAILS as why:
            errors.append(str(why))

    thread = threading.Thread(target=reader)
    thread.start()
    until(lambda: any(entry["state"] == "running" and "100000000000" in entry["sql"] for entry in acme.statements()),
          20, "the statement's start")
    status = flightsql.act(acme.flight, "CancelFlightInfo", field(1, found.serialize()), acme.options())
    assert status == [b"\x08\x02"]
    thread.join(30)
    assert errors and "cancel" in errors[0].lower()


def test_a_ticket_can_be_renewed(acme):
    found = info(acme, "SELECT 1 AS a")
    ticket = found.endpoints[0].ticket.ticket
    endpoint = field(1, field(1, ticket))
    (renewed,) = flightsql.act(acme.flight, "RenewFlightEndpoint", field(1, endpoint), acme.options())
    parts = dict(flightsql.fields(renewed))
    assert dict(flightsql.fields(parts[1]))[1] == ticket
    assert dict(flightsql.fields(parts[3]))[1] > 1_600_000_000
    with pytest.raises(FAILS, match="not known"):
        flightsql.act(acme.flight, "RenewFlightEndpoint", field(1, field(1, field(1, b"eider-ticket-" + b"0" * 32))),
                      acme.options())


@pytest.mark.slow
def test_five_million_rows_arrive(database):
    with database.cursor() as cursor:
        cursor.execute("SELECT i, i % 7 AS k, 'text ' || (i % 1000) AS s FROM range(5000000) t(i)")
        table = cursor.fetch_arrow_table()
    assert table.num_rows == 5_000_000
    assert table["i"].to_numpy().sum() == 5_000_000 * 4_999_999 // 2


def endpoints(acme, sql, count):
    assert flightsql.set_options(acme.flight, acme.options(), eider__parallel_endpoints=count) == {}
    return info(acme, sql)


def test_a_large_result_in_several_streams(acme):
    sql = "SELECT i, (['a', 'b'])[i % 2 + 1]::ENUM('a', 'b') AS e FROM range(10000000) t(i)"
    found = endpoints(acme, sql, 4)
    assert len(found.endpoints) == 4 and not found.ordered
    readers = [acme.flight.do_get(endpoint.ticket, acme.options()) for endpoint in found.endpoints]
    tables = [None] * 4

    def read(index):
        tables[index] = readers[index].read_all()

    threads = [threading.Thread(target=read, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert all(table.schema.equals(found.schema) for table in tables)
    whole = pa.concat_tables(tables)
    assert whole.num_rows == 10_000_000 and len(whole["i"].unique()) == 10_000_000
    assert sum(1 for table in tables if table.num_rows) > 1
    with pytest.raises(FAILS, match="not known"):
        fetch(acme, found)


def test_streams_may_be_read_one_after_the_other(acme):
    found = endpoints(acme, "SELECT i FROM range(3000000) t(i)", 3)
    tables = [acme.flight.do_get(endpoint.ticket, acme.options()).read_all() for endpoint in found.endpoints]
    assert sum(table.num_rows for table in tables) == 3_000_000
    assert all(table.schema.equals(found.schema) for table in tables)


def test_an_ordered_result_stays_one_stream(acme):
    found = endpoints(acme, "SELECT i FROM range(10) t(i) ORDER BY i DESC", 4)
    assert len(found.endpoints) == 1 and found.ordered
    assert fetch(acme, found)["i"].to_pylist() == list(range(9, -1, -1))


def test_an_error_ends_all_streams(acme):
    found = endpoints(acme, "SELECT CASE WHEN i = 100000 THEN error('late') ELSE i END FROM range(100001) t(i)", 2)
    results = []

    def read(endpoint):
        try:
            acme.flight.do_get(endpoint.ticket, acme.options()).read_all()
            results.append("fine")
        except FAILS as why:
            results.append(str(why))

    threads = [threading.Thread(target=read, args=(endpoint,)) for endpoint in found.endpoints]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(results) == 2 and all("late" in text for text in results)

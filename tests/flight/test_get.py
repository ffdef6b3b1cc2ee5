"""Downloads: tickets of every form, schemas that hold, batches of the right size, statements that run once."""

import json

import pyarrow as pa
import pyarrow.flight as flight
import pytest

from lib.client import FAILS


def test_sql_text_as_ticket(acme):
    assert acme.value("SELECT 42") == 42


def test_json_ticket_with_tenant_and_parameters(acme):
    ticket = json.dumps({"sql": "SELECT ? + 1 AS n, ? AS s", "tenant": acme.tenant, "parameters": [41, "x"]})
    assert acme.query(ticket, tenant=None).to_pylist() == [{"n": 42, "s": "x"}]


def test_named_parameters(acme):
    ticket = json.dumps({"sql": "SELECT $a AS a, $b AS b", "parameters": {"a": 1.5, "b": None}})
    assert acme.query(ticket).to_pylist() == [{"a": 1.5, "b": None}]


@pytest.mark.parametrize("ticket", [
    b"", b"   ", b"-- nothing", b"/* nothing */", b";", b"{}", b'{"sql": 1}', b'{"sql": "select 1", "colour": 1}', b'{"sql": "select 1"',
    b"\xff\xfe", b"select 1\x00", b'{"sql": "select ?", "parameters": 5}',
])
def test_bad_ticket_is_refused(acme, ticket):
    with pytest.raises(FAILS):
        acme.query(ticket)


@pytest.mark.parametrize("sql, words", [
    ("SELEKT 1", ["SELEKT"]),
    ("SELECT * FROM nowhere", ["nowhere"]),
    ("SELECT nothing FROM range(3)", ["nothing"]),
    ("SELECT 1; SELECT 2 FROM", []),
    ("SELECT 'x'::INTEGER", ["x"]),
])
def test_error_says_what_is_wrong(acme, sql, words):
    with pytest.raises(FAILS) as error:
        acme.query(sql)
    for word in words:
        assert word in str(error.value)
    assert str(acme.server.data) not in str(error.value)


def test_error_in_the_middle_ends_the_stream(acme):
    """The first rows are on their way when the last one fails."""
    reader = acme.reader("SELECT CASE WHEN i = 2999999 THEN 'x'::INTEGER ELSE i END AS v FROM range(3000000) t(i)")
    with pytest.raises(FAILS, match="x"):
        reader.read_all()
    assert acme.value("SELECT 1") == 1


def test_an_error_of_one_thread_says_its_reason(acme):
    acme.query("CREATE TABLE t AS SELECT range AS i FROM range(1000000)")
    for number in range(20):
        with pytest.raises(FAILS, match="boom"):
            acme.query(f"SELECT CASE WHEN i = {700_000 + number * 1000} THEN error('boom') ELSE i::VARCHAR END FROM t")


def test_table_names(acme):
    acme.upload("orders", pa.table({"id": [1]}))
    for name in ("orders", "default.orders", f"{acme.tenant}.default.orders", '"orders"', f'"{acme.tenant}"."default"."orders"'):
        assert acme.value(f"SELECT id FROM {name}") == 1


def test_ddl_and_dml_run_once_at_doget(acme):
    acme.query("CREATE TABLE t (id BIGINT)")
    info = acme.flight.get_flight_info(flight.FlightDescriptor.for_command("INSERT INTO t VALUES (1)"), acme.options())
    assert acme.value("SELECT count(*) FROM t") == 0
    acme.flight.do_get(info.endpoints[0].ticket, acme.options()).read_all()
    assert acme.value("SELECT count(*) FROM t") == 1


def test_insert_returns_its_count(acme):
    acme.query("CREATE TABLE t (id BIGINT)")
    assert acme.query("INSERT INTO t SELECT * FROM range(7)").column(0).to_pylist() == [7]
    assert acme.query("INSERT INTO t VALUES (8) RETURNING id").to_pylist() == [{"id": 8}]


COMMANDS = ["SELECT 1 AS a, 'x' AS b", "SELECT * FROM range(0)", "SELECT * FROM test_all_types()", "SELECT NULL", "SHOW TABLES"]


@pytest.mark.parametrize("sql", COMMANDS)
def test_announced_schema_is_the_streamed_one(acme, sql):
    descriptor = flight.FlightDescriptor.for_command(sql)
    info = acme.flight.get_flight_info(descriptor, acme.options())
    schema = acme.flight.get_schema(descriptor, acme.options()).schema
    assert len(info.endpoints) == 1
    reader = acme.flight.do_get(info.endpoints[0].ticket, acme.options())
    assert info.schema.equals(schema, check_metadata=True)
    assert reader.schema.equals(schema)  # only the announced one has the metadata of Flight SQL
    assert reader.read_all().schema.equals(schema)


def test_path_descriptor_is_the_whole_table(acme):
    data = pa.table({"id": [1, 2], "name": ["a", None]})
    acme.upload("t", data)
    for path in (["t"], ["default", "t"], [acme.tenant, "default", "t"]):
        info = acme.flight.get_flight_info(flight.FlightDescriptor.for_path(*path), acme.options())
        assert acme.flight.do_get(info.endpoints[0].ticket, acme.options()).read_all().to_pylist() == data.to_pylist()


def test_ticket_can_be_used_again(acme):
    info = acme.flight.get_flight_info(flight.FlightDescriptor.for_command("SELECT 5 AS n"), acme.options())
    for _ in range(2):
        assert acme.flight.do_get(info.endpoints[0].ticket, acme.options()).read_all().to_pylist() == [{"n": 5}]


def test_guessed_ticket_is_not_found(acme):
    info = acme.flight.get_flight_info(flight.FlightDescriptor.for_command("SELECT 5"), acme.options())
    real = info.endpoints[0].ticket.ticket
    other = real[:-1] + (b"0" if real[-1:] != b"0" else b"1")
    with pytest.raises(FAILS):
        acme.query(other)


def test_flight_info_of_something_wrong(acme):
    for descriptor in (flight.FlightDescriptor.for_command("SELEKT"), flight.FlightDescriptor.for_path("nowhere"),
                       flight.FlightDescriptor.for_command(b""), flight.FlightDescriptor.for_path()):
        with pytest.raises(FAILS):
            acme.flight.get_flight_info(descriptor, acme.options())


def test_list_flights_names_every_table(acme):
    for name in ("one", "two"):
        acme.upload(name, pa.table({"id": [1]}))
    acme.query("CREATE VIEW three AS SELECT 1 AS x")
    found = {tuple(part.decode() for part in info.descriptor.path): info for info in acme.flight.list_flights(options=acme.options())}
    assert (acme.tenant, "default", "one") in found and (acme.tenant, "default", "two") in found
    info = found[(acme.tenant, "default", "one")]
    assert info.schema.names == ["id"]
    assert acme.flight.do_get(info.endpoints[0].ticket, acme.options()).read_all().to_pylist() == [{"id": 1}]


def test_list_flights_by_pattern(acme):
    for name in ("red_1", "red_2", "blue"):
        acme.upload(name, pa.table({"id": [1]}))
    names = [info.descriptor.path[2] for info in acme.flight.list_flights(b"red%", acme.options())]
    assert sorted(names) == [b"red_1", b"red_2"]


def test_first_batch_comes_before_the_last_is_made(acme):
    """Ten seconds of work, and the first rows at once."""
    reader = acme.reader("SELECT i, repeat('x', 100) AS s FROM range(1000000000) t(i)", timeout=30)
    assert reader.read_chunk().data.num_rows > 0
    reader.cancel()


def test_batches_are_of_the_measured_size(shared):
    sizes = []
    for chunk in shared.reader("SELECT i, i * 2 AS j, repeat('x', 50) AS s FROM range(1000000) t(i)"):
        sizes.append(chunk.data.nbytes)
    assert sum(sizes) > 50_000_000
    inner = sizes[1:-1]
    assert max(sizes) < 4 << 20
    assert sum(inner) / len(inner) > 256 << 10


def test_row_larger_than_a_message_arrives(shared):
    assert len(shared.value("SELECT repeat('x', 30000000)")) == 30_000_000


def test_wide_result(shared):
    columns = ", ".join(f"i + {n} AS c{n}" for n in range(1500))
    table = shared.query(f"SELECT {columns} FROM range(3000) t(i)")
    assert (table.num_rows, table.num_columns) == (3000, 1500)
    assert table.column("c1499")[2999].as_py() == 2999 + 1499


def test_order_is_kept(shared):
    table = shared.query("SELECT i FROM range(2000000) t(i) ORDER BY hash(i)")
    assert table.num_rows == 2_000_000
    again = shared.query("SELECT i FROM range(2000000) t(i) ORDER BY hash(i)")
    assert table.equals(again)


def test_unknown_tenant(server, make_client):
    with pytest.raises(FAILS, match="tenant_nobody"):
        make_client(server, "tenant_nobody").query("SELECT 1")


def test_unknown_header_is_refused(acme):
    with pytest.raises(FAILS, match="eider-colour"):
        acme.query("SELECT 1", colour="red")

"""PollFlightInfo: a statement runs while its client asks how far it is."""

import struct
import time

import grpc
import pyarrow as pa
import pyarrow.flight as flight
import pytest

from lib import flightsql
from lib.client import FAILS
from lib.rawflight import field
from lib.wait import until

POLL = "/arrow.flight.protocol.FlightService/PollFlightInfo"


class Answer:
    """A PollInfo."""

    def __init__(self, message):
        parts = dict(flightsql.fields(message))
        self.info = parts[1]
        self.next = parts.get(2)
        self.progress = struct.unpack("<d", parts[3])[0] if 3 in parts else None
        info = flightsql.fields(self.info)
        self.schema = dict(info).get(1)
        self.tickets = [dict(flightsql.fields(dict(flightsql.fields(value))[1]))[1] for number, value in info
                        if number == 3]


@pytest.fixture
def poll(acme):
    with grpc.insecure_channel(f"127.0.0.1:{acme.server.port}") as channel:
        call = channel.unary_unary(POLL, request_serializer=bytes, response_deserializer=bytes)

        def ask(descriptor):
            return Answer(call(descriptor, metadata=[("eider-tenant", acme.tenant)], timeout=30))

        yield ask


def statement(sql):
    return flight.FlightDescriptor.for_command(
        flightsql.wrap("CommandStatementQuery", field(1, sql.encode()))).serialize()


def last(poll, descriptor, seconds=60):
    """Polls to the end; gives all answers."""
    answers = [poll(descriptor)]
    end = time.monotonic() + seconds
    while answers[-1].next:
        assert time.monotonic() < end
        answers.append(poll(answers[-1].next))
    return answers


def fetch(acme, ticket):
    return acme.flight.do_get(flight.Ticket(ticket), acme.options()).read_all()


def test_a_fast_statement_is_there_at_once(acme, poll):
    answer = poll(statement("SELECT 42 AS answer"))
    assert answer.next is None and answer.progress == 1.0 and len(answer.tickets) == 1
    table = fetch(acme, answer.tickets[0])
    assert table["answer"].to_pylist() == [42]
    assert pa.ipc.read_schema(pa.py_buffer(answer.schema)).equals(table.schema)
    with pytest.raises(FAILS, match="not known"):
        fetch(acme, answer.tickets[0])


def test_polls_go_on_until_the_statement_has_ended(acme, poll):
    """A count gives nothing out before it has seen everything."""
    sql = "SELECT count(*) AS n FROM range(20000) a(i), range(20000) b(j) WHERE (i * j) % 7 = 3"
    answers = last(poll, statement(sql))
    assert all(answer.next and not answer.tickets for answer in answers[:-1])
    assert all(answer.progress is None or 0 <= answer.progress <= 1 for answer in answers)
    assert fetch(acme, answers[-1].tickets[0]).num_rows == 1


def test_a_statement_that_takes_long_is_told_of_in_between(poll):
    answer = poll(statement("SELECT count(*) FROM range(100000000000)"))
    for _ in range(2):
        assert answer.next and not answer.tickets and (answer.progress is None or 0 <= answer.progress < 1)
        answer = poll(answer.next)


def test_a_large_result_pauses_until_it_is_fetched(acme, poll):
    answers = last(poll, statement("SELECT i FROM range(20000000) t(i)"))
    time.sleep(1)  # enough for a worker that does not pause
    running = [entry for entry in acme.statements() if "20000000" in entry["sql"] and entry["state"] == "running"]
    assert running and running[0]["rows"] < 20_000_000
    table = fetch(acme, answers[-1].tickets[0])
    assert table.num_rows == 20_000_000 and table["i"].to_numpy().sum() == 20_000_000 * 19_999_999 // 2


def test_a_statement_that_writes_runs_once(acme, poll):
    acme.query("CREATE TABLE t(i INTEGER)")
    answers = last(poll, statement("INSERT INTO t VALUES (1)"))
    assert acme.value("SELECT count(*) FROM t") == 1
    fetch(acme, answers[-1].tickets[0])
    assert acme.value("SELECT count(*) FROM t") == 1


def test_errors_come_with_the_poll(poll):
    with pytest.raises(grpc.RpcError) as why:
        poll(statement("SELECT * FROM nowhere"))
    assert "nowhere" in why.value.details()
    with pytest.raises(grpc.RpcError) as why:
        poll(flight.FlightDescriptor.for_command(b"eider-ticket-" + b"0" * 32).serialize())
    assert why.value.code() is grpc.StatusCode.NOT_FOUND


def test_cancel_between_two_polls(acme, poll):
    answer = poll(statement("SELECT count(*) FROM range(100000000000)"))
    assert answer.next and not answer.tickets
    assert flightsql.act(acme.flight, "CancelFlightInfo", field(1, answer.info), acme.options()) == [b"\x08\x02"]
    with pytest.raises(grpc.RpcError) as why:
        poll(answer.next)
    assert why.value.code() is grpc.StatusCode.NOT_FOUND
    until(lambda: not [entry for entry in acme.statements() if entry["state"] == "running"], 20, "the end")


def test_a_poll_that_is_given_up_is_dropped(make_server, make_client):
    from lib.client import create_tenant
    server = make_server(config="limits:\n  flight.kept_life: 1\n")
    create_tenant(server, "tenant_a")
    client = make_client(server, "tenant_a")
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        call = channel.unary_unary(POLL, request_serializer=bytes, response_deserializer=bytes)
        assert Answer(call(statement("SELECT count(*) FROM range(100000000000)"), timeout=30)).next
        until(lambda: not [entry for entry in client.statements() if entry["state"] == "running"], 20, "the end")

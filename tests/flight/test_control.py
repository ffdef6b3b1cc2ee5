"""Deadlines, cancellation, disconnection, actions, and what the protocol says of unknown things."""

import subprocess
import sys
import threading
import time

import grpc
import pyarrow.flight as flight
import pytest

from lib.client import FAILS
from lib.wait import until

# Runs for minutes; interrupted within milliseconds.
ENDLESS = "SELECT count(*) FROM range(1000000000) a, range(1000000) b WHERE hash(a.range, b.range) = 1"


def running(client):
    return [statement for statement in client.statements()
            if statement["tenant"] == client.tenant and statement["state"] in ("queued", "running", "cancelling")]


def test_deadline_ends_the_statement(acme):
    begin = time.monotonic()
    with pytest.raises(flight.FlightTimedOutError):
        acme.query(ENDLESS, timeout=0.5)
    assert time.monotonic() - begin < 10
    until(lambda: not running(acme), 10, "the end of the statement")
    assert acme.value("SELECT 1") == 1


def test_deadline_that_is_far_away_changes_nothing(acme):
    assert acme.value("SELECT 42", timeout=99999) == 42


def test_cancel_by_the_client(acme):
    reader = acme.reader("SELECT i, repeat('x', 1000) FROM range(1000000000) t(i)")
    reader.read_chunk()
    reader.cancel()
    until(lambda: not running(acme), 10, "the end of the statement")
    assert acme.value("SELECT 1") == 1


def test_death_of_the_client_ends_the_statement(acme):
    script = ("import pyarrow.flight as f, sys\n"
              "options = f.FlightCallOptions(headers=[(b'eider-tenant', sys.argv[2].encode())])\n"
              "f.FlightClient(sys.argv[1]).do_get(f.Ticket(sys.argv[3].encode()), options).read_all()\n")
    client = subprocess.Popen([sys.executable, "-c", script, acme.server.flight_url, acme.tenant, ENDLESS])
    until(lambda: running(acme), 20, "the running statement")
    client.kill()
    client.wait(10)
    until(lambda: not running(acme), 15, "the end of the statement")
    assert acme.value("SELECT 1") == 1


def test_reader_that_reads_nothing_holds_the_server_back(acme):
    """Ten gigabytes wait for a client that does not read: the server's memory does not grow with them."""
    from lib.server import memory
    reader = acme.reader("SELECT i, repeat('x', 1000) AS s FROM range(10000000) t(i)")
    reader.read_chunk()
    before = memory(acme.server.pid)
    assert acme.value("SELECT 1") == 1
    assert memory(acme.server.pid) - before < 64 << 20
    reader.cancel()


def test_cancel_flight_info(acme):
    info = acme.flight.get_flight_info(flight.FlightDescriptor.for_command(ENDLESS), acme.options())
    failed = []

    def read():
        try:
            acme.flight.do_get(info.endpoints[0].ticket, acme.options()).read_all()
        except FAILS as error:
            failed.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    until(lambda: running(acme), 10, "the running statement")
    request = flight.Action("CancelFlightInfo", b"\x0a" + varint(len(info.serialize())) + info.serialize())
    assert list(acme.flight.do_action(request, acme.options()))
    thread.join(30)
    assert failed and "cancel" in str(failed[0]).lower()


def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def test_cancel_by_id_over_rest(acme):
    failed = []

    def read():
        try:
            acme.query(ENDLESS)
        except FAILS as error:
            failed.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    statement = until(lambda: running(acme), 10, "the running statement")[0]
    answer = acme.request("DELETE", f"/api/v1/statements/{statement['id']}", headers={"Content-Type": "application/json"})
    assert answer.status_code in (200, 202, 204), answer.text
    thread.join(30)
    assert failed and "cancel" in str(failed[0]).lower()


def test_actions_are_listed_and_unknown_ones_refused(acme):
    names = [action.type for action in acme.flight.list_actions(acme.options())]
    assert "CancelFlightInfo" in names
    with pytest.raises(NotImplementedError, match="Fly"):
        list(acme.flight.do_action(flight.Action("Fly", b""), acme.options()))


def test_handshake_gives_a_token_that_works(acme):
    pair = acme.flight.authenticate_basic_token("admin", "any")
    options = flight.FlightCallOptions(headers=[pair, (b"eider-tenant", acme.tenant.encode())]) if pair[0] else acme.options()
    assert acme.flight.do_get(flight.Ticket(b"SELECT 1"), options).read_all().num_rows == 1


@pytest.mark.parametrize("method, code", [
    ("/arrow.flight.protocol.FlightService/Nothing", grpc.StatusCode.UNIMPLEMENTED),
    ("/other.Service/DoGet", grpc.StatusCode.UNIMPLEMENTED),
    ("/arrow.flight.protocol.FlightService/DoExchange", grpc.StatusCode.UNIMPLEMENTED),
])
def test_unknown_method(server, method, code):
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        call = channel.unary_unary(method, request_serializer=bytes, response_deserializer=bytes)
        with pytest.raises(grpc.RpcError) as error:
            call(b"", timeout=10)
    assert error.value.code() == code


def test_many_small_queries_on_one_connection(acme):
    for number in range(300):
        assert acme.value(f"SELECT {number}") == number


def test_many_at_once_on_one_connection(acme):
    import concurrent.futures
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        assert list(pool.map(lambda n: acme.value(f"SELECT {n}"), range(200))) == list(range(200))


def test_queue_has_an_end(make_server, make_client):
    """One more than may run and wait is refused by the limit's name; the others are served."""
    from lib.client import create_tenant
    server = make_server(config="limits:\n  query.max_running: 1\n  query.max_queued: 2\n")
    create_tenant(server, "tenant_q")
    clients = [make_client(server, "tenant_q") for _ in range(5)]
    refused = []

    def read(client):
        try:
            client.query(ENDLESS, timeout=20)
        except FAILS as error:
            refused.append(str(error))

    threads = [threading.Thread(target=read, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    until(lambda: len(refused) == 2, 15, "two refusals")
    assert all("query.max_queued" in text for text in refused)
    for client in clients:
        client.close()
    for thread in threads:
        thread.join(60)

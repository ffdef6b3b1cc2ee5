"""Sessions: what stays between two calls of a client, who shares it, and when it ends."""

import concurrent.futures
import os
import signal

import pyarrow.flight as flight
import pytest

from lib import flightsql
from lib.client import FAILS, create_tenant
from lib.wait import until


def client_with_cookies(server, cookies=None):
    cookies = cookies or flightsql.Cookies()
    return flight.FlightClient(server.flight_url, middleware=[cookies]), cookies


def value(client, sql, options):
    return client.do_get(flight.Ticket(sql.encode()), options).read_all().column(0)[0].as_py()


def run(client, sql, options):
    client.do_get(flight.Ticket(sql.encode()), options).read_all()


def drain(reader):
    """read_all of a stream that may be cancelled; pyarrow's own would send itself SIGINT."""
    try:
        while True:
            reader.read_chunk()
    except StopIteration:
        pass


def test_what_a_connection_leaves_behind_is_there_in_its_next_call(acme):
    acme.query("CREATE TEMP TABLE mine AS SELECT 7 AS x")
    assert acme.value("SELECT x FROM mine") == 7
    acme.query("SET TimeZone = 'Asia/Tokyo'")
    assert acme.value("SELECT current_setting('TimeZone')") == "Asia/Tokyo"
    acme.query("CREATE SCHEMA other")
    acme.query("USE other")
    assert acme.value("SELECT current_schema()") == "other"


def test_another_connection_sees_nothing_of_it(acme, make_client):
    other = make_client(acme.server, acme.tenant)
    acme.query("CREATE TEMP TABLE mine AS SELECT 7 AS x")
    acme.query("SET TimeZone = 'Asia/Tokyo'")
    with pytest.raises(FAILS, match="mine"):
        other.query("SELECT x FROM mine")
    assert other.value("SELECT current_setting('TimeZone')") == "UTC"


def test_begin_and_commit_as_text(acme, make_client):
    other = make_client(acme.server, acme.tenant)
    acme.query("CREATE TABLE t(i INTEGER)")
    acme.query("BEGIN")
    acme.query("INSERT INTO t VALUES (1)")
    assert acme.value("SELECT count(*) FROM t") == 1
    assert other.value("SELECT count(*) FROM t") == 0
    acme.query("COMMIT")
    assert other.value("SELECT count(*) FROM t") == 1
    acme.query("BEGIN")
    acme.query("INSERT INTO t VALUES (2)")
    acme.query("ROLLBACK")
    assert acme.value("SELECT count(*) FROM t") == 1


def test_the_end_of_the_connection_rolls_back(acme, make_client):
    acme.query("CREATE TABLE t(i INTEGER)")
    leaver = make_client(acme.server, acme.tenant)
    leaver.query("BEGIN")
    leaver.query("INSERT INTO t VALUES (1)")
    leaver.close()
    acme.query("INSERT INTO t VALUES (2)")
    assert acme.value("SELECT count(*) FROM t") == 1


def test_a_cookie_leads_to_the_session_from_another_connection(acme):
    one, cookies = client_with_cookies(acme.server)
    two, _ = client_with_cookies(acme.server, cookies)
    options = acme.options()
    run(one, "CREATE TEMP TABLE mine AS SELECT 7 AS x", options)
    assert value(two, "SELECT x FROM mine", options) == 7
    assert len(cookies.seen) == 1
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= {part.strip() for part in cookies.seen[0].split(";")}
    one.close()  # the session has two doors now
    assert value(two, "SELECT x FROM mine", options) == 7
    two.close()
    three, _ = client_with_cookies(acme.server, cookies)
    assert value(three, "SELECT x FROM mine", options) == 7
    three.close()


@pytest.mark.parametrize("cookie", ["eider_session=", "eider_session=00", "eider_session=" + "0" * 64, "a=b", ";;=",
                                    "eider_session"])
def test_an_unknown_cookie_is_none(acme, cookie):
    client = flight.FlightClient(acme.server.flight_url)
    options = flight.FlightCallOptions(headers=[(b"eider-tenant", acme.tenant.encode()), (b"cookie", cookie.encode())])
    run(client, "CREATE TEMP TABLE mine AS SELECT 7 AS x", options)
    assert value(client, "SELECT x FROM mine", options) == 7
    client.close()


def test_a_cookie_among_others_in_quotes(acme):
    one, cookies = client_with_cookies(acme.server)
    run(one, "CREATE TEMP TABLE mine AS SELECT 7 AS x", acme.options())
    two = flight.FlightClient(acme.server.flight_url)
    text = f'a=b; eider_session="{cookies.jar["eider_session"]}"; c=d'
    options = flight.FlightCallOptions(headers=[(b"eider-tenant", acme.tenant.encode()), (b"cookie", text.encode())])
    assert value(two, "SELECT x FROM mine", options) == 7
    one.close()
    two.close()


def test_a_handshake_bearer_leads_to_the_session_from_another_connection(acme):
    one, two = (flight.FlightClient(acme.server.flight_url) for _ in range(2))
    pair = one.authenticate_basic_token("administrator", "any")
    options = flight.FlightCallOptions(headers=[pair, (b"eider-tenant", acme.tenant.encode())])
    run(one, "CREATE TEMP TABLE mine AS SELECT 7 AS x", options)
    one.close()
    assert value(two, "SELECT x FROM mine", options) == 7
    two.close()


def test_a_transaction_by_action(acme, make_client):
    client, options = acme.flight, acme.options()
    other = make_client(acme.server, acme.tenant)
    acme.query("CREATE TABLE t(i INTEGER)")
    for action, left in (2, 0), (1, 1):
        transaction = flightsql.begin(client, options)
        assert flightsql.query(client, "INSERT INTO t VALUES (1)", transaction, options) == [1]
        assert flightsql.query(client, "SELECT count(*) FROM t", transaction, options) == [1]
        assert other.value("SELECT count(*) FROM t") == 0
        flightsql.end(client, transaction, action, options)
        assert other.value("SELECT count(*) FROM t") == left
    with pytest.raises(KeyError):  # NOT_FOUND: it has ended
        flightsql.end(client, transaction, 1, options)


def test_two_transactions_of_one_session_do_not_see_each_other(acme):
    client, options = acme.flight, acme.options()
    acme.query("CREATE TABLE t(i INTEGER)")
    one, two = flightsql.begin(client, options), flightsql.begin(client, options)
    flightsql.query(client, "INSERT INTO t VALUES (1)", one, options)
    assert flightsql.query(client, "SELECT count(*) FROM t", two, options) == [0]
    flightsql.end(client, one, 1, options)
    flightsql.end(client, two, 2, options)
    assert acme.value("SELECT count(*) FROM t") == 1


@pytest.mark.parametrize("transaction, action, error", [
    (b"nothing", 1, KeyError), (b"nothing", 2, KeyError), (b"", 1, ValueError), (b"x", 0, ValueError),
    (b"x", 3, ValueError)])
def test_the_end_of_no_transaction(acme, transaction, action, error):
    with pytest.raises(error):
        flightsql.end(acme.flight, transaction, action, acme.options())


def test_there_are_no_savepoints(acme):
    for action in "BeginSavepoint", "EndSavepoint":
        with pytest.raises(NotImplementedError, match="no savepoints"):
            flightsql.act(acme.flight, action, b"", acme.options())
    listed = {action.type for action in acme.flight.list_actions(acme.options())}
    assert {"BeginTransaction", "EndTransaction", "SetSessionOptions", "GetSessionOptions", "CloseSession"} <= listed
    assert "BeginSavepoint" not in listed


@pytest.mark.parametrize("action", ["BeginTransaction", "EndTransaction", "SetSessionOptions"])
def test_a_body_that_is_none(acme, action):
    with pytest.raises(ValueError):
        flightsql.act(acme.flight, action, b"\x0a\xff", acme.options())


def test_options_are_set_and_told(acme):
    client = acme.flight
    assert flightsql.set_options(client, catalog=acme.tenant) == {}
    assert flightsql.get_options(client) == {"catalog": acme.tenant, "schema": "default"}
    acme.query("CREATE SCHEMA other")
    assert flightsql.set_options(client, schema="other", TimeZone="Asia/Tokyo", default_null_order="nulls_first",
                                 eider__parallel_endpoints=4) == {}
    told = flightsql.get_options(client)
    assert (told["schema"], told["TimeZone"], told["eider.parallel_endpoints"]) == ("other", "Asia/Tokyo", 4)
    assert acme.value("SELECT current_schema()") == "other"
    acme.query("USE \"default\"")
    assert flightsql.get_options(client)["schema"] == "default"
    assert flightsql.set_options(client, TimeZone=None, eider__parallel_endpoints=None) == {}
    told = flightsql.get_options(client)
    assert told["TimeZone"] == "UTC" and "eider.parallel_endpoints" not in told


def test_options_that_do_not_fit_are_named(acme):
    client = acme.flight
    flightsql.set_options(client, catalog=acme.tenant)
    assert flightsql.set_options(
        client, lol_invalid="x", memory_limit="1GB", catalog="tenant_nobody", schema="nowhere", TimeZone="Mars/Olympus",
        default_order=5, default_collation=["a"], eider__parallel_endpoints=17) == {
            "lol_invalid": 1, "memory_limit": 1, "catalog": 2, "schema": 2, "TimeZone": 2, "default_order": 2,
            "default_collation": 2, "eider.parallel_endpoints": 2}
    assert flightsql.set_options(client, catalog="", schema="a\0b", eider__parallel_endpoints="x") == {
        "catalog": 2, "schema": 2, "eider.parallel_endpoints": 2}
    assert flightsql.set_options(client, schema="x\"; DROP TABLE t; --", TimeZone="'; DROP TABLE t; --") == {
        "schema": 2, "TimeZone": 2}


def test_the_catalog_is_the_tenant_of_calls_without_one(fresh_server, make_client):
    for tenant in "tenant_a", "tenant_b":
        create_tenant(fresh_server, tenant)
    client = make_client(fresh_server)
    with pytest.raises(FAILS, match="which of the 2 tenants"):
        client.query("SELECT 1")
    assert "catalog" not in flightsql.get_options(client.flight)
    assert flightsql.set_options(client.flight, catalog="tenant_b") == {}
    assert client.value("SELECT current_database()") == "tenant_b"
    assert client.value("SELECT current_database()", tenant="tenant_a") == "tenant_a"
    assert flightsql.set_options(client.flight, catalog=None) == {}
    assert "catalog" not in flightsql.get_options(client.flight)


def test_asking_makes_no_session(acme):
    client, cookies = client_with_cookies(acme.server)
    flightsql.get_options(client, acme.options())
    flightsql.close_session(client, acme.options())
    assert not [text for text in cookies.seen if "Max-Age=0" not in text]
    client.close()


def test_a_closed_session_leaves_nothing(acme):
    client, cookies = client_with_cookies(acme.server)
    options = acme.options()
    acme.query("CREATE TABLE t(i INTEGER)")
    run(client, "BEGIN", options)
    run(client, "INSERT INTO t VALUES (1)", options)
    assert flightsql.close_session(client, options) == 1
    assert cookies.jar == {}
    assert value(client, "SELECT count(*) FROM t", options) == 0
    assert "eider_session" in cookies.jar
    client.close()


def test_closing_ends_what_runs(acme):
    options = acme.options()
    run(acme.flight, "CREATE TEMP TABLE mine AS SELECT 1", options)
    reader = acme.reader("SELECT i, repeat('x', 1000) FROM range(1000000000) t(i)")
    reader.read_chunk()
    assert flightsql.close_session(acme.flight, options) == 1
    with pytest.raises(FAILS):  # a stream that is cut inside a message has no room for words
        drain(reader)
    assert acme.value("SELECT 1") == 1


def test_a_dead_worker_is_told_once(fresh_server, make_client):
    create_tenant(fresh_server, "tenant_a")
    client = make_client(fresh_server, "tenant_a")
    client.query("CREATE TEMP TABLE mine AS SELECT 7 AS x")
    (worker,) = fresh_server.workers()
    os.kill(worker, signal.SIGKILL)
    until(lambda: "worker.ended" in fresh_server.log(), 10, "the end of the worker")
    with pytest.raises(flight.FlightUnavailableError, match="session lost"):
        client.query("SELECT 1")
    assert client.value("SELECT 2") == 2
    with pytest.raises(FAILS, match="mine"):
        client.query("SELECT x FROM mine")


def test_thousands_of_short_connections_leave_no_session(make_server, make_client):
    server = make_server(config="limits:\n  session.max_sessions: 4\n")
    create_tenant(server, "tenant_a")
    for number in range(40):
        client = flight.FlightClient(server.flight_url)
        options = None
        if number % 2:
            options = flight.FlightCallOptions(headers=[client.authenticate_basic_token("a", "b")])
        run(client, "SELECT 1", options)
        client.close()
    assert make_client(server, "tenant_a").value("SELECT 1") == 1


def test_sessions_have_a_limit(make_server, make_client):
    server = make_server(config="limits:\n  session.max_sessions: 2\n")
    create_tenant(server, "tenant_a")
    one, two, three = (make_client(server, "tenant_a") for _ in range(3))
    assert one.value("SELECT 1") == two.value("SELECT 1") == 1
    with pytest.raises(FAILS, match="session.max_sessions"):
        three.query("SELECT 1")
    one.close()
    until(lambda: _works(three), 10, "room for a session")


def _works(client):
    try:
        return client.value("SELECT 1") == 1
    except FAILS:
        return False


def test_an_idle_session_expires(make_server, make_client):
    server = make_server(config="limits:\n  session.idle_timeout: 1\n")
    create_tenant(server, "tenant_a")
    client = make_client(server, "tenant_a")
    client.query("CREATE TEMP TABLE mine AS SELECT 7 AS x")
    log = until(lambda: not _has(client, "mine", wait=1.5), 20, "the end of the idle session")
    assert log


def _has(client, table, wait):
    import time
    time.sleep(wait)  # longer than the limit: each look keeps the session alive
    try:
        client.query(f"SELECT * FROM {table}")
        return True
    except FAILS:
        return False


def test_many_clients_at_once_keep_their_things_apart(acme, make_client):
    clients = [make_client(acme.server, acme.tenant) for _ in range(8)]

    def work(number):
        client = clients[number]
        client.query(f"CREATE TEMP TABLE mine AS SELECT {number} AS x")
        return all(client.value("SELECT x FROM mine") == number for _ in range(20))

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))


def test_a_session_that_is_closed_under_an_upload(acme):
    """The upload ends with an error, whole or not at all, and the next one works."""
    import pyarrow as pa
    data = pa.table({"i": range(1000)})
    acme.query("CREATE TEMP TABLE mine AS SELECT 1")
    writer, _ = acme.flight.do_put(flight.FlightDescriptor.for_path("t"), data.schema, acme.options())
    writer.write_table(data)
    assert flightsql.close_session(acme.flight, acme.options()) == 1
    with pytest.raises((*FAILS, OSError)):
        while True:
            writer.write_table(data)
    with pytest.raises((*FAILS, OSError)):
        writer.close()
    with pytest.raises(FAILS):
        acme.query("SELECT * FROM t")
    assert acme.upload("t", data)["rows"] == 1000


def test_sessions_that_end_at_any_moment(acme):
    """Clients that share a session run, close and leave; the server outlives all of it."""
    import random
    cookies = flightsql.Cookies()
    options = acme.options(timeout=20)
    statements = ["SELECT count(*) FROM range(1000000)", "BEGIN", "COMMIT", "ROLLBACK", "CREATE OR REPLACE TEMP TABLE m(i INT)",
                  "SELECT i, repeat('x', 100) FROM range(100000) t(i)", "SET TimeZone = 'Asia/Tokyo'", "USE nowhere"]

    def work(seed):
        chance = random.Random(seed)
        client, _ = client_with_cookies(acme.server, cookies)
        for _ in range(60):
            try:
                action = chance.randrange(8)
                if action == 0:
                    flightsql.close_session(client, options)
                elif action == 1:
                    client.close()
                    client, _ = client_with_cookies(acme.server, cookies)
                elif action == 2:
                    flightsql.set_options(client, options, schema="default", TimeZone="UTC")
                elif action == 3:
                    flightsql.begin(client, options)
                elif action == 4:
                    client.do_get(flight.Ticket(chance.choice(statements).encode()), options).cancel()
                else:
                    drain(client.do_get(flight.Ticket(chance.choice(statements).encode()), options))
            except (*FAILS, OSError, KeyError, ValueError):
                pass
        client.close()

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    flightsql.close_session(acme.flight, options)
    assert acme.value("SELECT 1") == 1

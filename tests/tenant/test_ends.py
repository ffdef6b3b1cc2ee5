"""Who is removed, or may do less than before, leaves nothing that goes on: no statement, no session, no transaction."""

import concurrent.futures

import pyarrow.flight as flight
import pytest

from lib import adbc, people
from lib.client import FAILS, create_tenant
from lib.wait import until

LONG = "SELECT count(*) FROM range(1000000000000) r(i) WHERE hash(i) = 1"


@pytest.fixture
def guarded(make_server):
    server = make_server()
    for tenant in "tenant_a", "tenant_b":
        create_tenant(server, tenant)
    server.root = people.administrator(server)
    server.root.query("CREATE TABLE t(i INTEGER PRIMARY KEY)", "tenant_a").raise_for_status()
    server.bob = people.user(server.root, "bob", tenant_a="writer", tenant_b="reader")
    return server


def connect(guarded, person, **options):
    """ADBC as this person, with a transaction that is always open."""
    class client:  # what lib.adbc wants of one
        server, tenant = guarded, "tenant_a"
    return adbc.connect(client, autocommit=False, headers={"authorization": person.headers["Authorization"]}, **options)


def close(connection):
    """A driver tells the server about its end, which may not want to hear of it any more."""
    try:
        connection.close()
    except Exception as error:
        assert "unauthenticated" in str(error).lower() or "NOT_FOUND" in str(error), error


def remove(guarded):
    return guarded.root.request("DELETE", "/api/v1/users/bob")


def disable(guarded):
    text = "- name: bob\n  disabled: true\n  grants: {tenant_a: writer, tenant_b: reader}\n"
    return guarded.root.request("POST", "/api/v1/users/import", {"yaml": text})


def change_password(guarded):
    return guarded.root.request("PUT", "/api/v1/users/bob/password", {"password": "another 1234"})


def revoke(guarded):
    return guarded.root.request("DELETE", "/api/v1/tenants/tenant_a/grants/bob")


def degrade(guarded):
    return guarded.root.request("PUT", "/api/v1/tenants/tenant_a/grants/bob", {"role": "reader"})


UNAUTHENTICATED = "(?i)unauthenticated"


@pytest.mark.parametrize("end, told", [(remove, UNAUTHENTICATED), (disable, UNAUTHENTICATED),
                                       (change_password, UNAUTHENTICATED), (revoke, "(?i)does not exist"),
                                       (degrade, "needs the role writer")])
def test_an_open_transaction_is_rolled_back(guarded, end, told):
    connection = connect(guarded, guarded.bob)
    adbc.rows(connection, "INSERT INTO t VALUES (1)")
    answer = end(guarded)
    assert answer.status_code == 204, answer.text

    def is_rolled_back():  # while it is open, the same key is a conflict
        return guarded.root.query("INSERT INTO t VALUES (1)", "tenant_a").status_code == 200

    until(is_rolled_back, 20, "the end of the transaction")
    with pytest.raises(Exception, match=told):
        adbc.rows(connection, "INSERT INTO t VALUES (2)")
    with pytest.raises(Exception):
        connection.commit()
    close(connection)
    assert guarded.root.rows("SELECT i FROM t", "tenant_a") == [[1]]


def test_what_runs_is_stopped(guarded):
    client = flight.FlightClient(guarded.flight_url)
    options = flight.FlightCallOptions(headers=[(b"authorization", guarded.bob.headers["Authorization"].encode()),
                                                (b"eider-tenant", b"tenant_a")])

    def run():
        with pytest.raises(FAILS) as error:
            client.do_get(flight.Ticket(LONG.encode()), options).read_all()
        return str(error.value)

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        told = pool.submit(run)
        until(lambda: any(s["user"] == "bob" and s["state"] == "running" for s in
                          guarded.root.request("GET", "/api/v1/statements").json()["statements"]), 20, "the statement")
        assert remove(guarded).status_code == 204
        assert "the user is gone" in told.result(30)
    with pytest.raises(flight.FlightUnauthenticatedError):
        client.do_get(flight.Ticket(b"SELECT 1"), options).read_all()
    client.close()


@pytest.mark.parametrize("change", [
    lambda guarded: guarded.root.request("PUT", "/api/v1/tenants/tenant_b/grants/bob", {"role": "owner"}),
    lambda guarded: guarded.root.request("PUT", "/api/v1/users/bob/roles/metrics"),
    lambda guarded: guarded.bob.request("POST", "/api/v1/tokens", {"name": "more"})])
def test_who_may_do_more_goes_on(guarded, change):
    connection = connect(guarded, guarded.bob)
    adbc.rows(connection, "INSERT INTO t VALUES (1)")
    assert change(guarded).status_code in (201, 204)
    connection.commit()
    connection.close()
    assert guarded.root.rows("SELECT i FROM t", "tenant_a") == [[1]]

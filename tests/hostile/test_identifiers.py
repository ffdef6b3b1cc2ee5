"""SQL in every place where a client names something: it stays a name. A table `pwn` in whatever tenant means that it did not."""

import itertools
import urllib.parse

import pyarrow as pa
import pyarrow.flight as flight
import pytest
from lib import flightsql, people
from lib.client import FAILS, create_tenant
from lib.flightsql import field, wrap
from lib.rawflight import varint
from lib.server import Server

CANARY = "CREATE TABLE pwn(i INTEGER)"
NAMES = [
    f"';{CANARY};--", f"\";{CANARY};--", f"t\";{CANARY};SELECT \"", f"t;{CANARY}", f"t);{CANARY};--", f"t')\n;{CANARY};\n--",
    f"\\';{CANARY};--", f"\\\";{CANARY};--", f"$$;{CANARY};$$", f"/*';{CANARY}*/", f"x' OR 1=1;{CANARY};--", f"\u2019;{CANARY};--",
    f"'||(SELECT 1);{CANARY};--", f"\"\"\";{CANARY};--", f"t\x01;{CANARY}", f"{'a' * 300}\";{CANARY}", f"%';{CANARY};--",
    f"_\\';{CANARY};--", "'", "\"", "\\", "%", "", ".", "../x", "a.b.c.d", "t\r\nx", "\U0001f4a3", "\x7f",
]
DATA = pa.table({"i": [1]})


@pytest.fixture(scope="module")
def owner(tmp_path_factory):
    """The owner of tenant_a, with clients."""
    server = Server(tmp_path_factory.mktemp("names"), config="limits: {user.max_failures: 1000000}\n").start()
    for tenant in "tenant_a", "tenant_b":
        create_tenant(server, tenant)
    server.root = people.administrator(server)
    person = people.user(server.root, "olga", tenant_a="owner")
    person.query("CREATE TABLE t(i INTEGER PRIMARY KEY, n VARCHAR)", "tenant_a").raise_for_status()
    person.flight = flight.FlightClient(server.flight_url)
    yield person
    person.flight.close()
    server.stop()


def options(owner, **headers):
    pairs = [(b"authorization", owner.headers["Authorization"].encode()), (b"eider-tenant", b"tenant_a")]
    return flight.FlightCallOptions(timeout=30, headers=pairs + [(name.encode(), value.encode()) for name, value in headers.items()])


def attempt(call):
    """An error is an answer; an internal one is a bug, unless the client has refused to send the text."""
    try:
        return call()
    except FAILS as error:
        assert not isinstance(error, flight.FlightInternalError) or "Invalid metadata" in str(error), error
    except ValueError:  # the client itself does not send it
        pass
    except OSError as error:  # what pyarrow makes of some errors
        assert "internal error" not in str(error), error


@pytest.fixture(autouse=True)
def no_canary(owner):
    yield
    for tenant in "tenant_a", "tenant_b":
        found = owner.server.root.rows("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'pwn'", tenant)
        assert found == [[0]], tenant
    assert "Assertion" not in owner.server.log()


@pytest.mark.parametrize("name", NAMES)
def test_rest_takes_names_for_names(owner, name):
    root = owner.server.root
    quoted = urllib.parse.quote(name, safe="")
    calls = [("GET", f"/api/v1/tenants/{quoted}", None), ("DELETE", f"/api/v1/tenants/{quoted}", None),
             ("GET", f"/api/v1/tenants/{quoted}/tables", None), ("GET", f"/api/v1/tenants/{quoted}/grants", None),
             ("PUT", f"/api/v1/tenants/{quoted}/grants/olga", {"role": "owner"}), ("PUT", f"/api/v1/tenants/tenant_a/grants/{quoted}", {"role": "owner"}),
             ("PUT", "/api/v1/tenants/tenant_a/grants/olga", {"role": name}), ("DELETE", f"/api/v1/users/{quoted}", None),
             ("PUT", f"/api/v1/users/{quoted}/password", {"password": people.PASSWORD}), ("PUT", f"/api/v1/users/olga/roles/{quoted}", {}),
             ("DELETE", f"/api/v1/tokens/{quoted}", None), ("DELETE", f"/api/v1/statements/{quoted}", None), ("DELETE", f"/api/v1/backups/{quoted}", None),
             ("POST", "/api/v1/tenants", {"id": name}), ("POST", "/api/v1/users", {"name": name, "password": people.PASSWORD}),
             ("POST", "/api/v1/login", {"user": name, "password": name}), ("POST", "/api/v1/tokens", {"name": name, "tenant": name}),
             ("POST", "/api/v1/tokens", {"name": "x", "user": name}), ("POST", "/api/v1/query", {"sql": "SELECT 1", "tenant": name}),
             ("PUT", "/api/v1/log-level", {"level": name})]
    calls += [("GET", f"/api/v1/{path}?{parameter}={quoted}", None) for path, parameter in
              itertools.chain(itertools.product(["statements"], ["tenant", "user", "state", "outcome", "since", "before", "limit", "slow"]),
                              itertools.product(["audit"], ["tenant", "user", "action", "since", "before", "limit"]))]
    for method, path, body in calls:
        for person in root, owner:
            answer = person.request(method, path, body)
            assert answer.status_code < 500, f"{method} {path}: {answer.text}"
    attempted = root.request("GET", "/api/v1/whoami", headers={"eider-tenant": "x"})
    assert attempted.status_code == 200


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_values(owner, name):
    answer = owner.request("POST", "/api/v1/query", {"sql": "SELECT ? AS x", "tenant": "tenant_a", "parameters": [name]})
    assert answer.status_code == 200 and answer.json()["rows"] == [[name]], answer.text
    answer = owner.request("POST", "/api/v1/query", {"sql": "SELECT $n AS x", "tenant": "tenant_a", "parameters": {"n": name}})
    assert answer.status_code == 200 and answer.json()["rows"] == [[name]], answer.text
    assert owner.request("POST", "/api/v1/query", {"sql": "SELECT 1", "tenant": "tenant_a", "parameters": {name: 1}}).status_code < 500


@pytest.mark.parametrize("name", NAMES)
def test_flight_takes_names_for_names(owner, name):
    client = owner.flight

    def put(descriptor, **headers):
        writer, reader = client.do_put(descriptor, DATA.schema, options(owner, **headers))
        try:
            writer.write_table(DATA)
            writer.done_writing()
            reader.read()
        finally:
            writer.close()

    path = flight.FlightDescriptor.for_path
    for parts in [name], ["tenant_a", name], ["tenant_a", "default", name], ["tenant_a", name, "t"], [name, "default", "t"]:
        attempt(lambda: put(path(*parts)))
        attempt(lambda: client.get_flight_info(path(*parts), options(owner)))
        attempt(lambda: client.get_schema(path(*parts), options(owner)))
    attempt(lambda: put(path("t"), **{"eider-mode": name}))
    for names in (name, None, None), ("t", name, None), ("t", None, name):
        message = field(1, varint(1 << 3) + varint(1) + varint(2 << 3) + varint(2)) + b"".join(
            field(number, text.encode()) for number, text in zip((2, 3, 4), names) if text is not None)
        attempt(lambda: put(flight.FlightDescriptor.for_command(wrap("CommandStatementIngest", message))))
    commands = {"CommandGetDbSchemas": (1, 2), "CommandGetTables": (1, 2, 3, 4), "CommandGetPrimaryKeys": (1, 2, 3),
                "CommandGetExportedKeys": (1, 2, 3), "CommandGetImportedKeys": (1, 2, 3), "CommandGetCrossReference": (1, 2, 3, 4, 5, 6)}
    for command, numbers in commands.items():
        for number in numbers:
            table = {"CommandGetDbSchemas": b"", "CommandGetTables": b""}.get(command, b"" if number == 3 else field(3, b"t"))
            descriptor = flight.FlightDescriptor.for_command(wrap(command, table + field(number, name.encode())))
            attempt(lambda: [client.do_get(endpoint.ticket, options(owner)).read_all()
                             for endpoint in client.get_flight_info(descriptor, options(owner)).endpoints])
    attempt(lambda: flightsql.set_options(client, options(owner), catalog=name))
    attempt(lambda: flightsql.set_options(client, options(owner), schema=name))
    for setting in "TimeZone", "default_collation", "search_path":
        attempt(lambda: flightsql.set_options(client, options(owner), **{setting: name}))
    attempt(lambda: flightsql.set_options(client, options(owner), **{name or "x": name}))
    for action in "CancelQuery", "CancelFlightInfo", "EndTransaction", "ClosePreparedStatement", name:
        attempt(lambda: flightsql.act(client, action, name.encode(), options(owner)))
    attempt(lambda: client.do_get(flight.Ticket(b"SELECT 1"), options(owner, cookie="eider_session=" + name)).read_all())
    attempt(lambda: flightsql.close_session(client, options(owner)))
    assert client.do_get(flight.Ticket(b"SELECT 42"), options(owner)).read_all().column(0)[0].as_py() == 42


def test_a_name_with_everything_in_it_is_a_table(owner):
    """What is quoted comes back as it was."""
    name = "a\"b'c;d--e"
    writer, reader = owner.flight.do_put(flight.FlightDescriptor.for_path(name), DATA.schema, options(owner))
    with writer:
        writer.write_table(DATA)
        writer.done_writing()
        reader.read()
    assert owner.rows("SELECT count(*) FROM \"a\"\"b'c;d--e\"", "tenant_a") == [[1]]

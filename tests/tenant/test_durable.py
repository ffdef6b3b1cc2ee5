"""What is known about users and what they did survives a kill at the moment of the answer."""

import subprocess

import pyarrow.flight as flight
import pytest

from lib import people
from lib.client import FAILS, create_tenant

# argon2id of "correct horse 7", as cheap as it may be.
HASH = "$argon2id$v=19$m=8,t=1,p=1$KYbWqxlm9xf4nk6b2w246Q$yObqHQdGtbNm66vIwdk98wRuR9ZF4zWr3G+t3IuEFUw"


def audit(root, **filters):
    answer = root.request("GET", "/api/v1/audit", params=filters)
    assert answer.status_code == 200, answer.text
    return answer.json()["entries"]


def flight_options(person):
    return flight.FlightCallOptions(headers=[(b"authorization", person.headers["Authorization"].encode())])


@pytest.fixture
def guarded(make_server):
    server = make_server()
    create_tenant(server, "tenant_a")
    server.root = people.administrator(server)
    server.bob = people.user(server.root, "bob", tenant_a="reader")
    return server


def again(server):
    """kill -9, and a new process over the same files. The logins of before go on."""
    server.kill()
    server.start()


def test_a_refusal_over_flight_is_written_before_it_is_told(guarded):
    client = flight.FlightClient(guarded.flight_url)
    with pytest.raises(FAILS):
        client.do_get(flight.Ticket(b"CREATE TABLE t(a INTEGER)"), flight_options(guarded.bob)).read_all()
    client.close()
    again(guarded)
    event, = audit(guarded.root, user="bob", action="access")
    assert (event["object"], event["tenant"], event["result"]) == ("DoGet", "tenant_a", "permission_denied")
    assert event["from"].startswith("127.0.0.1:")


def test_a_wrong_password_is_written_before_it_is_told(guarded):
    client = flight.FlightClient(guarded.flight_url)
    with pytest.raises(FAILS):
        client.authenticate_basic_token("bob", "wrong")
    client.close()
    again(guarded)
    event = audit(guarded.root, user="bob", action="login")[0]
    assert event["result"] == "unauthenticated"


def test_changes_and_their_rows_are_durable(guarded):
    robot = guarded.bob.token("robot")
    people.user(guarded.root, "carol", tenant_a="owner")
    again(guarded)
    assert robot.rows("SELECT 1", "tenant_a") == [[1]]
    carol = people.login(guarded, "carol")
    carol.query("CREATE TABLE t(a INTEGER)", "tenant_a").raise_for_status()
    assert [event["object"] for event in audit(guarded.root, action="user.add")] == ["carol", "bob", "root"]
    assert audit(guarded.root, action="token.create")[0]["object"] == "bob/robot"
    assert guarded.root.request("DELETE", "/api/v1/users/bob").status_code < 300
    again(guarded)
    assert robot.query("SELECT 1", "tenant_a").status_code == 401
    assert guarded.bob.query("SELECT 1", "tenant_a").status_code == 401


def test_users_come_from_a_file_at_start(make_server, tmp_path):
    users = tmp_path / "people.yaml"
    users.write_text(f"- name: root\n  admin: true\n  password_hash: {HASH}\n"
                     f"- name: bob\n  password_hash: {HASH}\n  grants:\n    tenant_a: reader\n")
    server = make_server(config=f"users: {users}\n")
    root, bob = people.login(server, "root"), people.login(server, "bob")
    # The file may name a tenant that comes later.
    assert bob.query("SELECT 1", "tenant_a").status_code == 404
    assert root.request("POST", "/api/v1/tenants", {"id": "tenant_a"}).status_code == 201
    assert bob.rows("SELECT 1", "tenant_a") == [[1]]
    again(server)
    assert bob.rows("SELECT 1", "tenant_a") == [[1]], "the same password, the same login"
    server.stop()
    users.write_text("- name: root\n  admin: true\n  password: secret\n")
    refused = subprocess.run(server.command(), env=server.clean_environment(), cwd=server.directory,
                             capture_output=True, text=True, timeout=60)
    assert refused.returncode == 1 and "people.yaml: line 3: 'password' is refused" in refused.stderr
    assert "secret" not in refused.stderr

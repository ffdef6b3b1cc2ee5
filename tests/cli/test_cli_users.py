"""Users, roles, tokens and logins from the command line, as an administrator and as those whom he lets in."""

import json
import pathlib
import stat

import pytest

from lib import people
from lib.commandline import CommandLine


@pytest.fixture
def line(fresh_server, tmp_path):
    return CommandLine(fresh_server, directory=tmp_path)


def rows(text):
    return json.loads(text)


def test_a_first_session(line, fresh_server):
    line.ok("tenant", "create", "tenant_acme")
    assert "administrator" in line.fails("user", "add", "bob", stdin=people.PASSWORD)
    line.ok("user", "add", "ann", "--admin", stdin=people.PASSWORD)
    assert "who asks" in line.fails("tenant", "list")
    assert "password" in line.fails("login", "ann", stdin="wrong\n")
    assert "logged in" in line.ok("login", "ann", stdin=people.PASSWORD + "\n")
    line.ok("user", "add", "bob", stdin=people.PASSWORD)
    line.ok("grant", "reader", "on", "tenant_acme", "to", "bob")
    line.ok("grant", "metrics", "to", "bob")
    users = {user["user"]: user for user in rows(line.ok("user", "list", "--output", "json"))}
    assert users["ann"]["roles"] == "admin" and users["bob"]["roles"] == "metrics" and users["bob"]["grants"] == "tenant_acme reader"
    line.ok("query", "CREATE TABLE t AS SELECT 42 AS i", "--tenant", "tenant_acme")
    token = line.ok("token", "create", "nightly", "--user", "bob", "--tenant", "tenant_acme", "--expires", "90d").strip()
    bob = {"EIDER_TOKEN": token}
    assert rows(line.ok("query", "FROM t", "--output", "json", environment=bob)) == [{"i": 42}]
    assert "role writer" in line.fails("query", "DELETE FROM t", environment=bob)
    listed = rows(line.ok("token", "list", "--output", "json"))
    assert [entry["name"] for entry in listed] == ["nightly"] and token not in json.dumps(listed)
    line.ok("token", "revoke", listed[0]["id"])
    assert "token" in line.fails("query", "FROM t", environment=bob)
    line.ok("revoke", "metrics", "from", "bob")
    line.ok("revoke", "reader", "on", "tenant_acme", "from", "bob")
    line.ok("user", "remove", "bob")
    actions = {row["action"] for row in rows(line.ok("audit", "--output", "json"))}
    assert {"user.add", "user.remove", "grant", "revoke", "token.create", "token.revoke", "login"} <= actions
    line.ok("logout")
    assert "who asks" in line.fails("tenant", "list")


def test_the_login_is_kept_for_its_owner_only(line, fresh_server, tmp_path):
    line.ok("user", "add", "ann", "--admin", stdin=people.PASSWORD)
    line.ok("login", "ann", stdin=people.PASSWORD)
    path = pathlib.Path(tmp_path) / ".config/eider/credentials.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert people.PASSWORD not in path.read_text()
    assert rows(line.ok("whoami", "--output", "json")) == []
    assert "ann (administrator), by login" in line.ok("whoami")
    path.chmod(0o644)
    assert "chmod 600" in line.fails("whoami")


def test_a_changed_password_ends_logins(line):
    line.ok("user", "add", "ann", "--admin", stdin=people.PASSWORD)
    line.ok("login", "ann", stdin=people.PASSWORD)
    line.ok("user", "passwd", "ann", stdin="a longer password")
    assert "log in again" in line.fails("whoami")
    line.ok("login", "ann", stdin="a longer password")


def test_ingest_proves_who_it_is(line, tmp_path):
    line.ok("tenant", "create", "tenant_acme")
    line.ok("user", "add", "ann", "--admin", stdin=people.PASSWORD)
    file = tmp_path / "orders.csv"
    file.write_text("id,price\n1,2.5\n2,3.5\n")
    assert "who asks" in line.fails("ingest", str(file), "--tenant", "tenant_acme")
    line.ok("login", "ann", stdin=people.PASSWORD)
    line.ok("ingest", str(file), "--tenant", "tenant_acme")
    assert rows(line.ok("query", "SELECT sum(price) AS s FROM orders", "--output", "json")) == [{"s": 6.0}]


def test_a_private_server_is_its_starter_s(tmp_path):
    """Who may write the data directory administers it, whatever users there are."""
    line = CommandLine(directory=tmp_path)
    data = ("--data", str(tmp_path / "db"))
    line.ok("user", "add", "ann", "--admin", *data, stdin=people.PASSWORD)
    line.ok("tenant", "create", "tenant_acme", *data)
    assert rows(line.ok("user", "list", "--output", "json", *data))[0]["user"] == "ann"
    assert rows(line.ok("query", "SELECT 1 AS i", "--output", "json", *data)) == [{"i": 1}]


def test_users_are_imported_from_a_file(line, tmp_path):
    line.ok("user", "add", "ann", "--admin", stdin=people.PASSWORD)
    line.ok("login", "ann", stdin=people.PASSWORD)
    line.ok("tenant", "create", "tenant_acme")
    file = tmp_path / "users.yaml"
    file.write_text("- name: bob\n  grants: {tenant_acme: writer}\n")
    line.ok("user", "import", str(file))
    assert {"bob", "ann"} == {user["user"] for user in rows(line.ok("user", "list", "--output", "json"))}
    file.write_text("- name: eve\n  password: plain\n")
    assert "password" in line.fails("user", "import", str(file))
    assert "missing.yaml" in line.fails("user", "import", str(tmp_path / "missing.yaml"))


@pytest.mark.parametrize("words", [("grant", "reader", "tenant_acme", "bob"), ("grant", "reader", "on", "tenant_acme", "from", "bob"),
                                   ("token", "create", "x", "--expires", "soon"), ("token", "create"), ("login",), ("user", "add"),
                                   ("audit", "extra")])
def test_wrong_use_says_how(line, words):
    result = line(*words)
    assert result.returncode == 2, result.stderr


def test_the_log_shows_what_ran(line, fresh_server):
    line.ok("tenant", "create", "tenant_acme")
    line.ok("query", "CREATE TABLE t AS SELECT 42 AS i", "--tenant", "tenant_acme")
    line.ok("query", "FROM t", "--tenant", "tenant_acme")
    line.fails("query", "FROM nothing", "--tenant", "tenant_acme")
    for again in range(2):
        found = rows(line.ok("log", "--since", "1h", "--output", "json"))
        assert [row["sql"] for row in found] == ["FROM nothing", "FROM t", "CREATE TABLE t AS SELECT 42 AS i"]
        assert list(found[0]) == ["started", "user", "tenant", "outcome", "queued_ms", "run_ms", "rows", "bytes", "memory", "sql"]
        assert found[1]["rows"] == 1 and found[1]["run_ms"] > 0 and found[0]["outcome"] == "failed"
        assert len(rows(line.ok("log", "--limit", "2", "--output", "json"))) == 2
        assert rows(line.ok("log", "--user", "nobody", "--output", "json")) == []
        assert [row["sql"] for row in rows(line.ok("log", "--outcome", "failed", "--output", "json"))] == ["FROM nothing"]
        if not again:
            fresh_server.stop()
            fresh_server.start()
    assert "no moment" in line.fails("log", "--since", "soon")
    assert "no moment" in line.fails("audit", "--since", "soon")
    assert rows(line.ok("audit", "--since", "1h", "--action", "tenant.create", "--output", "json"))[0]["object"] == "tenant_acme"

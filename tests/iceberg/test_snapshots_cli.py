"""Snapshots, tags, branches, rollback and the way back of a dropped table, as users type them."""

import json

import pytest

from lib import people
from lib.client import create_tenant
from lib.commandline import CommandLine
from lib.server import Server


@pytest.fixture
def eider(acme, tmp_path):
    """The command line of a user whose table iceberg.orders has had three rows of three commits."""
    acme.query("CREATE TABLE iceberg.orders (id INTEGER, name VARCHAR)")
    for number in range(3):
        acme.query(f"INSERT INTO iceberg.orders VALUES ({number}, 'n{number}')")
    line = CommandLine(acme.server, acme.tenant, tmp_path)
    line.client = acme
    return line


def listed(eider, *words):
    return json.loads(eider.ok(*words, "--output", "json"))


def ids(eider):
    return eider.client.query("SELECT id FROM iceberg.orders ORDER BY id").column("id").to_pylist()


def test_snapshots_are_listed_newest_first(eider):
    found = listed(eider, "snapshots", "orders")
    assert [one["operation"] for one in found] == ["append"] * 3
    assert [one["rows"] for one in found] == [3, 2, 1]
    assert [one["refs"] for one in found] == ["main", "", ""]
    for name in ("iceberg.orders", f"{eider.tenant}.iceberg.orders", "iceberg.iceberg.orders"):
        assert listed(eider, "snapshots", name) == found
    assert "committed" in eider.ok("snapshots", "orders")


def test_rollback_to_a_snapshot_and_to_a_tag(eider):
    found = listed(eider, "snapshots", "orders")
    eider.ok("tag", "create", "orders", "all")
    assert found[2]["id"] in eider.ok("rollback", "orders", "--to", found[2]["id"])
    assert ids(eider) == [0]
    eider.ok("rollback", "orders", "--to", "all")
    assert ids(eider) == [0, 1, 2]
    assert "no snapshot 42" in eider.fails("rollback", "orders", "--to", "42")
    assert "neither" in eider.fails("rollback", "orders", "--to", "nonsense")
    eider.fails("rollback", "orders", code=2)


def test_tags_and_branches_come_and_go(eider):
    first = listed(eider, "snapshots", "orders")[2]["id"]
    eider.ok("tag", "create", "orders", "first", "--snapshot", first, "--max-age", "30d")
    eider.ok("branch", "create", "orders", "trial")
    assert [(one["name"], one["snapshot"], one["max_age_s"]) for one in listed(eider, "tag", "list", "orders")] == [("first", first, 30 * 86400)]
    assert sorted(one["name"] for one in listed(eider, "branch", "list", "orders")) == ["main", "trial"]
    assert eider.client.query("SELECT count(*) AS n FROM iceberg.orders AT (VERSION => " + first + ")").column("n").to_pylist() == [1]
    eider.ok("tag", "create", "orders", "first")
    assert listed(eider, "tag", "list", "orders")[0]["snapshot"] != first
    eider.ok("tag", "drop", "orders", "first")
    assert listed(eider, "tag", "list", "orders") == []
    assert "no branch or tag 'first'" in eider.fails("tag", "drop", "orders", "first")
    assert "main" in eider.fails("branch", "drop", "orders", "main")


def test_a_dropped_table_comes_back(eider):
    eider.ok("drop", "orders")
    eider.fails("snapshots", "orders")
    found = listed(eider, "dropped")
    assert [(one["namespace"], one["name"], one["kind"]) for one in found] == [("iceberg", "orders", "table")]
    eider.client.query("CREATE TABLE iceberg.orders (other INTEGER)")
    assert "already exists" in eider.fails("undrop", "orders")
    eider.ok("undrop", "orders", "--id", found[0]["id"], "--as", "orders_again")
    assert eider.client.query("SELECT count(*) AS n FROM iceberg.orders_again").column("n").to_pylist() == [3]
    assert listed(eider, "dropped") == []
    eider.fails("undrop", "orders")


def test_drop_now_has_no_way_back(eider):
    eider.fails("drop", "orders", "--now", code=2)
    eider.ok("drop", "orders", "--now", "--yes")
    assert listed(eider, "dropped") == []
    eider.fails("undrop", "orders")


def test_what_is_not_there_is_said(eider):
    assert "nope" in eider.fails("snapshots", "nope")
    assert "nowhere" in eider.fails("snapshots", "nowhere.orders")


def test_maintain(eider):
    dry = listed(eider, "maintain", "orders", "--dry-run")
    assert [one["action"] for one in dry] == ["compact", "expire", "orphans", "statistics"]
    assert (dry[0]["files"], dry[0]["rows"], dry[0]["detail"]) == (3, 3, "3 files would become 1")
    assert len(listed(eider, "snapshots", "orders")) == 3
    done = listed(eider, "maintain", "--only", "compact,expire", "--older-than", "0s", "--now")
    assert [(one["table"], one["action"], one["detail"]) for one in done] == [("orders", "compact", "3 files became 1"), ("orders", "expire", "2 of 4 snapshots, 0 references")], "what it replaced itself may be read"
    assert ids(eider) == [0, 1, 2]
    assert "nothing to do" in eider.ok("maintain", "iceberg.orders", "--only", "compact")
    eider.fails("maintain", "--only", "nonsense", code=2)
    eider.fails("maintain", "--keep", "few", code=2)
    eider.fails("maintain", "--older-than", "soon", code=2)
    assert "maintain.grace" in eider.fails("maintain", "--orphan-age", "1m")
    assert "nope" in eider.fails("maintain", "nope")


def test_mirror(eider):
    eider.client.query('CREATE TABLE "default".local AS SELECT 1 AS x')
    assert "metadata.json" in eider.ok("mirror", "local")
    assert eider.ok("mirror", "default.local") == eider.ok("mirror", "local")
    assert "nope" in eider.fails("mirror", "nope")


def test_roles(tmp_path):
    """Readers look, writers tag, owners do the rest."""
    server = Server(tmp_path / "server").start()
    create_tenant(server, "tenant_a")
    root = people.administrator(server)
    owner, writer, reader, stranger = (people.user(root, name, **grants) for name, grants in (
        ("owner", {"tenant_a": "owner"}), ("writer", {"tenant_a": "writer"}), ("reader", {"tenant_a": "reader"}), ("stranger", {})))
    base = "/api/v1/tenants/tenant_a/iceberg"
    for sql in ("CREATE TABLE iceberg.t (x INTEGER)", "INSERT INTO iceberg.t VALUES (1)"):
        assert owner.request("POST", "/api/v1/query", {"sql": sql, "tenant": "tenant_a"}).status_code == 200
    for person, statuses in ((stranger, [404] * 7), (reader, [200, 403, 403, 403, 403, 403, 200]), (writer, [200, 204, 403, 403, 403, 403, 200]),
                             (owner, [200, 204, 204, 200, 200, 204, 200])):
        asked = (("GET", f"{base}/tables/t/snapshots", None), ("PUT", f"{base}/tables/t/refs/mine", {"type": "tag"}),
                 ("DELETE", f"{base}/tables/t/refs/mine", None), ("POST", f"{base}/tables/t/rollback", {"to": "main"}),
                 ("POST", f"{base}/maintain", {"dry_run": True}), ("DELETE", f"{base}/tables/t", None), ("GET", f"{base}/dropped", None))
        assert [person.request(*one).status_code for one in asked] == statuses, person
    server.stop()

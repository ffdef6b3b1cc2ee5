"""What the server does by itself: maintenance and published copies, every so often."""

import subprocess

import duckdb
import pytest

from lib.client import Client, create_tenant
from lib.server import Server, program
from lib.wait import until


def test_maintenance_and_publishing_by_the_clock(make_server):
    server = make_server(config="maintain: {every: 1s, actions: [compact]}\npublish: {every: 1s, tenants: [tenant_a], with_iceberg: true}\n")
    clients = {}
    for tenant in ("tenant_a", "tenant_b"):
        create_tenant(server, tenant)
        clients[tenant] = Client(server, tenant)
    for client in clients.values():
        client.query("CREATE TABLE iceberg.t (x INTEGER)")
        for number in range(3):
            client.query(f"INSERT INTO iceberg.t VALUES ({number})")

    def compacted(client):
        answer = client.request("GET", f"/api/v1/tenants/{client.tenant}/iceberg/tables/t/snapshots").json()["snapshots"]
        return answer[0]["operation"] == "replace" and answer[0]["files"] == 1
    for client in clients.values():
        until(lambda client=client: compacted(client), 30, "a compacted table")
        assert client.query("SELECT x FROM iceberg.t ORDER BY x").column("x").to_pylist() == [0, 1, 2]
    published = server.data / "snapshots"

    def rows():
        path = published / "tenant_a.duckdb"
        if not path.exists():
            return None
        with duckdb.connect(str(path), read_only=True) as copy:
            return copy.execute("SELECT count(*) FROM iceberg.t").fetchone()[0] if copy.execute(
                "SELECT 1 FROM duckdb_tables() WHERE table_name = 't'").fetchone() else None
    until(lambda: rows() == 3, 30, "a published copy")
    assert not (published / "tenant_b.duckdb").exists()
    for client in clients.values():
        client.close()
    assert "event=schedule.maintained tenant=tenant_b" in server.log()


def test_nothing_happens_unasked(make_server):
    server = make_server()
    create_tenant(server, "tenant_a")
    assert "schedule." not in server.log() and not (server.data / "snapshots").exists()


@pytest.mark.parametrize("text, said", [
    ("maintain: often", "maintain"),
    ("maintain: {actions: [compact]}", "maintain.every is missing"),
    ("maintain: {every: 1h, actions: [statistics]}", "compact, expire, orphans"),
    ("maintain: 0s", "no interval"),
    ("maintain: {every: 1h, evry: 2h}", "evry"),
    ("publish: {every: 1h, with_iceberg: maybe}", "true or false"),
    ("publish: {every: 1h, tenants: []}", "list of tenants"),
])
def test_what_is_wrong_in_the_file_is_said(tmp_path, text, said):
    path = tmp_path / "eider.yaml"
    path.write_text(text + "\n")
    done = subprocess.run([str(program()), "serve", "--data", str(tmp_path / "db"), "--listen", "127.0.0.1:0", "--config", str(path)],
                          capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode != 0 and said in done.stderr, done.stderr
    assert "line 1" in done.stderr

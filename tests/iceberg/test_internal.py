"""The listener by which workers reach the catalog: for nobody else, and never waited for by what it waits for."""

import concurrent.futures
import os
import pathlib
import re
import signal

import pytest
import requests
from lib.client import create_tenant
from lib.front import Front
from lib.rawiceberg import RawIceberg, refused
from lib.wait import until


def listening(pid):
    """Addresses of the TCP sockets on which a process listens, as (IPv4 address, port)."""
    inodes = set()
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        match = re.match(r"socket:\[(\d+)\]", os.readlink(entry))
        inodes |= {match.group(1)} if match else set()
    found = []
    for line in pathlib.Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        address, port = fields[1].split(":")
        if fields[3] == "0A" and fields[9] in inodes:
            found.append((".".join(str(byte) for byte in bytes.fromhex(address)[::-1]), int(port, 16)))
    return found


@pytest.fixture
def front(tmp_path):
    """Two statements of a tenant at once, the others wait."""
    front = Front(tmp_path / "front", {"query.max_running": 2})
    create_tenant(front.start(), "tenant_acme")
    yield front
    if front.running:
        front.stop()


def test_nobody_else_is_served(guarded):
    others = [(address, port) for address, port in listening(guarded.server.pid) if port != guarded.server.port]
    assert len(others) == 1 and others[0][0] == "127.0.0.1", others
    base = f"http://127.0.0.1:{others[0][1]}"
    for headers in ({}, guarded.root.headers, guarded.owner.headers, {"Authorization": "Bearer " + "0" * 64}, {"Authorization": "Bearer "},
                    {"Authorization": "Basic dGVuYW50X2E6"}):
        for path in ("/iceberg/v1/config", "/iceberg/v1/tenant_a/namespaces"):
            refused(requests.get(base + path, headers=headers, timeout=30), 401, "NotAuthorizedException")
        for path in ("/", "/health", "/metrics", "/api/v1/tenants", "/iceberg"):
            refused(requests.get(base + path, headers=headers, timeout=30), 404, "NotFoundException")
        form = headers | {"Content-Type": "application/json"}
        refused(requests.post(base + "/iceberg/v1/oauth/tokens", data="grant_type=client_credentials", headers=form, timeout=30), 404,
                "NotFoundException")


def fill(front, number):
    front.query(f"INSERT INTO iceberg.t{number} SELECT i, 'v' || i FROM range(200000) r(i)", timeout=120)


def test_all_slots_busy_with_tables_of_the_catalog(front):
    """Each of the statements that run asks the catalog; those that wait hold nothing that it needs."""
    for number in range(6):
        front.query(f"CREATE TABLE iceberg.t{number} (k BIGINT, v VARCHAR)")
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(fill, front, number) for number in range(6)]:
            done.result(timeout=180)
    for number in range(6):
        assert front.query(f"SELECT count(*) AS n FROM iceberg.t{number}")[0][0] == 200000


def test_outsiders_ask_while_all_slots_are_busy(front):
    front.query("CREATE TABLE iceberg.t0 (k BIGINT, v VARCHAR)")
    wire = RawIceberg(front, "tenant_acme")
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        running = [pool.submit(fill, front, 0) for _ in range(4)]
        until(lambda: front.running_statements("tenant_acme"), 30, "a running statement")
        while not all(one.done() for one in running):
            wire.need("GET", "/namespaces/iceberg/tables/t0")
        failed = [one.exception() for one in running if one.exception()]
    count = front.query("SELECT count(*) AS n FROM iceberg.t0")[0][0]
    assert count == 200000 * (4 - len(failed)), failed


def test_a_commit_ends_while_the_server_drains(front):
    """SIGTERM in the middle of statements that write: what was answered as done is there afterwards, whole."""
    for number in range(2):
        front.query(f"CREATE TABLE iceberg.t{number} (k BIGINT, v VARCHAR)")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        running = [pool.submit(fill, front, number) for number in range(2)]
        until(lambda: len(front.running_statements("tenant_acme")) == 2, 30, "two running statements")
        front.process.send_signal(signal.SIGTERM)
        for one in running:
            assert one.exception(timeout=120) is None
    assert front.process.wait(60) == 0
    front.start()
    for number in range(2):
        assert front.query(f"SELECT count(*) AS n FROM iceberg.t{number}")[0][0] == 200000

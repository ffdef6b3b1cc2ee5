"""Maintenance that is killed, and maintenance among writers: the table is the old one or the new one, and no row is lost."""

import concurrent.futures
import json

import pyarrow as pa
import pytest
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.schema import Schema
from pyiceberg.types import LongType, NestedField

from lib.client import Client, create_tenant
from lib.server import Server

TENANT = "tenant_kill"
EXPIRY = {"actions": ["expire"], "older_than_s": 0, "now": True}
ORPHANS = {"actions": ["orphans"], "orphan_age_s": 0, "now": True}


def maintain(client, wish):
    return client.request("POST", f"/api/v1/tenants/{TENANT}/iceberg/maintain", json={"table": "t"} | wish)


@pytest.mark.parametrize("place, wish, changed", [
    ("maintain.compact.data", {"actions": ["compact"]}, False),
    ("maintain.compact.manifests", {"actions": ["compact"]}, False),
    ("maintain.compact.committed", {"actions": ["compact"]}, True),
    ("maintain.expire.committed", EXPIRY, True),
])
def test_killed_between_two_steps(tmp_path, place, wish, changed):
    server = Server(tmp_path / "server", environment={"EIDER_FAILPOINT": place}).start()
    create_tenant(server, TENANT)
    client = Client(server, TENANT)
    client.query("CREATE TABLE iceberg.t (x INTEGER)")
    for i in range(4):
        client.query(f"INSERT INTO iceberg.t SELECT * FROM range({i * 10}, {i * 10 + 10}) r(i)")
    client.query("DELETE FROM iceberg.t WHERE x % 7 = 0")
    rows = "SELECT x FROM iceberg.t ORDER BY x"
    before = client.query(rows).to_pylist()
    catalog = RestCatalog("eider", uri=f"{server.url}/iceberg", warehouse=TENANT)
    snapshots = catalog.load_table(("iceberg", "t")).metadata.snapshots
    answer = maintain(client, wish)
    assert answer.status_code >= 500, f"{place} was not reached: {answer.text}"
    assert client.query(rows).to_pylist() == before
    table = catalog.load_table(("iceberg", "t"))
    assert sorted(row["x"] for row in table.scan().to_arrow().to_pylist()) == [row["x"] for row in before]
    assert (table.metadata.snapshots != snapshots) == changed
    found = json.loads(maintain(client, ORPHANS | {"dry_run": True}).text)["rows"][0][2]
    assert (found > 0) == (place != "maintain.compact.committed"), "what was written in vain, or not deleted"
    assert maintain(client, ORPHANS).json()["rows"][0][2] == found
    assert maintain(client, ORPHANS).json()["rows"][0][2] == 0
    assert client.query(rows).to_pylist() == before
    assert sorted(row["x"] for row in catalog.load_table(("iceberg", "t")).scan().to_arrow().to_pylist()) == [row["x"] for row in before]
    client.close()
    server.stop()


def test_among_writers(acme):
    """Appends and deletes of others meanwhile: every acknowledged row is there once, every deleted one is not."""
    catalog = RestCatalog("eider", uri=f"{acme.server.url}/iceberg", warehouse=acme.tenant)
    catalog.create_table(("iceberg", "w"), Schema(NestedField(1, "id", LongType())))
    rounds, appended = 12, []

    def append(writer):
        mine = RestCatalog("eider", uri=f"{acme.server.url}/iceberg", warehouse=acme.tenant)
        for number in range(rounds):
            first = writer * 10**6 + number * 10
            while True:
                try:
                    mine.load_table(("iceberg", "w")).append(pa.table({"id": pa.array(range(first, first + 10), pa.int64())}))
                    break
                except CommitFailedException:
                    continue
            appended.extend(range(first, first + 10))

    def delete():
        client = Client(acme.server, acme.tenant)
        for number in range(rounds):
            client.query(f"DELETE FROM iceberg.w WHERE id = {number * 10 + 1}")
        client.close()

    def compact():
        answers = []
        while not all(one.done() for one in work):
            answer = acme.request("POST", f"/api/v1/tenants/{acme.tenant}/iceberg/maintain",
                                  json={"table": "w", "actions": ["compact", "expire"], "older_than_s": 0, "keep": 3})
            answers.append(answer)
        return answers

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        work = [pool.submit(append, 0), pool.submit(append, 1), pool.submit(delete)]
        answers = pool.submit(compact).result(120)
        for one in work:
            one.result(120)
    assert all(answer.status_code in (200, 409) for answer in answers), [answer.text for answer in answers]  # 409: others deleted each time
    found = acme.query("SELECT id FROM iceberg.w ORDER BY id").column("id").to_pylist()
    assert len(found) == len(set(found))
    deleted = set(appended) - set(found)
    assert set(found) <= set(appended) and deleted <= {number * 10 + 1 for number in range(rounds)}
    acme.query(f"DELETE FROM iceberg.w WHERE id IN ({', '.join(str(n * 10 + 1) for n in range(rounds))})")
    answer = acme.request("POST", f"/api/v1/tenants/{acme.tenant}/iceberg/maintain", json={"table": "w", "actions": ["compact"]})
    assert "became" in answer.text, "alone it wins"
    rows = sorted(row["id"] for row in catalog.load_table(("iceberg", "w")).scan().to_arrow().to_pylist())
    assert rows == sorted(set(appended) - {number * 10 + 1 for number in range(rounds)})

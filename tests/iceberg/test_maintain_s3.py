"""Maintenance of a warehouse in S3: with the keys that come with each table."""

import pyarrow as pa
import pyiceberg.catalog
import pytest

from lib.client import Client, create_tenant
from lib.s3 import Minio, Versity
from lib.server import Server

TENANT = "tenant_acme"


@pytest.fixture(params=[(Versity, {"share_keys": "true", "vend": "false"}), (Minio, {"vend": "true"})], ids=["keys of the server", "vended keys"])
def lake(request, tmp_path):
    kind, settings = request.param
    directory = tmp_path / "store"
    directory.mkdir()
    with kind(directory) as store:
        server = Server(tmp_path / "server", config=store.warehouse(**settings), environment=store.keys).start()
        create_tenant(server, TENANT)
        client = Client(server, TENANT)
        yield client
        client.close()
        server.stop()


def test_compaction_expiry_and_orphans(lake):
    lake.query("CREATE TABLE iceberg.t (x BIGINT)")
    for i in range(3):
        lake.query(f"INSERT INTO iceberg.t SELECT * FROM range({i * 10}, {i * 10 + 10}) r(x)")
    lake.query("DELETE FROM iceberg.t WHERE x % 7 = 0")
    before = lake.query("SELECT x FROM iceberg.t ORDER BY x")

    def maintain(**wish):
        answer = lake.request("POST", f"/api/v1/tenants/{TENANT}/iceberg/maintain", json=wish)
        assert answer.status_code == 200, answer.text
        return {row[0] + " " + row[1]: row for row in answer.json()["rows"]}

    assert "3 files became 1" in maintain(table="t", actions=["compact"])["t compact"][5]
    assert lake.query("SELECT x FROM iceberg.t ORDER BY x") == before
    done = maintain(actions=["expire", "orphans"], older_than_s=0, orphan_age_s=0, now=True)
    assert done["t expire"][5].startswith("4 of 5") and done["t expire"][2] > 6
    assert done["t orphans"][2] == 0
    assert lake.query("SELECT x FROM iceberg.t ORDER BY x") == before
    catalog = pyiceberg.catalog.load_catalog("rest", type="rest", uri=f"{lake.server.url}/iceberg", warehouse=TENANT)
    table = catalog.load_table("iceberg.t")
    assert table.scan().to_arrow().sort_by("x").column("x").to_pylist() == before.column("x").to_pylist()
    table.append(pa.table({"x": pa.array([100], pa.int64())}))
    assert lake.query("SELECT count(*) AS n FROM iceberg.t").column("n").to_pylist() == [before.num_rows + 1]

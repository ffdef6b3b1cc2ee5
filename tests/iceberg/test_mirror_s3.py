"""Mirrors and the check of manifests on an S3-compatible store."""

import pyarrow as pa
import pytest
from lib.client import Client, create_tenant
from lib.rawiceberg import RawIceberg
from lib.s3 import Versity
from lib.server import Server

TENANT = "tenant_mirrored"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    directory = tmp_path_factory.mktemp("mirror_s3")
    with Versity(tmp_path_factory.mktemp("store")) as store:
        server = Server(directory / "server", config=store.warehouse(share_keys="true"), environment=store.keys).start()
        create_tenant(server, TENANT)
        yield server
        server.stop()


def catalog(server):
    from pyiceberg.catalog.rest import RestCatalog

    return RestCatalog("lake", uri=f"{server.url}/iceberg", warehouse=TENANT)


def test_a_local_table_is_read_from_the_store(served):
    client = Client(served, TENANT)
    client.query("CREATE TABLE t AS SELECT i AS k, 'v' || i AS v FROM range(3) r(i)")
    assert catalog(served).load_table("default.t").scan().to_arrow().sort_by("k").to_pylist() == [{"k": k, "v": f"v{k}"} for k in range(3)]
    client.query("DELETE FROM t WHERE k = 1")
    table = catalog(served).load_table("default.t")
    assert table.location().startswith("s3://")
    assert table.scan().to_arrow().sort_by("k").column("k").to_pylist() == [0, 2]


def test_manifests_in_the_store_are_looked_at(served):
    table = catalog(served).create_table("iceberg.orders", pa.schema([("k", pa.int64())]))
    table.append(pa.table({"k": [1, 2]}))
    table = catalog(served).load_table("iceberg.orders")
    assert table.scan().to_arrow().num_rows == 2
    snapshot = {"snapshot-id": 5, "sequence-number": 2, "timestamp-ms": 2000000000000, "summary": {"operation": "append"}, "schema-id": 0,
                "manifest-list": f"{table.location()}/metadata/nowhere.avro"}
    answer = RawIceberg(served, TENANT)("POST", "/namespaces/iceberg/tables/orders",
                                        {"requirements": [], "updates": [{"action": "add-snapshot", "snapshot": snapshot}]})
    assert answer.status_code == 400 and "nowhere.avro" in answer.text, answer.text

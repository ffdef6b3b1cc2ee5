"""The catalog on an S3-compatible store: what clients are given, and that their tables work with it and with no more."""

import duckdb
import pyarrow as pa
import pyiceberg.catalog
import pyiceberg.exceptions
import pytest
import requests

from lib.client import create_tenant
from lib.iceberg import EXTENSIONS
from lib.s3 import REGION, Minio, Versity
from lib.server import Server

TENANT = "tenant_acme"
ROWS = pa.table({"id": pa.array([1, 2, 3], pa.int64()), "name": ["a", "b", "c"]})


@pytest.fixture(scope="module", params=[Versity, Minio], ids=lambda kind: kind.name)
def store(request, tmp_path_factory):
    with request.param(tmp_path_factory.mktemp(request.param.name)) as store:
        yield store


@pytest.fixture
def serve(store, tmp_path):
    """Starts the server with more settings of the warehouse."""
    started = []

    def start(**settings):
        server = Server(tmp_path, config=store.warehouse(tmp_path.name, **settings), environment=store.keys).start()
        started.append(server)
        create_tenant(server, TENANT)
        return server
    yield start
    for server in started:
        server.stop()


def connect(server, **properties):
    return pyiceberg.catalog.load_catalog("rest", type="rest", uri=f"{server.url}/iceberg", warehouse=TENANT, **properties)


def make(catalog, name="orders"):
    catalog.create_namespace_if_not_exists("shop")
    table = catalog.create_table(f"shop.{name}", ROWS.schema)
    table.append(ROWS)
    return table


def config_of(server, name, delegation="vended-credentials"):
    answer = requests.get(f"{server.url}/iceberg/v1/{TENANT}/namespaces/shop/tables/{name}", timeout=30,
                          headers={"X-Iceberg-Access-Delegation": delegation})
    assert answer.status_code == 200
    return answer.json()


def test_pyiceberg_with_keys_of_the_server(serve, store):
    server = serve(share_keys="true", vend="false")
    catalog = connect(server)
    make(catalog)
    assert catalog.load_table("shop.orders").scan().to_arrow().sort_by("id") == ROWS
    answer = config_of(server, "orders")
    expected = {"client.region": REGION, "s3.region": REGION, "s3.endpoint": store.endpoint, "s3.path-style-access": "true",
                "s3.access-key-id": store.key_id, "s3.secret-access-key": store.key}
    assert answer["config"] == expected
    (storage,) = answer["storage-credentials"]
    assert storage == {"prefix": answer["metadata"]["location"], "config": expected}


def test_duckdb_with_keys_of_the_server(serve):
    server = serve(share_keys="true", vend="false")
    make(connect(server))
    connection = duckdb.connect(config={"allow_unsigned_extensions": True})
    for name in ("avro", "httpfs", "iceberg"):
        connection.execute(f"LOAD '{EXTENSIONS}/{name}.duckdb_extension'")
    connection.execute(f"ATTACH '{TENANT}' AS lake (TYPE iceberg, ENDPOINT '{server.url}/iceberg', AUTHORIZATION_TYPE 'none')")
    connection.execute("INSERT INTO lake.shop.orders VALUES (4, 'd')")
    connection.execute("CREATE TABLE lake.shop.copy AS SELECT * FROM lake.shop.orders")
    assert connection.execute("SELECT count(*), sum(id) FROM lake.shop.copy").fetchone() == (4, 10)


def test_vended_keys_work_for_the_table_alone(serve, store):
    server = serve(share_keys="true")
    catalog = connect(server)
    make(catalog)
    assert catalog.load_table("shop.orders").scan().to_arrow().sort_by("id") == ROWS
    config = config_of(server, "orders")["config"]
    if isinstance(store, Minio):
        assert config["s3.access-key-id"] != store.key_id and config["s3.session-token"]
        assert int(config["s3.session-token-expires-at-ms"]) > 0
        again = config_of(server, "orders")["config"]
        assert again == config  # STS is not asked for each load
    else:
        assert config["s3.access-key-id"] == store.key_id


def test_signed_requests(serve, store):
    server = serve(vend="false")
    catalog = connect(server, **{"header.X-Iceberg-Access-Delegation": "remote-signing"})
    catalog.create_namespace("shop")
    catalog.create_table("shop.orders", ROWS.schema)
    answer = config_of(server, "orders", "vended-credentials,remote-signing")
    assert answer["config"]["s3.remote-signing-enabled"] == "true"
    assert answer["config"]["s3.signer.endpoint"] == f"v1/{TENANT}/namespaces/shop/tables/orders/sign"
    assert "s3.secret-access-key" not in answer["config"]
    location = answer["metadata"]["location"].replace("s3://", f"{store.endpoint}/")
    signed = sign(server, "orders", "PUT", f"{location}/data/x")
    assert requests.put(f"{location}/data/x", data=b"bytes", headers=signed, timeout=30).status_code == 200
    signed = sign(server, "orders", "GET", f"{location}/data/x")
    assert requests.get(f"{location}/data/x", headers=signed, timeout=30).content == b"bytes"
    assert sign(server, "orders", "GET", f"{store.endpoint}/{store.bucket}/elsewhere", status=403)["error"]["type"] == \
        "ForbiddenException"
    assert sign(server, "none", "GET", f"{location}/data/x", status=404)["error"]["type"] == "NoSuchTableException"
    config = config_of(server, "orders")
    assert config["config"] == {} and "storage-credentials" not in config  # a client that can use keys only


def sign(server, table, method, uri, status=200):
    answer = requests.post(f"{server.url}/iceberg/v1/{TENANT}/namespaces/shop/tables/{table}/sign", timeout=30,
                           json={"region": REGION, "method": method, "uri": uri, "headers": {"User-Agent": ["test"]}})
    assert answer.status_code == status, answer.text
    document = answer.json()
    return {name: ",".join(values) for name, values in document["headers"].items()} if status == 200 else document


def test_files_of_a_table_that_is_being_made_are_signed(serve, store):
    server = serve(vend="false")
    connect(server).create_namespace("shop")
    schema = {"type": "struct", "schema-id": 0, "fields": [{"id": 1, "name": "id", "type": "long", "required": False}]}
    staged = requests.post(f"{server.url}/iceberg/v1/{TENANT}/namespaces/shop/tables", timeout=30,
                           json={"name": "new", "schema": schema, "stage-create": True}).json()
    location = staged["metadata"]["location"].replace("s3://", f"{store.endpoint}/")
    signed = sign(server, "new", "PUT", f"{location}/data/x")
    assert requests.put(f"{location}/data/x", data=b"bytes", headers=signed, timeout=30).status_code == 200
    sign(server, "other", "PUT", f"{location}/data/x", status=404)


def test_a_store_that_went_away_is_said_and_nothing_is_half_done(serve, store):
    server = serve(share_keys="true", vend="false")
    catalog = connect(server)
    make(catalog)
    store.stop()
    try:
        with pytest.raises((pyiceberg.exceptions.RESTError, OSError)):
            catalog.create_table("shop.other", ROWS.schema)
    finally:
        store.start()
    assert catalog.list_tables("shop") == [("shop", "orders")]

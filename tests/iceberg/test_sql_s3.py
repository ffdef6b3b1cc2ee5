"""Iceberg tables whose files lie in an S3 store, in eider's own SQL: the worker reaches it through its confinement."""

import pytest
from lib.client import Client, create_tenant
from lib.s3 import Minio, Versity


@pytest.fixture(params=[Versity, Minio], ids=lambda kind: kind.name)
def lake(request, tmp_path, make_server):
    with request.param(tmp_path) as store:
        config = store.warehouse(path_style="true", key_id=store.key_id, key="${S3_KEY}")
        server = make_server(config=config, environment={"S3_KEY": store.key})
        create_tenant(server, "acme")
        client = Client(server, "acme")
        yield client
        client.close()


def test_tables_in_a_store(lake):
    lake.rows("CREATE TABLE iceberg.t AS SELECT range::INTEGER a FROM range(1000)")
    assert lake.rows("UPDATE iceberg.t SET a = -1 WHERE a < 10") == [[10]]
    assert lake.rows("DELETE FROM t WHERE a = 999") == [[1]]
    assert lake.rows("SELECT count(*), min(a), max(a) FROM acme.iceberg.t") == [[999, -1, 998]]
    for sql in ("FROM duckdb_secrets()", "FROM read_parquet('s3://lake/lake/acme/iceberg/**')",
                "FROM 's3://lake/lake/acme/iceberg/x.parquet'", "CREATE SECRET s (TYPE s3, KEY_ID 'x')"):
        assert lake.post_query(sql).status_code == 403, sql
    assert lake.server.environment["S3_KEY"] not in lake.server.log()

"""What every client wrote is compacted, expired and cleaned, and every client reads the same rows and goes on."""

import pytest
import requests
from test_client_changes import MERGE_ON_READ, READERS, WRITERS, Table, change

pytestmark = [pytest.mark.slow, pytest.mark.native, pytest.mark.timeout(300)]


def maintain(lake, name, **wish):
    namespace, _, table = name.rpartition(".")
    answer = requests.post(f"{lake.server.url}/api/v1/tenants/{lake.warehouse}/iceberg/maintain", json={"table": table, "namespace": namespace} | wish, timeout=120)
    assert answer.status_code == 200, answer.text
    return {row[1]: row for row in answer.json()["rows"]}


@pytest.mark.parametrize("version, partitioned", [(2, False), (2, True), (3, False)])
def test_maintenance_of_what_all_wrote(version, partitioned, client_of, namespace, lake):
    table = Table(client_of, f"{namespace}.kept", clients=READERS[version]).create("spark", version)
    table.sql("spark", f"ALTER TABLE {{t}} SET TBLPROPERTIES ({MERGE_ON_READ})")
    if partitioned:
        table.sql("spark", "ALTER TABLE {t} ADD PARTITION FIELD bucket(2, id)")
    writers = [client for client in WRITERS[version] if client not in (["eider", "duckdb"] if partitioned else [])]
    for at, client in enumerate(writers):
        change(table, client, 100 * at)
    table.check("before")
    done = maintain(lake, table.name, actions=["compact"])["compact"]
    assert "became" in done[5] and done[2] > 2, done
    table.check("after compaction")
    for at, client in enumerate(writers):
        change(table, client, 1000 + 100 * at)
        table.check(f"after compaction and {client}")
    maintain(lake, table.name, actions=["compact"])
    done = maintain(lake, table.name, actions=["expire", "orphans"], older_than_s=0, orphan_age_s=0, now=True)
    assert done["expire"][2] > 0 and len(table.iceberg.metadata.snapshots) <= 2
    table.check("after expiry")
    assert "nothing to do" in maintain(lake, table.name, actions=["compact"])["compact"][5]

"""What manifests name is looked at before a commit from outside is taken: every file lies in the tenant's warehouse."""

import itertools
import uuid

import pytest
from lib.client import Client, create_tenant
from lib.iceberg import Lake
from lib.rawiceberg import RawIceberg

NUMBERS = itertools.count(1)


class Outside:
    """A client that commits what it likes."""

    def __init__(self, server):
        from pyiceberg.catalog.rest import RestCatalog

        tenant = f"tenant_inspect_{uuid.uuid4().hex[:8]}"
        create_tenant(server, tenant)
        self.server, self.tenant = server, tenant
        self.client = Client(server, tenant)
        self.wire = RawIceberg(server, tenant)
        self.catalog = RestCatalog("lake", **Lake(f"{server.url}/iceberg", tenant).properties())
        self.warehouse = f"file://{server.data}/warehouse/{tenant}"

    def table(self):
        import pyarrow as pa

        name = f"iceberg.t{next(NUMBERS)}"
        table = self.catalog.create_table(name, pa.schema([("k", pa.int64())]))
        table.append(pa.table({"k": [1, 2]}))
        return self.catalog.load_table(name)

    def commit(self, table, manifest_list):
        """A snapshot with this manifest list."""
        snapshot = {"snapshot-id": next(NUMBERS) + 1000, "sequence-number": table.metadata.last_sequence_number + 1,
                    "timestamp-ms": 2000000000000, "manifest-list": manifest_list, "summary": {"operation": "append"}, "schema-id": 0}
        reference = {"action": "set-snapshot-ref", "ref-name": "main", "type": "branch", "snapshot-id": snapshot["snapshot-id"]}
        updates = [{"action": "add-snapshot", "snapshot": snapshot}, reference]
        return self.wire("POST", f"/namespaces/iceberg/tables/{table.name()[1]}", {"requirements": [], "updates": updates})

    def manifests(self, table, data_file, manifest_path=None):
        """A manifest list of one manifest of one data file; gives the list's location."""
        from pyiceberg.manifest import DataFile, DataFileContent, FileFormat, ManifestEntry, ManifestEntryStatus, write_manifest, write_manifest_list
        from pyiceberg.typedef import Record

        place = f"{table.location()}/metadata/{uuid.uuid4()}"
        with write_manifest(2, table.spec(), table.schema(), table.io.new_output(f"{place}-m0.avro"), 77, "deflate") as writer:
            data = DataFile.from_args(content=DataFileContent.DATA, file_path=data_file, file_format=FileFormat.PARQUET, partition=Record(),
                                      record_count=1, file_size_in_bytes=100)
            writer.add_entry(ManifestEntry.from_args(status=ManifestEntryStatus.ADDED, snapshot_id=77, data_file=data))
        manifest = writer.to_manifest_file()
        if manifest_path:
            manifest[0] = manifest_path
        with write_manifest_list(2, table.io.new_output(f"{place}-list.avro"), 77, None, table.metadata.last_sequence_number + 1, "deflate") as writer:
            writer.add_manifests([manifest])
        return f"{place}-list.avro"


@pytest.fixture(scope="module")
def outside(server):
    return Outside(server)


def refuses(answer, *words):
    assert answer.status_code == 400, answer.text
    for word in words:
        assert word in answer.text, answer.text


def test_files_inside_are_taken(outside):
    table = outside.table()
    path = f"{table.location()}/data/new.parquet"
    for form in (path, path.replace("file:///", "file:/"), path.replace("file:///", "/"), path.replace("file:///", "file://localhost/")):
        table = outside.catalog.load_table(table.name())
        answer = outside.commit(table, outside.manifests(table, form))
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("path", [
    "file:///etc/passwd", "/etc/passwd", "file:/etc/passwd", "s3://bucket/key", "https://example.com/x", "relative.parquet", "",
    "{warehouse}", "{warehouse}-other/x.parquet", "{warehouse}/../tenant_other/x.parquet", "{warehouse}/./x.parquet", "{warehouse}/a/..",
    "{warehouse}/a\\b", "{warehouse}/a\nb", "file://host{warehouse_path}/x.parquet", "//host{warehouse_path}/x.parquet",
])
def test_a_data_file_outside_is_refused_by_name(outside, path):
    table = outside.table()
    path = path.format(warehouse=outside.warehouse, warehouse_path=outside.warehouse.removeprefix("file://"))
    refuses(outside.commit(table, outside.manifests(table, path)), "manifest", "outside the tenant's warehouse")
    assert outside.catalog.load_table(table.name()).scan().to_arrow().num_rows == 2


def test_a_manifest_outside_is_refused_by_name(outside):
    table = outside.table()
    manifests = outside.manifests(table, f"{table.location()}/data/x.parquet", "file:///tmp/m0.avro")
    refuses(outside.commit(table, manifests), "file:///tmp/m0.avro")


def test_manifests_that_are_missing_or_broken_are_refused(outside):
    table = outside.table()
    inside = f"{table.location()}/data/x.parquet"
    refuses(outside.commit(table, f"{table.location()}/metadata/nowhere.avro"), "manifest list")
    refuses(outside.commit(table, outside.manifests(table, inside, f"{table.location()}/metadata/nowhere-m0.avro")), "nowhere-m0.avro")
    broken = f"{table.location()}/metadata/broken.avro"
    with table.io.new_output(broken).create() as stream:
        stream.write(b"Obj\x01 but no Avro")
    refuses(outside.commit(table, broken), "broken.avro")
    refuses(outside.commit(table, outside.manifests(table, inside, broken)), "broken.avro")
    refuses(outside.commit(table, "file:///etc/passwd"))


def test_commits_wait_for_no_statement(outside):
    """All slots of the tenant are taken, and a commit still is looked at."""
    import pyarrow as pa
    from lib.wait import until

    table = outside.table()
    running = [outside.client.reader("SELECT i FROM range(1000000000) r(i)") for _ in range(8)]
    until(lambda: sum(one["state"] == "running" for one in outside.client.statements() if one["tenant"] == outside.tenant) >= 8, what="8 statements")
    outside.catalog.load_table(table.name()).append(pa.table({"k": [3]}))
    for reader in running:
        reader.cancel()
    assert outside.catalog.load_table(table.name()).scan().to_arrow().num_rows == 3

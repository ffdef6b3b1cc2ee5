"""Compaction, expiry, orphans: an outside reader sees the same rows before and after, and nothing else is lost."""

import datetime
import json
import os
import pathlib
import secrets
import time

import duckdb
import pyarrow as pa
import pytest
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table.sorting import NullOrder, SortDirection, SortField, SortOrder
from pyiceberg.transforms import BucketTransform, DayTransform, IdentityTransform
from pyiceberg.types import DateType, DecimalType, ListType, LongType, MapType, NestedField, StringType, StructType, TimestamptzType

from lib.iceberg import EXTENSIONS

DAYS = 86400


class Lake:
    """A tenant as its user and as pyiceberg sees it."""

    def __init__(self, client):
        self.client = client
        self.catalog = RestCatalog("eider", uri=f"{client.server.url}/iceberg", warehouse=client.tenant)

    def sql(self, text):
        return self.client.query(text)

    def table(self, name):
        return self.catalog.load_table(("iceberg", name))

    def rows(self, name, **arguments):
        found = self.table(name).scan(**arguments).to_arrow().to_pylist()
        return sorted(found, key=lambda row: json.dumps(row, default=str))

    def maintain(self, **wish):
        answer = self.client.request("POST", f"/api/v1/tenants/{self.client.tenant}/iceberg/maintain", json=wish)
        assert answer.status_code == 200, answer.text
        result = answer.json()
        names = [column["name"] for column in result["columns"]]
        return [dict(zip(names, row)) for row in result["rows"]]

    def one(self, **wish):
        """Of one action on one table: its row."""
        found = self.maintain(**wish)
        assert len(found) == 1, found
        return found[0]

    def compact(self, name, **wish):
        return self.one(table=name, actions=["compact"], **wish)

    def root(self):
        return self.client.server.data / "warehouse" / self.client.tenant

    def files(self, name):
        return {path for path in self.root().glob(f"iceberg/{name}-*/**/*") if path.is_file()}


@pytest.fixture
def lake(acme):
    return Lake(acme)


def live(table):
    """(data files, delete files) of the current snapshot."""
    tasks = list(table.scan().plan_files())
    return len({task.file.file_path for task in tasks}), len({delete.file_path for task in tasks for delete in task.delete_files})


def numbers(first, count):
    return pa.table({"id": pa.array(range(first, first + count), pa.int64()), "name": [f"n{i}" for i in range(first, first + count)]})


# --- compaction ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [2, 3])
def test_small_files_and_deletes_become_one_file(lake, version):
    lake.sql(f"CREATE TABLE iceberg.t (x INTEGER, s VARCHAR, d DATE, m DECIMAL(9,2), f DOUBLE) WITH ('format-version' = '{version}')")
    for i in range(4):
        lake.sql(f"INSERT INTO iceberg.t SELECT i, 'v' || i, DATE '2024-01-01' + i::INT, i, i / 3 FROM range({i * 10}, {i * 10 + 10}) r(i)")
    lake.sql("DELETE FROM iceberg.t WHERE x % 7 = 0")
    lake.sql("UPDATE iceberg.t SET s = NULL WHERE x IN (3, 33)")
    before = lake.sql("SELECT * FROM iceberg.t ORDER BY x").to_pylist()
    ids = "SELECT x, _row_id, _last_updated_sequence_number AS n FROM iceberg.t ORDER BY x"
    lineage = lake.sql(ids).to_pylist() if version == 3 else None
    dry = lake.compact("t", dry_run=True)
    assert (dry["files"], dry["rows"]) == (5, 42) and "would become 1" in dry["detail"]
    assert len(lake.table("t").metadata.snapshots) == 6
    done = lake.compact("t")
    assert (done["files"], done["rows"]) == (5, 42) and "became 1" in done["detail"]
    after = lake.table("t")
    assert after.current_snapshot().summary.operation.value == "replace"
    assert int(after.current_snapshot().summary["total-records"]) == len(before) == 34
    assert live(after) == (1, 0)
    assert lake.sql("SELECT * FROM iceberg.t ORDER BY x").to_pylist() == before
    if version == 2:  # pyiceberg reads no v3 deletion vectors everywhere; what compaction leaves it does read
        assert sorted(lake.rows("t"), key=lambda row: row["x"]) == before
    else:
        assert lake.sql(ids).to_pylist() == lineage
    assert lake.compact("t")["detail"] == "nothing to do"
    assert lake.maintain(table="t", actions=["orphans"], now=True, orphan_age_s=0)[0]["files"] == 0
    lake.sql("INSERT INTO iceberg.t VALUES (100, 'later', NULL, NULL, NULL)")
    lake.sql("DELETE FROM iceberg.t WHERE x = 1")
    assert lake.sql("SELECT count(*) AS n FROM iceberg.t").column("n").to_pylist() == [34]


def test_bounds_of_rewritten_files_prune(lake):
    lake.sql("CREATE TABLE iceberg.b (x BIGINT, s VARCHAR, t TIMESTAMPTZ, f DOUBLE)")
    for i in range(2):
        lake.sql(f"INSERT INTO iceberg.b SELECT i, repeat('ä', 20) || i, TIMESTAMPTZ '2024-01-01 00:00:00+00' + INTERVAL (i) HOUR, i * 1.5 FROM range({i * 5}, {i * 5 + 5}) r(i)")
    lake.compact("b")
    table = lake.table("b")
    for where, count in (("x > 8", 1), ("x > 9", 0), ("x < 0", 0), ("f >= 13.5", 1), ("f > 13.5", 0), ("t > '2024-01-01T09:00:00+00:00'", 0),
                         ("t >= '2024-01-01T09:00:00+00:00'", 1), ("s > 'z'", 10), ("s < 'a'", 0)):
        assert table.scan(row_filter=where).to_arrow().num_rows == count, where
    assert list(table.scan(row_filter="x > 9").plan_files()) == []
    assert list(table.scan(row_filter="f > 13.5").plan_files()) == []
    assert list(table.scan(row_filter="t > '2024-01-01T09:00:00+00:00'").plan_files()) == []


def test_partitions_stay_apart(lake):
    schema = Schema(NestedField(1, "id", LongType(), required=True), NestedField(2, "kind of", StringType()),
                    NestedField(3, "at", TimestamptzType()), NestedField(4, "d", DateType()))
    spec = PartitionSpec(PartitionField(2, 1000, IdentityTransform(), "kind of"), PartitionField(3, 1001, DayTransform(), "at_day"),
                         PartitionField(1, 1002, BucketTransform(2), "id_bucket"), PartitionField(4, 1003, IdentityTransform(), "d"))
    table = lake.catalog.create_table(("iceberg", "p"), schema, partition_spec=spec)
    start = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
    for i in range(3):
        table.append(pa.table({"id": pa.array(range(8), pa.int64()), "kind of": ["a", "b", None, "a"] * 2,
                               "at": pa.array([start + datetime.timedelta(days=j % 2) for j in range(8)], pa.timestamp("us", "UTC")),
                               "d": pa.array([datetime.date(2024, 5, 1 + j % 2) if j else None for j in range(8)], pa.date32())},
                              schema=schema.as_arrow()))
    before, parts = lake.rows("p"), live(table)[0] // 3
    done = lake.compact("p")
    assert f"became {parts}" in done["detail"], done
    assert lake.rows("p") == before
    now = lake.table("p")
    assert live(now)[0] == parts
    assert sorted(lake.sql('SELECT id FROM iceberg.p').column("id").to_pylist()) == sorted(row["id"] for row in before)
    assert {str(task.file.partition) for task in now.scan().plan_files()} == {str(task.file.partition) for task in table.scan().plan_files()}
    for where in ("`kind of` = 'a'", "id = 3", "at >= '2024-01-02T00:00:00+00:00'", "d is null"):
        where = where.replace("`", '"')
        assert now.scan(row_filter=where).to_arrow().num_rows == table.scan(row_filter=where).to_arrow().num_rows > 0


def test_specs_and_schemas_that_changed(lake):
    schema = Schema(NestedField(1, "id", LongType()), NestedField(2, "name", StringType()))
    table = lake.catalog.create_table(("iceberg", "e"), schema)
    table.append(numbers(0, 3))
    table.append(numbers(3, 3))
    with table.update_spec() as update:
        update.add_field("id", BucketTransform(2), "id_bucket")
    with table.update_schema() as update:
        update.add_column("more", LongType())
        update.rename_column("name", "called")
    table.append(pa.table({"id": pa.array([6, 7], pa.int64()), "called": ["n6", "n7"], "more": pa.array([1, None], pa.int64())}))
    table.append(pa.table({"id": pa.array([6, 7], pa.int64()), "called": ["n6", "n7"], "more": pa.array([2, None], pa.int64())}))
    with table.update_schema() as update:
        update.add_column("last", StringType())
    before = lake.rows("e")
    done = lake.compact("e")
    assert done["files"] == 2 + live(table)[0] - 2, done
    assert lake.rows("e") == before
    assert lake.sql("SELECT * FROM iceberg.e ORDER BY id, more").num_rows == len(before)


def test_nested_columns_and_a_sort_order(lake):
    schema = Schema(NestedField(1, "id", LongType()), NestedField(2, "tags", ListType(5, StringType(), element_required=False)),
                    NestedField(3, "at", StructType(NestedField(6, "x", LongType()), NestedField(7, "y", DecimalType(20, 3)))),
                    NestedField(4, "more", MapType(8, StringType(), 9, LongType(), value_required=False)))
    order = SortOrder(SortField(1, transform=IdentityTransform(), direction=SortDirection.DESC, null_order=NullOrder.NULLS_LAST))
    table = lake.catalog.create_table(("iceberg", "n"), schema, sort_order=order)
    for i in range(3):
        table.append(pa.table({"id": [i, i + 10], "tags": [["a", None], None], "at": [{"x": i, "y": None}, None],
                               "more": [[("k", i)], []]}, schema=schema.as_arrow()))
    before = lake.rows("n")
    lake.compact("n")
    now = lake.table("n")
    assert lake.rows("n") == before and live(now) == (1, 0)
    assert [row["id"] for row in now.scan().to_arrow().to_pylist()] == [12, 11, 10, 2, 1, 0]
    assert [task.file.sort_order_id for task in now.scan().plan_files()] == [now.sort_order().order_id]


def test_large_files_are_left_alone_and_bins_are_filled(lake):
    schema = Schema(NestedField(1, "id", LongType()), NestedField(2, "name", StringType()))
    table = lake.catalog.create_table(("iceberg", "s"), schema)
    for i in range(4):
        table.append(numbers(i * 1000, 1000))
    size = max(task.file.file_size_in_bytes for task in table.scan().plan_files())
    with table.transaction() as change:
        change.set_properties({"write.target-file-size-bytes": str(size)})
    assert lake.compact("s")["detail"] == "nothing to do"
    with table.transaction() as change:
        change.set_properties({"write.target-file-size-bytes": str(size * 5 // 2)})
    assert "4 files became 2" in lake.compact("s")["detail"]
    assert [row["id"] for row in sorted(lake.rows("s"), key=lambda row: row["id"])] == list(range(4000))


def test_a_table_whose_rows_are_all_deleted(lake):
    lake.sql("CREATE TABLE iceberg.z (x INTEGER)")
    lake.sql("INSERT INTO iceberg.z VALUES (1)")
    lake.sql("DELETE FROM iceberg.z WHERE x + 0 = 1")
    lake.compact("z")
    assert lake.rows("z") == [] and live(lake.table("z")) == (0, 0)
    lake.sql("INSERT INTO iceberg.z VALUES (2)")
    assert lake.rows("z") == [{"x": 2}]


def test_what_cannot_be_compacted_says_why(lake):
    lake.catalog.create_table(("iceberg", "v1"), Schema(NestedField(1, "id", LongType())), properties={"format-version": "1"})
    lake.table("v1").append(pa.table({"id": pa.array([1], pa.int64())}))
    assert "format version 1" in lake.compact("v1")["detail"]
    lake.catalog.create_table(("iceberg", "empty"), Schema(NestedField(1, "id", LongType())))
    assert "no snapshot" in lake.compact("empty")["detail"]
    answer = lake.client.request("POST", f"/api/v1/tenants/{lake.client.tenant}/iceberg/maintain", json={"table": "nope"})
    assert answer.status_code == 404 and "nope" in answer.json()["error"]["message"]


# --- expiry ----------------------------------------------------------------------------------------------------------


def test_expiry_keeps_what_snapshots_branches_and_tags_need(lake):
    schema = Schema(NestedField(1, "id", LongType()), NestedField(2, "name", StringType()))
    table = lake.catalog.create_table(("iceberg", "x"), schema)
    for i in range(6):
        table.overwrite(numbers(i * 10, 5))
    tagged = table.metadata.snapshots[2].snapshot_id
    table.manage_snapshots().create_tag(tagged, "keep").commit()
    old = lake.rows("x", snapshot_id=tagged)
    now = lake.rows("x")
    everything = len(table.metadata.snapshots)
    assert lake.one(table="x", actions=["expire"])["detail"].startswith("0 of"), "all are young"
    assert lake.one(table="x", actions=["expire"], older_than_s=0)["detail"].startswith("0 of"), "all were replaced within the grace"
    dry = lake.one(table="x", actions=["expire"], older_than_s=0, now=True, dry_run=True)
    assert dry["detail"].startswith(f"{everything - 2} of {everything}") and dry["files"] > 0
    files = lake.files("x")
    done = lake.one(table="x", actions=["expire"], older_than_s=0, now=True)
    assert (done["files"], done["bytes"], done["detail"]) == (dry["files"], dry["bytes"], dry["detail"])
    assert len(files) - len(lake.files("x")) == done["files"] - 1, "one metadata file is new"
    table = lake.table("x")
    assert {snapshot.snapshot_id for snapshot in table.metadata.snapshots} == {tagged, table.current_snapshot().snapshot_id}
    assert lake.rows("x") == now and lake.rows("x", snapshot_id=tagged) == old
    assert lake.one(table="x", actions=["orphans"], now=True, orphan_age_s=0, dry_run=True)["files"] == 0


def test_expiry_keeps_as_many_as_asked_for(lake):
    table = lake.catalog.create_table(("iceberg", "k"), Schema(NestedField(1, "id", LongType())),
                                      properties={"history.expire.min-snapshots-to-keep": "4", "history.expire.max-snapshot-age-ms": "1"})
    for i in range(6):
        table.append(pa.table({"id": pa.array([i], pa.int64())}))
    assert lake.one(table="k", actions=["expire"], now=True)["detail"].startswith("2 of 6")
    assert lake.one(table="k", actions=["expire"], now=True, keep=3)["detail"].startswith("1 of 4")
    assert [row["id"] for row in lake.rows("k")] == list(range(6))


# --- orphans ---------------------------------------------------------------------------------------------------------


def aged(path, days):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"left behind")
    os.utime(path, (time.time() - days * DAYS,) * 2)
    return path


def test_orphans_go_when_they_are_old(lake):
    lake.sql("CREATE TABLE iceberg.o AS SELECT 1 AS x")
    lake.sql("CREATE TABLE iceberg.gone AS SELECT 2 AS x")
    lake.sql("DROP TABLE iceberg.gone")
    lake.sql("CREATE TABLE \"default\".local AS SELECT 3 AS x")
    mirrored = lake.catalog.load_table(("default", "local")).scan().to_arrow().to_pylist()
    lake.client.request("POST", f"/iceberg/v1/{lake.client.tenant}/namespaces/iceberg/views", json={
        "name": "v", "schema": {"type": "struct", "fields": [{"id": 1, "name": "x", "type": "int", "required": False}]},
        "view-version": {"version-id": 1, "schema-id": 0, "timestamp-ms": 1, "summary": {}, "default-namespace": ["iceberg"],
                         "representations": [{"type": "sql", "sql": "SELECT 1 AS x", "dialect": "duckdb"}]}, "properties": {}}).raise_for_status()
    everything = {path for path in lake.root().rglob("*") if path.is_file()}
    for path in everything:
        os.utime(path, (time.time() - 30 * DAYS,) * 2)
    data = pathlib.Path(lake.table("o").location().removeprefix("file://")) / "data"
    old, young, stray = aged(data / "old.parquet", 4), aged(data / "young.parquet", 2), aged(lake.root() / "iceberg/nobodys-12345678/data/a.parquet", 4)
    found = {(row["table"], row["action"]): row["files"] for row in lake.maintain(actions=["orphans"], dry_run=True)}
    assert found == {("o", "orphans"): 1, ("*", "orphans"): 1}
    assert old.exists() and stray.exists()
    lake.maintain(actions=["orphans"])
    assert not old.exists() and not stray.exists() and young.exists()
    assert {path for path in lake.root().rglob("*") if path.is_file()} == everything | {young}
    lake.client.request("POST", f"/api/v1/tenants/{lake.client.tenant}/iceberg/undrop", json={"table": "gone"}).raise_for_status()
    assert lake.rows("gone") == [{"x": 2}] and lake.rows("o") == [{"x": 1}]
    assert lake.catalog.load_table(("default", "local")).scan().to_arrow().to_pylist() == mirrored
    lake.maintain(table="o", actions=["orphans"], orphan_age_s=DAYS)
    assert not young.exists()


def test_an_orphan_age_that_endangers_writers_is_refused(lake):
    answer = lake.client.request("POST", f"/api/v1/tenants/{lake.client.tenant}/iceberg/maintain", json={"orphan_age_s": 60})
    assert answer.status_code == 400 and "maintain.grace" in answer.json()["error"]["message"]


def test_statistics(lake):
    lake.sql("CREATE TABLE iceberg.c AS SELECT * FROM range(10) r(x)")
    lake.sql("DELETE FROM iceberg.c WHERE x = 5")
    row = lake.one(table="c", actions=["statistics"])
    assert (row["files"], row["rows"]) == (1, 10) and "1 delete files, 2 manifests, 2 snapshots" in row["detail"]


def test_who_may(lake):
    answer = lake.client.request("POST", "/api/v1/tenants/tenant_nobody/iceberg/maintain", json={})
    assert answer.status_code == 404
    for wish in ({"actions": ["nonsense"]}, {"actions": "compact"}, {"keep": -1}, {"older_than_s": "x"}, {"unknown": 1}):
        answer = lake.client.request("POST", f"/api/v1/tenants/{lake.client.tenant}/iceberg/maintain", json=wish)
        assert answer.status_code == 400, wish


# --- equality deletes ------------------------------------------------------------------------------------------------


def commit_equality_delete(lake, name, ids, partition=None):
    """What Flink does: rows with these ids are deleted from all files that were there before."""
    table = lake.table(name)
    uuid_, metadata = table.metadata.table_uuid, table.metadata
    base = pathlib.Path(metadata.location.removeprefix("file://"))
    engine = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    engine.execute(f"LOAD '{EXTENSIONS / 'avro.duckdb_extension'}'")
    snapshot, sequence = secrets.randbits(62), metadata.last_sequence_number + 1
    data, manifest, manifests = (str(base / place) for place in (f"data/eq-{snapshot}.parquet", f"metadata/eq-{snapshot}.avro", f"metadata/snap-{snapshot}.avro"))
    engine.execute(f"COPY (SELECT unnest({ids})::BIGINT AS id) TO '{data}' (FORMAT parquet, FIELD_IDS {{'id': 1}})")

    def required(number, **children):
        return f"{{'__duckdb_field_id': {number}, '__duckdb_nullable': false" + "".join(f", '{key}': {value}" for key, value in children.items()) + "}"
    spec = metadata.spec()
    part = "{" + ", ".join(f"'{field.name}': {partition[field.name]}" for field in spec.fields) + "}" if spec.fields else "{'__duckdb_empty_struct_marker': NULL::INTEGER}"
    fields = required(2, content=required(134), file_path=required(100), file_format=required(101),
                      partition=required(102, **{field.name: field.field_id for field in spec.fields}), record_count=required(103),
                      file_size_in_bytes=required(104), equality_ids=f"{{'__duckdb_field_id': 135, 'list': {required(136)}}}")
    engine.execute(f"""COPY (SELECT 1 AS status, {snapshot}::BIGINT AS snapshot_id, NULL::BIGINT AS sequence_number, NULL::BIGINT AS file_sequence_number,
        {{'content': 2, 'file_path': 'file://{data}', 'file_format': 'PARQUET', 'partition': {part}, 'record_count': {len(ids)}::BIGINT,
          'file_size_in_bytes': {os.path.getsize(data)}::BIGINT, 'equality_ids': [1]}} AS data_file)
        TO '{manifest}' (FORMAT avro, ROOT_NAME 'manifest_entry', FIELD_IDS {{'status': {required(0)}, 'snapshot_id': 1, 'sequence_number': 3, 'file_sequence_number': 4, 'data_file': {fields}}},
        METADATA {{'schema': '{table.schema().model_dump_json()}', 'schema-id': '{table.schema().schema_id}', 'partition-spec': '{json.dumps(spec.model_dump(by_alias=True)["fields"])}',
                   'partition-spec-id': '{spec.spec_id}', 'format-version': '2', 'content': 'deletes'}})""")
    numbers = (500, 501, 502, 517, 515, 516, 503, 504, 505, 506, 512, 513, 514)
    names = ("manifest_path", "manifest_length", "partition_spec_id", "content", "sequence_number", "min_sequence_number", "added_snapshot_id", "added_files_count",
             "existing_files_count", "deleted_files_count", "added_rows_count", "existing_rows_count", "deleted_rows_count")
    old = [f"SELECT {', '.join(names)} FROM read_avro('{table.current_snapshot().manifest_list}')"]
    new = f"SELECT 'file://{manifest}', {os.path.getsize(manifest)}, {spec.spec_id}, 1, {sequence}, {sequence}, {snapshot}, 1, 0, 0, {len(ids)}, 0, 0"
    engine.execute(f"COPY ({' UNION ALL '.join(old + [new])}) TO '{manifests}' (FORMAT avro, ROOT_NAME 'manifest_file', FIELD_IDS "
                   f"{{{', '.join(f'{chr(39)}{key}{chr(39)}: {required(number)}' for key, number in zip(names, numbers))}}}, METADATA {{'format-version': '2'}})")
    answer = lake.client.request("POST", f"/iceberg/v1/{lake.client.tenant}/namespaces/iceberg/tables/{name}", json={
        "requirements": [{"type": "assert-table-uuid", "uuid": str(uuid_)}],
        "updates": [{"action": "add-snapshot", "snapshot": {"snapshot-id": snapshot, "parent-snapshot-id": metadata.current_snapshot_id, "sequence-number": sequence,
                                                            "timestamp-ms": int(time.time() * 1000), "manifest-list": f"file://{manifests}",
                                                            "summary": {"operation": "delete"}, "schema-id": table.schema().schema_id}},
                    {"action": "set-snapshot-ref", "ref-name": "main", "type": "branch", "snapshot-id": snapshot}]})
    assert answer.status_code == 200, answer.text


def test_equality_deletes_are_applied_and_go(lake):
    schema = Schema(NestedField(1, "id", LongType()), NestedField(2, "name", StringType()))
    table = lake.catalog.create_table(("iceberg", "q"), schema)
    table.append(numbers(0, 10))
    table.append(numbers(10, 10))
    commit_equality_delete(lake, "q", [3, 13, 23])
    lake.table("q").append(numbers(20, 10))  # 23 came later: it stays
    expected = [number for number in range(30) if number not in (3, 13)]
    assert lake.sql("SELECT id FROM iceberg.q ORDER BY id").column("id").to_pylist() == expected
    lake.compact("q")
    assert lake.sql("SELECT id FROM iceberg.q ORDER BY id").column("id").to_pylist() == expected
    assert [row["id"] for row in sorted(lake.rows("q"), key=lambda row: row["id"])] == expected
    assert live(lake.table("q")) == (1, 0)
    commit_equality_delete(lake, "q", [5])
    assert lake.sql("SELECT count(*) AS n FROM iceberg.q").column("n").to_pylist() == [len(expected) - 1]
    assert "1 files became 1" in lake.compact("q")["detail"]
    assert [row["id"] for row in sorted(lake.rows("q"), key=lambda row: row["id"])] == [number for number in expected if number != 5]


def test_equality_deletes_of_one_partition(lake):
    """DuckDB's scan applies them to all partitions: what it reads must not become the table."""
    schema = Schema(NestedField(1, "id", LongType()), NestedField(2, "name", StringType()))
    table = lake.catalog.create_table(("iceberg", "r"), schema, partition_spec=PartitionSpec(PartitionField(2, 1000, IdentityTransform(), "name")))
    for _ in range(2):
        table.append(pa.table({"id": pa.array([1, 2, 1, 2], pa.int64()), "name": ["a", "a", "b", "b"]}))
    commit_equality_delete(lake, "r", [1], {"name": "'a'"})
    snapshot = lake.table("r").current_snapshot()
    assert "equality deletes of one partition" in lake.compact("r")["detail"]
    assert lake.table("r").current_snapshot() == snapshot


def test_compressed_metadata(lake):
    lake.catalog.create_table(("iceberg", "g"), Schema(NestedField(1, "id", LongType())), properties={"write.metadata.compression-codec": "gzip"})
    for number in range(2):
        lake.table("g").append(pa.table({"id": pa.array([number], pa.int64())}))
    assert lake.table("g").metadata_location.endswith(".gz.metadata.json")
    assert "2 files became 1" in lake.compact("g")["detail"]
    assert lake.rows("g") == [{"id": 0}, {"id": 1}]

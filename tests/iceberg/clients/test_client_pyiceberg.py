"""Everything that pyiceberg does with a catalog and a table."""

import datetime
import pathlib
import time

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from pyiceberg.exceptions import (
    NamespaceAlreadyExistsError,
    NamespaceNotEmptyError,
    NoSuchNamespaceError,
    NoSuchTableError,
    TableAlreadyExistsError,
    ValidationException,
)
from pyiceberg.expressions import EqualTo
from pyiceberg.io.pyarrow import schema_to_pyarrow
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table.sorting import SortField, SortOrder
from pyiceberg.table.statistics import BlobMetadata, StatisticsFile
from pyiceberg.transforms import DayTransform, IdentityTransform
from pyiceberg.types import IntegerType, LongType, NestedField, StringType, TimestampType
from pyiceberg.view.metadata import SQLViewRepresentation, ViewVersion

SCHEMA = Schema(NestedField(1, "id", IntegerType(), required=True), NestedField(2, "v", StringType()),
                NestedField(3, "at", TimestampType()), identifier_field_ids=[1])
DAY = datetime.datetime(2026, 1, 1)


@pytest.fixture
def catalog(pyiceberg):
    return pyiceberg.catalog


@pytest.fixture
def table(catalog, namespace):
    return catalog.create_table(f"{namespace}.t", SCHEMA)


def rows(*ids, v="v", at=DAY):
    return pa.table({"id": list(ids), "v": [v] * len(ids), "at": [at] * len(ids)}, schema_to_pyarrow(SCHEMA, include_field_ids=False))


def local(location):
    return pathlib.Path(location.removeprefix("file://").removeprefix("file:"))


def ids(table, **scan):
    return sorted(table.scan(**scan).to_arrow()["id"].to_pylist())


def test_namespaces(catalog, namespace):
    catalog.create_namespace((namespace, "a"), {"owner": "me", "k": "1"})
    with pytest.raises(NamespaceAlreadyExistsError):
        catalog.create_namespace((namespace, "a"))
    catalog.create_namespace_if_not_exists((namespace, "a"))
    assert (namespace, "a") in catalog.list_namespaces(namespace)
    assert (namespace,) in catalog.list_namespaces()
    assert catalog.namespace_exists((namespace, "a")) and not catalog.namespace_exists((namespace, "b"))
    changed = catalog.update_namespace_properties((namespace, "a"), {"owner"}, {"k": "2", "new": "ü"})
    assert changed.removed == ["owner"] and sorted(changed.updated) == ["k", "new"]
    assert {"k": "2", "new": "ü"}.items() <= catalog.load_namespace_properties((namespace, "a")).items()
    catalog.create_table((namespace, "a", "t"), SCHEMA)
    with pytest.raises(NamespaceNotEmptyError):
        catalog.drop_namespace((namespace, "a"))
    catalog.drop_table((namespace, "a", "t"))
    catalog.drop_namespace((namespace, "a"))
    with pytest.raises(NoSuchNamespaceError):
        catalog.load_namespace_properties((namespace, "a"))


def test_tables_come_and_go(catalog, namespace, table):
    name = f"{namespace}.t"
    with pytest.raises(TableAlreadyExistsError):
        catalog.create_table(name, SCHEMA)
    assert catalog.create_table_if_not_exists(name, SCHEMA).metadata.table_uuid == table.metadata.table_uuid
    assert catalog.list_tables(namespace) == [(namespace, "t")]
    assert catalog.table_exists(name) and not catalog.table_exists(f"{namespace}.other")
    table.append(rows(1, 2))
    renamed = catalog.rename_table(name, f"{namespace}.u")
    assert ids(renamed) == [1, 2]
    with pytest.raises(NoSuchTableError):
        catalog.load_table(name)
    catalog.drop_table(f"{namespace}.u")
    with pytest.raises(NoSuchTableError):
        catalog.drop_table(f"{namespace}.u")
    # The name is free, and what lay there does not come back.
    again = catalog.create_table(f"{namespace}.u", SCHEMA)
    assert ids(again) == [] and again.location() != renamed.location()
    catalog.purge_table(f"{namespace}.u")
    assert catalog.list_tables(namespace) == []


def test_a_table_is_registered_again(catalog, namespace, table):
    table.append(rows(1, 2))
    catalog.drop_table(f"{namespace}.t")
    back = catalog.register_table(f"{namespace}.back", table.metadata_location)
    assert ids(back) == [1, 2] and back.metadata.table_uuid == table.metadata.table_uuid
    with pytest.raises(TableAlreadyExistsError):
        catalog.register_table(f"{namespace}.back", table.metadata_location)


def test_local_files_need_no_credentials(catalog, namespace, table):
    assert catalog.load_credentials(f"{namespace}.t", table.location()) == {}


def test_create_in_a_transaction(catalog, namespace):
    with catalog.create_table_transaction(f"{namespace}.t", SCHEMA, properties={"a": "b"}) as transaction:
        assert not catalog.table_exists(f"{namespace}.t")
        with transaction.update_schema() as update:
            update.add_column("extra", LongType())
        transaction.append(rows(1).append_column("extra", pa.array([5], pa.int64())))
    table = catalog.load_table(f"{namespace}.t")
    assert table.scan().to_arrow()["extra"].to_pylist() == [5] and table.properties["a"] == "b"


def test_rows_are_appended_overwritten_upserted_deleted(table):
    table.append(rows(1, 2, 3))
    table.overwrite(rows(30, 31), overwrite_filter=EqualTo("id", 3))
    assert ids(table) == [1, 2, 30, 31]
    result = table.upsert(rows(2, 4, v="new"))
    assert (result.rows_updated, result.rows_inserted) == (1, 1)
    assert ids(table, row_filter="v == 'new'") == [2, 4]
    table.delete("id >= 30")
    assert ids(table) == [1, 2, 4]
    table.overwrite(rows(9))
    assert ids(table) == [9]
    with table.transaction() as transaction:
        transaction.append(rows(10))
        transaction.delete("id == 9")
        transaction.set_properties(done="yes")
    assert ids(table) == [10] and table.properties["done"] == "yes"


def test_the_schema_evolves(table, namespace, catalog):
    table.append(rows(1))
    with table.update_schema(allow_incompatible_changes=True) as update:
        update.add_column("n", IntegerType(), doc="a number")
        update.rename_column("v", "text")
        update.make_column_optional("id")
        update.move_first("n")
        update.set_identifier_fields()
    with table.update_schema() as update:
        update.update_column("n", LongType())
        update.delete_column("at")
        update.union_by_name(Schema(NestedField(1, "more", StringType())))
    assert [field.name for field in catalog.load_table(f"{namespace}.t").schema().fields] == ["n", "id", "text", "more"]
    assert table.scan().to_arrow().to_pylist() == [{"n": None, "id": 1, "text": "v", "more": None}]


def test_partitions_and_order(catalog, namespace):
    spec = PartitionSpec(PartitionField(2, 1000, IdentityTransform(), "v"))
    order = SortOrder(SortField(1, IdentityTransform()))
    table = catalog.create_table(f"{namespace}.t", SCHEMA, partition_spec=spec, sort_order=order)
    table.append(pa.concat_tables([rows(1), rows(2, v="w")]))
    assert len(table.inspect.partitions()) == 2
    table.dynamic_partition_overwrite(rows(3))
    assert ids(table) == [2, 3]
    with table.update_spec() as update:
        update.add_field("at", DayTransform(), "day")
        update.rename_field("v", "kind")
    with table.update_sort_order() as update:
        update.desc("id", IdentityTransform())
    table.append(rows(4, v="x"))
    assert ids(table, row_filter="v == 'x'") == [4] and len(table.specs()) == 2
    assert len(list(table.scan(row_filter="v == 'x'").plan_files())) == 1
    with table.update_spec() as update:
        update.remove_field("day")
    assert ids(catalog.load_table(f"{namespace}.t")) == [2, 3, 4]


def test_snapshots_refs_and_expiry(table):
    for number in range(4):
        table.append(rows(number))
    snapshots = [one.snapshot_id for one in table.snapshots()]
    assert ids(table, snapshot_id=snapshots[1]) == [0, 1]
    assert [entry.snapshot_id for entry in table.history()] == snapshots
    table.manage_snapshots().create_tag(snapshots[0], "first").create_branch(snapshots[2], "side", min_snapshots_to_keep=2).commit()
    assert table.snapshot_by_name("first").snapshot_id == snapshots[0]
    table.manage_snapshots().rollback_to_snapshot(snapshots[2]).commit()
    assert ids(table) == [0, 1, 2]
    table.manage_snapshots().set_current_snapshot(snapshots[3]).commit()
    table.manage_snapshots().remove_tag("first").remove_branch("side").commit()
    table.maintenance.expire_snapshots().by_ids(snapshots[:2]).commit()
    assert [one.snapshot_id for one in table.refresh().snapshots()] == snapshots[2:]
    assert ids(table) == [0, 1, 2, 3]


def test_properties_versions_statistics_locations(catalog, namespace):
    table = catalog.create_table(f"{namespace}.t", SCHEMA, properties={"format-version": "1", "owner": "me"})
    with table.transaction() as transaction:
        transaction.upgrade_table_version(2)
        transaction.set_properties({"a": "1", "write.metadata.previous-versions-max": "3"})
        transaction.remove_properties("owner")
    table.append(rows(1))
    snapshot = table.current_snapshot().snapshot_id
    file = StatisticsFile(snapshot_id=snapshot, statistics_path=f"{table.location()}/metadata/s.puffin", file_size_in_bytes=1,
                          file_footer_size_in_bytes=1, blob_metadata=[BlobMetadata(
                              type="apache-datasketches-theta-v1", snapshot_id=snapshot, sequence_number=1, fields=[1])])
    with table.update_statistics() as update:
        update.set_statistics(file)
    seen = catalog.load_table(f"{namespace}.t")
    assert seen.format_version == 2 and seen.properties["a"] == "1" and "owner" not in seen.properties
    assert seen.metadata.statistics[0].statistics_path == file.statistics_path
    with table.update_statistics() as update:
        update.remove_statistics(snapshot)
    assert not catalog.load_table(f"{namespace}.t").metadata.statistics
    assert len(seen.metadata.metadata_log) <= 3


def test_what_lies_there_is_added_and_inspected(table):
    path = f"{table.location()}/data/theirs.parquet"
    local(path).parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(rows(7, 8), local(path))
    table.add_files([path])
    assert ids(table) == [7, 8]
    seen = table.inspect
    assert seen.snapshots().num_rows == 1 and seen.files()["file_path"].to_pylist() == [path]
    assert seen.entries().num_rows == seen.manifests().num_rows == seen.refs().num_rows == seen.history().num_rows == 1
    assert seen.metadata_log_entries().num_rows >= 1
    assert seen.all_files().num_rows == 1 and seen.delete_files().num_rows == 0


def test_of_two_who_change_the_same_one_is_told(catalog, namespace, table):
    table.append(rows(1, 2))
    other = catalog.load_table(f"{namespace}.t")
    with other.update_schema() as update:
        update.add_column("x", IntegerType())
    with pytest.raises(Exception, match="(?i)requirement failed|changed"):
        with table.update_schema() as update:
            update.add_column("y", IntegerType())
    table.refresh()
    stale = catalog.load_table(f"{namespace}.t")
    table.delete("id == 1")
    with pytest.raises(ValidationException):
        stale.overwrite(rows(5).append_column("x", pa.nulls(1, pa.int32())), "id == 1")
    assert ids(table.refresh()) == [2]


def test_views(catalog, namespace, table):
    from pyiceberg.exceptions import NoSuchViewError

    version = ViewVersion(version_id=1, schema_id=0, timestamp_ms=int(time.time() * 1000), summary={}, default_namespace=[namespace],
                          representations=[SQLViewRepresentation(type="sql", sql="SELECT id FROM t", dialect="duckdb")])
    made = catalog.create_view(f"{namespace}.w", Schema(NestedField(1, "id", IntegerType())), version)
    assert catalog.list_views(namespace) == [(namespace, "w")]
    assert catalog.view_exists(f"{namespace}.w") and not catalog.view_exists(f"{namespace}.t")
    seen = catalog.load_view(f"{namespace}.w")
    assert seen.metadata.view_uuid == made.metadata.view_uuid
    assert seen.metadata.versions[0].representations[0].root.sql == "SELECT id FROM t"
    catalog.drop_view(f"{namespace}.w")
    with pytest.raises(NoSuchViewError):
        catalog.load_view(f"{namespace}.w")
    file, = local(f"{seen.metadata.location}/metadata").glob("*.metadata.json")
    back = catalog.register_view(f"{namespace}.back", f"{seen.metadata.location}/metadata/{file.name}")
    assert back.metadata.view_uuid == made.metadata.view_uuid

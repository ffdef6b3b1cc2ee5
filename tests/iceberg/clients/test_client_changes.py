"""Rows, columns, partitions and snapshots that one client changes, and all see."""

import datetime
import pathlib

import pyarrow as pa
import pytest
from lib.iceberg import CLIENTS, canonical

# Both engines may start in one test.
pytestmark = [pytest.mark.slow, pytest.mark.native, pytest.mark.timeout(300)]
OWN = [client for client in CLIENTS if client == "eider"]
COLUMNS = {"id": "int", "v": "string"}
# Which clients read and which change tables of a format version; Trino knows no deletion vectors, which version 3 has.
READERS = {1: CLIENTS, 2: CLIENTS, 3: [client for client in CLIENTS if client != "trino"]}
WRITERS = {1: ["pyiceberg", "spark"], 2: CLIENTS, 3: ["duckdb", "spark", *OWN]}
CREATORS = [(1, "spark"), *[(2, client) for client in CLIENTS], (3, "duckdb"), (3, "spark")]
MERGE_ON_READ = ", ".join(f"'write.{what}.mode' = 'merge-on-read'" for what in ("delete", "update", "merge"))


class Table:
    """A table that several clients use, and the rows that it has to have."""

    def __init__(self, client_of, name, columns=None, clients=CLIENTS):
        self.client_of, self.name, self.clients = client_of, name, clients
        self.columns = columns or dict(COLUMNS)
        self.rows = {}

    def create(self, client, version=2):
        self.client_of(client).create(self.name, self.columns, version)
        return self

    def sql(self, client, text):
        made = self.client_of(client)
        return made.run(text.format(t=made.table(self.name)))

    @property
    def iceberg(self):
        """As pyiceberg knows it now."""
        return self.client_of("pyiceberg").catalog.load_table(self.name)

    def insert(self, client, *rows):
        rows = [dict(zip(self.columns, row)) for row in rows]
        self.client_of(client).insert(self.name, self.columns, rows)
        self.rows |= {row["id"]: row for row in rows}

    def check(self, why=""):
        expected = [{name: canonical(self.rows[key][name], kind) for name, kind in self.columns.items()} for key in sorted(self.rows)]
        for reader in self.clients:
            assert self.client_of(reader).rows(self.name, self.columns) == expected, f"{reader} {why}"

    def arrow(self, *rows):
        return pa.Table.from_pylist([dict(zip(self.columns, row)) for row in rows], self.iceberg.schema().as_arrow())


def change(table, client, base):
    """Rows base to base + 4 are inserted; one is updated, one deleted, one merged away and one merged in."""
    table.insert(client, *[(base + at, f"{client} {at}") for at in range(5)])
    if client == "pyiceberg":
        table.iceberg.overwrite(table.arrow((base, "updated")), f"id == {base}")
        table.iceberg.delete(f"id == {base + 1}")
        table.iceberg.upsert(table.arrow((base + 2, "merged"), (base + 9, "new")), join_cols=["id"])
    else:
        table.sql(client, f"UPDATE {{t}} SET v = 'updated' WHERE id = {base}")
        table.sql(client, f"DELETE FROM {{t}} WHERE id = {base + 1}")
        table.sql(client, f"MERGE INTO {{t}} a USING (SELECT {base + 2} AS id, 'merged' AS v UNION ALL SELECT {base + 9}, 'new') b ON a.id = b.id "
                          "WHEN MATCHED THEN UPDATE SET v = b.v WHEN NOT MATCHED THEN INSERT (id, v) VALUES (b.id, b.v)")
    del table.rows[base + 1]
    table.rows |= {base + at: {"id": base + at, "v": text} for at, text in ((0, "updated"), (2, "merged"), (9, "new"))}


@pytest.mark.parametrize("version, creator", CREATORS)
def test_rows_changed_by_each_are_seen_by_all(version, creator, client_of, namespace):
    table = Table(client_of, f"{namespace}.rows", clients=READERS[version]).create(creator, version)
    if creator == "spark" and version > 1:
        table.sql("spark", f"ALTER TABLE {{t}} SET TBLPROPERTIES ({MERGE_ON_READ})")
    writers = WRITERS[version]
    for at, client in enumerate(writers):
        change(table, client, 100 * at)
        table.check(f"after {client}")
    # Once more: what others left is changed by each.
    for at, client in enumerate(writers):
        victim = 100 * ((at + 1) % len(writers)) + 3
        if client == "pyiceberg":
            table.iceberg.delete(f"id == {victim}")
        else:
            table.sql(client, f"DELETE FROM {{t}} WHERE id = {victim}")
        del table.rows[victim]
        table.check(f"after {client} deleted what another wrote")
    if version == 3:
        with pytest.raises(Exception, match="Unexpected PUFFIN"):
            table.sql("trino", "SELECT * FROM {t}")


def test_columns_added_renamed_widened_and_dropped(client_of, namespace):
    table = Table(client_of, f"{namespace}.columns").create("trino")
    table.insert("spark", (1, "one"))

    def add(name, kind):
        table.columns[name] = kind
        for row in table.rows.values():
            row[name] = None
        table.check(f"after {name} came")

    table.sql("duckdb", "ALTER TABLE {t} ADD COLUMN d INTEGER")
    add("d", "int")
    table.insert("duckdb", (2, "two", 20))
    with table.iceberg.update_schema() as update:
        from pyiceberg.types import DoubleType
        update.add_column("p", DoubleType())
    add("p", "double")
    table.insert("pyiceberg", (3, "three", 30, 3.5))
    table.sql("trino", "ALTER TABLE {t} ADD COLUMN t date")
    add("t", "date")
    table.sql("spark", "ALTER TABLE {t} ADD COLUMN s array<int>")
    add("s", ("list", "int"))
    table.insert("spark", (4, "four", 40, 4.5, None, [4]))
    table.check("after an insert with all columns")
    # Renamed by one, widened by another, dropped by a third.
    table.sql("duckdb", "ALTER TABLE {t} RENAME COLUMN v TO w")
    table.columns = {"id": "int", "w": "string"} | {name: kind for name, kind in table.columns.items() if name not in ("id", "v")}
    for row in table.rows.values():
        row["w"] = row.pop("v")
    table.check("after RENAME")
    table.sql("spark", "ALTER TABLE {t} ALTER COLUMN d TYPE bigint")
    table.columns["d"] = "long"
    table.insert("trino", (5, "five", 2**40, None, None, []))
    table.check("after a wider type")
    table.sql("trino", "ALTER TABLE {t} DROP COLUMN p")
    del table.columns["p"]
    for row in table.rows.values():
        del row["p"]
    table.check("after DROP COLUMN")


def test_partitions_change_hands(client_of, namespace):
    from pyiceberg.transforms import BucketTransform

    columns = {"id": "int", "v": "string", "day": "date"}
    table = Table(client_of, f"{namespace}.parts", columns)
    day = datetime.date(2026, 1, 1)
    table.create("pyiceberg")
    table.insert("pyiceberg", (1, "unpartitioned", day))
    table.sql("trino", "ALTER TABLE {t} SET PROPERTIES partitioning = ARRAY['month(day)']")
    table.insert("trino", (2, "by month", day), (3, "by month", None))
    table.insert("duckdb", (10, "by month", day))
    table.check("by month")
    table.sql("spark", "ALTER TABLE {t} ADD PARTITION FIELD truncate(2, v)")
    table.insert("spark", (4, "and prefix", day), (5, None, day))
    table.check("and by prefix")
    with table.iceberg.update_spec() as update:
        update.add_field("id", BucketTransform(4), "slot")
    table.insert("pyiceberg", (6, "and slot", day))
    table.check("and by bucket")
    table.sql("spark", "ALTER TABLE {t} DROP PARTITION FIELD truncate(2, v)")
    table.sql("spark", "ALTER TABLE {t} DROP PARTITION FIELD slot")
    table.insert("spark", (7, "by month again", day))
    table.check("by month again")
    table.sql("trino", "DELETE FROM {t} WHERE id = 4")
    table.sql("spark", "DELETE FROM {t} WHERE id = 7")
    table.iceberg.delete("id == 2")
    for key in (4, 7, 2):
        del table.rows[key]
    table.check("after deletes across specs")
    table.insert("duckdb", (8, "by month again", day))
    table.check("after DuckDB's insert")
    # A limit of DuckDB's own: it deletes where no two specs have a field in common.
    with pytest.raises(Exception, match="duplicate name"):
        table.sql("duckdb", "DELETE FROM {t} WHERE id = 5")


def test_time_travel(client_of, namespace):
    table = Table(client_of, f"{namespace}.past").create("spark")
    snapshots = []
    for at, client in enumerate(CLIENTS):
        table.insert(client, (at, client))
        snapshots.append(table.iceberg.current_snapshot())
    suffix = {client: " AT (VERSION => {})" for client in ("duckdb", *OWN)} | {"trino": " FOR VERSION AS OF {}", "spark": " VERSION AS OF {}"}
    for at, snapshot in enumerate(snapshots):
        expected = [table.rows[key] for key in range(at + 1)]
        for client, text in suffix.items():
            found = client_of(client).rows(table.name, COLUMNS, text.format(snapshot.snapshot_id))
            assert found == expected, (client, at)
        found = table.iceberg.scan(snapshot_id=snapshot.snapshot_id).to_arrow().sort_by("id").to_pylist()
        assert found == expected, at
        # By time: the same instant, as each spells it.
        moment = f"from_unixtime_nanos({snapshot.timestamp_ms * 1000000})"
        assert table.sql("trino", f"SELECT count(*) FROM {{t}} FOR TIMESTAMP AS OF {moment}") == [(at + 1,)]
        assert table.sql("duckdb", f"SELECT count(*) FROM {{t}} AT (TIMESTAMP => make_timestamptz({snapshot.timestamp_ms} * 1000))") == [(at + 1,)]
        assert table.sql("spark", f"SELECT count(*) FROM {{t}} TIMESTAMP AS OF timestamp_millis({snapshot.timestamp_ms})") == [(at + 1,)]


def test_tags_and_branches(client_of, namespace):
    table = Table(client_of, f"{namespace}.refs").create("pyiceberg")
    table.insert("trino", (1, "first"))
    table.sql("spark", "ALTER TABLE {t} CREATE TAG spark_tag")
    first = table.iceberg.current_snapshot().snapshot_id
    table.insert("duckdb", (2, "second"))
    table.iceberg.manage_snapshots().create_tag(first, "py_tag").create_branch(first, "py_branch").commit()
    table.sql("spark", "ALTER TABLE {t} CREATE BRANCH spark_branch")
    table.sql("spark", "INSERT INTO {t}.branch_spark_branch VALUES (3, 'branch')")
    table.iceberg.append(table.arrow((4, "branch")), branch="py_branch")
    table.check("main")
    for ref, keys in {"spark_tag": [1], "py_tag": [1], "py_branch": [1, 4], "spark_branch": [1, 2, 3]}.items():
        assert [row["id"] for row in client_of("trino").rows(table.name, COLUMNS, f" FOR VERSION AS OF '{ref}'")] == keys, ref
        assert [row["id"] for row in client_of("spark").rows(table.name, COLUMNS, f" VERSION AS OF '{ref}'")] == keys, ref
        assert sorted(table.iceberg.scan().use_ref(ref).to_arrow()["id"].to_pylist()) == keys, ref
    table.sql("spark", f"CALL {client_of('spark').prefix}.system.fast_forward('{table.name}', 'main', 'spark_branch')")
    table.rows[3] = {"id": 3, "v": "branch"}
    table.check("after fast_forward")
    table.sql("spark", "ALTER TABLE {t} DROP TAG spark_tag")
    table.iceberg.manage_snapshots().remove_branch("py_branch").commit()
    assert set(table.iceberg.metadata.refs) == {"main", "py_tag", "spark_branch"}


def test_a_rollback_is_seen(client_of, namespace):
    table = Table(client_of, f"{namespace}.back").create("trino")
    table.insert("trino", (1, "stays"))
    first = table.iceberg.current_snapshot().snapshot_id
    table.insert("spark", (2, "goes"))
    table.sql("spark", f"CALL {client_of('spark').prefix}.system.rollback_to_snapshot('{table.name}', {first})")
    del table.rows[2]
    table.check("after Spark's rollback")
    table.insert("duckdb", (3, "goes"))
    table.sql("trino", f"ALTER TABLE {{t}} EXECUTE rollback_to_snapshot({first})")
    del table.rows[3]
    table.check("after Trino's rollback")


def test_equality_deletes_are_read(client_of, namespace, spark_session, tmp_path):
    """None of these clients writes them; Java's library commits one here, as Flink does."""
    import pyarrow.parquet as parquet

    table = Table(client_of, f"{namespace}.equal").create("spark")
    table.insert("spark", (1, "stays"), (2, "goes"))
    table.insert("trino", (3, "goes too"))
    location = table.iceberg.location() + "/data/equality.parquet"
    field = pa.field("id", pa.int32(), metadata={"PARQUET:field_id": "1"})
    path = location.removeprefix("file:").replace("///", "/")
    parquet.write_table(pa.table([pa.array([2, 3], pa.int32())], pa.schema([field])), path)
    java = spark_session.session._jvm
    loaded = java.org.apache.iceberg.spark.Spark3Util.loadIcebergTable(spark_session.session._jsparkSession, client_of("spark").table(table.name))
    ids = spark_session.gateway.new_array(java.int, 1)
    ids[0] = 1
    built = (java.org.apache.iceberg.FileMetadata.deleteFileBuilder(loaded.spec()).ofEqualityDeletes(ids).withPath(location)
             .withFormat("parquet").withFileSizeInBytes(pathlib.Path(path).stat().st_size).withRecordCount(2).build())
    loaded.newRowDelta().addDeletes(built).commit()
    table.insert("trino", (2, "came back"))
    del table.rows[3]
    table.clients = [client for client in CLIENTS if client != "pyiceberg"]
    table.check()
    with pytest.raises(ValueError, match="equality deletes"):
        table.iceberg.scan().to_arrow()


def test_what_a_client_does_not_write_is_said(client_of, namespace):
    """Each reads all versions of the format; who does not write one says so, and the table is as it was."""
    first = Table(client_of, f"{namespace}.first").create("pyiceberg", 1)
    first.insert("trino", (1, "one"))
    third = Table(client_of, f"{namespace}.third").create("spark", 3)
    third.insert("trino", (1, "one"))
    with pytest.raises(Exception, match="at least format version 2"):
        first.sql("trino", "DELETE FROM {t} WHERE id = 1")
    for client in ("duckdb", *OWN):
        with pytest.raises(Exception, match="must be 0 in v1"):
            client_of(client).insert(first.name, COLUMNS, [{"id": 2, "v": "two"}])
    with pytest.raises(Exception, match="Must use DVs"):
        third.sql("trino", "DELETE FROM {t} WHERE id = 1")
    with pytest.raises(ValueError, match="Cannot write manifest for table version: 3"):
        client_of("pyiceberg").insert(third.name, COLUMNS, [{"id": 2, "v": "two"}])
    first.check()
    third.check()

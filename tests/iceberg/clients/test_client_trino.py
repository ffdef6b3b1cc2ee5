"""What Trino does with a catalog."""

import pathlib

import pytest
from lib.trino import TrinoError

pytestmark = [pytest.mark.slow, pytest.mark.native]


@pytest.fixture
def schema(trino, namespace):
    return trino.table(namespace)


def test_schemas_tables_and_their_description(trino, schema, namespace):
    trino.run(f"CREATE SCHEMA {schema}_b")
    assert (f"{namespace}_b",) in trino.run(f"SHOW SCHEMAS FROM {trino.prefix}")
    trino.run(f"CREATE TABLE {schema}_b.t (id bigint NOT NULL, name varchar COMMENT 'the name') COMMENT 'things'")
    assert trino.run(f"SHOW TABLES FROM {schema}_b") == [("t",)]
    assert trino.run(f"DESCRIBE {schema}_b.t") == [("id", "bigint", "", ""), ("name", "varchar", "", "the name")]
    trino.run(f"COMMENT ON TABLE {schema}_b.t IS 'other things'")
    assert "other things" in trino.run(f"SHOW CREATE TABLE {schema}_b.t")[0][0]
    assert trino.run(f"SELECT table_name FROM {trino.prefix}.information_schema.tables WHERE table_schema = '{namespace}_b'") == [("t",)]
    with pytest.raises(TrinoError, match="SCHEMA_NOT_EMPTY"):
        trino.run(f"DROP SCHEMA {schema}_b")
    trino.run(f"DROP TABLE {schema}_b.t")
    trino.run(f"DROP SCHEMA {schema}_b")
    with pytest.raises(TrinoError, match="TABLE_NOT_FOUND|SCHEMA_NOT_FOUND"):
        trino.run(f"SELECT * FROM {schema}_b.t")


def test_tables_from_queries_and_replaced(trino, schema, pyiceberg, namespace):
    trino.run(f"CREATE TABLE {schema}.t WITH (partitioning = ARRAY['bucket(n, 3)'], sorted_by = ARRAY['n']) AS SELECT n, n * 2 AS twice FROM UNNEST(sequence(1, 100)) AS s (n)")
    assert trino.run(f"SELECT count(*), sum(twice) FROM {schema}.t") == [(100, 10100)]
    first = pyiceberg.catalog.load_table(f"{namespace}.t")
    trino.run(f"CREATE OR REPLACE TABLE {schema}.t AS SELECT 'x' AS text")
    assert trino.run(f"SELECT * FROM {schema}.t") == [("x",)]
    second = pyiceberg.catalog.load_table(f"{namespace}.t")
    assert second.metadata.table_uuid == first.metadata.table_uuid and len(second.snapshots()) == 2
    with pytest.raises(TrinoError, match="TABLE_ALREADY_EXISTS"):
        trino.run(f"CREATE TABLE {schema}.t (a integer)")
    trino.run(f"CREATE TABLE IF NOT EXISTS {schema}.t (a integer)")
    trino.run(f"ALTER TABLE {schema}.t RENAME TO {schema}.u")
    assert trino.run(f"SHOW TABLES FROM {schema}") == [("u",)]
    trino.run(f"TRUNCATE TABLE {schema}.u")
    assert trino.run(f"SELECT * FROM {schema}.u") == []


def test_rows_change(trino, schema):
    trino.run(f"CREATE TABLE {schema}.t (id integer, v varchar) WITH (partitioning = ARRAY['v'])")
    trino.run(f"INSERT INTO {schema}.t VALUES (1, 'a'), (2, 'b'), (3, 'b')")
    trino.run(f"UPDATE {schema}.t SET v = 'c' WHERE id = 2")
    trino.run(f"DELETE FROM {schema}.t WHERE v = 'a'")
    trino.run(f"MERGE INTO {schema}.t t USING (VALUES (3, 'gone'), (4, 'new')) s (id, v) ON t.id = s.id "
              "WHEN MATCHED AND s.v = 'gone' THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.v)")
    assert trino.run(f"SELECT * FROM {schema}.t ORDER BY id") == [(2, "c"), (4, "new")]


def test_maintenance(trino, schema, pyiceberg, namespace, duckdb):
    trino.run(f"CREATE TABLE {schema}.t (id integer)")
    for number in range(5):
        trino.run(f"INSERT INTO {schema}.t VALUES ({number})")
    trino.run(f"DELETE FROM {schema}.t WHERE id = 3")
    count = f'SELECT count(*) FROM {schema}."t$files"'
    assert trino.run(count) == [(5,)] or trino.run(count) == [(6,)]
    trino.run(f"ALTER TABLE {schema}.t EXECUTE optimize")
    assert trino.run(count) == [(1,)]
    trino.run(f"ALTER TABLE {schema}.t EXECUTE optimize_manifests")
    trino.run(f"ANALYZE {schema}.t")
    assert trino.run(f"SHOW STATS FOR {schema}.t")[0][2] == 4.0
    settings = {"session": f"{trino.prefix}.expire_snapshots_min_retention=0s,{trino.prefix}.remove_orphan_files_min_retention=0s"}
    trino.server.query(f"ALTER TABLE {schema}.t EXECUTE expire_snapshots(retention_threshold => '0s')", **settings)
    table = pyiceberg.catalog.load_table(f"{namespace}.t")
    assert len(table.snapshots()) == 1
    data = pathlib.Path(table.location().removeprefix("file://").removeprefix("file:")) / "data"
    orphan = data / "orphan.parquet"
    orphan.write_bytes(b"PAR1")
    trino.server.query(f"ALTER TABLE {schema}.t EXECUTE remove_orphan_files(retention_threshold => '0s')", **settings)
    assert not orphan.exists() and len(list(data.glob("*.parquet"))) == 1
    expected = [{"id": number} for number in (0, 1, 2, 4)]
    assert trino.rows(f"{namespace}.t", {"id": "int"}) == duckdb.rows(f"{namespace}.t", {"id": "int"}) == expected


def test_tables_are_let_go_and_taken_back(trino, schema, namespace, pyiceberg):
    trino.run(f"CREATE TABLE {schema}.t AS SELECT 1 AS a")
    table = pyiceberg.catalog.load_table(f"{namespace}.t")
    trino.run(f"CALL {trino.prefix}.system.unregister_table('{namespace}', 't')")
    assert trino.run(f"SHOW TABLES FROM {schema}") == []
    with pytest.raises(TrinoError, match="TABLE_NOT_FOUND"):
        trino.run(f"SELECT * FROM {schema}.t")
    trino.run(f"CALL {trino.prefix}.system.register_table('{namespace}', 'again', '{table.location()}', '{table.metadata_location.rpartition('/')[2]}')")
    assert trino.run(f"SELECT * FROM {schema}.again") == [(1,)]


def test_views(trino, schema, pyiceberg, namespace):
    trino.run(f"CREATE TABLE {schema}.t AS SELECT 1 AS a, 'x' AS b")
    trino.run(f"CREATE VIEW {schema}.v COMMENT 'seen' AS SELECT a + 1 AS next FROM {schema}.t")
    assert trino.run(f"SELECT * FROM {schema}.v") == [(2,)]
    trino.run(f"CREATE OR REPLACE VIEW {schema}.v AS SELECT b FROM {schema}.t")
    assert trino.run(f"SELECT * FROM {schema}.v") == [("x",)]
    assert sorted(trino.run(f"SHOW TABLES FROM {schema}")) == [("t",), ("v",)]
    assert pyiceberg.catalog.list_views(namespace) == [(namespace, "v")]
    with pytest.raises(TrinoError):
        trino.run(f"CREATE TABLE {schema}.v (a integer)")
    trino.run(f"ALTER VIEW {schema}.v RENAME TO {schema}.w")
    assert trino.run(f"SELECT * FROM {schema}.w") == [("x",)]
    trino.run(f"DROP VIEW {schema}.w")
    assert trino.run(f"SHOW TABLES FROM {schema}") == [("t",)]


def test_the_tables_about_a_table(trino, schema, namespace):
    trino.run(f"CREATE TABLE {schema}.t AS SELECT 1 AS a")
    trino.run(f"INSERT INTO {schema}.t VALUES 2")
    for name, count in {"snapshots": 2, "history": 2, "files": 2, "manifests": 2, "refs": 1}.items():
        assert len(trino.run(f'SELECT * FROM {schema}."t${name}"')) == count, name
    assert len(trino.run(f'SELECT * FROM {schema}."t$metadata_log_entries"')) >= 2

"""What Spark does with a catalog."""

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.native]


@pytest.fixture
def schema(spark, namespace):
    return spark.table(namespace)


def test_namespaces_and_tables(spark, schema, namespace):
    spark.run(f"CREATE NAMESPACE {schema}.deep COMMENT 'nested' WITH PROPERTIES ('k' = 'v')")
    assert (f"{namespace}.deep",) in spark.run(f"SHOW NAMESPACES IN {schema}")
    assert any("nested" in str(row) for row in spark.run(f"DESCRIBE NAMESPACE EXTENDED {schema}.deep"))
    spark.run(f"ALTER NAMESPACE {schema}.deep SET PROPERTIES ('k' = 'w')")
    spark.run(f"CREATE TABLE {schema}.deep.t (id int NOT NULL COMMENT 'the id', at timestamp) USING iceberg PARTITIONED BY (days(at), bucket(4, id)) COMMENT 'things'")
    assert [row[1] for row in spark.run(f"SHOW TABLES IN {schema}.deep")] == ["t"]
    spark.run(f"ALTER TABLE {schema}.deep.t WRITE ORDERED BY id DESC")
    spark.run(f"ALTER TABLE {schema}.deep.t SET IDENTIFIER FIELDS id")
    spark.run(f"INSERT INTO {schema}.deep.t VALUES (1, timestamp '2026-01-01'), (2, NULL)")
    spark.run(f"ALTER TABLE {schema}.deep.t RENAME TO {namespace}.deep.u")
    assert spark.run(f"SELECT count(*) FROM {schema}.deep.u") == [(2,)]
    spark.run(f"DROP TABLE {schema}.deep.u PURGE")
    spark.run(f"DROP NAMESPACE {schema}.deep")
    with pytest.raises(Exception, match="SCHEMA_NOT_FOUND|TABLE_OR_VIEW_NOT_FOUND"):
        spark.run(f"SELECT * FROM {schema}.deep.u")


def test_tables_from_queries_and_replaced(spark, schema, pyiceberg, namespace):
    spark.run(f"CREATE TABLE {schema}.t USING iceberg PARTITIONED BY (truncate(10, n)) TBLPROPERTIES ('a' = 'b') AS SELECT id AS n FROM range(100)")
    assert spark.run(f"SELECT count(*), sum(n) FROM {schema}.t") == [(100, 4950)]
    first = pyiceberg.catalog.load_table(f"{namespace}.t")
    spark.run(f"CREATE OR REPLACE TABLE {schema}.t USING iceberg AS SELECT 'x' AS text")
    second = pyiceberg.catalog.load_table(f"{namespace}.t")
    assert second.metadata.table_uuid == first.metadata.table_uuid and second.scan().to_arrow()["text"].to_pylist() == ["x"]
    spark.run(f"REPLACE TABLE {schema}.t (z int) USING iceberg")
    assert spark.run(f"SELECT * FROM {schema}.t") == []
    with pytest.raises(Exception, match="TABLE_OR_VIEW_ALREADY_EXISTS"):
        spark.run(f"CREATE TABLE {schema}.t (a int) USING iceberg")


def test_rows_are_overwritten(spark, schema, namespace, duckdb):
    spark.run(f"CREATE TABLE {schema}.t (id int, part string) USING iceberg PARTITIONED BY (part)")
    spark.run(f"INSERT INTO {schema}.t VALUES (1, 'a'), (2, 'b')")
    spark.run(f"INSERT OVERWRITE {schema}.t PARTITION (part = 'a') SELECT 10")
    spark.session.session.table(f"{schema}.t").limit(0).union(spark.session.session.sql("SELECT 20, 'b'")).writeTo(f"{schema}.t").overwritePartitions()
    assert duckdb.rows(f"{namespace}.t", {"id": "int", "part": "string"}) == [{"id": 10, "part": "a"}, {"id": 20, "part": "b"}]


def test_staged_changes_are_published(spark, schema, namespace, trino):
    """Write, audit, publish: a snapshot that no branch has yet."""
    spark.run(f"CREATE TABLE {schema}.t (id int) USING iceberg TBLPROPERTIES ('write.wap.enabled' = 'true')")
    spark.run(f"INSERT INTO {schema}.t VALUES (1)")
    spark.session.session.conf.set("spark.wap.id", "audit-1")
    try:
        spark.run(f"INSERT INTO {schema}.t VALUES (2)")
    finally:
        spark.session.session.conf.unset("spark.wap.id")
    assert trino.rows(f"{namespace}.t", {"id": "int"}) == [{"id": 1}]
    spark.run(f"CALL {spark.prefix}.system.publish_changes('{namespace}.t', 'audit-1')")
    assert trino.rows(f"{namespace}.t", {"id": "int"}) == [{"id": 1}, {"id": 2}]


def test_maintenance(spark, schema, namespace, duckdb):
    spark.run(f"CREATE TABLE {schema}.t (id int) USING iceberg TBLPROPERTIES ('write.delete.mode' = 'merge-on-read')")
    for number in range(5):
        spark.run(f"INSERT INTO {schema}.t VALUES ({number}), ({number + 10})")
    spark.run(f"DELETE FROM {schema}.t WHERE id = 3")
    system = f"{spark.prefix}.system"
    rewritten = spark.run(f"CALL {system}.rewrite_data_files(table => '{namespace}.t', options => map('rewrite-all', 'true'))")
    assert rewritten[0][0] >= 5
    spark.run(f"CALL {system}.rewrite_position_delete_files('{namespace}.t')")
    spark.run(f"CALL {system}.rewrite_manifests('{namespace}.t')")
    spark.run(f"CALL {system}.compute_table_stats('{namespace}.t')")
    spark.run(f"CALL {system}.expire_snapshots(table => '{namespace}.t', older_than => now(), retain_last => 1)")
    assert spark.run(f"SELECT count(*) FROM {schema}.t.snapshots") == [(1,)]
    assert spark.run(f"SELECT count(*) FROM {schema}.t.data_files") == [(1,)]
    spark.run(f"CALL {system}.remove_orphan_files(table => '{namespace}.t', dry_run => true)")
    expected = [{"id": number} for number in (0, 1, 2, 4, 10, 11, 12, 13, 14)]
    assert spark.rows(f"{namespace}.t", {"id": "int"}) == duckdb.rows(f"{namespace}.t", {"id": "int"}) == expected


def test_changes_between_snapshots(spark, schema, namespace):
    spark.run(f"CREATE TABLE {schema}.t (id int) USING iceberg")
    spark.run(f"INSERT INTO {schema}.t VALUES (1)")
    spark.run(f"INSERT INTO {schema}.t VALUES (2)")
    first = spark.run(f"SELECT snapshot_id FROM {schema}.t.snapshots ORDER BY committed_at")[0][0]
    spark.run(f"CALL {spark.prefix}.system.create_changelog_view(table => '{namespace}.t', options => map('start-snapshot-id', '{first}'), changelog_view => 'seen_changes')")
    assert spark.run("SELECT id, _change_type FROM seen_changes") == [(2, "INSERT")]
    spark.run("DROP VIEW seen_changes")
    assert spark.run(f"SELECT count(*) FROM {schema}.t.metadata_log_entries")[0][0] >= 3
    for name in ("history", "files", "manifests", "partitions", "refs", "entries", "all_data_files"):
        assert spark.run(f"SELECT count(*) FROM {schema}.t.{name}")[0][0] >= 1, name


def test_views(spark, schema, namespace, pyiceberg, trino):
    spark.run(f"CREATE TABLE {schema}.t USING iceberg AS SELECT 1 AS a")
    spark.run(f"CREATE VIEW {schema}.v (next COMMENT 'one more') COMMENT 'seen' TBLPROPERTIES ('k' = 'v') AS SELECT a + 1 FROM {schema}.t")
    assert spark.run(f"SELECT next FROM {schema}.v") == [(2,)]
    spark.run(f"CREATE OR REPLACE VIEW {schema}.v AS SELECT a + 2 AS next FROM {schema}.t")
    assert spark.run(f"SELECT next FROM {schema}.v") == [(3,)]
    spark.run(f"ALTER VIEW {schema}.v SET TBLPROPERTIES ('k' = 'w')")
    assert [row[1] for row in spark.run(f"SHOW VIEWS IN {schema}")] == ["v"]
    assert pyiceberg.catalog.load_view(f"{namespace}.v").metadata.properties["k"] == "w"
    # Each engine reads its own dialect: Trino sees that there is a view, and says that it is not its.
    with pytest.raises(Exception, match="(?i)dialect"):
        trino.run(f"SELECT * FROM {trino.table(namespace)}.v")
    with pytest.raises(Exception, match="ALREADY_EXISTS|already exists"):
        spark.run(f"CREATE TABLE {schema}.v (a int) USING iceberg")
    spark.run(f"ALTER VIEW {schema}.v RENAME TO {schema}.w")
    spark.run(f"DROP VIEW {schema}.w")
    assert pyiceberg.catalog.list_views(namespace) == []


def test_rows_keep_their_lineage(spark, schema, namespace, duckdb):
    """Version 3: a row keeps its id when it changes, and says which commit changed it."""
    spark.run(f"CREATE TABLE {schema}.t (id int, v string) USING iceberg TBLPROPERTIES ('format-version' = '3')")
    spark.run(f"INSERT INTO {schema}.t VALUES (1, 'a'), (2, 'b')")
    lineage = "SELECT id, _row_id, _last_updated_sequence_number FROM {} ORDER BY id"
    before = spark.run(lineage.format(f"{schema}.t"))
    spark.run(f"UPDATE {schema}.t SET v = 'c' WHERE id = 2")
    after = spark.run(lineage.format(f"{schema}.t"))
    assert [row[1] for row in before] == [row[1] for row in after]
    assert after[1][2] > before[1][2] and after[0][2] == before[0][2]
    assert duckdb.run(lineage.format(duckdb.table(f"{namespace}.t"))) == after
    spark.run(f"ALTER TABLE {schema}.t SET TBLPROPERTIES ('write.delete.mode' = 'merge-on-read')")
    spark.run(f"INSERT INTO {schema}.t SELECT /*+ COALESCE(1) */ * FROM VALUES (3, 'x'), (4, 'y')")
    spark.run(f"DELETE FROM {schema}.t WHERE id = 3")
    assert [row[0] for row in spark.run(f"SELECT file_format FROM {schema}.t.delete_files")] == ["PUFFIN"]
    assert duckdb.run(f"SELECT count(*) FROM {duckdb.table(namespace)}.t") == [(3,)]


def test_variants_and_a_table_that_grows_up(spark, schema, namespace, duckdb):
    """Types of version 3, in a table that began as version 1."""
    spark.run(f"CREATE TABLE {schema}.t (id int) USING iceberg TBLPROPERTIES ('format-version' = '1')")
    spark.run(f"INSERT INTO {schema}.t VALUES (1)")
    for version in (2, 3):
        spark.run(f"ALTER TABLE {schema}.t SET TBLPROPERTIES ('format-version' = '{version}')")
    spark.run(f"ALTER TABLE {schema}.t ADD COLUMN v variant")
    spark.run(f"INSERT INTO {schema}.t SELECT 2, parse_json('{{\"a\": [1, null]}}')")
    assert spark.run(f"SELECT id, to_json(v) FROM {schema}.t WHERE id = 2") == [(2, '{"a":[1,null]}')]
    assert duckdb.run(f"SELECT id, v::JSON::VARCHAR FROM {duckdb.table(namespace)}.t WHERE id = 2") == [(2, '{"a":[1,null]}')]

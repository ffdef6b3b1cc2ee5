"""What DuckDB does with a catalog, as an outside client."""

import pytest
from lib.iceberg import duckdb_client


@pytest.fixture
def schema(duckdb, namespace):
    return duckdb.table(namespace)


def test_schemas_and_tables(duckdb, schema, namespace):
    duckdb.run(f"CREATE SCHEMA {schema}_b")
    assert (f"{namespace}_b",) in duckdb.run(f"SELECT schema_name FROM information_schema.schemata WHERE catalog_name = '{duckdb.prefix}'")
    duckdb.run(f"CREATE TABLE {schema}_b.t (id INTEGER, name VARCHAR)")
    duckdb.run(f"INSERT INTO {schema}_b.t VALUES (1, 'a')")
    duckdb.run(f"ALTER TABLE {schema}_b.t RENAME TO u")
    assert duckdb.run(f"SELECT * FROM {schema}_b.u") == [(1, "a")]
    assert (namespace + "_b", "u") in duckdb.run("SELECT schema, name FROM (SHOW ALL TABLES)")
    with pytest.raises(Exception, match="(?i)not empty"):
        duckdb.run(f"DROP SCHEMA {schema}_b")
    duckdb.run(f"DROP TABLE {schema}_b.u")
    duckdb.run(f"DROP SCHEMA {schema}_b")
    with pytest.raises(Exception, match="does not exist"):
        duckdb.run(f"SELECT * FROM {schema}_b.u")


def test_tables_from_queries(duckdb, schema, namespace, pyiceberg):
    duckdb.run(f"CREATE TABLE {schema}.t AS SELECT range AS n, range::VARCHAR AS v FROM range(5000)")
    assert duckdb.run(f"SELECT count(*), sum(n) FROM {schema}.t") == [(5000, 12497500)]
    assert pyiceberg.catalog.load_table(f"{namespace}.t").scan().count() == 5000
    with pytest.raises(Exception, match="already exists"):
        duckdb.run(f"CREATE TABLE {schema}.t (a INTEGER)")
    duckdb.run(f"CREATE TABLE IF NOT EXISTS {schema}.t (a INTEGER)")
    duckdb.run(f"CREATE TABLE {schema}.p (n BIGINT, day DATE) PARTITIONED BY (day)")
    duckdb.run(f"INSERT INTO {schema}.p SELECT n, DATE '2026-01-01' + (n % 3)::INTEGER FROM {schema}.t")
    assert duckdb.run(f"SELECT day, count(*) FROM {schema}.p GROUP BY day ORDER BY day")[0][1] == 1667


def test_a_transaction_is_whole(duckdb, schema, lake):
    duckdb.run(f"CREATE TABLE {schema}.a (x INTEGER)")
    duckdb.run(f"CREATE TABLE {schema}.b (x INTEGER)")
    other = duckdb_client(lake)
    duckdb.run("BEGIN")
    duckdb.run(f"INSERT INTO {schema}.a VALUES (1)")
    duckdb.run(f"INSERT INTO {schema}.b VALUES (1)")
    assert other.run(f"SELECT count(*) FROM {schema}.a") == [(0,)]
    duckdb.run("COMMIT")
    assert other.run(f"SELECT (SELECT count(*) FROM {schema}.a), (SELECT count(*) FROM {schema}.b)") == [(1, 1)]
    # The two of another go together or not at all: b has moved on.
    duckdb.run("BEGIN")
    duckdb.run(f"INSERT INTO {schema}.a VALUES (2)")
    duckdb.run(f"UPDATE {schema}.b SET x = 3")
    other.run(f"UPDATE {schema}.b SET x = 2")
    with pytest.raises(Exception, match="(?i)requirement failed|conflict|commit"):
        duckdb.run("COMMIT")
    assert other.run(f"SELECT (SELECT count(*) FROM {schema}.a), (SELECT x FROM {schema}.b)") == [(1, 2)]
    other.connection.close()


def test_a_rollback_leaves_nothing(duckdb, schema, namespace, pyiceberg):
    duckdb.run(f"CREATE TABLE {schema}.t (x INTEGER)")
    duckdb.run("BEGIN")
    duckdb.run(f"INSERT INTO {schema}.t VALUES (1)")
    duckdb.run(f"CREATE TABLE {schema}.never (x INTEGER)")
    duckdb.run("ROLLBACK")
    assert duckdb.run(f"SELECT count(*) FROM {schema}.t") == [(0,)]
    assert pyiceberg.catalog.list_tables(namespace) == [(namespace, "t")]


def test_types_of_version_3(duckdb, schema, namespace, pyiceberg):
    duckdb.run(f"CREATE TABLE {schema}.t (id INTEGER, ns TIMESTAMP_NS, v VARIANT) WITH ('format-version' = 3)")
    duckdb.run(f"INSERT INTO {schema}.t VALUES (1, '2026-01-01 00:00:00.123456789', {{'a': [1, 2]}}::VARIANT), (2, NULL, NULL)")
    assert duckdb.run(f"SELECT id, ns::VARCHAR, v::JSON::VARCHAR FROM {schema}.t WHERE v IS NOT NULL") == [
        (1, "2026-01-01 00:00:00.123456789", '{"a":[1,2]}')]
    duckdb.run(f"DELETE FROM {schema}.t WHERE id = 2")
    assert duckdb.run(f"SELECT count(*) FROM {schema}.t") == [(1,)]


def test_a_default_is_kept(duckdb, schema):
    duckdb.run(f"CREATE TABLE {schema}.t (id INTEGER) WITH ('format-version' = 3)")
    duckdb.run(f"INSERT INTO {schema}.t VALUES (1)")
    duckdb.run(f"ALTER TABLE {schema}.t ADD COLUMN d INTEGER DEFAULT 7")
    duckdb.run(f"INSERT INTO {schema}.t (id) VALUES (2)")
    assert duckdb.run(f"SELECT * FROM {schema}.t ORDER BY id") == [(1, 7), (2, 7)]

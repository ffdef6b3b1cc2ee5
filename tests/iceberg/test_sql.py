"""Iceberg tables in eider's own SQL: every statement that is possible, clear words for those that are not, names, and
what nobody may see."""

import itertools

import pyarrow as pa
import pytest
from lib import sqlmetadata as ask
from lib.client import FAILS, Client, create_tenant

NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def lake(server):
    """A tenant with a DuckDB table `people`."""
    tenant = f"tenant_sql_{next(NUMBERS)}"
    create_tenant(server, tenant)
    client = Client(server, tenant)
    client.query("CREATE TABLE people (id INTEGER, name VARCHAR)")
    client.query("INSERT INTO people VALUES (1, 'ann'), (2, 'bob')")
    yield client
    client.close()


@pytest.fixture
def table(lake):
    """The name of a table that is not there yet."""
    return f"t{next(NUMBERS)}"


def refused(lake, sql, code, *words):
    answer = lake.post_query(sql)
    assert answer.status_code >= 400, f"{sql} was not refused"
    error = answer.json()["error"]
    text = f"{error['message']} {error.get('hint', '')}"
    assert error["code"] == code, text
    assert all(word in text for word in words), text
    assert "http://" not in text and "127.0.0.1" not in text, text
    return error


def test_every_statement_that_changes_rows(lake, table):
    lake.rows(f"CREATE TABLE iceberg.{table} (a INTEGER, b VARCHAR)")
    assert lake.rows(f"INSERT INTO iceberg.{table} VALUES (1, 'x'), (2, 'y'), (3, 'z')") == [[3]]
    assert lake.rows(f"UPDATE iceberg.{table} SET b = 'u' WHERE a = 2") == [[1]]
    assert lake.rows(f"DELETE FROM iceberg.{table} WHERE a = 1") == [[1]]
    merge = f"""MERGE INTO {lake.tenant}.iceberg.{table} t USING (VALUES (2, 'm'), (9, 'n')) s(a, b) ON t.a = s.a
                WHEN MATCHED THEN UPDATE SET b = s.b WHEN NOT MATCHED THEN INSERT VALUES (s.a, s.b)"""
    assert lake.rows(merge) == [[2]]
    assert lake.rows(f"SELECT * FROM {table} ORDER BY a") == [[2, "m"], [3, "z"], [9, "n"]]
    assert lake.rows(f"TRUNCATE iceberg.{table}") == [[3]]
    assert lake.rows(f"SELECT count(*) FROM {table}") == [[0]]


def test_create_as_alter_and_drop(lake, table):
    assert lake.rows(f"CREATE TABLE iceberg.{table} AS SELECT range::INTEGER a FROM range(1000)") == [[1000]]
    for change in ("ADD COLUMN b DOUBLE", "RENAME COLUMN b TO c", "ALTER a TYPE BIGINT", "DROP COLUMN c"):
        lake.rows(f"ALTER TABLE {lake.tenant}.iceberg.{table} {change}")
    assert [row[:2] for row in lake.rows(f"DESCRIBE iceberg.{table}")] == [["a", "BIGINT"]]
    lake.rows(f"ALTER TABLE iceberg.{table} RENAME TO {table}_b")
    assert lake.rows(f"SELECT sum(a) FROM {table}_b") == [["499500"]]
    lake.rows(f"DROP TABLE {lake.tenant}.iceberg.{table}_b")
    refused(lake, f"SELECT * FROM iceberg.{table}_b", "not_found")


def test_both_sides_join_and_feed_each_other(lake, table):
    lake.rows(f"CREATE TABLE iceberg.{table} AS SELECT 2 id, 10 n UNION ALL SELECT 3, 20")
    joined = f"SELECT name, n FROM {lake.tenant}.default.people JOIN {lake.tenant}.iceberg.{table} USING (id)"
    assert lake.rows(joined) == [["bob", 10]]
    assert lake.rows(f"INSERT INTO {table} SELECT id, 0 FROM people") == [[2]]
    lake.rows(f"CREATE TABLE {table}_local AS SELECT * FROM {table}")
    assert lake.rows(f"SELECT count(*) FROM {lake.tenant}.default.{table}_local") == [[4]]


@pytest.mark.parametrize("name", ["{tenant}.iceberg.{table}", "{tenant}.ICEBERG.{table}", '"{tenant}"."iceberg"."{table}"',
                                  "iceberg.{table}", "iceberg.iceberg.{table}", "{table}",
                                  "{tenant} . /* here */ iceberg\n.\n{table}"])
def test_a_table_has_these_names(lake, name):
    table = f"n{next(NUMBERS)}"
    name = name.format(tenant=lake.tenant, table=table)
    lake.rows(f"CREATE TABLE iceberg.{table} AS SELECT 1 a")
    lake.rows(f"INSERT INTO {name} VALUES (2)")
    assert lake.rows(f"SELECT sum(x.a) FROM {name} x") == [["3"]]


def test_namespaces(lake, table):
    lake.rows(f"CREATE SCHEMA {lake.tenant}.iceberg.sales_{table}")
    lake.rows(f"CREATE TABLE {lake.tenant}.iceberg.sales_{table}.orders AS SELECT 1 a")
    assert lake.rows(f"SELECT * FROM iceberg.sales_{table}.orders") == [[1]]
    refused(lake, f"DROP SCHEMA iceberg.sales_{table}", "failed_precondition", "not empty")
    lake.rows(f"DROP TABLE iceberg.sales_{table}.orders")
    lake.rows(f"DROP SCHEMA {lake.tenant}.iceberg.sales_{table}")


def test_time_travel(lake, table):
    lake.rows(f"CREATE TABLE iceberg.{table} AS SELECT 1 a")
    lake.rows(f"INSERT INTO {table} VALUES (2)")
    snapshots = lake.rows(f"SELECT snapshot_id, timestamp_ms FROM iceberg_snapshots('{table}') ORDER BY sequence_number")
    first, when = snapshots[0]
    assert lake.rows(f"SELECT a FROM iceberg.{table} AT (VERSION => {first})") == [[1]]
    assert lake.rows(f"SELECT a FROM {lake.tenant}.iceberg.{table} AT (TIMESTAMP => TIMESTAMP '{when}')") == [[1]]
    refused(lake, f"SELECT * FROM iceberg.{table} AT (VERSION => 1)", "not_found", "eider snapshots")


def test_functions_about_a_table(lake, table):
    lake.rows(f"CREATE TABLE iceberg.{table} AS SELECT 1 a")
    for name in (table, f"iceberg.{table}", f"{lake.tenant}.iceberg.{table}", f"iceberg.iceberg.{table}"):
        assert len(lake.rows(f"FROM iceberg_snapshots('{name}')")) == 1
    assert lake.rows(f"SELECT count(*) FROM iceberg_metadata('{table}')") == [[1]]
    location = lake.server.data / "warehouse" / lake.tenant / "iceberg"
    for argument in (f"'{location}'", f"'file://{location}'", "'s3://b/t'", f"'{table}', allow_moved_paths := true"):
        refused(lake, f"FROM iceberg_snapshots({argument})", "permission_denied", "takes the name of an Iceberg table")


def test_a_name_is_on_one_side(lake, table):
    lake.rows(f"CREATE TABLE iceberg.{table} (a INTEGER)")
    refused(lake, f"CREATE TABLE {table} (a INTEGER)", "already_exists", f"{lake.tenant}.iceberg.{table}")
    refused(lake, f"CREATE VIEW {table} AS SELECT 1", "already_exists", f"{lake.tenant}.iceberg.{table}")
    refused(lake, "CREATE TABLE iceberg.people (a INTEGER)", "already_exists", f"{lake.tenant}.default.people")
    refused(lake, "CREATE TABLE iceberg.PEOPLE (a INTEGER)", "already_exists", f"{lake.tenant}.default.PEOPLE")
    refused(lake, f"ALTER TABLE {table} RENAME TO people", "already_exists", f"{lake.tenant}.default.people")
    refused(lake, f"ALTER TABLE people RENAME TO {table}", "already_exists", f"{lake.tenant}.iceberg.{table}")
    refused(lake, f"CREATE TABLE iceberg.{table} (a INTEGER)", "already_exists")


def test_one_transaction_writes_one_side(server, lake, table):
    lake.rows(f"CREATE TABLE iceberg.{table} (a INTEGER)")
    session = Client(server, lake.tenant)
    session.query("BEGIN")
    session.query(f"INSERT INTO {table} VALUES (1)")
    with pytest.raises(FAILS, match="either DuckDB tables or Iceberg tables"):
        session.query("INSERT INTO people VALUES (3, 'cid')")
    session.query("ROLLBACK")
    session.query("BEGIN")
    session.query(f"INSERT INTO {table} SELECT id FROM people")
    session.query(f"UPDATE {table} SET a = a + 1")
    assert session.value(f"SELECT sum(a)::INTEGER FROM {table}") == 5
    assert lake.rows(f"SELECT count(*) FROM {table}") == [[0]]
    session.query("COMMIT")
    assert lake.rows(f"SELECT count(*) FROM {table}") == [[2]]
    session.close()


def test_what_is_not_possible_says_what_is(lake, table):
    lake.rows(f"CREATE TABLE iceberg.{table} (a INTEGER, b STRUCT(x INTEGER))")
    for sql, word in (
        (f"CREATE OR REPLACE TABLE iceberg.{table} (a INTEGER)", "DROP TABLE and CREATE TABLE"),
        (f"DROP TABLE iceberg.{table} CASCADE", "leave CASCADE out"),
        (f"CREATE VIEW iceberg.v{table} AS SELECT 1", "CREATE VIEW name AS"),
        (f"CREATE INDEX i ON iceberg.{table} (a)", "no indexes"),
        (f"INSERT INTO iceberg.{table} VALUES (1, NULL) RETURNING a", "run a SELECT afterwards"),
        (f"ALTER TABLE iceberg.{table} ADD COLUMN c STRUCT(y INTEGER)", "nested type"),
        (f"ALTER TABLE iceberg.{table} SET SORTED BY (a)", "order"),
        (f"COMMENT ON TABLE iceberg.{table} IS 'x'", "COMMENT"),
        (f"CREATE TABLE iceberg.k{table} (a INTEGER PRIMARY KEY)", "no keys, constraints or computed columns"),
        (f"CREATE TABLE iceberg.k{table} (a INTEGER, b AS (a + 1))", "computed columns"),
        (f"CREATE TABLE iceberg.k{table} (a INTEGER DEFAULT 7)", "format version 3"),
    ):
        refused(lake, sql, "unimplemented", word)
    lake.rows(f"CREATE TABLE iceberg.v3{table} (a INTEGER, b INTEGER DEFAULT 7) WITH ('format-version' = '3')")
    lake.rows(f"INSERT INTO v3{table} (a) VALUES (1)")
    assert lake.rows(f"SELECT * FROM v3{table}") == [[1, 7]]


def test_places_in_errors_are_those_of_the_users_text(lake, table):
    lake.rows(f"CREATE TABLE iceberg.{table} (a INTEGER)")
    text = f"SELECT {lake.tenant}.iceberg.{table}.a,\n nothing FROM {lake.tenant}.iceberg.{table}"
    assert "(line 2, column 2)" in refused(lake, text, "invalid_argument", "nothing")["message"]
    text = f"SELECT {lake.tenant}.iceberg.{table}.a, nothing FROM {lake.tenant}.iceberg.{table}"
    place = f"(line 1, column {text.index('nothing') + 1})"
    assert place in refused(lake, text, "invalid_argument", "nothing")["message"]


def test_the_search_path_stays(server, lake, table):
    lake.rows(f"CREATE TABLE iceberg.{table} AS SELECT 1 a")
    session = Client(server, lake.tenant)
    for change in ("USE iceberg", f"USE {lake.tenant}.iceberg", "RESET search_path", "USE default",
                   f"USE {lake.tenant}.default", "SET search_path = 'main'", "RESET schema"):
        session.query(change)
        assert session.value(f"SELECT count(*) FROM {table}") == 1, change
        assert session.value(f"SELECT count(*) FROM {lake.tenant}.default.people") == 2, change
    session.query("USE iceberg")
    assert session.value("SELECT count(*) FROM people") == 2
    session.query(f"CREATE TABLE {table}_used (a INTEGER)")
    assert lake.rows(f"SELECT count(*) FROM {lake.tenant}.iceberg.{table}_used") == [[0]]
    session.close()


def test_the_pass_is_shown_nowhere(server, lake, table):
    """The worker's pass to the catalog is in DuckDB's memory; the server itself never prints it."""
    lake.rows(f"CREATE TABLE iceberg.{table} AS SELECT 1 a")
    words = ("token", "bearer", "oauth", "endpoint")
    readable = ["FROM information_schema.schemata", "FROM information_schema.tables", "FROM pg_catalog.pg_database",
                "FROM pg_catalog.pg_class", "FROM duckdb_schemas()", "FROM duckdb_tables()", "FROM duckdb_views()",
                "FROM duckdb_functions() WHERE database_name <> 'system'", "FROM duckdb_variables()",
                "FROM duckdb_memory()", "FROM duckdb_constraints()", "FROM duckdb_dependencies()", "SHOW DATABASES",
                "SHOW ALL TABLES", "SHOW TABLES FROM iceberg", "PRAGMA database_size", "FROM sqlite_master",
                f"EXPLAIN ANALYZE SELECT * FROM iceberg.{table}", f"FROM iceberg_table_properties('{table}')",
                f"SUMMARIZE iceberg.{table}"]
    for sql in readable:
        answer = lake.post_query(sql)
        assert answer.status_code == 200, f"{sql}: {answer.text}"
        assert not any(word in answer.text.lower() for word in words), sql
    for sql in ("FROM duckdb_databases()", "FROM duckdb_secrets()", "FROM duckdb_settings()", "FROM duckdb_logs",
                "SELECT * FROM duckdb_databases", "DETACH iceberg", "ATTACH 'x' AS y (TYPE iceberg)",
                "CREATE SECRET s (TYPE iceberg, TOKEN 'x')", f"FROM iceberg_load_table_response('iceberg.{table}')",
                "CALL set_iceberg_table_properties('t', MAP {'a': 'b'})", f"FROM iceberg_scan('iceberg.{table}')",
                'FROM iceberg."$mirror".t', 'CREATE TABLE iceberg."$mirror".t (a INTEGER)'):
        assert lake.post_query(sql).status_code == 403, sql
    assert "authorization" not in server.log().lower() and "bearer" not in server.log().lower()


def test_clients_find_iceberg_tables(lake, table):
    lake.rows(f"CREATE SCHEMA iceberg.ns_{table}")
    lake.rows(f"CREATE TABLE iceberg.{table} (a INTEGER, b VARCHAR)")
    lake.rows(f"CREATE TABLE iceberg.ns_{table}.u (c DATE)")
    rows = ask.rows(lake, ask.tables(include_schema=True), ask.TABLES_WITH_SCHEMA)
    found = {row[:3]: row for row in rows}
    own = found[(lake.tenant, "iceberg", table)]
    assert own[3] == "TABLE"
    assert pa.ipc.read_schema(pa.py_buffer(own[4])).names == ["a", "b"]
    other = found[(lake.tenant, f"iceberg.ns_{table}", "u")]
    assert pa.ipc.read_schema(pa.py_buffer(other[4])).names == ["c"]
    assert (lake.tenant, "default", "people") in found
    assert {names[0] for names in found} == {lake.tenant}
    catalog, schema, name = (lake.tenant, f"iceberg.ns_{table}", "u")
    assert lake.rows(f'SELECT count(*) FROM "{catalog}"."{schema}"."{name}"') == [[0]]
    one = ask.rows(lake, ask.tables(catalog=lake.tenant, schema="iceberg", table=table), ask.TABLES)
    assert one == [(lake.tenant, "iceberg", table, "TABLE")]
    listed = lake.request("GET", f"/api/v1/tenants/{lake.tenant}/tables").json()["rows"]
    assert [f"iceberg.ns_{table}", "u", "iceberg"] in listed and ["iceberg", table, "iceberg"] in listed
    assert ["default", "people", "table"] in listed
    paths = {tuple(part.decode() for part in info.descriptor.path): info.schema.names
             for info in lake.flight.list_flights(options=lake.options())}
    assert paths[(lake.tenant, f"iceberg.ns_{table}", "u")] == ["c"]
    assert paths[(lake.tenant, "iceberg", table)] == ["a", "b"]
    schemas = ask.rows(lake, ask.schemas(catalog=lake.tenant, schema="iceberg%"), ask.SCHEMAS)
    assert {(lake.tenant, "iceberg"), (lake.tenant, f"iceberg.ns_{table}")} <= set(schemas)

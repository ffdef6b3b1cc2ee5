"""Mirrors: the namespace `default` of the catalog shows DuckDB's tables, written when somebody asks and they have changed."""

import concurrent.futures
import datetime
import decimal
import os
import pathlib
import urllib.parse
import uuid

import pyarrow as pa
import pytest
import requests
from lib import flightsql
from lib.client import Client, create_tenant
from lib.iceberg import Lake, duckdb_client
from lib.rawiceberg import RawIceberg, refused
from lib.server import Server
from lib.wait import until


class Mirrored:
    """A tenant with both sides of its tables in reach."""

    def __init__(self, server, tenant):
        create_tenant(server, tenant)
        self.connect(server, tenant)

    def connect(self, server, tenant):
        self.server, self.tenant = server, tenant
        self.client = Client(server, tenant)
        self.sql = self.client.query
        self.wire = RawIceberg(server, tenant)
        self.lake = Lake(f"{server.url}/iceberg", tenant)

    def load(self, table, **headers):
        answer = self.wire("GET", f"/namespaces/default/tables/{table}", headers=headers)
        assert answer.status_code in (200, 304), answer.text
        return answer.json() if answer.status_code == 200 else None

    def where(self, table):
        return self.load(table)["metadata-location"]

    def rows(self, table, order="k"):
        return self.pyiceberg(table).scan().to_arrow().sort_by(order).to_pylist()

    def pyiceberg(self, table):
        from pyiceberg.catalog.rest import RestCatalog

        return RestCatalog("lake", **self.lake.properties()).load_table(f"default.{table}")

    def names(self, kind="tables"):
        return [one["name"] for one in self.wire.need("GET", f"/namespaces/default/{kind}")["identifiers"]]

    def files(self):
        """Data files, while others may go."""
        found = os.walk(self.server.data / "warehouse" / self.tenant)
        return sorted(f"{directory}/{name}" for directory, _, names in found for name in names if name.endswith(".parquet"))


@pytest.fixture(scope="module")
def made(server):
    tenant = f"tenant_mirror_{uuid.uuid4().hex[:8]}"
    return Mirrored(server, tenant)


@pytest.fixture
def table(made):
    """A table of its own with three rows."""
    name = f"t{uuid.uuid4().hex[:8]}"
    made.sql(f"CREATE TABLE {name} AS SELECT i AS k, 'v' || i AS v FROM range(3) r(i)")
    return name


def test_pyiceberg_and_duckdb_read_a_local_table(made, table):
    wanted = [{"k": k, "v": f"v{k}"} for k in range(3)]
    assert made.rows(table) == wanted
    outside = duckdb_client(made.lake)
    assert outside.run(f'SELECT k, v FROM lake."default".{table} ORDER BY k') == [(k, f"v{k}") for k in range(3)]
    made.sql(f"INSERT INTO {table} VALUES (7, NULL)")
    assert made.rows(table) == wanted + [{"k": 7, "v": None}]


def test_every_type_arrives(made):
    made.sql("CREATE TYPE mood AS ENUM ('good', 'bad')")
    made.sql("""CREATE TABLE kinds AS SELECT 1::TINYINT AS k, 2::SMALLINT AS small, 3::UTINYINT AS u8, 4::USMALLINT AS u16, 5::UINTEGER AS u32,
        18446744073709551615::UBIGINT AS u64, -170141183460469::HUGEINT AS huge, 7::UHUGEINT AS uhuge, 1.5::FLOAT AS f, true AS b,
        12.345::DECIMAL(18,3) AS dec, 'good'::mood AS mood, '2b0fcd09-3e70-4b0c-8b62-5f0e1a4e6d33'::UUID AS id, INTERVAL 2 DAYS AS span,
        '101'::BIT AS bits, '10:00:00+02'::TIMETZ AS zoned, TIME '10:00:01.5' AS clock, DATE '2024-02-29' AS day,
        TIMESTAMP '2024-01-01 00:00:00.000001' AS ts, TIMESTAMPTZ '2024-01-01 00:00:00+00' AS tz, '2024-01-01'::TIMESTAMP_S AS ts_s,
        '2024-01-01 00:00:00.000000001'::TIMESTAMP_NS AS ts_ns, MAP {'a': 1::UTINYINT} AS m, {'x': 1::TINYINT, 'y': ['q'::mood, 'bad']} AS nested,
        [1, 2]::INTEGER[2] AS fixed, union_value(num := 5) AS one_of, '{"j": 1}'::JSON AS js, 'xy'::BLOB AS raw, NULL AS nothing
        """.replace("'q'::mood", "'good'::mood"))
    found, = made.rows("kinds")
    assert found == {
        "k": 1, "small": 2, "u8": 3, "u16": 4, "u32": 5, "u64": decimal.Decimal(18446744073709551615), "huge": decimal.Decimal(-170141183460469),
        "uhuge": decimal.Decimal(7), "f": 1.5, "b": True, "dec": decimal.Decimal("12.345"), "mood": "good",
        "id": uuid.UUID("2b0fcd09-3e70-4b0c-8b62-5f0e1a4e6d33"), "span": "2 days", "bits": "101", "zoned": "10:00:00+02",
        "clock": datetime.time(10, 0, 1, 500000), "day": datetime.date(2024, 2, 29), "ts": datetime.datetime(2024, 1, 1, 0, 0, 0, 1),
        "tz": datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc), "ts_s": datetime.datetime(2024, 1, 1), "ts_ns": datetime.datetime(2024, 1, 1),
        "m": [("a", 1)], "nested": {"x": 1, "y": ["good", "bad"]}, "fixed": [1, 2], "one_of": "5", "js": '{"j": 1}', "raw": b"xy", "nothing": None,
    }
    assert made.load("kinds")["metadata"]["properties"]["eider.mirror.narrowed"] == "ts_ns"


def test_a_number_that_iceberg_cannot_hold_is_an_error_that_says_so(made):
    made.sql("CREATE TABLE wide AS SELECT 170141183460469231731687303715884105727::HUGEINT AS k")
    answer = made.wire("GET", "/namespaces/default/tables/wide")
    assert answer.status_code == 400
    assert "DECIMAL(38,0)" in answer.text


def test_an_unchanged_table_is_not_written_again(made, table):
    first = made.wire("GET", f"/namespaces/default/tables/{table}")
    files = made.files()
    assert made.where(table) == first.json()["metadata-location"]
    again = made.wire("GET", f"/namespaces/default/tables/{table}", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    made.sql(f"SELECT * FROM {table}")
    made.sql(f"CREATE TABLE beside_{table} AS SELECT 1 AS k")
    made.sql(f"INSERT INTO beside_{table} VALUES (2)")
    made.sql(f"UPDATE {table} SET k = 100 WHERE k = 99")
    assert made.where(table) == first.json()["metadata-location"]
    assert made.files() == files


def test_lists_and_head_never_write(made, table):
    files = made.files()
    assert table in made.names()
    assert made.wire("HEAD", f"/namespaces/default/tables/{table}").status_code == 204
    assert made.wire("HEAD", "/namespaces/default/tables/nowhere").status_code == 404
    refused(made.wire("GET", "/namespaces/default/tables/nowhere"), 404, "NoSuchTableException")
    assert made.files() == files


def test_names_come_in_pages(made, table):
    found, token = [], ""
    while token is not None:
        page = made.wire.need("GET", "/namespaces/default/tables", params={"pageToken": token, "pageSize": 2})
        assert len(page["identifiers"]) <= 2
        found += [one["name"] for one in page["identifiers"]]
        token = page.get("next-page-token")
    assert found == made.names() and table in found


def test_a_refresh_goes_on_with_the_same_table(made, table):
    first = made.load(table)["metadata"]
    ids = {field["name"]: field["id"] for field in first["schemas"][-1]["fields"]}
    made.sql(f"ALTER TABLE {table} ADD COLUMN w INTEGER")
    made.sql(f"ALTER TABLE {table} DROP COLUMN v")
    second = made.load(table)["metadata"]
    current = next(one for one in second["schemas"] if one["schema-id"] == second["current-schema-id"])
    assert {field["name"]: field["id"] for field in current["fields"]} == {"k": ids["k"], "w": max(ids.values()) + 1}
    assert second["table-uuid"] == first["table-uuid"]
    assert second["last-sequence-number"] > first["last-sequence-number"]
    assert [one["snapshot-id"] for one in second["snapshots"]] == [first["current-snapshot-id"], second["current-snapshot-id"]]
    assert [one["snapshot-id"] for one in second["snapshot-log"]] == [one["snapshot-id"] for one in second["snapshots"]]
    made.sql(f"DELETE FROM {table} WHERE k = 0")
    third = made.load(table)["metadata"]
    assert [one["snapshot-id"] for one in third["snapshots"]] == [second["current-snapshot-id"], third["current-snapshot-id"]]
    before = made.pyiceberg(table).scan(snapshot_id=second["current-snapshot-id"]).to_arrow()
    assert (before.num_rows, made.pyiceberg(table).scan().to_arrow().num_rows) == (3, 2)


def test_a_transaction_counts_when_it_is_committed(made, table):
    first = made.where(table)
    for action, changed in (("ROLLBACK", False), ("COMMIT", True)):
        transaction = flightsql.begin(made.client.flight, made.client.options())
        flightsql.query(made.client.flight, f"INSERT INTO {table} VALUES (50, 'x')", transaction, made.client.options())
        assert made.where(table) == first
        flightsql.end(made.client.flight, transaction, 1 if changed else 2, made.client.options())
        assert (made.where(table) != first) == changed
    assert {"k": 50, "v": "x"} in made.rows(table)


@pytest.mark.parametrize("sql, keys", [
    ("INSERT INTO {t} VALUES (3, '')", [0, 1, 2, 3]),
    ("WITH more AS (SELECT 4 AS k) INSERT INTO {t} (k) FROM more", [0, 1, 2, 4]),
    ("INSERT /* into another */ INTO {t} (k) VALUES (5)", [0, 1, 2, 5]),
    ('UPDATE "default"."{t}" SET k = 6 WHERE k = 0', [1, 2, 6]),
    ("UPDATE {tenant}.\"default\".{t} SET k = 7 WHERE k = 0", [1, 2, 7]),
    ("MERGE INTO {t} USING (SELECT 8 AS k) AS s ON {t}.k = s.k WHEN NOT MATCHED THEN INSERT (k) VALUES (s.k)", [0, 1, 2, 8]),
    ("DELETE FROM {t}", []),
    ("TRUNCATE {t}", []),
    ("SELECT 1; INSERT INTO {t} (k) VALUES (9); SELECT 2", [0, 1, 2, 9]),
    ("BEGIN; INSERT INTO {t} (k) VALUES (10); COMMIT", [0, 1, 2, 10]),
    ("EXPLAIN ANALYZE INSERT INTO {t} (k) VALUES (11)", [0, 1, 2, 11]),
    ("INSERT INTO {t} (k) VALUES (12) RETURNING k", [0, 1, 2, 12]),
    ("CREATE OR REPLACE TABLE {t} AS SELECT 13 AS k", [13]),
    ("DROP TABLE {t}; CREATE TABLE {t} AS SELECT 14 AS k", [14]),
    ("ALTER TABLE {t} RENAME TO {t}_old; CREATE TABLE {t} AS SELECT 15 AS k", [15]),
])
def test_whatever_changes_a_table_is_seen(made, table, sql, keys):
    made.load(table)
    answer = made.client.post_query(sql.format(t=table, tenant=made.tenant))
    assert answer.status_code == 200, answer.text
    assert [row["k"] for row in made.rows(table)] == keys


def test_an_upload_counts(made, table):
    first = made.where(table)
    made.client.upload(table, pa.table({"k": [60], "v": ["up"]}), mode="append")
    assert made.where(table) != first
    assert {"k": 60, "v": "up"} in made.rows(table)


def test_an_empty_table_is_shown_empty(made, table):
    made.load(table)
    made.sql(f"DELETE FROM {table}")
    assert made.rows(table) == []
    made.sql(f"INSERT INTO {table} VALUES (5, 'back')")
    assert made.rows(table) == [{"k": 5, "v": "back"}]
    made.sql(f"CREATE TABLE never_{table} (k BIGINT)")
    assert made.rows(f"never_{table}") == []
    made.sql(f"ALTER TABLE never_{table} ADD COLUMN w INTEGER")
    assert made.pyiceberg(f"never_{table}").schema().column_names == ["k", "w"]


def test_names_may_be_odd(made):
    for name in ('with space', 'quo"te', "ap'os", "ünï", "per%cent", "dot.ted", "select"):
        quoted = name.replace('"', '""')
        made.sql(f'CREATE TABLE "{quoted}" AS SELECT 1 AS k, 2 AS "odd ""column"')
        assert made.wire.need("GET", f"/namespaces/default/tables/{urllib.parse.quote(name)}")["metadata"]["properties"]["eider.mirror.of"] == name
        assert name in made.names()
    made.sql('CREATE VIEW "a AS (b" ("c as d", e) AS SELECT 1, 2')
    shown = made.wire.need("GET", "/namespaces/default/views/" + urllib.parse.quote("a AS (b"))["metadata"]
    assert shown["versions"][0]["representations"][0]["sql"] == "SELECT 1, 2"
    assert [field["name"] for field in shown["schemas"][0]["fields"]] == ["c as d", "e"]


def test_a_view_that_was_asked_for_is_a_table(made, table):
    view = f"sums_{table}"
    made.sql(f"CREATE VIEW {view} AS SELECT 1 AS k, sum(k) AS total FROM {table}")
    answer = made.client.request("POST", f"/api/v1/tenants/{made.tenant}/iceberg/mirror", json={"table": view})
    assert answer.status_code == 200, answer.text
    assert view in made.names() and view not in made.names("views")
    assert made.rows(view) == [{"k": 1, "total": 3}]
    made.sql(f"INSERT INTO {table} VALUES (10, '')")
    assert made.rows(view) == [{"k": 1, "total": 13}]


def test_many_readers_are_one_refresh(made):
    made.sql("CREATE TABLE wanted AS SELECT i AS k FROM range(200000) r(i)")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        where = set(pool.map(lambda _: RawIceberg(made.server, made.tenant).need("GET", "/namespaces/default/tables/wanted")["metadata-location"], range(16)))
    assert len(where) == 1


def test_writes_are_refused(made, table):
    made.load(table)
    path = f"/namespaces/default/tables/{table}"
    schema = {"type": "struct", "fields": [{"id": 1, "name": "k", "type": "long", "required": False}]}
    for answer in (
        made.wire.set_property("default", table, "a", "b"),
        made.wire("DELETE", path),
        made.wire("POST", "/namespaces/default/tables", {"name": "new", "schema": schema}),
        made.wire("POST", "/tables/rename", {"source": {"namespace": ["default"], "name": table}, "destination": {"namespace": ["iceberg"], "name": "x"}}),
        made.wire("DELETE", "/namespaces/default"),
    ):
        refused(answer, 403, "ForbiddenException")
        assert "read-only" in answer.text or "DuckDB" in answer.text
    assert made.names().count(table) == 1


def test_a_view_is_an_iceberg_view(made, table):
    made.sql(f'CREATE VIEW "of {table}" AS SELECT k * 2 AS twice, v AS "as is" FROM {table}')
    assert f"of {table}" in made.names("views") and f"of {table}" not in made.names()
    path = f"/namespaces/default/views/of%20{table}"
    shown = made.wire.need("GET", path)["metadata"]
    version = shown["versions"][-1]
    assert version["representations"] == [{"type": "sql", "sql": f'SELECT (k * 2) AS twice, v AS "as is" FROM {table}', "dialect": "duckdb"}]
    assert [(field["name"], field["type"]) for field in shown["schemas"][0]["fields"]] == [("twice", "long"), ("as is", "string")]
    assert made.wire.need("GET", path)["metadata"]["view-uuid"] == shown["view-uuid"]
    assert made.wire("HEAD", path).status_code == 204
    refused(made.wire("GET", f"/namespaces/default/tables/of%20{table}"), 404, "NoSuchTableException")
    refused(made.wire("GET", f"/namespaces/default/views/{table}"), 404, "NoSuchViewException")


def test_a_table_that_was_dropped_is_gone(made, table):
    made.load(table)
    made.sql(f"DROP TABLE {table}")
    refused(made.wire("GET", f"/namespaces/default/tables/{table}"), 404, "NoSuchTableException")
    assert table not in made.names()


def test_the_tenants_own_sql_does_not_see_mirrors(made, table):
    made.load(table)
    shown = made.sql("SELECT schema_name FROM duckdb_schemas() WHERE database_name = 'iceberg'").column(0).to_pylist()
    assert "default" not in shown
    assert made.sql("SELECT * FROM duckdb_tables() WHERE database_name = 'iceberg'").num_rows == 0


def test_mirrors_survive_restarts_without_being_written_again(tmp_path):
    server = Server(tmp_path / "server").start()
    made = Mirrored(server, "tenant_mirror")
    made.sql("CREATE TABLE t AS SELECT i AS k, i / 7.0 AS d FROM range(1000) r(i)")
    first = made.load("t")
    server.stop()
    server.start()
    made.connect(server, "tenant_mirror")
    assert made.load("t")["metadata-location"] == first["metadata-location"]
    made.sql("UPDATE t SET d = 1 WHERE k = 5")
    server.kill()
    server.start()
    made.connect(server, "tenant_mirror")
    second = made.load("t")
    assert second["metadata-location"] != first["metadata-location"]
    assert second["metadata"]["table-uuid"] == first["metadata"]["table-uuid"]
    server.stop()


def test_a_copy_that_was_not_remembered_is_written_again(tmp_path):
    server = Server(tmp_path / "server", config="limits: {mirror.grace: 0}\n", environment={"EIDER_FAILPOINT": "catalog.mirror.before_row"}).start()
    made = Mirrored(server, "tenant_killed")
    made.sql("CREATE TABLE t AS SELECT 1 AS k")
    with pytest.raises(requests.ConnectionError):
        made.load("t")
    assert server.process.wait(20) != 0
    stray, = made.files()
    server.environment = {}
    server.start()
    made.connect(server, "tenant_killed")
    assert made.rows("t") == [{"k": 1}]
    until(lambda: not os.path.exists(stray), what="the end of the copy that nobody knows")
    server.stop()


def test_large_tables_wait_for_who_asks_for_their_mirror(make_server):
    server = make_server(config="limits: {mirror.max_bytes: 1000}\n")
    made = Mirrored(server, "tenant_large")
    made.sql("CREATE TABLE t AS SELECT i AS k FROM range(1000) r(i)")
    answer = made.wire("GET", "/namespaces/default/tables/t")
    refused(answer, 406, "UnsupportedOperationException")
    assert "mirror.max_bytes" in answer.text
    assert made.files() == []
    answer = made.client.request("POST", "/api/v1/tenants/tenant_large/iceberg/mirror", json={"table": "t"})
    assert answer.status_code == 200, answer.text
    assert made.where("t") == answer.json()["metadata_location"]
    made.sql("INSERT INTO t VALUES (1)")
    assert made.where("t") == answer.json()["metadata_location"]


def test_staleness_may_be_allowed(make_server):
    server = make_server(config="limits: {mirror.max_staleness: 3600}\n")
    made = Mirrored(server, "tenant_stale")
    made.sql("CREATE TABLE t AS SELECT 1 AS k")
    first = made.where("t")
    made.sql("INSERT INTO t VALUES (2)")
    assert made.where("t") == first


def test_files_of_old_generations_are_deleted_after_a_grace(make_server):
    server = make_server(config="limits: {mirror.grace: 0}\n")
    made = Mirrored(server, "tenant_grace")
    made.sql("CREATE TABLE t AS SELECT 1 AS k")
    gone = pathlib.Path(made.where("t").removeprefix("file://")).parent.parent
    for k in range(2, 5):
        made.sql(f"INSERT INTO t VALUES ({k})")
        made.load("t")
    until(lambda: not gone.exists() and len(made.files()) == 2, what="the end of all generations but two")
    assert made.rows("t") == [{"k": k} for k in range(1, 5)]

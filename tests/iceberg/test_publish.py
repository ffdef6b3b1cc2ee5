"""eider publish: a copy of a tenant's database that others open while the server goes on writing."""

import json
import pathlib
import subprocess
import sys
import threading

import duckdb
import pytest
from lib.client import Client, create_tenant, delete_tenant
from lib.server import ROOT, program

SETUP = """
CREATE SEQUENCE numbers START 5;
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE MACRO twice(x) AS x * 2;
CREATE MACRO pairs(n) AS TABLE SELECT i, i * i AS square FROM range(n) r(i);
CREATE TABLE parents (id INTEGER PRIMARY KEY DEFAULT nextval('numbers'), name VARCHAR UNIQUE NOT NULL, feels mood DEFAULT 'good', CHECK (id > 0));
CREATE TABLE children (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parents (id), price DECIMAL(9, 2), taxed DECIMAL(12, 4) AS (price * 1.2));
CREATE INDEX children_by_price ON children (price);
COMMENT ON TABLE parents IS 'who has children';
COMMENT ON COLUMN children.price IS 'in euros';
INSERT INTO parents (name) VALUES ('anna'), ('rita');
INSERT INTO children VALUES (1, 5, 9.99), (2, 6, 1.00), (3, 5, 2.50);
CREATE VIEW "how many" AS SELECT p.name, count(*) AS n FROM {tenant}."default".parents p JOIN children c ON c.parent = p.id GROUP BY ALL;
CREATE TABLE large AS SELECT i, 'text ' || i AS t FROM range(300000) r(i)
"""


@pytest.fixture
def publisher(server, request):
    tenant = f"tenant_pub_{abs(hash(request.node.name)) % 10**8}"
    create_tenant(server, tenant)
    return Publisher(server, tenant)


class Publisher:
    def __init__(self, server, tenant):
        self.server, self.tenant = server, tenant
        self.client = Client(server, tenant)
        self.sql = self.client.query
        self.path = server.data / "snapshots" / f"{tenant}.duckdb"

    def setup(self):
        for statement in SETUP.format(tenant=self.tenant).split(";\n"):
            self.sql(statement)

    def publish(self, **body):
        answer = self.client.request("POST", f"/api/v1/tenants/{self.tenant}/published", json=body)
        assert answer.status_code == 200, answer.text
        assert answer.json() == {"path": str(self.path), "size": self.path.stat().st_size}

    def open(self, path=None):
        connection = duckdb.connect(str(path or self.path), read_only=True)
        connection.execute('USE "default"')
        return connection


def spaceless(rows):
    """DuckDB prints what it has parsed a little differently when it comes from a file."""
    return [tuple(value.replace(" ", "") if isinstance(value, str) else value for value in row) for row in rows]


def test_everything_in_the_database_is_in_the_copy(publisher):
    publisher.setup()
    publisher.publish()
    copy = publisher.open()
    for sql in (
        "SELECT * FROM parents ORDER BY id",
        "SELECT * FROM children ORDER BY id",
        'SELECT * FROM "how many" ORDER BY name',
        "SELECT count(*), sum(i), max(t) FROM large",
        "SELECT table_name, comment, estimated_size, sql FROM duckdb_tables() WHERE schema_name = 'default' AND database_name = current_database() ORDER BY 1",
        "SELECT column_name, data_type, column_default, comment FROM duckdb_columns() WHERE schema_name = 'default' AND database_name = current_database() ORDER BY table_name, column_index",
        "SELECT table_name, constraint_type, constraint_text FROM duckdb_constraints() WHERE schema_name = 'default' ORDER BY 1, 2, 3",
        "SELECT index_name, sql FROM duckdb_indexes() WHERE schema_name = 'default' ORDER BY 1",
        "SELECT view_name, sql FROM duckdb_views() WHERE schema_name = 'default' ORDER BY 1",
        "SELECT twice(21), (SELECT sum(square) FROM pairs(4)), enum_range(NULL::mood)",
    ):
        wanted = [tuple(row.values()) for row in publisher.sql(sql).to_pylist()]
        assert spaceless(copy.execute(sql).fetchall()) == spaceless(wanted), sql
    assert publisher.sql("SELECT nextval('numbers') AS n").to_pylist() == [{"n": 7}]


def test_a_copy_can_be_written_by_who_owns_it(publisher, tmp_path):
    """Constraints and sequences go on where they were."""
    publisher.setup()
    target = tmp_path / f"{publisher.tenant}.duckdb"
    publisher.publish()
    target.write_bytes(publisher.path.read_bytes())
    copy = duckdb.connect(str(target))
    copy.execute('USE "default"')
    copy.execute("INSERT INTO parents (name) VALUES ('will')")
    assert copy.execute("SELECT id FROM parents WHERE name = 'will'").fetchall() == [(7,)]
    with pytest.raises(duckdb.ConstraintException):
        copy.execute("INSERT INTO children VALUES (9, 99, 1)")
    with pytest.raises(duckdb.ConstraintException):
        copy.execute("INSERT INTO parents (name) VALUES ('anna')")


READER = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1], read_only=True)
for line in sys.stdin:
    print(connection.execute('SELECT max(k) FROM "default".t').fetchone()[0], flush=True)
"""


def test_a_reader_keeps_the_copy_it_opened(publisher):
    publisher.sql("CREATE TABLE t AS SELECT 1 AS k")
    publisher.publish()
    reader = subprocess.Popen([sys.executable, "-c", READER, str(publisher.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask():
        reader.stdin.write("\n")
        reader.stdin.flush()
        return int(reader.stdout.readline())

    try:
        assert ask() == 1
        publisher.sql("INSERT INTO t VALUES (2)")
        publisher.publish()
        assert ask() == 1
        assert publisher.open().execute("SELECT max(k) FROM t").fetchall() == [(2,)]
    finally:
        reader.stdin.close()
        assert reader.wait(30) == 0


def test_a_copy_is_one_moment_while_many_write(publisher):
    """Each transaction keeps two tables equal; every copy has to find them so. An open one is not in it."""
    publisher.sql("CREATE TABLE a AS SELECT 0 AS k")
    publisher.sql("CREATE TABLE b AS SELECT 0 AS k")
    publisher.sql("CREATE TABLE bulk AS SELECT 0 AS k, 'x' AS t")
    stop = threading.Event()

    def write(number):
        client = Client(publisher.server, publisher.tenant)
        k = number * 1_000_000
        while not stop.is_set():
            k += 1
            client.post_query(f"BEGIN; INSERT INTO a VALUES ({k}); INSERT INTO b VALUES ({k}); COMMIT")
            client.post_query(f"INSERT INTO bulk SELECT i, repeat('x', 100) FROM range({50000 if k % 5 == 0 else 10}) r(i)")
            client.post_query("DELETE FROM bulk WHERE k % 3 = 1")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    try:
        seen = []
        for _ in range(6):
            publisher.publish()
            copy = publisher.open()
            both = copy.execute("SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b), (SELECT count(*) FROM (FROM a EXCEPT FROM b))").fetchone()
            assert both[0] == both[1] and both[2] == 0
            assert copy.execute("SELECT count(*), sum(length(t)) FROM bulk").fetchone()[0] > 0
            seen.append(both[0])
            copy.close()
        assert seen == sorted(seen)
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_what_is_not_committed_is_not_in_it_and_stops_nothing(publisher):
    from lib import flightsql

    publisher.sql("CREATE TABLE t AS SELECT 1 AS k")
    transaction = flightsql.begin(publisher.client.flight, publisher.client.options())
    flightsql.query(publisher.client.flight, "INSERT INTO t VALUES (2)", transaction, publisher.client.options())
    publisher.sql("CREATE TABLE committed AS SELECT 3 AS k")
    publisher.publish()
    copy = publisher.open()
    assert copy.execute("SELECT k FROM t").fetchall() == [(1,)]
    assert copy.execute("SELECT k FROM committed").fetchall() == [(3,)]
    copy.close()
    flightsql.end(publisher.client.flight, transaction, 1, publisher.client.options())
    publisher.publish()
    assert publisher.open().execute("SELECT k FROM t ORDER BY k").fetchall() == [(1,), (2,)]


def test_nobody_else_opens_the_tenants_own_file_meanwhile(publisher):
    """Copying it must not drop DuckDB's lock on it."""
    publisher.sql("CREATE TABLE t AS SELECT 1 AS k")
    publisher.publish()
    with pytest.raises(duckdb.IOException, match="lock"):
        duckdb.connect(str(publisher.server.data / "tenants" / publisher.tenant / f"{publisher.tenant}.duckdb"))
    assert not list((publisher.server.data / "tenants" / publisher.tenant / "tmp").glob("publish-*"))


def test_iceberg_tables_come_along(publisher):
    publisher.sql("CREATE TABLE t AS SELECT 1 AS k")
    publisher.sql("CREATE TABLE iceberg.orders AS SELECT i AS id FROM range(10) r(i)")
    publisher.sql(f"CREATE VIEW both_sides AS SELECT count(*) AS n FROM t JOIN {publisher.tenant}.iceberg.orders ON id = k")
    publisher.sql("COMMENT ON VIEW both_sides IS 'what both have'")
    publisher.publish()
    copy = publisher.open()
    with pytest.raises(duckdb.Error):
        copy.execute("FROM both_sides")
    copy.close()
    publisher.publish(with_iceberg=True)
    copy = publisher.open()
    assert copy.execute("SELECT count(*) FROM iceberg.orders").fetchall() == [(10,)]
    assert copy.execute("FROM both_sides").fetchall() == [(1,)]
    assert copy.execute("SELECT comment FROM duckdb_views() WHERE view_name = 'both_sides'").fetchall() == [("what both have",)]
    assert publisher.sql("SELECT n FROM both_sides").to_pylist() == [{"n": 1}]


def test_the_command_line_fetches_it(publisher, tmp_path):
    publisher.sql("CREATE TABLE t AS SELECT 1 AS k")
    target = tmp_path / f"{publisher.tenant}.duckdb"
    words = [program(), "publish", "--url", publisher.server.url, "--tenant", publisher.tenant, "--to", target]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{publisher.tenant} is published: {target}, ")
    assert publisher.open(target).execute("SELECT k FROM t").fetchall() == [(1,)]
    assert target.read_bytes() == publisher.path.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == [target.name]
    again = subprocess.run([*words[:-1], tmp_path / "nowhere" / "x.duckdb"], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert again.returncode != 0 and "nowhere" in again.stderr


def test_it_goes_with_its_tenant(publisher):
    publisher.sql("CREATE TABLE t AS SELECT 1 AS k")
    publisher.publish()
    assert delete_tenant(publisher.server, publisher.tenant).status_code == 204
    assert not publisher.path.exists()


def test_who_asks_for_what_is_not_there(publisher):
    path = f"/api/v1/tenants/{publisher.tenant}/published"
    assert publisher.client.request("GET", path).status_code == 404
    assert publisher.client.request("POST", "/api/v1/tenants/tenant_nowhere/published", json={}).status_code == 404
    answer = publisher.client.request("POST", path, data=json.dumps({"nonsense": 1}), headers={"Content-Type": "application/json"})
    assert answer.status_code == 400 and "nonsense" in answer.text
    assert not pathlib.Path(publisher.path).exists()

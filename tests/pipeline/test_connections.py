"""Assets that read over the network: PostgreSQL, HTTP and S3, each the real one, by an import worker."""

import http.server
import json
import threading

import pytest

from lib.pipelines import Project, ProjectServer
from lib.postgres import PASSWORD, Postgres
from lib.s3 import Versity
from lib.wait import until

TOKEN = "token-of-the-web"


class Web(http.server.BaseHTTPRequestHandler):
    """/open/… for everyone who has the token; anything else is counted."""

    def do_GET(self):
        good = self.headers.get("Authorization") == f"Bearer {TOKEN}" and self.path.startswith("/open/")
        body = b"id,name\n1,ann\n2,bob\n" if good else b""
        self.server.other += not good
        self.send_response(200 if good else 403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if self.command == "GET" else b"")

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def postgres():
    with Postgres() as database:
        database.sql("""CREATE TABLE orders AS SELECT i AS id, i % 7 AS customer, (i * 1.5)::numeric(10,2) AS amount,
            timestamptz '2026-01-01 00:00:00+00' + i * interval '1 minute' AS placed, CASE WHEN i % 3 = 0 THEN NULL ELSE 'text ' || i END AS note
            FROM generate_series(1, 50000) i""")
        yield database


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with Versity(tmp_path_factory.mktemp("s3")) as store:
        assert store.request("PUT", f"/{store.bucket}/in/a.csv", body=b"n\n1\n2\n3\n").status_code == 200
        yield store


@pytest.fixture(scope="module")
def web():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web) as server:
        server.other = 0
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def server(tmp_path_factory, postgres, web, store):
    port = web.server_address[1]
    settings = f"""
outgoing: [127.0.0.1, "::1"]
connections:
  erp: {{url: "{postgres.url}", password: "${{ERP_PASSWORD}}"}}
  wrong: {{url: "{postgres.url}", password: "${{WRONG_PASSWORD}}"}}
  gone: {{url: "postgres://reader@127.0.0.1:9/shop", password: "${{WRONG_PASSWORD}}"}}
  web: {{url: "http://127.0.0.1:{port}/open/", password: "${{WEB_TOKEN}}"}}
  lake: {{url: "s3://{store.bucket}/in/", endpoint: "http://127.0.0.1:{store.port}", key_id: {store.key_id}, key: "${{LAKE_KEY}}", region: us-east-1}}
"""
    environment = {"ERP_PASSWORD": PASSWORD, "WRONG_PASSWORD": "not-the-password", "WEB_TOKEN": TOKEN, "LAKE_KEY": store.key}
    project = Project(tmp_path_factory.mktemp("connections") / "project", settings=settings)
    server = ProjectServer(project, environment=environment).start()
    yield server
    server.stop()


@pytest.fixture
def run(server):
    """run({name: (connection, further properties, SQL)}): their run."""
    def run(assets, **options):
        server.project.write({f"pipelines/{name}.sql": f"/* eider\nconnection: {connection}\n{more}*/\n{sql}\n" for name, (connection, more, sql) in assets.items()})
        return server.run(select=list(assets), **options)

    yield run
    for path in server.project.root.glob("pipelines/*"):
        path.unlink()


def failed(run, name):
    assert run["state"] == "failed", run
    return run["steps"][name]["error"]["message"]


def left(server):
    return server.query("SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'eider' AND table_name LIKE 'import%'")


def test_tables_of_postgresql_become_tables_with_their_types_and_tests(server, run, postgres):
    ended = run({
        "orders": ("erp", "columns: [{name: amount, type: 'DECIMAL(10,2)'}]\ntests: [{not_null: id}, {unique: id}]\nexport: data/final/orders.parquet\n",
                   "SELECT * FROM erp.public.orders"),
        "totals": ("erp", "", "SELECT customer, sum(amount) AS total FROM erp.orders GROUP BY 1"),
    })
    assert ended["state"] == "done", server.log_lines(ended["id"])
    step = ended["steps"]["orders"]
    assert step["rows"] == 50000 and all(test["passed"] for test in step["report"]["tests"])
    assert {column["name"]: column["type"] for column in step["report"]["columns"]} == {
        "id": "INTEGER", "customer": "INTEGER", "amount": "DECIMAL(10,2)", "placed": "TIMESTAMP WITH TIME ZONE", "note": "VARCHAR"}
    assert server.query("SELECT count(*), count(note), sum(amount)::VARCHAR FROM orders") == [[50000, 33334, "1875037500.00"]]
    assert server.query("SELECT count(*) FROM totals") == [[7]] and left(server) == [[0]]
    assert (server.project.root / "data/final/orders.parquet").exists()


def test_incremental_reads_what_is_new(server, run, postgres):
    asset = {"later": ("erp", "materialize: incremental\nwatermark: id\n",
                       "SELECT id, placed FROM erp.public.orders WHERE id > coalesce(getvariable('eider_watermark'), 49990)")}
    assert run(asset)["steps"]["later"]["rows"] == 10
    postgres.sql("INSERT INTO orders(id, placed) VALUES (50001, now()), (50002, now())")
    assert run(asset)["state"] == "done"
    assert server.query("SELECT count(*), max(id) FROM later") == [[12, 50002]]
    postgres.sql("DELETE FROM orders WHERE id > 50000")


def test_files_of_web_servers_and_stores(server, run, web, store):
    port = web.server_address[1]
    ended = run({"names": ("web", "", f"SELECT * FROM read_csv('http://127.0.0.1:{port}/open/names.csv')"),
                 "numbers": ("lake", "", f"SELECT * FROM read_csv('s3://{store.bucket}/in/*.csv')")})
    assert ended["state"] == "done", [line["text"] for line in server.log_lines(ended["id"])]
    assert server.query("SELECT name FROM names ORDER BY 1") == [["ann"], ["bob"]]
    assert server.query("SELECT sum(n) FROM numbers") == [["6"]]


@pytest.mark.parametrize("connection, sql, says", [
    ("web", "SELECT * FROM read_csv('http://127.0.0.1:1/open/x.csv')", "not open here"),
    ("web", "SELECT * FROM read_csv('http://127.0.0.1:PORT/other/x.csv')", "not open here"),
    ("web", "SELECT * FROM read_csv('http://127.0.0.1:PORT/open/../other/x.csv')", "leads out"),
    ("lake", "SELECT * FROM read_csv('s3://lake/out/a.csv')", "not open here"),
    ("erp", "SELECT * FROM read_csv('/etc/passwd')", "/etc/passwd"),
    ("erp", "SELECT * FROM postgres_scan('host=127.0.0.1', 'public', 'orders')", "postgres_scan"),
    ("erp", "ATTACH 'x.db'; SELECT 1", "ATTACH"),
    ("erp", "SELECT * FROM duckdb_secrets()", "duckdb_secrets"),
    ("erp", "SELECT no_such FROM erp.public.orders", "no_such"),
    ("wrong", "SELECT * FROM wrong.public.orders", "password authentication failed"),
    ("gone", "SELECT * FROM gone.public.orders", "gone"),
])
def test_nothing_else_is_reached_and_no_secret_is_told(server, run, web, connection, sql, says):
    web.other = 0
    ended = run({"it": (connection, "", sql.replace("PORT", str(web.server_address[1])))})
    message = failed(ended, "it") if "error" in ended["steps"]["it"] else ""
    assert says in message, message
    logged = json.dumps(server.log_lines(ended["id"])) + json.dumps(ended) + server.log()
    assert "not-the-password" not in logged and PASSWORD not in logged and TOKEN not in logged
    assert web.other == 0 and left(server) == [[0]]


def test_a_failing_import_or_test_leaves_the_table_as_it_was(server, run):
    assert run({"kept": ("erp", "", "SELECT 1 AS n")})["state"] == "done"
    failed(run({"kept": ("erp", "", "SELECT error('in the middle') AS n FROM erp.public.orders WHERE id > 40000")}), "kept")
    failed(run({"kept": ("erp", "tests: [{not_null: n}]\n", "SELECT NULL::INTEGER AS n")}), "kept")
    assert server.query("FROM kept") == [[1]] and left(server) == [[0]]


def test_a_cancelled_import_ends_its_worker(server, run, postgres):
    server.project.write({"pipelines/slow.sql": "/* eider\nconnection: erp\n*/\nSELECT a.id FROM erp.public.orders a, erp.public.orders b, erp.public.orders c WHERE a.id + b.id + c.id = -1\n"})
    number = server.start_run(select=["slow"])
    until(lambda: "0" != postgres.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'reader'").strip(), 30, "its connection")
    server.api("POST", f"/runs/{number}/cancel")
    assert server.ended(number)["steps"]["slow"]["state"] == "cancelled"
    until(lambda: "0" == postgres.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'reader'").strip(), 30, "the end of its connection")


def test_private_addresses_are_asked_only_where_they_are_listed(make_project, postgres):
    project = make_project({"pipelines/it.sql": "/* eider\nconnection: erp\n*/\nSELECT * FROM erp.public.orders\n"},
                           f'connections: {{erp: {{url: "{postgres.url}"}}}}\n')
    result = project("run")
    assert result.returncode == 1 and "private address" in result.stdout + result.stderr, result

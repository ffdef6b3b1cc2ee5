"""A dbt project as an asset, by dbt itself: deps/dbt, see tools/fetch-suites."""

import pathlib
import shutil

import pytest

from lib.pipelines import Project, ProjectServer
from lib.server import ROOT

DBT = ROOT / "deps/dbt/bin"
SHOP = pathlib.Path(__file__).parent / "dbt_shop"
ORDERS = "id,customer,amount,placed\n1,1,10.5,2026-01-01\n2,2,5,2026-01-02\n3,1,7,2026-01-03\n"
FILES = {
    "data/source/customers.csv": "id,name\n1,ann\n2,bob \n3,cy\n",
    "data/source/orders.csv": ORDERS,
    "pipelines/customers.sql": "SELECT * FROM read_csv('data/source/customers.csv')",
    "pipelines/orders.sql": "SELECT * FROM read_csv('data/source/orders.csv')",
    "pipelines/shop.yaml": "dbt: shop\ndepends_on: [customers, orders]\n",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    assert (DBT / "dbt").exists(), "dbt is missing: run tools/setup suites"
    project = Project(tmp_path_factory.mktemp("dbt") / "project", FILES, "commands: true\n")
    shutil.copytree(SHOP, project.root / "shop")
    server = ProjectServer(project, environment={"PATH": f"{DBT}:/usr/bin:/bin"}).start()
    yield server
    server.stop()


def log_of(server):
    """How often each order was seen as a later one by the incremental model."""
    return server.query("SELECT order_id, later FROM order_log ORDER BY 1")


def texts(server, run):
    return [line["text"] for line in server.log_lines(run["id"], limit=500)]


def test_dbt_builds_on_a_snapshot_and_its_models_become_tables(server):
    ended = server.run(seconds=120)
    assert ended["state"] == "done", texts(server, ended)
    report = ended["steps"]["shop"]["report"]
    nodes = {node["name"]: node for node in report["nodes"]}
    assert report["kind"] == "dbt"
    assert nodes["customer_totals"]["rows"] == 3 and nodes["customer_totals"]["status"] == "success"
    assert nodes["regions"]["kind"] == "seed" and nodes["unique_customer_totals_customer_id"]["kind"] == "test"
    edges = {(edge["from"], edge["to"]) for edge in report["edges"]}
    assert {("orders", "stg_orders"), ("stg_orders", "customer_totals"), ("regions", "customer_totals")} <= edges
    assert server.query("SELECT name, orders, total FROM customer_totals ORDER BY 1") == [["ann", 2, 17.5], ["bob", 1, 5.0], ["cy", 0, 0.0]]
    assert server.query("SELECT count(*) FROM stg_customers") == [[3]]  # a view of dbt's, as a table
    lines = texts(server, ended)
    assert any("START sql incremental model" in line for line in lines) and not any(line.startswith("{") for line in lines)
    assert log_of(server) == [[1, 0], [2, 0], [3, 0]]
    assert not list((server.data / "runs").iterdir()) and not (server.project.root / "shop/target").exists()


@pytest.mark.slow
def test_what_incremental_models_have_built_is_kept(server):
    server.project.write({"data/source/orders.csv": ORDERS + "4,3,1,2026-01-04\n"})
    assert server.run(seconds=120)["state"] == "done"
    assert log_of(server) == [[1, 0], [2, 0], [3, 0], [4, 1]]
    assert server.run(seconds=120, select=["shop"], full_refresh=True)["state"] == "done"
    assert log_of(server) == [[1, 0], [2, 0], [3, 0], [4, 0]]


@pytest.mark.slow
def test_a_model_or_a_test_that_fails_changes_nothing_in_the_tenant(server):
    totals = server.query("FROM customer_totals ORDER BY ALL")
    server.project.write({"data/source/orders.csv": ORDERS + "5,2,5000,2026-01-05\n",
                          "data/source/customers.csv": "id,name\n1,ann\n1,eve\n"})
    ended = server.run(seconds=120)
    step = ended["steps"]["shop"]
    assert ended["state"] == "failed" and step["failure"] == "sql"
    assert "big_order" in step["error"]["message"] and "an order of 5000" in step["error"]["message"]
    status = {node["name"]: node["status"] for node in step["report"]["nodes"]}
    assert (status["big_order"], status["unique_customer_totals_customer_id"], status["customer_totals"]) == ("error", "fail", "success")
    assert server.query("FROM customer_totals ORDER BY ALL") == totals


@pytest.mark.parametrize("made, says", [
    ("exit 2", "exit code 2"),
    ("mkdir $t; echo {} > $t/manifest.json; echo {} > $t/run_results.json", "has no nodes"),
    ("mkdir $t; echo '{' > $t/manifest.json; echo {} > $t/run_results.json", "manifest.json"),
    ("mkdir $t; ln -s /etc/hostname $t/manifest.json", "has left no manifest.json"),
    ("mkdir $t; truncate -s 100M $t/manifest.json", "no file of at most"),
    ("echo nothing", "has left no manifest.json"),
])
def test_what_another_dbt_leaves_behind_is_not_trusted(make_project, made, says):
    project = make_project({"pipelines/shop.yaml": "dbt: shop\n", "shop/dbt_project.yml": "name: shop\n",
                            "bin/dbt": f"#!/bin/sh\nt=$TMPDIR/target\n{made}\n"})
    (project.root / "bin/dbt").chmod(0o755)
    result = project("run", environment={"PATH": f"{project.root}/bin:/usr/bin:/bin"})
    assert result.returncode == 1 and says in result.stdout + result.stderr, (result.stdout, result.stderr)

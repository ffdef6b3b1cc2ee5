"""sample/ against its expected files, each command of its README, and a project of 1,000 generated assets."""

import csv
import filecmp
import re
import shutil
import subprocess

import pyarrow.parquet
import pytest

from lib import sockets
from lib.pipelines import Project, ProjectServer, generated, opened
from lib.server import ROOT, program
from lib.wait import until

SAMPLE = ROOT / "sample"
README = (SAMPLE / "README.md").read_text()
EXPECTED = sorted(str(path.relative_to(SAMPLE / "expected")) for path in (SAMPLE / "expected").rglob("*") if path.is_file())


@pytest.fixture
def sample(tmp_path):
    shutil.copytree(SAMPLE, tmp_path / "sample", ignore=shutil.ignore_patterns("db", "logs", "eider.pid"))
    project = opened(tmp_path / "sample")
    for name in project.files("data/processed") + project.files("data/final"):
        if not name.endswith("/.gitkeep"):
            (project.root / name).unlink()
    return project


def check_outputs(project):
    assert EXPECTED == ["final/customer_value.json", "final/revenue_by_day.csv", "processed/sales.csv"]
    for name in EXPECTED:
        assert filecmp.cmp(project.root / "data" / name, SAMPLE / "expected" / name, shallow=False), project.read(f"data/{name}")
    with open(SAMPLE / "expected/final/revenue_by_day.csv", newline="") as file:
        listed = list(csv.reader(file))[1:]
    written = pyarrow.parquet.read_table(project.root / "data/final/revenue_by_day.parquet")
    assert [str(kind) for kind in written.schema.types] == ["date32[day]", "string", "int64", "int64", "decimal128(38, 2)"]
    assert [[str(value) for value in row.values()] for row in written.to_pylist()] == listed


def test_the_sample_gives_what_is_expected(sample):
    assert "no problems" in sample.ok("check")
    for _ in range(2):  # and the same again
        sample.ok("run")
        check_outputs(sample)
    steps = sample.steps()
    assert {step["state"] for step in steps.values()} == {"done"}
    assert {"source_orders", "customers", "sales", "revenue_by_day", "every_paid_line_is_a_sale", "countries"} <= set(steps)
    assert "orders_latest" not in steps  # it exists inside others only
    assert sample.query("SELECT count(*) AS n FROM sales", "tenant_sample") == [{"n": 13}]


def test_another_environment_has_its_own_tables_and_files(sample):
    sample.ok("run", "--env", "dev")
    assert filecmp.cmp(sample.root / "data/final/dev/revenue_by_day.csv", SAMPLE / "expected/final/revenue_by_day.csv", shallow=False)
    assert not (sample.root / "data/final/revenue_by_day.csv").exists()
    assert sample.query("SELECT count(*) AS n FROM sales", "tenant_sample_dev") == [{"n": 13}]


def test_a_line_that_comes_again_replaces_itself(sample):
    sample.ok("run")
    sample.write({"data/source/orders_2026-11-04.csv": "order_id,line,ordered_at,customer_id,product_id,quantity,status\n"
                                                       "1012,1,2026-11-04 08:00:00,1,14,1,paid\n1011,1,2026-11-04 09:00:00,5,15,7,paid\n"})
    sample.ok("run")
    assert sample.query("SELECT count(*) AS n, sum(amount)::VARCHAR AS s FROM sales", "tenant_sample") == [{"n": 14, "s": "524.60"}]


def test_a_product_nobody_buys_is_a_warning(sample):
    with open(sample.root / "data/source/products.json", "a") as file:
        file.write('{"product_id": 16, "name": "Sieve", "category": "tools", "price": "3.00"}\n')
    sample.ok("run")
    assert sample.steps()["products_without_sales"]["state"] == "warned"


def test_it_runs_beside_another_server(sample, tmp_path):
    """Ports are those of eider.yaml: 3001 in the sample, others here."""
    assert re.search(r"^port: 3001\b", sample.read("eider.yaml"), re.M)
    ports = sockets.free_ports(2)
    other = Project(tmp_path / "other", {"pipelines/a.sql": "SELECT 1 AS x\n"}, f"port: {ports[0]}\n")
    sample.write({"eider.yaml": sample.read("eider.yaml").replace("port: 3001", f"port: {ports[1]}")})
    try:
        for project, port in ((other, ports[0]), (sample, ports[1])):
            assert f"http://127.0.0.1:{port}" in project.ok("start")
        sample.ok("run")
        check_outputs(sample)
        assert "sales" not in other.ok("graph") and "a" in other.ok("graph")
    finally:
        for project in (other, sample):
            project("stop")


# The README.

HERE, THERE = README.split("\n## This sample\n")


def blocks(text):
    return re.findall(r"^```bash\n(.*?)^```$", text, re.M | re.S)


def follow(text, directory):
    """All blocks as one shell session, as somebody would type them; on a port that is free."""
    tools = directory / "bin"
    tools.mkdir()
    (tools / "eider").symlink_to(program())
    environment = {"PATH": f"{tools}:/usr/bin:/bin", "HOME": str(directory), "EIDER_LISTEN": "127.0.0.1:0"}
    script = "".join(f"echo '== block {number}'\n{block}" for number, block in enumerate(blocks(text), 1))
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=directory, env=environment, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return re.split(r"^== block \d+\n", done.stdout, flags=re.M)[1:]


def stop(directory):
    if (directory / "eider.yaml").exists():
        opened(directory)("stop", "--wait", "5s")


def test_the_walk_works(tmp_path):
    assert len(blocks(HERE)) >= 7
    try:
        first, looks, more, made, served, broken, repaired = follow(HERE, tmp_path)
    finally:
        stop(tmp_path / "shop")
    assert "United States,2,66.10" in first
    assert "revenue_by_country" in looks and "Emmy" in looks
    assert "source_orders" in more and "Germany,2,24.50" in more
    assert "Grace,66.10" in made
    assert "runs in the background" in served and "refresh" in served and "schedule:refresh" in served
    assert "as expected" in broken and "a lot" in broken and "failed" in broken
    assert "147.75" in repaired and "stopped the server" in repaired
    assert not list((tmp_path / "shop").glob("eider.pid"))


def test_the_walk_through_the_sample_works(sample):
    (home := sample.root.parent / "home").mkdir()
    shutil.move(sample.root, home / "sample")
    try:
        (said,) = follow(THERE.replace("eider check\n", "cd sample\neider check\n", 1), home)
    finally:
        stop(home / "sample")
    assert "no problems" in said and "2026-11-02,tools,3,5,196.50" in said and "flowchart" in said and "stopped the server" in said
    assert (home / "sample/logs/lineage.jsonl").stat().st_size > 0


# Many assets.

@pytest.mark.native
def test_a_thousand_assets(tmp_path):
    project = Project(tmp_path / "many", generated(1000, width=20))
    server = ProjectServer(project).start()
    try:
        about = server.api("GET")
        assert about["assets"] == 1000 and about["problems"] == []
        run = server.run(seconds=100)
        assert run["state"] == "done" and len(run["steps"]) == 1000
        assert {step["state"] for step in run["steps"].values()} == {"done"}
        # Each builds on the layer above it: nothing began before what it reads had ended.
        ended = {name: step["ended"] for name, step in run["steps"].items()}
        for name, step in run["steps"].items():
            assert all(ended[above] <= step["started"] for above in step["upstream"]), name
        project.write({"pipelines/layer_049/g_0999.sql": "SELECT 1 AS id, 2 AS n\n"})
        plan = until(lambda: (found := server.api("POST", "/plan", {"changed": True}))["steps"] and found)
        assert [step["asset"] for step in plan["steps"]] == ["g_0999"]
    finally:
        server.stop()

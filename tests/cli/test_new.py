"""eider new: every template runs as it stands, nothing is overwritten, nothing is half there."""

import csv
import os
import re
import resource
import signal
import subprocess

import pytest

from lib.pipelines import opened
from lib.server import ROOT, program

TEMPLATES = ["basic", "star", "iceberg"]
FINAL = {
    "basic": ("revenue_by_country", [["United States", "2", "66.10"], ["United Kingdom", "2", "27.15"], ["Germany", "1", "12.00"]]),
    "star": ("sales_by_month", [["2026-11", "Germany", "tools", "1", "49.00"], ["2026-11", "Netherlands", "coffee", "2", "37.80"],
                                ["2026-11", "United Kingdom", "tea", "5", "46.00"], ["2026-11", "United Kingdom", "tools", "3", "147.00"],
                                ["2026-11", "United States", "coffee", "1", "18.90"], ["2026-11", "United States", "tea", "1", "9.20"],
                                ["2026-12", "Netherlands", "tea", "3", "27.60"]]),
    "iceberg": ("climate_by_day", [["2026-11-01", "cellar", "11.0", "11.2", "11.1"], ["2026-11-01", "roof", "3.1", "9.8", "6.45"],
                                   ["2026-11-02", "cellar", "11.1", "11.1", "11.1"], ["2026-11-02", "roof", "-0.4", "6.5", "3.05"]]),
}


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_template_runs(alone, tmp_path, template):
    said = alone.ok("new", "shop", "--template", template)
    assert "tenant_shop" in said and "eider run" in said and "eider start" in said
    project = opened(tmp_path / "shop")
    assert {"README.md", "eider.yaml", ".gitignore", "data/processed/.gitkeep", "data/final/.gitkeep"} <= set(project.files())
    assert all((project.root / below).is_dir() for below in ("pipelines/source", "pipelines/trans", "pipelines/summary", "seeds", "tests"))
    assert not any("@NAME@" in project.read(name) or "@TENANT@" in project.read(name) for name in project.files())
    project.ok("check")
    project.ok("run")
    table, rows = FINAL[template]
    with open(project.root / f"data/final/{table}.csv", newline="") as file:
        assert list(csv.reader(file))[1:] == rows
    assert project.query(f"SELECT count(*) AS n FROM {table}") == [{"n": len(rows)}]
    assert set(step["state"] for step in project.steps().values()) == {"done"}


def test_a_second_run_of_the_star_adds_what_is_new(alone, tmp_path):
    alone.ok("new", "shop", "--template", "star")
    project = opened(tmp_path / "shop")
    project.ok("run")
    project.write({"data/source/sales-2.csv": "sale_id,sold_at,customer_id,product_id,quantity\n9,2026-12-02 09:00:00,2,102,10\n"})
    project.ok("run")
    assert project.query("SELECT count(*) AS n, count(DISTINCT sale_id) AS d FROM fact_sales") == [{"n": 9, "d": 9}]
    assert "2026-12,United States,coffee,10,189.00" in project.read("data/final/sales_by_month.csv")


@pytest.mark.parametrize("name, tenant", [("shop", "tenant_shop"), ("My Shop-2", "tenant_my_shop_2"), ("tenant_acme", "tenant_acme"),
                                          ("x" * 80, "tenant_" + "x" * 56), ("work/deep", "tenant_deep")])
def test_the_tenant_is_named_after_the_project(alone, tmp_path, name, tenant):
    (tmp_path / "work").mkdir()
    alone.ok("new", name)
    assert f"tenant: {tenant} " in (tmp_path / name / "eider.yaml").read_text()


@pytest.mark.parametrize("name", [".", "..", "/", "", "---", "ünö\n"])
def test_names_that_are_none(alone, tmp_path, name):
    result = alone("new", "--", name)
    assert result.returncode in (1, 2) and result.stderr.startswith("eider: ")
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(alone, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    os.symlink("nowhere", tmp_path / "link")
    for name in ("full", "file", "link"):
        assert name in alone.fails("new", name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "full", "link"]
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine.txt"]
    assert (tmp_path / "file").read_text() == "mine"


def test_an_empty_directory_is_taken(alone, tmp_path):
    (tmp_path / "shop").mkdir()
    alone.ok("new", "shop")
    assert (tmp_path / "shop/eider.yaml").exists()
    assert "shop" in alone.fails("new", "shop")


def small_files():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))


def test_nothing_is_half_there(alone, tmp_path):
    assert "none/shop" in alone.fails("new", "none/shop")
    result = subprocess.run([str(program()), "new", "shop"], cwd=tmp_path, capture_output=True, text=True, preexec_fn=small_files)
    assert result.returncode == 1 and "README.md" in result.stderr, result.stderr
    assert list(tmp_path.iterdir()) == []


def test_unknown_templates_are_refused(alone, tmp_path):
    assert "basic" in alone.fails("new", "shop", "--template", "snowflake", code=2)
    assert list(tmp_path.iterdir()) == []


def test_templates_are_complete():
    """Every file of a template is one that is built in."""
    listed = set(re.findall(r"^  '(.+)',$", (ROOT / "src/cli/templates/meson.build").read_text(), re.M))
    there = {str(path.relative_to(ROOT / "src/cli/templates")) for template in TEMPLATES
             for path in (ROOT / "src/cli/templates" / template).rglob("*") if path.is_file()}
    assert listed == there

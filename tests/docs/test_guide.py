"""The examples of docs/guide/pipelines.md are what the program accepts: together they are a project without problems."""

import re

import pytest

from lib.pipelines import Project, ProjectServer
from lib.server import ROOT

PAGE = (ROOT / "docs/guide/pipelines.md").read_text()
EXAMPLES = re.findall(r"^```(sql|yaml)\n(?:--|#) (\S+)\n(.*?)^```$", PAGE, re.M | re.S)
SECRETS = {"CRM_PASSWORD": "x", "LAKE_KEY_ID": "x", "LAKE_KEY": "x"}


@pytest.fixture(scope="module")
def guide(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("guide") / "shop", {
        "data/source/orders.csv": "id,customer_id,amount,at,status\n1,7,9.90,2026-11-01 10:00:00,paid\n",
        "dbt/shop/dbt_project.yml": "name: shop\n", "tools/report.py": "", "tools/page.sh": ""})
    project.write({path: text for _, path, text in EXAMPLES if path != "eider.yaml"})
    project.write({"eider.yaml": "".join(text for _, path, text in EXAMPLES if path == "eider.yaml")})
    return project


def test_the_examples_are_a_project(guide):
    assert len(EXAMPLES) >= 10
    server = ProjectServer(guide, environment=SECRETS).start()
    try:
        about = server.api("GET")
        assert about["problems"] == [] and about["assets"] == len([1 for _, path, _ in EXAMPLES if path != "eider.yaml"])
        assert {one["name"] for one in about["environments"]} == {"production", "staging", "dev"}
        assert {"refresh", "nightly", "arrivals"} <= {one["name"] for one in server.api("GET", "/schedules")["schedules"]}
        text = server.get("/api/v1/pipelines/graph", params={"format": "text"}).text
        assert "revenue" in text and "every_order_has_a_customer" in text
    finally:
        server.stop()


def test_commands_of_the_guide_exist(guide):
    overview = guide.ok("help")
    used = set(re.findall(r"(?:^|`)eider ([a-z-]+)", PAGE, re.M)) - {"new"}
    assert len(used) > 10
    for command in used:
        assert re.search(rf"^  {command}\b", overview, re.M), command

"""Pipelines by REST: every route once, who may what, pages, and what is refused."""

import json

import pytest
import requests

from lib import people
from lib.pipelines import ENDED, Project, ProjectServer
from lib.wait import until

API = "/api/v1/pipelines"
FILES = {
    "data/source/orders.csv": "id,amount,region\n1,10,north\n2,20,south\n",
    "pipelines/source/raw.sql": "/* eider\ngroup: source\n*/\nSELECT * FROM read_csv('data/source/orders.csv')\n",
    "pipelines/orders.sql": "/* eider\ngroup: trans\ntags: [daily]\nowner: ada\ndescription: Orders as they are.\n"
                            "columns:\n  - name: id\n    type: BIGINT\ntests:\n  - not_null: id\n*/\n"
                            "SELECT id, amount * 2 AS amount, region FROM raw\n",
    "pipelines/report.sql": "/* eider\ngroup: summary\nexport: data/final/report.csv\n*/\nSELECT sum(amount) AS total FROM orders\n",
    "pipelines/by_region.sql": "/* eider\nmaterialize: incremental\nstrategy: delete+insert\nunique_key: region\n"
                               "partition_by: {key: region, values: [north, south, west]}\n*/\nSELECT region, amount FROM orders\n",
    "pipelines/wrong.sql": "/* eider\ngroup: wrong\n*/\nSELECT\n  1 / 'x'::INT AS y\n",
}
SETTINGS = """
environments:
  dev: {}
schedules:
  nightly: {cron: "0 3 * * *", zone: Europe/Helsinki, select: [report]}
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A server of the project, with users: an administrator, an owner and a reader of production, a stranger."""
    project = Project(tmp_path_factory.mktemp("rest") / "shop", FILES, SETTINGS)
    server = ProjectServer(project).start()
    server.root = people.administrator(server)
    assert server.root.request("POST", "/api/v1/tenants", {"id": "tenant_acme"}).status_code in (201, 409)
    server.owner = people.user(server.root, "olga", tenant_acme="owner")
    server.reader = people.user(server.root, "rita", tenant_acme="reader")
    server.stranger = people.user(server.root, "stan")
    yield server
    server.stop()


def call(person, method, path, body=None, status=200, **arguments):
    answer = person.request(method, API + path, body, **arguments)
    assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
    return answer.json() if answer.text.startswith("{") else answer.text


def refused(person, method, path, status, body=None):
    answer = person.request(method, API + path, body)
    assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
    return answer.json()["error"]


def finished(server, run):
    def look():
        found = call(server.reader, "GET", f"/runs/{run}")
        return found["run"]["state"] in ENDED and found
    return until(look, 60, f"the end of run {run}")


@pytest.fixture(scope="module")
def built(served):
    """A run of all but what is wrong and what has partitions; gives it as it ended."""
    answer = call(served.owner, "POST", "/runs", {"select": ["+report"]}, 201)
    assert [step["asset"] for step in answer["steps"]] == ["raw", "orders", "report"]
    found = finished(served, answer["id"])
    assert found["run"]["state"] == "done", found
    return found


def test_the_project_at_a_glance(served):
    project = call(served.reader, "GET", "")
    assert (project["name"], project["tenant"], project["assets"]) == ("shop", "tenant_acme", 5)
    assert [environment["name"] for environment in project["environments"]] == ["production"]  # dev is hidden from them
    assert project["problems"] == []
    assert [environment["name"] for environment in call(served.root, "GET", "")["environments"]] == ["production", "dev"]


def test_a_run_its_steps_and_its_export(served, built):
    run, steps = built["run"], {step["asset"]: step for step in built["steps"]}
    assert (run["environment"], run["tenant"], run["trigger"], run["user"]) == ("production", "tenant_acme", "manual", "olga")
    assert (run["steps"], run["done"], run["failed"], run["rows"]) == (3, 3, 0, 5)
    assert run["created"] <= run["started"] <= run["ended"] and run["run_us"] > 0
    assert steps["orders"]["upstream"] == ["raw"] and steps["orders"]["rows"] == 2
    assert steps["report"]["report"]["exports"][0]["path"] == "data/final/report.csv"
    assert served.project.read("data/final/report.csv") == "total\n60\n"


def test_assets_and_when_they_were_built(served, built):
    listed = call(served.reader, "GET", "/assets")
    assert [asset["name"] for asset in listed["assets"]] == ["by_region", "orders", "raw", "report", "wrong"]
    assert "after" not in listed
    orders = call(served.reader, "GET", "/assets/orders")
    assert (orders["group"], orders["tags"], orders["owner"]) == ("trans", ["daily"], "ada")
    assert (orders["upstream"], orders["path"], orders["materialize"]) == (["raw"], "pipelines/orders.sql", "table")
    assert orders["built"]["run"] == built["run"]["id"] and orders["built"]["rows"] == 2
    assert orders["tests"][0]["kind"] == "not_null" and "FROM raw" in orders["text"]
    assert call(served.reader, "GET", "/assets/raw")["files"] == ["data/source/orders.csv"]
    assert call(served.reader, "GET", "/assets/report")["exports"] == [{"path": "data/final/report.csv", "format": "csv"}]
    assert "built" not in call(served.reader, "GET", "/assets/wrong")
    assert "no asset 'nothing'" in refused(served.reader, "GET", "/assets/nothing", 404)["message"]


def test_assets_come_in_pages(served):
    seen, after = [], {}
    for _ in range(3):
        page = call(served.reader, "GET", "/assets", params={"limit": 2} | after)
        seen += [asset["name"] for asset in page["assets"]]
        after = {"after": page.get("after")}
    assert seen == ["by_region", "orders", "raw", "report", "wrong"] and page.get("after") is None


def test_the_graph_in_four_forms(served):
    graph = call(served.reader, "GET", "/graph", params={"select": "+report"})
    assert {"raw", "orders", "report"} <= set(json.dumps(graph).replace('"', " ").split()) and "wrong" not in json.dumps(graph)
    assert "digraph" in call(served.reader, "GET", "/graph", params={"format": "dot"})
    for form in ("text", "mermaid"):
        assert "orders" in call(served.reader, "GET", "/graph", params={"format": form})
    assert "one of json" in refused(served.reader, "GET", "/graph?format=png", 400)["hint"]
    assert refused(served.reader, "GET", "/graph?select=nothing", 404)["message"]


def test_a_plan_says_why(served, built):
    plan = call(served.reader, "POST", "/plan", {"select": ["+report", "wrong"], "changed": True})
    assert [step["asset"] for step in plan["steps"]] == ["wrong"] and plan["steps"][0]["reason"] == "never built"
    again = call(served.reader, "POST", "/plan", {"select": ["report"]})
    assert [step["asset"] for step in again["steps"]] == ["report"]


def test_a_check_names_file_and_line(served):
    found = call(served.reader, "POST", "/check", {})
    assert found["assets"] == 5 and found["problems"] == []
    served.project.write({"pipelines/broken.sql": "SELECT\n  nothing\nFROM raw\n"})
    try:
        problem, = call(served.reader, "POST", "/check", {})["problems"]
    finally:
        served.project.write({"pipelines/broken.sql": None})
    assert (problem["path"], problem["line"], problem["asset"]) == ("pipelines/broken.sql", 2, "broken")
    assert "nothing" in problem["message"]


def test_a_failed_run_has_its_place_and_can_be_retried(served, built):
    run = finished(served, call(served.owner, "POST", "/runs", {"select": ["wrong", "raw"]}, 201)["id"])
    assert run["run"]["state"] == "failed" and run["run"]["failed"] == 1
    wrong = next(step for step in run["steps"] if step["asset"] == "wrong")
    assert wrong["state"] == "failed" and wrong["failure"] == "sql" and "could not convert" in wrong["error"]["message"]
    attempt, = [attempt for attempt in run["attempts"] if attempt["step"] == wrong["index"]]
    assert attempt["failure"] == "sql" and attempt["attempt"] == 1
    answer = call(served.owner, "POST", f"/runs/{run['run']['id']}/retry", {}, 201)
    assert [step["asset"] for step in answer["steps"]] == ["wrong"]
    retried = finished(served, answer["id"])["run"]
    assert retried["trigger"] == f"retry:{run['run']['id']}"
    whole = call(served.owner, "POST", f"/runs/{run['run']['id']}/retry", {"from_failure": False}, 201)
    assert sorted(step["asset"] for step in whole["steps"]) == ["raw", "wrong"]
    finished(served, whole["id"])
    assert retried["id"] in [row["id"] for row in call(served.reader, "GET", "/runs?state=failed&asset=wrong")["runs"]]
    assert call(served.owner, "GET", f"/runs?trigger=retry:{run['run']['id']}")["runs"]
    error = refused(served.owner, "POST", f"/runs/{run['run']['id']}/cancel", 409)
    assert "ended" in error["message"]


def test_runs_come_in_pages_newest_first(served, built):
    numbers, before = [], {}
    while before is not None:
        page = call(served.reader, "GET", "/runs", params={"limit": 2} | before)
        numbers += [run["number"] for run in page["runs"]]
        before = {"before": page["before"]} if "before" in page else None
    assert numbers == sorted(numbers, reverse=True) and len(set(numbers)) == len(numbers)
    assert len(numbers) >= 1 and numbers[-1] == 1
    assert call(served.reader, "GET", "/runs?since=2020-01-01T00:00:00Z&limit=1")["runs"]
    assert call(served.reader, "GET", "/runs?asset=by_region")["runs"] == []


def test_a_run_is_cancelled(served):
    served.project.write({"pipelines/slow.sql": "SELECT count(*) AS n FROM range(1000000000) a, range(1000000) b WHERE a.range * b.range = -1\n"})
    try:
        run = call(served.owner, "POST", "/runs", {"select": ["slow"]}, 201)["id"]
        assert refused(served.reader, "POST", f"/runs/{run}/cancel", 403)["code"] == "permission_denied"
        assert call(served.owner, "POST", f"/runs/{run}/cancel", {}, 202)["state"] == "cancelling"
        assert finished(served, run)["run"]["state"] == "cancelled"
    finally:
        served.project.write({"pipelines/slow.sql": None})


def test_logs_and_events(served, built):
    run = built["run"]["id"]
    lines = call(served.reader, "GET", f"/runs/{run}/logs")["lines"]
    assert [line["number"] for line in lines] == list(range(1, len(lines) + 1))
    answer = requests.get(f"{served.url}{API}/runs/{run}/events", headers=served.reader.headers, timeout=30)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "event: run" in answer.text and answer.text.count("event: step") >= 3


def test_schedules_and_ticks(served):
    schedule, = call(served.reader, "GET", "/schedules")["schedules"]
    assert (schedule["name"], schedule["kind"], schedule["expression"]) == ("nightly", "cron", "0 3 * * *")
    assert schedule["zone"] == "Europe/Helsinki" and schedule["paused"] is False and schedule["next"]
    call(served.owner, "POST", "/schedules/nightly/pause", {}, 204)
    assert call(served.reader, "GET", "/schedules")["schedules"][0]["paused"] is True
    call(served.owner, "POST", "/schedules/nightly/resume", {"environment": "production"}, 204)
    run = call(served.owner, "POST", "/schedules/nightly/trigger", {}, 201)["id"]
    assert finished(served, run)["run"]["trigger"] == "schedule:nightly"
    assert isinstance(call(served.reader, "GET", "/ticks?schedule=nightly&limit=5")["ticks"], list)
    assert refused(served.owner, "POST", "/schedules/nigthly/pause", 404)
    assert refused(served.reader, "POST", "/schedules/nightly/trigger", 403)


def test_a_backfill(served, built):
    backfill = call(served.owner, "POST", "/backfills", {"asset": "by_region", "from": "north", "to": "south"}, 201)
    assert (backfill["asset"], backfill["total"]) == ("by_region", 2)

    def ended():
        found, = [one for one in call(served.reader, "GET", "/backfills")["backfills"] if one["id"] == backfill["id"]]
        return found["state"] in ENDED and found
    assert until(ended, 60, "the end of the backfill")["done"] == 2
    runs = call(served.reader, "GET", f"/runs?backfill={backfill['id']}")["runs"]
    assert sorted(run["partition"] for run in runs) == ["north", "south"]
    assert refused(served.owner, "POST", "/backfills", 400, {"from": "north"})["message"] == "body: asset is missing"
    assert refused(served.owner, "POST", f"/backfills/{backfill['id']}/cancel", 409)
    assert refused(served.owner, "POST", "/backfills/nothing/cancel", 404)


READS = ["", "/assets", "/assets/orders", "/graph", "/runs", "/schedules", "/ticks", "/backfills"]
CHANGES = [("/runs", {"select": ["raw"]}), ("/schedules/nightly/pause", {}), ("/schedules/nightly/resume", {}),
           ("/schedules/nightly/trigger", {}), ("/backfills", {"asset": "by_region"}), ("/backfills/x/cancel", {})]


def test_rights(served, built):
    run = built["run"]["id"]
    for path in [*READS, f"/runs/{run}", f"/runs/{run}/logs", f"/runs/{run}/events"]:
        assert refused(served.stranger, "GET", path, 404)["code"] == "not_found"
        assert requests.get(served.url + API + path, timeout=30).status_code == 401
    for path, body in [*CHANGES, (f"/runs/{run}/cancel", {}), (f"/runs/{run}/retry", {})]:
        assert refused(served.reader, "POST", path, 403, body)["code"] == "permission_denied"
        assert refused(served.stranger, "POST", path, 404, body)["code"] == "not_found"
    for path in ("/check", "/plan"):
        assert refused(served.stranger, "POST", path, 404)


def test_another_environment_is_another_tenant(served):
    assert refused(served.owner, "GET", "/runs?environment=dev", 404)
    answer = call(served.root, "POST", "/runs", {"environment": "dev", "select": ["raw"]}, 201)
    assert answer["tenant"] == "tenant_acme_dev"
    until(lambda: call(served.root, "GET", f"/runs/{answer['id']}")["run"]["state"] == "done", 60, "the run in dev")
    assert refused(served.owner, "GET", f"/runs/{answer['id']}", 404)
    assert "no environment 'nowhere'" in refused(served.root, "GET", "/runs?environment=nowhere", 404)["message"]


@pytest.mark.parametrize("path, body", [
    ("/runs", {"selct": ["raw"]}), ("/runs", {"select": "raw"}), ("/runs", {"select": [1]}), ("/runs", {"changed": "yes"}),
    ("/runs", {"from_failure": True}), ("/plan", {"dry_run": True}), ("/check", {"environment": 1}), ("/backfills", {"asset": ["x"]}),
    ("/schedules/nightly/pause", {"until": "noon"})])
def test_unknown_members_and_kinds(served, path, body):
    assert refused(served.root, "POST", path, 400, body)["code"] == "invalid_argument"


@pytest.mark.parametrize("path", ["/runs?limit=0", "/runs?limit=501", "/runs?before=x", "/runs?state=odd", "/runs?since=yesterday",
                                  "/assets?limit=x", "/ticks?limit=501", "/ticks?before=0"])
def test_parameters_are_checked(served, path):
    assert refused(served.root, "GET", path, 400)["code"] == "invalid_argument"


@pytest.mark.parametrize("method, path", [("GET", "/runs/nothing"), ("POST", "/runs/nothing/cancel"), ("POST", "/runs/nothing/retry"),
                                          ("GET", "/runs/nothing/logs"), ("GET", "/runs/nothing/events"),
                                          ("POST", "/schedules/nothing/trigger")])
def test_what_is_not_there(served, method, path):
    assert refused(served.root, method, path, 404)["code"] == "not_found"


def test_a_problem_of_the_project_stops_what_is_chosen(served):
    served.project.write({"pipelines/odd.sql": "/* eider\nmaterialise: table\n*/\nSELECT 1 AS x\n"})
    try:
        problem, = call(served.reader, "GET", "")["problems"]
        assert (problem["path"], problem["line"]) == ("pipelines/odd.sql", 2)
        assert "materialize" in problem["hint"]
    finally:
        served.project.write({"pipelines/odd.sql": None})


def test_a_server_without_a_project_says_so(server):
    for method, path in [*(("GET", path) for path in READS), *(("POST", path) for path, _ in CHANGES), ("POST", "/check"), ("POST", "/plan")]:
        error = refused(people.nobody(server), method, path, 404, {"asset": "x"} if path == "/backfills" else None)
        assert error["message"] == "this server has no project" and "eider new" in error["hint"]

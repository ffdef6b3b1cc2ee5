"""OpenLineage events of real runs, each valid by the published schemas: posted to a receiver, and as lines of a file."""

import datetime
import json
import pathlib
import uuid

import jsonschema
import pytest
import referencing

from lib.pipelines import Project, ProjectServer
from lib.receiver import receiver
from lib.wait import until

SCHEMAS = [json.loads(path.read_text()) for path in pathlib.Path(__file__).parent.joinpath("openlineage").glob("*.json")]
REGISTRY = referencing.Registry().with_resources((schema["$id"], referencing.Resource.from_contents(schema)) for schema in SCHEMAS)
FILES = {
    "data/source/orders.csv": "id,customer,amount\n1,ann,10\n2,bob,20\n3,ann,5\n",
    "pipelines/orders.sql": """/* eider
owner: team:sales
description: every order
columns:
  - {name: id, description: its number}
tests:
  - not_null: id
  - accepted_values: {columns: customer, values: [ann], severity: warn}
*/
SELECT id, customer, amount FROM read_csv('data/source/orders.csv')
""",
    "pipelines/doubled.sql": "/* eider\nmaterialize: ephemeral\n*/\nSELECT customer, amount * 2 AS amount FROM orders\n",
    "pipelines/totals.sql": """/* eider
export: data/final/totals.csv
*/
SELECT customer, sum(amount) AS total FROM doubled GROUP BY customer
""",
    "pipelines/wrong.sql": "SELECT CAST(customer AS INTEGER) AS x FROM orders\n",
    "pipelines/after_wrong.sql": "SELECT * FROM wrong\n",
    "pipelines/endless.sql": "SELECT count(*) AS n FROM range(10000000000000) t(i) WHERE i % 7 = 3\n",
    "tests/positive.sql": "SELECT * FROM totals WHERE total < 0\n",
    "pipelines/seen.yaml": "command: [echo, hello]\n",
}


def validate(document, address):
    """By the schema at this address, which may point into one: "https://…/X.json#/$defs/X"."""
    validator = jsonschema.Draft202012Validator({"$ref": address}, registry=REGISTRY,
                                                format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
    validator.validate(document)


def facets(event):
    for owner in (event["run"], event["job"], *event["inputs"], *event["outputs"]):
        for member in ("facets", "inputFacets", "outputFacets"):
            yield from owner.get(member, {}).items()


def check(event):
    assert event["schemaURL"] == "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
    validate(event, event["schemaURL"])
    validate(event, "https://openlineage.io/spec/2-0-2/OpenLineage.json")
    uuid.UUID(event["run"]["runId"])
    assert datetime.datetime.fromisoformat(event["eventTime"]).tzinfo
    for name, facet in facets(event):
        address = facet["_schemaURL"]
        validate(facet, address)
        validate({name: facet}, address.partition("#")[0])  # the facet's own name


@pytest.fixture(scope="module")
def sink():
    with receiver() as server:
        yield server


@pytest.fixture(scope="module")
def server(tmp_path_factory, sink):
    settings = f"""
name: shop
outgoing: [127.0.0.1]
commands: true
lineage: {{url: "{sink.url}", file: logs/lineage.jsonl}}
environments: {{dev: {{}}}}
"""
    project = Project(tmp_path_factory.mktemp("lineage") / "project", FILES, settings=settings)
    server = ProjectServer(project).start()
    yield server
    server.stop()
    lines = project.read("logs/lineage.jsonl").splitlines()
    assert [json.loads(line) for line in lines] == sink.documents  # in the same order, all of them


def events_of(sink, run):
    """The events of a run that has ended, in order; each is valid."""
    def mine():
        found = [event for event in sink.documents if event["run"]["runId"] == run or
                 event["run"]["facets"].get("parent", {}).get("run", {}).get("runId") == run]
        ended = any(event["run"]["runId"] == run and event["eventType"] != "START" for event in found)
        return ended and found

    found = until(mine, what=f"the last event of {run}")
    for event in found:
        check(event)
    starts = [event["run"]["runId"] for event in found if event["eventType"] == "START"]
    ends = [event["run"]["runId"] for event in found if event["eventType"] != "START"]
    assert sorted(starts) == sorted(ends) and len(set(starts)) == len(starts)
    assert found[0]["run"]["runId"] == found[-1]["run"]["runId"] == run
    return found


def last_of(events, job):
    return [event for event in events if event["job"]["name"] == job][-1]


def test_a_run_that_succeeds(server, sink):
    run = server.run(select=["orders", "totals", "positive", "seen"])
    assert run["state"] == "done", run
    events = events_of(sink, run["id"])
    assert last_of(events, "shop")["eventType"] == "COMPLETE"
    assert {event["job"]["namespace"] for event in events} == {"tenant_acme"}

    orders = last_of(events, "shop.orders")
    assert orders["eventType"] == "COMPLETE"
    parent = orders["run"]["facets"]["parent"]
    assert parent["run"]["runId"] == run["id"] and parent["job"]["name"] == "shop" and parent["root"]["run"] == parent["run"]
    source = next(one for one in orders["inputs"] if one["namespace"] == "file")
    assert source["name"] == str(server.project.root / "data/source/orders.csv")
    assert source["inputFacets"]["inputStatistics"]["size"] == len(FILES["data/source/orders.csv"])
    table, = orders["outputs"]
    assert (table["namespace"], table["name"]) == ("tenant_acme", "default.orders")
    fields = table["facets"]["schema"]["fields"]
    assert [field["name"] for field in fields] == ["id", "customer", "amount"] and fields[0]["description"] == "its number"
    assert table["outputFacets"]["outputStatistics"]["rowCount"] == 3
    assert table["facets"]["ownership"]["owners"] == [{"name": "team:sales"}]
    tests = {one["assertion"]: one for one in table["facets"]["dataQualityAssertions"]["assertions"]}
    assert tests["not_null"]["success"] and tests["not_null"]["column"] == "id"
    assert not tests["accepted_values"]["success"] and tests["accepted_values"]["severity"] == "warn"
    assert "read_csv" in orders["job"]["facets"]["sql"]["query"]

    totals = last_of(events, "shop.totals")
    assert [(one["namespace"], one["name"]) for one in totals["inputs"]] == [("tenant_acme", "default.orders")]
    assert [one["name"] for one in totals["outputs"]] == ["default.totals", str(server.project.root / "data/final/totals.csv")]
    positive = last_of(events, "shop.positive")
    assert positive["inputs"][0]["name"] == "default.totals" and positive["outputs"] == []
    assert last_of(events, "shop.seen")["job"]["facets"]["jobType"]["jobType"] == "COMMAND"


def test_columns_come_from_columns(server, sink):
    run = server.run(select=["totals"], full_refresh=True)
    totals = last_of(events_of(sink, run["id"]), "shop.totals")
    fields = totals["outputs"][0]["facets"]["columnLineage"]["fields"]
    customer, total = fields["customer"]["inputFields"], fields["total"]["inputFields"]
    assert [(one["name"], one["field"]) for one in customer] == [("default.orders", "customer")]
    assert customer[0]["transformations"] == [{"type": "DIRECT", "subtype": "IDENTITY"}]
    assert [(one["name"], one["field"]) for one in total] == [("default.orders", "amount")]
    assert total[0]["transformations"] == [{"type": "DIRECT", "subtype": "TRANSFORMATION"}]
    parameters = {one["key"]: one["value"] for one in totals["run"]["facets"]["executionParameters"]["parameters"]}
    assert parameters["full_refresh"] == "true" and parameters["trigger"] == "manual"


def test_a_run_that_fails(server, sink):
    run = server.run(select=["orders", "wrong", "after_wrong"], environment="dev")
    assert run["state"] == "failed"
    events = events_of(sink, run["id"])
    assert {event["job"]["namespace"] for event in events} == {"tenant_acme_dev"}
    wrong = last_of(events, "shop.wrong")
    assert wrong["eventType"] == "FAIL" and "INT" in wrong["run"]["facets"]["errorMessage"]["message"].upper()
    assert "outputFacets" not in wrong["outputs"][0]
    assert not [event for event in events if event["job"]["name"] == "shop.after_wrong"]  # it never began
    whole = last_of(events, "shop")
    assert whole["eventType"] == "FAIL" and whole["run"]["facets"]["errorMessage"]["message"].startswith("wrong: ")


def test_a_run_that_is_cancelled(server, sink):
    run = server.start_run(select=["endless"])
    until(lambda: server.look(run)["steps"]["endless"]["state"] == "running")
    server.api("POST", f"/runs/{run}/cancel")
    assert server.ended(run)["state"] == "cancelled"
    events = events_of(sink, run)
    assert last_of(events, "shop.endless")["eventType"] == "ABORT" and last_of(events, "shop")["eventType"] == "ABORT"


def test_what_the_receiver_does_not_take_is_sent_again(server, sink):
    sink.answers = [503, 500]
    run = server.run(select=["seen"])["id"]
    assert len(events_of(sink, run)) == 4
    sink.answers = [400]  # for good: this one is dropped, and counted
    run = server.run(select=["seen"])["id"]
    until(lambda: "eider_pipeline_lineage_events_dropped_total 1\n" in server.get("/metrics").text)
    found = until(lambda: (mine := [event for event in sink.documents if run in json.dumps(event)]) and len(mine) == 3 and mine)
    assert [event["eventType"] for event in found] == ["START", "COMPLETE", "COMPLETE"]
    line = next(json.loads(line) for line in server.project.read("logs/lineage.jsonl").splitlines() if run in line)
    sink.documents.insert(sink.documents.index(found[0]), line)  # the file has what the receiver refused


def test_events_of_a_run_without_a_server(make_project):
    with receiver() as sink:
        settings = f"outgoing: [127.0.0.1]\nlineage: {sink.url}\n"
        project = make_project({"pipelines/one.sql": "SELECT 1 AS x\n"}, settings=settings)
        project.ok("run")
        assert [event["eventType"] for event in sink.documents] == ["START", "START", "COMPLETE", "COMPLETE"]
        for event in sink.documents:
            check(event)


def test_a_scheduled_run_has_its_nominal_time(make_project):
    project = make_project({"pipelines/often.sql": "/* eider\nschedule: {every: 1s}\n*/\nSELECT 1 AS x\n"}, "lineage: logs/lineage.jsonl\n")
    path = project.root / "logs/lineage.jsonl"
    with project.served():
        until(lambda: path.exists() and path.read_text().count("COMPLETE") >= 2)
    for event in map(json.loads, path.read_text().splitlines()):
        check(event)
        nominal = event["run"]["facets"]["nominalTime"]["nominalStartTime"]
        assert nominal.endswith(".000000Z") and nominal <= event["eventTime"]


def test_an_address_that_is_not_allowed_gets_nothing(make_project):
    with receiver() as sink:
        project = make_project({"pipelines/one.sql": "SELECT 1 AS x\n"}, settings=f"lineage: {sink.url}\n")
        with project.served() as server:
            assert server.run()["state"] == "done"
            until(lambda: "eider_pipeline_lineage_events_dropped_total 4\n" in server.get("/metrics").text)
            assert "delivery.dropped" in server.log()
        assert sink.requests == 0

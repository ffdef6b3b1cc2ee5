"""Alerts: who is told of failures, recoveries and assets that are too old, and how often."""

import json
import re
import time

import pytest

from lib.pipelines import Project, ProjectServer
from lib.receiver import receiver
from lib.wait import until

GOOD, BAD = "SELECT 1 AS x\n", "SELECT CAST(n AS INTEGER) AS x FROM words\n"
FILES = {
    "seeds/words.csv": "n\nx\n",
    "pipelines/a.sql": BAD,
    "pipelines/b.sql": "/* eider\ntags: [quiet]\n*/\nSELECT * FROM a\n",
    "pipelines/c.sql": "/* eider\ntags: [quiet]\n*/\n" + BAD,
}
# What it was told, as a line of a file of the project.
TELLS = """printf '%s %s %s|' "$EIDER_ALERT" "$EIDER_ASSETS" "$EIDER_ENVIRONMENT" >> logs/told; cat >> logs/told; echo >> logs/told"""


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
alerts:
  - {{webhook: "{sink.url}", select: ["!tag:quiet"]}}
  - {{command: [sh, -c, {json.dumps(TELLS)}], on: [failure, recovery]}}
"""
    project = Project(tmp_path_factory.mktemp("alerts") / "project", FILES, settings=settings)
    (project.root / "logs").mkdir(exist_ok=True)
    server = ProjectServer(project).start()
    yield server
    server.stop()


def told(server):
    """[(words, document)] of the command."""
    path = server.project.root / "logs/told"
    lines = path.read_text().splitlines() if path.exists() else []
    return [(line.partition("|")[0], json.loads(line.partition("|")[2])) for line in lines if line.endswith("}")]


def test_failure_and_recovery(server, sink):
    run = server.run(select=["words", "a", "b", "c"])
    assert run["state"] == "failed"
    alert = until(lambda: sink.documents and sink.documents[-1])
    assert (alert["event"], alert["project"], alert["environment"], alert["tenant"]) == ("failure", "shop", "production", "tenant_acme")
    assert alert["run"]["id"] == run["id"] and alert["run"]["trigger"] == "manual" and alert["count"] == 1
    asset, = alert["assets"]  # b was skipped, c is left out
    assert asset["asset"] == "a" and asset["path"] == "pipelines/a.sql" and asset["state"] == "failed"
    assert asset["error"]["message"] and asset["error"]["line"] == 1
    assert alert["text"].startswith("shop: a failed in production: ")
    words, document = until(lambda: told(server))[0]
    assert words == "failure a c production" and document["count"] == 2

    server.project.write({"pipelines/a.sql": GOOD})
    assert server.run(select=["a"])["state"] == "done"
    alert = until(lambda: len(sink.documents) == 2 and sink.documents[-1])
    assert alert["event"] == "recovery" and alert["text"] == "shop: a recovered in production"
    assert until(lambda: len(told(server)) == 2 and told(server))[1][0] == "recovery a production"
    assert server.run(select=["a"])["state"] == "done"  # once is enough
    assert 'eider_pipeline_alerts_total{outcome="sent"} 4\n' in until(
        lambda: (text := server.get("/metrics").text) and 'outcome="sent"} 4' in text and text)
    assert len(sink.documents) == 2 and len(told(server)) == 2


def test_metrics_of_runs(server):
    text = server.get("/metrics").text
    assert 'eider_pipeline_runs_total{state="failed",trigger="manual"} 1\n' in text
    assert 'eider_pipeline_runs_total{state="done",trigger="manual"} 2\n' in text
    assert 'eider_pipeline_steps_total{state="skipped"} 1\n' in text and 'eider_pipeline_steps_total{state="failed"} 2\n' in text
    assert "eider_pipeline_runs_running 0\n" in text and "eider_pipeline_steps_running 0\n" in text
    success = re.search(r'last_success_timestamp_seconds{environment="production",asset="a"} (\S+)', text)
    assert abs(float(success.group(1)) - time.time()) < 600


def test_recovery_is_told_after_a_restart(server, sink):
    server.project.write({"pipelines/a.sql": BAD})
    assert server.run(select=["words", "a"])["state"] == "failed"
    until(lambda: sink.documents[-1]["event"] == "failure")
    server.stop()
    server.project.write({"pipelines/a.sql": GOOD})
    server.start()
    assert server.run(select=["a"])["state"] == "done"
    until(lambda: sink.documents[-1]["event"] == "recovery")


def test_an_asset_that_is_too_old_is_told_once(make_project):
    with receiver() as sink:
        settings = f"outgoing: [127.0.0.1]\nalerts: {{webhook: \"{sink.url}\"}}\n"
        project = make_project({"pipelines/old.sql": "/* eider\nfreshness: 1s\n*/\nSELECT 1 AS x\n", "pipelines/other.sql": GOOD}, settings)
        with project.served() as server:
            assert server.run()["state"] == "done"
            alert = until(lambda: sink.documents and sink.documents[-1])
            assert alert["event"] == "freshness" and [one["asset"] for one in alert["assets"]] == ["old"]
            assert alert["assets"][0]["max_age_s"] == 1 and "run" not in alert
            assert server.run()["state"] == "done"  # it is fresh again, and then missed a second time
            until(lambda: len(sink.documents) >= 2)
            assert sink.documents[-1]["event"] == "freshness"
            assert sink.documents[-1]["assets"][0]["built"] > alert["assets"][0]["built"]


def test_a_command_needs_leave_under_a_server(make_project):
    settings = f"name: shop\nalerts: {{command: [sh, -c, {json.dumps(TELLS)}]}}\n"
    project = make_project({"seeds/words.csv": "n\nx\n", "pipelines/a.sql": BAD}, settings)
    (project.root / "logs").mkdir(exist_ok=True)
    with project.served() as server:
        assert server.run()["state"] == "failed"
        until(lambda: "alert.command_refused" in server.log())
    assert not (project.root / "logs/told").exists()
    assert project("run").returncode == 1  # by the owner of the directory it is allowed, and waited for
    words, document = project.read("logs/told").split("|")
    assert words == "failure a production" and json.loads(document)["event"] == "failure"

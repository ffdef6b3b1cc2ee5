"""Power cuts of the front and of workers at every stage of a run: what was done stays done once, the rest is done after
the next start, and nothing is appended twice."""

import contextlib
import os

import pytest
import requests

from lib.disks import fill
from lib.pipelines import ENDED, Project, ProjectServer
from lib.wait import until
from test_run import BUSY, ENDLESS, properties, states

# Each asset counts how often it was really built.
CHAIN = {
    "pipelines/first.sql": properties("materialize: incremental") + "SELECT 1 AS x",
    "pipelines/second.sql": properties("materialize: incremental", "export: data/final/second.csv") + "SELECT x + 1 AS x FROM first",
    "pipelines/third.sql": properties("materialize: none", "depends_on: [second]") + "CREATE TABLE IF NOT EXISTS log(x INTEGER); INSERT INTO log SELECT x FROM second;",
    "pipelines/fourth.sql": properties("depends_on: [third]") + "SELECT count(*) AS n FROM log",
}
CHECK = "SELECT (SELECT count(*) FROM first), (SELECT count(*) FROM second), (SELECT count(*) FROM log), (SELECT n FROM fourth)"


@pytest.fixture
def serve(make_project):
    """A project of these files and its server, not started yet."""
    made = []

    def serve(files=CHAIN, settings="resume: true\n", **arguments):
        server = ProjectServer(make_project(files, settings), **arguments)
        made.append(server)
        return server

    yield serve
    for server in made:
        if server.running:
            server.stop()


def start_with(server, failpoint):
    server.environment = {"EIDER_FAILPOINT": failpoint} if failpoint else {}
    return server.start()


def start_run_and_die(server, **body):
    """The front dies at its failpoint, perhaps before it could answer."""
    with contextlib.suppress(requests.RequestException):
        server.api("POST", "/runs", body)
    server.process.wait(30)


def whole(server):
    """Everything was built once, and the file is there."""
    assert server.query(CHECK) == [[1, 1, 1, 1]]
    assert server.project.root.joinpath("data/final/second.csv").read_bytes() == b"x\r\n2\r\n"


@pytest.mark.parametrize("failpoint", [
    "pipeline.run.created", "pipeline.step.started", "pipeline.step.started:3", "pipeline.step.built", "pipeline.step.built:2",
    "pipeline.step.built:3", "pipeline.step.ended:2", "pipeline.step.ended:4", "pipeline.run.ending",
])
def test_a_run_goes_on_after_the_front_was_killed(serve, failpoint):
    server = start_with(serve(), failpoint)
    start_run_and_die(server)
    start_with(server, None)
    runs = until(lambda: (found := server.runs()) and all(run["state"] in ENDED for run in found) and found, 30, "the end of all runs")
    until(lambda: states(server.look(server.runs()[0]["id"])), 5, "steps")
    until(lambda: len(server.runs()) == 2 or server.runs()[0]["state"] == "done", 10, "the run that goes on")
    last = server.ended(server.runs()[0]["id"])
    runs = server.runs()
    assert last["state"] == "done", last
    if len(runs) == 2:  # else all steps were done, and the run was only not told so
        assert runs[1]["state"] == "interrupted" and last["parent"] == runs[1]["id"] and last["trigger"] == f"retry:{runs[1]['id']}"
        done_before = {asset for asset, state in states(server.look(runs[1]["id"])).items() if state == "done"}
        assert not done_before & set(last["steps"])
    whole(server)


def test_without_resume_a_run_stays_interrupted_until_it_is_asked_to_go_on(serve):
    server = start_with(serve(settings=""), "pipeline.step.built:2")
    start_run_and_die(server)
    start_with(server, None)
    left = until(lambda: (found := server.runs()) and found[0]["state"] == "interrupted" and found[0], 10, "the mark")
    assert len(server.runs()) == 1
    assert set(states(server.look(left["id"])).values()) <= {"done", "interrupted"}
    assert server.run(from_failure="last")["state"] == "done"
    whole(server)


@pytest.mark.parametrize("failpoint", ["build.before_commit", "build.after_commit", "export.before_rename"])
def test_a_worker_that_dies_is_followed_by_another_and_nothing_is_appended_twice(serve, failpoint):
    files = {path: text.replace("*/", "retries: {max: 3, delay: 0s}\n*/") for path, text in CHAIN.items()}
    server = start_with(serve(files), f"{failpoint}:{1 if failpoint.startswith('export') else 2}")
    failed = server.run()
    failures = [attempt["failure"] for attempt in failed["attempts"] if attempt.get("failure")]
    assert failures and set(failures) <= {"unavailable", "export"}
    server.stop()
    start_with(server, None)
    if failed["state"] != "done":
        assert not [name for name in server.project.files("data/final") if name.endswith(".csv")] or failpoint.startswith("build")
        assert server.run(from_failure="last")["state"] == "done"
    whole(server)
    assert not [name for name in server.project.files("data") if name.endswith(".part")]


def test_a_worker_killed_from_outside_fails_the_attempt_alone(serve):
    server = serve({"pipelines/busy.sql": properties("retries: {max: 1, delay: 0s}") + BUSY}).start()
    run = server.start_run(select=["busy"])
    until(lambda: states(server.look(run)) == {"busy": "running"} and server.running_statements(), 20, "the step")
    for worker in server.workers():
        os.kill(worker, 9)
    found = server.ended(run)
    assert found["state"] == "done"
    assert [attempt.get("failure") for attempt in found["attempts"]] == ["unavailable", None]


def test_a_cancelled_run_does_not_go_on_and_one_that_was_stopped_does(serve):
    server = serve({"pipelines/endless.sql": ENDLESS, "pipelines/under.sql": "SELECT n FROM endless"}).start()
    run = server.start_run()
    until(lambda: states(server.look(run))["endless"] == "running", 20, "the step")
    server.stop()
    assert server.project.steps(run)["endless"]["state"] == "interrupted"
    server.project.write({"pipelines/endless.sql": "SELECT 1 AS n"})
    server.start()
    until(lambda: len(server.runs()) == 2, 10, "the run that goes on")
    assert states(server.ended(server.runs()[0]["id"])) == {"endless": "done", "under": "done"}


def test_a_full_disk_fails_steps_and_loses_nothing(small_disk):
    project = Project(small_disk / "project", {
        "pipelines/small.sql": "SELECT 1 AS x",
        "pipelines/large.sql": "SELECT range AS k, hash(range)::VARCHAR AS v FROM range(3000000)",
        "pipelines/under.sql": "SELECT count(*) AS n FROM large",
    })
    server = ProjectServer(project, limits=None)
    server.log_path = small_disk.parent / "server.log"
    server.start()
    assert server.run(select=["small"])["state"] == "done"
    ballast = fill(small_disk, "ballast", 15)
    run = server.start_run(select=["large", "under", "small"])
    full = "history_failed", "end_not_written", "run.ended run=" + run
    until(lambda: any(event in server.log() for event in full), 60, "the end of the disk")
    assert server.get("/health").status_code == 200
    ballast.unlink()
    failed = server.ended(run)
    assert states(failed) == {"large": "failed", "under": "skipped", "small": "done"}
    assert failed["steps"]["large"]["failure"] == "resource" and server.query("SELECT x FROM small") == [[1]]
    project.write({"pipelines/large.sql": "SELECT range AS k FROM range(1000)"})
    again = server.run(from_failure=failed["id"])
    assert again["state"] == "done" and server.query("SELECT n FROM under") == [[1000]]
    server.stop()

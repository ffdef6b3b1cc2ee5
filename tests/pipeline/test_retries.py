"""Retries: as many as configured, with the delays that are configured, only for the classes that are configured."""

import pathlib

import pytest

from lib.pipelines import Project, ProjectServer
from lib.wait import until
from test_run import ENDLESS, moment, properties, states

# What a machine under load may add to a delay; nothing may be taken away from it.
LATE = 2.0


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("retries") / "project", settings="retries: {max: 1, delay: 10ms}\n")
    server = ProjectServer(project).start()
    yield server
    server.stop()


def delays(run, asset):
    """Seconds between the end of an attempt and the start of the next one."""
    step = run["steps"][asset]["index"]
    attempts = [attempt for attempt in run["attempts"] if attempt["step"] == step]
    assert [attempt["attempt"] for attempt in attempts] == list(range(1, len(attempts) + 1))
    return [(moment(later["started"]) - moment(earlier["ended"])).total_seconds() for earlier, later in zip(attempts, attempts[1:])]


def as_configured(found, expected, spread=0.0):
    assert len(found) == len(expected), (found, expected)
    for delay, wanted in zip(found, expected):
        assert wanted * (1 - spread) <= delay <= wanted * (1 + spread) + LATE, (found, expected)


def failing(*lines, name="flaky"):
    return properties(*lines) + f"SELECT error('{name} fails')"


@pytest.mark.parametrize("lines, expected, spread", [
    (["retries: {max: 3, delay: 100ms, backoff: linear}"], [0.1, 0.2, 0.3], 0),
    (["retries: {max: 4, delay: 100ms, backoff: exponential, cap: 300ms}"], [0.1, 0.2, 0.3, 0.3], 0),
    (["retries: {max: 3, delay: 200ms, backoff: linear, cap: 200ms, jitter: 0.5}"], [0.2, 0.2, 0.2], 0.5),
    (["retries: 0"], [], 0),
    (["retries: {max: 2, delay: 10ms, on: [timeout, unavailable]}"], [], 0),
    (["retries: {max: 2, delay: 10ms, on: [sql]}"], [0.01, 0.01], 0),
    ([], [0.01], 0),  # those of eider.yaml
], ids=["linear", "exponential with a cap", "jitter", "none", "other classes", "this class", "of the project"])
def test_attempts_and_delays_are_as_configured(server, lines, expected, spread):
    server.project.write({"pipelines/flaky.sql": failing(*lines)})
    run = server.run(select=["flaky"])
    step = run["steps"]["flaky"]
    assert run["state"] == "failed" and step["attempt"] == len(expected) + 1
    assert {attempt["failure"] for attempt in run["attempts"]} == {"sql"}
    if "linear" in str(lines) or "exponential" in str(lines):
        as_configured(delays(run, "flaky"), expected, spread)
    lines = [line["text"] for line in server.log_lines(run["id"]) if "the next one in" in line["text"]]
    assert len(lines) == len(expected)


def test_a_retry_that_succeeds_is_a_success(server):
    server.project.write({"pipelines/flaky.sql": properties("retries: {max: 20, delay: 50ms}") + "SELECT x FROM later",
                          "pipelines/under.sql": "SELECT x FROM flaky"})
    run = server.start_run(select=["flaky+"])
    server.query("CREATE OR REPLACE TABLE later AS SELECT 1 AS x")
    found = server.ended(run)
    assert found["state"] == "done" and states(found) == {"flaky": "done", "under": "done"}
    assert [attempt.get("failure") for attempt in found["attempts"] if attempt["step"] == 0][-1] is None
    server.query("DROP TABLE later")
    server.project.write({"pipelines/under.sql": None})


def test_a_timeout_is_a_class_and_ends_the_statement(server):
    server.project.write({"pipelines/slow.sql": properties("timeout: 300ms", "retries: {max: 1, delay: 0s, on: timeout}") + ENDLESS})
    run = server.run(select=["slow"])
    assert [attempt["failure"] for attempt in run["attempts"]] == ["timeout", "timeout"]
    assert "within its timeout of 0.3 s" in str(run["steps"]["slow"]["error"])
    for attempt in run["attempts"]:
        assert 0.3 <= (moment(attempt["ended"]) - moment(attempt["started"])).total_seconds() <= 0.3 + LATE
    assert not server.running_statements()
    server.project.write({"pipelines/slow.sql": None})


def test_after_a_commit_only_the_export_is_repeated(server):
    root = server.project.root
    server.project.write({"pipelines/exported.sql":
                          properties("materialize: incremental", "export: data/final/out/exported.csv", "retries: {max: 40, delay: 50ms}")
                          + "SELECT 1 AS x"})
    blocker = root / "data/final/out"
    blocker.write_text("a file where a directory has to be")
    run = server.start_run(select=["exported"])
    until(lambda: server.look(run)["steps"]["exported"]["attempt"] >= 3, 20, "the third attempt")
    assert server.query("SELECT count(*) FROM exported") == [[1]]
    blocker.unlink()
    found = server.ended(run)
    assert found["state"] == "done" and {attempt.get("failure") for attempt in found["attempts"]} == {"export", None}
    assert server.query("SELECT count(*) FROM exported") == [[1]]
    assert (root / "data/final/out/exported.csv").read_bytes() == b"x\r\n1\r\n"
    assert [line["text"] for line in server.log_lines(run) if line["text"].startswith("built")] == ["built incremental: 1 rows"]
    server.project.write({"pipelines/exported.sql": None})


def test_an_export_that_failed_is_what_from_failure_repeats(server):
    root = server.project.root
    server.project.write({"pipelines/exported.sql":
                          properties("materialize: incremental", "export: data/final/again/exported.csv", "retries: 0")
                          + "SELECT 1 AS x"})
    blocker = root / "data/final/again"
    blocker.write_text("a file where a directory has to be")
    before = server.query("SELECT count(*) FROM exported")
    failed = server.run(select=["exported"])
    assert failed["steps"]["exported"]["failure"] == "export" and failed["state"] == "failed"
    blocker.unlink()
    again = server.run(from_failure=failed["id"])
    assert again["state"] == "done" and server.query("SELECT count(*) FROM exported") == [[before[0][0] + 1]]
    assert (root / "data/final/again/exported.csv").exists()
    server.project.write({"pipelines/exported.sql": None})


def test_a_source_that_is_not_there_and_one_that_changes(server):
    path = pathlib.Path(server.project.root) / "data/source/late.csv"
    path.unlink(missing_ok=True)
    server.project.write({"pipelines/reads.sql": properties("retries: {max: 60, delay: 50ms, on: source}") + "SELECT n FROM read_csv('data/source/late.csv')"})
    run = server.start_run(select=["reads"])
    path.write_text("n\n1\n")
    found = server.ended(run)
    assert found["state"] == "done" and {attempt.get("failure") for attempt in found["attempts"]} <= {"source", None}
    server.project.write({"pipelines/reads.sql": None})

"""What starts by itself: intervals, cron, files, other assets; what a stop, a kill and a wrong clock do to it; backfills."""

import contextlib
import datetime
import os
import pathlib
import sqlite3
import time

import pytest

from lib.pipelines import Project, ProjectServer
from lib.wait import until
from test_run import ENDLESS, properties

SANITIZED = "asan" in os.environ.get("EIDER_BUILD", "")
FAKETIME = pathlib.Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
FAILS = "SELECT error('not today') AS x"

FILES = {
    "pipelines/tick.sql": properties("every: 1s") + "SELECT 1 AS x",
    "pipelines/after_tick.sql": properties("schedule:", "  after: tick", "  paused: true") + "SELECT 2 AS x",
    "pipelines/landed.sql": properties("schedule: {on_file: 'data/source/*.csv', stable: 400ms}") + "SELECT * FROM read_csv('data/source/*.csv')",
    "pipelines/counted.sql": properties("after: landed") + "SELECT count(*) AS n FROM landed",
    "pipelines/both.sql": properties("after: [left, right]") + "SELECT 1 AS x",
    "pipelines/left.sql": "SELECT 1 AS x",
    "pipelines/right.sql": "SELECT 1 AS x",
    "pipelines/ring_a.sql": properties("after: ring_b") + "SELECT 1 AS x",
    "pipelines/ring_b.sql": properties("after: ring_a") + "SELECT 1 AS x",
    # Runs that last: they fail, and wait for their second attempt.
    "pipelines/skipper.sql": properties("schedule: {every: 1s, paused: true}", "retries: {max: 1, delay: 2500ms}") + FAILS,
    "pipelines/queuer.sql": properties("schedule: {every: 1s, overlap: queue, paused: true}", "retries: {max: 1, delay: 1500ms}") + FAILS,
    "pipelines/canceller.sql": properties("schedule: {every: 1s, overlap: cancel, paused: true}") + f"SELECT ({ENDLESS}) AS x",
}
SETTINGS = "schedules:\n  nightly: {cron: '30 2 * * *', zone: Europe/Berlin, select: [tick]}\n"


class Schedules(ProjectServer):
    def schedule(self, name):
        return next(found for found in self.api("GET", "/schedules")["schedules"] if found["name"] == name)

    def ticks(self, schedule=None, **parameters):
        """Newest first."""
        return self.api("GET", "/ticks", **({"schedule": schedule} if schedule else {}), **parameters)["ticks"]

    def started(self, schedule):
        return [tick for tick in self.ticks(schedule) if tick["outcome"] == "started"]

    def outcomes(self, schedule):
        return [tick["outcome"] for tick in self.ticks(schedule)]

    def change(self, name, verb):
        return self.api("POST", f"/schedules/{name}/{verb}")

    def store(self, sql, *values):
        """Into the tables of a server that is stopped."""
        with contextlib.closing(sqlite3.connect(self.project.root / "db" / "eider.db")) as store, store:
            return store.execute(sql, values).fetchall()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Schedules(Project(tmp_path_factory.mktemp("schedules") / "project", FILES, SETTINGS)).start()
    yield server
    server.stop()


@pytest.fixture
def serve(make_project):
    made = []

    def serve(files, settings="", **arguments):
        made.append(Schedules(make_project(files, settings), **arguments))
        return made[-1]

    yield serve
    for server in made:
        if server.running:
            server.stop()


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def test_interval_ticks_once_a_second_and_its_ticks_name_their_runs(server):
    ticks = until(lambda: len(found := server.ticks("tick")) >= 3 and found, 20, "three ticks")
    due = [tick["due"] for tick in ticks]
    assert len(set(due)) == len(due) and due == sorted(due, reverse=True)
    assert all(moment(text).microsecond == 0 for text in due)
    started = server.started("tick")
    assert len(started) >= 2
    run = server.ended(started[-1]["run"])
    assert run["trigger"] == "schedule:tick" and run["state"] == "done" and list(run["steps"]) == ["tick"]
    shown = server.schedule("tick")
    assert shown["kind"] == "every" and shown["expression"] == "1s" and not shown["paused"]


def test_named_schedule_says_when_it_is_next(server):
    shown = server.schedule("nightly")
    assert (shown["kind"], shown["zone"], shown["expression"]) == ("cron", "Europe/Berlin", "30 2 * * *")
    assert moment(shown["next"]).minute == 30 and moment(shown["next"]).hour in (0, 1)
    assert "last" not in shown or not shown["last"]


def test_pause_holds_it_also_over_a_restart_and_resume_makes_up_for_nothing(server):
    server.change("tick", "pause")
    count = len(server.ticks("tick"))
    assert server.schedule("tick")["paused"]
    server.stop()
    server.start()
    until(lambda: any(found["name"] == "tick" for found in server.api("GET", "/schedules")["schedules"]), 20, "schedules")
    assert server.schedule("tick")["paused"]
    time.sleep(2.2)  # two ticks would have been due
    assert len(server.ticks("tick")) <= count + 1  # one may have been on its way
    server.change("tick", "resume")
    until(lambda: server.ticks("tick")[0]["outcome"] in ("started", "skipped") and len(server.ticks("tick")) > count + 1, 20, "a tick")
    assert "missed" not in server.outcomes("tick")


def test_trigger_runs_it_now_whatever_the_clock_says(server):
    run = server.ended(server.change("nightly", "trigger")["id"])
    assert run["state"] == "done" and run["trigger"] == "schedule:nightly"
    assert [tick["run"] for tick in server.ticks("nightly")] == [run["id"]]
    answer = server.post("/api/v1/pipelines/schedules/nightli/trigger", {})
    assert answer.status_code == 404 and "nightly" in answer.text


def test_success_of_an_asset_triggers_another(server):
    server.change("after_tick", "resume")
    ticks = until(lambda: (found := server.ticks("after_tick")) and found[-1]["outcome"] == "started" and found, 20, "its tick")
    server.change("after_tick", "pause")
    assert server.ended(ticks[-1]["run"])["trigger"] == "after:after_tick"


def test_several_assets_trigger_when_all_have_succeeded(server):
    for _ in range(2):
        server.ended(server.start_run(select=["left"]))
    server.stop()
    server.start()
    assert server.ticks("both") == []
    server.ended(server.start_run(select=["right"]))
    until(lambda: server.started("both"), 20, "the tick after both")
    server.ended(server.start_run(select=["right"]))
    server.ended(server.start_run(select=["left", "right", "both"]))  # all of them: nothing is left to do
    assert len(server.ticks("both")) == 1


def test_files_are_waited_for_until_they_are_whole_and_run_once_per_change(server):
    source = server.project.root / "data" / "source"
    assert server.ticks("landed") == []
    with open(source / "orders.csv", "w") as file:
        for row in range(6):  # a slow writer: longer than the sensor waits for
            file.write("id,amount\n" if row == 0 else f"{row},{row * 10}\n")
            file.flush()
            time.sleep(0.2)  # slower than one look, faster than what counts as stable
    first = until(lambda: server.started("landed"), 20, "the tick of the first file")
    assert len(first) == 1 and server.ended(first[0]["run"])["steps"]["landed"]["rows"] == 5
    until(lambda: server.ticks("counted"), 20, "what comes after it")
    time.sleep(1.5)  # nothing has changed: three more looks
    assert len(server.ticks("landed")) == 1
    (source / "more.csv").write_text("id,amount\n9,90\n")
    ticks = until(lambda: len(found := server.started("landed")) == 2 and found, 20, "the tick of the second file")
    assert server.ended(ticks[0]["run"])["steps"]["landed"]["rows"] == 6
    server.stop()
    server.start()
    time.sleep(1.5)  # the same files as before
    assert len(server.ticks("landed")) == 2


def test_assets_that_wait_for_each_other_trigger_nothing(server):
    assert server.ended(server.start_run(select=["ring_a"]))["state"] == "done"
    assert server.ended(server.start_run(select=["tick"]))["state"] == "done"
    assert server.ticks("ring_a") == [] and server.ticks("ring_b") == []
    assert "trigger itself" in server.log_path.read_text()


def test_overlap_skips_queues_or_cancels(server):
    server.change("skipper", "resume")
    until(lambda: {"started", "skipped"} <= set(server.outcomes("skipper")), 20, "a skipped tick")
    server.change("skipper", "pause")
    server.change("queuer", "resume")
    until(lambda: len(server.ticks("queuer")) >= 3, 20, "ticks that wait")
    server.change("queuer", "pause")
    until(lambda: set(server.outcomes("queuer")) == {"started"}, 40, "the queue's end")
    runs = sorted((run["created"], server.ended(run["id"])["ended"]) for run in server.runs(asset="queuer"))
    assert len(runs) >= 2 and all(before[1] <= after[0] for before, after in zip(runs, runs[1:]))
    server.change("canceller", "resume")
    until(lambda: server.outcomes("canceller").count("started") >= 3, 30, "three runs, each in place of the last")
    server.change("canceller", "pause")
    newest, *others = server.runs(asset="canceller")
    for run in others:
        assert server.ended(run["id"])["state"] == "cancelled"
    server.api("POST", f"/runs/{newest['id']}/cancel")
    server.ended(newest["id"])


@pytest.mark.parametrize("policy, started, missed", [("none", 0, 1), ("last", 1, 1), ("all", 12, 0)])
def test_restart_makes_up_for_what_the_policy_says(serve, policy, started, missed):
    server = serve({"pipelines/a.sql": properties(f"schedule: {{cron: '0 * * * *', catch_up: {policy}}}") + "SELECT 1 AS x"}).start()
    until(lambda: server.api("GET", "/schedules")["schedules"], 20, "the schedule")
    server.stop()
    [[last]] = server.store("SELECT last_us FROM pipeline_schedules")
    hour = 3600 * 10**6
    server.store("UPDATE pipeline_schedules SET last_us = ?", last // hour * hour - 12 * hour)
    server.start()
    until(lambda: server.outcomes("a").count("started") >= started and len(server.ticks("a")) >= started + missed, 40, "ticks")
    assert server.outcomes("a").count("missed") == missed
    runs = until(lambda: len(found := server.runs(asset="a")) == started and found or not started, 20, "runs")
    assert len({tick["run"] for tick in server.ticks("a") if tick["outcome"] == "started"}) == started
    for run in runs if started else []:
        assert server.ended(run["id"])["state"] == "done"


@pytest.mark.parametrize("failpoint", ["pipeline.tick.written", "pipeline.run.created", "pipeline.tick.started"])
def test_tick_of_a_server_that_is_killed_runs_once(serve, failpoint):
    server = serve({"pipelines/a.sql": properties("schedule: {every: 1h, catch_up: last}", "materialize: incremental") + "SELECT 1 AS x"},
                   "resume: true\n").start()
    until(lambda: server.api("GET", "/schedules")["schedules"], 20, "the schedule")
    server.stop()
    server.store("UPDATE pipeline_schedules SET last_us = last_us - ?", 3600 * 10**6)
    server.environment = {"EIDER_FAILPOINT": failpoint}
    with contextlib.suppress(Exception):
        server.start()
    server.process.wait(30)
    server.environment = {}
    server.start()
    until(lambda: server.outcomes("a") == ["started"], 20, "the tick")
    until(lambda: server.get("/api/v1/pipelines/runs").json()["runs"][0]["state"] == "done", 20, "its run")
    assert server.query("SELECT count(*) FROM a") == [[1]]
    assert len({tick["due"] for tick in server.ticks("a")}) == len(server.ticks("a"))


PARTITIONS = {"pipelines/days.sql": properties("materialize: incremental", "strategy: delete+insert", "unique_key: day",
                                               "partition_by: {day: day, start: 2026-11-01}") +
              "SELECT getvariable('eider_from')::TIMESTAMP AS day, range AS n FROM range(3)"}


def backfill_state(server, id):
    return next(found for found in server.api("GET", "/backfills")["backfills"] if found["id"] == id)


def test_backfill_builds_each_partition_once_in_order_over_a_kill(serve):
    server = serve(PARTITIONS).start()
    server.environment = {"EIDER_FAILPOINT": "pipeline.run.ending:4"}
    server.stop()
    server.start()
    id = server.api("POST", "/backfills", {"asset": "days", "from": "2026-11-01", "to": "2026-11-08"}, status=201)["id"]
    server.process.wait(30)
    server.environment = {}
    server.start()
    done = until(lambda: (found := backfill_state(server, id))["state"] == "done" and found, 60, "the backfill's end")
    assert (done["total"], done["done"], done["failed"]) == (8, 8, 0)
    assert server.query("SELECT count(*), count(DISTINCT day) FROM days") == [[24, 8]]
    runs = [run["partition"] for run in reversed(server.runs()) if run["state"] == "done"]
    assert sorted(set(runs)) == [f"2026-11-0{day}" for day in range(1, 9)]
    # What is there is left out, and what is not asked for.
    more = server.api("POST", "/backfills", {"asset": "days", "from": "2026-11-07", "to": "2026-11-10", "only_missing": True}, status=201)
    assert more["total"] == 2
    until(lambda: backfill_state(server, more["id"])["state"] == "done", 60, "the second backfill's end")
    assert server.query("SELECT count(*) FROM days") == [[30]]


def test_backfill_is_cancelled_and_refused_with_reasons(serve):
    slow = properties("materialize: incremental", "partition_by: {day: day, start: 2026-11-01}") + f"SELECT TIMESTAMP '2026-11-01' AS day, ({ENDLESS}) AS n"
    server = serve({"pipelines/slow.sql": slow, "pipelines/plain.sql": "SELECT 1 AS x"}).start()
    id = server.api("POST", "/backfills", {"asset": "slow", "from": "2026-11-01", "to": "2026-11-09"}, status=201)["id"]
    until(lambda: len([run for run in server.runs() if run["state"] == "running"]) == 2, 20, "two runs")
    server.api("POST", f"/backfills/{id}/cancel")
    done = until(lambda: (found := backfill_state(server, id))["state"] == "cancelled" and found, 30, "its end")
    assert done["done"] == 0 and len(server.runs()) == 2
    server.api("POST", f"/backfills/{id}/cancel", status=409)
    server.api("POST", "/backfills/nothing/cancel", status=404)
    server.api("POST", "/backfills", {"asset": "nothing", "from": "2026-11-01"}, status=404)
    assert server.post("/api/v1/pipelines/backfills", {"asset": "plain", "from": "2026-11-01"}).status_code == 400


@pytest.mark.skipif(SANITIZED or not FAKETIME.exists(), reason="libfaketime and sanitizers do not go together")
def test_the_hour_that_is_skipped_runs_at_its_end(serve):
    """The night of the change in Berlin, seconds before its clocks go from two to three."""
    files = {"pipelines/a.sql": properties("schedule: {cron: '30 2 * * *', zone: Europe/Berlin, catch_up: none}") + "SELECT 1 AS x"}
    server = serve(files)
    server.environment = {"LD_PRELOAD": str(FAKETIME), "FAKETIME": "@2026-03-29 00:59:56", "TZ": "UTC", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    server.start()
    shown = until(lambda: server.api("GET", "/schedules")["schedules"], 20, "the schedule")[0]
    assert shown["next"].startswith("2026-03-29T01:00:00")
    [tick] = until(lambda: server.ticks("a"), 30, "the tick")
    assert tick["outcome"] in ("pending", "started") and tick["due"].startswith("2026-03-29T01:00:00")
    until(lambda: server.runs() and server.runs()[0]["state"] == "done", 20, "its run")
    assert server.schedule("a")["next"].startswith("2026-03-30T00:30:00")
    assert len(server.ticks("a")) == 1

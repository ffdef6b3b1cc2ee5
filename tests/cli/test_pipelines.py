"""Pipelines from the command line: each verb on a small project, what it prints, and how it ends."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import time

import pytest

from lib.pipelines import Project
from lib.server import program
from lib.wait import until

FILES = {
    "data/source/orders.csv": "id,amount\n1,10\n2,20\n",
    "pipelines/raw.sql": "/* eider\ngroup: source\n*/\nSELECT * FROM read_csv('data/source/orders.csv')\n",
    "pipelines/orders.sql": "SELECT id, amount * 2 AS amount FROM raw\n",
    "pipelines/report.sql": "/* eider\nexport: data/final/report.csv\n*/\nSELECT sum(amount) AS total FROM orders\n",
}
WRONG = {"pipelines/wrong.sql": "SELECT\n  1 / amount::INT AS y,\n  'x'::INT AS z\nFROM raw\n", "pipelines/after.sql": "SELECT y FROM wrong\n"}
SLOW = {"pipelines/slow.sql": "SELECT count(*) AS n FROM range(1000000000) a, range(1000000) b WHERE a.range * b.range = -1\n"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A project that was run once; tests add files and take them away."""
    project = Project(tmp_path_factory.mktemp("cli") / "shop", FILES)
    project.first = project.ok("run")
    return project


@pytest.fixture
def with_files(shop):
    """Files for one test."""
    added = []

    def add(files):
        added.extend(files)
        shop.write(files)
        return shop

    yield add
    shop.write({path: None for path in added})


def test_a_run_in_lines(shop):
    lines = shop.first.splitlines()
    assert lines[0] == "run 1 of tenant_acme (production): 3 steps"
    ends = [re.fullmatch(r"done +(\w+)  (\d+) rows?  \d+ m?s", line) for line in lines]
    assert [end.groups() for end in ends if end] == [("raw", "2"), ("orders", "2"), ("report", "1")]
    assert re.fullmatch(r"run 1 done: 3 done in \d+ ms, 5 rows", lines[-1]), lines[-1]
    assert shop.read("data/final/report.csv") == "total\n60\n"
    logged = shop.read("logs/execution.log").splitlines()
    assert [re.sub(r"^\d{4}-\d\d-\d\dT[\d:.]+Z ", "", line) for line in logged[:len(lines)]] == lines


def test_the_project_is_found_from_below(shop):
    done = subprocess.run([str(program()), "runs", "--output", "json"], cwd=shop.root / "pipelines", capture_output=True, text=True,
                          timeout=60, env={"PATH": "/usr/bin:/bin", "HOME": str(shop.root)})
    assert json.loads(done.stdout)[-1]["number"] == 1, done.stderr
    assert "there is no project here" in shop.eider.__class__(directory=shop.root.parent).fails("run")
    assert json.loads(shop.eider.__class__(directory=shop.root.parent).ok("runs", "--project", shop.root, "--output", "json"))


def test_rows_for_programs(shop):
    rows = json.loads(shop.ok("run", "+report", "--output", "json"))
    assert [(row["asset"], row["state"], row["rows"]) for row in rows] == [("raw", "done", 2), ("orders", "done", 2), ("report", "done", 1)]
    assert shop.ok("run", "raw", "--output", "csv").splitlines()[0] == "asset,state,attempt,rows,bytes,run_ms,error"


def test_a_failed_run(with_files):
    shop = with_files(WRONG)
    done = shop("run")
    assert done.returncode == 1 and done.stderr == ""
    lines = done.stdout.splitlines()
    assert any(line.startswith("failed      wrong") for line in lines) and "skipped     after" in lines
    assert any(re.match(r"pipelines/wrong\.sql:\d+", line) and "could not convert" in line for line in lines), done.stdout
    assert re.match(r"run \d+ failed: 3 done, 1 failed, 1 skipped in ", lines[-1])
    shown = shop.ok("runs", "show")
    assert "failed" in shown and "could not convert" in shown
    shop.write({"pipelines/wrong.sql": "SELECT amount AS y FROM raw\n"})
    again = shop.ok("run", "--from-failure")
    assert re.search(r"run \d+ done: 2 done in ", again), again
    retried = shop("runs", "retry", "last")
    assert retried.returncode in (0, 1), retried.stderr


def test_plan_and_dry_run(with_files):
    shop = with_files({"pipelines/fresh.sql": "SELECT 1 AS x\n"})
    shop.ok("run", "+report")
    rows = json.loads(shop.ok("plan", "+report", "fresh", "--changed", "--output", "json"))
    assert [(row["asset"], row["reason"]) for row in rows] == [("fresh", "never built")]
    assert "nothing to do" in shop.ok("plan", "report", "--changed")
    number = json.loads(shop.ok("runs", "--limit", "1", "--output", "json"))[0]["number"]
    assert "fresh" in shop.ok("run", "fresh", "--dry-run")
    assert json.loads(shop.ok("runs", "--limit", "1", "--output", "json"))[0]["number"] == number
    assert "nothing to do" in shop.ok("run", "report", "--changed")
    assert "reprot" in shop.fails("run", "reprot")


def test_check_speaks_like_a_compiler(with_files):
    shop = with_files({"pipelines/odd.sql": "/* eider\nmaterialise: table\n*/\nSELECT 1 AS x\n", "pipelines/unbound.sql": "SELECT\n  nothing\nFROM raw\n"})
    done = shop("check")
    assert done.returncode == 1
    assert re.search(r"^pipelines/odd\.sql:2(:\d+)?: .*materialise", done.stdout, re.M), done.stdout
    assert re.search(r"^  hint: .*materialize", done.stdout, re.M)
    assert re.search(r"^pipelines/unbound\.sql:2:\d+: .*nothing", done.stdout, re.M)
    rows = [json.loads(line) for line in shop("check", "--output", "jsonl").stdout.splitlines()]
    assert {(row["path"], row["line"]) for row in rows} == {("pipelines/odd.sql", 2), ("pipelines/unbound.sql", 2)}
    shop.write({"pipelines/odd.sql": None, "pipelines/unbound.sql": None})
    assert shop.ok("check") == "3 assets, no problems\n"


def test_graph(shop):
    assert "report" in shop.ok("graph")
    assert shop.ok("graph", "+orders", "--format", "dot").startswith("digraph")
    assert "report" not in shop.ok("graph", "+orders", "--format", "mermaid")
    assert "raw" in json.dumps(json.loads(shop.ok("graph", "-f", "json")))


def test_logs(shop):
    shop.ok("run", "raw")
    run = json.loads(shop.ok("runs", "--limit", "1", "--output", "json"))[0]
    every = shop.ok("logs", "--lines", "all").splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\d [\d:.]{12} (info |warn |error)", line) for line in every) and len(every) > 2
    assert shop.ok("logs", run["id"], "-n", "1").splitlines() == every[-1:]
    assert shop.ok("logs", "-f", run["number"]).splitlines() == every
    assert shop.ok("logs", "last", "--level", "error") == ""
    assert json.loads(shop.ok("logs", "--output", "jsonl", "-n", "1"))["number"] == len(every)
    first = shop.ok("logs", "1", "--asset", "orders").splitlines()
    assert first and all(" orders: " in line for line in first)
    assert "no step 'nothing'" in shop.fails("logs", "1", "--asset", "nothing")
    assert "no run 999" in shop.fails("logs", "999")
    assert "--lines has to be" in shop.fails("logs", "--lines", "0", code=2)


def test_schedules_and_backfills_with_a_server(with_files):
    shop = with_files({"pipelines/parts.sql": "/* eider\npartition_by: {key: k, values: [a, b]}\nmaterialize: incremental\nunique_key: k\n"
                                              "strategy: delete+insert\n*/\nSELECT 'a' AS k UNION ALL SELECT 'b'\n",
                       "pipelines/often.sql": "/* eider\nschedule: {cron: '0 0 1 1 *'}\n*/\nSELECT 1 AS x\n"})
    assert "no server is running" in shop.fails("schedules", "trigger", "often")
    assert "no server is running" in shop.fails("backfill", "start", "parts")
    assert "no server is running" in shop.fails("run", "raw", "--no-wait")
    with shop.served():
        row, = json.loads(shop.ok("schedules", "--output", "json"))
        assert (row["name"], row["expression"], row["paused"]) == ("often", "0 0 1 1 *", False)
        assert shop.ok("schedules", "pause", "often") == "often is paused\n"
        assert json.loads(shop.ok("schedules", "-o", "json"))[0]["paused"] is True
        shop.ok("schedules", "resume", "often")
        run = shop.ok("schedules", "trigger", "often").strip()
        assert " often: " in shop.ok("logs", "-f", run)
        assert shop.ok("schedules", "ticks", "often", "-o", "json").startswith("[")
        backfill = shop.ok("backfill", "start", "parts", "a", "b").strip()

        def ended():
            found, = [row for row in json.loads(shop.ok("backfill", "list", "-o", "json")) if row["id"] == backfill]
            return found["state"] == "done" and found
        assert until(ended, 60, "the backfill")["done"] == 2
        assert shop.fails("backfill", "cancel", backfill)
        run = shop.ok("run", "raw", "--no-wait").strip()
        shop.ok("logs", "-f", run)
        shop.write(SLOW)
        run = shop.ok("run", "slow", "--no-wait").strip()
        assert shop.ok("runs", "cancel", "last") == f"run {run} is being cancelled\n"
        shop.ok("logs", "-f", run)
        assert json.loads(shop.ok("runs", "--state", "cancelled", "-o", "json"))[0]["id"] == run
    shop.write({"pipelines/slow.sql": None})


def test_every_verb_helps(shop):
    for verb in ("run", "check", "plan", "graph", "logs", "runs", "runs show", "runs cancel", "runs retry", "schedules", "schedules ticks",
                 "schedules pause", "schedules resume", "schedules trigger", "backfill start", "backfill list", "backfill cancel"):
        said = shop.ok(*verb.split(), "--help")
        assert said.startswith(f"eider {verb}: ") and "--project DIR" in said and "options:" in said
    assert "unknown option --selct" in shop.fails("run", "--selct", "x", code=2)
    assert "usage: eider backfill COMMAND" in shop("backfill", "nothing").stderr


# --- A terminal, and Ctrl-C ---

class Terminal:
    """A command on a terminal of 80 cells and 24 lines."""

    def __init__(self, directory, *words):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(directory)
            os.execve(str(program()), ["eider", *words], {"PATH": "/usr/bin:/bin", "HOME": str(directory), "TERM": "xterm"})
        self.text = ""

    def read(self, seconds):
        """What comes until then, or until it ends: then False."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            self.text += os.read(self.fd, 65536).decode(errors="replace")
        except OSError:
            return False
        return True

    def expect(self, pattern, seconds=60):
        deadline = time.monotonic() + seconds
        while not re.search(pattern, self.text):
            assert time.monotonic() < deadline and self.read(1), f"no {pattern} in {self.text!r}"

    def type(self, keys):
        os.write(self.fd, keys)

    def end(self, seconds=60):
        """Its exit code."""
        deadline = time.monotonic() + seconds
        while self.read(1):
            if time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self.fd)
        return status


def test_a_tree_on_a_terminal(with_files):
    shop = with_files(WRONG)
    terminal = Terminal(shop.root, "run")
    assert terminal.end() == 1
    last = re.split(r"\x1b\[\d+A", terminal.text)[-1]
    clean = re.sub(r"\x1b\[[0-9;]*[A-Za-z]|\r", "", last)
    assert re.search(r"^✓ raw +2 rows", clean, re.M) and re.search(r"^  ✓ orders +2 rows", clean, re.M), clean
    assert re.search(r"^  ✗ wrong ", clean, re.M) and re.search(r"^    - after +skipped", clean, re.M), clean
    assert re.search(r"^run \d+ failed: 3 done, 1 failed, 1 skipped", clean, re.M)
    assert all(len(line) <= 80 or line.startswith("pipelines/") for line in clean.splitlines())
    assert "failed      wrong" in shop.read("logs/execution.log")


def test_control_c_cancels_and_waits(with_files):
    shop = with_files(SLOW)
    terminal = Terminal(shop.root, "run", "slow")
    terminal.expect(r"1 running")
    terminal.type(b"\x03")
    assert terminal.end() == 130
    assert re.search(r"run \d+ cancelled: 1 cancelled", terminal.text), terminal.text
    assert json.loads(shop.ok("runs", "--limit", "1", "-o", "json"))[0]["state"] == "cancelled"
    assert "cancelling" in shop.read("logs/execution.log")


def test_a_server_that_runs_is_used_and_left(shop):
    with shop.served() as server:
        shop.ok("run", "raw")
        assert server.running and server.runs()[0]["trigger"] == "manual"

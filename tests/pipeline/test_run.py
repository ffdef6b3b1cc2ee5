"""Runs as they are asked for: order, parallelism, failures, cancellation, what is done again and what is not."""

import datetime

import pytest
import requests

from lib.pipelines import Project, ProjectServer
from lib.wait import until

# Some tenths of a second of one thread, and hours.
BUSY = "SELECT count(*) AS n FROM range(100000000) t(i) WHERE i % 7 = 3"
ENDLESS = "SELECT count(*) AS n FROM range(10000000000000) t(i) WHERE i % 7 = 3"
PARALLEL = 2
SETTINGS = f"""
parallel: {PARALLEL}
environments:
  dev: {{}}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("run") / "project", settings=SETTINGS)
    server = ProjectServer(project, limits=None).start()
    yield server
    server.stop()


@pytest.fixture
def write(server):
    """Files of one test; they are gone after it, so that no test meets another's."""
    written = []

    def write(files):
        written.extend(files)
        server.project.write(files)

    yield write
    server.project.write({name: None for name in written})


def properties(*lines):
    return "/* eider\n" + "".join(f"{line}\n" for line in lines) + "*/\n"


def states(run):
    return {asset: step["state"] for asset, step in run["steps"].items()}


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def span(step):
    return moment(step["started"]), moment(step["ended"])


def test_a_chain_runs_in_order_and_its_files_are_written(server, write):
    write({
        "data/source/numbers.csv": "n\n1\n2\n3\n",
        "pipelines/one.sql": "SELECT n FROM read_csv('data/source/numbers.csv')",
        "pipelines/two.sql": properties("materialize: view") + "SELECT n * 2 AS n FROM one",
        "pipelines/three.sql": properties("export: data/final/three.csv") + "SELECT sum(n) AS total FROM two",
    })
    run = server.run(select=["one", "two", "three"])
    assert run["state"] == "done", run
    steps = run["steps"]
    assert list(steps) == ["one", "two", "three"]
    assert steps["one"]["rows"] == 3 and steps["two"]["upstream"] == ["one"]
    assert span(steps["one"])[1] <= span(steps["two"])[0] and span(steps["two"])[1] <= span(steps["three"])[0]
    assert server.project.root.joinpath("data/final/three.csv").read_bytes() == b"total\r\n12\r\n"
    assert steps["three"]["report"]["exports"] == [{"path": "data/final/three.csv", "format": "csv", "rows": 1, "bytes": 11}]
    assert server.query("SELECT count(*) AS n FROM two") == [[3]]


def test_changed_runs_what_changed_and_what_is_below_it(server, write):
    write({
        "data/source/k.csv": "n\n1\n",
        "pipelines/k.sql": "SELECT n FROM read_csv('data/source/k.csv')",
        "pipelines/l.sql": "SELECT 2 AS n",
        "pipelines/m.sql": "SELECT n FROM k UNION ALL SELECT n FROM l",
        "seeds/s.csv": "n\n9\n",
    })
    chosen = ["k", "l", "m", "s"]
    assert states(server.run(select=chosen)) == {"k": "done", "l": "done", "m": "done", "s": "done"}
    nothing = server.run(select=chosen, changed=True)
    assert nothing["state"] == "done" and nothing["steps"] == {}
    write({"pipelines/l.sql": "SELECT 3 AS n"})
    reasons = {asset: step["reason"] for asset, step in server.run(select=chosen, changed=True)["steps"].items()}
    assert reasons == {"l": "changed SQL", "m": "changed upstream"}
    write({"data/source/k.csv": "n\n1\n5\n"})
    assert set(server.run(select=chosen, changed=True)["steps"]) == {"k", "m"}
    assert server.query("SELECT n FROM m ORDER BY n") == [[1], [3], [5]]
    assert server.run(select=chosen, changed=True)["steps"] == {}
    write({"seeds/s.csv": "n\n8\n"})
    assert set(server.run(select=chosen, changed=True)["steps"]) == {"s"}


def test_independent_assets_run_at_once_up_to_the_limit(server, write):
    write({f"pipelines/busy_{number}.sql": BUSY for number in range(4)})
    run = server.run(select=["busy_*"])
    spans = [span(step) for step in run["steps"].values()]
    at_once = max(sum(start <= moment < end for start, end in spans) for moment, _ in spans)
    assert run["state"] == "done" and at_once == PARALLEL


def test_two_runs_never_build_the_same_asset_at_once(server, write):
    write({"pipelines/shared.sql": BUSY, "pipelines/after_shared.sql": "SELECT n FROM shared"})
    started = [server.start_run(select=["shared", "after_shared"]) for _ in range(3)]
    runs = [server.ended(run) for run in started]
    assert [run["state"] for run in runs] == ["done"] * 3
    spans = sorted(span(run["steps"]["shared"]) for run in runs)
    assert all(earlier[1] <= later[0] for earlier, later in zip(spans, spans[1:]))


def test_a_failure_skips_what_is_below_it_and_nothing_else(server, write):
    write({
        "pipelines/good.sql": "SELECT 1 AS x",
        "pipelines/bad.sql": properties("description: wrong") + "SELECT x,\n  error('no such luck')\nFROM good",
        "pipelines/below.sql": "SELECT * FROM bad",
        "pipelines/lower.sql": "SELECT * FROM below",
        "pipelines/beside.sql": "SELECT x FROM good",
    })
    run = server.run(select=["+lower", "beside"])
    assert run["state"] == "failed"
    assert states(run) == {"good": "done", "bad": "failed", "below": "skipped", "lower": "skipped", "beside": "done"}
    step = run["steps"]["bad"]
    assert step["failure"] == "sql" and "pipelines/bad.sql" in str(step["error"]) and "no such luck" in str(step["error"])
    assert run["failed"] == 1 and run["skipped"] == 2 and run["done"] == 2
    assert run["error"].startswith("bad: pipelines/bad.sql")


def test_errors_name_file_line_and_column(server, write):
    write({"pipelines/wrong.sql": properties("description: wrong") + "SELECT 1 AS a,\n       nowhere AS b"})
    run = server.run(select=["wrong"])
    assert "pipelines/wrong.sql:5:8: " in str(run["steps"]["wrong"]["error"]), run
    assert any(line["level"] == "error" and "pipelines/wrong.sql:5:8" in line["text"] for line in server.log_lines(run["id"]))


def test_tests_that_warn_hold_nothing_back_and_those_that_block_keep_the_old_rows(server, write):
    def asset(kind, value, **more):
        lines = [f"  - accepted_values: {{column: x, values: [1], {', '.join(f'{key}: {text}' for key, text in more.items())}}}"]
        return properties("tests:", *lines) + f"SELECT {value} AS x"

    files = {
        "pipelines/warns.sql": ("warn", {"severity": "warn"}),
        "pipelines/fails.sql": ("fail", {"blocking": "false"}),
        "pipelines/blocks.sql": ("block", {}),
    }
    below = {f"pipelines/under_{name}.sql": f"SELECT x FROM {name}" for name in ("warns", "fails", "blocks")}
    write(below | {path: asset(kind, 1, **more) for path, (kind, more) in files.items()})
    chosen = ["warns+", "fails+", "blocks+"]
    assert set(states(server.run(select=chosen)).values()) == {"done"}
    write({path: asset(kind, 2, **more) for path, (kind, more) in files.items()})
    run = server.run(select=chosen)
    assert states(run) == {"warns": "warned", "under_warns": "done", "fails": "failed", "under_fails": "skipped",
                           "blocks": "failed", "under_blocks": "skipped"}
    assert run["steps"]["blocks"]["failure"] == run["steps"]["fails"]["failure"] == "test"
    rows = server.query("SELECT (FROM warns) AS warns, (FROM fails) AS fails, (FROM blocks) AS blocks")
    assert rows == [[2, 2, 1]]


def test_a_singular_test_is_a_step_behind_what_it_reads(server, write):
    write({"pipelines/fact.sql": "SELECT -1 AS amount", "tests/no_negative.sql": "SELECT * FROM fact WHERE amount < 0"})
    run = server.run(select=["fact+"])
    assert states(run) == {"fact": "done", "no_negative": "failed"} and run["steps"]["no_negative"]["failure"] == "test"
    write({"pipelines/fact.sql": "SELECT 1 AS amount"})
    assert states(server.run(select=["fact+"])) == {"fact": "done", "no_negative": "done"}


def test_ephemeral_assets_are_no_steps_and_stand_in_for_their_names(server, write):
    write({
        "pipelines/root.sql": "SELECT 1 AS x",
        "pipelines/half.sql": properties("materialize: ephemeral") + "SELECT x + 1 AS x FROM root",
        "pipelines/whole.sql": properties("materialize: ephemeral") + "SELECT x + 1 AS x FROM half",
        "pipelines/leaf.sql": "SELECT x FROM whole JOIN half USING (x) RIGHT JOIN (SELECT 3 AS x) USING (x)",
    })
    run = server.run(select=["+leaf"])
    assert states(run) == {"root": "done", "leaf": "done"} and run["steps"]["leaf"]["upstream"] == ["root"]


def test_cancelling_stops_what_runs_and_starts_nothing_more(server, write):
    write({"pipelines/endless.sql": ENDLESS, "pipelines/after_endless.sql": "SELECT n FROM endless",
           "pipelines/quick.sql": "SELECT 1 AS x"})
    run = server.start_run(select=["endless+", "quick"])
    until(lambda: states(server.look(run)) == {"endless": "running", "after_endless": "waiting", "quick": "done"}, 20, "the step")
    server.api("POST", f"/runs/{run}/cancel")
    found = server.ended(run)
    assert found["state"] == "cancelled"
    assert states(found) == {"endless": "cancelled", "after_endless": "cancelled", "quick": "done"}
    assert server.run(select=["quick"])["state"] == "done"


def test_from_failure_does_what_was_not_done(server, write):
    write({
        "pipelines/f_root.sql": properties("materialize: incremental") + "SELECT now() AS moment",
        "pipelines/f_bad.sql": "SELECT CAST(moment AS DATE) AS day FROM f_root, latch",
        "pipelines/f_leaf.sql": "SELECT count(*) AS n FROM f_bad",
        "pipelines/f_side.sql": "SELECT count(*) AS n FROM f_root",
    })
    failed = server.run(select=["f_*"])
    assert states(failed) == {"f_root": "done", "f_bad": "failed", "f_side": "done", "f_leaf": "skipped"}
    server.query("CREATE TABLE latch AS SELECT 1 AS x")
    again = server.run(from_failure="last")
    assert again["state"] == "done" and again["parent"] == failed["id"]
    assert states(again) == {"f_bad": "done", "f_leaf": "done"}
    assert server.query("SELECT count(*) AS n FROM f_root") == [[1]]
    server.api("POST", "/runs", {"from_failure": "last"}, status=409)  # nothing is left
    server.query("DROP TABLE latch")


def test_an_environment_is_a_tenant_of_its_own_with_files_of_its_own(server, write):
    write({"pipelines/where_am_i.sql": properties("export: data/final/where.csv") + "SELECT 7 AS x"})
    run = server.run(select=["where_am_i"], environment="dev")
    assert run["state"] == "done" and run["tenant"] == "tenant_acme_dev", run
    assert server.query("SELECT x FROM where_am_i", tenant="tenant_acme_dev") == [[7]]
    assert server.project.read("data/final/dev/where.csv") == "x\n7\n"
    assert "data/final/where.csv" not in server.project.files("data")


def test_partitions_and_full_refresh_reach_the_sql(server, write):
    write({
        "pipelines/days.sql": properties("materialize: incremental", "partition_by: {day: day, start: 2026-11-01}")
        + "SELECT day::DATE AS day FROM range(getvariable('eider_from'), getvariable('eider_to'), INTERVAL 1 DAY) t(day)",
    })
    assert server.run(select=["days"], partition="2026-11-03")["state"] == "done"
    run = server.run(select=["days"], partition="2026-11-03")
    assert run["partition"] == "2026-11-03"
    assert server.query("SELECT count(*) AS n, min(day)::VARCHAR AS day FROM days") == [[1, "2026-11-03"]]
    refused = server.api("POST", "/runs", {"select": ["days"], "partition": "north"}, status=400)
    assert "north" in str(refused)


def test_what_is_wrong_is_refused_before_anything_is_made(server, write):
    write({
        "pipelines/unparsed.sql": "SELECT FROM WHERE",
        "pipelines/over_unparsed.sql": "SELECT * FROM unparsed",
        "pipelines/program.yaml": "command: [echo, hello]\n",
    })
    before = len(server.runs())
    assert "pipelines/unparsed.sql:1" in str(server.api("POST", "/runs", {"select": ["unparsed"]}, status=400))
    assert "unparsed" in str(server.api("POST", "/runs", {"select": ["over_unparsed"]}, status=400))
    assert "nowhere" in str(server.api("POST", "/runs", {"select": ["nowhere"]}, status=404))
    assert "pipelines/program.yaml" in str(server.api("POST", "/runs", {"select": ["program"]}, status=409))
    assert "test" in str(server.api("POST", "/runs", {"environment": "test"}, status=404))
    server.api("POST", "/runs", {"from_failure": "nowhere"}, status=404)
    assert len(server.runs()) == before


def test_check_tells_what_binding_finds(server, write):
    write({
        "pipelines/has_x.sql": "SELECT 1 AS x",
        "pipelines/wants_y.sql": "SELECT\n  y\nFROM has_x",
        "pipelines/cycle_1.sql": "SELECT * FROM cycle_2",
        "pipelines/cycle_2.sql": "SELECT * FROM cycle_1",
    })
    for environment in ("production", "dev"):
        problems = server.api("POST", "/check", {"environment": environment})["problems"]
        found = {problem.get("path"): problem for problem in problems}
        assert found["pipelines/wants_y.sql"]["line"] == 2 and '"y"' in found["pipelines/wants_y.sql"]["message"]
        assert any("cycle" in problem["message"] for problem in problems)
        assert "pipelines/has_x.sql" not in found


def test_what_was_outrun_is_not_current(server, write):
    """It read what is above it before another run made that anew."""
    write({"pipelines/fast.sql": "SELECT 1 AS x", "pipelines/slow.sql": f"SELECT * FROM ({BUSY}), fast"})
    assert server.run(select=["fast"])["state"] == "done"
    run = server.start_run(select=["slow"])
    until(lambda: states(server.look(run)) == {"slow": "running"}, 20, "the step")
    assert server.run(select=["fast"])["state"] == "done"
    assert server.look(run)["state"] == "running" and server.ended(run)["state"] == "done"
    assert list(server.run(select=["fast", "slow"], changed=True)["steps"]) == ["slow"]
    assert server.run(select=["fast", "slow"], changed=True)["steps"] == {}


def test_a_tenant_that_is_made_anew_has_nothing(server, write):
    write({"pipelines/again.sql": "SELECT 1 AS x"})
    assert states(server.run(select=["again"], environment="dev")) == {"again": "done"}
    assert server.run(select=["again"], environment="dev", changed=True)["steps"] == {}
    assert requests.delete(server.url + "/api/v1/tenants/tenant_acme_dev").status_code < 300
    assert states(server.run(select=["again"], environment="dev", changed=True)) == {"again": "done"}


def test_old_runs_go_with_their_logs_and_too_many_are_refused(make_project):
    project = make_project({"pipelines/a.sql": "SELECT 1 AS x", "pipelines/endless.sql": ENDLESS},
                           "limits: {pipeline.keep_runs: 3, pipeline.max_runs: 1}\n")
    with project.served() as server:
        runs = [server.run(select=["a"])["id"] for _ in range(6)]
        until(lambda: [run["id"] for run in server.runs()] == runs[:2:-1], 10, "that the oldest are gone")
        logs = project.root / "db" / "logs" / "runs"
        until(lambda: not any(name.name.startswith(runs[0]) for name in logs.rglob("*")), 10, "that its log is gone")
        assert any(name.name.startswith(runs[-1]) for name in logs.rglob("*"))
        endless = server.start_run(select=["endless"])
        assert "pipeline.max_runs" in str(server.api("POST", "/runs", {"select": ["a"]}, status=429))
        server.api("POST", f"/runs/{endless}/cancel")
        assert server.ended(endless)["state"] == "cancelled"

"""Assets that are programs: what they get, what they cannot reach, and that nothing of them is left."""

import json
import pathlib
import urllib.parse

import pyarrow.flight as flight
import pytest
import requests

from lib.pipelines import TENANT, Project, ProjectServer
from lib.server import SANITIZED
from lib.wait import until

SETTINGS = """
commands: true
limits: {pipeline.kill_grace: 1}
"""
LOOK = """
import json, os, pathlib
seen = {"environment": dict(os.environ), "directory": os.getcwd(), "scratch": os.listdir(os.environ["TMPDIR"])}
pathlib.Path(os.environ["TMPDIR"], "mine").write_text("x")
root = pathlib.Path(os.getcwd())
front = int(root.joinpath("front").read_text())
def tries(path):
    try:
        return os.listdir(path) if os.path.isdir(path) else open(path).read(10)
    except OSError as error:
        return type(error).__name__
places = ["db", "db/eider.db", "db/tenants", "data/way", f"/proc/{front}/cwd/db", f"/proc/{front}/root{root}/db", f"/proc/{front}/environ"]
seen["hidden"] = {place: tries(place) for place in places}
seen["open"] = [tries("data/source/a.csv"), "bin" in tries("/usr")]
try:
    os.kill(front, 15)
    seen["kill"] = "sent"
except OSError as error:
    seen["kill"] = type(error).__name__
pathlib.Path("data/final/seen.json").write_text(json.dumps(seen))
"""
HOLD = """
import os, pathlib, time
pathlib.Path("data/final/token").write_text(os.environ["EIDER_URL"] + " " + os.environ["EIDER_TOKEN"])
print("token", os.environ["EIDER_TOKEN"])
while not os.path.exists("data/final/enough"):
    time.sleep(0.01)  # inside the program: it polls for a file
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("command") / "project", {"data/source/a.csv": "n\n1\n"}, SETTINGS)
    server = ProjectServer(project).start()
    yield server
    server.stop()


@pytest.fixture
def run(server):
    """run(argv, further lines of its .yaml): a run of one program."""
    def run(argv, *lines, start=False):
        server.project.write({"pipelines/it.yaml": "\n".join([f"command: {json.dumps(argv)}", *lines, ""])})
        return server.start_run(select=["it"]) if start else server.run(select=["it"])

    yield run
    server.project.write({"pipelines/it.yaml": None})


def processes(text):
    """Processes with this in their command line."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if text in entry.joinpath("cmdline").read_text():
                    found.append(int(entry.name))
            except OSError:
                pass
    return found


def test_it_gets_a_clean_environment_and_reaches_all_but_the_data_directory(server, run):
    (server.project.root / "data/way").symlink_to("../db")
    server.project.write({"look.py": LOOK, "front": str(server.process.pid)})
    ended = run(["/usr/bin/env", "python3", "look.py"])
    assert ended["state"] == "done", server.log_lines(ended["id"])
    seen = json.loads(server.project.read("data/final/seen.json"))
    environment = seen["environment"]
    assert set(environment) - {"LC_CTYPE"} <= {"PATH", "HOME", "LANG", "TZ", "TMPDIR", "EIDER_URL", "EIDER_TOKEN", "EIDER_TENANT", "EIDER_RUN", "EIDER_ASSET"}
    assert (environment["EIDER_TENANT"], environment["EIDER_ASSET"], environment["EIDER_RUN"]) == (TENANT, "it", ended["id"])
    assert environment["EIDER_URL"] == server.url
    assert seen["directory"] == str(server.project.root) and seen["scratch"] == []
    assert set(seen["hidden"].values()) <= {"PermissionError", "FileNotFoundError"}, seen["hidden"]
    assert seen["open"] == ["n\n1\n", True]
    assert seen["kill"] in ("PermissionError", "sent")  # by kernels that scope signals, from 6.12 on
    assert not pathlib.Path(environment["TMPDIR"]).parent.exists()


def test_its_token_is_good_until_it_ends_for_its_tenant_on_every_face(server, run):
    server.project.write({"hold.py": HOLD, "data/final/token": None, "data/final/enough": None})
    number = run(["python3", "hold.py"], start=True)
    url, token = until(lambda: (path := server.project.root / "data/final/token").exists() and path.read_text(), 30, "a token").split()
    head = {"Authorization": f"Bearer {token}"}
    port = urllib.parse.urlsplit(url).port

    def sql(text, **fields):
        return requests.post(f"{url}/api/v1/query", json={"sql": text, **fields}, headers=head, timeout=30)

    def count():
        options = flight.FlightCallOptions(headers=[(b"authorization", f"Bearer {token}".encode())])
        with flight.connect(f"grpc://127.0.0.1:{port}") as client:
            return client.do_get(flight.Ticket(b"SELECT count(*) AS n FROM made"), options).read_all().to_pylist()

    assert sql("CREATE TABLE made AS SELECT 7 AS n").status_code == 200  # the tenant is the token's
    assert count() == [{"n": 1}]
    assert requests.get(f"{url}/iceberg/v1/config", params={"warehouse": TENANT}, headers=head, timeout=30).status_code == 200
    assert sql("SELECT 1", tenant="tenant_other").status_code in (403, 404)
    assert requests.post(f"{url}/api/v1/users", json={"name": "eve"}, headers=head, timeout=30).status_code == 403
    server.project.write({"data/final/enough": ""})
    assert server.ended(number)["state"] == "done"
    assert sql("SELECT 1").status_code == 401
    with pytest.raises(flight.FlightUnauthenticatedError):
        count()
    texts = [line["text"] for line in server.log_lines(number)]
    assert "token ***" in texts and not any(token in text for text in texts)


def test_its_output_is_the_log_and_its_exit_code_the_result(server, run):
    ended = run(["sh", "-c", "echo fine; echo 'no such shop' >&2; printf unfinished; exit 3"])
    step = ended["steps"]["it"]
    assert ended["state"] == "failed" and step["state"] == "failed" and step["failure"] == "command"
    assert step["error"]["message"].endswith("exit code 3: no such shop"), step
    lines = {line["text"]: line["level"] for line in server.log_lines(ended["id"])}
    assert (lines["fine"], lines["no such shop"], lines["unfinished"]) == ("info", "warn", "info")
    assert "signal 9" in run(["sh", "-c", "kill -9 $$"])["steps"]["it"]["error"]["message"]
    missing = run(["no-such-program"])
    assert "127" in missing["steps"]["it"]["error"]["message"]
    assert any("no-such-program" in line["text"] for line in server.log_lines(missing["id"]))


def test_time_over_or_a_cancelled_run_ends_all_that_it_started(server, run):
    everything = "trap '' TERM; setsid sleep 86401.5 & (sleep 86401.5 &) ; sleep 86401.5; sleep 86401.5"
    step = run(["sh", "-c", everything], "timeout: 1s")["steps"]["it"]
    assert step["failure"] == "timeout" and not processes("86401.5")
    number = run(["sh", "-c", everything], start=True)
    until(lambda: len(processes("86401.5")) >= 3, 30, "its processes")
    server.api("POST", f"/runs/{number}/cancel")
    assert server.ended(number)["steps"]["it"]["state"] == "cancelled" and not processes("86401.5")
    assert run(["sh", "-c", "setsid sleep 86401.5 & sleep 0.1"])["state"] == "done" and not processes("86401.5")


@pytest.mark.slow
def test_a_million_lines_do_not_grow_the_server(server, run):
    before = server.memory_mb()
    server.forget_peak()
    ended = run(["python3", "-c", "for i in range(1000000): print('line', i)"])
    assert ended["state"] == "done"
    page = server.api("GET", f"/runs/{ended['id']}/logs", limit=5, before=2**62)
    assert any(line["text"] == "line 999999" for line in page["lines"]), page
    assert SANITIZED or server.peak_mb() - before < 64


def test_a_killed_server_takes_its_programs_along(make_project):
    project = make_project({"pipelines/it.yaml": 'command: [sh, -c, "setsid sleep 86402.5 & sleep 86402.5"]\n'}, SETTINGS)
    with project.served() as server:
        number = server.start_run(select=["it"])
        until(lambda: len(processes("86402.5")) >= 2, 30, "its processes")
        server.kill()
        until(lambda: not processes("86402.5"), 30, "the end of its processes")
        server.start()
        assert server.ended(number)["state"] == "interrupted"
        assert not list((server.data / "runs").glob("*"))


def test_a_server_runs_programs_only_where_it_says_so(make_project):
    project = make_project({"pipelines/it.yaml": "command: [touch, data/final/touched]\n"})
    with project.served() as server:
        answer = server.post("/api/v1/pipelines/runs", {"select": ["it"]})
        assert answer.status_code in (409, 412) and "commands: true" in answer.text, answer.text
    assert not project.root.joinpath("data/final/touched").exists()
    project.ok("run")
    assert project.root.joinpath("data/final/touched").exists()

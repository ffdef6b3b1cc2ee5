"""Logs of runs: windows of any of them, and streams that lose and repeat nothing."""

import itertools
import json
import pathlib
import socket
import subprocess

import pytest

from lib.events import parse, stream
from lib.front import memory
from lib.people import administrator, nobody, user
from lib.pipelines import Project, ProjectServer
from lib.wait import until

# Prints lines until a file appears, and then some more.
TALKS = """i=0; while [ ! -e data/source/stop ]; do i=$((i+1)); echo "line $i"; sleep 0.002; done; echo last >&2"""
WIDE = "x" * 200
FLOODS = 100_000  # lines: 35 MB of events
FILES = {
    "pipelines/talks.yaml": f"command: [sh, -c, {json.dumps(TALKS)}]\n",
    "pipelines/counts.yaml": "command: [seq, -f, 'Line %.0f of many', '5000']\n",
    "pipelines/floods.yaml": f"command: [seq, -f, '%.0f {WIDE}', '{FLOODS}']\n",
    "pipelines/odd.yaml": r"""command: [printf, 'a\tb\r\n\033[31mred\033[0m\001\n\377\n"\\\n']""" + "\n",
    "pipelines/good.sql": "SELECT 1 AS x\n",
    "pipelines/bad.sql": "SELECT CAST('x' AS INTEGER) AS x FROM good\n",
    "pipelines/below.sql": "SELECT * FROM bad\n",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("logs") / "project", FILES, settings="commands: true\n")
    server = ProjectServer(project).start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def counted(server):
    """A run with some thousand lines, that has ended."""
    run = server.run(select=["counts"])
    assert run["state"] == "done"
    return run["id"]


@pytest.fixture
def talking(server):
    """A run that prints a line every few milliseconds; stop() lets it end."""
    stop = server.project.root / "data/source/stop"
    stop.unlink(missing_ok=True)
    run = server.start_run(select=["talks"])
    run_stop = lambda: stop.write_text("")
    yield run, run_stop
    run_stop()
    server.ended(run)
    stop.unlink(missing_ok=True)


def numbers(lines):
    return [line["number"] for line in lines]


def test_windows_of_a_log(server, counted):
    page = server.api("GET", f"/runs/{counted}/logs")
    total = page["total"]
    assert total > 5000 and page["more"] and numbers(page["lines"]) == list(range(total - 499, total + 1))
    before = server.api("GET", f"/runs/{counted}/logs", before=101, limit=10)
    assert numbers(before["lines"]) == list(range(91, 101)) and before["more"]
    after = server.api("GET", f"/runs/{counted}/logs", after=total - 3, limit=10)
    assert numbers(after["lines"]) == [total - 2, total - 1, total] and not after["more"]
    first = server.api("GET", f"/runs/{counted}/logs", after=0, limit=1)["lines"][0]
    assert first["number"] == 1 and "step" not in first and first["level"] == "info" and first["at"].endswith("Z")


def test_filters_of_a_log(server, counted):
    found = server.api("GET", f"/runs/{counted}/logs", text="INE 4321 oF")
    assert [line["text"] for line in found["lines"]] == ["Line 4321 of many"] and not found["more"]
    line = found["lines"][0]
    assert (line["step"], line["attempt"], line["asset"]) == (0, 1, "counts")
    assert server.log_lines(counted, step=7) == []
    assert all("step" in line for line in server.log_lines(counted, step=0))
    assert server.log_lines(counted, level="error") == []
    failed = server.run(select=["good", "bad", "below"])
    errors = server.log_lines(failed["id"], level="error")
    assert errors and all(line["level"] == "error" for line in errors)
    assert any(line["asset"] == "bad" for line in errors), errors


def test_lines_with_any_bytes(server):
    run = server.run(select=["odd"])
    lines = [line["text"] for line in server.log_lines(run["id"]) if line.get("asset") == "odd"]
    assert ["a\tb", "red?", "\ufffd", '"\\'] == [text for text in lines if text in ("a\tb", "red?", "\ufffd", '"\\')]


@pytest.mark.parametrize("parameters", [{"level": "loud"}, {"limit": 0}, {"limit": 5001}, {"step": "x"}, {"after": 1, "before": 2},
                                        {"after": -1}, {"before": 0}])
def test_questions_that_are_wrong(server, counted, parameters):
    assert "message" in server.api("GET", f"/runs/{counted}/logs", status=400, **parameters)["error"]


def test_runs_that_are_not_there(server):
    for path in ("/runs/none/logs", "/runs/none/events", "/runs/..%2f..%2feider/logs"):
        server.api("GET", path, status=404)


def test_a_stream_goes_on_where_it_broke_off(server, talking):
    """Each connection takes some lines and goes away; nothing is lost or repeated between history and what is live."""
    run, stop = talking
    seen = []
    for _ in range(5):
        with stream(server, f"/runs/{run}/logs", last=seen[-1] if seen else None) as events:
            for event, identity, line in itertools.islice(events, 40):
                assert event == "message" and line["number"] == identity
                seen.append(identity)
    stop()
    with stream(server, f"/runs/{run}/logs", last=seen[-1]) as events:
        rest = list(events)
    assert rest[-1][0] == "end" and rest[-1][2] == {"state": "done"}
    seen += [identity for event, identity, _ in rest if event == "message"]
    assert seen == list(range(1, server.api("GET", f"/runs/{run}/logs")["total"] + 1))


def test_a_stream_begins_with_the_last_lines(server, counted):
    with stream(server, f"/runs/{counted}/logs", limit=3) as events:
        found = list(events)
    total = server.api("GET", f"/runs/{counted}/logs")["total"]
    assert [identity for event, identity, _ in found if event == "message"] == [total - 2, total - 1, total]
    with stream(server, f"/runs/{counted}/logs", text="of many", after=4990) as events:
        assert {line["text"].split()[2] for event, _, line in events if event == "message"} == {"of"}


def test_events_of_a_run_from_its_beginning(server, talking):
    run, stop = talking
    with stream(server, f"/runs/{run}/events") as events:
        first = next(events)
        assert first[0] == "run" and first[2]["id"] == run and first[2]["state"] in ("queued", "running")
        name, _, step = next(events)
        assert name == "step" and step["asset"] == "talks"
        for event, _, data in events:
            if event == "log" and data["text"] == "line 20":
                break
        stop()
        rest = list(events)
    assert [data["text"] for event, _, data in rest if event == "log" and data["text"] == "last"] == ["last"]
    assert [data["state"] for event, _, data in rest if event == "step"][-1] == "done"
    assert rest[-2][0] == "run" or any(event == "run" and data["state"] == "done" for event, _, data in rest)
    assert rest[-1] == ("end", rest[-1][1], {"state": "done"})


def test_events_of_a_run_that_has_ended(server):
    run = server.run(select=["good", "bad", "below"])["id"]
    with stream(server, f"/runs/{run}/events") as events:
        found = list(events)
    assert found[0][0] == "run" and found[0][2]["state"] == "failed"
    steps = {data["asset"]: data for event, _, data in found if event == "step"}
    assert {name: step["state"] for name, step in steps.items()} == {"good": "done", "bad": "failed", "below": "skipped"}
    logs = [data["number"] for event, _, data in found if event == "log"]
    assert logs == list(range(1, len(logs) + 1)) and logs
    assert found[-1][0] == "end" and found[-1][2] == {"state": "failed"}


def test_streams_over_http_2(server, counted):
    out = subprocess.run(["curl", "-sN", "--http2-prior-knowledge", "-H", "Accept: text/event-stream", "-w", ":%{http_version}",
                          f"{server.url}/api/v1/pipelines/runs/{counted}/logs"], capture_output=True, text=True, timeout=60)
    events = list(parse(out.stdout.splitlines()))
    assert events.pop() == ("", None, "2")
    assert events[-1][0] == "end"
    assert [identity for event, identity, _ in events if event == "message"] == \
        list(range(1, server.api("GET", f"/runs/{counted}/logs")["total"] + 1))


def test_a_slow_reader_costs_little_and_gets_all(server):
    """It takes nothing while the run prints 35 MB of events, which wait in the file."""
    run = server.start_run(select=["floods"])
    client = socket.create_connection(("127.0.0.1", server.port))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    client.sendall(f"GET /api/v1/pipelines/runs/{run}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    before = memory(server.pid)
    assert server.ended(run)["state"] == "done"
    assert memory(server.pid) - before < 20 << 20
    with client, client.makefile("rb") as answer:
        lines = (line.decode().rstrip("\n") for line in iter(answer.readline, b"") if not line.endswith(b"\r\n"))
        seen = 0
        for event, identity, _ in parse(lines):
            if event == "log":
                assert identity == seen + 1
                seen = identity
            elif event == "end":
                break
    assert seen > FLOODS and seen == server.api("GET", f"/runs/{run}/logs")["total"]


def test_clients_that_go_away_are_forgotten(server, talking):
    run, _ = talking

    def descriptors():
        return len(list(pathlib.Path(f"/proc/{server.pid}/fd").iterdir()))

    before = descriptors()
    streams = []
    for _ in range(20):
        client = socket.create_connection(("127.0.0.1", server.port))
        client.sendall(f"GET /api/v1/pipelines/runs/{run}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert client.recv(100)
        streams.append(client)
    for client in streams:
        client.close()
    until(lambda: descriptors() <= before + 2, what="the end of all connections")


def test_a_log_survives_a_kill(make_project):
    project = make_project(FILES, settings="commands: true\n")
    with project.served() as server:
        run = server.start_run(select=["talks"])
        until(lambda: server.api("GET", f"/runs/{run}/logs")["total"] > 200)
        server.kill()
        index = project.root / f"db/logs/runs/{run}.idx"
        index.write_bytes(index.read_bytes()[:-5])  # torn
        server.start()
        lines = server.log_lines(run, after=0, limit=5000)
        assert numbers(lines) == list(range(1, len(lines) + 1)) and len(lines) >= 150
        with stream(server, f"/runs/{run}/events") as events:
            assert list(events)[-1][0] == "end"


def test_who_may_read(make_project):
    project = make_project(FILES)
    with project.served() as server:
        run = server.run(select=["good"])["id"]
        root = administrator(server)
        reader, stranger = user(root, "reader", tenant_acme="reader"), user(root, "stranger")
        for path in (f"/runs/{run}/logs", f"/runs/{run}/events"):
            path = f"/api/v1/pipelines{path}"
            assert reader.request("GET", path).status_code == 200
            assert stranger.request("GET", path).status_code in (403, 404)
            assert nobody(server).request("GET", path).status_code == 401

"""Starting, stopping, being killed: one server a directory, a drain that finishes what runs, no process left behind."""

import json
import os
import signal
import subprocess
import threading
import time

import pyarrow as pa
import pytest
import requests
from lib.front import Front, StatementError
from lib.server import alive, children
from lib.wait import until

# Runs for seconds and can be interrupted.
LONG = "select count(*) from range({millions}000000) r(i) where hash(i) % 1000 = 1"


@pytest.fixture
def front(tmp_path):
    front = Front(tmp_path / "server").start()
    front.create_tenants("tenant_acme")
    yield front
    if front.running:
        front.stop()


def in_background(action):
    """A thread and a list that gets its result or its error."""
    result = []

    def run():
        try:
            result.append(action())
        except Exception as error:  # handed to the test
            result.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, result


def start_statement(front, sql, timeout=60):
    thread, result = in_background(lambda: front.query(sql, timeout=timeout))
    until(lambda: [s for s in front.running_statements("tenant_acme") if s["state"] == "running"], 15, "the statement runs")
    return thread, result


def test_second_server_on_a_directory_is_refused(front):
    second = subprocess.run(front.command(), capture_output=True, text=True, timeout=20, env=front.clean_environment())
    assert second.returncode != 0
    assert str(front.pid) in second.stderr or "running" in second.stderr or "use" in second.stderr, second.stderr
    assert len(second.stderr.strip().splitlines()) <= 3, "one line that says it"
    assert front.query("select 42") == [[42]], "the first one goes on"
    address = (front.data / "eider.addr").read_text()
    assert str(front.port) in address, "the second one has overwritten the address of the first"


def test_second_server_is_refused_while_the_first_one_starts(tmp_path):
    """Ten at once; one wins."""
    front = Front(tmp_path / "server")
    processes = [subprocess.Popen(front.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                  env=front.clean_environment()) for _ in range(10)]
    try:
        until(lambda: sum(process.poll() is None for process in processes) <= 1, 30, "all but one have given up")
        winner = [process for process in processes if process.poll() is None]
        assert len(winner) == 1 and all(process.returncode for process in processes if process is not winner[0])
        winner[0].send_signal(signal.SIGTERM)
        assert winner[0].wait(20) == 0
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
            process.wait()


def test_sigterm_finishes_what_runs_and_refuses_what_comes(front):
    thread, result = start_statement(front, LONG.format(millions=600))
    client = pa.flight.connect(front.flight_url)
    list(client.list_actions())  # the connection is there before the drain
    front.process.send_signal(signal.SIGTERM)

    def is_refused():
        try:
            front.get("/ready", timeout=5)
            return False
        except requests.ConnectionError:
            return True

    late = None
    try:
        ticket = pa.flight.Ticket(json.dumps({"sql": "select 1", "tenant": "tenant_acme"}).encode())
        until(lambda: "draining" in front.log() or is_refused() or not front.running, 10, "the drain has begun")
        client.do_get(ticket, pa.flight.FlightCallOptions(timeout=10)).read_all()
    except pa.ArrowException as error:
        late = error
    assert isinstance(late, pa.flight.FlightUnavailableError), late
    assert front.process.wait(60) == 0, front.log()[-2000:]
    thread.join(10)
    assert result and isinstance(result[0], list), f"the running statement was not finished: {result}"
    client.close()


def test_sigterm_ends_what_does_not_end(tmp_path):
    """server.drain is over: what still runs is cancelled, and the exit is a good one."""
    front = Front(tmp_path / "server", limits={"server.drain": 1}).start()
    front.create_tenants("tenant_acme")
    thread, result = start_statement(front, LONG.format(millions=10_000_000))
    begin = time.monotonic()
    front.stop(20)
    assert time.monotonic() - begin < 12
    thread.join(10)
    assert result and isinstance(result[0], (StatementError, requests.RequestException)), result


def test_sigterm_keeps_every_row(front):
    front.query("create table t as select i from range(1000) r(i)")
    front.stop()
    front.start()
    assert front.query("select count(*) from t") == [[1000]]


def test_two_sigterms_are_like_one_or_quicker(front):
    front.query("select 1")
    front.process.send_signal(signal.SIGTERM)
    front.process.send_signal(signal.SIGTERM)
    assert front.process.wait(40) is not None


def test_workers_end_with_their_front(front):
    """kill -9 of the front in the middle of work that cannot be interrupted quickly."""
    thread, _ = start_statement(front, "select len(list_sort(list_transform(range(30000000), lambda x: hash(x))))")
    workers = front.workers()
    assert workers
    front.kill()
    until(lambda: not any(alive(pid) for pid in workers), 2, "the end of the workers after SIGKILL of the front")
    thread.join(10)
    front.start()
    assert front.query("select 42") == [[42]]


def test_worker_has_a_session_of_its_own(front):
    """Ctrl-C in the front's terminal does not reach it, so that the front can drain."""
    front.query("select 1")
    assert [os.getsid(pid) for pid in front.workers()] == front.workers()


def test_orphan_that_holds_the_lock_is_ended(front):
    """A worker that cannot notice the end of its front (it is stopped) keeps the lock of the tenant: the next front ends it."""
    front.query("create table t as select 42 as a")
    workers = front.workers()
    assert len(workers) == 1
    os.kill(workers[0], signal.SIGSTOP)
    try:
        front.kill()
        assert alive(workers[0])
        front.start()
        assert until(lambda: front.query("select a from t"), 15, "the tenant works again") == [[42]]
        until(lambda: not alive(workers[0]), 5, "the end of the orphan")
        assert workers[0] not in children(front.pid)
    finally:
        if alive(workers[0]):
            os.kill(workers[0], signal.SIGKILL)


def test_stranger_in_the_lock_file_is_not_killed(front):
    """The lock names a process by pid and start time; a pid that was given to somebody else is left alone."""
    front.query("select 1")
    front.kill()
    lock = front.data / "tenants/tenant_acme/lock"
    assert lock.exists()
    with subprocess.Popen(["sleep", "60"]) as stranger:
        text = lock.read_text()
        lock.write_text(text.replace(text.split()[0], str(stranger.pid)) if text.split() else f"{stranger.pid} 1\n")
        front.start()
        assert front.query("select 42") == [[42]]
        assert stranger.poll() is None, "a stranger was killed"
        stranger.kill()


def test_start_is_quick_and_leaves_unknown_files_alone(front):
    front.stop()
    strange = front.data / "notes-of-the-operator.txt"
    strange.write_text("mine")
    begin = time.monotonic()
    front.start()
    assert time.monotonic() - begin < 5
    assert strange.read_text() == "mine"

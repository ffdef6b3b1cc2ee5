"""The server in the background: one at a time, independent of its terminal, with a log that stays small, and gone after stop."""

import os
import pathlib
import pty
import re
import signal
import socket
import subprocess

import pytest
import requests

from lib.commandline import CommandLine
from lib.pipelines import Project
from lib.server import alive, children, program
from lib.wait import until

LISTEN = ("--listen", "127.0.0.1:0")


class Background:
    """A project and what `eider start` made of it, looked at from outside."""

    def __init__(self, root):
        self.project = Project(root, {"pipelines/a.sql": "SELECT 1 AS x\n"})
        self.root = self.project.root

    def start(self, *words, **arguments):
        said = self.project.ok("start", *LISTEN, *words, **arguments)
        self.pid = int(re.search(r"\(pid (\d+)\)", said).group(1))
        self.url = re.search(r"http://127\.0\.0\.1:\d+", said).group(0)
        return said

    def answers(self):
        return requests.get(f"{self.url}/ready", timeout=10).status_code == 200

    def log(self):
        return (self.root / "logs/server.log").read_text()

    def kill(self):
        holder = self.root / "db/eider.lock"
        pid = int(holder.read_text().split()[0]) if holder.exists() else 0
        if pid and alive(pid) and str(program()) == os.readlink(f"/proc/{pid}/exe"):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def background(tmp_path):
    background = Background(tmp_path / "shop")
    yield background
    background.kill()
    for log in (background.root / "logs").glob("server.log*"):
        assert not re.search(r"Sanitizer|runtime error:|Assertion .* failed", log.read_text()), log.read_text()[-6000:]


def fields(pid):
    """Fields of /proc/PID/stat behind the name: state, parent, group, session, terminal, …, the start at 19."""
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def test_start_serves_and_stop_leaves_nothing(background):
    said = background.start()
    assert "logs/server.log" in said and "eider stop" in said
    assert background.answers()
    assert (background.root / "eider.pid").read_text().split() == [str(background.pid), fields(background.pid)[19]]
    stopped = background.project.ok("stop")
    assert str(background.pid) in stopped
    assert not alive(background.pid)
    assert not (background.root / "eider.pid").exists() and not (background.root / "db/eider.addr").exists()
    assert "event=server.stopped" in background.log()


def test_stop_ends_the_workers(background):
    background.start()
    background.project.ok("tenant", "create", "--id", "tenant_more")
    background.project.query("SELECT 1 AS n", "tenant_more")
    workers = children(background.pid)
    assert workers
    background.project.ok("stop")
    assert not any(alive(pid) for pid in [background.pid, *workers])


def test_stop_kills_what_does_not_end(background):
    background.start()
    background.project.ok("tenant", "create", "--id", "tenant_more")
    background.project.query("SELECT 1 AS n", "tenant_more")
    workers = children(background.pid)
    os.kill(background.pid, signal.SIGSTOP)
    result = background.project("stop", "--wait", "1s")
    assert result.returncode == 0 and f"pid {background.pid}" in result.stderr and "killed" in result.stderr
    assert not any(alive(pid) for pid in [background.pid, *workers])
    assert not (background.root / "eider.pid").exists()
    background.start()
    background.project.ok("stop")


def test_a_second_one_is_refused(background):
    background.start()
    (background.root / "eider.pid").unlink()  # the lock decides
    said = background.project.fails("start", *LISTEN)
    assert str(background.pid) in said and background.url in said and "restart" in said
    assert "in use" in background.project.fails("serve", *LISTEN)
    assert background.answers()
    background.project.ok("stop")


def test_of_many_at_once_one_wins(background):
    words = [str(program()), "start", *LISTEN]
    made = [subprocess.Popen(words, cwd=background.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    ended = [process.communicate(timeout=60) + (process.returncode,) for process in made]
    assert sorted(code for _, _, code in ended) == [0, 1, 1, 1], ended
    pid = next(re.search(r"pid (\d+)", out).group(1) for out, _, code in ended if code == 0)
    assert all(pid in said for _, said, code in ended if code), ended
    assert (background.root / "eider.pid").read_text().split()[0] == pid
    background.project.ok("stop")


def test_a_stale_pid_of_another_program_is_left_alone(background):
    with subprocess.Popen(["sleep", "600"]) as other:
        try:
            for start in ("1", fields(other.pid)[19]):  # the number came round; somebody wrote it
                (background.root / "eider.pid").write_text(f"{other.pid} {start}\n")
                said = background.project.fails("stop")
                assert "no server is running" in said and str(other.pid) in said
                assert not (background.root / "eider.pid").exists()
                (background.root / "eider.pid").write_text(f"{other.pid} {start}\n")
                background.start()
                assert (background.root / "eider.pid").read_text().split()[0] == str(background.pid)
                (background.root / "eider.pid").write_text(f"{other.pid} {start}\n")
                background.project.ok("stop")
                assert not alive(background.pid) and alive(other.pid)
        finally:
            other.kill()


def test_after_a_kill_it_starts_again(background):
    background.start()
    first = background.pid
    os.kill(first, signal.SIGKILL)
    until(lambda: not alive(first))
    said = background.project.fails("status")
    assert f"without being stopped (pid {first})" in said and "server.log" in said
    said = background.project.fails("stop")
    assert str(first) in said and "has ended" in said
    background.start()
    assert background.pid != first and background.answers()
    background.project.ok("stop")


def test_the_terminal_may_go(background):
    """A shell on a terminal starts it; the terminal is closed, its session ends, and the server stays."""
    shell, terminal = pty.openpty()
    process = subprocess.Popen([str(program()), "start", *LISTEN], cwd=background.root, stdin=terminal, stdout=terminal, stderr=terminal,
                               start_new_session=True)
    assert process.wait(60) == 0
    said = os.read(shell, 4096).decode()
    pid, url = int(re.search(r"pid (\d+)", said).group(1)), re.search(r"http://[\d.:]+", said).group(0)
    os.close(terminal)
    os.close(shell)
    state, parent, _, session, tty, *_ = fields(pid)
    assert tty == "0" and int(session) not in (pid, os.getsid(0)) and int(parent) != os.getpid()
    assert [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in range(3)] == ["/dev/null", *[str(background.root / "logs/server.log")] * 2]
    assert requests.get(f"{url}/ready", timeout=10).status_code == 200
    background.project.ok("stop")


def test_nobody_waits_for_its_output(background):
    """`$(eider start)` ends when start ends: the server holds no end of the pipe, and no descriptor of its caller."""
    read, write = os.pipe()
    os.set_inheritable(write, True)
    subprocess.run([str(program()), "start", *LISTEN], cwd=background.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, close_fds=False,
                   check=True, timeout=60)
    os.close(write)
    assert os.read(read, 1) == b""
    os.close(read)
    background.project.ok("stop")


@pytest.mark.parametrize("settings, why", [("tennant: x\n", "tennant"), ("listen: 192.0.2.1:1\n", "192.0.2.1"),
                                           ("log_level: loud\n", "loud")])
def test_a_failure_says_why(background, settings, why):
    background.project.settings(settings)
    said = background.project.fails("start")
    assert "did not start" in said and why in said
    assert not (background.root / "eider.pid").exists()
    background.project.settings("")
    background.start()
    background.project.ok("stop")


def test_no_project_is_said(alone, tmp_path):
    assert "no project" in alone.fails("start", "--project", tmp_path)
    assert "none" in alone.fails("start", "--project", tmp_path / "none")
    assert "none.yaml" in alone.fails("start", "--config", tmp_path / "none.yaml")
    assert "no server is running" in alone.fails("stop", "--data", tmp_path / "db")
    assert list(tmp_path.iterdir()) == []


def test_from_elsewhere(background, tmp_path):
    """--project and --config name it from anywhere, a directory below finds it; a server alone has its files in its data directory."""
    elsewhere = CommandLine(directory=tmp_path)
    for words in (("--project", "shop"), ("--config", "shop/eider.yaml")):
        assert str(background.root / "logs/server.log") in elsewhere.ok("start", *words, *LISTEN)
        assert "running" in elsewhere.fails("start", *words)
        elsewhere.ok("stop", *words)
    below = CommandLine(directory=background.root / "pipelines")
    below.ok("start", *LISTEN)
    assert (background.root / "eider.pid").exists()
    below.ok("stop")
    assert str(tmp_path / "alone/logs/server.log") in elsewhere.ok("start", "--data", "alone", *LISTEN)
    assert (tmp_path / "alone/eider.pid").exists()
    elsewhere.ok("stop", "--data", "alone")


def test_the_log_turns_over(background):
    background.project.settings("limits: {log.file: 4KiB, log.files: 3}\nlog_level: debug\n")
    background.start()
    background.project.ok("tenant", "create", "--id", "tenant_more")
    logs = background.root / "logs"
    for number in range(60):
        requests.get(f"{background.url}/api/v1/nothing-{number}", timeout=10)
        requests.post(f"{background.url}/api/v1/query", json={"sql": f"SELECT {number}", "tenant": "tenant_more"}, timeout=30)
    names = sorted(path.name for path in logs.iterdir() if path.name.startswith("server"))
    assert names == ["server.log", "server.log.1", "server.log.2"]
    assert all(path.stat().st_size < 4096 + 2048 for path in logs.glob("server.log*"))
    # What a crash would say goes to the file of now.
    assert os.readlink(f"/proc/{background.pid}/fd/2") == str(logs / "server.log")
    background.project.ok("stop")
    assert "event=server.stopped" in background.log()


def test_restart(background):
    background.start()
    first = background.pid
    said = background.project.ok("restart", *LISTEN)
    assert f"pid {first}" in said and not alive(first)
    background.project.ok("stop")
    assert "runs in the background" in background.project.ok("restart", *LISTEN)
    background.project.ok("stop")


def test_status_and_messages(background):
    said = background.project.fails("status")
    assert "no server is running for this project" in said and "eider start" in said
    background.start()
    said = background.project.ok("status")
    assert f"pid {background.pid}" in said and background.url in said and "tenant_acme" in said and str(background.root) in said
    background.project.ok("stop")


def test_two_projects_beside_each_other(background, tmp_path):
    """A project's commands find its own server, whoever else listens on this machine."""
    other = Background(tmp_path / "other")
    try:
        background.start()
        other.start()
        assert background.url != other.url
        assert background.url in background.project.ok("status") and other.url in other.project.ok("status")
        background.project.ok("stop")
        assert other.answers()
        assert "no server" in background.project.fails("status")
        other.project.ok("stop")
    finally:
        other.kill()


def test_a_service_manager_is_told(background, tmp_path):
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(30)
        background.start(environment={"NOTIFY_SOCKET": path})
        assert manager.recv(100) == b"READY=1"
        background.project.ok("stop")
        assert manager.recv(100) == b"STOPPING=1"

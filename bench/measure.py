"""Servers as subprocesses, what they cost, and rounds that take turns."""

import json
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
EIDER = pathlib.Path(os.environ.get("EIDER_PROGRAM", ROOT / "build" / "eider"))
CACHE = ROOT / ".cache" / "bench"
TICKS = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def children(pid):
    """All descendants of a process, itself included."""
    found = [pid]
    for parent in found:
        try:
            for task in os.listdir(f"/proc/{parent}/task"):
                text = pathlib.Path(f"/proc/{parent}/task/{task}/children").read_text()
                found += [int(child) for child in text.split()]
        except OSError:
            pass
    return found


def cpu_seconds(pid):
    total = 0
    for process in children(pid):
        try:
            fields = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        except OSError:
            pass
    return total / TICKS


def peak_mib(pid):
    """The sum of the peak resident sizes of a process and its descendants."""
    total = 0
    for process in children(pid):
        try:
            for line in pathlib.Path(f"/proc/{process}/status").read_text().splitlines():
                if line.startswith("VmHWM"):
                    total += int(line.split()[1])
        except OSError:
            pass
    return total / 1024


def pss_mib(pid):
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no Pss in smaps_rollup")


class Server:
    """A server under measurement; `with` stops it."""

    def __init__(self, command, ready, environment=None):
        self.started = time.perf_counter()
        self.log = open(CACHE / "server.log", "ab")
        self.process = subprocess.Popen(
            [str(part) for part in command],
            stdout=self.log,
            stderr=self.log,
            env={**os.environ, **(environment or {})},
        )
        while not ready():
            if self.process.poll() is not None:
                raise RuntimeError(f"{command[0]} ended with {self.process.returncode}; see {CACHE}/server.log")
            if time.perf_counter() - self.started > 60:
                raise RuntimeError(f"{command[0]} is not ready after 60 s")
            time.sleep(0.001)
        self.ready_s = time.perf_counter() - self.started

    @property
    def pid(self):
        return self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


def port_open(port):
    def check():
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return True
        except OSError:
            return False

    return check


def eider(data, port, tls=False):
    """eider on a data directory; with tls, its certificate is tls.crt there."""
    url = f"{'https' if tls else 'http'}://127.0.0.1:{port}/ready"
    unchecked = ssl._create_unverified_context()

    def ready():
        try:
            with urllib.request.urlopen(url, timeout=0.2, context=unchecked if tls else None) as answer:
                return answer.status == 200
        except OSError:
            return False

    flags = ["--tls-self-signed"] if tls else []
    return Server([EIDER, "serve", "--data", data, "--listen", f"127.0.0.1:{port}", *flags], ready)


def create_tenant(port, tenant):
    body = json.dumps({"id": tenant}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v1/tenants", body, {"content-type": "application/json"}, method="POST"
    )
    urllib.request.urlopen(request).read()


class Side:
    """One of the compared: `run()` does the work once and returns what it moved: {"rows": …, "bytes": …}."""

    def __init__(self, name, run, pid=None):
        self.name, self.run, self.pid = name, run, pid
        self.walls, self.cpus, self.moved = [], [], {}


def rounds(sides, count):
    """Takes turns, one warm-up each; returns one result per side."""
    for side in sides:
        side.run()
    for number in range(count):
        for side in sides:
            cpu = cpu_seconds(side.pid) if side.pid else 0
            start = time.perf_counter()
            side.moved = side.run() or {}
            side.walls.append(time.perf_counter() - start)
            side.cpus.append((cpu_seconds(side.pid) if side.pid else 0) - cpu)
            print(f"  {side.name:<8} round {number + 1}: {side.walls[-1]:.3f} s", file=sys.stderr)
    return [result(side) for side in sides]


def result(side):
    best = min(side.walls)
    median = sorted(side.walls)[len(side.walls) // 2]
    row = {"side": side.name, "best_s": round(best, 5), "median_s": round(median, 5)}
    for what in ("rows", "bytes", "operations"):
        if what in side.moved:
            row[f"{what}_per_s"] = round(side.moved[what] / best)
    if side.pid:
        row["server_cpu_s"] = round(min(side.cpus), 3)
        row["server_peak_mib"] = round(peak_mib(side.pid), 1)
    return row


def ratio(results, ours="eider"):
    """How many times as fast as the peer: best against best, median against median."""
    mine = next(row for row in results if row["side"] == ours)
    return {
        row["side"]: {
            "best": round(row["best_s"] / mine["best_s"], 2),
            "median": round(row["median_s"] / mine["median_s"], 2),
        }
        for row in results
        if row is not mine
    }

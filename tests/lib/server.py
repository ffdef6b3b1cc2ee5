"""One `eider serve` on a free port of its own, watched from outside."""

import os
import pathlib
import re
import signal
import subprocess

import requests

from lib.wait import until

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("EIDER_BUILD", "build")
SANITIZED = any(name in BUILD.name for name in ("asan", "tsan"))


def program(build=BUILD):
    """The program of a build directory."""
    path = pathlib.Path(build) / "eider"
    assert path.exists(), f"{path} is not built: run make build"
    return path


def alive(pid):
    """False for a process that is gone or waits to be buried."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def children(pid):
    """The living direct children of a process."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit() and alive(entry.name):
            try:
                parent = entry.joinpath("stat").read_text().rpartition(")")[2].split()[1]
            except OSError:
                continue
            if int(parent) == pid:
                found.append(int(entry.name))
    return found


def memory(pid, field="VmRSS"):
    """Bytes of a line of /proc/PID/status."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"^{field}:\s+(\d+) kB", status, re.M).group(1)) * 1024


class Server:
    """A server and its data directory. The directory outlives the process: start() after kill() goes on with it."""

    def __init__(self, directory, config=None, environment=None, build=BUILD, flags=(), ca=None):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.data = self.directory / "db"
        self.log_path = self.directory / "server.log"
        self.config = config
        self.environment = environment or {}
        self.build = build
        self.flags = [str(flag) for flag in flags]
        self.ca = ca
        self.process = None
        self.scheme = "http"
        self.port = 0

    def command(self, listen="127.0.0.1:0"):
        words = [str(program(self.build)), "serve", "--data", str(self.data), "--listen", listen]
        if self.config:
            path = self.directory / "eider.yaml"
            path.write_text(self.config)
            words += ["--config", str(path)]
        return words + self.flags

    def clean_environment(self):
        return {name: value for name, value in os.environ.items() if not name.startswith("EIDER_")} | self.environment

    def start(self, seconds=30):
        address = self.data / "eider.addr"
        address.unlink(missing_ok=True)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=self.clean_environment(), cwd=self.directory)
        try:
            until(self._answers, seconds, "a ready server")
        except AssertionError as why:
            self.kill()
            raise AssertionError(f"{why}; its log:\n{self.log()[-4000:]}") from None
        return self

    def _answers(self):
        assert self.process.poll() is None, f"the server ended with {self.process.returncode}"
        address = self.data / "eider.addr"
        match = re.search(r"^(https?)://.*:(\d+)\n", address.read_text()) if address.exists() else None
        if not match:
            return False
        self.scheme, self.port = match.group(1), int(match.group(2))
        try:
            return requests.get(f"{self.url}/ready", timeout=5, verify=self.trust).status_code == 200
        except requests.ConnectionError:
            return False

    @property
    def url(self):
        return f"{self.scheme}://127.0.0.1:{self.port}"

    @property
    def flight_url(self):
        return f"grpc{'+tls' if self.scheme == 'https' else ''}://127.0.0.1:{self.port}"

    @property
    def trust(self):
        """The file with the certificate that clients have to trust: the CA, or what --tls-self-signed made."""
        return str(self.ca or self.data / "tls.crt") if self.scheme == "https" else None

    @property
    def flight_trust(self):
        return {"tls_root_certs": pathlib.Path(self.trust).read_bytes()} if self.trust else {}

    @property
    def pid(self):
        return self.process.pid

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def workers(self):
        return children(self.pid)

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def stop(self, seconds=60):
        """SIGTERM; the server has to end well, and nothing of it may live on."""
        workers = self.workers()
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the server did not stop within {seconds} s of SIGTERM") from None
        assert code == 0, f"the server ended with {code} after SIGTERM; its log:\n{self.log()[-4000:]}"
        until(lambda: not any(alive(pid) for pid in workers), 10, "the end of every worker")
        self.check_log()

    def kill(self):
        if self.running:
            self.process.kill()
        if self.process:
            self.process.wait(30)

    def check_log(self):
        """A sanitizer that found something has said so in the log."""
        bad = re.search(r"(ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|Assertion .* failed).*", self.log())
        assert not bad, f"{bad.group(0)}; see {self.log_path}:\n{self.log()[-6000:]}"

"""The demo server of platform/rpc: nothing behind it, so what fails here fails in net, http or rpc."""

import os
import pathlib
import socket
import subprocess

import pytest

from lib.sockets import read_all

BUILD = pathlib.Path(os.environ.get("EIDER_BUILD", pathlib.Path(__file__).parents[2] / "build")).resolve()


class Demo:
    def __init__(self, **limits):
        arguments = [BUILD / "src/platform/rpc/rpc_demo", "127.0.0.1:0"]
        for name, value in limits.items():
            arguments += [name.replace("__", "."), str(value)]
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
        self.address = f"127.0.0.1:{self.port}"

    def connect(self, timeout=10):
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout)

    def send(self, data, half_close=False, timeout=10):
        """What comes back until the server closes or is silent for a moment."""
        with self.connect(timeout) as sock:
            sock.sendall(data)
            if half_close:
                sock.shutdown(socket.SHUT_WR)
            return read_all(sock)

    def rss_kb(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
        raise AssertionError("no Pss line")

    def stop(self):
        self.process.terminate()
        assert self.process.wait(20) == 0
        self.process.stdout.close()


@pytest.fixture(scope="module")
def demo():
    server = Demo()
    yield server
    assert server.process.poll() is None
    server.stop()


@pytest.fixture
def make_demo():
    made = []

    def make(**limits):
        made.append(Demo(**limits))
        return made[-1]

    yield make
    for server in made:
        assert server.process.poll() is None
        server.stop()

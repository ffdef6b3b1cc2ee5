"""eider and its peers on copies of the same TPC-H file."""

import contextlib
import pathlib
import sys

import pyarrow.flight as flight

import measure
import peer_quack
import tpch

HERE = pathlib.Path(__file__).resolve().parent


def eider_data():
    """A data directory with the TPC-H tenant."""

    def create(directory):
        port = measure.free_port()
        with measure.eider(directory, port):
            measure.create_tenant(port, tpch.TENANT)

    return tpch.eider_data(create)


@contextlib.contextmanager
def eider():
    port = measure.free_port()
    with measure.eider(eider_data(), port) as server:
        yield server.pid, flight.connect(f"grpc://127.0.0.1:{port}"), port


@contextlib.contextmanager
def eider_tls():
    port, data = measure.free_port(), eider_data()
    with measure.eider(data, port, tls=True) as server:
        certificate = (data / "tls.crt").read_bytes()
        yield server.pid, flight.connect(f"grpc+tls://127.0.0.1:{port}", tls_root_certs=certificate), port


@contextlib.contextmanager
def python_flight():
    """Peer (a)."""
    port = measure.free_port()
    _, path = tpch.copy()
    command = [sys.executable, HERE / "peer_flight.py", path, port]
    with measure.Server(command, measure.port_open(port)) as server:
        yield server.pid, flight.connect(f"grpc://127.0.0.1:{port}")


@contextlib.contextmanager
def quack():
    """Peer (b); yields None when the extension is not in the cache."""
    library = peer_quack.extension()
    if library is None:
        yield None
        return
    port = measure.free_port()
    _, path = tpch.copy()
    command = [sys.executable, HERE / "peer_quack.py", library, path, port]
    with measure.Server(command, measure.port_open(port)) as server:
        yield server.pid, peer_quack.client(port)


def get(client, sql):
    """Pulls a whole result; what it moved."""

    def run():
        rows = size = 0
        for chunk in client.do_get(flight.Ticket(sql.encode())):
            rows += chunk.data.num_rows
            size += chunk.data.nbytes
        return {"rows": rows, "bytes": size}

    return run

"""How long to start, how much memory: idle, with 1,000 tenants, with 5,000 idle connections?"""

import pathlib
import shutil
import socket
import tempfile
import time

import pyarrow.flight as flight

import measure

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
CONNECTIONS = 5000


def starts(data, count):
    found = []
    for _ in range(count):
        port = measure.free_port()
        with measure.eider(data, port) as server:
            found.append(server.ready_s * 1000)
    return round(min(found), 1)


def idle_connections(port, count):
    held = []
    for number in range(count):
        connection = socket.create_connection(("127.0.0.1", port))
        if number % 2:
            connection.sendall(PREFACE)
        else:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        connection.recv(4096)
        held.append(connection)
    return held


def run(count):
    data = pathlib.Path(tempfile.mkdtemp(prefix="eider-bench-", dir=measure.CACHE))
    answer = {"start_ms": starts(data, count)}
    port = measure.free_port()
    with measure.eider(data, port) as server:
        answer["front_idle_pss_mib"] = round(measure.pss_mib(server.pid), 1)
        measure.create_tenant(port, "tenant_first")
        before = time.perf_counter()
        client = flight.connect(f"grpc://127.0.0.1:{port}")
        client.do_get(flight.Ticket(b"select 42")).read_all()
        answer["first_query_ms"] = round((time.perf_counter() - before) * 1000, 1)
        workers = measure.children(server.pid)[1:]
        answer["worker_idle_pss_mib"] = round(sum(measure.pss_mib(worker) for worker in workers), 1)
        client.close()
        held = idle_connections(port, CONNECTIONS)
        answer[f"front_{CONNECTIONS}_connections_pss_mib"] = round(measure.pss_mib(server.pid), 1)
        for connection in held:
            connection.close()
        before = time.perf_counter()
        for number in range(1000):
            measure.create_tenant(port, f"tenant_n{number}")
        answer["create_1000_tenants_s"] = round(time.perf_counter() - before, 2)
    answer["start_with_1000_tenants_ms"] = starts(data, count)
    port = measure.free_port()
    with measure.eider(data, port) as server:
        answer["front_1000_tenants_pss_mib"] = round(measure.pss_mib(server.pid), 1)
    shutil.rmtree(data)
    return {"size": answer}

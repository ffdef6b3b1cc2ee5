"""HTTP itself, on the same port as gRPC: pipelining, keep-alive, HTTP/2, bodies in pieces, and polite goodbyes."""

import json
import re
import socket
import subprocess

import pytest


def talk(server, data, until_closed=True, timeout=30):
    """Sends bytes; gives what comes back until the server closes (net.header_timeout is 10 s) or nothing came for a second."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=timeout) as connection:
        connection.sendall(data)
        answer = b""
        if not until_closed:
            connection.settimeout(1)
        try:
            while part := connection.recv(65536):
                answer += part
        except TimeoutError:
            assert not until_closed, f"the connection stays open; so far: {answer[:500]}"
        return answer


def get(server, path="/ready", more=""):
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n{more}\r\n".encode()


def test_pipelined_requests_are_answered_in_order(server):
    data = b"".join(get(server, path) for path in ("/ready", "/nothing", "/ready", "/api/v1/tenants")) + get(server, "/ready", "Connection: close\r\n")
    answer = talk(server, data)
    assert re.findall(rb"HTTP/1\.1 (\d+)", answer) == [b"200", b"404", b"200", b"200", b"200"]


def test_a_query_before_other_pipelined_requests_keeps_its_place(shared):
    body = json.dumps({"sql": "SELECT count(*) FROM range(3000000)", "tenant": shared.tenant}).encode()
    post = (f"POST /api/v1/query HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body
    answer = talk(shared.server, post + get(shared.server, "/nothing", "Connection: close\r\n"))
    assert answer.index(b"3000000") < answer.index(b"404")


def test_chunked_body(shared):
    body = json.dumps({"sql": "SELECT 42", "tenant": shared.tenant}).encode()
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + 7]), body[i:i + 7]) for i in range(0, len(body), 7)) + b"0\r\n\r\n"
    head = b"POST /api/v1/query HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    assert b"42" in talk(shared.server, head + chunks)


def test_byte_by_byte(server):
    data = get(server, "/ready", "Connection: close\r\n")
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(len(data)):
            connection.send(data[i:i + 1])
        assert connection.recv(100).startswith(b"HTTP/1.1 200")


def test_http_1_0_closes(server):
    assert talk(server, b"GET /ready HTTP/1.0\r\nHost: localhost\r\n\r\n").startswith(b"HTTP/1.")


def test_head_has_no_body(server):
    answer = talk(server, f"HEAD /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b" 200 " in head.splitlines()[0] and body == b"" and b"content-length" in head.lower()


def test_expect_100_continue(shared):
    out = subprocess.run(["curl", "-s", "-H", "Expect: 100-continue", "-H", "Content-Type: application/json",
                          "-d", json.dumps({"sql": "SELECT 42", "tenant": shared.tenant}), f"{shared.server.url}/api/v1/query"],
                         capture_output=True, text=True, timeout=20)
    assert json.loads(out.stdout)["rows"] == [[42]]


def test_query_over_http2(shared):
    body = json.dumps({"sql": "SELECT i FROM range(100000) t(i)", "tenant": shared.tenant})
    out = subprocess.run(["curl", "-s", "--http2-prior-knowledge", "-H", "Content-Type: application/json", "-H", "Accept: text/csv", "-d", body,
                          f"{shared.server.url}/api/v1/query"], capture_output=True, text=True, timeout=30)
    assert len(out.stdout.splitlines()) == 100_001


def test_many_requests_on_one_http2_connection(server):
    out = subprocess.run(["h2load", "-n", "2000", "-c", "2", "-m", "50", f"{server.url}/health"], capture_output=True, text=True, timeout=60)
    assert "2000 succeeded" in out.stdout, out.stdout


@pytest.mark.parametrize("first, name", [
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64), "TLS"),
    (b"\x00\x00\x00\x08\x04\xd2\x16\x2f", "PostgreSQL, asking for TLS"),
    (b"\x00\x00\x00\x25\x00\x03\x00\x00user\x00someone\x00database\x00x\x00\x00", "PostgreSQL"),
    (b"\x05\x01\x00", "SOCKS"), (b"SSH-2.0-OpenSSH_9\r\n", "SSH"), (b"\x00" * 64, "zeros"), (b"\xff" * 64, "ones"), (b"EHLO x\r\n", "SMTP"),
    (b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", "half a preface of HTTP/2"),
])
def test_other_protocols_are_closed_politely(server, first, name):
    talk(server, first)
    assert talk(server, get(server, "/ready", "Connection: close\r\n")).startswith(b"HTTP/1.1 200"), f"after {name}"


@pytest.mark.parametrize("request_text, name", [
    (b"GET /ready HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "both lengths"),
    (b"POST /api/v1/query HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", "two lengths"),
    (b"POST /api/v1/query HTTP/1.1\r\nHost: localhost\r\nContent-Length: +5\r\n\r\nabcde", "a signed length"),
    (b"POST /api/v1/query HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n", "a length beyond 64 bits"),
    (b"POST /api/v1/query HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "an unknown coding"),
    (b"POST /api/v1/query HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", "a chunk beyond 64 bits"),
    (b"GET /ready HTTP/1.1\r\nHost: localhost\r\n X: folded\r\n\r\n", "a folded header"),
    (b"GET /ready HTTP/1.1\r\nHost : localhost\r\n\r\n", "a space before the colon"),
    (b"GET /ready HTTP/1.1\r\nHost: local\x00host\r\n\r\n", "a NUL"),
    (b"GET /ready HTTP/9.9\r\nHost: localhost\r\n\r\n", "a version that is none"),
    (b"GET /ready HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 200 + b"\r\n", "too many headers"),
    (b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", "a path without end"),
    (b"GET /ready HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 100_000 + b"\r\n\r\n", "a header without end"),
])
def test_bad_request_is_refused_and_closed(server, request_text, name):
    """Also the vectors of request smuggling: what follows is never taken for a request."""
    answer = talk(server, request_text + b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n")
    statuses = re.findall(rb"HTTP/1\.1 (\d+)", answer)
    assert len(statuses) <= 1 and all(status[:1] == b"4" or status in (b"501", b"505") for status in statuses), (name, answer[:300])

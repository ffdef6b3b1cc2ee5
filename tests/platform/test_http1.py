"""HTTP/1.1 byte by byte: what is answered, and what is refused because two parsers could read it differently."""

import http.client
import re
import time

import pytest
from lib.sockets import read_all

HOST = b"host: localhost\r\n"
OK = b"GET /health HTTP/1.1\r\n" + HOST + b"\r\n"
POST = b"POST /echo HTTP/1.1\r\n" + HOST + b"content-type: application/json\r\n"
CLOSE = b"GET /health HTTP/1.1\r\n" + HOST + b"connection: close\r\n\r\n"


def statuses(answer):
    return [int(code) for code in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


def test_pipelined_requests_are_answered_in_order(demo):
    later = b"GET /later HTTP/1.1\r\n" + HOST + b"\r\n"
    answer = demo.send(OK + later + OK + later + CLOSE)
    assert statuses(answer) == [200] * 5
    assert answer.index(b"later\n") < answer.rindex(b'{"status"')


def test_a_request_in_single_bytes_is_understood(demo):
    with demo.connect() as sock:
        for byte in POST + b"connection: close\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n":
            sock.sendall(bytes([byte]))
        assert read_all(sock).endswith(b"\r\n\r\nabcde")


def test_head_has_no_body(demo):
    answer = demo.send(b"HEAD /health HTTP/1.1\r\n" + HOST + b"\r\n" + CLOSE)
    assert statuses(answer) == [200, 200]
    assert answer.count(b'{"status"') == 1
    assert answer.count(b"content-length: 16") == 2


def test_http10_is_closed_after_the_answer(demo):
    answer = demo.send(b"GET /health HTTP/1.0\r\n" + HOST + b"\r\n")
    assert b"connection: close" in answer
    answer = demo.send(b"GET /stream?chunks=3&size=5000 HTTP/1.0\r\n" + HOST + b"\r\n")
    assert b"chunked" not in answer
    assert len(answer.split(b"\r\n\r\n", 1)[1]) == 15000


def test_expect_continue(demo):
    with demo.connect() as sock:
        sock.sendall(POST + b"content-length: 3\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n")
        assert sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"abc")
        assert read_all(sock).endswith(b"abc")


def test_a_streamed_answer_is_whole_and_a_broken_one_is_seen_as_broken(demo):
    client = http.client.HTTPConnection("127.0.0.1", demo.port)
    client.request("GET", "/stream?chunks=50&size=1000000")
    assert len(client.getresponse().read()) == 50_000_000
    client.request("GET", "/broken")
    with pytest.raises((http.client.IncompleteRead, http.client.RemoteDisconnected)):
        client.getresponse().read()


def test_every_answer_carries_the_protective_fields(demo):
    answer = demo.send(CLOSE).lower()
    for field in (b"x-content-type-options: nosniff", b"cache-control: no-store", b"default-src 'none'"):
        assert field in answer
    assert b"access-control" not in answer


SMUGGLING = {
    "both lengths": POST + b"content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "both lengths, other order": POST + b"transfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"content-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
    "the same length twice": POST + b"content-length: 3\r\ncontent-length: 3\r\n\r\nabc",
    "a list of lengths": POST + b"content-length: 3, 3\r\n\r\nabc",
    "signed length": POST + b"content-length: +3\r\n\r\nabc",
    "negative length": POST + b"content-length: -3\r\n\r\nabc",
    "hexadecimal length": POST + b"content-length: 0x3\r\n\r\nabc",
    "length with a space": POST + b"content-length: 3 3\r\n\r\nabc",
    "huge length": POST + b"content-length: 99999999999999999999999\r\n\r\nabc",
    "unknown coding": POST + b"transfer-encoding: gzip\r\n\r\nabc",
    "chunked not last": POST + b"transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "chunked twice": POST + b"transfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "two codings": POST + b"transfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "coding with a tab": POST + b"transfer-encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "coding quoted": POST + b'transfer-encoding: "chunked"\r\n\r\n0\r\n\r\n',
    "coding in HTTP/1.0": POST.replace(b"1.1", b"1.0") + b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "space before the colon": POST + b"content-length : 3\r\n\r\nabc",
    "space in a name": POST + b"content length: 3\r\n\r\nabc",
    "space before the first field": b"GET /health HTTP/1.1\r\n " + HOST + b"\r\n",
    "folded field": b"GET /health HTTP/1.1\r\n" + HOST + b"x: a\r\n b\r\n\r\n",
    "folded with a tab": b"GET /health HTTP/1.1\r\n" + HOST + b"x: a\r\n\tb\r\n\r\n",
    "bare LF in the request line": b"GET /health HTTP/1.1\n" + HOST + b"\r\n",
    "bare LF after a field": b"GET /health HTTP/1.1\r\nhost: localhost\n\r\n",
    "bare LF at the end": b"GET /health HTTP/1.1\r\n" + HOST + b"\n",
    "bare CR in a value": b"GET /health HTTP/1.1\r\n" + HOST + b"x: a\rb\r\n\r\n",
    "NUL in a value": b"GET /health HTTP/1.1\r\n" + HOST + b"x: a\0b\r\n\r\n",
    "NUL in a name": b"GET /health HTTP/1.1\r\n" + HOST + b"x\0y: a\r\n\r\n",
    "empty name": b"GET /health HTTP/1.1\r\n" + HOST + b": a\r\n\r\n",
    "no colon": b"GET /health HTTP/1.1\r\n" + HOST + b"nothing\r\n\r\n",
    "no host": b"GET /health HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /health HTTP/1.1\r\n" + HOST + HOST + b"\r\n",
    "two versions": b"GET /health HTTP/1.1 HTTP/1.1\r\n" + HOST + b"\r\n",
    "version 1.2": b"GET /health HTTP/1.2\r\n" + HOST + b"\r\n",
    "version 2": b"GET /health HTTP/2.0\r\n" + HOST + b"\r\n",
    "version 0.9": b"GET /health\r\n\r\n",
    "lower-case version": b"GET /health http/1.1\r\n" + HOST + b"\r\n",
    "CONNECT": b"CONNECT localhost:80 HTTP/1.1\r\n" + HOST + b"\r\n",
    "absolute target": b"GET http://localhost/health HTTP/1.1\r\n" + HOST + b"\r\n",
    "bad escape": b"GET /he%zzalth HTTP/1.1\r\n" + HOST + b"\r\n",
    "cut escape": b"GET /health%2 HTTP/1.1\r\n" + HOST + b"\r\n",
    "escaped NUL": b"GET /health%00 HTTP/1.1\r\n" + HOST + b"\r\n",
    "control byte in the target": b"GET /he\x01alth HTTP/1.1\r\n" + HOST + b"\r\n",
    "chunk size signed": POST + b"transfer-encoding: chunked\r\n\r\n+3\r\nabc\r\n0\r\n\r\n",
    "chunk size with 0x": POST + b"transfer-encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n",
    "chunk size too large": POST + b"transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc",
    "chunk size empty": POST + b"transfer-encoding: chunked\r\n\r\n\r\nabc\r\n0\r\n\r\n",
    "chunk size and space": POST + b"transfer-encoding: chunked\r\n\r\n3 \r\nabc\r\n0\r\n\r\n",
    "chunk size ended by LF": POST + b"transfer-encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
    "chunk longer than said": POST + b"transfer-encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
    "chunk ended by LF": POST + b"transfer-encoding: chunked\r\n\r\n3\r\nabc\n0\r\n\r\n",
    "endless chunk extension": POST + b"transfer-encoding: chunked\r\n\r\n3;a=" + b"b" * 5000 + b"\r\nabc\r\n0\r\n\r\n",
    "many chunk extensions": POST + b"transfer-encoding: chunked\r\n\r\n" + b"1;a=b\r\nx\r\n" * 500 + b"0\r\n\r\n",
    "LF in a chunk extension": POST + b"transfer-encoding: chunked\r\n\r\n3;a\nabc\r\n0\r\n\r\n",
    "bad expectation": POST + b"content-length: 3\r\nexpect: something\r\n\r\nabc",
}


@pytest.mark.parametrize("name", SMUGGLING)
def test_what_can_be_read_in_two_ways_is_refused_and_the_connection_closed(demo, name):
    answer = demo.send(SMUGGLING[name] + (b"" if name.startswith(("bad", "cut", "esc", "abs")) else CLOSE), True, 3)
    codes = statuses(answer)
    assert len(codes) <= 1 and all(400 <= code < 600 for code in codes), answer


def test_an_upgrade_to_h2c_is_ignored(demo):
    answer = demo.send(
        b"GET /health HTTP/1.1\r\n" + HOST + b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\n"
        b"http2-settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n" + CLOSE
    )
    assert statuses(answer) == [200, 200]


def test_limits(demo):
    assert statuses(demo.send(b"GET /" + b"a" * 40000 + b" HTTP/1.1\r\n" + HOST + b"\r\n")) == [431]
    assert statuses(demo.send(b"GET / HTTP/1.1\r\n" + HOST + b"x: y\r\n" * 200 + b"\r\n")) == [431]
    assert statuses(demo.send(POST + b"content-length: 16777217\r\n\r\n")) == [413]
    body = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    assert statuses(demo.send(POST + b"transfer-encoding: chunked\r\n\r\n" + body * 17)) == [413]
    trailers = POST + b"transfer-encoding: chunked\r\n\r\n0\r\n" + b"x: y\r\n" * 200 + b"\r\n"
    assert statuses(demo.send(trailers)) == [431]


def test_a_slow_header_gets_408_and_an_idle_connection_is_closed(make_demo):
    server = make_demo(net__header_timeout=1, net__idle_timeout=2)
    began = time.monotonic()
    assert statuses(server.send(b"GET /health HTTP/1.1\r\nhost: loc", timeout=8)) == [408]
    assert server.send(b"PRI * HT", timeout=8) == b""
    assert server.send(b"", timeout=8) == b""
    assert time.monotonic() - began < 5
    assert statuses(server.send(OK, timeout=8)) == [200]
    assert time.monotonic() - began < 9


GUARDED = [
    (421, b"GET /health HTTP/1.1\r\nhost: evil.example\r\n\r\n"),
    (421, b"GET /health HTTP/1.1\r\nhost: localhost.evil.example\r\n\r\n"),
    (421, b"GET /health HTTP/1.1\r\nhost: localhost@evil\r\n\r\n"),
    (200, b"GET /health HTTP/1.1\r\nhost: LOCALHOST:8815\r\n\r\n"),
    (200, b"GET /health HTTP/1.1\r\nhost: [::1]:1\r\n\r\n"),
    (403, b"GET /health HTTP/1.1\r\nhost: localhost\r\norigin: http://evil.example\r\n\r\n"),
    (403, b"GET /health HTTP/1.1\r\nhost: localhost\r\norigin: null\r\n\r\n"),
    (403, b"GET /health HTTP/1.1\r\nhost: localhost:1\r\norigin: http://localhost:2\r\n\r\n"),
    (200, b"GET /health HTTP/1.1\r\nhost: localhost:1\r\norigin: http://localhost:1\r\n\r\n"),
    (415, b"POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n"),
    (415, b"POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/plain\r\ncontent-length: 1\r\n\r\nx"),
    (200, b"POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/csv; charset=x\r\ncontent-length: 1\r\n\r\nx"),
    (404, b"DELETE /x HTTP/1.1\r\nhost: localhost\r\n\r\n"),
    (415, b"DELETE /x HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\n\r\nx"),
]


@pytest.mark.parametrize("status, request_bytes", GUARDED)
def test_pages_of_other_sites_are_kept_out(demo, status, request_bytes):
    with demo.connect() as sock:
        sock.sendall(request_bytes)
        assert statuses(sock.recv(65536)) == [status]


def test_other_protocols_are_turned_away_politely(demo):
    assert demo.send(b"\x16\x03\x01\x02\x00\x01") == b"\x15\x03\x03\x00\x02\x02\x28"
    answer = demo.send(b"\0\0\0\x08\x04\xd2\x16\x2f" + b"\0\0\0\x09\0\x03\0\0\0")
    assert answer.startswith(b"NE\0\0\0\x4aSFATAL\0") and len(answer) == 1 + 1 + 0x4A
    assert demo.send(b"\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\0\0\0\0\0") == b""
    assert demo.send(b"SSH-2.0-x\r\n") == b""

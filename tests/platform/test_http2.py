"""HTTP/2 as a hostile client speaks it: every flood ends with GOAWAY or is refused, and a good client is still served."""

import json
import socket
import struct
import time
import urllib.request

import pytest
from hpack import Encoder

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 2, 3, 4, 6, 7, 8, 9
CALM = 11


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def block(path=b"/health", method=b"GET", extra=()):
    fields = [(b":method", method), (b":path", path), (b":scheme", b"http"), (b":authority", b"localhost"), *extra]
    return Encoder().encode(fields, huffman=False)


GRPC = ((b"content-type", b"application/grpc"), (b"te", b"trailers"))


class Raw:
    """A connection that sends whatever it is told and collects frames."""

    def __init__(self, demo, settings=b""):
        self.sock = demo.connect()
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.closed = False
        self.send(PREFACE + frame(SETTINGS, payload=settings))

    def send(self, data):
        """False when the server no longer listens."""
        try:
            self.sock.sendall(data)
            return True
        except OSError:
            return False

    def frames(self, silence=0.3):
        """What comes until the server closes or is silent."""
        self.sock.settimeout(silence)
        while not self.closed:
            try:
                data = self.sock.recv(1 << 20)
            except TimeoutError:
                break
            except OSError:
                data = b""
            self.closed = not data
            self.buffer += data
            while len(self.buffer) >= 9 and len(self.buffer) >= 9 + int.from_bytes(self.buffer[:3], "big"):
                size = int.from_bytes(self.buffer[:3], "big")
                kind, flags, stream = struct.unpack(">BBI", self.buffer[3:9])
                yield kind, flags, stream, self.buffer[9 : 9 + size]
                self.buffer = self.buffer[9 + size :]

    def goaway(self):
        """The code of the last one, after everything was read."""
        codes = [int.from_bytes(payload[4:8], "big") for kind, _, _, payload in self.frames() if kind == GOAWAY]
        return codes[-1] if codes else None


def assert_alive(demo):
    with urllib.request.urlopen(f"http://{demo.address}/health", timeout=5) as answer:
        assert json.load(answer) == {"status": "ok"}


def assert_cut_off(demo, raw, code=CALM):
    assert raw.goaway() in (code, None) and raw.closed
    assert_alive(demo)


def flood(raw, piece, times=200):
    for _ in range(times):
        if not raw.send(piece):
            break


def test_rapid_reset_is_cut_off(demo):
    raw = Raw(demo)
    before = demo.rss_kb()
    for i in range(1, 4001, 2):
        reset = frame(HEADERS, 5, i, block(b"/later")) + frame(RST_STREAM, 0, i, b"\0\0\0\x08")
        if not raw.send(reset):
            break
    assert_cut_off(demo, raw)
    assert demo.rss_kb() - before < 10_000


def overflow(stream):
    return frame(WINDOW_UPDATE, 0, stream, b"\x7f\xff\xff\xff")


def test_resets_that_the_server_is_made_to_send_count_too(demo):
    raw = Raw(demo)
    for i in range(1, 4001, 2):
        made = frame(HEADERS, 4, i, block(b"/demo.Demo/Hang", b"POST", GRPC)) + overflow(i)
        if not raw.send(made):
            break
    assert_cut_off(demo, raw)


@pytest.mark.parametrize(
    "piece",
    [
        frame(PING, 0, 0, b"12345678") * 50,
        frame(SETTINGS) * 50,
        frame(PRIORITY, 0, 1, b"\0\0\0\0\1") * 50,
        frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\1") * 50,
    ],
    ids=["ping", "settings", "priority", "window"],
)
def test_floods_of_control_frames_are_cut_off(demo, piece):
    raw = Raw(demo)
    flood(raw, piece)
    assert_cut_off(demo, raw)


def test_a_flood_of_empty_data_is_cut_off(demo):
    raw = Raw(demo)
    raw.send(frame(HEADERS, 4, 1, block(b"/demo.Demo/Upload", b"POST", GRPC)))
    flood(raw, frame(DATA, 0, 1) * 50)
    assert_cut_off(demo, raw)


def test_a_flood_of_continuations_is_cut_off(demo):
    raw = Raw(demo)
    raw.send(frame(HEADERS, 1, 1, block()))
    flood(raw, frame(CONTINUATION, 0, 1, b"\x00\x01x\x01y" * 100) * 10)
    list(raw.frames())
    assert raw.closed
    assert_alive(demo)


def test_an_hpack_bomb_costs_no_memory(demo):
    raw = Raw(demo, struct.pack(">HI", 4, 0))
    before = demo.rss_kb()
    # One field of 3,900 bytes enters the table, then each further byte stands for it.
    bomb = block() + b"\x40\x06cookie\x7f\xbd\x1d" + b"c" * 3900 + b"\xbe" * 8000
    for i in range(1, 201, 2):
        if not raw.send(frame(HEADERS, 5, i, bomb)):
            break
    list(raw.frames())
    assert demo.rss_kb() - before < 10_000
    assert_alive(demo)


def test_too_many_fields_are_431_and_for_calls_a_status(demo):
    raw = Raw(demo)
    many = tuple((b"x-%d" % i, b"y") for i in range(150))
    raw.send(frame(HEADERS, 5, 1, block(extra=many)))
    raw.send(frame(HEADERS, 5, 3, block(b"/demo.Demo/Echo", b"POST", GRPC + many)))
    heads = {stream: payload for kind, _, stream, payload in raw.frames() if kind == HEADERS}
    assert b"431" in heads[1] or heads[1][:1] not in (b"\x88",)
    assert b"http.max_fields" in heads[3] or len(heads[3]) > 20
    assert_alive(demo)


def test_a_lying_message_length_is_refused_before_memory_is_taken(demo):
    raw = Raw(demo)
    before = demo.rss_kb()
    for i in range(1, 81, 4):
        raw.send(frame(HEADERS, 4, i, block(b"/demo.Demo/Echo", b"POST", GRPC)))
        raw.send(frame(DATA, 0, i, b"\0\xff\xff\xff\xffabc"))
        raw.send(frame(HEADERS, 4, i + 2, block(b"/demo.Demo/Upload", b"POST", GRPC)))
        raw.send(frame(DATA, 0, i + 2, b"\0\x7f\xff\xff\xffabc"))
    assert sum(kind == HEADERS and flags & 1 for kind, flags, _, _ in raw.frames()) == 40
    assert demo.rss_kb() - before < 3_000


def test_streams_that_a_zero_window_holds_are_reset_in_time(make_demo):
    server = make_demo(net__write_timeout=1)
    raw = Raw(server, struct.pack(">HI", 4, 0))
    for i in range(1, 21, 2):
        raw.send(frame(HEADERS, 5, i, block(b"/stream?chunks=100&size=1000000")))
    deadline, resets = time.monotonic() + 8, set()
    while len(resets) < 10 and time.monotonic() < deadline:
        resets |= {stream for kind, _, stream, _ in raw.frames(1) if kind == RST_STREAM}
    assert len(resets) == 10
    assert_alive(server)


def test_a_client_that_takes_nothing_is_disconnected(make_demo):
    server = make_demo(net__write_timeout=1)
    raw = Raw(server, struct.pack(">HI", 4, 2**31 - 1))
    raw.send(frame(WINDOW_UPDATE, 0, 0, b"\x7f\xff\x00\x00"))
    raw.send(frame(HEADERS, 5, 1, block(b"/stream?chunks=2000&size=1000000")))
    metrics = ""
    for _ in range(40):
        time.sleep(0.1)  # between two looks at /metrics
        with urllib.request.urlopen(f"http://{server.address}/metrics") as answer:
            metrics = answer.read().decode()
        if 'eider_connections{protocol="http2"} 0' in metrics:
            break
    assert 'eider_connections{protocol="http2"} 0' in metrics


def test_pings_are_answered_while_a_download_runs(demo):
    raw = Raw(demo, struct.pack(">HI", 4, 2**31 - 1))
    raw.send(frame(WINDOW_UPDATE, 0, 0, b"\x7f\xff\x00\x00"))
    raw.send(frame(HEADERS, 5, 1, block(b"/stream?chunks=200&size=1000000")))
    raw.send(frame(PING, 0, 0, b"abcdefgh"))
    before_ack = 0
    for kind, flags, _, payload in raw.frames(1):
        before_ack += len(payload) if kind == DATA else 0
        if kind == PING and flags & 1:
            break
    assert before_ack < 20_000_000
    raw.sock.close()


@pytest.mark.slow
@pytest.mark.native
def test_5000_idle_connections_are_small(make_demo):
    server = make_demo()
    before, kept = server.rss_kb(), []
    call = frame(HEADERS, 4, 1, block(b"/demo.Demo/Echo", b"POST", GRPC)) + frame(DATA, 1, 1, b"\0\0\0\0\x02hi")
    for i in range(2500):
        raw = Raw(server)
        raw.send(call)
        plain = server.connect()
        plain.sendall(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n")
        kept += [raw, plain]
    for i in range(0, len(kept), 2):
        assert kept[i + 1].recv(1000)
        assert any(kind == HEADERS and flags & 1 for kind, flags, _, _ in answered(kept[i]))
    grown_kb = server.rss_kb() - before
    print(f"5,000 idle connections: {grown_kb} kB")
    assert grown_kb < 60_000
    assert_alive(server)


def answered(raw):
    for item in raw.frames(1):
        yield item
        if item[0] == HEADERS and item[1] & 1:
            return

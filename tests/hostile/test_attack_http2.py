"""HTTP/2 against its own rules. Each attack is a few frames, repeated; the server has to end the connection (GOAWAY with an
error, or close) long before the attack is over, stay small, and go on serving others."""
import time

import hyperframe.frame as frames
import pytest

from lib.wait import until
from siege import siege
from wire import PREFACE, Http2

BURST = 20_000


def flood(client, make, count=BURST, batch=200):
    """Sends make(i) for each i in batches until the server ends the connection; frames sent, and whether it ended."""
    sent = 0
    while sent < count:
        if not client.raw(b"".join(make(sent + i) for i in range(batch))):
            return sent, True
        sent += batch
        client.read(0.002)
        if client.closed or (client.goaway and client.goaway.error_code):
            return sent, True
    return sent, client.ended(3)


def headers_frame(client, stream, fields, end=True):
    frame = frames.HeadersFrame(stream, data=client.header_block(fields))
    frame.flags.add("END_HEADERS")
    if end:
        frame.flags.add("END_STREAM")
    return frame.serialize()


def reset_frame(stream):
    return frames.RstStreamFrame(stream, error_code=8).serialize()


def bare_window(stream, increment):
    return Http2.bare(8, 0, stream, increment.to_bytes(4, "big"))


# --- resets ---

@pytest.mark.parametrize("path", ["/health", "/arrow.flight.protocol.FlightService/DoGet"])
def test_rapid_reset_is_ended(front, path):
    """CVE-2023-44487."""
    with siege(front), Http2(front.port) as client:
        fields = client.request_fields(path) if path == "/health" else client.grpc_fields("DoGet")

        def request_and_reset(index):
            stream = 2 * index + 1
            return headers_frame(client, stream, fields) + reset_frame(stream)

        sent, ended = flood(client, request_and_reset)
        assert ended and sent <= 4000, (sent, ended)


# Each makes the server reset a stream that the client had opened properly (CVE-2025-8671).
MADE_RESETS = {
    "window update of zero": lambda client, stream: bare_window(stream, 0),
    "window beyond 2^31": lambda client, stream: bare_window(stream, 0x7FFFFFFF) + bare_window(stream, 0x7FFFFFFF),
    "data after the end": lambda client, stream: Http2.bare(0, 0, stream, b"x"),
    "headers after the end": lambda client, stream: headers_frame(client, stream, client.request_fields()),
    "priority of four bytes": lambda client, stream: Http2.bare(2, 0, stream, b"\0\0\0\0"),
    "stream depends on itself": lambda client, stream: Http2.bare(2, 0, stream, stream.to_bytes(4, "big") + b"\x10"),
    "more body than content-length": None,
}


@pytest.mark.parametrize("name", MADE_RESETS)
def test_resets_that_the_server_is_made_to_send_are_counted(front, name):
    with siege(front), Http2(front.port) as client:
        request = client.grpc_fields("DoAction")
        lying = client.request_fields("/api/v1/query", "POST", [("content-type", "application/json"), ("content-length", "1")])

        def provoke(index):
            stream = 2 * index + 1
            if MADE_RESETS[name] is None:
                return headers_frame(client, stream, lying, end=False) + Http2.bare(0, 1, stream, b"{}")
            return headers_frame(client, stream, request, end="after the end" in name) + MADE_RESETS[name](client, stream)

        sent, ended = flood(client, provoke, batch=50)
        assert ended and sent <= 4000, (sent, ended)


# --- headers ---

def test_continuation_flood_is_ended(front):
    """CVE-2024-28182: a header block that never ends."""
    with siege(front), Http2(front.port) as client:
        client.headers(1, client.request_fields(), finish=False)
        sent, ended = flood(client, lambda index: Http2.bare(9, 0, 1, client.header_block([(f"x-{index}", "b" * 100)])))
        assert ended and sent <= 2000, (sent, ended)


def test_empty_continuation_flood_is_ended(front):
    with siege(front), Http2(front.port) as client:
        client.headers(1, client.request_fields(), finish=False)
        sent, ended = flood(client, lambda index: Http2.bare(9, 0, 1, b""))
        assert ended and sent <= 2000, (sent, ended)


@pytest.mark.parametrize("field", ["cookie", "x-bomb"])
def test_header_bomb_is_refused(front, field):
    """CVE-2016-6581 and CVE-2026-49975: one byte on the wire stands for 4 KB in memory, on a hundred stalled streams."""
    with siege(front, grows_mb=32), Http2(front.port, {frames.SettingsFrame.INITIAL_WINDOW_SIZE: 0}) as client:
        client.encoder.huffman_coding = False
        bomb = client.header_block([*client.request_fields(), (field, "b" * 3900)])
        index = bytes([0x80 | 62])  # the newest entry of the dynamic table
        client.raw(Http2.bare(1, 5, 1, bomb))
        client.read(0.2)
        for stream in range(3, 203, 2):
            block = client.header_block(client.request_fields()) + index * 15_000
            if not client.raw(Http2.bare(1, 5, stream, block)):
                break
        client.read(2)
        codes = [frame for frame in client.seen if isinstance(frame, frames.HeadersFrame) and frame.stream_id > 1]
        for frame in codes:
            status = dict(client.decoder.decode(frame.data)).get(":status")
            assert status == "431" or status is None, status


@pytest.mark.parametrize("extra", [
    [(f"x-{number}", "b") for number in range(101)],
    [("x-long", "b" * 33000)],
    [("cookie", "b" * 300)] * 110,
], ids=["101 fields", "33 KB", "cookie crumbs"])
def test_too_many_fields_are_refused(front, extra):
    with Http2(front.port) as client:
        blocks = client.header_block(client.request_fields(extra=extra))
        pieces = [blocks[i:i + 16000] for i in range(0, len(blocks), 16000)]
        for index, piece in enumerate(pieces):
            last = index == len(pieces) - 1
            client.raw(Http2.bare(1 if index == 0 else 9, (4 if last else 0) | (1 if index == 0 else 0), 1, piece))
        answer = client.answer(1)
        assert answer is None or answer[":status"] == "431", answer
    assert front.running


def test_table_size_that_jumps_is_bounded(front):
    with siege(front, grows_mb=16), Http2(front.port) as client:
        sizes = b"".join([b"\x3f\xe1\xff\x03", b"\x20"] * 5000)
        client.raw(Http2.bare(1, 5, 1, sizes[:16000] + client.header_block(client.request_fields())))
        assert client.ended(5)


@pytest.mark.parametrize("block", [b"\xff" * 100, b"\x80", b"\x40\x7f\xff\xff\xff\xff\x0f", b"\x00\x85\xff\xff\xff\xff\xff\x01a",
                                   b"\x3f\xff\xff\xff\xff\xff\x0f"], ids=["index", "zero", "length", "huffman", "table"])
def test_broken_header_compression_ends_the_connection(front, block):
    with Http2(front.port) as client:
        client.raw(Http2.bare(1, 5, 1, block))
        assert client.ended(5)


BAD_REQUESTS = {
    "transfer-encoding": [("transfer-encoding", "chunked")],
    "connection": [("connection", "close")],
    "te other than trailers": [("te", "gzip")],
    "upper case": [("X-Upper", "b")],
    "line break in a value": [("x-a", "b\r\nhost: evil.example")],
    "NUL in a value": [("x-a", "b\0c")],
    "pseudo-header after fields": [("x-a", "b"), (":path", "/metrics")],
    "path twice": [(":path", "/metrics")],
    "unknown pseudo-header": [(":evil", "b")],
    "content-length without a body": [("content-length", "5")],
    "two content-lengths": [("content-length", "0"), ("content-length", "5")],
}


@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_malformed_request_is_refused(front, name):
    """RFC 9113 8.1.1: malformed requests get no ordinary answer."""
    with Http2(front.port) as client:
        client.headers(1, [*client.request_fields(), *BAD_REQUESTS[name]])
        answer = client.answer(1, 3)
        assert answer is None or answer[":status"] in ("400", "431"), answer


@pytest.mark.parametrize("authority, status", [("evil.example", "421"), ("localhost", "200")])
def test_authority_is_checked(front, authority, status):
    with Http2(front.port) as client:
        fields = [(name, authority if name == ":authority" else value) for name, value in client.request_fields()]
        client.headers(1, fields)
        assert client.answer(1)[":status"] == status


def test_host_and_authority_that_differ_are_refused(front):
    with Http2(front.port) as client:
        client.headers(1, client.request_fields(extra=[("host", "evil.example")]))
        answer = client.answer(1)
        assert answer is None or answer[":status"] in ("400", "421"), answer


# --- floods of control frames (CVE-2019-9511 to 9518, CVE-2020-11080) ---

SETTING = frames.SettingsFrame(settings={frames.SettingsFrame.INITIAL_WINDOW_SIZE: 65535}).serialize()
FLOODS = {
    "settings": lambda index: SETTING,
    "empty settings": lambda index: frames.SettingsFrame().serialize(),
    "settings acknowledgements": lambda index: Http2.bare(4, 1, 0, b""),
    "ping": lambda index: frames.PingFrame(opaque_data=index.to_bytes(8, "big")).serialize(),
    "ping acknowledgements": lambda index: Http2.bare(6, 1, 0, index.to_bytes(8, "big")),
    "priority": lambda index: Http2.bare(2, 0, 2 * (index % 1000) + 1, b"\0\0\0\0\x10"),
    "window updates of the connection": lambda index: bare_window(0, 1),
    "resets of idle streams": lambda index: reset_frame(2 * index + 1),
}
# RFC 9113 has these ignored, and they cost nothing: bounded is enough.
IGNORED = {
    "unknown frames": lambda index: Http2.bare(0xBB, 0, 0, b"x" * 8),
    "data on a stream that is over": lambda index: Http2.bare(0, 0, 1, b""),
}


@pytest.mark.parametrize("name", FLOODS)
def test_control_flood_is_ended(front, name):
    with siege(front, grows_mb=24), Http2(front.port) as client:
        sent, ended = flood(client, FLOODS[name])
        assert ended and sent <= 6000, (sent, ended)


@pytest.mark.parametrize("name", IGNORED)
def test_ignored_flood_is_bounded(front, name):
    with siege(front, grows_mb=16), Http2(front.port) as client:
        client.headers(1, client.request_fields())
        client.answer(1)
        flood(client, IGNORED[name])
        assert client.closed or client.goaway or client.frame(frames.PingFrame, opaque_data=b"12345678")


def test_ping_flood_that_reads_nothing_is_bounded(front):
    """Answers to pings pile up when nobody reads them."""
    with siege(front, grows_mb=24), Http2(front.port) as client:
        end = time.monotonic() + 8
        while time.monotonic() < end and client.raw(frames.PingFrame(opaque_data=b"12345678").serialize() * 1000):
            pass
        assert client.closed, "pings are taken for eight seconds"


@pytest.mark.parametrize("flags", [0, 8], ids=["empty", "padding only"])
def test_empty_data_flood_is_ended(front, flags):
    with siege(front, grows_mb=24), Http2(front.port) as client:
        client.headers(1, client.grpc_fields("DoPut"), end=False)
        sent, ended = flood(client, lambda index: Http2.bare(0, flags, 1, b"\0" if flags else b""))
        assert ended and sent <= 6000, (sent, ended)


def test_window_update_flood_on_a_stream_is_ended(front):
    with siege(front, grows_mb=24), Http2(front.port) as client:
        client.headers(1, client.grpc_fields("DoPut"), end=False)
        sent, ended = flood(client, lambda index: bare_window(1, 1))
        assert ended and sent <= 6000, (sent, ended)


def test_settings_with_thousands_of_entries_is_refused(front):
    with Http2(front.port) as client:
        client.raw(Http2.bare(4, 0, 0, b"\x00\x04\x00\x00\xff\xff" * 2000))
        assert client.ended(5)


# --- stalls ---

def test_zero_window_on_many_streams_is_bounded(front):
    """A hundred results that nobody takes, on ten connections."""
    with siege(front, grows_mb=64, same_workers=False):
        clients = [Http2(front.port, {frames.SettingsFrame.INITIAL_WINDOW_SIZE: 0}) for _ in range(10)]
        for client in clients:
            for stream in range(1, 200, 2):
                client.headers(stream, client.request_fields("/metrics"))
        for client in clients:
            client.read(0.3)
        assert front.get("/health").status_code == 200
        for client in clients:
            client.sock.close()


def test_streams_beyond_the_limit_are_refused(front):
    with siege(front), Http2(front.port) as client:
        for stream in range(1, 2 * 150, 2):
            client.headers(stream, client.grpc_fields("DoPut"), end=False)
        client.read(1, lambda frame: isinstance(frame, frames.RstStreamFrame))
        refused = [frame for frame in client.seen if isinstance(frame, frames.RstStreamFrame) and frame.error_code == 7]
        assert refused or client.closed or client.goaway


@pytest.mark.parametrize("kind", ["http", "grpc"])
def test_unfinished_requests_share_one_budget(front, kind):
    """100 streams that each send 2 MB of a request that never ends: http2.max_gathered is 32 MiB, in buffers that
    double. Without it the front would grow by 200 MB."""
    with siege(front, grows_mb=96), Http2(front.port) as client:
        fields = client.grpc_fields("GetFlightInfo") if kind == "grpc" else client.request_fields(
            "/api/v1/query", "POST", (("content-type", "application/json"),))
        first = b"\0" + (4 << 20).to_bytes(4, "big") if kind == "grpc" else b""
        for stream in range(1, 200, 2):
            client.headers(stream, fields, end=False)
            client.data(stream, first)
        for _ in range(128):
            for stream in range(1, 200, 2):
                if not client.data(stream, b"x" * 16_384):
                    break
            client.read(0.001)
        client.read(2, lambda frame: client.goaway)
        answers = [frame for frame in client.seen if isinstance(frame, frames.HeadersFrame)]
        assert answers or client.closed or client.goaway


def test_stalled_stream_ends_at_the_write_timeout(impatient_front):
    with Http2(impatient_front.port, {frames.SettingsFrame.INITIAL_WINDOW_SIZE: 0}) as client:
        client.headers(1, client.request_fields("/metrics"))

        def is_over():
            client.read(0.1)
            return client.closed or client.goaway or [f for f in client.seen if isinstance(f, frames.RstStreamFrame)]

        until(is_over, 12, "a stalled stream is ended")


def test_open_stream_without_end_does_not_stay_forever(impatient_front):
    """Slow POST: headers and then nothing."""
    with Http2(impatient_front.port) as client:
        client.headers(1, client.request_fields("/api/v1/query", "POST", [("content-type", "application/json")]), end=False)

        def is_over():
            client.read(0.1)
            return client.closed or client.goaway or [f for f in client.seen if f.stream_id == 1]

        until(is_over, 45, "a request that never ends is answered or reset")


def test_header_block_without_end_does_not_stay_forever(impatient_front):
    with Http2(impatient_front.port) as client:
        client.headers(1, client.request_fields(), finish=False)
        until(lambda: client.ended(0.1), 12, "half a header block is ended")


# --- frames that are wrong ---

BROKEN_FRAMES = {
    "larger than allowed": Http2.bare(0, 0, 1, b"", length=0xFFFFFF) + b"x" * 20000,
    "data on stream 0": Http2.bare(0, 0, 0, b"x"),
    "data on an idle stream": Http2.bare(0, 0, 5, b"x"),
    "headers on stream 0": Http2.bare(1, 5, 0, b"\x82"),
    "headers on an even stream": Http2.bare(1, 5, 2, b"\x82\x86\x84\x41\x01a"),
    "continuation without headers": Http2.bare(9, 4, 1, b"\x82"),
    "push promise": Http2.bare(5, 4, 1, b"\0\0\0\x02\x82"),
    "settings on a stream": Http2.bare(4, 0, 1, b""),
    "settings of five bytes": Http2.bare(4, 0, 0, b"12345"),
    "acknowledgement with content": Http2.bare(4, 1, 0, b"123456"),
    "ping of seven bytes": Http2.bare(6, 0, 0, b"1234567"),
    "goaway of four bytes": Http2.bare(7, 0, 0, b"1234"),
    "window update of three bytes": Http2.bare(8, 0, 0, b"123"),
    "window of the connection zero": bare_window(0, 0),
    "window of the connection too large": bare_window(0, 0x7FFFFFFF) * 2,
    "padding longer than the frame": Http2.bare(1, 0x0D, 1, b"\xff\x82"),
    "reset of three bytes": Http2.bare(3, 0, 1, b"123"),
    "max frame size of one": frames.SettingsFrame(settings={5: 1}).serialize(),
    "initial window of 4 GiB": frames.SettingsFrame(settings={4: 0xFFFFFFFF}).serialize(),
}


@pytest.mark.parametrize("name", BROKEN_FRAMES)
def test_broken_frame_ends_the_connection(front, name):
    with Http2(front.port) as client:
        client.raw(BROKEN_FRAMES[name])
        assert client.ended(5)
    assert front.running


def test_preface_that_goes_wrong_is_closed(front):
    with Http2(front.port, preface=False) as client:
        client.raw(PREFACE + Http2.bare(0, 0, 0, b"x"))
        assert client.ended(5)


def test_connections_of_an_attack_leave_nothing(front):
    """Descriptors come back."""
    before = front.descriptors()
    begin = time.monotonic()
    for _ in range(200):
        with Http2(front.port) as client:
            client.headers(1, client.grpc_fields("DoPut"), end=False)
    until(lambda: front.descriptors() <= before + 8, 10, "descriptors are given back")
    assert time.monotonic() - begin < 20

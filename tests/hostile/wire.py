"""Raw bytes to a port: what no library would send."""
import contextlib
import select
import socket
import time

import hpack
import hyperframe.frame as frames

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
FLIGHT = "/arrow.flight.protocol.FlightService/"


def connect(port, timeout=10):
    sock = socket.create_connection(("127.0.0.1", port), timeout=timeout)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def send(sock, data):
    """False when the other side has closed."""
    try:
        sock.sendall(data)
        return True
    except (BrokenPipeError, ConnectionResetError, TimeoutError):
        return False


def read_to_end(sock, seconds):
    """What comes until the other side closes; (bytes, closed)."""
    end = time.monotonic() + seconds
    data = b""
    while time.monotonic() < end:
        ready, _, _ = select.select([sock], [], [], max(0, end - time.monotonic()))
        if not ready:
            break
        try:
            piece = sock.recv(65536)
        except (ConnectionResetError, ConnectionAbortedError):
            return data, True
        if not piece:
            return data, True
        data += piece
    return data, False


def read_head(sock, seconds=5):
    """An answer's status line and fields."""
    sock.settimeout(seconds)
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65536)
        if not piece:
            break
        data += piece
    return data


def exchange(port, data, seconds=3):
    """Sends, half-closes nothing, reads until the end or the time is over."""
    with connect(port) as sock:
        send(sock, data)
        return read_to_end(sock, seconds)


def is_closed(sock, seconds):
    return read_to_end(sock, seconds)[1]


class Http2:
    """An HTTP/2 client that keeps no rule: frames are made by hand and sent as they are."""

    def __init__(self, port, settings=None, preface=True):
        self.sock = connect(port)
        self.encoder = hpack.Encoder()
        self.decoder = hpack.Decoder()
        self.buffer = b""
        self.closed = False
        self.goaway = None
        self.seen = []
        if preface:
            self.raw(PREFACE + frames.SettingsFrame(settings=settings or {}).serialize())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def raw(self, data):
        if not self.closed and not send(self.sock, data):
            self.closed = True
        return not self.closed

    def frame(self, kind, stream=0, flags=(), **fields):
        frame = kind(stream, **fields)
        for flag in flags:
            frame.flags.add(flag)
        return self.raw(frame.serialize())

    @staticmethod
    def bare(kind, flags, stream, payload, length=None):
        """A frame from numbers; length may lie."""
        length = len(payload) if length is None else length
        return length.to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload

    def header_block(self, fields):
        return self.encoder.encode(fields)

    def request_fields(self, path="/health", method="GET", extra=()):
        return [(":method", method), (":scheme", "http"), (":authority", "localhost"), (":path", path), *extra]

    def grpc_fields(self, method, extra=()):
        return self.request_fields(FLIGHT + method, "POST",
                                   (("te", "trailers"), ("content-type", "application/grpc"), *extra))

    def headers(self, stream, fields, end=True, finish=True):
        flags = (["END_HEADERS"] if finish else []) + (["END_STREAM"] if end else [])
        return self.frame(frames.HeadersFrame, stream, flags, data=self.header_block(fields))

    def data(self, stream, payload=b"", end=False):
        return self.frame(frames.DataFrame, stream, ["END_STREAM"] if end else [], data=payload)

    def read(self, seconds=0.0, until=None):
        """Frames that came; stops at one for which until(frame) holds."""
        end = time.monotonic() + seconds
        found = []
        while True:
            while frame := self._next():
                found.append(frame)
                self.seen.append(frame)
                if isinstance(frame, frames.GoAwayFrame):
                    self.goaway = frame
                if until and until(frame):
                    return found
            left = end - time.monotonic()
            if self.closed or (left <= 0 and seconds > 0) or not select.select([self.sock], [], [], max(0, left))[0]:
                return found
            with contextlib.suppress(ConnectionResetError):
                piece = self.sock.recv(65536)
                if piece:
                    self.buffer += piece
                    continue
            self.closed = True

    def _next(self):
        if len(self.buffer) < 9:
            return None
        frame, length = frames.Frame.parse_frame_header(memoryview(self.buffer[:9]))
        if len(self.buffer) < 9 + length:
            return None
        frame.parse_body(memoryview(self.buffer[9:9 + length]))
        self.buffer = self.buffer[9 + length:]
        return frame

    def ended(self, seconds):
        """The server said GOAWAY with an error, or closed."""
        self.read(seconds, lambda frame: isinstance(frame, frames.GoAwayFrame) and frame.error_code != 0)
        return self.closed or (self.goaway is not None and self.goaway.error_code != 0)

    def answer(self, stream, seconds=5):
        """Header fields of the stream's first and last header frames, merged; None when it was reset or closed."""
        fields = {}

        def is_end(frame):
            return frame.stream_id == stream and (
                "END_STREAM" in frame.flags or isinstance(frame, frames.RstStreamFrame))

        for frame in self.read(seconds, is_end):
            if isinstance(frame, frames.HeadersFrame):
                decoded = self.decoder.decode(frame.data)
                if frame.stream_id == stream:
                    fields.update(decoded)
            if isinstance(frame, frames.RstStreamFrame) and frame.stream_id == stream and not fields:
                return None
        return fields or None

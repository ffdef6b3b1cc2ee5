"""gRPC messages that lie about their length, calls that break the protocol, protobuf that is none."""

import random
import struct

import grpc
import pytest
from lib.wait import until
from siege import siege
from wire import FLIGHT, Http2

INVALID, EXHAUSTED, UNIMPLEMENTED = "3", "8", "12"
INTERNAL, UNKNOWN = "13", "2"
ERRORS = (UNKNOWN, INVALID, EXHAUSTED, UNIMPLEMENTED, INTERNAL)


def prefix(length, compressed=0):
    return struct.pack(">BI", compressed, length)


def message(payload, compressed=0):
    return prefix(len(payload), compressed) + payload


def field(number, payload):
    """A protobuf field of bytes."""
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def call(front, method, payload, end=True, extra=(), seconds=10):
    """One call with these bytes as its body: its header fields and trailers, None when it was reset."""
    with Http2(front.port) as client:
        client.headers(1, client.grpc_fields(method, extra), end=False)
        for begin in range(0, len(payload), 16000):
            client.data(1, payload[begin:begin + 16000])
        if end:
            client.data(1, end=True)
        return client.answer(1, seconds)


ticket = field(1, b'{"sql":"select 42","tenant":"tenant_acme"}')
descriptor = field(1, b"\x08\x01" + field(3, b"tenant_acme") + field(3, b"default") + field(3, b"lied"))

LIES = {
    "ticket of 4 GiB": ("DoGet", prefix(0xFFFFFFFF) + b"x" * 100, (EXHAUSTED,)),
    "ticket of 5 MB": ("DoGet", prefix(5 << 20) + b"x" * 100, (EXHAUSTED,)),
    "descriptor of 4 GiB": ("GetFlightInfo", prefix(0xFFFFFFFF), (EXHAUSTED,)),
    "action of 4 GiB": ("DoAction", prefix(0xFFFFFFFF), (EXHAUSTED,)),
    "upload message of 4 GiB": ("DoPut", prefix(0xFFFFFFFF) + descriptor, (EXHAUSTED,)),
    "upload message longer than sent": ("DoPut", prefix(500 << 20) + descriptor, ERRORS),
    "ticket longer than sent": ("DoGet", prefix(1000) + ticket, ERRORS),
    "half a prefix": ("DoGet", b"\0\0\0", ERRORS),
    "message and half a prefix": ("DoGet", message(ticket) + b"\0\0", ERRORS),
    "compressed without an encoding": ("DoGet", message(ticket, 1), (UNIMPLEMENTED, INTERNAL)),
    "compressed upload": ("DoPut", message(descriptor, 1), (UNIMPLEMENTED, INTERNAL)),
    "flag of two": ("DoGet", message(ticket, 2), (UNIMPLEMENTED, INTERNAL, INVALID)),
    "no message": ("DoGet", b"", ERRORS),
    "two messages in a unary call": ("GetFlightInfo", message(descriptor) * 2, ERRORS),
    "field longer than the message": ("DoGet", message(b"\x0a\xff\xff\xff\xff\x0f"), (INVALID,)),
    "varint without end": ("DoGet", message(b"\xff" * 20), (INVALID,)),
    "field number zero": ("DoGet", message(b"\x02\x00"), (INVALID,)),
    "group": ("DoGet", message(b"\x0b\x0c"), (INVALID,)),
    "descriptor that is cut": ("GetFlightInfo", message(b"\x08\x01\x1a\x7f"), (INVALID,)),
    "descriptor of unknown type": ("GetFlightInfo", message(b"\x08\x09"), (INVALID, UNIMPLEMENTED)),
    "descriptor with a path of thousands": ("GetFlightInfo", message(b"\x08\x01" + b"\x1a\x01a" * 5000), (INVALID, EXHAUSTED)),
    "path with a NUL": ("GetFlightInfo", message(b"\x08\x01" + field(3, b"a\0b")), (INVALID, "5")),
    "path that is no UTF-8": ("GetFlightInfo", message(b"\x08\x01" + field(3, b"\xff\xfe")), (INVALID, "5")),
    "ticket that is no UTF-8": ("DoGet", message(field(1, b"\xff\xfe select")), (INVALID,)),
    "ticket with a NUL": ("DoGet", message(field(1, b"select 1\0; select 2")), (INVALID,)),
    "ticket of broken JSON": ("DoGet", message(field(1, b'{"sql":')), (INVALID,)),
    "ticket of deep JSON": ("DoGet", message(field(1, b'{"sql":' + b"[" * 100_000)), (INVALID,)),
    "ticket with the same key twice": ("DoGet", message(field(1, b'{"sql":"select 1","sql":"select 2"}')), (INVALID,)),
    "ticket with an unknown key": ("DoGet", message(field(1, b'{"sql":"select 1","sgl":"select 2"}')), (INVALID,)),
    "upload without a descriptor": ("DoPut", message(field(2, b"x" * 40)), (INVALID,)),
    "upload of garbage": ("DoPut", message(descriptor + field(2, b"\xff" * 400)), (INVALID,)),
    "unknown method": ("DoEvil", message(b""), (UNIMPLEMENTED,)),
    "method with a slash": ("DoGet/..", message(b""), (UNIMPLEMENTED,)),
}


@pytest.mark.parametrize("name", LIES)
def test_lie_is_refused(front, name):
    method, payload, allowed = LIES[name]
    with siege(front, grows_mb=24):
        answer = call(front, method, payload)
    if answer is not None:  # a reset is an answer too
        assert answer.get("grpc-status") in allowed, answer
        assert "/work" not in answer.get("grpc-message", "") and "src/" not in answer.get("grpc-message", "")


def test_two_messages_of_a_download_run_nothing_twice(front):
    front.query("create or replace table counted(x int)")
    insert = field(1, b'{"sql":"insert into counted values (1)","tenant":"tenant_acme"}')
    call(front, "DoGet", message(insert) * 2)
    until(lambda: not front.running_statements("tenant_acme"), 10, "the end of the statements")
    assert front.query("select count(*) from counted")[0][0] <= 1


@pytest.mark.parametrize("timeout", ["abc", "1", "S", "-1S", "123456789S", "1x", "", "1 S", "9" * 5000 + "S"])
def test_wrong_deadline_is_refused(front, timeout):
    answer = call(front, "DoGet", message(ticket), extra=[("grpc-timeout", timeout)])
    assert answer is None or answer.get("grpc-status") in (*ERRORS, "4") or answer.get(":status") != "200", answer


def test_deadline_of_nothing_is_exceeded(front):
    answer = call(front, "DoGet", message(ticket), extra=[("grpc-timeout", "0n")])
    assert answer is None or answer.get("grpc-status") == "4", answer


@pytest.mark.parametrize("fields", [[("content-type", "application/grpc")], [("content-type", "text/html")], []],
                         ids=["GET", "HTML", "none"])
def test_call_of_another_kind_is_refused(front, fields):
    method = "GET" if fields and "grpc" in fields[0][1] else "POST"
    with Http2(front.port) as client:
        client.headers(1, client.request_fields(FLIGHT + "DoGet", method, fields))
        answer = client.answer(1)
        assert answer is None or answer.get("grpc-status", "0") != "0" or answer[":status"] in ("400", "404", "405", "415"), answer


def test_upload_that_only_promises_holds_no_memory(front):
    """Sixty streams say half a gigabyte each and send a kilobyte."""
    with siege(front, grows_mb=32):
        with Http2(front.port) as client:
            for stream in range(1, 121, 2):
                client.headers(stream, client.grpc_fields("DoPut"), end=False)
                client.data(stream, prefix(500 << 20) + descriptor + varint(1000 << 3 | 2) + varint(499 << 20) + b"x" * 900)
            client.read(1)
            assert front.get("/health").status_code == 200
        until(lambda: not front.running_statements("tenant_acme"), 10, "the end of the uploads that went away")


def test_message_in_single_bytes_is_understood(front):
    with Http2(front.port) as client:
        client.headers(1, client.grpc_fields("DoGet"), end=False)
        for byte in message(ticket):
            client.data(1, bytes([byte]))
        client.data(1, end=True)
        assert client.answer(1, 10)["grpc-status"] == "0"


def test_random_protobuf_never_hurts(front):
    choose = random.Random(20261121)
    valid = {"DoGet": ticket, "GetFlightInfo": b"\x08\x02" + field(2, b"select 42"), "GetSchema": b"\x08\x02" + field(2, b"select 42"),
             "DoAction": field(1, b"CancelFlightInfo") + field(2, b"x" * 30), "ListFlights": field(1, b"x"),
             "Handshake": b"\x08\x01" + field(2, b"x" * 20), "ListActions": b""}
    with siege(front, grows_mb=24), grpc.insecure_channel(f"127.0.0.1:{front.port}") as channel:
        for index in range(700):
            name, good = choose.choice(list(valid.items()))
            payload = bytearray(good)
            for _ in range(choose.randint(1, 4)):
                if payload and choose.random() < 0.7:
                    payload[choose.randrange(len(payload))] = choose.randrange(256)
                else:
                    payload += choose.randbytes(choose.randint(0, 20))
            stub = channel.stream_stream(FLIGHT + name, request_serializer=bytes, response_deserializer=bytes)
            try:
                list(stub(iter([bytes(payload)]), timeout=20, metadata=[("eider-tenant", "tenant_acme")]))
            except grpc.RpcError as error:
                assert error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED), (index, error)

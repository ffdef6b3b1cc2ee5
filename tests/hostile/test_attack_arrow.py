"""Uploads that are no Arrow, or Arrow that lies. Validation happens in the worker, before DuckDB sees a pointer: the worker
lives, the table is there whole or not at all, and what was taken can be read back."""

import os
import random

import grpc
import pyarrow as pa
import pytest
from siege import siege
from test_attack_grpc import field
from wire import FLIGHT

SEED = int(os.environ.get("EIDER_SEED", "1"))
MUTATIONS = 600
# A broken upload is the client's fault, and the answer says so.
CLIENTS_FAULT = {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.RESOURCE_EXHAUSTED,
                 grpc.StatusCode.OUT_OF_RANGE}


def messages(table, options=None):
    """The stream as Flight sends it: (header flatbuffer, body) for schema, dictionaries and batches."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return [(message.metadata.to_pybytes(), message.body.to_pybytes() if message.body else b"")
            for message in pa.ipc.MessageReader.open_stream(sink.getvalue())]


def encode(parts, table):
    """FlightData messages of an upload to default.<table> of tenant_acme."""
    descriptor = b"\x08\x01" + b"".join(field(3, name.encode()) for name in ("tenant_acme", "default", table))
    for index, (header, body) in enumerate(parts):
        start = field(1, descriptor) if index == 0 else b""
        yield start + field(2, header) + (field(1000, body) if body else b"")


@pytest.fixture(scope="module")
def put(front):
    """Uploads parts; None, or the error."""
    with grpc.insecure_channel(f"127.0.0.1:{front.port}") as channel:
        stub = channel.stream_stream(FLIGHT + "DoPut", request_serializer=bytes, response_deserializer=bytes)

        def put(parts, table, mode="replace"):
            try:
                list(stub(encode(parts, table), timeout=30, metadata=[("eider-mode", mode)]))
                return None
            except grpc.RpcError as error:
                return error

        yield put


def seeds():
    """Tables that together have every kind of buffer."""
    strings = ["", "a", None, "längerer Text, der nicht mehr eingebettet ist", "🦆"] * 4
    flat = pa.table({
        "i": pa.array([1, None, 3, -4, 5] * 4, pa.int32()),
        "b": pa.array([True, None, False, True, True] * 4),
        "s": pa.array(strings),
        "l": pa.array(strings, pa.large_string()),
        "x": pa.array([b"\0\xff", None, b"", b"abc", b"d"] * 4, pa.binary()),
        "d": pa.array([1, 2, None, 4, 5] * 4, pa.decimal128(20, 3)),
        "t": pa.array([1, 2, None, 4, 5] * 4, pa.timestamp("us", "UTC")),
    })
    nested = pa.table({
        "a": pa.array([[1, 2], None, [], [3, None], [4]] * 4, pa.list_(pa.int64())),
        "r": pa.array([{"p": 1, "q": "z"}, None, {"p": None, "q": "y"}, {"p": 2, "q": None}, {"p": 3, "q": ""}] * 4,
                      pa.struct([("p", pa.int16()), ("q", pa.string())])),
        "m": pa.array([[("k", 1)], [], None, [("a", 2), ("b", None)], [("c", 3)]] * 4, pa.map_(pa.string(), pa.int32())),
        "f": pa.array([[1.0, 2.0], None, [3.0, 4.0], [5.0, None], [6.0, 7.0]] * 4, pa.list_(pa.float64(), 2)),
    })
    coded = pa.table({"c": pa.array(strings).dictionary_encode(), "v": pa.array(strings, pa.string_view())})
    yield from (messages(table) for table in (flat, nested, coded))
    for codec in ("lz4", "zstd"):
        yield messages(pa.table({"z": pa.array(list(range(2000)), pa.int64()), "s": pa.array(["word"] * 2000)}),
                       pa.ipc.IpcWriteOptions(compression=codec))


NASTY = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF, 0x8000000000000000, 0xFFFFFFFFFFFFFFF8]


def mutate_bytes(choose, data):
    data = bytearray(data)
    for _ in range(choose.choice([1, 1, 1, 2, 5])):
        kind = choose.randrange(5)
        at = choose.randrange(len(data)) if data else 0
        if kind == 0 and data:
            data[at] ^= 1 << choose.randrange(8)
        elif kind == 1 and data:
            data[at] = choose.randrange(256)
        elif kind == 2:
            width = choose.choice([4, 8])
            at -= at % width
            data[at:at + width] = (choose.choice(NASTY) & (256 ** width - 1)).to_bytes(width, "little")
        elif kind == 3:
            del data[at:]
        else:
            data[at:at] = choose.randbytes(choose.randint(1, 64))
    return bytes(data)


def mutate(choose, parts):
    parts = list(parts)
    at = choose.randrange(len(parts))
    kind = choose.random()
    header, body = parts[at]
    if kind < 0.45:
        parts[at] = (mutate_bytes(choose, header), body)
    elif kind < 0.85 and body:
        parts[at] = (header, mutate_bytes(choose, body))
    elif kind < 0.90:
        del parts[at]
    elif kind < 0.95:
        parts.insert(choose.randrange(len(parts) + 1), parts[at])
    else:
        choose.shuffle(parts)
    return parts


def test_seeds_are_taken(front, put):
    for index, parts in enumerate(seeds()):
        error = put(parts, f"seed{index}")
        assert error is None, (index, error)
        front.fetch(f"select * from seed{index}").validate(full=True)


def test_mutated_uploads_never_hurt(front, put):
    choose = random.Random(SEED)
    bases = list(seeds())
    taken = refused = 0
    with siege(front, grows_mb=48):
        for index in range(MUTATIONS):
            error = put(mutate(choose, choose.choice(bases)), "mutated")
            if error is None:
                taken += 1
                front.fetch("select * from mutated").validate(full=True)
            else:
                refused += 1
                assert error.code() in CLIENTS_FAULT, f"seed {SEED}, mutation {index}: {error.code()} {error.details()}"
                assert "/work" not in error.details() and "src/" not in error.details(), error.details()
    assert refused > MUTATIONS / 4, (taken, refused)


def int32s(*values):
    return b"".join(value.to_bytes(4, "little", signed=True) for value in values)


def int64s(*values):
    return b"".join(value.to_bytes(8, "little", signed=True) for value in values)


def lie(array, old, new, where="body", message=1):
    """An upload of one column c that is true but for these bytes."""
    parts = messages(pa.table({"c": array}))
    header, body = parts[message]
    part = body if where == "body" else header
    assert part.count(old) >= 1 and len(old) == len(new), f"{old} is not in the {where}"
    part = part.replace(old, new)
    parts[message] = (header, part) if where == "body" else (part, body)
    return parts


def text(kind=None):
    return pa.array(["a", "bc"], kind or pa.string())


LONG = "a" * 50
LONG_VIEW = int32s(50) + b"aaaa" + int32s(0, 0)
VIEW = pa.array([LONG], pa.string_view())
THOUSAND = int64s(1234)
LIES = {
    "offsets that go back": lie(text(), int32s(0, 1, 3), int32s(0, 3, 1)),
    "offsets beyond the data": lie(text(), int32s(0, 1, 3), int32s(0, 1, 1_000_000)),
    "negative offset": lie(text(), int32s(0, 1, 3), int32s(-5, 1, 3)),
    "offset of 2 GiB": lie(text(), int32s(0, 1, 3), int32s(0, 1, 0x7FFFFFFF)),
    "large offsets that go back": lie(text(pa.large_string()), int64s(0, 1, 3), int64s(0, 3, 1)),
    "large offsets beyond the data": lie(text(pa.large_string()), int64s(0, 1, 3), int64s(0, 1, 1 << 40)),
    "large offset that is negative": lie(text(pa.large_string()), int64s(0, 1, 3), int64s(-(1 << 62), 1, 3)),
    "binary offsets that go back": lie(pa.array([b"a", b"bc"]), int32s(0, 1, 3), int32s(0, 3, 1)),
    "text that is no UTF-8": lie(text(), b"abc", b"a\xff\xfe"),
    "text with half a character": lie(text(), b"abc", b"\xc3\xa9a"),
    "text with a surrogate": lie(pa.array(["abc"]), b"abc", b"\xed\xa0\x80"),
    "overlong text": lie(pa.array(["ab"]), b"ab", b"\xc0\xaf"),
    "large text that is no UTF-8": lie(text(pa.large_string()), b"abc", b"a\xff\xfe"),
    "view into a buffer that is not there": lie(VIEW, LONG_VIEW, int32s(50) + b"aaaa" + int32s(7, 0)),
    "view into a negative buffer": lie(VIEW, LONG_VIEW, int32s(50) + b"aaaa" + int32s(-1, 0)),
    "view beyond its buffer": lie(VIEW, LONG_VIEW, int32s(50) + b"aaaa" + int32s(0, 4000)),
    "view of negative length": lie(VIEW, LONG_VIEW, int32s(-1) + b"aaaa" + int32s(0, 0)),
    "view of 2 GiB": lie(VIEW, LONG_VIEW, int32s(0x7FFFFFFF) + b"aaaa" + int32s(0, 0)),
    "view with a negative offset": lie(VIEW, LONG_VIEW, int32s(50) + b"aaaa" + int32s(0, -8)),
    "view that is no UTF-8": lie(VIEW, LONG.encode(), b"\xff" * 50),
    "short view that is no UTF-8": lie(pa.array(["abcd"], pa.string_view()), b"abcd", b"\xff\xfe\xff\xfe"),
    "more rows than values": lie(pa.array(range(1234), pa.int64()), THOUSAND, int64s(1 << 40), "header"),
    "more rows than booleans": lie(pa.array([True] * 1234), THOUSAND, int64s(1_000_000), "header"),
    "negative row count": lie(pa.array(range(1234), pa.int64()), THOUSAND, int64s(-1), "header"),
    "largest row count": lie(pa.array(range(1234), pa.int64()), THOUSAND, int64s((1 << 63) - 1), "header"),
    "buffer beyond the body": lie(pa.array(range(1234), pa.int64()), int64s(1234 * 8), int64s(1 << 40), "header"),
    "buffer of negative length": lie(pa.array(range(1234), pa.int64()), int64s(1234 * 8), int64s(-8), "header"),
    "list beyond its child": lie(pa.array([[1, 2], [3]]), int32s(0, 2, 3), int32s(0, 2, 1000)),
    "list that goes back": lie(pa.array([[1, 2], [3]]), int32s(0, 2, 3), int32s(0, 3, 2)),
    "list with a negative offset": lie(pa.array([[1, 2], [3]]), int32s(0, 2, 3), int32s(-9, 2, 3)),
    "map beyond its entries": lie(pa.array([[("k", 1)], [("l", 2)]], pa.map_(pa.string(), pa.int32())),
                                  int32s(0, 1, 2), int32s(0, 1, 99)),
    "code beyond the dictionary": lie(pa.array(["a", "b", "c"]).dictionary_encode(), int32s(0, 1, 2), int32s(0, 1, 5_000_000),
                                      message=2),
    "negative code": lie(pa.array(["a", "b", "c"]).dictionary_encode(), int32s(0, 1, 2), int32s(0, 1, -1), message=2),
    "dictionary that is no UTF-8": lie(pa.array(["abcd", "e"]).dictionary_encode(), b"abcd", b"\xff\xfe\xff\xfe"),
    "dictionary with offsets beyond": lie(pa.array(["abcd", "e"]).dictionary_encode(), int32s(0, 4, 5), int32s(0, 4, 1 << 20)),
}


@pytest.mark.parametrize("name", LIES)
def test_lying_array_is_refused(front, put, name):
    with siege(front, grows_mb=24):
        error = put(LIES[name], "lying", "create")
    assert error is not None, "a lie was stored"
    assert error.code() in CLIENTS_FAULT, (error.code(), error.details())
    assert front.query("select count(*) from information_schema.tables where table_name = 'lying'") == [[0]]


def test_missing_dictionary_is_refused(front, put):
    parts = messages(pa.table({"c": pa.array(["a", "b", "a"]).dictionary_encode()}))
    assert len(parts) == 3
    error = put([parts[0], parts[2]], "lying", "create")
    assert error is not None and error.code() in CLIENTS_FAULT, error


def test_batch_without_schema_is_refused(front, put):
    error = put(messages(pa.table({"a": [1]}))[1:], "lying", "create")
    assert error is not None and error.code() in CLIENTS_FAULT, error


def test_second_schema_is_refused(front, put):
    parts = messages(pa.table({"a": [1]}))
    error = put([parts[0], *messages(pa.table({"a": ["x"]}))], "lying", "create")
    assert error is not None and error.code() in CLIENTS_FAULT, error


@pytest.mark.parametrize("codec", ["lz4", "zstd"])
def test_decompression_bomb_is_refused(front, put, codec):
    """A buffer says that it holds 1 TB when unpacked; and one really holds far more than was sent."""
    options = pa.ipc.IpcWriteOptions(compression=codec)
    parts = messages(pa.table({"z": pa.array([7] * 100_000, pa.int64())}), options)
    header, body = parts[1]
    for size in (1 << 40, (1 << 63) - 1, -2):
        error = put([parts[0], (header, size.to_bytes(8, "little", signed=True) + body[8:])], "lying", "create")
        assert error is not None and error.code() in CLIENTS_FAULT, (size, error)


def test_deep_nesting_is_refused_or_stored(front, put):
    kind = pa.int32()
    for _ in range(60):  # pyarrow itself stops at 64
        kind = pa.list_(kind)
    with siege(front, grows_mb=24):
        error = put(messages(pa.table({"deep": pa.array([None], kind)})), "deep")
    assert error is None or error.code() in CLIENTS_FAULT, error


def test_ten_thousand_columns_are_bounded(front, put):
    table = pa.table({f"c{index}": pa.array([index], pa.int16()) for index in range(10_000)})
    with siege(front, grows_mb=48, slowest_s=5):
        error = put(messages(table), "wide")
    assert error is None or error.code() in CLIENTS_FAULT, error

"""Arrow messages that lie: refused with a word, and neither the front nor the worker ends."""

import random

import grpc
import pyarrow as pa
import pytest

from lib.rawflight import flight_data, ipc_parts, path, put

GOOD = pa.table({"id": pa.array([1, 2, 3], pa.int64()), "text": ["one", None, "three"], "list": [[1], None, [2, 3]]})
PARTS = ipc_parts(GOOD)
SCHEMA, BATCH = PARTS[0], PARTS[1]
OK = grpc.StatusCode.OK


@pytest.fixture
def survives(acme):
    """After the test the same worker process still answers: nothing crashed."""
    acme.upload("first", GOOD)  # the first upload starts a worker that can reach Iceberg
    acme.query("DROP TABLE first")
    workers = sorted(acme.server.workers())
    yield acme
    assert acme.value("SELECT 1") == 1
    assert set(workers) <= set(acme.server.workers()), "a worker was replaced"


def upload(client, *messages, table="t"):
    first = flight_data(SCHEMA[0], b"", path(table))
    return put(client.server, [first, *messages], client.tenant)


def test_the_messages_themselves_are_good(survives):
    code, details, answers = upload(survives, flight_data(*BATCH))
    assert code == OK, details
    assert len(answers) == 1
    assert survives.value("SELECT count(*) FROM t") == 3


@pytest.mark.parametrize("messages, what", [
    ([], "nothing at all"),
    ([b""], "an empty message"),
    ([flight_data(descriptor=path("t"))], "no schema"),
    ([flight_data(*SCHEMA)], "no descriptor"),
    ([flight_data(*BATCH, descriptor=path("t"))], "a batch before the schema"),
    ([flight_data(b"garbage!", b"", path("t"))], "a header that is no flatbuffer"),
    ([flight_data(b"\xff" * 64, b"", path("t"))], "a header of ones"),
    ([flight_data(SCHEMA[0][:len(SCHEMA[0]) // 2], b"", path("t"))], "half a schema"),
    ([flight_data(SCHEMA[0], b"body", path("t"))], "a schema with a body"),
    ([b"\x0a\xff\xff\xff\xff\x0f"], "a protobuf length beyond the message"),
    ([b"\x0b\x00"], "a protobuf group"),
    ([b"\xff" * 30], "no protobuf"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_bad_beginning(survives, messages, what):
    code, details, _ = put(survives.server, messages, survives.tenant)
    assert code not in (OK, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.UNAVAILABLE), details
    assert details


@pytest.mark.parametrize("messages, what", [
    ([flight_data(BATCH[0], BATCH[1][:len(BATCH[1]) // 2])], "half a body"),
    ([flight_data(BATCH[0], b"")], "no body"),
    ([flight_data(BATCH[0])], "no body field"),
    ([flight_data(None, BATCH[1])], "a body without a header"),
    ([flight_data(*SCHEMA)], "a second schema"),
    ([flight_data(BATCH[0], b"\xff" * len(BATCH[1]))], "a body of ones: offsets run away"),
    ([flight_data(BATCH[0][:-16], BATCH[1])], "a cut header"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_bad_batch(survives, messages, what):
    code, details, _ = upload(survives, *messages)
    assert code not in (OK, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.UNAVAILABLE), details
    assert survives.value("SELECT count(*) FROM duckdb_tables()") == 0, "half an upload is there"


def test_text_that_is_not_utf8_is_refused(survives):
    bad = pa.Array.from_buffers(pa.string(), 2, [None, pa.py_buffer(b"\0\0\0\0\2\0\0\0\4\0\0\0"), pa.py_buffer(b"ok\xff\xfe")])
    schema, batch = ipc_parts(pa.table({"v": bad}))[:2]
    code, details, _ = put(survives.server, [flight_data(schema[0], b"", path("t")), flight_data(*batch)], survives.tenant)
    assert code == grpc.StatusCode.INVALID_ARGUMENT, details
    assert "utf-8" in details.lower() and "v" in details


@pytest.mark.parametrize("offsets", [
    b"\0\0\0\0\x7f\0\0\0\4\0\0\0", b"\4\0\0\0\2\0\0\0\0\0\0\0", b"\xff\xff\xff\xff\0\0\0\0\4\0\0\0", b"\0\0\0\0\2\0\0\0\xff\xff\xff\x7f",
])
def test_offsets_that_lie_are_refused(survives, offsets):
    honest = pa.table({"v": ["ab", "cd"]})
    schema, batch = ipc_parts(honest)[:2]
    body = batch[1].replace(b"\0\0\0\0\2\0\0\0\4\0\0\0", offsets)
    assert body != batch[1]
    code, details, _ = put(survives.server, [flight_data(schema[0], b"", path("t")), flight_data(batch[0], body)], survives.tenant)
    assert code == grpc.StatusCode.INVALID_ARGUMENT, details


def test_dictionary_index_out_of_range_is_refused(survives):
    schema, dictionary, batch = ipc_parts(pa.table({"v": pa.array(["a", "b", "a"]).dictionary_encode()}))[:3]
    body = batch[1].replace(b"\0\0\0\0\1\0\0\0\0\0\0\0", b"\0\0\0\0\x63\0\0\0\0\0\0\0")
    assert body != batch[1]
    messages = [flight_data(schema[0], b"", path("t")), flight_data(*dictionary), flight_data(batch[0], body)]
    code, details, _ = put(survives.server, messages, survives.tenant)
    assert code == grpc.StatusCode.INVALID_ARGUMENT, details


@pytest.mark.parametrize("codec", ["lz4", "zstd"])
def test_compressed_body_that_lies_about_its_size(survives, codec):
    table = pa.table({"v": pa.array([7] * 10_000, pa.int64())})
    schema, batch = ipc_parts(table, pa.ipc.IpcWriteOptions(compression=codec))[:2]
    for size in (0, 1, 1 << 40, 2**63 - 1):
        body = bytearray(batch[1])
        at = body.find((80_000).to_bytes(8, "little"))
        assert at >= 0
        body[at:at + 8] = size.to_bytes(8, "little")
        code, details, _ = put(survives.server, [flight_data(schema[0], b"", path("t")), flight_data(batch[0], bytes(body))],
                               survives.tenant)
        assert code in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED), (size, details)


@pytest.mark.parametrize("seed", range(8))
def test_random_changes_never_end_a_process(survives, seed):
    """Forty mutated uploads a seed: any answer, but the same worker answers afterwards."""
    source = random.Random(seed)
    for _ in range(40):
        header, body = bytearray(BATCH[0]), bytearray(BATCH[1])
        for _ in range(source.randint(1, 4)):
            target = header if source.random() < 0.6 else body
            target[source.randrange(len(target))] = source.choice([0, 1, 0x7f, 0x80, 0xff, source.randrange(256)])
        code, details, _ = put(survives.server, [flight_data(SCHEMA[0], b"", path("t")), flight_data(bytes(header), bytes(body))],
                               survives.tenant)
        assert code not in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNAVAILABLE), (details, bytes(header).hex(), bytes(body).hex())

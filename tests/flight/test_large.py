"""Big messages and compressed ones, as clients send them."""

import numpy
import pandas
import pyarrow as pa
import pyarrow.flight as flight
import pytest

from lib.client import FAILS
from lib.server import memory


def test_pandas_frame_as_one_message_of_80_megabytes(acme):
    frame = pandas.DataFrame({"id": numpy.arange(5_000_000), "value": numpy.random.default_rng(1).random(5_000_000)})
    data = pa.Table.from_pandas(frame)
    assert data.nbytes >= 80_000_000 and data.column(0).num_chunks == 1
    assert acme.upload("t", data)["rows"] == 5_000_000
    got = acme.query("SELECT count(*) AS n, sum(id) AS s, min(value) AS a, max(value) AS b FROM t").to_pylist()[0]
    assert got == {"n": 5_000_000, "s": 5_000_000 * 4_999_999 // 2, "a": frame["value"].min(), "b": frame["value"].max()}


@pytest.mark.parametrize("codec", ["lz4", "zstd"])
def test_compressed_bodies(acme, codec):
    data = pa.table({"id": pa.array(range(200_000), pa.int64()), "text": [f"row {i % 100}" for i in range(200_000)],
                     "gap": pa.array([None, 1.5] * 100_000)})
    options = pa.ipc.IpcWriteOptions(compression=codec)
    assert acme.upload("t", data, batch_rows=30_000, write_options=options)["rows"] == 200_000
    assert acme.query("SELECT * FROM t ORDER BY id").equals(data)


def test_string_of_64_megabytes(acme):
    text = "x" * (64 << 20)
    acme.upload("t", pa.table({"v": [text]}))
    assert acme.value("SELECT length(v) FROM t") == len(text)


def test_message_above_the_limit_is_refused_by_name(make_server, make_client):
    from lib.client import create_tenant
    server = make_server(config="limits:\n  flight.max_message: 1000000\n")
    create_tenant(server, "tenant_m")
    client = make_client(server, "tenant_m")
    with pytest.raises(FAILS, match="flight.max_message"):
        client.upload("t", pa.table({"v": ["x" * 2_000_000]}))
    assert client.upload("t", pa.table({"v": ["x" * 900_000]}))["rows"] == 1


@pytest.mark.native
def test_front_does_not_grow_with_what_passes_through(acme):
    data = pa.table({"id": pa.array(range(1_000_000), pa.int64()), "text": [f"some text of row {i}" for i in range(1_000_000)]})
    acme.upload("t", data)
    before = memory(acme.server.pid)
    for _ in range(3):
        acme.upload("t", data, mode="replace", batch_rows=50_000)
        assert acme.query("SELECT * FROM t").num_rows == 1_000_000
    assert memory(acme.server.pid) - before < 48 << 20


def test_slow_writer_is_waited_for(acme):
    """Batches that come one by one, the server answering others between them."""
    batch = pa.record_batch({"id": pa.array([1], pa.int64())})
    writer, reader = acme.flight.do_put(flight.FlightDescriptor.for_path("t"), batch.schema, acme.options())
    for _ in range(20):
        writer.write_batch(batch)
        assert acme.value("SELECT 1") == 1
    writer.done_writing()
    assert reader.read() is not None
    writer.close()
    assert acme.value("SELECT count(*) FROM t") == 20


def test_upload_larger_than_the_buffer(make_server, make_client):
    """Whoever waits for whom, both sides get on: the server takes less than the upload at a time."""
    from lib.client import create_tenant
    server = make_server(config="limits:\n  flight.upload_buffer: 1000000\n")
    create_tenant(server, "tenant_b")
    client = make_client(server, "tenant_b")
    data = pa.table({"id": pa.array(range(400_000), pa.int64()), "text": [f"row {i}" for i in range(400_000)]})
    assert client.upload("t", data, batch_rows=10_000)["rows"] == 400_000
    wide = pa.table({"v": ["x" * 100_000] * 100})
    assert client.upload("w", wide, batch_rows=1)["rows"] == 100

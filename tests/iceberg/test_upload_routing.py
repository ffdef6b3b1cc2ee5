"""Uploads go to DuckDB or to Iceberg: by target, by where the table is, or by the number of rows."""

import concurrent.futures
import datetime
import decimal
import os
import signal
import subprocess
import sys

import adbc_driver_flightsql.dbapi as dbapi
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from lib.client import FAILS, Client, create_tenant
from lib.server import Server, children
from lib.wait import until

FEW = pa.table({"id": pa.array([1, 2, 3], pa.int64()), "name": ["a", "b", None]})
LIMIT = 1000


def rows(count, first=0):
    return pa.table({"id": pa.array(range(first, first + count), pa.int64()), "name": [f"n{i % 7}" for i in range(count)]})


@pytest.fixture(scope="module")
def lake_server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("routing"), config=f"limits:\n  upload.auto_rows: {LIMIT}\n").start()
    yield server
    server.stop()


@pytest.fixture
def lake(lake_server, request):
    tenant = f"tenant_{abs(hash(request.node.name)) % 10**9}"
    create_tenant(lake_server, tenant)
    client = Client(lake_server, tenant)
    yield client
    client.close()


def files(client, table):
    root = client.server.data / "warehouse" / client.tenant / "iceberg"
    return sorted(root.glob(f"{table}-*/data/**/*.parquet"))


def test_few_rows_stay_in_duckdb(lake):
    answer = lake.upload("t", rows(LIMIT))
    assert (answer["target"], answer["rows"], answer["reason"]) == ("duckdb", LIMIT, f"{LIMIT} rows or less")
    assert answer["table"] == f"{lake.tenant}.default.t"
    assert lake.value(f"SELECT count(*) FROM {lake.tenant}.default.t") == LIMIT


def test_more_rows_go_to_iceberg(lake):
    answer = lake.upload("t", rows(LIMIT + 1), batch_rows=100)
    assert (answer["target"], answer["rows"], answer["reason"]) == ("iceberg", LIMIT + 1, f"more than {LIMIT} rows")
    assert answer["table"] == f"{lake.tenant}.iceberg.t"
    for name in ("t", "iceberg.t", f"{lake.tenant}.iceberg.t"):
        assert lake.value(f"SELECT sum(id) FROM {name}") == sum(range(LIMIT + 1))
    assert len(files(lake, "t")) == 1


def test_a_table_is_appended_where_it_is(lake):
    lake.upload("here", FEW, target="duckdb")
    lake.upload("there", FEW, target="iceberg")
    large = lake.upload("here", rows(2 * LIMIT))
    small = lake.upload("there", FEW)
    assert (large["target"], large["reason"]) == ("duckdb", "the table is there")
    assert (small["target"], small["reason"]) == ("iceberg", "the table is there")
    assert lake.value("SELECT count(*) FROM here") == 2 * LIMIT + 3
    assert lake.value("SELECT count(*) FROM there") == 6


def test_a_name_belongs_to_one_side(lake):
    lake.upload("here", FEW, target="duckdb")
    lake.upload("there", FEW, target="iceberg")
    with pytest.raises(FAILS, match="here is a DuckDB table"):
        lake.upload("here", FEW, target="iceberg")
    with pytest.raises(FAILS, match="there is an Iceberg table"):
        lake.upload("there", FEW, target="duckdb")


def test_modes_hold_for_iceberg_tables(lake):
    with pytest.raises(FAILS, match="no table t"):
        lake.upload("t", FEW, target="iceberg", mode="append")
    lake.upload("t", FEW, target="iceberg", mode="create")
    with pytest.raises(FAILS, match="there already"):
        lake.upload("t", FEW, target="iceberg", mode="create")
    lake.upload("t", rows(5), target="iceberg", mode="replace")
    assert lake.value("SELECT count(*) FROM t") == 5
    lake.upload("t", rows(2), mode="append")
    assert lake.value("SELECT count(*) FROM t") == 7


def test_paths_name_the_side_too(lake):
    assert lake.upload([lake.tenant, "iceberg", "t"], FEW)["reason"] == "the schema says so"
    assert lake.upload([lake.tenant, "default", "u"], rows(2 * LIMIT))["target"] == "duckdb"
    with pytest.raises(FAILS, match="contradict"):
        lake.upload([lake.tenant, "default", "v"], FEW, target="iceberg")


def test_partitions_and_order(lake):
    day = datetime.datetime(2026, 1, 1)
    table = pa.table({
        "at": pa.array([day + datetime.timedelta(hours=9 * i) for i in range(40)], pa.timestamp("us")),
        "region": [["north", "south"][i % 2] for i in range(40)],
        "n": pa.array([(i * 7) % 40 for i in range(40)], pa.int32()),
    })
    answer = lake.upload("parted", table, **{"partition-by": "month(at), region"})
    assert (answer["target"], answer["reason"]) == ("iceberg", "partition_by asks for it")
    assert lake.value("SELECT count(*) FROM parted WHERE region = 'north'") == 20
    assert len({path.parent for path in files(lake, "parted")}) == 2
    lake.upload("ordered", table, target="iceberg", **{"sort-by": "region, n desc"})
    (file,) = files(lake, "ordered")
    found = parquet.read_table(file)
    pairs = list(zip(found["region"].to_pylist(), found["n"].to_pylist()))
    assert pairs == sorted(pairs, key=lambda pair: (pair[0], -pair[1]))
    for header, text in (("partition-by", "day(at)) AS SELECT 1"), ("sort-by", "random()"), ("partition-by", "week(at)")):
        with pytest.raises(FAILS, match="is no part of"):
            lake.upload("bad", table, target="iceberg", **{header: text})
    with pytest.raises(FAILS, match="for Iceberg"):
        lake.upload("bad", table, target="duckdb", **{"partition-by": "region"})


def test_types_that_iceberg_has_not_are_widened(lake):
    table = pa.table({
        "u8": pa.array([255], pa.uint8()), "u32": pa.array([2**32 - 1], pa.uint32()), "u64": pa.array([2**64 - 1], pa.uint64()),
        "ns": pa.array([1_000_000_001_000], pa.timestamp("ns")), "s": pa.array([1_700_000_000], pa.timestamp("s")),
        "word": pa.array(["x"]).dictionary_encode(), "list": pa.array([[1, None]], pa.list_(pa.int16())),
        "pair": pa.array([{"a": 1, "b": "y"}]), "money": pa.array([decimal.Decimal("1.50")], pa.decimal128(9, 2)),
        "fixed": pa.array([[1, 2]], pa.list_(pa.int32(), 2)),
    })
    lake.upload("wide", table, target="iceberg")
    found = lake.query("FROM wide").to_pylist()[0]
    assert found["u8"] == 255 and found["u32"] == 2**32 - 1 and found["u64"] == 2**64 - 1
    assert found["ns"] == datetime.datetime(1970, 1, 1, 0, 16, 40, 1) and found["s"].year == 2023
    assert found["word"] == "x" and found["list"] == [1, None] and found["pair"] == {"a": 1, "b": "y"}
    assert found["money"] == decimal.Decimal("1.50") and found["fixed"] == [1, 2]


def test_nanoseconds_are_not_lost_silently(lake):
    table = pa.table({"ns": pa.array([1], pa.timestamp("ns"))})
    with pytest.raises(FAILS, match="has nanoseconds"):
        lake.upload("t", table, target="iceberg")
    with pytest.raises(FAILS, match="does not exist"):
        lake.query("FROM iceberg.t")


def test_what_does_not_fit_the_table_is_refused(lake):
    lake.upload("t", FEW, target="iceberg")
    with pytest.raises(FAILS, match="no column other"):
        lake.upload("t", pa.table({"other": [1]}))
    with pytest.raises(FAILS, match="column id is"):
        lake.upload("t", pa.table({"id": ["x"], "name": ["y"]}))
    assert lake.value("SELECT count(*) FROM t") == 3


def test_a_broken_upload_leaves_nothing(lake):
    good = rows(3 * LIMIT)
    bad = pa.RecordBatch.from_arrays(
        [pa.array([1], pa.int64()), pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\xff")])],
        names=["id", "name"])
    with pytest.raises(FAILS, match="UTF-8"):
        lake.upload("t", [*good.to_batches(500), bad], schema=good.schema)
    with pytest.raises(FAILS, match="does not exist"):
        lake.query("FROM t")
    assert lake.upload("t", good)["target"] == "iceberg"


GOES_AWAY = """
import os, sys
import pyarrow as pa, pyarrow.flight as flight
url, tenant = sys.argv[1:]
table = pa.table({"id": pa.array(range(300_000), pa.int64()), "name": ["n"] * 300_000})
options = flight.FlightCallOptions(headers=[(b"eider-tenant", tenant.encode()), (b"eider-target", b"iceberg")])
writer, _ = flight.connect(url).do_put(flight.FlightDescriptor.for_path("t"), table.schema, options)
writer.write_table(table, 60_000)
os._exit(0)
"""


def test_a_client_that_goes_away_leaves_nothing(lake):
    subprocess.run([sys.executable, "-c", GOES_AWAY, lake.server.flight_url, lake.tenant], check=True)
    until(lambda: not [s for s in lake.statements() if s["state"] == "running"], what="the end of the upload")
    assert lake.upload("t", FEW, target="iceberg", mode="create")["rows"] == 3
    assert len(files(lake, "t")) == 1


def test_a_killed_worker_leaves_nothing(lake):
    lake.upload("t", FEW, target="iceberg")
    table = rows(300_000)
    writer, _ = lake.flight.do_put(pa.flight.FlightDescriptor.for_path("t"), table.schema, lake.options(None))
    writer.write_table(table, 60_000)
    for pid in children(lake.server.process.pid):
        if lake.tenant.encode() in open(f"/proc/{pid}/cmdline", "rb").read():
            os.kill(pid, signal.SIGKILL)
    with pytest.raises(FAILS):
        writer.close()
    assert lake.value("SELECT count(*) FROM t") == 3
    assert lake.upload("t", FEW)["rows"] == 3


def test_uploads_into_one_table_follow_each_other(lake):
    lake.upload("t", FEW, target="iceberg", mode="create")

    def append(number):
        client = Client(lake.server, lake.tenant)
        try:
            return client.upload("t", rows(20_000, number * 20_000), batch_rows=4000)["rows"]
        finally:
            client.close()

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        assert list(pool.map(append, range(6))) == [20_000] * 6
    assert lake.query("SELECT count(*) AS n, count(DISTINCT id) AS d FROM t").to_pylist() == [{"n": 120_003, "d": 120_000}]


def test_an_empty_upload_makes_an_empty_table(lake):
    lake.upload("t", FEW.slice(0, 0), target="iceberg")
    assert lake.query("FROM t").schema.names == ["id", "name"]


def test_ingest_of_flight_sql_stays_in_duckdb_unless_it_names_iceberg(lake):
    with dbapi.connect(lake.server.flight_url.replace("grpc+tcp", "grpc"), db_kwargs={
            "adbc.flight.sql.rpc.call_header.eider-tenant": lake.tenant}, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest("local", rows(2 * LIMIT), mode="create")
        cursor.adbc_ingest("far", rows(10), mode="create", db_schema_name="iceberg")
        cursor.adbc_ingest("far", rows(2), mode="append")
    assert lake.value(f"SELECT count(*) FROM {lake.tenant}.default.local") == 2 * LIMIT
    assert lake.value(f"SELECT count(*) FROM {lake.tenant}.iceberg.far") == 12


def test_options_may_come_as_metadata(lake):
    answer = lake.upload("t", FEW, app_metadata=b'{"target": "iceberg", "sort_by": "id desc"}')
    assert answer["target"] == "iceberg"
    assert parquet.read_table(files(lake, "t")[0])["id"].to_pylist() == [3, 2, 1]

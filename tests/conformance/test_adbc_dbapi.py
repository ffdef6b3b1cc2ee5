"""What Python programs do: adbc_driver_flightsql by DBAPI, with pandas and polars on top."""

import datetime
import decimal
import threading
import time

import adbc_driver_flightsql.dbapi as dbapi
import adbc_driver_manager
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from lib import adbc
from lib.server import SANITIZED

ROWS = 200_000 if SANITIZED else 5_000_000


@pytest.fixture
def connect(acme):
    """Connections to an empty tenant, each with a session of its own."""
    made = []

    def connect(autocommit=False):
        made.append(adbc.connect(acme, autocommit, **{adbc.OPTIONS.WITH_COOKIE_MIDDLEWARE.value: "true"}))
        return made[-1]

    yield connect
    for connection in made:
        connection.close()


@pytest.fixture
def cursor(connect):
    with connect(autocommit=True).cursor() as cursor:
        yield cursor


def value(cursor, sql, parameters=None):
    cursor.execute(sql, parameters)
    return cursor.fetchone()[0]


ONE = pa.table({"k": pa.array([1, 2, 3], pa.int64()), "v": ["a", None, "ü"]})
TWO = pa.table({"k": pa.array([4], pa.int64()), "v": ["d"]})


# --- adbc_ingest ---


def test_create_makes_a_table_and_refuses_one_that_is_there(cursor):
    assert cursor.adbc_ingest("t", ONE, mode="create") == 3
    cursor.execute("SELECT * FROM t ORDER BY k")
    assert cursor.fetch_arrow_table().to_pylist() == ONE.to_pylist()
    with pytest.raises(dbapi.Error) as failed:
        cursor.adbc_ingest("t", TWO, mode="create")
    assert failed.value.status_code == adbc_driver_manager.AdbcStatusCode.ALREADY_EXISTS
    assert value(cursor, "SELECT count(*) FROM t") == 3


def test_append_adds_and_refuses_what_is_not_there(cursor):
    with pytest.raises(dbapi.Error) as failed:
        cursor.adbc_ingest("t", TWO, mode="append")
    assert failed.value.status_code == adbc_driver_manager.AdbcStatusCode.NOT_FOUND
    cursor.adbc_ingest("t", ONE, mode="create")
    assert cursor.adbc_ingest("t", TWO, mode="append") == 1
    assert value(cursor, "SELECT count(*) FROM t") == 4


def test_append_of_other_columns_changes_nothing(cursor):
    cursor.adbc_ingest("t", ONE, mode="create")
    with pytest.raises(dbapi.Error):
        cursor.adbc_ingest("t", pa.table({"other": [1]}), mode="append")
    assert value(cursor, "SELECT count(*) FROM t") == 3


def test_replace_takes_the_place_of_a_table(cursor):
    assert cursor.adbc_ingest("t", ONE, mode="replace") == 3
    assert cursor.adbc_ingest("t", pa.table({"other": [1.5]}), mode="replace") == 1
    cursor.execute("SELECT * FROM t")
    assert cursor.fetch_arrow_table().to_pydict() == {"other": [1.5]}


def test_create_append_does_what_is_needed(cursor):
    assert cursor.adbc_ingest("t", ONE, mode="create_append") == 3
    assert cursor.adbc_ingest("t", TWO, mode="create_append") == 1
    assert value(cursor, "SELECT count(*) FROM t") == 4


def test_a_schema_and_a_catalog_can_be_named(cursor, acme):
    cursor.execute("CREATE SCHEMA other")
    assert cursor.adbc_ingest("t", ONE, db_schema_name="other") == 3
    assert cursor.adbc_ingest("t", TWO, mode="append", db_schema_name="other", catalog_name=acme.tenant) == 1
    assert value(cursor, "SELECT count(*) FROM other.t") == 4


def test_a_temporary_table_is_the_sessions(connect):
    with connect(autocommit=True) as one, connect(autocommit=True) as two, one.cursor() as cursor, two.cursor() as other:
        assert cursor.adbc_ingest("t", ONE, temporary=True) == 3
        assert cursor.adbc_ingest("t", TWO, mode="append", temporary=True) == 1
        assert value(cursor, "SELECT count(*) FROM t") == 4
        with pytest.raises(dbapi.Error):
            other.execute("SELECT count(*) FROM t")
            other.fetchone()


def test_a_table_without_rows_is_a_table(cursor):
    """In one batch: of no batch at all the driver sends nothing, not even the schema."""
    assert cursor.adbc_ingest("t", pa.RecordBatch.from_pylist([], ONE.schema)) == 0
    assert value(cursor, "SELECT count(*) FROM t") == 0


def test_an_upload_belongs_to_the_open_transaction(connect):
    with connect() as connection, connection.cursor() as cursor:
        cursor.adbc_ingest("t", ONE)
        assert value(cursor, "SELECT count(*) FROM t") == 3
        connection.rollback()
        with pytest.raises(dbapi.Error):
            value(cursor, "SELECT count(*) FROM t")
        connection.rollback()
        cursor.adbc_ingest("t", ONE)
        connection.commit()
    with connect() as connection, connection.cursor() as cursor:
        assert value(cursor, "SELECT count(*) FROM t") == 3


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_five_million_rows_each_way(cursor):
    keys = np.arange(ROWS, dtype=np.int64)
    data = pa.table({"k": keys, "x": keys * 0.5, "s": pa.array(keys % 1000).cast(pa.string()),
                     "t": pa.array(keys * 1_000_000, pa.timestamp("us"))})
    assert cursor.adbc_ingest("big", data.to_reader(100_000)) == ROWS
    cursor.execute("SELECT * FROM big ORDER BY k")
    assert cursor.fetch_arrow_table().combine_chunks().equals(data.combine_chunks())


# --- queries ---


def test_a_row_has_pythons_types(cursor):
    cursor.execute("SELECT 1::INTEGER, 2.5::DOUBLE, 'x', true, NULL, DATE '2024-02-29', TIMESTAMP '2024-02-29 01:02:03.000004', "
                   "1.25::DECIMAL(9, 2), [1, 2], {'a': 1}, 'b'::BLOB")
    assert cursor.fetchone() == (1, 2.5, "x", True, None, datetime.date(2024, 2, 29), datetime.datetime(2024, 2, 29, 1, 2, 3, 4),
                                 decimal.Decimal("1.25"), [1, 2], {"a": 1}, b"b")
    assert cursor.fetchone() is None


def test_parameters_are_bound(cursor):
    assert value(cursor, "SELECT ?::INTEGER + ?", (40, 2)) == 42
    assert value(cursor, "SELECT ?::TIMESTAMP", (datetime.datetime(2024, 2, 29, 1, 2, 3, 4),)) == datetime.datetime(2024, 2, 29, 1, 2, 3, 4)
    assert value(cursor, "SELECT ?::DECIMAL(9, 2)", (decimal.Decimal("1.25"),)) == decimal.Decimal("1.25")
    assert value(cursor, "SELECT ?::VARCHAR IS NULL", (None,)) is True


def test_executemany_changes_each_row(cursor):
    cursor.execute("CREATE TABLE t (k INTEGER, v VARCHAR)")
    cursor.executemany("INSERT INTO t VALUES (?, ?)", [(i, str(i)) for i in range(1000)])
    assert value(cursor, "SELECT count(*) FROM t WHERE v = k::VARCHAR") == 1000


def test_a_change_runs_once_and_is_counted(cursor):
    cursor.execute("CREATE TABLE t AS SELECT range AS k FROM range(10)")
    cursor.execute("DELETE FROM t WHERE k < 4")
    assert value(cursor, "SELECT count(*) FROM t") == 6
    cursor.execute("INSERT INTO t VALUES (100)")
    assert value(cursor, "SELECT count(*) FROM t") == 7


def test_returning_gives_rows(cursor):
    cursor.execute("CREATE TABLE t (k INTEGER)")
    cursor.execute("INSERT INTO t VALUES (1), (2) RETURNING k * 10 AS ten")
    assert sorted(cursor.fetchall()) == [(10,), (20,)]
    assert value(cursor, "SELECT count(*) FROM t") == 2


def test_transactions(connect):
    with connect() as connection, connect(autocommit=True) as other, connection.cursor() as cursor, other.cursor() as watcher:
        watcher.execute("CREATE TABLE t (k INTEGER)")
        cursor.execute("INSERT INTO t VALUES (1)")
        assert value(watcher, "SELECT count(*) FROM t") == 0
        connection.commit()
        assert value(watcher, "SELECT count(*) FROM t") == 1
        cursor.execute("INSERT INTO t VALUES (2)")
        connection.rollback()
        assert value(cursor, "SELECT count(*) FROM t") == 1


def test_an_error_says_what_is_wrong(cursor):
    with pytest.raises(dbapi.ProgrammingError, match="nowhere") as failed:
        cursor.execute("SELECT * FROM nowhere")
    assert failed.value.args[0].startswith(("NOT_FOUND: [FlightSQL] ", "INVALID_ARGUMENT: [FlightSQL] "))
    assert value(cursor, "SELECT 1") == 1


def test_a_query_is_cancelled(cursor):
    cursor.execute("SELECT count(*) FROM range(1000000000) a, range(1000) b WHERE (a.range + b.range) % 7 = 3")
    timer = threading.Timer(0.3, cursor.adbc_cancel)
    begin = time.monotonic()
    timer.start()
    with pytest.raises(dbapi.Error, match="(?i)cancel"):
        cursor.fetchall()
    assert time.monotonic() - begin < 20
    assert value(cursor, "SELECT 1") == 1


def test_partitions_are_read_by_another_connection(cursor, connect):
    partitions, schema = cursor.adbc_execute_partitions("SELECT range AS n FROM range(1000)")
    assert schema.names == ["n"]
    with connect(autocommit=True) as other, other.cursor() as reader:
        total = 0
        for partition in partitions:
            reader.adbc_read_partition(partition)
            total += reader.fetch_arrow_table().num_rows
    assert total == 1000


def test_the_schema_is_known_before_the_rows(cursor):
    schema = cursor.adbc_execute_schema("SELECT 1::BIGINT AS k, 'x' AS v")
    assert schema.names == ["k", "v"] and schema.types == [pa.int64(), pa.string()]
    assert cursor.adbc_prepare("SELECT ?::INTEGER, ?::VARCHAR").types == [pa.int32(), pa.string()]


def test_parameters_of_time_are_asked_for_in_milliseconds_and_taken_in_any_unit(cursor):
    sql = "SELECT ?::TIMESTAMP, ?::TIMESTAMPTZ, ?::TIME"
    assert cursor.adbc_prepare(sql).types == [pa.timestamp("ms"), pa.timestamp("ms", "UTC"), pa.time32("ms")]
    moment = datetime.datetime(2024, 2, 29, 1, 2, 3, 4)
    for unit in "us", "ns":
        row = pa.record_batch([pa.array([moment], pa.timestamp(unit)), pa.array([moment], pa.timestamp(unit, "UTC")),
                               pa.array([moment.time()], pa.time64(unit))], names=["1", "2", "3"])
        cursor.execute(sql, row)
        assert cursor.fetchone() == (moment, moment.replace(tzinfo=datetime.timezone.utc), moment.time())


# --- metadata ---


def test_the_server_says_who_it_is(connect, acme):
    with connect() as connection:
        info = connection.adbc_get_info()
        assert info["vendor_name"] == "eider" and info["vendor_version"]
        assert connection.adbc_current_catalog == acme.tenant
        assert connection.adbc_current_db_schema == "default"
        assert set(connection.adbc_get_table_types()) >= {"TABLE", "VIEW"}


def test_objects_are_listed(connect, acme):
    with connect(autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE parent (id INTEGER PRIMARY KEY, name VARCHAR NOT NULL)")
        cursor.execute("CREATE TABLE child (parent INTEGER REFERENCES parent (id))")
        catalogs = connection.adbc_get_objects(catalog_filter=acme.tenant, db_schema_filter="default").read_all().to_pylist()
        (schema,) = catalogs[0]["catalog_db_schemas"]
        tables = {table["table_name"]: table for table in schema["db_schema_tables"]}
        assert set(tables) == {"parent", "child"}
        assert [column["column_name"] for column in tables["parent"]["table_columns"]] == ["id", "name"]
        assert connection.adbc_get_table_schema("parent").names == ["id", "name"]


def test_the_schema_of_a_session_can_be_changed(connect):
    with connect(autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA other")
        connection.adbc_current_db_schema = "other"
        assert value(cursor, "SELECT current_schema()") == "other"


# --- pandas, polars ---


def test_pandas_reads_and_writes(connect):
    frame = pd.DataFrame({"k": range(1000), "v": [f"value {i}" for i in range(1000)], "x": np.linspace(0, 1, 1000)})
    with connect() as connection:
        assert frame.to_sql("frame", connection, index=False) == 1000
        connection.commit()
        back = pd.read_sql("SELECT * FROM frame ORDER BY k", connection)
        pd.testing.assert_frame_equal(back, frame, check_dtype=False)
        assert frame.to_sql("frame", connection, index=False, if_exists="append") == 1000
        assert frame.to_sql("frame", connection, index=False, if_exists="replace") == 1000
        assert pd.read_sql("SELECT count(*) AS n FROM frame", connection)["n"][0] == 1000


def test_polars_reads_and_writes(connect):
    frame = pl.DataFrame({"k": range(1000), "v": [f"value {i}" for i in range(1000)], "d": [datetime.date(2024, 2, 29)] * 1000})
    with connect(autocommit=True) as connection:
        assert frame.write_database("frame", connection, engine="adbc") == 1000
        assert pl.read_database("SELECT * FROM frame ORDER BY k", connection).equals(frame)
        assert frame.write_database("frame", connection, engine="adbc", if_table_exists="append") == 1000
        assert frame.write_database("frame", connection, engine="adbc", if_table_exists="replace") == 1000
        assert pl.read_database("SELECT count(*) AS n FROM frame", connection)["n"][0] == 1000
        parts = list(pl.read_database("SELECT * FROM frame", connection, iter_batches=True, batch_size=100))
        assert sum(part.height for part in parts) == 1000

"""CommandStatementIngest: whole tables from Arrow, in every mode."""

import pyarrow as pa
import pyarrow.flight as flight
import pytest

from lib import adbc, flightsql, rawflight
from lib.rawflight import field, varint

TABLE = pa.table({"i": [1, 2, 3], "s": ["a", None, "c"]})


def ingest(connection, name, data, mode, **more):
    with connection.cursor() as cursor:
        return cursor.adbc_ingest(name, data, mode=mode, **more)


def test_create_append_replace_and_create_append(database):
    assert ingest(database, "t", TABLE, "create") == 3
    assert ingest(database, "t", TABLE, "append") == 3
    assert adbc.value(database, "SELECT count(*) FROM t") == 6
    assert ingest(database, "t", TABLE, "create_append") == 3
    assert adbc.value(database, "SELECT count(*) FROM t") == 9
    assert ingest(database, "t", TABLE.select(["s"]), "replace") == 3
    assert adbc.rows(database, "SELECT * FROM t ORDER BY s NULLS FIRST") == [(None,), ("a",), ("c",)]
    assert ingest(database, "u", TABLE, "create_append") == 3


def test_create_needs_that_there_is_none_and_append_that_there_is_one(database):
    ingest(database, "t", TABLE, "create")
    with pytest.raises(database.Error, match="ALREADY_EXISTS.*t is there already"):
        ingest(database, "t", TABLE, "create")
    with pytest.raises(database.Error, match="NOT_FOUND.*no table nowhere"):
        ingest(database, "nowhere", TABLE, "append")
    assert adbc.value(database, "SELECT count(*) FROM t") == 3


def test_an_error_in_the_middle_of_much_data_reaches_the_client(database):
    """The client still sends when the server has given up: what it must see is the status, not a broken stream."""
    ingest(database, "t", TABLE, "create")
    many = pa.table({"i": pa.array(range(2_000_000)), "s": ["x" * 20] * 2_000_000})
    reader = pa.RecordBatchReader.from_batches(many.schema, many.to_batches(100_000))
    with pytest.raises(database.Error, match="t is there already"):
        ingest(database, "t", reader, "create")
    assert adbc.value(database, "SELECT count(*) FROM t") == 3


def test_temporary_tables_are_the_connections_own(acme, database):
    ingest(database, "t", TABLE, "create", temporary=True)
    assert adbc.value(database, "SELECT count(*) FROM t") == 3
    other = adbc.connect(acme)
    with pytest.raises(other.Error, match="t does not exist"):
        adbc.value(other, "SELECT count(*) FROM t")
    other.close()


def test_schema_and_catalog_say_where(acme, database):
    adbc.rows(database, "CREATE SCHEMA other")
    ingest(database, "t", TABLE, "create", db_schema_name="other")
    ingest(database, "t", TABLE.slice(0, 1), "create", catalog_name=acme.tenant)
    assert adbc.value(database, "SELECT count(*) FROM other.t") == 3
    assert adbc.value(database, "SELECT count(*) FROM t") == 1
    with pytest.raises(database.Error, match="tenant_nobody"):
        ingest(database, "t", TABLE, "create", catalog_name="tenant_nobody")


def test_ingest_joins_the_open_transaction(acme):
    """The Go driver never sends the transaction's id with an ingest."""
    connection = adbc.connect(acme, autocommit=False)
    ingest(connection, "t", TABLE, "create")
    assert adbc.value(connection, "SELECT count(*) FROM t") == 3
    connection.rollback()
    other = adbc.connect(acme)
    with pytest.raises(other.Error, match="t does not exist"):
        adbc.value(other, "SELECT count(*) FROM t")
    ingest(connection, "t", TABLE, "create")
    connection.commit()
    assert adbc.value(other, "SELECT count(*) FROM t") == 3
    connection.close()
    other.close()


def test_polars_and_readers_go_in(database):
    import polars
    assert ingest(database, "p", polars.DataFrame({"i": [1, 2], "s": ["a", "b"]}), "create") == 2
    reader = pa.RecordBatchReader.from_batches(TABLE.schema, TABLE.to_batches(1))
    assert ingest(database, "r", reader, "create") == 3
    empty = pa.RecordBatchReader.from_batches(TABLE.schema, [TABLE.to_batches()[0].slice(0, 0)])
    assert ingest(database, "e", empty, "create") == 0
    assert adbc.rows(database, "SELECT (SELECT count(*) FROM p), (SELECT count(*) FROM r), (SELECT count(*) FROM e)") \
        == [(2, 3, 0)]


@pytest.mark.slow
def test_five_million_rows_go_in(database):
    rows = pa.table({"i": pa.array(range(5_000_000)), "k": pa.array(range(5_000_000), pa.int32())})
    reader = pa.RecordBatchReader.from_batches(rows.schema, rows.to_batches(500_000))  # the driver sends up to 16 MiB
    assert ingest(database, "big", reader, "create") == 5_000_000
    assert adbc.rows(database, "SELECT count(*), sum(i) FROM big") == [(5_000_000, 5_000_000 * 4_999_999 // 2)]


def put(acme, message, data=TABLE):
    parts = rawflight.ipc_parts(data)
    descriptor = flight.FlightDescriptor.for_command(flightsql.wrap("CommandStatementIngest", message)).serialize()
    messages = [rawflight.flight_data(parts[0][0], descriptor=descriptor)]
    messages += [rawflight.flight_data(header, body) for header, body in parts[1:]]
    return rawflight.put(acme.server, messages, acme.tenant)


def definition(if_not_exist, if_exists):
    return field(1, varint(1 << 3) + varint(if_not_exist) + varint(2 << 3) + varint(if_exists))


def test_exactly_one_answer_with_the_count(acme):
    code, details, answers = put(acme, definition(1, 1) + field(2, b"t"))
    assert code.name == "OK", details
    assert answers == [field(1, b"\x08\x03")]


@pytest.mark.parametrize("if_not_exist, if_exists, words", [
    (0, 0, "if_not_exist unspecified.*if_exists unspecified"), (2, 1, "if_not_exist fail.*if_exists fail"),
    (2, 3, "if_not_exist fail.*if_exists replace"), (9, 9, "unknown")])
def test_modes_that_make_no_sense_are_named(acme, if_not_exist, if_exists, words):
    import re
    code, details, answers = put(acme, definition(if_not_exist, if_exists) + field(2, b"t"))
    assert code.name == "INVALID_ARGUMENT" and answers == [] and re.search(words, details), details


def test_unknown_options_are_refused(acme):
    message = definition(1, 1) + field(2, b"t") + field(1000, field(1, b"compress") + field(2, b"yes"))
    code, details, _ = put(acme, message)
    assert code.name == "INVALID_ARGUMENT" and "unknown option 'compress'" in details


def test_a_table_needs_a_name_and_data_a_schema(acme):
    code, details, _ = put(acme, definition(1, 1))
    assert code.name == "INVALID_ARGUMENT" and "name" in details
    descriptor = flight.FlightDescriptor.for_command(
        flightsql.wrap("CommandStatementIngest", definition(1, 1) + field(2, b"t"))).serialize()
    code, details, _ = rawflight.put(acme.server, [rawflight.flight_data(descriptor=descriptor)], acme.tenant)
    assert code.name == "INVALID_ARGUMENT" and "schema" in details

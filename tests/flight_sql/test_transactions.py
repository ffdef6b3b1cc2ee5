"""Transactions as drivers make them: ADBC's commit and rollback, and what they do to sessions."""

import pyarrow as pa
import pytest

from lib import adbc, flightsql
from lib.client import FAILS
from lib.wait import until


@pytest.fixture
def manual(acme):
    """DBAPI's default: a transaction is always open."""
    connection = adbc.connect(acme, autocommit=False)
    yield connection
    connection.close()


def test_commit_and_rollback(acme, manual):
    acme.query("CREATE TABLE t(i INTEGER)")
    adbc.rows(manual, "INSERT INTO t VALUES (1)")
    assert adbc.value(manual, "SELECT count(*) FROM t") == 1
    assert acme.value("SELECT count(*) FROM t") == 0
    manual.rollback()
    assert adbc.value(manual, "SELECT count(*) FROM t") == 0
    adbc.rows(manual, "INSERT INTO t VALUES (2)")
    manual.commit()
    assert acme.value("SELECT count(*) FROM t") == 1


def test_a_table_made_inside_is_there_after_the_commit_only(acme, manual):
    adbc.rows(manual, "CREATE TABLE made(i INTEGER)")
    with pytest.raises(FAILS, match="made"):
        acme.query("SELECT * FROM made")
    manual.commit()
    assert acme.value("SELECT count(*) FROM made") == 0


def test_temporary_tables_survive_a_commit(manual):
    adbc.rows(manual, "CREATE TEMP TABLE mine AS SELECT 7 AS x")
    manual.commit()
    assert adbc.value(manual, "SELECT x FROM mine") == 7


def test_ingest_joins_the_open_transaction(acme, manual):
    with manual.cursor() as cursor:
        assert cursor.adbc_ingest("t", pa.table({"i": [1, 2, 3]}), mode="create") == 3
    with pytest.raises(FAILS):
        acme.query("SELECT * FROM t")
    manual.rollback()
    with pytest.raises(FAILS):
        acme.query("SELECT * FROM t")
    with manual.cursor() as cursor:
        cursor.adbc_ingest("t", pa.table({"i": [1, 2, 3]}), mode="create")
    manual.commit()
    assert acme.value("SELECT count(*) FROM t") == 3


def test_a_failed_statement_leaves_a_transaction_that_can_be_rolled_back(acme, manual):
    acme.query("CREATE TABLE t(i INTEGER PRIMARY KEY)")
    adbc.rows(manual, "INSERT INTO t VALUES (1)")
    with pytest.raises(Exception, match="(?i)duplicate|constraint"):
        adbc.rows(manual, "INSERT INTO t VALUES (1)")
    manual.rollback()
    adbc.rows(manual, "INSERT INTO t VALUES (1)")
    manual.commit()
    assert acme.value("SELECT count(*) FROM t") == 1


def test_closing_the_connection_rolls_back(acme):
    acme.query("CREATE TABLE t(i INTEGER)")
    connection = adbc.connect(acme, autocommit=False)
    adbc.rows(connection, "INSERT INTO t VALUES (1)")
    connection.close()
    acme.query("INSERT INTO t VALUES (2)")
    assert acme.value("SELECT count(*) FROM t") == 1


def test_two_connections_that_write_the_same_row_conflict(acme):
    acme.query("CREATE TABLE t(i INTEGER)")
    acme.query("INSERT INTO t VALUES (1)")
    one, two = adbc.connect(acme, autocommit=False), adbc.connect(acme, autocommit=False)
    adbc.rows(one, "UPDATE t SET i = 2")
    with pytest.raises(Exception, match="(?i)conflict"):
        adbc.rows(two, "UPDATE t SET i = 3")
    two.rollback()
    one.commit()
    one.close()
    two.close()
    assert acme.value("SELECT i FROM t") == 2


def test_the_driver_tells_catalog_and_schema(acme):
    connection = adbc.connect(acme)
    assert connection.adbc_current_catalog == acme.tenant
    assert connection.adbc_current_db_schema == "default"
    adbc.rows(connection, "CREATE SCHEMA other")
    connection.adbc_current_db_schema = "other"
    assert connection.adbc_current_db_schema == "other"
    assert adbc.value(connection, "SELECT current_schema()") == "other"
    with pytest.raises(Exception):
        connection.adbc_current_db_schema = "nowhere"
    connection.close()


def test_the_driver_with_cookies_and_a_clone_without_them_in_common(acme):
    connection = adbc.connect(acme, **{adbc.OPTIONS.WITH_COOKIE_MIDDLEWARE.value: "true"})
    adbc.rows(connection, "CREATE TEMP TABLE mine AS SELECT 7 AS x")
    assert adbc.value(connection, "SELECT x FROM mine") == 7
    twin = connection.adbc_clone()  # the driver gives each connection a jar of its own
    with pytest.raises(Exception, match="mine"):
        adbc.rows(twin, "SELECT x FROM mine")
    twin.close()
    connection.close()


def test_transactions_have_a_limit(make_server, make_client):
    from lib.client import create_tenant
    server = make_server(config="limits:\n  session.max_transactions: 2\n")
    create_tenant(server, "tenant_a")
    client = make_client(server, "tenant_a")
    held = [flightsql.begin(client.flight) for _ in range(2)]
    with pytest.raises(FAILS, match="session.max_transactions"):
        flightsql.begin(client.flight)
    for transaction in held:
        flightsql.end(client.flight, transaction, 2)
    until(lambda: flightsql.begin(client.flight), 5, "room for a transaction")

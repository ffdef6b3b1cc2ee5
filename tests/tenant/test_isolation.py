"""Two tenants on one server: names, files, settings and failures of one do not exist for the other."""

import os
import signal

import pyarrow as pa
import pyarrow.flight as flight
import pytest

from lib.client import FAILS
from lib.wait import until


@pytest.fixture
def two(make_tenant):
    left, right = make_tenant("left"), make_tenant("right")
    left.upload("secrets", pa.table({"word": ["canary"]}))
    right.query("SELECT 1")
    return left, right


def test_same_table_name_holds_other_rows(two):
    left, right = two
    right.upload("secrets", pa.table({"word": ["other"]}))
    assert left.value("SELECT word FROM secrets") == "canary"
    assert right.value("SELECT word FROM secrets") == "other"


@pytest.mark.parametrize("sql", [
    "SELECT * FROM {left}.default.secrets", 'SELECT * FROM "{left}"."default"."secrets"', "SELECT * FROM secrets",
    "INSERT INTO {left}.default.secrets VALUES ('x')", "DROP TABLE {left}.default.secrets", "ATTACH '{file}' AS other", "ATTACH '{file}' AS other (READ_ONLY)",
    "SELECT * FROM read_text('{file}')", "SELECT * FROM '{file}'", "COPY (SELECT 1) TO '{file}'", "USE {left}", "SET search_path = '{left}'",
    "SELECT * FROM glob('{directory}/*')", "EXPORT DATABASE '{directory}'", "IMPORT DATABASE '{directory}'",
])
def test_other_tenant_cannot_be_named(two, sql):
    left, right = two
    directory = left.server.data / "tenants" / left.tenant
    file = directory / f"{left.tenant}.duckdb"
    assert file.exists()
    with pytest.raises(FAILS) as error:
        right.query(sql.format(left=left.tenant, file=file, directory=directory))
    assert "canary" not in str(error.value)
    assert left.value("SELECT word FROM secrets") == "canary"
    assert right.value("SELECT 1") == 1


@pytest.mark.parametrize("sql", ["FROM duckdb_databases()", "FROM duckdb_tables()", "SHOW ALL TABLES", "FROM information_schema.tables",
                                 "FROM duckdb_settings()", "FROM duckdb_temporary_files()", "PRAGMA database_list"])
def test_catalog_shows_nothing_of_others(two, sql):
    left, right = two
    try:
        text = str(right.query(sql).to_pylist())
    except FAILS as error:
        text = str(error)
    assert left.tenant not in text and "secrets" not in text


def test_settings_and_variables_stay_with_their_tenant(two):
    left, right = two
    left.query("SET VARIABLE word = 'canary'")
    assert right.value("SELECT getvariable('word')") is None


def test_crash_of_one_worker_is_not_noticed_by_the_other(two):
    left, right = two
    victim = next(pid for pid in left.server.workers() if any(left.tenant in os.readlink(entry) for entry in open_files(pid)))
    os.kill(victim, signal.SIGKILL)
    assert right.value("SELECT 1") == 1
    until(lambda: victim not in left.server.workers(), 10, "the end of the worker")
    assert until(lambda: answer(left), 10, "a fresh worker") == "canary"


def open_files(pid):
    return [entry.path for entry in os.scandir(f"/proc/{pid}/fd")]


def answer(client):
    """A statement that was on its way to the dead worker may say UNAVAILABLE; the next one is answered."""
    try:
        return client.value("SELECT word FROM secrets")
    except flight.FlightUnavailableError:
        return None


def test_work_of_one_leaves_the_other_served(two):
    """One tenant keeps all its threads busy; the other's small statements are still answered."""
    import threading
    left, right = two
    thread = threading.Thread(target=lambda: pytest.raises(
        FAILS, left.query, "SELECT count(*) FROM range(1000000000) a, range(1000000) b WHERE hash(a.range, b.range) = 1", 6))
    thread.start()
    for number in range(50):
        assert right.value(f"SELECT {number}", timeout=10) == number
    thread.join(60)

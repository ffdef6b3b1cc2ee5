"""kill -9 of the server between the steps of a commit: the table is the old one or the new one, and what was acknowledged is there."""

import pathlib
import re
import threading

import pytest
from lib.client import create_tenant
from lib.iceberg import Lake, PyIcebergClient, duckdb_client
from lib.server import Server
from lib.wait import until
from pyiceberg.exceptions import NoSuchTableError

pytestmark = pytest.mark.slow

TENANT = "tenant_lake"
# DuckDB removes what it wrote when it does not know how a commit ended, and it may have ended well.
KEEP = ", REMOVE_FILES_ON_DELETE false"
COLUMNS = {"id": "int", "v": "string"}
SOURCES = pathlib.Path(__file__).resolve().parents[3] / "src/domain/catalog"
# The step, and whether what was committed when the server dies there is in the table afterwards.
COMMIT_STEPS = {
    "catalog.file.before": False,
    "catalog.file.written": False,
    "catalog.commit.before_rows": False,
    "catalog.commit.row": False,
    "catalog.commit.stored": True,
    "catalog.commit.before_answer": True,
}


class Killed:
    """A server that is started again after it died, with the clients that come back to it."""

    def __init__(self, directory):
        self.server = Server(directory).start()
        create_tenant(self.server, TENANT)
        self.pyiceberg.catalog.create_namespace("ns")
        for name in ("ns.t", "ns.u"):
            self.pyiceberg.create(name, COLUMNS)
            self.pyiceberg.insert(name, COLUMNS, [row(0)])

    @property
    def lake(self):
        return Lake(f"{self.server.url}/iceberg", TENANT)

    @property
    def pyiceberg(self):
        return PyIcebergClient(self.lake)

    def dies_at(self, step, change):
        """Runs a change that the server does not survive, and brings it back."""
        self.server.stop()
        self.server.environment = {"EIDER_FAILPOINT": step}
        self.server.start()
        client = self.pyiceberg
        with pytest.raises(Exception) as error:
            change(client)
        assert self.server.process.wait(20) == -9, f"{step} was not reached: {error.value}"
        self.server.environment = {}
        self.server.start()

    def ids(self, name="ns.t"):
        found = [row["id"] for row in self.pyiceberg.rows(name, COLUMNS)]
        duckdb = duckdb_client(self.lake)
        assert [row["id"] for row in duckdb.rows(name, COLUMNS)] == found
        duckdb.connection.close()
        return found


def row(number):
    return {"id": number, "v": f"row {number}"}


@pytest.fixture
def killed(tmp_path):
    killed = Killed(tmp_path / "server")
    yield killed
    killed.server.stop()


@pytest.mark.parametrize("step", COMMIT_STEPS)
def test_a_commit_is_old_or_new(killed, step):
    killed.dies_at(step, lambda client: client.insert("ns.t", COLUMNS, [row(1)]))
    expected = [0, 1] if COMMIT_STEPS[step] else [0]
    assert killed.ids() == expected
    # It goes on, and again.
    killed.pyiceberg.insert("ns.t", COLUMNS, [row(2)])
    assert killed.ids() == [*expected, 2]


@pytest.mark.parametrize("step", ["catalog.commit.before_rows", "catalog.commit.row", "catalog.commit.row:2", "catalog.commit.stored"])
def test_a_commit_of_two_tables_is_old_or_new(killed, step):
    def change(_client):
        duckdb = duckdb_client(killed.lake, options=KEEP)
        duckdb.run("BEGIN")
        for name in ("ns.t", "ns.u"):
            duckdb.insert(name, COLUMNS, [row(1)])
        duckdb.run("COMMIT")

    killed.dies_at(step, change)
    expected = [0, 1] if step == "catalog.commit.stored" else [0]
    assert killed.ids("ns.t") == killed.ids("ns.u") == expected


@pytest.mark.parametrize("step, there", [("catalog.create.directories", False), ("catalog.create.before_row", False),
                                         ("catalog.create.stored", True)])
def test_a_table_is_made_or_not(killed, step, there):
    killed.dies_at(step, lambda client: client.create("ns.new", COLUMNS))
    if there:
        assert killed.pyiceberg.rows("ns.new", COLUMNS) == []
    else:
        with pytest.raises(NoSuchTableError):
            killed.pyiceberg.catalog.load_table("ns.new")
        killed.pyiceberg.create("ns.new", COLUMNS)
    killed.pyiceberg.insert("ns.new", COLUMNS, [row(1)])
    assert killed.ids("ns.new") == [1]


def test_every_step_is_tried():
    """Of commits and creations; other rooms test their own."""
    named = set()
    for source in ("commit.c", "create.c", "file.c"):
        named |= set(re.findall(r'FAILPOINT\("([^"]+)"\)', (SOURCES / source).read_text()))
    assert named == set(COMMIT_STEPS) | {"catalog.create.directories", "catalog.create.before_row", "catalog.create.stored"}


@pytest.mark.native
def test_killed_again_and_again_under_load(killed):
    """Acknowledged is there; not acknowledged may be; nothing is there twice."""
    acknowledged, unknown = set(), set()
    numbers = iter(range(1, 1000000))

    def write(lake, kind, stop):
        client = duckdb_client(lake, options=KEEP) if kind == "duckdb" else PyIcebergClient(lake)
        while not stop.is_set():
            number = next(numbers)
            unknown.add(number)
            try:
                client.insert("ns.t", COLUMNS, [row(number)])
                acknowledged.add(number)
            except Exception as error:
                if "conn" in str(error).lower() or "reset" in str(error).lower():
                    return

    for cycle in range(5):
        stop, before = threading.Event(), len(acknowledged)
        threads = [threading.Thread(target=write, args=(killed.lake, kind, stop)) for kind in ("duckdb", "pyiceberg") * 2]
        for thread in threads:
            thread.start()

        until(lambda: len(acknowledged) >= before + 10 + cycle, 60, "acknowledged appends")
        killed.server.kill()
        stop.set()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()
        killed.server.start()
        found = killed.ids()
        assert len(found) == len(set(found)), "a row is there twice"
        assert acknowledged <= set(found) <= acknowledged | unknown | {0}, acknowledged - set(found)

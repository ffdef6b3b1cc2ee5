"""DuckDB tables of the tenant, as others read them: namespace `default` of the catalog."""

import datetime
import itertools
from decimal import Decimal

import pytest
from lib.iceberg import SqlClient, canonical, sql_type

pytestmark = [pytest.mark.slow, pytest.mark.native, pytest.mark.timeout(300)]
NAMES = (f"local_{number}" for number in itertools.count(1))
COLUMNS = {
    "id": "int", "b": "boolean", "l": "long", "f": "float", "d": "double", "m": "decimal(18,4)", "day": "date", "ts": "timestamp",
    "atz": "timestamptz", "s": "string", "bin": "binary", "ids": ("list", "int"), "st": ("struct", {"x": "int", "y": "string"}),
    "mp": ("map", "string", "long"),
}
ROWS = [
    {"id": 1, "b": True, "l": 2**62, "f": 1.5, "d": -0.1, "m": Decimal("12.3456"), "day": datetime.date(2026, 1, 1),
     "ts": datetime.datetime(2026, 1, 1, 12, 0, 0, 5), "atz": datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc),
     "s": "ü'\\", "bin": b"\x00\xff", "ids": [1, None], "st": {"x": 1, "y": None}, "mp": {"k": 7}},
    {name: None for name in COLUMNS} | {"id": 2},
]
READERS = ["duckdb", "pyiceberg", "trino", "spark"]


@pytest.fixture(autouse=True)
def only_eider(lake):
    if not hasattr(lake, "server"):
        pytest.skip("mirrors are eider's own")


@pytest.fixture
def local():
    """The name of a DuckDB table that is not there yet."""
    return next(NAMES)


def test_local_tables_are_read_by_each(local, eider, client_of):
    here = SqlClient("local", "duckdb", "tenant_lake", eider.run)
    eider.run(f"CREATE TABLE {local} ({', '.join(f'{name} {sql_type(kind, here.dialect)}' for name, kind in COLUMNS.items())})")
    here.insert(f"default.{local}", COLUMNS, ROWS)
    expected = [{name: canonical(row[name], kind) for name, kind in COLUMNS.items()} for row in ROWS]
    for reader in READERS:
        name = f'"default".{local}' if reader == "duckdb" else f"default.{local}"
        assert client_of(reader).rows(name, COLUMNS) == expected, reader


def test_changes_are_seen(local, eider, client_of):
    eider.run(f"CREATE TABLE {local} AS SELECT 1 AS a, 'x' AS b")
    columns = {"a": "int", "b": "string"}

    def check(*rows, columns=columns):
        for reader in READERS:
            name = f'"default".{local}' if reader == "duckdb" else f"default.{local}"
            assert client_of(reader).rows(name, columns) == [dict(zip(columns, row)) for row in rows], reader

    check((1, "x"))
    eider.run(f"INSERT INTO {local} VALUES (2, 'y')")
    check((1, "x"), (2, "y"))
    eider.run(f"UPDATE {local} SET b = 'z' WHERE a = 1")
    eider.run(f"DELETE FROM {local} WHERE a = 2")
    check((1, "z"))
    # A name that comes back is another column.
    eider.run(f"ALTER TABLE {local} RENAME COLUMN b TO c")
    eider.run(f"ALTER TABLE {local} ADD COLUMN b INTEGER")
    check((1, "z", None), columns={"a": "int", "c": "string", "b": "int"})
    eider.run(f"DROP TABLE {local}")
    assert ("default", local) not in client_of("pyiceberg").catalog.list_tables("default")


def test_a_reader_that_has_begun_reads_on(local, eider, pyiceberg):
    """Two generations are kept."""
    eider.run(f"CREATE TABLE {local} AS SELECT range AS n FROM range(1000)")
    before = pyiceberg.catalog.load_table(f"default.{local}")
    eider.run(f"INSERT INTO {local} VALUES (-1)")
    after = pyiceberg.catalog.load_table(f"default.{local}")
    assert (before.scan().count(), after.scan().count()) == (1000, 1001)
    assert before.metadata.table_uuid == after.metadata.table_uuid
    assert after.current_snapshot().sequence_number > before.current_snapshot().sequence_number


@pytest.mark.parametrize("writer", READERS)
def test_nobody_writes_there(local, writer, eider, client_of):
    eider.run(f"CREATE TABLE {local} AS SELECT 1::INTEGER AS a")
    made = client_of(writer)
    name = f'"default".{local}' if writer == "duckdb" else f"default.{local}"
    with pytest.raises(Exception, match="(?i)read-only|mirror|forbidden"):
        made.insert(name, {"a": "int"}, [{"a": 2}])
    with pytest.raises(Exception, match="(?i)read-only|mirror|forbidden"):
        if writer == "pyiceberg":
            made.catalog.drop_table(name)
        else:
            made.run(f"DROP TABLE {made.table(name)}")
    assert eider.run(f"SELECT * FROM {local}") == [(1,)]


def test_joined_with_tables_of_iceberg(local, eider, trino, spark, namespace):
    eider.run(f"CREATE TABLE {local} AS SELECT 1 AS k, 'local' AS v")
    trino.run(f"CREATE TABLE {trino.table(namespace)}.facts AS SELECT 1 AS k, 10 AS n")
    sql = "SELECT v, n FROM {}.default.{} JOIN {}.{}.facts USING (k)"
    for engine in (trino, spark):
        assert engine.run(sql.format(engine.prefix, local, engine.prefix, namespace)) == [("local", 10)]
    assert eider.run(f"SELECT v, n FROM {local} JOIN iceberg.{namespace}.facts USING (k)") == [("local", 10)]


def test_a_view_is_a_view_of_duckdb(local, eider, pyiceberg):
    eider.run(f"CREATE VIEW {local} AS SELECT 1 AS a")
    assert ("default", local) in pyiceberg.catalog.list_views("default")
    shown = pyiceberg.catalog.load_view(f"default.{local}").metadata.versions[0].representations[0].root
    assert shown.dialect == "duckdb" and "1 AS a" in shown.sql

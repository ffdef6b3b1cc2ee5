"""Many who write to one table at once: what was acknowledged is there, exactly once."""

import collections
import threading

import pytest
from lib.iceberg import PyIcebergClient, duckdb_client

COLUMNS = {"writer": "string", "n": "int"}
WRITERS = ["duckdb", "pyiceberg"] * 4
APPENDS = 8


def again_and_again(append, tries=200):
    """Appends until it is acknowledged, as programs do that lose against others; counts the tries."""
    for count in range(1, tries + 1):
        try:
            append()
            return count
        except Exception as error:
            last = error
            text = str(error).lower()
            assert any(word in text for word in ("conflict", "requirement failed", "commit", "changed")), error
    raise AssertionError(f"lost {tries} times: {last}")


def write(lake, table, kind, name, report):
    client = duckdb_client(lake) if kind == "duckdb" else PyIcebergClient(lake)
    for n in range(APPENDS):
        report[name] += again_and_again(lambda: client.insert(table, COLUMNS, [{"writer": name, "n": n}]))


def test_eight_append_to_one_table(lake, pyiceberg, namespace, duckdb):
    table = f"{namespace}.shared"
    pyiceberg.create(table, COLUMNS)
    report, failures = collections.Counter(), []

    def run(kind, name):
        try:
            write(lake, table, kind, name, report)
        except BaseException as error:
            failures.append((name, error))

    threads = [threading.Thread(target=run, args=(kind, f"{kind} {index}")) for index, kind in enumerate(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert not failures and not any(thread.is_alive() for thread in threads), failures
    expected = sorted((f"{kind} {index}", n) for index, kind in enumerate(WRITERS) for n in range(APPENDS))
    for reader in (pyiceberg, duckdb):
        assert sorted((row["writer"], row["n"]) for row in reader.rows(table, COLUMNS)) == expected, reader.name
    seen = pyiceberg.catalog.load_table(table)
    assert len(seen.snapshots()) == len(expected)
    assert [one.sequence_number for one in seen.snapshots()] == list(range(1, len(expected) + 1))
    parents = {one.snapshot_id: one.parent_snapshot_id for one in seen.snapshots()}
    assert len(set(parents.values())) == len(parents), "two snapshots have one parent"
    print("tries:", dict(report))


@pytest.mark.slow
def test_eight_write_to_tables_of_their_own(lake, pyiceberg, namespace):
    """Nobody waits for another, and nobody has to try again."""
    failures = []

    def run(kind, name):
        try:
            client = duckdb_client(lake) if kind == "duckdb" else PyIcebergClient(lake)
            client.create(name, COLUMNS)
            for n in range(APPENDS):
                client.insert(name, COLUMNS, [{"writer": kind, "n": n}])
        except BaseException as error:
            failures.append((name, error))

    threads = [threading.Thread(target=run, args=(kind, f"{namespace}.own{index}")) for index, kind in enumerate(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert not failures, failures
    for index in range(len(WRITERS)):
        assert len(pyiceberg.rows(f"{namespace}.own{index}", COLUMNS)) == APPENDS

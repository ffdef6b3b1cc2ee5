"""Workers and the Iceberg catalog: which of them reach it, writers side by side, and what happens when something ends
in the middle of a commit."""

import concurrent.futures
import os
import signal
import threading

import pytest
from lib.client import FAILS, Client, create_tenant
from lib.server import alive
from lib.wait import until


@pytest.fixture
def lake(fresh_server):
    create_tenant(fresh_server, "acme")
    client = Client(fresh_server, "acme")
    yield client
    client.close()


def reaches(pid):
    """The worker has loaded the extension."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
        return "iceberg.duckdb_extension" in maps.read()


def worker(server):
    return until(lambda: server.workers(), 10, "a worker")[0]


def side_by_side(lake, texts):
    """All at once, each by a connection of its own; the error's texts of those that failed."""
    def run(sql):
        client = Client(lake.server, lake.tenant)
        answer = client.post_query(sql)
        client.close()
        return None if answer.status_code == 200 else answer.text
    with concurrent.futures.ThreadPoolExecutor(len(texts)) as pool:
        return [error for error in pool.map(run, texts) if error]


def test_only_tenants_with_iceberg_tables_pay_for_them(fresh_server, lake):
    lake.rows("CREATE TABLE local AS SELECT 1 a")
    first = worker(fresh_server)
    assert not reaches(first)
    lake.rows("CREATE TABLE iceberg.t AS SELECT 1 a")
    second = worker(fresh_server)
    assert second != first and reaches(second)
    assert lake.rows("SELECT count(*) FROM local, t") == [[1]]
    assert worker(fresh_server) == second
    create_tenant(fresh_server, "beta")
    beta = Client(fresh_server, "beta")
    assert beta.rows("SELECT 1") == [[1]]
    assert [reaches(pid) for pid in fresh_server.workers() if pid != second] == [False]
    beta.close()
    os.kill(second, signal.SIGKILL)
    until(lambda: not alive(second), 10, "the end of the worker")
    until(lambda: lake.post_query("SELECT count(*) FROM t").status_code == 200, 10, "a fresh worker")
    assert [pid for pid in fresh_server.workers() if reaches(pid)]


def test_a_worker_that_sessions_keep_is_not_ended(fresh_server, lake):
    session = Client(fresh_server, "acme")
    session.query("CREATE TEMP TABLE kept AS SELECT 7 a")
    answer = lake.post_query("CREATE TABLE iceberg.t AS SELECT 1 a")
    assert answer.json()["error"]["code"] == "failed_precondition"
    assert "sessions keep something in it" in answer.text and "temporary tables" in answer.text
    assert session.value("SELECT a FROM kept") == 7
    session.query("DROP TABLE temp.kept")
    lake.rows("CREATE TABLE iceberg.t AS SELECT 1 a")
    session.close()


def test_a_statement_waits_for_those_that_run(fresh_server, lake):
    """The worker is started again when what runs in it has ended; what comes meanwhile waits as well."""
    first = lake.rows("SELECT 1") and worker(fresh_server)
    slow = "SELECT count(*) FROM range(30000000) a, range(20) b WHERE (a.range * b.range) % 7 = 3"
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        running = pool.submit(lake.post_query, slow)
        until(lambda: any(info["state"] == "running" for info in lake.statements()), 10, "the slow statement")
        waiting = pool.submit(Client(fresh_server, "acme").post_query, "CREATE TABLE iceberg.t AS SELECT 1 a")
        until(lambda: len(lake.statements()) >= 2, 10, "the statement that waits")
        behind = pool.submit(Client(fresh_server, "acme").post_query, "SELECT 42")
        assert running.result(60).status_code == 200
        assert waiting.result(60).status_code == 200
        assert behind.result(60).json()["rows"] == [[42]]
    assert worker(fresh_server) != first


def test_every_append_of_many_writers_is_there_once(lake):
    lake.rows("CREATE TABLE iceberg.t AS SELECT -1 a")
    failed = side_by_side(lake, [f"INSERT INTO iceberg.t VALUES ({n})" for n in range(24)])
    assert failed == []
    assert lake.rows("SELECT count(*), count(DISTINCT a), max(a) FROM t") == [[25, 25, 23]]


def test_every_update_of_many_writers_counts_once(lake):
    """Each rewrites all rows: one that was planned on an older snapshot than it is committed on would double them."""
    lake.rows("CREATE TABLE iceberg.t AS SELECT range::INTEGER a FROM range(50)")
    texts = ["UPDATE iceberg.t SET a = a + 1000", "SELECT count(*) FROM t", "UPDATE t SET a = a + 1000",
             "UPDATE acme.iceberg.t SET a = a + 1000"] * 4
    assert side_by_side(lake, texts) == []
    assert lake.rows("SELECT count(*), min(a), max(a) FROM t") == [[50, 12000, 12049]]


def test_a_transaction_that_lost_says_so(fresh_server, lake):
    lake.rows("CREATE TABLE iceberg.t AS SELECT 1 a")
    session = Client(fresh_server, "acme")
    for first, last in (("SELECT count(*) FROM t", "DELETE FROM t"), ("INSERT INTO t VALUES (2)", "COMMIT"),
                        ("UPDATE t SET a = 5", "COMMIT")):
        session.query("BEGIN")
        session.query(first)
        lake.rows("UPDATE t SET a = a + 1")
        lake.rows("SELECT * FROM t")
        with pytest.raises(FAILS, match="changed by somebody else meanwhile"):
            session.query(last)
        session.query("BEGIN")
        session.query("ROLLBACK")
    assert lake.rows("SELECT * FROM t") == [[4]]
    session.close()


def test_all_slots_with_iceberg_and_four_more_waiting(lake):
    """Eight statements that need the catalog run, four wait: the catalog answers without a slot."""
    lake.rows("CREATE TABLE iceberg.t AS SELECT range a FROM range(100000)")
    texts = [f"CREATE TABLE iceberg.c{n} AS SELECT count(*) n FROM iceberg.t x JOIN iceberg.t y USING (a)"
             for n in range(12)]
    assert side_by_side(lake, texts) == []
    assert lake.rows("SELECT " + " + ".join(f"(SELECT n FROM c{n})" for n in range(12))) == [[1200000]]


def test_a_drain_waits_for_commits(fresh_server, lake):
    """SIGTERM while writers commit: what was acknowledged is there afterwards, and nothing else."""
    lake.rows("CREATE TABLE iceberg.t AS SELECT -1 a")
    stored, refused, stop = [], [], threading.Event()

    def write(number):
        client, count = Client(fresh_server, "acme"), 0
        while not stop.is_set():
            value = number * 1000000 + count
            try:
                answer = client.post_query(f"INSERT INTO iceberg.t VALUES ({value})")
            except OSError:
                break  # the server has gone: this one is not acknowledged
            (stored if answer.status_code == 200 else refused).append(value)
            count += 1
        client.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    until(lambda: len(stored) > 12, 60, "some appends")
    fresh_server.stop()
    stop.set()
    for thread in threads:
        thread.join(30)
    fresh_server.start()
    found = {row[0] for row in lake.rows("SELECT a FROM t")}
    assert set(stored) - found == set()
    assert set(refused) & found == set()


@pytest.mark.parametrize("who", ["worker", "front"])
def test_a_kill_leaves_the_old_table_or_the_new(fresh_server, lake, who):
    lake.rows("CREATE TABLE iceberg.t AS SELECT -1 a")
    stored, stop = [], threading.Event()

    def write(value):
        while not stop.is_set():
            client, value = Client(fresh_server, "acme"), value + 2
            try:
                if client.post_query(f"INSERT INTO iceberg.t VALUES ({value})").status_code == 200:
                    stored.append(value)
            except OSError:
                pass
            client.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for _ in range(4):
        had = len(stored)
        until(lambda: len(stored) > had + 2, 60, "some appends")
        if who == "worker":
            for pid in fresh_server.workers():
                os.kill(pid, signal.SIGKILL)
        else:
            fresh_server.kill()
            fresh_server.start()
    stop.set()
    for thread in threads:
        thread.join(60)
    rows = [row[0] for row in lake.rows("SELECT a FROM t WHERE a >= 0")]
    assert len(rows) == len(set(rows)) and set(stored) <= set(rows)


def test_a_cancelled_change_is_there_or_not(fresh_server, lake):
    lake.rows("CREATE TABLE iceberg.t AS SELECT range a FROM range(300000)")
    slow = "INSERT INTO iceberg.t SELECT x.a FROM iceberg.t x, range(40)"
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        running = pool.submit(lake.post_query, slow)
        other = Client(fresh_server, "acme")
        found = until(lambda: [i for i in other.statements() if i["state"] == "running" and "range(40)" in i["sql"]], 20)
        other.request("DELETE", f"/api/v1/statements/{found[0]['id']}", headers={"Content-Type": "application/json"})
        answer = running.result(60)
    rows = other.rows("SELECT count(*) FROM t")[0][0]
    assert rows == (12300000 if answer.status_code == 200 else 300000)
    other.close()

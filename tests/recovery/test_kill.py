"""kill -9 of the front or of a worker at random moments, while uploads by Flight and inserts by REST run. After every kill
each acknowledged upload is there whole, and nothing is there by half."""

import os
import random
import signal
import subprocess
import sys
import threading
import time

import pyarrow as pa
import pytest
import requests
from ledger import CHECK, ROWS, Ledger, upload_of
from lib.front import Front, StatementError
from lib.server import alive
from lib.wait import until

CYCLES = int(os.environ.get("EIDER_KILL_CYCLES", "100"))
SEED = int(os.environ.get("EIDER_SEED", str(random.SystemRandom().randrange(1 << 32))))
# So many kills go to one table: the check reads all of it.
GENERATION = 10
GONE = (pa.ArrowException, StatementError, requests.RequestException, OSError, AssertionError, KeyError)


class Load:
    """Two uploaders by Flight and one by REST, until stopped. An error means: not acknowledged, nothing more."""

    def __init__(self, front, ledger):
        self.front = front
        self.ledger = ledger
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(step,), daemon=True)
                        for step in (self.upload, self.upload, self.insert)]
        for thread in self.threads:
            thread.start()

    def run(self, step):
        while not self.over.is_set():
            try:
                step()
            except GONE:
                self.over.wait(0.02)

    def upload(self):
        number = self.ledger.begin(ROWS)
        answer = self.front.upload("uploads", upload_of(number), mode="append", batch_rows=1000, timeout=20)
        assert answer["rows"] == ROWS
        self.ledger.acknowledge(number)

    def insert(self):
        number = self.ledger.begin(50)
        self.front.query(f"insert into uploads select {number}, k, {number} || '-' || k from range(50) r(k)", timeout=20)
        self.ledger.acknowledge(number)

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join(40)
            assert not thread.is_alive(), "a client hangs"


def check(front, ledger):
    with ledger.lock:
        expected = dict(ledger.acknowledged)

    def rows():
        try:
            return front.query(CHECK) or True
        except GONE:
            return None

    # Answers only after the worker is back; the rows are those of one snapshot.
    found = until(rows, 30, "an answer after the kill")
    ledger.check([tuple(row) for row in found] if found is not True else [], expected)


class Killer:
    """Kills at random moments, and counts whom."""

    def __init__(self, front, choose):
        self.front = front
        self.choose = choose
        self.kills = {"front": 0, "worker": 0}

    def strike(self):
        workers = self.front.workers()
        if self.choose.random() < 0.5 or not workers:
            self.front.kill()
            until(lambda: not any(alive(pid) for pid in workers), 2, "the end of the workers after their front's")
            self.front.start()
            self.kills["front"] += 1
        else:
            os.kill(self.choose.choice(workers), signal.SIGKILL)
            self.kills["worker"] += 1


def kill_under_load(front, killer, cycles):
    """One table and its uploads; gives the number of those that were acknowledged."""
    front.query("create or replace table uploads(upload bigint, k bigint, v varchar)")
    ledger = Ledger()
    load = Load(front, ledger)
    try:
        for _ in range(cycles):
            before = len(ledger.acknowledged)
            until(lambda: len(ledger.acknowledged) > before, 30, "an upload")
            time.sleep(killer.choose.random() * 0.3)  # the random moment of the kill, not a wait for anything
            killer.strike()
            check(front, ledger)
    finally:
        load.stop()
    check(front, ledger)
    return len(ledger.acknowledged)


@pytest.mark.slow
@pytest.mark.timeout(0 if CYCLES > 100 else 300)
def test_acknowledged_uploads_survive_kills(tmp_path):
    print(f"EIDER_SEED={SEED}, {CYCLES} cycles")
    front = Front(tmp_path / "server").start()
    front.create_tenants("tenant_acme")
    killer = Killer(front, random.Random(SEED))
    acknowledged = 0
    for done in range(0, CYCLES, GENERATION):
        acknowledged += kill_under_load(front, killer, min(GENERATION, CYCLES - done))
    assert acknowledged >= CYCLES and (CYCLES < 20 or min(killer.kills.values()) > 0)
    print(f"{killer.kills}, {acknowledged} acknowledged uploads")
    front.stop()


# An upload whose first half arrives, and that never ends by itself.
HALF = """
import sys
import pyarrow as pa, pyarrow.flight as flight
client = flight.connect(sys.argv[1])
data = pa.table({"k": pa.array(range(100_000))})
writer, _ = client.do_put(flight.FlightDescriptor.for_path("tenant_acme", "default", "half"), data.schema)
writer.write_table(data, 10_000)
print("half", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("victim", ["front", "worker", "client"])
def test_half_an_upload_leaves_nothing(tmp_path, victim):
    front = Front(tmp_path / "server").start()
    front.create_tenants("tenant_acme")
    front.query("select 1")
    with subprocess.Popen([sys.executable, "-c", HALF, front.flight_url], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as client:
        assert client.stdout.readline() == "half\n"
        until(lambda: front.running_statements("tenant_acme"), 10, "the upload runs")
        if victim == "front":
            front.kill()
            front.start()
        elif victim == "worker":
            os.kill(front.workers()[0], signal.SIGKILL)
        client.kill()
    until(lambda: not front.running_statements("tenant_acme"), 10, "the end of the upload")

    def tables():
        try:
            return front.query("select count(*) from information_schema.tables where table_name = 'half'")
        except StatementError:
            return None

    assert until(tables, 15, "the tenant works again") == [[0]]
    front.stop()


def test_statements_of_a_killed_worker_fail_clearly(tmp_path):
    front = Front(tmp_path / "server").start()
    front.create_tenants("tenant_acme")
    front.query("create table t as select 42 as a")
    errors = []

    def long_statement():
        try:
            front.query("select count(*) from range(100000000000) r(i) where i % 3 = 5", timeout=60)
        except StatementError as error:
            errors.append(error)

    thread = threading.Thread(target=long_statement)
    thread.start()
    until(lambda: [s for s in front.running_statements("tenant_acme") if s["state"] == "running"], 10, "the statement runs")
    crashes = front.get("/health").json()["workers"]["crashes"]
    for pid in front.workers():
        os.kill(pid, signal.SIGKILL)
    thread.join(30)
    assert errors and errors[0].status in (500, 503) and "worker" in errors[0].text, errors
    assert front.query("select a from t") == [[42]]
    until(lambda: front.get("/health").json()["workers"]["crashes"] > crashes, 5, "/health counts the crash")
    front.stop()

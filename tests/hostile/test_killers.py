"""Statements that eat a machine, in one tenant with a short deadline, while another tenant goes on working."""

import contextlib
import statistics
import subprocess
import sys
import time

import pyarrow as pa
import pytest
from lib.front import Front, StatementError
from lib.server import memory
from lib.wait import until

DEADLINE_S = 1.5
KILLERS = {
    "a string of 3 GB": "select len(repeat('x',3000000000))",
    "a sort that cannot be interrupted": "select len(list_sort(list_transform(range(60000000), lambda x: hash(x))))",
    "logging to a file": "call enable_logging(storage='file', storage_config={'path':'/x'})",
    "a sum of 800 terms": "select " + "+".join(["1"] * 800),
    "100,000 brackets": "select " + "(" * 100_000 + "1" + ")" * 100_000,
}
MORE = {
    "a cross join": "select count(*) from range(10000000) a, range(10000000) b",
    "endless recursion": "with recursive r(n) as (select 1 union all select n + 1 from r) select max(n) from r",
    "a result without end": "select repeat('x', 1000) from range(1000000000)",
    "a list of a thousand million": "select len(range(1000000000))",
    "levenshtein": "select levenshtein(repeat('a', 60000), repeat('b', 60000))",
    "a product of lists": "select len(list_transform(range(100000), lambda x: list_sum(range(100000))))",
    "a regular expression": "select regexp_matches(repeat('a', 5000000), '(a*)*b')",
    "a big sort": "select hash(i) h, i from range(300000000) t(i) order by h limit 1 offset 200000000",
    "a text of 900 KB": "select '" + "x" * 900_000 + "' = '" + "y" * 100_000 + "'",
    "10,000 columns": "select " + ",".join(f"{i} as c{i}" for i in range(10_000)),
    "a hundred joins": "select count(*) from " + ",".join(f"range(2) t{i}" for i in range(100)),
    "nested subqueries": "select * from " + "(select * from " * 200 + "range(3)" + ")" * 200,
    "nested lists": "select " + "[" * 5000 + "1" + "]" * 5000,
    "nested case": "select " + "case when true then " * 3000 + "1" + " end" * 3000,
    "many NOTs": "select " + "not " * 20_000 + "true",
    "many UNIONs": " union all ".join(["select 1"] * 5000),
    "many ANDs": "select " + " and ".join(["1=1"] * 5000),
    "a long IN list": "select 1 where 1 in (" + ",".join(str(i) for i in range(100_000)) + ")",
    "JSON of depth 200,000": "select json_valid('" + "[" * 200_000 + "')",
    "a large statement": "select 1 -- " + "x" * (2 << 20),
}


@pytest.fixture(scope="module")
def front(tmp_path_factory):
    limits = {"worker.memory": 1 << 30, "query.kill_grace": 500}
    front = Front(tmp_path_factory.mktemp("killers"), limits=limits).start()
    front.create_tenants("tenant_acme", "tenant_beta")
    for tenant in ("tenant_acme", "tenant_beta"):
        front.query("create table t as select i, hash(i) as h from range(100000) r(i)", tenant)
    yield front
    front.stop()


def attack(front, sql):
    """Runs it with the deadline; the second at which the answer came."""
    begin = time.monotonic()
    try:
        front.fetch(sql, timeout=DEADLINE_S)
    except pa.ArrowException as error:
        assert "/work" not in str(error), error
    return begin, time.monotonic() - begin


def works_again(front):
    try:
        return front.query("select count(*) from t", timeout=5) == [[100_000]]
    except (StatementError, OSError):
        return False


def lapse(front, sql):
    """Seconds until the killer was answered, and until its tenant worked again."""
    begin, took = attack(front, sql)
    until(lambda: works_again(front), 20, "the tenant works again")
    return took, time.monotonic() - begin


@pytest.mark.slow
@pytest.mark.native
@pytest.mark.parametrize("name", [*KILLERS, *MORE])
def test_killer_ends_at_its_deadline(front, name):
    sql = (KILLERS | MORE)[name]
    took, over = lapse(front, sql)
    if took >= DEADLINE_S + 1.5 or over >= DEADLINE_S + 2:  # a shared machine pauses now and then, but not twice here
        took, over = lapse(front, sql)
    assert took < DEADLINE_S + 1.5, f"the answer took {took:.1f} s"
    assert over < DEADLINE_S + 2, f"the tenant works again after {over:.1f} s, its deadline was {DEADLINE_S} s"
    assert front.query("select count(*) from t", "tenant_beta") == [[100_000]]
    assert memory(front.pid) < 200 << 20


def p95(front, count):
    """Of a small aggregate of the other tenant, in seconds."""
    taken = []
    while len(taken) < count:
        begin = time.monotonic()
        assert front.query("select sum(h % 1000), count(*) from t where i % 7 = 3", "tenant_beta")[0][1] == 14286
        taken.append(time.monotonic() - begin)
    return statistics.quantiles(taken, n=20)[-1]


# In a process of its own, so that the two clients do not wait for each other's interpreter.
TORMENT = """
import sys
import pyarrow as pa, pyarrow.flight as flight
statements = sys.stdin.read().split(chr(0))
client = flight.connect(sys.argv[1])
options = flight.FlightCallOptions(timeout=float(sys.argv[2]), headers=[(b"eider-tenant", b"tenant_acme")])
print("begin", flush=True)
while True:
    for sql in statements:
        try:
            client.do_get(flight.Ticket(sql.encode()), options).read_all()
        except pa.ArrowException:
            pass
"""


@contextlib.contextmanager
def torment(front):
    command = [sys.executable, "-c", TORMENT, front.flight_url, str(DEADLINE_S)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        process.stdin.write("\0".join(KILLERS.values()))
        process.stdin.close()
        assert process.stdout.readline() == "begin\n"
        yield
        assert process.poll() is None, "the tormentor has ended"
        process.kill()


@pytest.mark.slow
@pytest.mark.native
@pytest.mark.timeout(240)
def test_other_tenant_keeps_its_p95(front):
    """Median of three runs; in each the five killers run one after the other as long as the other tenant is measured."""
    ratios = []
    for _ in range(3):
        p95(front, 50)
        calm = p95(front, 300)
        with torment(front):
            ratios.append(p95(front, 600) / calm)
    print(f"p95 under attack against p95 in peace: {[round(ratio, 2) for ratio in ratios]}")
    assert statistics.median(ratios) <= 2.0, f"p95 under attack against p95 in peace: {[round(r, 2) for r in ratios]}"

"""Random statements of users who want more than they may: nobody sees a row of a tenant that is not theirs, and no reader changes a byte.

EIDER_RANDOM_STATEMENTS says how many (100,000 when it is not set); EIDER_RANDOM_SEED which."""

import concurrent.futures
import hashlib
import http.client
import json
import multiprocessing
import os
import pathlib
import re

import pyarrow as pa
import pyarrow.flight as flight
import pytest

from lib import people
from lib.server import SANITIZED, Server
from random_sql import Generator

STATEMENTS = int(os.environ.get("EIDER_RANDOM_STATEMENTS", 3000 if SANITIZED else 100_000))
SEED = int(os.environ.get("EIDER_RANDOM_SEED", 1))
PROCESSES = 4
MARK = {"tenant_acme": "mark-of-acme-8f1c", "tenant_beta": "mark-of-beta-27ed"}
OTHER = {"tenant_acme": "tenant_beta", "tenant_beta": "tenant_acme"}


def by_rest(port, token, tenant, statements, forbidden):
    """Each statement on its own; the bytes of each answer are searched."""
    connection, seen, answered = http.client.HTTPConnection("127.0.0.1", port, timeout=120), [], 0
    for sql in statements:
        body = json.dumps({"sql": sql, "tenant": tenant, "timeout_s": 20})
        connection.request("POST", "/api/v1/query", body, {"Content-Type": "application/json", "Accept": "text/csv", "Authorization": token})
        try:
            answer = connection.getresponse()
            text = answer.read()
            answered += answer.status == 200
        except (http.client.RemoteDisconnected, http.client.IncompleteRead) as broken:
            text = getattr(broken, "partial", b"")  # an error after the first rows breaks the answer off
            connection.close()
        if forbidden.encode() in text:
            seen.append(sql)
    connection.close()
    return answered, seen


def serialized(table):
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def by_flight(port, token, tenant, statements, forbidden):
    """All in one session, so that transactions, temporary tables and settings of one meet the next."""
    client, seen, answered = flight.connect(f"grpc://127.0.0.1:{port}"), [], 0
    options = flight.FlightCallOptions(timeout=60, headers=[(b"authorization", token.encode()), (b"eider-tenant", tenant.encode())])
    for sql in statements:
        try:
            text = serialized(client.do_get(flight.Ticket(sql.encode()), options).read_all())
            answered += 1
        except (pa.ArrowException, flight.FlightError) as error:
            text = str(error).encode()
        if forbidden.encode() in text:
            seen.append(sql)
    client.close()
    return answered, seen


def attack(arguments):
    way, port, token, tenant, data, seed, count, forbidden = arguments
    generator = Generator(seed, data)
    statements = [text.replace("\x00", "") if way is by_flight else text for text in (generator.statement() for _ in range(count))]
    # A text that names the mark would find it in its own error.
    return way(port, token, tenant, [text for text in statements if forbidden not in text], forbidden)


def populate(root):
    for tenant, mark in MARK.items():
        assert root.request("POST", "/api/v1/tenants", {"id": tenant}).status_code == 201
        for sql in (f"CREATE TABLE secrets AS SELECT i AS id, '{mark}-' || i AS mark, i * 1.5 AS amount FROM range(200) r(i)",
                    "CREATE TABLE orders AS SELECT * FROM secrets", "CREATE VIEW v AS SELECT * FROM orders",
                    "CREATE SCHEMA s", f"CREATE TABLE s.t AS SELECT '{mark}' AS mark, 1 AS id", "CREATE MACRO twice(x) AS 2 * x"):
            answer = root.query(sql, tenant)
            assert answer.status_code == 200, answer.text


def digest(server, tenant):
    directory = server.data / "tenants" / tenant
    files = sorted(path for path in directory.rglob("*") if path.is_file() and path.name != "lock")
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def run(jobs):
    # Not forked: what other tests left in this process (drivers with threads of their own) does not survive that.
    with concurrent.futures.ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")) as pool:
        results = list(pool.map(attack, jobs))
    leaks = [sql for _, seen in results for sql in seen]
    assert not leaks, f"{len(leaks)} statements showed another tenant's rows, the first: {leaks[0]!r}"
    return sum(answered for answered, _ in results)


@pytest.fixture
def server(tmp_path):
    server = Server(tmp_path, config="limits: {query.timeout: 20s, query.max_running: 16}\nlog_level: warn\n").start()
    yield server
    if server.running:
        server.stop()


def jobs_of(server, people_by_tenant, count, seed):
    """count statements, in pieces for the processes: nine in ten by REST, the rest in sessions."""
    jobs = []
    for number in range(PROCESSES * 2):
        tenant = list(people_by_tenant)[number % len(people_by_tenant)]
        person = people_by_tenant[tenant]
        for way, share in ((by_rest, 0.8), (by_flight, 0.2)):
            jobs.append((way, server.port, person.headers["Authorization"], tenant, str(server.data), seed * 1000 + len(jobs),
                         int(count * share / (PROCESSES * 2)), MARK[OTHER[tenant]]))
    return jobs


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_readers_change_no_byte_and_see_no_other_tenant(server):
    root = people.administrator(server)
    populate(root)
    readers = {tenant: people.user(root, f"reader_{tenant}", **{tenant: "reader"}) for tenant in MARK}
    server.stop()
    before = {tenant: digest(server, tenant) for tenant in MARK}
    server.start()
    answered = run(jobs_of(server, readers, STATEMENTS // 2, SEED))
    assert answered > STATEMENTS // 100, "the statements are refused alike: they try nothing"
    server.stop()
    assert {tenant: digest(server, tenant) for tenant in MARK} == before


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_owners_stay_in_their_tenant(server):
    root = people.administrator(server)
    populate(root)
    # One stays quiet: whatever the other does, nothing of it may change here.
    owner = people.user(root, "owner_acme", tenant_acme="owner")
    server.stop()
    before = digest(server, "tenant_beta")
    server.start()
    answered = run(jobs_of(server, {"tenant_acme": owner}, STATEMENTS // 2, SEED + 1))
    assert answered > STATEMENTS // 100, "the statements are refused alike: they try nothing"
    server.stop()
    assert digest(server, "tenant_beta") == before
    files = {path.name for path in pathlib.Path(server.data).rglob("*") if path.is_file()}
    strange = {name for name in files if not re.fullmatch(r"(tenant_\w+\.duckdb(\.wal)?|eider\.(db|lock|addr)(-wal|-shm)?|lock|tls\..*)", name)}
    assert not strange, f"files that nobody knows: {strange}"

"""What does Flight SQL cost: ADBC beside plain Flight, prepared point lookups beside arrow-go's example server, metadata?"""

import concurrent.futures
import contextlib
import pathlib
import random
import subprocess
import tempfile
import threading
import time

import adbc_driver_flightsql.dbapi as dbapi
import adbc_driver_manager
import pyarrow as pa
import pyarrow.flight as flight

import measure
import peers
import tpch

# The peer for lookups: a Flight SQL server in Go over SQLite, arrow-go's example. Kept by the Go module proxy.
SQLITE_SERVER = "github.com/apache/arrow-go/v18/arrow/flight/flightsql/example/cmd/sqlite_flightsql_server@v18.8.0"
LOOKUPS = 2000
KEYS = 10_000
CONNECTIONS = 64
TABLES = 2000
LINEITEM = "select * from tenant_bench.default.lineitem"


def connect(port):
    return dbapi.connect(
        f"grpc://127.0.0.1:{port}",
        db_kwargs={"adbc.flight.sql.client_option.with_max_msg_size": str(1 << 30)},
        autocommit=True,
    )


def sqlite_server():
    """Path of the peer's program, built once."""
    program = measure.CACHE / "sqlite_flightsql_server"
    if not program.exists():
        subprocess.run(["go", "install", SQLITE_SERVER], check=True, env={**measure.os.environ, "GOBIN": str(measure.CACHE)})
    return program


@contextlib.contextmanager
def sqlite():
    port = measure.free_port()
    command = [sqlite_server(), "-host", "127.0.0.1", "-port", port]
    with measure.Server(command, measure.port_open(port)) as server:
        yield server.pid, port


def fetch(connection, sql):
    def run():
        with connection.cursor() as cursor:
            cursor.execute(sql)
            table = cursor.fetch_arrow_table()
        return {"rows": table.num_rows, "bytes": table.nbytes}

    return run


def answer(results):
    return {"results": results, "ratio": measure.ratio(results)}


def transfer(count):
    """The driver's way beside the plain call, both against eider: a ratio of 1 is the aim."""
    with peers.eider() as (pid, client, port), connect(port) as connection:
        sides = [
            measure.Side("eider", fetch(connection, LINEITEM), pid),
            measure.Side("plain", lambda: {"rows": client.do_get(flight.Ticket(LINEITEM.encode())).read_all().num_rows}, pid),
        ]
        yield "adbc_fetch", answer(measure.rounds(sides, count))
        table = client.do_get(flight.Ticket(LINEITEM.encode())).read_all()

        def ingest():
            with connection.cursor() as cursor:
                cursor.adbc_ingest("ingested", table, mode="replace")
            return {"rows": table.num_rows, "bytes": table.nbytes}

        def put():
            options = flight.FlightCallOptions(headers=[(b"eider-mode", b"replace"), (b"eider-target", b"duckdb")])
            writer, _ = client.do_put(flight.FlightDescriptor.for_path("put"), table.schema, options)
            writer.write_table(table, 1 << 16)
            writer.close()
            return {"rows": table.num_rows, "bytes": table.nbytes}

        yield "adbc_ingest", answer(measure.rounds([measure.Side("eider", ingest, pid), measure.Side("plain", put, pid)], min(count, 3)))


def prepare(connection):
    """A table to look keys up in."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE lookups (id INTEGER PRIMARY KEY, name VARCHAR)")
        rows = ",".join(f"({key}, 'name {key}')" for key in range(KEYS))
        cursor.execute(f"INSERT INTO lookups VALUES {rows}")
    return connection


def keys(number):
    return [pa.record_batch([pa.array([key % KEYS])], ["1"]) for key in range(number)]


@contextlib.contextmanager
def prepared(connection):
    """Below the cursor, which costs more than a lookup."""
    with contextlib.closing(adbc_driver_manager.AdbcStatement(connection.adbc_connection)) as statement:
        statement.set_sql_query("SELECT id, name FROM lookups WHERE id = ?")
        statement.prepare()
        yield statement


def look_up(statement, key):
    start = time.perf_counter()
    statement.bind(key)
    found = pa.RecordBatchReader.from_stream(statement.execute_query()[0]).read_all()
    assert found.num_rows == 1
    return time.perf_counter() - start


def lookups(connection):
    """A statement prepared once and executed with one key after the other."""
    batches = keys(LOOKUPS)

    def run():
        with prepared(connection) as statement:
            for key in batches:
                look_up(statement, key)
        return {"operations": LOOKUPS}

    return run


def percentile(times, share):
    return sorted(times)[min(len(times) - 1, int(len(times) * share))]


def together(connections, number, pause_s):
    """Seconds of all lookups when each connection asks `number` times, waiting about pause_s before each question."""
    times = []
    ready = threading.Barrier(len(connections))

    def ask(connection):
        with prepared(connection) as statement:
            ready.wait()
            for key in keys(number):
                time.sleep(random.uniform(0, 2 * pause_s))
                times.append(look_up(statement, key))

    with concurrent.futures.ThreadPoolExecutor(len(connections)) as pool:
        for job in [pool.submit(ask, connection) for connection in connections]:
            job.result()
    return times


def many(port):
    """p99 of 64 connections beside p50 of one: paced, so that together they ask half as often as one alone can, and all at
    once. The second is bound by the client: it shares the machine, and on n processors the wait is 64 / n lookups."""
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(connect(port)) for _ in range(CONNECTIONS)]
        alone = percentile(together(connections[:1], 500, 0), 0.5)
        paced = percentile(together(connections, 20, 2 * CONNECTIONS * alone), 0.99)
        at_once = percentile(together(connections, 20, 0), 0.99)
    return {
        "one_p50_ms": round(alone * 1e3, 3),
        "paced_p99_ms": round(paced * 1e3, 3),
        "paced_p99_to_p50": round(paced / alone, 1),
        "at_once_p99_ms": round(at_once * 1e3, 3),
        "at_once_p99_to_p50": round(at_once / alone, 1),
    }


def points(count):
    with tempfile.TemporaryDirectory(dir=measure.CACHE) as data, sqlite() as (peer, peer_port):
        port = measure.free_port()
        with measure.eider(pathlib.Path(data), port) as server:
            measure.create_tenant(port, tpch.TENANT)
            with prepare(connect(port)) as ours, prepare(connect(peer_port)) as theirs:
                sides = [measure.Side("eider", lookups(ours), server.pid), measure.Side("go_sqlite", lookups(theirs), peer)]
                yield "lookups", answer(measure.rounds(sides, count))
            yield "lookups_64_connections", many(port)
            yield "lookups_64_connections_go_sqlite", many(peer_port)


def metadata():
    with tempfile.TemporaryDirectory(dir=measure.CACHE) as data:
        port = measure.free_port()
        with measure.eider(pathlib.Path(data), port):
            measure.create_tenant(port, tpch.TENANT)
            with connect(port) as connection, connection.cursor() as cursor:
                text = ";".join(f"CREATE TABLE t{i} (id BIGINT, name VARCHAR, price DECIMAL(18,2), changed TIMESTAMP)" for i in range(TABLES))
                cursor.execute(text)
            client = flight.connect(f"grpc://127.0.0.1:{port}")
            # Any{CommandGetTables{include_schema: true}}
            name = b"type.googleapis.com/arrow.flight.protocol.sql.CommandGetTables"
            command = b"\n" + bytes([len(name)]) + name + b"\x12\x02\x28\x01"
            times = []
            for _ in range(10):
                start = time.perf_counter()
                info = client.get_flight_info(flight.FlightDescriptor.for_command(command))
                table = client.do_get(info.endpoints[0].ticket).read_all()
                times.append(time.perf_counter() - start)
            assert table.num_rows == TABLES and pa.types.is_binary(table.schema.field("table_schema").type)
            return {"tables": TABLES, "best_ms": round(min(times) * 1e3, 1), "median_ms": round(sorted(times)[5] * 1e3, 1)}


def run(count):
    return {**dict(transfer(count)), **dict(points(count)), "get_tables_2000": metadata()}

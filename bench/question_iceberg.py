"""The catalog beside Iceberg's reference server (requests, commits, memory), and Iceberg tables beside DuckDB on Parquet."""

import concurrent.futures
import contextlib
import http.client
import json
import os
import pathlib
import subprocess
import tempfile
import urllib.request
import uuid

import duckdb
import pyarrow.flight as flight
from pyiceberg.catalog.rest import RestCatalog

import measure
import peers
import tpch

CLIENTS = 16
SECONDS = float(os.environ.get("BENCH_SECONDS", "8"))
WARM = float(os.environ.get("BENCH_WARM", "30"))
SNAPSHOTS = 100
TABLES = 10_000
JARS = measure.ROOT / "deps" / "suites" / "rck"


def load(*words):
    """What the load program (Go) counted. Built once."""
    program = measure.CACHE / "load"
    source = measure.ROOT / "bench" / "load"
    if not program.exists() or program.stat().st_mtime < (source / "main.go").stat().st_mtime:
        subprocess.run(["go", "build", "-o", program, "."], cwd=source, check=True)
    answer = subprocess.run([program, *map(str, words)], capture_output=True, text=True)
    if answer.returncode:
        raise RuntimeError(answer.stderr)
    return json.loads(answer.stdout)


class Catalog:
    """A catalog under load: its process, the address of its namespaces, and a table with snapshots."""

    def __init__(self, name, pid, uri, prefix, **properties):
        self.name, self.pid = name, pid
        self.base = f"{uri}/v1/{prefix}namespaces/bench"
        self.config = f"{uri}/v1/config"
        if properties:
            self.config += f"?warehouse={properties['warehouse']}"
        self.client = RestCatalog("bench", uri=uri, **properties)
        self.client.create_namespace("bench")

    def table(self, name):
        return f"{self.base}/tables/{name}"

    def create(self, name):
        """A table with one appended row; the location of its manifest list."""
        rows = duckdb.sql("SELECT 1::BIGINT AS id, 'one' AS name").to_arrow_table()
        table = self.client.create_table(f"bench.{name}", rows.schema)
        table.append(rows)
        return table.current_snapshot().manifest_list

    def prepare(self):
        self.manifests = self.create("many")
        done = 1
        while done < SNAPSHOTS:
            done += load("commit", 1, 0.2, self.manifests, self.table("many"))["operations"]
        self.lists = [self.create(f"one{number}") for number in range(CLIENTS)]
        self.create("contended")

    def etag(self, name):
        with urllib.request.urlopen(self.table(name)) as answer:
            return answer.headers["etag"]


@contextlib.contextmanager
def reference():
    with tempfile.TemporaryDirectory(dir=measure.CACHE) as data:
        port = measure.free_port()
        environment = {
            "CATALOG_WAREHOUSE": f"file://{data}/warehouse",
            "CATALOG_URI": f"jdbc:sqlite:{data}/catalog.db",
            "CATALOG_REST_PORT": str(port),
        }
        command = ["java", "-cp", f"{JARS}/*", "org.apache.iceberg.rest.RESTCatalogServer"]
        with measure.Server(command, measure.port_open(port), environment) as server:
            yield Catalog("reference", server.pid, f"http://127.0.0.1:{port}", "")


@contextlib.contextmanager
def ours():
    with tempfile.TemporaryDirectory(dir=measure.CACHE) as data:
        port = measure.free_port()
        with measure.eider(pathlib.Path(data), port) as server:
            measure.create_tenant(port, tpch.TENANT)
            uri = f"http://127.0.0.1:{port}/iceberg"
            yield Catalog("eider", server.pid, uri, f"{tpch.TENANT}/", warehouse=tpch.TENANT)


def compare(sides, words, count):
    """The same load on both in turn; the best rounds."""
    rows = {side.name: [] for side in sides}
    cpu = {side.name: [] for side in sides}
    for _ in range(count):
        for side in sides:
            before = measure.cpu_seconds(side.pid)
            rows[side.name].append(load(*words(side)))
            cpu[side.name].append(measure.cpu_seconds(side.pid) - before)
    results = []
    for side in sides:
        best = max(rows[side.name], key=lambda row: row["per_s"])
        rates = sorted(row["per_s"] for row in rows[side.name])
        results.append({
            "side": side.name, "operations_per_s": round(best["per_s"]), "median_per_s": round(rates[len(rates) // 2]),
            "p50_ms": round(best["p50_ms"], 2), "p99_ms": round(best["p99_ms"], 2), "conflicts": best["conflicts"],
            "bytes_per_s": round(best["bytes"] / best["seconds"]), "server_cpu_s": round(min(cpu[side.name]), 2),
            "server_peak_mib": round(measure.peak_mib(side.pid), 1),
        })
    mine, theirs = results
    ratio = {key: round(mine[column] / max(theirs[column], 1), 2) for key, column in (("best", "operations_per_s"), ("median", "median_per_s"))}
    return {"results": results, "ratio": {"reference": ratio}}


def requests(count):
    with ours() as eider, reference() as peer:
        sides = [eider, peer]
        for side in sides:
            side.prepare()
        load("get", peer.table("many"), CLIENTS, WARM)
        count = min(count, 3)
        yield "iceberg_load_table", compare(sides, lambda side: ("get", side.table("many"), CLIENTS, SECONDS), count)
        yield "iceberg_config", compare(sides, lambda side: ("get", side.config, CLIENTS, SECONDS), count)
        yield "iceberg_not_modified", compare(sides, lambda side: ("get", side.table("many"), CLIENTS, SECONDS, side.etag("many")), count)
        # One list serves all: a snapshot's manifests may lie anywhere in the warehouse.
        separate = [[side.table(f"one{number}") for number in range(CLIENTS)] for side in sides]
        yield "iceberg_commits_separate", compare(
            sides, lambda side: ("commit", CLIENTS, SECONDS, side.lists[0], *separate[sides.index(side)]), count
        )
        yield "iceberg_commits_one_table", compare(
            sides, lambda side: ("commit", CLIENTS, SECONDS, side.manifests, side.table("contended")), count
        )


def memory():
    """Ten thousand tables, made by eight connections."""
    with tempfile.TemporaryDirectory(dir=measure.CACHE) as data:
        port = measure.free_port()
        with measure.eider(pathlib.Path(data), port) as server:
            measure.create_tenant(port, tpch.TENANT)
            empty = measure.pss_mib(server.pid)
            Catalog("eider", server.pid, f"http://127.0.0.1:{port}/iceberg", f"{tpch.TENANT}/", warehouse=tpch.TENANT)
            fields = [{"id": n + 1, "name": f"column_{n}", "type": "string", "required": False} for n in range(10)]

            def create(numbers):
                connection = http.client.HTTPConnection("127.0.0.1", port)
                for number in numbers:
                    body = {"name": f"t{number}", "schema": {"type": "struct", "fields": fields}}
                    path = f"/iceberg/v1/{tpch.TENANT}/namespaces/bench/tables"
                    connection.request("POST", path, json.dumps(body), {"content-type": "application/json"})
                    answer = connection.getresponse()
                    text = answer.read()
                    if answer.status != 200:
                        raise RuntimeError(text)

            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                list(pool.map(create, [range(start, TABLES, 8) for start in range(8)]))
            made = measure.pss_mib(server.pid)
        with measure.eider(pathlib.Path(data), port) as server:
            started = server.ready_s
            again = measure.pss_mib(server.pid)
    return {
        "tables": TABLES, "empty_pss_mib": round(empty, 1), "after_making_pss_mib": round(made, 1),
        "after_restart_pss_mib": round(again, 1), "start_ms": round(started * 1000, 1),
    }


def ingest(client, table, name=None):
    """Into a new table each time, unless it is named."""

    def run():
        name_now = name or f"l{uuid.uuid4().hex[:8]}"
        headers = [(b"eider-target", b"iceberg"), (b"eider-mode", b"create")]
        options = flight.FlightCallOptions(headers=headers)
        writer, reader = client.do_put(flight.FlightDescriptor.for_path(name_now), table.schema, options)
        with writer:
            writer.write_table(table, max_chunksize=122_880)
            writer.done_writing()
            reader.read()
        return {"rows": table.num_rows, "bytes": table.nbytes}

    return run


def copy(table):
    """In process: the same Arrow table to one Parquet file."""
    connection = duckdb.connect()
    connection.register("lineitem", table)
    path = measure.CACHE / "copy.parquet"

    def run():
        connection.execute(f"COPY lineitem TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
        path.unlink()
        return {"rows": table.num_rows, "bytes": table.nbytes}

    return run


def scan(files):
    connection = duckdb.connect()

    def run():
        found = connection.execute(f"SELECT * FROM read_parquet({[str(file) for file in files]})").to_arrow_table()
        return {"rows": found.num_rows, "bytes": found.nbytes}

    return run


def ratio_of(results):
    return {"results": results, "ratio": measure.ratio(results)}


def transfer(count):
    table = tpch.duckdb.connect(str(tpch.file()), read_only=True).execute('FROM "default".lineitem').to_arrow_table()
    with tempfile.TemporaryDirectory(dir=measure.CACHE) as data:
        port = measure.free_port()
        with measure.eider(pathlib.Path(data), port) as server:
            measure.create_tenant(port, tpch.TENANT)
            client = flight.connect(f"grpc://127.0.0.1:{port}")
            sides = [measure.Side("eider", ingest(client, table), server.pid), measure.Side("copy", copy(table))]
            yield "iceberg_ingest_lineitem", ratio_of(measure.rounds(sides, min(count, 3)))
            ingest(client, table, "lineitem")()
            files = sorted(pathlib.Path(data).glob("warehouse/*/iceberg/lineitem-*/data/**/*.parquet"))
            sides = [
                measure.Side("eider", peers.get(client, "SELECT * FROM iceberg.lineitem"), server.pid),
                measure.Side("in_process", scan(files)),
            ]
            yield "iceberg_scan_lineitem", ratio_of(measure.rounds(sides, count))


def run(count):
    return {**dict(requests(count)), "iceberg_memory": memory(), **dict(transfer(count))}

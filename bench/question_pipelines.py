"""Pipelines beside Dagster and dbt-duckdb: from the command to its end, what an asset costs, start, idle memory, logs."""

import contextlib
import http.client
import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import measure

sys.path.insert(0, str(measure.ROOT / "tests"))
from lib.pipelines import chain, generated  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
DAGSTER = measure.CACHE / "dagster" / "bin"
DBT = measure.ROOT / "deps" / "dbt" / "bin" / "dbt"
TENANT = "tenant_bench"
ASSETS = 1000
CHAIN = 200
LINES = 1_000_000
# The file's columns are said, so that DuckDB's sniffer, which takes 50 ms on both sides, is not what is measured.
COLUMNS = "{'id': 'BIGINT', 'customer': 'VARCHAR', 'region': 'VARCHAR', 'amount': 'DOUBLE', 'ordered': 'DATE'}"
STEPS = {
    "orders": f"SELECT * FROM read_csv('data/source/orders.csv', auto_detect = false, header = true, columns = {COLUMNS})",
    "sales": "SELECT region, customer, count(*) AS orders, sum(amount) AS amount FROM orders GROUP BY ALL",
    "regions": "SELECT region, sum(orders)::BIGINT AS orders, round(sum(amount), 2) AS amount FROM sales GROUP BY region ORDER BY region",
}


def project(root, files, settings=""):
    for name in ("pipelines", "data/source", "data/final"):
        (root / name).mkdir(parents=True, exist_ok=True)
    for name, text in {"eider.yaml": f"tenant: {TENANT}\n{settings}", **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def three_steps(root):
    """CSV in, three tables, CSV out; the statements also as files of their own, for the peer."""
    places = random.Random(1)
    rows = [f"{n},c{places.randrange(500)},r{places.randrange(12)},{places.random() * 100:.2f},2026-11-{1 + n % 28:02d}" for n in range(1_000)]
    export = {"regions": "/* eider\nexport: data/final/regions.csv\n*/\n"}
    files = {f"pipelines/{name}.sql": export.get(name, "") + sql + "\n" for name, sql in STEPS.items()}
    files |= {f"sql/{name}.sql": sql for name, sql in STEPS.items()}
    files["data/source/orders.csv"] = "id,customer,region,amount,ordered\n" + "\n".join(rows) + "\n"
    return project(root, files)


@contextlib.contextmanager
def directory():
    with tempfile.TemporaryDirectory(dir=measure.CACHE) as path:
        yield pathlib.Path(path)


@contextlib.contextmanager
def served(root):
    """`eider serve` of a project, in its directory."""
    port = measure.free_port()
    config = root / "eider.yaml"
    environment = {"EIDER_CONFIG": str(config), "EIDER_DATA": str(root / "db")}

    def ready():
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=0.2) as answer:
                return answer.status == 200
        except OSError:
            return False

    with measure.Server([measure.EIDER, "serve", "--listen", f"127.0.0.1:{port}"], ready, environment) as server:
        server.port = port
        yield server


def call(port, method, path, body=None):
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v1/pipelines{path}", data, {"content-type": "application/json"}, method=method
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"{method} {path}: {error.read().decode()}") from None


def ended(port, run):
    while True:
        found = call(port, "GET", f"/runs/{run}")
        found = found.get("run", found)
        if found["state"] in ("done", "failed", "cancelled", "interrupted"):
            if found["state"] != "done":
                raise RuntimeError(found)
            return found
        time.sleep(0.005)


def timed(command, cwd, environment=None):
    started = time.perf_counter()
    done = subprocess.run(command, cwd=cwd, env={**os.environ, **(environment or {})}, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{command}: {done.stdout[-2000:]} {done.stderr[-2000:]}")
    return time.perf_counter() - started


def dagster_environment(root, links=0):
    home = root / "dagster"
    home.mkdir(exist_ok=True)
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    return {
        "DAGSTER_HOME": str(home), "BENCH_DATABASE": str(root / "peer.duckdb"), "BENCH_CHAIN": str(links),
        "BENCH_SQL": str(root / "sql"), "BENCH_TIMES": str(root / "times"), "PATH": f"{DAGSTER}:{os.environ['PATH']}",
    }


def dagster_job(root, links=0):
    command = [DAGSTER / "dagster", "job", "execute", "-f", HERE / "peer_dagster.py", "-j", "all_assets"]
    return timed(command, root, dagster_environment(root, links))


def ratio(mine, theirs):
    return {"best": round(min(theirs) / min(mine), 2), "median": round(statistics.median(theirs) / statistics.median(mine), 2)}


def command_to_end(count):
    """Both from nothing each time: no server runs, no table is there."""
    mine, theirs = [], []
    for _ in range(count):
        with directory() as root:
            three_steps(root)
            mine.append(timed([measure.EIDER, "run"], root))
            result = (root / "data/final/regions.csv").read_text()
            if len(theirs) < 3:
                theirs.append(dagster_job(root))
                if result.replace("\r\n", "\n") != (root / "data/final/regions.csv").read_text():
                    raise RuntimeError("the two results differ")
    results = [{"side": side, "best_s": round(min(times), 3), "median_s": round(statistics.median(times), 3)} for side, times in (("eider", mine), ("dagster", theirs))]
    return {"results": results, "ratio": {"dagster": ratio(mine, theirs)}}


def beside(count):
    """As many views that read one."""
    head = "/* eider\nmaterialize: view\n*/\n"
    files = {f"pipelines/c_{n:04d}.sql": f"{head}SELECT x + {n} AS x FROM c_0000\n" for n in range(1, count)}
    return files | {"pipelines/c_0000.sql": f"{head}SELECT 1 AS x\n"}


def eider_assets(files, count):
    """Milliseconds per asset, from the run's start to its end."""
    times = []
    with directory() as root:
        project(root, files)
        with served(root) as server:
            for _ in range(count):
                run = call(server.port, "POST", "/runs", {"full_refresh": True})["id"]
                ended(server.port, run)
            for run in call(server.port, "GET", "/runs")["runs"]:
                times.append(run["run_us"] / 1000 / CHAIN)
    return times


def dagster_chain():
    """From the first asset's end to the last's, by what they note themselves: starting Dagster is not counted."""
    with directory() as root:
        dagster_job(root, CHAIN)
        times = [float(line) for line in (root / "times").read_text().split()]
    return [(times[-1] - times[0]) * 1000 / (len(times) - 1)]


def dbt_assets(files, count):
    """By its own account (elapsed_time of run_results.json), which leaves out Python's start and the parsing."""
    times = []
    with directory() as root:
        (root / "models").mkdir()
        for name, text in files.items():
            sql = text.split("*/\n")[1]
            if "FROM" in sql:
                head, table = sql.rsplit(" ", 1)
                sql = f"{head} {{{{ ref('{table.strip()}') }}}}"
            (root / "models" / pathlib.Path(name).name).write_text(sql)
        (root / "dbt_project.yml").write_text("name: bench\nversion: '1.0.0'\nprofile: bench\nmodels: {+materialized: view}\nflags: {send_anonymous_usage_stats: false}\n")
        (root / "profiles.yml").write_text("bench: {target: dev, outputs: {dev: {type: duckdb, path: bench.duckdb, threads: 4}}}\n")
        for _ in range(count):
            timed([DBT, "run", "--quiet", "--profiles-dir", "."], root)
            elapsed = json.loads((root / "target/run_results.json").read_text())["elapsed_time"]
            times.append(elapsed * 1000 / CHAIN)
    return times


def overhead(count):
    tables, dagster = eider_assets(chain(CHAIN), count), dagster_chain()
    nested, flat = chain(CHAIN, "view"), beside(CHAIN)
    views, dbt = eider_assets(flat, count), dbt_assets(flat, min(count, 3))
    deep, dbt_deep = eider_assets(nested, count), dbt_assets(nested, min(count, 3))
    sides = (
        ("eider, chain of tables", tables), ("dagster, chain of tables", dagster), ("eider, views of one", views),
        ("dbt, views of one", dbt), ("eider, chain of views", deep), ("dbt, chain of views", dbt_deep),
    )
    results = [{"side": side, "best_ms": round(min(times), 2), "median_ms": round(statistics.median(times), 2)} for side, times in sides]
    return {"results": results, "ratio": {"dagster": ratio(tables, dagster), "dbt": ratio(views, dbt), "dbt, in a chain": ratio(deep, dbt_deep)}}


def start(count):
    """With a thousand assets: until the server is ready, and until it has told their graph."""
    ready, graph = [], []
    with directory() as root:
        project(root, generated(ASSETS))
        for _ in range(count + 1):
            with served(root) as server:
                ready.append(server.ready_s * 1000)
                nodes = call(server.port, "GET", "/graph")["nodes"]
                graph.append((time.perf_counter() - server.started) * 1000)
                if len(nodes) != ASSETS:
                    raise RuntimeError(f"{len(nodes)} assets")
    return {"assets": ASSETS, "ready_ms": round(min(ready[1:]), 1), "graph_ms": round(min(graph[1:]), 1), "first_graph_ms": round(graph[0], 1)}


def pss(pids):
    return sum(measure.pss_mib(child) for pid in pids for child in measure.children(pid))


def idle():
    """Schedules on, nothing runs: eider's front against Dagster's web server and daemon with all they start."""
    with directory() as root:
        three_steps(root)
        (root / "eider.yaml").write_text(f"tenant: {TENANT}\nschedules: {{every_five: {{cron: '*/5 * * * *'}}}}\n")
        with served(root) as server:
            time.sleep(5)
            front, mine = measure.pss_mib(server.pid), pss([server.pid])
        environment = dagster_environment(root)
        port = measure.free_port()
        peer = ["-f", HERE / "peer_dagster.py"]
        web = [DAGSTER / "dagster-webserver", *peer, "-p", port, "-h", "127.0.0.1"]
        with measure.Server(web, measure.port_open(port), environment) as web, measure.Server([DAGSTER / "dagster-daemon", "run", *peer], lambda: True, environment) as daemon:
            ready = web.ready_s
            time.sleep(30)
            theirs = pss([web.pid, daemon.pid])
    return {
        "eider_front_pss_mib": round(front, 1), "eider_with_worker_pss_mib": round(mine, 1), "dagster_pss_mib": round(theirs, 1),
        "front_part": f"1/{theirs / front:.0f}", "with_worker_part": f"1/{theirs / mine:.0f}", "dagster_ready_s": round(ready, 1),
    }


TALKER = """
import sys, time
for n in range(500):
    print(f"at {time.time_ns()}", flush=True)
    time.sleep(0.01)
"""
FLOOD = f"""
import sys
out = sys.stdout
for n in range({LINES}):
    out.write(f"line {{n}} of a run that has much to say, needle-{{n}}\\n")
"""


def command_asset(script):
    return f"command: ['python3', 'scripts/{script}']\n"


def stream(port, path):
    """Lines of a stream of events, as they come."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", f"/api/v1/pipelines{path}", headers={"accept": "text/event-stream"})
    answer = connection.getresponse()
    while line := answer.readline():
        yield time.time_ns(), line.decode()


def pages(port, run, query, count=50):
    times = []
    connection = http.client.HTTPConnection("127.0.0.1", port)
    for _ in range(count):
        started = time.perf_counter()
        connection.request("GET", f"/api/v1/pipelines/runs/{run}/logs?{query}")
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise RuntimeError(text)
        times.append((time.perf_counter() - started) * 1000)
    return {"best_ms": round(min(times), 2), "median_ms": round(statistics.median(times), 2), "lines": len(json.loads(text)["lines"])}


def logs():
    files = {
        "pipelines/talker.yaml": command_asset("talker.py"), "scripts/talker.py": TALKER,
        "pipelines/flood.yaml": command_asset("flood.py"), "scripts/flood.py": FLOOD,
    }
    with directory() as root:
        project(root, files, "commands: true\n")
        with served(root) as server:
            run = call(server.port, "POST", "/runs", {"select": ["talker"]})["id"]
            late = []
            for now, line in stream(server.port, f"/runs/{run}/logs"):
                if line.startswith("data:") and '"at ' in line:
                    late.append((now - int(json.loads(line[5:])["text"].split()[1])) / 1e6)
            late = sorted(late[20:])  # those before the stream was open are history
            started = time.perf_counter()
            run = call(server.port, "POST", "/runs", {"select": ["flood"]})["id"]
            ended(server.port, run)
            flood_s = time.perf_counter() - started
            last = pages(server.port, run, "limit=200")
            filtered = pages(server.port, run, f"limit=200&text=needle-{LINES // 2}")
            level = pages(server.port, run, "limit=200&level=error")
            peak = measure.peak_mib(server.pid)
    line = {"lines": len(late), "p50_ms": round(late[len(late) // 2], 2), "p99_ms": round(late[int(len(late) * 0.99)], 2)}
    page = {
        "lines": LINES, "written_s": round(flood_s, 2), "lines_per_s": round(LINES / flood_s), "peak_mib": round(peak, 1),
        "last_page": last, "text_page": filtered, "level_page": level,
    }
    return line, page


def run(count):
    if not DAGSTER.exists():
        raise RuntimeError("bench/run installs Dagster first")
    shutil.rmtree(measure.CACHE / "project", ignore_errors=True)
    line, page = logs()
    return {
        "pipelines_command_to_end": command_to_end(count),
        "pipelines_overhead": overhead(count),
        "pipelines_start": start(count),
        "pipelines_idle": idle(),
        "pipelines_log_line": line,
        "pipelines_log_pages": page,
    }

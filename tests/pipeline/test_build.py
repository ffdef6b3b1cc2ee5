"""What becomes of assets in the tenant's worker: materializations, strategies, tests, Iceberg, readers meanwhile, and ends
in the middle."""

import threading

import pytest

from lib.pipelines import Project, ProjectServer, make_project  # noqa: F401
from lib.wait import until


def asset(sql, **properties):
    lines = "".join(f"{name}: {value}\n" for name, value in properties.items())
    return f"/* eider\n{lines}*/\n{sql}\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = ProjectServer(Project(tmp_path_factory.mktemp("build") / "project")).start()
    yield server
    server.stop()


@pytest.fixture
def write(server):
    """Files of one test; they are gone after it."""
    written = set()

    def write(files):
        written.update(files)
        server.project.write(files)

    yield write
    server.project.write({name: None for name in written})


def run(server, state="done", **body):
    found = server.run(**body)
    assert found["state"] == state, {name: step.get("error") for name, step in found["steps"].items()}
    return found


def failed(server, asset, failure, *words, **body):
    """The step failed like this, and nothing of it stayed; gives the step."""
    step = run(server, "failed", **body)["steps"][asset]
    assert step["failure"] == failure, step
    for word in words:
        assert word in step["error"]["message"], step
    return step


def kinds(server):
    rows = server.query("select table_name, 'table' from duckdb_tables() where schema_name = 'default' union all "
                        "select view_name, 'view' from duckdb_views() where schema_name = 'default' and not internal")
    return dict(rows)


def test_each_materialization_is_what_it_says(server, write):
    write({
        "pipelines/m_table.sql": asset("SELECT 1 AS x, 'a;b' AS y;  -- the end"),
        "pipelines/m_view.sql": asset("SELECT x + 1 AS x FROM m_table", materialize="view"),
        "pipelines/m_once.sql": asset("SELECT x FROM m_view -- one\nUNION ALL SELECT 'text\nof two lines' IS NULL", materialize="ephemeral"),
        "pipelines/m_twice.sql": asset("WITH a AS (FROM m_once) SELECT count(*) AS n FROM a", materialize="ephemeral"),
        "pipelines/m_top.sql": asset("FROM m_twice"),
        "pipelines/m_none.sql": asset("CREATE TABLE IF NOT EXISTS m_log (n INTEGER);\nINSERT INTO m_log SELECT n FROM m_top;",
                                      materialize="none", depends_on="[m_top]"),
    })
    found = run(server, select=["+m_none", "+m_top"])
    assert set(found["steps"]) == {"m_table", "m_view", "m_top", "m_none"}
    assert server.query("SELECT n FROM m_log") == [[2]]
    made = kinds(server)
    assert made["m_table"] == made["m_top"] == "table" and made["m_view"] == "view" and "m_once" not in made
    assert found["steps"]["m_none"]["rows"] == 1


def test_a_view_becomes_a_table_and_back(server, write):
    for number, how in enumerate(["view", "table", "view", "incremental", "view", "table"]):
        write({"pipelines/turn.sql": asset(f"SELECT {number} AS n", materialize=how)})
        run(server, select=["turn"])
        assert kinds(server)["turn"] == ("view" if how == "view" else "table")
        assert server.query("SELECT n FROM turn") == [[number]]


def test_increments(server, write):
    def source(rows):
        write({"data/source/sales.csv": "id,day,v\n" + "".join(f"{id},2026-11-{day:02},{v}\n" for id, day, v in rows)})

    reads = "FROM read_csv('data/source/sales.csv') WHERE getvariable('eider_watermark') IS NULL OR day > getvariable('eider_watermark')"
    write({
        "pipelines/appended.sql": asset(f"SELECT id, day, v {reads}", materialize="incremental", watermark="day"),
        "pipelines/merged.sql": asset("FROM read_csv('data/source/sales.csv')", materialize="incremental", strategy="merge", unique_key="id"),
        "pipelines/replaced.sql": asset("FROM read_csv('data/source/sales.csv')", materialize="incremental", strategy="delete+insert", unique_key="[id]"),
    })
    names = ["appended", "merged", "replaced"]
    source([(1, 1, 10), (2, 1, 20)])
    run(server, select=names)
    source([(1, 1, 11), (3, 2, 30)])
    found = run(server, select=names)
    assert found["steps"]["appended"]["rows"] == 1
    assert server.query("SELECT id, v FROM appended ORDER BY id") == [[1, 10], [2, 20], [3, 30]]
    for name in names[1:]:
        assert server.query(f"SELECT id, v FROM {name} ORDER BY id") == [[1, 11], [2, 20], [3, 30]]
    write({"data/source/sales.csv": "id,day,v,w\n9,2026-11-09,1,1\n"})
    failed(server, "merged", "sql", "w", select=["merged"])
    run(server, select=["merged"], full_refresh=True)
    assert server.query("FROM merged") == [[9, "2026-11-09", 1, 1]]


def test_a_worker_that_dies_after_its_commit_has_appended_once(tmp_path):
    project = Project(tmp_path / "project", {
        "pipelines/once.sql": asset("SELECT 1 AS n", materialize="incremental", retries="{max: 2, delay: 10ms}"),
        "pipelines/table.sql": asset("SELECT 1 AS n", retries="{max: 2, delay: 10ms}", depends_on="[once]"),
    })
    with project.served(environment={"EIDER_FAILPOINT": "build.after_commit"}) as server:
        found = server.run(select=["once"])
        assert found["state"] == "done" and found["steps"]["once"]["attempt"] == 2, found
        assert server.query("SELECT count(*) FROM once") == [[1]]
    with project.served(environment={"EIDER_FAILPOINT": "build.before_commit"}) as server:
        found = server.run(select=["table"])
        assert found["state"] == "failed" and found["steps"]["table"]["failure"] == "unavailable", found
        assert "table" not in kinds(server) and server.query("SELECT count(*) FROM once") == [[1]]


def test_tests_decide_what_stays(server, write):
    head = asset("SELECT * FROM (VALUES (1, 'a'), (2, NULL)) t(x, y)", tests="[{{not_null: {{column: y, severity: {}, blocking: {}}}}}]")
    write({"pipelines/kept.sql": asset("SELECT 0 AS x, 'old' AS y")})
    run(server, select=["kept"])
    write({"pipelines/kept.sql": head.format("error", "true")})
    step = failed(server, "kept", "test", "not_null", select=["kept"])
    assert step["report"]["tests"][0]["failures"] == 1
    assert server.query("FROM kept") == [[0, "old"]]
    write({"pipelines/kept.sql": head.format("warn", "true")})
    assert run(server, select=["kept"])["steps"]["kept"]["state"] == "warned"
    assert server.query("SELECT count(*) FROM kept") == [[2]]
    write({"pipelines/kept.sql": head.format("error", "false").replace("(2,", "(3,")})
    failed(server, "kept", "test", select=["kept"])
    assert server.query("SELECT max(x) FROM kept") == [[3]]


def test_errors_have_a_place(server, write):
    write({
        "pipelines/top.sql": asset("SELECT 1 AS x", materialize="ephemeral"),
        "pipelines/place.sql": asset("SELECT x,\n  nope\nFROM top"),
    })
    step = failed(server, "place", "sql", "pipelines/place.sql:4:3", "nope", select=["place"])
    assert (step["report"]["error"]["line"], step["report"]["error"]["column"]) == (4, 3)


def test_readers_see_old_or_new(server, write):
    """One transaction each: never no table, never half of one."""
    text = "SELECT {0} AS round, range AS n FROM range(50000)"
    write({"pipelines/seen.sql": asset(text.format(0))})
    run(server, select=["seen"])
    seen, wrong, done = set(), [], threading.Event()

    def read():
        while not done.is_set():
            try:
                rows = server.query("SELECT count(*), count(DISTINCT round), min(round) FROM seen")
                seen.add(rows[0][2])
                if rows[0][:2] != [50000, 1]:
                    wrong.append(rows)
            except Exception as error:
                wrong.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(1, 9):
        how = {"materialize": "view"} if number % 3 == 0 else {}
        write({"pipelines/seen.sql": asset(text.format(number), **how)})
        run(server, select=["seen"])
    done.set()
    for reader in readers:
        reader.join()
    assert not wrong and len(seen) > 2, (wrong[:3], seen)


def test_a_source_that_changes_while_it_is_read(server, write):
    """What was built of half of a file is thrown away."""
    path = server.project.root / "data/source/grows.csv"
    write({
        "data/source/grows.csv": "n\n1\n",
        "pipelines/grown.sql": asset("SELECT count(*) AS n FROM read_csv('data/source/grows.csv') t, range(40000000) r(i) WHERE i % 7 = t.n"),
    })
    number = server.start_run(select=["grown"])
    until(lambda: server.look(number)["steps"]["grown"]["state"] == "running", 20, "the step runs")

    def changed():
        with path.open("a") as file:
            file.write("2\n")
        return server.look(number)["state"] == "failed"

    until(changed, 60, "the run fails")
    step = server.look(number)["steps"]["grown"]
    assert step["failure"] == "source" and "data/source/grows.csv" in step["error"]["message"], step
    assert "grown" not in kinds(server)
    write({"data/source/none.csv": None, "pipelines/missing.sql": asset("FROM read_csv('data/source/none*.csv')")})
    failed(server, "missing", "source", "No files found".lower()[1:], select=["missing"])


def test_a_full_disk_fails_the_asset_alone(make_project):  # noqa: F811
    project = make_project({
        "pipelines/large.sql": asset("SELECT uuid() AS a, uuid() AS b, uuid() AS c FROM range(600000)"),
        "pipelines/small.sql": asset("SELECT 1 AS n"),
    }, settings=f"limits: {{tenant.disk_quota: {8 << 20}}}\n")
    with project.served() as server:
        found = server.run()
        assert found["steps"]["small"]["state"] == "done", found
        step = found["steps"]["large"]
        assert step["state"] == "failed" and step["failure"] == "resource" and "quota" in str(step), step
        assert kinds(server) == {"small": "table"}


def test_iceberg_tables(server, write):
    def build(sql, state="done", full_refresh=False, **properties):
        write({"pipelines/berg.sql": asset(sql, materialize="iceberg", **properties)})
        return run(server, state, select=["berg"], full_refresh=full_refresh)["steps"]["berg"]

    assert build("SELECT range AS id, 'a' AS v, 1::TINYINT AS small FROM range(3)")["rows"] == 3
    assert server.query("SELECT count(*), max(v) FROM iceberg.berg") == [[3, "a"]]
    build("SELECT range AS id, 'b' AS v, 2::TINYINT AS small FROM range(2)")
    assert server.query("SELECT count(*), max(v) FROM berg") == [[2, "b"]]
    assert server.query("SELECT count(*) >= 2 FROM iceberg_snapshots('iceberg.berg')") == [[True]]
    step = build("SELECT 5 AS id, 'c' AS v, 2::TINYINT AS small", "failed", tests="[{row_count: {min: 2}}]")
    assert step["failure"] == "test" and server.query("SELECT max(v) FROM berg") == [["b"]]
    step = build("SELECT 7 AS other", "failed")
    assert "columns" in step["error"]["message"] and server.query("SELECT max(v) FROM berg") == [["b"]]
    build("SELECT 7 AS other", full_refresh=True)
    assert server.query("FROM iceberg.berg") == [[7]]
    write({"pipelines/reads.sql": asset("SELECT other + 1 AS n FROM iceberg.berg")})
    run(server, select=["+reads"])
    assert server.query("FROM reads") == [[8]]
    write({"pipelines/berg.sql": asset("SELECT 1 AS n")})
    failed(server, "berg", "sql", "Iceberg table has this name", select=["berg"])


def test_partitions(server, write):
    write({"pipelines/days.sql": asset(
        "SELECT TIMESTAMP '2026-11-01' + to_hours(range::INTEGER) AS moment, {0} AS v FROM range(72)".format("getvariable('eider_partition')"),
        materialize="incremental", partition_by="{day: moment, start: 2026-11-01}")})
    for day in ("2026-11-01", "2026-11-03", "2026-11-01"):
        found = run(server, select=["days"], partition=day)
        assert found["steps"]["days"]["rows"] == 24
    assert server.query("SELECT v, count(*) FROM days GROUP BY v ORDER BY v") == [["2026-11-01", 24], ["2026-11-03", 24]]

"""What of a project SQL can reach: data/source and seeds to read, by texts of pipelines alone; nothing that a later run would
execute, by nobody."""

import os
import pathlib
import subprocess
import sys

import pytest

from lib.front import StatementError
from lib.pipelines import Project, ProjectServer
from lib.server import ROOT

CANARY = "canary-41d0"

READS = [
    "SELECT * FROM read_text('eider.yaml')",
    "SELECT * FROM read_text('pipelines/secret.sql')",
    "SELECT * FROM read_text(['data/source/a.csv', 'eider.yaml'])",
    "SELECT * FROM read_csv('data/source/../../eider.yaml')",
    "SELECT * FROM read_text('{root}/eider.yaml')",
    "SELECT * FROM read_text('{root}/data/source/a.csv')",
    "SELECT * FROM read_text('data/final/old.csv')",
    "SELECT * FROM read_text('db/eider.addr')",
    "SELECT * FROM 'eider.yaml'",
    "SELECT * FROM \"eider.yaml\"",
    "SELECT * FROM glob('*')",
    "SELECT * FROM glob('pipelines/*')",
    "SELECT * FROM read_csv('data/' || 'source/a.csv')",
    "SELECT * FROM sniff_csv('data/source/a.csv')",
]
# Of no literal is it seen where they lead; the engine and the kernel know.
LINKS = [
    "SELECT * FROM read_text('data/source/link.txt')",
    "SELECT * FROM read_text('data/source/linked/secret.sql')",
    "SELECT * FROM read_text('seeds/*.txt')",
    "SELECT * FROM 'data/source/link.csv'",
]
WRITES = [
    "COPY (SELECT 'SELECT 1') TO '{path}'",
    "COPY (SELECT 'SELECT 1') TO '{root}/{path}' (FORMAT csv, HEADER false)",
    "EXPORT DATABASE '{path}'",
    "ATTACH '{path}' AS made",
    "CALL write_parquet('{path}')",
]
PLACES = ["pipelines/made.sql", "tests/made.sql", "eider.yaml", "made.yaml", "seeds/made.csv", "data/source/made.csv",
          "data/made.csv", ".env", "db/made"]


def fill(project):
    project.write({
        "data/source/a.csv": "n\n1\n2\n",
        "data/final/old.csv": f"{CANARY}\n",
        "seeds/b.csv": "n\n3\n",
        "pipelines/secret.sql": f"SELECT '{CANARY}' AS secret\n",
    })
    links = {"data/source/link.txt": "../../eider.yaml", "data/source/link.csv": "../final/old.csv",
             "data/source/linked": "../../pipelines", "seeds/link.txt": "../eider.yaml"}
    for name, target in links.items():
        os.symlink(target, project.root / name)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("files") / "project", settings=f"name: {CANARY}\n")
    server = ProjectServer(project).start()
    fill(project)
    yield server
    server.stop()


def picture(project):
    """Everything of the project that is not a result or the server's."""
    found = {}
    for name in project.files():
        if not name.startswith(("db/", "logs/")):
            found[name] = (project.root / name).read_bytes()
    return found


def attempts(project, *lists):
    for text in [text for texts in lists for text in texts]:
        for path in PLACES if "{path}" in text else [""]:
            yield text.format(root=project.root, path=path)


def test_ordinary_statements_reach_no_file(server):
    before = picture(server.project)
    server.run(select=["b"])
    own = ["FROM 'data/source/a.csv'", "FROM read_csv('seeds/b.csv')", "CREATE VIEW v AS FROM read_csv('data/source/a.csv')",
           "CREATE MACRO m() AS TABLE FROM read_csv('data/source/a.csv')", "SET file_search_path = 'data/source'"]
    for sql in attempts(server.project, READS, LINKS, WRITES, own):
        with pytest.raises(StatementError) as caught:
            server.query(sql)
        assert CANARY not in caught.value.text and str(server.project.root) not in caught.value.text.replace(sql, ""), sql
    assert picture(server.project) == before


def test_texts_of_pipelines_reach_nothing_else(server):
    """In one run, each attempt an asset; as a table, and as statements that run for their effect."""
    project = server.project
    texts = list(attempts(project, READS, LINKS, WRITES))
    files = {}
    for number, sql in enumerate(texts):
        files[f"pipelines/way_{number:03}.sql"] = f"/* eider\nmaterialize: none\n*/\n{sql};\n"
        if sql.startswith("SELECT"):
            files[f"pipelines/table_{number:03}.sql"] = f"{sql}\n"
            files[f"pipelines/view_{number:03}.sql"] = f"/* eider\nmaterialize: view\n*/\n{sql}\n"
    project.write(files)
    before = picture(project)
    found = server.run(seconds=120)
    for name, step in found["steps"].items():
        if name in ("secret", "b"):
            continue
        assert step["state"] == "failed", (name, step)
        error, is_told = str(step["error"]), str(project.root) in texts[int(name[-3:])]
        assert CANARY not in error and (is_told or str(project.root) not in error), step
    assert picture(project) == before
    project.write({name: None for name in files})


def test_what_is_open_is_read(server):
    """Also what a link inside leads to inside."""
    project = server.project
    os.symlink("a.csv", project.root / "data/source/inside.csv")
    project.write({
        "pipelines/reads.sql": "SELECT sum(n)::INTEGER AS n FROM read_csv(['data/source/a.csv', 'data/source/inside.csv'], filename = true)\n",
        "pipelines/seeded.sql": "SELECT a.n, b.n AS m FROM 'data/source/a.csv' a, b\n",
        "pipelines/named.sql": "SELECT DISTINCT filename FROM read_csv('data/source/[a].csv', filename = true)\n",
        "pipelines/kept.sql": "/* eider\nmaterialize: view\n*/\nSELECT * FROM read_csv('data/source/a.csv')\n",
    })
    found = server.run(select=["reads", "seeded", "named", "kept", "b"])
    assert [found["steps"][name]["state"] for name in ("reads", "seeded", "named", "kept")] == ["done", "done", "done", "failed"], found
    assert "a view cannot read files" in found["steps"]["kept"]["error"]["message"]
    assert server.query("FROM reads") == [[6]]
    assert server.query("FROM named") == [["data/source/a.csv"]], "SQL does not see where the project is"
    assert found["steps"]["named"]["report"]["files"][0]["path"] == "data/source/a.csv"
    project.write({f"pipelines/{name}.sql": None for name in ("reads", "seeded", "named", "kept")})


def test_exports_stay_where_they_belong(server):
    """A link in the way of an export leads to no other place."""
    project = server.project
    os.symlink("../../pipelines", project.root / "data/final/out")
    project.write({"pipelines/out.sql": "/* eider\nexport: {path: data/final/out/made.sql, format: csv}\n*/\nSELECT 1 AS n\n"})
    step = server.run(select=["out"])["steps"]["out"]
    assert step["state"] == "failed" and step["failure"] == "export", step
    assert "made.sql" not in " ".join(project.files("pipelines"))
    os.unlink(project.root / "data/final/out")
    run = server.run(select=["out"])
    assert run["state"] == "done" and (project.root / "data/final/out/made.sql").read_bytes() == b"n\r\n1\r\n"
    assert project.files("data/final/out") == ["data/final/out/made.sql"]
    project.write({"pipelines/out.sql": None})


@pytest.mark.slow
@pytest.mark.native
def test_the_engine_and_the_kernel_say_no_without_the_gate(tmp_path):
    build = ROOT / "build-gateoff"
    environment = os.environ | {"PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"}
    commands = [] if (build / "build.ninja").exists() else [["meson", "setup", str(build), "-Dgate_off=true"]]
    for command in [*commands, ["nice", "ninja", "-C", str(build), "eider"]]:
        subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True, timeout=900)
    project = Project(tmp_path / "project", settings=f"name: {CANARY}\n")
    with project.served(build=build) as server:
        fill(project)
        before = picture(project)
        server.run(select=["b"])
        assert server.query("SELECT n FROM read_csv('data/source/a.csv')") == [[1], [2]], "there is no gate"
        for sql in attempts(project, READS, LINKS, WRITES):
            try:
                answer = str(server.query(sql))
            except StatementError as error:
                answer = error.text
            assert CANARY not in answer, sql
        assert picture(project) == before

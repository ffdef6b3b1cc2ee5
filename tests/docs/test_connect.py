"""Every snippet of docs/connect runs as it stands."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import duckdb
import pytest

from lib import people
from lib.server import ROOT, Server, program

PAGES = sorted((ROOT / "docs/connect").glob("*.md"))
SNIPPETS = [pytest.param(language, text, id=f"{page.stem}-{number}") for page in PAGES
            for number, (language, text) in enumerate(re.findall(r"^```(\w+)\n(.*?)^```$", page.read_text(), re.M | re.S), 1)]
ADDRESS = "127.0.0.1:8815"
DEPS = ROOT / "deps"
GO_MODULE = ROOT / "tests/conformance/go"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("connect")).start()
    root = people.administrator(server)
    assert root.request("POST", "/api/v1/tenants", {"id": "tenant_acme"}).status_code == 201
    ann = people.user(root, "ann", tenant_acme="owner")
    server.token = ann.token("docs").headers["Authorization"].removeprefix("Bearer ")
    yield server
    server.stop()


def environment(server, directory):
    """What a user has set, and the programs of this tree on the path."""
    tools = directory / "bin"
    tools.mkdir()
    (tools / "eider").symlink_to(program())
    for name, file in (("grpcurl", "grpcurl"), ("grpc_health_probe", "grpc-health-probe")):
        (tools / name).symlink_to(DEPS / "go/bin" / file)
    extensions = directory / f".duckdb/extensions/v{duckdb.__version__}/linux_amd64"  # as if INSTALL had fetched them
    extensions.mkdir(parents=True)
    for name in ("avro", "httpfs", "iceberg"):
        (extensions / f"{name}.duckdb_extension").symlink_to(DEPS / f"extensions/{name}.duckdb_extension")
    return os.environ | {"PATH": f"{tools}:{os.environ['PATH']}", "HOME": str(directory), "EIDER_TOKEN": server.token, "EIDER_PASSWORD": people.PASSWORD,
                         "EIDER_URL": server.url}


def run(*words, directory, env):
    done = subprocess.run([str(word) for word in words], cwd=directory, env=env, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_python(text, directory, env):
    (directory / "snippet.py").write_text(text)
    return run(sys.executable, "snippet.py", directory=directory, env=env)


def run_bash(text, directory, env):
    return run("bash", "-euo", "pipefail", "-c", text, directory=directory, env=env)


def run_java(text, directory, env):
    (driver,) = (DEPS / "maven").glob("org/apache/arrow/flight-sql-jdbc-driver/*/*.jar")
    (directory / "Connect.java").write_text(text)
    return run("java", "--add-opens=java.base/java.nio=ALL-UNNAMED", "-cp", driver, "Connect.java", directory=directory, env=env)


def run_go(text, directory, env):
    for name in ("go.mod", "go.sum"):
        shutil.copy(GO_MODULE / name, directory)
    (directory / "main.go").write_text(text)
    offline = {"GOPATH": str(DEPS / "go/path"), "GOCACHE": str(DEPS / "go/cache"), "GOPROXY": "off", "GOTOOLCHAIN": "local",
               "GOFLAGS": "-mod=mod -modcacherw -trimpath"}
    return run("go", "run", "main.go", directory=directory, env=env | offline)


@pytest.mark.slow
@pytest.mark.native
@pytest.mark.parametrize("language, text", SNIPPETS)
def test_snippet_runs(served, tmp_path, language, text):
    runners = {"python": run_python, "bash": run_bash, "java": run_java, "go": run_go}
    text = text.replace(ADDRESS, f"127.0.0.1:{served.port}")
    assert runners[language](text, tmp_path, environment(served, tmp_path)).strip() or "-o " in text


def test_every_page_is_listed():
    index = (ROOT / "docs/connect/README.md").read_text()
    for page in PAGES:
        assert page.stem == "README" or f"({page.name})" in index
    assert len(SNIPPETS) >= 10
    assert all(pathlib.Path(ROOT / "docs/connect" / name).exists() for name in re.findall(r"\(([\w-]+\.md)\)", index))

"""The OpenAPI file is true: every answer to made-up requests is one that it describes."""

import os
import subprocess
import sys

import pytest
import requests

from lib import people
from lib.server import SANITIZED, Server


@pytest.fixture(scope="module")
def described(tmp_path_factory):
    # What is made up is often a wrong credential, too.
    server = Server(tmp_path_factory.mktemp("openapi"), config="limits: {user.max_failures: 1000000}\n").start()
    server.root = people.administrator(server)
    assert server.root.request("POST", "/api/v1/tenants", {"id": "tenant_known"}).status_code == 201
    yield server
    server.stop()


@pytest.mark.slow
@pytest.mark.parametrize("who, examples", [("reader", 5), ("administrator", 25)])
def test_answers_are_described(described, tmp_path, who, examples):
    person = {"administrator": lambda: described.root.token("fuzz", admin=True),
              "reader": lambda: people.user(described.root, "reader", tenant_known="reader")}[who]()
    headers = [word for name, value in person.headers.items() for word in ("--header", f"{name}: {value}")]
    done = subprocess.run(
        [os.path.join(os.path.dirname(sys.executable), "schemathesis"), "run", f"{described.url}/api/v1/openapi.json", "--seed", "1",
         "--max-examples", str(examples // 3 + 1 if SANITIZED else examples), "--phases", "examples,coverage,fuzzing",
         "--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
         *headers, "--suppress-health-check", "all", "--generation-database", "none", "--no-color"],
        cwd=tmp_path, capture_output=True, text=True, timeout=110, env={**os.environ, "COLUMNS": "200"})
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def test_every_path_is_served(described):
    paths = requests.get(f"{described.url}/api/v1/openapi.json", timeout=10).json()["paths"]
    assert {"/health", "/ready", "/metrics", "/api/v1/query", "/api/v1/tenants", "/api/v1/statements"} <= set(paths)
    for path, methods in paths.items():
        concrete = path.replace("{id}", "tenant_known").replace("{path}", "x").replace("{name}", "x").replace("{user}", "x").replace("{role}", "x")
        allowed = requests.request("PATCH", described.url + concrete, timeout=10, headers={"Content-Type": "application/json"})
        assert allowed.status_code == 405, path
        assert {method.upper() for method in methods} <= set(allowed.headers["allow"].replace(" ", "").split(",")), path

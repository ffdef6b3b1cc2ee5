"""The OpenAPI file is true: every answer to made-up requests is one that it describes."""

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings

from lib.client import create_tenant
from lib.server import SANITIZED, Server


@pytest.fixture(scope="module")
def described(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("openapi")).start()
    create_tenant(server, "tenant_known")
    yield server
    server.stop()


@pytest.fixture
def api(described):
    return schemathesis.openapi.from_url(f"{described.url}/api/v1/openapi.json")


schema = schemathesis.pytest.from_fixture("api")


@pytest.mark.slow
@schema.parametrize()
@settings(max_examples=15 if SANITIZED else 40, deadline=None, derandomize=True, database=None,
          suppress_health_check=list(HealthCheck))
def test_answers_are_described(case):
    answer = case.call(timeout=30)
    case.validate_response(answer, checks=[
        schemathesis.checks.not_a_server_error,
        schemathesis.specs.openapi.checks.status_code_conformance,
        schemathesis.specs.openapi.checks.content_type_conformance,
        schemathesis.specs.openapi.checks.response_schema_conformance,
    ])


def test_every_path_is_served(described):
    paths = requests.get(f"{described.url}/api/v1/openapi.json", timeout=10).json()["paths"]
    assert {"/health", "/ready", "/metrics", "/api/v1/query", "/api/v1/tenants", "/api/v1/statements"} <= set(paths)
    for path, methods in paths.items():
        concrete = path.replace("{id}", "tenant_known").replace("{path}", "x")
        allowed = requests.request("PATCH", described.url + concrete, timeout=10, headers={"Content-Type": "application/json"})
        assert allowed.status_code == 405, path
        assert {method.upper() for method in methods} <= set(allowed.headers["allow"].replace(" ", "").split(",")), path

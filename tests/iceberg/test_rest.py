"""What every request of Iceberg's REST protocol meets: configuration, routes, errors, limits."""

import json

import pytest
import requests
from lib.client import create_tenant
from lib.rawiceberg import SCHEMA, RawIceberg, refused


def test_configuration_names_prefix_and_endpoints(wire):
    config = wire.ask("GET", "config", params={"warehouse": wire.tenant}).json()
    assert config["defaults"] == {}
    assert config["overrides"] == {"prefix": wire.tenant}
    assert config["idempotency-key-lifetime"].startswith("PT")
    for endpoint in ("GET /v1/{prefix}/namespaces", "HEAD /v1/{prefix}/namespaces/{namespace}",
                     "HEAD /v1/{prefix}/namespaces/{namespace}/tables/{table}", "POST /v1/{prefix}/transactions/commit",
                     "POST /v1/{prefix}/tables/rename", "POST /v1/{prefix}/namespaces/{namespace}/register",
                     "GET /v1/{prefix}/namespaces/{namespace}/views/{view}"):
        assert endpoint in config["endpoints"]
    assert not any("plan" in endpoint or "functions" in endpoint for endpoint in config["endpoints"])


def test_every_listed_endpoint_is_served(wire):
    """Whatever the answer: there is a route with that method."""
    for endpoint in wire.ask("GET", "config", params={"warehouse": wire.tenant}).json()["endpoints"]:
        method, path = endpoint.split(" ")
        path = path.removeprefix("/v1/{prefix}").replace("{namespace}", "nowhere").replace("{table}", "t").replace("{view}", "v")
        answer = wire(method, path, {} if method == "POST" else None)
        assert answer.status_code in (200, 204, 400, 404), f"{endpoint}: {answer.status_code} {answer.text}"
        assert "nothing is at this path" not in answer.text


def test_without_a_warehouse_the_only_tenant_is_meant(make_server):
    server = make_server()
    create_tenant(server, "tenant_only")
    assert requests.get(f"{server.url}/iceberg/v1/config", timeout=30).json()["overrides"]["prefix"] == "tenant_only"
    create_tenant(server, "tenant_second")
    refused(requests.get(f"{server.url}/iceberg/v1/config", timeout=30), 400, "BadRequestException")


def test_unknown_warehouse(wire):
    refused(wire.ask("GET", "config", params={"warehouse": "tenant_nobody"}), 404, "NoSuchWarehouseException")
    refused(wire.ask("GET", "tenant_nobody/namespaces"), 404, "NoSuchWarehouseException")


@pytest.mark.parametrize("path", ["", "nowhere", "config/more", "{t}/namespaces/", "{t}/namespaces//tables", "{t}/namespaces/n/functions",
                                  "{t}/namespaces/n/tables/t/plan", "{t}/namespaces/n/tables/t/tasks"])
def test_unknown_paths(wire, path):
    refused(wire.ask("GET", path.replace("{t}", wire.tenant)), 404, "NotFoundException")


def test_wrong_methods_learn_the_right_ones(wire):
    answer = wire.ask("PUT", "config", {})
    refused(answer, 405, "UnsupportedOperationException")
    assert answer.headers["Allow"] == "GET, HEAD"
    assert wire("PUT", "/namespaces/n/tables/t", {}).headers["Allow"] == "GET, HEAD, POST, DELETE"
    assert wire.ask("GET", "oauth/tokens").headers["Allow"] == "POST"


@pytest.mark.parametrize("body", ["", "{", "[]", "1", "null", '"text"', '{"a":1,"a":2}', "{" * 500, b"\xff\xfe", '{"namespace":["a"]} more'])
def test_malformed_bodies(wire, body):
    refused(wire("POST", "/namespaces", data=body, headers={"Content-Type": "application/json"}), 400, "BadRequestException")


@pytest.mark.parametrize("path, body", [
    ("/namespaces", {}), ("/namespaces", {"namespace": []}), ("/namespaces", {"namespace": "a"}), ("/namespaces", {"namespace": [""]}),
    ("/namespaces", {"namespace": [1]}), ("/namespaces", {"namespace": ["a\x1fb"]}), ("/namespaces", {"namespace": ["a"] * 17}),
    ("/namespaces", {"namespace": ["a"], "properties": {"k": 1}}), ("/namespaces", {"namespace": ["a"], "properties": []}),
    ("/tables/rename", {"source": {"namespace": ["a"], "name": "t"}}), ("/views/rename", {"source": 1, "destination": 2}),
    ("/transactions/commit", {}), ("/transactions/commit", {"table-changes": []}),
    ("/transactions/commit", {"table-changes": [{"updates": []}]}), ("/transactions/commit", {"table-changes": [1]}),
    ("/namespaces/a/tables", {"schema": SCHEMA}), ("/namespaces/a/tables", {"name": "", "schema": SCHEMA}),
    ("/namespaces/a/tables", {"name": 7, "schema": SCHEMA}), ("/namespaces/a/register", {"name": "t"}),
    ("/namespaces/a/register", {"name": "t", "metadata-location": "file:///x", "overwrite": "yes"}),
    ("/namespaces/a/tables/t", {"requirements": {}, "updates": []}), ("/namespaces/a/tables/t", {"requirements": []}),
    ("/namespaces/a/properties", {"removals": "k"}), ("/namespaces/a/properties", {"updates": {"k": None}}),
    ("/namespaces/a/tables/t/sign", {"method": "GET"}), ("/namespaces/a/tables/t/sign", {"method": "GET", "uri": "x", "headers": {"a": "b"}}),
])
def test_bodies_that_are_no_requests(wire, path, body):
    refused(wire("POST", path, body), 400, "BadRequestException")


def test_too_large_bodies(wire):
    refused(wire("POST", "/namespaces", data=b" " * (17 << 20), headers={"Content-Type": "application/json"}), 413,
            "RequestTooLargeException")


def test_refusals_of_the_carrier_have_the_envelope_too(wire):
    refused(wire("POST", "/namespaces", data="{}", headers={"Content-Type": "text/plain"}), 415, "BadRequestException")
    refused(wire("GET", "/namespaces", headers={"Host": "evil.example"}), 421, "BadRequestException")
    refused(wire("GET", "/namespaces", headers={"Origin": "http://evil.example"}), 403, "ForbiddenException")
    refused(wire("GET", "/namespaces", headers={"X": "x" * 40000}), 431, "RequestTooLargeException")


def test_other_paths_keep_their_errors(wire):
    answer = requests.get(f"{wire.server.url}/icebergs", timeout=30)
    assert answer.status_code == 404 and answer.json()["error"]["code"] == "not_found"


def test_heads_and_204_have_no_body(wire):
    namespace = wire.make_namespace()
    wire.make_table(namespace)
    for method, path in (("HEAD", f"/namespaces/{namespace}"), ("HEAD", f"/namespaces/{namespace}/tables/t"),
                         ("POST", f"/namespaces/{namespace}/tables/t/metrics"), ("DELETE", f"/namespaces/{namespace}/tables/t"),
                         ("DELETE", f"/namespaces/{namespace}")):
        answer = wire(method, path, {} if method == "POST" else None)
        assert answer.status_code == 204, f"{method} {path}: {answer.status_code} {answer.text}"
        assert not answer.content
        assert "Content-Type" not in answer.headers and "Content-Length" not in answer.headers
    missing = wire("HEAD", f"/namespaces/{namespace}")
    assert missing.status_code == 404 and not missing.content


def test_reports_are_taken_and_not_read(wire):
    answer = wire("POST", "/namespaces/n/tables/t/metrics", data="{ not json", headers={"Content-Type": "application/json"})
    assert answer.status_code == 204


def test_names_with_odd_letters(wire):
    """%1F parts levels, %2F is part of a name, and neither is taken for the other."""
    parent = wire.make_namespace()
    wire.need("POST", "/namespaces", {"namespace": [parent, "a/b c"]})
    found = wire.need("GET", f"/namespaces/{parent}%1Fa%2Fb%20c")
    assert found["namespace"] == [parent, "a/b c"]
    assert wire.need("GET", "/namespaces", params={"parent": parent})["namespaces"] == [[parent, "a/b c"]]
    wire.make_table(f"{parent}%1Fa%2Fb%20c", "größe 1")
    assert wire("HEAD", f"/namespaces/{parent}%1Fa%2Fb%20c/tables/gr%C3%B6%C3%9Fe%201").status_code == 204
    refused(wire("GET", f"/namespaces/{parent}/a/b%20c"), 404, "NotFoundException")
    refused(wire("GET", f"/namespaces/{parent}%1F"), 400, "BadRequestException")
    refused(wire("GET", "/namespaces/%FF"), 400, "BadRequestException")


def test_answers_are_logged_with_their_tenant(wire):
    wire.need("GET", "/namespaces")
    lines = [line for line in wire.server.log().splitlines() if "GET /iceberg/v1/{prefix}/namespaces" in line and wire.tenant in line]
    assert lines


def test_http2_and_http1_answer_alike(wire):
    import subprocess
    url = f"{wire.base}/{wire.tenant}/namespaces/nowhere"
    said = [subprocess.run(["curl", "-s", how, "-w", "\n%{http_code}", url], capture_output=True, text=True, timeout=30).stdout
            for how in ("--http1.1", "--http2-prior-knowledge")]
    assert said[0] == said[1]
    assert json.loads(said[0].splitlines()[0])["error"]["type"] == "NoSuchNamespaceException"

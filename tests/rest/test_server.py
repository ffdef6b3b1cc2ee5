"""What an operator reads: health, readiness, metrics, statements, tables, log level."""

import re
import threading

import pyarrow as pa
import pytest

from lib.wait import until


def test_health(shared):
    health = shared.request("GET", "/health").json()
    assert health["status"] == "ok"
    assert re.match(r"\d+\.\d+\.\d+", health["version"])
    assert health["uptime_s"] >= 0
    assert shared.value("SELECT 1") == 1
    assert until(lambda: shared.request("GET", "/health").json()["workers"]["running"] >= 1, 5)


def test_ready(shared):
    assert shared.request("GET", "/ready").json() == {"status": "ready"}


def test_index_is_a_page_without_scripts(shared):
    answer = shared.request("GET", "/")
    assert answer.headers["content-type"].startswith("text/html")
    assert "<script" not in answer.text


def samples(text):
    """Prometheus text as {series: value}; fails on a line that is neither."""
    found = {}
    for line in text.splitlines():
        if not line or re.match(r"# (HELP|TYPE) [a-z_]+ .+", line):
            continue
        match = re.fullmatch(r'([a-zA-Z_:][a-zA-Z0-9_:]*(?:\{(?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)*\})?) (-?[0-9.e+-]+|[+-]Inf|NaN)', line)
        assert match, f"not a sample: {line}"
        assert match.group(1) not in found, f"twice: {line}"
        found[match.group(1)] = float(match.group(2))
    return found


def test_metrics_are_prometheus_text(shared):
    shared.upload("metrics_t", pa.table({"id": [1, 2, 3]}))
    shared.query("SELECT * FROM metrics_t")
    shared.post_query("SELECT 1")
    answer = shared.request("GET", "/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    found = samples(answer.text)
    names = {re.split(r"[{]", series)[0] for series in found}
    for name in ("eider_requests_total", "eider_request_seconds_bucket", "eider_statements_total", "eider_rows_total", "eider_bytes_total",
                 "eider_connections", "eider_queue_depth", "eider_worker_memory_bytes", "eider_worker_spill_bytes",
                 "eider_worker_resident_bytes", "eider_tenant_file_bytes", "eider_tenant_wal_bytes"):
        assert name in names, f"{name} is not in {sorted(names)}"
    assert any("DoGet" in series and "OK" in series for series in found if series.startswith("eider_requests_total"))


def test_metrics_count(shared):
    def requests_so_far():
        found = samples(shared.request("GET", "/metrics").text)
        return sum(value for series, value in found.items() if series.startswith("eider_requests_total") and 'method="DoGet"' in series)
    before = requests_so_far()
    for _ in range(5):
        shared.query("SELECT 1")
    assert until(lambda: requests_so_far() == before + 5, 5, "five more requests")


def test_metrics_have_no_label_of_a_client(shared):
    """A path nobody serves must not become a series."""
    shared.request("GET", "/some/path/of/an/enemy")
    assert "enemy" not in shared.request("GET", "/metrics").text


def test_statements_running_and_recent(shared):
    shared.query("SELECT 'recently' AS word")
    recent = [one for one in shared.statements() if "recently" in one["sql"]]
    assert recent and recent[0]["state"] == "ended" and recent[0]["outcome"] == "done"
    assert recent[0]["rows"] == 1 and recent[0]["tenant"] == shared.tenant and recent[0]["protocol"] == "flight"


def test_cancel_of_nothing(shared):
    answer = shared.request("DELETE", "/api/v1/statements/none", headers={"Content-Type": "application/json"})
    assert answer.status_code == 404


def test_disconnect_of_an_http_client_ends_the_statement(shared):
    import requests
    def ask():
        with pytest.raises(requests.exceptions.RequestException):
            requests.post(shared.server.url + "/api/v1/query", timeout=1, json={
                "sql": "SELECT count(*) AS gone FROM range(1000000000) a, range(1000000) b WHERE hash(a.range, b.range) = 1", "tenant": shared.tenant})
    thread = threading.Thread(target=ask)
    thread.start()
    thread.join(30)
    until(lambda: all(one["state"] == "ended" for one in shared.statements() if "gone" in one["sql"]), 10, "the end of the statement")


def test_tables(acme):
    acme.upload("orders", pa.table({"id": [1], "name": ["x"]}))
    answer = acme.request("GET", f"/api/v1/tenants/{acme.tenant}/tables")
    assert answer.status_code == 200
    assert "orders" in answer.text
    assert acme.request("GET", "/api/v1/tenants/tenant_nobody/tables").status_code == 404


def test_log_level_changes_while_running(fresh_server, make_client):
    client = make_client(fresh_server)
    assert client.request("GET", "/api/v1/log-level").json() == {"level": "info"}
    assert client.request("PUT", "/api/v1/log-level", json={"level": "debug"}).json() == {"level": "debug"}
    client.request("GET", "/health")
    until(lambda: "level=debug" in fresh_server.log(), 5, "a line of level debug")
    assert client.request("PUT", "/api/v1/log-level", json={"level": "loud"}).status_code == 400


@pytest.mark.parametrize("method, path, status", [
    ("GET", "/nothing", 404), ("GET", "/api/v2/query", 404), ("POST", "/health", 405), ("GET", "/api/v1/query", 405),
    ("DELETE", "/api/v1/tenants", 405), ("GET", "/api/v1/tenants/%00", 400), ("GET", "/../../etc/passwd", 404),
])
def test_unknown_paths_and_methods(shared, method, path, status):
    import http.client
    connection = http.client.HTTPConnection("127.0.0.1", shared.server.port, timeout=10)
    connection.request(method, path, headers={"Content-Type": "application/json"})
    answer = connection.getresponse()
    assert answer.status == status, answer.read()
    if status == 405:
        assert answer.headers["allow"]
    connection.close()


def test_log_lines_have_request_tenant_and_statement(acme):
    acme.query("SELECT 'in the log'")
    acme.post_query("SELECT 1")
    line = until(lambda: next((line for line in acme.server.log().splitlines() if "request.finished" in line and acme.tenant in line), None), 5)
    for key in ("level=", "request=", "tenant=", "statement="):
        assert key in line, line

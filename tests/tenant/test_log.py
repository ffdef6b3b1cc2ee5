"""The statement log: what ran stays visible after a restart, for those who may see it; cancelling and `since`."""

import concurrent.futures
import time

import pytest

from lib import people
from lib.wait import until

LONG = "SELECT count(*) FROM range(1000000000000) r(i) WHERE hash(i) = {}"


@pytest.fixture
def staffed(make_server):
    server = make_server(config="limits: {query.slow: 200 ms}\n")
    server.root = people.administrator(server)
    for tenant in "tenant_a", "tenant_b":
        assert server.root.request("POST", "/api/v1/tenants", {"id": tenant}).status_code == 201
    for name, roles in {"olga": {"tenant_a": "owner"}, "rita": {"tenant_a": "reader", "tenant_b": "reader"},
                        "will": {"tenant_a": "writer"}}.items():
        setattr(server, name, people.user(server.root, name, **roles))
    return server


def ask(person, **parameters):
    answer = person.request("GET", "/api/v1/statements", params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def texts(person, **parameters):
    return [one["sql"] for one in ask(person, **parameters)["statements"]]


def restart(server):
    server.stop()
    server.start()


def test_the_log_is_there_after_a_restart_for_those_who_may_see_it(staffed):
    staffed.rita.rows("SELECT 1 AS of_rita_in_a", "tenant_a")
    staffed.rita.rows("SELECT 2 AS of_rita_in_b", "tenant_b")
    staffed.will.rows("SELECT 3 AS of_will", "tenant_a")
    staffed.will.query("SELECT nothing_of_will", "tenant_a")
    for again in range(2):
        assert len(texts(staffed.root)) == 4
        assert texts(staffed.olga) == ["SELECT nothing_of_will", "SELECT 3 AS of_will", "SELECT 1 AS of_rita_in_a"]
        assert texts(staffed.rita) == ["SELECT 2 AS of_rita_in_b", "SELECT 1 AS of_rita_in_a"]
        assert texts(staffed.will) == ["SELECT nothing_of_will", "SELECT 3 AS of_will"]
        assert texts(staffed.olga, user="rita") == ["SELECT 1 AS of_rita_in_a"]
        assert texts(staffed.rita, user="will") == []
        assert texts(staffed.rita, tenant="tenant_b") == ["SELECT 2 AS of_rita_in_b"]
        assert texts(staffed.will, outcome="failed") == ["SELECT nothing_of_will"]
        assert texts(staffed.will, state="running") == []
        if not again:
            restart(staffed)
    one = ask(staffed.will, outcome="done")["statements"][0]
    assert (one["user"], one["tenant"], one["protocol"], one["state"], one["rows"]) == ("will", "tenant_a", "rest", "ended", 1)
    assert one["run_us"] > 0 and one["queued_us"] >= 0 and one["bytes"] > 0 and one["memory_bytes"] >= 0
    failed = ask(staffed.will, outcome="failed")["statements"][0]
    assert "nothing_of_will" in failed["error"]


def test_a_token_shows_what_its_tenant_shows(staffed):
    staffed.rita.rows("SELECT 1 AS in_a", "tenant_a")
    staffed.rita.rows("SELECT 2 AS in_b", "tenant_b")
    token = staffed.rita.token("narrow", tenant="tenant_a")
    for again in range(2):
        assert texts(token) == ["SELECT 1 AS in_a"]
        if not again:
            restart(staffed)
    everywhere = staffed.root.token("reader", role="reader")
    assert texts(everywhere) == []
    assert len(texts(staffed.root.token("owner", role="owner"))) == 2


def test_a_new_tenant_of_an_old_name_has_no_past(staffed):
    staffed.will.rows("SELECT 'of the old one'", "tenant_a")
    assert len(texts(staffed.olga)) == 1
    assert staffed.root.request("DELETE", "/api/v1/tenants/tenant_a").status_code == 204
    assert staffed.root.request("POST", "/api/v1/tenants", {"id": "tenant_a"}).status_code == 201
    staffed.root.request("PUT", "/api/v1/tenants/tenant_a/grants/olga", {"role": "owner"})
    staffed.olga.rows("SELECT 'of the new one'", "tenant_a")
    for again in range(2):
        assert texts(staffed.olga) == ["SELECT 'of the new one'"]
        assert len(texts(staffed.root)) == 2
        if not again:
            restart(staffed)


def test_pages_and_moments(staffed):
    for i in range(25):
        staffed.rita.rows(f"SELECT {i}", "tenant_a")
    seen, page = [], ask(staffed.rita, limit=10)
    while True:
        seen += [one["sql"] for one in page["statements"]]
        if "before" not in page:
            break
        page = ask(staffed.rita, limit=10, before=page["before"])
    assert seen == [f"SELECT {i}" for i in reversed(range(25))]
    started = [one["started"] for one in ask(staffed.rita)["statements"]]
    assert len(texts(staffed.rita, since=started[4])) == 5
    assert len(texts(staffed.rita, since="1h")) == len(texts(staffed.rita, since="1700000000")) == 25
    assert texts(staffed.rita, since=str(int(time.time()) + 3600)) == []
    for bad in {"since": "yesterday"}, {"before": "0"}, {"before": "x"}, {"outcome": "good"}, {"slow": "1"}, {"limit": 1001}, \
            {"state": "x"}:
        assert staffed.rita.request("GET", "/api/v1/statements", params=bad).status_code == 400, bad


def test_slow_ones_and_running_ones(staffed):
    staffed.will.rows("SELECT 1", "tenant_a")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        answer = pool.submit(staffed.will.query, LONG.format(1), "tenant_a")
        until(lambda: [one for one in ask(staffed.will, slow="true")["statements"] if one["state"] == "running"], 20, "a slow one")
        one, = ask(staffed.will, state="running")["statements"]
        assert texts(staffed.will)[0] == one["sql"], "running ones come first"
        assert staffed.rita.request("DELETE", f"/api/v1/statements/{one['id']}").status_code == 404
        assert staffed.will.request("DELETE", f"/api/v1/statements/{one['id']}").status_code == 202
        answer.result(60)
    slow = ask(staffed.will, slow="true")["statements"]
    assert slow[0]["sql"] == LONG.format(1) and all(one["run_us"] >= 200000 for one in slow)
    fast = [one for one in ask(staffed.will)["statements"] if one["id"] not in [entry["id"] for entry in slow]]
    assert all(one["run_us"] < 200000 for one in fast)
    assert texts(staffed.will, outcome="cancelled") == [LONG.format(1)]
    assert not [event for event in audit(staffed) if event["action"] == "statement.cancel"], "one's own needs no row"


def audit(server, **filters):
    return server.root.request("GET", "/api/v1/audit", params=filters).json()["entries"]


def test_cancelling_for_somebody_else_is_written_before_it_is_told(staffed):
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        answer = pool.submit(lambda: staffed.will.query(LONG.format(2), "tenant_a").status_code)
        one, = until(lambda: ask(staffed.olga, state="running")["statements"], 20, "the statement")
        assert staffed.olga.request("DELETE", f"/api/v1/statements/{one['id']}").status_code == 202
        staffed.kill()
        with pytest.raises(Exception):
            assert answer.result(60) == 200
    staffed.start()
    event, = audit(staffed, action="statement.cancel")
    assert (event["user"], event["object"], event["tenant"], event["result"]) == \
        ("olga", f"{one['id']} of will", "tenant_a", "ok")


def test_the_trail_knows_since(staffed):
    entries = audit(staffed, limit=1000)
    assert audit(staffed, since=entries[2]["at"], limit=1000) == entries[:3]
    assert audit(staffed, since="1h", limit=1000) == entries
    assert audit(staffed, since=str(int(time.time()) + 3600)) == []
    assert staffed.root.request("GET", "/api/v1/audit", params={"since": "soon"}).status_code == 400


def test_tenants_are_in_the_trail_although_the_client_has_gone(staffed):
    import socket
    body = b'{"id": "tenant_left"}'
    head = (f"POST /api/v1/tenants HTTP/1.1\r\nHost: 127.0.0.1:{staffed.port}\r\nContent-Type: application/json\r\n"
            f"Authorization: {staffed.root.headers['Authorization']}\r\nContent-Length: {len(body)}\r\n\r\n")
    with socket.create_connection(("127.0.0.1", staffed.port)) as client:
        client.sendall(head.encode() + body)
    event, = until(lambda: audit(staffed, action="tenant.create", tenant="tenant_left"), 20, "the row")
    assert (event["user"], event["object"], event["result"]) == ("root", "tenant_left", "ok")
    assert staffed.root.request("DELETE", "/api/v1/tenants/tenant_left").status_code == 204
    assert len(audit(staffed, tenant="tenant_left")) == 2

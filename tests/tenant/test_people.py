"""Users, roles and tokens over REST: who gets in, and who may do what."""

import base64

import pytest
import requests

from lib import people
from lib.server import Server
from lib.wait import until

ROOT = "/api/v1/users/root"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """The administrator of a server with two tenants, and users of each kind."""
    server = Server(tmp_path_factory.mktemp("users")).start()
    admin = people.administrator(server)
    for tenant in ("tenant_acme", "tenant_beta"):
        assert admin.request("POST", "/api/v1/tenants", {"id": tenant}).status_code == 201
        assert admin.query("CREATE TABLE t AS SELECT 1 AS i", tenant).status_code == 200
    yield admin
    server.stop()


@pytest.fixture(scope="module")
def staff(root):
    return {role: people.user(root, f"{role}_acme", tenant_acme=role) for role in ("reader", "writer", "owner")}


# Who gets in.


def test_strangers_learn_the_status_only(root):
    stranger = people.nobody(root.server)
    assert stranger.request("GET", "/health").json() == {"status": "ok"}
    assert "workers" in root.request("GET", "/health").json()
    refused = stranger.request("GET", "/api/v1/tenants")
    assert refused.status_code == 401
    assert "Bearer" in refused.headers["www-authenticate"]
    assert refused.json()["error"]["code"] == "unauthenticated"


@pytest.mark.parametrize("header", [
    "Bearer", "Bearer ", "Bearer x", "Bearer eider_t1_0000000000000000_" + "0" * 64, "Bearer eider_l1.AAAA.AAAA", "Basic", "Basic !!!",
    "Basic " + base64.b64encode(b"root").decode(), "Basic " + base64.b64encode(b"root:wrong").decode(),
    "Basic " + base64.b64encode(b"nobody:wrong").decode(), "Negotiate abc", "Bearer a.b.c", "Bearer " + "a" * 20000])
def test_wrong_credentials_are_refused(root, header):
    stranger = people.Person(root.server, "", {"Authorization": header})
    answer = stranger.request("GET", "/api/v1/whoami")
    assert answer.status_code in (401, 429, 431), answer.text


def test_a_password_works_padded_or_not(root, staff):
    text = base64.b64encode(f"reader_acme:{people.PASSWORD}".encode()).decode()
    for header in ("Basic " + text, "basic " + text.rstrip("="), "BASIC  " + text):
        answer = people.Person(root.server, "", {"Authorization": header}).request("GET", "/api/v1/whoami")
        assert answer.status_code == 200, answer.text
        assert answer.json()["user"] == "reader_acme"


def test_logins_end_with_the_password(root):
    joe = people.user(root, "joe")
    assert joe.request("GET", "/api/v1/whoami").status_code == 200
    changed = joe.request("PUT", "/api/v1/users/joe/password", {"password": "another 1234"})
    assert changed.status_code == 204, changed.text
    assert joe.request("GET", "/api/v1/whoami").status_code == 401
    again = people.login(root.server, "joe", "another 1234")
    assert again.request("GET", "/api/v1/whoami").json()["proof"] == "login"
    assert root.request("DELETE", "/api/v1/users/joe").status_code == 204
    assert again.request("GET", "/api/v1/whoami").status_code == 401


def test_logins_and_tokens_survive_a_restart(tmp_path):
    server = Server(tmp_path).start()
    try:
        admin = people.administrator(server)
        token = admin.token("ci")
        server.kill()
        server.start()
        assert admin.request("GET", "/api/v1/whoami").json()["user"] == "root"
        assert token.request("GET", "/api/v1/whoami").json()["token"] == "ci"
    finally:
        server.stop()


def test_the_first_user_is_an_administrator_and_the_last_one_stays(tmp_path):
    server = Server(tmp_path).start()
    try:
        first = people.nobody(server).request("POST", "/api/v1/users", {"name": "ann", "password": people.PASSWORD})
        assert first.status_code in (400, 409, 412), first.text
        assert "administrator" in first.json()["error"]["message"]
        admin = people.administrator(server)
        removed = admin.request("DELETE", "/api/v1/users/root")
        assert removed.status_code in (400, 409, 412), removed.text
        demoted = admin.request("DELETE", f"{ROOT}/roles/admin")
        assert demoted.status_code in (400, 409, 412), demoted.text
        assert admin.request("GET", "/api/v1/whoami").json()["admin"]
    finally:
        server.stop()


def test_failed_logins_have_to_wait(tmp_path):
    server = Server(tmp_path).start()
    try:
        people.administrator(server)
        answers = [requests.post(f"{server.url}/api/v1/login", json={"user": "root", "password": "wrong"}, timeout=60) for _ in range(12)]
        assert answers[0].status_code == 401
        assert answers[-1].status_code == 429, answers[-1].text
        assert "again" in answers[-1].text or " s" in answers[-1].json()["error"]["hint"]
    finally:
        server.stop()


# Who may do what.

ALLOWED = {
    "SELECT i FROM t": ("reader", "writer", "owner"),
    "WITH x AS (SELECT 1) SELECT * FROM x": ("reader", "writer", "owner"),
    "EXPLAIN SELECT i FROM t": ("reader", "writer", "owner"),
    "INSERT INTO t VALUES (1)": ("writer", "owner"),
    "UPDATE t SET i = 1": ("writer", "owner"),
    "DELETE FROM t WHERE i = 99": ("writer", "owner"),
    "EXPLAIN ANALYZE INSERT INTO t VALUES (1)": ("writer", "owner"),
    "CREATE TABLE made (i INT)": ("owner",),
    "CREATE OR REPLACE VIEW seen AS SELECT 1": ("owner",),
    "CREATE OR REPLACE MACRO twice(x) AS 2 * x": ("owner",),
    "ALTER TABLE made ADD COLUMN j INT": ("owner",),
    "COMMENT ON TABLE made IS 'x'": ("owner",),
    "DROP TABLE made": ("owner",),
    "CREATE SCHEMA IF NOT EXISTS s": ("owner",),
    "SELECT 1; INSERT INTO t VALUES (1)": ("writer", "owner"),
    "BEGIN; INSERT INTO t VALUES (1); COMMIT": ("writer", "owner"),
    "COMMIT; INSERT INTO t VALUES (1)": (),
    "BEGIN TRANSACTION READ WRITE; INSERT INTO t VALUES (1); COMMIT": ("writer", "owner"),
}


@pytest.mark.parametrize("role", ["owner", "writer", "reader"])
def test_statements_follow_roles(staff, role):
    for sql, roles in ALLOWED.items():
        answer = staff[role].query(sql, "tenant_acme")
        if role in roles:
            assert answer.status_code == 200, f"{role}: {sql}: {answer.text}"
        else:
            assert answer.status_code in (400, 403, 404, 409), f"{role}: {sql}: {answer.status_code} {answer.text}"
            if roles:
                assert answer.status_code == 403 or "made" in sql, f"{role}: {sql}: {answer.status_code} {answer.text}"


def test_a_hidden_tenant_is_like_none(staff):
    for person in staff.values():
        hidden = person.query("SELECT 1", "tenant_beta")
        missing = person.query("SELECT 1", "tenant_none")
        assert hidden.status_code == missing.status_code == 404
        assert hidden.json()["error"]["message"].replace("tenant_beta", "tenant_none") == missing.json()["error"]["message"]
        assert [tenant["id"] for tenant in person.request("GET", "/api/v1/tenants").json()["tenants"]] == ["tenant_acme"]
        for method, path in [("GET", "/api/v1/tenants/tenant_beta"), ("GET", "/api/v1/tenants/tenant_beta/tables"),
                             ("GET", "/api/v1/tenants/tenant_beta/grants"), ("GET", "/api/v1/statements?tenant=tenant_beta"),
                             ("PUT", "/api/v1/tenants/tenant_beta/grants/reader_acme")]:
            answer = person.request(method, path, {"role": "owner"} if method == "PUT" else None)
            assert answer.status_code == 404, f"{method} {path}: {answer.status_code} {answer.text}"


def test_administration_is_for_administrators(root, staff):
    for person in staff.values():
        for method, path, body in [("POST", "/api/v1/tenants", {"id": "tenant_new"}), ("DELETE", "/api/v1/tenants/tenant_acme", {}),
                                   ("GET", "/api/v1/log-level", None), ("PUT", "/api/v1/log-level", {"level": "debug"}),
                                   ("POST", "/api/v1/backups", {}), ("GET", "/api/v1/backups", None),
                                   ("POST", "/api/v1/users", {"name": "eve", "password": people.PASSWORD}),
                                   ("DELETE", "/api/v1/users/root", {}), ("PUT", f"{ROOT}/password", {"password": "mine 12345"}),
                                   ("PUT", "/api/v1/users/reader_acme/roles/admin", {}), ("POST", "/api/v1/users/import", {"yaml": "[]"}),
                                   ("POST", "/api/v1/tokens", {"name": "x", "user": "root"}), ("GET", "/api/v1/audit", None)]:
            answer = person.request(method, path, body)
            assert answer.status_code in (403, 404), f"{person.name}: {method} {path}: {answer.status_code} {answer.text}"
    assert root.request("GET", "/api/v1/whoami").status_code == 200


def test_owners_rule_their_tenant(root, staff):
    owner = staff["owner"]
    people.user(root, "guest")
    assert owner.request("PUT", "/api/v1/tenants/tenant_acme/grants/guest", {"role": "reader"}).status_code == 204
    assert {"user": "guest", "role": "reader"} in owner.request("GET", "/api/v1/tenants/tenant_acme/grants").json()["grants"]
    guest = people.login(root.server, "guest")
    assert guest.rows("SELECT count(*) FROM t", "tenant_acme")
    assert owner.request("DELETE", "/api/v1/tenants/tenant_acme/grants/guest").status_code == 204
    assert guest.query("SELECT 1", "tenant_acme").status_code == 404
    for role in ("reader", "writer"):
        assert staff[role].request("PUT", "/api/v1/tenants/tenant_acme/grants/guest", {"role": "reader"}).status_code == 403


def test_statements_are_seen_and_cancelled_by_their_own(root, staff):
    staff["reader"].rows("SELECT 4711 AS mine", "tenant_acme")
    def seen(person):
        return [s["sql"] for s in person.request("GET", "/api/v1/statements?limit=1000").json()["statements"]]
    assert any("4711" in sql for sql in seen(staff["reader"]))
    assert any("4711" in sql for sql in seen(staff["owner"]))
    assert any("4711" in sql for sql in seen(root))
    assert not any("4711" in sql for sql in seen(staff["writer"]))
    stranger = people.user(root, "stranger", tenant_beta="owner")
    assert not any("4711" in sql for sql in seen(stranger))


# Tokens.


def test_tokens_are_cut_to_tenant_and_role(root, staff):
    token = root.token("cut", tenant="tenant_acme", role="reader")
    assert token.rows("SELECT count(*) FROM t", "tenant_acme")
    assert token.request("POST", "/api/v1/query", {"sql": "SELECT 1"}).status_code == 200, "the token's tenant is the default"
    assert token.query("INSERT INTO t VALUES (1)", "tenant_acme").status_code == 403
    assert token.query("SELECT 1", "tenant_beta").status_code == 404
    assert token.request("POST", "/api/v1/tenants", {"id": "tenant_new"}).status_code == 403
    assert token.request("POST", "/api/v1/tokens", {"name": "child"}).status_code == 403
    wide = staff["reader"].token("wide", role="owner")
    assert wide.query("INSERT INTO t VALUES (1)", "tenant_acme").status_code == 403


def test_tokens_end(root):
    token = root.token("short", expires_s=1)
    until(lambda: token.request("GET", "/api/v1/whoami").status_code == 401, 10, "the token's end")
    token = root.token("revoked")
    assert token.request("GET", "/api/v1/whoami").json()["user"] == "root"
    listed = root.request("GET", "/api/v1/tokens").json()["tokens"]
    found = next(entry for entry in listed if entry["name"] == "revoked")
    assert "token" not in found
    assert root.request("DELETE", f"/api/v1/tokens/{found['id']}").status_code == 204
    assert token.request("GET", "/api/v1/whoami").status_code == 401
    assert root.request("DELETE", f"/api/v1/tokens/{found['id']}").status_code == 404


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": "x" * 65}, {"name": "x", "expires_s": 0}, {"name": "x", "role": "king"},
                                  {"name": "x", "tenant": "tenant_none"}, {"name": "x", "user": "nobody"}, {"name": "x", "more": 1}])
def test_bad_tokens_are_refused(root, body):
    answer = root.request("POST", "/api/v1/tokens", body)
    assert answer.status_code in (400, 404), answer.text


def test_secrets_are_nowhere_in_the_open(root):
    token = root.token("secret")
    secret = token.headers["Authorization"].split("_")[-1]
    token.request("GET", "/api/v1/whoami")
    for path in root.server.data.rglob("eider.db*"):
        assert secret.encode() not in path.read_bytes()
        assert people.PASSWORD.encode() not in path.read_bytes()
    assert secret not in root.server.log()
    assert people.PASSWORD not in root.server.log()


# Metrics and audit.


def test_metrics_need_loopback_or_a_role(root, staff):
    assert people.nobody(root.server).request("GET", "/metrics").status_code == 200
    assert staff["reader"].request("GET", "/metrics").status_code == 403
    assert root.request("PUT", "/api/v1/users/reader_acme/roles/metrics").status_code == 204
    assert staff["reader"].request("GET", "/metrics").status_code == 200
    assert root.request("DELETE", "/api/v1/users/reader_acme/roles/metrics").status_code == 204


def test_the_trail_shows_who_did_what(root, staff):
    people.user(root, "trail", tenant_beta="reader")
    staff["reader"].request("POST", "/api/v1/tenants", {"id": "tenant_denied"})
    rows = root.request("GET", "/api/v1/audit?limit=1000").json()["entries"]
    def has(**wanted):
        return any(all(row[key] == value for key, value in wanted.items()) for row in rows)
    assert has(user="root", action="user.add", object="trail", result="ok")
    assert has(user="root", action="grant", object="trail", tenant="tenant_beta", result="ok")
    assert has(user="trail", action="login", result="ok")
    assert has(user="reader_acme", action="access", result="permission_denied")
    only = root.request("GET", "/api/v1/audit?user=trail").json()["entries"]
    assert only and all(row["user"] == "trail" for row in only)
    assert [row["id"] for row in rows] == sorted((row["id"] for row in rows), reverse=True)
    mine = staff["owner"].request("GET", "/api/v1/audit?tenant=tenant_acme").json()["entries"]
    assert mine and all(row["tenant"] == "tenant_acme" for row in mine)
    assert root.request("GET", "/api/v1/audit?action=nonsense").status_code == 400


def test_users_are_imported(root):
    from_hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$K1Qfz1Xb5Yw2m0J8n3bQ0m3n7mXb5Yw2m0J8n3bQ0m0"
    text = f"- name: imported\n  password_hash: {from_hash!r}\n  grants: {{tenant_acme: reader}}\n"
    answer = root.request("POST", "/api/v1/users/import", {"yaml": text})
    assert answer.status_code == 204, answer.text
    found = next(u for u in root.request("GET", "/api/v1/users").json()["users"] if u["name"] == "imported")
    assert found["grants"] == [{"tenant": "tenant_acme", "role": "reader"}]
    for bad, word in [("- name: imported\n  password: plain\n", "password"), ("- name: Bad Name\n", "name"),
                      ("- name: x\n  grants: {tenant_acme: king}\n", "king"), ("nonsense: [", "line")]:
        refused = root.request("POST", "/api/v1/users/import", {"yaml": bad})
        assert refused.status_code == 400, refused.text
        assert word in refused.text

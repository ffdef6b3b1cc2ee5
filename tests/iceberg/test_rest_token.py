"""POST /v1/oauth/tokens: what clients of Iceberg show, and what they get."""

import base64

import pytest
import requests
from lib import people
from lib.rawiceberg import RawIceberg, refused

GRANT = "client_credentials"


def ask(server, data, **headers):
    return requests.post(f"{server.url}/iceberg/v1/oauth/tokens", data=data, headers=headers, timeout=60)


def basic(name, secret):
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()}


def opens(server, token, tenant="tenant_a"):
    return RawIceberg(server, tenant, {"Authorization": f"Bearer {token}"})("GET", "/namespaces").status_code


def granted(answer):
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["token_type"] == "bearer"
    assert body["issued_token_type"] == "urn:ietf:params:oauth:token-type:access_token"
    assert answer.headers["Cache-Control"] == "no-store"
    return body


def test_a_password_in_the_form(guarded):
    body = granted(ask(guarded.server, {"grant_type": GRANT, "client_id": "owner", "client_secret": people.PASSWORD, "scope": "catalog"}))
    assert body["expires_in"] > 0
    assert opens(guarded.server, body["access_token"]) == 200


def test_a_password_by_basic(guarded):
    body = granted(ask(guarded.server, {"grant_type": GRANT, "scope": "PRINCIPAL_ROLE:ALL"}, **basic("owner", people.PASSWORD)))
    assert opens(guarded.server, body["access_token"]) == 200


@pytest.mark.parametrize("named", [True, False])
def test_an_api_token_is_its_own_bearer(guarded, named):
    token = guarded.owner.token(f"t{named}").headers["Authorization"].removeprefix("Bearer ")
    form = {"grant_type": GRANT, "client_secret": token} | ({"client_id": "owner"} if named else {})
    body = granted(ask(guarded.server, form))
    assert body["access_token"] == token and "expires_in" not in body
    assert granted(ask(guarded.server, {"grant_type": GRANT}, **basic("owner" if named else "", token)))["access_token"] == token


def test_tokens_are_exchanged_for_themselves(guarded):
    login = guarded.owner.headers["Authorization"].removeprefix("Bearer ")
    exchange = "urn:ietf:params:oauth:grant-type:token-exchange"
    body = granted(ask(guarded.server, {"grant_type": exchange, "subject_token": login,
                                        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token"}))
    assert body["access_token"] == login
    assert granted(ask(guarded.server, {"grant_type": "refresh_token", "refresh_token": login}))["access_token"] == login
    fresh = granted(ask(guarded.server, {"grant_type": exchange, "subject_token": "expired"}, **basic("owner", people.PASSWORD)))
    assert opens(guarded.server, fresh["access_token"]) == 200


@pytest.mark.parametrize("form, status, error", [
    ({}, 400, "invalid_request"),
    ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ({"grant_type": GRANT}, 400, "invalid_request"),
    ({"grant_type": GRANT, "client_id": "owner"}, 400, "invalid_request"),
    ({"grant_type": GRANT, "client_id": "stranger_1", "client_secret": "wrong"}, 401, "invalid_client"),
    ({"grant_type": GRANT, "client_id": "stranger_2", "client_secret": "x" * 5000}, 401, "invalid_client"),
    ({"grant_type": GRANT, "client_secret": "eider_t1_0000000000000000_00"}, 401, "invalid_client"),
    ({"grant_type": GRANT, "client_secret": "eider_l1.abc"}, 401, "invalid_client"),
    ({"grant_type": GRANT, "client_secret": "a b"}, 401, "invalid_client"),
    ("%%%=%zz&grant_type", 400, "invalid_request"),
])
def test_refusals_have_the_form_of_oauth(guarded, form, status, error):
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = ask(guarded.server, form, **headers)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"] == error and answer.json()["error_description"]
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)


def test_a_token_of_somebody_else(guarded):
    token = guarded.owner.token("borrowed").headers["Authorization"].removeprefix("Bearer ")
    answer = ask(guarded.server, {"grant_type": GRANT, "client_id": "reader", "client_secret": token})
    assert answer.status_code == 401 and answer.json()["error"] == "invalid_client"


def test_an_open_server_gives_bearers_too(server):
    assert granted(ask(server, {"grant_type": GRANT, "client_id": "a", "client_secret": "b"}))["access_token"]


def test_forms_go_nowhere_else(guarded):
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert requests.post(f"{guarded.server.url}/api/v1/login", data="user=a", headers=form, timeout=30).status_code == 415
    refused(guarded.wire(guarded.owner)("POST", "/namespaces", data="a=b", headers=form), 415, "BadRequestException")
    other_site = ask(guarded.server, {"grant_type": GRANT}, Origin="http://evil.example")
    assert other_site.status_code == 403


def test_secrets_are_not_logged(guarded):
    ask(guarded.server, {"grant_type": GRANT, "client_id": "owner", "client_secret": "hunter2-hunter2"})
    assert "hunter2" not in guarded.server.log()

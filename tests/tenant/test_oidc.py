"""Tokens of an OpenID Connect issuer: good ones get in with the roles that they claim, forged ones do not."""

import base64
import hashlib
import hmac
import http.server
import json
import threading
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from lib import people
from lib.server import Server
from lib.wait import until

ISSUER, AUDIENCE = "https://login.example", "eider"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def jwk(key, kid, algorithm):
    text = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key())
    return json.loads(text) | {"kid": kid, "use": "sig", "alg": algorithm}


def keys(*more):
    return {"keys": [jwk(RSA, "r", "RS256"), jwk(EC, "e", "ES256"), *more]}


def claims(**more):
    now = int(time.time())
    return {"iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "iat": now, "exp": now + 300, "grants": {"tenant_acme": "reader"}} | more


def sign(body=None, key=RSA, kid="r", algorithm="RS256", **headers):
    return jwt.encode(body or claims(), key, algorithm=algorithm, headers=({"kid": kid} if kid else {}) | headers)


def encode(part):
    text = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def bearer(server, token):
    return people.Person(server, "", {"Authorization": f"Bearer {token}"})


CONFIG = f"""
oidc:
  issuer: {ISSUER}
  audience: {AUDIENCE}
  jwks: %s
  grants_claim: grants
  groups_claim: groups
  groups:
    lake-admins: admin
    beta-writers: [writer on tenant_beta, metrics]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    directory = tmp_path_factory.mktemp("oidc")
    (directory / "keys.json").write_text(json.dumps(keys()))
    # Each forgery is to be judged, not sent away for the failures before it.
    server = Server(directory, config=CONFIG % "keys.json" + "limits: {user.max_failures: 100000}\n").start()
    root = people.administrator(server)
    for tenant in ("tenant_acme", "tenant_beta"):
        assert root.request("POST", "/api/v1/tenants", {"id": tenant}).status_code == 201
    yield server
    server.stop()


@pytest.mark.parametrize("key, kid, algorithm", [(RSA, "r", "RS256"), (EC, "e", "ES256"), (RSA, None, "RS256")])
def test_good_tokens_get_in(server, key, kid, algorithm):
    who = bearer(server, sign(key=key, kid=kid, algorithm=algorithm)).request("GET", "/api/v1/whoami")
    assert who.status_code == 200, who.text
    assert who.json() == {"user": "oidc:ann", "proof": "jwt", "admin": False, "metrics": False,
                          "grants": [{"tenant": "tenant_acme", "role": "reader"}]}


def test_claims_become_roles(server):
    reader = bearer(server, sign())
    assert reader.rows("SELECT 1", "tenant_acme") == [[1]]
    assert reader.query("CREATE TABLE t (i INT)", "tenant_acme").status_code == 403
    assert reader.query("SELECT 1", "tenant_beta").status_code == 404
    grouped = bearer(server, sign(claims(groups=["x", "beta-writers"], grants={"tenant_beta": "owner", "tenant_acme": "reader"})))
    answer = grouped.request("GET", "/api/v1/whoami").json()
    assert answer["grants"] == [{"tenant": "tenant_acme", "role": "reader"}, {"tenant": "tenant_beta", "role": "owner"}]
    assert answer["metrics"] and not answer["admin"]
    assert bearer(server, sign(claims(groups=["lake-admins"]))).request("GET", "/api/v1/users").status_code == 200
    nothing = bearer(server, sign(claims(grants={})))
    assert nothing.query("SELECT 1", "tenant_acme").status_code == 404
    assert nothing.request("GET", "/api/v1/tenants").json() == {"tenants": []}


def public_text(key, form=serialization.PublicFormat.SubjectPublicKeyInfo):
    return key.public_key().public_bytes(serialization.Encoding.PEM, form)


def symmetric(secret, header):
    """A token with an HMAC by this secret."""
    signed = f"{encode(header)}.{encode(claims())}"
    return f"{signed}.{encode(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


def crafted(header, body=None, signature=b"x" * 256):
    return f"{encode(header)}.{encode(body if body is not None else claims())}.{encode(signature)}"


def forged():
    good = sign()
    head, body, signature = good.split(".")
    now = int(time.time())
    rs = {"alg": "RS256", "kid": "r", "typ": "JWT"}
    return {
        "none": crafted({"alg": "none"}, signature=b""),
        "none with signature": crafted({"alg": "none"}),
        "None": crafted({"alg": "None"}),
        "nOnE": crafted({"alg": "nOnE", "kid": "r"}),
        "no alg": crafted({"kid": "r"}),
        "alg is a number": crafted({"alg": 256, "kid": "r"}),
        "alg is a list": crafted({"alg": ["RS256"], "kid": "r"}),
        "HS256 with the public key": symmetric(public_text(RSA), {"alg": "HS256", "kid": "r"}),
        "HS256 with the PKCS1 key": symmetric(public_text(RSA, serialization.PublicFormat.PKCS1), {"alg": "HS256", "kid": "r"}),
        "HS256 with the EC key": symmetric(public_text(EC), {"alg": "HS256", "kid": "e"}),
        "HS256 with nothing": symmetric(b"", {"alg": "HS256"}),
        "RS512": sign(algorithm="RS512"),
        "PS256": sign(algorithm="PS256"),
        "ES256 on the RSA key": sign(key=EC, kid="r", algorithm="ES256"),
        "RS256 on the EC key": sign(kid="e"),
        "another key": sign(key=STRANGER),
        "another key, unknown": sign(key=STRANGER, kid="stranger"),
        "kid is a path": sign(key=STRANGER, kid="../../../../dev/null"),
        "kid is SQL": sign(key=STRANGER, kid="' UNION SELECT 'x"),
        "kid is a number": crafted(rs | {"kid": 7}),
        "jwk in the header": sign(key=STRANGER, jwk=jwk(STRANGER, "r", "RS256")),
        "jku in the header": sign(key=STRANGER, jku="http://127.0.0.1:9/keys.json"),
        "x5u in the header": sign(key=STRANGER, x5u="http://127.0.0.1:9/x.pem"),
        "x5c in the header": sign(key=STRANGER, x5c=["AAAA"]),
        "crit": sign(crit=["exp"], exp=1),
        "expired": sign(claims(exp=now - 120)),
        "expired long ago": sign(claims(exp=0)),
        "no exp": sign({k: v for k, v in claims().items() if k != "exp"}),
        "exp is a text": crafted(rs, claims(exp=str(now + 300))),
        "exp is huge": crafted(rs, claims(exp=10**30)),
        "not yet": sign(claims(nbf=now + 120)),
        "issued in the future": sign(claims(iat=now + 3600)),
        "other audience": sign(claims(aud="other")),
        "other audiences": sign(claims(aud=["a", "b"])),
        "audience begins alike": sign(claims(aud="eider2")),
        "no audience": sign({k: v for k, v in claims().items() if k != "aud"}),
        "other issuer": sign(claims(iss="https://evil.example")),
        "issuer begins alike": sign(claims(iss=ISSUER + ".evil.example")),
        "no issuer": sign({k: v for k, v in claims().items() if k != "iss"}),
        "no subject": sign({k: v for k, v in claims().items() if k != "sub"}),
        "empty subject": sign(claims(sub="")),
        "subject with a line break": sign(claims(sub="ann\nlevel=error")),
        "subject too long": sign(claims(sub="a" * 129)),
        "unknown role": sign(claims(grants={"tenant_acme": "king"})),
        "role is a number": sign(claims(grants={"tenant_acme": 3})),
        "changed body": f"{head}.{encode(claims(sub='root'))}.{signature}",
        "changed signature": f"{head}.{body}.{signature[:-6]}AAAAAA",
        "no signature": f"{head}.{body}.",
        "two parts": f"{head}.{body}",
        "five parts": f"{head}.{body}.{signature}.x.y",
        "body is no object": crafted(rs, [1]),
        "body is no JSON": crafted(rs, b"{"),
        "two times sub": crafted(rs, b'{"sub":"a","sub":"b"}'),
        "huge": sign(claims(filler="x" * 10000)),
        "JSON serialization": json.dumps({"payload": body, "protected": head, "signature": signature}),
    }


@pytest.mark.parametrize("kind", sorted(forged()))
def test_forged_tokens_are_refused(server, kind):
    token = forged()[kind]
    answer = bearer(server, token).request("GET", "/api/v1/whoami")
    assert answer.status_code == 401, f"{kind}: {answer.status_code} {answer.text}"


def test_good_tokens_still_get_in_after_bad_ones(server):
    assert bearer(server, sign()).request("GET", "/api/v1/whoami").status_code == 200


class Issuer(http.server.BaseHTTPRequestHandler):
    published, asked, redirect = {}, 0, None

    def do_GET(self):
        type(self).asked += 1
        if type(self).redirect:
            self.send_response(302)
            self.send_header("Location", type(self).redirect)
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(type(self).published).encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def issuer():
    Issuer.published, Issuer.asked, Issuer.redirect = keys(), 0, None
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Issuer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/keys"
    server.shutdown()


def test_keys_are_fetched_and_change(make_server, issuer):
    server = make_server(config=CONFIG % issuer + "outgoing: [127.0.0.1]\n")
    people.administrator(server)
    until(lambda: bearer(server, sign()).request("GET", "/api/v1/whoami").status_code == 200, 20, "the issuer's keys")
    Issuer.published = keys(jwk(STRANGER, "new", "RS256"))
    fresh = bearer(server, sign(key=STRANGER, kid="new"))
    until(lambda: fresh.request("GET", "/api/v1/whoami").status_code == 200, 40, "the issuer's new key")
    assert Issuer.asked < 10


def test_private_addresses_are_asked_only_if_listed(make_server, issuer):
    server = make_server(config=CONFIG % issuer)
    people.administrator(server)
    until(lambda: "oidc.no_keys" in server.log(), 20, "the refusal in the log")
    assert "private address" in server.log()
    assert Issuer.asked == 0
    assert bearer(server, sign()).request("GET", "/api/v1/whoami").status_code in (401, 503)


def test_redirects_are_not_followed(make_server, issuer):
    Issuer.redirect = issuer.replace("/keys", "/elsewhere")
    server = make_server(config=CONFIG % issuer + "outgoing: 127.0.0.0/8\n")
    people.administrator(server)
    until(lambda: "oidc.no_keys" in server.log(), 20, "the refusal in the log")
    assert "302" in server.log()
    assert Issuer.asked == 1


@pytest.mark.parametrize("text, word", [
    ("oidc: x\n", "map"), ("oidc: {issuer: a}\n", "audience"), ("oidc: {issuer: a, audience: b, jwks: c, isuer: d}\n", "issuer"),
    ("oidc: {issuer: a, audience: b, jwks: missing.json}\n", "missing.json"),
    ("oidc: {issuer: a, audience: b, jwks: 'http://x', algorithms: [HS256]}\n", "HS256"),
    ("oidc: {issuer: a, audience: b, jwks: 'http://x', skew: 2h}\n", "skew"),
    ("oidc: {issuer: a, audience: b, jwks: 'http://x', groups: {g: king on tenant_acme}}\n", "king"),
    ("oidc: {issuer: a, audience: b, jwks: 'http://x', groups: {g: reader}}\n", "a role like"),
    ("outgoing: [10.0.0.0/40]\n", "10.0.0.0/40")])
def test_bad_configuration_is_refused(tmp_path, text, word):
    server = Server(tmp_path, config=text)
    with pytest.raises(AssertionError):
        server.start()
    assert word in server.log(), server.log()

"""Secrets and line breaks of clients: nothing that was secret is in any log, list, file, metric or message; nobody writes a
line of our log."""

import base64
import itertools
import re
import socket

import pyarrow.flight as flight
import pytest
from lib import adbc, people
from lib.client import FAILS, create_tenant
from lib.commandline import CommandLine

NUMBERS = itertools.count(1)


class Secrets:
    """Texts that may be nowhere afterwards."""

    def __init__(self):
        self.made = {}

    def new(self, what):
        text = f"hUnt{next(NUMBERS):04}x{abs(hash(what)) % 10 ** 12:012}y"
        self.made[text] = what
        return text

    def keep(self, what, text):
        self.made[text] = what
        return text

    def found_in(self, text):
        texts = [(secret, what) for secret, what in self.made.items()]
        texts += [(base64.b64encode(secret.encode()).decode().rstrip("="), what + " in base64") for secret, what in texts]
        return sorted({what for secret, what in texts if secret in text})


@pytest.fixture
def guarded(make_server):
    server = make_server(config="log_level: debug\nlimits: {user.max_failures: 1000000, query.slow: 0}\n")
    create_tenant(server, "tenant_a")
    server.root = people.administrator(server)
    server.olga = people.user(server.root, "olga", tenant_a="owner")
    return server


def attempt(call):
    """What is said when it is refused."""
    try:
        return str(call())
    except FAILS as error:
        return str(error)
    except Exception as error:  # of ADBC
        return str(error)


SQL = ["CREATE SECRET s (TYPE s3, KEY_ID 'key', SECRET '{}')", "CREATE PERSISTENT SECRET s (TYPE http, BEARER_TOKEN '{}')",
       "CREATE OR REPLACE SECRET (TYPE postgres, HOST 'h', PASSWORD '{}')", "ATTACH 'x' AS y (TYPE postgres, PASSWORD '{}')",
       "ALTER USER olga PASSWORD '{}'", "CREATE USER eve WITH PASSWORD '{}'", "SET s3_secret_access_key = '{}'", "SET SESSION password = '{}'",
       "SET VARIABLE my_password = '{}'", "SELECT 1 AS x WHERE 'password' = '{}'", "PRAGMA add_parquet_key(password, '{}')",
       "SELECT {{'token': '{}'}}", "SELECT 1 /* fine */, 'x' AS a WHERE api_key = '{}'", "SET password TO $${}$$", "SET password = E'{}'"]


def test_no_secret_of_a_client_is_kept(guarded, tmp_path):
    secrets, said = Secrets(), []
    url, root, olga = guarded.url, guarded.root, guarded.olga
    secrets.keep("the password of everybody", people.PASSWORD)
    secrets.keep("a login", olga.headers["Authorization"].split(".")[-1])
    token = olga.token("robot")
    secrets.keep("a token", token.headers["Authorization"].split("_")[-1])
    # Passwords and tokens that are right, wrong, and in wrong places.
    new = secrets.new("a new password")
    said.append(root.request("POST", "/api/v1/users", {"name": "bob", "password": new}).text)
    said.append(root.request("PUT", "/api/v1/users/bob/password", {"password": secrets.new("a changed password")}).text)
    said.append(root.request("POST", "/api/v1/users", {"name": "eve", "password": secrets.new("a password beside a mistake"), "x": 1}).text)
    said.append(root.request("POST", "/api/v1/users/import", {"yaml": f"- name: x\n  password: {secrets.new('a password in YAML')}\n"}).text)
    said.append(people.nobody(guarded).request("POST", "/api/v1/login", {"user": "bob", "password": secrets.new("a wrong password")}).text)
    said.append(people.nobody(guarded).request("POST", "/api/v1/login", {"user": secrets.new("a password as name"), "password": "x"}).text)
    for scheme in ("Basic", "basic", "Bearer", "Digest", "Negotiate", "Password", ""):
        secret = secrets.new(f"a header {scheme}")
        values = [secret, base64.b64encode(f"bob:{secret}".encode()).decode(), base64.b64encode(f"{secret}:x".encode()).decode(),
                  "eider_t1_0123456789abcdef_" + secret, "eider_l1." + secret, f"a.{secret}.c"]
        for value in values:
            person = people.Person(guarded, "", {"Authorization": f"{scheme} {value}".strip()})
            said.append(person.request("GET", "/api/v1/whoami").text)
            said.append(attempt(lambda: flight.FlightClient(guarded.flight_url).do_get(
                flight.Ticket(b"SELECT 1"), flight.FlightCallOptions(headers=[(b"authorization", f"{scheme} {value}".strip().encode())])).read_all()))
    # Where a proxy or a browser would put them.
    for place in "/api/v1/whoami?token={}", "/api/v1/whoami?access_token={}&x=1", "/{}", "/api/v1/tenants/x?password={}", "/health?{}":
        person = people.Person(guarded, "", {"Cookie": f"eider_session={secrets.new('a cookie')}", "Referer": "http://x/" + secrets.new("a referer")})
        person.request("GET", place.format(secrets.new(f"in the URL {place}")))
        olga.request("GET", place.format(secrets.new(f"in the URL {place}")), headers={"User-Agent": secrets.new("an agent")})
    # SQL that has them, by each way.
    client = flight.FlightClient(guarded.flight_url)
    options = flight.FlightCallOptions(headers=[(b"authorization", olga.headers["Authorization"].encode())])

    class tenant:
        server, tenant = guarded, "tenant_a"
    connection = adbc.connect(tenant, headers={"authorization": olga.headers["Authorization"]})
    for sql in SQL:
        said.append(olga.query(sql.format(secrets.new(f"{sql} by REST")), "tenant_a").text if "VARIABLE" not in sql and "token'" not in sql else "")
        attempt(lambda: client.do_get(flight.Ticket(sql.format(secrets.new(f"{sql} by Flight")).encode()), options).read_all())
        attempt(lambda: adbc.rows(connection, sql.format(secrets.new(f"{sql} by ADBC"))))
    connection.close()
    client.close()
    olga.request("POST", "/api/v1/query", {"sql": "SELECT ? AS password", "tenant": "tenant_a", "parameters": [secrets.new("a parameter")]})
    line = CommandLine(guarded, directory=tmp_path)
    line.fails("login", "bob", stdin=secrets.new("a password of the command line") + "\n")
    # Nothing of it is anywhere.
    root.request("GET", "/api/v1/statements")  # sends what is not written yet on its way
    places = {"statements": root.request("GET", "/api/v1/statements?limit=1000").text,
              "audit": root.request("GET", "/api/v1/audit?limit=10000").text,
              "metrics": root.request("GET", "/metrics").text,
              "health": root.request("GET", "/health").text,
              "answers": "\n".join(said)}
    assert "***" in places["statements"]
    guarded.stop()
    places["log"] = guarded.log()
    for path in guarded.data.rglob("eider.*"):
        places[path.name] = path.read_bytes().decode("latin-1")
    for place, text in places.items():
        assert not secrets.found_in(text), place
    assert "eider.db" in places and len(places["log"]) > 10000


LINES = ["x\r\nlevel=error event=forged", "x\nlevel=error event=forged", "\x1b[2J\x1b[31mlevel=error event=forged", "x\x00level=error event=forged",
         "x\x85level=error event=forged", "x\u2028level=error event=forged", "x\" event=forged level=\"error", "x%0d%0alevel=error event=forged",
         "x\\nlevel=error event=forged", "\u202elevel=error event=forged"]
LINE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z level=\w+ event=[\w.]+(?: \w+=(?:\"(?:[^\"\\]|\\.)*\"|[^\s\"]*))*$")


def test_nobody_writes_lines_of_our_log(guarded):
    olga, root = guarded.olga, guarded.root
    for text in LINES:
        olga.query(f"SELECT '{text}' AS x", "tenant_a")
        olga.query(f"SELECT * FROM \"{text}\"", "tenant_a")
        olga.query("SELECT 1", text)
        root.request("POST", "/api/v1/users", {"name": text, "password": people.PASSWORD})
        olga.request("POST", "/api/v1/tokens", {"name": text})
        people.nobody(guarded).request("POST", "/api/v1/login", {"user": text, "password": "wrong"})
        name = base64.b64encode(f"{text}:wrong".encode()).decode()
        people.Person(guarded, "", {"Authorization": f"Basic {name}"}).request("GET", "/api/v1/whoami")
        for number in range(2):
            raw = text.encode("utf-8") if number else text.replace("\r", "").replace("\n", "").encode("utf-8")
            with socket.create_connection(("127.0.0.1", guarded.port), timeout=10) as client:
                client.sendall(b"GET /" + raw + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: " + raw + b"\r\nX: " + raw + b"\r\n\r\n")
                client.recv(4096)
    guarded.stop()
    for line in guarded.log().split("\n")[:-1]:
        assert LINE.match(line), line
        outside = re.sub(r"\"(?:[^\"\\]|\\.)*\"", "", line)
        assert "forged" not in outside, line
        assert all(" " <= character != "\x7f" for character in line) and "\u202e" not in line and "\u2028" not in line and "\x85" not in line, line

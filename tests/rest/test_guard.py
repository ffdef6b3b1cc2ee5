"""No web page of another site can use the server through a browser on the same machine."""

import json
import socket

import pytest

BODY = json.dumps({"id": "tenant_by_a_page"}).encode()


def ask(server, method, path, headers, body=b""):
    """One HTTP/1.1 request, every header as given; gives (status, headers and body)."""
    lines = [f"{method} {path} HTTP/1.1"] + [f"{name}: {value}" for name, value in headers] + [f"Content-Length: {len(body)}", "Connection: close"]
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return int(answer.split()[1]), answer.decode(errors="replace")


def host(server):
    return ("Host", f"127.0.0.1:{server.port}")


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "LOCALHOST", "[::1]"])
def test_own_names_pass(server, name):
    assert ask(server, "GET", "/health", [("Host", f"{name}:{server.port}")])[0] == 200


@pytest.mark.parametrize("headers", [
    [("Host", "evil.example")], [("Host", "localhost.evil.example")], [("Host", "127.0.0.1.evil.example:8815")], [("Host", "")],
    [("Host", "localhost@evil.example")], [("Host", "169.254.169.254")], [("Host", "localhost"), ("Host", "evil.example")], [],
])
def test_other_hosts_are_refused(server, headers):
    assert ask(server, "GET", "/health", headers)[0] in (400, 403, 421)


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://localhost.evil.example", "http://127.0.0.1:1", "file://", ""])
def test_other_origins_are_refused(server, origin):
    for method, path in (("GET", "/health"), ("POST", "/api/v1/tenants"), ("DELETE", "/api/v1/tenants/tenant_x")):
        status, _ = ask(server, method, path, [host(server), ("Origin", origin), ("Content-Type", "application/json")], BODY)
        assert status == 403


def test_own_origin_passes(server):
    assert ask(server, "GET", "/health", [host(server), ("Origin", f"http://127.0.0.1:{server.port}")])[0] == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", None, "", "application/jsonx"])
def test_content_types_of_forms_are_refused(server, kind):
    headers = [host(server)] + ([("Content-Type", kind)] if kind is not None else [])
    assert ask(server, "POST", "/api/v1/tenants", headers, BODY)[0] == 415
    status, text = ask(server, "GET", "/api/v1/tenants", [host(server)])
    assert status == 200 and "tenant_by_a_page" not in text


@pytest.mark.parametrize("headers", [[], [("Origin", "http://evil.example"), ("Access-Control-Request-Method", "POST")]])
def test_no_answer_carries_cors(server, headers):
    for method in ("GET", "OPTIONS"):
        assert "access-control" not in ask(server, method, "/api/v1/query", [host(server)] + headers)[1].lower()


def test_the_same_over_http2(server):
    import subprocess
    def curl(*arguments):
        out = subprocess.run(["curl", "-s", "--http2-prior-knowledge", "-o", "/dev/null", "-w", "%{http_code} %{http_version}", *arguments],
                             capture_output=True, text=True, timeout=20).stdout
        return out
    assert curl(f"{server.url}/health") == "200 2"
    assert curl("-H", "Host: evil.example", f"{server.url}/health").split()[0] in ("400", "403", "421")
    assert curl("-H", "Origin: http://evil.example", f"{server.url}/health") == "403 2"
    assert curl("-X", "POST", "-d", "{}", f"{server.url}/api/v1/tenants") == "415 2"

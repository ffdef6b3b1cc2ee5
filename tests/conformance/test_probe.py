"""gRPC health and reflection by grpc_health_probe and grpcurl."""

import base64
import json
import socket
import subprocess

import h2.connection
import h2.events
import pytest
import suites
from lib import people
from lib.wait import until

GRPCURL = suites.DEPS / "go/bin/grpcurl"
PROBE = suites.DEPS / "go/bin/grpc-health-probe"
FLIGHT = "arrow.flight.protocol.FlightService"
REFLECTION = "grpc.reflection.v1.ServerReflection"


def grpcurl(server, *words, data=None, headers=None):
    options = [word for name, content in (headers or {}).items() for word in ("-H", f"{name}: {content}")]
    words = options + (["-d", data] if data is not None else []) + ["-plaintext", f"127.0.0.1:{server.port}", *words]
    return subprocess.run([GRPCURL, *words], capture_output=True, text=True, timeout=60)


def probe(server, *words):
    return subprocess.run([PROBE, "-addr", f"127.0.0.1:{server.port}", *words], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("service", ["", FLIGHT])
def test_the_probe_is_content(server, service):
    run = probe(server, "-service", service)
    assert run.returncode == 0 and "SERVING" in run.stderr, run.stderr


def test_an_unknown_service_is_not_found(server):
    run = probe(server, "-service", "other.Service")
    assert run.returncode != 0 and "NotFound" in run.stderr, run.stderr


def test_services_are_listed(server):
    run = grpcurl(server, "list")
    assert run.stdout.split() == [FLIGHT, "grpc.health.v1.Health", REFLECTION, "grpc.reflection.v1alpha.ServerReflection"], run.stderr


def test_every_method_that_is_described_is_served(server):
    methods = grpcurl(server, "list", FLIGHT).stdout.split()
    assert len(methods) == 10
    for method in methods:
        run = grpcurl(server, method, data="{}")
        assert "is not served here" not in run.stderr, run.stderr


@pytest.mark.parametrize("symbol", [FLIGHT, FLIGHT + ".DoGet", "arrow.flight.protocol.FlightInfo", "arrow.flight.protocol.SessionOptionValue",
                                    "grpc.health.v1.Health", REFLECTION, "google.protobuf.Timestamp"])
def test_a_symbol_is_described(server, symbol):
    run = grpcurl(server, "describe", symbol)
    assert run.returncode == 0 and symbol.rpartition(".")[2] in run.stdout, run.stderr


def test_an_unknown_symbol_is_not_found(server):
    run = grpcurl(server, "describe", "arrow.flight.protocol.Nothing")
    assert run.returncode != 0 and "not found" in run.stderr.lower(), run.stderr


def test_a_call_without_proto_files(acme):
    sql = base64.b64encode(b"SELECT 42 AS answer").decode()
    run = grpcurl(acme.server, f"{FLIGHT}/GetFlightInfo", data=json.dumps({"type": "CMD", "cmd": sql}), headers={"eider-tenant": acme.tenant})
    info = json.loads(run.stdout)
    assert info["endpoint"] and b"answer" in base64.b64decode(info["schema"]), run.stderr


def test_with_users_health_is_open_and_reflection_is_not(fresh_server):
    root = people.administrator(fresh_server)
    token = root.token("probe").headers["Authorization"]
    basic = "Basic " + base64.b64encode(f"root:{people.PASSWORD}".encode()).decode()
    assert probe(fresh_server).returncode == 0
    refused = grpcurl(fresh_server, "list")
    assert refused.returncode != 0 and "Unauthenticated" in refused.stderr, refused.stderr
    for right in token, basic:
        assert grpcurl(fresh_server, "list", headers={"authorization": right}).stdout.split()[0] == FLIGHT
    wrong = grpcurl(fresh_server, "list", headers={"authorization": "Basic " + base64.b64encode(b"root:wrong").decode()})
    assert wrong.returncode != 0 and "Unauthenticated" in wrong.stderr, wrong.stderr


def test_a_watcher_is_told_of_the_end_and_does_not_delay_it(fresh_server):
    watch = subprocess.Popen([GRPCURL, "-plaintext", f"127.0.0.1:{fresh_server.port}", "grpc.health.v1.Health/Watch"],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    first = "".join(iter(lambda: watch.stdout.readline(), "}\n"))
    assert '"SERVING"' in first
    fresh_server.stop(4)  # less than the server gives answers to leave
    rest, error = watch.communicate(timeout=30)
    assert '"NOT_SERVING"' in rest and "shutting down" in error, rest + error


def test_one_who_does_not_read_answers_is_refused(server):
    """Reflection by hand: questions without end, no answer read."""
    with socket.create_connection(("127.0.0.1", server.port)) as sock:
        connection = h2.connection.H2Connection()
        connection.initiate_connection()
        connection.send_headers(1, [(":method", "POST"), (":scheme", "http"), (":path", f"/{REFLECTION}/ServerReflectionInfo"),
                                    (":authority", "localhost"), ("te", "trailers"), ("content-type", "application/grpc")])
        question = b"\x22" + bytes([len(FLIGHT)]) + FLIGHT.encode()
        message = b"\0" + len(question).to_bytes(4, "big") + question
        for _ in range(20):
            connection.send_data(1, message * 20)
        sock.sendall(connection.data_to_send())
        trailers = []

        def status():
            for event in connection.receive_data(sock.recv(65536)):
                if isinstance(event, h2.events.DataReceived):
                    connection.acknowledge_received_data(event.flow_controlled_length, 1)
                elif isinstance(event, h2.events.TrailersReceived):
                    trailers.append(dict(event.headers))
            sock.sendall(connection.data_to_send())
            return trailers

        until(status, 20, "a refusal")
        assert trailers[0][b"grpc-status"] == b"8", trailers

"""TLS on the port of everything else: who gets in and how, what everybody else is told, and what an enemy cannot do."""

import contextlib
import os
import re
import signal
import socket
import ssl
import stat
import struct
import subprocess
import threading

import pyarrow as pa
import pyarrow.flight as flight
import pytest
import requests
from lib.certificates import Authority, openssl
from lib.client import Client, create_tenant
from lib.server import Server, memory, program
from lib.sockets import read_all
from lib.wait import until

SSL_REQUEST = struct.pack(">II", 8, 80877103)
GSS_REQUEST = struct.pack(">II", 8, 80877104)
STARTUP = struct.pack(">II", 17, 3 << 16) + b"user\0abc\0"
REQUEST = b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def files(authority):
    return authority.issue("server")


def config_of(files, client_ca=None, more=""):
    certificate, key = files
    ca = f", client_ca: {client_ca}" if client_ca else ""
    return f"tls: {{cert: {certificate}, key: {key}{ca}}}\n{more}"


@pytest.fixture(scope="module")
def secure(tmp_path_factory, authority, files):
    """One server with TLS and short patience for all tests that leave it as it is."""
    server = Server(tmp_path_factory.mktemp("tls"), ca=authority.certificate,
                    config=config_of(files, authority.certificate, "limits: {tls.handshake_timeout: 2s}")).start()
    create_tenant(server, "tenant_acme")
    yield server
    assert server.running, server.log()[-4000:]
    server.stop()


def connect(server, timeout=10):
    return socket.create_connection(("127.0.0.1", server.port), timeout=timeout)


def trusting(server, alpn=None, certificate=None, **versions):
    context = ssl.create_default_context(cafile=server.trust)
    if alpn:
        context.set_alpn_protocols(alpn)
    if certificate:
        context.load_cert_chain(*certificate)
    for name, version in versions.items():
        setattr(context, name, version)
    return context


@contextlib.contextmanager
def secured(server, sock=None, **arguments):
    with sock or connect(server) as plain:
        with trusting(server, **arguments).wrap_socket(plain, server_hostname="localhost",
                                                       suppress_ragged_eofs=False) as sock:
            yield sock


def fingerprint(certificate):
    return openssl("x509", "-in", certificate, "-noout", "-sha256", "-fingerprint").strip().partition("=")[2]


def fingerprint_of(server):
    pem = ssl.get_server_certificate(("127.0.0.1", server.port))
    return openssl("x509", "-noout", "-sha256", "-fingerprint", input=pem).strip().partition("=")[2]


# --- Clients that do as they should. ---


def test_every_protocol_is_served_inside_tls(secure):
    table = pa.table({"k": range(1000)})
    client = Client(secure, "tenant_acme")
    client.upload("numbers", table, mode="replace")
    assert client.value("select sum(k) from numbers") == 499500
    assert client.request("GET", "/health").status_code == 200
    client.close()
    for version in ("--http1.1", "--http2"):
        run = subprocess.run(["curl", "-sS", version, "--cacert", secure.trust, "-w", "%{http_version}",
                              f"https://localhost:{secure.port}/health"], capture_output=True, text=True, timeout=30)
        assert run.returncode == 0, run.stderr
        assert run.stdout.endswith({"--http1.1": "1.1", "--http2": "2"}[version])


@pytest.mark.parametrize("alpn, chosen", [(["h2"], "h2"), (["http/1.1"], "http/1.1"), (["http/1.1", "h2"], "h2"), (None, None)])
def test_alpn_chooses_and_without_it_the_first_bytes_do(secure, alpn, chosen):
    with secured(secure, alpn=alpn) as sock:
        assert sock.selected_alpn_protocol() == chosen
        assert sock.version() == "TLSv1.3"
        if chosen == "h2":
            assert sock.recv(9)[3] == 4  # SETTINGS, before the client has said anything
        else:
            sock.sendall(REQUEST)
            assert read_all(sock).startswith(b"HTTP/1.1 200 OK")
    if chosen is None:
        with secured(secure) as sock:
            sock.sendall(PREFACE + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
            assert sock.recv(9)[3] == 4


def test_an_unknown_protocol_ends_the_handshake(secure):
    with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
        with secured(secure, alpn=["imap"]) as sock:
            sock.recv(1)


def test_the_end_is_said(secure):
    """close_notify, so that nobody can cut an answer short unseen."""
    with secured(secure) as sock:
        sock.sendall(REQUEST)
        assert b"HTTP/1.1 200" in read_all(sock)
        assert sock.recv(1) == b""


def test_large_tables_pass_both_ways(secure):
    client = Client(secure, "tenant_acme")
    table = pa.table({"k": range(2_000_000), "t": [f"text {k % 1000}" for k in range(2_000_000)]})
    assert client.upload("large", table, mode="replace", batch_rows=300_000)["rows"] == 2_000_000
    back = client.query("select * from large order by k")
    assert back.equals(table)
    client.close()


def test_many_results_at_once_on_one_connection(secure):
    client = Client(secure, "tenant_acme")
    sums = {}

    def work(number):
        sums[number] = sum(client.query(f"select i from range({number}, {number} + 100000) t(i)").column(0).to_pylist())

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sums == {number: sum(range(number, number + 100000)) for number in range(8)}
    client.close()


def test_old_tls_and_weak_ciphers_are_refused(secure):
    for words in (["-tls1"], ["-tls1_1"], ["-tls1_2", "-cipher", "AES128-SHA:AES256-SHA:ECDHE-ECDSA-AES128-SHA"]):
        run = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{secure.port}", *words],
                             input="", capture_output=True, text=True, timeout=30)
        assert run.returncode != 0, words
    with secured(secure, maximum_version=ssl.TLSVersion.TLSv1_2) as sock:
        assert sock.cipher()[0] == "ECDHE-ECDSA-AES128-GCM-SHA256"
        assert sock.compression() is None


def test_answers_carry_the_headers_of_a_secure_site(secure):
    answer = requests.get(f"{secure.url}/health", verify=secure.trust, timeout=10)
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    for name, value in {"x-content-type-options": "nosniff", "x-frame-options": "DENY", "referrer-policy": "no-referrer",
                        "cache-control": "no-store"}.items():
        assert answer.headers[name] == value
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    named = requests.get(f"https://localhost:{secure.port}/health", verify=secure.trust, timeout=10)
    assert "strict-transport-security" not in named.headers, "it would lock other programs on localhost out"


@pytest.mark.parametrize("origin, status", [("https", 200), ("http", 403)])
def test_pages_without_tls_are_other_sites(secure, origin, status):
    answer = requests.get(f"{secure.url}/health", headers={"origin": f"{origin}://127.0.0.1:{secure.port}"},
                          verify=secure.trust, timeout=10)
    assert answer.status_code == status


# --- Clients without TLS are told in their own language. ---


def test_plain_http_is_told_the_address(secure):
    answer = requests.get(f"http://127.0.0.1:{secure.port}/health", timeout=10)
    assert answer.status_code == 400
    assert f"https://127.0.0.1:{secure.port}" in answer.json()["error"]["message"]


def test_plain_http2_is_told_the_address(secure):
    settings = bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
    with connect(secure) as sock:
        sock.sendall(PREFACE + settings)
        assert sock.recv(9) == settings
        sock.sendall(bytes([0, 0, 1, 1, 5, 0, 0, 0, 1, 0x82]))  # HEADERS
        goaway = read_all(sock)
    assert goaway[3] == 7 and int.from_bytes(goaway[:3], "big") == len(goaway) - 9
    assert goaway[13:17] == bytes([0, 0, 0, 12]), "INADEQUATE_SECURITY"
    assert goaway[17:].decode() == f"this port speaks TLS: use https://127.0.0.1:{secure.port}"


def test_plain_flight_fails(secure):
    with flight.connect(f"grpc://127.0.0.1:{secure.port}") as client:
        with pytest.raises(flight.FlightUnavailableError, match="this port speaks TLS: use https://"):
            list(client.list_flights(options=flight.FlightCallOptions(timeout=5)))


def fields(packet):
    assert packet[:1] == b"E" and int.from_bytes(packet[1:5], "big") == len(packet) - 1
    return {field[:1]: field[1:].decode() for field in packet[5:].split(b"\0") if field}


def test_postgres_without_tls_is_refused(secure):
    with connect(secure) as sock:
        sock.sendall(STARTUP)
        answer = fields(read_all(sock))
    assert answer[b"C"] == "28000" and "TLS" in answer[b"M"]


def test_postgres_gets_tls_when_it_asks(secure):
    with connect(secure) as plain:
        plain.sendall(GSS_REQUEST)
        assert plain.recv(10) == b"N"
        plain.sendall(SSL_REQUEST)
        assert plain.recv(10) == b"S"
        with secured(secure, plain) as sock:
            sock.sendall(STARTUP)
            answer = fields(read_all(sock))
    assert answer[b"C"] == "0A000" and "PostgreSQL" in answer[b"M"]


@pytest.mark.parametrize("behind", [STARTUP, b"\x16", SSL_REQUEST, GSS_REQUEST, b"x"])
def test_what_lies_behind_a_request_for_encryption_ends_the_connection(secure, behind):
    for request in (SSL_REQUEST, GSS_REQUEST):
        with connect(secure) as sock:
            sock.sendall(request + behind)
            assert read_all(sock) == b""


@pytest.mark.parametrize("next_words", [STARTUP, SSL_REQUEST, REQUEST, PREFACE])
def test_who_was_promised_tls_has_to_begin_it(secure, next_words):
    with connect(secure) as sock:
        sock.sendall(SSL_REQUEST)
        assert sock.recv(10) == b"S"
        sock.sendall(next_words)
        assert read_all(sock) == b""


# --- Enemies. ---


def client_hello(server):
    """The first flight of a real client."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting(server).wrap_bio(incoming, outgoing, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def descriptors_of(server):
    return len(os.listdir(f"/proc/{server.pid}/fd"))


def still_serves(server):
    with secured(server) as sock:
        sock.sendall(REQUEST)
        assert read_all(sock).startswith(b"HTTP/1.1 200")


def test_tls_inside_tls_is_closed(secure):
    with secured(secure) as sock:
        sock.sendall(client_hello(secure))
        assert read_all(sock) == b""


def test_a_handshake_in_single_bytes_works(secure):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting(secure).wrap_bio(incoming, outgoing, server_hostname="localhost")
    with connect(secure) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def drive(step):
            while True:
                try:
                    result = step()
                except ssl.SSLWantReadError:
                    result = None
                for byte in outgoing.read():
                    sock.sendall(bytes([byte]))
                if result is not None:
                    return result
                incoming.write(sock.recv(1))

        drive(lambda: client.do_handshake() or True)
        drive(lambda: client.write(REQUEST))
        assert drive(lambda: client.read(100)).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("how", ["garbage", "record of zeros", "records that are too long", "alerts", "cut hello", "bit"])
def test_garbage_ends_the_connection_and_nothing_else(secure, how):
    hello = client_hello(secure)
    broken = {
        "garbage": b"\x16\x03\x01" + os.urandom(65536),
        "record of zeros": b"\x16\x03\x01\x40\x00" + bytes(65536),
        "records that are too long": b"\x16\x03\x01\xff\xff" + bytes(65536),
        "alerts": hello + b"\x15\x03\x03\x00\x02\x01\x00" * 5000,
        "cut hello": hello[:len(hello) // 2],
        "bit": hello[:40] + bytes([hello[40] ^ 255]) + hello[41:-20] + bytes(20),
    }[how]
    descriptors = descriptors_of(secure)
    with connect(secure) as sock:
        with contextlib.suppress(ConnectionError):
            sock.sendall(broken)
            if how == "cut hello":
                sock.shutdown(socket.SHUT_WR)
        assert b"HTTP" not in read_all(sock)
    still_serves(secure)
    until(lambda: descriptors_of(secure) <= descriptors, 10, "the end of the connection")


def test_garbage_inside_an_established_connection(secure):
    with secured(secure) as sock:
        sock.sendall(REQUEST[:10])
        raw = socket.socket(fileno=os.dup(sock.fileno()))
        with raw:
            raw.sendall(b"\x17\x03\x03\x40\x00" + os.urandom(65536))
            raw.settimeout(10)
            assert b"HTTP" not in read_all(raw)
    still_serves(secure)


def test_slow_handshakes_are_cut_off(secure):
    """tls.handshake_timeout is two seconds here; a byte now and then does not buy more."""
    hello = client_hello(secure)
    socks = [connect(secure, 20) for _ in range(50)]
    for sock in socks:
        sock.sendall(hello[:50])
    stop = threading.Event()

    def drip():
        for byte in hello[50:-1]:
            if stop.wait(0.2):
                return
            with contextlib.suppress(OSError):
                socks[0].sendall(bytes([byte]))

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        still_serves(secure)
        for sock in socks:
            assert read_all(sock) == b""
    finally:
        stop.set()
        thread.join()
        for sock in socks:
            sock.close()


def test_renegotiation_is_refused(secure):
    process = subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{secure.port}", "-tls1_2", "-CAfile",
                                secure.trust], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    out, _ = process.communicate(b"R\n", timeout=30)
    assert b"RENEGOTIATING" in out and b"no renegotiation" in out, out[-600:]
    still_serves(secure)


@pytest.mark.native
def test_a_client_that_takes_nothing_costs_bounded_memory(secure):
    before = memory(secure.pid)
    with connect(secure) as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with secured(secure, plain, alpn=["http/1.1"]) as sock:
            request = REQUEST.replace(b"connection: close\r\n", b"")
            sock.settimeout(1)
            with contextlib.suppress(OSError):
                for _ in range(100_000):
                    sock.sendall(request)
            assert memory(secure.pid) < before + (20 << 20)
    still_serves(secure)


def test_a_client_that_goes_in_the_middle_leaves_nothing(secure):
    descriptors = descriptors_of(secure)
    for _ in range(5):
        client = Client(secure, "tenant_acme")
        reader = client.reader("select range i, 'some text' || range t from range(5000000)")
        reader.read_chunk()
        client.close()
        del reader  # or it keeps the connection
    still_serves(secure)
    until(lambda: descriptors_of(secure) <= descriptors, 20, "the end of the connections")


# --- Certificates of clients. ---


def test_a_verified_certificate_lets_in_and_none_does_too(secure, authority):
    certificate = authority.issue("alice", usage="clientAuth")
    with secured(secure, certificate=certificate) as sock:
        sock.sendall(REQUEST)
        assert read_all(sock).startswith(b"HTTP/1.1 200")
    still_serves(secure)


@pytest.mark.parametrize("how", ["of another CA", "of a server", "ended"])
def test_a_wrong_certificate_is_refused(secure, authority, tmp_path, how):
    issuer = Authority(tmp_path / "other") if how == "of another CA" else authority
    name = f"mallory-{how.replace(' ', '-')}"
    certificate = issuer.issue(name, usage="serverAuth" if how == "of a server" else "clientAuth",
                               days=-1 if how == "ended" else 30)
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        with secured(secure, certificate=certificate) as sock:
            sock.sendall(REQUEST)
            sock.recv(1)


# --- Reload. ---


def reload(server, event):
    count = server.log().count(event)
    server.process.send_signal(signal.SIGHUP)
    until(lambda: server.log().count(event) > count, 10, event)


def test_sighup_takes_the_new_files_and_drops_nobody(make_server, authority, tmp_path):
    live = tmp_path / "live.crt", tmp_path / "live.key"
    first, second = authority.issue("first"), authority.issue("second", algorithm=["rsa:2048"])

    def put(files):
        for source, target in zip(files, live):
            target.write_bytes(source.read_bytes())

    put(first)
    server = make_server(config=config_of(live), ca=authority.certificate)
    assert fingerprint_of(server) == fingerprint(first[0])
    with secured(server, alpn=["http/1.1"]) as old:
        request = REQUEST.replace(b"connection: close\r\n", b"")
        old.sendall(request)
        assert old.recv(12) == b"HTTP/1.1 200"
        put(second)
        reload(server, "event=config.reloaded")
        assert fingerprint_of(server) == fingerprint(second[0])
        # A file that cannot be used changes nothing; neither does a key that does not fit.
        for broken in (b"nothing", first[1].read_bytes()):
            live[1].write_bytes(broken)
            reload(server, "event=config.not_reloaded")
            assert fingerprint_of(server) == fingerprint(second[0])
        old.recv(65536)
        old.sendall(REQUEST)
        assert b"HTTP/1.1 200" in read_all(old)
    assert server.log().count("tls.certificate ") == 2


def test_wrong_files_are_named_at_the_start(make_server, authority, files, tmp_path):
    other = authority.issue("other")
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("nothing")
    locked = tmp_path / "locked.key"
    openssl("ec", "-in", files[1], "-aes128", "-passout", "pass:secret", "-out", locked)
    for pair, message in (((files[0], other[1]), "the key does not fit"), ((nothing, files[1]), "no certificate in PEM"),
                          ((files[0], nothing), "the key cannot be read"), ((files[0], locked), "the key cannot be read")):
        server = make_server(start=False, config=config_of(pair))
        run = subprocess.run(server.command(), capture_output=True, text=True, timeout=30, env=server.clean_environment())
        assert run.returncode == 1 and message in run.stderr, (pair, run.stderr)


# --- A certificate of its own making. ---


def test_self_signed_keeps_its_certificate(make_server):
    server = make_server(flags=["--tls-self-signed"])
    shown = re.search(r"event=tls.certificate sha256=(\S+)", server.log())[1]
    assert shown == fingerprint(server.data / "tls.crt") == fingerprint_of(server)
    assert stat.S_IMODE((server.data / "tls.key").stat().st_mode) == 0o600
    text = openssl("x509", "-in", server.data / "tls.crt", "-noout", "-text")
    for name in ("DNS:localhost", "IP Address:127.0.0.1", "IP Address:0:0:0:0:0:0:0:1", "TLS Web Server Authentication"):
        assert name in text
    client = Client(server)
    assert client.request("GET", "/ready").status_code == 200
    client.close()
    server.stop()
    server.start()
    assert fingerprint_of(server) == shown
    server.stop()
    (server.data / "tls.key").write_text("broken")
    server.start()
    assert fingerprint_of(server) != shown


# --- Who may listen where. ---


@pytest.mark.parametrize("flags, config, message", [
    ([], None, "would not be encrypted"),
    (["--tls-self-signed"], None, "no users"),
    ([], "tls: proxy", "no users"),
])
def test_other_machines_need_tls_and_users(make_server, flags, config, message):
    server = make_server(start=False, flags=flags, config=config)
    run = subprocess.run(server.command("0.0.0.0:0"), capture_output=True, text=True, timeout=30,
                         env=server.clean_environment())
    assert run.returncode == 1 and message in run.stderr and "hint:" in run.stderr


def test_insecure_means_what_it_says(make_server):
    server = make_server(flags=["--insecure", "--listen", "0.0.0.0:0"])
    assert "event=server.insecure" in server.log()


# --- The command line. ---


def command(server, *words, directory=None, **environment):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("EIDER_")}
    return subprocess.run([program(), *map(str, words)], capture_output=True, text=True, timeout=60,
                          env=clean | environment, cwd=directory or server.directory)


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("quick"), flags=["--tls-self-signed"]).start()
    create_tenant(server, "tenant_acme")
    yield server
    server.stop()


def test_the_command_line_trusts_the_server_of_its_data_directory(quick, tmp_path):
    run = command(quick, "query", "--data", quick.data, "select 42 as answer")
    assert run.returncode == 0 and "42" in run.stdout, run.stderr
    table = tmp_path / "numbers.csv"
    table.write_text("a,b\n1,x\n2,y\n")
    run = command(quick, "ingest", "--data", quick.data, table)
    assert run.returncode == 0, run.stderr
    assert "2" in command(quick, "query", "--data", quick.data, "select count(*) from numbers").stdout


def test_the_command_line_trusts_whom_it_is_told_to(quick, tmp_path):
    name, shown = f"https://localhost:{quick.port}", fingerprint(quick.data / "tls.crt")
    table = tmp_path / "more.csv"
    table.write_text("a\n1\n")
    for words in (["query", "select 42"], ["ingest", table]):
        for environment in ({"EIDER_CA": quick.trust}, {"EIDER_FINGERPRINT": shown},
                            {"EIDER_FINGERPRINT": shown.replace(":", "").lower()}):
            run = command(quick, words[0], "--url", name, *words[1:], **environment)
            assert run.returncode == 0, (words, environment, run.stderr)
        run = command(quick, words[0], "--url", name, "--ca", quick.trust, *words[1:])
        assert run.returncode == 0, run.stderr


def test_the_command_line_trusts_nobody_else(quick, authority, tmp_path):
    name = f"https://localhost:{quick.port}"
    table = tmp_path / "more.csv"
    table.write_text("a\n1\n")
    for words in (["query", "select 42"], ["ingest", table]):
        for environment, message in (({}, "trusted"), ({"EIDER_CA": str(authority.certificate)}, "trusted"),
                                     ({"EIDER_FINGERPRINT": "AB" * 32}, "trusted"),
                                     ({"EIDER_FINGERPRINT": "AB"}, "no SHA-256 fingerprint"),
                                     ({"EIDER_CA": "/none"}, "CA certificates")):
            run = command(quick, words[0], "--url", name, *words[1:], **environment)
            assert run.returncode != 0 and message in run.stderr, (words, environment, run.stderr)
        run = command(quick, words[0], "--url", name.replace("https", "http"), *words[1:])
        assert run.returncode != 0 and "TLS" in run.stderr, (words, run.stderr)


def test_a_name_that_is_not_in_the_certificate_is_not_trusted(make_server, authority):
    files = authority.issue("elsewhere", names="DNS:elsewhere.example")
    server = make_server(start=False, config=config_of(files), ca=authority.certificate)
    server.process = subprocess.Popen(server.command(), stderr=subprocess.DEVNULL, env=server.clean_environment())
    address = server.data / "eider.addr"
    until(lambda: address.exists() and address.read_text().count("\n") == 2, 20, "the address")
    url = address.read_text().split()[0]
    server.scheme = "https"
    run = command(server, "tenant", "list", "--url", url, EIDER_CA=str(authority.certificate))
    assert run.returncode != 0 and "trusted" in run.stderr, run.stderr
    # The server's own directory says which certificate it has, whatever names are in it.
    run = command(server, "tenant", "list", "--data", server.data)
    assert run.returncode == 0, run.stderr


# --- A certificate as a login. ---


def test_the_name_in_a_verified_certificate_is_the_user(make_server, authority, files):
    server = make_server(ca=authority.certificate, config=config_of(files, authority.certificate))
    create_tenant(server, "tenant_acme")
    answer = requests.post(f"{server.url}/api/v1/users", json={"name": "alice", "admin": True, "password": "a long password"},
                           verify=server.trust, timeout=10)
    assert answer.status_code == 201, answer.text
    alice, bob = (authority.issue(name, usage="clientAuth") for name in ("alice", "bob"))

    def status(certificate):
        with requests.Session() as session:
            session.trust_env = False
            return session.get(f"{server.url}/api/v1/tenants", verify=server.trust, timeout=10,
                               cert=certificate and tuple(map(str, certificate))).status_code

    assert [status(certificate) for certificate in (alice, bob, None)] == [200, 401, 401]
    for certificate, works in ((alice, True), (bob, False), (None, False)):
        own = {"cert_chain": certificate[0].read_bytes(), "private_key": certificate[1].read_bytes()} if certificate else {}
        with flight.connect(server.flight_url, **server.flight_trust, **own) as client:
            options = flight.FlightCallOptions(timeout=20, headers=[(b"eider-tenant", b"tenant_acme")])
            if works:
                assert client.do_get(flight.Ticket(b"select 42"), options).read_all().num_rows == 1
            else:
                with pytest.raises(flight.FlightUnauthenticatedError):
                    client.do_get(flight.Ticket(b"select 42"), options).read_all()
    # With users and TLS, other machines may come.
    server.stop()
    server.flags = ["--listen", "0.0.0.0:0"]
    server.start()
    assert "event=server.insecure" not in server.log()
    assert [status(certificate) for certificate in (alice, None)] == [200, 401]


def test_behind_a_proxy_nobody_is_on_this_machine(make_server):
    """Else whoever comes through a proxy on this machine would have the rights of its owner."""
    server = make_server(start=False, config="tls: proxy")
    open_server = Server(server.directory).start()
    answer = requests.post(f"{open_server.url}/api/v1/users", json={"name": "alice", "admin": True, "password": "a long password"},
                           timeout=10)
    assert answer.status_code == 201, answer.text
    open_server.stop()
    server.start()
    answer = requests.get(f"{server.url}/api/v1/tenants", headers={"x-forwarded-for": "127.0.0.1"}, timeout=10)
    assert answer.status_code == 401
    server.stop()

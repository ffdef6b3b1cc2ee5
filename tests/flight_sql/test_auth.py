"""Who asks, over Flight: every client's way to log in, what comes back, and what strangers get."""

import base64
import concurrent.futures

import adbc_driver_flightsql
import adbc_driver_flightsql.dbapi
import grpc
import pyarrow as pa
import pyarrow.flight as flight
import pytest

from lib import certificates, flightsql, people, rawflight
from lib.client import FAILS, create_tenant
from lib.rawflight import field

HANDSHAKE = "/arrow.flight.protocol.FlightService/Handshake"
OPTIONS = adbc_driver_flightsql.DatabaseOptions
PATIENT = "limits:\n  user.max_failures: 1000\n"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A server with users: root, and bob who reads tenant_a and hears nothing of tenant_b."""
    from lib.server import Server
    server = Server(tmp_path_factory.mktemp("guarded"), config=PATIENT).start()
    for tenant in "tenant_a", "tenant_b":
        create_tenant(server, tenant)
    server.root = people.administrator(server)
    server.bob = people.user(server.root, "bob", tenant_a="reader")
    yield server
    server.stop()


@pytest.fixture
def client(guarded):
    client = flight.FlightClient(guarded.flight_url)
    yield client
    client.close()


def basic(user, password=people.PASSWORD, padded=True):
    text = base64.b64encode(f"{user}:{password}".encode()).decode()
    return "Basic " + (text if padded else text.rstrip("="))


def options(authorization=None, **headers):
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return flight.FlightCallOptions(headers=([(b"authorization", authorization.encode())] if authorization else []) + pairs)


def value(client, sql, call_options):
    return client.do_get(flight.Ticket(sql.encode()), call_options).read_all().column(0)[0].as_py()


def handshake(server, messages=(), **headers):
    """Status, details, answers, initial metadata, trailing metadata."""
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        call = channel.stream_stream(HANDSHAKE, request_serializer=bytes, response_deserializer=bytes)(
            iter(messages), metadata=list(headers.items()), timeout=20)
        answers = []
        try:
            answers.extend(call)
        except grpc.RpcError:
            pass
        return call.code(), call.details() or "", answers, dict(call.initial_metadata()), dict(call.trailing_metadata())


# Who is let in.

@pytest.mark.parametrize("user", ["root", "bob"])
@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
def test_basic_on_any_call(guarded, client, user, padded, scheme):
    authorization = basic(user, padded=padded).replace("Basic", scheme)
    assert value(client, "SELECT 1", options(authorization, eider_tenant="tenant_a")) == 1


def test_basic_is_answered_with_a_bearer_that_works(guarded):
    seen = {}

    class Look(flight.ClientMiddleware):
        def received_headers(self, headers):
            seen.update(headers)

    class Factory(flight.ClientMiddlewareFactory):
        def start_call(self, info):
            return Look()

    client = flight.FlightClient(guarded.flight_url, middleware=[Factory()])
    assert value(client, "SELECT 1", options(basic("bob"))) == 1
    (bearer,) = seen["authorization"]
    assert bearer.startswith("Bearer ")
    seen.clear()
    assert value(client, "SELECT 2", options(bearer)) == 2
    assert "authorization" not in seen
    client.close()


def test_a_session_goes_on_from_the_password_to_the_bearer(guarded):
    """ADBC sends Basic until the first answer, and from then on the bearer that it brought."""
    connection = adbc_driver_flightsql.dbapi.connect(
        f"grpc://127.0.0.1:{guarded.port}",
        db_kwargs={OPTIONS.AUTHORIZATION_HEADER.value: basic("root"),
                   OPTIONS.RPC_CALL_HEADER_PREFIX.value + "eider-tenant": "tenant_a"}, autocommit=True)
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE mine AS SELECT 7 AS x")
        for _ in range(3):
            cursor.execute("SELECT x FROM mine")
            assert cursor.fetchall() == [(7,)]


def test_adbc_with_user_and_password(guarded):
    connection = adbc_driver_flightsql.dbapi.connect(
        f"grpc://127.0.0.1:{guarded.port}", db_kwargs={"username": "bob", "password": people.PASSWORD}, autocommit=True)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        assert cursor.fetchall() == [("tenant_a",)]
    with pytest.raises(adbc_driver_flightsql.dbapi.Error, match="user or password is wrong"):
        adbc_driver_flightsql.dbapi.connect(f"grpc://127.0.0.1:{guarded.port}",
                                            db_kwargs={"username": "bob", "password": "wrong"})


def test_pyarrow_logs_in(guarded, client):
    pair = client.authenticate_basic_token("bob", people.PASSWORD)
    assert pair[0] == b"authorization" and pair[1].startswith(b"Bearer ")
    assert value(client, "SELECT 1", flight.FlightCallOptions(headers=[pair])) == 1
    with pytest.raises(flight.FlightUnauthenticatedError):
        client.authenticate_basic_token("bob", "wrong password")


def test_the_oldest_clients_log_in_by_messages(guarded, client):
    class Handler(flight.ClientAuthHandler):
        def authenticate(self, outgoing, incoming):
            auth = flight.BasicAuth(b"bob", people.PASSWORD.encode())
            outgoing.write(auth.serialize())
            self.token = incoming.read()

        def get_token(self):
            return self.token

    client.authenticate(Handler())
    assert value(client, "SELECT 1", None) == 1


def test_the_bearer_is_in_headers_and_trailers(guarded):
    code, _, answers, initial, trailing = handshake(guarded, authorization=basic("bob", padded=False))
    assert code == grpc.StatusCode.OK and answers == []
    assert initial["authorization"].startswith("Bearer ")
    assert trailing["authorization"] == initial["authorization"]
    code, _, answers, initial, _ = handshake(guarded, [b""], authorization=basic("bob"))  # Rust
    assert code == grpc.StatusCode.OK and initial["authorization"].startswith("Bearer ")
    code, _, _, again, _ = handshake(guarded, [b""], authorization=initial["authorization"])  # ODBC
    assert code == grpc.StatusCode.OK and again["authorization"] == initial["authorization"]


def test_a_token_is_let_in_and_stays_a_token(guarded, client):
    token = guarded.bob.token("laptop").headers["Authorization"]
    assert value(client, "SELECT 1", options(token)) == 1
    code, _, _, initial, _ = handshake(guarded, authorization=token)
    assert code == grpc.StatusCode.OK and initial["authorization"] == token


def test_a_token_names_no_session(guarded):
    one, two = (flight.FlightClient(guarded.flight_url) for _ in range(2))
    token = options(guarded.bob.token("shared").headers["Authorization"])
    one.do_get(flight.Ticket(b"SET TimeZone = 'Asia/Tokyo'"), token).read_all()
    assert value(one, "SELECT current_setting('TimeZone')", token) == "Asia/Tokyo"
    assert value(two, "SELECT current_setting('TimeZone')", token) == "UTC"
    one.close()
    two.close()


# Who is not.

BAD = [None, "Basic", "Basic !!!", "Basic " + base64.b64encode(b"bob").decode(), basic("bob", "wrong password"),
       basic("nobody"), "Bearer", "Bearer x", "Bearer eider_l1.AAAA", "Digest x", "x" * 5000]


@pytest.mark.parametrize("authorization", BAD)
def test_strangers_are_refused(strangers, authorization):
    server, client = strangers
    call_options = options(authorization, eider_tenant="tenant_a")
    for call in (
            lambda: client.do_get(flight.Ticket(b"SELECT 1"), call_options).read_all(),
            lambda: client.get_flight_info(flight.FlightDescriptor.for_command(b"SELECT 1"), call_options),
            lambda: client.get_schema(flight.FlightDescriptor.for_command(b"SELECT 1"), call_options),
            lambda: list(client.list_flights(options=call_options)),
            lambda: list(client.list_actions(call_options)),
            lambda: list(client.do_action(flight.Action("GetSessionOptions", b""), call_options)),
            lambda: put(client, call_options)):
        with pytest.raises((flight.FlightUnauthenticatedError, OSError), match="unauthenticated error"):
            call()


def put(client, call_options):
    data = pa.table({"i": [1]})
    writer, _ = client.do_put(flight.FlightDescriptor.for_path("t"), data.schema, call_options)
    with writer:
        writer.write_table(data)
        writer.done_writing()


@pytest.fixture(scope="module")
def strangers(tmp_path_factory):
    from lib.server import Server
    server = Server(tmp_path_factory.mktemp("strangers"), config=PATIENT).start()
    create_tenant(server, "tenant_a")
    people.user(people.administrator(server), "bob", tenant_a="reader")
    client = flight.FlightClient(server.flight_url)
    yield server, client
    client.close()
    server.stop()


@pytest.mark.parametrize("messages, headers", [
    ([], {}), ([b""], {}), ([field(2, b"a token")], {}), ([field(2, field(2, b"bob") + field(3, b"wrong"))], {}),
    ([field(2, field(2, b"bob"))], {}), ([], {"authorization": basic("bob", "wrong")}), ([], {"authorization": "x"})])
def test_handshakes_of_strangers(strangers, messages, headers):
    code, details, answers, initial, _ = handshake(strangers[0], messages, **headers)
    assert code == grpc.StatusCode.UNAUTHENTICATED and answers == [] and "authorization" not in initial
    assert "hint:" in details


def test_a_handshake_that_is_no_message(strangers):
    assert handshake(strangers[0], [b"\x12\xff"])[0] == grpc.StatusCode.INVALID_ARGUMENT


def test_what_a_call_sends_waits_for_its_password(guarded):
    """Megabytes may arrive while the password is being hashed; nothing of them is lost, nothing is done before."""
    data = pa.table({"i": range(1000000)})
    messages = rawflight.ipc_parts(data)
    stream = [rawflight.flight_data(header, body or None, rawflight.path("uploaded") if index == 0 else None)
              for index, (header, body) in enumerate(messages)]
    people.user(guarded.root, "writer", tenant_a="owner")
    for password, expected in (people.PASSWORD, grpc.StatusCode.OK), ("wrong", grpc.StatusCode.UNAUTHENTICATED):
        code, details, _ = rawflight.put(guarded, stream, "tenant_a", headers=[("authorization", basic("writer", password))])
        assert code == expected, details
    client = flight.FlightClient(guarded.flight_url)
    assert value(client, "SELECT count(*) FROM uploaded", options(basic("bob"))) == 1000000
    client.close()


def test_clients_that_leave_while_their_password_is_hashed(guarded, client):
    def leave(number):
        with grpc.insecure_channel(f"127.0.0.1:{guarded.port}") as channel:
            call = channel.unary_stream(rawflight.DO_GET, request_serializer=bytes, response_deserializer=bytes)(
                field(1, b"SELECT 1"), metadata=[("authorization", basic("bob", f"wrong {number}"))])
            call.cancel()

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(leave, range(32)))
    assert value(client, "SELECT 1", options(guarded.bob.headers["Authorization"])) == 1


# What they see.

def test_a_hidden_tenant_is_one_that_does_not_exist(guarded, client):
    errors = set()
    for tenant in "tenant_b", "tenant_z":
        with pytest.raises(FAILS) as error:
            value(client, "SELECT 1", options(guarded.bob.headers["Authorization"], eider_tenant=tenant))
        errors.add((type(error.value), str(error.value).split(".")[0].replace(tenant, "X")))
    assert len(errors) == 1
    listed = flightsql.get_options(client, options(guarded.bob.headers["Authorization"]))
    assert listed["catalog"] == "tenant_a"
    assert flightsql.set_options(client, options(guarded.bob.headers["Authorization"]), catalog="tenant_b") == {"catalog": 2}


def test_flights_of_hidden_tenants_are_not_listed(guarded, client):
    root = guarded.root.headers["Authorization"]
    for tenant in "tenant_a", "tenant_b":
        client.do_get(flight.Ticket(b"CREATE TABLE IF NOT EXISTS seen(i INTEGER)"), options(root, eider_tenant=tenant)).read_all()

    def tenants(authorization):
        return {info.descriptor.path[0].decode() for info in client.list_flights(options=options(authorization))}

    assert tenants(root) == {"tenant_a", "tenant_b"}
    assert tenants(guarded.bob.headers["Authorization"]) == {"tenant_a"}


def test_the_cookie_of_another_user_is_none(guarded):
    cookies = flightsql.Cookies()
    one = flight.FlightClient(guarded.flight_url, middleware=[cookies])
    two = flight.FlightClient(guarded.flight_url)
    root, bob = options(guarded.root.headers["Authorization"], eider_tenant="tenant_a"), guarded.bob.headers["Authorization"]
    one.do_get(flight.Ticket(b"SET TimeZone = 'Asia/Tokyo'"), root).read_all()
    stolen = options(bob, cookie=f"eider_session={cookies.jar['eider_session']}")
    assert value(two, "SELECT current_setting('TimeZone')", stolen) == "UTC"
    assert value(one, "SELECT current_setting('TimeZone')", root) == "Asia/Tokyo"
    one.close()
    two.close()


def test_two_users_of_one_connection_keep_their_things_apart(guarded, client):
    root = options(guarded.root.headers["Authorization"], eider_tenant="tenant_a")
    bob = options(guarded.bob.headers["Authorization"])
    client.do_get(flight.Ticket(b"SET TimeZone = 'Asia/Tokyo'"), root).read_all()
    assert value(client, "SELECT current_setting('TimeZone')", bob) == "UTC"


def test_the_end_of_a_user_ends_logins(guarded, client):
    people.user(guarded.root, "carol", tenant_a="reader")
    pair = client.authenticate_basic_token("carol", people.PASSWORD)
    bearer = flight.FlightCallOptions(headers=[pair])
    assert value(client, "SELECT 1", bearer) == 1
    assert guarded.root.request("DELETE", "/api/v1/users/carol").status_code == 204
    with pytest.raises(flight.FlightUnauthenticatedError):
        value(client, "SELECT 1", bearer)


# Over TLS.

def test_a_certificate_names_its_user_and_the_cookie_stays_inside(make_server, tmp_path):
    authority = certificates.Authority(tmp_path / "ca")
    certificate, key = authority.issue("server")
    server = make_server()
    create_tenant(server, "tenant_a")
    people.user(people.administrator(server), "bob", tenant_a="reader")
    server.stop()
    server.config = f"tls: {{cert: {certificate}, key: {key}, client_ca: {authority.certificate}}}\n"
    server.ca = authority.certificate
    server.start()

    def connect(name=None):
        cookies = flightsql.Cookies()
        more = {}
        if name:
            files = authority.issue(name, "clientAuth")
            more = {"cert_chain": files[0].read_text(), "private_key": files[1].read_text()}
        return flight.FlightClient(server.flight_url, middleware=[cookies], **server.flight_trust, **more), cookies

    client, cookies = connect("bob")
    assert value(client, "SELECT current_database()", None) == "tenant_a"
    assert "Secure" in {part.strip() for part in cookies.seen[0].split(";")}
    for name in None, "mallory":
        client, _ = connect(name)
        with pytest.raises(flight.FlightUnauthenticatedError):
            value(client, "SELECT 1", None)
    assert value(client, "SELECT 1", options(basic("bob"))) == 1  # what is shown wins over the certificate

"""Messages of Flight SQL and session options as bytes, and the actions that carry them, for what pyarrow has no words for."""

import struct

import pyarrow.flight as flight

from lib.rawflight import field, varint

PACKAGE = "type.googleapis.com/arrow.flight.protocol.sql."


def fields(message):
    """(number, value) of a protobuf message: bytes or int."""
    at, found = 0, []

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(message):
        tag = number()
        kind = tag & 7
        if kind == 0:
            value = number()
        elif kind == 2:
            size = number()
            value, at = message[at:at + size], at + size
        else:
            size = {1: 8, 5: 4}[kind]
            value, at = message[at:at + size], at + size
        found.append((tag >> 3, value))
    return found


def wrap(name, message=b""):
    """google.protobuf.Any."""
    return field(1, (PACKAGE + name).encode()) + (field(2, message) if message else b"")


def unwrap(name, data):
    parts = dict(fields(data))
    assert parts[1].decode() == PACKAGE + name
    return parts.get(2, b"")


def act(client, action, body=b"", options=None):
    """The bodies of an action's results; client: a FlightClient."""
    return [result.body.to_pybytes() for result in client.do_action(flight.Action(action, body), options)]


# Statements and transactions.

def query(client, sql, transaction=None, options=None):
    """CommandStatementQuery: GetFlightInfo, then DoGet of each endpoint; gives the first column."""
    message = field(1, sql.encode()) + (field(2, transaction) if transaction else b"")
    info = client.get_flight_info(flight.FlightDescriptor.for_command(wrap("CommandStatementQuery", message)), options)
    tables = [client.do_get(endpoint.ticket, options).read_all() for endpoint in info.endpoints]
    return [value for table in tables for value in table.column(0).to_pylist()]


def begin(client, options=None):
    (result,) = act(client, "BeginTransaction", wrap("ActionBeginTransactionRequest"), options)
    return dict(fields(unwrap("ActionBeginTransactionResult", result)))[1]


def end(client, transaction, action=1, options=None):
    message = field(1, transaction) + varint(2 << 3) + varint(action)
    assert act(client, "EndTransaction", wrap("ActionEndTransactionRequest", message), options) == []


# Session options.

def option_value(value):
    if value is None:
        return b""
    if isinstance(value, bool):
        return b"\x10" + bytes([value])
    if isinstance(value, int):
        return b"\x19" + struct.pack("<q", value)
    if isinstance(value, float):
        return b"\x21" + struct.pack("<d", value)
    if isinstance(value, list):
        return field(5, b"".join(field(1, text.encode()) for text in value))
    return field(1, value.encode())


def set_options(client, options=None, **values):
    """Names of options that were refused, with why: 1 name, 2 value, 3 other."""
    body = b"".join(field(1, field(1, name.replace("__", ".").encode()) + field(2, option_value(value)))
                    for name, value in values.items())
    (result,) = act(client, "SetSessionOptions", body, options)
    errors = {}
    for _, entry in fields(result):
        parts = dict(fields(entry))
        errors[parts[1].decode()] = dict(fields(parts[2]))[1]
    return errors


def get_options(client, options=None):
    (result,) = act(client, "GetSessionOptions", b"", options)
    found = {}
    for _, entry in fields(result):
        parts = dict(fields(entry))
        ((number, value),) = fields(parts[2])
        found[parts[1].decode()] = struct.unpack("<q", value)[0] if number == 3 else value.decode()
    return found


def close_session(client, options=None):
    """The status: 1 is closed."""
    (result,) = act(client, "CloseSession", b"", options)
    return dict(fields(result))[1]


class Cookies(flight.ClientMiddlewareFactory):
    """A cookie jar, as JDBC and ODBC always have one and ADBC on demand."""

    def __init__(self):
        super().__init__()
        self.jar = {}
        self.seen = []  # every set-cookie as it came

    def start_call(self, info):
        return CookieMiddleware(self)


class CookieMiddleware(flight.ClientMiddleware):
    def __init__(self, cookies):
        super().__init__()
        self.cookies = cookies

    def sending_headers(self):
        jar = self.cookies.jar
        return {"cookie": "; ".join(f"{name}={value}" for name, value in jar.items())} if jar else {}

    def received_headers(self, headers):
        for text in headers.get("set-cookie", []):
            self.cookies.seen.append(text)
            name, _, value = text.split(";")[0].partition("=")
            if "Max-Age=0" in text:
                self.cookies.jar.pop(name, None)
            else:
                self.cookies.jar[name] = value

"""A server to be mistreated: limits of its own, short ways to ask it, and its memory and descriptors from outside."""

import atexit
import contextlib
import json
import os
import pathlib

import pyarrow as pa
import pyarrow.flight as flight
import requests

from lib.server import Server, memory


class StatementError(Exception):
    def __init__(self, status, text):
        super().__init__(f"{status}: {text}")
        self.status = status
        self.text = text


class Front(Server):
    def __init__(self, directory, limits=None, **arguments):
        super().__init__(directory, **arguments)
        atexit.register(self.kill)  # a test that fails leaves no server behind
        if limits:
            self.config = "limits:\n" + "".join(f"  {name}: {value}\n" for name, value in limits.items())

    # Asking it.

    def get(self, path, timeout=30, **arguments):
        return requests.get(self.url + path, timeout=timeout, **arguments)

    def post(self, path, document, timeout=30, **arguments):
        return requests.post(self.url + path, json=document, timeout=timeout, **arguments)

    def create_tenants(self, *tenants):
        for tenant in tenants:
            answer = self.post("/api/v1/tenants", {"id": tenant})
            assert answer.status_code in (200, 201), answer.text
        return self

    def query(self, sql, tenant="tenant_acme", timeout=30):
        """Rows of a statement by REST; an error is raised with its text."""
        answer = self.post("/api/v1/query", {"sql": sql, "tenant": tenant}, timeout)
        if answer.status_code != 200:
            raise StatementError(answer.status_code, answer.text)
        return answer.json()["rows"]

    def statements(self, tenant=None):
        found = self.get("/api/v1/statements").json()
        found = found["statements"] if isinstance(found, dict) else found
        return [statement for statement in found if tenant in (None, statement["tenant"])]

    def running_statements(self, tenant=None):
        return [statement for statement in self.statements(tenant) if statement["state"] != "ended"]

    def fetch(self, sql, tenant="tenant_acme", timeout=30):
        """A result by Flight, on a connection of its own."""
        ticket = flight.Ticket(json.dumps({"sql": sql, "tenant": tenant}).encode())
        with flight.connect(self.flight_url) as client:
            return client.do_get(ticket, flight.FlightCallOptions(timeout=timeout)).read_all()

    def upload(self, table, data, tenant="tenant_acme", mode="create_append", timeout=60, batch_rows=None, client=None):
        """Uploads; gives the JSON of the PutResult, which is the server's word that the rows are durable."""
        descriptor = flight.FlightDescriptor.for_path(tenant, "default", table)
        options = flight.FlightCallOptions(timeout=timeout, headers=[(b"eider-mode", mode.encode())])
        with contextlib.ExitStack() as stack:
            client = client or stack.enter_context(flight.connect(self.flight_url))
            writer, reader = client.do_put(descriptor, data.schema, options)
            with writer:
                writer.write_table(data, batch_rows)
                writer.done_writing()
                result = reader.read()
        assert result is not None, "the upload ended without a PutResult"
        return json.loads(result.to_pybytes())

    # Watching it.

    def memory_mb(self):
        return memory(self.pid) / (1 << 20)

    def peak_mb(self):
        return memory(self.pid, "VmHWM") / (1 << 20)

    def forget_peak(self):
        pathlib.Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))


def numbers(first, count):
    """Rows that can be told apart: a key, and a text that belongs to it."""
    keys = range(first, first + count)
    return pa.table({"k": pa.array(keys, pa.int64()), "v": pa.array([f"value {key}" for key in keys])})

"""The two clients that most tests use: pyarrow over Flight, requests over HTTP; both named after what they do."""

import json

import pyarrow as pa
import pyarrow.flight as flight
import requests

# What pyarrow raises for an error of the server, whatever its kind.
FAILS = (pa.ArrowException, flight.FlightError)


class Client:
    """A tenant of a server, as its user sees it."""

    def __init__(self, server, tenant=None):
        self.server = server
        self.tenant = tenant
        self.flight = flight.FlightClient(server.flight_url, **server.flight_trust)
        self.http = requests.Session()
        self.http.trust_env = False  # a CA bundle of the environment would win
        self.http.verify = server.trust or True
        self.http.trust_env = False  # a CA bundle of the environment would win
        self.http.verify = server.trust or True

    def close(self):
        self.flight.close()
        self.http.close()

    # Flight.

    def options(self, timeout=None, **headers):
        """Call options; keyword arguments become headers: mode="create" is eider-mode: create."""
        if self.tenant and "tenant" not in headers:
            headers["tenant"] = self.tenant
        pairs = [(f"eider-{name}".encode(), value.encode()) for name, value in headers.items() if value is not None]
        return flight.FlightCallOptions(timeout=timeout, headers=pairs)

    def reader(self, sql, timeout=None, **headers):
        ticket = flight.Ticket(sql if isinstance(sql, bytes) else sql.encode())
        return self.flight.do_get(ticket, self.options(timeout, **headers))

    def query(self, sql, timeout=None, **headers):
        """The whole result as a pyarrow table."""
        return self.reader(sql, timeout, **headers).read_all()

    def value(self, sql, **headers):
        """The one value of a result with one row and one column."""
        rows = self.query(sql, **headers)
        assert (rows.num_rows, rows.num_columns) == (1, 1), f"{sql}: {rows.num_rows} rows, {rows.num_columns} columns"
        return rows.column(0)[0].as_py()

    def upload(self, table, data, batch_rows=None, app_metadata=None, write_options=None, timeout=60, schema=None,
               **headers):
        """Uploads a table, or batches of a schema; gives the JSON of the PutResult."""
        path = [table] if isinstance(table, str) else list(table)
        schema = schema or data.schema
        options = self.options(timeout, **headers)
        if write_options is not None:
            options = flight.FlightCallOptions(timeout=timeout, headers=[(b"eider-tenant", self.tenant.encode())],
                                               write_options=write_options)
        writer, reader = self.flight.do_put(flight.FlightDescriptor.for_path(*path), schema, options)
        try:
            for batch in data.to_batches(batch_rows) if isinstance(data, pa.Table) else data:
                if app_metadata is not None:
                    writer.write_with_metadata(batch, app_metadata)
                    app_metadata = None
                else:
                    writer.write_batch(batch)
            writer.done_writing()
            answer = reader.read()
        finally:
            writer.close()
        return json.loads(answer.to_pybytes())

    # HTTP.

    def request(self, method, path, **arguments):
        return self.http.request(method, self.server.url + path, timeout=60, **arguments)

    def post_query(self, sql, accept="application/json", tenant=None, **more):
        body = {"sql": sql} | ({"tenant": tenant or self.tenant} if tenant or self.tenant else {}) | more
        return self.request("POST", "/api/v1/query", json=body, headers={"Accept": accept})

    def rows(self, sql):
        """Rows of a result by REST."""
        answer = self.post_query(sql)
        assert answer.status_code == 200, answer.text
        return answer.json()["rows"]

    def statements(self):
        answer = self.request("GET", "/api/v1/statements").json()
        return answer["statements"] if isinstance(answer, dict) else answer


def create_tenant(server, tenant):
    answer = requests.post(f"{server.url}/api/v1/tenants", json={"id": tenant}, timeout=60,
                           verify=server.trust)
    assert answer.status_code in (200, 201), answer.text


def delete_tenant(server, tenant):
    return requests.delete(f"{server.url}/api/v1/tenants/{tenant}", timeout=60, verify=server.trust,
                           headers={"Content-Type": "application/json"})

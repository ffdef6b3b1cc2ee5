"""Iceberg's REST protocol by hand: one tenant's catalog as a client of HTTP."""

import uuid

import requests

SCHEMA = {"type": "struct", "fields": [{"id": 1, "name": "k", "type": "long", "required": True},
                                       {"id": 2, "name": "v", "type": "string", "required": False}]}


class RawIceberg:
    """Paths are below /iceberg/v1/{prefix}; `headers` go with every request."""

    def __init__(self, server, tenant, headers=None):
        self.server, self.tenant = server, tenant
        self.base = f"{server.url}/iceberg/v1"
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers.update(headers or {})

    def ask(self, method, path, body=None, **arguments):
        headers = arguments.pop("headers", {})
        if body is not None and "data" not in arguments:
            arguments["json"] = body
        return self.session.request(method, f"{self.base}/{path}", headers=headers, timeout=60, **arguments)

    def __call__(self, method, path="", body=None, **arguments):
        return self.ask(method, f"{self.tenant}{path}", body, **arguments)

    # Shorter ways.

    def need(self, method, path, body=None, status=200, **arguments):
        answer = self(method, path, body, **arguments)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def make_namespace(self, name=None, properties=None):
        """A new namespace of one level; gives its name."""
        name = name or f"n{uuid.uuid4().hex[:12]}"
        self.need("POST", "/namespaces", {"namespace": [name], "properties": properties or {}})
        return name

    def make_table(self, namespace, name="t", **more):
        return self.need("POST", f"/namespaces/{namespace}/tables", {"name": name, "schema": SCHEMA} | more)

    def set_property(self, namespace, name, key, value, requirements=(), **arguments):
        return self("POST", f"/namespaces/{namespace}/tables/{name}",
                    {"requirements": list(requirements), "updates": [{"action": "set-properties", "updates": {key: value}}]}, **arguments)

    def make_view(self, namespace, name="v"):
        version = {"version-id": 1, "schema-id": 0, "timestamp-ms": 1700000000000, "summary": {}, "default-namespace": [namespace],
                   "representations": [{"type": "sql", "sql": "SELECT 1 AS k", "dialect": "duckdb"}]}
        schema = {"type": "struct", "schema-id": 0, "fields": [{"id": 1, "name": "k", "type": "int", "required": False}]}
        return self.need("POST", f"/namespaces/{namespace}/views",
                         {"name": name, "schema": schema, "view-version": version, "properties": {}})


def refused(answer, status, kind):
    """The answer is this error, in the specification's envelope."""
    assert answer.status_code == status, f"{answer.status_code} {answer.text}"
    error = answer.json()["error"]
    assert (error["code"], error["type"], error["stack"]) == (status, kind, []), error
    assert error["message"]
    return error["message"]

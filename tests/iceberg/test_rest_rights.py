"""Who may do what through Iceberg's protocol; what is hidden is not there."""

import requests
from lib.rawiceberg import RawIceberg, refused


def test_strangers_are_asked_who_they_are(guarded):
    answer = guarded.wire(None)("GET", "/namespaces")
    refused(answer, 401, "NotAuthorizedException")
    assert "Bearer" in answer.headers["WWW-Authenticate"]
    refused(requests.get(f"{guarded.server.url}/iceberg/v1/config", timeout=30), 401, "NotAuthorizedException")
    refused(RawIceberg(guarded.server, "tenant_a", {"Authorization": "Bearer wrong"})("GET", "/namespaces"), 401,
            "NotAuthorizedException")


def test_hidden_tenants_are_not_there(guarded):
    hidden, absent = (guarded.wire(guarded.owner, tenant) for tenant in ("tenant_b", "tenant_c"))
    for wire in (hidden, absent):
        refused(wire.ask("GET", "config", params={"warehouse": wire.tenant}), 404, "NoSuchWarehouseException")
        refused(wire("POST", "/namespaces", {"namespace": ["n"]}), 404, "NoSuchWarehouseException")
        refused(wire("GET", "/namespaces/n/tables/t"), 404, "NoSuchWarehouseException")
    said = [wire("GET", "/namespaces").json()["error"]["message"].replace(wire.tenant, "T") for wire in (hidden, absent)]
    assert said[0] == said[1]


def test_the_only_visible_tenant_is_the_default(guarded):
    assert guarded.wire(guarded.owner).ask("GET", "config").json()["overrides"]["prefix"] == "tenant_a"
    refused(guarded.wire(guarded.reader).ask("GET", "config"), 400, "BadRequestException")


def test_readers_read(guarded):
    owner, reader = guarded.wire(guarded.owner), guarded.wire(guarded.reader)
    namespace = owner.make_namespace()
    owner.make_table(namespace)
    assert reader("GET", f"/namespaces/{namespace}/tables/t").status_code == 200
    assert reader("HEAD", f"/namespaces/{namespace}").status_code == 204
    for method, path, body in (("POST", "/namespaces", {"namespace": ["x"]}), ("DELETE", f"/namespaces/{namespace}", None),
                               ("POST", f"/namespaces/{namespace}/tables", {"name": "u", "schema": {"type": "struct", "fields": []}}),
                               ("DELETE", f"/namespaces/{namespace}/tables/t", None),
                               ("POST", f"/namespaces/{namespace}/properties", {"updates": {"a": "b"}}),
                               ("POST", "/tables/rename", {"source": {"namespace": [namespace], "name": "t"},
                                                           "destination": {"namespace": [namespace], "name": "u"}})):
        refused(reader(method, path, body), 403, "ForbiddenException")
    refused(reader.set_property(namespace, "t", "a", "b"), 403, "ForbiddenException")
    assert reader("GET", f"/namespaces/{namespace}/tables/t").status_code == 200


def test_writers_do_not_change_what_a_table_is(guarded):
    owner, writer = guarded.wire(guarded.owner), guarded.wire(guarded.writer)
    namespace = owner.make_namespace()
    owner.make_table(namespace)
    refused(writer.set_property(namespace, "t", "a", "b"), 403, "ForbiddenException")
    refused(writer("DELETE", f"/namespaces/{namespace}/tables/t"), 403, "ForbiddenException")
    assert owner.set_property(namespace, "t", "a", "b").status_code == 200


def test_refusals_are_in_the_audit_trail(guarded):
    reader = guarded.wire(guarded.reader)
    refused(reader("POST", "/namespaces", {"namespace": ["audited"]}), 403, "ForbiddenException")
    rows = guarded.root.request("GET", "/api/v1/audit?user=reader&tenant=tenant_a").json()["entries"]
    assert any(row["result"] == "permission_denied" for row in rows), rows

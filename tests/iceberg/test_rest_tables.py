"""Namespaces, tables and views on the wire: pages, entity tags, commits, repetitions."""

import concurrent.futures
import pathlib
import uuid

import pytest
from lib.client import create_tenant
from lib.rawiceberg import SCHEMA, RawIceberg, refused


def pages(wire, path, key, size, **parameters):
    found, token = [], ""
    while token is not None:
        answer = wire.need("GET", path, params={"pageToken": token, "pageSize": size} | parameters)
        assert len(answer[key]) <= size
        found += answer[key]
        token = answer.get("next-page-token")
    return found


def test_pages_of_tables(wire):
    namespace = wire.make_namespace()
    names = [f"t{number:02}" for number in range(7)]
    for name in names:
        wire.make_table(namespace, name)
    path = f"/namespaces/{namespace}/tables"
    wanted = [{"namespace": [namespace], "name": name} for name in names]
    assert wire.need("GET", path) == {"identifiers": wanted}
    for size in (1, 3, 7, 100):
        assert pages(wire, path, "identifiers", size) == wanted
    refused(wire("GET", path, params={"pageSize": "0"}), 400, "BadRequestException")
    refused(wire("GET", path, params={"pageToken": "made up"}), 400, "IllegalArgumentException")


def test_pages_of_namespaces(wire):
    parent = wire.make_namespace()
    for number in range(5):
        wire.need("POST", "/namespaces", {"namespace": [parent, f"n{number}"]})
    assert pages(wire, "/namespaces", "namespaces", 2, parent=parent) == [[parent, f"n{number}"] for number in range(5)]
    refused(wire("GET", "/namespaces", params={"parent": "nowhere"}), 404, "NoSuchNamespaceException")


def test_namespaces_and_their_properties(wire):
    namespace = wire.make_namespace(properties={"a": "1", "b": "2"})
    assert wire.need("GET", f"/namespaces/{namespace}")["properties"].items() >= {"a": "1", "b": "2"}.items()
    refused(wire("POST", "/namespaces", {"namespace": [namespace]}), 409, "AlreadyExistsException")
    changed = wire.need("POST", f"/namespaces/{namespace}/properties", {"removals": ["a", "z"], "updates": {"c": "3"}})
    assert changed == {"updated": ["c"], "removed": ["a"], "missing": ["z"]}
    refused(wire("POST", f"/namespaces/{namespace}/properties", {"removals": ["b"], "updates": {"b": "3"}}), 422,
            "UnprocessableEntityException")
    wire.make_table(namespace)
    refused(wire("DELETE", f"/namespaces/{namespace}"), 409, "NamespaceNotEmptyException")
    refused(wire("GET", "/namespaces/nowhere"), 404, "NoSuchNamespaceException")


def test_a_table_that_did_not_change_is_not_sent_again(wire):
    namespace = wire.make_namespace()
    wire.make_table(namespace)
    path = f"/namespaces/{namespace}/tables/t"
    first = wire("GET", path)
    tag = first.headers["ETag"]
    assert first.headers["Content-Length"] == str(len(first.content))
    for shown in (tag, f"W/{tag}"):
        same = wire("GET", path, headers={"If-None-Match": shown})
        assert same.status_code == 304 and same.headers["ETag"] == tag
        assert not same.content and "Content-Type" not in same.headers
    assert wire("GET", path, headers={"If-None-Match": '"other"'}).status_code == 200
    assert wire("GET", path, params={"snapshots": "refs"}, headers={"If-None-Match": tag}).status_code == 200
    assert wire.set_property(namespace, "t", "a", "b").status_code == 200
    changed = wire("GET", path, headers={"If-None-Match": tag})
    assert changed.status_code == 200 and changed.headers["ETag"] != tag
    assert changed.json()["metadata"]["properties"]["a"] == "b"
    refused(wire("GET", path, params={"snapshots": "some"}), 400, "BadRequestException")


def test_a_file_that_somebody_deleted_is_missed(wire):
    namespace = wire.make_namespace()
    made = wire.make_table(namespace)
    pathlib.Path(made["metadata-location"].removeprefix("file://")).unlink()
    assert made["metadata-location"] in refused(wire("GET", f"/namespaces/{namespace}/tables/t"), 404, "NotFoundException")
    assert wire("HEAD", f"/namespaces/{namespace}/tables/t").status_code == 204
    assert wire("DELETE", f"/namespaces/{namespace}/tables/t").status_code == 204


def test_places_outside_of_the_warehouse(wire, make_server):
    """Refused; or not heeded, if the configuration says so, but never another tenant's."""
    namespace = wire.make_namespace()
    body = {"name": "t", "schema": SCHEMA, "location": "file:///tmp/elsewhere"}
    refused(wire("POST", f"/namespaces/{namespace}/tables", body), 400, "IllegalArgumentException")

    server = make_server()
    server.stop()
    server.config = f"warehouse: {{location: file://{server.directory}/lake, outside: true}}"
    server.start()
    create_tenant(server, "tenant_a")
    create_tenant(server, "tenant_b")
    wire = RawIceberg(server, "tenant_a")
    wire.make_namespace("n")
    made = wire.need("POST", "/namespaces/n/tables", body)
    assert made["metadata"]["location"].startswith(f"file://{server.directory}/lake/tenant_a/n/t-")
    moved = wire("POST", "/namespaces/n/tables/t", {"requirements": [], "updates": [{"action": "set-location", "location": "file:/tmp/x"}]})
    assert moved.status_code == 200 and moved.json()["metadata"]["location"] == made["metadata"]["location"]
    for place in (f"file://{server.directory}/lake/tenant_b/n", f"file://{server.directory}/lake", "file:///tmp/../etc"):
        refused(wire("POST", "/namespaces/n/tables", body | {"name": "u", "location": place}), 400, "IllegalArgumentException")
        refused(wire.set_property("n", "t", "write.metadata.path", place), 400, "IllegalArgumentException")
    refused(wire.set_property("n", "t", "write.metadata.path", "file:///tmp/elsewhere"), 400, "IllegalArgumentException")


def test_local_tables_have_no_credentials(wire):
    namespace = wire.make_namespace()
    wire.make_table(namespace)
    path = f"/namespaces/{namespace}/tables/t"
    loaded = wire.need("GET", path, headers={"X-Iceberg-Access-Delegation": "vended-credentials"})
    assert loaded["config"] == {} and "storage-credentials" not in loaded
    assert wire.need("GET", f"{path}/credentials") == {"storage-credentials": []}


def test_staged_tables_are_made_by_their_commit(wire):
    namespace = wire.make_namespace()
    staged = wire.make_table(namespace, "s", **{"stage-create": True})
    assert "metadata-location" not in staged
    metadata = staged["metadata"]
    refused(wire("GET", f"/namespaces/{namespace}/tables/s"), 404, "NoSuchTableException")
    updates = [{"action": "assign-uuid", "uuid": metadata["table-uuid"]}, {"action": "upgrade-format-version", "format-version": 2},
               {"action": "add-schema", "schema": metadata["schemas"][0]}, {"action": "set-current-schema", "schema-id": -1},
               {"action": "add-spec", "spec": {"spec-id": 0, "fields": []}}, {"action": "set-default-spec", "spec-id": -1},
               {"action": "add-sort-order", "sort-order": {"order-id": 0, "fields": []}},
               {"action": "set-default-sort-order", "sort-order-id": -1}, {"action": "set-location", "location": metadata["location"]}]
    commit = {"requirements": [{"type": "assert-create"}], "updates": updates}
    made = wire.need("POST", f"/namespaces/{namespace}/tables/s", commit)
    assert made["metadata"]["table-uuid"] == metadata["table-uuid"]
    again = wire.need("POST", f"/namespaces/{namespace}/tables/s", commit)  # whoever did not see the answer asks again
    assert again["metadata-location"] == made["metadata-location"]
    updates[0]["uuid"] = str(uuid.uuid4())
    refused(wire("POST", f"/namespaces/{namespace}/tables/s", commit), 409, "CommitFailedException")


def test_requirements_that_fail(wire):
    namespace = wire.make_namespace()
    wire.make_table(namespace)
    other = {"type": "assert-table-uuid", "uuid": str(uuid.uuid4())}
    assert "Requirement failed" in refused(wire.set_property(namespace, "t", "a", "b", [other]), 409, "CommitFailedException")
    refused(wire.set_property(namespace, "nowhere", "a", "b"), 404, "NoSuchTableException")
    refused(wire("POST", f"/namespaces/{namespace}/tables/t", {"requirements": [], "updates": [{"action": "explode"}]}), 400,
            "IllegalArgumentException")


def test_commits_to_several_tables_happen_all_or_not_at_all(wire):
    namespace = wire.make_namespace()
    uuids = {name: wire.make_table(namespace, name)["metadata"]["table-uuid"] for name in ("a", "b")}

    def change(name, known):
        return {"identifier": {"namespace": [namespace], "name": name}, "requirements": [{"type": "assert-table-uuid", "uuid": known}],
                "updates": [{"action": "set-properties", "updates": {"step": "1"}}]}

    def steps():
        return [wire.need("GET", f"/namespaces/{namespace}/tables/{name}")["metadata"].get("properties", {}).get("step") for name in ("a", "b")]

    bad = {"table-changes": [change("a", uuids["a"]), change("b", str(uuid.uuid4()))]}
    refused(wire("POST", "/transactions/commit", bad), 409, "CommitFailedException")
    assert steps() == [None, None]
    good = wire("POST", "/transactions/commit", {"table-changes": [change("a", uuids["a"]), change("b", uuids["b"])]})
    assert good.status_code == 204 and not good.content
    assert steps() == ["1", "1"]


def test_renaming(wire):
    namespace, other = wire.make_namespace(), wire.make_namespace()
    wire.make_table(namespace)
    wire.make_table(other, "taken")

    def rename(name, to):
        return wire("POST", "/tables/rename", {"source": {"namespace": [namespace], "name": name},
                                               "destination": {"namespace": [other], "name": to}})

    refused(rename("t", "taken"), 409, "AlreadyExistsException")
    refused(rename("nowhere", "u"), 404, "NoSuchTableException")
    assert rename("t", "u").status_code == 204
    refused(wire("GET", f"/namespaces/{namespace}/tables/t"), 404, "NoSuchTableException")
    assert wire("HEAD", f"/namespaces/{other}/tables/u").status_code == 204


def test_unregistered_tables_can_be_registered_again(wire):
    namespace = wire.make_namespace()
    made = wire.make_table(namespace)
    gone = wire.need("POST", f"/namespaces/{namespace}/tables/t/unregister", {})
    assert gone["metadata-location"] == made["metadata-location"]
    refused(wire("GET", f"/namespaces/{namespace}/tables/t"), 404, "NoSuchTableException")
    back = wire.need("POST", f"/namespaces/{namespace}/register", {"name": "r", "metadata-location": gone["metadata-location"]})
    assert back["metadata"]["table-uuid"] == made["metadata"]["table-uuid"]


def test_views(wire):
    namespace = wire.make_namespace()
    made = wire.make_view(namespace)
    path = f"/namespaces/{namespace}/views/v"
    assert made["metadata"]["format-version"] == 1 and made["config"] == {}
    assert wire("HEAD", path).status_code == 204
    assert wire.need("GET", f"/namespaces/{namespace}/views") == {"identifiers": [{"namespace": [namespace], "name": "v"}]}
    refused(wire("GET", f"/namespaces/{namespace}/tables/v"), 404, "NoSuchTableException")
    refused(wire("POST", f"/namespaces/{namespace}/tables", {"name": "v", "schema": SCHEMA}), 409, "AlreadyExistsException")
    changed = wire.need("POST", path, {"requirements": [{"type": "assert-view-uuid", "uuid": made["metadata"]["view-uuid"]}],
                                       "updates": [{"action": "set-properties", "updates": {"a": "b"}}]})
    assert changed["metadata"]["properties"]["a"] == "b"
    assert wire("DELETE", path).status_code == 204
    refused(wire("GET", path), 404, "NoSuchViewException")


def key():
    """A UUID of version 7."""
    text = list(str(uuid.uuid4()))
    text[14] = "7"
    return {"Idempotency-Key": "".join(text)}


def test_repetitions_with_a_key_get_the_same_answer(wire):
    namespace = wire.make_namespace()
    once = key()
    body = {"name": "once", "schema": SCHEMA}
    first = wire("POST", f"/namespaces/{namespace}/tables", body, headers=once)
    again = wire("POST", f"/namespaces/{namespace}/tables", body, headers=once)
    assert first.status_code == again.status_code == 200
    assert first.json()["metadata"]["table-uuid"] == again.json()["metadata"]["table-uuid"]
    refused(wire("POST", f"/namespaces/{namespace}/tables", body), 409, "AlreadyExistsException")
    refused(wire("POST", f"/namespaces/{namespace}/tables", body | {"name": "other"}, headers=once), 422, "UnprocessableEntityException")
    drop = key()
    assert [wire("DELETE", f"/namespaces/{namespace}/tables/once", headers=drop).status_code for _ in range(2)] == [204, 204]
    refused(wire("DELETE", f"/namespaces/{namespace}/tables/once"), 404, "NoSuchTableException")


def test_a_refusal_is_repeated_too(wire):
    namespace = wire.make_namespace()
    once = key()
    for _ in range(2):
        refused(wire("DELETE", f"/namespaces/{namespace}/tables/late", headers=once), 404, "NoSuchTableException")
        if not wire.need("GET", f"/namespaces/{namespace}/tables")["identifiers"]:
            wire.make_table(namespace, "late")
    assert wire("HEAD", f"/namespaces/{namespace}/tables/late").status_code == 204


@pytest.mark.parametrize("bad", ["no uuid", "x" * 5000, "1"])
def test_keys_that_are_no_uuids(wire, bad):
    refused(wire("POST", "/namespaces", {"namespace": ["keyed"]}, headers={"Idempotency-Key": bad}), 400, "IllegalArgumentException")


def test_equal_commits_at_once_are_all_answered(wire):
    """16 clients change one table without requirements: each change is there in the end."""
    namespace = wire.make_namespace()
    wire.make_table(namespace)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda number: wire.set_property(namespace, "t", f"p{number}", "1").status_code, range(64)))
    assert set(answers) == {200}
    properties = wire.need("GET", f"/namespaces/{namespace}/tables/t")["metadata"]["properties"]
    assert {f"p{number}" for number in range(64)} <= set(properties)


def test_clients_that_go_away_leave_whole_tables(wire):
    """A commit whose client hangs up happens or not; the table can be read and changed afterwards."""
    import socket

    namespace = wire.make_namespace()
    wire.make_table(namespace)
    body = b'{"requirements":[],"updates":[{"action":"set-properties","updates":{"gone":"1"}}]}'
    head = (f"POST /iceberg/v1/{wire.tenant}/namespaces/{namespace}/tables/t HTTP/1.1\r\nHost: localhost\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n").encode()
    for _ in range(50):
        with socket.create_connection(("127.0.0.1", wire.server.port)) as peer:
            peer.sendall(head + body)
    assert wire.set_property(namespace, "t", "last", "1").status_code == 200

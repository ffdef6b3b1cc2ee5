"""Creation, listing and deletion, live."""

import threading

import pyarrow as pa
import pytest

from lib.client import FAILS, create_tenant, delete_tenant
from lib.wait import until

ENDLESS = "SELECT count(*) FROM range(1000000000) a, range(1000000) b WHERE hash(a.range, b.range) = 1"


def listed(client):
    return [tenant["id"] for tenant in client.request("GET", "/api/v1/tenants").json()["tenants"]]


def test_create_list_use_delete(server, make_client):
    client = make_client(server, "tenant_life")
    create_tenant(server, "tenant_life")
    assert "tenant_life" in listed(client)
    client.upload("t", pa.table({"id": [1]}))
    assert client.value("SELECT id FROM t") == 1
    directory = server.data / "tenants" / "tenant_life"
    assert directory.is_dir()
    assert delete_tenant(server, "tenant_life").status_code == 204
    assert "tenant_life" not in listed(client)
    assert not directory.exists()
    with pytest.raises(FAILS, match="tenant_life"):
        client.query("SELECT 1")


def test_deleted_name_can_be_used_again_and_is_empty(server, make_client):
    client = make_client(server, "tenant_again")
    for _ in range(2):
        create_tenant(server, "tenant_again")
        client.upload("t", pa.table({"id": [1]}), mode="create")
        assert delete_tenant(server, "tenant_again").status_code == 204


@pytest.mark.parametrize("name", ["", "A", "1a", "a-b", "a.b", "a b", "../x", "a" * 64, "ä", "a\u0000b", "_a", "a/b"])
def test_bad_names_are_refused_with_the_rule(shared, name):
    answer = shared.request("POST", "/api/v1/tenants", json={"id": name})
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize("name", ["a", "a" * 63, "tenant_1", "x_"])
def test_good_names(server, name):
    create_tenant(server, name)
    assert delete_tenant(server, name).status_code == 204


def test_existing_and_missing_ones(shared):
    assert shared.request("POST", "/api/v1/tenants", json={"id": shared.tenant}).status_code == 409
    assert delete_tenant(shared.server, "tenant_nobody").status_code == 404
    assert shared.request("GET", "/api/v1/tenants/tenant_nobody").status_code == 404


def test_deletion_ends_running_statements(server, make_client):
    client = make_client(server, "tenant_busy")
    create_tenant(server, "tenant_busy")
    failed = []

    def read():
        try:
            client.query(ENDLESS)
        except FAILS as error:
            failed.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    other = make_client(server, "tenant_busy")
    until(lambda: any(one["state"] == "running" and one["tenant"] == "tenant_busy" for one in other.statements()), 10)
    assert delete_tenant(server, "tenant_busy").status_code == 204
    thread.join(30)
    assert failed
    assert not (server.data / "tenants" / "tenant_busy").exists()


def test_many_at_once(fresh_server):
    import concurrent.futures
    names = [f"tenant_{number}" for number in range(100)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: create_tenant(fresh_server, name), names))
        codes = list(pool.map(lambda name: delete_tenant(fresh_server, name).status_code, names))
    assert codes == [204] * 100
    assert list((fresh_server.data / "tenants").iterdir()) == []


def test_same_name_at_once_is_made_once(server):
    import concurrent.futures
    import requests
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        codes = sorted(pool.map(lambda _: requests.post(f"{server.url}/api/v1/tenants", json={"id": "tenant_race"}, timeout=30).status_code, range(8)))
    assert codes == [201] + [409] * 7
    delete_tenant(server, "tenant_race")


def test_only_tenant_needs_no_name(fresh_server, make_client):
    client = make_client(fresh_server)
    with pytest.raises(FAILS):
        client.query("SELECT 1")
    create_tenant(fresh_server, "tenant_a")
    assert client.value("SELECT 1") == 1
    create_tenant(fresh_server, "tenant_b")
    with pytest.raises(FAILS, match="tenant"):
        client.query("SELECT 1")


def test_idle_worker_is_stopped_and_comes_back(make_server, make_client):
    server = make_server(config="limits:\n  worker.idle_stop: 1\n")
    create_tenant(server, "tenant_idle")
    client = make_client(server, "tenant_idle")
    client.upload("t", pa.table({"id": [7]}))
    assert server.workers()
    until(lambda: not server.workers(), 15, "the end of the idle worker")
    assert client.value("SELECT id FROM t") == 7


def test_more_tenants_than_workers(make_server, make_client):
    server = make_server(config="limits:\n  worker.max_workers: 3\n")
    for number in range(8):
        create_tenant(server, f"tenant_{number}")
    for _ in range(2):
        for number in range(8):
            assert make_client(server, f"tenant_{number}").value(f"SELECT {number}") == number
            assert len(server.workers()) <= 4

"""A tenant's deletion, killed at random points: after the restart it is whole or gone, and the files are gone with it."""

import os
import random
import threading
import time

import requests
from lib.front import Front, StatementError
from lib.wait import until

SEED = int(os.environ.get("EIDER_SEED", str(random.SystemRandom().randrange(1 << 32))))
CYCLES = 15


def delete(front, tenant):
    return requests.delete(f"{front.url}/api/v1/tenants/{tenant}", timeout=30)


def tenants(front):
    answer = front.get("/api/v1/tenants").json()
    return [tenant["id"] for tenant in (answer["tenants"] if isinstance(answer, dict) else answer)]


def leftovers(front, tenant):
    return [path for path in (front.data / "tenants").iterdir() if tenant in path.name or path.name.startswith(".deleted")]


def test_deletion_killed_at_any_point_ends_at_the_restart(tmp_path):
    choose = random.Random(SEED)
    front = Front(tmp_path / "server").start()
    front.create_tenants("tenant_keep")
    front.query("create table t as select 42 as a", "tenant_keep")
    for cycle in range(CYCLES):
        tenant = f"tenant_gone{cycle}"
        front.create_tenants(tenant)
        front.query("create table t as select i, hash(i) as h from range(300000) r(i)", tenant)
        answer = []

        def ask():
            try:
                answer.append(delete(front, tenant).status_code)
            except requests.RequestException:
                pass

        thread = threading.Thread(target=ask)
        thread.start()
        time.sleep(choose.random() * 0.08)  # the random moment
        front.kill()
        thread.join(30)
        front.start()
        if tenant in tenants(front):
            assert not answer, f"seed {SEED}: an acknowledged deletion came back"
            assert front.query("select count(*) from t", tenant) == [[300000]], f"seed {SEED}: half a deletion"
            assert delete(front, tenant).status_code == 204
        until(lambda: not leftovers(front, tenant), 5, f"the files of the tenant are gone, seed {SEED}")
    assert front.query("select a from t", "tenant_keep") == [[42]]
    front.stop()


def test_deletion_while_statements_run(tmp_path):
    front = Front(tmp_path / "server").start()
    front.create_tenants("tenant_acme", "tenant_beta")
    failed = []

    def run():
        try:
            front.query("select count(*) from range(10000000000000) r(i) where hash(i) = 1", timeout=60)
        except StatementError as error:
            failed.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    until(lambda: len(front.running_statements("tenant_acme")) == 4, 15, "four statements run")
    assert delete(front, "tenant_acme").status_code == 204
    for thread in threads:
        thread.join(20)
    assert len(failed) == 4
    assert tenants(front) == ["tenant_beta"] and not leftovers(front, "tenant_acme")
    front.create_tenants("tenant_acme")
    assert front.query("select count(*) from information_schema.tables") == [[0]], "the new tenant has the old one's tables"
    front.stop()

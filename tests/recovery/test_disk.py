"""A disk that is full: the error says so, nothing acknowledged is lost, and with space there is work again. The data directory
is on a small one."""

import pyarrow as pa
import pytest
from ledger import CHECK, Ledger, upload_of
from lib.disks import SIZE_MB, fill
from lib.front import Front, StatementError
from lib.wait import until

BALLAST_MB = 20


def names_the_cause(error):
    return any(word in str(error).lower() for word in ("space", "disk", "full"))


def upload_until_refused(front, ledger, limit=400):
    for _ in range(limit):
        number = ledger.begin(20_000)
        try:
            front.upload("uploads", upload_of(number, 20_000), mode="append")
        except pa.ArrowException as error:
            return error
        ledger.acknowledge(number)
    raise AssertionError(f"{limit} uploads went into {SIZE_MB} MB")


def check(front, ledger):
    ledger.check([tuple(row) for row in front.query(CHECK)])


@pytest.mark.parametrize("min_free", [5, 0], ids=["with a reserve", "to the last byte"])
def test_full_disk(small_disk, min_free):
    """With the reserve of disk.min_free the server refuses in time; without it DuckDB and SQLite meet the end of the disk."""
    front = Front(small_disk, limits={"disk.min_free": min_free, "worker.memory": 1 << 30})
    # The log is somewhere else: a server must not need its log.
    front.log_path = small_disk.parent / "server.log"
    front.start()
    ballast = fill(small_disk, "ballast", BALLAST_MB)
    front.create_tenants("tenant_acme", "tenant_beta")
    front.query("create table uploads(upload bigint, k bigint, v varchar)")
    ledger = Ledger()
    error = upload_until_refused(front, ledger)
    assert names_the_cause(error), error
    assert str(small_disk) not in str(error), "the error tells a path"
    assert len(ledger.acknowledged) > 3
    check(front, ledger)

    rest = fill(small_disk, "rest")
    for _ in range(3):
        error = upload_until_refused(front, ledger)
        assert names_the_cause(error), error
        try:
            front.query("insert into uploads select -1, k, repeat('x', 100) from range(100000) r(k)")
            raise AssertionError("100,000 rows went into a full disk")
        except StatementError as refused:
            assert names_the_cause(refused), refused
        check(front, ledger)
    assert front.get("/health").status_code == 200

    # A crash with a full disk is the worst moment.
    front.kill()
    front.start()
    check(front, ledger)
    front.kill()

    ballast.unlink()
    rest.unlink()
    front.start()
    check(front, ledger)
    number = ledger.begin(100)
    assert front.upload("uploads", upload_of(number, 100), mode="append")["rows"] == 100
    ledger.acknowledge(number)
    check(front, ledger)
    front.stop()


def test_space_that_comes_back_is_used_without_a_restart(small_disk):
    front = Front(small_disk, limits={"worker.memory": 1 << 30})
    front.log_path = small_disk.parent / "server.log"
    front.start()
    front.create_tenants("tenant_acme")
    front.query("create table uploads(upload bigint, k bigint, v varchar)")
    ledger = Ledger()
    ballast = fill(small_disk, "ballast", 36)
    error = upload_until_refused(front, ledger)
    assert names_the_cause(error), error
    check(front, ledger)
    ballast.unlink()
    number = ledger.begin(100)

    def works():
        try:
            return front.upload("uploads", upload_of(number, 100), mode="append")
        except pa.ArrowException:
            return None

    assert until(works, 15, "uploads work again")["rows"] == 100
    ledger.acknowledge(number)
    check(front, ledger)
    front.stop()


def test_quota_is_a_full_disk_for_one_tenant(tmp_path):
    """tenant.disk_quota: the tenant gets the error, others go on."""
    front = Front(tmp_path / "server", limits={"tenant.disk_quota": 8 << 20}).start()
    front.create_tenants("tenant_acme", "tenant_beta")
    front.query("create table uploads(upload bigint, k bigint, v varchar)")
    ledger = Ledger()
    error = upload_until_refused(front, ledger, 1000)
    assert "quota" in str(error) or "tenant.disk_quota" in str(error), error
    check(front, ledger)
    front.query("create table t as select 1 as a", "tenant_beta")
    front.query("drop table uploads")
    until(lambda: makes_table(front), 15, "room after the drop")
    front.stop()


def makes_table(front):
    try:
        front.query("create table if not exists small as select 1 as a")
        return True
    except Exception as error:
        assert "disk_quota" in str(error), error
        return False

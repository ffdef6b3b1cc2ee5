"""A backup taken while uploads run, restored elsewhere: every upload that was acknowledged before it began is there, each
upload is whole, and the server's tables agree with the tenants' files."""

import subprocess

import pytest
import requests
from ledger import CHECK, Ledger
from lib.front import Front
from lib.server import program
from lib.wait import until
from test_kill import Load

TENANTS = ("tenant_acme", "tenant_beta")


@pytest.fixture
def loaded(tmp_path):
    front = Front(tmp_path / "server").start()
    front.create_tenants(*TENANTS)
    front.query("create table uploads(upload bigint, k bigint, v varchar)")
    front.query("create table t as select i from range(10000) r(i)", "tenant_beta")
    ledger = Ledger()
    load = Load(front, ledger)
    until(lambda: len(ledger.acknowledged) >= 5, 30, "the first uploads")
    yield front, ledger
    load.stop()
    front.stop()


def check_restored(restored, ledger, expected):
    """expected: acknowledged before the backup began."""
    assert sorted(t["id"] for t in restored.get("/api/v1/tenants").json()["tenants"]) == sorted(TENANTS)
    ledger.check([tuple(row) for row in restored.query(CHECK)], expected)
    assert restored.query("select count(*), sum(i) from t", "tenant_beta")[0][0] == 10000
    restored.query("insert into uploads values (-1, 0, '')")
    restored.stop()


def test_backup_by_rest_under_load(loaded, tmp_path):
    front, ledger = loaded
    expected = dict(ledger.acknowledged)
    made = front.post("/api/v1/backups", {}, timeout=60)
    assert made.status_code == 201, made.text
    backup = made.json()
    assert {f"tenants/{tenant}/{tenant}.duckdb" for tenant in TENANTS} | {"eider.db"} <= {f["path"] for f in backup["files"]}
    more = len(ledger.acknowledged)
    until(lambda: len(ledger.acknowledged) > more, 30, "uploads go on while the backup is fetched")
    restored = Front(tmp_path / "restored")
    for file in backup["files"]:
        answer = requests.get(f"{front.url}/api/v1/backups/{backup['id']}/files/{file['path']}", timeout=60)
        assert answer.status_code == 200 and len(answer.content) == file["size"]
        path = restored.data / file["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(answer.content)
    assert requests.delete(f"{front.url}/api/v1/backups/{backup['id']}", timeout=30).status_code == 204
    assert not list(front.data.rglob("*backup-*")), "a deleted backup leaves files"
    check_restored(restored.start(), ledger, expected)


@pytest.mark.parametrize("path", ["../eider.db", "..%2f..%2fserver.log", "/etc/passwd", "eider.addr", "tenants/tenant_acme/lock",
                                  "tenants/../eider.db", "eider.db%00", "tenants//tenant_acme/tenant_acme.duckdb"])
def test_backup_gives_only_its_own_files(loaded, path):
    front, _ = loaded
    backup = front.post("/api/v1/backups", {}, timeout=60).json()
    request = requests.Request("GET", "http://x/").prepare()
    request.url = f"{front.url}/api/v1/backups/{backup['id']}/files/{path}"
    answer = requests.Session().send(request, timeout=20)
    assert answer.status_code in (400, 404), (answer.status_code, answer.content[:100])


def test_backup_and_restore_by_the_command_line(loaded, tmp_path):
    front, ledger = loaded
    expected = dict(ledger.acknowledged)
    environment = front.clean_environment() | {"EIDER_URL": front.url}
    directory = tmp_path / "backup"
    made = subprocess.run([program(), "backup", directory], env=environment, capture_output=True, text=True, timeout=60)
    assert made.returncode == 0, made.stderr
    again = subprocess.run([program(), "backup", directory], env=environment, capture_output=True, text=True, timeout=60)
    assert again.returncode != 0, "a directory with a backup in it is overwritten"
    restored = Front(tmp_path / "restored")
    for data, good in ((restored.data, True), (front.data, False)):
        run = subprocess.run([program(), "restore", directory, "--data", data], env=environment, capture_output=True, text=True,
                             timeout=60)
        assert (run.returncode == 0) == good, (data, run.stderr)
    check_restored(restored.start(), ledger, expected)


def test_restore_of_a_damaged_backup_is_refused(loaded, tmp_path):
    front, _ = loaded
    environment = front.clean_environment() | {"EIDER_URL": front.url}
    directory = tmp_path / "backup"
    assert subprocess.run([program(), "backup", directory], env=environment, capture_output=True, timeout=60).returncode == 0
    database = directory / "tenants/tenant_acme/tenant_acme.duckdb"
    assert database.exists(), list(directory.rglob("*"))
    database.write_bytes(database.read_bytes()[:-1000])
    run = subprocess.run([program(), "restore", directory, "--data", tmp_path / "new"], env=environment, capture_output=True,
                         text=True, timeout=60)
    assert run.returncode != 0 and "tenant_acme" in run.stderr, (run.returncode, run.stderr)


def test_backup_whose_server_dies_leaves_nothing(loaded):
    front, _ = loaded
    assert front.post("/api/v1/backups", {}, timeout=60).status_code == 201
    assert list(front.data.rglob("*backup-*"))
    front.kill()
    front.start()
    until(lambda: not list(front.data.rglob("*backup-*")), 10, "files of the backup of a server that died are removed")

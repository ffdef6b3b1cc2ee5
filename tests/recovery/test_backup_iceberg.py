"""Backups of tenants with Iceberg tables: whatever happens while one is taken, each acknowledged row is read again after
a restore, by pyiceberg and by the server itself."""

import hashlib
import json
import shutil
import sqlite3
import threading

import duckdb
import pyarrow as pa
import pyiceberg.catalog
import pytest
import requests
from lib.client import create_tenant
from lib.commandline import CommandLine
from lib.front import Front
from lib.iceberg import EXTENSIONS
from lib.s3 import Versity
from lib.wait import until

TENANT = "tenant_acme"
PER_APPEND = 10


def rows(number):
    keys = range(number * PER_APPEND, (number + 1) * PER_APPEND)
    return pa.table({"id": pa.array(keys, pa.int64()), "name": [f"n{key}" for key in keys]})


def connect(front):
    return pyiceberg.catalog.load_catalog("rest", type="rest", uri=f"{front.url}/iceberg", warehouse=TENANT)


def make(front, name="orders", appends=3, **properties):
    catalog = connect(front)
    catalog.create_namespace_if_not_exists("shop")
    table = catalog.create_table(f"shop.{name}", rows(0).schema, properties=properties)
    for number in range(appends):
        table.append(rows(number))
    return table


def ids(front, name="orders"):
    """What pyiceberg, the server's own SQL and DuckDB as a client read: they have to agree."""
    found = sorted(connect(front).load_table(f"shop.{name}").scan().to_arrow()["id"].to_pylist())
    assert [row[0] for row in front.query(f"select id from iceberg.shop.{name} order by id")] == found
    with duckdb.connect(config={"allow_unsigned_extensions": True}) as client:
        for extension in ("avro", "httpfs", "iceberg"):
            client.execute(f"LOAD '{EXTENSIONS}/{extension}.duckdb_extension'")
        client.execute(f"ATTACH '{TENANT}' AS lake (TYPE iceberg, ENDPOINT '{front.url}/iceberg', AUTHORIZATION_TYPE 'none')")
        assert [row[0] for row in client.execute(f"SELECT id FROM lake.shop.{name} ORDER BY id").fetchall()] == found
    return found


def maintain(front, **wish):
    answer = front.post(f"/api/v1/tenants/{TENANT}/iceberg/maintain", wish, timeout=60)
    assert answer.status_code == 200, answer.text
    names = [column["name"] for column in answer.json()["columns"]]
    return [dict(zip(names, row)) for row in answer.json()["rows"]]


@pytest.fixture
def front(tmp_path):
    front = Front(tmp_path / "server").start()
    create_tenant(front, TENANT)
    yield front
    front.stop()


@pytest.fixture
def eider(front, tmp_path):
    return CommandLine(front, TENANT, tmp_path)


class Appends(threading.Thread):
    """Appends until it is told to stop, and remembers what was acknowledged."""

    def __init__(self, front, name):
        super().__init__(daemon=True)
        self.table, self.number, self.stopping, self.error = connect(front).load_table(f"shop.{name}"), 1000, False, None
        self.acknowledged = []

    def run(self):
        try:
            while not self.stopping:
                self.table.append(rows(self.number))
                self.acknowledged += rows(self.number)["id"].to_pylist()
                self.number += 1
        except Exception as error:  # told by stop()
            self.error = error

    def stop(self):
        self.stopping = True
        self.join(60)
        assert not self.error and not self.is_alive(), self.error


def put_aside(front):
    """Another machine: nothing is where it was."""
    front.stop()
    front.data.rename(front.directory / "lost")


class Churn(threading.Thread):
    """Replaces all rows and expires what was there before, until it is told to stop."""

    def __init__(self, front, name):
        super().__init__(daemon=True)
        self.front, self.name, self.number, self.deleted, self.stopping, self.error = front, name, 0, 0, False, None

    def run(self):
        try:
            table = connect(self.front).load_table(f"shop.{self.name}")
            while not self.stopping:
                table.refresh().overwrite(rows(self.number + 1))
                self.number += 1
                (row,) = maintain(self.front, namespace="shop", table=self.name, actions=["expire"], older_than_s=0, keep=1, now=True)
                self.deleted += row["files"]
        except Exception as error:  # told by stop()
            self.error = error

    stop = Appends.stop


def test_every_acknowledged_row_is_restored(front, eider, tmp_path):
    """While a client appends, and deletes the metadata that each commit replaces; while another table's rows are replaced and
    expired with no grace; and while tables come and are dropped at once."""
    make(front, **{"write.metadata.delete-after-commit.enabled": "true", "write.metadata.previous-versions-max": "1"})
    make(front, "churned", appends=1)
    load, churn = Appends(front, "orders"), Churn(front, "churned")
    load.start()
    churn.start()
    until(lambda: load.acknowledged and churn.deleted, 60, "first rows")
    for number in range(3):
        make(front, f"gone{number}", appends=1)
        expected, replaced = list(range(3 * PER_APPEND)) + load.acknowledged[:], churn.number
        output = eider.ok("backup", tmp_path / f"copy{number}")
        assert "backup of" in output and "stay in" not in output
        eider.ok("drop", f"shop.gone{number}", "--now", "--yes")
    load.stop()
    churn.stop()
    put_aside(front)
    assert "restored" in eider.ok("restore", tmp_path / "copy2", "--data", front.data)
    front.start()
    found = ids(front)
    assert len(found) == len(set(found)) and set(expected) <= set(found)
    churned = ids(front, "churned")
    assert churned[0] >= replaced * PER_APPEND and churned == rows(churned[0] // PER_APPEND)["id"].to_pylist()
    assert ids(front, "gone2") == list(range(PER_APPEND))
    connect(front).load_table("shop.orders").append(rows(5000))
    assert len(ids(front)) == len(found) + PER_APPEND


def test_nothing_is_deleted_while_names_are_taken(front, tmp_path):
    make(front)
    stray = front.data / "warehouse" / TENANT / "shop"
    made = {}
    with sqlite3.connect(front.data / "eider.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")  # the copy of the server's tables waits
        thread = threading.Thread(target=lambda: made.update(answer=front.post("/api/v1/backups", {}, timeout=60)))
        thread.start()
        until(lambda: (front.data / "warehouse/.backup" / TENANT).exists(), 10, "the first names")

        def left():
            (path,) = stray.glob("orders-*/data")
            (path / "stray").write_text("x")
            (row,) = maintain(front, table="orders", namespace="shop", actions=["orphans"], orphan_age_s=0, now=True)
            return "a backup is being taken" in row["detail"] and row["files"] == 0 and (path / "stray").exists()

        until(left, 10, "maintenance leaves files alone")
        other.execute("ROLLBACK")
    thread.join(60)
    assert made["answer"].status_code == 201, made["answer"].text
    assert not left()
    backup = made["answer"].json()
    assert backup["warehouse"]["included"] and backup["warehouse"]["files"] > 3
    listed = front.get(f"/api/v1/backups/{backup['id']}/files/warehouse.list").text.splitlines()
    assert len(listed) == backup["warehouse"]["files"]
    for line in map(json.loads, listed):
        answer = front.get(f"/api/v1/backups/{backup['id']}/files/warehouse/{line['path']}")
        assert answer.status_code == 200 and len(answer.content) == line["size"]
    for path in ("warehouse/../../eider.db", "warehouse/..%2f..%2feider.db", "warehouse//etc/passwd", "warehouse/none", f"warehouse/{TENANT}"):
        assert front.get(f"/api/v1/backups/{backup['id']}/files/{path}").status_code in (400, 404), path
    assert requests.delete(f"{front.url}/api/v1/backups/{backup['id']}", timeout=30).status_code == 204
    until(lambda: not (front.data / "warehouse/.backup").exists(), 10, "the second names go")


def test_second_names_of_a_server_that_was_killed_go(front):
    make(front)
    assert front.post("/api/v1/backups", {}, timeout=60).status_code == 201
    assert (front.data / "warehouse/.backup").exists()
    front.kill()
    front.start()
    until(lambda: not list(front.data.rglob("*.backup")) and not list(front.data.glob("backup-*")), 10, "nothing is left behind")
    assert ids(front) == list(range(3 * PER_APPEND))


def test_names_of_files_survive(front, eider, tmp_path):
    """Partition values become names of directories, in each client's own spelling."""
    front.query("create table iceberg.shop_p as select 1 as id, 'x' as part")
    strange = front.data / "warehouse" / TENANT / "iceberg"
    (directory,) = strange.glob("shop_p-*")
    for name in ("part=a%2Fb c", "part=ä?#&+", 'part="\\', "part=%"):
        (directory / "data" / name).mkdir()
        (directory / "data" / name / "f").write_text(name)
    (directory / "data" / "link").symlink_to("/etc/passwd")
    eider.ok("backup", tmp_path / "copy")
    put_aside(front)
    eider.ok("restore", tmp_path / "copy", "--data", front.data)
    for name in ("part=a%2Fb c", "part=ä?#&+", 'part="\\', "part=%"):
        assert (directory / "data" / name / "f").read_text() == name
    assert not (directory / "data" / "link").is_symlink()
    front.start()


def test_restore_into_another_data_directory(front, eider, tmp_path):
    make(front)
    front.query("create table t as select 1 as x")
    eider.ok("backup", tmp_path / "copy")
    other = Front(tmp_path / "other")
    said = eider.fails("restore", tmp_path / "copy", "--data", other.data)
    assert "is not empty" in said and "--without-iceberg" in said and not other.data.exists()
    assert "cannot be read" in eider.ok("restore", tmp_path / "copy", "--data", other.data, "--without-iceberg")
    other.start()
    assert other.query("select x from t") == [[1]]
    assert [name for _, name in connect(other).list_tables("shop")] == ["orders"]
    with pytest.raises(Exception, match="not below|lies outside|warehouse"):
        connect(other).load_table("shop.orders")
    other.stop()
    put_aside(front)
    said = eider.ok("restore", tmp_path / "copy", "--data", other.data, "--force")
    assert f"warehouse: {front.data}/warehouse" in said
    other.config = f"warehouse: {front.data}/warehouse\n"
    other.start()
    assert ids(other) == list(range(3 * PER_APPEND))
    other.stop()
    shutil.rmtree(front.data)


def test_the_old_place_may_be_a_link(front, eider, tmp_path):
    make(front)
    eider.ok("backup", tmp_path / "copy")
    put_aside(front)
    (tmp_path / "disk").mkdir()
    front.data.mkdir()
    (front.data / "warehouse").symlink_to(tmp_path / "disk")
    other = Front(tmp_path / "other", config=f"warehouse: {front.data}/warehouse\n")
    eider.ok("restore", tmp_path / "copy", "--data", other.data)
    assert list((tmp_path / "disk").iterdir())
    other.start()
    assert ids(other) == list(range(3 * PER_APPEND))
    connect(other).load_table("shop.orders").append(rows(7))
    assert len(ids(other)) == 4 * PER_APPEND
    other.stop()


def test_mirrors_alone_are_restored_anywhere(front, eider, tmp_path):
    front.query("create table t as select 42 as x")
    assert connect(front).load_table("default.t").scan().to_arrow()["x"].to_pylist() == [42]
    eider.ok("backup", tmp_path / "copy")
    other = Front(tmp_path / "other")
    eider.ok("restore", tmp_path / "copy", "--data", other.data)
    other.start()
    assert connect(other).load_table("default.t").scan().to_arrow()["x"].to_pylist() == [42]
    other.stop()


@pytest.mark.parametrize("harm", ["cut", "change", "remove", "list"])
def test_a_damaged_backup_is_refused_and_nothing_is_left(front, eider, tmp_path, harm):
    make(front)
    eider.ok("backup", tmp_path / "copy")
    put_aside(front)
    file = next((tmp_path / "copy/warehouse").rglob("*.parquet"))
    if harm == "cut":
        file.write_bytes(file.read_bytes()[:-1])
    elif harm == "change":
        file.write_bytes(file.read_bytes()[:-1] + b"?")
    elif harm == "remove":
        file.unlink()
    else:
        (tmp_path / "copy/warehouse.list").write_text("")
    said = eider.fails("restore", tmp_path / "copy", "--data", front.data)
    assert file.name in said or "warehouse.list" in said
    assert not front.data.exists() and not list(tmp_path.rglob("*.restore"))


def test_a_pointer_without_its_file_is_said(front, eider, tmp_path):
    """What only a client that deletes by itself can bring about."""
    make(front)
    eider.ok("backup", tmp_path / "copy")
    current = connect(front).load_table("shop.orders").metadata_location.rpartition("/")[2]
    (tmp_path / "lost").mkdir()
    put = next((tmp_path / "copy/warehouse").rglob(current))
    put.rename(tmp_path / "lost" / current)
    listed = tmp_path / "copy/warehouse.list"
    kept = "".join(line for line in listed.read_text().splitlines(True) if current not in line)
    listed.write_text(kept)
    manifest = json.loads((tmp_path / "copy/backup.json").read_text())
    (entry,) = [file for file in manifest["files"] if file["path"] == "warehouse.list"]
    entry |= {"size": len(kept.encode()), "sha256": hashlib.sha256(kept.encode()).hexdigest()}
    (tmp_path / "copy/backup.json").write_text(json.dumps(manifest))
    put_aside(front)
    assert current in eider.fails("restore", tmp_path / "copy", "--data", front.data)
    assert not front.data.exists()
    (tmp_path / "disk").mkdir()
    front.data.mkdir()
    (front.data / "warehouse").symlink_to(tmp_path / "disk")
    assert current in eider.fails("restore", tmp_path / "copy", "--data", tmp_path / "other")
    assert (front.data / "warehouse").is_symlink() and not list((tmp_path / "disk").iterdir())


def test_tables_in_s3_stay_and_are_looked_for(tmp_path):
    with Versity(tmp_path) as store:
        keys, config = store.keys, store.warehouse("wh", share_keys="true", vend="false")
        front = Front(tmp_path / "server", config=config, environment=keys).start()
        create_tenant(front, TENANT)
        eider = CommandLine(front, TENANT, tmp_path)
        make(front)
        make(front, "lost", appends=0)
        lost = connect(front).load_table("shop.lost").metadata_location
        output = eider.ok("backup", tmp_path / "copy")
        assert "not in it" in output and f"s3://{store.bucket}/wh" in output
        front.stop()
        assert "not known" in eider("restore", tmp_path / "copy", "--data", tmp_path / "blind", environment=keys).stderr
        (tmp_path / "eider.yaml").write_text(config)
        assert "missing" not in eider.ok("restore", tmp_path / "copy", "--data", tmp_path / "new", environment=keys)
        assert store.request("DELETE", lost.removeprefix("s3:/")).status_code == 204
        run = eider("restore", tmp_path / "copy", "--data", tmp_path / "newer", environment=keys)
        assert run.returncode == 1 and lost in run.stdout and "1 Iceberg tables" in run.stderr
        restored = Front(tmp_path / "restored", config=config, environment=keys)
        (tmp_path / "newer").rename(restored.data)
        restored.start()
        assert ids_s3(restored) == list(range(3 * PER_APPEND))
        restored.stop()


def ids_s3(front):
    return sorted(connect(front).load_table("shop.orders").scan().to_arrow()["id"].to_pylist())

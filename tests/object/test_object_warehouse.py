"""The warehouse of eider.yaml, as `eider doctor` sees it."""

import json

import pytest

from lib.commandline import CommandLine
from lib.s3 import Minio


def doctor(tmp_path, config, **environment):
    (tmp_path / "eider.yaml").write_text(config)
    run = CommandLine(directory=tmp_path)("doctor", "--data", tmp_path / "db", "--output", "json", environment=environment)
    (row,) = [row for row in json.loads(run.stdout) if row["check"] == "warehouse"]
    return row


def test_a_directory_is_made_and_tried(tmp_path):
    assert doctor(tmp_path, "warehouse: lake\n")["detail"] == f"file://{tmp_path}/lake"
    assert list((tmp_path / "lake").iterdir()) == []
    (tmp_path / "file").write_text("")
    row = doctor(tmp_path, "warehouse: file\n")
    assert row["result"] == "FAIL" and "file" in row["detail"]
    assert doctor(tmp_path, "log_level: info\n")["detail"] == "in the data directory"


def test_a_bucket_is_tried(store, tmp_path):
    keys = store.keys
    row = doctor(tmp_path, store.warehouse("doctor"), **keys)
    assert row["result"] == "ok", row
    assert ("by STS" if isinstance(store, Minio) else "are signed") in row["detail"]
    row = doctor(tmp_path, store.warehouse("doctor", vend="false", share_keys="true"), **keys)
    assert row["result"] == "ok" and "server's keys" in row["detail"]
    row = doctor(tmp_path, store.warehouse("doctor", location="s3://pond/x"), **keys)
    assert row["result"] == "FAIL" and "bucket" in row["fix"]
    row = doctor(tmp_path, store.warehouse("doctor"), **keys | {"AWS_SECRET_ACCESS_KEY": "wrong"})
    assert row["result"] == "FAIL" and "warehouse.key" in row["fix"]
    assert "wrong" not in json.dumps(row)


@pytest.mark.parametrize("allowed", ["", "outgoing: 10.0.0.0/8\n"])
def test_a_private_address_has_to_be_listed(tmp_path, allowed):
    config = allowed + "warehouse: {location: s3://lake/x, endpoint: 'http://127.0.0.1:1'}\n"
    row = doctor(tmp_path, config, AWS_ACCESS_KEY_ID="a", AWS_SECRET_ACCESS_KEY="b")
    assert row["result"] == "FAIL" and "private address" in row["detail"] and "outgoing" in row["fix"]

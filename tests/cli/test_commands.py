"""Help, versions, tenants, status, doctor, log level, and mistakes."""

import json
import re

import pytest

from lib.commandline import CommandLine

COMMANDS = ["serve", "tenant create", "tenant list", "tenant delete", "ingest", "query", "status", "doctor", "backup", "restore", "log", "log-level", "audit", "snapshots",
            "rollback", "tag create", "tag list", "tag drop", "branch create", "branch list", "branch drop", "drop", "dropped", "undrop", "maintain", "mirror", "version", "new", "start", "stop", "restart"]


def test_overview_names_every_command(alone):
    for words in ([], ["help"], ["--help"]):
        text = alone(*words).stdout
        for command in COMMANDS:
            assert command in text


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(alone, command):
    text = alone.ok(*command.split(), "--help")
    assert f"usage: eider {command}" in text


def test_version(alone):
    assert re.search(r"\d+\.\d+\.\d+", alone.ok("version"))
    rows = json.loads(alone.ok("version", "--output", "json"))
    assert rows[0]["eider"] and rows[0]["duckdb"].lstrip("v") == "1.5.5"


@pytest.mark.parametrize("words, said", [
    (["qery"], "query"), (["query", "--tenat", "x", "select 1"], "tenant"), (["query"], "missing"), (["tenant", "create"], "--id"),
    (["query", "select 1", "--output", "yaml"], "yaml"), (["ingest"], "missing"), (["status", "extra"], "extra"),
])
def test_wrong_use_says_what_is_near(alone, words, said):
    assert said in alone.fails(*words, code=2)


def test_tenants(fresh_server, tmp_path):
    eider = CommandLine(fresh_server, directory=tmp_path)
    eider.ok("tenant", "create", "--id", "tenant_cli")
    assert "tenant_cli" in eider.ok("tenant", "list")
    assert [row["id"] for row in json.loads(eider.ok("tenant", "list", "--output", "json"))] == ["tenant_cli"]
    assert "tenant_cli" in eider.fails("tenant", "create", "--id", "tenant_cli")
    assert "No-Rule" in eider.fails("tenant", "create", "--id", "No-Rule")
    assert "--yes" in eider.fails("tenant", "delete", "--id", "tenant_cli", code=2)
    eider.ok("tenant", "delete", "--id", "tenant_cli", "--yes")
    assert json.loads(eider.ok("tenant", "list", "--output", "json")) == []
    assert "tenant_cli" in eider.fails("tenant", "delete", "--id", "tenant_cli", "--yes")


def test_status(eider, acme):
    assert "ok" in eider.ok("status")
    assert acme.tenant in eider.ok("status")


def test_no_server_is_an_error_with_a_hint(alone):
    text = alone.fails("status", environment={"EIDER_URL": "http://127.0.0.1:1"})
    assert "127.0.0.1:1" in text


def test_doctor(alone):
    result = alone("doctor", "--output", "json")
    rows = json.loads(result.stdout)
    assert {"check", "result", "detail", "fix"} <= set(rows[0])
    assert result.returncode == (1 if any(row["result"].lower() == "fail" for row in rows) else 0)


def test_doctor_says_what_to_repair(alone, tmp_path):
    (tmp_path / "file").write_text("no directory")
    result = alone("doctor", "--data", tmp_path / "file", "--output", "json")
    assert result.returncode == 1
    assert any(row["result"].lower() == "fail" and row["fix"] for row in json.loads(result.stdout))


def test_log_level(eider):
    assert "info" in eider.ok("log-level")
    eider.ok("log-level", "debug")
    assert "debug" in eider.ok("log-level")
    eider.ok("log-level", "info")


def test_two_servers_on_one_directory_are_refused(fresh_server, tmp_path):
    result = CommandLine(directory=tmp_path)("serve", "--data", fresh_server.data, "--listen", "127.0.0.1:0", timeout=20)
    assert result.returncode != 0
    assert str(fresh_server.pid) in result.stderr or "lock" in result.stderr or "already" in result.stderr
    assert fresh_server.running


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"])
def test_protected_mode_listens_on_loopback_only(alone, tmp_path, listen):
    result = alone("serve", "--data", tmp_path / "db", "--listen", listen, timeout=20)
    assert result.returncode != 0
    assert "would not be encrypted" in result.stderr and "--tls-self-signed" in result.stderr


@pytest.mark.parametrize("config, said", [
    ("listn: 127.0.0.1:0\n", "listen"), ("limits:\n  query.max_sq: 5\n", "query.max_sq"), ("listen: [\n", "line"), ("limits:\n  query.max_sql: x\n", "query.max_sql"),
    ("limits:\n  query.max_sql: -1\n", "query.max_sql"),
])
def test_configuration_errors_name_line_and_key(alone, tmp_path, config, said):
    (tmp_path / "eider.yaml").write_text(config)
    result = alone("serve", "--config", tmp_path / "eider.yaml", "--data", tmp_path / "db", timeout=20)
    assert result.returncode != 0
    assert said in result.stderr and "eider.yaml" in result.stderr


def test_backup_and_restore(acme, eider, make_server, make_client, tmp_path):
    import pyarrow as pa
    acme.upload("t", pa.table({"id": list(range(1000))}))
    eider.ok("backup", tmp_path / "copy")
    acme.query("DELETE FROM t")
    restored = make_server(start=False)
    eider.ok("restore", tmp_path / "copy", "--data", restored.data)
    restored.start()
    assert make_client(restored, acme.tenant).value("SELECT sum(id) FROM t") == 499_500
    assert "empty" in eider.fails("backup", tmp_path / "copy")


def test_restore_refuses_a_damaged_backup(acme, eider, tmp_path):
    import pyarrow as pa
    acme.upload("t", pa.table({"id": [1]}))
    eider.ok("backup", tmp_path / "copy")
    victim = max((path for path in (tmp_path / "copy").rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 0xff
    victim.write_bytes(data)
    assert victim.name in eider.fails("restore", tmp_path / "copy", "--data", tmp_path / "new")
    assert not (tmp_path / "new" / "eider.db").exists()

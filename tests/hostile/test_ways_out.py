"""The probe list, by REST and by Flight, in the ordinary build and in one without the gate. A probe fails when its statement
succeeds, and when anything was read, written or called that lies outside of the tenant, whatever the answer was."""

import os
import pathlib
import socket
import subprocess
import sys
import threading

import duckdb
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from lib.front import Front, StatementError
from lib.server import ROOT
from lib.wait import until
from probes import GATED, HARMLESS, WAYS_OUT

CANARY = "canary-7f3a9c51e2"


class Listener(threading.Thread):
    """Takes every connection, answers nothing, and remembers it."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.calls = []
        self.start()

    def run(self):
        while True:
            try:
                client, peer = self.socket.accept()
            except OSError:
                return
            self.calls.append(peer)
            client.close()


class Prison:
    """A server, and outside of its tenant everything that a prisoner would like to have."""

    def __init__(self, directory, build=None):
        self.out = directory / "out"
        self.out.mkdir(parents=True)
        arguments = {"build": build} if build else {}
        self.front = Front(directory / "server", environment={"PRISON_SECRET": CANARY}, **arguments).start()
        self.front.create_tenants("tenant_acme", "tenant_beta")
        self.front.query(f"create table hidden as select '{CANARY}' as secret", "tenant_beta")
        self.front.query("create table mine as select 42 as a")
        self.tenants = self.front.data / "tenants"
        self.own = self.tenants / "tenant_acme"
        self.listener = Listener()
        self._hide()
        self.before = self.picture()

    def _hide(self):
        self.out.joinpath("secret.csv").write_text(f"secret\n{CANARY}\n")
        self.out.joinpath("secret.json").write_text(f'{{"secret":"{CANARY}"}}\n')
        self.out.joinpath("schema.sql").write_text(f"create table imported as select '{CANARY}' as a;\n")
        self.out.joinpath("load.sql").write_text("select 1;\n")
        parquet.write_table(pa.table({"a": [CANARY]}), self.out / "secret.parquet")
        with duckdb.connect(str(self.out / "secret.duckdb")) as database:
            database.execute(f"create table hidden as select '{CANARY}' as secret")
        for name, source in (("evil.so", "libduckdb.so"), ("evil.duckdb_extension", None)):
            library = ROOT / "deps/duckdb/lib" / source if source else next((ROOT / "deps/extensions").glob("tpch*"), None)
            if library:
                os.symlink(library, self.out / name)
        # Nobody can make links by SQL; should somebody once be able to, they lead nowhere.
        os.symlink(self.out / "secret.csv", self.own / "link_file")
        os.symlink(self.out, self.own / "link_directory")
        os.symlink(self.out / "secret.duckdb", self.own / "link_database")

    def sql(self, text):
        return text.format(out=self.out, secret=self.out / "secret.csv", own=self.own, data=self.front.data,
                           other=self.tenants / "tenant_beta/tenant_beta.duckdb", port=self.listener.port, front=self.front.pid)

    def picture(self):
        """Everything outside of the tenant that a statement could have touched."""
        places = [self.out, self.front.directory]
        found = {}
        for place in places:
            for path in sorted(place.rglob("*")):
                inside = self.own in path.parents or path.name in ("server.log", "eider.db-wal", "eider.db-shm", "eider.db")
                if not inside and "logs" not in path.parts and path.is_file() and "tenant_beta" not in path.parts:
                    found[str(path)] = path.stat().st_size
        return found

    def close(self):
        self.listener.socket.close()
        self.front.stop()


def by_rest(front, sql):
    return str(front.query(sql, timeout=20))


def by_flight(front, sql):
    return str(front.fetch(sql, timeout=20).to_pylist())


def run(by, front, sql):
    """(succeeded, everything that was said)"""
    try:
        return True, by(front, sql)
    except (StatementError, pa.ArrowException) as error:
        return False, str(error)


@pytest.fixture(scope="module")
def prison(tmp_path_factory):
    prison = Prison(tmp_path_factory.mktemp("prison"))
    yield prison
    prison.close()


@pytest.fixture(scope="module")
def open_prison(tmp_path_factory):
    """Without the gate: what is left is the engine's settings, the kernel's rules and the extensions that are not there."""
    build = ROOT / "build-gateoff"
    commands = [] if (build / "build.ninja").exists() else [["meson", "setup", str(build), "-Dgate_off=true"]]
    environment = os.environ | {"PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"}
    for command in [*commands, ["nice", "ninja", "-C", str(build), "eider"]]:
        made = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
        assert made.returncode == 0, made.stdout[-3000:] + made.stderr[-3000:]
    prison = Prison(tmp_path_factory.mktemp("open_prison"), build)
    yield prison
    prison.close()


def assert_nothing_got_out(prison, answer):
    assert CANARY not in answer, "the secret was told"
    assert prison.listener.calls == [], "a connection was made"
    assert prison.picture() == prison.before, "files outside were touched"


@pytest.mark.parametrize("by", [by_rest, by_flight], ids=["rest", "flight"])
@pytest.mark.parametrize("name", [*WAYS_OUT, *GATED])
def test_way_out_is_closed(prison, by, name):
    sql = prison.sql((WAYS_OUT | GATED)[name])
    succeeded, answer = run(by, prison.front, sql)
    assert_nothing_got_out(prison, answer)
    assert not succeeded, f"{sql!r} gave {answer[:300]}"
    assert "root:" not in answer and str(prison.front.data) not in answer.replace(sql, ""), f"a path is told: {answer}"


def test_gate_lets_the_harmless_pass(prison):
    for sql in HARMLESS:
        for by in (by_rest, by_flight):
            succeeded, answer = run(by, prison.front, sql)
            assert succeeded, f"{sql!r}: {answer}"


def test_prisoner_still_works_and_nothing_was_logged(prison):
    assert prison.front.query("select a from mine") == [[42]]
    assert CANARY not in prison.front.log()


def test_environment_of_a_worker_is_empty(prison):
    """Should a worker once be read from inside, the server's environment is not in it."""
    for pid in prison.front.workers():
        assert CANARY.encode() not in pathlib.Path(f"/proc/{pid}/environ").read_bytes()


@pytest.mark.slow
@pytest.mark.native
@pytest.mark.parametrize("name", WAYS_OUT)
def test_way_out_is_closed_without_the_gate(open_prison, name):
    front, sql = open_prison.front, open_prison.sql(WAYS_OUT[name])
    succeeded, answer = run(by_rest, front, sql)
    assert_nothing_got_out(open_prison, answer)
    assert not succeeded, f"{sql!r} gave {answer[:300]}"
    still_works(front)


@pytest.mark.slow
@pytest.mark.native
@pytest.mark.parametrize("name", GATED)
def test_what_only_the_gate_stops_does_no_harm(open_prison, name):
    front = open_prison.front
    _, answer = run(by_rest, front, open_prison.sql(GATED[name]))
    assert_nothing_got_out(open_prison, answer)
    still_works(front)


def still_works(front):
    """The other tenant at once; this one with its next worker, should the statement have cost it this one."""
    assert front.query("select count(*) from hidden", "tenant_beta") == [[1]]
    until(lambda: run(by_rest, front, "select a from mine") == (True, "[[42]]"), 15, "the tenant works again")


@pytest.mark.slow
@pytest.mark.native
def test_build_without_gate_has_none(open_prison):
    """Else the tests above would prove nothing. What is left speaks for itself: the engine's settings."""
    assert run(by_rest, open_prison.front, "attach ':memory:' as nothing")[0]
    _, answer = run(by_rest, open_prison.front, "select * from read_text('/etc/passwd')")
    assert "file system operations are disabled" in answer, answer

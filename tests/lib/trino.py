"""One Trino on a free port, of what tools/fetch-engines has put into deps/: coordinator and worker in one, small."""

import datetime
import decimal
import pathlib
import re
import socket
import subprocess
import time

import requests

from lib.wait import until

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOME = ROOT / "deps/trino"
JAVA = ROOT / "deps/java/bin/java"


class TrinoError(Exception):
    """What Trino said of a statement; `name` is its code, such as TABLE_NOT_FOUND."""

    def __init__(self, error):
        cause, text = error.get("failureInfo") or {}, error["message"]
        while cause := cause.get("cause"):
            text += f"\n  because: {cause.get('message')}"
        super().__init__(f"{error['errorName']}: {text}")
        self.name = error["errorName"]


class Trino:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.process = None
        self.http = requests.Session()

    def start(self, seconds=120):
        assert JAVA.exists() and HOME.exists(), "Trino is not there: run `make suites`"
        (self.directory / "etc").mkdir(parents=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        (self.directory / "etc/config.properties").write_text("\n".join([
            "coordinator=true",
            "node-scheduler.include-coordinator=true",
            f"http-server.http.port={self.port}",
            f"discovery.uri={self.url}",
            "catalog.management=dynamic",
            "catalog.store=memory",
            "query.max-memory-per-node=512MB",
        ]) + "\n")
        options = ["-Xmx2G", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Djdk.attach.allowAttachSelf=true",
                   "--enable-native-access=ALL-UNNAMED", f"-Djava.io.tmpdir={self.directory}", "-Dnode.environment=test",
                   "-Dnode.id=one", "-Dnode.bind-ip=127.0.0.1", "-Dnode.internal-address=127.0.0.1",
                   f"-Dnode.data-dir={self.directory}", f"-Dplugin.dir={HOME}/plugin",
                   f"-Dconfig={self.directory}/etc/config.properties"]
        with open(self.directory / "trino.log", "wb") as log:
            self.process = subprocess.Popen([str(JAVA), *options, "-cp", f"{HOME}/lib/*", "io.trino.server.TrinoServer"],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory)
        until(self._ready, seconds, "a ready Trino")
        return self

    def _ready(self):
        assert self.process.poll() is None, f"Trino ended with {self.process.returncode}:\n{self.log()[-4000:]}"
        try:
            if self.http.get(f"{self.url}/v1/info", timeout=5).json()["starting"]:
                return False
            return self.query("SELECT 1") == [(1,)]
        except (requests.RequestException, ValueError, KeyError, TrinoError):
            return False

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def log(self):
        return (self.directory / "trino.log").read_text(errors="replace")

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(20)
        self.http.close()

    def add_catalog(self, name, properties):
        """An Iceberg catalog; names of properties as the documentation has them."""
        settings = {"iceberg.catalog.type": "rest", "fs.native-local.enabled": "true", "local.location": "/"} | properties
        text = ", ".join(f"\"{key}\" = '{value}'" for key, value in settings.items())
        self.query(f"CREATE CATALOG {name} USING iceberg WITH ({text})")

    def run(self, sql, **session):
        """All pages of a statement: (columns, rows as JSON has them)."""
        headers = {"X-Trino-User": "test", "X-Trino-Client-Capabilities": "PARAMETRIC_DATETIME", "X-Trino-Time-Zone": "UTC"}
        headers |= {f"X-Trino-{key.capitalize()}": value for key, value in session.items()}
        answer = self.http.post(f"{self.url}/v1/statement", data=sql.encode(), headers=headers, timeout=120)
        columns, rows = None, []
        while True:
            if answer.status_code in (502, 503, 504):
                time.sleep(0.05)  # its protocol asks for that
                answer = self.http.get(answer.url, headers=headers, timeout=120)
                continue
            assert answer.status_code == 200, f"{answer.status_code} {answer.text}"
            page = answer.json()
            if "error" in page:
                raise TrinoError(page["error"])
            columns = page.get("columns", columns)
            rows += page.get("data", [])
            if "nextUri" not in page:
                return columns or [], rows
            answer = self.http.get(page["nextUri"], headers=headers, timeout=120)

    def query(self, sql, **session):
        """Rows as tuples of Python's values."""
        columns, rows = self.run(sql, **session)
        kinds = [column["typeSignature"] for column in columns]
        return [tuple(value_of(value, kind) for value, kind in zip(row, kinds)) for row in rows]


def value_of(value, kind):
    """A value of Trino's JSON as Python's."""
    if value is None:
        return None
    name = kind["rawType"]
    parts = [argument["value"] for argument in kind["arguments"]]
    if name == "array":
        return [value_of(one, parts[0]) for one in value]
    if name == "map":
        return {key_of(key, parts[0]): value_of(one, parts[1]) for key, one in value.items()}
    if name == "row":
        return {part["fieldName"]["name"]: value_of(one, part["typeSignature"]) for one, part in zip(value, parts)}
    return scalar_of(value, name)


def key_of(key, kind):
    return int(key) if kind["rawType"] in ("integer", "bigint") else value_of(key, kind)


def scalar_of(value, name):
    if name in ("real", "double"):
        return float(value)
    if name == "decimal":
        return decimal.Decimal(value)
    if name == "date":
        return datetime.date.fromisoformat(value)
    if name.startswith("time"):
        return moment_of(value, name)
    if name == "varbinary":
        import base64
        return base64.b64decode(value)
    return value


def moment_of(value, name):
    """2026-01-02 03:04:05.123456 UTC; Python has microseconds and wants its zone as +00:00."""
    text = re.sub(r" UTC$", "+00:00", value)
    return datetime.time.fromisoformat(text) if name == "time" else datetime.datetime.fromisoformat(text)

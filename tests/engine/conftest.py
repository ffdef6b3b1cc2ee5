"""The engine alone, through engine_tool; what DuckDB's own Python package says is the truth."""
import io
import json
import os
import pathlib
import subprocess

import duckdb
import pyarrow as pa
import pytest

from lib.ipc import stream

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "deps/duckdb/lib/libduckdb.so"


def tool_path():
    return pathlib.Path(os.environ.get("EIDER_BUILD", ROOT / "build")).resolve() / "src/platform/engine/engine_tool"


class Failure(Exception):
    """kind, message and hint of a refused command."""

    def __init__(self, text):
        super().__init__(text)
        lines = text.strip().split("\n")
        self.kind, _, self.message = lines[0].partition(": ")
        self.hint = lines[1] if len(lines) > 1 else ""


class Engine:
    def __init__(self, directory):
        self.database = directory / "tenant_acme.duckdb"
        self.temp = directory / "spill"

    def call(self, *commands, data=b"", options=()):
        words = [str(tool_path()), "--library", str(LIBRARY), "--database", str(self.database), "--temp",
                 str(self.temp), *options]
        for number, command in enumerate(commands):
            words += ["--"] if number else []
            words += command
        done = subprocess.run(words, input=data, capture_output=True, timeout=300)
        if done.returncode == 1:
            raise Failure(done.stderr.decode())
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout, done.stderr.decode()

    def arrow(self, sql, format="arrow", **more):
        with pa.ipc.open_stream(io.BytesIO(self.call(["run", format, sql], **more)[0])) as reader:
            table = reader.read_all()
        for number, field in enumerate(table.schema):
            # DuckDB exports HUGEINT as decimal128(38, 0), which its largest values exceed, and the time 24:00:00.
            beyond = field.type == pa.decimal128(38, 0) or pa.types.is_time(field.type)
            table.select([number]).validate(full=not beyond)
        return table

    def text(self, format, sql, **more):
        return self.call(["run", format, sql], **more)[0].decode()

    def json(self, sql, **more):
        return json.loads(self.text("json", sql, **more))

    def describe(self, sql, **more):
        """Schemas of result and parameters, and what else is said."""
        out, report = self.call(["describe", sql], **more)
        messages = pa.BufferReader(out)
        return pa.ipc.read_schema(messages), pa.ipc.read_schema(messages), json.loads(report)

    def bind(self, sql, table, *before, format="flight"):
        """The result of a statement run with a table's rows as parameters."""
        data = table if isinstance(table, bytes) else stream(table)
        out, _ = self.call(*before, ["bind", format, sql], data=data)
        return pa.ipc.open_stream(io.BytesIO(out)).read_all() if out else None

    def put(self, table, name="t", mode="create_append", **options):
        data = table if isinstance(table, bytes) else stream(table, **options)
        return json.loads(self.call(["put", mode, name], data=data)[1])["put_rows"]


@pytest.fixture
def engine(tmp_path):
    return Engine(tmp_path)


@pytest.fixture(scope="session")
def truth():
    """DuckDB in Python with the settings of a session."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection

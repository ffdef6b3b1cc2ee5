"""TPC-H data, made once by DuckDB's generator, in the file layout of a tenant (schema "default")."""

import os
import pathlib
import shutil
import tempfile

import duckdb

from measure import CACHE, ROOT

SCALE = float(os.environ.get("BENCH_SCALE", "1"))
TENANT = "tenant_bench"
EXTENSION = ROOT / "deps" / "extensions" / "tpch.duckdb_extension"


def connect(path=":memory:"):
    connection = duckdb.connect(str(path))
    connection.execute(f"LOAD '{EXTENSION}'")
    return connection


def file():
    """Path of the cached database file."""
    path = CACHE / f"tpch-{SCALE:g}.duckdb"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.unlink(missing_ok=True)
        connection = connect(part)
        connection.execute('CREATE SCHEMA "default"')
        connection.execute(f"CALL dbgen(sf={SCALE:g}, schema='default')")
        connection.execute("CHECKPOINT")
        connection.close()
        part.rename(path)
    return path


def queries():
    """The 22 queries."""
    return [text for (text,) in connect().execute("SELECT query FROM tpch_queries() ORDER BY query_nr").fetchall()]


def copy():
    """A private copy of the file for one server; (directory, path)."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="eider-bench-", dir=CACHE))
    path = directory / f"{TENANT}.duckdb"
    shutil.copy(file(), path)
    return directory, path


def eider_data(create):
    """A data directory whose tenant holds the data. `create(directory)` makes the tenant with a running server."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="eider-bench-", dir=CACHE))
    create(directory)
    shutil.copy(file(), directory / "tenants" / TENANT / f"{TENANT}.duckdb")
    return directory

"""Every function of the DuckDB in use was looked at: what is not a scalar or an aggregate is on one of the gate's lists."""
import os
import pathlib
import subprocess

import duckdb
import pytest

BUILD = pathlib.Path(os.environ.get("EIDER_BUILD", pathlib.Path(__file__).parents[2] / "build"))
TOOL = BUILD / "src/domain/query/gate_tool"

# Looked at: harmless, or of no use without a session of one's own. PRAGMA itself has a list of what is open.
PRAGMAS = {
    "collations", "database_size", "disable_print_progress_bar", "disable_progress_bar", "enable_print_progress_bar",
    "enable_progress_bar", "functions", "metadata_info", "platform", "show", "show_databases", "show_tables",
    "show_tables_expanded", "storage_info", "table_info", "user_agent", "version",
}
# What a scalar or a macro must not do, by name: a new one that matches has to be looked at.
SUSPICIOUS = ("file", "read", "write", "load", "secret", "setting", "exec", "query", "http", "log_", "env", "attach", "plan")
HARMLESS = {"__internal", "current_query", "current_query_id", "parse_filename", "pg_conf_load_time", "parse_duckdb_log_message", "in_search_path"}


def verdicts(names):
    done = subprocess.run([TOOL, "names"], input="".join(n + "\n" for n in names).encode(), stdout=subprocess.PIPE, check=True)
    return dict(zip(names, done.stdout.decode().split()))


def functions(kinds):
    rows = duckdb.execute("select distinct function_name from duckdb_functions() where list_contains(?, function_type)", [kinds])
    return sorted(name for (name,) in rows.fetchall())


def test_every_table_function_is_on_a_list():
    unknown = [n for n, v in verdicts(functions(["table", "table_macro"])).items() if v == "open"]
    assert not unknown


def test_every_pragma_is_closed_or_known():
    unknown = [n for n, v in verdicts(functions(["pragma"])).items() if v == "open" and n not in PRAGMAS]
    assert not unknown


def test_suspicious_scalars_are_closed_or_known():
    found = verdicts(functions(["scalar", "aggregate", "macro"]))
    unknown = [n for n, v in found.items() if v == "open" and any(word in n for word in SUSPICIOUS) and n not in HARMLESS]
    assert not unknown


@pytest.mark.parametrize("name", ["READ_CSV", "Query", "glob", "iceberg_scan", "postgres_scan", "parquet_anything", "sniff_csv"])
def test_closed_whatever_the_case(name):
    assert verdicts([name])[name] == "closed"


def test_extensions_functions_are_closed():
    extensions = pathlib.Path(__file__).parents[2] / "deps/extensions"
    connection = duckdb.connect(config={"allow_unsigned_extensions": True})
    listed = "select distinct function_name from duckdb_functions() where function_type in ('table', 'pragma')"
    before = set(connection.execute(listed).fetchall())
    for name in ("avro", "httpfs", "iceberg"):
        connection.execute(f"load '{extensions / name}.duckdb_extension'")
    new = [name for (name,) in set(connection.execute(listed).fetchall()) - before]
    of_a_table = {"iceberg_snapshots", "iceberg_metadata", "iceberg_table_properties"}
    found = verdicts(new)
    assert of_a_table <= set(found)
    assert not [n for n, v in found.items() if v != ("iceberg" if n in of_a_table else "closed")]

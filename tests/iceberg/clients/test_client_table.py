"""docs/reference/iceberg.md has every endpoint that the server lists, and no other; its versions are those that are tested."""

import pathlib
import re

import pytest
import requests

ROOT = pathlib.Path(__file__).resolve().parents[3]
TABLE = (ROOT / "docs/reference/iceberg.md").read_text()


def test_every_endpoint_is_in_the_table(lake):
    if not hasattr(lake, "server"):
        pytest.skip("it is eider's table")
    listed = requests.get(f"{lake.uri}/v1/config", {"warehouse": lake.warehouse}, timeout=60).json()["endpoints"]
    assert set(re.findall(r"^\| `(\w+ /v1/\S+)` \|", TABLE, re.M)) == {*listed, "GET /v1/config", "POST /v1/oauth/tokens"}


def test_the_versions_are_those_of_the_tests():
    fetched = (ROOT / "tools/requirements.txt").read_text() + (ROOT / "tools/fetch-engines").read_text()
    for client, pattern in {"pyiceberg": r"^pyiceberg==(\S+)", "DuckDB": r"^duckdb==(\S+)", "Trino": r"^trino=(\S+)", "Spark": r"^spark=(\S+)"}.items():
        version = re.search(pattern, fetched, re.M).group(1)
        assert f"| {client} | {version} |" in TABLE

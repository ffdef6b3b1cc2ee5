"""One client writes a table with every type that it knows, the others read the same values back."""

import datetime
import math
from decimal import Decimal

import pytest
from lib.iceberg import CLIENTS, canonical

# Both engines may start in one test.
pytestmark = [pytest.mark.slow, pytest.mark.native, pytest.mark.timeout(300)]

UTC = datetime.timezone.utc

# Type → values; a row takes one of each, the last row none.
VALUES = {
    "boolean": [True, False],
    "int": [-2**31, 2**31 - 1, 0],
    "long": [-2**63, 2**63 - 1, 0],
    "float": [1.5, -3.4028234663852886e38, math.nan, math.inf],
    "double": [-1.7976931348623157e308, 5e-324, math.nan, -math.inf],
    "decimal(4,1)": [Decimal("-999.9"), Decimal("0.1")],
    "decimal(9,2)": [Decimal("-9999999.99"), Decimal("0.01")],
    "decimal(18,4)": [Decimal("-99999999999999.9999"), Decimal("0.0001")],
    "decimal(38,10)": [Decimal("-9999999999999999999999999999.9999999999"), Decimal("0.0000000001")],
    "date": [datetime.date(1969, 12, 31), datetime.date(1, 1, 1), datetime.date(9999, 12, 31)],
    "time": [datetime.time(0, 0), datetime.time(23, 59, 59, 999999)],
    "timestamp": [datetime.datetime(1969, 12, 31, 23, 59, 59, 999999), datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31, 23, 59, 59)],
    "timestamptz": [datetime.datetime(1969, 12, 31, 23, 59, 59, 999999, UTC), datetime.datetime(2026, 10, 25, 1, 30, tzinfo=UTC)],
    "string": ["", "Ünïcödé 🦆", "it's a \\ \"quote\"\n\ttab", "x" * 5000],
    "uuid": ["00000000-0000-0000-0000-000000000000", "f79c3e09-677c-4bbd-a479-3f349cb785e7"],
    "fixed(4)": [b"\x00\x01\xfe\xff"],
    "binary": [b"", b"\x00\xff'\\"],
    ("list", "int"): [[], [1, None, -3]],
    ("map", "string", "long"): [{}, {"a": 1, "ü": None}],
    ("map", "int", "decimal(9,2)"): [{7: Decimal("1.10"), -7: None}],
    ("struct", (("a", "int"), ("b", "string"))): [{"a": 1, "b": "x"}, {"a": None, "b": None}],
    ("list", ("struct", (("x", "double"), ("y", ("list", "string"))))): [[{"x": 0.5, "y": ["p", None]}, None, {"x": None, "y": []}]],
    ("map", "string", ("list", ("map", "string", "date"))): [{"k": [{"d": datetime.date(2026, 1, 1)}, {}]}],
    ("struct", (("nest", ("struct", (("deep", ("struct", (("v", "timestamptz"),))),))),)): [{"nest": {"deep": {"v": datetime.datetime(2026, 1, 1, tzinfo=UTC)}}}],
}


def type_of(key):
    """Keys are hashable; the library wants the fields of a struct by name."""
    if not isinstance(key, tuple):
        return key
    if key[0] == "struct":
        return "struct", {name: type_of(part) for name, part in key[1]}
    return key[0], *[type_of(part) for part in key[1:]]


def columns_of(kinds):
    return {"id": "int"} | {f"c{index}": kind for index, kind in enumerate(kinds)}


def rows_of(kinds, values):
    count = max(len(each) for each in values)
    rows = [{"id": at} | {f"c{index}": each[at % len(each)] for index, each in enumerate(values)} for at in range(count)]
    return [*rows, {"id": count} | {f"c{index}": None for index in range(len(kinds))}]


def lost(client, kind):
    """pyiceberg makes an empty list of a list of structs that is null, when it writes and when it reads."""
    return client == "pyiceberg" and kind[0] == "list" and kind[1][0] == "struct"


def expected_of(rows, columns, clients):
    found = []
    for row in rows:
        row = {name: [] if row[name] is None and any(lost(client, kind) for client in clients) else row[name]
               for name, kind in columns.items()}
        found.append({name: canonical(row[name], kind) for name, kind in columns.items()})
    return found


@pytest.mark.parametrize("writer", CLIENTS)
def test_values_come_back(writer, client_of, namespace):
    made = client_of(writer)
    known = [(type_of(key), values) for key, values in VALUES.items() if made.knows(type_of(key))]
    kinds, values = [kind for kind, _ in known], [each for _, each in known]
    columns, rows = columns_of(kinds), rows_of(kinds, values)
    table = f"{namespace}.types"
    made.create(table, columns)
    made.insert(table, columns, rows)
    for reader in CLIENTS:
        if reader == "spark" and "time" in kinds:
            continue  # Spark does not load a table with a time of day; the next test has the rest
        assert client_of(reader).rows(table, columns) == expected_of(rows, columns, (writer, reader)), reader


@pytest.mark.parametrize("writer", ["duckdb", "pyiceberg", "trino"])
def test_spark_reads_what_it_has_no_words_for(writer, client_of, namespace):
    made = client_of(writer)
    known = [(type_of(key), values) for key, values in VALUES.items() if made.knows(type_of(key)) and key != "time"]
    kinds, values = [kind for kind, _ in known], [each for _, each in known]
    columns, rows = columns_of(kinds), rows_of(kinds, values)
    table = f"{namespace}.types"
    made.create(table, columns)
    made.insert(table, columns, rows)
    assert client_of("spark").rows(table, columns) == expected_of(rows, columns, [writer])

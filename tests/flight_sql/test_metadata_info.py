"""What the server says of itself: GetSqlInfo and GetXdbcTypeInfo, complete, each value where drivers look for it."""

import pathlib
import subprocess
import sys

import duckdb
import pytest

from lib import sqlmetadata as ask

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Every id of FlightSql.proto, by the child of the union that drivers read: JDBC's DatabaseMetaData, the ODBC driver, ADBC.
STRING, BOOL, BIGINT, INT32, STRINGS, MAP = range(6)
CHILDREN = {
    STRING: [0, 1, 2, 6, 7, 504, 513, 514, 529, 530, 531],
    BOOL: [3, 4, 5, 9, 10, 11, 500, 501, 502, 506, 515, 516, 518, 519, 520, 521, 523, 524, 527, 532, 536, 537, 539, 556,
           563, 565, 566, 572, 573, 574, 575, 576],
    BIGINT: [503, 505, 507, *range(541, 556), 557, 558, 559, 560, 561, 562],
    INT32: [8, 100, 101, 522, 525, 526, 528, 533, 534, 535, 538, 540, 564, 567, 568, 569, 570, 571],
    STRINGS: [508, 509, 510, 511, 512],
    MAP: [517],
}
KNOWN = sorted(number for numbers in CHILDREN.values() for number in numbers)


def infos(client, *ids):
    return dict(ask.rows(client, ask.sql_info(*ids), ask.SQL_INFO))


def test_every_id_is_answered_by_the_right_child(shared):
    assert KNOWN == [*range(12), 100, 101, *range(500, 577)]
    table = ask.ask(shared, ask.sql_info(), ask.SQL_INFO).combine_chunks()
    assert table["info_name"].to_pylist() == KNOWN
    codes = table["value"].chunk(0).type_codes.to_pylist()
    assert {number: code for number, code in zip(KNOWN, codes)} == {
        number: child for child, numbers in CHILDREN.items() for number in numbers}
    assert table.nbytes < 1 << 20


def test_asked_ids_only_and_unknown_ones_are_skipped(shared):
    assert infos(shared, 0, 8, 504) == {0: "eider", 8: 1, 504: '"'}
    assert infos(shared, 9999, 3, 577) == {3: False}
    assert infos(shared, 9999) == {}
    assert infos(shared, 0, 0) == {0: "eider"}


def test_what_drivers_act_on(shared):
    known = infos(shared)
    assert known[1].count(".") == 2 and known[4] and not known[5] and (known[6], known[7]) == ("", "")
    assert known[8] == 1 and known[9] and known[10] and known[11] and known[573] is False
    assert known[100] == known[101] == 1_800_000
    assert known[513] == "\\" and known[531] == "catalog" and known[557] == 1 << 20
    converts = {key: set(values) for key, values in known[517]}
    assert set(converts) == set(range(20)) and converts[19] == set(range(20))  # a text may become anything
    assert 16 in converts[4] and 16 not in converts[0]  # DATE to TIMESTAMP, but no BIGINT


def test_words_are_those_of_duckdb(shared):
    made = subprocess.run([sys.executable, ROOT / "tools/sql-words"], capture_output=True, check=True).stdout.decode()
    assert made == (ROOT / "src/face/flight/gen/sql_words.c").read_text()
    known = infos(shared)
    assert {"SELECT", "QUALIFY", "PIVOT"} <= set(known[508])
    assert {"abs", "sqrt"} <= set(known[509]) and {"upper", "regexp_replace"} <= set(known[510])
    assert {"version", "current_database"} <= set(known[511]) and {"date_trunc", "now"} <= set(known[512])


def types(client, data_type=None):
    return ask.ask(client, ask.xdbc_types(data_type), ask.XDBC_TYPES).to_pylist()


def test_types_are_those_of_duckdb(shared):
    found = types(shared)
    order = [(row["data_type"], row["type_name"]) for row in found]
    assert order == sorted(order)
    names = {row["type_name"] for row in found}
    real = {name for name, in duckdb.sql("SELECT DISTINCT logical_type FROM duckdb_types() WHERE internal").fetchall()}
    real -= {"NULL", "INVALID", "ANY", "TYPE", "LAMBDA", "POINTER", "VALIDITY", "SQLNULL"}
    assert names >= real - {"VARINT"}, real - names
    for row in found:
        assert row["nullable"] == 1 and row["searchable"] in (2, 3)
        assert (row["literal_prefix"] is None) == (row["literal_suffix"] is None)


@pytest.mark.parametrize("data_type, names", [(4, ["INTEGER", "UINTEGER"]), (-5, ["BIGINT", "UBIGINT"]), (3, ["DECIMAL"]),
                                              (91, ["DATE"]), (12, ["ENUM", "JSON", "UUID", "VARCHAR"]), (77, [])])
def test_types_of_one_number(shared, data_type, names):
    assert [row["type_name"] for row in types(shared, data_type)] == names


def test_some_types_in_full(shared):
    found = {row["type_name"]: row for row in types(shared)}
    decimal = found["DECIMAL"]
    assert (decimal["column_size"], decimal["create_params"], decimal["maximum_scale"], decimal["num_prec_radix"]) == (
        38, ["precision", "scale"], 38, 10)
    assert found["UINTEGER"]["unsigned_attribute"] and found["INTEGER"]["unsigned_attribute"] is False
    assert found["VARCHAR"]["case_sensitive"] and found["VARCHAR"]["searchable"] == 3
    stamp = found["TIMESTAMP"]
    assert (stamp["literal_prefix"], stamp["literal_suffix"]) == ("TIMESTAMP '", "'")
    assert (stamp["sql_data_type"], stamp["datetime_subcode"], stamp["maximum_scale"]) == (9, 3, 6)

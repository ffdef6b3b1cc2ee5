"""Metadata as ADBC's driver asks for it; it compares every schema with the reference's."""

import adbc_driver_manager
import pyarrow as pa
import pytest

from lib import adbc

SETUP = [
    "CREATE TABLE parent(id INTEGER PRIMARY KEY, name VARCHAR NOT NULL, price DECIMAL(18, 3))",
    "CREATE TABLE \"odd \"\"one\"(a INTEGER[], s STRUCT(x INTEGER, y VARCHAR), e ENUM('a', 'b'))",
    "CREATE VIEW seen AS SELECT name FROM parent",
    "CREATE SCHEMA other",
    "CREATE TABLE other.parent(z DOUBLE)",
]


@pytest.fixture
def filled(acme, database):
    for sql in SETUP:
        acme.query(sql)
    return database


def objects(database, tenant, **filters):
    """{schema: {table: (type, [columns])}} of the tenant."""
    found = database.adbc_get_objects(**filters).read_all().to_pylist()
    (catalog,) = [entry for entry in found if entry["catalog_name"] == tenant]
    return {schema["db_schema_name"]: {table["table_name"]: (table["table_type"], table["table_columns"])
                                       for table in schema["db_schema_tables"] or []}
            for schema in catalog["catalog_db_schemas"] or []}


def names(found):
    return {schema: {table: kind for table, (kind, _) in tables.items()} for schema, tables in found.items()}


def test_catalogs_and_schemas(filled, acme):
    found = filled.adbc_get_objects(depth="catalogs").read_all().to_pylist()
    assert acme.tenant in [entry["catalog_name"] for entry in found]
    assert objects(filled, acme.tenant, depth="db_schemas") == {"default": {}, "main": {}, "other": {}}
    assert objects(filled, acme.tenant, depth="db_schemas", db_schema_filter="o%") == {"other": {}}


def test_tables(filled, acme):
    found = objects(filled, acme.tenant, depth="tables")
    assert names(found) == {"default": {"parent": "TABLE", 'odd "one': "TABLE", "seen": "VIEW"}, "main": {},
                            "other": {"parent": "TABLE"}}
    assert names(objects(filled, acme.tenant, depth="tables", table_types_filter=["VIEW"]))["default"] == {"seen": "VIEW"}
    found = objects(filled, acme.tenant, depth="tables", table_name_filter="par_nt", db_schema_filter="other")
    assert names(found) == {"other": {"parent": "TABLE"}}


def test_columns(filled, acme):
    found = objects(filled, acme.tenant, depth="all", catalog_filter=acme.tenant)
    columns = {column["column_name"]: column for column in found["default"]["parent"][1]}
    assert [(name, column["ordinal_position"], column["xdbc_type_name"]) for name, column in columns.items()] == [
        ("id", 1, "INTEGER"), ("name", 2, "VARCHAR"), ("price", 3, "DECIMAL")]
    assert columns["price"]["xdbc_scope_table"] == "parent" and not columns["id"]["xdbc_is_autoincrement"]
    nested = found["default"]['odd "one'][1]
    assert [column["xdbc_type_name"] for column in nested] == ["INTEGER[]", "STRUCT", "ENUM"]
    filtered = objects(filled, acme.tenant, depth="columns", column_name_filter="na%")
    assert [column["column_name"] for column in filtered["default"]["parent"][1]] == ["name"]


def test_schema_of_a_table(filled):
    schema = filled.adbc_get_table_schema("parent")
    assert [(field.name, field.type, field.nullable) for field in schema] == [
        ("id", pa.int32(), False), ("name", pa.utf8(), False), ("price", pa.decimal128(18, 3), True)]
    assert filled.adbc_get_table_schema("parent", db_schema_filter="other").names == ["z"]
    assert filled.adbc_get_table_schema('odd "one').names == ["a", "s", "e"]
    with pytest.raises(adbc_driver_manager.ProgrammingError):
        filled.adbc_get_table_schema("not_there")


def test_temporary_tables(acme, database):
    with database.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE mine(a INTEGER)")
    found = database.adbc_get_objects(depth="tables").read_all().to_pylist()
    tables = {entry["catalog_name"]: entry["catalog_db_schemas"] for entry in found}
    assert tables["temp"] == [{"db_schema_name": "main", "db_schema_tables": [
        {"table_name": "mine", "table_type": "LOCAL TEMPORARY", "table_columns": None, "table_constraints": None}]}]
    assert database.adbc_get_table_schema("mine").names == ["a"]


def test_table_types(filled):
    assert filled.adbc_get_table_types() == ["LOCAL TEMPORARY", "TABLE", "VIEW"]


def test_info(filled):
    info = filled.adbc_get_info()
    assert info["vendor_name"] == "eider" and info["vendor_version"].count(".") == 2
    assert info["vendor_arrow_version"] == "1.5"


def test_statistics_are_not_served(filled):
    with pytest.raises(adbc_driver_manager.NotSupportedError):
        filled.adbc_connection.get_statistics(None, None, None, True)

"""The metadata commands of Flight SQL: as bytes, and the schemas that their results have to have."""

import pyarrow as pa
import pyarrow.flight as flight

from lib.flightsql import wrap
from lib.rawflight import field, varint


def no(name, kind):
    return pa.field(name, kind, nullable=False)


U, I = pa.utf8(), pa.int32()

CATALOGS = pa.schema([no("catalog_name", U)])
SCHEMAS = pa.schema([("catalog_name", U), no("db_schema_name", U)])
TABLES = pa.schema([("catalog_name", U), ("db_schema_name", U), no("table_name", U), no("table_type", U)])
TABLES_WITH_SCHEMA = TABLES.append(no("table_schema", pa.binary()))
TABLE_TYPES = pa.schema([no("table_type", U)])
PRIMARY_KEYS = pa.schema([("catalog_name", U), ("db_schema_name", U), no("table_name", U), no("column_name", U),
                          no("key_sequence", I), ("key_name", U)])
FOREIGN_KEYS = pa.schema([
    ("pk_catalog_name", U), ("pk_db_schema_name", U), no("pk_table_name", U), no("pk_column_name", U),
    ("fk_catalog_name", U), ("fk_db_schema_name", U), no("fk_table_name", U), no("fk_column_name", U),
    no("key_sequence", I), ("fk_key_name", U), ("pk_key_name", U), no("update_rule", pa.uint8()),
    no("delete_rule", pa.uint8())])
SQL_INFO = pa.schema([
    no("info_name", pa.uint32()),
    no("value", pa.dense_union([
        no("string_value", U), no("bool_value", pa.bool_()), no("bigint_value", pa.int64()), no("int32_bitmask", I),
        no("string_list", pa.list_(U)), no("int32_to_int32_list_map", pa.map_(I, pa.list_(I)))]))])
XDBC_TYPES = pa.schema([
    no("type_name", U), no("data_type", I), ("column_size", I), ("literal_prefix", U), ("literal_suffix", U),
    ("create_params", pa.list_(no("item", U))), no("nullable", I), no("case_sensitive", pa.bool_()),
    no("searchable", I), ("unsigned_attribute", pa.bool_()), no("fixed_prec_scale", pa.bool_()),
    ("auto_increment", pa.bool_()), ("local_type_name", U), ("minimum_scale", I), ("maximum_scale", I),
    no("sql_data_type", I), ("datetime_subcode", I), ("num_prec_radix", I), ("interval_precision", I)])


def texts(**numbers):
    """Fields that are there, by number: _1="name"; None: absent."""
    return b"".join(field(int(number[1:]), value.encode()) for number, value in numbers.items() if value is not None)


def catalogs():
    return wrap("CommandGetCatalogs")


def schemas(catalog=None, schema=None):
    return wrap("CommandGetDbSchemas", texts(_1=catalog, _2=schema))


def tables(catalog=None, schema=None, table=None, types=(), include_schema=False):
    message = texts(_1=catalog, _2=schema, _3=table) + b"".join(field(4, name.encode()) for name in types)
    return wrap("CommandGetTables", message + (varint(5 << 3) + b"\x01" if include_schema else b""))


def table_types():
    return wrap("CommandGetTableTypes")


def keys(kind, table, catalog=None, schema=None):
    """kind: PrimaryKeys, ExportedKeys, ImportedKeys."""
    return wrap(f"CommandGet{kind}", texts(_1=catalog, _2=schema, _3=table))


def cross(table, fk_table, catalog=None, schema=None, fk_catalog=None, fk_schema=None):
    return wrap("CommandGetCrossReference",
                texts(_1=catalog, _2=schema, _3=table, _4=fk_catalog, _5=fk_schema, _6=fk_table))


def sql_info(*ids):
    return wrap("CommandGetSqlInfo", b"".join(varint(1 << 3) + varint(number) for number in ids))


def xdbc_types(data_type=None):
    return wrap("CommandGetXdbcTypeInfo", varint(1 << 3) + varint(data_type & (2**64 - 1)) if data_type is not None else b"")


def ask(client, command, schema):
    """Asks as drivers do; the schema has to be the same wherever it stands. client: lib.client.Client."""
    descriptor = flight.FlightDescriptor.for_command(command)
    info = client.flight.get_flight_info(descriptor, client.options())
    assert len(info.endpoints) == 1
    reader = client.flight.do_get(info.endpoints[0].ticket, client.options())
    found = {"GetFlightInfo": info.schema, "DoGet": reader.schema,
             "GetSchema": client.flight.get_schema(descriptor, client.options()).schema}
    for where, got in found.items():
        assert got.equals(schema, check_metadata=True), f"{where}: {got}"
    table = reader.read_all()
    table.validate(full=True)
    return table


def rows(client, command, schema):
    """Rows as tuples."""
    return [tuple(row.values()) for row in ask(client, command, schema).to_pylist()]

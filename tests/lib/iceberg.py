"""Clients of an Iceberg catalog that ask the same things: make a table, write rows, read them back as Python's values.

A type is its name in Iceberg's specification ("decimal(9,2)"), or a tuple: ("list", type), ("map", key, value),
("struct", {"name": type}). A value is Python's; uuids are texts.
"""

import datetime
import os
import pathlib
import struct
import uuid

import pyarrow as pa

# Who asks a catalog; "eider" is SQL of its own server, where the catalog is eider's.
CLIENTS = ["duckdb", "pyiceberg", "trino", "spark"] + ["eider"] * (not os.environ.get("EIDER_ICEBERG_URI"))
EXTENSIONS = pathlib.Path(__file__).resolve().parents[2] / "deps/extensions"


class Lake:
    """A catalog, and what a client has to show there: nothing, a token, or "id:secret"."""

    def __init__(self, uri, warehouse, token=None, credential=None):
        self.uri, self.warehouse, self.token, self.credential = uri, warehouse, token, credential

    def as_user(self, token=None, credential=None):
        return Lake(self.uri, self.warehouse, token, credential)

    def properties(self, **more):
        """As Iceberg's own clients name them."""
        found = {"uri": self.uri, "warehouse": self.warehouse, "token": self.token, "credential": self.credential}
        if self.credential:
            found["oauth2-server-uri"] = f"{self.uri}/v1/oauth/tokens"
        return {key: value for key, value in found.items() if value} | more

    def trino_properties(self):
        found = {"iceberg.rest-catalog.uri": self.uri, "iceberg.rest-catalog.warehouse": self.warehouse,
                 "iceberg.register-table-procedure.enabled": "true"}
        if self.token or self.credential:
            found["iceberg.rest-catalog.security"] = "OAUTH2"
        if self.token:
            found["iceberg.rest-catalog.oauth2.token"] = self.token
        if self.credential:
            found["iceberg.rest-catalog.oauth2.credential"] = self.credential
            found["iceberg.rest-catalog.oauth2.server-uri"] = f"{self.uri}/v1/oauth/tokens"
        return found

    def duckdb_options(self):
        found = {"TYPE": "iceberg", "ENDPOINT": f"'{self.uri}'"}
        if self.token:
            found["TOKEN"] = f"'{self.token}'"
        elif self.credential:
            name, secret = self.credential.split(":", 1)
            found |= {"CLIENT_ID": f"'{name}'", "CLIENT_SECRET": f"'{secret}'", "OAUTH2_SERVER_URI": f"'{self.uri}/v1/oauth/tokens'"}
        else:
            found["AUTHORIZATION_TYPE"] = "'none'"
        return ", ".join(f"{key} {value}" for key, value in found.items())


# --- values --------------------------------------------------------------------------------------------------------


def canonical(value, kind):
    """One spelling for what clients give for a value of this type."""
    if value is None:
        return None
    if isinstance(kind, tuple):
        if kind[0] == "list":
            return [canonical(one, kind[1]) for one in value]
        if kind[0] == "map":
            pairs = value.items() if isinstance(value, dict) else value
            return {canonical(key, kind[1]): canonical(one, kind[2]) for key, one in pairs}
        return {name: canonical(value[name], part) for name, part in kind[1].items()}
    if kind == "float":
        return repr(struct.unpack("f", struct.pack("f", value))[0])
    if kind == "double":
        return repr(float(value))
    if kind == "uuid":
        return str(uuid.UUID(bytes=value) if isinstance(value, bytes) else value)
    if kind == "timestamptz":
        return value.astimezone(datetime.timezone.utc)
    if kind == "binary" or kind.startswith("fixed"):
        return bytes(value)
    return value


# --- SQL -----------------------------------------------------------------------------------------------------------

NAMES = {
    "duckdb": {"boolean": "BOOLEAN", "int": "INTEGER", "long": "BIGINT", "float": "FLOAT", "double": "DOUBLE", "date": "DATE",
               "time": "TIME", "timestamp": "TIMESTAMP", "timestamptz": "TIMESTAMPTZ", "string": "VARCHAR", "uuid": "UUID",
               "binary": "BLOB"},
    "trino": {"boolean": "boolean", "int": "integer", "long": "bigint", "float": "real", "double": "double", "date": "date",
              "time": "time(6)", "timestamp": "timestamp(6)", "timestamptz": "timestamp(6) with time zone", "string": "varchar",
              "uuid": "uuid", "binary": "varbinary"},
    "spark": {"boolean": "boolean", "int": "int", "long": "bigint", "float": "float", "double": "double", "date": "date",
              "timestamp": "timestamp_ntz", "timestamptz": "timestamp", "string": "string", "binary": "binary"},
}
NESTED = {
    "duckdb": ("{}[]", "MAP({}, {})", "STRUCT({})", "{} {}"),
    "trino": ("array({})", "map({}, {})", "row({})", "{} {}"),
    "spark": ("array<{}>", "map<{}, {}>", "struct<{}>", "{}: {}"),
}


def sql_type(kind, dialect):
    if not isinstance(kind, tuple):
        return NAMES[dialect].get(kind, kind)
    array, mapping, row, field = NESTED[dialect]
    if kind[0] == "list":
        return array.format(sql_type(kind[1], dialect))
    if kind[0] == "map":
        return mapping.format(sql_type(kind[1], dialect), sql_type(kind[2], dialect))
    return row.format(", ".join(field.format(name, sql_type(part, dialect)) for name, part in kind[1].items()))


def literal(value, kind, dialect):
    return f"CAST({_bare(value, kind, dialect)} AS {sql_type(kind, dialect)})"


def _bare(value, kind, dialect):
    if value is None:
        return "NULL"
    if isinstance(kind, tuple):
        return _bare_nested(value, kind, dialect)
    if kind == "binary":
        return "'" + "".join(f"\\x{byte:02X}" for byte in value) + "'" if dialect == "duckdb" else f"X'{value.hex()}'"
    text = {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}.get(str(value), str(value))
    if kind == "timestamptz" and dialect == "trino":
        text = text.replace("+00:00", " UTC")
    if dialect == "spark":
        text = text.replace("\\", "\\\\")
    return "'" + text.replace("'", "\\'" if dialect == "spark" else "''") + "'"


def _bare_nested(value, kind, dialect):
    if kind[0] == "list":
        parts = ", ".join(literal(one, kind[1], dialect) for one in value)
        return {"duckdb": f"[{parts}]", "trino": f"ARRAY[{parts}]", "spark": f"array({parts})"}[dialect]
    if kind[0] == "struct":
        parts = [(name, literal(value[name], part, dialect)) for name, part in kind[1].items()]
        if dialect == "trino":
            return "ROW(" + ", ".join(text for _, text in parts) + ")"
        if dialect == "duckdb":
            return "{" + ", ".join(f"'{name}': {text}" for name, text in parts) + "}"
        return "named_struct(" + ", ".join(f"'{name}', {text}" for name, text in parts) + ")"
    pairs = [(literal(key, kind[1], dialect), literal(one, kind[2], dialect)) for key, one in value.items()]
    if dialect == "trino":
        return f"MAP(ARRAY[{', '.join(key for key, _ in pairs)}], ARRAY[{', '.join(one for _, one in pairs)}])"
    if dialect == "duckdb":
        return "MAP {" + ", ".join(f"{key}: {one}" for key, one in pairs) + "}"
    return "map(" + ", ".join(f"{key}, {one}" for key, one in pairs) + ")"


class SqlClient:
    """`run` takes SQL and gives rows as tuples; `prefix` is what stands before namespace.table."""

    def __init__(self, name, dialect, prefix, run):
        self.name, self.dialect, self.prefix, self.run = name, dialect, prefix, run

    def knows(self, kind):
        """Can it make a column of this type?"""
        if isinstance(kind, tuple):
            return all(self.knows(part) for part in (kind[1].values() if kind[0] == "struct" else kind[1:]))
        return kind.startswith("decimal") or kind in NAMES[self.dialect]

    def table(self, name):
        return f"{self.prefix}.{name}"

    def create(self, name, columns, version=2):
        text = ", ".join(f"{column} {sql_type(kind, self.dialect)}" for column, kind in columns.items())
        options = {"duckdb": f" WITH ('format-version' = {version})", "trino": f" WITH (format_version = {version})",
                   "spark": f" USING iceberg TBLPROPERTIES ('format-version' = '{version}')"}[self.dialect]
        self.run(f"CREATE TABLE {self.table(name)} ({text}){options}")

    def insert(self, name, columns, rows):
        values = [f"({', '.join(literal(row[column], kind, self.dialect) for column, kind in columns.items())})" for row in rows]
        self.run(f"INSERT INTO {self.table(name)} VALUES {', '.join(values)}")

    def rows(self, name, columns, suffix=""):
        found = self.run(f"SELECT {', '.join(columns)} FROM {self.table(name)}{suffix} ORDER BY 1")
        return [{column: canonical(value, kind) for (column, kind), value in zip(columns.items(), row)} for row in found]


def duckdb_client(lake, name="lake", options=""):
    """DuckDB in this process, with the extensions of eider; `connection` is its; options of ATTACH."""
    import duckdb

    connection = duckdb.connect(config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"})
    for extension in ("avro", "httpfs", "iceberg"):
        connection.execute(f"LOAD '{EXTENSIONS}/{extension}.duckdb_extension'")
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"ATTACH '{lake.warehouse}' AS {name} ({lake.duckdb_options()}{options})")

    def run(sql):
        result = connection.execute(sql)
        return tuples(result.to_arrow_table()) if result.description else []

    client = SqlClient("duckdb", "duckdb", name, run)
    client.connection = connection
    return client


def tuples(table):
    columns = [column.to_pylist() for column in table.columns]
    return list(zip(*columns)) if columns else []


def eider_client(client):
    """SQL of eider's own engine, by Flight."""
    return SqlClient("eider", "duckdb", "iceberg", lambda sql: tuples(client.query(sql)))


def trino_client(trino, lake, name="lake"):
    trino.add_catalog(name, lake.trino_properties())
    client = SqlClient("trino", "trino", name, trino.query)
    client.server = trino
    return client


def spark_client(spark, lake, name="lake"):
    spark.add_catalog(name, lake.properties())
    client = SqlClient("spark", "spark", name, lambda sql: tuples(spark.query(sql)))
    client.session = spark
    return client


# --- pyiceberg -----------------------------------------------------------------------------------------------------


class PyIcebergClient:
    name = "pyiceberg"

    def __init__(self, lake):
        from pyiceberg.catalog.rest import RestCatalog

        self.catalog = RestCatalog("lake", **lake.properties())

    def knows(self, kind):
        return True

    def create(self, name, columns, version=2):
        self.catalog.create_table(name, pyiceberg_schema(columns), properties={"format-version": str(version)})

    def insert(self, name, columns, rows):
        table = self.catalog.load_table(name)
        schema = table.schema().as_arrow()
        table.append(pa.table([pa.array([_arrow(row[field.name], columns[field.name]) for row in rows], field.type) for field in schema], schema))

    def rows(self, name, columns):
        found = self.catalog.load_table(name).scan(selected_fields=tuple(columns)).to_arrow().select(list(columns))
        rows = [{column: canonical(value, kind) for (column, kind), value in zip(columns.items(), row)} for row in tuples(found)]
        return sorted(rows, key=lambda row: next(iter(row.values())))


def _arrow(value, kind):
    return uuid.UUID(value).bytes if kind == "uuid" and value else value


def pyiceberg_schema(columns):
    from pyiceberg.schema import Schema

    ids = iter(range(1, 1000))
    fields = [_pyiceberg_field(next(ids), column, kind, ids) for column, kind in columns.items()]
    return Schema(*fields)


def _pyiceberg_field(number, name, kind, ids):
    from pyiceberg.types import NestedField

    return NestedField(number, name, _pyiceberg_type(kind, ids), required=False)


def _pyiceberg_type(kind, ids):
    from pyiceberg.types import IcebergType, ListType, MapType, StructType

    if not isinstance(kind, tuple):
        return IcebergType.handle_primitive_type(kind.replace("fixed(", "fixed[").replace("4)", "4]") if kind.startswith("fixed") else kind, None)
    if kind[0] == "list":
        return ListType(next(ids), _pyiceberg_type(kind[1], ids), element_required=False)
    if kind[0] == "map":
        return MapType(next(ids), _pyiceberg_type(kind[1], ids), next(ids), _pyiceberg_type(kind[2], ids), value_required=False)
    return StructType(*[_pyiceberg_field(next(ids), name, part, ids) for name, part in kind[1].items()])

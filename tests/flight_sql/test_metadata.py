"""Catalogs, schemas, tables and keys: the schemas of the reference, real contents, filters."""

import pyarrow as pa
import pyarrow.flight as flight
import pytest

from lib import people
from lib import sqlmetadata as ask
from lib.client import FAILS, Client
from lib.flightsql import wrap
from lib.rawflight import field

PREFIX = b"ARROW:FLIGHT:SQL:"
SETUP = [
    "CREATE TYPE mood AS ENUM ('sad', 'ok')",
    "CREATE SEQUENCE numbers",
    """CREATE TABLE parent(id INTEGER NOT NULL, name VARCHAR UNIQUE, price DECIMAL(18, 3) NOT NULL, half INTEGER GENERATED
       ALWAYS AS (id // 2), counted INTEGER DEFAULT nextval('numbers'), "odd ""name" mood, u UUID, tags DECIMAL(9, 2)[],
       pair STRUCT(a INTEGER, "b c" mood), m MAP(VARCHAR, INTEGER), v UNION(num INTEGER, str VARCHAR), fixed INTEGER[3],
       "at" TIMESTAMPTZ, big HUGEINT, j JSON, PRIMARY KEY (id, price))""",
    """CREATE TABLE child(x INTEGER, y DECIMAL(18, 3), z VARCHAR REFERENCES parent(name),
       FOREIGN KEY (x, y) REFERENCES parent(id, price))""",
    "CREATE VIEW shown AS SELECT id, name FROM parent",
    "COMMENT ON COLUMN parent.id IS 'it''s the key'",
    "CREATE SCHEMA \"Other 100%\"",
    "CREATE TABLE \"Other 100%\".\"Ünïcode_t\"(a INTEGER)",
    "CREATE TABLE \"Other 100%\".\"a\"\"b'c 100%\"(a INTEGER)",
]


@pytest.fixture(scope="module")
def filled(shared):
    for sql in SETUP:
        shared.query(sql)
    return shared


def names(client, **filters):
    return [row[2] for row in ask.rows(client, ask.tables(**filters), ask.TABLES)]


def schema_of(client, table):
    """The Arrow schema of a table, and the metadata of its fields without the prefix."""
    (row,) = ask.ask(client, ask.tables(table=table, include_schema=True), ask.TABLES_WITH_SCHEMA).to_pylist()
    schema = pa.ipc.read_schema(pa.py_buffer(row["table_schema"]))
    return schema, {field.name: {key[len(PREFIX):].decode(): value.decode() for key, value in field.metadata.items()}
                    for field in schema}


def test_catalogs_are_the_tenants(filled, server, make_tenant):
    other = make_tenant("other")
    found = [name for name, in ask.rows(filled, ask.catalogs(), ask.CATALOGS)]
    assert found == sorted(found)
    assert {filled.tenant, other.tenant} <= set(found)
    assert not {"system", "temp"} & set(found)


def test_schemas(filled):
    tenant = filled.tenant
    assert ask.rows(filled, ask.schemas(), ask.SCHEMAS) == [
        (tenant, "Other 100%"), (tenant, "default"), (tenant, "main")]
    assert ask.rows(filled, ask.schemas(schema="def%"), ask.SCHEMAS) == [(tenant, "default")]
    assert ask.rows(filled, ask.schemas(schema="DEF_ULT"), ask.SCHEMAS) == [(tenant, "default")]
    assert ask.rows(filled, ask.schemas(catalog=tenant, schema="main"), ask.SCHEMAS) == [(tenant, "main")]
    for nothing in ({"catalog": ""}, {"schema": ""}, {"catalog": "nobody"}, {"schema": "nothing"}):
        assert ask.rows(filled, ask.schemas(**nothing), ask.SCHEMAS) == []


def test_tables(filled):
    tenant = filled.tenant
    assert ask.rows(filled, ask.tables(), ask.TABLES) == [
        (tenant, "Other 100%", "a\"b'c 100%", "TABLE"), (tenant, "Other 100%", "Ünïcode_t", "TABLE"),
        (tenant, "default", "child", "TABLE"), (tenant, "default", "parent", "TABLE"),
        (tenant, "default", "shown", "VIEW")]


def test_table_filters(filled):
    assert names(filled, table="parent") == ["parent"]
    assert names(filled, table="PAR%") == ["parent"]
    assert names(filled, table="c_ild") == ["child"]
    assert names(filled, table="ünïcode\\_t") == ["Ünïcode_t"]
    assert names(filled, table="a\"b'c 100\\%") == ["a\"b'c 100%"]
    assert names(filled, table="pa_en\\_") == []
    assert names(filled, table="parent\\") == []
    assert names(filled, schema="Other 100\\%") == ["a\"b'c 100%", "Ünïcode_t"]
    assert names(filled, schema="default", types=["VIEW"]) == ["shown"]
    assert names(filled, types=["view", "nonsense"]) == ["shown"]
    assert names(filled, types=["SYSTEM TABLE"]) == []
    assert names(filled, catalog=filled.tenant, table="%a%", types=["TABLE"]) == ["a\"b'c 100%", "parent"]
    assert names(filled, catalog=filled.tenant.upper(), table="child") == ["child"]
    assert names(filled, catalog="tenant%", table="child") == ["child"]
    assert names(filled, catalog=filled.tenant.replace("_", "x"), table="child") == []
    for empty in ({"catalog": ""}, {"schema": ""}, {"table": ""}, {"table": "' OR 1=1 --"}, {"catalog": "nobody"}):
        assert names(filled, **empty) == []


def test_table_types(filled):
    assert ask.rows(filled, ask.table_types(), ask.TABLE_TYPES) == [("LOCAL TEMPORARY",), ("TABLE",), ("VIEW",)]


@pytest.mark.parametrize("table", ["parent", "child", "shown", "ünïcode%"])
def test_schemas_of_tables_are_those_of_queries(filled, table):
    schema, _ = schema_of(filled, table)
    name = '"Other 100%"."Ünïcode_t"' if table.endswith("%") else table
    queried = filled.reader(f"SELECT * FROM {name}").schema
    assert [field.name for field in schema] == [field.name for field in queried]
    assert [field.type for field in schema] == [field.type for field in queried]


def test_columns_tell_what_they_are(filled):
    schema, metadata = schema_of(filled, "parent")
    assert [field.name for field in schema if not field.nullable] == ["id", "price"]
    common = {"CATALOG_NAME": filled.tenant, "DB_SCHEMA_NAME": "default", "SCHEMA_NAME": "default", "TABLE_NAME": "parent",
              "IS_AUTO_INCREMENT": "0", "IS_CASE_SENSITIVE": "0", "IS_READ_ONLY": "0", "IS_SEARCHABLE": "1"}
    assert metadata["id"] == common | {"TYPE_NAME": "INTEGER", "REMARKS": "it's the key"}
    assert metadata["name"] == common | {"TYPE_NAME": "VARCHAR", "IS_CASE_SENSITIVE": "1"}
    assert metadata["price"] == common | {"TYPE_NAME": "DECIMAL", "PRECISION": "18", "SCALE": "3"}
    assert metadata["counted"] == common | {"TYPE_NAME": "INTEGER", "IS_AUTO_INCREMENT": "1"}
    assert metadata['odd "name']["TYPE_NAME"] == "ENUM"
    assert metadata["tags"]["TYPE_NAME"] == "DECIMAL[]"
    assert metadata["pair"]["TYPE_NAME"] == "STRUCT"
    assert metadata["fixed"]["TYPE_NAME"] == "INTEGER[3]"
    assert metadata["at"]["TYPE_NAME"] == "TIMESTAMP WITH TIME ZONE"
    _, view = schema_of(filled, "shown")
    assert {column: found["IS_READ_ONLY"] for column, found in view.items()} == {"id": "1", "name": "1"}


def test_a_view_that_lost_its_table_is_still_listed(acme):
    acme.query("CREATE TABLE gone(a INTEGER)")
    acme.query("CREATE VIEW broken AS SELECT a FROM gone")
    acme.query("DROP TABLE gone")
    assert names(acme) == ["broken"]
    assert ask.ask(acme, ask.tables(include_schema=True), ask.TABLES_WITH_SCHEMA).num_rows == 1


def test_temporary_tables_are_the_sessions(acme, make_client):
    other = make_client(acme.server, acme.tenant)
    acme.query("CREATE TEMP TABLE mine(a INTEGER)")
    acme.query("CREATE TEMP VIEW seen AS SELECT 1 AS one")
    acme.query("CREATE TABLE kept(a INTEGER)")
    assert ask.rows(acme, ask.tables(), ask.TABLES) == [
        ("temp", "main", "mine", "LOCAL TEMPORARY"), ("temp", "main", "seen", "VIEW"),
        (acme.tenant, "default", "kept", "TABLE")]
    assert sorted(names(acme)) == ["kept", "mine", "seen"]
    assert names(acme, catalog="temp", types=["LOCAL TEMPORARY"]) == ["mine"]
    assert ("temp", "main") in ask.rows(acme, ask.schemas(), ask.SCHEMAS)
    assert ("temp",) in ask.rows(acme, ask.catalogs(), ask.CATALOGS)
    assert schema_of(acme, "mine")[0].field("a").type == pa.int32()
    assert names(other) == ["kept"]
    assert ("temp", "main") not in ask.rows(other, ask.schemas(), ask.SCHEMAS)


def test_an_open_transaction_sees_what_it_made(acme, make_client):
    other = make_client(acme.server, acme.tenant)
    acme.query("BEGIN")
    acme.query("CREATE TABLE fresh(a INTEGER)")
    assert names(acme) == ["fresh"]
    assert names(other) == []
    acme.query("ROLLBACK")
    assert names(acme) == []


def test_a_catalog_is_another_tenant(filled, make_tenant):
    other = make_tenant("neighbour")
    other.query("CREATE TABLE theirs(a INTEGER PRIMARY KEY)")
    assert names(filled, catalog=other.tenant) == ["theirs"]
    assert ask.rows(filled, ask.keys("PrimaryKeys", "theirs", catalog=other.tenant), ask.PRIMARY_KEYS) == [
        (other.tenant, "default", "theirs", "a", 1, "theirs_a_pkey")]
    assert "theirs" not in names(filled)


def test_without_a_tenant_only_known_catalogs_answer(filled, server, make_tenant, make_client):
    other, nobody = make_tenant("second"), make_client(server)
    other.query("CREATE TABLE theirs(a INTEGER)")
    assert names(nobody, catalog=other.tenant) == ["theirs"]
    assert names(nobody, catalog="not_there") == []
    with pytest.raises(FAILS, match="does not say which of the"):
        names(nobody)


class Signed(Client):
    """A client with a person's credentials."""

    def __init__(self, person, tenant=None):
        super().__init__(person.server, tenant)
        self.person = person

    def options(self, timeout=None, **headers):
        pairs = [(b"authorization", self.person.headers["Authorization"].encode())]
        pairs += [(b"eider-tenant", self.tenant.encode())] if self.tenant else []
        return flight.FlightCallOptions(timeout=timeout, headers=pairs)


def test_hidden_tenants_are_no_catalogs(fresh_server):
    root = people.administrator(fresh_server)
    for tenant in ("tenant_acme", "tenant_beta", "tenant_zeta"):
        assert root.request("POST", "/api/v1/tenants", {"id": tenant}).status_code == 201
        assert root.query(f"CREATE TABLE of_{tenant}(a INTEGER PRIMARY KEY)", tenant).status_code == 200
    reader = Signed(people.user(root, "bob", tenant_acme="reader"))
    assert ask.rows(reader, ask.catalogs(), ask.CATALOGS) == [("tenant_acme",)]
    assert names(reader) == ["of_tenant_acme"]
    assert names(reader, catalog="tenant_beta") == names(reader, catalog="tenant_none") == []
    assert names(reader, catalog="tenant%") == ["of_tenant_acme"]
    assert ask.rows(reader, ask.keys("PrimaryKeys", "of_tenant_beta", "tenant_beta"), ask.PRIMARY_KEYS) == []
    assert len(ask.rows(reader, ask.keys("PrimaryKeys", "of_tenant_acme"), ask.PRIMARY_KEYS)) == 1
    both = Signed(people.user(root, "eve", tenant_acme="reader", tenant_beta="owner"))
    assert ask.rows(both, ask.catalogs(), ask.CATALOGS) == [("tenant_acme",), ("tenant_beta",)]
    assert names(both, catalog="tenant_beta") == ["of_tenant_beta"]
    assert names(both, catalog="tenant_zeta") == []
    with pytest.raises(FAILS, match="tenant"):
        names(Signed(both.person, "tenant_zeta"))
    with pytest.raises(flight.FlightUnauthenticatedError):
        names(Client(fresh_server, "tenant_acme"))


def test_primary_keys(filled):
    tenant = filled.tenant
    expected = [(tenant, "default", "parent", "id", 1, "parent_id_price_pkey"),
                (tenant, "default", "parent", "price", 2, "parent_id_price_pkey")]
    assert ask.rows(filled, ask.keys("PrimaryKeys", "parent"), ask.PRIMARY_KEYS) == expected
    assert ask.rows(filled, ask.keys("PrimaryKeys", "PARENT", tenant, "default"), ask.PRIMARY_KEYS) == expected
    for other in (("paren%",), ("child",), ("parent", "", None), ("parent", None, ""), ("parent", None, "main")):
        assert ask.rows(filled, ask.keys("PrimaryKeys", *other), ask.PRIMARY_KEYS) == []


def test_foreign_keys(filled):
    tenant = filled.tenant
    parent, child = (tenant, "default", "parent"), (tenant, "default", "child")
    pair = [parent + ("id",) + child + ("x", 1, "child_x_y_id_price_fkey", "parent_id_price_pkey", 3, 3),
            parent + ("price",) + child + ("y", 2, "child_x_y_id_price_fkey", "parent_id_price_pkey", 3, 3)]
    single = [parent + ("name",) + child + ("z", 1, "child_z_name_fkey", "parent_name_key", 3, 3)]
    assert ask.rows(filled, ask.keys("ExportedKeys", "parent"), ask.FOREIGN_KEYS) == pair + single
    assert ask.rows(filled, ask.keys("ImportedKeys", "child", tenant, "default"), ask.FOREIGN_KEYS) == pair + single
    assert ask.rows(filled, ask.cross("parent", "child"), ask.FOREIGN_KEYS) == pair + single
    assert ask.rows(filled, ask.cross("parent", "child", tenant, "default", tenant, "default"),
                    ask.FOREIGN_KEYS) == pair + single
    assert ask.rows(filled, ask.keys("ExportedKeys", "child"), ask.FOREIGN_KEYS) == []
    assert ask.rows(filled, ask.keys("ImportedKeys", "parent"), ask.FOREIGN_KEYS) == []
    assert ask.rows(filled, ask.cross("child", "parent"), ask.FOREIGN_KEYS) == []
    assert ask.rows(filled, ask.cross("parent", "child", fk_schema="main"), ask.FOREIGN_KEYS) == []


def test_macros_and_settings_of_a_tenant_change_nothing(acme):
    acme.query("CREATE TABLE b(a INTEGER)")
    acme.query("CREATE TABLE \"C\"(a INTEGER)")
    acme.query("CREATE MACRO duckdb_tables() AS TABLE SELECT 42 AS table_name")
    acme.query("CREATE MACRO duckdb_columns() AS TABLE SELECT 42 AS column_name")
    acme.query("SET default_order = 'DESC'")
    acme.query("SET default_collation = 'NOCASE'")
    assert names(acme) == ["C", "b"]
    assert ask.ask(acme, ask.tables(include_schema=True), ask.TABLES_WITH_SCHEMA)["table_name"].to_pylist() == ["C", "b"]


def test_an_upload_at_work_is_not_seen(acme):
    data = pa.table({"a": [1, 2, 3]})
    writer, _ = acme.flight.do_put(flight.FlightDescriptor.for_path("loaded"), data.schema, acme.options())
    writer.write_table(data)
    assert {row[0] for row in ask.rows(acme, ask.schemas(), ask.SCHEMAS)} == {acme.tenant}
    assert names(acme) == []
    writer.done_writing()
    writer.close()


def test_two_thousand_tables(acme):
    columns = "id BIGINT PRIMARY KEY, name VARCHAR, price DECIMAL(10, 2), d DATE, l INTEGER[]"
    for start in range(0, 2000, 200):
        acme.query("BEGIN; " + "; ".join(f"CREATE TABLE t{n:04}({columns})" for n in range(start, start + 200)) + "; COMMIT")
    table = ask.ask(acme, ask.tables(include_schema=True), ask.TABLES_WITH_SCHEMA)
    assert table["table_name"].to_pylist() == [f"t{n:04}" for n in range(2000)]
    first = pa.ipc.read_schema(pa.py_buffer(table["table_schema"][0].as_py()))
    last = pa.ipc.read_schema(pa.py_buffer(table["table_schema"][1999].as_py()))
    assert first.equals(last) and not first.equals(last, check_metadata=True)
    assert max(batch.nbytes for batch in table.to_batches()) < 1 << 20


def test_bad_commands_are_refused(acme):
    for bad in (wrap("CommandGetTables", b"\x0a\x05ab"), wrap("CommandGetNonsense")):
        for ask_it in (lambda: acme.flight.get_flight_info(flight.FlightDescriptor.for_command(bad), acme.options()),
                       lambda: acme.flight.do_get(flight.Ticket(bad), acme.options()).read_all()):
            with pytest.raises(FAILS):
                ask_it()


def test_strange_filters(filled):
    assert names(filled, table="pa\0rent") == []
    assert names(filled, table="%" * 1000) == names(filled)
    assert names(filled, types=["TABLE"] * 16) == names(filled, types=["TABLE"])
    with pytest.raises(FAILS, match="UTF-8"):
        ask.ask(filled, wrap("CommandGetTables", field(3, b"\xff\xfe")), ask.TABLES)
    with pytest.raises(FAILS, match="16"):
        names(filled, types=["TABLE"] * 17)


def test_an_aborted_transaction_says_so(acme):
    acme.query("CREATE TABLE t(a INTEGER PRIMARY KEY)")
    acme.query("BEGIN")
    acme.query("INSERT INTO t VALUES (1)")
    with pytest.raises(FAILS):
        acme.query("INSERT INTO t VALUES (1)")
    with pytest.raises(FAILS, match="(?i)abort"):
        names(acme)
    acme.query("ROLLBACK")
    assert names(acme) == ["t"]

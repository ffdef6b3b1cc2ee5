"""Clients of a catalog that asks who they are: by user and password, or by a token."""

import pytest
from lib import people
from lib.client import Client
from lib.iceberg import Lake, PyIcebergClient, duckdb_client, spark_client, trino_client
from lib.server import Server
from pyiceberg.exceptions import ForbiddenError, NoSuchTableError, UnauthorizedError

TENANT = "tenant_guarded"
COLUMNS = {"id": "int", "v": "string"}
ROW = {"id": 1, "v": "x"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A server with users; gives a function of a user's name to what they show: a password, or a token."""
    server = Server(tmp_path_factory.mktemp("guarded")).start()
    root = people.administrator(server)
    for tenant in (TENANT, "tenant_other"):
        assert root.request("POST", "/api/v1/tenants", {"id": tenant}).status_code == 201
    persons = {name: people.user(root, name, **{TENANT: name}) for name in ("owner", "writer", "reader")}
    persons["stranger"] = people.user(root, "stranger", tenant_other="owner")

    def of(name, by="credential"):
        lake = Lake(f"{server.url}/iceberg", TENANT)
        if by == "credential":
            return lake.as_user(credential=f"{name}:{people.PASSWORD}")
        bearer = persons[name].token(f"{name}-{by}-{len(persons)}").headers["Authorization"].removeprefix("Bearer ")
        persons[f"{name} {len(persons)}"] = None
        return lake.as_user(token=bearer) if by == "token" else lake.as_user(credential=f"{name}:{bearer}")

    of.server = server
    PyIcebergClient(of("owner")).catalog.create_namespace("shared")
    yield of
    assert server.running, server.log()[-4000:]
    server.stop()


def write_and_read(client, name):
    client.create(name, COLUMNS)
    client.insert(name, COLUMNS, [ROW])
    assert client.rows(name, COLUMNS) == [ROW]


WAYS = ["credential", "token", "token as secret"]


@pytest.mark.parametrize("by", WAYS)
def test_pyiceberg_shows_who_it_is(guarded, by):
    write_and_read(PyIcebergClient(guarded("owner", by)), f"shared.pyiceberg_{by.replace(' ', '_')}")


@pytest.mark.parametrize("by", WAYS)
def test_duckdb_shows_who_it_is(guarded, by):
    write_and_read(duckdb_client(guarded("owner", by)), f"shared.duckdb_{by.replace(' ', '_')}")


@pytest.mark.slow
@pytest.mark.native
@pytest.mark.parametrize("by", WAYS)
def test_trino_shows_who_it_is(guarded, by, trino_server):
    name = f"trino_{by.replace(' ', '_')}"
    write_and_read(trino_client(trino_server, guarded("owner", by), name), f"shared.{name}")


@pytest.mark.slow
@pytest.mark.native
@pytest.mark.parametrize("by", WAYS)
def test_spark_shows_who_it_is(guarded, by, spark_session):
    name = f"spark_{by.replace(' ', '_')}"
    write_and_read(spark_client(spark_session, guarded("owner", by), name), f"shared.{name}")


def test_roles_hold_for_clients(guarded):
    """Who reads may not write; who writes changes rows; tables and their columns are the owner's."""
    owner, writer, reader = (PyIcebergClient(guarded(name)) for name in ("owner", "writer", "reader"))
    write_and_read(owner, "shared.roles")
    assert reader.rows("shared.roles", COLUMNS) == [ROW]
    with pytest.raises(ForbiddenError):
        reader.insert("shared.roles", COLUMNS, [ROW])
    writer.insert("shared.roles", COLUMNS, [ROW | {"id": 2}])
    writer.catalog.load_table("shared.roles").delete("id == 1")
    assert reader.rows("shared.roles", COLUMNS) == [ROW | {"id": 2}]
    for client in (writer, reader):
        with pytest.raises(ForbiddenError):
            client.catalog.drop_table("shared.roles")
        with pytest.raises(ForbiddenError):
            client.catalog.create_namespace("theirs")
        with pytest.raises(ForbiddenError):
            client.create("shared.theirs", COLUMNS)
        with pytest.raises(ForbiddenError), client.catalog.load_table("shared.roles").update_schema() as update:
            update.delete_column("v")
    with owner.catalog.load_table("shared.roles").update_schema() as update:
        update.delete_column("v")
    assert reader.rows("shared.roles", {"id": "int"}) == [{"id": 2}]


def test_what_is_hidden_is_not_there(guarded):
    write_and_read(PyIcebergClient(guarded("owner")), "shared.hidden")
    with pytest.raises(Exception, match="(?i)warehouse"):
        PyIcebergClient(guarded("stranger"))
    with pytest.raises(Exception, match="(?i)warehouse"):
        duckdb_client(guarded("stranger"))
    # Asked by the path, without a config before: the same.
    stranger = Client(guarded.server)
    try:
        bearer = people.login(guarded.server, "stranger").headers
        for path in ("namespaces", "namespaces/shared/tables/hidden"):
            answer = stranger.request("GET", f"/iceberg/v1/{TENANT}/{path}", headers=bearer)
            assert (answer.status_code, answer.json()["error"]["type"]) == (404, "NoSuchWarehouseException"), answer.text
    finally:
        stranger.close()


def test_who_cannot_prove_it_is_refused(guarded):
    lake = guarded("owner")
    with pytest.raises(UnauthorizedError):
        PyIcebergClient(lake.as_user(token="eider_wrong"))
    with pytest.raises(Exception, match="(?i)invalid_client|unauthorized|credential"):
        PyIcebergClient(lake.as_user(credential="owner:wrong"))
    with pytest.raises(UnauthorizedError):
        PyIcebergClient(lake.as_user())
    with pytest.raises(Exception, match="(?i)401|unauthorized|invalid_client"):
        duckdb_client(lake.as_user(credential="owner:wrong"))


def test_a_table_that_is_not_there_is_404_for_who_may_look(guarded):
    with pytest.raises(NoSuchTableError):
        PyIcebergClient(guarded("reader")).catalog.load_table("shared.nothing")

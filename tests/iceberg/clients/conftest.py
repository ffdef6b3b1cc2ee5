"""Clients of one catalog for the whole session: what one writes, the others read.

EIDER_ICEBERG_URI asks another catalog instead (with EIDER_ICEBERG_WAREHOUSE), such as Iceberg's reference server: what fails
there too is not eider's.
"""

import itertools
import os

import pytest
from lib.client import Client, create_tenant
from lib.iceberg import Lake, PyIcebergClient, duckdb_client, eider_client, spark_client, trino_client
from lib.server import Server
from lib.spark import Spark
from lib.trino import Trino

TENANT = "tenant_lake"
NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def lake(tmp_path_factory):
    if os.environ.get("EIDER_ICEBERG_URI"):
        yield Lake(os.environ["EIDER_ICEBERG_URI"], os.environ.get("EIDER_ICEBERG_WAREHOUSE", ""))
        return
    server = Server(tmp_path_factory.mktemp("lake")).start()
    create_tenant(server, TENANT)
    lake = Lake(f"{server.url}/iceberg", TENANT)
    lake.server = server
    yield lake
    assert server.running, f"the server ended on its way:\n{server.log()[-4000:]}"
    server.stop()


@pytest.fixture(scope="session")
def trino_server(tmp_path_factory):
    server = Trino(tmp_path_factory.mktemp("trino"))
    yield server.start()
    server.stop()


@pytest.fixture(scope="session")
def spark_session(tmp_path_factory):
    session = Spark(tmp_path_factory.mktemp("spark"))
    yield session.start()
    session.stop()


@pytest.fixture(scope="session")
def trino(trino_server, lake):
    return trino_client(trino_server, lake)


@pytest.fixture(scope="session")
def spark(spark_session, lake):
    return spark_client(spark_session, lake)


@pytest.fixture(scope="session")
def pyiceberg(lake):
    return PyIcebergClient(lake)


@pytest.fixture(scope="session")
def eider(lake):
    client = Client(lake.server, TENANT)
    yield eider_client(client)
    client.close()


@pytest.fixture
def duckdb(lake):
    client = duckdb_client(lake)
    yield client
    client.connection.close()


@pytest.fixture
def client_of(request):
    """A client by its name."""
    return request.getfixturevalue


@pytest.fixture
def namespace(pyiceberg):
    """A namespace of the test's own; Iceberg names in it are namespace.table."""
    name = f"ns_{os.getpid()}_{next(NUMBERS)}"
    pyiceberg.catalog.create_namespace(name)
    return name

"""The fixtures that the driver's own tests ask for by the names of other servers, here all of them eider. A pytest plugin."""

import os

import adbc_driver_flightsql
import adbc_driver_flightsql.dbapi
import adbc_driver_manager
import pytest

LOGIN = {adbc_driver_manager.DatabaseOptions.USERNAME.value: "anna", adbc_driver_manager.DatabaseOptions.PASSWORD.value: "secret"}


@pytest.fixture
def dremio_uri():
    return os.environ["EIDER_CONFORMANCE_URI"]


@pytest.fixture
def dremio_user():
    return "anna"


@pytest.fixture
def dremio_pass():
    return "secret"


@pytest.fixture
def dremio(dremio_uri):
    with adbc_driver_flightsql.connect(dremio_uri, db_kwargs=LOGIN) as database:
        with adbc_driver_manager.AdbcConnection(database) as connection:
            yield connection


@pytest.fixture
def gizmosql(dremio):
    return dremio


@pytest.fixture
def dremio_dbapi(dremio_uri):
    with adbc_driver_flightsql.dbapi.connect(dremio_uri, db_kwargs=LOGIN, autocommit=True) as connection:
        yield connection


@pytest.fixture
def gizmosql_dbapi(dremio_dbapi):
    return dremio_dbapi

"""An ADBC connection to a tenant that is empty at the start of the test."""

import pytest

from lib import adbc


@pytest.fixture
def database(acme):
    connection = adbc.connect(acme)
    yield connection
    connection.close()

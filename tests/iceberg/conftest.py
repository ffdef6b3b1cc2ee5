"""Iceberg's catalog by hand: `wire` is one tenant of the shared open server; `guarded` a server with users."""

import itertools

import pytest
from lib import people
from lib.client import create_tenant
from lib.rawiceberg import RawIceberg
from lib.server import Server

NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def wire(server):
    tenant = f"tenant_wire_{next(NUMBERS)}"
    create_tenant(server, tenant)
    return RawIceberg(server, tenant)


class Guarded:
    """Two tenants, and users who see one of them, both or none."""

    def __init__(self, server):
        self.server = server
        for tenant in ("tenant_a", "tenant_b"):
            create_tenant(server, tenant)
        self.root = people.administrator(server)
        self.owner = people.user(self.root, "owner", tenant_a="owner")
        self.writer = people.user(self.root, "writer", tenant_a="writer")
        self.reader = people.user(self.root, "reader", tenant_a="reader", tenant_b="reader")

    def wire(self, person, tenant="tenant_a"):
        return RawIceberg(self.server, tenant, person.headers if person else {})


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("guarded")).start()
    yield Guarded(server)
    assert server.running, f"the server ended on its way:\n{server.log()[-4000:]}"
    server.stop()

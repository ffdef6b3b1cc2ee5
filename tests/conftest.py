"""Servers and clients for every suite. `server` is shared by the session, `fresh_server` belongs to one test."""

import itertools
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from lib.client import Client, create_tenant, delete_tenant  # noqa: E402
from lib.disks import small_disk  # noqa: E402, F401
from lib.pipelines import make_project  # noqa: E402, F401
from lib.server import SANITIZED, Server  # noqa: E402

NUMBERS = itertools.count(1)


def pytest_configure(config):
    if SANITIZED:
        config.addinivalue_line("markers", "sanitized: set when EIDER_BUILD has sanitizers")
        config._inicache["timeout"] = "480"


def pytest_collection_modifyitems(items):
    if SANITIZED:
        for item in items:
            if item.get_closest_marker("native"):
                item.add_marker(pytest.mark.skip(reason="means nothing under a sanitizer"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the end of the log of the servers that it used."""
    report = (yield).get_result()
    if report.failed:
        for name, value in getattr(item, "funcargs", {}).items():
            server = value if isinstance(value, Server) else getattr(value, "server", None)
            if isinstance(server, Server):
                report.sections.append((f"log of {name}", server.log()[-3000:]))


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("server")).start()
    yield server
    assert server.running, f"the server ended on its way with {server.process.returncode}:\n{server.log()[-4000:]}"
    server.stop()


@pytest.fixture
def fresh_server(tmp_path):
    server = Server(tmp_path / "server").start()
    yield server
    if server.running:
        server.stop()


@pytest.fixture
def make_server(tmp_path):
    """Servers with a configuration of their own: make_server(config="limits: ...")."""
    made = []

    def make(name="server", start=True, **arguments):
        server = Server(tmp_path / f"{name}-{len(made)}", **arguments)
        made.append(server)
        return server.start() if start else server

    yield make
    for server in made:
        if server.running:
            server.stop()


@pytest.fixture
def make_client():
    """Clients that are closed at the end: make_client(server, tenant)."""
    made = []

    def make(server, tenant=None):
        made.append(Client(server, tenant))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def make_tenant(server, make_client):
    """Tenants of the shared server that are deleted at the end; gives a client."""
    made = []

    def make(name="t"):
        tenant = f"tenant_{name}_{next(NUMBERS)}"
        create_tenant(server, tenant)
        made.append(tenant)
        return make_client(server, tenant)

    yield make
    for tenant in made:
        delete_tenant(server, tenant)


@pytest.fixture
def acme(make_tenant):
    """A client of a tenant that is empty at the start of the test."""
    return make_tenant("acme")


@pytest.fixture(scope="module")
def shared(server):
    """A client of one tenant for a whole module, for tests that only read."""
    tenant = f"tenant_shared_{next(NUMBERS)}"
    create_tenant(server, tenant)
    client = Client(server, tenant)
    yield client
    client.close()
    delete_tenant(server, tenant)

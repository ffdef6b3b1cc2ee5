"""One server with one tenant for the suites that want to find nothing but their own tables; they make and drop them."""

import pytest
from lib.certificates import Authority
from lib.client import create_tenant
from lib.server import Server

TENANT = "tenant_conformance"


@pytest.fixture(scope="module")
def conformance(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("conformance")).start()
    create_tenant(server, TENANT)
    server.tenant = TENANT
    yield server
    assert server.running, f"the server ended on its way:\n{server.log()[-4000:]}"
    server.stop()


@pytest.fixture(scope="session")
def secure(tmp_path_factory):
    """A server with TLS, and a certificate by a CA of the test's own."""
    authority = Authority(tmp_path_factory.mktemp("ca"))
    certificate, key = authority.issue("server", days=90)
    server = Server(tmp_path_factory.mktemp("secure"), ca=authority.certificate,
                    config=f"tls: {{cert: {certificate}, key: {key}}}").start()
    yield server
    assert server.running, f"the server ended on its way:\n{server.log()[-4000:]}"
    server.stop()

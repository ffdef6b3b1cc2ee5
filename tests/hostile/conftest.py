import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from lib.front import Front  # noqa: E402


def besieged(tmp_path_factory, name, **arguments):
    """A server with two tenants; after everything that was done to it, it ends well and its log holds no secret."""
    front = Front(tmp_path_factory.mktemp(name), **arguments).start()
    front.create_tenants("tenant_acme", "tenant_beta")
    yield front
    assert front.running, f"the front ended with {front.process.returncode}:\n{front.log()[-4000:]}"
    front.stop()


@pytest.fixture(scope="module")
def front(tmp_path_factory):
    yield from besieged(tmp_path_factory, "hostile")


@pytest.fixture(scope="module")
def impatient_front(tmp_path_factory):
    """Its patience is short, so that the tests of slow clients are quick."""
    limits = {"net.header_timeout": 1, "net.idle_timeout": 2, "net.write_timeout": 2}
    yield from besieged(tmp_path_factory, "impatient", limits=limits)

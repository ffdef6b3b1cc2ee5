"""The command lines of two users: one with a server, one without."""

import pytest

from lib.commandline import CommandLine


@pytest.fixture
def eider(acme, tmp_path):
    """The command line of a user of an empty tenant."""
    return CommandLine(acme.server, acme.tenant, tmp_path)


@pytest.fixture
def alone(tmp_path):
    """The command line of a user without a server."""
    return CommandLine(directory=tmp_path)

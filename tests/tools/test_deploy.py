"""The systemd unit calls the server as it is, and no key stands there twice."""

import re
import shutil
import subprocess

import pytest

from lib.server import ROOT, program

UNIT = (ROOT / "deploy/eider.service").read_text()


def test_the_unit_calls_options_that_exist():
    known = subprocess.run([str(program()), "serve", "--help"], capture_output=True, text=True, check=True).stdout
    command = re.search(r"^ExecStart=\S+/eider serve (.*)$", UNIT, re.M).group(1)
    options = re.findall(r"--[\w-]+", command)
    assert options and all(option in known for option in options)


def test_the_unit_is_well_formed():
    section, seen = None, set()
    for line in UNIT.splitlines():
        if line.startswith("[") and line.endswith("]"):
            section = line
        elif line and not line.startswith("#"):
            key, equals, _ = line.partition("=")
            assert section and equals and re.fullmatch(r"[A-Z]\w+", key), line
            assert (section, key) not in seen, line
            seen.add((section, key))
    assert {"[Unit]", "[Service]", "[Install]"} == {section for section, _ in seen}


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_systemd_understands_it(tmp_path):
    (tmp_path / "eider.service").write_text(UNIT.replace("/opt/eider/bin/eider", str(program())))
    said = subprocess.run(["systemd-analyze", "verify", "--recursive-errors=no", str(tmp_path / "eider.service")], capture_output=True, text=True)
    assert said.returncode == 0 and "eider.service" not in said.stderr, said.stderr


def test_it_ends_in_time():
    """systemd waits longer than the server may take."""
    drain = int(re.search(r'"server.drain", (\d+)', (ROOT / "src/base/limits.h").read_text()).group(1))
    assert int(re.search(r"^TimeoutStopSec=(\d+)s", UNIT, re.M).group(1)) > 2 * drain

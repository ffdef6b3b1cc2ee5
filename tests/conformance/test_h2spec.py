"""h2spec (RFC 7540, 7541) against /health, which answers GET and POST. Its own judgement, none of ours."""

import json
import subprocess
import xml.etree.ElementTree as xml

import pytest
from lib.server import ROOT

H2SPEC = ROOT / "deps/go/bin/h2spec"


@pytest.mark.skipif(not H2SPEC.exists(), reason="tools/fetch-deps could not build h2spec")
@pytest.mark.parametrize("group", ["generic", "http2", "hpack"])
@pytest.mark.parametrize("how", ["plain", "tls"])
def test_h2spec_finds_nothing(server, secure, tmp_path, group, how):
    server = secure if how == "tls" else server
    report = tmp_path / "report.xml"
    run = subprocess.run([H2SPEC, group, "-h", "127.0.0.1", "-p", str(server.port), "-P", "/health", "-o", "2", "-S",
                          "-j", report, *(["-t", "-k"] if how == "tls" else [])], capture_output=True, text=True, timeout=110)
    suites = xml.parse(report).getroot()
    total = sum(int(suite.get("tests")) for suite in suites)
    skipped = sum(int(suite.get("skipped")) for suite in suites)
    bad = [f"{suite.get('package')} {case.get('classname')}: {(case.find('failure') if case.find('failure') is not None else case.find('error')).text}"
           for suite in suites for case in suite if case.find("failure") is not None or case.find("error") is not None]
    assert not bad, json.dumps(bad, indent=1)
    assert run.returncode == 0, run.stdout[-2000:]
    assert total - skipped >= {"generic": 40, "http2": 80, "hpack": 7}[group], f"{total} ran, {skipped} were skipped"
    assert skipped == 0, run.stdout[-2000:]

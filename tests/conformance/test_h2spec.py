"""h2spec (RFC 7540, 7541) against /health, which answers GET and POST; in the clear and over TLS."""

import subprocess
import xml.etree.ElementTree as xml

import pytest
import suites

H2SPEC = suites.DEPS / "go/bin/h2spec"


@pytest.fixture(scope="module")
def results(server, secure, tmp_path_factory):
    return suites.record("h2spec", ask(server, "plain", tmp_path_factory.mktemp("h2spec"))
                         | ask(secure, "tls", tmp_path_factory.mktemp("h2spec"), "-t", "-k"))


def ask(server, how, directory, *words):
    report = directory / "report.xml"
    run = subprocess.run([H2SPEC, "generic", "http2", "hpack", "-h", "127.0.0.1", "-p", str(server.port), "-P", "/health", "-o", "2",
                          "-S", "-j", report, *words], capture_output=True, text=True, timeout=110)
    assert report.exists(), run.stdout[-2000:] + run.stderr[-2000:]
    cases = {}
    for suite in xml.parse(report).getroot():
        for number, case in enumerate(suite, 1):
            bad = next((part for part in case if part.tag in ("failure", "error")), None)
            skipped = case.find("skipped") is not None
            name = f"{how} {suite.get('package')}/{number} {case.get('classname')}"
            cases[name] = ("failed" if bad is not None else "skipped" if skipped else "passed", "" if bad is None else bad.text)
    return cases


@pytest.mark.parametrize("name", suites.expected("h2spec"))
def test_h2spec(results, name):
    suites.check("h2spec", results, name)


def test_every_case_is_expected(results):
    suites.check_complete("h2spec", results)

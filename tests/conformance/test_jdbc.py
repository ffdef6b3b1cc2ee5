"""Flight SQL JDBC driver: the JUnit tests of jdbc/, each case a test here. Maven works offline, from deps/maven."""

import subprocess
import xml.etree.ElementTree as xml

import pytest
import suites

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def results(conformance, tmp_path_factory):
    build = tmp_path_factory.mktemp("jdbc")
    url = f"jdbc:arrow-flight-sql://127.0.0.1:{conformance.port}/?useEncryption=false"
    run = subprocess.run(
        [suites.need("mvn", "Maven"), "-o", "-q", "-B", f"-Dmaven.repo.local={suites.DEPS / 'maven'}", f"-Deider.build={build}",
         "-Dmaven.test.failure.ignore=true", f"-Deider.url={url}", f"-Deider.tenant={conformance.tenant}", "test"],
        cwd=suites.HERE / "jdbc", capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, (run.stdout + run.stderr)[-6000:]
    cases = {}
    for report in (build / "surefire-reports").glob("TEST-*.xml"):
        for case in xml.parse(report).getroot().iter("testcase"):
            bad = next((part for part in case if part.tag in ("failure", "error")), None)
            skipped = case.find("skipped") is not None
            name = f"{case.get('classname').removeprefix('eider.')} {case.get('name')}"
            said = "" if bad is None else f"{bad.get('message')}\n{(bad.text or '')[:3000]}"
            cases[name] = ("failed" if bad is not None else "skipped" if skipped else "passed", said)
    assert cases, run.stdout[-6000:]
    return suites.record("jdbc", cases)


@pytest.mark.parametrize("name", suites.expected("jdbc"))
def test_jdbc(results, name):
    suites.check("jdbc", results, name)


def test_every_case_is_expected(results):
    suites.check_complete("jdbc", results)

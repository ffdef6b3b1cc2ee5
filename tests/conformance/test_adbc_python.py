"""The ADBC Python driver's own tests, out of its source package (deps/suites)."""

import os
import subprocess
import sys
import xml.etree.ElementTree as xml

import pytest
import suites

pytestmark = pytest.mark.slow

TESTS = suites.DEPS / "suites/adbc_driver_flightsql"
# These ask the driver's own mock server, by texts that are no SQL ("forever", "error_do_get").
MOCK = ["test_errors.py", "test_incremental.py"]


@pytest.fixture(scope="module")
def results(conformance, tmp_path_factory):
    report = tmp_path_factory.mktemp("adbc_python") / "report.xml"
    files = sorted(path.name for path in TESTS.glob("test_*.py") if path.name not in MOCK)
    environment = os.environ | {"EIDER_CONFORMANCE_URI": f"grpc://127.0.0.1:{conformance.port}",
                                "PYTHONPATH": str(suites.HERE / "adbc_python")}
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "eider_fixtures", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", TESTS,
         f"--junitxml={report}", *files], cwd=TESTS, env=environment, capture_output=True, text=True, timeout=300)
    assert report.exists(), run.stdout[-4000:] + run.stderr[-4000:]
    cases = {name: ("skipped", "") for name in MOCK}
    for case in xml.parse(report).getroot().iter("testcase"):
        bad = next((part for part in case if part.tag in ("failure", "error")), None)
        skipped = case.find("skipped") is not None
        cases[f"{case.get('classname')} {case.get('name')}"] = (
            "failed" if bad is not None else "skipped" if skipped else "passed", "" if bad is None else bad.text)
    return suites.record("adbc_python", cases)


@pytest.mark.parametrize("name", suites.expected("adbc_python"))
def test_adbc_python(results, name):
    suites.check("adbc_python", results, name)


def test_every_case_is_expected(results):
    suites.check_complete("adbc_python", results)

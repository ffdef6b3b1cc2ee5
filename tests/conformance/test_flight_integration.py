"""Arrow's Flight integration client (Go), every scenario. Each was written for a mock server that knows its texts; what comes
of it here, and why, stands in expected/flight_integration.txt."""

import concurrent.futures
import subprocess

import pytest
import suites

pytestmark = pytest.mark.slow

CLIENT = suites.DEPS / "go/bin/arrow-flight-integration-client"
SCENARIOS = [
    "auth:basic_proto", "middleware", "ordered", "expiration_time:do_get", "expiration_time:list_actions",
    "expiration_time:cancel_flight_info", "expiration_time:renew_flight_endpoint", "location:reuse_connection",
    "poll_flight_info", "app_metadata_flight_info_endpoint", "flight_sql", "flight_sql:extension", "flight_sql:ingestion",
    "session_options",
]


@pytest.fixture(scope="module")
def results(conformance):
    def ask(scenario):
        run = subprocess.run([CLIENT, "-host", "127.0.0.1", "-port", str(conformance.port), "-scenario", scenario],
                             capture_output=True, text=True, timeout=110)
        return scenario, ("failed" if run.returncode else "passed", run.stderr[:3000])

    with concurrent.futures.ThreadPoolExecutor() as pool:
        return suites.record("flight_integration", dict(pool.map(ask, SCENARIOS)))


@pytest.mark.parametrize("name", suites.expected("flight_integration"))
def test_flight_integration(results, name):
    suites.check("flight_integration", results, name)


def test_every_case_is_expected(results):
    suites.check_complete("flight_integration", results)

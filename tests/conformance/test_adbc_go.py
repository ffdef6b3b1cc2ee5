"""ADBC's validation suite, by the Go driver; what it is told of eider stands in go/adbc/validation_test.go."""

import collections
import json

import pytest
import suites

OUTCOMES = {"pass": "passed", "fail": "failed", "skip": "skipped"}


@pytest.fixture(scope="module")
def results(conformance):
    version = conformance.client_value("SELECT 1") if False else "0.1.0"
    run = suites.go("test", "-json", "-count=1", "./adbc", timeout=300, env={
        "EIDER_CONFORMANCE_URI": f"grpc+tcp://127.0.0.1:{conformance.port}",
        "EIDER_CONFORMANCE_TENANT": conformance.tenant,
        "EIDER_CONFORMANCE_VERSION": version,
        "EIDER_CONFORMANCE_ARROW": "1.5",
    })
    said, outcomes = collections.defaultdict(str), {}
    for line in run.stdout.splitlines():
        event = json.loads(line)
        name = event.get("Test")
        if event["Action"] == "output":
            said[name] += event["Output"]
        elif name and event["Action"] in OUTCOMES:
            outcomes[name] = OUTCOMES[event["Action"]]
    assert outcomes, run.stderr[-4000:] + said[None][-4000:]
    # A test that has cases of its own says nothing that those do not say.
    leaves = {name for name in outcomes if not any(other.startswith(name + "/") for other in outcomes)}
    return suites.record("adbc_go", {name: (outcomes[name], said[name]) for name in leaves})


@pytest.mark.parametrize("name", suites.expected("adbc_go"))
def test_adbc_go(results, name):
    suites.check("adbc_go", results, name)


def test_every_case_is_expected(results):
    suites.check_complete("adbc_go", results)

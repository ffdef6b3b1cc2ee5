"""What suites of others say, case by case, against what is expected of them (expected/SUITE.txt).

A line of expected/ is `passed NAME`, `skipped NAME  # why` or `failed NAME  # why`; the last is for what a suite gets wrong.
EIDER_CONFORMANCE_RECORD=1 writes these files from what happened, and keeps the reasons; `python tests/conformance/suites.py`
writes the table of docs/reference/conformance.md from them.
"""

import os
import pathlib
import re
import shutil
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
EXPECTED = HERE / "expected"
DEPS = ROOT / "deps"


def expected(suite):
    """Name → (outcome, why)."""
    path = EXPECTED / f"{suite}.txt"
    cases = {}
    for line in path.read_text().splitlines() if path.exists() else []:
        case, _, why = line.partition("  # ")
        outcome, _, name = case.strip().partition(" ")
        assert outcome == "passed" or why, f"{path.name}: {name} is {outcome}, and nothing says why"
        cases[name] = outcome, why
    return cases


def record(suite, results):
    """Name → (outcome, what was said); becomes the expectation, if that is asked for."""
    if not os.environ.get("EIDER_CONFORMANCE_RECORD"):
        return results
    before = expected(suite)
    lines = []
    for name, (outcome, said) in sorted(results.items()):
        if outcome == "failed":
            print(f"=== {name}\n{said}")  # seen with pytest -s
        why = before.get(name, ("", ""))[1] if outcome != "passed" else ""
        lines.append(f"{outcome} {name}" + (f"  # {why or 'not looked into yet'}" if outcome != "passed" else ""))
    (EXPECTED / f"{suite}.txt").write_text("\n".join(lines) + "\n")
    return results


def check(suite, results, name):
    """One case ended as expected. Those that are expected to be skipped, and were, are skipped here too."""
    outcome, why = expected(suite)[name]
    assert name in results, f"{name} did not run"
    got, said = results[name]
    assert got == outcome, f"{name}: {got} instead of {outcome} {why}\n{said}"
    if got == "skipped":
        pytest.skip(why)


def check_complete(suite, results):
    """No case ran that nobody expected."""
    unknown = {name: outcome for name, (outcome, _) in results.items() if name not in expected(suite)}
    assert not unknown, f"not in expected/{suite}.txt: {unknown}"


def need(program, reason):
    """A program that tools/setup installs; its absence is a failure, not a reason to skip."""
    path = shutil.which(program)
    assert path, f"{program} is not there ({reason}): run `make suites`"
    return path


def go(*words, **arguments):
    """The go command over what tools/fetch-suites has put into deps/go, without a network."""
    environment = os.environ | {"GOPATH": str(DEPS / "go/path"), "GOCACHE": str(DEPS / "go/cache"), "GOPROXY": "off",
                                "GOFLAGS": "-mod=readonly -modcacherw -trimpath"}
    environment |= arguments.pop("env", {})
    return subprocess.run([need("go", "the Go compiler"), *map(str, words)], cwd=HERE / "go", env=environment,
                          capture_output=True, text=True, **arguments)


# --- the table of docs/reference/conformance.md -------------------------------------------------------------------

TABLE = ROOT / "docs/reference/conformance.md"
BEGIN, END = "<!-- begin: made by tests/conformance/suites.py -->", "<!-- end -->"


def _module(name):
    return re.search(rf"^\s*{re.escape(name)} (v\S+)", (HERE / "go/go.mod").read_text(), re.M).group(1)


def _package(name):
    return re.search(rf"^{re.escape(name)}==(\S+)", (ROOT / "tools/requirements.txt").read_text(), re.M).group(1)


def _maven(suite, property_name):
    return re.search(rf"<{property_name}>([^<]+)<", (HERE / suite / "pom.xml").read_text()).group(1)


def rows():
    """(suite of expected/, what it is, version)."""
    return [
        ("h2spec", "h2spec (HTTP/2, HPACK), in the clear and over TLS", re.search(r"h2spec[@ ](v[\d.]+)", (ROOT / "tools/fetch-suites").read_text()).group(1)),
        ("adbc_go", "ADBC validation suite (Go), driver flightsql", _module("github.com/apache/arrow-adbc/go/adbc")),
        ("adbc_python", "ADBC Python driver's own tests", _package("adbc-driver-flightsql")),
        ("flight_integration", "Arrow Flight integration client (Go)", _module("github.com/apache/arrow-go/v18")),
        ("jdbc", "Flight SQL JDBC driver, cases of ours", _maven("jdbc", "arrow.jdbc.version")),
        ("rck", "Iceberg REST Compatibility Kit, on files and on S3, open and with a token", _maven("rck", "iceberg.version")),
    ]


def table():
    lines = ["| suite | version | passed | failed | skipped |", "|---|---|---|---|---|"]
    reasons = []
    for suite, title, version in rows():
        cases = expected(suite)
        count = {outcome: sum(1 for got, _ in cases.values() if got == outcome) for outcome in ("passed", "failed", "skipped")}
        lines.append(f"| {title} | {version.removeprefix('v')} | {count['passed']} | {count['failed']} | {count['skipped']} |")
        reasons += [f"| {title} | {name} | {outcome} | {why} |" for name, (outcome, why) in cases.items() if outcome != "passed"]
    lines += ["", "| suite | case | | why |", "|---|---|---|---|"] + reasons if reasons else []
    return "\n".join(lines)


def documented():
    text = TABLE.read_text()
    return text.partition(BEGIN + "\n")[2].partition("\n" + END)[0]


def write_table():
    text = TABLE.read_text()
    TABLE.write_text(text.replace(f"{BEGIN}\n{documented()}\n{END}", f"{BEGIN}\n{table()}\n{END}"))


if __name__ == "__main__":
    write_table()

"""Iceberg's REST Compatibility Kit, tables and views, each case a test here: against an open server, and with a token."""

import subprocess
import xml.etree.ElementTree as xml

import pytest
import suites
from lib import people
from lib.client import create_tenant
from lib.server import Server

pytestmark = pytest.mark.slow

JARS = suites.DEPS / "suites/rck"
KITS = {"tables": "RESTCompatibilityKitCatalogTests", "views": "RESTCompatibilityKitViewCatalogTests"}
TENANT = "tenant_rck"


def kit(server, name, directory, **properties):
    """Case → (outcome, what was said). Directories that the kit makes for itself lie below the JVM's directory for
    temporary files; a table may use those inside of its tenant's warehouse only."""
    places = server.data / "warehouse" / TENANT / "kit"
    places.mkdir(parents=True, exist_ok=True)
    assert list(JARS.glob("iceberg-open-api-*-tests.jar")), "the REST Compatibility Kit is not there: run `make suites`"
    properties = {"uri": f"{server.url}/iceberg", "warehouse": TENANT, "rck.local": "false", "rck.requires-namespace-create": "true",
                  "rck.overrides-requested-location": "true",
                  "io-impl": "org.apache.iceberg.hadoop.HadoopFileIO", "java.io.tmpdir": places} | properties
    words = [f"-D{key}={value}" for key, value in properties.items()]
    run = subprocess.run([suites.need("java", "Java"), *words, "-cp", f"{JARS}/*", "org.junit.platform.console.ConsoleLauncher",
                          "execute", "--select-class", f"org.apache.iceberg.rest.{KITS[name]}", "--disable-banner",
                          "--disable-ansi-colors", "--details=none", f"--reports-dir={directory}"],
                         capture_output=True, text=True, timeout=600)
    cases = {}
    for report in directory.glob("TEST-*.xml"):
        for case in xml.parse(report).getroot().iter("testcase"):
            bad = next((part for part in case if part.tag in ("failure", "error")), None)
            skipped = case.find("skipped") is not None
            said = "" if bad is None else f"{bad.get('message')}\n{(bad.text or '')[:3000]}"
            cases[case.get("name").removesuffix("()")] = ("failed" if bad is not None else "skipped" if skipped else "passed", said)
    assert cases, (run.stdout + run.stderr)[-6000:]
    return cases


def named(how, name, cases):
    return {f"{how} {name} {case}": found for case, found in cases.items()}


def lake(directory):
    """The kit invents the names of its files, and where some of its tables lie."""
    server = Server(directory)
    server.config = f"warehouse: {{location: 'file://{server.data}/warehouse', outside: true}}"
    create_tenant(server.start(), TENANT)
    return server


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    found = {}
    server = lake(tmp_path_factory.mktemp("rck"))
    for name in KITS:
        found |= named("open", name, kit(server, name, tmp_path_factory.mktemp("open")))
    server.stop()

    server = lake(tmp_path_factory.mktemp("rck"))
    root = people.administrator(server)
    people.user(root, "rck", **{TENANT: "owner"})
    token = people.login(server, "rck").token("rck").headers["Authorization"].removeprefix("Bearer ")
    found |= named("token", "tables", kit(server, "tables", tmp_path_factory.mktemp("token"), token=token))
    found |= named("token", "views", kit(server, "views", tmp_path_factory.mktemp("token"), credential=f"rck:{people.PASSWORD}"))
    server.stop()
    return suites.record("rck", found)


@pytest.mark.parametrize("name", suites.expected("rck"))
def test_rck(results, name):
    suites.check("rck", results, name)


def test_every_case_is_expected(results):
    suites.check_complete("rck", results)

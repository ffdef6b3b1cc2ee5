"""Iceberg's REST Compatibility Kit, tables and views, each case a test here: on files of this machine and on an S3-compatible
store, against an open server and with a token."""

import concurrent.futures
import subprocess
import xml.etree.ElementTree as xml

import pytest
import suites
from lib import people
from lib.client import create_tenant
from lib.s3 import Minio
from lib.server import Server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

JARS = suites.DEPS / "suites/rck"
KITS = {"tables": "RESTCompatibilityKitCatalogTests", "views": "RESTCompatibilityKitViewCatalogTests"}
TENANT = "tenant_rck"
LOCAL = {"io-impl": "org.apache.iceberg.hadoop.HadoopFileIO"}
S3 = {"io-impl": "org.apache.iceberg.io.ResolvingFileIO", "header.X-Iceberg-Access-Delegation": "vended-credentials"}


def kit(server, name, directory, **properties):
    """Case → (outcome, what was said). Directories that the kit makes for itself lie below the JVM's directory for
    temporary files; a table may use those inside of its tenant's warehouse only."""
    assert list(JARS.glob("iceberg-open-api-*-tests.jar")), "the REST Compatibility Kit is not there: run `make suites`"
    places = server.data / "warehouse" / TENANT / "kit"
    places.mkdir(parents=True, exist_ok=True)
    properties = {"uri": f"{server.url}/iceberg", "warehouse": TENANT, "rck.local": "false", "rck.requires-namespace-create": "true",
                  "rck.overrides-requested-location": "true", "rck.supports-names-with-dot": "true", "java.io.tmpdir": places} | properties
    words = [f"-D{key}={value}" for key, value in properties.items()]
    run = subprocess.run([suites.need("java", "Java"), "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", *words, "-cp", f"{JARS}/*", "org.junit.platform.console.ConsoleLauncher",
                          "execute", "--select-class", f"org.apache.iceberg.rest.{KITS[name]}", "--disable-banner",
                          "--disable-ansi-colors", "--details=none", f"--reports-dir={directory}"],
                         capture_output=True, text=True, timeout=900)
    cases = {}
    for report in directory.glob("TEST-*.xml"):
        for case in xml.parse(report).getroot().iter("testcase"):
            bad = next((part for part in case if part.tag in ("failure", "error")), None)
            skipped = case.find("skipped") is not None
            said = "" if bad is None else f"{bad.get('message')}\n{(bad.text or '')[:3000]}"
            cases[case.get("name").removesuffix("()")] = ("failed" if bad is not None else "skipped" if skipped else "passed", said)
    assert cases, (run.stdout + run.stderr)[-6000:]
    return cases


def serve(directory, **warehouse):
    """The kit invents the names of its files, and where some of its tables lie."""
    server = Server(directory)
    settings = {"location": f"'file://{server.data}/warehouse'", "outside": "true"} | warehouse
    server.config = "outgoing: 127.0.0.1\nwarehouse:\n" + "".join(f"  {key}: {value}\n" for key, value in settings.items())
    return server


def credentials(server):
    """A user of the tenant, and what it shows: for tables a token, for views name and password."""
    root = people.administrator(server)
    token = people.user(root, "rck", **{TENANT: "owner"}).token("rck").headers["Authorization"].removeprefix("Bearer ")
    return {"tables": {"token": token}, "views": {"credential": f"rck:{people.PASSWORD}"}}


def ask(how, server, client, make_directory):
    create_tenant(server.start(), TENANT)
    shown = credentials(server) if how.endswith("token") else dict.fromkeys(KITS, {})
    found = {}
    for name in KITS:
        cases = kit(server, name, make_directory(f"{how}-{name}"), **client, **shown[name])
        found |= {f"{how} {name} {case}": outcome for case, outcome in cases.items()}
    server.stop()
    return found


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    make = tmp_path_factory.mktemp
    store = Minio(make("store")).start()
    runs = []
    for how in ("local", "local-token", "s3", "s3-token"):
        server = serve(make(how))
        if how.startswith("s3"):
            server = serve(make(how), location=f"s3://{store.bucket}/{how}", endpoint=store.endpoint, vend="true")
            server.environment = store.keys
        runs.append((how, server, S3 if how.startswith("s3") else LOCAL, make))
    found = {}
    try:
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for part in pool.map(lambda run: ask(*run), runs):
                found |= part
    finally:
        for _, server, _, _ in runs:
            server.kill()
        store.stop()
    return suites.record("rck", found)


@pytest.mark.parametrize("name", suites.expected("rck"))
def test_rck(results, name):
    suites.check("rck", results, name)


def test_every_case_is_expected(results):
    suites.check_complete("rck", results)

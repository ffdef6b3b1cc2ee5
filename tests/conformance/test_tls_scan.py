"""What sslscan and testssl.sh, which look for weak TLS, find at a server of ours."""

import json
import subprocess
import xml.etree.ElementTree as xml

import pytest

import suites

# What they say of the test's certificate, which nobody has to revoke.
OF_THE_CERTIFICATE = {"cert_revocation", "DNS_CAArecord"}


def test_sslscan_finds_nothing_weak(secure, tmp_path):
    report = tmp_path / "sslscan.xml"
    subprocess.run([suites.need("sslscan", "a scanner of TLS"), "--no-colour", f"--xml={report}", f"127.0.0.1:{secure.port}"], capture_output=True,
                   timeout=100, check=True)
    test = xml.parse(report).getroot().find("ssltest")
    enabled = {f"{found.get('type')}{found.get('version')}" for found in test.findall("protocol") if found.get("enabled") == "1"}
    assert enabled == {"tls1.2", "tls1.3"}
    ciphers = [found.get("cipher") for found in test.findall("cipher")]
    assert len(ciphers) >= 6
    assert not [name for name in ciphers if "GCM" not in name and "CHACHA20" not in name]
    assert {found.get("strength") for found in test.findall("cipher")} <= {"strong", "acceptable"}
    assert test.find("renegotiation").get("supported") == "0"
    assert test.find("compression") is None or test.find("compression").get("supported") == "0"
    assert {found.get("vulnerable") for found in test.findall("heartbleed")} == {"0"}
    assert {found.get("name") for found in test.findall("group")} <= {"x25519", "secp256r1 (NIST P-256)", "secp384r1 (NIST P-384)"}


@pytest.mark.timeout(460)
def test_testssl_finds_nothing(secure, tmp_path):
    """Protocols, cipher groups and order, forward secrecy, headers, and every vulnerability that it knows."""
    report = tmp_path / "testssl.json"
    run = subprocess.run([suites.need("testssl", "a scanner of TLS"), "--quiet", "--color", "0", "--warnings", "off", "--add-ca", secure.trust, "-p", "-s", "-P",
                          "-f", "-h", "-U", "--jsonfile", report, f"127.0.0.1:{secure.port}"],
                         stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=450)
    findings = json.loads(report.read_text())
    assert len(findings) > 40, run.stdout[-2000:]
    bad = [finding for finding in findings
           if finding["severity"] not in ("OK", "INFO") and finding["id"] not in OF_THE_CERTIFICATE]
    assert not bad, json.dumps(bad, indent=1)

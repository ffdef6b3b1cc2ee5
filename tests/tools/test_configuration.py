"""docs/reference/configuration.md names every limit with its unit and effect, and the example in it is accepted."""

import re

from lib.server import ROOT, Server

PAGE = (ROOT / "docs/reference/configuration.md").read_text()


def test_every_limit_is_listed():
    table = re.sub(r"\s*\\\n\s*", " ", (ROOT / "src/base/limits.h").read_text())
    known = re.findall(r'LIMIT\(LIMIT_\w+, "([^"]+)", \d+, "([^"]+)", "([^"]+)"\)', table)
    listed = re.findall(r"^\| `([\w.]+)` \| [^|]+ \| ([^|]+) \| ([^|]+) \|$", PAGE, re.M)
    assert listed == known


def test_the_example_is_accepted(tmp_path):
    example = re.search(r"^```yaml\n(listen:.*?)^```$", PAGE, re.M | re.S).group(1)
    keys = re.findall(r"^(\w+):", example, re.M)
    assert set(keys) >= {"listen", "data", "hosts", "log_level", "limits", "users", "tls", "outgoing", "oidc", "warehouse"}
    # What names files of another machine is left out; the rest has to start a server.
    kept = re.sub(r"^(listen|data|users|tls):.*\n", "", example, flags=re.M)
    server = Server(tmp_path, config=kept).start()
    server.stop()

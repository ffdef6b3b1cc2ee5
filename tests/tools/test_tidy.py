"""Every rule of tools/tidy finds the one thing that breaks it, and a clean tree passes."""

import pathlib
import subprocess
import sys

import pytest

TIDY = pathlib.Path(__file__).resolve().parents[2] / "tools" / "tidy"

CLEAN = {
    "src/LAYERS": "base:\nplatform: net http\ncli:\n",
    "src/base/meson.build": "static_library('base', 'str.c')\n",
    "src/base/README.md": "text\n",
    "src/base/str.h": "/* Text. */\n#pragma once\nint str_one(void);\n",
    "src/base/str.c": '#include "base/str.h"\n\nint str_one(void)\n{\n    return 1;\n}\n',
    "src/platform/net/meson.build": "static_library('net', 'net.c')\n",
    "src/platform/net/README.md": "text\n",
    "src/platform/net/net.h": "#pragma once\nint net_two(void);\n",
    "src/platform/net/net.c": '#include "platform/net/net.h"\n\n#include "base/str.h"\n\n'
                              "int net_two(void)\n{\n    return str_one() + 1;\n}\n",
}


@pytest.fixture
def tidy(tmp_path):
    """Writes the clean tree with some files changed (None: removed) and runs tidy over it."""

    def run(*arguments, **changes):
        for name, text in (CLEAN | {key.replace("__", "/"): text for key, text in changes.pop("files", {}).items()}).items():
            path = tmp_path / name
            if text is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
        result = subprocess.run([sys.executable, TIDY, "--root", tmp_path, *arguments], capture_output=True, text=True)
        return result.returncode, result.stdout

    return run


def test_clean_tree_passes(tidy):
    code, out = tidy()
    assert code == 0, out
    assert "0 findings" in out


def function(lines):
    return "int str_one(void)\n{\n" + "    str_one();\n" * lines + "}\n"


STR = '#include "base/str.h"\n\n'
NET = '#include "platform/net/net.h"\n'
BREAKS = [
    ("layer", "an include upwards", {"src/base/str.c": STR + '#include "platform/net/net.h"\n'}),
    ("layer", "an include to the right", {"src/platform/net/net.c": NET + '#include "platform/http/http.h"\n',
                                         "src/platform/http/http.h": "#pragma once\n",
                                         "src/platform/http/README.md": "text\n"}),
    ("layer", "another room's private header", {"src/platform/net/net.c": NET + '#include "base/str_priv.h"\n',
                                                "src/base/str_priv.h": "#pragma once\n"}),
    ("layer", "a directory outside the layers", {"src/extra/x.h": "#pragma once\n"}),
    ("foreign", "duckdb.h", {"src/platform/net/net.c": NET + "#include <duckdb.h>\n"}),
    ("foreign", "nghttp2", {"src/base/str.c": STR + "#include <nghttp2/nghttp2.h>\n"}),
    ("foreign", "openssl", {"src/base/str.c": STR + "#include <openssl/ssl.h>\n"}),
    ("foreign", "sqlite3.h", {"src/base/str.c": STR + "#include <sqlite3.h>\n"}),
    ("banned", "strcpy", {"src/base/str.c": STR + "void str_x(char *a)\n{\n    strcpy(a, a);\n}\n"}),
    ("banned", "malloc", {"src/base/str.c": STR + "void *str_x(void)\n{\n    return malloc(1);\n}\n"}),
    ("banned", "strtol", {"src/platform/net/net.c": NET + "long net_x(void)\n{\n    return strtol(0, 0, 0);\n}\n"}),
    ("banned", "pthread_create", {"src/base/str.c": STR + "void str_x(void)\n{\n    pthread_create(0, 0, 0, 0);\n}\n"}),
    ("banned", "system", {"src/base/str.c": STR + 'void str_x(void)\n{\n    system ("ls");\n}\n'}),
    ("comment", "//", {"src/base/str.c": STR + "int str_one(void) // one\n{\n    return 1;\n}\n"}),
    ("comment", "TODO", {"src/base/str.c": STR + "/* TODO: later */\n"}),
    ("length", "a long function", {"src/base/str.c": STR + function(71)}),
    ("length", "a long file", {"src/base/str.c": STR + "int str_one(void);\n" * 800}),
    ("readme", "missing", {"src/base/README.md": None}),
    ("readme", "too long", {"src/base/README.md": "line\n" * 31}),
    ("dead", "a source nobody builds", {"src/base/lost.c": "int lost;\n"}),
    ("dead", "a header nobody includes", {"src/base/lost.h": "#pragma once\n"}),
    ("header", "one that needs another first", {"src/base/str.h": "#pragma once\nbool str_one(void);\n"}),
    ("header", "no guard", {"src/base/str.h": "int str_one(void);\n"}),
    ("place", "a host name", {"tools/x": "curl https://py" + "pi.org/simple\n", "tools/README.md": "text\n"}),
    ("place", "a path of one machine", {"tools/x": "cd /ro" + "ot/x\n", "tools/README.md": "text\n"}),
    ("sleep", "a test that sleeps", {"tests/test_x.py": "time.sl" + "eep(1)\n", "tests/README.md": "text\n"}),
    ("exception", "one that is not needed", {"tools/tidy.exceptions": "banned src/base/str.c\n", "tools/README.md": "text\n"}),
]


@pytest.mark.parametrize("rule, what, files", BREAKS, ids=[f"{rule}: {what}" for rule, what, _ in BREAKS])
def test_rule_finds(tidy, rule, what, files):
    code, out = tidy(files=files)
    assert code == 1, out
    assert f": {rule}: " in out, out


OK = [
    ("a word in a string", {"src/base/str.c": STR + 'const char *str_x(void)\n{\n    return "malloc(1) // x";\n}\n'}),
    ("a word in a comment", {"src/base/str.c": STR + "/* never strcpy() */\nint str_one(void)\n{\n    return 1;\n}\n"}),
    ("a member of that name", {"src/base/str.c": STR + "void str_x(struct y *y)\n{\n    y->free(y);\n}\n"}),
    ("a TODO with its issue", {"src/base/str.c": STR + "/* TODO(#12): more */\n"}),
    ("a function as long as allowed", {"src/base/str.c": STR + function(70)}),
    ("a thread in a test", {"src/base/str_test.c": "int main(void)\n{\n    pthread_create(0, 0, 0, 0);\n}\n",
                            "src/base/meson.build": "static_library('base', 'str.c')\nexecutable('t', 'str_test.c')\n"}),
]


@pytest.mark.parametrize("what, files", OK, ids=[what for what, _ in OK])
def test_rule_allows(tidy, what, files):
    code, out = tidy(files=files)
    assert code == 0, out


def test_symbols_start_with_their_room(tidy, tmp_path):
    library = tmp_path / "build/src/base"
    library.mkdir(parents=True)
    (library / "x.c").write_text("int str_good; int other_bad;\nstatic int hidden;\nint *str_use(void) { return &hidden; }\n")
    subprocess.run(["cc", "-c", "x.c"], cwd=library, check=True)
    subprocess.run(["ar", "rc", "libbase.a", "x.o"], cwd=library, check=True)
    (library / "x.c").unlink()
    code, out = tidy("--build", str(tmp_path / "build"))
    assert code == 1, out
    assert "other_bad" in out and "str_good" not in out and "hidden" not in out

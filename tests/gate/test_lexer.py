"""The gate's lexer against DuckDB's own, over nasty texts and generated ones: same boundaries, same kinds."""
import os
import pathlib
import random
import subprocess

import duckdb
import pytest

BUILD = pathlib.Path(os.environ.get("EIDER_BUILD", pathlib.Path(__file__).parents[2] / "build"))
TOOL = BUILD / "src/domain/query/gate_tool"

# Our kind: DuckDB's kinds that it may be. Which words are keywords, and which operators have a token of their own, is the
# grammar's affair and not the gate's.
KINDS = {
    "w": {"identifier", "keyword"},
    "q": {"identifier"},
    "s": {"string_const"},
    "n": {"numeric_const"},
    "p": {"operator"},
    "o": {"operator", "keyword"},
}

NASTY = [
    "", " ", ";", "--", "/*", "/**/", "/*/*/**/*/*/", "/*/", "/*/**/1*/", "/* ' */ 'a' /* \" */", "a--b\nc", "a--b\rc",
    "'a''b'", "'a'\n'b'", "'a' 'b'", "'a' --x\n'b'", "'a' --x\n--y 'b'", "'a'-'b'", "'a' - 'b'", "'a'/**/\n'b'", "'a'\n\n -- x\n 'b'",
    "x'ab'", "X'a'\n'b'", "b'01'", "n'x'", "N'x'", "bb'1'", "_'x'", "e'a\\'b'", "E'\\\\'", "e'\\\\' 'x'", "e'\\x41'", "e'\\x4'", "e'\\x'",
    "e'\\101'", "e'\\0'", "e'\\400'", "e'\\1000'", "e'\\8'", "e'\\u0041'", "e'\\U00000041'", "e'\\\u00e9'", "e'a''b\\''", "e'a'\n'\\'b'", "e'\\",
    "u&'x'", "U&\"x\"", "u&x", "u & 'x'", "'", "\"", "\"\"", "\"a\"\"b\"", "\"a\"\n\"b\"", "\"a", "''", "''''", "'''",
    "$$a$$", "$$", "$$$", "$$$$", "$a$b$a$", "$a$b$c$a$", "$a$$a$", "$$$a$$", "$a$ $$ $b$ $a $a$", "$a b", "$1", "$1a", "$1_0", "$a$1$a$", "a$b$c",
    "$\u00e9$x$\u00e9$", "1$$a$$", "a$$b$$", "?", "??", "?1", "?1a", "? 1", "$", "$ $", "#", "#1", "\\", "{}", "[1:2]", "a[:-1]",
    "1", "1.", ".1", "1.1", "1..2", "1...2", "..", "...", "1.2.3", "1.2..3", "1e5", "1E+5", "1e-5", "1e", "1e+", "1.e5", ".e5", ".5e", "1e5e5",
    "1_000", "1_", "1__0", "_1", "1_a", "0x1F", "0b1", "1.5_0", "1._5", "1e1_0", "1a", "1'a'", "1\"a\"",
    "+-", "+-+", "=-1", "=+-1", "<=-1", "@-", "@--", "@-+", "!-", "!--x", "+/*c*/-", "+/*", "*/", "**", "***", "//", "///", "->", "->>", "->-", "->>-", "-->",
    "=>", "==>", "<>", "<>-", "!=-", "!=", "<=>", "^@", "~~*", "!~~*", "|", "||", "|||", "&&", "&-", "`", "`-", "%", "%-", "%+", "^-", "::", ":::", ":=", ":", ":a",
    "a::int", "a:b", "+" * 63, "+" * 64, "~" * 63, "~" * 64, "~" * 65, "@+" * 31, "@+" * 32, "-" * 3, "- - -", "\x0b", "\x0c a", "\x7f", "\x01", "\t\r\n",
    "a\u00a0b", "\u00a0", "\ufeffselect", "\u00e9t\u00e9 \U0001f986", "not", "not in", "not 'a", "NOT /*", "with time", "nulls last", "with 'x",
    "select", "Select\"a\"from'b'", "a.b.c", "a.\"b\".c", "a . b", "a.*", "count(*)", "/*a*/select/*b*/1/*c*/", "select 1;select 2;--x",
]

PIECES = [
    "select", "from", "not", "with", "nulls", "a", "E", "e", "b", "x", "n", "u", "U&", "é", "\u00a0", "'", "''", "'a'", "e'\\'", "\\", "\\'", "\"", "\"a\"", "\"\"",
    "$", "$$", "$a$", "$1", "?", "?1", "1", "0", "9", "_", ".", "..", "e5", "E+", "-", "--", "+", "/", "/*", "*/", "*", "**", "//", "<", ">", "=", "!", "~", "@", "^", "&",
    "|", "`", "%", "#", ":", "::", ":=", ",", "(", ")", "[", "]", "{", "}", ";", " ", "  ", "\n", "\r", "\t", "\x0b", "\f", "->", "->>", "=>", "<=", "uescape", "'\n'", "'--x\n'",
]


def ours(texts):
    done = subprocess.run([TOOL, "tokens"], input=b"".join(t.encode() + b"\0" for t in texts), stdout=subprocess.PIPE, check=True)
    lines = done.stdout.decode().splitlines()
    assert len(lines) == len(texts)
    return [[(k, int(s), int(n)) for k, s, n in (token.split(":") for token in line.split())] for line in lines]


def theirs(text):
    # Positions are bytes.
    return [(start, str(kind).rsplit(".", 1)[1]) for start, kind in duckdb.tokenize(text)]


def difference(text, tokens):
    """What differs, or None. Where DuckDB stops, it has found an error; it drops a NOT, WITH or NULLS just before it."""
    expected = theirs(text)
    failed = tokens[-1][0] == "e"
    tokens = tokens[:-1]
    for (start, kind), token in zip(expected, tokens):
        if start != token[1] or kind not in KINDS[token[0]]:
            return f"{token} but DuckDB has {kind} at {start}"
    if len(expected) > len(tokens):
        return f"stops at {len(tokens)} tokens of {len(expected)}"
    raw = text.encode()
    missing = tokens[len(expected):]
    if failed and len(missing) == 1 and raw[missing[0][1]:][: missing[0][2]].lower() in (b"not", b"with", b"nulls"):
        return None
    return f"goes on after DuckDB's last token: {missing}" if missing else None


@pytest.mark.parametrize("text", NASTY)
def test_nasty_texts_have_duckdbs_tokens(text):
    assert difference(text, ours([text])[0]) is None


def generate(random_, count):
    for _ in range(count):
        yield "".join(random_.choice(PIECES) for _ in range(random_.randint(1, 14)))


@pytest.mark.parametrize("seed", range(4))
def test_generated_texts_have_duckdbs_tokens(seed):
    texts = list(generate(random.Random(seed), 10_000))
    for text, tokens in zip(texts, ours(texts)):
        assert difference(text, tokens) is None, repr(text)


def test_unterminated_and_unknown_end_in_an_error():
    for text in ["'a", "\"a", "$$a", "/* a", "\"\"", "u&'x'", "e'\\u0041'", "~" * 64]:
        assert ours([text])[0][-1][0] == "e", text

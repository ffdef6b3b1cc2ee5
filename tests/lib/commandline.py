"""The program as a user calls it: words and text in, text out, never a terminal."""

import subprocess

from lib.server import program


class CommandLine:
    def __init__(self, server=None, tenant=None, directory=None):
        self.server, self.tenant, self.directory = server, tenant, directory

    def __call__(self, *words, stdin="", environment=None, binary=False, timeout=60):
        """stdin: text or bytes. The server is named by environment, as a user would."""
        settings = {"PATH": "/usr/bin:/bin", "HOME": str(self.directory)}
        if self.server:
            settings["EIDER_URL"] = self.server.url
        if self.tenant:
            settings["EIDER_TENANT"] = self.tenant
        given = stdin if isinstance(stdin, bytes) else stdin.encode()
        result = subprocess.run([str(program()), *map(str, words)], input=given, capture_output=True, timeout=timeout,
                                cwd=self.directory, env=settings | (environment or {}))
        if not binary:
            result.stdout, result.stderr = result.stdout.decode(), result.stderr.decode()
        return result

    def ok(self, *words, **arguments):
        """A command that has to succeed; gives its output."""
        result = self(*words, **arguments)
        assert result.returncode == 0, f"eider {' '.join(map(str, words))}: {result.returncode}\n{result.stdout}\n{result.stderr}"
        return result.stdout

    def fails(self, *words, code=1, **arguments):
        """A command that has to fail in one line; gives what it said."""
        result = self(*words, **arguments)
        assert result.returncode == code, f"{result.returncode}\n{result.stdout}\n{result.stderr}"
        lines = result.stderr.strip().splitlines()
        assert lines and lines[0].startswith("eider: ") and len(lines) <= 2, result.stderr
        return result.stderr

"""An object store through object_tool, each call in a process of its own."""

import pathlib
import subprocess

from lib.s3 import REGION
from lib.server import BUILD

TOOL = pathlib.Path(BUILD) / "src/platform/object/object_tool"


class Failure(Exception):
    """kind, message and hint."""

    def __init__(self, text):
        super().__init__(text)
        lines = text.strip().split("\n")
        self.kind, _, self.message = lines[0].partition(": ")
        self.hint = lines[1] if len(lines) > 1 else ""


class Objects:
    """Calls of the room, each in a process of its own. Names are relative to the root."""

    def __init__(self, endpoint, key_id, key, root="s3://lake/wh/x y", **more):
        self.root = root
        self.environment = {"ENDPOINT": endpoint, "REGION": REGION, "PATH_STYLE": "1", "KEY_ID": key_id, "KEY": key} | more

    def at(self, name):
        return f"{self.root}/{name}" if name else self.root

    def call(self, command, name, *words, data=b"", **environment):
        run = subprocess.run([str(TOOL), self.root, command, self.at(name), *words], input=data, capture_output=True,
                             timeout=120, env=self.environment | environment)
        return self._result(run)

    def _result(self, run):
        if run.returncode == 1:
            raise Failure(run.stderr.decode())
        assert run.returncode == 0, run.stderr.decode()
        return run.stdout

    def put(self, name, data=b"x"):
        self.call("put", name, data=data)

    def put_if_absent(self, name, data=b"x"):
        self.call("put", name, "absent", data=data)

    def read(self, name, *words, **more):
        return self.call("read", name, *words, **more)

    def list(self, name=""):
        """{name: (size, modified_us)}"""
        found = {}
        for line in self.call("list", name).decode().splitlines():
            size, modified_us, location = line.split(" ", 2)
            assert location.startswith(self.root + "/")
            found[location[len(self.root) + 1:]] = int(size), int(modified_us)
        return found

    def delete(self, *names):
        run = subprocess.run([str(TOOL), self.root, "delete"], input="\n".join(map(self.at, names)).encode(),
                             capture_output=True, timeout=120, env=self.environment)
        self._result(run)

    def delete_below(self, name):
        self.call("delete_below", name)

    def vend(self, name, *words):
        key_id, key, token, expires_us = self.call("vend", name, *words).decode().splitlines()
        return {"KEY_ID": key_id, "KEY": key, "SESSION_TOKEN": token}, int(expires_us)

    def sign(self, name, method, uri, headers=None, body=b""):
        words = [word for pair in (headers or {}).items() for word in pair]
        return dict(line.split(": ", 1) for line in
                    self.call("sign", name, method, uri, *words, data=body).decode().splitlines())

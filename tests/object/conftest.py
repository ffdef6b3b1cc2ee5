"""object_tool, real stores, and one that answers what the test says."""

import http.server
import pathlib
import subprocess
import threading
import types

import pytest

from lib.s3 import REGION, Minio, Versity
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


@pytest.fixture(scope="session", params=[Versity, Minio], ids=lambda kind: kind.name)
def store(request, tmp_path_factory):
    store = request.param(tmp_path_factory.mktemp(request.param.name))
    try:
        yield store.start()
    finally:
        store.stop()


@pytest.fixture
def objects(store, request):
    """An empty root of the test's own."""
    root = f"s3://{store.bucket}/{request.node.name.partition('[')[0]}/x y"
    return Objects(store.endpoint, store.key_id, store.key, root=root)


class Script:
    """A server that gives written answers, one after the other, the last one again and again: (status, body), or a
    function of the handler. It keeps what it was asked."""

    def __init__(self):
        self.answers = []
        self.asked = []
        script = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                script.asked.append(types.SimpleNamespace(command=self.command, path=self.path, headers=self.headers,
                                                          body=body))
                answer = script.answers.pop(0) if len(script.answers) > 1 else script.answers[0]
                if callable(answer):
                    answer(self)
                    return
                status, body = answer
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def script():
    script = Script()
    yield script
    script.close()


@pytest.fixture
def scripted(script):
    return Objects(script.endpoint, "id", "key", root="s3://lake/wh")

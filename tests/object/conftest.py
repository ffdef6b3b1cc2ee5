"""Real stores, and one that answers what the test says."""

import http.server
import threading
import types

import pytest

from lib.objects import Objects
from lib.s3 import Minio, Versity


@pytest.fixture(scope="session", params=[Versity, Minio], ids=lambda kind: kind.name)
def store(request, tmp_path_factory):
    with request.param(tmp_path_factory.mktemp(request.param.name)) as store:
        yield store


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

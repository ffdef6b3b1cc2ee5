"""An address that takes JSON documents: what webhooks and lineage events are posted to."""

import contextlib
import http.server
import json
import threading


class Receiver(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.documents = []
        self.answers = []  # statuses of the next requests; then 200
        self.requests = 0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/api/v1/lineage"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.requests += 1
        status = self.server.answers.pop(0) if self.server.answers else 200
        if status == 200:
            assert self.headers["content-type"] == "application/json"
            self.server.documents.append(json.loads(body))
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def receiver():
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

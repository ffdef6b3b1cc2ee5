"""A run's Server-Sent Events (HTML standard 9.2) as a client reads them."""

import contextlib
import json

import requests


def parse(lines):
    """(event, id, data) of a stream of lines; data is JSON. Comments come as ("", None, text)."""
    event, identity, data = "message", None, []
    for line in lines:
        if line == "":
            if data:
                yield event, identity, json.loads("\n".join(data))
            event, data = "message", []
        elif line.startswith(":"):
            yield "", None, line[1:].strip()
        else:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "event":
                event = value
            elif name == "id":
                identity = int(value)
            elif name == "data":
                data.append(value)


@contextlib.contextmanager
def stream(server, path, last=None, headers=None, timeout=60, **parameters):
    """The events of GET path below /api/v1/pipelines. last: goes on behind that line."""
    headers = {"Accept": "text/event-stream"} | (headers or {}) | ({"Last-Event-ID": str(last)} if last else {})
    with requests.get(f"{server.url}/api/v1/pipelines{path}", headers=headers, params=parameters, stream=True,
                      timeout=timeout) as answer:
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "text/event-stream"
        answer.encoding = "utf-8"
        yield parse(answer.iter_lines(chunk_size=None, decode_unicode=True))

"""How many /health a second, over 64 connections?"""

import re
import shutil
import subprocess
import tempfile

import measure


def run(count):
    data = tempfile.mkdtemp(prefix="eider-bench-", dir=measure.CACHE)
    port = measure.free_port()
    url = f"http://127.0.0.1:{port}/health"
    rates = {}
    with measure.eider(data, port):
        for name, command, pattern in (
            ("wrk_http1", ["wrk", "-t1", "-c64", "-d3s", url], r"Requests/sec:\s+([\d.]+)"),
            ("h2load_http2", ["h2load", "-t1", "-c64", "-m10", "-D3", url], r"finished in [\d.]+s, ([\d.]+) req/s"),
        ):
            if not shutil.which(command[0]):
                continue
            found = []
            for _ in range(count):
                text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
                found.append(float(re.search(pattern, text)[1]))
            rates[name] = {"requests_per_s": round(max(found))}
    shutil.rmtree(data)
    return {"health": rates}

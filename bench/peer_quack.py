"""Peer (b): DuckDB's Quack extension.

    peer_quack.py EXTENSION DATABASE PORT      the server
"""

import sys
import threading

import duckdb

from measure import CACHE, ROOT

TOKEN = "bench"


def extension():
    """Path of the extension if `pip download duckdb-extension-quack==1.5.5` has put it into the cache; else None."""
    found = sorted((CACHE / "quack").rglob("quack.duckdb_extension"))
    return found[0] if found else None


def client(port):
    connection = duckdb.connect()
    connection.execute(f"LOAD '{ROOT}/deps/extensions/httpfs.duckdb_extension'")
    connection.execute(f"LOAD '{extension()}'")

    def query(sql):
        return connection.execute(
            "FROM quack_query($uri, $sql, token => $token, disable_ssl => true)",
            {"uri": f"quack:127.0.0.1:{port}", "sql": sql, "token": TOKEN},
        ).to_arrow_table()

    return query


if __name__ == "__main__":
    library, database, port = sys.argv[1:]
    server = duckdb.connect(database)
    server.execute(f"LOAD '{ROOT}/deps/extensions/httpfs.duckdb_extension'")
    server.execute(f"LOAD '{library}'")
    server.execute(f"CALL quack_serve('quack:127.0.0.1:{port}', token => '{TOKEN}', disable_ssl => true)")
    threading.Event().wait()

"""Peer (a): the Python Flight server over DuckDB that eider's users write today.

    peer_flight.py DATABASE PORT
"""

import sys

import duckdb
import pyarrow.flight as flight


class Server(flight.FlightServerBase):
    def __init__(self, database, port):
        super().__init__(f"grpc://127.0.0.1:{port}")
        self.connection = duckdb.connect(database)
        self.connection.execute("CREATE SCHEMA IF NOT EXISTS \"default\"; SET search_path = 'default'")

    def do_get(self, context, ticket):
        reader = self.connection.cursor().execute(f"SET search_path = 'default'; {ticket.ticket.decode()}")
        return flight.RecordBatchStream(reader.fetch_record_batch(1_000_000))

    def do_put(self, context, descriptor, reader, writer):
        cursor = self.connection.cursor()
        cursor.execute("SET search_path = 'default'")
        uploaded = reader.to_reader()
        cursor.register("uploaded", uploaded)
        table = descriptor.path[-1].decode()
        cursor.execute(f'CREATE OR REPLACE TABLE "{table}" AS SELECT * FROM uploaded')


if __name__ == "__main__":
    Server(sys.argv[1], int(sys.argv[2])).serve()

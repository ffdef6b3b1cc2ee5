"""How long until an uploaded table is durable?"""

import pyarrow.flight as flight

import measure
import peers
import tpch


def put(client, table):
    def run():
        writer, reader = client.do_put(flight.FlightDescriptor.for_path("uploaded"), table.schema, OPTIONS)
        with writer:
            writer.write_table(table, max_chunksize=122_880)
            writer.done_writing()
            reader.read()
        return {"rows": table.num_rows, "bytes": table.nbytes}

    return run


OPTIONS = flight.FlightCallOptions(headers=[(b"eider-mode", b"replace"), (b"eider-target", b"duckdb")])


def run(count):
    table = tpch.duckdb.connect(str(tpch.file()), read_only=True).execute('FROM "default".lineitem').to_arrow_table()
    with peers.eider() as (eider, client, _), peers.python_flight() as (python, peer):
        results = measure.rounds(
            [measure.Side("eider", put(client, table), eider), measure.Side("python", put(peer, table), python)], count
        )
    return {"doput_lineitem": {"results": results, "ratio": measure.ratio(results)}}

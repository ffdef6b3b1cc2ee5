"""What do 22 analytical queries cost through DoGet, against the same DuckDB inside the client's process?"""

import measure
import peers
import tpch


def run(count):
    queries = tpch.queries()
    directory, path = tpch.copy()
    local = tpch.duckdb.connect(str(path))
    local.execute("SET search_path = 'default'")

    def in_process():
        return {"rows": sum(local.execute(query).to_arrow_table().num_rows for query in queries)}

    with peers.eider() as (eider, client, _):
        gets = [peers.get(client, query.strip().rstrip(";")) for query in queries]

        def through_eider():
            return {"rows": sum(get()["rows"] for get in gets)}

        results = measure.rounds(
            [measure.Side("eider", through_eider, eider), measure.Side("duckdb", in_process)], count
        )
    return {"tpch_22": {"results": results, "ratio": measure.ratio(results)}}

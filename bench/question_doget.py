"""How fast does a whole table, and a part of it, reach a pyarrow client?"""

import measure
import peers

TEXTS = {
    "doget_lineitem": "select * from tenant_bench.default.lineitem",
    "doget_numeric": "select l_quantity, l_extendedprice, l_discount, l_tax from tenant_bench.default.lineitem",
}


def run(count):
    answers = {}
    with peers.eider() as (eider, client, _), peers.python_flight() as (python, peer), peers.quack() as quack:
        for name, sql in TEXTS.items():
            sides = [
                measure.Side("eider", peers.get(client, sql), eider),
                measure.Side("python", peers.get(peer, sql), python),
            ]
            if quack:
                query = quack[1]
                sides.append(measure.Side("quack", lambda q=query, s=sql: {"rows": q(s).num_rows}, quack[0]))
            results = measure.rounds(sides, count)
            answers[name] = {"results": results, "ratio": measure.ratio(results)}
    return answers

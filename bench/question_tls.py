"""What does TLS cost a whole table on its way to a pyarrow client? The ratio is how much longer it takes than plain."""

import measure
import peers
import question_doget


def run(count):
    with peers.eider() as (plain_pid, plain, _), peers.eider_tls() as (tls_pid, tls, _):
        sql = question_doget.TEXTS["doget_lineitem"]
        sides = [
            measure.Side("plain", peers.get(plain, sql), plain_pid),
            measure.Side("eider", peers.get(tls, sql), tls_pid),
        ]
        results = measure.rounds(sides, count)
    return {"tls_lineitem": {"results": results, "ratio": measure.ratio(results)}}

"""How many small questions a second does one pyarrow client get answered?"""

import pyarrow.flight as flight

import measure
import peers

QUESTIONS = 1000


def ask(client):
    ticket = flight.Ticket(b"select 42")

    def run():
        for _ in range(QUESTIONS):
            client.do_get(ticket).read_all()
        return {"operations": QUESTIONS}

    return run


def run(count):
    with peers.eider() as (eider, client, _), peers.python_flight() as (python, peer):
        results = measure.rounds([measure.Side("eider", ask(client), eider), measure.Side("python", ask(peer), python)], count)
    return {"select_42": {"results": results, "ratio": measure.ratio(results)}}

"""What must hold around every attack: nothing of ours dies, the front stays small, a good client is served."""

import contextlib
import threading
import time

from lib.server import SANITIZED
from lib.wait import until

# Sanitizers keep freed memory and take their time.
MEMORY_FACTOR = 4 if SANITIZED else 1
TIME_FACTOR = 5 if SANITIZED else 1


class GoodClient(threading.Thread):
    """Asks for /health and for a small statement, each on a new connection, as long as the block runs."""

    def __init__(self, front, tenant):
        super().__init__(daemon=True)
        self.front = front
        self.tenant = tenant
        self.seconds = []
        self.errors = []
        self._over = threading.Event()

    def run(self):
        while not self._over.is_set():
            begin = time.monotonic()
            try:
                assert self.front.get("/health", 10).status_code == 200
                assert self.front.query("select 42", self.tenant, 10) == [[42]]
            except Exception as problem:  # whatever it is, the test reports it
                self.errors.append(repr(problem)[:300])
            self.seconds.append(time.monotonic() - begin)
            self._over.wait(0.005)

    def __enter__(self):
        self.start()
        until(lambda: self.seconds, 15, "the good client's first answer")
        return self

    def __exit__(self, *_):
        self._over.set()
        self.join(30)


@contextlib.contextmanager
def siege(front, grows_mb=48, slowest_s=3.0, tenant="tenant_beta", same_workers=True):
    front.query("select 1", tenant)
    workers = set(front.workers())
    front.forget_peak()
    before = front.memory_mb()
    with GoodClient(front, tenant) as good:
        yield good
        served = len(good.seconds)
        until(lambda: len(good.seconds) > served, 15, "an answer for the good client after the attack")
    assert front.running, "the front died"
    assert not good.errors, good.errors[:3]
    assert max(good.seconds) < slowest_s * TIME_FACTOR, f"the good client waited {max(good.seconds):.1f} s"
    grown = front.peak_mb() - before
    assert grown < grows_mb * MEMORY_FACTOR, f"the front grew by {grown:.0f} MB"
    if same_workers:
        assert workers <= set(front.workers()), "a worker died"

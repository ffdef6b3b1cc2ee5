"""What the server acknowledged, and whether it is still there. Every upload has a number; its rows carry the number, so a
missing row, a doubled row and half an upload all show in one GROUP BY."""

import threading

import pyarrow as pa

ROWS = 3000


def upload_of(number, rows=ROWS):
    return pa.table({
        "upload": pa.array([number] * rows, pa.int64()),
        "k": pa.array(range(rows), pa.int64()),
        "v": pa.array([f"{number}-{k}" for k in range(rows)]),
    })


class Ledger:
    """Thread-safe. An upload is begun, then acknowledged; what was begun only may be there whole or not at all."""

    def __init__(self):
        self.lock = threading.Lock()
        self.next = 0
        self.begun = {}
        self.acknowledged = {}

    def begin(self, rows):
        with self.lock:
            self.next += 1
            self.begun[self.next] = rows
            return self.next

    def acknowledge(self, number):
        with self.lock:
            self.acknowledged[number] = self.begun[number]

    def check(self, rows, expected=None):
        """rows: (upload, count, distinct k, wrong texts) of the table. expected: what had to be there, else all of now."""
        expected = self.acknowledged if expected is None else expected
        found = {number: (count, distinct, wrong) for number, count, distinct, wrong in rows}
        lost = [number for number in expected if number not in found]
        assert not lost, f"{len(lost)} acknowledged uploads are lost, first {lost[:5]}"
        torn = {number: what for number, what in found.items()
                if what != (self.begun.get(number), self.begun.get(number), 0)}
        assert not torn, f"uploads that are not whole (count, distinct, wrong): {torn}"


CHECK = """select upload, count(*), count(distinct k), count(*) filter (v is distinct from upload || '-' || k)
           from uploads group by upload"""

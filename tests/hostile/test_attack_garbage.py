"""What is neither HTTP nor gRPC, on the one port."""
import os
import random

import pytest

from siege import siege
from wire import connect, exchange, read_to_end, send

SEED = int(os.environ.get("EIDER_SEED", "1"))

TLS_HELLO = bytes.fromhex("16030100c8010000c40303") + bytes(range(32)) + b"\x20" + bytes(32) + bytes.fromhex("0004130113021303")
STRANGERS = {
    "TLS hello": TLS_HELLO,
    "PostgreSQL startup": b"\0\0\0\x29\0\x03\0\0user\0postgres\0database\0postgres\0\0",
    "PostgreSQL SSLRequest": b"\0\0\0\x08\x04\xd2\x16\x2f",
    "PostgreSQL GSSENCRequest": b"\0\0\0\x08\x04\xd2\x16\x30",
    "PostgreSQL CancelRequest": b"\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\1\0\0\0\2",
    "PostgreSQL SSLRequest and more at once": b"\0\0\0\x08\x04\xd2\x16\x2f" + b"Q\0\0\0\x0dselect 1\0",
    "PostgreSQL length of 2 GiB": b"\x7f\xff\xff\xff\0\x03\0\0",
    "PostgreSQL length of zero": b"\0\0\0\0\0\x03\0\0",
    "SSH": b"SSH-2.0-OpenSSH_9.2\r\n",
    "SMTP": b"EHLO localhost\r\n",
    "Redis": b"*1\r\n$4\r\nPING\r\n",
    "MySQL": b"\x20\0\0\x01\x85\xa6\xff\x01",
    "memcached": b"stats\r\n",
    "zeros": bytes(4096),
    "ones": b"\xff" * 4096,
    "lines": b"\r\n" * 4096,
    "half a preface": b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
    "preface of HTTP/1": b"PRI * HTTP/1.1\r\n\r\n",
}


@pytest.mark.parametrize("name", STRANGERS)
def test_stranger_is_closed(impatient_front, name):
    data, closed = exchange(impatient_front.port, STRANGERS[name], 8)
    assert closed, f"open after {data[:100]}"
    assert len(data) < 2000 and b"select" not in data


def test_random_bytes_are_closed(impatient_front):
    random_bytes = random.Random(SEED)
    with siege(impatient_front):
        for _ in range(300):
            with connect(impatient_front.port) as sock:
                send(sock, random_bytes.randbytes(random_bytes.randint(1, 3000)))
                assert read_to_end(sock, 8)[1], f"seed {SEED}"


def test_bytes_behind_a_real_beginning_are_closed(impatient_front):
    random_bytes = random.Random(SEED)
    beginnings = [b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                  b"POST /api/v1/query HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n", b"\x16\x03\x01"]
    with siege(impatient_front):
        for index in range(300):
            with connect(impatient_front.port) as sock:
                send(sock, beginnings[index % 4] + random_bytes.randbytes(random_bytes.randint(20, 3000)))
                assert read_to_end(sock, 40)[1], f"seed {SEED}, {index}"

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
"""What a value of each usual kind of field costs: instructions of the worker, all of them.

usage: fields.py BUILD [FIELD...]

Makes responses with 54,000 values of one field each and counts what the worker does; printed is what
one value costs, with its part of JSON, windows and packets, and how much that is per byte of it."""

import os
import random
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../smoke"))
from counting import count  # noqa: E402
from starve import Capture, Conn  # noqa: E402

CONNECTIONS, EXCHANGES, VALUES, SEGMENT = 60, 3, 300, 1400
WORDS = ("account active agent amount annual archive asset audit balance bank basket batch billing "
         "board branch budget buyer cache campaign carrier catalog center change channel").split()

r = random.Random(5)


def words(n):
    return " ".join(r.choice(WORDS) for _ in range(n))


def uuid():
    return "%08x-%04x-4%03x-8%03x-%012x" % tuple(r.getrandbits(n) for n in (32, 16, 12, 12, 48))


def stamp():
    return "2026-%02d-%02dT%02d:%02d:%02d.%03dZ" % (
        1 + r.randrange(12), 1 + r.randrange(28), r.randrange(24), r.randrange(60), r.randrange(60),
        r.randrange(1000))


# As they stand in a body.
FIELDS = {
    "status": lambda: '"%s"' % words(1),
    "title": lambda: '"%s"' % words(3),
    "note": lambda: '"%s."' % words(18),
    "count": lambda: "%d" % r.randrange(100000),
    "price": lambda: "%d.%02d" % (r.randrange(900), r.randrange(100)),
    "created_at": lambda: '"%s"' % stamp(),
    "trace_id": lambda: '"%032x"' % r.getrandbits(128),
    "id": lambda: '"%s"' % uuid(),
    "order_id": lambda: "%d" % r.randrange(2000000000),
    "sku": lambda: '"%c%c-%05d"' % (65 + r.randrange(26), 65 + r.randrange(26), r.randrange(100000)),
    "link": lambda: '"https://api.example.com/v1/%s/%d?%s=%d"' % (
        words(1), r.randrange(1000000), words(1), r.randrange(1000)),
    "street": lambda: '"%d %s St"' % (1 + r.randrange(9999), words(2).title()),
    "zip": lambda: '"%05d"' % r.randrange(100000),
    "lat": lambda: "%d.%06d" % (r.randrange(90), r.randrange(1000000)),
    "email": lambda: '"%s.%s@example.com"' % (words(1), words(1)),
    "phone": lambda: '"+1 (415) 555-%04d"' % r.randrange(10000),
}


def write(path, field):
    """Returns the bytes of all values."""
    capture, size = Capture(path), 0
    for i in range(CONNECTIONS):
        conn = Conn(capture, 1000 + i)
        for _ in range(EXCHANGES):
            values = [FIELDS[field]() for _ in range(VALUES)]
            size += sum(map(len, values))
            body = '{"data":[%s]}' % ",".join('{"%s":%s}' % (field, value) for value in values)
            conn.client(b"GET /api/rows HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer t%d\r\n\r\n" % i)
            text = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % \
                len(body) + body.encode()
            conn.server(*[text[at:at + SEGMENT] for at in range(0, len(text), SEGMENT)])
    capture.out.close()
    return size


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-") or set(sys.argv[2:]) - set(FIELDS):
        print(__doc__ + "\nfields: " + " ".join(FIELDS), file=sys.stderr)
        return 2
    if not shutil.which("valgrind"):
        print("fields.py: skipped: valgrind is not installed")
        return 77
    n = CONNECTIONS * EXCHANGES * VALUES
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "fields.pcap")
        for field in sys.argv[2:] or FIELDS:
            size = write(path, field)
            total = count(sys.argv[1], path, [])
            print("%-12s %6.0f a value  %6.1f a byte" % (field, total / n, total / size), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

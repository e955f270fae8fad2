#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
"""usage: held_open.py BUILD

Connections that send a head or a body a few bytes at a time and are closed before it ends: D-41 tells
of them once, the same for any number of workers, and says nothing when one side of them is seen, when
they end soon, or when they are few. Of those that go on for minutes it tells while they do."""

import json
import pathlib
import struct
import subprocess
import sys
import tempfile

START = 1767225600
CLIENT, SERVER = (203, 0, 113, 9), (10, 200, 0, 31)
SYN, ACK, PUSH, FIN = 2, 16, 24, 17
HEADS = {
    "head": b"GET /x HTTP/1.1\r\nHost: a.example\r\n",
    "body": b"POST /x HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5000\r\n\r\n",
}


def packet(source, target, ports, seq, ack, flags, data=b""):
    tcp = struct.pack(">HHIIBBHHH", *ports, seq, ack, 5 << 4, flags, 8192, 0, 0) + data
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 1, 0, 64, 6, 0, bytes(source),
                       bytes(target))
    return b"\0" * 12 + b"\x08\0" + head + tcp


def connection(number, head, turns, server):
    """(seconds, bytes) of each packet; a turn takes five seconds."""
    port, begin, seq = 20000 + number, number * 0.2, 101
    there, back = (port, 80), (80, port)
    yield begin, packet(CLIENT, SERVER, there, 100, 0, SYN)
    if server:
        yield begin + .01, packet(SERVER, CLIENT, back, 500, 101, SYN | ACK)
    for turn in range(turns + 1):
        data = b"X-a: %d\r\n" % turn if turn else head
        at = begin + .02 + 5 * turn
        yield at, packet(CLIENT, SERVER, there, seq, 501, PUSH, data)
        seq += len(data)
        if server:
            yield at + .01, packet(SERVER, CLIENT, back, 501, seq, ACK)
    at += 5 if turns else .1
    if server:
        yield at, packet(SERVER, CLIENT, back, 501, seq, FIN)
    yield at + .01, packet(CLIENT, SERVER, there, seq, 502, FIN)


def capture(path, connections):
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for at, data in sorted((p for c in connections for p in c), key=lambda p: p[0]):
            micros = round(at * 1e6)
            out.write(struct.pack("<IIII", START + micros // 10**6, micros % 10**6, len(data),
                                  len(data)) + data)


def told(build, path, workers):
    out = path.with_suffix(".jsonl")
    subprocess.run([build / "apitap", "replay", "-q", "--workers", str(workers), "--log-issues", out,
                    path], check=True, stdout=subprocess.DEVNULL)
    return [i for i in map(json.loads, out.read_text().splitlines()) if i["detector"] == "D-41"]


def main():
    build, failed = pathlib.Path(sys.argv[1]), 0
    cases = [(name + suffix, HEADS[name], n, turns, server, found)  # a turn: five seconds
             for name in HEADS
             for suffix, n, turns, server, found in (("", 25, 4, True, 1), ("-few", 15, 4, True, 0),
                                                     ("-short", 25, 0, True, 0),
                                                     ("-half", 25, 4, False, 0),
                                                     ("-long", 25, 60, True, 1),
                                                     ("-long-few", 15, 60, True, 0),
                                                     ("-long-half", 25, 60, False, 0))]
    with tempfile.TemporaryDirectory(prefix="held-open-") as work:
        for name, head, n, turns, server, found in cases:
            path = pathlib.Path(work) / (name + ".pcap")
            capture(path, [connection(i, head, turns, server) for i in range(n)])
            one = told(build, path, 1)
            good = len(one) == found and all("203.0.113.9 held 20 requests" in i["description"]
                                             for i in one)
            good &= all(told(build, path, workers) == one for workers in (2, 4))
            # The twentieth began after four seconds, and is told of when it has been open for a minute.
            good &= "-long" not in name or all(
                i["detected_at"] < "2026-01-01T00:01:12" and i["count"] == 1 for i in one)
            failed += not good
            print("%s  %s  %s" % ("ok  " if good else "FAIL", name,
                                  "" if good else [i["description"] for i in one]))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

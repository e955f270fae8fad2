#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
"""usage: starve.py BUILD

Thousands of connections that begin something and leave it, each kind more than there is memory for,
and others that come after them: whatever the first ones keep, of the others all is found."""

import json
import pathlib
import struct
import subprocess
import sys
import tempfile

WAITING = 6000  # more than any pool has with FLOWS, fewer than connections
FLOWS = 65536
HONEST = 100
ROUNDS = 3

HELLO = bytes.fromhex("0303") + bytes(32) + b"\0" + b"\0\2\x13\1" + b"\1\0"
H2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

failed = 0


def check(name, good, text=""):
    global failed
    failed += not good
    print("%s  %s  %s" % ("ok  " if good else "FAIL", name, "" if good else text))


class Capture:
    """Packets of TCP connections, some microseconds apart."""

    def __init__(self, path):
        self.out = open(path, "wb")
        self.out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        self.time_us = 1_700_000_000_000_000

    def packet(self, conn, client, flags, data=b""):
        ends = [(conn.address, conn.port), (0xc0a80001, conn.server_port)]
        (src, sport), (dst, dport) = ends if client else ends[::-1]
        seq, ack = conn.sent if client else conn.sent[::-1]
        tcp = struct.pack(">HHIIBBHHH", sport, dport, seq & 0xffffffff, ack & 0xffffffff, 0x50, flags,
                          65535, 0, 0) + data
        head = struct.pack(">BBHHHBBHII", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, src, dst)
        total = sum(struct.unpack(">10H", head))
        while total >> 16:
            total = (total & 0xffff) + (total >> 16)
        head = head[:10] + struct.pack(">H", ~total & 0xffff) + head[12:]
        pseudo = struct.pack(">IIBBH", src, dst, 0, 6, len(tcp))
        words = pseudo + tcp + b"\0" * (len(tcp) & 1)
        total = sum(struct.unpack(">%dH" % (len(words) // 2), words))
        while total >> 16:
            total = (total & 0xffff) + (total >> 16)
        tcp = tcp[:16] + struct.pack(">H", ~total & 0xffff) + tcp[18:]
        frame = b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0" + head + tcp
        self.time_us += 100
        self.out.write(struct.pack("<IIII", self.time_us // 1000000, self.time_us % 1000000,
                                   len(frame), len(frame)) + frame)
        conn.sent[0 if client else 1] += len(data) + (1 if flags & 2 else 0)


class Conn:
    def __init__(self, capture, number, server_port=80):
        self.capture, self.address, self.port = capture, 0x0a000000 + number, 1024 + number % 60000
        self.server_port = server_port
        self.sent = [1000, 5000]
        capture.packet(self, True, 2)
        capture.packet(self, False, 0x12)
        capture.packet(self, True, 0x10)

    def client(self, *pieces):
        for piece in pieces:
            self.capture.packet(self, True, 0x18, piece)

    def server(self, *pieces):
        for piece in pieces:
            self.capture.packet(self, False, 0x18, piece)


def frame(kind, flags, stream, payload):
    return struct.pack(">I", len(payload))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + payload


def literal(name, value):
    return b"\0" + bytes((len(name),)) + name + bytes((len(value),)) + value


def h2_request(path):
    return frame(1, 5, 1, literal(b":method", b"GET") + literal(b":scheme", b"http") +
                 literal(b":path", path) + literal(b":authority", b"a"))


def h2_post(stream):
    """A request and its answer, the bodies of which do not end."""
    head = frame(1, 4, stream, literal(b":method", b"POST") + literal(b":scheme", b"http") +
                 literal(b":path", b"/begun") + literal(b":authority", b"a"))
    json = literal(b"content-type", b"application/json")
    return head + frame(0, 0, stream, b'{"a":"'), frame(1, 4, stream, b"\x88" + json) + \
        frame(0, 0, stream, b'{"a":"')


def h2_streams(conn):
    conn.client(H2_PREFACE + frame(4, 0, 0, b""))
    conn.server(frame(4, 0, 0, b""))
    for stream in range(1, 40, 2):
        asked, answered = h2_post(stream)
        conn.client(asked)
        conn.server(answered)


def websocket(conn, extension, first):
    """An upgrade and a message in each direction that does not end."""
    conn.client(b"GET /begun HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
                extension + b"\r\n")
    conn.server(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" + extension + b"\r\n")
    conn.client(bytes((first, 0x80 | 100)) + b"\0\0\0\0" + b'{"a":"')
    conn.server(bytes((first, 100)) + b'{"a":"')


def hello(name):
    sni = struct.pack(">HHHBH", 0, len(name) + 5, len(name) + 3, 0, len(name)) + name
    body = HELLO + struct.pack(">H", len(sni)) + sni
    message = b"\1" + struct.pack(">I", len(body))[1:] + body
    return b"\x16\3\1" + struct.pack(">H", len(message)) + message


def server_hello():
    body = bytes.fromhex("0303") + bytes(32) + b"\0" + b"\x13\1" + b"\0"
    message = b"\2" + struct.pack(">I", len(body))[1:] + body
    return b"\x16\3\3" + struct.pack(">H", len(message)) + message


BODY = b'{"a":"0123456789"}'


def http1(conn, path):
    """A request and its answer, heads and bodies in pieces."""
    body = BODY
    head = (b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n" % (path, len(body)))
    conn.client(head[:20], head[20:] + body[:5], body[5:])
    head = (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" %
            len(body))
    conn.server(head[:30], head[30:] + body[:7], body[7:])


# What is begun and left, as functions of a new connection.
BEGUN = {
    "head": lambda c: c.client(b"GET /begun HTTP/1.1\r\nHost: a\r\nX-A: "),
    "request": lambda c: c.client(b"GET /begun HTTP/1.1\r\nHost: a\r\n\r\n"),
    "body": lambda c: c.client(b"POST /begun HTTP/1.1\r\nHost: a\r\nContent-Type: application/json"
                               b"\r\nContent-Length: 100\r\n\r\n{\"a\":\""),
    "response": lambda c: (c.client(b"GET /begun HTTP/1.1\r\nHost: a\r\n\r\n"),
                           c.server(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                    b"Content-Length: 100\r\n\r\n{\"a\":\"")),
    "h2": lambda c: c.client(H2_PREFACE + frame(4, 0, 0, b"")),
    "h2-stream": lambda c: c.client(H2_PREFACE + frame(4, 0, 0, b"") + h2_request(b"/begun")),
    "h2-bodies": h2_streams,
    "websocket": lambda c: websocket(c, b"", 0x81),
    "ws-deflate": lambda c: websocket(c, b"Sec-WebSocket-Extensions: permessage-deflate\r\n", 0xc1),
    "tls": lambda c: c.client(hello(b"begun")[:40]),
}


def records(build, work, capture):
    conf, log = work / "starve.conf", work / "log.jsonl"
    conf.write_text("flows: { max = %d; };\n" % FLOWS)
    subprocess.run([build / "apitap", "replay", "-c", conf, "-q", "--workers", "1",
                    "--log-transactions", log, capture], check=True, stdout=subprocess.DEVNULL)
    return [json.loads(line) for line in log.read_text().splitlines()]


def starve(build, work, kind):
    path = work / "starve.pcap"
    capture = Capture(path)
    kept = [Conn(capture, 100 + i) for i in range(HONEST)]  # silent until the others have all
    for conn in kept:
        http1(conn, b"/before")
    for i in range(WAITING):
        BEGUN[kind](Conn(capture, 1000 + i))
    for turn in range(ROUNDS):
        for i, conn in enumerate(kept):
            http1(conn, b"/kept")
            http1(Conn(capture, 100000 + turn * 1000 + i), b"/new")
    for i in range(HONEST):
        conn = Conn(capture, 200000 + i)
        conn.client(H2_PREFACE + frame(4, 0, 0, b"") + h2_request(b"/h2"))
        conn.server(frame(4, 0, 0, b"") + frame(1, 5, 1, b"\x88"))
        conn = Conn(capture, 300000 + i, 443)
        shown = hello(b"shown.example")
        conn.client(shown[:50], shown[50:])
        conn.server(server_hello())
    capture.out.close()
    found = records(build, work, path)
    whole = {}
    for r in found:
        read = r.get("uri") == "/h2" or r.get("req_len") == r.get("resp_len") == len(BODY)
        if r["kind"] == "http" and r["status"] == 200 and r["uri"] not in (None, "/begun") and read:
            whole[r["uri"]] = whole.get(r["uri"], 0) + 1
        if r["kind"] == "tls" and r.get("sni") == "shown.example":
            whole["tls"] = whole.get("tls", 0) + 1
    expected = {"/before": HONEST, "/kept": ROUNDS * HONEST, "/new": ROUNDS * HONEST, "/h2": HONEST,
                "tls": HONEST}
    check(kind, whole == expected, "found %s of %s" % (whole, expected))


def main():
    build = pathlib.Path(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="starve-") as name:
        for kind in BEGUN:
            starve(build, pathlib.Path(name), kind)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
"""usage: identity.py BUILD

End to end: who signs in is known in all sessions that the login made, whatever worker sees them;
clients behind proxies, when the proxies are named."""

import json
import re
import struct
import sys

sys.dont_write_bytecode = True
import scenarios

SERVER = bytes([10, 200, 0, 10])


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def frame(source, target, ports, seq, ack, flags, data=b""):
    tcp = struct.pack(">HHIIBBHHH", *ports, seq, ack, 5 << 4, flags, 65535, 0, 0) + data
    pseudo = source + target + struct.pack(">BBH", 0, 6, len(tcp))
    tcp = tcp[:16] + struct.pack(">H", checksum(pseudo + tcp)) + tcp[18:]
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, 6, 0) + source + target
    head = head[:10] + struct.pack(">H", checksum(head)) + head[12:]
    return b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0" + head + tcp


def connection(client, port, request, response):
    """One exchange on a connection of its own, from SYN to FIN."""
    out, there, back = [], (port, 80), (80, port)
    out.append(frame(client, SERVER, there, 100, 0, 0x02))
    out.append(frame(SERVER, client, back, 500, 101, 0x12))
    out.append(frame(client, SERVER, there, 101, 501, 0x10))
    out.append(frame(client, SERVER, there, 101, 501, 0x18, request))
    out.append(frame(SERVER, client, back, 501, 101 + len(request), 0x18, response))
    out.append(frame(client, SERVER, there, 101 + len(request), 501 + len(response), 0x11))
    out.append(frame(SERVER, client, back, 501 + len(response), 102 + len(request), 0x11))
    return out


def http(first, lines, body):
    text = "".join("%s\r\n" % line for line in (first, *lines, "Content-Type: application/json",
                                                "Content-Length: %d" % len(body)))
    return (text + "\r\n" + body).encode()


def login(user, cookie, token=None):
    answer = json.dumps({"access_token": token} if token else {"ok": True})
    return (http("POST /login HTTP/1.1", ["Host: shop.example"],
                 json.dumps({"username": user, "password": "v7Qm-2rX"})),
            http("HTTP/1.1 200 OK", ["Set-Cookie: %s; HttpOnly" % cookie] if cookie else [], answer))


def call(lines):
    return (http("GET /people HTTP/1.1", ["Host: shop.example", *lines], ""),
            http("HTTP/1.1 200 OK", [], '{"ssn":"078-05-1123"}'))


class Capture:
    """Half a second from one exchange to the next."""

    def __init__(self, group, name, exchanges):
        self.packets = []
        for i, (client, (request, response)) in enumerate(exchanges):
            for k, data in enumerate(connection(bytes([10, 17, 0, client]), 40000 + i, request,
                                                response)):
                self.packets.append((1767225600 * 10**9 + i * 5 * 10**8 + k * 10**6, data))
        self.path = group.file(name, scenarios.pcap(self.packets))
        self.truth = {"packets": len(self.packets),
                      "frame_bytes": sum(len(data) for _, data in self.packets)}


def value(n):
    return "0a1b2c3d4e5f%012x" % (n * 7919)


def group_identity(group):
    policy = scenarios.SSN_POLICY
    # Ann signs in three times: her cookie has a known name, then one that says nothing, then she
    # gets a token. Each call is on a connection, and from an address, of its own.
    logins = [(2, login("ann", "sid=" + value(1))), (3, login("Ann", "zz=" + value(2))),
              (4, login("ann", None, value(3)))]
    other = [(5, (http("GET /health HTTP/1.1", ["Host: shop.example"], ""),
                  http("HTTP/1.1 200 OK", [], "{}")))] * 6  # while the cookie's name goes round
    calls = [(10 + i, call([("Cookie: sid=" + value(1), "Cookie: a=b; zz=" + value(2),
                             "Authorization: Bearer " + value(3))[i % 3]])) for i in range(24)]
    capture = Capture(group, "ann.pcap", logins + other + calls)
    conf = group.file("ann.conf", policy)
    first = group.good(capture, "--config", conf)
    group.check("one", len(first.issues) == 1, scenarios.describe_all(first.issues))
    attacker = first.issues[0]["attacker"] if first.issues else {}
    group.check("user", (attacker.get("user", "").lower(), attacker.get("user_kind"),
                         attacker.get("user_confidence")) == ("ann", "session", 90), attacker)
    # Three that signed in and one that asked for health are addresses; all calls are Ann's.
    known = re.search(rb"principals (\d+)", first.out + first.err)
    group.check("principals", known and int(known[1]) == 5, known and known[0].decode())
    for workers in (2, 4):
        run = group.good(capture, "--config", conf, "--workers", workers)
        group.check("workers-%d" % workers, run.log == first.log and first.issues,
                    "the same issue", run.verdict(first))
    hidden = group.good(capture, "--config", group.file(
        "hidden.conf", policy + "principal: { show_users = false; };\n"))
    attacker = hidden.issues[0]["attacker"] if hidden.issues else {}
    group.check("hidden", attacker.get("user", "").startswith("user:") and
                b'"ann"' not in hidden.log.lower().replace(b'\\"', b"'"), attacker)
    # Whoever signs in with a wrong password is not the user.
    failed = (login("ann", None)[0], http("HTTP/1.1 401 Unauthorized", ["Set-Cookie: sid=" +
                                                                        value(1)], "{}"))
    run = group.good(Capture(group, "failed.pcap", [(2, failed)] + calls[:1]), "--config", conf)
    attacker = run.issues[0]["attacker"] if run.issues else {}
    group.check("failed", attacker.get("user", "").startswith("session:") and
                attacker.get("user_confidence") == 80, attacker)
    proxies(group, policy)


def proxies(group, policy):
    capture = Capture(group, "proxy.pcap", [
        (2, call(["X-Forwarded-For: 192.0.2.66, 192.0.2.7", "User-Agent: a/1"]))])
    for name, networks, wanted in (("believed", '"10.17.0.0/16"', ("192.0.2.7", "10.17.0.2")),
                                   ("spoofed", '"10.18.0.0/16"', ("10.17.0.2", None))):
        conf = group.file(name + ".conf", policy + "principal: { proxies = [ %s ]; };\n" % networks)
        run = group.good(capture, "--config", conf)
        attacker = run.issues[0]["attacker"] if run.issues else {}
        group.check(name, (attacker.get("ip"), attacker.get("proxy_ip")) == wanted and
                    attacker.get("user") == wanted[0], attacker)
    bad = group.file("bad.conf", policy + 'principal: { proxies = [ "10.0.0/8" ]; };\n')
    run = group.program("apitap", "replay", "--config", bad, capture.path)
    group.check("mistake", run.returncode != 0 and b"principal.proxies" in run.stderr,
                run.stderr.decode().strip().split("\n")[-1])


if __name__ == "__main__":
    scenarios.GROUPS = {"identity": group_identity}
    sys.exit(scenarios.main())

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
"""usage: websocket.py BUILD

End-to-end test of WebSocket messages and of apitap explain, with what scenarios.py shares."""

import json
import re
import sys

sys.dont_write_bytecode = True
import scenarios


def group_ws(group):
    capture = group.gen("ws")
    conf = scenarios.conf_file(group, scenarios.SSN_POLICY)
    run = group.good(capture, "--config", conf, "--export", transactions=True)
    pairs = scenarios.check_expected(group, run, capture)
    scenarios.check_severities(group, pairs)
    ssns = [s.encode() for s in capture.truth["ssns"]]
    plain = set(scenarios.ssns_of(capture))
    group.check("masked", len(ssns) == 200 and len(plain & set(ssns)) == 100,
                "%d numbers, %d of them not in clear in any packet" % (
                    len(ssns), len(set(ssns) - plain)))
    issue = pairs[0][1] if pairs else {"data_types": [], "evidence": [], "count": 0}
    told = sum(t["count"] for t in issue["data_types"] if t["type"] == "us.ssn")
    group.check("count", told == len(ssns) == issue["count"], "%d values in %d messages" % (
        told, issue["count"]))
    good = [e for e in issue["evidence"] if
            e["request"]["head"].startswith("GET /api/v1/feed HTTP/1.1") and
            e["response"]["head"].startswith("HTTP/1.1 101 ") and
            re.search(r'"ssn":"\*\*\*-\*\*-\d{4}"', e["response"]["body"])]
    group.check("evidence", good and len(good) == len(issue["evidence"]),
                "%d messages with the heads of their upgrade" % len(good))
    spool = b"".join(f.read_bytes() for f in sorted((group.work / "spool").iterdir()))
    for name, data in (("hidden-log", run.log), ("hidden-text", run.out + run.err),
                       ("hidden-spool", spool)):
        scenarios.check_hidden(group, name, data, ssns)
    records = [json.loads(line) for line in run.transactions.splitlines()]
    frames = [r for r in records if r["kind"] == "ws"]
    http = [r for r in records if r["kind"] == "http"]
    users = capture.truth["users"]
    group.check("exchanges", len(http) == users and all(r["status"] == 101 for r in http) and
                b"exchanges %d," % users in run.out + run.err,
                "%d, one for each connection" % len(http))
    # Of each connection: 1 + 5 messages and 2 closes; two in fragments, with ping and pong.
    group.check("frames", len(frames) == users // 2 * 8 + users // 2 * (8 + 2 * 3) and
                not any(r["anomaly"] for r in frames), len(frames))
    text = {r["sha256"] for r in frames if r["opcode"] == 1}
    group.check("hashes", len(text) > users and all(r["sha256"] for r in frames), len(text))
    explain(group, capture, conf, ssns)


def explain(group, capture, conf, ssns):
    """What apitap explain says of a connection with compressed messages, and of none."""
    ends = "10.17.0.2:40001-10.200.0.10:80"
    run = group.program("apitap", "explain", "-c", conf, capture.path, "--flow", ends)
    text = run.stdout.decode()
    wanted = ["layers    ethernet ipv4 tcp", "http1, sent by a client? yes",
              "http1 takes the connection; 10.17.0.2:40001 is the client",
              "websocket takes over", "status 101", "fate      parsed +1 packet",
              "identity  user user-1 at api.harborline.net/api/v1/feed, known by a token",
              "data      us.ssn in the response, $.ssn, 1 value, such as ***-**-",
              "finding   D-12 Prohibited Data Type", "frame     of the server: close, 2 bytes",
              "the connection is closed: both directions ended"]
    missing = [w for w in wanted if w not in text]
    group.check("explain", run.returncode == 0 and not missing and not run.stderr,
                "%d lines" % text.count("\n"), "%s, not there: %s" % (
                    scenarios.exit_text(run.returncode), "; ".join(missing)))
    numbers = [int(n) for n in re.findall(r"^packet (\d+) ", text, re.M)]
    group.check("explain-order", len(numbers) > 10 and numbers == sorted(set(numbers)),
                "%d packets" % len(numbers))
    scenarios.check_hidden(group, "explain-hidden", run.stdout, ssns)
    other = group.program("apitap", "explain", "-c", conf, capture.path, "--flow",
                          "-".join(reversed(ends.split("-"))))
    group.check("explain-turned", other.stdout == run.stdout, "the same from either end")
    again = group.file("pipe.pcap", capture.path.read_bytes())
    with open(again, "rb") as file:
        other = group.program("apitap", "explain", "-c", conf, "-", "--flow", ends, stdin=file)
    group.check("explain-stdin", other.stdout == run.stdout, "the same from standard input")
    other = group.program("apitap", "explain", capture.path, "-f", "10.17.0.2:40002-[::1]:80")
    nearest = other.stderr.decode().splitlines()
    group.check("explain-nearest", other.returncode == 1 and not other.stdout and
                len(nearest) == 12 and "10.17.0.2:40001" in nearest[2],
                "exit 1; " + (nearest[2].strip() if len(nearest) > 2 else "nothing"))
    for name, args in (("none", ()), ("half", ("--flow", "10.0.0.1:80")),
                       ("port", ("--flow", "10.0.0.1:80-10.0.0.2:x")),
                       ("bracket", ("--flow", "::1:80-[::2]:80"))):
        other = group.program("apitap", "explain", capture.path, *args)
        group.check("explain-usage-" + name, other.returncode == 2 and
                    b"--flow" in other.stderr, other.stderr.decode().split("\n")[0])

    explain_loss(group, capture)


def explain_loss(group, capture):
    """A packet of the server is missing, whose acknowledgement is there."""
    packets, ports = scenarios.read_pcap(capture.path), (80).to_bytes(2, "big") + (
        40000).to_bytes(2, "big")
    of_server = [i for i, (_, data) in enumerate(packets) if data[34:38] == ports and
                 len(data) > 60]
    lost = of_server[2]  # the answer to the upgrade, then frames
    path = group.file("lossy.pcap", scenarios.pcap(packets[:lost] + packets[lost + 1:]))
    run = group.program("apitap", "explain", path, "-f", "10.17.0.1:40000-10.200.0.10:80")
    text = run.stdout.decode()
    told = re.search(r"tcp +(\d+) bytes of the server are given up at offset \d+: (.*)", text)
    missing = len(packets[lost][1]) - 54
    group.check("explain-gap", run.returncode == 0 and told and int(told[1]) == missing and
                "acknowledged" in told[2], told[0].strip() if told else text)
    frames = text.count("frame     of the server")
    group.check("explain-resync", 0 < frames < len(of_server) - 2 and "ws_resyncs 1" in text,
                "%d of %d frames of the server" % (frames, len(of_server) - 1))


if __name__ == "__main__":
    scenarios.GROUPS = {"ws": group_ws}
    sys.exit(scenarios.main())

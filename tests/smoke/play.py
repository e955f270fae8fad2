#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
"""usage: play.py BUILD

Played scenarios: mistakes are reported with file and line; the same seed makes the same bytes; what
the truth counts is what the sensor finds; the capture is in order and other programs can read it;
all scenarios of tests/scenarios hold what they promise; the score counts as it should."""

import collections
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SCENARIOS = HERE.parent / "scenarios"
sys.path.insert(0, str(HERE.parent))
import behaviour_score  # noqa: E402

failed = 0

HEAD = """servers = ( { host = "a.example"; address = "10.0.0.1"; } );
groups = ( { name = "g"; count = 4; network = "10.1.0.0/24"; agent = "x"; every = "exp 10s"; } );
objects = ( { name = "o"; owner = "g"; each = 2; } );
"""
REST = """endpoints = ( { name = "e"; path = "/e/{o}"; } );
flows = ( { group = "g"; steps = [ "e" ]; } );
"""

# What is wrong, the text, line of the mistake, part of the message.
MISTAKES = (
    ("syntax", "servers = ( ;\n", 1, "syntax error"),
    ("unknown section", HEAD + REST + "attack = ();\n", 6, "attack"),
    ("unknown key", HEAD + 'endpoints = ( { name = "e";\n  pth = "/e"; } );\n', 5, "pth"),
    ("unknown hole", HEAD + 'endpoints = (\n { name = "e"; path = "/{nothing}"; } );\n', 5,
     "nothing"),
    ("open brace", HEAD + 'endpoints = (\n { name = "e"; path = "/{o"; } );\n', 5, "brace"),
    ("unknown endpoint", HEAD + REST + 'flows_b = ( { group = "g";\n  steps = [ "f" ]; } );\n', 7,
     '"f"'),
    ("bad step", HEAD + REST + 'flows_b = ( { group = "g";\n  steps = [ "e",\n "e sometimes" ]; '
     "} );\n", 8, "sometimes"),
    ("bad chance", HEAD + REST + 'flows_b = ( { group = "g"; steps = [ "e ?1.5" ]; } );\n', 6,
     "?1.5"),
    ("unknown group", HEAD + REST + 'flows_b = ( {\n group = "h"; steps = [ "e" ]; } );\n', 7,
     '"h"'),
    ("bad network", HEAD.replace("10.1.0.0/24", "10.1.0/24") + REST, 2, "network"),
    ("small network", HEAD.replace("10.1.0.0/24", "10.1.0.0/31") + REST, 2, "too small"),
    ("bad time", HEAD + REST + 'duration = "5 minutes";\n', 6, "duration"),
    ("bad distribution", HEAD.replace("exp 10s", "often 10s") + REST, 2, "every"),
    ("bad status", HEAD + 'endpoints = ( { name = "e"; path = "/"; status = "ok"; } );\n', 4,
     "status"),
    ("unknown name", HEAD + REST + "lose = ${rate};\n", 6, "rate"),
    ("change without body", HEAD + REST + 'attacks = ( { label = "l"; detector = "D-01"; actor = '
     '"g"; steps = [ "e" ];\n change = { a = 1; }; } );\n', 7, "no body"),
    ("no such user", HEAD + REST + 'attacks = ( { label = "l"; detector = "D-01"; actor = "g"; '
     'user = 4; steps = [ "e" ]; } );\n', 6, "group has"),
    ("bad chain", HEAD + REST + 'flows_b = ( { group = "g"; steps = [ "e" ];\n'
     ' next = [ "e: f 1" ]; } );\n', 7, '"f"'),
    ("strange directive", HEAD + REST + "@sets a = 1\n", 6, "@sets"),
)


def check(name, good, text=""):
    global failed
    failed += not good
    print("%s  %s  %s" % ("ok  " if good else "FAIL", name, text if text or good else ""))


def play(build, scenario, out, *options):
    return subprocess.run([build / "apitap-gen", "play", scenario, out, *options],
                          capture_output=True, check=True)


def read_lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def check_mistakes(build, work):
    path = work / "wrong.scn"
    for name, text, line, message in MISTAKES:
        path.write_text(text)
        run = subprocess.run([build / "apitap-gen", "play", "--check", path], capture_output=True,
                             text=True)
        place = "%s:%d: " % (path, line)
        check("mistake: " + name, run.returncode == 1 and place in run.stderr and
              message in run.stderr, run.stderr.strip().replace(str(work), ""))
    path.write_text(HEAD + REST)
    run = subprocess.run([build / "apitap-gen", "play", "--check", path], capture_output=True)
    check("no mistake", run.returncode == 0, run.stderr.decode())
    # A mistake in a file that another includes is one of that file.
    (work / "outer.scn").write_text('\n@include "inner.scn"\n' + REST)
    (work / "inner.scn").write_text(HEAD + "seed = true;\n")
    run = subprocess.run([build / "apitap-gen", "play", "--check", work / "outer.scn"],
                         capture_output=True, text=True)
    check("mistake: included", "inner.scn:4: seed" in run.stderr, run.stderr.strip())
    (work / "loop.scn").write_text(HEAD + "@for n = a b\nendpoints_${n} = (\n"
                                   ' { name = "${n}"; path = "/{${n}}"; } );\n@end\n' + REST)
    run = subprocess.run([build / "apitap-gen", "play", "--check", work / "loop.scn"],
                         capture_output=True, text=True)
    check("mistake: in a loop", "loop.scn:6: " in run.stderr, run.stderr.strip())


def check_bytes(build, work):
    scenario = SCENARIOS / "bola.scn"
    first = work / "first.pcap"
    play(build, scenario, first)
    same = subprocess.run([build / "apitap-gen", "play", scenario, "-"], capture_output=True,
                          check=True).stdout
    check("same seed, same bytes", first.read_bytes() == same, "%d bytes" % len(same))
    play(build, scenario, work / "other.pcap", "--seed", "2")
    check("another seed, other bytes", (work / "other.pcap").read_bytes() != same)
    data, at, last, n, ordered = same, 24, 0, 0, True
    while at < len(data):
        seconds, fraction, captured, _ = struct.unpack_from("<4I", data, at)
        now = seconds * 10**9 + fraction
        ordered &= now >= last
        last, n, at = now, n + 1, at + 16 + captured
    check("in the order of time", ordered and at == len(data), "%d packets" % n)
    for reader, words in (("tshark", ["-n", "-o", "tcp.check_checksum:TRUE", "-o",
                                      "ip.check_checksum:TRUE", "-Y",
                                      "_ws.malformed || ip.checksum.status == 0 || "
                                      "tcp.checksum.status == 0 || tcp.analysis.flags", "-r"]),
                          ("tcpdump", ["-n", "-r"])):
        if not shutil.which(reader):
            print("skip  %s is not installed" % reader)
            continue
        run = subprocess.run([reader, *words, first], capture_output=True, text=True)
        lines = len(run.stdout.splitlines())
        check("read by " + reader, run.returncode == 0 and lines == (n if reader == "tcpdump" else 0),
              run.stdout[:300])


def check_truth(build, work):
    """The sensor finds each exchange that the truth counts, with its status, endpoint and time."""
    for name in ("bola", "stuffing", "slow", "token", "nat", "keymoves"):
        capture, log = work / (name + ".pcap"), work / "log.jsonl"
        play(build, SCENARIOS / (name + ".scn"), capture)
        truth = read_lines(work / (name + ".pcap.truth.jsonl"))
        subprocess.run([build / "apitap", "replay", "-q", "--log-transactions", log, capture],
                       check=True, stdout=subprocess.DEVNULL)
        found = read_lines(log)
        totals = truth[-1]
        check(name + ": exchanges", totals["total_exchanges"] == len(found) > 1000,
              "%d of %d" % (len(found), totals["total_exchanges"]))
        statuses = collections.Counter(str(x["status"]) for x in found)
        check(name + ": statuses", statuses == totals["statuses"], str(dict(statuses)))
        if name == "bola":
            # Everyone in the shop has an address of its own.
            check("bola: users", totals["users"] == len({x["src"] for x in found}) > 100,
                  "%d users" % totals["users"])
        check(name + ": no anomalies", not any(x["anomaly"] for x in found))
        for story in truth[:-1]:
            ips = {a["ip"] for a in story["actors"]}
            at = {(e["method"], e["template"]) for e in story["endpoints"]}
            seen = sum(x["src"] in ips and (x["method"], x["template"]) in at for x in found)
            check("%s: %s" % (name, story["label"]),
                  story["exchanges"] == len(story["events"]) <= seen and
                  story["first_ns"] == min(story["events"]) and
                  story["last_ns"] == max(story["events"]), "%d exchanges" % story["exchanges"])


def check_attacks(build, work):
    """Beginnings, limits, changed and repeated bodies, slow ones; loss and half-seen traffic."""
    path, capture = work / "attacks.scn", work / "attacks.pcap"
    path.write_text(HEAD + "@set wanted = 0\n" + REST + """
duration = "5m";
lose = ${wanted};
endpoints_w = ( { name = "w"; method = "POST"; path = "/w"; headers = [ "Nonce: {uuid}" ];
                  body = { a = "{int 1 1000000}"; b = "{text 3}"; }; } );
attacks = (
 { label = "late"; detector = "D-01"; actor = "g"; after = 40; count = 3; steps = [ "e foreign" ]; },
 { label = "limited"; detector = "D-42"; at = "4m"; actor = "g"; user = 1; count = 30; limit = 20;
   every = "1s"; steps = [ "e" ]; },
 { label = "repeated"; detector = "D-23"; at = "2m"; actor = "g"; user = 2; change = { c = true; b = "x\\"y"; };
   steps = [ "~e", "w", "w again *2", "w" ]; },
 { label = "slow"; detector = "D-41"; at = "3m"; actor = "g"; user = 3; steps = [ "w slow=20s =400" ]; } );
""")
    play(build, path, capture)
    stories = {s["label"]: s for s in read_lines(work / "attacks.pcap.truth.jsonl") if "label" in s}
    log = work / "log.jsonl"
    subprocess.run([build / "apitap", "replay", "-q", "--hashes", "--log-transactions", log, capture],
                   check=True, stdout=subprocess.DEVNULL)
    found = read_lines(log)
    before = sum(x["conn"] < stories["late"]["first_ns"] for x in found)
    check("attack: after 40 exchanges", 38 <= before <= 44 and stories["late"]["exchanges"] == 3,
          "%d exchanges before" % before)
    check("attack: limit", stories["limited"]["statuses"] == {"200": 20, "429": 10})
    writes = [x for x in found if x["method"] == "POST" and x["status"] != 400]
    bodies = [x["req_sha256"] for x in writes]
    check("attack: again", len(bodies) == 4 and bodies[0] == bodies[1] == bodies[2] != bodies[3],
          str(bodies))
    data = capture.read_bytes()
    check("attack: change", data.count(b'"b":"x\\"y","c":true}') == 4)
    check("attack: preparation", stories["repeated"]["exchanges"] == 4)
    check("attack: slow", sum(x["status"] == 400 for x in found) == 1 and
          stories["slow"]["exchanges"] == 1)
    play(build, path, capture, "--set", "wanted=0.1")
    totals = read_lines(work / "attacks.pcap.truth.jsonl")[-1]
    share = totals["packets_lost"] / (totals["packets"] + totals["packets_lost"])
    check("lose", 0.05 < share < 0.15, "%.3f" % share)
    for direction, port in (("requests", "dst"), ("responses", "src")):
        play(build, SCENARIOS / "halfseen.scn", capture, "--set", "direction=" + direction)
        data, at, wrong = capture.read_bytes(), 24, 0
        while at < len(data):
            captured = struct.unpack_from("<I", data, at + 8)[0]
            source, target = struct.unpack_from(">HH", data, at + 16 + 34)
            wrong += (target if port == "dst" else source) != 80
            at += 16 + captured
        check("only " + direction, wrong == 0 and len(data) > 100000)


def check_chain(build, work):
    """From a: to b in 1 of 4, else again to a. From b: to a in 1 of 2, else it ends."""
    path, out = work / "chain.scn", work / "chain.jsonl"
    path.write_text(HEAD + """duration = "6h"; groups_c = ();
endpoints = ( { name = "a"; path = "/a"; }, { name = "b"; path = "/b"; } );
flows = ( { group = "g"; steps = [ "a", "b" ]; next = [ "a: a 3, b 1", "b: a 1, end 1" ]; } );
""")
    play(build, path, os.devnull, "--truth", out)
    calls = read_lines(out)[-1]["endpoints"]
    check("chain", calls["b"] > 500 and 3.5 < calls["a"] / calls["b"] < 4.5, str(calls))


def check_scenarios(build, work):
    """Each plays, and each attack in it takes place."""
    for path in sorted(SCENARIOS.glob("*.scn")):
        options = ["--set", "scale=0.02", "--set", "duration=1h"] if path.stem == "day" else []
        play(build, path, os.devnull, "--truth", work / "truth.jsonl", *options)
        truth = read_lines(work / "truth.jsonl")
        idle = [s["label"] for s in truth[:-1] if not s["exchanges"]]
        wanted = 0 if path.stem in ("shop", "quiet", "slugs") else 1
        if path.stem == "day":
            idle = []  # the hour ends before
        check(path.stem, len(truth) > wanted and not idle and
              truth[-1]["total_exchanges"] > 500, "%d exchanges %s" % (
                  truth[-1]["total_exchanges"], ", ".join(idle)))


def check_score():
    endpoint = {"method": "GET", "host": "a.example", "template": "/e/{id}"}
    second = 10**9
    base = 1767225600 * second

    def story(label, user, benign=False, at=100):
        events = [base + (at + i) * second for i in range(10)]
        return {"label": label, "detector": "D-01", "benign": benign, "exchanges": 10,
                "first_ns": events[0], "last_ns": events[-1], "events": events,
                "actors": [{"ip": "10.1.0.%s" % user[1:], "user": user}], "endpoints": [endpoint]}

    def issue(detector, user, when):
        text = "2026-01-01T00:0%d:%02d.500000Z" % divmod(when, 60)
        return {"detector": detector, "detected_at": text, "first_seen": text, "last_seen": text,
                "attacker": {"ip": "10.9.9.9", "user": user}, "target": endpoint}

    stories = [story("found", "u1"), story("missed", "u2"), story("alike", "u3", benign=True)]
    issues = [issue("D-01", "u1", 104), issue("D-01", "u1", 108), issue("D-02", "u1", 104),
              issue("D-01", "u3", 104), issue("D-01", "u4", 104), issue("D-01", "u2", 20)]
    rows, notes = behaviour_score.score(stories, issues)
    want = {"attacks": 2, "found": 1, "missed": 1, "alarms": 3, "lookalikes": 1, "related": 0,
            "posture": 0, "events": 5, "seconds": 4.5}
    check("score", rows["D-01"] == want, str(rows["D-01"]))
    check("score: another detector's issue", rows["D-02"]["related"] == 1 and
          rows["D-02"]["alarms"] == 0, str(rows["D-02"]))
    check("score: notes", len(notes) == 4, "; ".join(notes))
    check("expect", not behaviour_score.unmet("D-01 found>=1 events<=5 missed=1", rows) and
          len(behaviour_score.unmet("D-01 found>=2 alarms=0", rows)) == 2 and
          behaviour_score.unmet("D-07 found>=1", rows))


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory(prefix="apitap-play-") as folder:
        work = pathlib.Path(folder)
        check_mistakes(build, work)
        check_bytes(build, work)
        check_truth(build, work)
        check_attacks(build, work)
        check_chain(build, work)
        check_scenarios(build, work)
    check_score()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

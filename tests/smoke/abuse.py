#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
"""usage: abuse.py BUILD

Played scenarios of identities that are abused: sign-ins, keys, tokens, limits, and calls without
credentials. Attacks are found within so many events, look-alikes and what was half seen are not,
and any number of workers raises the same issues."""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import behaviour_score  # noqa: E402

ONLY = ("D-05", "D-06", "D-07", "D-09", "D-42", "D-78")
# Of a network with many people, who share an address.
NAT_LIMITS = HERE.parent / "scenarios" / "ratelimit.conf"

# Scenario, what of it must hold; of the others of ONLY there must be no issue at all.
EXPECT = (
    ("stuffing", ("D-06 found>=2 missed=0 alarms=0 events<=11",)),
    ("lowslow", ("D-06 found>=1 missed=0 alarms=0 events<=12",)),
    ("spraying", ("D-06 found>=1 missed=0 alarms=0 events<=12",)),
    ("takeover", ("D-06 found>=2 missed=0 alarms=0 events<=20",)),
    ("keymoves", ("D-07 found>=1 missed=0 alarms=0 events<=20",)),
    ("keybrowser", ("D-07 found=2 missed=0 alarms=0 events<=20",)),
    ("token", ("D-09 found>=2 missed=0 alarms=0 events<=1",)),
    ("sessions", ("D-09 found=2 missed=0 alarms=0 events<=11",)),
    ("bypass", ("D-05 found>=1 missed=0 alarms=0 events<=1",)),
    ("ratelimit", ("D-42 found>=2 missed=0 alarms=0 events<=101",)),
    ("travel", ("D-07 found=1 missed=0 alarms=0 events<=20",
                "D-42 found=2 missed=0 alarms=0 events<=201", "D-05 alarms=0")),
    ("lostpassword", ()),
    ("login_deploy", ()),
    ("stuffing_half", ()),
    ("outage", ()),
    ("nat", ()),
    ("deploy", ()),
    ("roaming", ()),
    ("quiet", ()),
)

failed = 0


def check(name, good, text=""):
    global failed
    failed += not good
    print("%s  %s  %s" % ("ok  " if good else "FAIL", name, "" if good else text))


def scored(build, work, name, expected):
    options = argparse.Namespace(set=[], seed=None, workers=1,
                                 config=NAT_LIMITS if name == "nat" else None)
    truth, issues = behaviour_score.play(build, HERE.parent / "scenarios" / (name + ".scn"), work,
                                         options)
    issues = [i for i in issues if i["detector"] in ONLY]
    rows, notes = behaviour_score.score([t for t in truth if "label" in t], issues)
    total = {}
    behaviour_score.add(total, {d: r for d, r in rows.items() if d in ONLY})
    bad = [b for e in expected for b in behaviour_score.unmet(e, total)]
    check(name + ".found", not bad, "; ".join(bad + notes))
    named = {e.split()[0] for e in expected}
    others = sorted({"%s: %s" % (i["detector"], i["description"]) for i in issues
                     if i["detector"] not in named})
    check(name + ".silent", not others, "; ".join(others[:3]))


def told(build, capture, work, workers):
    out = work / ("workers-%d.jsonl" % workers)
    subprocess.run([build / "apitap", "replay", "-q", "--workers", str(workers), "--log-issues", out,
                    capture], check=True, stdout=subprocess.DEVNULL)
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    return [i for i in lines if i["detector"] in ONLY]


def any_workers(build, work, name):
    capture = work / (name + ".pcap")
    subprocess.run([build / "apitap-gen", "play", HERE.parent / "scenarios" / (name + ".scn"),
                    capture], check=True, stderr=subprocess.PIPE)
    one = told(build, capture, work, 1)
    check(name + ".some", len(one) > 0, "no issue")
    for workers in (2, 4):
        check("%s.workers-%d" % (name, workers), told(build, capture, work, workers) == one,
              "other issues than on one worker")


def main():
    build = pathlib.Path(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="abuse-") as name:
        work = pathlib.Path(name)
        for scenario, expected in EXPECT:
            scored(build, work, scenario, expected)
        for scenario in ("stuffing", "keybrowser", "sessions", "bypass"):
            any_workers(build, work, scenario)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

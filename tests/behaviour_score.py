#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
"""Joins the truth of played scenarios with the issues that the sensor found in them.

  behaviour_score.py --truth T.jsonl --issues I.jsonl         files that are there already
  behaviour_score.py --build BUILD SCENARIO.scn ...           plays and replays each scenario

For each detector it prints how many attacks were there, found and missed, false alarms, look-alikes
that were taken for attacks, and how many exchanges of an attack the sensor saw until it knew.

An issue is explained by an attack when it names one of its actors, or names nobody and one of its
endpoints, and lies within its time. An attack is found when an issue of its own detector is
explained by it. An issue that no attack explains is a false alarm; but one of the posture module
that accuses nobody says how an API is made, which no attack has to explain.

  --expect 'D-01 found>=1 missed=0 alarms=0 events<=25'   exit 1 when it is not so; may be repeated
"""

import argparse
import datetime
import json
import pathlib
import re
import subprocess
import sys
import tempfile

# Windows of detectors end after the last exchange; the clock of the packets is exact.
BEFORE_NS, AFTER_NS = 5 * 10**9, 1800 * 10**9
COLUMNS = ("attacks", "found", "missed", "alarms", "lookalikes", "related", "posture", "events")
COMPARE = {"=": lambda a, b: a == b, ">=": lambda a, b: a >= b, "<=": lambda a, b: a <= b}


def nanoseconds(text):
    """Of a time such as 2026-01-01T00:01:15.000000Z; None stays None."""
    if not text:
        return None
    whole, _, rest = text.rstrip("Z").partition(".")
    at = datetime.datetime.fromisoformat(whole).replace(tzinfo=datetime.timezone.utc)
    return int(at.timestamp()) * 10**9 + int(rest.ljust(9, "0")[:9] or 0)


def read_lines(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def explains(story, issue):
    """Is this issue about what this attack (or look-alike) did?"""
    if not story["exchanges"]:
        return False
    attacker, target = issue.get("attacker") or {}, issue.get("target") or {}
    first = nanoseconds(issue.get("first_seen") or issue.get("detected_at"))
    last = nanoseconds(issue.get("last_seen") or issue.get("detected_at"))
    if last < story["first_ns"] - BEFORE_NS or first > story["last_ns"] + AFTER_NS:
        return False
    if attacker.get("user") or attacker.get("ip"):
        users = {a["user"] for a in story["actors"] if a["user"]}
        return attacker.get("user") in users or \
            attacker.get("ip") in {a["ip"] for a in story["actors"]}
    return any(e["template"] == target.get("template") and e["method"] == target.get("method")
               for e in story["endpoints"])


def score(stories, issues):
    """Rows by detector, and a sentence for each thing that went wrong."""
    rows, notes = {}, []

    def row(detector):
        return rows.setdefault(detector, dict.fromkeys(COLUMNS, 0) | {"events": None})

    attacks = [s for s in stories if not s["benign"]]
    for story in attacks:
        mine = [i for i in issues if i["detector"] == story["detector"] and explains(story, i)]
        r = row(story["detector"])
        r["attacks"] += 1
        if not mine:
            r["missed"] += 1
            notes.append("%s missed: %s" % (story["detector"], story["label"]))
            continue
        r["found"] += 1
        known = min(nanoseconds(i.get("detected_at") or i["first_seen"]) for i in mine)
        events = sum(at <= known for at in story["events"])
        r["events"] = max(events, r["events"] or 0)
    for issue in issues:
        r = row(issue["detector"])
        by = [s for s in attacks if explains(s, issue)]
        if any(s["detector"] == issue["detector"] for s in by):
            continue
        if by:
            r["related"] += 1
            continue
        if issue.get("module") == "Posture" and not (issue.get("attacker") or {}).get("user"):
            r["posture"] += 1
            continue
        r["alarms"] += 1
        alike = [s for s in stories if s["benign"] and explains(s, issue) and
                 s["detector"] in ("*", issue["detector"])]
        r["lookalikes"] += bool(alike)
        target = issue.get("target") or {}
        notes.append("%s false alarm%s: %s %s %s" % (
            issue["detector"], " (%s)" % alike[0]["label"] if alike else "",
            (issue.get("attacker") or {}).get("user") or
            (issue.get("attacker") or {}).get("ip") or "nobody",
            target.get("method"), target.get("template")))
    for story in stories:
        if story["detector"] != "*":
            row(story["detector"])
    return rows, notes


def add(total, rows):
    for detector, r in rows.items():
        t = total.setdefault(detector, dict.fromkeys(COLUMNS, 0) | {"events": None})
        for column in COLUMNS[:-1]:
            t[column] += r[column]
        if r["events"] is not None:
            t["events"] = max(r["events"], t["events"] or 0)


def print_table(rows, out=sys.stdout):
    print("%-10s" % "detector" + "".join("%11s" % c for c in COLUMNS), file=out)
    for detector in sorted(rows):
        cells = ["-" if rows[detector][c] is None else str(rows[detector][c]) for c in COLUMNS]
        print("%-10s" % detector + "".join("%11s" % c for c in cells), file=out)


def unmet(expect, rows):
    """Those conditions of 'D-01 found>=1 alarms=0' that do not hold; '*' is every detector."""
    detector, *conditions = expect.split()
    which = list(rows) if detector == "*" else [detector]
    bad = []
    for condition in conditions:
        match = re.fullmatch(r"(\w+)(>=|<=|=)(\d+)", condition)
        if not match or match[1] not in COLUMNS:
            raise SystemExit("--expect: %s is not like found>=1; there are %s" % (
                condition, ", ".join(COLUMNS)))
        for name in which:
            value = rows.get(name, dict.fromkeys(COLUMNS, 0))[match[1]]
            if value is None or not COMPARE[match[2]](value, int(match[3])):
                bad.append("%s %s: it is %s" % (name, condition, value))
    return bad


def play(build, scenario, work, options):
    """Truth and issues of one scenario."""
    name = pathlib.Path(scenario).stem
    capture, issues = work / (name + ".pcap"), work / (name + ".issues.jsonl")
    truth = work / (name + ".truth.jsonl")
    sets = [word for s in options.set for word in ("--set", s)]
    if options.seed is not None:
        sets += ["--seed", str(options.seed)]
    subprocess.run([build / "apitap-gen", "play", scenario, capture, "--truth", truth, *sets],
                   check=True, stderr=subprocess.PIPE)
    config = ["--config", options.config] if options.config else []
    subprocess.run([build / "apitap", "replay", "-q", "--workers", str(options.workers), *config,
                    "--log-issues", issues, capture], check=True, stdout=subprocess.DEVNULL)
    capture.unlink()
    return read_lines(truth), read_lines(issues)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", nargs="*", help="scenarios to play")
    parser.add_argument("--build", type=pathlib.Path, help="where apitap and apitap-gen are")
    parser.add_argument("--truth", help="of apitap-gen play")
    parser.add_argument("--issues", help="of apitap replay --log-issues")
    parser.add_argument("--expect", action="append", default=[])
    parser.add_argument("--only", help="detectors, with commas between them")
    parser.add_argument("--config", help="of the sensor")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--set", action="append", default=[], help="NAME=VALUE for the scenarios")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--quiet", action="store_true", help="no table, only what is not as expected")
    options = parser.parse_args()
    if bool(options.truth) != bool(options.issues) or \
            bool(options.truth) == bool(options.scenario) or \
            (options.scenario and not options.build):
        parser.error("either --truth and --issues, or --build and scenarios")
    total, notes = {}, []
    with tempfile.TemporaryDirectory(prefix="behaviour-") as work:
        runs = [(options.truth, read_lines(options.truth), read_lines(options.issues))] \
            if options.truth else \
            ((s, *play(options.build, s, pathlib.Path(work), options)) for s in options.scenario)
        for name, truth, issues in runs:
            if options.only:
                issues = [i for i in issues if i["detector"] in options.only.split(",")]
            rows, said = score([t for t in truth if "label" in t], issues)
            if options.only:
                rows = {d: r for d, r in rows.items() if d in options.only.split(",")}
                said = [s for s in said if s.split()[0] in options.only.split(",")]
            add(total, rows)
            notes += ["%s: %s" % (pathlib.Path(name).stem, s) for s in said]
    bad = [b for e in options.expect for b in unmet(e, total)]
    if not options.quiet:
        print_table(total)
        for note in notes:
            print("  " + note)
    for b in bad:
        print("not as expected: " + b, file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

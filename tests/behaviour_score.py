#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
"""Joins the truth of played scenarios with the issues that the sensor found in them.

  behaviour_score.py --truth T.jsonl --issues I.jsonl         files that are there already
  behaviour_score.py --build BUILD SCENARIO.scn ...           plays and replays each scenario

For each detector it prints how many attacks were there, found and missed, false alarms, look-alikes
that were taken for attacks, and how many exchanges of an attack the sensor saw until it knew.

  behaviour_score.py --build BUILD --table                    the table of all scenarios

A scenario may have a configuration of its own beside it (NAME.conf), as an operator would write it,
and NAME.places, of which a file in MaxMind's format is made.

An issue is explained by an attack when it names one of its actors, or names nobody and one of its
endpoints, and lies within its time; one of the posture module, when it is about one of its hosts. An attack is found when an issue of its own detector is
explained by it. An issue that no attack explains is a false alarm; but one of the posture module
that accuses nobody says how an API is made, which no attack has to explain.

What a story says in "also" is explained by it, too: an outage is no attack on passwords, but a burst
of errors.

--table plays each scenario four times: whole, with 1, 2 and 4 workers, which must tell the same; only
the requests; only the responses; and with one packet in fifty lost. Of these three only false alarms
count: what is half seen may be missed. A row for each detector, over all scenarios:

  attacks found missed   of the whole traffic
  alarms                 of the whole traffic, that no attack explains
  alike taken            stories that look like an attack of this detector, and those of them that
                         were taken for one
  half                   false alarms in half-seen traffic
  events seconds         the most that an attack could do, and the time it had, until it was told of
  workers                scenarios with issues of this detector that were the same on 1, 2 and 4

  --expect 'D-01 found>=1 missed=0 alarms=0 events<=25'   exit 1 when it is not so; may be repeated
"""

import argparse
import concurrent.futures
import datetime
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import maxmind  # noqa: E402

# Windows of detectors end after the last exchange; the clock of the packets is exact.
BEFORE_NS, AFTER_NS = 5 * 10**9, 1800 * 10**9
COLUMNS = ("attacks", "found", "missed", "alarms", "lookalikes", "related", "posture", "events")
TABLE = ("attacks", "found", "missed", "alarms", "alike", "taken", "half", "events", "seconds",
         "same", "differ")
SCENARIOS = pathlib.Path(__file__).resolve().parent / "scenarios"
HALVES = ("direction=requests", "direction=responses", "lose=0.02")
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
    if issue.get("module") == "Posture":
        return any(e["host"] == target.get("host") and
                   (not target.get("template") or e["template"] == target["template"])
                   for e in story["endpoints"])
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
        r["seconds"] = max(round((known - story["first_ns"]) / 1e9, 1), r.get("seconds") or 0)
    for issue in issues:
        r = row(issue["detector"])
        by = [s for s in attacks if explains(s, issue)]
        if any(s["detector"] == issue["detector"] for s in by):
            continue
        if by or any(issue["detector"] in s.get("also", ()) and explains(s, issue)
                     for s in stories):
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


def play_capture(build, scenario, work, sets=(), seed=None):
    """The capture of one scenario, and its truth."""
    name = pathlib.Path(scenario).stem
    capture, truth = work / (name + ".pcap"), work / (name + ".truth.jsonl")
    words = [word for s in sets for word in ("--set", s)]
    if seed is not None:
        words += ["--seed", str(seed)]
    subprocess.run([build / "apitap-gen", "play", scenario, capture, "--truth", truth, *words],
                   check=True)
    return capture, read_lines(truth)


def own_config(scenario, work):
    """What the scenario itself configures; None: nothing."""
    own, places = (pathlib.Path(scenario).with_suffix(s) for s in (".conf", ".places"))
    if not places.exists():
        return own if own.exists() else None
    located, whole = work / (places.stem + ".mmdb"), work / own.name
    maxmind.write(located, maxmind.read_places(places))
    whole.write_text((own.read_text() if own.exists() else "") +
                     'detect: { sources: { geo_files = [ "%s" ]; }; };\n' % located)
    return whole


def replay_captures(build, captures, workers, config, folder):
    """The issues of each, as if it were the only one."""
    with tempfile.TemporaryDirectory(prefix="behaviour-") as out:
        subprocess.run([build.resolve() / "apitap", "replay", "-q", "--each", "--workers", str(workers),
                        *(["--config", pathlib.Path(config).resolve()] if config else []),
                        "--log-issues", out, *captures],
                       check=True, stdout=subprocess.DEVNULL, cwd=folder)
        return [read_lines(pathlib.Path(out) / (c.name + ".issues.jsonl")) for c in captures]


def play(build, scenario, work, options):
    """Truth and issues of one scenario."""
    capture, truth = play_capture(build, scenario, work, options.set, options.seed)
    issues, = replay_captures(build, [capture], options.workers,
                              options.config or own_config(scenario, work), pathlib.Path(scenario).parent)
    capture.unlink()
    return truth, issues


# ---- The table

def told_of(options, scenarios, sets, workers):
    """Of each scenario its stories, and its issues for each number of workers."""
    with tempfile.TemporaryDirectory(prefix="behaviour-") as name, \
            concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        played = list(pool.map(lambda s: play_capture(options.build, s, pathlib.Path(name), sets,
                                                      options.seed), scenarios))
        configs = [own_config(s, pathlib.Path(name)) for s in scenarios]
        # A process takes long to start: those that need no configuration share some.
        alike = [i for i, c in enumerate(configs) if not c]
        groups = [alike[i::options.jobs] for i in range(options.jobs)] + \
            [[i] for i, c in enumerate(configs) if c]

        def replay(work):
            group, n = work
            return work, replay_captures(options.build, [played[i][0] for i in group], n,
                                         configs[group[0]], SCENARIOS)

        told = [{} for _ in scenarios]
        for (group, n), issues in pool.map(replay, [(g, n) for g in groups if g for n in workers]):
            for i, one in zip(group, issues):
                told[i][n] = one
    return [([t for t in p[1] if "label" in t], t) for p, t in zip(played, told)]


def table_row(table, detector):
    return table.setdefault(detector, dict.fromkeys(TABLE, 0) | {"events": None, "seconds": None})


def table_whole(table, stories, told):
    """Rows by detector of a scenario as it is, and what went wrong."""
    rows, notes = score(stories, told[1])
    for detector, r in rows.items():
        row = table_row(table, detector)
        for column in TABLE:
            if column in ("events", "seconds"):
                if r.get(column) is not None:
                    row[column] = max(r[column], row[column] or 0)
            else:
                row[column] += r.get(column, 0)
    for story in (s for s in stories if s["benign"]):
        # Those of all detectors are counted by table_main(), for every row.
        star = story["detector"] == "*"
        for detector in {i["detector"] for i in told[1]} if star else [story["detector"]]:
            row = table_row(table, detector)
            row["alike"] += not star
            row["taken"] += any(
                i["detector"] == detector and i.get("module") != "Posture" and
                detector not in story.get("also", ()) and explains(story, i) and
                not any(explains(s, i) for s in stories if not s["benign"]) for i in told[1])
    for detector in sorted({i["detector"] for issues in told.values() for i in issues}):
        mine = [[{k: v for k, v in i.items() if k != "seq"} for i in issues
                 if i["detector"] == detector] for issues in told.values()]
        same = all(m == mine[0] for m in mine)
        table_row(table, detector)["same" if same else "differ"] += 1
        if not same:
            notes.append("%s is not the same on 1, 2 and 4 workers" % detector)
    return notes


def table_print(total, out=sys.stdout):
    columns = TABLE[:-2] + ("workers",)
    print("%-9s" % "detector" + "".join("%9s" % c for c in columns), file=out)
    for detector, r in sorted(total.items()):
        cells = ["-" if r[c] is None else str(r[c]) for c in TABLE[:-2]]
        cells.append("%d of %d" % (r["same"], r["same"] + r["differ"]))
        print("%-9s" % detector + "".join("%9s" % c for c in cells), file=out)


def table_main(options):
    scenarios = [pathlib.Path(s).resolve() for s in options.scenario] or \
        sorted(p for p in SCENARIOS.glob("*.scn") if p.stem != "day")
    table, notes, stars = {}, [], 0
    for scenario, (stories, told) in zip(scenarios, told_of(options, scenarios, (), (1, 2, 4))):
        notes += ["%s: %s" % (scenario.stem, n) for n in table_whole(table, stories, told)]
        stars += sum(s["detector"] == "*" for s in stories)
    for half in HALVES:
        print("whole and before %s:" % half, *notes, sep="\n  ", file=sys.stderr)
        table_print(table, sys.stderr)
        for scenario, (stories, told) in zip(scenarios, told_of(options, scenarios, (half,), (1,))):
            rows, said = score(stories, told[1])
            for detector, r in rows.items():
                table_row(table, detector)["half"] += r["alarms"]
            notes += ["%s, %s: %s" % (scenario.stem, half, n) for n in said if "false alarm" in n]
    for r in table.values():
        r["alike"] += stars
    table_print(table)
    for note in notes:
        print("  " + note)
    return 1 if any(r["missed"] or r["alarms"] or r["taken"] or r["half"] or r["differ"]
                    for r in table.values()) else 0


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
    parser.add_argument("--table", action="store_true", help="of all scenarios, or those named")
    parser.add_argument("--jobs", type=int, default=max(1, (os.cpu_count() or 2) // 2))
    parser.add_argument("--quiet", action="store_true", help="no table, only what is not as expected")
    options = parser.parse_args()
    if options.table and options.build:
        return table_main(options)
    if options.table or bool(options.truth) != bool(options.issues) or \
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

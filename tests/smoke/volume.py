#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
"""usage: volume.py BUILD

Detectors of volume and sequence (D-40, D-41, D-43 to D-48) over played scenarios: each attack is
found within so many exchanges, look-alikes are silent, so is traffic of which one half was seen, and
1, 2 and 4 workers tell the same."""

import json
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SCENARIOS = HERE.parent / "scenarios"
sys.path.insert(0, str(HERE.parent))
import behaviour_score  # noqa: E402

MINE = ("D-40", "D-41", "D-43", "D-44", "D-45", "D-46", "D-47", "D-48")
# 1,000 calls of an endpoint are more than a small scenario has.
SEQUENCE = "detect = { sequence = { min_calls = 100; }; };"

# Scenario, what is set in it, configuration, the detector that finds all of its attacks, within so
# many exchanges. None: there is nothing to find.
RUNS = (
    ("scanner", (), "", "D-44", 31),
    ("flood", (), "", "D-40", 30000),
    ("errors", (), "", "D-45", 60),
    ("slow", (), "", "D-41", 30),
    ("costly", (), "", "D-41", 20),
    ("paging", (), "", "D-48", 1),
    ("signup", (), "", "D-47", 21),
    ("scraper", (), "", "D-43", 250),
    ("sequence", (), "", "D-46", 2),
    ("brokenapp", (), "", None, 0),
    ("flash", (), "", None, 0),
    ("sale", (), "", None, 0),
    ("monitor", (), "", None, 0),
    ("deploy", (), SEQUENCE, None, 0),
    ("nurse", (), "", None, 0),
    ("catalogue", (), "", None, 0),
    ("refresh", (), "", None, 0),
    ("quiet", (), SEQUENCE, None, 0),
)
# Another detector of this list may well see a part of an attack.
ALSO = {"slow": ("D-45",)}
# Requests are all that is needed to see a flood.
REQUESTS_DO = {"flood": "D-40"}
HALF = ("scanner", "flood", "errors", "slow", "signup", "scraper")

failed = 0


def check(name, good, text=""):
    global failed
    failed += not good
    print("%s  %s  %s" % ("ok  " if good else "FAIL", name, text))


def read_lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


class Runs:
    def __init__(self, build, work):
        self.build, self.work = build, work

    def play(self, scenario, sets):
        capture, truth = self.work / "play.pcap", self.work / "truth.jsonl"
        words = [word for s in sets for word in ("--set", s)]
        subprocess.run([self.build / "apitap-gen", "play", scenario, capture, "--truth", truth, *words],
                       check=True, stderr=subprocess.PIPE)
        return [s for s in read_lines(truth) if "label" in s]

    def replay(self, conf, workers=1):
        issues, config = self.work / "issues.jsonl", self.work / "apitap.conf"
        config.write_text(conf)
        subprocess.run([self.build / "apitap", "replay", "-q", "--workers", str(workers), "--config",
                        config, "--log-issues", issues, self.work / "play.pcap"],
                       check=True, stdout=subprocess.DEVNULL)
        return [i for i in read_lines(issues) if i["detector"] in MINE]


def told(issues):
    """What must be the same on any number of workers."""
    return sorted((i["detector"], i["description"], i["confidence"], i["severity"], i["first_seen"],
                   i["last_seen"], str(i.get("count"))) for i in issues)


def check_run(runs, name, sets, conf, detector, events):
    stories = runs.play(SCENARIOS / (name + ".scn"), sets)
    issues = runs.replay(conf)
    rows, notes = behaviour_score.score([s for s in stories if s["detector"] in MINE or s["benign"]],
                                        issues)
    if detector:
        r = rows[detector]
        check(name, r["attacks"] > 0 and r["missed"] == 0 and r["events"] <= events,
              "%s: %s of %s, after %s exchanges" % (detector, r["found"], r["attacks"], r["events"]))
    alarms = [d for d in rows if rows[d]["alarms"] and d in MINE and d not in ALSO.get(name, ())]
    check(name + ": silent else", not alarms, "; ".join(notes))
    if detector:
        one = told(issues)
        check(name + ": 2 and 4 workers", one == told(runs.replay(conf, 2)) and
              one == told(runs.replay(conf, 4)), "%d issues" % len(one))


def check_half(runs, name, sets, conf):
    """The same scenario, of which only one direction is mirrored, and that with holes."""
    for direction in ("requests", "responses"):
        runs.play(SCENARIOS / (name + ".scn"), (*sets, "lose=0.01", "direction=" + direction))
        found = {i["detector"] for i in runs.replay(conf)}
        if direction == "requests":
            found -= {REQUESTS_DO.get(name)}
        check("%s: only %s" % (name, direction), not found, " ".join(sorted(found)))


def main():
    with tempfile.TemporaryDirectory(prefix="apitap-volume-") as folder:
        runs = Runs(pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(folder))
        for name, sets, conf, detector, events in RUNS:
            check_run(runs, name, sets, conf, detector, events)
            if name in HALF:
                check_half(runs, name, sets, conf)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

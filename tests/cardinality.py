#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
"""usage: cardinality.py BUILD [--full]

More paths, more tokens and more repetitions than any table holds, beside traffic that must be seen
as if they were not there. --full has as many as an attacker may send: a million paths in a minute,
five million tokens, a million times the same attack. What it took is printed, never judged: memory
before and after, microseconds of CPU a call."""

import json
import pathlib
import resource
import subprocess
import sys
import tempfile
import threading

from resident import sample

HERE = pathlib.Path(__file__).resolve().parent
SCENARIOS = HERE / "scenarios"
REAL = 50  # endpoints of paths.scn

failed = 0


def check(name, good, text=""):
    global failed
    failed += not good
    print("%s  %s  %s" % ("ok  " if good else "FAIL", name, text), flush=True)


class Run:
    """One scenario, played into the sensor through a pipe."""

    def __init__(self, build, work, name, sets=()):
        log, inventory, truth = (work / (name + end) for end in (".issues", ".inventory", ".truth"))
        config = SCENARIOS / (name + ".conf")
        play = [build / "apitap-gen", "play", SCENARIOS / (name + ".scn"), "-", "--truth", truth]
        for one in sets:
            play += ["--set", one]
        replay = [build / "apitap", "replay", "--quiet", "--log-issues", log, "--inventory",
                  inventory, "--inventory-format", "json", "-"]
        if config.exists():
            replay[2:2] = ["--config", config]
        self.rss, done = [], threading.Event()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        with subprocess.Popen(play, stdout=subprocess.PIPE) as source:
            with subprocess.Popen(replay, stdin=source.stdout, stderr=subprocess.DEVNULL) as sensor:
                source.stdout.close()
                sampler = threading.Thread(target=sample, args=(sensor.pid, self.rss, done))
                sampler.start()
                # The sensor alone: the player has not been waited for yet.
                code = sensor.wait()
                after = resource.getrusage(resource.RUSAGE_CHILDREN)
                done.set()
                sampler.join()
        self.cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        check(name + ": replayed", code == 0, "exit %d" % code)
        self.issues = [json.loads(line) for line in log.read_text().splitlines()]
        self.inventory = [json.loads(line) for line in inventory.read_text().splitlines()]
        self.truth = [json.loads(line) for line in truth.read_text().splitlines()]
        self.exchanges = self.truth[-1]["total_exchanges"]

    def attack(self, label):
        return next(t for t in self.truth if t.get("label") == label)

    def memory(self):
        # The start takes less than a tenth of all samples.
        sizes = self.rss[len(self.rss) // 10:]
        return "%.0f to %.0f MiB" % (min(sizes), max(sizes)) if sizes else "too short to see"


def paths(build, work, full):
    """Endpoints stay below their cap, and what is known of the real ones is exact."""
    few = Run(build, work, "paths", ["rounds=1"])
    run = Run(build, work, "paths", ["rounds=200"] if full else [])
    calls = {}
    for e in run.inventory:
        calls[e["template"]] = calls.get(e["template"], 0) + e["facts"]["calls"]
    wanted = {}
    for name, n in run.truth[-1]["endpoints"].items():
        verb, _, what = name.partition("_")
        if verb in ("list", "read"):
            wanted["/v1/" + what + ("/{id}" if verb == "read" else "")] = n
    wrong = {t: (calls.get(t), n) for t, n in wanted.items() if calls.get(t) != n}
    check("paths: the real ones are exact", len(wanted) == REAL and not wrong,
          "%d endpoints; %s" % (len(wanted), wrong or "all counts equal"))
    check("paths: bounded", len(run.inventory) <= 20000, "%d endpoints known after %d made-up paths"
          % (len(run.inventory), run.attack("made-up paths")["exchanges"]))
    found = {i["attacker"]["ip"] for i in run.issues if i["detector"] == "D-44"}
    actors = {a["ip"] for a in run.attack("made-up paths")["actors"]}
    check("paths: told", found <= actors and len(found) >= 0.99 * len(actors),
          "%d of %d sources" % (len(found), len(actors)))
    print("      a call %.1f us, without the flood %.1f us (with the start of the sensor); memory %s"
          % (1e6 * run.cpu_s / run.exchanges, 1e6 * few.cpu_s / few.exchanges, run.memory()))


def tokens(build, work, full):
    """Who calls most is known all the while."""
    run = Run(build, work, "tokens", ["tokens=5000000"] if full else [])
    heavy = {a["ip"] for a in run.attack("heavy users")["actors"]}
    found = {i["attacker"]["ip"] for i in run.issues if i["detector"] == "D-42"}
    check("tokens: the users who call most", len(heavy) == 100 and len(found & heavy) >= 99 and
          found <= heavy, "%d of %d found among %d tokens" % (
              len(found & heavy), len(heavy),
              sum(t["exchanges"] for t in run.truth if t.get("label", "").startswith("tokens"))))
    print("      a call %.1f us; memory %s" % (1e6 * run.cpu_s / run.exchanges, run.memory()))


def repeat(build, work, full):
    """One issue; its count is exact, its evidence is not more than the newest few."""
    run = Run(build, work, "repeat", ["calls=1000000"] if full else [])
    wanted = run.attack("the same record again and again")["exchanges"]
    told = [i for i in run.issues if i["detector"] == "D-12"]
    check("repeat: one issue", len(told) == 1 and told[0]["count"] == wanted,
          "%d, count %s of %d" % (len(told), [i["count"] for i in told], wanted))
    check("repeat: little evidence", all(len(i["evidence"]) <= 10 for i in run.issues),
          "at most %d of an issue" % max(len(i["evidence"]) for i in run.issues))
    print("      a call %.1f us; memory %s" % (1e6 * run.cpu_s / run.exchanges, run.memory()))


def main():
    build, full = pathlib.Path(sys.argv[1]).resolve(), "--full" in sys.argv[2:]
    with tempfile.TemporaryDirectory(prefix="apitap-cardinality-") as work:
        for one in paths, tokens, repeat:
            one(build, pathlib.Path(work), full)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

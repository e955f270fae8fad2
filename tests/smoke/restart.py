#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
#
# usage: restart.py BUILD [SCENARIO:SECONDS]...
#
# A scenario is cut in two at that time, before its attack. The sensor learns from the first part,
# ends, and a new one reads the second: it must find what one sensor finds that reads both, at the
# same event, for the same user, and nothing else. Then one endpoint is forgotten: what is attacked
# there is no longer found. Of a baseline that is frozen not a byte changes.

import json
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

# Detectors that say the same after a restart. D-01 waits longer: what was given while the sensor
# was off may have been any object that nobody is known to have.
CASES = ["bola:660:D-02", "foreign_write:900:D-20", "role:840:D-03", "swap:840:D-04"]
SCENARIOS = Path(__file__).resolve().parent.parent / "scenarios"


def cut(whole, seconds, first, second):
    data = whole.read_bytes()
    magic, = struct.unpack_from("<I", data)
    part = 1e9 if magic == 0xa1b23c4d else 1e6
    outs = [first.open("wb"), second.open("wb")]
    for out in outs:
        out.write(data[:24])
    at, begin = 24, None
    while at < len(data):
        whole_s, rest, length, _ = struct.unpack_from("<IIII", data, at)
        now = whole_s + rest / part
        begin = now if begin is None else begin
        outs[now - begin >= seconds].write(data[at:at + 16 + length])
        at += 16 + length
    for out in outs:
        out.close()


class Sensor:
    def __init__(self, build, folder):
        self.program, self.folder = build / "apitap", folder

    # Issues as (detector, first event, user), those of postures too.
    def replay(self, state, *captures, config=None):
        log = self.folder / "issues.jsonl"
        subprocess.run([self.program, "replay", "--quiet", "--state", state, "--log-issues", log,
                        *(["--config", config] if config else []), *captures], check=True,
                       stderr=subprocess.DEVNULL)
        issues = [json.loads(line) for line in log.read_text().splitlines()]
        return sorted((i["detector"], i["first_seen"], i["attacker"]["user"]) for i in issues)

    def reset(self, state, endpoint):
        subprocess.run([self.program, "baseline", "--state", state, "reset", endpoint], check=True,
                       stdout=subprocess.DEVNULL)


def check(name, seen, wanted):
    if seen != wanted:
        print(f"{name}: {seen}\n    instead of {wanted}")
    return seen != wanted


def run(build, case, folder):
    name, seconds, detector = case.split(":")
    whole, first, second = (folder / f for f in ("whole.pcap", "first.pcap", "second.pcap"))
    subprocess.run([build / "apitap-gen", "play", SCENARIOS / f"{name}.scn", whole], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    cut(whole, float(seconds), first, second)
    sensor, one, two = Sensor(build, folder), folder / "one", folder / "two"
    before = sensor.replay(two, first)
    one.mkdir()
    shutil.copy(two / "apitap.seed", one)
    # The same baseline for what is forgotten below.
    spare, frozen = folder / "spare", folder / "frozen.conf"
    shutil.copytree(two, spare)
    frozen.write_text("state: { frozen = true; };\n")
    both = sensor.replay(one, first, second)
    after = sensor.replay(two, second)
    of = lambda issues: [i for i in issues if i[0] == detector]
    bad = check(f"{name}: found without a restart", bool(of(both)), True)
    bad |= check(f"{name}: {detector} after a restart", of(before) + of(after), of(both))
    # Nothing is found that is not found without a restart, as to who does what.
    odd = [i for i in before + after if (i[0], i[2]) not in [(b[0], b[2]) for b in both]]
    bad |= check(f"{name}: only after a restart", odd, [])
    # What was told of postures is not told again, and nothing else is learnt anew.
    bad |= check(f"{name}: told again", [i for i in after if i in before], [])
    learnt = (spare / "apitap.baseline").read_bytes()
    bad |= check(f"{name}: twice the same", sensor.replay(spare, second, config=frozen), after)
    bad |= check(f"{name}: frozen", (spare / "apitap.baseline").read_bytes() == learnt, True)
    bad |= check(f"{name}: written when it is not", (two / "apitap.baseline").read_bytes() == learnt,
                 False)
    if name == "role":
        sensor.reset(spare, "GET api.shop.example/api/admin/orders/{id}")
        users = [i[2] for i in of(sensor.replay(spare, second))]
        bad |= check(f"{name}: of the endpoint that is forgotten", users, [])
    print(f"{name}: {'BAD' if bad else 'ok'}, {len(before)} issues, {len(after)} after the restart, "
          f"{len(both)} without")
    return bad


def main():
    build = Path(sys.argv[1])
    bad = False
    for case in sys.argv[2:] or CASES:
        with tempfile.TemporaryDirectory(prefix="apitap-restart-") as folder:
            bad |= run(build, case, Path(folder))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
"""What data types cost: instructions of the worker with all types, with none, without some.

usage: types.py BUILD CAPTURE [--each] [--group N] [--bytes N] [--jobs N] [--most PERCENT] [TYPE...]

Replays CAPTURE under callgrind, which counts what the worker does per packet and nothing else, the
same on every machine, whatever else it does. A type costs what is saved when it is switched off
(types.disabled). With 191 types that are many runs, so groups of N (12) in the order of `apitap
types` are switched off together first; types of groups that save more than PERCENT (5) of the worker
are then measured one by one, with --each all of them, with TYPE... only those. --bytes: of bodies
in the capture, to print instructions per byte. --jobs: how many runs at once. Exit status 1: a type
costs more than PERCENT.
"""

import argparse
import concurrent.futures
import json
import os
import shutil
import subprocess
import sys

from counting import count

DEAREST = 10


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("build")
    parser.add_argument("capture")
    parser.add_argument("types", nargs="*")
    parser.add_argument("--each", action="store_true")
    parser.add_argument("--group", type=int, default=12)
    parser.add_argument("--bytes", type=int, default=0)
    parser.add_argument("--most", type=float, default=5.0)
    parser.add_argument("--jobs", type=int, default=1)
    args = parser.parse_args()
    if not shutil.which("valgrind"):
        print("types.py: skipped: valgrind is not installed")
        return 77
    known = [json.loads(line)["id"] for line in subprocess.run(
        [os.path.join(args.build, "apitap"), "types", "--json"], check=True, text=True,
        stdout=subprocess.PIPE).stdout.splitlines()]

    def measure(sets):
        with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
            yield from pool.map(lambda off: count(args.build, args.capture, off), sets)

    every, none = measure([[], known])

    def say(name, n):
        per_byte = "  %7.3f a byte" % (n / args.bytes) if args.bytes else ""
        print("%-28s %14d  %6.2f %%%s" % (name, n, 100 * n / every, per_byte), flush=True)

    say("all types", every)
    say("no types", none)
    say("the types", every - none)
    single = args.types or (known if args.each else [])
    if not single:
        groups = [known[i:i + args.group] for i in range(0, len(known), args.group)]
        for group, n in zip(groups, measure(groups)):
            say("%s to %s" % (group[0], group[-1]), every - n)
            if every - n > args.most * every / 100:
                single += group
    cost = {}
    for name, n in zip(single, measure([[name] for name in single])):
        cost[name] = every - n
        say(name, cost[name])
    print("\nthe dearest")
    for name in sorted(cost, key=cost.get, reverse=True)[:DEAREST]:
        say(name, cost[name])
    return any(n > args.most * every / 100 for n in cost.values())


if __name__ == "__main__":
    sys.exit(main())

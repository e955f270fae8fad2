#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
"""Does the fast way find all data types that looking at everything finds?

    reference.py BUILD [--explained N] [CAPTURE...]

Captures are replayed twice, as configured by default and with types.scan = "reference", where
every type looks at every place that may begin one of its values. All that the reference reports
must be reported by the fast way, except N places (0) that somebody has looked at. The fast way
may report more: types refuse more values in the reference, and by those it is learnt that a field
is not of a type. Without captures, the generator makes some.
"""

import argparse
import collections
import json
import os
import subprocess
import sys
import tempfile

SCENARIOS = (("demo", ()), ("ssn", ()), ("noauth", ()), ("mixed-auth", ()), ("url", ()), ("hard", ()),
             ("ws", ()), ("retrieval", ("--users", "60", "--minutes", "4")))


def found(build, folder, captures, options):
    """How often each data type was reported of each place, by exchange."""
    log = os.path.join(folder, "log.jsonl")
    done = subprocess.run([os.path.join(build, "apitap"), "replay", "--each", "--quiet", *options,
                           "--log-transactions", log, *captures], stdout=subprocess.DEVNULL)
    if done.returncode > 1:  # 1: a capture is damaged, as some are on purpose
        sys.exit("apitap replay: exit status %d" % done.returncode)
    counts = collections.Counter()
    for line in open(log, encoding="utf-8"):
        record = json.loads(line)
        place = tuple(record.get(key) for key in ("pcap", "conn", "src", "sport", "stream", "uri"))
        for hit in record.get("data_types") or ():
            counts[place + (hit["direction"], hit["field"], hit["type"])] += hit["count"]
    return counts


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("build")
    parser.add_argument("--explained", type=int, default=0)
    parser.add_argument("captures", nargs="*")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        config = os.path.join(folder, "reference.conf")
        with open(config, "w", encoding="utf-8") as out:
            out.write('types = { scan = "reference"; };\n')
        captures = args.captures
        for name, options in () if captures else SCENARIOS:
            captures = captures + [os.path.join(folder, name + ".pcap")]
            subprocess.run([os.path.join(args.build, "apitap-gen"), name, *options, captures[-1]],
                           check=True, stdout=subprocess.DEVNULL)
        fast = found(args.build, folder, captures, ())
        reference = found(args.build, folder, captures, ("-c", config))
    missed, more = reference - fast, fast - reference
    print("values: %d fast, %d reference; missed %d, explained %d; more %d"
          % (fast.total(), reference.total(), missed.total(), args.explained, more.total()))
    for place in missed:
        print("missed:", *place)
    if not reference:
        sys.exit("nothing was found at all")
    return missed.total() > args.explained


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
"""Does the fast way find the data types that looking at everything finds, and no others?

    reference.py BUILD [--explained N] [--more N] [--keylog PATH] [CAPTURE...]

Captures are replayed twice, as configured by default and with types.scan = "reference", where
every type looks at every place that may begin one of its values. What the one reports must be
reported by the other, except N places (0) that somebody has looked at. What is learnt of fields is
left out, for types refuse more values in the reference, and by those it is learnt sooner that a field
is not of a type: both have the longest epoch, and long captures are cut into pieces that end before
replay makes an epoch of its own. Without captures, the generator makes some.
"""

import argparse
import collections
import json
import os
import struct
import subprocess
import sys
import tempfile

SCENARIOS = (("demo", ()), ("ssn", ()), ("noauth", ()), ("mixed-auth", ()), ("url", ()), ("hard", ()),
             ("ws", ()), ("retrieval", ("--users", "60", "--minutes", "4")))

PIECE = 4000  # packets of a piece; the most until a SYN comes is twice as many
SYN_ACK, SYN = 0x12, 0x02


def pieces(folder, capture):
    """The capture, or files in folder with parts of it, cut before a SYN where there is one."""
    with open(capture, "rb") as source:
        data = source.read()
    order = {b"\xd4\xc3\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">"}.get(data[:4])
    if not order:  # nanoseconds, pcapng, compressed: none of those is long
        return [capture]
    names, start, at, n = [], 24, 24, 0
    while at + 16 <= len(data):
        opens = data[at + 16 + 12:at + 16 + 14] == b"\x08\x00" and len(data) > at + 16 + 47 and \
            data[at + 16 + 47] & SYN_ACK == SYN
        if n >= 2 * PIECE or (n >= PIECE and opens):
            names.append(os.path.join(folder, "%d-%s" % (len(names), os.path.basename(capture))))
            with open(names[-1], "wb") as out:
                out.write(data[:24] + data[start:at])
            start, n = at, 0
        at += 16 + struct.unpack_from(order + "I", data, at + 8)[0]
        n += 1
    if not names:
        return [capture]
    names.append(os.path.join(folder, "%d-%s" % (len(names), os.path.basename(capture))))
    with open(names[-1], "wb") as out:
        out.write(data[:24] + data[start:])
    return names


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
    parser.add_argument("--more", type=int, default=0)
    parser.add_argument("--keylog", action="append", default=[])
    parser.add_argument("captures", nargs="*")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        keylogs = [word for path in args.keylog for word in ("--keylog", path)]
        configs = []
        for scan in "fast", "reference":
            configs.append(os.path.join(folder, scan + ".conf"))
            with open(configs[-1], "w", encoding="utf-8") as out:
                out.write('sensor = { epoch_ms = 60000; };\ntypes = { scan = "%s"; };\n' % scan)
        captures = args.captures
        for name, options in () if captures else SCENARIOS:
            captures = captures + [os.path.join(folder, name + ".pcap")]
            subprocess.run([os.path.join(args.build, "apitap-gen"), name, *options, captures[-1]],
                           check=True, stdout=subprocess.DEVNULL)
        captures = [name for capture in captures for name in pieces(folder, capture)]
        fast, reference = (found(args.build, folder, captures, ["-c", config] + keylogs)
                           for config in configs)
    missed, more = reference - fast, fast - reference
    print("values: %d fast, %d reference; missed %d, explained %d; more %d, explained %d"
          % (fast.total(), reference.total(), missed.total(), args.explained, more.total(),
             args.more))
    for word, places in ("missed", missed), ("more", more):
        for place, n in places.items():
            print("%s %d:" % (word, n), *place)
    if not reference:
        sys.exit("nothing was found at all")
    return missed.total() > args.explained or more.total() > args.more


if __name__ == "__main__":
    sys.exit(main())

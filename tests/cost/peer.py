#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
"""How fast the whole sensor is beside Hyperscan alone, on one machine at one time.

usage: peer.py BUILD CAPTURE BODIES PATTERNS [--rounds N] [--seconds S] [--block BYTES]

`apitap bench` over CAPTURE and a search for PATTERNS (lines of name, tab, expression) over BODIES, the
bytes of its bodies alone, in blocks of BYTES (16384), take turns N times (5) for S seconds (5): what
else the machine does slows down both, but not alike: where it does nothing else, the ratio is good for
any machine. Both are given as bits of CAPTURE per second of a core, and the middle of the N ratios, with
the least and the greatest. Needs a program of BUILD: ninja -C BUILD tests/patterns_alone
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time


class Patterns:
    """Hyperscan alone, kept between the rounds so that it compiles once."""

    def __init__(self, build, patterns, bodies, block):
        self.run = subprocess.Popen(
            [os.path.join(build, "tests/patterns_alone"), patterns, bodies, str(block)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.search()

    def search(self):
        """Bytes and seconds of CPU."""
        self.run.stdin.write("\n")
        self.run.stdin.flush()
        answer = self.run.stdout.readline().split()
        if len(answer) != 3:
            sys.exit("peer.py: patterns_alone ended")
        return int(answer[0]), float(answer[1])

    def bytes_per_s(self, seconds):
        end, size, spent = time.monotonic() + seconds, 0, 0.0
        while size == 0 or time.monotonic() < end:
            n, s = self.search()
            size, spent = size + n, spent + s
        return size / spent


def bench(build, capture, seconds):
    """Gbit/s on the wire of the worker's busy time, and cycles per byte."""
    run = subprocess.run(
        [os.path.join(build, "apitap"), "bench", "--json", "--seconds", str(seconds), capture],
        check=True, stdout=subprocess.PIPE, text=True)
    figures = json.loads(run.stdout)
    return figures["gbit_per_s"], figures["cycles_per_byte"]


def wire_bytes(capture):
    """Of all frames of a classic pcap."""
    size = 0
    with open(capture, "rb") as f:
        order = "little" if f.read(24)[0] in b"\xd4\x4d" else "big"
        while len(header := f.read(16)) == 16:
            size += int.from_bytes(header[12:16], order)
            f.seek(int.from_bytes(header[8:12], order), os.SEEK_CUR)
    return size


def middle(values, digits=2):
    return "%.*f (%.*f to %.*f)" % (digits, statistics.median(values), digits, min(values), digits,
                                    max(values))


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    for name in "build", "capture", "bodies", "patterns":
        parser.add_argument(name)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--block", type=int, default=16384)
    args = parser.parse_args()

    per_body = wire_bytes(args.capture) / os.path.getsize(args.bodies)
    patterns = Patterns(args.build, args.patterns, args.bodies, args.block)
    alone, whole, cycles = [], [], []
    for _ in range(args.rounds):
        alone.append(patterns.bytes_per_s(args.seconds) * per_body * 8e-9)
        gbit, c = bench(args.build, args.capture, args.seconds)
        whole.append(gbit)
        cycles.append(c)
        print("alone %.2f  sensor %.2f Gbit/s  %.2f cycles/byte" % (alone[-1], gbit, c), flush=True)
    print("Hyperscan alone %s Gbit/s of the wire" % middle(alone))
    print("the sensor      %s Gbit/s, %s cycles/byte" % (middle(whole), middle(cycles)))
    print("ratio           %s" % middle([w / a for w, a in zip(whole, alone)]))
    return 0


if __name__ == "__main__":
    sys.exit(main())

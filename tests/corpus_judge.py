#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
"""Judges a comparison of exchanges, frames or handshakes.

usage: corpus_judge.py KIND COUNTS STRICT_COUNTS LINES STRICT_LINES LEAST MOST [KNOWN]

KIND is http-h1, http-h2, ws or tls. COUNTS are the comparison's counters as JSON, LINES its report
with every difference, both against all expected records and against those without warning (STRICT).
LEAST: percent of the latter that must be found as expected; MOST: percent of the former that may be
extra. KNOWN: differences whose reasons are known; those that are the expectation's fault are left
aside. Fields of all kinds but http-h1 have the kind in front of them there, as in "tls.version".
"""

import json
import re
import sys

LINE = re.compile(r"(DIFF|MISSING|EXTRA) +(.+?) (\((?:'[^']*'|None), .*?\)) (.*)")


def differences(path):
    """(capture, connection, what follows) -> the fields that differ, MISSING or EXTRA."""
    found = {}
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            m = LINE.match(line)
            if not m:
                continue
            kind, capture, connection, rest = m.groups()
            if kind == "DIFF":
                rest, field = re.match(r"(.*): (\w+) expected ", rest).groups()
            else:
                field = kind
            found.setdefault((capture, connection, kind, rest), []).append(field)
    return found


def known_differences(path):
    known = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if line.strip() and not line.startswith("#"):
                capture, fields, reason = line.rstrip("\n").split("\t")
                known[capture] = (set(fields.split(",")), reason)
    return known


def percent(part, whole):
    return 100.0 * part / whole if whole else 0.0


def main():
    kind = sys.argv[1]
    prefix = "" if kind == "http-h1" else kind + "."
    every, strict = (json.loads(a)["kinds"].get(kind, {}) for a in sys.argv[2:4])
    lines, strict_lines = differences(sys.argv[4]), differences(sys.argv[5])
    least, most = float(sys.argv[6]), float(sys.argv[7])
    known = known_differences(sys.argv[8]) if len(sys.argv) > 8 else {}

    def explained(key, fields, by=""):
        listed, reason = known.get(key[0], (set(), ""))
        return {prefix + f for f in fields} <= listed and reason.startswith(by)

    expected, equal = strict.get("expected", 0), strict.get("equal", 0)
    wrong = sum(1 for k, f in strict_lines.items() if k[2] != "EXTRA" and explained(k, f, "oracle:"))
    total, extra = every.get("expected", 0), every.get("extra", 0)
    # Several extra exchanges may read the same, so that they are counted by capture.
    beside = sum(len(f) for k, f in lines.items() if k[2] == "EXTRA" and explained(k, f, "oracle:"))
    print("found equal: %d of %d without warning, %.2f %%" % (equal, expected, percent(equal, expected)))
    print("extra: %d of %d, %.2f %%" % (extra, total, percent(extra, total)))
    if known:
        print("expectation known to be wrong: %d of the others, %d of the extra" % (wrong, beside))
    share, more = percent(equal + wrong, expected), percent(extra - beside, total)
    print("right: %.2f %% (at least %.1f); extra without reason: %.2f %% (below %.1f)"
          % (share, least, more, most))
    for key, fields in lines.items():
        if known and not explained(key, fields):
            print("not listed: %s %s %s %s" % (key[0], key[1], key[3], ",".join(fields)))
    return 0 if share >= least and more < most else 1


if __name__ == "__main__":
    sys.exit(main())

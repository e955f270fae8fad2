#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
"""Which data types are reported in recorded benign traffic, and are they there?

usage: benign_judge.py LABELS TRANSACTIONS LOOKED_AT

LABELS are those of a capture that to_pcap.py made, TRANSACTIONS what replay said of it. LOOKED_AT
(benign-types.tsv) has a line for each type and field that somebody looked at, and whether values of
the type are there. What has no line counts as not there, so that it is looked at. Prints a table:
type, requests, whether it is there, why. Exit status 1: more is not there than may be.
"""

import collections
import fnmatch
import json
import sys

MOST_ALL = 0.1  # percent of the requests with a type that is not there
MOST = {"card.pan": 0.01, "us.ssn": 0, "iban": 0, "jp.mynumber": 0}


def place(record):
    return record["src"], record["sport"]


def looked_at(path):
    rows = []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if line.strip() and not line.startswith("#"):
                rows.append(line.rstrip("\n").split("\t"))
    return rows


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    rows = looked_at(sys.argv[3])
    benign = {}
    for line in open(sys.argv[1], encoding="utf-8"):
        label = json.loads(line)
        if label.get("label") == "benign":
            benign[place(label)] = set()
    for line in open(sys.argv[2], encoding="utf-8"):
        record = json.loads(line)
        if place(record) in benign:
            benign[place(record)].update(
                (hit["type"], hit["field"]) for hit in record.get("data_types") or ())
    if not benign:
        sys.exit("no benign requests")
    table, wrong = collections.Counter(), collections.Counter()
    for seen in benign.values():
        lines = set()
        for name, field in seen:
            row = next((r for r in rows if r[0] == name and fnmatch.fnmatchcase(field, r[1])),
                       (name, field, "no", "nobody looked at " + field))
            lines.add((name, row[2], row[3]))
        table.update(lines)
        bad = {name for name, there, _ in lines if there != "yes"}
        wrong.update(bad)
        wrong[None] += bool(bad)
    for (name, there, why), n in sorted(table.items(), key=lambda item: (item[0][0], -item[1])):
        print("%-16s %5d  %-3s  %s" % (name, n, there, why))
    print("%d requests, %d with a type, %d (%.3f %%) with one that is not there" % (
        len(benign), sum(1 for seen in benign.values() if seen), wrong[None],
        100 * wrong[None] / len(benign)))
    return wrong[None] > len(benign) * MOST_ALL / 100 or any(
        wrong[name] > len(benign) * most / 100 for name, most in MOST.items())


if __name__ == "__main__":
    sys.exit(main())

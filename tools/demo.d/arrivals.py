#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
"""Reads issues as JSON lines while they arrive, prints one line for each and how late it came.

usage: apitap-issues --json ... | arrivals.py COUNT_FILE

The delay is the time from the issue's last packet (last_seen) to its arrival here. COUNT_FILE
holds the number of issues seen so far, updates of an earlier one not counted.
"""
import datetime
import json
import sys
import time


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def main():
    seen = set()
    for line in sys.stdin:
        now = time.time()
        try:
            issue = json.loads(line)
            known = issue["id"] in seen
            seen.add(issue["id"])
            delay = now - seconds(issue["last_seen"])
            target = issue["target"]
            text = "   %s: %s, severity %s, %s %s, by %s, %.1f s after its last packet" % (
                "again" if known else "ISSUE", issue["type"], issue["severity"], target["method"],
                target["template"], issue["attacker"]["user"] or issue["attacker"]["ip"], delay)
        except (ValueError, KeyError, TypeError) as why:
            text = "   a line that is no issue: %s" % why
        print(text, flush=True)
        with open(sys.argv[1], "w", encoding="utf-8") as count:
            count.write("%d\n" % len(seen))


if __name__ == "__main__":
    main()

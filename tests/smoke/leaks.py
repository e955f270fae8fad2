#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
"""usage: leaks.py BUILD

End-to-end test of what exchanges give away and of policies, with what scenarios.py shares."""

import re
import sys

sys.dont_write_bytecode = True
import scenarios

scenarios.KINDS.update({
    "credential-leak": ("D-08", "Credential Leak"),
    "excessive-properties": ("D-15", "Excessive Properties"),
    "internal-details": ("D-16", "Internal Details in Response"),
})


def group_leak(group):
    """Errors of databases, traces and the like; beside them answers that only write about such."""
    capture = group.gen("leak")
    run = group.good(capture, transactions=True)
    pairs = scenarios.check_expected(group, run, capture)
    scenarios.check_severities(group, pairs)
    for expected, issue in pairs:
        names = expected.get("names")
        if not names:
            continue
        group.check("names", names in issue["description"], names,
                    "%s is not in: %s" % (names, issue["description"]))
    data = capture.path.read_bytes()
    keys = set(re.findall(rb"(?:sk_\w{4}_|api_key=)(\w{24,32})", data))
    for name, told in ("log", run.log), ("text", run.out + run.err):
        clear = [k for k in keys if k in told]
        group.check("hidden-" + name, len(keys) >= 30 and not clear,
                    "none of %d keys" % len(keys), "%d of %d keys" % (len(clear), len(keys)))
    for workers in 2, 4:
        other = group.good(capture, "--workers", workers)
        group.check("workers", other.log == run.log and run.log, "the same with %d" % workers)


if __name__ == "__main__":
    scenarios.GROUPS = {"leak": group_leak}
    sys.exit(scenarios.main())

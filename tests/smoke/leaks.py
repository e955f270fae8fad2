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


POLICY = 'policies = ( { type = "us.ssn"; %s name = "payroll"; } );\n'

# Of the policy; is it broken when every user receives the type?
FLOWS = {
    "network": ('action = "restricted"; networks = ["10.0.0.0/8"];', False),
    "other-network": ('action = "restricted"; networks = ["192.0.2.0/24", "2001:db8::/32"];', True),
    "consumer": ('action = "restricted"; consumers = ["user-*"];', False),
    "other-consumer": ('action = "restricted"; consumers = ["payroll"];', True),
    "both": ('action = "restricted"; networks = ["10.0.0.0/8"]; consumers = ["payroll"];', True),
    "elsewhere": ('action = "restricted"; consumers = ["payroll"]; path = "/other/*";', False),
    "request": ('action = "restricted"; consumers = ["payroll"]; direction = "request";', False),
    "allowed": ('action = "allowed";', False),
}


def group_policy(group):
    """One endpoint returns social security numbers to everybody; policies say who may have them."""
    capture = group.gen("ssn", "--minutes", 1)
    for name, (policy, broken) in FLOWS.items():
        run = group.good(capture, "--config", group.file(name + ".conf", POLICY % policy))
        told = [i for i in run.issues if i["detector"] == "D-13"]
        text = told[0]["description"] if told else "no issue"
        group.check(name, len(run.issues) == len(told) == broken and
                    (not broken or 'The policy "payroll"' in text), text,
                    scenarios.describe_all(run.issues))
    bad = group.file("bad.conf", 'policies = (\n' + ",\n".join((
        '{ type = "us.ssn"; action = "restricted"; }',
        '{ type = "us.ssn"; consumers = ["a"]; }',
        '{ type = "us.ssn"; action = "restricted"; networks = ["10.0.0/8"]; }')) + ');\n')
    check = group.program("apitap", "check", "-c", bad)
    told = re.findall(r"^%s:(\d+): policies\[\d\]\.(\w+):" % re.escape(str(bad)),
                      check.stderr.decode(), re.M)
    group.check("mistakes", check.returncode == 2 and told == [
        ("2", "action"), ("3", "consumers"), ("4", "networks")], told)


if __name__ == "__main__":
    scenarios.GROUPS = {"leak": group_leak, "policy": group_policy}
    sys.exit(scenarios.main())

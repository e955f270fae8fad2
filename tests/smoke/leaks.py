#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
"""usage: leaks.py BUILD

End-to-end test of what exchanges give away and of policies, with what scenarios.py shares."""

import json
import os
import re
import signal
import subprocess
import sys
import time

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


OWN = """types: { own = ( { id = "acme.club"; pattern = "Harborline [A-Z][a-z]{3,12}"; %s } ); };
policies = ( { type = "acme.club"; severity = "critical"; } );
"""


def group_own(group):
    """A type of the operator's own in hits, policies and issues, within its scope."""
    capture = group.gen("leak", "--minutes", 1)
    for name, scope, told in (("everywhere", "", 1), ("path", 'path = "/api/v1/members/*";', 1),
                              ("other-path", 'path = "/api/v2/*";', 0),
                              ("requests", 'direction = "request";', 0),
                              ("context", 'reports = "ctx"; context = ["club"];', 1),
                              ("no-context", 'reports = "ctx"; context = ["team"];', 0)):
        conf = group.file(name + ".conf", OWN % scope)
        run = group.good(capture, "--config", conf, transactions=True)
        found = [i for i in run.issues if i["detector"] == "D-12"]
        right = all(i["severity"] == "Critical" and i["target"]["template"] == "/api/v1/members/{id}"
                    and [(t["type"], t["field"]) for t in i["data_types"]] == [
                        ("acme.club", "$.club")] for i in found)
        group.check(name, len(found) == told and right and
                    (b'"acme.club"' in run.transactions) == bool(told),
                    scenarios.describe_all(found) or "no issue")


def wait_for(process, test, what):
    """The text of the log when test(text) is true; the sensor must still run."""
    end = time.monotonic() + scenarios.RUN_LIMIT_S
    while time.monotonic() < end and process.poll() is None:
        text = process.log.read_text(errors="replace")
        if test(text):
            return text
        time.sleep(0.1)
    raise RuntimeError("no %s: %s" % (what, process.log.read_text(errors="replace")[-800:]))


def group_reload(group):
    """apitap run on a capture without end: policies change while it goes on."""
    if os.geteuid() != 0:
        print("skip reload: apitap run wants root")
        return
    capture = group.gen("ssn", "--minutes", 1, "--users", 4)
    base = ('ports = ( { name = "tap"; device = "net_pcap0,rx_pcap=%s,infinite_rx=1"; } );\n'
            'workers: { count = 1; };\nmemory: { hugepages = "no"; mbufs = 16384; };\n'
            'export: { pub = "ipc://%s/issues"; replay = "ipc://%s/replay"; spool = "%s/spool"; };\n'
            % (capture.path, group.work, group.work, group.work))
    conf, log = group.file("run.conf", base), group.work / "run.log"
    with open(log, "wb") as out:
        sensor = subprocess.Popen([group.build / "apitap", "run", "-c", conf, "--", "--no-huge",
                                   "--no-pci", "--file-prefix", "reload%d" % os.getpid()],
                                  stdout=out, stderr=subprocess.STDOUT)
    sensor.log = log
    try:
        wait_for(sensor, lambda text: "watching 1 ports" in text, "start")
        time.sleep(1)
        conf.write_text(base + POLICY % 'action = "prohibit"; severity = "grave";')
        sensor.send_signal(signal.SIGHUP)
        text = wait_for(sensor, lambda text: "was not taken" in text, "refusal")
        told = re.findall(r"run.conf:5: policies\[0\]\.(\w+):", text)
        group.check("refused", told == ["action", "severity"], "both mistakes named", text)
        time.sleep(1)
        group.check("goes-on", sensor.poll() is None, "the sensor runs")
        conf.write_text(base + OWN % "")
        sensor.send_signal(signal.SIGHUP)
        text = wait_for(sensor, lambda text: text.count("was not taken") == 2, "second refusal")
        group.check("new-type", "run.conf:6: policies[0].type: found \"acme.club\"" in text,
                    "a type that came after the start", text)
        conf.write_text(base + POLICY % 'action = "prohibited";')
        sensor.send_signal(signal.SIGHUP)
        wait_for(sensor, lambda text: "policies read again" in text, "taking")
        reader = subprocess.run([group.build / "apitap-issues", "--json", "--since", "0", "--count",
                                 "1", "--timeout", "20", "--url", "ipc://%s/issues" % group.work],
                                capture_output=True, timeout=scenarios.RUN_LIMIT_S)
        issues = [json.loads(line) for line in reader.stdout.splitlines()]
        group.check("acts", [i["detector"] for i in issues] == ["D-12"] and
                    '"payroll"' in issues[0]["description"] and issues[0]["seq"] == 1,
                    scenarios.describe_all(issues), reader.stderr.decode() + str(issues))
    finally:
        sensor.send_signal(signal.SIGINT)
        code = sensor.wait(scenarios.RUN_LIMIT_S)
    text = log.read_text(errors="replace")
    group.check("end", code == 0 and "all accounted for" in text, "exit 0, all accounted for",
                "exit %d: %s" % (code, text[-800:]))


if __name__ == "__main__":
    scenarios.GROUPS = {"leak": group_leak, "policy": group_policy, "reload": group_reload,
                        "own": group_own}
    sys.exit(scenarios.main())

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
"""usage: templates.py BUILD

Names in paths are learnt to be values and what looks like them is not: the inventory of the played
scenario slugs.scn has exactly its endpoints, with the truth's counts, for any number of workers and
for another seed; a restart keeps what was learnt; pins and splits are obeyed; a mistake in one is
told with its line."""

import csv
import json
import pathlib
import subprocess
import sys
import tempfile

SCENARIO = pathlib.Path(__file__).resolve().parent.parent / "scenarios" / "slugs.scn"

# The scenario's names of endpoints, and how their templates come about.
EXPECTED = {
    "/api/shops/{name}": ("shop", "learnt"),
    "/api/shops/{name}/menu": ("menu", "learnt"),
    "/api/shops/nearby": ("nearby", "words"),
    "/api/shops/best-of-week": ("toplist", "words"),
    "/api/members/{name}": ("member", "learnt"),
    "/api/members/me": ("me", "words"),
    "/api/orders": ("orders", "words"),
    "/api/orders/{id}": ("order", "lexical"),
    "/api/coupons": ("coupons", "words"),
    "/api/regions": ("regions", "words"),
}
failed = 0


def check(name, ok, what=""):
    global failed
    failed += not ok
    print("%s %s%s" % ("ok" if ok else "FAIL", name, ": %s" % (what,) if what != "" else ""))


def run(*args, code=0):
    done = subprocess.run([str(a) for a in args], capture_output=True, text=True)
    if done.returncode != code:
        check("exit %d of %s" % (code, args[1]), False,
              "%d %s" % (done.returncode, done.stderr))
    return done


def table(text):
    return {row["template"]: row for row in csv.DictReader(text.splitlines())}


def main(build):
    apitap, gen = build / "apitap", build / "apitap-gen"
    with tempfile.TemporaryDirectory() as name:
        tmp = pathlib.Path(name)

        def play(seed):
            pcap, truth = tmp / ("%d.pcap" % seed), tmp / ("%d.truth" % seed)
            run(gen, "play", SCENARIO, pcap, "--truth", truth, "--seed", seed)
            return pcap, json.loads(truth.read_text().splitlines()[0])

        def inventory(pcap, *args):
            out = tmp / "out.csv"
            run(apitap, "replay", "--quiet", "--inventory", out, "--inventory-format", "csv",
                *args, pcap)
            return out.read_text()

        pcap, truth = play(11)
        first = inventory(pcap)
        rows = table(first)
        check("templates", set(rows) == set(EXPECTED), sorted(set(rows) ^ set(EXPECTED)))
        for template, (endpoint, origin) in EXPECTED.items():
            row = rows.get(template, {})
            check("of %s" % template, row.get("template_from") == origin, row.get("template_from"))
            # What was asked for in vain before anybody had found it is no call of an endpoint.
            calls, played = int(row.get("calls", 0)), truth["endpoints"][endpoint]
            check("calls of %s" % template, played - truth["statuses"]["404"] <= calls <= played
                  if endpoint == "shop" else calls == played, (calls, played))
        for workers in (2, 4):
            check("%d workers" % workers, inventory(pcap, "-w", workers) == first)

        state = tmp / "state"
        state.mkdir()
        inventory(pcap, "--state", state)
        other, truth = play(12)
        rows = table(inventory(other))
        check("another seed", set(rows) == set(EXPECTED), sorted(set(rows) ^ set(EXPECTED)))
        rows = table(inventory(other, "--state", state))
        check("restart", set(rows) == set(EXPECTED), sorted(set(rows) ^ set(EXPECTED)))

        conf = tmp / "pins.conf"
        conf.write_text('detect: { templates: {\n'
                        '  pin = [ "GET api.shops.example /api/members/{login}" ];\n'
                        '  split = [ "GET api.shops.example /api/shops/*" ];\n}; };\n')
        rows = table(inventory(pcap, "--config", conf))
        row = rows.get("/api/members/{login}", {})
        check("pin", row.get("template_from") == "pinned" and "/api/members/me" in rows,
              row.get("calls"))
        check("split", "/api/shops/{name}" not in rows and
              sum(t.startswith("/api/shops/") for t in rows) > 150)
        rows = table(inventory(other, "--config", conf, "--state", state))
        check("pin after a restart", "/api/members/{login}" in rows and
              "/api/members/{name}" not in rows)

        conf.write_text('detect: { templates: {\n  split = [\n    "GET /api/shops" ];\n}; };\n')
        done = run(apitap, "check", "--config", conf, code=2)
        check("mistake", "pins.conf:" in done.stderr and "no host" in done.stderr, done.stderr.strip())
        conf.write_text('detect: { templates: { pin = [ "GET h /a/{b}", "GET h /a/{c}" ]; }; };\n')
        done = run(apitap, "check", "--config", conf, code=2)
        check("contradiction", "pins.conf" in done.stderr and "{c}" in done.stderr,
              done.stderr.strip())
    return failed


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(1 if main(pathlib.Path(sys.argv[1])) else 0)

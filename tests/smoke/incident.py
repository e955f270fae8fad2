#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
"""usage: incident.py BUILD

The scenario of two actors: what the first one did is one incident in order, what the other one did
is another, whatever the number of workers. What is learnt comes back with --state, under the seed
of that directory; an endpoint is learnt anew when it is told to be; a damaged baseline is put aside."""

import json
import pathlib
import subprocess
import sys
import tempfile
import time

SCENARIO = pathlib.Path(__file__).resolve().parent.parent / "scenarios" / "incident.scn"
STORY = ["D-44", "D-16", "D-10"]
ORDERS = "GET api.shop.example/api/orders"

failed = 0


def check(name, good, what=""):
    global failed
    print(("ok  " if good else "NOT OK  ") + name + ("" if good else f": {what}"))
    failed += not good


def run(*command, code=0):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != code:
        sys.exit(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stderr}")
    return done


def incidents(build, work, capture):
    logs = []
    for workers in "124":
        log = work / f"issues.{workers}"
        run(build / "apitap", "replay", "-q", "-w", workers, "--log-issues", log, capture)
        logs.append(log.read_text())
    check("the same on 1, 2 and 4 workers", logs[0] == logs[1] == logs[2])
    issues = [json.loads(line) for line in logs[0].splitlines()]
    mine = [i for i in issues if i["attacker"]["ip"] == "203.0.113.66"]
    other = [i for i in issues if i["attacker"]["ip"] == "198.51.100.9"]
    ids = {i["incident_id"] for i in mine}
    check("one actor, one incident", len(ids) == 1 and None not in ids, ids)
    chain = [i["detector"] for i in mine if i["detector"] in STORY]
    check("in the order of time", chain == STORY, chain)
    for issue in mine:
        rest = [i["id"] for i in mine if i is not issue]
        check(f"{issue['detector']} names the others",
              [r["id"] for r in issue["related"]] == rest and
              issue["incident_issues"] == len(mine), issue["related"])
    check("more signs, more risk", len({i["risk"] for i in mine}) == 1 and
          other and mine[0]["risk"] > other[0]["risk"] > 0)
    check("another actor, another incident",
          {i["incident_id"] for i in other}.isdisjoint(ids | {None}), other)
    return issues


def cards(build, capture, issues):
    text = run(build / "apitap", "replay", capture).stdout
    check("cards tell the incident", all(
        f"Incident {i['incident_id']}, risk {i['risk']} of 100" in text
        for i in issues if i["incident_id"]))


def state(build, work, capture):
    kept = work / "state"
    replay = (build / "apitap", "replay", "-q", "--state", kept, capture)
    baseline = (build / "apitap", "baseline", "--state", kept)
    run(*replay)
    seed = (kept / "apitap.seed").read_bytes()
    check("a seed of its own", len(seed) == 8 and
          (kept / "apitap.seed").stat().st_mode & 0o777 == 0o600)
    listed = {line.split("Z  ")[-1]: int(line.split()[0])
              for line in run(*baseline, "list").stdout.splitlines()}
    run(*replay)
    again = {line.split("Z  ")[-1]: int(line.split()[0])
             for line in run(*baseline, "list").stdout.splitlines()}
    check("what was learnt is there and grows", ORDERS in listed and
          all(again[name] == 2 * n for name, n in listed.items()), (listed, again))
    check("the seed stays", (kept / "apitap.seed").read_bytes() == seed)
    run(*baseline, "reset", "GET api.shop.example/nothing", code=1)
    run(*baseline, "reset", ORDERS)
    after = {line.split("Z  ")[-1]: int(line.split()[0])
             for line in run(*baseline, "list").stdout.splitlines()}
    check("one endpoint is forgotten", ORDERS not in after and
          after == {k: v for k, v in again.items() if k != ORDERS})
    saved = (kept / "apitap.baseline").read_bytes()
    (kept / "apitap.baseline").write_bytes(saved[:-1] + bytes([saved[-1] ^ 1]))
    done = run(*replay)
    check("a damaged baseline is put aside, loudly",
          (kept / "apitap.baseline.corrupt").exists() and "put aside" in done.stderr, done.stderr)
    check("and learnt anew", (kept / "apitap.baseline").stat().st_size > 1000)


def sensor(build, work, conf, log, seconds):
    """The sensor watches for so long. Returns its messages."""
    with open(log, "w") as err:
        process = subprocess.Popen((build / "apitap", "run", "-c", conf, "--", "--no-huge"),
                                   stdout=subprocess.DEVNULL, stderr=err)
        while "watching" not in log.read_text() and process.poll() is None:
            time.sleep(0.05)
        time.sleep(seconds)
        process.terminate()
        process.wait()
    return log.read_text()


def live(build, work, capture):
    kept, conf, log = work / "kept", work / "run.conf", work / "run.log"
    conf.write_text(f"""ports = ( {{ name = "tap"; device = "net_pcap0,rx_pcap={capture}"; }} );
state: {{ dir = "{kept}"; }};
export: {{ pub = "ipc://{work}/issues"; replay = "ipc://{work}/replay"; spool = "{work}/spool"; }};
workers: {{ count = 1; }};
""")
    listed = ""
    for seconds in 2, 5, 20:  # the capture is there at once, but this machine may be busy
        text = sensor(build, work, conf, log, seconds)
        listed = run(build / "apitap", "baseline", "--state", kept, "list").stdout
        if ORDERS in listed:
            break
    check("the sensor keeps what it learnt", ORDERS in listed, text)
    before = (kept / "apitap.seed").read_bytes()
    text = sensor(build, work, conf, log, 1)
    check("and has it back at the next start", "what was learnt is back" in text and
          "put aside" not in text and (kept / "apitap.seed").read_bytes() == before, text)
    again = run(build / "apitap", "baseline", "--state", kept, "list").stdout
    check("nothing of it is gone", len(again.splitlines()) >= len(listed.splitlines()))


def main():
    build = pathlib.Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        capture = work / "incident.pcap"
        run(build / "apitap-gen", "play", SCENARIO, capture)
        issues = incidents(build, work, capture)
        cards(build, capture, issues)
        state(build, work, capture)
        live(build, work, capture)
    sys.exit(failed > 0)


main()

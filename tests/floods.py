#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
"""Traffic that is meant to use up memory or time, and beside it ordinary clients, of whom every
exchange must be found with its answer: for each kind of "apitap-gen flood", a capture of a hundred
of them, then one of many, which may not take more memory. --full has as many as an attacker may
send, and prints microseconds of CPU a packet, which are not judged."""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading

from resident import sample

# kind: count of a short run, settings, least part of the ordinary exchanges that must be found, MiB
# more than for a hundred of them (None: each is a connection in use, and has its memory)
KINDS = {
    "syn": (100000, "", 0.999, 32),
    "forged": (100000, "flows: { max = %d; };", 0.99, None),
    "idle": (6000, "flows: { max = %d; };", 0.99, 32),
    "fragments": (50000, "", 1, 32),
    "vlan": (20000, "", 1, 32),
    "mpls": (20000, "", 1, 32),
    "ipip": (20000, "", 1, 32),
    "holes": (300, "", 1, 64),
    "coded": (7000, "", 1, None),
    "halves": (12000, "", 1, None),
    "slow": (2000, "", 1, None),
}
IDLE_FLOWS = {False: 4096, True: 16384}

failed = 0


def check(name, good, text=""):
    global failed
    failed += not good
    print("%s  %s  %s" % ("ok  " if good else "FAIL", name, text), flush=True)


def count_live(log, found):
    for line in log:
        if b'"uri":"/live/' in line and b'"status":200' in line and b'"resp_len":14' in line:
            found.add(line.split(b'"uri":"', 1)[1].split(b'"', 1)[0])


class Run:
    """One flood, made and replayed through pipes."""

    def __init__(self, build, conf, kind, count):
        make = [build / "apitap-gen", "flood", kind, "-"] + (["--count", str(count)] if count else [])
        replay = [build / "apitap", "replay", "-c", conf, "--quiet", "--workers", "1",
                  "--log-transactions", "/dev/stdout", "-"]
        self.found, sizes, done = set(), [], threading.Event()
        with subprocess.Popen(make, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as source:
            with subprocess.Popen(replay, stdin=source.stdout, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL) as sensor:
                source.stdout.close()
                sampler = threading.Thread(target=sample, args=(sensor.pid, sizes, done))
                sampler.start()
                count_live(sensor.stdout, self.found)
                # The sensor alone, with the most that it ever had.
                _, status, used = os.wait4(sensor.pid, 0)
                sensor.returncode = self.status = os.waitstatus_to_exitcode(status)
                done.set()
                sampler.join()
            text = source.stderr.read().decode()
        found = re.search(r"(\d+) packets, (\d+) exchanges", text)
        self.packets, self.exchanges = int(found[1]), int(found[2])
        self.cpu_s = used.ru_utime + used.ru_stime
        self.rss = used.ru_maxrss / 1024
        self.tenths = [sizes[len(sizes) * i // 10] for i in range(10)] if sizes else []


def flood(build, work, kind, full):
    small, settings, least, more = KINDS[kind]
    conf = work / "flood.conf"
    conf.write_text(settings % IDLE_FLOWS[full] if "%" in settings else settings)
    few = Run(build, conf, kind, 100)
    many = Run(build, conf, kind, 0 if full else small)
    good = many.status == few.status == 0 and len(few.found) == few.exchanges and \
        len(many.found) >= least * many.exchanges
    if more is not None:
        good = good and many.rss <= few.rss + more
    text = "%d packets, %d of %d exchanges, at most %.0f MiB (a hundred: %.0f)" % (
        many.packets, len(many.found), many.exchanges, many.rss, few.rss)
    if full:
        # The few took the start, which is the same for both.
        text += ", %.2f us a packet" % (
            1e6 * (many.cpu_s - few.cpu_s) / (many.packets - few.packets))
        text += ", by tenths of the time " + " ".join("%.0f" % size for size in many.tenths) + " MiB"
    check(kind, good, text)


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("build", type=pathlib.Path)
    options.add_argument("kind", nargs="*", default=list(KINDS))
    options.add_argument("--full", action="store_true")
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="floods-") as work:
        for kind in given.kind:
            flood(given.build.resolve(), pathlib.Path(work), kind, given.full)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

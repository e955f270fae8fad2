#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
"""Damaged bits in every capture with HTTP of ../shared (optional; nothing of it belongs here).

    flips.py [--seeds 1-20] [--flip 0.01] [--verify on|auto]

One bit in one of a hundred packets is flipped by ../shared/corpus/gen/mutate_pcap.py, once for each
seed, and all captures are replayed in one process. What is found is compared with what the sensor
finds in the undamaged captures with the same checksums.verify: a value that contradicts, or an
exchange that is not in there, is wrong, and none is allowed with "on". Exchanges without a request
are only counted. FLIPS_VERBOSE tells which are wrong. Needs editcap for captures that are pcapng.
"""

import argparse
import collections
import contextlib
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from mirror_judge import FIELDS, contradicts, key_of  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("APITAP_BUILD", ROOT / "build"))
CORPUS = pathlib.Path(os.environ.get("APITAP_SHARED", ROOT / "../shared")) / "corpus"
# Not judged, and why.
AMBIGUOUS = {
    # Answered twice with different bytes: where the first answer is damaged the second is read.
    "zeek+zeek/testing/btest/Traces/tcp/qi_internet_SYNACK_curl_jsonip.pcap",
}
PCAPNG = b"\x0a\x0d\x0d\x0a"


def captures():
    """The captures, by name, that have an expected exchange."""
    names = set()
    for path in (CORPUS / "oracle").rglob("*.jsonl"):
        with open(path, encoding="utf8") as lines:
            names |= {r["pcap"] for r in map(json.loads, lines) if r.get("kind") == "http"}
    return sorted(names - AMBIGUOUS)


def classic(names, into):
    """All of them as classic capture files below a directory: their names there."""
    there = []
    for name in names:
        source, target = CORPUS / "pcaps" / name, into / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(source, "rb") as file:
            pcapng = file.read(4) == PCAPNG
        if not pcapng:
            target.symlink_to(source.resolve())
        elif subprocess.run(["editcap", "-F", "pcap", source, target], check=False,
                            capture_output=True).returncode:
            continue
        there.append(name)
    return there


class Mutator:
    """The script, compiled once."""

    def __init__(self):
        self.path = str(CORPUS / "gen/mutate_pcap.py")
        with open(self.path, encoding="utf8") as file:
            self.code = compile(file.read(), self.path, "exec")

    def run(self, source, target, *arguments):
        target.parent.mkdir(parents=True, exist_ok=True)
        sys.argv = [self.path, str(source), str(target), *arguments]
        with contextlib.redirect_stdout(io.StringIO()):
            exec(self.code, {"__name__": "__main__"})  # pylint: disable=exec-used


def replay(directory, names, verify):
    """The exchanges of each capture, by what tells them apart, and how many lack the request."""
    log, conf = directory / "log.jsonl", directory / "flips.conf"
    conf.write_text(f'checksums: {{ verify = "{verify}"; }};\n', encoding="utf8")
    done = subprocess.run([BUILD / "apitap", "replay", "-c", conf, "--quiet", "--each", "--hashes",
                           "--log-transactions", log, *names], cwd=directory, check=False,
                          capture_output=True, text=True)
    if done.returncode > 1:  # 1: a capture is damaged
        sys.exit(done.stderr[-2000:])
    by, orphans = collections.defaultdict(list), 0
    with open(log, encoding="utf8") as lines:
        for record in map(json.loads, lines):
            if record.get("kind") != "http":
                continue
            if record["method"] is None:
                orphans += 1
            else:
                by[(record["pcap"], *key_of(record))].append(record)
    return by, orphans


def judge(found, clean):
    """Exchanges found, those found whole, the wrong ones."""
    whole, wrong = 0, []
    for key, here in found.items():
        there = clean.get(key, [])
        wrong += here[len(there):]
        for record in here[:len(there)]:
            whole += any(all(record.get(f) == c.get(f) for f in FIELDS) for c in there)
            if all(contradicts(record, c) for c in there):
                wrong.append(record)
    return sum(map(len, found.values())), whole, wrong


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--seeds", default="1-20")
    options.add_argument("--flip", default="0.01")
    options.add_argument("--verify", default="on")
    options = options.parse_args()
    if not (CORPUS / "gen/mutate_pcap.py").exists():
        print("tests/flips.py: skipped: there is no ../shared beside the checkout")
        return 0
    first, _, last = options.seeds.partition("-")
    mutator, n_wrong, n_whole, n_all = Mutator(), 0, 0, 0
    with tempfile.TemporaryDirectory() as work:
        plain, damaged = pathlib.Path(work) / "plain", pathlib.Path(work) / "damaged"
        names = classic(captures(), plain)
        clean, _ = replay(plain, names, options.verify)
        total = sum(map(len, clean.values()))
        print(f"{len(names)} captures, {total} exchanges with verify \"{options.verify}\"")
        for seed in range(int(first), int(last or first) + 1):
            for name in names:
                mutator.run(plain / name, damaged / name, "--flip", options.flip,
                            "--seed", str(seed))
            found, orphans = replay(damaged, names, options.verify)
            n_found, whole, wrong = judge(found, clean)
            n_wrong, n_whole, n_all = n_wrong + len(wrong), n_whole + whole, n_all + total
            print(f"seed {seed}: {n_found} found, {whole} whole ({100 * whole / total:.2f} %), "
                  f"{len(wrong)} wrong, {orphans} without request", flush=True)
            if "FLIPS_VERBOSE" in os.environ:
                for record in wrong:
                    print("wrong:", json.dumps(record), file=sys.stderr)
    print(f"{n_whole} of {n_all} found whole ({100 * n_whole / n_all:.2f} %), {n_wrong} wrong")
    return 1 if n_wrong and options.verify == "on" else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
"""usage: scenarios.py BUILD [GROUP...]

End-to-end tests: apitap-gen makes captures, apitap replays them, and what it reports is compared
with the truth that the generator wrote beside each capture. Needs no root, hugepages or network.
Every check prints one line, "ok NAME: figures" or "FAIL NAME: what"; the exit status is 1 after
any failure. A group of checks works in a directory of its own, so groups can run side by side."""

import collections
import datetime
import hashlib
import json
import math
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.parse
import zlib

# Of one issue, in this order; what follows them is about the record, not about the issue.
ISSUE_KEYS = """id type detector module severity status confidence owasp incident_result
    response_codes detected_at first_seen last_seen count attacker target description impact
    remediation metric data_types evidence history incident_id risk incident_issues
    related""".split()
INNER_KEYS = {
    "attacker": "ip user user_kind user_confidence user_agent".split(),
    "target": "host method template path".split(),
    "metric": "name value unit baseline_mean percentile population window".split(),
}

# What the truth files call an issue: the detector and the title that report it.
KINDS = {
    "excessive-retrieval": ("D-10", "Excessive Data Retrieval"),
    "missing-authentication": ("D-05", "Missing Authentication"),
    "mixed-authentication": ("D-05", "Missing Authentication"),
    "prohibited-type": ("D-12", "Prohibited Data Type"),
    "sensitive-in-url": ("D-14", "Sensitive Data in URL"),
}
SSN_POLICY = 'policies = ( { type = "us.ssn"; action = "prohibited"; direction = "response"; } );\n'
SSN_RE = re.compile(rb"(?<!\d)\d{3}-\d{2}-\d{4}(?!\d)")
RUN_LIMIT_S = 50  # no program here takes nearly as long


Capture = collections.namedtuple("Capture", "path truth")


class Run:
    """What one replay left behind."""

    def __init__(self, code, out, err, log, transactions):
        self.code, self.out, self.err = code, out, err
        self.log, self.transactions = log, transactions
        self.issues = [json.loads(line) for line in log.decode().splitlines()]

    def errors(self):
        return self.err.decode(errors="replace").strip().replace("\n", " | ")

    def verdict(self, wanted):
        return "%s, %d issues, %s: %s" % (
            exit_text(self.code), len(self.issues),
            "as wanted" if self.log == wanted.log else "not the wanted ones", self.errors())


def exit_text(code):
    return "exit %d" % code if code >= 0 else "ended by signal %d" % -code


class Group:
    def __init__(self, name, build, work):
        self.name, self.build, self.work = name, pathlib.Path(build).resolve(), pathlib.Path(work)
        self.failed = self.n_runs = self.n_packets = 0
        self.unbalanced = []

    def check(self, name, good, figures="", wrong=None):
        """wrong: printed when it is not good; None: the figures."""
        text = figures if good or wrong is None else wrong
        print("%s %s.%s: %s" % ("ok" if good else "FAIL", self.name, name, text), flush=True)
        self.failed += not good
        return good

    def program(self, name, *args, **more):
        command = [str(self.build / name), *map(str, args)]
        return subprocess.run(command, capture_output=True, timeout=RUN_LIMIT_S, **more)

    def gen(self, scenario, *options):
        path = self.work / (scenario + ".pcap")
        self.program("apitap-gen", scenario, *options, path).check_returncode()
        return Capture(path, json.loads(path.with_name(path.name + ".truth.json").read_text()))

    def file(self, name, data):
        path = self.work / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    def replay(self, *args, transactions=False, totals=None, **more):
        """Runs apitap replay, with its logs. totals: packets and bytes that it must account for."""
        log, tx = self.work / "issues.jsonl", self.work / "transactions.jsonl"
        log.write_bytes(b"")
        tx.write_bytes(b"")
        if transactions:
            args = ("--hashes", "--log-transactions", tx) + args
        done = self.program("apitap", "replay", "--log-issues", log, *args, **more)
        self.account(args, done, totals)
        return Run(done.returncode, done.stdout, done.stderr, log.read_bytes(), tx.read_bytes())

    def good(self, capture, *args, **more):
        """A replay of one whole capture, which must succeed."""
        run = self.replay(*args, capture.path, **more, totals=(
            capture.truth["packets"], capture.truth["frame_bytes"]))
        if run.code:
            raise RuntimeError("apitap replay %s: %s: %s" % (
                capture.path.name, exit_text(run.code), run.errors()))
        return run

    def account(self, args, done, totals):
        """The table of fates must say that it is balanced, and be it."""
        if done.returncode == 2:
            return
        text = (done.stdout + done.stderr).decode(errors="replace")
        rows = re.findall(r"^  (\S+) +(\d+) +(\d+)  \S.*$", text, re.M)
        sums = [sum(int(row[k]) for row in rows if row[0] != "received") for k in (1, 2)]
        received = [[int(row[1]), int(row[2])] for row in rows if row[0] == "received"]
        self.n_runs += 1
        self.n_packets += sums[0]
        if "all accounted for" not in text:
            wrong = "not all accounted for"
        elif len(received) != 1 or received[0] != sums:
            wrong = "received %s, sum of fates %s" % (received, sums)
        elif totals and list(totals) != sums:
            wrong = "%s packets, bytes of %s in the capture" % (sums, totals)
        else:
            return
        self.unbalanced.append("%s (%s)" % (wrong, " ".join(map(str, args))))

    def finish(self):
        if self.n_runs:
            self.check("fates", not self.unbalanced, "all accounted for in %d runs, %d packets"
                       % (self.n_runs, self.n_packets), "; ".join(self.unbalanced))


# ---- comparing issues

def template(path):
    """/users/{ssn} and /users/{id} are the same."""
    return re.sub(r"\{[^}]*\}", "{}", path)


def describe(issue):
    fields = ", ".join(sorted({"%s in %s" % (t["type"], t["field"]) for t in issue["data_types"]}))
    target = issue["target"]
    return "%s %s [%s] at %s %s (%s)" % (issue["detector"], issue["type"], issue["severity"],
                                         target["method"], target["template"], fields)


def describe_all(issues):
    return "; ".join(map(describe, issues))


def is_expected(issue, expected):
    detector, title = KINDS[expected["kind"]]
    place = "%s %s" % (issue["target"]["method"], issue["target"]["template"])
    return (issue["detector"] == detector and issue["type"] == title and
            template(place) == template(expected["endpoint"]) and
            (not expected.get("type") or any(
                is_type(t["type"], expected["type"]) and is_field(t["field"], expected["field"])
                for t in issue["data_types"])))


def is_type(found, expected):
    return found == expected or found.startswith(expected + ".")  # phone: phone.us, phone.e164 ..


def is_field(found, expected):
    return found == expected or (expected == "path" and found.startswith("path["))


def check_expected(group, run, capture, name="issues"):
    """Exactly the issues of the truth file, each once. Returns (expected, issue) of those found."""
    left, pairs, wrong = list(run.issues), [], []
    for expected in capture.truth["expected_issues"]:
        found = [i for i in left if is_expected(i, expected)]
        left = [i for i in left if i not in found]
        if len(found) != 1:
            wrong.append("%d times %s %s %s" % (len(found), expected["kind"], expected["endpoint"],
                                                expected.get("field", "")))
        else:
            pairs.append((expected, found[0]))
    wrong += ["not expected: " + describe(i) for i in left]
    group.check(name, not wrong, "%d as expected, no other" % len(pairs), "; ".join(wrong))
    return pairs


def check_severities(group, pairs):
    wrong = ["%s %s: %s, expected %s" % (e["endpoint"], e.get("field", ""), i["severity"],
                                         e["severity"])
             for e, i in pairs if i["severity"].lower() != e["severity"]]
    group.check("severity", pairs and not wrong, ", ".join(i["severity"] for _, i in pairs),
                "; ".join(wrong) or "no issue")


def check_shape(group, issue):
    keys, wrong = list(issue), []
    if keys[:len(ISSUE_KEYS)] != ISSUE_KEYS:
        wrong.append("keys are " + " ".join(keys))
    for name, inner in INNER_KEYS.items():
        if list(issue.get(name) or {}) != inner:
            wrong.append("keys of %s are %s" % (name, " ".join(issue.get(name) or {})))
    group.check("keys", not wrong, "%d in order, then %s" % (
        len(ISSUE_KEYS), " ".join(keys[len(ISSUE_KEYS):])), "; ".join(wrong))


# ---- retrieval

def check_retrieval(group, capture, population):
    run = group.good(capture)
    pairs = check_expected(group, run, capture)
    if not pairs:
        return None
    expected, issue = pairs[0]
    metric, attacker = issue["metric"], issue["attacker"]
    group.check("text", issue["type"].encode() in run.out and attacker["user"].encode() in run.out,
                "on standard output")
    group.check("type", (issue["type"], issue["module"]) == ("Excessive Data Retrieval", "Runtime"),
                "%(type)s, %(module)s" % issue)
    group.check("value", math.isclose(metric["value"], 413, rel_tol=0.01),
                "%s values in a minute" % metric["value"])
    group.check("mean", math.isclose(metric["baseline_mean"], 10.64, rel_tol=0.01) and
                "10.6" in issue["description"], "%s, in the truth %s" % (
                    metric["baseline_mean"], expected["baseline_mean"]))
    group.check("population", metric["population"] == population, metric["population"])
    group.check("attacker", (attacker["user"], attacker["ip"]) == (
        expected["user"], expected["address"]), "%(user)s at %(ip)s" % attacker)
    group.check("result", (issue["severity"], issue["incident_result"]) == ("High", "Succeeded"),
                "%(severity)s, %(incident_result)s" % issue)
    return issue


def group_retrieval(group):
    capture = group.gen("retrieval")
    issue = check_retrieval(group, capture, 10001)
    if not issue:
        return
    check_shape(group, issue)
    percentile, text = issue["metric"]["percentile"], issue["description"]
    group.check("percentile", percentile == 99.99 and "more than 99.99 %" in text,
                "%s: %s" % (percentile, text))
    group.check("owasp", issue["owasp"][:1] == ["API3:2023"] and len(issue["owasp"]) == 3,
                " ".join(issue["owasp"]))
    texts = [len(issue[k]) for k in ("description", "impact", "remediation")]
    group.check("texts", min(texts) > 40, "of %d, %d, %d letters" % (*texts,))
    evidence, history = issue["evidence"], issue["history"]
    good = [e for e in evidence if e["request"]["head"].startswith("GET /api/v1/customers?") and
            e["response"]["head"].startswith("HTTP/1.1 200") and '"items"' in e["response"]["body"]]
    group.check("evidence", evidence and good == evidence,
                "%d requests with responses" % len(evidence))
    group.check("history", history and all(c["method"] and c["template"] for c in history),
                "%d calls" % len(history))
    # Told while the user still pulls, not after the file's end.
    offender, first = capture.truth["offender"], parse_time(capture.truth["first_packet"])
    after_s = parse_time(issue["detected_at"]) - first
    group.check("detected", offender["burst_from_s"] < after_s < offender["burst_to_s"],
                "%.1f s after the first packet; the burst goes from %d to %d s" % (
                    after_s, offender["burst_from_s"], offender["burst_to_s"]))


def parse_time(text):
    return datetime.datetime.fromisoformat(text).timestamp()


def group_few_users(group):
    issue = check_retrieval(group, group.gen("retrieval", "--users", 50), 50)
    if not issue:
        return
    group.check("percentile", issue["metric"]["percentile"] is None and
                "99.9" not in issue["description"], "none claimed")
    text = issue["description"]
    group.check("rank", "the highest of 50 users" in text, text,
                '"the highest of 50 users" is not in: ' + text)


# ---- social security numbers

def conf_file(group, policies):
    return group.file("apitap.conf", policies + (
        'export: { pub = "ipc://%s/issues"; replay = "ipc://%s/replay"; spool = "%s/spool"; };\n'
        % (group.work, group.work, group.work)))


def ssns_of(capture):
    """All numbers in the capture, those of compressed bodies as far as one packet holds them."""
    data = capture.path.read_bytes()
    found = set(SSN_RE.findall(data))
    for start in re.finditer(rb"\x1f\x8b\x08", data):
        try:
            body = zlib.decompressobj(31).decompress(data[start.start():start.start() + 2000])
        except zlib.error:
            continue
        found |= set(SSN_RE.findall(body))
    return sorted(found)


def check_hidden(group, name, data, ssns):
    """None of the numbers, with or without signs, in bytes that do show masked ones."""
    clear = [s for s in ssns if s in data or s.replace(b"-", b"") in data]
    masked = data.count(b"***-**-")
    group.check(name, not clear and masked and len(ssns) >= 20,
                "none of %d numbers in %d bytes, %d masked" % (len(ssns), len(data), masked),
                "%d of %d numbers in clear, %d masked" % (len(clear), len(ssns), masked))


def group_ssn(group):
    capture = group.gen("ssn")
    run = group.good(capture)
    group.check("no-policy", not run.issues, "no issue without a policy",
                describe_all(run.issues))
    run = group.good(capture, "--config", conf_file(group, SSN_POLICY), "--export")
    pairs = check_expected(group, run, capture)
    check_severities(group, pairs)
    ssns = ssns_of(capture)
    ends = {s[-4:].decode() for s in ssns}
    shown = [re.findall(r'"ssn":"\*\*\*-\*\*-(\d{4})"', e["response"]["body"])
             for _, i in pairs for e in i["evidence"]]
    group.check("evidence", shown and all(len(s) == 1 and s[0] in ends for s in shown),
                "***-**-%s" % " ***-**-".join(sum(shown, [])))
    check_hidden(group, "hidden-log", run.log, ssns)
    check_hidden(group, "hidden-text", run.out + run.err, ssns)
    spool = b"".join(f.read_bytes() for f in sorted((group.work / "spool").iterdir()))
    check_hidden(group, "hidden-spool", spool, ssns)


def group_live(group):
    """Issues of a replay forty times as fast as captured, read by a subscriber meanwhile."""
    capture = group.gen("ssn")
    conf = conf_file(group, SSN_POLICY)
    with open(group.work / "live.jsonl", "wb") as out:
        reader = subprocess.Popen([group.build / "apitap-issues", "--json", "--since", "0", "--url",
                                   "ipc://%s/issues" % group.work], stdout=out,
                                  stderr=subprocess.DEVNULL)
    try:
        run = group.good(capture, "--config", conf, "--export", "--speed", "40x")
        time.sleep(0.5)
    finally:
        reader.terminate()
        reader.wait(RUN_LIMIT_S)
    data = (group.work / "live.jsonl").read_bytes()
    records = [json.loads(line) for line in data.splitlines()]
    told = re.search(rb"issues (\d+) \(\+(\d+) updates\)", run.out + run.err)
    wanted = int(told[1]) + int(told[2])
    group.check("records", [r["seq"] for r in records] == list(range(1, wanted + 1)),
                "%d in order" % len(records), "numbers %s of 1 to %d" % (
                    [r["seq"] for r in records], wanted))
    expected = capture.truth["expected_issues"][0]
    good = [r for r in records if list(r)[:len(ISSUE_KEYS)] == ISSUE_KEYS and
            is_expected(r, expected)]
    kinds = [r["activity"] for r in records]
    group.check("issue", records and good == records and
                kinds == ["Created"] + ["Updated"] * (len(records) - 1) and
                len({r["id"] for r in records}) == 1, "created once, then %d updates" % (
                    len(kinds) - 1), "activities %s, %d as expected" % (kinds, len(good)))
    last = [dict(r, epoch=0, seq=1) for r in records[-1:]]
    group.check("final", records and run.issues == last, "the last record is the log's",
                "the last record differs from the log's issue")
    check_hidden(group, "hidden", data, ssns_of(capture))


# ---- authentication

def group_auth(group):
    capture = group.gen("noauth")
    run = group.good(capture)
    pairs = check_expected(group, run, capture, "noauth")
    check_severities(group, pairs)
    catalogue = [i for i in run.issues if "products" in i["target"]["template"]]
    group.check("catalogue", not catalogue, "no issue", describe_all(catalogue))
    for expected, issue in pairs:
        missing = [t for t in expected["types"]
                   if not any(is_type(d["type"], t) for d in issue["data_types"])]
        group.check("noauth-types", not missing, " ".join(expected["types"]),
                    "no " + ", ".join(missing))
    capture = group.gen("mixed-auth")
    pairs = check_expected(group, group.good(capture), capture, "mixed")
    for expected, issue in pairs:
        calls, without = expected["calls"], expected["without_credentials"]
        share, text = "%.1f %%" % (100 * (calls - without) / calls), issue["description"]
        count = re.search(r"\b%d\b(?![.,]\d)" % without, text)
        group.check("mixed-text", share in text and count, text,
                    "%s or %d is not in: %s" % (share, without, text))
        group.check("mixed-severity", issue["severity"].lower() == expected["severity"],
                    issue["severity"])


# ---- secrets in URLs

def url_values(capture):
    """The values in URLs as sent and as meant, and the tokens in headers."""
    data, values = capture.path.read_bytes(), set()
    for pattern in (rb"[?&](?:api_key|token|card|email|phone)=([^& ]+)", rb"/by-ssn/([^? ]+)",
                    rb"Authorization: Bearer ([^\r]+)"):
        values |= set(re.findall(pattern, data))
    return values | {urllib.parse.unquote_to_bytes(v) for v in values}


def group_url(group):
    capture = group.gen("url")
    run = group.good(capture)
    pairs = check_expected(group, run, capture)
    check_severities(group, pairs)
    secrets = [i for e, i in pairs if e["type"] in ("jwt", "apikey.generic")]
    group.check("secrets", len(secrets) == 2 and all(i["severity"] == "High" for i in secrets),
                "%d, High" % len(secrets), describe_all(secrets))
    values = url_values(capture)
    for name, data in ("hidden-log", run.log), ("hidden-text", run.out + run.err):
        clear = [v for v in values if v in data]
        group.check(name, not clear and len(values) >= 150 and b"***" in data,
                    "none of %d values in %d bytes" % (len(values), len(data)),
                    "%d of %d in clear" % (len(clear), len(values)))


def group_benign(group):
    capture = group.gen("benign")
    run = group.good(capture)
    group.check("issues", not run.issues, "none from %d users, %d exchanges" % (
        capture.truth["users"], capture.truth["exchanges"]), describe_all(run.issues))


# ---- any number of workers

def sorted_exchanges(data):
    lines = []
    for line in data.decode().splitlines():
        record = json.loads(line)
        del record["conn"]  # counted by each worker
        lines.append(json.dumps(record))
    return len(lines), hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def group_shards(group):
    # Mostly long epochs: each ends with a meeting of all threads, which is slow where there are
    # more threads than cores.
    confs = {ms: group.file("%s.conf" % ms, SSN_POLICY + "sensor: { epoch_ms = %d; };\n" % ms)
             for ms in (250, 1000)}
    captures = {
        "retrieval": group.gen("retrieval", "--users", 500, "--minutes", 2),
        "url": group.gen("url", "--minutes", 1),
        "noauth": group.gen("noauth", "--minutes", 1),
        "ssn": group.gen("ssn", "--minutes", 1),
        "hard": group.gen("hard"),
        "ws": group.gen("ws"),
    }
    for name, capture in captures.items():
        runs, conf = {}, confs[250 if name in ("ssn", "hard", "ws") else 1000]
        # Repeated with threads where that is quick, else without.
        for workers in (1, 2, 4, 4, 4) if name == "hard" else (1, 1, 1, 2, 4):
            run = group.good(capture, "--config", conf, "--workers", workers, transactions=True)
            runs.setdefault(workers, []).append((sorted_exchanges(run.transactions), run.log))
        first = runs[1][0]
        for what, part in ("exchanges", 0), ("issues", 1):
            differ = ["%d workers, run %d" % (w, n + 1) for w, list_ in runs.items()
                      for n, one in enumerate(list_) if one[part] != first[part]]
            count = first[0][0] if part == 0 else len(first[1].splitlines())
            group.check("%s-%s" % (name, what), not differ and (count or name == "hard"),
                        "%d %s the same with 1, 2, 4 workers, and again" % (count, what),
                        "%d %s; not as with 1 worker: %s" % (count, what, ", ".join(differ)))


# ---- framing

def by_request(lines):
    found = collections.defaultdict(list)
    for record in filter(lambda r: r["kind"] == "http", map(json.loads, lines.splitlines())):
        found[tuple(record[k] for k in ("src", "sport", "method", "uri"))].append(record)
    return found


def differences(expected, found):
    """Anomalies that were not asked for are no difference: the sensor may know more."""
    wrong = ["%s is %r, expected %r" % (key, found.get(key, "missing"), value)
             for key, value in expected.items()
             if key not in ("pcap", "conn", "stream", "anomaly", "optional") and
             (key not in found or found[key] != value)]
    return wrong + ["no " + a for a in expected["anomaly"] if a not in found["anomaly"]]


def group_hard(group):
    capture = group.gen("hard")
    run = group.good(capture, transactions=True)
    expected = by_request((group.work / "hard.pcap.expected.jsonl").read_text())
    found = by_request(run.transactions.decode())
    cases = sorted((c["client_port"], c["case"]) for c in capture.truth["cases"])
    differ, missing, extra = [], [], []
    n_expected = sum(map(len, expected.values()))
    for key in expected.keys() | found.keys():
        case = [name for port, name in cases if port <= key[1]][-1:]
        label = "%s: %s %s" % (*case, key[2], key[3])
        wanted, got = expected.get(key, []), found.get(key, [])
        differ += ["%s: %s" % (label, ", ".join(differences(one, other)))
                   for one, other in zip(wanted, got) if differences(one, other)]
        missing += [label for e in wanted[len(got):] if not e.get("optional")]
        extra += ["%s -> %s" % (label, f["status"]) for f in got[len(wanted):]]
    wrong = ["missing " + m for m in sorted(missing)] + sorted(differ)
    group.check("equal", n_expected > 100 and not wrong, "%d exchanges in %d cases" % (
        n_expected, len(cases)), "%d expected; %s" % (n_expected, "; ".join(wrong)))
    group.check("extra", not extra, "none", "; ".join(sorted(extra)))
    group.check("issues", not run.issues, "none", describe_all(run.issues))


# ---- forms of input

def read_pcap(path):
    """Packets of what apitap-gen writes, as (nanoseconds, bytes)."""
    data, packets, at = path.read_bytes(), [], 24
    while at < len(data):
        seconds, micros, length, _ = struct.unpack_from("<IIII", data, at)
        packets.append((seconds * 10**9 + micros * 1000, data[at + 16:at + 16 + length]))
        at += 16 + length
    return packets


def pcap(packets, order="<", nano=False):
    magic = 0xA1B23C4D if nano else 0xA1B2C3D4
    parts = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, 1)]
    for ns, data in packets:
        part = ns % 10**9 // (1 if nano else 1000)
        parts.append(struct.pack(order + "IIII", ns // 10**9, part, len(data), len(data)) + data)
    return b"".join(parts)


def pcapng(packets, order="<", nano=False):
    def block(kind, body):
        body += bytes(-len(body) % 4)
        return struct.pack(order + "II", kind, len(body) + 12) + body + struct.pack(
            order + "I", len(body) + 12)

    resolution = struct.pack(order + "HHB3xHH", 9, 1, 9, 0, 0) if nano else b""
    parts = [block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1)),
             block(1, struct.pack(order + "HHI", 1, 0, 65535) + resolution)]
    for ns, data in packets:
        stamp = ns // (1 if nano else 1000)
        parts.append(block(6, struct.pack(order + "IIIII", 0, stamp >> 32, stamp & 0xFFFFFFFF,
                                          len(data), len(data)) + data))
    return b"".join(parts)


def group_inputs(group):
    capture = group.gen("noauth", "--users", 40, "--minutes", 1)
    base, packets = group.good(capture), read_pcap(capture.path)
    totals = (len(packets), sum(len(data) for _, data in packets))
    group.check("pcap", base.issues and totals == (
        capture.truth["packets"], capture.truth["frame_bytes"]), "%d issues" % len(base.issues))

    def same(name, *args, **more):
        run = group.replay(*args, totals=totals, **more)
        group.check(name, run.code == 0 and run.log == base.log, "the same issues",
                    run.verdict(base))

    for name, data in (("pcap-big", pcap(packets, ">")), ("pcap-nano", pcap(packets, nano=True)),
                       ("pcap-big-nano", pcap(packets, ">", True)), ("pcapng", pcapng(packets)),
                       ("pcapng-big", pcapng(packets, ">")),
                       ("pcapng-nano", pcapng(packets, nano=True))):
        same(name, group.file(name, data))
    with open(capture.path, "rb") as file:
        same("stdin-file", "-", stdin=file)
    same("stdin-pipe", "-", input=pcapng(packets))
    half = len(packets) // 2
    first = group.file("first.pcap", pcap(packets[:half]))
    second = group.file("second.pcap", pcapng(packets[half:]))
    same("split", first, second)
    same("paced", "--speed", "20x", capture.path)
    check_damaged(group, capture, packets, base, second)


def check_damaged(group, capture, packets, base, second):
    part = packets[:len(packets) * 2 // 3]
    whole = pcap(part)
    some = group.replay(group.file("whole.pcap", whole))
    tails = {
        "cut-in-packet": whole[:-7],
        "cut-in-header": whole + struct.pack("<II", part[-1][0] // 10**9, 0),
        "bad-length": whole + struct.pack("<IIII", part[-1][0] // 10**9, 0, 1 << 30, 1 << 30),
    }
    shorter = group.replay(group.file("shorter.pcap", pcap(part[:-1])))
    for name, data in tails.items():
        wanted = shorter if name == "cut-in-packet" else some
        run = group.replay(group.file(name, data))
        group.check(name, run.code == 1 and name in run.errors() and run.issues and
                    run.log == wanted.log, "exit 1, %d issues up to there; %s" % (
                        len(run.issues), run.errors()), run.verdict(wanted))
    (group.work / "folder").mkdir()
    group.file("empty", b"")
    group.file("text", "This is no capture.\n" * 20)
    first = group.file("first.pcap", pcap(packets[:len(packets) // 2]))
    for name in "folder", "empty", "text", "nothing":
        # Before and between what is good, which must not suffer.
        run = group.replay(group.work / name, first, group.work / name, second)
        group.check(name, run.code == 1 and run.errors().count("/" + name + ":") == 2 and
                    run.log == base.log, "exit 1, the others were read; %s" % run.errors(),
                    run.verdict(base))
    run = group.replay("--each", group.work / "text", capture.path, group.work / "whole.pcap")
    group.check("each", run.code == 1 and [json.loads(line) for line in (
        base.log + some.log).splitlines()] == [dict(i, seq=1) for i in run.issues],
        "every capture as if alone", "%s, %d issues" % (exit_text(run.code), len(run.issues)))


# ---- options and configuration

MISTAKES = """# every line but this one is wrong
sensor: { id = 5; epoch_ms = 1; };
detect: { retrieval: { factor = "much"; nokey = 1; }; };
policies = ( { type = "us.zzn"; action = "perhaps"; }, { action = "prohibited"; } );
nogroup: { a = 1; };
workers: { count = 65; };
"""
MISTAKEN_KEYS = """2: sensor.id/2: sensor.epoch_ms/3: detect.retrieval.factor
3: detect.retrieval.nokey/4: policies[0].type/4: policies[0].action/4: policies[1].type
5: nogroup/6: workers.count""".replace("\n", "/").split("/")


def group_options(group):
    capture = group.gen("url", "--users", 5, "--minutes", 1)
    missing = "/nonexistent/apitap.conf"
    for name, said, args in (
            ("unknown", "no-such-option", ("--no-such-option", capture.path)),
            ("no-capture", "capture", ()),
            ("workers-0", "--workers", ("--workers", "0", capture.path)),
            ("workers-17", "--workers", ("--workers", "17", capture.path)),
            ("speed", "--speed", ("--speed", "fast", capture.path)),
            ("no-config", missing, ("--config", missing, capture.path)),
            ("each-state", "--state", ("--each", "--state", group.work, capture.path))):
        run = group.replay(*args)
        group.check(name, run.code == 2 and not run.log and said in run.errors(),
                    "exit 2; " + run.errors().split(" | ")[0],
                    "%s: %s" % (exit_text(run.code), run.errors()))

    bad = group.file("bad.conf", MISTAKES)
    check = group.program("apitap", "check", "--config", bad)
    text = (check.stdout + check.stderr).decode()
    told = re.findall(r"^%s:(\d+: [^:]+): \S" % re.escape(str(bad)), text, re.M)
    group.check("check", check.returncode == 2 and sorted(told) == sorted(MISTAKEN_KEYS),
                "exit 2, %d mistakes" % len(told), "exit %d, missing %s, not expected %s" % (
                    check.returncode, sorted(set(MISTAKEN_KEYS) - set(told)),
                    sorted(set(told) - set(MISTAKEN_KEYS))))
    run = group.replay("--config", bad, capture.path)
    group.check("replay-bad", run.code == 2 and not run.log and
                all(key in run.errors() for key in MISTAKEN_KEYS),
                exit_text(run.code) + ", the same mistakes")
    syntax = group.file("syntax.conf", "sensor: {\n\tid = ;\n};\n")
    check = group.program("apitap", "check", "--config", syntax)
    text = (check.stdout + check.stderr).decode()
    group.check("syntax", check.returncode == 2 and "syntax.conf:2:" in text, text.strip())
    sample = group.program("apitap", "check", "--sample")
    check = group.program("apitap", "check", "--config", group.file("sample.conf", sample.stdout))
    group.check("sample", (sample.returncode, check.returncode) == (0, 0) and sample.stdout,
                check.stdout.decode().strip().split("\n")[-1], check.stderr.decode().strip())


GROUPS = {
    "retrieval": group_retrieval,
    "few-users": group_few_users,
    "ssn": group_ssn,
    "live": group_live,
    "auth": group_auth,
    "url": group_url,
    "benign": group_benign,
    "shards": group_shards,
    "hard": group_hard,
    "inputs": group_inputs,
    "options": group_options,
}


def main():
    if len(sys.argv) < 2 or any(name not in GROUPS for name in sys.argv[2:]):
        print("%s\ngroups: %s" % (__doc__.split("\n")[0], " ".join(GROUPS)), file=sys.stderr)
        return 2
    os.environ["LC_ALL"] = "C"
    failed = 0
    for name in sys.argv[2:] or GROUPS:
        with tempfile.TemporaryDirectory(prefix="apitap-") as work:
            group = Group(name, sys.argv[1], work)
            try:
                GROUPS[name](group)
            except Exception as error:  # a broken program must not hide the other groups
                where = traceback.extract_tb(error.__traceback__)[1:]
                group.check("run", False, "%s: %s (%s)" % (
                    type(error).__name__, error, " > ".join("line %d" % f.lineno for f in where)))
            group.finish()
            failed += group.failed
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

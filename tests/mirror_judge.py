#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
"""What of a capture can still be found after a mirror port has damaged it, and what was.

    mirror_judge.py CLEAN.pcap CLEAN.jsonl [NAME LEAST DAMAGED.pcap FOUND.jsonl]...

The .jsonl files are the transaction logs of the captures. The clean capture is cut into messages
here, by sequence numbers and RFC 9112 framing, so it must be HTTP/1 without tricks. An exchange
survived when every segment that carries a byte of it is in the damaged capture, unchanged; it was
found when both halves are in the log, and found whole when every value is as in the clean log.
A record is wrong when a value contradicts the clean log, or when it is not in there at all.

Fails when a record is wrong, when fewer than LEAST percent of the exchanges that survived were
found whole, or, where LEAST is "same", when the two logs differ. MIRROR_VERBOSE tells which.
"""

import collections
import json
import os
import struct
import sys

FIELDS = ("host", "version", "status", "req_ctype", "resp_ctype", "req_enc", "resp_enc",
          "req_len", "req_sha256", "resp_len", "resp_sha256")


def frames(path):
    """The frames of a classic capture file, in order."""
    data = open(path, "rb").read()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    at = 24
    while at + 16 <= len(data):
        size = struct.unpack(order + "I", data[at + 8:at + 12])[0]
        yield data[at + 16:at + 16 + size]
        at += 16 + size


def segment(frame):
    """(source, destination, sequence number, flags, payload) of a TCP segment, or None."""
    kind, at = struct.unpack("!H", frame[12:14])[0], 14
    if kind == 0x0800 and frame[23] == 6:
        end = at + struct.unpack("!H", frame[16:18])[0]
        source, target, at = frame[26:30], frame[30:34], at + (frame[14] & 15) * 4
    elif kind == 0x86DD and frame[20] == 6:
        end = at + 40 + struct.unpack("!H", frame[18:20])[0]
        source, target, at = frame[22:38], frame[38:54], at + 40
    else:
        return None
    sport, dport, seq = struct.unpack("!HHI", frame[at:at + 8])
    payload = frame[at + (frame[at + 12] >> 4) * 4:end]
    return (source, sport), (target, dport), seq, frame[at + 13], payload


class Stream:
    """One direction of a connection: its bytes, and the segment that brought each of them."""

    def __init__(self):
        self.data, self.owner = {}, {}
        self.first = None

    def add(self, seq, payload, number):
        if self.first is None:
            self.first = seq
        off = (seq - self.first) & 0xFFFFFFFF
        for i, byte in enumerate(payload):
            self.data.setdefault(off + i, byte)
            self.owner.setdefault(off + i, number)

    def text(self):
        size = 0
        while size in self.data:
            size += 1
        return bytes(self.data[i] for i in range(size))


def headers(head):
    lines = head.split(b"\r\n")[1:]
    return {k.strip().lower(): v.strip() for k, _, v in (line.partition(b":") for line in lines)}


def body_end(text, at, fields):
    if b"chunked" in fields.get(b"transfer-encoding", b"").lower():
        while True:
            line = text.find(b"\r\n", at)
            if line < 0:
                return len(text)
            size = int(text[at:line].split(b";")[0], 16)
            at = line + 2 + size + 2
            if size == 0:
                return at
    if b"content-length" in fields:
        return at + int(fields[b"content-length"])
    return None


def messages(text, requests):
    """(start line, first byte, behind the last byte). requests: methods, when text is responses."""
    at, n = 0, 0
    while at < len(text):
        end = text.find(b"\r\n\r\n", at)
        if end < 0:
            return
        line = text[at:text.find(b"\r\n", at)].split(b" ")
        behind = body_end(text, end + 4, headers(text[at:end]))
        if requests is None:
            behind = behind or end + 4
        elif line[1] in (b"204", b"304") or (n < len(requests) and requests[n] == b"HEAD"):
            behind = end + 4
        elif behind is None:
            behind = len(text)
        yield line, at, behind
        at, n = behind, n + 1


def name(end):
    host, port = end
    if len(host) == 4:
        return ".".join(map(str, host)), port
    return host, port


def exchanges(path):
    """(client, server, method, target, segments) of each exchange of a clean capture."""
    conns, of = [], {}
    for number, frame in enumerate(frames(path)):
        found = segment(frame)
        if not found:
            continue
        source, target, seq, flags, payload = found
        ends = frozenset((source, target))
        if flags & 0x12 == 0x02 and (ends not in of or of[ends][source].first != seq + 1):
            of[ends] = {source: Stream(), target: Stream(), "client": source, "server": target}
            of[ends][source].first = (seq + 1) & 0xFFFFFFFF
            conns.append(of[ends])
        if ends not in of:
            continue
        if flags & 0x12 == 0x12:
            of[ends][source].first = (seq + 1) & 0xFFFFFFFF
        if payload and not flags & 0x02:
            of[ends][source].add(seq, payload, number)
    for conn in conns:
        asked, answered = conn[conn["client"]], conn[conn["server"]]
        requests = list(messages(asked.text(), None))
        responses = list(messages(answered.text(), [line[0] for line, _, _ in requests]))
        for (line, a, b), (_, c, d) in zip(requests, responses):
            segments = {asked.owner[i] for i in range(a, b)} | \
                {answered.owner[i] for i in range(c, d)}
            yield name(conn["client"]), name(conn["server"]), line[0], line[1], segments


def records(path):
    with open(path, encoding="utf8") as lines:
        return [r for r in map(json.loads, lines) if r.get("kind") == "http"]


def key_of(record):
    return (record["src"], record["sport"], record["dst"], record["dport"], record["method"],
            record["uri"])


def contradicts(found, clean):
    """A value that is there must be right; the length of a body that is not whole is a part."""
    for field in FIELDS:
        value = found.get(field)
        if value is None or value == clean.get(field):
            continue
        if field.endswith("_len") and found.get(field.replace("len", "sha256")) is None:
            continue
        return True
    return False


def group(path):
    """Records by what tells exchanges apart, and how many responses have no request."""
    by, orphans = collections.defaultdict(list), 0
    for record in records(path):
        if record["method"] is None:
            orphans += 1
        else:
            by[key_of(record)].append(record)
    return by, orphans


def wrong_records(found, clean, say):
    """Exchanges with the same target cannot be told apart: each must be like one of them."""
    wrong = 0
    for key, here in found.items():
        wrong += max(0, len(here) - len(clean.get(key, ())))
        for record in here:
            if all(contradicts(record, other) for other in clean.get(key, ())):
                wrong += 1
                say("wrong:", record)
    return wrong


def content(path):
    """The log without what depends on the file's name and on the order of connections."""
    return sorted(json.dumps({k: v for k, v in r.items() if k not in ("pcap", "conn")})
                  for r in records(path))


def judge(clean_log, all_frames, exchanged, run, say):
    """One line about a damaged capture; False when a figure is missed."""
    name, least, damaged, log = run
    clean, (found, orphans) = group(clean_log)[0], group(log)
    wrong = wrong_records(found, clean, say)
    left = collections.Counter(frames(damaged))
    survived, n_found, whole = collections.Counter(), 0, 0
    for key, segments in exchanged:
        if all(left[all_frames[i]] > 0 for i in segments):
            survived[key] += 1
    for key, n in survived.items():
        here = [r for r in found.get(key, ()) if r["status"] is not None]
        same = [r for r in here
                if any(all(r.get(f) == c.get(f) for f in FIELDS) for c in clean[key])]
        n_found += min(n, len(here))
        whole += min(n, len(same))
        if len(same) < n:
            say("survived, not found whole:", key)
    total = sum(survived.values())
    percent = 100 * whole / total if total else 100
    good = wrong == 0
    if least == "same":
        good = good and content(clean_log) == content(log)
    else:
        good = good and percent >= float(least)
    print(f"{name}: {total} of {len(exchanged)} survived, {n_found} found, {whole} whole "
          f"({percent:.2f} %, least {least}), {wrong} wrong, {orphans} without request"
          f"{'' if good else ' <- MISSED'}")
    return good


def main():
    clean_pcap, clean_log, *rest = sys.argv[1:]
    verbose = "MIRROR_VERBOSE" in os.environ
    all_frames = list(frames(clean_pcap))
    exchanged = [(client + server + (method.decode(), target.decode("latin-1")), segments)
                 for client, server, method, target, segments in exchanges(clean_pcap)]
    good = True
    for i in range(0, len(rest), 4):
        good &= judge(clean_log, all_frames, exchanged, rest[i:i + 4],
                      lambda *what: verbose and print(*what, file=sys.stderr))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()

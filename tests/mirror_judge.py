#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
"""What of a capture can still be found after a mirror port has damaged it, and what was.

    mirror_judge.py CLEAN.pcap CLEAN.jsonl DAMAGED.pcap FOUND.jsonl

CLEAN.jsonl and FOUND.jsonl are the transaction logs of the two captures. The clean capture is cut
into messages here, by sequence numbers and RFC 9112 framing, so it must be HTTP/1 without tricks.
An exchange survived when every segment that carries a byte of it is in the damaged capture,
unchanged. Prints one JSON object:

    survived   exchanges of which nothing is missing
    found      … of those, found with both halves
    whole      … of those, with every value as in the clean log
    wrong      records anywhere whose values contradict the clean log, or that are not in it
"""

import collections
import json
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


def main():
    clean_pcap, clean_log, damaged_pcap, found_log = sys.argv[1:]
    clean, found = collections.defaultdict(list), collections.defaultdict(list)
    orphans, wrong = [], 0
    for record in records(clean_log):
        clean[key_of(record)].append(record)
    for record in records(found_log):
        if record["method"] is None:
            orphans.append(record)
        elif key_of(record) not in clean:
            wrong += 1
            print("not in the clean log:", record, file=sys.stderr)
        else:
            found[key_of(record)].append(record)
    for key, group in found.items():
        if len(group) > len(clean[key]):
            wrong += len(group) - len(clean[key])
            print("more than once:", key, file=sys.stderr)
        # Exchanges with the same target cannot be told apart: each must be like one of them.
        for record in group:
            if all(contradicts(record, other) for other in clean[key]):
                wrong += 1
                print("contradiction:", record, clean[key][0], file=sys.stderr)
    left = collections.Counter(frames(damaged_pcap))
    all_frames = list(frames(clean_pcap))
    survived, n_found, whole = collections.Counter(), 0, 0
    total = 0
    for client, server, method, target, segments in exchanges(clean_pcap):
        total += 1
        if all(left[all_frames[i]] > 0 for i in segments):
            survived[client + server + (method.decode(), target.decode("latin-1"))] += 1
    for key, n in survived.items():
        group = [r for r in found[key] if r["status"] is not None]
        n_found += min(n, len(group))
        same = [r for r in group
                if any(all(r.get(f) == c.get(f) for f in FIELDS) for c in clean[key])]
        whole += min(n, len(same))
        if len(same) < n:
            print("survived, but not found whole:", key, file=sys.stderr)
    print(json.dumps({"exchanges": total, "survived": sum(survived.values()), "found": n_found,
                      "whole": whole, "wrong": wrong, "orphans": len(orphans)}))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
"""usage: inventory.py BUILD

The inventory of a played shop: the OpenAPI document is well-formed, each recorded request is in it,
any number of workers writes the same, and counts are those of the transaction log. Names from the
wire stay texts. What a specification lacks is reported, once, and mistakes in one have a line."""

import collections
import csv
import io
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.parse

sys.dont_write_bytecode = True
import identity

HERE = pathlib.Path(__file__).resolve().parent
METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
TYPES = {"string", "integer", "number", "boolean", "null", "array", "object"}
failed = 0


def check(name, ok, what=""):
    global failed
    failed += not ok
    print("%s %s%s" % ("ok" if ok else "FAIL", name, ": %s" % what if what else ""))


def run(*args, code=0):
    done = subprocess.run([str(a) for a in args], capture_output=True)
    if done.returncode != code:
        check("exit %d of %s" % (code, args[1]), False,
              "%d %s" % (done.returncode, done.stderr.decode(errors="replace")))
    return done


# ---- what is wrong with a document, by the specification of OpenAPI 3.1

def schema_wrong(schema, where):
    if not isinstance(schema, dict):
        return ["%s: no schema" % where]
    wrong = []
    kinds = schema.get("type", [])
    for kind in [kinds] if isinstance(kinds, str) else kinds:
        if kind not in TYPES:
            wrong.append("%s: type %s" % (where, kind))
    for name, one in schema.get("properties", {}).items():
        wrong += schema_wrong(one, "%s.%s" % (where, name))
    for name in schema.get("required", []):
        if name not in schema.get("properties", {}):
            wrong.append("%s: requires %s" % (where, name))
    for one in schema.get("anyOf", []):
        wrong += schema_wrong(one, where)
    if "items" in schema:
        wrong += schema_wrong(schema["items"], where + "[]")
    return wrong


def operation_wrong(op, path, document):
    wrong, names = [], set()
    for p in op["parameters"]:
        if (p["in"], p["name"]) in names:
            wrong.append("%s: twice %s" % (path, p["name"]))
        names.add((p["in"], p["name"]))
        wrong += schema_wrong(p["schema"], path + "?" + p["name"])
        if p["in"] not in ("path", "query") or (p["in"] == "path" and not p["required"]):
            wrong.append("%s: parameter %s" % (path, p["name"]))
    if {n for w, n in names if w == "path"} != set(re.findall(r"\{([^}]*)\}", path)):
        wrong.append("%s: names of its path" % path)
    if not op["responses"]:
        wrong.append("%s: no response" % path)
    for status, r in op["responses"].items():
        if not re.fullmatch(r"[1-5]\d\d|default", status) or "description" not in r:
            wrong.append("%s: response %s" % (path, status))
        for media in r.get("content", {}).values():
            wrong += schema_wrong(media["schema"], path)
    for media in op.get("requestBody", {}).get("content", {}).values():
        wrong += schema_wrong(media["schema"], path)
    for one in op["security"]:
        for scheme in one:
            if scheme not in document["components"]["securitySchemes"]:
                wrong.append("%s: security %s" % (path, scheme))
    return wrong


def document_wrong(document):
    wrong = []
    if not document["openapi"].startswith("3.1.") or not document["info"]["version"]:
        wrong.append("no OpenAPI 3.1")
    for path, item in document["paths"].items():
        if not path.startswith("/"):
            wrong.append("path %s" % path)
        for method, op in item.items():
            if method in METHODS:
                wrong += operation_wrong(op, path, document)
            elif not method.startswith("x-"):
                wrong.append("%s: method %s" % (path, method))
    return wrong


# ---- does a request match?

def path_fits(path, target):
    pattern = "".join("[^/]+" if part.startswith("{") else re.escape(part)
                      for part in re.split(r"(\{[^}]*\})", path))
    return re.fullmatch(pattern, target) is not None


def value_fits(schema, value):
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return (not kinds or "string" in kinds or
            ("integer" in kinds and re.fullmatch(r"[+-]?\d+", value)) or
            ("number" in kinds and re.fullmatch(r"[-+.\deE]+", value)) or
            ("boolean" in kinds and value.lower() in ("true", "false")))


def request_wrong(document, t):
    """None, or why the recorded exchange is not in the document."""
    split = urllib.parse.urlsplit(t["uri"])
    fits = [p for p in document["paths"] if path_fits(p, split.path)]
    # A path without a value in it goes before one with (section "Path Templating Matching").
    fits.sort(key=lambda p: p.count("{"))
    op = next((document["paths"][p][t["method"].lower()] for p in fits
               if t["method"].lower() in document["paths"][p]), None)
    if op is None:
        return "no operation"
    if str(t["status"]) not in op["responses"]:
        return "status"
    if t["status"] // 100 != 2:
        return None
    known = {p["name"]: p for p in op["parameters"] if p["in"] == "query"}
    given = dict(urllib.parse.parse_qsl(split.query, keep_blank_values=True))
    for name, value in given.items():
        if name not in known or not value_fits(known[name]["schema"], value):
            return "parameter %s=%s" % (name, value)
    for name, p in known.items():
        if p["required"] and name not in given:
            return "required %s" % name
    return None


def capture_write(path, exchanges):
    """Each on a connection of its own, a millisecond apart."""
    with open(path, "wb") as out:
        out.write(identity.struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        now = 1767225600 * 1000000
        for i, (request, response) in enumerate(exchanges):
            client = bytes([10, 1, i // 250 + 1, i % 250 + 1])
            for frame in identity.connection(client, 20000 + i, request, response):
                now += 1000
                out.write(identity.struct.pack("<IIII", now // 1000000, now % 1000000, len(frame),
                                               len(frame)) + frame)


# ---- checks

def check_shop(build, work):
    capture, log = work / "shop.pcap", work / "tx.jsonl"
    run(build / "apitap-gen", "play", HERE.parent / "scenarios" / "shop.scn", capture)
    texts = []
    for workers in (1, 2, 4):
        out = work / ("w%d.jsonl" % workers)
        run(build / "apitap", "replay", "-q", "-w", workers, "--inventory", out, capture)
        texts.append(out.read_bytes())
    check("workers", len(texts[0]) > 1000 and texts[0] == texts[1] == texts[2],
          "%s bytes" % [len(t) for t in texts])
    documents = [json.loads(line) for line in texts[0].splitlines()]
    wrong = [w for d in documents for w in document_wrong(d)]
    check("document", not wrong and documents,
          "%d hosts, %d paths %s" % (len(documents), sum(len(d["paths"]) for d in documents),
                                     wrong[:3]))
    run(build / "apitap", "replay", "-q", "--log-transactions", log, capture)
    exchanges = [json.loads(line) for line in log.read_text().splitlines()]
    exchanges = [t for t in exchanges if t["kind"] == "http"]
    hosts = {d["info"]["title"]: d for d in documents}
    bad = collections.Counter()
    for t in exchanges:
        if t["status"] in (0, None, 404, 405):
            continue
        why = request_wrong(hosts[t["host"].split(":")[0]], t)
        if why:
            bad[(t["method"], t["template"], why)] += 1
    check("requests", not bad and len(exchanges) > 100,
          "%d exchanges, %d not in it %s" % (len(exchanges), sum(bad.values()), bad.most_common(3)))
    table = run(build / "apitap", "inventory", "--csv", capture).stdout.decode()
    rows = list(csv.DictReader(io.StringIO(table)))
    counted = collections.Counter((t["host"].split(":")[0], t["method"], t["template"])
                                  for t in exchanges if t["status"] // 100 == 2)
    same = all(counted[(r["host"], r["method"], r["template"])] == int(r["successful"])
               for r in rows)
    check("table", same and len(rows) >= len(counted) > 3,
          "%d endpoints, %d with success" % (len(rows), len(counted)))
    lines = run(build / "apitap", "inventory", "--json", capture).stdout.splitlines()
    check("lines", [json.loads(x)["template"] for x in lines] == [r["template"] for r in rows],
          "%d" % len(lines))
    return rows


def check_hostile(build, work):
    odd = '=1+1"\\u0041\x01\u202e<script>'
    target = "/a/" + urllib.parse.quote('"},x=1')
    query = urllib.parse.urlencode({odd: "1"})
    answer = '{"a\\"b": 1, "l": [[{"x": null}], 2], "l2": "s"}'
    capture_write(work / "odd.pcap", [
        (identity.http("GET %s?%s HTTP/1.1" % (target, query), ["Host: odd.example"], ""),
         identity.http("HTTP/1.1 200 OK", [], answer)) for _ in range(12)
    ] + [(identity.http("GET /nothing/here HTTP/1.1", ["Host: odd.example"], ""),
          identity.http("HTTP/1.1 404 Not Found", [], "{}"))])
    text = run(build / "apitap", "inventory", work / "odd.pcap").stdout
    document = json.loads(text)
    wrong = document_wrong(document)
    op = list(document["paths"].values())[0]["get"]
    check("odd names", not wrong and len(document["paths"]) == 1 and
          len(op["parameters"]) == 1 and op["parameters"][0]["required"],
          "%s %s" % (wrong, [p["name"] for p in op["parameters"]]))
    schema = op["responses"]["200"]["content"]["application/json"]["schema"]["properties"]
    nested = schema["l"]["items"]
    check("nested", "anyOf" in nested and {"type": "integer"} in nested["anyOf"] and
          schema["l2"] == {"type": "string"}, json.dumps(nested))
    check("lines of text", all(b >= 0x20 or b == 10 for b in text))


def check_spec(build, work, rows):
    lines = ["%s %s %s" % (r["method"], r["host"], r["template"].split("#")[0]) for r in rows
             if int(r["successful"])]
    spec, conf, issues = work / "routes.txt", work / "a.conf", work / "issues.jsonl"
    conf.write_text('detect = { inventory = { specs = [ "%s" ]; }; };\n' % spec)
    found = []
    for kept in (lines, lines[1:]):
        spec.write_text("\n".join(kept) + "\n")
        run(build / "apitap", "replay", "-q", "-c", conf, "--log-issues", issues,
            work / "shop.pcap")
        found.append([(i["target"]["method"], i["target"]["host"], i["target"]["template"])
                      for i in map(json.loads, issues.read_text().splitlines())
                      if i["detector"] == "D-52"])
    check("shadow", found[0] == [] and [" ".join(f) for f in found[1]] == lines[:1],
          "%s, without %s: %s" % (found[0], lines[0], found[1]))
    spec.write_text("GET shop.example /a\nGET nowhere\n")
    done = run(build / "apitap", "check", "-c", conf, code=2)
    check("mistake", b"routes.txt:2: " in done.stderr, done.stderr.decode().strip())


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory(prefix="apitap-inventory-") as work:
        work = pathlib.Path(work)
        rows = check_shop(build, work)
        check_hostile(build, work)
        check_spec(build, work, rows)
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())

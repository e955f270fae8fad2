#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
"""A small JSON API with keep-alive, one thread per connection, for tools/demo.

usage: api_server.py ADDRESS PORT

  POST /login                  {"user": "user-7"} -> a signed token
  GET  /api/v1/customers?page= personal data, needs a token
  GET  /api/v1/customers/{id}  personal data, needs a token
  GET  /api/v1/orders          needs a token
  GET  /api/v1/members/{id}    personal data; whoever wrote it forgot to ask for the token
  GET  /api/v1/products        public catalogue
  GET  /health                 204

All people in it are made up from a fixed seed. It answers until it is ended.
"""
import base64
import hashlib
import hmac
import json
import random
import re
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

SECRET = b"only for the demonstration"
CUSTOMERS = 420
PAGE = 7
FIRST = ("maria", "james", "aiko", "peter", "olivia", "noah", "elena", "kenji", "ingrid", "tomas")
LAST = ("keller", "tanaka", "murphy", "rossi", "novak", "jensen", "carter", "dubois", "sato", "costa")
AREAS = (212, 206, 303, 305, 312, 404, 415, 503, 602, 713)


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def make_token(user):
    """A JSON web token, signed with HMAC-SHA-256 (RFC 7519, alg HS256)."""
    now = int(time.time())
    head = base64url(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    claims = base64url(json.dumps({"sub": user, "iat": now, "exp": now + 3600}).encode())
    signed = head + "." + claims
    return signed + "." + base64url(hmac.new(SECRET, signed.encode(), hashlib.sha256).digest())


def token_user(token):
    """The subject of a valid token, else None."""
    signed, _, signature = token.rpartition(".")
    good = base64url(hmac.new(SECRET, signed.encode(), hashlib.sha256).digest())
    if not hmac.compare_digest(good, signature):
        return None
    claims = signed.partition(".")[2]
    try:
        claims = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    except ValueError:
        return None
    return claims["sub"] if claims.get("exp", 0) > time.time() else None


def luhn(digits):
    """The digits with their check digit behind them."""
    total = 0
    for i, c in enumerate(reversed(digits)):
        d = int(c) * (2 if i % 2 == 0 else 1)
        total += d - 9 if d > 9 else d
    return digits + str(-total % 10)


def make_people(n):
    r = random.Random(20260101)
    people = []
    for i in range(1, n + 1):
        exchange = r.choice([x for x in range(220, 999) if x % 100 != 11 and x != 555])
        people.append({
            "id": i,
            "email": "%s.%s%d@harborline.net" % (r.choice(FIRST), r.choice(LAST), i),
            "phone": "+1 %d %d %04d" % (r.choice(AREAS), exchange, r.randrange(1000, 9999)),
            "card_number": luhn("4" + "".join(r.choice("0123456789") for _ in range(14))),
            "ssn": "%03d-%02d-%04d" % (r.randrange(130, 660), r.randrange(1, 99), r.randrange(1, 9999)),
        })
    return people


PEOPLE = make_people(CUSTOMERS)


def pick(person, *keys):
    return {k: person[k] for k in keys}


class Api(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "demo-api"
    sys_version = ""

    def log_message(self, *_):
        pass

    def answer(self, status, value=None):
        body = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", "Bearer")
        if status != 204:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
        if self.request_version == "HTTP/1.0" and not self.close_connection:
            self.send_header("Connection", "keep-alive")
        # Head and body in one write: two would wait for each other's acknowledgement.
        self._headers_buffer.append(b"\r\n")
        self.wfile.write(b"".join(self._headers_buffer) + body)
        self._headers_buffer = []

    def user(self):
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        return token_user(token) if kind == "Bearer" else None

    def do_POST(self):
        body = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), 65536))
        if self.path != "/login":
            return self.answer(404, {"error": "no such path"})
        try:
            user = str(json.loads(body)["user"])
        except (ValueError, KeyError, TypeError):
            return self.answer(400, {"error": "user is missing"})
        return self.answer(200, {"access_token": make_token(user), "token_type": "Bearer"})

    def do_GET(self):
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        if url.path == "/health":
            return self.answer(204)
        if url.path == "/api/v1/products":
            return self.answer(200, {"items": [
                {"id": i, "title": "office chair", "price": 20 + i, "stock": i % 9} for i in range(1, 13)]})
        if m := re.fullmatch(r"/api/v1/members/(\d{1,6})", url.path):
            person = PEOPLE[int(m.group(1)) % CUSTOMERS]
            return self.answer(200, pick(person, "id", "email", "phone", "ssn"))
        if not re.fullmatch(r"/api/v1/(customers|orders)(/\d{1,6})?", url.path):
            return self.answer(404, {"error": "no such path"})
        if self.user() is None:
            return self.answer(401, {"error": "sign in first"})
        if url.path == "/api/v1/orders":
            return self.answer(200, {"items": [{"order": i, "state": "pending", "total": 12.5 * i} for i in range(1, 5)]})
        if m := re.fullmatch(r"/api/v1/customers/(\d{1,6})", url.path):
            return self.answer(200, pick(PEOPLE[int(m.group(1)) % CUSTOMERS], "id", "email", "phone"))
        try:
            page = max(1, int(query.get("page", ["1"])[0]))
        except ValueError:
            return self.answer(400, {"error": "page is not a number"})
        rows = PEOPLE[(page - 1) * PAGE:page * PAGE]
        return self.answer(200, {
            "page": page, "pages": CUSTOMERS // PAGE,
            "items": [pick(p, "id", "email", "phone", "card_number") for p in rows]})


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with Server((sys.argv[1], int(sys.argv[2])), Api) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()

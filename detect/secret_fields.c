// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Pure functions over spans, for evidence: seldom called, on a few KiB. The walk over JSON is by
// its strings alone, so it works on the beginning of a body and on JSON that is not quite right.

#include "detect/secret_fields.h"

enum { VALUE_MIN = 8 }; // bytes of a value in a body; passwords may be shorter

static bool begins_any(struct span s, const char *const *words)
{
	for (; *words; words++) {
		size_t n = strlen(*words);

		if (span_lower(s.p[0]) == (uint8_t)**words && n <= s.len &&
		    span_ieq(span_make(s.p, n), span_make(*words, n)))
			return true;
	}
	return false;
}

static bool is_any(struct span s, const char *const *words)
{
	for (; *words; words++) {
		if (s.len && span_lower(s.p[0]) == (uint8_t)**words &&
		    span_ieq(s, span_make(*words, strlen(*words))))
			return true;
	}
	return false;
}

static const char *const secret_words[] = {
	"token",   "secret",     "api-key", "api_key",    "apikey",    "passw", "auth",
	"session", "credential", "jwt",     "passphrase", "signature", NULL};
static const char *const secret_names[] = {"key",  "pwd", "pin",       "otp",    "sig",
					   "code", "sid", "phpsessid", "cookie", NULL};
static const char *const passwords[] = {"passw", "pwd", "passphrase", "secret", NULL};
static const char *const pins[] = {"pin", "otp", NULL};

// Where in the name, from `at` on, stand three letters that one of the words above begins with?
// name.len: nowhere, as in hardly any name. A byte says of each first letter which letters may
// follow it in one place, so three places shift through one word (Baeza-Yates, Gonnet: "A new
// approach to text searching", 1992).
static uint32_t word_may_begin(struct span name, uint32_t at)
{
	enum { A = 1, C = 2, J = 4, K = 8, O = 16, P = 32, S = 64, T = 128 };
#define PLACES(first, second, third) ((first) | (second) << 8 | (uint32_t)(third) << 16)
	static const uint32_t places[32] = {
		['a' & 31] = PLACES(A, P, 0),     ['c' & 31] = PLACES(C, 0, S),
		['d' & 31] = PLACES(0, 0, C | P | S), ['e' & 31] = PLACES(0, K | S, C),
		['g' & 31] = PLACES(0, 0, S),     ['h' & 31] = PLACES(0, P, 0),
		['i' & 31] = PLACES(0, P | S, A), ['j' & 31] = PLACES(J, 0, 0),
		['k' & 31] = PLACES(K, 0, T),     ['n' & 31] = PLACES(0, 0, P),
		['o' & 31] = PLACES(O, C | T, C), ['p' & 31] = PLACES(P, A, O | P),
		['r' & 31] = PLACES(0, C, 0),     ['s' & 31] = PLACES(S, 0, P | S),
		['t' & 31] = PLACES(T, O, A | J), ['u' & 31] = PLACES(0, A, 0),
		['w' & 31] = PLACES(0, J | P, 0), ['y' & 31] = PLACES(0, 0, K),
		['-' & 31] = PLACES(0, 0, A),     ['_' & 31] = PLACES(0, 0, A),
	};
#undef PLACES
	uint32_t met = 0;

	for (uint32_t i = at; i < name.len; i++) {
		met = (met << 8 | 0xff) & places[name.p[i] & 31];
		if (met >> 16)
			return i - 2;
	}
	return name.len;
}

static bool contains_any(struct span name, const char *const *words)
{
	for (uint32_t at = 0; (at = word_may_begin(name, at)) < name.len; at++) {
		if (begins_any(span_make(name.p + at, name.len - at), words))
			return true;
	}
	return false;
}

bool secret_name(struct span name)
{
	// Challenges and pseudo header fields say nothing that is secret.
	static const char *const open[] = {"www-authenticate", "proxy-authenticate", "authority",
					   ":authority", NULL};

	return word_may_begin(name, 0) < name.len &&
	       (contains_any(name, secret_words) || is_any(name, secret_names)) &&
	       !is_any(name, open);
}

// In bodies there are codes and keys of all sorts, and authors.
static bool is_secret(struct span name, uint32_t len)
{
	static const char *const harmless[] = {"code", "key", NULL};
	static const char *const authors[] = {"author", NULL};

	if (word_may_begin(name, 0) == name.len)
		return false;
	if (contains_any(name, passwords) || is_any(name, pins))
		return len > 0;
	return len >= VALUE_MIN && secret_name(name) && !is_any(name, harmless) &&
	       !contains_any(name, authors);
}

struct walk {
	struct span body;
	struct secret_field *fields;
	uint32_t n, room;
	uint32_t *searched;
	bool full;
};

static void walk_field(struct walk *w, uint32_t name, uint32_t name_end, uint32_t from, uint32_t to)
{
	if (w->full || !is_secret(span_make(w->body.p + name, name_end - name), to - from))
		return;
	w->full = w->n == w->room;
	if (w->full)
		*w->searched = from;
	else
		w->fields[w->n++] = (struct secret_field){from, to};
}

// The closing quote of the string that begins at `at`, or the end: the first quote with an even
// number of backslashes before it.
static uint32_t string_end(struct span body, uint32_t at)
{
	for (uint32_t from = at; from < body.len;) {
		const uint8_t *quote = memchr(body.p + from, '"', body.len - from);
		uint32_t end, escapes = 0;

		if (!quote)
			return body.len;
		end = (uint32_t)(quote - body.p);
		while (end - escapes > from && body.p[end - escapes - 1] == '\\')
			escapes++;
		if (escapes % 2 == 0)
			return end;
		from = end + 1;
	}
	return body.len;
}

static uint32_t skip_space(struct span body, uint32_t at)
{
	while (at < body.len && body.p[at] <= ' ')
		at++;
	return at;
}

static uint32_t number_end(struct span body, uint32_t at)
{
	while (at < body.len && ((body.p[at] >= '0' && body.p[at] <= '9') || body.p[at] == '-' ||
				 body.p[at] == '+' || body.p[at] == '.'))
		at++;
	return at;
}

// "name" : "value" or number, at any depth.
static void walk_json(struct walk *w)
{
	for (uint32_t at = 0, end, from, to; at < w->body.len;) {
		const uint8_t *quote = memchr(w->body.p + at, '"', w->body.len - at);

		if (!quote)
			return;
		at = (uint32_t)(quote - w->body.p);
		end = string_end(w->body, at + 1);
		if (end == w->body.len)
			return;
		from = skip_space(w->body, end + 1);
		if (from == w->body.len || w->body.p[from] != ':') {
			at = end + 1;
			continue;
		}
		from = skip_space(w->body, from + 1);
		if (from < w->body.len && w->body.p[from] == '"') {
			to = string_end(w->body, ++from);
			walk_field(w, at + 1, end, from, to);
			at = to + 1;
		} else {
			to = number_end(w->body, from);
			walk_field(w, at + 1, end, from, to);
			at = to;
		}
	}
}

static void walk_form(struct walk *w)
{
	for (uint32_t at = 0; at < w->body.len;) {
		struct span rest = span_make(w->body.p + at, w->body.len - at);
		struct span pair = span_until(rest, '&'), name = span_until(pair, '=');

		if (name.len < pair.len)
			walk_field(w, at, at + name.len, at + name.len + 1, at + pair.len);
		at += pair.len + 1;
	}
}

uint32_t secret_fields(struct span body, struct secret_field *fields, uint32_t room,
		       uint32_t *searched)
{
	struct walk w = {.body = body, .fields = fields, .room = room, .searched = searched};
	uint32_t first = skip_space(body, 0);

	if (first < body.len && (body.p[first] == '{' || body.p[first] == '['))
		walk_json(&w);
	else
		walk_form(&w);
	return w.n;
}

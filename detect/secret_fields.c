// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Pure functions over spans, for evidence: seldom called, on a few KiB. The walk over JSON is by
// its strings alone, so it works on the beginning of a body and on JSON that is not quite right.

#include "detect/secret_fields.h"

enum { VALUE_MIN = 8 }; // bytes of a value in a body; passwords may be shorter

static bool contains(struct span s, const char *word)
{
	size_t n = strlen(word);

	for (uint32_t i = 0; n <= s.len && i <= s.len - n; i++) {
		if (span_lower(s.p[i]) == (uint8_t)*word &&
		    span_ieq(span_make(s.p + i, n), span_make(word, n)))
			return true;
	}
	return false;
}

static bool contains_any(struct span s, const char *const *words)
{
	for (; *words; words++) {
		if (contains(s, *words))
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

// Do three letters stand in the name that one of the words above begins with? Hardly any name has
// them.
static bool may_be_secret(struct span name)
{
#define LETTER(c) (UINT32_C(1) << ((c) & 31))
	static const uint32_t second[32] = {
		['a' & 31] = LETTER('p') | LETTER('u'),
		['c' & 31] = LETTER('r') | LETTER('o'),
		['j' & 31] = LETTER('w'),
		['k' & 31] = LETTER('e'),
		['o' & 31] = LETTER('t'),
		['p' & 31] = LETTER('a') | LETTER('h') | LETTER('i') | LETTER('w'),
		['s' & 31] = LETTER('e') | LETTER('i'),
		['t' & 31] = LETTER('o'),
	};
	static const uint32_t third[32] = {
		['a' & 31] = LETTER('i') | LETTER('-') | LETTER('_') | LETTER('t'),
		['c' & 31] = LETTER('e') | LETTER('d') | LETTER('o'),
		['j' & 31] = LETTER('t'),
		['k' & 31] = LETTER('y'),
		['o' & 31] = LETTER('p'),
		['p' & 31] = LETTER('s') | LETTER('p') | LETTER('n') | LETTER('d'),
		['s' & 31] = LETTER('c') | LETTER('s') | LETTER('g') | LETTER('d'),
		['t' & 31] = LETTER('k'),
	};
#undef LETTER
	for (uint32_t i = 0; i + 2 < name.len; i++) {
		uint32_t first = name.p[i] & 31;

		if (second[first] >> (name.p[i + 1] & 31) & third[first] >> (name.p[i + 2] & 31) & 1)
			return true;
	}
	return false;
}

bool secret_name(struct span name)
{
	// Challenges and pseudo header fields say nothing that is secret.
	static const char *const open[] = {"www-authenticate", "proxy-authenticate", "authority",
					   ":authority", NULL};

	return may_be_secret(name) && !is_any(name, open) &&
	       (contains_any(name, secret_words) || is_any(name, secret_names));
}

// In bodies there are codes and keys of all sorts, and authors.
static bool is_secret(struct span name, uint32_t len)
{
	static const char *const harmless[] = {"code", "key", NULL};

	if (!may_be_secret(name))
		return false;
	if (contains_any(name, passwords) || is_any(name, pins))
		return len > 0;
	return len >= VALUE_MIN && secret_name(name) && !is_any(name, harmless) &&
	       !contains(name, "author");
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
		if (w->body.p[at] != '"') {
			at++;
			continue;
		}
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

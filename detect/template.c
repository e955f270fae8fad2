// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Look-ups in the table of templates. Worker and merger; pure functions over spans.

#include "detect/template.h"

#include "detect/siphash.h"

#include <string.h>

uint64_t template_root(uint64_t seed, struct span host, struct span method)
{
	return siphash(seed, siphash(seed, 'E', host), method);
}

uint64_t template_id(uint64_t seed, uint64_t root, struct span template)
{
	return siphash_id(siphash(seed, root, template));
}

// Under another key than identities, so that no place is one.
uint64_t template_place(uint64_t seed, uint64_t place, struct span segment)
{
	return siphash_id(siphash(~seed, place, segment));
}

uint64_t template_key(uint64_t place, enum template_key kind, struct span text)
{
	return siphash_id(siphash(place, (uint64_t)kind, text));
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

// v1, v2beta, 1.0: a part of the API's name.
static bool is_version(struct span word)
{
	bool marked = word.len > 1 && span_lower(word.p[0]) == 'v';

	if (word.len == 0 || word.len > 10 || !is_digit(word.p[marked]))
		return false;
	for (uint32_t i = marked; i < word.len; i++) {
		uint8_t c = span_lower(word.p[i]);

		if (!is_digit(c) && c != '.' && (!marked || c < 'a' || c > 'z'))
			return false;
	}
	return true;
}

// Letters of the span count as small ones.
static int compare_word(struct span word, const char *text)
{
	for (uint32_t i = 0; i < word.len; i++) {
		int order = span_lower(word.p[i]) - (uint8_t)text[i];

		if (order) // the NUL behind the text is one, too
			return order;
	}
	return -(uint8_t)text[word.len];
}

bool template_reserved(struct span word)
{
	static const char *const words[] = { // sorted
		"account", "accounts", "active",      "add",        "admin",    "all",
		"api",     "auth",     "batch",       "bulk",       "cart",     "config",
		"count",   "create",   "current",     "default",    "delete",   "download",
		"edit",    "export",   "favicon.ico", "feed",       "filter",   "graphql",
		"health",  "import",   "index",       "info",       "latest",   "list",
		"login",   "logout",   "me",          "metrics",    "mine",     "new",
		"null",    "password", "ping",        "profile",    "query",    "random",
		"recent",  "register", "reset",       "robots.txt", "search",   "self",
		"session", "settings", "signin",      "signup",     "stats",    "status",
		"summary", "suggest",  "token",       "top",        "trending", "undefined",
		"update",  "upload",   "validate",    "verify",     "version",  "whoami",
	};
	uint32_t low = 0, high = sizeof(words) / sizeof(words[0]);

	if (is_version(word))
		return true;
	if (word.len < 2 || word.len > 11)
		return false;
	while (low < high) {
		uint32_t middle = (low + high) / 2;
		int order = compare_word(word, words[middle]);

		if (order == 0)
			return true;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

uint32_t template_ending(struct span s)
{
	uint32_t n = 0;

	while (n < s.len && n < 6 && span_lower(s.p[s.len - 1 - n]) >= 'a' &&
	       span_lower(s.p[s.len - 1 - n]) <= 'z')
		n++;
	return n && n < 6 && n + 1 < s.len && s.p[s.len - 1 - n] == '.' ? n + 1 : 0;
}

static struct span pin_name(const struct template_table *t, uint64_t place)
{
	uint32_t low = 0, high = t->n_pins;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (t->pins[middle].place == place)
			return span_make(t->pins[middle].name, strlen(t->pins[middle].name));
		if (t->pins[middle].place < place)
			low = middle + 1;
		else
			high = middle;
	}
	return (struct span){0};
}

enum template_origin template_segment_is(const struct template_table *t, uint64_t place,
					 struct span segment, struct span *name, uint32_t *ending)
{
	bool value = template_is_value(segment);

	*ending = 0;
	if (idset_has(t->set, template_key(place, TEMPLATE_KEPT, segment)))
		return TEMPLATE_WORD;
	if (t->n_pins && idset_has(t->set, template_key(place, TEMPLATE_NAMED, (struct span){0}))) {
		*name = pin_name(t, place);
		if (name->len && (value || !template_reserved(segment)))
			return TEMPLATE_PINNED;
	}
	if (value)
		return TEMPLATE_LEXICAL;
	*ending = template_ending(segment);
	if (!idset_has(t->set,
		       template_key(place, TEMPLATE_FOLDED,
				    span_make(segment.p + segment.len - *ending, *ending))) ||
	    template_reserved(segment) ||
	    idset_has(t->set, template_key(place, TEMPLATE_SPLIT, (struct span){0})))
		return TEMPLATE_WORD;
	*name = SPAN_LIT("{name}");
	return TEMPLATE_LEARNT;
}

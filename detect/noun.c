// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Names are taken apart where a sign, or a capital letter behind a small one, begins a new word;
// the last word says whether it names an identifier, those before it of what.

#include "detect/noun.h"

#include "detect/siphash.h"

static bool is_upper(uint8_t c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_sign(uint8_t c)
{
	return c == '_' || c == '-' || c == '.' || c == ' ' || c == '@' || c == '$' || c == ':';
}

bool noun_words_take(struct noun_words *w, struct span name)
{
	bool fresh = true;

	w->n = w->len = 0;
	if (name.len == 0 || name.len > NOUN_NAME)
		return false;
	for (uint32_t i = 0; i < name.len; i++) {
		uint8_t c = name.p[i];

		if (is_sign(c)) {
			fresh = true;
			continue;
		}
		// orderId, orderID, IDNumber: the last capital before a small letter begins a word.
		if (i && is_upper(c) &&
		    (!is_upper(name.p[i - 1]) ||
		     (i + 1 < name.len && name.p[i + 1] >= 'a' && name.p[i + 1] <= 'z')))
			fresh = true;
		if (fresh && w->n == NOUN_WORDS)
			return false;
		if (fresh)
			w->at[w->n++] = (uint8_t)w->len;
		fresh = false;
		w->text[w->len++] = span_lower(c);
	}
	w->at[w->n] = (uint8_t)w->len;
	return w->n > 0;
}

static struct span word_at(const struct noun_words *w, uint32_t i)
{
	return span_make(w->text + w->at[i], (size_t)(w->at[i + 1] - w->at[i]));
}

static bool is_one_of(struct span word, const char *const *list, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (word.p[0] == (uint8_t)list[i][0] && word.len == strlen(list[i]) &&
		    memcmp(word.p, list[i], word.len) == 0)
			return true;
	}
	return false;
}

#define IS_ONE_OF(word, list) is_one_of(word, list, sizeof(list) / sizeof((list)[0]))

static bool ends_with(struct span s, const char *end)
{
	size_t len = strlen(end);

	return s.len >= len && memcmp(s.p + s.len - len, end, len) == 0;
}

// A stem that the singular and the plural of an English noun share, where a rule gives one; it is
// hashed, not read, so it need not be a word: cache(s), box(es), house(s), status(es), menu(s),
// movie(s), category and categories. Returns the length.
static uint32_t stem(const uint8_t *p, uint32_t len)
{
	struct span s = span_make(p, len);

	if (len >= 4 && p[len - 1] == 's' && !ends_with(s, "ss") && !ends_with(s, "us") &&
	    !ends_with(s, "is"))
		s.len--;
	if (s.len >= 4 && (ends_with(s, "xe") || ends_with(s, "che") || ends_with(s, "she") ||
			   ends_with(s, "sse") || ends_with(s, "use")))
		s.len--;
	if (s.len >= 4 && ends_with(s, "us"))
		s.len--;
	if (s.len >= 4 && ends_with(s, "ie"))
		s.len--;
	return s.len;
}

static uint64_t noun_hash(struct noun_words *w, uint32_t n_words, uint64_t seed)
{
	uint32_t len = stem(w->text, w->at[n_words]);

	if (w->text[len - 1] == 'y') // category, categori(es)
		w->text[len - 1] = 'i';
	return siphash_id(siphash(seed, 'N', span_make(w->text, len)));
}

enum noun_kind noun_key(struct span key, uint64_t seed, uint64_t *noun)
{
	static const char *const ids[] = {"id",  "ids", "uuid", "uuids", "guid", "uid",
					  "oid", "pk",  "ulid", "eid",   "urn"};
	static const char *const numbers[] = {"number",    "no",   "num",    "nr", "ref",
					      "reference", "slug", "handle", "sku"};
	static const char *const bare[] = {"ref", "reference", "slug", "handle", "sku"};
	static const char *const links[] = {"href", "url", "uri", "link", "self", "location"};
	// Numbers of things that are no objects of an API.
	static const char *const not_numbers[] = {
		"phone",  "house", "street", "page", "line", "card",  "version", "port",   "fax",
		"mobile", "tel",   "total",  "row",  "room", "floor", "account", "routing"};
	// Names of one call, made up by whoever sends it.
	static const char *const passing[] = {
		"trace", "request",     "correlation", "span",  "session",   "nonce",
		"csrf",  "idempotency", "cursor",      "token", "timestamp", "transactiontrace"};
	struct noun_words w;
	struct span last;

	if (!noun_words_take(&w, key))
		return NOUN_NONE;
	last = word_at(&w, w.n - 1);
	if (IS_ONE_OF(last, links))
		return NOUN_LINK;
	if (IS_ONE_OF(last, ids)) {
		if (w.n == 1)
			return NOUN_BARE;
	} else if (w.n > 1 && IS_ONE_OF(last, numbers)) {
		if (IS_ONE_OF(word_at(&w, w.n - 2), not_numbers))
			return NOUN_NONE;
	} else if (w.n == 1 &&
		   (IS_ONE_OF(last, bare) || ends_with(last, "uuid") || ends_with(last, "guid"))) {
		return NOUN_BARE;
	} else {
		// "orderid" in one word: too many words end in "id" to take it apart.
		return NOUN_NONE;
	}
	if (IS_ONE_OF(word_at(&w, 0), passing) || IS_ONE_OF(word_at(&w, w.n - 2), passing))
		return NOUN_NONE;
	*noun = noun_hash(&w, w.n - 1, seed);
	return NOUN_NAMED;
}

uint64_t noun_container(struct span name, uint64_t seed)
{
	static const char *const nothing[] = {
		"data",     "items",      "item",     "results",    "result", "content", "contents",
		"records",  "record",     "rows",     "row",        "list",   "value",   "values",
		"entries",  "entry",      "edges",    "edge",       "nodes",  "node",    "payload",
		"response", "body",       "object",   "objects",    "api",    "rest",    "public",
		"private",  "internal",   "embedded", "page",       "json",   "hits",    "docs",
		"links",    "attributes", "included", "collection",
	};
	struct noun_words w;
	struct span whole;

	while (name.len >= 2 && memcmp(name.p + name.len - 2, "[]", 2) == 0)
		name.len -= 2;
	if (!noun_words_take(&w, name))
		return 0;
	whole = span_make(w.text, w.len);
	if (whole.p[0] == 'v' && whole.len <= 3 && whole.len > 1 && whole.p[1] >= '0' &&
	    whole.p[1] <= '9')
		return 0;
	if (IS_ONE_OF(whole, nothing))
		return 0;
	return noun_hash(&w, w.n, seed);
}

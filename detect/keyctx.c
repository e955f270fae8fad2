// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Field name -> types. A name is cut into tokens ("homePhone-No2" -> home, phone, no, 2), and each
// token, each row of up to four tokens ("social security" matches socialSecurityNumber) and, for
// tokens that are no known word, each way to cut them into known words ("phonenumber") is looked
// up. So "pan" does not match "company". Words beyond ASCII match as substrings, because those
// scripts do not separate words. Names come from the wire: what is looked at is bounded by
// KEYCTX_KEY_MAX, and the cost of a new name is some hundred nanoseconds.

#include "detect/keyctx.h"

#include "detect/marks.h"

enum {
	KEYCTX_TABLE = 4096, // slots of the word table, a power of two
	KEYCTX_WORD_MAX = 32,
	KEYCTX_WIDE_MAX = 512,
	KEYCTX_TOKENS = 16,
	KEYCTX_ROW = 4,      // tokens that one phrase may have
	KEYCTX_SPLIT_MIN = 2 // bytes of the parts of a token
};

struct keyctx_word {
	uint64_t types[DATATYPE_WORDS];
	uint8_t len; // 0: free slot
	bool filler;
	char text[KEYCTX_WORD_MAX];
};

struct keyctx_wide {
	const char *text;
	uint32_t len;
	uint32_t type;
};

struct keyctx_words {
	uint32_t n_wide;
	uint32_t n_words;
	uint64_t weak[DATATYPE_WORDS], named[DATATYPE_WORDS], shaped[DATATYPE_WORDS];
	uint64_t said[DATATYPE_WORDS]; // weak, with a shape
	struct keyctx_wide wide[KEYCTX_WIDE_MAX];
	struct keyctx_word word[KEYCTX_TABLE];
};

// Words that stand beside the telling one. A name of these alone is generic.
static const char *const keyctx_fillers[] = {
	"number",  "numbers",  "no",       "num",     "nr",      "nbr",       "id",       "ids",
	"value",   "val",      "code",     "field",   "data",    "str",       "string",   "text",
	"raw",     "key",      "type",     "name",    "address", "addr",      "user",     "my",
	"the",     "customer", "client",   "owner",   "primary", "secondary", "home",     "work",
	"main",    "new",      "old",      "cell",    "contact", "billing",   "shipping", "default",
	"current", "personal", "business", "company", "sender",  "receiver",  "from",     "to",
	"holder",  "full",     "plain",    "member",  "account", "acct",      "input",    "param",
	"row",     "col",      "item",     "list",    "info",    NULL,
};

static const char *const keyctx_generic[] = {
	"number", "no", "num", "nr", "value", "val", "code", "text", "raw", "data", NULL,
};

// What fields are called that say what another one is: {"type": "passport", "value": "…"}, with at
// most one word before it, as in "idType". "system" is FHIR's, of identifiers.
static const char *const keyctx_naming[] = {
	"type", "name", "label", "kind", "field", "system", "attribute", "property", NULL,
};

enum { KEYCTX_HASH_START = 0x1505 };

static uint32_t keyctx_hash_byte(uint32_t h, uint8_t c)
{
	return (h ^ c) * 16777619u;
}

static uint32_t keyctx_word_hash(const uint8_t *p, uint32_t len)
{
	uint32_t h = KEYCTX_HASH_START;

	for (uint32_t i = 0; i < len; i++)
		h = keyctx_hash_byte(h, p[i]);
	return h;
}

static uint32_t keyctx_slot(const struct keyctx_words *w, const uint8_t *p, uint32_t len,
			    uint32_t hash)
{
	// The table is never more than half full (keyctx_insert), so that a free slot is met.
	for (uint32_t i = hash ^ hash >> 15;; i++) {
		const struct keyctx_word *e = &w->word[i % KEYCTX_TABLE];

		if (e->len == 0 || (e->len == len && memcmp(e->text, p, len) == 0))
			return i % KEYCTX_TABLE;
	}
}

static struct keyctx_word *keyctx_insert(struct keyctx_words *w, const uint8_t *p, uint32_t len)
{
	struct keyctx_word *e;

	if (len == 0 || len > KEYCTX_WORD_MAX)
		return NULL;
	e = &w->word[keyctx_slot(w, p, len, keyctx_word_hash(p, len))];
	if (e->len == 0) {
		if (w->n_words >= KEYCTX_TABLE / 2)
			return NULL;
		w->n_words++;
		e->len = (uint8_t)len;
		memcpy(e->text, p, len);
	}
	return e;
}

static const struct keyctx_word *keyctx_find_hash(const struct keyctx_words *w, const uint8_t *p,
						  uint32_t len, uint32_t hash)
{
	const struct keyctx_word *e;

	if (len == 0 || len > KEYCTX_WORD_MAX)
		return NULL;
	e = &w->word[keyctx_slot(w, p, len, hash)];
	return e->len ? e : NULL;
}

static const struct keyctx_word *keyctx_find(const struct keyctx_words *w, const uint8_t *p,
					     uint32_t len)
{
	return keyctx_find_hash(w, p, len, keyctx_word_hash(p, len));
}

static bool keyctx_is_wide(const uint8_t *p, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++) {
		if (p[i] >= 0x80)
			return true;
	}
	return false;
}

static bool keyctx_is_alnum(uint8_t c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

// One context word or phrase of a type. False: the table is full.
static bool keyctx_add(struct keyctx_words *w, const char *text, uint32_t type)
{
	uint8_t flat[KEYCTX_WORD_MAX];
	uint32_t len = (uint32_t)strlen(text), n = 0;
	struct keyctx_word *e;

	if (keyctx_is_wide((const uint8_t *)text, len)) {
		if (w->n_wide == KEYCTX_WIDE_MAX)
			return false;
		w->wide[w->n_wide++] = (struct keyctx_wide){text, len, type};
		return true;
	}
	for (uint32_t i = 0; i < len && n < sizeof(flat); i++) {
		if (keyctx_is_alnum((uint8_t)text[i]))
			flat[n++] = span_lower((uint8_t)text[i]);
	}
	e = keyctx_insert(w, flat, n);
	if (!e)
		return false;
	e->types[type / 64] |= UINT64_C(1) << (type % 64);
	return true;
}

static void keyctx_class(struct keyctx_words *w, uint32_t i)
{
	const struct datatype *t = datatype_get(i);
	uint64_t bit = UINT64_C(1) << (i % 64);

	if (t->reports == REPORTS_WEAK) {
		w->weak[i / 64] |= bit;
		if (datatype_has_shape(t))
			w->said[i / 64] |= bit;
		return;
	}
	if (t->key_only)
		w->named[i / 64] |= bit;
	if (datatype_has_shape(t))
		w->shaped[i / 64] |= bit;
}

size_t keyctx_words_size(void)
{
	return sizeof(struct keyctx_words);
}

bool keyctx_words_fill(struct keyctx_words *w, const uint64_t on[DATATYPE_WORDS])
{
	for (uint32_t i = 0; keyctx_fillers[i]; i++) {
		struct keyctx_word *e = keyctx_insert(w, (const uint8_t *)keyctx_fillers[i],
						      (uint32_t)strlen(keyctx_fillers[i]));

		if (!e)
			return false;
		e->filler = true;
	}
	for (uint32_t i = 0; i < datatype_count(); i++) {
		const struct datatype *t = datatype_get(i);

		keyctx_class(w, i);
		for (uint32_t j = 0; keyctx_has(on, i) && t->context && t->context[j]; j++) {
			if (!keyctx_add(w, t->context[j], i))
				return false;
		}
	}
	return true;
}

static void keyctx_join(const struct keyctx_words *w, struct keyctx *out, const uint64_t *types)
{
	for (uint32_t i = 0; i < DATATYPE_WORDS; i++) {
		out->types[i] |= types[i];
		out->any |= (out->types[i] & ~w->weak[i]) != 0;
		out->named |= (out->types[i] & w->named[i]) != 0;
		out->shaped |= (out->types[i] & w->shaped[i]) != 0;
		out->weak |= (out->types[i] & w->weak[i]) != 0;
		out->said |= (out->types[i] & w->said[i]) != 0;
	}
}

// The tokens of a name, in lower case and without what separates them.
struct keyctx_tokens {
	uint32_t n;
	uint32_t start[KEYCTX_TOKENS + 1]; // token i is text[start[i]] to text[start[i + 1]]
	uint8_t text[KEYCTX_KEY_MAX];
};

static bool keyctx_is_upper(uint8_t c)
{
	return c >= 'A' && c <= 'Z';
}

// Whether a token starts at byte i, given that i and i - 1 are letters or digits.
static bool keyctx_edge(const uint8_t *p, uint32_t i, uint32_t len)
{
	bool digit = p[i] >= '0' && p[i] <= '9', digit_before = p[i - 1] >= '0' && p[i - 1] <= '9';

	if (digit != digit_before)
		return true;
	if (!keyctx_is_upper(p[i]))
		return false;
	// "userSSN", and "SSNNumber": the last capital before small letters.
	return !keyctx_is_upper(p[i - 1]) ||
	       (i + 1 < len && keyctx_is_alnum(p[i + 1]) && span_lower(p[i + 1]) == p[i + 1] &&
		!(p[i + 1] >= '0' && p[i + 1] <= '9'));
}

static void keyctx_tokenize(struct span key, struct keyctx_tokens *t)
{
	uint32_t len = key.len < KEYCTX_KEY_MAX ? key.len : KEYCTX_KEY_MAX, n = 0;

	t->n = 0;
	for (uint32_t i = 0; i < len; i++) {
		if (!keyctx_is_alnum(key.p[i]))
			continue;
		if (i == 0 || !keyctx_is_alnum(key.p[i - 1]) || keyctx_edge(key.p, i, len)) {
			if (t->n == KEYCTX_TOKENS)
				break;
			t->start[t->n++] = n;
		}
		t->text[n++] = span_lower(key.p[i]);
	}
	t->start[t->n] = n;
}

// A token that is no word: all ways to cut it into words. Words that take part in any of them
// count. The work is bounded by the square of KEYCTX_WORD_MAX.
static void keyctx_split(const struct keyctx_words *w, const uint8_t *p, uint32_t len,
			 struct keyctx *out)
{
	const struct keyctx_word *found[KEYCTX_WORD_MAX + 1][KEYCTX_WORD_MAX + 1];
	uint64_t reached = 1, leads;

	if (len < 2 * KEYCTX_SPLIT_MIN || len > KEYCTX_WORD_MAX)
		return;
	leads = UINT64_C(1) << len;
	for (uint32_t i = 0; i < len; i++) {
		uint32_t h = keyctx_hash_byte(KEYCTX_HASH_START, p[i]);

		if (!(reached >> i & 1))
			continue;
		for (uint32_t j = i + KEYCTX_SPLIT_MIN; j <= len; j++) {
			h = keyctx_hash_byte(h, p[j - 1]);
			found[i][j] = keyctx_find_hash(w, p + i, j - i, h);
			// Two letters are too few to mean a type inside of a longer token.
			if (found[i][j] && j - i <= 2 && !found[i][j]->filler)
				found[i][j] = NULL;
			if (found[i][j])
				reached |= UINT64_C(1) << j;
		}
	}
	if (!(reached >> len & 1))
		return;
	for (uint32_t i = len; i-- > 0;) {
		if (!(reached >> i & 1))
			continue;
		for (uint32_t j = i + KEYCTX_SPLIT_MIN; j <= len; j++) {
			if (!found[i][j] || !(leads >> j & 1))
				continue;
			leads |= UINT64_C(1) << i;
			keyctx_join(w, out, found[i][j]->types);
		}
	}
}

static bool keyctx_listed(const char *const *list, const uint8_t *p, uint32_t len)
{
	for (uint32_t i = 0; list[i]; i++) {
		if (strlen(list[i]) == len && memcmp(list[i], p, len) == 0)
			return true;
	}
	return false;
}

// A word, or its plural.
static const struct keyctx_word *keyctx_find_token(const struct keyctx_words *w, const uint8_t *p,
						   uint32_t len)
{
	const struct keyctx_word *e = keyctx_find(w, p, len);

	return !e && len > 3 && p[len - 1] == 's' ? keyctx_find(w, p, len - 1) : e;
}

static void keyctx_match_ascii(const struct keyctx_words *w, struct span key, struct keyctx *out)
{
	struct keyctx_tokens t;

	keyctx_tokenize(key, &t);
	out->generic = t.n > 0;
	for (uint32_t i = 0; i < t.n; i++) {
		bool known = false;

		for (uint32_t k = 1; k <= KEYCTX_ROW && i + k <= t.n; k++) {
			const struct keyctx_word *e = keyctx_find_token(
				w, t.text + t.start[i], t.start[i + k] - t.start[i]);

			if (e)
				keyctx_join(w, out, e->types);
			if (e && k == 1)
				known = true;
		}
		if (!known)
			keyctx_split(w, t.text + t.start[i], t.start[i + 1] - t.start[i], out);
		if (!keyctx_listed(keyctx_generic, t.text + t.start[i],
				   t.start[i + 1] - t.start[i]))
			out->generic = false;
	}
	if (out->any)
		out->generic = false;
	if (t.n == 1 || t.n == 2)
		out->naming = !out->any && !out->weak &&
			      keyctx_listed(keyctx_naming, t.text + t.start[t.n - 1],
					    t.start[t.n] - t.start[t.n - 1]);
}

static void keyctx_match_wide(const struct keyctx_words *w, struct span key, struct keyctx *out)
{
	uint32_t len = key.len < KEYCTX_KEY_MAX ? key.len : KEYCTX_KEY_MAX;
	uint64_t one[DATATYPE_WORDS];

	for (uint32_t i = 0; i < w->n_wide; i++) {
		const struct keyctx_wide *e = &w->wide[i];

		for (uint32_t j = 0; e->len <= len && j <= len - e->len; j++) {
			if (memcmp(key.p + j, e->text, e->len) != 0)
				continue;
			memset(one, 0, sizeof(one));
			one[e->type / 64] = UINT64_C(1) << (e->type % 64);
			keyctx_join(w, out, one);
			break;
		}
	}
}

// Names that hold a value: an address with '@', a long token with digits in it.
static bool keyctx_is_odd(struct span key)
{
	enum { LONG = 16, DIGITS = 4 };
	uint32_t digits = 0;

	for (uint32_t i = 0; i < key.len && i < 256; i++) {
		if (key.p[i] == '@')
			return true;
		digits += key.p[i] >= '0' && key.p[i] <= '9';
	}
	return key.len >= LONG && digits >= DIGITS;
}

void keyctx_match(const struct keyctx_words *words, struct span key, struct keyctx *out)
{
	memset(out, 0, sizeof(*out));
	keyctx_match_ascii(words, key, out);
	if (words->n_wide &&
	    keyctx_is_wide(key.p, key.len < KEYCTX_KEY_MAX ? key.len : KEYCTX_KEY_MAX))
		keyctx_match_wide(words, key, out);
	out->odd = keyctx_is_odd(key);
	out->field = (uint8_t)mark_field_named(key);
	out->plain = !out->any && !out->generic && !out->odd && !out->naming && !out->said &&
		     !out->field;
}

struct span keyctx_container(struct span parent)
{
	uint32_t end = parent.len, start;

	while (end >= 2 && parent.p[end - 1] == ']' && parent.p[end - 2] == '[')
		end -= 2;
	for (start = end; start > 0 && parent.p[start - 1] != '.'; start--)
		;
	return (struct span){parent.p + start, end - start};
}

uint64_t keyctx_hash(struct span key, uint64_t seed)
{
	uint64_t h = seed ^ key.len * UINT64_C(0x9e3779b97f4a7c15);

	for (uint32_t i = 0; i < key.len && i < 256; i++)
		h = (h ^ key.p[i]) * UINT64_C(0x100000001b3);
	return h ^ h >> 29;
}

const struct keyctx *keyctx_fill(const struct keyctx_words *words, struct keyctx_cache *cache,
				 struct span key, uint64_t hash)
{
	uint32_t at = keyctx_slot_of(cache, hash);
	struct keyctx *first = &cache->slot[at], *second = &cache->slot[at ^ 1];

	// Two names of one place, in turns: neither is computed anew.
	if (keyctx_is(second, key, hash)) {
		struct keyctx k = *second;

		*second = *first;
		*first = k;
		return first;
	}
	if (first->len)
		*second = *first;
	keyctx_match(words, key, first);
	first->hash = hash;
	first->len = key.len + 1;
	return first;
}

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The hits of one exchange. Worker; no state of its own.
//
// A field is known by the hash that the flow side gives it, or by that of its name when the name had
// values in it (field_name.h).

#include "detect/hits.h"

#include "detect/check.h"
#include "detect/endpoint.h"
#include "detect/escape.h"
#include "detect/field_name.h"
#include "detect/policy.h"
#include "detect/principal.h"
#include "detect/siphash.h"
#include "flows/form.h"
#include "flows/walk.h"

enum {
	PAIRS_MAX = 64,
	TEXT_MAX = 2048,   // decoded bytes of a query value or segment that are searched
	SHORT_ID = 6,      // digits in a row that are no more than an id, in queries
	SHORT_PATH_ID = 8, // … in paths, where no name tells more
	PASSWORD_MIN = 4,
	SESSION_MIN = 12,
	BESIDE_MAX = 64,   // bytes of a parameter that speaks about another one
	SEARCH_BACK = 512, // how far before its place a value is sought
};

void hits_types_init(struct hits_types *types)
{
	types->password = datatype_find("password.field");
	types->session = datatype_find("cookie.session");
	types->api_key = datatype_find("apikey.generic");
	types->otp = datatype_find("otp");
	types->card = datatype_find("card.pan");
}

// ---- hits

static struct exchange_hit *hits_find(struct exchange *x, const struct hit *hit,
				      enum hit_place place, uint64_t field)
{
	// Lists repeat their fields in one order, so the search begins behind the last one.
	uint32_t i = x->next_hit < x->n_hits ? x->next_hit : 0;

	for (uint32_t n = x->n_hits; n; n--) {
		struct exchange_hit *h = &x->hits[i];

		i = i + 1 < x->n_hits ? i + 1 : 0;
		if (h->field == field && h->type == hit->type && h->dir == hit->dir &&
		    h->place == place) {
			x->next_hit = i;
			return h;
		}
	}
	return NULL;
}

// The field's name, and what identifies it.
static uint64_t hits_field(const struct hits *hits, const struct hit *hit, enum hit_place place,
			   uint8_t text[EXCHANGE_NAME], uint32_t *len)
{
	struct field_name name = {.out = text};

	field_name_make(&name, hits->place, hits->name, hit->parent, hit->key);
	*len = name.n;
	return field_name_id(&name, place, hit->field, hits->seed);
}

// Names are made once for all the values of a field: they are the same in every exchange.
static uint64_t hits_known_field(const struct hits *hits, const struct hit *hit,
				 enum hit_place place, uint8_t text[EXCHANGE_NAME], uint32_t *len)
{
	struct field_text *known;

	if (!hits->cache || !hit->field)
		return hits_field(hits, hit, place, text, len);
	known = &hits->cache->text[(hit->field >> 20) % FIELD_TEXTS];
	if (known->field != hit->field || known->place != place) {
		known->renamed = hits_field(hits, hit, place, known->text, len);
		known->field = hit->field;
		known->place = (uint8_t)place;
		known->len = (uint8_t)*len;
	}
	*len = known->len;
	memcpy(text, known->text, known->len);
	return known->renamed;
}

static struct exchange_hit *hits_new(const struct hits *hits, const struct hit *hit,
				     enum hit_place place)
{
	struct exchange *x = hits->x;
	uint8_t text[EXCHANGE_NAME];
	uint32_t len;
	uint64_t field = hits_known_field(hits, hit, place, text, &len);
	struct exchange_hit *h = field == hit->field ? NULL : hits_find(x, hit, place, field);

	if (h)
		return h;
	if (x->n_hits == EXCHANGE_HITS || (hit->unsure && x->n_unsure == EXCHANGE_UNSURE)) {
		x->hits_lost++;
		return NULL;
	}
	x->n_unsure += hit->unsure;
	h = &x->hits[x->n_hits++];
	*h = (struct exchange_hit){
		.type = hit->type,
		.dir = (uint8_t)hit->dir,
		.place = (uint8_t)place,
		.unsure = hit->unsure,
		.lucky = true,
		.field = field,
		.name_len = (uint8_t)len,
	};
	memcpy(h->name, text, len);
	return h;
}

static void hits_sample(const struct hits *hits, struct exchange_hit *h, struct span value)
{
	if (h->type == hits->types->password) {
		h->sample_len = 8; // not even the length of a password
		memset(h->sample, '*', h->sample_len);
	} else {
		uint32_t n = datatype_mask(h->type, value, h->sample, EXCHANGE_SAMPLE);

		h->sample_len = (uint8_t)(n < EXCHANGE_SAMPLE ? n : EXCHANGE_SAMPLE);
	}
}

static void mask_add(struct exchange *x, enum dir dir, struct exchange_mask one, uint64_t off)
{
	uint32_t n = x->n_masks[dir], len = one.len;
	struct exchange_mask *last = n ? &x->masks[dir][n - 1] : NULL;

	if (off > UINT32_MAX - len)
		return; // nothing is kept so far behind the beginning
	if (last && last->off == off && last->len >= len) {
		// The same value once more, as another type. It must not go with the first one.
		last->hit = last->hit == one.hit ? one.hit : UINT8_MAX;
		return;
	}
	if (n == EXCHANGE_MASKS) {
		if (off < x->mask_limit[dir])
			x->mask_limit[dir] = (uint32_t)off;
		return;
	}
	one.off = (uint32_t)off;
	x->masks[dir][n] = one;
	x->n_masks[dir]++;
}

// The end of the word that goes on at `at`: no quote, space or markup in it.
static uint32_t word_end(struct span body, uint32_t at)
{
	while (at < body.len && body.p[at] > ' ' && !strchr("\"'<>,;&{}[]", body.p[at]))
		at++;
	return at;
}

// Values lie where the scanner says, names that are values a little before. What is not found in
// the kept bytes at all was escaped there: then enough around the place is hidden.
static void hits_mask(const struct hits *hits, const struct hit *hit, const struct exchange_hit *h)
{
	struct exchange *x = hits->x;
	const struct http_msg *msg = &x->tx->msg[hit->dir];
	struct span body = span_make(msg->body, msg->body_kept);
	uint32_t len = hit->value.len, from, off;
	struct exchange_mask mask = {
		.len = len,
		.type = hit->type == hits->types->password ? MASK_WHOLE : hit->type,
		.hit = h ? (uint8_t)(h - x->hits) : UINT8_MAX,
	};

	if (hit->raw_len) {
		mask.len = hit->raw_len;
		mask.type = MASK_WHOLE;
		mask_add(x, hit->dir, mask, hit->off);
		return;
	}
	if (hit->off >= body.len || !hit->value.p) {
		mask_add(x, hit->dir, mask, hit->off);
		return;
	}
	off = (uint32_t)hit->off;
	if (memcmp(body.p + off, hit->value.p, len < body.len - off ? len : body.len - off) == 0) {
		mask_add(x, hit->dir, mask, off);
		return;
	}
	mask.type = MASK_WHOLE;
	from = off > len + SEARCH_BACK ? off - len - SEARCH_BACK : 0;
	for (uint32_t at = off; at-- > from;) {
		if (len <= body.len - at && memcmp(body.p + at, hit->value.p, len) == 0) {
			mask.len = word_end(body, at + len) - at;
			mask_add(x, hit->dir, mask, at);
			return;
		}
	}
	mask.len = word_end(body, off) - from;
	mask_add(x, hit->dir, mask, from);
}

// True: the value counts.
static bool hits_count(struct exchange *x, const struct hit *hit)
{
	uint64_t end = hit->off + hit->value.len;

	// A name says "name" of many things that are no people's.
	if (hit->unsure)
		return false;
	if (hit->off < x->value_end && end > x->value_off) {
		x->value_end = end > x->value_end ? end : x->value_end;
		return false;
	}
	x->n_values++;
	x->value_off = hit->off;
	x->value_end = end;
	return true;
}

// The value's bytes. A hit that is reported late has lost them; what was kept may still hold them.
static struct span hits_bytes(const struct exchange *x, const struct hit *hit)
{
	const struct http_msg *msg = &x->tx->msg[hit->dir];

	if (hit->value.p)
		return hit->value;
	if (hit->off <= msg->body_kept && hit->value.len <= msg->body_kept - hit->off)
		return span_make(msg->body + hit->off, hit->value.len);
	return (struct span){0};
}

// One value of a URL under the names of two types of a group (a telephone number, international
// and national) is told once.
static bool hits_again(struct hits *hits, const struct hit *hit)
{
	uint64_t end = hit->off + hit->value.len;
	enum type_group group = datatype_get(hit->type)->group;

	if (group == hits->group && hit->off < hits->end && end > hits->off)
		return true;
	hits->off = hit->off;
	hits->end = end;
	hits->group = group;
	return false;
}

// A type of the operator's is looked for where its scope says. The template is not known yet when
// the target itself is searched.
static bool hits_in_scope(const struct exchange *x, const struct hit *hit)
{
	const struct type_scope *scope = datatype_get(hit->type)->scope;
	struct span path;

	if (!scope)
		return true;
	if (hit->dir == CLIENT ? !scope->request : !scope->response)
		return false;
	path = x->template_len ? span_make(x->template, x->template_len) : x->path;
	return policy_glob(scope->host, x->host, true) && policy_glob(scope->path, path, false);
}

// The parameters beside it.
static bool hits_refuted(const struct hits *hits, const struct hit *hit)
{
	bool (*refuted)(struct span, struct span) = datatype_get(hit->type)->refuted;
	struct span query = hits->query;
	struct form_pair pair;

	for (uint32_t i = 0; refuted && i < PAIRS_MAX && form_next(&query, &pair); i++) {
		uint8_t text[BESIDE_MAX];

		if (pair.value.len > sizeof(text))
			continue;
		pair.value = span_make(text, form_decode(pair.value, text, true));
		if (refuted(pair.key, pair.value))
			return true;
	}
	return false;
}

void hits_add(void *arg, const struct hit *hit)
{
	struct hits *hits = arg;
	struct exchange *x = hits->x;
	enum hit_place place = hits->place;
	struct exchange_hit *h;
	struct span bytes;
	bool counted = false;
	uint64_t value;

	if (!hits_in_scope(x, hit) || (hits->query.len && hits_refuted(hits, hit)))
		return;
	hits->found = true;
	if (hit->value.len == 0)
		return;
	if (place == PLACE_BODY) {
		if (hit->dir == SERVER)
			counted = hits_count(x, hit);
		else if (hit->type == hits->types->password)
			x->login = true;
		if (hit->dir == CLIENT && hit->parent.len == 0 && hit->key.len)
			place = PLACE_FORM;
	}
	if (place != PLACE_BODY && place != PLACE_FORM && hits_again(hits, hit))
		return;
	h = hits_find(x, hit, place, hit->field);
	if (!h)
		h = hits_new(hits, hit, place);
	if (hits->place == PLACE_BODY)
		hits_mask(hits, hit, h);
	if (!h)
		return;
	bytes = hits_bytes(x, hit);
	value = bytes.p ? walk_text_hash(hits->seed, bytes)
			: siphash_number(hits->seed, 'O', hit->off);
	if (h->count++ == 0) {
		h->first_value = value;
		if (bytes.p)
			hits_sample(hits, h, bytes);
	}
	h->tests += bytes.p && h->type == hits->types->card && check_test_card(bytes);
	h->ctx |= hit->ctx;
	h->in_text += !hit->alone;
	h->lucky &= hit->lucky && hit->alone;
	h->counted += counted;
	h->distinct += sketch_add(h->seen, value);
}

// ---- misses

static void miss_add(struct exchange *x, const struct exchange_miss *one, uint64_t value)
{
	// Lists repeat their fields in one order, so the search begins behind the last one.
	uint32_t i = x->next_miss < x->n_misses ? x->next_miss : 0;
	struct exchange_miss *miss;

	for (uint32_t n = 0; n < x->n_misses; n++) {
		miss = &x->misses[i];
		i = i + 1 == x->n_misses ? 0 : i + 1;
		if (miss->field == one->field && miss->type == one->type && miss->dir == one->dir)
			goto found;
	}
	if (x->n_misses == EXCHANGE_MISSES ||
	    (one->unsure && x->n_unsure_misses == EXCHANGE_MISSES / 2)) {
		x->misses_lost++;
		return;
	}
	x->n_unsure_misses += one->unsure;
	miss = &x->misses[x->n_misses++];
	*miss = *one;
	i = 0;
found:
	x->next_miss = i;
	miss->count++;
	sketch_add(miss->seen, value);
}

static void misses_add(struct exchange *x, const struct scan_missed *missed, enum dir dir,
		       uint64_t field, uint64_t value)
{
	for (uint32_t w = 0; w < DATATYPE_WORDS; w++) {
		for (uint64_t set = missed->types[w]; set; set &= set - 1) {
			struct exchange_miss miss = {
				.type = (uint16_t)(w * 64 + (uint32_t)__builtin_ctzll(set)),
				.dir = (uint8_t)dir,
				.unsure = (missed->unsure[w] & set & -set) != 0,
				.field = field,
			};

			miss_add(x, &miss, value);
		}
	}
}

// Keyed like the other, and cheaper: of a refused value no more than a bit is kept.
static uint64_t miss_hash(uint64_t seed, struct span value)
{
	uint64_t hash = seed ^ value.len;

	for (uint32_t i = 0; i < value.len; i += 8) {
		uint32_t end = value.len - i < 8 ? value.len : i + 8;

		hash = (hash ^ span_rest(span_make(value.p, end), end - i)) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 32;
	}
	return (hash * UINT64_C(0xd6e8feb86659fd93)) >> 32;
}

static __attribute__((noinline)) uint64_t miss_field(const struct hits *hits, enum hit_place place,
						     const struct value *value)
{
	struct hit hit = {
		.dir = value->dir,
		.key = value->key,
		.parent = value->parent,
		.field = value->field,
	};
	uint8_t text[EXCHANGE_NAME];
	uint32_t len;

	return hits_field(hits, &hit, place, text, &len);
}

void hits_missed(void *arg, const struct value *value, const struct scan_missed *missed)
{
	const struct hits *hits = arg;
	struct field_cache *cache = hits->cache;
	enum hit_place place = value->dir == CLIENT && value->parent.len == 0 && value->key.len
				       ? PLACE_FORM
				       : PLACE_BODY;
	uint32_t slot = (uint32_t)(value->field >> 20) % FIELD_CACHE;
	uint64_t field = value->field;

	if (!cache) {
		field = miss_field(hits, place, value);
	} else if (cache->slot[slot].field == field) {
		field = cache->slot[slot].renamed;
	} else {
		cache->slot[slot].field = field;
		field = miss_field(hits, place, value);
		cache->slot[slot].renamed = field;
	}
	misses_add(hits->x, missed, value->dir, field, miss_hash(hits->seed, value->v));
}

// Of a part of the target, whose name hits has.
static void target_missed(const struct hits *hits, const struct scan_missed *missed,
			  struct span value)
{
	uint8_t text[EXCHANGE_NAME];
	uint32_t len;

	if (missed)
		misses_add(hits->x, missed, CLIENT,
			   hits_field(hits, &(struct hit){.dir = CLIENT}, hits->place, text, &len),
			   miss_hash(hits->seed, value));
}

// ---- the request's target

// Cheap: could a value of this look be of any type?
static bool worth_it(struct span text, uint32_t short_id)
{
	uint32_t digits = 0;

	if (text.len < 4)
		return false;
	for (uint32_t i = 0; i < text.len; i++) {
		uint8_t c = text.p[i];

		if (c == '@' || c >= 0x80 || c == '%')
			return true;
		digits += c >= '0' && c <= '9';
	}
	return digits == text.len ? digits >= short_id : digits || text.len >= 16;
}

// Not a list of words, nor a key that is made to be shown (Stripe's begins with "pk_").
static bool is_token(struct span value)
{
	if (value.len > 3 && memcmp(value.p, "pk_", 3) == 0)
		return false;
	for (uint32_t i = 0; i < value.len; i++) {
		uint8_t c = value.p[i];

		if (c <= ' ' || c >= 0x7f || c == ',' || c == '"' || c == '{' || c == '<')
			return false;
	}
	return true;
}

// Parameters whose name alone says what they carry.
static int type_by_name(const struct hits_types *types, struct span key, struct span value)
{
	// Servers write these into links. "sid" and "session_id" are what pages count visits by.
	static const char *const sessions[] = {"jsessionid", "phpsessid"};
	static const char *const passwords[] = {"password", "passwd", "pwd", "passphrase"};

	if (value.len < PASSWORD_MIN)
		return -1;
	for (uint32_t i = 0; i < sizeof(passwords) / sizeof(passwords[0]); i++) {
		if (span_ieq(key, span_make(passwords[i], strlen(passwords[i]))))
			return types->password;
	}
	if (value.len < SESSION_MIN)
		return -1;
	for (uint32_t i = 0; i < sizeof(sessions) / sizeof(sessions[0]); i++) {
		if (span_ieq(key, span_make(sessions[i], strlen(sessions[i]))))
			return types->session;
	}
	return principal_key_parameter(key, value) && is_token(value) ? types->api_key : -1;
}

static bool scan_parameter(struct scanner *scanner, struct hits *hits, struct span key,
			   struct span raw)
{
	uint8_t text[TEXT_MAX];
	struct span value = raw;
	const struct scan_missed *missed;
	int type;

	hits->name = key;
	hits->found = false;
	hits->end = 0;
	if (value.len > sizeof(text))
		value.len = sizeof(text);
	value = escape_url(value, text, true);
	type = type_by_name(hits->types, key, value);
	if (type >= 0 || worth_it(value, SHORT_ID)) {
		missed = scan_text(scanner, value, key, 0, CLIENT, hits_add, hits);
		target_missed(hits, missed, value);
	}
	if (type >= 0 && !hits->found)
		hits_add(hits, &(struct hit){
				       .type = (uint16_t)type,
				       .ctx = true,
				       .alone = true,
				       .dir = CLIENT,
				       .value = value,
				       .key = key,
			       });
	return hits->found;
}

static void scan_query(struct scanner *scanner, struct hits *hits, struct span query)
{
	struct form_pair pair;

	hits->query = query;
	for (uint32_t i = 0; i < PAIRS_MAX && form_next(&query, &pair); i++) {
		if (pair.value.len)
			scan_parameter(scanner, hits, pair.key, pair.value);
		else if (pair.key.len) // "?alice@example.com"
			scan_parameter(scanner, hits, (struct span){0}, pair.key);
	}
	hits->query = (struct span){0};
}

// Without its parameters.
static bool scan_segment(struct scanner *scanner, struct hits *hits, struct span segment,
			 uint32_t index)
{
	uint8_t text[TEXT_MAX];
	char name[16] = "path[00]";
	const struct scan_missed *missed;
	struct span value = segment;

	if (value.len > sizeof(text))
		value.len = sizeof(text);
	value = escape_url(value, text, false);
	if (!worth_it(value, SHORT_PATH_ID))
		return false;
	if (index < 10)
		memcpy(name + 5, (char[]){(char)('0' + index), ']', '\0'}, 3);
	else
		memcpy(name + 5, (char[]){(char)('0' + index / 10), (char)('0' + index % 10)}, 2);
	hits->place = PLACE_PATH;
	hits->name = span_make(name, strlen(name));
	hits->found = false;
	hits->end = 0;
	missed = scan_text(scanner, value, (struct span){0}, 0, CLIENT, hits_add, hits);
	target_missed(hits, missed, value);
	return hits->found;
}

uint32_t hits_target(struct scanner *scanner, const struct hits_types *types, uint64_t seed,
		     struct exchange *x)
{
	struct hits hits = {.x = x, .types = types, .seed = seed};
	struct span path = x->path, segment, referer;
	uint32_t hidden = 0;

	for (uint32_t i = 0; i < ENDPOINT_DEPTH && endpoint_next(&path, &segment); i++) {
		struct span bare = span_until(segment, ';');

		if (scan_segment(scanner, &hits, bare, i))
			hidden |= UINT32_C(1) << i;
		if (bare.len == segment.len)
			continue;
		// Parameters of the segment are named like those of a query: ";jsessionid=…".
		hits.place = PLACE_QUERY;
		scan_query(scanner, &hits,
			   span_make(segment.p + bare.len, segment.len - bare.len));
	}
	hits.place = PLACE_QUERY;
	scan_query(scanner, &hits, x->query);
	referer = span_until(http_header(x->tx, CLIENT, HEADER_REFERER), '#');
	uint32_t before = span_until(referer, '?').len;
	if (before < referer.len) {
		hits.place = PLACE_REFERER;
		scan_query(scanner, &hits,
			   span_make(referer.p + before + 1, referer.len - before - 1));
	}
	return hidden;
}

// ---- how sure

uint32_t hits_confidence(const struct exchange_hit *hit, struct issue_term terms[ISSUE_MAX_TERMS],
			 uint32_t *n_terms)
{
	static const struct issue_term bases[] = {
		[REPORTS_YES] = {"the value has the form of its type and passes its checks", 90},
		[REPORTS_CTX] = {"the form fits and the field's name agrees", 75},
		[REPORTS_WEAK] = {"the field's name and most of its values agree", 60},
	};
	static const struct issue_term nameless = {"the form fits, as in most of the field's values",
						   75};
	const struct datatype *type = datatype_get(hit->type);
	uint32_t sum = 0;

	terms[*n_terms] = type->reports == REPORTS_CTX && !hit->ctx ? nameless
								    : bases[type->reports];
	sum += (uint32_t)terms[(*n_terms)++].points;
	if (type->reports == REPORTS_YES && hit->ctx) {
		terms[*n_terms] = (struct issue_term){"the field's name agrees", 5};
		sum += (uint32_t)terms[(*n_terms)++].points;
	}
	if (hit->distinct >= 5) {
		terms[*n_terms] = (struct issue_term){"several different values in one field", 4};
		sum += (uint32_t)terms[(*n_terms)++].points;
	}
	return sum;
}

enum incident_result hits_result(uint16_t status)
{
	if (status / 100 == 2)
		return RESULT_SUCCEEDED;
	return status == 0 || status >= 400 ? RESULT_ATTEMPTED : RESULT_UNKNOWN;
}

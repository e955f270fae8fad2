// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Facts of an exchange for the merger. Worker; fixed memory, what does not fit is counted.
//
// Most values of a response are no identifiers, and what a field means is the same each time: it
// is worked out once per field and worker, then one look into a table says that there is nothing
// to do.

#include "detect/facts.h"

#include "detect/endpoint.h"
#include "detect/field_name.h"
#include "detect/noun.h"
#include "detect/siphash.h"
#include "detect/worker_state.h"
#include "flows/form.h"

enum {
	QUERY_PARAMS = 24, // of them, at most so many from the query
	LINK_IDS = 4,      // identifiers in one link
	SEGMENT_NAME = 16,
};

// ---- values

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

// Digits with a sign, a fraction, an exponent (RFC 8259 section 6). Digits beyond those that a
// double tells apart do not matter.
static bool number_of(struct span v, bool *whole, double *number)
{
	uint32_t i = v.p[0] == '-' || v.p[0] == '+', digits = 0;
	double n = 0, scale = 1;

	*whole = true;
	for (; i < v.len && is_digit(v.p[i]); i++, digits++)
		n = n * 10 + (v.p[i] - '0');
	if (i < v.len && v.p[i] == '.') {
		*whole = false;
		for (i++; i < v.len && is_digit(v.p[i]); i++, digits++) {
			scale /= 10;
			n += (v.p[i] - '0') * scale;
		}
	}
	if (digits && i + 1 < v.len && (v.p[i] | 0x20) == 'e') {
		bool down = v.p[i + 1] == '-';
		uint32_t power = 0;

		*whole = false;
		i += 1 + (v.p[i + 1] == '-' || v.p[i + 1] == '+');
		if (i == v.len)
			return false;
		for (; i < v.len && is_digit(v.p[i]); i++)
			power = power < 400 ? power * 10 + (uint32_t)(v.p[i] - '0') : power;
		for (power = power < 400 ? power : 400; power; power--)
			n = down ? n / 10 : n * 10;
	}
	*number = v.p[0] == '-' ? -n : n;
	return digits && i == v.len;
}

static bool is_word(struct span v)
{
	if (v.len > 64)
		return false;
	for (uint32_t i = 0; i < v.len; i++) {
		uint8_t c = v.p[i], lower = span_lower(c);

		if (!is_digit(c) && !(lower >= 'a' && lower <= 'z') && c != '-' && c != '_' &&
		    c != '.')
			return false;
	}
	return true;
}

static bool is_url(struct span v)
{
	for (uint32_t i = 0; i + 3 < v.len && i < 16; i++) {
		if (v.p[i] == ':')
			return i >= 2 && v.p[i + 1] == '/' && v.p[i + 2] == '/';
	}
	return false;
}

enum param_class facts_class(struct span v, double *number)
{
	static const uint8_t classes[] = {
		[SEGMENT_ID] = PARAM_WORD,     [SEGMENT_UUID] = PARAM_UUID,
		[SEGMENT_HEX] = PARAM_HEX,     [SEGMENT_DATE] = PARAM_DATE,
		[SEGMENT_EMAIL] = PARAM_EMAIL, [SEGMENT_TOKEN] = PARAM_TOKEN,
	};
	enum segment_class looks;
	bool whole, word;

	*number = 0;
	if (v.len == 0)
		return PARAM_EMPTY;
	if (span_ieq(v, SPAN_LIT("true")) || span_ieq(v, SPAN_LIT("false")))
		return PARAM_BOOL;
	if (v.len < 32 && (is_digit(v.p[0]) || v.p[0] == '-' || v.p[0] == '+') &&
	    number_of(v, &whole, number))
		return whole ? PARAM_INT : PARAM_NUMBER;
	if (v.len > ENDPOINT_SEGMENT)
		return PARAM_TEXT;
	if (is_url(v))
		return PARAM_URL;
	looks = endpoint_segment(v);
	word = is_word(v);
	if (looks == SEGMENT_WORD || looks == SEGMENT_ID)
		return word ? PARAM_WORD : PARAM_TEXT;
	return classes[looks];
}

enum call_verb facts_verb(struct span method)
{
	static const struct {
		const char *name;
		enum call_verb verb;
	} verbs[] = {
		{"GET", VERB_GET},     {"HEAD", VERB_GET},       {"POST", VERB_POST},
		{"PUT", VERB_PUT},     {"PATCH", VERB_PATCH},    {"DELETE", VERB_DELETE},
		{"OPTIONS", VERB_OPTIONS},
	};

	for (uint32_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (method.len == strlen(verbs[i].name) &&
		    memcmp(method.p, verbs[i].name, method.len) == 0)
			return verbs[i].verb;
	}
	return VERB_OTHER;
}

uint64_t facts_value_hash(struct span value, uint64_t seed)
{
	if (value.len > FACTS_HASHED)
		value.len = FACTS_HASHED;
	return siphash_id(siphash(seed, 'o', value));
}

static struct call_param *param_add(struct exchange *x)
{
	if (x->n_params == EXCHANGE_PARAMS) {
		x->params_lost++;
		return NULL;
	}
	return &x->params[x->n_params++];
}

// ---- fields that the merger shall know

static bool seen_before(struct facts_cache *cache, uint64_t id)
{
	uint64_t *slot = &cache->seen[(id >> 20) % FACTS_SEEN];
	bool before = *slot == id;

	*slot = id;
	return before;
}

static uint64_t shape_id(const struct exchange *x, uint64_t field, uint32_t class, enum dir dir)
{
	uint64_t id = x->endpoint ^ field * UINT64_C(0x9e3779b97f4a7c15);

	id = (id ^ id >> 32) * UINT64_C(0xd6e8feb86659fd93) + (class << 1 | dir);
	id = (id ^ id >> 32) * UINT64_C(0xd6e8feb86659fd93);
	return siphash_id(id ^ id >> 32);
}

static void shape_tell(struct detect_worker *w, const struct exchange *x, struct delta_param one,
		       const uint8_t *name, uint32_t len)
{
	struct delta *d = delta_active(w);

	if (d->n_params == DELTA_PARAMS || len > DELTA_ARENA - d->arena_used) {
		d->params_lost++;
		return;
	}
	one.endpoint = x->endpoint;
	one.time_ns = exchange_time(x);
	one.name = span_make(d->arena + d->arena_used, len);
	memcpy(d->arena + d->arena_used, name, len);
	d->arena_used += len;
	d->params[d->n_params++] = one;
}

// ---- what fields mean

// The last name of "$.data.orders[]" that says something; 0: none does.
static uint64_t noun_parent(struct span parent, uint64_t seed)
{
	while (parent.len > 1) {
		uint32_t at = parent.len;
		uint64_t noun;

		while (at > 0 && parent.p[at - 1] != '.')
			at--;
		if (at == 0)
			return 0;
		noun = noun_container(span_make(parent.p + at, parent.len - at), seed);
		if (noun)
			return noun;
		parent.len = at - 1;
	}
	return 0;
}

static enum hit_place place_of(const struct value *v)
{
	return v->dir == CLIENT && v->parent.len == 0 && v->key.len ? PLACE_FORM : PLACE_BODY;
}

static const struct facts_key *key_of(struct detect_worker *w, const struct value *v)
{
	struct facts_cache *cache = &((struct worker_state *)w->state)->facts;
	struct facts_key *key = &cache->key[(v->field >> 20) % FACTS_KEYS];

	uint8_t text[EXCHANGE_NAME];
	struct field_name name = {.out = text};

	if (__builtin_expect(key->field == v->field, 1))
		return key;
	*key = (struct facts_key){.field = v->field};
	field_name_make(&name, PLACE_BODY, (struct span){0}, v->parent, v->key);
	key->renamed = field_name_id(&name, place_of(v), v->field, w->shared->seed);
	key->kind = (uint8_t)noun_key(v->key, w->shared->seed, &key->noun);
	if (key->kind == NOUN_BARE)
		key->noun = noun_parent(v->parent, w->shared->seed);
	return key;
}

// The noun of what an endpoint is about: its last segment that is a word.
static uint64_t noun_endpoint(const struct exchange *x, uint64_t seed)
{
	struct span path = span_make(x->template, x->template_len), last = {0}, segment;

	path = span_until(path, '#');
	while (endpoint_next(&path, &segment)) {
		if (segment.p[0] != '{' && noun_container(segment, seed))
			last = segment;
	}
	return last.p ? noun_container(last, seed) : 0;
}

// ---- objects given

static void object_give(struct detect_worker *w, struct exchange *x, uint64_t noun,
			struct span value, enum param_class class)
{
	struct delta *d = delta_active(w);

	x->n_given++;
	if (d->n_objects == DELTA_OBJECTS) {
		d->objects_lost++;
		return;
	}
	d->objects[d->n_objects++] = (struct delta_object){
		.time_ns = exchange_time(x),
		.order = exchange_order(x),
		.principal = x->principal,
		.noun = noun,
		.value = facts_value_hash(value, w->shared->seed),
		.class = (uint8_t)class,
		.created = facts_verb(x->tx->method) == VERB_POST,
	};
}

// Identifiers in the path of a link, each behind what it is one of.
static void link_give(struct detect_worker *w, struct exchange *x, struct span link)
{
	struct span segment, path = link;
	uint64_t noun = 0;
	uint32_t n = 0;
	double number;

	if (is_url(link)) {
		while (path.len > 3 && memcmp(path.p, "://", 3) != 0) {
			path.p++;
			path.len--;
		}
		path = span_make(path.p + 3, path.len - 3);
		segment = span_until(path, '/');
		path = span_make(path.p + segment.len, path.len - segment.len);
	}
	if (path.len == 0 || path.p[0] != '/')
		return;
	path = span_until(span_until(path, '?'), '#');
	for (uint32_t i = 0; i < ENDPOINT_DEPTH && n < LINK_IDS && endpoint_next(&path, &segment);
	     i++) {
		if (endpoint_segment(segment) == SEGMENT_WORD) {
			noun = noun_container(segment, w->shared->seed);
		} else if (segment.len <= FACTS_ID_MAX) {
			object_give(w, x, noun, segment, facts_class(segment, &number));
			n++;
		}
	}
}

// Does this exchange give out anything that its caller may use later?
static bool gives(const struct exchange *x)
{
	return x->tx->status / 100 == 2 && x->tx->msg[CLIENT].seen;
}

static bool looks_uuid(struct span v)
{
	return v.len == 36 && v.p[8] == '-' && v.p[13] == '-';
}

static void value_given(struct detect_worker *w, struct exchange *x, const struct value *v,
			const struct facts_key *key)
{
	uint64_t noun = key->noun;
	double number;

	if (v->v.len == 0 || v->v.len > FACTS_ID_MAX || v->escaped)
		return;
	if (key->kind == NOUN_LINK) {
		link_give(w, x, v->v);
		return;
	}
	if (noun == 0)
		noun = noun_endpoint(x, w->shared->seed);
	object_give(w, x, noun, v->v, facts_class(v->v, &number));
}

void facts_response(struct detect_worker *w, struct exchange *x)
{
	struct span location = http_header(x->tx, SERVER, HEADER_LOCATION);
	uint64_t mix = (exchange_order(x) ^ w->shared->seed) * UINT64_C(0x9e3779b97f4a7c15);

	x->told_all = (mix >> 40) % FACTS_SHARE == 0;
	if (location.len && x->tx->status == 201 && x->tx->msg[CLIENT].seen)
		link_give(w, x, location);
}

// ---- bodies

static enum param_class literal_class(const struct value *v)
{
	return v->v.p[0] == 'n'                         ? PARAM_NULL
	       : v->v.p[0] == 't' || v->v.p[0] == 'f' ? PARAM_BOOL
						      : PARAM_NUMBER;
}

static void body_shape(struct detect_worker *w, const struct exchange *x, const struct value *v,
		       struct delta_param one)
{
	uint8_t text[EXCHANGE_NAME];
	struct field_name name = {.out = text};

	field_name_make(&name, PLACE_BODY, (struct span){0}, v->parent, v->key);
	one.dir = (uint8_t)v->dir;
	one.place = (uint8_t)place_of(v);
	shape_tell(w, x, one, text, name.n);
}

static void value_asked(struct detect_worker *w, struct exchange *x, const struct value *v)
{
	const struct facts_key *key = key_of(w, v);
	struct facts_cache *cache = &((struct worker_state *)w->state)->facts;
	struct call_param *p = param_add(x);

	if (!p)
		return;
	*p = (struct call_param){
		.field = key->renamed,
		.value = facts_value_hash(v->v, w->shared->seed),
		.len = v->v.len,
		.place = (uint8_t)place_of(v),
	};
	p->class = v->kind == VALUE_LITERAL ? (uint8_t)literal_class(v)
					    : (uint8_t)facts_class(v->v, &p->number);
	if ((key->kind == NOUN_NAMED || key->kind == NOUN_BARE) && v->kind != VALUE_LITERAL &&
	    v->v.len && v->v.len <= FACTS_ID_MAX)
		p->noun = key->noun ? key->noun : noun_endpoint(x, w->shared->seed);
	if (!seen_before(cache, shape_id(x, p->field, p->class, CLIENT)))
		body_shape(w, x, v,
			   (struct delta_param){
				   .field = p->field, .class = p->class, .id = p->noun != 0});
}

// A class for each value would cost more than it tells: once for each kind of value.
static void value_shape(struct detect_worker *w, struct exchange *x, const struct value *v,
			const struct facts_key *key)
{
	struct facts_cache *cache = &((struct worker_state *)w->state)->facts;
	double number;

	if (seen_before(cache, shape_id(x, key->renamed, v->kind, SERVER)))
		return;
	body_shape(w, x, v,
		   (struct delta_param){
			   .field = key->renamed,
			   .class = v->kind == VALUE_LITERAL ? (uint8_t)literal_class(v)
							     : (uint8_t)facts_class(v->v, &number),
			   .id = key->kind == NOUN_NAMED || key->kind == NOUN_BARE,
		   });
}

void facts_value(struct detect_worker *w, struct exchange *x, const struct value *v)
{
	const struct facts_key *key;

	if (v->continued)
		return;
	if (v->dir == CLIENT) {
		value_asked(w, x, v);
		return;
	}
	if (!gives(x) || v->kind == VALUE_TEXT)
		return;
	key = key_of(w, v);
	if (v->off < FACTS_SHAPE || x->told_all)
		value_shape(w, x, v, key);
	if (__builtin_expect(key->kind != NOUN_NONE, 0) && v->kind != VALUE_LITERAL)
		value_given(w, x, v, key);
	else if (looks_uuid(v->v))
		object_give(w, x, 0, v->v, PARAM_UUID);
}

// ---- targets

static void target_path(struct detect_worker *w, struct exchange *x)
{
	uint8_t decoded[ENDPOINT_SEGMENT];
	struct span path = x->path, segment, value;
	uint64_t noun = 0, seed = w->shared->seed;
	struct call_param *p;

	for (uint32_t i = 0; i < ENDPOINT_DEPTH && endpoint_next(&path, &segment); i++) {
		if (!(x->id_segments >> i & 1)) {
			noun = noun_container(segment, seed);
			continue;
		}
		value = span_until(segment, ';');
		if (value.len > sizeof(decoded))
			value.len = sizeof(decoded);
		value.len = form_decode(value, decoded, false);
		value.p = decoded;
		p = param_add(x);
		if (!p)
			return;
		*p = (struct call_param){
			.field = siphash_number(seed, 'P', i),
			.noun = noun ? noun : siphash_number(seed, 'P', i),
			.value = facts_value_hash(value, seed),
			.len = value.len,
			.place = PLACE_PATH,
			.index = (uint8_t)i,
		};
		p->class = (uint8_t)facts_class(value, &p->number);
		if (p->class == PARAM_DATE)
			p->noun = 0;
	}
}

static void target_query(struct detect_worker *w, struct exchange *x)
{
	uint8_t text[FACTS_HASHED];
	struct span rest = x->query, value;
	struct form_pair pair;
	struct call_param *p;
	uint64_t noun, seed = w->shared->seed;

	for (uint32_t i = 0; i < QUERY_PARAMS && form_next(&rest, &pair); i++) {
		if (pair.key.len == 0 || pair.key.len > ENDPOINT_SEGMENT)
			continue;
		value = pair.value;
		if (value.len > sizeof(text))
			value.len = sizeof(text);
		value.len = form_decode(value, text, true);
		value.p = text;
		p = param_add(x);
		if (!p)
			return;
		*p = (struct call_param){
			.field = siphash_id(siphash(seed, 'Q', pair.key)),
			.value = facts_value_hash(value, seed),
			.len = value.len,
			.place = PLACE_QUERY,
		};
		p->class = (uint8_t)facts_class(value, &p->number);
		noun = 0;
		switch (value.len && value.len <= FACTS_ID_MAX ? noun_key(pair.key, seed, &noun)
							       : NOUN_NONE) {
		case NOUN_NAMED:
			p->noun = noun;
			break;
		case NOUN_BARE:
			p->noun = noun_endpoint(x, seed);
			break;
		default:
			break;
		}
	}
}

void facts_target(struct detect_worker *w, struct exchange *x)
{
	target_path(w, x);
	target_query(w, x);
}

// ---- the end

static void path_name(uint32_t i, uint8_t out[SEGMENT_NAME], uint32_t *len)
{
	memcpy(out, "path[", 5);
	*len = 5;
	if (i >= 10)
		out[(*len)++] = (uint8_t)('0' + i / 10);
	out[(*len)++] = (uint8_t)('0' + i % 10);
	out[(*len)++] = ']';
}

// Parameters of the target are told here, when it is known that the server took them.
static void target_shape(struct detect_worker *w, struct exchange *x)
{
	struct facts_cache *cache = &((struct worker_state *)w->state)->facts;
	struct span rest = x->query;
	struct form_pair pair = {0};
	uint8_t text[EXCHANGE_NAME];

	for (uint32_t i = 0; i < x->n_params; i++) {
		const struct call_param *p = &x->params[i];
		struct field_name name = {.out = text};
		struct delta_param one = {
			.field = p->field,
			.dir = CLIENT,
			.place = p->place,
			.class = p->class,
			.id = p->noun != 0,
		};

		if (p->place == PLACE_QUERY) {
			do {
				if (!form_next(&rest, &pair))
					return;
			} while (pair.key.len == 0 || pair.key.len > ENDPOINT_SEGMENT);
		}
		if (p->place != PLACE_QUERY && p->place != PLACE_PATH)
			return;
		if (seen_before(cache, shape_id(x, p->field, p->class, CLIENT)))
			continue;
		if (p->place == PLACE_PATH)
			path_name(p->index, text, &name.n);
		else
			field_name_make(&name, PLACE_QUERY, pair.key, (struct span){0},
					(struct span){0});
		shape_tell(w, x, one, text, name.n);
	}
}

const struct call_param *facts_end(struct detect_worker *w, struct exchange *x, uint16_t *n)
{
	struct delta *d = delta_active(w);
	struct call_param *to = d->call_params + d->n_call_params;

	*n = 0;
	if (gives(x))
		target_shape(w, x);
	if (x->n_params > DELTA_CALL_PARAMS - d->n_call_params) {
		d->call_params_lost += x->n_params;
		return NULL;
	}
	memcpy(to, x->params, x->n_params * sizeof(*to));
	d->n_call_params += x->n_params;
	*n = (uint16_t)x->n_params;
	return to;
}

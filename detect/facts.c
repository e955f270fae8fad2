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
#include "detect/escape.h"
#include "detect/field_name.h"
#include "detect/noun.h"
#include "detect/privilege.h"
#include "detect/siphash.h"
#include "detect/worker_state.h"
#include "flows/form.h"
#include "flows/walk.h"

enum {
	QUERY_PARAMS = 24, // of them, at most so many from the query
	LINK_IDS = 4,      // identifiers in one link
	SEGMENT_NAME = 16,
	FACTS_HOUR = 42, // 2^42 ns: 73 minutes
	FACTS_DAY = 46,  // 2^46 ns: 20 hours
	// What a value looks like: below them, its kind alone.
	SHAPE_LITERAL = 16,
	SHAPE_NUMBER = 48,
	SHAPE_STRING = 80,
	SHAPE_TYPE = 127,
};
static_assert(SHAPE_NUMBER - SHAPE_LITERAL >= (int)PARAM_CLASSES &&
		      SHAPE_STRING + (int)PARAM_CLASSES < SHAPE_TYPE,
	      "looks are told apart, in seven bits");

static struct call_param *param_add(struct exchange *x)
{
	if (x->n_params == EXCHANGE_PARAMS) {
		x->params_lost++;
		return NULL;
	}
	return &x->params[x->n_params++];
}

// ---- fields that the merger shall know

static uint32_t *seen_slot(struct facts_cache *cache, uint64_t id)
{
	return &cache->seen[(id >> 17) % FACTS_SEEN];
}

static bool seen_before(struct facts_cache *cache, uint64_t id)
{
	uint32_t *slot = seen_slot(cache, id), mark = (uint32_t)(id >> 32) | 1;
	bool before = *slot == mark;

	*slot = mark;
	return before;
}

static uint64_t seen_mix(uint64_t id, uint64_t more)
{
	id = (id ^ id >> 32) * UINT64_C(0xd6e8feb86659fd93) + more;
	id = (id ^ id >> 32) * UINT64_C(0xd6e8feb86659fd93);
	return siphash_id(id ^ id >> 32);
}

// A look of a field of a response; one that is still seen is told each day.
static uint64_t shape_id(const struct exchange *x, uint64_t field, uint32_t look)
{
	return seen_mix(x->endpoint ^ field * UINT64_C(0x9e3779b97f4a7c15),
			(exchange_time(x) >> FACTS_DAY) << 8 | look << 1 | SERVER);
}

// The name of a field of a request. The merger may forget those that only rejected requests have,
// so that of a request that was accepted is told again, and all of them each hour.
static uint64_t name_id(const struct exchange *x, uint64_t field, bool accepted)
{
	return seen_mix(field * UINT64_C(0x9e3779b97f4a7c15),
			(exchange_time(x) >> FACTS_HOUR) << 8 | (uint64_t)accepted << 1 | CLIENT);
}

// Rejected requests, which anybody can send, take half of the room at most.
static bool shapes_full(const struct delta *d, const struct exchange *x, enum dir dir)
{
	return d->n_params >=
	       (dir == SERVER || x->tx->status / 100 == 2 ? DELTA_PARAMS : DELTA_PARAMS / 2);
}

// id: what seen_before() was asked; it is not seen when there is no room to tell it.
static void shape_tell(struct detect_worker *w, const struct exchange *x, struct delta_param one,
		       const uint8_t *name, uint32_t len, uint64_t id)
{
	struct facts_cache *cache = &((struct worker_state *)w->state)->facts;
	struct delta *d = delta_active(w);

	if (shapes_full(d, x, one.dir) || len > DELTA_ARENA - d->arena_used) {
		d->params_lost++;
		*seen_slot(cache, id) = 0;
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

// Keys of maps are values: {"orders": {"1207": {"id": …}}} speaks of an order.
static uint64_t noun_part(struct span part, uint64_t seed)
{
	while (part.len >= 2 && memcmp(part.p + part.len - 2, "[]", 2) == 0)
		part.len -= 2;
	return endpoint_segment(part) == SEGMENT_WORD ? noun_container(part, seed) : 0;
}

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
		noun = noun_part(span_make(parent.p + at, parent.len - at), seed);
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

struct facts_key *facts_key_new(struct facts_cache *cache, uint64_t field)
{
	uint32_t set = (uint32_t)((field >> 20) % (FACTS_KEYS / 2));
	struct facts_key *key = &cache->key[set * 2 + (cache->newer[set] ^= 1)];

	*key = (struct facts_key){.field = field};
	return key;
}

static __attribute__((noinline, cold)) void key_learn(struct detect_worker *w,
						      struct facts_key *key, const struct value *v)
{
	struct facts_cache *cache = &((struct worker_state *)w->state)->facts;
	struct field_name name = {.out = cache->name[key - cache->key]};

	field_name_make(&name, PLACE_BODY, (struct span){0}, v->parent, v->key);
	key->name_len = (uint8_t)name.n;
	key->renamed = field_name_id(&name, place_of(v), v->field, w->shared->seed);
	key->kind = (uint8_t)noun_key(v->key, w->shared->seed, &key->noun);
	key->privilege = privilege_of(v->key);
	if (key->kind == NOUN_BARE)
		key->noun = noun_parent(v->parent, w->shared->seed);
	key->known = true;
}

// noun_container() of a word of a path, which are few.
static uint64_t noun_word(struct detect_worker *w, struct span word)
{
	struct facts_cache *cache = &((struct worker_state *)w->state)->facts;
	uint64_t hash = siphash_id(walk_key_hash(w->shared->seed, word));
	struct facts_word *known = &cache->word[hash % FACTS_WORDS];

	if (word.len > NOUN_NAME)
		return 0; // not a part of the hash
	if (known->hash != hash)
		*known = (struct facts_word){hash, noun_container(word, w->shared->seed)};
	return known->noun;
}

// The noun of what an endpoint is about: its last segment that is a word.
static uint64_t noun_endpoint(struct detect_worker *w, struct exchange *x)
{
	struct span path = span_make(x->template, x->template_len), segment;
	uint64_t last = 0, noun;

	path = span_until(path, '#');
	while (endpoint_next(&path, &segment)) {
		noun = segment.p[0] != '{' ? noun_word(w, segment) : 0;
		last = noun ? noun : last;
	}
	x->noun = last;
	x->noun_known = true;
	return x->noun;
}

// Once per exchange.
static inline uint64_t noun_of(struct detect_worker *w, struct exchange *x)
{
	return x->noun_known ? x->noun : noun_endpoint(w, x);
}

// ---- objects given

static void object_give(struct detect_worker *w, struct exchange *x, uint64_t noun, bool vague,
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
		.class = (uint8_t) class,
		.created = x->creates,
		.vague = vague,
	};
}

// Identifiers in the path of a link, each behind what it is one of.
static void link_give(struct detect_worker *w, struct exchange *x, struct span link)
{
	uint8_t decoded[ENDPOINT_SEGMENT];
	struct span segment, path = link;
	uint64_t noun = 0;
	uint32_t n = 0;
	bool coded;

	if (facts_is_url(link)) {
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
	coded = memchr(path.p, '%', path.len) != NULL;
	for (uint32_t i = 0; i < ENDPOINT_DEPTH && n < LINK_IDS && endpoint_next(&path, &segment);
	     i++) {
		// As the request that follows the link is read.
		segment = span_until(segment, ';');
		if (segment.len > sizeof(decoded))
			continue;
		if (coded) {
			segment.len = form_decode(segment, decoded, false);
			segment.p = decoded;
		}
		if (endpoint_segment(segment) == SEGMENT_WORD) {
			noun = noun_word(w, segment);
		} else if (segment.len <= FACTS_ID_MAX) {
			object_give(w, x, noun, false, segment, facts_id_class(segment));
			n++;
		}
	}
}

// Does this exchange give out anything that its caller may use later?
static bool gives(const struct exchange *x)
{
	return x->tx->status / 100 == 2 && x->tx->msg[CLIENT].seen;
}

static void value_given(struct detect_worker *w, struct exchange *x, const struct value *v,
			const struct facts_key *key)
{
	uint64_t noun = key->noun;

	if (v->v.len == 0 || v->v.len > FACTS_ID_MAX || v->escaped)
		return;
	if (key->kind == NOUN_LINK) {
		link_give(w, x, v->v);
		return;
	}
	if (noun == 0)
		noun = noun_of(w, x);
	object_give(w, x, noun, key->noun == 0, v->v, facts_id_class(v->v));
}

void facts_response(struct detect_worker *w, struct exchange *x)
{
	struct span location = http_header(x->tx, SERVER, HEADER_LOCATION);
	uint64_t mix = (exchange_order(x) ^ w->shared->seed) * UINT64_C(0x9e3779b97f4a7c15);

	x->gives = gives(x);
	x->creates = facts_verb(x->tx->method) == VERB_POST;
	x->told_all = (mix >> 40) % FACTS_SHARE == 0;
	x->news = x->told_all ? FACTS_NEW_ALL : FACTS_NEW;
	x->told_to = !x->gives ? 0 : x->told_all ? UINT64_MAX : FACTS_SHAPE;
	// The first exchange of an endpoint tells what it is like (template_judge.h).
	if (!endpoint_announced(w, x))
		x->news = FACTS_NEW_FIRST;
	if (location.len && x->tx->status == 201 && x->tx->msg[CLIENT].seen)
		link_give(w, x, location);
}

// ---- bodies

static enum param_class literal_class(const struct value *v)
{
	return v->v.p[0] == 'n'                       ? PARAM_NULL
	       : v->v.p[0] == 't' || v->v.p[0] == 'f' ? PARAM_BOOL
						      : PARAM_WORD; // NaN, Infinity
}

// Whether it may be a part of a value: pieces, and what was decoded, which is cut at a length.
static bool is_piece(const struct value *v)
{
	return v->kind == VALUE_TEXT || v->kind == VALUE_DECODED;
}

static void body_shape(struct detect_worker *w, const struct exchange *x, const struct value *v,
		       const struct facts_key *key, struct delta_param one, uint64_t id)
{
	const struct facts_cache *cache = &((struct worker_state *)w->state)->facts;

	one.dir = (uint8_t)v->dir;
	one.place = (uint8_t)place_of(v);
	one.kind = (uint8_t)v->kind;
	shape_tell(w, x, one, cache->name[key - cache->key], key->name_len, id);
}

// As the server reads it: a value has one identity wherever it stands.
static struct span value_plain(const struct value *v, uint8_t out[FACTS_HASHED])
{
	struct span text = v->v;
	bool coded;

	if (!v->escaped)
		return text;
	text.len = text.len < FACTS_HASHED ? text.len : FACTS_HASHED;
	text.len = place_of(v) == PLACE_FORM ? form_decode(text, out, true)
					     : escape_json(text, out, &coded);
	text.p = out;
	return text;
}

static void value_asked(struct detect_worker *w, struct exchange *x, const struct value *v,
			const struct facts_key *key)
{
	struct facts_cache *cache = &((struct worker_state *)w->state)->facts;
	struct call_param *p = &x->params[x->n_params++];
	uint8_t text[FACTS_HASHED];
	struct span plain = value_plain(v, text);
	uint64_t id;

	*p = (struct call_param){
		.field = key->renamed,
		// A piece's hash would tell how the packets were cut.
		.value = is_piece(v) ? 0 : facts_value_hash(plain, w->shared->seed),
		.len = v->escaped && v->v.len > FACTS_HASHED ? v->v.len : plain.len,
		.place = (uint8_t)place_of(v),
		.index = key->privilege,
		.kind = (uint8_t)v->kind,
	};
	p->class = v->kind == VALUE_LITERAL ? (uint8_t)literal_class(v)
		   : is_piece(v)            ? PARAM_TEXT
					    : (uint8_t)facts_class(plain, &p->number);
	if ((key->kind == NOUN_NAMED || key->kind == NOUN_BARE) && v->kind != VALUE_LITERAL &&
	    !is_piece(v) && plain.len && plain.len <= FACTS_ID_MAX)
		p->noun = key->noun ? key->noun : noun_of(w, x);
	id = name_id(x, p->field, false);
	if (!seen_before(cache, id))
		body_shape(w, x, v, key,
			   (struct delta_param){
				   .field = p->field, .class = p->class, .id = p->noun != 0},
			   id);
}

static uint32_t shape_look(const struct value *v)
{
	return v->kind == VALUE_LITERAL ? SHAPE_LITERAL + literal_class(v) : (uint32_t)v->kind;
}

void facts_ahead(struct detect_worker *w, const struct exchange *x, const struct value *v,
		 const struct facts_key *key)
{
	struct facts_cache *cache = &((struct worker_state *)w->state)->facts;

	__builtin_prefetch(seen_slot(cache, shape_id(x, key->renamed, shape_look(v))), 1);
}

// A class for each value would cost more than it tells: that of the first of each kind of value,
// and of all of the exchanges that are chosen to tell more.
static void value_shape(struct detect_worker *w, struct exchange *x, const struct value *v,
			const struct facts_key *key)
{
	struct facts_cache *cache = &((struct worker_state *)w->state)->facts;
	struct delta *d = delta_active(w);
	enum param_class class = PARAM_EMPTY;
	uint32_t look = shape_look(v);
	double number;
	uint64_t id;

	if (v->kind == VALUE_LITERAL) {
		class = literal_class(v);
	} else if (x->told_all) {
		class = is_piece(v) ? PARAM_TEXT : facts_class(v->v, &number);
		look = (v->kind == VALUE_NUMBER ? SHAPE_NUMBER : SHAPE_STRING) + class;
	}
	id = shape_id(x, key->renamed, look);
	if (seen_before(cache, id))
		return;
	if (shapes_full(d, x, SERVER)) { // for the rest of the epoch: nothing more is looked for
		d->params_lost++;
		*seen_slot(cache, id) = 0;
		x->told_to = 0;
		return;
	}
	if (--x->news == 0)
		x->told_to = 0;
	if (look < SHAPE_LITERAL)
		class = is_piece(v) ? PARAM_TEXT : facts_class(v->v, &number);
	body_shape(w, x, v, key,
		   (struct delta_param){
			   .field = key->renamed,
			   .class = (uint8_t) class,
			   .id = key->kind == NOUN_NAMED || key->kind == NOUN_BARE,
			   .sampled = x->told_all || v->kind == VALUE_LITERAL,
		   },
		   id);
}

static bool in_list(struct span parent)
{
	for (uint32_t i = 0; i + 1 < parent.len; i++) {
		if (parent.p[i] == '[' && parent.p[i + 1] == ']')
			return true;
	}
	return false;
}

// Of lists nobody knows whose it is.
static void value_shown(struct detect_worker *w, struct exchange *x, const struct value *v,
			const struct facts_key *key)
{
	uint8_t text[FACTS_HASHED];
	struct call_param *p;
	struct span plain;

	if (x->n_shown == EXCHANGE_SHOWN || in_list(v->parent))
		return;
	plain = value_plain(v, text);
	p = &x->shown[x->n_shown++];
	*p = (struct call_param){
		.field = key->renamed,
		.value = facts_value_hash(plain, w->shared->seed),
		.len = plain.len,
		.place = PLACE_BODY,
		.index = key->privilege,
	};
	p->class = v->kind == VALUE_LITERAL ? (uint8_t)literal_class(v)
					    : (uint8_t)facts_class(plain, &p->number);
}

void facts_look(struct detect_worker *w, struct exchange *x, const struct value *v,
		struct facts_key *key, bool told)
{
	if (__builtin_expect(!key->known, 0))
		key_learn(w, key, v);
	if (v->dir == CLIENT) {
		value_asked(w, x, v, key);
		return;
	}
	if (v->kind == VALUE_TEXT && v->parent.len == 0)
		return;
	if (!told)
		value_shape(w, x, v, key);
	if (is_piece(v))
		return;
	if (key->privilege)
		value_shown(w, x, v, key);
	if (key->kind == NOUN_NONE) {
		key->plain = !key->privilege || in_list(v->parent);
		facts_uuid(w, x, v->v);
	} else if (v->kind != VALUE_LITERAL) {
		value_given(w, x, v, key);
	}
}

void facts_uuid(struct detect_worker *w, struct exchange *x, struct span value)
{
	if (endpoint_is_uuid(value))
		object_give(w, x, 0, false, value, PARAM_UUID);
}

// ---- targets

static void target_path(struct detect_worker *w, struct exchange *x)
{
	uint8_t decoded[ENDPOINT_SEGMENT];
	struct span path = x->path, segment, value, word = {0};
	uint64_t noun = 0, field, seed = w->shared->seed;
	struct call_param *p;

	for (uint32_t i = 0; x->id_segments >> i && endpoint_next(&path, &segment); i++) {
		if (!(x->id_segments >> i & 1)) {
			word = segment;
			continue;
		}
		if (word.len)
			noun = noun_word(w, word);
		word.len = 0;
		value = span_until(segment, ';');
		if (value.len > sizeof(decoded))
			value.len = sizeof(decoded);
		value = escape_url(value, decoded, false);
		p = param_add(x);
		if (!p)
			return;
		field = siphash_number(seed, 'P', i);
		*p = (struct call_param){
			.field = field,
			.noun = noun ? noun : field,
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

	for (uint32_t i = 0; form_next(&rest, &pair); i++) {
		if (i == QUERY_PARAMS) {
			x->params_lost++; // and what follows
			return;
		}
		if (pair.key.len == 0 || pair.key.len > ENDPOINT_SEGMENT)
			continue;
		value = pair.value;
		if (value.len > sizeof(text))
			value.len = sizeof(text);
		value = escape_url(value, text, true);
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
			p->noun = noun_of(w, x);
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

// Names of parameters of the target are told here, when it is known whether the server took them.
static void target_shape(struct detect_worker *w, struct exchange *x)
{
	struct facts_cache *cache = &((struct worker_state *)w->state)->facts;
	struct span rest = x->query;
	struct form_pair pair = {0};
	uint8_t text[EXCHANGE_NAME];

	for (uint32_t i = 0; i < x->n_params; i++) {
		const struct call_param *p = &x->params[i];
		struct field_name name = {.out = text};
		uint64_t id;
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
		id = name_id(x, p->field, gives(x));
		if (seen_before(cache, id))
			continue;
		if (p->place == PLACE_PATH)
			path_name(p->index, text, &name.n);
		else
			field_name_make(&name, PLACE_QUERY, pair.key, (struct span){0},
					(struct span){0});
		shape_tell(w, x, one, text, name.n, id);
	}
}

// Data types that a successful exchange held.
static void types_tell(struct detect_worker *w, const struct exchange *x)
{
	struct facts_cache *cache = &((struct worker_state *)w->state)->facts;
	struct delta *d = delta_active(w);

	for (uint32_t i = 0; i < x->n_hits; i++) {
		const struct exchange_hit *hit = &x->hits[i];
		uint64_t id = shape_id(x, (uint64_t)hit->type << 1 | hit->dir, SHAPE_TYPE);

		if (hit->place == PLACE_REFERER || hit->tests == hit->count ||
		    seen_before(cache, id))
			continue;
		if (d->n_types == DELTA_TYPES) {
			d->types_lost++;
			*seen_slot(cache, id) = 0;
			continue;
		}
		d->types[d->n_types++] = (struct delta_type){
			.endpoint = x->endpoint,
			.time_ns = exchange_time(x),
			.type = hit->type,
			.dir = hit->dir,
		};
	}
}

void facts_end(struct detect_worker *w, struct exchange *x, struct call *call)
{
	struct delta *d = delta_active(w);
	uint32_t left = DELTA_CALL_PARAMS - d->n_call_params;
	struct call_param *to = d->call_params + d->n_call_params;

	target_shape(w, x);
	if (gives(x) && x->n_hits)
		types_tell(w, x);
	if (x->n_params + x->n_shown > left) {
		d->call_params_lost += x->n_params;
		x->params_lost += x->n_params;
		return;
	}
	memcpy(to, x->params, x->n_params * sizeof(*to));
	memcpy(to + x->n_params, x->shown, x->n_shown * sizeof(*to));
	d->n_call_params += x->n_params + x->n_shown;
	call->params = to;
	call->n_params = (uint16_t)x->n_params;
	call->n_shown = (uint16_t)x->n_shown;
}

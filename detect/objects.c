// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// When something is missing here, why is it missing? A relation can be missing because it was never
// there; because it had to go for newer ones (then its principal is told when it was last used: all
// that came later is still here); because its response was not seen whole, or objects were lost on
// the way. Only the first proves anything. An object that was made after all that is proof again.

#include "detect/objects.h"

#include "detect/record.h"

#include <errno.h>
#include <string.h>

#define OBJECTS_ROW(field, kind, ...)                                                              \
	{                                                                                          \
		.key = #field, .type = kind, .offset = offsetof(struct objects_options, field),    \
		__VA_ARGS__                                                                        \
	}
#define BOUND_ROW(name, field, kind, ...)                                                          \
	{                                                                                          \
		.key = name, .type = kind,                                                         \
		.offset = offsetof(struct objects_options, bound.field), __VA_ARGS__               \
	}
static const struct conf_row objects_rows[] = {
	OBJECTS_ROW(
		max_relations, CONF_U32, .min = 0, .max = 1 << 27, .def = "4000000",
		.unit = "relations",
		.help = "Objects given to principals that are remembered, all together; 0: none, "
			"then nobody is found to use what is not his"),
	OBJECTS_ROW(max_objects, CONF_U32, .min = 64, .max = 1 << 27, .def = "1000000",
		    .unit = "objects",
		    .help = "Objects whose owners are remembered, and principals with objects"),
	OBJECTS_ROW(session_s, CONF_U32, .min = 1, .max = 86400, .def = "1800", .unit = "s",
		    .help = "Without calls for so long, the next one begins a new session"),
	OBJECTS_ROW(quiet_s, CONF_U32, .min = 0, .max = 604800, .def = "3600", .unit = "s",
		    .help = "After a response to a principal was not seen whole, nothing is "
			    "concluded for so long from what it was not given"),
	OBJECTS_ROW(public_users, CONF_U32, .min = 1, .max = OBJECTS_GETTERS, .def = "3",
		    .unit = "users",
		    .help = "Others of its role that had an object before it counts as public"),
	BOUND_ROW("bound_share", share, CONF_F64, .min = 50, .max = 100, .def = "95", .unit = "%",
		  .help = "Share of the ids of a parameter that callers were given before, from "
			  "which on it is bound to their objects"),
	BOUND_ROW("bound_exclusive", exclusive, CONF_F64, .min = 50, .max = 100, .def = "99",
		  .unit = "%", .help = "The same by how often a known object was the caller's own"),
	BOUND_ROW("bound_requests", requests, CONF_U32, .min = 1, .max = 1e9, .def = "500",
		  .unit = "requests", .help = "Requests before a parameter can be bound"),
	BOUND_ROW("bound_users", users, CONF_U32, .min = 1, .max = 1000, .def = "20",
		  .unit = "users", .help = "Principals before a parameter can be bound"),
	BOUND_ROW(
		"crowd", crowd, CONF_U32, .min = 1, .max = BOUND_CROWD, .def = "4", .unit = "users",
		.help = "So many others that use foreign objects within an hour are a new feature"),
};
const struct conf_section objects_section = {
	.path = "detect.objects",
	.help = "Which objects belong to whom, for D-01, D-02 and D-20",
	.size = sizeof(struct objects_options),
	.rows = objects_rows,
	.n_rows = sizeof(objects_rows) / sizeof(objects_rows[0]),
};
CONF_SECTION(objects_section);

enum {
	BOUND_MAX = 65536,
	GAP_MAX_S = 900, // off for longer: as if all had been lost
	GAP_CUTS = 2, // connections of a principal that are cut by a restart, as far as is believed
};

// A principal was given an object.
struct relation {
	uint64_t principal;
	uint32_t tag;    // of the exchange that gave it
	uint32_t last_s; // when it was last given or used
};
static_assert(sizeof(struct relation) + sizeof(struct lru_head) == 32, "there are millions");

enum { OBJECT_MADE = 1, OBJECT_WEAK = 2 };
#define ASKER(group, i) ((uint8_t)(1U << ((group)*OBJECTS_GETTERS + (i))))

// Those who had it, for two roles; further roles count as the second.
struct object {
	uint64_t owner;
	uint32_t first_s;
	uint8_t flags;
	uint8_t n[2];   // OBJECTS_GETTERS + 1: more
	uint8_t askers; // bits of those getters who only ever asked for it themselves
	uint16_t role[2];
	uint32_t getter[2][OBJECTS_GETTERS];
};
static_assert(sizeof(struct object) + sizeof(struct lru_head) == 64, "there are a million");

struct person {
	uint32_t last_s, session_s; // the last call, the first one of its session
	uint32_t given_s;           // the last object given
	uint32_t hole_s;            // the last response that was not seen whole
	uint32_t evicted_s;         // up to when what it had may be forgotten
	uint16_t role;
	bool suspect;
	uint8_t cuts; // responses that were not seen whole because the sensor was off
};
static_assert(sizeof(struct person) == 24, "there are a million");

static const struct record_field relation_fields[] = {
	RECORD_ONE(struct relation, principal, 0),
	RECORD_ONE(struct relation, tag, 0),
	RECORD_ONE(struct relation, last_s, 0),
};
static const struct record relation_record = RECORD(struct relation, relation_fields, NULL);

static const struct record_field object_fields[] = {
	RECORD_ONE(struct object, owner, 0),
	RECORD_ONE(struct object, first_s, 0),
	RECORD_ONE(struct object, flags, OBJECT_MADE | OBJECT_WEAK),
	RECORD_MANY(struct object, n, OBJECTS_GETTERS + 1),
	RECORD_ONE(struct object, askers, 0),
	RECORD_MANY(struct object, role, 0),
	RECORD_MANY(struct object, getter[0], 0),
	RECORD_MANY(struct object, getter[1], 0),
};
static const struct record object_record = RECORD(struct object, object_fields, NULL);

static const struct record_field person_fields[] = {
	RECORD_ONE(struct person, last_s, 0),    RECORD_ONE(struct person, session_s, 0),
	RECORD_ONE(struct person, given_s, 0),   RECORD_ONE(struct person, hole_s, 0),
	RECORD_ONE(struct person, evicted_s, 0), RECORD_ONE(struct person, role, 0),
	RECORD_ONE(struct person, suspect, 1),
};
static const struct record person_record = RECORD(struct person, person_fields, NULL);

static uint32_t seconds(uint64_t time_ns)
{
	return (uint32_t)(time_ns / UINT64_C(1000000000));
}

static uint16_t tag16(uint64_t id)
{
	return (uint16_t)(id ^ id >> 16 ^ id >> 32 ^ id >> 48);
}

uint64_t objects_id(uint64_t noun, uint64_t value, enum param_class class)
{
	bool rare = class == PARAM_UUID || class == PARAM_HEX || class == PARAM_TOKEN ||
		    class == PARAM_EMAIL;

	return mix64(mix64(3, value), rare ? 0 : noun);
}

// Of whatever has this value.
static uint64_t value_id(uint64_t value)
{
	return objects_id(0, value, PARAM_TOKEN);
}

static uint64_t relation_id(uint64_t principal, uint64_t object)
{
	return mix64(mix64(4, principal), object);
}

// ---- Life

static void relation_goes(void *arg, uint64_t, void *entry)
{
	const struct relation *relation = entry;
	struct objects *o = arg;
	struct person *p = lru_get(&o->people, relation->principal);

	if (p && p->evicted_s < relation->last_s)
		p->evicted_s = relation->last_s;
}

int objects_init(struct objects *o, const struct objects_options *options)
{
	*o = (struct objects){0};
	if (options->max_relations == 0)
		return 0;
	if (lru_init(&o->relations, sizeof(struct relation), options->max_relations) ||
	    lru_init(&o->objects, sizeof(struct object), options->max_objects) ||
	    lru_init(&o->people, sizeof(struct person), options->max_objects) ||
	    bound_init(&o->bound, &options->bound, BOUND_MAX)) {
		objects_fini(o);
		return -ENOMEM;
	}
	o->relations.evicted_fn = relation_goes;
	o->relations.evicted_arg = o;
	o->options = options;
	return 0;
}

void objects_fini(struct objects *o)
{
	lru_fini(&o->relations);
	lru_fini(&o->objects);
	lru_fini(&o->people);
	bound_fini(&o->bound);
	*o = (struct objects){0};
}

void objects_clear(struct objects *o)
{
	if (!o->options)
		return;
	lru_clear(&o->relations);
	lru_clear(&o->objects);
	lru_clear(&o->people);
	bound_clear(&o->bound);
	o->relations.evicted = o->objects.evicted = o->people.evicted = 0;
	o->lost_s = o->now_s = o->gap_from_s = o->gap_to_s = 0;
	o->order = o->principal = 0;
	o->n_views = 0;
	memset(o->named, 0, sizeof(o->named));
}

size_t objects_bytes(const struct objects_options *options)
{
	if (options->max_relations == 0)
		return 0;
	return lru_bytes(sizeof(struct relation), options->max_relations) +
	       lru_bytes(sizeof(struct object), options->max_objects) +
	       lru_bytes(sizeof(struct person), options->max_objects) + bound_bytes(BOUND_MAX);
}

void objects_lost(struct objects *o, uint64_t time_ns)
{
	if (seconds(time_ns) > o->lost_s)
		o->lost_s = seconds(time_ns);
}

void objects_suspect(struct objects *o, uint64_t principal)
{
	struct person *p = o->options ? lru_get(&o->people, principal) : NULL;

	if (p)
		p->suspect = true;
}

// ---- People

static bool lately(const struct objects *o, uint32_t then_s, uint32_t now_s)
{
	return then_s && (now_s < then_s || now_s - then_s < o->options->quiet_s);
}

// What was given in the gap may still count: and until GAP_MAX_S behind it, what was cut by it.
static bool gap_lately(const struct objects *o, uint32_t now_s)
{
	return o->gap_to_s &&
	       (now_s < o->gap_to_s || now_s - o->gap_to_s < o->options->quiet_s + GAP_MAX_S);
}

// Connections that were open go on in the middle. What they were just carrying is missing as is all
// else of the gap.
static bool is_cut(const struct objects *o, struct person *p, uint32_t now_s)
{
	return o->gap_to_s && now_s - o->gap_to_s < GAP_MAX_S && p->cuts < GAP_CUTS && ++p->cuts;
}

// The first after a restart ends the gap.
static void time_goes(struct objects *o, uint32_t now_s)
{
	if (o->gap_from_s && !o->gap_to_s) {
		o->gap_to_s = now_s > o->gap_from_s ? now_s : o->gap_from_s;
		if (o->gap_to_s - o->gap_from_s > GAP_MAX_S)
			o->lost_s = o->gap_to_s;
	}
	o->now_s = now_s > o->now_s ? now_s : o->now_s;
}

static struct person *person_touch(struct objects *o, uint64_t principal, bool named,
				   uint32_t now_s)
{
	bool fresh;
	struct person *p = lru_touch(&o->people, principal, &fresh);

	if (!p)
		return NULL;
	if (fresh) {
		p->session_s = p->last_s = now_s;
		// It may have been here before, and what it had may be gone.
		if (o->relations.evicted && o->people.evicted)
			p->evicted_s = now_s;
		// It may be the session of somebody else, who signed in while nobody saw it.
		if (!named && gap_lately(o, now_s))
			p->hole_s = now_s;
	}
	if (now_s > p->last_s) {
		if (now_s - p->last_s >= o->options->session_s)
			p->session_s = now_s;
		p->last_s = now_s;
	}
	return p;
}

// Does it prove anything that this principal does not have that object?
static bool is_complete(const struct objects *o, const struct person *p,
			const struct object *object, uint32_t now_s)
{
	if (object && object->flags & OBJECT_MADE && object->first_s > p->evicted_s &&
	    object->first_s > p->hole_s && object->first_s > o->lost_s)
		return true;
	if (lately(o, p->hole_s, now_s) || lately(o, o->lost_s, now_s))
		return false;
	if (gap_lately(o, now_s) &&
	    (!object || object->flags & OBJECT_WEAK || object->first_s > o->gap_from_s))
		return false;
	return p->evicted_s == 0 ||
	       (object && object->first_s > p->evicted_s && o->objects.evicted == 0);
}

// ---- Who had an object

static uint32_t group_of(const struct object *object, uint16_t role)
{
	return object->n[0] == 0 || object->role[0] == role ? 0 : 1;
}

static void getter_add(struct object *object, uint64_t principal, uint16_t role, bool asked)
{
	uint32_t g = group_of(object, role), tag = mix_tag(principal);

	if (object->n[g] == 0)
		object->role[g] = role;
	for (uint32_t i = 0; i < object->n[g] && i < OBJECTS_GETTERS; i++) {
		if (object->getter[g][i] == tag) {
			if (!asked)
				object->askers &= (uint8_t)~ASKER(g, i);
			return;
		}
	}
	if (object->n[g] < OBJECTS_GETTERS) {
		object->getter[g][object->n[g]] = tag;
		if (asked)
			object->askers |= ASKER(g, object->n[g]);
	}
	if (object->n[g] <= OBJECTS_GETTERS)
		object->n[g]++;
}

static uint8_t others_of(const struct object *object, uint64_t principal, uint16_t role)
{
	uint32_t g = group_of(object, role), tag = mix_tag(principal);
	uint8_t n = object->n[g];

	for (uint32_t i = 0; i < object->n[g] && i < OBJECTS_GETTERS; i++)
		n = (uint8_t)(n - (object->getter[g][i] == tag));
	return n;
}

// Of those of its role, the caller alone was given it; at most one other asked for it itself, who may
// be somebody who took it.
static bool is_alone(const struct object *object, uint64_t principal, uint16_t role)
{
	uint32_t g = group_of(object, role), tag = mix_tag(principal);
	bool given = false;

	if (object->n[g] > 2)
		return false;
	for (uint32_t i = 0; i < object->n[g]; i++) {
		bool asked = object->askers & ASKER(g, i);

		if (object->getter[g][i] == tag)
			given = !asked;
		else if (!asked)
			return false;
	}
	return given;
}

// ---- Calls

static bool is_object(const struct call_param *p)
{
	switch (p->class) {
	case PARAM_INT:
	case PARAM_UUID:
	case PARAM_HEX:
	case PARAM_TOKEN:
	case PARAM_WORD:
	case PARAM_EMAIL:
		return p->noun != 0;
	default:
		return false;
	}
}

static void view_fill(struct objects *o, struct objects_view *view, const struct call *call,
		      const struct person *p, uint32_t now_s)
{
	const struct object *object = lru_get(&o->objects, view->object);
	uint64_t id = relation_id(call->principal, view->object);
	struct relation *relation = lru_get(&o->relations, id);
	bool by_this;

	if (!relation) {
		id = relation_id(call->principal, value_id(view->param->value));
		relation = lru_get(&o->relations, id);
	}
	by_this = relation && relation->tag == mix_tag(call->order);
	if (object) {
		view->others = others_of(object, call->principal, p->role);
		view->open = view->others >= o->options->public_users;
		view->owner = object->owner == call->principal ? 0 : object->owner;
		view->weak = object->flags & OBJECT_WEAK;
	}
	view->alone = view->others == 0 || is_alone(object, call->principal, p->role);
	if (call->subject && call->subject == view->param->value)
		view->answer = OBJECTS_OWN;
	else if (relation && !by_this)
		view->answer = OBJECTS_GIVEN;
	else
		view->answer = is_complete(o, p, object, now_s) ? OBJECTS_FOREIGN : OBJECTS_UNSURE;
	view->bound =
		bound_look(&o->bound, bound_id(call->endpoint, view->param->field, call->role),
			   call->principal, now_s);
	view->kind = bound_look(&o->bound, bound_id(view->param->noun, 0, call->role),
				call->principal, now_s);
	if (relation && !by_this) {
		relation = lru_touch(&o->relations, id, NULL);
		if (relation)
			relation->last_s = now_s;
		lru_touch(&o->objects, view->object, NULL);
	}
}

static void view_learn(struct objects *o, const struct objects_view *view, const struct call *call,
		       uint32_t now_s)
{
	bool given = view->answer == OBJECTS_GIVEN || view->answer == OBJECTS_OWN;
	struct bound_use use = {
		.principal = call->principal,
		.now_s = now_s,
		.given = given,
		.known = given || view->owner,
		.mine = given && view->alone,
	};
	const uint64_t ids[] = {
		bound_id(call->endpoint, view->param->field, call->role),
		bound_id(view->param->noun, 0, call->role),
	};

	if (view->answer == OBJECTS_UNSURE || (!given && view->open))
		return;
	for (uint32_t i = 0; i < 2; i++) {
		use.id = ids[i];
		use.endpoint = i == 0 ? call->endpoint : 0;
		if (!given && view->owner && !view->weak)
			bound_foreign(&o->bound, &use);
		bound_learn(&o->bound, &use);
	}
}

// An object that a PUT names and nobody had is made by it.
static void view_make(struct objects *o, const struct objects_view *view, const struct call *call,
		      uint32_t now_s)
{
	uint64_t id = relation_id(call->principal, view->object);
	struct relation *relation;

	if (call->verb != VERB_PUT || view->owner || view->answer == OBJECTS_GIVEN ||
	    view->answer == OBJECTS_OWN)
		return;
	relation = lru_touch(&o->relations, id, NULL);
	if (relation)
		*relation = (struct relation){call->principal, 0, now_s};
}

void objects_call(struct objects *o, const struct call *call)
{
	bool whole = !(call->flags & (CALL_HALF | CALL_GUESSED)) && call->status != 0;
	uint32_t now_s = seconds(call->time_ns);
	struct person *p;

	o->n_views = 0;
	o->order = call->order;
	o->principal = call->principal;
	o->deep = o->suspect = false;
	// POST alone says little: queries come that way, too.
	o->makes = call->verb == VERB_POST && call->status == 201;
	if (!o->options || call->principal == 0 || call->flags & CALL_MESSAGE)
		return;
	time_goes(o, now_s);
	p = person_touch(o, call->principal, call->subject != 0, now_s);
	if (!p)
		return;
	p->role = tag16(call->role);
	o->suspect = p->suspect;
	o->deep = p->given_s == 0 || p->given_s < p->session_s;
	for (uint32_t i = 0; i < call->n_params && o->n_views < OBJECTS_VIEWS; i++) {
		const struct call_param *param = &call->params[i];
		struct objects_view *view = &o->view[o->n_views];

		if (!is_object(param))
			continue;
		*view = (struct objects_view){
			.param = param,
			.object = objects_id(param->noun, param->value, param->class),
		};
		view_fill(o, view, call, p, now_s);
		o->n_views++;
		if (!call_ok(call) || !whole || call->user_confidence < OBJECTS_SURE || p->suspect)
			continue;
		o->named[param->noun % OBJECTS_NOUNS / 64] |= 1ULL << param->noun % 64;
		view_learn(o, view, call, now_s);
		view_make(o, view, call, now_s);
	}
	// Only now: what was not seen of this answer says nothing of what was asked for.
	if (!whole && !is_cut(o, p, now_s))
		p->hole_s = now_s;
}

// ---- Objects given

static const struct objects_view *view_of(const struct objects *o,
					  const struct delta_object *object, uint64_t id)
{
	if (o->order != object->order || o->principal != object->principal)
		return NULL;
	for (uint32_t i = 0; i < o->n_views; i++) {
		if (o->view[i].object == id || o->view[i].param->value == object->value)
			return &o->view[i];
	}
	return NULL;
}

static void object_had(struct objects *o, const struct delta_object *given, uint64_t id, bool weak,
		       uint16_t role, uint32_t now_s)
{
	bool fresh, made = given->created && !weak && o->makes && o->order == given->order;
	struct object *object = lru_touch(&o->objects, id, &fresh);

	if (!object)
		return;
	if (fresh) {
		object->first_s = now_s;
		object->flags = weak ? OBJECT_WEAK : 0;
		object->owner = given->principal;
	}
	if (made && (fresh || object->flags & OBJECT_WEAK))
		object->flags |= OBJECT_MADE;
	if (!weak && object->flags & OBJECT_WEAK) {
		object->owner = given->principal;
		object->flags = (uint8_t)(object->flags & ~OBJECT_WEAK);
	}
	getter_add(object, given->principal, role, weak);
}

void objects_prefetch(const struct objects *o, const struct delta_object *given, bool entries)
{
	uint64_t id, relation;

	if (!o->options)
		return;
	id = objects_id(given->noun, given->value, given->class);
	relation = relation_id(given->principal, id);
	if (entries) {
		lru_prefetch_entry(&o->relations, relation);
		lru_prefetch_entry(&o->objects, id);
		return;
	}
	lru_prefetch(&o->relations, relation);
	lru_prefetch(&o->objects, id);
}

static bool relation_add(struct objects *o, const struct delta_object *given, uint64_t object,
			 uint32_t now_s)
{
	bool fresh;
	struct relation *relation =
		lru_touch(&o->relations, relation_id(given->principal, object), &fresh);

	if (!relation)
		return false;
	if (fresh) {
		relation->principal = given->principal;
		relation->tag = mix_tag(given->order);
	}
	relation->last_s = now_s;
	return true;
}

// Do requests name objects as this one is?
static bool is_named(const struct objects *o, const struct delta_object *given)
{
	return !given->vague || o->named[given->noun % OBJECTS_NOUNS / 64] >> given->noun % 64 & 1;
}

void objects_give(struct objects *o, const struct delta_object *given)
{
	uint64_t id = objects_id(given->noun, given->value, given->class);
	uint32_t now_s = seconds(given->time_ns);
	const struct objects_view *asked;
	struct person *p;

	if (!o->options || given->principal == 0)
		return;
	time_goes(o, now_s);
	// Its call came before it, if it is known at all.
	p = person_touch(o, given->principal, false, now_s);
	if (!p)
		return;
	asked = view_of(o, given, id);
	// Who reads what another had has not been given it.
	if (asked && asked->owner && !asked->open &&
	    (asked->answer == OBJECTS_FOREIGN || asked->answer == OBJECTS_UNSURE) &&
	    (asked->bound.is || asked->kind.is || p->suspect))
		return;
	if (!asked)
		p->given_s = now_s;
	if (!relation_add(o, given, id, now_s))
		return;
	object_had(o, given, id, asked != NULL, p->role, now_s);
	if (!is_named(o, given))
		relation_add(o, given, value_id(given->value), now_s);
}

// ---- Over a restart

int objects_save(const struct objects *o, FILE *out)
{
	int rc;

	blob_put(out, o->options != NULL, 1);
	if (!o->options)
		return 0;
	blob_put(out, o->now_s, 4);
	blob_put(out, o->lost_s, 4);
	// Whether anything was ever forgotten.
	blob_put(out,
		 (o->relations.evicted != 0) | (o->objects.evicted != 0) << 1 |
			 (o->people.evicted != 0) << 2,
		 1);
	rc = record_put_table(out, &person_record, &o->people);
	rc = rc ? rc : record_put_table(out, &object_record, &o->objects);
	rc = rc ? rc : record_put_table(out, &relation_record, &o->relations);
	return rc ? rc : bound_save(&o->bound, out);
}

// People first: they are told what has to be forgotten when there is less room than there was.
static int tables_load(struct objects *o, struct blob_reader *in)
{
	uint32_t now_s = (uint32_t)blob_get(in, 4), lost_s = (uint32_t)blob_get(in, 4);
	uint32_t evicted = (uint32_t)blob_get(in, 1);
	int rc = record_get_table(in, &person_record, &o->people);

	rc = rc ? rc : record_get_table(in, &object_record, &o->objects);
	rc = rc ? rc : record_get_table(in, &relation_record, &o->relations);
	rc = rc ? rc : bound_load(&o->bound, in);
	o->now_s = o->gap_from_s = now_s;
	o->gap_to_s = 0;
	o->lost_s = lost_s;
	o->relations.evicted += evicted & 1;
	o->objects.evicted += evicted >> 1 & 1;
	o->people.evicted += evicted >> 2 & 1;
	return rc ? rc : record_end(in);
}

int objects_load(struct objects *o, FILE *in, size_t len, uint32_t version)
{
	struct blob_reader r = {.in = in, .left = len, .bad = version != OBJECTS_VERSION};
	bool any = blob_get(&r, 1);
	int rc = r.bad ? -EINVAL : 0;

	// When the other side kept nothing, or this one does not want it.
	if (rc == 0 && any && o->options)
		rc = tables_load(o, &r);
	if (rc)
		objects_clear(o);
	return rc;
}

void objects_forget(struct objects *o, uint64_t endpoint)
{
	if (o->options)
		bound_forget(&o->bound, endpoint);
}

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Tables of names, of endpoints with their lists, and of parameters by (endpoint, direction,
// field). Fields of responses are announced once for each look and worker, by the first value of
// each kind (string, number, literal) that it saw; of the announcements of a kind the earliest
// one's class counts, which is the same for any number of workers. What the sampled exchanges
// tell counts always: they are the same ones everywhere.

#include "detect/params.h"

#include "detect/blob.h"
#include "detect/memory.h"

#include "detect/siphash.h"

#include <errno.h>

enum { NS = 1000000000 };

void params_init(struct params *p, uint32_t max, uint32_t max_endpoint, uint32_t max_endpoints)
{
	*p = (struct params){
		.max = max,
		.max_endpoint = max_endpoint,
		.max_endpoints = max_endpoints,
	};
}

// ---- Names

static void pending_out(struct params *p, struct param_name *name)
{
	*(name->older ? &name->older->newer : &p->oldest) = name->newer;
	*(name->newer ? &name->newer->older : &p->newest) = name->older;
	p->n_pending--;
}

static void pending_in(struct params *p, struct param_name *name)
{
	name->older = p->newest;
	name->newer = NULL;
	*(p->newest ? &p->newest->newer : &p->oldest) = name;
	p->newest = name;
	p->n_pending++;
}

static void pending_bound(struct params *p)
{
	while (p->n_pending > PARAMS_PENDING) {
		struct param_name *name = p->oldest;

		pending_out(p, name);
		idmap_remove(&p->names, name->field);
		free(name);
	}
}

static struct param_name *name_add(struct params *p, uint64_t field, struct span text)
{
	struct param_name *name = idmap_get(&p->names, field);

	if (name || field == 0)
		return name;
	if (text.len > PARAMS_NAME)
		text.len = PARAMS_NAME;
	name = malloc(sizeof(*name) + text.len + 1);
	if (!name || !idmap_add(&p->names, field, name)) {
		free(name);
		p->refused++;
		return NULL;
	}
	*name = (struct param_name){.field = field, .len = (uint32_t)text.len};
	if (text.len)
		memcpy(name->text, text.p, text.len);
	name->text[text.len] = '\0';
	pending_in(p, name);
	return name;
}

static void name_hold(struct params *p, struct param *param)
{
	param->name = idmap_get(&p->names, param->field);
	if (param->name && param->name->refs++ == 0)
		pending_out(p, param->name);
}

static void name_drop(struct params *p, struct param *param)
{
	if (param->name && --param->name->refs == 0)
		pending_in(p, param->name);
	param->name = NULL;
}

const char *params_name(const struct params *p, uint64_t field)
{
	const struct param_name *name = idmap_get(&p->names, field);

	return name ? name->text : NULL;
}

// ---- Parameters

static uint64_t param_id(uint64_t endpoint, uint32_t dir, uint64_t field)
{
	uint64_t id = endpoint ^ field * UINT64_C(0x9e3779b97f4a7c15);

	id = (id ^ id >> 32) * UINT64_C(0xd6e8feb86659fd93) + dir;
	id = (id ^ id >> 29) * UINT64_C(0xd6e8feb86659fd93);
	return siphash_id(id ^ id >> 32);
}

const struct params_endpoint *params_endpoint(const struct params *p, uint64_t endpoint)
{
	return idmap_get(&p->endpoints, endpoint);
}

const struct param *params_get(const struct params *p, uint64_t endpoint, enum dir dir,
			       uint64_t field)
{
	return idmap_get(&p->list, param_id(endpoint, dir, field));
}

static struct params_endpoint *endpoint_add(struct params *p, uint64_t id)
{
	struct params_endpoint *e = idmap_get(&p->endpoints, id);

	if (e || id == 0)
		return e;
	if (p->endpoints.n >= p->max_endpoints)
		return NULL;
	if (p->endpoints.n == p->endpoint_room) {
		uint32_t room = p->endpoint_room ? 2 * p->endpoint_room : 64;
		struct params_endpoint **wider =
			realloc(p->endpoint, room * sizeof(struct params_endpoint *));

		if (!wider)
			return NULL;
		p->endpoint = wider;
		p->endpoint_room = room;
	}
	e = calloc(1, sizeof(*e));
	if (!e || !idmap_add(&p->endpoints, id, e)) {
		free(e);
		return NULL;
	}
	e->id = id;
	p->endpoint[p->endpoints.n - 1] = e;
	return e;
}

static void param_free(struct params *p, struct params_endpoint *e, struct param *param)
{
	idmap_remove(&p->list, param_id(e->id, param->dir, param->field));
	name_drop(p, param);
	free(param);
	e->n--;
}

// Names that a caller made up and the server did not mind: they must not keep out real ones.
static void endpoint_sweep(struct params *p, struct params_endpoint *e, uint64_t now_ns)
{
	struct param **at = &e->first[CLIENT];

	if (now_ns < e->swept_ns + PARAMS_SWEEP_S * (uint64_t)NS)
		return;
	e->swept_ns = now_ns;
	while (*at) {
		struct param *param = *at;

		if (param->calls > PARAMS_RARE ||
		    now_ns < param->last_ns + PARAMS_IDLE_S * (uint64_t)NS) {
			at = &param->next;
			continue;
		}
		*at = param->next;
		param_free(p, e, param);
	}
	pending_bound(p);
}

static struct param *param_add(struct params *p, struct params_endpoint *e, enum dir dir,
			       uint64_t field, uint64_t now_ns)
{
	uint64_t id = param_id(e->id, dir, field);
	struct param *param = idmap_get(&p->list, id);

	if (param || field == 0)
		return param;
	if (e->n >= p->max_endpoint || p->list.n >= p->max)
		endpoint_sweep(p, e, now_ns);
	param = e->n < p->max_endpoint && p->list.n < p->max ? calloc(1, sizeof(*param)) : NULL;
	if (!param || !idmap_add(&p->list, id, param)) {
		free(param);
		e->n_refused++;
		p->refused++;
		return NULL;
	}
	param->field = field;
	param->dir = (uint8_t)dir;
	param->first_ns = now_ns;
	param->next = e->first[dir];
	e->first[dir] = param;
	e->n++;
	name_hold(p, param);
	return param;
}

static void param_seen(struct param *param, uint64_t time_ns)
{
	if (time_ns < param->first_ns)
		param->first_ns = time_ns;
	if (time_ns > param->last_ns)
		param->last_ns = time_ns;
}

static uint32_t kind_of(uint32_t kind)
{
	return kind == VALUE_NUMBER || kind == VALUE_LITERAL ? kind == VALUE_NUMBER ? 1 : 2 : 0;
}

uint32_t param_classes(const struct param *param, uint32_t kind)
{
	uint32_t first = param->kind_ns[kind] ? UINT32_C(1) << param->first_class[kind] : 0;

	return param->classes[kind] | first;
}

// ---- What workers tell

static void field_gather(struct params *p, const struct delta_param *one)
{
	struct params_endpoint *e = endpoint_add(p, one->endpoint);
	struct param *param = e ? param_add(p, e, SERVER, one->field, one->time_ns) : NULL;
	uint32_t kind = kind_of(one->kind);

	if (!param) {
		p->refused += !e;
		return;
	}
	if (!param->name)
		name_hold(p, param);
	param->place = one->place;
	param->id |= one->id;
	param_seen(param, one->time_ns);
	if (one->sampled)
		param->classes[kind] |= (uint16_t)(1u << one->class);
	if (param->kind_ns[kind] == 0 || one->time_ns < param->kind_ns[kind] ||
	    (one->time_ns == param->kind_ns[kind] && one->class < param->first_class[kind])) {
		param->kind_ns[kind] = one->time_ns ? one->time_ns : 1;
		param->first_class[kind] = one->class;
	}
}

void params_gather(struct params *p, const struct delta *delta)
{
	p->lost += delta->params_lost;
	for (uint32_t i = 0; i < delta->n_params; i++) {
		const struct delta_param *one = &delta->params[i];

		name_add(p, one->field, one->name);
		if (one->dir == SERVER)
			field_gather(p, one);
	}
	pending_bound(p);
}

void params_call(struct params *p, const struct call *call)
{
	bool whole = !(call->flags & (CALL_HALF | CALL_GUESSED)) && call->params_lost == 0;
	uint64_t mark = call->order ^ call->time_ns * UINT64_C(0x9e3779b97f4a7c15);
	struct params_endpoint *e;

	// Most endpoints without parameters need no list, but to be told from those unknown.
	e = endpoint_add(p, call->endpoint);
	if (!e) {
		p->refused += call->n_params;
		return;
	}
	mark = mark ? mark : 1;
	e->whole += whole;
	for (uint32_t i = 0; call->params && i < call->n_params; i++) {
		const struct call_param *from = &call->params[i];
		struct param *param = param_add(p, e, CLIENT, from->field, call->time_ns);

		if (!param)
			continue;
		if (!param->name)
			name_hold(p, param);
		param->place = from->place;
		param->index = from->index;
		param->id |= from->noun != 0;
		param->classes[kind_of(from->kind)] |= (uint16_t)(1u << from->class);
		param_seen(param, call->time_ns);
		param->calls += whole && param->marked != mark;
		param->marked = mark;
	}
}

// ---- Two endpoints that turn out to be one

static void param_join(struct param *into, const struct param *from)
{
	into->calls += from->calls;
	into->id |= from->id;
	if (from->first_ns < into->first_ns)
		into->first_ns = from->first_ns;
	if (from->last_ns > into->last_ns)
		into->last_ns = from->last_ns;
	for (uint32_t k = 0; k < PARAM_KINDS; k++) {
		into->classes[k] |= from->classes[k];
		if (from->kind_ns[k] == 0)
			continue;
		// Both were seen.
		into->classes[k] |= (uint16_t)(1u << from->first_class[k]);
		if (into->kind_ns[k] == 0) {
			into->kind_ns[k] = from->kind_ns[k];
			into->first_class[k] = from->first_class[k];
		}
	}
}

void params_merge(struct params *p, uint64_t from_id, uint64_t into_id)
{
	struct params_endpoint *from = idmap_get(&p->endpoints, from_id), *into;

	if (!from || from_id == into_id)
		return;
	into = endpoint_add(p, into_id);
	for (uint32_t dir = 0; dir < 2; dir++) {
		while (from->first[dir]) {
			struct param *one = from->first[dir], *to;

			to = into ? param_add(p, into, dir, one->field, one->last_ns) : NULL;
			if (to) {
				to->place = one->place;
				to->index = one->index;
				param_join(to, one);
			}
			from->first[dir] = one->next;
			param_free(p, from, one);
		}
	}
	if (into)
		into->whole += from->whole;
	// Its place in the list is kept for whoever comes under the old identity.
	from->whole = 0;
	pending_bound(p);
}

void params_forget(struct params *p, uint64_t endpoint)
{
	struct params_endpoint *e = idmap_get(&p->endpoints, endpoint);

	if (!e)
		return;
	for (uint32_t dir = 0; dir < 2; dir++) {
		while (e->first[dir]) {
			struct param *one = e->first[dir];

			e->first[dir] = one->next;
			param_free(p, e, one);
		}
	}
	e->whole = 0;
	e->n_refused = 0;
	pending_bound(p);
}

// ---- The file

static void put_param(FILE *out, const struct param *one)
{
	uint32_t len = one->name ? one->name->len : 0;

	blob_put(out, one->field, 8);
	blob_put(out, one->first_ns, 8);
	blob_put(out, one->last_ns, 8);
	blob_put(out, one->calls, 8);
	for (uint32_t k = 0; k < PARAM_KINDS; k++)
		blob_put(out, one->kind_ns[k], 8);
	for (uint32_t k = 0; k < PARAM_KINDS; k++)
		blob_put(out, one->classes[k], 2);
	for (uint32_t k = 0; k < PARAM_KINDS; k++)
		blob_put(out, one->first_class[k], 1);
	blob_put(out, one->dir, 1);
	blob_put(out, one->place, 1);
	blob_put(out, one->index, 1);
	blob_put(out, one->id, 1);
	blob_put(out, len, 1);
	if (len)
		fwrite(one->name->text, 1, len, out);
}

int params_save(const struct params *p, FILE *out)
{
	blob_put(out, p->endpoints.n, 4);
	for (uint32_t i = 0; i < p->endpoints.n; i++) {
		const struct params_endpoint *e = p->endpoint[i];

		blob_put(out, e->id, 8);
		blob_put(out, e->whole, 8);
		blob_put(out, e->n, 4);
		for (uint32_t dir = 0; dir < 2; dir++) {
			for (const struct param *one = e->first[dir]; one; one = one->next)
				put_param(out, one);
		}
	}
	return ferror(out) ? -EIO : 0;
}

static void get_param(struct blob_reader *r, struct params *p, struct params_endpoint *e)
{
	struct param one = {.field = blob_get(r, 8)}, *to;
	uint8_t text[PARAMS_NAME];
	uint32_t len;

	one.first_ns = blob_get(r, 8);
	one.last_ns = blob_get(r, 8);
	one.calls = blob_get(r, 8);
	for (uint32_t k = 0; k < PARAM_KINDS; k++)
		one.kind_ns[k] = blob_get(r, 8);
	for (uint32_t k = 0; k < PARAM_KINDS; k++)
		one.classes[k] = (uint16_t)blob_get(r, 2);
	for (uint32_t k = 0; k < PARAM_KINDS; k++)
		one.first_class[k] = (uint8_t)blob_get(r, 1);
	one.dir = (uint8_t)blob_get(r, 1);
	one.place = (uint8_t)blob_get(r, 1);
	one.index = (uint8_t)blob_get(r, 1);
	one.id = blob_get(r, 1);
	len = (uint32_t)blob_get(r, 1);
	r->bad |= len > PARAMS_NAME || len > r->left || one.dir > SERVER || one.place > PLACE_FORM;
	for (uint32_t k = 0; k < PARAM_KINDS; k++)
		r->bad |= one.first_class[k] >= PARAM_CLASSES;
	if (r->bad)
		return;
	for (uint32_t i = 0; i < len; i++)
		text[i] = (uint8_t)blob_get(r, 1);
	if (len)
		name_add(p, one.field, span_make(text, len));
	to = e ? param_add(p, e, one.dir, one.field, one.first_ns) : NULL;
	if (!to)
		return; // more than there is room for now: counted
	one.name = to->name;
	one.next = to->next;
	*to = one;
}

int params_load(struct params *p, FILE *in, size_t len)
{
	struct blob_reader r = {.in = in, .left = len};
	uint32_t n = (uint32_t)blob_get(&r, 4);

	params_clear(p);
	// Each round takes bytes, so the loops end with them whatever the counts say.
	for (uint32_t i = 0; i < n && !r.bad; i++) {
		struct params_endpoint *e = endpoint_add(p, blob_get(&r, 8));
		uint64_t whole = blob_get(&r, 8);
		uint32_t n_params = (uint32_t)blob_get(&r, 4);

		if (e)
			e->whole = whole;
		for (uint32_t k = 0; k < n_params && !r.bad; k++)
			get_param(&r, p, e);
	}
	if (!r.bad && r.left == 0)
		return 0;
	params_clear(p);
	return -EINVAL;
}

// ---- The end

size_t params_bytes(uint32_t max, uint32_t max_endpoints)
{
	// Each parameter may have a name of its own.
	uint64_t names = (uint64_t)max + PARAMS_PENDING;

	return max * memory_block(sizeof(struct param)) + memory_map(max) +
	       names * memory_block(sizeof(struct param_name) + PARAMS_NAME + 1) + memory_map(names) +
	       max_endpoints * memory_block(sizeof(struct params_endpoint)) +
	       memory_map(max_endpoints) + memory_list(max_endpoints);
}

void params_clear(struct params *p)
{
	for (uint32_t i = 0; i < p->endpoints.n; i++) {
		struct params_endpoint *e = p->endpoint[i];

		for (uint32_t dir = 0; dir < 2; dir++) {
			while (e->first[dir]) {
				struct param *param = e->first[dir];

				e->first[dir] = param->next;
				name_drop(p, param);
				free(param);
			}
		}
		free(e);
	}
	free(p->endpoint);
	while (p->oldest) {
		struct param_name *name = p->oldest;

		pending_out(p, name);
		free(name);
	}
	idmap_fini(&p->names);
	idmap_fini(&p->endpoints);
	idmap_fini(&p->list);
	params_init(p, p->max, p->max_endpoint, p->max_endpoints);
}

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Tables of endpoints and principals. An entry is one block: the public struct, ours, and the
// areas of all detectors at offsets that are computed once. Texts and the ring of calls are
// blocks of their own, because they come later or grow. Which principal was idle longest is the
// end of a list that is kept in order with each call, so that making room is no search.

#include "detect/known.h"

#include <assert.h>
#include <stdalign.h>

enum { AREA_ALIGN = alignof(max_align_t), HISTORY_FIRST = 4 };

static_assert(ISSUE_MAX_HISTORY <= UINT8_MAX, "positions in the ring are bytes");

static uint32_t area_round(size_t size)
{
	return (uint32_t)((size + AREA_ALIGN - 1) / AREA_ALIGN * AREA_ALIGN);
}

void known_init(struct known *k, uint32_t max_endpoints, uint32_t max_principals,
		uint32_t max_history)
{
	*k = (struct known){
		.max_endpoints = max_endpoints,
		.max_principals = max_principals,
		.max_history = max_history < ISSUE_MAX_HISTORY ? max_history : ISSUE_MAX_HISTORY,
		.endpoint_bytes = area_round(sizeof(struct known_endpoint)),
		.principal_bytes = area_round(sizeof(struct known_principal)),
	};
}

void known_area(struct known *k, size_t endpoint_size, size_t principal_size)
{
	if (endpoint_size)
		k->endpoint_area[k->n_areas] = (uint32_t)k->endpoint_bytes;
	if (principal_size)
		k->principal_area[k->n_areas] = (uint32_t)k->principal_bytes;
	k->endpoint_bytes += area_round(endpoint_size);
	k->principal_bytes += area_round(principal_size);
	k->n_areas++;
}

static void endpoint_free(struct known_endpoint *e)
{
	free(e->text);
	free(e->inventory);
	free(e);
}

static void missing_forget(struct known *k)
{
	struct known_endpoint *e = k->missing_oldest;

	k->missing_oldest = e->newer;
	if (!e->newer)
		k->missing_newest = NULL;
	idmap_remove(&k->missing_map, e->pub.id);
	endpoint_free(e);
}

static void principal_free(struct known_principal *p)
{
	free(p->text);
	free(p->history);
	free(p);
}

void known_clear(struct known *k)
{
	for (uint32_t i = 0; i < k->n_endpoints; i++)
		endpoint_free(k->endpoints[i]);
	while (k->missing_oldest)
		missing_forget(k);
	idmap_fini(&k->missing_map);
	idmap_fini(&k->alias_map);
	free(k->alias);
	k->alias = NULL;
	k->alias_at = 0;
	k->endpoints_added = 0;
	for (uint32_t i = 0; i < k->n_principals; i++)
		principal_free(k->principals[i]);
	free(k->endpoints);
	free(k->principals);
	idmap_fini(&k->endpoint_map);
	idmap_fini(&k->principal_map);
	k->endpoints = NULL;
	k->principals = NULL;
	k->n_endpoints = k->endpoints_room = k->n_principals = k->principals_room = 0;
	k->oldest = k->newest = NULL;
	k->endpoints_lost = k->principals_lost = 0;
}

// Room for one more pointer in a list. The list stays as it is without memory.
static void *list_grow(void *list, uint32_t n, uint32_t *room)
{
	uint32_t wider = *room ? 2 * *room : 64;
	void *grown;

	if (n < *room)
		return list;
	grown = realloc(list, wider * sizeof(void *));
	if (!grown)
		return NULL;
	*room = wider;
	return grown;
}

// Copies three texts into one block, each with a NUL behind it.
static char *texts_copy(const struct span from[3], char *to[3])
{
	char *block = malloc((size_t)from[0].len + from[1].len + from[2].len + 3), *p = block;

	for (uint32_t i = 0; block && i < 3; i++) {
		to[i] = p;
		if (from[i].len)
			memcpy(p, from[i].p, from[i].len);
		p += from[i].len;
		*p++ = '\0';
	}
	return block;
}

struct known_endpoint *known_endpoint_add(struct known *k, uint64_t id, struct span host,
					  struct span method, struct span template)
{
	struct known_endpoint *e = known_endpoint(k, id);
	char *to[3];
	void *list;

	if (e || id == 0)
		return e;
	if (k->n_endpoints >= k->max_endpoints)
		goto lost;
	list = list_grow(k->endpoints, k->n_endpoints, &k->endpoints_room);
	if (!list)
		goto lost;
	k->endpoints = list;
	e = calloc(1, k->endpoint_bytes);
	if (!e)
		goto lost;
	e->text = texts_copy((struct span[]){host, method, template}, to);
	if (!e->text || !idmap_add(&k->endpoint_map, id, e)) {
		endpoint_free(e);
		goto lost;
	}
	e->pub.id = id;
	e->pub.host = to[0];
	e->pub.method = to[1];
	e->pub.template = to[2];
	for (uint32_t i = 0; i < k->n_areas; i++) {
		if (k->endpoint_area[i])
			e->pub.area[i] = (uint8_t *)e + k->endpoint_area[i];
	}
	k->endpoints[k->n_endpoints++] = e;
	k->endpoints_added++;
	return e;
lost:
	k->endpoints_lost++;
	return NULL;
}

void known_endpoint_remove(struct known *k, uint64_t id)
{
	struct known_endpoint *e = known_endpoint(k, id);
	uint32_t at = 0;

	if (!e)
		return;
	while (k->endpoints[at] != e)
		at++;
	k->n_endpoints--;
	memmove(&k->endpoints[at], &k->endpoints[at + 1],
		(k->n_endpoints - at) * sizeof(struct known_endpoint *));
	idmap_remove(&k->endpoint_map, id);
	endpoint_free(e);
}

bool known_endpoint_rename(struct known *k, struct known_endpoint *e, uint64_t id,
			   struct span template)
{
	char *to[3], *text;

	text = texts_copy((struct span[]){span_make(e->pub.host, strlen(e->pub.host)),
					  span_make(e->pub.method, strlen(e->pub.method)), template},
			  to);
	if (!text || !idmap_add(&k->endpoint_map, id, e)) {
		free(text);
		return false;
	}
	idmap_remove(&k->endpoint_map, e->pub.id);
	free(e->text);
	e->text = text;
	e->pub.id = id;
	e->pub.host = to[0];
	e->pub.method = to[1];
	e->pub.template = to[2];
	return true;
}

// ---- Other names

// Aliases lead to what is known now; each step is a fold of another segment.
uint64_t known_resolve(const struct known *k, uint64_t id)
{
	const struct known_alias *alias = idmap_get(&k->alias_map, id);

	for (uint32_t i = 0; alias && i < KNOWN_ALIAS_STEPS; i++) {
		id = alias->to;
		alias = idmap_get(&k->alias_map, id);
	}
	return id;
}

// The oldest makes room. Without memory there is none: its calls count for nobody.
void known_alias_add(struct known *k, uint64_t id, uint64_t to)
{
	struct known_alias *alias = idmap_get(&k->alias_map, id);

	if (id == to || id == 0)
		return;
	if (alias) {
		alias->to = to;
		return;
	}
	if (!k->alias)
		k->alias = calloc(KNOWN_ALIASES, sizeof(*k->alias));
	if (!k->alias)
		return;
	alias = &k->alias[k->alias_at];
	if (alias->id)
		idmap_remove(&k->alias_map, alias->id);
	*alias = (struct known_alias){id, to};
	if (idmap_add(&k->alias_map, id, alias))
		k->alias_at = (k->alias_at + 1) % KNOWN_ALIASES;
	else
		alias->id = 0;
}

// ---- What was never served

static bool is_unproven(const struct known_endpoint *e)
{
	return e->pub.calls && !known_is_proven(&e->pub);
}

uint32_t known_unproven(const struct known *k)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < k->n_endpoints; i++)
		n += is_unproven(k->endpoints[i]);
	return n;
}

uint32_t known_unproven_evict(struct known *k)
{
	uint32_t n = (known_unproven(k) + 1) / 2, kept = 0, go = n;

	for (uint32_t i = 0; i < k->n_endpoints; i++) {
		struct known_endpoint *e = k->endpoints[i];
		const struct merged_endpoint *pub = &e->pub;

		if (go == 0 || !is_unproven(e)) {
			k->endpoints[kept++] = e;
			continue;
		}
		go--;
		idmap_remove(&k->endpoint_map, pub->id);
		known_missing_add(k, pub->id, span_make(pub->host, strlen(pub->host)),
				  span_make(pub->method, strlen(pub->method)),
				  span_make(pub->template, strlen(pub->template)));
		endpoint_free(e);
	}
	k->n_endpoints = kept;
	return n;
}

struct known_endpoint *known_missing_promote(struct known *k, uint64_t id)
{
	const struct known_endpoint *e = idmap_get(&k->missing_map, id);

	if (!e)
		return NULL;
	return known_endpoint_add(k, id, span_make(e->pub.host, strlen(e->pub.host)),
				  span_make(e->pub.method, strlen(e->pub.method)),
				  span_make(e->pub.template, strlen(e->pub.template)));
}

void known_missing_add(struct known *k, uint64_t id, struct span host, struct span method,
		       struct span template)
{
	struct known_endpoint *e;
	char *to[3];

	if (id == 0 || known_target(k, id))
		return;
	if (k->missing_map.n >= KNOWN_MISSING)
		missing_forget(k);
	e = calloc(1, sizeof(*e));
	if (!e)
		return;
	e->text = texts_copy((struct span[]){host, method, template}, to);
	if (!e->text || !idmap_add(&k->missing_map, id, e)) {
		endpoint_free(e);
		return;
	}
	e->pub.id = id;
	e->pub.host = to[0];
	e->pub.method = to[1];
	e->pub.template = to[2];
	*(k->missing_newest ? &k->missing_newest->newer : &k->missing_oldest) = e;
	k->missing_newest = e;
}

struct known_endpoint *known_target(const struct known *k, uint64_t id)
{
	struct known_endpoint *e = known_endpoint(k, id);

	return e ? e : idmap_get(&k->missing_map, id);
}

void known_endpoint_call(struct known_endpoint *e, const struct call *call)
{
	struct merged_endpoint *pub = &e->pub;
	uint32_t hundreds = call->status / 100;

	if (call->flags & CALL_MESSAGE) { // its upgrade was counted
		if (call->time_ns > pub->last_ns)
			pub->last_ns = call->time_ns;
		return;
	}
	if (pub->calls++ == 0 || call->time_ns < pub->first_ns)
		pub->first_ns = call->time_ns;
	if (call->time_ns > pub->last_ns)
		pub->last_ns = call->time_ns;
	pub->status[hundreds < 6 ? hundreds : 0]++;
	if (hundreds == 2) {
		pub->ok++;
		pub->ok_with_credentials += !!(call->flags & CALL_CREDENTIALS);
	}
}

static void list_out(struct known *k, struct known_principal *p)
{
	*(p->older ? &p->older->newer : &k->oldest) = p->newer;
	*(p->newer ? &p->newer->older : &k->newest) = p->older;
}

static void list_in(struct known *k, struct known_principal *p)
{
	p->older = k->newest;
	p->newer = NULL;
	*(k->newest ? &k->newest->newer : &k->oldest) = p;
	k->newest = p;
}

static void principal_evict(struct known *k)
{
	struct known_principal *p = k->oldest, *last = k->principals[--k->n_principals];

	list_out(k, p);
	idmap_remove(&k->principal_map, p->pub.id);
	last->place = p->place;
	k->principals[p->place] = last;
	principal_free(p);
	k->principals_lost++;
}

struct known_principal *known_principal_add(struct known *k, uint64_t id)
{
	struct known_principal *p = known_principal(k, id);
	void *list;

	if (p || id == 0)
		return p;
	if (k->max_principals && k->n_principals >= k->max_principals)
		principal_evict(k);
	list = list_grow(k->principals, k->n_principals, &k->principals_room);
	if (!list)
		goto lost;
	k->principals = list;
	p = calloc(1, k->principal_bytes);
	if (!p || !idmap_add(&k->principal_map, id, p)) {
		free(p);
		goto lost;
	}
	p->pub.id = id;
	p->pub.user = p->pub.user_agent = p->empty;
	p->place = k->n_principals;
	k->principals[k->n_principals++] = p;
	list_in(k, p);
	return p;
lost:
	k->principals_lost++;
	return NULL;
}

void known_principals_reserve(struct known *k, uint64_t n)
{
	if (k->max_principals && n > k->max_principals)
		n = k->max_principals;
	idmap_reserve(&k->principal_map, n);
}

void known_principal_name(struct known_principal *p, const struct delta_name *name)
{
	char *to[3];

	if (p->text)
		return;
	p->text = texts_copy((struct span[]){name->a, name->b, {0}}, to);
	if (!p->text)
		return;
	p->pub.user = to[0];
	p->pub.user_agent = to[1];
	p->pub.kind = name->kind;
	p->pub.confidence = name->confidence;
	memcpy(p->pub.addr, name->addr, sizeof(p->pub.addr));
}

// The ring grows only when it is full and its oldest call comes first, so no call moves.
static void history_add(struct known *k, struct known_principal *p, const struct call *call)
{
	if (p->n_history == p->room && p->room < k->max_history && p->at == 0) {
		uint32_t room = p->room ? 2 * p->room : HISTORY_FIRST;
		struct known_call *wider;

		if (room > k->max_history)
			room = k->max_history;
		wider = realloc(p->history, room * sizeof(*wider));
		if (wider) {
			p->history = wider;
			p->at = p->n_history;
			p->room = (uint8_t)room;
		}
	}
	if (p->room == 0)
		return;
	p->history[p->at] = (struct known_call){
		.time_ns = call->time_ns,
		.endpoint = call->endpoint,
		.resp_bytes = call->resp_bytes,
		.n_values = call->n_values,
		.status = call->status,
	};
	p->at = (uint8_t)(p->at + 1 == p->room ? 0 : p->at + 1);
	if (p->n_history < p->room)
		p->n_history++;
}

void known_principal_call(struct known *k, struct known_principal *p, const struct call *call)
{
	struct merged_principal *pub = &p->pub;

	if (pub->calls == 0 || call->time_ns < pub->first_ns)
		pub->first_ns = call->time_ns;
	pub->calls += !(call->flags & CALL_MESSAGE);
	if (call->time_ns > pub->last_ns)
		pub->last_ns = call->time_ns;
	if (k->newest != p) {
		list_out(k, p);
		list_in(k, p);
	}
	history_add(k, p, call);
}

uint32_t known_history(const struct known_principal *p, struct known_call *out)
{
	uint32_t from = p->n_history == p->room ? p->at : 0;

	for (uint32_t i = 0; i < p->n_history; i++)
		out[i] = p->history[(from + i) % p->room];
	return p->n_history;
}

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What the worker writes into the delta beside calls: names and findings. Worker only; fixed
// memory, what does not fit is counted.
//
// Equal keys of one epoch are one finding. Which exchange stands for it, which types it lists and
// which samples they show must not depend on the order in which exchanges end nor on how they are
// divided between workers, for then two runs over one capture would differ. So each choice is the
// least or greatest of some order, never "the first that came".

#include "detect/worker_state.h"

#include "detect/endpoint.h"
#include "detect/siphash.h"

enum { NAMES_ARENA = 3 << 20 }; // of the arena, at most: the rest is for evidence

static uint8_t *delta_room(struct delta *d, size_t len)
{
	uint8_t *room = d->arena + d->arena_used;

	if (len > DELTA_ARENA - d->arena_used)
		return NULL;
	d->arena_used += (uint32_t)len;
	return room;
}

// An empty span when there is no room.
static struct span delta_copy(struct delta *d, struct span s)
{
	uint8_t *room = delta_room(d, s.len);

	if (!room || s.len == 0)
		return (struct span){0};
	memcpy(room, s.p, s.len);
	return span_make(room, s.len);
}

static uint64_t exchange_last(const struct exchange *x)
{
	uint64_t request = x->tx->msg[CLIENT].last_ns, response = x->tx->msg[SERVER].last_ns;

	return response > request ? response : request;
}

// ---- names

// As a rule the merger has the name.
static inline bool name_is_known(const struct detect_worker *w, uint64_t id)
{
	return ((const struct worker_state *)w->state)->announced[id % ANNOUNCED] == id;
}

// Is there room for a name of so many bytes?
static bool name_fits(struct detect_worker *w, uint64_t id, uint32_t names, uint32_t bytes)
{
	struct worker_state *state = w->state;
	struct delta *d = delta_active(w);

	if (d->n_names >= names || bytes > NAMES_ARENA - state->names_bytes ||
	    bytes > DELTA_ARENA - d->arena_used) {
		d->names_lost++;
		return false;
	}
	state->announced[id % ANNOUNCED] = id;
	state->names_bytes += bytes;
	return true;
}

static __attribute__((noinline, cold)) void endpoint_tell(struct detect_worker *w,
							  const struct exchange *x, uint64_t id,
							  bool missing)
{
	struct delta *d = delta_active(w);
	uint8_t host[ENDPOINT_HOST + 1];
	struct span method = x->tx->method;
	uint32_t host_len = endpoint_host(x, host);

	if (method.len > ENDPOINT_METHOD)
		method.len = ENDPOINT_METHOD;
	if (!name_fits(w, id, missing ? DELTA_NAMES / 2 : DELTA_NAMES,
		       host_len + method.len + x->template_len))
		return;
	d->names[d->n_names++] = (struct delta_name){
		.id = x->endpoint,
		.is_endpoint = true,
		.missing = missing,
		.a = delta_copy(d, span_make(host, host_len)),
		.b = delta_copy(d, method),
		.c = delta_copy(d, span_make(x->template, x->template_len)),
		.time_ns = exchange_time(x),
	};
}

void announce_endpoint(struct detect_worker *w, const struct exchange *x)
{
	// Scanners make up paths without end: those that the server does not have are no endpoints,
	// and only findings about them need their names.
	bool missing = x->tx->status == 404 || x->tx->status == 405 || x->tx->status == 0;
	uint64_t id = missing ? ~x->endpoint : x->endpoint;

	if (!name_is_known(w, id))
		endpoint_tell(w, x, id, missing);
}

static __attribute__((noinline, cold)) void principal_tell(struct detect_worker *w,
							   const struct exchange *x,
							   struct span agent, uint64_t variant)
{
	struct delta *d = delta_active(w);
	const uint8_t *addr = x->client;

	if (!name_fits(w, variant, DELTA_NAMES, x->user_len + agent.len))
		return;
	d->names[d->n_names] = (struct delta_name){
		.id = x->principal,
		.kind = x->principal_kind,
		.confidence = x->user_confidence,
		.a = delta_copy(d, span_make(x->user, x->user_len)),
		.b = delta_copy(d, agent),
		.time_ns = exchange_time(x),
	};
	memcpy(d->names[d->n_names++].addr, addr, 16);
}

static struct span announced_agent(const struct exchange *x)
{
	struct span agent = http_header(x->tx, CLIENT, HEADER_USER_AGENT);

	if (agent.len > DELTA_AGENT)
		agent.len = DELTA_AGENT;
	return agent;
}

// A user is announced once more for each address and program, so that the merger can choose the
// same one whatever worker meets it first.
uint64_t announce_variant(const struct detect_worker *w, const struct exchange *x)
{
	const struct worker_state *state = w->state;
	uint64_t variant = siphash(w->shared->seed, x->principal, span_make(x->client, 16));

	variant = siphash_id(siphash(w->shared->seed, variant, announced_agent(x)));
	__builtin_prefetch(&state->announced[variant % ANNOUNCED], 1);
	return variant;
}

void announce_principal(struct detect_worker *w, const struct exchange *x, uint64_t variant)
{
	if (!name_is_known(w, variant))
		principal_tell(w, x, announced_agent(x), variant);
}

// ---- findings

static struct slot *slot_of(struct detect_worker *w, const struct detector *detector, uint64_t key)
{
	struct worker_state *state = w->state;
	const struct delta *d = delta_active(w);

	// Never full: there are more slots than findings.
	for (uint64_t i = key;; i++) {
		struct slot *slot = &state->slots[i % SLOTS];

		if (slot->generation != state->generation)
			return slot;
		const struct finding *f = &d->findings[slot->finding];
		if (f->key == key && f->detector == detector)
			return slot;
	}
}

struct finding *finding_find(struct detect_worker *w, const struct detector *detector, uint64_t key)
{
	const struct worker_state *state = w->state;
	const struct slot *slot = slot_of(w, detector, key);

	return slot->generation == state->generation ? &delta_active(w)->findings[slot->finding]
						     : NULL;
}

// The order of types in a finding: severe ones first. The first FINDING_TYPES of a union are
// those of the first of its parts, so it does not matter where the parts were made.
static int type_order(const struct finding *f, uint32_t i, uint16_t type, uint8_t dir,
		      uint64_t field)
{
	uint8_t a = datatype_get(f->types[i].type)->severity, b = datatype_get(type)->severity;

	if (a != b)
		return a > b ? -1 : 1;
	if (f->types[i].type != type)
		return f->types[i].type < type ? -1 : 1;
	if (f->types[i].dir != dir)
		return f->types[i].dir < dir ? -1 : 1;
	return f->types[i].field < field ? -1 : f->types[i].field > field;
}

// Where the type stands or would stand; FINDING_TYPES: behind the last that is kept.
static uint32_t type_place(const struct finding *f, uint16_t type, uint8_t dir, uint64_t field,
			   bool *there)
{
	uint32_t at = 0;
	int order = 1;

	while (at < f->n_types && (order = type_order(f, at, type, dir, field)) < 0)
		at++;
	*there = at < f->n_types && order == 0;
	return at;
}

static void type_insert(struct finding *f, uint32_t at)
{
	if (f->n_types == FINDING_TYPES)
		f->n_types--;
	memmove(&f->types[at + 1], &f->types[at], (f->n_types - at) * sizeof(f->types[0]));
	f->n_types++;
}

// Of several samples the least is shown.
static bool sample_less(struct span a, struct span b)
{
	uint32_t len = a.len < b.len ? a.len : b.len;
	int order = len ? memcmp(a.p, b.p, len) : 0;

	return order < 0 || (order == 0 && a.len < b.len);
}

static void finding_type(struct delta *d, struct finding *f, const struct exchange_hit *hit)
{
	struct span sample = span_make(hit->sample, hit->sample_len);
	bool there;
	uint32_t at = type_place(f, hit->type, hit->dir, hit->field, &there);

	if (at == FINDING_TYPES)
		return;
	if (there) {
		f->types[at].count += hit->count;
		f->types[at].in_text |= hit->in_text != 0;
		f->types[at].lucky &= hit->lucky;
		if (f->types[at].sample.p && sample_less(sample, f->types[at].sample)) {
			// It has room for any sample, in this worker's own arena.
			memcpy((uint8_t *)(uintptr_t)f->types[at].sample.p, sample.p, sample.len);
			f->types[at].sample.len = sample.len;
		}
		return;
	}
	type_insert(f, at);
	f->types[at].type = hit->type;
	f->types[at].dir = hit->dir;
	f->types[at].count = hit->count;
	f->types[at].field = hit->field;
	f->types[at].in_text = hit->in_text != 0;
	f->types[at].lucky = hit->lucky;
	f->types[at].passed = f->types[at].refused = 0;
	f->types[at].name = delta_copy(d, span_make(hit->name, hit->name_len));
	f->types[at].sample = (struct span){0};
	uint8_t *room = delta_room(d, EXCHANGE_SAMPLE);
	if (room) {
		memcpy(room, sample.p, sample.len);
		f->types[at].sample = span_make(room, sample.len);
	}
}

static void finding_types(struct delta *d, struct finding *f, const struct exchange *x,
			  uint32_t hits)
{
	for (uint32_t i = 0; i < x->n_hits; i++) {
		if (hits >> i & 1)
			finding_type(d, f, &x->hits[i]);
	}
}

static struct span moved(struct span s, const uint8_t *from, uint8_t *to)
{
	return span_make(to + (s.p - from), s.len);
}

// The evidence that another finding has of the same exchange; it stands in one piece, the agent last.
static void evidence_again(const struct worker_state *state, struct slot *slot, struct finding *f)
{
	const struct finding *other = state->copied_by;
	const uint8_t *from = state->copied->evidence;
	size_t used = (size_t)(other->user_agent.p - from) + other->user_agent.len;

	memcpy(slot->evidence, from, used);
	f->evidence = other->evidence;
	f->evidence.request.head = moved(other->evidence.request.head, from, slot->evidence);
	f->evidence.request.body = moved(other->evidence.request.body, from, slot->evidence);
	f->evidence.response.head = moved(other->evidence.response.head, from, slot->evidence);
	f->evidence.response.body = moved(other->evidence.response.body, from, slot->evidence);
	f->path = moved(other->path, from, slot->evidence);
	f->user_agent = moved(other->user_agent, from, slot->evidence);
}

// Makes x the exchange that stands for the finding. Without room for its evidence the finding has
// none; but what it had is not given up for that: then the answer is false.
static bool finding_stand(struct detect_worker *w, struct slot *slot, struct finding *f,
			  const struct exchange *x, bool evidence)
{
	struct worker_state *state = w->state;
	const struct conn_meta *conn = x->tx->conn;
	struct delta *d = delta_active(w);
	struct span agent = http_header(x->tx, CLIENT, HEADER_USER_AGENT);
	uint32_t need = 0, used;

	if (agent.len > DELTA_AGENT)
		agent.len = DELTA_AGENT;
	if (evidence)
		need = evidence_size(x) + agent.len + x->path.len;
	if (need > slot->room) {
		uint8_t *room = delta_room(d, need);

		if (!room && slot->room)
			return false;
		slot->evidence = room;
		slot->room = room ? need : 0;
	}
	if (evidence && slot->evidence && state->copied) {
		evidence_again(state, slot, f);
	} else if (evidence && slot->evidence) {
		used = evidence_copy(&state->evidence, x, slot->evidence, &f->evidence);
		f->path = span_make(slot->evidence + used, evidence_path(&state->evidence, x->path,
									 slot->evidence + used));
		used += f->path.len;
		f->user_agent = span_make(slot->evidence + used, agent.len);
		if (agent.len)
			memcpy(slot->evidence + used, agent.p, agent.len);
		state->copied = slot;
		state->copied_by = f;
	}
	slot->n_values = x->n_values;
	f->time_ns = exchange_time(x);
	f->order = exchange_order(x);
	f->principal = x->principal;
	f->endpoint = x->endpoint;
	f->status = x->tx->status;
	memcpy(f->client, x->client, sizeof(f->client));
	memcpy(f->server, conn->addr[SERVER], sizeof(f->server));
	f->client_port = conn->port[CLIENT];
	if (memcmp(x->client, conn->addr[CLIENT], sizeof(x->client)) != 0) {
		memcpy(f->proxy, conn->addr[CLIENT], sizeof(f->proxy));
		f->client_port = 0; // that is the proxy's
	}
	f->server_port = conn->port[SERVER];
	return true;
}

// Would x stand for this finding rather than the exchange that does?
static bool finding_better(const struct slot *slot, const struct finding *f,
			   const struct exchange *x)
{
	uint64_t time_ns = exchange_time(x);

	if (f->key == x->principal && slot->n_values != x->n_values)
		return x->n_values > slot->n_values;
	return time_ns < f->time_ns || (time_ns == f->time_ns && exchange_order(x) < f->order);
}

static void finding_met(struct worker_state *state, const struct finding *f)
{
	if (state->n_met < sizeof(state->met) / sizeof(state->met[0]))
		state->met[state->n_met++] = f;
}

// Would copies of this exchange be kept if they were sent?
static bool evidence_wanted(const struct detect_worker *w, const struct detector *detector,
			    uint64_t key, const struct exchange *x)
{
	const struct snapshot *s = w->snapshot;

	return !s || ((!s->evidence_full || key == x->principal) &&
		      !idset_has(&s->quiet, snapshot_finding(detector, key)));
}

static struct finding *finding_make(struct detect_worker *w, const struct detector *detector,
				    uint64_t key, const struct exchange *x, uint32_t hits,
				    bool evidence)
{
	struct worker_state *state = w->state;
	struct delta *d = delta_active(w);
	struct slot *slot = slot_of(w, detector, key);
	struct finding *f;
	uint64_t last = exchange_last(x);

	if (slot->generation == state->generation) {
		f = &d->findings[slot->finding];
		f->count++;
		f->last_ns = last > f->last_ns ? last : f->last_ns;
		finding_types(d, f, x, hits);
		finding_met(state, f);
		return finding_better(slot, f, x) && finding_stand(w, slot, f, x, evidence) ? f : NULL;
	}
	if (d->n_findings == DELTA_FINDINGS) {
		d->findings_lost++;
		return NULL;
	}
	f = &d->findings[d->n_findings];
	memset(f, 0, sizeof(*f));
	*slot = (struct slot){.finding = d->n_findings};
	f->detector = detector;
	f->key = key;
	f->count = 1;
	f->last_ns = last;
	finding_stand(w, slot, f, x, evidence); // never false: there is nothing to give up
	slot->generation = state->generation;
	d->n_findings++;
	finding_types(d, f, x, hits);
	finding_met(state, f);
	return f;
}

struct finding *finding_add(struct detect_worker *w, const struct detector *detector, uint64_t key,
			    const struct exchange *x, uint32_t hits)
{
	return finding_make(w, detector, key, x, hits, evidence_wanted(w, detector, key, x));
}

struct finding *finding_note(struct detect_worker *w, const struct detector *detector, uint64_t key,
			     const struct exchange *x, uint32_t hits)
{
	return finding_make(w, detector, key, x, hits, false);
}

// ---- merger

// Would the exchange of b stand for the key rather than that of a?
static bool stands_before(const struct finding *a, const struct finding *b)
{
	if (a->key == a->principal && a->arg[0] != b->arg[0])
		return b->arg[0] > a->arg[0];
	return b->time_ns != a->time_ns ? b->time_ns < a->time_ns : b->order < a->order;
}

static void join_type(struct finding *into, const struct finding *other, uint32_t i)
{
	bool there;
	uint32_t at = type_place(into, other->types[i].type, other->types[i].dir,
				 other->types[i].field, &there);

	if (there) {
		into->types[at].count += other->types[i].count;
		into->types[at].in_text |= other->types[i].in_text;
		into->types[at].lucky &= other->types[i].lucky;
		if (other->types[i].sample.p &&
		    (!into->types[at].sample.p ||
		     sample_less(other->types[i].sample, into->types[at].sample)))
			into->types[at].sample = other->types[i].sample;
	} else if (at < FINDING_TYPES) {
		type_insert(into, at);
		into->types[at] = other->types[i];
	}
}

void finding_join(struct finding *into, const struct finding *other)
{
	struct finding joined = stands_before(into, other) ? *other : *into;

	joined.count = into->count + other->count;
	joined.last_ns = into->last_ns > other->last_ns ? into->last_ns : other->last_ns;
	joined.severity = into->severity > other->severity ? into->severity : other->severity;
	joined.tentative = into->tentative && other->tentative;
	joined.n_types = into->n_types;
	memcpy(joined.types, into->types, sizeof(joined.types));
	for (uint32_t i = 0; i < other->n_types && i < FINDING_TYPES; i++)
		join_type(&joined, other, i);
	if (into->detector->join) {
		memcpy(joined.arg, into->arg, sizeof(joined.arg));
		into->detector->join(&joined, other);
	}
	*into = joined;
}

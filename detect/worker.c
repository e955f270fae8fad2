// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The worker's half of detection: the sink of the flow side's events, the life of an exchange
// from its request to its end, and the delta that is handed to the merger at each epoch.
//
//	request ─ response ─ windows, values ─ end ─► call, names, detectors ─► observer
//	   who, where, target     hits                      findings ─► delta[active]
//
// All memory is there from the start (worker_life.c). What does not fit into a delta is counted
// and lost. Nothing here depends on how many workers there are. finding.c has the rest of it.

#include "detect/worker_state.h"

#include "detect/endpoint.h"
#include "detect/siphash.h"
#include "detect/template_pin.h"
#include "flows/walk.h"

const struct policies *worker_policies(const struct detect_worker *w)
{
	const struct worker_state *state = w->state;

	return w->snapshot && w->snapshot->policies ? w->snapshot->policies : state->policies;
}

// ---- exchanges

static uint32_t micros(uint64_t from_ns, uint64_t to_ns)
{
	uint64_t us = to_ns > from_ns ? (to_ns - from_ns) / 1000 : 0;

	return us < UINT32_MAX ? (uint32_t)us : UINT32_MAX - 1;
}

// What was asked of the server to change, and what marks a request as the only one of its kind. Of
// writes only; 0: nothing, or the body was not seen whole.
static __attribute__((noinline)) void call_write(const struct exchange *x, uint64_t seed,
						 struct call *call)
{
	const struct http_msg *request = &x->tx->msg[CLIENT];
	struct span key = http_header(x->tx, CLIENT, HEADER_IDEMPOTENCY_KEY);
	uint64_t hash;

	if (key.len)
		call->nonce = siphash_id(siphash(seed, 'n', key));
	if (request->body_len > request->body_kept || !request->complete)
		return;
	hash = siphash(seed, x->endpoint, x->tx->uri);
	call->request = siphash_id(
		walk_text_hash(seed ^ hash, span_make(request->body, request->body_kept)));
}

// Seldom: what a response that gives out a session has.
static __attribute__((noinline, cold)) void call_session_ids(struct detect_worker *w,
							     struct delta *d,
							     const struct exchange *x,
							     struct call *call)
{
	struct worker_state *state = w->state;
	struct session_id *to = d->session_ids + d->n_session_ids;

	if (d->n_session_ids > DELTA_SESSION_IDS - SESSION_IDS_SET) {
		d->session_ids_lost++;
		return;
	}
	call->n_session_ids = (uint8_t)session_ids_read(x, &state->principal, to);
	call->session_ids = to;
	d->n_session_ids += call->n_session_ids;
}

// A request that its sender held open: all of it is there, but for an end. Not so when only one side
// of the connection is seen, or a part.
static bool held_open(const struct exchange *x)
{
	const uint64_t unsure = UINT64_C(1) << ANOMALY_GAP | UINT64_C(1) << ANOMALY_ASYMMETRIC |
				UINT64_C(1) << ANOMALY_MIDSTREAM |
				UINT64_C(1) << ANOMALY_HPACK_UNKNOWN_INDEX;
	const struct http_msg *request = &x->tx->msg[CLIENT];

	return request->seen && !request->complete && !x->tx->msg[SERVER].seen &&
	       !(request->anomalies & unsure) && !x->tx->conn->midstream;
}

// held: it has not ended yet.
static void delta_call(struct detect_worker *w, struct delta *d, struct exchange *x, bool held)
{
	const struct http_msg *request = &x->tx->msg[CLIENT], *response = &x->tx->msg[SERVER];
	enum call_verb verb = facts_verb(x->tx->method);
	bool both = request->seen && response->seen, open = held || (!both && held_open(x));
	struct call *call;
	bool message = x->tx->proto == PROTO_WS, personal = false;

	// The upgrade was the call. Its messages are many, and of most there is nothing to tell.
	if (message && x->n_values == 0)
		return;
	if (d->n_calls == DELTA_CALLS) {
		d->calls_lost++;
		return;
	}
	for (uint32_t i = 0; i < x->n_hits && !personal; i++)
		personal = x->hits[i].dir == SERVER && datatype_get(x->hits[i].type)->personal;
	call = &d->calls[d->n_calls++];
	*call = (struct call){
		.time_ns = exchange_time(x),
		.order = exchange_order(x),
		.principal = x->principal,
		.endpoint = x->endpoint,
		.resp_bytes = x->tx->msg[SERVER].body_len,
		.n_values = x->n_values,
		.status = x->tx->status,
		.flags = (uint16_t)((x->credentials ? CALL_CREDENTIALS : 0) |
				   (x->login ? CALL_LOGIN : 0) | (x->half ? CALL_HALF : 0) |
				   (personal ? CALL_PERSONAL : 0) | (message ? CALL_MESSAGE : 0) |
				   (x->tx->paired_by_guess ? CALL_GUESSED : 0) |
				   (x->tx->conn->tls ? CALL_TLS : 0) | (open ? CALL_OPEN : 0) |
				   (held ? CALL_HELD : 0) | (x->held ? CALL_TOLD : 0)),
		.verb = (uint8_t)verb,
		.connection = x->tx->conn->hash ^ x->tx->conn->id,
		.path = siphash_id(siphash(w->shared->seed, 'p', x->path)),
		.req_bytes =
			request->body_len < UINT32_MAX ? (uint32_t)request->body_len : UINT32_MAX,
		.wait_us = both && request->complete ? micros(request->last_ns, response->first_ns)
						     : UINT32_MAX,
		.took_us = both	  ? micros(request->first_ns, response->last_ns)
			   : open ? micros(request->first_ns, request->last_ns)
				  : UINT32_MAX,
		.n_given = x->n_given,
	};
	if (verb >= VERB_POST && verb <= VERB_DELETE)
		call_write(x, w->shared->seed, call);
	memcpy(call->client, x->client, sizeof(call->client));
	memcpy(call->peer, x->tx->conn->addr[CLIENT], sizeof(call->peer));
	memcpy(call->server, x->tx->conn->addr[SERVER], sizeof(call->server));
	call->api = x->tx->status == 101 || message ? API_WEBSOCKET
		    : x->tx->grpc                   ? API_GRPC
						    : x->api;
	call->session = x->session;
	call->role = x->role;
	call->agent = x->agent;
	call->agent_kind = x->agent_kind;
	call->ja4 = x->ja4;
	call->subject = x->subject_value;
	call->token_id = x->token_id;
	call->login_user = x->login_user;
	call->login_secret = x->login_secret;
	call->token_flags = x->token_flags;
	call->login_result = x->login_result;
	call->user_confidence = x->user_confidence;
	if (!message && !held)
		facts_end(w, x, call);
	if (response->header[HEADER_SET_COOKIE].p && !message)
		call_session_ids(w, d, x, call);
	call->params_lost = (uint16_t)(x->params_lost < UINT16_MAX ? x->params_lost : UINT16_MAX);
}

static struct exchange *exchange_new(struct detect_worker *w, struct http_tx *tx)
{
	struct exchange *x = pool_get(&w->exchanges);

	if (!x) {
		w->exchange_pool_empty++;
		return NULL;
	}
	memset(x, 0, offsetof(struct exchange, hits));
	x->mask_limit[CLIENT] = UINT32_MAX;
	x->mask_limit[SERVER] = UINT32_MAX;
	x->quiet_from[CLIENT] = x->quiet_from[SERVER] = UINT64_MAX;
	x->quiet_told[CLIENT] = x->quiet_told[SERVER] = QUIET_NEVER;
	x->serial = ++((struct worker_state *)w->state)->serial;
	x->tx = tx;
	tx->detect = x;
	return x;
}

// Who and where. Without a request there is no more than the two addresses.
static void exchange_identify(struct detect_worker *w, struct exchange *x)
{
	struct worker_state *state = w->state;
	uint32_t hidden = 0;

	if (x->tx->msg[CLIENT].seen) {
		endpoint_split(x);
		hidden = hits_target(w->scanner, &state->types, w->shared->seed, x);
		x->login = endpoint_is_login(x->path);
		if (x->tx->proto == PROTO_WS) // told with the upgrade, whose target it is
			hits_forget(x);
	}
	if (w->snapshot && w->snapshot->templates.n) {
		const struct template_pins *pins = w->shared->pins;

		endpoint_identify(x, w->shared->seed, hidden,
				  &(struct template_table){&w->snapshot->templates,
							   pins ? pins->pin : NULL,
							   pins ? pins->n : 0, w->shared->seed});
	} else {
		endpoint_identify(x, w->shared->seed, hidden, NULL);
	}
	x->base = x->endpoint;
	x->pending[CLIENT].probe = x->pending[SERVER].probe = learn_probe(w, x);
	principal_identify(x, &state->principal, w->shared->seed);
	announce_ahead(w, x);
	if (x->tx->msg[CLIENT].seen && x->tx->proto != PROTO_WS)
		facts_target(w, x);
}

static void worker_request(void *ctx, struct http_tx *tx)
{
	struct detect_worker *w = ctx;
	struct exchange *x = tx->detect ? tx->detect : exchange_new(w, tx);

	if (x)
		exchange_identify(w, x);
}

// Fields of a response belong to its operation, so it is asked for as soon as it may be known.
static void exchange_operation(struct detect_worker *w, struct exchange *x)
{
	if (x->operated || !x->tx->msg[CLIENT].complete)
		return;
	x->operated = true;
	endpoint_operation(x, w->shared->seed);
}

static void worker_response(void *ctx, struct http_tx *tx)
{
	struct detect_worker *w = ctx;
	struct exchange *x;

	x = tx->detect;
	// Not when the request found no room: its sensitive values would be unknown.
	if (!x && !tx->msg[CLIENT].seen) {
		x = exchange_new(w, tx);
		if (x)
			exchange_identify(w, x);
	}
	if (!x || tx->proto == PROTO_WS)
		return;
	exchange_operation(w, x);
	facts_response(w, x);
}

static struct hits worker_hits(struct detect_worker *w, struct exchange *x)
{
	const struct worker_state *state = w->state;

	return (struct hits){
		.x = x,
		.types = &state->types,
		.seed = w->shared->seed,
		.place = PLACE_BODY,
	};
}

// How many values of a field may be left to be looked at when it counts as told: any number, but none
// in an exchange that tells all.
static inline int16_t told_enough(const struct exchange *x)
{
	return x->told_all ? 0 : FACTS_CLOSELY;
}

// From where on a value of a field that says nothing may be passed by.
static inline void exchange_quiet(struct exchange *x, enum dir dir)
{
	const struct scan_pending *pending = &x->pending[dir];

	x->quiet_until[dir] = scan_quiet_until(pending);
	x->quiet_from[dir] = UINT64_MAX;
	x->quiet_told[dir] = QUIET_NEVER;
	if (pending->probe || pending->text)
		return;
	if (dir == SERVER) {
		x->quiet_from[dir] = x->told_to;
		x->quiet_told[dir] = told_enough(x);
	} else if (x->n_params == EXCHANGE_PARAMS) {
		x->quiet_from[dir] = 0; // until then values of a request are its parameters
	}
}

static void worker_window(void *ctx, struct http_tx *tx, const struct window *window)
{
	struct detect_worker *w = ctx;
	struct exchange *x = tx->detect;

	if (!x)
		return;
	struct scan_pending *pending = &x->pending[window->dir];
	struct hits hits = worker_hits(w, x);
	scan_window(w->scanner, pending, window, hits_add, &hits);
	exchange_quiet(x, window->dir);
	hits_searched(x, window->dir, window->off + window->bytes.len);
}

// LOOKS: none that is told once.
static inline uint32_t look_of(const struct value *v)
{
	if (v->kind <= VALUE_NUMBER)
		return v->kind;
	if (v->kind != VALUE_LITERAL)
		return LOOKS;
	return v->v.p[0] == 'n' ? LOOK_NULL : v->v.p[0] == 't' || v->v.p[0] == 'f' ? LOOK_BOOL : LOOKS;
}

// A value of a field that is no identifier says nothing more, where its field was told before.
static inline void worker_facts(struct detect_worker *w, struct exchange *x, const struct value *v,
				struct facts_key *key, bool told)
{
	if (v->dir == CLIENT) {
		if (v->continued)
			return;
		if (x->n_params < EXCHANGE_PARAMS)
			facts_look(w, x, v, key, false);
		else
			x->params_lost++;
		return;
	}
	if (!x->gives)
		return;
	told |= v->off >= x->told_to;
	if (!told || !key->plain)
		facts_look(w, x, v, key, told);
	else if (v->v.len == 36 && v->kind == VALUE_STRING)
		facts_uuid(w, x, v->v);
}

// key: what is known of its field; NULL: nothing.
static __attribute__((noinline)) void worker_value_any(struct detect_worker *w, struct exchange *x,
						       const struct value *value,
						       struct facts_key *key)
{
	struct worker_state *state = w->state;
	struct hits *hits = &state->body_hits;
	uint32_t look = look_of(value);
	bool told;

	if (__builtin_expect(!key, 0))
		key = facts_key_new(&state->facts, value->field);
	told = look < LOOKS && key->told[look] == x->serial && key->left <= told_enough(x);
	if (!told && value->dir == SERVER)
		facts_ahead(w, x, value, key);
	if (value->kind == VALUE_LITERAL) { // no data type is one
		scan_member(w->scanner, &x->pending[value->dir], value);
	} else {
		// The window told already how far the body was searched.
		hits->x = x;
		hits->end = 0;
		scan_value(w->scanner, &x->pending[value->dir], value, hits_add, hits);
	}
	if (x->tx->proto != PROTO_WS) {
		worker_facts(w, x, value, key, told);
		exchange_quiet(x, value->dir);
	}
	if (value->dir == SERVER && look < LOOKS) {
		if (key->told[look] != x->serial)
			key->left = FACTS_CLOSELY;
		key->left -= key->left != 0;
		key->told[look] = x->serial;
	}
	// What is once true stays so.
	if (!key->quiet[value->dir])
		key->quiet[value->dir] = (value->dir == CLIENT || key->plain) &&
					 scan_is_quiet(w->scanner, value);
}

// The value of a field that says nothing by its name.
static __attribute__((noinline)) void worker_value_quiet(struct detect_worker *w,
							 struct exchange *x,
							 const struct value *value,
							 struct facts_key *key)
{
	// A UUID names an object wherever it stands.
	if (value->escaped || value->v.len == 36 || !scan_is_nothing(w->scanner, value))
		worker_value_any(w, x, value, key);
	else
		x->params_lost += value->dir == CLIENT;
}

// Whether no more than its data types may be asked of a value: those of its field and look were told.
static inline bool is_quiet(const struct exchange *x, const struct value *v, uint32_t look,
			    const struct facts_key *key)
{
	return key && key->quiet[v->dir] && v->off + v->v.len < x->quiet_until[v->dir] &&
	       (v->off >= x->quiet_from[v->dir] ||
		(key->told[look] == x->serial && key->left <= x->quiet_told[v->dir]));
}

// Neither a string nor a number: no data type is a literal name.
static __attribute__((noinline)) void worker_value_odd(struct detect_worker *w, struct exchange *x,
						       const struct value *value,
						       struct facts_key *key)
{
	uint32_t look = look_of(value);

	if (look < LOOKS && is_quiet(x, value, look, key))
		x->params_lost += value->dir == CLIENT;
	else
		worker_value_any(w, x, value, key);
}

// Most values are short, and of a field whose name says nothing to anybody, behind the part of a
// body whose fields are told, or once more in it: they are over with here. Whatever is called is
// called last: nothing is to be kept for it.
static void worker_value(void *ctx, struct http_tx *tx, const struct value *value)
{
	struct detect_worker *w = ctx;
	struct exchange *x = tx->detect;
	struct facts_key *key;

	if (!x)
		return;
	key = facts_key(&((struct worker_state *)w->state)->facts, value->field);
	if (value->kind > VALUE_NUMBER)
		worker_value_odd(w, x, value, key);
	else if (!is_quiet(x, value, value->kind, key))
		worker_value_any(w, x, value, key);
	else if (scan_is_short(value))
		x->params_lost += value->dir == CLIENT;
	else
		worker_value_quiet(w, x, value, key);
}

static void worker_member(void *ctx, struct http_tx *tx, const struct value *value)
{
	struct detect_worker *w = ctx;
	struct exchange *x = tx->detect;

	if (x)
		scan_member(w->scanner, &x->pending[value->dir], value);
}

static bool exchange_half(const struct http_tx *tx)
{
	const uint64_t holes = UINT64_C(1) << ANOMALY_GAP | UINT64_C(1) << ANOMALY_TRUNCATED |
			       UINT64_C(1) << ANOMALY_HPACK_UNKNOWN_INDEX;
	const struct http_msg *request = &tx->msg[CLIENT], *response = &tx->msg[SERVER];

	return !request->seen || !response->seen || !request->complete || !response->complete ||
	       tx->paired_by_guess || ((request->anomalies | response->anomalies) & holes);
}

// What the detector found in this exchange, for the observer: the surest of it.
static void worker_found(struct detect_worker *w, const struct detector *detector)
{
	const struct worker_state *state = w->state;
	uint8_t confidence = 0;
	bool found = false;

	for (uint32_t i = 0; i < state->n_met; i++) {
		const struct finding *f = state->met[i];

		if (f->tentative)
			continue;
		found = true;
		confidence = f->confidence > confidence ? f->confidence : confidence;
	}
	if (found && w->n_findings < sizeof(w->findings) / sizeof(w->findings[0]))
		w->findings[w->n_findings++] = (struct exchange_finding){detector, confidence};
}

static void worker_detect(struct detect_worker *w, struct exchange *x)
{
	struct worker_state *state = w->state;

	w->n_findings = 0;
	state->copied = NULL;
	for (uint32_t i = 0; i < state->n_detectors; i++) {
		const struct detector *detector = state->detectors[i].detector;

		state->n_met = 0;
		detector->exchange(detector, state->detectors[i].options, w, x);
		worker_found(w, detector);
	}
}

// What the bodies told of the caller, and which sessions it has from now on.
static void exchange_caller(struct detect_worker *w, struct exchange *x)
{
	struct worker_state *state = w->state;
	struct delta_binding made[IDENTITY_BINDINGS];
	struct delta *d = delta_active(w);
	uint32_t n = principal_end(x, &state->principal, w->shared->seed, made);

	for (uint32_t i = 0; i < n; i++) {
		if (d->n_bindings == DELTA_BINDINGS) {
			d->bindings_lost++;
			continue;
		}
		made[i].time_ns = exchange_time(x);
		made[i].order = exchange_order(x);
		d->bindings[d->n_bindings++] = made[i];
	}
}

static void exchange_keep(struct detect_worker *w, const struct exchange *x)
{
	captures_keep(&((struct worker_state *)w->state)->captures, x,
		      (struct capture_id){exchange_time(x), exchange_order(x)});
}

static void worker_held(void *ctx, struct http_tx *tx)
{
	struct detect_worker *w = ctx;
	struct exchange *x = tx->detect;

	if (!x || x->held || !held_open(x))
		return;
	x->half = true;
	announce_endpoint(w, x);
	announce_principal(w, x, announce_variant(w, x));
	delta_call(w, delta_active(w), x, true);
	exchange_keep(w, x);
	x->held = true;
}

static void worker_end(void *ctx, struct http_tx *tx)
{
	struct detect_worker *w = ctx;
	struct exchange *x = tx->detect;
	struct detect_shared *shared = w->shared;
	uint64_t variant;

	delta_active(w)->exchanges += tx->proto != PROTO_WS;
	if (!x)
		return;
	struct hits hits = worker_hits(w, x);
	captures_ahead(&((struct worker_state *)w->state)->captures,
		       (struct capture_id){exchange_time(x), exchange_order(x)});
	scan_end(w->scanner, &x->pending[CLIENT], CLIENT, hits_add, &hits);
	scan_end(w->scanner, &x->pending[SERVER], SERVER, hits_add, &hits);
	x->half = exchange_half(tx);
	if (!x->operated)
		endpoint_operation(x, shared->seed);
	exchange_caller(w, x);
	announce_ahead(w, x);
	variant = announce_variant(w, x);
	learn_exchange(w, x);
	announce_endpoint(w, x);
	announce_principal(w, x, variant);
	delta_call(w, delta_active(w), x, false);
	if (tx->proto != PROTO_WS && tx->msg[CLIENT].seen)
		exchange_keep(w, x);
	worker_detect(w, x);
	if (shared->observer.exchange)
		shared->observer.exchange(shared->observer.arg, w->index, x, w->findings,
					  w->n_findings);
	tx->detect = NULL;
	pool_put(&w->exchanges, x);
}

static void worker_ws(void *ctx, const struct conn_meta *conn, const struct ws_frame *frame)
{
	const struct detect_observer *observer = &((struct detect_worker *)ctx)->shared->observer;

	if (observer->ws)
		observer->ws(observer->arg, conn, frame);
}

static void worker_tls(void *ctx, const struct conn_meta *conn, const struct tls_handshake *hello)
{
	const struct detect_observer *observer = &((struct detect_worker *)ctx)->shared->observer;

	if (observer->tls)
		observer->tls(observer->arg, conn, hello);
}

struct event_sink detect_worker_sink(struct detect_worker *w)
{
	return (struct event_sink){
		.ctx = w,
		.request = worker_request,
		.response = worker_response,
		.window = worker_window,
		.value = worker_value,
		.member = worker_member,
		.held = worker_held,
		.end = worker_end,
		.ws = worker_ws,
		.tls = worker_tls,
	};
}

// ---- epochs

void delta_clear(struct delta *d)
{
	d->n_calls = 0;
	d->n_findings = 0;
	d->n_names = 0;
	d->n_fields = 0;
	d->n_bindings = 0;
	d->arena_used = 0;
	d->calls_lost = 0;
	d->findings_lost = 0;
	d->names_lost = 0;
	d->fields_lost = 0;
	d->n_captures = 0;
	d->n_objects = d->n_call_params = d->n_params = d->n_types = 0;
	d->objects_lost = d->call_params_lost = d->params_lost = d->types_lost = 0;
	d->bindings_lost = d->session_ids_lost = 0;
	d->n_session_ids = 0;
	d->exchanges = 0;
}

void detect_worker_snapshot(struct detect_worker *w)
{
	// The merger has filled it before it published it.
	w->snapshot = atomic_load_explicit(&w->shared->snapshot, memory_order_acquire);
}

const struct finding *detect_worker_capture(struct detect_worker *w, struct capture_id id)
{
	struct worker_state *state = w->state;
	const struct capture *capture = captures_find(&state->captures, id);
	struct delta *d = delta_active(w);
	struct finding *f;

	if (!capture || d->n_captures == CAPTURES_WANTED ||
	    capture_room(capture) > DELTA_ARENA - d->arena_used)
		return NULL;
	f = &d->captures[d->n_captures++];
	capture_show(capture, &state->evidence, d->arena + d->arena_used, f);
	d->arena_used += capture_room(capture);
	return f;
}

// Seldom, and few: for a wish somebody raised an issue.
static void worker_answer(struct detect_worker *w)
{
	struct worker_state *state = w->state;
	const struct snapshot *s = w->snapshot;

	if (!s || s->wanted_turn == state->answered)
		return;
	state->answered = s->wanted_turn;
	for (uint32_t i = 0; i < s->n_wanted; i++)
		detect_worker_capture(w, s->wanted[i]);
}

void worker_epoch(struct detect_worker *w)
{
	struct worker_state *state = w->state;

	delta_clear(delta_active(w));
	state->names_bytes = 0;
	state->n_met = 0;
	// All slots are empty once their generation is not the present one.
	if (++state->generation == 0) {
		memset(state->slots, 0, sizeof(state->slots));
		memset(state->field_slots, 0, sizeof(state->field_slots));
		state->generation = 1;
	}
	detect_worker_snapshot(w);
	principal_epoch(&state->principal, &w->shared->session_names);
	worker_answer(w);
}

void detect_worker_poll(struct detect_worker *w)
{
	// Released by the merger when it is done with the delta that is filled next.
	uint32_t wanted = atomic_load_explicit(&w->shared->epoch_wanted, memory_order_acquire);

	if (wanted == atomic_load_explicit(&w->epoch_done, memory_order_relaxed))
		return;
	w->active ^= 1;
	worker_epoch(w);
	// Hands over all that was written to the other delta; acquired by the merger.
	atomic_store_explicit(&w->epoch_done, wanted, memory_order_release);
}

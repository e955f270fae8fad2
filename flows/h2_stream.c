// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Streams of a connection and their exchanges (RFC 9113 sections 5.1 and 8.1). A stream is entered
// when its request, or a response without one, is seen, and leaves when both messages have ended or
// it is reset. Streams have numbers, so whatever is missing, a response is never another request's.
//
// The table is of fixed size: when it is full the stream that was silent for longest is given up.
// During a flood of resets or of streams that nobody answers a request is reported when something
// follows it, and one that is reset before is only counted. Worker code.

#include "flows/h2_conn.h"

enum { BUCKET_MASK = H2_STREAMS - 1 };

// ---- table

static uint32_t bucket_of(const struct h2_feed *f, uint32_t id)
{
	return (uint32_t)(((id ^ f->env->seed) * UINT64_C(0x9e3779b97f4a7c15)) >> 56) & BUCKET_MASK;
}

static struct h2_stream *find(const struct h2_feed *f, uint32_t id)
{
	struct h2_block *block = f->conn->block;

	// At most H2_STREAMS turns.
	for (uint32_t i = block->bucket[bucket_of(f, id)]; i; i = block->stream[i - 1].next) {
		struct h2_stream *s = &block->stream[i - 1];

		if (s->id == id) {
			s->used = ++f->conn->clock;
			return s;
		}
	}
	return NULL;
}

static void table_remove(const struct h2_feed *f, struct h2_stream *s)
{
	struct h2_block *block = f->conn->block;
	uint16_t index = (uint16_t)(s - block->stream + 1);
	uint16_t *at = &block->bucket[bucket_of(f, s->id)];

	while (*at != index)
		at = &block->stream[*at - 1].next;
	*at = s->next;
	s->used = 0;
	s->next = f->conn->free;
	f->conn->free = index;
	f->conn->open--;
}

void h2_stream_open_all(struct h2 *conn)
{
	memset(conn->block->bucket, 0, sizeof(conn->block->bucket));
	conn->free = 0;
	conn->fresh = 0;
	conn->open = 0;
}

// ---- exchanges

// No packet of that sender ever came, not even one that acknowledges.
static bool silent(const struct h2_feed *f, enum dir dir)
{
	return !f->conn->side[dir].seen && f->p->acked[!dir] == 0;
}

static void tell(const struct h2_feed *f, struct h2_stream *s)
{
	if (s->told || !s->tx->msg[CLIENT].seen)
		return;
	s->told = true;
	if (f->env->sink.request)
		f->env->sink.request(f->env->sink.ctx, s->tx);
}

// A length that is announced and wrong: DATA decides here, the length behind a gateway.
static bool length_wrong(const struct h2_stream *s, enum dir dir)
{
	const struct http_tx *tx = s->tx;
	const struct http_msg *msg = &tx->msg[dir];

	if (msg->content_length == UINT64_MAX || msg->wire_len == msg->content_length)
		return false;
	return dir == CLIENT ||
	       (tx->msg[CLIENT].seen && tx->kind == METHOD_OTHER && tx->status != 304);
}

static void message_end(const struct h2_feed *f, struct h2_stream *s, enum dir dir, bool complete)
{
	struct http_tx *tx = s->tx;
	struct body *body = s->body[dir];

	s->body[dir] = NULL;
	if (s->done[dir])
		return;
	s->done[dir] = true;
	if (!tx)
		return;
	struct http_msg *msg = &tx->msg[dir];

	complete = complete && !s->gap[dir];
	if (body)
		body_end(f->env, body, complete);
	if (!msg->seen)
		return;
	if (!body)
		msg->complete = complete && !s->data[dir];
	msg->last_ns = f->p->now_ns;
	if (!complete)
		msg->anomalies |= ANOMALY_BIT(TRUNCATED);
	else if (length_wrong(s, dir))
		msg->anomalies |= ANOMALY_BIT(H2_DOWNGRADE_SMUGGLING);
}

// A message that its sender did not end, and to which nothing can be added: if no byte of a body was
// sent there is none.
static void message_leave(const struct h2_feed *f, struct h2_stream *s, enum dir dir)
{
	const struct http_msg *msg = s->tx ? &s->tx->msg[dir] : NULL;

	if (!msg || s->done[dir] || !msg->seen || s->data[dir] || s->gap[dir] ||
	    (msg->content_length != UINT64_MAX && msg->content_length))
		return;
	s->tx->msg[dir].anomalies |= ANOMALY_BIT(TRUNCATED);
	message_end(f, s, dir, true);
}

// Ends what there is of the exchange and reports it; the stream stays.
static void exchange_end(const struct h2_feed *f, struct h2_stream *s)
{
	struct http_tx *tx = s->tx;

	if (s->tunnel)
		h2_tunnel_close(f, s);
	message_end(f, s, CLIENT, false);
	message_end(f, s, SERVER, false);
	if (!tx)
		return;
	if (f->conn->flood && !s->told && tx->msg[CLIENT].seen && !f->conn->anomalies) {
		f->env->stats.h2_streams_hidden++;
		http_exchange_drop(f->env, tx);
	} else if (!tx->msg[CLIENT].seen && !tx->msg[SERVER].seen) {
		http_exchange_drop(f->env, tx);
	} else {
		tell(f, s);
		if (!tx->msg[SERVER].seen && silent(f, SERVER))
			tx->msg[CLIENT].anomalies |= ANOMALY_BIT(ASYMMETRIC);
		tx->msg[CLIENT].anomalies |=
			f->conn->anomalies | http_exchange_tcp(f->p->anomalies);
		f->conn->anomalies = 0;
		f->p->anomalies = 0;
		http_exchange_end(f->env, tx);
	}
	s->tx = NULL;
}

static void stream_end(const struct h2_feed *f, struct h2_stream *s)
{
	exchange_end(f, s);
	table_remove(f, s);
}

// Of those that ended while the other side may still send.
static void remember(struct h2 *conn, uint32_t id)
{
	conn->gone[conn->n_gone++ % (sizeof(conn->gone) / sizeof(conn->gone[0]))] = id;
}

static bool is_gone(const struct h2 *conn, uint32_t id)
{
	for (uint32_t i = 0; i < sizeof(conn->gone) / sizeof(conn->gone[0]); i++) {
		if (conn->gone[i] == id)
			return true;
	}
	return false;
}

bool h2_flood(struct h2_feed *f, uint32_t *count, uint32_t limit, uint64_t anomaly)
{
	struct h2 *conn = f->conn;

	if (f->p->now_ns - conn->window_ns > H2_WINDOW_NS) {
		conn->window_ns = f->p->now_ns;
		conn->resets = conn->evicted = conn->control = 0;
		conn->flood = false;
	}
	if (++*count != limit + 1)
		return *count > limit;
	conn->anomalies |= anomaly;
	return true;
}

static void evict(struct h2_feed *f)
{
	struct h2_block *block = f->conn->block;
	struct h2_stream *oldest = &block->stream[0];

	for (uint32_t i = 1; i < H2_STREAMS; i++) {
		if (block->stream[i].used < oldest->used)
			oldest = &block->stream[i];
	}
	f->env->stats.h2_streams_evicted++;
	if (h2_flood(f, &f->conn->evicted, H2_FLOOD_EVICTED, ANOMALY_BIT(H2_STREAM_FLOOD)))
		f->conn->flood = true;
	remember(f->conn, oldest->id);
	stream_end(f, oldest);
}

static struct h2_stream *add(struct h2_feed *f, uint32_t id)
{
	struct h2 *conn = f->conn;
	struct h2_block *block = conn->block;

	if (!conn->free && conn->fresh == H2_STREAMS)
		evict(f);
	uint16_t index = conn->free;

	if (index)
		conn->free = block->stream[index - 1].next;
	else
		index = ++conn->fresh;
	struct h2_stream *s = &block->stream[index - 1];
	uint16_t *bucket = &block->bucket[bucket_of(f, id)];

	*s = (struct h2_stream){.id = id, .used = ++conn->clock, .next = *bucket};
	*bucket = index;
	conn->open++;
	f->env->stats.h2_streams++;
	s->tx = http_exchange_new_sparing(f->env, f->p->conn, conn->index);
	if (s->tx) {
		s->tx->proto = PROTO_H2;
		s->tx->stream = id;
		if (f->p->conn->midstream && conn->index == 0)
			s->tx->msg[CLIENT].anomalies |= ANOMALY_BIT(MIDSTREAM);
	}
	conn->index++;
	return s;
}

// ---- heads

static void keep_facts(const struct h2_feed *f, struct h2_stream *s, enum dir dir,
		       const struct http1_head *head, struct span raw, bool cut)
{
	struct http_tx *tx = s->tx;
	struct http_msg *msg = &tx->msg[dir];
	bool end = dir != f->dir || (f->side->block_flags & H2_END_STREAM);

	http_exchange_head(f->env, tx, dir, head, raw);
	msg->head_truncated |= cut || (head->anomalies & ANOMALY_BIT(HEAD_TOO_LONG));
	msg->first_ns = f->side->block_ns;
	msg->last_ns = f->p->now_ns;
	tx->grpc |= grpc_type(head->header[HEADER_CONTENT_TYPE]);
	// A coding may be among the fields that are not known.
	s->opaque[dir] = (head->anomalies & ANOMALY_BIT(HPACK_UNKNOWN_INDEX) || cut) &&
			 !head->header[HEADER_CONTENT_ENCODING].p;
	if (msg->head || end || s->opaque[dir])
		return;
	// Nothing was kept: lend what body_begin() reads.
	msg->has_body = true;
	memcpy(msg->header, head->header, sizeof(msg->header));
	s->body[dir] = body_begin(f->env, tx, dir);
	memset(msg->header, 0, sizeof(msg->header));
}

void h2_stream_request(struct h2_feed *f, uint32_t id, const struct http1_head *head,
		       struct span raw, bool cut)
{
	struct h2_side *side = f->side;
	struct h2_stream *s = find(f, id);
	bool pushed = f->dir == SERVER;

	f->env->stats.http_requests++;
	// Whose streams these are (RFC 9113 section 5.1.1).
	if (!id || (id & 1) == pushed ||
	    (s && (s->done[CLIENT] || !s->tx || s->told || s->tx->msg[CLIENT].seen)) ||
	    (!s && id <= side->newest)) {
		f->env->stats.h2_bad_frames++;
		return;
	}
	if (id > side->newest)
		side->newest = id;
	if (!s)
		s = add(f, id);
	if (!s->tx)
		return;
	s->tx->kind = (uint8_t)head->kind;
	keep_facts(f, s, CLIENT, head, raw, cut);
	if (!f->conn->flood)
		tell(f, s);
	// A head that is cut: no body could begin.
	if (pushed || cut)
		message_end(f, s, CLIENT, true);
	if (s->done[SERVER] && s->done[CLIENT])
		stream_end(f, s);
}

// A response whose request nobody knows; NULL: it is none.
static struct h2_stream *orphan(struct h2_feed *f, uint32_t id)
{
	const struct h2_side *client = &f->conn->side[CLIENT];

	// Behind a request that was seen and has ended.
	if (!(id & 1) || is_gone(f->conn, id) || (client->whole && id <= client->newest))
		return NULL;
	struct h2_stream *s = add(f, id);

	if (s->tx && silent(f, CLIENT))
		s->tx->msg[SERVER].anomalies |= ANOMALY_BIT(ASYMMETRIC);
	return s;
}

static bool connects(const struct http_tx *tx)
{
	return tx->kind == METHOD_CONNECT || tx->kind == METHOD_WEBSOCKET;
}

static void tunnel_begin(struct h2_feed *f, struct h2_stream *s)
{
	bool early = s->grpc[CLIENT].lost; // bytes came before the answer, and are gone
	struct ws_conn ws;

	f->env->stats.h2_tunnels++;
	message_end(f, s, CLIENT, true);
	message_end(f, s, SERVER, true);
	bool follow = s->tx->kind == METHOD_WEBSOCKET && h2_tunnel_open(f, s->tx, &ws);

	exchange_end(f, s);
	if (!follow)
		return;
	s->ws = ws;
	s->tunnel = true;
	s->done[CLIENT] = s->done[SERVER] = false;
	if (early || s->gap[CLIENT]) {
		struct h2_feed client = h2_feed(f->p, CLIENT);

		h2_tunnel_gap(&client, s, 0);
	}
}

void h2_stream_response(struct h2_feed *f, uint32_t id, const struct http1_head *head,
			struct span raw, bool cut)
{
	struct h2_stream *s = find(f, id);

	if (!s)
		s = orphan(f, id);
	if (!s || !s->tx || s->done[SERVER] || s->tx->msg[SERVER].seen)
		return;
	f->env->stats.http_responses++;
	s->tx->status = head->status;
	tell(f, s);
	keep_facts(f, s, SERVER, head, raw, cut);
	if (f->env->sink.response)
		f->env->sink.response(f->env->sink.ctx, s->tx);
	if (connects(s->tx) && head->status / 100 == 2)
		tunnel_begin(f, s);
}

void h2_stream_head_lost(struct h2_feed *f, uint32_t id, uint64_t anomalies)
{
	struct h2_stream *s = find(f, id);

	if (f->dir == CLIENT && (id & 1) && id > f->side->newest)
		f->side->newest = id;
	// A response to it may still be understood.
	if (f->dir == CLIENT && !s)
		f->side->whole = false;
	if (!s || !s->tx)
		return;
	s->opaque[f->dir] |= !s->tx->msg[f->dir].seen;
	s->tx->msg[f->dir].anomalies |= anomalies;
}

void h2_stream_trailers(struct h2_feed *f, uint32_t id, const struct h2_head *head)
{
	struct h2_stream *s = f->dir == SERVER && head->grpc_status >= 0 ? find(f, id) : NULL;

	// gRPC-Web has trailers in its body, unless there is none.
	if (s && s->tx &&
	    (s->tx->grpc || grpc_any_type(s->tx->msg[SERVER].header[HEADER_CONTENT_TYPE])))
		s->tx->grpc_status = head->grpc_status;
}

// ---- bodies

// Bytes of this stream that belong to a message whose head is known; NULL: nobody's.
static struct h2_stream *in_message(const struct h2_feed *f, uint32_t id)
{
	struct h2_stream *s = find(f, id);

	return s && s->tx && !s->done[f->dir] && s->tx->msg[f->dir].seen ? s : NULL;
}

// The tunnel with that number in which this sender may still speak; NULL: there is none.
static struct h2_stream *in_tunnel(const struct h2_feed *f, uint32_t id)
{
	struct h2_stream *s = find(f, id);

	return s && s->tunnel && !s->done[f->dir] ? s : NULL;
}

void h2_stream_data(struct h2_feed *f, uint32_t id, struct span bytes)
{
	struct h2_stream *s = in_message(f, id);

	if (!s) {
		s = in_tunnel(f, id);
		if (s && bytes.len)
			h2_tunnel_data(f, s, bytes);
		return;
	}
	struct http_tx *tx = s->tx;
	struct http_msg *msg = &tx->msg[f->dir];

	if (connects(tx) && tx->status == 0) {
		s->grpc[f->dir].lost = true; // where its next message begins
		return;                      // of a tunnel that is not yet there
	}
	tell(f, s);
	if (!s->data[f->dir] && !s->body[f->dir] && !s->opaque[f->dir] && msg->head) {
		msg->has_body = true;
		http_exchange_body(f->env, tx);
		s->body[f->dir] = body_begin(f->env, tx, f->dir);
	}
	msg->has_body = true;
	s->data[f->dir] = true;
	msg->last_ns = f->p->now_ns;
	if (tx->grpc)
		grpc_data(&s->grpc[f->dir], msg, bytes);
	if (s->body[f->dir])
		body_data(f->env, s->body[f->dir], bytes);
	else
		msg->wire_len += bytes.len;
	// Calls of gRPC may be meant to last, and a server of which nothing is seen may have answered.
	if (f->dir == CLIENT && !tx->grpc && !(f->side->frame.flags & H2_END_STREAM) &&
	    !silent(f, SERVER))
		http_exchange_held(f->env, tx, f->p->now_ns);
}

static void body_hole(const struct h2_feed *f, struct h2_stream *s, uint64_t len)
{
	s->gap[f->dir] = true;
	s->grpc[f->dir].lost = true;
	s->tx->msg[f->dir].anomalies |= ANOMALY_BIT(GAP);
	if (s->body[f->dir])
		body_gap(f->env, s->body[f->dir], len);
	else
		s->opaque[f->dir] = true; // its beginning is missing
}

void h2_stream_gap(struct h2_feed *f, uint32_t id, uint64_t len)
{
	struct h2_stream *s = in_message(f, id);

	if (s) {
		body_hole(f, s, len);
		return;
	}
	s = in_tunnel(f, id);
	if (s)
		h2_tunnel_gap(f, s, len);
}

void h2_stream_lost(struct h2_feed *f)
{
	struct h2 *conn = f->conn;

	for (uint32_t i = 0; i < conn->fresh; i++) {
		struct h2_stream *s = &conn->block->stream[i];

		if (s->used && s->tx && !s->done[f->dir] && s->tx->msg[f->dir].seen)
			body_hole(f, s, 0);
		else if (s->used && s->tunnel && !s->done[f->dir])
			h2_tunnel_gap(f, s, 0);
	}
}

// ---- ends

void h2_stream_end(struct h2_feed *f, uint32_t id)
{
	struct h2_stream *s = find(f, id);
	const struct h2_side *client = &f->conn->side[CLIENT];

	if (!s)
		return;
	if (s->tunnel) {
		if (!s->done[f->dir])
			h2_tunnel_fin(f, s);
		s->done[f->dir] = true;
		if (s->done[!f->dir])
			stream_end(f, s);
		return;
	}
	message_end(f, s, f->dir, true);
	if (!s->done[SERVER])
		return;
	// Without a request: it may come yet when the tap sees both sides at different times.
	bool early = s->tx && !s->tx->msg[CLIENT].seen && !s->done[CLIENT] && client->whole &&
		     client->seen && id > client->newest;

	// A request with a hole may have ended there, and is not whole in any case.
	if (s->done[CLIENT] || s->gap[CLIENT] || (s->tx && !s->tx->msg[CLIENT].seen && !early))
		stream_end(f, s);
}

void h2_stream_reset(struct h2_feed *f, uint32_t id, uint32_t code)
{
	struct h2_stream *s = find(f, id);

	f->env->stats.h2_resets++;
	if (h2_flood(f, &f->conn->resets, H2_FLOOD_RESETS, ANOMALY_BIT(H2_RAPID_RESET)))
		f->conn->flood = true;
	remember(f->conn, id);
	if (!s)
		return;
	// NO_ERROR behind a complete response: the rest of the request is not needed (section 8.1).
	if (code == 0 && s->done[SERVER])
		message_leave(f, s, CLIENT);
	else if (s->tx)
		s->tx->msg[s->tx->msg[CLIENT].seen ? CLIENT : SERVER].anomalies |=
			ANOMALY_BIT(H2_STREAM_RESET);
	stream_end(f, s);
}

bool h2_stream_upgrade(struct h2_feed *f, struct http_tx *tx)
{
	struct http_msg *msg = &tx->msg[SERVER];
	struct h2_stream *s = add(f, 1);

	if (s->tx)
		http_exchange_drop(f->env, s->tx);
	s->tx = tx;
	s->told = true;
	s->done[CLIENT] = true;
	*msg = (struct http_msg){.content_length = UINT64_MAX, .body = msg->body};
	tx->proto = PROTO_H2;
	tx->stream = 1;
	tx->upgraded = true;
	tx->status = 0;
	f->conn->index = tx->index + 1;
	f->conn->side[CLIENT].newest = 1;
	return true;
}

void h2_stream_fin(struct h2_feed *f)
{
	struct h2 *conn = f->conn;

	for (uint32_t i = 0; i < conn->fresh; i++) {
		if (conn->block->stream[i].used)
			message_leave(f, &conn->block->stream[i], f->dir);
	}
}

void h2_stream_drain(struct h2_feed *f)
{
	struct h2 *conn = f->conn;

	for (uint32_t i = 0; i < conn->fresh; i++) {
		if (conn->block->stream[i].used)
			stream_end(f, &conn->block->stream[i]);
	}
}

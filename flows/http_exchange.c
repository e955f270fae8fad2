// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// A capture block is two equal halves, request and response: head (limits.capture_head), body
// (limits.capture_body), padding. Spans of the transaction point into it and nowhere else, but for
// those of a request that came in a brief block: they stay there, since others know them by then,
// and the capture block that follows is for the rest. So hundreds of streams that nobody answers
// are cheap.

#include "flows/http_exchange.h"

enum {
	SPARE_BYTES = 1024, // of a cut head: room for known fields that stand further back
};

static uint8_t *half(const struct flow_env *env, const struct http_tx *tx, uint32_t dir)
{
	return tx->capture ? (uint8_t *)tx->capture + dir * (env->capture.size / 2) : NULL;
}

static void capture(struct flow_env *env, struct http_tx *tx)
{
	tx->sparing = false;
	tx->capture = pool_get(&env->capture);
	if (!tx->capture)
		env->stats.http_tx_pool_empty++;
	for (uint32_t dir = 0; dir < 2; dir++) {
		uint8_t *block = half(env, tx, dir);

		tx->msg[dir].body = block ? block + env->limits.capture_head : NULL;
	}
}

struct http_tx *http_exchange_new_sparing(struct flow_env *env, const struct conn_meta *conn,
					  uint32_t index)
{
	struct http_tx *tx = pool_get(&env->tx);

	if (!tx) {
		env->stats.http_tx_pool_empty++;
		return NULL;
	}
	*tx = (struct http_tx){
		.conn = conn,
		.index = index,
		.grpc_status = -1,
		.req_end_off = UINT64_MAX,
		.sparing = true,
	};
	tx->msg[CLIENT].content_length = tx->msg[SERVER].content_length = UINT64_MAX;
	return tx;
}

struct http_tx *http_exchange_new(struct flow_env *env, const struct conn_meta *conn,
				  uint32_t index)
{
	struct http_tx *tx = http_exchange_new_sparing(env, conn, index);

	if (tx)
		capture(env, tx);
	return tx;
}

void http_exchange_body(struct flow_env *env, struct http_tx *tx)
{
	if (tx->sparing)
		capture(env, tx);
}

// Where a head of n bytes is kept; NULL: nowhere.
static uint8_t *head_room(struct flow_env *env, struct http_tx *tx, enum dir dir, uint32_t n)
{
	if (dir == CLIENT && tx->sparing && n <= HTTP_BRIEF_BYTES &&
	    n <= env->limits.capture_head) {
		tx->brief = pool_get(&env->brief);
		if (tx->brief)
			return tx->brief;
	}
	http_exchange_body(env, tx);
	return half(env, tx, dir);
}

// Where v, a span of the head raw, is in its copy of n bytes. A value behind them is put into the
// rest of the room.
static struct span kept(struct span v, struct span raw, uint8_t *copy, uint32_t n, uint32_t *used,
			uint32_t room)
{
	if (!v.p)
		return v;
	uint32_t at = (uint32_t)(v.p - raw.p);

	if (at <= n && v.len <= n - at)
		return span_make(copy + at, v.len);
	if (v.len > room - *used)
		return (struct span){0};
	uint8_t *to = copy + *used;

	memcpy(to, v.p, v.len);
	*used += v.len;
	return span_make(to, v.len);
}

// The part of v that lies in the copy.
static struct span beginning(struct span v, struct span raw, const uint8_t *copy, uint32_t n)
{
	if (!v.p)
		return v;
	uint32_t at = (uint32_t)(v.p - raw.p);

	if (at > n)
		at = n;
	return span_make(copy + at, v.len < n - at ? v.len : n - at);
}

void http_exchange_head(struct flow_env *env, struct http_tx *tx, enum dir dir,
			const struct http1_head *head, struct span raw)
{
	struct http_msg *msg = &tx->msg[dir];
	uint8_t *copy = head_room(env, tx, dir, raw.len);
	uint32_t room = env->limits.capture_head;
	uint32_t n = raw.len;

	msg->seen = true;
	msg->version_major = head->version_major;
	msg->version_minor = head->version_minor;
	msg->anomalies |= head->anomalies;
	msg->content_length = head->framing.content_length;
	msg->n_headers = head->n_headers;
	msg->n_set_cookies = head->n_set_cookies;
	if (!copy || n > room)
		msg->head_truncated = true;
	if (!copy)
		return;
	if (n > room)
		n = room - (room / 4 < SPARE_BYTES ? room / 4 : SPARE_BYTES);
	memcpy(copy, raw.p, n);
	msg->head = copy;
	msg->head_len = n;
	uint32_t used = n;

	for (uint32_t i = 0; i < HEADER_N; i++)
		msg->header[i] = kept(head->header[i], raw, copy, n, &used, room);
	if (dir == CLIENT) {
		tx->method = beginning(head->method, raw, copy, n);
		tx->uri = beginning(head->uri, raw, copy, n);
	}
}

void http_exchange_held(struct flow_env *env, struct http_tx *tx, uint64_t now_ns)
{
	struct http_msg *msg = &tx->msg[CLIENT];

	if (!env->sink.held || now_ns - msg->first_ns < REQUEST_HELD_NS)
		return;
	msg->last_ns = now_ns;
	env->sink.held(env->sink.ctx, tx);
}

void http_exchange_end(struct flow_env *env, struct http_tx *tx)
{
	if (tx->proto == PROTO_WS) {
		env->stats.ws_messages++;
	} else {
		env->stats.http_exchanges++;
		if (!tx->msg[CLIENT].seen)
			env->stats.http_no_request++;
		if (!tx->msg[SERVER].seen) {
			env->stats.http_no_response++;
			tx->paired_by_guess = false;
		}
	}
	if (env->sink.end)
		env->sink.end(env->sink.ctx, tx);
	http_exchange_drop(env, tx);
}

void http_exchange_drop(struct flow_env *env, struct http_tx *tx)
{
	if (tx->capture)
		pool_put(&env->capture, tx->capture);
	if (tx->brief)
		pool_put(&env->brief, tx->brief);
	pool_put(&env->tx, tx);
}

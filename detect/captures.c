// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// One record per exchange: what evidence needs to know of it, its masks, its bytes. Records lie
// one behind the other; one that does not fit before the end of the ring begins at its start.
// Worker only.

#include "detect/captures.h"

#include "detect/delta.h"
#include "detect/evidence.h"

enum {
	CAPTURE_AGENT = 256,
	CAPTURE_AHEAD = 3072, // bytes of most exchanges
};

struct capture_message {
	uint32_t head_len, body_kept, mask_limit, n_masks;
	uint64_t body_len, view_len, scanned;
	bool head_truncated, complete, viewed, seen;
};

struct capture {
	struct capture_id id;
	uint64_t principal, endpoint, last_ns;
	uint64_t first_ns;
	struct conn_meta conn; // its pointers are not used
	uint8_t client[16];
	uint16_t status;
	uint32_t path_off, path_len, agent_off, agent_len; // within the request's head
	struct capture_message msg[2];
	// masks of both, then head and body of the request, head and body of the response
	uint8_t bytes[];
};

void captures_clear(struct captures *c)
{
	c->at = 0;
	if (c->slots)
		memset(c->slots, 0, CAPTURES_SLOTS * sizeof(*c->slots));
}

// The slots where an exchange may stand.
static uint64_t *set_of(const struct captures *c, struct capture_id id)
{
	uint64_t mix = (id.order ^ id.time_ns * UINT64_C(0x9e3779b97f4a7c15)) *
		       UINT64_C(0xd6e8feb86659fd93);

	return &c->slots[(mix >> 32) % (CAPTURES_SLOTS / CAPTURES_SET) * CAPTURES_SET];
}

// Where a span of the head stands in it. len 0: not there, or behind what is kept.
static uint32_t span_off(const struct http_msg *msg, struct span s, uint32_t kept, uint32_t *len)
{
	*len = 0;
	if (!s.p || s.p < msg->head || s.p + s.len > msg->head + kept)
		return 0;
	*len = s.len;
	return (uint32_t)(s.p - msg->head);
}

static void message_of(const struct exchange *x, enum dir dir, struct capture_message *m)
{
	const struct http_msg *msg = &x->tx->msg[dir];

	*m = (struct capture_message){
		.head_len = msg->head_len < CAPTURE_HEAD ? msg->head_len : CAPTURE_HEAD,
		.body_kept = msg->body_kept < CAPTURE_BODY ? msg->body_kept : CAPTURE_BODY,
		.mask_limit = x->mask_limit[dir],
		.body_len = msg->body_len,
		.view_len = msg->view_len,
		.scanned = x->scanned[dir],
		.complete = msg->complete,
		.viewed = msg->viewed,
		.seen = msg->seen,
	};
	m->head_truncated = msg->head_truncated || m->head_len < msg->head_len;
	if (!msg->head)
		m->head_len = 0;
	if (!msg->body)
		m->body_kept = 0;
	// Masks behind what is kept hide nothing; they need not be in order.
	for (uint32_t i = 0; i < x->n_masks[dir]; i++)
		m->n_masks += x->masks[dir][i].off < m->body_kept;
}

static uint8_t *message_put(uint8_t *to, const struct exchange *x, enum dir dir,
			    const struct capture_message *m)
{
	const struct http_msg *msg = &x->tx->msg[dir];

	if (m->head_len)
		memcpy(to, msg->head, m->head_len);
	to += m->head_len;
	if (m->body_kept)
		memcpy(to, msg->body, m->body_kept);
	return to + m->body_kept;
}

void captures_keep(struct captures *c, const struct exchange *x, struct capture_id id)
{
	struct capture_message msg[2];
	struct capture *capture;
	struct exchange_mask *mask;
	uint64_t len, *set, *slot;
	uint8_t *to;

	if (!c->ring)
		return;
	for (uint32_t dir = CLIENT; dir <= SERVER; dir++)
		message_of(x, dir, &msg[dir]);
	len = sizeof(*capture) + (msg[0].n_masks + msg[1].n_masks) * sizeof(*mask) +
	      msg[0].head_len + msg[0].body_kept + msg[1].head_len + msg[1].body_kept;
	len = (len + 7) & ~UINT64_C(7);
	if (len > c->size)
		return;
	if (c->at % c->size + len > c->size)
		c->at += c->size - c->at % c->size;
	capture = (struct capture *)(c->ring + c->at % c->size);
	*capture = (struct capture){
		.id = id,
		.principal = x->principal,
		.endpoint = x->endpoint,
		.last_ns = x->tx->msg[SERVER].last_ns > x->tx->msg[CLIENT].last_ns
				   ? x->tx->msg[SERVER].last_ns
				   : x->tx->msg[CLIENT].last_ns,
		.first_ns = x->tx->msg[x->tx->msg[CLIENT].seen ? CLIENT : SERVER].first_ns,
		.conn = *x->tx->conn,
		.status = x->tx->status,
		.msg = {msg[0], msg[1]},
	};
	memcpy(capture->client, x->client, sizeof(capture->client));
	capture->path_off = span_off(&x->tx->msg[CLIENT], x->path, msg[CLIENT].head_len,
				     &capture->path_len);
	capture->agent_off =
		span_off(&x->tx->msg[CLIENT], http_header(x->tx, CLIENT, HEADER_USER_AGENT),
			 msg[CLIENT].head_len, &capture->agent_len);
	mask = (struct exchange_mask *)capture->bytes;
	for (uint32_t dir = CLIENT; dir <= SERVER; dir++) {
		for (uint32_t i = 0; i < x->n_masks[dir]; i++) {
			if (x->masks[dir][i].off < msg[dir].body_kept)
				*mask++ = x->masks[dir][i];
		}
	}
	to = message_put((uint8_t *)mask, x, CLIENT, &msg[CLIENT]);
	message_put(to, x, SERVER, &msg[SERVER]);
	slot = set = set_of(c, id);
	for (uint32_t i = 1; i < CAPTURES_SET; i++)
		slot = set[i] < *slot ? &set[i] : slot;
	*slot = c->at + 1;
	c->at += len;
}

void captures_ahead(const struct captures *c, struct capture_id id)
{
	uint64_t from, end;

	if (!c->ring)
		return;
	from = c->at % c->size;
	end = from + CAPTURE_AHEAD < c->size ? from + CAPTURE_AHEAD : c->size;
	__builtin_prefetch(set_of(c, id), 1);
	for (; from < end; from += 64)
		__builtin_prefetch(c->ring + from, 1);
}

const struct capture *captures_find(const struct captures *c, struct capture_id id)
{
	const uint64_t *set;

	if (!c->ring || c->at == 0)
		return NULL;
	set = set_of(c, id);
	for (uint32_t i = 0; i < CAPTURES_SET; i++) {
		const struct capture *capture;

		if (set[i] == 0 || c->at - (set[i] - 1) > c->size)
			continue;
		capture = (const struct capture *)(c->ring + (set[i] - 1) % c->size);
		if (capture->id.order == id.order && capture->id.time_ns == id.time_ns)
			return capture;
	}
	return NULL;
}

uint32_t capture_room(const struct capture *capture)
{
	const struct capture_message *m = capture->msg;

	return m[0].head_len + m[0].body_kept + m[1].head_len + m[1].body_kept +
	       capture->path_len + CAPTURE_AGENT;
}

// The exchange again, as far as evidence_copy() looks at it.
static void exchange_again(const struct capture *capture, struct exchange *x, struct http_tx *tx)
{
	const struct exchange_mask *mask = (const struct exchange_mask *)capture->bytes;
	const uint8_t *bytes = (const uint8_t *)(mask + capture->msg[CLIENT].n_masks +
						 capture->msg[SERVER].n_masks);

	memset(x, 0, offsetof(struct exchange, hits));
	memset(tx, 0, sizeof(*tx));
	x->tx = tx;
	tx->conn = &capture->conn;
	tx->status = capture->status;
	for (uint32_t dir = CLIENT; dir <= SERVER; dir++) {
		const struct capture_message *m = &capture->msg[dir];
		struct http_msg *msg = &tx->msg[dir];

		msg->seen = m->seen;
		msg->first_ns = capture->first_ns;
		msg->complete = m->complete;
		msg->viewed = m->viewed;
		msg->body_len = m->body_len;
		msg->view_len = m->view_len;
		msg->head_truncated = m->head_truncated;
		msg->head_len = m->head_len;
		msg->body_kept = m->body_kept;
		msg->head = (uint8_t *)(uintptr_t)bytes;
		bytes += m->head_len;
		msg->body = (uint8_t *)(uintptr_t)bytes;
		bytes += m->body_kept;
		x->mask_limit[dir] = m->mask_limit;
		x->scanned[dir] = m->scanned;
		x->n_masks[dir] = m->n_masks;
		if (m->n_masks)
			memcpy(x->masks[dir], mask, m->n_masks * sizeof(*mask));
		mask += m->n_masks;
	}
}

void capture_show(const struct capture *capture, const struct evidence *evidence, uint8_t *to,
		  struct finding *f)
{
	struct exchange x;
	struct http_tx tx;
	const uint8_t *head;
	uint32_t used, agent_len = capture->agent_len;

	exchange_again(capture, &x, &tx);
	*f = (struct finding){
		.count = 1,
		.time_ns = capture->id.time_ns,
		.order = capture->id.order,
		.last_ns = capture->last_ns,
		.principal = capture->principal,
		.endpoint = capture->endpoint,
		.status = capture->status,
		.client_port = capture->conn.port[CLIENT],
		.server_port = capture->conn.port[SERVER],
	};
	memcpy(f->client, capture->client, sizeof(f->client));
	memcpy(f->server, capture->conn.addr[SERVER], sizeof(f->server));
	if (memcmp(capture->client, capture->conn.addr[CLIENT], sizeof(f->client)) != 0) {
		memcpy(f->proxy, capture->conn.addr[CLIENT], sizeof(f->proxy));
		f->client_port = 0; // that is the proxy's
	}
	used = evidence_copy(evidence, &x, to, &f->evidence);
	head = tx.msg[CLIENT].head;
	f->path = span_make(to + used,
			    evidence_path(evidence, span_make(head + capture->path_off, capture->path_len),
					  to + used));
	used += f->path.len;
	if (agent_len > CAPTURE_AGENT)
		agent_len = CAPTURE_AGENT;
	f->user_agent = span_make(to + used, agent_len);
	if (agent_len)
		memcpy(to + used, head + capture->agent_off, agent_len);
}

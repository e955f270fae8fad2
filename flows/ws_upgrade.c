// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What a connection keeps of the exchange that made it a WebSocket: the two heads, for they say
// who talks to what, and the extensions that were agreed upon. Its messages borrow the heads, so
// that they have the host, the path, the identity and the evidence of the upgrade.

#include "flows/ws_conn.h"

#include "flows/http_exchange.h"

// The same span in the copy; what did not fit is absent.
static struct span moved(struct span s, const struct http_msg *msg, const struct ws_head *to,
			 uint32_t room)
{
	if (!s.p || s.p < msg->head || (size_t)(s.p - msg->head) > room ||
	    s.len > room - (uint32_t)(s.p - msg->head))
		return (struct span){0};
	return span_make(to->head + (s.p - msg->head), s.len);
}

// Known fields of a head that was cut stand behind what was kept of it.
static uint32_t kept_bytes(const struct http_msg *msg)
{
	uint32_t n = msg->head_len;

	for (uint32_t i = 0; i < HEADER_N; i++) {
		struct span v = msg->header[i];

		if (v.p && v.p >= msg->head && (size_t)(v.p - msg->head) + v.len > n)
			n = (uint32_t)(v.p - msg->head) + v.len;
	}
	return n;
}

static void head_keep(struct ws_head *to, const struct http_msg *msg, uint8_t *room, uint32_t size)
{
	uint32_t n = msg->head ? kept_bytes(msg) : 0;

	*to = (struct ws_head){
		.seen = msg->seen,
		.truncated = msg->head_truncated || n > size,
		.version_major = msg->version_major,
		.version_minor = msg->version_minor,
		.n_headers = msg->n_headers,
		.n_set_cookies = msg->n_set_cookies,
		.head = room,
	};
	n = n < size ? n : size;
	to->head_len = msg->head_len < n ? msg->head_len : n;
	if (n == 0)
		return;
	memcpy(room, msg->head, n);
	for (uint32_t i = 0; i < HEADER_N; i++)
		to->header[i] = moved(msg->header[i], msg, to, n);
	// These are about the messages of the upgrade, not about those that follow.
	to->header[HEADER_CONTENT_TYPE] = (struct span){0};
	to->header[HEADER_CONTENT_LENGTH] = (struct span){0};
	to->header[HEADER_CONTENT_ENCODING] = (struct span){0};
	to->header[HEADER_TRANSFER_ENCODING] = (struct span){0};
}

static void extensions_read(struct ws_extensions *extensions, const struct http_msg *msg)
{
	struct span name, value;
	uint32_t pos = 0;

	extensions->foreign = !msg->head || msg->head_truncated;
	while (msg->head && http_header_next(msg, &pos, &name, &value)) {
		if (span_ieq(name, SPAN_LIT("Sec-WebSocket-Extensions")))
			ws_extensions_add(extensions, value);
	}
}

void ws_upgrade_keep(struct ws *ws, const struct http_tx *tx)
{
	ws->extensions = (struct ws_extensions){.foreign = true};
	ws->known = false;
	ws->index = 0;
	if (!tx)
		return;
	const struct http_msg *request = &tx->msg[CLIENT];

	extensions_read(&ws->extensions, &tx->msg[SERVER]);
	ws->index = tx->index + 1;
	ws->status = tx->status;
	head_keep(&ws->head[CLIENT], request, ws->room, WS_REQUEST_HEAD);
	head_keep(&ws->head[SERVER], &tx->msg[SERVER], ws->room + WS_REQUEST_HEAD,
		  WS_RESPONSE_HEAD);
	ws->method = moved(tx->method, request, &ws->head[CLIENT], ws->head[CLIENT].head_len);
	ws->uri = moved(tx->uri, request, &ws->head[CLIENT], ws->head[CLIENT].head_len);
	ws->known = request->seen && ws->uri.p;
}

struct http_tx *ws_upgrade_message(struct ws_feed *f)
{
	const struct ws *ws = f->ws;
	struct http_tx *tx =
		ws->known ? http_exchange_new(f->env, f->p->conn, f->ws->index++) : NULL;

	if (!tx)
		return NULL;
	tx->proto = PROTO_WS;
	tx->status = ws->status;
	tx->method = ws->method;
	tx->uri = ws->uri;
	for (uint32_t dir = 0; dir < 2; dir++) {
		const struct ws_head *head = &ws->head[dir];
		struct http_msg *msg = &tx->msg[dir];

		msg->seen = true;
		msg->complete = true;
		msg->head_truncated = head->truncated;
		msg->version_major = head->version_major;
		msg->version_minor = head->version_minor;
		msg->n_headers = head->n_headers;
		msg->n_set_cookies = head->n_set_cookies;
		msg->head = head->head;
		msg->head_len = head->head_len;
		memcpy(msg->header, head->header, sizeof(msg->header));
		msg->first_ns = msg->last_ns = f->p->now_ns;
	}
	return tx;
}

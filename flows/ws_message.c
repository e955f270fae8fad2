// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Messages (RFC 6455 section 5.4): their frames' payloads are decompressed, and what comes out is
// looked at like a body, the client's as that of a request, the server's as that of a response.
//
//	payload ─► inflate (permessage-deflate) ─► UTF-8 (text) ─► body
//
// Nothing is gathered: a message without end costs what its beginning cost.

#include "flows/ws_conn.h"

#include "flows/http1_head.h"
#include "flows/http_exchange.h"

static bool takeover(const struct ws_feed *f)
{
	return !f->ws->extensions.no_takeover[f->dir];
}

static void not_decoded(struct ws_feed *f)
{
	struct ws_message *m = &f->side->message;

	m->undecoded = true;
	m->anomalies |= ANOMALY_BIT(WS_UNDECODED);
	f->env->stats.ws_undecoded++;
}

// The message as an exchange, as far as anybody wants it.
static void exchange_begin(struct ws_feed *f, const struct ws_header *header)
{
	static const char any[] = "application/octet-stream"; // the first bytes decide
	struct ws_message *m = &f->side->message;
	struct http_tx *tx = ws_upgrade_message(f);

	m->tx = tx;
	if (!tx)
		return;
	struct http_msg *msg = &tx->msg[f->dir];

	msg->complete = false;
	msg->has_body = true;
	msg->framing = FRAMING_LENGTH;
	if (header->fin && !m->compressed)
		msg->content_length = header->len;
	if (!m->text)
		msg->header[HEADER_CONTENT_TYPE] = span_make(any, sizeof(any) - 1);
	if (f->env->sink.request)
		f->env->sink.request(f->env->sink.ctx, tx);
	m->body = body_begin(f->env, tx, f->dir);
	msg->header[HEADER_CONTENT_TYPE] = (struct span){0};
}

void ws_message_begin(struct ws_feed *f, const struct ws_header *header)
{
	struct ws_message *m = &f->side->message;
	struct ws_inflate inflate = m->inflate;

	*m = (struct ws_message){
		.open = true,
		.text = header->opcode == WS_TEXT,
		.compressed = header->rsv & WS_RSV1,
		.inflate = inflate,
	};
	// Reserved bits of unknown meaning: whatever the payload is, it is not the message.
	if (header->rsv && (!f->ws->extensions.deflate || header->rsv != WS_RSV1))
		not_decoded(f);
	else if (m->compressed && !ws_inflate_begin(f->env, &m->inflate, takeover(f), f->p->now_ns))
		not_decoded(f);
	if (!m->undecoded)
		exchange_begin(f, header);
}

static void message_plain(void *arg, struct span bytes)
{
	struct ws_feed *f = arg;
	struct ws_message *m = &f->side->message;

	if (m->text && !(m->anomalies & ANOMALY_BIT(WS_TEXT)) && !m->gap &&
	    !ws_text_bytes(&m->utf8, bytes))
		m->anomalies |= ANOMALY_BIT(WS_TEXT);
	if (m->body && bytes.len)
		body_data(f->env, m->body, bytes);
}

static void inflated(struct ws_feed *f, enum ws_inflate_result result)
{
	struct ws_message *m = &f->side->message;

	if (result == WS_INFLATE_GOOD)
		return;
	m->undecoded = true;
	if (result == WS_INFLATE_BOMB) {
		m->anomalies |= ANOMALY_BIT(DECOMPRESSION_BOMB);
		f->env->stats.body_bombs++;
	} else if (result == WS_INFLATE_TAKEN) {
		m->anomalies |= ANOMALY_BIT(CODING_UNKNOWN);
	} else {
		m->anomalies |= ANOMALY_BIT(CODING_ERROR);
		f->env->stats.body_coding_errors++;
	}
}

void ws_message_bytes(struct ws_feed *f, struct span bytes)
{
	struct ws_message *m = &f->side->message;

	if (m->tx)
		m->tx->msg[f->dir].last_ns = f->p->now_ns;
	if (m->undecoded)
		return;
	if (!m->compressed) {
		message_plain(f, bytes);
		return;
	}
	enum ws_inflate_result result =
		ws_inflate_bytes(f->env, &m->inflate, bytes, message_plain, f);

	if (result != WS_INFLATE_GOOD)
		ws_inflate_lose(f->env, &m->inflate, takeover(f));
	inflated(f, result);
}

void ws_message_gap(struct ws_feed *f, uint64_t len)
{
	struct ws_message *m = &f->side->message;

	m->gap = true;
	m->anomalies |= ANOMALY_BIT(GAP);
	if (m->compressed && !m->undecoded) {
		ws_inflate_lose(f->env, &m->inflate, takeover(f));
		m->undecoded = true;
	}
	if (m->body)
		body_gap(f->env, m->body, len);
}

uint64_t ws_message_end(struct ws_feed *f, bool complete)
{
	struct ws_message *m = &f->side->message;

	if (m->compressed && !m->undecoded) {
		if (complete)
			inflated(f, ws_inflate_end(f->env, &m->inflate, takeover(f), message_plain,
						   f));
		else
			ws_inflate_lose(f->env, &m->inflate, takeover(f));
	}
	if (m->text && complete && !m->undecoded && !m->gap && !ws_text_whole(&m->utf8))
		m->anomalies |= ANOMALY_BIT(WS_TEXT);
	complete = complete && !m->gap;
	// A coded message of which the end was not decoded has no hash and no length.
	bool whole = complete && !m->undecoded;

	if (m->body)
		body_end(f->env, m->body, whole);
	if (m->tx) {
		struct http_msg *msg = &m->tx->msg[f->dir];

		if (!m->body) // nobody looked at it
			msg->complete = false;
		if (!complete)
			m->anomalies |= ANOMALY_BIT(TRUNCATED);
		m->anomalies |= http_exchange_tcp(f->p->anomalies);
		f->p->anomalies = 0;
		msg->anomalies |= m->anomalies;
		msg->last_ns = f->p->now_ns;
		http_exchange_end(f->env, m->tx);
	}
	m->open = false;
	m->tx = NULL;
	m->body = NULL;
	return m->anomalies;
}

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Handshake messages (RFC 8446 section 4): four bytes of header, a body. A body is read where it
// lies when it is in one piece, else gathered; of one that is too long the beginning is gathered.
// What nobody asks about is stepped over.

#include "flows/tls.h"

static void bad(struct pctx *p, enum http_anomaly anomaly)
{
	tls_of(p)->block->facts.anomalies |= UINT64_C(1) << anomaly;
	p->env->stats.tls_bad_messages++;
}

// Without a hello the rest of this side tells little.
static void bad_hello(struct pctx *p, enum dir dir)
{
	bad(p, ANOMALY_TLS_BAD_MESSAGE);
	tls_of(p)->block->facts.spoiled[dir] = true;
}

static void client_hello(struct pctx *p, struct span body)
{
	struct tls_facts *facts = &tls_of(p)->block->facts;
	struct tls_client_hello hello;

	// The second one, behind a HelloRetryRequest, differs in what the server asked for.
	if (facts->client_hello)
		return;
	if (tls_hello_client(body, &hello))
		tls_fact_client_hello(facts, &hello);
	else
		bad_hello(p, CLIENT);
}

static void server_hello(struct pctx *p, struct span body)
{
	struct tls_facts *facts = &tls_of(p)->block->facts;
	struct tls_server_hello hello;

	if (facts->server_hello && !facts->retry)
		return;
	if (!tls_hello_server(body, &hello)) {
		bad_hello(p, SERVER);
		return;
	}
	tls_fact_server_hello(facts, &hello);
	if (hello.retry)
		return;
	bool decrypts = tls_decrypt_begin(p);

	if (tls_hello_is_13(hello.version) && !decrypts)
		facts->flight_done = true; // all that can be seen of it
}

// TLS 1.3, with keys.
static void encrypted_extensions(struct pctx *p, struct span body)
{
	struct tls_facts *facts = &tls_of(p)->block->facts;
	struct span alpn;

	if (!tls_hello_encrypted(body, &alpn))
		bad(p, ANOMALY_TLS_BAD_MESSAGE);
	else
		tls_fact_alpn(facts, alpn);
}

// Messages that say what they say by being there.
static void message_ends(struct pctx *p, enum dir dir)
{
	struct tls_side *side = &tls_of(p)->side[dir];
	struct tls_facts *facts = &tls_of(p)->block->facts;

	if (side->type == TLS_FINISHED && tls_hello_is_13(facts->version)) {
		facts->flight_done |= dir == SERVER;
		facts->client_finished |= dir == CLIENT;
		if (dir == SERVER && facts->client_cert_request == TLS_UNKNOWN)
			facts->client_cert_request = TLS_NO;
		tls_decrypt_finished(p, dir);
	} else if (side->type == TLS_KEY_UPDATE) {
		tls_decrypt_update(p, dir);
	}
}

// A whole message, or the beginning of one that is too long.
static void message(struct pctx *p, enum dir dir, struct span body, bool cut)
{
	struct tls_side *side = &tls_of(p)->side[dir];
	struct tls_facts *facts = &tls_of(p)->block->facts;

	if (cut && side->type != TLS_CERTIFICATE) {
		bad(p, ANOMALY_TLS_TOO_LONG);
		facts->spoiled[dir] |= side->type == TLS_CLIENT_HELLO ||
				       side->type == TLS_SERVER_HELLO;
		return;
	}
	switch (side->type) {
	case TLS_CLIENT_HELLO:
		if (dir == CLIENT)
			client_hello(p, body);
		break;
	case TLS_SERVER_HELLO:
		if (dir == SERVER)
			server_hello(p, body);
		break;
	case TLS_ENCRYPTED_EXTENSIONS:
		if (dir == SERVER)
			encrypted_extensions(p, body);
		break;
	case TLS_CERTIFICATE:
		tls_fact_certificates(facts, dir, body, cut);
		break;
	}
}

static bool wanted(uint8_t type)
{
	return type == TLS_CLIENT_HELLO || type == TLS_SERVER_HELLO ||
	       type == TLS_ENCRYPTED_EXTENSIONS || type == TLS_CERTIFICATE;
}

static void message_begins(struct pctx *p, enum dir dir)
{
	struct tls_side *side = &tls_of(p)->side[dir];
	struct tls_facts *facts = &tls_of(p)->block->facts;
	const uint8_t *head = side->msg_head;

	side->type = head[0];
	side->msg_len = (uint32_t)head[1] << 16 | (uint32_t)head[2] << 8 | head[3];
	side->msg_have = 0;
	side->damaged = false;
	if (dir == SERVER && side->type == TLS_CERTIFICATE_REQUEST)
		facts->client_cert_request = TLS_YES;
	if (dir == SERVER && side->type == TLS_SERVER_HELLO_DONE) {
		if (facts->client_cert_request == TLS_UNKNOWN)
			facts->client_cert_request = TLS_NO;
		facts->flight_done = true;
	}
}

// Takes what belongs to the message off the bytes. Returns how much that was.
static uint32_t message_bytes(struct pctx *p, enum dir dir, struct span bytes)
{
	struct tls_side *side = &tls_of(p)->side[dir];
	uint8_t *gathered = tls_of(p)->block->message[dir];
	uint32_t n = span_least(side->msg_len - side->msg_have, bytes.len);
	bool all = side->msg_have + n == side->msg_len;

	if (!wanted(side->type) || side->damaged) {
		side->msg_have += n;
	} else if (side->msg_have == 0 && all && n <= TLS_MESSAGE) {
		side->msg_have = n;
		message(p, dir, span_make(bytes.p, n), false);
	} else {
		uint32_t had = span_least(side->msg_have, TLS_MESSAGE);

		memcpy(gathered + had, bytes.p, span_least(n, TLS_MESSAGE - had));
		side->msg_have += n;
		if (all)
			message(p, dir, span_make(gathered, span_least(side->msg_len, TLS_MESSAGE)),
				side->msg_len > TLS_MESSAGE);
	}
	if (all) {
		side->msg_head_len = 0;
		message_ends(p, dir);
	}
	return n;
}

bool tls_messages_gap(struct pctx *p, enum dir dir, uint64_t len)
{
	struct tls_side *side = &tls_of(p)->side[dir];

	if (side->v2 || side->msg_head_len < sizeof(side->msg_head) ||
	    len > side->msg_len - side->msg_have)
		return false;
	side->damaged = true;
	if (side->type == TLS_CLIENT_HELLO || side->type == TLS_SERVER_HELLO)
		tls_of(p)->block->facts.spoiled[dir] = true;
	side->msg_have += (uint32_t)len;
	if (side->msg_have == side->msg_len)
		side->msg_head_len = 0;
	return true;
}

uint32_t tls_messages(struct pctx *p, enum dir dir, struct span bytes)
{
	struct tls_side *side = &tls_of(p)->side[dir];
	uint32_t n = 0;

	while (n < bytes.len && side->msg_head_len < sizeof(side->msg_head)) {
		side->msg_head[side->msg_head_len++] = bytes.p[n++];
		if (side->msg_head_len == sizeof(side->msg_head))
			message_begins(p, dir);
	}
	if (side->msg_head_len == sizeof(side->msg_head) && (n < bytes.len || side->msg_len == 0))
		n += message_bytes(p, dir, span_make(bytes.p + n, bytes.len - n));
	return n;
}

void tls_message_v2(struct pctx *p, struct span bytes)
{
	struct tls_side *side = &tls_of(p)->side[CLIENT];
	struct tls_facts *facts = &tls_of(p)->block->facts;
	uint8_t *gathered = tls_of(p)->block->message[CLIENT];
	struct tls_client_hello hello;

	memcpy(gathered + side->msg_have, bytes.p, bytes.len);
	side->msg_have += bytes.len;
	if (side->msg_have < side->msg_len)
		return;
	if (tls_hello_client_v2(span_make(gathered, side->msg_len), &hello))
		tls_fact_client_hello(facts, &hello);
	else
		bad_hello(p, CLIENT);
	side->v2 = false;
	side->msg_have = side->msg_len = 0;
}

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// TLS: the records of both directions until the handshake is known or turns to encrypted data. Then,
// without keys, the parser refuses the rest, so that the connection costs nothing more.
//
//	stream ─► record: head, bytes ─► handshake messages ─► facts ─► one report
//	                        └─ encrypted ─► with keys: tls_decrypt.c
//
// A hole, or bytes that are no records, end what is known of a direction; the other one goes on.

#include "flows/tls.h"

enum {
	ANSWER = 16,         // bytes before the first record
	ONE_SIDE = 16 << 10, // encrypted bytes of one side for which the other is waited for
};

// What is looked at first: 22, 3, minor version, length, type of the message.
static enum probe probe_record(struct span first, enum dir dir)
{
	const uint8_t *p = first.p;
	uint8_t type = dir == CLIENT ? TLS_CLIENT_HELLO : TLS_SERVER_HELLO;

	if (p[0] != TLS_HANDSHAKE || (first.len > 1 && p[1] != 3) || (first.len > 2 && p[2] > 4))
		return PROBE_NO;
	if (first.len <= TLS_HEAD)
		return PROBE_UNSURE;
	uint32_t len = (uint32_t)p[3] << 8 | p[4];

	if (len == 0 || len > TLS_RECORD_MOST || p[5] != type)
		return PROBE_NO;
	return PROBE_CERTAIN;
}

static enum probe tls_probe(struct span first, enum dir dir)
{
	bool sure;

	if (first.len == 0)
		return PROBE_UNSURE;
	if (dir == CLIENT && tls_hello_v2_begins(first, &sure))
		return sure ? PROBE_CERTAIN : PROBE_UNSURE;
	return probe_record(first, dir);
}

static void side_lost(struct pctx *p, struct tls_side *side)
{
	if (side->mode != TLS_LOST)
		p->env->stats.tls_not++;
	side->mode = TLS_LOST;
}

// The first five bytes, of which the last three are the beginning of the message.
static void begin_v2(struct pctx *p, struct tls_side *side)
{
	side->msg_len = (uint32_t)(side->head[0] & 0x7f) << 8 | side->head[1];
	side->msg_have = 0;
	if (side->msg_len <= 3 || side->msg_len > TLS_MESSAGE) {
		side_lost(p, side);
		return;
	}
	side->v2 = true;
	side->record = TLS_HANDSHAKE;
	side->left = side->msg_len - 3;
	tls_message_v2(p, span_make(side->head + 2, 3));
}

// The first record may stand behind an answer to a request for TLS, such as PostgreSQL's "S".
static bool answered(struct tls_side *side)
{
	if (side->any || side->skipped == ANSWER || side->head[0] == TLS_HANDSHAKE ||
	    (side->head[0] & 0x80))
		return false;
	memmove(side->head, side->head + 1, TLS_HEAD - 1);
	side->head_len = TLS_HEAD - 1;
	side->skipped++;
	return true;
}

static bool decrypts(const struct tls *tls, const struct tls_side *side)
{
	const struct tls_decrypt *d = &tls->block->decrypt;

	return side->mode == TLS_SECRET && d->on && !d->dead;
}

static void record_begins(struct pctx *p, enum dir dir)
{
	struct tls_side *side = &tls_of(p)->side[dir];
	const uint8_t *head = side->head;
	bool first = !side->any;

	if (answered(side))
		return;
	if (decrypts(tls_of(p), side) && !tls_decrypt_border(p, dir))
		return;
	side->any = true;
	if (first && dir == CLIENT && (head[0] & 0x80)) {
		begin_v2(p, side);
		return;
	}
	side->record = head[0];
	side->left = (uint32_t)head[3] << 8 | head[4];
	if (head[0] < TLS_CHANGE_CIPHER || head[0] > TLS_HEARTBEAT || head[1] != 3 ||
	    side->left > TLS_RECORD_MOST)
		side_lost(p, side);
	else if (head[0] == TLS_DATA && side->mode == TLS_PLAIN)
		side->mode = TLS_SECRET;
}

// Returns how many of the bytes were taken.
static uint32_t record_bytes(struct pctx *p, enum dir dir, struct span bytes)
{
	struct tls *tls = tls_of(p);
	struct tls_side *side = &tls->side[dir];

	if (side->mode == TLS_SECRET) {
		side->secret_bytes += bytes.len;
		if (decrypts(tls, side))
			tls_decrypt_bytes(p, dir, bytes);
		return bytes.len;
	}
	// What follows ChangeCipherSpec is encrypted in all versions but TLS 1.3, which is known by
	// the server's hello.
	if (side->record != TLS_HANDSHAKE || (side->changed && !tls->block->facts.server_hello))
		return bytes.len;
	if (!side->v2)
		return tls_messages(p, dir, bytes);
	tls_message_v2(p, bytes);
	return bytes.len;
}

static void record_ends(struct pctx *p, enum dir dir)
{
	struct tls *tls = tls_of(p);
	struct tls_side *side = &tls->side[dir];
	const struct tls_facts *facts = &tls->block->facts;

	if (decrypts(tls, side)) {
		tls_decrypt_record(p, dir);
	} else if (side->record == TLS_CHANGE_CIPHER && !facts->server_hello) {
		side->changed = true;
	} else if (side->record == TLS_CHANGE_CIPHER && !tls_hello_is_13(facts->version)) {
		side->mode = TLS_SECRET;
	}
	side->head_len = 0;
}

static uint32_t step(struct pctx *p, enum dir dir, struct span in)
{
	struct tls_side *side = &tls_of(p)->side[dir];
	uint32_t n = 1;

	if (side->head_len < TLS_HEAD) {
		side->head[side->head_len++] = in.p[0];
		p->off[dir]++;
		if (side->head_len == TLS_HEAD)
			record_begins(p, dir);
	} else {
		n = side->left < in.len ? side->left : in.len;
		n = record_bytes(p, dir, span_make(in.p, n));
		p->off[dir] += n;
		side->left -= n;
	}
	if (side->head_len == TLS_HEAD && side->left == 0 && side->mode != TLS_LOST)
		record_ends(p, dir);
	return n;
}

// Is all known that will be?
static bool known(const struct tls *tls)
{
	const struct tls_facts *facts = &tls->block->facts;
	const struct tls_side *client = &tls->side[CLIENT], *server = &tls->side[SERVER];
	bool keys = tls->block->decrypt.on && facts->version == TLS_13;
	bool client_done = client->mode != TLS_PLAIN || facts->client_hello ||
			   facts->spoiled[CLIENT];
	bool server_done = facts->flight_done || facts->spoiled[SERVER] || server->mode == TLS_LOST ||
			   (server->mode == TLS_SECRET && !keys);

	if (facts->client_cert_request == TLS_YES && facts->client_cert == TLS_UNKNOWN)
		client_done = facts->client_finished || client->mode == TLS_LOST ||
			      (client->mode == TLS_SECRET && !keys);
	if (client_done && server_done)
		return true;
	return !keys && (client->secret_bytes > ONE_SIDE || server->secret_bytes > ONE_SIDE);
}

static void settle(struct pctx *p)
{
	struct tls *tls = tls_of(p);

	if (!tls->block || tls->over)
		return;
	const struct tls_decrypt *d = &tls->block->decrypt;

	if (!tls->reported && known(tls))
		tls_report(p);
	// A side that is lost in the middle of the handshake leaves nothing to be decrypted.
	bool goes_on = d->on && !d->dead && tls->side[CLIENT].mode != TLS_LOST &&
		       tls->side[SERVER].mode != TLS_LOST;
	tls->over = tls->reported && !goes_on;
}

static void tls_open(struct pctx *p)
{
	struct tls *tls = tls_of(p);

	tls->block = parser_block_get(p->env, &tls_parser);
	tls->over = !tls->block;
	if (!tls->block)
		return;
	memset(&tls->block->facts, 0, offsetof(struct tls_facts, certs));
	tls->block->decrypt.on = tls->block->decrypt.dead = false;
}

// A server that speaks HTTP answers a ClientHello in HTTP. No record begins with this letter.
static bool hands_over(struct pctx *p, enum dir dir, struct span bytes)
{
	const struct tls *tls = tls_of(p);
	const struct tls_side *side = &tls->side[SERVER];

	if (dir != SERVER || side->any || side->head_len || side->mode != TLS_PLAIN ||
	    side->skipped || bytes.p[0] != 'H' || tls->over)
		return false;
	p->env->hand = (struct handover){.set = true, .rest = bytes};
	return true;
}

static bool tls_data(struct pctx *p, enum dir dir, struct span bytes)
{
	struct tls *tls = tls_of(p);
	uint64_t off = p->off[dir];

	if (hands_over(p, dir, bytes))
		return true;
	while (bytes.len && !tls->over && tls->side[dir].mode != TLS_LOST) {
		uint32_t n = step(p, dir, bytes);

		bytes.p += n;
		bytes.len -= n;
		settle(p);
	}
	p->off[dir] = off;
	return !tls->over;
}

// Inside one message of a record; or inside a record that nobody reads.
static bool gap_inside(struct pctx *p, enum dir dir, uint64_t len)
{
	struct tls_side *side = &tls_of(p)->side[dir];

	if (side->head_len < TLS_HEAD || len > side->left)
		return false;
	if (side->mode == TLS_PLAIN && side->record == TLS_HANDSHAKE &&
	    !tls_messages_gap(p, dir, len))
		return false;
	side->left -= (uint32_t)len;
	return true;
}

static bool tls_gap(struct pctx *p, enum dir dir, uint64_t len)
{
	struct tls *tls = tls_of(p);

	if (tls->over)
		return false;
	struct tls_side *side = &tls->side[dir];

	if (decrypts(tls, side))
		tls_decrypt_gap(p, dir, len);
	else if (!gap_inside(p, dir, len))
		side_lost(p, side);
	if (side->head_len == TLS_HEAD && side->left == 0 && side->mode != TLS_LOST)
		record_ends(p, dir);
	settle(p);
	return !tls->over;
}

static void tls_fin(struct pctx *, enum dir)
{
}

static void tls_close(struct pctx *p, enum close_reason why)
{
	struct tls *tls = tls_of(p);

	tls_report(p);
	if (tls->block) {
		tls_decrypt_close(p, why);
		parser_block_put(p->env, &tls_parser, tls->block);
	}
	tls->block = NULL;
	tls->over = true;
}

static uint32_t tls_holds(const void *state)
{
	const struct tls_block *block = ((const struct tls *)state)->block;
	const struct tls_inner *inner = block ? &block->decrypt.inner : NULL;

	if (!block)
		return 0;
	return HOLDS_BLOCK | (inner->parser && !inner->dead && inner->parser->holds
				      ? inner->parser->holds(inner->state)
				      : 0);
}

const struct parser tls_parser = {
	.name = "tls",
	.rank = 30,
	.size = sizeof(struct tls),
	.block_bytes = sizeof(struct tls_block),
	.flows_per_block = 64,
	.probe = tls_probe,
	.open = tls_open,
	.data = tls_data,
	.gap = tls_gap,
	.fin = tls_fin,
	.close = tls_close,
	.holds = tls_holds,
};
PARSER_REGISTER(tls_parser);

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// From encrypted records to the inner connection. A record is gathered whole, opened, and what is
// inside goes to the handshake messages, to the inner parser, or ends it. Every byte that the inner
// parser gets has passed its tag: what is lost, damaged or under another key is never guessed.
//
// A hole inside a record costs that record. Behind a larger one the border of a record is looked
// for, byte by byte, and its number tried within what the hole can have held.

#include "flows/tls.h"

enum {
	RECORD_LEAST = TLS_HEAD + 17, // on the wire, with something in it
	SLACK_MOST = 64,              // records in a hole
	TRIES_MOST = 1024,            // numbers tried on one connection
	FAILED_MOST = 16,             // records in a row
	ALERT_CLOSE_NOTIFY = 0,
};

static struct tls_decrypt *decrypt_of(struct pctx *p)
{
	return &tls_of(p)->block->decrypt;
}

static bool traffic_secrets(struct pctx *p, struct tls_decrypt *d, const uint8_t *random)
{
	static const uint8_t handshake[2] = {TLS_LABEL_CLIENT_HANDSHAKE,
					     TLS_LABEL_SERVER_HANDSHAKE};
	static const uint8_t traffic[2] = {TLS_LABEL_CLIENT_TRAFFIC, TLS_LABEL_SERVER_TRAFFIC};
	uint32_t n = tls_hash_len(d->suite->hash);

	for (uint32_t dir = 0; dir < 2; dir++) {
		struct tls_way *way = &d->way[dir];
		const struct tls_secret *first =
			tls_keys_find(p->env->keys, random, handshake[dir]);
		const struct tls_secret *second = tls_keys_find(p->env->keys, random, traffic[dir]);

		if (!first || !second || first->len != n || second->len != n)
			return false;
		memcpy(way->secret, second->bytes, n);
		tls_cipher_keys_13(&way->cipher, d->suite, first->bytes);
		tls_cipher_keys_13(&way->traffic, d->suite, second->bytes);
		way->stage = TLS_STAGE_HANDSHAKE;
	}
	return true;
}

static bool master_secret(struct pctx *p, struct tls_decrypt *d, const struct tls_facts *facts)
{
	const struct tls_secret *master =
		tls_keys_find(p->env->keys, facts->client_random, TLS_LABEL_MASTER);

	if (!master)
		return false;
	tls_cipher_keys_12((struct tls_cipher *const[2]){&d->way[0].cipher, &d->way[1].cipher},
			   d->suite, master, facts->client_random, facts->server_random,
			   facts->encrypt_then_mac);
	d->way[0].stage = d->way[1].stage = TLS_STAGE_TRAFFIC;
	return true;
}

// Counted once for each connection.
static void early_unread(struct pctx *p)
{
	struct tls_decrypt *d = decrypt_of(p);

	p->env->stats.tls_early_unread += !d->early;
	d->early = true;
}

bool tls_decrypt_begin(struct pctx *p)
{
	struct tls *tls = tls_of(p);
	const struct tls_facts *facts = &tls->block->facts;
	struct tls_decrypt *d = decrypt_of(p);
	bool is_13 = facts->version == TLS_13;

	if (!p->env->keys || !facts->client_hello || (!is_13 && facts->version != TLS_12))
		return false;
	memset(d, 0, sizeof(*d));
	d->suite = tls_suite_find(facts->cipher, is_13);
	if (!d->suite)
		return false;
	d->on = is_13 ? traffic_secrets(p, d, facts->client_random) : master_secret(p, d, facts);
	if (!d->on) {
		explicit_bzero(d, sizeof(*d));
		return false;
	}
	p->env->stats.tls_decrypted++;
	// Early data were sent before it was known how to read them.
	if (tls->side[CLIENT].secret_bytes) {
		early_unread(p);
		tls_inner_lost(&d->inner, p);
	}
	return true;
}

static void give_up(struct pctx *p)
{
	struct tls_decrypt *d = decrypt_of(p);

	d->dead = true;
	tls_inner_close(&d->inner, p, CLOSE_END);
}

// The handshake is over, or what is left of it cannot be read.
static void flight_known(struct pctx *p, enum dir dir)
{
	struct tls_facts *facts = &tls_of(p)->block->facts;

	facts->flight_done |= dir == SERVER;
	facts->client_finished |= dir == CLIENT;
}

static void stage_traffic(struct tls_way *way)
{
	way->cipher = way->traffic;
	way->stage = TLS_STAGE_TRAFFIC;
}

static void record_lost(struct pctx *p, enum dir dir)
{
	struct tls_decrypt *d = decrypt_of(p);
	struct tls_way *way = &d->way[dir];

	p->env->stats.tls_records_lost++;
	tls_of(p)->side[dir].msg_head_len = 0;
	if (way->stage == TLS_STAGE_HANDSHAKE && tls_of(p)->block->facts.version == TLS_13) {
		way->unread = true;
		flight_known(p, dir);
	}
	tls_inner_lost(&d->inner, p);
}

static bool open_at(struct tls_cipher *cipher, uint32_t ahead, const struct tls_side *side,
		    struct span body, uint8_t *plain, uint32_t *len, uint8_t *type)
{
	if (!tls_cipher_open(cipher, cipher->seq + ahead, side->head, body, plain, len, type))
		return false;
	cipher->seq += ahead + 1;
	return true;
}

// Tries the numbers that the record may have, under the key of the stage and the one behind it.
static bool record_open(struct pctx *p, enum dir dir, uint32_t *len, uint8_t *type)
{
	struct tls_decrypt *d = decrypt_of(p);
	struct tls_way *way = &d->way[dir];
	const struct tls_side *side = &tls_of(p)->side[dir];
	struct span body = span_make(tls_of(p)->block->record[dir], way->have);
	uint8_t *plain = tls_of(p)->block->plain;

	for (uint32_t i = 0; i <= way->slack && d->tries < TRIES_MOST; i++) {
		d->tries += i > 0;
		if (open_at(&way->cipher, i, side, body, plain, len, type))
			return true;
		if (way->stage == TLS_STAGE_HANDSHAKE &&
		    open_at(&way->traffic, i, side, body, plain, len, type)) {
			stage_traffic(way);
			flight_known(p, dir);
			return true;
		}
	}
	return false;
}

// The client's early data are under a key that is not used here (RFC 8446 section 4.2.10).
static bool maybe_early(struct pctx *p, enum dir dir)
{
	const struct tls_way *way = &decrypt_of(p)->way[dir];

	return dir == CLIENT && tls_of(p)->block->facts.early_data && !way->opened &&
	       way->stage == TLS_STAGE_HANDSHAKE;
}

static void record_failed(struct pctx *p, enum dir dir)
{
	struct tls_decrypt *d = decrypt_of(p);
	struct tls_way *way = &d->way[dir];

	if (maybe_early(p, dir)) {
		early_unread(p);
		p->env->stats.tls_records_lost++;
		tls_inner_lost(&d->inner, p);
		return;
	}
	record_lost(p, dir);
	if (++way->failed == FAILED_MOST || d->tries >= TRIES_MOST) {
		give_up(p);
	} else if (way->slack) { // this may have been no border
		way->resync = true;
		way->slack += way->have / RECORD_LEAST + 1;
		if (way->slack > SLACK_MOST)
			way->slack = SLACK_MOST;
	} else {
		way->cipher.seq++;
	}
}

static void record_plain(struct pctx *p, enum dir dir, uint8_t type, struct span plain)
{
	struct tls *tls = tls_of(p);
	struct tls_facts *facts = &tls->block->facts;
	struct tls_decrypt *d = decrypt_of(p);
	struct span alpn = {0};

	switch (type) {
	case TLS_HANDSHAKE:
		while (plain.len && facts->version == TLS_13 && !d->way[dir].unread) {
			uint32_t n = tls_messages(p, dir, plain);

			plain.p += n;
			plain.len -= n;
		}
		break;
	case TLS_ALERT:
		if (plain.len == 2 && plain.p[1] == ALERT_CLOSE_NOTIFY)
			tls_inner_fin(&d->inner, p, dir);
		break;
	case TLS_DATA:
		p->env->stats.tls_plain_bytes += plain.len;
		if (facts->has_alpn)
			alpn = span_make(facts->alpn, facts->alpn_len);
		tls_inner_data(&d->inner, p, dir, plain, p->off[dir], alpn);
		if (d->inner.dead)
			d->dead = true;
		break;
	case TLS_CHANGE_CIPHER: // another handshake: its keys are not looked for
		p->env->stats.tls_rekeyed++;
		give_up(p);
		break;
	}
}

// Of TLS 1.3 only these are encrypted; of TLS 1.2 all are, once this begins.
static bool encrypted(const struct pctx *p, const struct tls_side *side)
{
	return tls_of(p)->block->facts.version != TLS_13 || side->record == TLS_DATA;
}

void tls_decrypt_bytes(struct pctx *p, enum dir dir, struct span bytes)
{
	struct tls_way *way = &decrypt_of(p)->way[dir];

	memcpy(tls_of(p)->block->record[dir] + way->have, bytes.p, bytes.len);
	way->have += bytes.len;
}

// The record was there, but not all of its bytes.
static void record_missing(struct pctx *p, enum dir dir)
{
	struct tls_decrypt *d = decrypt_of(p);
	struct tls_way *way = &d->way[dir];
	const struct tls_side *side = &tls_of(p)->side[dir];
	uint32_t len = tls_cipher_plain_len(&way->cipher, way->have);

	way->cipher.seq++;
	if (side->record == TLS_DATA && len != UINT32_MAX && len) {
		p->env->stats.tls_records_lost++;
		tls_inner_gap(&d->inner, p, dir, len);
	} else {
		record_lost(p, dir);
	}
}

void tls_decrypt_record(struct pctx *p, enum dir dir)
{
	struct tls_decrypt *d = decrypt_of(p);
	struct tls_way *way = &d->way[dir];
	uint32_t len;
	uint8_t type;

	if (!encrypted(p, &tls_of(p)->side[dir])) {
		way->have = 0;
		way->missing = false;
		return;
	}
	if (way->missing) {
		record_missing(p, dir);
	} else if (record_open(p, dir, &len, &type)) {
		p->env->stats.tls_records_opened++;
		tls_of(p)->block->facts.decrypted = true;
		way->opened = true;
		way->slack = way->failed = 0;
		record_plain(p, dir, type, span_make(tls_of(p)->block->plain, len));
	} else {
		record_failed(p, dir);
	}
	way->have = 0;
	way->missing = false;
}

void tls_decrypt_gap(struct pctx *p, enum dir dir, uint64_t len)
{
	struct tls_side *side = &tls_of(p)->side[dir];
	struct tls_way *way = &decrypt_of(p)->way[dir];
	bool inside = side->head_len == TLS_HEAD;

	if (!way->resync && inside && len <= side->left) {
		way->missing = true;
		way->have += (uint32_t)len; // for its length alone
		side->left -= (uint32_t)len;
		return;
	}
	uint64_t behind = inside ? len - side->left : len;
	uint64_t slack = way->slack + inside + behind / RECORD_LEAST + 1;

	way->slack = slack < SLACK_MOST ? (uint32_t)slack : SLACK_MOST;
	way->resync = true;
	way->have = 0;
	way->missing = false;
	side->head_len = 0;
	side->left = 0;
	record_lost(p, dir);
}

bool tls_decrypt_border(struct pctx *p, enum dir dir)
{
	struct tls_side *side = &tls_of(p)->side[dir];
	struct tls_way *way = &decrypt_of(p)->way[dir];
	const uint8_t *head = side->head;
	uint32_t len = (uint32_t)head[3] << 8 | head[4];
	bool is_13 = tls_of(p)->block->facts.version == TLS_13;
	bool type = head[0] == TLS_DATA ||
		    (!is_13 && (head[0] == TLS_ALERT || head[0] == TLS_HANDSHAKE));

	if (!way->resync)
		return true;
	if (type && head[1] == 3 && head[2] == 3 && len > decrypt_of(p)->suite->tag &&
	    len <= TLS_RECORD_MOST) {
		way->resync = false;
		return true;
	}
	memmove(side->head, side->head + 1, TLS_HEAD - 1);
	side->head_len = TLS_HEAD - 1;
	return false;
}

void tls_decrypt_finished(struct pctx *p, enum dir dir)
{
	struct tls_decrypt *d = decrypt_of(p);

	if (d->on && d->way[dir].stage == TLS_STAGE_HANDSHAKE)
		stage_traffic(&d->way[dir]);
}

void tls_decrypt_update(struct pctx *p, enum dir dir)
{
	struct tls_decrypt *d = decrypt_of(p);
	struct tls_way *way = &d->way[dir];

	if (!d->on || way->stage != TLS_STAGE_TRAFFIC || tls_of(p)->block->facts.version != TLS_13)
		return;
	tls_secret_update(d->suite, way->secret);
	tls_cipher_keys_13(&way->cipher, d->suite, way->secret);
}

void tls_decrypt_close(struct pctx *p, enum close_reason why)
{
	struct tls_decrypt *d = decrypt_of(p);

	if (!d->on)
		return;
	if (!d->dead || !d->inner.dead)
		tls_inner_close(&d->inner, p, why);
	explicit_bzero(d, sizeof(*d)); // keys
}

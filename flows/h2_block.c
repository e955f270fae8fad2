// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// One header block (RFC 9113 section 4.3) from its first frame to END_HEADERS: its bytes go through
// the decoder as they come, its fields into the text of a head, and the head to the stream. A block
// that never ends is reported with what there was when it became too long; the rest is decoded for
// the sake of the table and kept nowhere. Worker code.

#include "flows/h2_conn.h"

enum {
	BOMB_FACTOR = 8, // decoded to received bytes, beyond the limit of a head
};

static struct hpack *hpack_of(const struct h2_feed *f)
{
	return &f->conn->block->hpack[f->dir];
}

static struct h2_head *head_of(const struct h2_feed *f)
{
	return &f->conn->block->head[f->dir];
}

struct field_arg {
	struct h2_head *head;
	struct flow_env *env;
};

static void on_field(void *arg, struct span name, struct span value, bool unknown)
{
	struct field_arg *to = arg;

	h2_head_field(to->head, to->env, name, value, unknown);
}

void h2_block_begin(struct h2_feed *f, uint32_t stream, uint32_t promised)
{
	struct h2_side *side = f->side;

	side->block_stream = stream;
	side->promised = promised;
	side->block_flags = side->frame.flags;
	side->block_bytes = 0;
	side->block_frames = 0;
	side->block_ns = f->p->now_ns;
	side->block_lost = false;
	side->block_told = false;
	h2_head_begin(head_of(f), promised ? CLIENT : f->dir);
	// Of a connection that was joined late all targets may be unknown for long.
	head_of(f)->partial = f->p->conn->midstream;
}

static bool any_pseudo(const struct h2_head *head)
{
	for (uint32_t i = 0; i < PSEUDO_N; i++) {
		if (h2_head_has(head, i))
			return true;
	}
	return false;
}

// What there is of the block, for its stream. cut: more of it goes by.
static void block_tell(struct h2_feed *f, bool cut)
{
	struct h2_side *side = f->side;
	struct h2_head *head = head_of(f);
	struct http1_head facts;
	struct span raw;

	side->block_told = true;
	if (head->over && head->decoded > BOMB_FACTOR * (uint64_t)side->block_bytes)
		head->anomalies |= ANOMALY_BIT(HPACK_BOMB);
	if (h2_head_finish(head, f->env, &facts, &raw)) {
		if (head->dir == CLIENT)
			h2_stream_request(f, side->promised ? side->promised : side->block_stream,
					  &facts, raw, cut);
		else if (facts.status / 100 != 1)
			h2_stream_response(f, side->block_stream, &facts, raw, cut);
	} else if (any_pseudo(head) || head->unknown) {
		f->env->stats.h2_blocks_lost++;
		h2_stream_head_lost(f, side->block_stream,
				    head->unknown ? ANOMALY_BIT(HPACK_UNKNOWN_INDEX) : 0);
	}
	if (!side->promised)
		h2_stream_trailers(f, side->block_stream, head);
	h2_head_free(head, f->env);
}

static void decode(struct h2_feed *f, struct span bytes, bool last)
{
	struct h2_side *side = f->side;
	struct field_arg arg = {head_of(f), f->env};
	enum hpack_result result =
		hpack_decode(hpack_of(f), bytes, last, side->block_told ? NULL : on_field, &arg);

	if (result == HPACK_GOOD || side->block_lost)
		return;
	side->block_lost = true;
	f->env->stats.h2_hpack_errors += result == HPACK_BAD;
	f->conn->anomalies |= result == HPACK_BAD ? ANOMALY_BIT(HPACK_ERROR) : 0;
}

void h2_block_bytes(struct h2_feed *f, struct span bytes)
{
	struct h2_side *side = f->side;

	side->block_bytes = bytes.len < UINT32_MAX - side->block_bytes
				    ? side->block_bytes + bytes.len
				    : UINT32_MAX;
	decode(f, bytes, false);
	if (side->block_told ||
	    (side->block_bytes <= H2_BLOCK_ENCODED && side->block_frames <= H2_BLOCK_FRAMES))
		return;
	head_of(f)->anomalies |= ANOMALY_BIT(H2_CONTINUATION_FLOOD) | ANOMALY_BIT(HEAD_TOO_LONG);
	if (side->block_lost) {
		f->conn->anomalies |= ANOMALY_BIT(H2_CONTINUATION_FLOOD);
		side->block_told = true;
		h2_head_free(head_of(f), f->env);
	} else {
		block_tell(f, true);
	}
}

// The block ends, here or where nobody sees it.
static void block_close(struct h2_feed *f)
{
	struct h2_side *side = f->side;
	uint32_t id = side->block_stream;
	bool end = (side->block_flags & H2_END_STREAM) && !side->promised;

	h2_head_free(head_of(f), f->env);
	side->block_stream = 0;
	if (end)
		h2_stream_end(f, id);
}

void h2_block_end(struct h2_feed *f)
{
	struct h2_side *side = f->side;

	decode(f, (struct span){0}, true);
	if (side->block_lost && !side->block_told) {
		f->env->stats.h2_blocks_lost++;
		h2_stream_head_lost(
			f, side->block_stream,
			hpack_of(f)->missed && side->whole ? 0 : ANOMALY_BIT(HPACK_UNKNOWN_INDEX));
	} else if (!side->block_told) {
		block_tell(f, false);
	}
	block_close(f);
}

void h2_block_hole(struct h2_feed *f)
{
	hpack_missed(hpack_of(f));
	hpack_of(f)->broken = true;
	f->side->block_lost = true;
	f->side->whole = false;
}

void h2_block_lose(struct h2_feed *f)
{
	struct h2_side *side = f->side;

	hpack_missed(hpack_of(f));
	if (!side->block_stream)
		return;
	if (!side->block_told) {
		f->env->stats.h2_blocks_lost++;
		h2_stream_head_lost(f, side->block_stream, ANOMALY_BIT(GAP));
	}
	block_close(f);
}

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The HTTP/2 parser (RFC 9113): walks the frames of both directions of a connection. Header blocks
// are read in h2_block.c, streams are followed in h2_stream.c.
//
// One machine per direction:
//
//	PREFACE ─► HEADER ─► FIXED ─► PAYLOAD ─► PAD ─► HEADER
//	anything ─► SEARCH (frames are missing) ─► CHAIN ─► HEADER
//
// Only what must be seen together is gathered, at most H2_FIXED bytes; payloads go on as they come.
// A frame is stepped over by its length, whatever is in it and however long it is; so is a hole that
// ends inside the frame in which it began. Any other hole ends all that was certain of the direction:
// bodies have a hole, the header table is unknown, and frames are searched (h2_frame_find).
//
// Work is linear in the bytes delivered, however they are cut. Runs on the worker that owns the
// connection.

#include "flows/h2_conn.h"

#include "flows/stage.h"

enum {
	SETTING_BYTES = 6,
	SETTING_MAX_FRAME_SIZE = 5,
	CHAIN_FRAMES = 3, // headers in a row over several pieces
};

struct h2_feed h2_feed(struct pctx *p, enum dir dir)
{
	struct h2 *conn = p->state;

	return (struct h2_feed){
		.p = p, .env = p->env, .conn = conn, .side = &conn->side[dir], .dir = dir};
}

static void bad_frame(struct h2_feed *f)
{
	f->env->stats.h2_bad_frames++;
	f->conn->anomalies |= ANOMALY_BIT(H2_BAD_FRAME);
}

// ---- frames

static void side_lost(struct h2_feed *f)
{
	struct h2_side *side = f->side;

	f->env->stats.h2_lost++;
	side->whole = false;
	h2_block_lose(f);
	h2_stream_lost(f);
	side->state = H2_STATE_SEARCH;
	side->got = 0;
	side->chained = 0;
}

static void setting(struct h2_feed *f, const uint8_t *p)
{
	uint32_t id = (uint32_t)p[0] << 8 | p[1];
	uint32_t value = (uint32_t)p[2] << 24 | (uint32_t)p[3] << 16 | (uint32_t)p[4] << 8 | p[5];

	if (id == SETTING_MAX_FRAME_SIZE && value >= H2_FRAME_MAX && value < 1 << 24 &&
	    value > f->conn->side[!f->dir].max_frame)
		f->conn->side[!f->dir].max_frame = value;
}

// Frames that carry nothing of a message. WINDOW_UPDATE is normal where data flow.
static void control(struct h2_feed *f)
{
	struct h2_side *other = &f->conn->side[!f->dir];

	if (f->side->frame.type == H2_WINDOW_UPDATE && other->data) {
		other->data = false;
		return;
	}
	h2_flood(f, &f->conn->control, H2_FLOOD_CONTROL, ANOMALY_BIT(H2_CONTROL_FLOOD));
}

// Bytes at the beginning of a payload that must be seen together.
static uint32_t fixed_bytes(const struct h2_side *side)
{
	const struct h2_frame *frame = &side->frame;
	uint32_t padded = frame->flags & H2_PADDED ? 1 : 0;

	switch (frame->type) {
	case H2_DATA:
		return padded;
	case H2_HEADERS:
		return padded + (frame->flags & H2_PRIORITIZED ? 5 : 0);
	case H2_PUSH_PROMISE:
		return padded + 4;
	case H2_RST_STREAM:
		return 4;
	case H2_SETTINGS:
		return side->left >= SETTING_BYTES ? SETTING_BYTES : 0;
	}
	return 0;
}

static void frame_end(struct h2_feed *f)
{
	struct h2_side *side = f->side;
	const struct h2_frame *frame = &side->frame;

	side->state = H2_STATE_HEADER;
	side->got = 0;
	switch (frame->type) {
	case H2_DATA:
		if (frame->flags & H2_END_STREAM)
			h2_stream_end(f, frame->stream);
		break;
	case H2_HEADERS:
	case H2_PUSH_PROMISE:
	case H2_CONTINUATION:
		if ((frame->flags & H2_END_HEADERS) && side->block_stream)
			h2_block_end(f);
		break;
	}
}

static void payload_begin(struct h2_feed *f)
{
	struct h2_side *side = f->side;

	if (side->pad > side->left) { // RFC 9113 section 6.1
		bad_frame(f);
		side->pad = side->left;
	}
	side->state = side->left > side->pad ? H2_STATE_PAYLOAD : H2_STATE_PAD;
	if (side->left == 0)
		frame_end(f);
}

static void fixed_end(struct h2_feed *f)
{
	struct h2_side *side = f->side;
	const struct h2_frame *frame = &side->frame;
	const uint8_t *p = side->fixed;

	side->got = 0;
	if (frame->type == H2_SETTINGS) {
		setting(f, p);
		if (side->left >= SETTING_BYTES)
			return;
	}
	if (frame->type == H2_RST_STREAM)
		h2_stream_reset(f, frame->stream,
				(uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
					p[3]);
	side->pad = 0;
	if (frame->type <= H2_PUSH_PROMISE && frame->type != H2_RST_STREAM &&
	    frame->type != H2_SETTINGS && (frame->flags & H2_PADDED))
		side->pad = *p++;
	if (frame->type == H2_HEADERS)
		h2_block_begin(f, frame->stream, 0);
	else if (frame->type == H2_PUSH_PROMISE)
		h2_block_begin(f, frame->stream,
			       ((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
				p[3]) & 0x7fffffff);
	payload_begin(f);
}

// Between the frames of a header block nothing else may come (section 6.10).
static void check_block(struct h2_feed *f)
{
	struct h2_side *side = f->side;
	const struct h2_frame *frame = &side->frame;
	bool goes_on = frame->type == H2_CONTINUATION && frame->stream == side->block_stream;

	if (side->block_stream && !goes_on) {
		bad_frame(f);
		h2_block_lose(f);
	} else if (!side->block_stream && frame->type == H2_CONTINUATION) {
		bad_frame(f);
		h2_block_lose(f); // it may have been part of a block
	}
	side->block_frames += goes_on;
}

static void frame_begin(struct h2_feed *f)
{
	struct h2_side *side = f->side;
	struct h2_frame *frame = &side->frame;
	uint32_t need;

	*frame = h2_frame_parse(side->fixed);
	side->left = frame->len;
	side->got = 0;
	side->pad = 0;
	// After a loss it may turn out that this is no frame at all.
	struct h2_hint hint = {f->dir,
			       side->max_frame > H2_FRAME_MAX ? side->max_frame : (1 << 24) - 1, 0};
	if (!side->whole && frame->type <= H2_CONTINUATION &&
	    !h2_frame_plausible(side->fixed, &hint)) {
		side_lost(f);
		return;
	}
	check_block(f);
	if (frame->len > side->max_frame && side->whole)
		bad_frame(f);
	switch (frame->type) {
	case H2_DATA:
		f->side->data |= frame->len > 0;
		if (frame->len == 0 && !(frame->flags & H2_END_STREAM))
			control(f);
		break;
	case H2_HEADERS:
	case H2_PUSH_PROMISE:
	case H2_CONTINUATION:
	case H2_RST_STREAM:
		break;
	default:
		control(f);
	}
	need = fixed_bytes(side);
	if (need > side->left) { // too short to be one: what is in it means nothing
		bad_frame(f);
		if (frame->type == H2_HEADERS || frame->type == H2_PUSH_PROMISE)
			h2_block_lose(f);
		frame->type = UINT8_MAX;
		need = 0;
	}
	side->need = (uint8_t)need;
	side->state = H2_STATE_FIXED;
	if (!need) {
		if (frame->type == H2_HEADERS)
			h2_block_begin(f, frame->stream, 0);
		payload_begin(f);
	}
}

static void payload(struct h2_feed *f, struct span bytes)
{
	struct h2_side *side = f->side;

	switch (side->frame.type) {
	case H2_DATA:
		h2_stream_data(f, side->frame.stream, bytes);
		break;
	case H2_HEADERS:
	case H2_PUSH_PROMISE:
	case H2_CONTINUATION:
		if (side->block_stream)
			h2_block_bytes(f, bytes);
		break;
	}
}

// ---- steps: each takes something off the piece, or changes the state, and says how much it took

// True: `need` bytes are in fixed[].
static bool gather(struct h2_feed *f, uint32_t need, uint32_t *taken)
{
	struct h2_side *side = f->side;

	*taken = span_least(need - side->got, f->in.len);
	memcpy(side->fixed + side->got, f->in.p, *taken);
	side->got += (uint8_t)*taken;
	return side->got == need;
}

static uint32_t step_preface(struct h2_feed *f)
{
	uint32_t n;
	bool whole = gather(f, H2_PREFACE_BYTES, &n);

	if (memcmp(f->side->fixed, h2_preface, f->side->got) != 0) {
		bad_frame(f);
		side_lost(f);
	} else if (whole) {
		f->side->state = H2_STATE_HEADER;
		f->side->got = 0;
	}
	return n;
}

static uint32_t step_header(struct h2_feed *f)
{
	uint32_t n;

	if (gather(f, H2_FRAME_HEADER, &n))
		frame_begin(f);
	return n;
}

static uint32_t step_fixed(struct h2_feed *f)
{
	uint32_t n;
	bool whole = gather(f, f->side->need, &n);

	f->side->left -= n;
	if (whole)
		fixed_end(f);
	return n;
}

static uint32_t step_payload(struct h2_feed *f)
{
	struct h2_side *side = f->side;
	uint32_t n = span_least(side->left - side->pad, f->in.len);

	side->left -= n;
	payload(f, span_make(f->in.p, n));
	if (side->left == side->pad)
		side->state = H2_STATE_PAD;
	if (side->left == 0)
		frame_end(f);
	return n;
}

static uint32_t step_pad(struct h2_feed *f)
{
	struct h2_side *side = f->side;
	uint32_t n = span_least(side->left, f->in.len);

	side->left -= n;
	if (side->left == 0)
		frame_end(f);
	return n;
}

static struct h2_hint hint_of(const struct h2_feed *f)
{
	const struct h2_side *side = f->side, *other = &f->conn->side[!f->dir];

	return (struct h2_hint){
		.dir = f->dir,
		.max_len = side->max_frame,
		.max_stream = side->newest > other->newest ? side->newest : other->newest,
	};
}

static uint32_t step_search(struct h2_feed *f)
{
	struct h2_side *side = f->side;
	struct h2_hint hint = hint_of(f);
	uint32_t next, n, at = h2_frame_find(f->in, &hint, &next, &n);

	f->env->stats.h2_skipped_bytes += at;
	side->got = 0;
	if (at < f->in.len) {
		side->state = H2_STATE_HEADER;
	} else if (n) {
		side->state = H2_STATE_CHAIN;
		side->left = next;
		side->chained = (uint8_t)n;
	}
	return at;
}

// Is there a frame header where the one before says? Then it is one when enough were before it.
static uint32_t step_chain(struct h2_feed *f)
{
	struct h2_side *side = f->side;
	struct h2_hint hint = hint_of(f);
	uint32_t n;

	if (side->left) {
		n = span_least(side->left, f->in.len);
		side->left -= n;
		f->env->stats.h2_skipped_bytes += n;
		return n;
	}
	if (!gather(f, H2_FRAME_HEADER, &n))
		return n;
	if (!h2_frame_plausible(side->fixed, &hint)) {
		side->state = H2_STATE_SEARCH;
		side->got = 0;
		f->env->stats.h2_skipped_bytes += n;
	} else if (++side->chained >= CHAIN_FRAMES) {
		frame_begin(f);
	} else {
		side->left = h2_frame_parse(side->fixed).len;
		side->got = 0;
	}
	return n;
}

static uint32_t step(struct h2_feed *f)
{
	switch ((enum h2_state)f->side->state) {
	case H2_STATE_PREFACE:
		return step_preface(f);
	case H2_STATE_HEADER:
		return step_header(f);
	case H2_STATE_FIXED:
		return step_fixed(f);
	case H2_STATE_PAYLOAD:
		return step_payload(f);
	case H2_STATE_PAD:
		return step_pad(f);
	case H2_STATE_SEARCH:
		return step_search(f);
	case H2_STATE_CHAIN:
		return step_chain(f);
	}
	return f->in.len;
}

// ---- what the connection does

static void h2_open(struct pctx *p)
{
	struct h2 *conn = p->state;
	bool upgraded = p->env->hand.set && p->env->hand.tx;

	p->env->stats.h2_connections++;
	conn->block = parser_block_get(p->env, &h2_parser);
	conn->over = !conn->block;
	if (conn->over)
		return;
	h2_stream_open_all(conn);
	conn->window_ns = p->now_ns;
	for (uint32_t dir = 0; dir < 2; dir++) {
		struct h2_side *side = &conn->side[dir];

		side->max_frame = H2_FRAME_MAX;
		side->whole = upgraded || (!p->lossy[dir] && !p->conn->midstream);
		side->state = !side->whole    ? H2_STATE_SEARCH
			      : dir == CLIENT ? H2_STATE_PREFACE
					      : H2_STATE_HEADER;
		conn->block->head[dir].text = NULL;
		hpack_open(&conn->block->hpack[dir], p->env, conn->block->home[dir], !side->whole);
	}
	if (upgraded) {
		struct h2_feed f = h2_feed(p, CLIENT);

		h2_stream_upgrade(&f, p->env->hand.tx);
		p->env->hand.tx = NULL;
	}
}

static bool h2_data(struct pctx *p, enum dir dir, struct span bytes)
{
	struct h2_feed f = h2_feed(p, dir);

	if (f.conn->over)
		return false;
	uint32_t stage = stage_enter(&f.env->stages, STAGE_HTTP);

	f.in = bytes;
	f.side->seen = true;
	// A step that takes nothing changes the state to one that does.
	for (uint64_t turn = 0; f.in.len && turn <= 3 * (uint64_t)bytes.len; turn++) {
		uint32_t n = step(&f);

		f.in.p += n;
		f.in.len -= n;
	}
	stage_leave(&f.env->stages, stage);
	return true;
}

// A hole inside a frame. False: it goes on somewhere else.
static bool step_over(struct h2_feed *f, uint64_t len)
{
	struct h2_side *side = f->side;
	const struct h2_frame *frame = &side->frame;
	bool inside = side->state == H2_STATE_FIXED || side->state == H2_STATE_PAYLOAD ||
		      side->state == H2_STATE_PAD;

	if (!inside || len == 0 || len > side->left)
		return false;
	uint32_t rest = side->left - (side->pad < side->left ? side->pad : side->left);

	switch (frame->type) {
	case H2_DATA:
		if (rest)
			h2_stream_gap(f, frame->stream, len < rest ? len : rest);
		break;
	case H2_HEADERS:
	case H2_PUSH_PROMISE:
		if (side->state == H2_STATE_FIXED)
			h2_block_begin(f, frame->stream, 0);
		__attribute__((fallthrough));
	case H2_CONTINUATION:
		if (side->state != H2_STATE_PAD)
			h2_block_hole(f);
		break;
	case H2_RST_STREAM:
		if (side->state == H2_STATE_FIXED)
			h2_stream_reset(f, frame->stream, UINT32_MAX);
		break;
	}
	side->left -= (uint32_t)len;
	side->pad = span_least(side->pad, side->left);
	side->got = 0;
	side->state = side->left > side->pad ? H2_STATE_PAYLOAD : H2_STATE_PAD;
	if (side->left == 0)
		frame_end(f);
	return true;
}

static bool h2_gap(struct pctx *p, enum dir dir, uint64_t len)
{
	struct h2_feed f = h2_feed(p, dir);

	if (f.conn->over)
		return false;
	uint32_t stage = stage_enter(&f.env->stages, STAGE_HTTP);

	f.side->seen = true;
	f.env->stats.http_gaps++;
	if (f.side->state == H2_STATE_CHAIN && len <= f.side->left)
		f.side->left -= (uint32_t)len;
	else if (!step_over(&f, len))
		side_lost(&f);
	stage_leave(&f.env->stages, stage);
	return true;
}

static void h2_fin(struct pctx *p, enum dir dir)
{
	struct h2_feed f = h2_feed(p, dir);

	if (!f.conn->over && f.side->whole && f.side->state == H2_STATE_HEADER && !f.side->got)
		h2_stream_fin(&f);
}

static void h2_close(struct pctx *p, enum close_reason)
{
	struct h2_feed f = h2_feed(p, CLIENT);

	if (!f.conn->block)
		return;
	h2_stream_drain(&f);
	for (uint32_t dir = 0; dir < 2; dir++) {
		h2_head_free(&f.conn->block->head[dir], f.env);
		hpack_close(&f.conn->block->hpack[dir]);
	}
	parser_block_put(f.env, &h2_parser, f.conn->block);
	f.conn->block = NULL;
	f.conn->over = true;
}

static uint32_t h2_holds(const void *state)
{
	const struct h2 *conn = state;
	const struct h2_block *block = conn->block;

	if (!block)
		return 0;
	return HOLDS_BLOCK | (conn->open ? HOLDS_EXCHANGE : 0) |
	       (block->head[CLIENT].text || block->head[SERVER].text ? HOLDS_HEAD : 0);
}

const struct parser h2_parser = {
	.name = "h2",
	.rank = 40,
	.upgrade = "h2c",
	.size = sizeof(struct h2),
	.block_bytes = HPACK_BLOCK,
	.flows_per_block = 64,
	.probe = h2_frame_probe,
	.open = h2_open,
	.data = h2_data,
	.gap = h2_gap,
	.fin = h2_fin,
	.close = h2_close,
	.holds = h2_holds,
};
PARSER_REGISTER(h2_parser);

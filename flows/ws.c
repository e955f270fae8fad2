// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The WebSocket parser (RFC 6455): cuts both directions of an upgraded connection into frames and
// reports each of them; what becomes of messages is in ws_message.c. One machine per direction:
//
//	HEADER ─► PAYLOAD ─► HEADER …
//	anything ─► SYNC (bytes are missing) ─► trying: HEADER ─► PAYLOAD … ─► HEADER
//	anything ─► LOST
//
// Headers are gathered, payloads never are. A hole inside a payload is stepped over exactly. Any
// other one hides where the next frame begins. Then a piece that begins with a good header is
// tried: it and the frames that its lengths lead to must all be good, TRIAL_FRAMES in a row, and
// one behind the first must begin with a piece, too, as it does when a program writes a frame and
// waits. Random bytes do that once in 10^8 times. Frames gone by meanwhile are not reported.
//
// Frames against the standard are read as they say and marked: receivers close the connection, so
// nothing good comes behind them. A length that no receiver takes ends the direction.
//
// Work is linear in the bytes delivered. Runs on the worker that owns the connection; all state is
// in struct ws, a block of the parser's pool.

#include "flows/ws_conn.h"

#include "flows/http1_head.h"
#include "flows/http_exchange.h"
#include "flows/ws_mask.h"

enum {
	TRIAL_FRAMES = 3,
	SYNC_GIVE_UP = 1 << 20, // bytes
	ERRORS_MAX = 16,        // bad frames in a row
	UNMASK_BYTES = 4096,    // at once
};

static struct ws_feed ws_feed(struct pctx *p, enum dir dir)
{
	struct ws_conn *conn = p->state;

	return (struct ws_feed){
		.p = p,
		.env = p->env,
		.ws = conn->ws,
		.side = &conn->ws->side[dir],
		.dir = dir,
	};
}

// Reserved bits that may be set on the first frame of a message.
static uint8_t rsv_allowed(const struct ws *ws)
{
	return ws->extensions.foreign   ? WS_RSV1 | WS_RSV2 | WS_RSV3
	       : ws->extensions.deflate ? WS_RSV1
					: 0;
}

static void message_cut(struct ws_feed *f)
{
	if (f->side->message.open)
		ws_message_end(f, false);
}

static void direction_lost(struct ws_feed *f)
{
	message_cut(f);
	f->side->state = WS_STATE_LOST;
	f->env->stats.ws_lost++;
}

// From here on nothing is known.
static void direction_unknown(struct ws_feed *f)
{
	struct ws_side *side = f->side;

	message_cut(f);
	// Frames that go by unseen may have been compressed.
	if (f->ws->extensions.deflate)
		ws_inflate_lose(f->env, &side->message.inflate,
				!f->ws->extensions.no_takeover[f->dir]);
	side->state = WS_STATE_SYNC;
	side->trying = false;
	side->orphan = false;
	side->errors = 0;
}

// ---- frames

static void frame_tell(struct ws_feed *f, bool complete)
{
	struct ws_side *side = f->side;
	struct ws_frame frame = {
		.dir = f->dir,
		.opcode = side->header.opcode,
		.fin = side->header.fin,
		.complete = complete && !side->gap,
		.len = side->header.len,
		.anomalies = side->anomalies,
	};

	f->env->stats.ws_frames++;
	f->env->stats.ws_bad_frames += (side->anomalies & ANOMALY_BIT(WS_FRAME)) != 0;
	frame.anomalies |= http_exchange_tcp(f->p->anomalies);
	if (side->header.opcode >= WS_CLOSE) // else the message reports them too
		f->p->anomalies = 0;
	if (!frame.complete)
		frame.anomalies |= ANOMALY_BIT(TRUNCATED);
	if (f->env->hashes && frame.complete && frame.len) {
		sha256_digest(&side->sha256, sizeof(frame.sha256), frame.sha256);
		frame.hashed = true;
	}
	if (f->env->sink.ws)
		f->env->sink.ws(f->env->sink.ctx, f->p->conn, &frame);
}

static bool of_message(const struct ws_side *side)
{
	return side->header.opcode <= WS_BINARY && side->message.open;
}

static void frame_end(struct ws_feed *f)
{
	struct ws_side *side = f->side;

	side->state = WS_STATE_HEADER;
	side->got = 0;
	if (side->trying)
		return;
	if (side->header.opcode <= WS_BINARY && side->header.fin) {
		if (of_message(side))
			side->anomalies |= ws_message_end(f, true);
		side->orphan = false;
	} else if (of_message(side)) {
		side->anomalies |= side->message.anomalies;
	}
	frame_tell(f, true);
}

// Which message does the frame belong to? Only data frames come here.
static void frame_message(struct ws_feed *f)
{
	struct ws_side *side = f->side;
	const struct ws_header *h = &side->header;

	if (h->opcode == WS_CONTINUATION) {
		// A message that has not begun: receivers fail. Nothing is known of its kind.
		if (!side->message.open && !side->orphan)
			side->anomalies |= ANOMALY_BIT(WS_FRAME);
		return;
	}
	if (side->message.open) { // section 5.4: messages do not interleave
		side->anomalies |= ANOMALY_BIT(WS_FRAME);
		ws_message_end(f, false);
	}
	side->orphan = false;
	ws_message_begin(f, h);
}

// side->header is that of a frame for sure.
static void frame_begin(struct ws_feed *f)
{
	struct ws_side *side = f->side;
	const struct ws_header *h = &side->header;

	side->gap = false;
	side->anomalies = 0;
	side->left = h->len;
	side->state = WS_STATE_PAYLOAD;
	if (!ws_header_good(h, f->dir, rsv_allowed(f->ws)))
		side->anomalies |= ANOMALY_BIT(WS_FRAME);
	if (f->env->hashes)
		sha256_init(&side->sha256);
	if (h->len >> 63) { // section 5.2: the most significant bit must be 0
		frame_tell(f, false);
		direction_lost(f);
		return;
	}
	if (h->opcode <= WS_BINARY)
		frame_message(f);
	side->errors = side->anomalies & ANOMALY_BIT(WS_FRAME) ? side->errors + 1 : 0;
	if (h->len == 0)
		frame_end(f);
	if (side->errors >= ERRORS_MAX) { // this is something else
		if (side->state == WS_STATE_PAYLOAD)
			frame_tell(f, false);
		direction_lost(f);
	}
}

// Could the header be that of the next frame of this trial? Runs of equal bytes must not be: no
// frame continues a message that was not seen to begin, and none is empty.
static bool trial_good(const struct ws_feed *f)
{
	const struct ws_side *side = f->side;
	const struct ws_header *h = &side->header;

	if (!ws_header_good(h, f->dir, rsv_allowed(f->ws)))
		return false;
	return ws_is_control(h->opcode) ||
	       (side->under_way == (h->opcode == WS_CONTINUATION) && h->len);
}

// One more frame of a trial. start: stream offset of its header.
static void trial_frame(struct ws_feed *f, uint64_t start)
{
	struct ws_side *side = f->side;
	const struct ws_header *h = &side->header;

	if (!trial_good(f)) {
		side->trying = false;
		side->state = WS_STATE_SYNC;
		return;
	}
	side->aligned |= side->trial > 0 && start == f->p->off[f->dir];
	side->trial += side->trial < UINT8_MAX;
	if (side->trial >= TRIAL_FRAMES && side->aligned) {
		side->trying = false;
		side->skipped = 0;
		side->orphan = side->under_way;
		f->env->stats.ws_resyncs++;
		frame_begin(f);
		return;
	}
	if (!ws_is_control(h->opcode))
		side->under_way = !h->fin;
	side->left = h->len;
	side->state = WS_STATE_PAYLOAD;
	if (h->len == 0)
		frame_end(f);
}

// ---- steps: each says how many bytes of the piece it took

static uint32_t step_header(struct ws_feed *f, struct span in, uint64_t off)
{
	struct ws_side *side = f->side;
	uint32_t n = 0, size;

	// Two turns at most: the first two bytes say how many there are.
	while ((size = ws_header_size(side->bytes, side->got)) > side->got && n < in.len) {
		uint32_t more = size - side->got < in.len - n ? size - side->got : in.len - n;

		memcpy(side->bytes + side->got, in.p + n, more);
		side->got = (uint8_t)(side->got + more);
		n += more;
	}
	if (side->got < size)
		return n;
	side->header = ws_header_parse(side->bytes);
	if (side->trying)
		trial_frame(f, off + n - size);
	else
		frame_begin(f);
	return n;
}

static uint32_t step_payload(struct ws_feed *f, struct span in)
{
	struct ws_side *side = f->side;
	uint32_t n = side->left < in.len ? (uint32_t)side->left : in.len;
	uint8_t plain[UNMASK_BYTES];

	if (!side->trying && (of_message(side) || f->env->hashes)) {
		struct span bytes = span_make(in.p, n);

		if (side->header.masked) {
			n = n < UNMASK_BYTES ? n : UNMASK_BYTES;
			ws_unmask(plain, span_make(in.p, n), side->header.key,
				  side->header.len - side->left);
			bytes = span_make(plain, n);
		}
		if (f->env->hashes)
			sha256_update(&side->sha256, n, bytes.p);
		if (of_message(side))
			ws_message_bytes(f, bytes);
	}
	side->left -= n;
	if (side->left == 0)
		frame_end(f);
	return n;
}

static void pass_over(struct ws_feed *f, uint32_t n)
{
	f->side->skipped += n;
	f->env->stats.ws_skipped_bytes += n;
	if (f->side->skipped > SYNC_GIVE_UP && f->side->state != WS_STATE_LOST)
		direction_lost(f);
}

// ---- what the connection does

static void ws_open(struct pctx *p)
{
	struct ws_conn *conn = p->state;
	struct ws *ws = parser_block_get(p->env, &ws_parser);

	conn->ws = ws;
	if (!ws)
		return;
	memset(ws->side, 0, sizeof(ws->side));
	ws_upgrade_keep(ws, p->env->hand.tx);
}

static bool ws_goes_on(const struct ws *ws)
{
	return ws->side[CLIENT].state != WS_STATE_LOST || ws->side[SERVER].state != WS_STATE_LOST;
}

static bool ws_data(struct pctx *p, enum dir dir, struct span in)
{
	const struct ws_conn *conn = p->state;

	if (!conn->ws)
		return false;
	uint32_t stage = stage_enter(&p->env->stages, STAGE_HTTP);
	struct ws_feed f = ws_feed(p, dir);
	struct ws_side *side = f.side;
	uint64_t off = p->off[dir];

	side->next = off + in.len;
	if (side->state == WS_STATE_SYNC) { // a piece begins
		side->state = WS_STATE_HEADER;
		side->got = 0;
		side->trying = true;
		side->trial = 0;
		side->aligned = side->under_way = false;
	}
	// Each step takes a byte at least.
	while (in.len) {
		bool trying = side->trying;
		uint32_t n = in.len;

		if (side->state == WS_STATE_HEADER)
			n = step_header(&f, in, off);
		else if (side->state == WS_STATE_PAYLOAD)
			n = step_payload(&f, in);
		if (trying || side->state >= WS_STATE_SYNC)
			pass_over(&f, n);
		in.p += n;
		in.len -= n;
		off += n;
	}
	stage_leave(&p->env->stages, stage);
	return ws_goes_on(conn->ws);
}

static bool ws_gap(struct pctx *p, enum dir dir, uint64_t len)
{
	const struct ws_conn *conn = p->state;

	if (!conn->ws)
		return false;
	struct ws_feed f = ws_feed(p, dir);
	struct ws_side *side = f.side;

	side->next = p->off[dir] + len;
	if (side->state == WS_STATE_LOST)
		return ws_goes_on(conn->ws);
	// No length means that the stream goes on somewhere else.
	bool inside = side->state == WS_STATE_PAYLOAD && !side->trying && len && len <= side->left;

	if (side->state == WS_STATE_PAYLOAD && !side->trying) {
		side->gap = true;
		side->anomalies |= ANOMALY_BIT(GAP);
	}
	if (inside) {
		side->left -= len;
		if (of_message(side))
			ws_message_gap(&f, len);
		if (side->left == 0)
			frame_end(&f);
		return true;
	}
	if (side->state == WS_STATE_PAYLOAD && !side->trying)
		frame_tell(&f, false);
	direction_unknown(&f);
	return true;
}

static void side_end(struct ws_feed *f)
{
	struct ws_side *side = f->side;

	if (side->state == WS_STATE_PAYLOAD && !side->trying)
		frame_tell(f, false);
	message_cut(f);
	ws_inflate_free(f->env, &side->message.inflate);
	side->state = WS_STATE_LOST;
}

static void ws_fin(struct pctx *p, enum dir dir)
{
	const struct ws_conn *conn = p->state;

	if (!conn->ws)
		return;
	struct ws_feed f = ws_feed(p, dir);

	side_end(&f);
}

static void ws_close(struct pctx *p, enum close_reason)
{
	struct ws_conn *conn = p->state;

	if (!conn->ws)
		return;
	struct ws_feed client = ws_feed(p, CLIENT), server = ws_feed(p, SERVER);

	side_end(&client);
	side_end(&server);
	parser_block_put(p->env, &ws_parser, conn->ws);
	conn->ws = NULL;
}

static uint32_t ws_holds(const void *of)
{
	const struct ws *ws = ((const struct ws_conn *)of)->ws;

	if (!ws)
		return 0;
	return HOLDS_BLOCK | (ws->side[CLIENT].message.tx || ws->side[SERVER].message.tx
				      ? HOLDS_EXCHANGE
				      : 0);
}

const struct parser ws_parser = {
	.name = "websocket",
	.rank = 90,
	.upgrade = "websocket",
	.size = sizeof(struct ws_conn),
	.block_bytes = sizeof(struct ws),
	.flows_per_block = 32,
	.open = ws_open,
	.data = ws_data,
	.gap = ws_gap,
	.fin = ws_fin,
	.close = ws_close,
	.holds = ws_holds,
};
PARSER_REGISTER(ws_parser);

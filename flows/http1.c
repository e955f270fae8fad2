// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The HTTP/1 parser: cuts both directions of a connection into messages (RFC 9112 section 6). Hard
// questions are answered elsewhere: what a head says in http1_head.c, what becomes of a message in
// http1_message.c, whose response it is in http_pair.c, what a body holds in body.c.
//
// One machine per direction:
//
//	START ─► HEAD ─► LENGTH | CLOSE | CHUNK_SIZE ─► CHUNK_DATA ─► CHUNK_END … TRAILER ─► START
//	           └──► HEAD_SKIP (too long to keep, or to wait for)
//	anything ─► SYNC (bytes are missing or make no sense) ─► HEAD
//
// A head inside one piece is parsed in place, one that crosses pieces is gathered in a bounded
// block; bodies are never gathered. A hole inside a body of known length is stepped over, any
// other one ends the message as incomplete and SYNC looks for the next start line where one may
// stand: at the beginning of a piece, behind the first empty line, behind the end of a chunked
// body. What is found there must be free of deviations, because a body may quote HTTP.
//
// Work is linear in the bytes delivered, however they are cut. Runs on the worker that owns the
// connection; all state is in struct http1 and in the blocks of the flow_env it holds.

#include "flows/http1_message.h"
#include "flows/http1_text.h"
#include "flows/stage.h"

#include <rte_branch_prediction.h>

enum {
	PLAUSIBLE_BYTES = HTTP1_METHOD_BYTES + 8, // of a start line that are looked at early
	CHUNK_DIGITS = 32,                        // of a chunk size, leading zeros included
};

// ---- heads that cross pieces

static bool gather_grow(struct http1_feed *f)
{
	struct http1_side *side = f->side;
	struct flow_env *env = f->env;
	bool big = side->gather != NULL;

	if (side->big || (big && env->limits.head_bytes <= env->head4k.size))
		return false;
	uint8_t *block = pool_get(big ? &env->head64k : &env->head4k);

	if (!block && !big) {
		big = true;
		block = pool_get(&env->head64k);
	}
	if (!block) {
		env->stats.http_tx_pool_empty++;
		return false;
	}
	if (side->gather) {
		memcpy(block, side->gather, side->gathered);
		pool_put(&env->head4k, side->gather);
	}
	side->gather = block;
	side->big = big;
	return true;
}

static uint32_t gather_room(const struct http1_feed *f)
{
	const struct http1_side *side = f->side;
	size_t size = side->big ? f->env->head64k.size : f->env->head4k.size;

	return side->gather ? span_least(size, f->env->limits.head_bytes) : 0;
}

// Gives up early on what cannot become a head. Bytes before `from` were looked at before.
static bool head_may_be(struct http1_side *side, enum dir dir, uint32_t from)
{
	const uint8_t *p = side->gather;
	struct http1_head head = {0};

	if (side->start_line)
		return true;
	const uint8_t *lf = memchr(p + from, '\n', side->gathered - from);

	if (!lf)
		return from >= PLAUSIBLE_BYTES ||
		       http1_head_plausible(span_make(p, span_least(side->gathered, PLAUSIBLE_BYTES)),
					    dir);
	struct span line = span_make(p, (size_t)(lf - p) + 1);

	side->start_line = true;
	return side->strict ? http1_head_probe(line, dir) == PROBE_CERTAIN
			    : http1_head_start(line, dir, &head);
}

static uint32_t gather(struct http1_feed *f)
{
	struct http1_side *side = f->side;
	bool older = side->gathered > 0;

	// Three turns at most: the small block, the large one, neither.
	for (uint32_t taken = 0; taken < f->in.len;) {
		uint32_t from = side->gathered;

		if (from == gather_room(f) && !gather_grow(f)) {
			bool none = !side->gather;
			uint32_t n = none ? f->in.len : taken;

			http1_message_head(f, none ? f->in : span_make(side->gather, from), n,
					   CUT_TOO_LONG);
			return n;
		}
		uint32_t n = span_least(f->in.len - taken, gather_room(f) - from);

		memcpy(side->gather + from, f->in.p + taken, n);
		taken += n;
		side->gathered += n;
		uint32_t end =
			http1_head_end(side->gather, side->gathered, http1_head_resume(from));

		taken -= end ? side->gathered - end : 0;
		if (end && unlikely(side->upgrade) &&
		    http1_head_preface(span_make(side->gather, end))) {
			side->gathered = end;
			side->state = STATE_WAIT;
			side->waited = true;
			return taken;
		}
		if (!head_may_be(side, f->dir, from)) {
			// Another one may begin with this piece.
			f->here = side->strict && older;
			taken = f->here ? 0 : taken;
			http1_message_none(f, taken);
			return taken;
		}
		if (end && http1_message_waits(f, span_make(side->gather, end))) {
			side->gathered = end;
			return taken;
		}
		if (end) {
			http1_message_head(f, span_make(side->gather, end), taken, CUT_NONE);
			return taken;
		}
	}
	http1_head_held(f);
	return f->in.len;
}

// ---- steps: each takes something off the piece, or changes the state, and says how much it took

static uint32_t step_head(struct http1_feed *f)
{
	uint32_t n = f->side->gather ? 0 : http1_head_end(f->in.p, f->in.len, 0);

	if (n && unlikely(f->side->upgrade) && http1_head_preface(span_make(f->in.p, n))) {
		f->side->state = STATE_WAIT;
		return 0;
	}
	if (n == 0 || n > f->env->limits.head_bytes ||
	    unlikely(http1_message_waits(f, span_make(f->in.p, n))))
		return gather(f);
	http1_message_head(f, span_make(f->in.p, n), n, CUT_NONE);
	return n;
}

static void message_begin(struct http1_feed *f)
{
	struct http1_side *side = f->side;

	if (!side->interim) {
		bool first = f->off == f->p->off[SERVER]; // of its piece

		side->start = f->off;
		side->start_ack = f->dir == CLIENT ? f->p->acked[SERVER]
				  : first          ? f->conn->server_ack
						   : 0;
	}
	side->start_ns = f->p->now_ns;
	side->start_line = false;
	side->state = STATE_HEAD;
}

static uint32_t line_ends(struct span in)
{
	uint32_t n = 0;

	while (n < in.len && (in.p[n] == '\r' || in.p[n] == '\n'))
		n++;
	return n;
}

static uint32_t step_start(struct http1_feed *f)
{
	uint32_t n = line_ends(f->in); // RFC 9112 section 2.2

	f->side->empty_lines |= n > 0;
	// No request begins like that, but the protocol may whose name the last one had.
	if (n == 0 && unlikely(f->side->upgrade) && http1_text_token(f->in, 1) == 0)
		f->side->state = STATE_WAIT;
	else if (n == 0)
		message_begin(f);
	// No status line begins like that: is it the answer to a request of HTTP/0.9?
	if (n == 0 && f->dir == SERVER && f->off == 0 && unlikely(f->in.p[0] != 'H'))
		http1_message_simple(f);
	return n;
}

// Length up to where a message may begin inside a piece.
static uint32_t border(struct http1_side *side, struct span in)
{
	uint32_t end;

	for (uint32_t from = 0; (end = http1_head_end(in.p, in.len, from)); from = end - 1) {
		bool last_chunk = end >= 5 && memcmp(in.p + end - 5, "0\r\n\r\n", 5) == 0 &&
				  (end == 5 || in.p[end - 6] == '\n');

		if (!side->blank || last_chunk) {
			side->blank = true;
			return end;
		}
	}
	return in.len;
}

// Nothing says that a message begins here. A method must be whole: the end of a body and the
// method in the next piece together would look like one.
static bool may_begin(struct span in, enum dir dir)
{
	return http1_head_probe(in, dir) != PROBE_NO &&
	       (dir == SERVER || memchr(in.p, ' ', span_least(in.len, HTTP1_METHOD_BYTES + 1)));
}

static uint32_t step_sync(struct http1_feed *f)
{
	struct http1_side *side = f->side;
	uint32_t n = f->here ? line_ends(f->in) : 0;

	if (n == 0 && f->here) {
		f->here = false;
		if (may_begin(f->in, f->dir)) {
			side->strict = true;
			side->empty_lines = false;
			message_begin(f);
			return 0;
		}
	}
	if (n == 0) {
		n = border(side, f->in);
		f->here = true;
	}
	f->env->stats.http_skipped_bytes += n;
	return n;
}

// Behind a request to upgrade: the next parser may be there with the next packet of the server.
static void keep_early(struct http1_feed *f)
{
	struct http1_side *side = f->side;

	if (!side->gather && !side->early_lost && gather_grow(f)) {
		side->start = f->off;
		side->gathered = 0;
	}
	uint32_t n = side->gather && !side->early_lost
			     ? span_least(f->in.len, gather_room(f) - side->gathered)
			     : 0;

	if (n)
		memcpy(side->gather + side->gathered, f->in.p, n);
	side->gathered += n;
	side->early_lost |= n < f->in.len;
}

static uint32_t step_wait(struct http1_feed *f)
{
	f->side->waited = true;
	if (f->side->upgrade)
		keep_early(f);
	return f->in.len;
}

// Bytes of a line up to and including its LF, or all. *whole: it ends; *empty: and was empty.
static uint32_t take_line(struct http1_side *side, struct span in, bool *whole, bool *empty)
{
	const uint8_t *lf = memchr(in.p, '\n', in.len);
	uint32_t n = lf ? (uint32_t)(lf - in.p) : in.len;

	if (n) {
		side->cr = in.p[n - 1] == '\r';
		side->line = (uint16_t)span_least((uint64_t)side->line + n, UINT16_MAX);
	}
	*whole = lf;
	*empty = lf && side->line == side->cr;
	return n + *whole;
}

// The final response came before any byte of the body that was to wait for it (RFC 9110 section
// 10.1.1). The client may send the body all the same or go on with the next request: only a
// request is understood. The body is to begin n bytes behind f->off.
static void expect_refused(struct http1_feed *f, uint32_t n)
{
	struct http1_side *side = f->side;

	if (!side->expect || !side->tx || !side->tx->msg[SERVER].seen ||
	    (side->state != STATE_LENGTH && side->state != STATE_CHUNK_SIZE))
		return;
	http1_message_end(f, n, false);
	side->strict = true;
}

static uint32_t step_head_skip(struct http1_feed *f)
{
	struct http1_side *side = f->side;
	struct http1_skipped *s = (struct http1_skipped *)(void *)side->gather;
	uint32_t had = side->line;
	bool whole, empty;
	uint32_t n = take_line(side, f->in, &whole, &empty);

	if (s && had < HTTP1_SKIPPED_LINE)
		memcpy(s->line + had, f->in.p, span_least(n - whole, HTTP1_SKIPPED_LINE - had));
	if (!whole)
		return n;
	if (s && !empty) {
		bool cut = side->line > HTTP1_SKIPPED_LINE;
		uint32_t len = cut ? HTTP1_SKIPPED_LINE : side->line - side->cr;

		if (s->line[0] == ' ' || s->line[0] == '\t') // continues the line before
			s->framing.unclear |= s->framing_line;
		else
			s->framing_line = http1_head_framing_line(
				&s->framing, span_make(s->line, len), cut, &s->anomalies);
	}
	side->line = 0;
	side->cr = false;
	if (!empty)
		return n;
	struct http1_framing framing = HTTP1_FRAMING_INIT;

	if (s) {
		framing = s->framing;
		http1_mark(f, s->anomalies);
	} else {
		framing.unclear = true;
	}
	http1_gather_free(f);
	http1_message_body(f, &framing, n);
	expect_refused(f, n); // the head was answered before its end
	return n;
}

static uint32_t step_decide(struct http1_feed *f)
{
	static const uint8_t next[7] = "HTTP/1.";
	struct http1_side *side = f->side;
	struct http_tx *tx = side->tx;
	uint32_t n = 0;

	while (n < f->in.len && side->gathered < span_least(side->left, 7) &&
	       f->in.p[n] == next[side->gathered]) {
		n++;
		side->gathered++;
	}
	if (side->gathered < 7) {
		if (n < f->in.len || side->gathered == side->left)
			http1_message_decided(f);
		if (side->left == 0)
			http1_message_end(f, n, true);
		return n;
	}
	// It was the answer to HEAD, and the next response begins seven bytes back.
	struct http1_feed back = *f;

	back.in.len = 0;
	back.off += n;
	back.off -= 7;
	side->state = STATE_LENGTH;
	side->gathered = 0;
	if (tx) {
		tx->msg[SERVER].has_body = false;
		tx->msg[SERVER].framing = FRAMING_NONE;
	}
	http1_message_end(&back, 0, true);
	message_begin(&back);
	if (gather_grow(f)) {
		memcpy(side->gather, next, 7);
		side->gathered = 7;
	} else {
		http1_message_lost(f, n, false, 0);
	}
	return n;
}

static uint32_t step_body(struct http1_feed *f)
{
	struct http1_side *side = f->side;
	uint32_t n = span_least(side->left, f->in.len);

	side->expect = false;
	http1_message_bytes(f, span_make(f->in.p, n));
	if (side->left == 0 && side->state == STATE_LENGTH)
		http1_message_end(f, n, true);
	else if (side->left == 0)
		side->state = STATE_CHUNK_END;
	return n;
}

static int hex(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = span_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// One byte of a chunk-size line but its LF (RFC 9112 section 7.1). Read as by strtoul(), which many
// receivers use: white space before the number and anything behind it are ignored. False: it is
// none.
static bool chunk_size_byte(struct http1_feed *f, uint8_t c)
{
	struct http1_side *side = f->side;
	int digit = hex(c);

	if (side->cr) { // a CR that no LF follows
		http1_mark(f, ANOMALY_BIT(BARE_CR));
		side->cr = false;
		if (!side->extension)
			return false;
	}
	if (c == '\r') {
		side->cr = true;
		return true;
	}
	if (side->extension)
		return true;
	if (digit >= 0 && !side->blanks) {
		if (side->left >> 59 || side->digits == CHUNK_DIGITS)
			return false;
		side->left = side->left << 4 | (uint64_t)digit;
		side->digits++;
		return true;
	}
	if (!side->digits) { // what isspace() knows but line ends
		http1_mark(f, ANOMALY_BIT(BAD_CHUNK_SIZE));
		return c == ' ' || c == '\t' || c == '\v' || c == '\f';
	}
	if (c == ' ' || c == '\t') {
		side->blanks = true;
		return true;
	}
	if (span_lower(c) == 'x' && side->digits == 1 && side->left == 0)
		return false; // "0x5" is 5 to some and 0 to others
	http1_mark(f, c == ';' ? ANOMALY_BIT(CHUNK_EXTENSION) : ANOMALY_BIT(BAD_CHUNK_SIZE));
	side->extension = true;
	return true;
}

static uint32_t step_chunk_size(struct http1_feed *f)
{
	struct http1_side *side = f->side;
	struct http_tx *tx = side->tx;
	uint32_t i = 0;

	side->expect = false;
	// No chunk begins like that, but the response behind the answer to HEAD does.
	if (f->dir == SERVER && !side->digits && f->in.p[0] == 'H' &&
	    (!tx || !tx->msg[CLIENT].seen)) {
		http1_message_end(f, 0, false);
		return 0;
	}
	while (i < f->in.len && f->in.p[i] != '\n') {
		if (!chunk_size_byte(f, f->in.p[i++])) {
			http1_message_lost(f, i, false, ANOMALY_BIT(BAD_CHUNK_SIZE));
			return i;
		}
	}
	if (i == f->in.len)
		return i;
	i++;
	if (!side->digits) {
		http1_message_lost(f, i, false, ANOMALY_BIT(BAD_CHUNK_SIZE));
		return i;
	}
	if (!side->cr)
		http1_mark(f, ANOMALY_BIT(BARE_LF));
	side->state = side->left ? STATE_CHUNK_DATA : STATE_TRAILER;
	side->line = 0;
	side->cr = false;
	return i;
}

// The line end behind the data of a chunk.
static uint32_t step_chunk_end(struct http1_feed *f)
{
	struct http1_side *side = f->side;
	uint8_t c = f->in.p[0];

	if (c == '\r' && !side->cr) {
		side->cr = true;
		return 1;
	}
	if (c != '\n') {
		http1_message_lost(f, 1, false, ANOMALY_BIT(BAD_CHUNK_END));
		return 1;
	}
	if (!side->cr)
		http1_mark(f, ANOMALY_BIT(BARE_LF));
	side->state = STATE_CHUNK_SIZE;
	side->digits = 0;
	side->cr = side->extension = side->blanks = false;
	return 1;
}

static uint32_t step_trailer(struct http1_feed *f)
{
	struct http1_side *side = f->side;
	bool whole, empty;
	uint32_t n = take_line(side, f->in, &whole, &empty);

	if (!whole)
		return n;
	if (!side->cr)
		http1_mark(f, ANOMALY_BIT(BARE_LF));
	side->line = 0;
	side->cr = false;
	if (empty)
		http1_message_end(f, n, true);
	return n;
}

static uint32_t step(struct http1_feed *f)
{
	if (f->side->state != STATE_SYNC)
		f->here = false;
	switch ((enum http1_state)f->side->state) {
	case STATE_START:
		return step_start(f);
	case STATE_HEAD:
		return step_head(f);
	case STATE_SYNC:
		return step_sync(f);
	case STATE_WAIT:
		return step_wait(f);
	case STATE_HEAD_SKIP:
		return step_head_skip(f);
	case STATE_DECIDE:
		return step_decide(f);
	case STATE_LENGTH:
	case STATE_CLOSE:
	case STATE_CHUNK_DATA:
		return step_body(f);
	case STATE_CHUNK_SIZE:
		return step_chunk_size(f);
	case STATE_CHUNK_END:
		return step_chunk_end(f);
	case STATE_TRAILER:
		return step_trailer(f);
	}
	return f->in.len;
}

// ---- what the connection does

static void http1_open(struct pctx *p)
{
	struct http1 *conn = p->state;
	bool midstream = p->conn->midstream;

	http_pair_open(&conn->pair, midstream);
	for (uint32_t dir = 0; dir < 2; dir++) {
		conn->side[dir].synced = !midstream;
		conn->side[dir].state = midstream ? STATE_SYNC : STATE_START;
	}
}

static bool http1_data(struct pctx *p, enum dir dir, struct span bytes)
{
	struct http1_feed f = http1_feed(p, dir);

	if (f.conn->opaque)
		return false;
	uint32_t stage = stage_enter(&f.env->stages, STAGE_HTTP);

	f.here = true;
	f.in = bytes;
	f.off = p->off[dir];
	f.side->seen = true;
	f.side->next = f.off + bytes.len;
	expect_refused(&f, 0);
	// A step that takes nothing changes the state to one that does.
	for (uint64_t turn = 0; f.in.len && !f.conn->opaque && turn <= 3 * (uint64_t)bytes.len;
	     turn++) {
		uint32_t n = step(&f);

		f.in.p += n;
		f.in.len -= n;
		f.off += n;
	}
	if (dir == SERVER)
		f.conn->server_ack = p->acked[CLIENT];
	http1_request_held(&f);
	stage_leave(&f.env->stages, stage);
	p->env->hand.rest = f.in;
	return !f.conn->opaque || p->env->hand.set;
}

// A hole inside a body of known length. No length means that the stream goes on somewhere else.
static bool step_over(struct http1_feed *f, uint64_t len)
{
	struct http1_side *side = f->side;

	bool body = side->state == STATE_LENGTH || side->state == STATE_CHUNK_DATA ||
		    side->state == STATE_CLOSE;

	if (!body || len == 0 || len > side->left)
		return false;
	side->left -= len;
	side->gap = true;
	side->expect = false;
	http1_mark(f, ANOMALY_BIT(GAP));
	if (side->body)
		body_gap(f->env, side->body, len);
	f->off += len;
	if (side->left == 0 && side->state == STATE_LENGTH)
		http1_message_end(f, 0, true);
	else if (side->left == 0)
		side->state = STATE_CHUNK_END;
	return true;
}

static bool http1_gap(struct pctx *p, enum dir dir, uint64_t len)
{
	struct http1_feed f = http1_feed(p, dir);
	uint8_t state = f.side->state;

	if (f.conn->opaque)
		return false;
	uint32_t stage = stage_enter(&f.env->stages, STAGE_HTTP);
	// Beyond the end of a body, or where a head was awaited, there is a head in the hole.
	bool whole = state == STATE_START || state == STATE_HEAD || state == STATE_LENGTH;

	f.off = p->off[dir];
	f.side->seen = true;
	f.side->next = f.off + len;
	f.env->stats.http_gaps += state == STATE_HEAD || http1_in_message(f.side);
	if (state == STATE_WAIT) {
		f.side->waited = f.side->early_lost = true;
	} else if (!step_over(&f, len)) {
		whole &= !http1_message_cut(&f);
		if (dir == CLIENT && p->cut_off && http1_in_message(f.side))
			http1_message_cut_off(&f, len);
		else if (!f.conn->opaque)
			http1_message_lost(&f, 0, whole, ANOMALY_BIT(GAP));
	}
	stage_leave(&f.env->stages, stage);
	return !f.conn->opaque;
}

// The stream of a side ends, in order or not.
static void side_end(struct http1_feed *f, bool in_order)
{
	struct http1_side *side = f->side;
	bool until_close = side->state == STATE_CLOSE ||
			   (side->state == STATE_DECIDE && side->after == STATE_CLOSE);

	http1_message_cut(f);
	if (http1_in_message(side))
		http1_message_end(f, 0, in_order && until_close);
	http1_gather_free(f);
}

static void http1_fin(struct pctx *p, enum dir dir)
{
	struct http1_feed f = http1_feed(p, dir);

	if (!f.conn->opaque)
		side_end(&f, true);
}

static void http1_close(struct pctx *p, enum close_reason why)
{
	struct http1_feed client = http1_feed(p, CLIENT), server = http1_feed(p, SERVER);

	if (!client.conn->opaque)
		side_end(&client, false);
	if (!client.conn->opaque)
		side_end(&server, why == CLOSE_FIN);
	if (!client.conn->opaque)
		http1_message_drain(&client);
}

const struct parser http1_parser = {
	.name = "http1",
	.rank = 50,
	.size = sizeof(struct http1),
	.probe = http1_head_detect,
	.open = http1_open,
	.data = http1_data,
	.gap = http1_gap,
	.fin = http1_fin,
	.close = http1_close,
	.holds = http1_holds,
	.ahead = http1_ahead,
};
PARSER_REGISTER(http1_parser);

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// One message body, from the first byte to the last. Runs on the worker that owns the connection;
// a struct body lives from body_begin() to body_end() in a pool and is not cleared in between:
// every field that is read is set at the start.
//
//	raw ─► stage 0 ─► stage 1 ─► stage 2 ─► decoded ─► length, hash, beginning kept
//	       (decoders, as many as codings)      └─► [tail│fresh│zeros] ─► sink.window, walker ─►
//	                                                                                sink.value
//
// Every decoded byte has one fate: scanned, skipped (binary kinds, codings that are not decoded,
// nobody listens) or over a limit; the three counters add up to body_bytes. Bytes that cannot be
// decoded are counted as they came.
//
// The window is the worker's scratch memory: decoders write straight behind its tail area, plain
// bodies are copied there, because packets have no readable bytes behind their end. What the
// next window has to repeat is saved in body->tail. Pieces of a body that goes on are gathered
// first, in a window of its own, as long as there is one: the code that searches is larger than the
// processor's first cache, and is not to be fetched again for every packet.

#include "flows/body_state.h"

#include "flows/decoder.h"

size_t body_state_size(void)
{
	return sizeof(struct body);
}

size_t body_gather_size(void)
{
	return WINDOW_TAIL + BODY_GATHER + WINDOW_PAD;
}

// ---- what the head says

// Adds the codings of one header to those the sender applied before.
static void body_add_codings(struct body *body, struct span list, bool transfer)
{
	while (list.len) {
		struct span item = span_until(list, ',');
		struct span name = span_trim(span_until(item, ';'));
		enum decoder_format format = decoder_format(name);

		list.p += item.len;
		list.len -= item.len;
		if (list.len) {
			list.p++;
			list.len--;
		}
		if (name.len == 0 || span_ieq(name, SPAN_LIT("identity")))
			continue;
		if (transfer && format >= DECODER_OTHER)
			continue; // framing is the parser's matter
		if (format == DECODER_NONE) {
			body->coding = CODING_FOREIGN;
			return;
		}
		if (body->n_stages >= BODY_LAYERS)
			body->msg->anomalies |= UINT64_C(1) << ANOMALY_CODING_LAYERS;
		if (format == DECODER_OTHER || body->n_stages == BODY_STAGES) {
			body->coding = CODING_UNKNOWN;
			continue; // a foreign one may follow
		}
		// The last one applied is the first one to undo.
		memmove(body->format + 1, body->format, body->n_stages);
		body->format[0] = (uint8_t)format;
		body->n_stages++;
		if (body->coding == CODING_PLAIN)
			body->coding = CODING_ACTIVE;
	}
}

void body_walk_begin(const struct flow_env *env, struct body *body, const struct walker *walker)
{
	struct walk_start start = {
		.seed = env->seed,
		.max_depth = env->limits.json_depth,
		.type = body->msg->header[HEADER_CONTENT_TYPE],
	};

	if (view_is_grpc(&body->view)) // each message is a body of its own, without a frame
		start.type = (struct span){0};

	body->walker = walker;
	body->kind = walker->begin(body->walk, &start) ? MEDIA_WALKED : MEDIA_TEXT;
}

struct body *body_begin(struct flow_env *env, struct http_tx *tx, enum dir dir)
{
	struct body *body = pool_get(&env->body);
	struct http_msg *msg = &tx->msg[dir];

	msg->complete = false;
	msg->hashed = false;
	msg->body_len = 0;
	msg->wire_len = 0;
	msg->body_kept = 0;
	msg->view_len = 0;
	msg->viewed = false;
	if (!body) {
		env->stats.body_no_context++;
		return NULL;
	}
	body->tx = tx;
	body->msg = msg;
	body->off = 0;
	body->scanned = 0;
	body->dir = (uint8_t)dir;
	body->coding = CODING_PLAIN;
	body->n_stages = 0;
	body->silent = !env->sink.window && !env->sink.value;
	body->over = false;
	body->gap = false;
	body->damaged = false;
	body->tail_len = 0;
	body->held = 0;
	body->gathered = 0;
	body->own = NULL;
	memset(body->stage, 0, sizeof(body->stage));
	if (msg->header[HEADER_CONTENT_ENCODING].len)
		body_add_codings(body, msg->header[HEADER_CONTENT_ENCODING], false);
	if (msg->header[HEADER_TRANSFER_ENCODING].len && body->coding <= CODING_ACTIVE)
		body_add_codings(body, msg->header[HEADER_TRANSFER_ENCODING], true);
	body->media = media_of(msg->header[HEADER_CONTENT_TYPE]);
	body->kind = media_doubtful(&body->media) ? MEDIA_SNIFF : (uint8_t)body->media.kind;
	bool text = body->kind != MEDIA_BINARY && body->media.kind != MEDIA_OCTETS;

	view_begin(&body->view, msg->header[HEADER_CONTENT_TYPE], msg->header[HEADER_GRPC_ENCODING],
		   text);
	// The view's input must not lie where its output goes, nor where decoders pass bytes on.
	if (body->silent || body->n_stages > 1 || body->kind == MEDIA_BINARY)
		body->view.kind = VIEW_NONE;
	if (body->kind == MEDIA_WALKED)
		body_walk_begin(env, body, body->media.walker);
	if (env->hashes)
		sha256_init(&body->sha256);
	return body;
}

// ---- decoded bytes: kind, windows, walkers

static void body_show(struct flow_env *env, struct body *body, const struct window *window)
{
	if (env->sink.window)
		env->sink.window(env->sink.ctx, body->tx, window);
}

// What was only guessed from the first bytes may well be something else.
static void body_malformed(struct flow_env *env, struct body *body)
{
	if (body->media.kind != MEDIA_WALKED || body->walker != body->media.walker ||
	    view_is_grpc(&body->view))
		return;
	body->msg->anomalies |= UINT64_C(1) << ANOMALY_BODY_MALFORMED;
	env->stats.body_broken++;
}

// From p on the body is not what its walker is for. What the walker has left is shown again, this
// time as text.
static const uint8_t *body_to_text(struct flow_env *env, struct body *body, const struct walk *w,
				   const uint8_t *p)
{
	const uint8_t *begin = p - w->begin > WINDOW_TAIL ? p - WINDOW_TAIL : w->begin;
	struct window window = {
		.dir = w->dir,
		.bytes = {begin, (uint32_t)(w->end - begin)},
		.fresh = (uint32_t)(p - begin),
		.off = w->off + (uint64_t)(begin - w->begin),
	};

	if (body->walker->fault(body->walk) == WALK_TOO_DEEP) {
		body->msg->anomalies |= UINT64_C(1) << body->walker->too_deep;
		env->stats.body_too_deep++;
	} else {
		body_malformed(env, body);
	}
	body->kind = MEDIA_TEXT;
	if (p < w->end)
		body_show(env, body, &window);
	return walk_context(w);
}

static void body_walk(struct flow_env *env, struct body *body, const struct walk *w)
{
	const uint8_t *keep = w->end;

	if (body->kind == MEDIA_WALKED && env->sink.value) {
		keep = body->walker->walk(body->walk, w);
		if (unlikely(body->walker->fault(body->walk)))
			keep = body_to_text(env, body, w, keep);
	} else if (w->off + (uint64_t)(w->end - w->begin) != body->msg->content_length ||
		   body->coding != CODING_PLAIN || body->view.kind) {
		keep = walk_context(w);
	}
	// Nothing to keep: the usual end of a JSON body, and of text whose length is known.
	body->tail_len = (uint16_t)(w->end - keep);
	if (body->tail_len)
		memcpy(body->tail, keep, body->tail_len);
}

// Puts the saved tail before n bytes that stand at the fresh part of a window; they are the last
// ones before body->off.
static struct walk body_window(struct flow_env *env, struct body *body, uint8_t *fresh, uint32_t n)
{
	memcpy(fresh - body->tail_len, body->tail, body->tail_len);
	memset(fresh + n, 0, WINDOW_PAD);
	return (struct walk){
		.sink = &env->sink,
		.tx = body->tx,
		.dir = (enum dir)body->dir,
		.seed = env->seed,
		.begin = fresh - body->tail_len,
		.fresh = fresh - body->held,
		.end = fresh + n,
		.off = body->off - n - body->tail_len,
	};
}

// Shows the n bytes at the fresh part of a window, and what was held back before them.
static void body_scan(struct flow_env *env, struct body *body, uint8_t *fresh, uint32_t n)
{
	struct walk w = body_window(env, body, fresh, n);
	struct window window = {
		.dir = w.dir,
		.bytes = {w.begin, (uint32_t)(w.end - w.begin)},
		.fresh = (uint32_t)(w.fresh - w.begin),
		.off = w.off,
		.values = body->kind == MEDIA_WALKED && env->sink.value,
		.members = body->kind == MEDIA_WALKED && env->sink.value && env->sink.member &&
			   body->walker->members,
	};

	env->stats.body_scanned_bytes += n + body->held;
	body->held = 0;
	body_show(env, body, &window);
	body_walk(env, body, &w);
}

// Decides the kind from what is held and n more bytes at p. False: not yet, they are held now.
static bool body_decide(struct flow_env *env, struct body *body, const uint8_t *p, uint32_t n,
			bool last)
{
	uint32_t room = MEDIA_SNIFF_BYTES - body->held, more = n < room ? n : room;
	uint8_t first[MEDIA_SNIFF_BYTES];
	struct media media;

	memcpy(first, body->tail, body->held);
	if (more)
		memcpy(first + body->held, p, more);
	media = media_sniff(&body->media, !body->gap, last,
			    (struct span){first, body->held + more});
	body->kind = (uint8_t)media.kind;
	switch (media.kind) {
	case MEDIA_SNIFF:
		memcpy(body->tail + body->held, p, more);
		body->held += (uint16_t)more;
		body->tail_len = body->held;
		return false;
	case MEDIA_WALKED:
		body_walk_begin(env, body, media.walker);
		break;
	case MEDIA_BINARY:
		env->stats.body_skipped_bytes += body->held;
		body->held = 0;
		body->tail_len = 0;
		break;
	case MEDIA_TEXT:
	case MEDIA_OCTETS:
		break;
	}
	return true;
}

static void body_gathered(struct flow_env *env, struct body *body)
{
	uint32_t n = body->gathered;

	body->gathered = 0;
	if (n)
		body_scan(env, body, body->own + WINDOW_TAIL, n);
}

void body_scan_end(struct flow_env *env, struct body *body, bool complete)
{
	if (body->silent || body->over)
		return;
	body_gathered(env, body);
	if (body->own)
		pool_put(&env->gather, body->own);
	body->own = NULL;
	if (body->kind == MEDIA_SNIFF && body->held) {
		body_decide(env, body, NULL, 0, true);
		if (body->held)
			body_scan(env, body, env->window + WINDOW_TAIL, 0);
	}
	if (body->kind != MEDIA_WALKED)
		return;
	if (env->sink.value && (body->tail_len || !body->walker->whole(body->walk))) {
		struct walk w = body_window(env, body, env->window + WINDOW_TAIL, 0);

		w.last = true;
		w.complete = complete;
		body_walk(env, body, &w);
	}
	if (body->kind == MEDIA_WALKED && complete && env->sink.value &&
	    !body->walker->whole(body->walk))
		body_malformed(env, body);
	body->tail_len = 0;
}

// Nothing of what came before may be joined to what follows.
static void body_cut(struct flow_env *env, struct body *body)
{
	body_scan_end(env, body, false);
	if (body->kind == MEDIA_WALKED)
		body->kind = MEDIA_TEXT;
	body->tail_len = 0;
}

// The next n decoded bytes for the scanner; p may be in env's window already.
static void body_look(struct flow_env *env, struct body *body, const uint8_t *p, uint32_t n)
{
	uint8_t *fresh = env->window + WINDOW_TAIL;
	bool last;

	if (body->gathered + n > BODY_GATHER)
		body_gathered(env, body);
	body->off += n;
	last = body->off == body->msg->content_length;
	if (!body->silent && body->kind == MEDIA_SNIFF && !body_decide(env, body, p, n, false))
		return;
	if (body->silent || body->kind == MEDIA_BINARY) {
		env->stats.body_skipped_bytes += n;
		return;
	}
	// The last ones wait for nobody.
	if (!body->own && !last && n < BODY_GATHER)
		body->own = pool_get(&env->gather);
	if (body->own && n <= BODY_GATHER) {
		memcpy(body->own + WINDOW_TAIL + body->gathered, p, n);
		body->gathered += (uint16_t)n;
		if (last || body->gathered == BODY_GATHER)
			body_gathered(env, body);
		return;
	}
	if (p != fresh)
		memcpy(fresh, p, n);
	body_scan(env, body, fresh, n);
}

// How many of n bytes the scan limit allows.
static uint32_t body_budget(const struct flow_env *env, struct body *body, uint32_t n)
{
	uint64_t limit = env->limits.scan_bytes;

	if (body->silent || body->kind == MEDIA_BINARY || !limit)
		return n;
	if (n > limit - body->scanned)
		n = (uint32_t)(limit - body->scanned);
	body->scanned += n;
	return n;
}

void body_shown(struct flow_env *env, struct body *body, const uint8_t *p, uint32_t n)
{
	struct http_msg *msg = body->msg;
	uint32_t look = body_budget(env, body, n);

	env->stats.body_bytes += n;
	if (msg->body && !body->gap && msg->body_kept < env->limits.capture_body) {
		uint32_t room = env->limits.capture_body - msg->body_kept;
		uint32_t kept = n < room ? n : room;

		memcpy(msg->body + msg->body_kept, p, kept);
		msg->body_kept += kept;
	}
	if (look)
		body_look(env, body, p, look);
	if (look < n) {
		body_scan_end(env, body, false);
		body->over = true;
		body->off += n - look;
		env->stats.body_over_limit_bytes += n - look;
	}
}

// n <= WINDOW_BYTES decoded bytes.
static void body_decoded(struct flow_env *env, struct body *body, const uint8_t *p, uint32_t n)
{
	struct http_msg *msg = body->msg;

	msg->body_len += n;
	if (env->hashes)
		sha256_update(&body->sha256, n, p);
	if (unlikely(body->view.kind))
		body_view(env, body, span_make(p, n));
	else
		body_shown(env, body, p, n);
}

// ---- content decoding

static void body_release(struct flow_env *env, struct body *body)
{
	for (uint32_t i = 0; i < BODY_STAGES; i++) {
		if (body->stage[i])
			decoder_close(env, (enum decoder_format)body->format[i], body->stage[i]);
		body->stage[i] = NULL;
	}
}

// Decoding ends before the body does.
static void body_stop(struct flow_env *env, struct body *body, enum body_coding why)
{
	body_view_end(env, body);
	body_release(env, body);
	body->coding = (uint8_t)why;
	body->damaged = true;
	body_scan_end(env, body, false);
	body->tail_len = 0;
}

uint64_t body_heard_ns(const struct body *body)
{
	return body->msg->last_ns;
}

void body_decoder_taken(struct flow_env *env, struct body *body, const void *decoder)
{
	env->stats.body_decoders_taken++;
	body->msg->anomalies |= UINT64_C(1) << ANOMALY_CODING_UNKNOWN;
	if (decoder == body->view.decoder)
		view_message_lost(env, &body->view);
	else
		body_stop(env, body, CODING_STOPPED);
}

void body_coding_error(struct flow_env *env, struct body *body)
{
	if (!(body->msg->anomalies & UINT64_C(1) << ANOMALY_CODING_ERROR))
		env->stats.body_coding_errors++;
	body->msg->anomalies |= UINT64_C(1) << ANOMALY_CODING_ERROR;
}

void body_coding_unknown(struct flow_env *env, struct body *body)
{
	body->msg->anomalies |= UINT64_C(1) << ANOMALY_CODING_UNKNOWN;
	env->stats.body_coding_unknown++;
}

void body_bomb(struct flow_env *env, struct body *body)
{
	body->msg->anomalies |= UINT64_C(1) << ANOMALY_DECOMPRESSION_BOMB;
	env->stats.body_bombs++;
}

// Decoders are taken when the first byte comes. Without one the coding is as good as unknown.
static void body_acquire(struct flow_env *env, struct body *body)
{
	for (uint32_t i = 0; i < body->n_stages; i++) {
		body->stage[i] = decoder_open(env, (enum decoder_format)body->format[i], body);
		if (!body->stage[i]) {
			env->stats.body_no_context++;
			body->msg->anomalies |= UINT64_C(1) << ANOMALY_CODING_UNKNOWN;
			body_stop(env, body, CODING_UNKNOWN);
			return;
		}
	}
}

// Bytes on their way through the stages.
struct body_run {
	struct span in[BODY_STAGES];
	bool more[BODY_STAGES]; // output is left
};

// One step of stage i. Output is cut at multiples of a size and one byte past the limit, so that
// limits strike at the same byte however the input was cut.
static enum body_coding body_step(struct flow_env *env, struct body *body, struct body_run *run,
				  uint32_t i, uint8_t *out, uint32_t *n)
{
	enum decoder_format format = (enum decoder_format)body->format[i];
	void *decoder = body->stage[i];
	uint32_t piece = i + 1 == body->n_stages ? WINDOW_BYTES : BODY_PIECE;
	uint64_t written = decoder_written(format, decoder), limit = env->limits.inflate_bytes;
	uint32_t room = piece - (uint32_t)(written % piece);
	enum inflate_result result;

	if (limit && !decoder_is_plain(format, decoder) && limit - written < room)
		room = (uint32_t)(limit - written) + 1;
	result = decoder_more(format, decoder, &run->in[i], out, room, n);
	run->more[i] = result == INFLATE_FULL;
	written += *n;
	if (decoder_is_plain(format, decoder)) { // never coded: a mistake, but nothing is damaged
		body_coding_error(env, body);
		return CODING_ACTIVE;
	}
	if (limit && written > limit) {
		*n -= (uint32_t)(written - limit);
		return CODING_BOMB;
	}
	if (env->limits.inflate_ratio && written > BODY_RATIO_FROM && written % WINDOW_BYTES == 0 &&
	    written / env->limits.inflate_ratio >
		    decoder_taken((enum decoder_format)body->format[0], body->stage[0]))
		return CODING_BOMB;
	if (result == INFLATE_LARGE)
		return CODING_BOMB;
	if (result == INFLATE_BAD) {
		body_coding_error(env, body);
		return CODING_STOPPED; // body_stop() says that it is damaged
	}
	return CODING_ACTIVE;
}

// The last stage that has something to do goes first: what it reads is used up when the stage
// before it writes again. When one fails, what it wrote still goes through those behind it.
static enum body_coding body_decode(struct flow_env *env, struct body *body, struct body_run *run)
{
	enum body_coding state = CODING_ACTIVE;
	uint32_t first = 0; // stages before it have failed

	// Each turn uses up some input or writes something; what a stage writes is limited.
	for (;;) {
		uint32_t i = body->n_stages;

		while (i > first && !run->in[i - 1].len && !run->more[i - 1])
			i--;
		if (i == first)
			return state;
		i--;
		bool last = i + 1 == body->n_stages;
		uint8_t *out = last ? env->window + WINDOW_TAIL : env->inflate_out + i * BODY_PIECE;
		uint32_t n;
		enum body_coding next = body_step(env, body, run, i, out, &n);

		if (!last)
			run->in[i + 1] = span_make(out, n);
		else if (n)
			body_decoded(env, body, out, n);
		if (next != CODING_ACTIVE) {
			state = next;
			first = i + 1;
		}
	}
}

// Bytes that are not decoded (any more): counted, and never looked at.
static void body_undecoded(struct flow_env *env, struct body *body, uint32_t n)
{
	env->stats.body_bytes += n;
	if (body->coding == CODING_BOMB)
		env->stats.body_over_limit_bytes += n;
	else
		env->stats.body_skipped_bytes += n;
}

static void body_coded(struct flow_env *env, struct body *body, struct body_run *run)
{
	enum body_coding state = body_decode(env, body, run);

	if (state == CODING_ACTIVE)
		return;
	if (state == CODING_BOMB)
		body_bomb(env, body);
	body_stop(env, body, state);
	body_undecoded(env, body, run->in[0].len);
}

// What decoders hold back because more input could come.
static void body_flush(struct flow_env *env, struct body *body)
{
	for (uint32_t i = 0; i < body->n_stages && body->coding == CODING_ACTIVE; i++) {
		struct body_run run = {0};

		if (!body->stage[i] ||
		    !decoder_finish((enum decoder_format)body->format[i], body->stage[i]))
			continue;
		run.more[i] = true;
		body_coded(env, body, &run);
	}
}

void body_data(struct flow_env *env, struct body *body, struct span raw)
{
	uint32_t stage;

	if (raw.len == 0)
		return;
	stage = stage_enter(&env->stages, STAGE_BODY);
	body->msg->wire_len += raw.len;
	if (body->coding == CODING_ACTIVE && !body->stage[0])
		body_acquire(env, body);
	if (body->coding == CODING_FOREIGN || (body->coding == CODING_UNKNOWN && !body->damaged))
		body_coding_unknown(env, body);
	if (body->coding == CODING_FOREIGN)
		body->coding = CODING_PLAIN;
	switch ((enum body_coding)body->coding) {
	case CODING_PLAIN:
		while (raw.len) {
			uint32_t n = raw.len < WINDOW_BYTES ? raw.len : WINDOW_BYTES;

			body_decoded(env, body, raw.p, n);
			raw.p += n;
			raw.len -= n;
		}
		break;
	case CODING_ACTIVE:
		for (uint32_t i = 0; i < body->n_stages; i++)
			decoder_heard(env, (enum decoder_format)body->format[i], body->stage[i],
				      body_heard_ns(body));
		body_coded(env, body, &(struct body_run){.in = {raw}});
		break;
	case CODING_FOREIGN:
	case CODING_UNKNOWN:
		body->damaged = true;
		body->msg->body_len += raw.len;
		body_undecoded(env, body, raw.len);
		break;
	case CODING_STOPPED:
	case CODING_BOMB:
		body_undecoded(env, body, raw.len);
		break;
	}
	stage_leave(&env->stages, stage);
}

void body_gap(struct flow_env *env, struct body *body, uint64_t len)
{
	uint32_t stage = stage_enter(&env->stages, STAGE_BODY);

	if (body->coding == CODING_ACTIVE) {
		body_stop(env, body, CODING_STOPPED);
	} else if (body->view.kind > VIEW_DETECT) {
		body_view_lost(env, body);
	} else {
		body_view_end(env, body); // whatever follows is no beginning
		body->view.kind = VIEW_NONE;
		body_cut(env, body);
	}
	body->gap = true;
	body->off += len;
	stage_leave(&env->stages, stage);
}

void body_end(struct flow_env *env, struct body *body, bool complete)
{
	struct http_msg *msg = body->msg;
	bool whole = complete && !body->gap;
	uint32_t stage = stage_enter(&env->stages, STAGE_BODY);

	body_flush(env, body);
	body_view_end(env, body);
	if (body->stage[0] && whole) {
		for (uint32_t i = 0; i < body->n_stages; i++) {
			if (!decoder_may_end((enum decoder_format)body->format[i],
					     body->stage[i])) {
				body_coding_error(env, body);
				body->damaged = true;
			}
		}
	}
	body_scan_end(env, body, whole && !body->damaged);
	msg->complete = whole;
	if (env->hashes && whole && !body->damaged && msg->body_len) {
		sha256_digest(&body->sha256, sizeof(msg->sha256), msg->sha256);
		msg->hashed = true;
	}
	body_release(env, body);
	pool_put(&env->body, body);
	stage_leave(&env->stages, stage);
}

static void body_fetch(const void *from, uint32_t len)
{
	for (uint32_t at = 0; at < len; at += RTE_CACHE_LINE_SIZE)
		__builtin_prefetch((const uint8_t *)from + at, 1);
}

void body_ahead(const struct flow_env *env, const struct body *body, const struct http_msg *msg,
		uint32_t len, bool near)
{
	uint32_t limit = env->limits.capture_body;

	if (!near) {
		body_fetch(body, offsetof(struct body, view));
		body_fetch(body->walk, 2 * RTE_CACHE_LINE_SIZE);
		body_fetch(msg, offsetof(struct http_msg, first_ns));
		return;
	}
	if (body->own)
		body_fetch(body->own + WINDOW_TAIL + body->gathered,
			   span_least(len, BODY_GATHER - body->gathered));
	if (msg->body && msg->body_kept < limit)
		body_fetch(msg->body + msg->body_kept, span_least(len, limit - msg->body_kept));
}

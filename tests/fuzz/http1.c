// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// A connection of HTTP/1: requests and responses in turns, cut at random, with holes if the input
// says so. The exchanges must be the same as with every turn in one piece, unless the parser was
// lost: it then looks for a message where a piece begins. What must hold for every exchange is
// checked always. The input is a list of turns: a byte (sender, hole), two of length, the bytes.

#include "flows/flow_conf.h"
#include "flows/parser.h"
#include "tests/fuzz/fuzz.h"

#include <stdalign.h>

static struct flow_env env;
static char *log_text;
static size_t log_len;

static void put(const void *p, size_t n)
{
	log_text = realloc(log_text, log_len + n + 1);
	if (n)
		memcpy(log_text + log_len, p, n);
	log_len += n;
}

static void on_request(void *, struct http_tx *tx)
{
	FUZZ_CHECK(!tx->detect && tx->msg[CLIENT].seen && tx->msg[CLIENT].head_len > 0);
	tx->detect = &env;
}

static void on_response(void *, struct http_tx *tx)
{
	FUZZ_CHECK(tx->msg[SERVER].seen && !tx->detect == !tx->msg[CLIENT].seen);
}

static void on_window(void *, struct http_tx *tx, const struct window *window)
{
	FUZZ_CHECK(tx->msg[window->dir].seen && window->fresh < window->bytes.len);
}

static void on_value(void *, struct http_tx *tx, const struct value *v)
{
	FUZZ_CHECK(tx->msg[v->dir].seen && v->overlap <= v->v.len);
}

static void on_held(void *, struct http_tx *tx)
{
	FUZZ_CHECK(tx->msg[CLIENT].seen && !tx->msg[CLIENT].complete);
}

static void on_end(void *, struct http_tx *tx)
{
	char line[160];

	put(tx->method.p, tx->method.len);
	put(" ", 1);
	put(tx->uri.p, tx->uri.len);
	for (uint32_t dir = 0; dir < 2; dir++) {
		const struct http_msg *msg = &tx->msg[dir];
		// That more rides with the response is seen where it does.
		uint64_t marks = msg->anomalies & ~(UINT64_C(1) << ANOMALY_UNSOLICITED_RESPONSE);

		FUZZ_CHECK(!msg->hashed || msg->complete);
		FUZZ_CHECK(!msg->complete || msg->seen);
		FUZZ_CHECK(msg->body_kept <= http_msg_shown(msg));
		put(line,
		    (size_t)snprintf(
			    line, sizeof(line), " [%d%d%d%d %u %llx %llu %llu %02x%02x]", msg->seen,
			    msg->complete, msg->has_body, msg->hashed, msg->framing,
			    (unsigned long long)marks, (unsigned long long)msg->body_len,
			    (unsigned long long)msg->wire_len, msg->hashed ? msg->sha256[0] : 0,
			    msg->hashed ? msg->sha256[31] : 0));
	}
	put(line, (size_t)snprintf(line, sizeof(line), " %u%s\n", tx->status,
				   tx->paired_by_guess ? " guess" : ""));
}

static void init(void)
{
	struct flow_plan plan = {
		.limits = {.inflate_bytes = 1 << 18,
			   .inflate_ratio = 200,
			   .json_depth = 64,
			   .head_bytes = 8192,
			   .headers = 32,
			   .pipeline = 8,
			   .capture_head = 8192,
			   .capture_body = 64},
		.n_tx = 64,
		.n_capture = 64,
		.n_head4k = 4,
		.n_head64k = 4,
		.n_body = 64,
		.n_gather = 4,
		.n_inflate = 8,
		.n_brotli = 8,
		.n_zstd = 8,
	};

	for (uint32_t i = 0; i < parser_count(); i++)
		plan.n_blocks[i] = 2;
	FUZZ_CHECK(flow_env_init(&env, &plan, 99, true) == 0);
	env.sink = (struct event_sink){
		.request = on_request,
		.response = on_response,
		.window = on_window,
		.value = on_value,
		.held = on_held,
		.end = on_end,
	};
}

// Returns whether the parser was lost, or so much time went by that where pieces end makes a difference.
static bool run(const uint8_t *p, size_t len, struct fuzz_cuts cuts)
{
	static alignas(64) uint8_t state[PARSER_STATE];
	struct conn_meta meta = {.id = 1};
	struct pctx ctx = {.env = &env, .conn = &meta, .state = state, .now_ns = 1000};
	const struct parser *parser = &http1_parser;
	uint64_t next[2] = {0};
	const struct flow_stats before = env.stats;
	bool going = true, holes = false;

	memset(state, 0, sizeof(state));
	memset(&env.hand, 0, sizeof(env.hand));
	log_len = 0;
	put("", 0);
	parser->open(&ctx);
	while (len >= 3 && going) {
		enum dir dir = p[0] & 1 ? SERVER : CLIENT;
		size_t n = (size_t)(p[1] | (p[2] & 0xf) << 8);

		if (p[0] >= 0xf8) { // a hole
			ctx.cut_off = p[0] & 2;
			going = parser->gap(&ctx, dir, n + 1);
			ctx.cut_off = false;
			next[dir] += n + 1;
			ctx.lossy[dir] = holes = true;
			p += 3;
			len -= 3;
			continue;
		}
		n = n < len - 3 ? n : len - 3;
		if (p[0] & 0x20)
			ctx.now_ns += REQUEST_HELD_NS / 3;
		// The other side has what came before.
		ctx.acked[!dir] = next[!dir];
		for (size_t done = 0; done < n && going;) {
			size_t piece = fuzz_cut(&cuts, n - done);
			uint8_t *copy = malloc(piece);

			memcpy(copy, p + 3 + done, piece);
			ctx.off[dir] = next[dir];
			ctx.now_ns += 1000;
			// Handing over is another harness's matter.
			going = parser->data(&ctx, dir, span_make(copy, piece)) && !env.hand.set;
			next[dir] += piece;
			done += piece;
			free(copy);
		}
		p += 3 + n;
		len -= 3 + n;
	}
	if (env.hand.set && env.hand.tx) {
		on_end(NULL, env.hand.tx);
		parser->close(&ctx, CLOSE_END);
		return true;
	}
	if (going)
		parser->fin(&ctx, CLIENT);
	if (going)
		parser->fin(&ctx, SERVER);
	parser->close(&ctx, going ? CLOSE_FIN : CLOSE_END);
	FUZZ_CHECK(env.tx.used == 0 && env.capture.used == 0 && env.body.used == 0);
	FUZZ_CHECK(env.head4k.used == 0 && env.head64k.used == 0);
	return holes || ctx.now_ns > REQUEST_HELD_NS || env.stats.http_errors > before.http_errors ||
	       env.stats.http_skipped_bytes > before.http_skipped_bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *whole;
	size_t whole_len;

	if (!env.window)
		init();
	if (size < FUZZ_CUT_BYTES)
		return 0;
	bool lost = run(data + FUZZ_CUT_BYTES, size - FUZZ_CUT_BYTES, fuzz_cuts(data, true));

	if (env.hand.set) { // exchanges handed over stay with their blocks
		flow_env_fini(&env);
		return 0;
	}
	whole = malloc(log_len + 1);
	memcpy(whole, log_text, log_len);
	whole_len = log_len;
	lost |= run(data + FUZZ_CUT_BYTES, size - FUZZ_CUT_BYTES, fuzz_cuts(data, false));
	if (env.hand.set) {
		flow_env_fini(&env);
	} else if (!lost && (whole_len != log_len || memcmp(whole, log_text, log_len) != 0)) {
		fprintf(stderr, "whole:\n%.*s\ncut:\n%.*s\n", (int)whole_len, whole, (int)log_len,
			log_text);
		FUZZ_CHECK(!"the same exchanges however it is cut");
	}
	free(whole);
	return 0;
}

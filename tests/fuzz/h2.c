// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Both directions of an HTTP/2 connection, with holes. The input is a byte of options and records of
// three bytes (who sends it or loses it, length) with their bytes. Delivered twice, in the pieces of
// the input and cut at random: as long as no frames had to be searched both must tell the same.

#include "flows/body.h"
#include "flows/h2_conn.h"
#include "tests/fuzz/fuzz.h"

static struct flow_env env;
static uint64_t told; // hash of all that the sink was told

static void fold(const void *p, size_t n)
{
	const uint8_t *bytes = p;

	for (size_t i = 0; i < n; i++)
		told = (told ^ bytes[i]) * UINT64_C(0x100000001b3);
}

static void fold_span(struct span s)
{
	fold(&s.len, sizeof(s.len));
	fold(s.p, s.len);
}

static void on_request(void *, struct http_tx *tx)
{
	FUZZ_CHECK(tx->msg[CLIENT].seen);
	tx->detect = &env;
}

static void on_window(void *, struct http_tx *tx, const struct window *w)
{
	FUZZ_CHECK(tx->msg[w->dir].seen && w->fresh <= w->bytes.len);
}

static void on_end(void *, struct http_tx *tx)
{
	FUZZ_CHECK(!tx->msg[CLIENT].seen == !tx->detect);
	fold(&tx->status, sizeof(tx->status));
	fold(&tx->stream, sizeof(tx->stream));
	fold(&tx->grpc_status, sizeof(tx->grpc_status));
	fold_span(tx->method);
	fold_span(tx->uri);
	for (uint32_t dir = 0; dir < 2; dir++) {
		struct http_msg *msg = &tx->msg[dir];
		struct span name, value;

		fold(&msg->anomalies, sizeof(msg->anomalies));
		fold(&msg->complete, sizeof(msg->complete));
		if (msg->complete)
			fold(&msg->body_len, sizeof(msg->body_len));
		fold(msg->head, msg->head_len);
		fold(msg->body, msg->body_kept);
		if (msg->hashed)
			fold(msg->sha256, sizeof(msg->sha256));
		fold(&msg->grpc_messages, sizeof(msg->grpc_messages));
		for (uint32_t i = 0; i < HEADER_N; i++)
			fold_span(msg->header[i]);
		for (uint32_t pos = 0; http_header_next(msg, &pos, &name, &value);)
			FUZZ_CHECK(name.len > 0);
	}
}

static uint32_t index_of(const struct parser *parser)
{
	uint32_t i = 0;

	while (parser_get(i) != parser)
		i++;
	return i;
}

static void env_init(void)
{
	if (env.window)
		return;
	env.limits = (struct flow_limits){
		.head_bytes = 16384,
		.headers = 64,
		.pipeline = 16,
		.inflate_bytes = 1 << 18,
		.inflate_ratio = 200,
		.json_depth = 16,
		.capture_head = 1024,
		.capture_body = 256,
	};
	env.hashes = true;
	env.sink = (struct event_sink){.request = on_request, .window = on_window, .end = on_end};
	FUZZ_CHECK(!pool_init(&env.tx, sizeof(struct http_tx), 300) &&
		   !pool_init(&env.capture, 2 * (1024 + 256 + 64), 290) &&
		   !pool_init(&env.brief, HTTP_BRIEF_BYTES + 64, 200) &&
		   !pool_init(&env.head4k, 4096, 3) && !pool_init(&env.head64k, 16384, 3) &&
		   !pool_init(&env.body, body_state_size(), 200) &&
		   !pool_init(&env.inflate, inflate_state_size(), 2) &&
		   !pool_init(&env.brotli, brotli_state_size(), 2) &&
		   !pool_init(&env.blocks[index_of(&h2_parser)], h2_parser.block_bytes, 14) &&
		   !pool_init(&env.blocks[index_of(&ws_parser)], ws_parser.block_bytes, 3));
	env.window = calloc(1, WINDOW_TAIL + WINDOW_BYTES + WINDOW_PAD);
	env.inflate_out = calloc(1, WINDOW_BYTES);
	FUZZ_CHECK(env.window && env.inflate_out);
}

struct feed {
	struct pctx p;
	uint64_t off[2];
	bool alive;
};

// A copy of its own size, so that every byte read too far is seen.
static void give(struct feed *f, enum dir dir, const uint8_t *bytes, uint32_t n)
{
	uint8_t *copy = malloc(n);

	if (!f->alive || !n || !copy) {
		free(copy);
		return;
	}
	memcpy(copy, bytes, n);
	f->p.off[dir] = f->off[dir];
	f->off[dir] += n;
	f->p.now_ns += UINT64_C(1000);
	f->alive = h2_parser.data(&f->p, dir, span_make(copy, n));
	free(copy);
}

// A WebSocket in stream 1 (RFC 8441) with permessage-deflate.
static void give_tunnel(struct feed *f)
{
	static const char ask[] = "\0\0\x2d\1\4\0\0\0\1"
				  "\x02\x07"
				  "CONNECT\x00\x09:protocol\x09websocket"
				  "\x87\x04\x05/chat\x01\x01h\x00\x01"
				  "a\x00";
	static const char answer[] = "\0\0\x2e\1\4\0\0\0\1"
				     "\x88\x00\x18sec-websocket-extensions"
				     "\x12permessage-deflate";

	give(f, CLIENT, (const uint8_t *)ask, sizeof(ask) - 1);
	give(f, SERVER, (const uint8_t *)answer, sizeof(answer) - 1);
}

static bool deliver(const uint8_t *data, size_t size, bool cut)
{
	static const struct conn_meta whole, late = {.midstream = true};
	static _Alignas(16) uint8_t state[PARSER_STATE];
	uint8_t options = data[0];
	uint32_t random = options;
	bool holes = options & 1;
	struct feed f = {.alive = true};

	told = UINT64_C(0xcbf29ce484222325);
	memset(&env.stats, 0, sizeof(env.stats));
	memset(state, 0, sizeof(state));
	f.p = (struct pctx){.env = &env, .conn = holes ? &late : &whole, .state = state};
	f.p.lossy[CLIENT] = f.p.lossy[SERVER] = holes;
	h2_parser.open(&f.p);
	if (!holes)
		give(&f, CLIENT, h2_preface, H2_PREFACE_BYTES);
	if (!holes && (options & 8))
		give_tunnel(&f);
	for (size_t at = 1; size - at > 3;) {
		enum dir dir = data[at] & 1;
		bool lost = (data[at] & 6) == 6;
		uint32_t n = (uint32_t)(data[at + 1] & 0x3f) << 8 | data[at + 2];

		at += 3;
		if (lost) {
			f.p.off[dir] = f.off[dir];
			f.off[dir] += n + 1;
			f.alive = f.alive && h2_parser.gap(&f.p, dir, n + 1);
			holes = true;
			continue;
		}
		n = n < size - at ? n : (uint32_t)(size - at);
		for (uint32_t done = 0; done < n;) {
			random = random * 1103515245 + 12345;
			uint32_t piece = cut ? 1 + (random >> 16) % 40 : n;

			piece = piece < n - done ? piece : n - done;
			give(&f, dir, data + at + done, piece);
			done += piece;
		}
		at += n;
	}
	if (f.alive && (options & 2)) {
		h2_parser.fin(&f.p, CLIENT);
		h2_parser.fin(&f.p, SERVER);
	}
	h2_parser.close(&f.p, CLOSE_END);
	FUZZ_CHECK(!env.tx.used && !env.capture.used && !env.brief.used && !env.head4k.used &&
		   !env.head64k.used && !env.body.used && !env.inflate.used && !env.brotli.used &&
		   !env.blocks[index_of(&h2_parser)].used);
	FUZZ_CHECK(!env.blocks[index_of(&ws_parser)].used);
	return !holes && !env.stats.h2_lost && !env.stats.ws_skipped_bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 4)
		return 0;
	env_init();
	bool plain = deliver(data, size, false);
	uint64_t first = told;

	plain &= deliver(data, size, true);
	FUZZ_CHECK(!plain || first == told);
	return 0;
}

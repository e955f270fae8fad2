// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// A WebSocket connection from its upgrade on: both directions, with compressed messages or not,
// bytes before the answer, holes. Whatever comes: all that was taken is given back, and without
// holes any cutting tells the same.
//
// Behind the cuts one byte says what the answer agrees upon; then each part is a byte of direction
// and kind, a byte of length, and its bytes.

#include "flows/body.h"
#include "flows/inflate.h"
#include "flows/parser.h"

#include "fuzz.h"

enum {
	PART_SERVER = 1,
	PART_GAP = 2,
	PART_EARLY = 4, // of the flags: the first part comes before the answer
};

static const char request[] = "GET /chat HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\r\n";
static const char *const answers[] = {
	"HTTP/1.1 101 .\r\nUpgrade: websocket\r\n\r\n",
	"HTTP/1.1 101 .\r\nUpgrade: websocket\r\n"
	"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
	"HTTP/1.1 101 .\r\nUpgrade: websocket\r\nSec-WebSocket-Extensions: permessage-deflate; "
	"server_no_context_takeover; client_no_context_takeover\r\n\r\n",
	"HTTP/1.1 101 .\r\nUpgrade: websocket\r\nSec-WebSocket-Extensions: other\r\n\r\n",
};

static struct flow_env env;
static struct conn_meta meta;
static struct pctx ctx;
static const struct parser *parser;
static _Alignas(16) uint8_t state[PARSER_STATE];
static uint64_t delivered[2], digest[2];
static bool alive;

static void note(enum dir dir, const void *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		digest[dir] = (digest[dir] ^ ((const uint8_t *)bytes)[i]) * UINT64_C(0x100000001b3);
}

static void on_ws(void *, const struct conn_meta *, const struct ws_frame *frame)
{
	uint64_t facts[] = {frame->opcode, frame->fin, frame->complete,
			    frame->hashed, frame->len, frame->anomalies};

	FUZZ_CHECK(!frame->hashed || frame->complete);
	note(frame->dir, facts, sizeof(facts));
	if (frame->hashed)
		note(frame->dir, frame->sha256, sizeof(frame->sha256));
}

static void on_end(void *, struct http_tx *tx)
{
	for (uint32_t dir = 0; dir < 2; dir++) {
		const struct http_msg *msg = &tx->msg[dir];
		uint64_t facts[] = {msg->seen, msg->complete, msg->hashed, msg->body_len,
				    msg->anomalies};

		FUZZ_CHECK(tx->proto != PROTO_WS || msg->seen);
		if (tx->proto != PROTO_WS || !msg->has_body)
			continue;
		note(dir, facts, sizeof(facts));
		if (msg->hashed)
			note(dir, msg->sha256, sizeof(msg->sha256));
	}
}

// They also make the bodies be looked at.
static void on_window(void *, struct http_tx *, const struct window *window)
{
	FUZZ_CHECK(window->fresh <= window->bytes.len);
}

static void on_value(void *, struct http_tx *, const struct value *value)
{
	FUZZ_CHECK(value->overlap <= value->v.len || value->kind != VALUE_TEXT);
}

static void start(void)
{
	uint32_t i = 0;

	env.hashes = true;
	env.sink = (struct event_sink){
		.window = on_window, .value = on_value, .end = on_end, .ws = on_ws};
	env.limits = (struct flow_limits){
		.head_bytes = 65536,
		.headers = 256,
		.pipeline = 128,
		.inflate_bytes = 1 << 18,
		.inflate_ratio = 200,
		.json_depth = 64,
		.capture_head = 1024,
		.capture_body = 64,
	};
	env.window = calloc(1, WINDOW_TAIL + WINDOW_BYTES + WINDOW_PAD);
	env.inflate_out = calloc(1, WINDOW_BYTES);
	while (parser_get(i) != &ws_parser)
		i++;
	FUZZ_CHECK(!pool_init(&env.tx, sizeof(struct http_tx), 8) &&
		   !pool_init(&env.capture, 2 * (1024 + 64 + 64), 8) &&
		   !pool_init(&env.head4k, 4096, 2) && !pool_init(&env.head64k, 65536, 2) &&
		   !pool_init(&env.body, body_state_size(), 4) &&
		   !pool_init(&env.inflate, inflate_state_size(), 8) &&
		   !pool_init(&env.blocks[i], ws_parser.block_bytes, 1));
}

// From memory of its own size, so that no byte behind it is read unseen.
static void give(enum dir dir, const void *bytes, size_t len)
{
	uint8_t *copy;

	if (!alive || !len)
		return;
	copy = malloc(len);
	FUZZ_CHECK(copy);
	memcpy(copy, bytes, len);
	ctx.off[dir] = delivered[dir];
	ctx.acked[!dir] = delivered[!dir];
	delivered[dir] += len;
	alive = parser_data(&parser, &ctx, dir, span_make(copy, len)) == PARSER_GOES_ON;
	free(copy);
}

static void give_cut(struct fuzz_cuts *cuts, enum dir dir, const uint8_t *bytes, size_t len)
{
	while (len) {
		size_t n = fuzz_cut(cuts, len);

		give(dir, bytes, n);
		bytes += n;
		len -= n;
	}
}

static bool run(const uint8_t *data, size_t size, bool whole)
{
	struct fuzz_cuts cuts = fuzz_cuts(data, whole);
	const uint8_t *p = data + FUZZ_CUT_BYTES + 1, *end = data + size;
	uint8_t flags = data[FUZZ_CUT_BYTES];
	const char *answer = answers[flags & 3];
	bool early = flags & PART_EARLY, gaps = false;

	memset(state, 0, sizeof(state));
	ctx = (struct pctx){.env = &env, .conn = &meta, .state = state, .now_ns = 1};
	delivered[0] = delivered[1] = digest[0] = digest[1] = 0;
	alive = true;
	parser = &http1_parser;
	parser->open(&ctx);
	give(CLIENT, request, sizeof(request) - 1);
	if (!early)
		give(SERVER, answer, strlen(answer));
	while (end - p >= 2) {
		uint8_t kind = *p++;
		size_t n = *p++ * 4u + 1;
		enum dir dir = kind & PART_SERVER ? SERVER : CLIENT;

		n = n < (size_t)(end - p) ? n : (size_t)(end - p);
		if (early)
			dir = CLIENT;
		if ((kind & 7 & ~PART_SERVER) == PART_GAP) {
			gaps = true;
			ctx.off[dir] = delivered[dir];
			delivered[dir] += n;
			alive = alive && parser->gap(&ctx, dir, kind & 8 ? 0 : n);
			continue;
		}
		give_cut(&cuts, dir, p, n);
		p += n;
		if (early)
			give(SERVER, answer, strlen(answer));
		early = false;
	}
	parser->fin(&ctx, CLIENT);
	parser->close(&ctx, CLOSE_FIN);
	FUZZ_CHECK(env.tx.used == 0 && env.capture.used == 0 && env.body.used == 0 &&
		   env.inflate.used == 0 && env.head4k.used == 0 && env.head64k.used == 0);
	for (uint32_t i = 0; i < FLOW_PARSERS; i++)
		FUZZ_CHECK(env.blocks[i].used == 0);
	return gaps;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t once[2];

	if (!env.window)
		start();
	if (size < FUZZ_CUT_BYTES + 1)
		return 0;
	bool gaps = run(data, size, true);

	memcpy(once, digest, sizeof(once));
	run(data, size, false);
	// What is beside frames for some cuttings and frames for others is what holes leave, and
	// what http1 makes of bytes before an answer that is no upgrade to them.
	if (!gaps && parser == &ws_parser)
		FUZZ_CHECK(memcmp(once, digest, sizeof(once)) == 0);
	return 0;
}

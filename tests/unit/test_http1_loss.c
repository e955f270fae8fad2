// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The HTTP/1 parser under loss, abuse and the clock: a model of a connection seen through a tap that
// drops packets, hostile bytes, and inputs that must not cost more than their length.

#include "tests/unit/http1_harness.h"

// ---- loss: a model of a connection seen through a tap that drops packets

enum { EXCHANGES = 6, PACKETS = 400 };

struct packet {
	enum dir dir;
	uint32_t exchange;
	uint64_t off, ack;
	uint32_t len;
	bool lost, given;
};

struct model {
	char stream[2][40000];
	uint64_t len[2];
	struct packet packets[PACKETS];
	uint32_t n;
};

static struct model model;
static uint32_t model_seed;
static uint32_t found_mask, wrong;
static uint32_t snap; // bytes of a segment that the tap keeps; 0: all
static char wanted_body[2][EXCHANGES][2000];

static uint32_t rnd(uint32_t n)
{
	model_seed = model_seed * 1103515245 + 12345;
	return (model_seed >> 8) % n;
}

static void model_body(char *out, uint32_t i, bool chunked, char *text)
{
	size_t n = 20 + rnd(600), at = 0;

	for (size_t k = 0; k < n; k++)
		text[k] = (char)('a' + (k * 7 + i) % 26);
	text[n] = 0;
	if (!chunked) {
		sprintf(out, "Content-Length: %zu\r\n\r\n%s", n, text);
		return;
	}
	out += sprintf(out, "Transfer-Encoding: chunked\r\n\r\n");
	while (at < n) {
		size_t k = 1 + rnd(200);

		k = k < n - at ? k : n - at;
		out += sprintf(out, "%zx\r\n%.*s\r\n", k, (int)k, text + at);
		at += k;
	}
	sprintf(out, "0\r\n\r\n");
}

static void model_send(enum dir dir, uint32_t i, const char *text, uint32_t mss)
{
	size_t len = strlen(text);

	memcpy(model.stream[dir] + model.len[dir], text, len);
	for (size_t at = 0; at < len; at += mss) {
		struct packet *p = &model.packets[model.n++];

		assert_true(model.n < PACKETS);
		*p = (struct packet){
			.dir = dir,
			.exchange = i,
			.off = model.len[dir],
			.ack = model.len[!dir],
			.len = (uint32_t)(len - at < mss ? len - at : mss),
		};
		model.len[dir] += p->len;
	}
}

// window: requests sent before a response is awaited; 1: the client waits.
static void model_make(uint32_t window, uint32_t mss)
{
	char text[4000];

	model.n = 0;
	model.len[CLIENT] = model.len[SERVER] = 0;
	for (uint32_t base = 0; base < EXCHANGES; base += window) {
		for (uint32_t i = base; i < base + window && i < EXCHANGES; i++) {
			bool post = rnd(2);
			int n = sprintf(text, "%s /%u HTTP/1.1\r\nHost: h\r\nX-Pad: %u\r\n",
					post ? "POST" : "GET", i, rnd(1000));

			wanted_body[CLIENT][i][0] = 0;
			if (post)
				model_body(text + n, i, rnd(2), wanted_body[CLIENT][i]);
			else
				strcpy(text + n, "\r\n");
			model_send(CLIENT, i, text, mss);
		}
		for (uint32_t i = base; i < base + window && i < EXCHANGES; i++) {
			int n = sprintf(text, "HTTP/1.1 200 OK\r\nLocation: %u\r\n", i);

			model_body(text + n, i, rnd(2), wanted_body[SERVER][i]);
			model_send(SERVER, i, text, mss);
		}
	}
}

static void on_end_model(void *ctx_, struct http_tx *tx)
{
	struct span uri = tx->uri, named = http_header(tx, SERVER, HEADER_LOCATION);

	on_end(ctx_, tx);
	if (uri.len == 2 && named.len == 1) {
		if (uri.p[1] != named.p[0])
			wrong++;
		else
			found_mask |= 1u << (uri.p[1] - '0');
	}
	for (uint32_t dir = 0; dir < 2; dir++) {
		const struct http_msg *msg = &tx->msg[dir];
		const uint8_t *who = dir == CLIENT ? (uri.len == 2 ? uri.p + 1 : NULL)
						   : (named.len == 1 ? named.p : NULL);

		if (!msg->complete || !msg->has_body)
			continue;
		if (!who)
			continue;
		const char *want = wanted_body[dir][*who - '0'];

		if (msg->body_len != strlen(want) ||
		    strncmp((char *)msg->body, want, msg->body_kept))
			wrong++;
	}
}

// What the TCP layer may do: hold packets behind a hole for `patience` packets, and tell the
// acknowledgements of the packet that is delivered, or (late) all that were seen.
static void model_run(uint32_t patience, bool late)
{
	uint64_t next[2] = {0}, acks[2] = {0}; // acks: by stream
	uint32_t since[2] = {0};

	found_mask = wrong = 0;
	conn_open(false);
	for (uint32_t i = 0; i < model.n; i++) {
		struct packet *p = &model.packets[i];

		p->given = false;
		if (p->lost)
			continue;
		if (acks[!p->dir] < p->ack)
			acks[!p->dir] = p->ack;
		for (uint32_t d = 0; d < 2; d++) {
			for (uint32_t k = 0; k <= i;
			     k++) { // packets are in order within a direction
				struct packet *q = &model.packets[k];

				if (q->dir != d || q->lost || q->given)
					continue;
				if (q->off > next[d]) {
					if (since[d]++ < patience)
						break;
					ctx.acked[!d] = late ? acks[!d] : ctx.acked[!d];
					lose(d, q->off - next[d]);
				}
				since[d] = 0;
				uint64_t ack = late ? acks[!d] : q->ack;

				if (ctx.acked[!d] < ack)
					ctx.acked[!d] = ack;
				uint32_t kept = snap && snap < q->len ? snap : q->len;

				memcpy(guarded - kept, model.stream[d] + q->off, kept);
				ctx.off[d] = q->off;
				ctx.now_ns++;
				assert_true(http1_parser.data(&ctx, d,
							      span_make(guarded - kept, kept)));
				delivered[d] = q->off + kept;
				ctx.cut_off = true;
				lose(d, q->len - kept);
				ctx.cut_off = false;
				next[d] = delivered[d] = q->off + q->len;
				q->given = true;
			}
		}
	}
	conn_close(CLOSE_FIN);
}

// Bodies are compared to their last byte.
static void whole_bodies(void)
{
	env.limits.capture_body = 2048;
	pools(300, 300, 4, 4);
}

// One segment of a keep-alive conversation is missing: nothing is paired wrongly, and every
// exchange none of whose segments is missing is found.
static void test_one_segment_lost(void **)
{
	whole_bodies();
	env.sink.end = on_end_model;
	for (uint32_t round = 0; round < 60; round++) {
		model_seed = round;
		model_make(1, round % 3 == 0 ? 100 : round % 3 == 1 ? 400 : 1460);
		for (uint32_t at = 0; at < model.n; at++) {
			uint32_t hit = model.packets[at].exchange;

			model.packets[at].lost = true;
			model_run(0, false);
			model.packets[at].lost = false;
			if (wrong || (found_mask | 1u << hit) != (1u << EXCHANGES) - 1)
				fail_msg("round %u packet %u (%s %u): wrong %u found %x\n%s", round,
					 at,
					 model.packets[at].dir == CLIENT ? "request" : "response",
					 hit, wrong, found_mask, got);
		}
	}
	env.sink.end = on_end;
}

// A snap length cuts off the end of every segment: what begins a segment is found, if the client
// waits, and whatever it does nothing wrong is said.
static void test_cut_off(void **)
{
	uint32_t found = 0, all = 0;

	whole_bodies();
	env.sink.end = on_end_model;
	for (uint32_t round = 0; round < 4000; round++) {
		model_seed = round;
		uint32_t window = round & 1 ? 1 : 1 + rnd(EXCHANGES), loss = round & 2 ? 12 : 0;

		model_make(window, round & 4 ? 1460 : 200 + rnd(1000));
		snap = 36 + rnd(200);
		for (uint32_t i = 0; i < model.n; i++)
			model.packets[i].lost = loss && rnd(loss) == 0;
		model_run(loss ? rnd(12) : 0, loss && rnd(2));
		if (wrong)
			fail_msg("round %u window %u: %u wrong\n%s", round, window, wrong, got);
		if (window == 1 && !loss && round & 4)
			if (found_mask != (1u << EXCHANGES) - 1)
				fail_msg("round %u snap %u found %x\n%s", round, snap, found_mask, got);
		found += (uint32_t)__builtin_popcount(found_mask);
		all += EXCHANGES;
	}
	assert_true(found > all / 3);
	snap = 0;
	env.sink.end = on_end;
}

// Whatever is lost, however long holes are waited for, and whatever client: nothing wrong is said.
static void test_many_segments_lost(void **)
{
	whole_bodies();
	uint32_t found = 0, all = 0;

	env.sink.end = on_end_model;
	for (uint32_t round = 0; round < 6000; round++) {
		model_seed = round;
		uint32_t window = rnd(3) ? 1 : 1 + rnd(EXCHANGES), loss = 2 + rnd(30);

		model_make(window, 60 + rnd(1400));
		for (uint32_t i = 0; i < model.n; i++)
			model.packets[i].lost = rnd(loss) == 0;
		uint32_t patience = rnd(2) ? 0 : rnd(12);
		bool late = rnd(2);

		model_run(patience, late);
		if (wrong)
			fail_msg("round %u window %u late %d: %u wrong\n%s", round, window, late,
				 wrong, got);
		found += (uint32_t)__builtin_popcount(found_mask);
		all += EXCHANGES;
	}
	assert_true(found > all / 4);
	env.sink.end = on_end;
}

// ---- hostile input

static void test_hostile(void **)
{
	static const char *const parts[] = {
		GET("/x"),
		OK,
		"GET / HTTP/1.1\r\n",
		"Host: h\r\n",
		"\r\n",
		"\n",
		"Content-Length: 7\r\n",
		"Transfer-Encoding: chunked\r\n",
		"HTTP/1.1 200 OK\r\n",
		"HTTP/1.1 100 C\r\n\r\n",
		"HTTP/1.1 101 S\r\n",
		"5\r\nhello\r\n",
		"0\r\n\r\n",
		"HTTP/1.",
		"HEAD / HTTP/1.0\r\n\r\n",
		"CONNECT a:1 HTTP/1.0\r\n\r\n",
		"\x01\x80\xff",
		"Expect: 100-continue\r\n",
		"G",
		" ",
		";",
		"7",
		"ffffffffffffffff",
		":",
		"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n",
	};

	for (uint32_t round = 0; round < 30000; round++) {
		model_seed = round;
		env.limits.head_bytes = round % 3 ? 65536 : 200;
		env.limits.pipeline = round % 5 ? 128 : 2;
		if (round % 1000 == 0)
			pools(round % 2000 ? 300 : 3, round % 3000 ? 300 : 2, 2, 1);
		conn_open(rnd(4) == 0);
		for (uint32_t i = rnd(40); i > 0; i--) {
			char bytes[1000];
			size_t n = 0, from;
			enum dir dir = rnd(2);

			for (uint32_t k = rnd(4) + 1; k > 0; k--) {
				const char *part = parts[rnd(sizeof(parts) / sizeof(parts[0]))];

				n += (size_t)sprintf(bytes + n, "%s", part);
			}
			from = rnd(8) ? 0 : rnd((uint32_t)n);
			ctx.now_ns += rnd(2) ? 0 : ONE_SIDED_NS;
			if (rnd(10) == 0)
				lose(dir, rnd(2) ? rnd(20) : 1 + rnd(2000000000));
			give(dir, bytes + from, n - from);
			if (rnd(50) == 0)
				http1_parser.fin(&ctx, dir);
		}
		conn_close((enum close_reason)rnd(5));
	}
	assert_true(env.stats.http_exchanges > 10000);
}

// ---- work

enum shape {
	SHAPE_URI,
	SHAPE_HEADERS,
	SHAPE_FOLD,
	SHAPE_LINE_ENDS,
	SHAPE_CHUNKS,
	SHAPE_CHUNK_EXTENSION,
	SHAPE_TRAILER,
	SHAPE_SYNC_BLANK,
	SHAPE_SYNC_START,
	SHAPE_SYNC_REQUESTS,
	SHAPE_PIPELINE,
	SHAPE_N,
};

static size_t shape_make(enum shape shape, size_t n)
{
	static const char *const begin[SHAPE_N] = {
		"GET /",
		"GET / HTTP/1.1\r\nHost: h\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nX: 1\r\n",
		"",
		"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
		"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;",
		"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
		"\x01\r\n\r\n",
		"\x01\r\n\r\n",
		"\x01\r\n\r\n",
		"",
	};
	static const char *const unit[SHAPE_N] = {
		"u",      "a:b\r\n", " f\r\n",      "\r\n", "1\r\nx\r\n",
		"e",      "t:u\r\n", "\n0\r\n\r\n", "GET ", "\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
		GET("/"),
	};
	size_t at = (size_t)sprintf(big, "%s", begin[shape]);

	while (at < n)
		at += (size_t)sprintf(big + at, "%s", unit[shape]);
	return at;
}

static uint64_t shape_work(enum shape shape, size_t n, size_t piece)
{
	size_t len = shape_make(shape, n);

	work = 0;
	conn_open(false);
	for (size_t at = 0; at < len; at += piece)
		give(CLIENT, big + at, len - at < piece ? len - at : piece);
	uint64_t done = work;

	conn_close(CLOSE_RST);
	return done;
}

static void test_linear(void **)
{
	static const size_t pieces[] = {1, 7, 1460, 60000};

	for (enum shape shape = 0; shape < SHAPE_N; shape++) {
		for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
			uint64_t one = shape_work(shape, 30000, pieces[i]);
			uint64_t two = shape_work(shape, 60000, pieces[i]);
			uint64_t four = shape_work(shape, 120000, pieces[i]);

			// A head too long costs more for each byte than one that is kept.
			if (two > 3 * one + 10000 || four > 4 * two + 10000 ||
			    four > 120000 * 32) // each piece costs a block of bytes
				fail_msg("shape %d pieces of %zu: %lu %lu %lu", (int)shape,
					 pieces[i], one, two, four);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_one_segment_lost, fresh),
		cmocka_unit_test_setup(test_many_segments_lost, fresh),
		cmocka_unit_test_setup(test_cut_off, fresh),
		cmocka_unit_test_setup(test_hostile, fresh),
		cmocka_unit_test_setup(test_linear, fresh),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}

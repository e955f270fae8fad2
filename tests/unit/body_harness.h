// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// For the tests of bodies: an environment of small pools, and a sink that writes down what it is
// given and checks on the way that windows show each byte once, in order, and that values are
// bytes of the body.

#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/pool.c"
#include "flows/body.c"
#include "flows/body_view.c"
#include "flows/brotli.c"
#include "flows/csv.c"
#include "flows/decoder.c"
#include "flows/form.c"
#include "flows/inflate.c"
#include "flows/json.c"
#include "flows/media.c"
#include "flows/multipart.c"
#include "flows/plain.c"
#include "flows/protobuf.c"
#include "flows/view.c"
#include "flows/xml.c"
#include "flows/zstd_stream.c"

#include <zlib.h>

static struct flow_env env;
static struct http_tx tx;
static struct http_msg *const msg = &tx.msg[SERVER];

static char log_text[1 << 20];
static size_t log_len;
static uint8_t shown[4 << 20];   // the body as windows showed it
static uint8_t as_text[4 << 20]; // 1: this byte was shown as text
static uint64_t shown_to;        // everything before was shown or lost
static uint64_t holes;
static uint32_t n_values, n_windows;
static uint32_t last_fresh; // of the window before

static void on_window(void *, struct http_tx *seen, const struct window *window)
{
	uint64_t fresh = window->off + window->fresh;
	uint64_t stop = window->off + window->bytes.len;

	assert_ptr_equal(seen, &tx);
	assert_int_equal(window->dir, SERVER);
	assert_true(window->fresh <= window->bytes.len && window->fresh <= WINDOW_TAIL);
	assert_true(window->bytes.len > window->fresh);
	assert_true(stop <= sizeof(shown));
	for (uint32_t i = 0; i < WINDOW_PAD; i++)
		assert_int_equal(window->bytes.p[window->bytes.len + i], 0);
	// Repeated bytes are what they were; fresh ones follow on, or are shown again as text.
	assert_memory_equal(shown + window->off, window->bytes.p, window->fresh);
	if (fresh > shown_to)
		holes += fresh - shown_to;
	if (fresh < shown_to) {
		assert_false(window->values);
		assert_memory_equal(shown + fresh, window->bytes.p + window->fresh,
				    shown_to - fresh);
	}
	memcpy(shown + fresh, window->bytes.p + window->fresh, stop - fresh);
	if (!window->values)
		memset(as_text + fresh, 1, stop - fresh);
	shown_to = stop;
	last_fresh = window->fresh;
	n_windows++;
}

static void on_value(void *, struct http_tx *, const struct value *v)
{
	uint32_t len = v->kind == VALUE_DECODED ? v->overlap : v->v.len;

	assert_true(v->off + len <= shown_to);
	if (v->kind != VALUE_DECODED)
		assert_memory_equal(shown + v->off, v->v.p, len);
	n_values++;
	if (log_len + v->v.len + 600 > sizeof(log_text))
		return;
	log_len +=
		(size_t)snprintf(log_text + log_len, sizeof(log_text) - log_len,
				 "%c %lu %.*s|%.*s=%.*s\n", "sntld"[v->kind], (unsigned long)v -> off,
				 (int)v -> parent.len, (const char *)v->parent.p, (int)v->key.len,
				 (const char *)v->key.p, (int)v->v.len, (const char *)v->v.p);
}

static int setup(void **)
{
	if (pool_init(&env.body, body_state_size(), 4) ||
	    pool_init(&env.inflate, inflate_state_size(), 3) ||
	    pool_init(&env.brotli, brotli_state_size(), 3) ||
	    pool_init(&env.zstd, zstd_stream_size(), 3))
		return -1;
	env.window = malloc(WINDOW_TAIL + WINDOW_BYTES + WINDOW_PAD);
	env.inflate_out = malloc(WINDOW_BYTES);
	msg->body = malloc(100);
	return env.window && env.inflate_out && msg->body ? 0 : -1;
}

// With a window in which the pieces of a body are gathered.
static inline int setup_gathering(void **state)
{
	return setup(state) ? -1 : pool_init(&env.gather, body_gather_size(), 1);
}

static int teardown(void **)
{
	pool_fini(&env.gather);
	pool_fini(&env.body);
	pool_fini(&env.inflate);
	pool_fini(&env.brotli);
	pool_fini(&env.zstd);
	free(env.window);
	free(env.inflate_out);
	free(msg->body);
	return 0;
}

static void limits_reset(void)
{
	env.sink = (struct event_sink){.window = on_window, .value = on_value};
	env.limits = (struct flow_limits){
		.inflate_bytes = 1 << 20,
		.inflate_ratio = 200,
		.json_depth = 64,
		.capture_body = 100,
	};
	env.hashes = true;
	env.seed = 99;
}

static const char *grpc_encoding; // NULL: none

static struct body *begin(const char *type, const char *coding)
{
	uint8_t *kept = msg->body;

	memset(&env.stats, 0, sizeof(env.stats));
	memset(&tx, 0, sizeof(tx));
	memset(as_text, 0, 4096);
	msg->body = kept;
	msg->content_length = UINT64_MAX;
	if (type)
		msg->header[HEADER_CONTENT_TYPE] = span_make(type, strlen(type));
	if (coding)
		msg->header[HEADER_CONTENT_ENCODING] = span_make(coding, strlen(coding));
	if (grpc_encoding)
		msg->header[HEADER_GRPC_ENCODING] =
			span_make(grpc_encoding, strlen(grpc_encoding));
	log_len = 0;
	log_text[0] = 0;
	shown_to = 0;
	holes = 0;
	n_values = 0;
	n_windows = 0;
	return body_begin(&env, &tx, SERVER);
}

static void give(struct body *body, const void *bytes, size_t len)
{
	// A copy of its own size, so that a sanitizer sees every byte read too far.
	uint8_t *copy = malloc(len);

	memcpy(copy, bytes, len);
	body_data(&env, body, span_make(copy, len));
	free(copy);
}

// What every body must satisfy at its end.
static void finish(struct body *body, bool complete)
{
	const struct flow_stats *s = &env.stats;

	body_end(&env, body, complete);
	assert_int_equal(s->body_bytes,
			 s->body_scanned_bytes + s->body_skipped_bytes + s->body_over_limit_bytes);
	assert_int_equal(s->body_scanned_bytes, shown_to - holes);
	assert_int_equal(env.body.used, 0);
	assert_int_equal(env.gather.used, 0);
	assert_int_equal(env.inflate.used, 0);
	assert_int_equal(env.brotli.used, 0);
	assert_int_equal(env.zstd.used, 0);
	assert_true(msg->body_kept <= http_msg_shown(msg));
	assert_false(msg->hashed && (!msg->complete || msg->body_len == 0));
}

static inline void feed(const char *type, const char *coding, const void *bytes, size_t len,
			size_t size)
{
	struct body *body = begin(type, coding);

	assert_non_null(body);
	for (size_t done = 0; done < len; done += size)
		give(body, (const uint8_t *)bytes + done, len - done < size ? len - done : size);
	finish(body, true);
	assert_int_equal(msg->wire_len, len);
	assert_true(msg->complete);
}

static inline bool hash_is(const void *bytes, size_t len)
{
	struct sha256_ctx ctx;
	uint8_t digest[32];

	sha256_init(&ctx);
	sha256_update(&ctx, len, bytes);
	sha256_digest(&ctx, sizeof(digest), digest);
	return msg->hashed && memcmp(digest, msg->sha256, sizeof(digest)) == 0;
}

static inline size_t encode(const void *p, size_t n, int window_bits, uint8_t *to)
{
	z_stream z = {0};

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (Bytef *)(uintptr_t)p;
	z.avail_in = (uInt)n;
	z.next_out = to;
	z.avail_out = 1 << 20;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(deflateEnd(&z), Z_OK);
	return z.total_out;
}

#define DOC                                                                                        \
	"{\"users\":[{\"id\":1,\"email\":\"a@b.c\"},{\"id\":2,\"email\":\"d@e.f\"}],\"total\":2}"
#define DOC_LOG                                                                                    \
	"n 16 $.users[]|id=1\ns 27 $.users[]|email=a@b.c\nn 41 $.users[]|id=2\n"                   \
	"s 52 $.users[]|email=d@e.f\nn 69 $|total=2\n"
__attribute__((unused)) static uint8_t coded[2 << 20];

// JSON of nearly n bytes. Returns its length.
static inline uint32_t fill_text(char *text, uint32_t n)
{
	uint32_t random = 1, len = 1;

	text[0] = '[';
	while (len < n - 40) {
		random = random * 1103515245 + 12345;
		len += (uint32_t)sprintf(text + len, "%s{\"id\":%u,\"m\":\"u%u@x\"}",
					 len > 1 ? "," : "", random >> 8, random >> 20);
	}
	text[len++] = ']';
	return len;
}

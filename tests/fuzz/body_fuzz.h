// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// A body through all of body.c, once whole and once in pieces: both must give the same values,
// length, hash and marks. Values too long for a window come in pieces, so what is compared is each
// value's place, name and whole content. Windows must show each byte in order.

#pragma once

#include "flows/body.h"
#include "flows/flow_conf.h"
#include "tests/fuzz/fuzz.h"

struct body_fuzz {
	struct flow_env env;
	struct http_tx tx;
	char *log;
	size_t log_len, log_size;
	uint64_t shown_to; // windows showed everything before
	uint64_t value_at; // where the value goes on if its next piece belongs to it
};

static struct body_fuzz body_fuzz;
static const char *body_fuzz_grpc; // grpc-encoding; NULL: none

static void body_fuzz_log(const void *p, size_t n)
{
	struct body_fuzz *b = &body_fuzz;

	if (b->log_len + n + 1 > b->log_size) {
		b->log_size = 2 * (b->log_len + n + 1);
		b->log = realloc(b->log, b->log_size);
	}
	if (n)
		memcpy(b->log + b->log_len, p, n);
	b->log_len += n;
	b->log[b->log_len] = 0;
}

// White space at the end of a value is left out when the value is whole, and shown in pieces.
static void body_fuzz_trim(void)
{
	struct body_fuzz *b = &body_fuzz;

	while (b->log_len && strchr(" \t\r\n", b->log[b->log_len - 1]))
		b->log_len--;
}

static void body_fuzz_window(void *, struct http_tx *, const struct window *window)
{
	uint64_t fresh = window->off + window->fresh;

	FUZZ_CHECK(window->fresh <= window->bytes.len && window->fresh <= WINDOW_TAIL);
	// Bytes that turned out to be no structure are shown once more, as text.
	FUZZ_CHECK(fresh == body_fuzz.shown_to || (fresh < body_fuzz.shown_to && !window->values));
	for (uint32_t i = 0; i < WINDOW_PAD; i++)
		FUZZ_CHECK(window->bytes.p[window->bytes.len + i] == 0);
	body_fuzz.shown_to = window->off + window->bytes.len;
}

static void body_fuzz_value(void *, struct http_tx *, const struct value *v)
{
	char head[64];
	int n;

	if (v->kind == VALUE_DECODED) { // v is no part of the body, overlap is what it takes there
		FUZZ_CHECK(!v->continued && v->off + v->overlap <= body_fuzz.shown_to);
	} else {
		FUZZ_CHECK(v->overlap <= v->v.len);
		FUZZ_CHECK(v->off + v->v.len <= body_fuzz.shown_to);
		FUZZ_CHECK(v->continued || v->overlap == 0);
	}
	if (!v->continued) {
		body_fuzz_trim();
		n = snprintf(head, sizeof(head), "\n%llu %llx %llx ", (unsigned long long)v->off,
			     (unsigned long long)v->field, (unsigned long long)v->key_hash);
		body_fuzz_log(head, (size_t)n);
		body_fuzz_log(v->parent.p, v->parent.len);
		body_fuzz_log("|", 1);
		body_fuzz_log(v->key.p, v->key.len);
		body_fuzz_log("=", 1);
	} else {
		FUZZ_CHECK(v->off + v->overlap == body_fuzz.value_at);
	}
	if (v->kind == VALUE_DECODED)
		body_fuzz_log(v->v.p, v->v.len);
	else
		body_fuzz_log(v->v.p + v->overlap, v->v.len - v->overlap);
	body_fuzz.value_at = v->off + v->v.len;
}

static void body_fuzz_init(void)
{
	struct flow_plan plan = {
		.limits = {.inflate_bytes = 1 << 18,
			   .inflate_ratio = 200,
			   .json_depth = 64,
			   .head_bytes = 4096,
			   .capture_head = 256,
			   .capture_body = 4096},
		.n_tx = 1,
		.n_capture = 1,
		.n_head4k = 1,
		.n_head64k = 1,
		.n_body = 1,
		.n_gather = 1,
		.n_inflate = 3,
		.n_brotli = 3,
		.n_zstd = 3,
	};

	if (body_fuzz.env.window)
		return;
	FUZZ_CHECK(flow_env_init(&body_fuzz.env, &plan, 99, true) == 0);
	body_fuzz.env.sink =
		(struct event_sink){.window = body_fuzz_window, .value = body_fuzz_value};
}

struct body_fuzz_result {
	char *log;
	size_t log_len;
	struct http_msg msg;
};

static struct body_fuzz_result body_fuzz_once(const char *type, const char *coding,
					      const uint8_t *p, size_t len, struct fuzz_cuts cuts)
{
	struct body_fuzz *b = &body_fuzz;
	struct http_msg *msg = &b->tx.msg[SERVER];
	static uint8_t kept[4096];
	struct body *body;

	memset(&b->tx, 0, sizeof(b->tx));
	msg->body = kept;
	msg->content_length = UINT64_MAX;
	if (type)
		msg->header[HEADER_CONTENT_TYPE] = span_make(type, strlen(type));
	if (coding)
		msg->header[HEADER_CONTENT_ENCODING] = span_make(coding, strlen(coding));
	if (body_fuzz_grpc)
		msg->header[HEADER_GRPC_ENCODING] =
			span_make(body_fuzz_grpc, strlen(body_fuzz_grpc));
	b->log = NULL;
	b->log_len = b->log_size = 0;
	b->shown_to = 0;
	body_fuzz_log("", 0);
	body = body_begin(&b->env, &b->tx, SERVER);
	FUZZ_CHECK(body);
	for (size_t done = 0; done < len;) {
		size_t n = fuzz_cut(&cuts, len - done);
		uint8_t *copy = malloc(n); // of its own size: every byte too far is seen

		memcpy(copy, p + done, n);
		body_data(&b->env, body, span_make(copy, n));
		free(copy);
		done += n;
	}
	body_end(&b->env, body, true);
	body_fuzz_trim();
	b->log[b->log_len] = 0;
	FUZZ_CHECK(b->env.body.used == 0 && b->env.inflate.used == 0 && b->env.brotli.used == 0);
	return (struct body_fuzz_result){b->log, b->log_len, *msg};
}

// The first bytes of the input are its cuts, the rest is the body.
static inline int body_fuzz_run(const char *type, const char *coding, const uint8_t *data,
				size_t size)
{
	struct body_fuzz_result whole, cut;

	body_fuzz_init();
	if (size < FUZZ_CUT_BYTES)
		return 0;
	whole = body_fuzz_once(type, coding, data + FUZZ_CUT_BYTES, size - FUZZ_CUT_BYTES,
			       fuzz_cuts(data, true));
	cut = body_fuzz_once(type, coding, data + FUZZ_CUT_BYTES, size - FUZZ_CUT_BYTES,
			     fuzz_cuts(data, false));
	if (whole.log_len != cut.log_len || memcmp(whole.log, cut.log, whole.log_len) != 0) {
		fprintf(stderr, "whole:%s\ncut:%s\n", whole.log, cut.log);
		FUZZ_CHECK(!"the same values however it is cut");
	}
	FUZZ_CHECK(whole.msg.anomalies == cut.msg.anomalies);
	FUZZ_CHECK(whole.msg.body_len == cut.msg.body_len);
	FUZZ_CHECK(whole.msg.body_kept == cut.msg.body_kept);
	FUZZ_CHECK(whole.msg.view_len == cut.msg.view_len);
	FUZZ_CHECK(whole.msg.hashed == cut.msg.hashed);
	FUZZ_CHECK(memcmp(whole.msg.sha256, cut.msg.sha256, sizeof(whole.msg.sha256)) == 0);
	free(whole.log);
	free(cut.log);
	return 0;
}

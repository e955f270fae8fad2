// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// For the tests of the JSON walker: windows that end at a page that cannot be read, a sink that
// writes a line per value and checks it, and feeding of a document in pieces.

#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "flows/json.c"

#define PAGE 4096
#define ROOM (64 * PAGE)
static uint8_t *guard; // first byte that cannot be read; ROOM bytes before it can
static const uint64_t seed = 0x1122334455667788;

static int setup(void **)
{
	uint8_t *base =
		mmap(NULL, ROOM + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (base == MAP_FAILED)
		return -1;
	guard = base + ROOM;
	return mprotect(guard, PAGE, PROT_NONE);
}

static int teardown(void **)
{
	return munmap(guard - ROOM, ROOM + PAGE);
}

// ---- what was seen

static char log_text[1 << 20];
static size_t log_len;
static const uint8_t *document; // what is being fed
static uint32_t n_values, n_texts;
static struct span window; // that is being walked
static bool keys_near;     // keys must stand in the window, before their values

static void on_value(void *, struct http_tx *, const struct value *v)
{
	assert_true(v->v.p + v->v.len + WINDOW_PAD <= guard);
	assert_memory_equal(v->v.p, document + v->off, v->v.len);
	assert_int_equal(v->key_hash, walk_key_hash(seed, v->key));
	assert_true(v->overlap <= v->v.len && v->overlap <= WALK_OVERLAP);
	if (v->kind != VALUE_NUMBER && v->v.len &&
	    memchr(v->v.p + v->overlap, '\\', v->v.len - v->overlap))
		assert_true(v->escaped);
	else if (v->escaped) // by the last byte of the piece before
		assert_true(v->continued && v->v.p[v->overlap - 1] == '\\');
	assert_true(v->parent.len >= 1 && v->parent.p[0] == '$');
	if (keys_near && v->key.len) {
		assert_true(v->key.p >= window.p && v->key.p + v->key.len < v->v.p);
		assert_true(v->v.p + v->v.len <= window.p + window.len);
	}
	n_values++;
	n_texts += v->kind == VALUE_TEXT;
	log_len += (size_t)snprintf(log_text + log_len, sizeof(log_text) - log_len,
				    "%c%s %lu %.*s|%.*s=%.*s\n", "sntld"[v->kind],
				    v -> continued ? "+" : "", (unsigned long)(v->off + v->overlap),
				    (int)v->parent.len, (const char *)v->parent.p, (int)v->key.len,
				    (const char *)v->key.p, (int)(v->v.len - v->overlap),
				    (const char *)v->v.p + v->overlap);
	assert_true(log_len < sizeof(log_text));
}

enum {
	COMPLETE = -1,
	CUT_OFF = -2,
};

// Feeds a document in pieces of the given sizes (the last one repeats). Returns the offset of an
// error, or how it ended.
static int64_t feed(const void *text, size_t len, const uint32_t *sizes, size_t n_sizes,
		    bool complete)
{
	struct event_sink sink = {.value = on_value};
	struct json json;
	uint8_t tail[WINDOW_TAIL];
	size_t tail_len = 0, done = 0;
	bool last = false;

	// Whatever a pool object holds.
	memset(&json, 0xa5, sizeof(json));
	document = text;
	n_values = 0;
	n_texts = 0;
	log_len = 0;
	log_text[0] = 0;
	json_begin(&json, seed, JSON_DEPTH);
	for (size_t turn = 0; !last; turn++) {
		size_t size = sizes[turn < n_sizes ? turn : n_sizes - 1];
		size_t n = done + size > len ? len - done : size;
		uint8_t *end = guard - WINDOW_PAD;
		struct walk w = {.sink = &sink, .seed = seed, .end = end};
		const uint8_t *keep;

		last = done == len;
		memset(end, 0, WINDOW_PAD);
		memcpy(end - n, document + done, n);
		memcpy(end - n - tail_len, tail, tail_len);
		w.fresh = end - n;
		w.begin = w.fresh - tail_len;
		w.off = done - tail_len;
		w.last = last;
		w.complete = last && complete;
		window = span_make(w.begin, (size_t)(end - w.begin));
		keep = json_walk(&json, &w);
		assert_true(keep >= w.begin && keep <= end);
		if (json_failed(&json))
			return (int64_t)(w.off + (uint64_t)(keep - w.begin));
		assert_true(end - keep <= WINDOW_TAIL);
		tail_len = (size_t)(end - keep);
		memcpy(tail, keep, tail_len);
		done += n;
	}
	return json_whole(&json) ? COMPLETE : CUT_OFF;
}

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The only user of nghttp2, and only of its header decoder. Its memory comes from an arena per
// direction: a piece of the connection's own block, then blocks of the parser's pool. Free memory
// is kept by size, four sizes to each doubling; an arena is never given back in part, but dropping
// a decoder drops all of it. So a client cannot make the worker allocate, and what it can exhaust
// is the memory of its own connection.
//
// Whatever SETTINGS say, tables may grow to HPACK_TABLE_MAX: the sender announces each change in
// the block itself (RFC 7541 section 4.2), and an onlooker may have missed the setting.

#include "flows/h2_hpack.h"

#include "flows/h2_conn.h"

#include <assert.h>
#include <nghttp2/nghttp2.h>
#include <string.h>

enum {
	ARENA_HEADER = 8,   // before each allocation: its class
	ENTRY_BYTES = 33,   // of the smallest entry: "?" and 32 (RFC 7541 section 4.1)
	PRIME_BYTES = 2,    // of a placeholder in a block
	PRIME_ENTRIES = 64, // placeholders in one piece
};

// ---- arena

static uint32_t class_of(size_t n, size_t *size)
{
	if (n <= 256) {
		uint32_t class = n ? (uint32_t)((n - 1) / 16) : 0;

		*size = (size_t)(class + 1) * 16;
		return class;
	}
	uint32_t log = 63 - (uint32_t)__builtin_clzll(n - 1);
	size_t step = (size_t)1 << (log - 2);
	size_t k = (n - 1 - ((size_t)1 << log)) / step;

	*size = ((size_t)1 << log) + (k + 1) * step;
	return 16 + (log - 8) * 4 + (uint32_t)k;
}

static bool arena_grow(struct hpack_arena *a)
{
	void *block;

	if (a->n_extra == HPACK_EXTRA)
		return false;
	block = parser_block_get(a->env, &h2_parser);
	if (!block)
		return false;
	a->extra[a->n_extra++] = block;
	a->at = block;
	a->end = a->at + HPACK_BLOCK;
	return true;
}

static void *arena_malloc(size_t n, void *arg)
{
	struct hpack_arena *a = arg;
	size_t size;

	if (n > HPACK_BLOCK - ARENA_HEADER)
		return NULL;
	uint32_t class = class_of(n + ARENA_HEADER, &size);
	uint8_t *p = a->free[class];

	if (p) {
		memcpy(&a->free[class], p + ARENA_HEADER, sizeof(void *));
		return p + ARENA_HEADER;
	}
	if (size > (size_t)(a->end - a->at) && !arena_grow(a))
		return NULL;
	p = a->at;
	a->at += size;
	memcpy(p, &class, sizeof(class));
	return p + ARENA_HEADER;
}

static uint32_t arena_class(const uint8_t *p)
{
	uint32_t class;

	memcpy(&class, p - ARENA_HEADER, sizeof(class));
	return class;
}

static void arena_free(void *p, void *arg)
{
	struct hpack_arena *a = arg;

	if (!p)
		return;
	uint32_t class = arena_class(p);

	memcpy(p, &a->free[class], sizeof(void *));
	a->free[class] = (uint8_t *)p - ARENA_HEADER;
}

static void *arena_calloc(size_t n, size_t each, void *arg)
{
	void *p;

	if (each && n > HPACK_BLOCK / each)
		return NULL;
	p = arena_malloc(n * each, arg);
	if (p)
		memset(p, 0, n * each);
	return p;
}

static size_t class_size(uint32_t class)
{
	if (class < 16)
		return (size_t)(class + 1) * 16;
	uint32_t log = 8 + (class - 16) / 4;

	return ((size_t)1 << log) + ((class - 16) % 4 + 1) * ((size_t)1 << (log - 2));
}

static void *arena_realloc(void *p, size_t n, void *arg)
{
	if (!p)
		return arena_malloc(n, arg);
	size_t have = class_size(arena_class(p)) - ARENA_HEADER;

	if (n <= have)
		return p;
	void *more = arena_malloc(n, arg);

	if (!more)
		return NULL;
	memcpy(more, p, have);
	arena_free(p, arg);
	return more;
}

static void arena_reset(struct hpack_arena *a)
{
	for (uint32_t i = 0; i < a->n_extra; i++)
		parser_block_put(a->env, &h2_parser, a->extra[i]);
	a->n_extra = 0;
	memset(a->free, 0, sizeof(a->free));
	a->at = a->home;
	a->end = a->home + HPACK_HOME;
}

// ---- decoder

void hpack_open(struct hpack *h, struct flow_env *env, uint8_t *home, bool missed)
{
	*h = (struct hpack){
		.arena = {.env = env, .home = home},
		.table = HPACK_TABLE,
		.missed = missed,
	};
	arena_reset(&h->arena);
}

void hpack_close(struct hpack *h)
{
	arena_reset(&h->arena);
	h->inflater = NULL;
}

void hpack_missed(struct hpack *h)
{
	if (h->inflater) {
		size_t table = nghttp2_hd_inflate_get_max_dynamic_table_size(h->inflater);

		if (table > h->table)
			h->table = (uint32_t)table;
	}
	hpack_close(h);
	h->missed = true;
	h->retries = 0;
	h->broken = false;
}

// Decodes all of `in`; field may be NULL. A negative number is nghttp2's error.
static int decode(struct hpack *h, struct span in, bool last, hpack_field field, void *arg)
{
	// Each turn takes a byte, emits a field, or is the last one. Fields come from bytes.
	for (;;) {
		nghttp2_nv nv;
		int flags = 0;
		ssize_t n = nghttp2_hd_inflate_hd2(h->inflater, &nv, &flags, in.p, in.len, last);

		if (n < 0)
			return (int)n;
		if (n)
			in = span_make(in.p + n, in.len - (size_t)n);
		if (flags & NGHTTP2_HD_INFLATE_EMIT) {
			bool unknown = h->primed && nv.namelen == 1 && nv.name[0] == '?';

			if (field)
				field(arg, span_make(nv.name, nv.namelen),
				      span_make(nv.value, nv.valuelen), unknown);
		} else if (flags & NGHTTP2_HD_INFLATE_FINAL || in.len == 0) {
			break;
		}
	}
	return last ? nghttp2_hd_inflate_end_headers(h->inflater) : 0;
}

// Fills the table: literals with indexing (RFC 7541 section 6.2.1), the first with the new name "?",
// the others with the name of the entry before, which they share. No value.
static int prime(struct hpack *h)
{
	static const uint8_t larger[] = {0x3f, 0xe1, 0xff, 0x03}; // the table is 65,536 bytes
	uint8_t block[PRIME_ENTRIES * PRIME_BYTES];
	uint32_t n = h->table / ENTRY_BYTES - 1;
	int rv = 0;

	for (uint32_t i = 0; i < PRIME_ENTRIES; i++)
		memcpy(block + (size_t)i * PRIME_BYTES, "\x7e", PRIME_BYTES);
	if (h->table > HPACK_TABLE)
		rv = decode(h, span_make(larger, sizeof(larger)), false, NULL, NULL);
	if (rv == 0)
		rv = decode(h, span_make("\x40\x01?", 4), false, NULL, NULL);
	while (rv == 0 && n) {
		uint32_t some = n < PRIME_ENTRIES ? n : PRIME_ENTRIES;

		n -= some;
		rv = decode(h, span_make(block, (size_t)some * PRIME_BYTES), n == 0, NULL, NULL);
	}
	h->primed = true;
	return rv;
}

static int inflater_new(struct hpack *h)
{
	// The decoder keeps the pointer, so it lives where the decoder does.
	nghttp2_mem *mem = arena_malloc(sizeof(*mem), &h->arena);

	if (!mem)
		return NGHTTP2_ERR_NOMEM;
	*mem = (nghttp2_mem){
		.mem_user_data = &h->arena,
		.malloc = arena_malloc,
		.free = arena_free,
		.calloc = arena_calloc,
		.realloc = arena_realloc,
	};
	int rv = nghttp2_hd_inflate_new2(&h->inflater, mem);

	h->primed = false;
	if (rv == 0)
		rv = nghttp2_hd_inflate_change_table_size(h->inflater, HPACK_TABLE_MAX);
	if (rv == 0 && h->missed)
		rv = prime(h);
	return rv;
}

static enum hpack_result failed(struct hpack *h, int rv)
{
	bool known = h->inflater && !h->primed;
	bool memory = rv == NGHTTP2_ERR_NOMEM;

	h->broken = true;
	hpack_close(h);
	// With nothing missed a receiver ends the connection here. Else the entry may lie behind a
	// table of the usual size.
	if ((known && !memory) || h->retries == HPACK_RETRIES)
		h->lost = true;
	h->retries++;
	if (!memory)
		h->table = HPACK_TABLE_MAX;
	bool unknown = h->missed;

	h->missed = true;
	return memory ? HPACK_MEMORY : unknown ? HPACK_UNKNOWN : HPACK_BAD;
}

enum hpack_result hpack_decode(struct hpack *h, struct span in, bool last, hpack_field field,
			       void *arg)
{
	enum hpack_result result = h->missed ? HPACK_UNKNOWN : HPACK_BAD;
	bool broken = h->broken;
	int rv = 0;

	if (last)
		h->broken = false;
	if (broken || h->lost)
		return result;
	if (!h->inflater)
		rv = inflater_new(h);
	if (rv == 0)
		rv = decode(h, in, last, field, arg);
	if (rv == 0)
		return HPACK_GOOD;
	result = failed(h, rv);
	if (last)
		h->broken = false;
	return result;
}

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What the walkers of structured bodies (walker.h) share with body.c, which drives them: the
// window they look at, the bytes they ask to see again, the hashes that name a field, and the byte
// search they are built on.
//
// A walker is called once per window and must give the same values however the body is cut. So
// it never keeps half a token: when the window ends inside one, it returns where that token (or
// the key before it) begins, and the next window starts there. Only WINDOW_TAIL bytes can be
// repeated; a value longer than that is handed on in pieces of VALUE_TEXT.

#pragma once

#include "flows/event.h"
#include "flows/flow_env.h"
#include "flows/http_tx.h"
#include "flows/span.h"

#include <rte_branch_prediction.h>

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum {
	WALK_KEY = 64,      // bytes of a key that are looked at; the rest of it does not count
	WALK_OVERLAP = 128, // bytes of a long value repeated in its next piece
};

// One window and the way out. Valid during one call.
struct walk {
	const struct event_sink *sink; // value is set
	struct http_tx *tx;
	enum dir dir;
	uint64_t seed;
	const uint8_t *begin; // of the window
	const uint8_t *fresh; // first byte that the walker has not seen
	const uint8_t *end;   // WINDOW_PAD zero bytes follow
	uint64_t off;         // of begin in the decoded body
	uint32_t held;        // bytes behind end that the window has and the walker does not see
	bool last;            // no window follows: hand out what is left
	bool complete;        // … because the body has properly ended
};

static inline uint64_t walk_load64(const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return word;
}

// Both halves of the 128-bit product.
static inline uint64_t walk_mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

#define WALK_K0 UINT64_C(0x9e3779b97f4a7c15) // odd, bits without pattern: 2^64 / golden ratio
#define WALK_K1 UINT64_C(0xd6e8feb86659fd93)
#define WALK_K2 UINT64_C(0xa0761d6478bd642f)

// The first 0 to 8 bytes of a word in memory.
static const uint64_t walk_first_bytes[] = {
	0,
	UINT64_MAX >> 56,
	UINT64_MAX >> 48,
	UINT64_MAX >> 40,
	UINT64_MAX >> 32,
	UINT64_MAX >> 24,
	UINT64_MAX >> 16,
	UINT64_MAX >> 8,
	UINT64_MAX,
};

// Keyed hash of a key of at most 16 bytes, with 8 readable bytes behind it.
static inline uint64_t walk_short_key_hash(uint64_t seed, const uint8_t *p, uint32_t len)
{
	uint64_t h = seed ^ (len * WALK_K0);

	if (unlikely(len > 8)) {
		h = walk_mix(h ^ walk_load64(p), WALK_K1);
		p += 8;
		len -= 8;
	}
	return walk_mix(h ^ (walk_load64(p) & walk_first_bytes[len]), WALK_K1);
}

// The same for a key of at most WALK_KEY bytes.
static inline uint64_t walk_key_hash_padded(uint64_t seed, const uint8_t *p, uint32_t len)
{
	uint64_t h = seed ^ (len * WALK_K0);

	for (; len > 8; len -= 8) {
		h = walk_mix(h ^ walk_load64(p), WALK_K1);
		p += 8;
	}
	return walk_mix(h ^ (walk_load64(p) & walk_first_bytes[len]), WALK_K1);
}

// Keyed hash of a text of any length.
static inline uint64_t walk_text_hash(uint64_t seed, struct span text)
{
	uint64_t h = seed ^ (text.len * WALK_K0);
	uint32_t left = text.len;

	for (const uint8_t *p = text.p; left > 8; left -= 8, p += 8)
		h = walk_mix(h ^ walk_load64(p), WALK_K1);
	return walk_mix(h ^ span_rest(text, left), WALK_K1);
}

// What value.key_hash is for a key of these bytes.
static inline uint64_t walk_key_hash(uint64_t seed, struct span key)
{
	return walk_text_hash(seed, span_make(key.p, span_least(key.len, WALK_KEY)));
}

// The half of walk_field_hash() that is the same for all fields of a container.
static inline uint64_t walk_field_base(uint64_t path_hash)
{
	return path_hash ^ WALK_K0;
}

static inline uint64_t walk_field_hash_at(uint64_t base, uint64_t key_hash)
{
	return walk_mix(base, key_hash ^ WALK_K2);
}

// value.field, from the hash of the containers' path and that of the key.
static inline uint64_t walk_field_hash(uint64_t path_hash, uint64_t key_hash)
{
	return walk_field_hash_at(walk_field_base(path_hash), key_hash);
}

// Path hash of what has no containers: forms and query strings.
static inline uint64_t walk_form_path(uint64_t seed)
{
	return seed ^ WALK_K1;
}

static inline const uint8_t *walk_find_scalar(const uint8_t *p, const uint8_t *end, uint8_t a,
					      uint8_t b, uint8_t c)
{
	while (p < end && *p != a && *p != b && *p != c)
		p++;
	return p;
}

// First of three bytes in [p, end), or end. Reads up to 15 bytes past the end; those must not
// hold any of the three.
static inline const uint8_t *walk_find(const uint8_t *p, const uint8_t *end, uint8_t a, uint8_t b,
				       uint8_t c)
{
#ifdef __SSE2__
	const __m128i va = _mm_set1_epi8((char)a);
	const __m128i vb = _mm_set1_epi8((char)b);
	const __m128i vc = _mm_set1_epi8((char)c);

	while (p < end) {
		__m128i x = _mm_loadu_si128((const __m128i *)p);
		__m128i hit = _mm_or_si128(_mm_cmpeq_epi8(x, va), _mm_cmpeq_epi8(x, vb));
		uint32_t mask =
			(uint32_t)_mm_movemask_epi8(_mm_or_si128(hit, _mm_cmpeq_epi8(x, vc)));

		if (mask)
			return p + __builtin_ctz(mask);
		p += 16;
	}
	return end;
#else
	return walk_find_scalar(p, end, a, b, c);
#endif
}

// White space between JSON tokens: HTAB, LF, CR, SP, and RS, the record separator of RFC 7464.
#define WALK_SPACES                                                                                \
	(UINT64_C(1) << 0x09 | UINT64_C(1) << 0x0a | UINT64_C(1) << 0x0d | UINT64_C(1) << 0x1e |   \
	 UINT64_C(1) << 0x20)

static inline bool walk_is_space(uint8_t c)
{
	return c <= 0x20 && (WALK_SPACES >> c & 1);
}

static inline const uint8_t *walk_skip_scalar(const uint8_t *p)
{
	while (walk_is_space(*p))
		p++;
	return p;
}

// First byte that is not white space. The zero byte behind the window ends it.
static inline const uint8_t *walk_skip(const uint8_t *p)
{
	// Nearly always there is none, or one space.
	if (likely(*p > 0x20))
		return p;
	p += walk_is_space(*p);
	if (likely(*p > 0x20))
		return p;
#ifdef __SSE2__
	// A line end and an indentation.
	while (walk_is_space(*p)) {
		__m128i x = _mm_loadu_si128((const __m128i *)p);
		uint32_t other =
			~(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_set1_epi8(' '))) &
			0xffff;

		if (other == 0)
			p += 16;
		else if (other & 1)
			p++;
		else
			p += __builtin_ctz(other);
	}
	return p;
#else
	return walk_skip_scalar(p);
#endif
}

static inline bool walk_is_digit(uint8_t c)
{
	return (uint8_t)(c - '0') <= 9;
}

static inline const uint8_t *walk_digits_scalar(const uint8_t *p)
{
	while (walk_is_digit(*p))
		p++;
	return p;
}

// First byte that is not a digit. The zero byte behind the window ends it.
static inline const uint8_t *walk_digits(const uint8_t *p)
{
#ifdef __SSE2__
	for (;;) {
		__m128i x = _mm_sub_epi8(_mm_loadu_si128((const __m128i *)p), _mm_set1_epi8('0'));
		__m128i digit = _mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(9)), x);
		uint32_t other = ~(uint32_t)_mm_movemask_epi8(digit) & 0xffff;

		if (likely(other))
			return p + __builtin_ctz(other);
		p += 16;
	}
#else
	return walk_digits_scalar(p);
#endif
}

// How many bytes the next window can repeat.
static inline ptrdiff_t walk_tail(const struct walk *w)
{
	return (ptrdiff_t)WINDOW_TAIL - w->held;
}

// What a walker in the middle of a long value wants repeated: as much as there may be.
static inline const uint8_t *walk_context(const struct walk *w)
{
	return w->end - w->begin > walk_tail(w) ? w->end - walk_tail(w) : w->begin;
}

// [p, stop) as one value, or as the beginning of a long one.
static inline void walk_value(const struct walk *w, struct value *v, enum value_kind kind,
			      const uint8_t *p, const uint8_t *stop)
{
	v->kind = kind;
	v->continued = false;
	v->overlap = 0;
	v->v = span_make(p, (size_t)(stop - p));
	v->off = w->off + (uint64_t)(p - w->begin);
	w->sink->value(w->sink->ctx, w->tx, v);
}

// The next piece of a long value: [from, stop) with what went before as context. Nothing when
// no byte of it is new.
static inline void walk_text_from(const struct walk *w, struct value *v, const uint8_t *from,
				  const uint8_t *stop)
{
	uint32_t before = (uint32_t)(from - w->begin);

	if (stop <= from)
		return;
	v->kind = VALUE_TEXT;
	v->continued = true;
	v->overlap = before < WALK_OVERLAP ? before : WALK_OVERLAP;
	v->v.p = from - v->overlap;
	v->v.len = (uint32_t)(stop - v->v.p);
	v->off = w->off + before - v->overlap;
	w->sink->value(w->sink->ctx, w->tx, v);
}

static inline void walk_text(const struct walk *w, struct value *v, const uint8_t *stop)
{
	walk_text_from(w, v, w->fresh, stop);
}

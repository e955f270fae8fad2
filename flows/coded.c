// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The walker of a part in base64 or quoted-printable (RFC 2045 section 6). Its text is gathered
// decoded, and handed on as values that say how many bytes of the body they take, for the decoded
// bytes are nowhere in it. What is longer than CODED_MOST is cut at a blank, if there is one. Runs
// on the worker; no byte is looked at twice.

#include "flows/coded.h"

#include "flows/walk_path.h"

enum {
	CODED_MOST = 512,
	CODED_STEP = 64, // decoded bytes between two places in the body that are remembered
	CODED_PAD = 64,  // readable behind a value
};

struct coded {
	uint64_t path_hash;
	uint64_t at[CODED_MOST / CODED_STEP + 1]; // where in the body each step of text begins
	uint64_t begun; // where the character that is being decoded begins
	uint32_t bits;
	uint16_t n; // bytes of text
	uint8_t how;
	uint8_t name_len;
	uint8_t n_held; // base64: characters since the last whole group; quoted: of "=XX"
	uint8_t held;   // quoted: the first X
	uint8_t name[WALK_KEY];
	uint8_t text[CODED_MOST + CODED_PAD];
};

static_assert(sizeof(struct coded) <= WALKER_PART, "a part may be coded");

enum coded_how coded_how(struct span encoding)
{
	if (span_ieq(encoding, SPAN_LIT("base64")))
		return CODED_BASE64;
	return span_ieq(encoding, SPAN_LIT("quoted-printable")) ? CODED_QUOTED : CODED_NOT;
}

// The text up to `cut`; `pos` is behind what it was decoded from.
static void coded_emit(struct coded *c, const struct walk *w, uint32_t cut, uint64_t pos)
{
	struct value v = {.dir = w->dir, .kind = VALUE_DECODED, .parent = SPAN_LIT("$")};
	uint32_t step = cut / CODED_STEP;
	uint64_t len = pos - c->at[0];

	if (!cut)
		return;
	v.key = span_make(c->name, c->name_len);
	v.key_hash = walk_key_hash(w->seed, v.key);
	v.field = walk_field_hash(c->path_hash, v.key_hash);
	v.v = span_make(c->text, cut);
	v.off = c->at[0];
	v.overlap = len < UINT32_MAX ? (uint32_t)len : UINT32_MAX;
	w->sink->value(w->sink->ctx, w->tx, &v);
	// What is left began no earlier than the step in which it lies.
	c->n = (uint16_t)(c->n - cut);
	memmove(c->text, c->text + cut, c->n);
	memmove(c->at, c->at + step, (CODED_MOST / CODED_STEP + 1 - step) * sizeof(c->at[0]));
}

static void coded_put(struct coded *c, const struct walk *w, uint8_t byte, uint64_t pos)
{
	uint32_t cut = CODED_MOST;

	if (c->n % CODED_STEP == 0)
		c->at[c->n / CODED_STEP] = c->begun;
	c->text[c->n++] = byte;
	if (c->n < CODED_MOST)
		return;
	while (cut > CODED_MOST / 2 && c->text[cut - 1] > ' ')
		cut--;
	coded_emit(c, w, cut > CODED_MOST / 2 ? cut : CODED_MOST, pos + 1);
}

static int coded_digit(uint8_t b)
{
	if (b >= 'A' && b <= 'Z')
		return b - 'A';
	if (b >= 'a' && b <= 'z')
		return b - 'a' + 26;
	if (b >= '0' && b <= '9')
		return b - '0' + 52;
	return b == '+' ? 62 : b == '/' ? 63 : -1;
}

static int coded_hex(uint8_t b)
{
	if (b >= '0' && b <= '9')
		return b - '0';
	b |= 0x20;
	return b >= 'a' && b <= 'f' ? b - 'a' + 10 : -1;
}

// Line ends, and whatever is no letter of it, do not count (RFC 2045 section 6.8).
static void coded_base64(struct coded *c, const struct walk *w, uint8_t b, uint64_t pos)
{
	int digit = coded_digit(b);

	if (c->n_held == 0)
		c->begun = pos;
	if (digit >= 0) {
		c->bits = c->bits << 6 | (uint32_t)digit;
		c->n_held++;
		if (c->n_held > 1)
			coded_put(c, w, (uint8_t)(c->bits >> (8 - 2 * c->n_held)), pos);
	}
	if (b == '=' || c->n_held == 4)
		c->n_held = 0;
}

// "=41" is a byte, "=" at the end of a line joins it with the next one; anything else behind a "="
// stands for itself (section 6.7).
static void coded_quoted(struct coded *c, const struct walk *w, uint8_t b, uint64_t pos)
{
	if (c->n_held == 0) {
		c->begun = pos;
		if (b == '=')
			c->n_held = 1;
		else
			coded_put(c, w, b, pos);
	} else if (c->n_held == 1) {
		if (b == ' ' || b == '\t' || b == '\r')
			return;
		c->n_held = coded_hex(b) >= 0 ? 2 : 0;
		c->held = b;
		if (c->n_held || b == '\n')
			return;
		coded_put(c, w, '=', pos);
		coded_put(c, w, b, pos);
	} else {
		c->n_held = 0;
		if (coded_hex(b) >= 0) {
			coded_put(c, w, (uint8_t)(coded_hex(c->held) << 4 | coded_hex(b)), pos);
			return;
		}
		coded_put(c, w, '=', pos);
		coded_put(c, w, c->held, pos);
		coded_put(c, w, b, pos);
	}
}

static bool coded_begin(struct coded *c, const struct walk_start *start, enum coded_how how)
{
	c->path_hash = start->seed;
	c->name_len = (uint8_t)start->name.len;
	memcpy(c->name, start->name.p, start->name.len);
	memset(c->text, 0, sizeof(c->text));
	c->begun = 0;
	c->at[0] = 0;
	c->bits = 0;
	c->n = 0;
	c->how = (uint8_t)how;
	c->n_held = 0;
	return true;
}

static bool coded_begin_base64(void *state, const struct walk_start *start)
{
	return coded_begin(state, start, CODED_BASE64);
}

static bool coded_begin_quoted(void *state, const struct walk_start *start)
{
	return coded_begin(state, start, CODED_QUOTED);
}

static const uint8_t *coded_walk(void *state, const struct walk *w)
{
	struct coded *c = state;

	for (const uint8_t *p = w->fresh; p < w->end; p++) {
		uint64_t pos = w->off + (uint64_t)(p - w->begin);

		if (c->how == CODED_BASE64)
			coded_base64(c, w, *p, pos);
		else
			coded_quoted(c, w, *p, pos);
	}
	if (w->last)
		coded_emit(c, w, c->n, w->off + (uint64_t)(w->end - w->begin));
	return w->end;
}

static enum walk_fault coded_fault(const void *)
{
	return WALK_GOOD;
}

static bool coded_whole(const void *)
{
	return true;
}

// No media type: multipart.c asks for them by name.
const struct walker coded_base64_walker = {
	.name = "base64",
	.size = sizeof(struct coded),
	.begin = coded_begin_base64,
	.walk = coded_walk,
	.fault = coded_fault,
	.whole = coded_whole,
};

const struct walker coded_quoted_walker = {
	.name = "quoted-printable",
	.size = sizeof(struct coded),
	.begin = coded_begin_quoted,
	.walk = coded_walk,
	.fault = coded_fault,
	.whole = coded_whole,
};

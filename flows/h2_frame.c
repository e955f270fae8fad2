// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// A frame header has few free bits: the length is bounded, types and flags are known, streams have
// an owner. Random bytes look like one about once in 2^20, or 2^30 when a stream of the connection
// is known, so few in a row are enough: three, where one of a type with a fixed length or with a
// header block that begins as it must counts as two. Called on workers; every loop ends with the
// piece.

#include "flows/h2_frame.h"

#include <string.h>

enum {
	FIND_WEIGHT = 3,           // of frames in a row
	STREAMS_AHEAD = 1 << 16,   // of the newest one that is known
	SETTINGS_MAX = 6 * 64,     // bytes of one frame at the beginning
	FIRST_HEADERS_MAX = 16384, // bytes of a frame by which a connection is recognised
};

const uint8_t h2_preface[H2_PREFACE_BYTES] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

struct h2_frame h2_frame_parse(const uint8_t *p)
{
	return (struct h2_frame){
		.len = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2],
		.type = p[3],
		.flags = p[4],
		.stream =
			((uint32_t)p[5] << 24 | (uint32_t)p[6] << 16 | (uint32_t)p[7] << 8 | p[8]) &
			0x7fffffff,
	};
}

// A stream of the other side's is no stream of this one's requests.
static bool stream_fits(const struct h2_frame *f, const struct h2_hint *hint)
{
	return f->stream &&
	       (!hint->max_stream || f->stream <= (uint64_t)hint->max_stream + STREAMS_AHEAD) &&
	       (f->type != H2_HEADERS || hint->dir == SERVER || (f->stream & 1));
}

bool h2_frame_plausible(const uint8_t *p, const struct h2_hint *hint)
{
	struct h2_frame f = h2_frame_parse(p);

	if (f.len > hint->max_len || (p[5] & 0x80))
		return false;
	switch (f.type) {
	case H2_DATA:
		return !(f.flags & ~(H2_END_STREAM | H2_PADDED)) && stream_fits(&f, hint);
	case H2_HEADERS:
		return f.len &&
		       !(f.flags &
			 ~(H2_END_STREAM | H2_END_HEADERS | H2_PADDED | H2_PRIORITIZED)) &&
		       stream_fits(&f, hint);
	case H2_PRIORITY:
		return f.len == 5 && !f.flags && f.stream;
	case H2_RST_STREAM:
		return f.len == 4 && !f.flags && stream_fits(&f, hint);
	case H2_SETTINGS:
		return !f.stream && (f.flags == 0 || (f.flags == H2_ACK && f.len == 0)) &&
		       f.len % 6 == 0 && f.len <= SETTINGS_MAX;
	case H2_PUSH_PROMISE:
		return f.len > 4 && hint->dir == SERVER && (f.stream & 1) &&
		       !(f.flags & ~(H2_END_HEADERS | H2_PADDED));
	case H2_PING:
		return f.len == 8 && !f.stream && !(f.flags & ~H2_ACK);
	case H2_GOAWAY:
		return f.len >= 8 && !f.stream && !f.flags;
	case H2_WINDOW_UPDATE:
		return f.len == 4 && !f.flags;
	case H2_CONTINUATION:
		return !(f.flags & ~H2_END_HEADERS) && stream_fits(&f, hint);
	}
	return false;
}

// Who sent a header block that begins like that? By the static table (RFC 7541 appendix A) a request
// begins with one of its pseudo-header fields, a response with its status.
static bool block_fits(uint8_t first, enum dir dir)
{
	uint32_t index = first & 0x80 ? first & 0x7f : first & 0x40 ? first & 0x3f : first & 0x0f;

	if ((first & 0xe0) == 0x20)
		return false; // size of the table
	return dir == CLIENT ? index >= 1 && index <= 7 : index >= 8 && index <= 14;
}

// Where the block of a HEADERS frame begins; 0: it has none.
static uint32_t block_at(const struct h2_frame *f)
{
	uint32_t skip = (f->flags & H2_PADDED ? 1 : 0) + (f->flags & H2_PRIORITIZED ? 5 : 0);

	return f->type == H2_HEADERS && f->len > skip ? H2_FRAME_HEADER + skip : 0;
}

static uint32_t weight(struct span in, uint64_t at, const struct h2_frame *f, enum dir dir)
{
	uint32_t block = block_at(f);

	switch (f->type) {
	case H2_RST_STREAM:
	case H2_PING:
	case H2_WINDOW_UPDATE:
	case H2_SETTINGS:
		return 2;
	case H2_HEADERS:
		return block && in.len - at > block && block_fits(in.p[at + block], dir) ? 2 : 1;
	}
	return 1;
}

// The weight of the frames that follow each other from `at` on; no more than needed are looked at.
// *end: behind the last one, perhaps behind the piece.
static uint32_t chain(struct span in, uint32_t at, const struct h2_hint *hint, uint64_t *end)
{
	uint32_t sum = 0;

	*end = at;
	while (sum < FIND_WEIGHT && *end < in.len && in.len - *end >= H2_FRAME_HEADER) {
		const uint8_t *p = in.p + *end;

		if (!h2_frame_plausible(p, hint))
			return 0;
		struct h2_frame f = h2_frame_parse(p);

		sum += weight(in, *end, &f, hint->dir);
		*end += H2_FRAME_HEADER + f.len;
	}
	return sum;
}

uint32_t h2_frame_find(struct span in, const struct h2_hint *hint, uint32_t *next, uint32_t *n)
{
	uint64_t behind = 0;

	*n = 0;
	*next = 0;
	// Each turn looks at three headers at most.
	for (uint32_t at = 0; at < in.len && in.len - at >= H2_FRAME_HEADER; at++) {
		if (in.p[at] > hint->max_len >> 16)
			continue;
		uint64_t end;
		uint32_t found = chain(in, at, hint, &end);

		if (found >= FIND_WEIGHT || (found && end == in.len))
			return at;
		// One that began in this piece and may be gone on with in the next.
		if (found > *n && end > in.len) {
			*n = found;
			behind = end;
		}
	}
	*next = (uint32_t)(behind - (*n ? in.len : 0));
	return in.len;
}

// ---- recognition

static enum probe probe_preface(struct span first)
{
	enum { ENOUGH = 14 }; // "PRI * HTTP/2.0": reserved for this (RFC 9113 section 3.4)
	uint32_t n = first.len < H2_PREFACE_BYTES ? first.len : H2_PREFACE_BYTES;

	if (memcmp(first.p, h2_preface, n) != 0)
		return PROBE_NO;
	return n < ENOUGH ? PROBE_UNSURE : PROBE_CERTAIN;
}

// The server's SETTINGS, before the client's preface was seen.
static enum probe probe_settings(struct span first)
{
	static const uint8_t like[H2_FRAME_HEADER] = {0, 0, 0, H2_SETTINGS};
	uint32_t n = first.len < H2_FRAME_HEADER ? first.len : H2_FRAME_HEADER;

	if (n > 1 && first.p[1] > SETTINGS_MAX >> 8)
		return PROBE_NO;
	for (uint32_t i = 0; i < n; i++) {
		if (first.p[i] != like[i] && i != 1 && i != 2)
			return PROBE_NO;
	}
	if (n < H2_FRAME_HEADER)
		return PROBE_UNSURE;
	struct h2_frame f = h2_frame_parse(first.p);

	return f.len % 6 == 0 && f.len <= SETTINGS_MAX ? PROBE_CERTAIN : PROBE_NO;
}

// A connection whose beginning was not seen: frames that end with the piece, or enough of them, and
// a header block among them that says who its sender is.
static enum probe probe_frames(struct span first, enum dir dir)
{
	struct h2_hint hint = {.dir = dir, .max_len = FIRST_HEADERS_MAX};
	uint64_t end, at = 0;
	uint32_t sum = chain(first, 0, &hint, &end);

	if (sum == 0 || (sum < FIND_WEIGHT && end != first.len))
		return PROBE_NO;
	while (at < end && at < first.len && first.len - at >= H2_FRAME_HEADER) {
		struct h2_frame f = h2_frame_parse(first.p + at);
		uint32_t block = block_at(&f);

		if (block && first.len - at > block)
			return block_fits(first.p[at + block], dir) ? PROBE_CERTAIN : PROBE_NO;
		at += H2_FRAME_HEADER + f.len;
	}
	return PROBE_NO;
}

enum probe h2_frame_probe(struct span first, enum dir dir)
{
	if (dir == CLIENT && first.p[0] == 'P')
		return probe_preface(first);
	if (first.p[0] != 0)
		return PROBE_NO;
	enum probe p = dir == SERVER ? probe_settings(first) : PROBE_NO;

	return p != PROBE_NO || first.len < H2_FRAME_HEADER ? p : probe_frames(first, dir);
}

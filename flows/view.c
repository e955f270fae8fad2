// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// UTF-16 to UTF-8, and the messages inside the framing of gRPC and gRPC-Web:
//
//	[base64 ─►] prefix: flags, length ─► message ─► (decoder of grpc-encoding | as it is) ─► out
//	                                        └─ trailers of gRPC-Web, unknown codings: passed over
//
// Input may be cut anywhere. Each message is compressed on its own, so a damaged one costs no other;
// limits of size and ratio are those of a body, and count all of its messages. Worker code; every
// turn of a loop takes or writes a byte, or ends a message.

#include "flows/view.h"

#include "flows/decoder.h"
#include "flows/utf8.h"

enum {
	GRPC_COMPRESSED = 1,
	GRPC_TRAILERS = 0x80, // of gRPC-Web
	GRPC_PREFIX_BYTES = 5,
	VIEW_RATIO_FROM = 64 << 10, // decoded bytes before the ratio counts
};

static bool ends_like(struct span s, uint32_t at, const char *text)
{
	struct span lit = span_make(text, strlen(text));

	return s.len - at >= lit.len && span_ieq(span_make(s.p + at, lit.len), lit);
}

void view_begin(struct view *view, struct span type, struct span encoding, bool text)
{
	static const struct span grpc = {(const uint8_t *)"application/grpc", 16};

	*view = (struct view){.format = DECODER_NONE, .status = -1};
	// The first byte in which it is not like most types is looked at first.
	if (type.len < grpc.len || span_lower(type.p[12]) != 'g' ||
	    !span_ieq(span_make(type.p, grpc.len), grpc)) {
		view->kind = text ? VIEW_DETECT : VIEW_NONE;
		return;
	}
	bool base64 = ends_like(type, grpc.len, "-web-text");
	bool json = ends_like(type, grpc.len, "+json");
	bool web = ends_like(type, grpc.len, "-web"); // its last message is none

	encoding = span_trim(encoding);
	if (encoding.len && !span_ieq(encoding, SPAN_LIT("identity")))
		view->format = (uint8_t)decoder_format(encoding);
	else if (!web && !json)
		return; // as walkers read it
	view->kind = base64 ? VIEW_GRPC_TEXT : VIEW_GRPC;
}

static void decoder_drop(struct flow_env *env, struct view *view)
{
	if (view->decoder)
		decoder_close(env, (enum decoder_format)view->format, view->decoder);
	view->decoder = NULL;
}

void view_end(struct flow_env *env, struct view *view)
{
	decoder_drop(env, view);
	view->kind = VIEW_LOST;
}

void view_message_lost(struct flow_env *env, struct view *view)
{
	decoder_drop(env, view);
	view->skip = true;
}

// ---- UTF-16

enum view_kind view_detect(const uint8_t *first, bool marked)
{
	if (first[0] == 0xff && first[1] == 0xfe)
		return VIEW_UTF16LE;
	if (first[0] == 0xfe && first[1] == 0xff)
		return VIEW_UTF16BE;
	if (marked || !first[0] == !first[1])
		return VIEW_NONE;
	return first[0] ? VIEW_UTF16LE : VIEW_UTF16BE;
}

static uint32_t unit(const struct view *view, uint32_t at)
{
	uint8_t a = view->held[at], b = view->held[at + 1];

	return view->kind == VIEW_UTF16LE ? (uint32_t)b << 8 | a : (uint32_t)a << 8 | b;
}

// What is held begins with a whole unit. Returns how many bytes of it were used; 0: a second unit is
// needed. A surrogate alone stands for what decoders put in its place.
static uint32_t utf16_take(const struct view *view, uint32_t *c)
{
	uint32_t high = unit(view, 0), low;

	*c = high;
	if (high - 0xd800 >= 0x800)
		return 2;
	*c = 0xfffd;
	if (high >= 0xdc00)
		return 2;
	if (view->n_held < 4)
		return 0;
	low = unit(view, 2);
	if (low - 0xdc00 >= 0x400)
		return 2;
	*c = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
	return 4;
}

static enum view_result utf16_more(struct view *view, struct span *in, uint8_t *out, uint32_t room,
				   uint32_t *n)
{
	for (;;) {
		uint32_t c, used = view->n_held >= 2 ? utf16_take(view, &c) : 0;

		if (used && room - *n < 4)
			return VIEW_FULL;
		if (used) {
			if (c != 0xfeff || view->written)
				*n += utf8_put(out + *n, c);
			view->written = 1; // a mark is one at the beginning only
			view->n_held = (uint8_t)(view->n_held - used);
			memmove(view->held, view->held + used, view->n_held);
			continue;
		}
		if (!in->len)
			return VIEW_MORE;
		view->held[view->n_held++] = *in->p++;
		in->len--;
	}
}

// ---- base64

static int base64_value(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

uint32_t view_base64(struct view *view, struct span *in, uint8_t *out, uint32_t room)
{
	uint32_t n = 0;

	// Each chunk of a stream may be encoded, and padded, on its own.
	while (in->len && room - n >= 3) {
		uint8_t c = *in->p++;
		int value = base64_value(c);

		in->len--;
		if (value >= 0) {
			view->bits = view->bits << 6 | (uint32_t)value;
			if (++view->n_chars % 4 != 1)
				out[n++] = (uint8_t)(view->bits >> (view->n_chars == 2   ? 4
								    : view->n_chars == 3 ? 2
											 : 0));
		}
		if (c == '=' || view->n_chars == 4) {
			view->n_chars = 0;
			view->bits = 0;
		}
	}
	return n;
}

// ---- gRPC

static enum view_result message_ends(struct flow_env *env, struct view *view)
{
	decoder_drop(env, view);
	if (view->trailers)
		view->status = (int16_t)grpc_trailer_end(&view->trailer);
	view->inside = view->skip = view->ends = view->trailers = false;
	view->n_held = 0;
	return VIEW_MESSAGE;
}

// The prefix is there.
static enum view_result message_begins(struct flow_env *env, struct view *view,
				       struct body *body)
{
	const uint8_t *p = view->held;

	view->left = (uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 8 | p[4];
	view->inside = true;
	view->skip = p[0] & GRPC_TRAILERS;
	view->trailers = p[0] == GRPC_TRAILERS;
	view->trailer = (struct grpc_trailer){0};
	if (p[0] & ~(GRPC_COMPRESSED | GRPC_TRAILERS))
		return VIEW_BAD;
	if (view->skip || !(p[0] & GRPC_COMPRESSED) || view->left == 0)
		return VIEW_MORE;
	if (view->format < DECODER_OTHER)
		view->decoder = decoder_open(env, (enum decoder_format)view->format, body);
	view->skip = !view->decoder;
	return view->skip ? VIEW_UNKNOWN : VIEW_MORE;
}

// Bytes that came out of the decoder, within limits. Output ends at each multiple of a piece, so
// that limits strike at the same byte however the input was cut.
static enum view_result decoded(struct flow_env *env, struct view *view, uint32_t *n)
{
	const struct flow_limits *limits = &env->limits;
	uint64_t taken =
		view->taken + decoder_taken((enum decoder_format)view->format, view->decoder);

	view->written += *n;
	if (limits->inflate_bytes && view->written > limits->inflate_bytes) {
		*n -= (uint32_t)(view->written - limits->inflate_bytes);
		return VIEW_BOMB;
	}
	if (limits->inflate_ratio && view->written > VIEW_RATIO_FROM &&
	    view->written % VIEW_PIECE == 0 && view->written / limits->inflate_ratio > taken)
		return VIEW_BOMB;
	return VIEW_MORE;
}

// Compressed bytes of the message: len of them at most are in *in.
static enum view_result message_decode(struct flow_env *env, struct view *view, struct span *in,
				       uint8_t *out, uint32_t room, uint32_t *n)
{
	enum decoder_format format = (enum decoder_format)view->format;
	struct span part = {in->p, in->len < view->left ? in->len : view->left};
	uint32_t before = part.len, most = VIEW_PIECE - (uint32_t)(view->written % VIEW_PIECE);
	enum inflate_result result =
		decoder_more(format, view->decoder, &part, out, most < room ? most : room, n);
	enum view_result limit = decoded(env, view, n);

	before -= part.len;
	in->p += before;
	in->len -= before;
	view->left -= before;
	if (limit != VIEW_MORE)
		return limit;
	if (result == INFLATE_FULL)
		return VIEW_FULL;
	if (result != INFLATE_MORE) {
		decoder_drop(env, view);
		view->skip = true;
		return VIEW_DAMAGED;
	}
	if (view->left)
		return VIEW_MORE;
	if (!view->ends) {
		view->ends = true;
		if (decoder_finish(format, view->decoder))
			return VIEW_FULL; // it may have held something back
	}
	view->taken += decoder_taken(format, view->decoder);
	bool whole =
		decoder_may_end(format, view->decoder) && !decoder_is_plain(format, view->decoder);

	decoder_drop(env, view);
	view->skip = true; // nothing is left to be passed over: the next turn ends it
	return whole ? VIEW_FULL : VIEW_DAMAGED;
}

static enum view_result grpc_more(struct flow_env *env, struct view *view, struct body *body,
				  struct span *in, uint8_t *out, uint32_t room, uint32_t *n)
{
	enum view_result result = VIEW_MORE;

	while (result == VIEW_MORE && *n < room) {
		uint32_t left = view->left < in->len ? view->left : in->len;

		if (view->inside && view->decoder) {
			uint32_t more = 0;

			result = message_decode(env, view, in, out + *n, room - *n, &more);
			*n += more;
			if (result == VIEW_MORE && !in->len)
				return VIEW_MORE;
			continue;
		}
		if (view->inside && view->left == 0)
			return message_ends(env, view);
		if (!in->len)
			return VIEW_MORE;
		if (!view->inside) {
			view->held[view->n_held++] = *in->p++;
			in->len--;
			if (view->n_held == GRPC_PREFIX_BYTES)
				result = message_begins(env, view, body);
			continue;
		}
		if (view->skip) {
			if (view->trailers)
				grpc_trailer(&view->trailer, span_make(in->p, left));
			view->passed += left;
		} else {
			left = left < room - *n ? left : room - *n;
			memcpy(out + *n, in->p, left);
			*n += left;
		}
		in->p += left;
		in->len -= left;
		view->left -= left;
	}
	return result == VIEW_MORE ? VIEW_FULL : result;
}

enum view_result view_more(struct flow_env *env, struct view *view, struct body *body,
			   struct span *in, uint8_t *out, uint32_t room, uint32_t *n)
{
	*n = 0;
	return view_is_grpc(view) ? grpc_more(env, view, body, in, out, room, n)
				  : utf16_more(view, in, out, room, n);
}

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// A decoder is 44 KiB. It is taken when a compressed message begins and, when the sender keeps its
// history, held until the connection ends, or until another one needs it that was not silent for so
// long (decoder.h). Connections can be many and last for days, so together they never hold more than
// half of the decoders that there are: the bodies of HTTP need some. Whoever gets none, or has lost its
// own, has its messages counted and not looked at.
//
// The window bits are read, and a decoder of the largest window is used whatever they say: it
// decodes all that one of a smaller window does.

#include "flows/ws_deflate.h"

#include "flows/decoder.h"
#include "flows/http1_text.h"
#include "flows/inflate.h"

enum {
	RATIO_FROM = 64 << 10, // decoded bytes before the ratio counts, as for bodies
	WINDOW_BITS_MIN = 8,
	WINDOW_BITS_MAX = 15,
};

// ---- what was agreed upon

// The value of a parameter, without the quotes that it may have.
static bool window_bits(struct span value, uint8_t *out)
{
	uint32_t bits = 0;

	if (value.len >= 2 && value.p[0] == '"' && value.p[value.len - 1] == '"')
		value = span_make(value.p + 1, value.len - 2);
	if (value.len == 0 || value.len > 2 || value.p[0] == '0')
		return false;
	for (uint32_t i = 0; i < value.len; i++) {
		if (!is_digit(value.p[i]))
			return false;
		bits = bits * 10 + (value.p[i] - '0');
	}
	*out = (uint8_t)bits;
	return bits >= WINDOW_BITS_MIN && bits <= WINDOW_BITS_MAX;
}

static bool extension_parameter(struct ws_extensions *e, struct span item)
{
	struct span name = span_trim(span_until(item, '='));
	bool valued = memchr(item.p, '=', item.len);
	struct span value = {0};

	if (valued) {
		uint32_t at = span_until(item, '=').len + 1;

		value = span_trim(span_make(item.p + at, item.len - at));
	}
	if (span_ieq(name, SPAN_LIT("server_no_context_takeover")) && !valued) {
		e->no_takeover[SERVER] = true;
		return true;
	}
	if (span_ieq(name, SPAN_LIT("client_no_context_takeover")) && !valued) {
		e->no_takeover[CLIENT] = true;
		return true;
	}
	if (span_ieq(name, SPAN_LIT("server_max_window_bits")))
		return window_bits(value, &e->window_bits[SERVER]);
	if (span_ieq(name, SPAN_LIT("client_max_window_bits")))
		return window_bits(value, &e->window_bits[CLIENT]);
	return false;
}

// Takes the part before the first c off s.
static struct span take_part(struct span *s, uint8_t c)
{
	struct span part = span_until(*s, c);
	uint32_t n = part.len < s->len ? part.len + 1 : part.len;

	s->p += n;
	s->len -= n;
	return part;
}

void ws_extensions_add(struct ws_extensions *e, struct span field)
{
	while (field.len) {
		struct span one = take_part(&field, ',');
		struct span name = span_trim(take_part(&one, ';'));

		if (name.len == 0)
			continue;
		if (e->deflate || !span_ieq(name, SPAN_LIT("permessage-deflate"))) {
			e->foreign = true;
			continue;
		}
		e->deflate = true;
		while (one.len) {
			struct span item = span_trim(take_part(&one, ';'));

			if (item.len && !extension_parameter(e, item))
				e->foreign = true;
		}
	}
}

// ---- decompression

void ws_inflate_free(struct flow_env *env, struct ws_inflate *z)
{
	if (z->ctx)
		decoder_close(env, DECODER_GZIP, z->ctx);
	z->ctx = NULL;
}

void ws_inflate_taken(struct flow_env *env, struct ws_inflate *z)
{
	env->stats.body_decoders_taken++;
	ws_inflate_lose(env, z, z->takeover);
}

bool ws_inflate_begin(struct flow_env *env, struct ws_inflate *z, bool takeover, uint64_t now_ns)
{
	z->any = false;
	z->takeover = takeover;
	if (z->lost)
		return false;
	if (z->ctx)
		decoder_heard(env, DECODER_GZIP, z->ctx, now_ns);
	else
		z->ctx = decoder_keep(env, z, now_ns);
	if (!z->ctx) {
		env->stats.body_no_context++;
		z->lost = takeover;
		return false;
	}
	z->taken = inflate_taken(z->ctx);
	z->written = inflate_written(z->ctx);
	return true;
}

// Output is cut where a multiple of the window's size is reached and one byte past the limit, so
// that limits strike at the same byte however the input was cut.
static uint32_t inflate_room(const struct flow_limits *limits, uint64_t written)
{
	uint64_t room = WINDOW_BYTES - written % WINDOW_BYTES;

	if (limits->inflate_bytes + 1 - written < room)
		room = limits->inflate_bytes + 1 - written;
	return (uint32_t)room;
}

static enum ws_inflate_result inflate_piece(struct flow_env *env, struct ws_inflate *z,
					    struct span in,
					    void (*out)(void *arg, struct span bytes), void *arg)
{
	const struct flow_limits *limits = &env->limits;
	enum inflate_result result;

	// Each turn fills the room, or is the last.
	do {
		uint64_t before = inflate_written(z->ctx) - z->written;
		uint32_t n;

		result = inflate_more(z->ctx, &in, env->inflate_out, inflate_room(limits, before),
				      &n);
		uint64_t written = before + n;

		if (written > limits->inflate_bytes) {
			out(arg, span_make(env->inflate_out, n - 1));
			return WS_INFLATE_BOMB;
		}
		if (n)
			out(arg, span_make(env->inflate_out, n));
		if (limits->inflate_ratio && written > RATIO_FROM && written % WINDOW_BYTES == 0 &&
		    written / limits->inflate_ratio > inflate_taken(z->ctx) - z->taken)
			return WS_INFLATE_BOMB;
	} while (result == INFLATE_FULL);
	return result == INFLATE_MORE ? WS_INFLATE_GOOD : WS_INFLATE_DAMAGED;
}

enum ws_inflate_result ws_inflate_bytes(struct flow_env *env, struct ws_inflate *z, struct span in,
					void (*out)(void *arg, struct span bytes), void *arg)
{
	if (in.len == 0)
		return WS_INFLATE_GOOD;
	if (!z->ctx)
		return WS_INFLATE_TAKEN;
	z->any = true;
	return inflate_piece(env, z, in, out, arg);
}

enum ws_inflate_result ws_inflate_end(struct flow_env *env, struct ws_inflate *z, bool takeover,
				      void (*out)(void *arg, struct span bytes), void *arg)
{
	enum ws_inflate_result result = z->ctx ? WS_INFLATE_GOOD : WS_INFLATE_TAKEN;

	// RFC 7692 section 7.2.2: the end of an empty block, which the sender has cut off. Not when
	// the last block was marked as final, and nothing stands behind it.
	if (z->ctx && z->any && !inflate_may_end(z->ctx)) {
		result = inflate_piece(env, z, SPAN_LIT("\x00\x00\xff\xff"), out, arg);
		if (result == WS_INFLATE_GOOD && !inflate_at_block(z->ctx))
			result = WS_INFLATE_DAMAGED;
	}
	if (result != WS_INFLATE_GOOD)
		ws_inflate_lose(env, z, takeover);
	else if (!takeover)
		ws_inflate_free(env, z);
	return result;
}

void ws_inflate_lose(struct flow_env *env, struct ws_inflate *z, bool takeover)
{
	ws_inflate_free(env, z);
	z->lost |= takeover;
}

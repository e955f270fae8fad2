// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The walker of Protocol Buffers without their schema, and of the messages of gRPC. Runs on the
// worker; one state per body, no recursion.
//
//	message User { string mail = 2; Address home = 5; }      parent "$", key "f2"
//	message Address { string street = 1; }                   parent "$.f5", key "f1"
//
// Only strings become values: the numbers of their fields are their names. On the wire a string,
// bytes and a message look the same: a length and what follows. What a field holds is told by its
// first PROTO_LOOK bytes: text, then it is a string; a series of fields, then it is a message; else
// bytes, which are passed over. A message that turns out to be none is passed over from there.
//
//	TAG ─► (varint, fixed: passed over) | STRING | message: one level down | SKIP ─► TAG
//
// gRPC puts a byte (compressed or not) and four bytes of length before each message; compressed
// ones, and the trailers that gRPC-Web sends like a message, are passed over.

#include "flows/walk_path.h"

enum {
	PROTO_LOOK = 96,  // bytes of a field that tell what it holds
	PROTO_HEAD = 20,  // bytes of a tag and a number, at most
	PROTO_DEPTH = 16, // messages inside each other
	PROTO_FIELD_MOST = (1 << 29) - 1,
};

enum proto_state {
	PROTO_TAG = 0,
	PROTO_FRAME,  // gRPC: before a message
	PROTO_STRING, // inside one that began before the window
	PROTO_SKIP,
	PROTO_BROKEN,
};

enum proto_wire {
	WIRE_VARINT = 0,
	WIRE_FIXED64 = 1,
	WIRE_BYTES = 2,
	WIRE_FIXED32 = 5,
};

struct proto {
	uint8_t state; // enum proto_state
	bool framed;
	uint8_t key_len;
	uint8_t key[11];               // "f" and the field's number
	uint64_t left;                 // STRING, SKIP: bytes to come
	uint64_t end[PROTO_DEPTH + 1]; // offset in the body where the message at a depth ends
	struct walk_path path;
};

static_assert(sizeof(struct proto) <= WALKER_STATE, "walkers have that much");

// A base 128 number at p. Its length; 0: it is none, or goes on behind end.
static uint32_t proto_varint(const uint8_t *p, const uint8_t *end, uint64_t *out)
{
	uint64_t value = 0;

	for (uint32_t i = 0; i < 10 && p + i < end; i++) {
		value |= (uint64_t)(p[i] & 0x7f) << (7 * i);
		if (!(p[i] & 0x80)) {
			*out = value;
			return i + 1;
		}
	}
	return 0;
}

struct proto_field {
	uint32_t number;
	uint32_t head; // bytes before the content
	uint64_t len;  // … of the content
	bool bytes;    // of the kind that has a length
};

// The field at p. False: none begins there, or not all of its head is there.
static bool proto_field(const uint8_t *p, const uint8_t *end, struct proto_field *f)
{
	uint64_t tag, value;
	uint32_t n = proto_varint(p, end, &tag), more;

	if (n == 0 || tag >> 3 == 0 || tag >> 3 > PROTO_FIELD_MOST)
		return false;
	f->number = (uint32_t)(tag >> 3);
	f->head = n;
	f->bytes = false;
	switch (tag & 7) {
	case WIRE_VARINT:
		f->len = proto_varint(p + n, end, &value);
		return f->len > 0;
	case WIRE_FIXED64:
		f->len = 8;
		return true;
	case WIRE_FIXED32:
		f->len = 4;
		return true;
	case WIRE_BYTES:
		more = proto_varint(p + n, end, &f->len);
		f->head += more;
		f->bytes = true;
		return more > 0 && f->len <= INT32_MAX;
	default: // groups are no longer in use
		return false;
	}
}

// Text as people and programs write it: UTF-8 without control characters but white space. cut: the
// last character may be incomplete.
static bool proto_is_text(const uint8_t *p, const uint8_t *end, bool cut)
{
	while (p < end) {
		uint8_t c = *p++;
		uint32_t more = c < 0x80 ? 0 : c < 0xc2 ? 4 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;

		if (more == 4 || c > 0xf4 || (c < 0x20 && c != '\t' && c != '\n' && c != '\r') ||
		    c == 0x7f)
			return false;
		for (; more; more--, p++) {
			if (p == end)
				return cut;
			if ((*p & 0xc0) != 0x80)
				return false;
		}
	}
	return true;
}

// A series of whole fields; cut: the last one may be incomplete.
static bool proto_is_message(const uint8_t *p, const uint8_t *end, bool cut)
{
	struct proto_field f;
	uint32_t n = 0;

	// Each turn takes a field of at least two bytes.
	for (; p < end; n++) {
		if (!proto_field(p, end, &f))
			return cut && n > 0 && end - p < PROTO_HEAD;
		if (f.len > (uint64_t)(end - p) - f.head)
			return cut;
		p += f.head + f.len;
	}
	return n > 0;
}

static void proto_key(struct proto *proto, uint32_t number)
{
	uint8_t digits[10];
	uint32_t n = 0;

	do {
		digits[n++] = (uint8_t)('0' + number % 10);
		number /= 10;
	} while (number);
	proto->key_len = (uint8_t)(n + 1);
	proto->key[0] = 'f';
	for (uint32_t i = 0; i < n; i++)
		proto->key[i + 1] = digits[n - 1 - i];
}

static struct value proto_value(const struct proto *proto, const struct walk *w)
{
	struct value v = {.dir = w->dir};

	walk_path_field(&proto->path, w->seed, proto->path.depth,
			span_make(proto->key, proto->key_len), &v);
	return v;
}

static const uint8_t *proto_skip(struct proto *proto, const struct walk *w, const uint8_t *p,
				 uint64_t len)
{
	uint64_t n = len < (uint64_t)(w->end - p) ? len : (uint64_t)(w->end - p);

	proto->left = len - n;
	proto->state = proto->left ? PROTO_SKIP : PROTO_TAG;
	return p + n;
}

// A field with a length whose content is at p. NULL: the window ends in it, and is asked for from
// token again.
static const uint8_t *proto_bytes(struct proto *proto, const struct walk *w, const uint8_t *token,
				  const uint8_t *p, const struct proto_field *f)
{
	uint64_t here = (uint64_t)(w->end - p);
	bool whole = f->len <= PROTO_LOOK;
	uint64_t look = whole ? f->len : PROTO_LOOK;
	const uint8_t *stop;

	if (here < look) {
		if (!w->last)
			return NULL;
		look = here;
		whole = false;
	}
	stop = p + look;
	proto_key(proto, f->number);
	// A string that begins like a message begins with a control character.
	bool text = f->len && proto_is_text(p, stop, !whole);

	if (f->len && (!text || *p < 0x20) && proto_is_message(p, stop, !whole) &&
	    proto->path.depth < proto->path.max) {
		struct span key = span_make(proto->key, proto->key_len);

		walk_path_push(&proto->path, key, walk_key_hash(w->seed, key));
		proto->end[proto->path.depth] = w->off + (uint64_t)(p - w->begin) + f->len;
		return p;
	}
	if (!text)
		return proto_skip(proto, w, p, f->len);
	struct value v = proto_value(proto, w);

	if (f->len <= here) {
		walk_value(w, &v, VALUE_STRING, p, p + f->len);
		return p + f->len;
	}
	if (!w->last && w->end - token <= walk_tail(w))
		return NULL;
	walk_value(w, &v, VALUE_TEXT, p, w->end);
	proto->left = f->len - here;
	proto->state = PROTO_STRING;
	return w->end;
}

// The message at the present depth is none: what is left of it is passed over.
static const uint8_t *proto_give_up(struct proto *proto, const struct walk *w, const uint8_t *p)
{
	uint64_t at = w->off + (uint64_t)(p - w->begin);
	uint64_t left = proto->end[proto->path.depth] - at;

	if (proto->path.depth == 0 && !proto->framed) {
		proto->state = PROTO_BROKEN;
		return p;
	}
	return proto_skip(proto, w, p, left);
}

// A field at p. NULL: more bytes are needed.
static const uint8_t *proto_tag(struct proto *proto, const struct walk *w, const uint8_t *p)
{
	uint64_t left = proto->end[proto->path.depth] - (w->off + (uint64_t)(p - w->begin));
	const uint8_t *end = left < (uint64_t)(w->end - p) ? p + left : w->end;
	struct proto_field f;

	if (end == w->end && end - p < PROTO_HEAD && left > (uint64_t)(end - p) && !w->last)
		return NULL;
	if (!proto_field(p, end, &f) || f.len > left - f.head)
		return proto_give_up(proto, w, p);
	if (f.bytes)
		return proto_bytes(proto, w, p, p + f.head, &f);
	return proto_skip(proto, w, p + f.head, f.len);
}

// The frame of a message of gRPC at p.
static const uint8_t *proto_frame(struct proto *proto, const struct walk *w, const uint8_t *p)
{
	uint64_t len;

	if (w->end - p < 5)
		return NULL;
	len = (uint64_t)p[1] << 24 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 8 | p[4];
	if (p[0] & 0x7e) {
		proto->state = PROTO_BROKEN;
		return p;
	}
	proto->end[0] = w->off + (uint64_t)(p - w->begin) + 5 + len;
	return p[0] ? proto_skip(proto, w, p + 5, len) : p + 5;
}

// Goes on with the string that began before the window.
static const uint8_t *proto_string(struct proto *proto, const struct walk *w)
{
	uint64_t here = (uint64_t)(w->end - w->fresh);
	uint64_t n = proto->left < here ? proto->left : here;
	struct value v = proto_value(proto, w);

	walk_text(w, &v, w->fresh + n);
	proto->left -= n;
	if (proto->left == 0)
		proto->state = PROTO_TAG;
	return w->fresh + n;
}

// Messages that end at p are closed.
static void proto_close(struct proto *proto, const struct walk *w, const uint8_t *p)
{
	uint64_t at = w->off + (uint64_t)(p - w->begin);

	while (proto->path.depth && at >= proto->end[proto->path.depth])
		walk_path_pop(&proto->path);
}

static const uint8_t *proto_walk(void *state, const struct walk *w)
{
	struct proto *proto = state;
	const uint8_t *p = w->begin, *next;

	if (proto->state == PROTO_STRING)
		p = proto_string(proto, w);
	while (p < w->end && proto->state != PROTO_STRING) {
		if (proto->state == PROTO_SKIP)
			p = proto_skip(proto, w, p, proto->left);
		if (proto->state == PROTO_SKIP)
			break;
		proto_close(proto, w, p);
		if (p >= w->end)
			break;
		bool frame = proto->framed && proto->path.depth == 0 &&
			     w->off + (uint64_t)(p - w->begin) >= proto->end[0];

		next = frame ? proto_frame(proto, w, p) : proto_tag(proto, w, p);
		if (proto->state == PROTO_BROKEN)
			return next;
		if (!next)
			return w->last ? w->end : p;
		p = next;
	}
	if (proto->state == PROTO_TAG)
		proto_close(proto, w, p);
	return proto->state == PROTO_STRING ? walk_context(w) : w->end;
}

static bool proto_begin(void *state, const struct walk_start *start)
{
	struct proto *proto = state;
	struct span type = start->type;

	type.len = type.len < 16 ? type.len : 16;
	proto->framed = span_ieq(type, SPAN_LIT("application/grpc"));
	proto->state = PROTO_TAG;
	proto->key_len = 0;
	proto->left = 0;
	walk_path_begin(&proto->path, start, PROTO_DEPTH);
	proto->end[0] = proto->framed ? 0 : UINT64_MAX;
	return true;
}

static enum walk_fault proto_fault(const void *state)
{
	const struct proto *proto = state;

	return proto->state == PROTO_BROKEN ? WALK_BROKEN : WALK_GOOD;
}

static bool proto_whole(const void *state)
{
	const struct proto *proto = state;

	return proto->state == PROTO_TAG && proto->path.depth == 0;
}

static const struct walker protobuf_walker = {
	.name = "protobuf",
	.types = {"application/x-protobuf", "application/protobuf",
		  "application/vnd.google.protobuf", "+protobuf", "+proto", "application/grpc",
		  "application/grpc-web", "application/grpc-web-text"},
	.size = sizeof(struct proto),
	.begin = proto_begin,
	.walk = proto_walk,
	.fault = proto_fault,
	.whole = proto_whole,
};
WALKER_REGISTER(protobuf_walker);

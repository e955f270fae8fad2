// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The JSON walker. Runs on the worker; one struct json per body, no recursion, no allocation.
//
//	{"users":[{"email":"a@b.c","age":7}]}
//	           ^key    ^value        parent "$.users[]", key "email"; then age
//
// json_walk() is one state machine over labels, so that a state costs a jump and not a call. Each
// state first tries what compact JSON nearly always has there: no white space, keys and strings
// that end within one vector, decimals, `,"` after a member and `},{` after an element. None of
// this asks for the end of the window: the zero bytes behind it match nothing. They also end
// every search: a state that meets an unexpected byte at or past the end has run out of window
// (stop and resume), before the end it has found an error.
//
// Tolerated, because servers tolerate it and a sensor that stops sees nothing: any bytes inside
// strings, unknown escapes, leading zeros, NaN and Infinity, values one after the other (NDJSON,
// RFC 7464), a byte order mark. Everything else is an error and final; the caller goes on with
// the rest as text. Fields are told apart by hashes of keys, array indexes do not count.

#include "flows/json.h"

#include "flows/json_scan.h"
#include "flows/utf8.h"
#include "flows/walker.h"

// The closing quote of a string whose content goes on at p. end: still open there; end + 1: open,
// and the last byte is a backslash whose escape is not in the window. Not inlined, or its loop
// takes the registers from the short strings.
static __attribute__((noinline)) const uint8_t *json_string_end(const uint8_t *p,
								const uint8_t *end, bool *escaped)
{
	while (p < end) {
		const uint8_t *next = p + 64;

		for (uint64_t hits = json_quotes(p, 64); hits;) {
			uint64_t i = (uint64_t)__builtin_ctzll(hits);

			if (likely(p[i] == '"'))
				return p + i;
			*escaped = true;
			if (end - p <= (ptrdiff_t)i + 2)
				return p + i + 2;
			hits &= ~(UINT64_C(3) << i);
			next += i == 63;
		}
		p = next;
	}
	return end; // also of a search that began before it and has passed it
}

static uint32_t json_hex4(const uint8_t *p)
{
	uint32_t value = 0;

	for (uint32_t i = 0; i < 4; i++) {
		uint8_t c = span_lower(p[i]);

		if (c >= '0' && c <= '9')
			value = value << 4 | (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value << 4 | (uint32_t)(c - 'a' + 10);
		else
			return UINT32_MAX;
	}
	return value;
}

// One escape at p, len bytes of key left. Writes what it stands for and returns how many bytes it
// took; 0: it stands for itself.
static uint32_t json_escape(const uint8_t *p, uint32_t len, uint8_t *out, uint32_t *n)
{
	uint32_t code, low, took = 6;

	if (len < 2)
		return 0;
	if (p[1] == '"' || p[1] == '\\' || p[1] == '/') {
		out[0] = p[1];
		*n = 1;
		return 2;
	}
	if (p[1] != 'u' || len < 6)
		return 0;
	code = json_hex4(p + 2);
	if (code - 0xd800 < 0x400 && len >= 12 && p[6] == '\\' && p[7] == 'u') {
		low = json_hex4(p + 8);
		if (low - 0xdc00 < 0x400) {
			code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
			took = 12;
		}
	}
	// Control characters and lone surrogates stay written out: a key is shown to people.
	if (code < 0x20 || code > 0x10ffff || code - 0xd800 < 0x800)
		return 0;
	*n = utf8_put(out, code);
	return took;
}

// "\u0061dmin" and "admin" are one key to every server; they must be one key here.
static uint32_t json_unescape(const uint8_t *p, uint32_t len, uint8_t *out)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < len;) {
		uint32_t wrote = 0;
		uint32_t took = p[i] == '\\' ? json_escape(p + i, len - i, out + n, &wrote) : 0;

		if (took) {
			i += took;
			n += wrote;
		} else {
			out[n++] = p[i++];
		}
	}
	return n;
}

// The key of the values that follow: len <= WALK_KEY bytes at p.
static inline void json_set_key(struct value *v, uint64_t seed, const uint8_t *p, uint32_t len)
{
	v->key.p = p;
	v->key.len = len;
	v->key_hash = walk_key_hash_padded(seed, p, len);
}

// The same for len bytes as they stand in the document. For keys that are not short.
static __attribute__((noinline)) void json_take_key(struct json *json, uint64_t seed,
						    struct value *v, const uint8_t *p, size_t len,
						    bool escaped)
{
	if (unlikely(len > WALK_KEY))
		len = WALK_KEY;
	if (unlikely(escaped)) {
		uint8_t out[WALK_KEY];

		len = json_unescape(p, (uint32_t)len, out);
		memcpy(json->key, out, len);
		p = json->key;
	}
	json_set_key(v, seed, p, (uint32_t)len);
}

// The pending key will not be in the next window.
static void json_keep_key(struct json *json, const struct value *v)
{
	if (v->key.p != json->key)
		memcpy(json->key, v->key.p, v->key.len);
	json->key_len = (uint8_t)v->key.len;
	json->key_hash = v->key_hash;
}

static inline bool json_in_object(const struct json *json)
{
	return json->level[json->depth].object;
}

// Outside of objects the container names what is in it. Not inlined: objects are more.
static __attribute__((noinline)) void json_element_key(const struct json *json, uint64_t seed,
						       struct value *v)
{
	const struct json_level *level = &json->level[json->depth];

	json_set_key(v, seed, json->path + level->name_at, level->name_len);
}

// The container at the present depth names what follows: its path, and outside of objects the
// key of the elements.
static __attribute__((always_inline)) inline void json_enter(const struct json *json, uint64_t seed,
							     struct value *v)
{
	const struct json_level *level = &json->level[json->depth];

	v->parent.len = level->path_len;
	if (!level->object)
		json_element_key(json, seed, v);
}

// A member's key becomes part of the path. Returns its length then.
static inline uint32_t json_append_key(struct json *json, uint32_t len, struct span key)
{
	uint8_t *path = json->path + len;

	// Key and path are padded for steps of eight bytes.
	*path++ = '.';
	for (uint32_t i = 0; i < key.len; i += 8)
		memcpy(path + i, key.p + i, 8);
	return len + 1 + key.len;
}

// Opens a container under v->key. False: too deep.
static inline bool json_open(struct json *json, struct value *v, bool array, bool member)
{
	uint32_t depth = json->depth;
	struct json_level level = json->level[depth];
	uint64_t hash = json->path_hash[depth];
	uint32_t len = level.path_len;
	bool fits;

	if (unlikely(depth >= json->max_depth))
		return false;
	// A component that does not fit is left out; the hash tells such paths apart.
	fits = len + (member ? 1 + v->key.len : 0) + (array ? 2 : 0) <= JSON_PATH;
	if (member) {
		hash = walk_field_hash(hash, v->key_hash);
		level.name_at = (uint8_t)len;
		level.name_len = 0;
		if (likely(fits)) {
			level.name_at = (uint8_t)(len + 1);
			level.name_len = (uint8_t)v->key.len;
			len = json_append_key(json, len, v->key);
		}
	}
	if (array) {
		hash = walk_mix(hash ^ WALK_K2, WALK_K1);
		if (likely(fits)) {
			json->path[len++] = '[';
			json->path[len++] = ']';
		}
	}
	level.object = !array;
	level.path_len = (uint8_t)len;
	depth++;
	json->depth = (uint8_t)depth;
	json->path_hash[depth] = hash;
	json->level[depth] = level;
	return true;
}

// What all values of a container in a window have in common.
struct json_here {
	uint64_t base;       // offset in the body of address 0
	uint64_t field_base; // walk_field_base() of the path
};

static inline void json_emit(const struct walk *w, const struct json_here *here, struct value *v,
			     const uint8_t *p, const uint8_t *stop)
{
	v->v.p = p;
	v->v.len = (uint32_t)(stop - p);
	v->off = here->base + (uintptr_t)p;
	v->field = walk_field_hash_at(here->field_base, v->key_hash);
	w->sink->value(w->sink->ctx, w->tx, v);
}

// A member whose value is a container. Not inlined: it is for the few.
static __attribute__((noinline)) void json_member(const struct walk *w,
						  const struct json_here *here, struct value *v,
						  const uint8_t *p, const uint8_t *stop)
{
	v->v = span_make(p, (size_t)(stop - p));
	v->off = here->base + (uintptr_t)p;
	v->field = walk_field_hash_at(here->field_base, v->key_hash);
	w->sink->member(w->sink->ctx, w->tx, v);
}

// Not inlined, or it is computed anew for every value.
static __attribute__((noinline)) struct json_here json_here(const struct json *json,
							    const struct walk *w)
{
	return (struct json_here){
		.base = w->off - (uintptr_t)w->begin,
		.field_base = walk_field_base(json->path_hash[json->depth]),
	};
}

// Where the next window has to start when this one ended inside (or before) token.
static __attribute__((noinline)) const uint8_t *json_stop(struct json *json, const struct walk *w,
							  enum json_state state,
							  const struct value *v,
							  const uint8_t *token)
{
	json->state = (uint8_t)state;
	if (w->last)
		return w->end;
	if (json_in_object(json) && (state == JSON_COLON || state == JSON_VALUE)) {
		// From the quote before the key, if it stands in the window and not in json->key.
		if ((uintptr_t)v->key.p - (uintptr_t)w->begin < (uintptr_t)(w->end - w->begin) &&
		    w->end - v->key.p < walk_tail(w)) {
			json->state = JSON_KEY;
			return v->key.p - 1;
		}
		json_keep_key(json, v);
	}
	return token;
}

// A string or number whose end is not in the window, content from p on.
static __attribute__((noinline, cold)) const uint8_t *json_stop_value(struct json *json,
								      const struct walk *w,
								      struct value *v,
								      const uint8_t *token)
{
	const struct json_here here = json_here(json, w);
	bool string = *token == '"';
	const uint8_t *p = token + string;

	// Numbers have one length from which on they come in pieces, wherever the window ends: those
	// are not held to the grammar.
	if (!w->last && w->end - token <= (string ? walk_tail(w) : JSON_NUMBER))
		return json_stop(json, w, JSON_VALUE, v, token);
	if (json_in_object(json))
		json_keep_key(json, v);
	json->state = string ? JSON_LONG_STRING : JSON_LONG_NUMBER;
	v->kind = VALUE_TEXT;
	if (p < w->end)
		json_emit(w, &here, v, p, w->end);
	return walk_context(w);
}

// A number may be what a body ends with.
static inline bool json_number_ends(const struct walk *w)
{
	return w->complete && w->end > w->begin && walk_is_digit(w->end[-1]);
}

// Goes on inside a token that began before the window. Returns where it ends, or the window's end.
static __attribute__((noinline, cold)) const uint8_t *json_long(struct json *json,
								const struct walk *w,
								struct value *v)
{
	const uint8_t *p = w->fresh, *q;

	v->escaped = json->backslash;
	if (json->state == JSON_LONG_NUMBER) {
		q = json_number_run(p, w->end);
	} else {
		if (json->backslash && p < w->end)
			p++;
		q = json_string_end(p, w->end, &v->escaped);
		if (w->fresh < w->end)
			json->backslash = q > w->end;
	}
	if (json->state == JSON_LONG_KEY) {
		if (q >= w->end)
			return w->end;
		// The first WALK_KEY bytes were kept as they stood; they alone are the key.
		json_take_key(json, w->seed, v, json->key, json->key_len,
			      memchr(json->key, '\\', json->key_len) != NULL);
		json->state = JSON_COLON;
		return q + 1;
	}
	v->field = walk_field_hash(json->path_hash[json->depth], v->key_hash);
	walk_text(w, v, q < w->end ? q : w->end);
	if (q >= w->end && !(json->state == JSON_LONG_NUMBER && json_number_ends(w)))
		return w->end;
	q += json->state == JSON_LONG_STRING;
	json->state = JSON_NEXT;
	return q;
}

void json_begin(struct json *json, uint64_t seed, uint32_t max_depth)
{
	json->state = JSON_VALUE;
	json->depth = 0;
	json->max_depth = max_depth < JSON_DEPTH ? (uint8_t)max_depth : JSON_DEPTH;
	json->key_len = 0;
	json->backslash = false;
	json->key_hash = 0;
	json->path_hash[0] = seed;
	json->level[0] = (struct json_level){.object = false, .path_len = 1};
	json->path[0] = '$';
}

// The document is a member of another one: its part of this name.
static void json_begin_below(struct json *json, uint64_t path_hash, struct span name)
{
	json->path_hash[0] = path_hash;
	json->path[1] = '.';
	memcpy(json->path + 2, name.p, name.len);
	json->level[0].path_len = (uint8_t)(2 + name.len);
	json->level[0].name_at = 2;
	json->level[0].name_len = (uint8_t)name.len;
}

const uint8_t *json_walk(struct json *json, const struct walk *w)
{
	const uint8_t *p = w->begin, *q;
	enum json_state state;
	bool in_object, escaped, whole;
	struct json_here here;
	struct value v;

	if (json_failed(json))
		return p;
	v.dir = w->dir;
	v.parent.p = json->path;
	json_enter(json, w->seed, &v);
	here = json_here(json, w);
	in_object = json_in_object(json);
	if (in_object) {
		v.key = (struct span){json->key, json->key_len};
		v.key_hash = json->key_hash;
	}
	if (json->state >= JSON_LONG_KEY) {
		p = json_long(json, w, &v);
		if (json->state >= JSON_LONG_KEY)
			return walk_context(w);
	}
	v.escaped = false; // and is so again after each string
	v.continued = false;
	v.overlap = 0;

	switch ((enum json_state)json->state) {
	case JSON_FIRST_ELEMENT:
		goto first_element;
	case JSON_FIRST_KEY:
		goto first_key;
	case JSON_KEY:
		goto key;
	case JSON_COLON:
		goto colon;
	case JSON_NEXT:
		goto next;
	default:
		goto value;
	}

first_key:
	if (unlikely(*p != '"')) {
		p = walk_skip(p);
		if (*p == '}')
			goto close;
		state = JSON_FIRST_KEY;
		if (unlikely(*p != '"'))
			goto odd;
	}
	goto open_key;
key:
	if (unlikely(*p != '"')) {
		p = walk_skip(p);
		state = JSON_KEY;
		if (unlikely(*p != '"'))
			goto odd;
	}
open_key:
	p++;
	q = json_quote(p, 16);
	if (likely(*q == '"')) {
		v.key = span_make(p, (size_t)(q - p));
		v.key_hash = walk_short_key_hash(w->seed, p, v.key.len);
	} else {
		escaped = false;
		q = json_string_end(q, w->end, &escaped);
		if (unlikely(q >= w->end)) {
			json->state = JSON_KEY;
			if (w->last || w->end - p < walk_tail(w))
				return w->last ? w->end : p - 1;
			json->state = JSON_LONG_KEY;
			json->backslash = q > w->end;
			json->key_len = WALK_KEY;
			memcpy(json->key, p, WALK_KEY);
			return walk_context(w);
		}
		json_take_key(json, w->seed, &v, p, (size_t)(q - p), escaped);
	}
	p = q + 1;
colon:
	if (unlikely(*p != ':')) {
		p = walk_skip(p);
		if (unlikely(*p != ':')) {
			state = JSON_COLON;
			goto odd;
		}
	}
	p++;
value:
	if (*p == '"') {
		q = json_quote(p + 1, 32);
		if (unlikely(*q != '"')) {
			q = json_string_end(q, w->end, &v.escaped);
			if (unlikely(q >= w->end)) {
				json->backslash = q > w->end;
				return json_stop_value(json, w, &v, p);
			}
		}
		v.kind = VALUE_STRING;
		json_emit(w, &here, &v, p + 1, q);
		v.escaped = false;
		p = q + 1;
		goto next;
	}
	if (walk_is_digit(*p)) {
		q = json_decimal_end(p);
		if (likely(*q == ','))
			goto number; // asked for alone, because it is nearly always this
		if (likely(*q == '}' || *q == ']'))
			goto number;
	} else if (*p == '-' && walk_is_digit(p[1])) {
		q = json_decimal_end(p + 1);
		if (likely(*q == ',' || *q == '}' || *q == ']'))
			goto number;
	} else if (walk_is_space(*p)) {
		p = walk_skip(p);
		goto value;
	} else if (*p == '{' || *p == '[') {
		goto open;
	}
	if (walk_is_digit(*p) || (*p == '-' && p[1] != 'I')) {
		q = json_number_stop(p, &whole);
		v.kind = VALUE_NUMBER;
		if (unlikely(q - p > JSON_NUMBER)) {
			q = json_number_run(q, w->end);
			v.kind = VALUE_TEXT;
		} else if (unlikely(!whole && q < w->end)) {
			state = JSON_VALUE;
			goto odd;
		}
		if (unlikely(q >= w->end && !json_number_ends(w)))
			return json_stop_value(json, w, &v, p);
		goto number_told;
	number:
		v.kind = VALUE_NUMBER;
	number_told:
		json_emit(w, &here, &v, p, q);
		p = q;
		goto next;
	}
	state = JSON_VALUE;
	if (p >= w->end)
		goto odd;
	if (unlikely(*p == 0xef && w->off + (uint64_t)(p - w->begin) == 0)) {
		// A byte order mark; half of one at the window's end is asked for again.
		uint32_t n = w->end - p < 3 ? (uint32_t)(w->end - p) : 3;

		if (memcmp(p, "\xef\xbb\xbf", n) == 0) {
			if (n < 3)
				return json_stop(json, w, JSON_VALUE, &v, p);
			p += 3;
			goto value;
		}
	}
	q = json_literal_end(p, w->end);
	if (unlikely(!q || (q > w->end && w->last)))
		goto odd;
	if (unlikely(q > w->end))
		return json_stop(json, w, JSON_VALUE, &v, p);
	v.kind = VALUE_LITERAL;
	json_emit(w, &here, &v, p, q);
	p = q;

next:
	if (likely(in_object)) {
		if (likely(json_is2(p, ",\""))) {
			p++;
			goto open_key;
		}
		if (*p == ',') {
			p++;
			goto key;
		}
	} else if (*p == ',' && likely(json->depth)) {
		p++;
		goto value;
	}
	if (*p == '}')
		goto close_object;
	if (*p == ']')
		goto close_array;
	if (json->depth == 0)
		goto value;
	if (walk_is_space(*p)) {
		p = walk_skip(p);
		goto next;
	}
	state = JSON_NEXT;
	goto odd;

first_element:
	p = walk_skip(p);
	if (*p == ']')
		goto close;
	if (p < w->end)
		goto value;
	state = JSON_FIRST_ELEMENT;
	goto odd;

open:
	if (in_object && w->sink->member) {
		// The bracket, a space and what is inside are shown together.
		if (unlikely(w->end - p < JSON_BEGINS && !w->last))
			return json_stop(json, w, JSON_VALUE, &v, p);
		json_member(w, &here, &v, p, w->end);
	}
	if (unlikely(!json_open(json, &v, *p == '[', in_object))) {
		json->state = JSON_TOO_DEEP;
		return p;
	}
	here.field_base = walk_field_base(json->path_hash[json->depth]);
	in_object = *p == '{';
	json_enter(json, w->seed, &v);
	p++;
	if (in_object)
		goto first_key;
	goto first_element;

close_object:
	if (unlikely(!in_object))
		goto error;
	// The next object of a list stands where this one stood: nothing to close and open.
	if (json_is2(p + 1, ",{") && json->depth > 1 && !json->level[json->depth - 1].object) {
		p += 3;
		goto first_key;
	}
	goto close;
close_array:
	if (unlikely(in_object || json->depth == 0))
		goto error;
close:
	p++;
	json->depth--;
	here.field_base = walk_field_base(json->path_hash[json->depth]);
	in_object = json_in_object(json);
	json_enter(json, w->seed, &v);
	goto next;

odd:
	if (p >= w->end)
		return json_stop(json, w, state, &v, w->end);
error:
	json->state = JSON_ERROR;
	return p;
}

static bool json_walker_sniff(struct span first)
{
	return first.p[0] == '{' || first.p[0] == '[';
}

static bool json_walker_begin(void *state, const struct walk_start *start)
{
	json_begin(state, start->seed, start->max_depth);
	if (start->name.len)
		json_begin_below(state, walk_start_path(start), start->name);
	return true;
}

static const uint8_t *json_walker_walk(void *state, const struct walk *w)
{
	return json_walk(state, w);
}

static enum walk_fault json_walker_fault(const void *state)
{
	const struct json *json = state;

	return likely(!json_failed(json))     ? WALK_GOOD
	       : json->state == JSON_TOO_DEEP ? WALK_TOO_DEEP
					      : WALK_BROKEN;
}

static bool json_walker_whole(const void *state)
{
	return json_whole(state);
}

static_assert(sizeof(struct json) <= WALKER_PART, "a part may be JSON");

static const struct walker json_walker = {
	.name = "json",
	.types = {"application/json", "+json", "text/json", "text/x-json", "application/x-json",
		  "application/x-ndjson", "application/ndjson", "application/jsonl",
		  "application/x-jsonlines", "application/json-seq", "application/csp-report"},
	.parts = true,
	.members = true,
	.wide = true,
	.too_deep = ANOMALY_JSON_DEPTH,
	.size = sizeof(struct json),
	.sniff = json_walker_sniff,
	.begin = json_walker_begin,
	.walk = json_walker_walk,
	.fault = json_walker_fault,
	.whole = json_walker_whole,
};
WALKER_REGISTER(json_walker);

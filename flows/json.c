// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The JSON walker. Runs on the worker; one struct json per body, no recursion, no allocation.
//
//	{"users":[{"email":"a@b.c","age":7}]}
//	           ^key    ^value        parent "$.users[]", key "email"; then age
//
// json_walk() is one state machine over labels, so that a state costs a jump and not a call. The
// zero bytes behind the window end every search: a state that meets an unexpected byte at or
// past the end has run out of window (stop and resume), before the end it has found an error.
//
// Tolerated, because servers tolerate it and a sensor that stops sees nothing: any bytes inside
// strings, unknown escapes, leading zeros, NaN and Infinity, values one after the other (NDJSON,
// RFC 7464), a byte order mark. Everything else is an error and final; the caller goes on with
// the rest as text. Fields are told apart by hashes of keys, array indexes do not count.

#include "flows/json.h"

// The closing quote of a string whose content goes on at p. end: still open there; end + 1: open,
// and the last byte is a backslash whose escape is not in the window.
static inline const uint8_t *json_string_end(const uint8_t *p, const uint8_t *end, bool *escaped)
{
	for (;;) {
		p = walk_find(p, end, '"', '\\', '\\');
		if (likely(p >= end || *p == '"'))
			return p;
		*escaped = true;
		p += 2;
		if (p >= end)
			return p;
	}
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

static uint32_t json_utf8(uint8_t *out, uint32_t code)
{
	if (code < 0x80) {
		out[0] = (uint8_t)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (uint8_t)(0xc0 | code >> 6);
		out[1] = (uint8_t)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (uint8_t)(0xe0 | code >> 12);
		out[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
		out[2] = (uint8_t)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (uint8_t)(0xf0 | code >> 18);
	out[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
	out[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
	out[3] = (uint8_t)(0x80 | (code & 0x3f));
	return 4;
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
	*n = json_utf8(out, code);
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

static inline void json_set_key(struct json *json, uint64_t seed, struct value *v, const uint8_t *p,
				uint32_t len, bool escaped)
{
	if (len > WALK_KEY)
		len = WALK_KEY;
	if (unlikely(escaped)) {
		uint8_t out[WALK_KEY];

		len = json_unescape(p, len, out);
		memcpy(json->key, out, len);
		p = json->key;
	}
	v->key.p = p;
	v->key.len = len;
	v->key_hash = walk_key_hash_padded(seed, p, len);
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
	return json->depth && !(json->arrays >> (json->depth - 1) & 1);
}

// The container at the present depth names what follows: its path, and outside of objects the
// key of the elements.
static inline void json_level(struct json *json, uint64_t seed, struct value *v)
{
	uint32_t depth = json->depth;

	v->parent.p = json->path;
	v->parent.len = json->path_len[depth];
	if (!json_in_object(json)) {
		v->key.p = json->path + json->name_at[depth];
		v->key.len = json->name_len[depth];
		v->key_hash = walk_key_hash_padded(seed, v->key.p, v->key.len);
	}
}

// Opens a container under v->key. False: too deep.
static inline bool json_open(struct json *json, uint64_t seed, struct value *v, bool array)
{
	uint32_t depth = json->depth;
	uint32_t len = json->path_len[depth];
	uint32_t name_at = json->name_at[depth], name_len = json->name_len[depth];
	uint64_t hash = json->path_hash[depth];
	bool member = json_in_object(json), fits;

	if (unlikely(depth >= json->max_depth))
		return false;
	// A component that does not fit is left out; the hash tells such paths apart.
	fits = len + (member ? 1 + v->key.len : 0) + (array ? 2 : 0) <= JSON_PATH;
	if (member) {
		hash = walk_field_hash(hash, v->key_hash);
		name_at = len;
		name_len = 0;
		if (likely(fits)) {
			json->path[len] = '.';
			memcpy(json->path + len + 1, v->key.p, v->key.len);
			name_at = len + 1;
			name_len = v->key.len;
			len += 1 + name_len;
		}
	}
	if (array) {
		hash = walk_mix(hash ^ WALK_K2, WALK_K1);
		if (likely(fits)) {
			json->path[len++] = '[';
			json->path[len++] = ']';
		}
	}
	json->arrays = (json->arrays & ~(UINT64_C(1) << depth)) | (uint64_t)array << depth;
	json->depth = (uint8_t)++depth;
	json->path_hash[depth] = hash;
	json->path_len[depth] = (uint8_t)len;
	json->name_at[depth] = (uint8_t)name_at;
	json->name_len[depth] = (uint8_t)name_len;
	json_level(json, seed, v);
	return true;
}

static inline void json_emit(const struct json *json, const struct walk *w, struct value *v,
			     const uint8_t *p, const uint8_t *stop)
{
	v->v.p = p;
	v->v.len = (uint32_t)(stop - p);
	v->off = w->off + (uint64_t)(p - w->begin);
	v->field = walk_field_hash(json->path_hash[json->depth], v->key_hash);
	w->sink->value(w->sink->ctx, w->tx, v);
}

// The end of the number at p. NULL: not a number. end: it may go on behind the window.
static inline const uint8_t *json_number_end(const uint8_t *p, const uint8_t *end)
{
	const uint8_t *q = p + (*p == '-');

	p = walk_digits(q);
	if (p == q)
		return p >= end ? end : NULL;
	if (*p == '.') {
		q = p + 1;
		p = walk_digits(q);
		if (p == q)
			return p >= end ? end : NULL;
	}
	if ((*p | 0x20) == 'e') {
		q = p + 1;
		q += *q == '+' || *q == '-';
		p = walk_digits(q);
		if (p == q)
			return p >= end ? end : NULL;
	}
	if (likely(p >= end || *p == ',' || *p == '}' || *p == ']' || walk_is_space(*p)))
		return p;
	return NULL;
}

static inline bool json_is4(const uint8_t *p, const char *name)
{
	uint32_t a, b;

	memcpy(&a, p, 4);
	memcpy(&b, name, 4);
	return a == b;
}

// Names that JSON does not know but JavaScript and Python write, and what the window has of a name.
static const uint8_t *json_odd_literal_end(const uint8_t *p, const uint8_t *end)
{
	static const char names[][10] = {"true", "false", "null", "NaN", "Infinity", "-Infinity"};

	for (uint32_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t len = strlen(names[i]), left = (size_t)(end - p);

		if (memcmp(p, names[i], len < left ? len : left) == 0)
			return len <= left ? p + len : end + 1;
	}
	return NULL;
}

// The end of a literal name at p. NULL: none. end + 1: it goes on behind the window.
static inline const uint8_t *json_literal_end(const uint8_t *p, const uint8_t *end)
{
	if (likely(end - p > 5)) {
		if (json_is4(p, "true") || json_is4(p, "null"))
			return p + 4;
		if (json_is4(p + 1, "alse") && *p == 'f')
			return p + 5;
	}
	return json_odd_literal_end(p, end);
}

// Where the next window has to start when this one ended inside (or before) token.
static const uint8_t *json_stop(struct json *json, const struct walk *w, enum json_state state,
				const struct value *v, const uint8_t *key_at, const uint8_t *token)
{
	json->state = (uint8_t)state;
	if (w->last)
		return w->end;
	if (json_in_object(json) && (state == JSON_COLON || state == JSON_VALUE)) {
		if (key_at && w->end - key_at <= WINDOW_TAIL) {
			json->state = JSON_KEY;
			return key_at;
		}
		json_keep_key(json, v);
	}
	return token;
}

// A string or number whose end is not in the window, content from p on.
static const uint8_t *json_stop_value(struct json *json, const struct walk *w, struct value *v,
				      const uint8_t *key_at, const uint8_t *token)
{
	bool string = *token == '"';
	const uint8_t *p = token + string;

	if (!w->last && w->end - token <= WINDOW_TAIL)
		return json_stop(json, w, JSON_VALUE, v, key_at, token);
	if (json_in_object(json))
		json_keep_key(json, v);
	json->state = string ? JSON_LONG_STRING : JSON_LONG_NUMBER;
	v->kind = VALUE_TEXT;
	if (p < w->end)
		json_emit(json, w, v, p, w->end);
	return walk_context(w);
}

// Goes on inside a token that began before the window. Returns where it ends, or the window's end.
static const uint8_t *json_long(struct json *json, const struct walk *w, struct value *v)
{
	const uint8_t *p = w->fresh, *q;

	v->escaped = json->backslash;
	if (json->state == JSON_LONG_NUMBER) {
		q = p;
		while (q < w->end && ((uint8_t)(*q - '0') <= 9 || *q == '.' || *q == '+' ||
				      *q == '-' || (*q | 0x20) == 'e'))
			q++;
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
		json_set_key(json, w->seed, v, json->key, json->key_len,
			     memchr(json->key, '\\', json->key_len) != NULL);
		json->state = JSON_COLON;
		return q + 1;
	}
	v->field = walk_field_hash(json->path_hash[json->depth], v->key_hash);
	walk_text(w, v, q < w->end ? q : w->end);
	if (q >= w->end)
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
	json->arrays = 0;
	json->key_hash = 0;
	json->path_hash[0] = seed;
	json->path_len[0] = 1;
	json->name_at[0] = 0;
	json->name_len[0] = 0;
	json->path[0] = '$';
}

const uint8_t *json_walk(struct json *json, const struct walk *w)
{
	const uint8_t *const end = w->end;
	const uint8_t *p = w->begin, *q, *token, *key_at = NULL;
	enum json_state state;
	bool in_object, escaped;
	struct value v = {.dir = w->dir};

	if (json_failed(json))
		return p;
	json_level(json, w->seed, &v);
	in_object = json_in_object(json);
	if (in_object) {
		v.key = (struct span){json->key, json->key_len};
		v.key_hash = json->key_hash;
	}
	if (json->state >= JSON_LONG_KEY) {
		p = json_long(json, w, &v);
		if (json->state >= JSON_LONG_KEY)
			return walk_context(w);
		v.continued = false;
		v.overlap = 0;
	}

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
	p = walk_skip(p);
	if (*p == '}')
		goto close;
	if (unlikely(*p != '"')) {
		state = JSON_FIRST_KEY;
		goto odd;
	}
key:
	p = walk_skip(p);
	if (unlikely(*p != '"')) {
		state = JSON_KEY;
		goto odd;
	}
	key_at = p++;
	escaped = false;
	q = json_string_end(p, end, &escaped);
	if (unlikely(q >= end)) {
		json->state = JSON_KEY;
		if (w->last || end - key_at <= WINDOW_TAIL)
			return w->last ? end : key_at;
		json->state = JSON_LONG_KEY;
		json->backslash = q > end;
		json->key_len = WALK_KEY;
		memcpy(json->key, p, WALK_KEY);
		return walk_context(w);
	}
	json_set_key(json, w->seed, &v, p, q - p > WALK_KEY ? WALK_KEY : (uint32_t)(q - p),
		     escaped);
	p = q + 1;
colon:
	p = walk_skip(p);
	if (unlikely(*p != ':')) {
		state = JSON_COLON;
		goto odd;
	}
	p++;
value:
	p = walk_skip(p);
	state = JSON_VALUE;
	if (*p == '"') {
		token = p++;
		v.escaped = false;
		q = json_string_end(p, end, &v.escaped);
		if (unlikely(q >= end)) {
			json->backslash = q > end;
			return json_stop_value(json, w, &v, key_at, token);
		}
		v.kind = VALUE_STRING;
		json_emit(json, w, &v, p, q);
		p = q + 1;
		goto next;
	}
	if ((uint8_t)(*p - '0') <= 9 || (*p == '-' && p[1] != 'I')) {
		token = p;
		p = json_number_end(token, end);
		if (unlikely(!p)) {
			p = token;
			goto odd;
		}
		v.escaped = false;
		if (unlikely(p >= end) && !(w->complete && (uint8_t)(end[-1] - '0') <= 9))
			return json_stop_value(json, w, &v, key_at, token);
		v.kind = VALUE_NUMBER;
		json_emit(json, w, &v, token, p);
		goto next;
	}
	if (*p == '{') {
		if (unlikely(!json_open(json, w->seed, &v, false)))
			goto too_deep;
		p++;
		in_object = true;
		goto first_key;
	}
	if (*p == '[') {
		if (unlikely(!json_open(json, w->seed, &v, true)))
			goto too_deep;
		p++;
		in_object = false;
		goto first_element;
	}
	if (p >= end)
		goto odd;
	if (unlikely(*p == 0xef && w->off + (uint64_t)(p - w->begin) == 0)) {
		// A byte order mark; half of one at the window's end is asked for again.
		uint32_t n = end - p < 3 ? (uint32_t)(end - p) : 3;

		if (memcmp(p, "\xef\xbb\xbf", n) == 0) {
			if (n < 3)
				return json_stop(json, w, JSON_VALUE, &v, NULL, p);
			p += 3;
			goto value;
		}
	}
	q = json_literal_end(p, end);
	if (unlikely(!q || (q > end && w->last)))
		goto odd;
	if (unlikely(q > end))
		return json_stop(json, w, JSON_VALUE, &v, key_at, p);
	p = q;
next:
	key_at = NULL;
	if (json->depth == 0)
		goto value;
	p = walk_skip(p);
	if (*p == ',') {
		p++;
		if (in_object)
			goto key;
		goto value;
	}
	if (likely(*p == '}' || *p == ']'))
		goto close;
	state = JSON_NEXT;
	goto odd;

first_element:
	p = walk_skip(p);
	if (*p == ']')
		goto close;
	if (p < end)
		goto value;
	state = JSON_FIRST_ELEMENT;
	goto odd;

close:
	if (unlikely(*p != (in_object ? '}' : ']')))
		goto error;
	p++;
	json->depth--;
	in_object = json_in_object(json);
	json_level(json, w->seed, &v);
	goto next;

too_deep:
	json->state = JSON_TOO_DEEP;
	return p;

odd:
	if (p >= end)
		return json_stop(json, w, state, &v, key_at, end);
error:
	json->state = JSON_ERROR;
	return p;
}

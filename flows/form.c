// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Forms and query strings: the pure functions of form.h over a span, and the resumable walker
// that body.c drives over windows. Runs on the worker. Values are handed on as they are on the
// wire; keys that hold escapes are decoded, because "%61dmin" and "admin" are one key to every
// server.

#include "flows/form.h"

#include "flows/form_walk.h"
#include "flows/walker.h"

static int32_t form_hex(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = span_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool form_next(struct span *rest, struct form_pair *pair)
{
	uint32_t end, equals, start = 0;
	bool escaped = false;

	while (start < rest->len && (rest->p[start] == '&' || rest->p[start] == ';'))
		start++;
	rest->len -= start;
	if (rest->len == 0)
		return false;
	rest->p += start;
	for (equals = 0; equals < rest->len; equals++) {
		uint8_t c = rest->p[equals];

		if (c == '=' || c == '&' || c == ';')
			break;
	}
	end = equals;
	if (end < rest->len && rest->p[end] == '=') {
		for (end++; end < rest->len; end++) {
			uint8_t c = rest->p[end];

			if (c == '&' || c == ';')
				break;
			escaped |= c == '%' || c == '+';
		}
	}
	pair->key = (struct span){rest->p, equals};
	pair->value = equals < end ? (struct span){rest->p + equals + 1, end - equals - 1}
				   : (struct span){rest->p + end, 0};
	pair->escaped = escaped;
	rest->p += end;
	rest->len -= end;
	if (rest->len) {
		rest->p++;
		rest->len--;
	}
	return true;
}

uint32_t form_decode(struct span in, uint8_t *out, bool plus)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < in.len; i++) {
		uint8_t c = in.p[i];

		if (c == '%' && in.len - i > 2) {
			int32_t high = form_hex(in.p[i + 1]), low = form_hex(in.p[i + 2]);

			if (high >= 0 && low >= 0) {
				c = (uint8_t)(high << 4 | low);
				i += 2;
			}
		} else if (c == '+' && plus) {
			c = ' ';
		}
		out[n++] = c;
	}
	return n;
}

// The end of the pair's value that goes on at p, or the window's end.
static inline const uint8_t *form_value_end(const uint8_t *p, const uint8_t *end)
{
	return walk_find(p, end, '&', ';', ';');
}

static bool form_escaped(const uint8_t *p, const uint8_t *stop)
{
	while (p < stop && *p != '%' && *p != '+')
		p++;
	return p < stop;
}

static void form_set_key(struct form *form, uint64_t seed, struct value *v, const uint8_t *p,
			 uint32_t len)
{
	if (len > WALK_KEY)
		len = WALK_KEY;
	if (form_escaped(p, p + len)) {
		uint8_t out[WALK_KEY];

		len = form_decode((struct span){p, len}, out, true);
		memcpy(form->key, out, len);
		p = form->key;
	}
	v->key = (struct span){p, len};
	v->key_hash = walk_key_hash_padded(seed, p, len);
	v->field = walk_field_hash(walk_form_path(seed), v->key_hash);
}

static void form_keep_key(struct form *form, const struct value *v)
{
	if (v->key.p != form->key)
		memcpy(form->key, v->key.p, v->key.len);
	form->key_len = (uint8_t)v->key.len;
	form->key_hash = v->key_hash;
}

static void form_emit(const struct walk *w, struct value *v, enum value_kind kind, const uint8_t *p,
		      const uint8_t *stop)
{
	v->kind = kind;
	v->continued = false;
	v->overlap = 0;
	v->escaped = form_escaped(p, stop);
	v->v = (struct span){p, (uint32_t)(stop - p)};
	v->off = w->off + (uint64_t)(p - w->begin);
	w->sink->value(w->sink->ctx, w->tx, v);
}

// The window ends inside the value at p; pair_at: its pair begins in this window.
static const uint8_t *form_stop(struct form *form, const struct walk *w, struct value *v,
				const uint8_t *pair_at, const uint8_t *p)
{
	if (w->last) {
		// A value that was cut off is not the value that was sent.
		if (w->complete)
			form_emit(w, v, VALUE_STRING, p, w->end);
		else if (p < w->end)
			form_emit(w, v, VALUE_TEXT, p, w->end);
		form->state = FORM_PAIR;
		return w->end;
	}
	if (pair_at && w->end - pair_at <= walk_tail(w)) {
		form->state = FORM_PAIR;
		return pair_at;
	}
	form_keep_key(form, v);
	if (w->end - p <= walk_tail(w)) {
		form->state = FORM_VALUE;
		return p;
	}
	form->state = FORM_LONG_VALUE;
	form_emit(w, v, VALUE_TEXT, p, w->end);
	return walk_context(w);
}

void form_begin(struct form *form)
{
	form->state = FORM_PAIR;
	form->key_len = 0;
	form->key_hash = 0;
}

const uint8_t *form_walk(struct form *form, const struct walk *w)
{
	const uint8_t *const end = w->end;
	const uint8_t *p = w->begin, *q, *pair_at = NULL;
	struct value v = {.dir = w->dir};

	v.parent.p = w->begin;
	v.key = (struct span){form->key, form->key_len};
	v.key_hash = form->key_hash;
	v.field = walk_field_hash(walk_form_path(w->seed), v.key_hash);
	switch ((enum form_state)form->state) {
	case FORM_PAIR:
		break;
	case FORM_VALUE:
		goto value;
	case FORM_LONG_VALUE:
		q = form_value_end(w->fresh, end);
		v.escaped = form_escaped(w->fresh, q);
		walk_text(w, &v, q);
		if (q >= end)
			return walk_context(w);
		p = q + 1;
		break;
	case FORM_LONG_KEY:
		p = w->fresh;
		goto long_key;
	}
	for (;;) {
		while (p < end && (*p == '&' || *p == ';'))
			p++;
		form->state = FORM_PAIR;
		if (p >= end)
			return end;
		pair_at = p;
		q = walk_find(p, end, '=', '&', ';');
		if (q >= end && !w->last) {
			if (end - p <= walk_tail(w))
				return p;
			form->key_len = WALK_KEY;
			memcpy(form->key, p, WALK_KEY);
			form->state = FORM_LONG_KEY;
			return walk_context(w);
		}
		form_set_key(form, w->seed, &v, p, q - p > WALK_KEY ? WALK_KEY : (uint32_t)(q - p));
		p = q;
	named:
		if (p >= end || *p != '=') {
			// A name alone is a pair with an empty value.
			if (p < end || w->complete)
				form_emit(w, &v, VALUE_STRING, p, p);
			continue;
		}
		p++;
	value:
		q = form_value_end(p, end);
		if (q >= end)
			return form_stop(form, w, &v, pair_at, p);
		form_emit(w, &v, VALUE_STRING, p, q);
		p = q + 1;
		continue;
	long_key:
		q = walk_find(p, end, '=', '&', ';');
		if (q >= end && !w->last)
			return walk_context(w);
		form_set_key(form, w->seed, &v, form->key, form->key_len);
		p = q;
		goto named;
	}
}

static bool form_walker_begin(void *state, const struct walk_start *)
{
	form_begin(state);
	return true;
}

static const uint8_t *form_walker_walk(void *state, const struct walk *w)
{
	return form_walk(state, w);
}

static enum walk_fault form_walker_fault(const void *)
{
	return WALK_GOOD;
}

static bool form_walker_whole(const void *)
{
	return true;
}

// Clients post JSON under this type: it is the default of many libraries.
static const struct walker form_walker = {
	.name = "form",
	.types = {"application/x-www-form-urlencoded"},
	.doubtful = true,
	.size = sizeof(struct form),
	.begin = form_walker_begin,
	.walk = form_walker_walk,
	.fault = form_walker_fault,
	.whole = form_walker_whole,
};
WALKER_REGISTER(form_walker);

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Properties with names of mark_fields in an answer. Where a walker tells of every member of every
// object (JSON), the name that comes with a value or a member is judged, once for all its values:
// the cache of names remembers it. Patterns are searched where that is not so: in other bodies, and
// in JSON when a string of it may be JSON or XML itself. Runs on workers.

#include "detect/scanner.h"

#include <hs/hs.h>

static int scan_on_field(unsigned int id, unsigned long long, unsigned long long, unsigned int,
			 void *arg)
{
	mark_field_found(arg, id);
	return 0;
}

// Whether a text in a JSON document may be JSON or XML itself: with an escaped quote, or a tag. A
// quote that is not escaped begins or ends a string there, of which the walker tells.
static bool scan_holds_names(struct span text)
{
	const uint8_t *end = text.p + text.len, *p = text.p;

	for (; (p = memchr(p, '\\', (size_t)(end - p))); p++) {
		if (p + 1 < end && p[1] == '"')
			return true;
	}
	for (p = text.p; (p = memchr(p, '<', (size_t)(end - p))); p++) {
		if (p + 1 < end && (((p[1] | 0x20) >= 'a' && (p[1] | 0x20) <= 'z') || p[1] == '_'))
			return true;
	}
	return false;
}

void scan_fields(struct scanner *s, struct scan_pending *p, const struct window *w)
{
	uint32_t start = w->fresh > PATTERN_WIDTH_MAX ? w->fresh - PATTERN_WIDTH_MAX : 0;

	if (!s->rules->fields || w->bytes.len <= start ||
	    (w->members && !scan_holds_names(w->bytes)))
		return;
	hs_scan(s->rules->fields, (const char *)w->bytes.p + start, w->bytes.len - start, 0,
		s->scratch, scan_on_field, &p->marks);
}

void scan_property(struct scanner *s, struct scan_pending *pending,
				 const struct value *value)
{
	uint32_t field = keyctx_get(s->rules->words, &s->names, value->key, value->key_hash)->field;

	if (field && !value->continued &&
	    (value->kind == VALUE_NUMBER || mark_field_string(field - 1, value->v)))
		mark_field_found(&pending->marks, field - 1);
}

void scan_member(struct scanner *s, struct scan_pending *pending, const struct value *value)
{
	const struct keyctx *key;

	if (value->dir == CLIENT || value->key.len == 0 || pending->text)
		return;
	key = keyctx_get(s->rules->words, &s->names, value->key, value->key_hash);
	if (key->field && mark_field_token(key->field - 1, value->v))
		mark_field_found(&pending->marks, key->field - 1);
}

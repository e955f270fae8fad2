// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Names of fields, part by part. Worker; pure.

#include "detect/field_name.h"

#include "detect/endpoint.h"
#include "detect/siphash.h"

// What a name that is too long ends with.
#define MORE       "\xe2\x80\xa6"
#define MORE_BYTES (sizeof(MORE) - 1)

static void name_put(struct field_name *name, const void *bytes, size_t len)
{
	uint32_t n = name->n;

	if (name->full)
		return;
	if (EXCHANGE_NAME - MORE_BYTES - n >= len) {
		memcpy(name->out + n, bytes, len);
		name->n += (uint32_t)len;
		return;
	}
	memcpy(name->out + n, MORE, MORE_BYTES);
	name->n += MORE_BYTES;
	name->full = true;
}

// What does not fit is left out byte by byte, unlike in name_put().
static void name_text(struct field_name *name, struct span text)
{
	uint32_t room = EXCHANGE_NAME - (uint32_t)MORE_BYTES - name->n;
	uint32_t n = text.len < room ? text.len : room;

	if (name->full)
		return;
	for (uint32_t i = 0; i < n; i++) {
		bool plain = text.p[i] >= 0x20 && text.p[i] != 0x7f;

		name->out[name->n + i] = plain ? text.p[i] : '?';
	}
	name->n += n;
	if (n < text.len)
		name_put(name, text.p + n, text.len - n);
}

// One key. '@' begins names in some dialects; elsewhere it makes an address.
static void name_part(struct field_name *name, struct span part)
{
	struct span bare =
		part.len > 1 && part.p[0] == '@' ? span_make(part.p + 1, part.len - 1) : part;
	enum segment_class class = endpoint_segment(bare);

	if (class == SEGMENT_WORD && bare.len && memchr(bare.p, '@', bare.len))
		class = SEGMENT_EMAIL;
	if (class != SEGMENT_WORD) {
		const char *kind = endpoint_segment_name(class);

		name->replaced = true;
		name_put(name, kind, strlen(kind));
		return;
	}
	name_text(name, part);
}

// "$.users[].profile", part by part.
static void name_path(struct field_name *name, struct span path)
{
	bool more = path.len > 0;

	while (more) {
		struct span part = span_until(path, '.');
		uint32_t brackets = 0;

		more = part.len < path.len;
		path.p += part.len + more;
		path.len -= part.len + more;
		while (part.len - brackets >= 2 &&
		       memcmp(part.p + part.len - brackets - 2, "[]", 2) == 0)
			brackets += 2;
		name_part(name, span_make(part.p, part.len - brackets));
		name_put(name, part.p + part.len - brackets, brackets);
		if (more)
			name_put(name, ".", 1);
	}
}

// Is this value an element of an array, whose name is the key: {"emails": ["…"]}?
static bool is_element(struct span parent, struct span key)
{
	uint32_t brackets = 0;

	while (parent.len - brackets >= 2 &&
	       memcmp(parent.p + parent.len - brackets - 2, "[]", 2) == 0)
		brackets += 2;
	parent.len -= brackets;
	return brackets && parent.len >= key.len &&
	       span_eq(span_make(parent.p + parent.len - key.len, key.len), key);
}

void field_name_make(struct field_name *name, enum hit_place place, struct span of,
		     struct span parent, struct span key)
{
	static const char *const places[] = {
		[PLACE_QUERY] = "query.",
		[PLACE_REFERER] = "referer.",
		[PLACE_FORM] = "form.",
	};

	switch (place) {
	case PLACE_PATH:
		name_put(name, of.p, of.len);
		return;
	case PLACE_QUERY:
	case PLACE_REFERER:
		name_put(name, places[place], strlen(places[place]));
		name_part(name, of);
		return;
	default:
		break;
	}
	if (key.len == 0 && parent.len == 0) {
		name_put(name, "body", 4);
	} else if (parent.len == 0) {
		name_put(name, places[PLACE_FORM], strlen(places[PLACE_FORM]));
		name_part(name, key);
	} else {
		name_path(name, parent);
		if (key.len && !is_element(parent, key)) {
			name_put(name, ".", 1);
			name_part(name, key);
		}
	}
}

uint64_t field_name_id(const struct field_name *name, enum hit_place place, uint64_t field,
		       uint64_t seed)
{
	if (!name->replaced && (place == PLACE_BODY || place == PLACE_FORM))
		return field;
	return siphash(seed, 'F' + (uint64_t)place, span_make(name->out, name->n));
}

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Pure functions over a header value and over the beginning of a body. A kind that is wrongly
// taken for binary is not scanned at all, so in doubt a body is text.

#include "flows/media.h"

#include "flows/walker.h"

// Media types that no walker is for; families end in '*'. The first row that fits counts, but
// before them those of the walkers.
static const struct {
	char type[36];
	enum media_kind kind;
} media_types[] = {
	{"text/plain", MEDIA_SNIFF}, // often JSON in truth
	{"text/html", MEDIA_SNIFF},
	{"text/*", MEDIA_TEXT},
	{"multipart/*", MEDIA_TEXT},
	{"image/*", MEDIA_BINARY},
	{"video/*", MEDIA_BINARY},
	{"audio/*", MEDIA_BINARY},
	{"font/*", MEDIA_BINARY},
	{"application/octet-stream", MEDIA_OCTETS},
	{"application/javascript", MEDIA_TEXT},
	{"application/zip", MEDIA_BINARY},
	{"application/gzip", MEDIA_BINARY},
	{"application/x-gzip", MEDIA_BINARY},
	{"application/x-tar", MEDIA_BINARY},
	{"application/x-7z-compressed", MEDIA_BINARY},
	{"application/pdf", MEDIA_BINARY},
	{"application/wasm", MEDIA_BINARY},
	{"application/font-*", MEDIA_BINARY},
	{"application/vnd.ms-fontobject", MEDIA_BINARY},
};

static bool media_fits(struct span type, struct span name)
{
	if (type.len == 0 || span_lower(type.p[0]) != name.p[0])
		return false;
	if (name.p[name.len - 1] == '*') {
		name.len--;
		if (type.len > name.len)
			type.len = name.len;
	}
	return span_ieq(type, name);
}

static bool media_ends(struct span type, struct span suffix)
{
	if (type.len < suffix.len)
		return false;
	type.p += type.len - suffix.len;
	type.len = suffix.len;
	return span_ieq(type, suffix);
}

static const struct walker *media_walker(struct span type)
{
	WALKER_FOREACH(w)
	{
		for (uint32_t i = 0; i < 12 && (*w)->types[i]; i++) {
			const char *name = (*w)->types[i];
			struct span one = span_make(name, strlen(name));

			if (name[0] == '+' ? media_ends(type, one) : media_fits(type, one))
				return *w;
		}
	}
	return NULL;
}

struct media media_of(struct span content_type)
{
	struct span type = span_trim(span_until(content_type, ';'));
	const struct walker *walker = type.len ? media_walker(type) : NULL;

	if (walker)
		return (struct media){MEDIA_WALKED, walker};
	for (uint32_t i = 0; i < sizeof(media_types) / sizeof(media_types[0]); i++) {
		const char *name = media_types[i].type;

		if (media_fits(type, span_make(name, strlen(name))))
			return (struct media){media_types[i].kind, NULL};
	}
	return (struct media){MEDIA_SNIFF, NULL};
}

bool media_doubtful(const struct media *announced)
{
	return announced->kind >= MEDIA_OCTETS ||
	       (announced->kind == MEDIA_WALKED && announced->walker->doubtful);
}

// What a body is that begins with these bytes; at least one.
static struct media media_guess(const struct media *announced, struct span first)
{
	const struct walker *own = announced->kind == MEDIA_WALKED ? announced->walker : NULL;

	WALKER_FOREACH(w)
	{
		// "[a]=1" is a form; "{" begins none in practice.
		if (*w != own && (*w)->sniff && (*w)->sniff(first) && !(own && first.p[0] == '['))
			return (struct media){MEDIA_WALKED, *w};
	}
	return own ? *announced : (struct media){MEDIA_TEXT, NULL};
}

struct media media_sniff(const struct media *announced, bool start, bool last, struct span first)
{
	uint32_t n = first.len < MEDIA_SNIFF_BYTES ? first.len : MEDIA_SNIFF_BYTES;
	const struct media more = {MEDIA_SNIFF, NULL}, text = {MEDIA_TEXT, NULL};
	uint32_t i = 0;

	if (announced->kind == MEDIA_OCTETS) {
		if (n && memchr(first.p, 0, n))
			return (struct media){MEDIA_BINARY, NULL};
		if (n < MEDIA_SNIFF_BYTES && !last)
			return more;
	}
	// Structure can only be followed from its start.
	if (!start)
		return text;
	if (n && first.p[0] == 0xef) {
		uint32_t mark = n < 3 ? n : 3;

		if (memcmp(first.p, "\xef\xbb\xbf", mark) == 0)
			i = mark;
		if (i == n && n < 3 && !last)
			return more;
	}
	while (i < n && walk_is_space(first.p[i]))
		i++;
	if (i == n)
		return n < MEDIA_SNIFF_BYTES && !last    ? more
		       : announced->kind == MEDIA_WALKED ? *announced
							 : text;
	// Names of a few bytes are looked for, if they are not at the end of what there is.
	if (first.p[i] == '<' && n - i < 8 && n < MEDIA_SNIFF_BYTES && !last)
		return more;
	return media_guess(announced, span_make(first.p + i, n - i));
}

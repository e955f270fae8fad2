// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Pure functions over a header value and over the beginning of a body. A kind that is wrongly
// taken for binary is not scanned at all, so in doubt a body is text.

#include "flows/media.h"

// Whole media types; families end in '*'. The first row that fits counts.
static const struct {
	char type[36];
	enum media_kind kind;
} media_types[] = {
	{"application/json", MEDIA_JSON},
	{"application/x-www-form-urlencoded", MEDIA_FORM},
	{"text/plain", MEDIA_SNIFF}, // often JSON in truth
	{"text/html", MEDIA_SNIFF},
	{"text/json", MEDIA_JSON},
	{"text/x-json", MEDIA_JSON},
	{"text/*", MEDIA_TEXT},
	{"multipart/*", MEDIA_TEXT},
	{"image/svg+xml", MEDIA_TEXT},
	{"image/*", MEDIA_BINARY},
	{"video/*", MEDIA_BINARY},
	{"audio/*", MEDIA_BINARY},
	{"font/*", MEDIA_BINARY},
	{"application/octet-stream", MEDIA_OCTETS},
	{"application/x-ndjson", MEDIA_JSON},
	{"application/ndjson", MEDIA_JSON},
	{"application/jsonl", MEDIA_JSON},
	{"application/x-jsonlines", MEDIA_JSON},
	{"application/json-seq", MEDIA_JSON},
	{"application/x-json", MEDIA_JSON},
	{"application/csp-report", MEDIA_JSON},
	{"application/xml", MEDIA_TEXT},
	{"application/javascript", MEDIA_TEXT},
	{"application/zip", MEDIA_BINARY},
	{"application/gzip", MEDIA_BINARY},
	{"application/x-gzip", MEDIA_BINARY},
	{"application/x-tar", MEDIA_BINARY},
	{"application/x-7z-compressed", MEDIA_BINARY},
	{"application/pdf", MEDIA_BINARY},
	{"application/wasm", MEDIA_BINARY},
	{"application/protobuf", MEDIA_BINARY},
	{"application/x-protobuf", MEDIA_BINARY},
	{"application/vnd.google.protobuf", MEDIA_BINARY},
	{"application/grpc", MEDIA_BINARY},
	{"application/grpc+proto", MEDIA_BINARY},
	{"application/grpc-web", MEDIA_BINARY},
	{"application/grpc-web+proto", MEDIA_BINARY},
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

enum media_kind media_kind(struct span content_type)
{
	struct span type = span_trim(span_until(content_type, ';'));

	for (uint32_t i = 0; i < sizeof(media_types) / sizeof(media_types[0]); i++) {
		const char *name = media_types[i].type;

		if (media_fits(type, span_make(name, strlen(name))))
			return media_types[i].kind;
	}
	// RFC 6839: structured syntax suffixes
	if (media_ends(type, SPAN_LIT("+json")))
		return MEDIA_JSON;
	return media_ends(type, SPAN_LIT("+xml")) ? MEDIA_TEXT : MEDIA_SNIFF;
}

enum media_kind media_sniff(enum media_kind announced, bool start, bool last, struct span first)
{
	enum media_kind otherwise = announced == MEDIA_FORM ? MEDIA_FORM : MEDIA_TEXT;
	uint32_t n = first.len < MEDIA_SNIFF_BYTES ? first.len : MEDIA_SNIFF_BYTES;
	uint32_t i = 0;

	if (announced == MEDIA_OCTETS) {
		if (n && memchr(first.p, 0, n))
			return MEDIA_BINARY;
		if (n < MEDIA_SNIFF_BYTES && !last)
			return MEDIA_SNIFF;
	}
	// Structure can only be followed from its start.
	if (!start)
		return MEDIA_TEXT;
	if (n && first.p[0] == 0xef) {
		uint32_t mark = n < 3 ? n : 3;

		if (memcmp(first.p, "\xef\xbb\xbf", mark) == 0)
			i = mark;
		if (i == n && n < 3 && !last)
			return MEDIA_SNIFF;
	}
	while (i < n && (first.p[i] == ' ' || first.p[i] == '\t' || first.p[i] == '\r' ||
			 first.p[i] == '\n'))
		i++;
	if (i < n) {
		// "[a]=1" is a form; "{" begins none in practice.
		if (first.p[i] == '{' || (first.p[i] == '[' && announced != MEDIA_FORM))
			return MEDIA_JSON;
		return otherwise;
	}
	return n == MEDIA_SNIFF_BYTES || last ? otherwise : MEDIA_SNIFF;
}

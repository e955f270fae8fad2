// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Content-Length and Transfer-Encoding as receivers read them. Every deviation sets its bit. Called
// on workers; every loop ends with the field's value.

#include "flows/http1_framing.h"

#include "flows/http1_head.h"
#include "flows/http1_text.h"

static bool number(struct span s, uint64_t *out)
{
	*out = 0;
	for (uint32_t i = 0; i < s.len; i++) {
		if (!is_digit(s.p[i]) || *out > (UINT64_MAX >> 1) / 10 - 1)
			return false;
		*out = *out * 10 + (s.p[i] - '0');
	}
	return s.len > 0;
}

// Takes the first element of a comma-separated list off it. False: it was the last one.
static bool next_element(struct span *list, struct span *out)
{
	struct span e = span_until(*list, ',');
	bool more = e.len < list->len;

	*list = span_from(*list, e.len + more);
	*out = trim(e);
	return more;
}

// No list, although equal numbers may be repeated in one (RFC 9110 section 8.6): an empty element
// makes it as invalid as any other that is no number.
static void content_length(struct http1_framing *f, struct span list, uint64_t *anomalies)
{
	bool again = f->length, more;
	uint64_t n;

	f->length = true;
	if (!again && number(list, &n)) {
		f->content_length = n;
		return;
	}
	do {
		struct span e;

		more = next_element(&list, &e);
		if (again)
			*anomalies |= ANOMALY_BIT(DUPLICATE_LENGTH);
		again = true;
		if (!number(e, &n)) {
			*anomalies |= ANOMALY_BIT(BAD_LENGTH);
			f->bad_length = true;
		} else if (f->content_length == UINT64_MAX) {
			f->content_length = n;
		} else if (f->content_length != n) {
			*anomalies |= ANOMALY_BIT(CONFLICTING_LENGTH);
		}
	} while (more);
}

// The name of a coding without its parameters. Receivers that look for words end it at a blank as
// well; "chunked" has no parameters.
static struct span coding_name(struct span e)
{
	uint32_t n = 0;

	while (n < e.len && e.p[n] != ';' && !is_blank(e.p[n]) && !is_line_end(e.p[n]))
		n++;
	return span_make(e.p, n);
}

static void transfer_encoding(struct http1_framing *f, struct span list, uint64_t *anomalies)
{
	bool more;

	if (f->codings)
		*anomalies |= ANOMALY_BIT(DUPLICATE_TRANSFER_ENCODING);
	f->codings = true;
	do {
		struct span e;

		more = next_element(&list, &e);
		if (more && list.len == 0) // "chunked,": empty elements may end a list
			more = false;
		struct span name = coding_name(e);

		if (f->chunked) // "chunked" must be the last and there once (RFC 9112 section 7.1)
			*anomalies |= ANOMALY_BIT(BAD_TRANSFER_ENCODING);
		if (span_ieq(name, SPAN_LIT("chunked"))) {
			if (name.len != e.len)
				*anomalies |= ANOMALY_BIT(BAD_TRANSFER_ENCODING);
			f->coded = f->chunked = true;
		} else if (span_ieq(name, SPAN_LIT("gzip")) || span_ieq(name, SPAN_LIT("x-gzip")) ||
			   span_ieq(name, SPAN_LIT("deflate")) ||
			   span_ieq(name, SPAN_LIT("compress")) ||
			   span_ieq(name, SPAN_LIT("x-compress"))) {
			f->coded = true;
			f->chunked = false;
		} else {
			*anomalies |= ANOMALY_BIT(BAD_TRANSFER_ENCODING);
			// "identity" was a coding once (RFC 2616): it changes nothing.
			if (e.len && !span_ieq(name, SPAN_LIT("identity"))) {
				f->coded = true;
				f->chunked = false;
			}
		}
	} while (more);
}

void http1_framing_field(struct http1_framing *f, enum header h, struct span value,
			 uint64_t *anomalies)
{
	if (h == HEADER_CONTENT_LENGTH)
		content_length(f, value, anomalies);
	else
		transfer_encoding(f, value, anomalies);
	if (f->length && f->codings)
		*anomalies |= ANOMALY_BIT(LENGTH_AND_CHUNKED);
}

bool http1_framing_request(const struct http1_framing *framing, enum http_framing *out)
{
	*out = FRAMING_NONE;
	if (framing->unclear)
		return false;
	if (framing->chunked)
		*out = FRAMING_CHUNKED;
	else if (framing->content_length != UINT64_MAX)
		*out = FRAMING_LENGTH;
	else if (framing->coded)
		return false;
	return true;
}

// An invalid length is ignored, as browsers and most libraries do: the body goes on to the close.
bool http1_framing_response(const struct http1_framing *framing, bool bodyless,
			    enum http_framing *out)
{
	*out = FRAMING_NONE;
	if (bodyless)
		return true;
	if (framing->unclear)
		return false;
	if (framing->coded)
		*out = framing->chunked ? FRAMING_CHUNKED : FRAMING_CLOSE;
	else if (framing->content_length != UINT64_MAX && !framing->bad_length)
		*out = FRAMING_LENGTH;
	else
		*out = FRAMING_CLOSE;
	return true;
}

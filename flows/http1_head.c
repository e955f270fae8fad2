// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Parsing of HTTP/1 heads. A head without deviation is parsed by parse_plain(), which leaves every
// other one to parse_any(); of the former both say the same. Known names are found by their length,
// first and last letter; start lines are read in http1_head_start.c. Every loop ends with the span.
// Called on workers; nothing is kept between calls.
//
// A CR that no LF follows ends a line for some receivers and is a blank or an error for others
// (RFC 9112 section 2.2). A head with one is parsed a second time, byte by byte, as the first do:
// what they see in it is never less. The end of the head needs its LFs all the same.

#include "flows/http1_head.h"
#include "flows/http1_text.h"

#include <rte_branch_prediction.h>

const char *http_anomaly_name(enum http_anomaly anomaly)
{
	static const char *const names[] = {
#define X(name, text) text,
		HTTP_ANOMALIES(X)
#undef X
	};

	return (unsigned int)anomaly < ANOMALY_N ? names[anomaly] : "?";
}

uint32_t http1_head_end(const uint8_t *p, uint32_t len, uint32_t from)
{
	return http1_text_end(p, len, from);
}

// ---- known names

struct known_name {
	uint8_t header; // enum header
	uint8_t len;
	char text[22]; // lower case
};

// No two known names share a place.
#define NAME_PLACE(len, first, last) (((len) * 2 + (first) * 11 + (last) * 10) % 64)
#define NAME(first, last, text, header)                                                            \
	[NAME_PLACE(sizeof(text) - 1, first, last)] = {HEADER_##header, sizeof(text) - 1, text}

static const struct known_name known_names[64] = {
	NAME('h', 't', "host", HOST),
	NAME('c', 'e', "cookie", COOKIE),
	NAME('o', 'n', "origin", ORIGIN),
	NAME('e', 't', "expect", EXPECT),
	NAME('a', 'y', "apikey", API_KEY),
	NAME('r', 'r', "referer", REFERER),
	NAME('u', 'e', "upgrade", UPGRADE),
	NAME('a', 'y', "api-key", API_KEY),
	NAME('l', 'n', "location", LOCATION),
	NAME('x', 'y', "x-apikey", API_KEY),
	NAME('x', 'y', "x-api-key", API_KEY),
	NAME('u', 't', "user-agent", USER_AGENT),
	NAME('c', 'n', "connection", CONNECTION),
	NAME('s', 'e', "set-cookie", SET_COOKIE),
	NAME('c', 'e', "content-type", CONTENT_TYPE),
	NAME('x', 'n', "x-auth-token", API_KEY),
	NAME('a', 'n', "authorization", AUTHORIZATION),
	NAME('g', 'g', "grpc-encoding", GRPC_ENCODING),
	NAME('c', 'h', "content-length", CONTENT_LENGTH),
	NAME('x', 'n', "x-access-token", API_KEY),
	NAME('x', 'r', "x-forwarded-for", X_FORWARDED_FOR),
	NAME('i', 'y', "idempotency-key", IDEMPOTENCY_KEY),
	NAME('c', 'g', "content-encoding", CONTENT_ENCODING),
	NAME('w', 'e', "www-authenticate", WWW_AUTHENTICATE),
	NAME('t', 'g', "transfer-encoding", TRANSFER_ENCODING),
	NAME('x', 'y', "x-idempotency-key", IDEMPOTENCY_KEY),
	NAME('p', 'n', "proxy-authorization", PROXY_AUTHORIZATION),
};

// Eight bytes and four of them, without the case of the known name's letters.
static bool is8(const uint8_t *p, const char *lower)
{
	uint64_t word, want;

	memcpy(&word, p, sizeof(word));
	memcpy(&want, lower, sizeof(want));
	return (word | (want & UINT64_C(0x4040404040404040)) >> 1) == want;
}

static bool is4(const uint8_t *p, const char *lower)
{
	uint32_t word, want;

	memcpy(&word, p, sizeof(word));
	memcpy(&want, lower, sizeof(want));
	return (word | (want & UINT32_C(0x40404040)) >> 1) == want;
}

enum header http1_head_header(struct span name)
{
	const uint8_t *p = name.p;
	uint32_t n = name.len;

	if (n < 4)
		return HEADER_N;
	const struct known_name *known =
		&known_names[NAME_PLACE(n, p[0] | 0x20u, p[n - 1] | 0x20u)];

	if (known->len != n)
		return HEADER_N;
	// Words that overlap: none of them ends behind the name.
	bool same = n < 8 ? is4(p, known->text) && is4(p + n - 4, known->text + n - 4)
			  : is8(p, known->text) && is8(p + n - 8, known->text + n - 8) &&
				    (n <= 16 || is8(p + 8, known->text + 8));

	return same ? (enum header)known->header : HEADER_N;
}

// ---- lines and fields

// A header field: a line and the lines that continue it.
struct field {
	struct span name; // empty: there is none
	struct span value;
	uint32_t crlfs; // line ends that had their CR
	uint64_t anomalies;
};

enum line {
	LINE_FIELD = 0,
	LINE_END, // the empty line
	LINE_CUT, // the span ends first
};

static void split_field(struct span line, struct field *out)
{
	uint32_t n = http1_text_token(line, line.len);
	uint32_t colon = n;

	while (colon < line.len && is_blank(line.p[colon]))
		colon++;
	if (colon == line.len || line.p[colon] != ':') {
		const uint8_t *p = line.len ? memchr(line.p, ':', line.len) : NULL;

		if (!p) {
			out->anomalies |= ANOMALY_BIT(BAD_HEADER_LINE);
			return;
		}
		out->anomalies |= ANOMALY_BIT(BAD_HEADER_NAME);
		colon = (uint32_t)(p - line.p);
	} else if (n == 0) {
		out->anomalies |= ANOMALY_BIT(BAD_HEADER_NAME);
	} else if (colon != n) {
		out->anomalies |= ANOMALY_BIT(SPACE_BEFORE_COLON);
	}
	out->name = trim(span_make(line.p, colon));
	out->value = trim(span_from(line, colon + 1));
	// A NUL is read as a blank (RFC 9110 section 5.5) or as the end: behind the value both
	// mean the same.
	while (out->value.len && out->value.p[out->value.len - 1] == 0)
		out->value.len--;
}

struct head_line {
	uint32_t end, next; // without and with what ends it
	bool cr, lf;
};

// The line at `from` of a head. False: its end is missing.
static bool find_line(struct span head, uint32_t from, bool bare_crs, struct head_line *out)
{
	if (!bare_crs) {
		const uint8_t *lf =
			from < head.len ? memchr(head.p + from, '\n', head.len - from) : NULL;

		if (!lf)
			return false;
		uint32_t at = (uint32_t)(lf - head.p);
		bool cr = at > from && lf[-1] == '\r';

		*out = (struct head_line){.end = at - cr, .next = at + 1, .cr = cr, .lf = true};
		return true;
	}
	while (from < head.len && !is_line_end(head.p[from]))
		from++;
	if (from == head.len)
		return false;
	bool cr = head.p[from] == '\r';

	if (cr && from + 1 == head.len)
		return false;
	bool lf = head.p[from + cr] == '\n';

	*out = (struct head_line){.end = from, .next = from + cr + lf, .cr = cr, .lf = lf};
	return true;
}

// The field at *pos of a head, which advances behind it. bare_crs: they end lines.
static enum line next_field(struct span head, bool bare_crs, uint32_t *pos, struct field *out)
{
	uint32_t start = *pos;
	uint32_t end = start;

	*out = (struct field){0};
	// A line and its continuations (RFC 9112 section 5.2); each turn takes one line of the head.
	for (uint32_t next = start; next < head.len;) {
		struct head_line line;

		if (!find_line(head, next, bare_crs, &line))
			return LINE_CUT;
		out->crlfs += line.cr && line.lf;
		if (!line.cr)
			out->anomalies |= ANOMALY_BIT(BARE_LF);
		end = line.end;
		next = line.next;
		*pos = next;
		if (end == start) {
			if (!bare_crs || next == head.len)
				return LINE_END;
			start = end = next; // next to a bare CR
			continue;
		}
		if (next == head.len || !is_blank(head.p[next]))
			break;
		out->anomalies |= ANOMALY_BIT(OBS_FOLD);
	}
	if (end == start)
		return LINE_CUT;
	if (is_blank(head.p[start])) // continues the start line: nobody may rely on it
		out->anomalies |= ANOMALY_BIT(BAD_HEADER_LINE) | ANOMALY_BIT(OBS_FOLD);
	else
		split_field(span_make(head.p + start, end - start), out);
	return LINE_FIELD;
}

bool http1_head_framing_line(struct http1_framing *framing, struct span line, bool cut,
			     uint64_t *anomalies)
{
	bool found = false, more = true;

	// Each turn takes what is before a CR.
	while (more) {
		struct span part = span_until(line, '\r');
		struct field f = {0};

		more = part.len < line.len;
		line = span_from(line, part.len + more);
		if (part.len && is_blank(part.p[0])) { // continues the part before
			framing->unclear |= found;
			continue;
		}
		split_field(part, &f);
		enum header h = http1_head_header(f.name);

		found = h == HEADER_CONTENT_LENGTH || h == HEADER_TRANSFER_ENCODING;
		if (found && cut && !more)
			framing->unclear = true;
		else if (found)
			http1_framing_field(framing, h, f.value, anomalies);
	}
	return found;
}

static void take_field(const struct field *f, uint32_t max_headers, struct http1_head *out)
{
	enum header h = http1_head_header(f->name);

	out->anomalies |= f->anomalies;
	if (out->n_headers < UINT16_MAX)
		out->n_headers++;
	if (out->n_headers > max_headers)
		out->anomalies |= ANOMALY_BIT(TOO_MANY_HEADERS);
	if (h == HEADER_N)
		return;
	if (h == HEADER_CONTENT_LENGTH || h == HEADER_TRANSFER_ENCODING)
		http1_framing_field(&out->framing, h, f->value, &out->anomalies);
	else if (h == HEADER_HOST && out->header[h].p)
		out->anomalies |= ANOMALY_BIT(DUPLICATE_HOST);
	else if (out->n_headers > max_headers && h != HEADER_HOST && h != HEADER_CONTENT_ENCODING &&
		 h != HEADER_CONTENT_TYPE)
		return;
	out->n_set_cookies += h == HEADER_SET_COOKIE && out->n_set_cookies < UINT16_MAX;
	if (!out->header[h].p)
		out->header[h] = f->value;
}

struct head_lines {
	enum line last; // why there is no further field
	uint32_t pos;   // behind the lines
	uint32_t crlfs; // line ends that have both
};

static bool parse_lines(struct span head, enum dir dir, uint32_t max_headers, bool bare_crs,
			struct http1_head *out, struct head_lines *lines)
{
	struct head_line start;
	struct field f;

	*out = (struct http1_head){.framing = HTTP1_FRAMING_INIT};
	if (!find_line(head, 0, bare_crs, &start))
		return false;
	lines->pos = start.next;
	lines->crlfs = start.cr && start.lf;
	if (!start.cr)
		out->anomalies |= ANOMALY_BIT(BARE_LF);
	if (!http1_head_start(span_make(head.p, start.next), dir, out))
		return false;
	// Each turn takes a line of the head.
	while ((lines->last = next_field(head, bare_crs, &lines->pos, &f)) == LINE_FIELD) {
		lines->crlfs += f.crlfs;
		take_field(&f, max_headers, out);
	}
	if (lines->last == LINE_END) {
		lines->crlfs += f.crlfs;
		out->anomalies |= f.anomalies;
	}
	return true;
}

// The usual head, without any deviation. False: it may be any other.
static bool parse_plain(struct span head, enum dir dir, uint32_t max_headers,
			struct http1_head *out)
{
	struct http1_lines lines;

	if (!http1_text_lines(head, &lines) || lines.n < 2 ||
	    lines.end[lines.n - 1] + 2u != head.len || lines.end[lines.n - 2] + 4u != head.len)
		return false;
	*out = (struct http1_head){.framing = HTTP1_FRAMING_INIT};
	if (!http1_head_plain(span_make(head.p, lines.end[0]), dir, out))
		return false;
	for (uint32_t i = 1; i < lines.n - 1; i++) {
		uint32_t start = lines.end[i - 1] + 2u, end = lines.end[i];
		// Neither CR nor colon is part of a token.
		uint32_t n = http1_text_token(span_from(head, start), UINT32_MAX);
		struct field f = {.name = span_make(head.p + start, n)};

		if (n == 0 || head.p[start + n] != ':')
			return false;
		f.value = trim(span_make(head.p + start + n + 1, end - (start + n + 1)));
		take_field(&f, max_headers, out);
	}
	return true;
}

// Any head. *whole: its end is there.
static bool parse_any(struct span head, enum dir dir, uint32_t max_headers, struct http1_head *out,
		      bool *whole)
{
	struct head_lines lines;

	if (!parse_lines(head, dir, max_headers, false, out, &lines))
		return false;
	head.len = lines.pos;
	struct http1_controls all = http1_text_controls(head);

	*whole = lines.last == LINE_END;
	if (*whole && all.crs != lines.crlfs) {
		if (!parse_lines(head, dir, max_headers, true, out, &lines))
			return false;
		out->anomalies |= ANOMALY_BIT(BARE_CR);
	}
	if (all.nul)
		out->anomalies |= ANOMALY_BIT(NUL_IN_HEAD);
	if (all.others)
		out->anomalies |= ANOMALY_BIT(BAD_HEADER_VALUE);
	return true;
}

bool http1_head_parse(struct span head, enum dir dir, uint32_t max_headers, struct http1_head *out)
{
	bool whole = parse_plain(head, dir, max_headers, out);

	if (unlikely(!whole) && !parse_any(head, dir, max_headers, out, &whole))
		return false;
	// Only what goes with it says that such a line is a request.
	if (dir == CLIENT && out->no_version && !(whole && out->header[HEADER_HOST].p))
		return false;
	if (whole && dir == CLIENT && out->version_minor >= 1 && !out->header[HEADER_HOST].p)
		out->anomalies |= ANOMALY_BIT(MISSING_HOST);
	// Before 1.1 there was none: its framing counts as faulty (RFC 9112 section 6.1).
	if (out->framing.codings && out->version_major == 1 && out->version_minor == 0)
		out->anomalies |= ANOMALY_BIT(BAD_TRANSFER_ENCODING);
	return true;
}

bool http_header_next(const struct http_msg *msg, uint32_t *pos, struct span *name,
		      struct span *value)
{
	struct span head = span_make(msg->head, msg->head_len);
	bool bare_crs = msg->anomalies & ANOMALY_BIT(BARE_CR);
	struct head_line start;

	if (*pos == 0 && head.len)
		*pos = find_line(head, 0, bare_crs, &start) ? start.next : head.len;
	// Lines without a name are stepped over; each turn takes one.
	while (*pos < head.len) {
		struct field f;

		if (next_field(head, bare_crs, pos, &f) != LINE_FIELD)
			return false;
		if (f.name.len) {
			*name = f.name;
			*value = f.value;
			return true;
		}
	}
	return false;
}

struct span http_header_find(const struct http_msg *msg, struct span name)
{
	struct span n, value;

	for (uint32_t pos = 0; http_header_next(msg, &pos, &n, &value);) {
		if (span_ieq(n, name))
			return value;
	}
	return (struct span){0};
}

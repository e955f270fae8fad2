// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Parsing of HTTP/1 heads. Lines are found by memchr (vectorised by libc), known names by a switch
// over their length; start lines are read in http1_head_start.c. Every loop ends with the span.
// Called on workers; nothing is kept between calls.
//
// A CR that no LF follows ends a line for some receivers and is a blank or an error for others
// (RFC 9112 section 2.2). A head with one is parsed a second time, byte by byte, as the first do:
// what they see in it is never less. The end of the head needs its LFs all the same.

#include "flows/http1_head.h"
#include "flows/http1_text.h"

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
	for (uint32_t i = from; i < len;) {
		const uint8_t *lf = memchr(p + i, '\n', len - i);

		if (!lf)
			return 0;
		i = (uint32_t)(lf - p) + 1;
		if (len - i >= 1 && p[i] == '\n')
			return i + 1;
		if (len - i >= 2 && p[i] == '\r' && p[i + 1] == '\n')
			return i + 2;
	}
	return 0;
}

static bool is(struct span name, const char *lower)
{
	for (uint32_t i = 0; i < name.len; i++) {
		if (span_lower(name.p[i]) != (uint8_t)lower[i])
			return false;
	}
	return true;
}

enum header http1_head_header(struct span name)
{
	switch (name.len) {
	case 4:
		return is(name, "host") ? HEADER_HOST : HEADER_N;
	case 6:
		return is(name, "cookie")   ? HEADER_COOKIE
		       : is(name, "origin") ? HEADER_ORIGIN
		       : is(name, "expect") ? HEADER_EXPECT
		       : is(name, "apikey") ? HEADER_API_KEY
					    : HEADER_N;
	case 7:
		return is(name, "referer")   ? HEADER_REFERER
		       : is(name, "upgrade") ? HEADER_UPGRADE
		       : is(name, "api-key") ? HEADER_API_KEY
					     : HEADER_N;
	case 8:
		return is(name, "location")   ? HEADER_LOCATION
		       : is(name, "x-apikey") ? HEADER_API_KEY
					      : HEADER_N;
	case 9:
		return is(name, "x-api-key") ? HEADER_API_KEY : HEADER_N;
	case 10:
		return is(name, "user-agent")   ? HEADER_USER_AGENT
		       : is(name, "connection") ? HEADER_CONNECTION
		       : is(name, "set-cookie") ? HEADER_SET_COOKIE
						: HEADER_N;
	case 12:
		return is(name, "content-type")   ? HEADER_CONTENT_TYPE
		       : is(name, "x-auth-token") ? HEADER_API_KEY
						  : HEADER_N;
	case 13:
		return is(name, "authorization")   ? HEADER_AUTHORIZATION
		       : is(name, "grpc-encoding") ? HEADER_GRPC_ENCODING
						   : HEADER_N;
	case 14:
		return is(name, "content-length")   ? HEADER_CONTENT_LENGTH
		       : is(name, "x-access-token") ? HEADER_API_KEY
						    : HEADER_N;
	case 15:
		return is(name, "x-forwarded-for")   ? HEADER_X_FORWARDED_FOR
		       : is(name, "idempotency-key") ? HEADER_IDEMPOTENCY_KEY
						     : HEADER_N;
	case 16:
		return is(name, "content-encoding")   ? HEADER_CONTENT_ENCODING
		       : is(name, "www-authenticate") ? HEADER_WWW_AUTHENTICATE
						      : HEADER_N;
	case 17:
		return is(name, "transfer-encoding")   ? HEADER_TRANSFER_ENCODING
		       : is(name, "x-idempotency-key") ? HEADER_IDEMPOTENCY_KEY
						       : HEADER_N;
	case 19:
		return is(name, "proxy-authorization") ? HEADER_PROXY_AUTHORIZATION : HEADER_N;
	default:
		return HEADER_N;
	}
}

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

bool http1_head_parse(struct span head, enum dir dir, uint32_t max_headers, struct http1_head *out)
{
	struct head_lines lines;

	if (!parse_lines(head, dir, max_headers, false, out, &lines))
		return false;
	head.len = lines.pos;
	struct http1_controls all = http1_text_controls(head);
	bool whole = lines.last == LINE_END;

	if (whole && all.crs != lines.crlfs) {
		if (!parse_lines(head, dir, max_headers, true, out, &lines))
			return false;
		out->anomalies |= ANOMALY_BIT(BARE_CR);
	}
	// Only what goes with it says that such a line is a request.
	if (dir == CLIENT && out->no_version && !(whole && out->header[HEADER_HOST].p))
		return false;
	if (whole && dir == CLIENT && out->version_minor >= 1 && !out->header[HEADER_HOST].p)
		out->anomalies |= ANOMALY_BIT(MISSING_HOST);
	// Before 1.1 there was none: its framing counts as faulty (RFC 9112 section 6.1).
	if (out->framing.codings && out->version_major == 1 && out->version_minor == 0)
		out->anomalies |= ANOMALY_BIT(BAD_TRANSFER_ENCODING);
	if (all.nul)
		out->anomalies |= ANOMALY_BIT(NUL_IN_HEAD);
	if (all.others)
		out->anomalies |= ANOMALY_BIT(BAD_HEADER_VALUE);
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

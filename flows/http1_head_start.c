// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Start lines of HTTP/1: strictly, where it must be recognised that a message begins at all, and as
// the most tolerant receivers read them, where one is expected. Pure functions, called on workers;
// every loop ends with the span.
//
// Tolerated in a request line: blanks inside the target (it ends before the version), any blanks
// around it, a version that is malformed or not there when the method is one everybody knows. In a
// status line: any version that begins like one, any number up to three digits and what follows it.

#include "flows/http1_head.h"
#include "flows/http1_text.h"

// How much of lit the bytes begin with: CERTAIN all of it, UNSURE they end too early.
static enum probe begins(struct span s, const char *lit, uint32_t n)
{
	uint32_t have = s.len < n ? s.len : n;

	if (memcmp(s.p, lit, have))
		return PROBE_NO;
	return have == n ? PROBE_CERTAIN : PROBE_UNSURE;
}

static bool begins_http(struct span s)
{
	return s.len >= 5 && memcmp(s.p, "HTTP/", 5) == 0;
}

// ---- does a message begin here?

static enum probe probe_response(struct span s)
{
	static const char version[] = "HTTP/1.";
	enum probe p = begins(s, version, sizeof(version) - 1);

	if (p != PROBE_CERTAIN)
		return p;
	s = span_from(s, sizeof(version) - 1);
	for (uint32_t i = 0; i < 6; i++) { // "1 200" and what ends the number
		if (i >= s.len)
			return PROBE_UNSURE;
		uint8_t c = s.p[i];
		bool ok = i == 0   ? c == '0' || c == '1'
			  : i == 1 ? c == ' '
			  : i == 2 ? c >= '1' && c <= '5'
			  : i < 5  ? is_digit(c)
				   : c == ' ' || is_line_end(c);

		if (!ok)
			return PROBE_NO;
	}
	return PROBE_CERTAIN;
}

static enum probe probe_request(struct span s)
{
	uint32_t n = http1_text_token(s, HTTP1_METHOD_BYTES);

	if (n == s.len)
		return PROBE_UNSURE;
	if (n == 0 || s.p[n] != ' ')
		return PROBE_NO;
	s = span_from(s, n + 1);
	struct span target = span_until(s, ' ');
	struct http1_controls bad = http1_text_controls(target);

	if (bad.others || bad.crs || (target.len && memchr(target.p, '\n', target.len)) ||
	    (target.len && memchr(target.p, '\t', target.len)))
		return PROBE_NO;
	if (target.len == s.len)
		return PROBE_UNSURE;
	if (target.len == 0)
		return PROBE_NO;
	s = span_from(s, target.len + 1);
	enum probe p = begins(s, "HTTP/1.", 7);

	if (p != PROBE_CERTAIN)
		return p;
	if (s.len == 7)
		return PROBE_UNSURE;
	if (s.p[7] != '0' && s.p[7] != '1')
		return PROBE_NO;
	if (s.len == 8)
		return PROBE_UNSURE;
	return is_line_end(s.p[8]) ? PROBE_CERTAIN : PROBE_NO;
}

static struct span without_empty_lines(struct span first)
{
	for (; first.len && is_line_end(first.p[0]); first.len--)
		first.p++;
	return first;
}

enum probe http1_head_probe(struct span first, enum dir dir)
{
	first = without_empty_lines(first);
	if (!first.len)
		return PROBE_UNSURE;
	return dir == CLIENT ? probe_request(first) : probe_response(first);
}

// As methods are that not everybody knows.
static bool capitals(struct span method)
{
	for (uint32_t i = 0; i < method.len; i++) {
		if ((method.p[i] < 'A' || method.p[i] > 'Z') && method.p[i] != '_')
			return false;
	}
	return method.len > 0;
}

enum probe http1_head_detect(struct span first, enum dir dir)
{
	enum probe p = http1_head_probe(first, dir);
	struct http1_head head = {0};

	if (p != PROBE_NO || dir == SERVER)
		return p;
	first = without_empty_lines(first);
	uint32_t n = http1_text_token(first, HTTP1_METHOD_BYTES);

	if (n == first.len || (!is_blank(first.p[n]) && !is_line_end(first.p[n])))
		return PROBE_NO;
	struct span method = span_make(first.p, n), line = span_until(first, '\n');

	if (!http1_head_known_method(method) && !capitals(method))
		return PROBE_NO;

	if (http1_text_controls(line).others)
		return PROBE_NO;
	if (line.len == first.len)
		return PROBE_UNSURE;
	return http1_head_start(line, dir, &head) ? PROBE_CERTAIN : PROBE_NO;
}

bool http1_head_plausible(struct span first, enum dir dir)
{
	if (dir == SERVER)
		return begins(first, "HTTP/", 5) != PROBE_NO;
	uint32_t n = http1_text_token(first, HTTP1_METHOD_BYTES);

	return n == first.len || (n > 0 && (is_blank(first.p[n]) || is_line_end(first.p[n])));
}

bool http1_head_preface(struct span head)
{
	return span_eq(head, SPAN_LIT("PRI * HTTP/2.0\r\n\r\n"));
}

// ---- what does it say?

bool http1_head_known_method(struct span method)
{
	static const char *const known[] = {
		"GET",     "POST",    "PUT",   "DELETE",   "HEAD",      "PATCH",
		"OPTIONS", "CONNECT", "TRACE", "PROPFIND", "PROPPATCH", "REPORT",
		"MKCOL",   "COPY",    "MOVE",  "QUERY",    "PURGE",
	};

	for (uint32_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (span_eq(method, span_make(known[i], strlen(known[i]))))
			return true;
	}
	return false;
}

static enum http1_method method_kind(struct span method)
{
	if (method.len == 4 && memcmp(method.p, "HEAD", 4) == 0)
		return METHOD_HEAD;
	return method.len == 7 && memcmp(method.p, "CONNECT", 7) == 0 ? METHOD_CONNECT
								      : METHOD_OTHER;
}

// Up to three digits at *pos, which advances behind them.
static bool version_number(struct span s, uint32_t *pos, uint8_t *out)
{
	uint32_t n = 0, from = *pos;

	while (*pos < s.len && *pos - from < 3 && is_digit(s.p[*pos]))
		n = n * 10 + (uint32_t)(s.p[(*pos)++] - '0');
	*out = n < UINT8_MAX ? (uint8_t)n : UINT8_MAX;
	return *pos > from;
}

// "1.1" from pos to the end.
static bool version_numbers(struct span s, uint32_t pos, uint8_t *major, uint8_t *minor)
{
	return version_number(s, &pos, major) && pos < s.len && s.p[pos++] == '.' &&
	       version_number(s, &pos, minor) && pos == s.len;
}

// HTTP-version and nothing else. Endpoints of other versions talk like those of 1.1 when they use
// this syntax at all.
static bool version(struct span s, struct http1_head *out)
{
	if (!begins_http(s) || !version_numbers(s, 5, &out->version_major, &out->version_minor))
		return false;
	if (s.len != 8 || out->version_major != 1 || out->version_minor > 1)
		out->anomalies |= ANOMALY_BIT(BAD_VERSION);
	return true;
}

static void version_unknown(struct http1_head *out)
{
	out->version_major = out->version_minor = 0;
	out->no_version = true;
	out->anomalies |= ANOMALY_BIT(BAD_VERSION);
}

// The version of another protocol that has request lines: RTSP, SIP, ICAP.
static bool version_foreign(struct span s)
{
	uint32_t n = 0;
	uint8_t major, minor;

	while (n < s.len && span_lower(s.p[n]) >= 'a' && span_lower(s.p[n]) <= 'z')
		n++;
	return n > 0 && n < s.len && s.p[n] == '/' && !begins_http(s) &&
	       version_numbers(s, n + 1, &major, &minor);
}

static bool is_target(struct span s)
{
	return s.len == 0 || s.p[0] == '/' || s.p[0] == '*' ||
	       (s.len >= 5 && span_ieq(span_make(s.p, 4), SPAN_LIT("http")));
}

// A version is somewhere, though not where it must be: "CALL /HTTP/1.1".
static bool names_http(struct span method, struct span inner)
{
	return capitals(method) && memmem(inner.p, inner.len, "HTTP/1.", 7);
}

// inner: what is behind the method; its last word begins at `at` and is no version. A version that
// is only begun, "HTTP/1.", is not part of the target, unless there would be none.
static bool request_without_version(struct span inner, uint32_t at, struct http1_head *out)
{
	struct span last = span_from(inner, at);

	version_unknown(out);
	out->uri = begins_http(last) && at ? trim(span_make(inner.p, at)) : inner;
	return (http1_head_known_method(out->method) || names_http(out->method, inner)) &&
	       !version_foreign(last) && is_target(out->uri);
}

static bool request_line(struct span line, struct http1_head *out)
{
	uint32_t n = http1_text_token(line, HTTP1_METHOD_BYTES);

	if (n == 0 || (n < line.len && !is_blank(line.p[n])))
		return false;
	out->method = span_make(line.p, n);
	out->kind = method_kind(out->method);
	struct span rest = span_from(line, n);
	struct span inner = trim(rest);

	uint32_t at = inner.len;

	// The version is what follows the last blank, so that a target with blanks stays whole.
	while (at > 0 && !is_blank(inner.p[at - 1]))
		at--;
	if (at == 0 || !version(span_from(inner, at), out))
		return request_without_version(inner, at, out);
	out->uri = trim(span_make(inner.p, at));
	if (rest.p[0] != ' ' || out->uri.len + 2 + inner.len - at != rest.len ||
	    memchr(out->uri.p, ' ', out->uri.len) || memchr(rest.p, '\t', rest.len))
		out->anomalies |= ANOMALY_BIT(BAD_REQUEST_LINE);
	return true;
}

// The number up to its end, without leading zeros. Of one with more than three digits the first three
// count, as to receivers that have room for three; 000 is 0 to all that follow it.
static bool status_code(struct span s, struct http1_head *out)
{
	uint32_t from = 0, code = 0;

	while (from < s.len && s.p[from] == '0')
		from++;
	uint32_t n = from;

	while (n < s.len && n - from < 3 && is_digit(s.p[n]))
		code = code * 10 + (uint32_t)(s.p[n++] - '0');
	if (n == 0)
		return false;
	if (n != 3 || code < 100 || code >= 600 || (n < s.len && s.p[n] != ' '))
		out->anomalies |= ANOMALY_BIT(BAD_STATUS_LINE);
	out->status = (uint16_t)code;
	return true;
}

static bool status_line(struct span line, struct http1_head *out)
{
	uint32_t n = 0;

	while (n < line.len && !is_blank(line.p[n]))
		n++;
	struct span name = span_make(line.p, n);

	if (n == line.len || n < 6 || !begins_http(name) || !is_digit(name.p[5]))
		return false;
	if (!version(name, out))
		version_unknown(out);
	struct span rest = trim(span_from(line, n));

	if (rest.p != line.p + n + 1 || line.p[n] != ' ')
		out->anomalies |= ANOMALY_BIT(BAD_STATUS_LINE);
	return status_code(rest, out);
}

bool http1_head_start(struct span line, enum dir dir, struct http1_head *out)
{
	uint64_t bad = dir == CLIENT ? ANOMALY_BIT(BAD_REQUEST_LINE) : ANOMALY_BIT(BAD_STATUS_LINE);

	if (line.len && line.p[line.len - 1] == '\n')
		line.len--;
	if (line.len && line.p[line.len - 1] == '\r')
		line.len--;
	struct span first = span_until(line, '\r'); // such a CR ends a line, too

	if (first.len < line.len || http1_text_controls(first).others)
		out->anomalies |= bad;
	return dir == CLIENT ? request_line(first, out) : status_line(first, out);
}

static bool plain_request(struct span line, struct http1_head *out)
{
	uint32_t n = http1_text_token(line, HTTP1_METHOD_BYTES);

	if (n == 0 || line.len < n + sizeof(" / HTTP/1.1") - 1 || line.p[n] != ' ')
		return false;
	const uint8_t *version = line.p + line.len - 9;
	struct span uri = span_make(line.p + n + 1, (size_t)(version - (line.p + n + 1)));

	if (memcmp(version, " HTTP/1.", 8) || (version[8] & 0xfe) != '0' ||
	    memchr(uri.p, ' ', uri.len))
		return false;
	out->method = span_make(line.p, n);
	out->kind = method_kind(out->method);
	out->uri = uri;
	out->version_major = 1;
	out->version_minor = version[8] - '0';
	return true;
}

static bool plain_status(struct span line, struct http1_head *out)
{
	const uint8_t *p = line.p;

	if (line.len < 12 || memcmp(p, "HTTP/1.", 7) || (p[7] & 0xfe) != '0' || p[8] != ' ' ||
	    p[9] < '1' || p[9] > '5' || !is_digit(p[10]) || !is_digit(p[11]) ||
	    (line.len > 12 && p[12] != ' '))
		return false;
	out->version_major = 1;
	out->version_minor = p[7] - '0';
	out->status = (uint16_t)((p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0'));
	return true;
}

bool http1_head_plain(struct span line, enum dir dir, struct http1_head *out)
{
	return dir == CLIENT ? plain_request(line, out) : plain_status(line, out);
}

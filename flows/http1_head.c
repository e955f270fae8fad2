// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Parsing of HTTP/1 heads. Lines are found by memchr (vectorised by libc), names by a table of
// token characters, known names by a switch over their length. Control characters and bare CRs
// are found by one SSE2 pass over the whole head instead of a test for each byte. Every loop ends
// with the span. Called on workers; nothing is kept between calls.

#include "flows/http1_head.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

const char *http_anomaly_name(enum http_anomaly anomaly)
{
	static const char *const names[] = {
#define X(name, text) text,
		HTTP_ANOMALIES(X)
#undef X
	};

	return (unsigned int)anomaly < ANOMALY_N ? names[anomaly] : "?";
}

// tchar of RFC 9110 section 5.6.2.
static const uint8_t is_token[256] = {
	['!'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1,         ['&'] = 1,         ['\''] = 1,
	['*'] = 1, ['+'] = 1, ['-'] = 1, ['.'] = 1,         ['^'] = 1,         ['_'] = 1,
	['`'] = 1, ['|'] = 1, ['~'] = 1, ['0' ... '9'] = 1, ['A' ... 'Z'] = 1, ['a' ... 'z'] = 1,
};

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static bool is_line_end(uint8_t c)
{
	return c == '\r' || c == '\n';
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static struct span span_from(struct span s, uint32_t from)
{
	return span_make(s.p + from, s.len - from);
}

// Also drops line ends, which are white space inside a folded value.
static struct span trim(struct span s)
{
	for (; s.len && (is_blank(s.p[0]) || is_line_end(s.p[0])); s.len--)
		s.p++;
	while (s.len && (is_blank(s.p[s.len - 1]) || is_line_end(s.p[s.len - 1])))
		s.len--;
	return s;
}

struct controls {
	uint32_t crs;
	bool nul;
	bool others; // not HTAB, LF, CR
};

static void controls_scalar(const uint8_t *p, uint32_t len, struct controls *out)
{
	for (uint32_t i = 0; i < len; i++) {
		uint8_t c = p[i];

		out->crs += c == '\r';
		out->nul |= c == 0;
		out->others |= (c < 0x20 && c != '\t' && !is_line_end(c)) || c == 0x7f;
	}
}

#ifdef __SSE2__
// Blocks of 16 bytes; returns how many bytes were looked at. NULs are only told from other control
// characters when there are any, which is rare.
static uint32_t controls_blocks(const uint8_t *p, uint32_t len, struct controls *out)
{
	const __m128i cr = _mm_set1_epi8('\r'), lf = _mm_set1_epi8('\n'), tab = _mm_set1_epi8('\t');
	const __m128i last = _mm_set1_epi8(0x1f), del = _mm_set1_epi8(0x7f),
		      zero = _mm_setzero_si128();
	__m128i others = zero, crs = zero;
	uint32_t i = 0;

	while (len - i >= 16) {
		__m128i some = zero; // counts in bytes: 255 turns at most

		for (uint32_t turn = 0; turn < 255 && len - i >= 16; turn++, i += 16) {
			__m128i x = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
			__m128i is_cr = _mm_cmpeq_epi8(x, cr);
			__m128i fine = _mm_or_si128(_mm_cmpeq_epi8(x, lf), _mm_cmpeq_epi8(x, tab));
			__m128i low = _mm_cmpeq_epi8(_mm_max_epu8(x, last), last);

			low = _mm_andnot_si128(_mm_or_si128(fine, is_cr), low);
			others = _mm_or_si128(others, _mm_or_si128(low, _mm_cmpeq_epi8(x, del)));
			some = _mm_sub_epi8(some, is_cr);
		}
		crs = _mm_add_epi64(crs, _mm_sad_epu8(some, zero));
	}
	if (_mm_movemask_epi8(others)) {
		controls_scalar(p, i, out);
		return i;
	}
	out->crs = (uint32_t)_mm_cvtsi128_si32(crs) +
		   (uint32_t)_mm_cvtsi128_si32(_mm_unpackhi_epi64(crs, crs));
	return i;
}
#endif

static struct controls controls(struct span s)
{
	struct controls out = {0};
	uint32_t i = 0;

#ifdef __SSE2__
	i = controls_blocks(s.p, s.len, &out);
#endif
	controls_scalar(s.p + i, s.len - i, &out);
	return out;
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

// How much of lit the bytes begin with: CERTAIN all of it, UNSURE they end too early.
static enum probe begins(struct span s, const char *lit, uint32_t n)
{
	uint32_t have = s.len < n ? s.len : n;

	if (memcmp(s.p, lit, have))
		return PROBE_NO;
	return have == n ? PROBE_CERTAIN : PROBE_UNSURE;
}

static uint32_t token_length(struct span s, uint32_t max)
{
	uint32_t n = s.len < max ? s.len : max;
	uint32_t i = 0;

	while (i < n && is_token[s.p[i]])
		i++;
	return i;
}

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
	uint32_t n = token_length(s, HTTP1_METHOD_BYTES);

	if (n == s.len)
		return PROBE_UNSURE;
	if (n == 0 || s.p[n] != ' ')
		return PROBE_NO;
	s = span_from(s, n + 1);
	struct span target = span_until(s, ' ');
	struct controls bad = controls(target);

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

enum probe http1_head_probe(struct span first, enum dir dir)
{
	for (; first.len && is_line_end(first.p[0]); first.len--)
		first.p++;
	if (!first.len)
		return PROBE_UNSURE;
	return dir == CLIENT ? probe_request(first) : probe_response(first);
}

bool http1_head_plausible(struct span first, enum dir dir)
{
	if (dir == SERVER)
		return begins(first, "HTTP/", 5) != PROBE_NO;
	uint32_t n = token_length(first, HTTP1_METHOD_BYTES);

	return n == first.len || (n > 0 && is_blank(first.p[n]));
}

static enum http1_method method_kind(struct span method)
{
	if (span_eq(method, SPAN_LIT("HEAD")))
		return METHOD_HEAD;
	return span_eq(method, SPAN_LIT("CONNECT")) ? METHOD_CONNECT : METHOD_OTHER;
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

// HTTP-version and nothing else. Endpoints of other versions talk like those of 1.1 when they use
// this syntax at all.
static bool version(struct span s, struct http1_head *out)
{
	uint32_t pos = 5;

	if (s.len < 8 || memcmp(s.p, "HTTP/", 5) || !version_number(s, &pos, &out->version_major) ||
	    pos == s.len || s.p[pos++] != '.' || !version_number(s, &pos, &out->version_minor) ||
	    pos != s.len)
		return false;
	if (s.len != 8 || out->version_major != 1 || out->version_minor > 1)
		out->anomalies |= ANOMALY_BIT(BAD_VERSION);
	return true;
}

static bool request_line(struct span line, struct http1_head *out)
{
	uint32_t n = token_length(line, HTTP1_METHOD_BYTES);

	if (n == 0 || n == line.len || !is_blank(line.p[n]))
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
		return false;
	out->uri = trim(span_make(inner.p, at));
	if (!out->uri.len)
		return false;
	if (rest.p[0] != ' ' || out->uri.len + 2 + inner.len - at != rest.len ||
	    memchr(out->uri.p, ' ', out->uri.len) || memchr(rest.p, '\t', rest.len))
		out->anomalies |= ANOMALY_BIT(BAD_REQUEST_LINE);
	return true;
}

static bool status_line(struct span line, struct http1_head *out)
{
	uint32_t n = 0;

	while (n < line.len && !is_blank(line.p[n]))
		n++;
	if (n == line.len || !version(span_make(line.p, n), out))
		return false;
	struct span rest = trim(span_from(line, n));

	if (rest.len < 3 || !is_digit(rest.p[0]) || !is_digit(rest.p[1]) || !is_digit(rest.p[2]) ||
	    (rest.len > 3 && is_digit(rest.p[3])))
		return false;
	out->status =
		(uint16_t)((rest.p[0] - '0') * 100 + (rest.p[1] - '0') * 10 + rest.p[2] - '0');
	if (rest.p != line.p + n + 1 || line.p[n] != ' ' || out->status >= 600 ||
	    (rest.len > 3 && rest.p[3] != ' '))
		out->anomalies |= ANOMALY_BIT(BAD_STATUS_LINE);
	return out->status >= 100;
}

bool http1_head_start(struct span line, enum dir dir, struct http1_head *out)
{
	if (line.len && line.p[line.len - 1] == '\n')
		line.len--;
	if (line.len && line.p[line.len - 1] == '\r')
		line.len--;
	struct controls bad = controls(line);

	if (bad.others || bad.crs)
		out->anomalies |= dir == CLIENT ? ANOMALY_BIT(BAD_REQUEST_LINE)
						: ANOMALY_BIT(BAD_STATUS_LINE);
	return dir == CLIENT ? request_line(line, out) : status_line(line, out);
}

static bool is(struct span name, const char *lower)
{
	for (uint32_t i = 0; i < name.len; i++) {
		if (span_lower(name.p[i]) != (uint8_t)lower[i])
			return false;
	}
	return true;
}

// The known names by length; HEADER_N: none of them.
static enum header known_header(struct span name)
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
		return is(name, "authorization") ? HEADER_AUTHORIZATION : HEADER_N;
	case 14:
		return is(name, "content-length")   ? HEADER_CONTENT_LENGTH
		       : is(name, "x-access-token") ? HEADER_API_KEY
						    : HEADER_N;
	case 15:
		return is(name, "x-forwarded-for") ? HEADER_X_FORWARDED_FOR : HEADER_N;
	case 16:
		return is(name, "content-encoding")   ? HEADER_CONTENT_ENCODING
		       : is(name, "www-authenticate") ? HEADER_WWW_AUTHENTICATE
						      : HEADER_N;
	case 17:
		return is(name, "transfer-encoding") ? HEADER_TRANSFER_ENCODING : HEADER_N;
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
	uint32_t n = token_length(line, line.len);
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
}

// The field at *pos of a head, which advances behind it.
static enum line next_field(struct span head, uint32_t *pos, struct field *out)
{
	uint32_t start = *pos;
	uint32_t end = start;

	*out = (struct field){0};
	// A line and its continuations (RFC 9112 section 5.2); each turn takes one line of the head.
	for (uint32_t next = start; next < head.len;) {
		const uint8_t *lf = memchr(head.p + next, '\n', head.len - next);

		if (!lf)
			return LINE_CUT;
		uint32_t at = (uint32_t)(lf - head.p);
		bool cr = at > next && lf[-1] == '\r';

		out->crlfs += cr;
		if (!cr)
			out->anomalies |= ANOMALY_BIT(BARE_LF);
		end = at - cr;
		next = at + 1;
		*pos = next;
		if (end == start)
			return LINE_END;
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

// Takes the first element of a comma-separated list off it.
static struct span next_element(struct span *list)
{
	struct span e = span_until(*list, ',');

	*list = span_from(*list, e.len + (e.len < list->len));
	return trim(e);
}

static void content_length(struct http1_framing *f, struct span list, uint64_t *anomalies)
{
	bool again = f->length;

	f->length = true;
	do {
		struct span e = next_element(&list);
		uint64_t n;

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
	} while (list.len);
}

static void transfer_encoding(struct http1_framing *f, struct span list, uint64_t *anomalies)
{
	if (f->codings)
		*anomalies |= ANOMALY_BIT(DUPLICATE_TRANSFER_ENCODING);
	f->codings = true;
	do {
		struct span e = next_element(&list);

		if (f->chunked) // "chunked" must be the last and there once (RFC 9112 section 7.1)
			*anomalies |= ANOMALY_BIT(BAD_TRANSFER_ENCODING);
		if (span_ieq(e, SPAN_LIT("chunked"))) {
			f->coded = f->chunked = true;
		} else if (span_ieq(e, SPAN_LIT("gzip")) || span_ieq(e, SPAN_LIT("x-gzip")) ||
			   span_ieq(e, SPAN_LIT("deflate")) || span_ieq(e, SPAN_LIT("compress")) ||
			   span_ieq(e, SPAN_LIT("x-compress"))) {
			f->coded = true;
			f->chunked = false;
		} else {
			*anomalies |= ANOMALY_BIT(BAD_TRANSFER_ENCODING);
			// "identity" was a coding once (RFC 2616): it changes nothing.
			if (e.len && !span_ieq(e, SPAN_LIT("identity"))) {
				f->coded = true;
				f->chunked = false;
			}
		}
	} while (list.len);
}

static void framing_field(struct http1_framing *f, enum header h, struct span value,
			  uint64_t *anomalies)
{
	if (h == HEADER_CONTENT_LENGTH)
		content_length(f, value, anomalies);
	else
		transfer_encoding(f, value, anomalies);
	if (f->length && f->codings)
		*anomalies |= ANOMALY_BIT(LENGTH_AND_CHUNKED);
}

bool http1_framing_line(struct http1_framing *framing, struct span line, bool cut,
			uint64_t *anomalies)
{
	struct field f = {0};

	split_field(line, &f);
	enum header h = known_header(f.name);

	if (h != HEADER_CONTENT_LENGTH && h != HEADER_TRANSFER_ENCODING)
		return false;
	if (cut)
		framing->unclear = true;
	else
		framing_field(framing, h, f.value, anomalies);
	return true;
}

static void take_field(const struct field *f, uint32_t max_headers, struct http1_head *out)
{
	enum header h = known_header(f->name);

	out->anomalies |= f->anomalies;
	if (out->n_headers < UINT16_MAX)
		out->n_headers++;
	if (out->n_headers > max_headers)
		out->anomalies |= ANOMALY_BIT(TOO_MANY_HEADERS);
	if (h == HEADER_N)
		return;
	if (h == HEADER_CONTENT_LENGTH || h == HEADER_TRANSFER_ENCODING)
		framing_field(&out->framing, h, f->value, &out->anomalies);
	else if (h == HEADER_HOST && out->header[h].p)
		out->anomalies |= ANOMALY_BIT(DUPLICATE_HOST);
	else if (out->n_headers > max_headers && h != HEADER_HOST && h != HEADER_CONTENT_ENCODING &&
		 h != HEADER_CONTENT_TYPE)
		return;
	out->n_set_cookies += h == HEADER_SET_COOKIE && out->n_set_cookies < UINT16_MAX;
	if (!out->header[h].p)
		out->header[h] = f->value;
}

bool http1_head_parse(struct span head, enum dir dir, uint32_t max_headers, struct http1_head *out)
{
	struct field f;
	enum line line;
	const uint8_t *lf = head.len ? memchr(head.p, '\n', head.len) : NULL;

	*out = (struct http1_head){.framing = HTTP1_FRAMING_INIT};
	if (!lf)
		return false;
	uint32_t pos = (uint32_t)(lf - head.p) + 1;
	uint32_t crlfs = pos > 1 && lf[-1] == '\r';

	if (!crlfs)
		out->anomalies |= ANOMALY_BIT(BARE_LF);
	if (!http1_head_start(span_make(head.p, pos), dir, out))
		return false;
	// Each turn takes a line of the head.
	while ((line = next_field(head, &pos, &f)) == LINE_FIELD) {
		crlfs += f.crlfs;
		take_field(&f, max_headers, out);
	}
	if (line == LINE_END) {
		crlfs += f.crlfs;
		out->anomalies |= f.anomalies;
		if (dir == CLIENT && out->version_minor >= 1 && !out->header[HEADER_HOST].p)
			out->anomalies |= ANOMALY_BIT(MISSING_HOST);
	}
	struct controls all = controls(span_make(head.p, pos));

	if (all.crs != crlfs && line == LINE_END)
		out->anomalies |= ANOMALY_BIT(BARE_CR);
	if (all.nul)
		out->anomalies |= ANOMALY_BIT(NUL_IN_HEAD);
	if (all.others)
		out->anomalies |= ANOMALY_BIT(BAD_HEADER_VALUE);
	return true;
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
	else if (framing->content_length != UINT64_MAX)
		*out = FRAMING_LENGTH;
	else if (framing->bad_length)
		return false;
	else
		*out = FRAMING_CLOSE;
	return true;
}

bool http_header_next(const struct http_msg *msg, uint32_t *pos, struct span *name,
		      struct span *value)
{
	struct span head = span_make(msg->head, msg->head_len);

	if (*pos == 0 && head.len) {
		const uint8_t *lf = memchr(head.p, '\n', head.len);

		*pos = lf ? (uint32_t)(lf - head.p) + 1 : head.len;
	}
	// Lines without a name are stepped over; each turn takes one.
	while (*pos < head.len) {
		struct field f;

		if (next_field(head, pos, &f) != LINE_FIELD)
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

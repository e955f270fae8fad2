// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The text of a head under construction:
//
//	pseudo-header values │ GET /path HTTP/2 CRLF │ host: … CRLF │ name: value CRLF … │ CRLF
//	                     └ start
//
// The values stay where they were put until the first other field, or the end, shows that they are
// complete (RFC 9113 section 8.3); then the start line is written behind them. Pieces of a cookie
// (section 8.2.3) are joined in one line. Work is linear in the decoded bytes; those beyond the
// limit of a head are counted and not looked at. Called on workers.

#include "flows/h2_head.h"

#include "flows/http1_text.h"

enum {
	FIELD_BYTES = 4, // of a line beside name and value
};

static const struct h2_text nothing = {.len = UINT32_MAX};

void h2_head_begin(struct h2_head *head, enum dir dir)
{
	*head = (struct h2_head){
		.framing = HTTP1_FRAMING_INIT,
		.grpc_status = -1,
		.method = nothing,
		.uri = nothing,
		.dir = (uint8_t)dir,
	};
	for (uint32_t i = 0; i < PSEUDO_N; i++)
		head->pseudo[i] = nothing;
	for (uint32_t i = 0; i < HEADER_N; i++)
		head->header[i] = nothing;
}

void h2_head_free(struct h2_head *head, struct flow_env *env)
{
	if (head->text)
		pool_put(head->big ? &env->head64k : &env->head4k, head->text);
	head->text = NULL;
}

// ---- text

static bool head_grow(struct h2_head *head, struct flow_env *env, uint32_t n)
{
	bool big = head->text || n > env->head4k.size;

	if (head->big || (big && env->limits.head_bytes <= env->head4k.size))
		return false;
	uint8_t *text = pool_get(big ? &env->head64k : &env->head4k);

	if (!text && !big) {
		big = true;
		text = pool_get(&env->head64k);
	}
	if (!text) {
		env->stats.http_tx_pool_empty++;
		return false;
	}
	if (head->text) {
		memcpy(text, head->text, head->n);
		pool_put(&env->head4k, head->text);
	}
	head->text = text;
	head->big = big;
	return true;
}

// Room for n more bytes. False: the head is over the limit from here on.
static bool head_room(struct h2_head *head, struct flow_env *env, uint32_t n)
{
	// Two turns at most: the small block, the large one.
	while (!head->over) {
		size_t size = head->big ? env->limits.head_bytes : env->head4k.size;

		if (size > env->limits.head_bytes)
			size = env->limits.head_bytes;
		if (head->text && n <= size - head->n)
			return true;
		head->over = !head_grow(head, env, head->n + n);
	}
	return false;
}

static void put(struct h2_head *head, struct span s)
{
	if (s.len)
		memcpy(head->text + head->n, s.p, s.len);
	head->n += s.len;
}

// Blanks for what could end a line. False: there was such a byte.
static bool put_clean(struct h2_head *head, struct span s)
{
	uint8_t *to = head->text + head->n;
	uint8_t ends = 0, others = 0; // of the bytes' size: this loop becomes one over vectors

	for (uint32_t i = 0; i < s.len; i++) {
		uint8_t c = s.p[i];

		ends |= (uint8_t)((c == 0) | (c == '\r') | (c == '\n'));
		others |= (uint8_t)(((c < 0x20) & (c != '\t')) | (c == 0x7f));
	}
	put(head, s);
	if (!others)
		return true;
	head->anomalies |= ANOMALY_BIT(BAD_HEADER_VALUE);
	if (!ends)
		return true;
	for (uint32_t i = 0; i < s.len; i++) {
		if (to[i] == 0)
			head->anomalies |= ANOMALY_BIT(NUL_IN_HEAD);
		if (to[i] == 0 || is_line_end(to[i]))
			to[i] = ' ';
	}
	head->anomalies |= ANOMALY_BIT(H2_DOWNGRADE_SMUGGLING);
	return false;
}

// A name that a line can begin with: what is no token byte becomes "?".
static bool put_name(struct h2_head *head, struct span name)
{
	uint8_t *to = head->text + head->n;
	bool lower = true;

	put(head, name);
	for (uint32_t i = 0; i < name.len; i++)
		lower &= !(to[i] >= 'A' && to[i] <= 'Z');
	if (!lower) // RFC 9113 section 8.2.1
		head->anomalies |= ANOMALY_BIT(BAD_HEADER_NAME);
	if (name.len && http1_text_token(name, name.len) == name.len)
		return true;
	head->anomalies |= ANOMALY_BIT(BAD_HEADER_NAME);
	if (name.len == 0)
		put(head, SPAN_LIT("?"));
	for (uint32_t i = 0; i < name.len; i++) {
		if (http1_text_token(span_make(to + i, 1), 1))
			continue;
		if (to[i] == ':' || to[i] == ' ' || to[i] == 0 || is_line_end(to[i]))
			head->anomalies |= ANOMALY_BIT(H2_DOWNGRADE_SMUGGLING);
		to[i] = '?';
	}
	return false;
}

static struct span text(const struct h2_head *head, struct h2_text t)
{
	return t.len == UINT32_MAX ? (struct span){0} : span_make(head->text + t.at, t.len);
}

static struct h2_text trimmed(const struct h2_head *head, uint32_t from)
{
	struct span s = span_trim(span_make(head->text + from, head->n - from));

	return (struct h2_text){(uint32_t)(s.p - head->text), s.len};
}

// ---- start line

static enum h2_pseudo pseudo_of(struct span name)
{
	static const struct {
		const char *name;
		enum h2_pseudo pseudo;
	} known[] = {
		{":method", PSEUDO_METHOD}, {":path", PSEUDO_PATH},
		{":scheme", PSEUDO_SCHEME}, {":authority", PSEUDO_AUTHORITY},
		{":status", PSEUDO_STATUS}, {":protocol", PSEUDO_PROTOCOL},
	};

	for (uint32_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (span_eq(name, span_make(known[i].name, strlen(known[i].name))))
			return known[i].pseudo;
	}
	return PSEUDO_N;
}

static void take_pseudo(struct h2_head *head, struct flow_env *env, struct span name,
			struct span value)
{
	enum h2_pseudo pseudo = pseudo_of(name);

	// RFC 9113 section 8.3: before all others, once, and those of its kind of message.
	if (pseudo == PSEUDO_N || head->regular || head->pseudo[pseudo].len != UINT32_MAX ||
	    (pseudo == PSEUDO_STATUS) != (head->dir == SERVER)) {
		head->refused |= head->regular;
		head->anomalies |= ANOMALY_BIT(H2_BAD_PSEUDO);
		return;
	}
	if (!head_room(head, env, value.len))
		return;
	uint32_t at = head->n;

	// One that could end a line is not known.
	if (put_clean(head, value))
		head->pseudo[pseudo] = (struct h2_text){at, head->n - at};
	else
		head->refused = true;
}

static struct h2_text put_part(struct h2_head *head, struct h2_text from)
{
	struct h2_text to = {head->n, from.len};

	if (from.len == UINT32_MAX) {
		put(head, SPAN_LIT("?"));
		return nothing;
	}
	put(head, text(head, from));
	return to;
}

static void start_line(struct h2_head *head, struct flow_env *env)
{
	const struct h2_text *p = head->pseudo;

	if (head->started)
		return;
	head->started = true;
	// Twice the values, and what is between them.
	if (!head_room(head, env, head->n + 64)) {
		head->start = head->n;
		return;
	}
	head->start = head->n;
	if (head->dir == SERVER) {
		put(head, SPAN_LIT("HTTP/2 "));
		put_part(head, p[PSEUDO_STATUS]);
		put(head, SPAN_LIT("\r\n"));
		return;
	}
	bool tunnel = p[PSEUDO_METHOD].len == 7 && p[PSEUDO_PATH].len == UINT32_MAX &&
		      span_eq(text(head, p[PSEUDO_METHOD]), SPAN_LIT("CONNECT"));

	head->method = put_part(head, p[PSEUDO_METHOD]);
	put(head, SPAN_LIT(" "));
	head->uri = put_part(head, tunnel ? p[PSEUDO_AUTHORITY] : p[PSEUDO_PATH]);
	put(head, SPAN_LIT(" HTTP/2\r\n"));
	if (p[PSEUDO_AUTHORITY].len != UINT32_MAX) {
		put(head, SPAN_LIT("host: "));
		head->header[HEADER_HOST] = put_part(head, p[PSEUDO_AUTHORITY]);
		put(head, SPAN_LIT("\r\n"));
	}
}

// ---- fields

// Fields that belong to a connection (RFC 9113 section 8.2.2).
static bool of_connection(struct span name)
{
	return span_eq(name, SPAN_LIT("connection")) || span_eq(name, SPAN_LIT("upgrade")) ||
	       span_eq(name, SPAN_LIT("keep-alive")) || span_eq(name, SPAN_LIT("proxy-connection"));
}

static void grpc_status(struct h2_head *head, struct span value)
{
	int32_t status = 0;

	if (value.len == 0 || value.len > 4)
		return;
	for (uint32_t i = 0; i < value.len; i++) {
		if (!is_digit(value.p[i]))
			return;
		status = status * 10 + (value.p[i] - '0');
	}
	head->grpc_status = status;
}

// A further piece of the cookie whose line was the last one.
static bool join_cookie(struct h2_head *head, struct flow_env *env, struct span value)
{
	if (head->cookie_end != head->n || !head_room(head, env, value.len + 2))
		return false;
	head->n -= 2;
	put(head, SPAN_LIT("; "));
	bool clean = put_clean(head, value);
	struct h2_text *whole = &head->header[HEADER_COOKIE];

	if (whole->len != UINT32_MAX && clean)
		whole->len = head->n - whole->at;
	put(head, SPAN_LIT("\r\n"));
	head->cookie_end = head->n;
	return true;
}

static void known_field(struct h2_head *head, const struct flow_env *env, enum header h,
			struct h2_text value)
{
	bool many = head->n_headers > env->limits.headers;

	switch (h) {
	case HEADER_HOST:
		if (head->header[h].len != UINT32_MAX &&
		    !span_ieq(text(head, head->header[h]), text(head, value)))
			head->anomalies |= ANOMALY_BIT(DUPLICATE_HOST);
		break;
	case HEADER_CONTENT_LENGTH:
		http1_framing_field(&head->framing, h, text(head, value), &head->anomalies);
		break;
	case HEADER_TRANSFER_ENCODING: // there is none in this version
		head->anomalies |= ANOMALY_BIT(H2_DOWNGRADE_SMUGGLING);
		return;
	case HEADER_SET_COOKIE:
		head->n_set_cookies += head->n_set_cookies < UINT16_MAX;
		break;
	default:
		if (many && h != HEADER_CONTENT_ENCODING && h != HEADER_CONTENT_TYPE)
			return;
	}
	if (head->header[h].len == UINT32_MAX)
		head->header[h] = value;
}

static void take_regular(struct h2_head *head, struct flow_env *env, struct span name,
			 struct span value)
{
	enum header h = http1_head_header(name);

	head->regular = true;
	start_line(head, env);
	if (head->n_headers < UINT16_MAX)
		head->n_headers++;
	if (head->n_headers > env->limits.headers)
		head->anomalies |= ANOMALY_BIT(TOO_MANY_HEADERS);
	if (of_connection(name))
		head->anomalies |= ANOMALY_BIT(H2_CONNECTION_FIELD);
	if (span_eq(name, SPAN_LIT("grpc-status")))
		grpc_status(head, value);
	if (h == HEADER_COOKIE && head->n_cookies++ && join_cookie(head, env, value))
		return;
	if (!head_room(head, env, name.len + value.len + FIELD_BYTES + 1))
		return;
	bool good = put_name(head, name);

	put(head, SPAN_LIT(": "));
	uint32_t at = head->n;

	good &= put_clean(head, value);
	struct h2_text kept = trimmed(head, at);

	if (kept.len != value.len) // RFC 9113 section 8.2.1
		head->anomalies |= ANOMALY_BIT(BAD_HEADER_VALUE);
	put(head, SPAN_LIT("\r\n"));
	if (h == HEADER_COOKIE) {
		head->cookies_apart |= head->n_cookies > 1;
		head->cookie_end = head->n;
	}
	if (h != HEADER_N && good)
		known_field(head, env, h, kept);
}

void h2_head_field(struct h2_head *head, struct flow_env *env, struct span name, struct span value,
		   bool unknown)
{
	head->decoded += (uint64_t)name.len + value.len + FIELD_BYTES;
	if (unknown)
		head->unknown = true;
	else if (head->over || head->decoded > env->limits.head_bytes)
		head->over = true;
	else if (name.len && name.p[0] == ':')
		take_pseudo(head, env, name, value);
	else
		take_regular(head, env, name, value);
}

// ---- the whole

// Length of the line at `at`, with its end.
static uint32_t line_at(const struct h2_head *head, uint32_t at)
{
	const uint8_t *lf = memchr(head->text + at, '\n', head->n - at);

	return lf ? (uint32_t)(lf - (head->text + at)) + 1 : head->n - at;
}

static bool is_cookie(const struct h2_head *head, uint32_t at, uint32_t len)
{
	return len > 8 && span_ieq(span_make(head->text + at, 8), SPAN_LIT("cookie: "));
}

// Pieces of the cookie stand in several lines: all of them go into one at the end.
static void gather_cookies(struct h2_head *head, struct flow_env *env)
{
	struct h2_head to = *head;
	uint32_t at = head->start, len;

	to.big = true;
	to.text = pool_get(&env->head64k);
	if (!to.text) {
		env->stats.http_tx_pool_empty++;
		head->header[HEADER_COOKIE] = nothing; // a part of it is not its value
		return;
	}
	memcpy(to.text, head->text, at);
	to.n = at;
	for (; at < head->n; at += len) {
		len = line_at(head, at);
		if (is_cookie(head, at, len))
			continue;
		for (uint32_t i = 0; i < HEADER_N; i++) {
			if (head->header[i].len != UINT32_MAX && head->header[i].at - at < len)
				to.header[i].at = to.n + head->header[i].at - at;
		}
		put(&to, span_make(head->text + at, len));
	}
	// Each line of a cookie had its name, which is longer than what joins two pieces.
	put(&to, SPAN_LIT("cookie: "));
	to.header[HEADER_COOKIE].at = to.n;
	for (at = head->start; at < head->n; at += len) {
		len = line_at(head, at);
		if (!is_cookie(head, at, len))
			continue;
		if (to.n != to.header[HEADER_COOKIE].at)
			put(&to, SPAN_LIT("; "));
		put(&to, span_make(head->text + at + 8, len - 10));
	}
	to.header[HEADER_COOKIE].len = to.n - to.header[HEADER_COOKIE].at;
	put(&to, SPAN_LIT("\r\n"));
	h2_head_free(head, env);
	*head = to;
}

static enum http1_method method_kind(struct span method)
{
	if (span_eq(method, SPAN_LIT("HEAD")))
		return METHOD_HEAD;
	return span_eq(method, SPAN_LIT("CONNECT")) ? METHOD_CONNECT : METHOD_OTHER;
}

static bool request_line(struct h2_head *head, struct http1_head *out)
{
	out->method = text(head, head->method);
	out->uri = text(head, head->uri);
	if (!out->method.len ||
	    (!out->uri.len && !(head->partial && head->unknown) && !head->refused))
		return false;
	out->kind = method_kind(out->method);
	if (out->kind == METHOD_CONNECT &&
	    span_ieq(text(head, head->pseudo[PSEUDO_PROTOCOL]), SPAN_LIT("websocket")))
		out->kind = METHOD_WEBSOCKET;
	// Either would be read as more than it is where the request goes on in HTTP/1.
	if (http1_text_token(out->method, out->method.len) != out->method.len ||
	    (out->uri.len && memchr(out->uri.p, ' ', out->uri.len)))
		head->anomalies |=
			ANOMALY_BIT(BAD_REQUEST_LINE) | ANOMALY_BIT(H2_DOWNGRADE_SMUGGLING);
	return true;
}

static bool status_line(struct h2_head *head, struct http1_head *out)
{
	struct span s = text(head, head->pseudo[PSEUDO_STATUS]);

	if (s.len != 3 || s.p[0] < '1' || s.p[0] > '9' || !is_digit(s.p[1]) || !is_digit(s.p[2]))
		return false;
	out->status = (uint16_t)((s.p[0] - '0') * 100 + (s.p[1] - '0') * 10 + (s.p[2] - '0'));
	return true;
}

bool h2_head_finish(struct h2_head *head, struct flow_env *env, struct http1_head *out,
		    struct span *raw)
{
	start_line(head, env);
	if (head->cookies_apart)
		gather_cookies(head, env);
	*out = (struct http1_head){.version_major = 2, .framing = head->framing};
	if (!head->text ||
	    !(head->dir == CLIENT ? request_line(head, out) : status_line(head, out)))
		return false;
	if (head_room(head, env, 2))
		put(head, SPAN_LIT("\r\n"));
	// The block may have been changed for a larger one.
	if (head->dir == CLIENT) {
		out->method = text(head, head->method);
		out->uri = text(head, head->uri);
	}
	for (uint32_t i = 0; i < HEADER_N; i++)
		out->header[i] = text(head, head->header[i]);
	if (head->unknown)
		head->anomalies |= ANOMALY_BIT(HPACK_UNKNOWN_INDEX);
	if (head->over)
		head->anomalies |= ANOMALY_BIT(HEAD_TOO_LONG);
	out->anomalies = head->anomalies;
	out->n_headers = head->n_headers;
	out->n_set_cookies = head->n_set_cookies;
	*raw = span_make(head->text + head->start, head->n - head->start);
	return true;
}

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Looks that end early for all other requests: JSON is read key by key at its top level, and the
// first key that neither GraphQL nor JSON-RPC has ends it; heads are searched for SOAPAction only
// when the body is XML. Nothing is read beyond the beginning of the body that was captured; every
// loop ends with it. Worker.
//
//	{"operationName":"A","query":"query A($id: ID!) { … }"}   A
//	{"query":"mutation B { … }"}                              B
//	{"query":"{ me { id } }"}                                 query
//	[{"jsonrpc":"2.0","method":"c", … }, … ]                   c
//	SOAPAction: "urn:prices#D"                                D

#include "detect/operation.h"

#include "detect/delta.h"

enum {
	KEYS_MAX = 12,   // of an object
	DEPTH_MAX = 256, // of what is stepped over
};

static struct span span_from(struct span s, uint32_t from)
{
	return span_make(s.p + from, s.len - from);
}

static bool is_name(uint8_t c)
{
	return (c >= '0' && c <= '9') || (span_lower(c) >= 'a' && span_lower(c) <= 'z') || c == '_';
}

// ---- JSON

static void skip_blanks(struct span *s)
{
	while (s->len && (s->p[0] == ' ' || s->p[0] == '\t' || s->p[0] == '\r' || s->p[0] == '\n'))
		*s = span_from(*s, 1);
}

static bool take(struct span *s, uint8_t c)
{
	skip_blanks(s);
	if (!s->len || s->p[0] != c)
		return false;
	*s = span_from(*s, 1);
	return true;
}

// A string behind its first quote; *whole: its end is there.
static struct span take_string(struct span *s, bool *whole)
{
	uint32_t i = 0;

	while (i < s->len && s->p[i] != '"')
		i += s->p[i] == '\\' ? 2 : 1;
	*whole = i < s->len;
	if (i > s->len)
		i = s->len;
	struct span text = span_make(s->p, i);

	*s = span_from(*s, *whole ? i + 1 : i);
	return text;
}

// Steps over a value. False: its end is not there.
static bool skip_value(struct span *s)
{
	uint32_t depth = 0;
	bool whole = true;

	skip_blanks(s);
	// Each turn takes a byte or a string.
	while (s->len) {
		uint8_t c = s->p[0];

		if (depth == 0 && (c == ',' || c == '}' || c == ']'))
			return true;
		*s = span_from(*s, 1);
		if (c == '"')
			take_string(s, &whole);
		else if ((c == '{' || c == '[') && depth++ == DEPTH_MAX)
			return false;
		else if ((c == '}' || c == ']') && depth)
			depth--;
	}
	return false;
}

enum key {
	KEY_OTHER = 0,
	KEY_OPERATION_NAME,
	KEY_QUERY,
	KEY_JSONRPC,
	KEY_METHOD,
	KEY_NEUTRAL, // of either, says nothing
};

static enum key key_of(struct span name)
{
	static const struct {
		char name[16];
		uint8_t len, key;
	} keys[] = {
		{"operationName", 13, KEY_OPERATION_NAME},
		{"query", 5, KEY_QUERY},
		{"jsonrpc", 7, KEY_JSONRPC},
		{"method", 6, KEY_METHOD},
		{"variables", 9, KEY_NEUTRAL},
		{"extensions", 10, KEY_NEUTRAL},
		{"params", 6, KEY_NEUTRAL},
		{"id", 2, KEY_NEUTRAL},
	};

	for (uint32_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (name.len == keys[i].len && memcmp(name.p, keys[i].name, name.len) == 0)
			return keys[i].key;
	}
	return KEY_OTHER;
}

struct seen {
	struct span operation, query, method;
	bool graphql, jsonrpc; // keys that only these have
};

// One pair of the object. False: it is an object of something else, or ends here.
static bool take_pair(struct span *s, struct seen *seen)
{
	bool whole;

	if (!take(s, '"'))
		return false;
	enum key key = key_of(take_string(s, &whole));

	if (key == KEY_OTHER || !take(s, ':'))
		return false;
	skip_blanks(s);
	bool string = s->len && s->p[0] == '"';

	seen->jsonrpc |= key == KEY_JSONRPC;
	seen->graphql |= key == KEY_OPERATION_NAME;
	if (!string)
		return skip_value(s);
	*s = span_from(*s, 1);
	struct span text = take_string(s, &whole);

	if (key == KEY_QUERY) // its beginning is enough
		seen->query = text;
	else if (key == KEY_OPERATION_NAME && whole)
		seen->operation = text;
	else if (key == KEY_METHOD && whole)
		seen->method = text;
	return whole;
}

// ---- GraphQL

// Blanks, commas, comments and their escapes in a JSON string.
static void skip_ignored(struct span *s)
{
	bool comment = false;

	// Each turn takes a byte.
	for (; s->len; *s = span_from(*s, 1)) {
		uint8_t c = s->p[0];
		bool escape = c == '\\' && s->len > 1 && memchr("nrt", s->p[1], 3);
		bool ends = c == '\n' || c == '\r' || (escape && s->p[1] != 't');

		if (escape)
			*s = span_from(*s, 1);
		else if (c == '#')
			comment = true;
		else if (!comment && c != ' ' && c != '\t' && c != ',' && !ends)
			return;
		comment &= !ends;
	}
}

static struct span take_name(struct span *s)
{
	uint32_t n = 0;

	while (n < s->len && is_name(s->p[n]))
		n++;
	struct span name = span_make(s->p, n);

	*s = span_from(*s, n);
	return name;
}

// The operation of a document that begins with it; a search for "query" in words is none.
static struct span document_name(struct span document)
{
	skip_ignored(&document);
	if (!document.len)
		return document;
	if (document.p[0] == '{') {
		document = span_from(document, 1);
		skip_ignored(&document);
		return document.len && is_name(document.p[0]) ? SPAN_LIT("query")
							      : (struct span){0};
	}
	struct span kind = take_name(&document);

	if (!span_eq(kind, SPAN_LIT("query")) && !span_eq(kind, SPAN_LIT("mutation")) &&
	    !span_eq(kind, SPAN_LIT("subscription")))
		return (struct span){0};
	skip_ignored(&document);
	struct span name = take_name(&document);

	skip_ignored(&document);
	if (!document.len || !memchr("({@", document.p[0], 3))
		return (struct span){0};
	return name.len ? name : kind;
}

static struct span json_name(struct span body)
{
	struct seen seen = {0};

	if (body.len >= 3 && memcmp(body.p, "\xef\xbb\xbf", 3) == 0)
		body = span_from(body, 3);
	take(&body, '['); // a batch: its first one stands for it
	if (!take(&body, '{'))
		return (struct span){0};
	for (uint32_t i = 0; i < KEYS_MAX && take_pair(&body, &seen); i++) {
		if (!take(&body, ','))
			break;
	}
	if (seen.jsonrpc && seen.method.len)
		return seen.method;
	if (seen.graphql && seen.operation.len)
		return seen.operation;
	return document_name(seen.query);
}

// ---- SOAP

// What is behind the last of the signs that separate the parts of an action.
static struct span last_part(struct span action)
{
	uint32_t from = 0;

	while (action.len && strchr("\"/#: ", action.p[action.len - 1]))
		action.len--;
	for (uint32_t i = 0; i < action.len; i++) {
		if (action.p[i] && strchr("\"/#: ", action.p[i]))
			from = i + 1;
	}
	return span_from(action, from);
}

static struct span after(struct span s, const char *what)
{
	size_t n = strlen(what);
	const uint8_t *p = s.len >= n ? memmem(s.p, s.len, what, n) : NULL;

	return p ? span_make(p + n, (size_t)(s.p + s.len - p) - n) : (struct span){0};
}

// The first element in the body of the envelope, without its prefix.
static struct span body_element(struct span body)
{
	struct span s = after(body, ":Body");

	if (!s.len)
		s = after(body, "<Body");
	s = after(s, ">");
	skip_blanks(&s);
	if (!s.len || s.p[0] != '<')
		return (struct span){0};
	s = span_from(s, 1);
	struct span name = take_name(&s);

	if (s.len && s.p[0] == ':') {
		s = span_from(s, 1);
		name = take_name(&s);
	}
	return name;
}

static struct span soap_name(const struct http_msg *msg, struct span type)
{
	struct span name = last_part(http_header_find(msg, SPAN_LIT("soapaction")));

	if (!name.len)
		name = last_part(span_until(after(type, "action="), ';'));
	struct span body = span_make(msg->body, msg->body_kept);

	if (!name.len && after(body, "Envelope").len)
		name = body_element(body);
	return name;
}

// ---- all of them

// A query that names an operation beside its document, or a hash of it.
static struct span query_name(struct span query)
{
	struct span name = {0};
	bool graphql = false;

	while (query.len) {
		struct span pair = span_until(query, '&');
		struct span key = span_until(pair, '=');

		if (key.len < pair.len && span_eq(key, SPAN_LIT("operationName")))
			name = span_from(pair, key.len + 1);
		graphql |= span_eq(key, SPAN_LIT("query")) || span_eq(key, SPAN_LIT("extensions"));
		query = span_from(query, pair.len + (pair.len < query.len));
	}
	return graphql ? name : (struct span){0};
}

// application/json, application/json-rpc, application/graphql+json.
static bool is_json(struct span type)
{
	type = span_trim(span_until(type, ';'));
	return (type.len >= 16 && span_ieq(span_make(type.p, 16), SPAN_LIT("application/json"))) ||
	       (type.len > 5 && span_ieq(span_from(type, type.len - 5), SPAN_LIT("+json")));
}

static bool is_xml(struct span type)
{
	type = span_trim(span_until(type, ';'));
	return span_ieq(type, SPAN_LIT("text/xml")) ||
	       span_ieq(type, SPAN_LIT("application/soap+xml")) ||
	       span_ieq(type, SPAN_LIT("application/xml"));
}

struct span operation_name(const struct http_tx *tx, struct span query)
{
	const struct http_msg *msg = &tx->msg[CLIENT];
	struct span type = msg->header[HEADER_CONTENT_TYPE];
	struct span body = span_make(msg->body, msg->body_kept), name = {0};

	if (!msg->seen || tx->proto == PROTO_WS)
		return name;
	if (!msg->body_kept)
		name = query.len ? query_name(query) : name;
	else if (is_json(type))
		name = json_name(body);
	else if (is_xml(type))
		name = soap_name(msg, type);
	else if (span_ieq(span_trim(span_until(type, ';')), SPAN_LIT("application/graphql")))
		name = document_name(body);
	if (name.len > OPERATION_NAME)
		name.len = 0;
	return name;
}

uint8_t operation_api(const struct http_tx *tx)
{
	const struct http_msg *msg = &tx->msg[CLIENT];
	struct span type = msg->header[HEADER_CONTENT_TYPE];

	if (msg->body_kept && is_xml(type))
		return API_SOAP;
	if (msg->body_kept && is_json(type) &&
	    after(span_make(msg->body, msg->body_kept), "\"jsonrpc\"").len)
		return API_JSON_RPC;
	return API_GRAPHQL;
}

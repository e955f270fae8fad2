// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// See graphql.h. Worker. One pass: JSON is followed by its brackets and strings; the value of a key
// "query" of an outer object is a document, whose characters are taken one by one, escaped or not.

#include "detect/graphql.h"

struct document {
	uint32_t depth, parens;
	bool text, comment;
	struct graphql_cost *cost;
};

static void document_char(struct document *d, uint8_t c)
{
	if (d->comment) {
		d->comment = c != '\n' && c != '\r';
		return;
	}
	if (c == '"')
		d->text = !d->text; // three of them, of a block, are as one
	if (d->text)
		return;
	switch (c) {
	case '#':
		d->comment = true;
		break;
	case '(':
		d->parens++;
		break;
	case ')':
		d->parens -= d->parens > 0;
		break;
	case '{': // within parentheses it is a value
		d->depth += d->parens == 0;
		d->cost->depth = d->depth > d->cost->depth ? d->depth : d->cost->depth;
		break;
	case '}':
		d->depth -= d->parens == 0 && d->depth > 0;
		break;
	case ':': // of a field; those of arguments and variables are within parentheses
		d->cost->aliases += d->parens == 0 && d->depth > 0;
		break;
	default:
		break;
	}
}

// The document from s on, to the end of the JSON string that it is. Returns the bytes taken.
static uint32_t document(struct span s, bool json, struct graphql_cost *cost)
{
	struct document d = {.cost = cost};
	uint32_t i = 0;

	cost->operations++;
	for (; i < s.len && !(json && s.p[i] == '"'); i++) {
		uint8_t c = s.p[i];
		bool escaped = json && c == '\\' && i + 1 < s.len;

		if (escaped) {
			c = s.p[++i];
			c = c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c;
		}
		if (d.text && c == '\\') {
			// In GraphQL, too, a backslash hides what follows, itself perhaps escaped.
			i += json && i + 1 < s.len && s.p[i + 1] == '\\' ? 2 : 1;
			continue;
		}
		document_char(&d, c);
	}
	return i < s.len ? i : s.len;
}

// The bytes of a JSON string without its quotes.
static uint32_t string_len(struct span s)
{
	uint32_t i = 0;

	while (i < s.len && s.p[i] != '"')
		i += s.p[i] == '\\' ? 2 : 1;
	return i < s.len ? i : s.len;
}

struct graphql_cost graphql_cost(struct span body, bool json)
{
	struct graphql_cost cost = {0};
	uint32_t depth = 0;
	bool key = false, query = false; // query: a key "query" was read, its value comes

	if (!json) {
		document(body, false, &cost);
		return cost;
	}
	// Each turn takes a byte or a string.
	for (uint32_t i = 0; i < body.len; i++) {
		struct span rest = span_make(body.p + i + 1, body.len - i - 1);
		uint32_t n;

		switch (body.p[i]) {
		case '{':
		case '[':
			depth++;
			key = body.p[i] == '{';
			query = false;
			break;
		case '}':
		case ']':
			depth -= depth > 0;
			break;
		case ',':
			key = true;
			query = false;
			break;
		case ':':
			key = false;
			break;
		case '"':
			n = query && !key ? document(rest, true, &cost) : string_len(rest);
			// Of an object, or of one in a list: variables are further inside.
			query = key && depth <= 2 &&
				span_eq(span_make(rest.p, n), SPAN_LIT("query"));
			i += n + 1;
			break;
		default:
			break;
		}
	}
	return cost;
}

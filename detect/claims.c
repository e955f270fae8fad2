// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// See claims.h. Worker; pure functions. Each step takes at least one byte, so a text costs no more
// than its length.

#include "detect/claims.h"

// Behind the closing quote of the string whose content starts at i; 0: it does not end.
static uint32_t string_end(struct span json, uint32_t i)
{
	while (i < json.len) {
		const uint8_t *quote = memchr(json.p + i, '"', json.len - i);
		const uint8_t *escape = quote ? memchr(json.p + i, '\\', (size_t)(quote - json.p) - i)
					      : NULL;

		if (!quote)
			return 0;
		if (!escape)
			return (uint32_t)(quote - json.p) + 1;
		i = (uint32_t)(escape - json.p) + 2;
	}
	return 0;
}

static bool is_space(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void step_over(struct claims *c, bool commas)
{
	while (c->at < c->json.len &&
	       (is_space(c->json.p[c->at]) || (commas && c->json.p[c->at] == ',')))
		c->at++;
}

static bool stop(struct claims *c)
{
	c->at = c->json.len;
	c->depth = 0;
	return false;
}

static bool take_string(struct claims *c, struct span *out)
{
	uint32_t end = string_end(c->json, c->at + 1);

	if (!end)
		return false;
	*out = span_make(c->json.p + c->at + 1, end - c->at - 2);
	c->at = end;
	return true;
}

// The name before a member's value. Lists have none.
static bool take_name(struct claims *c, struct span *name)
{
	*name = (struct span){0};
	if (c->depth == 0 || (c->lists >> (c->depth - 1) & 1))
		return true;
	if (c->json.p[c->at] != '"' || !take_string(c, name))
		return false;
	step_over(c, false);
	if (c->at == c->json.len || c->json.p[c->at] != ':')
		return false;
	c->at++;
	step_over(c, false);
	return c->at < c->json.len;
}

static bool take_plain(struct claims *c, struct claim *out)
{
	uint32_t from = c->at;
	uint8_t first = c->json.p[from];

	while (c->at < c->json.len && !is_space(c->json.p[c->at]) && c->json.p[c->at] != ',' &&
	       c->json.p[c->at] != '}' && c->json.p[c->at] != ']')
		c->at++;
	if (c->at == c->json.len || c->at == from)
		return false;
	out->value = span_make(c->json.p + from, c->at - from);
	out->kind = first == '-' || (first >= '0' && first <= '9') ? CLAIM_NUMBER : CLAIM_WORD;
	return true;
}

static void path_make(const struct claims *c, struct span name, struct claim *out)
{
	out->n_path = 0;
	for (uint32_t i = 1; i < c->depth; i++) {
		if (c->name[i].p)
			out->path[out->n_path++] = c->name[i];
	}
	if (name.p)
		out->path[out->n_path++] = name;
}

bool claims_next(struct claims *c, struct claim *out)
{
	for (;;) {
		struct span name;
		uint8_t first;

		step_over(c, c->depth > 0);
		if (c->at >= c->json.len || c->complete)
			return false;
		first = c->json.p[c->at];
		if (c->depth && (first == '}' || first == ']')) {
			c->at++;
			c->depth--;
			c->complete = c->depth == 0;
			continue;
		}
		if (!take_name(c, &name))
			return stop(c);
		first = c->json.p[c->at];
		if (first == '{' || first == '[') {
			if (c->depth == CLAIM_NESTING)
				return stop(c);
			c->lists &= ~(UINT64_C(1) << c->depth);
			c->lists |= (uint64_t)(first == '[') << c->depth;
			if (c->depth <= CLAIM_DEPTH)
				c->name[c->depth] = name;
			c->depth++;
			c->at++;
			continue;
		}
		if (c->depth == 0)
			return stop(c); // a lone scalar names nothing
		out->kind = CLAIM_STRING;
		if (!(first == '"' ? take_string(c, &out->value) : take_plain(c, out)))
			return stop(c);
		if (c->depth > CLAIM_DEPTH)
			continue;
		path_make(c, name, out);
		return true;
	}
}

bool claim_is(const struct claim *claim, const char *name)
{
	struct span rest = span_make(name, strlen(name));

	for (uint32_t i = 0; i < claim->n_path; i++) {
		struct span part = claim->path[i];

		if (i) {
			if (rest.len == 0 || rest.p[0] != '.')
				return false;
			rest = span_make(rest.p + 1, rest.len - 1);
		}
		if (part.len > rest.len || !span_eq(part, span_make(rest.p, part.len)))
			return false;
		rest = span_make(rest.p + part.len, rest.len - part.len);
	}
	return claim->n_path && rest.len == 0;
}

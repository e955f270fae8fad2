// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The list of routes, and which of them an endpoint matches. Endpoints are matched once each.

#include "detect/spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// ---- The list

static char *copy(const char *text, bool *bad)
{
	char *one = text ? strdup(text) : NULL;

	*bad |= text && !one;
	return one;
}

bool specs_add(struct specs *s, const struct spec_route *route)
{
	struct spec_route *to;
	bool bad = false;

	if (s->n_routes == SPEC_ROUTES)
		return false;
	if (s->n_routes == s->routes_room) {
		uint32_t room = s->routes_room ? 2 * s->routes_room : 256;
		struct spec_route *wider = realloc(s->routes, room * sizeof(*wider));

		if (!wider)
			return false;
		s->routes = wider;
		s->routes_room = room;
	}
	to = &s->routes[s->n_routes++];
	*to = *route;
	to->method = copy(route->method, &bad);
	to->host = copy(route->host, &bad);
	to->path = copy(route->path, &bad);
	return !bad;
}

void specs_free(struct specs *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < s->n_routes; i++) {
		free(s->routes[i].method);
		free(s->routes[i].host);
		free(s->routes[i].path);
	}
	for (uint32_t i = 0; i < s->n_docs; i++) {
		free(s->docs[i].file);
		free(s->docs[i].title);
		free(s->docs[i].version);
	}
	free(s->routes);
	free(s->docs);
	free(s);
}

// ---- Matching

// "shop.example" by "*.example" or "shop.*"; a first * stands for one label or more.
static bool host_matches(const char *pattern, const char *host)
{
	if (!pattern)
		return true;
	if (pattern[0] == '*' && pattern[1] == '.') {
		size_t n = strlen(pattern + 1), len = strlen(host);

		if (!strchr(pattern + 2, '*'))
			return len > n && strcasecmp(host + len - n, pattern + 1) == 0;
	}
	for (;;) {
		size_t a = strcspn(pattern, "."), b = strcspn(host, ".");
		bool any = a == 1 && pattern[0] == '*';

		if (!any && (a != b || strncasecmp(pattern, host, a) != 0))
			return false;
		pattern += a;
		host += b;
		if (!*pattern || !*host)
			return *pattern == *host;
		pattern++;
		host++;
	}
}

static bool method_matches(const char *wanted, const char *method)
{
	// HEAD is answered wherever GET is (RFC 9110 section 9.3.2).
	return !wanted || strcasecmp(wanted, method) == 0 ||
	       (strcmp(method, "HEAD") == 0 && strcasecmp(wanted, "GET") == 0);
}

// The next segment; false: none.
static bool segment_next(const char **path, const char **segment, size_t *len)
{
	while (**path == '/')
		++*path;
	*segment = *path;
	*len = strcspn(*path, "/#");
	*path += *len;
	return *len > 0;
}

static bool has_variable(const char *segment, size_t len)
{
	return memchr(segment, '{', len) || memchr(segment, '*', len);
}

// "{id}.json" by "1207.json", or by "{id}.json" as it was seen: what is literal must be there.
static bool segment_matches(const char *pattern, size_t a, const char *seen, size_t b)
{
	const char *open = memchr(pattern, '{', a), *close = NULL;
	size_t before, behind;

	if (a == 1 && *pattern == '*')
		return true;
	for (size_t i = a; open && i > 0 && !close; i--)
		close = pattern[i - 1] == '}' ? &pattern[i - 1] : NULL;
	if (!open || !close || close < open)
		return a == b && strncmp(pattern, seen, a) == 0;
	before = (size_t)(open - pattern);
	behind = (size_t)(pattern + a - close - 1);
	return b > before + behind && strncmp(pattern, seen, before) == 0 &&
	       strncmp(close + 1, seen + b - behind, behind) == 0;
}

static bool path_matches(const struct spec_route *route, const char *template)
{
	const char *pattern = route->path, *seen = template, *p, *s;
	size_t a, b;

	for (uint32_t i = 0; i < SPEC_DEPTH; i++) {
		bool more = segment_next(&pattern, &p, &a);

		if (!segment_next(&seen, &s, &b))
			return !more;
		if (!more)
			return route->prefix;
		if (a == 2 && memcmp(p, "**", 2) == 0)
			return true;
		// The last segment of a beginning may go on; a value that it stands before is
		// not known here.
		if (route->prefix && !*pattern && !has_variable(p, a) && *s != '{')
			return b >= a && strncmp(p, s, a) == 0;
		if (!segment_matches(p, a, s, b))
			return false;
	}
	return true;
}

static uint32_t rank(const struct spec_route *route)
{
	return route->removed ? 1 : route->deprecated ? 2 : 3;
}

const struct spec_route *specs_match(const struct specs *s, const char *host, const char *method,
				     const char *template)
{
	const struct spec_route *best = NULL;

	for (uint32_t i = 0; s && i < s->n_routes; i++) {
		const struct spec_route *route = &s->routes[i];

		if ((best && rank(best) >= rank(route)) || !method_matches(route->method, method) ||
		    !host_matches(route->host, host) || !path_matches(route, template))
			continue;
		best = route;
	}
	return best;
}

bool specs_cover(const struct specs *s, const char *host)
{
	for (uint32_t i = 0; s && i < s->n_routes; i++) {
		if (host_matches(s->routes[i].host, host))
			return true;
	}
	return false;
}

// ---- Versions

// By numbers where there are some: 1.10 is newer than 1.9, v2 than v1.
static int version_compare(const char *a, const char *b)
{
	while (*a && *b) {
		if (*a >= '0' && *a <= '9' && *b >= '0' && *b <= '9') {
			char *more_a, *more_b;
			unsigned long x = strtoul(a, &more_a, 10), y = strtoul(b, &more_b, 10);

			if (x != y)
				return x < y ? -1 : 1;
			a = more_a;
			b = more_b;
		} else if (*a != *b) {
			return *a < *b ? -1 : 1;
		} else {
			a++;
			b++;
		}
	}
	return *a ? 1 : *b ? -1 : 0;
}

static void versions_judge(struct specs *s)
{
	for (uint32_t i = 0; i < s->n_docs; i++) {
		struct spec_doc *one = &s->docs[i];

		one->newest = true;
		for (uint32_t k = 0; k < s->n_docs && one->title && one->version; k++) {
			const struct spec_doc *other = &s->docs[k];

			if (other->title && other->version && !strcmp(one->title, other->title) &&
			    version_compare(one->version, other->version) < 0)
				one->newest = false;
		}
	}
	for (uint32_t i = 0; i < s->n_routes; i++)
		s->routes[i].removed = !s->docs[s->routes[i].doc].newest;
}

struct specs *specs_new(const char *const *files, size_t n, char *why, size_t why_len)
{
	struct specs *s = calloc(1, sizeof(*s));

	if (s)
		s->docs = calloc(n ? n : 1, sizeof(*s->docs));
	if (!s || !s->docs) {
		snprintf(why, why_len, "no memory for specifications");
		specs_free(s);
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		bool bad = false;

		s->docs[s->n_docs++].file = copy(files[i], &bad);
		if (bad || spec_read(s, files[i], why, why_len)) {
			if (bad)
				snprintf(why, why_len, "no memory for specifications");
			specs_free(s);
			return NULL;
		}
	}
	versions_judge(s);
	return s;
}

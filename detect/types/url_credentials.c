// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// User name and password inside a URL (RFC 3986 section 3.2.1), found by the '@' behind them.

#include "detect/check.h"
#include "detect/issue.h"

enum { BACK_MAX = 256, SCHEME_MAX = 16, PASSWORD_MIN = 3 };

static bool ends_token(uint8_t c)
{
	return c <= ' ' || c == '"' || c == '<' || c == '>' || c == '/' || c == '`' || c == '@';
}

static struct span check(const struct candidate *c)
{
	const uint8_t *at = c->at - 1, *p = at, *colon = NULL, *scheme;
	const uint8_t *stop = at - c->text.p > BACK_MAX ? at - BACK_MAX : c->text.p;
	const uint8_t *end = c->text.p + c->text.len;
	struct span password;

	for (; p > stop && !ends_token(p[-1]); p--) {
		if (p[-1] == ':')
			colon = p - 1;
	}
	// "scheme://" must stand before the name.
	if (!colon || colon == p || p - stop < 4 || p[-1] != '/' || p[-2] != '/' || p[-3] != ':')
		return (struct span){0};
	scheme = p - 3;
	scheme -= check_left(scheme - stop > SCHEME_MAX ? scheme - SCHEME_MAX : stop, scheme,
			     CLASS_ALNUM | CLASS_PLUS | CLASS_DASH | CLASS_DOT);
	password = span_make(colon + 1, (size_t)(at - colon - 1));
	if (scheme == p - 3 || password.len < PASSWORD_MIN || check_placeholder(password) ||
	    c->at == end || !(check_is(*c->at, CLASS_ALNUM) || *c->at == '['))
		return (struct span){0};
	if (check_equals(password, "pass") || check_equals(password, "pwd"))
		return (struct span){0};
	return span_make(scheme,
			 (size_t)(c->at - scheme) +
				 check_right(c->at, end, CLASS_ALNUM | CLASS_DASH | CLASS_DOT));
}

// The password alone is hidden.
static uint32_t mask(struct span value, uint8_t *out, uint32_t out_len)
{
	uint32_t n = value.len < out_len ? value.len : out_len, colons = 0, last = 0;

	for (uint32_t i = 0; i < value.len; i++) {
		if (value.p[i] == '@')
			last = i;
	}
	for (uint32_t i = 0; i < n; i++) {
		out[i] = colons >= 2 && i < last ? '*' : value.p[i];
		colons += value.p[i] == ':';
	}
	return n;
}

static const char *const context[] = {"url", "dsn", "connection", "connection string", "uri", NULL};

static const struct type_sample samples[] = {
	{NULL, "postgres://mara:s7K2qVx9@db.example.org:5432/shop", true},
	{"dsn", "amqp+ssl://worker:hunter22@[2001:db8::1]/", true},
	{NULL, "https://mara@www.example.org/", false},
	{NULL, "https://www.example.org:8443/@mara", false},
	{NULL, "postgres://user:password@localhost/db", false},
	{NULL, "mysql://root:${DB_PASSWORD}@db/shop", false},
	{NULL, "mara:s7K2qVx9@db.example.org", false},
	{0},
};

static const struct datatype url_credentials = {
	.id = "url.credentials",
	.title = "Credentials in a URL",
	.group = GROUP_SECRET,
	.country = "any",
	.reports = REPORTS_YES,
	.severity = SEVERITY_HIGH,
	.personal = false,
	.context = context,
	.pattern = "@",
	.check = check,
	.mask = mask,
	.samples = samples,
};
DATATYPE_REGISTER(url_credentials)

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Basic credentials (RFC 7617): base64 of a name, a colon and a password, all printable.

#include "detect/check.h"
#include "detect/issue.h"

enum { CREDENTIALS_MAX = 256, ENCODED_MIN = 8 };

static struct span check(const struct candidate *c)
{
	const uint8_t *end = c->text.p + c->text.len;
	uint32_t n = check_right(c->at, end, CLASS_BASE64), len, colon = 0;
	uint8_t plain[CREDENTIALS_MAX];

	if (c->at - c->text.p > 6 && check_is(c->at[-7], CLASS_WORD))
		return (struct span){0};
	while (n && c->at + n < end && c->at[n] == '=')
		n++;
	if (n < ENCODED_MIN)
		return (struct span){0};
	len = check_base64(span_make(c->at, n), plain, sizeof(plain));
	for (uint32_t i = 0; i < len; i++) {
		if (plain[i] < 0x20 || plain[i] == 0x7f)
			return (struct span){0};
		if (plain[i] == ':' && !colon)
			colon = i;
	}
	if (colon == 0 || colon + 1 >= len ||
	    check_placeholder(span_make(plain + colon + 1, len - colon - 1)))
		return (struct span){0};
	return span_make(c->at, n);
}

static const char *const context[] = {"authorization", "basic auth", "credentials", NULL};

static const struct type_sample samples[] = {
	{NULL, "Authorization: Basic bWFyYTpzN0sycVZ4OQ==", true},
	{"authorization", "Basic bWFyYTpzN0sycVZ4OQ==", true},
	{NULL, "Basic understanding of it", false},
	{NULL, "Basic bWFyYXM3SzJxVng5", false},
	{NULL, "Basic bWFyYToqKioqKio=", false},
	{0},
};

static const struct datatype basic_auth = {
	.id = "basic.auth",
	.title = "Basic authentication credentials",
	.group = GROUP_SECRET,
	.country = "any",
	.reports = REPORTS_YES,
	.severity = SEVERITY_HIGH,
	.personal = true,
	.context = context,
	.pattern = "Basic ",
	.check = check,
	.samples = samples,
};
DATATYPE_REGISTER(basic_auth)

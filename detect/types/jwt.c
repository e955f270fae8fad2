// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// JSON web tokens (RFC 7519): base64url of a header that names an algorithm, of the claims, and a
// signature. A text may end inside of the claims: the beginning of a token is worth as much.

#include "detect/check.h"
#include "detect/issue.h"

enum { PART_MIN = 10, HEADER_MAX = 1024 };

static struct span check(const struct candidate *c)
{
	const uint8_t *p = c->at - 4, *end = c->text.p + c->text.len, *q;
	uint8_t header[HEADER_MAX];
	uint32_t n, len;

	if (p > c->text.p && (check_is(p[-1], CLASS_URL64) || p[-1] == '.'))
		return (struct span){0};
	n = check_right(p, end, CLASS_URL64);
	q = p + n;
	if (n < PART_MIN || q == end || *q != '.')
		return (struct span){0};
	len = check_base64(span_make(p, n < HEADER_MAX ? n : HEADER_MAX), header, sizeof(header));
	if (len == 0 || header[0] != '{' || !check_holds(span_make(header, len), "\"alg\""))
		return (struct span){0};
	q++;
	n = check_right(q, end, CLASS_URL64);
	if (n < PART_MIN)
		return (struct span){0};
	q += n;
	if (q == end)
		return span_make(p, (size_t)(q - p));
	if (*q != '.')
		return (struct span){0};
	q++;
	q += check_right(q, end, CLASS_URL64);
	return span_make(p, (size_t)(q - p));
}

static const char *const context[] = {"jwt", "token", "authorization", "bearer", "id token", NULL};

static const struct type_sample samples[] = {
	{NULL, "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0ODI3In0.c2lnbmF0dXJl", true},
	{"token", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiI0ODI3In0.", true},
	{NULL, "eyJmb28iOiJiYXIifQ.eyJzdWIiOiI0ODI3In0.c2lnbmF0dXJl", false},
	{NULL, "eyJhbGciOiJIUzI1NiJ9", false},
	{NULL, "eyJmb28iOiJiYXIiLCJiYXoiOjF9", false},
	{NULL, "xeyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0ODI3In0.c2lnbmF0dXJl", false},
	{0},
};

static const struct datatype jwt = {
	.id = "jwt",
	.title = "JSON web token",
	.group = GROUP_SECRET,
	.country = "any",
	.reports = REPORTS_YES,
	.severity = SEVERITY_HIGH,
	.personal = true,
	.context = context,
	// '{"' and the first letter of a header field: alg, typ, kid, enc, cty …
	.pattern = "eyJ[0hrljq46wpuz2iv]",
	.check = check,
	.samples = samples,
};
DATATYPE_REGISTER(jwt)

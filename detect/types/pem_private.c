// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Private keys in PEM (RFC 7468, and the older labels): the label is enough, with some of the key
// behind it.

#include "detect/check.h"
#include "detect/issue.h"

enum { LABEL_MAX = 48, BODY_MIN = 16, BODY_LOOK = 96 };

static struct span check(const struct candidate *c)
{
	const uint8_t *end = c->text.p + c->text.len, *p = c->at, *q = c->at, *stop;
	uint32_t body = 0, label = sizeof("-----BEGIN ") - 1;

	// Back to the dashes: "-----BEGIN RSA PRIVATE KEY"
	while (p > c->text.p && c->at - p < LABEL_MAX &&
	       (check_is(p[-1], CLASS_UPPER | CLASS_DIGIT) || p[-1] == ' ' || p[-1] == '-'))
		p--;
	while (c->at - p > (ptrdiff_t)label && memcmp(p, "-----BEGIN ", label) != 0)
		p++;
	if (c->at - p <= (ptrdiff_t)label)
		return (struct span){0};
	if (end - q >= 6 && memcmp(q, " BLOCK", 6) == 0)
		q += 6;
	if (end - q < 5 || memcmp(q, "-----", 5) != 0)
		return (struct span){0};
	q += 5;
	// The base64 begins after a line end, which may be written as an escape.
	stop = end - q > BODY_LOOK ? q + BODY_LOOK : end;
	for (const uint8_t *b = q; b < stop && *b != '-'; b++)
		body += check_is(*b, CLASS_BASE64);
	return body >= BODY_MIN ? span_make(p, (size_t)(q - p)) : (struct span){0};
}

static const char *const context[] = {"private key", "pem", NULL};

static const struct type_sample samples[] = {
	{NULL,
	 "-----BEGIN PRIVATE "
	 "KEY-----\nMIIEvSample0QIBADANBgkqhkiG9w0BAQ",
	 true},
	{"pem",
	 "-----BEGIN RSA PRIVATE "
	 "KEY-----\\nMIIEpSample0IBAAKCAQEA7d1",
	 true},
	{NULL, "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOC", false},
	{NULL,
	 "-----BEGIN PRIVATE "
	 "KEY-----\nsecret",
	 false},
	{NULL, "paste your PRIVATE KEY-----here, it is long enough to be one", false},
	{0},
};

static uint32_t mask(struct span value, uint8_t *out, uint32_t out_len)
{
	// The label is no secret.
	uint32_t n = value.len < out_len ? value.len : out_len;

	memcpy(out, value.p, n);
	return n;
}

static const struct datatype pem_private = {
	.id = "pem.private",
	.title = "Private key",
	.group = GROUP_SECRET,
	.country = "any",
	.reports = REPORTS_YES,
	.severity = SEVERITY_CRITICAL,
	.personal = false,
	.context = context,
	.pattern = "PRIVATE KEY",
	.check = check,
	.mask = mask,
	.samples = samples,
};
DATATYPE_REGISTER(pem_private)

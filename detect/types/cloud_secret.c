// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Credentials of clouds that have no prefix: Azure client secrets (three characters, a digit, "Q~",
// 31 to 34 more), Azure shared access signatures (a version, rights, and a base64 HMAC-SHA256 in
// "sig"), and Google service account files, whose mark is the id of the private key beside it.

#include "detect/check.h"
#include "detect/issue.h"

enum {
	AZURE_HEAD = 3,
	AZURE_TAIL_MIN = 31,
	AZURE_TAIL_MAX = 34,
	SIG_MIN = 43,
	SIG_MAX = 80,
	SAS_LOOK = 160,
	KEY_ID = 40,
};

static bool azure_byte(uint8_t c)
{
	return check_is(c, CLASS_WORD | CLASS_DOT | CLASS_DASH) || c == '~';
}

static struct span check_azure(const struct candidate *c)
{
	const uint8_t *end = c->text.p + c->text.len, *p = c->at - 3;
	uint32_t n = 0;
	struct span v;

	if (p - c->text.p < AZURE_HEAD)
		return (struct span){0};
	p -= AZURE_HEAD;
	for (uint32_t i = 0; i < AZURE_HEAD; i++) {
		if (!azure_byte(p[i]) || p[i] == '-')
			return (struct span){0};
	}
	if (p > c->text.p && azure_byte(p[-1]))
		return (struct span){0};
	while (c->at + n < end && n <= AZURE_TAIL_MAX && azure_byte(c->at[n]))
		n++;
	// The point of a sentence.
	if (n > AZURE_TAIL_MIN && c->at[n - 1] == '.')
		n--;
	if (n < AZURE_TAIL_MIN || n > AZURE_TAIL_MAX)
		return (struct span){0};
	v = span_make(p, (size_t)(c->at - p) + n);
	return check_entropy(v) >= ENTROPY(3) && !check_holds(v, "xxxx") ? v : (struct span){0};
}

// Base64 of 32 bytes, as it stands or percent-encoded.
static struct span check_sas(const struct candidate *c)
{
	const uint8_t *end = c->text.p + c->text.len, *p = c->at, *from, *to;
	uint32_t n = 0;
	struct span around;

	while (p + n < end && n < SIG_MAX && (check_is(p[n], CLASS_BASE64) || p[n] == '%'))
		n++;
	if (n < SIG_MIN || check_entropy(span_make(p, n)) < ENTROPY(4))
		return (struct span){0};
	// The version of the service says what the signature is of, before it or behind.
	from = p - c->text.p > SAS_LOOK ? p - SAS_LOOK : c->text.p;
	to = end - (p + n) > SAS_LOOK ? p + n + SAS_LOOK : end;
	around = span_make(from, (size_t)(to - from));
	return check_holds(around, "sv=20") ? span_make(p, n) : (struct span){0};
}

static struct span check_gcp(const struct candidate *c)
{
	const uint8_t *end = c->text.p + c->text.len, *p = c->at;
	struct span v = span_trim(c->text);

	if (p != c->text.p) { // "private_key_id": "…" in a text
		while (p < end && p - c->at < 8 && (check_is(*p, 0) || strchr("\"\\': =", *p)) &&
		       *p)
			p++;
		v = span_make(p, check_right(p, end, CLASS_HEX));
	}
	return v.len == KEY_ID && check_all(v.p, v.len, CLASS_DIGIT | CLASS_LOWER) &&
			       check_all(v.p, v.len, CLASS_HEX) && check_entropy(v) >= ENTROPY(3)
		       ? v
		       : (struct span){0};
}

#define T20 "q7T4zK2wMx5RvB3nLd8Y"
#define H40 "3f7a1c9e2b8d4f60a5c7e9b1d3f5a7c93f7a1c9e"

static const char *const azure_context[] = {"client secret", "azure", NULL};
static const struct type_sample azure_samples[] = {
	{NULL, "q7T8Q~" T20 "p0Hs6Gf1Jc9.a", true},
	{"client_secret", "secret=.Zx7Q~" T20 "p0Hs_Gf~Jc9-aE;", true},
	{NULL, "q7T8Q~" T20, false},
	{NULL, "q7T8Q~xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", false},
	{NULL, "xq7T8Q~" T20 "p0Hs6Gf1Jc9.a", false},
	{0},
};
static const struct datatype azure_secret = {
	.id = "azure.secret",
	.title = "Azure client secret",
	.group = GROUP_SECRET,
	.country = "any",
	.reports = REPORTS_YES,
	.severity = SEVERITY_CRITICAL,
	.personal = false,
	.context = azure_context,
	.pattern = "[0-9]Q~",
	.check = check_azure,
	.samples = azure_samples,
};
DATATYPE_REGISTER(azure_secret)

static const char *const sas_context[] = {"sas", "sas token", "sas url", NULL};
static const struct type_sample sas_samples[] = {
	{NULL, "?sv=2023-01-03&ss=b&srt=sco&sp=rl&se=2023-07-01&sig=" T20 T20 "p0H%3D", true},
	{"url", "https://q.blob.core.windows.net/a?sp=r&sig=" T20 T20 "p0H=&sv=2022-11-02&sr=b",
	 true},
	{NULL, "?sv=2023-01-03&ss=b&sig=short", false},
	{NULL, "?user=1&sig=" T20 T20 "p0H%3D", false},
	{0},
};
static const struct datatype azure_sas = {
	.id = "azure.sas",
	.title = "Azure shared access signature",
	.group = GROUP_SECRET,
	.country = "any",
	.reports = REPORTS_YES,
	.severity = SEVERITY_HIGH,
	.personal = false,
	.context = sas_context,
	.pattern = "[?&6;]sig=",
	.check = check_sas,
	.samples = sas_samples,
};
DATATYPE_REGISTER(azure_sas)

static const char *const gcp_context[] = {"private key id", NULL};
static const struct type_sample gcp_samples[] = {
	{"private_key_id", H40, true},
	{NULL, "\"private_key_id\": \"" H40 "\", \"private_key\": ", true},
	{NULL, H40, false},
	{"private_key_id", "0000000000000000000000000000000000000000", false},
	{"key_id", H40, false},
	{0},
};
static const struct datatype gcp_sa = {
	.id = "gcp.sa",
	.title = "Google service account file",
	.group = GROUP_SECRET,
	.country = "any",
	.reports = REPORTS_YES,
	.severity = SEVERITY_CRITICAL,
	.personal = false,
	.context = gcp_context,
	.pattern = "private_key_id",
	.key_only = true,
	.check = check_gcp,
	.samples = gcp_samples,
};
DATATYPE_REGISTER(gcp_sa)

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Amazon Web Services: access key ids (prefix for the kind, sixteen characters), and secret access
// keys: forty characters of base64 that only the field's name tells from a hash.

#include "detect/check.h"
#include "detect/issue.h"

enum { ID_TAIL = 16, SECRET = 40 };

static struct span check_access(const struct candidate *c)
{
	struct span v = check_token(c, 4, CLASS_UPPER | CLASS_DIGIT, ID_TAIL, ID_TAIL);
	const uint8_t *q = v.p + v.len;

	if (v.len == 0 || (q < c->text.p + c->text.len && check_is(*q, CLASS_WORD)))
		return (struct span){0};
	// Documentation ends its keys with EXAMPLE; a word of capitals has no digits.
	if (check_entropy(v) < ENTROPY(3) || check_holds(v, "example") ||
	    check_all(v.p, v.len, CLASS_UPPER))
		return (struct span){0};
	return v;
}

static struct span check_secret(const struct candidate *c)
{
	struct span v = span_trim(c->text);

	if (v.len != SECRET || !check_all(v.p, v.len, CLASS_BASE64) ||
	    check_all(v.p, v.len, CLASS_HEX) || check_entropy(v) < ENTROPY(4) ||
	    check_holds(v, "example"))
		return (struct span){0};
	return v;
}

static const char *const access_context[] = {"aws", "access key", "access key id", NULL};

static const struct type_sample access_samples[] = {
	{NULL,
	 "AK"
	 "IAQ7T4ZK2WMX5RVB3N",
	 true},
	{"key_id",
	 "id=AS"
	 "IAQ7T4ZK2WMX5RVB3N;",
	 true},
	{NULL,
	 "AK"
	 "IAQ7T4ZK2WEXAMPLE3N",
	 false},
	{NULL,
	 "AK"
	 "IAQ7T4ZK2WMX5RVB3NT",
	 false},
	{NULL,
	 "XAK"
	 "IAQ7T4ZK2WMX5RVB3N",
	 false},
	{NULL,
	 "AK"
	 "IAAAAAAAAAAAAAAAAA",
	 false},
	{0},
};

static const struct datatype aws_access = {
	.id = "aws.access",
	.title = "AWS access key id",
	.group = GROUP_SECRET,
	.country = "any",
	.reports = REPORTS_YES,
	.severity = SEVERITY_HIGH,
	.personal = false,
	.context = access_context,
	.pattern = "AKIA|ASIA|ABIA|ACCA",
	.check = check_access,
	.samples = access_samples,
};
DATATYPE_REGISTER(aws_access)

static const char *const secret_context[] = {"aws secret",     "secret access key",
					     "aws secret key", "aws secret access key",
					     "secret key",     NULL};

static const struct type_sample secret_samples[] = {
	{"aws_secret_access_key", "q7T4zK2wMx5RvB3nLd8Yp0Hs6Gf1Jc9Ua/Ee+iOt", true},
	{NULL, "q7T4zK2wMx5RvB3nLd8Yp0Hs6Gf1Jc9Ua/Ee+iOt", false},
	{"aws_secret_access_key", "3f7a1c9e2b8d4f60a5c7e9b1d3f5a7c93f7a1c9e", false},
	{"aws_secret_access_key", "short", false},
	{0},
};

static const struct datatype aws_secret = {
	.id = "aws.secret",
	.title = "AWS secret access key",
	.group = GROUP_SECRET,
	.country = "any",
	.reports = REPORTS_CTX,
	.severity = SEVERITY_CRITICAL,
	.personal = false,
	.context = secret_context,
	.key_only = true,
	.check = check_secret,
	.samples = secret_samples,
};
DATATYPE_REGISTER(aws_secret)

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Card verification values: three or four digits that only the field's name tells apart from any
// other number. They must not be stored at all after authorization (PCI DSS requirement 3.3.1).

#include "detect/check.h"
#include "detect/issue.h"

static struct span check(const struct candidate *c)
{
	struct span v = span_trim(c->text);

	if (v.len < 3 || v.len > 4 || !check_all(v.p, v.len, CLASS_DIGIT))
		return (struct span){0};
	return v;
}

static uint32_t mask(struct span value, uint8_t *out, uint32_t out_len)
{
	uint32_t n = value.len < out_len ? value.len : out_len;

	memset(out, '*', n);
	return n;
}

static const char *const context[] = {
	"cvv",
	"cvv2",
	"cvc",
	"cvc2",
	"csc",
	"cav2",
	"security code",
	"card code",
	"card verification",
	"セキュリティコード",
	NULL,
};

static const struct type_sample samples[] = {
	{"cvv", "482", true},    {"cardSecurityCode", "4827", true},
	{"cvc2", " 731 ", true}, {NULL, "482", false},
	{"cvv", "***", false},   {"cvv", "48273", false},
	{"cvv", "ok", false},    {0},
};

static const struct datatype card_cvv = {
	.id = "card.cvv",
	.title = "Card verification value",
	.group = GROUP_FINANCIAL,
	.country = "any",
	.tags = TAG_PCI_DSS | TAG_GDPR | TAG_APPI,
	.reports = REPORTS_CTX,
	.severity = SEVERITY_CRITICAL,
	.personal = true,
	.context = context,
	.key_only = true,
	.check = check,
	.mask = mask,
	.samples = samples,
};
DATATYPE_REGISTER(card_cvv)

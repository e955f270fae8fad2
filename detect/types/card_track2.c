// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Track 2 of a magnetic stripe (ISO/IEC 7813): card number, '=' (or 'D' as terminals print it),
// expiry as year and month, service code, discretionary data.

#include "detect/card.h"
#include "detect/check.h"
#include "detect/issue.h"

enum { DATA_MAX = 20, REST_MIN = 7 };

static struct span check(const struct candidate *c)
{
	const uint8_t *p = c->at, *end = c->text.p + c->text.len, *q;
	uint32_t pan = check_right(p, end, CLASS_DIGIT), rest;
	uint64_t month;

	q = p + pan;
	if (q == end || (*q != '=' && *q != 'D') || pan > 19 || !card_valid(p, pan))
		return (struct span){0};
	q++;
	rest = check_right(q, end, CLASS_DIGIT);
	if (rest < REST_MIN || rest > DATA_MAX)
		return (struct span){0};
	month = check_number(q + 2, 2);
	if (month < 1 || month > 12 || (q + rest < end && check_is(q[rest], CLASS_ALPHA)))
		return (struct span){0};
	return span_make(p, pan + 1 + rest);
}

static const char *const context[] = {"track", "track2", "magstripe", NULL};

static const struct type_sample samples[] = {
	{NULL, ";4641526776645559=27121010000048300000?", true},
	{"track2", "4641526776645559D27121010000048300000", true},
	{NULL, ";4641526776645559=27131010000048300000?", false},
	{NULL, "4641526776645558=27121010000048300000", false},
	{NULL, "id=4641526776645559", false},
	{0},
};

static const struct datatype card_track2 = {
	.id = "card.track2",
	.title = "Magnetic stripe data of a card",
	.group = GROUP_FINANCIAL,
	.country = "any",
	.tags = TAG_PCI_DSS | TAG_GDPR | TAG_APPI,
	.reports = REPORTS_YES,
	.severity = SEVERITY_CRITICAL,
	.personal = true,
	.context = context,
	.run_digits = RUN_LEN(13) | RUN_LEN(14) | RUN_LEN(15) | RUN_LEN(16) | RUN_LEN(19),
	.run_mixed = RUN_LEN(35) | RUN_LEN(36) | RUN_LEN(37),
	.digits_near = 20,
	.check = check,
	.samples = samples,
};
DATATYPE_REGISTER(card_track2)

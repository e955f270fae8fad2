// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Payment card numbers: a check digit (ISO/IEC 7812-1) and an issued range. Without a name that
// says "card", only the ranges of the large networks count, because one number in ten has a right
// check digit; and what is a time stamp or a part of something longer never does.

#include "detect/card.h"
#include "detect/check.h"
#include "detect/issue.h"

enum { GROUP_MIN = 3, GROUP_MAX = 7, PAN_MAX = 19, SAID_BACK = 24, LIST_LOOK = 8 };

static bool valid(const uint8_t *d, uint32_t n, bool ctx)
{
	if (check_uniform(d, n))
		return false;
	return ctx ? card_valid(d, n) : card_valid_narrow(d, n);
}

// "20230615123456789", microseconds since 1970 and the like.
static bool is_stamp(const uint8_t *d, uint32_t n)
{
	if (n < 14 || (memcmp(d, "20", 2) != 0 && memcmp(d, "19", 2) != 0))
		return false;
	return check_date((uint32_t)check_number(d, 4), (uint32_t)check_number(d + 4, 2),
			  (uint32_t)check_number(d + 6, 2)) &&
	       check_number(d + 8, 2) < 24;
}

// "your credit card 587428561654": said close before it.
static bool said(const struct candidate *c)
{
	uint32_t back = (uint32_t)(c->at - c->text.p) < SAID_BACK ? (uint32_t)(c->at - c->text.p)
								  : SAID_BACK;
	struct span before = span_make(c->at - back, back);

	return check_holds(before, "card") || check_holds(before, "カード");
}

// Without a name: numbers of 17 digits and more are what 64-bit identities have, and one behind
// "482:" is the second half of something.
static bool alone(const struct candidate *c, uint32_t n)
{
	return n < 17 &&
	       !(c->at - c->text.p > 1 && c->at[-1] == ':' && check_is(c->at[-2], CLASS_DIGIT));
}

// Numbers of one length in a list are of one kind: where another one is no card, a list of ids has
// met a right check digit.
static bool listed(const struct candidate *c)
{
	const uint8_t *start = c->text.p, *end = start + c->text.len, *p = c->at;
	uint32_t n = c->runs[0].len, len;

	for (uint32_t i = 0; i < LIST_LOOK && p - start > 1 && (p[-1] == ',' || p[-1] == ';');
	     i++) {
		len = check_left(start, p - 1, CLASS_DIGIT);
		p -= 1 + len;
		if (len == n && !valid(p, n, true))
			return false;
	}
	p = c->at + n;
	for (uint32_t i = 0; i < LIST_LOOK && end - p > 1 && (*p == ',' || *p == ';'); i++) {
		len = check_right(p + 1, end, CLASS_DIGIT);
		if (len == n && !valid(p + 1, n, true))
			return false;
		p += 1 + len;
	}
	return true;
}

// Groups as they stand on cards: 4-4-4-4(-3), 4-6-5, 4-6-4. With a name that says so, any.
static bool grouped(const struct run *r, uint32_t n_runs, bool ctx)
{
	if (ctx)
		return true;
	if (r[0].len != 4)
		return false;
	if (n_runs == 3)
		return r[1].len == 6 && (r[2].len == 5 || r[2].len == 4);
	if (n_runs < 4 || n_runs > 5 || r[1].len != 4 || r[2].len != 4)
		return false;
	return n_runs == 4 ? r[3].len == 4 || r[3].len == 3 : r[3].len == 4 && r[4].len == 3;
}

static struct span check(const struct candidate *c)
{
	const struct run *r = c->runs;
	uint8_t d[PAN_MAX];
	uint32_t n = 0;

	if (r[0].len >= 12) {
		struct span v = span_make(r[0].p, r[0].len);

		if (r[0].len > PAN_MAX || is_stamp(r[0].p, r[0].len) ||
		    !valid(r[0].p, r[0].len, true) || !check_alone(c->text, v))
			return (struct span){0};
		return c->ctx || said(c) ||
				       (valid(r[0].p, r[0].len, false) && alone(c, r[0].len) &&
					listed(c))
			       ? v
			       : (struct span){0};
	}
	for (uint32_t k = 0; k < c->n_runs; k++) {
		struct span v;

		if (r[k].digits != r[k].len || r[k].len < GROUP_MIN || r[k].len > GROUP_MAX ||
		    r[k].len > PAN_MAX - n)
			break;
		memcpy(d + n, r[k].p, r[k].len);
		n += r[k].len;
		v = span_make(r[0].p, (size_t)(r[k].p - r[0].p) + r[k].len);
		if (k > 0 && n >= 12 && valid(d, n, c->ctx) && grouped(r, k + 1, c->ctx) &&
		    check_alone(c->text, v))
			return v;
		if (!r[k].joined || r[k].after != r[0].after ||
		    (r[k].after != ' ' && r[k].after != '-'))
			break;
	}
	return (struct span){0};
}

static const char *const context[] = {
	"card",        "credit",     "debit",
	"pan",         "cc",         "ccnum",
	"creditcard",  "cardnumber", "primary account number",
	"kreditkarte", "tarjeta",    "カード",
	"卡号",        NULL,
};

static const struct type_sample samples[] = {
	{NULL, "4641526776645559", true},
	{NULL, "paid with 5482 2092 5523 2905 today", true},
	{NULL, "3710-476506-81994", true},
	{NULL, "30145211327561", true},
	{"pan", "2231-8646-4688-9853", true},
	{"card", "6763 5210 5120 3320", true},
	{"cardNumber", "4091366019938", true},
	{NULL, "4641526776645558", false},
	{NULL, "points won on credit card 587428561654", true},
	{NULL, "points won on order 587428561654", false},
	{NULL, "4858764494611187434", false},
	{"cardNumber", "4858764494611187434", true},
	{NULL, "1034:4641526776645559", false},
	{NULL, "4641526776645321;4641526776645559;12", false},
	{NULL, "7;4641526776645559,4641526776645321", false},
	{NULL, "4641526776645321;4641526776645559;12;4641526776645559;12", false},
	{NULL, "4641526776645559;5482209255232905", true},
	{"cards", "4641526776645559;4641526776645321", true},
	{NULL, "1781234567890", false},
	{NULL, "20230615123456", false},
	{NULL, "2023061512345678", false},
	{NULL, "464152-6776645559", false},
	{NULL, "4641 5267-7664 5559", false},
	{NULL, "0.4641526776645559", false},
	{NULL, "464152677-4641526776645559", false},
	{NULL, "9f4c2e18-4641-4267-8664-464152677664", false},
	{"card", "************5559", false},
	{0},
};

static const struct datatype card_pan = {
	.id = "card.pan",
	.title = "Payment card number",
	.group = GROUP_FINANCIAL,
	.country = "any",
	.tags = TAG_PCI_DSS | TAG_GDPR | TAG_APPI,
	.reports = REPORTS_YES,
	.severity = SEVERITY_CRITICAL,
	.personal = true,
	.context = context,
	.run_digits = RUN_LEN(4) | RUN_LEN(12) | RUN_LEN(13) | RUN_LEN(14) | RUN_LEN(15) |
		      RUN_LEN(16) | RUN_LEN(17) | RUN_LEN(18) | RUN_LEN(19),
	.digits_near = 12,
	.run_first = "123456789",
	.run_after = " -",
	.check = check,
	.samples = samples,
};
DATATYPE_REGISTER(card_pan)

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Telephone numbers of the North American Numbering Plan without '+': area code and exchange
// start with 2 to 9, the exchange is no N11 service code (ATIS-0300051). Ten digits in a row are
// a number only where the field's name says so.

#include "detect/check.h"
#include "detect/issue.h"

static bool valid(const uint8_t *d, bool ctx)
{
	if (d[0] < '2' || d[3] < '2')
		return false;
	// N9X area codes are kept for a longer plan; 37X and 96X are not assigned.
	if (!ctx && (d[1] == '9' || memcmp(d, "37", 2) == 0 || memcmp(d, "96", 2) == 0))
		return false;
	return !(d[1] == '1' && d[2] == '1') && !(d[4] == '1' && d[5] == '1') &&
	       !check_uniform(d + 3, 7);
}

// A country code before the number belongs to it: "1-", "001-", "+1 ".
static const uint8_t *start(const struct candidate *c, const uint8_t *p)
{
	const uint8_t *q = p;

	if (q > c->text.p && q[-1] == '(')
		p = --q;
	if (q > c->text.p && (q[-1] == '-' || q[-1] == ' ' || q[-1] == '.'))
		q--;
	if (q > c->text.p && q[-1] == '1') {
		q--;
		while (q > c->text.p && q[-1] == '0')
			q--;
		if (q > c->text.p && q[-1] == '+')
			q--;
		if (q == c->text.p || !check_is(q[-1], CLASS_ALNUM))
			return q;
	}
	return p;
}

static struct span check(const struct candidate *c)
{
	const struct run *r = c->runs;
	const uint8_t *p = start(c, r->p), *end = c->text.p + c->text.len, *q;
	bool bracket = r->before == '(';
	struct span v;
	struct form f;
	uint8_t d[10];

	if (r->len >= 10) {
		if (!check_forms(c, "10 11", "", &f) || (f.n == 11 && f.text[0] != '1') ||
		    !valid(f.text + f.n - 10, true))
			return (struct span){0};
		return f.value;
	}
	if (c->n_runs < 3 || r[1].len != 3 || r[2].len < 4 || r[1].digits != 3)
		return (struct span){0};
	q = r[2].p + 4;
	if (!check_all(r[2].p, 4, CLASS_DIGIT) || (r[2].len > 4 && (*q | 0x20) != 'x')) // extension
		return (struct span){0};
	if (r[1].after == 0 || !strchr("-. ", r[1].after) || !r[1].joined)
		return (struct span){0};
	if (bracket) {
		if (r->after != ')' || r[1].p - r->p > 5)
			return (struct span){0};
	} else if (!r->joined || r->after != r[1].after) {
		return (struct span){0};
	}
	memcpy(d, r->p, 3);
	memcpy(d + 3, r[1].p, 3);
	memcpy(d + 6, r[2].p, 4);
	v = span_make(p, (size_t)(q - p));
	if (!valid(d, c->ctx) || !check_alone(c->text, v))
		return (struct span){0};
	// "(212) 736-5000" in a row of groups is something else.
	return q < end && r[2].len == 4 && *q == r[1].after && end - q > 1 &&
			       check_is(q[1], CLASS_DIGIT)
		       ? (struct span){0}
		       : v;
}

static const char *const context[] = {
	"phone", "telephone", "tel",  "mobile", "cell",           "cellphone",
	"fax",   "msisdn",    "call", "sms",    "contact number", NULL,
};

static const struct type_sample samples[] = {
	{NULL, "(212) 736-5000", true},
	{NULL, "phone 212-736-5000 or", true},
	{NULL, "1-212-736-5000", true},
	{NULL, "212.736.5000x12", true},
	{"phone", "2127365000", true},
	{"mobile", "(798) 736-5000", true},
	{NULL, "2127365000", false},
	{NULL, "112-736-5000", false},
	{NULL, "212-911-5000", false},
	{NULL, "212-736.5000", false},
	{NULL, "401-123-4567-8901", false},
	{"phone", "1700000000", false},
	{0},
};

static const struct datatype phone_us = {
	.id = "phone.us",
	.title = "North American telephone number",
	.group = GROUP_CONTACT,
	.country = "US",
	.tags = TAG_HIPAA,
	.reports = REPORTS_YES,
	.severity = SEVERITY_MEDIUM,
	.personal = true,
	.context = context,
	.run_digits = RUN_LEN(3),
	.run_ctx = RUN_LEN(10) | RUN_LEN(11),
	.digits_near = 10,
	.run_after = "-. )",
	.check = check,
	.samples = samples,
};
DATATYPE_REGISTER(phone_us)

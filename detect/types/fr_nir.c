// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// French social security numbers (NIR; INSEE): sex, year, month, department, commune, order, and a
// key of 97 minus the number modulo 97. Corsica's 2A and 2B count as 19 and 18.

#include "detect/check.h"
#include "detect/issue.h"

enum { DIGITS = 15, KEY = 13 };

static struct span check(const struct candidate *c)
{
	uint8_t t[DIGITS];
	uint32_t n = 0, k = 0, month;
	struct span v;

	// Grouped in many ways, always with blanks.
	for (; k < c->n_runs; k++) {
		const struct run *r = &c->runs[k];

		if (r->len > DIGITS - n)
			return (struct span){0};
		for (uint32_t i = 0; i < r->len; i++)
			t[n++] = r->p[i] & (r->p[i] >= 'a' ? 0xdf : 0xff);
		if (n == DIGITS)
			break;
		if (!r->joined || r->after != ' ')
			return (struct span){0};
	}
	if (n != DIGITS || (t[0] != '1' && t[0] != '2'))
		return (struct span){0};
	v = span_make(c->runs[0].p, (size_t)(c->runs[k].p - c->runs[0].p) + c->runs[k].len);
	if (t[6] == 'A' || t[6] == 'B') {
		if (t[5] != '2')
			return (struct span){0};
		t[5] = '1';
		t[6] = t[6] == 'A' ? '9' : '8';
	}
	if (!check_all(t, DIGITS, CLASS_DIGIT) || memcmp(t + 7, "000", 3) == 0 ||
	    memcmp(t + 10, "000", 3) == 0)
		return (struct span){0};
	// Months beyond 12 stand for unknown ones: 20 to 42 and 50 to 99.
	month = (uint32_t)check_number(t + 3, 2);
	if (month < 1 || (month > 12 && month < 20) || (month > 42 && month < 50))
		return (struct span){0};
	if (97 - check_mod97(0, t, KEY) != check_number(t + KEY, 2))
		return (struct span){0};
	return check_alone(c->text, v) ? v : (struct span){0};
}

static const char *const context[] = {
	"nir", "insee", "securite sociale", "sécurité sociale", "numero secu", "social security",
	NULL};

static const struct type_sample samples[] = {
	{NULL, "185037845621904", true},
	{NULL, "2 92 11 13 027 044 86", true},
	{"nir", "187072A00411793", true},
	{NULL, "185037845621905", false},
	{NULL, "385037845621904", false},
	{NULL, "185157845621904", false},
	{0},
};

static const struct datatype fr_nir = {
	.id = "fr.nir",
	.title = "French social security number",
	.group = GROUP_GOVERNMENT_ID,
	.country = "FR",
	.tags = TAG_GDPR,
	.reports = REPORTS_YES,
	.severity = SEVERITY_CRITICAL,
	.personal = true,
	.context = context,
	.run_digits = RUN_LEN(1) | RUN_LEN(13) | RUN_LEN(15),
	.run_mixed = RUN_LEN(13) | RUN_LEN(15),
	.digits_near = 14,
	.run_first = "12",
	.run_after = " ",
	.check = check,
	.samples = samples,
};
DATATYPE_REGISTER(fr_nir)

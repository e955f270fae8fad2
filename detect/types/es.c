// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Spanish identifiers: DNI/NIF of citizens and NIE of foreigners (Royal Decree 1553/2005 and Order
// INT/2058/2008): the letter is the number modulo 23; X, Y, Z in front of a NIE count as 0, 1, 2.

#include "detect/check.h"
#include "detect/issue.h"

static const char letters[] = "TRWAGMYFPDXBNJZSQVHLCKE";

static struct span check_nif(const struct candidate *c)
{
	struct form f;

	if (!check_forms(c, "9 8 8-1 7-1", "", &f) || f.n < 8 ||
	    !check_all(f.text, f.n - 1, CLASS_DIGIT) || !check_is(f.text[f.n - 1], CLASS_UPPER))
		return (struct span){0};
	if ((uint8_t)letters[check_number(f.text, f.n - 1) % 23] != f.text[f.n - 1])
		return (struct span){0};
	// One run in twenty-three of hexadecimal digits that end with a letter would do: a short one,
	// or a small a to f, counts only where the name agrees.
	if (!c->ctx && f.n_runs == 1 && f.value.p[f.n - 1] >= 'a' && f.value.p[f.n - 1] <= 'f')
		return (struct span){0};
	return f.value;
}

static struct span check_nie(const struct candidate *c)
{
	uint8_t d[9];
	uint32_t n;
	struct form f;

	if (!check_forms(c, "9 10 8-1 9-1 1-7-1 1-8-1 1-8 1-9", "", &f) || f.text[0] < 'X' ||
	    f.text[0] > 'Z' || !check_is(f.text[f.n - 1], CLASS_UPPER))
		return (struct span){0};
	n = f.n - 1;
	memcpy(d, f.text, n);
	d[0] = (uint8_t)('0' + (f.text[0] - 'X'));
	if (!check_all(d, n, CLASS_DIGIT) || (uint8_t)letters[check_number(d, n) % 23] != f.text[n])
		return (struct span){0};
	return f.value;
}

static const char *const nif_context[] = {"dni", "nif", "documento nacional", NULL};

static const struct type_sample nif_samples[] = {
	{NULL, "47382915V", true},
	{NULL, "03918264-F", true},
	{"dni", "3918264F", true},
	{NULL, "47382915W", false},
	{NULL, "47382915-VX", false},
	{NULL, "473829155V", false},
	{0},
};

static const struct datatype es_nif = {
	.id = "es.nif",
	.title = "Spanish tax and identity number (NIF)",
	.group = GROUP_GOVERNMENT_ID,
	.country = "ES",
	.tags = TAG_GDPR,
	.reports = REPORTS_YES,
	.severity = SEVERITY_HIGH,
	.personal = true,
	.context = nif_context,
	.run_mixed = RUN_LEN(8) | RUN_LEN(9),
	.run_digits = RUN_LEN(7) | RUN_LEN(8),
	.digits_min = 7,
	.digits_near = 7,
	.run_form = "9999999",
	.run_after = "-",
	.check = check_nif,
	.samples = nif_samples,
};
DATATYPE_REGISTER(es_nif)

static const char *const nie_context[] = {"nie", "extranjero", "extranjeria", NULL};

static const struct type_sample nie_samples[] = {
	{NULL, "X4827193E", true},  {NULL, "Y0619283-E", true}, {"nie", "z7302845m", true},
	{NULL, "X4827193F", false}, {NULL, "W4827193E", false}, {0},
};

static const struct datatype es_nie = {
	.id = "es.nie",
	.title = "Spanish foreigner number (NIE)",
	.group = GROUP_GOVERNMENT_ID,
	.country = "ES",
	.tags = TAG_GDPR,
	.reports = REPORTS_YES,
	.severity = SEVERITY_HIGH,
	.personal = true,
	.context = nie_context,
	.run_mixed = RUN_LEN(8) | RUN_LEN(9) | RUN_LEN(10),
	.run_ctx = RUN_LEN(1),
	.digits_near = 7,
	.run_form = "A",
	.run_first = "XYZxyz",
	.run_after = "-",
	.check = check_nie,
	.samples = nie_samples,
};
DATATYPE_REGISTER(es_nie)

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// American employer identification numbers: a prefix that the IRS assigns to its campuses, and
// seven digits.

#include "detect/check.h"
#include "detect/issue.h"

static struct span check(const struct candidate *c)
{
	// Prefixes that are not assigned.
	static const char none[] = "00 07 08 09 17 18 19 28 29 49 69 70 78 79 89 96 97";
	struct form f;
	char prefix[3];

	if (!check_forms(c, "2-7 9", "", &f) || !check_all(f.text, 9, CLASS_DIGIT))
		return (struct span){0};
	memcpy(prefix, f.text, 2);
	prefix[2] = 0;
	return strstr(none, prefix) || check_uniform(f.text + 2, 7) ? (struct span){0} : f.value;
}

static const char *const context[] = {"ein", "employer id", "fein", "employer identification",
				      NULL};

static const struct type_sample samples[] = {
	{"ein", "47-2819305", true},  {"fein", "472819305", true}, {NULL, "47-2819305", false},
	{"ein", "07-2819305", false}, {"ein", "47-281930", false}, {0},
};

static const struct datatype us_ein = {
	.id = "us.ein",
	.title = "US employer identification number",
	.group = GROUP_GOVERNMENT_ID,
	.country = "US",
	.reports = REPORTS_CTX,
	.severity = SEVERITY_LOW,
	.personal = false,
	.context = context,
	.run_digits = RUN_LEN(2) | RUN_LEN(9),
	.digits_near = 9,
	.check = check,
	.samples = samples,
};
DATATYPE_REGISTER(us_ein)

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Indian voter identity cards (EPIC): three letters and seven digits, in fields that say so.

#include "detect/check.h"
#include "detect/issue.h"

static struct span check(const struct candidate *c)
{
	struct form f;

	return check_form(c, "10", "", &f) && check_all(f.text, 3, CLASS_UPPER) &&
			       check_all(f.text + 3, 7, CLASS_DIGIT) &&
			       !check_uniform(f.text + 3, 7)
		       ? f.value
		       : (struct span){0};
}

static const char *const context[] = {"voter", "epic", "voter id", "electoral", NULL};

static const struct type_sample samples[] = {
	{"voterId", "WKB4829173", true},
	{"epic", "card hqt7310482.", true},
	{NULL, "WKB4829173", false},
	{"voter", "WK48291735", false},
	{0},
};

static const struct datatype in_voter = {
	.id = "in.voter",
	.title = "Indian voter identity number",
	.group = GROUP_GOVERNMENT_ID,
	.country = "IN",
	.reports = REPORTS_CTX,
	.severity = SEVERITY_MEDIUM,
	.personal = true,
	.context = context,
	.run_mixed = RUN_LEN(10),
	.digits_min = 7,
	.digits_near = 7,
	.check = check,
	.samples = samples,
};
DATATYPE_REGISTER(in_voter)

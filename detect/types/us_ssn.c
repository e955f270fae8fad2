// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// American social security numbers (SSA, Program Operations Manual RM 10201.035: no area 000,
// 666 or 9xx, no group 00, no serial 0000; two numbers that advertisements made known), and
// taxpayer numbers that the IRS gives: to people without one (ITIN: 9xx with the groups that are
// issued), for children in adoption (ATIN: 9xx-93), and to tax preparers (PTIN: P, eight digits).

#include "detect/check.h"
#include "detect/issue.h"

static bool ssn(const uint8_t *d)
{
	if (memcmp(d, "000", 3) == 0 || memcmp(d, "666", 3) == 0 || d[0] == '9' ||
	    memcmp(d + 3, "00", 2) == 0 || memcmp(d + 5, "0000", 4) == 0)
		return false;
	return memcmp(d, "078051120", 9) != 0 && memcmp(d, "219099999", 9) != 0 &&
	       memcmp(d, "123456789", 9) != 0 && !check_uniform(d, 9);
}

static struct span check_ssn(const struct candidate *c)
{
	struct form f;

	if (!check_forms(c, "3?2?4 9", c->ctx ? "- ." : "- ", &f) ||
	    !check_all(f.text, 9, CLASS_DIGIT) || !ssn(f.text))
		return (struct span){0};
	return f.value;
}

static struct span check_itin(const struct candidate *c)
{
	struct form f;
	uint64_t group;

	if (!check_forms(c, "3?2?4 9", "- ", &f) || !check_all(f.text, 9, CLASS_DIGIT) ||
	    f.text[0] != '9')
		return (struct span){0};
	group = check_number(f.text + 3, 2);
	return (group >= 50 && group <= 65) || (group >= 70 && group <= 88) ||
			       (group >= 90 && group <= 92) || group >= 94
		       ? f.value
		       : (struct span){0};
}

static struct span check_atin(const struct candidate *c)
{
	struct form f;

	return check_forms(c, "3?2?4 9", "- ", &f) && check_all(f.text, 9, CLASS_DIGIT) &&
			       f.text[0] == '9' && memcmp(f.text + 3, "93", 2) == 0
		       ? f.value
		       : (struct span){0};
}

static struct span check_ptin(const struct candidate *c)
{
	struct form f;

	return check_form(c, "9", "", &f) && f.text[0] == 'P' &&
			       check_all(f.text + 1, 8, CLASS_DIGIT) &&
			       !check_uniform(f.text + 1, 8)
		       ? f.value
		       : (struct span){0};
}

static const char *const ssn_context[] = {"ssn", "social security", "socialsecurity",
					  "社会保障番号", NULL};

static const struct type_sample ssn_samples[] = {
	{NULL, "482-73-9164", true},   {NULL, "his number is 482 73 9164, not mine", true},
	{"ssn", "482739164", true},    {"socialSecurityNumber", "482.73.9164", true},
	{NULL, "482739164", false},    {NULL, "000-73-9164", false},
	{NULL, "666-73-9164", false},  {NULL, "982-73-9164", false},
	{NULL, "482-00-9164", false},  {NULL, "482-73-0000", false},
	{NULL, "078-05-1120", false},  {NULL, "482-73 9164", false},
	{NULL, "1482-73-9164", false}, {NULL, "482-73-9164-11", false},
	{"ssn", "***-**-9164", false}, {0},
};

static const struct datatype us_ssn = {
	.id = "us.ssn",
	.title = "US social security number",
	.group = GROUP_GOVERNMENT_ID,
	.country = "US",
	.tags = TAG_HIPAA,
	.reports = REPORTS_YES,
	.severity = SEVERITY_CRITICAL,
	.personal = true,
	.context = ssn_context,
	.run_digits = RUN_LEN(3),
	.run_ctx = RUN_LEN(9),
	.digits_near = 9,
	.run_after = "- .",
	.check = check_ssn,
	.samples = ssn_samples,
};
DATATYPE_REGISTER(us_ssn)

static const char *const itin_context[] = {"itin", "taxpayer", "tin", "tax id", NULL};

static const struct type_sample itin_samples[] = {
	{"itin", "982-73-9164", true},  {"taxpayer_id", "982739164", true},
	{NULL, "982-73-9164", false},   {"itin", "982-93-9164", false},
	{"itin", "482-73-9164", false}, {0},
};

static const struct datatype us_itin = {
	.id = "us.itin",
	.title = "US individual taxpayer number",
	.group = GROUP_GOVERNMENT_ID,
	.country = "US",
	.tags = TAG_HIPAA,
	.reports = REPORTS_CTX,
	.severity = SEVERITY_HIGH,
	.personal = true,
	.context = itin_context,
	.run_digits = RUN_LEN(3) | RUN_LEN(9),
	.digits_near = 9,
	.check = check_itin,
	.samples = itin_samples,
};
DATATYPE_REGISTER(us_itin)

static const char *const atin_context[] = {"atin", "adoption taxpayer", NULL};

static const struct type_sample atin_samples[] = {
	{"atin", "982-93-9164", true},
	{"adoption_taxpayer_id", "982939164", true},
	{NULL, "982-93-9164", false},
	{"atin", "982-73-9164", false},
	{0},
};

static const struct datatype us_atin = {
	.id = "us.atin",
	.title = "US adoption taxpayer number",
	.group = GROUP_GOVERNMENT_ID,
	.country = "US",
	.tags = TAG_HIPAA,
	.reports = REPORTS_CTX,
	.severity = SEVERITY_HIGH,
	.personal = true,
	.context = atin_context,
	.run_digits = RUN_LEN(3) | RUN_LEN(9),
	.digits_near = 9,
	.check = check_atin,
	.samples = atin_samples,
};
DATATYPE_REGISTER(us_atin)

static const char *const ptin_context[] = {"ptin", "preparer tax", NULL};

static const struct type_sample ptin_samples[] = {
	{"ptin", "P48273916", true}, {"preparer_tax_id", "p73104827", true},
	{NULL, "P48273916", false},  {"ptin", "P00000000", false},
	{"ptin", "48273916", false}, {0},
};

static const struct datatype us_ptin = {
	.id = "us.ptin",
	.title = "US preparer tax number",
	.group = GROUP_GOVERNMENT_ID,
	.country = "US",
	.reports = REPORTS_CTX,
	.severity = SEVERITY_LOW,
	.personal = true,
	.context = ptin_context,
	.run_mixed = RUN_LEN(9),
	.digits_near = 8,
	.check = check_ptin,
	.samples = ptin_samples,
};
DATATYPE_REGISTER(us_ptin)

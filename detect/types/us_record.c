// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// American records that each issuer numbers as it likes: driving licences (AAMVA: the forms of the
// states), medical records and health plan members (45 CFR 164.514(b)(2)(i)(H) and (I)). Licences
// are so various that most of a field's values must look like one.

#include "detect/check.h"
#include "detect/issue.h"

enum { ID_MIN = 5, ID_MAX = 20 };

// Letters in front of digits; the other forms have letters in between or behind.
struct state_form {
	uint8_t letters, min, max; // digits
};

static struct span check_dl(const struct candidate *c)
{
	static const struct state_form fronts[] = {
		{0, 6, 14},  // most states; Texas 8, New York 9, Pennsylvania 8
		{1, 6, 9},   // California 7, Massachusetts and Virginia 8, Oklahoma 9
		{1, 11, 14}, // Illinois 11, Florida, Maryland and Michigan 12, Wisconsin 13
		{2, 3, 7},   // Ohio, West Virginia
		{3, 6, 6},   // North Dakota
	};
	static const char *const others[] = {"9999999A",   "99999999AA", "999999999A", "AA999999A",
					     "99AAA99999", "999AA9999",  NULL};
	struct form f;
	uint32_t letters;

	if (!check_forms(c, "6 7 8 9 10 11 12 13 14 15", "", &f))
		return (struct span){0};
	letters = check_right(f.text, f.text + f.n, CLASS_UPPER);
	for (uint32_t i = 0; i < sizeof(fronts) / sizeof(fronts[0]); i++) {
		if (letters == fronts[i].letters && f.n - letters >= fronts[i].min &&
		    f.n - letters <= fronts[i].max &&
		    check_all(f.text + letters, f.n - letters, CLASS_DIGIT))
			return check_uniform(f.text, f.n) ? (struct span){0} : f.value;
	}
	for (uint32_t i = 0; others[i]; i++) {
		uint32_t k = 0;

		while (k < f.n && others[i][k] &&
		       (others[i][k] == 'A') == check_is(f.text[k], CLASS_UPPER))
			k++;
		if (k == f.n && others[i][k] == 0)
			return f.value;
	}
	return (struct span){0};
}

// What issuers call a number: letters, digits and dashes, with digits in the majority.
static struct span check_number_of(const struct candidate *c)
{
	struct span v = span_trim(c->text);
	uint32_t digits = 0, letters = 0;

	for (uint32_t i = 0; i < v.len; i++) {
		digits += check_is(v.p[i], CLASS_DIGIT);
		letters += check_is(v.p[i], CLASS_UPPER);
		if (!check_is(v.p[i], CLASS_UPPER | CLASS_DIGIT | CLASS_DASH))
			return (struct span){0};
	}
	return v.len >= ID_MIN && v.len <= ID_MAX && digits >= 5 && digits > letters &&
			       !check_uniform(v.p, v.len)
		       ? v
		       : (struct span){0};
}

#define RECORD(sym, name, what, kind, when, words, function)                                       \
	.id = name, .title = what, .group = kind, .country = "US", .tags = TAG_HIPAA,              \
	.reports = when, .severity = SEVERITY_HIGH, .personal = true, .context = words,            \
	.check = function, .samples = sym##_samples

static const char *const dl_context[] = {"driver license",
					 "drivers license",
					 "driver s license",
					 "dl number",
					 "license number",
					 "driving license",
					 "dln",
					 NULL};
static const struct type_sample dl_samples[] = {
	{"driver_license", "D4827391", true},   {"dlNumber", "482739164", true},
	{"license_number", "48QXR29173", true}, {NULL, "D4827391", false},
	{"driver_license", "DKLMNPQR", false},  {"driver_license", "000000000", false},
	{"driver_license", "D482-7391", false}, {0},
};
static const struct datatype us_dl = {
	RECORD(dl, "us.dl", "US driving licence number", GROUP_GOVERNMENT_ID, REPORTS_WEAK,
	       dl_context, check_dl),
	.run_min = 6,
	.run_max = 15,
	.digits_near = 3,
};
DATATYPE_REGISTER(us_dl)

static const char *const mrn_context[] = {"mrn",         "medical record", "medical record number",
					  "patient mrn", "chart number",   NULL};
static const struct type_sample mrn_samples[] = {
	{"mrn", "48273916", true},
	{"medicalRecordNumber", "MR-4827391", true},
	{NULL, "48273916", false},
	{"mrn", "unknown", false},
	{"mrn", "00000000", false},
	{"mrn", "2023-06-15T12:00:00Z", false},
	{0},
};
static const struct datatype us_mrn = {
	RECORD(mrn, "us.mrn", "US medical record number", GROUP_HEALTH, REPORTS_CTX, mrn_context,
	       check_number_of),
	.key_only = true,
};
DATATYPE_REGISTER(us_mrn)

static const char *const plan_context[] = {
	"health plan",  "insurance member", "subscriber number",       "beneficiary number",
	"policyholder", "medicaid",         "insurance policy number", NULL};
static const struct type_sample plan_samples[] = {
	{"healthPlanNumber", "QXR482739164", true},
	{"medicaid_id", "4827391648", true},
	{NULL, "QXR482739164", false},
	{"health_plan", "gold", false},
	{"health_plan", "00000000", false},
	{0},
};
static const struct datatype us_plan = {
	RECORD(plan, "us.healthplan", "US health plan member number", GROUP_HEALTH, REPORTS_CTX,
	       plan_context, check_number_of),
	.key_only = true,
};
DATATYPE_REGISTER(us_plan)

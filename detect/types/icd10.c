// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Diagnoses: codes of ICD-10 and ICD-10-CM. A letter, two digits (the second may be a letter in
// the clinical modification), and up to four characters; the chapters say which numbers there are.
// Many short identifiers look like that, so what most of a field's values are decides.

#include "detect/check.h"
#include "detect/issue.h"

// By letter: the last category there is.
static bool has_category(uint8_t letter, uint32_t n)
{
	static const uint8_t last[26] = {99, 99, 97, 89, 90, 99, 99, 95, 99, 99, 95, 99, 99,
					 99, 99, 96, 99, 99, 99, 98, 99, 99, 99, 99, 99, 99};

	return n <= last[letter - 'A'];
}

static struct span check(const struct candidate *c)
{
	struct form f;

	if (!check_forms(c, "3.1 3.2 3.3 3.4 3", "", &f) || !check_is(f.text[0], CLASS_UPPER) ||
	    !check_is(f.value.p[0], CLASS_UPPER) || !check_is(f.text[1], CLASS_DIGIT))
		return (struct span){0};
	if (!check_is(f.text[2], CLASS_DIGIT))
		return f.text[2] == 'A' || f.text[2] == 'B' ? f.value : (struct span){0};
	return has_category(f.text[0], (uint32_t)check_number(f.text + 1, 2)) ? f.value
									      : (struct span){0};
}

static const char *const context[] = {
	"icd",      "icd10",           "diagnosis", "diagnoses", "diagnosis code", "dx",
	"diagnose", "diagnostic code", "病名",      "診断",      "傷病",           NULL,
};

static const struct type_sample samples[] = {
	{"icd10", "E11.9", true},      {"diagnosis_code", "J45", true},
	{"dx", "S72.001A", true},      {"診断コード", "C50.9", true},
	{NULL, "E11.9", false},        {"icd10", "K99", false},
	{"icd10", "P98.1", false},     {"icd", "e11.9", false},
	{"diagnosis", "E1.19", false}, {0},
};

static const struct datatype icd10 = {
	.id = "icd10",
	.title = "Diagnosis (ICD-10)",
	.group = GROUP_HEALTH,
	.country = "any",
	.tags = TAG_GDPR | TAG_APPI | TAG_HIPAA,
	.rule = "WHO ICD-10, chapters I to XXII",
	.reports = REPORTS_WEAK,
	.severity = SEVERITY_HIGH,
	.personal = true,
	.context = context,
	.run_mixed = RUN_LEN(3),
	.check = check,
	.samples = samples,
};
DATATYPE_REGISTER(icd10)

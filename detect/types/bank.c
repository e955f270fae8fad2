// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Bank codes in fields that say so: business identifier codes (ISO 9362: institution, country,
// location, branch) and American routing numbers (ABA: Federal Reserve district, check digit with
// weights 3, 7, 1).

#include "detect/check.h"
#include "detect/issue.h"

static struct span check_bic(const struct candidate *c)
{
	struct form f;

	if (!check_forms(c, "8 11", "", &f) || !check_all(f.text, 6, CLASS_UPPER) ||
	    !check_country(f.text + 4) || memcmp(f.text, f.value.p, f.n) != 0)
		return (struct span){0};
	return f.value;
}

static struct span check_aba(const struct candidate *c)
{
	static const uint8_t weights[9] = {3, 7, 1, 3, 7, 1, 3, 7, 1};
	uint64_t district;
	struct form f;

	if (!check_forms(c, "9 4-4-1", "", &f) || !check_all(f.text, 9, CLASS_DIGIT) ||
	    check_weighted(f.text, weights, 9) % 10 != 0)
		return (struct span){0};
	district = check_number(f.text, 2);
	return (district >= 1 && district <= 12) || (district >= 21 && district <= 32) ||
			       (district >= 61 && district <= 72) || district == 80
		       ? f.value
		       : (struct span){0};
}

static const char *const bic_context[] = {"swift", "bic", "bank identifier", NULL};

static const struct type_sample bic_samples[] = {
	{"bic", "QXRTDEFFXXX", true}, {"swift_code", "QXRTGB2L", true},
	{NULL, "QXRTDEFFXXX", false}, {"bic", "QXRTZZFF", false},
	{"bic", "qxrtdeff", false},   {0},
};

static const struct datatype swift_bic = {
	.id = "swift.bic",
	.title = "Business identifier code of a bank",
	.group = GROUP_FINANCIAL,
	.country = "any",
	.reports = REPORTS_CTX,
	.severity = SEVERITY_LOW,
	.personal = false,
	.context = bic_context,
	.run_mixed = RUN_LEN(8) | RUN_LEN(11),
	.check = check_bic,
	.samples = bic_samples,
};
DATATYPE_REGISTER(swift_bic)

static const char *const aba_context[] = {"routing", "aba", "rtn", "transit", NULL};

static const struct type_sample aba_samples[] = {
	{"routing_number", "061243013", true},
	{"aba", "0600-9528-8", true},
	{NULL, "061243013", false},
	{"routing", "061243014", false},
	{"routing", "461243015", false},
	{0},
};

static const struct datatype us_aba = {
	.id = "us.aba",
	.title = "US bank routing number",
	.group = GROUP_FINANCIAL,
	.country = "US",
	.reports = REPORTS_CTX,
	.severity = SEVERITY_LOW,
	.personal = false,
	.context = aba_context,
	.run_digits = RUN_LEN(4) | RUN_LEN(9),
	.digits_near = 9,
	.check = check_aba,
	.samples = aba_samples,
};
DATATYPE_REGISTER(us_aba)

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Vehicle identification numbers (ISO 3779): 17 characters without I, O and Q. North American ones
// have a check digit in position 9 (49 CFR 565.15); others count only in a field that says so.

#include "detect/check.h"
#include "detect/issue.h"

static uint32_t transliterate(uint8_t c)
{
	static const uint8_t letters[26] = {1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 2, 3, 4,
					    5, 0, 7, 0, 9, 2, 3, 4, 5, 6, 7, 8, 9};

	return check_is(c, CLASS_DIGIT) ? (uint32_t)(c - '0') : letters[c - 'A'];
}

static struct span check(const struct candidate *c)
{
	static const uint8_t weights[17] = {8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2};
	uint32_t sum = 0, letters = 0;
	struct form f;

	if (!check_form(c, "17", "", &f))
		return (struct span){0};
	for (uint32_t i = 0; i < 17; i++) {
		if (f.text[i] == 'I' || f.text[i] == 'O' || f.text[i] == 'Q')
			return (struct span){0};
		sum += transliterate(f.text[i]) * weights[i];
		letters += check_is(f.text[i], CLASS_UPPER);
	}
	// The last four are digits everywhere that the check digit is; a hash is hardly so.
	if (!check_all(f.text + 13, 4, CLASS_DIGIT) || check_uniform(f.text, 17))
		return (struct span){0};
	if (c->ctx)
		return f.value;
	// Maker and model are letters for the most part; an order number with a date is not.
	if (letters < 4)
		return (struct span){0};
	if (f.text[8] != (sum % 11 == 10 ? 'X' : '0' + sum % 11) || f.text[9] == '0' ||
	    f.text[9] == 'U' || f.text[9] == 'Z' || memcmp(f.text, f.value.p, 17) != 0)
		return (struct span){0};
	// World manufacturer identifiers of North America start with 1 to 5.
	return f.text[0] >= '1' && f.text[0] <= '5' ? f.value : (struct span){0};
}

static const char *const context[] = {"vin", "chassis", "vehicle identification", "車台番号", NULL};

static const struct type_sample samples[] = {
	{NULL, "1HGCV1F37LA018274", true},  {"vehicle", "see 5YJ3E1EA0KF317206.", true},
	{"vin", "WVWZZZ1KZ8W301956", true}, {NULL, "WVWZZZ1KZ8W301956", false},
	{NULL, "1HGCV1F38LA018274", false}, {"vin", "1HGCV1F37LAO18274", false},
	{NULL, "5f2b1c9e7a3d48061", false}, {0},
};

static const struct datatype vehicle_vin = {
	.id = "vehicle.vin",
	.title = "Vehicle identification number",
	.group = GROUP_PERSONAL,
	.country = "any",
	.tags = TAG_GDPR | TAG_APPI | TAG_HIPAA,
	.reports = REPORTS_YES,
	.severity = SEVERITY_LOW,
	.personal = true,
	.context = context,
	.run_mixed = RUN_LEN(17),
	.digits_near = 5,
	.digits_min = 5,
	.run_form = "?????????????9999",
	.check = check,
	.samples = samples,
};
DATATYPE_REGISTER(vehicle_vin)

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// British identifiers: National Insurance numbers (HMRC, NIM39110: prefixes that are not issued),
// NHS numbers (NHS Data Dictionary: modulo 11), driving licence numbers (DVLA: five characters of
// the surname, date of birth, initials).

#include "detect/check.h"
#include "detect/issue.h"

static struct span check_nino(const struct candidate *c)
{
	static const char never[] = "BG GB KN NK NT TN ZZ";
	struct form f;
	char prefix[3];

	if (!check_all(c->at, 2, CLASS_ALPHA) || (c->runs[0].len == 2 && c->runs[0].digits))
		return (struct span){0};
	if (!check_forms(c, "9 2?2?2?2?1 2?7 8?1 2?6?1", " ", &f) ||
	    !check_all(f.text, 2, CLASS_UPPER) || !check_all(f.text + 2, 6, CLASS_DIGIT) ||
	    f.text[8] < 'A' || f.text[8] > 'D' || strchr("DFIQUV", f.text[0]) ||
	    strchr("DFIOQUV", f.text[1]))
		return (struct span){0};
	memcpy(prefix, f.text, 2);
	prefix[2] = 0;
	return strstr(never, prefix) || check_uniform(f.text + 2, 6) ? (struct span){0} : f.value;
}

static struct span check_nhs(const struct candidate *c)
{
	static const uint8_t weights[9] = {10, 9, 8, 7, 6, 5, 4, 3, 2};
	uint32_t digit;
	struct form f;

	if (!check_forms(c, "10 3?3?4", " -", &f) || !check_all(f.text, 10, CLASS_DIGIT) ||
	    check_uniform(f.text, 10))
		return (struct span){0};
	digit = 11 - check_weighted(f.text, weights, 9) % 11;
	return (digit == 11 ? 0 : digit) == (uint32_t)(f.text[9] - '0') ? f.value
									: (struct span){0};
}

static struct span check_dl(const struct candidate *c)
{
	uint32_t month, day, n = 0;
	struct form f;

	if (!check_forms(c, "16 18 5?6?5", " ", &f))
		return (struct span){0};
	// The surname is filled up with nines.
	while (n < 5 && check_is(f.text[n], CLASS_UPPER))
		n++;
	if (n == 0)
		return (struct span){0};
	for (; n < 5; n++) {
		if (f.text[n] != '9')
			return (struct span){0};
	}
	if (!check_all(f.text + 5, 6, CLASS_DIGIT))
		return (struct span){0};
	// Fifty is added to a woman's month of birth.
	month = (uint32_t)check_number(f.text + 6, 2);
	month -= month > 50 ? 50 : 0;
	day = (uint32_t)check_number(f.text + 8, 2);
	if (!check_date(2000, month, day) || !check_is(f.text[11], CLASS_UPPER) ||
	    !(check_is(f.text[12], CLASS_UPPER) || f.text[12] == '9') ||
	    !check_all(f.text + 14, 2, CLASS_UPPER))
		return (struct span){0};
	return f.value;
}

static const char *const nino_context[] = {"nino", "national insurance", "ni number", NULL};

static const struct type_sample nino_samples[] = {
	{NULL, "JK482917C", true},   {NULL, "my number is SX 48 29 17 B.", true},
	{"nino", "jk482917c", true}, {NULL, "JK482917E", false},
	{NULL, "GB482917C", false},  {NULL, "DK482917C", false},
	{NULL, "AJK482917C", false}, {0},
};

static const struct datatype uk_nino = {
	.id = "uk.nino",
	.title = "British National Insurance number",
	.group = GROUP_GOVERNMENT_ID,
	.country = "GB",
	.tags = TAG_GDPR,
	.reports = REPORTS_YES,
	.severity = SEVERITY_HIGH,
	.personal = true,
	.context = nino_context,
	.run_mixed = RUN_LEN(2) | RUN_LEN(8) | RUN_LEN(9),
	.digits_near = 6,
	.run_form = "AA",
	.run_after = " ",
	.check = check_nino,
	.samples = nino_samples,
};
DATATYPE_REGISTER(uk_nino)

static const char *const nhs_context[] = {"nhs", "nhs number", NULL};

static const struct type_sample nhs_samples[] = {
	{"nhs_number", "830 368 9061", true},
	{"nhsNumber", "7285765554", true},
	{NULL, "830 368 9061", false},
	{"nhs", "830 368 9062", false},
	{0},
};

static const struct datatype uk_nhs = {
	.id = "uk.nhs",
	.title = "NHS number",
	.group = GROUP_HEALTH,
	.country = "GB",
	.tags = TAG_GDPR,
	.reports = REPORTS_CTX,
	.severity = SEVERITY_HIGH,
	.personal = true,
	.context = nhs_context,
	.run_digits = RUN_LEN(3) | RUN_LEN(10),
	.digits_near = 10,
	.check = check_nhs,
	.samples = nhs_samples,
};
DATATYPE_REGISTER(uk_nhs)

static const char *const dl_context[] = {"driving licence", "driver licence", "dvla",
					 "driver number", NULL};

static const struct type_sample dl_samples[] = {
	{NULL, "HARTL704175JK9QT", true},  {"licence", "FOX99854238A99MB", true},
	{NULL, "HARTL713175JK9QT", false}, {NULL, "HARTL704315JK9QT", false},
	{NULL, "9ARTL704175JK9QT", false}, {0},
};

static const struct datatype uk_dl = {
	.id = "uk.dl",
	.title = "British driving licence number",
	.group = GROUP_GOVERNMENT_ID,
	.country = "GB",
	.tags = TAG_GDPR,
	.reports = REPORTS_YES,
	.severity = SEVERITY_HIGH,
	.personal = true,
	.context = dl_context,
	.run_mixed = RUN_LEN(16) | RUN_LEN(18),
	.digits_min = 6,
	.digits_near = 6,
	.run_form = "A????999999",
	.check = check_dl,
	.samples = dl_samples,
};
DATATYPE_REGISTER(uk_dl)

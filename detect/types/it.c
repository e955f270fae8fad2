// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Italian identifiers: fiscal codes (Decree of 23 December 1976: odd and even tables, modulo 26;
// letters LMNPQRSTUV stand for digits where two people share a code), and identity cards (paper,
// first electronic and present form) in fields that say so.

#include "detect/check.h"
#include "detect/issue.h"

// The digit that a character of a code stands for; 10: none.
static uint32_t digit_of(uint8_t c)
{
	static const char stands_in[] = "LMNPQRSTUV";
	const char *at;

	if (check_is(c, CLASS_DIGIT))
		return (uint32_t)(c - '0');
	at = strchr(stands_in, c);
	return at ? (uint32_t)(at - stands_in) : 10;
}

static bool code_form(const uint8_t *p)
{
	static const uint8_t numeric[7] = {6, 7, 9, 10, 12, 13, 14};
	uint32_t day;

	for (uint32_t i = 0; i < 7; i++) {
		if (digit_of(p[numeric[i]]) > 9)
			return false;
	}
	// Forty is added to a woman's day of birth.
	day = digit_of(p[9]) * 10 + digit_of(p[10]);
	if (day < 1 || (day > 31 && day < 41) || day > 71)
		return false;
	return check_all(p, 6, CLASS_UPPER) && strchr("ABCDEHLMPRST", p[8]) &&
	       check_is(p[11], CLASS_UPPER) && check_is(p[15], CLASS_UPPER);
}

static struct span check_cf(const struct candidate *c)
{
	// Values at odd places, of 0 to 9 and A to Z; digits have those of A to J.
	static const uint8_t odd[26] = {1,  0,  5, 7, 9, 13, 15, 17, 19, 21, 2,  4,  18,
					20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23};
	uint32_t sum = 0;
	struct form f;

	if (!check_form(c, "16", "", &f) || !code_form(f.text))
		return (struct span){0};
	for (uint32_t i = 0; i < 15; i++) {
		uint32_t v = check_is(f.text[i], CLASS_DIGIT) ? (uint32_t)(f.text[i] - '0')
							      : (uint32_t)(f.text[i] - 'A');

		sum += i % 2 == 0 ? odd[v] : v;
	}
	return f.text[15] == 'A' + sum % 26 ? f.value : (struct span){0};
}

static struct span check_id(const struct candidate *c)
{
	const uint8_t *p;
	struct form f;

	if (!check_forms(c, "9 2?7", " ", &f))
		return (struct span){0};
	p = f.text;
	if (check_all(p, 2, CLASS_UPPER) &&
	    (check_all(p + 2, 7, CLASS_DIGIT) ||
	     (check_all(p + 2, 5, CLASS_DIGIT) && check_all(p + 7, 2, CLASS_UPPER))))
		return f.value;
	return check_all(p, 7, CLASS_DIGIT) && check_all(p + 7, 2, CLASS_UPPER) ? f.value
										: (struct span){0};
}

static const char *const cf_context[] = {"codice fiscale", "cf", "fiscal code", NULL};

static const struct type_sample cf_samples[] = {
	{NULL, "BNCLRA84C52F205U", true},
	{NULL, "codice: vrdmrc79t08h501f.", true},
	{NULL, "VRDMRC79T08H50MX", true},
	{NULL, "BNCLRA84C52F205V", false},
	{NULL, "BNCLRA84G52F205U", false},
	{NULL, "BNCLRA84C82F205U", false},
	{0},
};

static const struct datatype it_cf = {
	.id = "it.cf",
	.title = "Italian fiscal code",
	.group = GROUP_GOVERNMENT_ID,
	.country = "IT",
	.tags = TAG_GDPR,
	.reports = REPORTS_YES,
	.severity = SEVERITY_HIGH,
	.personal = true,
	.context = cf_context,
	.run_mixed = RUN_LEN(16),
	.digits_min = 1,
	.digits_near = 2,
	.run_form = "AAAAAA",
	.check = check_cf,
	.samples = cf_samples,
};
DATATYPE_REGISTER(it_cf)

static const char *const id_context[] = {
	"carta identita", "carta d'identità", "identity card", "id card", "cie", NULL};

static const struct type_sample id_samples[] = {
	{"cie", "CA48291BK", true},           {"carta_identita", "AX 4829173", true},
	{"identity_card", "4829173QL", true}, {NULL, "CA48291BK", false},
	{"cie", "CA4829BKQ", false},          {0},
};

static const struct datatype it_id = {
	.id = "it.id",
	.title = "Italian identity card number",
	.group = GROUP_GOVERNMENT_ID,
	.country = "IT",
	.tags = TAG_GDPR,
	.reports = REPORTS_CTX,
	.severity = SEVERITY_MEDIUM,
	.personal = true,
	.context = id_context,
	.run_mixed = RUN_LEN(2) | RUN_LEN(9),
	.digits_near = 5,
	.check = check_id,
	.samples = id_samples,
};
DATATYPE_REGISTER(it_id)

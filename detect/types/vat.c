// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Tax numbers of businesses, many of which are one person: German VAT numbers (ISO/IEC 7064,
// mod 11,10), Italian VAT numbers (Luhn), Indian GSTIN (state, PAN, check character: CGST rules).

#include "detect/check.h"
#include "detect/issue.h"

static struct span check_de(const struct candidate *c)
{
	struct form f;

	if (!check_starts(span_make(c->at, 2), "de") ||
	    !check_forms(c, "11 2?9 2?3?3?3", " -.", &f) || memcmp(f.text, "DE", 2) != 0 ||
	    !check_all(f.text + 2, 9, CLASS_DIGIT) || f.text[2] == '0' ||
	    !check_mod11_10(f.text + 2, 9))
		return (struct span){0};
	return f.value;
}

static struct span check_it(const struct candidate *c)
{
	struct form f;
	const uint8_t *d;

	if (!check_forms(c, "11 13 2?11", " -", &f))
		return (struct span){0};
	d = f.text + f.n - 11;
	if ((f.n == 13 && memcmp(f.text, "IT", 2) != 0) || !check_all(d, 11, CLASS_DIGIT) ||
	    memcmp(d, "0000000", 7) == 0 || !check_luhn(d, 11))
		return (struct span){0};
	return f.value;
}

// Base 36, factors 1 and 2 in turn, the digits of each product added up.
static bool gstin_check(const uint8_t *p)
{
	uint32_t sum = 0, check;

	for (uint32_t i = 0; i < 15; i++) {
		uint32_t v = check_is(p[i], CLASS_DIGIT) ? (uint32_t)(p[i] - '0')
							 : (uint32_t)(p[i] - 'A' + 10);

		if (i == 14)
			return v == (36 - sum % 36) % 36;
		check = v * (1 + i % 2);
		sum += check / 36 + check % 36;
	}
	return false;
}

static struct span check_in(const struct candidate *c)
{
	struct form f;
	uint64_t state;

	if (!check_form(c, "15", "", &f) || !check_all(f.text, 2, CLASS_DIGIT) ||
	    !check_all(f.text + 2, 5, CLASS_UPPER) || !check_all(f.text + 7, 4, CLASS_DIGIT) ||
	    !check_all(f.text + 11, 1, CLASS_UPPER) || f.text[13] != 'Z')
		return (struct span){0};
	state = check_number(f.text, 2);
	// The name of the field stands in for a check character that was mistyped.
	if (state < 1 || state > 37 || (!c->ctx && !gstin_check(f.text)))
		return (struct span){0};
	return f.value;
}

static const char *const de_context[] = {"ust", "ustid", "ust-idnr", "vat", "umsatzsteuer", NULL};

static const struct type_sample de_samples[] = {
	{NULL, "DE271736646", true},  {"vat_id", "DE 820 055 728", true},
	{NULL, "DE271736647", false}, {NULL, "FR271736646", false},
	{NULL, "DE27173664", false},  {0},
};

static const struct datatype de_ust = {
	.id = "de.ust",
	.title = "German VAT number",
	.group = GROUP_FINANCIAL,
	.country = "DE",
	.reports = REPORTS_YES,
	.severity = SEVERITY_LOW,
	.personal = false,
	.context = de_context,
	.run_mixed = RUN_LEN(2) | RUN_LEN(11),
	.digits_near = 9,
	.run_form = "AA",
	.run_first = "dD",
	.run_after = " -.",
	.check = check_de,
	.samples = de_samples,
};
DATATYPE_REGISTER(de_ust)

static const char *const it_context[] = {"partita iva", "piva", "iva", "vat", NULL};

static const struct type_sample it_samples[] = {
	{"partita_iva", "04729180366", true},
	{"vat", "IT11304728659", true},
	{NULL, "04729180366", false},
	{"vat", "04729180367", false},
	{0},
};

static const struct datatype it_vat = {
	.id = "it.vat",
	.title = "Italian VAT number",
	.group = GROUP_FINANCIAL,
	.country = "IT",
	.reports = REPORTS_CTX,
	.severity = SEVERITY_LOW,
	.personal = false,
	.context = it_context,
	.run_digits = RUN_LEN(11),
	.run_mixed = RUN_LEN(2) | RUN_LEN(13),
	.digits_near = 11,
	.check = check_it,
	.samples = it_samples,
};
DATATYPE_REGISTER(it_vat)

static const char *const in_context[] = {"gstin", "gst", NULL};

static const struct type_sample in_samples[] = {
	{NULL, "27AKQPM4821L1ZM", true},
	{NULL, "GSTIN 07BRTCS9043D2ZZ", true},
	{"gstin", "27AKQPM4821L1ZN", true},
	{NULL, "27AKQPM4821L1ZN", false},
	{"gstin", "39AKQPM4821L1ZM", false},
	{"gstin", "27AKQPM4821L1YM", false},
	{0},
};

static const struct datatype in_gstin = {
	.id = "in.gstin",
	.title = "Indian goods and services tax number",
	.group = GROUP_FINANCIAL,
	.country = "IN",
	.reports = REPORTS_YES,
	.severity = SEVERITY_LOW,
	.personal = false,
	.context = in_context,
	.run_mixed = RUN_LEN(15),
	.digits_min = 6,
	.digits_near = 6,
	.run_form = "99AAAAA9999A",
	.check = check_in,
	.samples = in_samples,
};
DATATYPE_REGISTER(in_gstin)

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// European national and tax numbers with a check digit and without a date, in fields that say so:
// Ireland (PPS: letter of the weighted sum modulo 23), Greece (AFM: powers of two, modulo 11, 10),
// Croatia (OIB: ISO/IEC 7064, mod 11,10), Hungary (TAJ: weights 3 and 7, modulo 10; tax number:
// weights 1 to 9, modulo 11), Portugal (NIF: weights 9 to 2, modulo 11), Poland (NIP: weights 6, 5,
// 7, 2 to 7, modulo 11).

#include "detect/check.h"
#include "detect/issue.h"

static uint32_t digit(const struct form *f, uint32_t i)
{
	return (uint32_t)(f->text[i] - '0');
}

static bool forms(const struct candidate *c, const char *lengths, const char *seps, struct form *f)
{
	return check_forms(c, lengths, seps, f) && check_all(f->text, f->n, CLASS_DIGIT) &&
	       !check_uniform(f->text, f->n);
}

static struct span check_pps(const struct candidate *c)
{
	static const char letters[] = "WABCDEFGHIJKLMNOPQRSTUV";
	static const uint8_t weights[7] = {8, 7, 6, 5, 4, 3, 2};
	uint32_t sum;
	struct form f;

	if (!check_forms(c, "8 9", "", &f) || !check_all(f.text, 7, CLASS_DIGIT))
		return (struct span){0};
	sum = check_weighted(f.text, weights, 7);
	if (f.n == 9) {
		uint8_t second = f.text[8];

		if (second != 'W' && (second < 'A' || second > 'I'))
			return (struct span){0};
		sum += second == 'W' ? 0 : 9u * (uint32_t)(second - 'A' + 1);
	}
	return (uint8_t)letters[sum % 23] == f.text[7] ? f.value : (struct span){0};
}

static struct span check_afm(const struct candidate *c)
{
	uint32_t sum = 0;
	struct form f;

	if (!forms(c, "9", "", &f))
		return (struct span){0};
	for (uint32_t i = 0; i < 8; i++)
		sum += digit(&f, i) << (8 - i);
	return sum % 11 % 10 == digit(&f, 8) ? f.value : (struct span){0};
}

static struct span check_oib(const struct candidate *c)
{
	struct form f;

	return forms(c, "11", "", &f) && check_mod11_10(f.text, 11) ? f.value : (struct span){0};
}

static struct span check_taj(const struct candidate *c)
{
	static const uint8_t weights[8] = {3, 7, 3, 7, 3, 7, 3, 7};
	struct form f;

	return forms(c, "9 3?3?3", " -", &f) &&
			       check_weighted(f.text, weights, 8) % 10 == digit(&f, 8)
		       ? f.value
		       : (struct span){0};
}

static struct span check_hu_tax(const struct candidate *c)
{
	static const uint8_t weights[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
	struct form f;

	return forms(c, "10", "", &f) && f.text[0] == '8' &&
			       check_weighted(f.text, weights, 9) % 11 == digit(&f, 9)
		       ? f.value
		       : (struct span){0};
}

static struct span check_nif(const struct candidate *c)
{
	static const uint8_t weights[8] = {9, 8, 7, 6, 5, 4, 3, 2};
	uint32_t rest;
	struct form f;

	// 4 and 7 are no person's first digit but 45 and 70 to 79 are of others'; 0 is none.
	if (!forms(c, "9 3?3?3", " ", &f) || f.text[0] == '0')
		return (struct span){0};
	rest = check_weighted(f.text, weights, 8) % 11;
	return (rest < 2 ? 0 : 11 - rest) == digit(&f, 8) ? f.value : (struct span){0};
}

static struct span check_nip(const struct candidate *c)
{
	static const uint8_t weights[9] = {6, 5, 7, 2, 3, 4, 5, 6, 7};
	struct form f;

	return forms(c, "10 3?3?2?2 3?2?2?3", "- ", &f) &&
			       check_weighted(f.text, weights, 9) % 11 == digit(&f, 9)
		       ? f.value
		       : (struct span){0};
}

#define NUMBER(sym, name, where, what, weight, words, mixed, digit_runs, near)                     \
	static const struct datatype sym = {                                                       \
		.id = name,                                                                        \
		.title = what,                                                                     \
		.group = GROUP_GOVERNMENT_ID,                                                      \
		.country = where,                                                                  \
		.tags = TAG_GDPR,                                                                  \
		.reports = REPORTS_CTX,                                                            \
		.severity = weight,                                                                \
		.personal = true,                                                                  \
		.context = words,                                                                  \
		.run_mixed = mixed,                                                                \
		.run_digits = digit_runs,                                                          \
		.digits_near = near,                                                               \
		.check = check_##sym,                                                              \
		.samples = sym##_samples,                                                          \
	};                                                                                         \
	DATATYPE_REGISTER(sym)

static const char *const pps_context[] = {"pps", "ppsn", "pps number", "personal public service",
					  NULL};
static const struct type_sample pps_samples[] = {
	{"ppsn", "4827391O", true},       {"pps", "7310482UA", true},
	{"ppsNumber", "1048273ow", true}, {NULL, "4827391O", false},
	{"pps", "4827391P", false},       {"pps", "7310482UB", false},
	{"pps", "7310482U1", false},      {0},
};
NUMBER(pps, "ie.pps", "IE", "Irish Personal Public Service number", SEVERITY_CRITICAL, pps_context,
       RUN_LEN(8) | RUN_LEN(9), 0, 7)

static const char *const afm_context[] = {"afm", "αφμ", "ΑΦΜ", NULL};
static const struct type_sample afm_samples[] = {
	{"afm", "048273918", true},  {"ΑΦΜ", "173104823", true},  {NULL, "048273918", false},
	{"afm", "048273919", false}, {"afm", "000000000", false}, {0},
};
NUMBER(afm, "gr.afm", "GR", "Greek tax number", SEVERITY_HIGH, afm_context, 0, RUN_LEN(9), 9)

static const char *const oib_context[] = {"oib", "osobni identifikacijski broj", NULL};
static const struct type_sample oib_samples[] = {
	{"oib", "48273916483", true},
	{"oib", "no. 73104827369", true},
	{NULL, "48273916483", false},
	{"oib", "48273916484", false},
	{0},
};
NUMBER(oib, "hr.oib", "HR", "Croatian identification number", SEVERITY_HIGH, oib_context, 0,
       RUN_LEN(11), 11)

static const char *const taj_context[] = {"taj", "tajszam", "taj szam", "tb szam", NULL};
static const struct type_sample taj_samples[] = {
	{"taj", "048 273 912", true},
	{"tajSzam", "173104824", true},
	{NULL, "048273912", false},
	{"taj", "048273913", false},
	{0},
};
NUMBER(taj, "hu.taj", "HU", "Hungarian social security number", SEVERITY_CRITICAL, taj_context, 0,
       RUN_LEN(3) | RUN_LEN(9), 9)

static const char *const hu_tax_context[] = {"adoazonosito", "adóazonosító", "adoazonosito jel",
					     NULL};
static const struct type_sample hu_tax_samples[] = {
	{"adoazonosito", "8482739166", true},  {"adoazonositoJel", "8373104828", true},
	{NULL, "8482739166", false},           {"adoazonosito", "8482739167", false},
	{"adoazonosito", "1688380969", false}, {0},
};
NUMBER(hu_tax, "hu.tax", "HU", "Hungarian tax number", SEVERITY_HIGH, hu_tax_context, 0,
       RUN_LEN(10), 10)

static const char *const nif_context[] = {"nif", "contribuinte", "numero contribuinte", NULL};
static const struct type_sample nif_samples[] = {
	{"nif", "248273914", true},  {"contribuinte", "173 104 827", true},
	{NULL, "248273914", false},  {"nif", "248273915", false},
	{"nif", "048273914", false}, {0},
};
NUMBER(nif, "pt.nif", "PT", "Portuguese tax number", SEVERITY_HIGH, nif_context, 0,
       RUN_LEN(3) | RUN_LEN(9), 9)

static const char *const nip_context[] = {"nip", "numer nip", NULL};
static const struct type_sample nip_samples[] = {
	{"nip", "482-739-16-48", true}, {"nip", "7310482735", true},  {NULL, "4827391648", false},
	{"nip", "4827391649", false},   {"nip", "1688380969", false}, {0},
};
NUMBER(nip, "pl.nip", "PL", "Polish tax number", SEVERITY_LOW, nip_context, 0,
       RUN_LEN(3) | RUN_LEN(10), 10)

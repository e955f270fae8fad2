// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Japanese numbers of insurance, pension and registers, in fields that say so.
//
// Insurer (hokensha bango): law, prefecture, insurer, check digit; six digits without the law for
// National Health Insurance. Check: weights 2 and 1 in turn from the right, cross sums, modulo 10
// (Ministry of Health, notice on setting insurers' numbers, 1976). Basic pension number (National
// Pension Act, article 14): four and six digits, no check digit is published. Resident record code
// (Basic Resident Registration Act, article 7 item 13): eleven digits; the formula of the last one
// (MIC Notice 436 of 2002) is not applied here, so the name alone decides. Employment insurance
// (operating manual of the employment insurance, 20706): 4-6-1. Invoice registration (Consumption
// Tax Act, article 57-2): 'T' and thirteen digits.

#include "detect/check.h"
#include "detect/issue.h"

static bool forms(const struct candidate *c, const char *lengths, struct form *f)
{
	return check_forms(c, lengths, "- ", f) && check_all(f->text, f->n, CLASS_DIGIT) &&
	       !check_uniform(f->text, f->n);
}

// The laws that insurers act under: associations, seamen, day labourers, unions, the Self-Defence
// Forces, mutual aid, the elderly, retired people.
static bool is_law(uint64_t n)
{
	return (n >= 1 && n <= 4) || n == 6 || n == 7 || (n >= 31 && n <= 34) || n == 39 ||
	       n == 63 || n == 67 || (n >= 72 && n <= 75);
}

static struct span check_insurer(const struct candidate *c)
{
	uint64_t prefecture;
	struct form f;

	if (!forms(c, "8 6", &f) || (f.n == 8 && !is_law(check_number(f.text, 2))))
		return (struct span){0};
	prefecture = check_number(f.text + f.n - 6, 2);
	return prefecture >= 1 && prefecture <= 47 && check_luhn(f.text, f.n) ? f.value
									      : (struct span){0};
}

static struct span check_pension(const struct candidate *c)
{
	struct form f;

	return forms(c, "4-6 10", &f) ? f.value : (struct span){0};
}

static struct span check_resident(const struct candidate *c)
{
	struct form f;

	return forms(c, "11", &f) ? f.value : (struct span){0};
}

static struct span check_employment(const struct candidate *c)
{
	struct form f;

	return forms(c, "4-6-1 11", &f) ? f.value : (struct span){0};
}

static struct span check_invoice(const struct candidate *c)
{
	struct form f;

	return check_forms(c, "14 1-13", "", &f) && f.text[0] == 'T' &&
			       check_all(f.text + 1, 13, CLASS_DIGIT) && f.text[1] != '0'
		       ? f.value
		       : (struct span){0};
}

#define WELFARE(sym, name, what, kind, weight, cite, words, mixed, digits, near)                   \
	static const struct datatype sym = {                                                       \
		.id = name,                                                                        \
		.title = what,                                                                     \
		.group = kind,                                                                     \
		.country = "JP",                                                                   \
		.tags = TAG_APPI,                                                                  \
		.rule = cite,                                                                      \
		.reports = REPORTS_CTX,                                                            \
		.severity = weight,                                                                \
		.personal = true,                                                                  \
		.context = words,                                                                  \
		.run_mixed = mixed,                                                                \
		.run_digits = digits,                                                              \
		.digits_near = near,                                                               \
		.check = check_##sym,                                                              \
		.samples = sym##_samples,                                                          \
	};                                                                                         \
	DATATYPE_REGISTER(sym)

static const char *const insurer_context[] = {
	"insurer number", "hokensha bango", "hokensha", "health insurance",
	"保険者番号",     "保険証",         "健康保険", NULL,
};
// 06 13 482 and 39 12 731: 0+6+2+3+8+8+4 = 31 → 9; 6+9+2+2+5+3+2 = 29 → 1
static const struct type_sample insurer_samples[] = {
	{"保険者番号", "06134829", true},  {"insurer_number", "39127311", true},
	{"健康保険", "国保 131045", true}, {NULL, "06134829", false},
	{"保険者番号", "06134828", false}, {"保険者番号", "20230615", false},
	{"保険者番号", "06994825", false}, {0},
};
WELFARE(insurer, "jp.healthins", "Japanese health insurer number", GROUP_HEALTH, SEVERITY_MEDIUM,
	"MHLW notice on setting insurers' numbers: weights 2 and 1, modulo 10", insurer_context, 0,
	RUN_LEN(6) | RUN_LEN(8), 6)

static const char *const pension_context[] = {
	"pension number", "basic pension", "nenkin",   "kiso nenkin",
	"基礎年金",       "年金番号",      "年金手帳", NULL,
};
static const struct type_sample pension_samples[] = {
	{"基礎年金番号", "4827-391648", true},
	{"pension_number", "7310482736", true},
	{NULL, "4827-391648", false},
	{"基礎年金番号", "4827-39164", false},
	{"pension_number", "0000-000000", false},
	{0},
};
WELFARE(pension, "jp.pension", "Japanese basic pension number", GROUP_GOVERNMENT_ID,
	SEVERITY_CRITICAL, "National Pension Act, article 14: four and six digits", pension_context,
	0, RUN_LEN(4) | RUN_LEN(10), 10)

static const char *const resident_context[] = {
	"juminhyo", "resident record code", "juminhyo code", "住民票コード", "住基コード", NULL};
static const struct type_sample resident_samples[] = {
	{"住民票コード", "48273916482", true},
	{"juminhyo_code", "73104827361", true},
	{NULL, "48273916482", false},
	{"住民票コード", "4827391648", false},
	{"juminhyo_code", "00000000000", false},
	{0},
};
WELFARE(resident, "jp.resident", "Japanese resident record code", GROUP_GOVERNMENT_ID,
	SEVERITY_CRITICAL, "Basic Resident Registration Act, article 7 item 13: eleven digits",
	resident_context, 0, RUN_LEN(11), 11)

static const char *const employment_context[] = {"employment insurance", "koyo hoken", "雇用保険",
						 NULL};
static const struct type_sample employment_samples[] = {
	{"雇用保険被保険者番号", "4827-391648-2", true},
	{"employment_insurance_number", "73104827361", true},
	{NULL, "4827-391648-2", false},
	{"雇用保険番号", "4827-391648-23", false},
	{0},
};
WELFARE(employment, "jp.employment", "Japanese employment insurance number", GROUP_GOVERNMENT_ID,
	SEVERITY_HIGH, "Employment insurance operating manual, 20706: 4-6-1 digits",
	employment_context, 0, RUN_LEN(4) | RUN_LEN(11), 11)

static const char *const invoice_context[] = {
	"invoice registration", "qualified invoice", "登録番号", "適格請求書", "インボイス", NULL};
static const struct type_sample invoice_samples[] = {
	{"登録番号", "T1010401104827", true},
	{"invoice_registration_number", "登録番号 T-2700012050002", true},
	{NULL, "T1010401104827", false},
	{"登録番号", "T101040110482", false},
	{"登録番号", "1010401104827", false},
	{0},
};
WELFARE(invoice, "jp.invoice", "Japanese invoice registration number", GROUP_FINANCIAL,
	SEVERITY_LOW, "Consumption Tax Act, article 57-2: 'T' and thirteen digits", invoice_context,
	RUN_LEN(1) | RUN_LEN(14), 0, 13)

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Bank codes in fields that say so: business identifier codes (ISO 9362: institution, country,
// location, branch), American routing numbers (ABA: Federal Reserve district, check digit with
// weights 3, 7, 1) and Indian branch codes (RBI, IFSC: bank, zero, branch). Account numbers have no
// check in the United States and Japan: most of a field's values must look like them. Japanese ones
// have seven digits, before which the codes of bank and branch may stand (Zengin format).

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

static struct span check_ifsc(const struct candidate *c)
{
	struct form f;

	return check_form(c, "11", "", &f) && check_all(f.text, 4, CLASS_UPPER) &&
			       f.text[4] == '0' &&
			       check_all(f.text + 5, 6, CLASS_UPPER | CLASS_DIGIT)
		       ? f.value
		       : (struct span){0};
}

static struct span check_us_account(const struct candidate *c)
{
	struct form f;

	return check_forms(c, "8 9 10 11 12 13 14 15 16 17", "", &f) &&
			       check_all(f.text, f.n, CLASS_DIGIT) && !check_uniform(f.text, f.n)
		       ? f.value
		       : (struct span){0};
}

static struct span check_jp_account(const struct candidate *c)
{
	struct form f;

	return check_forms(c, "7 4?3?7 4?3?1?7", "- ", &f) && check_all(f.text, f.n, CLASS_DIGIT) &&
			       !check_uniform(f.text + f.n - 7, 7)
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

static const char *const ifsc_context[] = {"ifsc", "ifsc code", "bank code", NULL};

static const struct type_sample ifsc_samples[] = {
	{"ifsc", "QXRT0482917", true},  {"ifscCode", "qxrt0AB4829", true},
	{NULL, "QXRT0482917", false},   {"ifsc", "QXRT1482917", false},
	{"ifsc", "QX480482917", false}, {0},
};

static const struct datatype in_ifsc = {
	.id = "in.ifsc",
	.title = "Indian bank branch code (IFSC)",
	.group = GROUP_FINANCIAL,
	.country = "IN",
	.reports = REPORTS_CTX,
	.severity = SEVERITY_LOW,
	.personal = false,
	.context = ifsc_context,
	.run_mixed = RUN_LEN(11),
	.check = check_ifsc,
	.samples = ifsc_samples,
};
DATATYPE_REGISTER(in_ifsc)

static const char *const us_account_context[] = {
	"bank account", "account number",  "acct number", "account no",
	"acct no",      "iban or account", NULL};

static const struct type_sample us_account_samples[] = {
	{"account_number", "4827391648", true},
	{"bankAccount", "no. 73104827", true},
	{NULL, "4827391648", false},
	{"account_number", "4827391", false},
	{"account_number", "00000000", false},
	{"account_number", "48273-91648", false},
	{0},
};

static const struct datatype us_bank_account = {
	.id = "us.bank.account",
	.title = "US bank account number",
	.group = GROUP_FINANCIAL,
	.country = "US",
	.tags = TAG_HIPAA,
	.reports = REPORTS_WEAK,
	.severity = SEVERITY_HIGH,
	.personal = true,
	.context = us_account_context,
	.run_min = 8,
	.run_max = 17,
	.digits_only = true,
	.digits_near = 8,
	.check = check_us_account,
	.samples = us_account_samples,
};
DATATYPE_REGISTER(us_bank_account)

static const char *const jp_account_context[] = {"口座番号", "口座",           "kouza bango",
						 "koza",     "account number", NULL};

static const struct type_sample jp_account_samples[] = {
	{"口座番号", "4827391", true},  {"account_number", "0001-482-7310482", true},
	{NULL, "4827391", false},       {"口座番号", "482739164", false},
	{"口座番号", "0000000", false}, {0},
};

static const struct datatype jp_bank_account = {
	.id = "jp.bank.account",
	.title = "Japanese bank account number",
	.group = GROUP_FINANCIAL,
	.country = "JP",
	.tags = TAG_APPI,
	.rule = "Zengin format: bank of four, branch of three, account of seven digits",
	.reports = REPORTS_WEAK,
	.severity = SEVERITY_HIGH,
	.personal = true,
	.context = jp_account_context,
	.run_digits = RUN_LEN(4) | RUN_LEN(7),
	.digits_near = 7,
	.check = check_jp_account,
	.samples = jp_account_samples,
};
DATATYPE_REGISTER(jp_bank_account)

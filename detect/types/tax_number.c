// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// National and tax numbers with a check but without a date: Canada (SIN: Luhn), Netherlands (BSN:
// "eleven test"), Switzerland (AHV: EAN-13 with the country's 756), Turkey (two digits modulo 10),
// India (Aadhaar: Verhoeff; PAN: the fourth letter is the holder's kind), Brazil (CPF, and CNPJ
// with letters since 2026: two digits modulo 11), South Korea (business numbers), Singapore
// (letter tables), Thailand (modulo 11), Australia (TFN, ABN, Medicare).

#include "detect/check.h"
#include "detect/issue.h"

static bool digits(const struct form *f)
{
	return check_all(f->text, f->n, CLASS_DIGIT) && !check_uniform(f->text, f->n);
}

static struct span check_ca_sin(const struct candidate *c)
{
	struct form f;

	// 0 and 8 are not given as a first digit.
	return check_forms(c, "9 3?3?3", " -", &f) && digits(&f) && f.text[0] != '0' &&
			       f.text[0] != '8' && check_luhn(f.text, 9)
		       ? f.value
		       : (struct span){0};
}

static struct span check_bsn(const struct candidate *c)
{
	static const uint8_t weights[8] = {9, 8, 7, 6, 5, 4, 3, 2};
	struct form f;

	if (!check_forms(c, "9 4.2.3 4?2?3", " ", &f) || !digits(&f))
		return (struct span){0};
	return check_weighted(f.text, weights, 8) % 11 == (uint32_t)(f.text[8] - '0')
		       ? f.value
		       : (struct span){0};
}

static struct span check_ahv(const struct candidate *c)
{
	static const uint8_t weights[13] = {1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1};
	struct form f;

	return check_forms(c, "13 3?4?4?2", ". ", &f) && digits(&f) &&
			       memcmp(f.text, "756", 3) == 0 &&
			       check_weighted(f.text, weights, 13) % 10 == 0
		       ? f.value
		       : (struct span){0};
}

static struct span check_tckn(const struct candidate *c)
{
	uint32_t odd = 0, even = 0;
	struct form f;

	if (!check_form(c, "11", "", &f) || !digits(&f) || f.text[0] == '0')
		return (struct span){0};
	for (uint32_t i = 0; i < 9; i++)
		*(i % 2 ? &even : &odd) += (uint32_t)(f.text[i] - '0');
	// odd * 7 - even, kept above zero.
	if ((odd * 7 + 100 - even) % 10 != (uint32_t)(f.text[9] - '0'))
		return (struct span){0};
	return (odd + even + (uint32_t)(f.text[9] - '0')) % 10 == (uint32_t)(f.text[10] - '0')
		       ? f.value
		       : (struct span){0};
}

static struct span check_aadhaar(const struct candidate *c)
{
	struct form f;
	bool palindrome = true;

	if (!check_forms(c, "12 4?4?4", " -:", &f) || !digits(&f) || f.text[0] < '2')
		return (struct span){0};
	for (uint32_t i = 0; i < 6; i++)
		palindrome &= f.text[i] == f.text[11 - i];
	return !palindrome && check_verhoeff(f.text, 12) ? f.value : (struct span){0};
}

static struct span check_pan(const struct candidate *c)
{
	struct form f;

	if (!check_form(c, "10", "", &f) || !check_all(f.text, 5, CLASS_UPPER) ||
	    !check_all(f.text + 5, 4, CLASS_DIGIT) || !check_is(f.text[9], CLASS_UPPER))
		return (struct span){0};
	if (c->ctx)
		return f.value;
	// Without the name: a holder's kind, capitals as it is printed, and a number.
	return strchr("ABCFGHJLPT", f.text[3]) && memcmp(f.text, f.value.p, 10) == 0 &&
			       memcmp(f.text + 5, "0000", 4) != 0
		       ? f.value
		       : (struct span){0};
}

static bool mod11_pair(const uint8_t *p, const uint8_t *weights, uint32_t n)
{
	for (uint32_t k = 0; k < 2; k++) {
		uint32_t sum = 0, rest;

		// The second digit is over one more, whose weight is the next one in front.
		for (uint32_t i = 0; i < n + k; i++)
			sum += (uint32_t)(p[i] - '0') * weights[1 - k + i];
		rest = sum % 11;
		if (p[n + k] - '0' != (int)(rest < 2 ? 0 : 11 - rest))
			return false;
	}
	return true;
}

static struct span check_cpf(const struct candidate *c)
{
	static const uint8_t weights[11] = {11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 0};
	struct form f;

	return check_forms(c, "3.3.3-2 11 9-2", "", &f) && digits(&f) &&
			       mod11_pair(f.text, weights, 9)
		       ? f.value
		       : (struct span){0};
}

static struct span check_cnpj(const struct candidate *c)
{
	static const uint8_t weights[14] = {6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2, 0};
	struct form f;

	// A letter counts as its ASCII code minus 48, as a digit does.
	return check_forms(c, "2.3.3/4-2 14 12-2", "", &f) &&
			       check_all(f.text + 12, 2, CLASS_DIGIT) &&
			       !check_uniform(f.text, 12) && mod11_pair(f.text, weights, 12)
		       ? f.value
		       : (struct span){0};
}

static struct span check_brn(const struct candidate *c)
{
	static const uint8_t weights[9] = {1, 3, 7, 1, 3, 7, 1, 3, 5};
	uint32_t sum;
	struct form f;

	if (!check_forms(c, "10 3-2-5", "", &f) || !digits(&f))
		return (struct span){0};
	sum = check_weighted(f.text, weights, 9) + (uint32_t)(f.text[8] - '0') * 5 / 10;
	return (10 - sum % 10) % 10 == (uint32_t)(f.text[9] - '0') ? f.value : (struct span){0};
}

static struct span check_nric(const struct candidate *c)
{
	static const uint8_t weights[7] = {2, 7, 6, 5, 4, 3, 2};
	static const char st[] = "JZIHGFEDCBA", fg[] = "XWUTRQPNMLK", m[] = "XWUTRQPNJLK";
	const char *table;
	uint32_t sum;
	struct form f;

	if (!check_form(c, "9", "", &f) || !strchr("STFGM", f.text[0]) ||
	    !check_all(f.text + 1, 7, CLASS_DIGIT) || !check_is(f.text[8], CLASS_UPPER) ||
	    (!c->ctx && !check_is(f.value.p[0], CLASS_UPPER)))
		return (struct span){0};
	sum = check_weighted(f.text + 1, weights, 7);
	if (f.text[0] == 'T' || f.text[0] == 'G')
		sum += 4;
	else if (f.text[0] == 'M')
		sum += 3;
	table = f.text[0] == 'M' ? m : f.text[0] == 'F' || f.text[0] == 'G' ? fg : st;
	return (uint8_t)table[sum % 11] == f.text[8] ? f.value : (struct span){0};
}

static struct span check_tnin(const struct candidate *c)
{
	static const uint8_t weights[12] = {13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2};
	struct form f;

	// The second and third digit are the province (ISO 3166-2:TH).
	if (!check_forms(c, "13 1?4?5?2?1", " -", &f) || !digits(&f) || f.text[0] == '0' ||
	    f.text[0] == '9' || check_number(f.text + 1, 2) < 10 ||
	    check_number(f.text + 1, 2) > 96)
		return (struct span){0};
	return (11 - check_weighted(f.text, weights, 12) % 11) % 10 == (uint32_t)(f.text[12] - '0')
		       ? f.value
		       : (struct span){0};
}

static struct span check_tfn(const struct candidate *c)
{
	static const uint8_t weights[9] = {1, 4, 3, 7, 5, 8, 6, 9, 10};
	struct form f;

	return check_forms(c, "9 3?3?3", " -", &f) && digits(&f) &&
			       check_weighted(f.text, weights, 9) % 11 == 0
		       ? f.value
		       : (struct span){0};
}

static struct span check_abn(const struct candidate *c)
{
	static const uint8_t weights[11] = {10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19};
	struct form f;

	// One is taken from the first digit before the sum is made.
	return check_forms(c, "11 2?3?3?3", " ", &f) && digits(&f) && f.text[0] != '0' &&
			       (check_weighted(f.text, weights, 11) - 10) % 89 == 0
		       ? f.value
		       : (struct span){0};
}

static struct span check_medicare(const struct candidate *c)
{
	static const uint8_t weights[8] = {1, 3, 7, 9, 1, 3, 7, 9};
	struct form f;

	return check_forms(c, "10 11 4?5?1", " -", &f) && digits(&f) && f.text[0] >= '2' &&
			       f.text[0] <= '6' &&
			       check_weighted(f.text, weights, 8) % 10 ==
				       (uint32_t)(f.text[8] - '0')
		       ? f.value
		       : (struct span){0};
}

#define NUMBER(sym, name, where, law, what, kind, when, weight, words, mixed, digit_runs,          \
	       ctx_runs, near, form, after)                                                        \
	static const struct datatype sym = {                                                       \
		.id = name,                                                                        \
		.title = what,                                                                     \
		.group = kind,                                                                     \
		.country = where,                                                                  \
		.tags = law,                                                                       \
		.reports = when,                                                                   \
		.severity = weight,                                                                \
		.personal = true,                                                                  \
		.context = words,                                                                  \
		.run_mixed = mixed,                                                                \
		.run_digits = digit_runs,                                                          \
		.run_ctx = ctx_runs,                                                               \
		.digits_near = near,                                                               \
		.run_form = form,                                                                  \
		.run_after = after,                                                                \
		.check = check_##sym,                                                              \
		.samples = sym##_samples,                                                          \
	};                                                                                         \
	DATATYPE_REGISTER(sym)

static const char *const sin_context[] = {"sin", "social insurance", "nas",
					  "numero assurance sociale", NULL};
static const struct type_sample ca_sin_samples[] = {
	{"sin", "397 006 602", true},  {"social_insurance", "594-589-608", true},
	{"sin", "722663804", true},    {NULL, "397 006 602", false},
	{"sin", "397 006 603", false}, {"sin", "397-006 602", false},
	{"sin", "097006605", false},   {0},
};
NUMBER(ca_sin, "ca.sin", "CA", 0, "Canadian social insurance number", GROUP_GOVERNMENT_ID,
       REPORTS_CTX, SEVERITY_CRITICAL, sin_context, 0, RUN_LEN(3) | RUN_LEN(9), 0, 9, NULL, NULL)

static const char *const bsn_context[] = {"bsn", "burgerservicenummer", "sofinummer", NULL};
static const struct type_sample bsn_samples[] = {
	{"bsn", "658267243", true},
	{"burgerservicenummer", "8608.83.061", true},
	{NULL, "658267243", false},
	{"bsn", "658267244", false},
	{0},
};
NUMBER(bsn, "nl.bsn", "NL", TAG_GDPR, "Dutch citizen service number", GROUP_GOVERNMENT_ID,
       REPORTS_CTX, SEVERITY_CRITICAL, bsn_context, 0, RUN_LEN(4) | RUN_LEN(9), 0, 9, NULL, NULL)

static const char *const ahv_context[] = {"ahv", "avs", "ahv number", NULL};
static const struct type_sample ahv_samples[] = {
	{NULL, "756.3219.0451.85", true},
	{"ahv", "7563219045185", true},
	{NULL, "7563219045186", false},
	{NULL, "755.3219.0451.85", false},
	{0},
};
NUMBER(ahv, "ch.ahv", "CH", 0, "Swiss social insurance number", GROUP_GOVERNMENT_ID, REPORTS_YES,
       SEVERITY_CRITICAL, ahv_context, 0, RUN_LEN(3) | RUN_LEN(13), 0, 13, "999", ". ")

static const char *const tckn_context[] = {"tckn",      "kimlik",      "kimlik no", "tc",
					   "tc kimlik", "national id", NULL};
static const struct type_sample tckn_samples[] = {
	{"tckn", "28375190690", true},  {"kimlikNo", "61920473800", true},
	{NULL, "28375190690", false},   {"tckn", "28375190691", false},
	{"tckn", "08375190690", false}, {0},
};
NUMBER(tckn, "tr.tckn", "TR", 0, "Turkish identity number", GROUP_GOVERNMENT_ID, REPORTS_CTX,
       SEVERITY_CRITICAL, tckn_context, 0, RUN_LEN(11), 0, 11, NULL, NULL)

static const char *const aadhaar_context[] = {"aadhaar", "aadhar", "uidai", "आधार", NULL};
static const struct type_sample aadhaar_samples[] = {
	{"aadhaar", "8007 3620 3306", true},  {"aadhar_no", "925035896672", true},
	{NULL, "8007 3620 3306", false},      {"aadhaar", "8007 3620 3307", false},
	{"aadhaar", "1007 3620 3306", false}, {0},
};
NUMBER(aadhaar, "in.aadhaar", "IN", 0, "Indian Aadhaar number", GROUP_GOVERNMENT_ID, REPORTS_CTX,
       SEVERITY_CRITICAL, aadhaar_context, 0, RUN_LEN(4) | RUN_LEN(12), 0, 12, NULL, NULL)

static const char *const pan_context[] = {"pan", "permanent account number", "pancard", NULL};
static const struct type_sample pan_samples[] = {
	{NULL, "AKQPM4821L", true},
	{"pan", "akqpm4821l", true},
	{NULL, "number BRTCS9043D of", true},
	{NULL, "AKQXM4821L", false},
	{NULL, "akqpm4821l", false},
	{NULL, "AKQPM48215", false},
	{0},
};
NUMBER(pan, "in.pan", "IN", 0, "Indian permanent account number", GROUP_GOVERNMENT_ID, REPORTS_YES,
       SEVERITY_HIGH, pan_context, RUN_LEN(10), 0, 0, 4, "AAAAA9999A", NULL)

static const char *const cpf_context[] = {"cpf", NULL};
static const struct type_sample cpf_samples[] = {
	{NULL, "284.715.309-88", true}, {"cpf", "73019284678", true},
	{NULL, "73019284678", false},   {NULL, "284.715.309-89", false},
	{"cpf", "11111111111", false},  {0},
};
NUMBER(cpf, "br.cpf", "BR", 0, "Brazilian taxpayer number (CPF)", GROUP_GOVERNMENT_ID, REPORTS_YES,
       SEVERITY_CRITICAL, cpf_context, 0, RUN_LEN(3), RUN_LEN(9) | RUN_LEN(11), 11, NULL, ".")

static const char *const cnpj_context[] = {"cnpj", NULL};
static const struct type_sample cnpj_samples[] = {
	{NULL, "38.261.547/0001-13", true},  {"cnpj", "7K4MB2QX000150", true},
	{NULL, "7K.4MB.2QX/0001-50", true},  {NULL, "38261547000113", false},
	{NULL, "38.261.547/0001-14", false}, {0},
};
NUMBER(cnpj, "br.cnpj", "BR", 0, "Brazilian company number (CNPJ)", GROUP_GOVERNMENT_ID,
       REPORTS_YES, SEVERITY_LOW, cnpj_context, RUN_LEN(2), RUN_LEN(2), RUN_LEN(12) | RUN_LEN(14),
       8, NULL, ".")

static const char *const brn_context[] = {"brn", "business registration", "사업자등록번호",
					  "사업자번호", NULL};
static const struct type_sample brn_samples[] = {
	{"brn", "218-73-64050", true},
	{"사업자등록번호", "6051948271", true},
	{NULL, "218-73-64050", false},
	{"brn", "218-73-64051", false},
	{0},
};
NUMBER(brn, "kr.brn", "KR", 0, "Korean business number", GROUP_GOVERNMENT_ID, REPORTS_CTX,
       SEVERITY_LOW, brn_context, 0, RUN_LEN(3) | RUN_LEN(10), 0, 10, NULL, NULL)

static const char *const nric_context[] = {"nric", "fin", "nric fin", NULL};
static const struct type_sample nric_samples[] = {
	{NULL, "S7204918G", true},   {NULL, "T0318274B", true},  {NULL, "F5820146N", true},
	{"nric", "g3910572t", true}, {NULL, "M6618203N", true},  {NULL, "S7204918H", false},
	{NULL, "A7204918G", false},  {NULL, "s7204918g", false}, {0},
};
NUMBER(nric, "sg.nric", "SG", 0, "Singapore identity number", GROUP_GOVERNMENT_ID, REPORTS_YES,
       SEVERITY_HIGH, nric_context, RUN_LEN(9), 0, 0, 7, "A9999999A", NULL)

static const char *const tnin_context[] = {"tnin",        "thai id",           "thai national id",
					   "national id", "เลขประจำตัวประชาชน", "บัตรประชาชน",
					   NULL};
static const struct type_sample tnin_samples[] = {
	{"thai_id", "3104578239164", true}, {"tnin", "1-5098-27160-43-9", true},
	{NULL, "3104578239164", false},     {"tnin", "3104578239165", false},
	{"tnin", "3994578239167", false},   {0},
};
NUMBER(tnin, "th.tnin", "TH", 0, "Thai national identity number", GROUP_GOVERNMENT_ID, REPORTS_CTX,
       SEVERITY_HIGH, tnin_context, 0, RUN_LEN(1) | RUN_LEN(13), 0, 13, NULL, NULL)

static const char *const tfn_context[] = {"tfn", "tax file", NULL};
static const struct type_sample tfn_samples[] = {
	{"tfn", "529 953 400", true},
	{"tax_file_number", "605246796", true},
	{NULL, "529 953 400", false},
	{"tfn", "529 953 401", false},
	{0},
};
NUMBER(tfn, "au.tfn", "AU", 0, "Australian tax file number", GROUP_GOVERNMENT_ID, REPORTS_CTX,
       SEVERITY_CRITICAL, tfn_context, 0, RUN_LEN(3) | RUN_LEN(9), 0, 9, NULL, NULL)

static const char *const abn_context[] = {"abn", "australian business number", NULL};
static const struct type_sample abn_samples[] = {
	{"abn", "54 799 220 734", true},
	{"abn", "83540498272", true},
	{NULL, "54 799 220 734", false},
	{"abn", "54 799 220 735", false},
	{0},
};
NUMBER(abn, "au.abn", "AU", 0, "Australian business number", GROUP_GOVERNMENT_ID, REPORTS_CTX,
       SEVERITY_INFO, abn_context, 0, RUN_LEN(2) | RUN_LEN(11), 0, 11, NULL, NULL)

static const char *const medicare_context[] = {"medicare", NULL};
static const struct type_sample medicare_samples[] = {
	{"medicare", "5367 61150 1", true}, {"medicareNumber", "5499012081", true},
	{NULL, "5367 61150 1", false},      {"medicare", "5367 61160 1", false},
	{"medicare", "7367611501", false},  {0},
};
NUMBER(medicare, "au.medicare", "AU", 0, "Australian Medicare number", GROUP_HEALTH, REPORTS_CTX,
       SEVERITY_HIGH, medicare_context, 0, RUN_LEN(4) | RUN_LEN(10) | RUN_LEN(11), 0, 10, NULL,
       NULL)

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// National numbers that begin with, or hold, a date of birth, and have a check: Poland (PESEL),
// Sweden (personnummer: Luhn; 60 added to the day for coordination numbers), Finland (letter of
// the number modulo 31), Norway (two digits modulo 11), Belgium (97 minus the rest), South Korea
// (weights, modulo 11, until October 2020), South Africa (Luhn), China (GB 11643: ISO/IEC 7064,
// mod 11-2), Mexico (CURP: base 37 without a gap, weights 18 to 2).

#include "detect/check.h"
#include "detect/issue.h"

static uint32_t two(const uint8_t *p)
{
	return (uint32_t)check_number(p, 2);
}

// Two-digit years: the century is not known, so that 29 February always may be.
static bool date(uint32_t month, uint32_t day)
{
	return check_date(2000, month, day);
}

static struct span check_pesel(const struct candidate *c)
{
	static const uint8_t weights[11] = {1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1};
	struct form f;

	// The century is in the month: 80, 0, 20, 40, 60.
	if (!check_form(c, "11", "", &f) || !check_all(f.text, 11, CLASS_DIGIT) ||
	    !date(two(f.text + 2) % 20, two(f.text + 4)) ||
	    check_weighted(f.text, weights, 11) % 10 != 0)
		return (struct span){0};
	return f.value;
}

static struct span check_personnummer(const struct candidate *c)
{
	const uint8_t *d;
	uint32_t day;
	struct form f;

	if (!check_forms(c, "10 12 6?4 8?4", "-+", &f) || !check_all(f.text, f.n, CLASS_DIGIT))
		return (struct span){0};
	d = f.text + f.n - 10;
	if (f.n == 12 && (two(f.text) < 18 || two(f.text) > 20))
		return (struct span){0};
	day = two(d + 4);
	return date(two(d + 2), day > 60 ? day - 60 : day) && check_luhn(d, 10) ? f.value
										: (struct span){0};
}

static struct span check_hetu(const struct candidate *c)
{
	static const char letters[] = "0123456789ABCDEFHJKLMNPRSTUVWXY";
	uint8_t d[9];
	struct form f;
	uint8_t sign;

	if (check_forms(c, "6?4", "-+", &f)) {
		sign = f.separator;
		memcpy(d + 6, f.text + 6, 3);
	} else if (check_form(c, "11", "", &f)) {
		sign = f.text[6];
		memcpy(d + 6, f.text + 7, 3);
	} else {
		return (struct span){0};
	}
	memcpy(d, f.text, 6);
	if (!strchr("-+ABCDEFUVWXY", sign) || !check_all(d, 9, CLASS_DIGIT) ||
	    check_number(d + 6, 3) < 2 || !date(two(d + 2), two(d)))
		return (struct span){0};
	return (uint8_t)letters[check_number(d, 9) % 31] == f.text[f.n - 1] ? f.value
									    : (struct span){0};
}

static struct span check_fnr(const struct candidate *c)
{
	static const uint8_t first[10] = {3, 7, 6, 1, 8, 9, 4, 5, 2, 1};
	static const uint8_t second[11] = {5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1};
	uint32_t day;
	struct form f;

	if (!check_forms(c, "11 6?5", " ", &f) || !check_all(f.text, 11, CLASS_DIGIT))
		return (struct span){0};
	// Forty is added to the day of a D-number.
	day = two(f.text);
	return date(two(f.text + 2), day > 40 ? day - 40 : day) &&
			       check_weighted(f.text, first, 10) % 11 == 0 &&
			       check_weighted(f.text, second, 11) % 11 == 0
		       ? f.value
		       : (struct span){0};
}

static struct span check_be(const struct candidate *c)
{
	uint64_t n, key;
	struct form f;

	if (!check_forms(c, "11 2.2.2-3.2 6-3-2", "", &f) || !check_all(f.text, 11, CLASS_DIGIT) ||
	    two(f.text + 2) > 12 || two(f.text + 4) > 31)
		return (struct span){0};
	n = check_number(f.text, 9);
	key = two(f.text + 9);
	// Who was born since 2000 has a 2 before the number.
	return 97 - n % 97 == key || 97 - (n + UINT64_C(2000000000)) % 97 == key ? f.value
										 : (struct span){0};
}

static bool kr_date(const uint8_t *d)
{
	return date(two(d + 2), two(d + 4));
}

// Thirteen digits in a row without a name are an article number sooner than a person.
static struct span kr(const struct candidate *c, uint8_t low, uint8_t high, uint32_t base)
{
	static const uint8_t weights[12] = {2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5};
	struct form f;
	bool right;

	if (!check_forms(c, "13 6-7", "", &f) || !check_all(f.text, 13, CLASS_DIGIT) ||
	    !kr_date(f.text) || f.text[6] < low || f.text[6] > high)
		return (struct span){0};
	right = (base - check_weighted(f.text, weights, 12) % 11) % 10 ==
		(uint32_t)(f.text[12] - '0');
	// Numbers given since October 2020 have no check digit.
	return c->ctx || (right && f.n_runs == 2) ? f.value : (struct span){0};
}

static struct span check_rrn(const struct candidate *c)
{
	return kr(c, '1', '4', 11);
}

static struct span check_frn(const struct candidate *c)
{
	return kr(c, '5', '8', 13);
}

static struct span check_za(const struct candidate *c)
{
	struct form f;

	if (!check_form(c, "13", "", &f) || !check_all(f.text, 13, CLASS_DIGIT) ||
	    !date(two(f.text + 2), two(f.text + 4)) || f.text[10] > '2' || !check_luhn(f.text, 13))
		return (struct span){0};
	return f.value;
}

static struct span check_cn(const struct candidate *c)
{
	uint32_t province;
	struct form f;

	if (!check_form(c, "18", "", &f) || !check_all(f.text, 17, CLASS_DIGIT) ||
	    !(check_is(f.text[17], CLASS_DIGIT) || f.text[17] == 'X'))
		return (struct span){0};
	province = two(f.text);
	if (province < 11 || province > 91 || province % 10 == 0 || two(f.text + 6) < 18 ||
	    two(f.text + 6) > 20 ||
	    !check_date((uint32_t)check_number(f.text + 6, 4), two(f.text + 10), two(f.text + 12)))
		return (struct span){0};
	return check_mod11_2(f.text, 18) ? f.value : (struct span){0};
}

static struct span check_curp(const struct candidate *c)
{
	static const char order[] = "0123456789ABCDEFGHIJKLMN&OPQRSTUVWXYZ"; // '&' for Ñ
	uint32_t sum = 0;
	struct form f;

	if (!check_form(c, "18", "", &f) || !check_all(f.text, 4, CLASS_UPPER) ||
	    !check_all(f.text + 4, 6, CLASS_DIGIT) || !strchr("HMX", f.text[10]) ||
	    !check_all(f.text + 11, 5, CLASS_UPPER) || !check_is(f.text[17], CLASS_DIGIT) ||
	    !date(two(f.text + 6), two(f.text + 8)))
		return (struct span){0};
	for (uint32_t i = 0; i < 17; i++)
		sum += (uint32_t)(strchr(order, f.text[i]) - order) * (18 - i);
	return (10 - sum % 10) % 10 == (uint32_t)(f.text[17] - '0') ? f.value : (struct span){0};
}

#define NUMBER(sym, name, where, law, what, when, words, mixed, digits, ctx, near, form, after)    \
	static const struct datatype sym = {                                                       \
		.id = name,                                                                        \
		.title = what,                                                                     \
		.group = GROUP_GOVERNMENT_ID,                                                      \
		.country = where,                                                                  \
		.tags = law,                                                                       \
		.reports = when,                                                                   \
		.severity = SEVERITY_CRITICAL,                                                     \
		.personal = true,                                                                  \
		.context = words,                                                                  \
		.run_mixed = mixed,                                                                \
		.run_digits = digits,                                                              \
		.run_ctx = ctx,                                                                    \
		.digits_near = near,                                                               \
		.run_form = form,                                                                  \
		.run_after = after,                                                                \
		.check = check_##sym,                                                              \
		.samples = sym##_samples,                                                          \
	};                                                                                         \
	DATATYPE_REGISTER(sym)

static const char *const pesel_context[] = {"pesel", NULL};
static const struct type_sample pesel_samples[] = {
	{"pesel", "87042361546", true},  {"pesel", "no. 03291784217,", true},
	{NULL, "87042361546", false},    {"pesel", "87042361547", false},
	{"pesel", "87133261546", false}, {0},
};
NUMBER(pesel, "pl.pesel", "PL", TAG_GDPR, "Polish national number", REPORTS_CTX, pesel_context, 0,
       RUN_LEN(11), 0, 11, NULL, NULL)

static const char *const personnummer_context[] = {"personnummer", "samordningsnummer", "pnr",
						   NULL};
static const struct type_sample personnummer_samples[] = {
	{"personnummer", "870423-6150", true},
	{"personnummer", "198704236150", true},
	{"pnr", "870483-2321", true},
	{NULL, "870423-6150", false},
	{"personnummer", "870423-6151", false},
	{"personnummer", "871323-6150", false},
	{0},
};
NUMBER(personnummer, "se.personnummer", "SE", TAG_GDPR, "Swedish personal number", REPORTS_CTX,
       personnummer_context, 0, RUN_LEN(6) | RUN_LEN(8) | RUN_LEN(10) | RUN_LEN(12), 0, 10, NULL,
       NULL)

static const char *const hetu_context[] = {"hetu", "henkilotunnus", "henkilötunnus",
					   "personbeteckning", NULL};
static const struct type_sample hetu_samples[] = {
	{NULL, "170384-2183", true},
	{NULL, "050903A514U", true},
	{"hetu", "280277y044y", true},
	{NULL, "170384-2184", false},
	{NULL, "321384-2183", false},
	{NULL, "170384/2183", false},
	{0},
};
NUMBER(hetu, "fi.hetu", "FI", TAG_GDPR, "Finnish personal identity code", REPORTS_YES, hetu_context,
       RUN_LEN(11), RUN_LEN(6), 0, 9, "999999", "-+")

static const char *const fnr_context[] = {"fodselsnummer", "fødselsnummer", "fnr", "personnummer",
					  NULL};
static const struct type_sample fnr_samples[] = {
	{"fodselsnummer", "17038420453", true},
	{"fnr", "170384 01564", true},
	{NULL, "17038420453", false},
	{"fnr", "17038420454", false},
	{0},
};
NUMBER(fnr, "no.fnr", "NO", TAG_GDPR, "Norwegian birth number", REPORTS_CTX, fnr_context, 0,
       RUN_LEN(6) | RUN_LEN(11), 0, 11, NULL, NULL)

static const char *const be_context[] = {
	"rijksregister", "rijksregisternummer", "registre national", "niss", "insz", NULL};
static const struct type_sample be_samples[] = {
	{"rijksregisternummer", "84.02.17-203.95", true},
	{"niss", "02091711591", true},
	{NULL, "84.02.17-203.95", false},
	{"niss", "84.02.17-203.96", false},
	{0},
};
NUMBER(be, "be.nn", "BE", TAG_GDPR, "Belgian national number", REPORTS_CTX, be_context, 0,
       RUN_LEN(2) | RUN_LEN(6) | RUN_LEN(11), 0, 11, NULL, NULL)

static const char *const rrn_context[] = {
	"rrn", "resident registration", "jumin", "주민등록번호", "주민번호", NULL};
static const struct type_sample rrn_samples[] = {
	{NULL, "870423-1245184", true},           {"rrn", "9208152381745", true},
	{"주민등록번호", "870423-1245189", true}, {NULL, "8704231245184", false},
	{NULL, "870423-1245185", false},          {"rrn", "871323-1245184", false},
	{"rrn", "870423-9245184", false},         {0},
};
NUMBER(rrn, "kr.rrn", "KR", 0, "Korean resident registration number", REPORTS_YES, rrn_context, 0,
       RUN_LEN(6), RUN_LEN(13), 13, NULL, "-")

static const char *const frn_context[] = {"frn", "foreigner registration", "alien registration",
					  "외국인등록번호", NULL};
static const struct type_sample frn_samples[] = {
	{NULL, "870423-5245187", true},   {"frn", "0501177231883", true},
	{NULL, "0501177231883", false},   {NULL, "870423-5245188", false},
	{"frn", "870423-1245184", false}, {0},
};
NUMBER(frn, "kr.frn", "KR", 0, "Korean foreigner registration number", REPORTS_YES, frn_context, 0,
       RUN_LEN(6), RUN_LEN(13), 13, NULL, "-")

static const char *const za_context[] = {
	"id number", "identity number", "rsa id", "south african id", "national id", "za id", NULL};
static const struct type_sample za_samples[] = {
	{"id_number", "8704235124087", true},  {"identityNumber", "9208150439180", true},
	{NULL, "8704235124087", false},        {"id_number", "8704235124088", false},
	{"id_number", "8713235124087", false}, {0},
};
NUMBER(za, "za.id", "ZA", 0, "South African identity number", REPORTS_CTX, za_context, 0,
       RUN_LEN(13), 0, 13, NULL, NULL)

static const char *const cn_context[] = {"身份证",       "idcard", "id card",
					 "shenfenzheng", "sfz",    NULL};
static const struct type_sample cn_samples[] = {
	{NULL, "110105198704236003", true},  {"身份证号", "11010519870423602x", true},
	{NULL, "110105198704236004", false}, {NULL, "110105198713236003", false},
	{NULL, "990105198704236003", false}, {0},
};
NUMBER(cn, "cn.id", "CN", 0, "Chinese identity number", REPORTS_YES, cn_context, RUN_LEN(18),
       RUN_LEN(18), 0, 17, "99999999999999999", NULL)

static const char *const curp_context[] = {"curp", NULL};
static const struct type_sample curp_samples[] = {
	{NULL, "GORL870423HDFNMS03", true},
	{"curp", "peva030917mjcrlna7", true},
	{NULL, "GORL870423HDFNMS04", false},
	{NULL, "GORL871323HDFNMS03", false},
	{0},
};
NUMBER(curp, "mx.curp", "MX", 0, "Mexican population registry code", REPORTS_YES, curp_context,
       RUN_LEN(18), 0, 0, 7, "AAAA999999A", NULL)

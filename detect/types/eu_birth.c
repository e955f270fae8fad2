// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// European national numbers that hold a date of birth, in fields that say so: Denmark (CPR: its
// digit modulo 11 binds no more since 2007), Austria (ASVG: weights, the check digit is the fourth),
// Bulgaria (EGN, Ordinance RD-02-20-9), Czechia and Slovakia (Act 133/2000: the whole divides by
// 11), Estonia and Lithuania (EVS 585: two rows of weights), Latvia (1101 minus the sum, modulo 11),
// Romania (CNP: 279146358279, modulo 11), Slovenia (EMSO), Luxembourg (Luhn and Verhoeff, both over
// the first eleven), Iceland (kennitala, modulo 11).

#include "detect/check.h"
#include "detect/issue.h"

static uint32_t two(const uint8_t *p)
{
	return (uint32_t)check_number(p, 2);
}

// Two-digit years: 29 February always may be.
static bool date(uint32_t month, uint32_t day)
{
	return check_date(2000, month, day);
}

static uint32_t digit(const struct form *f, uint32_t i)
{
	return (uint32_t)(f->text[i] - '0');
}

static bool forms(const struct candidate *c, const char *lengths, const char *seps, struct form *f)
{
	return check_forms(c, lengths, seps, f) && check_all(f->text, f->n, CLASS_DIGIT) &&
	       !check_uniform(f->text, f->n);
}

static struct span check_cpr(const struct candidate *c)
{
	struct form f;

	return forms(c, "10 6?4", "- ", &f) && date(two(f.text + 2), two(f.text))
		       ? f.value
		       : (struct span){0};
}

static struct span check_svnr(const struct candidate *c)
{
	static const uint8_t weights[10] = {3, 7, 9, 0, 5, 8, 4, 2, 1, 6};
	uint32_t month;
	struct form f;

	if (!forms(c, "10 4?6", " -", &f) || f.text[0] == '0')
		return (struct span){0};
	// Months 13 to 15 are given where a day's numbers are used up.
	month = two(f.text + 6);
	return two(f.text + 4) >= 1 && two(f.text + 4) <= 31 && month >= 1 && month <= 15 &&
			       check_weighted(f.text, weights, 10) % 11 == digit(&f, 3)
		       ? f.value
		       : (struct span){0};
}

static struct span check_egn(const struct candidate *c)
{
	static const uint8_t weights[9] = {2, 4, 8, 5, 10, 9, 7, 3, 6};
	struct form f;

	// 20 is added to the months before 1900, 40 to those since 2000.
	if (!forms(c, "10", "", &f) || two(f.text + 2) > 52 ||
	    !date(two(f.text + 2) % 20, two(f.text + 4)))
		return (struct span){0};
	return check_weighted(f.text, weights, 9) % 11 % 10 == digit(&f, 9) ? f.value
									    : (struct span){0};
}

static struct span check_rc(const struct candidate *c)
{
	uint32_t month;
	uint64_t nine;
	struct form f;

	if (!forms(c, "10 6/4", "", &f))
		return (struct span){0};
	// 50 is added to women's months, 20 where a day's numbers are used up.
	month = two(f.text + 2);
	month -= month > 50 ? 50 : 0;
	month -= month > 20 ? 20 : 0;
	nine = check_number(f.text, 9);
	return date(month, two(f.text + 4)) && nine % 11 % 10 == digit(&f, 9) ? f.value
									      : (struct span){0};
}

// Estonia and Lithuania share it.
static struct span check_ik(const struct candidate *c)
{
	static const uint8_t first[10] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 1};
	static const uint8_t second[10] = {3, 4, 5, 6, 7, 8, 9, 1, 2, 3};
	uint32_t rest;
	struct form f;

	if (!forms(c, "11", "", &f) || f.text[0] < '1' || f.text[0] > '8' ||
	    !date(two(f.text + 3), two(f.text + 5)))
		return (struct span){0};
	rest = check_weighted(f.text, first, 10) % 11;
	if (rest == 10)
		rest = check_weighted(f.text, second, 10) % 11 % 10;
	return rest == digit(&f, 10) ? f.value : (struct span){0};
}

static struct span check_pk(const struct candidate *c)
{
	static const uint8_t weights[10] = {1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
	struct form f;

	if (!forms(c, "11 6-5", "", &f) || f.text[6] > '2' || !date(two(f.text + 2), two(f.text)))
		return (struct span){0};
	return (1101 - check_weighted(f.text, weights, 10)) % 11 == digit(&f, 10)
		       ? f.value
		       : (struct span){0};
}

static struct span check_cnp(const struct candidate *c)
{
	static const uint8_t weights[12] = {2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9};
	uint32_t rest;
	struct form f;

	if (!forms(c, "13", "", &f) || f.text[0] < '1' || f.text[0] > '8' ||
	    !date(two(f.text + 3), two(f.text + 5)) || two(f.text + 7) < 1 || two(f.text + 7) > 52)
		return (struct span){0};
	rest = check_weighted(f.text, weights, 12) % 11;
	return (rest == 10 ? 1 : rest) == digit(&f, 12) ? f.value : (struct span){0};
}

static struct span check_emso(const struct candidate *c)
{
	static const uint8_t weights[12] = {7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2};
	uint32_t rest;
	struct form f;

	// Day, month, three digits of the year, and 50 for Slovenia.
	if (!forms(c, "13", "", &f) || !date(two(f.text + 2), two(f.text)) ||
	    (f.text[4] != '9' && f.text[4] != '0') || two(f.text + 7) != 50)
		return (struct span){0};
	rest = check_weighted(f.text, weights, 12) % 11;
	return (rest == 0 ? 0 : 11 - rest) == digit(&f, 12) ? f.value : (struct span){0};
}

static struct span check_lu(const struct candidate *c)
{
	uint8_t d[12];
	struct form f;

	if (!forms(c, "13", "", &f) || (two(f.text) != 19 && two(f.text) != 20) ||
	    !check_date((uint32_t)check_number(f.text, 4), two(f.text + 4), two(f.text + 6)))
		return (struct span){0};
	memcpy(d, f.text, 11);
	d[11] = f.text[12];
	return check_luhn(f.text, 12) && check_verhoeff(d, 12) ? f.value : (struct span){0};
}

static struct span check_kennitala(const struct candidate *c)
{
	static const uint8_t weights[8] = {3, 2, 7, 6, 5, 4, 3, 2};
	uint32_t day, rest;
	struct form f;

	if (!forms(c, "10 6-4", "", &f) || (f.text[9] != '9' && f.text[9] != '0'))
		return (struct span){0};
	// 40 is added to the day of companies.
	day = two(f.text);
	rest = check_weighted(f.text, weights, 8) % 11;
	return date(two(f.text + 2), day > 40 ? day - 40 : day) &&
			       (rest == 0 ? 0 : 11 - rest) == digit(&f, 8)
		       ? f.value
		       : (struct span){0};
}

#define BIRTH(sym, name, where, what, function, words, lengths, digits)                            \
	static const struct datatype sym = {                                                       \
		.id = name,                                                                        \
		.title = what,                                                                     \
		.group = GROUP_GOVERNMENT_ID,                                                      \
		.country = where,                                                                  \
		.tags = TAG_GDPR,                                                                  \
		.reports = REPORTS_CTX,                                                            \
		.severity = SEVERITY_CRITICAL,                                                     \
		.personal = true,                                                                  \
		.context = words,                                                                  \
		.run_digits = lengths,                                                             \
		.digits_near = digits,                                                             \
		.check = function,                                                                 \
		.samples = sym##_samples,                                                          \
	};                                                                                         \
	DATATYPE_REGISTER(sym)

static const char *const cpr_context[] = {"cpr", "cprnr", "cpr nummer", "personnummer", NULL};
static const struct type_sample cpr_samples[] = {
	{"cpr", "230487-4821", true},    {"cprNummer", "1509921730", true},
	{NULL, "230487-4821", false},    {"cpr", "321387-4821", false},
	{"cpr", "1688380969034", false}, {0},
};
BIRTH(cpr, "dk.cpr", "DK", "Danish CPR number", check_cpr, cpr_context, RUN_LEN(6) | RUN_LEN(10),
      10)

static const char *const svnr_context[] = {"svnr",      "sozialversicherungsnummer", "svnummer",
					   "sv nummer", "versicherungsnummer",       NULL};
static const struct type_sample svnr_samples[] = {
	{"svnr", "4822 230487", true}, {"sozialversicherungsnummer", "7313150992", true},
	{NULL, "4822230487", false},   {"svnr", "4823 230487", false},
	{"svnr", "7313156092", false}, {0},
};
BIRTH(svnr, "at.svnr", "AT", "Austrian social insurance number", check_svnr, svnr_context,
      RUN_LEN(4) | RUN_LEN(10), 10)

static const char *const egn_context[] = {"egn", "егн", NULL};
static const struct type_sample egn_samples[] = {
	{"egn", "8704234820", true},  {"егн", "0349173917", true},  {NULL, "8704234820", false},
	{"egn", "8704234821", false}, {"egn", "8713234820", false}, {0},
};
BIRTH(egn, "bg.egn", "BG", "Bulgarian civil number", check_egn, egn_context, RUN_LEN(10), 10)

static const char *const rc_context[] = {"rodne cislo", "rodné číslo", "rodnecislo", "birth number",
					 NULL};
static const struct type_sample rc_samples[] = {
	{"rodneCislo", "870423/4825", true},   {"rodne_cislo", "9258157315", true},
	{NULL, "870423/4825", false},          {"rodne_cislo", "870423/4826", false},
	{"rodne_cislo", "871423/4825", false}, {0},
};
BIRTH(rc, "cz.rc", "CZ", "Czech and Slovak birth number", check_rc, rc_context,
      RUN_LEN(6) | RUN_LEN(10), 10)

static const char *const ik_context[] = {"isikukood", "personal code", "id code", NULL};
static const struct type_sample ik_samples[] = {
	{"isikukood", "38704234821", true},  {"personalCode", "60309177311", true},
	{NULL, "38704234821", false},        {"isikukood", "38704234822", false},
	{"isikukood", "38713234821", false}, {0},
};
BIRTH(ik, "ee.isikukood", "EE", "Estonian personal code", check_ik, ik_context, RUN_LEN(11), 11)

static const char *const ak_context[] = {"asmens kodas", "asmenskodas", NULL};
static const struct type_sample ak_samples[] = {
	{"asmensKodas", "49208151040", true},
	{"asmens_kodas", "38704234821", true},
	{NULL, "49208151040", false},
	{"asmens_kodas", "49208151041", false},
	{0},
};
BIRTH(ak, "lt.asmenskodas", "LT", "Lithuanian personal code", check_ik, ak_context, RUN_LEN(11), 11)

static const char *const pk_context[] = {"personas kods", "personaskods", NULL};
static const struct type_sample pk_samples[] = {
	{"personasKods", "230487-14822", true},
	{"personas_kods", "15099217316", true},
	{NULL, "230487-14822", false},
	{"personas_kods", "230487-14823", false},
	{"personas_kods", "231387-14822", false},
	{0},
};
BIRTH(pk, "lv.pk", "LV", "Latvian personal code", check_pk, pk_context, RUN_LEN(6) | RUN_LEN(11),
      11)

static const char *const cnp_context[] = {"cnp", "cod numeric personal", NULL};
static const struct type_sample cnp_samples[] = {
	{"cnp", "1870423124828", true},  {"cnp", "no. 6030917407311.", true},
	{NULL, "1870423124828", false},  {"cnp", "1870423124829", false},
	{"cnp", "1688380969034", false}, {0},
};
BIRTH(cnp, "ro.cnp", "RO", "Romanian personal numeric code", check_cnp, cnp_context, RUN_LEN(13),
      13)

static const char *const emso_context[] = {"emso", "emšo", "maticna stevilka", NULL};
static const struct type_sample emso_samples[] = {
	{"emso", "2304987500480", true},  {"EMSO", "1509992505730", true},
	{NULL, "2304987500480", false},   {"emso", "2304987500481", false},
	{"emso", "2313987500480", false}, {0},
};
BIRTH(emso, "si.emso", "SI", "Slovenian personal number", check_emso, emso_context, RUN_LEN(13), 13)

static const char *const lu_context[] = {"matricule", "cns", "matricule nationale",
					 "identification nationale", NULL};
static const struct type_sample lu_samples[] = {
	{"matricule", "1987042348247", true},  {"matricule", "1992081573133", true},
	{NULL, "1987042348247", false},        {"matricule", "1987042348248", false},
	{"matricule", "1987132348247", false}, {0},
};
BIRTH(lu, "lu.matricule", "LU", "Luxembourg identification number", check_lu, lu_context,
      RUN_LEN(13), 13)

static const char *const kennitala_context[] = {"kennitala", NULL};
static const struct type_sample kennitala_samples[] = {
	{"kennitala", "230487-4809", true},  {"kennitala", "1509927459", true},
	{NULL, "230487-4809", false},        {"kennitala", "230487-4819", false},
	{"kennitala", "231387-4809", false}, {0},
};
BIRTH(kennitala, "is.kennitala", "IS", "Icelandic identification number", check_kennitala,
      kennitala_context, RUN_LEN(6) | RUN_LEN(10), 10)

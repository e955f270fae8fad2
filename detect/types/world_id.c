// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// More national numbers with a check digit, in fields that say so: Hong Kong (one or two letters,
// weights 9 to 1, modulo 11), Taiwan (the letter counts as two digits, modulo 10), the Philippines
// (TIN: weights 9 to 2, modulo 11, and a branch), Nigeria (NIN: Verhoeff).

#include "detect/check.h"
#include "detect/issue.h"

// Letters count from ten on; the place before a single one counts as 36.
static struct span check_hkid(const struct candidate *c)
{
	const uint8_t *end = c->text.p + c->text.len;
	uint32_t letters, sum;
	struct form f;

	if (!check_forms(c, "8 9 7(1 8(1", "", &f) || !check_is(f.text[0], CLASS_UPPER))
		return (struct span){0};
	letters = check_is(f.text[1], CLASS_UPPER) ? 2 : 1;
	if (f.n != letters + 7 || !check_all(f.text + letters, 6, CLASS_DIGIT))
		return (struct span){0};
	sum = letters == 2 ? 9u * (uint32_t)(f.text[0] - 'A' + 10) : 9u * 36;
	sum += 8u * (uint32_t)(f.text[letters - 1] - 'A' + 10);
	for (uint32_t i = 0; i < 6; i++)
		sum += (7 - i) * (uint32_t)(f.text[letters + i] - '0');
	if (f.text[f.n - 1] == 'A')
		sum += 10;
	else if (check_is(f.text[f.n - 1], CLASS_DIGIT))
		sum += (uint32_t)(f.text[f.n - 1] - '0');
	else
		return (struct span){0};
	if (sum % 11 != 0)
		return (struct span){0};
	if (f.n_runs == 2 && f.value.p + f.value.len < end && f.value.p[f.value.len] == ')')
		f.value.len++;
	return f.value;
}

static struct span check_tw(const struct candidate *c)
{
	// By letter: the two digits that it counts as.
	static const uint8_t letter[26] = {10, 11, 12, 13, 14, 15, 16, 17, 34, 18, 19, 20, 21,
					   22, 35, 23, 24, 25, 26, 27, 28, 29, 32, 30, 31, 33};
	static const uint8_t weights[9] = {8, 7, 6, 5, 4, 3, 2, 1, 1};
	uint32_t n;
	struct form f;

	// 1 and 2 for citizens, 8 and 9 for foreigners since 2021.
	if (!check_form(c, "10", "", &f) || !check_is(f.text[0], CLASS_UPPER) ||
	    !check_all(f.text + 1, 9, CLASS_DIGIT) || !strchr("1289", f.text[1]))
		return (struct span){0};
	n = letter[f.text[0] - 'A'];
	return (n / 10 + n % 10 * 9 + check_weighted(f.text + 1, weights, 9)) % 10 == 0
		       ? f.value
		       : (struct span){0};
}

static struct span check_ph(const struct candidate *c)
{
	static const uint8_t weights[8] = {9, 8, 7, 6, 5, 4, 3, 2};
	struct form f;

	if (!check_forms(c, "3?3?3?5 3?3?3?3 3?3?3 9 12 14", "- ", &f) ||
	    !check_all(f.text, f.n, CLASS_DIGIT) || check_uniform(f.text, 9))
		return (struct span){0};
	return check_weighted(f.text, weights, 8) % 11 == (uint32_t)(f.text[8] - '0')
		       ? f.value
		       : (struct span){0};
}

static struct span check_nin(const struct candidate *c)
{
	struct form f;

	return check_form(c, "11", "", &f) && check_all(f.text, 11, CLASS_DIGIT) &&
			       !check_uniform(f.text, 11) && check_verhoeff(f.text, 11)
		       ? f.value
		       : (struct span){0};
}

#define NUMBER(sym, name, where, what, words, mixed, digit_runs, near)                             \
	static const struct datatype sym = {                                                       \
		.id = name,                                                                        \
		.title = what,                                                                     \
		.group = GROUP_GOVERNMENT_ID,                                                      \
		.country = where,                                                                  \
		.reports = REPORTS_CTX,                                                            \
		.severity = SEVERITY_HIGH,                                                         \
		.personal = true,                                                                  \
		.context = words,                                                                  \
		.run_mixed = mixed,                                                                \
		.run_digits = digit_runs,                                                          \
		.digits_near = near,                                                               \
		.check = check_##sym,                                                              \
		.samples = sym##_samples,                                                          \
	};                                                                                         \
	DATATYPE_REGISTER(sym)

static const char *const hkid_context[] = {"hkid",   "hong kong id", "hkic", "identity card",
					   "身份證", "身份证",       NULL};
static const struct type_sample hkid_samples[] = {
	{"hkid", "K482739(2)", true},
	{"hkid", "WX7310488", true},
	{"身份證", "r104826a", true},
	{NULL, "K482739(2)", false},
	{"hkid", "K482739(3)", false},
	{"hkid", "4827392", false},
	{0},
};
NUMBER(hkid, "hk.hkid", "HK", "Hong Kong identity card number", hkid_context,
       RUN_LEN(7) | RUN_LEN(8) | RUN_LEN(9), 0, 6)

static const char *const tw_context[] = {"taiwan id", "national id", "tw id",    "arc number",
					 "身分證",    "身份證字號",  "統一證號", NULL};
static const struct type_sample tw_samples[] = {
	{"national_id", "F148273914", true},
	{"身分證字號", "K273104820", true},
	{"tw_id", "o810482736", true},
	{NULL, "F148273914", false},
	{"tw_id", "F148273915", false},
	{"tw_id", "F348273914", false},
	{0},
};
NUMBER(tw, "tw.id", "TW", "Taiwanese identity number", tw_context, RUN_LEN(10), 0, 9)

static const char *const ph_context[] = {"tin", "bir", "taxpayer", NULL};
static const struct type_sample ph_samples[] = {
	{"tin", "104-827-397", true},
	{"tin", "482-739-162-000", true},
	{"ph_tin", "104827397", true},
	{NULL, "104-827-397", false},
	{"tin", "104-827-398", false},
	{"tin", "104-827 397", false},
	{0},
};
NUMBER(ph, "ph.tin", "PH", "Philippine taxpayer number", ph_context, 0,
       RUN_LEN(3) | RUN_LEN(9) | RUN_LEN(12) | RUN_LEN(14), 9)

static const char *const nin_context[] = {"nin", "nimc", "national identification", NULL};
static const struct type_sample nin_samples[] = {
	{"nin", "48273916481", true},
	{"national_identification_number", "73104827368", true},
	{NULL, "48273916481", false},
	{"nin", "48273916482", false},
	{0},
};
NUMBER(nin, "ng.nin", "NG", "Nigerian identification number", nin_context, 0, RUN_LEN(11), 11)

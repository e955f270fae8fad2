// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Passport and card numbers that have a form but no check digit, in fields that say so: Japanese
// passports (two letters, of which the first tells the kind, and seven digits), Japanese residence
// cards, British, Spanish, French and Indian passports. American ones are nine digits or, since
// 2021, a letter and eight: so little that most of a field's values must look like it.

#include "detect/check.h"
#include "detect/issue.h"

// A: letter, 9: digit, anything else as it stands.
static bool has_form(const struct form *f, const char *form)
{
	for (uint32_t i = 0; i < f->n; i++) {
		if (form[i] == 'A' ? !check_is(f->text[i], CLASS_UPPER)
				   : !check_is(f->text[i], CLASS_DIGIT))
			return false;
	}
	return form[f->n] == 0;
}

static struct span check_jp(const struct candidate *c)
{
	struct form f;

	return check_form(c, "9", "", &f) && has_form(&f, "AA9999999") && strchr("TMNSD", f.text[0])
		       ? f.value
		       : (struct span){0};
}

static struct span check_residence(const struct candidate *c)
{
	struct form f;

	return check_form(c, "12", "", &f) && has_form(&f, "AA99999999AA") ? f.value
									   : (struct span){0};
}

static struct span check_uk(const struct candidate *c)
{
	struct form f;

	return check_form(c, "9", "", &f) && has_form(&f, "AA9999999") ? f.value : (struct span){0};
}

static struct span check_es(const struct candidate *c)
{
	struct form f;

	return check_form(c, "9", "", &f) && has_form(&f, "AAA999999") ? f.value : (struct span){0};
}

static struct span check_in(const struct candidate *c)
{
	struct form f;

	return check_forms(c, "8 3?5", " ", &f) && has_form(&f, "A9999999") &&
			       !strchr("QXZ", f.text[0]) && f.text[1] != '0' && f.text[7] != '0'
		       ? f.value
		       : (struct span){0};
}

static struct span check_fr(const struct candidate *c)
{
	struct form f;

	return check_form(c, "9", "", &f) && has_form(&f, "99AA99999") ? f.value : (struct span){0};
}

static struct span check_us(const struct candidate *c)
{
	struct form f;

	return check_form(c, "9", "", &f) &&
			       (has_form(&f, "A99999999") || has_form(&f, "999999999")) &&
			       !check_uniform(f.text, 9)
		       ? f.value
		       : (struct span){0};
}

static const char *const context[] = {
	"passport", "travel document", "pasaporte", "passeport", "reisepass", "passaporto",
	"旅券",     "パスポート",      "护照",      "여권",      NULL,
};

#define PASSPORT(sym, name, where, law, cite, what, lengths, function)                             \
	static const struct datatype sym = {                                                       \
		.id = name,                                                                        \
		.title = what,                                                                     \
		.group = GROUP_GOVERNMENT_ID,                                                      \
		.country = where,                                                                  \
		.tags = law,                                                                       \
		.rule = cite,                                                                      \
		.reports = REPORTS_CTX,                                                            \
		.severity = SEVERITY_HIGH,                                                         \
		.personal = true,                                                                  \
		.context = context,                                                                \
		.run_mixed = lengths,                                                              \
		.digits_min = 2,                                                                   \
		.digits_near = 6,                                                                  \
		.check = function,                                                                 \
		.samples = sym##_samples,                                                          \
	};                                                                                         \
	DATATYPE_REGISTER(sym)

static const struct type_sample jp_passport_samples[] = {
	{"旅券番号", "TK4829173", true},  {"passport", "no. MU7310482 of", true},
	{NULL, "TK4829173", false},       {"passport", "TK482917", false},
	{"passport", "T48291736", false}, {0},
};
PASSPORT(jp_passport, "jp.passport", "JP", TAG_APPI,
	 "ICAO Doc 9303-4; letters of the Ministry of Foreign Affairs", "Japanese passport number",
	 RUN_LEN(9), check_jp)

static const struct type_sample uk_passport_samples[] = {
	{"passport_number", "HK4829173", true},
	{NULL, "HK4829173", false},
	{"passport", "HK48291735", false},
	{"passport", "4829173HK", false},
	{0},
};
PASSPORT(uk_passport, "uk.passport", "GB", TAG_GDPR, NULL, "British passport number", RUN_LEN(9),
	 check_uk)

static const struct type_sample es_passport_samples[] = {
	{"pasaporte", "PBD482917", true},
	{NULL, "PBD482917", false},
	{"pasaporte", "PB482917", false},
	{0},
};
PASSPORT(es_passport, "es.passport", "ES", TAG_GDPR, NULL, "Spanish passport number", RUN_LEN(9),
	 check_es)

static const struct type_sample in_passport_samples[] = {
	{"passport", "M4829173", true},  {"passportNo", "M48 29173", true},
	{NULL, "M4829173", false},       {"passport", "M0829173", false},
	{"passport", "Q4829173", false}, {0},
};
PASSPORT(in_passport, "in.passport", "IN", 0, NULL, "Indian passport number",
	 RUN_LEN(3) | RUN_LEN(8), check_in)

static const struct type_sample fr_passport_samples[] = {
	{"passeport", "48DX29173", true},
	{"passport", "no. 13AL73104", true},
	{NULL, "48DX29173", false},
	{"passport", "48D129173", false},
	{0},
};
PASSPORT(fr_passport, "fr.passport", "FR", TAG_GDPR, NULL, "French passport number", RUN_LEN(9),
	 check_fr)

static const struct type_sample us_passport_samples[] = {
	{"passport", "A48291736", true},  {"passport_number", "482917360", true},
	{NULL, "A48291736", false},       {"passport", "AB4829173", false},
	{"passport", "000000000", false}, {0},
};

static const struct datatype us_passport = {
	.id = "us.passport",
	.title = "US passport number",
	.group = GROUP_GOVERNMENT_ID,
	.country = "US",
	.tags = TAG_HIPAA,
	.reports = REPORTS_WEAK,
	.severity = SEVERITY_HIGH,
	.personal = true,
	.context = context,
	.run_mixed = RUN_LEN(9),
	.run_digits = RUN_LEN(9),
	.digits_near = 8,
	.check = check_us,
	.samples = us_passport_samples,
};
DATATYPE_REGISTER(us_passport)

static const char *const residence_context[] = {"residence card", "zairyu", "在留カード", "在留",
						NULL};

static const struct type_sample residence_samples[] = {
	{"在留カード番号", "AB48291736CD", true},
	{"residence_card", "ab48291736cd", true},
	{NULL, "AB48291736CD", false},
	{"residence_card", "AB4829173CD", false},
	{0},
};

static const struct datatype jp_residence = {
	.id = "jp.residence",
	.title = "Japanese residence card number",
	.group = GROUP_GOVERNMENT_ID,
	.country = "JP",
	.tags = TAG_APPI,
	.rule = "Immigration Control Act, article 19-4: two letters, eight digits, two letters",
	.reports = REPORTS_CTX,
	.severity = SEVERITY_HIGH,
	.personal = true,
	.context = residence_context,
	.run_mixed = RUN_LEN(12),
	.digits_min = 8,
	.digits_near = 8,
	.check = check_residence,
	.samples = residence_samples,
};
DATATYPE_REGISTER(jp_residence)

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Names of people and their gender, which no form tells: the field's name, and values that look
// like it. One value proves nothing; what most of a field's values are decides.

#include "detect/check.h"
#include "detect/issue.h"

enum { NAME_MIN = 2, NAME_MAX = 60 };

static struct span check_name(const struct candidate *c)
{
	struct span v = span_trim(c->text);
	uint32_t letters = 0, chars = 0, words = 1;

	for (uint32_t i = 0; i < v.len; i++) {
		uint8_t b = v.p[i];

		chars += (b & 0xc0) != 0x80; // bytes that begin a character of UTF-8
		letters += check_is(b, CLASS_ALPHA) || b >= 0x80;
		words += b == ' ';
		if (!check_is(b, CLASS_ALPHA) && b < 0x80 && !strchr(" -'.,", b))
			return (struct span){0};
	}
	if (chars < NAME_MIN || chars > NAME_MAX || letters * 2 < v.len || words > 5 ||
	    check_placeholder(v))
		return (struct span){0};
	return v;
}

static struct span check_gender(const struct candidate *c)
{
	// ISO/IEC 5218 and what forms offer.
	static const char *const values[] = {
		"m",         "f",          "x",          "d",        "w",         "male",
		"female",    "man",        "woman",      "other",    "diverse",   "divers",
		"nonbinary", "non-binary", "non_binary", "männlich", "maennlich", "weiblich",
		"homme",     "femme",      "hombre",     "mujer",    "masculino", "femenino",
		"maschio",   "femmina",    "feminino",   "0",        "1",         "2",
		"9",         "男",         "女",         "男性",     "女性",      "その他",
		"남",        "여",         "남자",       "여자",     NULL,
	};
	struct span v = span_trim(c->text);

	for (uint32_t i = 0; v.len && values[i]; i++) {
		if (check_equals(v, values[i]))
			return v;
	}
	return (struct span){0};
}

static const char *const name_context[] = {
	"first name",
	"last name",
	"given name",
	"family name",
	"full name",
	"surname",
	"middle name",
	"maiden name",
	"person name",
	"customer name",
	"patient name",
	"person",
	"cardholder",
	"account holder",
	"vorname",
	"nachname",
	"prenom",
	"prénom",
	"nombre completo",
	"apellido",
	"cognome",
	"氏名",
	"お名前",
	"姓名",
	"姓",
	"フリガナ",
	"ふりがな",
	"氏名カナ",
	"본명",
	NULL,
};
static const struct type_sample name_samples[] = {
	{"firstName", "Erika", true},
	{"family_name", "O'Neill-Schmidt", true},
	{"氏名", "山田 花子", true},
	{"フリガナ", "ヤマダ ハナコ", true},
	{NULL, "Erika", false},
	{"first_name", "u48273", false},
	{"fullName", "null", false},
	{"file_name", "report", false},
	{"company_name", "Example", false},
	{"lastName", "x", false},
	{0},
};
static const struct datatype person_name = {
	.id = "person.name",
	.title = "Name of a person",
	.group = GROUP_PERSONAL,
	.country = "any",
	.tags = TAG_GDPR | TAG_APPI | TAG_HIPAA,
	.reports = REPORTS_WEAK,
	.severity = SEVERITY_LOW,
	.personal = true,
	.context = name_context,
	.key_only = true,
	.check = check_name,
	.samples = name_samples,
};
DATATYPE_REGISTER(person_name)

static const char *const gender_context[] = {"gender", "sex",  "geschlecht", "sexe", "sexo",
					     "sesso",  "性別", "성별",       NULL};
static const struct type_sample gender_samples[] = {
	{"gender", "female", true},
	{"sex", "M", true},
	{"性別", "女性", true},
	{NULL, "female", false},
	{"gender", "unknown", false},
	{"sexagesimal", "m", false},
	{0},
};
static const struct datatype gender = {
	.id = "gender",
	.title = "Gender",
	.group = GROUP_PERSONAL,
	.country = "any",
	.tags = TAG_GDPR | TAG_APPI,
	.rule = "ISO/IEC 5218: codes for sexes",
	.reports = REPORTS_WEAK,
	.severity = SEVERITY_LOW,
	.personal = true,
	.context = gender_context,
	.key_only = true,
	.check = check_gender,
	.samples = gender_samples,
};
DATATYPE_REGISTER(gender)

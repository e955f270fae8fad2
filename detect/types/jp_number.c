// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Japanese numbers with a check digit. Individual Number (My Number): ordinance of the Ministry of
// Internal Affairs no. 85 of 2014, article 5: weights 2 to 7 and 2 to 6 from the right, modulo 11.
// Corporate Number: ordinance of the Ministry of Finance no. 70 of 2014, article 2: weights 1 and
// 2 in turn from the right, modulo 9, the digit stands in front. Driving licence: prefecture, year,
// serial, check digit modulo 11 in the eleventh place, count of reissues.

#include "detect/check.h"
#include "detect/issue.h"

static struct span check_mynumber(const struct candidate *c)
{
	static const uint8_t weights[11] = {6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2};
	uint32_t rest;
	struct form f;

	if (!check_forms(c, "12 4?4?4", " -", &f) || !check_all(f.text, 12, CLASS_DIGIT) ||
	    check_uniform(f.text, 12))
		return (struct span){0};
	rest = check_weighted(f.text, weights, 11) % 11;
	return f.text[11] - '0' == (int)(rest <= 1 ? 0 : 11 - rest) ? f.value : (struct span){0};
}

static struct span check_corporate(const struct candidate *c)
{
	static const uint8_t weights[12] = {2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1};
	struct form f;

	if (!check_forms(c, "13 1-4-4-4", "", &f) || !check_all(f.text, 13, CLASS_DIGIT) ||
	    check_uniform(f.text + 1, 12))
		return (struct span){0};
	return f.text[0] - '0' == (int)(9 - check_weighted(f.text + 1, weights, 12) % 9)
		       ? f.value
		       : (struct span){0};
}

static struct span check_dl(const struct candidate *c)
{
	static const uint8_t weights[10] = {5, 4, 3, 2, 7, 6, 5, 4, 3, 2};
	struct form f;
	uint64_t area;

	if (!check_forms(c, "12 4?4?4", " -", &f) || !check_all(f.text, 12, CLASS_DIGIT))
		return (struct span){0};
	area = check_number(f.text, 2);
	return area >= 10 && area <= 97 &&
			       f.text[10] - '0' ==
				       (int)((11 - check_weighted(f.text, weights, 10) % 11) % 10)
		       ? f.value
		       : (struct span){0};
}

static const char *const mynumber_context[] = {"mynumber", "my number",  "individual number",
					       "kojin",    "kojinbango", "マイナンバー",
					       "個人番号", NULL};

static const struct type_sample mynumber_samples[] = {
	{"my_number", "514716971302", true},
	{"マイナンバー", "7450 9482 6735", true},
	{"kojin_bango", "5147-1697-1302", true},
	{NULL, "514716971302", false},
	{"my_number", "514716971303", false},
	{"my_number", "51471697130", false},
	{0},
};

static const struct datatype jp_mynumber = {
	.id = "jp.mynumber",
	.title = "Japanese Individual Number (My Number)",
	.group = GROUP_GOVERNMENT_ID,
	.country = "JP",
	.tags = TAG_APPI,
	.rule = "MIC Ordinance 85 of 2014, article 5",
	.reports = REPORTS_CTX,
	.severity = SEVERITY_CRITICAL,
	.personal = true,
	.context = mynumber_context,
	.run_digits = RUN_LEN(4) | RUN_LEN(12),
	.digits_near = 12,
	.check = check_mynumber,
	.samples = mynumber_samples,
};
DATATYPE_REGISTER(jp_mynumber)

static const char *const corporate_context[] = {"corporate number", "houjin",   "houjinbango",
						"corporate",        "法人番号", NULL};

static const struct type_sample corporate_samples[] = {
	{"corporate_number", "9266772642345", true},
	{"法人番号", "8-5764-8927-3849", true},
	{NULL, "9266772642345", false},
	{"法人番号", "9266772642346", false},
	{0},
};

static const struct datatype jp_corporate = {
	.id = "jp.corporate",
	.rule = "MOF Ordinance 70 of 2014, article 2",
	.title = "Japanese Corporate Number",
	.group = GROUP_GOVERNMENT_ID,
	.country = "JP",
	.reports = REPORTS_CTX,
	.severity = SEVERITY_INFO,
	.personal = false,
	.context = corporate_context,
	.run_digits = RUN_LEN(1) | RUN_LEN(13),
	.digits_near = 13,
	.check = check_corporate,
	.samples = corporate_samples,
};
DATATYPE_REGISTER(jp_corporate)

static const char *const dl_context[] = {
	"driver license", "drivers license", "driving licence", "license number",
	"menkyo",         "免許証番号",      "運転免許",        NULL};

static const struct type_sample dl_samples[] = {
	{"免許証番号", "301264350410", true},  {"driver_license", "3012 1324 4540", true},
	{NULL, "301264350410", false},         {"免許証番号", "301264350420", false},
	{"免許証番号", "091264350410", false}, {0},
};

static const struct datatype jp_dl = {
	.id = "jp.dl",
	.title = "Japanese driving licence number",
	.group = GROUP_GOVERNMENT_ID,
	.country = "JP",
	.tags = TAG_APPI,
	.rule = "NPA: specification of IC driving licences; check digit modulo 11",
	.reports = REPORTS_CTX,
	.severity = SEVERITY_HIGH,
	.personal = true,
	.context = dl_context,
	.run_digits = RUN_LEN(4) | RUN_LEN(12),
	.digits_near = 12,
	.check = check_dl,
	.samples = dl_samples,
};
DATATYPE_REGISTER(jp_dl)

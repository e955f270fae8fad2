// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Japanese telephone numbers (Ministry of Internal Affairs, plan of telecommunication numbers):
// mobile 060, 070, 080, 090 with eleven digits; fixed lines, and 0120 and 0800 toll-free ones,
// with ten or eleven.

#include "detect/check.h"
#include "detect/issue.h"

static struct span check_mobile(const struct candidate *c)
{
	struct form f;

	if (!check_gather(c, 11, "- ()", &f) || f.text[0] != '0' || f.text[1] < '6' ||
	    f.text[2] != '0' || f.text[3] == '0')
		return (struct span){0};
	return f.value;
}

static struct span check_fixed(const struct candidate *c)
{
	struct form f;
	bool whole = c->runs[0].len == 10;

	if (!check_gather(c, 10, "- ()", &f) || f.text[0] != '0' || f.text[1] == '0')
		return (struct span){0};
	// Subscriber numbers end with four digits; toll-free ones with three and three.
	if (!whole && f.n_runs != 3)
		return (struct span){0};
	if (!whole && c->runs[2].len != 4 && memcmp(f.text, "0120", 4) != 0)
		return (struct span){0};
	return f.value;
}

static const char *const context[] = {
	"phone",  "telephone", "tel", "mobile", "cell", "cellphone",  "fax",
	"keitai", "denwa",     "sms", "電話",   "携帯", "ファックス", NULL,
};

static const struct type_sample mobile_samples[] = {
	{"phone", "090-4821-7396", true},
	{"携帯番号", "08031724956", true},
	{"tel", "070 6284 1935", true},
	{NULL, "090-4821-7396", false},
	{"phone", "0904821739", false},
	{"phone", "03-4821-7396", false},
	{0},
};

static const struct datatype phone_jp_mobile = {
	.id = "phone.jp.mobile",
	.title = "Japanese mobile telephone number",
	.group = GROUP_CONTACT,
	.country = "JP",
	.tags = TAG_APPI,
	.rule = "MIC Notice 6 of 2019: telecommunications numbering plan",
	.reports = REPORTS_CTX,
	.severity = SEVERITY_MEDIUM,
	.personal = true,
	.context = context,
	.run_digits = RUN_LEN(3) | RUN_LEN(11),
	.digits_near = 11,
	.check = check_mobile,
	.samples = mobile_samples,
};
DATATYPE_REGISTER(phone_jp_mobile)

static const struct type_sample fixed_samples[] = {
	{"tel", "03-4821-7396", true},  {"電話番号", "0467-21-8395", true},
	{"fax", "03(4821)7396", true},  {"phone", "0120-482-739", true},
	{NULL, "03-4821-7396", false},  {"tel", "00-4821-7396", false},
	{"tel", "2023-06-1504", false}, {0},
};

static const struct datatype phone_jp_fixed = {
	.id = "phone.jp.fixed",
	.title = "Japanese fixed-line telephone number",
	.group = GROUP_CONTACT,
	.country = "JP",
	.tags = TAG_APPI,
	.rule = "MIC Notice 6 of 2019: telecommunications numbering plan",
	.reports = REPORTS_CTX,
	.severity = SEVERITY_LOW,
	.personal = true,
	.context = context,
	.run_digits = RUN_LEN(2) | RUN_LEN(3) | RUN_LEN(4) | RUN_LEN(5) | RUN_LEN(10),
	.digits_near = 10,
	.check = check_fixed,
	.samples = fixed_samples,
};
DATATYPE_REGISTER(phone_jp_fixed)

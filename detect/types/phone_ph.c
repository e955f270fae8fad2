// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Philippine mobile numbers: 9xx and seven digits, after the trunk prefix 0 or the country code
// 63 (NTC numbering plan).

#include "detect/check.h"
#include "detect/issue.h"

static struct span check(const struct candidate *c)
{
	struct form f;

	if (check_gather(c, 11, " -()", &f) && memcmp(f.text, "09", 2) == 0)
		return f.value;
	if (check_gather(c, 12, " -()", &f) && memcmp(f.text, "639", 3) == 0)
		return f.value;
	return (struct span){0};
}

static const char *const context[] = {"phone",     "telephone", "tel", "mobile", "cell",
				      "cellphone", "telepono",  "sms", "gcash",  NULL};

static const struct type_sample samples[] = {
	{"mobile", "0917 482 7396", true},
	{"phone", "+63 917 482 7396", true},
	{"phone", "09174827396", true},
	{NULL, "09174827396", false},
	{"mobile", "9174827396", false},
	{"mobile", "08174827396", false},
	{0},
};

static const struct datatype phone_ph = {
	.id = "phone.ph",
	.title = "Philippine mobile telephone number",
	.group = GROUP_CONTACT,
	.country = "PH",
	.reports = REPORTS_CTX,
	.severity = SEVERITY_MEDIUM,
	.personal = true,
	.context = context,
	.run_digits = RUN_LEN(1) | RUN_LEN(2) | RUN_LEN(4) | RUN_LEN(11) | RUN_LEN(12),
	.digits_near = 11,
	.check = check,
	.samples = samples,
};
DATATYPE_REGISTER(phone_ph)

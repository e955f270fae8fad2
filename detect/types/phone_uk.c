// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// British mobile numbers: 07 and nine more digits (Ofcom, National Telephone Numbering Plan); 070
// are personal numbers, 076 pagers but for 07624.

#include "detect/check.h"
#include "detect/issue.h"

static struct span check(const struct candidate *c)
{
	struct form f;
	const uint8_t *d;

	if (check_gather(c, 11, "- ()", &f))
		d = f.text;
	else if (check_gather(c, 12, "- ()", &f) && memcmp(f.text, "447", 3) == 0)
		d = f.text + 1;
	else
		return (struct span){0};
	if ((d[0] != '0' && d == f.text) || d[1] != '7' || d[2] == '0')
		return (struct span){0};
	return d[2] != '6' || memcmp(d + 3, "24", 2) == 0 ? f.value : (struct span){0};
}

static const char *const context[] = {
	"phone", "telephone", "tel", "mobile", "cell", "cellphone", "sms", "whatsapp", NULL,
};

static const struct type_sample samples[] = {
	{"mobile", "07911 482739", true},
	{"phone", "07911482739", true},
	{"phone", "+44 7911 482 739", true},
	{NULL, "07911 482739", false},
	{"phone", "06911 482739", false},
	{"phone", "0791148273", false},
	{0},
};

static const struct datatype phone_uk = {
	.id = "phone.uk",
	.title = "British mobile telephone number",
	.group = GROUP_CONTACT,
	.country = "GB",
	.tags = TAG_GDPR,
	.reports = REPORTS_CTX,
	.severity = SEVERITY_MEDIUM,
	.personal = true,
	.context = context,
	.run_digits = RUN_LEN(2) | RUN_LEN(4) | RUN_LEN(5) | RUN_LEN(6) | RUN_LEN(11) | RUN_LEN(12),
	.digits_near = 11,
	.check = check,
	.samples = samples,
};
DATATYPE_REGISTER(phone_uk)

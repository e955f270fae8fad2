// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Turkish telephone numbers: area codes 2xx, 3xx, 4xx and mobile 5xx, with or without the trunk
// prefix 0 or the country code 90 (BTK numbering plan).

#include "detect/check.h"
#include "detect/issue.h"

// Area codes of provinces, special and mobile prefixes that begin with the first two digits.
static bool is_area(const uint8_t *d)
{
	static const char *const second[4] = {"1234567", "1234567", "1234567", "0123456"};
	uint8_t first = d[0];

	return first >= '2' && first <= '5' && d[1] != 0 && strchr(second[first - '2'], d[1]);
}

static struct span check(const struct candidate *c)
{
	struct form f;
	const uint8_t *d;

	if (check_gather(c, 11, " .-()", &f) && f.text[0] == '0')
		d = f.text + 1;
	else if (check_gather(c, 12, " .-()", &f) && memcmp(f.text, "90", 2) == 0)
		d = f.text + 2;
	else if (check_gather(c, 14, " .-()", &f) && memcmp(f.text, "0090", 4) == 0)
		d = f.text + 4;
	else if (check_form(c, "3?3?2?2", " .-", &f) || check_form(c, "10", "", &f))
		d = f.text;
	else
		return (struct span){0};
	return is_area(d) ? f.value : (struct span){0};
}

static const char *const context[] = {
	"phone", "telephone", "tel", "mobile", "cell", "cellphone",
	"gsm",   "telefon",   "cep", "sms",    NULL,
};

static const struct type_sample samples[] = {
	{"telefon", "0 (542) 817 39 46", true},
	{"phone", "+90 542 817 39 46", true},
	{"gsm", "05428173946", true},
	{"cep", "542.817.39.46", true},
	{"cep", "5428173946", true},
	{"phone", "1688380969", false},
	{NULL, "05428173946", false},
	{"telefon", "06428173946", false},
	{"telefon", "542817394", false},
	{0},
};

static const struct datatype phone_tr = {
	.id = "phone.tr",
	.title = "Turkish telephone number",
	.group = GROUP_CONTACT,
	.country = "TR",
	.reports = REPORTS_CTX,
	.severity = SEVERITY_MEDIUM,
	.personal = true,
	.context = context,
	.run_digits = RUN_LEN(1) | RUN_LEN(2) | RUN_LEN(3) | RUN_LEN(4) | RUN_LEN(10) |
		      RUN_LEN(11) | RUN_LEN(12) | RUN_LEN(14),
	.digits_near = 10,
	.check = check,
	.samples = samples,
};
DATATYPE_REGISTER(phone_tr)

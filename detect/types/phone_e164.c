// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// International telephone numbers: '+', country code, national number (ITU-T E.164), with the
// separators of E.123 and the "(0)" of habit. The lengths of the national numbers are those of
// the numbering plans; where the field's name says that it is a number, any assigned zone will do.

#include "detect/check.h"
#include "detect/issue.h"

enum { DIGITS_MIN = 8, DIGITS_MAX = 15, GAP_MAX = 2 };

// By country code, the least and the greatest length of the national number; 0: no row.
#define P(min, max) ((min) << 4 | (max))
static const uint8_t plans[1000] = {
	[1] = P(10, 10),  [7] = P(10, 10),  [20] = P(8, 10),   [27] = P(9, 9),   [30] = P(10, 10),
	[31] = P(9, 9),   [32] = P(8, 9),   [33] = P(9, 9),    [34] = P(9, 9),   [36] = P(8, 9),
	[39] = P(6, 11),  [40] = P(9, 9),   [41] = P(9, 9),    [43] = P(7, 13),  [44] = P(9, 10),
	[45] = P(8, 8),   [46] = P(7, 10),  [47] = P(8, 8),    [48] = P(9, 9),   [49] = P(7, 12),
	[51] = P(8, 9),   [52] = P(10, 11), [53] = P(8, 8),    [54] = P(10, 11), [55] = P(10, 11),
	[56] = P(9, 9),   [57] = P(10, 10), [58] = P(10, 10),  [60] = P(8, 10),  [61] = P(9, 9),
	[62] = P(8, 12),  [63] = P(8, 10),  [64] = P(8, 10),   [65] = P(8, 8),   [66] = P(8, 9),
	[81] = P(9, 10),  [82] = P(8, 10),  [84] = P(9, 10),   [86] = P(10, 11), [90] = P(10, 10),
	[91] = P(10, 10), [92] = P(9, 10),  [93] = P(9, 9),    [94] = P(9, 9),   [95] = P(7, 10),
	[98] = P(10, 10), [212] = P(9, 9),  [213] = P(8, 9),   [216] = P(8, 8),  [218] = P(8, 9),
	[220] = P(7, 7),  [221] = P(9, 9),  [225] = P(10, 10), [233] = P(9, 9),  [234] = P(8, 10),
	[237] = P(9, 9),  [243] = P(9, 9),  [244] = P(9, 9),   [249] = P(9, 9),  [250] = P(9, 9),
	[251] = P(9, 9),  [254] = P(9, 9),  [255] = P(9, 9),   [256] = P(9, 9),  [258] = P(8, 9),
	[260] = P(9, 9),  [263] = P(9, 9),  [351] = P(9, 9),   [352] = P(6, 11), [353] = P(7, 9),
	[354] = P(7, 9),  [355] = P(8, 9),  [356] = P(8, 8),   [357] = P(8, 8),  [358] = P(6, 11),
	[359] = P(7, 9),  [370] = P(8, 8),  [371] = P(8, 8),   [372] = P(7, 8),  [373] = P(8, 8),
	[374] = P(8, 8),  [375] = P(9, 9),  [380] = P(9, 9),   [381] = P(8, 9),  [385] = P(8, 9),
	[386] = P(8, 8),  [387] = P(8, 8),  [389] = P(8, 8),   [420] = P(9, 9),  [421] = P(9, 9),
	[502] = P(8, 8),  [503] = P(8, 8),  [504] = P(8, 8),   [505] = P(8, 8),  [506] = P(8, 8),
	[507] = P(7, 8),  [591] = P(8, 8),  [593] = P(8, 9),   [595] = P(9, 9),  [598] = P(8, 8),
	[852] = P(8, 8),  [853] = P(8, 8),  [855] = P(8, 9),   [856] = P(8, 10), [880] = P(8, 10),
	[886] = P(8, 9),  [960] = P(7, 7),  [961] = P(7, 8),   [962] = P(8, 9),  [963] = P(8, 9),
	[964] = P(8, 10), [965] = P(8, 8),  [966] = P(9, 9),   [967] = P(7, 9),  [968] = P(8, 8),
	[970] = P(8, 9),  [971] = P(8, 9),  [972] = P(8, 9),   [973] = P(8, 8),  [974] = P(8, 8),
	[975] = P(8, 8),  [976] = P(8, 8),  [977] = P(8, 10),  [992] = P(9, 9),  [993] = P(8, 8),
	[994] = P(9, 9),  [995] = P(9, 9),  [996] = P(9, 9),   [998] = P(9, 9),
};
#undef P

// The codes without a row (E.164, annex D).
static bool assigned(const uint8_t *d)
{
	static const char *const unassigned[] = {"210", "214", "215", "217", "219", "259",
						 "28",  "83",  "89",  "999", NULL};

	for (uint32_t i = 0; unassigned[i]; i++) {
		if (memcmp(d, unassigned[i], strlen(unassigned[i])) == 0)
			return false;
	}
	return d[0] != '0';
}

static bool plausible(const uint8_t *d, uint32_t n, bool ctx)
{
	uint32_t code = 0;

	for (uint32_t len = 1; len <= 3; len++) {
		uint32_t plan;

		code = code * 10 + (uint32_t)(d[len - 1] - '0');
		plan = plans[code];
		if (plan && d[0] != '0')
			return (n - len >= plan >> 4 && n - len <= (plan & 15)) || ctx;
	}
	return ctx && assigned(d);
}

static struct span check(const struct candidate *c)
{
	const uint8_t *p = c->at, *end = c->text.p + c->text.len, *last = p;
	uint8_t d[DIGITS_MAX];
	uint32_t n = 0, gap = 0;
	struct span v;

	// "1+2345…", "x+…": a sum, base64.
	if (c->at - c->text.p > 1 && check_is(c->at[-2], CLASS_WORD))
		return (struct span){0};
	while (p < end) {
		if (check_is(*p, CLASS_DIGIT)) {
			if (n == DIGITS_MAX)
				return (struct span){0};
			d[n++] = *p++;
			last = p;
			gap = 0;
			continue;
		}
		if (n >= 1 && end - p >= 3 && memcmp(p, "(0)", 3) == 0) {
			p += 3;
			continue;
		}
		if ((*p != ' ' && *p != '-' && *p != '.' && *p != '(' && *p != ')' && *p != '/') ||
		    gap++ == GAP_MAX)
			break;
		p++;
	}
	v = span_make(c->at - 1, (size_t)(last - c->at) + 1);
	if (n < DIGITS_MIN || check_uniform(d + 1, n - 1) || !plausible(d, n, c->ctx))
		return (struct span){0};
	return check_alone(c->text, v) && (last == end || !check_is(*last, CLASS_ALNUM) ||
					   (*last | 0x20) == 'x')
		       ? v
		       : (struct span){0};
}

static const char *const context[] = {
	"phone",  "telephone", "tel",      "mobile",  "cell",     "cellphone", "fax",
	"msisdn", "gsm",       "whatsapp", "telefon", "telefono", "telefone",  "handy",
	"sms",    "電話",      "携帯",     "手机",    "전화",     NULL,
};

static const struct type_sample samples[] = {
	{NULL, "+49 30 9018 2745", true},
	{NULL, "call +1 (212) 736-5000 now", true},
	{NULL, "+41 (0)44 668 18 00", true},
	{"mobile", "+819031728465", true},
	{"mobile", "+61 312 4821 9034", true},
	{NULL, "+447911 123 456", true},
	{NULL, "2022-12-15T13:15:27+01:00", false},
	{NULL, "UTC+10 20230615", false},
	{NULL, "+1 415", false},
	{NULL, "+999 1234 5678", false},
	{NULL, "1+4930901827", false},
	{0},
};

static const struct datatype phone_e164 = {
	.id = "phone.e164",
	.title = "International telephone number",
	.group = GROUP_CONTACT,
	.country = "any",
	.tags = TAG_GDPR | TAG_APPI | TAG_HIPAA,
	.reports = REPORTS_YES,
	.severity = SEVERITY_MEDIUM,
	.personal = true,
	.context = context,
	.run_min = 1,
	.run_max = 15,
	.digits_only = true,
	.digits_near = 8,
	.run_before = '+',
	.check = check,
	.samples = samples,
};
DATATYPE_REGISTER(phone_e164)

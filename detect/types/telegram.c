// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Tokens of Telegram bots: the bot's number, a colon, 'A' and 34 characters. Most begin with "AA",
// which leads to them anywhere; the others count where a name or the text before them says so.

#include "detect/types/token.h"

enum { ID_MIN = 5, ID_MIN_ALONE = 8, ID_MAX = 16, LEAD = 40, TAIL = 34 };

static struct span token_at(struct span text, const uint8_t *p, uint32_t least)
{
	const uint8_t *end = text.p + text.len;
	uint32_t digits = check_right(p, end, CLASS_DIGIT);

	if (digits < least || digits > ID_MAX || end - p < digits + 2 || p[digits] != ':' ||
	    p[digits + 1] != 'A')
		return (struct span){0};
	return token_accept(check_token_at(text, p, digits + 1, CLASS_URL64, TAIL + 1, TAIL + 1),
			    digits + 1, ENTROPY(3.5));
}

static struct span check(const struct candidate *c)
{
	const uint8_t *end = c->text.p + c->text.len, *p = c->at;

	if (p == c->text.p) // told by the field's name
		return token_at(c->text, span_trim(c->text).p, ID_MIN);
	if (p[-1] == 'A') { // "482739164:AA"
		p -= 3;
		return token_at(c->text, p - check_left(c->text.p, p, CLASS_DIGIT), ID_MIN_ALONE);
	}
	while (p < end && p - c->at < LEAD && !check_is(*p, CLASS_DIGIT))
		p++;
	// What begins with "AA" is found by that.
	if (end - p < ID_MAX + 3)
		return (struct span){0};
	p = p + check_right(p, end, CLASS_DIGIT) + 2 < end &&
			    p[check_right(p, end, CLASS_DIGIT) + 2] == 'A' &&
			    check_right(p, end, CLASS_DIGIT) >= ID_MIN_ALONE
		    ? end
		    : p;
	return token_at(c->text, p, ID_MIN);
}

static const char *const context[] = {"telegram", NULL};

static const struct type_sample samples[] = {
	{NULL, "482739164:AA" T20 "p0Hs6Gf1Jc9Ua", true},
	{NULL, "telegram_bot_token = 482739164827:A4" T20 "p0Hs6Gf1Jc9Ua", true},
	{"telegramToken", "48273916:AZ" T20 "p0Hs6Gf1Jc9Ua", true},
	{NULL, "48273916:AZ" T20 "p0Hs6Gf1Jc9Ua", false},
	{NULL, "4827:AA" T20 "p0Hs6Gf1Jc9Ua", false},
	{NULL, "482739164:AA" T20, false},
	{"telegram_chat", "48273916", false},
	{0},
};

static const struct datatype telegram = {
	.id = "telegram",
	.title = "Telegram bot token",
	.group = GROUP_SECRET,
	.country = "any",
	.reports = REPORTS_YES,
	.severity = SEVERITY_HIGH,
	.personal = false,
	.context = context,
	.pattern = "[0-9]:AA|[tT]elegr|TELEGR",
	.key_only = true,
	.check = check,
	.samples = samples,
};
DATATYPE_REGISTER(telegram)

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The names are those by which frameworks and APIs call such columns; a name agrees when its words
// written together do, or when it ends with a word that says enough by itself.

#include "detect/privilege.h"

#include "detect/noun.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#define NAME(text, kind, tail)                                                                     \
	{                                                                                          \
		text, sizeof(text) - 1, kind, tail                                                 \
	}

static const struct {
	const char *text; // words, by one space
	uint8_t len;
	uint8_t kind;
	bool tail; // also as the last words of a longer name
} privileges[] = {
	{0},
	NAME("role", PRIVILEGE_RIGHTS, true),
	NAME("roles", PRIVILEGE_RIGHTS, true),
	NAME("role id", PRIVILEGE_RIGHTS, true),
	NAME("admin", PRIVILEGE_RIGHTS, true),
	NAME("administrator", PRIVILEGE_RIGHTS, true),
	NAME("staff", PRIVILEGE_RIGHTS, true),
	NAME("superuser", PRIVILEGE_RIGHTS, true),
	NAME("super user", PRIVILEGE_RIGHTS, true),
	NAME("root", PRIVILEGE_RIGHTS, false),
	NAME("is root", PRIVILEGE_RIGHTS, false),
	NAME("moderator", PRIVILEGE_RIGHTS, true),
	NAME("permission", PRIVILEGE_RIGHTS, true),
	NAME("permissions", PRIVILEGE_RIGHTS, true),
	NAME("privilege", PRIVILEGE_RIGHTS, true),
	NAME("privileges", PRIVILEGE_RIGHTS, true),
	NAME("privileged", PRIVILEGE_RIGHTS, true),
	NAME("access level", PRIVILEGE_RIGHTS, true),
	NAME("user level", PRIVILEGE_RIGHTS, true),
	NAME("user type", PRIVILEGE_RIGHTS, true),
	NAME("account type", PRIVILEGE_RIGHTS, true),
	NAME("scope", PRIVILEGE_RIGHTS, false),
	NAME("scopes", PRIVILEGE_RIGHTS, false),
	NAME("authorities", PRIVILEGE_RIGHTS, true),
	NAME("groups", PRIVILEGE_RIGHTS, false),
	NAME("group id", PRIVILEGE_RIGHTS, true),
	NAME("owner", PRIVILEGE_OWNER, true),
	NAME("owner id", PRIVILEGE_OWNER, true),
	NAME("user id", PRIVILEGE_OWNER, false),
	NAME("account id", PRIVILEGE_OWNER, false),
	NAME("customer id", PRIVILEGE_OWNER, false),
	NAME("tenant", PRIVILEGE_OWNER, true),
	NAME("tenant id", PRIVILEGE_OWNER, true),
	NAME("org id", PRIVILEGE_OWNER, true),
	NAME("organization", PRIVILEGE_OWNER, false),
	NAME("organization id", PRIVILEGE_OWNER, true),
	NAME("organisation id", PRIVILEGE_OWNER, true),
	NAME("company id", PRIVILEGE_OWNER, true),
	NAME("created by", PRIVILEGE_OWNER, true),
	NAME("author id", PRIVILEGE_OWNER, true),
	NAME("balance", PRIVILEGE_MONEY, true),
	NAME("credit", PRIVILEGE_MONEY, true),
	NAME("credits", PRIVILEGE_MONEY, true),
	NAME("credit limit", PRIVILEGE_MONEY, true),
	NAME("price", PRIVILEGE_MONEY, true),
	NAME("discount", PRIVILEGE_MONEY, true),
	NAME("discount percent", PRIVILEGE_MONEY, true),
	NAME("discount rate", PRIVILEGE_MONEY, true),
	NAME("cost", PRIVILEGE_MONEY, true),
	NAME("fee", PRIVILEGE_MONEY, true),
	NAME("total", PRIVILEGE_MONEY, true),
	NAME("amount", PRIVILEGE_MONEY, true),
	NAME("salary", PRIVILEGE_MONEY, true),
	NAME("quota", PRIVILEGE_MONEY, true),
	NAME("points", PRIVILEGE_MONEY, true),
	NAME("verified", PRIVILEGE_STATE, true),
	NAME("confirmed", PRIVILEGE_STATE, true),
	NAME("approved", PRIVILEGE_STATE, true),
	NAME("approval status", PRIVILEGE_STATE, true),
	NAME("status", PRIVILEGE_STATE, true),
	NAME("state", PRIVILEGE_STATE, false),
	NAME("active", PRIVILEGE_STATE, false),
	NAME("is active", PRIVILEGE_STATE, false),
	NAME("enabled", PRIVILEGE_STATE, true),
	NAME("banned", PRIVILEGE_STATE, true),
	NAME("blocked", PRIVILEGE_STATE, true),
	NAME("locked", PRIVILEGE_STATE, true),
	NAME("paid", PRIVILEGE_STATE, true),
	NAME("plan", PRIVILEGE_STATE, true),
	NAME("plan id", PRIVILEGE_STATE, true),
	NAME("tier", PRIVILEGE_STATE, true),
	NAME("subscription", PRIVILEGE_STATE, true),
	NAME("premium", PRIVILEGE_STATE, true),
	NAME("trial", PRIVILEGE_STATE, true),
	NAME("license", PRIVILEGE_STATE, false),
	NAME("level", PRIVILEGE_STATE, false),
	NAME("rank", PRIVILEGE_STATE, false),
	NAME("reputation", PRIVILEGE_STATE, false),
	NAME("mfa enabled", PRIVILEGE_STATE, true),
};
enum { PRIVILEGES = sizeof(privileges) / sizeof(privileges[0]) };
static_assert((int)PRIVILEGES <= (int)PRIVILEGES_MAX, "each has a bit");

// Does a list of words end with these? *whole: it is nothing but them.
static bool ends_with(const struct noun_words *w, const char *text, bool *whole)
{
	uint32_t n = 1, at = 0, from;

	for (const char *c = text; *c; c++)
		n += *c == ' ';
	if (n > w->n)
		return false;
	from = w->at[w->n - n];
	for (uint32_t i = from; i < w->len; i++, at++) {
		at += text[at] == ' ';
		if (text[at] != (char)w->text[i])
			return false;
	}
	*whole = n == w->n;
	return text[at] == '\0';
}

// "admin_role": the longer of two that agree says more.
uint8_t privilege_of(struct span key)
{
	struct noun_words w;
	uint32_t longest = 0;
	uint8_t best = 0, last;

	while (key.len > 2 && memcmp(key.p + key.len - 2, "[]", 2) == 0)
		key.len -= 2;
	// Keys of maps end with digits, as a rule; there are many of them.
	if (!noun_words_take(&w, key) || w.text[w.len - 1] < 'a' || w.text[w.len - 1] > 'z')
		return 0;
	last = w.text[w.len - 1];
	for (uint8_t i = 1; i < PRIVILEGES; i++) {
		uint32_t len = privileges[i].len;
		bool whole;

		// Nearly all of them end with another letter.
		if ((uint8_t)privileges[i].text[len - 1] != last)
			continue;
		if (len > longest && ends_with(&w, privileges[i].text, &whole) &&
		    (whole || privileges[i].tail)) {
			longest = len;
			best = i;
		}
	}
	return best;
}

enum privilege_kind privilege_kind(uint8_t number)
{
	return number < PRIVILEGES ? privileges[number].kind : PRIVILEGE_NONE;
}

const char *privilege_text(uint8_t number)
{
	return number && number < PRIVILEGES ? privileges[number].text : "?";
}

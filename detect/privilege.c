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

static const struct {
	const char *text; // words, by one space
	uint8_t kind;
	bool tail; // also as the last words of a longer name
} privileges[] = {
	{0},
	{"role", PRIVILEGE_RIGHTS, true},
	{"roles", PRIVILEGE_RIGHTS, true},
	{"role id", PRIVILEGE_RIGHTS, true},
	{"admin", PRIVILEGE_RIGHTS, true},
	{"administrator", PRIVILEGE_RIGHTS, true},
	{"staff", PRIVILEGE_RIGHTS, true},
	{"superuser", PRIVILEGE_RIGHTS, true},
	{"super user", PRIVILEGE_RIGHTS, true},
	{"root", PRIVILEGE_RIGHTS, false},
	{"is root", PRIVILEGE_RIGHTS, false},
	{"moderator", PRIVILEGE_RIGHTS, true},
	{"permission", PRIVILEGE_RIGHTS, true},
	{"permissions", PRIVILEGE_RIGHTS, true},
	{"privilege", PRIVILEGE_RIGHTS, true},
	{"privileges", PRIVILEGE_RIGHTS, true},
	{"privileged", PRIVILEGE_RIGHTS, true},
	{"access level", PRIVILEGE_RIGHTS, true},
	{"user level", PRIVILEGE_RIGHTS, true},
	{"user type", PRIVILEGE_RIGHTS, true},
	{"account type", PRIVILEGE_RIGHTS, true},
	{"scope", PRIVILEGE_RIGHTS, false},
	{"scopes", PRIVILEGE_RIGHTS, false},
	{"authorities", PRIVILEGE_RIGHTS, true},
	{"groups", PRIVILEGE_RIGHTS, false},
	{"group id", PRIVILEGE_RIGHTS, true},
	{"owner", PRIVILEGE_OWNER, true},
	{"owner id", PRIVILEGE_OWNER, true},
	{"user id", PRIVILEGE_OWNER, false},
	{"account id", PRIVILEGE_OWNER, false},
	{"customer id", PRIVILEGE_OWNER, false},
	{"tenant", PRIVILEGE_OWNER, true},
	{"tenant id", PRIVILEGE_OWNER, true},
	{"org id", PRIVILEGE_OWNER, true},
	{"organization", PRIVILEGE_OWNER, false},
	{"organization id", PRIVILEGE_OWNER, true},
	{"organisation id", PRIVILEGE_OWNER, true},
	{"company id", PRIVILEGE_OWNER, true},
	{"created by", PRIVILEGE_OWNER, true},
	{"author id", PRIVILEGE_OWNER, true},
	{"balance", PRIVILEGE_MONEY, true},
	{"credit", PRIVILEGE_MONEY, true},
	{"credits", PRIVILEGE_MONEY, true},
	{"credit limit", PRIVILEGE_MONEY, true},
	{"price", PRIVILEGE_MONEY, true},
	{"discount", PRIVILEGE_MONEY, true},
	{"discount percent", PRIVILEGE_MONEY, true},
	{"discount rate", PRIVILEGE_MONEY, true},
	{"cost", PRIVILEGE_MONEY, true},
	{"fee", PRIVILEGE_MONEY, true},
	{"total", PRIVILEGE_MONEY, true},
	{"amount", PRIVILEGE_MONEY, true},
	{"salary", PRIVILEGE_MONEY, true},
	{"quota", PRIVILEGE_MONEY, true},
	{"points", PRIVILEGE_MONEY, true},
	{"verified", PRIVILEGE_STATE, true},
	{"confirmed", PRIVILEGE_STATE, true},
	{"approved", PRIVILEGE_STATE, true},
	{"approval status", PRIVILEGE_STATE, true},
	{"status", PRIVILEGE_STATE, true},
	{"state", PRIVILEGE_STATE, false},
	{"active", PRIVILEGE_STATE, false},
	{"is active", PRIVILEGE_STATE, false},
	{"enabled", PRIVILEGE_STATE, true},
	{"banned", PRIVILEGE_STATE, true},
	{"blocked", PRIVILEGE_STATE, true},
	{"locked", PRIVILEGE_STATE, true},
	{"paid", PRIVILEGE_STATE, true},
	{"plan", PRIVILEGE_STATE, true},
	{"plan id", PRIVILEGE_STATE, true},
	{"tier", PRIVILEGE_STATE, true},
	{"subscription", PRIVILEGE_STATE, true},
	{"premium", PRIVILEGE_STATE, true},
	{"trial", PRIVILEGE_STATE, true},
	{"license", PRIVILEGE_STATE, false},
	{"level", PRIVILEGE_STATE, false},
	{"rank", PRIVILEGE_STATE, false},
	{"reputation", PRIVILEGE_STATE, false},
	{"mfa enabled", PRIVILEGE_STATE, true},
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
	size_t longest = 0;
	uint8_t best = 0;

	while (key.len > 2 && memcmp(key.p + key.len - 2, "[]", 2) == 0)
		key.len -= 2;
	// Keys of maps end with digits, as a rule; there are many of them.
	if (!noun_words_take(&w, key) || w.text[w.len - 1] < 'a' || w.text[w.len - 1] > 'z')
		return 0;
	for (uint8_t i = 1; i < PRIVILEGES; i++) {
		size_t len = strlen(privileges[i].text);
		bool whole;

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

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Names of properties that are a program's own affair. The dictionary is written as words: the
// patterns made of it find them in camelCase, snake_case, kebab-case and any case, as keys of JSON
// and as elements of XML. Where the walker tells of every name no pattern is searched: the name is
// compared once, when the worker meets it first, and what follows it is judged as the pattern does.

#include "detect/marks.h"

#include <string.h>

// clang-format off
const struct mark_field mark_fields[] = {
	// what proves who somebody is
	{"password hash", FIELD_SET}, {"password digest", FIELD_SET}, {"hashed password", FIELD_SET},
	{"encrypted password", FIELD_SET}, {"password salt", FIELD_SET}, {"pass hash", FIELD_SET},
	{"pwd hash", FIELD_SET}, {"reset token", FIELD_SET}, {"password reset token", FIELD_SET},
	{"reset password token", FIELD_SET}, {"confirmation token", FIELD_SET},
	{"activation code", FIELD_SET}, {"verification token", FIELD_SET},
	{"remember token", FIELD_SET}, {"two factor secret", FIELD_SET}, {"totp secret", FIELD_SET},
	{"mfa secret", FIELD_SET}, {"otp secret", FIELD_SET}, {"recovery codes", FIELD_SET},
	{"security answer", FIELD_SET}, {"api secret", FIELD_SET}, {"session secret", FIELD_SET},
	// what somebody may do
	{"is admin", FIELD_ANY}, {"is superuser", FIELD_ANY}, {"is super admin", FIELD_ANY},
	{"is staff", FIELD_ANY}, {"is root", FIELD_ANY}, {"admin flag", FIELD_ANY},
	{"access level", FIELD_SET},
	// what is noted about somebody
	{"internal notes", FIELD_SET}, {"internal note", FIELD_SET},
	{"internal comment", FIELD_SET}, {"internal comments", FIELD_SET},
	{"admin notes", FIELD_SET}, {"staff notes", FIELD_SET}, {"private notes", FIELD_SET},
	{"fraud score", FIELD_SET}, {"risk score", FIELD_SET}, {"trust score", FIELD_SET},
	{"shadow banned", FIELD_ANY}, {"is blacklisted", FIELD_ANY},
	{"failed login attempts", FIELD_ANY}, {"failed attempts", FIELD_ANY},
	{"last login ip", FIELD_SET}, {"current sign in ip", FIELD_SET},
	{"last sign in ip", FIELD_SET}, {"registration ip", FIELD_SET},
	// what things cost the seller
	{"cost price", FIELD_SET}, {"purchase price", FIELD_SET}, {"wholesale price", FIELD_SET},
	{"supplier price", FIELD_SET}, {"profit margin", FIELD_SET},
	// how the program works
	{"debug", FIELD_SET}, {"debug info", FIELD_SET}, {"debug message", FIELD_SET},
	{"internal id", FIELD_SET}, {"internal status", FIELD_SET}, {"is internal", FIELD_ANY},
	{"connection string", FIELD_SET}, {"database url", FIELD_SET}, {"db host", FIELD_SET},
	{"sql query", FIELD_SET}, {"raw query", FIELD_SET}, {"__v", FIELD_ANY}, {"_class", FIELD_SET},
	{"_id", FIELD_BESIDE_ID},
	// ordinary where an endpoint always has them, odd where it hardly ever does
	{"salary", FIELD_RARE}, {"credit score", FIELD_RARE}, {"credit limit", FIELD_RARE},
	{"account balance", FIELD_RARE}, {"permissions", FIELD_RARE}, {"roles", FIELD_RARE},
	{"ip address", FIELD_RARE}, {"deleted at", FIELD_RARE}, {"deleted by", FIELD_RARE},
	{"created by", FIELD_RARE}, {"updated by", FIELD_RARE}, {"notes", FIELD_RARE},
	{NULL, FIELD_ANY},
};
// clang-format on

uint32_t mark_fields_count(void)
{
	uint32_t n = 0;

	while (mark_fields[n].name)
		n++;
	return n;
}

// Appends a text. False: it does not fit.
static bool put(char *out, size_t size, size_t *n, const char *text)
{
	size_t len = strlen(text);

	if (len >= size - *n)
		return false;
	memcpy(out + *n, text, len + 1);
	*n += len;
	return true;
}

// "is admin": ["<]is[_-]?admin(?:\\?" ?:|>). Behind FIELD_SET a value follows that says something.
bool mark_field_pattern(uint32_t i, char *out, size_t size)
{
	// A number or true; a string or container that is not empty, nor masked.
	static const char value[] =
		"(?:\\\\?\" ?: ?(?:[0-9t-]|\\\\?\"[^\"*\\\\]|[\\[{] ?[\"0-9])|>[^<])";
	bool good, any = mark_fields[i].when == FIELD_ANY;
	size_t n = 0;

	good = put(out, size, &n, "[\"<]");
	for (const char *c = mark_fields[i].name; *c && good; c++)
		good = put(out, size, &n, *c == ' ' ? "[_-]?" : (char[2]){*c});
	return good && put(out, size, &n, any ? "(?:\\\\?\" ?:|>)" : value);
}

static bool same_letter(uint8_t text, char name)
{
	return span_lower(text) == (uint8_t)name;
}

// Does text hold the name, in any of its spellings?
bool mark_field_in(uint32_t i, struct span text)
{
	const char *name = mark_fields[i].name;

	for (uint32_t start = 0; start < text.len; start++) {
		const char *c = name;
		uint32_t at = start;

		if (!same_letter(text.p[start], *name))
			continue;
		while (*c && at < text.len) {
			if (*c == ' ') {
				at += text.p[at] == '_' || text.p[at] == '-' || text.p[at] == ' ';
				c++;
			} else if (same_letter(text.p[at], *c)) {
				at++;
				c++;
			} else {
				break;
			}
		}
		if (!*c)
			return true;
	}
	return false;
}

uint32_t mark_field_named(struct span key)
{
	for (uint32_t i = 0; mark_fields[i].name && key.len; i++) {
		const char *c = mark_fields[i].name;
		uint32_t at = 0;

		for (; *c; c++) {
			if (*c == ' ')
				at += at < key.len && (key.p[at] == '_' || key.p[at] == '-');
			else if (at < key.len && same_letter(key.p[at], *c))
				at++;
			else
				break;
		}
		if (!*c && at == key.len)
			return i + 1;
	}
	return 0;
}

bool mark_field_string(uint32_t i, struct span string)
{
	return mark_fields[i].when == FIELD_ANY ||
	       (string.len && string.p[0] != '*' && string.p[0] != '\\' && string.p[0] != '"');
}

bool mark_field_token(uint32_t i, struct span token)
{
	uint8_t inside;

	if (mark_fields[i].when == FIELD_ANY)
		return true;
	if (token.len == 0)
		return false;
	if (token.p[0] != '[' && token.p[0] != '{')
		return token.p[0] == 't' || token.p[0] == '-' ||
		       (token.p[0] >= '0' && token.p[0] <= '9');
	inside = token.len > 1 ? token.p[1] : 0;
	if (inside == ' ')
		inside = token.len > 2 ? token.p[2] : 0;
	return inside == '"' || (inside >= '0' && inside <= '9');
}

// "passwordHash"
void mark_field_title(uint32_t i, char *out, size_t size)
{
	size_t n = 0;
	bool upper = false;

	for (const char *c = mark_fields[i].name; *c && n + 1 < size; c++) {
		if (*c != ' ')
			out[n++] = upper ? (char)(*c - 'a' + 'A') : *c;
		upper = *c == ' ';
	}
	out[n] = '\0';
}

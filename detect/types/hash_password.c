// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Stored passwords: the modular crypt format of bcrypt, Argon2 (RFC 9106, PHC string) and crypt(3).
// A hash in hex (MD5, SHA-1, SHA-256) looks like any checksum: a name that says "password" and most
// of a field's values must speak for it.

#include "detect/check.h"
#include "detect/issue.h"

// The alphabet of crypt's base64: letters, digits, '.' and '/'.
#define CRYPT64 (CLASS_ALNUM | CLASS_DOT | CLASS_PLUS)

static bool starts(const struct candidate *c, uint32_t back)
{
	const uint8_t *p = c->at - back;

	return p == c->text.p || !check_is(p[-1], CLASS_WORD);
}

static struct span check_bcrypt(const struct candidate *c)
{
	const uint8_t *end = c->text.p + c->text.len, *p = c->at;

	// "$2b$" is matched; a cost of two digits, then salt and hash.
	if (end - p < 3 + 53 || !check_all(p, 2, CLASS_DIGIT) || p[2] != '$' ||
	    check_right(p + 3, end, CRYPT64) < 53)
		return (struct span){0};
	if (check_entropy(span_make(p + 3, 53)) < ENTROPY(3.5))
		return (struct span){0};
	return span_make(p - 4, 4 + 3 + 53);
}

// One field of a PHC string: bytes of the classes, or one of the extra ones, then '$'.
static const uint8_t *field(const uint8_t *p, const uint8_t *end, uint8_t classes,
			    const char *extra)
{
	while (p < end && *p && (check_is(*p, classes) || strchr(extra, *p)))
		p++;
	return p < end && *p == '$' ? p + 1 : NULL;
}

static struct span check_argon2(const struct candidate *c)
{
	const uint8_t *end = c->text.p + c->text.len, *p, *start = c->at - 4;
	uint32_t hash;

	// "$v=" is matched: "$argon2id$v=19$m=65536,t=3,p=4$salt$hash"
	start -= check_left(c->text.p, start, CLASS_ALNUM);
	if (start == c->text.p || start[-1] != '$' || c->at - 4 - start < 7 ||
	    memcmp(start, "argon2", 6) != 0)
		return (struct span){0};
	p = field(c->at, end, CLASS_DIGIT, "");
	p = p ? field(p, end, CLASS_DIGIT, "mtp=,") : NULL;
	p = p ? field(p, end, CLASS_BASE64, "") : NULL;
	hash = p ? check_right(p, end, CLASS_BASE64) : 0;
	if (hash < 16)
		return (struct span){0};
	return span_make(start - 1, (size_t)(p - start) + 1 + hash);
}

static struct span check_crypt(const struct candidate *c)
{
	const uint8_t *end = c->text.p + c->text.len, *p = c->at;
	uint32_t salt, hash;
	uint8_t kind = p[-2];

	if (!starts(c, 3))
		return (struct span){0};
	if (end - p > 7 && memcmp(p, "rounds=", 7) == 0) {
		p += 7 + check_right(p + 7, end, CLASS_DIGIT);
		if (p == end || *p++ != '$')
			return (struct span){0};
	}
	salt = check_right(p, end, CRYPT64);
	if (kind == 'y' && p + salt < end && p[salt] == '$') {
		p += salt + 1; // parameters stand before the salt
		salt = check_right(p, end, CRYPT64);
	}
	if (salt < 1 || salt > 24 || p + salt == end || p[salt] != '$')
		return (struct span){0};
	p += salt + 1;
	hash = check_right(p, end, CRYPT64);
	if (hash != (kind == '1'   ? 22u
		     : kind == '5' ? 43u
		     : kind == '6' ? 86u
				   : 43u) ||
	    check_entropy(span_make(p, hash)) < ENTROPY(3.5))
		return (struct span){0};
	return span_make(c->at - 3, (size_t)(p - c->at) + 3 + hash);
}

// Checksums of files, caches and commits.
static bool is_checksum(struct span key)
{
	static const char *const words[] = {"etag",  "file",    "commit", "digest", "checksum",
					    "image", "content", "git",    NULL};

	for (uint32_t i = 0; words[i]; i++) {
		if (check_holds(key, words[i]))
			return true;
	}
	return false;
}

static struct span check_hex(const struct candidate *c)
{
	struct span v = span_trim(c->text);

	return (v.len == 32 || v.len == 40 || v.len == 64) && check_all(v.p, v.len, CLASS_HEX) &&
			       check_entropy(v) >= ENTROPY(3) && !is_checksum(c->key)
		       ? v
		       : (struct span){0};
}

static const char *const context[] = {"password", "password hash", "hash", "pwd", NULL};

#define HASH(sym, name, what, anchor)                                                              \
	static const struct datatype sym = {                                                       \
		.id = name,                                                                        \
		.title = what,                                                                     \
		.group = GROUP_SECRET,                                                             \
		.country = "any",                                                                  \
		.reports = REPORTS_YES,                                                            \
		.severity = SEVERITY_CRITICAL,                                                     \
		.personal = true,                                                                  \
		.context = context,                                                                \
		.pattern = anchor,                                                                 \
		.check = check_##sym,                                                              \
		.samples = sym##_samples,                                                          \
	};                                                                                         \
	DATATYPE_REGISTER(sym)

#define SALTED "q7T4zK2wMx5RvB3nLd8Yp0Hs6Gf1Jc9UaEeWiOt.Qq/Zk3Wm5Xy8B"

static const struct type_sample bcrypt_samples[] = {
	{NULL, "$2b$12$" SALTED, true},
	{"hash", "hash: $2y$10$" SALTED "\n", true},
	{NULL, "$2b$12$short", false},
	{NULL, "$2b$1x$" SALTED, false},
	{0},
};
HASH(bcrypt, "hash.bcrypt", "bcrypt password hash", "\\$2[aby]\\$")

static const struct type_sample argon2_samples[] = {
	{NULL,
	 "$argon2id$v=19$m=65536,t=3,p=4$q7T4zK2wMx5RvB3n$Ld8Yp0Hs6Gf1Jc9UaEeWiOtQqZk3Wm5Xy8B",
	 true},
	{NULL, "$argon2id$v=19$m=65536", false},
	{NULL, "cost $v=19 of it", false},
	{0},
};
HASH(argon2, "hash.argon2", "Argon2 password hash", "\\$v=1")

static const struct type_sample crypt_samples[] = {
	{NULL, "$1$q7T4zK2w$Mx5RvB3nLd8Yp0Hs6Gf1J.", true},
	{NULL, "$5$rounds=5000$q7T4zK2wMx5R$vB3nLd8Yp0Hs6Gf1Jc9UaEeWiOt.Qq/Zk3Wm5Xy8B12", true},
	{NULL, "replace $1$ and $5$ with it", false},
	{NULL, "$1$q7T4zK2w$Mx5RvB3nLd8Yp0", false},
	{0},
};
HASH(crypt, "hash.crypt", "crypt password hash", "\\$[156y]\\$")

static const char *const hex_context[] = {"password hash", "passwordhash", "pwd hash",
					  "pass hash",     "passwd hash",  "hashed password",
					  "password md5",  "password sha", NULL};
static const struct type_sample hex_samples[] = {
	{"passwordHash", "3f7a1c9e2b8d4f60a5c7e9b1d3f5a7c9", true},
	{"hashed_password", "3F7A1C9E2B8D4F60A5C7E9B1D3F5A7C93F7A1C9E", true},
	{NULL, "3f7a1c9e2b8d4f60a5c7e9b1d3f5a7c9", false},
	{"commit", "3f7a1c9e2b8d4f60a5c7e9b1d3f5a7c93f7a1c9e", false},
	{"password_file_hash", "3f7a1c9e2b8d4f60a5c7e9b1d3f5a7c9", false},
	{"passwordHash", "00000000000000000000000000000000", false},
	{0},
};

static const struct datatype hash_hex = {
	.id = "hash.hex",
	.title = "Password hash in hex",
	.group = GROUP_SECRET,
	.country = "any",
	.reports = REPORTS_WEAK,
	.severity = SEVERITY_HIGH,
	.personal = true,
	.context = hex_context,
	.key_only = true,
	.check = check_hex,
	.samples = hex_samples,
};
DATATYPE_REGISTER(hash_hex)

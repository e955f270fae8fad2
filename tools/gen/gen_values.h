// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Made-up people and their data, valid in form: social security numbers from assigned areas,
// cards that pass Luhn, telephone numbers of real area codes, e-mail addresses under real top
// level domains, signed tokens. None belongs to anyone on purpose.

#pragma once

#include "tools/gen/gen_random.h"

#include <stddef.h>

// The kinds of sensitive values that a truth file counts.
enum gen_value {
	GEN_EMAIL = 0,
	GEN_PHONE,
	GEN_SSN,
	GEN_CARD,
	GEN_VALUES,
};

enum { GEN_VALUE_BYTES = 96, GEN_TOKEN_BYTES = 320 };

// The data type's id, for the truth file.
const char *gen_value_name(enum gen_value value);
// The JSON key that an API would use for it.
const char *gen_value_key(enum gen_value value);
void gen_value_make(struct gen_random *random, enum gen_value value, char out[GEN_VALUE_BYTES]);
// "Maria Keller".
void gen_value_person(struct gen_random *random, char out[GEN_VALUE_BYTES]);
// n letters and digits, as keys of APIs look; out has room for n + 1.
void gen_value_secret(struct gen_random *random, char *out, size_t n);
// A JSON web token signed by HMAC-SHA-256 with the claims sub, iat and exp.
void gen_value_token(const char *subject, uint64_t issued_s, uint64_t expires_s,
		     char out[GEN_TOKEN_BYTES]);

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Who sent a request, as far as traffic shows. Only keyed hashes of credentials leave this file;
// what is shown of a user is a subject, a name or a hash.

#pragma once

#include "conf/conf.h"
#include "detect/exchange.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct principal_options {
	struct conf_strs headers; // names of the operator's own headers, strongest first
	struct conf_strs cookies; // names of session cookies, may hold wildcards
};

extern const struct conf_section principal_section;

struct merged_principal;

// Tokens that were decoded before, of one worker. Zeroed at the start.
enum { PRINCIPAL_CACHE = 1024 };
struct principal_cache {
	struct principal_known {
		uint64_t hash; // of the Authorization field; 0: free
		uint64_t principal;
		uint8_t kind; // enum principal_kind
		uint8_t user_len;
		uint8_t user[EXCHANGE_USER];
	} known[PRINCIPAL_CACHE];
};

// Sets x->principal, its kind, x->user and x->credentials. x->query is set. cache may be NULL.
void principal_identify(struct exchange *x, const struct principal_options *options, uint64_t seed,
			struct principal_cache *cache);
// Does a query parameter of this name carry an API key in this value?
bool principal_key_parameter(struct span key, struct span value);

// The user in a sentence; principal may be NULL.
const char *principal_text(const struct merged_principal *principal, char *out, size_t size);

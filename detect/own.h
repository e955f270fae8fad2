// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Data types that the operator describes: list "types.own" of the configuration. They stand behind
// the built-in types in the registry, so hits, policies and issues have them like any other. Their
// patterns are a Hyperscan database of their own, which is run on values only: of bodies with
// fields, of forms and URLs, and on texts. Who has none pays nothing.
//
// Made by the control thread at the start (own_life.c), searched by workers (own.c).

#pragma once

#include "conf/conf.h"
#include "detect/datatype.h"

#include <stdio.h>

enum {
	OWN_MAX = 32,
	OWN_WIDTH_MAX = 256, // bytes of a value
};

enum own_validator {
	OWN_NONE = 0,
	OWN_LUHN,
	OWN_VERHOEFF,
	OWN_MOD97,
	OWN_MOD11_10,
	OWN_MOD11_2,
	OWN_DATE,
	OWN_ENTROPY,
};

struct hs_database;

struct own_types {
	uint32_t first, n; // their numbers
	struct datatype type[OWN_MAX];
	struct type_scope scope[OWN_MAX];
	const char **context[OWN_MAX]; // owned, NULL-terminated
	uint8_t validator[OWN_MAX];    // enum own_validator
	struct hs_database *patterns;  // ids are the types' numbers
};

// Is this the name of a type that the configuration describes?
bool own_has(const struct conf *conf, const char *id);
// Puts the configuration's types into the registry, in place of those of a call before. *types
// stays NULL when there are none. False: why says it in a sentence.
bool own_new(const struct conf *conf, struct own_types **types, char *why, size_t why_len);
void own_free(struct own_types *types);
// What some of them cost, for people: one line each.
void own_notes(const struct conf *conf, FILE *out);

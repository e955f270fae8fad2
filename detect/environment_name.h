// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What names say of the environment that they belong to: words such as "staging" in the labels of a
// host or in what a header says, names that only the inside of a network knows, and keys that are
// made for tests. Pure functions, of worker and merger.

#pragma once

#include "conf/conf.h"
#include "flows/span.h"

#include <stdbool.h>
#include <stdint.h>

enum host_kind {
	HOST_UNKNOWN = 0,
	HOST_PRODUCTION,
	HOST_OTHER, // of development, test, staging
};

struct host_name {
	enum host_kind kind;
	bool internal;
	int word; // of HOST_OTHER: which of words
};

// A name without port. A name's last label says nothing (api.test), and neither does a whole label
// before it that is the domain itself (dev.to).
struct host_name environment_host(struct span name, const struct conf_strs *words,
				  const struct conf_strs *internal_names);
// Of a host that a response names: internal by its labels, or an address of a private network
// (RFC 1918, RFC 4193). One label alone is not enough; localhost is the client's own, as the address
// to which it wants to be sent back after a sign-in (RFC 8252 section 7.3).
bool environment_is_internal(struct span name, const struct conf_strs *internal_names);
// The first of the words that is a word of the text, or -1: "eu-staging", "STG", "Test env".
int environment_word(struct span text, const struct conf_strs *words);
// A credential whose beginning says that it is one for tests: "sk_test_…", "staging-…". The word.
int environment_key(struct span key, const struct conf_strs *words);

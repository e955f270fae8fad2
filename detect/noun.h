// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Which names name objects, and objects of what kind: "orderId", "order_id" and the segment behind
// "/orders/" all speak of an order. Pure functions; English rules, as API names are.

#pragma once

#include "flows/span.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	NOUN_NAME = 48, // bytes; longer names name nothing
	NOUN_WORDS = 8,
};

// A name in lower case without its signs.
struct noun_words {
	uint32_t n, len;
	uint8_t text[NOUN_NAME];
	uint8_t at[NOUN_WORDS + 1]; // where word i begins; the end behind the last one
};

enum noun_kind {
	NOUN_NONE = 0, // the name is not that of an identifier
	NOUN_NAMED,    // it is, and says of what: "orderId"
	NOUN_BARE,     // it is, of whatever it stands in: "id"
	NOUN_LINK,     // its value is a link to something: "href"
};

// Takes a name apart. False: too long, or no name.
bool noun_words_take(struct noun_words *w, struct span name);
// What a field's name says of its value. The noun: keyed hash of its singular in lower case without
// signs between its words; never 0. Of NOUN_BARE and NOUN_LINK none is written.
enum noun_kind noun_key(struct span key, uint64_t seed, uint64_t *noun);
// The noun of a container's or a path segment's name: "order-items" and "orderItem" are the same.
// 0: the name says nothing ("data", "items", "v1").
uint64_t noun_container(struct span name, uint64_t seed);

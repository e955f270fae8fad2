// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Resumable walk over an urlencoded body: a value event per pair.

#pragma once

#include "flows/walk.h"

#include <stdint.h>

enum form_state {
	FORM_PAIR = 0,   // before a pair
	FORM_VALUE,      // at the first byte of a value whose key is kept here
	FORM_LONG_VALUE, // inside a token that began before the window
	FORM_LONG_KEY,
};

struct form {
	uint8_t state;   // enum form_state
	uint8_t key_len; // of key
	uint64_t key_hash;
	uint8_t key[WALK_KEY + 8]; // pending key that the window no longer holds, or a decoded one
};

void form_begin(struct form *form);
// Returns the first byte that the next window must repeat, within WINDOW_TAIL of the end.
const uint8_t *form_walk(struct form *form, const struct walk *w);

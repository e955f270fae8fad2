// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The directory that what is learnt is kept in over restarts:
//
//	apitap.baseline   what was learnt (detect/baseline.h)
//	apitap.seed       the secret under which identities are hashed: without it nothing that was
//	                  learnt means anything; mode 0600, made at the first start, never changed
//	lock              held (flock) by whoever may write the others

#pragma once

#include "conf/conf.h"

#include <stddef.h>
#include <stdint.h>

struct state_options { // section "state"
	const char *dir;  // "": nothing is kept
	uint32_t save_min;
	bool frozen; // what was learnt is read, never written
};
extern const struct conf_section state_section;

struct state {
	char dir[4096];
	uint64_t seed;
	int lock; // -1: closed
};

// Makes the directory and the seed when there are none. 0, or -1 with a sentence in why.
int state_open(struct state *state, const char *dir, char *why, size_t why_len);
void state_close(struct state *state);

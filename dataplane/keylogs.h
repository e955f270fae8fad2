// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The option --keylog of the commands that read captures: key logs, or directories with one for
// each capture.

#pragma once

#include "flows/tls_keys.h"

#include <stdbool.h>
#include <stdint.h>

enum { KEYLOGS_MOST = 64 };

struct keylogs {
	const char *paths[KEYLOGS_MOST]; // borrowed
	uint32_t n;
	struct tls_keys keys;
};

// False: there are too many.
bool keylogs_add(struct keylogs *logs, const char *path);
// All of them, once, before workers run; the captures are those that are going to be read. False
// after a message that begins with the command's name.
bool keylogs_load(struct keylogs *logs, const char *command, char *const *captures,
		  uint32_t n_captures);
// NULL: none was asked for.
const struct tls_keys *keylogs_keys(const struct keylogs *logs);
void keylogs_fini(struct keylogs *logs);

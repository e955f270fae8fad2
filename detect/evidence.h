// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Copies of a request and its response that may leave the worker: sensitive values and
// credentials are masked while they are copied, so that no clear copy ever exists. Worker only.

#pragma once

#include "conf/conf.h"
#include "detect/exchange.h"
#include "detect/hits.h"

#include <stdbool.h>
#include <stdint.h>

struct evidence_options {
	bool clear; // nothing is masked
	uint32_t capture_mb;
};

extern const struct conf_section evidence_section;

struct evidence {
	struct scanner *scanner;
	const struct hits_types *types;
	bool clear;
};

// How many bytes evidence_copy() writes at most.
uint32_t evidence_size(const struct exchange *x);
// Copies heads and kept bodies to `to`; out's spans point there. Returns the bytes written.
uint32_t evidence_copy(const struct evidence *evidence, const struct exchange *x, uint8_t *to,
		       struct issue_evidence *out);
// A masked copy of a path, never longer than it. Returns its length. Masks whatever the options.
uint32_t evidence_path(const struct evidence *evidence, struct span path, uint8_t *to);

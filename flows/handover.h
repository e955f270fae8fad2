// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// How a parser hands its connection over to another one. There is one of these per worker, empty
// whenever no parser runs.

#pragma once

#include "flows/http_tx.h"
#include "flows/span.h"

#include <stdbool.h>

struct parser;

// Set by data(), which then returns true. The framework closes the parser and opens the next one.
struct handover {
	bool set;
	const struct parser *next; // NULL: the bytes that follow are looked at as those of a new
				   // connection (behind CONNECT)
	struct span rest;          // of the piece: the first bytes that are for the next one
	// The exchange that asked for it, not yet ended. The next parser may read it in open(), or
	// keep it by setting this to NULL; else it is ended after open().
	struct http_tx *tx;
	// Bytes that the client sent for the next parser before it was its turn, because the tap
	// saw them before the answer: a block of head4k (NULL: none) that the framework gives back.
	uint8_t *early;
	uint32_t early_len;
	uint64_t early_off; // stream offset of the first of them
	bool early_lost;    // more of them, or some before the present ones, are missing
};

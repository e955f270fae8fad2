// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What detection knows of one exchange while it lasts, and at its end, when detectors look at
// it. Worker only. Lives in a pool beside the transaction; tx->detect points to it.

#pragma once

#include "detect/issue.h"
#include "detect/scan.h"
#include "flows/http_tx.h"
#include "flows/parser.h"

enum {
	EXCHANGE_HITS = 24,
	EXCHANGE_MASKS = 96,
	EXCHANGE_NAME = 72,
	EXCHANGE_SAMPLE = 48,
	EXCHANGE_TEMPLATE = 192,
	EXCHANGE_USER = 64,
};

enum hit_place {
	PLACE_BODY = 0,
	PLACE_QUERY,   // of the request target
	PLACE_PATH,    // of the request target
	PLACE_REFERER,
	PLACE_FORM,    // request body, urlencoded
};

// One (type, direction, field) of this exchange.
struct exchange_hit {
	uint16_t type;    // index of the data type
	uint8_t dir;      // enum dir
	uint8_t place;    // enum hit_place
	bool ctx;
	uint64_t field;   // identity of the field within the endpoint
	uint64_t first_value; // keyed hash of the first value
	uint32_t count;   // values
	uint32_t tests;   // of them: numbers that are published for tests, no exposure
	uint64_t seen;     // a bit for each value's hash
	uint32_t distinct; // bits in seen: a floor of the distinct values
	uint8_t name_len, sample_len;
	uint8_t name[EXCHANGE_NAME];     // "$.users[].email", "query.token", "path[2]"
	uint8_t sample[EXCHANGE_SAMPLE]; // masked
};

// Where a sensitive value lies in what is kept of a body; masked before anything leaves.
struct exchange_mask {
	uint32_t off, len;
	uint16_t type; // UINT16_MAX: nothing of it is shown
};

struct exchange {
	struct http_tx *tx;
	uint64_t principal; // keyed hash of kind and value
	enum principal_kind principal_kind;
	uint8_t user_len;
	uint8_t user[EXCHANGE_USER]; // how it is shown
	uint64_t endpoint;  // keyed hash of host, method, template
	uint16_t template_len;
	uint8_t template[EXCHANGE_TEMPLATE];
	struct span host;   // lower case is up to the reader; without port
	struct span path;   // of the target, without query and fragment
	struct span query;
	bool credentials;   // the request carried something that authenticates
	bool login;         // sign-in, sign-up or token request: credentials in the body
	bool half;          // one side only, or a hole: detectors must not conclude from absence

	uint32_t n_hits;
	uint32_t hits_lost;    // beyond EXCHANGE_HITS different fields
	uint32_t n_values;     // sensitive values in the response
	uint64_t value_off, value_end; // where the last of them lies: it may have several types
	uint64_t scanned[2];   // the body was searched up to here; what is behind is not shown
	uint32_t n_masks[2];
	uint32_t mask_limit[2]; // kept body is shown up to here: more hits than masks beyond
	struct scan_pending pending[2];
	struct exchange_hit hits[EXCHANGE_HITS];
	struct exchange_mask masks[2][EXCHANGE_MASKS];
};

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The facts of one WebSocket frame (RFC 6455 section 5.2).

#pragma once

#include "flows/span.h"

#include <stdbool.h>
#include <stdint.h>

struct ws_frame {
	enum dir dir;
	uint8_t opcode;
	bool fin;
	bool complete;      // all of its payload was seen
	bool hashed;        // sha256 is of the complete payload, unmasked, not decompressed
	uint64_t len;       // payload bytes as announced
	uint64_t anomalies; // 1 << enum http_anomaly
	uint8_t sha256[32];
};

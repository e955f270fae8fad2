// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Messages of gRPC inside the bodies of HTTP/2: each has a flag byte (compressed) and four bytes of
// length before it. Bodies keep these bytes in their length and hash; here messages are found and
// counted.

#pragma once

#include "flows/http_tx.h"
#include "flows/span.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	GRPC_PREFIX = 5,
};

// One direction of a call, zeroed at its start.
struct grpc {
	uint32_t left; // bytes to come of the message; before that, what there is of its length
	uint8_t got;   // bytes of the prefix
	bool lost;     // a hole: nobody knows where the next message begins
};

// Is this the type of its content?
bool grpc_type(struct span content_type);
void grpc_data(struct grpc *grpc, struct http_msg *msg, struct span bytes);

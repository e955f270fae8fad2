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

// The status in the trailers of gRPC-Web, which stand in a message of their own as lines of
// HTTP/1. Zeroed at their start.
struct grpc_trailer {
	uint16_t value;
	uint8_t digits; // of value
	uint8_t at;  // of the name, in this line; past it: in the value
	bool off;    // this line is something else
	bool found;  // value is the status
};

// Reads further bytes of the trailers, cut anywhere.
void grpc_trailer(struct grpc_trailer *trailer, struct span bytes);
// They ended. Returns the status, -1: none.
int32_t grpc_trailer_end(struct grpc_trailer *trailer);

// Is this the type of its content?
bool grpc_type(struct span content_type);
bool grpc_any_type(struct span content_type); // … or that of gRPC-Web
void grpc_data(struct grpc *grpc, struct http_msg *msg, struct span bytes);

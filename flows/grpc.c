// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The length of a message is only counted down, so that four gigabytes cost nothing. Called on
// workers; each turn takes bytes or ends a message.

#include "flows/grpc.h"

bool grpc_type(struct span content_type)
{
	static const struct span name = {(const uint8_t *)"application/grpc", 16};

	if (content_type.len < name.len || !span_ieq(span_make(content_type.p, name.len), name))
		return false;
	// application/grpc-web is not framed by HTTP/2 trailers, and its text form is base64.
	return content_type.len == name.len || content_type.p[name.len] == '+' ||
	       content_type.p[name.len] == ';' || content_type.p[name.len] == ' ';
}

void grpc_data(struct grpc *grpc, struct http_msg *msg, struct span bytes)
{
	if (grpc->lost)
		return;
	while (bytes.len) {
		uint32_t n = 1;

		if (grpc->got < GRPC_PREFIX) { // the first byte of it is no length
			grpc->left = grpc->got++ ? grpc->left << 8 | bytes.p[0] : 0;
		} else {
			n = grpc->left < bytes.len ? grpc->left : bytes.len;
			grpc->left -= n;
		}
		bytes.p += n;
		bytes.len -= n;
		if (grpc->got == GRPC_PREFIX && grpc->left == 0) {
			msg->grpc_messages++;
			grpc->got = 0;
		}
	}
}

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The length of a message is only counted down, so that four gigabytes cost nothing. Called on
// workers; each turn takes bytes or ends a message.

#include "flows/grpc.h"

static const struct span grpc_name = {(const uint8_t *)"application/grpc", 16};

bool grpc_any_type(struct span content_type)
{
	return content_type.len >= grpc_name.len &&
	       span_ieq(span_make(content_type.p, grpc_name.len), grpc_name);
}

bool grpc_type(struct span content_type)
{
	uint8_t next;

	if (!grpc_any_type(content_type))
		return false;
	// application/grpc-web is not framed by HTTP/2 trailers, and its text form is base64.
	next = content_type.len == grpc_name.len ? ';' : content_type.p[grpc_name.len];
	return next == '+' || next == ';' || next == ' ';
}

// The byte that a line of the status has next, with what follows it.
static void trailer_byte(struct grpc_trailer *t, uint8_t c)
{
	static const char name[] = "grpc-status:";
	enum { NAME = sizeof(name) - 1, MOST = 4 };

	if (t->at < NAME) {
		t->off = span_lower(c) != (uint8_t)name[t->at++];
	} else if (c >= '0' && c <= '9' && t->digits < MOST) {
		t->value = (uint16_t)(t->value * 10 + (c - '0'));
		t->digits++;
	} else if (t->digits ? c != '\r' : c != ' ' && c != '\t') {
		t->off = true;
	}
}

void grpc_trailer(struct grpc_trailer *t, struct span bytes)
{
	for (uint32_t i = 0; i < bytes.len && !t->found; i++) {
		if (bytes.p[i] != '\n') {
			if (!t->off)
				trailer_byte(t, bytes.p[i]);
			continue;
		}
		t->found = !t->off && t->digits;
		t->off = false;
		if (!t->found)
			*t = (struct grpc_trailer){0};
	}
}

int32_t grpc_trailer_end(struct grpc_trailer *t)
{
	grpc_trailer(t, SPAN_LIT("\n")); // the last line may have no end
	return t->found ? t->value : -1;
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

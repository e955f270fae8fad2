// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
//	byte 0    FIN RSV1 RSV2 RSV3 opcode(4)
//	byte 1    MASK length(7): 126, a 16-bit length follows; 127, a 64-bit one
//	…         masking key, when MASK is set

#include "flows/ws_header.h"

enum {
	CONTROL_BYTES = 125, // of a control frame's payload at most, section 5.5
};

uint32_t ws_header_size(const uint8_t *p, uint32_t n)
{
	if (n < 2)
		return 2;
	uint32_t len = p[1] & 127;

	return 2 + (len == 126 ? 2 : len == 127 ? 8 : 0) + (p[1] & 128 ? 4 : 0);
}

struct ws_header ws_header_parse(const uint8_t *p)
{
	struct ws_header h = {
		.fin = p[0] & 128,
		.rsv = p[0] >> 4 & 7,
		.opcode = p[0] & 15,
		.masked = p[1] & 128,
		.minimal = true,
		.len = p[1] & 127,
	};
	uint32_t size = h.len == 126 ? 2 : h.len == 127 ? 8 : 0;

	p += 2;
	if (size) {
		h.len = 0;
		for (uint32_t i = 0; i < size; i++)
			h.len = h.len << 8 | p[i];
		h.minimal = size == 2 ? h.len > 125 : h.len > UINT16_MAX;
		p += size;
	}
	if (h.masked)
		memcpy(h.key, p, sizeof(h.key));
	return h;
}

bool ws_header_good(const struct ws_header *h, enum dir dir, uint8_t rsv)
{
	if (!ws_opcode_known(h->opcode) || !h->minimal || h->len >> 63 ||
	    h->masked != (dir == CLIENT))
		return false;
	if (h->opcode == WS_CONTINUATION || ws_is_control(h->opcode))
		rsv = 0;
	if (ws_is_control(h->opcode) && (!h->fin || h->len > CONTROL_BYTES))
		return false;
	return (h->rsv & ~rsv) == 0;
}

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Every received packet, and every received byte, ends in exactly one fate. A worker counts them
// in its own table; the sums must equal what was received, always.

#pragma once

#include <stdbool.h>
#include <stdint.h>

// A packet's fate is where it was decided; bytes of a packet with payload may go to two: the
// headers to FATE_HEADERS, the payload to the fate of the packet (or split further by TCP).
#define FATES(X)                                                                                   \
	X(PARSED, "parsed", "payload given to a protocol parser")                                  \
	X(OPAQUE, "opaque", "payload of a connection whose protocol is not parsed")                \
	X(CONTROL, "control", "segments without payload: SYN, ACK, FIN, RST")                      \
	X(HEADERS, "headers", "link, network and transport headers, padding")                      \
	X(DUPLICATE, "duplicate", "payload seen before: retransmission or second mirror copy")     \
	X(HELD, "held", "payload waiting for a hole to fill")                                      \
	X(DISCARDED, "discarded", "payload given up: out of window, hold bound, after the end")    \
	X(MALFORMED, "malformed", "headers cut or inconsistent")                                   \
	X(NESTED, "nested", "more headers of link, tunnels and network than are followed")         \
	X(CHECKSUM, "checksum", "wrong TCP or IP checksum where checksums are trusted")            \
	X(UNSUPPORTED, "unsupported", "not IP, not TCP, or a tunnel that is not decoded")          \
	X(FRAGMENT, "fragment", "pieces of datagrams; the last one of a whole datagram is parsed") \
	X(NO_FLOW, "no_flow", "payload without a flow because the table or a pool was full")       \
	X(SHED, "shed", "left out under overload")                                                 \
	X(NO_BUFFER, "no_buffer", "lost because no packet buffer or ring slot was free")

enum fate {
#define X(name, text, help) FATE_##name,
	FATES(X)
#undef X
	FATE_N,
};

struct fates {
	uint64_t pkts[FATE_N];
	uint64_t bytes[FATE_N];
	uint64_t rx_pkts, rx_bytes; // what must come out
};

extern const char *const fate_names[FATE_N];
extern const char *const fate_help[FATE_N];

void fate_add(struct fates *sum, const struct fates *one);
// Every packet and byte received has exactly one fate.
bool fate_balanced(const struct fates *fates);

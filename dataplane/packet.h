// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// From a frame to struct pkt: link layer, encapsulations, IP, TCP. Pure over the bytes.

#pragma once

#include "dataplane/fate.h"
#include "dataplane/pkt.h"

#include <rte_mbuf.h>

#include <stdint.h>

// Fills pkt_of(m) from the headers in the first segment of m (ts_ns is the caller's).
// link_type: see link.h. wire_len: length on the wire when the capture cut the frame, else the
// packet's length.
// FATE_PARSED: a TCP segment, go on. Anything else is the packet's final fate.
enum fate packet_decode(struct rte_mbuf *m, uint32_t link_type, uint32_t wire_len, uint64_t seed);

enum { PACKET_LAYERS = 32 };

struct packet_layers {
	uint32_t n;
	const char *name[PACKET_LAYERS]; // from the outermost header on
};

// The same, telling which headers it took off.
enum fate packet_decode_layers(struct rte_mbuf *m, uint32_t link_type, uint32_t wire_len,
			       uint64_t seed, struct packet_layers *layers);

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What becomes of a frame before somebody owns it: decoded, put together, verified. The same for
// ports, captures and the benchmark.

#pragma once

#include "dataplane/checksum.h"
#include "dataplane/fate.h"
#include "dataplane/frag.h"

#include <rte_mbuf.h>

#include <stdint.h>

struct packet_layers;

struct ingress {
	uint64_t seed;
	struct frag *frag;            // of the poller
	struct checksum *check;       // of the port or capture
	struct packet_layers *layers; // for people: which headers were taken off; else NULL
};

// Counts *m as received. FATE_PARSED: *m is a TCP segment for the owner of its flow. Anything else
// is counted, and *m is for the caller to free, or NULL.
enum fate ingress_packet(const struct ingress *in, struct rte_mbuf **m, uint32_t link_type,
			 uint32_t wire_len, struct fates *fates);

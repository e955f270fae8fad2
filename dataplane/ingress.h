// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What becomes of a frame before somebody owns it: decoded, put together, verified. The same for
// ports, captures and the benchmark.

#pragma once

#include "dataplane/checksum.h"
#include "dataplane/fate.h"
#include "dataplane/frag.h"
#include "dataplane/pkt.h"

#include <rte_mbuf.h>
#include <rte_prefetch.h>

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

enum {
	INGRESS_AHEAD = 4,          // packets
	INGRESS_AHEAD_BYTES = 1536, // of each: all of what Ethernet carries
};

// Fetches what the packets behind number i of a burst will need: first the buffer, then its bytes,
// all of which the checksum reads. Left to the processor, its own prefetching begins anew with each.
// Four packets are more than the first cache can wait for and keep, so they go to the second.
static inline void ingress_prefetch(struct rte_mbuf *const *pkts, uint32_t n, uint32_t i)
{
	if (i + 2 * INGRESS_AHEAD < n) {
		struct rte_mbuf *m = pkts[i + 2 * INGRESS_AHEAD];

		rte_prefetch0(m);
		rte_prefetch0(pkt_of(m));
	}
	if (i + INGRESS_AHEAD < n) {
		const struct rte_mbuf *m = pkts[i + INGRESS_AHEAD];
		const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
		uint32_t len = RTE_MIN((uint32_t)m->data_len, (uint32_t)INGRESS_AHEAD_BYTES);

		for (uint32_t at = 0; at < len; at += RTE_CACHE_LINE_SIZE)
			rte_prefetch1(p + at);
	}
}

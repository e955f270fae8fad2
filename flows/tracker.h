// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The flow side of one worker: table, TCP, parsers. Takes decoded packets in bursts and owns
// them from then on. One thread; time comes with the packets and with tick().

#pragma once

#include "dataplane/fate.h"
#include "dataplane/pkt.h"
#include "flows/flow_env.h"

#include <stdint.h>

struct tracker;

struct tracker_limits {
	uint32_t flows;           // entries in the table
	uint32_t conns;           // connections with payload followed at once
	uint32_t tcp_timeout_s;   // idle
	uint32_t closed_timeout_s; // after FIN or RST
	uint32_t embryonic_timeout_s; // no payload yet
	uint32_t hold_segments;   // out of order, per direction
	uint32_t hold_bytes;      // out of order, per direction
	uint32_t hold_total;      // mbufs held by the worker in all
	uint32_t gap_ms;          // how long a hole may wait for its bytes
	uint32_t late_ms;         // … when they were acknowledged, or others wait for them
	uint32_t gap_segments;    // … or how many later segments
	bool checksums;           // segments marked bad_checksum are left out
};

// limits and env are borrowed for life. NULL when memory is short.
struct tracker *tracker_new(const struct tracker_limits *limits, struct flow_env *env,
			    uint64_t seed);
void tracker_free(struct tracker *tracker);

// Takes n (<= 64) TCP packets with struct pkt filled in; frees or holds every mbuf. Their fates
// are counted in *fates: packets by their main fate, bytes split as fate.h says.
void tracker_burst(struct tracker *tracker, struct rte_mbuf **pkts, uint32_t n, struct fates *fates);
// Ageing and holes that waited too long. now_ns never runs backwards (earlier values are
// ignored). Work per call is bounded; call it often (every 10 ms to 1 s of packet time).
void tracker_tick(struct tracker *tracker, uint64_t now_ns, struct fates *fates);
// Closes everything, oldest connection first, with CLOSE_END; the table is empty afterwards and
// ready for another capture.
void tracker_flush(struct tracker *tracker, struct fates *fates);
uint32_t tracker_flows(const struct tracker *tracker);

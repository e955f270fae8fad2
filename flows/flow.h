// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// A flow is an entry of the table, two cache lines; a connection is the stream state that only
// flows with payload worth following have.

#pragma once

#include "dataplane/pkt.h"
#include "flows/overlap.h"
#include "flows/parser.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum flow_state {
	FLOW_FREE = 0,
	FLOW_EMBRYONIC, // no payload yet
	FLOW_ACTIVE,    // has a connection
	FLOW_OPAQUE,    // payload that no parser wants
	FLOW_CLOSED,    // lingers for late duplicates
};

enum { SIDE_UNKNOWN = 2 };

struct flow {
	// Line 0: all that an ordinary packet touches.
	struct flow_key key;
	uint64_t hash;
	uint32_t last_s;     // seconds since the tracker's epoch
	uint32_t next, prev; // in the ageing wheel; index + 1, 0: none
	uint32_t conn;       // index + 1 into the pool of connections; 0: none
	// Line 1.
	uint32_t isn[2];  // sequence number of the first data byte, by side of the key
	uint32_t fin[2];  // sequence number of a FIN that came before all payload, by side
	uint32_t syn;     // data sequence number announced by a SYN inside the connection
	uint8_t have_isn; // bit per side
	uint8_t have_fin;
	uint8_t have_syn; // … the side that sent it
	bool reset;       // by a RST; closed when nothing new follows
	uint8_t server;   // side of the SYN-ACK's sender, or SIDE_UNKNOWN
	uint8_t state;    // enum flow_state
	uint8_t v6;
	uint16_t wheel_slot; // in which it is linked
	uint64_t id;         // order of creation
	uint8_t anomalies;   // bits of enum tcp_anomaly, before there is a connection
	uint8_t pad[19];
};
_Static_assert(sizeof(struct flow) == 128, "two cache lines");

enum { PROBE_BYTES = 16 };

// One direction of a connection, by side of the key.
struct stream {
	// Line 0: all that a segment in its place touches, of either direction.
	uint32_t next; // expected sequence number
	uint32_t fin_seq;
	uint32_t ack; // the other side's last acknowledgement number
	bool ack_seen;
	bool started;
	bool floating; // started without a handshake: what was before may still come
	bool lossy;    // a hole, or its start was not seen
	bool has_fin, fin_done;
	uint8_t probe_len;
	uint8_t n_far;         // segments far outside the window in a row that fit each other
	uint64_t off;          // stream offset of next
	uint64_t acked;        // offset up to which the other side has acknowledged
	uint64_t told;         // … by what was delivered of it: all that the parser may know
	uint64_t vain;         // offset up to which the other side has waited for bytes in vain
	struct rte_mbuf *held; // sorted by sequence number, not overlapping
	// Line 1.
	uint64_t hole_ns;   // when the wait began
	uint32_t hole_pkts; // packets of the flow since then
	uint32_t n_held, held_bytes;
	uint32_t far_next; // end of the last segment far outside the window
	uint8_t probe[PROBE_BYTES];
	uint32_t probed;          // payload bytes that passed while looking for a protocol
	struct overlap_run again; // retransmitted bytes that are being compared
	struct rte_mbuf *held_near; // held, what came last was put behind it; NULL: the list's start
	// Line 2.
	alignas(64) struct overlap overlap; // what was delivered last
};
_Static_assert(sizeof(struct stream) == 192, "three cache lines");
_Static_assert(offsetof(struct stream, hole_ns) == 64, "first of the second line");

struct conn {
	struct flow *flow;
	const struct parser *parser;        // NULL: not chosen yet
	struct conn *hole_next, *hole_prev; // list of connections that wait for bytes
	bool in_hole_list;
	uint8_t client; // side of the key, SIDE_UNKNOWN until decided
	struct pctx pctx;
	alignas(64) struct stream stream[2];
	struct conn_meta meta;
	alignas(16) uint8_t state[PARSER_STATE];
};
_Static_assert(offsetof(struct conn, stream) == 128, "all before it is in two cache lines");

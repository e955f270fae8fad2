// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// TCP as an observer sees it: order, holes, ends. The state machine of the endpoints is not
// rebuilt; every decision is made from what crossed the mirror port.

#pragma once

#include "dataplane/fate.h"
#include "flows/flow.h"
#include "flows/overlap.h"
#include "flows/table.h"
#include "flows/tracker.h"
#include "flows/wheel.h"

#include <stdint.h>

enum { TCP_FREE_BATCH = 128 };

struct tracker {
	const struct tracker_limits *limits;
	struct flow_env *env;
	struct table table;
	struct wheel wheel;
	struct pool conns;
	struct conn *holes, *holes_last; // connections that wait for bytes
	struct fates *fates;             // of the call that is running
	uint64_t now_ns;                 // of the packet or tick that is being worked on
	uint64_t latest_ns;              // never runs backwards
	uint64_t tick_ns;                // of the last tick; 0: none yet
	uint64_t skipped_ns;             // jumps of the clock, which age nothing
	uint64_t base_s;                 // first second seen; flow.last_s counts from it
	uint64_t n_flows;                // created ever
	uint32_t held;                   // mbufs
	uint32_t sweep;                  // next flow to look at under pressure
	struct {                         // … when memory of the env is scarce
		uint32_t at;
		uint32_t looked, alone; // lately: flows, and those that relieve of which one side is heard
		uint64_t now_ns;        // when it was scarce last
	} relief;
	uint32_t n_done;                 // mbufs to free at the end of the burst
	struct rte_mbuf *done[TCP_FREE_BATCH];
	struct overlap_key overlap_key;
};

static inline struct conn *conn_of(const struct tracker *t, const struct flow *flow)
{
	return flow->conn ? (struct conn *)(t->conns.base + t->conns.size * (flow->conn - 1))
			  : NULL;
}

// Was anything heard of both sides? Of somebody who makes up packets in the middle of connections
// that do not exist it never is; nor, where only one direction is mirrored, of anybody.
static inline bool conn_is_mutual(const struct conn *c)
{
	const struct stream *s = c->stream;

	return (s[0].started || s[1].ack_seen) && (s[1].started || s[0].ack_seen);
}

// Gives the mbuf back at the end of the burst, or sooner when many wait.
void tracker_free_mbuf(struct tracker *t, struct rte_mbuf *m);
void tracker_free_done(struct tracker *t);
// Takes a flow out of everything; its connection is closed first.
void tracker_remove(struct tracker *t, struct flow *flow, enum close_reason why);

// relief.c: when little is left of what connections share, some of those that hold it and have waited
// longest are ended. Between packets.
void tracker_relieve(struct tracker *t);

// A connection for this flow; NULL when the pool is empty.
struct conn *tcp_open(struct tracker *t, struct flow *flow);
// Ends it: what is held is given up or, when flush is set, delivered around its holes first.
void tcp_close(struct tracker *t, struct conn *c, enum close_reason why, bool flush);
// The first byte's sequence number, from a handshake that came after segments with payload.
void tcp_start(struct conn *c, uint32_t side, uint32_t isn);
// One segment with payload, a FIN, or both; takes the mbuf.
void tcp_segment(struct tracker *t, struct conn *c, struct rte_mbuf *m);
// The sequence number up to which everything has come.
uint32_t tcp_seen(const struct conn *c, uint32_t side);
// An acknowledgement number in a packet of this side.
void tcp_ack(struct tracker *t, struct conn *c, uint32_t side, uint32_t ack);
// A packet without payload: what it acknowledges may be told, unless bytes before it are missing.
void tcp_bare(struct conn *c, const struct pkt *pkt);
// Delivers what may be by now; bytes that were waited for long enough are given up.
void tcp_holes(struct tracker *t, struct conn *c);
// The other connections that wait for bytes are looked at before this one next time.
void tcp_holes_rotate(struct tracker *t, struct conn *c);

// tcp_feed.c: what the parser of a connection is given; each call advances the stream.
// In-order bytes; returns their fate.
enum fate tcp_feed_bytes(struct tracker *t, struct conn *c, uint32_t side, struct span bytes);
// Bytes that did not cross the mirror port.
void tcp_feed_gap(struct tracker *t, struct conn *c, uint32_t side, uint32_t len);
void tcp_feed_fin(struct tracker *t, struct conn *c, uint32_t side);
void tcp_feed_close(struct tracker *t, struct conn *c, enum close_reason why);

// Bytes are missing: something is held, or the stream's end is known and was not reached.
static inline bool tcp_waits(const struct stream *s)
{
	return s->held ||
	       (s->has_fin && !s->fin_done && (s->floating || (int32_t)(s->fin_seq - s->next) > 0));
}

// Something that the exchanges under way, or else the next one, must show.
static inline void tcp_anomaly(struct flow *flow, struct conn *c, enum tcp_anomaly anomaly)
{
	if (c)
		c->pctx.anomalies |= 1u << anomaly;
	else
		flow->anomalies |= (uint8_t)(1u << anomaly);
}

// The sequence number of a stream's first byte.
static inline uint32_t tcp_begin(const struct stream *s)
{
	return s->next - s->fin_done - (uint32_t)s->off;
}

static inline int32_t tcp_seq_diff(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}

static inline void tcp_fates(struct tracker *t, enum fate fate, int64_t pkts, int64_t bytes)
{
	t->fates->pkts[fate] += (uint64_t)pkts;
	t->fates->bytes[fate] += (uint64_t)bytes;
}

// A wait begins, or what is waited for has changed.
static inline void tcp_hole_clock(const struct tracker *t, struct stream *s)
{
	s->hole_ns = t->now_ns;
	s->hole_pkts = 0;
}

// tcp_held.c: what waits for bytes before it.
// Links m, which starts at or ahead of the expected byte, into the held list. Where it overlaps
// with others the first copy's bytes stay; m is dropped when nothing of it is new, and takes the
// place of those that it covers.
void tcp_held_insert(struct tracker *t, struct conn *c, uint32_t side, struct rte_mbuf *m);
// Takes what *link points to out of the held list.
struct rte_mbuf *tcp_held_take(struct tracker *t, struct stream *s, struct rte_mbuf **link);
// Nothing of what is held will be delivered.
void tcp_held_discard(struct tracker *t, struct stream *s, enum fate fate);

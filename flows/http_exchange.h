// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Life of a struct http_tx: taken from its pool with a capture block, filled with the facts of a
// head, reported, given back. Worker code; the sink is called from here and from body.c only.

#pragma once

#include "flows/flow_env.h"
#include "flows/http1_head.h"
#include "flows/http_tx.h"
#include "flows/parser.h"
#include "flows/span.h"

// NULL when the pool is empty. Without a free capture block the exchange is followed all the same,
// but no span of it is set.
struct http_tx *http_exchange_new(struct flow_env *env, const struct conn_meta *conn,
				  uint32_t index);
// The same for one of many at once (streams of HTTP/2): its request waits in a brief block.
struct http_tx *http_exchange_new_sparing(struct flow_env *env, const struct conn_meta *conn,
					  uint32_t index);
// Before the body of a message begins: whoever was sparing gets a capture block.
void http_exchange_body(struct flow_env *env, struct http_tx *tx);
// Keeps what a head says in tx->msg[dir] and, copied, the beginning of the head itself.
void http_exchange_head(struct flow_env *env, struct http_tx *tx, enum dir dir,
			const struct http1_head *head, struct span raw);
// A piece of the request has come, and more will: tells the sink if that goes on for REQUEST_HELD_NS.
void http_exchange_held(struct flow_env *env, struct http_tx *tx, uint64_t now_ns);
// All is known: reports the exchange and frees it.
void http_exchange_end(struct flow_env *env, struct http_tx *tx);
// Frees one that the sink was never told of.
void http_exchange_drop(struct flow_env *env, struct http_tx *tx);

// They stand in the same order.
_Static_assert(ANOMALY_FRAG_OVERLAP - ANOMALY_OVERLAP_CONFLICT == TCP_ANOMALY_FRAGMENTS &&
		       TCP_ANOMALY_FRAGMENTS + 1 == TCP_ANOMALY_N,
	       "anomalies of TCP are shifted into those of HTTP");

// Bits of enum tcp_anomaly as bits of http_msg.anomalies.
static inline uint64_t http_exchange_tcp(uint32_t anomalies)
{
	return (uint64_t)anomalies << ANOMALY_OVERLAP_CONFLICT;
}

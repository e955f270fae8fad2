// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// IP reassembly of one poller (RFC 791 section 3.2, RFC 8200 section 4.5): pieces stay the mbufs
// that they came in and become one chain. Bounded in datagrams, buffers and time.

#pragma once

#include "dataplane/fate.h"

#include <rte_mbuf.h>

#include <stdbool.h>
#include <stdint.h>

struct pkt;
struct datagram;
struct frag_pairs;
struct frag_queues;

struct frag {
	bool pressed; // so much is held that frag_segment() is to see all TCP segments
	// frag.c's own.
	uint64_t seed;
	uint32_t n_buffers, max_buffers;
	uint32_t mask;           // of buckets
	uint32_t oldest, newest; // 0: none
	uint32_t free;           // list through next
	uint32_t fresh;          // entries never used start here
	uint32_t max;            // entries; the first is none
	uint32_t *buckets;
	struct datagram *entries;
	struct frag_queues *queues;
	struct frag_pairs *pairs;
};

// How many of a pool's buffers reassembly may hold, for one of n pollers: few beside what
// receiving needs, and no more than 32 MiB with all that reassembly needs itself.
uint32_t frag_buffers(uint32_t mbufs, uint32_t n);

// buffers: held at most. NULL: no memory.
struct frag *frag_new(uint64_t seed, uint32_t buffers);
void frag_free(struct frag *frag);
// Forgets all pieces: between two captures.
void frag_reset(struct frag *frag);

// Takes a packet that packet_decode() called a fragment; it counts as FATE_FRAGMENT. Returns the
// whole datagram, to be decoded again, once its last piece is there: that packet and its bytes are
// then no longer fragments. With *overlap it is the first piece of a datagram that was given up
// because its pieces contradict each other: it only says to whom that happened. Else NULL.
struct rte_mbuf *frag_add(struct frag *frag, struct rte_mbuf *m, struct fates *fates,
			  bool *overlap);

// Learns from a TCP segment whose fragments are worth more than others: while it is pressed from all
// of them, before that from handshakes, which segments without payload are.
void frag_segment(struct frag *frag, const struct pkt *pkt);

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Packets from capture files, through libpcap, into mbufs. The packets' clock is the only clock.

#pragma once

#include <rte_mbuf.h>

#include <stddef.h>
#include <stdint.h>

struct source;

// path "-" is standard input. NULL with a sentence in why.
struct source *source_open(const char *path, char *why, size_t why_len);
void source_close(struct source *source);

enum source_status {
	SOURCE_PACKET = 1,
	SOURCE_END = 0,
	SOURCE_DAMAGED = -1,   // source_error() says why; nothing more comes
	SOURCE_NO_BUFFER = -2, // the pool is empty; the packet is lost
};

// The next packet: an mbuf (chained when longer than one buffer) with pkt_of(m)->ts_ns set.
// wire_len is its length before any cut by a snap length.
enum source_status source_next(struct source *source, struct rte_mempool *pool,
			       struct rte_mbuf **m, uint32_t *wire_len);
uint32_t source_link_type(const struct source *source);
const char *source_error(const struct source *source);
// Share of the file that was read, 0 to 1; negative when it is not known (a pipe).
double source_progress(const struct source *source);

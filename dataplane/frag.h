// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// IP reassembly of one poller (RFC 791 section 3.2, RFC 8200 section 4.5): pieces stay the mbufs
// that they came in and become one chain. Bounded in datagrams, pieces, buffers and time.

#pragma once

#include "dataplane/fate.h"

#include <rte_mbuf.h>

struct frag;

// NULL: no memory.
struct frag *frag_new(uint64_t seed);
void frag_free(struct frag *frag);
// Forgets all pieces: between two captures.
void frag_reset(struct frag *frag);

// Takes a packet that packet_decode() called a fragment; it counts as FATE_FRAGMENT. Returns the
// whole datagram, to be decoded again, once its last piece is there: that packet and its bytes are
// then no longer fragments. Else NULL.
struct rte_mbuf *frag_add(struct frag *frag, struct rte_mbuf *m, struct fates *fates);

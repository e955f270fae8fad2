// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Which senders are known to exist, for the time when reassembly has to choose: pairs of a sender
// and a receiver, in bounded sets of which the one longest unheard of is forgotten first.

#pragma once

#include "dataplane/pkt.h"

#include <stdbool.h>
#include <stdint.h>

// What a sender has shown: nothing, what can be forged, what cannot.
enum frag_trust { FRAG_UNKNOWN, FRAG_WHOLE, FRAG_ANSWERED, FRAG_TRUSTS };

enum { PAIR_SETS = 8192, PAIR_WAYS = 4, PAIR_SENT = 32768 };

struct frag_pairs {
	uint64_t seed;
	bool used;
	uint32_t tags[FRAG_TRUSTS][PAIR_SETS][PAIR_WAYS]; // 0: none; of a set the newest first
	struct {
		uint32_t tag;
		uint32_t end; // of what was sent to it last
	} sent[PAIR_SENT];
	uint64_t waits[PAIR_SENT / 64]; // a bit of each of sent[]: has it a tag? These stay in a cache
};

void frag_pairs_reset(struct frag_pairs *pairs);
// addr: sender and receiver, as in the key of a fragment.
void frag_pairs_whole(struct frag_pairs *pairs, const struct flow_key *key);
enum frag_trust frag_pairs_trust(const struct frag_pairs *pairs, const struct flow_key *key);
// What a TCP segment without payload says, when all is well: two that open a connection are real.
// Cheap, for it is asked of each.
void frag_pairs_handshake(struct frag_pairs *pairs, const struct pkt *pkt);
// What a TCP segment says about its sender and receiver.
void frag_pairs_segment(struct frag_pairs *pairs, const struct pkt *pkt);

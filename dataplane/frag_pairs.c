// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// A flood with forged senders looks, piece by piece, like a first piece of an honest one. What
// tells them apart is what came before: an address that acknowledges exactly as much as was sent
// to it was there to receive it, and its peer is who sent it. Nobody can do that who forges an
// address and does not see the answers. Less is said by any acknowledgement, and by a datagram
// that became whole: both can be forged for one or two packets, so they are noted apart, where
// they push out only each other. But they are all that there is when one direction is mirrored.
//
// Everything is keyed and of fixed size. Of a set the newest comes first, so that whoever is heard
// of again stays. XXX: where NICs spread, fragments and whole segments of one pair can come to
// different pollers; then only what came to the same one speaks for a sender.

#include "dataplane/frag_pairs.h"

#include "dataplane/hash.h"

void frag_pairs_reset(struct frag_pairs *pairs)
{
	uint64_t seed = pairs->seed;

	if (pairs->used)
		memset(pairs, 0, sizeof(*pairs));
	pairs->seed = seed;
}

static uint64_t pair_hash(const struct frag_pairs *pairs, const uint8_t *from, const uint8_t *to,
			  uint32_t space_proto)
{
	struct flow_key key = {.space_proto = space_proto & ~UINT32_C(0xff)};

	memcpy(key.addr[0], from, sizeof(key.addr[0]));
	memcpy(key.addr[1], to, sizeof(key.addr[1]));
	return hash_flow_key(&key, pairs->seed);
}

static uint32_t pair_tag(uint64_t hash)
{
	return (uint32_t)(hash >> 32) | 1;
}

static void pair_note(struct frag_pairs *pairs, enum frag_trust trust, uint64_t hash)
{
	uint32_t *set = pairs->tags[trust][hash % PAIR_SETS], tag = pair_tag(hash), i = 0;

	while (i < PAIR_WAYS - 1 && set[i] != tag)
		i++;
	for (; i > 0; i--)
		set[i] = set[i - 1];
	set[0] = tag;
	pairs->used = true;
}

static bool pair_noted(const struct frag_pairs *pairs, enum frag_trust trust, uint64_t hash)
{
	const uint32_t *set = pairs->tags[trust][hash % PAIR_SETS];
	bool noted = false;

	for (uint32_t i = 0; i < PAIR_WAYS; i++)
		noted |= set[i] == pair_tag(hash);
	return noted;
}

void frag_pairs_whole(struct frag_pairs *pairs, const struct flow_key *key)
{
	pair_note(pairs, FRAG_WHOLE,
		  pair_hash(pairs, key->addr[0], key->addr[1], key->space_proto));
}

enum frag_trust frag_pairs_trust(const struct frag_pairs *pairs, const struct flow_key *key)
{
	uint64_t hash = pair_hash(pairs, key->addr[0], key->addr[1], key->space_proto);

	return pair_noted(pairs, FRAG_ANSWERED, hash) ? FRAG_ANSWERED
	       : pair_noted(pairs, FRAG_WHOLE, hash)  ? FRAG_WHOLE
						      : FRAG_UNKNOWN;
}

// Somebody sent, and will be answered by an acknowledgement of exactly this.
static void pair_sent(struct frag_pairs *pairs, uint64_t hash, uint32_t end)
{
	pairs->sent[hash % PAIR_SENT].tag = pair_tag(hash);
	pairs->sent[hash % PAIR_SENT].end = end;
	pairs->waits[hash % PAIR_SENT / 64] |= UINT64_C(1) << hash % 64;
	pairs->used = true;
}

static bool pair_acknowledges(const struct frag_pairs *pairs, uint64_t hash, uint32_t ack)
{
	// Of most there is nothing, which the bit tells without the line of the slot.
	return pairs->waits[hash % PAIR_SENT / 64] >> hash % 64 & 1 &&
	       pairs->sent[hash % PAIR_SENT].tag == pair_tag(hash) &&
	       pairs->sent[hash % PAIR_SENT].end == ack;
}

void frag_pairs_handshake(struct frag_pairs *pairs, const struct pkt *pkt)
{
	const uint8_t *from = pkt->key.addr[pkt->src], *to = pkt->key.addr[!pkt->src];
	uint64_t forth;

	if (!(pkt->tcp_flags & TCP_ACK) || pkt->tcp_flags & TCP_RST || pkt->bad_checksum)
		return;
	if (pkt->tcp_flags & TCP_SYN) {
		pair_sent(pairs, pair_hash(pairs, to, from, pkt->key.space_proto),
			  pkt->seq + pkt->payload_len + 1);
		return;
	}
	forth = pair_hash(pairs, from, to, pkt->key.space_proto);
	if (!pair_acknowledges(pairs, forth, pkt->ack))
		return;
	// What is said once more says nothing new.
	pairs->sent[forth % PAIR_SENT].tag = 0;
	pairs->waits[forth % PAIR_SENT / 64] &= ~(UINT64_C(1) << forth % 64);
	pair_note(pairs, FRAG_ANSWERED, forth);
	pair_note(pairs, FRAG_ANSWERED, pair_hash(pairs, to, from, pkt->key.space_proto));
}

void frag_pairs_segment(struct frag_pairs *pairs, const struct pkt *pkt)
{
	const uint8_t *from = pkt->key.addr[pkt->src], *to = pkt->key.addr[!pkt->src];
	bool syn = pkt->tcp_flags & TCP_SYN;
	uint64_t back, forth;

	// A reset answers whatever comes.
	if (!(pkt->tcp_flags & TCP_ACK) || pkt->tcp_flags & TCP_RST || pkt->bad_checksum)
		return;
	back = pair_hash(pairs, to, from, pkt->key.space_proto);
	if (syn || pkt->payload_len)
		pair_sent(pairs, back, pkt->seq + pkt->payload_len + syn);
	if (syn)
		return;
	forth = pair_hash(pairs, from, to, pkt->key.space_proto);
	if (pair_acknowledges(pairs, forth, pkt->ack)) {
		pair_note(pairs, FRAG_ANSWERED, forth);
		pair_note(pairs, FRAG_ANSWERED, back);
	} else {
		pair_note(pairs, FRAG_WHOLE, back);
	}
}

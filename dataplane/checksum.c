// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Sums are those of RFC 1071. The pseudo header's is taken from the flow key: sums do not depend
// on an order, and the prefix of mapped addresses adds nothing to them.
//
// Deciding (auto). Where checksums are offloaded, in nearly all systems the sum of the pseudo
// header stands in the field, for the NIC to go on from, or is left there where received segments
// were merged; all of a sender's segments may be so, or large ones only. Those are believed, as are
// those with 0 in both fields, and those of captures whose addresses were changed, which are out by
// the same in both sums, and not just by what one damaged bit of an address makes. XXX: so is who
// forges one of these; what contradicts it is found as an overlap, and "on" does not believe it.
// Whatever else is wrong is believed when most of its sender's (address) segments are, and either
// the field is 0, or three were, or most of the port's are. A segment that only shall deceive
// comes from a sender whose others are right, since without them no connection is made. When
// more than half of the first 1,000 segments of a port or capture are wrong, in both directions
// together, nothing is verified there any longer.

#include "dataplane/checksum.h"

#include "dataplane/hash.h"
#include "dataplane/network.h"
#include "dataplane/pkt.h"

#include <immintrin.h>
#include <string.h>

enum {
	FIRST_SEGMENTS = 1000,
	SENDER_SURE = 3, // wrong ones of a sender
	PORT_SURE = 2,   // … of the port
	SENDER_HALVE = 1024,
	TCP_CHECKSUM = 16, // offset in the header
	IPV4_CHECKSUM = 10,
};

void checksum_init(struct checksum *c, uint32_t mode, uint64_t seed)
{
	*c = (struct checksum){.seed = hash_mix(seed ^ 0x636b73756d), .mode = mode};
	c->off = mode == CHECKSUM_OFF;
}

// ---- sums of 32-bit words; what counts is their remainder modulo 2^16 - 1

// At most 7 bytes; in one word they would be read back wider than they were written, which stalls.
static uint64_t sum_tail(const uint8_t *p, uint32_t len)
{
	uint64_t sum = 0;
	uint32_t word;
	uint16_t half;

	if (len & 4) {
		memcpy(&word, p, 4);
		sum += word;
		p += 4;
	}
	if (len & 2) {
		memcpy(&half, p, 2);
		sum += half;
		p += 2;
	}
	return len & 1 ? sum + p[0] : sum;
}

static uint64_t sum_scalar(const uint8_t *p, uint32_t len)
{
	uint64_t sum = 0, word;

	for (; len >= 8; p += 8, len -= 8) {
		memcpy(&word, p, 8);
		sum += (word & UINT32_MAX) + (word >> 32);
	}
	return sum + sum_tail(p, len);
}

__attribute__((target("avx2"))) static uint64_t sum_avx2(const uint8_t *p, uint32_t len)
{
	const __m256i low = _mm256_set1_epi64x(UINT32_MAX);
	__m256i a = _mm256_setzero_si256(), b = a, c = a, d = a;
	uint64_t lanes[4];

	for (; len >= 64; p += 64, len -= 64) {
		__m256i x = _mm256_loadu_si256((const __m256i *)(const void *)p);
		__m256i y = _mm256_loadu_si256((const __m256i *)(const void *)(p + 32));

		a = _mm256_add_epi64(a, _mm256_and_si256(x, low));
		b = _mm256_add_epi64(b, _mm256_srli_epi64(x, 32));
		c = _mm256_add_epi64(c, _mm256_and_si256(y, low));
		d = _mm256_add_epi64(d, _mm256_srli_epi64(y, 32));
	}
	a = _mm256_add_epi64(_mm256_add_epi64(a, b), _mm256_add_epi64(c, d));
	_mm256_storeu_si256((__m256i *)(void *)lanes, a);
	return lanes[0] + lanes[1] + lanes[2] + lanes[3] + sum_scalar(p, len);
}

static uint64_t sum_bytes(const uint8_t *p, uint32_t len)
{
	return len >= 128 && __builtin_cpu_supports("avx2") ? sum_avx2(p, len) : sum_scalar(p, len);
}

// 0 only for a sum of nothing but zeros.
static uint16_t sum_fold(uint64_t sum)
{
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	return (uint16_t)sum;
}

// len bytes of m from off on; segments may begin at an odd byte of the sum.
static uint64_t sum_packet(const struct rte_mbuf *m, uint32_t off, uint32_t len)
{
	uint32_t done = 0;
	uint64_t sum = 0;

	for (; m && len; m = m->next) {
		uint32_t here = rte_pktmbuf_data_len(m);

		if (off >= here) {
			off -= here;
			continue;
		}
		uint32_t n = RTE_MIN(here - off, len);
		uint64_t part = sum_bytes(rte_pktmbuf_mtod_offset(m, const uint8_t *, off), n);
		sum += done & 1 ? rte_bswap16(sum_fold(part)) : part;
		done += n;
		len -= n;
		off = 0;
	}
	return sum;
}

// ---- right or wrong, and if wrong, in which way

enum verdict {
	VERDICT_RIGHT = 0,
	VERDICT_OFFLOAD, // as for a NIC to go on from, or to fill in both
	VERDICT_EMPTY,   // 0: as for a NIC to fill in
	VERDICT_WRONG,
	VERDICT_REWRITTEN, // both sums are out by the same: addresses were changed in the capture
};

// *sum: all ones when right.
static enum verdict verdict_ipv4(const struct rte_mbuf *m, uint32_t l3_off, uint16_t *sum)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, l3_off);

	*sum = sum_fold(sum_scalar(ip, (ip[0] & 15) * 4u));
	if (*sum == UINT16_MAX)
		return VERDICT_RIGHT;
	return walk_be16(ip + IPV4_CHECKSUM) == 0 ? VERDICT_EMPTY : VERDICT_WRONG;
}

static enum verdict verdict_tcp(const struct rte_mbuf *m, uint16_t *sum)
{
	const struct pkt *pkt = rte_mbuf_to_priv((struct rte_mbuf *)(uintptr_t)m);
	const uint8_t *tcp = rte_pktmbuf_mtod_offset(m, const uint8_t *, pkt->l4_off);
	uint32_t len = (uint32_t)pkt->payload_off - pkt->l4_off + pkt->payload_len;
	uint64_t addresses = sum_scalar(pkt->key.addr[0], 32) + rte_cpu_to_be_16(PROTOCOL_TCP);
	uint64_t pseudo = addresses + rte_cpu_to_be_32(len);
	uint16_t field;

	*sum = sum_fold(pseudo + sum_packet(m, pkt->l4_off, len));
	if (*sum == UINT16_MAX)
		return VERDICT_RIGHT;
	memcpy(&field, tcp + TCP_CHECKSUM, 2);
	// With the length, or, where the NIC cuts segments, without.
	if (field == sum_fold(pseudo) || field == sum_fold(addresses))
		return VERDICT_OFFLOAD;
	return field == 0 ? VERDICT_EMPTY : VERDICT_WRONG;
}

// Whether a receiver takes what has this verdict.
static bool checksum_judge(struct checksum *c, const struct pkt *pkt, enum verdict verdict)
{
	uint64_t address[2];

	memcpy(address, pkt->key.addr[pkt->src], 16);
	uint64_t hash = hash_mum(address[0] ^ c->seed, address[1] ^ 0xa0761d6478bd642f);
	uint16_t *good = &c->senders[hash % CHECKSUM_SENDERS].good;
	uint16_t *bad = &c->senders[hash % CHECKSUM_SENDERS].bad;

	c->verified++;
	*(verdict ? bad : good) += 1;
	if (*good + *bad == SENDER_HALVE) {
		*good /= 2;
		*bad /= 2;
	}
	if (c->n_first < FIRST_SEGMENTS) {
		c->n_first++;
		c->n_first_bad += verdict != VERDICT_RIGHT;
		if (c->n_first == FIRST_SEGMENTS && c->mode == CHECKSUM_AUTO)
			c->off = c->n_first_bad * 2 > FIRST_SEGMENTS;
	}
	if (verdict == VERDICT_RIGHT)
		return true;
	c->wrong++;
	if (c->mode == CHECKSUM_ON)
		return false;
	if (verdict != VERDICT_OFFLOAD && verdict != VERDICT_REWRITTEN) {
		bool port = c->n_first_bad >= PORT_SURE && c->n_first_bad * 2 > c->n_first;

		if (*bad <= *good || (verdict == VERDICT_WRONG && *bad < SENDER_SURE && !port))
			return false;
	}
	c->tolerated++;
	return true;
}

// A sum as one changed bit makes it: out by a power of two, up or down.
static bool is_one_bit(uint16_t sum)
{
	return (sum & (sum - 1)) == 0 || (~sum & UINT16_MAX & (~sum - 1)) == 0;
}

// What the NIC found; it looks at the outermost headers. NONE: the field is wrong, the data is
// right, as between virtual machines.
static bool nic_says(uint64_t flags, uint64_t mask, uint64_t good, uint64_t none)
{
	return (flags & mask) == good || (flags & mask) == none;
}

void checksum_segment(struct checksum *c, struct rte_mbuf *m)
{
	struct pkt *pkt = pkt_of(m);
	enum verdict ip = VERDICT_RIGHT, tcp = VERDICT_RIGHT, verdict;
	uint16_t ip_sum = UINT16_MAX, tcp_sum = UINT16_MAX;
	bool nic = !pkt->tunnel && pkt->n_outer == 0 && !pkt->joined;

	// What is not all there cannot be verified.
	if (c->off || pkt->missing_len)
		return;
	// Of fragments the IP headers are gone, and were verified.
	if (!pkt->joined && !pkt->v6 &&
	    !(nic && nic_says(m->ol_flags, RTE_MBUF_F_RX_IP_CKSUM_MASK, RTE_MBUF_F_RX_IP_CKSUM_GOOD,
			      RTE_MBUF_F_RX_IP_CKSUM_NONE)))
		ip = verdict_ipv4(m, pkt->l3_off, &ip_sum);
	if (!(nic && nic_says(m->ol_flags, RTE_MBUF_F_RX_L4_CKSUM_MASK, RTE_MBUF_F_RX_L4_CKSUM_GOOD,
			      RTE_MBUF_F_RX_L4_CKSUM_NONE)))
		tcp = verdict_tcp(m, &tcp_sum);
	if (ip == VERDICT_EMPTY && tcp == VERDICT_EMPTY)
		verdict = VERDICT_OFFLOAD;
	else if (ip && tcp && ip_sum == tcp_sum && !is_one_bit(ip_sum))
		verdict = VERDICT_REWRITTEN;
	else
		verdict = RTE_MAX(ip, tcp);
	if (checksum_judge(c, pkt, verdict))
		return;
	pkt->bad_checksum = 1;
	pkt->bad_ip_checksum = ip != VERDICT_RIGHT;
}

bool checksum_fragment(struct checksum *c, struct rte_mbuf *m)
{
	const struct pkt *pkt = pkt_of(m);
	uint16_t sum;

	if (c->off || pkt->v6)
		return true;
	return checksum_judge(c, pkt, verdict_ipv4(m, pkt->l3_off, &sum));
}

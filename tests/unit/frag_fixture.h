// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Frames are built, decoded, put together and decoded again, so that what is compared is the
// payload of a TCP segment. After each test no packet buffer is missing and every packet and byte
// has a fate. Includes the files under test.

#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool no_memory;
static uint32_t memory_left; // allocations that still succeed

static void *fail_calloc(size_t n, size_t size)
{
	return no_memory && memory_left-- == 0 ? NULL : calloc(n, size);
}

#define calloc fail_calloc
#include "dataplane/frag.c"
#undef calloc
#include "dataplane/decap_ip.c"
#include "dataplane/packet.h"

#include <rte_eal.h>

enum {
	MBUFS = 4096,
	FRAG_BUFFERS = 1024,
	CONTENT = 65536,
	TCP_HEADER = 20,
	SECOND = 1000000000,
};

static const uint64_t seed = 5, start_ns = UINT64_C(1767225600000000000);
static struct rte_mempool *pool;
static struct frag *frag;
static struct fates fates;
static uint32_t n_overlaps; // datagrams that were said to contradict themselves
static uint64_t random_state;
static uint8_t content[CONTENT]; // a TCP header, then bytes that do not repeat soon

// The datagram that a piece is of.
struct shape {
	const uint8_t *content; // NULL: the above
	uint32_t id;
	uint32_t sender;        // another address of IPv4 than the first; 0: no
	uint64_t ts_ns;         // after the start
	uint8_t version;        // 4 or 6
	uint8_t protocol;       // 0: TCP
	uint8_t options;        // bytes of options or extension headers: 0 or 8
	uint8_t trailer;        // bytes behind the datagram
	bool back;              // from the second address to the first
	bool cut;               // the capture lacks the last byte
};

static inline uint32_t random_below(uint32_t n)
{
	random_state = hash_mix(random_state + UINT64_C(0x9e3779b97f4a7c15));
	return (uint32_t)(((random_state >> 32) * n) >> 32);
}

static uint8_t *put16(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
	return p + 2;
}

// An IP packet with the bytes from..to of its datagram; its length. No checksum: none is checked.
static uint32_t build_ip(uint8_t *out, const struct shape *s, uint32_t from, uint32_t to, bool more)
{
	uint32_t header = (s->version == 4 ? 20u : 48u) + s->options;
	uint8_t protocol = s->protocol ? s->protocol : 6, *p = out;

	memset(out, 0, header);
	if (s->version == 4) {
		p[0] = (uint8_t)(0x40 | header / 4);
		put16(p + 2, header + to - from);
		put16(p + 4, s->id);
		put16(p + 6, (more ? 0x2000u : 0) | from / 8);
		p[8] = 64;
		p[9] = protocol;
		memcpy(p + 12, s->back ? "\xc0\0\2\2\xc0\0\2\1" : "\xc0\0\2\1\xc0\0\2\2", 8);
		if (s->sender)
			put16(put16(p + 12, s->sender >> 16), s->sender & 0xffff);
		memset(p + 20, 1, s->options);
	} else {
		p[0] = 0x60;
		put16(p + 4, header - 40 + to - from);
		p[6] = s->options ? 0 : 44;
		memcpy(p + 8, "\x20\1\xd\xb8", 4);
		memcpy(p + 24, "\x20\1\xd\xb8", 4);
		p[23] = s->back ? 2 : 1;
		p[39] = s->back ? 1 : 2;
		p += 40;
		if (s->options) { // hop by hop, with padding
			memcpy(p, "\x2c\0\1\4\0\0\0\0", 8);
			p += 8;
		}
		p[0] = protocol;
		put16(p + 2, from | more);
		put16(put16(p + 4, s->id >> 16), s->id & 0xffff);
	}
	memcpy(out + header, (s->content ? s->content : content) + from, to - from);
	return header + to - from;
}

static struct rte_mbuf *frame(const struct shape *s, uint32_t from, uint32_t to, bool more)
{
	static const uint8_t ethernet[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	assert_non_null(m);
	assert_true(to - from + 100 < rte_pktmbuf_tailroom(m));
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
	memcpy(p, ethernet, 12);
	put16(p + 12, s->version == 4 ? 0x0800 : 0x86dd);
	uint32_t len = 14 + build_ip(p + 14, s, from, to, more);
	memset(p + len, 0xee, s->trailer);
	assert_non_null(rte_pktmbuf_append(m, (uint16_t)(len + s->trailer - s->cut)));
	pkt_of(m)->ts_ns = start_ns + s->ts_ns;
	return m;
}

static struct rte_mbuf *receive(struct rte_mbuf *m)
{
	uint32_t len = rte_pktmbuf_pkt_len(m);
	bool overlap;

	fates.rx_pkts++;
	fates.rx_bytes += len;
	assert_int_equal(packet_decode(m, 1, len, seed), FATE_FRAGMENT);
	m = frag_add(frag, m, &fates, &overlap);
	if (!overlap)
		return m;
	// A packet of its own that tells the connection, if there is enough of it.
	rte_mbuf_sanity_check(m, 1);
	assert_int_not_equal(packet_decode(m, 1, rte_pktmbuf_pkt_len(m), seed), FATE_FRAGMENT);
	fates.pkts[FATE_FRAGMENT]++;
	fates.bytes[FATE_FRAGMENT] += rte_pktmbuf_pkt_len(m);
	rte_pktmbuf_free(m);
	n_overlaps++;
	return NULL;
}

// The same for what is a piece again.
static inline struct rte_mbuf *receive_again(struct rte_mbuf *m)
{
	bool overlap;

	m = frag_add(frag, m, &fates, &overlap);
	assert_false(overlap);
	return m;
}

static inline struct rte_mbuf *send(const struct shape *s, uint32_t from, uint32_t to, bool more)
{
	return receive(frame(s, from, to, more));
}

// As any receiver of frag_add(); the datagram must be the first len bytes of the content.
static inline void check_whole(struct rte_mbuf *m, const struct shape *s, uint32_t len)
{
	static uint8_t copy[CONTENT];
	uint32_t bytes;

	assert_non_null(m);
	rte_mbuf_sanity_check(m, 1);
	bytes = rte_pktmbuf_pkt_len(m);
	assert_int_equal(packet_decode(m, 1, bytes, seed), FATE_PARSED);
	fates.pkts[FATE_PARSED]++;
	fates.bytes[FATE_PARSED] += bytes;
	const struct pkt *pkt = pkt_of(m);
	assert_int_equal(pkt->key.port[0], s->back ? 80 : 40000);
	assert_int_equal(pkt->key.port[1], s->back ? 40000 : 80);
	assert_int_equal(pkt->v6, s->version == 6);
	assert_int_equal(pkt->payload_len, len - TCP_HEADER);
	assert_int_equal(pkt->missing_len, 0);
	const uint8_t *got = rte_pktmbuf_read(m, pkt->payload_off, pkt->payload_len, copy);
	assert_non_null(got);
	assert_memory_equal(got, (s->content ? s->content : content) + TCP_HEADER, len - TCP_HEADER);
	rte_pktmbuf_free(m);
}

static int group_setup(void **)
{
	static char *args[] = {"test_frag", "--no-huge", "--no-shconf",    "-m",
			       "64",        "--no-pci",  "--no-telemetry", "--log-level=error",
			       NULL};

	if (rte_eal_init(8, args) < 0)
		return -1;
	pool = rte_pktmbuf_pool_create("packets", MBUFS, 0, PKT_PRIV_SIZE,
				       RTE_PKTMBUF_HEADROOM + 2048, SOCKET_ID_ANY);
	for (uint32_t i = 0; i < CONTENT; i++)
		content[i] = (uint8_t)hash_mix(i);
	memset(content, 0, TCP_HEADER);
	put16(put16(content, 40000), 80);
	content[12] = TCP_HEADER / 4 << 4;
	return pool ? 0 : -1;
}

static int group_teardown(void **)
{
	rte_mempool_free(pool);
	return rte_eal_cleanup();
}

static int setup(void **)
{
	random_state = 1;
	fates = (struct fates){0};
	n_overlaps = 0;
	frag = frag_new(seed, FRAG_BUFFERS);
	return frag ? 0 : -1;
}

static int teardown(void **)
{
	frag_free(frag);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
	assert_true(fate_balanced(&fates));
	return 0;
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

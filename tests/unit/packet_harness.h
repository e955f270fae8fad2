// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// For the tests of the decoder: frames are put together field by field and laid against a page
// that cannot be read.

#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "dataplane/decap.c"
#include "dataplane/decap_llc.c"
#include "dataplane/decap_ppp.c"
#include "dataplane/decap_vlan.c"
#include "dataplane/hash.h"
#include "dataplane/link.c"
#include "dataplane/network.c"
#include "dataplane/packet.c"

enum { FRAME_MAX = 70000, REGIONS = 3, REGION_BYTES = 96 << 10 };

static uint8_t frame[FRAME_MAX];
static uint32_t len;
static uint32_t ip_at, ip_version; // of the last IP header
static uint64_t random_state = 1;

// A buffer as a driver would make it, but with nothing behind its data.
struct fake {
	struct rte_mbuf m;
	uint8_t priv[PKT_PRIV_SIZE];
};
_Static_assert(offsetof(struct fake, priv) == sizeof(struct rte_mbuf),
	       "as rte_mbuf_to_priv() wants");
static struct fake fakes[REGIONS];
static uint8_t *regions[REGIONS]; // REGION_BYTES each, then a page without access

static inline uint32_t random_below(uint32_t n)
{
	random_state = hash_mix(random_state + UINT64_C(0x9e3779b97f4a7c15));
	return (uint32_t)(((random_state >> 32) * n) >> 32);
}

static inline int group_setup(void **)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	for (uint32_t i = 0; i < REGIONS; i++) {
		regions[i] = mmap(NULL, REGION_BYTES + page, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (regions[i] == MAP_FAILED ||
		    mprotect(regions[i] + REGION_BYTES, page, PROT_NONE) != 0)
			return -1;
	}
	return 0;
}

static inline int group_teardown(void **)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	for (uint32_t i = 0; i < REGIONS; i++)
		munmap(regions[i], REGION_BYTES + page);
	return 0;
}

// Data of n bytes at the very end of region i; room bytes of it are still free.
static inline struct rte_mbuf *place(uint32_t i, const uint8_t *data, uint32_t n, uint32_t room)
{
	struct fake *fake = &fakes[i];

	assert_true(n + room <= UINT16_MAX);
	memset(fake, 0xA5, sizeof(*fake));
	memset(&fake->m, 0, sizeof(fake->m));
	fake->m.buf_addr = regions[i] + REGION_BYTES - n - room;
	fake->m.buf_len = (uint16_t)(n + room);
	fake->m.priv_size = PKT_PRIV_SIZE;
	fake->m.nb_segs = 1;
	fake->m.data_len = (uint16_t)n;
	fake->m.pkt_len = n;
	memcpy(fake->m.buf_addr, data, n);
	return &fake->m;
}

static const struct pkt *got(void)
{
	return pkt_of(&fakes[0].m);
}

// What holds whenever a packet is called a segment: its parts lie inside it.
static inline void check_bounds(const struct rte_mbuf *m)
{
	const struct pkt *pkt = got();

	assert_true(pkt->l3_off + 20u <= pkt->l4_off);
	assert_true(pkt->l4_off + 20u <= pkt->payload_off);
	assert_true((uint32_t)pkt->payload_off + pkt->payload_len <= m->pkt_len);
	assert_true(pkt->src <= 1);
	assert_int_equal(pkt->hash, hash_flow_key(&pkt->key, 42));
	assert_null(pkt->next_held);
	assert_int_equal(pkt->held_skip, 0);
	int order = memcmp(pkt->key.addr[0], pkt->key.addr[1], 16);
	assert_true(order < 0 || (order == 0 && pkt->key.port[0] <= pkt->key.port[1]));
}

static inline enum fate decode_bytes(const uint8_t *data, uint32_t n, uint32_t link,
				     uint32_t wire_len)
{
	struct rte_mbuf *m = place(0, data, n, 0);
	enum fate fate = packet_decode(m, link, wire_len, 42);

	assert_int_equal(m->pkt_len, n);
	if (fate == FATE_PARSED)
		check_bounds(m);
	return fate;
}

static inline enum fate decode(uint32_t link)
{
	return decode_bytes(frame, len, link, len);
}

static inline void begin(void)
{
	len = 0;
}

static inline void put8(uint8_t v)
{
	frame[len++] = v;
}

static inline void put16(uint32_t v)
{
	put8((uint8_t)(v >> 8));
	put8((uint8_t)v);
}

static inline void put32(uint32_t v)
{
	put16(v >> 16);
	put16(v & 0xffff);
}

static inline void fill(uint8_t v, uint32_t n)
{
	assert_true(len + n <= FRAME_MAX);
	memset(frame + len, v, n);
	len += n;
}

static inline void ethernet(uint16_t type)
{
	fill(0x02, 12);
	put16(type);
}

static inline void vlan_tag(uint16_t id, uint16_t type)
{
	put16(id);
	put16(type);
}

// 10.0.0.9 to 10.0.0.3; the total length is filled in by ip_end().
static inline void ipv4_header(uint8_t protocol, uint32_t options, uint16_t fragment)
{
	ip_at = len;
	ip_version = 4;
	put8((uint8_t)(0x45 + options / 4));
	put8(0);
	put16(0);
	put16(0x1234);
	put16(fragment);
	put8(64);
	put8(protocol);
	put16(0);
	put32(0x0a000009);
	put32(0x0a000003);
	fill(1, options);
}

// 2001:db8::9 to 2001:db8::3.
static inline void ipv6_header(uint8_t next)
{
	ip_at = len;
	ip_version = 6;
	put32(0x60000000);
	put16(0);
	put8(next);
	put8(64);
	for (uint32_t i = 0; i < 2; i++) {
		put32(0x20010db8);
		fill(0, 11);
		put8(i ? 3 : 9);
	}
}

// What follows the header is all there is.
static inline void ip_end(void)
{
	uint32_t at = ip_at + (ip_version == 4 ? 2 : 4);
	uint32_t n = len - ip_at - (ip_version == 4 ? 0 : 40);

	frame[at] = (uint8_t)(n >> 8);
	frame[at + 1] = (uint8_t)n;
}

static inline void tcp_header(uint32_t options, uint8_t flags)
{
	put16(443);
	put16(40000);
	put32(0x11223344);
	put32(0x55667788);
	put8((uint8_t)((20 + options) / 4 << 4));
	put8(flags);
	put16(0x4321);
	put32(0);
	fill(1, options);
}

static inline void text(const char *s)
{
	while (*s)
		put8((uint8_t)*s++);
}

static inline void ipv4_hello(void)
{
	ipv4_header(6, 0, 0x4000);
	tcp_header(12, TCP_ACK | TCP_PSH);
	text("hello");
	ip_end();
}

static inline void ipv6_hello(void)
{
	ipv6_header(6);
	tcp_header(12, TCP_ACK | TCP_PSH);
	text("hello");
	ip_end();
}

static inline void extension(uint8_t kind, uint8_t next, uint32_t units)
{
	uint32_t n = kind == 44 ? 8 : kind == 51 ? (units + 2) * 4 : (units + 1) * 8;

	put8(next);
	put8((uint8_t)units);
	fill(0, n - 2);
}

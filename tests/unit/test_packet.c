// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Frames of every kind that is followed, whole, cut at every byte and damaged. Each one lies
// against a page that cannot be read.

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
#include "dataplane/decap_vlan.c"
#include "dataplane/hash.h"
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
_Static_assert(offsetof(struct fake, priv) == sizeof(struct rte_mbuf), "as rte_mbuf_to_priv() wants");
static struct fake fakes[REGIONS];
static uint8_t *regions[REGIONS]; // REGION_BYTES each, then a page without access

static uint32_t random_below(uint32_t n)
{
	random_state = hash_mix(random_state + UINT64_C(0x9e3779b97f4a7c15));
	return (uint32_t)(((random_state >> 32) * n) >> 32);
}

static int group_setup(void **)
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

static int group_teardown(void **)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	for (uint32_t i = 0; i < REGIONS; i++)
		munmap(regions[i], REGION_BYTES + page);
	return 0;
}

// Data of n bytes at the very end of region i; room bytes of it are still free.
static struct rte_mbuf *place(uint32_t i, const uint8_t *data, uint32_t n, uint32_t room)
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
static void check_bounds(const struct rte_mbuf *m)
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

static enum fate decode_bytes(const uint8_t *data, uint32_t n, uint32_t link, uint32_t wire_len)
{
	struct rte_mbuf *m = place(0, data, n, 0);
	enum fate fate = packet_decode(m, link, wire_len, 42);

	assert_int_equal(m->pkt_len, n);
	if (fate == FATE_PARSED)
		check_bounds(m);
	return fate;
}

static enum fate decode(uint32_t link)
{
	return decode_bytes(frame, len, link, len);
}

static void begin(void)
{
	len = 0;
}

static void put8(uint8_t v)
{
	frame[len++] = v;
}

static void put16(uint32_t v)
{
	put8((uint8_t)(v >> 8));
	put8((uint8_t)v);
}

static void put32(uint32_t v)
{
	put16(v >> 16);
	put16(v & 0xffff);
}

static void fill(uint8_t v, uint32_t n)
{
	assert_true(len + n <= FRAME_MAX);
	memset(frame + len, v, n);
	len += n;
}

static void ethernet(uint16_t type)
{
	fill(0x02, 12);
	put16(type);
}

static void vlan_tag(uint16_t id, uint16_t type)
{
	put16(id);
	put16(type);
}

// 10.0.0.9 to 10.0.0.3; the total length is filled in by ip_end().
static void ipv4_header(uint8_t protocol, uint32_t options, uint16_t fragment)
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
static void ipv6_header(uint8_t next)
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
static void ip_end(void)
{
	uint32_t at = ip_at + (ip_version == 4 ? 2 : 4);
	uint32_t n = len - ip_at - (ip_version == 4 ? 0 : 40);

	frame[at] = (uint8_t)(n >> 8);
	frame[at + 1] = (uint8_t)n;
}

static void tcp_header(uint32_t options, uint8_t flags)
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

static void text(const char *s)
{
	while (*s)
		put8((uint8_t)*s++);
}

static void ipv4_hello(void)
{
	ipv4_header(6, 0, 0x4000);
	tcp_header(12, TCP_ACK | TCP_PSH);
	text("hello");
	ip_end();
}

static void ipv6_hello(void)
{
	ipv6_header(6);
	tcp_header(12, TCP_ACK | TCP_PSH);
	text("hello");
	ip_end();
}

// The frame is one of the hellos, with l3 at this offset.
static void assert_hello(uint32_t l3)
{
	const struct pkt *pkt = got();

	assert_int_equal(pkt->l3_off, l3);
	assert_int_equal(pkt->payload_len, 5);
	assert_int_equal(pkt->missing_len, 0);
	assert_memory_equal(frame + pkt->payload_off, "hello", 5);
	assert_int_equal(pkt->seq, 0x11223344);
	assert_int_equal(pkt->ack, 0x55667788);
	assert_int_equal(pkt->tcp_flags, TCP_ACK | TCP_PSH);
	assert_int_equal(pkt->window, 0x4321);
	assert_int_equal(pkt->bad_checksum, 0);
	assert_int_equal(pkt->key.space_proto, PROTOCOL_TCP);
	// The sender is the larger address.
	assert_int_equal(pkt->src, 1);
	assert_int_equal(pkt->key.port[1], 443);
	assert_int_equal(pkt->key.port[0], 40000);
	assert_int_equal(pkt->key.addr[1][15], 9);
	assert_int_equal(pkt->key.addr[0][15], 3);
}

static void test_link_types(void **)
{
	static const struct {
		uint32_t link;
		const char *header; // in front of IP; * stands for the ethertype
		uint32_t n;
	} links[] = {
		{LINK_ETHERNET, "\2\2\2\2\2\2\3\3\3\3\3\3**", 14},
		{LINK_NULL, "\x02\0\0\0", 4},
		{LINK_NULL, "\0\0\0\x1e", 4},
		{LINK_LOOP, "\0\0\0\x02", 4},
		{LINK_RAW, "", 0},
		{LINK_RAW_BSD, "", 0},
		{LINK_RAW_OPENBSD, "", 0},
		{LINK_IPV4, "", 0},
		{LINK_IPV6, "", 0},
		{LINK_PPP, "\xff\x03\0!", 4},
		{LINK_PPP, "\0!", 2},
		{LINK_PPP, "!", 1},
		{LINK_PPP_SERIAL, "\xff\x03\0!", 4},
		{LINK_PPP_SERIAL, "\x0f\0**", 4},
		{LINK_PPP_SERIAL, "\x8f\0**", 4},
		{LINK_PPP_ETHER, "\x11\0\0\1\0\0\0!", 8},
		{LINK_C_HDLC, "\x0f\0**", 4},
		{LINK_LINUX_SLL, "\0\0\0\1\0\6\1\2\3\4\5\6\0\0**", 16},
		{LINK_LINUX_SLL2, "**\0\0\0\0\0\1\0\1\0\6\1\2\3\4\5\6\0\0", 20},
	};

	for (uint32_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		assert_true(packet_link_known(links[i].link));
		for (uint32_t v6 = 0; v6 < 2; v6++) {
			bool star = false;

			begin();
			for (uint32_t k = 0; k < links[i].n; k++) {
				uint8_t c = (uint8_t)links[i].header[k];

				if (c == '*')
					put8(star ? (v6 ? 0xdd : 0x00) : v6 ? 0x86 : 0x08);
				else
					put8(c == '!' && v6 ? 'W' : c);
				star |= c == '*';
			}
			if (v6)
				ipv6_hello();
			else
				ipv4_hello();
			assert_int_equal(decode(links[i].link), FATE_PARSED);
			assert_int_equal(got()->v6, v6);
			assert_hello(links[i].n);
			// Cut in the link header there is nothing to say.
			for (uint32_t n = 0; n < links[i].n; n++)
				assert_int_not_equal(decode_bytes(frame, n, links[i].link, len),
						     FATE_PARSED);
		}
	}
	assert_false(packet_link_known(147));
	assert_int_equal(decode(147), FATE_UNSUPPORTED);
}

static void test_addresses(void **)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	begin();
	ipv4_hello();
	assert_int_equal(decode(LINK_RAW), FATE_PARSED);
	assert_memory_equal(got()->key.addr[0], mapped, 12);
	assert_memory_equal(got()->key.addr[0] + 12, "\x0a\0\0\x03", 4);
	assert_memory_equal(got()->key.addr[1] + 12, "\x0a\0\0\x09", 4);
	struct flow_key there = got()->key;
	// The other direction has the same key.
	begin();
	ipv4_hello();
	for (uint32_t i = 0; i < 4; i++) {
		uint8_t swap = frame[12 + i];

		frame[12 + i] = frame[16 + i];
		frame[16 + i] = swap;
		swap = frame[20 + i];
		if (i < 2) {
			frame[20 + i] = frame[22 + i];
			frame[22 + i] = swap;
		}
	}
	assert_int_equal(decode(LINK_RAW), FATE_PARSED);
	assert_int_equal(got()->src, 0);
	assert_memory_equal(&got()->key, &there, sizeof(there));
	// One address on both sides: the ports decide.
	memcpy(frame + 12, frame + 16, 4);
	for (uint32_t i = 0; i < 2; i++) {
		frame[20] = i ? 0x10 : 0x20;
		frame[22] = i ? 0x20 : 0x10;
		assert_int_equal(decode(LINK_RAW), FATE_PARSED);
		assert_int_equal(got()->src, !i);
		assert_int_equal(got()->key.port[0] >> 8, 0x10);
	}
}

static void test_vlan(void **)
{
	static const uint16_t tags[] = {0x8100, 0x88a8, 0x9100, 0x9200};

	for (uint32_t depth = 1; depth <= 20; depth++) {
		begin();
		ethernet(tags[0]);
		for (uint32_t i = 1; i < depth; i++)
			vlan_tag((uint16_t)i, tags[i % 4]);
		vlan_tag(7, ETHERTYPE_IPV4);
		ipv4_hello();
		enum fate fate = decode(LINK_ETHERNET);
		// Link, tags, type and network are steps of one bounded walk.
		assert_int_equal(fate, depth + 3 <= WALK_DEPTH ? FATE_PARSED : FATE_MALFORMED);
		if (fate == FATE_PARSED)
			assert_hello(14 + 4 * depth);
	}
	begin();
	ethernet(0x8100);
	vlan_tag(1, 0x88cc);
	fill(0, 40);
	assert_int_equal(decode(LINK_ETHERNET), FATE_UNSUPPORTED);
}

static void test_ipv4_options(void **)
{
	for (uint32_t options = 0; options <= 40; options += 4) {
		begin();
		ethernet(ETHERTYPE_IPV4);
		ipv4_header(6, options, 0);
		tcp_header(12, TCP_ACK | TCP_PSH);
		text("hello");
		ip_end();
		assert_int_equal(decode(LINK_ETHERNET), FATE_PARSED);
		assert_hello(14);
	}
	for (uint32_t words = 0; words < 5; words++) { // shorter than a header can be
		frame[14] = (uint8_t)(0x40 | words);
		assert_int_equal(decode(LINK_ETHERNET), FATE_MALFORMED);
	}
}

static void test_tcp_options(void **)
{
	for (uint32_t options = 0; options <= 40; options += 4) {
		begin();
		ipv4_header(6, 0, 0);
		tcp_header(options, TCP_SYN);
		text("hello");
		ip_end();
		assert_int_equal(decode(LINK_RAW), FATE_PARSED);
		assert_int_equal(got()->payload_len, 5);
		assert_int_equal(got()->payload_off, 40 + options);
	}
	for (uint32_t words = 0; words < 5; words++) {
		frame[32] = (uint8_t)(words << 4);
		assert_int_equal(decode(LINK_RAW), FATE_MALFORMED);
	}
	// A header longer than its datagram.
	begin();
	ipv4_header(6, 0, 0);
	tcp_header(0, TCP_SYN);
	ip_end();
	frame[32] = 0x60;
	assert_int_equal(decode(LINK_RAW), FATE_MALFORMED);
	fill(0, 20); // not even with bytes behind it
	assert_int_equal(decode(LINK_RAW), FATE_MALFORMED);
}

static void extension(uint8_t kind, uint8_t next, uint32_t units)
{
	uint32_t n = kind == 44 ? 8 : kind == 51 ? (units + 2) * 4 : (units + 1) * 8;

	put8(next);
	put8((uint8_t)units);
	fill(0, n - 2);
}

static void test_ipv6_extensions(void **)
{
	static const uint8_t kinds[] = {0, 43, 60, 135, 51, 44};

	for (uint32_t i = 0; i < sizeof(kinds); i++) {
		for (uint32_t units = 1; units < 256; units = units * 3 + 1) {
			begin();
			ethernet(ETHERTYPE_IPV6);
			ipv6_header(kinds[i]);
			extension(kinds[i], 6, units);
			tcp_header(12, TCP_ACK | TCP_PSH);
			text("hello");
			ip_end();
			assert_int_equal(decode(LINK_ETHERNET), FATE_PARSED);
			assert_hello(14);
			// One that says it is longer than all there is.
			if (kinds[i] != 44 && units < 200) {
				frame[14 + 40 + 1] = 255;
				assert_int_equal(decode(LINK_ETHERNET), FATE_MALFORMED);
			}
		}
	}
	for (uint32_t n = 1; n <= 12; n++) {
		begin();
		ipv6_header(60);
		for (uint32_t i = 1; i <= n; i++)
			extension(60, i == n ? 6 : 60, 0);
		tcp_header(12, TCP_ACK | TCP_PSH);
		text("hello");
		ip_end();
		assert_int_equal(decode(LINK_RAW), n <= IPV6_EXTENSIONS ? FATE_PARSED : FATE_MALFORMED);
	}
}

static void test_fragments(void **)
{
	static const struct {
		uint16_t field;
		bool whole;
	} v4[] = {{0, true}, {0x4000, true}, {0x2000, false}, {1, false}, {0x1fff, false}, {0x6001, false}};
	static const struct {
		uint16_t field;
		bool whole;
	} v6[] = {{0, true}, {6, true}, {1, false}, {8, false}, {0xfff9, false}};

	for (uint32_t i = 0; i < sizeof(v4) / sizeof(v4[0]); i++) {
		begin();
		ipv4_header(6, 0, v4[i].field);
		tcp_header(12, TCP_ACK | TCP_PSH);
		text("hello");
		ip_end();
		assert_int_equal(decode(LINK_RAW), v4[i].whole ? FATE_PARSED : FATE_FRAGMENT);
	}
	for (uint32_t i = 0; i < sizeof(v6) / sizeof(v6[0]); i++) {
		begin();
		ipv6_header(44);
		extension(44, v6[i].whole ? 6 : 60, 0); // what follows is not a header
		frame[42] = (uint8_t)(v6[i].field >> 8);
		frame[43] = (uint8_t)v6[i].field;
		if (v6[i].whole)
			tcp_header(12, TCP_ACK | TCP_PSH);
		else
			fill(0xff, 10);
		ip_end();
		assert_int_equal(decode(LINK_RAW), v6[i].whole ? FATE_PARSED : FATE_FRAGMENT);
	}
}

// Segmentation offload before the mirror: the length is filled in later.
static void test_length_zero(void **)
{
	for (uint32_t v6 = 0; v6 < 2; v6++) {
		begin();
		if (v6)
			ipv6_hello();
		else
			ipv4_hello();
		frame[v6 ? 4 : 2] = frame[v6 ? 5 : 3] = 0;
		assert_int_equal(decode(LINK_RAW), FATE_PARSED);
		assert_hello(0);
		// Cut, too: the wire length says how much there was.
		assert_int_equal(decode_bytes(frame, len - 2, LINK_RAW, len), FATE_PARSED);
		assert_int_equal(got()->payload_len, 3);
		assert_int_equal(got()->missing_len, 2);
	}
}

static void test_trailer(void **)
{
	for (uint32_t v6 = 0; v6 < 2; v6++) {
		begin();
		ethernet(v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
		if (v6)
			ipv6_hello();
		else
			ipv4_hello();
		fill(0xAA, 50);
		assert_int_equal(decode(LINK_ETHERNET), FATE_PARSED);
		assert_hello(14);
	}
	begin();
	ethernet(ETHERTYPE_IPV4);
	ipv4_header(6, 0, 0);
	tcp_header(0, TCP_ACK);
	ip_end();
	fill(0xAA, 6);
	assert_int_equal(decode(LINK_ETHERNET), FATE_PARSED);
	assert_int_equal(got()->payload_len, 0);
	assert_int_equal(got()->missing_len, 0);
}

// Cut at every byte: as far as the ports and flags are there, the segment is known, and how much
// of it is missing.
static void check_cuts(uint32_t link, uint32_t l4, uint32_t header, uint32_t payload)
{
	for (uint32_t n = 0; n <= len; n++) {
		enum fate fate = decode_bytes(frame, n, link, len);

		if (n < l4 + 20) {
			assert_int_not_equal(fate, FATE_PARSED);
			continue;
		}
		assert_int_equal(fate, FATE_PARSED);
		uint32_t here = n > l4 + header ? n - l4 - header : 0;
		here = RTE_MIN(here, payload);
		assert_int_equal(got()->payload_len, here);
		assert_int_equal(got()->missing_len, payload - here);
		assert_int_equal(got()->tcp_flags, TCP_ACK | TCP_PSH);
	}
}

static void test_cuts(void **)
{
	begin();
	ethernet(0x8100);
	vlan_tag(1, 0x88a8);
	vlan_tag(2, ETHERTYPE_IPV4);
	ipv4_header(6, 8, 0);
	tcp_header(20, TCP_ACK | TCP_PSH);
	text("hello, mirror");
	ip_end();
	fill(0xAA, 9);
	check_cuts(LINK_ETHERNET, 22 + 28, 40, 13);
	begin();
	ipv6_header(0);
	extension(0, 43, 1);
	extension(43, 60, 2);
	extension(60, 6, 0);
	tcp_header(40, TCP_ACK | TCP_PSH);
	text("hello, mirror");
	ip_end();
	check_cuts(LINK_RAW, 40 + 16 + 24 + 8, 60, 13);
	begin();
	text("\x11\x01\x01\x01\x01\x01\xff\x03W");
	ipv6_hello();
	check_cuts(LINK_PPP_ETHER, 9 + 40, 32, 5);
}

static void test_unsupported(void **)
{
	static const uint8_t protocols[] = {1, 2, 50, 58, 132, 255};

	for (uint32_t i = 0; i < sizeof(protocols); i++) {
		begin();
		ipv4_header(protocols[i], 0, 0);
		fill(0, 40);
		ip_end();
		assert_int_equal(decode(LINK_RAW), FATE_UNSUPPORTED);
		begin();
		ipv6_header(protocols[i]);
		fill(0, 40);
		ip_end();
		assert_int_equal(decode(LINK_RAW), FATE_UNSUPPORTED);
	}
	begin();
	ipv4_header(17, 0, 0);
	put32(53 << 16 | 53);
	put32(8 << 16);
	ip_end();
	assert_int_equal(decode(LINK_RAW), FATE_UNSUPPORTED);
	frame[3]--; // half a UDP header
	assert_int_equal(decode(LINK_RAW), FATE_MALFORMED);
	begin();
	ethernet(0x0806);
	fill(0, 28);
	assert_int_equal(decode(LINK_ETHERNET), FATE_UNSUPPORTED);
	begin();
	text("\xff\x03\xc0\x21");
	assert_int_equal(decode(LINK_PPP), FATE_UNSUPPORTED);
	begin();
	put8(0x50);
	fill(0, 50);
	assert_int_equal(decode(LINK_RAW), FATE_MALFORMED);
	begin();
	assert_int_equal(decode(LINK_RAW), FATE_MALFORMED);
	// A total length that does not even hold the header.
	begin();
	ipv4_hello();
	frame[3] = 19;
	assert_int_equal(decode(LINK_RAW), FATE_MALFORMED);
}

static void test_large(void **)
{
	begin();
	ipv4_header(6, 0, 0);
	tcp_header(0, TCP_ACK);
	fill('x', 65535 - 40);
	ip_end();
	assert_int_equal(decode(LINK_RAW), FATE_PARSED);
	assert_int_equal(got()->payload_len, 65495);
	assert_int_equal(got()->missing_len, 0);
	// Cut from more than a datagram can hold: the hole is at least as large as can be said.
	frame[2] = frame[3] = 0;
	assert_int_equal(decode_bytes(frame, 100, LINK_RAW, 200000), FATE_PARSED);
	assert_int_equal(got()->payload_len, 60);
	assert_int_equal(got()->missing_len, 65535);
}

// The packet in three buffers, cut at a and b. Each is against its own forbidden page.
static enum fate decode_chain(uint32_t link, uint32_t a, uint32_t b, uint32_t room)
{
	struct rte_mbuf *m = place(0, frame, a, room);

	m->next = place(1, frame + a, b - a, 0);
	m->next->next = place(2, frame + b, len - b, 0);
	m->nb_segs = 3;
	m->pkt_len = len;
	enum fate fate = packet_decode(m, link, len, 42);
	assert_int_equal(m->pkt_len, len);
	if (fate != FATE_PARSED)
		return fate;
	check_bounds(m);
	// The payload is where it is said to be, whatever was moved.
	uint8_t copy[FRAME_MAX];
	uint32_t n = got()->payload_len;
	const uint8_t *p = rte_pktmbuf_read(m, got()->payload_off, n, copy);
	assert_non_null(p);
	assert_memory_equal(p, frame + got()->payload_off, n);
	return fate;
}

static void test_chained(void **)
{
	// Long enough that only payload lies behind the first buffer.
	begin();
	ethernet(ETHERTYPE_IPV4);
	ipv4_header(6, 0, 0);
	tcp_header(12, TCP_ACK | TCP_PSH);
	for (uint32_t i = 0; i < 5000; i++)
		put8((uint8_t)(i * 7));
	ip_end();
	fill(0xAA, 100);
	assert_int_equal(decode_chain(LINK_ETHERNET, 2048, 4096, 0), FATE_PARSED);
	assert_int_equal(got()->payload_len, 5000);
	assert_int_equal(got()->missing_len, 0);
	// Cut in the third one.
	len -= 300;
	assert_int_equal(decode_chain(LINK_ETHERNET, 2048, 4096, 0), FATE_PARSED);
	assert_int_equal(got()->payload_len, 4800);
	assert_int_equal(got()->missing_len, 200);
	// Only trailer bytes behind the first.
	frame[16] = 1;
	frame[17] = 0;
	assert_int_equal(decode_chain(LINK_ETHERNET, 2048, 4096, 0), FATE_PARSED);
	assert_int_equal(got()->payload_len, 256 - 52);
	assert_int_equal(got()->missing_len, 0);
}

// A first buffer that does not hold the headers is filled up.
static void test_chained_short(void **)
{
	begin();
	ethernet(0x8100);
	vlan_tag(1, ETHERTYPE_IPV4);
	ipv4_header(6, 40, 0);
	tcp_header(40, TCP_ACK | TCP_PSH);
	text("hello, mirror");
	ip_end();
	uint32_t header = 18 + 60 + 60;
	for (uint32_t a = 0; a <= len; a++) {
		uint32_t b = a + random_below(len - a + 1);

		assert_int_equal(decode_chain(LINK_ETHERNET, a, b, 300), FATE_PARSED);
		assert_int_equal(got()->payload_off, header);
		assert_int_equal(got()->payload_len, 13);
		// Without room nothing is read that is not there.
		assert_int_equal(decode_chain(LINK_ETHERNET, a, b, 0), a == len ? FATE_PARSED : FATE_MALFORMED);
	}
}

// Extension headers that lead out of the first buffer.
static void test_chained_extensions(void **)
{
	begin();
	ipv6_header(60);
	for (uint32_t i = 0; i < 4; i++)
		extension(60, i == 3 ? 6 : 60, 255);
	tcp_header(0, TCP_ACK);
	fill('x', 100);
	ip_end();
	assert_int_equal(decode(LINK_RAW), FATE_PARSED);
	for (uint32_t a = 2000; a < len; a += 1 + random_below(30)) {
		enum fate fate = decode_chain(LINK_RAW, a, len, 0);

		assert_int_equal(fate, a < 40 + 4 * 2048 + 20 ? FATE_MALFORMED : FATE_PARSED);
	}
}

static uint32_t random_frame(void)
{
	static const uint32_t links[] = {LINK_ETHERNET, LINK_ETHERNET, LINK_ETHERNET, LINK_RAW,
					 LINK_NULL, LINK_PPP, LINK_PPP_SERIAL, LINK_PPP_ETHER,
					 LINK_C_HDLC, LINK_LINUX_SLL, LINK_LINUX_SLL2, LINK_IPV6};
	uint32_t link = links[random_below(sizeof(links) / sizeof(links[0]))];

	begin();
	if (link == LINK_ETHERNET) {
		bool tagged = random_below(2);

		ethernet(tagged ? 0x8100 : ETHERTYPE_IPV4);
		if (tagged)
			vlan_tag(5, ETHERTYPE_IPV4);
	} else {
		fill((uint8_t)random_below(256), random_below(21));
	}
	if (random_below(2)) {
		ipv4_header(6, random_below(3) * 4, 0);
	} else {
		ipv6_header(random_below(2) ? 6 : 60);
		extension(60, 6, random_below(4));
	}
	tcp_header(random_below(11) * 4, (uint8_t)random_below(256));
	fill('x', random_below(100));
	ip_end();
	return link;
}

static void test_random(void **)
{
	uint32_t n_fates[FATE_N] = {0};

	for (uint32_t round = 0; round < 100000; round++) {
		uint32_t link = random_frame();

		for (uint32_t i = random_below(6); i > 0; i--) {
			uint32_t at = random_below(random_below(2) ? len : RTE_MIN(len, 70u));

			frame[at] = (uint8_t)(random_below(2) ? random_below(256) :
							       frame[at] ^ 1u << random_below(8));
		}
		uint32_t n = random_below(4) ? len : random_below(len + 1);
		n_fates[decode_bytes(frame, n, link, random_below(2) ? n : random_below(70000))]++;
		if (random_below(4) == 0) {
			uint32_t a = random_below(len + 1);

			decode_chain(link, a, a + random_below(len - a + 1),
				     random_below(2) * random_below(300));
		}
	}
	assert_true(n_fates[FATE_PARSED] > 10000);
	assert_true(n_fates[FATE_MALFORMED] > 10000);
	assert_true(n_fates[FATE_UNSUPPORTED] > 1000);
	assert_true(n_fates[FATE_FRAGMENT] > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_link_types),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_vlan),
		cmocka_unit_test(test_ipv4_options),
		cmocka_unit_test(test_tcp_options),
		cmocka_unit_test(test_ipv6_extensions),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_length_zero),
		cmocka_unit_test(test_trailer),
		cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_unsupported),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_chained),
		cmocka_unit_test(test_chained_short),
		cmocka_unit_test(test_chained_extensions),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}

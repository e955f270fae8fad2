// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Frames of every kind that is followed, and what is said of the others.

#include "packet_harness.h"

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
		assert_true(link_known(links[i].link));
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
	assert_false(link_known(147));
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
		// Link, tags and network are layers of one bounded walk.
		assert_int_equal(fate, depth + 2 <= WALK_LAYERS ? FATE_PARSED : FATE_NESTED);
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
		assert_int_equal(decode(LINK_RAW),
				 n <= IPV6_EXTENSIONS ? FATE_PARSED : FATE_MALFORMED);
	}
}

// While segments are left the header names a stop; the connection is the final destination's.
static void test_source_route(void **)
{
	static const struct {
		uint8_t type, left, units;
		int at; // of the final address in the extension header; -1: the header's counts
	} routes[] = {
		{0, 2, 4, 24}, {0, 0, 4, -1}, {2, 1, 2, 8}, {3, 1, 2, -1},
		{4, 1, 4, 8},  {4, 0, 4, -1}, {4, 1, 0, -1}, {253, 1, 4, -1},
	};

	for (uint32_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		begin();
		ipv6_header(43);
		uint32_t at = len;
		extension(43, 6, routes[i].units);
		frame[at + 2] = routes[i].type;
		frame[at + 3] = routes[i].left;
		if (routes[i].at >= 0) {
			frame[at + routes[i].at] = 0x20;
			frame[at + routes[i].at + 15] = 0x77;
		}
		tcp_header(12, TCP_ACK);
		text("hello");
		ip_end();
		assert_int_equal(decode(LINK_RAW), FATE_PARSED);
		assert_int_equal(got()->payload_len, 5);
		const uint8_t *dst = got()->key.addr[!got()->src];
		assert_int_equal(dst[15], routes[i].at >= 0 ? 0x77 : 3);
	}
}

static void test_fragments(void **)
{
	static const struct {
		uint16_t field;
		bool whole;
	} v4[] = {{0, true},  {0x4000, true},  {0x2000, false},
		  {1, false}, {0x1fff, false}, {0x6001, false}};
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_link_types),  cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_vlan),        cmocka_unit_test(test_ipv4_options),
		cmocka_unit_test(test_tcp_options), cmocka_unit_test(test_ipv6_extensions),
		cmocka_unit_test(test_source_route), cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_length_zero), cmocka_unit_test(test_trailer),
		cmocka_unit_test(test_unsupported), cmocka_unit_test(test_large),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}

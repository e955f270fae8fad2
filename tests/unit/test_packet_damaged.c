// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Frames cut at every byte, spread over several buffers, and damaged at random: nothing is read
// that is not there, and what is said to be there is.

#include "packet_harness.h"

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
		assert_int_equal(decode_chain(LINK_ETHERNET, a, b, 0),
				 a == len ? FATE_PARSED : FATE_MALFORMED);
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
	static const uint32_t links[] = {LINK_ETHERNET,   LINK_ETHERNET,   LINK_ETHERNET,
					 LINK_RAW,        LINK_NULL,       LINK_PPP,
					 LINK_PPP_SERIAL, LINK_PPP_ETHER,  LINK_C_HDLC,
					 LINK_LINUX_SLL,  LINK_LINUX_SLL2, LINK_IPV6};
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

			frame[at] = (uint8_t)(random_below(2) ? random_below(256)
							      : frame[at] ^ 1u << random_below(8));
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
		cmocka_unit_test(test_cuts),          cmocka_unit_test(test_chained),
		cmocka_unit_test(test_chained_short), cmocka_unit_test(test_chained_extensions),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}

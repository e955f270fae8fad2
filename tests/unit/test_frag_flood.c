// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Floods of first pieces that never become whole, and honest datagrams whose pieces have far more
// of them in between than there are buffers.

#include "tests/unit/frag_fixture.h"

enum { FLOOD = 20 * FRAG_BUFFERS, APART = 5 * FRAG_BUFFERS };

enum { HOST = 0x0a010001 };

// A TCP segment of a host to the peer of all, or the other way round.
static void segment(uint32_t host, bool back, uint8_t flags, uint32_t seq, uint32_t ack)
{
	struct shape s = {.version = 4, .id = 1, .sender = host};
	struct rte_mbuf *m = frame(&s, 0, 24, false);
	struct pkt *pkt = pkt_of(m);

	assert_int_equal(packet_decode(m, 1, rte_pktmbuf_pkt_len(m), seed), FATE_PARSED);
	pkt->src ^= back;
	pkt->tcp_flags = flags;
	pkt->seq = seq;
	pkt->ack = ack;
	pkt->payload_len = 0;
	frag_segment(frag, pkt);
	rte_pktmbuf_free(m);
}

static void handshake(uint32_t host)
{
	segment(host, false, TCP_SYN, 100, 0);
	segment(host, true, TCP_SYN | TCP_ACK, 500, 101);
	segment(host, false, TCP_ACK, 101, 501);
}

// So many hosts send so many pieces in turn.
static void flood(uint32_t hosts, uint32_t n)
{
	static uint32_t id;

	for (uint32_t i = 0; i < n; i++, id++) {
		struct shape s = {
			.version = 4, .id = id & 0xffff, .sender = 0x0b000000 + id % hosts};

		assert_null(send(&s, 0, 1400, true));
		assert_true(rte_mempool_in_use_count(pool) <= FRAG_BUFFERS);
	}
}

// How many of 20 datagrams become whole, each of a host of its own, with pieces so far apart.
static uint32_t alive(uint32_t hosts, uint32_t apart, bool known)
{
	uint32_t n = 0;

	flood(hosts, FLOOD);
	for (uint32_t i = 0; i < 20; i++) {
		if (known)
			handshake(HOST + i);
	}
	for (uint32_t piece = 0; piece < 3; piece++) {
		for (uint32_t i = 0; i < 20; i++) {
			struct shape s = {.version = 4, .id = i, .sender = HOST + i};
			struct rte_mbuf *m = send(&s, 1000 * piece, 1000 * piece + 1000, piece < 2);

			if (m)
				check_whole(m, &s, 3000);
			n += m != NULL;
			flood(hosts, apart / 20);
		}
	}
	return n;
}

// Each piece has another sender. Whoever was there to receive what was sent to it is real; of the
// others nobody can tell.
static void test_forged(void **)
{
	assert_false(frag->pressed);
	assert_int_equal(alive(1 << 24, APART, true), 20);
	assert_true(frag->pressed);
	assert_int_equal(alive(1 << 24, APART, false), 20); // known since
	frag_reset(frag);
	assert_false(frag->pressed);
	assert_int_equal(alive(1 << 24, APART, false), 0);
	// What comes long before the room is full once more becomes whole even so.
	assert_int_equal(alive(1 << 24, FRAG_BUFFERS / 20, false), 20);
}

// One direction alone is mirrored: what became whole before speaks for its sender.
static void test_one_way(void **)
{
	assert_int_equal(alive(1 << 24, 0, false), 20);
	assert_int_equal(alive(1 << 24, APART, false), 20);
}

// A few senders lose their own, whether or not anything is known of the others or of them. Of the
// honest ones a few share a queue with them.
static void test_few_senders(void **)
{
	static const uint32_t hosts[] = {1, 10};

	for (uint32_t i = 0; i < 2; i++) {
		assert_true(alive(hosts[i], APART, false) >= 18);
		frag_reset(frag);
		for (uint32_t k = 0; k < hosts[i]; k++)
			handshake(0x0b000000 + k);
		assert_true(alive(hosts[i], APART, false) >= 18);
		for (uint32_t k = 0; k < hosts[i]; k++)
			handshake(0x0b000000 + k);
		assert_true(alive(hosts[i], APART, true) >= 18);
		frag_reset(frag);
	}
}

// Many runs each: what is held counts, not how many they are.
static void test_large(void **)
{
	for (uint32_t d = 0; d < 100; d++) {
		struct shape s = {.version = 4, .id = d, .sender = 0x0b000000 + d % 2};

		for (uint32_t i = 0; i < 60; i++)
			assert_null(send(&s, 16 * i, 16 * i + 8, true));
		assert_true(rte_mempool_in_use_count(pool) <= FRAG_BUFFERS);
		if (d >= 10)
			continue;
		s.sender = HOST + d;
		assert_null(send(&s, 0, 1400, true));
	}
	for (uint32_t d = 0; d < 10; d++) {
		struct shape s = {.version = 4, .id = d, .sender = HOST + d};

		check_whole(send(&s, 1400, 1600, false), &s, 1600);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_forged),
		TEST(test_one_way),
		TEST(test_few_senders),
		TEST(test_large),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Frames until somebody owns them: whole, in pieces, contradictory, with wrong checksums. Each one
// has a fate, and no buffer is lost.

#include "dataplane/checksum.h"
#include "dataplane/ingress.c"

#include "tests/unit/frag_fixture.h"

static struct checksum check;
static struct ingress in;

static void begin(uint32_t mode)
{
	checksum_init(&check, mode, seed);
	in = (struct ingress){seed, frag, &check, NULL};
}

// What the receiver of a segment does in the end.
static void settle(struct rte_mbuf *m)
{
	fates.pkts[FATE_PARSED]++;
	fates.bytes[FATE_PARSED] += rte_pktmbuf_pkt_len(m);
	rte_pktmbuf_free(m);
}

static enum fate take(struct rte_mbuf *m, struct pkt *out)
{
	enum fate fate = ingress_packet(&in, &m, 1, rte_pktmbuf_pkt_len(m), &fates);

	if (fate == FATE_PARSED) {
		*out = *pkt_of(m);
		settle(m);
	} else {
		rte_pktmbuf_free(m);
	}
	return fate;
}

static void test_whole(void **)
{
	struct shape s = {.version = 4, .id = 1};
	struct pkt pkt;

	begin(CHECKSUM_OFF);
	for (uint32_t i = 0; i < 2; i++) {
		s.version = i ? 6 : 4;
		s.id++;
		if (i == 0) {
			assert_int_equal(take(frame(&s, 0, 100, false), &pkt), FATE_PARSED);
			assert_int_equal(pkt.joined, 0);
		}
		assert_int_equal(take(frame(&s, 0, 800, true), &pkt), FATE_FRAGMENT);
		assert_int_equal(take(frame(&s, 800, 1000, false), &pkt), FATE_PARSED);
		assert_int_equal(pkt.joined, 1);
		assert_int_equal(pkt.frag_overlap, 0);
		assert_int_equal(pkt.payload_len, 1000 - TCP_HEADER);
	}
	s.protocol = 1;
	s.version = 4;
	assert_int_equal(take(frame(&s, 0, 100, false), &pkt), FATE_UNSUPPORTED);
	assert_int_equal(fates.pkts[FATE_UNSUPPORTED], 1);
	assert_int_equal(fates.rx_pkts, 6);
}

static void test_overlap(void **)
{
	struct shape s = {.version = 4, .id = 1};
	struct pkt pkt;

	begin(CHECKSUM_OFF);
	// The pieces that contradict each other say whose they are, once.
	assert_int_equal(take(frame(&s, 0, 800, true), &pkt), FATE_FRAGMENT);
	assert_int_equal(take(frame(&s, 400, 1000, false), &pkt), FATE_PARSED);
	assert_int_equal(pkt.frag_overlap, 1);
	assert_int_equal(pkt.bad_checksum, 0);
	assert_int_equal(pkt.key.port[0], 40000);
	assert_int_equal(pkt.key.port[1], 80);
	assert_int_equal(take(frame(&s, 800, 1000, false), &pkt), FATE_FRAGMENT);
	// Not enough of a header to say that.
	s.id = 2;
	assert_int_equal(take(frame(&s, 0, 8, true), &pkt), FATE_FRAGMENT);
	assert_int_equal(take(frame(&s, 16, 32, true), &pkt), FATE_FRAGMENT);
	assert_int_equal(take(frame(&s, 24, 48, false), &pkt), FATE_FRAGMENT);
	assert_int_equal(fates.pkts[FATE_FRAGMENT], 5);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

// The frames made here have no checksums at all.
static void test_checksum(void **)
{
	struct shape s = {.version = 4, .id = 1};
	struct pkt pkt;

	begin(CHECKSUM_ON);
	assert_int_equal(take(frame(&s, 0, 100, false), &pkt), FATE_PARSED);
	assert_int_equal(pkt.bad_checksum, 1);
	assert_int_equal(pkt.bad_ip_checksum, 1);
	// No receiver takes such a piece: it must not spoil the others.
	assert_int_equal(take(frame(&s, 0, 80, true), &pkt), FATE_CHECKSUM);
	assert_int_equal(fates.pkts[FATE_CHECKSUM], 1);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
	// IPv6 has none in its header; the segment's is looked at when it is whole.
	s.version = 6;
	assert_int_equal(take(frame(&s, 0, 80, true), &pkt), FATE_FRAGMENT);
	assert_int_equal(take(frame(&s, 80, 100, false), &pkt), FATE_PARSED);
	assert_int_equal(pkt.bad_checksum, 1);
	assert_int_equal(pkt.bad_ip_checksum, 0);
}

// Datagrams in pieces, in datagrams in pieces, …: as far as is followed.
static void test_nested(void **)
{
	static uint8_t inner[8][CONTENT];
	struct shape s = {.version = 6, .id = 9};
	uint32_t len = 200;

	begin(CHECKSUM_OFF);
	for (uint32_t depth = 1; depth <= 6; depth++) {
		struct pkt pkt;
		enum fate fate = FATE_FRAGMENT;
		const uint8_t *bytes = content;

		len = 200;
		s.content = NULL;
		s.protocol = 0;
		for (uint32_t i = 1; i < depth; i++) {
			// The second half first, then, inside of the next, the first half.
			struct shape t = s;
			t.id = 100 * depth + i;
			uint32_t n = build_ip(inner[i], &t, 0, len, true);
			fate = FATE_FRAGMENT;
			bytes = inner[i];
			len = n / 8 * 8;
			s.content = bytes;
			s.protocol = 41;
		}
		s.id = 100 * depth;
		assert_int_equal(take(frame(&s, 0, len / 16 * 8, true), &pkt), FATE_FRAGMENT);
		fate = take(frame(&s, len / 16 * 8, len, false), &pkt);
		// Only the outermost became whole here; the ones in it still lack their ends.
		assert_int_equal(fate, depth == 1 ? FATE_PARSED : FATE_FRAGMENT);
	}
	frag_reset(frag);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

// A segment of a host to the peer of all, or the other way round.
static void segment(uint32_t host, bool back, uint8_t flags, uint32_t seq, uint32_t ack)
{
	enum { ADDRESSES = 14 + 12, TCP = 14 + 20 };
	struct shape s = {.version = 4, .id = 1, .sender = host};
	struct rte_mbuf *m = frame(&s, 0, TCP_HEADER, false);
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *), copy[4];
	struct pkt pkt;

	if (back) {
		memcpy(copy, p + ADDRESSES, 4);
		memcpy(p + ADDRESSES, p + ADDRESSES + 4, 4);
		memcpy(p + ADDRESSES + 4, copy, 4);
		put16(put16(p + TCP, 80), 40000);
	}
	for (uint32_t i = 0; i < 4; i++) {
		p[TCP + 4 + i] = (uint8_t)(seq >> (24 - 8 * i));
		p[TCP + 8 + i] = (uint8_t)(ack >> (24 - 8 * i));
	}
	p[TCP + 13] = flags;
	assert_int_equal(take(m, &pkt), FATE_PARSED);
	assert_int_equal(pkt.payload_len, 0);
}

// Who was seen to open a connection keeps the pieces of a datagram through a flood, whenever the flood
// began; others, of whom nothing is known, do not.
static void test_known_before(void **)
{
	enum { HOST = 0x0a010001 };

	for (uint32_t known = 0; known < 2; known++) {
		struct shape s = {.version = 4, .id = 7, .sender = HOST};
		struct pkt pkt;

		begin(CHECKSUM_OFF);
		if (known) {
			segment(HOST, false, TCP_SYN, 100, 0);
			segment(HOST, true, TCP_SYN | TCP_ACK, 500, 101);
			segment(HOST, false, TCP_ACK, 101, 501);
		}
		assert_false(frag->pressed);
		assert_int_equal(take(frame(&s, 0, 800, true), &pkt), FATE_FRAGMENT);
		for (uint32_t i = 0; i < 10 * FRAG_BUFFERS; i++) {
			struct shape forged = {
				.version = 4, .id = i & 0xffff, .sender = 0x0b000000 + i};

			assert_int_equal(take(frame(&forged, 0, 1400, true), &pkt), FATE_FRAGMENT);
		}
		assert_int_equal(take(frame(&s, 800, 1000, false), &pkt),
				 known ? FATE_PARSED : FATE_FRAGMENT);
		frag_reset(frag);
	}
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_whole),  TEST(test_overlap),      TEST(test_checksum),
		TEST(test_nested), TEST(test_known_before),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}

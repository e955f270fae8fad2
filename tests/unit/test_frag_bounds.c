// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The limits of IP reassembly: pieces, buffers, datagrams, time, length; pieces that cannot be
// used; tunnels; random nonsense.

#include "tests/unit/frag_fixture.h"

static void test_pieces_bound(void **)
{
	struct shape s = {.version = 4};

	// As small as can be, and as many as are allowed: the TCP header is spread over three.
	for (uint32_t k = 0; k < 4; k++) {
		s.version = k & 1 ? 4 : 6;
		s.id = 100 + k;
		for (uint32_t i = 0; i < FRAG_PIECES; i++) {
			uint32_t at = k & 2 ? FRAG_PIECES - 1 - i : i;
			struct rte_mbuf *m = send(&s, 8 * at, 8 * at + 8, at < FRAG_PIECES - 1);

			if (i < FRAG_PIECES - 1)
				assert_null(m);
			else
				check_whole(m, &s, 8 * FRAG_PIECES);
		}
	}
	for (uint32_t i = 0; i < FRAG_PIECES; i++)
		assert_null(send(&s, 8 * i, 8 * i + 8, true));
	assert_int_equal(rte_mempool_in_use_count(pool), FRAG_PIECES);
	assert_null(send(&s, 8 * FRAG_PIECES, 8 * FRAG_PIECES + 8, false));
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

static void check_alive(uint32_t id, uint64_t ts_ns)
{
	for (uint32_t i = 0; i < 20; i++) {
		struct shape s = {.version = i & 1 ? 4 : 6, .id = id + i, .ts_ns = ts_ns};

		assert_null(send(&s, 0, 1000, true));
		check_whole(send(&s, 1000, 1500, false), &s, 1500);
	}
}

// However much never becomes whole, what is new still does.
static void test_buffers_bound(void **)
{
	uint32_t most = 0;

	for (uint32_t d = 0; d < 60; d++) {
		struct shape s = {.version = d & 1 ? 4 : 6, .id = d};

		for (uint32_t i = 1; i < 60; i++) {
			assert_null(send(&s, 8 * i, 8 * i + 8, true));
			most = RTE_MAX(most, rte_mempool_in_use_count(pool));
		}
	}
	assert_int_equal(most, FRAG_BUFFERS);
	check_alive(1000, 0);
	assert_true(rte_mempool_in_use_count(pool) <= FRAG_BUFFERS);
}

static void test_datagrams_bound(void **)
{
	for (uint32_t d = 0; d < 3 * FRAG_SETS * FRAG_WAYS; d++) {
		struct shape s = {.version = 6, .id = d, .ts_ns = d};

		assert_null(send(&s, 0, 24, true));
		assert_true(rte_mempool_in_use_count(pool) <= FRAG_BUFFERS);
	}
	assert_true(rte_mempool_in_use_count(pool) > FRAG_BUFFERS / 2);
	check_alive(100000, 0);
	// The youngest of a set stay.
	uint32_t wholes = 0;
	for (uint32_t i = 1; i <= 50; i++) {
		struct shape s = {.version = 6, .id = 3 * FRAG_SETS * FRAG_WAYS - i};
		struct rte_mbuf *m = send(&s, 24, 48, false);

		wholes += m != NULL;
		if (m)
			check_whole(m, &s, 48);
	}
	assert_true(wholes > 45);
	frag_reset(frag);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

static void test_timeout(void **)
{
	struct shape s = {.version = 4, .id = 1, .ts_ns = 100 * UINT64_C(1000000000)};

	// Exactly the time that a piece waits.
	assert_null(send(&s, 0, 24, true));
	s.ts_ns += frag_timeout_ns;
	check_whole(send(&s, 24, 48, false), &s, 48);
	// It is counted from the first piece that came, and no other prolongs it.
	assert_null(send(&s, 0, 8, true));
	s.ts_ns += frag_timeout_ns;
	assert_null(send(&s, 8, 24, true));
	s.ts_ns++;
	assert_null(send(&s, 24, 48, false));
	assert_int_equal(rte_mempool_in_use_count(pool), 1);
	check_whole(send(&s, 0, 24, true), &s, 48);
	// Captures are not always in order of time.
	assert_null(send(&s, 24, 48, false));
	s.ts_ns -= SECOND;
	check_whole(send(&s, 0, 24, true), &s, 48);
	// Another capture may have been taken long before.
	assert_null(send(&s, 24, 48, false));
	s.ts_ns -= frag_timeout_ns + 1;
	assert_null(send(&s, 0, 24, true));
	assert_int_equal(rte_mempool_in_use_count(pool), 1);
}

// Nobody asks for the datagrams that lack a piece: others that pass by clear them away.
static void test_timeout_unasked(void **)
{
	for (uint32_t d = 0; d < 300; d++) {
		struct shape s = {.version = 4, .id = d};

		assert_null(send(&s, 0, 24, true));
	}
	assert_true(rte_mempool_in_use_count(pool) > 250); // not all: some sets are full
	for (uint32_t i = 0; i < FRAG_SETS / 40 + 1; i++)
		check_alive(1000, frag_timeout_ns + 1);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

// RFC 791: 65535 bytes with the header. RFC 8200: without, but with extension headers.
static void test_longest(void **)
{
	static const struct {
		uint8_t version, options;
		uint32_t most;
	} cases[] = {{4, 0, 65515}, {4, 8, 65507}, {6, 0, 65535}, {6, 8, 65527}};

	for (uint32_t i = 0; i < 4; i++) {
		for (uint32_t more = 0; more < 2; more++) {
			struct shape s = {.version = cases[i].version, .id = 2 * i + more,
					  .options = cases[i].options};
			uint32_t len = cases[i].most + more, from = 0;
			struct rte_mbuf *m = NULL;

			for (; from + 1480 < len; from += 1480)
				assert_null(send(&s, from, from + 1480, true));
			m = send(&s, from, len, false);
			if (!more) {
				check_whole(m, &s, len);
			} else {
				assert_null(m);
				frag_reset(frag); // what was refused before the end was seen
			}
			assert_int_equal(rte_mempool_in_use_count(pool), 0);
		}
	}
}

// Pieces that cannot be used: each is let go, and harms no other.
static void test_unusable(void **)
{
	struct shape s = {.version = 4, .id = 1}, cut = s;
	struct rte_mbuf *m, *rest;

	cut.cut = true;
	assert_null(send(&s, 0, 24, true));
	assert_null(send(&cut, 24, 48, false));
	assert_null(send(&s, 24, 24, true));
	assert_null(send(&s, 65528, 65536, false));
	// In two buffers, as from a driver that scatters.
	m = frame(&s, 24, 48, false);
	rest = rte_pktmbuf_alloc(pool);
	assert_non_null(rest);
	memcpy(rte_pktmbuf_append(rest, 8), rte_pktmbuf_mtod_offset(m, void *, 50), 8);
	assert_int_equal(rte_pktmbuf_trim(m, 8), 0);
	assert_int_equal(rte_pktmbuf_chain(m, rest), 0);
	assert_null(receive(m));
	assert_int_equal(rte_mempool_in_use_count(pool), 1);
	check_whole(send(&s, 24, 48, false), &s, 48);
}

// Pieces of a datagram in another one that came in pieces as well.
static void test_nested(void **)
{
	enum { LEN = 1900, INNER = 1480, OUTER = 800 };
	static uint8_t inner[2][CONTENT];
	struct shape s = {.version = 6, .id = 77};
	struct rte_mbuf *whole = NULL;

	for (uint32_t i = 0; i < 2; i++) {
		uint32_t from = i * INNER, to = i ? LEN : INNER;
		uint32_t len = build_ip(inner[i], &s, from, to, !i);
		struct shape outer = {.version = 4, .id = i, .protocol = 41, .content = inner[i]};
		struct rte_mbuf *m;

		if (len > OUTER) {
			assert_null(send(&outer, 0, OUTER, true));
			m = send(&outer, OUTER, len, false);
		} else {
			m = frame(&outer, 0, len, false);
			fates.rx_pkts++;
			fates.rx_bytes += rte_pktmbuf_pkt_len(m);
		}
		assert_non_null(m);
		assert_null(whole);
		assert_int_equal(packet_decode(m, 1, rte_pktmbuf_pkt_len(m), seed), FATE_FRAGMENT);
		whole = frag_add(frag, m, &fates);
	}
	check_whole(whole, &s, LEN);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

// Random pieces of few datagrams: mostly nonsense.
static void test_storm(void **)
{
	for (uint32_t i = 0; i < 200000; i++) {
		struct shape s = {.version = random_below(2) ? 4 : 6, .id = random_below(16),
				  .ts_ns = (uint64_t)i * 100000 + random_below(1000000000)};
		uint32_t from = 8 * random_below(i & 1024 ? 6 : 8191);
		uint32_t to = from + (random_below(4) ? 8 : random_below(90));
		bool more = random_below(3);
		// A packet that is neither the last nor without an end is none for reassembly.
		if (from == 0 && !more)
			continue;
		struct rte_mbuf *m = send(&s, from, RTE_MIN(to, CONTENT - 1u), more);

		if (!m)
			continue;
		uint32_t len = rte_pktmbuf_pkt_len(m);
		enum fate fate = packet_decode(m, 1, len, seed);
		assert_true(fate == FATE_PARSED || fate == FATE_MALFORMED);
		fates.pkts[fate]++;
		fates.bytes[fate] += len;
		rte_pktmbuf_free(m);
		assert_true(rte_mempool_in_use_count(pool) <= FRAG_BUFFERS);
	}
	assert_true(fates.pkts[FATE_PARSED] > 100);
	assert_true(fate_balanced(&fates));
}

static void test_life(void **)
{
	struct shape s = {.version = 4, .id = 1};

	frag_free(NULL);
	no_memory = true;
	assert_null(frag_new(1));
	no_memory = false;
	frag_reset(frag);
	assert_null(send(&s, 0, 24, true));
	frag_reset(frag);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
	// Nothing is remembered.
	assert_null(send(&s, 24, 48, false));
	check_whole(send(&s, 0, 24, true), &s, 48);
	assert_null(send(&s, 24, 48, false)); // for the end of the test to free
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_pieces_bound),
		TEST(test_buffers_bound),
		TEST(test_datagrams_bound),
		TEST(test_timeout),
		TEST(test_timeout_unasked),
		TEST(test_longest),
		TEST(test_unusable),
		TEST(test_nested),
		TEST(test_storm),
		TEST(test_life),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}

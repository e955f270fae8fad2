// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The limits of IP reassembly: pieces, buffers, datagrams, time, length; pieces that cannot be
// used; tunnels; random nonsense.

#include "tests/unit/frag_fixture.h"

// As small as can be, in any order: the TCP header is spread over three.
static void test_tiny(void **)
{
	static uint32_t order[8192];

	for (uint32_t k = 0; k < 10; k++) {
		struct shape s = {.version = k & 1 ? 4 : 6, .id = 100 + k};
		uint32_t n = k < 6 ? 185 : 8000;

		for (uint32_t i = 0; i < n; i++)
			order[i] = k & 2 ? n - 1 - i : i;
		for (uint32_t i = n; k >= 4 && k < 6 && i > 1; i--) { // shuffled
			uint32_t j = random_below(i), swap = order[i - 1];

			order[i - 1] = order[j];
			order[j] = swap;
		}
		for (uint32_t i = 0; i < n; i++) {
			uint32_t at = order[i];
			struct rte_mbuf *m = send(&s, 8 * at, 8 * at + 8, at < n - 1);

			if (i < n - 1)
				assert_null(m);
			else
				check_whole(m, &s, 8 * n);
			assert_true(rte_mempool_in_use_count(pool) <= FRAG_RUNS + 1);
		}
	}
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

static void test_runs_bound(void **)
{
	struct shape s = {.version = 4, .id = 1};

	for (uint32_t i = 0; i < FRAG_RUNS; i++)
		assert_null(send(&s, 16 * i, 16 * i + 8, true));
	assert_int_equal(rte_mempool_in_use_count(pool), FRAG_RUNS);
	assert_null(send(&s, 16 * FRAG_RUNS, 16 * FRAG_RUNS + 8, true));
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
	// It is given up, and nothing is said of it.
	assert_null(send(&s, 0, 24, true));
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
	assert_int_equal(n_overlaps, 0);
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
			assert_null(send(&s, 16 * i, 16 * i + 8, true));
			most = RTE_MAX(most, rte_mempool_in_use_count(pool));
		}
	}
	assert_int_equal(most, FRAG_BUFFERS);
	check_alive(1000, 0);
	assert_true(rte_mempool_in_use_count(pool) <= FRAG_BUFFERS);
}

static void test_datagrams_bound(void **)
{
	const uint32_t n = 3 * FRAG_BUFFERS;

	for (uint32_t d = 0; d < n; d++) {
		struct shape s = {.version = 6, .id = d, .ts_ns = d};

		assert_null(send(&s, 0, 24, true));
		assert_true(rte_mempool_in_use_count(pool) <= FRAG_BUFFERS);
	}
	assert_int_equal(rte_mempool_in_use_count(pool), FRAG_BUFFERS);
	check_alive(100000, 0);
	// The youngest stay, each of them.
	for (uint32_t i = 1; i <= 1000; i++) {
		struct shape s = {.version = 6, .id = n - i};

		check_whole(send(&s, 24, 48, false), &s, 48);
	}
	frag_reset(frag);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
	// Stones are datagrams as well, though they hold nothing.
	for (uint32_t d = 0; d < n; d++) {
		struct shape s = {.version = 6, .id = d, .ts_ns = d};

		assert_null(send(&s, 0, 24, true));
		assert_null(send(&s, 16, 32, true));
		assert_int_equal(rte_mempool_in_use_count(pool), 0);
	}
	assert_int_equal(n_overlaps, n);
	check_alive(100000, 0);
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
	assert_int_equal(rte_mempool_in_use_count(pool), 300);
	for (uint32_t i = 0; i < 300 / FRAG_EXPIRE / 20 + 1; i++)
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
	assert_int_equal(rte_mempool_in_use_count(pool), 1);
	check_whole(send(&s, 24, 48, false), &s, 48);
	// In two buffers, as from a driver that scatters: as good as in one.
	for (uint32_t k = 0; k < 3; k++) {
		for (uint32_t i = 0; i < 3 + k; i++) {
			uint32_t from = i == 1 ? 24 : i == 2 ? 600 : 0, to = i == 1 ? 600 : i == 2 ? 1000 : 24;

			m = frame(&s, from, to, to < 1000);
			if (i <= k) {
				uint32_t n = RTE_MIN(rte_pktmbuf_data_len(m) - 34u, 100u);

				rest = rte_pktmbuf_alloc(pool);
				assert_non_null(rest);
				memcpy(rte_pktmbuf_append(rest, (uint16_t)n),
				       rte_pktmbuf_mtod_offset(m, void *, rte_pktmbuf_data_len(m) - n), n);
				assert_int_equal(rte_pktmbuf_trim(m, (uint16_t)n), 0);
				assert_int_equal(rte_pktmbuf_chain(m, rest), 0);
			}
			m = receive(m);
			if (i < 2 || i > 2)
				assert_null(m);
			else
				check_whole(m, &s, 1000);
		}
		frag_reset(frag);
		assert_int_equal(rte_mempool_in_use_count(pool), 0);
	}
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
		whole = receive_again(m);
	}
	check_whole(whole, &s, LEN);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

// Random pieces of few datagrams: mostly nonsense.
static void test_storm(void **)
{
	for (uint32_t i = 0; i < 200000; i++) {
		struct shape s = {.version = random_below(2) ? 4 : 6, .id = random_below(256),
				  .ts_ns = (uint64_t)i * 20000000 + random_below(1000000000)};
		uint32_t from = 8 * random_below(i & 1024 ? 6 : 8191);
		uint32_t to = from + (random_below(4) ? 8 : random_below(90));
		bool more = random_below(3);
		if (random_below(4)) { // now and then they fit
			from = 8 * random_below(3);
			to = from + 8;
			more = from < 16;
		}
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
	for (uint32_t i = 0; i < 6; i++) {
		no_memory = true;
		memory_left = i;
		assert_null(frag_new(1, 100));
		no_memory = false;
	}
	assert_int_equal(frag_buffers(1024, 1), 128);
	assert_int_equal(frag_buffers(1024, 100), FRAG_RUNS);
	assert_true(frag_buffers(1 << 30, 1) > 11000);
	assert_true(frag_buffers(1 << 30, 1) * (uint64_t)FRAG_BYTES_EACH + FRAG_BYTES_ONCE <= 32 << 20);
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
		TEST(test_tiny),
		TEST(test_runs_bound),
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

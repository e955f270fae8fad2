// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// IP reassembly: pieces in any order and more than once, missing ones, overlaps, contradictory
// ends, datagrams that must not be mixed.

#include "tests/unit/frag_fixture.h"

static void test_two_pieces(void **)
{
	for (uint32_t i = 0; i < 32; i++) {
		struct shape s = {.version = i & 1 ? 4 : 6, .options = i & 2 ? 8 : 0,
				  .trailer = i & 4 ? 6 : 0, .back = i & 8, .id = 70000 + i};
		bool backwards = i & 16;
		uint32_t header = 14 + (s.version == 4 ? 20u : 48u) + s.options;
		struct rte_mbuf *m;

		fates = (struct fates){0};
		assert_null(backwards ? send(&s, 1000, 1900, false) : send(&s, 0, 1000, true));
		assert_int_equal(fates.pkts[FATE_FRAGMENT], 1);
		s.ts_ns = 3;
		m = backwards ? send(&s, 0, 1000, true) : send(&s, 1000, 1900, false);
		assert_non_null(m);
		assert_true(pkt_of(m)->ts_ns == start_ns + 3); // when it became whole
		// It fits one buffer, so it is in one.
		assert_int_equal(m->nb_segs, 1);
		assert_int_equal(rte_pktmbuf_pkt_len(m), header + 1900);
		check_whole(m, &s, 1900);
		assert_int_equal(rte_mempool_in_use_count(pool), 0);
		// What is not in the whole: the second header, the trailers.
		assert_int_equal(fates.pkts[FATE_FRAGMENT], 1);
		assert_int_equal(fates.bytes[FATE_FRAGMENT], header + 2u * s.trailer);
	}
}

// Any order, any sizes, several datagrams at once, pieces again and again: each datagram is given
// out exactly when all its bytes were there.
static void test_any_order(void **)
{
	enum { DATAGRAMS = 4, PIECES = FRAG_RUNS, SENT = DATAGRAMS * PIECES * 2 };
	static struct {
		uint32_t datagram, piece;
	} sent[SENT];

	for (uint32_t round = 0; round < 400; round++) {
		uint32_t n = 1 + random_below(DATAGRAMS), n_sent = 0, wholes = 0;
		uint32_t cut[DATAGRAMS][PIECES + 1], n_pieces[DATAGRAMS], there[DATAGRAMS];
		bool seen[DATAGRAMS][PIECES] = {0};
		struct shape s[DATAGRAMS];

		for (uint32_t d = 0; d < n; d++) {
			s[d] = (struct shape){.version = random_below(2) ? 4 : 6,
					      .options = random_below(2) ? 8 : 0,
					      .back = random_below(2), .id = round * DATAGRAMS + d};
			n_pieces[d] = 2 + random_below(PIECES - 1);
			there[d] = 0;
			cut[d][0] = 0;
			for (uint32_t i = 1; i <= n_pieces[d]; i++)
				cut[d][i] = cut[d][i - 1] + 8 * (1 + random_below(round % 4 ? 6 : 127));
			// Only the last may be of any length; there is always a TCP header.
			cut[d][n_pieces[d]] += TCP_HEADER + random_below(8);
			for (uint32_t i = 0; i < n_pieces[d]; i++) {
				for (uint32_t k = random_below(4) ? 1 : 2; k; k--) {
					sent[n_sent].datagram = d;
					sent[n_sent++].piece = i;
				}
			}
		}
		for (uint32_t i = n_sent; i > 1; i--) {
			uint32_t k = random_below(i);

			RTE_SWAP(sent[i - 1], sent[k]);
		}
		for (uint32_t i = 0; i < n_sent; i++) {
			uint32_t d = sent[i].datagram, piece = sent[i].piece;

			s[d].trailer = (uint8_t)random_below(20);
			struct rte_mbuf *m = send(&s[d], cut[d][piece], cut[d][piece + 1],
						  piece + 1 < n_pieces[d]);
			there[d] += !seen[d][piece];
			seen[d][piece] = true;
			if (there[d] < n_pieces[d]) {
				assert_null(m);
				continue;
			}
			check_whole(m, &s[d], cut[d][n_pieces[d]]);
			wholes++;
			there[d] = 0; // pieces that come once more start it again
			memset(seen[d], 0, sizeof(seen[d]));
		}
		assert_true(wholes >= n);
		frag_reset(frag);
		assert_int_equal(rte_mempool_in_use_count(pool), 0);
	}
	assert_true(fate_balanced(&fates));
}

// Pieces in the order in which they come, up to the first of length 0.
struct sequence {
	struct {
		uint32_t from, to;
		bool more;
	} pieces[6];
	bool whole;    // the last of them completes 48 bytes
	uint32_t held; // buffers afterwards
};

static void check_sequence(const struct sequence *q, uint32_t at, uint8_t version)
{
	struct shape s = {.version = version, .id = 4711};
	struct rte_mbuf *m = NULL;

	for (uint32_t i = 0; i < 6 && q->pieces[i].to; i++) {
		if (m)
			fail_msg("sequence %u: whole before piece %u", at, i);
		m = send(&s, q->pieces[i].from, q->pieces[i].to, q->pieces[i].more);
	}
	if (q->whole != (m != NULL))
		fail_msg("sequence %u, IPv%u: %s", at, version, m ? "whole" : "not whole");
	if (m)
		check_whole(m, &s, 48);
	if (rte_mempool_in_use_count(pool) != q->held)
		fail_msg("sequence %u, IPv%u: %u buffers held, not %u", at, version,
			 rte_mempool_in_use_count(pool), q->held);
	frag_reset(frag);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

static void check_sequences(const struct sequence *sequences, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		check_sequence(&sequences[i], i, 4);
		check_sequence(&sequences[i], i, 6);
	}
}

#define CHECK(sequences) check_sequences(sequences, sizeof(sequences) / sizeof((sequences)[0]))

static void test_missing(void **)
{
	static const struct sequence sequences[] = {
		{{{0, 24, true}}, .held = 1},
		{{{24, 48, false}}, .held = 1},
		{{{0, 24, true}, {32, 48, false}}, .held = 2},
		{{{8, 24, true}, {24, 48, false}}, .held = 1},
		{{{0, 24, true}, {24, 40, true}}, .held = 1},
		{{{32, 48, false}, {8, 32, true}, {0, 8, true}}, .whole = true},
		{{{8, 32, true}, {32, 48, false}, {0, 8, true}}, .whole = true},
		// Not the last, and its length is not one of eight: it is none.
		{{{0, 20, true}, {24, 48, false}}, .held = 1},
		{{{0, 28, true}, {24, 48, false}}, .held = 1},
	};

	CHECK(sequences);
}

static void test_again(void **)
{
	static const struct sequence sequences[] = {
		{{{0, 24, true}, {0, 24, true}}, .held = 1},
		{{{24, 48, false}, {24, 48, false}}, .held = 1},
		{{{0, 24, true}, {0, 24, true}, {24, 48, false}}, .whole = true},
		{{{24, 48, false}, {24, 48, false}, {0, 24, true}}, .whole = true},
		// Parts of what is there, with the same bytes.
		{{{0, 24, true}, {8, 16, true}}, .held = 1},
		{{{0, 24, true}, {0, 16, true}, {8, 24, true}, {24, 48, false}}, .whole = true},
		{{{0, 8, true}, {8, 16, true}, {16, 24, true}, {0, 24, true}, {24, 48, false}},
		 .whole = true},
		{{{32, 48, false}, {0, 8, true}, {32, 48, false}, {0, 8, true}, {8, 32, true}},
		 .whole = true},
	};

	CHECK(sequences);
	// The same place, but not the same bytes: which ones did the receiver take?
	static uint8_t other[CONTENT];
	memcpy(other, content, CONTENT);
	other[20] ^= 1;
	struct shape s = {.version = 4, .id = 9}, forged = {.version = 4, .id = 9, .content = other};
	assert_null(send(&s, 0, 24, true));
	assert_null(send(&forged, 0, 24, true));
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
	assert_int_equal(n_overlaps, 1);
	// No piece of it comes in any more, and it is said once.
	assert_null(send(&s, 24, 48, false));
	assert_null(send(&s, 0, 24, true));
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
	assert_int_equal(n_overlaps, 1);
	// Until its time is over.
	s.ts_ns += frag_timeout_ns + 1;
	assert_null(send(&s, 24, 48, false));
	// Other trailer bytes are no other piece.
	s.trailer = 7;
	assert_null(send(&s, 24, 48, false));
	assert_int_equal(rte_mempool_in_use_count(pool), 1);
	check_whole(send(&s, 0, 24, true), &s, 48);
	// It is said when there is something to say it with.
	s.id = forged.id = 10;
	s.ts_ns = 0;
	other[30] ^= 1;
	assert_null(send(&s, 24, 48, false));
	assert_null(send(&forged, 24, 48, false));
	assert_int_equal(n_overlaps, 1);
	assert_null(send(&s, 8, 24, true));
	assert_int_equal(n_overlaps, 1);
	assert_null(send(&s, 0, 24, true));
	assert_int_equal(n_overlaps, 2);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

static void test_overlap(void **)
{
	static const struct sequence sequences[] = {
		{{{0, 16, true}, {8, 24, false}}, .held = 0},
		{{{8, 24, false}, {0, 16, true}}, .held = 0},
		{{{8, 16, true}, {0, 24, true}}, .held = 0},
		{{{0, 16, true}, {0, 24, true}}, .held = 0},
		{{{8, 24, true}, {0, 24, true}}, .held = 0},
		{{{0, 8, true}, {16, 24, true}, {8, 32, true}}, .held = 0},
		{{{0, 8, true}, {40, 48, false}, {32, 48, false}}, .held = 0},
		// Nothing of it is left, and nothing comes in any more.
		{{{0, 16, true}, {8, 24, false}, {24, 48, false}}, .held = 0},
		{{{0, 16, true}, {8, 24, true}, {0, 24, true}, {24, 48, false}}, .held = 0},
	};

	CHECK(sequences);
	assert_int_equal(n_overlaps, 2 * 9);
}

// One end for all: pieces behind the last, two last ones, a last one that is none.
static void test_end(void **)
{
	static const struct sequence sequences[] = {
		{{{8, 16, false}, {16, 24, true}}, .held = 0},
		{{{8, 16, false}, {16, 24, false}}, .held = 0},
		{{{8, 16, false}, {24, 32, true}}, .held = 0},
		{{{8, 16, false}, {0, 24, true}}, .held = 0},
		{{{16, 24, true}, {8, 16, false}}, .held = 0},
		{{{16, 24, false}, {8, 16, false}}, .held = 0},
		{{{24, 32, true}, {8, 16, false}}, .held = 0},
		{{{8, 16, false}, {8, 16, true}}, .held = 0},
		{{{8, 16, true}, {8, 16, false}}, .held = 0},
		{{{0, 8, true}, {32, 48, true}, {8, 32, false}}, .held = 0},
		// The bytes would add up without the first piece.
		{{{24, 48, false}, {48, 72, true}}, .held = 0},
		{{{40, 48, false}, {56, 96, true}}, .held = 0},
	};

	CHECK(sequences);
}

static void test_apart(void **)
{
	// The two directions, versions, identifications; for IPv4 also the protocols.
	struct shape s[] = {
		{.version = 4, .id = 5},
		{.version = 4, .id = 5, .back = true},
		{.version = 4, .id = 6},
		{.version = 4, .id = 5, .protocol = 17},
		{.version = 6, .id = 5},
		{.version = 6, .id = 5, .back = true},
		{.version = 6, .id = 0x10005},
		{.version = 6, .id = 0x80005},
	};
	const uint32_t n = sizeof(s) / sizeof(s[0]);

	for (uint32_t i = 0; i < n; i++)
		assert_null(send(&s[i], 0, 24, true));
	assert_int_equal(rte_mempool_in_use_count(pool), n);
	for (uint32_t i = 0; i < n; i++) {
		struct rte_mbuf *m = send(&s[i], 24, 48, false);

		if (s[i].protocol == 17) {
			assert_non_null(m);
			fates.pkts[FATE_UNSUPPORTED]++;
			fates.bytes[FATE_UNSUPPORTED] += rte_pktmbuf_pkt_len(m);
			assert_int_equal(packet_decode(m, 1, rte_pktmbuf_pkt_len(m), seed),
					 FATE_UNSUPPORTED);
			rte_pktmbuf_free(m);
		} else {
			check_whole(m, &s[i], 48);
		}
	}
	// For IPv6 only the first piece says what is next.
	struct shape first = {.version = 6, .id = 8}, other = {.version = 6, .id = 8, .protocol = 59};
	assert_null(send(&other, 24, 48, false));
	check_whole(send(&first, 0, 24, true), &first, 48);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_two_pieces),
		TEST(test_any_order),
		TEST(test_missing),
		TEST(test_again),
		TEST(test_overlap),
		TEST(test_end),
		TEST(test_apart),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}

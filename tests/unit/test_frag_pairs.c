// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dataplane/frag_pairs.c"

static struct frag_pairs *pairs;

static int setup(void **)
{
	pairs = calloc(1, sizeof(*pairs));
	if (pairs)
		pairs->seed = 9;
	return pairs ? 0 : -1;
}

static int teardown(void **)
{
	free(pairs);
	return 0;
}

static struct flow_key key_of(uint32_t from, uint32_t to)
{
	struct flow_key key = {.port = {7, 8}, .space_proto = 6};

	memcpy(key.addr[0], &from, 4);
	memcpy(key.addr[1], &to, 4);
	return key;
}

static enum frag_trust trust(uint32_t from, uint32_t to)
{
	struct flow_key key = key_of(from, to);

	return frag_pairs_trust(pairs, &key);
}

static void whole(uint32_t from, uint32_t to)
{
	struct flow_key key = key_of(from, to);

	frag_pairs_whole(pairs, &key);
}

struct step {
	uint32_t from, to;
	uint8_t flags;
	uint32_t seq, ack;
	uint16_t len;
	bool bad;
};

static void (*teller)(struct frag_pairs *, const struct pkt *) = frag_pairs_segment;

// src: which of the key's addresses the sender is; both give the same.
static void give(const struct step *s, uint8_t src)
{
	struct pkt pkt = {
		.key = src ? key_of(s->to, s->from) : key_of(s->from, s->to),
		.src = src,
		.tcp_flags = s->flags,
		.seq = s->seq,
		.ack = s->ack,
		.payload_len = s->len,
		.bad_checksum = s->bad,
	};

	teller(pairs, &pkt);
}

static void test_handshake(void **)
{
	static const struct step steps[] = {
		{1, 2, TCP_SYN, 10, 0, 0, false},
		{2, 1, TCP_SYN | TCP_ACK, UINT32_MAX, 11, 0, false},
		{1, 2, TCP_ACK, 11, 0, 0, false},
	};

	for (uint8_t way = 0; way < 4; way++) {
		uint8_t src = way & 1;

		teller = way < 2 ? frag_pairs_segment : frag_pairs_handshake;
		for (uint32_t i = 0; i < 3; i++) {
			assert_int_equal(trust(1, 2), FRAG_UNKNOWN);
			assert_int_equal(trust(2, 1), FRAG_UNKNOWN);
			give(&steps[i], src);
		}
		assert_int_equal(trust(1, 2), FRAG_ANSWERED);
		assert_int_equal(trust(2, 1), FRAG_ANSWERED);
		assert_int_equal(trust(1, 3), FRAG_UNKNOWN);
		frag_pairs_reset(pairs);
		assert_int_equal(pairs->seed, 9);
		assert_int_equal(trust(1, 2), FRAG_UNKNOWN);
	}
	teller = frag_pairs_segment;
}

// Of what is cheap to ask for, nothing is believed that can be forged.
static void test_handshake_forged(void **)
{
	static const struct step answer = {2, 1, TCP_SYN | TCP_ACK, 499, 11, 0, false};
	static const struct step steps[] = {
		{1, 2, TCP_ACK, 11, 499, 0, false},           // of what was not sent
		{1, 2, TCP_ACK, 11, 501, 0, false},           // of more than was sent
		{1, 2, TCP_ACK | TCP_RST, 11, 500, 0, false}, // answers whatever comes
		{1, 2, TCP_ACK, 11, 500, 0, true},            // damaged
		{1, 2, 0, 11, 500, 0, false},
		{3, 2, TCP_ACK, 11, 500, 0, false}, // somebody else
	};
	static const struct step last = {1, 2, TCP_ACK, 11, 500, 0, false};

	teller = frag_pairs_handshake;
	give(&last, 0);
	give(&answer, 0);
	for (uint32_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		give(&steps[i], 0);
		assert_int_equal(trust(1, 2), FRAG_UNKNOWN);
		assert_int_equal(trust(3, 2), FRAG_UNKNOWN);
	}
	give(&last, 0);
	assert_int_equal(trust(1, 2), FRAG_ANSWERED);
	assert_int_equal(trust(2, 1), FRAG_ANSWERED);
	teller = frag_pairs_segment;
}

// In the middle of a connection, of which the peer of 1 has sent ten bytes.
static void test_midstream(void **)
{
	static const struct step bytes = {2, 1, TCP_ACK | TCP_PSH, 500, 11, 10, false};
	static const struct {
		struct step step;
		enum frag_trust forth, back; // of 1 to 2 afterwards
	} cases[] = {
		{{1, 2, TCP_ACK, 11, 510, 0, false}, FRAG_ANSWERED, FRAG_ANSWERED},
		{{1, 2, TCP_ACK, 11, 510, 5, false}, FRAG_ANSWERED, FRAG_ANSWERED},
		{{1, 2, TCP_ACK | TCP_FIN, 11, 510, 0, false}, FRAG_ANSWERED, FRAG_ANSWERED},
		// Some number: an acknowledgement, but anybody can send that.
		{{1, 2, TCP_ACK, 11, 509, 0, false}, FRAG_WHOLE, FRAG_WHOLE},
		// The first of it is in bytes.
		{{1, 2, TCP_ACK | TCP_RST, 11, 510, 0, false}, FRAG_WHOLE, FRAG_UNKNOWN},
		{{1, 2, TCP_PSH, 11, 510, 0, false}, FRAG_WHOLE, FRAG_UNKNOWN},
		{{1, 2, TCP_ACK, 11, 510, 0, true}, FRAG_WHOLE, FRAG_UNKNOWN},
		{{3, 2, TCP_ACK, 11, 510, 0, false}, FRAG_WHOLE, FRAG_UNKNOWN},
	};

	for (uint32_t i = 0; i < 8; i++) {
		give(&bytes, i & 1);
		give(&cases[i].step, i >> 1 & 1);
		assert_int_equal(trust(1, 2), cases[i].forth);
		assert_int_equal(trust(2, 1), cases[i].back);
		assert_int_equal(trust(3, 2), FRAG_UNKNOWN);
		frag_pairs_reset(pairs);
	}
}

// Other networks, same addresses.
static void test_space(void **)
{
	struct flow_key key = key_of(1, 2);

	whole(1, 2);
	assert_int_equal(trust(1, 2), FRAG_WHOLE);
	key.space_proto = 17;
	key.port[0] = 99;
	assert_int_equal(frag_pairs_trust(pairs, &key), FRAG_WHOLE);
	key.space_proto = 1 << 8 | 6;
	assert_int_equal(frag_pairs_trust(pairs, &key), FRAG_UNKNOWN);
	assert_int_equal(trust(2, 1), FRAG_UNKNOWN);
}

// Who is heard of again stays; what can be forged pushes nobody else out.
static void test_bounds(void **)
{
	static const struct step steps[] = {
		{1, 2, TCP_SYN | TCP_ACK, 7, 0, 0, false},
		{2, 1, TCP_ACK, 1, 8, 0, false},
	};
	uint32_t left = 0;

	give(&steps[0], 0);
	give(&steps[1], 0);
	for (uint32_t i = 0; i < 1000000; i++) {
		struct step forged = {1000 + i, 2, TCP_ACK, i, i, 0, false};

		if (i % 1000 == 0)
			whole(3, 2);
		whole(1000 + i, 2);
		give(&forged, 0);
	}
	assert_int_equal(trust(1, 2), FRAG_ANSWERED);
	assert_int_equal(trust(2, 1), FRAG_ANSWERED);
	assert_int_equal(trust(3, 2), FRAG_WHOLE);
	for (uint32_t i = 0; i < 1000000; i++)
		left += trust(1000 + i, 2) == FRAG_WHOLE;
	assert_true(left > 10000);
	assert_true(left <= PAIR_SETS * PAIR_WAYS);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_handshake), TEST(test_handshake_forged), TEST(test_midstream),
		TEST(test_space),     TEST(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

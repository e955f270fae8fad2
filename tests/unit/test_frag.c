// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// IP reassembly. Frames are built, decoded, put together and decoded again, so that what is
// compared is the payload of a TCP segment. After each test no packet buffer is missing and every
// packet and byte has a fate.

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool no_memory;

static void *fail_calloc(size_t n, size_t size)
{
	return no_memory ? NULL : calloc(n, size);
}

#define calloc fail_calloc
#include "dataplane/frag.c"
#undef calloc
#include "dataplane/decap_ip.c"
#include "dataplane/packet.h"

#include <rte_eal.h>

enum {
	MBUFS = 4096,
	CONTENT = 65536,
	TCP_HEADER = 20,
	SECOND = 1000000000,
};

static const uint64_t seed = 5, start_ns = UINT64_C(1767225600000000000);
static struct rte_mempool *pool;
static struct frag *frag;
static struct fates fates;
static uint64_t random_state;
static uint8_t content[CONTENT]; // a TCP header, then bytes that do not repeat soon

// The datagram that a piece is of.
struct shape {
	const uint8_t *content; // NULL: the above
	uint32_t id;
	uint64_t ts_ns;         // after the start
	uint8_t version;        // 4 or 6
	uint8_t protocol;       // 0: TCP
	uint8_t options;        // bytes of options or extension headers: 0 or 8
	uint8_t trailer;        // bytes behind the datagram
	bool back;              // from the second address to the first
	bool cut;               // the capture lacks the last byte
};

static uint32_t random_below(uint32_t n)
{
	random_state = hash_mix(random_state + UINT64_C(0x9e3779b97f4a7c15));
	return (uint32_t)(((random_state >> 32) * n) >> 32);
}

static uint8_t *put16(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
	return p + 2;
}

// An IP packet with the bytes from..to of its datagram; its length. No checksum: none is checked.
static uint32_t build_ip(uint8_t *out, const struct shape *s, uint32_t from, uint32_t to, bool more)
{
	uint32_t header = (s->version == 4 ? 20u : 48u) + s->options;
	uint8_t protocol = s->protocol ? s->protocol : 6, *p = out;

	memset(out, 0, header);
	if (s->version == 4) {
		p[0] = (uint8_t)(0x40 | header / 4);
		put16(p + 2, header + to - from);
		put16(p + 4, s->id);
		put16(p + 6, (more ? 0x2000u : 0) | from / 8);
		p[8] = 64;
		p[9] = protocol;
		memcpy(p + 12, s->back ? "\xc0\0\2\2\xc0\0\2\1" : "\xc0\0\2\1\xc0\0\2\2", 8);
		memset(p + 20, 1, s->options);
	} else {
		p[0] = 0x60;
		put16(p + 4, header - 40 + to - from);
		p[6] = s->options ? 0 : 44;
		memcpy(p + 8, "\x20\1\xd\xb8", 4);
		memcpy(p + 24, "\x20\1\xd\xb8", 4);
		p[23] = s->back ? 2 : 1;
		p[39] = s->back ? 1 : 2;
		p += 40;
		if (s->options) { // hop by hop, with padding
			memcpy(p, "\x2c\0\1\4\0\0\0\0", 8);
			p += 8;
		}
		p[0] = protocol;
		put16(p + 2, from | more);
		put16(put16(p + 4, s->id >> 16), s->id & 0xffff);
	}
	memcpy(out + header, (s->content ? s->content : content) + from, to - from);
	return header + to - from;
}

static struct rte_mbuf *frame(const struct shape *s, uint32_t from, uint32_t to, bool more)
{
	static const uint8_t ethernet[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	assert_non_null(m);
	assert_true(to - from + 100 < rte_pktmbuf_tailroom(m));
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
	memcpy(p, ethernet, 12);
	put16(p + 12, s->version == 4 ? 0x0800 : 0x86dd);
	uint32_t len = 14 + build_ip(p + 14, s, from, to, more);
	memset(p + len, 0xee, s->trailer);
	assert_non_null(rte_pktmbuf_append(m, (uint16_t)(len + s->trailer - s->cut)));
	pkt_of(m)->ts_ns = start_ns + s->ts_ns;
	return m;
}

static struct rte_mbuf *receive(struct rte_mbuf *m)
{
	uint32_t len = rte_pktmbuf_pkt_len(m);

	fates.rx_pkts++;
	fates.rx_bytes += len;
	assert_int_equal(packet_decode(m, 1, len, seed), FATE_FRAGMENT);
	return frag_add(frag, m, &fates);
}

static struct rte_mbuf *send(const struct shape *s, uint32_t from, uint32_t to, bool more)
{
	return receive(frame(s, from, to, more));
}

// As any receiver of frag_add(); the datagram must be the first len bytes of the content.
static void check_whole(struct rte_mbuf *m, const struct shape *s, uint32_t len)
{
	static uint8_t copy[CONTENT];
	uint32_t bytes;

	assert_non_null(m);
	rte_mbuf_sanity_check(m, 1);
	bytes = rte_pktmbuf_pkt_len(m);
	assert_int_equal(packet_decode(m, 1, bytes, seed), FATE_PARSED);
	fates.pkts[FATE_PARSED]++;
	fates.bytes[FATE_PARSED] += bytes;
	const struct pkt *pkt = pkt_of(m);
	assert_int_equal(pkt->key.port[0], s->back ? 80 : 40000);
	assert_int_equal(pkt->key.port[1], s->back ? 40000 : 80);
	assert_int_equal(pkt->v6, s->version == 6);
	assert_int_equal(pkt->payload_len, len - TCP_HEADER);
	assert_int_equal(pkt->missing_len, 0);
	const uint8_t *got = rte_pktmbuf_read(m, pkt->payload_off, pkt->payload_len, copy);
	assert_non_null(got);
	assert_memory_equal(got, (s->content ? s->content : content) + TCP_HEADER, len - TCP_HEADER);
	rte_pktmbuf_free(m);
}

static int group_setup(void **)
{
	static char *args[] = {"test_frag", "--no-huge", "--no-shconf",    "-m",
			       "64",        "--no-pci",  "--no-telemetry", "--log-level=error",
			       NULL};

	if (rte_eal_init(8, args) < 0)
		return -1;
	pool = rte_pktmbuf_pool_create("packets", MBUFS, 0, PKT_PRIV_SIZE,
				       RTE_PKTMBUF_HEADROOM + 2048, SOCKET_ID_ANY);
	for (uint32_t i = 0; i < CONTENT; i++)
		content[i] = (uint8_t)hash_mix(i);
	memset(content, 0, TCP_HEADER);
	put16(put16(content, 40000), 80);
	content[12] = TCP_HEADER / 4 << 4;
	return pool ? 0 : -1;
}

static int group_teardown(void **)
{
	rte_mempool_free(pool);
	return rte_eal_cleanup();
}

static int setup(void **)
{
	random_state = 1;
	fates = (struct fates){0};
	frag = frag_new(seed);
	return frag ? 0 : -1;
}

static int teardown(void **)
{
	frag_free(frag);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
	assert_true(fate_balanced(&fates));
	return 0;
}

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
	enum { DATAGRAMS = 4, SENT = DATAGRAMS * FRAG_PIECES * 2 };
	static struct {
		uint32_t datagram, piece;
	} sent[SENT];

	for (uint32_t round = 0; round < 400; round++) {
		uint32_t n = 1 + random_below(DATAGRAMS), n_sent = 0, wholes = 0;
		uint32_t cut[DATAGRAMS][FRAG_PIECES + 1], n_pieces[DATAGRAMS], there[DATAGRAMS];
		bool seen[DATAGRAMS][FRAG_PIECES] = {0};
		struct shape s[DATAGRAMS];

		for (uint32_t d = 0; d < n; d++) {
			s[d] = (struct shape){.version = random_below(2) ? 4 : 6,
					      .options = random_below(2) ? 8 : 0,
					      .back = random_below(2), .id = round * DATAGRAMS + d};
			n_pieces[d] = 2 + random_below(FRAG_PIECES - 1);
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
		{{{8, 24, true}, {24, 48, false}}, .held = 2},
		{{{0, 24, true}, {24, 40, true}}, .held = 2},
		{{{32, 48, false}, {8, 32, true}, {0, 8, true}}, .whole = true},
		{{{8, 32, true}, {32, 48, false}, {0, 8, true}}, .whole = true},
		// A length that is not one of eight leaves a hole or an overlap behind it.
		{{{0, 20, true}, {24, 48, false}}, .held = 2},
		{{{0, 28, true}, {24, 48, false}}, .held = 0},
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
	assert_null(send(&s, 24, 48, false));
	assert_int_equal(rte_mempool_in_use_count(pool), 1);
	// Other trailer bytes are no other piece.
	s.trailer = 7;
	assert_null(send(&s, 24, 48, false));
	assert_int_equal(rte_mempool_in_use_count(pool), 1);
	check_whole(send(&s, 0, 24, true), &s, 48);
}

static void test_overlap(void **)
{
	static const struct sequence sequences[] = {
		{{{0, 16, true}, {8, 24, false}}, .held = 0},
		{{{8, 24, false}, {0, 16, true}}, .held = 0},
		{{{0, 24, true}, {8, 16, true}}, .held = 0},
		{{{8, 16, true}, {0, 24, true}}, .held = 0},
		{{{0, 24, true}, {0, 16, true}}, .held = 0},
		{{{0, 16, true}, {0, 24, true}}, .held = 0},
		{{{8, 24, true}, {0, 24, true}}, .held = 0},
		{{{0, 24, true}, {8, 24, true}}, .held = 0},
		{{{0, 8, true}, {16, 24, true}, {8, 32, true}}, .held = 0},
		{{{0, 8, true}, {16, 24, true}, {0, 48, false}}, .held = 0},
		{{{0, 8, true}, {40, 48, false}, {32, 48, false}}, .held = 0},
		// Nothing of it is left to be mixed with what comes later.
		{{{0, 16, true}, {8, 24, false}, {24, 48, false}}, .held = 1},
		{{{0, 16, true}, {8, 24, true}, {0, 24, true}, {24, 48, false}}, .whole = true},
	};

	CHECK(sequences);
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
		struct shape s = {.version = 6, .id = d};

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
	assert_true(wholes > 25);
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
	fates.rx_pkts++;
	fates.rx_bytes += rte_pktmbuf_pkt_len(m);
	pkt_of(m)->seq = 24;
	assert_null(frag_add(frag, m, &fates));
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

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

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

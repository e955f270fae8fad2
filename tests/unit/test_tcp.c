// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// TCP: whatever the order, the cuts and the copies, a stream is delivered once, in order, and
// what is missing is said. Random cases against a model first, then one case for each rule about
// bytes. Ends are in test_tcp_ends.c; how long is waited for what, in test_tcp_order.c.

#include "tracker_harness.h"

#include "flows/tcp.c"
#include "flows/tcp_feed.c"
#include "flows/tcp_held.c"

enum { STREAM_MAX = 3000, PIECES_MAX = 2400, PREFIX = 16 };

// A segment of a random case, before it is sent.
struct piece {
	enum dir dir;
	uint32_t from, to;
	uint8_t flags;
	uint8_t version; // which bytes it carries
};

static struct piece pieces[PIECES_MAX];
static uint32_t n_pieces;
static uint8_t streams[2][STREAM_MAX];
static uint32_t stream_len[2];

static void streams_make(uint32_t least, uint32_t most)
{
	for (enum dir dir = CLIENT; dir <= SERVER; dir++) {
		stream_len[dir] = least + random_below(most - least + 1);
		for (uint32_t i = 0; i < stream_len[dir]; i++)
			streams[dir][i] = (uint8_t)('a' + random_below(26));
		memcpy(streams[dir], dir == CLIENT ? "REQ " : "RSP ", 4);
	}
}

static uint8_t version_of(uint8_t byte, uint8_t version, uint32_t off)
{
	// The beginning is always the same, so that the protocol is known.
	return off < PREFIX || version == 0 ? byte : (uint8_t)(byte - 'a' + 'A');
}

static void piece_add(enum dir dir, uint32_t from, uint32_t to, uint8_t flags, uint8_t version)
{
	assert_true(n_pieces < PIECES_MAX);
	pieces[n_pieces++] = (struct piece){dir, from, to, flags, version};
}

// Cuts both streams into pieces, adds copies with other cuts, and shuffles within a window.
static void pieces_make(uint32_t max_cut, uint32_t n_extra, uint32_t window, uint32_t versions)
{
	uint32_t at[2] = {0, 0};

	n_pieces = 0;
	while (at[0] < stream_len[0] || at[1] < stream_len[1]) {
		enum dir dir = at[0] == stream_len[0]   ? SERVER
			       : at[1] == stream_len[1] ? CLIENT
							: (enum dir)random_below(2);
		uint32_t to = at[dir] + 1 + random_below(max_cut);

		// The first bytes stay together, so that no loss hides them.
		to = at[dir] == 0 && to < PREFIX ? PREFIX : to;
		to = RTE_MIN(to, stream_len[dir]);
		piece_add(dir, at[dir], to, 0, (uint8_t)random_below(versions));
		at[dir] = to;
	}
	for (uint32_t i = 0; i < n_extra; i++) {
		enum dir dir = (enum dir)random_below(2);
		uint32_t from = random_below(stream_len[dir]);
		uint32_t to = from + 1 + random_below(2 * max_cut);

		piece_add(dir, from, RTE_MIN(to, stream_len[dir]), 0,
			  (uint8_t)random_below(versions));
		// Somewhere in the conversation, not at its end.
		uint32_t k = random_below(n_pieces);
		struct piece swap = pieces[k];
		pieces[k] = pieces[n_pieces - 1];
		pieces[n_pieces - 1] = swap;
	}
	for (enum dir dir = CLIENT; dir <= SERVER; dir++)
		piece_add(dir, stream_len[dir], stream_len[dir], TCP_FIN, 0);
	for (uint32_t i = 0; i + 1 < n_pieces; i++) {
		uint32_t k = i + random_below(RTE_MIN(window, n_pieces - i));
		struct piece swap = pieces[i];

		pieces[i] = pieces[k];
		pieces[k] = swap;
	}
}

static void piece_put(struct conv *v, const struct piece *p)
{
	uint8_t bytes[STREAM_MAX];

	for (uint32_t off = p->from; off < p->to; off++)
		bytes[off - p->from] = version_of(streams[p->dir][off], p->version, off);
	put(segment(v, p->dir, p->flags | TCP_ACK, p->from, bytes, p->to - p->from));
}

static struct conv random_conv(uint32_t number)
{
	struct conv v = conv_make(number, random_below(2));

	// Often just before the wrap.
	v.isn[0] = random_below(2) ? random_below(UINT32_MAX) : UINT32_MAX - random_below(3000);
	v.isn[1] = random_below(2) ? random_below(UINT32_MAX) : UINT32_MAX - random_below(3000);
	return v;
}

// What the model knows of one direction: which bytes have come, and up to where without a hole.
struct model {
	uint8_t have[STREAM_MAX];
	uint8_t first[STREAM_MAX]; // the first copy
	uint32_t next;
	bool conflict; // a later copy of a byte that was waiting differs
	bool late;     // … of a byte that had been delivered
};

static void model_put(struct model *model, const struct piece *p)
{
	for (uint32_t off = p->from; off < p->to; off++) {
		uint8_t byte = version_of(streams[p->dir][off], p->version, off);

		if (off < model->next) {
			model->late |= model->first[off] != byte;
			continue;
		}
		if (model->have[off])
			model->conflict |= model->first[off] != byte;
		else
			model->first[off] = byte;
		model->have[off] = 1;
	}
	while (model->next < stream_len[p->dir] && model->have[model->next])
		model->next++;
}

static void check_stream(const struct record *r, enum dir dir, const uint8_t *expected)
{
	assert_int_equal(r->begin[dir], 0);
	assert_int_equal(r->end[dir], stream_len[dir]);
	assert_int_equal(r->gaps[dir], 0);
	assert_memory_equal(r->bytes[dir], expected, stream_len[dir]);
	assert_true(r->fin[dir]);
}

// Any cuts, order, copies and overlaps: exactly the stream.
static void test_any_order(void **)
{
	tracker_begin();
	for (uint32_t round = 0; round < 1500; round++) {
		struct conv v = random_conv(round);
		uint32_t max_cut = round % 5 == 0 ? 1 + random_below(3) : 8 + random_below(700);

		split_mbufs = random_below(3) ? 0 : 30 + random_below(200);
		n_open = n_closed = 0;
		streams_make(PREFIX, max_cut < 4 ? 200 : STREAM_MAX);
		pieces_make(max_cut, random_below(30), 1 + random_below(300), 1);
		handshake(&v);
		for (uint32_t i = 0; i < n_pieces; i++)
			piece_put(&v, &pieces[i]);
		assert_int_equal(n_open, 1);
		check_stream(&records[0], CLIENT, streams[CLIENT]);
		check_stream(&records[0], SERVER, streams[SERVER]);
		assert_true(records[0].closed);
		assert_int_equal(records[0].why, CLOSE_FIN);
		assert_false(records[0].conflict);
		assert_false(records[0].meta.midstream);
		if (round % 100 == 0)
			tracker_check();
		if (round % 500 == 0)
			harness_flush();
	}
	assert_int_equal(env.stats.tcp_overlap_conflicts, 0);
	assert_int_equal(env.stats.tcp_gaps, 0);
}

// Copies that differ: of a byte that waits the first one is taken, and the conflict is noted. So it
// is for bytes that were delivered, if a whole segment of them has come again.
static void test_first_copy_wins(void **)
{
	static struct model models[2];
	uint32_t n_conflicts = 0, n_late = 0, n_late_seen = 0;

	tracker_begin();
	for (uint32_t round = 0; round < 1500; round++) {
		struct conv v = random_conv(round);

		split_mbufs = random_below(3) ? 0 : 30 + random_below(200);
		n_open = n_closed = 0;
		memset(models, 0, sizeof(models));
		streams_make(PREFIX, 600);
		pieces_make(1 + random_below(150), random_below(20), 1 + random_below(40), 2);
		handshake(&v);
		for (uint32_t i = 0; i < n_pieces; i++) {
			piece_put(&v, &pieces[i]);
			model_put(&models[pieces[i].dir], &pieces[i]);
		}
		check_stream(&records[0], CLIENT, models[CLIENT].first);
		check_stream(&records[0], SERVER, models[SERVER].first);
		bool conflict = models[CLIENT].conflict || models[SERVER].conflict;
		bool late = models[CLIENT].late || models[SERVER].late;
		assert_true(records[0].conflict || !conflict);
		assert_true(conflict || late || !records[0].conflict);
		n_late += late && !conflict;
		n_late_seen += late && !conflict && records[0].conflict;
		n_conflicts += records[0].conflict;
		if (round % 500 == 0)
			harness_flush();
	}
	assert_true(n_conflicts > 200);
	assert_true(n_conflicts < 1400);
	assert_true(n_late > 50 && n_late_seen > n_late / 8);
	assert_true(env.stats.tcp_overlap_conflicts >= n_conflicts);
}

// Delivered bytes and gaps together are the stream; no byte is wrong; returns bytes delivered.
static uint32_t check_lossy(const struct record *r, enum dir dir, const uint8_t *survived)
{
	uint32_t n = 0, gaps = 0;

	assert_int_equal(r->begin[dir], 0);
	assert_int_equal(r->end[dir], stream_len[dir]);
	for (uint32_t off = 0; off < stream_len[dir]; off++) {
		assert_int_not_equal(r->kinds[dir][off], BYTE_NONE);
		if (r->kinds[dir][off] == BYTE_GAP) {
			gaps++;
			continue;
		}
		assert_true(survived[off]);
		assert_int_equal(r->bytes[dir][off], streams[dir][off]);
		n++;
	}
	assert_int_equal(gaps, r->gaps[dir]);
	return n;
}

static void loss_rounds(uint32_t rounds, bool bounds)
{
	static uint8_t survived[2][STREAM_MAX];
	uint64_t n_survived = 0, n_delivered = 0;

	for (uint32_t round = 0; round < rounds; round++) {
		struct conv v = random_conv(round);
		uint32_t loss = random_below(30);

		split_mbufs = random_below(3) ? 0 : 30 + random_below(200);
		n_open = n_closed = 0;
		memset(survived, 0, sizeof(survived));
		streams_make(PREFIX, STREAM_MAX);
		pieces_make(8 + random_below(300), random_below(20),
			    bounds ? 1 + random_below(200) : 1 + random_below(40), 1);
		handshake(&v);
		// The beginnings, so that there is a parser to talk to.
		for (enum dir dir = CLIENT; dir <= SERVER; dir++) {
			piece_put(&v, &(struct piece){dir, 0, PREFIX, 0, 0});
			memset(survived[dir], 1, PREFIX);
		}
		for (uint32_t i = 0; i < n_pieces; i++) {
			const struct piece *p = &pieces[i];

			if (!(p->flags & TCP_FIN) && random_below(100) < loss)
				continue;
			memset(survived[p->dir] + p->from, 1, p->to - p->from);
			piece_put(&v, p);
			clock_ns += random_below(2000000);
			if (bounds && random_below(10) == 0)
				tick(random_below(30000000));
		}
		tracker_check();
		harness_flush();
		assert_int_equal(n_open, 1);
		for (enum dir dir = CLIENT; dir <= SERVER; dir++) {
			n_delivered += check_lossy(&records[0], dir, survived[dir]);
			for (uint32_t off = 0; off < stream_len[dir]; off++)
				n_survived += survived[dir][off];
		}
	}
	// With room to wait nothing that was seen is given up; without it, still most of it is
	// delivered.
	if (!bounds)
		assert_int_equal(n_delivered, n_survived);
	else
		assert_true(n_delivered > n_survived / 3 && n_delivered < n_survived);
}

static void test_loss(void **)
{
	tracker_begin();
	loss_rounds(1000, false);
}

static void test_loss_within_bounds(void **)
{
	limits.hold_segments = 6;
	limits.hold_bytes = 700;
	limits.hold_total = 9;
	limits.gap_segments = 5;
	limits.gap_ms = 20;
	tracker_begin();
	loss_rounds(1000, true);
	assert_true(env.stats.tcp_hold_full > 0);
}

// A held segment that a larger one covers; the piece behind it is new.
static void test_covering_copy(void **)
{
	struct conv v = conv_make(1, 0);

	tracker_begin();
	handshake(&v);
	at(&v, CLIENT, 12, "cd");
	at(&v, CLIENT, 20, "kl");
	at(&v, CLIENT, 8, "yyabXXefghijXXmn");
	tracker_check();
	at(&v, CLIENT, 0, "REQ 1234");
	assert_log("open|C:REQ 1234yyabcdefghijklmn");
	assert_true(records[0].conflict);
	assert_int_equal(env.stats.tcp_overlap_conflicts, 2);
	assert_int_equal(counted.bytes[FATE_DUPLICATE], 4);
}

static void test_in_order_over_held(void **)
{
	struct conv v = conv_make(1, 1);

	tracker_begin();
	handshake(&v);
	at(&v, CLIENT, 6, "cdef");
	at(&v, CLIENT, 0, "REQ abXXXXgh");
	assert_log("open|C:REQ abcdefgh");
	assert_true(records[0].conflict);
	assert_int_equal(counted.bytes[FATE_DUPLICATE], 4);
	at(&v, CLIENT, 12, "ij");
	assert_log("open|C:REQ abcdefghij");
}

// A conflict among segments that came before the protocol was known is not forgotten.
static void test_conflict_before_probe(void **)
{
	struct conv v = conv_make(1, 0);

	tracker_begin();
	handshake(&v);
	at(&v, CLIENT, 6, "cd");
	at(&v, CLIENT, 6, "CD");
	at(&v, CLIENT, 0, "REQ ab");
	assert_log("open|C:REQ abcd");
	assert_true(records[0].conflict);
	assert_int_equal(env.stats.tcp_overlap_conflicts, 1);
}

// Bytes that were delivered come again, cut otherwise, with one difference.
static void test_conflict_delivered(void **)
{
	struct conv v = conv_make(1, 0);

	tracker_begin();
	handshake(&v);
	say_next(&v, CLIENT, "REQ abcdefgh");
	say_next(&v, CLIENT, "ijkl");
	at(&v, CLIENT, 0, "REQ abc");
	at(&v, CLIENT, 7, "defghijk");
	at(&v, CLIENT, 15, "?"); // a keep-alive probe
	assert_int_equal(env.stats.tcp_overlap_conflicts, 0);
	at(&v, CLIENT, 0, "REQ abc");
	at(&v, CLIENT, 7, "dXfghijkl");
	assert_int_equal(env.stats.tcp_overlap_conflicts, 1);
	say_next(&v, CLIENT, "m");
	assert_log("open|C:REQ abcdefghijklm");
	assert_int_equal(records[0].anomalies, 1u << TCP_ANOMALY_OVERLAP);
}

// In one segment with new bytes, and behind a hole that was filled.
static void test_conflict_beside_new(void **)
{
	struct conv v = conv_make(1, 0);

	tracker_begin();
	handshake(&v);
	at(&v, CLIENT, 0, "REQ ab");
	at(&v, CLIENT, 0, "REQ aXcd");
	assert_log("open|C:REQ abcd");
	assert_int_equal(env.stats.tcp_overlap_conflicts, 1);
	at(&v, CLIENT, 10, "gh");
	at(&v, CLIENT, 8, "efghij");
	at(&v, CLIENT, 8, "efGHij");
	assert_log("open|C:REQ abcdefghij");
	assert_int_equal(env.stats.tcp_overlap_conflicts, 2);
}

// Behind a hole that was given up, what comes late is not compared with anything.
static void test_no_conflict_with_hole(void **)
{
	struct conv v = conv_make(1, 0);

	limits.gap_segments = 2;
	tracker_begin();
	handshake(&v);
	at(&v, CLIENT, 0, "REQ ab");
	at(&v, CLIENT, 10, "ef");
	at(&v, CLIENT, 12, "gh");
	at(&v, CLIENT, 14, "ij");
	assert_log("open|C:REQ ab|Cgap4|C:efghij");
	at(&v, CLIENT, 0, "REQ abWXYZefghij");
	at(&v, CLIENT, 10, "ef");
	assert_int_equal(env.stats.tcp_overlap_conflicts, 0);
	at(&v, CLIENT, 10, "eX");
	assert_int_equal(env.stats.tcp_overlap_conflicts, 1);
}

static void test_wrap(void **)
{
	struct conv v = conv_make(1, 0);

	v.isn[CLIENT] = UINT32_MAX - 3; // REQ is before the wrap
	v.isn[SERVER] = UINT32_MAX - 8;
	tracker_begin();
	handshake(&v);
	at(&v, CLIENT, 6, "cd");
	at(&v, CLIENT, 4, "ab");
	at(&v, CLIENT, 0, "REQ ");
	v.sent[CLIENT] = 8;
	at(&v, SERVER, 9, "f");
	at(&v, SERVER, 0, "RSP abcde");
	v.sent[SERVER] = 10;
	ack(&v, CLIENT);
	fin(&v, SERVER);
	fin(&v, CLIENT);
	assert_log("open|C:REQ abcd|S:RSP abcdef|Sfin|Cfin|close0");
}

static void test_keep_alive(void **)
{
	struct conv v = conv_make(1, 0);

	tracker_begin();
	handshake(&v);
	say_next(&v, CLIENT, "REQ 1");
	at(&v, CLIENT, v.sent[CLIENT] - 1, "Z");
	put(segment(&v, CLIENT, TCP_ACK, v.sent[CLIENT] - 1, NULL, 0));
	ack(&v, SERVER);
	say_next(&v, SERVER, "RSP 1");
	at(&v, SERVER, v.sent[SERVER] - 1, "Z");
	say_next(&v, CLIENT, "+2");
	say_next(&v, SERVER, "+2");
	assert_log("open|C:REQ 1|S:RSP 1|C:+2|S:+2");
	assert_int_equal(counted.bytes[FATE_DUPLICATE], 2);
}

// Snap length: a segment of which only the beginning is there.
static void put_cut(const struct conv *v, enum dir dir, int64_t off, const char *text,
		    uint16_t missing, uint8_t flags)
{
	struct rte_mbuf *m = segment(v, dir, TCP_ACK | flags, off, text, (uint32_t)strlen(text));

	pkt_of(m)->missing_len = missing;
	put(m);
}

static void test_snap_length(void **)
{
	struct conv v = conv_make(1, 0);

	tracker_begin();
	handshake(&v);
	put_cut(&v, CLIENT, 0, "REQ 1", 5, 0);
	put_cut(&v, CLIENT, 0, "REQ 1", 5, 0); // again
	put_cut(&v, CLIENT, 20, "c", 4, TCP_FIN);
	put_cut(&v, CLIENT, 10, "", 5, 0);
	put_cut(&v, CLIENT, 15, "b", 4, 0);
	assert_log("open|C:REQ 1|Ccut5|Ccut5|C:b|Ccut4|C:c|Ccut4|Cfin");
	// What was cut off a held segment is there in the next one.
	put_cut(&v, SERVER, 4, "ab", 4, 0);
	at(&v, SERVER, 7, "defgh");
	at(&v, SERVER, 0, "RSP ");
	assert_log("open|C:REQ 1|Ccut5|Ccut5|C:b|Ccut4|C:c|Ccut4|Cfin|S:RSP ab|Scut1|S:defgh");
}

static void test_far(void **)
{
	struct conv v = conv_make(1, 0);

	tracker_begin();
	handshake(&v);
	say_next(&v, CLIENT, "REQ 1");
	at(&v, CLIENT, 200000000, "evil");
	at(&v, CLIENT, 0x7fffff00, "evil");
	at(&v, CLIENT, -0x7fffff00, "evil");
	// A run of segments that fit each other: the server's acknowledgements give the lie.
	ack(&v, SERVER);
	for (uint32_t i = 0; i < 50; i++) {
		at(&v, CLIENT, 300000000 + 4 * i, "evil");
		ack(&v, SERVER);
		at(&v, CLIENT, -100000000 + 4 * i, "evil");
	}
	for (uint32_t i = 0; i < 50; i++) {
		at(&v, CLIENT, -100000000 + 4 * i, "evil");
		ack(&v, SERVER);
	}
	say_next(&v, CLIENT, "2");
	assert_log("open|C:REQ 12");
	assert_int_equal(env.stats.tcp_out_of_window, 153);
	assert_int_equal(tracker->held, 0);
}

// We lost track of a connection by that much: the acknowledgements fit the new place.
static void test_far_believed(void **)
{
	struct conv v = conv_make(1, 0);

	tracker_begin();
	handshake(&v);
	say_next(&v, CLIENT, "REQ 1");
	ack(&v, SERVER);
	at(&v, CLIENT, 1000, "held");
	v.sent[CLIENT] += 100000000;
	for (uint32_t i = 0; i < 6; i++) {
		say_next(&v, CLIENT, "new");
		ack(&v, SERVER);
	}
	assert_log("open|C:REQ 1|Cgap100000009|C:newnewnew");
	assert_int_equal(tracker->held, 0);
	assert_int_equal(counted.bytes[FATE_DISCARDED], 13);
	// Backwards: another stream, of which the parser is told by an empty hole.
	v.sent[CLIENT] -= 1000000000;
	for (uint32_t i = 0; i < 4; i++) {
		say_next(&v, CLIENT, "old");
		ack(&v, SERVER);
	}
	assert_log("open|C:REQ 1|Cgap100000009|C:newnewnew|Cgap0|C:old");
}

// … or there is nobody to ask.
static void test_far_one_sided(void **)
{
	struct conv v = conv_make(1, 0);

	tracker_begin();
	at(&v, CLIENT, 0, "REQ 1");
	settle();
	for (uint32_t i = 0; i < 4; i++)
		at(&v, CLIENT, 100000000 + 3 * i, "new");
	assert_log("open~|C:REQ 1|Cgap100000004|C:new");
}

// Segments that no receiver takes, before and inside a connection.
static void test_payload_without_ack(void **)
{
	struct conv v = conv_make(1, 0);

	tracker_begin();
	handshake(&v);
	put(segment(&v, CLIENT, TCP_PSH, 0, "EVIL", 4));
	put(segment(&v, CLIENT, 0, 0, "EVIL", 4));
	put(segment(&v, CLIENT, TCP_FIN, 0, NULL, 0));
	put(segment(&v, CLIENT, TCP_SYN | TCP_FIN | TCP_ACK, 0, "EVIL", 4));
	put(segment(&v, CLIENT, TCP_SYN | TCP_ACK, 0, "EVIL", 4));
	put(segment(&v, CLIENT, TCP_SYN, 0, "EVIL", 4));
	say_next(&v, CLIENT, "REQ 1");
	put(segment(&v, CLIENT, TCP_SYN | TCP_ACK, 5, "EVIL", 4));
	put(segment(&v, CLIENT, TCP_SYN, 5, "EVIL", 4));
	put(segment(&v, CLIENT, TCP_PSH, 5, "EVIL", 4));
	say_next(&v, CLIENT, "2");
	say_next(&v, SERVER, "RSP 1");
	assert_log("open|C:REQ 12|S:RSP 1");
	assert_int_equal(counted.bytes[FATE_DISCARDED], 8 * 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		tracker_test(test_any_order),
		tracker_test(test_first_copy_wins),
		tracker_test(test_loss),
		tracker_test(test_loss_within_bounds),
		tracker_test(test_covering_copy),
		tracker_test(test_in_order_over_held),
		tracker_test(test_conflict_before_probe),
		tracker_test(test_conflict_delivered),
		tracker_test(test_conflict_beside_new),
		tracker_test(test_no_conflict_with_hole),
		tracker_test(test_wrap),
		tracker_test(test_keep_alive),
		tracker_test(test_snap_length),
		tracker_test(test_far),
		tracker_test(test_far_believed),
		tracker_test(test_far_one_sided),
		tracker_test(test_payload_without_ack),
	};

	return cmocka_run_group_tests(tests, harness_group, harness_group_end);
}

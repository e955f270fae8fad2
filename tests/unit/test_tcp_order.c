// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// TCP: what is waited for, how long, and what happens then. Holes, answers that overtake their
// questions, the search for a protocol.

#include "tracker_harness.h"

#include "flows/tcp.c"
#include "flows/tcp_feed.c"
#include "flows/tcp_held.c"

// A hole that the receiver has acknowledged ends soon, but not at once: with two mirror ports
// the acknowledgement may be seen before the bytes.
static void test_hole_acked(void **)
{
	struct conv v = conv_make(1, 0);

	tracker_begin();
	handshake(&v);
	say_next(&v, CLIENT, "REQ 1");
	v.sent[CLIENT] += 3;
	say_next(&v, CLIENT, "5");
	ack(&v, SERVER);
	assert_log("open|C:REQ 1");
	clock_ns += 2000000;
	ack(&v, SERVER);
	assert_log("open|C:REQ 1|Cgap3|C:5");
	// By number of packets, with a clock that stands.
	v.sent[CLIENT] += 3;
	say_next(&v, CLIENT, "6");
	for (uint32_t i = 0; i < SIDE_PKTS_ACKED - 1; i++)
		ack(&v, SERVER);
	assert_log("open|C:REQ 1|Cgap3|C:5");
	ack(&v, SERVER);
	assert_log("open|C:REQ 1|Cgap3|C:5|Cgap3|C:6");
	// Late, they are old.
	at(&v, CLIENT, 5, "abc");
	assert_log("open|C:REQ 1|Cgap3|C:5|Cgap3|C:6");
}

static void test_hole_tick(void **)
{
	struct conv v = conv_make(1, 0);

	limits.gap_ms = 200;
	tracker_begin();
	handshake(&v);
	at(&v, CLIENT, 0, "REQ 1");
	at(&v, CLIENT, 8, "4");
	tick(199 * 1000000);
	assert_log("open|C:REQ 1");
	tick(1000000);
	assert_log("open|C:REQ 1|Cgap3|C:4");
	assert_int_equal(env.stats.tcp_gaps, 1);
	assert_int_equal(env.stats.tcp_gap_bytes, 3);
}

static void test_hole_segments(void **)
{
	struct conv v = conv_make(1, 0);

	limits.gap_segments = 3;
	tracker_begin();
	handshake(&v);
	at(&v, CLIENT, 0, "REQ 1");
	at(&v, CLIENT, 8, "4");
	at(&v, CLIENT, 9, "5");
	assert_log("open|C:REQ 1");
	at(&v, CLIENT, 10, "6");
	assert_log("open|C:REQ 1|Cgap3|C:456");
}

// Bounds of a direction and of all; a bound ends holes, and nothing is lost by it.
static void test_hold_bounds(void **)
{
	struct conv v = conv_make(1, 0), w = conv_make(2, 0);

	limits.hold_segments = 3;
	limits.hold_bytes = 100;
	limits.hold_total = 4;
	tracker_begin();
	handshake(&v);
	handshake(&w);
	at(&v, CLIENT, 0, "REQ ");
	for (uint32_t i = 0; i < 3; i++)
		at(&v, CLIENT, 10 + 2 * i, "v");
	assert_int_equal(tracker->held, 3);
	assert_log("open|C:REQ ");
	at(&v, CLIENT, 16, "v");
	tracker_check();
	assert_log("open|C:REQ |Cgap6|C:v|Cgap1|C:v|Cgap1|C:v");
	assert_int_equal(tracker->held, 1);
	// More than fits into the byte bound alone is not waited with.
	char large[102] = "";
	memset(large, 'x', 101);
	at(&v, CLIENT, 20, large);
	assert_int_equal(tracker->held, 0);
	assert_int_equal(records[0].end[CLIENT], 121);
	// The worker's bound, met by others.
	log_text[0] = 0;
	for (uint32_t i = 0; i < 3; i++)
		at(&v, CLIENT, 200 + 2 * i, "v");
	at(&w, CLIENT, 0, "REQ ");
	at(&w, CLIENT, 5, "w");
	assert_int_equal(tracker->held, 4);
	at(&w, SERVER, 5, "w");
	tracker_check();
	assert_int_equal(tracker->held, 4);
	assert_log("1open|1C:REQ |1Sgap5|1S:w");
	assert_true(env.stats.tcp_hold_full >= 3);
}

// Two thousand islands: bounded memory.
static void test_islands(void **)
{
	struct conv v = conv_make(1, 0);

	limits.hold_segments = 64;
	limits.gap_segments = 64;
	tracker_begin();
	handshake(&v);
	at(&v, CLIENT, 0, "REQ ");
	for (uint32_t i = 0; i < 2000; i++) {
		at(&v, CLIENT, 14 + i * 20, "0123456789");
		assert_true(tracker->held <= 64);
	}
	v.sent[CLIENT] = 4;
	say_next(&v, SERVER, "RSP 1");
	assert_int_equal(records[0].end[SERVER], 5);
	tracker_check();
}

static void test_one_direction(void **)
{
	struct conv v = conv_make(1, 0), w = conv_make(2, 1);

	tracker_begin();
	put(segment(&v, CLIENT, TCP_SYN, -1, NULL, 0));
	say_next(&v, CLIENT, "REQ 1");
	say_next(&v, CLIENT, "REQ 2");
	fin(&v, CLIENT);
	settle();
	assert_log("open~|C:REQ 1REQ 2|Cfin");
	assert_int_equal(records[0].meta.port[CLIENT], v.key.port[0]);
	put(segment(&w, SERVER, TCP_SYN | TCP_ACK, -1, NULL, 0));
	say_next(&w, SERVER, "RSP 1");
	say_next(&w, SERVER, "RSP 2");
	assert_log("open~|C:REQ 1REQ 2|Cfin|1open|1S:RSP 1RSP 2");
	assert_int_equal(records[1].meta.port[SERVER], 80);
	assert_int_equal(env.stats.tcp_midstream, 1);
}

static void test_midstream(void **)
{
	struct conv v = conv_make(1, 0);

	tracker_begin();
	at(&v, SERVER, 300, "rest of an answer");
	v.sent[SERVER] = 317;
	v.sent[CLIENT] = 77;
	settle();
	assert_log("");
	assert_int_equal(counted.bytes[FATE_OPAQUE], 17);
	say_next(&v, CLIENT, "REQ 2");
	say_next(&v, SERVER, "RSP 2");
	settle();
	assert_log("open~|C:REQ 2|S:RSP 2");
	assert_int_equal(records[0].begin[CLIENT], 0);
	assert_int_equal(records[0].begin[SERVER], 17);
	assert_true(records[0].meta.midstream);
	struct conv w = conv_make(2, 0);
	say_next(&w, CLIENT, "rest of a request");
	say_next(&w, SERVER, "RSP 1");
	settle();
	assert_log("open~|C:REQ 2|S:RSP 2|1open~|1S:RSP 1");
	say_next(&w, CLIENT, "REQ 2");
	assert_int_equal(records[1].begin[CLIENT], 17);
}

// A byte at a time, both sides by turns: the protocol is found at the fourth.
static void test_probe_by_bytes(void **)
{
	static const char *const texts[2] = {"REQ 123", "RSP abc"};
	struct conv v = conv_make(1, 1);

	tracker_begin();
	handshake(&v);
	for (uint32_t i = 0; i < 7; i++) {
		for (enum dir dir = CLIENT; dir <= SERVER; dir++) {
			char one[2] = {texts[dir][i], 0};

			say_next(&v, dir, one);
		}
	}
	assert_log("open|C:REQ|S:RSP|C: |S: |C:1|S:a|C:2|S:b|C:3|S:c");
	assert_int_equal(counted.bytes[FATE_PARSED], 14);
	assert_false(records[0].meta.midstream);
	// The server's side is known first, and the client's bytes are there before its own.
	struct conv w = conv_make(2, 0);
	log_text[0] = 0;
	handshake(&w);
	say_next(&w, CLIENT, "RE");
	say_next(&w, SERVER, "RSP ");
	say_next(&w, CLIENT, "Q ");
	assert_log("1open|1C:RE|1S:RSP |1C:Q ");
}

// Nothing that is known within the first bytes of a direction: the connection's place is free
// again, its flow stays opaque.
static void test_opaque(void **)
{
	struct conv v = conv_make(1, 0);
	char text[1001] = "";

	memset(text, 'x', 1000);
	tracker_begin();
	handshake(&v);
	at(&v, SERVER, 20, "held");
	for (uint32_t i = 0; i < PROBE_GIVE_UP / 1000; i++)
		say_next(&v, CLIENT, text);
	assert_int_equal(tracker->conns.used, 1);
	say_next(&v, CLIENT, text);
	assert_int_equal(tracker->conns.used, 0);
	assert_int_equal(tracker->held, 0);
	say_next(&v, CLIENT, "REQ that nobody sees");
	say_next(&v, SERVER, "RSP that nobody sees");
	assert_log("");
	assert_int_equal(counted.bytes[FATE_OPAQUE], v.sent[CLIENT] + v.sent[SERVER] + 4);
	assert_int_equal(counted.bytes[FATE_PARSED], 0);
	assert_int_equal(tracker_flows(tracker), 1);
}

// What is nothing yet may be followed by something: a message may begin with any piece.
static void test_probe_later(void **)
{
	struct conv v = conv_make(1, 0);

	tracker_begin();
	handshake(&v);
	say_next(&v, SERVER, "220 ready");
	say_next(&v, CLIENT, "RE");
	say_next(&v, CLIENT, "X");
	say_next(&v, CLIENT, "R");
	say_next(&v, CLIENT, "EQ 1");
	say_next(&v, SERVER, "RSP 1");
	assert_log("open|C:REQ 1|S:RSP 1");
	assert_int_equal(records[0].begin[CLIENT], 3);
	assert_int_equal(records[0].begin[SERVER], 9);
}

// The parser refuses while more is held; nothing of it is lost on the way.
static void test_refused(void **)
{
	struct conv v = conv_make(1, 0);

	tracker_begin();
	handshake(&v);
	at(&v, CLIENT, 6, "rest");
	at(&v, CLIENT, 20, "rest");
	at(&v, SERVER, 5, "rest");
	at(&v, CLIENT, 0, "REQ 1!");
	assert_log("open|C:REQ 1!|close4");
	assert_int_equal(tracker->conns.used, 0);
	assert_int_equal(tracker->held, 0);
	at(&v, SERVER, 0, "RSP ");
	assert_int_equal(counted.bytes[FATE_PARSED], 6);
	assert_int_equal(counted.bytes[FATE_OPAQUE], 4 + 4 + 4 + 4);
}

// The protocol is found while the connection is being closed, and turns the sides around.
static void test_probe_at_close(void **)
{
	struct conv v = conv_make(1, 1);

	tracker_begin();
	at(&v, SERVER, 0, "x");
	at(&v, SERVER, 10, "RSP ");
	at(&v, CLIENT, 0, "y");
	at(&v, CLIENT, 10, "REQ ");
	assert_int_equal(tracker->held, 4);
	harness_flush();
	assert_log("open~|S:RSP |Cgap9|C:REQ |close4");
}

// Two mirror ports: the answer is seen before the question.
static void test_answer_first(void **)
{
	struct conv v = conv_make(1, 1);

	causal = true;
	tracker_begin();
	handshake(&v);
	v.sent[CLIENT] = 5;
	say_next(&v, SERVER, "RSP 1");
	assert_log("");
	assert_int_equal(counted.bytes[FATE_HELD], 5);
	tracker_check();
	v.sent[SERVER] = 0; // as the client knows it
	at(&v, CLIENT, 2, "Q 1");
	at(&v, CLIENT, 0, "RE");
	assert_log("open|C:REQ 1|S:RSP 1");
	// The next question overtakes the answer, and both ends come before either.
	v.sent[SERVER] = 10;
	v.sent[CLIENT] = 10;
	put(segment(&v, SERVER, TCP_FIN | TCP_ACK, 10, NULL, 0));
	put(segment(&v, CLIENT, TCP_FIN | TCP_ACK, 10, NULL, 0));
	at(&v, CLIENT, 5, "REQ 2");
	v.sent[CLIENT] = 5;
	at(&v, SERVER, 5, "RSP 2");
	assert_log("open|C:REQ 1|S:RSP 1RSP 2|Sfin|C:REQ 2|Cfin|close0");
}

// The question was lost: its answer waits a little, others do not wait for it again.
static void test_question_lost(void **)
{
	struct conv v = conv_make(1, 0);

	tracker_begin();
	handshake(&v);
	say_next(&v, CLIENT, "REQ 1");
	say_next(&v, SERVER, "RSP 1");
	v.sent[CLIENT] += 5;
	say_next(&v, SERVER, "RSP 2");
	tick(1999999);
	assert_log("open|C:REQ 1|S:RSP 1");
	tick(1);
	assert_log("open|C:REQ 1|S:RSP 1RSP 2");
	say_next(&v, SERVER, "+");
	assert_log("open|C:REQ 1|S:RSP 1RSP 2+");
	// Nor does what comes behind the hole: it is known to be one.
	say_next(&v, CLIENT, "REQ 3");
	assert_log("open|C:REQ 1|S:RSP 1RSP 2+|Cgap5|C:REQ 3");
	// What comes late is old.
	at(&v, CLIENT, 5, "REQ 2");
	assert_log("open|C:REQ 1|S:RSP 1RSP 2+|Cgap5|C:REQ 3");
}

// The same, and the next question comes while the answer waits: the hole is told between them.
static void test_question_lost_between(void **)
{
	struct conv v = conv_make(1, 0);

	causal = true;
	tracker_begin();
	handshake(&v);
	say_next(&v, CLIENT, "REQ 1");
	say_next(&v, SERVER, "RSP 1");
	v.sent[CLIENT] += 5;
	say_next(&v, SERVER, "RSP 2");
	say_next(&v, CLIENT, "REQ 3");
	say_next(&v, SERVER, "RSP 3");
	assert_log("open|C:REQ 1|S:RSP 1");
	settle();
	assert_log("open|C:REQ 1|S:RSP 1|Cgap5|S:RSP 2|C:REQ 3|S:RSP 3");
	// … or when the connection ends before that.
	v.sent[CLIENT] += 5;
	say_next(&v, SERVER, "RSP 4");
	say_next(&v, CLIENT, "REQ 5");
	say_next(&v, SERVER, "RSP 5");
	log_text[0] = 0;
	harness_flush();
	assert_log("Cgap5|S:RSP 4|C:REQ 5|S:RSP 5|close4");
}

// A hole in an answer, and the next question has come: both wait.
static void test_answer_lost(void **)
{
	struct conv v = conv_make(1, 0);

	causal = true;
	tracker_begin();
	handshake(&v);
	say_next(&v, CLIENT, "REQ 1");
	say_next(&v, SERVER, "RSP 1");
	v.sent[SERVER] += 7;
	say_next(&v, SERVER, "end");
	say_next(&v, CLIENT, "REQ 2");
	say_next(&v, SERVER, "RSP 2");
	assert_log("open|C:REQ 1|S:RSP 1");
	clock_ns += 2000000;
	ack(&v, CLIENT);
	assert_log("open|C:REQ 1|S:RSP 1|Sgap7|S:end|C:REQ 2|S:RSP 2");
}

// With a clock that stands packets are counted.
static void test_wait_by_packets(void **)
{
	struct conv v = conv_make(1, 0);

	tracker_begin();
	handshake(&v);
	say_next(&v, CLIENT, "REQ 1");
	v.sent[CLIENT] += 5;
	say_next(&v, SERVER, "RSP 2");
	v.sent[CLIENT] -= 5;
	for (uint32_t i = 1; i < SIDE_PKTS_ACKED; i++)
		ack(&v, CLIENT);
	assert_log("open|C:REQ 1");
	ack(&v, CLIENT);
	assert_log("open|C:REQ 1|S:RSP 2");
}

// Only one direction is mirrored: after the first time nobody is waited for.
static void test_wait_one_sided(void **)
{
	struct conv v = conv_make(1, 0);

	tracker_begin();
	put(segment(&v, SERVER, TCP_SYN | TCP_ACK, -1, NULL, 0));
	v.sent[CLIENT] = 5;
	say_next(&v, SERVER, "RSP 1");
	assert_log("");
	settle();
	assert_log("open|S:RSP 1");
	v.sent[CLIENT] = 500;
	say_next(&v, SERVER, "RSP 2");
	assert_log("open|S:RSP 1RSP 2");
	// The other one shows up: it is worth waiting again.
	put(segment(&v, CLIENT, TCP_ACK, 500, NULL, 0));
	v.sent[CLIENT] = 505;
	say_next(&v, SERVER, "RSP 3");
	assert_log("open|S:RSP 1RSP 2");
	tracker_check();
}

// An acknowledgement of what was never sent is not waited for when it is absurd, nor for long.
static void test_wait_absurd(void **)
{
	struct conv v = conv_make(1, 0);

	tracker_begin();
	handshake(&v);
	say_next(&v, CLIENT, "REQ 1");
	v.sent[CLIENT] += 2 << 20;
	say_next(&v, SERVER, "RSP 1");
	assert_log("open|C:REQ 1|S:RSP 1");
	v.sent[CLIENT] -= 1 << 20;
	v.sent[CLIENT] -= 1 << 19;
	say_next(&v, SERVER, "+");
	assert_log("open|C:REQ 1|S:RSP 1");
	settle();
	// What the client really sends afterwards is not taken for old.
	v.sent[CLIENT] = 5;
	say_next(&v, CLIENT, "REQ 2");
	assert_log("open|C:REQ 1|S:RSP 1+|C:REQ 2");
}

// There is no room to wait.
static void test_wait_without_room(void **)
{
	struct conv v = conv_make(1, 0);

	limits.hold_segments = 1;
	limits.hold_bytes = 8;
	tracker_begin();
	handshake(&v);
	say_next(&v, CLIENT, "REQ 1");
	v.sent[CLIENT] += 5;
	say_next(&v, SERVER, "RSP longer than that");
	assert_log("open|C:REQ 1|S:RSP longer than that");
	say_next(&v, SERVER, "one");
	assert_log("open|C:REQ 1|S:RSP longer than that");
	say_next(&v, SERVER, "two");
	tracker_check();
	assert_log("open|C:REQ 1|S:RSP longer than thatonetwo");
}

// A reset behind an answer that waits is in its place.
static void test_wait_and_rst(void **)
{
	struct conv v = conv_make(1, 0);

	tracker_begin();
	handshake(&v);
	v.sent[CLIENT] = 5;
	say_next(&v, SERVER, "RSP 1");
	put(segment(&v, SERVER, TCP_RST | TCP_ACK, v.sent[SERVER], NULL, 0));
	assert_int_equal(env.stats.tcp_bad_rst, 0);
	tick(7 * second);
	assert_log("open|S:RSP 1|close1");
}

// The receiver has not acknowledged what is missing: the network lost it, and it comes again.
static void test_hole_of_the_network(void **)
{
	struct conv v = conv_make(1, 0);

	limits.gap_ms = 2000;
	tracker_begin();
	handshake(&v);
	say_next(&v, CLIENT, "REQ 1");
	ack(&v, SERVER);
	at(&v, CLIENT, 10, "3");
	for (uint32_t i = 0; i < 3; i++) {
		tick(8 * second);
		ack(&v, SERVER); // still the same
	}
	tick(15 * second);
	at(&v, CLIENT, 5, "+2345");
	assert_log("open|C:REQ 1+23453");
	// It does not come again.
	at(&v, CLIENT, 20, "4");
	tick(15 * second);
	assert_log("open|C:REQ 1+23453");
	tick(second);
	assert_log("open|C:REQ 1+23453|Cgap9|C:4");
}

enum { TURNS = 30, TEXT = 60, PACKETS = 1000 };

struct sent {
	uint64_t ns;
	struct rte_mbuf *m;
};

static int by_time(const void *a, const void *b)
{
	const struct sent *x = a, *y = b;

	return x->ns < y->ns ? -1 : x->ns > y->ns;
}

// Questions and answers, cut anywhere, each packet late by its own amount: the log shows them in
// the order in which they were said.
static void skew_round(uint32_t number, bool known)
{
	static struct sent sent[PACKETS];
	struct conv v = conv_make(number, random_below(2));
	uint32_t n = 0, at_log = 0, late = 1 + random_below(1990000), sides = 1 + random_below(3);
	uint32_t pause[2] = {0}; // packets behind a silence
	static char expected[HARNESS_LOG];
	uint64_t now = clock_ns + second;

	v.isn[CLIENT] = random_below(UINT32_MAX);
	v.isn[SERVER] = random_below(UINT32_MAX);
	if (known) {
		sent[n++].m = segment(&v, CLIENT, TCP_SYN, -1, NULL, 0);
		sent[n++].m = segment(&v, SERVER, TCP_SYN | TCP_ACK, -1, NULL, 0);
		sent[n++].m = segment(&v, CLIENT, TCP_ACK, 0, NULL, 0);
	}
	at_log += (uint32_t)sprintf(expected, known ? "open" : "open~");
	for (uint32_t turn = 0; turn < TURNS; turn++) {
		enum dir dir = turn & 1 ? SERVER : CLIENT;
		uint32_t len = 4 + random_below(TEXT - 4);
		char text[TEXT] = "";

		// Until something was seen of both sides nobody knows what the second one lacks.
		if (turn == 1 || (turn == 2 && !known))
			pause[turn - 1] = n;

		memset(text, 'a' + (int)turn % 26, len);
		memcpy(text, dir == CLIENT ? "REQ " : "RSP ", 4);
		at_log += (uint32_t)sprintf(expected + at_log, "|%c:%.*s",
					    dir == CLIENT ? 'C' : 'S', (int)len, text);
		for (uint32_t off = 0, k; off < len; off += k) {
			k = 1 + random_below(len - off);
			// What tells the protocols apart stays together.
			k = turn < 2 && off == 0 && k < 4 ? 4 : k;
			sent[n++].m = segment(&v, dir, TCP_ACK, v.sent[dir], text + off, k);
			v.sent[dir] += k;
			if (random_below(3) == 0)
				sent[n++].m = segment(&v, !dir, TCP_ACK, v.sent[!dir], NULL, 0);
		}
	}
	sent[n++].m = segment(&v, CLIENT, TCP_FIN | TCP_ACK, v.sent[CLIENT], NULL, 0);
	v.sent[CLIENT]++;
	sent[n++].m = segment(&v, SERVER, TCP_FIN | TCP_ACK, v.sent[SERVER], NULL, 0);
	for (uint32_t i = 0; i < n; i++) {
		// A bare end does not wait for what it acknowledges.
		bool silence = i && (i + 2 == n || i == pause[0] || i == pause[1]);
		now += random_below(150000) + (silence ? 2000000 : 0);
		sent[i].ns = now;
		if (sides >> (pkt_of(sent[i].m)->src) & 1)
			sent[i].ns += random_below(late);
	}
	qsort(sent, n, sizeof(*sent), by_time);
	n_open = n_closed = 0;
	log_text[0] = 0;
	log_run = NULL;
	for (uint32_t i = 0; i < n; i++) {
		pkt_of(sent[i].m)->ts_ns = sent[i].ns;
		put(sent[i].m);
	}
	tracker_check();
	harness_flush();
	clock_ns = now;
	assert_int_equal(n_open, 1);
	// The ends may be told in either order.
	assert_memory_equal(log_text, expected, at_log);
	assert_non_null(strstr(log_text, "Cfin"));
	assert_non_null(strstr(log_text, "Sfin"));
	assert_null(strstr(log_text, "gap"));
}

static void test_skew_random(void **)
{
	causal = true;
	tracker_begin();
	for (uint32_t round = 0; round < 1000; round++)
		skew_round(round, true);
}

static void test_skew_random_midstream(void **)
{
	tracker_begin();
	for (uint32_t round = 0; round < 1000; round++)
		skew_round(round, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		tracker_test(test_hole_acked),
		tracker_test(test_hole_tick),
		tracker_test(test_hole_segments),
		tracker_test(test_hold_bounds),
		tracker_test(test_islands),
		tracker_test(test_one_direction),
		tracker_test(test_midstream),
		tracker_test(test_probe_by_bytes),
		tracker_test(test_opaque),
		tracker_test(test_probe_later),
		tracker_test(test_refused),
		tracker_test(test_probe_at_close),
		tracker_test(test_answer_first),
		tracker_test(test_question_lost),
		tracker_test(test_question_lost_between),
		tracker_test(test_answer_lost),
		tracker_test(test_wait_by_packets),
		tracker_test(test_wait_one_sided),
		tracker_test(test_wait_absurd),
		tracker_test(test_wait_without_room),
		tracker_test(test_wait_and_rst),
		tracker_test(test_hole_of_the_network),
		tracker_test(test_skew_random),
		tracker_test(test_skew_random_midstream),
	};

	return cmocka_run_group_tests(tests, harness_group, harness_group_end);
}

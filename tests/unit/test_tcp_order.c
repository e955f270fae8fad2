// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// TCP: what is waited for, how long, and what happens then. Holes, answers that overtake their
// questions, connections of which the start was not seen or comes late, the search for a protocol.

#include "tracker_harness.h"

#include "flows/tcp.c"
#include "flows/tcp_feed.c"

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
	assert_log("open~|S:RSP |C:y|Cgap9|C:REQ |close4");
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
	};

	return cmocka_run_group_tests(tests, harness_group, harness_group_end);
}

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// TCP: FIN and RST, in their place, too early, too late, lost, repeated and forged.

#include "tracker_harness.h"

static void test_fin_out_of_order(void **)
{
	struct conv v = conv_make(1, 0);

	tracker_begin();
	handshake(&v);
	at(&v, CLIENT, 0, "REQ 1");
	put(segment(&v, CLIENT, TCP_FIN | TCP_ACK, 9, NULL, 0));
	assert_log("open|C:REQ 1");
	at(&v, CLIENT, 5, "2345");
	assert_log("open|C:REQ 12345|Cfin");
	v.sent[CLIENT] = 10;
	say_next(&v, SERVER, "RSP half closed");
	put(segment(&v, SERVER, TCP_FIN | TCP_ACK, 15, "last", 4));
	assert_log("open|C:REQ 12345|Cfin|S:RSP half closedlast|Sfin|close0");
	assert_int_equal(env.stats.flows_closed, 1);
}

// Before everything else.
static void test_fin_first(void **)
{
	struct conv v = conv_make(1, 0);

	tracker_begin();
	handshake(&v);
	put(segment(&v, SERVER, TCP_FIN | TCP_ACK, 8, NULL, 0));
	put(segment(&v, CLIENT, TCP_FIN | TCP_ACK, 5, NULL, 0));
	at(&v, CLIENT, 0, "REQ 1");
	at(&v, SERVER, 5, "end");
	at(&v, SERVER, 0, "RSP 1");
	assert_log("open|C:REQ 1|Cfin|S:RSP 1end|Sfin|close0");
}

// Twice, with data, and the copy is not a second end.
static void test_fin_again(void **)
{
	struct conv v = conv_make(1, 0);

	tracker_begin();
	handshake(&v);
	put(segment(&v, CLIENT, TCP_FIN | TCP_ACK, 0, "REQ 1", 5));
	put(segment(&v, CLIENT, TCP_FIN | TCP_ACK, 0, "REQ 1", 5));
	put(segment(&v, CLIENT, TCP_FIN | TCP_ACK, 5, NULL, 0));
	assert_log("open|C:REQ 1|Cfin");
}

static void test_fin_lost(void **)
{
	struct conv v = conv_make(1, 0);

	tracker_begin();
	handshake(&v);
	say_next(&v, CLIENT, "REQ 1");
	fin(&v, CLIENT);
	say_next(&v, SERVER, "RSP 1");
	v.sent[SERVER]++; // not seen
	ack(&v, CLIENT);
	tick(299 * second);
	assert_log("open|C:REQ 1|Cfin|S:RSP 1");
	tick(3 * second);
	assert_log("open|C:REQ 1|Cfin|S:RSP 1|close2");
}

// The last bytes before a FIN are lost; the acknowledgement of the FIN says that they are.
static void test_fin_behind_loss(void **)
{
	struct conv v = conv_make(1, 0);

	tracker_begin();
	handshake(&v);
	say_next(&v, CLIENT, "REQ 1");
	fin(&v, CLIENT);
	say_next(&v, SERVER, "RSP 1");
	v.sent[SERVER] += 10;
	fin(&v, SERVER);
	settle();
	assert_log("open|C:REQ 1|Cfin|S:RSP 1");
	ack(&v, CLIENT);
	clock_ns += 2000000;
	ack(&v, CLIENT);
	assert_log("open|C:REQ 1|Cfin|S:RSP 1|Sgap10|Sfin|close0");
	assert_int_equal(tracker->conns.used, 0);
}

// The same, found by a tick.
static void test_fin_behind_loss_tick(void **)
{
	struct conv v = conv_make(1, 0);

	tracker_begin();
	handshake(&v);
	say_next(&v, CLIENT, "REQ 1");
	fin(&v, CLIENT);
	say_next(&v, SERVER, "RSP 1");
	v.sent[SERVER] += 10;
	fin(&v, SERVER);
	ack(&v, CLIENT);
	settle();
	assert_log("open|C:REQ 1|Cfin|S:RSP 1|Sgap10|Sfin|close0");
	assert_int_equal(env.stats.flows_closed, 1);
}

// A FIN that nobody acknowledges is no evidence, however far it claims to be.
static void test_fin_far(void **)
{
	struct conv v = conv_make(1, 0);

	tracker_begin();
	handshake(&v);
	say_next(&v, CLIENT, "REQ 1");
	put(segment(&v, CLIENT, TCP_FIN | TCP_ACK, 1500000000, NULL, 0));
	put(segment(&v, CLIENT, TCP_FIN | TCP_ACK, -1500000000, NULL, 0));
	put(segment(&v, CLIENT, TCP_FIN | TCP_ACK, -1500000000, NULL, 0));
	put(segment(&v, CLIENT, TCP_FIN | TCP_ACK, -1500000000, NULL, 0));
	put(segment(&v, CLIENT, TCP_FIN | TCP_ACK, -1500000000, NULL, 0));
	put(segment(&v, CLIENT, TCP_FIN | TCP_ACK, 500, NULL, 0));
	ack(&v, SERVER);
	tick(10 * second);
	say_next(&v, CLIENT, "23");
	assert_log("open|C:REQ 123");
	harness_flush();
	// What is said of the end is believed only when nothing more can come.
	assert_log("open|C:REQ 123|Cgap493|Cfin|close4");
}

// A FIN whose segment lies behind bytes that are missing must not skip those that still come.
static void test_fin_and_full_hold(void **)
{
	struct conv v = conv_make(1, 0);

	limits.hold_segments = 2;
	tracker_begin();
	handshake(&v);
	say_next(&v, CLIENT, "REQ 1");
	put(segment(&v, CLIENT, TCP_FIN | TCP_ACK, 20, NULL, 0));
	at(&v, CLIENT, 6, "a");
	at(&v, CLIENT, 8, "b");
	at(&v, CLIENT, 10, "c");
	at(&v, CLIENT, 9, "-");
	at(&v, CLIENT, 11, "defghijkl");
	assert_log("open|C:REQ 1|Cgap1|C:a|Cgap1|C:b-cdefghijkl|Cfin");
}

static void test_data_behind_fin(void **)
{
	struct conv v = conv_make(1, 0);

	tracker_begin();
	handshake(&v);
	at(&v, CLIENT, 8, "held behind the end");
	put(segment(&v, CLIENT, TCP_FIN | TCP_ACK, 0, "REQ 1", 5));
	assert_int_equal(tracker->held, 0);
	at(&v, CLIENT, 5, "ghost");
	at(&v, CLIENT, 0, "REQ 1ghost");
	at(&v, CLIENT, 6, "ghost");
	for (uint32_t i = 0; i < 8; i++)
		at(&v, CLIENT, 100000000 + 5 * i, "ghost");
	assert_log("open|C:REQ 1|Cfin");
	assert_int_equal(counted.bytes[FATE_DUPLICATE], 5);
	assert_int_equal(counted.bytes[FATE_DISCARDED], 19 + 11 * 5);
	say_next(&v, SERVER, "RSP 1");
	assert_log("open|C:REQ 1|Cfin|S:RSP 1");
}

static void test_rst_right(void **)
{
	struct conv v = conv_make(1, 0);

	tracker_begin();
	handshake(&v);
	say_next(&v, CLIENT, "REQ 1");
	at(&v, SERVER, 10, "tail");
	put(segment(&v, CLIENT, TCP_RST, v.sent[CLIENT], NULL, 0));
	assert_log("open|C:REQ 1");
	tick(7 * second);
	// What is held is delivered around its hole.
	assert_log("open|C:REQ 1|Sgap10|S:tail|close1");
	assert_int_equal(env.stats.flows_closed, 1);
	assert_int_equal(env.stats.flows_expired, 0);
}

// It was right, but the receiver did not take it (wrong checksum, for one): both go on.
static void test_rst_not_taken(void **)
{
	struct conv v = conv_make(1, 0);

	tracker_begin();
	handshake(&v);
	put(segment(&v, CLIENT, TCP_RST | TCP_ACK, 0, NULL, 0));
	say_next(&v, CLIENT, "REQ 1");
	put(segment(&v, CLIENT, TCP_RST | TCP_ACK, v.sent[CLIENT], NULL, 0));
	ack(&v, SERVER);
	at(&v, CLIENT, 0, "REQ 1"); // nothing new
	tick(3 * second);
	say_next(&v, SERVER, "RSP 1");
	tick(100 * second);
	say_next(&v, CLIENT, "REQ 2");
	assert_log("open|C:REQ 1|S:RSP 1|C:REQ 2");
	// Once more, and nothing but old bytes.
	put(segment(&v, SERVER, TCP_RST, v.sent[SERVER], NULL, 0));
	for (uint32_t i = 0; i < 5; i++) {
		at(&v, SERVER, 0, "RSP 1");
		ack(&v, CLIENT);
		tick(second);
	}
	tick(2 * second);
	assert_log("open|C:REQ 1|S:RSP 1|C:REQ 2|close1");
}

static void test_rst_wrong(void **)
{
	static const int64_t places[] = {-2, 2, 1000, -1000, 900000, 0x7fffffff, -0x7fffffff};
	struct conv v = conv_make(1, 0);

	tracker_begin();
	handshake(&v);
	// Before there is payload.
	put(segment(&v, CLIENT, TCP_RST, 1000, NULL, 0));
	put(segment(&v, SERVER, TCP_RST | TCP_ACK, -1000, NULL, 0));
	say_next(&v, CLIENT, "REQ 1");
	for (uint32_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		put(segment(&v, CLIENT, TCP_RST, v.sent[CLIENT] + places[i], NULL, 0));
		put(segment(&v, SERVER, TCP_RST | TCP_ACK, v.sent[SERVER] + places[i], "x", 1));
	}
	say_next(&v, SERVER, "RSP 1");
	assert_log("open|C:REQ 1|S:RSP 1");
	assert_int_equal(env.stats.tcp_bad_rst, 2 + 2 * 7);
	assert_int_equal(counted.bytes[FATE_DISCARDED], 7);
}

// A reset behind bytes that the mirror lost and the receiver has acknowledged.
static void test_rst_behind_loss(void **)
{
	struct conv v = conv_make(1, 0);

	tracker_begin();
	handshake(&v);
	say_next(&v, CLIENT, "REQ 1");
	v.sent[CLIENT] += 1000;
	put(segment(&v, CLIENT, TCP_RST, v.sent[CLIENT], NULL, 0));
	assert_log("open|C:REQ 1");
	assert_int_equal(env.stats.tcp_bad_rst, 1);
	ack(&v, SERVER);
	put(segment(&v, CLIENT, TCP_RST, v.sent[CLIENT], NULL, 0));
	tick(7 * second);
	assert_log("open|C:REQ 1|close1");
	assert_int_equal(env.stats.tcp_bad_rst, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		tracker_test(test_fin_out_of_order), tracker_test(test_fin_first),
		tracker_test(test_fin_again),        tracker_test(test_fin_lost),
		tracker_test(test_fin_behind_loss),  tracker_test(test_fin_behind_loss_tick),
		tracker_test(test_fin_far),          tracker_test(test_fin_and_full_hold),
		tracker_test(test_data_behind_fin),  tracker_test(test_rst_right),
		tracker_test(test_rst_not_taken),    tracker_test(test_rst_wrong),
		tracker_test(test_rst_behind_loss),
	};

	return cmocka_run_group_tests(tests, harness_group, harness_group_end);
}

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Where a connection begins whose handshake comes late, twice, or not at all.

#include "tracker_harness.h"

// The start of a capture, or of a connection whose handshake is mixed with its data.
static void test_start_mixed(void **)
{
	struct conv v = conv_make(1, 0), w = conv_make(2, 1), x = conv_make(3, 0);

	causal = true;
	tracker_begin();
	at(&v, CLIENT, 5, "REQ 2");
	at(&v, CLIENT, 0, "REQ 1");
	put(segment(&v, CLIENT, TCP_SYN, -1, NULL, 0));
	assert_log("open|C:REQ 1REQ 2");
	// The answer to the SYN settles both sides; the end came first.
	w.sent[CLIENT] = 5;
	w.sent[SERVER] = 5;
	put(segment(&w, SERVER, TCP_FIN | TCP_ACK, 5, NULL, 0));
	put(segment(&w, CLIENT, TCP_FIN | TCP_ACK, 5, NULL, 0));
	at(&w, SERVER, 0, "RSP 1");
	w.sent[SERVER] = 0;
	at(&w, CLIENT, 3, " 1");
	put(segment(&w, SERVER, TCP_FIN | TCP_ACK, 5, NULL, 0));
	w.sent[CLIENT] = 0;
	put(segment(&w, SERVER, TCP_SYN | TCP_ACK, -1, NULL, 0));
	tracker_check();
	at(&w, CLIENT, 0, "REQ");
	assert_log("open|C:REQ 1REQ 2|1open|1C:REQ 1|1S:RSP 1|1Sfin");
	assert_false(records[1].meta.midstream);
	// No handshake at all: time settles it.
	at(&x, CLIENT, 105, "3");
	put(segment(&x, CLIENT, TCP_FIN | TCP_ACK, 106, NULL, 0));
	at(&x, CLIENT, 100, "REQ 1");
	tick(1999999);
	assert_int_equal(n_open, 2);
	tick(1);
	at(&x, CLIENT, 90, "too late"); // ten bytes
	assert_log("open|C:REQ 1REQ 2|1open|1C:REQ 1|1S:RSP 1|1Sfin|2open~|2C:REQ 13|2Cfin");
}

// A handshake that belongs to something else does not move the start.
static void test_start_not_moved(void **)
{
	struct conv v = conv_make(1, 0);

	tracker_begin();
	at(&v, CLIENT, 0, "REQ 1");
	v.isn[CLIENT] += 5000000;
	put(segment(&v, CLIENT, TCP_SYN, -1, NULL, 0));
	v.isn[CLIENT] -= 2 * 5000000;
	put(segment(&v, CLIENT, TCP_SYN, -1, NULL, 0));
	v.isn[CLIENT] += 5000000;
	settle();
	at(&v, CLIENT, 5, "2");
	assert_log("open~|C:REQ 12");
}

static void exchange_bytes(struct conv *v)
{
	at(v, CLIENT, 0, "REQ 1");
	at(v, SERVER, 0, "RSP 1");
	for (enum dir dir = CLIENT; dir <= SERVER; dir++) {
		v->sent[dir] = 5;
		put(segment(v, dir, TCP_FIN | TCP_ACK, 5, NULL, 0));
	}
	v->sent[CLIENT] = v->sent[SERVER] = 0;
}

// A mirror that shows each packet twice, with the handshake behind the data that it opens, or behind
// the end: it is no new connection, and nothing is told again.
static void start_twice(bool ended)
{
	struct conv v = conv_make(1, ended);

	tracker_begin();
	if (ended) {
		exchange_bytes(&v);
		tick(2 * second);
	}
	at(&v, CLIENT, 0, "REQ 1");
	for (uint32_t copy = 0; copy < 2; copy++)
		put(segment(&v, CLIENT, TCP_SYN, -1, NULL, 0));
	for (uint32_t copy = 0; copy < 2; copy++)
		put(segment(&v, SERVER, TCP_SYN | TCP_ACK, -1, NULL, 0));
	exchange_bytes(&v);
	assert_log(ended ? "open~|C:REQ 1|Cfin|S:RSP 1|Sfin|close0"
			 : "open|C:REQ 1|S:RSP 1|Cfin|Sfin|close0");
	assert_int_equal(n_open, 1);
	// Another one on the same ports is one.
	v.isn[CLIENT] += 700000;
	v.isn[SERVER] += 700000;
	put(segment(&v, CLIENT, TCP_SYN, -1, NULL, 0));
	put(segment(&v, SERVER, TCP_SYN | TCP_ACK, -1, NULL, 0));
	at(&v, CLIENT, 0, "REQ 2");
	assert_int_equal(n_open, 2);
}

static void test_start_twice(void **)
{
	start_twice(false);
}

static void test_start_twice_ended(void **)
{
	start_twice(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		tracker_test(test_start_mixed),
		tracker_test(test_start_not_moved),
		tracker_test(test_start_twice),
		tracker_test(test_start_twice_ended),
	};

	return cmocka_run_group_tests(tests, harness_group, harness_group_end);
}

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The life of flows: what makes one and what ends it, handshakes of every kind, copies, timeouts,
// full tables, time that jumps.

#include "tracker_harness.h"

#include "flows/tracker.c"

// One exchange on a conversation, then what the caller wants.
static void exchange(struct conv *v)
{
	handshake(v);
	say_next(v, CLIENT, "REQ 1");
	say_next(v, SERVER, "RSP 1");
}

// The same ports again: other sequence numbers, nothing sent.
static void again(struct conv *v, uint32_t isn)
{
	v->isn[CLIENT] = isn;
	v->isn[SERVER] = isn * 7;
	v->sent[CLIENT] = v->sent[SERVER] = 0;
}

static void test_syn_flood(void **)
{
	struct conv v = conv_make(0, 0);

	tracker_begin();
	exchange(&v);
	for (uint32_t i = 1; i < 100000; i++) {
		struct conv w = conv_make(i, i & 1);

		put(segment(&w, CLIENT, TCP_SYN, -1, NULL, 0));
		clock_ns += 1000;
	}
	assert_int_equal(tracker_flows(tracker), 1);
	assert_int_equal(env.stats.flows_created, 1);
	say_next(&v, CLIENT, "REQ 2");
	assert_log("open|C:REQ 1|S:RSP 1|C:REQ 2");
}

// What SYNs with data, and answers without a question, leave behind goes first.
static void test_flood_with_state(void **)
{
	struct conv live[20];

	limits.flows = 2048;
	limits.conns = 2048;
	tracker_begin();
	for (uint32_t i = 0; i < 20; i++) {
		live[i] = conv_make(i, 0);
		exchange(&live[i]);
	}
	quiet = true;
	for (uint32_t i = 20; i < 100000; i++) {
		struct conv w = conv_make(i, i & 1);

		if (i & 2)
			put(segment(&w, CLIENT, TCP_SYN, -1, "x", 1));
		else
			put(segment(&w, SERVER, TCP_SYN | TCP_ACK, -1, NULL, 0));
		clock_ns += 2000000;
		if (i % 5 == 0)
			tick(0);
	}
	tracker_check();
	assert_true(env.stats.flows_evicted > 50000);
	assert_int_equal(env.stats.flow_table_full, 0);
	quiet = false;
	log_text[0] = 0;
	for (uint32_t i = 0; i < 20; i++)
		say_next(&live[i], CLIENT, "REQ 2");
	for (uint32_t i = 0; i < 20; i++) {
		assert_false(records[i].closed);
		assert_int_equal(records[i].end[CLIENT], 10);
	}
}

static void test_idle_timeout(void **)
{
	struct conv v = conv_make(1, 0);

	tracker_begin();
	exchange(&v);
	clock_ns += 300 * second;
	say_next(&v, CLIENT, "+");
	assert_log("open|C:REQ 1|S:RSP 1|C:+");
	clock_ns += 301 * second; // found out by the next packet
	say_next(&v, CLIENT, "REQ 2");
	settle();
	assert_log("open|C:REQ 1|S:RSP 1|C:+|close2|1open~|1C:REQ 2");
	tick(299 * second);
	assert_int_equal(n_closed, 1);
	tick(3 * second); // by time
	assert_log("open|C:REQ 1|S:RSP 1|C:+|close2|1open~|1C:REQ 2|1close2");
	assert_int_equal(tracker_flows(tracker), 0);
	assert_int_equal(env.stats.flows_expired, 2);
}

static void test_timeouts_by_state(void **)
{
	struct conv embryonic = conv_make(1, 0), closed = conv_make(2, 0), syn = conv_make(3, 0);

	tracker_begin();
	handshake(&embryonic);
	put(segment(&syn, CLIENT, TCP_SYN, -1, "REQ 1", 5));
	exchange(&closed);
	put(segment(&closed, CLIENT, TCP_RST, closed.sent[CLIENT], NULL, 0));
	assert_int_equal(tracker_flows(tracker), 3);
	for (uint32_t i = 0; i < 5; i++) {
		tick(second);
		// Late packets do not keep a closed flow.
		ack(&closed, SERVER);
	}
	assert_int_equal(tracker_flows(tracker), 3);
	tick(2 * second);
	assert_int_equal(tracker_flows(tracker), 2);
	tick(3 * second);
	assert_int_equal(tracker_flows(tracker), 2);
	tick(2 * second);
	assert_int_equal(tracker_flows(tracker), 0);
	assert_log("open|C:REQ 1|1open|1C:REQ 1|1S:RSP 1|1close1|close2");
	// A long connection does not linger for longer than a short one.
	struct conv v = conv_make(4, 0);
	exchange(&v);
	for (uint32_t i = 0; i < 30; i++) {
		tick(second);
		ack(&v, CLIENT);
	}
	fin(&v, CLIENT);
	fin(&v, SERVER);
	tick(7 * second);
	assert_int_equal(tracker_flows(tracker), 0);
}

// A closed connection whose packets go on is another one of which the start was not seen.
static void test_closed_goes_on(void **)
{
	struct conv v = conv_make(1, 0);

	tracker_begin();
	exchange(&v);
	fin(&v, CLIENT);
	fin(&v, SERVER);
	for (uint32_t i = 0; i < 7; i++) {
		clock_ns += second;
		say_next(&v, CLIENT, "REQ ");
	}
	settle();
	assert_log("open|C:REQ 1|S:RSP 1|Cfin|Sfin|close0|1open~|1C:REQ REQ ");
}

static void test_port_reuse(void **)
{
	static const uint32_t isns[] = {1000, 500000, 90, 3000000000};
	struct conv v = conv_make(1, 0);

	tracker_begin();
	for (uint32_t i = 0; i < 4; i++) {
		again(&v, isns[i]);
		exchange(&v);
		if (i == 0 || i == 3) {
			fin(&v, CLIENT);
			ack(&v, SERVER);
			fin(&v, SERVER);
			ack(&v, CLIENT);
		} else if (i == 2) {
			put(segment(&v, CLIENT, TCP_RST, v.sent[CLIENT], NULL, 0));
		}
		clock_ns += second / 2;
	}
	assert_log("open|C:REQ 1|S:RSP 1|Cfin|Sfin|close0|1open|1C:REQ 1|1S:RSP 1|1close1|2open|"
		   "2C:REQ 1|2S:RSP 1|2close1|3open|3C:REQ 1|3S:RSP 1|3Cfin|3Sfin|3close0");
	assert_int_equal(tracker_flows(tracker), 1);
	for (uint32_t i = 1; i < 4; i++)
		assert_true(records[i].meta.id > records[i - 1].meta.id);
}

// The mirror shows every packet twice, the copy at once or later.
static void test_every_packet_twice(void **)
{
	static const uint32_t delays[] = {0, 1, 2, 3, 5, 8, 20};

	tracker_begin();
	for (uint32_t k = 0; k < sizeof(delays) / sizeof(delays[0]); k++) {
		struct rte_mbuf *pkts[24];
		struct conv v = conv_make(k, k & 1);
		uint32_t n = 0;

		for (uint32_t copy = 0; copy < 2; copy++) {
			v.sent[CLIENT] = v.sent[SERVER] = 0;
			pkts[n++] = segment(&v, CLIENT, TCP_SYN, -1, NULL, 0);
			pkts[n++] = segment(&v, SERVER, TCP_SYN | TCP_ACK, -1, NULL, 0);
			pkts[n++] = segment(&v, CLIENT, TCP_ACK, 0, NULL, 0);
			pkts[n++] = segment(&v, CLIENT, TCP_ACK, 0, "REQ 1", 5);
			v.sent[CLIENT] = 5;
			pkts[n++] = segment(&v, SERVER, TCP_ACK, 0, "RSP 1", 5);
			v.sent[SERVER] = 5;
			pkts[n++] = segment(&v, CLIENT, TCP_ACK, 5, "REQ 2", 5);
			v.sent[CLIENT] = 10;
			pkts[n++] = segment(&v, SERVER, TCP_ACK, 5, "RSP 2", 5);
			v.sent[SERVER] = 10;
			pkts[n++] = segment(&v, CLIENT, TCP_ACK | TCP_FIN, 10, NULL, 0);
			pkts[n++] = segment(&v, SERVER, TCP_ACK | TCP_FIN, 10, NULL, 0);
			v.sent[CLIENT] = 11;
			v.sent[SERVER] = 11;
			pkts[n++] = segment(&v, CLIENT, TCP_ACK, 11, NULL, 0);
		}
		n_open = n_closed = 0;
		log_text[0] = 0;
		// The copies run behind by so many packets.
		for (uint32_t i = 0, copy = 0; copy < n / 2; i++) {
			if (i < n / 2)
				put(pkts[i]);
			if (i >= delays[k])
				put(pkts[n / 2 + copy++]);
		}
		assert_log("open|C:REQ 1|S:RSP 1|C:REQ 2|S:RSP 2|Cfin|Sfin|close0");
	}
	assert_int_equal(tracker_flows(tracker), sizeof(delays) / sizeof(delays[0]));
	assert_int_equal(env.stats.flows_created, sizeof(delays) / sizeof(delays[0]));
	assert_int_equal(env.stats.tcp_gaps, 0);
}

static void test_syn_again(void **)
{
	struct conv v = conv_make(1, 0);

	tracker_begin();
	v.isn[CLIENT] = 77;
	put(segment(&v, CLIENT, TCP_SYN, -1, NULL, 0));
	v.isn[CLIENT] = 1000;
	exchange(&v);
	assert_log("open|C:REQ 1|S:RSP 1");
	assert_false(records[0].meta.midstream);
}

// SYNs and answers to them inside a connection: only a new handshake of both sides ends it.
static void test_syn_inside(void **)
{
	struct conv v = conv_make(1, 0), liar = conv_make(1, 0);

	tracker_begin();
	handshake(&v);
	// Nothing but the handshake has been.
	again(&liar, 9999);
	put(segment(&liar, CLIENT, TCP_SYN, -1, NULL, 0));
	put(segment(&liar, CLIENT, TCP_SYN | TCP_ACK, -1, NULL, 0));
	say_next(&v, CLIENT, "REQ 1");
	say_next(&v, SERVER, "RSP 1");
	again(&liar, 123456789);
	put(segment(&liar, CLIENT, TCP_SYN, -1, NULL, 0));
	put(segment(&liar, CLIENT, TCP_SYN | TCP_ACK, -1, NULL, 0));
	again(&liar, 987654321);
	put(segment(&liar, SERVER, TCP_SYN | TCP_ACK, -1, NULL, 0));
	say_next(&v, CLIENT, "REQ 2");
	assert_log("open|C:REQ 1|S:RSP 1|C:REQ 2");
	// Answered: a new connection.
	again(&v, 3000);
	exchange(&v);
	assert_log("open|C:REQ 1|S:RSP 1|C:REQ 2|close1|1open|1C:REQ 1|1S:RSP 1");
	assert_int_equal(env.stats.tcp_out_of_window, 0);
}

// A server that begins anew before there was payload.
static void test_syn_ack_new(void **)
{
	struct conv v = conv_make(1, 0);

	tracker_begin();
	handshake(&v);
	again(&v, 777777);
	put(segment(&v, SERVER, TCP_SYN | TCP_ACK, -1, NULL, 0));
	say_next(&v, CLIENT, "REQ 1");
	say_next(&v, SERVER, "RSP 1");
	assert_log("open|C:REQ 1|S:RSP 1");
	assert_false(records[0].meta.midstream);
}

static void test_fast_open(void **)
{
	struct conv v = conv_make(1, 0), w = conv_make(2, 1);

	tracker_begin();
	put(segment(&v, CLIENT, TCP_SYN, -1, "REQ 1", 5));
	put(segment(&v, CLIENT, TCP_SYN, -1, "REQ 1", 5)); // again
	v.sent[CLIENT] = 5;
	put(segment(&v, SERVER, TCP_SYN | TCP_ACK, -1, NULL, 0));
	put(segment(&v, SERVER, TCP_SYN | TCP_ACK, -1, NULL, 0));
	put(segment(&v, CLIENT, TCP_ACK, 0, "REQ 1", 5)); // as a segment of its own
	say_next(&v, SERVER, "RSP 1");
	clock_ns += 200 * second; // an answered one lives on
	say_next(&v, CLIENT, "REQ 2");
	assert_log("open|C:REQ 1|S:RSP 1|C:REQ 2");
	assert_false(records[0].meta.midstream);
	// The answer carries data too.
	put(segment(&w, CLIENT, TCP_SYN, -1, "REQ 1", 5));
	w.sent[CLIENT] = 5;
	put(segment(&w, SERVER, TCP_SYN | TCP_ACK, -1, "RSP 1", 5));
	w.sent[SERVER] = 5;
	say_next(&w, CLIENT, "REQ 2");
	assert_log("open|C:REQ 1|S:RSP 1|C:REQ 2|1open|1C:REQ 1|1S:RSP 1|1C:REQ 2");
	// The same ports again, with data in the new SYN of which the answer takes all.
	again(&w, 123123123);
	put(segment(&w, CLIENT, TCP_SYN, -1, "REQ 3", 5));
	w.sent[CLIENT] = 5;
	put(segment(&w, SERVER, TCP_SYN | TCP_ACK, -1, NULL, 0));
	say_next(&w, SERVER, "RSP 3");
	assert_true(records[1].closed);
	assert_int_equal(records[2].end[SERVER], 5);
}

static void test_split_handshake(void **)
{
	struct conv v = conv_make(1, 0);

	tracker_begin();
	put(segment(&v, CLIENT, TCP_SYN, -1, NULL, 0));
	put(segment(&v, SERVER, TCP_SYN, -1, NULL, 0));
	put(segment(&v, CLIENT, TCP_SYN | TCP_ACK, -1, NULL, 0));
	put(segment(&v, SERVER, TCP_ACK, 0, NULL, 0));
	say_next(&v, CLIENT, "REQ 1");
	say_next(&v, SERVER, "RSP 1");
	assert_log("open|C:REQ 1|S:RSP 1");
	assert_int_equal(records[0].meta.port[SERVER], 80);
	assert_false(records[0].meta.midstream);
}

// Two mirror ports: the handshake's second half, or the answer, comes too early or too late.
static void test_skew(void **)
{
	struct conv v = conv_make(1, 0), w = conv_make(2, 0);

	tracker_begin();
	put(segment(&v, SERVER, TCP_SYN | TCP_ACK, -1, NULL, 0));
	at(&v, SERVER, 0, "RSP 1");
	put(segment(&v, CLIENT, TCP_SYN, -1, NULL, 0));
	at(&v, CLIENT, 0, "REQ 1");
	assert_log("open|S:RSP 1|C:REQ 1");
	// The request comes first, then the answer to the SYN.
	put(segment(&w, CLIENT, TCP_SYN, -1, NULL, 0));
	at(&w, CLIENT, 0, "REQ 1");
	put(segment(&w, SERVER, TCP_SYN | TCP_ACK, -1, NULL, 0));
	at(&w, SERVER, 3, " 1");
	at(&w, SERVER, 0, "RSP");
	assert_log("open|S:RSP 1|C:REQ 1|1open|1C:REQ 1|1S:RSP 1");
}

static void test_rst_before_payload(void **)
{
	struct conv v = conv_make(1, 0);

	tracker_begin();
	handshake(&v);
	put(segment(&v, SERVER, TCP_RST | TCP_ACK, 0, NULL, 0));
	again(&v, 8888);
	exchange(&v);
	assert_log("open|C:REQ 1|S:RSP 1");
	assert_int_equal(env.stats.flows_created, 2);
	// A reset or an acknowledgement of nothing makes no flow.
	struct conv w = conv_make(2, 0);
	put(segment(&w, CLIENT, TCP_RST, 0, "x", 1));
	put(segment(&w, CLIENT, TCP_ACK, 0, NULL, 0));
	put(segment(&w, CLIENT, TCP_FIN | TCP_ACK, 0, NULL, 0));
	assert_int_equal(tracker_flows(tracker), 1);
}

static void test_table_full(void **)
{
	limits.flows = 8;
	tracker_begin();
	for (uint32_t i = 0; i < 12; i++) {
		struct conv v = conv_make(i, 0);

		handshake(&v);
		say_next(&v, CLIENT, "REQ 1");
		clock_ns += second;
	}
	// The four that were idle longest made room.
	assert_int_equal(n_open, 12);
	assert_int_equal(tracker_flows(tracker), 8);
	for (uint32_t i = 0; i < 12; i++) {
		assert_int_equal(records[i].closed, i < 4);
		assert_true(i >= 4 || records[i].why == CLOSE_EVICTED);
	}
	assert_int_equal(env.stats.flows_evicted, 4);
	assert_int_equal(env.stats.flows_evicted_active, 4);
	assert_int_equal(env.stats.flow_table_full, 0);
	assert_int_equal(counted.pkts[FATE_NO_FLOW], 0);
	// Connections with payload stay while no newcomer needs their place.
	tick(200 * second);
	assert_int_equal(tracker_flows(tracker), 8);
	tick(200 * second);
	assert_int_equal(tracker_flows(tracker), 0);
	struct conv v = conv_make(20, 0);
	exchange(&v);
	assert_int_equal(n_open, 13);
}

static void test_pool_empty(void **)
{
	struct conv v = conv_make(1, 0), w = conv_make(2, 0);

	limits.conns = 1;
	tracker_begin();
	exchange(&v);
	handshake(&w);
	say_next(&w, CLIENT, "REQ 1");
	say_next(&w, SERVER, "RSP 1");
	assert_int_equal(env.stats.conn_pool_empty, 0);
	// The one that was given up is followed again when it goes on.
	say_next(&v, CLIENT, "REQ 2");
	settle();
	assert_log("open|C:REQ 1|S:RSP 1|close3|1open|1C:REQ 1|1S:RSP 1|1close3|2open~|2C:REQ 2");
}

static void test_eviction(void **)
{
	limits.flows = 100;
	tracker_begin();
	for (uint32_t i = 0; i < 96; i++) {
		struct conv v = conv_make(i, 0);

		if (i < 10) {
			exchange(&v);
		} else if (i < 20) {
			exchange(&v);
			put(segment(&v, CLIENT, TCP_RST, v.sent[CLIENT], NULL, 0));
		} else {
			handshake(&v);
		}
	}
	tick(2 * second); // still young
	assert_int_equal(tracker_flows(tracker), 96);
	tick(second);
	assert_int_equal(tracker_flows(tracker), 10);
	assert_int_equal(env.stats.flows_evicted, 86);
	assert_int_equal(n_open - n_closed, 10);
	tracker_check();
}

static void test_no_pressure(void **)
{
	limits.flows = 100;
	tracker_begin();
	for (uint32_t i = 0; i < 95; i++) {
		struct conv v = conv_make(i, 0);

		handshake(&v);
	}
	tick(5 * second);
	assert_int_equal(tracker_flows(tracker), 95);
	assert_int_equal(env.stats.flows_evicted, 0);
}

// Work in one tick is bounded, and nobody waits for ever.
static void test_tick_bounds(void **)
{
	struct conv v = conv_make(0, 0);

	limits.flows = 20000;
	limits.conns = 20000;
	tracker_begin();
	quiet = true;
	for (uint32_t i = 0; i < 10000; i++) {
		v = conv_make(i, 0);
		handshake(&v);
		say_next(&v, CLIENT, "REQ 1");
		// Bytes are lost, then the stream ends: half of them are acknowledged.
		v.sent[CLIENT] += 7;
		fin(&v, CLIENT);
		v.sent[CLIENT] -= i & 1 ? 0 : 8;
		ack(&v, SERVER);
	}
	tracker_check();
	for (uint32_t i = 0; i < 3; i++) {
		tick(10000000);
		tracker_check();
	}
	assert_int_equal(env.stats.tcp_gaps, 5000);
	tick(300 * second);
	assert_int_equal(tracker_flows(tracker), 10000);
	tick(9 * second);
	assert_int_equal(tracker_flows(tracker), 10000 - TICK_EXPIRE);
	tick(second);
	assert_int_equal(tracker_flows(tracker), 0);
}

static void test_flush_and_reuse(void **)
{
	static const uint64_t clocks[] = {1600000000, 0, 86400, 4294967290};
	struct conv v, last = conv_make(77, 0);

	tracker_begin();
	for (uint32_t k = 0; k < sizeof(clocks) / sizeof(clocks[0]); k++) {
		n_open = n_closed = 0;
		log_text[0] = 0;
		clock_ns = clocks[k] * second;
		for (uint32_t i = 0; i < 4; i++) {
			v = conv_make(i * 7 % 5, 0);
			exchange(&v);
		}
		at(&v, SERVER, 9, "held");
		handshake(&last);
		assert_int_equal(tracker_flows(tracker), 5);
		harness_flush();
		assert_log("open|C:REQ 1|S:RSP 1|1open|1C:REQ 1|1S:RSP 1|2open|2C:REQ 1|2S:RSP 1|"
			   "3open|3C:REQ 1|3S:RSP 1|close4|1close4|2close4|3Sgap4|3S:held|3close4");
		// Again, and time goes on from there: nothing is older than it is.
		clock_ns = clocks[k] * second;
		n_open = n_closed = 0;
		log_text[0] = 0;
		v = conv_make(1, 0);
		exchange(&v);
		clock_ns += 100 * second;
		say_next(&v, CLIENT, "+");
		tick(100 * second);
		assert_log("open|C:REQ 1|S:RSP 1|C:+");
		assert_int_equal(env.stats.flows_expired, 0);
		harness_flush();
	}
}

// Time that steps: nobody dies of a step backwards, one forwards is an idle time.
static void test_clock_steps(void **)
{
	struct conv v = conv_make(1, 0);

	tracker_begin();
	exchange(&v);
	clock_ns -= 7200 * second;
	say_next(&v, CLIENT, "+2");
	tick(0);
	clock_ns = 0;
	say_next(&v, SERVER, "+2");
	clock_ns = 1700000100 * second;
	say_next(&v, CLIENT, "+3");
	assert_log("open|C:REQ 1|S:RSP 1|C:+2|S:+2|C:+3");
	clock_ns += 86400 * 400 * second;
	say_next(&v, CLIENT, "REQ 4");
	say_next(&v, SERVER, "RSP 4");
	settle();
	assert_log("open|C:REQ 1|S:RSP 1|C:+2|S:+2|C:+3|close2|1open~|1C:REQ 4|1S:RSP 4");
	clock_ns = UINT64_MAX - 1;
	say_next(&v, CLIENT, "REQ 5");
	tracker_check();
	harness_flush();
	assert_int_equal(n_open, 3);
}

// A byte every 30 s for an hour.
static void test_slow(void **)
{
	struct conv v = conv_make(1, 0);

	tracker_begin();
	handshake(&v);
	say_next(&v, CLIENT, "REQ ");
	for (uint32_t i = 0; i < 120; i++) {
		tick(30 * second);
		say_next(&v, CLIENT, "x");
	}
	assert_int_equal(records[0].end[CLIENT], 124);
	assert_int_equal(n_closed, 0);
	assert_int_equal(tracker->conns.peak, 1);
}

static void test_checksums(void **)
{
	struct conv v = conv_make(1, 0);

	for (uint32_t trusted = 0; trusted < 2; trusted++) {
		limits.checksums = trusted;
		n_open = n_closed = 0;
		log_text[0] = 0;
		again(&v, 1000);
		tracker_begin();
		handshake(&v);
		struct rte_mbuf *bad = segment(&v, CLIENT, TCP_ACK, 0, "REQ BAD", 7);
		pkt_of(bad)->bad_checksum = 1;
		put(bad);
		say_next(&v, CLIENT, "REQ good");
		assert_log(trusted ? "open|C:REQ good" : "open|C:REQ BADd");
		assert_int_equal(env.stats.tcp_bad_checksum, trusted);
		assert_int_equal(counted.pkts[FATE_CHECKSUM], trusted);
		assert_int_equal(counted.bytes[FATE_CHECKSUM], trusted * (HARNESS_HEADERS + 7));
		assert_int_equal(records[0].anomalies,
				 1u << (trusted ? TCP_ANOMALY_CHECKSUM : TCP_ANOMALY_OVERLAP));
		harness_teardown(NULL);
	}
}

static void test_meta(void **)
{
	for (uint32_t side = 0; side < 2; side++) {
		struct conv v = conv_make(1, side);

		tracker_begin();
		v.v6 = side;
		v.key.space_proto = 0x123456 << 8 | 6;
		exchange(&v);
		const struct conn_meta *meta = &records[side].meta;
		assert_memory_equal(meta->addr[CLIENT], v.key.addr[side], 16);
		assert_memory_equal(meta->addr[SERVER], v.key.addr[!side], 16);
		assert_int_equal(meta->port[CLIENT], v.key.port[side]);
		assert_int_equal(meta->port[SERVER], 80);
		assert_int_equal(meta->space, 0x123456);
		assert_int_equal(meta->v6, side);
		assert_int_equal(meta->id, clock_ns);
		assert_int_equal(meta->hash, hash_flow_key(&v.key, 7));
		harness_teardown(NULL);
	}
}

// Flows made, ended and made again inside one burst.
static void test_bursts(void **)
{
	struct conv v = conv_make(1, 0), w = conv_make(2, 0);
	struct rte_mbuf *pkts[64];
	uint32_t n = 0;

	tracker_begin();
	handshake(&w);
	for (uint32_t i = 0; i < 8; i++) {
		again(&v, 1000 + i * 100000);
		pkts[n++] = segment(&v, CLIENT, TCP_SYN, -1, NULL, 0);
		pkts[n++] = segment(&v, SERVER, TCP_SYN | TCP_ACK, -1, NULL, 0);
		pkts[n++] = segment(&v, CLIENT, TCP_ACK, 0, NULL, 0);
		pkts[n++] = segment(&v, CLIENT, TCP_ACK, 2, "Q 1", 3);
		pkts[n++] = segment(&v, CLIENT, TCP_ACK, 0, "RE", 2);
		pkts[n++] = segment(&w, CLIENT, TCP_ACK, i * 4, "REQ ", 4);
		pkts[n++] = segment(&v, CLIENT, TCP_ACK | TCP_FIN, 5, NULL, 0);
		pkts[n++] = segment(&v, SERVER, TCP_ACK | TCP_FIN, 0, NULL, 0);
	}
	assert_int_equal(n, 64);
	put_burst(pkts, n);
	tracker_check();
	assert_int_equal(n_open, 9);
	assert_int_equal(n_closed, 8);
	for (uint32_t i = 0; i < 9; i++)
		assert_int_equal(records[i].end[CLIENT], i == 1 ? 32 : 5);
	for (uint32_t i = 0; i < 9; i++)
		assert_int_equal(records[i].closed, i != 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		tracker_test(test_syn_flood),
		tracker_test(test_flood_with_state),
		tracker_test(test_idle_timeout),
		tracker_test(test_timeouts_by_state),
		tracker_test(test_closed_goes_on),
		tracker_test(test_port_reuse),
		tracker_test(test_every_packet_twice),
		tracker_test(test_syn_again),
		tracker_test(test_syn_inside),
		tracker_test(test_syn_ack_new),
		tracker_test(test_fast_open),
		tracker_test(test_split_handshake),
		tracker_test(test_skew),
		tracker_test(test_rst_before_payload),
		tracker_test(test_table_full),
		tracker_test(test_pool_empty),
		tracker_test(test_eviction),
		tracker_test(test_no_pressure),
		tracker_test(test_tick_bounds),
		tracker_test(test_flush_and_reuse),
		tracker_test(test_clock_steps),
		tracker_test(test_slow),
		tracker_test(test_checksums),
		tracker_test(test_meta),
		tracker_test(test_bursts),
	};

	return cmocka_run_group_tests(tests, harness_group, harness_group_end);
}

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// 200,000 packets that nobody should send: whatever they say, the parser's contract is kept,
// bounds hold, all lists agree, every byte has a fate and every buffer comes back.

#include "tracker_harness.h"

// Sequence numbers that matter to a flow, and some that do not.
static uint32_t hostile_seq(struct conv *v, enum dir dir)
{
	switch (random_below(12)) {
	case 0:
		return random_below(UINT32_MAX);
	case 1:
		return v->isn[dir] + v->sent[dir] + (1 << 20) + random_below(1 << 20);
	case 2:
		return v->isn[dir] + v->sent[dir] - (64 << 20) + random_below(4) - 2;
	case 3:
	case 4:
		return v->isn[dir] + 1 + v->sent[dir] + random_below(8000) - 4000;
	}
	return v->isn[dir] + 1 + v->sent[dir];
}

static struct rte_mbuf *hostile_packet(struct conv *v)
{
	static const uint8_t common[] = {TCP_ACK, TCP_ACK | TCP_PSH, TCP_SYN, TCP_SYN | TCP_ACK,
					 TCP_RST, TCP_FIN | TCP_ACK, TCP_ACK, TCP_ACK};
	enum dir dir = (enum dir)random_below(2);
	uint32_t len = random_below(3) ? random_below(random_below(2) ? 20 : 1460) : 0;
	char bytes[1460];

	for (uint32_t i = 0; i < len; i++)
		bytes[i] = (char)(random_state >> (i & 31));
	if (len >= 4 && random_below(2))
		memcpy(bytes, random_below(2) ? "REQ " : "RSP ", 4);
	if (len > 4)
		bytes[4] = '+';
	struct rte_mbuf *m = segment(v, dir, TCP_ACK, 0, bytes, len);
	struct pkt *pkt = pkt_of(m);
	pkt->tcp_flags =
		random_below(5) ? common[random_below(sizeof(common))] : (uint8_t)random_below(256);
	pkt->seq = hostile_seq(v, dir);
	pkt->ack = hostile_seq(v, !dir);
	if (random_below(20) == 0)
		pkt->missing_len = (uint16_t)(random_below(4) ? random_below(100) : UINT16_MAX);
	if (random_below(50) == 0)
		pkt->bad_checksum = 1;
	if (random_below(4)) {
		v->sent[dir] += len + pkt->missing_len;
	} else if (random_below(50) == 0) {
		v->isn[dir] = random_below(UINT32_MAX);
	}
	switch (random_below(200)) {
	case 0:
		clock_ns += random_below(20) * second;
		break;
	case 1:
		clock_ns -= random_below(20) * second;
		break;
	default:
		clock_ns += random_below(1000000);
	}
	pkt->ts_ns = random_below(5000) ? clock_ns : (uint64_t)random_below(UINT32_MAX) << 10;
	return m;
}

static void hostile_rounds(uint32_t n_pkts, uint32_t n_convs)
{
	static struct conv convs[256];
	struct rte_mbuf *pkts[64];

	quiet = true;
	refuse_one_in = 400;
	assert_int_equal(pool_init(&env.capture, 64, 40), 0); // fewer than connections
	fake_pool = &env.capture;
	fake_holds = HOLDS_EXCHANGE;
	tracker_begin();
	for (uint32_t i = 0; i < n_convs; i++) {
		convs[i] = conv_make(i, i & 1);
		convs[i].isn[0] = random_below(UINT32_MAX);
	}
	for (uint32_t done = 0, round = 0; done < n_pkts; round++) {
		uint32_t n = 1 + random_below(64);

		for (uint32_t i = 0; i < n; i++) {
			split_mbufs = random_below(10) ? 0 : 200 + random_below(1000);
			pkts[i] = hostile_packet(&convs[random_below(n_convs)]);
		}
		put_burst(pkts, n);
		done += n;
		if (random_below(10) == 0)
			tick(random_below(20000000));
		if (round % 100 == 0)
			tracker_check();
		if (random_below(1000) == 0)
			harness_flush();
	}
	tracker_check();
	assert_true(env.stats.flows_created > n_convs);
}

static void test_hostile(void **)
{
	limits.checksums = true;
	limits.gap_ms = 50;
	limits.gap_segments = 30;
	limits.hold_segments = 40;
	limits.hold_bytes = 20000;
	limits.hold_total = 300;
	limits.tcp_timeout_s = 30;
	hostile_rounds(120000, 64);
	assert_true(env.stats.tcp_gaps > 1000);
	assert_true(env.stats.tcp_out_of_order > 1000);
	assert_true(env.stats.tcp_overlap_conflicts > 100);
	assert_true(env.stats.tcp_out_of_window > 100);
	assert_true(env.stats.flows_closed > 200);
	assert_true(env.stats.flows_relieved > 100);
	assert_true(fake_without < env.stats.flows_relieved / 20); // of bursts longer than what is spare
}

// Everything short: flows, connections, room to hold.
static void test_hostile_narrow(void **)
{
	limits.flows = 40;
	limits.conns = 25;
	limits.hold_segments = 2;
	limits.hold_bytes = 3000;
	limits.hold_total = 10;
	limits.gap_ms = 5;
	limits.gap_segments = 30;
	limits.tcp_timeout_s = 10;
	hostile_rounds(80000, 60);
	assert_true(env.stats.flows_evicted > 100);
	assert_true(env.stats.flows_evicted_active > 100);
	assert_true(env.stats.tcp_hold_full > 100);
}

// What no receiver takes leaves a mark on its connection, before and after that has begun.
static void test_unusable(void **)
{
	for (uint32_t round = 0; round < 4; round++) {
		struct conv v = conv_make(1, 0);
		bool fragments = round & 1, early = round & 2;

		limits.checksums = true;
		n_open = n_closed = 0;
		log_text[0] = 0;
		tracker_begin();
		handshake(&v);
		for (uint32_t i = 0; i < 2; i++) {
			struct rte_mbuf *bad = segment(&v, CLIENT, TCP_ACK | TCP_RST, 0, "REQ BAD", 7);

			pkt_of(bad)->bad_checksum = !fragments;
			pkt_of(bad)->bad_ip_checksum = !fragments;
			pkt_of(bad)->frag_overlap = fragments;
			if (i == early)
				say_next(&v, CLIENT, "REQ good");
			put(bad);
		}
		say_next(&v, CLIENT, "more");
		assert_log("open|C:REQ goodmore");
		assert_int_equal(records[0].anomalies,
				 1u << (fragments ? TCP_ANOMALY_FRAGMENTS : TCP_ANOMALY_IP_CHECKSUM));
		assert_int_equal(env.stats.ip_frag_overlaps, 2 * ((round + 1) / 2));
		assert_int_equal(counted.pkts[fragments ? FATE_FRAGMENT : FATE_CHECKSUM],
				 2 * (round / 2 + 1));
		harness_teardown(NULL);
	}
}

static void exchange(struct conv *v)
{
	handshake(v);
	say_next(v, CLIENT, "REQ 1");
	say_next(v, SERVER, "RSP 1");
}

// A flood of connections with payload, twice as many as there is room for: those that are used
// stay, and new ones are followed.
static void test_flood_of_connections(void **)
{
	enum { LIVE = 20, ROOM = 4096 };
	struct conv live[LIVE];

	limits.flows = ROOM;
	limits.conns = ROOM / 2;
	tracker_begin();
	for (uint32_t i = 0; i < LIVE; i++) {
		live[i] = conv_make(i, 0);
		exchange(&live[i]);
	}
	quiet = true;
	for (uint32_t i = LIVE; i < 2 * ROOM; i++) {
		struct conv w = conv_make(i, i & 1);

		handshake(&w);
		say_next(&w, CLIENT, "REQ 1");
		clock_ns += 10 * 1000 * 1000;
		if (i % 10 == 0)
			say_next(&live[i / 10 % LIVE], CLIENT, "REQ 2");
	}
	tracker_check();
	assert_int_equal(n_open, 2 * ROOM); // nobody was refused, none of the live ones opened anew
	assert_int_equal(env.stats.conn_pool_empty, 0);
	assert_int_equal(env.stats.flow_table_full, 0);
	assert_true(env.stats.flows_evicted_active > ROOM);
}

// Packets without a connection take no place of those that have one, however long these are silent.
static void test_flood_of_one_side(void **)
{
	limits.flows = 8;
	tracker_begin();
	for (uint32_t i = 0; i < 20; i++) {
		struct conv v = conv_make(i, i & 1);

		say_next(&v, CLIENT, "REQ 1");
		if (i < 4)
			say_next(&v, SERVER, "RSP 1");
		settle();
		clock_ns += second;
	}
	assert_int_equal(n_open, 20);
	assert_int_equal(env.stats.flows_evicted_active, 12);
	for (uint32_t i = 0; i < 20; i++)
		assert_int_equal(records[i].closed, i >= 4 && i < 16);
}

// The clock is set, far and back, or there was nothing at all for an hour: nobody is older for it,
// and everybody ages as before afterwards.
static void test_clock_jumps(void **)
{
	static const int64_t jumps[] = {7200, -7200, 400 * 86400, -3600, 3600, 3600};
	const int64_t one = 1000000000;
	struct conv v = conv_make(1, 0);

	tracker_begin();
	exchange(&v);
	for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
		clock_ns += (uint64_t)(jumps[i] * one);
		tracker_tick(tracker, clock_ns, &counted);
		say_next(&v, CLIENT, "REQ");
		say_next(&v, SERVER, "RSP");
		assert_int_equal(n_open, 1);
		assert_int_equal(n_closed, 0);
	}
	assert_int_equal(records[0].gaps[CLIENT] + records[0].gaps[SERVER], 0);
	clock_ns += (uint64_t)(400 * 86400 * one); // ahead of everything
	tick((uint64_t)(290 * one));
	assert_int_equal(n_closed, 0);
	tick((uint64_t)(60 * one));
	assert_int_equal(n_closed, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		tracker_test(test_hostile),
		tracker_test(test_hostile_narrow),
		tracker_test(test_unusable),
		tracker_test(test_flood_of_connections),
		tracker_test(test_flood_of_one_side),
		tracker_test(test_clock_jumps),
	};

	return cmocka_run_group_tests(tests, harness_group, harness_group_end);
}

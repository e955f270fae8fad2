// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// For the tests of the tracker: packets made from nothing, a parser that writes down what it is
// given, and checks that hold after every test: the parser's contract was kept, every packet and
// byte has one fate, nothing is held, every buffer is back in its pool.
//
// The parser knows a client by "REQ " and a server by "RSP ". Its log has one entry for each run
// of events: "open|C:REQ a|S:RSP b|Cgap5|Cfin|Sfin|close0", with the number of the connection in
// front when it is not the first.

#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/hash.h"
#include "flows/tcp.h"

#include <rte_eal.h>
#include <rte_mempool.h>

enum {
	HARNESS_MBUFS = 4095,
	HARNESS_HEADERS = 54,
	HARNESS_RECORDS = 64,
	HARNESS_STREAM = 16 << 10, // bytes of a direction that are kept
	HARNESS_LOG = 16 << 10,
};

enum { BYTE_NONE = 0, BYTE_DATA, BYTE_GAP };

// One connection as the parser saw it.
struct record {
	bool closed, conflict;
	uint32_t anomalies; // bits of enum tcp_anomaly
	enum close_reason why;
	struct conn_meta meta;
	uint64_t begin[2], end[2]; // offsets
	uint64_t gaps[2];
	bool fin[2];
	uint8_t bytes[2][HARNESS_STREAM], kinds[2][HARNESS_STREAM];
};

// What the parser needs to know of a connection to judge its caller; in the parser's state.
struct fake_state {
	uint32_t index; // of the connection, from 1
	bool closed, refused, fin[2], started[2];
	uint64_t end[2];
	void *block; // of fake_pool
	uint32_t holds;
};

// Ends of a connection between two hosts that exist only here.
struct conv {
	struct flow_key key;
	uint8_t side[2]; // of the key, by direction
	uint32_t isn[2];
	uint32_t sent[2]; // stream bytes, by direction
	bool v6;
};

static struct rte_mempool *pool;
static struct flow_env env;
static struct tracker_limits limits;
static struct tracker *tracker;
static struct fates counted;
static uint64_t clock_ns;
static uint32_t pool_before;
static uint64_t random_state;
static uint32_t split_mbufs; // payload goes into buffers of at most so many bytes; 0: one

static struct record records[HARNESS_RECORDS];
static uint32_t n_open, n_closed;
static bool quiet;             // only the contract is checked, nothing is written down
static bool causal;            // nobody acknowledges what the parser has not seen
static uint32_t refuse_one_in; // pieces of data that the parser refuses; 0: none
static struct pool *fake_pool; // a connection takes a block of it with '+'; NULL: there is none
static uint32_t fake_holds;    // … and has that by it, enum holds
static uint32_t fake_without;  // '+' for which no block was left
static char log_text[HARNESS_LOG];
static const char *log_run; // what the last entry is, for runs of data

static inline uint32_t random_below(uint32_t n)
{
	random_state = hash_mix(random_state + UINT64_C(0x9e3779b97f4a7c15));
	return (uint32_t)(((random_state >> 32) * n) >> 32);
}

static inline struct record *record_of(const struct pctx *p)
{
	const struct fake_state *state = p->state;

	assert_true(state->index > 0 && state->index <= n_open);
	return &records[(state->index - 1) % HARNESS_RECORDS];
}

__attribute__((format(printf, 3, 4))) static void say(const struct record *r, const char *run,
						      const char *format, ...)
{
	size_t at = strlen(log_text);
	va_list args;

	if (quiet || at > HARNESS_LOG - 256)
		return;
	if (run == NULL || run != log_run) {
		at += (size_t)snprintf(log_text + at, HARNESS_LOG - at, "%s", at ? "|" : "");
		if (r != records)
			at += (size_t)snprintf(log_text + at, HARNESS_LOG - at, "%d",
					       (int)(r - records));
		if (run)
			at += (size_t)snprintf(log_text + at, HARNESS_LOG - at, "%s:", run);
	}
	log_run = run;
	va_start(args, format);
	vsnprintf(log_text + at, HARNESS_LOG - at, format, args);
	va_end(args);
}

static inline enum probe fake_begins(struct span first, const char *what)
{
	uint32_t n = first.len < 4 ? first.len : 4;

	if (memcmp(first.p, what, n) != 0)
		return PROBE_NO;
	return n == 4 ? PROBE_CERTAIN : PROBE_UNSURE;
}

static inline enum probe fake_probe(struct span first, enum dir dir)
{
	assert_true(first.len > 0);
	return fake_begins(first, dir == CLIENT ? "REQ " : "RSP ");
}

static inline void fake_open(struct pctx *p)
{
	struct record *r = &records[n_open++ % HARNESS_RECORDS];
	static const struct fake_state zero;
	struct fake_state *state = p->state;

	assert_memory_equal(state, &zero, sizeof(zero));
	state->index = n_open;
	assert_ptr_equal(p->env, &env);
	if (!quiet)
		*r = (struct record){.meta = *p->conn};
	say(r, NULL, p->conn->midstream ? "open~" : "open");
}

static inline struct record *fake_enter(struct pctx *p, enum dir dir)
{
	struct record *r = record_of(p);
	struct fake_state *state = p->state;

	assert_false(state->closed);
	assert_false(state->refused);
	assert_false(state->fin[dir]);
	// Nothing is skipped without a word; a direction may begin anywhere.
	if (!state->started[dir])
		r->begin[dir] = r->end[dir] = state->end[dir] = p->off[dir];
	state->started[dir] = true;
	assert_int_equal(p->off[dir], state->end[dir]);
	assert_true(quiet || p->now_ns == clock_ns);
	assert_true(!causal || p->acked[!dir] <= state->end[!dir] + 1); // one for the FIN
	r->conflict |= p->anomalies >> TCP_ANOMALY_OVERLAP & 1;
	r->anomalies |= p->anomalies;
	return r;
}

static inline bool fake_data(struct pctx *p, enum dir dir, struct span bytes)
{
	struct record *r = fake_enter(p, dir);
	struct fake_state *state = p->state;
	uint64_t off = state->end[dir];

	assert_true(bytes.len > 0);
	for (uint32_t i = 0; i < bytes.len && off + i < HARNESS_STREAM && !quiet; i++) {
		r->bytes[dir][off + i] = bytes.p[i];
		r->kinds[dir][off + i] = BYTE_DATA;
	}
	state->end[dir] += bytes.len;
	r->end[dir] = state->end[dir];
	say(r, dir == CLIENT ? "C" : "S", "%.*s", (int)(bytes.len < 200 ? bytes.len : 200),
	    (const char *)bytes.p);
	if (fake_pool && !state->block && memchr(bytes.p, '+', bytes.len)) {
		state->block = pool_get(fake_pool);
		state->holds = state->block ? fake_holds : 0;
		fake_without += !state->block;
	}
	state->refused = (refuse_one_in && random_below(refuse_one_in) == 0) ||
			 (!quiet && memchr(bytes.p, '!', bytes.len));
	return !state->refused;
}

static inline bool fake_gap(struct pctx *p, enum dir dir, uint64_t len)
{
	struct record *r = fake_enter(p, dir);
	struct fake_state *state = p->state;

	assert_true(p->lossy[dir]);
	for (uint64_t off = state->end[dir]; off < state->end[dir] + len; off++) {
		if (quiet || off >= HARNESS_STREAM)
			break;
		r->kinds[dir][off] = BYTE_GAP;
	}
	state->end[dir] += len;
	r->end[dir] = state->end[dir];
	r->gaps[dir] += len;
	say(r, NULL, "%c%s%llu", dir == CLIENT ? 'C' : 'S', p->cut_off ? "cut" : "gap",
	    (unsigned long long)len);
	return true;
}

static inline void fake_fin(struct pctx *p, enum dir dir)
{
	struct record *r = fake_enter(p, dir);
	struct fake_state *state = p->state;

	r->fin[dir] = state->fin[dir] = true;
	say(r, NULL, "%cfin", dir == CLIENT ? 'C' : 'S');
}

static inline void fake_close(struct pctx *p, enum close_reason why)
{
	struct record *r = record_of(p);
	struct fake_state *state = p->state;

	assert_false(state->closed);
	if (state->block)
		pool_put(fake_pool, state->block);
	r->closed = state->closed = true;
	r->why = why;
	r->conflict |= p->anomalies >> TCP_ANOMALY_OVERLAP & 1;
	r->anomalies |= p->anomalies;
	n_closed++;
	say(r, NULL, "close%d", (int)why);
}

static inline uint32_t fake_holds_now(const void *state)
{
	return ((const struct fake_state *)state)->holds;
}

const struct parser http1_parser = {
	.name = "fake",
	.size = sizeof(struct fake_state),
	.probe = fake_probe,
	.open = fake_open,
	.data = fake_data,
	.gap = fake_gap,
	.fin = fake_fin,
	.close = fake_close,
	.holds = fake_holds_now,
};
PARSER_REGISTER(http1_parser);

static const uint64_t second = 1000000000;

static inline int harness_group(void **)
{
	char *args[] = {"test", "--no-huge", "--no-shconf",    "-m",
			"128",  "--no-pci",  "--no-telemetry", "--log-level=error"};

	if (rte_eal_init(sizeof(args) / sizeof(args[0]), args) < 0)
		return -1;
	pool = rte_pktmbuf_pool_create("packets", HARNESS_MBUFS, 0, PKT_PRIV_SIZE,
				       2048 + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
	return pool ? 0 : -1;
}

static inline int harness_group_end(void **)
{
	rte_mempool_free(pool);
	return rte_eal_cleanup();
}

// Before each test. Limits that no test meets by accident; tracker_begin() takes them.
static inline int harness_setup(void **)
{
	limits = (struct tracker_limits){
		.flows = 1024,
		.conns = 512,
		.tcp_timeout_s = 300,
		.closed_timeout_s = 5,
		.embryonic_timeout_s = 10,
		.hold_segments = 4096,
		.hold_bytes = 1 << 20,
		.hold_total = 4000,
		.gap_ms = 3600 * 1000,
		.late_ms = 2,
		.gap_segments = 4096,
	};
	env = (struct flow_env){0};
	counted = (struct fates){0};
	clock_ns = 1700000000 * second;
	random_state = 1;
	split_mbufs = 0;
	n_open = 0;
	n_closed = 0;
	quiet = false;
	causal = false;
	refuse_one_in = 0;
	fake_pool = NULL;
	fake_without = 0;
	log_text[0] = 0;
	log_run = NULL;
	pool_before = rte_mempool_avail_count(pool);
	tracker = NULL;
	return 0;
}

static inline void tracker_begin(void)
{
	tracker = tracker_new(&limits, &env, 7);
	assert_non_null(tracker);
}

// Everything that links flows, connections and held packets together agrees.
static inline void tracker_check(void)
{
	struct tracker *t = tracker;
	uint32_t used = 0, conns = 0, held = 0, linked = 0, waiting = 0;
	uint64_t held_pkts = 0, held_bytes = 0;

	for (uint32_t slot = 0; slot < WHEEL_SLOTS; slot++) {
		uint32_t before = 0;

		for (uint32_t i = t->wheel.head[slot]; i; i = t->table.flows[i - 1].next) {
			assert_int_equal(t->table.flows[i - 1].prev, before);
			assert_int_equal(t->table.flows[i - 1].wheel_slot, slot);
			assert_int_not_equal(t->table.flows[i - 1].state, FLOW_FREE);
			before = i;
			assert_true(++linked <= t->table.max);
		}
	}
	for (uint32_t i = 0; i < t->table.fresh; i++) {
		struct flow *flow = &t->table.flows[i];
		struct conn *c = conn_of(t, flow);

		if (flow->state == FLOW_FREE)
			continue;
		used++;
		assert_ptr_equal(table_lookup(&t->table, &flow->key, flow->hash), flow);
		assert_int_equal(flow->state == FLOW_ACTIVE, c != NULL);
		if (!c)
			continue;
		conns++;
		assert_ptr_equal(c->flow, flow);
		waiting += c->in_hole_list;
		for (uint32_t side = 0; side < 2; side++) {
			struct stream *s = &c->stream[side];
			uint32_t n = 0, bytes = 0, at = s->next;

			for (struct rte_mbuf *m = s->held; m; m = pkt_of(m)->next_held) {
				struct pkt *pkt = pkt_of(m);

				// Nothing old, sorted, without overlap.
				assert_true((int32_t)(pkt->seq + pkt->held_skip - at) >= 0);
				assert_true(pkt->payload_len > pkt->held_skip);
				at = pkt->seq + pkt->payload_len;
				bytes += pkt->payload_len - pkt->held_skip;
				n++;
			}
			assert_int_equal(n, s->n_held);
			assert_int_equal(bytes, s->held_bytes);
			assert_true(n <= limits.hold_segments);
			assert_true(bytes <= limits.hold_bytes);
			assert_true(n == 0 || c->in_hole_list);
			held += n;
			held_bytes += bytes;
		}
	}
	for (struct conn *c = t->holes; c; c = c->hole_next) {
		assert_true(c->in_hole_list);
		assert_true(!c->hole_next || c->hole_next->hole_prev == c);
		assert_true(waiting-- > 0);
	}
	held_pkts = held;
	assert_int_equal(waiting, 0);
	assert_int_equal(used, t->table.used);
	assert_int_equal(linked, used);
	assert_int_equal(conns, t->conns.used);
	assert_int_equal(held, t->held);
	assert_true(held <= limits.hold_total);
	assert_int_equal(counted.pkts[FATE_HELD], held_pkts);
	assert_int_equal(counted.bytes[FATE_HELD], held_bytes);
	assert_int_equal(t->n_done, 0);
	assert_true(fate_balanced(&counted));
}

static inline void harness_flush(void)
{
	clock_ns = tracker->latest_ns;
	tracker_flush(tracker, &counted);
	tracker_check();
	assert_int_equal(tracker_flows(tracker), 0);
	assert_int_equal(counted.pkts[FATE_HELD], 0);
	assert_int_equal(n_open, n_closed);
	assert_null(tracker->holes);
	assert_int_equal(rte_mempool_avail_count(pool), pool_before);
}

// After each test; also checks what every test must leave behind.
static inline int harness_teardown(void **)
{
	if (!tracker)
		return 0;
	harness_flush();
	tracker_free(tracker);
	tracker = NULL;
	if (fake_pool)
		pool_fini(fake_pool);
	return 0;
}

// What the worker does for each packet.
static inline void put_burst(struct rte_mbuf **pkts, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		counted.rx_pkts++;
		counted.rx_bytes += rte_pktmbuf_pkt_len(pkts[i]);
	}
	tracker_burst(tracker, pkts, n, &counted);
	assert_true(fate_balanced(&counted));
}

static inline void put(struct rte_mbuf *m)
{
	clock_ns = pkt_of(m)->ts_ns;
	put_burst(&m, 1);
}

// Time passes, and ticks come.
static inline void tick(uint64_t ns)
{
	const uint64_t most = UINT64_C(10000000000); // a longer one is a clock that was set

	while (ns) {
		uint64_t step = ns < most ? ns : most;

		clock_ns += step;
		ns -= step;
		tracker_tick(tracker, clock_ns, &counted);
		assert_true(fate_balanced(&counted));
	}
}

// Time enough for bytes that may come late.
static inline void settle(void)
{
	tick(3000000);
}

static inline struct rte_mbuf *bare_packet(const struct flow_key *key, const void *data,
					   uint32_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool), *last = m;
	const uint8_t *p = data;

	assert_non_null(m);
	memset(rte_pktmbuf_append(m, HARNESS_HEADERS), 0xAA, HARNESS_HEADERS);
	for (uint32_t n; len; p += n, len -= n) {
		n = split_mbufs && split_mbufs < len ? split_mbufs : len;
		if (split_mbufs || n > rte_pktmbuf_tailroom(last)) {
			last->next = rte_pktmbuf_alloc(pool);
			last = last->next;
			assert_non_null(last);
			m->nb_segs++;
			n = RTE_MIN(n, (uint32_t)rte_pktmbuf_tailroom(last));
		}
		memcpy(rte_pktmbuf_mtod_offset(last, uint8_t *, last->data_len), p, n);
		last->data_len = (uint16_t)(last->data_len + n);
		m->pkt_len += n;
	}
	*pkt_of(m) = (struct pkt){
		.key = *key,
		.hash = hash_flow_key(key, 7),
		.ts_ns = clock_ns,
		.payload_off = HARNESS_HEADERS,
		.payload_len = (uint16_t)(m->pkt_len - HARNESS_HEADERS),
	};
	return m;
}

// client_side: which side of the key the client is.
static inline struct conv conv_make(uint32_t number, uint32_t client_side)
{
	struct conv v = {
		.side = {(uint8_t)client_side, (uint8_t)!client_side},
		.isn = {1000, 5000},
	};

	for (uint32_t side = 0; side < 2; side++) {
		memset(v.key.addr[side] + 10, 0xff, 2);
		v.key.addr[side][12] = 10;
		v.key.addr[side][15] = (uint8_t)(side + 1);
	}
	v.key.port[client_side] = (uint16_t)(20000 + number % 40000);
	v.key.addr[client_side][13] = (uint8_t)(number / 40000);
	v.key.port[!client_side] = 80;
	v.key.space_proto = 6;
	return v;
}

// A segment at a stream offset; -1 is the sequence number of the SYN. Acknowledges what the other
// side has sent.
static inline struct rte_mbuf *segment(const struct conv *v, enum dir dir, uint8_t flags,
				       int64_t off, const void *data, uint32_t len)
{
	struct rte_mbuf *m = bare_packet(&v->key, data, len);
	struct pkt *pkt = pkt_of(m);

	pkt->src = v->side[dir];
	pkt->seq = v->isn[dir] + 1 + (uint32_t)off;
	pkt->tcp_flags = flags;
	if (flags & TCP_ACK)
		pkt->ack = v->isn[!dir] + 1 + v->sent[!dir];
	pkt->v6 = v->v6;
	return m;
}

// Text at an offset, without moving what was sent.
static inline void at(const struct conv *v, enum dir dir, int64_t off, const char *text)
{
	put(segment(v, dir, TCP_ACK | TCP_PSH, off, text, (uint32_t)strlen(text)));
}

// The next bytes of a side.
static inline void say_next(struct conv *v, enum dir dir, const char *text)
{
	at(v, dir, v->sent[dir], text);
	v->sent[dir] += (uint32_t)strlen(text);
}

static inline void ack(const struct conv *v, enum dir dir)
{
	put(segment(v, dir, TCP_ACK, v->sent[dir], NULL, 0));
}

static inline void fin(struct conv *v, enum dir dir)
{
	put(segment(v, dir, TCP_FIN | TCP_ACK, v->sent[dir]++, NULL, 0));
}

static inline void handshake(const struct conv *v)
{
	put(segment(v, CLIENT, TCP_SYN, -1, NULL, 0));
	put(segment(v, SERVER, TCP_SYN | TCP_ACK, -1, NULL, 0));
	put(segment(v, CLIENT, TCP_ACK, 0, NULL, 0));
}

#define assert_log(expected) assert_string_equal(log_text, expected)

#define tracker_test(function)                                                                     \
	cmocka_unit_test_setup_teardown(function, harness_setup, harness_teardown)

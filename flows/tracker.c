// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Bursts of decoded packets against the flow table: prefetch the buckets of all, then the flows,
// then act one by one in order. A bare SYN leaves no state; a flow begins with the SYN-ACK or
// with payload. Flows that were idle too long are recognised when they are touched, so what a
// flow does depends on its own packets and on ticks alone, never on other flows.

#include "dataplane/hash.h"
#include "flows/tcp.h"

#include <rte_branch_prediction.h>
#include <rte_prefetch.h>
#include <string.h>

enum {
	TICK_EXPIRE = 8192, // flows looked at in one tick
	TICK_SWEEP = 4096,  // … under pressure
	TICK_HOLES = 4096,
	TICK_RELIEF = 32,
	TICK_STEP_S = 10, // between two ticks, as far as ageing goes
	PRESSURE_TIMEOUT_S = 2,
	EVICT_SAMPLE = 16,
	RST_SLACK = 1,
	CONN_AHEAD = 4,   // packets for which connections are fetched in advance
	PARSER_AHEAD = 2, // … and what their parsers' states lead to
};

static const uint64_t second_ns = 1000000000;

void tracker_free_done(struct tracker *t)
{
	if (t->n_done)
		rte_pktmbuf_free_bulk(t->done, t->n_done);
	t->n_done = 0;
}

void tracker_free_mbuf(struct tracker *t, struct rte_mbuf *m)
{
	if (t->n_done == TCP_FREE_BATCH)
		tracker_free_done(t);
	t->done[t->n_done++] = m;
}

static uint32_t seconds_of(const struct tracker *t)
{
	return (uint32_t)((t->latest_ns - t->skipped_ns) / second_ns - t->base_s);
}

static bool under_pressure(const struct tracker *t)
{
	return (uint64_t)t->table.used * 20 > (uint64_t)t->table.max * 19;
}

// Without an answer to its SYN, the data that came with it are no reason to keep a flow.
static bool flow_unanswered(const struct flow *flow)
{
	return flow->state == FLOW_ACTIVE && (flow->have_isn == 1 || flow->have_isn == 2);
}

static uint32_t timeout_of(const struct tracker *t, const struct flow *flow)
{
	if (flow->reset)
		return t->limits->closed_timeout_s;
	switch (flow->state) {
	case FLOW_EMBRYONIC:
		return t->limits->embryonic_timeout_s;
	case FLOW_CLOSED:
		return t->limits->closed_timeout_s;
	}
	return flow_unanswered(flow) ? t->limits->embryonic_timeout_s : t->limits->tcp_timeout_s;
}

void tracker_remove(struct tracker *t, struct flow *flow, enum close_reason why)
{
	struct conn *c = conn_of(t, flow);

	if (c)
		tcp_close(t, c, why, true);
	wheel_remove(&t->wheel, &t->table, flow);
	table_remove(&t->table, flow);
}

static bool flow_evictable(const struct flow *flow)
{
	switch (flow->state) {
	case FLOW_FREE:
		return false;
	case FLOW_ACTIVE:
		return flow->reset || flow_unanswered(flow);
	}
	return true;
}

static void flow_evict(struct tracker *t, struct flow *flow)
{
	t->env->stats.flows_evicted++;
	t->env->stats.flows_evicted_active += flow->conn != 0;
	tracker_remove(t, flow, CLOSE_EVICTED);
}

// Of a few flows, which the newcomer's keyed hash picks at random, the one that was idle longest
// goes; connections with payload only when there are no others among them, and those of which both
// sides were heard only when there are none of the others either.
static bool make_room(struct tracker *t, uint64_t hash, bool conns)
{
	uint32_t n = t->table.fresh, now_s = seconds_of(t);
	struct flow *victim = NULL;
	uint64_t most = 0;

	for (uint32_t i = 0; i < EVICT_SAMPLE && i < n; i++) {
		struct flow *flow = &t->table.flows[n > EVICT_SAMPLE ? hash_mix(hash + i) % n : i];
		uint64_t idle = (uint64_t)(now_s - flow->last_s) + 1;

		if (flow_evictable(flow))
			idle |= RTE_BIT64(33);
		else if (flow->conn && !conn_is_mutual(conn_of(t, flow)))
			idle |= RTE_BIT64(32);
		if (flow->state != FLOW_FREE && idle > most && (!conns || flow->conn)) {
			most = idle;
			victim = flow;
		}
	}
	if (victim)
		flow_evict(t, victim);
	return victim;
}

static struct flow *flow_create(struct tracker *t, const struct pkt *pkt)
{
	struct flow *flow = table_insert(&t->table, &pkt->key, pkt->hash);

	if (unlikely(!flow) && make_room(t, pkt->hash, false))
		flow = table_insert(&t->table, &pkt->key, pkt->hash);
	if (!flow) {
		t->env->stats.flow_table_full++;
		return NULL;
	}
	t->env->stats.flows_created++;
	flow->id = t->n_flows++;
	flow->state = FLOW_EMBRYONIC;
	flow->server = SIDE_UNKNOWN;
	flow->v6 = pkt->v6;
	flow->last_s = seconds_of(t);
	wheel_add(&t->wheel, &t->table, flow, flow->last_s + timeout_of(t, flow) + 1);
	return flow;
}

static void flow_expire(struct tracker *t, struct flow *flow)
{
	if (flow->reset)
		t->env->stats.flows_closed++;
	else
		t->env->stats.flows_expired++;
	tracker_remove(t, flow, CLOSE_TIMEOUT);
}

static struct flow *flow_find(struct tracker *t, const struct pkt *pkt, struct flow *candidate)
{
	struct flow *flow = candidate;

	if (!flow || flow->state == FLOW_FREE || flow->hash != pkt->hash ||
	    memcmp(&flow->key, &pkt->key, sizeof(pkt->key)) != 0)
		flow = table_lookup(&t->table, &pkt->key, pkt->hash);
	if (flow && seconds_of(t) - flow->last_s > timeout_of(t, flow)) {
		flow_expire(t, flow);
		flow = NULL;
	}
	return flow;
}

static void flow_isn(struct flow *flow, uint32_t side, uint32_t data)
{
	flow->isn[side] = data;
	flow->have_isn |= (uint8_t)(1 << side);
}

// Another copy of the SYN with which the connection began, or that SYN behind what it opened: new
// connections begin at random.
static bool syn_again(const struct flow *flow, const struct conn *c, uint32_t side, uint32_t data)
{
	if (flow->have_isn >> side & 1)
		return flow->isn[side] == data;
	return c && c->stream[side].started && !c->stream[side].floating &&
	       tcp_begin(&c->stream[side]) - data <= UINT16_MAX;
}

// Returns the flow that the packet belongs to, if it needs one.
static struct flow *on_syn(struct tracker *t, struct flow *flow, const struct pkt *pkt)
{
	uint32_t side = pkt->src, data = pkt->seq + 1;
	struct conn *c = flow ? conn_of(t, flow) : NULL;

	if (flow && syn_again(flow, c, side, data))
		return flow;
	if (flow && (flow->state == FLOW_CLOSED || flow->reset)) { // the ports are used again
		tracker_remove(t, flow, CLOSE_FIN);
		flow = NULL;
		c = NULL;
	}
	if (c && flow->have_isn == 0 && (c->stream[0].floating || c->stream[1].floating)) {
		tcp_start(c, side, data); // overtaken by what came after it
		return flow;
	}
	if (flow && (flow->have_isn == 3 || flow->state != FLOW_EMBRYONIC)) {
		// A new connection on the same ports, or somebody pretends: the answer decides.
		// New ones begin at random; a number inside the window is chosen.
		if (c && (uint32_t)(tcp_seen(c, side) - data + UINT16_MAX) <= 2 * UINT16_MAX)
			tcp_anomaly(flow, c, TCP_ANOMALY_SYN);
		flow->syn = data;
		flow->have_syn = (uint8_t)(1 << side);
		return flow;
	}
	if (!flow && pkt->payload_len)
		flow = flow_create(t, pkt);
	if (!flow)
		return NULL; // no state for a bare SYN
	flow_isn(flow, side, data);
	flow->server = (uint8_t)!side;
	return flow;
}

static struct flow *on_syn_ack(struct tracker *t, struct flow *flow, const struct pkt *pkt)
{
	uint32_t side = pkt->src, data = pkt->seq + 1;
	struct conn *c = flow ? conn_of(t, flow) : NULL;

	// The answer may acknowledge data that came with the SYN.
	bool answers = flow && (flow->have_syn >> !side & 1) && pkt->ack - flow->syn <= UINT16_MAX;
	bool copy = flow && (flow->have_isn >> side & 1) && flow->isn[side] == data;
	if (copy && !answers)
		return flow;
	if (flow && flow->state == FLOW_EMBRYONIC) {
		// Half of the handshake is known, or all of it and the server begins anew.
		if (flow->have_isn == 3 && !answers && flow->server != side)
			return flow;
	} else if (c && !(flow->have_isn >> side & 1) && !answers && !flow->reset) {
		// Data came with the SYN, or before this answer: the rest is known now.
		flow_isn(flow, side, data);
		tcp_start(c, side, data);
		if (!(flow->have_isn >> !side & 1)) {
			flow_isn(flow, !side, pkt->ack);
			tcp_start(c, !side, pkt->ack);
		}
		flow->server = (uint8_t)side;
		return flow;
	} else if (flow) {
		if (!answers && flow->state != FLOW_CLOSED && !flow->reset)
			return flow;
		tracker_remove(t, flow, CLOSE_RST);
		flow = NULL;
	}
	if (!flow)
		flow = flow_create(t, pkt);
	if (flow) {
		flow_isn(flow, side, data);
		flow_isn(flow, !side, pkt->ack);
		flow->server = (uint8_t)side;
		flow->have_syn = 0;
		flow->reset = false;
	}
	return flow;
}

// From its end on a flow only lingers.
static void flow_lingers(struct tracker *t, struct flow *flow)
{
	wheel_remove(&t->wheel, &t->table, flow);
	wheel_add(&t->wheel, &t->table, flow, flow->last_s + timeout_of(t, flow) + 1);
}

// A reset that the receiver would not take must not blind us.
static bool rst_fits(const struct tracker *t, const struct flow *flow, const struct pkt *pkt)
{
	const struct conn *c = conn_of(t, flow);
	uint32_t side = pkt->src, next = flow->isn[side];
	bool known = flow->have_isn >> side & 1;

	if (c) {
		next = tcp_seen(c, side);
		known = c->stream[side].started;
	} else if (flow->state != FLOW_EMBRYONIC) {
		known = false; // not followed any longer
	}
	int32_t ahead = (int32_t)(pkt->seq - next);
	if (!known || (ahead >= -RST_SLACK && ahead <= RST_SLACK))
		return true;
	// Behind bytes that the mirror lost and the receiver has.
	ahead = c ? (int32_t)(pkt->seq - c->stream[side].next) : 0;
	return ahead > 0 && c->stream[side].acked == c->stream[side].off + (uint32_t)ahead;
}

static void on_rst(struct tracker *t, struct flow *flow, const struct pkt *pkt)
{
	if (!rst_fits(t, flow, pkt)) {
		t->env->stats.tcp_bad_rst++;
		return;
	}
	// Only what follows shows whether the receiver took it.
	flow->reset = true;
	if (flow->conn && t->conns.used > t->conns.n / 4 * 3) { // no room to wait for that
		t->env->stats.flows_closed++;
		tcp_close(t, conn_of(t, flow), CLOSE_RST, true);
	}
	flow_lingers(t, flow);
}

// After bytes or holes: does the connection go on?
static void conn_settle(struct tracker *t, struct conn *c)
{
	struct flow *flow = c->flow;

	if (flow->state == FLOW_OPAQUE) {
		tcp_close(t, c, CLOSE_END, false);
	} else if (c->stream[0].fin_done && c->stream[1].fin_done) {
		t->env->stats.flows_closed++;
		tcp_close(t, c, CLOSE_FIN, true);
		flow_lingers(t, flow);
	}
}

static void count(struct tracker *t, enum fate fate, uint64_t bytes)
{
	t->fates->pkts[fate]++;
	t->fates->bytes[fate] += bytes;
}

static void on_payload(struct tracker *t, struct flow *flow, struct rte_mbuf *m)
{
	const struct pkt *pkt = pkt_of(m);
	enum fate fate = flow->state == FLOW_OPAQUE ? FATE_OPAQUE : FATE_DISCARDED;
	struct conn *c = conn_of(t, flow);

	if (!c && (flow->state == FLOW_EMBRYONIC)) {
		if (unlikely(t->conns.used == t->conns.n))
			make_room(t, flow->hash, true);
		c = tcp_open(t, flow);
		fate = FATE_NO_FLOW;
		if (c && (pkt->tcp_flags & TCP_ACK))
			tcp_ack(t, c, pkt->src, pkt->ack);
	}
	if (!c) {
		if (pkt->payload_len)
			count(t, fate, pkt->payload_len);
		else
			count(t, FATE_CONTROL, 0);
		tracker_free_mbuf(t, m);
		return;
	}
	uint32_t side = pkt->src, seen = flow->reset ? tcp_seen(c, side) : 0;
	if (pkt->payload_len)
		t->env->stats.tcp_segments++;
	tcp_segment(t, c, m);
	if (unlikely(flow->reset) && tcp_seen(c, side) != seen) {
		flow->reset = false;
		flow->last_s = seconds_of(t);
	}
	conn_settle(t, c);
}

// Segments that no receiver takes: neither SYN, RST nor ACK, or a SYN that is an end too
// (RFC 9293 section 3.10.7).
static bool flags_valid(uint8_t flags)
{
	return (flags & (TCP_ACK | TCP_SYN | TCP_RST)) &&
	       (flags & (TCP_SYN | TCP_FIN)) != (TCP_SYN | TCP_FIN);
}

// A segment that is ignored is still somebody's attempt.
static void segment_odd(struct tracker *t, const struct pkt *pkt, enum tcp_anomaly anomaly)
{
	struct flow *flow = table_lookup(&t->table, &pkt->key, pkt->hash);

	if (flow)
		tcp_anomaly(flow, conn_of(t, flow), anomaly);
}

// What no receiver takes changes nothing, but somebody may have sent it on purpose.
static void on_unusable(struct tracker *t, struct rte_mbuf *m)
{
	const struct pkt *pkt = pkt_of(m);
	enum fate fate = FATE_CHECKSUM;

	if (pkt->frag_overlap) {
		fate = FATE_FRAGMENT;
		t->env->stats.ip_frag_overlaps++;
		segment_odd(t, pkt, TCP_ANOMALY_FRAGMENTS);
	} else {
		t->env->stats.tcp_bad_checksum++;
		segment_odd(t, pkt, pkt->bad_ip_checksum ? TCP_ANOMALY_IP_CHECKSUM :
							   TCP_ANOMALY_CHECKSUM);
	}
	count(t, fate, rte_pktmbuf_pkt_len(m));
	tracker_free_mbuf(t, m);
}

static void on_packet(struct tracker *t, struct rte_mbuf *m, struct flow *candidate)
{
	struct pkt *pkt = pkt_of(m);
	uint32_t len = rte_pktmbuf_pkt_len(m);
	uint8_t flags = pkt->tcp_flags;
	bool payload = pkt->payload_len || pkt->missing_len;
	struct flow *flow;

	t->now_ns = pkt->ts_ns;
	if (pkt->ts_ns > t->latest_ns) {
		if (t->latest_ns == 0) // seconds count from one, so that 0 is before all
			t->base_s = pkt->ts_ns / second_ns - 1;
		t->latest_ns = pkt->ts_ns;
	}
	if (unlikely((pkt->bad_checksum && t->limits->checksums) || pkt->frag_overlap)) {
		on_unusable(t, m);
		return;
	}
	// Everything but the payload; that is counted where its fate is decided.
	t->fates->bytes[pkt->payload_len ? FATE_HEADERS : FATE_CONTROL] += len - pkt->payload_len;
	if (unlikely(!flags_valid(flags))) {
		segment_odd(t, pkt, TCP_ANOMALY_FLAGS);
		count(t, pkt->payload_len ? FATE_DISCARDED : FATE_CONTROL, pkt->payload_len);
		tracker_free_mbuf(t, m);
		return;
	}
	flow = flow_find(t, pkt, candidate);
	if (unlikely(flags & TCP_SYN) && !(flags & TCP_RST))
		flow = flags & TCP_ACK ? on_syn_ack(t, flow, pkt) : on_syn(t, flow, pkt);
	else if (!flow && payload && !(flags & TCP_RST))
		flow = flow_create(t, pkt);
	if (!flow) {
		enum fate lost = flags & TCP_RST ? FATE_DISCARDED : FATE_NO_FLOW;

		count(t, pkt->payload_len ? lost : FATE_CONTROL, pkt->payload_len);
		tracker_free_mbuf(t, m);
		return;
	}
	if (unlikely(flags & TCP_URG) && payload)
		tcp_anomaly(flow, conn_of(t, flow), TCP_ANOMALY_URGENT);
	if (flow->state != FLOW_CLOSED && !flow->reset) // those linger from their end
		flow->last_s = seconds_of(t);
	if (flow->conn && (flags & TCP_ACK))
		tcp_ack(t, conn_of(t, flow), pkt->src, pkt->ack);
	if (flags & TCP_RST) {
		count(t, pkt->payload_len ? FATE_DISCARDED : FATE_CONTROL, pkt->payload_len);
		on_rst(t, flow, pkt);
		tracker_free_mbuf(t, m);
	} else if (payload || ((flags & TCP_FIN) && flow->conn)) {
		on_payload(t, flow, m);
	} else {
		struct conn *c = conn_of(t, flow);

		if ((flags & TCP_FIN) && flow->state == FLOW_EMBRYONIC) {
			flow->fin[pkt->src] = pkt->seq;
			flow->have_fin |= (uint8_t)(1 << pkt->src);
		}
		count(t, FATE_CONTROL, 0);
		tracker_free_mbuf(t, m);
		// It may say that what we wait for was received, or that enough time has passed.
		if (c) {
			tcp_bare(c, pkt);
			if (c->in_hole_list)
				tcp_holes(t, c);
			conn_settle(t, c);
		}
	}
}

static void conn_prefetch(const struct conn *c)
{
	if (!c)
		return;
	rte_prefetch0(c);
	rte_prefetch0(&c->pctx.now_ns);
	rte_prefetch0(&c->stream[0]);
	rte_prefetch0(&c->stream[1]);
	rte_prefetch0(&c->stream[0].overlap);
	rte_prefetch0(&c->stream[1].overlap);
	rte_prefetch0(c->state);
	rte_prefetch0(c->state + RTE_CACHE_LINE_SIZE);
}

// The connection's lines are there; now what its parser's state leads to.
static void parser_prefetch(const struct conn *c, const struct pkt *pkt, bool near)
{
	if (c && c->parser && c->parser->ahead && pkt->payload_len)
		c->parser->ahead(&c->pctx, pkt->src == c->client ? CLIENT : SERVER,
				 pkt->payload_len, near);
}

// What packet i of a burst will need, in the order in which one thing leads to the next.
static inline void burst_prefetch(struct tracker *t, struct rte_mbuf *const *pkts,
				  struct flow *const *candidates, uint32_t n, uint32_t i)
{
	if (i + CONN_AHEAD < n && candidates[i + CONN_AHEAD])
		conn_prefetch(conn_of(t, candidates[i + CONN_AHEAD]));
	for (uint32_t k = PARSER_AHEAD; k; k--) {
		if (i + k < n && candidates[i + k])
			parser_prefetch(conn_of(t, candidates[i + k]), pkt_of(pkts[i + k]), k == 1);
	}
}

void tracker_burst(struct tracker *t, struct rte_mbuf **pkts, uint32_t n, struct fates *fates)
{
	uint32_t before = stage_enter(&t->env->stages, STAGE_TRACK);
	struct flow *candidates[64];

	t->fates = fates;
	for (uint32_t i = 0; i < n; i++)
		table_prefetch(&t->table, pkt_of(pkts[i])->hash);
	for (uint32_t i = 0; i < n; i++) {
		candidates[i] = table_candidate(&t->table, pkt_of(pkts[i])->hash);
		if (candidates[i]) {
			rte_prefetch0(candidates[i]);
			rte_prefetch0(&candidates[i]->isn);
		}
		rte_prefetch0(
			rte_pktmbuf_mtod_offset(pkts[i], void *, pkt_of(pkts[i])->payload_off));
	}
	for (uint32_t i = 0; i < n; i++) {
		burst_prefetch(t, pkts, candidates, n, i);
		on_packet(t, pkts[i], candidates[i]);
	}
	tracker_relieve(t);
	tracker_free_done(t);
	stage_leave(&t->env->stages, before);
}

// Before the table is full: flows that are not worth much go early.
static void relieve(struct tracker *t, uint32_t now_s)
{
	for (uint32_t i = 0; i < TICK_SWEEP && t->table.fresh; i++) {
		struct flow *flow = &t->table.flows[t->sweep++ % t->table.fresh];

		if (flow_evictable(flow) && now_s - flow->last_s > PRESSURE_TIMEOUT_S)
			flow_evict(t, flow);
	}
}

// Ticks come all the time, so a long way from one to the next is a clock that was set, or silence
// of everything: no flow is older for it. Only what ticks say counts, which is the same on all
// workers.
static void skip_jump(struct tracker *t, uint64_t now_ns)
{
	const uint64_t step = TICK_STEP_S * second_ns;
	uint64_t from = t->tick_ns ? t->tick_ns + step : (t->latest_ns / step + 2) * step;

	from = from > t->latest_ns ? from : t->latest_ns;
	if (now_ns > from)
		t->skipped_ns += now_ns - from;
	t->tick_ns = now_ns;
}

// What bytes behind holes begin needs memory like anything else. Whoever is looked at goes to the end
// of the list; the one that was last may be gone by then, and others are looked at twice.
static void tick_holes(struct tracker *t)
{
	const struct conn *last = t->holes_last;

	for (uint32_t i = 0; t->holes && i < TICK_HOLES; i++) {
		struct conn *c = t->holes;
		bool end = c == last;

		tcp_holes_rotate(t, c);
		tcp_holes(t, c);
		conn_settle(t, c);
		if (end)
			break;
		if (i % TICK_RELIEF == TICK_RELIEF - 1)
			tracker_relieve(t);
	}
	tracker_relieve(t);
}

void tracker_tick(struct tracker *t, uint64_t now_ns, struct fates *fates)
{
	struct flow *flow;
	uint32_t now_s;

	t->fates = fates;
	if (now_ns < t->latest_ns || t->latest_ns == 0)
		return;
	skip_jump(t, now_ns);
	t->latest_ns = now_ns;
	t->now_ns = now_ns;
	now_s = seconds_of(t);
	tick_holes(t);
	for (uint32_t i = 0; i < TICK_EXPIRE; i++) {
		flow = wheel_due(&t->wheel, &t->table, now_s);
		if (!flow)
			break;
		uint32_t due = flow->last_s + timeout_of(t, flow) + 1;

		wheel_add(&t->wheel, &t->table, flow, due);
		if (due <= now_s)
			flow_expire(t, flow);
	}
	if (under_pressure(t))
		relieve(t, now_s);
	tracker_free_done(t);
}

uint32_t tracker_flows(const struct tracker *t)
{
	return t->table.used;
}

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Run to completion: a packet that this worker owns is parsed and judged before the next burst
// is asked for. Others are staged per owner and passed on by rings with one producer and one
// consumer each, so no line is written by two cores.

#include "dataplane/worker.h"

#include "dataplane/hash.h"
#include "dataplane/ingress.h"
#include "dataplane/pkt.h"
#include "dataplane/rss.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_prefetch.h>

enum {
	STOP_TURNS = 1024,
	NIC_L3_OFF = 18, // NICs look behind one VLAN tag; some behind two
};

uint64_t worker_now_ns(const struct worker_clock *clock)
{
	uint64_t ticks = rte_rdtsc() - clock->base_tsc;
	uint64_t base = atomic_load_explicit(&clock->base_ns, memory_order_relaxed);

	// Seconds and rest apart: ticks * 10^9 would overflow after a few seconds.
	return base + ticks / clock->tsc_hz * UINT64_C(1000000000) +
	       ticks % clock->tsc_hz * UINT64_C(1000000000) / clock->tsc_hz;
}

static void worker_flush(struct worker *w, uint32_t owner)
{
	uint32_t n = w->staged[owner].n;

	if (n == 0)
		return;
	uint32_t sent = rte_ring_sp_enqueue_burst(w->out[owner], (void **)w->staged[owner].pkts, n,
						  NULL);
	w->handoffs += sent;
	w->staged[owner].n = 0;
	if (sent == n)
		return;
	w->handoff_full += n - sent;
	for (uint32_t i = sent; i < n; i++) {
		w->fates.pkts[FATE_NO_BUFFER]++;
		w->fates.bytes[FATE_NO_BUFFER] += rte_pktmbuf_pkt_len(w->staged[owner].pkts[i]);
	}
	rte_pktmbuf_free_bulk(w->staged[owner].pkts + sent, n - sent);
}

static uint32_t worker_owner(const struct worker *w, const struct worker_queue *q,
			     const struct pkt *pkt)
{
	if (w->n_workers == 1)
		return w->index;
	if (q->trust_nic && !pkt->tunnel && !pkt->joined && pkt->l3_off <= NIC_L3_OFF)
		return w->index;
	return w->rss ? rss_owner(&pkt->key, w->n_workers) : hash_owner(pkt->hash, w->n_workers);
}

static void worker_rx(struct worker *w, const struct worker_queue *q, struct rte_mbuf **pkts,
		      uint32_t n, uint64_t now_ns)
{
	const struct ingress in = {w->seed, w->frag, q->check, NULL};
	struct rte_mbuf *own[WORKER_BURST], *done[WORKER_BURST];
	uint32_t n_own = 0, n_done = 0;

	for (uint32_t i = 0; i < n && i < INGRESS_AHEAD; i++)
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], void *));
	for (uint32_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];

		ingress_prefetch(pkts, n, i);
		pkt_of(m)->ts_ns = now_ns;
		if (ingress_packet(&in, &m, 1, rte_pktmbuf_pkt_len(m), &w->fates) != FATE_PARSED) {
			if (m)
				done[n_done++] = m;
			continue;
		}
		uint32_t owner = worker_owner(w, q, pkt_of(m));
		if (owner == w->index)
			own[n_own++] = m;
		else
			w->staged[owner].pkts[w->staged[owner].n++] = m;
	}
	if (n_own)
		w->pipe.burst(w->pipe.ctx, own, n_own, &w->fates);
	if (n_done)
		rte_pktmbuf_free_bulk(done, n_done);
	for (uint32_t i = 0; i < w->n_workers; i++)
		worker_flush(w, i);
}

int worker_run(void *arg)
{
	struct worker *w = arg;
	struct rte_mbuf *pkts[WORKER_BURST];
	uint64_t next_tick = 0;
	uint32_t last_turns = 0;

	for (;;) {
		uint64_t begin = rte_rdtsc(), now_ns = worker_now_ns(w->clock);
		uint32_t total = 0;

		for (uint32_t i = 0; i < w->n_queues; i++) {
			const struct worker_queue *q = &w->queues[i];
			uint32_t n = rte_eth_rx_burst(q->port, q->queue, pkts, WORKER_BURST);

			if (n)
				worker_rx(w, q, pkts, n, now_ns);
			total += n;
		}
		for (uint32_t i = 0; i < w->n_workers; i++) {
			if (!w->in[i])
				continue;
			uint32_t n = rte_ring_sc_dequeue_burst(w->in[i], (void **)pkts,
							       WORKER_BURST, NULL);
			if (n)
				w->pipe.burst(w->pipe.ctx, pkts, n, &w->fates);
			total += n;
		}
		if (now_ns >= next_tick) {
			w->pipe.tick(w->pipe.ctx, now_ns, &w->fates);
			next_tick = now_ns + TICK_NS;
		}
		w->pipe.poll(w->pipe.ctx);
		w->turns++;
		atomic_store_explicit(&w->heartbeat, w->turns, memory_order_relaxed);
		if (total) {
			w->busy_tsc += rte_rdtsc() - begin;
		} else {
			w->idle_turns++;
			rte_pause();
		}
		// What had arrived before the stop is still taken, within a bound.
		if (atomic_load_explicit(w->stop, memory_order_acquire) &&
		    (total == 0 || ++last_turns > STOP_TURNS))
			break;
	}
	return 0;
}

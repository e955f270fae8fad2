// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The reader decodes, batches per owner and, at the end of an epoch, puts a mark behind the last
// packet of every worker. A worker that meets the mark ages its flows, flips its delta and says
// so; when all have, the reader merges. Marks are odd pointers: no mbuf has one.

#include "dataplane/replay_engine.h"

#include "dataplane/hash.h"
#include "dataplane/ingress.h"
#include "dataplane/pkt.h"

#include <rte_branch_prediction.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_pause.h>
#include <sched.h>
#include <stdlib.h>

enum {
	RING_SLOTS = 2048,
	WAIT_SPINS = 64,
	EPOCH_PACKETS = 8192, // so that a delta cannot overflow, whatever the packets' clock says
};

struct replay_worker {
	struct pipeline pipe;
	struct rte_ring *ring;   // reader to worker
	struct replay_engine *engine;
	struct rte_mbuf *batch[WORKER_BURST]; // reader only
	uint32_t n_batch;
	alignas(64) struct fates fates;    // worker: rw; reader: ro after a mark
	_Atomic uint32_t marks_done;       // worker: rw, reader: ro
};

struct replay_engine {
	struct sensor *sensor;
	uint32_t n_workers;
	bool threaded;
	uint64_t clock_ns;   // latest packet time; never runs backwards
	uint64_t epoch_end_ns;
	uint32_t epoch_packets;
	struct fates fates;  // of the reader
	struct ingress ingress;
	struct checksum check;
	struct rte_mbuf *doubt; // the capture's first segment, with a wrong checksum
	uint64_t mark_ns;    // reader: rw before a mark, workers: ro after it
	uint32_t marks;
	struct replay_worker workers[WORKER_MAX];
};

static void *const mark_epoch = (void *)1;
static void *const mark_stop = (void *)3;

// Workers may be more than CPUs here: who has nothing to do lets others run.
static void replay_wait(uint32_t *turns)
{
	if (++*turns < WAIT_SPINS)
		rte_pause();
	else
		sched_yield();
}

static int replay_worker_main(void *arg)
{
	struct replay_worker *w = arg;
	void *slots[WORKER_BURST];
	uint32_t idle = 0;

	for (;;) {
		uint32_t n = rte_ring_sc_dequeue_burst(w->ring, slots, WORKER_BURST, NULL), from = 0;

		if (n == 0) {
			replay_wait(&idle);
			continue;
		}
		idle = 0;
		for (uint32_t i = 0; i < n; i++) {
			if (slots[i] != mark_epoch && slots[i] != mark_stop)
				continue;
			if (i > from)
				w->pipe.burst(w->pipe.ctx, (struct rte_mbuf **)slots + from,
					      i - from, &w->fates);
			from = i + 1;
			if (slots[i] == mark_stop)
				return 0;
			w->pipe.tick(w->pipe.ctx, w->engine->mark_ns, &w->fates);
			w->pipe.poll(w->pipe.ctx);
			// Releases all that this worker wrote; acquired in replay_marks_wait.
			atomic_store_explicit(&w->marks_done, w->marks_done + 1,
					      memory_order_release);
		}
		if (n > from)
			w->pipe.burst(w->pipe.ctx, (struct rte_mbuf **)slots + from, n - from,
				      &w->fates);
	}
}

struct replay_engine *replay_engine_new(struct sensor *sensor, uint64_t seed, char *why,
					size_t why_len)
{
	struct replay_engine *e = aligned_alloc(64, (sizeof(*e) + 63) / 64 * 64);

	if (!e) {
		snprintf(why, why_len, "out of memory");
		return NULL;
	}
	*e = (struct replay_engine){.sensor = sensor, .n_workers = sensor->n_workers};
	e->ingress = (struct ingress){seed, frag_new(seed, frag_buffers(sensor->mbufs, 1)), &e->check, NULL};
	checksum_init(&e->check, sensor->checksums, seed);
	if (!e->ingress.frag) {
		snprintf(why, why_len, "no memory for IP reassembly");
		free(e);
		return NULL;
	}
	for (uint32_t i = 0; i < e->n_workers; i++) {
		e->workers[i].pipe = sensor_pipeline(sensor, i);
		e->workers[i].engine = e;
	}
	if (e->n_workers == 1)
		return e;
	for (uint32_t i = 0; i < e->n_workers; i++) {
		char name[32];

		snprintf(name, sizeof(name), "replay_%u", i);
		e->workers[i].ring = rte_ring_create(name, RING_SLOTS, SOCKET_ID_ANY,
						     RING_F_SP_ENQ | RING_F_SC_DEQ);
		if (!e->workers[i].ring) {
			snprintf(why, why_len, "no memory for the ring of worker %u", i);
			replay_engine_free(e);
			return NULL;
		}
	}
	for (uint32_t i = 0; i < e->n_workers; i++) {
		if (rte_eal_remote_launch(replay_worker_main, &e->workers[i], i + 1) != 0) {
			snprintf(why, why_len, "lcore %u for worker %u is missing", i + 1, i);
			abort(); // the lcores were asked for by the caller: a programming error
		}
	}
	e->threaded = true;
	return e;
}

static void replay_put(struct replay_worker *w, void **slots, uint32_t n)
{
	uint32_t turns = 0;

	while (n) {
		uint32_t sent = rte_ring_sp_enqueue_burst(w->ring, slots, n, NULL);

		slots += sent;
		n -= sent;
		if (n)
			replay_wait(&turns); // offline nothing is dropped: the file waits
	}
}

static void replay_flush(struct replay_engine *e, uint32_t i)
{
	struct replay_worker *w = &e->workers[i];

	if (w->n_batch == 0)
		return;
	if (e->threaded)
		replay_put(w, (void **)w->batch, w->n_batch);
	else
		w->pipe.burst(w->pipe.ctx, w->batch, w->n_batch, &w->fates);
	w->n_batch = 0;
}

// All workers take what is before this point, age their flows to now and flip; then the merge.
static void replay_epoch(struct replay_engine *e, uint64_t now_ns)
{
	struct sensor *s = e->sensor;

	for (uint32_t i = 0; i < e->n_workers; i++)
		replay_flush(e, i);
	detect_epoch_begin(s->detect);
	e->mark_ns = now_ns;
	e->marks++;
	for (uint32_t i = 0; i < e->n_workers; i++) {
		struct replay_worker *w = &e->workers[i];

		if (e->threaded) {
			replay_put(w, (void *[]){mark_epoch}, 1);
		} else {
			w->pipe.tick(w->pipe.ctx, now_ns, &w->fates);
			w->pipe.poll(w->pipe.ctx);
		}
	}
	for (uint32_t i = 0, turns = 0; e->threaded && i < e->n_workers; i++) {
		while (atomic_load_explicit(&e->workers[i].marks_done, memory_order_acquire) !=
		       e->marks)
			replay_wait(&turns);
	}
	detect_merge(s->detect, now_ns);
	e->epoch_packets = 0;
}

static void replay_own(struct replay_engine *e, struct rte_mbuf *m)
{
	uint32_t owner = hash_owner(pkt_of(m)->hash, e->n_workers);
	struct replay_worker *w = &e->workers[owner];

	w->batch[w->n_batch++] = m;
	if (w->n_batch == WORKER_BURST)
		replay_flush(e, owner);
}

// Of the first segment alone nobody can say whether all are wrong: the next one tells, or the end.
static void replay_doubt(struct replay_engine *e)
{
	struct rte_mbuf *m = e->doubt;

	e->doubt = NULL;
	if (e->check.mode == CHECKSUM_AUTO && e->check.n_first_bad == e->check.n_first)
		pkt_of(m)->bad_checksum = 0;
	replay_own(e, m);
}

void replay_engine_packet(struct replay_engine *e, struct rte_mbuf *m, uint32_t link_type,
			  uint32_t wire_len)
{
	const uint64_t epoch_ns = (uint64_t)e->sensor->epoch_ms * 1000000;
	uint64_t ts_ns = pkt_of(m)->ts_ns;

	if (ts_ns >= e->epoch_end_ns) {
		if (e->epoch_end_ns)
			replay_epoch(e, ts_ns - ts_ns % epoch_ns);
		e->epoch_end_ns = ts_ns - ts_ns % epoch_ns + epoch_ns;
	} else if (e->epoch_packets >= EPOCH_PACKETS) {
		replay_epoch(e, e->clock_ns);
	}
	if (ts_ns > e->clock_ns)
		e->clock_ns = ts_ns;
	e->epoch_packets++;
	if (ingress_packet(&e->ingress, &m, link_type, wire_len, &e->fates) != FATE_PARSED) {
		rte_pktmbuf_free(m); // NULL: taken
		return;
	}
	if (unlikely(e->doubt)) {
		replay_doubt(e);
	} else if (unlikely(pkt_of(m)->bad_checksum && e->check.n_first == 1)) {
		e->doubt = m;
		return;
	}
	replay_own(e, m);
}

void replay_engine_lost(struct replay_engine *e, uint32_t len)
{
	e->fates.rx_pkts++;
	e->fates.rx_bytes += len;
	e->fates.pkts[FATE_NO_BUFFER]++;
	e->fates.bytes[FATE_NO_BUFFER] += len;
}

void replay_engine_end(struct replay_engine *e)
{
	if (e->doubt)
		replay_doubt(e);
	replay_epoch(e, e->clock_ns);
	// The workers are idle behind the mark: their state may be touched from here.
	sensor_finish(e->sensor, e->clock_ns, &e->fates);
	e->clock_ns = 0;
	e->epoch_end_ns = 0;
	frag_reset(e->ingress.frag);
	checksum_init(&e->check, e->sensor->checksums, e->ingress.seed);
}

void replay_engine_fates(const struct replay_engine *e, struct fates *sum)
{
	*sum = e->fates;
	for (uint32_t i = 0; i < e->n_workers; i++)
		fate_add(sum, &e->workers[i].fates);
}

void replay_engine_free(struct replay_engine *e)
{
	if (!e)
		return;
	for (uint32_t i = 0; i < e->n_workers; i++) {
		if (e->threaded) {
			replay_put(&e->workers[i], (void *[]){mark_stop}, 1);
			rte_eal_wait_lcore(i + 1);
		}
		rte_ring_free(e->workers[i].ring);
	}
	frag_free(e->ingress.frag);
	free(e);
}

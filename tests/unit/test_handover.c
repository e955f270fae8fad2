// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Whatever a connection's packets are wrapped in, and whichever queue they come from, they reach
// one worker: with one, two and four of them, with the NIC's spreading and without.

#include "dataplane/checksum.h"
#include "dataplane/decap_gre.c"
#include "dataplane/decap_vlan.c"
#include "dataplane/worker.c"

#define send send_piece // the system's header has another one
#include "tests/unit/frag_fixture.h"

enum { WORKERS = 4, KINDS = 5 };

static struct worker *workers;
static struct checksum checks[WORKERS];
static uint32_t received[WORKERS]; // by their own pipeline
static struct flow_key last_key;

static void on_burst(void *ctx, struct rte_mbuf **pkts, uint32_t n, struct fates *to)
{
	received[(uintptr_t)ctx] += n;
	last_key = pkt_of(pkts[n - 1])->key;
	for (uint32_t i = 0; i < n; i++) {
		to->pkts[FATE_PARSED]++;
		to->bytes[FATE_PARSED] += rte_pktmbuf_pkt_len(pkts[i]);
	}
	rte_pktmbuf_free_bulk(pkts, n);
}

static void open_workers(uint32_t n, bool nic)
{
	workers = aligned_alloc(64, WORKERS * sizeof(*workers));
	memset(workers, 0, WORKERS * sizeof(*workers));
	for (uint32_t i = 0; i < n; i++) {
		checksum_init(&checks[i], CHECKSUM_OFF, 1);
		workers[i].index = i;
		workers[i].n_workers = n;
		workers[i].seed = seed;
		workers[i].frag = frag_new(seed, 256);
		workers[i].rss = nic;
		workers[i].pipe = (struct pipeline){(void *)(uintptr_t)i, on_burst, NULL, NULL};
		workers[i].queues[0] = (struct worker_queue){0, 0, nic, &checks[i]};
		for (uint32_t k = 0; k < n; k++) {
			char name[32];

			if (i == k)
				continue;
			snprintf(name, sizeof(name), "test_%u_%u", i, k);
			workers[i].out[k] = rte_ring_create(name, 64, SOCKET_ID_ANY,
							    RING_F_SP_ENQ | RING_F_SC_DEQ);
			assert_non_null(workers[i].out[k]);
		}
	}
}

static void close_workers(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		fate_add(&fates, &workers[i].fates);
		frag_free(workers[i].frag);
		for (uint32_t k = 0; k < n; k++)
			rte_ring_free(workers[i].out[k]);
	}
	free(workers);
}

// Everything that is on its way arrives.
static void drain(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		for (uint32_t k = 0; k < n; k++) {
			struct rte_mbuf *pkts[WORKER_BURST];
			uint32_t got;

			while (i != k && (got = rte_ring_sc_dequeue_burst(workers[i].out[k], (void **)pkts,
									  WORKER_BURST, NULL)))
				workers[k].pipe.burst(workers[k].pipe.ctx, pkts, got, &workers[k].fates);
		}
	}
}

// The segment of a connection, plain, tagged, in GRE, or in fragments; n of them in pkts.
static uint32_t build(uint32_t kind, uint32_t host, bool back, struct rte_mbuf **pkts)
{
	static uint32_t id;
	struct shape s = {.version = 4, .id = ++id, .back = back};
	uint32_t n = kind == 4 ? 2 : 1;

	for (uint32_t i = 0; i < n; i++) {
		struct rte_mbuf *m = frame(&s, i ? 40 : 0, n > 1 && i == 0 ? 40 : 60, n > 1 && i == 0);
		uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);

		p[14 + (back ? 19 : 15)] = (uint8_t)host;
		p[14 + (back ? 18 : 14)] = (uint8_t)(host >> 8);
		if (back && (kind != 4 || i == 0)) { // the ports as well
			uint8_t port[2] = {p[34], p[35]};

			memcpy(p + 34, p + 36, 2);
			memcpy(p + 36, port, 2);
		}
		if (kind == 1 || kind == 2) {
			uint8_t *head = (uint8_t *)rte_pktmbuf_prepend(m, (uint16_t)(4 * kind));

			if (!head)
				abort();
			memmove(head, head + 4 * kind, 12);
			for (uint32_t k = 0; k < kind; k++)
				memcpy(head + 12 + 4 * k, "\x81\0\0\1", 4);
		} else if (kind == 3) {
			uint8_t *head = (uint8_t *)rte_pktmbuf_prepend(m, 24);

			if (!head)
				abort();
			memmove(head, head + 24, 14);
			memset(head + 14, 0, 24);
			head[14] = 0x45;
			head[23] = 47;
			head[29] = (uint8_t)(back ? 2 : 1); // its own addresses
			head[33] = (uint8_t)(back ? 1 : 2);
			head[36] = 0x08;
		}
		pkts[i] = m;
	}
	return n;
}

// The queue that a NIC puts it into: by the headers that it sees.
static uint32_t nic_queue(uint32_t kind, struct rte_mbuf *m, uint32_t n)
{
	struct flow_key key = {0};
	const uint8_t *header = rte_pktmbuf_mtod(m, const uint8_t *) + 14 + (kind < 3 ? 4 * kind : 0);

	if (kind == 2) // tags that it does not look behind
		return 0;
	memcpy(key.addr[0] + 12, header + 12, 4);
	memcpy(key.addr[1] + 12, header + 16, 4);
	if (kind < 2) {
		key.port[0] = (uint16_t)(header[20] << 8 | header[21]);
		key.port[1] = (uint16_t)(header[22] << 8 | header[23]);
	}
	return rss_owner(&key, n);
}

static void check_all(uint32_t n, bool nic)
{
	uint32_t spread[WORKERS] = {0};

	open_workers(n, nic);
	for (uint32_t host = 1; host <= 200; host++) {
		uint32_t owner = UINT32_MAX;
		struct flow_key key = {0};

		for (uint32_t kind = 0; kind < 2 * KINDS; kind++) {
			struct rte_mbuf *pkts[2];
			uint32_t n_pkts = build(kind / 2, host, kind & 1, pkts);
			uint32_t at = nic ? nic_queue(kind / 2, pkts[0], n) : (host + kind) % n;

			memset(received, 0, sizeof(received));
			worker_rx(&workers[at], &workers[at].queues[0], pkts, n_pkts, start_ns);
			drain(n);
			uint32_t total = 0;
			for (uint32_t i = 0; i < n; i++) {
				total += received[i];
				if (received[i] && owner == UINT32_MAX)
					owner = i;
				assert_true(received[i] == 0 || owner == i);
			}
			assert_int_equal(total, 1);
			if (kind)
				assert_memory_equal(&key, &last_key, sizeof(key));
			key = last_key;
		}
		spread[owner]++;
	}
	for (uint32_t i = 0; i < n; i++)
		assert_true(spread[i] > 100 / n);
	close_workers(n);
}

static void test_owner(void **)
{
	for (uint32_t n = 1; n <= WORKERS; n *= 2) {
		check_all(n, false);
		check_all(n, true);
	}
}

// A ring that is full loses packets, and they are counted.
static void test_full(void **)
{
	open_workers(2, false);
	for (uint32_t i = 0; i < 300; i++) {
		struct rte_mbuf *pkts[2];
		uint32_t n = build(0, i, false, pkts);

		worker_rx(&workers[0], &workers[0].queues[0], pkts, n, start_ns);
	}
	assert_true(workers[0].handoff_full > 0);
	assert_int_equal(workers[0].handoff_full, workers[0].fates.pkts[FATE_NO_BUFFER]);
	drain(2);
	close_workers(2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_owner), TEST(test_full)};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}

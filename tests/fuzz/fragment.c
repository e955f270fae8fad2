// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// IP reassembly against a model that keeps one byte of state for each byte of a datagram. The
// input is a list of pieces of four datagrams: right ones, forged ones, overlapping ones.
//
//     each piece: datagram and flags, offset in units of 8 (16 bits), length in bytes (8 bits)

#include "dataplane/frag.h"
#include "dataplane/packet.h"
#include "dataplane/pkt.h"

#include <rte_eal.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DATAGRAMS = 4, BYTES = 2048, BUFFERS = 200, PIECES = 400, HEADER4 = 20, HEADER6 = 48 };

struct model {
	uint8_t content[BYTES];
	bool there[BYTES];
	uint32_t total;
	bool dead;
};

static struct rte_mempool *pool;

static void start(void)
{
	static char *args[] = {"fuzz",     "--no-huge",      "--no-shconf",       "-m", "64",
			       "--no-pci", "--no-telemetry", "--log-level=error", NULL};

	if (rte_eal_init(8, args) < 0)
		abort();
	pool = rte_pktmbuf_pool_create("packets", 1024, 0, PKT_PRIV_SIZE, RTE_PKTMBUF_HEADROOM + 2048,
				       SOCKET_ID_ANY);
	if (!pool)
		abort();
}

static uint8_t content_of(uint32_t d, uint32_t at)
{
	// A TCP header at the beginning, then anything.
	return at == 12 ? 0x50 : at < 20 ? (uint8_t)(at == 1 ? 80 : at == 3 ? d : 0) :
					   (uint8_t)(at * 31 + d);
}

static struct rte_mbuf *piece(uint32_t d, uint32_t from, uint32_t len, bool more, bool forged)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	bool v6 = d & 1;
	uint32_t header = v6 ? HEADER6 : HEADER4;

	if (!m)
		abort();
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
	memset(p, 0, header);
	if (v6) {
		p[0] = 0x60;
		p[4] = (uint8_t)((len + 8) >> 8);
		p[5] = (uint8_t)(len + 8);
		p[6] = 44;
		p[23] = 1;
		p[39] = 2;
		p[40] = 6;
		p[42] = (uint8_t)(from >> 8);
		p[43] = (uint8_t)(from | more);
		p[47] = (uint8_t)d;
	} else {
		p[0] = 0x45;
		p[2] = (uint8_t)((len + header) >> 8);
		p[3] = (uint8_t)(len + header);
		p[5] = (uint8_t)d;
		p[6] = (uint8_t)(from / 8 >> 8 | (more ? 0x20 : 0));
		p[7] = (uint8_t)(from / 8);
		p[9] = 6;
		p[15] = 1;
		p[19] = 2;
	}
	for (uint32_t i = 0; i < len; i++)
		p[header + i] = (uint8_t)(content_of(d, from + i) ^ (forged && i == len / 2));
	m->data_len = (uint16_t)(header + len);
	m->pkt_len = m->data_len;
	pkt_of(m)->ts_ns = 1000000000;
	return m;
}

static void check_whole(struct rte_mbuf *m, uint32_t d, const struct model *model)
{
	uint8_t copy[BYTES + HEADER6];
	uint32_t header = d & 1 ? HEADER6 : HEADER4;

	rte_mbuf_sanity_check(m, 1);
	if (rte_pktmbuf_pkt_len(m) != header + model->total)
		abort();
	const uint8_t *p = rte_pktmbuf_read(m, 0, rte_pktmbuf_pkt_len(m), copy);
	if (memcmp(p + header, model->content, model->total) != 0)
		abort();
	for (uint32_t i = 0; i < model->total; i++) {
		if (!model->there[i])
			abort();
	}
}

// What must come of a piece: 0 nothing, 1 the whole, -1 the end of it.
static int model_piece(struct model *o, const uint8_t *bytes, uint32_t from, uint32_t len, bool more)
{
	uint32_t to = from + len, end = 0, seen = 0;
	bool same = true;

	if (o->dead)
		return 0;
	for (uint32_t i = 0; i < BYTES; i++) {
		if (o->there[i])
			end = i + 1;
	}
	if (o->total ? (more ? to >= o->total : to != o->total) : !more && to <= end) {
		// The last piece once more, or the end is not where it was.
		return -1;
	}
	for (uint32_t i = from; i < to; i++) {
		seen += o->there[i];
		same &= o->there[i] && o->content[i] == bytes[i - from];
	}
	if (seen)
		return same ? 0 : -1;
	for (uint32_t i = from; i < to; i++) {
		o->there[i] = true;
		o->content[i] = bytes[i - from];
	}
	if (!more)
		o->total = to;
	for (uint32_t i = 0; i < o->total; i++) {
		if (!o->there[i])
			return 0;
	}
	return o->total != 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct model models[DATAGRAMS];
	struct fates fates = {0};
	struct frag *frag;

	if (!pool)
		start();
	frag = frag_new(1, BUFFERS);
	memset(models, 0, sizeof(models));
	for (uint32_t n = 0; size >= 4 && n < PIECES; n++, data += 4, size -= 4) {
		uint32_t d = data[0] % DATAGRAMS, from = (data[1] << 8 | data[2]) % (BYTES / 8) * 8;
		bool more = data[0] & 0x10, forged = (data[0] & 0xe0) == 0xe0, overlap;
		uint32_t len = RTE_MIN(1u + data[3], BYTES - from);

		if (more)
			len = RTE_MIN((len + 7) & ~7u, BYTES - from);
		if (from == 0 && !more)
			continue; // not a piece
		struct rte_mbuf *m = piece(d, from, len, more, forged);
		const uint8_t *bytes = rte_pktmbuf_mtod_offset(m, uint8_t *, d & 1 ? HEADER6 : HEADER4);
		int expect = model_piece(&models[d], bytes, from, len, more);
		fates.rx_pkts++;
		fates.rx_bytes += rte_pktmbuf_pkt_len(m);
		if (packet_decode(m, 101, rte_pktmbuf_pkt_len(m), 1) != FATE_FRAGMENT)
			abort();
		m = frag_add(frag, m, &fates, &overlap);
		if (m && !overlap && expect != 1)
			abort();
		if (m && !overlap)
			check_whole(m, d, &models[d]);
		// Few pieces: no bound is reached, so it must have come out.
		if (!m && expect == 1 && n < 60)
			abort();
		if (expect == 1)
			memset(&models[d], 0, sizeof(models[d]));
		if (expect == -1) {
			memset(&models[d], 0, sizeof(models[d]));
			models[d].dead = true;
		}
		if (overlap && !models[d].dead)
			abort();
		if (m) {
			if (packet_decode(m, 101, rte_pktmbuf_pkt_len(m), 1) == FATE_FRAGMENT)
				abort();
			fates.pkts[FATE_PARSED]++;
			fates.bytes[FATE_PARSED] += rte_pktmbuf_pkt_len(m);
			rte_pktmbuf_free(m);
		}
		if (rte_mempool_in_use_count(pool) > BUFFERS)
			abort();
	}
	if (!fate_balanced(&fates))
		abort();
	frag_free(frag);
	if (rte_mempool_in_use_count(pool) != 0)
		abort();
	return 0;
}

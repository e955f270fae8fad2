// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// A frame of any link type, cut anywhere, in one buffer or in three, through the decoder and the
// verification of its checksums. What is called a segment must lie inside the frame; in how many
// buffers it came must not matter when the headers are in the first.
//
//     link type (index), flags, wire length beyond the frame, then the frame

#include "dataplane/checksum.h"
#include "dataplane/packet.h"
#include "dataplane/pkt.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BUFFERS = 3, ROOM = 256 };

struct fake {
	struct rte_mbuf m;
	uint8_t priv[PKT_PRIV_SIZE];
};

static const uint32_t links[] = {1, 0, 9, 12, 14, 50, 51, 101, 104, 108, 113, 228, 229, 276, 147};

// A buffer with room behind the data as drivers leave it, of exactly the size that it says.
static struct fake *fake_new(const uint8_t *data, size_t n, uint32_t room)
{
	struct fake *fake = calloc(1, sizeof(*fake));
	uint8_t *bytes = malloc(n + room ? n + room : 1);

	memcpy(bytes, data, n);
	fake->m.buf_addr = bytes;
	fake->m.buf_len = (uint16_t)(n + room);
	fake->m.priv_size = PKT_PRIV_SIZE;
	fake->m.nb_segs = 1;
	fake->m.data_len = (uint16_t)n;
	fake->m.pkt_len = (uint32_t)n;
	return fake;
}

static void fake_free(struct fake *fake)
{
	free(fake->m.buf_addr);
	free(fake);
}

static void check(const struct rte_mbuf *m, const struct pkt *pkt)
{
	if (pkt->l3_off + 20u > pkt->l4_off || pkt->l4_off + 20u > pkt->payload_off ||
	    pkt->l4_off + 20u > m->data_len ||
	    (uint32_t)pkt->payload_off + pkt->payload_len > m->pkt_len || pkt->src > 1)
		abort();
	int order = memcmp(pkt->key.addr[0], pkt->key.addr[1], 16);
	if (order > 0 || (order == 0 && pkt->key.port[0] > pkt->key.port[1]))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct checksum sums;
	struct fake *fakes[BUFFERS];

	if (size < 3 || size > 9000)
		return 0;
	uint32_t link = links[data[0] % (sizeof(links) / sizeof(links[0]))];
	uint32_t flags = data[1], wire = (uint32_t)size - 3 + (data[2] & 1 ? data[2] * 64u : 0);
	data += 3;
	size -= 3;
	fakes[0] = fake_new(data, size, 0);
	struct rte_mbuf *m = &fakes[0]->m;
	enum fate fate = packet_decode(m, link, wire, 1);
	struct pkt whole = *pkt_of(m);
	if (fate >= FATE_N)
		abort();
	if (fate == FATE_PARSED) {
		check(m, &whole);
		checksum_init(&sums, flags % 3, 1);
		checksum_segment(&sums, m);
	}
	fake_free(fakes[0]);
	// The same in three buffers.
	size_t a = size * (flags >> 2 & 7) / 8, b = a + (size - a) * (flags >> 5) / 8;
	fakes[0] = fake_new(data, a, ROOM);
	fakes[1] = fake_new(data + a, b - a, 0);
	fakes[2] = fake_new(data + b, size - b, 0);
	m = &fakes[0]->m;
	m->next = &fakes[1]->m;
	m->next->next = &fakes[2]->m;
	m->nb_segs = BUFFERS;
	m->pkt_len = (uint32_t)size;
	enum fate parts = packet_decode(m, link, wire, 1);
	if (parts == FATE_PARSED) {
		check(m, pkt_of(m));
		checksum_init(&sums, flags % 3, 1);
		checksum_segment(&sums, m);
		if (fate != FATE_PARSED || pkt_of(m)->payload_len != whole.payload_len ||
		    pkt_of(m)->payload_off != whole.payload_off ||
		    memcmp(&pkt_of(m)->key, &whole.key, sizeof(whole.key)) != 0)
			abort();
	}
	for (uint32_t i = 0; i < BUFFERS; i++)
		fake_free(fakes[i]);
	return 0;
}

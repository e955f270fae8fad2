// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The queue that a NIC chooses, against DPDK's own Toeplitz hash.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dataplane/hash.h"
#include "dataplane/rss.h"

#include <rte_thash.h>

static uint8_t key[64];

// Bytes as a NIC sees them, to the words that rte_softrss() takes.
static uint32_t nic_hash(const uint8_t *src, const uint8_t *dst, uint32_t n, uint16_t sport,
			 uint16_t dport)
{
	uint8_t bytes[36];
	uint32_t words[9];

	memcpy(bytes, src, n);
	memcpy(bytes + n, dst, n);
	bytes[2 * n] = (uint8_t)(sport >> 8);
	bytes[2 * n + 1] = (uint8_t)sport;
	bytes[2 * n + 2] = (uint8_t)(dport >> 8);
	bytes[2 * n + 3] = (uint8_t)dport;
	for (uint32_t i = 0; i < (2 * n + 4) / 4; i++)
		words[i] = (uint32_t)bytes[4 * i] << 24 | (uint32_t)bytes[4 * i + 1] << 16 |
			   (uint32_t)bytes[4 * i + 2] << 8 | bytes[4 * i + 3];
	return rte_softrss(words, (2 * n + 4) / 4, key);
}

static void test_hash(void **)
{
	uint32_t owners[4] = {0};

	for (uint32_t i = 0; i < sizeof(key); i++)
		key[i] = i & 1 ? RSS_KEY & 0xff : RSS_KEY >> 8;
	for (uint64_t i = 0; i < 20000; i++) {
		struct flow_key flow = {.port = {(uint16_t)hash_mix(4 * i), (uint16_t)hash_mix(4 * i + 1)}};
		bool v6 = i & 1;

		for (uint32_t k = 0; k < 32; k++)
			((uint8_t *)flow.addr)[k] = (uint8_t)hash_mix(i * 64 + k);
		if (!v6) {
			for (uint32_t k = 0; k < 2; k++) {
				memset(flow.addr[k], 0, 10);
				memset(flow.addr[k] + 10, 0xff, 2);
			}
		}
		const uint8_t *a = flow.addr[0] + (v6 ? 0 : 12), *b = flow.addr[1] + (v6 ? 0 : 12);
		uint32_t hash = rss_hash(&flow);
		assert_int_equal(hash, nic_hash(a, b, v6 ? 16 : 4, flow.port[0], flow.port[1]));
		assert_int_equal(hash, nic_hash(b, a, v6 ? 16 : 4, flow.port[1], flow.port[0]));
		owners[rss_owner(&flow, 4)]++;
		// Any table: the entry that the NIC takes names the same worker.
		for (uint32_t size = RSS_ENTRIES; size <= 2048; size *= 2) {
			for (uint32_t n = 1; n < 9; n++)
				assert_int_equal(rss_entry(hash % size, n), rss_owner(&flow, n));
		}
	}
	for (uint32_t i = 0; i < 4; i++)
		assert_in_range(owners[i], 4700, 5300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_hash)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Capture files of every flavour, written here byte by byte, come out as packets; damaged ones
// end with a reason; no buffer is lost either way.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "dataplane/hash.h"
#include "dataplane/source_pcap.c"

#include <rte_eal.h>
#include <rte_mempool.h>

enum { MBUFS = 255, FILE_MAX = 400 << 10 };

static struct rte_mempool *pool;
static uint8_t file[FILE_MAX];
static uint32_t file_len;
static bool big_endian;
static char path[64];
static uint64_t random_state;

static uint32_t random_below(uint32_t n)
{
	random_state = hash_mix(random_state + UINT64_C(0x9e3779b97f4a7c15));
	return (uint32_t)(((random_state >> 32) * n) >> 32);
}

static int group_setup(void **)
{
	char *args[] = {"test", "--no-huge", "--no-shconf",    "-m",
			"64",   "--no-pci",  "--no-telemetry", "--log-level=error"};

	if (rte_eal_init(sizeof(args) / sizeof(args[0]), args) < 0)
		return -1;
	pool = rte_pktmbuf_pool_create("packets", MBUFS, 0, PKT_PRIV_SIZE,
				       2048 + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
	return pool ? 0 : -1;
}

static int group_teardown(void **)
{
	rte_mempool_free(pool);
	return rte_eal_cleanup();
}

static int setup(void **)
{
	int fd;

	random_state = 1;
	file_len = 0;
	big_endian = false;
	strcpy(path, "/tmp/test_source_pcap.XXXXXX");
	fd = mkstemp(path);
	return fd < 0 ? -1 : close(fd);
}

static int teardown(void **)
{
	assert_int_equal(rte_mempool_avail_count(pool), MBUFS);
	return unlink(path);
}

static void put8(uint8_t v)
{
	assert_true(file_len < FILE_MAX);
	file[file_len++] = v;
}

static void put16(uint32_t v)
{
	put8((uint8_t)(big_endian ? v >> 8 : v));
	put8((uint8_t)(big_endian ? v : v >> 8));
}

static void put32(uint32_t v)
{
	put16(big_endian ? v >> 16 : v & 0xffff);
	put16(big_endian ? v & 0xffff : v >> 16);
}

// The n bytes of packet number i.
static uint8_t byte_of(uint32_t i, uint32_t at)
{
	return (uint8_t)(i * 31 + at * 7 + (at >> 8));
}

static void put_bytes(uint32_t i, uint32_t n)
{
	for (uint32_t at = 0; at < n; at++)
		put8(byte_of(i, at));
}

static void classic_header(bool nano, uint32_t link)
{
	put32(nano ? 0xa1b23c4d : 0xa1b2c3d4);
	put16(2);
	put16(4);
	put32(0);
	put32(0);
	put32(262144);
	put32(link);
}

static void classic_packet(uint32_t i, uint32_t sec, uint32_t frac, uint32_t n, uint32_t wire)
{
	put32(sec);
	put32(frac);
	put32(n);
	put32(wire);
	put_bytes(i, n);
}

static void block(uint32_t type, const uint32_t *words, uint32_t n_words, uint32_t i, uint32_t n)
{
	uint32_t len = 12 + 4 * n_words + (n + 3) / 4 * 4;

	put32(type);
	put32(len);
	for (uint32_t k = 0; k < n_words; k++)
		put32(words[k]);
	put_bytes(i, n);
	while (n++ % 4)
		put8(0);
	put32(len);
}

// Section and one interface; its clock counts microseconds unless told otherwise.
static void ng_header(uint32_t link, bool nano)
{
	put32(0x0a0d0d0a);
	put32(28);
	put32(0x1a2b3c4d);
	put16(1);
	put16(0);
	put32(UINT32_MAX);
	put32(UINT32_MAX);
	put32(28);
	put32(1);
	put32(nano ? 32 : 20);
	put16(link);
	put16(0);
	put32(262144);
	if (nano) {
		put16(9); // if_tsresol
		put16(1);
		put8(9);
		put8(0);
		put8(0);
		put8(0);
		put32(0);
	}
	put32(nano ? 32 : 20);
}

static void ng_packet(uint32_t i, uint64_t stamp, uint32_t n, uint32_t wire)
{
	block(6, (uint32_t[]){0, (uint32_t)(stamp >> 32), (uint32_t)stamp, n, wire}, 5, i, n);
}

static struct source *open_file(void)
{
	char why[256] = "";
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(file, 1, file_len, f), file_len);
	assert_int_equal(fclose(f), 0);
	struct source *source = source_open(path, why, sizeof(why));
	assert_true(source || why[0]);
	return source;
}

// The next packet is number i, with so many bytes.
static void expect_packet(struct source *source, uint32_t i, uint64_t ts_ns, uint32_t n,
			  uint32_t wire)
{
	struct rte_mbuf *m = NULL;
	uint32_t wire_len = 0, at = 0, n_segs = 0;

	assert_int_equal(source_next(source, pool, &m, &wire_len), SOURCE_PACKET);
	assert_int_equal(wire_len, wire);
	assert_int_equal(rte_pktmbuf_pkt_len(m), n);
	assert_int_equal(pkt_of(m)->ts_ns, ts_ns);
	for (struct rte_mbuf *seg = m; seg; seg = seg->next, n_segs++) {
		// The first is full before a second begins.
		assert_true(seg->next == NULL || seg->data_len == 2048);
		for (uint32_t k = 0; k < seg->data_len; k++, at++)
			assert_int_equal(*rte_pktmbuf_mtod_offset(seg, uint8_t *, k),
					 byte_of(i, at));
	}
	assert_int_equal(at, n);
	assert_int_equal(m->nb_segs, n_segs);
	assert_int_equal(rte_mbuf_check(m, 1, &(const char *){NULL}), 0);
	rte_pktmbuf_free(m);
}

static void expect_end(struct source *source, enum source_status status)
{
	struct rte_mbuf *m = NULL;
	uint32_t wire_len;

	assert_int_equal(source_next(source, pool, &m, &wire_len), status);
	if (status == SOURCE_DAMAGED)
		assert_true(strlen(source_error(source)) > 3);
	source_close(source);
}

static void test_classic(void **)
{
	for (uint32_t k = 0; k < 4; k++) {
		bool nano = k & 1;

		file_len = 0;
		big_endian = k & 2;
		classic_header(nano, 113);
		classic_packet(1, 1700000000, nano ? 123456789 : 123456, 60, 60);
		classic_packet(2, 0, 0, 1, 1);
		classic_packet(3, 4102444800, nano ? 999999999 : 999999, 54, 1500);
		classic_packet(4, 1700000000, 5, 0, 100);
		struct source *source = open_file();
		assert_non_null(source);
		assert_int_equal(source_link_type(source), 113);
		expect_packet(source, 1,
			      1700000000 * UINT64_C(1000000000) + (nano ? 123456789 : 123456000),
			      60, 60);
		expect_packet(source, 2, 0, 1, 1);
		expect_packet(source, 3,
			      4102444800 * UINT64_C(1000000000) + (nano ? 999999999 : 999999000),
			      54, 1500);
		expect_packet(source, 4, 1700000000 * UINT64_C(1000000000) + (nano ? 5 : 5000), 0,
			      100);
		expect_end(source, SOURCE_END);
	}
}

static void test_ng(void **)
{
	for (uint32_t k = 0; k < 4; k++) {
		bool nano = k & 1;
		uint64_t unit = nano ? 1 : 1000, stamp = 1700000000123456789 / unit;

		file_len = 0;
		big_endian = k & 2;
		ng_header(1, nano);
		ng_packet(1, stamp, 61, 61);
		block(5, (uint32_t[]){0, 0, 0}, 3, 0, 0); // statistics: skipped
		ng_packet(2, stamp + 1, 14, 9000);
		struct source *source = open_file();
		assert_non_null(source);
		assert_int_equal(source_link_type(source), 1);
		expect_packet(source, 1, stamp * unit, 61, 61);
		expect_packet(source, 2, (stamp + 1) * unit, 14, 9000);
		expect_end(source, SOURCE_END);
	}
}

// Longer than one buffer: at every size near the border, and the largest there is.
static void test_long(void **)
{
	static const uint32_t sizes[] = {2047, 2048, 2049, 4095, 4096, 4097, 9018, 65549, 262144};

	classic_header(true, 1);
	for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		classic_packet(i, i, i, sizes[i], sizes[i]);
	struct source *source = open_file();
	assert_non_null(source);
	for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		expect_packet(source, i, i * UINT64_C(1000000001), sizes[i], sizes[i]);
	expect_end(source, SOURCE_END);
}

// Without buffers packets are lost, said so, and nothing is kept by halves.
static void test_no_buffer(void **)
{
	struct rte_mbuf *taken[MBUFS], *m;
	uint32_t wire_len = 0;

	classic_header(true, 1);
	classic_packet(1, 1, 0, 100, 100);
	classic_packet(2, 2, 0, 5000, 6000);
	classic_packet(3, 3, 0, 100, 100);
	classic_packet(4, 4, 0, 100, 100);
	struct source *source = open_file();
	assert_non_null(source);
	assert_int_equal(rte_pktmbuf_alloc_bulk(pool, taken, MBUFS - 2), 0);
	expect_packet(source, 1, 1000000000, 100, 100);
	assert_int_equal(source_next(source, pool, &m, &wire_len), SOURCE_NO_BUFFER);
	assert_int_equal(wire_len, 6000);
	assert_int_equal(rte_mempool_avail_count(pool), 2);
	assert_int_equal(rte_pktmbuf_alloc_bulk(pool, taken + MBUFS - 2, 2), 0);
	assert_int_equal(source_next(source, pool, &m, &wire_len), SOURCE_NO_BUFFER);
	rte_pktmbuf_free_bulk(taken, MBUFS);
	expect_packet(source, 4, UINT64_C(4000000000), 100, 100);
	expect_end(source, SOURCE_END);
}

static void test_cannot_open(void **)
{
	char why[256] = "", little[8];

	assert_null(source_open("/nowhere/at/all", why, sizeof(why)));
	assert_non_null(strstr(why, "No such file"));
	assert_null(source_open("/tmp", why, sizeof(why)));
	assert_non_null(strstr(why, "directory"));
	assert_null(source_open("/nowhere/at/all", little, sizeof(little)));
	assert_int_equal(strlen(little), sizeof(little) - 1);
	assert_null(open_file()); // empty
	for (uint32_t i = 0; i < 200; i++)
		put8('x');
	assert_null(open_file());
	source_close(NULL);
}

// Cut at every byte: the packets before the cut are there, then the end or a reason.
static void test_cut(void **)
{
	uint32_t starts[4], whole;

	for (uint32_t ng = 0; ng < 2; ng++) {
		file_len = 0;
		if (ng)
			ng_header(1, false);
		else
			classic_header(false, 1);
		for (uint32_t i = 0; i < 3; i++) {
			starts[i] = file_len;
			if (ng)
				ng_packet(i, i, 33, 33);
			else
				classic_packet(i, 0, i, 33, 33);
		}
		starts[3] = whole = file_len;
		for (uint32_t n = starts[0]; n <= whole; n++) {
			file_len = n;
			struct source *source = open_file();
			assert_non_null(source);
			for (uint32_t i = 0; i < 3 && starts[i + 1] <= n; i++)
				expect_packet(source, i, i * 1000, 33, 33);
			bool at_end =
				n == starts[0] || n == starts[1] || n == starts[2] || n == whole;
			expect_end(source, at_end ? SOURCE_END : SOURCE_DAMAGED);
		}
		for (uint32_t n = 1; n < 24; n++) {
			file_len = n;
			assert_null(open_file());
		}
		file_len = whole;
	}
}

static void test_progress(void **)
{
	double last = 0;

	classic_header(true, 1);
	for (uint32_t i = 0; i < 100; i++)
		classic_packet(i, i, 0, 3000, 3000);
	struct source *source = open_file();
	assert_non_null(source);
	for (uint32_t i = 0; i < 100; i++) {
		expect_packet(source, i, i * UINT64_C(1000000000), 3000, 3000);
		double now = source_progress(source);
		assert_true(now >= last && now > 0 && now <= 1);
		last = now;
	}
	assert_true(last > 0.99);
	expect_end(source, SOURCE_END);
}

static void test_standard_input(void **)
{
	char why[256] = "";
	int ends[2], before = dup(0);

	classic_header(true, 1);
	classic_packet(1, 1, 0, 100, 100);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], file, file_len), file_len);
	close(ends[1]);
	assert_int_equal(dup2(ends[0], 0), 0);
	close(ends[0]);
	struct source *source = source_open("-", why, sizeof(why));
	assert_non_null(source);
	assert_true(source_progress(source) < 0);
	expect_packet(source, 1, 1000000000, 100, 100);
	expect_end(source, SOURCE_END);
	assert_int_equal(dup2(before, 0), 0);
	close(before);
}

static void test_damaged(void **)
{
	uint32_t n_packets = 0, n_damaged = 0;

	for (uint32_t round = 0; round < 4000; round++) {
		struct rte_mbuf *m;
		uint32_t wire_len;
		int status = SOURCE_END;

		file_len = 0;
		big_endian = random_below(2);
		if (round & 1)
			ng_header(1, random_below(2));
		else
			classic_header(random_below(2), 1);
		for (uint32_t i = 0; i < 6; i++) {
			if (round & 1)
				ng_packet(i, i, random_below(200), 200);
			else
				classic_packet(i, i, 0, random_below(200), 200);
		}
		for (uint32_t k = 1 + random_below(8); k > 0; k--)
			file[random_below(file_len)] = (uint8_t)random_below(256);
		struct source *source = open_file();
		for (uint32_t i = 0; source && i < 1000; i++) {
			status = source_next(source, pool, &m, &wire_len);
			if (status == SOURCE_PACKET) {
				n_packets++;
				rte_pktmbuf_free(m);
			} else if (status != SOURCE_NO_BUFFER) {
				break;
			}
		}
		n_damaged += status == SOURCE_DAMAGED;
		source_close(source);
		assert_int_equal(rte_mempool_avail_count(pool), MBUFS);
	}
	assert_true(n_packets > 5000);
	assert_true(n_damaged > 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_classic, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ng, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_buffer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cannot_open, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(test_progress, setup, teardown),
		cmocka_unit_test_setup_teardown(test_standard_input, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Floods and bombs of HTTP/2: memory stays bounded, there is one anomaly for each ten seconds and no
// event for each stream, and the request behind it is found.

#include "tests/unit/h2_harness.h"

static uint32_t n_requests;

static void count_request(void *, struct http_tx *tx)
{
	n_requests++;
	on_request(NULL, tx);
}

static uint32_t count(const char *what)
{
	uint32_t n = 0;

	for (const char *p = got; (p = strstr(p, what)); p += strlen(what))
		n++;
	return n;
}

static int flood_setup(void **s)
{
	fresh(s);
	pools(300, 300, 16);
	brief = true;
	n_requests = 0;
	env.sink.request = count_request;
	return 0;
}

static size_t most(const struct pool *pool)
{
	return pool->size * pool->peak;
}

// What one connection has held of the pools, at least as much as at any instant. Capture blocks
// are counted as large as they are in service.
static void check_memory(void)
{
	size_t sum = most(&env.tx) + most(&env.brief) + env.capture.peak * 2 * (4096u + 4096 + 64) +
		     most(&env.head4k) + most(&env.head64k) + most(&env.body) + most(&env.gather) +
		     most(&env.inflate) + most(&env.brotli) + most(&env.zstd) +
		     most(block_pool_of(&h2_parser)) + most(block_pool_of(&ws_parser));

	assert_true(sum > 60000);
	assert_true(sum <= 1 << 20);
}

static void request_behind(uint32_t stream)
{
	GET(stream, "/behind");
	OK(stream);
}

static void test_rapid_reset(void **)
{
	begin();
	for (uint32_t i = 0; i < 5000; i++) {
		GET(1 + 2 * i, "/r");
		frame(CLIENT, H2_RST_STREAM, 0, 1 + 2 * i, "\0\0\0\10", 4);
	}
	request_behind(20001);
	run(1000, false);
	assert_int_equal(count("h2_rapid_reset"), 1);
	assert_true(n_requests <= H2_FLOOD_RESETS + 3);
	assert_int_equal(n_requests, n_ended);
	assert_true(env.stats.h2_streams_hidden >= 4890);
	assert_true(env.tx.peak <= 3);
	check_memory();
	brief = false;
	run(1000, false);
	assert_non_null(strstr(got, "20001 GET /behind [0] 200 [2 ok]\n"));
}

// The next ten seconds have an anomaly of their own; a few resets are normal.
static void test_windows(void **)
{
	begin();
	for (uint32_t i = 0; i < 100; i++) {
		GET(1 + 2 * i, "/r");
		frame(CLIENT, H2_RST_STREAM, 0, 1 + 2 * i, "\0\0\0\10", 4);
	}
	run(1000, false);
	assert_int_equal(count("h2_rapid_reset"), 0);
	assert_int_equal(n_ended, 100);
	begin();
	for (uint32_t i = 0; i < 900; i++) {
		GET(1 + 2 * i, "/r");
		frame(CLIENT, H2_RST_STREAM, 0, 1 + 2 * i, "\0\0\0\10", 4);
		turn(CLIENT);
	}
	conn_open(false);
	for (uint32_t i = 0; i < n_turns; i++) {
		ctx.now_ns += UINT64_C(33000000); // 900 of them in 30 s
		give(turns[i].dir, wire + turns[i].at, turns[i].len);
	}
	conn_close(CLOSE_FIN);
	assert_int_equal(count("h2_rapid_reset"), 3);
}

static void test_open_streams(void **)
{
	begin();
	for (uint32_t i = 0; i < 3000; i++)
		POST(1 + 2 * i, "/o");
	request_behind(20001);
	run(1000, false);
	assert_int_equal(count("h2_stream_flood"), 1);
	assert_true(env.tx.peak <= H2_STREAMS);
	assert_true(n_requests <= H2_STREAMS + H2_FLOOD_EVICTED + 3);
	assert_int_equal(env.stats.h2_streams_evicted, 3001 - H2_STREAMS);
	assert_int_equal(env.brief.peak, H2_STREAMS);
	assert_int_equal(env.capture.peak, 1);
	check_memory();
	brief = false;
	run(1000, false);
	assert_non_null(strstr(got, "20001 GET /behind [0] 200 [2 ok]\n"));
}

static void test_continuation(void **)
{
	static uint8_t block[3700];

	begin();
	uint8_t first[64] = {0x82, 0x44, 3, '/', 'c', 'f'};

	frame(CLIENT, H2_HEADERS, 0, 1, first, 6);
	memcpy(block, "\x00\x01x\x7f\x85\x07", 6); // x: 1,028 bytes
	memset(block + 6, 'y', 1028);
	for (uint32_t i = 0; i < 1500; i++)
		frame(CLIENT, H2_CONTINUATION, 0, 1, block, 6 + 1028);
	run(1000, false);
	assert_int_equal(count("h2_continuation_flood"), 1);
	check_memory();
	assert_non_null(strstr(got, "1 GET /cf [0"));
	assert_int_equal(n_ended, 1);
	// It ends after all.
	frame(CLIENT, H2_CONTINUATION, H2_END_HEADERS, 1, NULL, 0);
	request_behind(3);
	brief = false;
	run(1000, false);
	assert_non_null(strstr(got, "3 GET /behind [0] 200 [2 ok]\n"));
	// So do empty frames.
	begin();
	frame(CLIENT, H2_HEADERS, 0, 1, first, 6);
	for (uint32_t i = 0; i < 5000; i++)
		frame(CLIENT, H2_CONTINUATION, 0, 1, NULL, 0);
	frame(CLIENT, H2_CONTINUATION, 0, 1, block, 6 + 1028);
	request_behind(3); // breaks the block, and the table is not known
	run(1000, false);
	assert_non_null(strstr(got, "h2_continuation_flood"));
}

static void test_bomb(void **)
{
	static uint8_t block[30000];
	uint32_t n = 9;

	begin();
	memcpy(block, "\x82\x44\x05/bomb", 8);
	n = 8;
	memcpy(block + n, "\x40\x01x\x7f\xbd\x1d", 6); // 3,900 bytes
	memset(block + n + 6, 'A', 3900);
	n += 6 + 3900;
	memset(block + n, 0xbe, 16000);
	n += 16000;
	frame(CLIENT, H2_HEADERS, H2_END_STREAM, 1, block, 16000);
	frame(CLIENT, H2_CONTINUATION, H2_END_HEADERS, 1, block + 16000, n - 16000);
	OK(1);
	request_behind(3);
	run(1000, false);
	assert_int_equal(count("hpack_bomb"), 1);
	check_memory();
	assert_non_null(strstr(got, "1 GET /bomb [0 +http_head_too_long"));
	brief = false;
	run(1000, false);
	assert_non_null(strstr(got, "3 GET /behind [0] 200 [2 ok]\n"));
}

static void test_oversize(void **)
{
	static uint8_t body[30000];

	begin();
	frame_announced(CLIENT, H2_DATA, 0, 1, body, sizeof(body), 0xffffff);
	run(1000, false);
	assert_int_equal(n_ended, 0);
	assert_true(block_pool_of(&h2_parser)->peak <= 2);
	check_memory();
	// A large frame that was allowed.
	begin();
	frame(SERVER, H2_SETTINGS, 0, 0, "\0\5\0\1\0\0", 6);
	POST(1, "/large");
	frame(CLIENT, H2_DATA, H2_END_STREAM, 1, body, sizeof(body));
	OK(1);
	brief = false;
	run(1000, false);
	assert_non_null(strstr(got, "1 POST /large [30000 "));
	assert_null(strstr(got, "h2_bad_frame"));
}

static void test_control(void **)
{
	begin();
	for (uint32_t i = 0; i < 2000; i++) {
		frame(CLIENT, H2_PING, 0, 0, "12345678", 8);
		frame(CLIENT, H2_SETTINGS, 0, 0, "\0\1\0\0\20\0", 6);
		frame(CLIENT, H2_WINDOW_UPDATE, 0, 0, "\0\0\0\1", 4);
		frame(CLIENT, H2_PRIORITY, 0, 9, "\0\0\0\0\1", 5);
		frame(CLIENT, H2_DATA, 0, 9, NULL, 0);
	}
	request_behind(1);
	run(1000, false);
	assert_int_equal(count("h2_control_flood"), 1);
	check_memory();
	assert_non_null(strstr(got, "1 GET /behind [0 +h2_control_flood] 200 [2 ok]\n"));
	// A download has as many window updates, and that is normal.
	begin();
	GET(1, "/download");
	headers(SERVER, 0, 1, ":status", "200", NULL);
	for (uint32_t i = 0; i < 5000; i++) {
		data(SERVER, 0, 1, "data");
		frame(CLIENT, H2_WINDOW_UPDATE, 0, 0, "\0\0\0\1", 4);
	}
	data(SERVER, H2_END_STREAM, 1, "!");
	brief = false;
	run(1000, false);
	assert_null(strstr(got, "flood"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_rapid_reset, flood_setup),
		cmocka_unit_test_setup(test_windows, flood_setup),
		cmocka_unit_test_setup(test_open_streams, flood_setup),
		cmocka_unit_test_setup(test_continuation, flood_setup),
		cmocka_unit_test_setup(test_bomb, flood_setup),
		cmocka_unit_test_setup(test_oversize, flood_setup),
		cmocka_unit_test_setup(test_control, flood_setup),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}

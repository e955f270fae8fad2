// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Bodies that keep their decoder and send nothing: others get it, and nothing else is lost. Three
// decoders of each kind, four bodies.

#include "tests/unit/body_harness.h"

#define MS UINT64_C(1000000)

static uint8_t packed[4096];
static size_t packed_len;

static void at(uint64_t ms)
{
	msg->last_ns = ms * MS;
}

// A new body, which all of them share their message with, and its first bytes.
static struct body *open_at(uint64_t ms)
{
	struct body *body = begin("application/json", "gzip");

	at(ms);
	give(body, packed, 5);
	return body;
}

static bool coding_unknown(void)
{
	return msg->anomalies & UINT64_C(1) << ANOMALY_CODING_UNKNOWN;
}

static int leases(void **)
{
	limits_reset();
	packed_len = encode(DOC, strlen(DOC), 31, packed);
	env.leases = calloc(decoder_leases(&env), sizeof(*env.leases));
	return env.leases ? 0 : -1;
}

static int no_leases(void **)
{
	free(env.leases);
	env.leases = NULL;
	grpc_encoding = NULL;
	return env.inflate.used || env.body.used ? -1 : 0;
}

static void end_all(struct body *const *body, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		body_end(&env, body[i], true);
	assert_int_equal(env.body.used, 0);
	assert_int_equal(env.inflate.used, 0);
}

static void test_silent(void **)
{
	struct body *body[4];

	for (uint32_t i = 0; i < 3; i++)
		body[i] = open_at(1000 + i);
	// Nobody has been silent for a tenth of a second.
	body[3] = open_at(1099);
	assert_int_equal(env.stats.body_no_context, 1);
	assert_int_equal(env.stats.body_decoders_taken, 0);
	body_end(&env, body[3], true);
	// The first one has, then; but the second has been for longer.
	at(1100);
	give(body[0], packed + 5, 1);
	body[3] = open_at(1101);
	assert_int_equal(env.stats.body_no_context, 0);
	assert_int_equal(env.stats.body_decoders_taken, 1);
	assert_true(coding_unknown());
	msg->anomalies = 0;
	give(body[3], packed + 5, packed_len - 5);
	assert_string_equal(log_text, DOC_LOG);
	assert_false(coding_unknown());
	// What still comes for it is counted, and nothing else done.
	give(body[1], packed + 5, packed_len - 5);
	assert_int_equal(env.stats.body_skipped_bytes, packed_len - 5);
	assert_string_equal(log_text, DOC_LOG);
	shown_to = 0;
	log_len = 0;
	give(body[0], packed + 6, packed_len - 6);
	assert_string_equal(log_text, DOC_LOG);
	msg->hashed = false;
	body_end(&env, body[1], true);
	assert_false(msg->hashed);
	body[1] = body[3];
	end_all(body, 3);
}

// Bytes now and then do not keep a decoder for good.
static void test_held(void **)
{
	struct body *body[4];

	for (uint32_t i = 0; i < 3; i++)
		body[i] = open_at(1000 + i);
	for (uint32_t i = 0; i < 3; i++) {
		at(30950);
		give(body[i], packed + 5, 1);
	}
	body[3] = open_at(30999);
	assert_int_equal(env.stats.body_decoders_taken, 0);
	body_end(&env, body[3], true);
	body[3] = open_at(31000);
	assert_int_equal(env.stats.body_decoders_taken, 1);
	give(body[0], packed + 6, 1);
	assert_int_equal(env.stats.body_skipped_bytes, 1); // it was the first
	end_all(body, 4);
}

// Who keeps one for good, as connections of WebSocket do, is not asked, nor a clock that went back.
static void test_not_taken(void **)
{
	void *kept[2] = {pool_get(&env.inflate), pool_get(&env.inflate)};
	struct body *body[2] = {open_at(50000)};

	body[1] = open_at(1000);
	assert_int_equal(env.stats.body_no_context, 1);
	assert_int_equal(env.stats.body_decoders_taken, 0);
	body_end(&env, body[1], true);
	body_end(&env, body[0], true);
	pool_put(&env.inflate, kept[0]);
	pool_put(&env.inflate, kept[1]);
}

static uint8_t frames[4096];
static uint32_t frames_len;

static void put_message(const char *text)
{
	size_t n = encode(text, strlen(text), 31, coded);

	frames[frames_len++] = 1;
	for (int shift = 24; shift >= 0; shift -= 8)
		frames[frames_len++] = (uint8_t)(n >> shift);
	memcpy(frames + frames_len, coded, n);
	frames_len += (uint32_t)n;
}

// A message of gRPC loses its decoder, and not those behind it.
static void test_message(void **)
{
	struct body *body[4];
	uint32_t first;

	frames_len = 0;
	put_message("\n\x05hello");
	first = frames_len;
	put_message("\n\x05" "again");
	grpc_encoding = "gzip";
	body[0] = begin("application/grpc", NULL);
	at(1000);
	give(body[0], frames, 9);
	assert_int_equal(env.inflate.used, 1);
	grpc_encoding = NULL;
	for (uint32_t i = 1; i < 4; i++)
		body[i] = open_at(1100 + i);
	assert_int_equal(env.stats.body_decoders_taken, 1);
	body_end(&env, body[3], true);
	log_len = 0;
	shown_to = 0;
	at(1110);
	give(body[0], frames + 9, first - 9);
	assert_int_equal(log_len, 0);
	give(body[0], frames + first, frames_len - first);
	assert_non_null(strstr(log_text, "f1=again\n"));
	assert_null(strstr(log_text, "hello"));
	end_all(body, 3);
}

// A body never takes its own: it decodes twice, and has none for the second time.
static void test_own(void **)
{
	void *kept[2] = {pool_get(&env.inflate), pool_get(&env.inflate)};
	struct body *body;
	size_t n;

	frames_len = 0;
	put_message("\n\x05hello");
	n = encode(frames, frames_len, 31, coded);
	grpc_encoding = "gzip";
	body = begin("application/grpc", "gzip");
	at(1000);
	give(body, coded, 5);
	at(40000);
	give(body, coded + 5, n - 5);
	assert_int_equal(env.stats.body_decoders_taken, 0);
	assert_true(coding_unknown());
	body_end(&env, body, true);
	pool_put(&env.inflate, kept[0]);
	pool_put(&env.inflate, kept[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_silent, leases, no_leases),
		cmocka_unit_test_setup_teardown(test_held, leases, no_leases),
		cmocka_unit_test_setup_teardown(test_not_taken, leases, no_leases),
		cmocka_unit_test_setup_teardown(test_message, leases, no_leases),
		cmocka_unit_test_setup_teardown(test_own, leases, no_leases),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-09: each weakness where it is accepted, refused, and where it says nothing.

#include "tests/unit/merger_drive.h"

#include "detect/detectors/weaktoken.c"

enum { ORDERS = 901, CATALOGUE, SOUND = TOKEN_SEEN | TOKEN_CHECKED };

static void request(uint64_t endpoint, uint32_t from, uint32_t flags, uint16_t status, bool bare)
{
	struct call call = {
		.endpoint = endpoint,
		.principal = 1 + from,
		.token_flags = flags,
		.status = status,
		.flags = bare ? 0 : CALL_CREDENTIALS,
	};

	drive_from(&call, from);
	drive_call(call);
	drive.now += SECOND;
}

// /orders refuses who has no credentials, /catalogue is for all.
static void begin(void)
{
	drive_open("");
	drive_endpoint(ORDERS, "api.test", "GET", "/orders");
	drive_endpoint(CATALOGUE, "api.test", "GET", "/catalogue");
	for (uint32_t i = 0; i < 60; i++) {
		request(ORDERS, i, SOUND, 200, false);
		request(CATALOGUE, i, SOUND, 200, false);
		request(CATALOGUE, i, 0, 200, true);
	}
	request(ORDERS, 99, 0, 401, true);
	drive_run();
	drive_silent();
}

static void end(void)
{
	drive_finish();
	drive_close();
}

static void test_accepted(void **unused)
{
	static const struct {
		uint32_t flags;
		enum severity severity;
		const char *says;
	} all[] = {
		{TOKEN_ALG_NONE | TOKEN_UNSIGNED, SEVERITY_CRITICAL, "alg none"},
		{TOKEN_UNSIGNED, SEVERITY_CRITICAL, "signature was taken away"},
		{TOKEN_WEAK_SECRET, SEVERITY_HIGH, "manuals"},
		{TOKEN_KID_ODD, SEVERITY_CRITICAL, "(kid)"},
		{TOKEN_KEY_URL, SEVERITY_CRITICAL, "(jwk, jku, x5u)"},
		{TOKEN_KEY_INSIDE, SEVERITY_CRITICAL, "(jwk, jku, x5u)"},
		{TOKEN_EXPIRED, SEVERITY_HIGH, "expired"},
		{TOKEN_EARLY, SEVERITY_MEDIUM, "not valid yet"},
		{TOKEN_NO_EXP, SEVERITY_LOW, "no exp"},
		{TOKEN_EXP_FAR, SEVERITY_LOW, "token_days"},
		{TOKEN_SENSITIVE, SEVERITY_LOW, "claims"},
	};

	assert_non_null(unused);
	for (uint32_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		begin();
		request(ORDERS, 7, SOUND | all[i].flags, 200, false);
		drive_run();
		assert_says(drive_one()->description, all[i].says);
		assert_int_equal(drive_one()->severity, all[i].severity);
		assert_int_equal(drive_one()->result, RESULT_SUCCEEDED);
		// It stays one issue.
		for (uint32_t k = 0; k < 20; k++)
			request(ORDERS, 7, SOUND | all[i].flags, 200, false);
		drive_run();
		drive_one();
		end();
	}
	begin();
	request(ORDERS, 7, BASIC_SEEN | BASIC_WEAK, 200, false);
	request(ORDERS, 7, BASIC_SEEN, 200, false); // as such nothing
	drive_run();
	assert_int_equal(drive_one()->severity, SEVERITY_HIGH);
	end();
	begin();
	request(ORDERS, 7, BASIC_SEEN | BASIC_PLAINTEXT, 200, false);
	request(ORDERS, 8, BASIC_SEEN | BASIC_PLAINTEXT, 200, false);
	drive_run();
	assert_int_equal(drive_one()->severity, SEVERITY_LOW);
	end();
}

static void test_says_nothing(void **unused)
{
	assert_non_null(unused);
	begin();
	// Everybody is let in there.
	request(CATALOGUE, 7, SOUND | TOKEN_ALG_NONE | TOKEN_UNSIGNED, 200, false);
	request(CATALOGUE, 7, SOUND | TOKEN_EXPIRED, 200, false);
	// Refused: a token that expired is everyday life, and one odd token is chance.
	for (uint32_t i = 0; i < 50; i++)
		request(ORDERS, 7, SOUND | TOKEN_EXPIRED, 401, false);
	request(ORDERS, 7, SOUND | TOKEN_ALG_NONE, 401, false);
	request(ORDERS, 7, SOUND | TOKEN_UNSIGNED, 401, false);
	request(ORDERS, 8, BASIC_SEEN | BASIC_WEAK, 401, false);
	// How it ended is not known.
	request(ORDERS, 9, SOUND | TOKEN_ALG_NONE, 0, false);
	drive_call((struct call){.endpoint = ORDERS, .principal = 9, .status = 200,
				 .token_flags = SOUND | TOKEN_ALG_NONE,
				 .flags = CALL_CREDENTIALS | CALL_HALF});
	drive_run();
	drive_silent();
	end();
}

static void test_attempts(void **unused)
{
	assert_non_null(unused);
	begin();
	for (uint32_t i = 0; i < 3; i++)
		request(ORDERS, 7, SOUND | TOKEN_ALG_NONE, 401, false);
	drive_run();
	assert_int_equal(drive_one()->severity, SEVERITY_LOW);
	assert_int_equal(drive_one()->result, RESULT_ATTEMPTED);
	request(ORDERS, 7, SOUND | TOKEN_ALG_NONE, 200, false);
	drive_run();
	assert_int_equal(drive_one()->severity, SEVERITY_CRITICAL);
	assert_int_equal(drive_one()->result, RESULT_SUCCEEDED);
	end();
}

// Something in front of the host takes the signatures off: one issue, no attack.
static void test_stripped(void **unused)
{
	assert_non_null(unused);
	drive_open("");
	drive_endpoint(ORDERS, "in.test", "GET", "/orders");
	for (uint32_t i = 0; i < 300; i++)
		request(ORDERS, i, SOUND | TOKEN_UNSIGNED, 200, false);
	request(ORDERS, 3, 0, 401, true);
	request(ORDERS, 4, SOUND | TOKEN_UNSIGNED, 200, false);
	drive_run();
	assert_int_equal(drive_one()->severity, SEVERITY_MEDIUM);
	assert_says(drive_one()->description, "Most likely it is checked");
	end();
}

// ---- Session ids

static void gives(uint64_t endpoint, const char *name, const char *value)
{
	struct session_id id;
	struct call call = {
		.endpoint = endpoint,
		.principal = 1 + drive.order,
		.status = 200,
		.session_ids = &id,
		.n_session_ids = 1,
	};

	session_id_read(&id, span_make(name, strlen(name)), span_make(value, strlen(value)), 77);
	drive_call(call);
	drive_run(); // the id is borrowed
	drive.now += SECOND;
}

static void gives_many(uint32_t n, const char *format, uint64_t from, uint64_t step)
{
	char value[80];

	for (uint32_t i = 0; i < n; i++) {
		snprintf(value, sizeof(value), format, from + i * step);
		gives(ORDERS, "SID", value);
		gives(ORDERS, "SID", value); // once more: no other id
	}
}

static uint64_t drawn(uint64_t i)
{
	return siphash_number(1, 2, i);
}

static void test_ids_in_row(void **unused)
{
	// Digits, behind a prefix, before a node's name, hexadecimal, far apart, backwards.
	static const struct {
		const char *format;
		uint64_t from, step;
		bool row;
	} all[] = {
		{"%lu", 100000000000000000, 1, true},
		{"session-of-node-one-%06lu", 9990, 3, true},
		{"abcdefghijklmnopqrst%lu.node2", 95, 1, true},
		{"000000000000000000000000%08lx", 0xfffa, 1, true},
		{"abcdefghijklmnopqrst%012lu", 1000, 1001, false},
		{"abcdefghijklmnopqrst%012lu", 900000, -UINT64_C(1), false},
	};

	assert_non_null(unused);
	for (uint32_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		begin();
		gives_many(9, all[i].format, all[i].from, all[i].step);
		drive_silent(); // too few to say so
		gives_many(30, all[i].format, all[i].from + 9 * all[i].step, all[i].step);
		if (all[i].row) {
			assert_says(drive_one()->description, "they count up");
			assert_says(drive_one()->description, "\"SID\"");
			assert_int_equal(drive_one()->severity, SEVERITY_HIGH);
			assert_in_range((uint64_t)drive_one()->value, 8, 38);
		} else {
			drive_silent();
		}
		end();
	}
	// Two servers in turn, each with a counter.
	begin();
	for (uint32_t i = 0; i < 10; i++) {
		char value[64];

		snprintf(value, sizeof(value), "server-%u-of-the-shop-%u", i % 2, 500 * (i % 2) + i);
		gives(ORDERS, "SID", value);
	}
	drive_run();
	assert_int_equal(drive.n, 1);
	end();
}

static void test_ids_short(void **unused)
{
	char value[80];

	assert_non_null(unused);
	// 36^6: 31 bits.
	begin();
	for (uint32_t i = 0; i < 20; i++) {
		uint64_t x = drawn(i);

		for (uint32_t k = 0; k < 6; k++, x /= 36)
			value[k] = "0123456789abcdefghijklmnopqrstuvwxyz"[x % 36];
		value[6] = '\0';
		gives(ORDERS, "SID", value);
	}
	assert_says(drive_one()->description, "6 to 6 characters");
	assert_says(drive_one()->description, "31 bits");
	assert_int_equal(drive_one()->severity, SEVERITY_HIGH);
	end();
	// 12 hexadecimal digits: 48 bits.
	begin();
	for (uint32_t i = 0; i < 20; i++) {
		snprintf(value, sizeof(value), "%012lx", drawn(i) >> 16);
		gives(ORDERS, "SID", value);
	}
	assert_says(drive_one()->description, "48 bits");
	assert_int_equal(drive_one()->severity, SEVERITY_MEDIUM);
	end();
}

static void test_ids_sound(void **unused)
{
	static const char *const formats[] = {
		"%016lx", "%016lx.node1", "s:%016lx%%3D", "prod-eu-west-%016lX", "%020lu",
	};
	char value[80], of[16];

	assert_non_null(unused);
	for (uint32_t f = 0; f < sizeof(formats) / sizeof(formats[0]); f++) {
		begin();
		for (uint32_t i = 0; i < 300; i++) {
			snprintf(value, sizeof(value), formats[f], drawn(i));
			gives(ORDERS, "SID", value);
		}
		drive_silent();
		end();
	}
	// A few values that come again and again are no ids; nor are those of many cookies one series.
	begin();
	for (uint32_t i = 0; i < 300; i++) {
		snprintf(value, sizeof(value), "%lu", drawn(i) % 8);
		gives(ORDERS, "SID", value);
		snprintf(of, sizeof(of), "SID%u", i);
		gives(ORDERS, of, "1");
	}
	drive_silent();
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids_in_row), cmocka_unit_test(test_ids_short),
		cmocka_unit_test(test_ids_sound),
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_says_nothing),
		cmocka_unit_test(test_attempts),
		cmocka_unit_test(test_stripped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

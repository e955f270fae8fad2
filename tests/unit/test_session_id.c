// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Which ids are read off a response, and what is kept of them.

#include "detect/session_id.c"

#include "tests/unit/identity_fixture.h"

static struct session_id ids[SESSION_IDS_SET];

#define SEE(text) span_make(text, strlen(text))

// An exchange that ended: the lines of both heads.
static uint32_t exchange(const char *request, const char *response, bool signed_in, bool half)
{
	static char head[2][4096];
	struct fixture f;
	uint32_t n;

	snprintf(head[0], sizeof(head[0]), "GET / HTTP/1.1\r\nHost: h\r\n%s\r\n", request);
	snprintf(head[1], sizeof(head[1]), "HTTP/1.1 %s\r\n\r\n", response);
	fixture_open(&f, head[0], NULL, head[1], NULL);
	memset(&x, 0, sizeof(x));
	x.tx = &f.tx;
	x.half = half;
	x.login = signed_in;
	x.login_result = signed_in ? LOGIN_SUCCESS : LOGIN_UNKNOWN;
	memset(ids, 0x55, sizeof(ids));
	n = session_ids_read(&x, &principal, ids);
	fixture_close(&f);
	return n;
}

static void test_which(void **)
{
	identity_open("");
	assert_int_equal(exchange("", "200 OK\r\nSet-Cookie: PHPSESSID=12345; HttpOnly", false, false), 1);
	assert_int_equal(ids[0].len, 5);
	assert_int_equal(ids[0].name_len, 9);
	assert_memory_equal(ids[0].name, "PHPSESSID", 10);
	// Seen in part, an error, what the client has, what is no session, what is a token.
	assert_int_equal(exchange("", "200 OK\r\nSet-Cookie: PHPSESSID=12345", false, true), 0);
	assert_int_equal(exchange("", "404 No\r\nSet-Cookie: PHPSESSID=12345", false, false), 0);
	assert_int_equal(exchange("Cookie: a=b; phpsessid=12344\r\n",
				  "200 OK\r\nSet-Cookie: PHPSESSID=12345", false, false), 0);
	assert_int_equal(exchange("", "200 OK\r\nSet-Cookie: lang=en\r\nSet-Cookie: shop_auth=17",
				  false, false), 0);
	assert_int_equal(exchange("", "200 OK\r\nSet-Cookie: PHPSESSID=0123456789012345678901234567890"
				      "1234567890123456789012345678901234567890", false, false), 0);
	assert_int_equal(exchange("", "200 OK\r\nSet-Cookie: PHPSESSID=deleted", false, false) +
				 exchange("", "200 OK\r\nSet-Cookie: PHPSESSID=", false, false), 0);
	// A sign-in makes sessions of other names, and new ones.
	assert_int_equal(exchange("Cookie: shop_auth=16\r\n",
				  "200 OK\r\nSet-Cookie: lang=en\r\nSet-Cookie: shop_auth=17", true,
				  false), 1);
	// As many as there is room for.
	assert_int_equal(exchange("", "200 OK\r\nSet-Cookie: PHPSESSID=1\r\nSet-Cookie: JSESSIONID=2\r\n"
				      "Set-Cookie: connect.sid=3\r\nSet-Cookie: PHPSESSID=4\r\n"
				      "Set-Cookie: PHPSESSID=5", false, false), SESSION_IDS_SET);
}

static void same_series(const char *a, const char *b, bool same, uint64_t step)
{
	session_id_read(&ids[0], SPAN_LIT("sid"), SEE(a), 5);
	session_id_read(&ids[1], SPAN_LIT("SID"), SEE(b), 5);
	assert_true(ids[0].cookie == ids[1].cookie);
	assert_int_equal(ids[0].rest && ids[0].rest == ids[1].rest, same);
	if (same)
		assert_true(ids[1].number - ids[0].number == step);
}

static void test_numbers(void **)
{
	same_series("99", "100", true, 1);
	same_series("a-0099", "a-0100", true, 1);
	same_series("a-99.n1", "a-100.n1", true, 1);
	same_series("a-99.n1", "a-100.n2", false, 0);
	same_series("a-99", "b-100", false, 0);
	same_series("1fff", "2abc", true, 0xabd);
	same_series("x", "y", false, 0);
	same_series(".", "..", false, 0);
	same_series("", "", false, 0);
	same_series("999999999999999999", "999999999999999998", true, -UINT64_C(1));
	// Neither the id nor its number is kept: another secret, other numbers.
	static const char id[32] = "4711";

	session_id_read(&ids[0], SPAN_LIT("sid"), SEE(id), 5);
	session_id_read(&ids[1], SPAN_LIT("sid"), SEE(id), 6);
	assert_true(ids[0].number != 4711 && ids[0].number != ids[1].number);
	assert_true(ids[0].whole != ids[1].whole && ids[0].rest != ids[1].rest);
}

static double bits(const char *value)
{
	struct session_ids all = {0};

	session_id_read(&ids[0], SPAN_LIT("sid"), SEE(value), 5);
	assert_true(session_ids_add(&all, &ids[0], 1));
	assert_false(session_ids_add(&all, &ids[0], 1));
	return session_ids_bits(&all);
}

static void test_bits(void **)
{
	static const struct {
		const char *value;
		double bits;
	} all[] = {
		{"0123456789", 33.2}, {"00ff00ff", 32}, {"00FF00FF", 32}, {"00Ff00fF", 47.6},
		{"abcxyz", 28.2},     {"aB3dE6gH", 47.6}, {"0z", 10.3}, {"a-Z0", 24}, {"---", 3},
	};

	for (uint32_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		double is = bits(all[i].value);

		if (is < all[i].bits - 0.1 || is > all[i].bits + 0.1)
			fail_msg("%s: %f", all[i].value, is);
	}
}

// Judged anew after so many, and of the last ones only.
static void test_round(void **)
{
	struct session_ids all = {0};
	char value[32];

	for (uint32_t i = 0; i < 3 * SESSION_IDS_ROUND; i++) {
		snprintf(value, sizeof(value), "%u", 1000 + i);
		session_id_read(&ids[0], SPAN_LIT("sid"), SEE(value), 5);
		assert_true(session_ids_add(&all, &ids[0], 1));
		assert_int_equal(all.ids, i % SESSION_IDS_ROUND + 1);
		assert_int_equal(all.next, i % SESSION_IDS_ROUND);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_which), cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_bits), cmocka_unit_test(test_round),
	};

	return cmocka_run_group_tests(tests, NULL, identity_close);
}

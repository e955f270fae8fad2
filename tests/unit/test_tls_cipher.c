// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Key derivation against published values; records of every cipher suite, whole, changed in every
// bit, under the wrong number and the wrong key.

#include "tests/unit/tls_seal.h"

#include "flows/tls_cipher.c"
#include "flows/tls_kdf.c"

static void hex_to(const char *text, uint8_t *out)
{
	for (uint32_t i = 0; text[i]; i += 2) {
		unsigned int v;

		assert_int_equal(sscanf(text + i, "%2x", &v), 1);
		out[i / 2] = (uint8_t)v;
	}
}

// The vector that the TLS working group published for the PRF with SHA-256.
static void test_prf(void **)
{
	uint8_t secret[16], seed[16], want[32], out[100];

	hex_to("9bbe436ba940f017b17652849a71db35", secret);
	hex_to("a0ba9f936cda311827a6f796ffd5198c", seed);
	hex_to("e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a", want);
	tls_prf_12(TLS_SHA256, span_make(secret, 16), "test label", span_make(seed, 16), out,
		   sizeof(out));
	assert_memory_equal(out, want, sizeof(want));
}

// RFC 8448 section 3: keys of the handshake.
static void test_expand(void **)
{
	uint8_t secret[32], want[16], out[16];

	hex_to("b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21", secret);
	hex_to("dbfaa693d1762c5b666af5d950258d01", want);
	tls_expand_label(TLS_SHA256, secret, "key", out, 16);
	assert_memory_equal(out, want, 16);
	hex_to("5bd3c71b836e0b76bb73265f", want);
	tls_expand_label(TLS_SHA256, secret, "iv", out, 12);
	assert_memory_equal(out, want, 12);
	hex_to("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38", secret);
	hex_to("3fce516009c21727d0f2e4e86ee403bc", want);
	tls_expand_label(TLS_SHA256, secret, "key", out, 16);
	assert_memory_equal(out, want, 16);
}

static struct buf record;
static uint8_t plain[20000];

struct opened {
	bool good;
	uint32_t len;
	uint8_t type;
};

static struct opened open_record(struct tls_cipher *c, uint64_t seq)
{
	struct opened o = {0};
	struct span body = guarded(span_make(record.p + 5, record.n - 5));

	o.good = tls_cipher_open(c, seq, record.p, body, plain, &o.len, &o.type);
	return o;
}

static void check_suite(const struct tls_suite *suite, bool is_13, bool etm)
{
	static struct tls_cipher c[2];
	struct sealer s[2];
	uint8_t client[32] = {1}, server[32] = {2};
	struct tls_secret master = {.len = 48, .bytes = {3, 4, 5}};

	if (is_13) {
		seal_keys_13(&s[1], suite, master.bytes);
		tls_cipher_keys_13(&c[1], suite, master.bytes);
	} else {
		seal_keys_12(s, suite, master.bytes, client, server, etm);
		tls_cipher_keys_12((struct tls_cipher *const[2]){&c[0], &c[1]}, suite, &master,
				   client, server, etm);
	}
	for (uint32_t len = 1; len < 17000; len = len * 3 + 1) {
		static uint8_t text[17000];
		uint64_t seq = s[1].seq;

		memset(text, (int)len, sizeof(text));
		record.n = 0;
		seal(&s[1], &record, 23, span_make(text, len));
		struct opened o = open_record(&c[1], seq);

		assert_true(o.good);
		assert_int_equal(o.type, 23);
		assert_int_equal(o.len, len);
		assert_memory_equal(plain, text, len);
		uint32_t exact = tls_cipher_plain_len(&c[1], record.n - 5);

		assert_true(exact == len || (exact == UINT32_MAX && (is_13 || suite->mac)));
		assert_false(open_record(&c[1], seq + 1).good);
		if (!is_13)
			assert_false(open_record(&c[0], seq).good);
		// Any bit of a record, its head included; the length is what was gathered.
		for (uint32_t i = 0; i < record.n * 8 && len < 50; i++) {
			if (i >= 8 && i < 24)
				continue; // a version is checked before
			if (i >= 24 && i < 40 && !is_13)
				continue;
			record.p[i / 8] ^= (uint8_t)(1 << i % 8);
			assert_false(open_record(&c[1], seq).good);
			record.p[i / 8] ^= (uint8_t)(1 << i % 8);
		}
		for (uint32_t cut = 5; cut < record.n && len < 50; cut++) {
			uint32_t n = record.n;

			record.n = cut;
			assert_false(open_record(&c[1], seq).good);
			record.n = n;
		}
	}
}

static void test_suites(void **)
{
	for (uint32_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
		assert_true(i == 0 || suites[i - 1].id < suites[i].id); // none twice
		assert_ptr_equal(tls_suite_find(suites[i].id, false), &suites[i]);
		check_suite(&suites[i], false, false);
	}
	check_suite(tls_suite_find(0x002f, false), false, true);
	check_suite(tls_suite_find(0x003d, false), false, true);
	check_suite(tls_suite_find(0xc028, false), false, true);
	for (uint32_t i = 0; i < sizeof(suites_13) / sizeof(suites_13[0]); i++)
		check_suite(&suites_13[i], true, false);
	assert_null(tls_suite_find(0x0005, false));
	assert_null(tls_suite_find(0x1301, false));
	assert_null(tls_suite_find(0xc02f, true));
}

static void test_update(void **)
{
	const struct tls_suite *suite = tls_suite_find(0x1302, true);
	uint8_t secret[48] = {9}, want[48];

	tls_expand_label(TLS_SHA384, secret, "traffic upd", want, 48);
	tls_secret_update(suite, secret);
	assert_memory_equal(secret, want, 48);
}

// Nothing but padding; nothing at all.
static void test_empty(void **)
{
	const struct tls_suite *suite = tls_suite_find(0x1301, true);
	static struct tls_cipher c;
	uint8_t secret[48] = {1};
	struct sealer s;

	seal_keys_13(&s, suite, secret);
	tls_cipher_keys_13(&c, suite, secret);
	record.n = 0;
	seal_13(&s, &record, 0, SPAN_LIT(""), 20);
	assert_false(open_record(&c, 0).good);
	record.n = 0;
	seal_13(&s, &record, 22, SPAN_LIT(""), 0);
	struct opened o = open_record(&c, 1);

	assert_true(o.good && o.len == 0 && o.type == 22);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prf),    cmocka_unit_test(test_expand),
		cmocka_unit_test(test_suites), cmocka_unit_test(test_update),
		cmocka_unit_test(test_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

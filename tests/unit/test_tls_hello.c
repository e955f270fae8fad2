// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Hellos: what is taken out of them, cut at every byte, and with every byte changed.

#include "tests/unit/tls_build.h"

#include "flows/tls_hello.c"

static struct buf b;

#define assert_span(s, text)                                                                       \
	assert_true(span_eq(s, span_make(text, strlen(text))))

static const struct client_options usual = {
	.sni = "api.example", .alpn = {"h2", "http/1.1"}, .grease = true};

static void test_client(void **)
{
	struct tls_client_hello hello;

	b.n = 0;
	client_hello_body(&b, &usual);
	assert_true(tls_hello_client(guarded(whole_of(&b)), &hello));
	assert_span(hello.sni, "api.example");
	assert_span(hello.alpn, "\2h2\10http/1.1");
	assert_int_equal(hello.legacy_version, 0x0303);
	assert_int_equal(hello.random.len, 32);
	assert_int_equal(hello.random.p[0], CLIENT_RANDOM_FIRST);
	assert_int_equal(hello.ciphers.len, 16);
	assert_int_equal(hello.groups.len, 6);
	assert_int_equal(hello.formats.len, 1);
	assert_int_equal(hello.signatures.len, 4);
	assert_int_equal(hello.versions.len, 6);
	assert_true(hello.has_sni && !hello.early_data && !hello.damaged && !hello.v2);
	b.n = 0;
	client_hello_body(&b, &(struct client_options){.early_data = true, .no_13 = true});
	assert_true(tls_hello_client(guarded(whole_of(&b)), &hello));
	assert_true(hello.early_data && !hello.has_sni && !hello.sni.p && !hello.alpn.p);
	assert_null(hello.versions.p);
}

static void test_client_old(void **)
{
	struct tls_client_hello hello;

	// No extensions at all.
	b.n = 0;
	put_number(&b, 0x0300, 2);
	random_bytes(&b, 0);
	put_vector(&b, "", 0, 1);
	put_vector(&b, "\0\x2f", 2, 2);
	put_vector(&b, "", 1, 1);
	assert_true(tls_hello_client(guarded(whole_of(&b)), &hello));
	assert_int_equal(hello.extensions.len, 0);
	put_number(&b, 0, 1);
	assert_false(tls_hello_client(guarded(whole_of(&b)), &hello));
	b.n--;
	b.p[0] = 2;
	assert_false(tls_hello_client(guarded(whole_of(&b)), &hello));
}

static void test_cut(void **)
{
	struct tls_client_hello client;
	struct tls_server_hello server;
	uint32_t without; // where the extensions begin: a hello may end there

	b.n = 0;
	client_hello_body(&b, &usual);
	without = 2 + 32 + 33 + 2 + 16 + 2;
	for (uint32_t n = 0; n < b.n; n++)
		assert_int_equal(tls_hello_client(guarded(span_make(b.p, n)), &client),
				 n == without);
	b.n = 0;
	server_hello_body(&b, &(struct server_options){.version = 0x0304, .cipher = 0x1301});
	without = 2 + 32 + 33 + 2 + 1;
	for (uint32_t n = 0; n < b.n; n++)
		assert_int_equal(tls_hello_server(guarded(span_make(b.p, n)), &server),
				 n == without);
}

// An extension whose contents are wrong is left out, and said so.
static void test_damaged(void **)
{
	struct tls_client_hello hello;
	static const struct {
		uint16_t type;
		struct span bytes;
	} bad[] = {
		{0, SPAN_LIT("\0\5\0\0\1a")},  {0, SPAN_LIT("\0\4\0\0\2a")},
		{10, SPAN_LIT("\0\3\0\1\2")},  {11, SPAN_LIT("\2\0")},
		{13, SPAN_LIT("\0\4\0\1\2")},  {16, SPAN_LIT("\0\3\3h2")},
		{43, SPAN_LIT("\3\3\4\3")},    {16, SPAN_LIT("")},
	};

	for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		b.n = 0;
		put_number(&b, 0x0303, 2);
		random_bytes(&b, 0);
		put_vector(&b, "", 0, 1);
		put_vector(&b, "\x13\1", 2, 2);
		put_vector(&b, "", 1, 1);
		uint32_t all = begin(&b, 2), at = extension(&b, bad[i].type);

		put(&b, bad[i].bytes.p, bad[i].bytes.len);
		end(&b, at, 2);
		end(&b, extension(&b, 42), 2);
		end(&b, all, 2);
		assert_true(tls_hello_client(guarded(whole_of(&b)), &hello));
		assert_true(hello.damaged && hello.early_data);
		assert_true(!hello.sni.p && !hello.alpn.p && !hello.groups.p && !hello.formats.p &&
			    !hello.signatures.p && !hello.versions.p);
	}
}

static void test_server(void **)
{
	struct tls_server_hello hello;

	b.n = 0;
	server_hello_body(&b, &(struct server_options){
				      .version = 0x0303, .cipher = 0xc02f, .alpn = "h2", .etm = true});
	assert_true(tls_hello_server(guarded(whole_of(&b)), &hello));
	assert_int_equal(hello.version, 0x0303);
	assert_int_equal(hello.cipher, 0xc02f);
	assert_span(hello.alpn, "h2");
	assert_true(hello.encrypt_then_mac && !hello.retry && !hello.damaged);
	assert_false(tls_hello_is_13(hello.version));
	b.n = 0;
	server_hello_body(&b, &(struct server_options){
				      .version = 0x0304, .cipher = 0x1301, .retry = true});
	assert_true(tls_hello_server(guarded(whole_of(&b)), &hello));
	assert_true(hello.retry && !hello.alpn.p && !hello.encrypt_then_mac);
	assert_int_equal(hello.version, 0x0304);
	assert_int_equal(hello.legacy_version, 0x0303);
	assert_true(tls_hello_is_13(hello.version));
	assert_true(tls_hello_is_13(0x7f1c));
	// A version that is not readable is not known.
	b.n -= 2;
	b.p[b.n - 1] = 0;
	b.p[b.n - 5] = 4;
	assert_true(tls_hello_server(guarded(whole_of(&b)), &hello));
	assert_true(hello.damaged);
	assert_int_equal(hello.version, 0);
}

static void test_server_draft(void **)
{
	struct tls_server_hello hello;

	b.n = 0;
	put_number(&b, 0x7f12, 2);
	random_bytes(&b, 0);
	put_number(&b, 0x1301, 2);
	put_number(&b, 0, 2);
	assert_true(tls_hello_server(guarded(whole_of(&b)), &hello));
	assert_int_equal(hello.cipher, 0x1301);
	assert_int_equal(hello.version, 0x7f12);
}

static void test_encrypted(void **)
{
	struct span alpn;

	b.n = 0;
	uint32_t all = begin(&b, 2), at;

	end(&b, extension(&b, 10), 2);
	at = extension(&b, 16);
	put_vector(&b, "\2h2", 3, 2);
	end(&b, at, 2);
	end(&b, all, 2);
	assert_true(tls_hello_encrypted(guarded(whole_of(&b)), &alpn));
	assert_span(alpn, "h2");
	for (uint32_t n = 0; n < b.n; n++)
		assert_false(tls_hello_encrypted(guarded(span_make(b.p, n)), &alpn));
	assert_true(tls_hello_encrypted(guarded(SPAN_LIT("\0\0")), &alpn));
	assert_null(alpn.p);
	// Two names where one must be.
	assert_false(tls_hello_encrypted(guarded(SPAN_LIT("\0\12\0\x10\0\6\0\4\1a\1b")), &alpn));
	assert_null(alpn.p);
}

static void put_v2(void)
{
	b.n = 0;
	put_number(&b, 0x8000 | (9 + 6 + 16), 2);
	put(&b, "\1\3\1\0\6\0\0\0\x10", 9);
	put(&b, "\0\0\x2f\1\0\x80", 6);
	put(&b, "0123456789abcdef", 16);
}

static void test_v2(void **)
{
	struct tls_client_hello hello;
	bool sure;

	put_v2();
	assert_true(tls_hello_client_v2(guarded(span_make(b.p + 2, b.n - 2)), &hello));
	assert_true(hello.v2);
	assert_int_equal(hello.legacy_version, 0x0301);
	assert_int_equal(hello.ciphers.len, 6);
	for (uint32_t n = 0; n < b.n - 2; n++)
		assert_false(tls_hello_client_v2(guarded(span_make(b.p + 2, n)), &hello));
	for (uint32_t n = 0; n <= 16; n++) {
		assert_true(tls_hello_v2_begins(guarded(span_make(b.p, n)), &sure));
		assert_int_equal(sure, n >= 11);
	}
	for (uint32_t i = 0; i < 11; i++) {
		put_v2();
		b.p[i] ^= 0x81;
		assert_false(tls_hello_v2_begins(guarded(span_make(b.p, 16)), &sure) &&
			     i != 4); // the minor version
	}
}

// Whatever the bytes, what is handed out lies inside them.
static void check_inside(struct span all, struct span part)
{
	assert_true(!part.p || (part.p >= all.p && part.len <= all.len &&
				part.p + part.len <= all.p + all.len));
}

static void test_changed(void **)
{
	struct tls_client_hello client;
	struct tls_server_hello server;
	static struct buf copy;

	b.n = 0;
	client_hello_body(&b, &usual);
	for (uint32_t i = 0; i < b.n * 8; i++) {
		copy = b;
		copy.p[i / 8] ^= (uint8_t)(1 << i % 8);
		struct span all = guarded(whole_of(&copy));

		if (!tls_hello_client(all, &client))
			continue;
		check_inside(all, client.sni);
		check_inside(all, client.alpn);
		check_inside(all, client.ciphers);
		check_inside(all, client.extensions);
		check_inside(all, client.groups);
		check_inside(all, client.versions);
	}
	b.n = 0;
	server_hello_body(&b, &(struct server_options){
				      .version = 0x0304, .cipher = 0x1301, .alpn = "h2"});
	for (uint32_t i = 0; i < b.n * 8; i++) {
		copy = b;
		copy.p[i / 8] ^= (uint8_t)(1 << i % 8);
		struct span all = guarded(whole_of(&copy));

		if (tls_hello_server(all, &server)) {
			check_inside(all, server.alpn);
			check_inside(all, server.extensions);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_client),    cmocka_unit_test(test_client_old),
		cmocka_unit_test(test_cut),       cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_server),    cmocka_unit_test(test_server_draft),
		cmocka_unit_test(test_encrypted), cmocka_unit_test(test_v2),
		cmocka_unit_test(test_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Fingerprints against their texts hashed in one piece, GREASE, and the order of what JA4 sorts.

#include "tests/unit/tls_build.h"

#include "flows/ja.c"

static struct buf b;

static void md5_of(const char *text, char out[33])
{
	struct md5_ctx md5;

	md5_init(&md5);
	md5_update(&md5, strlen(text), (const uint8_t *)text);
	md5_end(&md5, out);
}

static void sha_of(const char *text, char out[13])
{
	struct sha256_ctx sha;

	sha256_init(&sha);
	sha256_update(&sha, strlen(text), (const uint8_t *)text);
	sha_end(&sha, out);
}

static void hello_of(const struct client_options *o, struct tls_client_hello *hello)
{
	b.n = 0;
	client_hello_body(&b, o);
	assert_true(tls_hello_client(whole_of(&b), hello));
}

// The digest of nothing and of "abc" (RFC 1321): that the hash is the right one.
static void test_hash(void **)
{
	char text[33], want[33];

	md5_of("abc", text);
	assert_string_equal(text, "900150983cd24fb0d6963f7d28e17f72");
	sha_of("abc", want);
	assert_string_equal(want, "ba7816bf8f01");
}

static void test_ja3(void **)
{
	struct tls_client_hello hello;
	struct client_options o = {.sni = "a.example", .alpn = {"h2"}};
	char want[33], got[33];

	md5_of("771,4865-4866-4867-49199-49200-156-47,0-10-11-13-16-43,29-23,0", want);
	hello_of(&o, &hello);
	ja3_client(&hello, got);
	assert_string_equal(got, want);
	o.grease = true;
	hello_of(&o, &hello);
	ja3_client(&hello, got);
	assert_string_equal(got, want);
	md5_of("769,47-65664,,,", want);
	hello = (struct tls_client_hello){.v2 = true,
					  .legacy_version = 0x0301,
					  .ciphers = SPAN_LIT("\0\0\x2f\1\0\x80")};
	ja3_client(&hello, got);
	assert_string_equal(got, want);
}

static void test_ja3s(void **)
{
	struct tls_server_hello hello;
	char want[33], got[33];

	b.n = 0;
	server_hello_body(&b, &(struct server_options){
				      .version = 0x0304, .cipher = 0x1301, .alpn = "h2"});
	assert_true(tls_hello_server(whole_of(&b), &hello));
	ja3_server(&hello, got);
	md5_of("771,4865,43-16", want);
	assert_string_equal(got, want);
}

static void ja4_is(const struct client_options *o, const char *head, const char *ciphers,
		   const char *rest)
{
	struct tls_client_hello hello;
	char want[64], got[37], hash[2][13];

	sha_of(ciphers, hash[0]);
	sha_of(rest, hash[1]);
	snprintf(want, sizeof(want), "%s_%s_%s", head, hash[0], hash[1]);
	hello_of(o, &hello);
	ja4_client(&hello, got);
	assert_string_equal(got, want);
}

#define CIPHERS "002f,009c,1301,1302,1303,c02f,c030"

static void test_ja4(void **)
{
	ja4_is(&(struct client_options){.sni = "a", .alpn = {"http/1.1"}, .grease = true},
	       "t13d0706h1", CIPHERS, "000a,000b,000d,002b_0403,0804");
	ja4_is(&(struct client_options){.no_13 = true}, "t12i070300", CIPHERS,
	       "000a,000b,000d_0403,0804");
	ja4_is(&(struct client_options){.alpn = {"x"}}, "t13i0705xx", CIPHERS,
	       "000a,000b,000d,002b_0403,0804");
	ja4_is(&(struct client_options){.alpn = {"\xab"}}, "t13i0705ab", CIPHERS,
	       "000a,000b,000d,002b_0403,0804");
	ja4_is(&(struct client_options){.alpn = {"\x30\xab"}}, "t13i07053b", CIPHERS,
	       "000a,000b,000d,002b_0403,0804");
}

static void test_ja4_empty(void **)
{
	struct tls_client_hello hello = {.legacy_version = 0x0302};
	char got[37];

	ja4_client(&hello, got);
	assert_string_equal(got, "t11i000000_000000000000_000000000000");
	// Nothing but a server name is hashed; signatures do not change that.
	hello.extensions = SPAN_LIT("\0\0\0\0");
	hello.signatures = SPAN_LIT("\4\3");
	ja4_client(&hello, got);
	assert_string_equal(got, "t11i000100_000000000000_000000000000");
}

static void test_sort(void **)
{
	static uint16_t v[JA_VALUES];
	uint32_t sum[2] = {0};

	for (uint32_t n = 0; n <= JA_VALUES; n = n < 40 ? n + 1 : n * 2 + 1) {
		n = n > JA_VALUES ? JA_VALUES : n;
		sum[0] = sum[1] = 0;
		for (uint32_t i = 0; i < n; i++) {
			v[i] = (uint16_t)(i * 40503u >> 3);
			sum[0] += v[i];
		}
		sort(v, n);
		for (uint32_t i = 0; i < n; i++) {
			sum[1] += v[i];
			assert_true(i == 0 || v[i - 1] <= v[i]);
		}
		assert_int_equal(sum[0], sum[1]);
	}
}

// As many ciphers as a hello of 16 KiB can hold.
static void test_many(void **)
{
	static uint8_t list[2 * JA_VALUES];
	struct tls_client_hello hello = {.legacy_version = 0x0303};
	char got[37];

	for (uint32_t i = 0; i < sizeof(list); i++)
		list[i] = (uint8_t)(i * 7);
	hello.ciphers = guarded(span_make(list, sizeof(list)));
	ja4_client(&hello, got);
	assert_memory_equal(got, "t12i990000_", 11);
	assert_int_equal(strlen(got), 36);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hash), cmocka_unit_test(test_ja3),
		cmocka_unit_test(test_ja3s), cmocka_unit_test(test_ja4),
		cmocka_unit_test(test_ja4_empty), cmocka_unit_test(test_sort),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Certificates: the facts of made ones, cut at every byte, and with every bit changed.

#include "tests/unit/tls_build.h"

#include "flows/tls_cert.c"

static struct buf b;
static struct tls_cert cert;

static const struct cert_options usual = {
	.subject = "api.example",
	.issuer = "An Issuer, Ltd.",
	.organisation = "Example",
	.before = "240229120000Z",
	.after = "20510101000000Z",
	.rsa_bits = 2048,
	.n_names = 2,
};

static bool parse(const struct cert_options *o)
{
	b.n = 0;
	put_cert(&b, o);
	return tls_cert_parse(guarded(whole_of(&b)), &cert);
}

#define assert_text(text, len, want)                                                               \
	do {                                                                                       \
		assert_int_equal(len, strlen(want));                                               \
		assert_memory_equal(text, want, strlen(want));                                     \
	} while (0)

static void test_usual(void **)
{
	assert_true(parse(&usual));
	assert_text(cert.subject, cert.subject_len, "CN=api.example,O=Example");
	assert_text(cert.issuer, cert.issuer_len, "CN=An Issuer\\, Ltd.,O=Example");
	assert_text(cert.san, cert.san_len, "n0.example,n1.example,192.0.2.1");
	assert_int_equal(cert.n_san, 3);
	assert_int_equal(cert.n_san_kept, 3);
	assert_true(cert.has_validity);
	assert_int_equal(cert.not_before_s, 1709208000);
	assert_int_equal(cert.not_after_s, 2556144000);
	assert_int_equal(cert.key, TLS_KEY_RSA);
	assert_int_equal(cert.key_bits, 2048);
	assert_false(cert.self_signed);
	assert_string_equal(tls_key_name(cert.key), "rsa");
	assert_null(tls_key_name(TLS_KEY_UNKNOWN));
	assert_string_equal(tls_key_name(TLS_KEY_GOST), "gost");
}

static void test_other(void **)
{
	struct cert_options o = usual;

	o.issuer = o.subject;
	o.rsa_bits = 0;
	o.n_names = 0;
	o.organisation = NULL;
	assert_true(parse(&o));
	assert_true(cert.self_signed);
	assert_int_equal(cert.key, TLS_KEY_EC);
	assert_int_equal(cert.key_bits, 256);
	assert_int_equal(cert.n_san, 0);
	assert_text(cert.subject, cert.subject_len, "CN=api.example");
	o.before = "991332000000Z"; // no such month
	assert_true(parse(&o));
	assert_false(cert.has_validity);
	o.before = "500101000000Z"; // UTCTime: from 1950 on
	assert_true(parse(&o));
	assert_int_equal(cert.not_before_s, -631152000);
}

// More names than there is room for: whole ones are kept, all are counted.
static void test_many_names(void **)
{
	struct cert_options o = usual;

	o.n_names = 500;
	assert_true(parse(&o));
	assert_int_equal(cert.n_san, 501);
	assert_true(cert.n_san_kept > 30 && cert.n_san_kept < 60);
	assert_true(cert.san_len <= TLS_CERT_SAN);
	assert_memory_equal(cert.san + cert.san_len - 8, ".example", 8);
}

static void test_long_name(void **)
{
	static char name[400];
	struct cert_options o = usual;

	memset(name, 'x', sizeof(name) - 1);
	o.subject = name;
	assert_true(parse(&o));
	assert_true(cert.subject_cut && !cert.issuer_cut);
	assert_int_equal(cert.subject_len, 0);
}

static void test_text(void **)
{
	char out[64];
	struct text t = {.out = out, .room = sizeof(out)};

	text_oid(&t, SPAN_LIT("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"));
	assert_text(out, t.len, "1.2.840.113549.1.1.1");
	t.len = 0;
	text_bmp(&t, SPAN_LIT("\0a\x00\xe9\x20\xac\xd8\x00"));
	assert_text(out, t.len, "a\xc3\xa9\xe2\x82\xac?");
	t.len = 0;
	san_ip(&t, SPAN_LIT("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"));
	assert_text(out, t.len, "2001:0db8:0000:0000:0000:0000:0000:0001");
}

static void test_cut(void **)
{
	assert_true(parse(&usual));
	for (uint32_t n = 0; n < b.n; n++)
		assert_false(tls_cert_parse(guarded(span_make(b.p, n)), &cert));
}

static void test_changed(void **)
{
	static struct buf copy;
	uint32_t taken = 0;

	assert_true(parse(&usual));
	for (uint32_t i = 0; i < b.n * 8; i++) {
		copy = b;
		copy.p[i / 8] ^= (uint8_t)(1 << i % 8);
		taken += tls_cert_parse(guarded(whole_of(&copy)), &cert);
		assert_true(cert.subject_len <= TLS_CERT_NAME && cert.issuer_len <= TLS_CERT_NAME);
		assert_true(cert.san_len <= TLS_CERT_SAN && cert.n_san_kept <= cert.n_san);
	}
	assert_true(taken > b.n); // most bits are contents
}

// Elements in elements, as deep as the bytes allow, cost what they are long.
static void test_deep(void **)
{
	b.n = 0;
	for (uint32_t left = 16000; left > 4; left -= 4) {
		put(&b, "\x30\x82", 2);
		put_number(&b, left - 4, 2);
	}
	assert_false(tls_cert_parse(guarded(whole_of(&b)), &cert));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usual),     cmocka_unit_test(test_other),
		cmocka_unit_test(test_many_names), cmocka_unit_test(test_long_name),
		cmocka_unit_test(test_text),      cmocka_unit_test(test_cut),
		cmocka_unit_test(test_changed),   cmocka_unit_test(test_deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

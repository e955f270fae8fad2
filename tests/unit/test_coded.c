// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Parts of multipart bodies in base64 and quoted-printable, in every cutting: what they say, and
// which bytes of the body that takes.

#include "tests/unit/body_harness.h"

#define TYPE "multipart/form-data; boundary=x-7"
#define PART(coding)                                                                               \
	"--x-7\r\nContent-Disposition: form-data; name=\"note\"\r\n"                               \
	"Content-Transfer-Encoding: " coding "\r\n\r\n"
#define END "\r\n--x-7--"

static uint64_t covered[64][2]; // of each value: where it lies in the body
static uint32_t n_covered;
static char joined[8192];

static void on_coded(void *ctx, struct http_tx *seen, const struct value *v)
{
	on_value(ctx, seen, v);
	if (v->kind != VALUE_DECODED || n_covered == 64)
		return;
	covered[n_covered][0] = v->off;
	covered[n_covered++][1] = v->off + v->overlap;
	strncat(joined, (const char *)v->v.p, v->v.len);
}

static void show(const char *body, size_t size)
{
	limits_reset();
	env.sink.value = on_coded;
	n_covered = 0;
	joined[0] = 0;
	feed(TYPE, NULL, body, strlen(body), size);
}

static void expect(const char *body, const char *text, const char *from)
{
	uint64_t at = (uint64_t)(strstr(body, from) - body);

	for (size_t size = 1; size <= strlen(body); size++) {
		show(body, size);
		assert_string_equal(joined, text);
		assert_int_equal(n_covered, 1);
		assert_int_equal(covered[0][0], at);
		assert_int_equal(covered[0][1], strlen(body) - strlen(END));
		assert_non_null(strstr(log_text, "$|note="));
	}
}

static void test_base64(void **)
{
	expect(PART("base64") "TXkgcGFzc3BvcnQ6IEE0ODI5MTczNg==" END, "My passport: A48291736",
	       "TXkg");
	// Broken anywhere, without padding, in any case of its name, with a parameter.
	expect(PART("Base64; x=y") "TXkgc\r\nGFzc3BvcnQ6IEE0O\r\n DI5MTczNg" END,
	       "My passport: A48291736", "TXkg");
	// Padded in the middle.
	expect(PART("base64") "YQ==YmM=" END, "abc", "YQ==");
}

static void test_quoted(void **)
{
	expect(PART("quoted-printable") "SSN =3D =\r\n123-45=2D6789" END, "SSN = 123-45-6789",
	       "SSN");
	// Lower case, blanks behind a joined line's end, what is no escape.
	expect(PART("Quoted-Printable") "a=3d= \t\r\nb=zz=4!=" END, "a=b=zz=4!", "a=3d");
}

static void test_others(void **)
{
	show(PART("8bit") "a=3Db" END, 7);
	assert_string_equal(log_text + strcspn(log_text, "|"), "|note=a=3Db\n");
	assert_int_equal(n_covered, 0);
	// What is an image stays one; the next part has no coding.
	show("--x-7\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nYWJj\r\n"
	     "--x-7\r\n\r\nYWJj" END,
	     9);
	assert_int_equal(n_covered, 0);
	assert_int_equal(n_values, 1);
	show(PART("base64") END, 3);
	assert_int_equal(n_values, 0);
}

// Nothing is lost where a long text is cut, words stay whole, and the places cover it without holes.
static void test_long(void **)
{
	static char body[16384], text[4096];
	size_t n = 0, len;

	text[0] = 0;
	len = (size_t)snprintf(body, sizeof(body), "%s", PART("quoted-printable"));
	for (uint32_t i = 0; n < 3000; i++) {
		n += (size_t)snprintf(text + n, sizeof(text) - n, "word%u ", i);
		len += (size_t)snprintf(body + len, sizeof(body) - len, "=77ord%u%s ", i,
					i % 5 ? "" : "=\r\n");
	}
	snprintf(body + len, sizeof(body) - len, "%s", END);
	for (size_t size = 1; size < len; size += size < 8 ? 1 : 211) {
		show(body, size);
		assert_string_equal(joined, text);
		assert_true(n_covered >= 6);
		assert_int_equal(covered[0][0], strlen(PART("quoted-printable")));
		assert_int_equal(covered[n_covered - 1][1], len);
		for (uint32_t i = 1; i < n_covered; i++) {
			assert_true(covered[i][0] <= covered[i - 1][1]);
			assert_true(covered[i][0] + 400 > covered[i - 1][1]);
		}
		for (const char *p = log_text; (p = strstr(p, "|note=")); p++)
			assert_memory_equal(p + 6, "word", 4);
	}
	// One word without end.
	len = (size_t)snprintf(body, sizeof(body), "%s", PART("base64"));
	memset(body + len, 'Y', 4000);
	snprintf(body + len + 4000, sizeof(body) - len - 4000, "%s", END);
	show(body, 1000);
	assert_int_equal(strlen(joined), 3000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_quoted),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

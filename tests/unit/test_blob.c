// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Numbers that are written come back, wherever they lie to what is read ahead, and nothing beyond a
// blob is read: of a file that is cut, of a blob that ends within the file.

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "detect/blob.h"

enum { N = 6000, LEN = 16 * N };

static uint8_t bytes[LEN];

static uint64_t number_of(uint64_t i)
{
	uint64_t x = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);

	return x >> (i * 7 % 64);
}

// One, two, three … eight bytes and a packed number in turn.
static size_t fill(void)
{
	FILE *out = fmemopen(bytes, sizeof(bytes), "w");
	size_t len;

	assert_non_null(out);
	for (uint64_t i = 0; i < N; i++) {
		if (i % 9)
			blob_put(out, number_of(i), (uint32_t)(i % 9));
		else
			blob_put_packed(out, number_of(i));
	}
	len = (size_t)ftell(out);
	fclose(out);
	return len;
}

// How many come back right before the reader says that it is bad.
static uint64_t read_back(size_t file, size_t blob, struct blob_reader *r)
{
	FILE *in = fmemopen(bytes, file, "r");
	uint64_t i = 0;

	assert_non_null(in);
	*r = (struct blob_reader){.in = in, .left = blob};
	for (; i < N; i++) {
		uint32_t n = (uint32_t)(i % 9);
		uint64_t got = n ? blob_get(r, n) : blob_get_packed(r);

		if (r->bad)
			break;
		assert_int_equal(got, n ? number_of(i) & UINT64_MAX >> (64 - 8 * n) : number_of(i));
	}
	fclose(in);
	return i;
}

static void test_all(void **)
{
	struct blob_reader r;
	size_t len = fill();

	assert_true(len > 3 * BLOB_AHEAD);
	assert_int_equal(read_back(len, len, &r), N);
	assert_false(r.bad);
	assert_int_equal(r.left, 0);
}

static void test_cut(void **)
{
	struct blob_reader r;
	size_t len = fill();
	uint64_t before = N;

	// Each shorter one holds fewer numbers or as many. Of a file that ends too early the last few
	// may be missing, for the longest number would not fit any more.
	for (size_t cut = len - 1; cut > 0; cut -= cut > 40 && cut < BLOB_AHEAD - 40 ? 37 : 1) {
		uint64_t n = read_back(cut, len, &r), same = read_back(len, cut, &r);

		assert_true(n <= same && same - n < 9);
		assert_true(r.bad && same <= before && same < N);
		before = same;
		if (cut < len - 60 && cut > BLOB_AHEAD + 60)
			cut -= 53;
	}
}

static void test_bad(void **)
{
	struct blob_reader r;
	FILE *in;

	// Eleven bytes of one number; a tenth byte with more than one bit.
	memset(bytes, 0xff, 16);
	in = fmemopen(bytes, 16, "r");
	r = (struct blob_reader){.in = in, .left = 16};
	assert_int_equal(blob_get_packed(&r), 0);
	assert_true(r.bad);
	// Once bad, always bad.
	assert_int_equal(blob_get(&r, 1), 0);
	assert_int_equal(blob_get_double(&r), 0);
	fclose(in);
	in = fmemopen(bytes, 16, "r");
	r = (struct blob_reader){.in = in, .left = 16};
	assert_true(blob_get_double(&r) == 0 && r.bad); // not a number
	fclose(in);
	r = (struct blob_reader){.in = NULL};
	assert_int_equal(blob_get(&r, 4), 0);
	assert_true(r.bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The prefilter: all mask functions agree with the plain one on every byte and on noise, and runs
// are cut where a slow search cuts them, up to the end of memory.

#include "detect/runs.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
// cmocka needs those above
#include <cmocka.h>

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static bool slow_digit(uint8_t c)
{
	return strchr("0123456789", c) && c;
}

static bool slow_alnum(uint8_t c)
{
	return c && strchr("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", c);
}

static void test_each_byte(void **)
{
	for (uint32_t v = 0; runs_variant(v); v++) {
		for (uint32_t c = 0; c < 256; c++) {
			for (uint32_t at = 0; at < RUNS_BLOCK; at++) {
				uint8_t block[RUNS_BLOCK];
				struct runs_block m;
				uint64_t bit = UINT64_C(1) << at;

				memset(block, ' ', sizeof(block));
				block[at] = (uint8_t)c;
				runs_variant(v)(block, 1, &m);
				assert_int_equal(m.digit, slow_digit((uint8_t)c) ? bit : 0);
				assert_int_equal(m.alnum, slow_alnum((uint8_t)c) ? bit : 0);
				assert_int_equal(m.at, c == '@' ? bit : 0);
				assert_int_equal(m.wide, c >= 0x80 ? bit : 0);
			}
		}
	}
}

static void test_variants_agree(void **)
{
	enum { BLOCKS = 5 };
	uint64_t random = 31;
	uint8_t *p = malloc(BLOCKS * RUNS_BLOCK);

	assert_non_null(runs_variant(0));
	assert_true(runs_best() == runs_variant(0) || runs_best() == runs_variant(1) ||
		    runs_best() == runs_variant(2));
	for (uint32_t round = 0; round < 2000; round++) {
		struct runs_block want[BLOCKS], got[BLOCKS];
		uint32_t n = 1 + (uint32_t)(next_random(&random) % BLOCKS);

		for (uint32_t i = 0; i < n * RUNS_BLOCK; i++)
			p[i] = (uint8_t)next_random(&random);
		runs_scalar(p, n, want);
		for (uint32_t v = 1; runs_variant(v); v++) {
			memset(got, 0xee, sizeof(got));
			runs_variant(v)(p, n, got);
			assert_memory_equal(got, want, n * sizeof(want[0]));
		}
	}
	free(p);
}

// The runs of a text as a slow search finds them from start on.
static uint32_t slow_runs(struct span text, uint32_t start, struct run *out, uint32_t max)
{
	uint32_t n = 0, pos = start;

	while (n < max && pos < text.len && pos - start < 64) {
		uint32_t end = pos, digits = 0;

		while (end < text.len && end - pos < 255 && slow_alnum(text.p[end]))
			digits += slow_digit(text.p[end++]);
		out[n] = (struct run){
			.p = text.p + pos,
			.len = (uint8_t)(end - pos),
			.digits = (uint8_t)digits,
			.before = pos ? text.p[pos - 1] : 0,
			.after = end < text.len ? text.p[end] : 0,
			.joined = end + 1 < text.len && end - pos < 255 &&
				  slow_alnum(text.p[end + 1]),
		};
		n++;
		if (n > 1 && digits == 0 && end - pos > RUNS_WORD)
			break;
		while (end < text.len && !slow_alnum(text.p[end]))
			end++;
		pos = end;
	}
	return n;
}

static void check_runs(struct span text)
{
	struct runs_block b[8] = {0};
	uint8_t copy[7 * RUNS_BLOCK] = {0};

	assert_true(text.len <= 6 * RUNS_BLOCK);
	if (text.len)
		memcpy(copy, text.p, text.len);
	runs_scalar(copy, 7, b);
	for (uint32_t i = 0; i < text.len; i++) {
		struct run want[RUNS_MAX], got[RUNS_MAX];
		uint32_t n, k = i / RUNS_BLOCK;

		if (!slow_alnum(text.p[i]) || (i && slow_alnum(text.p[i - 1])))
			continue;
		n = runs_build(text, text.p + i, runs_join(b[k].alnum, b[k + 1].alnum, i % 64),
			       runs_join(b[k].digit, b[k + 1].digit, i % 64), got, RUNS_MAX);
		assert_int_equal(n, slow_runs(text, i, want, RUNS_MAX));
		for (uint32_t j = 0; j < n; j++) {
			assert_ptr_equal(got[j].p, want[j].p);
			assert_int_equal(got[j].len, want[j].len);
			assert_int_equal(got[j].digits, want[j].digits);
			assert_int_equal(got[j].before, want[j].before);
			assert_int_equal(got[j].after, want[j].after);
			assert_int_equal(got[j].joined, want[j].joined);
		}
	}
}

static void test_runs_by_hand(void **)
{
	struct span text = SPAN_LIT("(212) 736-5000x4");
	struct runs_block b[2] = {0};
	struct run r[RUNS_MAX];
	uint8_t copy[RUNS_BLOCK] = {0};

	memcpy(copy, text.p, text.len);
	runs_scalar(copy, 1, b);
	assert_int_equal(
		runs_build(text, text.p + 1, b[0].alnum >> 1, b[0].digit >> 1, r, RUNS_MAX), 3);
	assert_int_equal(r[0].len, 3);
	assert_int_equal(r[0].before, '(');
	assert_int_equal(r[0].after, ')');
	assert_false(r[0].joined);
	assert_true(r[1].joined);
	assert_int_equal(r[2].len, 6);
	assert_int_equal(r[2].digits, 5);
	assert_int_equal(r[2].after, 0);
}

static void test_runs_random(void **)
{
	static const char bytes[] = "0123456789ABCXYZabcxyz0123456789  --..@\xc3";
	uint64_t random = 77;

	for (uint32_t round = 0; round < 3000; round++) {
		uint32_t len = (uint32_t)(next_random(&random) % 380);
		uint8_t *p = malloc(len ? len : 1);
		uint32_t solid = round % 7 == 0 ? 40 : 0; // longer runs

		for (uint32_t i = 0; i < len; i++) {
			p[i] = (uint8_t)bytes[next_random(&random) % (sizeof(bytes) - 1)];
			if (solid && next_random(&random) % solid)
				p[i] = 'q';
		}
		check_runs(span_make(p, len));
		free(p);
	}
}

static void test_long_run(void **)
{
	uint8_t *p = malloc(380);

	memset(p, '7', 380);
	check_runs(span_make(p, 380));
	check_runs(span_make(p, 255));
	check_runs(span_make(p, 64));
	check_runs(span_make(p, 63));
	check_runs(span_make(p, 1));
	check_runs(span_make(p, 0));
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_byte),    cmocka_unit_test(test_variants_agree),
		cmocka_unit_test(test_runs_by_hand), cmocka_unit_test(test_runs_random),
		cmocka_unit_test(test_long_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

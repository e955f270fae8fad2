// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The directory of what is kept: a seed that stays, that only its owner can read, that is put
// aside when it is damaged; and one at a time.

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dataplane/state.c"

static char base[] = "/tmp/apitap-state-XXXXXX";
static char dir[64], seed[96], aside[96], beside[96], why[256];

static int setup(void **)
{
	return mkdtemp(base) ? snprintf(dir, sizeof(dir), "%s/state", base) < 0 ||
				       snprintf(seed, sizeof(seed), "%s/apitap.seed", dir) < 0 ||
				       snprintf(aside, sizeof(aside), "%s.corrupt", seed) < 0 ||
				       snprintf(beside, sizeof(beside), "%s.tmp", seed) < 0
			     : -1;
}

static int clean(void **)
{
	char lock[96];

	snprintf(lock, sizeof(lock), "%s/lock", dir);
	unlink(seed);
	unlink(aside);
	unlink(beside);
	unlink(lock);
	rmdir(dir);
	return 0;
}

static int teardown(void **)
{
	return rmdir(base);
}

static uint64_t seed_now(void)
{
	struct state state;

	assert_int_equal(state_open(&state, dir, why, sizeof(why)), 0);
	state_close(&state);
	return state.seed;
}

static void seed_write(const void *bytes, size_t len)
{
	FILE *out = fopen(seed, "w");

	assert_non_null(out);
	assert_int_equal(fwrite(bytes, 1, len, out), len);
	assert_int_equal(fclose(out), 0);
}

static void test_stays(void **)
{
	uint64_t first = seed_now();
	struct stat st;

	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(stat(seed, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, 8);
	assert_true(access(beside, F_OK) != 0);
	assert_true(seed_now() == first);
	// What a start that was killed left behind.
	assert_int_equal(close(open(beside, O_CREAT | O_WRONLY, 0644)), 0);
	assert_true(seed_now() == first);
	unlink(seed);
	assert_true(seed_now() != first);
	assert_true(access(beside, F_OK) != 0);
}

static void test_readable_by_others(void **)
{
	uint64_t first = seed_now();
	struct stat st;

	assert_int_equal(chmod(seed, 0644), 0);
	assert_true(seed_now() == first);
	assert_int_equal(stat(seed, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_damaged(void **)
{
	static const char *const wrong[] = {"", "1234567", "123456789", "123456789012345678"};

	for (uint32_t i = 0; i < 4; i++) {
		uint64_t made;

		seed_now();
		seed_write(wrong[i], strlen(wrong[i]));
		made = seed_now();
		assert_int_equal(access(aside, F_OK), 0);
		assert_true(seed_now() == made);
	}
	// A link to somewhere else, and no file at all.
	unlink(seed);
	assert_int_equal(symlink("/etc/hostname", seed), 0);
	seed_now();
	assert_int_equal(access(seed, F_OK), 0);
	unlink(aside);
	unlink(seed);
	assert_int_equal(mkdir(seed, 0700), 0);
	seed_now();
	rmdir(aside);
}

static void test_one_at_a_time(void **)
{
	struct state one, two;

	assert_int_equal(state_open(&one, dir, why, sizeof(why)), 0);
	assert_int_equal(state_open(&two, dir, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "another"));
	state_close(&two);
	state_close(&one);
	assert_int_equal(state_open(&two, dir, why, sizeof(why)), 0);
	state_close(&two);
	assert_int_equal(state_open(&one, "/nonexistent/state", why, sizeof(why)), -1);
	assert_non_null(strstr(why, "/nonexistent/state"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_stays, clean),
		cmocka_unit_test_teardown(test_readable_by_others, clean),
		cmocka_unit_test_teardown(test_damaged, clean),
		cmocka_unit_test_teardown(test_one_at_a_time, clean),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

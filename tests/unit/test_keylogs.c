// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The option --keylog: files, and directories with a key log for each capture by its name.

#include "dataplane/keylogs.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/apitap-keylogs-XXXXXX";

static const char *path_of(const char *name)
{
	static char path[2][256];
	static uint32_t turn;

	turn ^= 1;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", dir, name);
	return path[turn];
}

// One secret; connections are told apart by the digit.
static void write_log(const char *name, char digit)
{
	FILE *file = fopen(path_of(name), "w");

	assert_non_null(file);
	fprintf(file, "CLIENT_RANDOM ");
	for (uint32_t i = 0; i < 64; i++)
		fputc(digit, file);
	fprintf(file, " ");
	for (uint32_t i = 0; i < 96; i++)
		fputc('a', file);
	fprintf(file, "\n");
	assert_int_equal(fclose(file), 0);
}

static uint32_t load(const char *path, char *const *captures, uint32_t n)
{
	struct keylogs logs = {0};

	assert_true(keylogs_add(&logs, path));
	assert_true(keylogs_load(&logs, "test", captures, n));
	uint32_t n_keys = logs.keys.n;

	assert_ptr_equal(keylogs_keys(&logs), &logs.keys);
	keylogs_fini(&logs);
	assert_null(keylogs_keys(&logs));
	return n_keys;
}

static void test_directory(void **)
{
	char one[] = "/somewhere/one.pcap", two[] = "two.tar.pcap", none[] = "none.pcap";
	char *const captures[] = {one, two, none};

	assert_non_null(mkdtemp(dir));
	write_log("one.keylog", '1');
	write_log("two.tar.pcap.keylog", '2');
	write_log("other.keylog", '3');
	assert_int_equal(load(path_of("one.keylog"), captures, 3), 1);
	assert_int_equal(load(dir, captures, 3), 2);
	assert_int_equal(load(dir, captures, 1), 1);
	assert_int_equal(load(dir, captures + 2, 1), 0); // most have none
	assert_int_equal(load(dir, NULL, 0), 0);
	unlink(path_of("one.keylog"));
	unlink(path_of("two.tar.pcap.keylog"));
	unlink(path_of("other.keylog"));
	assert_int_equal(rmdir(dir), 0);
}

static void test_missing(void **)
{
	struct keylogs logs = {0};

	assert_null(keylogs_keys(&logs));
	assert_true(keylogs_load(&logs, "test", NULL, 0));
	assert_true(keylogs_add(&logs, "/there/is/none"));
	assert_false(keylogs_load(&logs, "test", NULL, 0));
	for (uint32_t i = 1; i < KEYLOGS_MOST; i++)
		assert_true(keylogs_add(&logs, "x"));
	assert_false(keylogs_add(&logs, "x"));
	keylogs_fini(&logs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_directory),
		cmocka_unit_test(test_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What was learnt over a restart: the round trip, every byte of the file wrong once, every length
// of it, files that are no files, and detectors that changed meanwhile. Works in a temporary
// directory.

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "tests/unit/merge_fixture.h"

#include "detect/baseline.c"
#include "detect/saving.c"

static char dir[] = "/tmp/apitap-baseline-XXXXXX";
static char path[PATH_MAX], aside[2][PATH_MAX];

static int dir_make(void **unused)
{
	assert_non_null(unused);
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/apitap.baseline", dir);
	snprintf(aside[0], sizeof(aside[0]), "%s/apitap.baseline.corrupt", dir);
	snprintf(aside[1], sizeof(aside[1]), "%s/apitap.baseline.refused", dir);
	return 0;
}

static int dir_remove(void **unused)
{
	assert_non_null(unused);
	unlink(path);
	unlink(aside[0]);
	unlink(aside[1]);
	return rmdir(dir);
}

static bool exists(const char *name)
{
	struct stat st;

	return lstat(name, &st) == 0;
}

static void learn(void)
{
	delta_endpoint(delta, 1, 5, "api.test", "GET", "/users/{id}");
	delta_endpoint(delta, 2, 6, "", "", "");
	delta_endpoint(delta, 3, 7, "h", "POST", "/a");
	delta_principal(delta, 1, 9, "secret-user", 9);
	delta_add(delta, 10, 9, 5, 200)->flags = CALL_CREDENTIALS;
	delta_add(delta, 20, 9, 5, 200);
	delta_add(delta, 30, 9, 5, 403);
	delta_add(delta, 40, 9, 7, 500);
	delta_field(delta, 5, 0, 6, 1);
	delta_field(delta, 7, 0, 1, 4);
	run_epoch(UINT64_C(1000000000));
}

static void learnt_check(void)
{
	struct merged_endpoint *e = merger_endpoint(merger, 5);

	assert_int_equal(merger_endpoints(merger), 3);
	// People are known by their identity again, and what they are called is not written down.
	assert_int_equal(merger_principals(merger), 1);
	assert_int_equal(merger_principal(merger, 9)->calls, 4);
	assert_int_equal(merger_principal(merger, 9)->first_ns, 10);
	assert_int_equal(merger_principal(merger, 9)->last_ns, 40);
	assert_string_equal(merger_principal(merger, 9)->user, "");
	assert_string_equal(merger_principal(merger, 9)->user_agent, "");
	assert_string_equal(e->host, "api.test");
	assert_string_equal(e->method, "GET");
	assert_string_equal(e->template, "/users/{id}");
	assert_int_equal(e->calls, 3);
	assert_int_equal(e->ok, 2);
	assert_int_equal(e->ok_with_credentials, 1);
	assert_int_equal(e->first_ns, 10);
	assert_int_equal(e->last_ns, 30);
	assert_int_equal(e->status[2], 2);
	assert_int_equal(e->status[4], 1);
	assert_string_equal(merger_endpoint(merger, 6)->host, "");
	assert_int_equal(merger_endpoint(merger, 7)->status[5], 1);
	assert_ptr_equal(merger_endpoint_at(merger, 2), merger_endpoint(merger, 7));
	assert_int_equal(merger->learn.n, 2);
	assert_int_equal(learn_find(&merger->learn, 5, 11, 1, SERVER)->verdict, LEARN_IS);
	assert_int_equal(learn_find(&merger->learn, 7, 11, 1, SERVER)->verdict, LEARN_IS_NOT);
}

static void nothing_check(void)
{
	assert_int_equal(merger_endpoints(merger), 0);
	assert_int_equal(merger->learn.n, 0);
	assert_int_equal(alpha_of(merger)->learnt, 0);
}

static uint8_t *file_read(size_t *len)
{
	static uint8_t bytes[1 << 16];
	FILE *in = fopen(path, "r");

	assert_non_null(in);
	*len = fread(bytes, 1, sizeof(bytes), in);
	fclose(in);
	return bytes;
}

static void file_write(const void *bytes, size_t len)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	assert_int_equal(fwrite(bytes, 1, len, out), len);
	assert_int_equal(fclose(out), 0);
}

// The checksum is right again.
static void file_seal(uint8_t *bytes, size_t len)
{
	uint32_t crc = htole32((uint32_t)crc32_z(0, bytes + 12, len - 12));

	memcpy(bytes + 8, &crc, 4);
	file_write(bytes, len);
}

// One endpoint is learnt anew; the others stay what they were.
static void test_forget(void **unused)
{
	struct stat st;

	assert_non_null(unused);
	learn();
	merger_forget(merger, 5);
	assert_null(merger_endpoint(merger, 5));
	assert_int_equal(baseline_save(merger, dir), 0);
	assert_int_equal(stat(path, &st), 0);
	merger_reset(merger);
	assert_int_equal(baseline_load(merger, dir), 0);
	assert_int_equal(merger->sections_skipped, 0);
	assert_int_equal(merger_endpoints(merger), 2);
	assert_null(merger_endpoint(merger, 5));
	assert_int_equal(merger_endpoint(merger, 7)->status[5], 1);
	assert_null(learn_find(&merger->learn, 5, 11, 1, SERVER));
	assert_int_equal(learn_find(&merger->learn, 7, 11, 1, SERVER)->verdict, LEARN_IS_NOT);
	// It becomes known again like any other.
	learn();
	assert_int_equal(merger_endpoints(merger), 3);
	assert_int_equal(merger_endpoint(merger, 5)->calls, 3);
	merger_forget(merger, 12345); // never heard of
	assert_int_equal(merger_endpoints(merger), 3);
}

static void test_round_trip(void **unused)
{
	uint8_t first[4096], *again;
	size_t len, first_len;
	struct stat st;

	assert_non_null(unused);
	learn();
	assert_int_equal(baseline_save(merger, dir), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	again = file_read(&first_len);
	memcpy(first, again, first_len);
	for (size_t i = 0; i + 11 <= first_len; i++)
		assert_memory_not_equal(first + i, "secret-user", 11);
	merger_reset(merger);
	assert_int_equal(baseline_load(merger, dir), 0);
	learnt_check();
	assert_int_equal(alpha_of(merger)->learnt, 4);
	assert_int_equal(alpha_load_version, 3);
	assert_int_equal(baseline_load(merger, dir), 0); // twice is once
	learnt_check();
	alpha_of(merger)->calls = 4;
	assert_int_equal(baseline_save(merger, dir), 0);
	again = file_read(&len);
	assert_int_equal(len, first_len);
	assert_memory_equal(again, first, len);
	// It goes on from there.
	delta_add(delta, 50, 9, 5, 200);
	run_epoch(UINT64_C(1000000000));
	assert_int_equal(merger_endpoint(merger, 5)->calls, 4);
	assert_int_equal(merger_endpoint(merger, 5)->first_ns, 10);
}

static void test_none(void **unused)
{
	assert_non_null(unused);
	assert_int_equal(baseline_load(merger, dir), 0);
	assert_int_equal(baseline_load(merger, "/nonexistent/dir"), 0);
	assert_int_equal(baseline_save(merger, "/nonexistent/dir"), -ENOENT);
	assert_int_equal(baseline_save(merger, "/dev/null"), -ENOTDIR);
	assert_string_equal(logged, "");
	assert_int_equal(baseline_save(merger, dir), 0); // nothing learnt is a baseline too
	assert_int_equal(baseline_load(merger, dir), 0);
	nothing_check();
}

static void test_long_path(void **unused)
{
	static char name[PATH_MAX + 10];

	assert_non_null(unused);
	memset(name, 'a', sizeof(name) - 1);
	assert_int_equal(baseline_save(merger, name), -ENAMETOOLONG);
	assert_int_equal(baseline_load(merger, name), -ENAMETOOLONG);
}

static void damaged_check(const char *what)
{
	logged[0] = '\0';
	assert_int_equal(baseline_load(merger, dir), 0);
	nothing_check();
	assert_non_null(strstr(logged, "<0>"));
	if (what)
		assert_non_null(strstr(logged, what));
	assert_false(exists(path));
	assert_true(exists(aside[0]) || exists(aside[1]));
	unlink(aside[0]);
	unlink(aside[1]);
}

static void test_every_byte(void **unused)
{
	uint8_t good[1 << 16], *bytes;
	size_t len;

	assert_non_null(unused);
	learn();
	assert_int_equal(baseline_save(merger, dir), 0);
	bytes = file_read(&len);
	memcpy(good, bytes, len);
	merger_reset(merger);
	for (size_t i = 0; i < len; i++) {
		memcpy(bytes, good, len);
		bytes[i] ^= (uint8_t)(1 + i % 255);
		file_write(bytes, len);
		damaged_check(i < 8 ? "is no baseline" : "checksum");
	}
	for (size_t i = 0; i < len; i++) {
		file_write(good, i);
		damaged_check(NULL);
	}
	memcpy(bytes, good, len);
	bytes[len] = 0;
	file_write(bytes, len + 1);
	damaged_check("checksum");
}

// As before, but whoever did it knew the checksum: nothing may be read that is not there.
static void test_every_byte_sealed(void **unused)
{
	static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff};
	uint8_t good[1 << 16], *bytes;
	uint32_t refused = 0;
	size_t len;

	assert_non_null(unused);
	learn();
	assert_int_equal(baseline_save(merger, dir), 0);
	bytes = file_read(&len);
	memcpy(good, bytes, len);
	for (size_t i = 12; i < len; i++) {
		for (uint32_t k = 0; k < sizeof(values); k++) {
			memcpy(bytes, good, len);
			bytes[i] = values[k];
			file_seal(bytes, len);
			merger_reset(merger);
			assert_int_equal(baseline_load(merger, dir), 0);
			refused += merger_endpoints(merger) == 0;
			assert_true(merger_endpoints(merger) == 0 || merger_endpoints(merger) == 3);
		}
	}
	assert_true(refused > 100);
	for (size_t i = BASELINE_HEADER; i < len; i++) {
		uint64_t content = htole64(i - BASELINE_HEADER);

		memcpy(bytes, good, len);
		memcpy(bytes + 24, &content, 8);
		file_seal(bytes, i);
		merger_reset(merger);
		assert_int_equal(baseline_load(merger, dir), 0);
		assert_true(merger_endpoints(merger) == 0 || merger_endpoints(merger) == 3);
	}
}

static void test_other_seed(void **unused)
{
	assert_non_null(unused);
	learn();
	assert_int_equal(baseline_save(merger, dir), 0);
	merger_reset(merger);
	shared.seed++;
	assert_int_equal(baseline_load(merger, dir), 0);
	nothing_check();
	assert_non_null(strstr(logged, "another seed"));
	assert_false(exists(path));
	assert_true(exists(aside[1])); // nothing that was learnt is thrown away
	assert_int_equal(rename(aside[1], path), 0);
	shared.seed--;
	assert_int_equal(baseline_load(merger, dir), 0);
	learnt_check();
}

static void test_other_version(void **unused)
{
	uint8_t *bytes;
	size_t len;

	assert_non_null(unused);
	learn();
	assert_int_equal(baseline_save(merger, dir), 0);
	merger_reset(merger);
	bytes = file_read(&len);
	bytes[12] = 2;
	file_seal(bytes, len);
	damaged_check("another version");
}

static void test_detector_versions(void **unused)
{
	assert_non_null(unused);
	learn();
	assert_int_equal(baseline_save(merger, dir), 0);
	alpha.version = 2; // an older program
	merger_reset(merger);
	assert_int_equal(baseline_load(merger, dir), 0);
	assert_non_null(strstr(logged, "'alpha' version 3 is not used: it is newer"));
	assert_int_equal(alpha_of(merger)->learnt, 0);
	learnt_check();
	alpha.version = 4; // a newer one: the detector knows its old form
	merger_reset(merger);
	assert_int_equal(baseline_load(merger, dir), 0);
	assert_int_equal(alpha_load_version, 3);
	assert_int_equal(alpha_of(merger)->learnt, 4);
	merger->detectors[0].enabled = false;
	merger_reset(merger);
	assert_int_equal(baseline_load(merger, dir), 0);
	assert_non_null(strstr(logged, "'alpha' version 3 is not used: no such detector is on"));
	merger->detectors[0].enabled = true;
}

static void test_unknown_sections(void **unused)
{
	uint8_t bytes[1 << 16] = {0}, *good;
	size_t len;

	assert_non_null(unused);
	learn();
	assert_int_equal(baseline_save(merger, dir), 0);
	good = file_read(&len);
	// "nobody", version 1, three bytes; then alpha for a second time with another number.
	memcpy(bytes, good, len);
	memcpy(bytes + len, "\6\0\1\0\0\0\3\0\0\0\0\0\0\0nobodyxyz", 23);
	memcpy(bytes + len + 23, "\5\0\3\0\0\0\2\0\0\0\0\0\0\0alpha77", 21);
	bytes[24] = (uint8_t)(len + 44 - BASELINE_HEADER);
	bytes[25] = (uint8_t)((len + 44 - BASELINE_HEADER) >> 8);
	file_seal(bytes, len + 44);
	merger_reset(merger);
	assert_int_equal(baseline_load(merger, dir), 0);
	assert_non_null(strstr(logged, "'nobody' version 1 is not used"));
	learnt_check();
	assert_int_equal(alpha_of(merger)->learnt, 4);
}

// What a detector read before it gave up is forgotten again.
static void test_detector_refuses(void **unused)
{
	assert_non_null(unused);
	learn();
	assert_int_equal(baseline_save(merger, dir), 0);
	merger_reset(merger);
	alpha_load_rc = -1;
	assert_int_equal(baseline_load(merger, dir), 0);
	assert_int_equal(alpha_of(merger)->learnt, 0);
	assert_string_equal(alpha_of(merger)->owned, "owned");
	assert_non_null(strstr(logged, "Detector T-1 could not read"));
	learnt_check();
	logged[0] = '\0';
	alpha_save_rc = -1; // the rest is saved without it
	assert_int_equal(baseline_save(merger, dir), 0);
	assert_non_null(strstr(logged, "by alpha could not be saved"));
	merger_reset(merger);
	alpha_load_version = 0;
	assert_int_equal(baseline_load(merger, dir), 0);
	assert_int_equal(alpha_load_version, 0);
	learnt_check();
}

static void test_more_than_fits(void **unused)
{
	assert_non_null(unused);
	learn();
	assert_int_equal(baseline_save(merger, dir), 0);
	merger_reset(merger);
	merger->known.max_endpoints = 2;
	assert_int_equal(baseline_load(merger, dir), 0);
	assert_int_equal(merger_endpoints(merger), 2);
	assert_int_equal(merger->known.endpoints_lost, 1);
}

static void test_no_files(void **unused)
{
	char target[PATH_MAX], link[PATH_MAX];

	assert_non_null(unused);
	assert_int_equal(mkdir(path, 0700), 0);
	logged[0] = '\0';
	assert_int_equal(baseline_load(merger, dir), 0);
	assert_non_null(strstr(logged, "no regular file"));
	assert_false(exists(path));
	assert_int_equal(rmdir(aside[0]), 0);

	assert_int_equal(mkfifo(path, 0600), 0);
	damaged_check("no regular file"); // and it did not wait for a writer

	learn();
	assert_int_equal(baseline_save(merger, dir), 0);
	merger_reset(merger);
	snprintf(target, sizeof(target), "%s/target", dir);
	assert_int_equal(rename(path, target), 0);
	assert_int_equal(symlink(target, path), 0);
	damaged_check("no regular file");
	assert_true(exists(target));
	assert_int_equal(unlink(target), 0);

	// Something in the way of the new file: a link is not followed.
	snprintf(link, sizeof(link), "%s/apitap.baseline.tmp", dir);
	assert_int_equal(symlink("/nonexistent/target", link), 0);
	assert_int_equal(baseline_save(merger, dir), 0);
	assert_false(exists(link));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(link, 0700), 0);
	assert_true(baseline_save(merger, dir) < 0);
	assert_false(exists(path));
	assert_int_equal(rmdir(link), 0);
	// The file itself cannot be replaced: no litter stays.
	assert_int_equal(mkdir(path, 0700), 0);
	assert_true(baseline_save(merger, dir) < 0);
	assert_false(exists(link));
	assert_int_equal(rmdir(path), 0);
	if (getuid() != 0) {
		file_write("", 0);
		assert_int_equal(chmod(path, 0), 0);
		assert_int_equal(baseline_load(merger, dir), -EACCES);
	}
}

static void test_no_room_aside(void **unused)
{
	char inside[PATH_MAX + 8];

	assert_non_null(unused);
	assert_int_equal(mkdir(aside[0], 0700), 0);
	snprintf(inside, sizeof(inside), "%s/x", aside[0]);
	assert_int_equal(mkdir(inside, 0700), 0);
	file_write("nonsense", 8);
	logged[0] = '\0';
	assert_int_equal(baseline_load(merger, dir), 0);
	assert_non_null(strstr(logged, "cannot be put aside"));
	nothing_check();
	assert_int_equal(rmdir(inside), 0);
	assert_int_equal(rmdir(aside[0]), 0);
}

// While the sensor runs: a part at a time, then a thread; the file before stays until it is whole.
static void test_turns(void **unused)
{
	struct saving *s = saving_new();
	char litter[PATH_MAX];

	assert_non_null(unused);
	snprintf(litter, sizeof(litter), "%s/apitap.baseline.tmp", dir);
	learn();
	saving_turn(s, merger); // nothing to do
	assert_true(saving_begin(s, merger, dir));
	assert_false(saving_begin(s, merger, dir)); // one at a time
	for (uint32_t i = 0; i < 3; i++) {
		saving_turn(s, merger);
		assert_true(exists(litter));
		assert_false(exists(path));
	}
	for (uint32_t i = 0; i < 100 && !s->writing; i++)
		saving_turn(s, merger);
	assert_true(s->writing);
	assert_false(saving_begin(s, merger, dir));
	while (s->writing)
		saving_turn(s, merger);
	assert_true(exists(path));
	assert_false(exists(litter));
	merger_reset(merger);
	assert_int_equal(baseline_load(merger, dir), 0);
	learnt_check();

	// The end comes in between: what is under way is ended, or leaves nothing behind.
	assert_true(saving_begin(s, merger, dir));
	saving_turn(s, merger);
	assert_true(saving_finish(s, merger));
	assert_false(exists(litter));
	assert_true(saving_finish(s, merger));
	assert_true(saving_begin(s, merger, dir));
	saving_turn(s, merger);
	saving_free(s);
	assert_false(exists(litter));
	merger_reset(merger);
	assert_int_equal(baseline_load(merger, dir), 0);
	learnt_check();

	s = saving_new();
	assert_false(saving_begin(s, merger, "/nonexistent/dir"));
	assert_non_null(strstr(logged, "cannot be saved to /nonexistent/dir"));
	saving_free(s);
	saving_free(NULL);
}

static void test_no_memory(void **unused)
{
	assert_non_null(unused);
	learn();
	assert_int_equal(baseline_save(merger, dir), 0);
	for (uint32_t at = 1; at < 20; at++) {
		int rc;

		merger_reset(merger);
		n_allocs = 0;
		fail_at = at;
		rc = baseline_load(merger, dir);
		fail_at = 0;
		assert_int_equal(rc, at == 1 ? -ENOMEM : 0);
		assert_int_equal(merger_endpoints(merger) + merger->known.endpoints_lost,
				 at == 1 ? 0 : 3);
		assert_true(exists(path));
	}
	learnt_check();
}

static int setup(void **unused)
{
	return dir_make(unused) || fixture_setup(unused);
}

static int teardown(void **unused)
{
	int rc = fixture_teardown(unused) || dir_remove(unused);

	memcpy(dir + sizeof(dir) - 7, "XXXXXX", 6);
	return rc;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_forget),
		TEST(test_round_trip),        TEST(test_none),
		TEST(test_long_path),         TEST(test_every_byte),
		TEST(test_every_byte_sealed), TEST(test_other_seed),
		TEST(test_other_version),     TEST(test_detector_versions),
		TEST(test_unknown_sections),  TEST(test_detector_refuses),
		TEST(test_more_than_fits),    TEST(test_no_files),
		TEST(test_turns),
		TEST(test_no_room_aside),     TEST(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

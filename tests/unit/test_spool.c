// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The spool against everything that happens to files: torn and flipped bytes at every place,
// short writes, full disks, failing syncs, strange things in its directory. The records' bytes
// follow from their numbers, so that any record that is delivered can be checked.

#include "tests/unit/spool_fixture.h"

static void test_round_trip(void **)
{
	struct spool_report report;
	struct spool *spool = open_spool(&report);
	uint64_t epoch, first, last;
	struct stat st;

	assert_non_null(spool);
	assert_int_equal(spool_last_seq(spool), 0);
	assert_int_equal(spool_epoch(spool), 1000);
	assert_int_equal(spool_oldest_seq(spool), 1);
	append_all(spool, 1, 100);
	assert_int_equal(spool_durable_seq(spool), 100);
	assert_int_equal(append(spool, 100), -EINVAL);
	assert_int_equal(spool_append(spool, 101, span_make(NULL, 0)), -EMSGSIZE);
	epoch = spool_epoch(spool);
	spool_close(spool);
	assert_int_equal(stat(path_of("00000000000000000001.spool"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);

	spool = open_spool(&report);
	assert_int_equal(report.records, 100);
	assert_int_equal(report.cut_bytes + report.put_aside + report.left_damaged, 0);
	assert_int_equal(spool_last_seq(spool), 100);
	assert_int_equal(spool_durable_seq(spool), 100);
	assert_true(spool_epoch(spool) > epoch);
	append_all(spool, 101, 110);
	spool_close(spool);
	assert_int_equal(read_all(1, &first, &last), 110);
	assert_int_equal(first, 1);
	assert_int_equal(last, 110);
	assert_int_equal(read_all(37, &first, &last), 74);
	assert_int_equal(first, 37);
	assert_int_equal(read_all(101, &first, &last), 10);
	assert_int_equal(read_all(111, NULL, NULL), 0);
}

static void test_new_directory_is_private(void **)
{
	struct spool_options options = {.segment_bytes = 1 << 20, .max_bytes = 1 << 24};
	struct spool_report report;
	struct spool *spool;
	char path[96];
	struct stat st;

	snprintf(path, sizeof(path), "%s/a/b", dir);
	options.dir = path;
	spool = spool_open(&options, &report, why, sizeof(why));
	assert_non_null(spool);
	spool_close(spool);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(chmod(path, 0770), 0);
	assert_null(spool_open(&options, &report, why, sizeof(why)));
	assert_non_null(strstr(why, "chmod 700"));
	unlink(path_of("a/b/lock"));
	rmdir(path);
	rmdir(path_of("a"));
}

static void test_lock(void **)
{
	struct spool *spool = open_spool(NULL);
	char pid[32];

	assert_non_null(spool);
	assert_null(open_spool(NULL));
	snprintf(pid, sizeof(pid), "process %d", (int)getpid());
	assert_non_null(strstr(why, pid));
	spool_close(spool);
	spool = open_spool(NULL);
	assert_non_null(spool);
	spool_close(spool);
}

static void test_rotation_and_cap(void **)
{
	struct spool *spool = open_sized(4096, 16384, NULL);
	uint64_t first, last, n;

	for (uint64_t seq = 1; seq <= 2000; seq++) {
		assert_int_equal(append(spool, seq), 0);
		if (seq % 50 == 0) {
			assert_int_equal(spool_sync(spool), 0);
			assert_true(spool_bytes(spool) <= 16384);
		}
	}
	assert_true(spool_dropped(spool) > 10);
	assert_true(count_files(".spool") >= 3 && count_files(".spool") <= 5);
	n = read_all(1, &first, &last);
	assert_int_equal(first, spool_oldest_seq(spool));
	assert_int_equal(last, 2000);
	assert_int_equal(n, last - first + 1);
	spool_close(spool);
	spool = open_sized(4096, 16384, NULL);
	assert_int_equal(spool_last_seq(spool), 2000);
	spool_close(spool);
	// A smaller limit is obeyed at once.
	spool = open_sized(4096, 8192, NULL);
	assert_true(spool_bytes(spool) <= 8192);
	spool_close(spool);
	assert_null(open_sized(4096, 4096, NULL));
}

static void test_reader_follows_writer(void **)
{
	struct spool *spool = open_sized(4096, 1 << 20, NULL);
	struct spool_reader *reader = spool_reader_new(dir);
	struct segment_record record;
	uint64_t got = 0;

	spool_reader_seek(reader, 0, 1);
	assert_int_equal(spool_reader_next(reader, UINT64_MAX, UINT32_MAX, &record), 0);
	for (uint64_t seq = 1; seq <= 1000; seq++) {
		assert_int_equal(append(spool, seq), 0);
		if (seq % 7)
			continue;
		assert_int_equal(spool_sync(spool), 0);
		// Not beyond what it may have; a too small room leaves the record where it is.
		assert_int_equal(spool_reader_next(reader, got, UINT32_MAX, &record), 0);
		assert_int_equal(spool_reader_next(reader, seq, 0, &record), -EMSGSIZE);
		while (spool_reader_next(reader, spool_durable_seq(spool), UINT32_MAX, &record) ==
		       1) {
			check(&record);
			assert_int_equal(record.seq, ++got);
		}
		assert_int_equal(got, seq);
	}
	assert_true(count_files(".spool") > 5);
	// Back to the beginning, and by epoch.
	spool_reader_seek(reader, 0, 500);
	assert_int_equal(spool_reader_next(reader, UINT64_MAX, UINT32_MAX, &record), 1);
	assert_int_equal(record.seq, 500);
	spool_reader_seek(reader, 1001, 1);
	assert_int_equal(spool_reader_next(reader, UINT64_MAX, UINT32_MAX, &record), 0);
	spool_reader_free(reader);
	spool_close(spool);
}

static void test_reader_survives_deletion(void **)
{
	struct spool *spool = open_sized(4096, 8192, NULL);
	struct spool_reader *reader = spool_reader_new(dir);
	struct segment_record record;
	uint64_t last = 0;
	int r;

	append_all(spool, 1, 10);
	spool_reader_seek(reader, 0, 1);
	assert_int_equal(spool_reader_next(reader, UINT64_MAX, UINT32_MAX, &record), 1);
	append_all(spool, 11, 1000);
	assert_true(spool_oldest_seq(spool) > 10);
	while ((r = spool_reader_next(reader, UINT64_MAX, UINT32_MAX, &record)) == 1) {
		check(&record);
		assert_true(record.seq > last);
		last = record.seq;
	}
	assert_int_equal(r, 0);
	assert_int_equal(last, 1000);
	spool_reader_free(reader);
	spool_close(spool);
}

// A spool of n records in one file, as bytes.
static uint8_t *make_file(uint64_t n, size_t *len)
{
	struct spool *spool;

	empty_dir();
	spool = open_spool(NULL);
	append_all(spool, 1, n);
	spool_close(spool);
	return file_read("00000000000000000001.spool", len);
}

static void test_cut_at_every_byte(void **)
{
	size_t len, ends[9], n_ends = 0;
	uint8_t *bytes = make_file(8, &len), scratch[64];

	ends[n_ends++] = SEGMENT_HEADER;
	for (uint64_t seq = 1; seq <= 8; seq++, n_ends++)
		ends[n_ends] = ends[n_ends - 1] + SEGMENT_RECORD + fill(seq, scratch);
	assert_int_equal(ends[8], len);
	for (size_t cut = 0; cut <= len; cut++) {
		struct spool_report report;
		struct spool *spool;
		uint64_t whole = 0, last, next;

		empty_dir();
		file_write("00000000000000000001.spool", bytes, cut);
		while (whole < 8 && ends[whole + 1] <= cut)
			whole++;
		spool = open_spool(&report);
		assert_non_null(spool);
		assert_int_equal(report.records, whole);
		assert_int_equal(report.put_aside, cut < SEGMENT_HEADER);
		assert_int_equal(read_all(1, NULL, &last), whole);
		assert_int_equal(last, whole);
		assert_true(spool_last_seq(spool) >= whole);
		next = spool_last_seq(spool) + 1;
		append_all(spool, next, next);
		spool_close(spool);
		assert_int_equal(read_all(1, NULL, &last), whole + 1);
		assert_int_equal(last, next);
		spool = open_spool(&report);
		assert_int_equal(report.cut_bytes + report.put_aside + report.left_damaged, 0);
		assert_int_equal(report.records, whole + 1);
		spool_close(spool);
	}
	free(bytes);
}

static void flip_every_byte(uint8_t mask)
{
	size_t len;
	uint8_t *bytes = make_file(8, &len);

	for (size_t at = 0; at < len; at++) {
		struct spool_report report;
		struct spool *spool;
		uint64_t n;

		empty_dir();
		bytes[at] ^= mask;
		file_write("00000000000000000001.spool", bytes, len);
		bytes[at] ^= mask;
		// A reader that finds it before any repair.
		n = read_all(1, NULL, NULL);
		assert_int_equal(n, at < SEGMENT_HEADER ? 8 : 7);
		spool = open_spool(&report);
		assert_non_null(spool);
		assert_int_equal(read_all(1, NULL, NULL), n);
		assert_int_equal(report.left_damaged, 0);
		// The last record cannot be told from a torn one; all else leaves the file aside.
		if (report.cut_bytes)
			assert_true(n == 7 && report.put_aside == 0);
		else
			assert_int_equal(report.put_aside, 1);
		assert_int_equal(count_files(".corrupt"), report.put_aside);
		assert_true(spool_last_seq(spool) >= 8);
		append_all(spool, spool_last_seq(spool) + 1, spool_last_seq(spool) + 1);
		spool_close(spool);
		assert_int_equal(read_all(1, NULL, NULL), n + 1);
		spool = open_spool(&report);
		assert_int_equal(report.cut_bytes + report.put_aside + report.left_damaged, 0);
		spool_close(spool);
	}
	free(bytes);
}

static void test_flip_every_byte(void **)
{
	flip_every_byte(0xff);
	flip_every_byte(0x01);
	flip_every_byte(0x80);
}

static void test_all_zero_and_all_ones(void **)
{
	struct spool_report report;
	uint8_t bytes[8192];
	struct spool *spool;

	for (int fill_byte = 0; fill_byte < 256; fill_byte += 255) {
		empty_dir();
		memset(bytes, fill_byte, sizeof(bytes));
		file_write("00000000000000000007.spool", bytes, sizeof(bytes));
		spool = open_spool(&report);
		assert_non_null(spool);
		assert_int_equal(report.put_aside, 1);
		// Its numbers are not used again, not even after another start.
		assert_true(spool_last_seq(spool) >= 7);
		spool_close(spool);
		spool = open_spool(&report);
		assert_true(spool_last_seq(spool) >= 7);
		spool_close(spool);
	}
}

// Damage makes the reader look for records everywhere: bytes inside a record must not pass.
static void test_record_inside_a_record(void **)
{
	size_t len, inner_len;
	uint8_t *inner = make_file(8, &inner_len), *bytes;
	struct spool *spool;
	struct spool_reader *reader;
	struct segment_record record;
	int r;

	empty_dir();
	spool = open_spool(NULL);
	// The whole inner file has the same epoch and numbers, only another salt.
	assert_int_equal(spool_append(spool, 1, span_make(inner, inner_len)), 0);
	assert_int_equal(append(spool, 9), 0);
	assert_int_equal(spool_sync(spool), 0);
	spool_close(spool);
	bytes = file_read("00000000000000000001.spool", &len);
	bytes[SEGMENT_HEADER + 4] ^= 1;
	file_write("00000000000000000001.spool", bytes, len);
	reader = spool_reader_new(dir);
	spool_reader_seek(reader, 0, 1);
	r = spool_reader_next(reader, UINT64_MAX, UINT32_MAX, &record);
	assert_int_equal(r, 1);
	assert_int_equal(record.seq, 9);
	spool_reader_free(reader);
	free(bytes);
	free(inner);
}

static void test_short_writes(void **)
{
	struct spool *spool = open_spool(NULL);

	fault.max_write = 5;
	append_all(spool, 1, 50);
	fault.max_write = 0;
	spool_close(spool);
	assert_int_equal(read_all(1, NULL, NULL), 50);
}

// Whatever write fails, what was synced is there and nothing half is.
static void fail_nth_write(int n, int error)
{
	struct spool *spool;
	struct spool_report report;
	uint64_t synced = 0;
	bool failed = false;

	empty_dir();
	spool = open_sized(512, 1 << 20, NULL);
	fault.write_in = n;
	fault.write_errno = error;
	for (uint64_t seq = 1; seq <= 40; seq++) {
		int r = append(spool, seq);

		assert_true(r == 0 || r == -error);
		failed |= r < 0;
		if (r == 0) {
			assert_int_equal(spool_sync(spool), 0);
			synced++;
		}
		assert_int_equal(read_all(1, NULL, NULL), synced);
	}
	assert_int_equal(failed, synced < 40);
	spool_close(spool);
	spool = open_sized(512, 1 << 20, &report);
	assert_int_equal(report.records, synced);
	assert_int_equal(report.cut_bytes + report.put_aside + report.left_damaged, 0);
	spool_close(spool);
}

static void test_failing_writes(void **)
{
	for (int n = 1; n <= 60; n++) {
		fail_nth_write(n, ENOSPC);
		fail_nth_write(n, EIO);
	}
}

static void test_failing_sync(void **)
{
	for (int n = 1; n <= 8; n++) {
		struct spool *spool;
		uint64_t good = 0, first;

		empty_dir();
		spool = open_sized(2048, 1 << 20, NULL);
		fault.sync_in = n;
		fault.sync_errno = EIO;
		for (uint64_t seq = 1; seq <= 120; seq++) {
			assert_int_equal(append(spool, seq), 0);
			if (seq % 10 == 0 && spool_sync(spool) == 0)
				good += 10;
		}
		assert_int_equal(good, 110);
		assert_int_equal(spool_durable_seq(spool), 120);
		// All that was called durable is there; more may be.
		assert_true(read_all(1, &first, NULL) >= good);
		spool_close(spool);
		assert_true(read_all(1, NULL, NULL) >= good);
	}
}

// Nothing may be called durable later that a failed sync has lost.
static void test_failed_sync_is_not_forgotten(void **)
{
	struct spool *spool = open_spool(NULL);

	append_all(spool, 1, 5);
	for (uint64_t seq = 6; seq <= 10; seq++)
		assert_int_equal(append(spool, seq), 0);
	fault.sync_in = 1;
	fault.sync_errno = EIO;
	assert_int_equal(spool_sync(spool), -EIO);
	assert_int_equal(spool_sync(spool), 0);
	assert_int_equal(spool_durable_seq(spool), 5);
	assert_int_equal(read_all(1, NULL, NULL), 5);
	append_all(spool, 11, 12);
	assert_int_equal(spool_durable_seq(spool), 12);
	spool_close(spool);
	assert_int_equal(read_all(1, NULL, NULL), 7);
}

// The disk is full for good: nothing is written, nothing is left behind.
static void test_disk_stays_full(void **)
{
	struct spool *spool = open_sized(4096, 1 << 20, NULL);

	for (uint64_t seq = 1; seq <= 20; seq++) {
		fault.write_in = 1;
		fault.write_errno = ENOSPC;
		assert_int_equal(append(spool, seq), -ENOSPC);
	}
	assert_int_equal(count_files(".tmp"), 0);
	assert_int_equal(spool_sync(spool), 0);
	assert_int_equal(append(spool, 21), 0);
	assert_int_equal(spool_sync(spool), 0);
	spool_close(spool);
	assert_int_equal(read_all(1, NULL, NULL), 1);
	// Repairing a damaged segment needs room, too: without it, readers still get the rest.
	spool = open_sized(4096, 1 << 20, NULL);
	append_all(spool, 22, 30);
	spool_close(spool);
	{
		struct spool_report report;
		size_t len;
		uint8_t *bytes = file_read("00000000000000000022.spool", &len);

		bytes[SEGMENT_HEADER + SEGMENT_RECORD] ^= 1;
		file_write("00000000000000000022.spool", bytes, len);
		free(bytes);
		fault.write_in = 1;
		spool = open_sized(4096, 1 << 20, &report);
		assert_non_null(spool);
		assert_int_equal(report.left_damaged, 1);
		assert_int_equal(read_all(1, NULL, NULL), 9);
		spool_close(spool);
	}
}

static void test_strange_things_in_the_directory(void **)
{
	struct spool_report report;
	struct spool *spool;

	file_write("00000000000000000001.spool", (const uint8_t *)"", 0);
	assert_int_equal(mkdir(path_of("00000000000000000002.spool"), 0700), 0);
	assert_int_equal(mkfifo(path_of("00000000000000000003.spool"), 0600), 0);
	assert_int_equal(symlink("/etc/passwd", path_of("00000000000000000004.spool")), 0);
	file_write("00000000000000000005.tmp", (const uint8_t *)"x", 1);
	file_write("00000000000000000000.spool", (const uint8_t *)"x", 1);
	file_write("99999999999999999999.spool", (const uint8_t *)"x", 1);
	file_write("1.spool", (const uint8_t *)"x", 1);
	file_write("README", (const uint8_t *)"x", 1);
	assert_int_equal(read_all(1, NULL, NULL), 0);
	spool = open_spool(&report);
	assert_non_null(spool);
	assert_int_equal(report.put_aside, 4);
	assert_int_equal(report.segments, 0);
	assert_int_equal(count_files(".tmp"), 0);
	append_all(spool, spool_last_seq(spool) + 1, spool_last_seq(spool) + 5);
	spool_close(spool);
	assert_int_equal(read_all(1, NULL, NULL), 5);
	spool = open_spool(&report);
	assert_int_equal(report.put_aside, 0);
	spool_close(spool);
}

static void test_interrupted_salvage_is_finished(void **)
{
	struct spool_report report;
	struct spool *spool;
	size_t len;
	uint8_t *bytes = make_file(8, &len);

	// Killed after the damaged one was put aside, before the good copy was in its place.
	empty_dir();
	file_write("00000000000000000001.salvaged", bytes, len);
	file_write("00000000000000000001.corrupt", bytes, len);
	spool = open_spool(&report);
	assert_int_equal(report.records, 8);
	assert_int_equal(spool_last_seq(spool), 8);
	spool_close(spool);
	// Killed before: the copy may be half, the original counts.
	empty_dir();
	file_write("00000000000000000001.salvaged", bytes, len / 2);
	file_write("00000000000000000001.spool", bytes, len);
	spool = open_spool(&report);
	assert_int_equal(report.records, 8);
	spool_close(spool);
	assert_int_equal(count_files(".salvaged"), 0);
	free(bytes);
}

static void test_other_version_is_refused(void **)
{
	size_t len;
	uint8_t *bytes = make_file(3, &len);

	for (int copy = 0; copy < 2; copy++) {
		uint8_t *p = bytes + copy * SEGMENT_HEADER / 2;

		put32(p + 8, SEGMENT_VERSION + 1);
		put32(p + 40, (uint32_t)crc32(0, p, 40));
	}
	file_write("00000000000000000001.spool", bytes, len);
	assert_null(open_spool(NULL));
	assert_non_null(strstr(why, "another version"));
	free(bytes);
}

static void test_damage_in_an_old_segment(void **)
{
	struct spool *spool = open_sized(1024, 1 << 20, NULL);
	struct spool_report report;
	uint64_t n, first;
	size_t len;
	uint8_t *bytes;

	append_all(spool, 1, 200);
	spool_close(spool);
	bytes = file_read("00000000000000000001.spool", &len);
	// A torn end is only believed of the newest segment.
	file_write("00000000000000000001.spool", bytes, len - 1);
	n = read_all(1, &first, NULL);
	assert_int_equal(n, 199);
	spool = open_sized(1024, 1 << 20, &report);
	assert_int_equal(report.put_aside, 1);
	assert_true(report.salvaged > 5);
	assert_int_equal(spool_last_seq(spool), 200);
	spool_close(spool);
	assert_int_equal(read_all(1, &first, NULL), 199);
	assert_int_equal(first, 1);
	free(bytes);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_round_trip),
		TEST(test_new_directory_is_private),
		TEST(test_lock),
		TEST(test_rotation_and_cap),
		TEST(test_reader_follows_writer),
		TEST(test_reader_survives_deletion),
		TEST(test_cut_at_every_byte),
		TEST(test_flip_every_byte),
		TEST(test_all_zero_and_all_ones),
		TEST(test_record_inside_a_record),
		TEST(test_short_writes),
		TEST(test_failing_writes),
		TEST(test_failing_sync),
		TEST(test_failed_sync_is_not_forgotten),
		TEST(test_disk_stays_full),
		TEST(test_strange_things_in_the_directory),
		TEST(test_interrupted_salvage_is_finished),
		TEST(test_other_version_is_refused),
		TEST(test_damage_in_an_old_segment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

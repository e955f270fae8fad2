// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// A spool in a directory of its own, with a disk that fails when it is told to. Includes the
// files under test.

#pragma once

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

// Faults: the n-th call from now (1: the next) fails with errno; each write takes at most
// max_write bytes.
static struct {
	int write_in, write_errno, sync_in, sync_errno;
	size_t max_write;
} fault;

static ssize_t fault_pwritev(int fd, const struct iovec *iov, int n, off_t off)
{
	struct iovec part;

	if (fault.write_in > 0 && --fault.write_in == 0) {
		errno = fault.write_errno;
		// Some of it was written before the disk was full.
		if (iov->iov_len > 3)
			(void)!pwrite(fd, iov->iov_base, 3, off);
		errno = fault.write_errno;
		return -1;
	}
	if (!fault.max_write)
		return pwritev(fd, iov, n, off);
	part = iov[0];
	if (part.iov_len > fault.max_write)
		part.iov_len = fault.max_write;
	return pwritev(fd, &part, 1, off);
}

static int fault_fdatasync(int fd)
{
	if (fault.sync_in > 0 && --fault.sync_in == 0) {
		errno = fault.sync_errno;
		return -1;
	}
	return fdatasync(fd);
}

#define pwritev   fault_pwritev
#define fdatasync fault_fdatasync
#include "export/segment.c"
#include "export/spool.c"
#include "export/spool_read.c"
#undef pwritev
#undef fdatasync

static char dir[64];
static char why[256];

static uint32_t fill(uint64_t seq, uint8_t *bytes)
{
	uint32_t len = 1 + (uint32_t)(seq * 7 % 61);

	for (uint32_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(seq * 31 + i * 17);
	return len;
}

static struct spool *open_sized(uint64_t segment_bytes, uint64_t max_bytes,
				struct spool_report *report)
{
	struct spool_options options = {
		.dir = dir, .segment_bytes = segment_bytes, .max_bytes = max_bytes, .epoch = 1000};
	struct spool_report unused;

	why[0] = '\0';
	return spool_open(&options, report ? report : &unused, why, sizeof(why));
}

static struct spool *open_spool(struct spool_report *report)
{
	return open_sized(1 << 20, 1 << 24, report);
}

static int append(struct spool *spool, uint64_t seq)
{
	uint8_t bytes[64];
	uint32_t len = fill(seq, bytes);

	return spool_append(spool, seq, span_make(bytes, len));
}

static void append_all(struct spool *spool, uint64_t first, uint64_t last)
{
	for (uint64_t seq = first; seq <= last; seq++)
		assert_int_equal(append(spool, seq), 0);
	assert_int_equal(spool_sync(spool), 0);
}

static void check(const struct segment_record *record)
{
	uint8_t bytes[64];
	uint32_t len = fill(record->seq, bytes);

	assert_int_equal(record->bytes.len, len);
	assert_memory_equal(record->bytes.p, bytes, len);
}

// Reads everything from a number on; each record must be right and the numbers must rise.
static uint64_t read_all(uint64_t from, uint64_t *first, uint64_t *last)
{
	struct spool_reader *reader = spool_reader_new(dir);
	struct segment_record record;
	uint64_t n = 0, before = 0;
	int r;

	assert_non_null(reader);
	spool_reader_seek(reader, 0, from);
	while ((r = spool_reader_next(reader, UINT64_MAX, UINT32_MAX, &record)) == 1) {
		check(&record);
		assert_true(record.seq > before && record.seq >= from);
		if (!n++ && first)
			*first = record.seq;
		before = record.seq;
	}
	assert_int_equal(r, 0);
	if (last)
		*last = before;
	spool_reader_free(reader);
	return n;
}

static uint32_t count_files(const char *suffix)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	uint32_t n = 0;

	while ((entry = readdir(d))) {
		size_t len = strlen(entry->d_name), end = strlen(suffix);

		n += len > end && strcmp(entry->d_name + len - end, suffix) == 0;
	}
	closedir(d);
	return n;
}

static char *path_of(const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void empty_dir(void)
{
	DIR *d = opendir(dir);
	struct dirent *entry;

	while (d && (entry = readdir(d))) {
		if (entry->d_name[0] != '.')
			remove(path_of(entry->d_name));
	}
	if (d)
		closedir(d);
}

static uint8_t *file_read(const char *name, size_t *len)
{
	FILE *file = fopen(path_of(name), "rb");
	uint8_t *bytes = malloc(1 << 20);

	assert_non_null(file);
	*len = fread(bytes, 1, 1 << 20, file);
	fclose(file);
	return bytes;
}

static void file_write(const char *name, const uint8_t *bytes, size_t len)
{
	FILE *file = fopen(path_of(name), "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	fclose(file);
}

static int setup(void **)
{
	// A file system in memory makes thousands of syncs cheap.
	snprintf(dir, sizeof(dir), "%s/test_spool.XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	memset(&fault, 0, sizeof(fault));
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **)
{
	empty_dir();
	return rmdir(dir);
}

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// spool_kill [ROUNDS]: a process writes to a spool and says each number after its sync; it is
// killed at a random moment, 100 times. After each kill the spool is opened again: everything that
// was said must be there, nothing damaged may be. A second process reads along all the time.
// Then a small spool is cut at every byte and has every byte changed. Exit status 0: all
// held. Needs no privileges; writes below TMPDIR or /tmp.

#include "export/spool.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	SEGMENT = 64 * 1024,
	MAX_BYTES = 1 << 30,
	MAX_LEN = 2000,
};

static char dir[200];

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, " (spool kept in %s)\n", dir);
	exit(1);
}

// The bytes of a record follow from its number.
static uint32_t fill(uint64_t seq, uint8_t *bytes)
{
	uint64_t state = seq * 0x9e3779b97f4a7c15u + 1;
	uint32_t len = 1 + (uint32_t)(state >> 33) % MAX_LEN;

	for (uint32_t i = 0; i < len; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		bytes[i] = (uint8_t)state;
	}
	return len;
}

static void check(const struct segment_record *record)
{
	uint8_t bytes[MAX_LEN];
	uint32_t len = fill(record->seq, bytes);

	if (record->bytes.len != len || memcmp(record->bytes.p, bytes, len) != 0)
		die("record %" PRIu64 " was delivered damaged", record->seq);
}

static struct spool *open_spool(struct spool_report *report)
{
	struct spool_options options = {
		.dir = dir, .segment_bytes = SEGMENT, .max_bytes = MAX_BYTES, .epoch = 1};
	char why[256];
	struct spool *spool = spool_open(&options, report, why, sizeof(why));

	if (!spool)
		die("%s", why);
	return spool;
}

// The writer: never returns.
static void write_for_ever(int out)
{
	struct spool_report report;
	struct spool *spool = open_spool(&report);
	uint64_t seq = spool_last_seq(spool);
	uint8_t bytes[MAX_LEN];

	for (uint32_t turn = 0;; turn++) {
		uint32_t group = 1 + turn * 7 % 13;

		for (uint32_t i = 0; i < group; i++) {
			uint32_t len = fill(++seq, bytes);

			if (spool_append(spool, seq, span_make(bytes, len)) < 0)
				_exit(2);
		}
		if (spool_sync(spool) < 0 || write(out, &seq, sizeof(seq)) != sizeof(seq))
			_exit(2);
	}
}

// Reads along until it is killed.
static void read_for_ever(void)
{
	struct spool_reader *reader = spool_reader_new(dir);
	struct segment_record record;
	uint64_t last = 0;

	if (!reader)
		_exit(2);
	spool_reader_seek(reader, 0, 1);
	for (;;) {
		int r = spool_reader_next(reader, UINT64_MAX, UINT32_MAX, &record);

		if (r < 0)
			die("reading along failed: %s", strerror(-r));
		if (r == 0) {
			usleep(500);
			continue;
		}
		check(&record);
		// One writer, no damage: nothing may be jumped over but what a kill cut off.
		if (record.seq <= last)
			die("record %" PRIu64 " came after %" PRIu64, record.seq, last);
		last = record.seq;
	}
}

// All records from first to last must be there.
static void check_range(uint64_t first, uint64_t last, const uint64_t *cuts, uint32_t n_cuts)
{
	struct spool_reader *reader = spool_reader_new(dir);
	struct segment_record record;
	uint64_t expect = first;

	if (!reader)
		die("the spool cannot be read: %s", strerror(errno));
	spool_reader_seek(reader, 0, first);
	while (expect <= last) {
		int r = spool_reader_next(reader, last, UINT32_MAX, &record);

		if (r != 1)
			die("record %" PRIu64 " was synced and is missing (%d)", expect, r);
		check(&record);
		// After a torn end the numbers go on a little later.
		for (uint32_t i = 0; i + 1 < n_cuts && record.seq != expect; i += 2) {
			if (expect > cuts[i] && expect <= cuts[i + 1])
				expect = cuts[i + 1] + 1;
		}
		if (record.seq != expect)
			die("record %" PRIu64 " came where %" PRIu64 " was expected", record.seq,
			    expect);
		expect++;
	}
	spool_reader_free(reader);
}

static void kill_rounds(uint32_t rounds, unsigned seed)
{
	uint64_t *cuts = calloc(rounds * 2 + 2, sizeof(*cuts)), said, begin = 1, torn = 0,
		 total = 0;
	uint32_t n_cuts = 0;
	pid_t along = 0;

	for (uint32_t round = 0; round < rounds; round++) {
		struct timespec wait = {0, 1000000 + (long)(rand_r(&seed) % 25000) * 1000};
		struct spool_report report;
		struct spool *spool;
		int ends[2];
		pid_t pid;

		if (pipe(ends) < 0 || (pid = fork()) < 0)
			die("%s", strerror(errno));
		if (pid == 0)
			write_for_ever(ends[1]);
		close(ends[1]);
		if (!along && (along = fork()) == 0)
			read_for_ever();
		nanosleep(&wait, NULL);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		said = 0;
		for (uint64_t seq; read(ends[0], &seq, sizeof(seq)) == sizeof(seq);)
			said = seq;
		close(ends[0]);

		spool = open_spool(&report);
		if (report.put_aside || report.left_damaged)
			die("a kill is no damage, but %" PRIu64 " segments were put aside",
			    report.put_aside);
		torn += report.cut_bytes > 0;
		if (said > spool_last_seq(spool))
			die("the number %" PRIu64 " would be given twice", said);
		if (report.records) {
			// Written and not said may be there or not; find where this round ends.
			struct spool_reader *reader = spool_reader_new(dir);
			struct segment_record record;
			uint64_t last = begin - 1;

			spool_reader_seek(reader, 0, begin);
			while (spool_reader_next(reader, UINT64_MAX, UINT32_MAX, &record) == 1)
				last = record.seq;
			spool_reader_free(reader);
			cuts[n_cuts++] = last;
			cuts[n_cuts++] = spool_last_seq(spool);
			if (said > last)
				die("%" PRIu64 " was said, the spool ends at %" PRIu64, said, last);
			if (said)
				check_range(begin, said, cuts, n_cuts);
			begin = spool_last_seq(spool) + 1;
			total = report.records;
		}
		spool_close(spool);
	}
	if (!n_cuts)
		die("the writer never came to write");
	check_range(1, cuts[n_cuts - 2], cuts, n_cuts);
	if (waitpid(along, NULL, WNOHANG) != 0)
		die("the process that read along gave up");
	kill(along, SIGKILL);
	waitpid(along, NULL, 0);
	printf("%u kills, %" PRIu64 " records, %" PRIu64
	       " torn ends: nothing missing, nothing damaged\n",
	       rounds, total, torn);
	free(cuts);
}

static void empty_dir(void)
{
	DIR *entries = opendir(dir);
	struct dirent *entry;

	while (entries && (entry = readdir(entries)))
		unlinkat(dirfd(entries), entry->d_name, 0);
	if (entries)
		closedir(entries);
}

static uint64_t read_whole(uint64_t *last)
{
	struct spool_reader *reader = spool_reader_new(dir);
	struct segment_record record;
	uint64_t n = 0;

	*last = 0;
	spool_reader_seek(reader, 0, 1);
	while (spool_reader_next(reader, UINT64_MAX, UINT32_MAX, &record) == 1) {
		check(&record);
		if (record.seq <= *last)
			die("record %" PRIu64 " came again", record.seq);
		*last = record.seq;
		n++;
	}
	spool_reader_free(reader);
	return n;
}

static void put_file(const uint8_t *bytes, size_t len)
{
	char path[256];
	FILE *file;

	empty_dir();
	snprintf(path, sizeof(path), "%s/%020u.spool", dir, 1);
	file = fopen(path, "wb");
	if (!file || fwrite(bytes, 1, len, file) != len || fclose(file) != 0)
		die("%s", strerror(errno));
}

static void cut_and_flip(uint64_t n_records)
{
	uint8_t bytes[MAX_LEN], *file_bytes = malloc(1 << 20);
	struct spool_report report;
	struct spool *spool;
	char path[256];
	uint64_t last, n;
	FILE *file;
	size_t len;

	empty_dir();
	spool = open_spool(&report);
	for (uint64_t seq = 1; seq <= n_records; seq++) {
		len = fill(seq, bytes);
		if (spool_append(spool, seq, span_make(bytes, len)) < 0)
			die("append failed");
	}
	if (spool_sync(spool) < 0)
		die("sync failed");
	spool_close(spool);
	snprintf(path, sizeof(path), "%s/%020u.spool", dir, 1);
	file = fopen(path, "rb");
	if (!file)
		die("%s: %s", path, strerror(errno));
	len = fread(file_bytes, 1, 1 << 20, file);
	fclose(file);
	for (size_t cut = 0; cut < len; cut++) {
		put_file(file_bytes, cut);
		spool = open_spool(&report);
		n = read_whole(&last);
		if (n != last || n >= n_records || n != report.records)
			die("cut at %zu: %" PRIu64 " records up to %" PRIu64, cut, n, last);
		spool_close(spool);
	}
	for (size_t at = 0; at < len; at++) {
		uint8_t mask = (uint8_t)(1u << at % 8);

		file_bytes[at] ^= mask;
		put_file(file_bytes, len);
		file_bytes[at] ^= mask;
		spool = open_spool(&report);
		n = read_whole(&last);
		if (n + 1 < n_records)
			die("byte %zu changed: only %" PRIu64 " records left", at, n);
		spool_close(spool);
	}
	printf("%zu cuts, %zu changed bytes: always opened, nothing damaged delivered\n", len, len);
	free(file_bytes);
}

int main(int argc, char **argv)
{
	uint32_t rounds = argc > 1 ? (uint32_t)atoi(argv[1]) : 100;
	unsigned seed = argc > 2 ? (unsigned)atoi(argv[2]) : (unsigned)time(NULL);
	const char *tmp = getenv("TMPDIR");

	printf("seed %u\n", seed);
	fflush(stdout);
	snprintf(dir, sizeof(dir), "%s/spool_kill.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(dir))
		die("%s", strerror(errno));
	kill_rounds(rounds ? rounds : 1, seed);
	empty_dir();
	if (access("/dev/shm", W_OK) == 0) {
		// In memory: this needs thousands of syncs, and no kill.
		rmdir(dir);
		snprintf(dir, sizeof(dir), "/dev/shm/spool_kill.XXXXXX");
		if (!mkdtemp(dir))
			die("%s", strerror(errno));
	}
	cut_and_flip(10);
	empty_dir();
	rmdir(dir);
	return 0;
}

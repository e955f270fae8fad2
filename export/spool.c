// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The directory of segments: repair at start, rotation, size cap. Readers: export/spool_read.c.
//
//   00000000000000000101.spool      segment whose first number is 101
//   00000000000000000101.tmp        being created; deleted at start
//   00000000000000000101.salvaged   readable records of a damaged segment, whole and synced,
//                                   not yet in its place; the start finishes what was begun
//   00000000000000000101.corrupt    a damaged segment put aside, for people to look at
//   lock                            held (flock) while the spool is open
//
// Each start begins a new segment, so nothing is ever appended behind bytes whose history we do
// not know. A file gets its .spool name only after its header is on disk. Every change of the
// directory is followed by fsync of the directory.
//
// The struct spool belongs to the exporter's thread; the atomics in it may be read by all.

#include "export/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	NAME_DIGITS = 20,
	NAME_MAX_LEN = 48,
	MAX_ASIDE = 1000, // files put aside under one number
};

// Numbers beyond this are not ours, whatever a file's name says.
static const uint64_t max_seq = (uint64_t)1 << 62;

struct spool_file {
	uint64_t first_seq, bytes;
	char name[NAME_MAX_LEN];
	bool corrupt; // put aside
};

struct spool {
	int dir_fd, lock_fd;
	uint64_t segment_bytes, max_bytes;
	uint64_t epoch, last_epoch, start_seq; // start_seq: see spool_last_seq
	struct spool_file *files;              // owned, by first_seq; ends with the one written to
	size_t n_files, max_files;

	int fd; // segment written to, -1: none
	struct segment_info info;
	uint64_t size, synced_size;
	uint64_t written_seq;
	int failed; // sync that failed at a rotation, told by the next spool_sync

	_Atomic uint64_t durable_seq, oldest_seq, dropped, bytes; // exporter: rw, others: ro
};

int spool_make_dir(const char *path, mode_t mode)
{
	char part[4096];
	size_t len = strlen(path);

	if (len == 0 || len >= sizeof(part))
		return -ENAMETOOLONG;
	memcpy(part, path, len + 1);
	for (size_t i = 1; i <= len; i++) {
		if (part[i] != '/' && part[i] != '\0')
			continue;
		part[i] = '\0';
		if (mkdir(part, i == len ? mode : 0750) < 0 && errno != EEXIST)
			return -errno;
		part[i] = path[i];
	}
	return 0;
}

static void name_make(char name[NAME_MAX_LEN], uint64_t first_seq, const char *suffix)
{
	snprintf(name, NAME_MAX_LEN, "%0*" PRIu64 ".%s", NAME_DIGITS, first_seq, suffix);
}

const char *spool_name_parse(const char *name, uint64_t *first_seq)
{
	uint64_t seq = 0;

	for (int i = 0; i < NAME_DIGITS; i++) {
		if (name[i] < '0' || name[i] > '9')
			return NULL;
		seq = seq * 10 + (uint64_t)(name[i] - '0');
		if (seq > max_seq)
			return NULL;
	}
	*first_seq = seq;
	return name[NAME_DIGITS] == '.' && seq > 0 ? name + NAME_DIGITS + 1 : NULL;
}

static bool exists(const struct spool *spool, const char *name)
{
	struct stat st;

	return fstatat(spool->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

static int rename_in(const struct spool *spool, const char *from, const char *to)
{
	if (renameat(spool->dir_fd, from, spool->dir_fd, to) < 0 || fsync(spool->dir_fd) < 0)
		return -errno;
	return 0;
}

static int file_add(struct spool *spool, const char *name, uint64_t first_seq, uint64_t bytes,
		    bool corrupt)
{
	struct spool_file *file;

	if (spool->n_files == spool->max_files) {
		size_t max = spool->max_files ? spool->max_files * 2 : 64;
		struct spool_file *files = realloc(spool->files, max * sizeof(*files));

		if (!files)
			return -ENOMEM;
		spool->files = files;
		spool->max_files = max;
	}
	file = &spool->files[spool->n_files++];
	memset(file, 0, sizeof(*file));
	snprintf(file->name, sizeof(file->name), "%s", name);
	file->first_seq = first_seq;
	file->bytes = bytes;
	file->corrupt = corrupt;
	return 0;
}

static void file_remove(struct spool *spool, size_t i)
{
	memmove(&spool->files[i], &spool->files[i + 1],
		(spool->n_files - i - 1) * sizeof(*spool->files));
	spool->n_files--;
}

static int file_order(const void *a, const void *b)
{
	const struct spool_file *left = a, *right = b;

	if (left->first_seq != right->first_seq)
		return left->first_seq < right->first_seq ? -1 : 1;
	return strcmp(left->name, right->name);
}

// Brings the numbers that other threads read up to date.
static void account(struct spool *spool)
{
	uint64_t bytes = 0, oldest = 0;

	for (size_t i = 0; i < spool->n_files; i++) {
		bytes += spool->files[i].bytes;
		if (!oldest && !spool->files[i].corrupt)
			oldest = spool->files[i].first_seq;
	}
	atomic_store_explicit(&spool->bytes, bytes, memory_order_relaxed);
	if (!oldest)
		oldest = (spool->written_seq > spool->start_seq ? spool->written_seq
								: spool->start_seq) +
			 1;
	atomic_store_explicit(&spool->oldest_seq, oldest, memory_order_relaxed);
}

// Deletes until need more bytes fit: what was put aside first, then the oldest segment.
static void make_room(struct spool *spool, uint64_t need)
{
	account(spool);
	while (spool->n_files > 0 && atomic_load_explicit(&spool->bytes, memory_order_relaxed) >
					     spool->max_bytes - need) {
		size_t victim = 0;

		for (size_t i = 0; i < spool->n_files; i++) {
			if (spool->files[i].corrupt) {
				victim = i;
				break;
			}
		}
		// Whether or not it can be deleted, we do not come back to it.
		unlinkat(spool->dir_fd, spool->files[victim].name, 0);
		if (!spool->files[victim].corrupt)
			atomic_fetch_add_explicit(&spool->dropped, 1, memory_order_relaxed);
		file_remove(spool, victim);
		account(spool);
	}
}

static void saw_seq(struct spool *spool, uint64_t seq)
{
	if (seq > spool->start_seq && seq < max_seq)
		spool->start_seq = seq;
}

// How many records may have stood in bytes that cannot be read: their numbers are not used again.
static uint64_t records_in(uint64_t bytes)
{
	return bytes ? bytes / (SEGMENT_RECORD + 1) + 1 : 0;
}

static int put_aside(struct spool *spool, struct spool_file *file)
{
	char name[NAME_MAX_LEN];
	int r;

	name_make(name, file->first_seq, "corrupt");
	for (int i = 1; exists(spool, name); i++) {
		if (i == MAX_ASIDE)
			return -EEXIST;
		snprintf(name, sizeof(name), "%0*" PRIu64 ".%d.corrupt", NAME_DIGITS,
			 file->first_seq, i);
	}
	r = rename_in(spool, file->name, name);
	if (r == 0) {
		memcpy(file->name, name, sizeof(name));
		file->corrupt = true;
	}
	return r;
}

// Copies the readable records of a damaged segment to name. Gives how many, or negative errno.
static int64_t copy_readable(struct spool *spool, struct segment_cursor *cursor, const char *name,
			     uint64_t *size)
{
	struct segment_info info = cursor->info;
	struct segment_record record;
	int64_t n = 0;
	int fd, r;

	if (getrandom(&info.salt, sizeof(info.salt), 0) != sizeof(info.salt))
		return -EIO;
	unlinkat(spool->dir_fd, name, 0);
	fd = segment_create(spool->dir_fd, name, &info);
	if (fd < 0)
		return fd;
	*size = SEGMENT_HEADER;
	cursor->off = SEGMENT_HEADER;
	cursor->last_seq = info.first_seq - 1;
	r = 0;
	// Bounded by the segment's size. A read error ends it; the rest stays in what is put aside.
	while (r == 0 && segment_next(cursor, &record) == 1) {
		r = segment_append(fd, &info, size, record.seq, record.bytes);
		n++;
	}
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	close(fd);
	if (r < 0 || n == 0)
		unlinkat(spool->dir_fd, name, 0);
	return r < 0 ? r : n;
}

// Puts a damaged segment aside and what can be read of it in its place. i is the file's index.
static void replace_damaged(struct spool *spool, size_t i, struct segment_cursor *cursor,
			    struct spool_report *report)
{
	struct spool_file file = spool->files[i];
	char salvaged[NAME_MAX_LEN];
	uint64_t size = 0;
	int64_t n = 0;

	name_make(salvaged, file.first_seq, "salvaged");
	if (cursor)
		n = copy_readable(spool, cursor, salvaged, &size);
	if (n < 0 || put_aside(spool, &spool->files[i]) < 0) {
		report->left_damaged++;
		return;
	}
	report->put_aside++;
	if (n == 0)
		return;
	report->salvaged += (uint64_t)n;
	if (rename_in(spool, salvaged, file.name) == 0)
		file_add(spool, file.name, file.first_seq, size, false);
}

static int truncate_file(const struct spool *spool, const char *name, uint64_t size)
{
	int fd = openat(spool->dir_fd, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	int r = 0;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)size) < 0 || fsync(fd) < 0)
		r = -errno;
	close(fd);
	return r;
}

// Reads the whole segment and repairs what is wrong with it. True: forget it, it holds nothing.
static bool recover(struct spool *spool, size_t i, bool newest, struct spool_report *report,
		    int *error)
{
	struct spool_file *file = &spool->files[i];
	struct segment_cursor cursor;
	struct segment_record record;
	uint64_t n = 0, size, tail;
	bool empty = false;
	int r = segment_open(&cursor, spool->dir_fd, file->name);

	saw_seq(spool, file->first_seq - 1);
	if (r == -ENOTSUP) {
		*error = r;
		return false;
	}
	if (r < 0) {
		saw_seq(spool, file->first_seq + records_in(file->bytes));
		replace_damaged(spool, i, NULL, report);
		return false;
	}
	do {
		r = segment_next(&cursor, &record);
		n += r == 1;
	} while (r == 1);
	size = segment_size(&cursor);
	tail = size > cursor.off ? size - cursor.off : 0;
	saw_seq(spool, cursor.last_seq + records_in(tail));
	if (cursor.info.epoch > spool->last_epoch)
		spool->last_epoch = cursor.info.epoch;
	report->records += n;
	if (cursor.header_damaged || cursor.damaged || r < 0 || (tail && !newest)) {
		replace_damaged(spool, i, &cursor, report);
	} else if (n == 0) {
		empty = unlinkat(spool->dir_fd, file->name, 0) == 0;
		report->cut_bytes += tail;
	} else if (tail) {
		// The torn end of a write that nobody was told of.
		if (truncate_file(spool, file->name, cursor.off) == 0) {
			file->bytes = cursor.off;
			report->cut_bytes += tail;
		} else {
			report->left_damaged++;
		}
	}
	segment_close(&cursor);
	return empty;
}

// Lists the directory; finishes or undoes what the last process was in the middle of.
static int list(struct spool *spool)
{
	int fd = openat(spool->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int r = 0;

	if (!dir) {
		r = -errno;
		if (fd >= 0)
			close(fd);
		return r;
	}
	while (r == 0 && (errno = 0, entry = readdir(dir))) {
		uint64_t first_seq;
		const char *suffix = spool_name_parse(entry->d_name, &first_seq);
		size_t len = strlen(entry->d_name);
		char name[NAME_MAX_LEN];
		struct stat st;

		if (!suffix || len >= sizeof(name) ||
		    fstatat(spool->dir_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (strcmp(suffix, "tmp") == 0) {
			unlinkat(spool->dir_fd, entry->d_name, 0);
		} else if (strcmp(suffix, "salvaged") == 0) {
			// Whole and synced, if the damaged one is already out of its place.
			name_make(name, first_seq, "spool");
			if (exists(spool, name))
				unlinkat(spool->dir_fd, entry->d_name, 0);
			else if (rename_in(spool, entry->d_name, name) == 0)
				r = file_add(spool, name, first_seq, (uint64_t)st.st_size, false);
		} else if (strcmp(suffix, "spool") == 0) {
			for (size_t i = 0; suffix && i < spool->n_files; i++) {
				// readdir may show a file just renamed under both names.
				if (strcmp(spool->files[i].name, entry->d_name) == 0)
					suffix = NULL;
			}
			if (suffix)
				r = file_add(spool, entry->d_name, first_seq, (uint64_t)st.st_size,
					     false);
		} else if (len > 8 && strcmp(entry->d_name + len - 8, ".corrupt") == 0) {
			r = file_add(spool, entry->d_name, first_seq, (uint64_t)st.st_size, true);
		}
	}
	if (r == 0 && errno)
		r = -errno;
	closedir(dir);
	return r;
}

// Numbers that stood in a segment put aside earlier, of which nothing could be saved.
static void saw_aside(struct spool *spool, const struct spool_file *aside)
{
	for (size_t i = 0; i < spool->n_files; i++) {
		if (!spool->files[i].corrupt && spool->files[i].first_seq == aside->first_seq)
			return;
	}
	saw_seq(spool, aside->first_seq + records_in(aside->bytes));
}

static int recover_all(struct spool *spool, struct spool_report *report)
{
	size_t n, kept = 0, newest = 0;
	int error = 0;

	if (spool->n_files)
		qsort(spool->files, spool->n_files, sizeof(*spool->files), file_order);
	n = spool->n_files;
	for (size_t i = 0; i < n; i++) {
		newest = spool->files[i].corrupt ? newest : i;
		if (spool->files[i].corrupt)
			saw_aside(spool, &spool->files[i]);
	}
	// Replacements are added behind n: they need no repair.
	for (size_t i = 0; i < n && !error; i++) {
		if (!spool->files[i].corrupt && recover(spool, i, i == newest, report, &error))
			spool->files[i].name[0] = '\0';
	}
	for (size_t i = 0; i < spool->n_files; i++) {
		if (spool->files[i].name[0])
			spool->files[kept++] = spool->files[i];
	}
	spool->n_files = kept;
	if (kept)
		qsort(spool->files, kept, sizeof(*spool->files), file_order);
	for (size_t i = 0; i < kept; i++)
		report->segments += !spool->files[i].corrupt;
	return error;
}

static int lock(struct spool *spool, const char *dir, char *why, size_t why_len)
{
	char pid[32] = "";
	ssize_t got;

	spool->lock_fd =
		openat(spool->dir_fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (spool->lock_fd < 0) {
		snprintf(why, why_len, "Spool %s: cannot open its lock file: %s.", dir,
			 strerror(errno));
		return -1;
	}
	if (flock(spool->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		got = pread(spool->lock_fd, pid, sizeof(pid) - 1, 0);
		pid[got > 0 ? got : 0] = '\0';
		snprintf(why, why_len,
			 "Spool %s is in use by another apitap (process %d): stop that one or "
			 "give this one its own directory (export.spool).",
			 dir, atoi(pid));
		return -1;
	}
	// The number is only for the message above: not being able to write it is no error.
	snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	if (ftruncate(spool->lock_fd, 0) == 0)
		got = pwrite(spool->lock_fd, pid, strlen(pid), 0);
	return 0;
}

struct spool *spool_open(const struct spool_options *options, struct spool_report *report,
			 char *why, size_t why_len)
{
	struct spool *spool = calloc(1, sizeof(*spool));
	const char *dir = options->dir;
	struct stat st;
	int r;

	memset(report, 0, sizeof(*report));
	if (!spool) {
		snprintf(why, why_len, "Spool %s: no memory.", dir);
		return NULL;
	}
	if (options->segment_bytes > options->max_bytes / 2) {
		snprintf(why, why_len,
			 "Spool %s: all segments together must be allowed at least twice the size "
			 "of one (export.max_mb, export.segment_mb).",
			 dir);
		free(spool);
		return NULL;
	}
	spool->dir_fd = spool->lock_fd = spool->fd = -1;
	spool->segment_bytes = options->segment_bytes;
	spool->max_bytes = options->max_bytes;
	r = spool_make_dir(dir, 0700);
	if (r == 0) {
		spool->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = spool->dir_fd < 0 || fstat(spool->dir_fd, &st) < 0 ? -errno : 0;
	}
	if (r < 0) {
		snprintf(why, why_len, "Spool %s cannot be used: %s.", dir, strerror(-r));
		goto err;
	}
	if (st.st_mode & 022) {
		snprintf(why, why_len,
			 "Spool %s can be written by other users (mode %o): chmod 700 it.", dir,
			 st.st_mode & 07777);
		goto err;
	}
	if (lock(spool, dir, why, why_len) < 0)
		goto err;
	r = list(spool);
	if (r == 0)
		r = recover_all(spool, report);
	if (r == -ENOTSUP) {
		snprintf(why, why_len,
			 "Spool %s was written by another version of apitap: use that version or "
			 "move the files away.",
			 dir);
		goto err;
	}
	if (r < 0) {
		snprintf(why, why_len, "Spool %s cannot be read: %s.", dir, strerror(-r));
		goto err;
	}
	spool->epoch = options->epoch > spool->last_epoch ? options->epoch : spool->last_epoch + 1;
	spool->written_seq = spool->start_seq;
	atomic_store_explicit(&spool->durable_seq, spool->start_seq, memory_order_relaxed);
	make_room(spool, 0);
	return spool;
err:
	spool_close(spool);
	return NULL;
}

uint64_t spool_epoch(const struct spool *spool)
{
	return spool->epoch;
}

uint64_t spool_last_seq(const struct spool *spool)
{
	return spool->start_seq;
}

uint64_t spool_durable_seq(const struct spool *spool)
{
	// Pairs with the release in spool_sync: the records are there before their number is.
	return atomic_load_explicit(&spool->durable_seq, memory_order_acquire);
}

uint64_t spool_oldest_seq(const struct spool *spool)
{
	return atomic_load_explicit(&spool->oldest_seq, memory_order_relaxed);
}

uint64_t spool_dropped(const struct spool *spool)
{
	return atomic_load_explicit(&spool->dropped, memory_order_relaxed);
}

uint64_t spool_bytes(const struct spool *spool)
{
	return atomic_load_explicit(&spool->bytes, memory_order_relaxed);
}

static int segment_begin(struct spool *spool, uint64_t first_seq)
{
	struct segment_info info = {.epoch = spool->epoch, .first_seq = first_seq};
	char tmp[NAME_MAX_LEN], name[NAME_MAX_LEN];
	int fd, r;

	make_room(spool, spool->segment_bytes);
	name_make(tmp, first_seq, "tmp");
	name_make(name, first_seq, "spool");
	if (exists(spool, name))
		return -EEXIST;
	if (getrandom(&info.salt, sizeof(info.salt), 0) != sizeof(info.salt))
		return -EIO;
	unlinkat(spool->dir_fd, tmp, 0);
	fd = segment_create(spool->dir_fd, tmp, &info);
	if (fd < 0)
		return fd;
	r = fsync(fd) < 0 ? -errno : file_add(spool, name, first_seq, SEGMENT_HEADER, false);
	if (r == 0) {
		r = rename_in(spool, tmp, name);
		if (r < 0) {
			unlinkat(spool->dir_fd, name, 0);
			spool->n_files--;
		}
	}
	if (r < 0) {
		unlinkat(spool->dir_fd, tmp, 0);
		close(fd);
		return r;
	}
	spool->fd = fd;
	spool->info = info;
	spool->size = spool->synced_size = SEGMENT_HEADER;
	account(spool);
	return 0;
}

// Ends the segment at its last synced record; what was not synced counts as lost.
static void segment_end(struct spool *spool)
{
	struct spool_file *file = &spool->files[spool->n_files - 1];

	// If cutting fails, readers still find only whole records, and the next start repairs.
	if (spool->size != spool->synced_size &&
	    ftruncate(spool->fd, (off_t)spool->synced_size) == 0)
		spool->size = spool->synced_size;
	close(spool->fd);
	spool->fd = -1;
	file->bytes = spool->size;
	if (spool->size == SEGMENT_HEADER && unlinkat(spool->dir_fd, file->name, 0) == 0)
		spool->n_files--;
	account(spool);
}

static int segment_sync(struct spool *spool)
{
	int r;

	if (spool->fd < 0 || spool->size == spool->synced_size)
		return 0;
	if (fdatasync(spool->fd) == 0) {
		spool->synced_size = spool->size;
		return 0;
	}
	// After a failed sync the kernel may have forgotten which pages were dirty: a second try
	// on this file proves nothing.
	r = -errno;
	spool->written_seq = atomic_load_explicit(&spool->durable_seq, memory_order_relaxed);
	segment_end(spool);
	return r;
}

int spool_append(struct spool *spool, uint64_t seq, struct span bytes)
{
	int r;

	if (seq <= spool->written_seq || seq >= max_seq)
		return -EINVAL;
	if (bytes.len == 0 || bytes.len > SEGMENT_MAX_RECORD)
		return -EMSGSIZE;
	if (spool->fd >= 0 && spool->size > SEGMENT_HEADER &&
	    spool->size + SEGMENT_RECORD + bytes.len > spool->segment_bytes) {
		r = segment_sync(spool);
		if (r < 0)
			spool->failed = r;
		else
			segment_end(spool);
	}
	if (spool->fd < 0) {
		r = segment_begin(spool, seq);
		if (r < 0)
			return r;
	}
	r = segment_append(spool->fd, &spool->info, &spool->size, seq, bytes);
	if (r < 0)
		return r;
	spool->written_seq = seq;
	spool->files[spool->n_files - 1].bytes = spool->size;
	return 0;
}

int spool_sync(struct spool *spool)
{
	int failed = spool->failed;
	int r = segment_sync(spool);

	spool->failed = 0;
	if (r < 0)
		return r;
	atomic_store_explicit(&spool->durable_seq, spool->written_seq, memory_order_release);
	account(spool);
	return failed;
}

void spool_close(struct spool *spool)
{
	if (spool->fd >= 0) {
		spool_sync(spool);
		if (spool->fd >= 0)
			segment_end(spool);
	}
	if (spool->lock_fd >= 0)
		close(spool->lock_fd);
	if (spool->dir_fd >= 0)
		close(spool->dir_fd);
	free(spool->files);
	free(spool);
}

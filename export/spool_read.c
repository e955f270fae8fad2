// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Reading the spool from some number on, while it is written to, rotated and pruned. A reader
// shares nothing with the writer but the files: it sees whole records or none, because each is
// checked by its CRC. A segment is left for the next one only after that next one has been seen
// and the end of the first has been read once more: the writer never returns to a segment.

#include "export/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	MAX_VANISHED = 64, // segments deleted under our hands in one call
};

struct spool_reader {
	int dir_fd;
	uint64_t want_epoch, want_seq; // of the next record
	struct segment_cursor cursor;
	bool open, sealed;  // sealed: a later segment exists, nothing more is written to this one
	uint64_t first_seq; // in the name of the segment that is open, or was the last; 0: none
};

struct spool_reader *spool_reader_new(const char *dir)
{
	struct spool_reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return NULL;
	reader->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (reader->dir_fd < 0) {
		free(reader);
		return NULL;
	}
	return reader;
}

static void leave(struct spool_reader *reader)
{
	if (reader->open)
		segment_close(&reader->cursor);
	reader->open = reader->sealed = false;
}

void spool_reader_seek(struct spool_reader *reader, uint64_t epoch, uint64_t seq)
{
	if (reader->want_seq == seq && reader->want_epoch == epoch)
		return;
	leave(reader);
	reader->first_seq = 0;
	reader->want_epoch = epoch;
	reader->want_seq = seq;
}

// The segment to read next: the first after the one just read, or when there was none the last
// that begins at or before the wanted number, or else the first. 1, 0: none, negative errno.
static int pick(const struct spool_reader *reader, uint64_t *found)
{
	int fd = openat(reader->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	uint64_t before = 0, after = UINT64_MAX, bound;
	int r;

	if (!dir) {
		r = -errno;
		if (fd >= 0)
			close(fd);
		return r;
	}
	bound = reader->first_seq ? reader->first_seq : reader->want_seq;
	while ((errno = 0, entry = readdir(dir))) {
		uint64_t seq;
		const char *suffix = spool_name_parse(entry->d_name, &seq);

		if (!suffix || strcmp(suffix, "spool") != 0)
			continue;
		if (seq <= bound && seq > before)
			before = seq;
		if (seq > bound && seq < after)
			after = seq;
	}
	r = errno ? -errno : 1;
	closedir(dir);
	if (r < 0)
		return r;
	*found = !reader->first_seq && before ? before : after;
	return *found != UINT64_MAX;
}

// 1: a segment is open; 0: none; negative errno.
static int enter(struct spool_reader *reader)
{
	char name[48];
	uint64_t seq;

	for (int i = 0; i < MAX_VANISHED; i++) {
		int r = pick(reader, &seq);

		if (r <= 0)
			return r;
		snprintf(name, sizeof(name), "%020" PRIu64 ".spool", seq);
		r = segment_open(&reader->cursor, reader->dir_fd, name);
		if (r == -ENOENT)
			continue;
		if (r == -ENOMEM || r == -EMFILE || r == -ENFILE)
			return r;
		reader->first_seq = seq;
		if (r == 0) {
			reader->open = true;
			return 1;
		}
		// Not readable at all: the next one then.
	}
	return -EAGAIN;
}

int spool_reader_next(struct spool_reader *reader, uint64_t upto_seq, uint32_t max_len,
		      struct segment_record *out)
{
	int r;

	// Each turn delivers, skips a record that exists, or goes on to a later segment.
	for (;;) {
		if (!reader->open) {
			r = enter(reader);
			if (r <= 0)
				return r;
		}
		uint64_t last_seq = reader->cursor.last_seq;

		r = segment_next(&reader->cursor, out);
		if (r == 1) {
			if (out->seq < reader->want_seq || out->epoch < reader->want_epoch)
				continue;
			if (out->seq > upto_seq || out->bytes.len > max_len) {
				segment_unread(&reader->cursor, out, last_seq);
				return out->seq > upto_seq ? 0 : -EMSGSIZE;
			}
			reader->want_seq = out->seq + 1;
			return 1;
		}
		if (!reader->sealed) {
			uint64_t later;
			int more = pick(reader, &later);

			if (more <= 0)
				return more < 0 ? more : r;
			reader->sealed = true;
			continue;
		}
		leave(reader);
	}
}

void spool_reader_free(struct spool_reader *reader)
{
	leave(reader);
	close(reader->dir_fd);
	free(reader);
}

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The spool: a directory of segments (export/segment.h) that holds every issue before anybody is
// told of it. One writer (the exporter's thread; a lock file keeps other processes out), any
// number of readers, in this process or another, that need no lock.
//
// Sequence numbers rise over the whole spool, over restarts too; each start has its own epoch
// and its own segments.

#pragma once

#include "export/segment.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct spool_options {
	const char *dir;        // made with mode 0700 if missing
	uint64_t segment_bytes; // a new segment is begun beyond this
	uint64_t max_bytes;     // of all segments, those put aside too
	uint64_t epoch; // wish; a greater one is taken when the spool knows it or a later one
};

// What opening found.
struct spool_report {
	uint64_t segments, records; // kept and readable
	uint64_t cut_bytes;         // of a torn tail, cut off
	uint64_t put_aside;         // damaged segments, now *.corrupt
	uint64_t salvaged;          // records saved from them into new segments
	uint64_t left_damaged;      // damaged and could not be replaced; readers jump over it
};

struct spool;

// Opens and repairs. NULL with a sentence in why.
struct spool *spool_open(const struct spool_options *options, struct spool_report *report,
			 char *why, size_t why_len);
uint64_t spool_epoch(const struct spool *spool);
// Highest number that may have been given to a record before this start.
uint64_t spool_last_seq(const struct spool *spool);
// Writes a record, not yet durable; seq must rise. 0 or negative errno: then nothing of it stays
// and the same or a later record may be tried again at any time.
int spool_append(struct spool *spool, uint64_t seq, struct span bytes);
// Makes all appended records durable. Negative errno: those appended since the last successful
// call may be lost; the spool goes on with a new segment.
int spool_sync(struct spool *spool);
void spool_close(struct spool *spool);

// Any thread: last durable record, first record that may still be kept, segments that the size
// cap deleted, bytes on disk.
uint64_t spool_durable_seq(const struct spool *spool);
uint64_t spool_oldest_seq(const struct spool *spool);
uint64_t spool_dropped(const struct spool *spool);
uint64_t spool_bytes(const struct spool *spool);

struct spool_reader;

// NULL with errno.
struct spool_reader *spool_reader_new(const char *dir);
// The next record will be the first with at least this epoch and this seq.
void spool_reader_seek(struct spool_reader *reader, uint64_t epoch, uint64_t seq);
// 1: the next whole record, not beyond upto_seq; 0: none (yet); -EMSGSIZE: it is longer than
// max_len, and stays the next; other negative errno. Damage is jumped over.
int spool_reader_next(struct spool_reader *reader, uint64_t upto_seq, uint32_t max_len,
		      struct segment_record *out);
void spool_reader_free(struct spool_reader *reader);

// The number in the name of a file of the spool and its suffix ("spool", …), or NULL.
const char *spool_name_parse(const char *name, uint64_t *first_seq);
// Makes a directory and its parents (those with mode 0750). 0 or negative errno.
int spool_make_dir(const char *path, mode_t mode);

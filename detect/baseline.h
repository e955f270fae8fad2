// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What was learnt, kept over a restart in one file: <dir>/apitap.baseline. Control thread.

#pragma once

#include "detect/merge.h"

#include <limits.h>
#include <stdio.h>

enum { BASELINE_BUFFER = 1 << 16 };

// A baseline that is being written, a part at a time. What merges meanwhile is in some parts and
// not in others: each part is whole in itself.
struct baseline_saver {
	char path[PATH_MAX], beside[PATH_MAX], dir[PATH_MAX];
	FILE *out; // owned; NULL: none, or it failed
	uint64_t check;
	uint32_t next; // part
	int rc;
	char buffer[BASELINE_BUFFER];
};

// 0 or negative errno; then there is nothing to end.
int baseline_begin(struct baseline_saver *s, const struct merger *m, const char *dir);
// Writes another part. False: there are no more, or it failed.
bool baseline_step(struct baseline_saver *s, struct merger *m);
// Replaces the file as a whole or not at all. 0 or negative errno, of parts before as well. Needs no
// merger: another thread may do it.
int baseline_end(struct baseline_saver *s);

// All of it at once.
int baseline_save(struct merger *m, const char *dir);
// Into a merger that knows nothing yet. A file that is damaged or of another kind is put aside
// with a message and nothing is learnt from it. 0, also when there is no file; negative errno when
// it cannot be read.
int baseline_load(struct merger *m, const char *dir);

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Saves what was learnt while the sensor runs, so that nobody waits long for it: the control thread
// writes a part of the baseline between two merges, and a thread of its own takes the file to the
// disk. One save at a time. Control thread.
//
//	saving_begin() ─► saving_turn() … saving_turn() ─► thread: checksum, fsync, rename

#pragma once

#include <stdbool.h>

struct merger;
struct saving;

// NULL: no memory.
struct saving *saving_new(void);
// Waits for what is under way.
void saving_free(struct saving *s);
// False: it could not begin (which is logged), or one is under way.
bool saving_begin(struct saving *s, struct merger *m, const char *dir);
// Does a part of the work, if there is any.
void saving_turn(struct saving *s, struct merger *m);
// Brings what is under way to its end. True: nothing was, or it went well.
bool saving_finish(struct saving *s, struct merger *m);

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The replay socket (nng REP): gives records of the spool again, from a number on. Its own
// thread, its own readers of the spool; it never touches the writer but for two numbers.

#pragma once

#include "export/spool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rep;

// Binds the url and starts the thread. spool must outlive it. NULL with a sentence in why.
struct rep *rep_start(const char *url, bool insecure, const struct spool *spool, const char *dir,
		      char *why, size_t why_len);
// Records sent again since the start. Any thread.
uint64_t rep_replayed(const struct rep *rep);
void rep_stop(struct rep *rep);

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What the merger halves of detectors need of the system: sentences and memory. A detector is one
// file with both halves; because all of its calls of this kind come through here, its object shows
// by its symbols that the worker half makes none.

#pragma once

#include <stddef.h>
#include <stdint.h>

struct issue_draft;

enum { DRAFT_CAP = 60 };

// snprintf() for the texts of an issue. Merger only.
__attribute__((format(printf, 3, 4))) int draft_text(char *out, size_t size, const char *format, ...);
// What is claimed against a baseline of fewer than `enough` (users, calls, values) has a confidence
// of at most DRAFT_CAP: a term takes off the rest. After all other terms. Merger only.
void draft_cap(struct issue_draft *draft, uint64_t baseline, uint64_t enough);
// Zeroed memory, NULL when there is none. Merger only.
void *draft_alloc(size_t n, size_t size);
void draft_free(void *p);

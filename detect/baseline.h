// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What was learnt, kept over a restart in one file: <dir>/apitap.baseline. Control thread.

#pragma once

#include "detect/merge.h"

// Replaces the file as a whole or not at all. 0 or negative errno.
int baseline_save(struct merger *m, const char *dir);
// Into a merger that knows nothing yet. A file that is damaged or of another kind is put aside
// with a message and nothing is learnt from it. 0, also when there is no file; negative errno when
// it cannot be read.
int baseline_load(struct merger *m, const char *dir);

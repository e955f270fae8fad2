// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The parts of a baseline that are the merger's own, beside its endpoints: a section of the file
// each. Those that stand first are read first. Control thread.

#pragma once

#include "detect/merge.h"

struct baseline_part {
	const char *name; // of its section
	const char *what; // for messages: "fields", "owners of objects"
	uint32_t version;
	// 0 or negative errno. After a failed load nothing of it is known; principals that were read
	// stay, for each stands alone.
	int (*save)(struct merger *m, FILE *out);
	int (*load)(struct merger *m, FILE *in, size_t len, uint32_t version);
};

uint32_t baseline_parts(const struct baseline_part **first);

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What happens when: a heap of (time, who, what), so that thousands of users act in the order
// of time while only their next steps are kept.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gen_step {
	uint64_t time_ns;
	uint32_t user, what; // what: the scenario's own number
};

struct gen_agenda {
	struct gen_step *heap;
	size_t n, cap;
};

void gen_agenda_add(struct gen_agenda *agenda, struct gen_step step);
// The earliest step. False when there is none.
bool gen_agenda_next(struct gen_agenda *agenda, struct gen_step *step);
void gen_agenda_free(struct gen_agenda *agenda);

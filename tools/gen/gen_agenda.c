// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Binary heap of steps; users and their own numbers break ties, so the order never depends on
// how the heap was filled.

#include "tools/gen/gen_agenda.h"

#include "tools/gen/gen_buffer.h"

#include <stdlib.h>

static bool step_before(const struct gen_step *a, const struct gen_step *b)
{
	if (a->time_ns != b->time_ns)
		return a->time_ns < b->time_ns;
	return a->user != b->user ? a->user < b->user : a->what < b->what;
}

void gen_agenda_add(struct gen_agenda *agenda, struct gen_step step)
{
	size_t i = agenda->n;

	if (agenda->n == agenda->cap) {
		agenda->cap = agenda->cap ? agenda->cap * 2 : 1024;
		agenda->heap = realloc(agenda->heap, agenda->cap * sizeof(agenda->heap[0]));
		if (!agenda->heap)
			gen_fatal("out of memory for %zu steps", agenda->cap);
	}
	agenda->n++;
	while (i && step_before(&step, &agenda->heap[(i - 1) / 2])) {
		agenda->heap[i] = agenda->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	agenda->heap[i] = step;
}

bool gen_agenda_next(struct gen_agenda *agenda, struct gen_step *step)
{
	struct gen_step last;
	size_t i = 0;

	if (!agenda->n)
		return false;
	*step = agenda->heap[0];
	last = agenda->heap[--agenda->n];
	for (size_t child; (child = 2 * i + 1) < agenda->n; i = child) {
		if (child + 1 < agenda->n &&
		    step_before(&agenda->heap[child + 1], &agenda->heap[child]))
			child++;
		if (!step_before(&agenda->heap[child], &last))
			break;
		agenda->heap[i] = agenda->heap[child];
	}
	agenda->heap[i] = last;
	return true;
}

void gen_agenda_free(struct gen_agenda *agenda)
{
	free(agenda->heap);
	*agenda = (struct gen_agenda){0};
}

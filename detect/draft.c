// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors

#include "detect/draft.h"

#include "detect/detector.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int draft_text(char *out, size_t size, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(out, size, format, args);
	va_end(args);
	return n;
}

void draft_cap(struct issue_draft *draft, uint64_t baseline, uint64_t enough)
{
	int over = (int)draft->confidence - DRAFT_CAP;

	if (baseline >= enough || over <= 0)
		return;
	draft->confidence = DRAFT_CAP;
	if (draft->n_terms < ISSUE_MAX_TERMS)
		draft->terms[draft->n_terms++] =
			(struct issue_term){"too few data so far to be surer", -over};
	else
		draft->terms[ISSUE_MAX_TERMS - 1].points -= over;
}

void *draft_alloc(size_t n, size_t size)
{
	return calloc(n, size);
}

void draft_free(void *p)
{
	free(p);
}

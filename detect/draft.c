// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors

#include "detect/draft.h"

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

void *draft_alloc(size_t n, size_t size)
{
	return calloc(n, size);
}

void draft_free(void *p)
{
	free(p);
}

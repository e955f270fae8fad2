// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Growable bytes by doubling; see the header.

#include "tools/gen/gen_buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void gen_fatal(const char *format, ...)
{
	va_list ap;

	fputs("apitap-gen: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

void gen_buffer_reserve(struct gen_buffer *buffer, size_t more)
{
	size_t cap = buffer->cap ? buffer->cap : 256;

	if (more <= buffer->cap - buffer->len)
		return;
	while (cap - buffer->len < more)
		cap *= 2;
	buffer->p = realloc(buffer->p, cap);
	if (!buffer->p)
		gen_fatal("out of memory (%zu bytes)", cap);
	buffer->cap = cap;
}

void gen_buffer_printf(struct gen_buffer *buffer, const char *format, ...)
{
	va_list ap;
	int len;

	va_start(ap, format);
	len = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	if (len < 0)
		gen_fatal("cannot format \"%s\"", format);
	gen_buffer_reserve(buffer, (size_t)len + 1);
	va_start(ap, format);
	vsnprintf(buffer->p + buffer->len, (size_t)len + 1, format, ap);
	va_end(ap);
	buffer->len += (size_t)len;
}

void gen_buffer_reset(struct gen_buffer *buffer)
{
	buffer->len = 0;
}

void gen_buffer_free(struct gen_buffer *buffer)
{
	free(buffer->p);
	*buffer = (struct gen_buffer){0};
}

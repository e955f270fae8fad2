// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// A growable run of bytes that its user owns and resets between messages, and the way this
// program gives up: it has nothing to save, so lack of memory ends it with a sentence.

#pragma once

#include <stddef.h>
#include <string.h>

struct gen_buffer {
	char *p;
	size_t len, cap;
};

// Prints "apitap-gen: " and the message, exits 1.
__attribute__((noreturn, format(printf, 1, 2))) void gen_fatal(const char *format, ...);

// Makes room for so many bytes behind those that are there.
void gen_buffer_reserve(struct gen_buffer *buffer, size_t more);

static inline void gen_buffer_add(struct gen_buffer *buffer, const void *data, size_t len)
{
	if (!len)
		return;
	if (len > buffer->cap - buffer->len)
		gen_buffer_reserve(buffer, len);
	memcpy(buffer->p + buffer->len, data, len);
	buffer->len += len;
}

static inline void gen_buffer_text(struct gen_buffer *buffer, const char *text)
{
	gen_buffer_add(buffer, text, strlen(text));
}

__attribute__((nonnull(2), format(printf, 2, 3))) void gen_buffer_printf(struct gen_buffer *buffer,
									 const char *format, ...);
// Empties it, keeps the memory.
void gen_buffer_reset(struct gen_buffer *buffer);
void gen_buffer_free(struct gen_buffer *buffer);

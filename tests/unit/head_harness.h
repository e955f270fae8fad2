// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// For the tests of heads, which are pure functions: every input lies against a page that must not be
// touched.

#pragma once

#include "flows/http1_framing.c"
#include "flows/http1_head.c"
#include "flows/http1_head_start.c"
#include "flows/http1_text.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static uint8_t *guarded; // one past the last readable byte
static size_t guarded_size;

static int setup(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *p;

	*state = NULL;
	guarded_size = 32 * page;
	p = mmap(NULL, guarded_size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		 0);
	if (p == MAP_FAILED || mprotect(p + guarded_size, page, PROT_NONE))
		return -1;
	guarded = p + guarded_size;
	return 0;
}

static struct span at_guard(const void *bytes, size_t len)
{
	assert_true(len <= guarded_size);
	memcpy(guarded - len, bytes, len);
	return span_make(guarded - len, len);
}

#define AT_GUARD(lit) at_guard(lit, sizeof(lit) - 1)

static bool is_text(struct span s, const char *text)
{
	return s.p && s.len == strlen(text) && memcmp(s.p, text, s.len) == 0;
}

#define assert_text(s, text)                                                                       \
	do {                                                                                       \
		struct span got_ = (s);                                                            \
		if (!is_text(got_, text))                                                          \
			fail_msg("'%.*s' is not '%s'", (int)got_.len, (const char *)got_.p, text); \
	} while (0)

static struct http1_head parse(enum dir dir, const char *text)
{
	struct http1_head head;

	assert_true(http1_head_parse(at_guard(text, strlen(text)), dir, 100, &head));
	return head;
}

static uint64_t anomalies(enum dir dir, const char *text)
{
	return parse(dir, text).anomalies;
}

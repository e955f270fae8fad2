// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors

#include "dataplane/log.h"

#include <stdarg.h>
#include <stdio.h>

static enum log_level log_threshold = LOG_NOTICE;

void log_level_set(enum log_level level)
{
	log_threshold = level;
}

void log_write(enum log_level level, const char *format, ...)
{
	static const char *const names[] = {"error", "warning", "notice", "info", "debug"};
	char text[1024], line[3 * sizeof(text)];
	size_t n = 0;
	va_list args;

	if (level > log_threshold)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (const char *c = text; *c && n + 5 < sizeof(line); c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			n += (size_t)snprintf(line + n, sizeof(line) - n, "\\x%02x", *c & 0xff);
		else
			line[n++] = *c;
	}
	line[n] = '\0';
	fprintf(stderr, "apitap: %s: %s\n", names[level], line);
}

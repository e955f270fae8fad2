// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Hyperscan and nothing else: how long patterns take over bytes, for peer.py to compare with.
//
//   patterns_alone PATTERNS BYTES BLOCK
//
// PATTERNS: lines of name, tab, expression. BYTES: a file that is searched in blocks of BLOCK bytes,
// again for each line that comes on standard input, with an answer a line: bytes, seconds of CPU and
// matches.

#include <errno.h>
#include <hs/hs.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { EXPRESSIONS = 256, LINE = 4096 };

static __attribute__((noreturn, format(printf, 1, 2))) void fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("patterns_alone: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(2);
}

static hs_database_t *compile(const char *path)
{
	static char text[EXPRESSIONS][LINE];
	const char *expressions[EXPRESSIONS];
	unsigned int flags[EXPRESSIONS] = {0}, ids[EXPRESSIONS], n = 0;
	hs_compile_error_t *error;
	hs_database_t *database;
	FILE *in = fopen(path, "r");

	if (!in)
		fail("%s: %s", path, strerror(errno));
	while (n < EXPRESSIONS && fgets(text[n], LINE, in)) {
		char *tab = strchr(text[n], '\t');

		text[n][strcspn(text[n], "\r\n")] = '\0';
		if (!tab)
			continue;
		expressions[n] = tab + 1;
		ids[n] = n;
		n++;
	}
	fclose(in);
	if (hs_compile_multi(expressions, flags, ids, n, HS_MODE_BLOCK, NULL, &database, &error) !=
	    HS_SUCCESS)
		fail("%s: %s", path, error->message);
	return database;
}

static char *load(const char *path, size_t *len)
{
	FILE *in = fopen(path, "rb");
	char *bytes;
	long end;

	if (!in || fseek(in, 0, SEEK_END) || (end = ftell(in)) <= 0)
		fail("%s: %s", path, in ? "empty, or not a file" : strerror(errno));
	*len = (size_t)end;
	rewind(in);
	bytes = malloc(*len);
	if (!bytes || fread(bytes, 1, *len, in) != *len)
		fail("%s: cannot be read", path);
	fclose(in);
	return bytes;
}

static int on_match(unsigned int id, unsigned long long from, unsigned long long to,
		    unsigned int flags, void *arg)
{
	(void)id, (void)from, (void)to, (void)flags;
	++*(uint64_t *)arg;
	return 0;
}

static double cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
	unsigned long block = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
	hs_scratch_t *scratch = NULL;
	hs_database_t *database;
	char *bytes;
	size_t len;

	if (block == 0 || block > UINT32_MAX)
		fail("usage: patterns_alone PATTERNS BYTES BLOCK");
	database = compile(argv[1]);
	if (hs_alloc_scratch(database, &scratch) != HS_SUCCESS)
		fail("no memory");
	bytes = load(argv[2], &len);
	for (int c; (c = getchar()) != EOF;) {
		double start = cpu();
		uint64_t matches = 0;

		if (c != '\n')
			continue;
		for (size_t at = 0, n; at < len; at += n) {
			n = len - at < block ? len - at : block;
			hs_scan(database, bytes + at, (unsigned int)n, 0, scratch, on_match,
				&matches);
		}
		printf("%zu %.6f %llu\n", len, cpu() - start, (unsigned long long)matches);
		fflush(stdout);
	}
	free(bytes);
	hs_free_scratch(scratch);
	hs_free_database(database);
	return 0;
}

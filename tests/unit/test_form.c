// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Forms: pairs of a span, percent decoding, and the walker over windows cut anywhere, on inputs
// that end at a page that cannot be read.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "flows/form.c"

#define PAGE 4096
static uint8_t *guard; // first byte that cannot be read; 16 pages before it can

static int setup(void **)
{
	uint8_t *base =
		mmap(NULL, 17 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (base == MAP_FAILED)
		return -1;
	guard = base + 16 * PAGE;
	return mprotect(guard, PAGE, PROT_NONE);
}

static int teardown(void **)
{
	return munmap(guard - 16 * PAGE, 17 * PAGE);
}

static struct span at_guard(const char *text)
{
	size_t len = strlen(text);

	memcpy(guard - len, text, len);
	return span_make(guard - len, len);
}

static void expect_pairs(const char *text, const char *expected)
{
	struct span rest = at_guard(text);
	struct form_pair pair;
	char out[512];
	size_t n = 0;

	out[0] = 0;
	while (form_next(&rest, &pair)) {
		n += (size_t)snprintf(out + n, sizeof(out) - n, "<%.*s|%.*s%s>", (int)pair.key.len,
				      (const char *)pair.key.p, (int)pair.value.len,
				      (const char *)pair.value.p, pair.escaped ? "|e" : "");
	}
	assert_string_equal(out, expected);
	assert_int_equal(rest.len, 0);
}

static void test_pairs(void **)
{
	expect_pairs("", "");
	expect_pairs("&", "");
	expect_pairs("&&;;", "");
	expect_pairs("a", "<a|>");
	expect_pairs("a=", "<a|>");
	expect_pairs("=b", "<|b>");
	expect_pairs("=", "<|>");
	expect_pairs("a=b", "<a|b>");
	expect_pairs("a=b&", "<a|b>");
	expect_pairs("&a=b;c=d&&e", "<a|b><c|d><e|>");
	expect_pairs("a=b=c&d=%20&e=x+y&%66=1", "<a|b=c><d|%20|e><e|x+y|e><%66|1>");
	expect_pairs("a+b=c", "<a+b|c>");
}

static void expect_decoded(const char *text, bool plus, const char *expected)
{
	struct span in = at_guard(text);
	uint8_t out[64];
	uint32_t n = form_decode(in, out, plus);

	assert_int_equal(n, strlen(expected));
	assert_memory_equal(out, expected, n);
	// In place.
	assert_int_equal(form_decode(in, guard - in.len, plus), n);
	assert_memory_equal(guard - in.len, expected, n);
}

static void test_decode(void **)
{
	expect_decoded("", true, "");
	expect_decoded("abc", true, "abc");
	expect_decoded("a%20b+c", true, "a b c");
	expect_decoded("a%20b+c", false, "a b+c");
	expect_decoded("%41%6a%6A", true, "Ajj");
	expect_decoded("%", true, "%");
	expect_decoded("%4", true, "%4");
	expect_decoded("%4g%zz", true, "%4g%zz");
	expect_decoded("%%41", true, "%A");
	expect_decoded("%2541", true, "%41");
	expect_decoded("%c3%A9", true, "\xc3\xa9");
}

// ---- the walker

static char log_text[1 << 16];
static size_t log_len;

static void on_value(void *, struct http_tx *, const struct value *v)
{
	assert_true(v->v.p + v->v.len + WINDOW_PAD <= guard);
	assert_int_equal(v->key_hash, walk_key_hash(7, v->key));
	assert_int_equal(v->field, walk_field_hash(walk_form_path(7), v->key_hash));
	assert_int_equal(v->parent.len, 0);
	log_len += (size_t)snprintf(
		log_text + log_len, sizeof(log_text) - log_len, "%u%s%s@%lu %.*s=%.*s\n", v->kind,
		v->escaped ? "e" : "", v->continued ? "c" : "",
		(unsigned long)(v->off + v->overlap), (int)v->key.len, (const char *)v->key.p,
		(int)(v->v.len - v->overlap), (const char *)v->v.p + v->overlap);
	assert_true(log_len < sizeof(log_text));
}

// Feeds text in pieces of the given sizes (the last one repeats) and returns the log.
static const char *feed(const char *text, size_t len, const uint32_t *sizes, size_t n_sizes,
			bool complete)
{
	struct event_sink sink = {.value = on_value};
	struct form form;
	uint8_t tail[WINDOW_TAIL];
	size_t tail_len = 0, done = 0;
	bool last = false;

	log_len = 0;
	log_text[0] = 0;
	form_begin(&form);
	for (size_t turn = 0; !last; turn++) {
		size_t size = sizes[turn < n_sizes ? turn : n_sizes - 1];
		size_t n = done + size > len ? len - done : size;
		uint8_t *end = guard - WINDOW_PAD;
		struct walk w = {.sink = &sink, .seed = 7, .end = end};
		const uint8_t *keep;

		last = done == len;
		memset(end, 0, WINDOW_PAD);
		memcpy(end - n, text + done, n);
		memcpy(end - n - tail_len, tail, tail_len);
		w.fresh = end - n;
		w.begin = w.fresh - tail_len;
		w.off = done - tail_len;
		w.last = last;
		w.complete = last && complete;
		keep = form_walk(&form, &w);
		assert_true(keep >= w.begin && keep <= end && end - keep <= WINDOW_TAIL);
		tail_len = (size_t)(end - keep);
		memcpy(tail, keep, tail_len);
		done += n;
	}
	return log_text;
}

static void test_walk(void **)
{
	uint32_t all = 1 << 14;

	assert_string_equal(feed("a=1&bb=x%20y&c&=z&d=", 20, &all, 1, true),
			    "0@2 a=1\n0e@7 bb=x%20y\n0@14 c=\n0@16 =z\n0@20 d=\n");
	assert_string_equal(feed("", 0, &all, 1, true), "");
	assert_string_equal(feed("&&", 2, &all, 1, true), "");
	// Keys are decoded.
	assert_string_equal(feed("%61dm%69n=1&a+b=2", 17, &all, 1, true),
			    "0@10 admin=1\n0@16 a b=2\n");
	// What is cut off is not the value that was sent, and a cut name is no name.
	assert_string_equal(feed("a=1&b=2", 7, &all, 1, false), "0@2 a=1\n2@6 b=2\n");
	assert_string_equal(feed("a=1&b", 5, &all, 1, false), "0@2 a=1\n");
	assert_string_equal(feed("a=1&b=", 6, &all, 1, false), "0@2 a=1\n");
}

static void test_walk_splits(void **)
{
	static const char *const texts[] = {
		"user=alice&token=s3cr3t%20x&note=%C3%A9&empty=&flag&=v;semi=colon&x=a=b",
		"&&a=1&&&b=2;;",
		"%75ser%5bname%5D=joe+bloggs&very_long_key_name_that_is_longer_than_sixty_four_"
		"bytes_altogether_really=value&z=9",
	};
	static char whole[1 << 16];

	for (size_t t = 0; t < sizeof(texts) / sizeof(texts[0]); t++) {
		uint32_t len = (uint32_t)strlen(texts[t]);

		strcpy(whole, feed(texts[t], len, &len, 1, true));
		for (uint32_t i = 1; i <= len; i++) {
			uint32_t sizes[] = {i, len};

			assert_string_equal(feed(texts[t], len, sizes, 2, true), whole);
			assert_string_equal(feed(texts[t], len, &i, 1, true), whole);
		}
	}
}

// A value longer than the tail comes in pieces that cover it without a hole, under its key.
static void test_walk_long(void **)
{
	static char text[4000], value[3001], got[6000];
	static const uint32_t sizes[] = {1, 100, 255, 256, 257, 300, 1460, 6000};

	memset(value, 'v', 3000);
	for (uint32_t i = 0; i < 3000; i += 7)
		value[i] = (char)('a' + i % 26);
	value[3000] = 0;
	snprintf(text, sizeof(text), "k=1&long%%6b=%s&after=2", value);
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		const char *line;
		size_t n = 0;
		unsigned long next = 12;

		feed(text, strlen(text), &sizes[s], 1, true);
		assert_memory_equal(log_text, "0@2 k=1\n", 8);
		for (line = log_text + 8;
		     !strstr(line, "after") || strstr(line, "after") > strchr(line, '\n');
		     line = strchr(line, '\n') + 1) {
			const char *equals = strchr(line, '=');
			size_t piece = (size_t)(strchr(line, '\n') - equals - 1);

			assert_true(line[0] == (sizes[s] == 6000 ? '0' : '2'));
			assert_int_equal(strtoul(strchr(line, '@') + 1, NULL, 10), next);
			assert_memory_equal(strchr(line, ' '), " longk=", 7);
			memcpy(got + n, equals + 1, piece);
			n += piece;
			next += piece;
		}
		got[n] = 0;
		assert_string_equal(got, value);
		assert_string_equal(line, "0@3019 after=2\n");
	}
}

// A key longer than the tail counts by its beginning, however it is cut.
static void test_walk_long_key(void **)
{
	static char text[2000];
	char whole[256];
	uint32_t all = 2000;

	memset(text, 'k', 1000);
	strcpy(text + 1000, "=value&b=1");
	strcpy(whole, feed(text, strlen(text), &all, 1, true));
	for (uint32_t i = 1; i < 1011; i += 13)
		assert_string_equal(feed(text, strlen(text), &i, 1, true), whole);
	// It never ends.
	for (uint32_t i = 1; i < 1000; i += 111)
		assert_string_equal(feed(text, 900, &i, 1, false), "");
}

static void test_hostile(void **)
{
	uint8_t text[512];
	uint64_t random = 88172645463325252;

	for (uint32_t turn = 0; turn < 2000; turn++) {
		static const char bytes[] = "&;=%+ab\0\xff";
		uint32_t n = turn % 512, sizes[2];
		char whole[1 << 15];

		for (uint32_t i = 0; i < n; i++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			text[i] = (uint8_t)bytes[random % (sizeof(bytes) - 1)];
		}
		sizes[0] = n ? n : 1;
		feed((char *)text, n, sizes, 1, true);
		memcpy(whole, log_text, log_len + 1);
		sizes[0] = 1 + (uint32_t)(random >> 40) % 200;
		sizes[1] = 1 + (uint32_t)(random >> 20) % 200;
		assert_string_equal(feed((char *)text, n, sizes, 2, true), whole);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs),     cmocka_unit_test(test_decode),
		cmocka_unit_test(test_walk),      cmocka_unit_test(test_walk_splits),
		cmocka_unit_test(test_walk_long), cmocka_unit_test(test_walk_long_key),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Internal properties of answers, found by the names that the JSON walker tells: the same as by the
// patterns, for each name, spelling and kind of value, and however the body is cut.

#include "tests/unit/scan_fixture.h"

#include "detect/scanner.h"
#include "flows/json.h"
#include "flows/walk.h"

enum { ROOM = 4096 };

static const uint64_t seed = 77;
static struct scan_pending pending;
static uint32_t n_members;

static void on_walked(void *, struct http_tx *, const struct value *v)
{
	struct seen seen = {0};

	if (v->kind == VALUE_LITERAL)
		scan_member(scanner, &pending, v);
	else
		scan_value(scanner, &pending, v, on_hit, &seen);
}

static void on_member(void *, struct http_tx *, const struct value *v)
{
	n_members++;
	scan_member(scanner, &pending, v);
}

// A body of len bytes in windows of `size` fresh ones, as body.c shows them.
static struct marks walked(const char *text, uint32_t size, enum dir dir)
{
	static uint8_t room[WINDOW_TAIL + ROOM + WINDOW_PAD];
	struct event_sink sink = {.value = on_walked, .member = on_member};
	uint32_t len = (uint32_t)strlen(text), from = 0, done = 0;
	struct seen seen = {0};
	struct json json;

	assert_true(len <= ROOM);
	memset(&pending, 0, sizeof(pending));
	json_begin(&json, seed, 64);
	for (bool last = false; !last;) {
		uint32_t to = len - done < size ? len : done + size;
		struct walk w = {.sink = &sink, .dir = dir, .seed = seed, .off = from};
		struct window window = {.dir = dir, .values = true, .members = true, .off = from};

		last = done == len;
		memcpy(room, text + from, to - from);
		memset(room + (to - from), 0, WINDOW_PAD);
		w.begin = room;
		w.fresh = room + (done - from);
		w.end = room + (to - from);
		w.last = w.complete = last;
		window.bytes = span_make(room, to - from);
		window.fresh = done - from;
		if (!last)
			scan_window(scanner, &pending, &window, on_hit, &seen);
		from += (uint32_t)(json_walk(&json, &w) - room);
		done = to;
		assert_true(to - from <= WINDOW_TAIL);
	}
	assert_true(json_whole(&json));
	return pending.marks;
}

// By the patterns, as in a body whose walker does not tell of all names.
static struct marks searched(const char *text)
{
	static uint8_t room[ROOM + PAD];
	struct window window = {.dir = SERVER, .bytes = {room, (uint32_t)strlen(text)}};
	struct scan_pending body = {0};
	struct seen seen = {0};

	memcpy(room, text, window.bytes.len);
	memset(room + window.bytes.len, 0, PAD);
	window.values = true;
	scan_window(scanner, &body, &window, on_hit, &seen);
	return body.marks;
}

static void expect_same(const char *text)
{
	struct marks by_pattern = searched(text);

	for (uint32_t size = 1; size <= strlen(text); size++) {
		struct marks by_name = walked(text, size, SERVER);

		if (memcmp(by_name.field, by_pattern.field, sizeof(by_name.field)) != 0)
			fail_msg("%s in pieces of %u: %lx %lx, not %lx %lx", text, size,
				 (unsigned long)by_name.field[0], (unsigned long)by_name.field[1],
				 (unsigned long)by_pattern.field[0],
				 (unsigned long)by_pattern.field[1]);
	}
}

// A name in one of its spellings.
static void spell(char *out, const char *name, uint32_t spelling)
{
	static const char *const joints[] = {"", "_", "-", ""};
	bool upper = false;

	for (; *name; name++) {
		if (*name == ' ') {
			strcpy(out, joints[spelling]);
			out += strlen(out);
			upper = spelling == 0;
			continue;
		}
		*out = *name;
		if ((upper || spelling == 3) && *name >= 'a' && *name <= 'z')
			*out -= 'a' - 'A';
		out++;
		upper = false;
	}
	*out = '\0';
}

static void test_names(void **)
{
	static const char *const values[] = {
		"\"x1\"", "\"\"",    "\"***\"", "\"\\n\"", "7",	 "-1.5", "true",    "false",
		"null",	  "{}",	     "[]",	"[1]",	   "[\"a\"]", "{\"a\":1}", "[{\"a\":1}]",
		"[[]]",	  "[ 1]",    "{ \"a\":1}", "[null]",
	};
	char name[64], text[256];

	for (uint32_t i = 0; i < mark_fields_count(); i++) {
		for (uint32_t spelling = 0; spelling < 4; spelling++) {
			spell(name, mark_fields[i].name, spelling);
			assert_int_equal(mark_field_named(str(name)), i + 1);
			for (uint32_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
				snprintf(text, sizeof(text), "{\"x\":[{\"%s\":%s,\"y\":0}]}", name,
					 values[v]);
				if (i % 16 == spelling) // one of them in all pieces
					expect_same(text);
				else
					assert_memory_equal(walked(text, 64, SERVER).field,
							    searched(text).field,
							    sizeof(pending.marks.field));
			}
		}
	}
	assert_true(n_members > 0);
}

static void test_others(void **)
{
	static const char *const texts[] = {
		"{\"isAdministered\":true,\"thisAdmin\":1,\"note\":\"passwordHash\",\"x\":\"isAdmin\"}",
		"{\"j\":\"{\\\"passwordHash\\\":\\\"x1\\\"}\",\"k\":1}",
		"{\"j\":\"<u><isAdmin>1</isAdmin></u>\"}",
		"{\"j\":\"a < b\",\"path\":\"C:\\\\x\"}",
		"{\"password_hash\" :\"x1\",\"debug\": true}",
		"[{\"isAdmin\":null},{\"roles\":[\"a\",\"b\"]},\"isStaff\",[\"isRoot\"]]",
		"\"isAdmin\"",
		"{\"debug\":{\"data\":{\"salary\":1}},\"_id\":{\"$oid\":\"5f\"}}",
	};

	for (uint32_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		expect_same(texts[i]);
	// An escaped name is the name.
	assert_int_equal(walked("{\"\\u0069sAdmin\":true}", 64, SERVER).field[0],
			 searched("{\"isAdmin\":true}").field[0]);
	// The container's name does not make one of "value".
	assert_int_equal(walked("{\"salary\":{\"value\":1}}", 64, SERVER).field[0],
			 searched("{\"salary\":{\"value\":1}}").field[0]);
	assert_int_equal(mark_field_named((struct span){0}), 0);
	assert_int_equal(mark_field_named(str("isadmi")), 0);
	assert_int_equal(mark_field_named(str("is__admin")), 0);
}

static void test_requests(void **)
{
	struct marks marks = walked("{\"isAdmin\":true,\"passwordHash\":\"x\",\"debug\":[1]}", 64,
				    CLIENT);

	assert_int_equal(marks.field[0] | marks.field[1], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_requests),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

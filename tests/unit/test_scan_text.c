// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The scanner on texts: the same hits for every cut, nothing across a hole, nothing twice; and the
// first look at a value, which must not miss anything.

#include "tests/unit/scan_fixture.h"

static void test_text_at_every_cut(void **)
{
	uint64_t random = 48271;
	char text[1800];

	for (uint32_t round = 0; round < 60; round++) {
		struct body whole, cut;

		make_text(&random, text, round < 40 ? 700 : sizeof(text));
		body_open(&whole, text);
		show(&whole, 0, whole.len, false);
		body_close(&whole);
		// One cut at each place, then many at once.
		for (uint32_t at = 1; at < whole.len && round < 8; at++) {
			body_open(&cut, text);
			show(&cut, 0, at, false);
			show(&cut, at, cut.len, false);
			body_close(&cut);
			same_hits(&whole.seen, &cut.seen, "cut at", at);
		}
		for (uint32_t many = 0; many < 10; many++) {
			uint32_t at = 0;

			body_open(&cut, text);
			while (at < cut.len) {
				uint32_t n = 1 + (uint32_t)(next_random(&random) % (many * 40 + 5));

				n = n < cut.len - at ? n : cut.len - at;
				show(&cut, at, at + n, false);
				at += n;
			}
			body_close(&cut);
			same_hits(&whole.seen, &cut.seen, "many cuts, round", round);
		}
	}
}

// A string too long to be kept, in pieces that overlap: as one piece.
static void test_long_string_in_pieces(void **)
{
	uint64_t random = 77;
	char text[1500];

	for (uint32_t round = 0; round < 30; round++) {
		struct body whole, cut;
		uint32_t at = 0;

		make_text(&random, text, sizeof(text));
		for (char *p = text; *p; p++)
			*p = *p == '\\' ? ' ' : *p;
		for (uint32_t k = 0; k < 2; k++) {
			struct body *b = k ? &cut : &whole;

			body_open(b, text);
			at = 0;
			while (at < b->len) {
				uint32_t n =
					k ? 200 + (uint32_t)(next_random(&random) % 300) : b->len;
				uint32_t back = at < 128 ? at : 128;
				struct value v;

				n = n < b->len - at ? n : b->len - at;
				v = (struct value){
					.dir = SERVER,
					.kind = VALUE_TEXT,
					.continued = at > 0,
					.overlap = back,
					.v = {b->p + at - back, n + back},
					.key = SPAN_LIT("note"),
					.parent = SPAN_LIT("$"),
					.field = 5,
					.off = at - back,
				};
				scan_value(scanner, &b->pending, &v, on_hit, &b->seen);
				at += n;
			}
			body_close(b);
		}
		same_hits(&whole.seen, &cut.seen, "pieces, round", round);
	}
}

static void test_nothing_across_a_hole(void **)
{
	struct body b;
	const char *text = "number 482-73-9164 of the";
	uint32_t half = 14;

	// Bytes are lost between "482-73-" and "9164".
	body_open(&b, text);
	show(&b, 0, half, false);
	{
		struct window w = {
			.dir = SERVER,
			.bytes = {b.p + half, b.len - half},
			.off = half + 1000,
		};

		scan_window(scanner, &b.pending, &w, on_hit, &b.seen);
	}
	body_close(&b);
	assert_int_equal(b.seen.n, 0);

	// What was whole before the hole is told.
	body_open(&b, "his 482-73-9164");
	show(&b, 0, b.len, false);
	{
		struct window w = {.dir = SERVER, .bytes = {b.p, 3}, .off = b.len + 1000};

		scan_window(scanner, &b.pending, &w, on_hit, &b.seen);
	}
	body_close(&b);
	assert_int_equal(b.seen.n, 1);
	assert_int_equal(b.seen.one[0].off, 4);
}

static void test_text_is_not_searched_twice(void **)
{
	struct body b;

	body_open(&b, "name,mail\nJane," MAIL "\nJohn,john@mail.example.org\n");
	show(&b, 0, b.len, false);
	give(&b, VALUE_TEXT, "", "", "Jane," MAIL);
	body_close(&b);
	assert_int_equal(count(&b.seen, "email"), 2);
}

// The walker gave up: what is left comes as text.
static void test_from_values_to_text(void **)
{
	struct body b;
	const char *text = "{\"a\":\"" MAIL "\",\"b\":" TOKEN ",, his 482-73-9164";
	uint32_t broken = (uint32_t)(strstr(text, TOKEN) - text);

	body_open(&b, text);
	show(&b, 0, b.len, true);
	give(&b, VALUE_STRING, "a", "$", MAIL);
	{
		struct window w = {
			.dir = SERVER,
			.bytes = {b.p, b.len},
			.fresh = broken,
		};

		scan_window(scanner, &b.pending, &w, on_hit, &b.seen);
	}
	body_close(&b);
	assert_int_equal(count(&b.seen, "email"), 1);
	assert_int_equal(count(&b.seen, "us.ssn"), 1);
	assert_true(count(&b.seen, "github.pat") >= 1);
}

// A value that was told as a value is not told again when the text after it begins.
static void test_repeated_bytes_are_not_text(void **)
{
	struct body b;
	const char *text = "{\"b\":\"" TOKEN "\", oops his 482-73-9164 and more of it";
	struct window w = {.dir = SERVER};

	body_open(&b, text);
	show(&b, 0, b.len, true);
	give(&b, VALUE_STRING, "b", "$", TOKEN);
	w.bytes = span_make(b.p, b.len);
	w.fresh = (uint32_t)(strstr(text, "oops") - text);
	scan_window(scanner, &b.pending, &w, on_hit, &b.seen);
	body_close(&b);
	assert_int_equal(count(&b.seen, "github.pat"), 1);
	assert_int_equal(count(&b.seen, "us.ssn"), 1);
}

// Wherever in the blocks of the prefilter a value starts.
static void test_every_offset(void **)
{
	static const struct {
		const char *id, *text;
	} values[] = {
		{"mac", "ab:cd:ef:ac:bd:fe"},
		{"mac", "abcd.efac.bdfe"},
		{"us.ssn", "482-73-9164"},
		{"email", "a@b.example"},
		{"uk.nino", "SX 48 29 17 B"},
		{"iban", "GB45 WXYZ 3611 4822 0192 50"},
		{"phone.e164", "+49 30 9018 2745"},
		{"crypto.btc", "1MTHuTegSztMZXmANZmsNujMX9Y6v2n3fn"},
		{"address.jp", "東京都港区芝公園"},
	};

	for (uint32_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		for (uint32_t at = 0; at < 200; at++) {
			for (uint32_t behind = 0; behind < 150; behind += 149) {
				struct seen seen = {0};
				uint32_t n = (uint32_t)strlen(values[i].text);
				uint8_t *p = malloc(at + n + behind);

				memset(p, '~', at + n + behind);
				memcpy(p + at, values[i].text, n);
				scan_text(scanner, span_make(p, at + n + behind), (struct span){0},
					  0, SERVER, on_hit, &seen);
				if (count(&seen, values[i].id) != 1)
					fail_msg("%s at %u: %u hits", values[i].text, at, seen.n);
				free(p);
			}
		}
	}
}

struct found {
	uint32_t n, type[64], start[64], len[64];
};

static void on_found(void *arg, uint32_t type, struct span value, uint32_t start)
{
	struct found *found = arg;

	assert_true(found->n < 64);
	found->type[found->n] = type;
	found->start[found->n] = start;
	found->len[found->n++] = value.len;
}

// Values of one block and of more, with names and without: the same in each way.
static void test_ways(void **)
{
	static const char *const names[] = {"", "zip", "phone", "street", "card_number", "ssn"};
	static struct keyctx_cache cache;
	uint64_t random = 11;
	uint32_t kinds[2] = {0}; // values found in one block, and in more

	assert_ptr_equal(shapes_best_way()->scan, ruleset->scan);
	for (uint32_t round = 0; round < 20000; round++) {
		const char *name = names[round % (sizeof(names) / sizeof(names[0]))];
		struct span key = span_make(name, strlen(name));
		uint32_t len = 1 + (uint32_t)(next_random(&random) % (round % 4 ? RUNS_BLOCK : 300));
		struct found first = {0};
		uint8_t text[400 + PAD] = {0};
		uint32_t end = 0, spent = 0;

		make_text(&random, (char *)text, 350);
		memmove(text, text + round % 40, sizeof(text) - 40);
		for (uint32_t v = 0; shapes_way(v); v++) {
			struct found found = {0};
			struct shapes_job job = {
				.rules = ruleset,
				.text = {text, len},
				.to = len,
				.key = keyctx_get(ruleset->words, &cache, key, keyctx_hash(key, 0)),
				.name = key,
				.padded = true,
				.budget = 1000,
				.fn = on_found,
				.arg = &found,
			};
			uint32_t stop;

			ruleset->scan = shapes_way(v)->scan;
			stop = shapes_scan(&job);
			if (v == 0) {
				first = found;
				end = stop;
				spent = job.spent;
			}
			assert_memory_equal(&found, &first, sizeof(found));
			assert_int_equal(stop, end);
			assert_int_equal(job.spent, spent);
		}
		kinds[len > RUNS_BLOCK] += first.n;
	}
	ruleset->scan = shapes_best_way()->scan;
	assert_true(kinds[0] > 400 && kinds[1] > 400);
}

// When the first look says that there is nothing, there is nothing; all its variants agree.
static void test_first_look(void **)
{
	static const char bytes[] =
		"0123456789012345678901234567890123456789ABCDEFabcdefXYZ--:. /@+()";
	uint64_t random = 5;
	uint32_t idle = 0;

	for (uint32_t round = 0; round < 60000; round++) {
		uint8_t text[400 + PAD];
		struct seen seen = {0};
		uint32_t len = (uint32_t)(next_random(&random) % (round % 8 ? 40 : 200));
		bool worth;

		for (uint32_t i = 0; i < sizeof(text); i++)
			text[i] = (uint8_t)bytes[next_random(&random) % (sizeof(bytes) - 1)];
		if (round % 4 == 0) {
			make_text(&random, (char *)text, 250);
			len = len < strlen((char *)text) ? len : (uint32_t)strlen((char *)text);
		}
		worth = shapes_way(0)->worth(ruleset, span_make(text, len));
		for (uint32_t v = 1; shapes_way(v); v++)
			assert_int_equal(shapes_way(v)->worth(ruleset, span_make(text, len)),
					 worth);
		if (worth)
			continue;
		idle++;
		// scan_text() does not take the first look.
		scan_text(scanner, span_make(text, len), (struct span){0}, 0, SERVER, on_hit,
			  &seen);
		for (uint32_t i = 0; i < seen.n; i++) {
			const struct datatype *t = datatype_get(seen.one[i].type);

			// Patterns are searched in windows.
			if (!t->pattern || strcmp(t->pattern, "@") == 0)
				fail_msg("%s \"%.*s\"", t->id, (int)len, text);
		}
	}
	assert_true(idle > 5000);
}

// A text that stands in the body in another form: found in the text, placed where that form is.
static void test_decoded(void **)
{
	static const char text[] = "SSN 078-05-1123, token " TOKEN;
	struct body b;
	struct value v;

	body_open(&b, text);
	v = value_at(&b, VALUE_DECODED, "note", "$", text);
	v.off = 700;
	v.overlap = 120;
	scan_value(scanner, &b.pending, &v, on_hit, &b.seen);
	assert_int_equal(count(&b.seen, "us.ssn"), 1);
	assert_int_equal(count(&b.seen, "github.pat"), 1);
	for (uint32_t i = 0; i < b.seen.n; i++) {
		assert_int_equal(b.seen.one[i].off, 700);
		assert_int_equal(b.seen.one[i].raw_len, 120);
	}
	body_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decoded),
		cmocka_unit_test(test_text_at_every_cut),
		cmocka_unit_test(test_long_string_in_pieces),
		cmocka_unit_test(test_nothing_across_a_hole),
		cmocka_unit_test(test_text_is_not_searched_twice),
		cmocka_unit_test(test_from_values_to_text),
		cmocka_unit_test(test_repeated_bytes_are_not_text),
		cmocka_unit_test(test_every_offset),
		cmocka_unit_test(test_first_look),
		cmocka_unit_test(test_ways),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

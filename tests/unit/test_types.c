// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Runs the true and false samples of every registered data type through the scanner: as a text
// with its name, as a JSON value, as a text cut into windows; and hostile inputs through every
// check. Types that no single value may report are judged by their checks alone. Also: masks hide,
// identifiers are in order, the registry is complete, rules are cited.

#include "detect/ruleset.h"
#include "detect/scan.h"
#include "detect/shapes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
// cmocka needs those above
#include <cmocka.h>

enum { PAD = 64 };

struct seen {
	uint16_t type;
	uint32_t n; // hits of the type
	uint32_t all;
	bool inside; // every hit lies in the text
	struct span text;
	bool sure; // what only a learnt field makes count is not in n
};

static struct conf *conf;
static struct ruleset *ruleset;
static struct scanner *scanner;
static struct keyctx_words *words; // of all types, those that are weak too

static int setup(void **)
{
	uint64_t all[DATATYPE_WORDS];
	char why[256];

	memset(all, 0xff, sizeof(all));

	datatype_freeze();
	conf = conf_load(NULL, stderr);
	assert_non_null(conf);
	ruleset = ruleset_new(conf, why, sizeof(why));
	if (!ruleset)
		fail_msg("%s", why);
	scanner = scanner_new(ruleset, 4827);
	assert_non_null(scanner);
	words = calloc(1, keyctx_words_size());
	assert_non_null(words);
	assert_true(keyctx_words_fill(words, all));
	return 0;
}

static int teardown(void **)
{
	free(words);
	scanner_free(scanner);
	ruleset_free(ruleset);
	conf_free(conf);
	return 0;
}

static void on_hit(void *arg, const struct hit *hit)
{
	struct seen *s = arg;

	s->all++;
	s->n += hit->type == s->type && !(s->sure && hit->unsure);
	assert_true(hit->type < datatype_count());
	assert_true(hit->value.len > 0);
	if (s->text.len &&
	    (hit->value.p < s->text.p || hit->value.p + hit->value.len > s->text.p + s->text.len))
		s->inside = false;
}

// A copy whose end is the end of its memory, so that reading behind it is noticed.
static uint8_t *exact(const char *text, uint32_t *len)
{
	uint8_t *p;

	*len = (uint32_t)strlen(text);
	p = malloc(*len ? *len : 1);
	memcpy(p, text, *len);
	return p;
}

static struct span key_of(const struct type_sample *sample)
{
	return sample->key ? span_make(sample->key, strlen(sample->key)) : (struct span){0};
}

static bool is_letter_or_digit(uint8_t c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static bool may_start(const struct datatype *t, const struct run *r)
{
	uint64_t bit = RUN_LEN(r->len < 63 ? r->len : 63);
	bool digits = r->digits == r->len;

	if (t->run_max && r->len >= t->run_min && r->len <= t->run_max)
		return digits || !t->digits_only;
	return ((digits ? t->run_digits : t->run_mixed) | t->run_ctx) & bit;
}

// A shape that starts at byte `at`.
static bool accepts_at(const struct datatype *t, struct candidate *c, uint32_t at)
{
	struct run run[RUNS_MAX];
	uint64_t alnum = 0, digit = 0;
	const uint8_t *p = c->text.p + at;

	for (uint32_t i = 0; i < 64 && at + i < c->text.len; i++) {
		alnum |= (uint64_t)is_letter_or_digit(p[i]) << i;
		digit |= (uint64_t)(p[i] >= '0' && p[i] <= '9') << i;
	}
	c->at = p;
	c->runs = run;
	c->n_runs = runs_build(c->text, p, alnum, digit, run, RUNS_MAX);
	return may_start(t, run) && shapes_check(t, c).len > 0;
}

// Whether a field of the sample's name with the sample as its value would count for the type.
static bool accepts(uint16_t type, const struct type_sample *sample)
{
	const struct datatype *t = datatype_get(type);
	struct keyctx name;
	struct candidate c = {.key = key_of(sample), .ctx = true};
	uint32_t len;
	uint8_t *p;
	bool found = false;

	keyctx_match(words, c.key, &name);
	if (!keyctx_has(name.types, type))
		return false;
	p = exact(sample->text, &len);
	c.text = span_make(p, len);
	c.at = p;
	if (t->key_only)
		found = shapes_check(t, &c).len > 0;
	for (uint32_t i = 0; !t->key_only && !found && i < len; i++) {
		if (is_letter_or_digit(p[i]) && (i == 0 || !is_letter_or_digit(p[i - 1])))
			found = accepts_at(t, &c, i);
	}
	free(p);
	return found;
}

// Whether the scanner is to report a sample.
static bool reported(const struct datatype *t, const struct type_sample *s)
{
	return s->found && t->reports != REPORTS_WEAK;
}

static uint32_t as_text(uint16_t type, const struct type_sample *sample)
{
	struct seen seen = {.type = type, .inside = true, .sure = true};
	uint32_t len;
	uint8_t *p = exact(sample->text, &len);

	seen.text = span_make(p, len);
	scan_text(scanner, seen.text, key_of(sample), 1, SERVER, on_hit, &seen);
	assert_true(seen.inside);
	free(p);
	return seen.n;
}

// {"key":"text"}, cut into windows of `step` fresh bytes, then the value.
static uint32_t as_value(uint16_t type, const struct type_sample *sample, uint32_t step)
{
	struct seen seen = {.type = type, .inside = true};
	struct scan_pending pending = {0};
	struct span key = key_of(sample);
	uint32_t head = key.len + 5, len = head + (uint32_t)strlen(sample->text) + 2;
	uint8_t *body = calloc(1, len + PAD);
	bool escaped = false;
	struct value v;

	snprintf((char *)body, len + 1, "{\"%.*s\":\"%s\"}", (int)key.len, (const char *)key.p,
		 sample->text);
	for (uint32_t at = 0; at < len; at += step) {
		uint32_t fresh = len - at < step ? len - at : step;
		uint32_t back = at < 256 ? at : 256;
		struct window w = {
			.dir = SERVER,
			.bytes = {body + at - back, back + fresh},
			.fresh = back,
			.off = at - back,
			.values = true,
		};

		scan_window(scanner, &pending, &w, on_hit, &seen);
	}
	for (uint32_t i = head; i < len - 2; i++)
		escaped |= body[i] == '\\';
	v = (struct value){
		.dir = SERVER,
		.kind = VALUE_STRING,
		.escaped = escaped,
		.v = {body + head, len - head - 2},
		.key = {body + 2, key.len},
		.parent = SPAN_LIT("$"),
		.field = 7,
		.key_hash = keyctx_hash(key, 11),
		.off = head,
	};
	scan_value(scanner, &pending, &v, on_hit, &seen);
	scan_end(scanner, &pending, SERVER, on_hit, &seen);
	free(body);
	return seen.n;
}

// The text as a body without values, in windows.
static uint32_t as_body(uint16_t type, const char *text, uint32_t step)
{
	struct seen seen = {.type = type, .inside = true};
	struct scan_pending pending = {0};
	uint32_t len = (uint32_t)strlen(text);

	for (uint32_t at = 0; at < len; at += step) {
		uint32_t fresh = len - at < step ? len - at : step;
		uint32_t back = at < 256 ? at : 256;
		uint8_t *copy = calloc(1, back + fresh + PAD);
		struct window w = {
			.dir = SERVER,
			.bytes = {copy, back + fresh},
			.fresh = back,
			.off = at - back,
		};

		memcpy(copy, text + at - back, back + fresh);
		scan_window(scanner, &pending, &w, on_hit, &seen);
		free(copy);
	}
	scan_end(scanner, &pending, SERVER, on_hit, &seen);
	return seen.n;
}

static void test_samples_as_text(void **)
{
	uint32_t wrong = 0;

	for (uint16_t i = 0; i < datatype_count(); i++) {
		const struct datatype *t = datatype_get(i);
		uint32_t positive = 0, negative = 0;

		for (const struct type_sample *s = t->samples; s->text; s++) {
			bool found = as_text(i, s) > 0;

			*(s->found ? &positive : &negative) += 1;
			if (found == reported(t, s) &&
			    (t->reports != REPORTS_WEAK || accepts(i, s) == s->found))
				continue;
			wrong++;
			print_message("%s: \"%s\" with \"%s\" %s\n", t->id, s->text,
				      s->key ? s->key : "", found ? "reported" : "missed");
		}
		if (!positive || !negative) {
			wrong++;
			print_message("%s: needs a true and a false sample\n", t->id);
		}
	}
	assert_int_equal(wrong, 0);
}

static void test_samples_as_json(void **)
{
	uint32_t wrong = 0;

	for (uint16_t i = 0; i < datatype_count(); i++) {
		const struct datatype *t = datatype_get(i);

		for (const struct type_sample *s = t->samples; s->text; s++) {
			static const uint32_t steps[] = {4096, 40, 7};

			for (uint32_t k = 0; k < 3; k++) {
				uint32_t n = as_value(i, s, steps[k]);

				if ((n > 0) == reported(t, s))
					continue;
				wrong++;
				print_message("%s: \"%s\" with \"%s\" in windows of %u %s\n", t->id,
					      s->text, s->key ? s->key : "", steps[k],
					      n ? "reported" : "missed");
			}
		}
	}
	assert_int_equal(wrong, 0);
}

// Cut anywhere, a text without values gives the same hits.
static void test_samples_in_windows(void **)
{
	uint32_t wrong = 0;

	for (uint16_t i = 0; i < datatype_count(); i++) {
		const struct datatype *t = datatype_get(i);

		for (const struct type_sample *s = t->samples; s->text; s++) {
			uint32_t whole = as_body(i, s->text, 4096);

			for (uint32_t step = 1; step < 50; step += 3) {
				uint32_t n = as_body(i, s->text, step);

				if (n == whole)
					continue;
				wrong++;
				print_message("%s: \"%s\" in steps of %u: %u hits, not %u\n", t->id,
					      s->text, step, n, whole);
				break;
			}
		}
	}
	assert_int_equal(wrong, 0);
}

// Each sample surrounded by what a text may hold, in small windows.
static void test_samples_inside_text(void **)
{
	uint32_t wrong = 0;
	char text[2048];

	for (uint16_t i = 0; i < datatype_count(); i++) {
		const struct datatype *t = datatype_get(i);

		for (const struct type_sample *s = t->samples; s->text; s++) {
			uint32_t whole, n;

			snprintf(text, sizeof(text),
				 "<p>order of 2023-06-15, 12 items</p><td>%s</td><td>9f4c2e18-4a41-"
				 "4267-8664-46415267dead</td> and so on, up to the end of the line",
				 s->text);
			whole = as_body(i, text, 4096);
			n = as_body(i, text, 60);
			if (n != whole) {
				wrong++;
				print_message("%s: \"%s\": %u hits, not %u\n", t->id, s->text, n,
					      whole);
			}
			if (s->found && !s->key && t->reports == REPORTS_YES && !whole) {
				wrong++;
				print_message("%s: \"%s\" missed inside a text\n", t->id, s->text);
			}
		}
	}
	assert_int_equal(wrong, 0);
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

// Cut, doubled and damaged samples, and noise of the bytes that checks look at: nothing outside
// of the text is read (address sanitizer) or reported.
static void test_hostile(void **)
{
	static const char bytes[] = "0123456789ABCDEFabcdef+-.:@/$=_ (){}<>\"\\'eyJk\xe7\x9c\x8c";
	uint64_t random = 48271;

	for (uint16_t i = 0; i < datatype_count(); i++) {
		const struct datatype *t = datatype_get(i);

		for (const struct type_sample *s = t->samples; s->text; s++) {
			struct seen seen = {.type = i, .inside = true};
			uint32_t len;
			uint8_t *p = exact(s->text, &len);

			for (uint32_t n = 0; n <= len; n++) {
				uint8_t *cut = malloc(n ? n : 1);

				memcpy(cut, p + (len - n), n);
				seen.text = span_make(cut, n);
				scan_text(scanner, seen.text, key_of(s), 0, SERVER, on_hit, &seen);
				memcpy(cut, p, n);
				scan_text(scanner, seen.text, key_of(s), 0, SERVER, on_hit, &seen);
				for (uint32_t k = 0; k < n / 6; k++)
					cut[next_random(&random) % n] = (uint8_t)
						bytes[next_random(&random) % (sizeof(bytes) - 1)];
				scan_text(scanner, seen.text, key_of(s), 0, SERVER, on_hit, &seen);
				free(cut);
			}
			assert_true(seen.inside);
			free(p);
		}
	}
	for (uint32_t round = 0; round < 3000; round++) {
		struct seen seen = {.inside = true};
		uint32_t n = (uint32_t)(next_random(&random) % 300);
		uint8_t *p = malloc(n ? n : 1);

		for (uint32_t k = 0; k < n; k++)
			p[k] = (uint8_t)bytes[next_random(&random) % (sizeof(bytes) - 1)];
		seen.text = span_make(p, n);
		scan_text(scanner, seen.text, SPAN_LIT("ip phone card password dob address"), 0,
			  SERVER, on_hit, &seen);
		assert_true(seen.inside);
		free(p);
	}
}

static void test_masks(void **)
{
	for (uint16_t i = 0; i < datatype_count(); i++) {
		const struct datatype *t = datatype_get(i);

		for (const struct type_sample *s = t->samples; s->text; s++) {
			struct span v = span_make(s->text, strlen(s->text));
			uint8_t out[512];
			uint32_t n = datatype_mask(i, v, out, sizeof(out)), hidden = 0;

			assert_true(n <= v.len || n <= 8);
			for (uint32_t k = 0; k < n; k++)
				hidden += out[k] == '*';
			if (s->found && strcmp(t->id, "pem.private") != 0 && hidden == 0)
				fail_msg("%s: \"%s\" is not masked", t->id, s->text);
			// A short buffer is never overrun.
			out[3] = 0xee;
			datatype_mask(i, v, out, 3);
			assert_int_equal(out[3], 0xee);
		}
	}
}

static void test_default_mask(void **)
{
	int card = datatype_find("card.pan"), key = datatype_find("gcp.apikey");
	uint8_t out[64] = {0};

	assert_int_equal(datatype_mask((uint32_t)card, SPAN_LIT("4641 5267 7664 5559"), out, 64),
			 19);
	assert_string_equal((char *)out, "**** **** **** 5559");
	memset(out, 0, sizeof(out));
	datatype_mask((uint32_t)key, SPAN_LIT("AIzaq7T4-K2w"), out, 64);
	assert_string_equal((char *)out, "AIza********");
	memset(out, 0, sizeof(out));
	datatype_mask((uint32_t)card, SPAN_LIT("4641526"), out, 64);
	assert_string_equal((char *)out, "*******");
}

static void test_registry(void **)
{
	assert_true(datatype_count() >= 118);
	for (uint32_t i = 0; i < datatype_count(); i++) {
		const struct datatype *t = datatype_get(i);

		if (i)
			assert_true(strcmp(datatype_get(i - 1)->id, t->id) < 0);
		assert_int_equal(datatype_find(t->id), i);
		assert_string_equal(datatype_name(i), t->id);
		assert_true(strlen(t->title) > 3);
		assert_true(strcmp(t->country, "any") == 0 || strlen(t->country) == 2);
		assert_true(t->tags < 1u << 4);
		// Personal data of nobody's law is a mistake where the law is one of the tags'.
		if (t->personal && t->group != GROUP_SECRET && strcmp(t->country, "any") == 0)
			assert_int_equal(t->tags & (TAG_GDPR | TAG_APPI), TAG_GDPR | TAG_APPI);
		if (strcmp(t->country, "JP") == 0 && !t->rule)
			fail_msg("%s: cite the rule", t->id);
		if (t->rule)
			assert_true(strlen(t->rule) > 8);
	}
	for (uint32_t i = 0; i < 4; i++)
		assert_non_null(datatype_tag_name(i));
	assert_null(datatype_tag_name(4));
	assert_null(datatype_name(datatype_count()));
	assert_null(datatype_get(datatype_count()));
	assert_int_equal(datatype_find("no.such"), -1);
	// Text without two digits close together is left early, whatever types there are.
	assert_true(ruleset->near_min >= 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_registry),
		cmocka_unit_test(test_samples_as_text),
		cmocka_unit_test(test_samples_as_json),
		cmocka_unit_test(test_samples_in_windows),
		cmocka_unit_test(test_samples_inside_text),
		cmocka_unit_test(test_masks),
		cmocka_unit_test(test_default_mask),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

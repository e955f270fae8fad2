// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// A check digit is there to notice one wrong digit, so that is how types with one are found: a
// digit of a true sample is changed, and hardly any of the results may still pass. The digits of
// the first half do not count, for tables of issuers, dates and areas refuse those as well. Thus a
// new type needs no word about it, and one whose check is less strict than it looks is not trusted.
//
// Then all digits of the second half are drawn by lot. One in ten or eleven passes where there is
// one check digit (Luhn, modulo 11), and a field of any numbers has such values; hardly any does
// where there are two or a longer sum.

#include "detect/selfcheck.h"

#include "detect/scan.h"

enum {
	SAMPLE_MAX = 128,  // bytes of a sample that is tried
	CHANGES_MIN = 6,   // results that must have been seen
	PASSED_SHARE = 20, // per cent of them
	LOTS = 32,         // of each sample
	LUCKY = 50,        // one in so many passes
};

struct selfcheck {
	uint32_t type;
	uint64_t off; // of the value in the sample
	uint32_t len; // 0: none was found
};

static void selfcheck_hit(void *arg, const struct hit *hit)
{
	struct selfcheck *c = arg;

	if (hit->type == c->type && !hit->unsure && hit->value.len > c->len) {
		c->off = hit->off;
		c->len = hit->value.len;
	}
}

static struct selfcheck find(struct scanner *scanner, uint32_t type, const char *key,
			     struct span text)
{
	struct selfcheck c = {.type = type};

	scan_text(scanner, text, span_make(key, strlen(key)), 0, SERVER, selfcheck_hit, &c);
	return c;
}

struct counts {
	uint32_t n, passed;
};

// One try: does what stands in the place of the value's second half pass as well?
static void try(struct scanner *scanner, const struct selfcheck *whole, const char *key,
		struct span text, struct counts *counts)
{
	counts->n++;
	counts->passed += find(scanner, whole->type, key, text).len >= whole->len;
}

// All changes of one digit.
static void try_changes(struct scanner *scanner, const struct selfcheck *whole, const char *key,
			struct span text, struct counts *counts)
{
	static const uint8_t steps[] = {1, 4, 7};
	uint8_t changed[SAMPLE_MAX];

	memcpy(changed, text.p, text.len);
	for (uint64_t at = whole->off + whole->len / 2; at < whole->off + whole->len; at++) {
		uint8_t digit = (uint8_t)(text.p[at] - '0');

		for (uint32_t i = 0; digit < 10 && i < sizeof(steps); i++) {
			changed[at] = (uint8_t)('0' + (digit + steps[i]) % 10);
			try(scanner, whole, key, span_make(changed, text.len), counts);
		}
		changed[at] = text.p[at];
	}
}

static void try_lots(struct scanner *scanner, const struct selfcheck *whole, const char *key,
		     struct span text, struct counts *counts)
{
	uint64_t lot = 0x5eed;
	uint8_t changed[SAMPLE_MAX];

	memcpy(changed, text.p, text.len);
	for (uint32_t i = 0; i < LOTS; i++) {
		for (uint64_t at = whole->off + whole->len / 2; at < whole->off + whole->len; at++) {
			lot = lot * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
			if (text.p[at] >= '0' && text.p[at] <= '9')
				changed[at] = (uint8_t)('0' + (lot >> 33) % 10);
		}
		try(scanner, whole, key, span_make(changed, text.len), counts);
	}
}

typedef void (*try_fn)(struct scanner *scanner, const struct selfcheck *whole, const char *key,
		       struct span text, struct counts *counts);

static struct counts try_samples(struct scanner *scanner, uint32_t type,
				 const struct type_sample *sample, try_fn fn)
{
	struct counts counts = {0};

	for (; sample->text; sample++) {
		struct span text = span_make(sample->text, strlen(sample->text));
		const char *key = sample->key ? sample->key : "";
		struct selfcheck whole;

		if (!sample->found || text.len > SAMPLE_MAX)
			continue;
		whole = find(scanner, type, key, text);
		if (whole.len)
			fn(scanner, &whole, key, text, &counts);
	}
	return counts;
}

bool selfcheck(const struct ruleset *rules, uint64_t checked[DATATYPE_WORDS],
	       uint64_t lucky[DATATYPE_WORDS])
{
	struct scanner *scanner = scanner_new(rules, 0);

	for (uint32_t i = 0; scanner && i < rules->n_types; i++) {
		const struct type_sample *samples = rules->type[i]->samples;
		uint64_t bit = UINT64_C(1) << (i % 64);
		struct counts counts;

		if (!keyctx_has(rules->on, i) || keyctx_has(rules->weak, i))
			continue;
		counts = try_samples(scanner, i, samples, try_changes);
		if (counts.n < CHANGES_MIN || counts.passed * 100 > counts.n * PASSED_SHARE)
			continue;
		checked[i / 64] |= bit;
		counts = try_samples(scanner, i, samples, try_lots);
		if (counts.passed * LUCKY > counts.n)
			lucky[i / 64] |= bit;
	}
	if (!scanner)
		return false;
	scanner_free(scanner);
	return true;
}

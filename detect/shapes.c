// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The hot part of shape search: masks of 64 bytes, a look at each run's length and at the digits
// that follow, a table that says which types that fits, then their checks. Runs on workers for
// every value of every body, so what is common must leave early: text without digits by its
// masks, UUIDs and time stamps as a whole, ids and prices by an empty bucket.
//
//   text   order 4111 1111 1111 1111 of
//   runs   [---] [--] [--] [--] [--] []
//   start  ^ len 5, no digit: out
//                ^ len 4, 16 digits near: bucket(4, digits) -> card.pan ...

#include "detect/shapes.h"

#include "detect/shapes_at.h"

enum {
	SHAPES_BLOCKS = 32,              // masks made at a time
	SHAPES_STEP = SHAPES_BLOCKS - 2, // of which this many are looked at
	WIDE_MIN = 12,                   // bytes beyond ASCII that make a text wide
	WIDE_VALUES = 64,                // values that are taken from one wide text
};

// Tries one type; the end of the accepted value, or 0.
static uint32_t shapes_try(struct shapes_job *job, uint32_t type, const struct candidate *c,
			   uint32_t start)
{
	const struct datatype *t = job->rules->type[type];
	struct candidate copy = *c;
	struct span v;

	if (job->spent > job->budget)
		return 0;
	copy.ctx = keyctx_has(job->key->types, type);
	v = shapes_check(t, &copy);
	if (v.len == 0) {
		job->spent++;
		if (job->refused)
			job->refused(job->arg, type, start);
		job->missed[type / 64] |= UINT64_C(1) << (type % 64);
		job->counted |= keyctx_has(job->rules->counted, type);
		return 0;
	}
	job->fn(job->arg, type, v, start);
	return (uint32_t)(v.p - c->text.p) + v.len;
}

// Whether a first run may begin a value of a type.
static inline bool shapes_fits(const struct shape_gate *g, const struct shapes_at *a)
{
	return a->near >= g->near && (a->digit & g->form) == g->digits && a->digits >= g->least &&
	       (g->first[a->first / 64 & 1] >> (a->first % 64) & 1) &&
	       (a->len >= RUN_WHOLE || (g->after[a->after / 64] >> (a->after % 64) & 1)) &&
	       (g->before == 0 || g->before == a->before);
}

static inline bool shapes_may(const struct ruleset *rules, uint32_t type, const struct shapes_at *a)
{
	return shapes_fits(&rules->gate[type], a) || rules->reference;
}

// The runs from a start on, made only when a type wants to see them.
struct shapes_runs {
	struct run run[RUNS_MAX];
	struct candidate c;
};

static void shapes_open(const struct shapes_job *job, const struct shapes_at *a,
			struct shapes_runs *r)
{
	if (r->c.n_runs)
		return;
	r->c = (struct candidate){
		.text = job->text,
		.at = job->text.p + a->pos,
		.runs = r->run,
		.n_runs = runs_build(job->text, job->text.p + a->pos, a->alnum, a->digit, r->run,
				     RUNS_MAX),
		.key = job->name,
	};
}

static uint32_t shapes_few(struct shapes_job *job, const struct few_types *few,
			   const struct shapes_at *a, struct shapes_runs *r)
{
	uint32_t end = 0;

	for (uint32_t i = 0; i < few->n; i++) {
		uint32_t e;

		shapes_open(job, a, r);
		e = shapes_try(job, few->type[i], &r->c, a->pos);
		end = e > end ? e : end;
	}
	return end;
}

// Types that the field's name supports, whatever else they need.
static void shapes_set(struct shapes_job *job, const struct shapes_at *a, struct shapes_runs *r)
{
	const struct ruleset *rules = job->rules;
	uint32_t bit = a->len < 63 ? a->len : 63;

	job->spent++; // the look at all of them
	for (uint32_t w = 0; w < DATATYPE_WORDS; w++) {
		uint64_t set = job->wanted[w];

		for (; set; set &= set - 1) {
			uint32_t i = w * 64 + (uint32_t)__builtin_ctzll(set);

			if (!(rules->run_set[i][a->kind] >> bit & 1) || !shapes_may(rules, i, a))
				continue;
			shapes_open(job, a, r);
			shapes_try(job, i, &r->c, a->pos);
		}
	}
}

// Types that the name does not support and that report nothing without it, for those who ask why.
static void shapes_unnamed(struct shapes_job *job, const struct shapes_at *a, struct shapes_runs *r)
{
	const struct ruleset *rules = job->rules;
	uint32_t bit = a->len < 63 ? a->len : 63;

	for (uint32_t i = 0; i < rules->n_types; i++) {
		if (rules->type[i]->reports == REPORTS_YES || !keyctx_has(rules->shape, i) ||
		    keyctx_has(job->key->types, i) || !(rules->run_set[i][a->kind] >> bit & 1) ||
		    !shapes_may(rules, i, a))
			continue;
		shapes_open(job, a, r);
		shapes_try(job, i, &r->c, a->pos);
	}
}

// All types for one start; the end of what was accepted without the name's help, or 0.
SHAPES_INLINE uint32_t shapes_start(struct shapes_job *job, const struct shapes_at *a)
{
	const struct ruleset *rules = job->rules;
	const struct bucket *b = shapes_bucket(rules, a);
	struct shapes_runs r;
	uint32_t end = 0;

	r.c.n_runs = 0;
	for (uint32_t i = 0; (a->near >= b->near || rules->reference) && i < b->n; i++) {
		uint32_t type = b->type[i], e;

		if (!shapes_may(rules, type, a) || keyctx_has(job->key->types, type))
			continue;
		shapes_open(job, a, &r);
		e = shapes_try(job, type, &r.c, a->pos);
		end = e > end ? e : end;
	}
	if (shapes_is_chain(a) || rules->reference) {
		uint32_t e = shapes_few(job, &rules->chain, a, &r);

		end = e > end ? e : end;
	}
	if (job->named || job->probe == PROBE_ALL)
		shapes_set(job, a, &r);
	if (job->refused)
		shapes_unnamed(job, a, &r);
	return end;
}

// Texts whose types are found by their script. The check finds the first value by itself.
static void shapes_wide(struct shapes_job *job)
{
	uint32_t from = job->wide_from > job->from ? job->wide_from : job->from;

	for (uint32_t i = 0; i < job->rules->wide.n; i++) {
		uint32_t type = job->rules->wide.type[i], pos = from;

		for (uint32_t k = 0; k < WIDE_VALUES && pos < job->to; k++) {
			struct candidate c = {
				.text = job->text,
				.at = job->text.p + pos,
				.key = job->name,
				.ctx = keyctx_has(job->key->types, type),
			};
			struct span v = shapes_check(job->rules->type[type], &c);

			if (v.len == 0 || v.p < c.at || (uint32_t)(v.p - job->text.p) >= job->to)
				break;
			job->fn(job->arg, type, v, (uint32_t)(v.p - job->text.p));
			pos = (uint32_t)(v.p - job->text.p) + v.len;
		}
		if (pos > job->wide_from)
			job->wide_from = pos;
	}
}

static void shapes_address(struct shapes_job *job, uint32_t pos)
{
	struct candidate c = {.text = job->text, .at = job->text.p + pos + 1, .key = job->name};

	for (uint32_t i = 0; i < job->rules->at.n; i++)
		shapes_try(job, job->rules->at.type[i], &c, pos);
}

// The starts that are worth a look: of runs with a digit, and of short ones that may begin a value
// without one, if digits follow (near_min), in the block or behind it. Adding the digits to the runs
// carries into the byte behind each run that has one.
static inline uint64_t shapes_candidates(const struct ruleset *rules, const struct runs_block *b,
					 uint64_t starts, bool digits_behind)
{
	uint64_t letters = starts;
	uint64_t runs_end = b->alnum & ~(b->alnum >> 1), found = 0;
	uint64_t behind = (b->alnum + b->digit) & ~b->alnum;

	for (; behind; behind &= behind - 1) {
		uint64_t gaps = ~b->alnum & ((behind & -behind) - 1);

		found |= gaps ? UINT64_C(1) << (63 - __builtin_clzll(gaps)) << 1 : 1;
	}
	if (!digits_behind)
		letters &= b->digit ? shapes_low(63 - (uint32_t)__builtin_clzll(b->digit)) : 0;
	for (uint64_t set = letters & ~found ? rules->letter_runs : 0; set; set &= set - 1)
		found |= letters & runs_end >> (__builtin_ctzll(set) - 1);
	// The carry of the last run is lost, and the run may go on behind the block.
	return (found | shapes_last(b->alnum)) & starts;
}

// The starts of one block: b[0], with the block behind it in b[1] and b[2].
SHAPES_INLINE uint32_t shapes_block(struct shapes_job *job, const struct runs_block *b,
				    uint32_t base, bool joined, uint32_t skip)
{
	uint64_t starts = b[0].alnum & ~(b[0].alnum << 1 | joined);
	uint64_t near = b[1].digit & shapes_low(RUN_NEAR);
	bool all = job->named || job->rules->reference;
	bool every = (job->named && job->letters) || job->rules->reference;

	if (base < job->from)
		starts &= ~shapes_low(job->from - base);
	if (job->to - base < 64)
		starts &= shapes_low(job->to - base);
	if (!every) {
		uint64_t chains = shapes_chains(b[0].alnum, starts, true);

		if (!all && __builtin_popcountll(b[0].digit) + __builtin_popcountll(near) <
				    job->rules->near_min)
			starts = chains;
		else
			starts = shapes_candidates(job->rules, b, starts, near != 0) | chains;
	}
	for (; starts; starts &= starts - 1) {
		uint32_t bit = (uint32_t)__builtin_ctzll(starts), end;
		struct shapes_at a;

		if (base + bit < skip)
			continue;
		if (job->spent > job->budget)
			break;
		a = shapes_view(job->text, base + bit, runs_join(b[0].alnum, b[1].alnum, bit),
				runs_join(b[0].digit, b[1].digit, bit));
		if (!all) {
			end = shapes_skip(job->text, &a);
			if (end) {
				skip = end;
				continue;
			}
		}
		end = shapes_start(job, &a);
		if (end && !all)
			skip = end;
	}
	return skip;
}

// Masks of n bytes from base on, and two empty blocks behind them.
static uint32_t shapes_masks(const struct shapes_job *job, uint32_t base, uint32_t n,
			     struct runs_block *b)
{
	const uint8_t *p = job->text.p + base;
	uint32_t whole = n / RUNS_BLOCK, rest = n % RUNS_BLOCK, blocks = whole + (rest != 0);

	job->rules->masks(p, job->padded ? blocks : whole, b);
	if (rest) {
		uint8_t tail[RUNS_BLOCK] = {0};
		uint64_t keep = shapes_low(rest);

		if (!job->padded) {
			memcpy(tail, p + n - rest, rest);
			job->rules->masks(tail, 1, b + whole);
		}
		b[whole].alnum &= keep;
		b[whole].digit &= keep;
		b[whole].at &= keep;
		b[whole].wide &= keep;
	}
	memset(&b[blocks], 0, 2 * sizeof(b[0]));
	return blocks;
}

// One block alone: the same looks as in shapes_block() and shapes_start(), without a name, up to
// the point where a type would be asked.
SHAPES_INLINE bool shapes_worth_starts(const struct ruleset *rules, struct span text,
				       uint64_t alnum, uint64_t digit)
{
	struct runs_block b = {.alnum = alnum, .digit = digit};
	uint64_t starts = b.alnum & ~(b.alnum << 1);

	// The most usual ones are a UUID or a time stamp and nothing else.
	if (starts & 1) {
		struct shapes_at a = {.alnum = b.alnum, .digit = b.digit};

		a.len = ~b.alnum ? (uint32_t)__builtin_ctzll(~b.alnum) : 64;
		if (shapes_skip(text, &a) == text.len)
			return false;
	}
	starts =
		shapes_candidates(rules, &b, starts, false) | shapes_chains(b.alnum, starts, false);
	while (starts) {
		uint32_t bit = (uint32_t)__builtin_ctzll(starts), end;
		struct shapes_at a = shapes_view(text, bit, b.alnum >> bit, b.digit >> bit);
		const struct bucket *bucket = shapes_bucket(rules, &a);

		end = shapes_skip(text, &a);
		if (end) {
			starts &= ~shapes_low(end);
			continue;
		}
		for (uint32_t i = 0; a.near >= bucket->near && i < bucket->n; i++) {
			if (shapes_fits(&rules->gate[bucket->type[i]], &a))
				return true;
		}
		if (shapes_is_chain(&a))
			return true;
		starts &= starts - 1;
	}
	return false;
}

typedef bool (*shapes_starts_fn)(const struct ruleset *rules, struct span text, uint64_t alnum,
				 uint64_t digit);

// What most values are over with. The rest is called last: nothing is to be kept for it.
SHAPES_INLINE bool shapes_worth_block(const struct ruleset *rules, struct span text,
				      struct runs_block b, shapes_starts_fn rest)
{
	uint64_t keep = shapes_low(text.len);

	if (b.at & keep)
		return true;
	b.digit &= keep;
	b.alnum &= keep;
	if (b.wide && __builtin_popcountll(b.wide & keep) >= WIDE_MIN)
		return true;
	if (__builtin_popcountll(b.digit) < rules->near_min)
		return text.len >= CHAIN_LEAST &&
		       shapes_chains(b.alnum, b.alnum & ~(b.alnum << 1), false);
	return rest(rules, text, b.alnum, b.digit);
}

SHAPES_INLINE bool shapes_worth_blocks(const struct ruleset *rules, struct span text)
{
	struct runs_block b[SHAPES_BLOCKS];
	uint32_t before = 0, wide = 0;

	for (uint32_t base = 0; base < text.len;) {
		uint32_t left = text.len - base, n;

		n = left < sizeof(b) / sizeof(b[0]) * RUNS_BLOCK
			    ? (left + RUNS_BLOCK - 1) / RUNS_BLOCK
			    : sizeof(b) / sizeof(b[0]);
		rules->masks(text.p + base, n, b);
		for (uint32_t i = 0; i < n; i++, base += RUNS_BLOCK) {
			uint64_t keep = shapes_low(text.len - base);
			uint64_t alnum = b[i].alnum & keep;
			uint32_t digits = (uint32_t)__builtin_popcountll(b[i].digit & keep);

			wide += (uint32_t)__builtin_popcountll(b[i].wide & keep);
			if (b[i].at & keep || before + digits >= rules->near_min ||
			    wide >= WIDE_MIN || shapes_chains(alnum, alnum & ~(alnum << 1), false))
				return true;
			before = digits;
		}
	}
	return false;
}

// Many names support only types that are told by the name alone, and cost nothing here.
static inline bool shapes_want(struct shapes_job *job)
{
	const struct ruleset *rules = job->rules;
	uint64_t any = 0, letters = 0;

	if (!job->key->shaped && !job->probe)
		return false;
	for (uint32_t w = 0; w < DATATYPE_WORDS; w++) {
		uint64_t set = rules->shape[w];

		if (job->probe)
			set |= rules->weak_shape[w];
		set &= job->key->types[w];
		any |= set;
		if (job->probe == PROBE_ALL)
			set |= rules->nameless[w];
		job->wanted[w] = set;
		letters |= set & rules->letters[w];
	}
	// Those who ask why are told of types that the name does not support.
	job->letters = letters || job->refused;
	return any;
}

// '@' in a block.
static inline void shapes_addresses(struct shapes_job *job, uint64_t at, uint32_t base)
{
	for (; at; at &= at - 1) {
		uint32_t pos = base + (uint32_t)__builtin_ctzll(at);

		if (pos >= job->from && pos < job->to)
			shapes_address(job, pos);
	}
}

// A value of one block, whose masks these are: most of them are.
SHAPES_INLINE uint32_t shapes_scan_block(struct shapes_job *job, struct runs_block masks)
{
	uint64_t keep = shapes_low(job->text.len);
	struct runs_block b[2] = {masks};
	uint32_t skip;

	b[0].alnum &= keep;
	b[0].digit &= keep;
	b[0].at &= keep;
	b[0].wide &= keep;
	skip = shapes_block(job, b, 0, false, 0);
	if (b[0].at)
		shapes_addresses(job, b[0].at, 0);
	if (b[0].wide && __builtin_popcountll(b[0].wide) >= WIDE_MIN && job->rules->wide.n)
		shapes_wide(job);
	return skip;
}

typedef uint32_t (*shapes_block_fn)(struct shapes_job *job, const struct runs_block *b,
				    uint32_t base, bool joined, uint32_t skip);

static uint32_t shapes_scan_blocks(struct shapes_job *job, shapes_block_fn block)
{
	struct runs_block b[SHAPES_BLOCKS + 2];
	uint32_t skip = 0, wide = 0;
	uint32_t base = job->from & ~(RUNS_BLOCK - 1u);

	while (base < job->to) {
		uint32_t left = job->text.len - base, n, blocks, looked;
		bool joined = false, last;

		if (base) {
			uint8_t c = job->text.p[base - 1];

			joined = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
		}
		n = left < SHAPES_BLOCKS * RUNS_BLOCK ? left : SHAPES_BLOCKS * RUNS_BLOCK;
		last = n == left;
		blocks = shapes_masks(job, base, n, b);
		looked = last ? blocks : SHAPES_STEP;
		for (uint32_t i = 0; i < looked; i++) {
			uint32_t start = base + i * RUNS_BLOCK;
			wide += (uint32_t)__builtin_popcountll(b[i].wide);
			if (start >= job->to)
				break;
			skip = block(job, b + i, start, joined, skip);
			joined = b[i].alnum >> 63;
			shapes_addresses(job, b[i].at, start);
		}
		base += looked * RUNS_BLOCK;
	}
	if (wide >= WIDE_MIN && job->rules->wide.n)
		shapes_wide(job);
	return skip;
}

static bool shapes_is_block(const struct shapes_job *job)
{
	return job->padded && job->from == 0 && job->to == job->text.len &&
	       job->text.len <= RUNS_BLOCK;
}

// ---- one way for each kind of CPU

static __attribute__((noinline)) bool shapes_starts_plain(const struct ruleset *rules,
							  struct span text, uint64_t alnum,
							  uint64_t digit)
{
	return shapes_worth_starts(rules, text, alnum, digit);
}

static __attribute__((noinline)) bool shapes_worth_long(const struct ruleset *rules,
							struct span text)
{
	return shapes_worth_blocks(rules, text);
}

static bool shapes_worth_plain(const struct ruleset *rules, struct span text)
{
	struct runs_block b;

	if (text.len > RUNS_BLOCK)
		return shapes_worth_long(rules, text);
	runs_scalar(text.p, 1, &b);
	return shapes_worth_block(rules, text, b, shapes_starts_plain);
}

static uint32_t shapes_block_plain(struct shapes_job *job, const struct runs_block *b,
				   uint32_t base, bool joined, uint32_t skip)
{
	return shapes_block(job, b, base, joined, skip);
}

static uint32_t shapes_scan_plain(struct shapes_job *job)
{
	struct runs_block masks;

	if (!shapes_is_block(job))
		return shapes_scan_blocks(job, shapes_block_plain);
	job->rules->masks(job->text.p, 1, &masks);
	return shapes_scan_block(job, masks);
}

#if defined(__x86_64__)
static bool shapes_worth_sse2(const struct ruleset *rules, struct span text)
{
	return text.len > RUNS_BLOCK ? shapes_worth_long(rules, text)
				     : shapes_worth_block(rules, text, runs_block_sse2(text.p),
							  shapes_starts_plain);
}

// The compiler leaves the upper halves of the registers as they are where it calls what it knows not to
// use them. All that is not compiled for AVX, and most is not, would then wait for them.
__attribute__((target("avx2,bmi,bmi2,popcnt"))) static inline struct runs_block shapes_masks_avx2(
	struct span text)
{
	struct runs_block b = text.len > RUNS_BLOCK / 2 ? runs_block_avx2(text.p)
							: runs_half_avx2(text.p);

	_mm256_zeroupper();
	return b;
}

__attribute__((target("avx2,bmi,bmi2,popcnt"), noinline)) static bool shapes_starts_avx2(
	const struct ruleset *rules, struct span text, uint64_t alnum, uint64_t digit)
{
	return shapes_worth_starts(rules, text, alnum, digit);
}

__attribute__((target("avx2,bmi,bmi2,popcnt"), noinline)) static bool shapes_long_avx2(
	const struct ruleset *rules, struct span text)
{
	return shapes_worth_blocks(rules, text);
}

__attribute__((target("avx2,bmi,bmi2,popcnt"))) static bool shapes_worth_avx2(
	const struct ruleset *rules, struct span text)
{
	if (text.len > RUNS_BLOCK)
		return shapes_long_avx2(rules, text);
	return shapes_worth_block(rules, text, shapes_masks_avx2(text), shapes_starts_avx2);
}

__attribute__((target("avx2,bmi,bmi2,popcnt"))) static uint32_t shapes_block_avx2(
	struct shapes_job *job, const struct runs_block *b, uint32_t base, bool joined, uint32_t skip)
{
	return shapes_block(job, b, base, joined, skip);
}

__attribute__((target("avx2,bmi,bmi2,popcnt"))) static uint32_t shapes_scan_avx2(
	struct shapes_job *job)
{
	if (!shapes_is_block(job))
		return shapes_scan_blocks(job, shapes_block_avx2);
	return shapes_scan_block(job, shapes_masks_avx2(job->text));
}

static bool shapes_has_avx2(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
	       __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
}
#endif

static const struct shapes_way shapes_ways[] = {
	{shapes_worth_plain, shapes_scan_plain},
#if defined(__x86_64__)
	{shapes_worth_sse2, shapes_scan_plain},
	{shapes_worth_avx2, shapes_scan_avx2},
#endif
};

const struct shapes_way *shapes_way(uint32_t i)
{
#if defined(__x86_64__)
	if (i == 2 && !shapes_has_avx2())
		return NULL;
#endif
	return i < sizeof(shapes_ways) / sizeof(shapes_ways[0]) ? &shapes_ways[i] : NULL;
}

const struct shapes_way *shapes_best_way(void)
{
	uint32_t i = 0;

	while (shapes_way(i + 1))
		i++;
	return &shapes_ways[i];
}

uint32_t shapes_scan(struct shapes_job *job)
{
	job->named = shapes_want(job);
	return job->rules->scan(job);
}

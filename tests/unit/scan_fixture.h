// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What the tests of the scanner share: a ruleset with all types, a body that is shown in windows
// and values, and a list of the hits.

#pragma once

#include "detect/shapes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>
// cmocka needs those above
#include <cmocka.h>

enum { PAD = 64, SEEN = 256, TAIL = 256 };

#define TOKEN                                                                                      \
	"gh"                                                                                       \
	"p_q7T4zK2wMx5RvB3nLd8Yp0Hs6Gf1Jc9UaEeW"
#define MAIL "jane.doe@mail.example.org"

struct one {
	uint16_t type;
	bool ctx;
	uint32_t len, raw_len;
	uint64_t off, field;
	char value[64], key[64], parent[64];
};

struct seen {
	uint32_t n;
	struct one one[SEEN];
};

static struct conf *conf;
static struct ruleset *ruleset;
static struct scanner *scanner;

static inline int setup(void **)
{
	char why[256];

	datatype_freeze();
	conf = conf_load(NULL, stderr);
	assert_non_null(conf);
	ruleset = ruleset_new(conf, why, sizeof(why));
	if (!ruleset)
		fail_msg("%s", why);
	scanner = scanner_new(ruleset, 31);
	return scanner ? 0 : 1;
}

static inline int teardown(void **)
{
	scanner_free(scanner);
	ruleset_free(ruleset);
	conf_free(conf);
	return 0;
}

static inline void copy_span(char out[64], struct span s)
{
	uint32_t n = s.len < 63 ? s.len : 63;

	memset(out, 0, 64);
	if (n)
		memcpy(out, s.p, n);
}

static inline void on_hit(void *arg, const struct hit *hit)
{
	struct seen *s = arg;
	struct one *o;

	assert_true(s->n < SEEN);
	o = &s->one[s->n++];
	o->type = hit->type;
	o->ctx = hit->ctx;
	o->len = hit->value.len;
	o->off = hit->off;
	o->raw_len = hit->raw_len;
	o->field = hit->field;
	copy_span(o->value, hit->value);
	copy_span(o->key, hit->key);
	copy_span(o->parent, hit->parent);
}

static inline const char *id_of(const struct one *o)
{
	return datatype_get(o->type)->id;
}

static inline uint32_t count(const struct seen *s, const char *id)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->n; i++)
		n += strcmp(id_of(&s->one[i]), id) == 0;
	return n;
}

static inline struct span str(const char *s)
{
	return span_make(s, strlen(s));
}

// A body with PAD readable bytes behind it.
struct body {
	uint8_t *p;
	uint32_t len;
	struct scan_pending pending;
	struct seen seen;
};

static inline void body_open(struct body *b, const char *text)
{
	memset(b, 0, sizeof(*b));
	b->len = (uint32_t)strlen(text);
	b->p = calloc(1, b->len + PAD);
	memcpy(b->p, text, b->len);
}

static inline void body_close(struct body *b)
{
	scan_end(scanner, &b->pending, SERVER, on_hit, &b->seen);
	free(b->p);
}

// Shows bytes [from, to) as a window, in memory of its own.
static inline void show(struct body *b, uint32_t from, uint32_t to, bool values)
{
	uint32_t back = from < TAIL ? from : TAIL;
	uint8_t *copy = calloc(1, to - from + back + PAD);
	struct window w = {
		.dir = SERVER,
		.bytes = {copy, to - from + back},
		.fresh = back,
		.off = from - back,
		.values = values,
	};

	memcpy(copy, b->p + from - back, to - from + back);
	scan_window(scanner, &b->pending, &w, on_hit, &b->seen);
	free(copy);
}

static inline struct value value_at(struct body *b, enum value_kind kind, const char *key,
				    const char *parent, const char *text)
{
	const char *at = strstr((const char *)b->p, text);

	assert_non_null(at);
	return (struct value){
		.dir = SERVER,
		.kind = kind,
		.escaped = strchr(text, '\\') || strchr(text, '%'),
		.v = {(const uint8_t *)at, (uint32_t)strlen(text)},
		.key = str(key),
		.parent = str(parent),
		.field = 48271,
		.key_hash = keyctx_hash(str(key), 99),
		.off = (uint64_t)((const uint8_t *)at - b->p),
	};
}

static inline void give(struct body *b, enum value_kind kind, const char *key, const char *parent,
			const char *text)
{
	struct value v = value_at(b, kind, key, parent, text);

	scan_value(scanner, &b->pending, &v, on_hit, &b->seen);
}

// The order of hits at one place does not matter.
static inline void same_hits(const struct seen *a, const struct seen *b, const char *what,
			     uint32_t at)
{
	bool used[SEEN] = {0};

	for (uint32_t i = 0; i < a->n; i++) {
		uint32_t j = 0;

		while (j < b->n &&
		       (used[j] || a->one[i].type != b->one[j].type ||
			a->one[i].off != b->one[j].off || a->one[i].len != b->one[j].len))
			j++;
		if (j == b->n)
			fail_msg("%s %u: %s at %lu \"%s\" is missing", what, at, id_of(&a->one[i]),
				 (unsigned long)a->one[i].off, a->one[i].value);
		used[j] = true;
	}
	for (uint32_t j = 0; j < b->n; j++) {
		if (!used[j])
			fail_msg("%s %u: %s at %lu \"%s\" is too much", what, at, id_of(&b->one[j]),
				 (unsigned long)b->one[j].off, b->one[j].value);
	}
}

static inline uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

// A text of words, ids, stamps, and the samples of all types.
static inline void make_text(uint64_t *random, char *text, uint32_t size)
{
	static const char *const fillers[] = {
		" the ",
		", ",
		"\n",
		"</td><td>",
		"2023-06-15T12:34:56Z ",
		" of 17 ",
		"; ",
		" 482,",
		"\t",
		"9f4c2e18-4a41-4267-8664-46415267dead",
		" 0.25 ",
		"=",
		" \"",
		"\" ",
		" ab:cd:ef ",
		"東京都の",
		" 12 34 56 ",
		"1234567890 ",
	};
	uint32_t n = 0;

	while (n + 200 < size) {
		const struct datatype *t =
			datatype_get((uint32_t)(next_random(random) % datatype_count()));
		uint32_t samples = 0;
		const char *s;

		while (t->samples[samples].text)
			samples++;
		s = next_random(random) % 3 ? fillers[next_random(random) % 18]
					    : t->samples[next_random(random) % samples].text;
		if (n + strlen(s) + 1 > size)
			break;
		memcpy(text + n, s, strlen(s));
		n += (uint32_t)strlen(s);
	}
	text[n] = 0;
}

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The operator's data types, searched in one value. Worker; the matches stand in the scanner.

#include "detect/own.h"

#include "detect/check.h"
#include "detect/scanner.h"

#include <hs/hs.h>

// A pattern tells all ends of a match, one after the other: the last one counts.
static int own_on_match(unsigned int id, unsigned long long from, unsigned long long to,
			unsigned int, void *arg)
{
	struct scanner *s = arg;

	for (uint32_t i = s->n_own; i-- > 0;) {
		if (s->own[i].type != id || (uint32_t)from >= s->own[i].to)
			continue;
		if (s->own[i].from == (uint32_t)from)
			s->own[i].to = (uint32_t)to;
		return 0; // the same, or within it
	}
	if (s->n_own == SCAN_OWN) {
		s->stats.stopped++;
		return 1;
	}
	s->own[s->n_own].type = id;
	s->own[s->n_own].from = (uint32_t)from;
	s->own[s->n_own++].to = (uint32_t)to;
	return 0;
}

static bool own_valid(enum own_validator validator, struct span v)
{
	uint8_t classes = validator == OWN_MOD97 ? CLASS_ALNUM : CLASS_DIGIT, bare[OWN_WIDTH_MAX];
	uint32_t n = 0;

	for (uint32_t i = 0; i < v.len && n < sizeof(bare); i++) {
		bool last = validator == OWN_MOD11_2 && i + 1 == v.len && v.p[i] == 'X';

		if (check_is(v.p[i], classes) || last)
			bare[n++] = v.p[i];
	}
	if (validator != OWN_NONE && validator != OWN_ENTROPY && n < 2)
		return false;
	switch (validator) {
	case OWN_NONE:
		return true;
	case OWN_LUHN:
		return check_luhn(bare, n);
	case OWN_VERHOEFF:
		return check_verhoeff(bare, n);
	case OWN_MOD97:
		return n >= 4 && check_mod97(0, bare, n) == 1;
	case OWN_MOD11_10:
		return check_mod11_10(bare, n);
	case OWN_MOD11_2:
		return check_mod11_2(bare, n);
	case OWN_DATE:
		return n == 8 && check_date((uint32_t)check_number(bare, 4),
					    (uint32_t)check_number(bare + 4, 2),
					    (uint32_t)check_number(bare + 6, 2));
	case OWN_ENTROPY:
		return check_entropy(v) >= ENTROPY(3.5);
	}
	return false;
}

void own_scan(struct scanner *s, struct span text, uint32_t after, own_fn fn, void *arg)
{
	const struct own_types *own = s->rules->own;

	s->n_own = 0;
	if (text.len == 0)
		return;
	hs_scan(own->patterns, (const char *)text.p, text.len, 0, s->scratch, own_on_match, s);
	for (uint32_t i = 0; i < s->n_own; i++) {
		uint32_t type = s->own[i].type;
		struct span v = span_make(text.p + s->own[i].from, s->own[i].to - s->own[i].from);

		if (s->own[i].to > after && !check_placeholder(v) &&
		    own_valid(own->validator[type - own->first], v))
			fn(arg, type, v);
	}
}

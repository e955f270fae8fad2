// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Domains speak of what was never there: one accepted value of a kind, once it is taught, makes
// that kind normal. So what is taught by accident costs a detection, never a false alarm.

#include "detect/domain.h"

#include <string.h>

enum {
	LENGTH_MIN = 32,    // shorter values are not too long
	VALUES_EACH = 3,    // how often each value of an enumeration was seen, at least,
	VALUES_FACTOR = 40, // and all together, for each of them
	VALUE_LEN = 64,     // longer ones are no members of an enumeration
};

// Classes that a program may mix in one field without meaning anything by it.
enum class_group { GROUP_NOTHING = 0, GROUP_NUMBER, GROUP_FLAG, GROUP_DAY, GROUP_ID, GROUP_TEXT };

static enum class_group group_of(uint32_t class)
{
	static const uint8_t groups[PARAM_CLASSES] = {
		[PARAM_EMPTY] = GROUP_NOTHING, [PARAM_NULL] = GROUP_NOTHING,
		[PARAM_BOOL] = GROUP_FLAG,     [PARAM_INT] = GROUP_NUMBER,
		[PARAM_NUMBER] = GROUP_NUMBER, [PARAM_UUID] = GROUP_ID,
		[PARAM_HEX] = GROUP_TEXT,      [PARAM_DATE] = GROUP_DAY,
		[PARAM_EMAIL] = GROUP_TEXT,    [PARAM_URL] = GROUP_TEXT,
		[PARAM_TOKEN] = GROUP_TEXT,    [PARAM_WORD] = GROUP_TEXT,
		[PARAM_TEXT] = GROUP_TEXT,
	};

	return class < PARAM_CLASSES ? groups[class] : GROUP_TEXT;
}

static bool is_number(const struct call_param *p)
{
	return p->class == PARAM_INT || p->class == PARAM_NUMBER;
}

// 2 * log2(len), rounded down.
static uint32_t length_bin(uint32_t len)
{
	uint32_t top = len ? 31 - (uint32_t)__builtin_clz(len) : 0, bin;

	if (len < 2)
		return len;
	// 2^top * sqrt(2) or more is the upper half.
	bin = 2 * top + ((uint64_t)len * len >= UINT64_C(2) << (2 * top));
	return bin < DOMAIN_LENGTHS ? bin : DOMAIN_LENGTHS - 1;
}

// The longest that falls into a bin.
static uint32_t length_top(uint32_t bin)
{
	uint64_t low = 0, high = UINT32_MAX;

	while (low < high) {
		uint64_t middle = (low + high + 1) / 2;

		if (length_bin((uint32_t)middle) <= bin)
			low = middle;
		else
			high = middle - 1;
	}
	return (uint32_t)low;
}

static void value_teach(struct domain *d, const struct call_param *p)
{
	uint32_t hash = (uint32_t)(p->value >> 32);

	if (d->n_values > DOMAIN_VALUES)
		return;
	if (p->len > VALUE_LEN || p->value == 0) {
		d->n_values = DOMAIN_VALUES + 1;
		return;
	}
	for (uint32_t i = 0; i < d->n_values; i++) {
		if (d->value[i] == hash) {
			d->count[i]++;
			return;
		}
	}
	if (d->n_values < DOMAIN_VALUES) {
		d->value[d->n_values] = hash;
		d->count[d->n_values] = 1;
	}
	d->n_values++;
}

void domain_teach(struct domain *d, const struct call_param *p, uint64_t user)
{
	if (d->n == UINT32_MAX)
		return;
	d->n++;
	d->class[p->class < PARAM_CLASSES ? p->class : PARAM_TEXT]++;
	d->length[length_bin(p->len)]++;
	hll_add(d->users, DOMAIN_P, user);
	if (is_number(p) && p->number - p->number == 0) { // finite
		d->min = d->numbers && d->min < p->number ? d->min : p->number;
		d->max = d->numbers && d->max > p->number ? d->max : p->number;
		d->numbers++;
		d->negatives += p->number < 0;
		d->zeros += p->number == 0;
	}
	// Numbers have bounds, and many of them are few by chance.
	if (!is_number(p) && group_of(p->class) != GROUP_NOTHING)
		value_teach(d, p);
}

static bool group_seen(const struct domain *d, enum class_group group)
{
	for (uint32_t i = 0; i < PARAM_CLASSES; i++) {
		if (d->class[i] && group_of(i) == group)
			return true;
	}
	return false;
}

// A field that takes texts takes everything; nothing at all may always be left out.
static bool odd_class(const struct domain *d, const struct call_param *p)
{
	enum class_group group = group_of(p->class);

	return group != GROUP_NOTHING && !group_seen(d, GROUP_TEXT) && !group_seen(d, group);
}

static bool odd_value(const struct domain *d, const struct call_param *p)
{
	uint32_t hash = (uint32_t)(p->value >> 32), all = 0;

	if (p->value == 0 || d->n_values == 0 || d->n_values > DOMAIN_VALUES ||
	    group_of(p->class) == GROUP_NOTHING || is_number(p))
		return false;
	for (uint32_t i = 0; i < d->n_values; i++) {
		if (d->value[i] == hash || d->count[i] < VALUES_EACH)
			return false;
		all += d->count[i];
	}
	return all >= d->n_values * VALUES_FACTOR;
}

static uint32_t odd_number(const struct domain *d, double number)
{
	uint32_t odd = 0;

	if (number < 0 && !d->negatives)
		odd |= 1u << ODD_NEGATIVE;
	if (number == 0 && !d->zeros)
		odd |= 1u << ODD_ZERO;
	if (number > 0 && d->max > 0 && number >= 10 * d->max)
		odd |= 1u << ODD_LARGE;
	if (number < 0 && d->min < 0 && number <= 10 * d->min)
		odd |= 1u << ODD_LARGE;
	if (number > 0 && d->min > 0 && number * 10 <= d->min)
		odd |= 1u << ODD_SMALL;
	return odd;
}

uint32_t domain_judge(const struct domain *d, const struct call_param *p)
{
	uint32_t odd = 0;

	if (odd_class(d, p))
		odd |= 1u << ODD_CLASS;
	else if (odd_value(d, p))
		odd |= 1u << ODD_VALUE;
	// An identifier's size says nothing: the next one is the largest.
	if (is_number(p) && p->noun == 0 && (uint64_t)d->numbers * 10 >= (uint64_t)d->n * 9)
		odd |= odd_number(d, p->number);
	if (p->len > LENGTH_MIN && p->len / 4 >= domain_length(d))
		odd |= 1u << ODD_LENGTH;
	return odd;
}

uint32_t domain_length(const struct domain *d)
{
	uint64_t below = 0;

	for (uint32_t i = 0; i < DOMAIN_LENGTHS; i++) {
		below += d->length[i];
		if (below * 1000 >= (uint64_t)d->n * 999)
			return length_top(i);
	}
	return UINT32_MAX;
}

const char *domain_class_text(const struct domain *d)
{
	static const char *const texts[PARAM_CLASSES] = {
		[PARAM_EMPTY] = "empty",
		[PARAM_NULL] = "null",
		[PARAM_BOOL] = "true or false",
		[PARAM_INT] = "whole numbers",
		[PARAM_NUMBER] = "numbers",
		[PARAM_UUID] = "UUIDs",
		[PARAM_HEX] = "hexadecimal numbers",
		[PARAM_DATE] = "dates",
		[PARAM_EMAIL] = "email addresses",
		[PARAM_URL] = "URLs",
		[PARAM_TOKEN] = "random-looking texts",
		[PARAM_WORD] = "words",
		[PARAM_TEXT] = "texts",
	};
	uint32_t most = 0;

	for (uint32_t i = 1; i < PARAM_CLASSES; i++)
		most = d->class[i] > d->class[most] ? i : most;
	return texts[most];
}

const char *domain_value_text(uint32_t class)
{
	static const char *const texts[PARAM_CLASSES] = {
		[PARAM_EMPTY] = "nothing",
		[PARAM_NULL] = "null",
		[PARAM_BOOL] = "true or false",
		[PARAM_INT] = "a whole number",
		[PARAM_NUMBER] = "a number",
		[PARAM_UUID] = "a UUID",
		[PARAM_HEX] = "a hexadecimal number",
		[PARAM_DATE] = "a date",
		[PARAM_EMAIL] = "an email address",
		[PARAM_URL] = "a URL",
		[PARAM_TOKEN] = "a random-looking text",
		[PARAM_WORD] = "a word",
		[PARAM_TEXT] = "a text",
	};

	return class < PARAM_CLASSES ? texts[class] : "a text";
}

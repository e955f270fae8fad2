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

// ---- over a restart

// Of a list that is mostly zeros.
static void list_put(FILE *out, const uint32_t *list, uint32_t n)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < n; i++)
		used += list[i] != 0;
	blob_put(out, used, 1);
	for (uint32_t i = 0; i < n; i++) {
		if (list[i]) {
			blob_put(out, i, 1);
			blob_put(out, list[i], 4);
		}
	}
}

static void list_get(struct blob_reader *r, uint32_t *list, uint32_t n)
{
	uint64_t used = blob_get(r, 1);

	for (uint64_t i = 0; i < used && !r->bad; i++) {
		uint64_t at = blob_get(r, 1);

		if (at >= n)
			r->bad = true;
		else
			list[at] = (uint32_t)blob_get(r, 4);
	}
}

void domain_put(FILE *out, uint64_t id, const struct domain *d)
{
	blob_put(out, id, 8);
	blob_put(out, d->endpoint, 8);
	blob_put_double(out, d->min);
	blob_put_double(out, d->max);
	blob_put(out, d->n, 4);
	blob_put(out, d->repeated, 4);
	blob_put(out, d->n_values, 4);
	blob_put(out, d->numbers, 4);
	blob_put(out, d->negatives, 4);
	blob_put(out, d->zeros, 4);
	blob_put(out, d->known, 1);
	for (uint32_t i = 0; i < sizeof(d->users); i++)
		blob_put(out, d->users[i], 1);
	list_put(out, d->class, PARAM_CLASSES);
	list_put(out, d->length, DOMAIN_LENGTHS);
	list_put(out, d->value, DOMAIN_VALUES);
	list_put(out, d->count, DOMAIN_VALUES);
}

uint64_t domain_get(struct blob_reader *r, struct domain *d)
{
	uint64_t id = blob_get(r, 8);

	*d = (struct domain){.endpoint = blob_get(r, 8)};
	d->min = blob_get_double(r);
	d->max = blob_get_double(r);
	d->n = (uint32_t)blob_get(r, 4);
	d->repeated = (uint32_t)blob_get(r, 4);
	d->n_values = (uint32_t)blob_get(r, 4);
	d->numbers = (uint32_t)blob_get(r, 4);
	d->negatives = (uint32_t)blob_get(r, 4);
	d->zeros = (uint32_t)blob_get(r, 4);
	d->known = blob_get(r, 1) != 0;
	for (uint32_t i = 0; i < sizeof(d->users); i++)
		d->users[i] = (uint8_t)blob_get(r, 1);
	list_get(r, d->class, PARAM_CLASSES);
	list_get(r, d->length, DOMAIN_LENGTHS);
	list_get(r, d->value, DOMAIN_VALUES);
	list_get(r, d->count, DOMAIN_VALUES);
	r->bad |= d->n_values > DOMAIN_VALUES + 1;
	return r->bad ? 0 : id;
}

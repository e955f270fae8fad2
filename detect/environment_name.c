// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// See environment_name.h.

#include "detect/environment_name.h"

#include <string.h>

enum {
	LABELS = 16,
	KEY_WORDS = 3,  // parts at the beginning of a key that are looked at
	KEY_MIN = 16,   // bytes of one
	TEXT_MAX = 256, // bytes of a text that are looked at
};

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(uint8_t c)
{
	return span_lower(c) >= 'a' && span_lower(c) <= 'z';
}

// The word's number, or -1. A part is what stands between dashes, without digits behind it.
static int part_find(const struct conf_strs *words, struct span part)
{
	while (part.len && is_digit(part.p[part.len - 1]))
		part.len--;
	for (size_t i = 0; part.len && i < words->n && i < UINT8_MAX; i++) {
		if (span_ieq(part, span_make(words->v[i], strlen(words->v[i]))))
			return (int)i;
	}
	return -1;
}

static int label_find(const struct conf_strs *words, struct span label, bool whole)
{
	struct span rest = label;

	while (rest.len) {
		uint32_t n = 0;
		int found;

		while (n < rest.len && rest.p[n] != '-' && rest.p[n] != '_')
			n++;
		found = whole || n < label.len ? part_find(words, span_make(rest.p, n)) : -1;
		if (found >= 0)
			return found;
		n += n < rest.len;
		rest = span_make(rest.p + n, rest.len - n);
	}
	return -1;
}

static uint32_t labels_of(struct span rest, struct span labels[LABELS])
{
	uint32_t n = 0;

	while (rest.len && n < LABELS) {
		struct span label = span_until(rest, '.');

		labels[n++] = label;
		label.len += label.len < rest.len;
		rest = span_make(rest.p + label.len, rest.len - label.len);
	}
	return n;
}

static bool is_address(struct span name, const struct span *labels, uint32_t n)
{
	return (n && labels[n - 1].len && is_digit(labels[n - 1].p[0])) ||
	       (name.len && memchr(name.p, ':', name.len));
}

struct host_name environment_host(struct span name, const struct conf_strs *words,
				  const struct conf_strs *internal_names)
{
	struct host_name host = {.kind = HOST_PRODUCTION};
	struct span labels[LABELS];
	uint32_t n = labels_of(name, labels);

	if (is_address(name, labels, n))
		return host;
	for (uint32_t i = 0; i < n; i++) {
		// Of shop.example, "shop" is the domain's own name.
		bool domain = n >= 2 && i == n - 2;
		int word = n >= 2 && i == n - 1 ? -1 : label_find(words, labels[i], !domain);

		if (word >= 0 && host.kind != HOST_OTHER) {
			host.kind = HOST_OTHER;
			host.word = word;
		}
		host.internal |= !domain && part_find(internal_names, labels[i]) >= 0;
	}
	host.internal |= n == 1;
	return host;
}

// The number of a label of digits; 256: none.
static uint32_t octet(struct span label)
{
	uint32_t n = 0;

	if (label.len == 0 || label.len > 3)
		return 256;
	for (uint32_t i = 0; i < label.len; i++) {
		if (!is_digit(label.p[i]))
			return 256;
		n = n * 10 + (uint32_t)(label.p[i] - '0');
	}
	return n < 256 ? n : 256;
}

static bool is_private(const struct span labels[LABELS])
{
	uint32_t a = octet(labels[0]), b = octet(labels[1]);

	if (b > 255 || octet(labels[2]) > 255 || octet(labels[3]) > 255)
		return false;
	return a == 10 || (a == 192 && b == 168) || (a == 172 && b >= 16 && b < 32) ||
	       (a == 169 && b == 254);
}

bool environment_is_internal(struct span name, const struct conf_strs *internal_names)
{
	struct span labels[LABELS];
	uint32_t n = labels_of(name, labels);

	if (n == 4 && is_digit(name.p[0]))
		return is_private(labels);
	// "fd12:…" in brackets: a unique local address.
	if (name.len > 4 && name.p[0] == '[')
		return span_lower(name.p[1]) == 'f' &&
		       (span_lower(name.p[2]) == 'c' || span_lower(name.p[2]) == 'd') &&
		       memchr(name.p, ':', name.len);
	for (uint32_t i = 0; i < n; i++) {
		bool domain = i + 2 == n;

		for (uint32_t k = 0; k < labels[i].len; k++) {
			uint8_t c = labels[i].p[k];

			if (!is_digit(c) && !is_letter(c) && c != '-' && c != '_')
				return false;
		}
		if (labels[i].len == 0)
			return false;
		if (n >= 2 && !domain && part_find(internal_names, labels[i]) >= 0)
			return true;
	}
	return false;
}

int environment_word(struct span text, const struct conf_strs *words)
{
	uint32_t n;

	text.len = text.len < TEXT_MAX ? text.len : TEXT_MAX;
	for (; text.len; text = span_make(text.p + n, text.len - n)) {
		int word;

		for (n = 0; n < text.len && (is_letter(text.p[n]) || is_digit(text.p[n]));)
			n++;
		word = part_find(words, span_make(text.p, n));
		if (word >= 0)
			return word;
		n += n < text.len;
	}
	return -1;
}

int environment_key(struct span key, const struct conf_strs *words)
{
	if (key.len < KEY_MIN)
		return -1;
	// Only what a separator ends: "testimony…" is none.
	for (uint32_t k = 0; k < KEY_WORDS; k++) {
		uint32_t n = 0;
		int word;

		while (n < key.len && n < KEY_MIN && is_letter(key.p[n]))
			n++;
		if (n == 0 || n == key.len || (key.p[n] != '_' && key.p[n] != '-'))
			return -1;
		word = part_find(words, span_make(key.p, n));
		if (word >= 0)
			return word;
		key = span_make(key.p + n + 1, key.len - n - 1);
	}
	return -1;
}

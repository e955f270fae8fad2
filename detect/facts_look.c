// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What values look like, for facts.c. Worker; pure.

#include "detect/facts.h"

#include "detect/endpoint.h"
#include "detect/siphash.h"

enum {
	NUMBER_DIGITS = 18, // fit into 64 bits
	WORD_MAX = 64,
	URL_SCHEME = 16, // bytes of the longest that is looked for, with its colon
};

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

// Digits with a sign, a fraction, an exponent (RFC 8259 section 6). Digits beyond those that a
// double tells apart do not matter.
static bool number_of(struct span v, bool *whole, double *number)
{
	static const double tens[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8, 1e9,
				      1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};
	uint32_t i = v.p[0] == '-' || v.p[0] == '+', digits = 0, fraction = 0, beyond = 0;
	uint64_t first = 0; // the first digits, as many as fit
	double n;

	*whole = true;
	for (; i < v.len && is_digit(v.p[i]); i++, digits++) {
		if (digits < NUMBER_DIGITS)
			first = first * 10 + (uint64_t)(v.p[i] - '0');
		else
			beyond++;
	}
	if (i < v.len && v.p[i] == '.') {
		*whole = false;
		for (i++; i < v.len && is_digit(v.p[i]); i++, digits++) {
			if (digits < NUMBER_DIGITS) {
				first = first * 10 + (uint64_t)(v.p[i] - '0');
				fraction++;
			}
		}
	}
	n = (double)first / tens[fraction];
	for (; beyond; beyond--)
		n *= 10;
	if (digits && i + 1 < v.len && (v.p[i] | 0x20) == 'e') {
		bool down = v.p[i + 1] == '-';
		uint32_t power = 0;

		*whole = false;
		i += 1 + (v.p[i + 1] == '-' || v.p[i + 1] == '+');
		if (i == v.len)
			return false;
		for (; i < v.len && is_digit(v.p[i]); i++)
			power = power < 400 ? power * 10 + (uint32_t)(v.p[i] - '0') : power;
		for (power = power < 400 ? power : 400; power; power--)
			n = down ? n / 10 : n * 10;
	}
	*number = v.p[0] == '-' ? -n : n;
	return digits && i == v.len;
}

static bool is_word(struct span v)
{
	static const bool of_word[256] = {
		['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true,
		['-'] = true,         ['_'] = true,         ['.'] = true,
	};
	bool word = v.len <= WORD_MAX;

	for (uint32_t i = 0; word && i < v.len; i++)
		word = of_word[v.p[i]];
	return word;
}

// Words with a blank between them: nothing that has a blank is looked at more closely, but for times,
// which begin with a digit, and what has an address in it.
static bool is_prose(struct span v)
{
	return v.len <= WORD_MAX && !is_digit(v.p[0]) && memchr(v.p, ' ', v.len) &&
	       !memchr(v.p, '@', v.len);
}

bool facts_is_url(struct span v)
{
	uint32_t last = v.len < URL_SCHEME + 3 ? v.len : URL_SCHEME + 3; // with the slashes
	const uint8_t *colon = last > 3 ? memchr(v.p, ':', last - 3) : NULL;

	return colon && colon - v.p >= 2 && colon[1] == '/' && colon[2] == '/';
}

enum param_class facts_class(struct span v, double *number)
{
	static const uint8_t classes[] = {
		[SEGMENT_ID] = PARAM_WORD,     [SEGMENT_UUID] = PARAM_UUID,
		[SEGMENT_HEX] = PARAM_HEX,     [SEGMENT_DATE] = PARAM_DATE,
		[SEGMENT_EMAIL] = PARAM_EMAIL, [SEGMENT_TOKEN] = PARAM_TOKEN,
	};
	enum segment_class looks;
	bool whole, word;
	double n;

	*number = 0;
	if (v.len == 0)
		return PARAM_EMPTY;
	if ((span_lower(v.p[0]) == 't' && span_ieq(v, SPAN_LIT("true"))) ||
	    (span_lower(v.p[0]) == 'f' && span_ieq(v, SPAN_LIT("false"))))
		return PARAM_BOOL;
	if (v.len < 32 && (is_digit(v.p[0]) || v.p[0] == '-' || v.p[0] == '+') &&
	    number_of(v, &whole, &n)) {
		*number = n;
		return whole ? PARAM_INT : PARAM_NUMBER;
	}
	if (v.len > ENDPOINT_SEGMENT)
		return PARAM_TEXT;
	if (facts_is_url(v))
		return PARAM_URL;
	if (is_prose(v))
		return PARAM_TEXT;
	looks = endpoint_segment(v);
	word = is_word(v);
	if (looks == SEGMENT_WORD || looks == SEGMENT_ID)
		return word ? PARAM_WORD : PARAM_TEXT;
	return classes[looks];
}

enum param_class facts_id_class(struct span v)
{
	uint32_t digits = 0;

	if (endpoint_is_uuid(v))
		return PARAM_UUID;
	while (digits < v.len && is_digit(v.p[digits]))
		digits++;
	return digits == v.len ? PARAM_INT : v.len >= 16 ? PARAM_TOKEN : PARAM_WORD;
}

enum call_verb facts_verb(struct span method)
{
	static const struct {
		const char *name;
		enum call_verb verb;
	} verbs[] = {
		{"GET", VERB_GET},         {"HEAD", VERB_GET},    {"POST", VERB_POST},
		{"PUT", VERB_PUT},         {"PATCH", VERB_PATCH}, {"DELETE", VERB_DELETE},
		{"OPTIONS", VERB_OPTIONS},
	};

	for (uint32_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (method.len == strlen(verbs[i].name) &&
		    memcmp(method.p, verbs[i].name, method.len) == 0)
			return verbs[i].verb;
	}
	return VERB_OTHER;
}

uint64_t facts_value_hash(struct span value, uint64_t seed)
{
	if (value.len > FACTS_HASHED)
		value.len = FACTS_HASHED;
	return siphash_id(siphash_value(seed, 'o', value));
}

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// See session_id.h. Worker but for session_ids_*(); pure functions.

#include "detect/session_id.h"

#include "detect/exchange.h"
#include "detect/principal.h"
#include "detect/siphash.h"

#include <math.h>

enum {
	COOKIES_MAX = 16, // of a response, or of a request, that are looked at
	DECIMALS = 18,    // digits of a number
	HEXES = 15,
	TOKEN_MIN = 64,   // longer is a token, whatever it holds
};

// ---- one id

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(uint8_t c)
{
	return is_digit(c) || (span_lower(c) >= 'a' && span_lower(c) <= 'f');
}

static uint8_t chars_of(struct span value)
{
	bool digit = false, low_hex = false, up_hex = false, low = false, up = false, other = false;

	for (uint32_t i = 0; i < value.len; i++) {
		uint8_t c = value.p[i];

		digit |= is_digit(c);
		low_hex |= c >= 'a' && c <= 'f';
		up_hex |= c >= 'A' && c <= 'F';
		low |= c >= 'g' && c <= 'z';
		up |= c >= 'G' && c <= 'Z';
		other |= !is_hex(c) && !(span_lower(c) >= 'g' && span_lower(c) <= 'z');
	}
	// Letters up to f in both cases are those of a larger alphabet.
	low |= low_hex && up_hex;
	up |= low_hex && up_hex;
	return (uint8_t)((digit ? CHARS_DIGIT : 0) | (low_hex || up_hex ? CHARS_HEX : 0) |
			 (low || (low_hex && up) ? CHARS_LOWER : 0) |
			 (up || (up_hex && low) ? CHARS_UPPER : 0) | (other ? CHARS_OTHER : 0));
}

// The number at the end of an id: digits, or hexadecimal ones when they stand for themselves.
static struct span number_of(struct span value, bool *hex)
{
	uint32_t n = 0, h = 0;
	bool letters = false;

	while (n < value.len && n < DECIMALS && is_digit(value.p[value.len - 1 - n]))
		n++;
	while (h < value.len && h < HEXES && is_hex(value.p[value.len - 1 - h])) {
		letters |= !is_digit(value.p[value.len - 1 - h]);
		h++;
	}
	*hex = letters && h > 1 &&
	       (h == value.len || h == HEXES ||
		!(span_lower(value.p[value.len - 1 - h]) >= 'g' &&
		  span_lower(value.p[value.len - 1 - h]) <= 'z'));
	if (*hex)
		n = h;
	return span_make(value.p + value.len - n, n);
}

void session_id_read(struct session_id *out, struct span name, struct span value, uint64_t salt)
{
	// A name of the node behind the id: "4711.node2" (Tomcat's jvmRoute).
	const uint8_t *dot = value.len ? memrchr(value.p, '.', value.len) : NULL;
	struct span head = value, number;
	uint64_t sum = 0;
	bool hex;

	if (dot && dot > value.p)
		head = span_make(value.p, (size_t)(dot - value.p));
	number = number_of(head, &hex);
	*out = (struct session_id){
		.cookie = session_name(name),
		.whole = siphash_id(siphash(salt, 'w', value)),
		.len = value.len,
		.chars = chars_of(value),
		.name_len = (uint8_t)(name.len < SESSION_ID_NAME ? name.len : SESSION_ID_NAME),
	};
	memcpy(out->name, name.p, out->name_len);
	if (number.len == 0)
		return;
	for (uint32_t i = 0; i < number.len; i++) {
		uint8_t c = span_lower(number.p[i]);

		sum = sum * (hex ? 16 : 10) + (uint64_t)(is_digit(c) ? c - '0' : c - 'a' + 10);
	}
	out->rest = siphash(salt, hex ? 'x' : 'd', span_make(head.p, head.len - number.len));
	out->rest = siphash_id(
		siphash(out->rest, 't', span_make(head.p + head.len, value.len - head.len)));
	out->number = sum + siphash_id(siphash_number(salt ^ out->rest, 'n', 0));
}

// ---- those of a response

static bool client_has(const struct exchange *x, struct span wanted)
{
	struct span rest = http_header(x->tx, CLIENT, HEADER_COOKIE), name, value;

	for (uint32_t k = 0; k < COOKIES_MAX && principal_cookie(&rest, &name, &value); k++) {
		if (span_ieq(name, wanted))
			return true;
	}
	return false;
}

uint32_t session_ids_read(const struct exchange *x, const struct principal *p,
			  struct session_id out[SESSION_IDS_SET])
{
	const struct http_msg *msg = &x->tx->msg[SERVER];
	bool signed_in = x->login && x->login_result == LOGIN_SUCCESS;
	struct span field_name, field;
	uint32_t pos = 0, n = 0;

	if (x->half || x->tx->paired_by_guess || x->tx->status / 100 > 3)
		return 0;
	for (uint32_t k = 0; k < COOKIES_MAX && n < SESSION_IDS_SET &&
			     http_header_next(msg, &pos, &field_name, &field);) {
		struct span pair, name, value;
		bool session;

		if (!span_ieq(field_name, SPAN_LIT("Set-Cookie")))
			continue;
		k++;
		pair = span_until(field, ';');
		if (!principal_cookie(&pair, &name, &value) || principal_is_empty(value) ||
		    value.len > TOKEN_MIN)
			continue;
		session = principal_session_listed(name, p->options) ||
			  session_names_has(&p->learnt, name) ||
			  (signed_in && principal_session_name(name));
		// A sign-in may make a new one for who had one; else it is the old one, or counts.
		if (session && (signed_in || !client_has(x, name)))
			session_id_read(&out[n++], name, value, p->salt);
	}
	return n;
}

// ---- all of a cookie

bool session_ids_add(struct session_ids *s, const struct session_id *id, uint64_t step)
{
	uint64_t least = UINT64_MAX;

	if (s->ids == SESSION_IDS_ROUND)
		*s = (struct session_ids){0};
	for (uint32_t i = 0; i < SESSION_IDS_SEEN; i++) {
		uint64_t up = id->number - s->number[i];

		if (s->whole[i] == id->whole)
			return false;
		if (id->rest && s->rest[i] == id->rest && up && up < least)
			least = up;
	}
	if (least <= step) {
		s->next++;
		s->step_sum += least;
	}
	s->whole[s->at] = id->whole;
	s->rest[s->at] = id->rest;
	s->number[s->at] = id->number;
	s->at = (uint8_t)((s->at + 1) % SESSION_IDS_SEEN);
	if (s->ids == 0) {
		s->shortest = id->len;
		s->name_len = id->name_len;
		memcpy(s->name, id->name, sizeof(s->name));
	}
	s->ids++;
	s->longest = id->len > s->longest ? id->len : s->longest;
	s->shortest = id->len < s->shortest ? id->len : s->shortest;
	s->chars |= id->chars;
	return true;
}

double session_ids_bits(const struct session_ids *s)
{
	uint32_t letters = s->chars & (CHARS_LOWER | CHARS_UPPER), alphabet = 0;

	alphabet += s->chars & CHARS_DIGIT ? 10 : 0;
	if (letters)
		alphabet += letters == (CHARS_LOWER | CHARS_UPPER) ? 52 : 26;
	else if (s->chars & CHARS_HEX)
		alphabet += 6;
	alphabet += s->chars & CHARS_OTHER ? 2 : 0;
	return alphabet ? s->longest * log2(alphabet) : 0;
}

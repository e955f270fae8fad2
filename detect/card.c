// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Issuer identification numbers by network (ISO/IEC 7812-1; the ranges are those that the
// networks publish for merchants) and the lengths that each issues. Pure functions.

#include "detect/card.h"

#include "detect/check.h"

struct card_range {
	uint32_t first, last; // of the first six digits
	uint32_t lengths;     // bit n: n digits
	bool narrow;
};

#define LEN(n) (UINT32_C(1) << (n))

static const struct card_range card_ranges[] = {
	// JCB's old fifteen-digit numbers
	{180000, 180099, LEN(15), true},
	{213100, 213199, LEN(15), true},
	// UATP
	{100000, 199999, LEN(15), false},
	// Mastercard
	{222100, 272099, LEN(16), true},
	{510000, 559999, LEN(16), true},
	// Diners Club
	{300000, 305999, LEN(14) | LEN(16), true},
	{309500, 309599, LEN(14) | LEN(16), true},
	{360000, 369999, LEN(14), true},
	{380000, 399999, LEN(14) | LEN(16), true},
	// American Express
	{340000, 349999, LEN(15), true},
	{370000, 379999, LEN(15), true},
	// JCB, with what was issued around its range
	{350000, 359999, LEN(16), true},
	// Visa
	{400000, 499999, LEN(13) | LEN(16) | LEN(19), true},
	// Maestro
	{501800, 501899, LEN(12) | LEN(13) | LEN(15) | LEN(16) | LEN(19), true},
	{501900, 501999, LEN(16), true},
	{502000, 502099, LEN(12) | LEN(13) | LEN(15) | LEN(16) | LEN(19), true},
	{503800, 503899, LEN(12) | LEN(13) | LEN(15) | LEN(16) | LEN(19), true},
	{589300, 589399, LEN(16) | LEN(19), true},
	{630400, 630499, LEN(12) | LEN(13) | LEN(15) | LEN(16) | LEN(19), true},
	{675900, 675999, LEN(16) | LEN(18) | LEN(19), true},
	{676100, 676399, LEN(12) | LEN(13) | LEN(15) | LEN(16) | LEN(19), true},
	{500000, 509999, LEN(16), false},
	{560000, 589999, LEN(12) | LEN(13) | LEN(14) | LEN(15) | LEN(16) | LEN(19), false},
	{639000, 639099, LEN(16), false},
	{670000, 679999, LEN(16), false},
	// Discover
	{601100, 601199, LEN(16) | LEN(19), true},
	{644000, 659999, LEN(16) | LEN(19), true},
	// UnionPay
	{620000, 629999, LEN(16) | LEN(17) | LEN(18) | LEN(19), true},
	{810000, 817199, LEN(16) | LEN(19), false},
	// RuPay, Mir
	{606900, 608599, LEN(16), false},
	{220000, 220499, LEN(16) | LEN(19), false},
};

static bool card_issued(const uint8_t *p, uint32_t n, bool narrow)
{
	uint32_t iin;

	if (n < 12 || n > 19)
		return false;
	iin = (uint32_t)check_number(p, 6);
	for (uint32_t i = 0; i < sizeof(card_ranges) / sizeof(card_ranges[0]); i++) {
		const struct card_range *r = &card_ranges[i];

		if (iin >= r->first && iin <= r->last && r->lengths >> n & 1 &&
		    (r->narrow || !narrow))
			return true;
	}
	return false;
}

bool card_valid(const uint8_t *p, uint32_t n)
{
	return check_luhn(p, n) && card_issued(p, n, false);
}

bool card_valid_narrow(const uint8_t *p, uint32_t n)
{
	return check_luhn(p, n) && card_issued(p, n, true);
}

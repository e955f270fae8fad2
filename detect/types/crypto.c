// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Addresses of crypto currencies. Bitcoin: Base58Check (double SHA-256) and Bech32 or Bech32m
// (BIP 173, BIP 350). Ethereum: 20 bytes in hex; capitals are a check (EIP-55), one case has none.

#include "detect/check.h"
#include "detect/digest.h"
#include "detect/issue.h"

enum { BASE58_BYTES = 25, BECH_MIN = 42, BECH_MAX = 62 };

static bool base58check(const uint8_t *p, uint32_t n)
{
	static const char alphabet[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
	uint8_t raw[BASE58_BYTES] = {0}, digest[DIGEST_BYTES];

	// No digit of the alphabet, but of most that is none of these; and those that are left are
	// nearly all written in hex.
	if (memchr(p, '0', n) || check_all(p, n, CLASS_HEX))
		return false;
	for (uint32_t i = 0; i < n; i++) {
		const char *at = strchr(alphabet, p[i]);
		uint32_t carry;

		if (!at)
			return false;
		carry = (uint32_t)(at - alphabet);
		for (uint32_t j = BASE58_BYTES; j-- > 0;) {
			carry += raw[j] * 58u;
			raw[j] = (uint8_t)carry;
			carry >>= 8;
		}
		if (carry)
			return false;
	}
	digest_sha256(raw, BASE58_BYTES - 4, digest);
	digest_sha256(digest, DIGEST_BYTES, digest);
	return memcmp(digest, raw + BASE58_BYTES - 4, 4) == 0;
}

// "bc", separator "1", data; one case.
static bool bech32(const uint8_t *p, uint32_t n)
{
	static const char alphabet[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
	static const uint32_t generator[5] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd,
					      0x2a1462b3};
	// The expanded prefix "bc".
	static const uint8_t prefix[5] = {3, 3, 0, 2, 3};
	uint32_t sum = 1, version = 0;
	bool lower = check_is(p[0], CLASS_LOWER);

	for (uint32_t i = 0; i < 5 + n - 3; i++) {
		uint32_t v, top = sum >> 25;

		if (i < 5) {
			v = prefix[i];
		} else {
			uint8_t c = p[i - 2];
			const char *at;

			if (check_is(c, lower ? CLASS_UPPER : CLASS_LOWER))
				return false;
			at = strchr(alphabet, span_lower(c));
			if (!at)
				return false;
			v = (uint32_t)(at - alphabet);
			if (i == 5)
				version = v;
		}
		sum = (sum & 0x1ffffff) << 5 ^ v;
		for (uint32_t j = 0; j < 5; j++)
			sum ^= top >> j & 1 ? generator[j] : 0;
	}
	return sum == (version ? 0x2bc830a3 : 1);
}

static struct span check_btc(const struct candidate *c)
{
	struct span v = span_make(c->runs[0].p, c->runs[0].len);
	const uint8_t *p = v.p;

	if (v.len <= 35 && (p[0] == '1' || p[0] == '3'))
		return base58check(p, v.len) && check_alone(c->text, v) ? v : (struct span){0};
	if (v.len >= BECH_MIN && v.len <= BECH_MAX && (p[0] | 0x20) == 'b' &&
	    (p[1] | 0x20) == 'c' && p[2] == '1')
		return bech32(p, v.len) && check_alone(c->text, v) ? v : (struct span){0};
	return (struct span){0};
}

static bool eip55(const uint8_t *hex)
{
	uint8_t lower[40], digest[DIGEST_BYTES];

	for (uint32_t i = 0; i < 40; i++)
		lower[i] = span_lower(hex[i]);
	digest_keccak256(lower, 40, digest);
	for (uint32_t i = 0; i < 40; i++) {
		uint32_t nibble = digest[i / 2] >> (i % 2 ? 0 : 4) & 15;

		if (check_is(hex[i], CLASS_ALPHA) && check_is(hex[i], CLASS_UPPER) != (nibble >= 8))
			return false;
	}
	return true;
}

static struct span check_eth(const struct candidate *c)
{
	struct span v = span_make(c->runs[0].p, c->runs[0].len);
	bool upper = false, lower = false;

	if (memcmp(v.p, "0x", 2) != 0 || !check_all(v.p + 2, 40, CLASS_HEX) ||
	    memcmp(v.p + 2, "00000000", 8) == 0 || check_uniform(v.p + 2, 40))
		return (struct span){0};
	for (uint32_t i = 2; i < 42; i++) {
		upper |= check_is(v.p[i], CLASS_UPPER);
		lower |= check_is(v.p[i], CLASS_LOWER);
	}
	if (upper && lower && !eip55(v.p + 2))
		return (struct span){0};
	return check_alone(c->text, v) ? v : (struct span){0};
}

static const char *const btc_context[] = {"btc", "bitcoin", "wallet", "crypto", NULL};

static const struct type_sample btc_samples[] = {
	{NULL, "1MTHuTegSztMZXmANZmsNujMX9Y6v2n3fn", true},
	{NULL, "send to 3NXu1w4fNSd91bj5WK1WRTHJ9xGgrU6JjN please", true},
	{NULL, "bc1q3ddemvxp8keyy4kg9x4rvj4fp3kjaw33y890zs", true},
	{NULL, "bc1pqnh67zq0tgl8fcwzn5w2dfy9dyuzew7dxf8g6kwjhql0y8qrnuqq2y7avf", true},
	{NULL, "1MTHuTegSztMZXmANZmsNujMX9Y6v2n3fm", false},
	{NULL, "bc1q3ddemvxp8keyy4kg9x4rvj4fp3kjaw33y890zt", false},
	{NULL, "3f7a1c9e2b8d4f60a5c7e9b1d3f5a7c9", false},
	{0},
};

static const struct datatype crypto_btc = {
	.id = "crypto.btc",
	.title = "Bitcoin address",
	.group = GROUP_FINANCIAL,
	.country = "any",
	.tags = TAG_GDPR | TAG_APPI,
	.reports = REPORTS_YES,
	.severity = SEVERITY_LOW,
	.personal = true,
	.context = btc_context,
	.run_min = 26,
	.run_max = 35,
	.run_mixed = RUN_LEN(42) | RUN_LEN(62),
	.digits_min = 2,
	.run_first = "13bB",
	.check = check_btc,
	.samples = btc_samples,
};
DATATYPE_REGISTER(crypto_btc)

static const char *const eth_context[] = {"eth", "ethereum", "wallet", "crypto", NULL};

static const struct type_sample eth_samples[] = {
	{NULL, "0x8f3cf7ad23cd3cadbd9735aff958023239c6a063", true},
	{"wallet", "to 0x8F3CF7AD23CD3CADBD9735AFF958023239C6A063.", true},
	{NULL, "0x0000000000000000000000000000000000000000", false},
	{NULL, "0x8f3cf7ad23cd3cadbd9735aff958023239c6a06", false},
	{NULL, "0x8f3cF7ad23cd3cadbd9735aff958023239c6a063", false},
	{0},
};

static const struct datatype crypto_eth = {
	.id = "crypto.eth",
	.title = "Ethereum address",
	.group = GROUP_FINANCIAL,
	.country = "any",
	.tags = TAG_GDPR | TAG_APPI,
	.reports = REPORTS_YES,
	.severity = SEVERITY_LOW,
	.personal = true,
	.context = eth_context,
	.run_mixed = RUN_LEN(42),
	.digits_min = 2,
	.run_form = "9A",
	.run_first = "0",
	.check = check_eth,
	.samples = eth_samples,
};
DATATYPE_REGISTER(crypto_eth)

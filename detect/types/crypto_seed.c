// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Recovery phrases of wallets (BIP-39): 12, 15, 18, 21 or 24 words of one list, eleven bits each,
// the last of which are the beginning of the SHA-256 of the others. Found by a name that says so,
// of the field or in the text before them; ordinary sentences have no dozen words of the list in a
// row.

#include "detect/check.h"
#include "detect/digest.h"
#include "detect/issue.h"
#include "detect/types/bip39.h"

enum { WORDS_MIN = 12, WORDS_MAX = 24, ENTROPY_MAX = 33, LEAD_MAX = 40 };

struct phrase {
	uint16_t index[WORDS_MAX];
	uint32_t end[WORDS_MAX]; // of each word, from the first one's start
	uint32_t n;
};

static void read_words(const uint8_t *p, const uint8_t *end, struct phrase *f)
{
	const uint8_t *start = p;

	f->n = 0;
	while (f->n < WORDS_MAX) {
		uint32_t len = check_right(p, end, CLASS_LOWER);
		int place = bip39_index(p, len);

		if (place < 0)
			return;
		f->index[f->n] = (uint16_t)place;
		p += len;
		f->end[f->n++] = (uint32_t)(p - start);
		if (end - p < 2 || *p != ' ')
			return;
		p++;
	}
}

// Whether the first n words carry their check bits.
static bool checks(const struct phrase *f, uint32_t n)
{
	uint8_t raw[ENTROPY_MAX] = {0}, digest[DIGEST_BYTES];
	uint32_t bits = n * 11, check = n / 3, bytes = (bits - check) / 8;
	uint8_t last;

	for (uint32_t i = 0; i < bits; i++) {
		if (f->index[i / 11] >> (10 - i % 11) & 1)
			raw[i / 8] |= (uint8_t)(0x80 >> i % 8);
	}
	last = raw[bytes];
	digest_sha256(raw, bytes, digest);
	return (digest[0] ^ last) >> (8 - check) == 0;
}

static struct span phrase_at(struct span text, const uint8_t *p)
{
	struct phrase f;

	read_words(p, text.p + text.len, &f);
	for (uint32_t n = f.n - f.n % 3; n >= WORDS_MIN; n -= 3) {
		if (checks(&f, n))
			return span_make(p, f.end[n - 1]);
	}
	return (struct span){0};
}

static struct span check(const struct candidate *c)
{
	const uint8_t *end = c->text.p + c->text.len, *p = c->at;

	if (p == c->text.p) // told by the field's name
		return phrase_at(span_trim(c->text), span_trim(c->text).p);
	// Told by words before it: "mnemonic: …", "your recovery phrase is …".
	for (; p < end && p - c->at < LEAD_MAX; p++) {
		struct span v;

		if (!check_is(*p, CLASS_LOWER) || check_is(p[-1], CLASS_ALNUM))
			continue;
		v = phrase_at(c->text, p);
		if (v.len)
			return v;
	}
	return (struct span){0};
}

static uint32_t mask(struct span, uint8_t *out, uint32_t out_len)
{
	uint32_t n = out_len < 8 ? out_len : 8;

	memset(out, '*', n);
	return n;
}

static const char *const context[] = {
	"mnemonic",
	"seed phrase",
	"recovery phrase",
	"backup phrase",
	"secret phrase",
	"seed words",
	"wallet seed",
	"recovery words",
	"ニーモニック",
	"シードフレーズ",
	"リカバリーフレーズ",
	"助记词",
	NULL,
};

#define TWELVE "disorder special chest finish stay raccoon novel wood range panic hazard neck"

static const struct type_sample samples[] = {
	{"mnemonic", TWELVE, true},
	{NULL, "Your recovery phrase is " TWELVE ", keep it safe", true},
	{"mnemonic",
	 "disorder special chest finish stay raccoon novel wood range panic hazard able", false},
	{"mnemonic", "disorder special chest finish stay raccoon", false},
	{"seed_phrase", "the phrase is made of twelve words that nobody else may ever see again",
	 false},
	{NULL, TWELVE, false},
	{0},
};

static const struct datatype crypto_seed = {
	.id = "crypto.seed",
	.title = "Wallet recovery phrase",
	.group = GROUP_SECRET,
	.country = "any",
	.rule = "BIP-39: word list, check bits of SHA-256",
	.reports = REPORTS_YES,
	.severity = SEVERITY_CRITICAL,
	.personal = true,
	.context = context,
	.pattern = "mnemonic|y phrase|d phrase|t phrase|p phrase",
	.pattern_flags = 1, // HS_FLAG_CASELESS
	.key_only = true,
	.check = check,
	.mask = mask,
	.samples = samples,
};
DATATYPE_REGISTER(crypto_seed)

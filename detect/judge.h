// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What detectors that judge from calls share: points of confidence, who a source is, and numbers
// of a saved blob. No state. Merger's thread.

#pragma once

#include "detect/detector.h"
#include "detect/siphash.h"

#include <errno.h>
#include <stdio.h>

enum { JUDGE_SURE = 95 }; // nothing that is only counted is surer than this

// So many points, but not beyond JUDGE_SURE in all.
static inline void judge_term(struct issue_draft *draft, const char *name, int points)
{
	if (draft->n_terms == ISSUE_MAX_TERMS)
		return;
	if ((int)draft->confidence + points > JUDGE_SURE)
		points = JUDGE_SURE - (int)draft->confidence;
	if ((int)draft->confidence + points < 0)
		points = -(int)draft->confidence;
	if (points == 0)
		return;
	draft->terms[draft->n_terms++] = (struct issue_term){name, points};
	draft->confidence = (uint32_t)((int)draft->confidence + points);
}

// Identities of the merger's own, under the secret that the first endpoint's identity is: the same
// on any number of workers, and nobody can choose what meets in a table.
static inline uint64_t judge_id(uint64_t *key, const struct call *call, uint64_t what,
				const void *bytes, size_t len)
{
	if (*key == 0)
		*key = siphash_id(call->endpoint);
	return siphash_id(siphash(*key, what, span_make(bytes, len)));
}

// An IPv4 address, or the network of 64 bits that one customer has in IPv6 (RFC 6177, RFC 4291
// section 2.5.4).
static inline uint64_t judge_source(uint64_t *key, const struct call *call)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	bool v4 = memcmp(call->client, mapped, sizeof(mapped)) == 0;

	return judge_id(key, call, 's', call->client, v4 ? 16 : 8);
}

static inline uint64_t judge_host(uint64_t *key, const struct call *call,
				  const struct merged_endpoint *e)
{
	return judge_id(key, call, 'h', e->host, strlen(e->host));
}

// Of two identities, one.
static inline uint64_t judge_pair(uint64_t a, uint64_t b)
{
	uint64_t mix = (a ^ a >> 29) * UINT64_C(0xbf58476d1ce4e5b9) ^ b;

	mix = (mix ^ mix >> 32) * UINT64_C(0x94d049bb133111eb);
	return siphash_id(mix ^ mix >> 31);
}

// The response was seen, and says that the server refused or failed.
static inline bool judge_failed(const struct call *call)
{
	return call->status >= 400 && call->status <= 599;
}

// Does the text begin with the word, letters of any case?
static inline bool judge_begins(const char *text, const char *word)
{
	for (; *word; text++, word++) {
		if (span_lower((uint8_t)*text) != (uint8_t)*word)
			return false;
	}
	return true;
}

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The table of issues: findings and judgements of one detector about one key become one issue,
// which owns copies of all that it shows. What changed waits in a list until it is due and is
// then handed out. Merger's thread only.

#pragma once

#include "detect/detect.h"
#include "detect/idset.h"
#include "detect/incident.h"
#include "detect/known.h"

enum {
	ISSUES_WITH_EVIDENCE = 2000,       // the first so many; later ones have none
	ISSUES_EVIDENCE_BYTES = 256 << 20, // of all together
};

struct issue_record;

struct issues {
	struct idset quiet; // findings that need no more evidence, as in snapshots
	bool full;          // no more evidence is kept
	issue_fn fn; // may be NULL
	void *arg;
	uint64_t seed, update_ns;
	uint32_t max;
	const struct known *known; // names of the endpoints in histories
	struct incidents *incidents; // NULL: issues stand alone
	struct issue_related related[ISSUE_MAX_RELATED]; // of the issue that is being told

	struct idmap map;
	struct issue_record **list; // owned, in order of creation
	uint32_t n, room;
	struct issue_record *changed, **changed_end; // not told yet, in order of their change
	uint64_t evidence_bytes;
	uint64_t created, updated, lost; // told as created, told as updated, not kept
};

// What is known of one finding or judgement. Everything is borrowed.
struct issue_facts {
	const struct detector *detector;
	const void *options; // of the detector, for describe()
	uint64_t key;
	uint64_t count, first_ns, last_ns;
	const struct merged_endpoint *endpoint;   // NULL: unknown
	const struct merged_principal *principal; // NULL: unknown
	const uint8_t *client;            // address that the judged call came from; NULL: unknown
	const struct finding *finding;    // joined; or for a judgement evidence of it, or NULL
	const struct issue_draft *judged; // NULL: the finding speaks for itself
	const struct known_call *history; // the principal's calls up to that moment, oldest first
	uint32_t n_history;
};

// Memory of so many issues, without ISSUES_EVIDENCE_BYTES.
size_t issues_bytes(uint32_t max, uint32_t history);
void issues_init(struct issues *t, uint64_t seed, uint32_t max, uint32_t update_s);
// Forgets all issues. What was counted starts anew.
void issues_clear(struct issues *t);
bool issues_has(const struct issues *t, const struct detector *detector, uint64_t key);
// Creates or updates the issue (detector, key). Nothing is handed out yet.
void issues_put(struct issues *t, const struct issue_facts *facts, uint64_t now_ns);
// May the issue have more evidence?
bool issues_wants(const struct issues *t, const struct detector *detector, uint64_t key);
// The issue is not told for the first time before it is let go.
void issues_hold(struct issues *t, const struct detector *detector, uint64_t key, bool hold);
// Evidence that was asked for: what facts->finding says of its exchange.
void issues_evidence(struct issues *t, const struct issue_facts *facts);
// Hands out what is due; all: everything that changed.
void issues_tell(struct issues *t, uint64_t now_ns, bool all);
void issues_foreach(struct issues *t, issue_fn fn, void *arg);

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Private to the table of issues: what it knows of one beside what is told.

#pragma once

#include "detect/issues.h"
#include "detect/keep.h"

struct issue_record {
	struct issue issue;
	const struct detector *detector;
	uint64_t key;
	uint64_t endpoint; // that the target is about
	struct keep keep, texts;
	uint64_t table_id, incident; // incident: 0: none
	uint64_t told_ns;
	double told_value; // of the metric
	bool told, changed, urgent, with_evidence, held;
	struct issue_record *changed_next;
	uint64_t evidence_ns, evidence_order; // of the exchange that was taken in last
	uint64_t type_field[ISSUE_MAX_TYPES];
	uint16_t type_index[ISSUE_MAX_TYPES];
};

// Brings it to the incident that it belongs to, with what waited for that (issues_tell.c).
void issue_incident(struct issues *t, struct issue_record *r, const struct issue_facts *facts);

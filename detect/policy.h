// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The operator's word on where a data type may appear: list section "policies". Immutable once it
// is read. The first policy that matches decides.
//
// Data goes to somebody: of a response that is the client, of a request the server. A restricted
// type may go to addresses of its networks, and to its consumers: users as issues show them, or of
// requests the host. Of two lists both must agree.

#pragma once

#include "conf/conf.h"
#include "detect/exchange.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum policy_action {
	POLICY_PROHIBITED = 0,
	POLICY_ALLOWED,
	POLICY_RESTRICTED, // allowed where networks and consumers say, else prohibited
};

enum policy_direction {
	POLICY_RESPONSE = 0,
	POLICY_REQUEST,
	POLICY_BOTH,
};

// One element of the list, as in the file.
struct policy {
	const char *type;
	uint32_t action, direction;
	const char *host, *path; // globs; path is matched against the endpoint's template
	uint32_t severity;       // enum severity
	const char *name;        // "" when not given
	// Restricted: who may receive the data. An empty list says nothing.
	struct conf_strs networks;  // CIDR
	struct conf_strs consumers; // globs
};

extern const struct conf_section policy_section;

struct policies;
struct detect_worker;
struct detector;

enum { POLICY_ARG = 0 }; // of struct finding: const struct policy *, which outlives all findings

// Are all types of the policies in the registry? Those that types.own got after the start are not;
// each of them is printed, "file:line: key: …".
bool policies_known(const struct conf *conf, FILE *err);
// NULL: out of memory.
struct policies *policies_new(const struct conf *conf);
void policies_free(struct policies *policies);
// The policy that decides about this type here, NULL: none does. Worker.
const struct policy *policies_match(const struct policies *policies, uint16_t type, enum dir dir,
				    const struct exchange *x);
// A policy that is broken here: the type is prohibited, or restricted to others than those who
// receive it. NULL: none is. Not known who receives it: it is not broken.
const struct policy *policies_broken(const struct policies *policies, uint16_t type, enum dir dir,
				     const struct exchange *x);
// Those of a worker.
const struct policies *worker_policies(const struct detect_worker *w);

// The findings of a detector: hits that break a policy with that action. Worker.
void policy_findings(const struct detector *self, struct detect_worker *w, const struct exchange *x,
		     enum policy_action action);

// '*' stands for any bytes, '?' for one. Case of ASCII letters counts unless fold is set.
bool policy_glob(const char *glob, struct span text, bool fold);

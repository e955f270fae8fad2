// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The half of D-05 that judges by shares: which endpoints ask for credentials, which never do, and
// the first success without any at one that always asked. Merger's thread.

#pragma once

#include "conf/conf.h"
#include "detect/detector.h"
#include "detect/lru.h"

struct auth_share_options {
	struct conf_strs public_paths; // globs
	uint32_t min_ok, min_asking;
	double asking, alike;
	bool open_reads;
};

// Of an endpoint; zeroed at the start.
struct auth_share {
	uint32_t ok, bare;      // 2xx seen whole; bare: without credentials
	uint32_t bare_alike;    // since it asks: with a body like that of the others
	uint64_t told_ns;
	double size, size2;     // sums of log2 of sizes with credentials, and of their squares
	bool asks;              // hardly any success without credentials, and enough of them
	bool counted;           // among its host's open endpoints
	bool looked, excluded;  // by its path
};

// Of a host.
struct auth_share_host {
	uint32_t asking, open; // endpoints
	uint64_t told_ns;
};

struct auth_share_state {
	struct lru hosts;
};

// A call of an endpoint. known: the endpoint has an issue about data already. self's key of an
// endpoint is its id.
void auth_share_call(const struct detector *self, const struct auth_share_options *o,
		     struct merger *m, struct auth_share_state *s, struct auth_share *area,
		     const struct call *call, bool known);
// Is this path meant for everybody, by the list or by custom?
bool auth_share_excluded(const struct auth_share_options *o, const struct merged_endpoint *e);
// The endpoint is learnt anew: its host has one less.
void auth_share_forget(struct auth_share_state *s, const struct auth_share *area,
		       const struct merged_endpoint *e);

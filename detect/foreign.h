// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Use of an object that was never given to the caller, at a parameter that everybody else uses for
// objects of his own: what D-02 (reads) and D-20 (writes) have in common. Merger's thread.
//
//	call ─► identifiers that are foreign (objects.h) ─► suspects[principal, endpoint] ─► verdict
//
// One foreign object is enough when somebody else is known to have had it. What nobody is known to
// have had may be older than what we know: then there must be several. Who just came may follow a
// link that somebody sent: then there must be two. Refusals count when there are several.

#pragma once

#include "detect/detector.h"
#include "detect/objects.h"

enum { FOREIGN_KEPT = 8 };

struct foreign_options {
	uint32_t unknown, refused, max_suspects;
};

// The first FOREIGN_KEPT different ones of each sort, in short.
struct foreign_set {
	uint32_t n;
	uint32_t id[FOREIGN_KEPT];
};

struct foreign_suspect {
	struct foreign_set taken, unknown, refused; // taken: of others
	struct foreign_set owners;
	uint64_t owner; // the first one
};

struct foreign {
	struct lru suspects;
};

struct foreign_verdict {
	bool raise, success;
	const struct objects_view *view; // of the object that it is about
	const struct foreign_suspect *who;
};

int foreign_init(struct foreign *f, const struct foreign_options *options);
void foreign_fini(struct foreign *f);
size_t foreign_bytes(const struct foreign_options *options);
// Do the calls of this kind change what they name?
bool foreign_writes(const struct call *call, const struct merged_endpoint *e);
// The key of the issue of one caller at one endpoint.
uint64_t foreign_key(const struct call *call);
// Looks at the identifiers of the call.
struct foreign_verdict foreign_judge(struct foreign *f, const struct foreign_options *options,
				     const struct objects *objects, const struct call *call,
				     bool writes);
// Confidence with its terms, metric and what happened. what: "read", "changed".
void foreign_draft(struct issue_draft *draft, const struct foreign_verdict *v, struct merger *m,
		   const struct call *call, const char *what);

// A named part of the confidence.
void foreign_term(struct issue_draft *draft, const char *name, double points);

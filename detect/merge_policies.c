// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Policies that were read after the start, and how long the old ones live. Merger's thread.

#include "detect/merge.h"

#include "detect/policy.h"

#include <stdlib.h>

bool merger_policies(struct merger *m, struct conf *conf)
{
	struct merger_policies *p = calloc(1, sizeof(*p));

	if (!p)
		return false;
	p->policies = policies_new(conf);
	if (!p->policies) {
		free(p);
		return false;
	}
	p->conf = conf;
	p->older = m->policies;
	m->policies = p;
	m->policies_changed = true;
	return true;
}

const struct policies *merge_policies_newest(const struct merger *m)
{
	return m->policies ? m->policies->policies : NULL;
}

// May a worker still read these, or has it found something by them that is not merged yet? Whoever
// did an epoch after the one in which a snapshot was replaced has done with it, and so have we
// with what it found.
static bool policies_used(const struct merger *m, const struct policies *p, uint32_t oldest)
{
	for (uint32_t i = 0; i < MERGER_SNAPSHOTS; i++) {
		const struct merger_snapshot *s = &m->snapshots[i];

		if (s->used && s->snapshot.policies == p &&
		    (s == m->published || (int32_t)(oldest - s->retired) <= 0))
			return true;
	}
	return false;
}

void merge_policies_sweep(struct merger *m, uint32_t oldest, bool all)
{
	struct merger_policies **at = &m->policies;

	if (*at && !all)
		at = &(*at)->older;
	while (*at) {
		struct merger_policies *p = *at;

		if (!all && policies_used(m, p->policies, oldest)) {
			at = &p->older;
			continue;
		}
		*at = p->older;
		policies_free(p->policies);
		conf_free(p->conf);
		free(p);
	}
}

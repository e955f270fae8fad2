// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What the detectors of broken policies (D-12, D-13) do alike: one finding per endpoint, direction,
// field and type, with the severity that the policy gives. Worker; nothing is learnt, the merger
// takes each finding as an issue.

#include "detect/datatype.h"
#include "detect/detector.h"
#include "detect/hits.h"
#include "detect/policy.h"
#include "detect/siphash.h"
#include "detect/worker.h"

void policy_findings(const struct detector *self, struct detect_worker *w, const struct exchange *x,
		     enum policy_action action)
{
	for (uint32_t i = 0; i < x->n_hits; i++) {
		const struct exchange_hit *hit = &x->hits[i];
		const struct policy *policy =
			policies_broken(worker_policies(w), hit->type, hit->dir, x);
		struct finding *f;
		uint64_t key;

		if (!policy || policy->action != action || hit->tests == hit->count)
			continue;
		key = siphash_number(w->shared->seed, x->endpoint, hit->field);
		key = siphash_number(w->shared->seed, key, (uint64_t)hit->type << 8 | hit->dir);
		f = finding_add(w, self, key, x, UINT32_C(1) << i);
		if (!f)
			continue;
		f->severity = (uint8_t)policy->severity;
		// A response has shown the data whatever its status says.
		f->result = hit->dir == SERVER ? RESULT_SUCCEEDED : hits_result(x->tx->status);
		f->n_terms = 0;
		f->confidence = (uint8_t)hits_confidence(hit, f->terms, &f->n_terms);
		f->arg[POLICY_ARG] = (uintptr_t)policy;
	}
}

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Shared memory for those who need it now. A request that nobody answers, or a head that never ends,
// holds a block as long as its connection lasts, and a few thousand of them would have all there is:
// from then on nothing would be understood of any other connection. So a part is kept free. When it
// is touched, connections that hold such a block are looked for from where the last search stopped,
// and of the first few the half that has waited longest is ended, as if there were no room for it in
// the table: what it has open is reported as it is, and what comes later is joined in its middle.

#include "flows/tcp.h"

#include <rte_branch_prediction.h>

enum {
	RELIEF_PART = 32,  // one of so many blocks is kept free,
	RELIEF_LEAST = 64, // but as many as a burst may take,
	RELIEF_MOST = 4,   // though not more than one of so many
	RELIEF_LOOK = 512, // flows that one burst looks at
	RELIEF_PICK = 64,  // connections that it chooses from: twice as many as a burst may begin
};

struct scarce {
	uint32_t holds;  // HOLDS_EXCHANGE, HOLDS_HEAD
	uint32_t blocks; // a bit for each parser
};

struct waiting {
	struct flow *flow;
	uint64_t since_ns;
};

static inline bool pool_scarce(const struct pool *pool)
{
	uint32_t spare = pool->n / RELIEF_PART, most = pool->n / RELIEF_MOST;

	spare = spare > RELIEF_LEAST ? spare : RELIEF_LEAST;
	return pool->used > pool->n - (spare < most ? spare : most);
}

static inline struct scarce scarce_of(const struct flow_env *env)
{
	struct scarce scarce = {0};

	if (pool_scarce(&env->tx) || pool_scarce(&env->capture) || pool_scarce(&env->body))
		scarce.holds |= HOLDS_EXCHANGE;
	if (pool_scarce(&env->head4k) || pool_scarce(&env->head64k))
		scarce.holds |= HOLDS_HEAD;
	for (uint32_t i = 0; i < FLOW_PARSERS; i++)
		scarce.blocks |= (uint32_t)pool_scarce(&env->blocks[i]) << i;
	return scarce;
}

static bool conn_holds(const struct conn *c, struct scarce scarce)
{
	uint32_t holds = c->parser && c->parser->holds ? c->parser->holds(c->state) : 0;

	if (holds & scarce.holds)
		return true;
	for (uint32_t i = 0; holds & HOLDS_BLOCK && scarce.blocks >> i; i++) {
		if (scarce.blocks >> i & 1 && parser_get(i) == c->parser)
			return true;
	}
	return false;
}

static uint32_t waiting_find(struct tracker *t, struct scarce scarce,
			     struct waiting found[RELIEF_PICK])
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < RELIEF_LOOK && i < t->table.fresh && n < RELIEF_PICK; i++) {
		struct flow *flow = &t->table.flows[t->relief++ % t->table.fresh];
		const struct conn *c = flow->state == FLOW_FREE ? NULL : conn_of(t, flow);

		if (c && conn_holds(c, scarce))
			found[n++] = (struct waiting){flow, c->pctx.now_ns};
	}
	return n;
}

static __attribute__((noinline, cold)) void relieve(struct tracker *t, struct scarce scarce)
{
	struct waiting found[RELIEF_PICK];
	uint32_t n = waiting_find(t, scarce, found);

	for (uint32_t left = (n + 1) / 2; left && (scarce.holds || scarce.blocks); left--) {
		uint32_t longest = 0;

		for (uint32_t i = 1; i < n; i++) {
			if (found[i].since_ns < found[longest].since_ns)
				longest = i;
		}
		t->env->stats.flows_relieved++;
		tracker_remove(t, found[longest].flow, CLOSE_EVICTED);
		found[longest] = found[--n];
		scarce = scarce_of(t->env);
	}
}

void tracker_relieve(struct tracker *t)
{
	struct scarce scarce = scarce_of(t->env);

	if (unlikely(scarce.holds || scarce.blocks))
		relieve(t, scarce);
}

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Shared memory for those who need it now. A request that nobody answers, or a head that never ends,
// holds a block as long as its connection lasts, and a few thousand of them would have all there is:
// from then on nothing would be understood of any other connection. So a part is kept free. When it
// is touched, connections that hold such a block are looked for from where the last search stopped, or
// elsewhere when there were none. Of the first few the half that has waited longest is ended, as if
// there were no room for it in the table: what it has open is reported as it is, and what comes later
// is joined in its middle. Connections of which one side alone is heard go before the others, since
// requests can be sent from addresses that are not the sender's.

#include "dataplane/hash.h"
#include "flows/tcp.h"

#include <rte_branch_prediction.h>

enum {
	RELIEF_PART = 32,  // one of so many blocks is kept free,
	RELIEF_LEAST = 64, // but as many as a burst may take,
	RELIEF_MOST = 4,   // though not more than one of so many
	RELIEF_LOOK = 512, // flows that one burst looks at
	RELIEF_PICK = 64,  // connections that it chooses from: twice as many as a burst may begin
};

#define RELIEF_EPISODE_NS UINT64_C(1000000000) // without need; what was seen before says little then

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

// Are those of which one side alone is heard so many that ending them will do? Half of what one search
// may end is enough.
static bool alone_suffice(const struct tracker *t)
{
	return t->relief.alone &&
	       t->relief.alone >= t->relief.looked / (RELIEF_LOOK / (RELIEF_PICK / 4));
}

static void relief_remember(struct tracker *t)
{
	if (t->latest_ns - t->relief.now_ns > RELIEF_EPISODE_NS) {
		t->relief.looked = t->relief.alone = 0;
	} else if (t->relief.looked > t->table.fresh) {
		t->relief.looked /= 2;
		t->relief.alone /= 2;
	}
	t->relief.now_ns = t->latest_ns;
}

// Connections that make room, all of the same kind: those of which both sides are heard are only found
// when there are too few others.
static uint32_t waiting_find(struct tracker *t, struct scarce scarce,
			     struct waiting found[RELIEF_PICK])
{
	bool alone = false;
	uint32_t n = 0;

	relief_remember(t);
	for (uint32_t i = 0; i < RELIEF_LOOK && i < t->table.fresh && n < RELIEF_PICK; i++) {
		struct flow *flow = &t->table.flows[t->relief.at++ % t->table.fresh];
		const struct conn *c = flow->state == FLOW_FREE ? NULL : conn_of(t, flow);
		bool mutual;

		t->relief.looked++;
		if (!c || !conn_holds(c, scarce))
			continue;
		mutual = conn_is_mutual(c);
		t->relief.alone += !mutual;
		if (mutual && (alone || alone_suffice(t)))
			continue;
		if (!mutual && !alone) {
			alone = true;
			n = 0;
		}
		found[n++] = (struct waiting){flow, c->pctx.now_ns};
	}
	if (n == 0) // elsewhere there may be many
		t->relief.at = (uint32_t)hash_mix(t->relief.at);
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

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What all parsers share while connections run: their blocks, and the hand-over from one to the
// next. Worker code; the registry itself is in parser_registry.c.

#include "flows/parser.h"

#include "flows/http_exchange.h"
#include "flows/trace.h"

#include <rte_branch_prediction.h>

static struct pool *block_pool(struct flow_env *env, const struct parser *parser)
{
	for (uint32_t i = 0; i < parser_count(); i++) {
		if (parser_get(i) == parser)
			return &env->blocks[i];
	}
	return NULL;
}

void *parser_block_get(struct flow_env *env, const struct parser *parser)
{
	struct pool *pool = block_pool(env, parser);
	void *block = pool && pool->base ? pool_get(pool) : NULL;

	if (!block)
		env->stats.parser_blocks_empty++;
	return block;
}

void parser_block_put(struct flow_env *env, const struct parser *parser, void *block)
{
	pool_put(block_pool(env, parser), block);
}

const struct parser *parser_by_upgrade(struct span tokens)
{
	while (tokens.len) {
		struct span token = span_until(tokens, ',');
		uint32_t skip = token.len < tokens.len ? token.len + 1 : token.len;

		token = span_trim(token);
		for (uint32_t i = 0; i < parser_count(); i++) {
			const struct parser *parser = parser_get(i);

			if (parser->upgrade &&
			    span_ieq(token, span_make(parser->upgrade, strlen(parser->upgrade))))
				return parser;
		}
		tokens.p += skip;
		tokens.len -= skip;
	}
	return NULL;
}

// What the client sent too early, now that its parser is known. False: that refuses.
static bool early_give(const struct parser *parser, struct pctx *p, const struct handover *hand)
{
	uint64_t off = p->off[CLIENT];
	bool goes_on = true;

	if (hand->early_len) {
		p->off[CLIENT] = hand->early_off;
		goes_on = parser->data(p, CLIENT, span_make(hand->early, hand->early_len));
	}
	p->off[CLIENT] = off;
	if (goes_on && hand->early_lost)
		goes_on = parser->gap(p, CLIENT, 0);
	if (hand->early)
		pool_put(&p->env->head4k, hand->early);
	return goes_on;
}

enum parser_result parser_data(const struct parser **parser, struct pctx *p, enum dir dir,
			       struct span bytes)
{
	// A parser that takes over and hands over again has read something, or is refused.
	for (uint32_t turn = 0; turn <= FLOW_PARSERS; turn++) {
		if (!(*parser)->data(p, dir, bytes))
			return PARSER_REFUSES;
		if (likely(!p->env->hand.set))
			return PARSER_GOES_ON;
		(*parser)->close(p, CLOSE_HANDOVER);
		if (unlikely(p->env->trace))
			trace_parser(p->env->trace, TRACE_HANDOVER, p->env->hand.next, dir);
		p->off[dir] += bytes.len - p->env->hand.rest.len;
		bytes = p->env->hand.rest;
		*parser = p->env->hand.next;
		if (!*parser)
			return PARSER_PROBE;
		memset(p->state, 0, (*parser)->size);
		(*parser)->open(p);
		if (p->env->hand.tx)
			http_exchange_end(p->env, p->env->hand.tx);
		struct handover hand = p->env->hand;

		p->env->hand = (struct handover){0};
		if (unlikely(hand.early || hand.early_lost) && !early_give(*parser, p, &hand))
			return PARSER_REFUSES;
		if (bytes.len == 0)
			return PARSER_GOES_ON;
	}
	return PARSER_REFUSES;
}

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Which of the values that types accept are reported. Runs on workers.

#include "detect/scan_sink.h"

#include "detect/check.h"

static bool sink_wanted(struct scanner *s, uint32_t type, struct span value, bool ctx)
{
	const struct ruleset *r = s->rules;
	enum refusal why = REFUSED_CONTEXT;

	if (!keyctx_has(r->on, type))
		return false;
	if (r->type[type]->reports == REPORTS_YES || ctx) {
		why = REFUSED_TEST;
		if (r->test_numbers || (int)type != r->card || !check_test_card(value))
			return true;
	}
	if (s->refused)
		s->refused(s->refused_arg, type, value, why);
	return false;
}

void sink_report(struct sink *k, uint32_t type, struct span value, bool ctx)
{
	struct hit hit = {
		.type = (uint16_t)type,
		.ctx = ctx,
		.dir = k->dir,
		.value = k->raw.len ? k->raw : value,
		.key = k->job.name,
		.parent = k->parent,
		.field = k->field,
		.off = k->off + (k->raw.len ? 0 : (uint64_t)(value.p - k->job.text.p)),
	};

	if (!sink_wanted(k->s, type, value, ctx))
		return;
	// All hits of a decoded text are of the same whole value.
	if (k->raw.len) {
		if (keyctx_has(k->told, type))
			return;
		k->told[type / 64] |= UINT64_C(1) << (type % 64);
	}
	k->secret |= k->s->rules->type[type]->group == GROUP_SECRET;
	k->fn(k->arg, &hit);
}

// Remembers a value that starts too near the end of a text to be decided.
static void sink_hold(const struct sink *k, uint32_t type, struct span value, bool ctx)
{
	struct scan_pending *p = k->pending;
	uint32_t start = (uint32_t)(value.p - k->job.text.p);
	uint32_t tail = k->job.text.len < PENDING_TAIL ? 0 : k->job.text.len - PENDING_TAIL;

	if (start < tail || p->n_held == PENDING_HELD) {
		k->s->stats.dropped++;
		return;
	}
	p->held[p->n_held].type = (uint16_t)type;
	p->held[p->n_held].start = (uint16_t)(start - tail);
	p->held[p->n_held].len = (uint16_t)value.len;
	p->held[p->n_held].ctx = ctx;
	p->n_held++;
}

void sink_take(void *arg, uint32_t type, struct span value, uint32_t start)
{
	struct sink *k = arg;
	bool ctx = keyctx_has(k->job.key->types, type);

	if (start >= k->hold)
		sink_hold(k, type, value, ctx);
	else
		sink_report(k, type, value, ctx);
}

void sink_refused(void *arg, uint32_t type, uint32_t start)
{
	const struct sink *k = arg;

	k->s->refused(k->s->refused_arg, type,
		      span_make(k->job.text.p + start, k->job.text.len - start), REFUSED_CHECK);
}

void scanner_ask(struct scanner *s, refused_fn refused, void *arg)
{
	s->refused = refused;
	s->refused_arg = arg;
}

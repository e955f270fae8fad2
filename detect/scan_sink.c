// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Which of the values that types accept are reported. Runs on workers.

#include "detect/scan_sink.h"

#include "detect/check.h"

// "passport" in "my passport is 482917360": within this many bytes.
enum { SINK_SAID = 40 };

static bool sink_is_word(uint8_t c)
{
	return check_is(c, CLASS_ALNUM) || c >= 0x80;
}

static bool sink_has_word(struct span text, const char *word)
{
	uint32_t len = (uint32_t)strlen(word);
	bool wide = (uint8_t)word[0] >= 0x80; // scripts that do not separate words

	for (uint32_t i = 0; len <= text.len && i <= text.len - len; i++) {
		if ((wide || i == 0 || !sink_is_word(text.p[i - 1])) &&
		    (wide || i + len == text.len || !sink_is_word(text.p[i + len])) &&
		    check_starts(span_make(text.p + i, text.len - i), word))
			return true;
	}
	return false;
}

// Whether the text before a value says one of the type's words, and no other number stands between
// them. Then two say what the value is, the field's name and the text.
static bool sink_said(const struct datatype *t, struct span text, struct span value)
{
	const uint8_t *from = value.p;

	while (from > text.p && value.p - from < SINK_SAID && !check_is(from[-1], CLASS_DIGIT))
		from--;
	for (uint32_t i = 0; from < value.p && t->context[i]; i++) {
		if (sink_has_word(span_make(from, (size_t)(value.p - from)), t->context[i]))
			return true;
	}
	return false;
}

static bool sink_wanted(const struct sink *k, const struct hit *hit, struct span value)
{
	const struct ruleset *r = k->s->rules;
	enum refusal why = REFUSED_CONTEXT;

	if (!keyctx_has(r->on, hit->type))
		return false;
	if (!hit->unsure || (k->job.probe && !k->said && (hit->ctx || keyctx_has(r->nameless, hit->type)))) {
		why = REFUSED_TEST;
		if (r->test_numbers || hit->type != r->card || !check_test_card(value))
			return true;
	}
	if (k->s->refused)
		k->s->refused(k->s->refused_arg, hit->type, value, why);
	return false;
}

void sink_report(struct sink *k, uint32_t type, struct span value, bool ctx)
{
	const struct ruleset *r = k->s->rules;
	enum type_reports reports = r->type[type]->reports;
	bool said = reports == REPORTS_WEAK && ctx && sink_said(r->type[type], k->job.text, value);
	struct hit hit = {
		.type = (uint16_t)type,
		.ctx = ctx,
		.alone = k->alone && !said,
		.unsure = !said && (reports == REPORTS_WEAK || (reports == REPORTS_CTX && !ctx)),
		.lucky = !ctx && keyctx_has(r->lucky, type),
		.dir = k->dir,
		.value = k->raw.len ? k->raw : value,
		.key = k->job.name,
		.parent = k->parent,
		.field = k->field,
		.off = k->off +
		       (k->raw.len || k->raw_len ? 0 : (uint64_t)(value.p - k->job.text.p)),
		.raw_len = k->raw_len,
	};

	k->met[type / 64] |= UINT64_C(1) << (type % 64);
	if (!sink_wanted(k, &hit, value))
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

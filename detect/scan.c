// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The scanner: windows, values and texts in, hits out. Runs on workers; a scanner belongs to one.
//
// Two ways lead to a value. Patterns (Hyperscan) are searched in each window once; in bodies with
// values a match is only a place, kept until the value that holds it arrives whole, where the
// type's check decides. Shapes are searched in the values themselves, and in texts without values
// in the window: what starts near a window's end may go on in the next one, so it is held back,
// and decided with the next window or at the end of the message. Thus the way a body is cut into
// windows does not change what is found.
//
//   window n     |---- decided ----|- HOLD -|
//   window n + 1              |---- 256 ----|---- fresh ...
//
// No allocation, no clock; state that outlives a call is in struct scan_pending.

#include "detect/scan.h"

#include "detect/escape.h"
#include "detect/scan_name.h"
#include "detect/scan_wait.h"

#include <hs/hs.h>

enum {
	SCAN_HOLD = 96,        // shapes are not longer
	SCAN_PROBE_MIN = 8,
	SCAN_ALONE = 48, // a longer value is a text, of which no part tells what the field is
	SCAN_SAY_MIN = 8, // a text that says what is in it: "PLZ 10115"
	SCAN_SAY_MAX = 256,
};

static void scan_on_mark(struct scanner *s, uint32_t i, uint32_t to)
{
	uint32_t end = s->mark_start + to;

	if (!s->marks || s->marks_refused >= MARK_REFUSED)
		return;
	if (!marks_found(s->marks, s->rules->mark[i], span_make(s->mark_text.p, end),
			 s->mark_off + end))
		s->marks_refused++;
}

static int scan_on_match(unsigned int id, unsigned long long from, unsigned long long to,
			 unsigned int flags, void *arg)
{
	struct scanner *s = arg;

	if (id >= RULESET_MARK) {
		scan_on_mark(s, id - RULESET_MARK, (uint32_t)to);
		return 0;
	}
	if (s->n_match == SCAN_FOUND) {
		s->stats.stopped++;
		return 1;
	}
	s->match[s->n_match++] = (struct scan_match){id, (uint32_t)to};
	return from + flags > to; // neither is asked for: 0
}

// Fills s->match with the pattern hits of a text that end behind `after`.
static void scan_patterns(struct scanner *s, struct span text, uint32_t after)
{
	const struct hs_database *db = s->marks ? s->rules->answers : s->rules->patterns;
	uint32_t start = after > PATTERN_WIDTH_MAX ? after - PATTERN_WIDTH_MAX : 0, n = 0;

	s->n_match = 0;
	if (!db || text.len <= start)
		return;
	s->mark_start = start;
	hs_scan(db, (const char *)text.p + start, text.len - start, 0, s->scratch, scan_on_match,
		s);
	for (uint32_t i = 0; i < s->n_match; i++) {
		s->match[i].end += start;
		if (s->match[i].end > after)
			s->match[n++] = s->match[i];
	}
	s->n_match = n;
}

// Judges the pattern hits of a text; those that end behind hold_match are held back.
static void scan_judge_matches(struct scanner *s, struct sink *k, uint32_t hold_match)
{
	uint32_t last_type = UINT32_MAX, last_end = 0;

	for (uint32_t i = 0; i < s->n_match; i++) {
		uint32_t type = s->match[i].type, end = s->match[i].end;
		struct span v;

		// Another hit inside of a value that was just accepted.
		if (type == last_type && end <= last_end)
			continue;
		v = sink_check(s->rules, type, k->job.text, end, k->job.name, k->job.key);
		if (v.len == 0) {
			if (k->job.refused)
				sink_refused(k, type,
					     end > PATTERN_WIDTH_MAX ? end - PATTERN_WIDTH_MAX : 0);
			continue;
		}
		last_type = type;
		last_end = (uint32_t)(v.p - k->job.text.p) + v.len;
		sink_take(k, type, v, end > hold_match ? UINT32_MAX - 1 : 0);
	}
}

static inline void scan_named_set(struct sink *k, const struct candidate *c, uint32_t word,
				  uint64_t set)
{
	const struct ruleset *r = k->s->rules;

	for (; set; set &= set - 1) {
		uint32_t i = word * 64 + (uint32_t)__builtin_ctzll(set);
		struct span v;

		if (k->secret && r->type[i]->group == GROUP_SECRET)
			continue;
		v = shapes_check(r->type[i], c);
		if (v.len)
			sink_report(k, i, v, true);
	}
}

// Types that are told by the name alone, tried on the whole value: those that say less come last.
// A secret that was told by its own form or a better name needs no vaguer one.
static void scan_named(struct sink *k)
{
	const struct ruleset *r = k->s->rules;
	const uint64_t *types = k->job.key->types;
	struct candidate c = {
		.text = k->job.text, .at = k->job.text.p, .key = k->job.name, .ctx = true};
	uint64_t vague = 0;

	for (uint32_t w = 0; w < DATATYPE_WORDS; w++) {
		uint64_t set = r->named[w] | (k->job.probe ? r->weak_named[w] : 0);

		vague |= types[w] & r->vague[w];
		scan_named_set(k, &c, w, types[w] & set);
	}
	for (uint32_t w = 0; vague && w < DATATYPE_WORDS; w++)
		scan_named_set(k, &c, w, types[w] & r->vague[w]);
}

static void scan_shapes(struct sink *k)
{
	shapes_scan(&k->job);
	if (k->job.spent > k->job.budget)
		k->s->stats.curbed++;
}

static void sink_own(void *arg, uint32_t type, struct span value)
{
	struct sink *k = arg;

	sink_report(k, type, value, keyctx_has(k->job.key->types, type));
}

// A whole text at once.
static void scan_whole(struct scanner *s, struct sink *k, bool padded, bool patterns)
{
	k->job.padded = padded;
	k->job.to = k->job.text.len;
	if (!k->idle &&
	    (k->job.text.len >= SCAN_VALUE_MIN || k->job.key->any || k->job.probe))
		scan_shapes(k);
	if (patterns) {
		scan_patterns(s, k->job.text, 0);
		scan_judge_matches(s, k, UINT32_MAX);
	}
	if (k->job.key->named || (k->job.probe && k->job.key->weak))
		scan_named(k);
	if (s->rules->own)
		own_scan(s, k->job.text, 0, sink_own, k);
}

// --- texts that come in pieces

// Reports what was held back and starts before `until` in the body, from the kept bytes; the rest
// is forgotten, for it is about to be found again.
static void scan_release(struct scanner *s, struct scan_pending *p, uint64_t until, enum dir dir,
			 hit_fn fn, void *arg)
{
	uint64_t off = p->seen - p->tail_len;
	struct sink k;

	if (p->n_held == 0)
		return;
	sink_init(&k, s, fn, arg, dir, (struct span){p->tail, p->tail_len}, off);
	for (uint32_t i = 0; i < p->n_held; i++) {
		struct span v = {p->tail + p->held[i].start, p->held[i].len};

		if (off + p->held[i].start < until)
			sink_report(&k, p->held[i].type, v, p->held[i].ctx);
	}
	p->n_held = 0;
}

// One piece of a text; k->off is where it stands in the body.
static void scan_piece(struct scanner *s, struct scan_pending *p, struct sink *k, bool patterns)
{
	uint32_t len = k->job.text.len, after = 0, from = 0, skip;
	uint64_t end = k->off + len;

	if (end <= p->seen)
		return;
	scan_release(s, p, k->off, k->dir, k->fn, k->arg);
	if (p->next > k->off)
		from = (uint32_t)(p->next - k->off);
	if (p->seen > k->off + SCAN_HOLD_MATCH)
		after = (uint32_t)(p->seen - SCAN_HOLD_MATCH - k->off);
	if (p->text_from > k->off + after)
		after = (uint32_t)(p->text_from - k->off);
	k->pending = p;
	k->hold = len > SCAN_HOLD ? len - SCAN_HOLD : 0;
	if (from < len) {
		uint32_t decided = k->hold > from ? k->hold : from;

		k->job.padded = true;
		k->job.from = from;
		k->job.to = decided;
		if (p->next + p->wide_over > k->off)
			k->job.wide_from = (uint32_t)(p->next + p->wide_over - k->off);
		skip = decided > from ? shapes_scan(&k->job) : 0;
		if (skip > decided)
			decided = skip;
		p->next = k->off + decided;
		p->wide_over =
			(uint16_t)(k->job.wide_from > decided ? k->job.wide_from - decided : 0);
		k->job.from = decided;
		k->job.to = len;
		if (decided < len)
			scan_shapes(k);
	}
	if (patterns) {
		scan_patterns(s, k->job.text, after);
		scan_judge_matches(s, k, len > SCAN_HOLD_MATCH ? len - SCAN_HOLD_MATCH : 0);
	}
	p->seen = end;
	p->tail_len = 0;
	if (p->n_held) {
		p->tail_len = (uint16_t)(len < PENDING_TAIL ? len : PENDING_TAIL);
		memcpy(p->tail, k->job.text.p + (len - p->tail_len), p->tail_len);
	}
}

static void scan_window_values(struct scanner *s, struct scan_pending *p, const struct window *w,
			       hit_fn fn, void *arg)
{
	p->text = false;
	scan_patterns(s, w->bytes, w->fresh);
	if (s->n_match)
		scan_wait(s, p, w, fn, arg);
}

// --- what types refused

// A weak type wants most of the values of a field, so that all of them count that it did not take.
static inline const struct scan_missed *scan_refused(struct scanner *s, const struct sink *k)
{
	const struct ruleset *r = s->rules;
	uint64_t any = 0;

	if (!k->alone || k->said || !(k->job.counted || k->job.probe))
		return NULL;
	for (uint32_t w = 0; w < DATATYPE_WORDS; w++) {
		uint64_t set = k->job.missed[w] & r->counted[w];

		if (k->job.probe)
			set |= k->job.key->types[w] & r->weak[w];
		set &= ~k->met[w];
		any |= set;
		s->missed.types[w] = set;
		s->missed.unsure[w] =
			set & (r->weak[w] | (r->nameless[w] & ~k->job.key->types[w]));
	}
	return any ? &s->missed : NULL;
}

// --- the interface

static void scan_window_text(struct scanner *s, struct scan_pending *pending,
			     const struct window *window, hit_fn fn, void *arg)
{
	struct sink k;

	if (!pending->text) {
		// What is repeated came as values, as far as it was understood.
		scan_release(s, pending, UINT64_MAX, window->dir, fn, arg);
		scan_orphans(s, pending, window->dir, fn, arg);
		pending->text = true;
		pending->text_from = window->off + window->fresh;
		pending->next = pending->seen = pending->text_from;
		pending->wide_over = 0;
	}
	sink_init(&k, s, fn, arg, window->dir, window->bytes, window->off);
	scan_piece(s, pending, &k, true);
}

void scan_window(struct scanner *s, struct scan_pending *pending, const struct window *window,
		 hit_fn fn, void *arg)
{
	s->marks = window->dir == SERVER ? &pending->marks : NULL;
	s->mark_text = window->bytes;
	s->mark_off = window->off;
	s->marks_refused = 0;
	if (s->marks)
		scan_fields(s, pending, window);
	if (window->values)
		scan_window_values(s, pending, window, fn, arg);
	else
		scan_window_text(s, pending, window, fn, arg);
	s->marks = NULL; // texts that are searched next are no part of the body
}

// A name that is itself a value, such as an address with '@' that maps to an object.
static void scan_odd_name(struct scanner *s, const struct sink *value, struct span name)
{
	struct sink k;

	sink_init(&k, s, value->fn, value->arg, value->dir, name, value->off);
	scan_whole(s, &k, false, true);
}

static inline bool scan_may_be_coded(struct span value)
{
	return value.len >= ESCAPE_BASE64_MIN && value.len <= ESCAPE_MAX &&
	       escape_base64_may(value.p);
}

// The first looks at a value whose name supports no type with a shape.
static inline bool scan_is_idle(const struct scanner *s, const struct value *v)
{
	if (v->kind == VALUE_DECODED)
		return false; // no window has shown its patterns
	if (scan_is_short(v))
		return true;
	return v->kind != VALUE_TEXT && !v->escaped && !s->rules->worth(s->rules, v->v);
}

// A text that may say what it holds: what begins with the value itself does not.
static inline bool scan_may_say(const struct value *v)
{
	return v->kind == VALUE_STRING && v->v.len >= SCAN_SAY_MIN && v->v.len <= SCAN_SAY_MAX &&
	       (uint8_t)(v->v.p[0] - '0') > 9;
}

// A value that may hold something.
static __attribute__((noinline)) void scan_value_whole(struct scanner *s,
						       struct scan_pending *pending,
						       const struct value *value,
						       const struct keyctx *key, hit_fn fn,
						       void *arg)
{
	uint8_t buf[ESCAPE_MAX + RUNS_BLOCK];
	const struct scan_missed *missed;
	bool again = false, decoded;
	struct sink k;

	sink_init(&k, s, fn, arg, value->dir, value->v, value->off);
	k.job.key = key;
	k.job.name = value->key;
	k.parent = value->parent;
	k.field = value->field;
	k.said = key->said && !pending->probe && scan_may_say(value);
	k.job.probe = k.said ? PROBE_WEAK : pending->probe;
	k.alone = value->kind != VALUE_TEXT && value->v.len <= SCAN_ALONE;
	if (key->odd)
		scan_odd_name(s, &k, value->key);
	decoded = escape_value(value, buf, &k.job.text, &again);
	if (value->kind == VALUE_DECODED) {
		k.raw_len = value->overlap;
		again = true;
	}
	if (scan_meets(pending, value) && scan_meet(s, pending, value, &k, !decoded && !k.raw_len))
		again |= decoded;
	if (decoded) {
		k.raw = value->v;
		memset(k.told, 0, sizeof(k.told));
	}
	if (value->kind != VALUE_TEXT) {
		k.idle = key->any && !key->shaped && !k.job.probe && scan_is_idle(s, value);
		scan_whole(s, &k, true, again);
		missed = s->on_missed ? scan_refused(s, &k) : NULL;
		if (missed)
			s->on_missed(arg, value, missed);
		return;
	}
	if (!value->continued) {
		scan_release(s, pending, UINT64_MAX, value->dir, fn, arg);
		pending->next = pending->seen = value->off;
		pending->wide_over = 0;
	}
	if (s->rules->own)
		own_scan(s, k.job.text, value->continued ? value->overlap : 0, sink_own, &k);
	scan_piece(s, pending, &k, false);
}

// The text that a value is in Base64. Its hits are of the whole value.
static __attribute__((noinline)) void scan_coded(struct scanner *s, const struct value *value,
						 const struct keyctx *key, hit_fn fn, void *arg)
{
	uint8_t buf[ESCAPE_MAX + RUNS_BLOCK];
	uint32_t n = escape_base64(value->v, buf);
	struct sink k;

	if (!n)
		return;
	sink_init(&k, s, fn, arg, value->dir, span_make(buf, n), value->off);
	k.job.key = key;
	k.job.name = value->key;
	k.parent = value->parent;
	k.field = value->field;
	k.raw = value->v;
	memset(k.told, 0, sizeof(k.told));
	scan_whole(s, &k, true, true);
}

// A value in which only a type of the operator's can be.
static __attribute__((noinline)) void scan_value_own(struct scanner *s, const struct value *value,
						     const struct keyctx *key, hit_fn fn, void *arg)
{
	struct sink k;

	sink_init(&k, s, fn, arg, value->dir, value->v, value->off);
	k.job.key = key;
	k.job.name = value->key;
	k.parent = value->parent;
	k.field = value->field;
	own_scan(s, k.job.text, 0, sink_own, &k);
}

// A value whose name says nothing, in an exchange that is looked at more closely.
static __attribute__((noinline)) void scan_value_probe(struct scanner *s,
						       struct scan_pending *pending,
						       const struct value *value,
						       const struct keyctx *key, hit_fn fn,
						       void *arg)
{
	bool asked = value->kind != VALUE_TEXT &&
		     (key->weak ||
		      (pending->probe == PROBE_ALL && value->v.len >= SCAN_PROBE_MIN &&
		       value->v.len <= SCAN_ALONE));

	if (asked || !scan_is_idle(s, value))
		scan_value_whole(s, pending, value, key, fn, arg);
	else if (s->rules->own)
		scan_value_own(s, value, key, fn, arg);
}

// A value whose name is known.
static inline void scan_value_as(struct scanner *s, struct scan_pending *pending,
				 const struct value *value, const struct keyctx *key, hit_fn fn,
				 void *arg)
{
	if (value->kind == VALUE_STRING && scan_may_be_coded(value->v))
		scan_coded(s, value, key, fn, arg);
	if ((key->plain || (!key->any && !key->odd)) && !scan_meets(pending, value) &&
	    !s->rules->reference) {
		if (pending->probe) {
			scan_value_probe(s, pending, value, key, fn, arg);
			return;
		}
		if (scan_is_idle(s, value) && !(key->said && scan_may_say(value))) {
			if (s->rules->own)
				scan_value_own(s, value, key, fn, arg);
			return;
		}
	}
	scan_value_whole(s, pending, value, key, fn, arg);
}

// Any value, with all there is to ask about its name.
static __attribute__((noinline)) void scan_value_any(struct scanner *s,
						     struct scan_pending *pending,
						     const struct value *value, hit_fn fn,
						     void *arg)
{
	const struct keyctx *key;

	if (value->dir == SERVER && value->key.len)
		scan_property(s, pending, value);
	key = scan_name(s, value->key, value->key_hash, value->parent);
	if (__builtin_expect(key->naming, 0)) {
		scan_name_keep(pending, value);
	} else if (__builtin_expect(key->generic, 0) && pending->name.len) {
		struct value beside = *value;

		key = scan_name_beside(s, pending, &beside, key);
		scan_value_as(s, pending, &beside, key, fn, arg);
		return;
	}
	scan_value_as(s, pending, value, key, fn, arg);
}

// A value whose name says nothing and that is not too short to do so itself.
static __attribute__((noinline)) void
scan_value_plain(struct scanner *s, struct scan_pending *pending, const struct value *value,
		 const struct keyctx *key, hit_fn fn, void *arg)
{
	if (value->kind == VALUE_STRING && scan_may_be_coded(value->v))
		scan_coded(s, value, key, fn, arg);
	if (!scan_is_idle(s, value))
		scan_value_whole(s, pending, value, key, fn, arg);
}

// Three of four values are told short. Whatever is called is called last: nothing is to be kept.
void scan_value(struct scanner *s, struct scan_pending *pending, const struct value *value,
		hit_fn fn, void *arg)
{
	const struct keyctx *key = &scan_no_name;

	// The same bytes were searched as text.
	if (pending->text)
		return;
	if (value->key.len)
		key = keyctx_peek(&s->names, value->key, value->key_hash);
	if (!key || !key->plain || pending->probe || scan_meets(pending, value) || !s->quick ||
	    value->kind == VALUE_DECODED)
		scan_value_any(s, pending, value, fn, arg);
	else if (!scan_is_short(value))
		scan_value_plain(s, pending, value, key, fn, arg);
}

bool scan_is_quiet(const struct scanner *s, const struct value *v)
{
	const struct keyctx *key = keyctx_peek(&s->names, v->key, v->key_hash);

	return s->quick && v->key.len && key && key->plain;
}

bool scan_is_nothing(const struct scanner *s, const struct value *v)
{
	return !(v->kind == VALUE_STRING && scan_may_be_coded(v->v)) &&
	       !s->rules->worth(s->rules, v->v);
}

void scan_end(struct scanner *s, struct scan_pending *pending, enum dir dir, hit_fn fn, void *arg)
{
	scan_release(s, pending, UINT64_MAX, dir, fn, arg);
	scan_orphans(s, pending, dir, fn, arg);
	if (s->owner == pending->id)
		s->owner = 0;
	pending->id = 0;
}

const struct scan_missed *scan_text(struct scanner *s, struct span text, struct span key,
				    uint64_t field, enum dir dir, hit_fn fn, void *arg)
{
	struct sink k;

	sink_init(&k, s, fn, arg, dir, text, 0);
	k.job.key = scan_name(s, key, keyctx_hash(key, s->names.seed), (struct span){0});
	k.job.name = key;
	k.field = field;
	k.alone = text.len <= SCAN_ALONE;
	// Parameters are few, and where they belong to is not known yet: all weak ones are told.
	k.job.probe = k.job.key->weak ? PROBE_WEAK : PROBE_NONE;
	scan_whole(s, &k, false, true);
	if (scan_may_be_coded(text)) {
		struct value value = {.dir = dir, .v = text, .key = key, .field = field};

		scan_coded(s, &value, k.job.key, fn, arg);
	}
	return scan_refused(s, &k);
}

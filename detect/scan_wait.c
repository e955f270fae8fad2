// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Pattern hits that wait for their values. Runs on workers. The hits of the message that was searched
// last are with the scanner, the newest of each other one in its struct scan_pending.

#include "detect/scan_wait.h"

static void scan_own(struct scanner *s, struct scan_pending *p)
{
	if (p->id == 0)
		p->id = ++s->serial;
	if (s->owner == p->id)
		return;
	s->owner = p->id;
	s->next = s->n_found = 0;
	for (uint32_t i = 0; i < p->n; i++) {
		struct found *f = &s->found[s->n_found];

		if (p->hit[i].off <= p->done)
			continue;
		f->off = p->hit[i].off;
		f->type = p->hit[i].type;
		f->kept = p->hit[i].kept;
		memcpy(f->bytes, p->hit[i].bytes, sizeof(f->bytes));
		s->n_found++;
	}
}

// Keeps the newest of the waiting hits with the message.
static void scan_park(struct scanner *s, struct scan_pending *p)
{
	uint32_t left = s->n_found - s->next, n = left < PENDING_HITS ? left : PENDING_HITS;

	for (uint32_t i = 0; i < n; i++) {
		const struct found *f = &s->found[s->n_found - n + i];

		p->hit[i].off = f->off;
		p->hit[i].type = f->type;
		p->hit[i].kept = f->kept;
		memcpy(p->hit[i].bytes, f->bytes, sizeof(f->bytes));
	}
	p->n = (uint8_t)n;
	p->wait = s->found[s->next].off;
}

// A hit that no value came for: told as found in unstructured text. In a name it may be what the
// type's context words are for; then the value was judged by its name.
static void scan_orphan(struct scanner *s, const struct found *f, enum dir dir, hit_fn fn,
			void *arg)
{
	struct span kept = {f->bytes, f->kept};
	struct sink k;

	sink_init(&k, s, fn, arg, dir, kept, f->off);
	if (f->kept && !s->rules->type[f->type]->key_only)
		sink_report(&k, f->type, kept, false);
}

void scan_orphans(struct scanner *s, struct scan_pending *p, enum dir dir, hit_fn fn, void *arg)
{
	if (p->n == 0)
		return;
	scan_own(s, p);
	for (; s->next < s->n_found; s->next++)
		scan_orphan(s, &s->found[s->next], dir, fn, arg);
	p->n = 0;
}

void scan_wait(struct scanner *s, struct scan_pending *p, const struct window *w, hit_fn fn, void *arg)
{
	scan_own(s, p);
	memmove(s->found, s->found + s->next, (s->n_found - s->next) * sizeof(s->found[0]));
	s->n_found -= s->next;
	s->next = 0;
	for (uint32_t i = 0; i < s->n_match; i++) {
		struct found *f;
		struct span v;

		if (s->n_found == SCAN_FOUND) {
			scan_orphan(s, &s->found[0], w->dir, fn, arg);
			memmove(s->found, s->found + 1, (SCAN_FOUND - 1) * sizeof(s->found[0]));
			s->n_found--;
			s->stats.dropped++;
		}
		f = &s->found[s->n_found++];
		f->off = w->off + s->match[i].end;
		f->type = (uint16_t)s->match[i].type;
		v = sink_check(s->rules, f->type, w->bytes, s->match[i].end, (struct span){0},
			       &scan_no_name);
		f->kept = (uint8_t)(v.len < PENDING_BYTES ? v.len : PENDING_BYTES);
		if (f->kept)
			memcpy(f->bytes, v.p, f->kept);
	}
	scan_park(s, p);
}

bool scan_meet(struct scanner *s, struct scan_pending *p, const struct value *v, struct sink *k,
	       bool judge)
{
	uint64_t end = scan_end_of(v), last_end = 0;
	uint32_t last_type = UINT32_MAX;
	bool inside = false;

	scan_own(s, p);
	for (; s->next < s->n_found && s->found[s->next].off <= end; s->next++) {
		const struct found *f = &s->found[s->next];
		struct span found;

		if (f->off <= v->off) {
			scan_orphan(s, f, v->dir, k->fn, k->arg);
			continue;
		}
		inside = true;
		if (!judge || (f->type == last_type && f->off <= last_end))
			continue;
		found = sink_check(s->rules, f->type, v->v, (uint32_t)(f->off - v->off), v->key,
				   k->job.key);
		// A string in pieces: the next one may show the rest.
		if (v->kind == VALUE_TEXT && end - f->off < SCAN_HOLD_MATCH &&
		    (found.len == 0 || found.p + found.len == v->v.p + v->v.len))
			break;
		if (found.len == 0)
			continue;
		last_type = f->type;
		last_end = v->off + (uint64_t)(found.p - v->v.p) + found.len;
		sink_report(k, f->type, found, keyctx_has(k->job.key->types, f->type));
	}
	if (s->next < s->n_found) {
		p->done = s->next ? s->found[s->next - 1].off : p->done;
		p->wait = s->found[s->next].off;
		return inside;
	}
	p->done = end;
	p->n = 0;
	return inside;
}

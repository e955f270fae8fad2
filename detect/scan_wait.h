// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// In bodies with values a pattern's hit is only a place until the value that holds it arrives whole,
// where the type's check decides. Private to scan.c.

#pragma once

#include "detect/scan_sink.h"

// Keeps s->match, the hits in the fresh part of a window.
void scan_wait(struct scanner *s, struct scan_pending *p, const struct window *w, hit_fn fn, void *arg);

static inline uint64_t scan_end_of(const struct value *v)
{
	return v->off + (v->kind == VALUE_DECODED ? v->overlap : v->v.len);
}

// Whether a waiting hit is inside of a value or before it.
static inline bool scan_meets(const struct scan_pending *p, const struct value *v)
{
	return p->n && scan_end_of(v) >= p->wait;
}

// The waiting hits up to the end of a value: those inside of it are judged on its text, those
// before it had no value. Returns whether any was inside.
bool scan_meet(struct scanner *s, struct scan_pending *p, const struct value *v, struct sink *k,
	       bool judge);

// The message ended, or goes on as text: no value comes for what waits.
void scan_orphans(struct scanner *s, struct scan_pending *p, enum dir dir, hit_fn fn, void *arg);

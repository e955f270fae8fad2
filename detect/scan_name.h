// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Which name speaks for a value: its own, that of what holds it when its own says nothing
// ("number" of "$.card"), or what a value beside it says: {"type": "passport", "value": "…"}.
// Private to scan.c.

#pragma once

#include "detect/scan_sink.h"

const struct keyctx *scan_name_generic(struct scanner *s, struct span key, uint64_t hash,
				       struct span parent);
// Keeps a value that may say what the next ones in its object are; what was kept before is gone.
void scan_name_keep(struct scan_pending *p, const struct value *v);
// What the kept value says of one that has no name of its own, whose field then is a field of its
// own; k, which is what is known of it so far, when it says nothing.
const struct keyctx *scan_name_beside(struct scanner *s, struct scan_pending *p, struct value *v,
				      const struct keyctx *k);

static inline const struct keyctx *scan_name(struct scanner *s, struct span key, uint64_t hash,
					     struct span parent)
{
	const struct keyctx *k;

	if (key.len == 0)
		return &scan_no_name;
	k = keyctx_get(s->rules->words, &s->names, key, hash);
	return k->generic && parent.len ? scan_name_generic(s, key, hash, parent) : k;
}

// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Names that are found elsewhere than with the value. Runs on workers; what is kept of a message is
// in its struct scan_pending, so that it does not matter what else a worker reads between two
// pieces of a body. Only what stands before the value is known.

#include "detect/scan_name.h"

const struct keyctx *scan_name_generic(struct scanner *s, struct span key, uint64_t hash,
				       struct span parent)
{
	struct span container = keyctx_container(parent);
	const struct keyctx *c;

	if (container.len) {
		c = keyctx_get(s->rules->words, &s->names, container,
			       keyctx_hash(container, s->names.seed));
		if (c->any || c->weak || c->generic || c->odd)
			return c;
	}
	// The container's may have taken its place in the cache.
	return keyctx_get(s->rules->words, &s->names, key, hash);
}

// Objects of one body are told apart by their path: siblings share it.
static uint64_t object_of(const struct value *v)
{
	uint64_t tail = span_rest(v->parent, span_least(v->parent.len, sizeof(uint64_t)));

	return tail * UINT64_C(0x9e3779b97f4a7c15) ^ v->parent.len;
}

void scan_name_keep(struct scan_pending *p, const struct value *v)
{
	p->name.len = 0;
	if (v->kind != VALUE_STRING || v->v.len > PENDING_NAME || v->parent.len == 0)
		return;
	memcpy(p->name.text, v->v.p, v->v.len);
	p->name.len = (uint8_t)v->v.len;
	p->name.object = object_of(v);
	p->name.used = 0;
}

const struct keyctx *scan_name_beside(struct scanner *s, struct scan_pending *p, struct value *v,
				      const struct keyctx *k)
{
	struct span name = {p->name.text, p->name.len};
	const struct keyctx *beside;
	uint64_t hash;

	// The same field once more, without a new name: of another object.
	if (p->name.object != object_of(v) || p->name.used == v->field)
		return k;
	if (p->name.used == 0)
		p->name.used = v->field;
	hash = keyctx_hash(name, s->names.seed);
	beside = keyctx_get(s->rules->words, &s->names, name, hash);
	// It may have taken the place of k.
	if (!beside->any && !beside->weak)
		return scan_name(s, v->key, v->key_hash, v->parent);
	// One field of many kinds of values is many fields for what is learnt of it.
	v->field ^= hash | 1;
	return beside;
}
